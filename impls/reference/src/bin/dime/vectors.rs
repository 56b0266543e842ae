//! `dime vectors`: runs recorded cases through this implementation.

use std::path::PathBuf;

use clap::Subcommand;
use dime::vectors::{Folder, Rulings, check};

use crate::Failure;
use crate::output::Printing;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Run every case of a folder and say where the result differs from what was recorded.
    ///
    /// Exit code 0: no difference without a ruling, and whatever broke the recorded library's memory was
    /// refused. 1: there is one. 2: the folder cannot be judged, or holds JSON that is no known file.
    Check {
        /// The folder, as `impls/wire/vectors/README.md` describes it.
        folder: PathBuf,
        #[command(flatten)]
        printing: Printing,
    },
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Check { folder, printing } => {
            let report = Folder::read(&folder).and_then(|read| check(&read, &Rulings::bundled()?));
            let report = report.map_err(|error| unusable(&folder, &error))?;
            printing.show(&report, |report| report.to_text())?;
            if !report.passed {
                return Err(Failure::invalid("recorded cases differ without a ruling"));
            }
            if !report.not_understood.is_empty() {
                let names = report.not_understood.join(", ");
                return Err(unusable(
                    &folder,
                    &format!("{names} is not a recorded file"),
                ));
            }
            Ok(())
        }
    }
}

fn unusable(folder: &std::path::Path, error: &impl ToString) -> Failure {
    Failure::Unusable(format!("{}: {}", folder.display(), error.to_string()))
}
