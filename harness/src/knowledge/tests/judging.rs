//! What the judge makes of what is known.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dime_wire::message::SealOptions;
use dime_wire::signet::FingerprintKind;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::super::*;
use super::hops::{Rogue, four_hops};
use super::recording::Recording;
use super::stage::Stage;
use super::{findings, organization, run, verdict};
use crate::ledger::Direction;
use crate::world::{FactKind, ProfileWord};

fn claim(principal: Principal, kind: ClaimKind) -> Claim {
    Claim {
        principal,
        letter: 0,
        kind,
    }
}

#[test]
fn exactly_means_exactly_among_what_is_judged() {
    let stage = Stage::new();
    let trace = run(&stage, &Rogue::default());
    let beta = || organization("beta.example");
    let right = vec![FactKind::Recipient, FactKind::Origin, FactKind::Destination];
    let claims = [
        claim(beta(), ClaimKind::Exactly(right)),
        claim(beta(), ClaimKind::Inherent(vec!["I1".into()])),
    ];
    let judgement = verdict(&stage, &trace, &claims);
    assert_eq!(findings(&judgement), "");
    assert_eq!(
        judgement.claims,
        [ClaimOutcome::default(), ClaimOutcome::default()]
    );

    let short = [claim(beta(), ClaimKind::Exactly(vec![FactKind::Origin]))];
    let judgement = verdict(&stage, &trace, &short);
    insta::assert_snapshot!(findings(&judgement), @r#"
    destination beta.example holds letter.recipient (never allowed), culprit author alice
    destination beta.example holds letter.recipient (never allowed), culprit recipient bob
    destination beta.example holds letter.destination (never allowed), culprit unknown
    destination beta.example holds letter.destination (never allowed), culprit author alice
    destination beta.example holds letter.destination (never allowed), culprit recipient bob
    destination beta.example holds letter.destination (never allowed), culprit origin alpha.example
    "#);
    assert_eq!(judgement.claims[0].findings.len(), judgement.findings.len());
}

#[test]
fn a_claim_that_somebody_knows_must_come_true() {
    let stage = Stage::new();
    let trace = run(&stage, &Rogue::default());
    let tap = Principal::Tap("backbone".into());
    let claims = [
        claim(tap.clone(), ClaimKind::Includes(vec![FactKind::Origin])),
        claim(tap, ClaimKind::Never(vec![FactKind::Destination])),
    ];
    let judgement = verdict(&stage, &trace, &claims);
    insta::assert_snapshot!(findings(&judgement), @r#"tap backbone holds letter.destination (never allowed), culprit unknown"#);
    assert_eq!(judgement.claims[0].findings, [] as [usize; 0]);
    assert_eq!(judgement.claims[1].findings, [0]);
}

#[test]
fn an_inherent_leak_that_is_not_found_is_the_harness_s_fault() {
    let mut stage = Stage::new();
    stage.inherent.clear();
    let beta = organization("beta.example");
    let claims = [claim(beta, ClaimKind::Inherent(vec!["I1".into()]))];
    let judgement = verdict(&stage, &run(&stage, &Rogue::default()), &claims);
    insta::assert_snapshot!(findings(&judgement), @r#"
    destination beta.example confirms letter.author (never allowed), culprit author alice
    I1 was not found at destination beta.example, culprit harness
    "#);
    assert_eq!(judgement.claims[0].findings, [1]);
}

#[test]
fn an_inherent_leak_is_reported_even_where_the_policy_allows_it() {
    let mut stage = Stage::new();
    stage.inherent.extend(
        read_inherent(
            "- { id: I4, title: t, fact: 'origin, destination', principal: tap, grade: holds, \
             rules: [link], source: s, cure: c, ruled: 2026-11-21 }",
        )
        .expect("a good list"),
    );
    let tap = Principal::Tap("backbone".into());
    let claims = [claim(tap, ClaimKind::Inherent(vec!["I4".into()]))];
    let judgement = verdict(&stage, &run(&stage, &Rogue::default()), &claims);
    assert_eq!(findings(&judgement), "");
    assert!(judgement.inherent.iter().any(|found| found.id == "I4"));
}

#[test]
fn a_run_in_which_nobody_learned_anything_is_no_pass() {
    let stage = Stage::new();
    let mut trace = run(&stage, &Rogue::default());
    for ledger in &mut trace.ledgers {
        if ledger.principal == Principal::Person("bob".into()) {
            // Bob got the message and lost the key that opens it.
            ledger.principal = Principal::Person("stranger".into());
        }
    }
    let mut stage = stage;
    stage.letters[0].recipient = "stranger".into();
    let judgement = verdict(&stage, &trace, &[]);
    let missing = judgement
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::Missing);
    let facts: Vec<FactKind> = missing.filter_map(|finding| finding.fact).collect();
    assert!(
        facts.contains(&FactKind::Subject) && facts.contains(&FactKind::Author),
        "{facts:?}"
    );
}

#[test]
fn a_partial_ledger_proves_no_never() {
    let stage = Stage::new();
    let mut trace = run(&stage, &Rogue::default());
    for ledger in &mut trace.ledgers {
        if ledger.principal == organization("beta.example") {
            ledger.completeness = Completeness::Partial("TLS secrets are not logged".into());
        }
    }
    let judgement = verdict(&stage, &trace, &[]);
    assert_eq!(findings(&judgement), "");
    let subject = judgement
        .doubts
        .iter()
        .find(|doubt| doubt.fact == Some(FactKind::Subject));
    let reason = subject.map(|doubt| doubt.reason.as_str());
    assert_eq!(
        reason,
        Some("ledger is partial: TLS secrets are not logged")
    );
    assert!(
        judgement
            .doubts
            .iter()
            .all(|doubt| doubt.principal == organization("beta.example"))
    );
}

#[test]
fn an_inherent_leak_that_a_partial_ledger_does_not_show_is_in_doubt() {
    let stage = Stage::new();
    let mut trace = run(&stage, &Rogue::default());
    let claim = claim(
        organization("beta.example"),
        ClaimKind::Inherent(vec!["I9".into()]),
    );
    let whole = verdict(&stage, &trace, std::slice::from_ref(&claim));
    assert_eq!(whole.claims[0].findings.len(), 1);
    assert_eq!(whole.findings[0].kind, FindingKind::NotFound);
    for ledger in &mut trace.ledgers {
        ledger.completeness = Completeness::Partial("nobody looked".into());
    }
    let partial = verdict(&stage, &trace, &[claim]);
    assert_eq!(findings(&partial), "");
    let doubts = partial.claims[0]
        .doubts
        .iter()
        .map(|at| &partial.doubts[*at]);
    let names: Vec<&str> = doubts.map(|doubt| doubt.name.as_str()).collect();
    assert_eq!(names, ["I9"]);
}

#[test]
fn a_truncated_recording_proves_no_never_but_a_leak_still_counts() {
    let stage = Stage::new();
    let rogue = Rogue {
        data_argument: Some(stage.address_of("alice")),
        ..Rogue::default()
    };
    let mut trace = run(&stage, &rogue);
    trace.truncated = Some("MAXIMUM_RECORDED_BYTES");
    let judgement = verdict(&stage, &trace, &[]);
    assert_eq!(judgement.findings.len(), 1);
    assert!(!judgement.doubts.is_empty());
}

#[test]
fn a_coalition_of_both_servers_knows_both_ends_and_no_contents() {
    let stage = Stage::new();
    let trace = run(&stage, &Rogue::default());
    let given = stage.given();
    let analysis = analyse(&given, &trace);
    let both = [organization("alpha.example"), organization("beta.example")];
    let known = analysis.coalition(&both);
    let kinds: BTreeSet<FactKind> = known.derivations.iter().map(|known| known.kind).collect();
    assert!(kinds.contains(&FactKind::Author) && kinds.contains(&FactKind::Recipient));
    assert!(!kinds.contains(&FactKind::Subject) && !kinds.contains(&FactKind::Body));
}

#[test]
fn the_alternate_layer_is_opened_by_the_recipient_only() {
    let mut stage = Stage::new();
    stage.with_alternate("bob");
    let rogue = Rogue {
        seal: SealOptions {
            alternate: true,
            ..SealOptions::default()
        },
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    assert_eq!(findings(&judgement), "");
    let bob = Principal::Person("bob".into());
    let body = judgement
        .cells
        .iter()
        .find(|cell| cell.principal == bob && cell.fact == FactKind::Body);
    let derivation = &judgement.derivations[body.expect("bob has a cell").derivations[0]];
    insta::assert_snapshot!(derivation, @r#"
    0.028s  message from mx.beta.example: chunk 3 (alternate key)                      capture packet 24, bytes 43..463
            keyslot 2 of chunk 3 (alternate key) opens with the encryption key of bob-bwxy4sg2dzgwrtbxnhve@beta.example
    0.028s  message from mx.beta.example: chunk 67 (display)                           capture packet 24, bytes 2943..3763
            keyslot 2 of chunk 67 (display) opens with the encryption key of bob-bwxy4sg2dzgwrtbxnhve@beta.example
            alternate layer of chunk 67 (display) opens with the encryption key of bob-bwxy4sg2dzgwrtbxnhve@beta.example
            "tptuxmofqbzx54m6zt5i 000000 and so on                       ..." = letter.body
    "#);
}

#[test]
fn under_the_hardened_profile_i1_is_gone_and_is_not_excused() {
    let judged = |profile: ProfileWord, hardened: bool| {
        let mut stage = Stage::new();
        stage.letters[0].profile = profile;
        let seal = SealOptions {
            hardened,
            ..SealOptions::default()
        };
        let rogue = Rogue {
            seal,
            ..Rogue::default()
        };
        let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
        let leaks = judgement.inherent.iter().map(|found| found.id.clone());
        (leaks.collect::<Vec<_>>(), findings(&judgement))
    };
    let (leaks, found) = judged(ProfileWord::Libdime, false);
    assert!(leaks.contains(&"I1".to_owned()) && found.is_empty());
    // What is sealed so leaks nothing, whatever was promised.
    for promised in [ProfileWord::Libdime, ProfileWord::Hardened] {
        let (leaks, found) = judged(promised, true);
        assert!(!leaks.contains(&"I1".to_owned()), "{leaks:?}");
        assert_eq!(found, "");
    }
    // What was promised and not done is a finding like any other.
    let (leaks, found) = judged(ProfileWord::Hardened, false);
    assert!(!leaks.contains(&"I1".to_owned()), "{leaks:?}");
    assert_eq!(
        found,
        "destination beta.example confirms letter.author (never allowed), culprit author alice"
    );
}

#[test]
fn a_message_inside_base64_is_opened_too() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let object = stage.seal(0, &super::stage::keyslot_for_origin(&stage));
    let aside = recording.connect("alice", "mx.alpha.example");
    recording.talk(aside, &[&format!("> NOOP {}", STANDARD.encode(&object))]);
    let judgement = verdict(&stage, &recording.finish(), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"origin alpha.example holds letter.body (never allowed), culprit author alice"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    origin alpha.example holds letter.body (never allowed)                               requirement DIME-HOP-1, culprit author alice
      0.030s  line 1 from alice: NOOP BzcAABTRAgAAIQKhYkmHTk4ymW8Z0+UQIlsDl5k...         capture packet 26, bytes 5..7119
              base64 container, decoded
              contains chunk 67 (display)
              keyslot 1 of chunk 67 (display) opens with the encryption key of alpha.example
              "tptuxmofqbzx54m6zt5i 000000 and so on                       ..." = letter.body
    "#);
}

#[test]
fn a_private_key_on_the_line_opens_what_it_opens() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let keys = &stage.identities[&stage.address_of("bob")].keys;
    let aside = recording.connect("bob", "mx.beta.example");
    let secret = STANDARD.encode(keys.encryption.to_bytes().as_slice());
    recording.talk(aside, &[&format!("> NOOP {secret}")]);
    let judgement = verdict(&stage, &recording.finish(), &[]);
    let body = judgement
        .findings
        .iter()
        .find(|finding| finding.fact == Some(FactKind::Body));
    insta::assert_snapshot!(judgement.explain(body.expect("the body is read")), @r#"
    destination beta.example holds letter.body (never allowed)                           requirement DIME-HOP-2, culprit author alice
      0.019s  message from mx.alpha.example: chunk 67 (display)                          capture packet 16, bytes 2363..3279
      0.030s  line 1 from bob: NOOP EQ0SMGfP6iCqStp0Eqr8DLdeo7s68jHNSfZs3T7...           capture packet 26, bytes 5..47
              base64 (phase 0) of the private key of encryption key of bob-bwxy4sg2dzgwrtbxnhve@beta.example = a private key
              keyslot 2 of chunk 67 (display) opens with the encryption key of bob-bwxy4sg2dzgwrtbxnhve@beta.example
              "tptuxmofqbzx54m6zt5i 000000 and so on                       ..." = letter.body
    "#);
}

#[test]
fn every_form_on_every_hop_is_found() {
    let stage = Stage::new();
    let author = stage.address_of("alice");
    let forms: [(&str, Vec<u8>); 9] = [
        ("as it is", author.clone().into_bytes()),
        ("in capitals", author.to_ascii_uppercase().into_bytes()),
        ("hex", hex::encode(&author).into_bytes()),
        (
            "base64 twice",
            STANDARD.encode(STANDARD.encode(&author)).into_bytes(),
        ),
        (
            "UTF-16",
            author.bytes().flat_map(|byte| [byte, 0]).collect(),
        ),
        (
            "percent",
            author
                .bytes()
                .flat_map(|byte| format!("%{byte:02X}").into_bytes())
                .collect(),
        ),
        (
            "SHA-256 in hex",
            hex::encode(Sha256::digest(&author)).into_bytes(),
        ),
        ("fingerprint", fingerprint(&stage, &author).into_bytes()),
        (
            "local part",
            author
                .split('@')
                .next()
                .unwrap_or_default()
                .as_bytes()
                .to_vec(),
        ),
    ];
    for (name, form) in forms {
        let mut recording = Recording::new(&stage);
        recording.typed("alice", stage.letters[0].subject.as_bytes());
        let aside = recording.connect("mx.alpha.example", "mx.beta.example");
        recording.say(
            aside,
            Direction::Forth,
            &[b"NOOP ", form.as_slice(), b"\r\n"].concat(),
        );
        four_hops(&stage, &mut recording, 0, &Rogue::default());
        let judgement = verdict(&stage, &recording.finish(), &[]);
        let found: Vec<_> = judgement
            .findings
            .iter()
            .map(|finding| finding.name.as_str())
            .collect();
        assert_eq!(found, ["letter.author"], "{name}");
    }
}

fn fingerprint(stage: &Stage, address: &str) -> String {
    let kind = FingerprintKind::Cryptographic;
    let signet = &stage.identities[address].signet;
    signet
        .fingerprint(kind)
        .map(|fingerprint| fingerprint.to_string())
        .unwrap_or_default()
}

#[test]
fn the_same_trace_gives_the_same_words() {
    let stage = Stage::new();
    let rogue = Rogue {
        tracing: Some(stage.address_of("alice").into_bytes()),
        ..Rogue::default()
    };
    let words = || {
        let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
        let derivations = judgement.derivations.iter().map(ToString::to_string);
        derivations.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(words(), words());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn damaged_bytes_are_judged_without_panic_and_accuse_nobody_of_learning(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let stage = Stage::new();
        let mut trace = run(&stage, &Rogue::default());
        for (buffer, offset, byte) in damage {
            let bytes = &mut buffer.get_mut(&mut trace.buffers).bytes;
            if !bytes.is_empty() {
                *offset.get_mut(bytes) = byte;
            }
        }
        let judgement = verdict(&stage, &trace, &[]);
        for finding in &judgement.findings {
            prop_assert_eq!(finding.kind, FindingKind::Missing, "{}", judgement.explain(finding));
        }
    }
}

#[test]
fn garbage_is_no_knowledge() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    let line = recording.connect("alice", "mx.alpha.example");
    let mut state = [7u8; 32];
    for _ in 0..200 {
        state = Sha256::digest(state).into();
        let magic = [
            &[0x07, 0x37, 0, 0, 0, 120, 2, 0, 0, 33, 2],
            state.as_slice(),
            &state,
            &state,
        ]
        .concat();
        recording.say(line, Direction::Forth, &magic);
    }
    let given = stage.given();
    let trace = recording.finish();
    let analysis = analyse(&given, &trace);
    for ledger in &trace.ledgers {
        let letter_facts = analysis.knows(&ledger.principal).derivations;
        assert_eq!(letter_facts, []);
    }
}
