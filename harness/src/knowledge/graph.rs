//! The hypergraph of a run: terms, and the inferences that lead from terms to terms.
//!
//! Every term stands once, whoever saw it: a slice of an observed or derived text, a private key,
//! the two ends of a channel, a fact. What a principal knows is what can be reached from the terms
//! it started with; the graph itself belongs to nobody.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ledger::{BufferId, ChannelId};
use crate::world::Principal;

use super::forms::Form;

/// Terms beyond this number are not made.
pub const MAXIMUM_TERMS: usize = 200_000;
/// Inferences beyond this number are not made.
pub const MAXIMUM_INFERENCES: usize = 500_000;

/// Index of a term in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TermId(pub(super) u32);

/// Index of an inference in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InferenceId(pub(super) u32);

/// Where bytes are: an observed buffer, or one that a rule produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextId {
    /// A buffer of the trace.
    Observed(BufferId),
    /// A buffer that a rule produced, by order of production.
    Derived(u32),
}

/// A range of a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The text.
    pub text: TextId,
    /// Bytes of it.
    pub range: Range<usize>,
}

/// Something that can be known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Term {
    /// All bytes of a text.
    Text(TextId),
    /// A whole D/MIME message without tracing, by the order in which different ones were found.
    Message(u32),
    /// A chunk of a D/MIME message together with the message's ephemeral key, by the order in which
    /// different ones were found. Copies of one chunk are one term.
    Chunk(u32),
    /// A private key, by its index in the engine's input.
    Key(usize),
    /// The two addresses of a channel.
    Ends(ChannelId),
    /// A relation in a letter, by the index of the fact, at a grade.
    Fact {
        /// Index of the fact.
        fact: usize,
        /// How well it is known.
        grade: Grade,
    },
}

/// How well a principal knows a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// The value follows from its ledger and keys.
    Holds,
    /// It can test a guess: tell the right candidate from the world's others.
    Confirms,
    /// Something points to it, too weak to count without a second run.
    Suspected,
}

impl Grade {
    /// The verb an explanation prints.
    pub fn verb(self) -> &'static str {
        match self {
            Grade::Holds => "holds",
            Grade::Confirms => "confirms",
            Grade::Suspected => "is suspected of",
        }
    }
}

/// What kind of step an inference is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A message, or a chunk of one, found in a text.
    TakeApart {
        /// Type of the chunk; nothing for the whole message.
        chunk: Option<u8>,
    },
    /// A container decoded into a text of its own.
    Decode,
    /// A chunk opened through a keyslot.
    Decrypt {
        /// Type of the chunk.
        chunk: u8,
        /// One-based position of the keyslot.
        slot: usize,
    },
    /// The data of a chunk opened on the alternate layer.
    DecryptAlternate {
        /// Type of the chunk.
        chunk: u8,
    },
    /// A value found in a text, in some form.
    Find(Form),
    /// A signature that verifies under one public key of the directory only.
    GuessSignature {
        /// Type of the chunk that holds the signature.
        chunk: u8,
        /// Whose public key.
        signer: String,
    },
    /// The address of a channel's end, and what is published about it.
    Link {
        /// The host that has the address.
        host: String,
    },
}

impl Rule {
    /// The name `inherent.yaml` uses.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::TakeApart { .. } => "take-apart",
            Rule::Decode => "decode",
            Rule::Decrypt { .. } => "decrypt",
            Rule::DecryptAlternate { .. } => "decrypt-alternate",
            Rule::Find(_) => "find",
            Rule::GuessSignature { .. } => "guess-signature",
            Rule::Link { .. } => "link",
        }
    }

    /// The type of the chunk it concerns, if it concerns one.
    pub fn chunk(&self) -> Option<u8> {
        match self {
            Rule::TakeApart { chunk } => *chunk,
            Rule::Decrypt { chunk, .. }
            | Rule::DecryptAlternate { chunk }
            | Rule::GuessSignature { chunk, .. } => Some(*chunk),
            Rule::Decode | Rule::Find(_) | Rule::Link { .. } => None,
        }
    }
}

/// Why a conclusion concerns the letter of its fact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// The step is no conclusion about a letter.
    None,
    /// The value stands in this letter only.
    Unique,
    /// It stands inside the letter's message.
    Message,
    /// It passed on a connection that carried the letter's message.
    Connection,
    /// It was stored together with the letter's message.
    Record,
    /// It passed while this letter alone, of those with the value, was on its way.
    Flight,
    /// It may belong to any of these letters.
    Undecided(Vec<usize>),
}

/// One step of reasoning: whoever knows all premises knows the conclusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inference {
    /// What kind of step.
    pub rule: Rule,
    /// All of which must be known.
    pub premises: Vec<TermId>,
    /// What follows.
    pub conclusion: TermId,
    /// Where it can be seen; nothing for the ends of a channel.
    pub at: Option<Slice>,
    /// Why it concerns the letter.
    pub tie: Tie,
    /// Who held the value rightly before, as that of an own account, and so learns nothing here.
    pub exempt: Option<Principal>,
}

/// Terms and inferences, built once and read many times.
#[derive(Debug, Default)]
pub struct Graph {
    terms: Vec<Term>,
    ids: BTreeMap<Term, TermId>,
    inferences: Vec<Inference>,
    /// For each term, the inferences it is a premise of.
    uses: Vec<Vec<InferenceId>>,
    truncated: Option<&'static str>,
}

impl Graph {
    /// The term with this id.
    pub fn term(&self, id: TermId) -> Option<&Term> {
        self.terms.get(id.0 as usize)
    }

    /// The id of a term that is in the graph.
    pub fn find(&self, term: &Term) -> Option<TermId> {
        self.ids.get(term).copied()
    }

    /// The inference with this id.
    pub fn inference(&self, id: InferenceId) -> Option<&Inference> {
        self.inferences.get(id.0 as usize)
    }

    /// All inferences in the order they were made.
    pub fn inferences(&self) -> impl Iterator<Item = (InferenceId, &Inference)> {
        (0..).map(InferenceId).zip(&self.inferences)
    }

    /// The inferences that `term` is a premise of.
    pub fn uses(&self, term: TermId) -> &[InferenceId] {
        self.uses.get(term.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The name of the limit that cut the graph short, if one did.
    pub fn truncated(&self) -> Option<&'static str> {
        self.truncated
    }

    /// Notes that a limit bit; the first one stays.
    pub(super) fn truncate(&mut self, limit: &'static str) {
        self.truncated.get_or_insert(limit);
    }

    /// The id of `term`, which is added if it is new; nothing if the limit is reached.
    pub(super) fn intern(&mut self, term: Term) -> Option<TermId> {
        if let Some(id) = self.ids.get(&term) {
            return Some(*id);
        }
        let next = u32::try_from(self.terms.len()).ok();
        let Some(next) = next.filter(|_| self.terms.len() < MAXIMUM_TERMS) else {
            self.truncate("MAXIMUM_TERMS");
            return None;
        };
        let id = TermId(next);
        self.terms.push(term.clone());
        self.ids.insert(term, id);
        self.uses.push(Vec::new());
        Some(id)
    }

    /// Adds a step.
    pub(super) fn infer(&mut self, inference: Inference) {
        let next = u32::try_from(self.inferences.len()).ok();
        let Some(next) = next.filter(|_| self.inferences.len() < MAXIMUM_INFERENCES) else {
            self.truncate("MAXIMUM_INFERENCES");
            return;
        };
        for premise in &inference.premises {
            if let Some(uses) = self.uses.get_mut(premise.0 as usize) {
                uses.push(InferenceId(next));
            }
        }
        self.inferences.push(inference);
    }
}
