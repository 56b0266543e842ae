//! Messages, taken apart leniently: any order of chunks, any sizes, unknown types, cut-off ends.

use std::ops::Range;

use super::{
    MAXIMUM_OBJECTS, MAXIMUM_PIECES, MAXIMUM_STEPS, Node, Value, cut, distance_to, length, number,
};

/// Bytes of the message header.
const HEADER: usize = 6;
/// Bytes of a chunk's type and length.
const CHUNK_HEADER: usize = 4;
/// Bytes of a keyslot.
const SLOT: usize = 64;
/// Magic number of a message.
const MESSAGE: u64 = 1847;
/// Magic number of tracing.
const TRACING: u64 = 1837;
/// Bytes of the chunks of the smallest message worth reporting: one ephemeral chunk.
const SMALLEST: usize = 37;

/// Where the pieces of a message lie. All ranges count from the start of the searched bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageMap {
    /// Header and chunks, without tracing.
    pub range: Range<usize>,
    /// The tracing data in front, without its header.
    pub tracing: Option<Range<usize>>,
    /// The chunks as far as they go.
    pub chunks: Vec<ChunkMap>,
    /// The first ephemeral chunk's payload.
    pub ephemeral: Option<Range<usize>>,
    /// Whether the bytes end before the message does.
    pub truncated: bool,
}

/// Where the pieces of a chunk lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChunkMap {
    /// Type byte, known or not.
    pub kind: u8,
    /// All of it.
    pub range: Range<usize>,
    /// The payload.
    pub payload: Range<usize>,
    /// The complete keyslots, as many as the type has.
    pub slots: Vec<Range<usize>>,
}

