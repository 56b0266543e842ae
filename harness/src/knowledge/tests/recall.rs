//! Recall: a leak planted in an honest run, of every kind of fact, in every form, in every kind of
//! place, is found at whoever sees that place, and nothing else is.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256, Sha512};

use super::super::*;
use super::hops::{Rogue, four_hops};
use super::recording::Recording;
use super::stage::Stage;
use super::{organization, verdict};
use crate::ledger::Direction;
use crate::world::FactKind;

/// A way to write a value down, and how well whoever reads it then knows it.
type Writing = (&'static str, Grade, fn(&[u8]) -> Vec<u8>);

const WRITINGS: [Writing; 10] = [
    ("as it is", Grade::Holds, <[u8]>::to_vec),
    ("in capitals", Grade::Holds, <[u8]>::to_ascii_uppercase),
    ("hex", Grade::Holds, |value| hex::encode_upper(value).into()),
    ("base64", Grade::Holds, |value| {
        STANDARD.encode(value).into()
    }),
    ("URL-safe base64 behind a byte", Grade::Holds, |value| {
        URL_SAFE_NO_PAD.encode([b"x", value].concat()).into()
    }),
    ("base64 in hex", Grade::Holds, |value| {
        hex::encode(STANDARD.encode(value)).into()
    }),
    ("UTF-16BE", Grade::Holds, |value| {
        value.iter().flat_map(|byte| [0, *byte]).collect()
    }),
    ("quoted-printable", Grade::Holds, |value| {
        value
            .iter()
            .flat_map(|byte| format!("={byte:02X}").into_bytes())
            .collect()
    }),
    ("SHA-256", Grade::Confirms, |value| {
        Sha256::digest(value).to_vec()
    }),
    ("half of SHA-512 in base64", Grade::Confirms, |value| {
        STANDARD.encode(&Sha512::digest(value)[..32]).into()
    }),
];

/// Facts that nobody but the actors named in the policy may know.
const FACTS: [FactKind; 7] = [
    FactKind::Author,
    FactKind::Recipient,
    FactKind::Subject,
    FactKind::Headers,
    FactKind::Body,
    FactKind::AttachmentName,
    FactKind::Attachment,
];

/// A place to plant a leak, and who then knows it besides those who may.
type Planting = (
    &'static str,
    &'static [&'static str],
    fn(&Stage, &mut Recording<'_>, &[u8]),
);

const PLACES: [Planting; 4] = [
    (
        "a line between the servers",
        &["alpha.example", "beta.example"],
        |_, recording, leak| {
            let line = recording.connect("mx.alpha.example", "mx.beta.example");
            recording.say(line, Direction::Forth, &[b"NOOP ", leak, b"\r\n"].concat());
        },
    ),
    (
        "a reply to a stranger",
        &["beta.example"],
        |_, recording, leak| {
            let line = recording.connect("carol", "mx.beta.example");
            recording.say(line, Direction::Back, &[b"450 ", leak, b"\r\n"].concat());
        },
    ),
    (
        "a record of a store",
        &["alpha.example"],
        |_, recording, leak| {
            let store = recording.store("mx.alpha.example", "journal");
            recording.say(store, Direction::Forth, &[b"note=", leak].concat());
        },
    ),
    (
        "a datagram",
        &["alpha.example", "resolver"],
        |_, recording, leak| {
            let asked = recording.datagrams("mx.alpha.example", "resolver");
            recording.say(asked, Direction::Forth, &[b"\x00\x01", leak].concat());
        },
    ),
];

#[test]
fn every_planted_leak_is_found_and_nothing_else() {
    let stage = Stage::new();
    for (place, (name, readers, plant)) in PLACES.iter().enumerate() {
        for (number, (form, grade, write)) in WRITINGS.iter().enumerate() {
            let kind = FACTS[(number + place) % FACTS.len()];
            let fact = stage.facts.iter().find(|fact| fact.kind == kind);
            let value = &fact.expect("every kind of fact is planned").value;
            let mut recording = Recording::new(&stage);
            recording.typed("alice", stage.letters[0].subject.as_bytes());
            plant(&stage, &mut recording, &write(value));
            four_hops(&stage, &mut recording, 0, &Rogue::default());
            let judgement = verdict(&stage, &recording.finish(), &[]);
            let found: BTreeSet<String> = judgement
                .findings
                .iter()
                .map(|finding| format!("{} {:?}", finding.message(), finding.fact))
                .collect();
            let expected = expected(readers, kind, *grade);
            assert_eq!(
                found.len(),
                expected,
                "{kind:?} as {form} in {name}: {found:?}"
            );
            assert!(
                judgement
                    .findings
                    .iter()
                    .all(|finding| finding.fact == Some(kind))
            );
        }
    }
}

/// How many of the readers may not know the fact.
fn expected(readers: &[&str], kind: FactKind, grade: Grade) -> usize {
    assert_ne!(grade, Grade::Suspected);
    let may = |reader: &&&str| match **reader {
        "alpha.example" => kind == FactKind::Author,
        "beta.example" => kind == FactKind::Recipient,
        _ => false,
    };
    // Carol reads the reply, too: she is a bystander.
    let stranger = usize::from(readers == ["beta.example"]);
    readers.len() - readers.iter().filter(may).count() + stranger
}

#[test]
fn the_grade_of_a_planted_leak_is_that_of_its_form() {
    let stage = Stage::new();
    let author = stage.address_of("alice").into_bytes();
    for (form, grade, write) in WRITINGS {
        let mut recording = Recording::new(&stage);
        four_hops(&stage, &mut recording, 0, &Rogue::default());
        let line = recording.connect("mx.alpha.example", "mx.beta.example");
        recording.say(
            line,
            Direction::Forth,
            &[b"NOOP ", write(&author).as_slice()].concat(),
        );
        let judgement = verdict(&stage, &recording.finish(), &[]);
        let at_beta = judgement
            .findings
            .iter()
            .find(|finding| finding.principal == organization("beta.example"));
        assert_eq!(
            at_beta.map(|finding| finding.kind),
            Some(FindingKind::Learned(grade)),
            "{form}"
        );
    }
}
