//! Judge: what everybody knows against what they may know.
//!
//! Pure: the same analysis and claims give the same judgement. A fact that must never be known and
//! is not found is only then not known if the ledger is whole and no limit was reached.

use std::collections::BTreeSet;

use crate::world::{FactKind, Principal};

use super::graph::{Grade, Tie};
use super::judgement::{
    Cell, Claim, ClaimKind, ClaimOutcome, Culprit, Doubt, Finding, FindingKind, InherentFound,
    Judged, Judgement,
};
use super::needles::MINIMUM_NEEDLE_BYTES;
use super::policy::{Policy, Role, policy, requirement, roles};
use super::{Analysis, Derivation};

/// Compares what everybody knows with the default policy and a scenario's claims.
pub fn judge(analysis: &Analysis<'_>, claims: &[Claim]) -> Judgement {
    let mut judge = Judge {
        analysis,
        claims,
        out: Judgement::default(),
    };
    for ledger in &analysis.trace().ledgers {
        judge.principal(&ledger.principal);
    }
    judge.inherent_claims();
    judge.out.claims = claims.iter().map(|claim| judge.outcome(claim)).collect();
    judge.out
}

/// Whether a fact is the address of a host, which every connection tells: a claim that somebody
/// knows exactly some facts does not speak of these.
fn is_host(kind: FactKind) -> bool {
    matches!(kind, FactKind::AuthorHost | FactKind::RecipientHost)
}

struct Judge<'j> {
    analysis: &'j Analysis<'j>,
    claims: &'j [Claim],
    out: Judgement,
}

/// One cell while it is judged.
struct Question<'q> {
    principal: &'q Principal,
    roles: &'q [Role],
    letter: usize,
    kind: FactKind,
    /// Indices of facts of that kind in that letter; a letter may have two attachments.
    facts: Vec<usize>,
    policy: Policy,
}

