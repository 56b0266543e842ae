//! Tests of whole messages; those against recorded ones are in `tests/`.
