//! A derivation as the page shows it: who knows what, whom that blames, each step with its bytes.

use serde::Serialize;

use crate::html::{DERIVATIONS_SHOWN, anchors};
use crate::matrix::{grade_word, policy_phrase, role_word};
use crate::model::{Run, Step};
use crate::printable::{dump, duration, fact_label, place, printable};

/// A proof.
#[derive(Serialize)]
pub(in crate::html) struct ProofView {
    anchor: String,
    number: usize,
    principal: String,
    role: &'static str,
    grade: &'static str,
    fact: String,
    letter: String,
    policy: &'static str,
    requirement: Option<String>,
    culprit: Option<String>,
    inherent: Option<String>,
    class: &'static str,
    steps: Vec<StepView>,
}

impl ProofView {
    /// The derivation of that index, if the run has it and the page shows it.
    pub(in crate::html) fn of(anchor: &str, run: &Run, index: usize) -> Option<Self> {
        if index >= DERIVATIONS_SHOWN {
            return None;
        }
        let proof = run.derivations.get(index)?;
        let cell = run.knowledge.iter().find(|cell| {
            cell.letter == proof.letter
                && cell.principal == proof.principal
                && cell.fact == proof.fact
        });
        let class = match (&proof.inherent, &proof.requirement) {
            (Some(_), _) => "inherent",
            (None, Some(_)) => "finding",
            (None, None) => "allowed",
        };
        Some(Self {
            anchor: anchors::derivation(anchor, index),
            number: index.saturating_add(1),
            principal: printable(&proof.principal),
            role: cell.map(|cell| role_word(cell.role)).unwrap_or_default(),
            grade: grade_word(proof.grade),
            fact: fact_label(&proof.fact),
            letter: printable(&proof.letter),
            policy: cell
                .map(|cell| policy_phrase(cell.policy))
                .unwrap_or_default(),
            requirement: proof.requirement.as_deref().map(printable),
            culprit: proof.culprit.as_deref().map(printable),
            inherent: proof.inherent.as_deref().map(printable),
            class,
            steps: proof.steps.iter().map(StepView::of).collect(),
        })
    }
}

/// A step of a proof.
#[derive(Serialize)]
struct StepView {
    time: Option<String>,
    place: String,
    rule: String,
    text: String,
    source: String,
    rows: Vec<RowView>,
    left_off: u64,
}

impl StepView {
    fn of(step: &Step) -> Self {
        let excerpt = step.bytes.as_ref();
        let rows: Vec<RowView> = excerpt
            .map(dump)
            .unwrap_or_default()
            .into_iter()
            .map(|row| RowView {
                offset: format!("{:06x}", row.offset),
                hex: row.hex,
                ascii: row.ascii,
            })
            .collect();
        let shown = excerpt.map(|excerpt| excerpt.shown().len());
        let shown = u64::try_from(shown.unwrap_or_default()).unwrap_or(u64::MAX);
        Self {
            time: step.at_ms.map(duration),
            place: printable(&step.place),
            rule: printable(&step.rule),
            text: printable(&step.text),
            source: place(step),
            rows,
            left_off: excerpt.map_or(0, |it| it.length.saturating_sub(shown)),
        }
    }
}

/// A row of a hex dump.
#[derive(Serialize)]
struct RowView {
    offset: String,
    hex: String,
    ascii: String,
}
