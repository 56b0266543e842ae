//! Opening as each actor, and what is refused.

use super::stage::*;
use crate::Profile;
use crate::keys::*;
use crate::message::*;

#[test]
fn every_actor_reads_its_part_in_both_profiles_and_tree_forms() {
    for (profile, tree) in [
        (Profile::Libdime, TreeSignature::Libdime),
        (Profile::Magma, TreeSignature::Intended),
    ] {
        let stage = Stage::new(profile);
        let bytes = stage.sealed_and_signed(&SealOptions {
            tree,
            ..SealOptions::default()
        });
        let letter = letter();
        for actor in [Actor::Author, Actor::Recipient] {
            let opened = stage.open(actor, &bytes).expect("a good message");
            assert_eq!(opened.common.as_ref(), Some(&letter.common));
            assert_eq!(opened.other_headers.as_ref(), Some(&letter.other_headers));
            assert_eq!(
                (&opened.display, &opened.attachments),
                (&letter.display, &letter.attachments)
            );
            assert_eq!(opened.tree, Some(tree));
            assert_eq!(opened.envelope.author.as_ref(), Some(&letter.author));
            assert_eq!(opened.envelope.recipient.as_ref(), Some(&letter.recipient));
        }
        let origin = stage.open(Actor::Origin, &bytes).expect("a good message");
        assert_eq!(
            (&origin.envelope.author, &origin.envelope.recipient),
            (&Some(letter.author), &None)
        );
        assert_eq!((origin.common, origin.display.len()), (None, 0));
        let destination = stage
            .open(Actor::Destination, &bytes)
            .expect("a good message");
        assert_eq!(
            (
                &destination.envelope.author,
                &destination.envelope.recipient
            ),
            (&None, &Some(letter.recipient))
        );
        assert!(destination.metadata_bounce && destination.display_bounce);
    }
}

#[test]
fn a_flipped_bit_anywhere_in_a_chunk_is_noticed_by_the_recipient() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    for chunk in message.chunks() {
        for place in [4, chunk.payload.len() / 2, chunk.payload.len() + 3] {
            let mut changed = bytes.clone();
            changed[chunk.offset + place] ^= 0x10;
            assert!(
                stage.open(Actor::Recipient, &changed).is_err(),
                "{} at {place}",
                chunk.kind
            );
        }
    }
}

