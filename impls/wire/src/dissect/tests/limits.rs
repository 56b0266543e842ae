//! What bounds the dissector: nothing honest is lost to a limit, and what is lost is told.

use super::*;

/// A message of these chunks.
fn message(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let size = (body.len() as u32).to_be_bytes();
    [&[7, 55], size.as_slice(), &body].concat()
}

/// A chunk with a payload of so many zeros and all of its keyslots.
fn chunk(kind: u8, size: usize) -> Vec<u8> {
    let mut chunk = (size as u32).to_be_bytes().to_vec();
    chunk[0] = kind;
    chunk.resize(4 + size + 64 * chunks::slot_owners(kind).len(), 0);
    if kind == 2 {
        chunk[4..].copy_from_slice(keys(1).encryption.public().as_bytes());
    }
    chunk
}

/// A signet of these fields.
fn signet(magic: u16, fields: &[Vec<u8>]) -> Vec<u8> {
    let body = fields.concat();
    let size = (body.len() as u32).to_be_bytes();
    [&magic.to_be_bytes(), &size[1..], &body].concat()
}

/// The signing key that every signet begins with.
fn signing_key() -> Vec<u8> {
    [vec![1, 33, 64], vec![0; 32]].concat()
}

#[test]
fn nothing_in_tracing_hides_the_tracing_or_the_message() {
    let endless = [7, 55, 255, 255, 255, 255, 2, 0, 0, 33, 2];
    let longer = [7, 55, 0, 0, 1, 0, 2, 0, 0, 33, 2];
    let whole = message(&[chunk(2, 33)]);
    for data in [&[7, 45, 0, 1, 65, 66], endless.as_slice(), &longer, &whole] {
        let bytes = sealed(Some(data));
        let strict = Message::parse(&bytes).expect("a good message");
        let found = find_messages(&bytes);
        let map = found.maps.last().expect("a message");
        assert_eq!(map.chunks.len(), strict.chunks().len(), "{data:?}");
        let tracing = map.tracing.clone().and_then(|range| bytes.get(range));
        assert_eq!((tracing, found.limit), (strict.tracing(), None), "{data:?}");
    }
}

#[test]
fn what_looks_like_tracing_inside_a_message_is_none() {
    let mut first = message(&[chunk(2, 33), chunk(67, 96)]);
    let at = 60;
    let size = (first.len() - at - 4) as u8;
    first[at..at + 4].copy_from_slice(&[7, 45, 0, size]);
    let found = find_messages(&[first, sealed(None)].concat());
    let tracings: Vec<_> = found.maps.into_iter().map(|map| map.tracing).collect();
    assert_eq!(tracings, [None, None]);
}

#[test]
fn a_search_tells_that_it_found_as_many_objects_as_it_may() {
    let smallest = message(&[chunk(2, 33)]);
    let found = find_messages(&smallest.repeat(100));
    assert_eq!((found.maps.len(), found.limit), (100, None));
    let found = find_messages(&smallest.repeat(MAXIMUM_OBJECTS + 1));
    assert_eq!(found.maps.len(), MAXIMUM_OBJECTS);
    assert_eq!(found.limit, Some("MAXIMUM_OBJECTS"));

    let smallest = signet(1776, &[signing_key()]);
    let found = find_signets(&smallest.repeat(100));
    assert_eq!((found.maps.len(), found.limit), (100, None));
    let found = find_signets(&smallest.repeat(MAXIMUM_OBJECTS + 1));
    assert_eq!(found.maps.len(), MAXIMUM_OBJECTS);
    assert_eq!(found.limit, Some("MAXIMUM_OBJECTS"));
}

#[test]
fn a_search_tells_that_an_object_has_more_pieces_than_it_may() {
    let of = |count| message(&[chunk(2, 33), [2, 0, 0, 0].repeat(count - 1)]);
    let found = find_messages(&of(MAXIMUM_PIECES));
    assert_eq!((found.maps[0].chunks.len(), found.limit), (4096, None));
    let found = find_messages(&of(MAXIMUM_PIECES + 1));
    assert_eq!(found.maps[0].chunks.len(), 4096);
    assert_eq!(found.limit, Some("MAXIMUM_PIECES"));

    let of = |count| signet(1776, &[signing_key(), [21, 1, b'1'].repeat(count - 1)]);
    let found = find_signets(&of(MAXIMUM_PIECES));
    assert_eq!((found.maps.len(), found.limit), (1, None));
    let found = find_signets(&of(MAXIMUM_PIECES + 1));
    assert_eq!((found.maps.len(), found.limit), (0, Some("MAXIMUM_PIECES")));
}

