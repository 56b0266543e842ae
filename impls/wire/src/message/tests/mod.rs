//! Tests of whole messages; those against recorded ones are in `tests/`.

mod content;
mod hardened;
mod opening;
mod properties;
mod sealing;
mod stage;
