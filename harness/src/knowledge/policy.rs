//! Policy: who must, may and must never know what of one letter.

use serde::Serialize;

use crate::world::{FactKind, Principal};

use super::Given;

/// A principal's part in one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Writes the letter.
    Author,
    /// The author's organization.
    Origin,
    /// The recipient's organization.
    Destination,
    /// Whom it goes to.
    Recipient,
    /// Listens on the line.
    Tap,
    /// Answers DNS questions and belongs to no organization.
    Dns,
    /// Takes no part.
    Bystander,
}

impl Role {
    /// The word an explanation prints.
    pub fn name(self) -> &'static str {
        match self {
            Role::Author => "author",
            Role::Origin => "origin",
            Role::Destination => "destination",
            Role::Recipient => "recipient",
            Role::Tap => "tap",
            Role::Dns => "dns",
            Role::Bystander => "bystander",
        }
    }
}

/// What a principal is entitled to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Never holds nor confirms it.
    Never,
    /// May know it; it is reported.
    May,
    /// Has to hold it, if the letter got that far.
    Must,
}

/// The parts a principal plays in a letter: two, where one organization is at both ends or somebody
/// writes to themselves.
pub fn roles(given: &Given<'_>, letter: usize, principal: &Principal) -> Vec<Role> {
    let plan = given.letters.get(letter);
    let is = |kind: FactKind, name: &str| {
        given
            .facts
            .iter()
            .any(|fact| fact.letter == letter && fact.kind == kind && fact.value == name.as_bytes())
    };
    let candidates: Vec<(bool, Role)> = match principal {
        Principal::Person(person) => vec![
            (
                plan.is_some_and(|plan| plan.author == *person),
                Role::Author,
            ),
            (
                plan.is_some_and(|plan| plan.recipient == *person),
                Role::Recipient,
            ),
        ],
        Principal::Organization(domain) => vec![
            (is(FactKind::Origin, domain), Role::Origin),
            (is(FactKind::Destination, domain), Role::Destination),
        ],
        Principal::Dns(_) => vec![(true, Role::Dns)],
        Principal::Tap(_) => vec![(true, Role::Tap)],
    };
    let mut roles: Vec<Role> = candidates
        .into_iter()
        .filter(|(plays, _)| *plays)
        .map(|(_, role)| role)
        .collect();
    if roles.is_empty() {
        roles.push(Role::Bystander);
    }
    roles
}

/// What roles together are entitled to: rights unite.
pub fn policy(roles: &[Role], fact: FactKind) -> Policy {
    roles
        .iter()
        .map(|role| policy_of(*role, fact))
        .max()
        .unwrap_or(Policy::Never)
}

/// The requirement that speaks of a role's knowledge.
pub fn requirement(role: Role) -> &'static str {
    match role {
        Role::Origin => "DIME-HOP-1",
        Role::Destination => "DIME-HOP-2",
        Role::Tap | Role::Dns | Role::Bystander => "DIME-HOP-3",
        Role::Author | Role::Recipient => "DIME-HOP-4",
    }
}

fn policy_of(role: Role, fact: FactKind) -> Policy {
    use FactKind as F;
    match role {
        Role::Author | Role::Recipient => match fact {
            F::AuthorHost | F::RecipientHost => Policy::May,
            _ => Policy::Must,
        },
        Role::Origin => match fact {
            F::Author | F::Origin | F::Destination | F::AuthorHost => Policy::Must,
            F::RecipientHost => Policy::May,
            _ => Policy::Never,
        },
        Role::Destination => match fact {
            F::Recipient | F::Origin | F::Destination | F::RecipientHost => Policy::Must,
            F::AuthorHost => Policy::May,
            _ => Policy::Never,
        },
        Role::Tap | Role::Dns => match fact {
            F::Origin | F::Destination | F::AuthorHost | F::RecipientHost => Policy::May,
            _ => Policy::Never,
        },
        Role::Bystander => match fact {
            // Where somebody's host is, is not a secret of one letter.
            F::AuthorHost | F::RecipientHost => Policy::May,
            _ => Policy::Never,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_know_their_neighbours_only() {
        let knows = |role, fact| policy(&[role], fact) == Policy::Must;
        assert!(knows(Role::Origin, FactKind::Author));
        assert!(!knows(Role::Origin, FactKind::Recipient));
        assert!(knows(Role::Destination, FactKind::Recipient));
        assert!(!knows(Role::Destination, FactKind::Author));
    }

    #[test]
    fn rights_unite_but_never_reach_the_contents() {
        let both = [Role::Origin, Role::Destination];
        assert_eq!(policy(&both, FactKind::Author), Policy::Must);
        assert_eq!(policy(&both, FactKind::Recipient), Policy::Must);
        for content in [FactKind::Subject, FactKind::Body, FactKind::AttachmentName] {
            assert_eq!(policy(&both, content), Policy::Never);
        }
    }
}
