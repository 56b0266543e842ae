//! The rules that expand a trace into a graph, once for all principals.
//!
//! Taking apart, decoding and decrypting happen here, whoever saw the bytes; [`super::scope`] then
//! decides which letters they belong to, and [`conclude`] and [`link`] end in facts.

pub(super) mod conclude;
mod decode;
mod decrypt;
pub(super) mod guess;
pub(super) mod link;
mod take_apart;

use std::collections::{BTreeMap, VecDeque};

use crate::ledger::{BufferId, ChannelKind, Layer, Trace};

use super::Given;
use super::graph::{Graph, Inference, Rule, Slice, Term, TermId, TextId, Tie};

pub(super) use decode::MAXIMUM_DEPTH;

/// Bytes that rules may produce in one analysis.
pub const MAXIMUM_DERIVED_BYTES: usize = 256 << 20;

/// A text that a rule produced.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) bytes: Vec<u8>,
    /// Where it came from.
    pub(super) from: Slice,
    /// Which message it was decrypted from, if it was.
    pub(super) message: Option<usize>,
    /// Type of the chunk it is the payload of, if it is one.
    pub(super) chunk: Option<u8>,
    depth: usize,
}

/// One place where a message stands.
#[derive(Debug)]
pub(super) struct MessageCopy {
    /// Tracing and message.
    pub(super) at: Slice,
    /// The tracing data, if any.
    pub(super) tracing: Option<std::ops::Range<usize>>,
    /// Whether the text ends before the message does.
    pub(super) truncated: bool,
    /// Which message, by ephemeral key.
    pub(super) message: usize,
}

/// One byte string of a message, whatever the number of its copies.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) term: TermId,
    /// Type and place of its chunks in its first copy, with index into [`Expansion::chunks`].
    pub(super) chunks: Vec<(u8, Slice, usize)>,
}

/// A chunk of which copies may stand in many places.
#[derive(Debug)]
pub(super) struct ChunkEntry {
    pub(super) term: TermId,
    pub(super) kind: u8,
    pub(super) message: usize,
    /// Its position in the message it was first found in, the first chunk being 0.
    position: usize,
    payload: Slice,
    slots: Vec<Slice>,
    /// The message it was first found in, index into [`Expansion::bodies`].
    pub(super) body: usize,
    /// What it was opened to, indices of derived texts.
    pub(super) opened: Vec<u32>,
}

/// A graph while it grows, with what the rules need to know of each other's results.
pub(super) struct Expansion<'a> {
    pub(super) given: &'a Given<'a>,
    pub(super) trace: &'a Trace,
    pub(super) graph: Graph,
    pub(super) derived: Vec<Derived>,
    pub(super) copies: Vec<MessageCopy>,
    pub(super) bodies: Vec<Body>,
    pub(super) chunks: Vec<ChunkEntry>,
    /// Ephemeral keys by message.
    ephemerals: BTreeMap<Vec<u8>, usize>,
    body_ids: BTreeMap<[u8; 32], usize>,
    chunk_ids: BTreeMap<(usize, [u8; 32]), usize>,
    keys_of_message: BTreeMap<usize, Vec<dime_wire::keys::Kek>>,
    trials: usize,
    produced: usize,
}

