//! Inherent leaks: what the protocol itself gives away, whoever implements it.
//!
//! An entry names the exact shape of a derivation. A derivation of that shape is reported with the
//! protocol as culprit and fails nothing; the same fact by any other path does.

use serde::{Deserialize, Serialize};

use super::explain::{Derivation, ShapeStep};
use super::graph::Grade;
use super::policy::Role;
use crate::world::{FactKind, LetterPlan, ProfileWord};

/// Entries in one file.
pub const MAXIMUM_ENTRIES: usize = 256;

/// One entry of `inherent.yaml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InherentLeak {
    /// Its short name, `I1`.
    pub id: String,
    /// What leaks, in one sentence.
    pub title: String,
    /// The relation that is learned, as scenarios name it (`author`); several are parted by commas,
    /// or nothing if no fact of the policy is concerned.
    #[serde(default)]
    pub fact: String,
    /// Who learns it: a role (`destination`).
    #[serde(default)]
    pub principal: String,
    /// How well.
    pub grade: Grade,
    /// The rules of the derivation in order. Empty: the engine cannot derive it, and nothing matches.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Type of the chunk that every rule that concerns a chunk must concern.
    #[serde(default)]
    pub chunk: Option<u8>,
    /// Whose key must have opened it: a role.
    #[serde(default)]
    pub key: Option<String>,
    /// The profile under which letters do not leak this: there it is a finding like any other.
    #[serde(default)]
    pub unless: Option<ProfileWord>,
    /// Where it comes from.
    pub source: String,
    /// What would end it.
    pub cure: String,
    /// When it was ruled, `2026-11-21`.
    pub ruled: String,
}

/// Why a list of inherent leaks was refused.
#[derive(Debug, thiserror::Error)]
pub enum InherentError {
    /// The text is not a list of entries.
    #[error("failed to read the list of inherent leaks: {0}")]
    Format(String),
    /// Too many entries.
    #[error("list of inherent leaks is not within {MAXIMUM_ENTRIES} entries")]
    TooMany,
    /// Two entries of one name.
    #[error("inherent leak {0} is not listed once only")]
    Repeated(String),
    /// An entry that is to match derivations names a relation that there is not.
    #[error("inherent leak {0} is not of known relations: {1}")]
    UnknownFact(String, String),
}

/// Reads `inherent.yaml`.
///
/// # Errors
/// [`InherentError`] if it is no list of entries, an id stands twice, or what is to match derivations
/// names a relation that there is not, and so could match none.
pub fn read(text: &str) -> Result<Vec<InherentLeak>, InherentError> {
    let entries: Vec<InherentLeak> =
        serde_saphyr::from_str(text).map_err(|error| InherentError::Format(error.to_string()))?;
    if entries.len() > MAXIMUM_ENTRIES {
        return Err(InherentError::TooMany);
    }
    for (index, entry) in entries.iter().enumerate() {
        if entries.iter().take(index).any(|other| other.id == entry.id) {
            return Err(InherentError::Repeated(entry.id.clone()));
        }
        let known = |name: &&str| FactKind::from_name(name.trim()).is_some();
        let unknown = entry.fact.split(',').find(|name| !known(name));
        if let Some(name) = unknown.filter(|_| !entry.rules.is_empty()) {
            let name = name.trim().to_owned();
            return Err(InherentError::UnknownFact(entry.id.clone(), name));
        }
    }
    Ok(entries)
}

impl InherentLeak {
    /// Whether a derivation by a principal in these roles is exactly of this entry's shape.
    pub fn matches(&self, roles: &[Role], derivation: &Derivation) -> bool {
        let rules: Vec<&str> = derivation.shape.iter().map(|step| step.rule).collect();
        !self.rules.is_empty()
            && self.facts().any(|kind| kind == derivation.kind)
            && roles.iter().any(|role| role.name() == self.principal)
            && derivation.grade == self.grade
            && rules == self.rules
            && derivation.shape.iter().all(|step| self.allows(roles, step))
    }

    /// The relations that are learned.
    pub fn facts(&self) -> impl Iterator<Item = FactKind> {
        self.fact
            .split(',')
            .filter_map(|name| FactKind::from_name(name.trim()))
    }

    /// Whether a letter leaks this at all, or is sealed under the profile that ends it.
    pub fn concerns(&self, letter: &LetterPlan) -> bool {
        self.unless != Some(letter.profile)
    }

    fn allows(&self, roles: &[Role], step: &ShapeStep) -> bool {
        let chunk = step.chunk.is_none() || self.chunk.is_none() || step.chunk == self.chunk;
        let key = match (&self.key, step.own_key) {
            (None, _) | (Some(_), None) => true,
            (Some(owner), Some(own)) => own && roles.iter().any(|role| role.name() == owner),
        };
        chunk && key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_doubles_are_refused() {
        let entry = "- { id: I1, title: t, fact: author, principal: destination, grade: confirms, \
                     rules: [take-apart, decrypt, guess-signature], chunk: 5, key: destination, \
                     source: s, cure: c, ruled: 2026-11-21 }\n";
        let entries = read(entry).expect("one good entry");
        assert_eq!(entries.len(), 1);
        assert!(matches!(read(&entry.repeat(2)), Err(InherentError::Repeated(id)) if id == "I1"));
    }

    #[test]
    fn an_entry_that_could_match_nothing_is_refused() {
        let entry = |fact: &str, rules: &str| {
            read(&format!(
                "- {{ id: I9, title: t, fact: '{fact}', principal: destination, grade: confirms, \
                 rules: [{rules}], source: s, cure: c, ruled: 2026-11-21 }}\n"
            ))
        };
        assert!(entry("author, recipient", "link").is_ok());
        assert!(entry("the weather", "").is_ok(), "documented only");
        assert!(matches!(
            entry("author, autor", "link"),
            Err(InherentError::UnknownFact(id, name)) if id == "I9" && name == "autor"
        ));
        assert!(matches!(
            entry("", "link"),
            Err(InherentError::UnknownFact(..))
        ));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        assert!(matches!(
            read("- { id: I1, colour: red }"),
            Err(InherentError::Format(_))
        ));
    }
}