impl Judge<'_> {
    fn principal(&mut self, principal: &Principal) {
        let mut knowledge = self.analysis.knows(principal).derivations;
        for (letter, plan) in self.analysis.given().letters.iter().enumerate() {
            let roles = roles(self.analysis.given(), letter, principal);
            for derivation in knowledge.iter_mut().filter(|known| known.letter == letter) {
                let entries = self.analysis.given().inherent.iter();
                let entry = entries
                    .clone()
                    .find(|entry| entry.concerns(plan) && entry.matches(&roles, derivation));
                derivation.inherent = entry.map(|entry| entry.id.clone());
            }
            let kinds: BTreeSet<FactKind> = self.facts_of(letter).map(|(_, kind)| kind).collect();
            for kind in kinds {
                let facts = self.facts_of(letter).filter(|(_, of)| *of == kind);
                let question = Question {
                    principal,
                    roles: &roles,
                    letter,
                    kind,
                    facts: facts.map(|(index, _)| index).collect(),
                    policy: self.policy(principal, letter, &roles, kind),
                };
                self.cell(&question, &knowledge);
            }
        }
    }

    fn facts_of(&self, letter: usize) -> impl Iterator<Item = (usize, FactKind)> + '_ {
        let facts = self.analysis.given().facts.iter().enumerate();
        facts
            .filter(move |(_, fact)| fact.letter == letter)
            .map(|(index, fact)| (index, fact.kind))
    }

    /// The default policy, changed by claims.
    fn policy(
        &self,
        principal: &Principal,
        letter: usize,
        roles: &[Role],
        kind: FactKind,
    ) -> Policy {
        let mut result = policy(roles, kind);
        let concerned = |claim: &&Claim| claim.principal == *principal && claim.letter == letter;
        for claim in self.claims.iter().filter(concerned) {
            match &claim.kind {
                ClaimKind::Exactly(facts) if facts.contains(&kind) => result = Policy::Must,
                ClaimKind::Exactly(_) if result == Policy::Must && !is_host(kind) => {
                    result = Policy::Never;
                }
                ClaimKind::Includes(facts) if facts.contains(&kind) => result = Policy::Must,
                ClaimKind::Never(facts) if facts.contains(&kind) => result = Policy::Never,
                _ => {}
            }
        }
        result
    }

    fn cell(&mut self, question: &Question<'_>, knowledge: &[Derivation]) {
        let known = knowledge
            .iter()
            .filter(|known| question.facts.contains(&known.fact) && self.counts(question, known));
        let (undecided, decided): (Vec<&Derivation>, Vec<&Derivation>) =
            known.partition(|known| matches!(known.tie, Tie::Undecided(_)));
        let grade = decided.iter().map(|known| known.grade).min();
        let inherent = self.inherent(question, &decided);
        let (judged, mut derivations) = match question.policy {
            Policy::Never => self.never(question, &decided, &undecided),
            Policy::Must => self.must(question, &decided, &undecided),
            Policy::May => self.may(&decided),
        };
        derivations.extend(inherent);
        self.out.cells.push(Cell {
            letter: question.letter,
            principal: question.principal.clone(),
            roles: question.roles.to_vec(),
            fact: question.kind,
            policy: question.policy,
            grade,
            judged,
            derivations,
        });
    }

    /// Whether a derivation counts as knowledge of the letter that must not be. A value that merely
    /// passed while the letter was on its way does not, if the principal has it rightly from another
    /// letter, or if it is the public name of an organization and the principal takes no part.
    fn counts(&self, question: &Question<'_>, known: &Derivation) -> bool {
        let passed = matches!(known.tie, Tie::Flight | Tie::Undecided(_));
        if !passed || question.policy != Policy::Never {
            return true;
        }
        let public = matches!(question.kind, FactKind::Origin | FactKind::Destination);
        if public && question.roles == [Role::Bystander] {
            return false;
        }
        let given = self.analysis.given();
        let value = given.facts.get(known.fact).map(|fact| &fact.value);
        let rightly = given.facts.iter().any(|fact| {
            fact.letter != question.letter
                && Some(&fact.value) == value
                && policy(&roles(given, fact.letter, question.principal), fact.kind)
                    != Policy::Never
        });
        !rightly
    }

    /// Reports the inherent leaks among derivations.
    fn inherent(&mut self, question: &Question<'_>, decided: &[&Derivation]) -> Vec<usize> {
        let mut kept = Vec::new();
        for leak in decided {
            let Some(id) = &leak.inherent else {
                continue;
            };
            let derivation = self.keep(leak);
            kept.push(derivation);
            self.out.inherent.push(InherentFound {
                id: id.clone(),
                principal: question.principal.clone(),
                letter: question.letter,
                fact: question.kind,
                derivation,
            });
        }
        kept
    }

    fn never(
        &mut self,
        question: &Question<'_>,
        decided: &[&Derivation],
        undecided: &[&Derivation],
    ) -> (Judged, Vec<usize>) {
        let (inherent, own): (Vec<&Derivation>, Vec<&Derivation>) = decided
            .iter()
            .copied()
            .partition(|known| known.inherent.is_some());
        let (weak, strong): (Vec<&Derivation>, Vec<&Derivation>) = own
            .into_iter()
            .partition(|known| known.grade == Grade::Suspected);
        let mut kept = self.findings(question, &strong);
        let judged = if !strong.is_empty() {
            Judged::Finding
        } else if let Some(reason) = self.reason_to_doubt(question, &weak, undecided) {
            kept.extend(
                weak.iter()
                    .chain(undecided)
                    .next()
                    .map(|first| self.keep(first)),
            );
            self.doubt(question, reason);
            Judged::Doubtful
        } else if !inherent.is_empty() {
            Judged::Inherent
        } else {
            Judged::Ok
        };
        (judged, kept)
    }

    fn may(&mut self, decided: &[&Derivation]) -> (Judged, Vec<usize>) {
        // What the protocol gives away is reported already.
        if decided.iter().any(|known| known.inherent.is_some()) {
            return (Judged::Inherent, Vec::new());
        }
        (Judged::Ok, self.keep_first(decided))
    }

    fn must(
        &mut self,
        question: &Question<'_>,
        decided: &[&Derivation],
        undecided: &[&Derivation],
    ) -> (Judged, Vec<usize>) {
        let kept = self.keep_first(decided);
        let held = |fact: &usize| {
            decided
                .iter()
                .any(|known| known.fact == *fact && known.grade == Grade::Holds)
        };
        let reached = self.analysis.reached(question.letter, question.principal)
            && (question.kind != FactKind::RecipientHost || self.was_fetched(question.letter));
        if !reached || question.facts.iter().all(held) {
            return (Judged::Ok, kept);
        }
        let reason = self.reason_to_doubt(question, &[], undecided);
        if let Some(reason) = reason.or_else(|| self.too_short(question)) {
            self.doubt(question, reason);
            return (Judged::Doubtful, kept);
        }
        let role = question.roles.first().copied().unwrap_or(Role::Bystander);
        let culprit = Culprit::Peer {
            roles: question.roles.to_vec(),
            principal: question.principal.clone(),
        };
        self.out.findings.push(Finding {
            requirement: requirement(role),
            kind: FindingKind::Missing,
            principal: question.principal.clone(),
            roles: question.roles.to_vec(),
            letter: question.letter,
            fact: Some(question.kind),
            name: self.analysis.fact_name(question.letter, question.kind),
            culprit,
            derivation: kept.first().copied(),
            others: 0,
        });
        (Judged::Missing, kept)
    }

    /// Whether a letter came to somebody whom it is for, so that their host showed itself.
    fn was_fetched(&self, letter: usize) -> bool {
        let given = self.analysis.given();
        let plan = given.letters.get(letter);
        plan.is_some_and(|plan| {
            let recipient = Principal::Person(plan.recipient.clone());
            self.analysis.reached(letter, &recipient)
        })
    }

    /// One finding per culprit, with the shortest derivation of each. Whoever keeps what another
    /// sent them is no culprit.
    fn findings(&mut self, question: &Question<'_>, strong: &[&Derivation]) -> Vec<usize> {
        let foreign = |known: &&&Derivation| known.writer.as_ref() != Some(question.principal);
        let others: Vec<&Derivation> = strong.iter().filter(foreign).copied().collect();
        let blamed = if others.is_empty() {
            strong
        } else {
            others.as_slice()
        };
        let writers: BTreeSet<Option<&Principal>> =
            blamed.iter().map(|known| known.writer.as_ref()).collect();
        let mut kept = Vec::new();
        for writer in writers {
            let mut of_writer = blamed
                .iter()
                .filter(|known| known.writer.as_ref() == writer);
            let Some(first) = of_writer.next() else {
                continue;
            };
            let others = of_writer.count();
            let index = self.keep(first);
            kept.push(index);
            let culprit = writer.map_or(Culprit::Unknown, |writer| Culprit::Peer {
                roles: roles(self.analysis.given(), question.letter, writer),
                principal: writer.clone(),
            });
            let role = question.roles.first().copied().unwrap_or(Role::Bystander);
            self.out.findings.push(Finding {
                requirement: requirement(role),
                kind: FindingKind::Learned(first.grade),
                principal: question.principal.clone(),
                roles: question.roles.to_vec(),
                letter: question.letter,
                fact: Some(question.kind),
                name: self.analysis.fact_name(question.letter, question.kind),
                culprit,
                derivation: Some(index),
                others,
            });
        }
        kept
    }

    fn reason_to_doubt(
        &self,
        question: &Question<'_>,
        weak: &[&Derivation],
        undecided: &[&Derivation],
    ) -> Option<String> {
        if let Some(Tie::Undecided(letters)) = undecided.first().map(|known| &known.tie) {
            let plans = letters
                .iter()
                .filter_map(|letter| self.analysis.given().letters.get(*letter));
            let names: Vec<&str> = plans.map(|plan| plan.id.as_str()).collect();
            return Some(format!(
                "value may belong to any of the letters {}",
                names.join(", ")
            ));
        }
        if !weak.is_empty() {
            return Some("value is too weak to count without a second run".to_owned());
        }
        self.gap(question.principal)
    }

    /// Why something that a principal knows may not have been found.
    fn gap(&self, principal: &Principal) -> Option<String> {
        if let Some(limit) = self.analysis.truncated() {
            return Some(format!("limit reached: {limit}"));
        }
        let gap = self.analysis.gap(principal)?;
        Some(format!("ledger is partial: {gap}"))
    }

    /// Why a value is not missed: it cannot be searched for.
    fn too_short(&self, question: &Question<'_>) -> Option<String> {
        let facts = question.facts.iter();
        let mut facts = facts.filter_map(|index| self.analysis.given().facts.get(*index));
        let short = facts.any(|fact| fact.value.len() < MINIMUM_NEEDLE_BYTES);
        (short && !is_host(question.kind)).then(|| "value is too short to be searched".to_owned())
    }

    fn doubt(&mut self, question: &Question<'_>, reason: String) {
        self.out.doubts.push(Doubt {
            principal: question.principal.clone(),
            letter: question.letter,
            fact: Some(question.kind),
            name: self.analysis.fact_name(question.letter, question.kind),
            reason,
        });
    }

    fn keep(&mut self, derivation: &Derivation) -> usize {
        self.out.derivations.push(derivation.clone());
        self.out.derivations.len() - 1
    }

    fn keep_first(&mut self, decided: &[&Derivation]) -> Vec<usize> {
        decided
            .first()
            .map(|first| self.keep(first))
            .into_iter()
            .collect()
    }

    /// Expected inherent leaks that were not found: either the protocol changed or our rules broke,
    /// unless part of what the principal saw was not recorded.
    fn inherent_claims(&mut self) {
        for claim in self.claims {
            let ClaimKind::Inherent(ids) = &claim.kind else {
                continue;
            };
            for id in ids {
                let found = self.out.inherent.iter().any(|found| {
                    found.id == *id
                        && found.letter == claim.letter
                        && found.principal == claim.principal
                });
                if found {
                    continue;
                }
                if let Some(gap) = self.gap(&claim.principal) {
                    self.out.doubts.push(Doubt {
                        principal: claim.principal.clone(),
                        letter: claim.letter,
                        fact: None,
                        name: id.clone(),
                        reason: gap,
                    });
                    continue;
                }
                let roles = roles(self.analysis.given(), claim.letter, &claim.principal);
                self.out.findings.push(Finding {
                    requirement: requirement(roles.first().copied().unwrap_or(Role::Bystander)),
                    kind: FindingKind::NotFound,
                    principal: claim.principal.clone(),
                    roles,
                    letter: claim.letter,
                    fact: None,
                    name: id.clone(),
                    culprit: Culprit::Harness,
                    derivation: None,
                    others: 0,
                });
            }
        }
    }

    /// The findings and doubts that concern a claim.
    fn outcome(&self, claim: &Claim) -> ClaimOutcome {
        let concerns = |fact: FactKind| match &claim.kind {
            ClaimKind::Exactly(_) => true,
            ClaimKind::Includes(facts) | ClaimKind::Never(facts) => facts.contains(&fact),
            ClaimKind::Inherent(_) => false,
        };
        let is_listed = |finding: &Finding| match (&claim.kind, finding.fact) {
            (ClaimKind::Inherent(ids), None) => ids.contains(&finding.name),
            (_, Some(fact)) => concerns(fact),
            (_, None) => false,
        };
        let is_doubted = |doubt: &Doubt| match (&claim.kind, doubt.fact) {
            (ClaimKind::Inherent(ids), None) => ids.contains(&doubt.name),
            (_, Some(fact)) => concerns(fact),
            (_, None) => false,
        };
        let findings = self.out.findings.iter().enumerate().filter(|(_, finding)| {
            finding.principal == claim.principal
                && finding.letter == claim.letter
                && is_listed(finding)
        });
        let doubts = self.out.doubts.iter().enumerate().filter(|(_, doubt)| {
            doubt.principal == claim.principal && doubt.letter == claim.letter && is_doubted(doubt)
        });
        ClaimOutcome {
            findings: findings.map(|(index, _)| index).collect(),
            doubts: doubts.map(|(index, _)| index).collect(),
        }
    }
}
