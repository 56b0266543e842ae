//! Where the chunks of messages lie, and what is known of each type.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Budget, Found, cut, distance_to, length, number};

/// Bytes of the message header.
pub(super) const HEADER: usize = 6;
/// Bytes of a chunk's type and length.
pub(super) const CHUNK_HEADER: usize = 4;
/// Bytes of a keyslot.
pub(super) const SLOT: usize = 64;
/// Magic number of a message.
pub(super) const MESSAGE: u64 = 1847;
/// Magic number of tracing.
pub(super) const TRACING: u64 = 1837;
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

/// Every message anywhere in `bytes`, in order, within [`MAXIMUM_OBJECTS`](super::MAXIMUM_OBJECTS),
/// [`MAXIMUM_PIECES`](super::MAXIMUM_PIECES) and [`MAXIMUM_STEPS`](super::MAXIMUM_STEPS). A place counts
/// as a message if it begins with an ephemeral chunk, or if its whole length is made up of chunks of
/// known types. Messages overlap only where somebody put the beginning of one into another: neither
/// hides the other.
pub fn find_messages(bytes: &[u8]) -> Found<MessageMap> {
    let mut maps = Vec::new();
    let mut budget = Budget::new();
    let mut tracings = BTreeMap::new();
    // Where the messages end that were found whole: what looks like tracing in them is ciphertext.
    let mut behind = 0;
    let mut at = 0;
    while at + HEADER <= bytes.len() && budget.allows_object(maps.len()) {
        at += distance_to(bytes, at, |byte| byte == 7);
        match number(bytes, at, 2) {
            Some(TRACING) if at >= behind => note_tracing(bytes, at, &mut tracings),
            Some(MESSAGE) => {
                if let Some(mut map) = map_message(bytes, at, &mut budget) {
                    map.tracing = tracings.remove(&at);
                    if !map.truncated && reaches_its_end(&map) {
                        behind = behind.max(map.range.end);
                    }
                    maps.push(map);
                }
            }
            _ => {}
        }
        at += 1;
    }
    let all = at + HEADER > bytes.len();
    budget.found(maps, all)
}

fn reaches_its_end(map: &MessageMap) -> bool {
    let last = map.chunks.last().map(|chunk| chunk.range.end);
    last == Some(map.range.end)
}

/// Keeps the data of the tracing at `at` by where it ends, until a message is found there. The first
/// that ends in a place stays, because the data may itself look like tracing. Those that end further
/// ahead than 65 539 bytes do not exist, so no more than that are kept.
fn note_tracing(bytes: &[u8], at: usize, tracings: &mut BTreeMap<usize, Range<usize>>) {
    let Some(size) = length(bytes, at + 2, 2).filter(|size| *size > 0) else {
        return;
    };
    while tracings
        .first_key_value()
        .is_some_and(|(end, _)| *end <= at)
    {
        tracings.pop_first();
    }
    let data = at + 4..at + 4 + size;
    tracings.entry(data.end).or_insert(data);
}

pub(super) fn size_problem(kind: u8, size: usize) -> Option<String> {
    let fits = match kind {
        2 => size == 33,
        225.. => size == 64,
        _ => size >= 80 && size.is_multiple_of(16),
    };
    (!fits).then(|| format!("payload size {size} is not possible"))
}

fn map_message(bytes: &[u8], start: usize, budget: &mut Budget) -> Option<MessageMap> {
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
    .chunks(budget);
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
    /// The chunks and where the walk stopped: at the end, at an unknown type, or at a limit. A
    /// chunk that is cut off is the last.
    fn chunks(mut self, budget: &mut Budget) -> (Vec<ChunkMap>, usize) {
        let mut chunks = Vec::new();
        while self.at + CHUNK_HEADER <= self.end && budget.allows_piece(chunks.len()) {
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

pub(super) fn slot_owners(kind: u8) -> &'static [&'static str] {
    match kind {
        4 | 225 | 226 => &["author", "origin", "recipient"],
        5 => &["author", "destination", "recipient"],
        3 | 33 | 34 | 65..=67 | 129..=131 => &["author", "recipient"],
        248 | 249 | 255 => &["author", "origin", "destination", "recipient"],
        _ => &[],
    }
}
