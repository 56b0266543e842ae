//! Which letter a value belongs to.

use super::super::*;
use super::hops::{Rogue, four_hops};
use super::recording::Recording;
use super::stage::{Stage, domain_of};
use super::{findings, organization, run, verdict};
use crate::ledger::Direction;
use crate::world::FactKind;

/// Index of a fact.
fn fact(stage: &Stage, letter: usize, kind: FactKind) -> usize {
    let mut facts = stage.facts.iter();
    let found = facts.position(|fact| fact.letter == letter && fact.kind == kind);
    found.expect("every kind of fact is planned")
}

fn grade(stage: &Stage, trace: &Trace, who: &Principal, index: usize) -> Option<Grade> {
    let given = stage.given();
    analyse(&given, trace).knows(who).grade(index)
}

#[test]
fn a_login_is_no_knowledge_of_a_letter() {
    let stage = Stage::new();
    let author = stage.address_of("alice");
    let mut recording = Recording::new(&stage);
    let session = recording.connect("alice", "mx.alpha.example");
    recording.talk(
        session,
        &[&format!("> a1 LOGIN {author} secret"), "< a1 OK"],
    );
    let trace = recording.finish();
    let index = fact(&stage, 0, FactKind::Author);
    assert_eq!(
        grade(&stage, &trace, &organization("alpha.example"), index),
        None
    );
}

#[test]
fn a_login_while_the_letter_flies_is_none_either() {
    let stage = Stage::new();
    let recipient = stage.address_of("bob");
    let mut recording = Recording::new(&stage);
    recording.typed("alice", stage.letters[0].subject.as_bytes());
    let session = recording.connect("bob", "mx.beta.example");
    recording.talk(
        session,
        &[&format!("> b1 LOGIN {recipient} secret"), "< b1 OK"],
    );
    let trace = recording.finish();
    let index = fact(&stage, 0, FactKind::Recipient);
    assert_eq!(
        grade(&stage, &trace, &organization("beta.example"), index),
        None
    );
    // Bob himself is not exempt: an address that passes while its letter flies is tied to it.
    let bob = Principal::Person("bob".into());
    assert_eq!(grade(&stage, &trace, &bob, index), Some(Grade::Holds));
}

#[test]
fn a_look_up_through_the_origin_tells_it_the_recipient() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    recording.typed("alice", stage.letters[0].subject.as_bytes());
    let session = recording.connect("alice", "mx.alpha.example");
    recording.talk(session, &[&format!("> SGNT <{}>", stage.address_of("bob"))]);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"origin alpha.example holds letter.recipient (never allowed), culprit author alice"#);
    insta::assert_snapshot!(judgement.explain(&judgement.findings[0]), @r#"
    origin alpha.example holds letter.recipient (never allowed)                          requirement DIME-HOP-1, culprit author alice
      0.002s  line 1 from alice: SGNT <bob-bwxy4sg2dzgwrtbxnhve@beta.example>            capture packet 0, bytes 6..43
              "bob-bwxy4sg2dzgwrtbxnhve@beta.example" = letter.recipient
    "#);
}

#[test]
fn a_direct_look_up_tells_nobody_more_than_it_may() {
    let stage = Stage::new();
    let mut recording = Recording::new(&stage);
    recording.typed("alice", stage.letters[0].subject.as_bytes());
    let to_beta = recording.connect("alice", "mx.beta.example");
    recording.talk(to_beta, &[&format!("> SGNT <{}>", stage.address_of("bob"))]);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let to_alpha = recording.connect("bob", "mx.alpha.example");
    recording.talk(
        to_alpha,
        &[&format!("> SGNT <{}>", stage.address_of("alice"))],
    );
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    let cell = judgement.cells.iter().find(|cell| {
        cell.principal == organization("beta.example") && cell.fact == FactKind::AuthorHost
    });
    assert_eq!(
        cell.map(|cell| (cell.policy, cell.grade)),
        Some((Policy::May, Some(Grade::Holds)))
    );
}

