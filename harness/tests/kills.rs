//! Every rogue dies in the scenario and for the finding that the kill table names, and what kills it
//! spares the reference.

use dimespec::{Cast, Kill, Suite, kills};
use dimespec_report::model::{Run, Verdict};

fn run(scenario: &str, cast: Cast) -> Run {
    let suite = Suite::builtin().filter([scenario]).exact(true).cast(cast);
    let mut report = suite.run(&mut |_| {});
    assert_eq!(report.runs.len(), 1, "{scenario} is one case");
    report.runs.remove(0)
}

fn table() -> Vec<Kill> {
    kills().expect("the kill table reads")
}

#[test]
fn every_rogue_is_in_the_kill_table() {
    let table = table();
    for rogue in dime_rogues::all() {
        let known = table.iter().any(|kill| kill.rogue == rogue.name);
        assert!(known, "no scenario kills {}", rogue.name);
    }
}

#[test]
fn every_rogue_is_killed_for_the_finding_its_row_names() {
    for kill in table() {
        let rogue = kill.rogue().expect("a rogue that is there");
        let run = run(&kill.scenario, Cast::of_rogue(rogue));
        assert!(
            kill.is_found_in(&run),
            "{} survives {}: {}\n{}",
            kill.rogue,
            kill.scenario,
            kill.finding(),
            dimespec_report::text::failure(&run, false),
        );
    }
}

#[test]
fn what_kills_a_rogue_spares_the_reference() {
    for kill in table() {
        let run = run(&kill.scenario, Cast::default());
        assert_eq!(run.verdict, Verdict::Pass, "{}", kill.scenario);
        assert!(!kill.is_found_in(&run), "{}", kill.scenario);
    }
}

#[test]
fn a_killed_rogue_prints_the_command_that_kills_it_again() {
    let kill = table().remove(0);
    let rogue = kill.rogue().expect("a rogue that is there");
    let run = run(&kill.scenario, Cast::of_rogue(rogue));
    let text = dimespec_report::text::failure(&run, false);
    assert!(text.contains("replay: dimespec run --exact"), "{text}");
    assert!(text.contains(&format!("={}", kill.rogue)), "{text}");
}
