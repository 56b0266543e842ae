//! The alternate layer around whole messages (`ALTERNATE.md`): what it covers, and hostile authors.

use super::stage::*;
use crate::Profile;
use crate::alternate::Agreement;
use crate::keys::*;
use crate::message::cipher::ChunkKey;
use crate::message::payload;
use crate::message::signatures::tree_input;
use crate::message::*;

/// The ephemeral alternate secret that [`Counting`] draws.
const EPHEMERAL: [u8; 32] = [2; 32];

fn options(alternate: bool) -> SealOptions {
    SealOptions {
        alternate,
        ..SealOptions::default()
    }
}

/// The message after its author changed the chunks that `change` is shown, and signed all of it
/// again: what a hostile author could send. Each standard chunk comes with its position.
fn reforged(
    stage: &Stage,
    bytes: &[u8],
    mut change: impl FnMut(usize, ChunkType, &mut Part),
) -> Vec<u8> {
    let message = Message::parse(bytes).expect("a good message");
    let kek = Kek::derive(&stage.keys[&Actor::Author].encryption, message.ephemeral());
    let author = &stage.keys[&Actor::Author].signing;
    let mut body = Vec::new();
    let mut chunks: Vec<(ChunkType, Vec<u8>)> = Vec::new();
    for (index, chunk) in message.chunks().iter().enumerate() {
        if chunk.kind == ChunkType::Ephemeral {
            body.extend_from_slice(chunk.bytes);
            chunks.push((chunk.kind, chunk.bytes.to_vec()));
            continue;
        }
        let key = ChunkKey::from_keyslot(&kek, chunk.slot(Actor::Author).expect("it has one"));
        let mut plain = chunk.payload.to_vec();
        key.decrypt(&mut plain);
        if chunk.kind.is_standard() {
            let mut part = payload::read(plain, None).expect("a good payload");
            change(index, chunk.kind, &mut part);
            plain = Vec::new();
            payload::lay_out(&mut plain, part.flags, &part.data, 0, 0);
            payload::complete(&mut plain, None, author);
        } else {
            let origin = &stage.keys[&Actor::Origin].signing;
            let parts = chunks.iter().map(|(kind, bytes)| (*kind, bytes.as_slice()));
            let signature = match chunk.kind {
                ChunkType::TreeSignature => author.sign(&tree_input(parts, TreeSignature::Libdime)),
                ChunkType::AuthorSignature => author.sign(&body),
                _ => origin.sign(&body),
            };
            plain = signature.0.to_vec();
        }
        key.encrypt(&mut plain);
        let mut whole = vec![chunk.kind as u8];
        whole.extend_from_slice(&(plain.len() as u32).to_be_bytes()[1..]);
        whole.extend_from_slice(&plain);
        whole.extend_from_slice(chunk.slots);
        body.extend_from_slice(&whole);
        chunks.push((chunk.kind, whole));
    }
    with_length(&body)
}

/// The letter as its origin sends it, without signatures for bounces.
fn sent(stage: &Stage, letter: &Letter, options: &SealOptions) -> Vec<u8> {
    let authored = stage.seal_letter(letter, options).expect("a good letter");
    let keys = &stage.keys[&Actor::Origin];
    sign_as_origin(&authored, keys, Bounces::default(), None).expect("a good message")
}

fn as_recipient(stage: &Stage, bytes: &[u8]) -> Result<Opened, OpenError> {
    stage.open(Actor::Recipient, bytes)
}

fn data(parts: &[Part]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.data.clone()).collect()
}

#[test]
fn attachments_go_under_the_layer_with_the_display_parts_and_come_back() {
    let stage = Stage::new(Profile::Libdime);
    let mut letter = letter();
    letter.attachments = vec![
        Part::plain("a plan"),
        Part::compressed(&[7; 5000]),
        Part {
            flags: Flags::ALTERNATE_PADDING,
            data: vec![9; 700],
        },
    ];
    let options = SealOptions {
        largest_piece: Some(300),
        ..options(true)
    };
    let bytes = sent(&stage, &letter, &options);
    let opened = as_recipient(&stage, &bytes).expect("a good message");
    assert_eq!(data(&opened.display), data(&letter.display));
    assert_eq!(data(&opened.attachments), data(&letter.attachments));
    let layered = |part: &Part| part.flags.includes(Flags::ALTERNATE_KEY);
    assert!(
        opened
            .display
            .iter()
            .chain(&opened.attachments)
            .all(layered)
    );
    let expanded = opened.attachments[1].expanded(5000);
    assert_eq!(expanded.as_deref(), Ok([7; 5000].as_slice()));

    let copy = stage.open(Actor::Author, &bytes).expect("a good message");
    let (display, attachments) = (copy.still_sealed, copy.attachments_still_sealed);
    assert_eq!((display, attachments), (vec![0, 1], vec![0, 1, 2]));
    // Three pieces, each with a tag.
    assert_eq!(copy.attachments[2].data.len(), 700 + 3 * 16);
    let message = Message::parse(&bytes).expect("a good message");
    let key = &stage.keys[&Actor::Author].encryption;
    let kept = AlternateKey::from_bytes(EPHEMERAL);
    let copy = open_as_author(&message, key, &stage.signets(), Some(&kept));
    let copy = copy.expect("a good message");
    assert_eq!(data(&copy.attachments), data(&letter.attachments));
    assert!(copy.still_sealed.is_empty() && copy.attachments_still_sealed.is_empty());
}

