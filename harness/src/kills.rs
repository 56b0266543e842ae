//! The kill table: which scenario finds which rogue, and by which finding.

use dime_rogues::Rogue;
use dimespec_report::model::{Grade, Run, Verdict};
use serde::Deserialize;

use crate::scenario;

/// One row of the kill table (`scenarios/kills.yaml`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// Name of the rogue.
    pub rogue: String,
    /// Name of the case that fails with it and passes without.
    pub scenario: String,
    /// What somebody then knows that they must not.
    #[serde(default)]
    pub knowledge: Option<KnownTooMuch>,
    /// Words of the expectation that is then not met.
    #[serde(default)]
    pub expectation: Option<String>,
}

/// A finding of the knowledge engine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTooMuch {
    /// Who.
    pub principal: String,
    /// Which fact, as scenarios name it.
    pub fact: String,
    /// How well.
    pub grade: Grade,
    /// The requirement this breaks.
    pub requirement: String,
}

/// Why there is no kill table.
#[derive(Debug, thiserror::Error)]
pub enum KillsError {
    /// The table does not read.
    #[error("failed to read scenarios/kills.yaml: {0}")]
    Table(String),
    /// A row names a rogue that is not there.
    #[error("scenarios/kills.yaml names the rogue {0}, which is not there")]
    Rogue(String),
    /// A row would be content with any failure.
    #[error("scenarios/kills.yaml says of {0} neither what is known nor what is not met")]
    NoFinding(String),
}

/// The kill table, in its order.
///
/// # Errors
/// [`KillsError`] if the table built in is broken.
pub fn kills() -> Result<Vec<Kill>, KillsError> {
    let kills: Vec<Kill> = serde_saphyr::from_str(scenario::kills_text())
        .map_err(|error| KillsError::Table(error.to_string()))?;
    for kill in &kills {
        kill.rogue()?;
        if kill.knowledge.is_none() && kill.expectation.is_none() {
            return Err(KillsError::NoFinding(kill.rogue.clone()));
        }
    }
    Ok(kills)
}

impl Kill {
    /// The rogue of this row.
    ///
    /// # Errors
    /// [`KillsError::Rogue`] if it is not there.
    pub fn rogue(&self) -> Result<&'static Rogue, KillsError> {
        let mut rogues = dime_rogues::all().iter();
        rogues
            .find(|rogue| rogue.name == self.rogue)
            .ok_or_else(|| KillsError::Rogue(self.rogue.clone()))
    }

    /// The finding in a few words.
    pub fn finding(&self) -> String {
        match (&self.knowledge, &self.expectation) {
            (Some(known), _) => {
                let grade = match known.grade {
                    Grade::Holds => "holds",
                    Grade::Confirms => "confirms",
                    Grade::Suspected => "is suspected of",
                    Grade::Nothing => "does not know",
                };
                format!(
                    "{} {grade} {} ({})",
                    known.principal, known.fact, known.requirement
                )
            }
            (None, Some(expectation)) => format!("not met: {expectation}"),
            (None, None) => "any".into(),
        }
    }

    /// Whether `run` failed for the finding of this row.
    pub fn is_found_in(&self, run: &Run) -> bool {
        let known = self.knowledge.as_ref().is_none_or(|known| {
            run.findings.iter().any(|finding| {
                let derivation = finding.derivation.and_then(|at| run.derivations.get(at));
                derivation.is_some_and(|derivation| {
                    finding.requirement == known.requirement
                        && derivation.principal == known.principal
                        && format!("{}.{}", derivation.letter, derivation.fact) == known.fact
                        && derivation.grade == known.grade
                })
            })
        });
        let unmet = self.expectation.as_ref().is_none_or(|text| {
            run.expectations
                .iter()
                .any(|one| one.verdict == Verdict::Fail && one.text.contains(text.as_str()))
        });
        run.verdict == Verdict::Fail && known && unmet
    }
}
