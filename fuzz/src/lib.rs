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

use peak_alloc::PeakAlloc;

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

impl Target {
    /// The target of this name, if there is one.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs one input and returns how many bytes were allocated at a time. `allocator` must be the
    /// program's global allocator.
    ///
    /// # Panics
    /// If a promise is broken, that about allocation among them.
    pub fn judge(&self, input: &[u8], allocator: &PeakAlloc) -> usize {
        let allowed = self.allocation + PER_BYTE * input.len();
        let mut peak = self.measure(input, allocator);
        if peak > allowed {
            // What is made once for all inputs is not made again.
            peak = self.measure(input, allocator);
        }
        assert!(peak <= allowed, "allocated {peak} of {allowed} bytes");
        peak
    }

    fn measure(&self, input: &[u8], allocator: &PeakAlloc) -> usize {
        let before = allocator.current_usage();
        allocator.reset_peak_usage();
        (self.run)(input);
        allocator.peak_usage().saturating_sub(before)
    }
}

/// Runs one input of the target that a program of cargo fuzz is named after.
///
/// # Panics
/// If there is no such target, or a promise is broken.
pub fn run_named(name: &str, input: &[u8], allocator: &PeakAlloc) {
    let target = Target::named(name).expect("the program is named after a target");
    target.judge(input.get(..target.longest).unwrap_or(input), allocator);
}
