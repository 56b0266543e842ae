//! Hostile bytes for every parser: what to run ([`TARGETS`]), what to begin from ([`seeds`]) and how to
//! change it ([`mutate`]).
//!
//! A target takes any bytes and panics if a parser breaks a promise: it panics itself, writes something
//! else than it read, prints a secret, or accepts what the dissector finds fault with. The same targets
//! run under cargo-fuzz (`fuzz_targets/`) and in the plain harness (`src/main.rs`).
#![forbid(unsafe_code)]

pub mod mutate;
pub mod run;
pub mod secrets;
pub mod seeds;
mod targets;
pub mod world;

pub use targets::TARGETS;

/// One parser under hostile bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, also that of its file in `fuzz_targets/` and of its corpus.
    pub name: &'static str,
    /// Runs one input.
    pub run: fn(&[u8]),
    /// Which seeds it begins from.
    pub seeds: seeds::Kind,
    /// Most bytes of an input.
    pub longest: usize,
    /// Most bytes that may be allocated at a time, beside [`PER_BYTE`] for each byte of the input.
    pub allocation: usize,
    /// How many times the work of a cheap target one input is; smoke runs take as many fewer.
    pub cost: u64,
}

/// Most bytes that may be allocated for each byte of an input: copies in several forms, trees of pieces.
pub const PER_BYTE: usize = 512;

/// Runs one target by its name.
///
/// # Panics
/// If there is no such target, or it breaks a promise.
pub fn run_named(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("the target is in the table").run)(input);
}
