//! What stands around an object in a text file: armour, or bare base64.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Node, Value, binary, unknown};

/// Longest text that is looked at, in bytes: armour of the largest signet.
const MAXIMUM_ARMOR: usize = 24 * 1024 * 1024;
/// Longest line inside armour without its end, and of the BEGIN line from there on, in bytes.
const MAXIMUM_LINE: usize = 4095;
/// Initial value and polynomial of OpenPGP's CRC-24.
const CRC: (u32, u32) = (0xb7_04ce, 0x186_4cfb);

/// The first block of armour in a text.
pub(super) fn node(bytes: &[u8]) -> Option<Node> {
    let text = text(bytes)?;
    let mut lines = lines(text);
    let (begin, tag) = lines.by_ref().find_map(|line| {
        let (_, after) = text.get(line.clone())?.split_once("-----BEGIN ")?;
        let tag = after.trim_end().strip_suffix("-----")?;
        let fits = after.len() <= MAXIMUM_LINE && !tag.is_empty() && !tag.contains('-');
        fits.then_some((line, tag))
    })?;
    let mut root = Node::new("armor", 0..bytes.len(), Value::Text(tag.to_owned()));
    let close = format!("-----END {tag}-----");
    let mut inside: Vec<Range<usize>> = Vec::new();
    let mut end = None;
    for line in lines {
        let words = text.get(line.clone()).unwrap_or_default();
        if words.len() > MAXIMUM_LINE {
            root = root.with_problem("a line is too long");
        }
        if words.trim() == close {
            end = Some(line);
            break;
        }
        if !words.bytes().all(|byte| byte.is_ascii_whitespace()) {
            inside.push(line);
        }
    }
    if end.is_none() {
        root = root.with_problem("not closed by an END line");
    }
    root = with_contents(root, text, begin, inside);
    let behind = end.as_ref().map(|line| line.end);
    root.children
        .extend(end.map(|line| Node::new("end", line, Value::None)));
    let more = behind.and_then(|at| text.get(at..)).unwrap_or_default();
    Some(if more.trim().is_empty() {
        root
    } else {
        root.with_remark("text follows, which is not looked at")
    })
}

/// Adds what stands between the BEGIN and the END line: base64, and on its last line a checksum.
fn with_contents(
    mut root: Node,
    text: &str,
    begin: Range<usize>,
    mut inside: Vec<Range<usize>>,
) -> Node {
    let checksum = inside.pop_if(|line| {
        squeezed(text, line).next() == Some(b'=') && squeezed(text, line).count() == 5
    });
    let start = inside.first().map_or(begin.end, |line| line.start);
    let stop = inside.last().map_or(start, |line| line.end);
    let characters = inside.iter().flat_map(|line| squeezed(text, line));
    let (decoded, problem) = decode(characters, stop - start);
    root.children.push(Node::new("begin", begin, Value::None));
    let contents = contents(start..stop, &decoded).with_problem_if(problem);
    root.children.push(contents);
    match checksum {
        None => root = root.with_problem("no checksum"),
        Some(line) => {
            let (own, problem) = decode(squeezed(text, &line).skip(1), 4);
            let [_, expected @ ..] = crc24(&decoded).to_be_bytes();
            let wrong = (*own != expected).then(|| "not that of the contents".to_owned());
            let node = Node::new("checksum", line, Value::None);
            root.children.push(node.with_problem_if(problem.or(wrong)));
        }
    }
    root
}

/// An object in bare base64, if there is one.
pub(super) fn base64_node(bytes: &[u8]) -> Option<Node> {
    let text = text(bytes)?;
    let (decoded, problem) = decode(squeezed(text, &(0..text.len())), text.len());
    binary(&decoded)?;
    let start = text.len() - text.trim_ascii_start().len();
    let stop = text.trim_ascii_end().len();
    let contents = contents(start..stop, &decoded);
    let mut root = Node::new("base64", 0..bytes.len(), Value::None);
    root.children.push(contents);
    Some(root.with_problem_if(problem))
}

fn text(bytes: &[u8]) -> Option<&str> {
    (bytes.len() <= MAXIMUM_ARMOR)
        .then(|| std::str::from_utf8(bytes).ok())
        .flatten()
}

/// What the decoded bytes are, as pieces below where they stand.
fn contents(range: Range<usize>, decoded: &[u8]) -> Node {
    let mut node = Node::new("contents", range, Value::Decoded(decoded.len()));
    let object = binary(decoded).unwrap_or_else(|| unknown(decoded));
    node.children.push(object);
    node
}

/// The ranges of the lines of a text, without LF or CR LF.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        let words = line.strip_suffix('\n');
        let words = words.map(|words| words.strip_suffix('\r').unwrap_or(words));
        start..start + words.unwrap_or(line).len()
    })
}

/// The characters of a line that are no white space.
fn squeezed<'t>(text: &'t str, line: &Range<usize>) -> impl Iterator<Item = u8> + 't {
    let line = text.get(line.clone()).unwrap_or_default();
    line.bytes().filter(|byte| !byte.is_ascii_whitespace())
}

/// The bytes that base64 of at most `most` characters stands for, as far as it does; and what is wrong
/// with it. The buffer never moves and is wiped when done: the bytes may be a key.
fn decode(
    characters: impl Iterator<Item = u8>,
    most: usize,
) -> (Zeroizing<Vec<u8>>, Option<String>) {
    let mut decoded = Zeroizing::new(Vec::with_capacity(most / 4 * 3 + 3));
    let (mut held, mut bits, mut strange) = (0u32, 0, 0usize);
    let (mut digits, mut padding, mut padded) = (0usize, 0usize, true);
    for character in characters {
        if padding > 0 || character == b'=' {
            padding += 1;
            padded &= character == b'=';
            continue;
        }
        digits += 1;
        let Some(value) = sextet(character) else {
            strange += 1;
            continue;
        };
        held = (held << 6 | value) & 0xfff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            decoded.push((held >> bits & 0xff) as u8);
        }
    }
    let problem = if strange > 0 {
        Some(format!("{strange} characters are not base64"))
    } else if held & ((1 << bits) - 1) != 0 || bits == 6 {
        Some("ends inside a byte".to_owned())
    } else {
        let padded = padded && padding == (4 - digits % 4) % 4;
        (!padded).then(|| "not padded as it should be".to_owned())
    };
    (decoded, problem)
}

/// The six bits that a digit of base64 stands for.
pub(super) fn sextet(digit: u8) -> Option<u32> {
    Some(match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

fn crc24(bytes: &[u8]) -> u32 {
    let (initial, polynomial) = CRC;
    bytes.iter().fold(initial, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            let shifted = crc << 1;
            if shifted & 0x100_0000 == 0 {
                shifted
            } else {
                shifted ^ polynomial
            }
        })
    })
}
