//! The plain harness: every target on a stable compiler, with inputs made by [`dime_fuzz::mutate`].
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dime_fuzz::run::{Outcome, run};
use dime_fuzz::{TARGETS, Target, seeds};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Hostile bytes for every parser of dimespec.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists the targets.
    List,
    /// Runs every target a few times.
    Smoke {
        /// Inputs per target; fewer of costly ones.
        #[arg(long, default_value_t = 2000)]
        executions: u64,
    },
    /// Runs one target.
    Run {
        /// Its name.
        target: String,
        /// How many inputs.
        #[arg(long, default_value_t = 1_000_000)]
        executions: u64,
        /// Decides over all inputs.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where an input that breaks a promise is written to.
        #[arg(long, default_value = ".")]
        findings: PathBuf,
    },
    /// Runs one target on the bytes of a file.
    Replay {
        /// Its name.
        target: String,
        /// The file.
        input: PathBuf,
    },
    /// Writes the seeds of every target to a folder of its name, as cargo fuzz takes them.
    Seed {
        /// Where the folders are made.
        #[arg(default_value = "fuzz/corpus")]
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().action {
        Action::List => {
            TARGETS
                .iter()
                .for_each(|target| println!("{}", target.name));
            Ok(true)
        }
        Action::Smoke { executions } => smoke(executions),
        Action::Run {
            target,
            executions,
            seed,
            findings,
        } => find(&target).and_then(|target| {
            let outcome = run(target, executions, seed, &ALLOCATOR);
            report(target, &outcome, &findings)
        }),
        Action::Replay { target, input } => replay(&target, &input),
        Action::Seed { folder } => write_seeds(&folder).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn smoke(executions: u64) -> Result<bool, String> {
    let mut sound = true;
    for target in TARGETS {
        let outcome = run(target, executions / target.cost, 1, &ALLOCATOR);
        sound &= report(target, &outcome, Path::new("."))?;
    }
    Ok(sound)
}

/// Prints a row of the table in README.md; writes the failing input if there is one.
fn report(target: &Target, outcome: &Outcome, findings: &Path) -> Result<bool, String> {
    let seconds = outcome.time.as_secs_f64().max(f64::EPSILON);
    println!(
        "| {} | {} | {:.0} | {} |",
        target.name,
        outcome.executions,
        outcome.executions as f64 / seconds,
        outcome.peak
    );
    let Some((input, how)) = &outcome.failure else {
        return Ok(true);
    };
    let path = findings.join(format!("finding-{}", target.name));
    fs::write(&path, input)
        .map_err(|error| format!("failed to write {}: {error}", path.display()))?;
    println!("{}: {how}; input in {}", target.name, path.display());
    Ok(false)
}

fn find(name: &str) -> Result<&'static Target, String> {
    let mut targets = TARGETS.iter();
    targets
        .find(|target| target.name == name)
        .ok_or_else(|| format!("there is no target {name}"))
}

fn replay(target: &str, input: &Path) -> Result<bool, String> {
    let target = find(target)?;
    let bytes =
        fs::read(input).map_err(|error| format!("failed to read {}: {error}", input.display()))?;
    (target.run)(&bytes);
    Ok(true)
}

fn write_seeds(folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("failed to write seeds: {error}");
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder).map_err(failed)?;
        for (position, seed) in seeds::of(target.seeds).iter().enumerate() {
            fs::write(folder.join(format!("seed-{position:03}")), seed).map_err(failed)?;
        }
    }
    Ok(())
}
