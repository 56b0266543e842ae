//! Tests of the dissector, on what the strict parsers accept and on what they refuse.

mod limits;

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::Profile;
use crate::keys::{EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use crate::message::{
    Actor, CommonHeaders, Letter, Message, MessageEntropy, Part, SealOptions, Signets, seal,
};
use crate::signet::{Signet, issue, organization, request};

struct Zeros;

impl MessageEntropy for Zeros {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        [1; 32]
    }
    fn message_key(&mut self) -> [u8; 32] {
        [2; 32]
    }
    fn alternate_key(&mut self) -> [u8; 32] {
        [2; 32]
    }
    fn chunk_key(&mut self, _index: usize) -> [u8; 32] {
        [3; 32]
    }
    fn chunk_iv(&mut self, _index: usize) -> [u8; 16] {
        [4; 16]
    }
    fn padding(&mut self, _index: usize) -> u8 {
        0
    }
    fn slot(&mut self, _index: usize, _actor: Actor) -> [u8; 16] {
        [5; 16]
    }
}

fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    }
}

fn organization_signet() -> Signet {
    let own = keys(1);
    let draft =
        organization(&own.signing, &own.encryption.public(), Profile::Libdime).field(16, b"One");
    draft
        .named_field(b"Colour", b"blue")
        .sign(&own.signing, "one.example")
        .expect("a good draft")
}

fn user_signet() -> Signet {
    let request = request(&keys(2), &[], None, Profile::Magma).expect("a good request");
    issue(&request, &keys(1).signing, &[], "ann@one.example").expect("a good request")
}

fn sealed(tracing: Option<&[u8]>) -> Vec<u8> {
    let (user, organization) = (user_signet(), organization_signet());
    let letter = Letter {
        author: "ann@one.example".to_owned(),
        recipient: "ann@one.example".to_owned(),
        origin: "one.example".to_owned(),
        destination: "one.example".to_owned(),
        common: CommonHeaders::default(),
        other_headers: Vec::new(),
        display: vec![Part::plain("one"), Part::plain("two")],
        attachments: Vec::new(),
    };
    let signets = Signets {
        author: &user,
        origin: &organization,
        destination: &organization,
        recipient: &user,
    };
    let options = SealOptions {
        tracing: tracing.map(<[u8]>::to_vec),
        ..SealOptions::default()
    };
    seal(&letter, &signets, &keys(2).signing, &mut Zeros, &options).expect("a good letter")
}

fn outline(node: &Node) -> String {
    fn write(node: &Node, depth: usize, out: &mut String) {
        let value = match &node.value {
            Value::None => String::new(),
            Value::Bytes => " bytes".to_owned(),
            Value::Number(number) => format!(" {number}"),
            Value::Text(text) => format!(" {text:?}"),
            Value::Decoded(size) => format!(" {size} decoded"),
        };
        let problem = node
            .problem
            .as_ref()
            .map(|problem| format!(" !! {problem}"))
            .or(node.remark.as_ref().map(|remark| format!(" ? {remark}")))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            "{:depth$}{:?} {}{value}{problem}",
            "", node.range, node.label
        );
        node.children
            .iter()
            .for_each(|child| write(child, depth + 2, out));
    }
    let mut out = String::new();
    write(node, 0, &mut out);
    out
}

#[test]
fn a_good_message_is_mapped_as_the_strict_parser_sees_it() {
    let bytes = sealed(Some(b"trace"));
    let surrounded = [b"\x07\x37 noise".as_slice(), &bytes, b"\r\nmore \x07\x2d"].concat();
    let strict = Message::parse(&bytes).expect("a good message");
    let maps = find_messages(&surrounded).maps;
    assert_eq!(maps.len(), 1);
    let (map, shift) = (&maps[0], 8);
    assert_eq!(map.tracing, Some(shift + 4..shift + 9));
    assert_eq!(
        (map.range.clone(), map.truncated),
        (shift + 9..shift + bytes.len(), false)
    );
    assert_eq!(map.chunks.len(), strict.chunks().len());
    for (own, chunk) in map.chunks.iter().zip(strict.chunks()) {
        assert_eq!(
            (own.kind, own.range.start),
            (chunk.kind as u8, shift + chunk.offset)
        );
        assert_eq!(surrounded.get(own.payload.clone()), Some(chunk.payload));
        assert_eq!(own.slots.len(), chunk.kind.slots().len());
        let slots: Vec<u8> = own
            .slots
            .iter()
            .flat_map(|slot| surrounded[slot.clone()].to_vec())
            .collect();
        assert_eq!(slots, chunk.slots);
    }
    assert_eq!(dissect(&bytes).problems(), []);
}

