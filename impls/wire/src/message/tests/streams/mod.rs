//! Messages in streams are those in memory: the same bytes, the same verdicts.

mod faults;

use std::io::{Cursor, Read, Seek};

use proptest::prelude::*;

use super::stage::*;
use crate::Profile;
use crate::message::stream::*;
use crate::message::*;

/// A letter with its parts taken out, and these.
fn taken_apart(letter: &Letter) -> (Letter, Vec<Part>, Vec<Part>) {
    let mut rest = letter.clone();
    let display = std::mem::take(&mut rest.display);
    let attachments = std::mem::take(&mut rest.attachments);
    (rest, display, attachments)
}

/// Seals as [`Stage::seal_letter`], all parts coming from streams.
fn seal_streamed(
    stage: &Stage,
    letter: &Letter,
    options: &SealOptions,
) -> Result<Vec<u8>, StreamError> {
    let (rest, display, attachments) = taken_apart(letter);
    let mut display: Vec<&[u8]> = display.iter().map(|part| part.data.as_slice()).collect();
    let mut attached: Vec<&[u8]> = attachments
        .iter()
        .map(|part| part.data.as_slice())
        .collect();
    let streamed = StreamedLetter {
        letter: &rest,
        display: sources(&letter.display, &mut display),
        attachments: sources(&letter.attachments, &mut attached),
    };
    let mut out = Cursor::new(Vec::new());
    let size = seal_stream(
        streamed,
        &stage.signets(),
        &stage.keys[&Actor::Author].signing,
        &mut Counting(0),
        options,
        &mut out,
    )?;
    assert_eq!(size, out.get_ref().len() as u64);
    assert_eq!(size, out.position());
    Ok(out.into_inner())
}

fn sources<'a>(parts: &[Part], data: &'a mut [&[u8]]) -> Vec<PartSource<'a>> {
    let both = parts.iter().zip(data);
    both.map(|(part, data)| PartSource {
        flags: part.flags,
        size: part.data.len() as u64,
        data,
    })
    .collect()
}

fn sign_streamed(
    stage: &Stage,
    bytes: &[u8],
    bounces: Bounces,
    tracing: Option<&[u8]>,
) -> Result<Vec<u8>, StreamError> {
    let mut out = Vec::new();
    let keys = &stage.keys[&Actor::Origin];
    let size = StreamedMessage::read(Cursor::new(bytes))?
        .sign_as_origin(keys, bounces, tracing, &mut out)?;
    assert_eq!(size, out.len() as u64);
    Ok(out)
}

/// Opens as [`Stage::open`], with the parts that came to the sink put in place.
fn open_streamed<R: Read + Seek + Send>(
    stage: &Stage,
    actor: Actor,
    reader: R,
) -> Result<Opened, StreamError> {
    let (mut display, mut attachments) = (Vec::new(), Vec::new());
    let opened = open_into(stage, actor, reader, &mut |piece| {
        let parts: &mut Vec<Part> = match piece.kind {
            ChunkType::Display => &mut display,
            _ => &mut attachments,
        };
        parts.resize(piece.position + 1, Part::default());
        parts[piece.position].flags = piece.flags;
        parts[piece.position].data.extend_from_slice(piece.data);
        Ok(())
    })?;
    for (parts, described) in [
        (&display, &opened.display),
        (&attachments, &opened.attachments),
    ] {
        let expected: Vec<PartDescription> = parts.iter().map(describe).collect();
        assert_eq!(&expected, described);
    }
    Ok(Opened {
        display,
        attachments,
        ..opened.opened
    })
}

fn describe(part: &Part) -> PartDescription {
    use sha2::Digest as _;
    PartDescription {
        flags: part.flags,
        size: part.data.len() as u64,
        sha512: sha2::Sha512::digest(&part.data).into(),
    }
}

fn open_into<R: Read + Seek + Send>(
    stage: &Stage,
    actor: Actor,
    reader: R,
    sink: PartSink<'_>,
) -> Result<OpenedStream, StreamError> {
    let mut message = StreamedMessage::read(reader)?;
    let key = &stage.keys[&actor].encryption;
    let signets = stage.signets();
    let policy = ReadPolicy::default();
    let Signets {
        author,
        origin,
        destination,
        recipient,
    } = signets;
    let without_parts = |opened| OpenedStream {
        opened,
        ..OpenedStream::default()
    };
    match actor {
        Actor::Author => message.open_as_author(key, &signets, None, &policy, sink),
        Actor::Recipient => {
            let alternate = std::slice::from_ref(&stage.alternate);
            message.open_as_recipient(key, &signets, alternate, &policy, sink)
        }
        Actor::Origin => {
            let signets = OriginSignets {
                author,
                origin,
                destination,
            };
            let opened = message.open_as_origin(key, &signets, &policy);
            opened.map(without_parts)
        }
        Actor::Destination => {
            let signets = DestinationSignets {
                origin,
                destination,
                recipient,
            };
            let opened = message.open_as_destination(key, &signets, &policy);
            opened.map(without_parts)
        }
    }
}

