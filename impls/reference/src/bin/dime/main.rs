//! `dime`: keys, signets, management records and messages on the command line.
//!
//! Secrets are read from and written to files only. Exit codes: 0 done and valid; 1 what a command
//! was to judge is not valid; 2 everything else: an unusable command line or file.

mod input;
mod inspect;
#[cfg(unix)]
mod interrupt;
mod key;
mod machine;
mod message;
mod output;
mod record;
mod signet;
mod stacie;
mod vectors;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use dime::files::FileError;

/// What stands at the end of every long help.
const AFTER_HELP: &str = "\
Examples:
  An organization, its signet, and the record that anchors it:
    dime key new --owner organization -o alpha.key
    dime signet new --keys alpha.key --domain alpha.example -o alpha.signet
    dime record new --keys alpha.key --deliver mx.alpha.example -o alpha.txt
  A user of it:
    dime key new --owner user -o ann.key
    dime signet request --keys ann.key |
      dime signet sign --keys alpha.key --address ann@alpha.example -o ann.signet
    dime signet verify ann.signet --org alpha.signet --record alpha.txt
  A letter, with the signets of all four in its options:
    SIGNETS='--author ann.signet --origin alpha.signet
      --destination beta.signet --recipient bob.signet'
    dime message seal $SIGNETS --keys ann.key --subject Hello < body > sealed
    dime message sign sealed --keys alpha.key > signed
    dime message open signed $SIGNETS --as recipient --keys bob.key
  Anything at all:
    dime inspect signed

Files:
  A file that is left out or given as `-` is standard input or standard output.
  Objects are read in armour, base64 or binary; what they are is told by their contents.
  They are written as `--format` says, whole or not at all, and over an existing file only
  with `--force`. An interrupt leaves nothing behind. Binary is not written to a terminal.

Secrets:
  Private keys and passwords come from files or from the terminal, never from the command line
  or the environment, and are written only to new files that nobody else may read.

Exit status:
  0  done; what was to be judged is valid
  1  what was to be judged is not valid, whatever is wrong with it. Judged is the subject of
     `message open` and `verify`, `signet verify`, `signet sign --previous`, `stacie decrypt`
     and `vectors check`
  2  everything else: the command line or a file is of no use
  A signal that ends the program does so after what is unfinished was deleted.";

#[derive(Parser)]
#[command(
    name = "dime",
    version,
    about = "Keys, signets, management records and messages of DIME",
    after_long_help = AFTER_HELP
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
    /// Make, sign, show, judge, split and rejoin signets.
    #[command(subcommand)]
    Signet(signet::Action),
    /// Make and show management records.
    #[command(subcommand)]
    Record(record::Action),
    /// Seal, sign, open, show and judge messages.
    #[command(subcommand)]
    Message(message::Action),
    /// Run recorded test vectors.
    #[command(subcommand)]
    Vectors(vectors::Action),
    /// Derive keys and tokens from a password, encrypt and decrypt under them.
    #[command(subcommand)]
    Stacie(stacie::Action),
    /// Take any object apart without any key, however broken it is.
    ///
    /// Prints one line for each piece: where it lies, what it is, what it says, and after `<-` what
    /// is wrong with it. Signets, signing requests, key files, messages, and management records are
    /// known, in binary and inside armour or base64. Secret keys are not printed.
    Inspect(inspect::Arguments),
}

/// Why a command did not do what was asked.
enum Failure {
    /// What a command that judges was to judge does not hold: exit code 1.
    Invalid(String),
    /// Everything else, so that the command line or a file is of no use: exit code 2.
    Unusable(String),
    /// Nobody reads what is printed: no failure of ours.
    Unread,
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

fn main() -> ExitCode {
    let subject = Arguments::parse().subject;
    #[cfg(unix)]
    if let Err(error) = interrupt::watch() {
        eprintln!("dime: failed to watch for interrupts: {error}");
        return ExitCode::from(2);
    }
    let done = match subject {
        Subject::Key(action) => key::run(action),
        Subject::Signet(action) => signet::run(action),
        Subject::Record(action) => record::run(action),
        Subject::Message(action) => message::run(action),
        Subject::Vectors(action) => vectors::run(action),
        Subject::Stacie(action) => stacie::run(action),
        Subject::Inspect(arguments) => inspect::run(&arguments),
    };
    let (message, code) = match done {
        Ok(()) | Err(Failure::Unread) => return ExitCode::SUCCESS,
        Err(Failure::Invalid(message)) => (message, 1),
        Err(Failure::Unusable(message)) => (message, 2),
    };
    eprintln!("dime: {}", output::visible(&message));
    ExitCode::from(code)
}
