//! Sealing as author and signing as origin.

use super::stage::*;
use crate::Profile;
use crate::keys::*;
use crate::message::cipher::ChunkKey;
use crate::message::*;
use crate::signet::*;

#[test]
fn the_origin_drops_what_was_not_asked_for_and_tracing() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        tracing: Some(b"who knows".to_vec()),
        ..SealOptions::default()
    };
    let authored = stage.seal(&options).expect("a good letter");
    assert_eq!(
        Message::parse(&authored).expect("a good message").tracing(),
        Some(b"who knows".as_slice())
    );
    for (metadata, display) in [(false, false), (true, false), (false, true), (true, true)] {
        let bounces = Bounces { metadata, display };
        let signed = sign_as_origin(&authored, &stage.keys[&Actor::Origin], bounces, None)
            .expect("a good message");
        let message = Message::parse(&signed).expect("a good message");
        assert_eq!(message.tracing(), None);
        assert_eq!(message.chunk(ChunkType::MetadataBounce).is_some(), metadata);
        assert_eq!(message.chunk(ChunkType::DisplayBounce).is_some(), display);
        assert_eq!(
            message.identity(),
            Message::parse(&authored)
                .expect("a good message")
                .identity()
        );
        for actor in [Actor::Destination, Actor::Recipient] {
            let opened = stage.open(actor, &signed).expect("a good message");
            assert_eq!(
                (opened.metadata_bounce, opened.display_bounce),
                (metadata, display)
            );
        }
    }
}

#[test]
fn an_origin_signs_only_an_authors_object_of_its_own() {
    let stage = Stage::new(Profile::Libdime);
    let origin = &stage.keys[&Actor::Origin];
    let both = Bounces {
        metadata: true,
        display: true,
    };
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let signed = stage.sealed_and_signed(&SealOptions::default());
    let again = sign_as_origin(&signed, origin, both, None);
    assert_eq!(
        again,
        Err(OpenError::NotUnsigned(ChunkType::MetadataBounce))
    );
    let stranger = sign_as_origin(&authored, &keys(99), Bounces::default(), None);
    assert_eq!(
        stranger,
        Err(OpenError::NotUnsigned(ChunkType::OriginSignature))
    );
    let empty = sign_as_origin(&authored, origin, both, Some(b""));
    assert_eq!(empty, Err(OpenError::Tracing));
    let message = Message::parse(&authored).expect("a good message");
    let last = message
        .chunk(ChunkType::OriginSignature)
        .expect("it has one");
    let cut = with_length(&authored[6..last.offset]);
    assert_eq!(
        sign_as_origin(&cut, origin, both, None),
        Err(OpenError::Incomplete(ChunkType::OriginSignature))
    );
}

#[test]
fn a_message_sok_may_sign_as_origin() {
    let stage = Stage::new(Profile::Libdime);
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let keys = PrivateKeys {
        signing: stage.sok.clone(),
        encryption: stage.keys[&Actor::Origin].encryption.clone(),
    };
    let signed =
        sign_as_origin(&authored, &keys, Bounces::default(), None).expect("a good message");
    assert!(stage.open(Actor::Destination, &signed).is_ok());
}

#[test]
fn no_alternate_letter_goes_to_a_recipient_without_an_alternate_key() {
    let stage = Stage::new(Profile::Libdime);
    let plain = request(&stage.keys[&Actor::Recipient], &[], None, Profile::Libdime)
        .expect("a good request");
    let plain = issue(
        &plain,
        &stage.keys[&Actor::Destination].signing,
        &[],
        "rob@two.example",
    )
    .expect("a signet");
    let signets = Signets {
        recipient: &plain,
        ..stage.signets()
    };
    let options = SealOptions {
        alternate: true,
        ..SealOptions::default()
    };
    let author = &stage.keys[&Actor::Author].signing;
    let sealed = seal(&letter(), &signets, author, &mut Counting(0), &options);
    assert_eq!(sealed, Err(SealError::NoAlternateKey));
}

