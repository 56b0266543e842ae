//! One message on two threads: the same bytes, the same verdicts.

use proptest::prelude::*;

use super::stage::*;
use crate::Profile;
use crate::message::*;

/// A letter that is large enough for a second thread.
fn large() -> Letter {
    Letter {
        display: vec![Part::plain(vec![b'a'; 70_000]), Part::plain("more")],
        ..letter()
    }
}

fn signed(stage: &Stage, workers: Workers) -> Vec<u8> {
    let options = SealOptions {
        workers,
        ..SealOptions::default()
    };
    let authored = stage
        .seal_letter(&large(), &options)
        .expect("a good letter");
    let both = Bounces {
        metadata: true,
        display: true,
    };
    sign_as_origin(&authored, &stage.keys[&Actor::Origin], both, None).expect("a good message")
}

fn opened(
    stage: &Stage,
    actor: Actor,
    bytes: &[u8],
    workers: Workers,
) -> Result<Opened, OpenError> {
    let policy = ReadPolicy {
        workers,
        ..ReadPolicy::default()
    };
    stage.open_under(actor, bytes, &policy)
}

#[test]
fn two_threads_seal_to_the_same_bytes() {
    let stage = Stage::new(Profile::Libdime);
    let one = signed(&stage, Workers::One);
    assert_eq!(signed(&stage, Workers::Two), one);
    for actor in Actor::ALL {
        assert!(opened(&stage, actor, &one, Workers::Two).is_ok(), "{actor}");
    }
}

#[test]
fn two_threads_share_many_parts_and_the_alternate_layer() {
    let stage = Stage::new(Profile::Libdime);
    let part = |size: usize, byte| Part::plain(vec![byte; size]);
    let letter = Letter {
        display: vec![part(40_000, b'a'), part(9, b'b'), part(70_001, b'c')],
        attachments: vec![part(100_000, b'd'), part(1, b'e'), part(30_000, b'f')],
        ..letter()
    };
    for alternate in [false, true] {
        for largest_piece in [None, Some(20_000)] {
            let sealed = |workers| {
                let options = SealOptions {
                    workers,
                    alternate,
                    largest_piece,
                    ..SealOptions::default()
                };
                stage.seal_letter(&letter, &options).expect("a good letter")
            };
            let one = sealed(Workers::One);
            assert_eq!(sealed(Workers::Two), one);
            let keys = &stage.keys[&Actor::Origin];
            let signed = sign_as_origin(&one, keys, Bounces::default(), None);
            let signed = signed.expect("a good message");
            let read = opened(&stage, Actor::Recipient, &signed, Workers::Two);
            let read = read.expect("a good message");
            let data = |parts: &[Part]| -> Vec<Vec<u8>> {
                parts.iter().map(|part| part.data.clone()).collect()
            };
            assert_eq!(data(&read.display), data(&letter.display));
            assert_eq!(data(&read.attachments), data(&letter.attachments));
        }
    }
}

#[test]
fn the_shared_pass_of_an_origin_makes_the_signatures_of_two() {
    let stage = Stage::new(Profile::Libdime);
    let message = signed(&stage, Workers::One);
    let parsed = Message::parse(&message).expect("a good message");
    let origin = &stage.keys[&Actor::Origin];
    let kek = crate::keys::Kek::derive(&origin.encryption, parsed.ephemeral());
    for (kind, covered) in [
        (ChunkType::DisplayBounce, parsed.through(ChunkType::Display)),
        (
            ChunkType::OriginSignature,
            parsed.before(ChunkType::OriginSignature),
        ),
    ] {
        let chunk = parsed.chunk(kind).expect("it is signed");
        let slot = chunk.slot(Actor::Origin).expect("it has one");
        let mut payload = chunk.payload.to_vec();
        cipher::ChunkKey::from_keyslot(&kek, slot).decrypt(&mut payload);
        assert_eq!(payload, origin.signing.sign(covered).0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_changed_message_is_judged_alike(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..3),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut bytes = signed(&stage, Workers::One);
        let signatures = bytes.len() - 2000;
        for (place, (index, change)) in changes.into_iter().enumerate() {
            // Half of the changes among the signatures, which are a small part of the whole.
            let from = if place % 2 == 0 { 0 } else { signatures };
            let place = from + index.index(bytes.len() - from);
            bytes[place] ^= change;
        }
        for actor in Actor::ALL {
            let one = opened(&stage, actor, &bytes, Workers::One);
            prop_assert_eq!(opened(&stage, actor, &bytes, Workers::Two), one);
        }
    }
}
