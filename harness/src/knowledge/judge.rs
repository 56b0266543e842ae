//! Judge: what everybody knows against what they may know.
//!
//! Pure: the same analysis and claims give the same judgement. A fact that must never be known and
//! is not found is only then not known if the ledger is whole and no limit was reached.

use std::collections::BTreeSet;
use std::fmt;

use crate::world::{FactKind, Principal};

use super::graph::{Grade, Tie};
use super::policy::{Policy, Role, policy, requirement, roles};
use super::{Analysis, Derivation};

/// Column at which requirement and culprit are printed.
const VERDICT_COLUMN: usize = 84;

/// What a scenario expects beyond the default policy, for one principal and one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whose knowledge.
    pub principal: Principal,
    /// Index of the letter.
    pub letter: usize,
    /// What is expected of it.
    pub kind: ClaimKind,
}

/// The kinds of expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// These and, of the facts whose policy is must or never, no others.
    Exactly(Vec<FactKind>),
    /// At least these.
    Includes(Vec<FactKind>),
    /// None of these.
    Never(Vec<FactKind>),
    /// These inherent leaks are found.
    Inherent(Vec<String>),
}

/// The result of [`judge`].
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// What breaks a requirement, by principal, letter and fact.
    pub findings: Vec<Finding>,
    /// What the protocol itself gave away.
    pub inherent: Vec<InherentFound>,
    /// What could not be decided.
    pub doubts: Vec<Doubt>,
    /// Who knows what: one cell per letter, principal and fact.
    pub cells: Vec<Cell>,
    /// All derivations that findings, inherent leaks and cells refer to.
    pub derivations: Vec<Derivation>,
    /// One per claim, in the order given.
    pub claims: Vec<ClaimOutcome>,
}

/// A broken requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of the requirement.
    pub requirement: &'static str,
    /// What is wrong.
    pub kind: FindingKind,
    /// Who knows too much or too little.
    pub principal: Principal,
    /// Its parts in the letter.
    pub roles: Vec<Role>,
    /// Index of the letter.
    pub letter: usize,
    /// Which relation; nothing if an inherent leak was not found.
    pub fact: Option<FactKind>,
    /// The fact as scenarios name it, or the id of the inherent leak.
    pub name: String,
    /// Who did it, as far as bytes tell.
    pub culprit: Culprit,
    /// Index of the shortest derivation.
    pub derivation: Option<usize>,
    /// How many further derivations there are.
    pub others: usize,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// Something is known that must not be.
    Learned(Grade),
    /// Something that must be held is not.
    Missing,
    /// An inherent leak that the scenario expects was not found.
    NotFound,
}

/// Who is to blame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Culprit {
    /// An actor, by its part and name.
    Peer {
        /// Its parts in the letter.
        roles: Vec<Role>,
        /// Who.
        principal: Principal,
    },
    /// The protocol itself: an inherent leak.
    Protocol(String),
    /// Our own rules, which failed to find what is there.
    Harness,
    /// Bytes do not tell.
    Unknown,
}

/// An inherent leak that took place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InherentFound {
    /// Id of the entry.
    pub id: String,
    /// Who learned it.
    pub principal: Principal,
    /// Index of the letter.
    pub letter: usize,
    /// Which relation.
    pub fact: FactKind,
    /// Index of the derivation.
    pub derivation: usize,
}

/// Something that could not be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Whose knowledge.
    pub principal: Principal,
    /// Index of the letter.
    pub letter: usize,
    /// Which relation.
    pub fact: FactKind,
    /// Why.
    pub reason: String,
}

/// Who knows what: one cell of the table of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Index of the letter.
    pub letter: usize,
    /// Whose knowledge.
    pub principal: Principal,
    /// Its parts in the letter.
    pub roles: Vec<Role>,
    /// Which relation.
    pub fact: FactKind,
    /// What it is entitled to, claims included.
    pub policy: Policy,
    /// How well it is known; nothing if it is not.
    pub grade: Option<Grade>,
    /// What that amounts to.
    pub judged: Judged,
    /// Indices of derivations, shortest first; for what may be known only the first.
    pub derivations: Vec<usize>,
}

/// What a cell of the table amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judged {
    /// As it should be.
    Ok,
    /// Known only by a path that the protocol itself opens.
    Inherent,
    /// Not decided.
    Doubtful,
    /// Must be held and is not.
    Missing,
    /// Must not be known and is.
    Finding,
}

/// What came of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimOutcome {
    /// Indices of the findings that break it.
    pub findings: Vec<usize>,
    /// Indices of the doubts that leave it open.
    pub doubts: Vec<usize>,
}

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