#[test]
fn failures_name_the_guilty_party() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let stranger = Stage {
        keys: [(Actor::Origin, keys(99))].into(),
        ..Stage::new(Profile::Libdime)
    };
    let foreign = PrivateKeys {
        signing: stranger.keys[&Actor::Origin].signing.clone(),
        encryption: stage.keys[&Actor::Origin].encryption.clone(),
    };
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let forged =
        sign_as_origin(&authored, &foreign, Bounces::default(), None).expect("a good message");
    insta::assert_snapshot!(stage.verdicts(&forged), @"
    author: opened
    origin: opened
    destination: origin's signature in chunk 255 (origin signature) is not valid
    recipient: origin's signature in chunk 255 (origin signature) is not valid
    ");
    insta::assert_snapshot!(stage.verdicts(&authored), @"
    author: opened
    origin: opened
    destination: origin never signed chunk 248 (metadata bounce)
    recipient: origin never signed chunk 248 (metadata bounce)
    ");
    let message = Message::parse(&bytes).expect("a good message");
    let attachment = message.chunk(ChunkType::Attachment).expect("it has one");
    let mut changed = bytes.clone();
    changed[attachment.offset + 4] ^= 1;
    insta::assert_snapshot!(stage.verdicts(&changed), @"
    author: author's tree signature is not valid
    origin: author's tree signature is not valid
    destination: origin's signature in chunk 255 (origin signature) is not valid
    recipient: author's tree signature is not valid
    ");
}

#[test]
fn a_signet_that_the_envelope_does_not_name_is_refused() {
    let (stage, other) = (Stage::new(Profile::Libdime), Stage::new(Profile::Magma));
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let mut problems = Vec::new();
    for (wrong, actor) in [
        (Actor::Author, Actor::Origin),
        (Actor::Destination, Actor::Origin),
        (Actor::Origin, Actor::Destination),
        (Actor::Recipient, Actor::Destination),
        (Actor::Origin, Actor::Recipient),
        (Actor::Recipient, Actor::Author),
    ] {
        let mut signets = stage.signets();
        match wrong {
            Actor::Author => signets.author = &other.signets[&wrong],
            Actor::Origin => signets.origin = &other.signets[&wrong],
            Actor::Destination => signets.destination = &other.signets[&wrong],
            Actor::Recipient => signets.recipient = &other.signets[&wrong],
        }
        assert_eq!(
            stage.open_with(actor, &bytes, &signets),
            Err(OpenError::Fingerprint(wrong))
        );
        problems.push(wrong);
    }
    assert_eq!(problems.len(), 6);
}

#[test]
fn an_author_answers_only_for_an_envelope_that_it_signed() {
    let stage = Stage::new(Profile::Libdime);
    let mut letter = letter();
    letter.author = "mallory@one.example".to_owned();
    let judged = |signers| {
        let options = SealOptions {
            unchecked: true,
            signers,
            ..SealOptions::default()
        };
        let bytes = stage.seal_letter(&letter, &options);
        stage.open(Actor::Origin, &bytes.expect("an unchecked letter"))
    };
    assert_eq!(
        judged([].into()),
        Err(OpenError::Name(Actor::Author)),
        "it signed the wrong name"
    );
    assert_eq!(
        judged([(ChunkType::Origin, keys(77).signing)].into()),
        Err(OpenError::Undecryptable),
        "somebody else did"
    );
}

#[test]
fn swapped_kinds_of_signets_are_refused() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let mut signets = stage.signets();
    signets.destination = signets.recipient;
    for actor in Actor::ALL {
        let opened = stage.open_with(actor, &bytes, &signets);
        assert!(
            matches!(opened, Err(OpenError::Signet(Actor::Destination, _))),
            "{actor}: {opened:?}"
        );
    }
}

#[test]
fn display_parts_go_under_the_alternate_layer_and_come_back() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions {
        alternate: true,
        ..SealOptions::default()
    });
    let message = Message::parse(&bytes).expect("a good message");
    assert!(message.chunk(ChunkType::Alternate).is_some());
    let data = |opened: &Opened| {
        opened
            .display
            .iter()
            .map(|part| part.data.clone())
            .collect::<Vec<_>>()
    };
    let opened = stage
        .open(Actor::Recipient, &bytes)
        .expect("a good message");
    assert_eq!(data(&opened), [b"first".to_vec(), b"second".to_vec()]);
    assert!(
        opened
            .display
            .iter()
            .all(|part| part.flags == Flags::ALTERNATE_KEY)
    );

    let key = &stage.keys[&Actor::Recipient].encryption;
    let without = open_as_recipient(&message, key, &stage.signets(), &[]);
    assert_eq!(without, Err(OpenError::NoAlternateKey));
    let wrong = open_as_recipient(
        &message,
        key,
        &stage.signets(),
        &[AlternateKey::from_bytes([1; 32])],
    );
    assert_eq!(wrong, Err(OpenError::Undecryptable));

    let copy = stage.open(Actor::Author, &bytes).expect("a good message");
    assert_eq!(
        (copy.still_sealed.clone(), copy.display.len()),
        (vec![0, 1], 2)
    );
    assert!(data(&copy).iter().all(|data| data.len() > 16));
    let kept = AlternateKey::from_bytes([2; 32]);
    let author = &stage.keys[&Actor::Author].encryption;
    let copy =
        open_as_author(&message, author, &stage.signets(), Some(&kept)).expect("a good message");
    assert_eq!(
        (data(&copy), copy.still_sealed),
        (vec![b"first".to_vec(), b"second".to_vec()], vec![])
    );
    for actor in [Actor::Origin, Actor::Destination] {
        assert!(stage.open(actor, &bytes).is_ok());
    }
}