#[test]
fn every_cut_of_a_message_is_mapped_as_far_as_it_goes() {
    let bytes = sealed(None);
    for cut in [20, 47, 60, 400, 1000, bytes.len() - 1] {
        let maps = find_messages(&bytes[..cut]).maps;
        assert_eq!(maps.len(), 1, "{cut}");
        assert!(maps[0].truncated && maps[0].range == (0..cut), "{cut}");
        assert!(!dissect(&bytes[..cut]).problems().is_empty());
    }
}

#[test]
fn two_messages_in_one_buffer_are_both_found() {
    let bytes = sealed(None);
    let maps = find_messages(&[bytes.as_slice(), b"between", &bytes].concat()).maps;
    let starts: Vec<_> = maps.iter().map(|map| map.range.start).collect();
    assert_eq!(starts, [0, bytes.len() + 7]);
}

#[test]
fn a_malformed_message_is_taken_apart_with_its_problems() {
    let mut bytes = vec![7, 45, 0, 2, 9, 9, 7, 55, 0, 0, 0, 99];
    bytes.extend_from_slice(&[67, 0, 0, 16]);
    bytes.extend_from_slice(&[1; 16 + 128]);
    bytes.extend_from_slice(&[2, 0, 0, 33, 2]);
    bytes.extend_from_slice(&[6; 32]);
    bytes.extend_from_slice(&[255, 0, 0, 64, 8, 8]);
    insta::assert_snapshot!(outline(&dissect(&bytes)), @"
    0..203 message !! does not begin with an ephemeral key
      0..6 tracing
        4..6 data bytes
      6..8 magic 1847
      8..12 length 99 !! 191 bytes follow
      12..160 display 67 !! payload size 16 is not possible
        16..32 payload bytes
        32..96 keyslot of author bytes
        96..160 keyslot of recipient bytes
      160..197 ephemeral key 2 !! out of order
        164..197 payload bytes
      197..203 origin signature 255 !! payload is cut off: 2 of 64 bytes
        201..203 payload bytes
    ");
}

#[test]
fn signets_and_key_files_are_taken_apart() {
    insta::assert_snapshot!(outline(&dissect(organization_signet().as_bytes())), @r#"
    0..303 organization signet
      0..2 magic 1776
      2..5 length 298
      5..40 field 1 (primary key)
        7..40 data bytes
      40..76 field 3 (encryption key)
        43..76 data bytes
      76..141 field 4 (cryptographic signature)
        77..141 data bytes
      141..146 field 16 (name)
        143..146 data "One"
      146..160 field 251 (undefined field)
        148..154 name "Colour"
        156..160 data "blue"
      160..225 field 253 (full signature)
        161..225 data bytes
      225..238 field 254 (identifier)
        227..238 data "one.example"
      238..303 field 255 (identified signature)
        239..303 data bytes
    "#);
    let file = keys(1).to_file(KeyOwner::User, Profile::Magma);
    insta::assert_snapshot!(outline(&dissect(&file)), @"
    0..73 user keys
      0..2 magic 2013
      2..5 length 68
      5..39 field 1 (signing key)
        7..39 secret bytes
      39..73 field 2 (encryption key)
        41..73 secret bytes
    ");
    insta::assert_snapshot!(outline(&dissect(&[6, 240, 0, 0, 9, 16, 1, b'a', 1, 2, 0, 0])), @r#"
    0..12 organization signet
      0..2 magic 1776
      2..5 length 9 !! 7 bytes follow
      5..8 field 16 (name)
        7..8 data "a"
      8..12 field 1 (primary key) !! out of order
        10..12 data bytes
    "#);
    insta::assert_snapshot!(outline(&dissect(b"hello")), @"
    0..5 unknown bytes !! no known magic number
    ");
}

#[test]
fn behind_damage_in_a_message_its_chunks_are_found_again() {
    let good = sealed(None);
    let chunks = |bytes: &[u8]| {
        let root = dissect(bytes);
        let last = root.children.last().map(|node| node.label.clone());
        (root.children.len(), root.problems().len(), last)
    };
    let (count, _, last) = chunks(&good);
    let third = &find_messages(&good).maps[0].chunks[2];
    let (start, payload) = (third.range.start, third.payload.start);
    // A wrong length, a type that nobody knows, a type that is another, and bytes that went missing.
    for (place, value) in [(start + 2, 0x77), (start, 0x99), (start, 0x84), (start, 4)] {
        let mut bytes = good.clone();
        bytes[place] = value;
        let (found, problems, end) = chunks(&bytes);
        assert_eq!((found, &end), (count, &last), "{place} {value}");
        assert!(problems >= 1, "{place} {value}");
    }
    let mut bytes = good.clone();
    bytes.drain(payload..payload + 100);
    let (found, problems, end) = chunks(&bytes);
    assert_eq!((found, &end), (count, &last));
    assert!(problems >= 2, "length of the message and damage");
}

#[test]
fn behind_damage_in_a_signet_its_fields_are_found_again() {
    let good = organization_signet().to_bytes();
    let count = dissect(&good).children.len();
    // Fields 16 and 3: an id that nobody knows, a length that is too long and one that is too short.
    for (place, value) in [(141, 9), (141, 50), (142, 200), (142, 1), (42, 30), (40, 7)] {
        let mut bytes = good.clone();
        bytes[place] = value;
        let root = dissect(&bytes);
        assert!(!root.problems().is_empty(), "{place} {value}");
        let last = root.children.last().map(|node| node.label.as_str());
        assert_eq!(
            last,
            Some("field 255 (identified signature)"),
            "{place} {value}"
        );
        assert!(root.children.len() + 1 >= count, "{place} {value}");
    }
}

#[test]
fn signets_are_found_inside_other_bytes() {
    let (one, other) = (organization_signet(), user_signet());
    let buffer = [
        b"noise\x06\xf0".as_slice(),
        one.as_bytes(),
        b"..",
        other.as_bytes(),
    ]
    .concat();
    let maps = find_signets(&buffer).maps;
    let found: Vec<_> = maps
        .iter()
        .map(|map| (map.magic, buffer[map.range.clone()].to_vec()))
        .collect();
    assert_eq!(found, [(1776, one.to_bytes()), (1789, other.to_bytes())]);
    for (map, signet) in maps.iter().zip([&one, &other]) {
        let fields: Vec<_> = map
            .fields
            .iter()
            .map(|field| (field.id, &buffer[field.data.clone()]))
            .collect();
        assert_eq!(
            fields,
            signet
                .fields()
                .map(|field| (field.id, field.data))
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_stands_in_armour_is_taken_apart_inside_it() {
    let armor = organization_signet().to_armor();
    let root = dissect(format!("A signet:\n\n{armor}").as_bytes());
    assert_eq!(root.problems(), []);
    let labels: Vec<_> = root.children.iter().map(|node| &*node.label).collect();
    assert_eq!(labels, ["begin", "contents", "checksum", "end"]);
    let contents = &root.children[1];
    assert_eq!(contents.value, Value::Decoded(303));
    assert_eq!(
        contents.children,
        [dissect(organization_signet().as_bytes())]
    );
    let bare = dissect(organization_signet().to_base64().as_bytes());
    assert_eq!((bare.problems(), &*bare.label), (vec![], "base64"));

    let problem = |text: String| {
        let root = dissect(text.as_bytes());
        root.problems()
            .first()
            .map(|(at, problem)| format!("{at}: {problem}"))
    };
    let checksum = armor.lines().nth_back(1).expect("is there").to_owned();
    let found = [
        problem(armor.replace("-----END", "----END")),
        problem(armor.replace(&checksum, "=AAAA")),
        problem(armor.replace(&format!("{checksum}\n"), "")),
        problem(armor.replacen('\n', "\n!!", 1)),
        problem(armor.replace('=', "")),
    ];
    insta::assert_snapshot!(found.map(Option::unwrap_or_default).join("\n"), @"
    armor: not closed by an END line
    checksum: not that of the contents
    armor: no checksum
    contents: 2 characters are not base64
    armor: no checksum
    ");
}

#[test]
fn a_record_is_taken_apart_item_by_item() {
    let pok = crate::encoding::encode_unpadded(&keys(1).signing.public().0);
    let good = format!("ver=1 pok={pok};Policy=STRICT dx=mx.one.example exp=3\n");
    insta::assert_snapshot!(outline(&dissect(good.as_bytes())), @r#"
    0..92 management record
      0..5 ver "1"
      6..53 pok "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"
      54..67 pol "STRICT"
      68..85 dx "mx.one.example"
      86..91 exp "3"
    "#);
    insta::assert_snapshot!(outline(&dissect(b"ver=2 pok=short tls= pol=a=b sub=none colour=blue exp=x")), @r#"
    0..55 management record
      0..5 ver "2" !! not version 1
      6..15 pok "short" !! not a key
      16..20 tls "" !! no value
      21..28 pol "a=b" !! more than one `=`
      29..37 sub "none" !! not a policy
      38..49 colour "blue" ? not known, ignored
      50..55 exp "x" !! not a number of days
    "#);
}

#[test]
fn a_record_in_quoted_strings_is_taken_apart_across_them() {
    let pok = crate::encoding::encode_unpadded(&keys(1).signing.public().0);
    let (start, rest) = pok.split_at(10);
    let text = format!(" \"ver=1 pok={start}\"  \"{rest};ex\" \"p=3\" \n");
    insta::assert_snapshot!(outline(&dissect(text.as_bytes())), @r#"
    0..71 management record
      2..7 ver "1"
      8..59 pok "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w"
      60..68 exp "3"
    "#);
    let problem = |text: String| {
        let root = dissect(text.as_bytes());
        root.problem.unwrap_or_default()
    };
    let found = [
        problem(text.replace("3\"", "3")),
        problem(text.replace("  ", " x ")),
        problem(text.replace("ver", "\\v")),
        problem(format!("\"pok={pok}\" \"{}\"", "x".repeat(256))),
    ];
    insta::assert_snapshot!(found.join("\n"), @"
    a string is not closed
    text between the strings
    escapes in a string
    a string is too long
    ");
}

#[test]
fn other_formats_are_named() {
    let labels = |magic: u16| {
        let root = dissect(&[magic.to_be_bytes().as_slice(), &[0; 40]].concat());
        format!("{}: {}", root.label, root.problems().len())
    };
    let found = [1931, 1947, 1976, 1908, 5].map(labels).join(", ");
    insta::assert_snapshot!(found, @"PRIME bounce: 1, encrypted organization keys: 2, encrypted user keys: 2, PRIME naked message: 1, unknown: 1");
}

fn within(node: &Node, limit: usize) -> bool {
    let below = match node.value {
        Value::Decoded(size) => size,
        _ => limit,
    };
    node.range.start <= node.range.end
        && node.range.end <= limit
        && node.children.iter().all(|child| within(child, below))
}

proptest! {
    #[test]
    fn no_mutation_makes_dissecting_panic_or_leave_the_bytes(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        which in 0usize..4,
    ) {
        let mut bytes = match which {
            0 => sealed(Some(b"t")),
            1 => organization_signet().to_bytes(),
            2 => user_signet().to_bytes(),
            _ => keys(1).to_file(KeyOwner::Organization, Profile::Libdime).to_vec(),
        };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        prop_assert!(within(&dissect(&bytes), bytes.len()));
        for map in find_messages(&bytes).maps {
            prop_assert!(map.range.end <= bytes.len());
            prop_assert!(map.chunks.iter().all(|chunk| chunk.range.end <= map.range.end));
        }
        for map in find_signets(&bytes).maps {
            prop_assert!(map.fields.iter().all(|field| field.range.end <= map.range.end));
        }
    }

    #[test]
    fn no_bytes_make_dissecting_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), magic in 0usize..7) {
        let magic: u16 = [1837, 1847, 1776, 1789, 1215, 1952, 2013][magic];
        let bytes = [magic.to_be_bytes().as_slice(), &bytes].concat();
        prop_assert!(within(&dissect(&bytes), bytes.len()));
        let _ = (find_messages(&bytes), find_signets(&bytes));
    }

    #[test]
    fn no_text_makes_dissecting_panic(
        text in "(noise\n)?(-----BEGIN [A-Z ]{1,8}-----\n)?[A-Za-z0-9+/= \n;-]{0,120}(-----END [A-Z]-----)?|[a-zé=; ]{0,60}"
    ) {
        prop_assert!(within(&dissect(text.as_bytes()), text.len()));
    }
}