impl Finding {
    /// What is wrong, in a line.
    pub fn message(&self) -> String {
        let who = describe(&self.roles, &self.principal);
        match self.kind {
            FindingKind::Learned(grade) => {
                format!("{who} {} {} (never allowed)", grade.verb(), self.name)
            }
            FindingKind::Missing => format!("{who} does not hold {} (it must)", self.name),
            FindingKind::NotFound => {
                format!("{} was not found at {who}", self.name)
            }
        }
    }
}

impl Judgement {
    /// A finding with its derivation, as `explain` prints it.
    pub fn explain(&self, finding: &Finding) -> String {
        let message = finding.message();
        let Finding {
            requirement,
            culprit,
            ..
        } = finding;
        let head =
            format!("{message:<VERDICT_COLUMN$} requirement {requirement}, culprit {culprit}");
        match finding
            .derivation
            .and_then(|index| self.derivations.get(index))
        {
            Some(derivation) => format!("{head}\n{derivation}"),
            None => head,
        }
    }
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Culprit::Peer { roles, principal } => f.write_str(&describe(roles, principal)),
            Culprit::Protocol(id) => write!(f, "protocol ({id})"),
            Culprit::Harness => f.write_str("harness"),
            Culprit::Unknown => f.write_str("unknown"),
        }
    }
}

/// The name of a principal.
pub(super) fn name_of(principal: &Principal) -> &str {
    match principal {
        Principal::Person(name)
        | Principal::Organization(name)
        | Principal::Dns(name)
        | Principal::Tap(name) => name,
    }
}

fn describe(roles: &[Role], principal: &Principal) -> String {
    let parts: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    format!("{} {}", parts.join(" and "), name_of(principal))
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
        for letter in 0..self.analysis.given().letters.len() {
            let roles = roles(self.analysis.given(), letter, principal);
            for derivation in knowledge.iter_mut().filter(|known| known.letter == letter) {
                let entries = self.analysis.given().inherent.iter();
                let entry = entries
                    .clone()
                    .find(|entry| entry.matches(&roles, derivation));
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
                ClaimKind::Exactly(_) if result == Policy::Must => result = Policy::Never,
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
            .filter(|known| question.facts.contains(&known.fact));
        let (undecided, decided): (Vec<&Derivation>, Vec<&Derivation>) =
            known.partition(|known| matches!(known.tie, Tie::Undecided(_)));
        let grade = decided.iter().map(|known| known.grade).min();
        let (judged, derivations) = match question.policy {
            Policy::Never => self.never(question, &decided, &undecided),
            Policy::Must => self.must(question, &decided, &undecided),
            Policy::May => (Judged::Ok, self.keep_first(&decided)),
        };
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

    fn never(
        &mut self,
        question: &Question<'_>,
        decided: &[&Derivation],
        undecided: &[&Derivation],
    ) -> (Judged, Vec<usize>) {
        let (inherent, own): (Vec<&&Derivation>, Vec<&&Derivation>) =
            decided.iter().partition(|known| known.inherent.is_some());
        let (weak, strong): (Vec<&Derivation>, Vec<&Derivation>) = own
            .into_iter()
            .copied()
            .partition(|known| known.grade == Grade::Suspected);
        let mut kept = self.findings(question, &strong);
        for leak in &inherent {
            let index = self.keep(leak);
            kept.push(index);
            self.out.inherent.push(InherentFound {
                id: leak.inherent.clone().unwrap_or_default(),
                principal: question.principal.clone(),
                letter: question.letter,
                fact: question.kind,
                derivation: index,
            });
        }
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
        let reached = self.analysis.reached(question.letter, question.principal);
        if !reached || question.facts.iter().all(held) {
            return (Judged::Ok, kept);
        }
        if let Some(reason) = self.reason_to_doubt(question, &[], undecided) {
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
        if let Some(limit) = self.analysis.truncated() {
            return Some(format!("limit reached: {limit}"));
        }
        let gap = self.analysis.gap(question.principal)?;
        Some(format!("ledger is partial: {gap}"))
    }

    fn doubt(&mut self, question: &Question<'_>, reason: String) {
        self.out.doubts.push(Doubt {
            principal: question.principal.clone(),
            letter: question.letter,
            fact: question.kind,
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

    /// Expected inherent leaks that were not found: either the protocol changed or our rules broke.
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
        let findings = self.out.findings.iter().enumerate().filter(|(_, finding)| {
            finding.principal == claim.principal
                && finding.letter == claim.letter
                && is_listed(finding)
        });
        let doubts = self.out.doubts.iter().enumerate().filter(|(_, doubt)| {
            doubt.principal == claim.principal
                && doubt.letter == claim.letter
                && concerns(doubt.fact)
        });
        ClaimOutcome {
            findings: findings.map(|(index, _)| index).collect(),
            doubts: doubts.map(|(index, _)| index).collect(),
        }
    }
}
