//! Derivations as people read them: when, where, by which step, with what result.

use std::fmt;

use dime::platform::Tick;

use crate::ledger::{BufferId, ChannelKind};
use crate::world::{FactKind, Principal};

use super::Analysis;
use super::graph::{Grade, Inference, InferenceId, Rule, Slice, Term, TextId, Tie};
use super::place::{Place, chunk_name, writer};
use super::scope::time_at;

/// Column at which sources are printed.
const SOURCE_COLUMN: usize = 84;
/// Width of the column of times.
const TIME_WIDTH: usize = 10;
/// Bytes of the excerpt a step carries.
pub const MAXIMUM_EXCERPT: usize = 64;

/// How a fact follows from what somebody observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// Who reasons: one principal, or several that pool what they know.
    pub principals: Vec<Principal>,
    /// Index of the fact.
    pub fact: usize,
    /// Index of its letter.
    pub letter: usize,
    /// Which relation.
    pub kind: FactKind,
    /// How well it is known.
    pub grade: Grade,
    /// Why it concerns the letter.
    pub tie: Tie,
    /// The steps, premises first.
    pub steps: Vec<Step>,
    /// The steps without places and values.
    pub shape: Vec<ShapeStep>,
    /// Who put the bytes there first, if anybody can be named.
    pub writer: Option<Principal>,
    /// The inherent leak it is an instance of.
    pub inherent: Option<String>,
}

/// One step of a derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When the bytes were written; nothing for steps on what an earlier step gave.
    pub at: Option<Tick>,
    /// Where, in words.
    pub place: Option<String>,
    /// Name of the rule.
    pub rule: &'static str,
    /// What it gave, in words; nothing if the place says it all.
    pub result: Option<String>,
    /// The bytes, if they were observed and not derived.
    pub source: Option<Source>,
    /// The first of the bytes.
    pub excerpt: Vec<u8>,
}

/// Observed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The buffer.
    pub buffer: BufferId,
    /// Bytes of the buffer.
    pub range: std::ops::Range<usize>,
    /// The same, counted from where the place begins.
    pub shown: std::ops::Range<usize>,
    /// Index of the packet that carried the first of them.
    pub packet: Option<u32>,
}

/// One step of the shape of a derivation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShapeStep {
    /// Name of the rule.
    pub rule: &'static str,
    /// Type of the chunk it concerns.
    pub chunk: Option<u8>,
    /// For a decryption, whether the key was the reasoner's own from the start.
    pub own_key: Option<bool>,
    /// Kind of place and form.
    pub detail: String,
}

impl fmt::Display for Derivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            let time = self.at.map_or_else(String::new, |at| at.to_string());
            let lead = format!("{time:>8}  {place}");
            match &self.source {
                Some(source) => write!(f, "{lead:<SOURCE_COLUMN$} {source}")?,
                None => f.write_str(&lead)?,
            }
            if self.result.is_some() {
                f.write_str("\n")?;
            }
        }
        match &self.result {
            Some(result) => write!(f, "{:TIME_WIDTH$}{result}", ""),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet) = self.packet {
            write!(f, "capture packet {packet}, ")?;
        }
        write!(f, "bytes {}..{}", self.shown.start, self.shown.end)
    }
}

