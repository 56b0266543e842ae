//! What of spec/90 items 36 to 54 is tested nowhere else; `scenarios/rulings.md` has the whole table.

use super::stage::*;
use crate::Profile;
use crate::message::*;

fn unchecked() -> SealOptions {
    SealOptions {
        unchecked: true,
        ..SealOptions::default()
    }
}

fn signed(stage: &Stage, letter: &Letter, options: &SealOptions) -> Vec<u8> {
    let authored = stage.seal_letter(letter, options).expect("it is sealed");
    let origin = &stage.keys[&Actor::Origin];
    sign_as_origin(&authored, origin, Bounces::default(), None).expect("a good message")
}

/// Item 37.
#[test]
fn other_headers_and_display_may_be_absent_when_reading() {
    let stage = Stage::new(Profile::Libdime);
    let letter = Letter {
        other_headers: Vec::new(),
        display: Vec::new(),
        ..letter()
    };
    let bytes = signed(&stage, &letter, &unchecked());
    for actor in [Actor::Author, Actor::Recipient] {
        let opened = stage.open(actor, &bytes).expect("a good message");
        assert_eq!((opened.other_headers, opened.display), (None, vec![]));
        assert_eq!(opened.attachments, letter.attachments);
    }
    for actor in [Actor::Origin, Actor::Destination] {
        assert!(stage.open(actor, &bytes).is_ok());
    }
}

/// Item 40.
#[test]
fn a_message_cut_off_anywhere_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let ends: Vec<usize> = message.chunks().iter().map(|chunk| chunk.offset).collect();
    for end in 0..bytes.len() {
        assert!(Message::parse(&bytes[..end]).is_err(), "at {end}");
        // With the length made to fit, only whole chunks are left to be accepted.
        let body = bytes.get(6..end).unwrap_or_default();
        let fits = ends.contains(&end) && end > 6;
        assert_eq!(Message::parse(&with_length(body)).is_ok(), fits, "at {end}");
    }
}

/// Items 41 and 44.
#[test]
fn only_display_and_attachments_repeat() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        alternate: true,
        ..SealOptions::default()
    };
    let bytes = stage.sealed_and_signed(&options);
    let message = Message::parse(&bytes).expect("a good message");
    for chunk in message.chunks() {
        let end = chunk.offset + chunk.bytes.len();
        let twice = [&bytes[6..end], chunk.bytes, &bytes[end..]].concat();
        let parsed = Message::parse(&with_length(&twice)).map(|_| ());
        let repeats = matches!(chunk.kind, ChunkType::Display | ChunkType::Attachment);
        let expected = if repeats {
            Ok(())
        } else {
            Err(ParseError::Repeated(chunk.kind))
        };
        assert_eq!(parsed, expected);
    }
}

/// Item 45.
#[test]
fn fingerprints_are_reported_under_their_own_names() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let own = |actor: Actor| {
        let kind = crate::signet::FingerprintKind::Cryptographic;
        stage.signets[&actor].fingerprint(kind)
    };
    for reader in Actor::ALL {
        let envelope = stage.open(reader, &bytes).expect("a good message").envelope;
        let seen = [
            (Actor::Author, envelope.author_fingerprint),
            (Actor::Origin, envelope.origin_fingerprint),
            (Actor::Destination, envelope.destination_fingerprint),
            (Actor::Recipient, envelope.recipient_fingerprint),
        ];
        for (actor, print) in seen {
            let hidden = match reader {
                Actor::Origin => matches!(actor, Actor::Origin | Actor::Recipient),
                Actor::Destination => matches!(actor, Actor::Author | Actor::Destination),
                Actor::Author | Actor::Recipient => false,
            };
            let expected = if hidden { None } else { own(actor) };
            assert_eq!(print, expected, "{actor} as seen by the {reader}");
        }
    }
}

/// Item 46.
#[test]
fn every_name_in_the_envelope_is_compared() {
    let stage = Stage::new(Profile::Libdime);
    type Change = (Actor, fn(&mut Letter), [Actor; 3]);
    use Actor::{Author, Destination, Origin, Recipient};
    let cases: [Change; 4] = [
        (
            Author,
            |letter| letter.author = "bob@one.example".to_owned(),
            [Author, Origin, Recipient],
        ),
        (
            Destination,
            |letter| letter.destination = "three.example".to_owned(),
            [Author, Origin, Recipient],
        ),
        (
            Recipient,
            |letter| letter.recipient = "bob@two.example".to_owned(),
            [Author, Destination, Recipient],
        ),
        (
            Origin,
            |letter| letter.origin = "three.example".to_owned(),
            [Author, Destination, Recipient],
        ),
    ];
    for (wrong, change, readers) in cases {
        let mut letter = letter();
        change(&mut letter);
        let bytes = signed(&stage, &letter, &unchecked());
        for reader in readers {
            let opened = stage.open(reader, &bytes);
            assert_eq!(opened, Err(OpenError::Name(wrong)), "{reader}");
        }
    }
}

