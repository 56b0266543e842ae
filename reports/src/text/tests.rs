//! What a person reads in the terminal, as snapshots.

use super::*;
use crate::model::Report;
use crate::sample;

fn run(index: usize) -> Run {
    let Report { mut runs, .. } = sample::report();
    runs.remove(index)
}

#[test]
fn a_passing_run_is_explained_hop_by_hop() {
    insta::assert_snapshot!("passing_run", explain(&run(0), false));
}

#[test]
fn a_failing_run_tells_who_learned_what_and_how() {
    insta::assert_snapshot!(failure(&run(1), false), @r#"
    FAIL  privacy/four-hops[data=free-text]
      Each of four hops learns only its neighbours

      [3] destination beta.example holds letter.author (never allowed)
          requirement DIME-HOP-2, culprit origin alpha.example
              0.213s  line 11 from mx.alpha.example: DATA [YWxpY2UtN2Z6M2txMm01dzZ4ajRodGIyY2FAYWxwaGEuZXhhbXBsZQ]
                      capture packet 118, bytes 6..69
                      base64 (phase 0) of "alice-7fz3kq2m5w6xj4htb2ca@alpha.example" = letter.author

      ✗ refused: letter by beta.example with code 550
        the server said: 250 \u{1b}[2J</pre><script>alert('x')</script>"><img src=x onerror=alert(1)>\u{202e}

      replay: dimespec run 'privacy/four-hops[data=free-text]' --seed 1 --impl origin=rogue:origin-data-argument
    "#);
}

#[test]
fn a_skipped_run_tells_why() {
    insta::assert_snapshot!(failure(&run(2), false), @"
    SKIP  dns/expired
      An expired signature is no anchor
      because stage live has no clock that can be moved

      replay: dimespec run dns/expired --seed 1 --live
    ");
}

#[test]
fn each_run_has_one_line_while_the_suite_runs() {
    let lines = sample::report().runs;
    let lines = lines.iter().map(|run| progress(run, false));
    insta::assert_snapshot!(lines.collect::<String>(), @"
    PASS         privacy/four-hops  the protocol gives away I1
    FAIL         privacy/four-hops[data=free-text]  DIME-HOP-2: destination beta.example holds letter.author (nev…
    SKIP         dns/expired  stage live has no clock that can be moved
    ");
}

#[test]
fn a_suite_ends_with_its_counts() {
    insta::assert_snapshot!(summary(&sample::report().summary, false), @"3 runs: 1 failed, 1 passed, 1 skipped");
    assert_eq!(summary(&Summary::default(), false), "nothing ran\n");
}

#[test]
fn no_line_but_a_command_is_too_long() {
    for run in sample::report().runs {
        let text = explain(&run, false) + &progress(&run, false);
        let lines = text.lines().filter(|line| !line.contains("replay: "));
        for line in lines {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    let coloured = explain(&run(1), true);
    assert!(coloured.contains("\u{1b}[1;31m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').expect("every colour code ends").1;
    }
    plain.push_str(rest);
    let trimmed = |text: &str| {
        text.lines()
            .map(|it| it.trim_end().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(trimmed(&plain), trimmed(&explain(&run(1), false)));
}

#[test]
fn a_hostile_reply_cannot_drive_the_terminal() {
    let mut run = run(1);
    run.name = sample::HOSTILE.to_owned();
    run.replay = sample::HOSTILE.to_owned();
    run.letters[0].outcome = sample::HOSTILE.to_owned();
    run.hops[0].what = sample::HOSTILE.to_owned();
    for cell in &mut run.knowledge {
        cell.fact.push_str(sample::HOSTILE);
    }
    for text in [
        explain(&run, false),
        failure(&run, false),
        progress(&run, false),
    ] {
        assert!(
            !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
    }
}

#[test]
fn an_index_that_points_nowhere_is_no_proof() {
    let mut run = run(1);
    run.derivations.clear();
    let text = explain(&run, false);
    assert!(text.contains("destination beta.example holds letter.author"));
}

#[test]
fn a_broken_file_is_shown_as_its_compiler_would() {
    let message = "unknown key `wrld`\n --> scenarios/broken/file.yaml:3:1\n  |\n3 | wrld:\n  | ^^^^ did you mean `world`?";
    let run = Run {
        name: "broken/file".to_owned(),
        verdict: Verdict::Fail,
        findings: vec![crate::model::Finding {
            requirement: "scenario".to_owned(),
            culprit: "scenario".to_owned(),
            message: message.to_owned(),
            derivation: None,
        }],
        ..Run::default()
    };
    insta::assert_snapshot!(failure(&run, false), @"
    FAIL  broken/file

      unknown key `wrld`                                                    requirement scenario, culprit scenario
       --> scenarios/broken/file.yaml:3:1
        |
      3 | wrld:
        | ^^^^ did you mean `world`?
    ");
}

#[test]
fn hops_that_do_not_say_their_letter_stand_between_their_stations() {
    let mut run = run(0);
    for hop in &mut run.hops {
        hop.letter = None;
    }
    let told = explain(&run, false);
    let way = told.split("who learned what").next().unwrap_or_default();
    assert!(way.contains("DMTP delivery") && !way.contains("DNS look-up"));
    let beside = told.split("beside the letters").nth(1).unwrap_or_default();
    assert!(beside.contains("DNS look-up") && !beside.contains("DMTP delivery"));
}
