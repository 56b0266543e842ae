//! The knowledge engine: what could each principal know about each letter, and by which reasoning?
//!
//! [`analyse`] builds one graph of inferences over everything that was observed, whoever observed
//! it; [`Analysis::knows`] and [`Analysis::coalition`] ask what is reachable from what somebody
//! saw and the keys they hold; [`judge`] compares that with who may know what. The engine sees
//! bytes, keys and the world. It never asks an actor and uses no implementation's parser.

mod explain;
mod forms;
mod graph;
mod inherent;
mod judge;
mod judgement;
mod needles;
mod place;
mod policy;
mod reach;
mod rules;
mod scope;

use std::collections::{BTreeMap, BTreeSet};

use dime_wire::signet::{FingerprintKind, Signet};

use crate::ledger::{BufferId, ChannelId, Completeness, Ledger, Trace};
use crate::world::{DirectoryEntry, Fact, HeldKey, Host, LetterPlan, Principal, World};

pub use explain::{Derivation, MAXIMUM_EXCERPT, ShapeStep, Source, Step};
pub use forms::{Aspect, Coding, Form};
pub use graph::{Grade, Graph, Inference, InferenceId, Rule, Slice, Term, TermId, TextId, Tie};
pub use inherent::{InherentError, InherentLeak, read as read_inherent};
pub use judge::judge;
pub use judgement::{
    Cell, Claim, ClaimKind, ClaimOutcome, Culprit, Doubt, Finding, FindingKind, InherentFound,
    Judged, Judgement,
};
pub use policy::{Policy, Role, policy, requirement, roles};

use needles::Needles;
use place::Places;
use reach::Reach;
use rules::Expansion;
use scope::Scope;

/// What the engine is told about a world: what there is to be known, and who can know it.
pub struct Given<'a> {
    /// What there is to know of each letter.
    pub facts: &'a [Fact],
    /// The letters; a fact's letter is an index into them.
    pub letters: &'a [LetterPlan],
    /// All hosts by name.
    pub hosts: &'a BTreeMap<String, Host>,
    /// What the protocol itself gives away.
    pub inherent: &'a [InherentLeak],
    /// All private keys and who holds them from the start.
    pub keys: Vec<HeldKey>,
    /// All public keys that verify signatures.
    pub directory: Vec<DirectoryEntry>,
    /// What publicly stands for an address or domain: what it is, and its bytes.
    pub identifiers: BTreeMap<String, Vec<(&'static str, Vec<u8>)>>,
}

impl<'a> Given<'a> {
    /// Everything the engine needs from a world.
    pub fn from_world(world: &'a World, inherent: &'a [InherentLeak]) -> Self {
        let mut given = Given {
            facts: &world.facts,
            letters: &world.letters,
            hosts: &world.hosts,
            inherent,
            keys: Vec::new(),
            directory: Vec::new(),
            identifiers: BTreeMap::new(),
        };
        for organization in world.organizations.values() {
            given.keys.push(HeldKey {
                label: format!("encryption key of {}", organization.domain),
                holder: Principal::Organization(organization.domain.clone()),
                keys: organization.keys.clone(),
                alternate: None,
            });
            given.publish(&organization.domain, &organization.signet);
        }
        for person in world.people.values() {
            given.keys.push(HeldKey {
                label: format!("encryption key of {}", person.id),
                holder: Principal::Person(person.id.clone()),
                keys: person.keys.clone(),
                alternate: person.alternate.clone(),
            });
            given.publish(&person.address, &person.signet);
        }
        given
    }