#[test]
fn structure_is_strict() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let of = |kind| message.chunk(kind).expect("it has one").bytes.to_vec();
    let (ephemeral, origin, display) = (
        of(ChunkType::Ephemeral),
        of(ChunkType::Origin),
        of(ChunkType::Display),
    );
    let parse = |chunks: &[&[u8]]| {
        Message::parse(&with_length(&chunks.concat()))
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let mut long = display.clone();
    long[3] += 1;
    let results = [
        parse(&[]),
        parse(&[&origin]),
        parse(&[&ephemeral, &display, &origin]),
        parse(&[&ephemeral, &origin, &origin]),
        parse(&[&ephemeral, &[7, 0, 0, 0]]),
        parse(&[&ephemeral, &long]),
        parse(&[&ephemeral, &display[..display.len() - 1]]),
        parse(&[&[2, 0, 0, 33], &[5; 33]]),
        parse(&[&ephemeral, &display, &display]),
        Message::parse(&bytes[..bytes.len() - 1])
            .map(|_| ())
            .map_err(|e| e.to_string()),
        Message::parse(&[&[7, 45, 0, 0], bytes.as_slice()].concat())
            .map(|_| ())
            .map_err(|e| e.to_string()),
        Message::parse(b"nothing")
            .map(|_| ())
            .map_err(|e| e.to_string()),
    ];
    insta::assert_snapshot!(results.map(|result| format!("{result:?}")).join("\n"), @r#"
    Err("message does not begin with an ephemeral chunk")
    Err("message does not begin with an ephemeral chunk")
    Err("chunk 4 (origin) is not in ascending order")
    Err("chunk 4 (origin) is not unique")
    Err("chunk type 7 is not known")
    Err("payload size of chunk 67 (display) is not possible: 257")
    Err("chunk 67 (display) is not complete")
    Err("ephemeral key is not a compressed secp256k1 point")
    Ok(())
    Err("message length is not that of its chunks")
    Err("tracing object is not complete")
    Err("bytes are not a message: no magic number 1847")
    "#);
}

#[test]
fn without_any_required_chunk_a_message_is_not_complete() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    for missing in ChunkType::REQUIRED.into_iter().skip(1) {
        let kept = message
            .chunks()
            .iter()
            .filter(|chunk| chunk.kind != missing)
            .map(|chunk| chunk.bytes);
        let cut = with_length(&kept.collect::<Vec<_>>().concat());
        for actor in Actor::ALL {
            assert_eq!(stage.open(actor, &cut), Err(OpenError::Incomplete(missing)));
        }
    }
}

#[test]
fn envelopes_are_read_before_any_signet_is_known() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let key = |actor: Actor| &stage.keys[&actor].encryption;
    let origin = read_origin_envelope(&message, key(Actor::Origin)).expect("its own chunk");
    let destination =
        read_destination_envelope(&message, key(Actor::Destination)).expect("its own chunk");
    assert_eq!(
        (origin.author.as_str(), origin.destination.as_str()),
        ("ann@one.example", "two.example")
    );
    assert_eq!(
        (destination.recipient.as_str(), destination.origin.as_str()),
        ("rob@two.example", "one.example")
    );
    let both = read_recipient_envelopes(&message, key(Actor::Recipient)).expect("its own chunks");
    assert_eq!(both, (origin, destination));
    let foreign = read_origin_envelope(&message, key(Actor::Destination));
    assert_eq!(foreign, Err(OpenError::Undecryptable));
}

