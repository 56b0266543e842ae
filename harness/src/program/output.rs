//! Where the results of `run` go: standard output and, if asked for, a folder.
//!
//! The folder's `events.jsonl` grows line by line while the suite runs, so that an interrupted
//! suite loses nothing but the case it was in. The other files are written whole at the end, each
//! under a temporary name first.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use dimespec_report::model::{Event, Report, Run, Verdict};
use dimespec_report::{html, json, text};

use super::{Format, Usage, print};

/// The file that holds all results.
const RESULTS: &str = "results.json";
/// The page that shows them.
const PAGE: &str = "index.html";

/// Prints and stores the results of a suite.
pub struct Output {
    format: Format,
    colour: bool,
    folder: Option<(PathBuf, File)>,
    failures: Vec<Run>,
}

impl Output {
    /// Prepares the folder, if there is one.
    pub fn new(folder: Option<&Path>, format: Format, colour: bool) -> Result<Self, Usage> {
        let folder = match folder {
            Some(path) => {
                let failed = |error: io::Error| {
                    Usage(format!("failed to write into {}: {error}", path.display()))
                };
                fs::create_dir_all(path).map_err(failed)?;
                // Results of an earlier run must not pass for those of this one.
                for name in [RESULTS, PAGE] {
                    match fs::remove_file(path.join(name)) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            return Err(failed(error));
                        }
                        _ => {}
                    }
                }
                let events = File::create(path.join("events.jsonl")).map_err(failed)?;
                Some((path.to_path_buf(), events))
            }
            None => None,
        };
        Ok(Self {
            format,
            colour,
            folder,
            failures: Vec::new(),
        })
    }

    /// Takes note of one event.
    pub fn event(&mut self, event: &Event) -> Result<(), Usage> {
        let line = json::line(event)?;
        if let Some((_, events)) = &mut self.folder {
            events
                .write_all(line.as_bytes())
                .map_err(|error| Usage(format!("failed to write events.jsonl: {error}")))?;
        }
        match (self.format, event) {
            (Format::Json, _) => print(&line),
            (Format::Text, Event::RunFinished(run)) => {
                if run.verdict == Verdict::Fail {
                    self.failures.push((**run).clone());
                }
                print(&text::progress(run, self.colour))
            }
            (Format::Text, _) => Ok(()),
        }
    }

    /// Prints failures in full and the summary, and writes the files.
    pub fn finish(self, report: &Report) -> Result<(), Usage> {
        if self.format == Format::Text {
            for run in &self.failures {
                print(&format!("\n{}", text::failure(run, self.colour)))?;
            }
            let summary = text::summary(&report.summary, self.colour);
            print(&format!("\n{summary}"))?;
        }
        let Some((folder, _)) = self.folder else {
            return Ok(());
        };
        replace(&folder.join(RESULTS), &json::write(report)?)?;
        let page = folder.join(PAGE);
        replace(&page, &html::page(report)?)?;
        if self.format == Format::Text {
            print(&format!("report: {}\n", page.display()))?;
        }
        Ok(())
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str) -> Result<(), Usage> {
    let failed = |error: io::Error| Usage(format!("failed to write {}: {error}", path.display()));
    let next = path.with_extension("tmp");
    fs::write(&next, text).map_err(failed)?;
    fs::rename(&next, path).map_err(failed)
}