impl<'a> Expansion<'a> {
    /// Expands everything that was observed.
    pub(super) fn run(given: &'a Given<'a>, trace: &'a Trace) -> Self {
        let mut this = Self {
            given,
            trace,
            graph: Graph::default(),
            derived: Vec::new(),
            copies: Vec::new(),
            bodies: Vec::new(),
            chunks: Vec::new(),
            ephemerals: BTreeMap::new(),
            body_ids: BTreeMap::new(),
            chunk_ids: BTreeMap::new(),
            keys_of_message: BTreeMap::new(),
            trials: 0,
            produced: 0,
        };
        if trace.truncated.is_some() {
            this.graph.truncate("recording");
        }
        for key in 0..given.keys.len() {
            this.graph.intern(Term::Key(key));
        }
        let mut queue: VecDeque<TextId> = VecDeque::new();
        for index in 0..trace.buffers.len() {
            let Ok(index) = u32::try_from(index) else {
                break;
            };
            let text = TextId::Observed(BufferId(index));
            this.graph.intern(Term::Text(text));
            if this.is_readable(BufferId(index)) {
                queue.push_back(text);
            }
        }
        while let Some(text) = queue.pop_front() {
            let before = this.derived.len();
            this.expand(text);
            let new = (before..this.derived.len()).filter_map(|index| u32::try_from(index).ok());
            queue.extend(new.map(TextId::Derived));
        }
        this.open_alternate_layer();
        this
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, text: TextId) -> &[u8] {
        match text {
            TextId::Observed(BufferId(index)) => self
                .trace
                .buffers
                .get(index as usize)
                .map_or(&[], |buffer| &buffer.bytes),
            TextId::Derived(index) => self
                .derived
                .get(index as usize)
                .map_or(&[], |derived| &derived.bytes),
        }
    }

    /// The bytes of a slice; none if it is not in its text.
    pub(super) fn slice(&self, slice: &Slice) -> &[u8] {
        self.bytes(slice.text)
            .get(slice.range.clone())
            .unwrap_or_default()
    }

    /// All texts: the observed ones, then the derived ones.
    pub(super) fn texts(&self) -> Vec<TextId> {
        let observed = (0..self.trace.buffers.len())
            .filter_map(|index| u32::try_from(index).ok())
            .map(|index| TextId::Observed(BufferId(index)));
        let derived = (0..self.derived.len())
            .filter_map(|index| u32::try_from(index).ok())
            .map(TextId::Derived);
        observed.chain(derived).collect()
    }

    /// How many different messages there are.
    pub(super) fn message_count(&self) -> usize {
        self.ephemerals.len()
    }

    /// Whether structure can be expected in a buffer: raw bytes of a connection of which the
    /// plaintext was seen too are ciphertext.
    fn is_readable(&self, id: BufferId) -> bool {
        let Some(buffer) = self.trace.buffers.get(id.0 as usize) else {
            return false;
        };
        let stream = self
            .trace
            .channels
            .get(buffer.channel.0 as usize)
            .is_some_and(|channel| matches!(channel.kind, ChannelKind::Stream { .. }));
        let ends_tls = |other: &crate::ledger::Buffer| {
            other.channel == buffer.channel && other.layer == Layer::Plain
        };
        buffer.layer == Layer::Plain || !stream || !self.trace.buffers.iter().any(ends_tls)
    }

    fn expand(&mut self, text: TextId) {
        let depth = self.depth(text);
        if depth > MAXIMUM_DEPTH {
            self.graph.truncate("MAXIMUM_DEPTH");
            return;
        }
        let new_chunks = self.take_apart(text);
        for chunk in new_chunks {
            self.decrypt(chunk, depth);
        }
        self.decode(text, depth);
    }

    fn depth(&self, text: TextId) -> usize {
        match text {
            TextId::Observed(_) => 0,
            TextId::Derived(index) => self.derived.get(index as usize).map_or(0, |d| d.depth),
        }
    }

    /// Adds a text that a rule produced from the premises; nothing beyond the limits.
    fn derive(&mut self, derived: Derived) -> Option<(u32, TermId)> {
        self.produced = self.produced.saturating_add(derived.bytes.len());
        if self.produced > MAXIMUM_DERIVED_BYTES {
            self.graph.truncate("MAXIMUM_DERIVED_BYTES");
            return None;
        }
        let index = u32::try_from(self.derived.len()).ok()?;
        let term = self.graph.intern(Term::Text(TextId::Derived(index)))?;
        self.derived.push(derived);
        Some((index, term))
    }

    fn step(&mut self, rule: Rule, premises: Vec<TermId>, conclusion: TermId, at: Slice) {
        self.graph.infer(Inference {
            rule,
            premises,
            conclusion,
            at: Some(at),
            tie: Tie::None,
            exempt: None,
        });
    }
}