/// What both ways of opening say, which must be the same.
fn judged_alike(stage: &Stage, bytes: &[u8]) {
    for actor in Actor::ALL {
        let streamed = open_streamed(stage, actor, Cursor::new(bytes));
        let streamed = streamed.map_err(|error| error.to_string());
        let whole = stage.open(actor, bytes).map_err(|error| error.to_string());
        assert_eq!(streamed, whole, "{actor}");
    }
    let keys = &stage.keys[&Actor::Origin];
    let streamed = sign_streamed(stage, bytes, BOTH, None).map_err(|error| error.to_string());
    let whole = sign_as_origin(bytes, keys, BOTH, None).map_err(|error| error.to_string());
    assert_eq!(streamed, whole);
}

const BOTH: Bounces = Bounces {
    metadata: true,
    display: true,
};

fn part() -> impl Strategy<Value = Part> {
    let plain = proptest::collection::vec(any::<u8>(), 1..400);
    prop_oneof![
        plain.clone().prop_map(Part::plain),
        plain.clone().prop_map(|data| Part::compressed(&data)),
        plain.prop_map(|data| Part {
            flags: Flags::ALTERNATE_PADDING,
            data
        }),
    ]
}

fn options() -> impl Strategy<Value = SealOptions> {
    let any = (
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        1usize..200,
        proptest::option::of(proptest::collection::vec(any::<u8>(), 1..20)),
    );
    any.prop_map(
        |(alternate, hardened, intended, piece, tracing)| SealOptions {
            tree: if intended {
                TreeSignature::Intended
            } else {
                TreeSignature::Libdime
            },
            alternate,
            hardened,
            largest_piece: Some(piece),
            tracing,
            ..SealOptions::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_streamed_message_has_the_same_bytes_and_verdicts(
        display in proptest::collection::vec(part(), 1..3),
        attachments in proptest::collection::vec(part(), 0..3),
        options in options(),
        (metadata, with_display) in any::<(bool, bool)>(),
        tracing in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..20)),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let letter = Letter { display, attachments, ..letter() };
        let whole = stage.seal_letter(&letter, &options).expect("a good letter");
        prop_assert_eq!(&seal_streamed(&stage, &letter, &options).expect("a good letter"), &whole);
        let bounces = Bounces { metadata, display: with_display };
        let tracing = tracing.as_deref();
        let signed = sign_as_origin(&whole, &stage.keys[&Actor::Origin], bounces, tracing);
        let signed = signed.expect("a good message");
        let streamed = sign_streamed(&stage, &whole, bounces, tracing);
        prop_assert_eq!(&streamed.expect("a good message"), &signed);
        judged_alike(&stage, &whole);
        judged_alike(&stage, &signed);
    }

    #[test]
    fn mutated_messages_are_judged_alike(
        options in options(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
        authored in any::<bool>(),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut bytes = stage.seal(&options).expect("a good letter");
        if !authored {
            let keys = &stage.keys[&Actor::Origin];
            bytes = sign_as_origin(&bytes, keys, BOTH, None).expect("a good message");
        }
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        judged_alike(&stage, &bytes);
    }

    #[test]
    fn rearranged_chunks_are_judged_alike(
        options in options(),
        (one, other) in any::<(prop::sample::Index, prop::sample::Index)>(),
        what in 0u8..4,
    ) {
        let stage = Stage::new(Profile::Libdime);
        let bytes = stage.sealed_and_signed(&SealOptions { tracing: None, ..options });
        let message = Message::parse(&bytes).expect("a good message");
        let mut chunks: Vec<&[u8]> = message.chunks().iter().map(|chunk| chunk.bytes).collect();
        let (one, other) = (one.index(chunks.len()), other.index(chunks.len()));
        match what {
            0 => chunks.swap(one, other),
            1 => drop(chunks.remove(one)),
            2 => chunks.insert(other, chunks[one]),
            _ => chunks[one] = chunks[other],
        }
        judged_alike(&stage, &with_length(&chunks.concat()));
    }
}

#[test]
fn what_the_author_did_wrong_is_called_the_same() {
    let stage = Stage::new(Profile::Libdime);
    let part = |flags, data: &[u8]| Part {
        flags,
        data: data.to_vec(),
    };
    let goes_on = part(Flags::CONTINUES, b"goes on");
    for display in [
        vec![goes_on.clone()],
        vec![goes_on, part(Flags::ALTERNATE_PADDING, b"x")],
        vec![part(Flags::GZIP, b"plain"), part(Flags(0x08), b"x")],
        vec![part(Flags::GZIP, &[0x1f, 0x8b])],
        Vec::new(),
    ] {
        for alternate in [false, true] {
            let options = SealOptions {
                unchecked: true,
                alternate,
                largest_piece: Some(2),
                ..SealOptions::default()
            };
            let letter = Letter {
                display: display.clone(),
                ..letter()
            };
            let bytes = stage.seal_letter(&letter, &options).expect("unchecked");
            let streamed = seal_streamed(&stage, &letter, &options).expect("unchecked");
            assert_eq!(bytes, streamed);
            let keys = &stage.keys[&Actor::Origin];
            let signed = sign_as_origin(&bytes, keys, BOTH, None).expect("a good message");
            judged_alike(&stage, &signed);
        }
    }
}

#[test]
fn of_several_mistakes_the_same_one_is_named() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions::default();
    let empty = vec![Part::default()];
    let wrong_flags = vec![Part {
        flags: Flags::GZIP,
        data: b"plain".to_vec(),
    }];
    let change = |author: &str, display: &[Part], attachments: &[Part]| Letter {
        author: author.to_owned(),
        display: display.to_vec(),
        attachments: attachments.to_vec(),
        ..letter()
    };
    for letter in [
        change("bob@one.example", &wrong_flags, &[]),
        change("bob@one.example", &[], &wrong_flags),
        change("ann@one.example", &[], &empty),
        change("ann@one.example", &empty, &wrong_flags),
        change("ann@one.example", &wrong_flags, &empty),
    ] {
        let whole = stage.seal_letter(&letter, &options).expect_err("bad");
        let streamed = seal_streamed(&stage, &letter, &options).expect_err("bad");
        assert_eq!(streamed.to_string(), whole.to_string());
    }
    let keys = &stage.keys[&Actor::Origin];
    let signed = stage.sealed_and_signed(&options);
    let whole = sign_as_origin(&signed, keys, BOTH, Some(b"")).expect_err("bad");
    let streamed = sign_streamed(&stage, &signed, BOTH, Some(b"")).expect_err("bad");
    assert_eq!(streamed.to_string(), whole.to_string());
}