#[test]
fn a_message_of_attachments_only_still_needs_the_alternate_key() {
    let stage = Stage::new(Profile::Libdime);
    let mut letter = letter();
    letter.display.clear();
    let unchecked = SealOptions {
        unchecked: true,
        ..options(true)
    };
    let bytes = sent(&stage, &letter, &unchecked);
    assert!(as_recipient(&stage, &bytes).is_ok());
    let message = Message::parse(&bytes).expect("a good message");
    let key = &stage.keys[&Actor::Recipient].encryption;
    let opened = open_as_recipient(&message, key, &stage.signets(), &[]);
    assert_eq!(opened, Err(OpenError::NoAlternateKey));
}

#[test]
fn chunks_under_the_layer_cannot_change_places() {
    let stage = Stage::new(Profile::Libdime);
    let mut letter = letter();
    letter.display = vec![Part::plain("one"), Part::plain("two")];
    let bytes = sent(&stage, &letter, &options(true));
    let mut sealed = Vec::new();
    reforged(&stage, &bytes, |_, kind, part| {
        if kind == ChunkType::Display {
            sealed.push(part.data.clone());
        }
    });
    let swapped = reforged(&stage, &bytes, |_, kind, part| {
        if kind == ChunkType::Display {
            part.data = sealed.pop().expect("there are two");
        }
    });
    assert_eq!(
        as_recipient(&stage, &swapped),
        Err(OpenError::Undecryptable)
    );
}

