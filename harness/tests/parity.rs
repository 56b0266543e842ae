//! The live stage judges as the simulation does, with the reference and with an external program in
//! either server's place, for every scenario that both can run.

use std::collections::BTreeMap;

use dimespec::Suite;
use dimespec_report::model::{Judged, Report, Run, Verdict};

fn by_name(report: Report) -> BTreeMap<String, Run> {
    let runs = report.runs.into_iter();
    runs.map(|run| (run.name.clone(), run)).collect()
}

/// Who must not know what and does, or knows through the protocol only: what a verdict rests on.
fn judgements(run: &Run) -> Vec<(String, String, String, Judged)> {
    let mut judged: Vec<_> = run
        .knowledge
        .iter()
        .filter(|cell| cell.judged != Judged::Ok)
        .map(|cell| {
            let (letter, principal) = (cell.letter.clone(), cell.principal.clone());
            (letter, principal, cell.fact.clone(), cell.judged)
        })
        .collect();
    judged.sort_by(|a, b| (&a.0, &a.1, &a.2).cmp(&(&b.0, &b.1, &b.2)));
    judged
}

fn assert_parity(live: Suite, at_least: usize) {
    let simulated = by_name(Suite::builtin().run(&mut |_| {}));
    let live = by_name(live.run(&mut |_| {}));
    let mut compared = 0;
    for (name, live) in live {
        if live.verdict == Verdict::Skipped {
            assert!(
                !live.reasons.is_empty(),
                "{name} is skipped without a reason"
            );
            continue;
        }
        let simulated = &simulated[&name];
        let told = dimespec_report::text::failure(&live, false);
        assert_eq!(live.verdict, simulated.verdict, "{name}\n{told}");
        assert_eq!(judgements(&live), judgements(simulated), "{name}\n{told}");
        compared += 1;
    }
    assert!(
        compared >= at_least,
        "only {compared} scenarios ran on both stages"
    );
}

#[test]
fn the_reference_is_judged_live_as_in_simulation() {
    assert_parity(Suite::builtin().live(), 40);
}

#[test]
fn an_external_destination_is_judged_live_as_the_reference_in_simulation() {
    let suite = Suite::builtin()
        .live()
        .implementation("destination", "dimed");
    assert_parity(suite, 30);
}

#[test]
fn an_external_origin_is_judged_live_as_the_reference_in_simulation() {
    let suite = Suite::builtin().live().implementation("origin", "dimed");
    assert_parity(suite, 30);
}