#[test]
fn the_parts_of_a_letter_may_be_half_in_memory() {
    let stage = Stage::new(Profile::Libdime);
    let whole = letter();
    let mut own = whole.clone();
    let mut second: &[u8] = &own.display.pop().expect("two parts").data;
    let streamed = StreamedLetter {
        letter: &own,
        display: vec![PartSource {
            flags: Flags::NONE,
            size: second.len() as u64,
            data: &mut second,
        }],
        attachments: Vec::new(),
    };
    let mut out = Cursor::new(b"in front".to_vec());
    out.set_position(8);
    let author = &stage.keys[&Actor::Author].signing;
    let options = SealOptions::default();
    let entropy = &mut Counting(0);
    seal_stream(
        streamed,
        &stage.signets(),
        author,
        entropy,
        &options,
        &mut out,
    )
    .expect("good");
    let (front, sealed) = out.get_ref().split_at(8);
    assert_eq!(
        (front, sealed),
        (
            b"in front".as_slice(),
            stage.seal(&options).expect("good").as_slice()
        )
    );
}

#[test]
fn a_source_of_another_size_than_announced_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let rest = Letter {
        display: Vec::new(),
        ..letter()
    };
    for (size, refused) in [(4, true), (5, false), (6, true), (0, true)] {
        let mut data: &[u8] = b"12345";
        let streamed = StreamedLetter {
            letter: &rest,
            display: vec![PartSource {
                flags: Flags::NONE,
                size,
                data: &mut data,
            }],
            attachments: Vec::new(),
        };
        let mut out = Cursor::new(Vec::new());
        let author = &stage.keys[&Actor::Author].signing;
        let options = SealOptions::default();
        let entropy = &mut Counting(0);
        let sealed = seal_stream(
            streamed,
            &stage.signets(),
            author,
            entropy,
            &options,
            &mut out,
        );
        assert_eq!(sealed.is_err(), refused, "{size}");
    }
}
