//! The lenient dissector: takes any object of DIME apart as far as it goes, says what is wrong with
//! each piece, goes on behind what is damaged, and never fails.
//!
//! It shares no code and no table with the strict parsers, so that a mistake there does not hide
//! here. All work is bounded by the constants below.

mod armor;
mod chunks;
mod fields;
mod keyfile;
mod message;
mod record;
mod signet;

use std::ops::Range;

pub use chunks::{ChunkMap, MessageMap, chunk_name, find_messages};
pub use fields::{FieldMap, SignetMap, find_signets};

/// Most pieces of one object that are looked at: what the strict parsers take.
pub const MAXIMUM_PIECES: usize = 4096;
/// Most objects found in one buffer.
pub const MAXIMUM_OBJECTS: usize = 4096;
/// Most pieces that one search looks at, over all candidates: 64 for each of [`MAXIMUM_OBJECTS`]. It
/// bounds the memory of what is found, too, to some 50 MB.
pub const MAXIMUM_STEPS: usize = 1 << 18;
/// Longest text that is shown as text.
const MAXIMUM_TEXT: usize = 4096;

/// What a search found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<T> {
    /// Where the objects lie, in order.
    pub maps: Vec<T>,
    /// The name of the limit that bit first, so that objects or pieces of them may be missing.
    pub limit: Option<&'static str>,
}

/// How much a search may still look at.
struct Budget {
    steps: usize,
    /// The limit that bit first.
    limit: Option<&'static str>,
}

impl Budget {
    fn new() -> Self {
        Self {
            steps: MAXIMUM_STEPS,
            limit: None,
        }
    }

    /// Whether to look for one more object, besides so many.
    fn allows_object(&self, found: usize) -> bool {
        found < MAXIMUM_OBJECTS && self.steps > 0
    }

    /// Whether to look at one more piece of an object, besides so many.
    fn allows_piece(&mut self, pieces: usize) -> bool {
        if pieces == MAXIMUM_PIECES {
            self.limit.get_or_insert("MAXIMUM_PIECES");
            return false;
        }
        if self.steps == 0 {
            self.limit.get_or_insert("MAXIMUM_STEPS");
            return false;
        }
        self.steps -= 1;
        true
    }

    /// The result of a search that looked at all of the bytes, or stopped before.
    fn found<T>(self, maps: Vec<T>, all: bool) -> Found<T> {
        let stopped = if maps.len() == MAXIMUM_OBJECTS {
            "MAXIMUM_OBJECTS"
        } else {
            "MAXIMUM_STEPS"
        };
        let limit = self.limit.or((!all).then_some(stopped));
        Found { maps, limit }
    }
}

/// One piece of what was taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// What it is.
    pub label: String,
    /// Where it lies in the dissected bytes; below [`Value::Decoded`], in the decoded ones.
    pub range: Range<usize>,
    /// What it says.
    pub value: Value,
    /// What is structurally wrong with it: a strict parser refuses the object.
    pub problem: Option<String>,
    /// What catches the eye about it, though a strict parser takes it.
    pub remark: Option<String>,
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
    /// So many bytes in another encoding, in which the ranges of the pieces below count.
    Decoded(usize),
}

impl Node {
    fn new(label: impl Into<String>, range: Range<usize>, value: Value) -> Self {
        Self {
            label: label.into(),
            range,
            value,
            problem: None,
            remark: None,
            children: Vec::new(),
        }
    }

    /// The node with this problem, unless it has one already.
    fn with_problem(mut self, problem: impl Into<String>) -> Self {
        self.problem.get_or_insert(problem.into());
        self
    }

    /// As [`Node::with_problem`], if there is one.
    fn with_problem_if(self, problem: Option<String>) -> Self {
        match problem {
            Some(problem) => self.with_problem(problem),
            None => self,
        }
    }

    fn with_remark(mut self, remark: impl Into<String>) -> Self {
        self.remark.get_or_insert(remark.into());
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

/// Takes `bytes` apart as what they say they are: by their first two bytes a signet, signing request,
/// key file (plain or encrypted), message or message with tracing; as text, one of these in armour or
/// base64, or a management record. Anything else is one opaque piece with a problem.
pub fn dissect(bytes: &[u8]) -> Node {
    binary(bytes)
        .or_else(|| armor::node(bytes))
        .or_else(|| armor::base64_node(bytes))
        .or_else(|| record::node(bytes))
        .unwrap_or_else(|| unknown(bytes))
}

/// A binary object, if the bytes begin with a magic number.
fn binary(bytes: &[u8]) -> Option<Node> {
    Some(match number(bytes, 0, 2)? {
        1837 | 1847 => message::node(bytes),
        magic @ (1776 | 1789 | 1215) => signet::node(bytes, magic),
        magic @ (1952 | 2013) => keyfile::node(bytes, magic),
        magic @ (1947 | 1976) => keyfile::encrypted_node(bytes, magic),
        magic => prime(bytes, prime_name(magic)?),
    })
}

fn unknown(bytes: &[u8]) -> Node {
    let problem = if bytes.is_empty() {
        "empty"
    } else {
        "no known magic number"
    };
    Node::new("unknown", 0..bytes.len(), Value::Bytes).with_problem(problem)
}

/// Objects of the PRIME format, which are named and not taken apart.
fn prime_name(magic: u64) -> Option<&'static str> {
    Some(match magic {
        1841 => "PRIME protocol ticket",
        1851 => "PRIME sent message",
        1861 => "PRIME draft",
        1908 => "PRIME naked message",
        1931 => "PRIME bounce",
        1948 => "PRIME forwarded message",
        2001 => "PRIME abuse report",
        _ => return None,
    })
}

fn prime(bytes: &[u8], label: &str) -> Node {
    let mut root = Node::new(label, 0..bytes.len(), Value::None);
    let magic = number(bytes, 0, 2).unwrap_or_default();
    root.children
        .push(Node::new("magic", 0..2, Value::Number(magic)));
    root.children.push(Node::new(
        "contents",
        2.min(bytes.len())..bytes.len(),
        Value::Bytes,
    ));
    root.with_problem("another format, not taken apart")
}

/// A text value for data that is text.
fn text_or_bytes(data: &[u8]) -> Value {
    match std::str::from_utf8(data) {
        Ok(text) if text.len() <= MAXIMUM_TEXT => Value::Text(text.to_owned()),
        _ => Value::Bytes,
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

/// The node of a length field of `width` bytes at `at` that counts everything behind it.
fn length_node(bytes: &[u8], at: usize, width: usize) -> Option<Node> {
    let declared = number(bytes, at, width)?;
    let node = Node::new("length", at..at + width, Value::Number(declared));
    let following = bytes.len().saturating_sub(at + width);
    let fits = usize::try_from(declared) == Ok(following);
    Some(node.with_problem_if((!fits).then(|| format!("{following} bytes follow"))))
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
