//! A report made by hand, for the tests of every rendering: four hops pass with an inherent leak,
//! a rogue fails, a run on the other stage is skipped. The rogue also says hostile things.

use std::collections::BTreeMap;

use crate::model::{
    Cell, Derivation, Excerpt, Expectation, Finding, Grade, Hop, InherentLeak, Judged, Letter,
    Policy, Report, Role, Run, Stage, Step, Tool, Verdict,
};

/// What a hostile server says in a reply.
pub(crate) const HOSTILE: &str =
    "\u{1b}[2J</pre><script>alert('x')</script>\"><img src=x onerror=alert(1)>\u{202e}";

const ALICE: &str = "alice-7fz3kq2m5w6xj4htb2ca@alpha.example";

pub(crate) fn report() -> Report {
    let tool = Tool {
        name: "dimespec".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let suite = "5b1f0c9a77de41d2a6c3f2be90714ad85b1f0c9a77de41d2a6c3f2be90714ad8";
    let mut report = Report::new(tool, "libdime-1", suite, 1);
    report.push(passing());
    report.push(failing());
    report.push(skipped());
    report
}

fn passing() -> Run {
    let mut run = four_hops();
    run.verdict = Verdict::Pass;
    run.knowledge = knowledge(Judged::Ok, Grade::Nothing);
    run.derivations = vec![domain_on_the_line(), inherent_signature()];
    run.inherent = vec![InherentLeak {
        id: "I1".to_owned(),
        title: "The destination confirms the author by the signature in chunk 5".to_owned(),
        cure: "Sign chunk 5 with a per-message key that chunk 4 certifies".to_owned(),
        derivation: Some(1),
    }];
    run.expectations = vec![
        expectation("delivered: letter to bob, intact, signatures valid", ""),
        expectation("backbone never knows letter.subject", ""),
    ];
    run
}

fn failing() -> Run {
    let mut run = four_hops();
    run.name = "privacy/four-hops[data=free-text]".to_owned();
    run.cast
        .insert("origin".to_owned(), "rogue:origin-data-argument".to_owned());
    run.verdict = Verdict::Fail;
    run.knowledge = knowledge(Judged::Finding, Grade::Holds);
    run.derivations = vec![domain_on_the_line(), inherent_signature(), base64_in_data()];
    for cell in &mut run.knowledge {
        if cell.judged == Judged::Finding {
            cell.derivations = vec![2, 1];
        }
    }
    run.findings = vec![Finding {
        requirement: "DIME-HOP-2".to_owned(),
        culprit: "origin alpha.example".to_owned(),
        message: "destination beta.example holds letter.author (never allowed)".to_owned(),
        derivation: Some(2),
    }];
    run.expectations = vec![
        expectation("delivered: letter to bob, intact, signatures valid", ""),
        Expectation {
            text: "refused: letter by beta.example with code 550".to_owned(),
            verdict: Verdict::Fail,
            detail: format!("the server said: 250 {HOSTILE}"),
        },
    ];
    run.replay = "dimespec run 'privacy/four-hops[data=free-text]' --seed 1 --impl \
                  origin=rogue:origin-data-argument"
        .to_owned();
    run
}

fn skipped() -> Run {
    Run {
        name: "dns/expired".to_owned(),
        title: "An expired signature is no anchor".to_owned(),
        requirements: vec!["DNS-SEC-2".to_owned()],
        seed: 1,
        stage: Stage::Live,
        verdict: Verdict::Skipped,
        reasons: vec!["stage live has no clock that can be moved".to_owned()],
        replay: "dimespec run dns/expired --seed 1 --live".to_owned(),
        ..Run::default()
    }
}

fn four_hops() -> Run {
    let cast = ["author", "origin", "destination", "recipient"];
    let cast = cast.map(|actor| (actor.to_owned(), "reference".to_owned()));
    Run {
        name: "privacy/four-hops".to_owned(),
        title: "Each of four hops learns only its neighbours".to_owned(),
        requirements: vec!["DIME-HOP-1".to_owned(), "DIME-HOP-2".to_owned()],
        seed: 1,
        stage: Stage::Sim,
        cast: BTreeMap::from(cast),
        digest: "c1d9a2f4e08b6b7796aa3f7d4f1a52b0c1d9a2f4e08b6b7796aa3f7d4f1a52b0".to_owned(),
        virtual_time_ms: 1204,
        packets: 142,
        bytes: 83_251,
        hops: hops(),
        letters: vec![Letter {
            name: "letter".to_owned(),
            author: "alice".to_owned(),
            origin: "alpha.example".to_owned(),
            destination: "beta.example".to_owned(),
            recipient: "bob".to_owned(),
            outcome: "delivered".to_owned(),
        }],
        replay: "dimespec run privacy/four-hops --seed 1".to_owned(),
        ..Run::default()
    }
}

fn hops() -> Vec<Hop> {
    let look_up = "DNS look-up of _dx.beta.example";
    let signet = "DMTP signet look-up";
    let hops = [
        (12, "alice", "resolver", look_up, 1_408),
        (48, "alice", "beta.example", signet, 5_120),
        (102, "alice", "alpha.example", "DMAP submission", 24_310),
        (178, "alpha.example", "resolver", look_up, 1_408),
        (
            213,
            "alpha.example",
            "beta.example",
            "DMTP delivery",
            24_702,
        ),
        (690, "bob", "beta.example", "DMAP fetch", 24_377),
        (745, "bob", "alpha.example", signet, 5_098),
    ];
    let hops = hops.map(|(at_ms, from, to, what, bytes)| Hop {
        at_ms,
        from: from.to_owned(),
        to: to.to_owned(),
        what: what.to_owned(),
        bytes,
        letter: (what != look_up && what != signet).then(|| "letter".to_owned()),
    });
    hops.into()
}

/// The default policy; the destination knows the author with this judgement and grade.
fn knowledge(judged: Judged, grade: Grade) -> Vec<Cell> {
    let principals = [
        ("alice", Role::Author),
        ("alpha.example", Role::Origin),
        ("beta.example", Role::Destination),
        ("bob", Role::Recipient),
        ("backbone", Role::Tap),
        ("resolver", Role::Dns),
    ];
    let facts = [
        ("author", "HHiH--"),
        ("recipient", "H-HH--"),
        ("origin", "HHHHmm"),
        ("destination", "HHHHmm"),
        ("subject", "H--H--"),
        ("body", "H--H--"),
    ];
    let mut cells = Vec::new();
    for (fact, row) in facts {
        for ((principal, role), policy) in principals.into_iter().zip(row.chars()) {
            let (policy, found, verdict, derivations) = match policy {
                'H' => (Policy::Must, Grade::Holds, Judged::Ok, vec![]),
                'm' => (Policy::May, Grade::Holds, Judged::Ok, vec![0]),
                'i' if judged == Judged::Ok => {
                    (Policy::Inherent, Grade::Confirms, Judged::Inherent, vec![1])
                }
                'i' => (Policy::Inherent, grade, judged, vec![1]),
                _ => (Policy::Never, Grade::Nothing, Judged::Ok, vec![]),
            };
            cells.push(Cell {
                letter: "letter".to_owned(),
                principal: principal.to_owned(),
                role,
                fact: fact.to_owned(),
                policy,
                grade: found,
                judged: verdict,
                derivations,
            });
        }
    }
    cells
}

fn domain_on_the_line() -> Derivation {
    Derivation {
        principal: "backbone".to_owned(),
        fact: "origin".to_owned(),
        letter: "letter".to_owned(),
        grade: Grade::Holds,
        steps: vec![Step {
            at_ms: Some(201),
            place: "connection from 10.1.0.2:41022 to 10.2.0.2:26".to_owned(),
            ..concluded("link", "address of mx.alpha.example = letter.origin")
        }],
        ..Derivation::default()
    }
}

fn inherent_signature() -> Derivation {
    let chunk = [0x05, 0x00, 0x01, 0x60, 0x9f, 0x11, 0xc4];
    let guess = format!(
        "signature of chunk 5 (destination) verifies under the public key of {ALICE} and no other \
         = letter.author"
    );
    Derivation {
        principal: "beta.example".to_owned(),
        fact: "author".to_owned(),
        letter: "letter".to_owned(),
        grade: Grade::Confirms,
        requirement: Some("DIME-HOP-2".to_owned()),
        culprit: Some("protocol I1".to_owned()),
        steps: vec![
            Step {
                at_ms: Some(236),
                place: "D/MIME message from mx.alpha.example: chunk 5 (destination)".to_owned(),
                packet: Some(121),
                bytes: Some(Excerpt {
                    length: 352,
                    ..Excerpt::of(84, &chunk)
                }),
                ..concluded("take-apart", "")
            },
            concluded(
                "decrypt",
                "keyslot D of chunk 5 (destination) opens with the encryption key of beta.example",
            ),
            concluded("guess-signature", &guess),
        ],
        inherent: Some("I1".to_owned()),
    }
}

fn base64_in_data() -> Derivation {
    let line = b"DATA [YWxpY2UtN2Z6M2txMm01dzZ4ajRodGIyY2FAYWxwaGEuZXhhbXBsZQ]\r\n";
    let said = String::from_utf8_lossy(line).trim_end().to_owned();
    let form = format!("base64 (phase 0) of \"{ALICE}\" = letter.author");
    Derivation {
        principal: "beta.example".to_owned(),
        fact: "author".to_owned(),
        letter: "letter".to_owned(),
        grade: Grade::Holds,
        requirement: Some("DIME-HOP-2".to_owned()),
        culprit: Some("origin alpha.example".to_owned()),
        steps: vec![Step {
            at_ms: Some(213),
            place: format!("line 11 from mx.alpha.example: {said}"),
            packet: Some(118),
            bytes: Some(Excerpt::of(6, line)),
            ..concluded("find", &form)
        }],
        inherent: None,
    }
}

fn concluded(rule: &str, text: &str) -> Step {
    Step {
        rule: rule.to_owned(),
        text: text.to_owned(),
        ..Step::default()
    }
}

fn expectation(text: &str, detail: &str) -> Expectation {
    Expectation {
        text: text.to_owned(),
        verdict: Verdict::Pass,
        detail: detail.to_owned(),
    }
}
