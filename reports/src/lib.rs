//! The result model of dimespec and its renderings.
//!
//! * [`model`]: what a suite of runs found, as plain versioned data. The harness fills it.
//! * [`json`]: that data as a file or as a stream of lines, with a JSON Schema.
//! * [`text`]: for a terminal: one run's way hop by hop, a failure with its proof.
//! * [`html`]: one self-contained page that needs no network and no script to be read.
//!
//! ```
//! use dimespec_report::{html, json, model::{Report, Run, Tool, Verdict}, read, text};
//!
//! let tool = Tool { name: "dimespec".into(), version: "0.1.0".into() };
//! let mut report = Report::new(tool, "libdime-1", "5b1f0c9a77de", 1);
//! report.push(Run { name: "privacy/four-hops".into(), verdict: Verdict::Pass, ..Run::default() });
//!
//! assert_eq!(report.summary.exit().code(), 0);
//! assert_eq!(text::summary(&report.summary, false), "1 run: 1 passed\n");
//! assert_eq!(read(&json::write(&report)?)?, report);
//! assert!(html::page(&report)?.contains("<h1>The run passed</h1>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here knows the harness: everything is computed from the model, so a page can be made
//! from any file that fits the schema, wherever it was written. What stands in a file was partly
//! said by servers under test and is never trusted: no text reaches a terminal or a page unescaped.

pub mod html;
pub mod json;
mod matrix;
pub mod model;
mod printable;
#[cfg(test)]
mod sample;
pub mod text;

pub use json::{ReadError, WriteError, read, schema};
pub use model::{Event, Exit, FORMAT, Report, Run, Summary, Verdict};
