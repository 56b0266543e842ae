//! `dime`: keys, signets, management records and messages on the command line.
//!
//! Secrets are read from and written to files only. Exit codes: 0 done and valid, 1 not valid,
//! 2 unusable command line or file.

mod key;
mod message;
mod record;
mod signet;
mod vectors;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dime::files::FileError;
use dime::live::{LiveEntropy, LivePlatform};
use dime::platform::{Platform, Ports, UnixTime};
use rand_core::CryptoRng;

#[derive(Parser)]
#[command(
    version,
    about = "Keys, signets, management records and messages of DIME"
)]
struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Subcommand)]
enum Subject {
    /// Make and show private keys.
    #[command(subcommand)]
    Key(key::Action),
    /// Make, sign, show and verify signets.
    #[command(subcommand)]
    Signet(signet::Action),
    /// Make and show management records.
    #[command(subcommand)]
    Record(record::Action),
    /// Seal, sign, open and inspect messages.
    #[command(subcommand)]
    Message(message::Action),
    /// Run recorded test vectors.
    #[command(subcommand)]
    Vectors(vectors::Action),
}

/// Why a command did not do what was asked.
enum Failure {
    /// What was to be judged does not hold: exit code 1.
    Invalid(String),
    /// The command line or a file is of no use: exit code 2.
    Unusable(String),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Failure::Unusable(error.to_string())
    }
}

impl Failure {
    fn invalid(error: impl ToString) -> Self {
        Failure::Invalid(error.to_string())
    }

    fn unusable(error: impl ToString) -> Self {
        Failure::Unusable(error.to_string())
    }
}

/// Where a command writes what is no secret.
#[derive(clap::Args)]
struct Output {
    /// File to write; standard output if left out.
    #[arg(long, short, default_value = "-")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().subject {
        Subject::Key(action) => key::run(action),
        Subject::Signet(action) => signet::run(action),
        Subject::Record(action) => record::run(action),
        Subject::Message(action) => message::run(action),
        Subject::Vectors(action) => vectors::run(action),
    };
    let (message, code) = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Invalid(message)) => (message, 1),
        Err(Failure::Unusable(message)) => (message, 2),
    };
    eprintln!("dime: {message}");
    ExitCode::from(code)
}

/// Prints to standard output. That nobody reads it is no failure.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// The machine's clock and randomness, through the one door to them.
struct Machine {
    platform: std::sync::Arc<LivePlatform>,
    _runtime: tokio::runtime::Runtime,
}

impl Machine {
    fn open() -> Result<Machine, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(Failure::unusable)?;
        let _inside = runtime.enter();
        let address = std::net::Ipv4Addr::LOCALHOST.into();
        let platform = LivePlatform::new(address, Ports::default(), LiveEntropy::Os, None)
            .map_err(Failure::unusable)?;
        drop(_inside);
        Ok(Machine {
            platform,
            _runtime: runtime,
        })
    }

    fn entropy(&self, purpose: &str) -> Box<dyn CryptoRng + Send> {
        self.platform.entropy(purpose.into())
    }

    fn now(&self) -> UnixTime {
        self.platform.clock().wall()
    }
}
