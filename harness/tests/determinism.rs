//! Same seed, same bytes: whole runs in separate processes and on separate threads.

use std::process::Command;

use dimespec_report::json;
use dimespec_report::model::Report;

const CASE: &str = "privacy/two-letters";

/// Runs the case in a process of its own.
fn run(seed: &str, jobs: &str) -> Report {
    let output = Command::new(env!("CARGO_BIN_EXE_dimespec"))
        .args(["run", CASE, "privacy/four-hops", "--format", "json"])
        .args(["--seed", seed, "--jobs", jobs])
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("its lines are text");
    json::read_lines(&text).expect("its lines are events")
}

#[test]
fn two_processes_give_the_same_report_to_the_last_byte() {
    let (first, second) = (run("7", "1"), run("7", "2"));
    assert!(first.runs.iter().all(|run| run.digest.len() == 64));
    assert_eq!(first, second);
}

#[test]
fn another_seed_gives_other_bytes() {
    let (first, second) = (run("7", "1"), run("8", "1"));
    assert_ne!(first.runs[0].digest, second.runs[0].digest);
}