    /// Adds a signet to the public directory under a name.
    pub fn publish(&mut self, name: &str, signet: &Signet) {
        const KINDS: [FingerprintKind; 3] = [
            FingerprintKind::Cryptographic,
            FingerprintKind::Full,
            FingerprintKind::Identified,
        ];
        let mut public: Vec<(&'static str, Vec<u8>)> = Vec::new();
        // Of an organization all keys that may sign messages, of a user the one there is.
        let single = || signet.signing_key().map(|key| vec![key]);
        let signing = signet
            .message_keys()
            .or_else(|_| single())
            .unwrap_or_default();
        for key in signing {
            let name = name.to_owned();
            self.directory.push(DirectoryEntry { name, key });
            public.push(("signing key", key.0.to_vec()));
        }
        if let Ok(key) = signet.encryption_key() {
            public.push(("encryption key", key.as_bytes().to_vec()));
        }
        for kind in KINDS {
            if let Some(fingerprint) = signet.fingerprint(kind) {
                public.push((
                    "signet fingerprint",
                    fingerprint.as_str().as_bytes().to_vec(),
                ));
            }
        }
        self.identifiers
            .entry(name.to_owned())
            .or_default()
            .extend(public);
    }
}

/// Expands a trace into a graph of everything that can be inferred from it.
pub fn analyse<'a>(given: &'a Given<'a>, trace: &'a Trace) -> Analysis<'a> {
    let needles = Needles::new(given.facts, &given.keys, &given.identifiers);
    let mut expansion = Expansion::run(given, trace);
    let found = scope::search(&expansion, &needles);
    let scope = Scope::new(&expansion, &found);
    let places = Places::new(&expansion);
    expansion.conclude_hits(&needles, &found, &scope, &places);
    expansion.conclude_signatures(&scope);
    expansion.conclude_links(&scope);
    if needles.truncated {
        expansion.graph.truncate("MAXIMUM_NEEDLES");
    }
    Analysis {
        expansion,
        scope,
        places,
    }
}

/// A trace, expanded.
pub struct Analysis<'a> {
    expansion: Expansion<'a>,
    scope: Scope,
    places: Places,
}

/// What somebody knows: for every fact and every shape of reasoning the shortest derivation.
#[derive(Clone, Debug, Default)]
pub struct Knowledge {
    /// By fact, then by length.
    pub derivations: Vec<Derivation>,
}

impl Knowledge {
    /// The derivations of one fact.
    pub fn of(&self, fact: usize) -> impl Iterator<Item = &Derivation> {
        self.derivations
            .iter()
            .filter(move |derivation| derivation.fact == fact)
    }

    /// The best grade at which a fact of a letter is known for certain of being that letter's.
    pub fn grade(&self, fact: usize) -> Option<Grade> {
        let decided = self
            .of(fact)
            .filter(|known| !matches!(known.tie, Tie::Undecided(_)));
        decided.map(|known| known.grade).min()
    }
}

