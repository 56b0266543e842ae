//! What holds for all letters and all bytes.

use proptest::prelude::*;

use super::stage::*;
use crate::Profile;
use crate::message::*;

fn part() -> impl Strategy<Value = Part> {
    let data = proptest::collection::vec(any::<u8>(), 1..600);
    (
        data,
        prop_oneof![Just(Flags::NONE), Just(Flags::ALTERNATE_PADDING)],
    )
        .prop_map(|(data, flags)| Part { flags, data })
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
        alternate in any::<bool>(),
    ) {
        let stage = Stage::new(Profile::Libdime);
        let mut letter = Letter { display, attachments, other_headers: other, ..letter() };
        letter.common.subject = subject;
        let options = SealOptions { alternate, ..SealOptions::default() };
        let mut entropy = stream(seed);
        let author = &stage.keys[&Actor::Author].signing;
        let authored = seal(&letter, &stage.signets(), author, &mut entropy, &options).expect("a good letter");
        let signed = sign_as_origin(&authored, &stage.keys[&Actor::Origin], Bounces::default(), None).expect("good");
        let opened = stage.open(Actor::Recipient, &signed).expect("a good message");
        let data = |parts: &[Part]| parts.iter().map(|part| part.data.clone()).collect::<Vec<_>>();
        prop_assert_eq!(data(&opened.display), data(&letter.display));
        prop_assert_eq!(data(&opened.attachments), data(&letter.attachments));
        prop_assert_eq!(opened.other_headers.unwrap_or_default(), letter.other_headers);
        prop_assert_eq!(opened.common, Some(letter.common));
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
    }

    #[test]
    fn no_bytes_make_parsing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse(&with_length(&bytes));
        let _ = CommonHeaders::parse(&bytes);
        let _ = OriginEnvelope::parse(&bytes);
    }
}
