//! Take apart: D/MIME messages wherever they stand in a text.

use std::ops::Range;

use dime_wire::dissect::{ChunkMap, MessageMap, find_messages};
use sha2::{Digest as _, Sha256};

use super::super::graph::{Rule, Slice, Term, TermId, TextId};
use super::{Body, ChunkEntry, Expansion, MessageCopy};

/// Copies of messages that are taken apart in one analysis.
pub const MAXIMUM_COPIES: usize = 4096;

impl Expansion<'_> {
    /// Finds the messages in a text and interns them and their chunks. Returns the chunks that
    /// were not seen before.
    pub(super) fn take_apart(&mut self, text: TextId) -> Vec<usize> {
        let Some(premise) = self.graph.find(&Term::Text(text)) else {
            return Vec::new();
        };
        let mut new = Vec::new();
        let found = find_messages(self.bytes(text));
        if let Some(limit) = found.limit {
            self.graph.truncate(limit);
        }
        for map in found.maps {
            if self.copies.len() >= MAXIMUM_COPIES {
                self.graph.truncate("MAXIMUM_COPIES");
                break;
            }
            self.take_message(text, premise, &map, &mut new);
        }
        new
    }

    fn take_message(
        &mut self,
        text: TextId,
        premise: TermId,
        map: &MessageMap,
        new: &mut Vec<usize>,
    ) {
        let Some(ephemeral) = map.ephemeral.clone() else {
            return;
        };
        let ephemeral = self.slice(&at(text, ephemeral)).to_vec();
        let next = self.ephemerals.len();
        let message = *self.ephemerals.entry(ephemeral).or_insert(next);
        let Some((body, is_new)) = self.body(text, map) else {
            return;
        };
        self.copies.push(MessageCopy {
            at: at(text, whole(map)),
            tracing: map.tracing.clone(),
            truncated: map.truncated,
            message,
        });
        if let Some(term) = self.bodies.get(body).map(|body| body.term) {
            let rule = Rule::TakeApart { chunk: None };
            self.step(rule, vec![premise], term, at(text, map.range.clone()));
        }
        for (position, chunk) in map.chunks.iter().enumerate() {
            let place = at(text, chunk.range.clone());
            let found = Found {
                text,
                message,
                body,
                position,
            };
            let Some((id, term, unseen)) = self.intern_chunk(&found, chunk) else {
                return;
            };
            if unseen {
                new.push(id);
            }
            if is_new && let Some(body) = self.bodies.get_mut(body) {
                body.chunks.push((chunk.kind, place.clone(), id));
            }
            let rule = Rule::TakeApart {
                chunk: Some(chunk.kind),
            };
            self.step(rule, vec![premise], term, place);
        }
    }

    /// The index and term of a chunk, and whether it was not seen before.
    fn intern_chunk(&mut self, found: &Found, chunk: &ChunkMap) -> Option<(usize, TermId, bool)> {
        let slice = |range: &Range<usize>| at(found.text, range.clone());
        let digest = Sha256::digest(self.slice(&slice(&chunk.range))).into();
        if let Some(id) = self.chunk_ids.get(&(found.message, digest)) {
            return Some((*id, self.chunks.get(*id)?.term, false));
        }
        let id = self.chunks.len();
        let term = self.graph.intern(Term::Chunk(u32::try_from(id).ok()?))?;
        self.chunks.push(ChunkEntry {
            term,
            kind: chunk.kind,
            message: found.message,
            position: found.position,
            payload: slice(&chunk.payload),
            slots: chunk.slots.iter().map(slice).collect(),
            body: found.body,
            opened: Vec::new(),
        });
        self.chunk_ids.insert((found.message, digest), id);
        Some((id, term, true))
    }

    /// The index of a message's byte string, and whether it is new.
    fn body(&mut self, text: TextId, map: &MessageMap) -> Option<(usize, bool)> {
        let digest: [u8; 32] = Sha256::digest(self.slice(&at(text, map.range.clone()))).into();
        if let Some(body) = self.body_ids.get(&digest) {
            return Some((*body, false));
        }
        let index = self.bodies.len();
        let term = self
            .graph
            .intern(Term::Message(u32::try_from(index).ok()?))?;
        self.bodies.push(Body {
            term,
            chunks: Vec::new(),
        });
        self.body_ids.insert(digest, index);
        Some((index, true))
    }
}

/// Where a chunk was found.
struct Found {
    text: TextId,
    message: usize,
    body: usize,
    position: usize,
}

fn at(text: TextId, range: Range<usize>) -> Slice {
    Slice { text, range }
}

/// Tracing and message; the tracing header of four bytes stands in front of its data.
fn whole(map: &MessageMap) -> Range<usize> {
    const TRACING_HEADER: usize = 4;
    let start = map.tracing.as_ref().map_or(map.range.start, |data| {
        data.start.saturating_sub(TRACING_HEADER)
    });
    start..map.range.end
}
