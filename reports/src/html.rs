//! The report as one self-contained page.
//!
//! The page fetches nothing and needs no script to be read; the script only filters, opens proofs
//! in place and copies commands. Everything a report says is escaped by the template engine, and
//! a content security policy lets nothing run but the script whose digest it names.

mod anchors;
mod view;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{Environment, context};
use sha2::{Digest as _, Sha256};

use crate::model::Report;

/// Most runs that a page shows, failures first; the report file has them all.
pub const RUNS_SHOWN: usize = 1000;

/// Most derivations that a page shows of one run; the report file has them all.
pub const DERIVATIONS_SHOWN: usize = 200;

/// Most findings that stand at the top of a page; each also stands at its run.
pub const FINDINGS_SHOWN: usize = 100;

/// Most hops that a page shows of one run, letters' and others each; the report file has them all.
pub const HOPS_SHOWN: usize = 200;

/// Most rows of a knowledge table that a page shows, and most of its columns.
pub const TABLE_SHOWN: usize = 64;

// The template engine escapes by file name: only what ends in `.html`.
const TEMPLATE_NAME: &str = "page.html";
const TEMPLATE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// The page for a report.
///
/// # Errors
/// Never for a report that fits the model; the template engine's error is passed on rather than
/// hidden.
pub fn page(report: &Report) -> Result<String, PageError> {
    let mut environment = Environment::new();
    environment.add_template(TEMPLATE_NAME, TEMPLATE)?;
    let context = context! {
        page => Serde(view::Page::of(report)),
        style => STYLE,
        script => SCRIPT,
        style_digest => digest(STYLE),
        script_digest => digest(SCRIPT),
    };
    Ok(environment.get_template(TEMPLATE_NAME)?.render(context)?)
}

/// Why a page could not be made.
#[derive(Debug, thiserror::Error)]
#[error("failed to render the page: {0}")]
pub struct PageError(#[from] minijinja::Error);

/// A source expression of a content security policy.
fn digest(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests;
