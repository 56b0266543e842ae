//! Tests of signets by themselves; those against recorded ones are in `tests/`.
use super::*;