#[test]
fn a_destination_cannot_be_asked_what_a_changed_envelope_decrypts_to() {
    let stage = Stage::new(Profile::Libdime);
    let mut letter = letter();
    letter.recipient = "not an address".to_owned();
    let options = SealOptions {
        unchecked: true,
        ..SealOptions::default()
    };
    let authored = stage
        .seal_letter(&letter, &options)
        .expect("an unchecked letter");
    let signed = sign_as_origin(
        &authored,
        &stage.keys[&Actor::Origin],
        Bounces::default(),
        None,
    );
    let signed = signed.expect("the origin does not see the recipient");
    // To who can verify the author it is the author's mistake, to the destination it is garbage.
    insta::assert_snapshot!(stage.verdicts(&signed), @"
    author: author's envelope of chunk 5 (destination) is not well formed
    origin: opened
    destination: failed to decrypt message
    recipient: author's envelope of chunk 5 (destination) is not well formed
    ");

    let good = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&good).expect("a good message");
    let chunk = message.chunk(ChunkType::Destination).expect("it has one");
    for place in 0..chunk.payload.len() {
        let mut changed = good.clone();
        changed[chunk.offset + 4 + place] ^= 1;
        // In the first three blocks a change garbles only the author's signature.
        let expected = if place < 48 {
            OpenError::OriginSignature(ChunkType::MetadataBounce)
        } else {
            OpenError::Undecryptable
        };
        assert_eq!(
            stage.open(Actor::Destination, &changed),
            Err(expected),
            "{place}"
        );
    }
}

#[test]
fn a_reader_may_insist_on_the_pok() {
    let stage = Stage::new(Profile::Libdime);
    let authored = stage.seal(&SealOptions::default()).expect("a good letter");
    let keys = PrivateKeys {
        signing: stage.sok.clone(),
        encryption: stage.keys[&Actor::Origin].encryption.clone(),
    };
    let both = Bounces {
        metadata: true,
        display: true,
    };
    let by_sok = sign_as_origin(&authored, &keys, both, None).expect("a good message");
    let by_pok = stage.sealed_and_signed(&SealOptions::default());
    let strict = ReadPolicy {
        origin_keys: OriginKeys::PokOnly,
        ..ReadPolicy::default()
    };
    let refused = Err(OpenError::OriginSignature(ChunkType::MetadataBounce));
    for actor in [Actor::Destination, Actor::Recipient] {
        assert!(stage.open(actor, &by_sok).is_ok());
        assert!(stage.open_under(actor, &by_pok, &strict).is_ok());
        assert_eq!(stage.open_under(actor, &by_sok, &strict), refused);
    }
}

#[test]
fn a_reader_may_insist_on_one_form_of_the_tree_signature() {
    let stage = Stage::new(Profile::Libdime);
    let forms = [TreeSignature::Libdime, TreeSignature::Intended];
    for written in forms {
        let bytes = stage.sealed_and_signed(&SealOptions {
            tree: written,
            ..SealOptions::default()
        });
        for wanted in forms {
            let policy = ReadPolicy {
                tree: Some(wanted),
                ..ReadPolicy::default()
            };
            for actor in [Actor::Author, Actor::Origin, Actor::Recipient] {
                let opened = stage.open_under(actor, &bytes, &policy);
                let tree = opened.map(|opened| opened.tree);
                let expected = if wanted == written {
                    Ok(Some(written))
                } else {
                    Err(OpenError::TreeSignature)
                };
                assert_eq!(tree, expected, "{actor}");
            }
        }
    }
}

#[test]
fn multipart_types_are_reserved() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions::default());
    let message = Message::parse(&bytes).expect("a good message");
    let display = message.chunk(ChunkType::Display).expect("it has one");
    for reserved in [65, 66, 129, 130] {
        let mut changed = bytes.clone();
        changed[display.offset] = reserved;
        let parsed = Message::parse(&changed).map(|_| ());
        assert_eq!(parsed, Err(ParseError::Reserved(reserved)));
        let named = crate::dissect::chunk_name(reserved);
        assert!(
            named.is_some_and(|name| name.contains("multipart") || name.contains("alternative"))
        );
    }
}
