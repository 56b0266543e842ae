//! The engine on hand-made traces: what it finds, what it does not, and how it says so.

mod hops;
mod judging;
mod recall;
mod recording;
mod scope;
mod stage;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::ledger::Direction;
use crate::world::FactKind;
use hops::{Rogue, four_hops};
use recording::Recording;
use stage::{Stage, keyslot_for_origin};

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

#[test]
fn an_address_in_base64_in_the_data_argument_is_found() {
    let stage = Stage::new();
    let author = stage.address_of("alice");
    let rogue = Rogue {
        data_argument: Some(STANDARD.encode(&author)),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"destination beta.example holds letter.author (never allowed), culprit origin alpha.example"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    destination beta.example holds letter.author (never allowed)                         requirement DIME-HOP-2, culprit origin alpha.example
      0.017s  line 4 from mx.alpha.example: DATA [YWxpY2UtbHlnajdvYXAyN2RzcGhkamd4ZGlAYW... capture packet 14, bytes 6..59
              base64 (phase 0) of "alice-lygj7oap27dsphdjgxdi@alpha.example" = letter.author
    "#);
}

#[test]
fn base64_in_the_middle_of_other_bytes_is_found() {
    let stage = Stage::new();
    let author = stage.address_of("alice");
    let rogue = Rogue {
        data_argument: Some(STANDARD.encode(format!("x{author}y"))),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    let explained = judgement.explain(&judgement.findings[0]);
    assert!(explained.contains("base64 (phase 1) of"), "{explained}");
}

#[test]
fn a_digest_in_tracing_confirms_although_the_protocol_confirms_too() {
    let stage = Stage::new();
    let rogue = Rogue {
        tracing: Some(Sha256::digest(stage.address_of("alice")).to_vec()),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"destination beta.example confirms letter.author (never allowed), culprit origin alpha.example"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    destination beta.example confirms letter.author (never allowed)                      requirement DIME-HOP-2, culprit origin alpha.example
      0.019s  tracing of a message from mx.alpha.example                                 capture packet 16, bytes 0..16
              SHA-256 of "alice-lygj7oap27dsphdjgxdi@alpha.example" = letter.author
    "#);
    assert!(judgement.inherent.iter().any(|found| found.id == "I1"));
}

#[test]
fn the_beginning_of_a_message_in_tracing_hides_nothing() {
    let stage = Stage::new();
    let endless = [7, 0x37, 255, 255, 255, 255, 2, 0, 0, 33, 2];
    let digest = Sha256::digest(stage.address_of("alice"));
    let rogue = Rogue {
        tracing: Some([&[7, 0x2d, 0, 1], endless.as_slice(), &digest].concat()),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"destination beta.example confirms letter.author (never allowed), culprit origin alpha.example"#);
    let explained = judgement.explain(&judgement.findings[0]);
    let place = "tracing of a message from mx.alpha.example";
    assert!(explained.contains(place), "{explained}");
    let derivation = judgement.findings[0].derivation;
    let tie = derivation.map(|index| &judgement.derivations[index].tie);
    assert_eq!(tie, Some(&Tie::Message));
}

#[test]
fn a_message_of_too_many_chunks_leaves_a_doubt() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let line = recording.connect("mx.alpha.example", "mx.beta.example");
    let chunks = [2, 0, 0, 33, 2].into_iter().chain([0; 32]);
    let chunks: Vec<u8> = chunks.chain([2, 0, 0, 0].repeat(4096)).collect();
    let size = (chunks.len() as u32).to_be_bytes();
    let message = [&[7, 0x37], size.as_slice(), &chunks].concat();
    recording.say(line, Direction::Forth, &message);
    let trace = recording.finish();
    let given = stage.given();
    assert_eq!(analyse(&given, &trace).truncated(), Some("MAXIMUM_PIECES"));
    assert!(!verdict(&stage, &trace, &[]).doubts.is_empty());
}

#[test]
fn a_keyslot_filled_for_the_origin_is_found() {
    let stage = Stage::new();
    let rogue = Rogue {
        seal: keyslot_for_origin(&stage),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"origin alpha.example holds letter.body (never allowed), culprit author alice"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    origin alpha.example holds letter.body (never allowed)                               requirement DIME-HOP-1, culprit author alice
      0.008s  message from alice: chunk 67 (display)                                     capture packet 6, bytes 2363..3279
              keyslot 1 of chunk 67 (display) opens with the encryption key of alpha.example
              "tptuxmofqbzx54m6zt5i 000000 and so on                       ..." = letter.body
    "#);
}

#[test]
fn a_reply_that_names_the_recipient_is_found() {
    let stage = Stage::new();
    let rogue = Rogue {
        reply: Some(format!("for <{}>", stage.address_of("bob"))),
        ..Rogue::default()
    };
    let judgement = verdict(&stage, &run(&stage, &rogue), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"origin alpha.example holds letter.recipient (never allowed), culprit destination beta.example"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    origin alpha.example holds letter.recipient (never allowed)                          requirement DIME-HOP-1, culprit destination beta.example
      0.020s  line 5 from mx.beta.example: 250 OK for <bob-bwxy4sg2dzgwrtbxnhve@beta.ex... capture packet 17, bytes 12..49
              "bob-bwxy4sg2dzgwrtbxnhve@beta.example" = letter.recipient
    "#);
}

#[test]
fn the_inherent_leak_is_explained() {
    let stage = Stage::new();
    let judgement = verdict(&stage, &run(&stage, &Rogue::default()), &[]);
    let derivation = &judgement.derivations[judgement.inherent[0].derivation];
    insta::assert_snapshot!(derivation, @r#"
    0.019s  message from mx.alpha.example: chunk 5 (destination)                       capture packet 16, bytes 671..1443
            keyslot 2 of chunk 5 (destination) opens with the encryption key of beta.example
            signature of chunk 5 (destination) verifies under the public key of alice-lygj7oap27dsphdjgxdi@alpha.example and no other = letter.author
    "#);
}

#[test]
fn the_table_says_who_knows_what() {
    let stage = Stage::new();
    let judgement = verdict(&stage, &run(&stage, &Rogue::default()), &[]);
    insta::assert_snapshot!(table(&judgement), @r#"
                    alice         bob           alpha.example beta.example  resolver      backbone
    author          holds         holds         holds         confirms (I)  -             -
    recipient       holds         holds         -             holds         -             -
    origin          holds         holds         holds         holds         -             holds
    destination     holds         holds         holds         holds         holds         holds
    subject         holds         holds         -             -             -             -
    headers         holds         holds         -             -             -             -
    body            holds         holds         -             -             -             -
    attachment-name holds         holds         -             -             -             -
    attachment      holds         holds         -             -             -             -
    author-host     holds         -             holds         -             holds         -
    recipient-host  -             holds         -             holds         -             -
    "#);
}

/// A row per fact, a column per principal: how it is known, and what that amounts to if not ok.
fn table(judgement: &Judgement) -> String {
    let mut rows: BTreeMap<FactKind, Vec<String>> = BTreeMap::new();
    let mut head: Vec<&str> = Vec::new();
    for cell in &judgement.cells {
        let name = judgement::name_of(&cell.principal);
        if !head.contains(&name) {
            head.push(name);
        }
        let grade = match cell.grade {
            Some(Grade::Holds) => "holds",
            Some(Grade::Confirms) => "confirms",
            Some(Grade::Suspected) => "suspected",
            None => "-",
        };
        let mark = match cell.judged {
            Judged::Ok => "",
            Judged::Inherent => " (I)",
            Judged::Doubtful => " (?)",
            Judged::Missing => " (missing)",
            Judged::Finding => " (!)",
        };
        rows.entry(cell.fact)
            .or_default()
            .push(format!("{grade}{mark}"));
    }
    let line = |name: &str, cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<14}")).collect();
        format!("{name:<16}{}", cells.concat())
            .trim_end()
            .to_owned()
    };
    let head = line("", head.iter().map(|name| (*name).to_owned()).collect());
    let rows = rows
        .into_iter()
        .map(|(fact, cells)| line(fact.name(), cells));
    std::iter::once(head)
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}