#[test]
fn what_a_hostile_author_does_with_the_layer_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let (plain, layered) = (
        sent(&stage, &letter(), &options(false)),
        sent(&stage, &letter(), &options(true)),
    );
    let forged = |bytes: &[u8], of: ChunkType, change: &dyn Fn(&mut Part)| {
        let bytes = reforged(&stage, bytes, |_, kind, part| {
            if kind == of {
                change(part);
            }
        });
        match as_recipient(&stage, &bytes) {
            Ok(_) => "opened".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let (display, attachment) = (ChunkType::Display, ChunkType::Attachment);
    let alternate = ChunkType::Alternate;
    let set = |part: &mut Part| part.flags = part.flags.with(Flags::ALTERNATE_KEY);
    let clear = |part: &mut Part| part.flags = part.flags.without(Flags::ALTERNATE_KEY);
    let first_only = |part: &mut Part| {
        if part.data.len() == b"first".len() + 16 {
            clear(part);
        }
    };
    let verdicts = [
        ("nothing changed", forged(&layered, display, &|_| ())),
        (
            "flag on display without chunk 3",
            forged(&plain, display, &set),
        ),
        (
            "flag on attachment without chunk 3",
            forged(&plain, attachment, &set),
        ),
        (
            "flag on headers",
            forged(&layered, ChunkType::CommonHeaders, &set),
        ),
        ("flag on chunk 3", forged(&layered, alternate, &set)),
        (
            "chunk 3 without flag on display",
            forged(&layered, display, &clear),
        ),
        (
            "chunk 3 without flag on attachments",
            forged(&layered, attachment, &clear),
        ),
        (
            "flag missing on one of two",
            forged(&layered, display, &first_only),
        ),
        (
            "tag changed",
            forged(&layered, display, &|part| {
                if let Some(last) = part.data.last_mut() {
                    *last ^= 1;
                }
            }),
        ),
        (
            "data shorter than a tag",
            forged(&layered, attachment, &|part| part.data.truncate(15)),
        ),
        (
            "other flag under the same tag",
            forged(&layered, attachment, &|part| {
                part.flags = part.flags.with(Flags::ALTERNATE_PADDING);
            }),
        ),
        (
            "another key in chunk 3",
            forged(&layered, alternate, &|part| part.data = vec![9; 32]),
        ),
        (
            "key of 31 bytes",
            forged(&layered, alternate, &|part| part.data.truncate(31)),
        ),
        (
            "key of 33 bytes",
            forged(&layered, alternate, &|part| part.data.push(0)),
        ),
    ];
    let told = verdicts.map(|(case, verdict)| format!("{case}: {verdict}"));
    insta::assert_snapshot!(told.join("\n"), @"
    nothing changed: opened
    flag on display without chunk 3: author's flags of chunk 67 (display) are not those of its data
    flag on attachment without chunk 3: author's flags of chunk 131 (attachment) are not those of its data
    flag on headers: author's flags of chunk 33 (common headers) are not those of its data
    flag on chunk 3: author's flags of chunk 3 (alternate) are not those of its data
    chunk 3 without flag on display: author's flags of chunk 67 (display) are not those of its data
    chunk 3 without flag on attachments: author's flags of chunk 131 (attachment) are not those of its data
    flag missing on one of two: author's flags of chunk 67 (display) are not those of its data
    tag changed: failed to decrypt message
    data shorter than a tag: failed to decrypt message
    other flag under the same tag: failed to decrypt message
    another key in chunk 3: failed to decrypt message
    key of 31 bytes: author's alternate chunk is not a usable key
    key of 33 bytes: author's alternate chunk is not a usable key
    ");
}

#[test]
fn flags_of_an_envelope_are_the_authors_mistake() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = sent(&stage, &letter(), &options(false));
    let flagged = |of: ChunkType| {
        reforged(&stage, &bytes, |_, kind, part| {
            if kind == of {
                part.flags = Flags::GZIP;
            }
        })
    };
    for of in [ChunkType::Origin, ChunkType::Destination] {
        let bytes = flagged(of);
        for actor in [Actor::Author, Actor::Recipient] {
            assert_eq!(
                stage.open(actor, &bytes),
                Err(OpenError::Flags(of)),
                "{actor}"
            );
        }
    }
    let at = |actor, of| stage.open(actor, &flagged(of)).err();
    assert_eq!(
        at(Actor::Origin, ChunkType::Origin),
        Some(OpenError::Flags(ChunkType::Origin))
    );
    // The destination has nobody to answer for them.
    assert_eq!(
        at(Actor::Destination, ChunkType::Destination),
        Some(OpenError::Undecryptable)
    );
}

#[test]
fn undefined_flags_are_seen_through_the_layer() {
    let stage = Stage::new(Profile::Libdime);
    for of in [ChunkType::Display, ChunkType::Attachment] {
        let bytes = reforged(
            &stage,
            &sent(&stage, &letter(), &options(true)),
            |_, kind, part| {
                if kind == of {
                    part.flags = part.flags.with(Flags(0x08));
                }
            },
        );
        // The author of the copy has no key for the layer, the recipient has.
        for actor in [Actor::Author, Actor::Recipient] {
            assert_eq!(
                stage.open(actor, &bytes),
                Err(OpenError::Flags(of)),
                "{actor}"
            );
        }
    }
}

/// The points of small order that `ALTERNATE.md` lists, each without and with bit 255, which X25519
/// ignores.
fn small_orders() -> Vec<[u8; 32]> {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let document = include_str!("../../../ALTERNATE.md");
    let both = points.into_iter().flat_map(|point| {
        assert!(document.contains(point), "{point}");
        let point: [u8; 32] = hex::decode(point)
            .expect("hex")
            .try_into()
            .expect("32 bytes");
        let mut other = point;
        other[31] |= 0x80;
        [point, other]
    });
    both.collect()
}

#[test]
fn an_ephemeral_key_of_small_order_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = sent(&stage, &letter(), &options(true));
    let message = |point: [u8; 32]| {
        reforged(&stage, &bytes, |_, kind, part| {
            if kind == ChunkType::Alternate {
                part.data = point.to_vec();
            }
        })
    };
    let key = &stage.keys[&Actor::Recipient].encryption;
    for point in small_orders() {
        let forged = message(point);
        let refused = Err(OpenError::AlternateKey);
        assert_eq!(as_recipient(&stage, &forged), refused, "{point:02x?}");
        // Neither of these has a key to agree with.
        assert_eq!(stage.open(Actor::Author, &forged), refused, "{point:02x?}");
        let message = Message::parse(&forged).expect("a good message");
        let without = open_as_recipient(&message, key, &stage.signets(), &[]);
        assert_eq!(without, refused, "{point:02x?}");
    }
}

#[test]
fn a_recipients_key_of_small_order_is_not_sealed_for() {
    for point in small_orders() {
        let ephemeral = AlternateKey::from_bytes(EPHEMERAL);
        assert!(Agreement::as_author(&ephemeral, &AlternatePublicKey(point)).is_none());
    }
}

#[test]
fn a_second_alternate_chunk_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = sent(&stage, &letter(), &options(true));
    let message = Message::parse(&bytes).expect("a good message");
    let mut body = Vec::new();
    for chunk in message.chunks() {
        body.extend_from_slice(chunk.bytes);
        if chunk.kind == ChunkType::Alternate {
            body.extend_from_slice(chunk.bytes);
        }
    }
    assert_eq!(
        Message::parse(&with_length(&body)).err(),
        Some(ParseError::Repeated(ChunkType::Alternate))
    );
}

#[test]
fn of_several_alternate_keys_the_one_that_fits_is_found() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = sent(&stage, &letter(), &options(true));
    let message = Message::parse(&bytes).expect("a good message");
    let key = &stage.keys[&Actor::Recipient].encryption;
    let stranger = || AlternateKey::from_bytes([1; 32]);
    for keys in [
        [stage.alternate.clone(), stranger()],
        [stranger(), stage.alternate.clone()],
    ] {
        let opened = open_as_recipient(&message, key, &stage.signets(), &keys);
        let opened = opened.expect("one of them fits");
        assert_eq!(data(&opened.attachments), data(&letter().attachments));
    }
}