/// Every message anywhere in `bytes`, in order. A place counts as a message if it begins with an
/// ephemeral chunk, or if its whole length is made up of chunks of known types. Messages do not overlap
/// unless the first is cut off.
pub fn find_messages(bytes: &[u8]) -> Vec<MessageMap> {
    let mut found = Vec::new();
    let mut steps = MAXIMUM_STEPS;
    let mut tracing: Option<(usize, Range<usize>)> = None;
    let mut at = 0;
    while at + HEADER <= bytes.len() && found.len() < MAXIMUM_OBJECTS && steps > 0 {
        at += distance_to(bytes, at, |byte| byte == 7);
        match number(bytes, at, 2) {
            Some(TRACING) => {
                if let Some(size) = length(bytes, at + 2, 2).filter(|size| *size > 0) {
                    tracing = Some((at + 4 + size, at + 4..at + 4 + size));
                }
            }
            Some(MESSAGE) => {
                if let Some(mut map) = map_message(bytes, at, &mut steps) {
                    map.tracing = tracing
                        .take()
                        .filter(|(end, _)| *end == at)
                        .map(|(_, range)| range);
                    at = if map.truncated {
                        at + HEADER
                    } else {
                        map.range.end.max(at + HEADER)
                    };
                    found.push(map);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// A message with or without tracing as a tree.
pub(super) fn node(bytes: &[u8]) -> Node {
    let mut root = Node::new("message", 0..bytes.len(), Value::None);
    let mut at = 0;
    if number(bytes, 0, 2) == Some(TRACING) {
        let (tracing, end) = tracing_node(bytes);
        root.children.push(tracing);
        at = end;
    }
    if number(bytes, at, 2) != Some(MESSAGE) {
        return root.with_problem("no message header");
    }
    root.children
        .push(Node::new("magic", at..at + 2, Value::Number(MESSAGE)));
    let Some(size) = length(bytes, at + 2, 4) else {
        return root.with_problem("header is cut off");
    };
    let mut declared = Node::new("length", at + 2..at + HEADER, Value::Number(size as u64));
    if size != bytes.len() - at - HEADER {
        declared = declared.with_problem(format!("{} bytes follow", bytes.len() - at - HEADER));
    }
    root.children.push(declared);
    let mut steps = MAXIMUM_PIECES;
    let walk = Walk {
        bytes,
        at: at + HEADER,
        end: bytes.len(),
    };
    let (chunks, end) = walk.chunks(&mut steps);
    let mut previous = 0;
    for chunk in &chunks {
        root.children.push(chunk_node(bytes, chunk, previous));
        previous = chunk.kind;
    }
    if end < bytes.len() {
        let rest = Node::new("rest", end..bytes.len(), Value::Bytes);
        root.children.push(rest.with_problem("not a chunk"));
    }
    root
}

fn tracing_node(bytes: &[u8]) -> (Node, usize) {
    let Some(size) = length(bytes, 2, 2) else {
        return (
            Node::new("tracing", 0..bytes.len(), Value::Bytes).with_problem("cut off"),
            bytes.len(),
        );
    };
    let (range, short) = cut(4, size, bytes.len());
    let end = range.end;
    let mut node = Node::new("tracing", 0..end, Value::None);
    node.children.push(Node::new("data", range, Value::Bytes));
    if short {
        node = node.with_problem("cut off");
    } else if size == 0 {
        node = node.with_problem("empty");
    }
    (node, end)
}

fn chunk_node(bytes: &[u8], chunk: &ChunkMap, previous: u8) -> Node {
    let name = chunk_name(chunk.kind);
    let mut node = Node::new(
        name.unwrap_or("unknown chunk"),
        chunk.range.clone(),
        Value::Number(chunk.kind.into()),
    );
    let declared = length(bytes, chunk.range.start + 1, 3).unwrap_or_default();
    node.children
        .push(Node::new("payload", chunk.payload.clone(), Value::Bytes));
    for (actor, slot) in slot_owners(chunk.kind).iter().zip(&chunk.slots) {
        node.children.push(Node::new(
            format!("keyslot of {actor}"),
            slot.clone(),
            Value::Bytes,
        ));
    }
    let problem = if name.is_none() {
        Some("type is not known".to_owned())
    } else if matches!(chunk.kind, 65 | 66 | 129 | 130) {
        Some("type is reserved: its payload is not defined".to_owned())
    } else if chunk.payload.len() < declared {
        Some(format!(
            "payload is cut off: {} of {declared} bytes",
            chunk.payload.len()
        ))
    } else if chunk.slots.len() < slot_owners(chunk.kind).len() {
        Some("keyslots are cut off".to_owned())
    } else if chunk.kind < previous {
        Some("out of order".to_owned())
    } else if chunk.kind == previous && !matches!(chunk.kind, 67 | 131) {
        Some("repeated".to_owned())
    } else {
        size_problem(chunk.kind, declared)
    };
    match problem {
        Some(problem) => node.with_problem(problem),
        None => node,
    }
}

fn size_problem(kind: u8, size: usize) -> Option<String> {
    let fits = match kind {
        2 => size == 33,
        225.. => size == 64,
        _ => size >= 80 && size.is_multiple_of(16),
    };
    (!fits).then(|| format!("payload size {size} is not possible"))
}

fn map_message(bytes: &[u8], start: usize, steps: &mut usize) -> Option<MessageMap> {
    let size = length(bytes, start + 2, 4).filter(|size| *size >= SMALLEST)?;
    let first = start + HEADER;
    let (whole, truncated) = cut(first, size, bytes.len());
    let begins_well = number(bytes, first, 4) == Some(0x0200_0021)
        && bytes
            .get(first + CHUNK_HEADER)
            .is_some_and(|parity| matches!(parity, 2 | 3));
    if !begins_well
        && (truncated
            || bytes
                .get(first)
                .is_none_or(|kind| chunk_name(*kind).is_none()))
    {
        return None;
    }
    let (chunks, end) = Walk {
        bytes,
        at: first,
        end: whole.end,
    }
    .chunks(steps);
    let whole_walk = end == whole.end && chunks.iter().all(is_whole);
    if !begins_well && !whole_walk {
        return None;
    }
    let ephemeral = chunks
        .iter()
        .find(|chunk| chunk.kind == 2)
        .map(|chunk| chunk.payload.clone());
    Some(MessageMap {
        range: start..whole.end,
        tracing: None,
        chunks,
        ephemeral,
        truncated,
    })
}

fn is_whole(chunk: &ChunkMap) -> bool {
    let owners = slot_owners(chunk.kind).len();
    chunk.slots.len() == owners
        && chunk.range.len() == CHUNK_HEADER + chunk.payload.len() + owners * SLOT
}

/// A walk over chunks from `at` to `end`.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Walk<'_> {
    /// The chunks and where the walk stopped: at the end, at an unknown type, or out of steps. A
    /// chunk that is cut off is the last.
    fn chunks(mut self, steps: &mut usize) -> (Vec<ChunkMap>, usize) {
        let mut chunks = Vec::new();
        while self.at + CHUNK_HEADER <= self.end && *steps > 0 && chunks.len() < MAXIMUM_PIECES {
            *steps -= 1;
            let Some(kind) = self.bytes.get(self.at).copied() else {
                break;
            };
            let Some(size) = length(self.bytes, self.at + 1, 3) else {
                break;
            };
            if chunk_name(kind).is_none() {
                break;
            }
            let (payload, _) = cut(self.at + CHUNK_HEADER, size, self.end);
            let mut slots = Vec::new();
            let mut next = self.at + CHUNK_HEADER + size;
            for _ in slot_owners(kind) {
                let (slot, short) = cut(next, SLOT, self.end);
                next += SLOT;
                if !short {
                    slots.push(slot);
                }
            }
            let next = next.min(self.end);
            chunks.push(ChunkMap {
                kind,
                range: self.at..next,
                payload,
                slots,
            });
            self.at = next;
        }
        (chunks, self.at)
    }
}

/// What a chunk of this type byte is called, if it is known.
pub fn chunk_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        2 => "ephemeral key",
        3 => "alternate key",
        4 => "origin",
        5 => "destination",
        33 => "common headers",
        34 => "other headers",
        65 => "display multipart",
        66 => "display alternative",
        67 => "display",
        129 => "attachment multipart",
        130 => "attachment alternative",
        131 => "attachment",
        225 => "tree signature",
        226 => "author signature",
        248 => "metadata bounce signature",
        249 => "display bounce signature",
        255 => "origin signature",
        _ => return None,
    })
}

fn slot_owners(kind: u8) -> &'static [&'static str] {
    match kind {
        4 | 225 | 226 => &["author", "origin", "recipient"],
        5 => &["author", "destination", "recipient"],
        3 | 33 | 34 | 65..=67 | 129..=131 => &["author", "recipient"],
        248 | 249 | 255 => &["author", "origin", "destination", "recipient"],
        _ => &[],
    }
}
