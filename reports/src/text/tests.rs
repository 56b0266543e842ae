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
    insta::assert_snapshot!(explain(&run(0), false), @"
    PASS  privacy/four-hops
      Each of four hops learns only its neighbours
      seed 1, stage sim, 1.204s in its world, 142 packets, 81.2 KiB
      cast author reference, origin reference, destination reference, recipient reference
      checks DIME-HOP-1, DIME-HOP-2
      trace c1d9a2f4e08b6b7796aa3f7d4f1a52b0c1d9a2f4e08b6b7796aa3f7d4f1a52b0

      ● delivered: letter to bob, intact, signatures valid
      ● backbone never knows letter.subject

    the way of letter: delivered
      alice, author (reference)
        knows: author's address, recipient's address, origin domain, destination domain, subject, body
      ↓   0.102s  DMAP submission, 23.7 KiB
      alpha.example, origin (reference)
        knows: author's address, origin domain, destination domain
        learned nothing of: recipient's address, subject, body
      ↓   0.213s  DMTP delivery, 24.1 KiB
      beta.example, destination (reference)
        the protocol gives away: author's address
        knows: recipient's address, origin domain, destination domain
        learned nothing of: subject, body
      ↓   0.690s  DMAP fetch, 23.8 KiB
      bob, recipient (reference)
        knows: author's address, recipient's address, origin domain, destination domain, subject, body
      backbone, tap
        knows: origin domain, destination domain
        learned nothing of: author's address, recipient's address, subject, body
      resolver, DNS
        knows: origin domain, destination domain
        learned nothing of: author's address, recipient's address, subject, body

    who learned what of letter
                           author   origin         destination     recipient  tap          DNS
                           alice    alpha.example  beta.example    bob        backbone     resolver
      author's address     ● holds  ● holds        ◆ confirms [2]  ● holds    –            –
      recipient's address  ● holds  –              ● holds         ● holds    –            –
      origin domain        ● holds  ● holds        ● holds         ● holds    ○ holds [1]  ○ holds [1]
      destination domain   ● holds  ● holds        ● holds         ● holds    ○ holds [1]  ○ holds [1]
      subject              ● holds  –              –               ● holds    –            –
      body                 ● holds  –              –               ● holds    –            –
      ● knows, as it must   ○ knows, as it may   – knows nothing, as it must be   ◆ knows through the protocol
          itself

    traffic beside the letters
          0.012s  alice → resolver: DNS look-up of _dx.beta.example, 1.3 KiB
          0.048s  alice → beta.example: DMTP signet look-up, 5.0 KiB
          0.178s  alpha.example → resolver: DNS look-up of _dx.beta.example, 1.3 KiB
          0.745s  bob → alpha.example: DMTP signet look-up, 4.9 KiB

    how it follows
      [1] tap backbone holds letter.origin (may know)
              0.201s  connection from 10.1.0.2:41022 to 10.2.0.2:26
                      address of mx.alpha.example = letter.origin

      [2] destination beta.example confirms letter.author (must never know)
          requirement DIME-HOP-2, culprit protocol I1
              0.236s  D/MIME message from mx.alpha.example: chunk 5 (destination)
                      capture packet 121, bytes 84..436
                      keyslot D of chunk 5 (destination) opens with the encryption key of beta.example
                      signature of chunk 5 (destination) verifies under the public key of
                      alice-7fz3kq2m5w6xj4htb2ca@alpha.example and no other = letter.author

    what DIME itself gave away
      ◆ I1: The destination confirms the author by the signature in chunk 5 [2]
        cure: Sign chunk 5 with a per-message key that chunk 4 certifies

      replay: dimespec run privacy/four-hops --seed 1
    ");
}

#[test]
fn a_failing_run_tells_who_learned_what_and_how() {
    insta::assert_snapshot!(failure(&run(1), false), @r#"
    FAIL  privacy/four-hops[data=free-text]
      Each of four hops learns only its neighbours

      [3] destination beta.example holds letter.author (must never know)
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
    FAIL         privacy/four-hops[data=free-text]  DIME-HOP-2: destination beta.example holds letter.author, which it m…
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
        let text = explain(&run, false);
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