/// Item 46: signets that carry no name cannot contradict the envelope, but users and organizations in it
/// must belong together all the same.
#[test]
fn users_must_belong_to_the_organizations_of_the_envelope() {
    let stage = Stage::new(Profile::Libdime);
    let nameless = |actor: Actor| {
        let kind = crate::signet::FingerprintKind::Cryptographic;
        stage.signets[&actor].split(kind).expect("it has one")
    };
    let all = Actor::ALL.map(nameless);
    let [author, origin, destination, recipient] = &all;
    let signets = Signets {
        author,
        origin,
        destination,
        recipient,
    };
    for (change, wrong) in [
        (
            (|letter: &mut Letter| letter.origin = "three.example".to_owned()) as fn(&mut Letter),
            Actor::Author,
        ),
        (
            |letter| letter.destination = "three.example".to_owned(),
            Actor::Recipient,
        ),
    ] {
        let mut letter = letter();
        change(&mut letter);
        let bytes = signed(&stage, &letter, &unchecked());
        for reader in [Actor::Author, Actor::Recipient] {
            let opened = stage.open_with(reader, &bytes, &signets);
            assert_eq!(opened, Err(OpenError::Name(wrong)), "{reader}");
        }
    }
}

/// Item 47.
#[test]
fn a_chunk_of_another_letter_by_the_same_author_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let other = Letter {
        display: vec![Part::plain("other"), Part::plain("text")],
        ..letter()
    };
    let own = stage.sealed_and_signed(&SealOptions::default());
    let other = signed(&stage, &other, &SealOptions::default());
    let (own_message, other) = (
        Message::parse(&own).expect("good"),
        Message::parse(&other).expect("good"),
    );
    // Both letters have the same keys here, so that the planted chunk decrypts and is the author's.
    let planted = other.chunk(ChunkType::Display).expect("it has one").bytes;
    let place = own_message.chunk(ChunkType::Display).expect("it has one");
    let mut changed = own.clone();
    changed[place.offset..place.offset + planted.len()].copy_from_slice(planted);
    insta::assert_snapshot!(stage.verdicts(&changed), @"
    author: author's tree signature is not valid
    origin: author's tree signature is not valid
    destination: origin's signature in chunk 249 (display bounce) is not valid
    recipient: author's tree signature is not valid
    ");
}

/// Item 48.
#[test]
fn whatever_does_not_decrypt_is_one_error() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let chunk = message.chunk(ChunkType::Origin).expect("it has one");
    let key = &stage.keys[&Actor::Origin].encryption;
    // Lengths, flags, pad byte, text and padding, each of them garbled, and the key in the slot.
    let slot = chunk.payload.len() + KEYSLOT_SIZE;
    let places = [
        48,
        64,
        80,
        100,
        chunk.payload.len() - 1,
        slot + 16,
        slot + 40,
    ];
    for place in places {
        let mut changed = bytes.clone();
        changed[chunk.offset + 4 + place] ^= 0xff;
        let message = Message::parse(&changed).expect("a good message");
        let read = read_origin_envelope(&message, key);
        assert_eq!(read, Err(OpenError::Undecryptable), "{place}");
    }
    let foreign = &stage.keys[&Actor::Recipient].encryption;
    let read = read_origin_envelope(&message, foreign);
    assert_eq!(read, Err(OpenError::Undecryptable));
}

/// Item 50.
#[test]
fn the_origin_keeps_keys_and_keyslots_of_what_it_signs() {
    let stage = Stage::new(Profile::Libdime);
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let signed = stage.sealed_and_signed(&SealOptions::default());
    let (authored, signed) = (
        Message::parse(&authored).expect("good"),
        Message::parse(&signed).expect("good"),
    );
    for (before, after) in authored.chunks().iter().zip(signed.chunks()) {
        assert_eq!((before.kind, before.slots), (after.kind, after.slots));
        let own = before.kind >= ChunkType::MetadataBounce;
        assert_eq!(before.payload != after.payload, own, "{}", before.kind);
    }
}

/// Item 54.
#[test]
fn a_message_of_too_many_chunks_is_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let first = message.chunk(ChunkType::Ephemeral).expect("it has one");
    let display = message.chunk(ChunkType::Display).expect("it has one");
    let of = |count: usize| {
        let body = [first.bytes, &display.bytes.repeat(count - 1)].concat();
        Message::parse(&with_length(&body)).map(|message| message.chunks().len())
    };
    assert_eq!(of(MAXIMUM_CHUNKS), Ok(MAXIMUM_CHUNKS));
    assert_eq!(of(MAXIMUM_CHUNKS + 1), Err(ParseError::TooLarge));
}
