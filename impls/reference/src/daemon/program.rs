//! The program around an organization's server: command line, runtime, signals, exit codes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use super::{LogJournal, Setup};
use crate::agent::server::{OrganizationAgent, Parts};
use crate::live::{LiveEntropy, LivePlatform};
use crate::platform::Platform;

/// Runs `dimed`: `serve --config FILE` serves until SIGTERM or Ctrl-C, `check --config FILE` only
/// reads the configuration. Takes the process's arguments, prints errors to standard error.
///
/// Exit codes: 0 ended by a signal, 1 failed while running, 2 unusable command line or
/// configuration.
pub fn main() -> ExitCode {
    match Arguments::parse().action {
        Action::Check { config } => match Setup::read(&config) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => complain(&error, EXIT_UNUSABLE),
        },
        Action::Serve { config } => serve(&config),
    }
}

#[derive(Parser)]
#[command(version, about = "DIME mail server of one organization")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Serve until SIGTERM or Ctrl-C; prints a line that begins with `ready` once it listens.
    Serve {
        /// Configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
    /// Read the configuration and every file it names, and say whether they fit together.
    Check {
        /// Configuration file (TOML).
        #[arg(long)]
        config: PathBuf,
    },
}

/// The command line, the configuration or the machine is at fault.
const EXIT_UNUSABLE: u8 = 2;

fn serve(config: &Path) -> ExitCode {
    let setup = match Setup::read(config) {
        Ok(setup) => setup,
        Err(error) => return complain(&error, EXIT_UNUSABLE),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run(setup)),
        Err(error) => complain(&error, 1),
    }
}

async fn run(setup: Setup) -> ExitCode {
    // Before anything listens, so that no signal is missed.
    let signals = signal(SignalKind::terminate()).and_then(|terminate| {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok((terminate, interrupt))
    });
    let (mut terminate, mut interrupt) = match signals {
        Ok(signals) => signals,
        Err(error) => return complain(&error, 1),
    };
    let (address, ports) = (setup.address, setup.ports);
    let live = LivePlatform::new(address, ports, LiveEntropy::Os, Some(setup.data));
    let live = match live {
        Ok(live) => live,
        Err(error) => return complain(&error, 1),
    };
    let platform: Arc<dyn Platform> = live.clone();
    let mut parts = Parts::honest(&platform, &setup.config);
    if setup.log {
        parts.journal = Arc::new(LogJournal);
    }
    if let Err(error) = OrganizationAgent::start(platform, setup.config, parts).await {
        return complain(&error, EXIT_UNUSABLE);
    }
    println!("ready {address} dmtp={} dmap={}", ports.dmtp, ports.dmap);
    tokio::select! { biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    live.stop();
    match live.failure() {
        None => ExitCode::SUCCESS,
        Some(failure) => complain(&failure, 1),
    }
}

fn complain(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("dimed: {error}");
    ExitCode::from(code)
}
