//! The ends of derivations: values found in texts, and signatures that tell a signer.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Fact, FactKind};

use super::super::forms::Form;
use super::super::graph::{Grade, Inference, Rule, Slice, Term, TermId, TextId, Tie};
use super::super::needles::{Hit, Needles, Target};
use super::super::place::Places;
use super::super::scope::{Scope, account_of};
use super::Expansion;

/// Strength in bits below which a fact that the policy protects may be hit by chance.
const MINIMUM_STRENGTH_BITS: u32 = 32;
/// Length from which even a weak value is not hit by chance, in bytes.
const MINIMUM_CERTAIN_BYTES: usize = 12;

impl Expansion<'_> {
    /// Adds one inference per fact, text, form and kind of place that a needle was found in.
    pub(in super::super) fn conclude_hits(
        &mut self,
        needles: &Needles,
        found: &BTreeMap<TextId, Vec<Hit>>,
        scope: &Scope,
        places: &Places,
    ) {
        let mut seen: BTreeSet<(usize, TextId, Form, String)> = BTreeSet::new();
        let mut pieces: BTreeSet<(TextId, usize, usize)> = BTreeSet::new();
        for (text, hits) in found {
            let Some(premise) = self.graph.find(&Term::Text(*text)) else {
                continue;
            };
            for hit in hits {
                let at = Slice {
                    text: *text,
                    range: hit.range.clone(),
                };
                if !pieces.insert((*text, hit.needle, places.piece(self, &at))) {
                    continue;
                }
                let Some(form) = needles.get(hit).map(|needle| needle.form.clone()) else {
                    continue;
                };
                let fact = match hit.target {
                    Target::Key(key) => {
                        self.conclude_key(key, premise, form, at);
                        continue;
                    }
                    Target::Fact(fact) => fact,
                };
                let Some(tie) = scope.tie(self, &at, fact) else {
                    continue;
                };
                let class = places.describe(self, &at).class;
                if seen.insert((fact, *text, form.clone(), class)) {
                    self.conclude_fact(fact, premise, form, at, tie);
                }
            }
        }
    }

    /// Adds an inference for every signature that tells an actor of its letter.
    pub(in super::super) fn conclude_signatures(&mut self, scope: &Scope) {
        for verified in self.guess_signatures() {
            for letter in scope.letters_of(verified.message) {
                for index in facts_named(self.given.facts, letter, &verified.signer) {
                    let Some(conclusion) = self.fact_term(index, Grade::Confirms) else {
                        return;
                    };
                    self.graph.infer(Inference {
                        rule: Rule::GuessSignature {
                            chunk: verified.chunk,
                            signer: verified.signer.clone(),
                        },
                        premises: verified.premises.clone(),
                        conclusion,
                        at: Some(verified.at.clone()),
                        tie: Tie::Message,
                        exempt: None,
                    });
                }
            }
        }
    }

    pub(super) fn fact_term(&mut self, fact: usize, grade: Grade) -> Option<TermId> {
        self.graph.intern(Term::Fact { fact, grade })
    }

    fn conclude_key(&mut self, key: usize, premise: TermId, form: Form, at: Slice) {
        if let Some(conclusion) = self.graph.intern(Term::Key(key)) {
            self.step(Rule::Find(form), vec![premise], conclusion, at);
        }
    }

    fn conclude_fact(&mut self, fact: usize, premise: TermId, form: Form, at: Slice, tie: Tie) {
        let grade = match self.given.facts.get(fact) {
            _ if form.confirms_only() => Grade::Confirms,
            Some(fact) if is_weak(fact) && !self.is_certain(fact, &at, &tie) => Grade::Suspected,
            _ => Grade::Holds,
        };
        let exempt = match tie {
            Tie::Flight | Tie::Undecided(_) => account_of(self.given, fact),
            _ => None,
        };
        let Some(conclusion) = self.fact_term(fact, grade) else {
            return;
        };
        self.graph.infer(Inference {
            rule: Rule::Find(form),
            premises: vec![premise],
            conclusion,
            at: Some(at),
            tie,
            exempt,
        });
    }

    /// Whether a weak value cannot stand at a place by chance: inside a decrypted chunk of its
    /// own letter, or because it is long.
    fn is_certain(&self, fact: &Fact, at: &Slice, tie: &Tie) -> bool {
        let decrypted = matches!(at.text, TextId::Derived(_)) && *tie == Tie::Message;
        decrypted || fact.value.len() >= MINIMUM_CERTAIN_BYTES
    }
}

fn is_weak(fact: &Fact) -> bool {
    let public = matches!(
        fact.kind,
        FactKind::Origin | FactKind::Destination | FactKind::AuthorHost | FactKind::RecipientHost
    );
    !public && fact.strength < MINIMUM_STRENGTH_BITS
}

/// The facts of a letter whose value is the name of a signer.
fn facts_named(facts: &[Fact], letter: usize, name: &str) -> Vec<usize> {
    let of_letter = facts
        .iter()
        .enumerate()
        .filter(|(_, fact)| fact.letter == letter);
    of_letter
        .filter(|(_, fact)| fact.value.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(index, _)| index)
        .collect()
}
