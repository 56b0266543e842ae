//! Management records: the text, item by item.

use super::{MAXIMUM_PIECES, Node, Value};

/// Longest text that is taken for a record, in bytes.
const MAXIMUM_RECORD: usize = 65_535;
/// Most items of a record.
const MAXIMUM_ITEMS: usize = 256;
/// Digits of a key and of a signature in base64 without padding.
const KEY_DIGITS: usize = 43;
const SIGNATURE_DIGITS: usize = 86;

/// A management record, if the text has any of its items.
pub(super) fn node(bytes: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(bytes).ok()?;
    if text.len() > MAXIMUM_RECORD {
        return None;
    }
    let items = items(text);
    let known = |(_, item): &(usize, &str)| item.split_once('=').and_then(|(name, _)| short(name));
    items.iter().find_map(known)?;
    let mut root = Node::new("management record", 0..bytes.len(), Value::None);
    let mut seen: Vec<&'static str> = Vec::new();
    for (at, item) in items.iter().take(MAXIMUM_PIECES) {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        let label = short(name);
        let words = Value::Text(value.to_owned());
        let node = Node::new(label.unwrap_or(name), *at..at + item.len(), words);
        root.children.push(match label {
            None => node.with_remark("not known, ignored"),
            Some(label) => node.with_problem_if(problem(label, value, &seen)),
        });
        seen.extend(label.filter(|label| !seen.contains(label)));
    }
    let printable = |byte: u8| (b' '..=b'~').contains(&byte);
    let line = text.trim_ascii();
    Some(if !line.bytes().all(printable) {
        root.with_problem("not printable ASCII on one line")
    } else if items.len() > MAXIMUM_ITEMS {
        root.with_problem("too many items")
    } else if !seen.contains(&"pok") {
        root.with_problem("no primary key")
    } else {
        root
    })
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

fn problem(label: &str, value: &str, seen: &[&str]) -> Option<String> {
    let once = matches!(label, "ver" | "pol" | "exp" | "sub");
    let word = value.to_ascii_lowercase();
    let problem = if value.is_empty() {
        "no value"
    } else if value.contains('=') {
        "more than one `=`"
    } else if once && seen.contains(&label) {
        "repeated"
    } else {
        match label {
            "ver" if value != "1" => "not version 1",
            "pok" if !is_base64(value, KEY_DIGITS) => "not a key",
            "tls" if !is_base64(value, SIGNATURE_DIGITS) => "not a signature",
            "pol" if !["experimental", "mixed", "strict"].contains(&&*word) => "not a policy",
            "sub" if !["strict", "relaxed", "explicit"].contains(&&*word) => "not a policy",
            "exp" if !value.bytes().all(|digit| digit.is_ascii_digit()) => "not a number of days",
            "exp" if value.trim_start_matches('0').len() > 10 => "not a number of days",
            "dx" if value.starts_with(['.', ':']) || value.ends_with(':') => "not a host",
            _ => return None,
        }
    };
    Some(problem.to_owned())
}

/// Whether the text is so many digits of base64.
fn is_base64(text: &str, digits: usize) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() == digits && text.bytes().all(digit)
}