#[test]
fn another_letter_of_other_people_is_not_mixed_up() {
    let mut stage = Stage::new();
    stage.letter("second", "carol", "dave");
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    assert_eq!(judgement.doubts, []);
    assert_eq!(judgement.inherent.len(), 2);
    let alice = Principal::Person("alice".into());
    let of_second = judgement
        .cells
        .iter()
        .filter(|cell| cell.principal == alice && cell.letter == 1);
    assert!(
        of_second
            .into_iter()
            .all(|cell| cell.roles == [Role::Bystander] && cell.grade.is_none())
    );
}

#[test]
fn a_reply_is_a_letter_of_its_own() {
    let mut stage = Stage::new();
    stage.letter("reply", "bob", "alice");
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    assert_eq!(judgement.doubts, []);
}

#[test]
fn a_reply_that_quotes_is_not_the_letter_it_quotes() {
    let mut stage = Stage::new();
    stage.letter("reply", "bob", "alice");
    let quoted = stage.letters[0].body.clone();
    stage.letters[1].body.extend(quoted);
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    assert_eq!(judgement.doubts, []);
}

#[test]
fn a_leak_that_may_belong_to_either_of_two_letters_is_doubtful() {
    let mut stage = Stage::new();
    stage.letter("second", "alice", "dave");
    let mut recording = Recording::new(&stage);
    for plan in &stage.letters {
        recording.typed("alice", plan.subject.as_bytes());
    }
    let gossip = recording.connect("mx.alpha.example", "mx.beta.example");
    recording.talk(gossip, &[&format!("> NOOP {}", stage.address_of("alice"))]);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    let doubts: Vec<&str> = judgement
        .doubts
        .iter()
        .map(|doubt| doubt.reason.as_str())
        .collect();
    assert_eq!(
        doubts,
        ["value may belong to any of the letters letter, second"; 2]
    );
}

#[test]
fn what_a_person_knows_from_their_own_letter_is_no_leak_of_another() {
    let mut stage = Stage::new();
    stage.letter("second", "carol", "bob");
    let mut recording = Recording::new(&stage);
    for plan in &stage.letters {
        recording.typed(&plan.author, plan.subject.as_bytes());
    }
    // While both letters fly, carol asks the resolver and beta about the recipient of both.
    let ask = recording.connect("carol", "mx.beta.example");
    recording.talk(ask, &[&format!("> SGNT <{}>", stage.address_of("bob"))]);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    assert_eq!(findings(&judgement), "");
    assert_eq!(judgement.doubts, []);
}

#[test]
fn a_leak_beside_a_stored_message_is_tied_to_it() {
    let mut stage = Stage::new();
    stage.letter("second", "alice", "dave");
    let mut recording = Recording::new(&stage);
    four_hops(&stage, &mut recording, 0, &Rogue::default());
    let object = stage.seal(0, &Default::default());
    let signed = stage.sign(0, &object, None);
    let store = recording.store("mx.beta.example", "journal");
    let note = format!("from={} ", stage.address_of("alice"));
    recording.say(
        store,
        Direction::Forth,
        &[note.as_bytes(), &signed].concat(),
    );
    four_hops(&stage, &mut recording, 1, &Rogue::default());
    let judgement = verdict(&stage, &recording.finish(), &[]);
    insta::assert_snapshot!(findings(&judgement), @r#"destination beta.example holds letter.author (never allowed), culprit destination beta.example"#);
    let first = judgement
        .findings
        .first()
        .and_then(|finding| finding.derivation);
    assert_eq!(
        first.map(|index| &judgement.derivations[index].tie),
        Some(&Tie::Record)
    );
}

#[test]
fn one_organization_at_both_ends_unites_its_rights() {
    let mut stage = Stage::new();
    stage.facts.clear();
    stage.letters.clear();
    stage.letter("inside", "alice", "carol");
    assert_eq!(domain_of(&stage.address_of("carol")), "alpha.example");
    let trace = run(&stage, &Rogue::default());
    let judgement = verdict(&stage, &trace, &[]);
    assert_eq!(findings(&judgement), "");
    let alpha = judgement
        .cells
        .iter()
        .filter(|cell| cell.principal == organization("alpha.example"));
    for cell in alpha {
        assert_eq!(cell.roles, [Role::Origin, Role::Destination]);
        let content = matches!(cell.fact, FactKind::Subject | FactKind::Body);
        assert_eq!(
            cell.grade.is_none(),
            content || cell.policy == Policy::Never,
            "{cell:?}"
        );
    }
}
