//! Tests of whole messages; those against recorded ones are in `tests/`.

mod alternate;
mod bounces;
mod content;
mod deviations;
mod hardened;
mod opening;
mod padding;
mod properties;
mod sealing;
mod stage;
mod streams;
mod workers;
