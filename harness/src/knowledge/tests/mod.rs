//! The engine on hand-made traces: what it finds, what it does not, and how it says so.

mod stage;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::world::FactKind;
use stage::{Recording, Rogue, Stage, four_hops, keyslot_for_origin};

fn organization(domain: &str) -> Principal {
    Principal::Organization(domain.to_owned())
}

fn run(stage: &Stage, rogue: &Rogue) -> Trace {
    let mut recording = Recording::new(stage);
    four_hops(stage, &mut recording, 0, rogue);
    recording.finish()
}

fn verdict(stage: &Stage, trace: &Trace, claims: &[Claim]) -> Judgement {
    let given = stage.given();
    judge(&analyse(&given, trace), claims)
}

/// The findings of a run, one line each.
fn findings(judgement: &Judgement) -> String {
    let line = |finding: &Finding| format!("{}, culprit {}", finding.message(), finding.culprit);
    judgement
        .findings
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn an_honest_letter_tells_each_server_its_neighbours_only() {
    let stage = Stage::new();
    let trace = run(&stage, &Rogue::default());
    let judgement = verdict(&stage, &trace, &[]);
    assert_eq!(findings(&judgement), "");
    assert_eq!(judgement.doubts, []);
    let inherent: Vec<&str> = judgement
        .inherent
        .iter()
        .map(|found| found.id.as_str())
        .collect();
    assert_eq!(inherent, ["I1"]);
}
