//! Reports as files: one JSON document, or JSON lines written while the suite runs.
//!
//! Unknown fields are ignored on reading, so a newer file of the same format stays readable too.

use schemars::schema_for;
use serde::Deserialize;
use serde_json::Value;

use crate::model::{Event, FORMAT, Report};

/// Longest document or stream that is read, in bytes.
pub const READ_LIMIT: usize = 256 * 1024 * 1024;

/// Most runs that are taken from one stream.
pub const RUN_LIMIT: usize = 1_000_000;

/// The report as an indented JSON document that ends with a line feed.
///
/// # Errors
/// Never in practice: the model holds nothing that JSON cannot say. The error is passed on rather
/// than hidden.
pub fn write(report: &Report) -> Result<String, WriteError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Reads a report written by [`write()`], by this version or an older one.
///
/// # Errors
/// If the file is too long, is not JSON, has another format or lacks a required field.
pub fn read(json: &str) -> Result<Report, ReadError> {
    check_length(json)?;
    let probe: FormatProbe = serde_json::from_str(json).map_err(ReadError::NotAReport)?;
    check_format(probe.format)?;
    serde_json::from_str(json).map_err(ReadError::NotAReport)
}

/// One event as one line that ends with a line feed.
///
/// # Errors
/// As [`write()`].
pub fn line(event: &Event) -> Result<String, WriteError> {
    let mut text = serde_json::to_string(event)?;
    text.push('\n');
    Ok(text)
}

/// Puts a report together from the lines of a stream. A stream that was cut short gives the runs
/// that were finished; a last line without its end is ignored.
///
/// # Errors
/// If the stream is too long, does not begin with [`Event::SuiteStarted`], has another format, or
/// holds a whole line that is not an event.
pub fn read_lines(text: &str) -> Result<Report, ReadError> {
    check_length(text)?;
    let mut report: Option<Report> = None;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let event: Event = match serde_json::from_str(line) {
            Ok(event) => event,
            Err(_) if line.trim().is_empty() || !line.ends_with('\n') => continue,
            Err(source) => {
                return Err(ReadError::NotAnEvent {
                    line: index.saturating_add(1),
                    source,
                });
            }
        };
        apply(event, &mut report)?;
    }
    report.ok_or(ReadError::NotStarted)
}

/// JSON Schema of [`Report`], the file that [`write()`] writes.
pub fn schema() -> Value {
    schema_for!(Report).to_value()
}

/// JSON Schema of [`Event`], one line of the stream.
pub fn event_schema() -> Value {
    schema_for!(Event).to_value()
}

