//! Tests of whole messages; those against recorded ones are in `tests/`.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::cipher::ChunkKey;
use super::*;
use crate::Profile;
use crate::keys::{AlternateKey, EncryptionKey, Kek, PrivateKeys, SigningKey};
use crate::signet::{Permissions, Signet, issue, organization, request};

/// Entropy from a counter: every draw is another, every run the same.
struct Counting(u8);

impl Counting {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        self.0 = self.0.wrapping_add(1);
        [self.0; N]
    }
}

impl MessageEntropy for Counting {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn alternate_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn chunk_key(&mut self, _index: usize) -> [u8; 32] {
        self.next()
    }
    fn chunk_iv(&mut self, _index: usize) -> [u8; 16] {
        self.next()
    }
    fn padding(&mut self, index: usize) -> u8 {
        index as u8
    }
    fn slot(&mut self, _index: usize, _actor: Actor) -> [u8; 16] {
        self.next()
    }
}

fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    }
}

/// Four actors with keys and signets.
struct Stage {
    keys: BTreeMap<Actor, PrivateKeys>,
    signets: BTreeMap<Actor, Signet>,
    sok: SigningKey,
    alternate: AlternateKey,
}

impl Stage {
    fn new(profile: Profile) -> Self {
        let keys: BTreeMap<_, _> = Actor::ALL
            .into_iter()
            .zip([11u8, 22, 33, 44].map(keys))
            .collect();
        let sok = SigningKey::from_seed([55; 32]);
        let alternate = AlternateKey::from_bytes([66; 32]);
        let organization_signet = |actor: Actor, domain: &str| {
            let own = &keys[&actor];
            let draft = organization(&own.signing, &own.encryption.public(), profile)
                .sok(Permissions::MESSAGES, sok.public())
                .field(16, b"An organization");
            draft.sign(&own.signing, domain).expect("a good draft")
        };
        let user_signet = |actor: Actor, organization: Actor, address: &str| {
            let alternates = [alternate.public()];
            let alternates = if actor == Actor::Recipient {
                alternates.as_slice()
            } else {
                &[]
            };
            let request =
                request(&keys[&actor], alternates, None, profile).expect("a good request");
            issue(&request, &keys[&organization].signing, &[], address).expect("a good request")
        };
        let signets = [
            (
                Actor::Author,
                user_signet(Actor::Author, Actor::Origin, "ann@one.example"),
            ),
            (
                Actor::Origin,
                organization_signet(Actor::Origin, "one.example"),
            ),
            (
                Actor::Destination,
                organization_signet(Actor::Destination, "two.example"),
            ),
            (
                Actor::Recipient,
                user_signet(Actor::Recipient, Actor::Destination, "rob@two.example"),
            ),
        ];
        Self {
            signets: signets.into(),
            keys,
            sok,
            alternate,
        }
    }

    fn signets(&self) -> Signets<'_> {
        Signets {
            author: &self.signets[&Actor::Author],
            origin: &self.signets[&Actor::Origin],
            destination: &self.signets[&Actor::Destination],
            recipient: &self.signets[&Actor::Recipient],
        }
    }

    fn seal(&self, options: &SealOptions) -> Result<Vec<u8>, SealError> {
        self.seal_letter(&letter(), options)
    }

    fn seal_letter(&self, letter: &Letter, options: &SealOptions) -> Result<Vec<u8>, SealError> {
        seal(
            letter,
            &self.signets(),
            &self.keys[&Actor::Author].signing,
            &mut Counting(0),
            options,
        )
    }

    fn sealed_and_signed(&self, options: &SealOptions) -> Vec<u8> {
        let authored = self.seal(options).expect("a good letter");
        let both = Bounces {
            metadata: true,
            display: true,
        };
        sign_as_origin(&authored, &self.keys[&Actor::Origin], both, None).expect("a good message")
    }

    fn open(&self, actor: Actor, bytes: &[u8]) -> Result<Opened, OpenError> {
        self.open_with(actor, bytes, &self.signets())
    }

    fn open_with(
        &self,
        actor: Actor,
        bytes: &[u8],
        signets: &Signets<'_>,
    ) -> Result<Opened, OpenError> {
        let message = Message::parse(bytes)?;
        let key = &self.keys[&actor].encryption;
        let Signets {
            author,
            origin,
            destination,
            recipient,
        } = *signets;
        match actor {
            Actor::Author => open_as_author(&message, key, signets, None),
            Actor::Origin => open_as_origin(
                &message,
                key,
                &OriginSignets {
                    author,
                    origin,
                    destination,
                },
            ),
            Actor::Destination => open_as_destination(
                &message,
                key,
                &DestinationSignets {
                    origin,
                    destination,
                    recipient,
                },
            ),
            Actor::Recipient => open_as_recipient(
                &message,
                key,
                signets,
                std::slice::from_ref(&self.alternate),
            ),
        }
    }

    fn verdicts(&self, bytes: &[u8]) -> String {
        let verdict = |actor| match self.open(actor, bytes) {
            Ok(_) => format!("{actor}: opened"),
            Err(error) => format!("{actor}: {error}"),
        };
        Actor::ALL.map(verdict).join("\n")
    }
}

fn letter() -> Letter {
    Letter {
        author: "ann@one.example".to_owned(),
        recipient: "rob@two.example".to_owned(),
        origin: "one.example".to_owned(),
        destination: "two.example".to_owned(),
        common: CommonHeaders {
            date: "Sat, 21 Nov 2026 12:00:00 +0000".to_owned(),
            to: "rob@two.example".to_owned(),
            from: "ann@one.example".to_owned(),
            subject: "A subject".to_owned(),
            ..CommonHeaders::default()
        },
        other_headers: b"X-Other: yes\r\n".to_vec(),
        display: vec![Part::plain("first"), Part::plain("second")],
        attachments: vec![Part::plain([0u8; 300])],
    }
}

/// The bytes with the message length in the header corrected, after chunks were taken out.
fn with_length(body: &[u8]) -> Vec<u8> {
    let mut out = MESSAGE_MAGIC.to_be_bytes().to_vec();
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out
}

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
    let cases: [(&str, fn(&mut Letter)); 9] = [
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
            letter.display[1].flags = Flags::CONTINUES
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
fn the_same_stream_seals_the_same_bytes() {
    let stage = Stage::new(Profile::Libdime);
    let sealed = |seed: u8, letter: &Letter| {
        let mut entropy = StreamEntropy(TestStream(seed.into()));
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

/// A stream of SplitMix64 output; it only has to be reproducible.
#[derive(Debug)]
struct TestStream(u64);

impl rand_core::TryRng for TestStream {
    type Error = std::convert::Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        for piece in out.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_le_bytes();
            piece.copy_from_slice(bytes.get(..piece.len()).unwrap_or_default());
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for TestStream {}

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
        let mut entropy = StreamEntropy(TestStream(seed.into()));
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