#[test]
fn an_honest_author_refuses_what_readers_would() {
    let stage = Stage::new(Profile::Libdime);
    type Change = (&'static str, fn(&mut Letter));
    let cases: [Change; 9] = [
        ("author name", |letter| {
            letter.author = "bob@one.example".to_owned()
        }),
        ("author domain", |letter| {
            letter.origin = "two.example".to_owned()
        }),
        ("recipient syntax", |letter| {
            letter.recipient = "rob".to_owned()
        }),
        ("no display", |letter| letter.display.clear()),
        ("empty part", |letter| letter.display.push(Part::default())),
        ("line break", |letter| {
            letter.common.subject = "a\r\nTo: b".to_owned()
        }),
        ("layer by hand", |letter| {
            letter.display[0].flags = Flags::ALTERNATE_KEY
        }),
        ("gzip", |letter| letter.attachments[0].flags = Flags::GZIP),
        ("goes on", |letter| {
            letter.display[0].flags = Flags::CONTINUES
        }),
    ];
    let refusals = cases.map(|(name, change)| {
        let mut letter = letter();
        change(&mut letter);
        let refused = stage.seal_letter(&letter, &SealOptions::default());
        format!(
            "{name}: {}",
            refused
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        )
    });
    insta::assert_snapshot!(refusals.join("\n"), @"
    author name: name of the author is not that of the signet or domain
    author domain: name of the origin is not that of the signet or domain
    recipient syntax: name of the recipient is not that of the signet or domain
    no display: letter has no display part
    empty part: part of chunk 67 (display) is empty
    line break: failed to write common headers: header Subject is not a single line
    layer by hand: flags of chunk 67 (display) are not those of its data
    gzip: flags of chunk 131 (attachment) are not those of its data
    goes on: flags of chunk 67 (display) are not those of its data
    ");
    let foreign = seal(
        &letter(),
        &stage.signets(),
        &keys(9).signing,
        &mut Counting(0),
        &SealOptions::default(),
    );
    assert_eq!(foreign, Err(SealError::AuthorKey));
}

#[test]
fn nothing_is_sealed_for_a_signet_that_no_reader_would_use() {
    let stage = Stage::new(Profile::Libdime);
    let author = &stage.keys[&Actor::Author].signing;
    // The request's fields under a user's header, and the header alone.
    let request = stage.signets[&Actor::Recipient].to_request();
    let fields = request.expect("a user signet").as_bytes()[HEADER_SIZE..].to_vec();
    let signet = |fields: &[u8]| {
        let magic = SignetKind::User.magic().to_be_bytes();
        let size = (fields.len() as u32).to_be_bytes();
        let bytes = [magic.as_slice(), &size[1..], fields].concat();
        Signet::parse(&bytes).expect("it has the form of one")
    };
    for (fields, unchecked, fits) in [
        (fields.as_slice(), false, false),
        (fields.as_slice(), true, true),
        (&[], false, false),
        (&[], true, false),
    ] {
        let recipient = signet(fields);
        let signets = Signets {
            recipient: &recipient,
            ..stage.signets()
        };
        let options = SealOptions {
            unchecked,
            ..SealOptions::default()
        };
        let sealed = seal(&letter(), &signets, author, &mut Counting(0), &options);
        let refused =
            SealError::Signet(Actor::Recipient, SignetError::Structure(State::Incomplete));
        assert_eq!(sealed.err(), (!fits).then_some(refused));
    }
}

#[test]
fn room_is_made_before_anything_plain_is_laid_out() {
    let stage = Stage::new(Profile::Libdime);
    // The sealer itself holds that its room does not grow; here are letters that need most of it.
    let part = Part {
        flags: Flags::ALTERNATE_PADDING,
        data: vec![1; 20],
    };
    for (display, headers) in [(vec![part; 250], 1), (vec![Part::plain("x")], 100_000)] {
        for (padding, alternate) in [
            (Padding::Random, false),
            (Padding::Random, true),
            (Padding::Buckets, true),
        ] {
            let letter = Letter {
                display: display.clone(),
                other_headers: vec![b'x'; headers],
                ..letter()
            };
            let options = SealOptions {
                padding,
                alternate,
                hardened: true,
                tracing: Some(vec![0; 60_000]),
                ..SealOptions::default()
            };
            assert!(stage.seal_letter(&letter, &options).is_ok());
        }
    }
}

#[test]
fn a_rogue_can_fill_a_keyslot_for_another() {
    let stage = Stage::new(Profile::Libdime);
    let origin = &stage.keys[&Actor::Origin].encryption;
    let slot = (ChunkType::Display, Actor::Author);
    let options = SealOptions {
        keyslots: [(slot, origin.public())].into(),
        ..SealOptions::default()
    };
    let bytes = stage.sealed_and_signed(&options);
    let message = Message::parse(&bytes).expect("a good message");
    let chunk = message.chunk(ChunkType::Display).expect("it has one");
    let kek = Kek::derive(origin, message.ephemeral());
    let mut payload = chunk.payload.to_vec();
    ChunkKey::from_keyslot(&kek, chunk.slot(Actor::Author).expect("it has one"))
        .decrypt(&mut payload);
    assert_eq!(payload.get(69..74), Some(b"first".as_slice()));
    assert!(stage.open(Actor::Recipient, &bytes).is_ok());
    assert_eq!(
        stage.open(Actor::Author, &bytes),
        Err(OpenError::Undecryptable)
    );
}

#[test]
fn the_same_stream_seals_the_same_bytes() {
    let stage = Stage::new(Profile::Libdime);
    let sealed = |seed: u8, letter: &Letter| {
        let mut entropy = stream(seed);
        let author = &stage.keys[&Actor::Author].signing;
        seal(
            letter,
            &stage.signets(),
            author,
            &mut entropy,
            &SealOptions::default(),
        )
        .expect("a good letter")
    };
    assert_eq!(sealed(1, &letter()), sealed(1, &letter()));
    assert_ne!(sealed(1, &letter()), sealed(2, &letter()));
    // Contents of equal shape draw the same values, so that only what they touch differs.
    let mut twin = letter();
    twin.common.subject = "B subject".to_owned();
    let (one, other) = (sealed(1, &letter()), sealed(1, &twin));
    let (one, other) = (
        Message::parse(&one).expect("good"),
        Message::parse(&other).expect("good"),
    );
    for (own, their) in one.chunks().iter().zip(other.chunks()) {
        assert_eq!((own.kind, own.slots), (their.kind, their.slots));
        let differs = own.kind == ChunkType::CommonHeaders || own.kind >= ChunkType::TreeSignature;
        let unsigned = own.kind >= ChunkType::MetadataBounce;
        assert_eq!(
            own.payload != their.payload,
            differs && !unsigned,
            "{}",
            own.kind
        );
    }
}
