//! Runs a target on many inputs, one after another, counting what it allocates.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::{PER_BYTE, Target, mutate, seeds};

/// What became of a run.
#[derive(Debug)]
pub struct Outcome {
    /// How many seeds there were.
    pub seeds: usize,
    /// How many inputs were run.
    pub executions: u64,
    /// How long that took.
    pub time: Duration,
    /// Most bytes allocated at a time by one execution.
    pub peak: usize,
    /// The first input that broke a promise, and how.
    pub failure: Option<(Vec<u8>, String)>,
}

/// Runs `target` on its seeds and then on changed ones, `executions` in all. The same `seed` makes
/// the same inputs. `allocator` must be the program's global allocator.
pub fn run(target: &Target, executions: u64, seed: u64, allocator: &PeakAlloc) -> Outcome {
    let seeds = seeds::of(target.seeds);
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let mut outcome = Outcome {
        seeds: seeds.len(),
        executions: 0,
        time: Duration::ZERO,
        peak: 0,
        failure: None,
    };
    // Whatever is made once for all executions is made before anything is counted.
    for seed in &seeds {
        let _ = catch_unwind(AssertUnwindSafe(|| (target.run)(seed)));
    }
    let start = Instant::now();
    while outcome.executions < executions {
        let position = usize::try_from(outcome.executions).unwrap_or(usize::MAX);
        let input = match seeds.get(position) {
            Some(seed) => seed.clone(),
            None => mutate::input(&mut random, &seeds, target.longest),
        };
        let before = allocator.current_usage();
        allocator.reset_peak_usage();
        let result = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        let peak = allocator.peak_usage().saturating_sub(before);
        outcome.executions += 1;
        outcome.peak = outcome.peak.max(peak);
        let allowed = target.allocation + PER_BYTE * input.len();
        let failure = match result {
            Err(panic) => Some(message(&*panic)),
            Ok(()) if peak > allowed => Some(format!("allocated {peak} of {allowed} bytes")),
            Ok(()) => None,
        };
        if let Some(failure) = failure {
            outcome.failure = Some((input, failure));
            break;
        }
    }
    outcome.time = start.elapsed();
    outcome
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked").to_owned()
}
