//! `dime vectors`: runs recorded cases through this implementation.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use dime::files::{self, Existing};
use dime::vectors::{Folder, Report, Rulings, check, generate};

use crate::Failure;
use crate::output::{Printing, judged};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Run every case of a folder and say where the result differs from what was recorded.
    ///
    /// Exit code 0: no difference without a ruling, and whatever broke the recorded library's memory was
    /// refused. 1: there is one. 2: the folder cannot be judged, holds JSON that is no known file, or a
    /// file without a case.
    Check {
        /// The folder, as `impls/wire/vectors/README.md` describes it.
        folder: PathBuf,
        #[command(flatten)]
        printing: Printing,
    },
    /// Write our own vectors, the same bytes every time.
    ///
    /// Existing files of the same names are replaced.
    Generate {
        /// The folder to write to, made if it is not there.
        folder: PathBuf,
    },
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Check { folder, printing } => {
            let report = Folder::read(&folder).and_then(|read| check(&read, &Rulings::bundled()?));
            let report = report.map_err(|error| unusable(&folder, &error))?;
            let printed = printing.show(&report, |report| report.to_text());
            judged(printed, concluded(&report, &folder))
        }
        Action::Generate { folder } => generated(&folder),
    }
}

fn concluded(report: &Report, folder: &Path) -> Result<(), Failure> {
    if !report.passed {
        return Err(Failure::invalid("recorded cases differ without a ruling"));
    }
    if !report.not_understood.is_empty() {
        let names = report.not_understood.join(", ");
        return Err(unusable(folder, &format!("{names} is not understood")));
    }
    if !report.without_cases.is_empty() {
        let names = report.without_cases.join(", ");
        return Err(unusable(folder, &format!("{names} holds no case")));
    }
    Ok(())
}

fn generated(folder: &Path) -> Result<(), Failure> {
    let files = generate().map_err(|error| unusable(folder, &error))?;
    std::fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))?;
    for (name, bytes) in files {
        let path = folder.join(name);
        files::write(&path, &bytes, Existing::Replace).map_err(|error| unusable(&path, &error))?;
    }
    Ok(())
}

fn unusable(folder: &Path, error: &impl ToString) -> Failure {
    Failure::Unusable(format!("{}: {}", folder.display(), error.to_string()))
}
