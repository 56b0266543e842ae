//! What comes back of a message, and who can tell.

use super::stage::*;
use crate::Profile;
use crate::keys::*;
use crate::message::*;

/// The bounce that the stage's destination makes of its letter.
fn returned(stage: &Stage, extent: BounceExtent, options: &SealOptions) -> Vec<u8> {
    let bytes = stage.sealed_and_signed(options);
    let message = Message::parse(&bytes).expect("a good message");
    bounce_as_destination(&message, extent).expect("the origin signed both bounces")
}

fn at_author(stage: &Stage, bytes: &[u8]) -> Result<Opened, OpenError> {
    let key = &stage.keys[&Actor::Author].encryption;
    verify_bounce_as_author(&Bounce::parse(bytes)?, key, &stage.signets(), None)
}

fn at_origin(stage: &Stage, bytes: &[u8]) -> Result<OriginEnvelope, OpenError> {
    let key = &stage.keys[&Actor::Origin].encryption;
    verify_bounce_as_origin(&Bounce::parse(bytes)?, key, &stage.signets[&Actor::Origin])
}

fn kinds(bytes: &[u8]) -> Vec<u8> {
    let message = Message::parse(bytes).expect("a good message");
    let chunks = message.chunks().iter();
    chunks.map(|chunk| chunk.kind as u8).collect()
}

#[test]
fn a_bounce_holds_what_its_extent_says() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        tracing: Some(b"trace".to_vec()),
        ..SealOptions::default()
    };
    let chunks = BounceExtent::ALL.map(|extent| kinds(&returned(&stage, extent, &options)));
    assert_eq!(chunks[0], [2, 4, 5, 33, 34, 248]);
    assert_eq!(chunks[1], [2, 4, 5, 33, 34, 67, 67, 249]);
    assert_eq!(
        chunks[2],
        [2, 4, 5, 33, 34, 67, 67, 131, 225, 226, 248, 249, 255]
    );
}

#[test]
fn the_origin_learns_whom_to_tell_and_nothing_new() {
    let stage = Stage::new(Profile::Libdime);
    for extent in BounceExtent::ALL {
        let bytes = returned(&stage, extent, &SealOptions::default());
        let envelope = at_origin(&stage, &bytes).expect("its own signature");
        assert_eq!(
            (envelope.author.as_str(), envelope.destination.as_str()),
            ("ann@one.example", "two.example")
        );
    }
}

#[test]
fn the_author_reads_what_came_back_and_finds_the_sent_copy() {
    let stage = Stage::new(Profile::Libdime);
    let (letter, options) = (letter(), SealOptions::default());
    let copy = stage.seal(&options).expect("a good letter");
    let other = stage
        .seal_letter(
            &letter,
            &SealOptions {
                tree: TreeSignature::Intended,
                ..SealOptions::default()
            },
        )
        .expect("a good letter");
    let (copy, other) = (
        Message::parse(&copy).expect("good"),
        Message::parse(&other).expect("good"),
    );
    for extent in BounceExtent::ALL {
        let bytes = returned(&stage, extent, &options);
        let opened = at_author(&stage, &bytes).expect("a good bounce");
        let display = extent >= BounceExtent::Display;
        let full = extent == BounceExtent::Full;
        assert_eq!(opened.common.as_ref(), Some(&letter.common));
        assert_eq!(opened.other_headers.as_ref(), Some(&letter.other_headers));
        assert_eq!(opened.envelope.recipient.as_ref(), Some(&letter.recipient));
        assert_eq!(opened.display == letter.display, display);
        assert_eq!(opened.attachments == letter.attachments, full);
        assert_eq!(opened.tree.is_some(), full);
        assert_eq!(opened.metadata_bounce, extent != BounceExtent::Display);
        assert_eq!(opened.display_bounce, display);

        let bounce = Bounce::parse(&bytes).expect("a good bounce");
        assert_eq!(bounce.extent(), extent);
        assert_eq!(bounce.message().head_identity(), copy.head_identity());
        assert!(bounce.is_of(&copy));
        // The other copy differs in its author signatures alone, which only a full bounce returns.
        assert_eq!(bounce.is_of(&other), !full);
    }
}

#[test]
fn a_letter_sealed_again_is_another_letter() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = returned(&stage, BounceExtent::Metadata, &SealOptions::default());
    let bounce = Bounce::parse(&bytes).expect("a good bounce");
    let author = &stage.keys[&Actor::Author].signing;
    let again = seal(
        &letter(),
        &stage.signets(),
        author,
        &mut stream(1),
        &SealOptions::default(),
    );
    let again = again.expect("a good letter");
    let again = Message::parse(&again).expect("a good message");
    assert!(!bounce.is_of(&again));
    assert_ne!(bounce.message().head_identity(), again.head_identity());
}

