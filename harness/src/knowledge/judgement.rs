//! Judgements: findings, doubts and the table of who knows what, as data and as people read them.

use std::fmt;

use crate::world::{FactKind, Principal};

use super::Derivation;
use super::graph::Grade;
use super::policy::{Policy, Role};

/// Column at which requirement and culprit are printed.
const VERDICT_COLUMN: usize = 84;

/// The result of [`judge`](super::judge).
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
    /// These and, of the facts whose policy is must or never, no others. Addresses of hosts, which
    /// every connection tells, are left to the default policy unless they are listed.
    Exactly(Vec<FactKind>),
    /// At least these.
    Includes(Vec<FactKind>),
    /// None of these.
    Never(Vec<FactKind>),
    /// These inherent leaks are found.
    Inherent(Vec<String>),
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
    /// Which relation; nothing if it is whether an inherent leak took place.
    pub fact: Option<FactKind>,
    /// The relation as scenarios name it, or the id of the inherent leak.
    pub name: String,
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