impl Analysis<'_> {
    /// What one principal knows.
    pub fn knows(&self, principal: &Principal) -> Knowledge {
        self.coalition(std::slice::from_ref(principal))
    }

    /// What principals know who pool their ledgers and keys.
    pub fn coalition(&self, principals: &[Principal]) -> Knowledge {
        let reach = Reach::from(self.graph(), &self.base(principals));
        let mut best: BTreeMap<(usize, Grade, bool, Vec<ShapeStep>), Candidate> = BTreeMap::new();
        for (id, inference) in self.graph().inferences() {
            let Some(Term::Fact { fact, grade }) = self.graph().term(inference.conclusion) else {
                continue;
            };
            let exempt = inference
                .exempt
                .as_ref()
                .is_some_and(|own| principals.contains(own));
            if exempt || !reach.allows(inference) {
                continue;
            }
            let proof = reach.proof(self.graph(), id);
            let shape = self.shape(principals, &proof);
            let undecided = matches!(inference.tie, Tie::Undecided(_));
            let candidate = Candidate {
                cost: reach.cost(inference),
                at: self.moment(&proof),
                id,
                proof,
            };
            let entry = best.entry((*fact, *grade, undecided, shape));
            let kept = entry.or_insert_with(|| candidate.clone());
            if candidate.rank() < kept.rank() {
                *kept = candidate;
            }
        }
        let mut ranked: Vec<_> = best
            .into_iter()
            .map(|((fact, grade, ..), kept)| (fact, grade, kept))
            .collect();
        ranked.sort_by_key(|(fact, grade, kept)| (*fact, *grade, kept.rank()));
        let derivations = ranked
            .iter()
            .filter_map(|(_, _, kept)| self.derivation(principals, &kept.proof));
        Knowledge {
            derivations: derivations.collect(),
        }
    }

    /// The graph of inferences.
    pub fn graph(&self) -> &Graph {
        &self.expansion.graph
    }

    /// The name of the limit that cut recording or analysis short, if one did. Then nothing that
    /// was not found can be said to be unknown.
    pub fn truncated(&self) -> Option<&'static str> {
        self.graph().truncated()
    }

    /// Whether any copy of a letter's message, sealed or open, came to a principal.
    pub fn reached(&self, letter: usize, principal: &Principal) -> bool {
        let Some(ledger) = self.ledger(principal) else {
            return false;
        };
        self.expansion.copies.iter().any(|copy| {
            let observed = match copy.at.text {
                TextId::Observed(buffer) => Some(buffer),
                TextId::Derived(index) => self.container_of(index),
            };
            observed.is_some_and(|buffer| ledger.observations.contains(&buffer))
                && self.scope.letters_of(copy.message).any(|of| of == letter)
        })
    }

    /// The letters whose messages passed on a connection.
    pub fn letters_on(&self, channel: ChannelId) -> Vec<usize> {
        self.scope.letters_on(channel).collect()
    }

    /// What the analysis was told.
    pub fn given(&self) -> &Given<'_> {
        self.expansion.given
    }

    /// The trace it is of.
    pub fn trace(&self) -> &Trace {
        self.expansion.trace
    }

    /// Why a principal's ledger may miss something, if it may.
    pub fn gap(&self, principal: &Principal) -> Option<String> {
        match &self.ledger(principal)?.completeness {
            Completeness::Complete => None,
            Completeness::Partial(reason) => Some(reason.clone()),
        }
    }

    fn expansion(&self) -> &Expansion<'_> {
        &self.expansion
    }

    fn places(&self) -> &Places {
        &self.places
    }

    fn ledger(&self, principal: &Principal) -> Option<&Ledger> {
        self.trace()
            .ledgers
            .iter()
            .find(|ledger| ledger.principal == *principal)
    }

    fn shape(&self, principals: &[Principal], proof: &[InferenceId]) -> Vec<ShapeStep> {
        let steps = proof.iter().filter_map(|id| self.graph().inference(*id));
        steps.map(|step| self.shape_of(principals, step)).collect()
    }

    /// The observed buffer that a derived text's container was found in.
    fn container_of(&self, index: u32) -> Option<BufferId> {
        let mut index = index;
        for _ in 0..=rules::MAXIMUM_DEPTH {
            match self.expansion.derived.get(index as usize)?.from.text {
                TextId::Observed(buffer) => return Some(buffer),
                TextId::Derived(outer) => index = outer,
            }
        }
        None
    }

    /// The terms that principals start with: texts and ends of what they observed, and their keys.
    fn base(&self, principals: &[Principal]) -> BTreeSet<TermId> {
        let mut terms = Vec::new();
        for ledger in principals
            .iter()
            .filter_map(|principal| self.ledger(principal))
        {
            for id in &ledger.observations {
                terms.push(Term::Text(TextId::Observed(*id)));
                let buffer = self.trace().buffers.get(id.0 as usize);
                terms.extend(buffer.map(|buffer| Term::Ends(buffer.channel)));
            }
        }
        for (index, held) in self.given().keys.iter().enumerate() {
            if principals.contains(&held.holder) {
                terms.push(Term::Key(index));
            }
        }
        terms
            .iter()
            .filter_map(|term| self.graph().find(term))
            .collect()
    }
}

/// A proof of a fact, as a rival of others of its shape.
#[derive(Clone)]
struct Candidate {
    cost: u32,
    at: Option<dime::platform::Tick>,
    id: InferenceId,
    proof: Vec<InferenceId>,
}

impl Candidate {
    /// Shorter is better, then earlier, then the one that was found first.
    fn rank(&self) -> (u32, Option<dime::platform::Tick>, InferenceId) {
        (self.cost, self.at, self.id)
    }
}

#[cfg(test)]
mod tests;