#[test]
fn parts_under_the_alternate_layer_come_back_sealed() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        alternate: true,
        ..SealOptions::default()
    };
    let bytes = returned(&stage, BounceExtent::Display, &options);
    let opened = at_author(&stage, &bytes).expect("a good bounce");
    assert_eq!(opened.still_sealed, [0, 1]);
    let kept = AlternateKey::from_bytes([2; 32]);
    let key = &stage.keys[&Actor::Author].encryption;
    let bounce = Bounce::parse(&bytes).expect("a good bounce");
    let opened = verify_bounce_as_author(&bounce, key, &stage.signets(), Some(&kept));
    let opened = opened.expect("a good bounce");
    assert_eq!(
        (opened.display[0].data.as_slice(), opened.still_sealed),
        (b"first".as_slice(), vec![])
    );
    // Without display there is nothing to open.
    let head = returned(&stage, BounceExtent::Metadata, &options);
    let opened = at_author(&stage, &head).expect("a good bounce");
    assert_eq!((opened.display.len(), opened.still_sealed.len()), (0, 0));
}

#[test]
fn a_bounce_of_a_hardened_letter_is_verified_by_its_message_key() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        hardened: true,
        padding: Padding::Buckets,
        largest_piece: Some(2),
        ..SealOptions::default()
    };
    for extent in BounceExtent::ALL {
        let bytes = returned(&stage, extent, &options);
        assert!(at_origin(&stage, &bytes).is_ok());
        let opened = at_author(&stage, &bytes).expect("a good bounce");
        assert!(opened.hardened);
        let display = opened.display.iter().map(|part| part.data.as_slice());
        let expected: &[&[u8]] = if extent == BounceExtent::Metadata {
            &[]
        } else {
            &[b"first", b"second"]
        };
        assert!(display.eq(expected.iter().copied()));
    }
}

#[test]
fn to_everybody_else_a_bounce_is_an_incomplete_message() {
    let stage = Stage::new(Profile::Libdime);
    for extent in [BounceExtent::Metadata, BounceExtent::Display] {
        let bytes = returned(&stage, extent, &SealOptions::default());
        for actor in Actor::ALL {
            let missing = OpenError::Incomplete(ChunkType::TreeSignature);
            assert_eq!(stage.open(actor, &bytes), Err(missing), "{actor}");
        }
    }
}

#[test]
fn what_was_not_signed_for_return_is_not_returned() {
    let stage = Stage::new(Profile::Libdime);
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let origin = &stage.keys[&Actor::Origin];
    let signed = sign_as_origin(&authored, origin, Bounces::default(), None).expect("good");
    let message = Message::parse(&signed).expect("a good message");
    for extent in [BounceExtent::Metadata, BounceExtent::Display] {
        assert_eq!(
            bounce_as_destination(&message, extent),
            Err(OpenError::Incomplete(extent.signature()))
        );
    }
    // An author's object holds zeros where the origin's signature would be.
    let unsigned = Message::parse(&authored).expect("a good message");
    let bytes = bounce_as_destination(&unsigned, BounceExtent::Metadata).expect("all is there");
    let never = OpenError::NeverSigned(ChunkType::MetadataBounce);
    assert_eq!(at_origin(&stage, &bytes), Err(never.clone()));
    assert_eq!(at_author(&stage, &bytes), Err(never));
}

#[test]
fn a_bounce_of_another_shape_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let only = |kept: &[u8]| {
        let chunks = message.chunks().iter();
        let chunks = chunks.filter(|chunk| kept.contains(&(chunk.kind as u8)));
        with_length(&chunks.map(|chunk| chunk.bytes).collect::<Vec<_>>().concat())
    };
    let shapes: [&[u8]; 8] = [
        &[2, 4, 5, 33, 34],
        &[2, 4, 5, 33, 34, 67, 248],
        &[2, 4, 5, 33, 34, 67, 131, 249],
        &[2, 4, 5, 33, 34, 67, 248, 249],
        &[2, 4, 5, 33, 34, 226, 248],
        &[2, 4, 33, 34, 248],
        &[2, 4, 5, 67, 249],
        &[2, 4, 5, 33, 255],
    ];
    let problems = shapes.map(|kept| {
        let problem = Bounce::parse(&only(kept)).expect_err("not the shape of a bounce");
        format!("{kept:?}: {problem}")
    });
    insta::assert_snapshot!(problems.join("\n"), @"
    [2, 4, 5, 33, 34]: message is not a bounce
    [2, 4, 5, 33, 34, 67, 248]: bounce has a chunk 67 (display) that is not to be returned
    [2, 4, 5, 33, 34, 67, 131, 249]: bounce has a chunk 131 (attachment) that is not to be returned
    [2, 4, 5, 33, 34, 67, 248, 249]: bounce has a chunk 248 (metadata bounce) that is not to be returned
    [2, 4, 5, 33, 34, 226, 248]: bounce has a chunk 226 (author signature) that is not to be returned
    [2, 4, 33, 34, 248]: message has no chunk 5 (destination)
    [2, 4, 5, 67, 249]: message has no chunk 33 (common headers)
    [2, 4, 5, 33, 255]: message has no chunk 225 (tree signature)
    ");
    let head = TRACING_MAGIC.to_be_bytes();
    let traced = [head.as_slice(), &[0, 1, 7], &only(&[2, 4, 5, 33, 248])].concat();
    let traced = Bounce::parse(&traced).map(|bounce| bounce.extent());
    assert_eq!(traced, Err(OpenError::TracedBounce));
}

