//! What holds for all letters and all bytes.

use proptest::prelude::*;

use super::stage::*;
use crate::Profile;
use crate::message::*;

fn part() -> impl Strategy<Value = Part> {
    let data = proptest::collection::vec(any::<u8>(), 1..600);
    (data, any::<bool>(), any::<bool>()).prop_map(|(data, compressed, padding)| {
        let part = if compressed {
            Part::compressed(&data)
        } else {
            Part::plain(data)
        };
        let flags = if padding {
            part.flags.with(Flags::ALTERNATE_PADDING)
        } else {
            part.flags
        };
        Part { flags, ..part }
    })
}

fn options() -> impl Strategy<Value = SealOptions> {
    let padding = prop_oneof![Just(Padding::Random), Just(Padding::Buckets)];
    let tree = prop_oneof![Just(TreeSignature::Libdime), Just(TreeSignature::Intended)];
    let piece = proptest::option::of(40usize..700);
    (padding, tree, piece, any::<bool>(), any::<bool>()).prop_map(
        |(padding, tree, largest_piece, alternate, hardened)| SealOptions {
            padding,
            tree,
            largest_piece,
            alternate,
            hardened,
            ..SealOptions::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_sealed_is_read_again(
        display in proptest::collection::vec(part(), 1..4),
        attachments in proptest::collection::vec(part(), 0..3),
        subject in "[^\r\n]{0,40}",
        other in proptest::collection::vec(any::<u8>(), 0..200),
        seed in any::<u8>(),
        options in options(),
        (metadata, returned) in (any::<bool>(), any::<bool>()),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut letter = Letter { display, attachments, other_headers: other, ..letter() };
        letter.common.subject = subject;
        let mut entropy = stream(seed);
        let author = &stage.keys[&Actor::Author].signing;
        let authored = seal(&letter, &stage.signets(), author, &mut entropy, &options).expect("a good letter");
        let bounces = Bounces { metadata, display: returned };
        let signed = sign_as_origin(&authored, &stage.keys[&Actor::Origin], bounces, None).expect("good");
        let opened = stage.open(Actor::Recipient, &signed).expect("a good message");
        let data = |parts: &[Part]| parts.iter().map(|part| part.data.clone()).collect::<Vec<_>>();
        prop_assert_eq!(data(&opened.display), data(&letter.display));
        prop_assert_eq!(data(&opened.attachments), data(&letter.attachments));
        for (own, part) in opened.display.iter().zip(&letter.display) {
            let stated = Flags::GZIP.with(Flags::CONTINUES);
            prop_assert_eq!(own.flags.0 & stated.0, part.flags.0 & stated.0);
            prop_assert_eq!(own.expanded(1000), part.expanded(1000));
        }
        prop_assert_eq!(opened.other_headers.unwrap_or_default(), letter.other_headers);
        prop_assert_eq!(opened.common, Some(letter.common));
        prop_assert_eq!((opened.tree, opened.hardened), (Some(options.tree), options.hardened));
        prop_assert_eq!((opened.metadata_bounce, opened.display_bounce), (metadata, returned));
        for actor in [Actor::Author, Actor::Origin, Actor::Destination] {
            prop_assert!(stage.open(actor, &signed).is_ok(), "{}", actor);
        }
    }

    #[test]
    fn no_changed_byte_that_a_signature_covers_is_accepted(
        options in options(),
        chunk in any::<prop::sample::Index>(),
        class in 0..4usize,
        place in any::<prop::sample::Index>(),
        change in 1..=255u8,
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut bytes = stage.sealed_and_signed(&options);
        let (place, kind, owner) = {
            let message = Message::parse(&bytes).expect("a good message");
            let chunk = chunk.get(message.chunks());
            let head = chunk.bytes.len() - chunk.payload.len() - chunk.slots.len();
            let slots = head + chunk.payload.len();
            let range = match class {
                0 => 0..1,
                1 => 1..head,
                2 => head..slots,
                _ if chunk.slots.is_empty() => head..slots,
                _ => slots..chunk.bytes.len(),
            };
            let at = range.start + place.index(range.len());
            let owner = at.checked_sub(slots).and_then(|at| chunk.kind.slots().get(at / KEYSLOT_SIZE));
            (chunk.offset + at, chunk.kind, owner.copied())
        };
        bytes[place] ^= change;
        for actor in Actor::ALL {
            // Up to where the actor verifies signatures; of the last chunk only what it decrypts.
            let last = match actor {
                Actor::Author | Actor::Origin => ChunkType::AuthorSignature,
                Actor::Destination | Actor::Recipient => ChunkType::OriginSignature,
            };
            let covered = kind < last || (kind == last && owner.is_none_or(|owner| owner == actor));
            prop_assert!(!covered || stage.open(actor, &bytes).is_err(), "{} of chunk {}", actor, kind);
        }
    }

    #[test]
    fn chunks_in_any_other_order_are_refused(
        (left, right) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let bytes = stage.sealed_and_signed(&SealOptions::default());
        let message = Message::parse(&bytes).expect("a good message");
        let mut chunks: Vec<&[u8]> = message.chunks().iter().map(|chunk| chunk.bytes).collect();
        let (left, right) = (left.index(chunks.len()), right.index(chunks.len()));
        chunks.swap(left, right);
        let changed = with_length(&chunks.concat());
        prop_assume!(changed != bytes);
        for actor in Actor::ALL {
            prop_assert!(stage.open(actor, &changed).is_err());
        }
    }

    #[test]
    fn no_mutation_makes_reading_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut bytes = stage.sealed_and_signed(&SealOptions { alternate: true, ..SealOptions::default() });
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        for actor in Actor::ALL {
            let _ = stage.open(actor, &bytes);
        }
        let _ = sign_as_origin(&bytes, &stage.keys[&Actor::Origin], Bounces::default(), None);
        if let Ok(bounce) = Bounce::parse(&bytes) {
            let key = |actor: Actor| &stage.keys[&actor].encryption;
            let _ = verify_bounce_as_origin(&bounce, key(Actor::Origin), &stage.signets[&Actor::Origin]);
            let _ = verify_bounce_as_author(&bounce, key(Actor::Author), &stage.signets(), None);
        }
    }

    #[test]
    fn no_bytes_make_parsing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse(&with_length(&bytes));
        let _ = Bounce::parse(&with_length(&bytes));
        let _ = CommonHeaders::parse(&bytes);
        let _ = OriginEnvelope::parse(&bytes);
    }
}