/// So many beginnings of messages, each of which goes on in the same 4000 chunks, and a good message.
fn decoys(count: usize) -> Vec<u8> {
    let head = [&[7, 55, 255, 255, 255, 255], chunk(2, 33).as_slice()].concat();
    let run = (head.len() + 4) * count + 128;
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.extend_from_slice(&head);
        let jump = run - 128 - (bytes.len() + 4);
        bytes.extend_from_slice(&[67, 0, (jump >> 8) as u8, jump as u8]);
    }
    bytes.resize(run, 0);
    [bytes, [2, 0, 0, 0].repeat(4000), sealed(None)].concat()
}

#[test]
fn a_search_tells_that_it_ran_out_of_steps() {
    let few = find_messages(&decoys(10));
    assert_eq!((few.maps.len(), few.limit), (11, None));
    let last = few.maps.last().expect("the good message");
    assert!(!last.truncated && last.chunks.len() > 5);
    let many = find_messages(&decoys(MAXIMUM_STEPS / 4000 + 1));
    assert_eq!(many.limit, Some("MAXIMUM_STEPS"));
}

#[test]
fn an_object_has_as_many_pieces_as_the_strict_parsers_take() {
    let chunks = |count| {
        let display = vec![chunk(67, 80); count - 1];
        message(&[vec![chunk(2, 33)], display].concat())
    };
    let good = chunks(MAXIMUM_PIECES);
    assert!(Message::parse(&good).is_ok());
    assert_eq!(dissect(&good).problems(), []);
    let more = chunks(MAXIMUM_PIECES + 1);
    assert!(Message::parse(&more).is_err());
    assert_eq!(dissect(&more).problems().len(), 1);

    let fields = |count| signet(1776, &[signing_key(), [21, 1, b'1'].repeat(count - 1)]);
    let good = fields(MAXIMUM_PIECES);
    assert!(Signet::parse(&good).is_ok());
    assert_eq!(dissect(&good).problems(), []);
    let more = fields(MAXIMUM_PIECES + 1);
    assert!(Signet::parse(&more).is_err());
    assert_eq!(dissect(&more).problems().len(), 1);
}

#[test]
fn behind_damage_chunks_are_found_again_however_large_those_before_are() {
    let mut strange = chunk(67, 80);
    strange[0] = 0x99;
    let bytes = message(&[
        chunk(2, 33),
        chunk(131, 2 << 20),
        strange,
        chunk(131, 2 << 20),
        chunk(255, 64),
    ]);
    let root = dissect(&bytes);
    assert_eq!(root.problems(), [("unknown chunk", "type is not known")]);
    let labels: Vec<_> = root.children.iter().map(|node| &*node.label).collect();
    assert_eq!(
        labels[2..],
        [
            "ephemeral key",
            "attachment",
            "unknown chunk",
            "attachment",
            "origin signature"
        ]
    );
}

#[test]
fn between_damage_fields_are_found_again_however_large_those_before_are() {
    let size = 1_100_000u32.to_be_bytes();
    let photo = [&[252], &size[1..], &[0; 1_100_000]].concat();
    let broken = vec![9, 9];
    let name = vec![254, 1, b'a'];
    let bytes = signet(1776, &[signing_key(), broken.clone(), photo, broken, name]);
    let root = dissect(&bytes);
    let last = root.children.last().map(|node| node.label.as_str());
    assert_eq!(last, Some("field 254 (identifier)"));
}

#[test]
fn no_label_or_text_is_as_long_as_whoever_wrote_it_likes() {
    fn longest(node: &Node) -> usize {
        let text = match &node.value {
            Value::Text(text) => text.len(),
            _ => 0,
        };
        let own = node.label.len().max(text);
        own.max(node.children.iter().map(longest).max().unwrap_or(0))
    }
    let long = "x".repeat(60_000);
    for text in [
        format!("-----BEGIN {long}-----\n"),
        format!("pok={long} syn={long}"),
        format!("{long}={long} ver=1"),
    ] {
        assert!(longest(&dissect(text.as_bytes())) <= MAXIMUM_TEXT);
    }
}
