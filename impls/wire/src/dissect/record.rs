//! Management records: the text, item by item, bare or as the quoted strings of a zone file.

use std::collections::BTreeMap;

use super::armor::sextet;
use super::{MAXIMUM_PIECES, Node, Value, text_or_bytes};

/// Longest text of a record, in bytes.
const MAXIMUM_RECORD: usize = 65_535;
/// Longest text in a zone file, with quotation marks and white space, in bytes.
const MAXIMUM_ZONE_TEXT: usize = 2 * MAXIMUM_RECORD;
/// Longest quoted string, in bytes.
const MAXIMUM_STRING: usize = 255;
/// Most items of a record.
const MAXIMUM_ITEMS: usize = 256;
/// Most items of one name.
const MAXIMUM_VALUES: usize = 16;
/// Most characters of the name of an item that is not known, for its label.
const MAXIMUM_NAME: usize = 64;
/// Longest name of a host and of a label of it, in bytes.
const MAXIMUM_HOST: (usize, usize) = (253, 63);
/// Digits of a key and of a signature in base64 without padding, and the bits that are left over.
const KEY: (usize, u32) = (43, 2);
const SIGNATURE: (usize, u32) = (86, 4);

/// A management record, if the text has any of its items.
pub(super) fn node(bytes: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.len() > MAXIMUM_ZONE_TEXT {
        return None;
    }
    let line = Line::read(text);
    let items = items(&line.text);
    let known = |(_, item): &(usize, &str)| item.split_once('=').and_then(|(name, _)| short(name));
    items.iter().find_map(known)?;
    let mut root = Node::new("management record", 0..bytes.len(), Value::None);
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    for (at, item) in items.iter().take(MAXIMUM_PIECES) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let known = short(name);
        let label = known.map_or_else(|| name.chars().take(MAXIMUM_NAME).collect(), str::to_owned);
        let range = line.place(*at)..line.place(at + item.len() - 1) + 1;
        let node = Node::new(label, range, text_or_bytes(value.as_bytes()));
        root.children.push(match known {
            None => node.with_remark("not known, ignored"),
            Some(name) => {
                let before = seen.entry(name).or_default();
                *before += 1;
                node.with_problem_if(problem(name, value, *before - 1))
            }
        });
    }
    let printable = |byte: u8| (b' '..=b'~').contains(&byte);
    root = root.with_problem_if(line.problem.map(str::to_owned));
    Some(if line.text.len() > MAXIMUM_RECORD {
        root.with_problem("too long")
    } else if !line.text.bytes().all(printable) {
        root.with_problem("not printable ASCII on one line")
    } else if items.len() > MAXIMUM_ITEMS {
        root.with_problem("too many items")
    } else if !seen.contains_key("pok") {
        root.with_problem("no primary key")
    } else {
        root
    })
}

/// The text of a record, out of the quoted strings it may stand in, which cut items anywhere.
#[derive(Default)]
struct Line {
    text: String,
    /// Where each of its bytes stands.
    places: Vec<usize>,
    /// What is wrong with the strings.
    problem: Option<&'static str>,
}

impl Line {
    fn read(text: &str) -> Self {
        let mut line = Self::default();
        let start = text.len() - text.trim_start().len();
        let text = text.trim();
        if text.starts_with('"') {
            line.read_strings(start, text);
        } else {
            line.push(start, text);
        }
        line
    }

    /// Takes in strings in quotation marks: every other piece between marks is one.
    fn read_strings(&mut self, mut at: usize, text: &str) {
        let mut inside = false;
        for piece in text.split('"') {
            let problem = if inside {
                self.push(at, piece);
                (piece.len() > MAXIMUM_STRING)
                    .then_some("a string is too long")
                    .or(piece.contains('\\').then_some("escapes in a string"))
            } else {
                (!piece.trim().is_empty()).then_some("text between the strings")
            };
            self.problem = self.problem.or(problem);
            at += piece.len() + 1;
            inside = !inside;
        }
        // The piece behind the last mark is none, if that closed a string.
        let open = (!inside).then_some("a string is not closed");
        self.problem = self.problem.or(open);
    }

    fn push(&mut self, at: usize, text: &str) {
        self.text.push_str(text);
        self.places.extend(at..at + text.len());
    }

    /// Where the byte at `at` stands.
    fn place(&self, at: usize) -> usize {
        self.places.get(at).copied().unwrap_or_default()
    }
}

/// The items of a text and where each begins.
fn items(text: &str) -> Vec<(usize, &str)> {
    let is_separator = |c: char| matches!(c, ' ' | ';' | '\n' | '\r' | '\t');
    let mut at = 0;
    let mut items = Vec::new();
    for item in text.split(is_separator) {
        if !item.is_empty() {
            items.push((at, item));
        }
        at += item.len() + 1;
    }
    items
}

fn short(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "ver" | "version" => "ver",
        "pok" | "primary" => "pok",
        "tls" => "tls",
        "pol" | "policy" => "pol",
        "syn" | "syndicates" => "syn",
        "dx" | "deliver" => "dx",
        "exp" | "expiry" => "exp",
        "sub" | "subdomain" => "sub",
        _ => return None,
    })
}

/// What is wrong with an item behind so many of its name.
fn problem(label: &str, value: &str, before: usize) -> Option<String> {
    let once = matches!(label, "ver" | "pol" | "exp" | "sub");
    let word = value.to_ascii_lowercase();
    let problem = if value.is_empty() {
        "no value"
    } else if value.contains('=') {
        "more than one `=`"
    } else if once && before > 0 {
        "repeated"
    } else if before >= MAXIMUM_VALUES {
        "one value too many"
    } else {
        match label {
            "ver" if value != "1" => "not version 1",
            "pok" if !is_base64(value, KEY) => "not a key",
            "tls" if !is_base64(value, SIGNATURE) => "not a signature",
            "pol" if !["experimental", "mixed", "strict"].contains(&&*word) => "not a policy",
            "sub" if !["strict", "relaxed", "explicit"].contains(&&*word) => "not a policy",
            "exp" if number(value).is_none() => "not a number of days",
            "dx" if !is_host(value) => "not a host",
            _ => return None,
        }
    };
    Some(problem.to_owned())
}

/// Whether the text is so many digits of base64, and zero in the bits that are left over.
fn is_base64(text: &str, (digits, left_over): (usize, u32)) -> bool {
    let last = text.bytes().last().and_then(sextet);
    text.len() == digits
        && text.bytes().all(|digit| sextet(digit).is_some())
        && last.is_some_and(|bits| bits.trailing_zeros() >= left_over)
}

/// A number of decimal digits only.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Whether the text is the name of a host, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "1"));
    let (longest, longest_label) = MAXIMUM_HOST;
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.len() <= longest_label
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= longest
        && host.split('.').all(is_label)
        && number(port).is_some_and(|port| (1..=65_535).contains(&port))
}