impl Analysis<'_> {
    /// The proof with these steps as a derivation; nothing if the last does not end in a fact.
    pub(super) fn derivation(
        &self,
        principals: &[Principal],
        proof: &[InferenceId],
    ) -> Option<Derivation> {
        let steps: Vec<&Inference> = proof
            .iter()
            .filter_map(|id| self.graph().inference(*id))
            .collect();
        let last = steps.last()?;
        let Some(Term::Fact { fact, grade }) = self.graph().term(last.conclusion) else {
            return None;
        };
        let known = self.given().facts.get(*fact)?;
        Some(Derivation {
            principals: principals.to_vec(),
            fact: *fact,
            letter: known.letter,
            kind: known.kind,
            grade: *grade,
            tie: last.tie.clone(),
            shape: steps
                .iter()
                .map(|step| self.shape_of(principals, step))
                .collect(),
            steps: steps.iter().map(|step| self.step_of(step)).collect(),
            writer: self.first_writer(&steps),
            inherent: None,
        })
    }

    /// The shape of a proof, without what only people read.
    pub(super) fn shape_of(&self, principals: &[Principal], step: &Inference) -> ShapeStep {
        let own_key = match step.rule {
            Rule::Decrypt { .. } | Rule::DecryptAlternate { .. } => Some(
                step.premises
                    .iter()
                    .all(|premise| self.is_own_key(principals, *premise)),
            ),
            _ => None,
        };
        let place = || match &step.at {
            Some(at) => self.places().describe(self.expansion(), at).class,
            None => String::new(),
        };
        let detail = match &step.rule {
            Rule::Find(form) => format!("{}: {form}", place()),
            Rule::Decode => place(),
            Rule::Decrypt { slot, .. } => format!("slot {slot}"),
            Rule::GuessSignature { signer, .. } => signer.clone(),
            Rule::Link { host } => host.clone(),
            Rule::TakeApart { .. } | Rule::DecryptAlternate { .. } => String::new(),
        };
        ShapeStep {
            rule: step.rule.name(),
            chunk: step.rule.chunk(),
            own_key,
            detail,
        }
    }

    /// When the observed bytes of a proof's last observed step were written.
    pub(super) fn moment(&self, proof: &[InferenceId]) -> Option<Tick> {
        let steps = proof
            .iter()
            .rev()
            .filter_map(|id| self.graph().inference(*id));
        steps
            .filter_map(|step| self.time_of(step.at.as_ref()?))
            .next()
    }

    /// `letter.author`, as scenarios write it.
    pub fn fact_name(&self, letter: usize, kind: FactKind) -> String {
        let letter = self
            .given()
            .letters
            .get(letter)
            .map_or("letter", |plan| plan.id.as_str());
        format!("{letter}.{}", kind.name())
    }

    fn is_own_key(&self, principals: &[Principal], premise: super::TermId) -> bool {
        match self.graph().term(premise) {
            Some(Term::Key(key)) => {
                let held = self.given().keys.get(*key);
                held.is_some_and(|held| principals.contains(&held.holder))
            }
            _ => true,
        }
    }

    fn step_of(&self, step: &Inference) -> Step {
        let place = match &step.at {
            Some(at) => self.places().describe(self.expansion(), at),
            None => self.place_of_ends(step),
        };
        let source = step
            .at
            .as_ref()
            .and_then(|at| self.source_of(at, place.origin));
        let excerpt = step
            .at
            .as_ref()
            .map_or(&[][..], |at| self.expansion().slice(at));
        let excerpt = excerpt
            .get(..MAXIMUM_EXCERPT.min(excerpt.len()))
            .unwrap_or_default()
            .to_vec();
        let (place_text, result) = self.words(step, place.text);
        Step {
            at: place_text.as_ref().and(place.at),
            place: place_text,
            rule: step.rule.name(),
            result,
            source,
            excerpt,
        }
    }

    /// Place and result of a step in words.
    fn words(&self, step: &Inference, place: Option<String>) -> (Option<String>, Option<String>) {
        let result = match &step.rule {
            Rule::TakeApart { chunk } => {
                let piece = chunk.map_or_else(|| "the whole message".to_owned(), chunk_name);
                return match place {
                    // The place names the message already.
                    Some(place) => (Some(format!("{place}: {piece}")), None),
                    None => (None, Some(format!("contains {piece}"))),
                };
            }
            Rule::Decode => "base64 container, decoded".to_owned(),
            Rule::Decrypt { chunk, slot } => {
                let chunk = chunk_name(*chunk);
                return (
                    None,
                    Some(format!(
                        "keyslot {slot} of {chunk} opens with the {}",
                        self.key_of(step)
                    )),
                );
            }
            Rule::DecryptAlternate { chunk } => {
                let chunk = chunk_name(*chunk);
                format!(
                    "alternate layer of {chunk} opens with the {}",
                    self.key_of(step)
                )
            }
            Rule::Find(form) => format!("{form} = {}", self.conclusion_name(step)),
            Rule::GuessSignature { chunk, signer } => format!(
                "signature of {} verifies under the public key of {signer} and no other = {}",
                chunk_name(*chunk),
                self.conclusion_name(step)
            ),
            Rule::Link { host } => {
                format!("address of {host} = {}", self.conclusion_name(step))
            }
        };
        (place, Some(result))
    }

    fn place_of_ends(&self, step: &Inference) -> Place {
        let channel = step
            .premises
            .iter()
            .find_map(|premise| match self.graph().term(*premise) {
                Some(Term::Ends(channel)) => self.trace().channels.get(channel.0 as usize),
                _ => None,
            });
        let text = channel.and_then(|channel| match &channel.kind {
            ChannelKind::Stream { client, server } => {
                Some(format!("connection from {client} to {server}"))
            }
            ChannelKind::Datagrams { client, server } => {
                Some(format!("datagrams between {client} and {server}"))
            }
            _ => None,
        });
        let at = channel.map(|channel| channel.opened);
        Place {
            class: "ends".to_owned(),
            text,
            at,
            origin: 0,
        }
    }

    fn source_of(&self, at: &Slice, origin: usize) -> Option<Source> {
        let TextId::Observed(buffer) = at.text else {
            return None;
        };
        let relative = |offset: usize| offset.saturating_sub(origin);
        Some(Source {
            buffer,
            range: at.range.clone(),
            shown: relative(at.range.start)..relative(at.range.end),
            packet: self.places().packet(self.trace(), buffer, at.range.start),
        })
    }

    fn key_of(&self, step: &Inference) -> String {
        let label = step
            .premises
            .iter()
            .find_map(|premise| match self.graph().term(*premise) {
                Some(Term::Key(key)) => self.given().keys.get(*key).map(|held| held.label.clone()),
                _ => None,
            });
        label.unwrap_or_else(|| "key".to_owned())
    }

    fn conclusion_name(&self, step: &Inference) -> String {
        match self.graph().term(step.conclusion) {
            Some(Term::Fact { fact, .. }) => match self.given().facts.get(*fact) {
                Some(fact) => self.fact_name(fact.letter, fact.kind),
                None => "a fact".to_owned(),
            },
            Some(Term::Key(_)) => "a private key".to_owned(),
            _ => "a text".to_owned(),
        }
    }

    fn time_of(&self, at: &Slice) -> Option<Tick> {
        let TextId::Observed(buffer) = at.text else {
            return None;
        };
        let buffer = self.trace().buffers.get(buffer.0 as usize)?;
        Some(time_at(buffer, at.range.start))
    }

    /// Who wrote what the proof rests on: for a text the writer of the buffer, for a chunk the writer
    /// of its earliest copy, for the ends of a connection nobody.
    fn first_writer(&self, steps: &[&Inference]) -> Option<Principal> {
        let seen = steps
            .iter()
            .rev()
            .find(|step| self.observed(step).is_some())?;
        let copies = match seen.rule {
            Rule::TakeApart { .. } => {
                let same = |step: &&Inference| step.conclusion == seen.conclusion;
                self.graph()
                    .inferences()
                    .map(|(_, step)| step)
                    .filter(same)
                    .collect()
            }
            _ => vec![*seen],
        };
        let first = copies
            .into_iter()
            .filter_map(|step| Some((self.time_of(step.at.as_ref()?)?, self.observed(step)?)))
            .min()?;
        let buffer = self.trace().buffers.get(first.1.0 as usize)?;
        writer(self.given(), self.trace(), buffer).map(|(_, principal)| principal.clone())
    }

    fn observed(&self, step: &Inference) -> Option<BufferId> {
        match step.at.as_ref()?.text {
            TextId::Observed(buffer) => Some(buffer),
            TextId::Derived(_) => None,
        }
    }
}
