//! What commands write: objects in the form asked for, text for people, JSON for programs.

use std::fs::File;
use std::io::{self, IsTerminal as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use dime::files::{
    self, Existing, FileError, Form, HELD_IN_MEMORY, NewFile, is_special, is_standard_output,
};
use serde::Serialize;
use tempfile::SpooledTempFile;

use crate::Failure;
use crate::input::STANDARD;

/// Where a command writes what is no secret.
#[derive(clap::Args)]
pub(crate) struct Output {
    /// File to write; standard output if left out.
    #[arg(long, short, value_name = "FILE", default_value = STANDARD, hide_default_value = true)]
    pub(crate) out: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Where and in which form a command writes an object that is no secret.
#[derive(clap::Args)]
pub(crate) struct ObjectOutput {
    #[command(flatten)]
    pub(crate) place: Output,
    /// In which form to write it; armor if left out, for messages binary.
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
}

/// Where a command writes a secret: to a new file.
#[derive(clap::Args)]
pub(crate) struct SecretOutput {
    /// New file to write, which only you may read; must not exist.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// How a command that shows something prints it.
#[derive(clap::Args, Clone, Copy)]
pub(crate) struct Printing {
    /// Print JSON instead of text.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The form of an object on output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Base64 in lines between BEGIN and END, with a checksum.
    Armor,
    /// The bytes as they are.
    Binary,
    /// Base64 on one line, as DMTP and DMAP carry it.
    Base64,
}

impl From<Format> for Form {
    fn from(format: Format) -> Form {
        match format {
            Format::Armor => Form::Armor,
            Format::Binary => Form::Binary,
            Format::Base64 => Form::Base64,
        }
    }
}

impl Output {
    /// Writes bytes that are what they are: text, or the contents of a letter.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        if is_standard_output(&self.out) {
            return print_bytes(bytes);
        }
        files::write(&self.out, bytes, self.existing()).map_err(or_force)
    }

    /// Writes bytes that are no text: not to a terminal.
    pub(crate) fn write_binary(&self, bytes: &[u8]) -> Result<(), Failure> {
        if is_standard_output(&self.out) && io::stdout().is_terminal() {
            let refused = "binary is not written to a terminal: see --out";
            return Err(Failure::Unusable(refused.to_owned()));
        }
        self.write(bytes)
    }

    /// Fails if [`Self::write`] would because of a file that is there, for a command that does
    /// something else first.
    pub(crate) fn check_free(&self) -> Result<(), Failure> {
        files::check_free(&self.out, self.existing()).map_err(or_force)
    }

    fn existing(&self) -> Existing {
        if self.force {
            Existing::Replace
        } else {
            Existing::Keep
        }
    }
}

/// What an object larger than memory is written to.
pub(crate) trait Sink: io::Read + io::Write + io::Seek {}

impl<T: io::Read + io::Write + io::Seek> Sink for T {}

impl ObjectOutput {
    /// Writes an object in the form asked for, or in `default`.
    pub(crate) fn write(&self, tag: &str, binary: &[u8], default: Format) -> Result<(), Failure> {
        let format = self.format.unwrap_or(default);
        self.check_terminal(format)?;
        self.place.write(&Form::from(format).encode(tag, binary))
    }

    /// Whether the object is written as it is, if `default` is the form in case none was asked for.
    pub(crate) fn is_binary(&self, default: Format) -> bool {
        self.format.unwrap_or(default) == Format::Binary
    }

    /// Writes an object that may be larger than memory, in binary: `fill` writes it to a file, which
    /// is put in place or printed when that is done.
    pub(crate) fn write_large(
        &self,
        fill: impl FnOnce(&mut dyn Sink) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.check_terminal(Format::Binary)?;
        let path = &self.place.out;
        if is_special(path) {
            let mut file = SpooledTempFile::new(HELD_IN_MEMORY);
            fill(&mut file)?;
            file.rewind().map_err(Failure::unusable)?;
            return copy_out(file, path);
        }
        let existing = self.place.existing();
        let mut file = NewFile::to_be(path, existing).map_err(or_force)?;
        fill(file.file()).map_err(|failure| match failure {
            // What failed may be what was read or what was written.
            Failure::Unusable(why) => {
                Failure::Unusable(format!("failed to make {}: {why}", path.display()))
            }
            other => other,
        })?;
        let path = path.clone();
        let whole = match file.finish() {
            Ok(whole) => whole,
            Err(error) => return Err(FileError::Write { path, error }.into()),
        };
        whole.name(path, existing).map(drop).map_err(or_force)
    }

    fn check_terminal(&self, format: Format) -> Result<(), Failure> {
        let to_terminal = is_standard_output(&self.place.out) && io::stdout().is_terminal();
        if to_terminal && format == Format::Binary {
            let refused = "binary is not written to a terminal: see --out and --format";
            return Err(Failure::Unusable(refused.to_owned()));
        }
        Ok(())
    }
}

impl SecretOutput {
    /// Writes a secret to the new file.
    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        if is_standard_output(&self.out) {
            let refused = "a secret is not written to standard output";
            return Err(Failure::Unusable(refused.to_owned()));
        }
        Ok(files::write_secret(&self.out, bytes)?)
    }
}

impl Printing {
    /// Prints `shown` as JSON, or the text that `text` makes of it.
    pub(crate) fn show<T: Serialize>(
        self,
        shown: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        if !self.json {
            return print(&text(shown));
        }
        let json = serde_json::to_string_pretty(shown).map_err(Failure::unusable)?;
        print(&(json + "\n"))
    }
}

/// What a command that printed a verdict ends with: the verdict, whether or not somebody read it.
pub(crate) fn judged(
    printed: Result<(), Failure>,
    verdict: Result<(), Failure>,
) -> Result<(), Failure> {
    match printed {
        Ok(()) | Err(Failure::Unread) => verdict,
        failed => failed,
    }
}

/// Prints text to standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Text from others for a terminal: control characters could do things there.
pub(crate) fn visible(text: &str) -> String {
    let show = |c: char| match c {
        '\n' | '\t' => c,
        c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(show).collect()
}

/// As [`visible`], for what must stay on one line.
pub(crate) fn one_line(text: &str) -> String {
    visible(text).replace(['\n', '\t'], "\u{fffd}")
}

/// Control characters, and those that reorder the text around them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A file that is there may be replaced on demand.
fn or_force(error: FileError) -> Failure {
    match error {
        FileError::Exists { .. } => Failure::Unusable(format!("{error}; see --force")),
        other => other.into(),
    }
}

/// Copies what `from` holds to standard output or what else is special.
pub(crate) fn copy_out(mut from: impl io::Read, path: &Path) -> Result<(), Failure> {
    if is_standard_output(path) {
        let mut out = io::stdout().lock();
        return printed(io::copy(&mut from, &mut out).and_then(|_| out.flush()));
    }
    let target = File::options().write(true).open(path);
    match target.and_then(|mut target| io::copy(&mut from, &mut target)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let path = path.to_owned();
            Err(FileError::Write { path, error }.into())
        }
    }
}

fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    printed(out.write_all(bytes).and_then(|()| out.flush()))
}

fn printed(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(error) => Err(Failure::Unusable(format!(
            "failed to write standard output: {error}"
        ))),
    }
}
