//! The lenient dissector: takes signets, key files and messages apart as far as they go, says what
//! is wrong with each piece, and never fails.
//!
//! It shares no code and no table with the strict parsers, so that a mistake there does not hide
//! here. All work is bounded by the constants below.

mod message;
mod signet;

use std::ops::Range;

pub use message::{ChunkMap, MessageMap, chunk_name, find_messages};
pub use signet::{FieldMap, SignetMap, find_signets};

/// Most pieces of one object that are looked at.
pub const MAXIMUM_PIECES: usize = 8192;
/// Most objects found in one buffer.
pub const MAXIMUM_OBJECTS: usize = 4096;
/// Most pieces looked at in one buffer, over all candidates.
pub const MAXIMUM_STEPS: usize = 1 << 20;

/// One piece of what was taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it is.
    pub label: String,
    /// Where it lies in the dissected bytes.
    pub range: Range<usize>,
    /// What it says.
    pub value: Value,
    /// What is wrong with it.
    pub problem: Option<String>,
    /// Its pieces, in order.
    pub children: Vec<Node>,
}

/// What a piece says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing beyond its pieces.
    None,
    /// Opaque bytes: those in the node's range.
    Bytes,
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
}

impl Node {
    fn new(label: impl Into<String>, range: Range<usize>, value: Value) -> Self {
        Self {
            label: label.into(),
            range,
            value,
            problem: None,
            children: Vec::new(),
        }
    }

    fn with_problem(mut self, problem: impl Into<String>) -> Self {
        self.problem.get_or_insert(problem.into());
        self
    }

    /// Every problem of this piece and its pieces, outermost first, with the label it stands at.
    pub fn problems(&self) -> Vec<(&str, &str)> {
        let own = self
            .problem
            .as_deref()
            .map(|problem| (self.label.as_str(), problem));
        let mut all: Vec<_> = own.into_iter().collect();
        all.extend(self.children.iter().flat_map(Node::problems));
        all
    }
}

/// Takes `bytes` apart as what their first two bytes say they are: signet, SSR, key file, message,
/// message with tracing. Anything else is one opaque piece with a problem.
pub fn dissect(bytes: &[u8]) -> Node {
    match number(bytes, 0, 2) {
        Some(1837 | 1847) => message::node(bytes),
        Some(magic @ (1776 | 1789 | 1215 | 1952 | 2013)) => signet::node(bytes, magic),
        _ => {
            Node::new("unknown", 0..bytes.len(), Value::Bytes).with_problem("no known magic number")
        }
    }
}

/// The big-endian number of `width` bytes (at most 8) at `at`.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(width)?)?;
    Some(
        digits
            .iter()
            .fold(0, |value, digit| (value << 8) | u64::from(*digit)),
    )
}

/// As [`number`], for lengths.
fn length(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    number(bytes, at, width).and_then(|value| usize::try_from(value).ok())
}

/// How far from `at` the next byte is that may begin a magic number; the rest if there is none.
fn distance_to(bytes: &[u8], at: usize, begins: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .position(|byte| begins(*byte))
        .unwrap_or(rest.len())
}

/// The range from `start` with `size` bytes, cut at `limit`; and whether it had to be cut.
fn cut(start: usize, size: usize, limit: usize) -> (Range<usize>, bool) {
    let end = start.saturating_add(size);
    (start.min(limit)..end.min(limit), end > limit)
}

#[cfg(test)]
mod tests;