#[test]
fn a_changed_bounce_is_refused_wherever_it_was_changed() {
    let stage = Stage::new(Profile::Libdime);
    for extent in BounceExtent::ALL {
        let bytes = returned(&stage, extent, &SealOptions::default());
        let message = Message::parse(&bytes).expect("a good message");
        for chunk in message.chunks() {
            for place in [4, chunk.payload.len() / 2, chunk.payload.len() + 3] {
                let mut changed = bytes.clone();
                changed[chunk.offset + place] ^= 0x10;
                let seen = (at_author(&stage, &changed), at_origin(&stage, &changed));
                assert!(seen.0.is_err(), "{extent:?}, {} at {place}", chunk.kind);
                // The origin's own signature covers what came back, but not the other two.
                let covered = chunk.kind <= extent.signature();
                let own = chunk.kind == extent.signature() && place >= chunk.payload.len();
                assert!(
                    !covered || own || seen.1.is_err(),
                    "{extent:?}, {}",
                    chunk.kind
                );
            }
        }
    }
}

#[test]
fn an_origin_cannot_be_asked_what_a_changed_envelope_decrypts_to() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = returned(&stage, BounceExtent::Metadata, &SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let chunk = message.chunk(ChunkType::Origin).expect("it has one");
    let refused = Err(OpenError::OriginSignature(ChunkType::MetadataBounce));
    for place in 0..chunk.payload.len() {
        let mut changed = bytes.clone();
        changed[chunk.offset + 4 + place] ^= 1;
        assert_eq!(at_origin(&stage, &changed), refused, "{place}");
    }
}

#[test]
fn a_bounce_signed_by_another_origin_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let forger = PrivateKeys {
        signing: keys(99).signing,
        encryption: stage.keys[&Actor::Origin].encryption.clone(),
    };
    let both = Bounces {
        metadata: true,
        display: true,
    };
    let forged = sign_as_origin(&authored, &forger, both, None).expect("a good message");
    let message = Message::parse(&forged).expect("a good message");
    for extent in BounceExtent::ALL {
        let bytes = bounce_as_destination(&message, extent).expect("all is there");
        let error = OpenError::OriginSignature(extent.signature());
        assert_eq!(at_origin(&stage, &bytes), Err(error));
        assert!(matches!(
            at_author(&stage, &bytes),
            Err(OpenError::OriginSignature(_))
        ));
    }
}

#[test]
fn a_chunk_from_another_letter_of_the_same_author_does_not_come_back() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = returned(&stage, BounceExtent::Display, &SealOptions::default());
    let other = Letter {
        display: vec![Part::plain("other"), Part::plain("text")],
        ..letter()
    };
    let authored = stage
        .seal_letter(&other, &SealOptions::default())
        .expect("a good letter");
    // Both letters have the same keys here, so that the planted chunk decrypts and is the author's.
    let planted = Message::parse(&authored).expect("a good message");
    let planted = planted.chunk(ChunkType::Display).expect("it has one").bytes;
    let message = Message::parse(&bytes).expect("a good message");
    let own = message.chunk(ChunkType::Display).expect("it has one");
    assert_eq!(own.bytes.len(), planted.len());
    let mut changed = bytes.clone();
    changed[own.offset..own.offset + planted.len()].copy_from_slice(planted);
    let error = OpenError::OriginSignature(ChunkType::DisplayBounce);
    assert_eq!(at_author(&stage, &changed), Err(error.clone()));
    assert_eq!(at_origin(&stage, &changed), Err(error));
}