/// Why a report could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More bytes than [`READ_LIMIT`].
    #[error("report of {0} bytes is longer than the {READ_LIMIT} bytes that are read")]
    TooLong(usize),
    /// More runs than [`RUN_LIMIT`].
    #[error("report holds more than {RUN_LIMIT} runs")]
    TooManyRuns,
    /// Not JSON, or a required field is missing or of another type.
    #[error("file is not a dimespec report: {0}")]
    NotAReport(#[source] serde_json::Error),
    /// Written in a format this version does not know.
    #[error("report has format {0}, but this version reads formats 1 to {FORMAT}")]
    UnknownFormat(u32),
    /// The stream has no first line.
    #[error("stream does not begin with the event `suite-started`")]
    NotStarted,
    /// A line is not an event.
    #[error("line {line} of the stream is not an event: {source}")]
    NotAnEvent {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the report as JSON: {0}")]
pub struct WriteError(#[from] serde_json::Error);

/// As much of a report as tells which version wrote it.
#[derive(Deserialize)]
struct FormatProbe {
    format: u32,
}

fn apply(event: Event, report: &mut Option<Report>) -> Result<(), ReadError> {
    match event {
        Event::SuiteStarted {
            format,
            tool,
            profile,
            started,
            suite,
            seed,
            runs: _,
        } => {
            check_format(format)?;
            let mut begun = Report::new(tool, &profile, &suite, seed);
            begun.started = started;
            *report = Some(begun);
        }
        Event::RunFinished(run) => {
            let report = report.as_mut().ok_or(ReadError::NotStarted)?;
            if report.runs.len() >= RUN_LIMIT {
                return Err(ReadError::TooManyRuns);
            }
            report.push(*run);
        }
        Event::RunStarted { .. } | Event::SuiteFinished { .. } => {}
    }
    Ok(())
}

fn check_length(text: &str) -> Result<(), ReadError> {
    if text.len() > READ_LIMIT {
        return Err(ReadError::TooLong(text.len()));
    }
    Ok(())
}

fn check_format(format: u32) -> Result<(), ReadError> {
    if (1..=FORMAT).contains(&format) {
        Ok(())
    } else {
        Err(ReadError::UnknownFormat(format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// The checked-in file must say what the types say; `UPDATE_SCHEMA=1` rewrites it.
    fn assert_current(file: &str, schema: &Value) {
        let path = format!("{}/{file}", env!("CARGO_MANIFEST_DIR"));
        let current = format!("{schema:#}\n");
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &current).expect("the schema file is writable");
        }
        let checked_in = std::fs::read_to_string(&path).expect("the schema file exists");
        assert!(
            checked_in == current,
            "{file} is not current; run with UPDATE_SCHEMA=1"
        );
    }

    #[test]
    fn the_checked_in_schemas_are_current() {
        assert_current("result.schema.json", &schema());
        assert_current("event.schema.json", &event_schema());
    }

    #[test]
    fn a_report_reads_back_as_it_was_written() {
        let report = sample::report();
        let text = write(&report).expect("a report is JSON");
        assert_eq!(read(&text).expect("it reads back"), report);
    }

    #[test]
    fn a_newer_file_with_unknown_fields_stays_readable() {
        let mut value = serde_json::to_value(sample::report()).expect("a report is JSON");
        value["weather"] = "fair".into();
        value["runs"][0]["mood"] = 3.into();
        let report = read(&value.to_string()).expect("unknown fields are ignored");
        assert_eq!(report, sample::report());
    }

    #[test]
    fn an_old_file_with_only_the_first_fields_stays_readable() {
        let old = r#"{"format":1,"tool":{"name":"dimespec","version":"0.1.0"},"profile":"libdime-1",
            "suite":"00","seed":1,"runs":[{"name":"a/b","seed":1,"stage":"sim","verdict":"pass"}]}"#;
        let report = read(old).expect("the rest has defaults");
        assert_eq!(report.runs[0].name, "a/b");
    }

    /// The file is never written again: it stands for all that users have kept.
    #[test]
    fn a_file_kept_from_the_first_version_stays_readable() {
        let kept = include_str!("../testdata/format-1.json");
        let report = read(kept).expect("format 1 stays readable");
        assert_eq!(report.summary, crate::Summary::of(&report.runs));
        assert_eq!(report.runs[1].findings[0].requirement, "DIME-HOP-2");
        assert_eq!(report.runs[1].derivations[2].steps[0].packet, Some(118));
    }

    #[test]
    fn another_format_is_refused_by_its_number() {
        let error = read(r#"{"format":99,"runs":"in some other shape"}"#).expect_err("format 99");
        insta::assert_snapshot!(error, @"report has format 99, but this version reads formats 1 to 1");
        assert!(matches!(read("{}"), Err(ReadError::NotAReport(_))));
        assert!(matches!(read("nonsense"), Err(ReadError::NotAReport(_))));
    }

    fn stream(report: &Report) -> String {
        let mut events = vec![Event::SuiteStarted {
            format: report.format,
            tool: report.tool.clone(),
            profile: report.profile.clone(),
            started: None,
            suite: report.suite.clone(),
            seed: report.seed,
            runs: 3,
        }];
        for run in &report.runs {
            events.push(Event::RunStarted {
                name: run.name.clone(),
                seed: run.seed,
            });
            events.push(Event::RunFinished(Box::new(run.clone())));
        }
        events.push(Event::SuiteFinished {
            summary: report.summary,
        });
        let lines = events
            .iter()
            .map(|event| line(event).expect("an event is JSON"));
        lines.collect()
    }

    #[test]
    fn a_stream_gives_the_same_report_as_the_file() {
        let report = sample::report();
        assert_eq!(
            read_lines(&stream(&report)).expect("a whole stream"),
            report
        );
    }

    #[test]
    fn an_interrupted_stream_keeps_every_finished_run() {
        let report = sample::report();
        let whole = stream(&report);
        let second = whole.match_indices("run-finished").nth(1);
        let cut = second.expect("two runs are finished").0 + 200;
        let read = read_lines(&whole[..cut]).expect("the last line is cut");
        assert_eq!(read.runs, report.runs[..1]);
        assert_eq!(read.summary.total(), 1);
    }

    #[test]
    fn a_stream_that_is_none_is_refused_with_its_line() {
        assert!(matches!(read_lines(""), Err(ReadError::NotStarted)));
        let text = stream(&sample::report()) + "{}\n";
        let error = read_lines(&text).expect_err("{} is no event");
        insta::assert_snapshot!(error, @"line 9 of the stream is not an event: missing field `event` at line 1 column 2");
    }
}
