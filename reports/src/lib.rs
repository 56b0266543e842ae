//! The result model of dimespec and its renderings.
//!
//! * [`model`]: what a suite of runs found, as plain versioned data. The harness fills it.
//! * [`json`]: that data as a file or as a stream of lines, with a JSON Schema.
//! * [`text`]: for a terminal: one run's way hop by hop, a failure with its proof.
//! * [`html`]: one self-contained page that needs no network and no script to be read.
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
