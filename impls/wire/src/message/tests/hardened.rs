//! The hardened profile (`HARDENED.md`): who signs chunk 5, who notices, and what is refused.

use super::stage::*;
use crate::Profile;
use crate::encoding::encode_unpadded;
use crate::keys::*;
use crate::message::cipher::ChunkKey;
use crate::message::payload::{complete, lay_out};
use crate::message::*;
use crate::signet::Fingerprint;

fn options() -> SealOptions {
    SealOptions {
        hardened: true,
        ..SealOptions::default()
    }
}

/// The plaintext payload of a chunk, opened through one actor's keyslot.
fn plaintext(stage: &Stage, actor: Actor, bytes: &[u8], kind: ChunkType) -> Vec<u8> {
    let message = Message::parse(bytes).expect("a good message");
    let chunk = message.chunk(kind).expect("it has one");
    let kek = Kek::derive(&stage.keys[&actor].encryption, message.ephemeral());
    let mut payload = chunk.payload.to_vec();
    ChunkKey::from_keyslot(&kek, chunk.slot(actor).expect("it has one")).decrypt(&mut payload);
    payload
}

/// Whether `key` made the plaintext signature of a payload.
fn signed_by(payload: &[u8], key: &VerifyingKey) -> bool {
    let (signature, signed) = payload.split_at(64);
    key.verify(signed, &Signature(signature.try_into().expect("64 bytes")))
}

fn certified_key(stage: &Stage, bytes: &[u8]) -> Option<VerifyingKey> {
    let message = Message::parse(bytes).expect("a good message");
    let key = &stage.keys[&Actor::Origin].encryption;
    let envelope = read_origin_envelope(&message, key).expect("its own chunk");
    envelope.message_key
}

#[test]
fn every_actor_opens_a_hardened_message_and_all_but_the_destination_know_that_it_is() {
    let stage = Stage::new(Profile::Libdime);
    for hardened in [false, true] {
        let bytes = stage.sealed_and_signed(&SealOptions {
            hardened,
            ..SealOptions::default()
        });
        for actor in Actor::ALL {
            let opened = stage.open(actor, &bytes).expect("a good message");
            let told = actor != Actor::Destination;
            assert_eq!(opened.hardened, hardened && told, "{actor}");
        }
        let opened = stage
            .open(Actor::Recipient, &bytes)
            .expect("a good message");
        assert_eq!(opened.display, letter().display);
    }
}

#[test]
fn the_destination_finds_the_authors_signature_only_in_an_ordinary_message() {
    let stage = Stage::new(Profile::Libdime);
    let author = stage.keys[&Actor::Author].signing.public();
    let seen = |bytes: &[u8]| plaintext(&stage, Actor::Destination, bytes, ChunkType::Destination);
    let ordinary = stage.sealed_and_signed(&SealOptions::default());
    assert!(signed_by(&seen(&ordinary), &author));
    assert_eq!(certified_key(&stage, &ordinary), None);

    let hardened = stage.sealed_and_signed(&options());
    let certified = certified_key(&stage, &hardened).expect("it is hardened");
    let payload = seen(&hardened);
    assert!(!signed_by(&payload, &author) && signed_by(&payload, &certified));
    for actor in Actor::ALL {
        let known = stage.keys[&actor].signing.public();
        assert!(!signed_by(&payload, &known), "{actor}");
    }
    // All else that the author signs in plaintext still is the author's.
    for kind in [ChunkType::Origin, ChunkType::Display, ChunkType::Attachment] {
        let payload = plaintext(&stage, Actor::Recipient, &hardened, kind);
        assert!(signed_by(&payload, &author), "{kind}");
    }
}

#[test]
fn a_reader_may_insist_on_hardened_messages() {
    let stage = Stage::new(Profile::Libdime);
    let policy = ReadPolicy {
        require_hardened: true,
        ..ReadPolicy::default()
    };
    let signets = stage.signets();
    let origin = OriginSignets {
        author: signets.author,
        origin: signets.origin,
        destination: signets.destination,
    };
    let key = |actor| &stage.keys[&actor].encryption;
    for hardened in [false, true] {
        let bytes = stage.sealed_and_signed(&SealOptions {
            hardened,
            ..SealOptions::default()
        });
        let message = Message::parse(&bytes).expect("a good message");
        let (author, recipient) = (key(Actor::Author), key(Actor::Recipient));
        let verdicts = [
            open_as_author_with(&message, author, &signets, None, &policy),
            open_as_origin_with(&message, key(Actor::Origin), &origin, &policy),
            open_as_recipient_with(&message, recipient, &signets, &[], &policy),
        ];
        for verdict in verdicts {
            let refused = (!hardened).then_some(OpenError::NotHardened);
            assert_eq!(verdict.err(), refused);
        }
    }
}

#[test]
fn with_bucket_padding_the_line_does_not_tell_who_is_hardened() {
    let stage = Stage::new(Profile::Libdime);
    let size = |padding, hardened| {
        let bytes = stage.sealed_and_signed(&SealOptions {
            padding,
            hardened,
            ..SealOptions::default()
        });
        let message = Message::parse(&bytes).expect("a good message");
        let chunks = message.chunks().iter();
        chunks.map(|chunk| chunk.bytes.len()).collect::<Vec<_>>()
    };
    assert_eq!(size(Padding::Buckets, false), size(Padding::Buckets, true));
    assert_ne!(size(Padding::Random, false), size(Padding::Random, true));
}

#[test]
fn a_hardened_message_comes_back_to_its_author() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&options());
    let message = Message::parse(&bytes).expect("a good message");
    let (signets, key) = (stage.signets(), &stage.keys[&Actor::Author].encryption);
    for extent in BounceExtent::ALL {
        let bounced = bounce_as_destination(&message, extent).expect("a good message");
        let bounce = Bounce::parse(&bounced).expect("a bounce");
        let opened = verify_bounce_as_author(&bounce, key, &signets, None);
        assert!(opened.expect("the own letter").hardened, "{extent:?}");
        let origin = &stage.keys[&Actor::Origin].encryption;
        let told = verify_bounce_as_origin(&bounce, origin, signets.origin);
        assert_eq!(told.expect("it signed this").author, letter().author);
    }
}

#[test]
fn two_messages_of_one_stream_have_different_message_keys() {
    let stage = Stage::new(Profile::Libdime);
    let mut entropy = stream(7);
    let author = &stage.keys[&Actor::Author].signing;
    let mut sealed = || {
        seal(
            &letter(),
            &stage.signets(),
            author,
            &mut entropy,
            &options(),
        )
    };
    let (one, other) = (sealed().expect("good"), sealed().expect("good"));
    assert_ne!(certified_key(&stage, &one), certified_key(&stage, &other));
}

#[test]
fn chunk_5_must_be_signed_by_the_key_that_chunk_4_says() {
    let stage = Stage::new(Profile::Libdime);
    let author = stage.keys[&Actor::Author].signing.clone();
    let claimed = SealOptions {
        signers: [(ChunkType::Destination, author)].into(),
        ..options()
    };
    let unclaimed = SealOptions {
        signers: [(ChunkType::Destination, keys(77).signing)].into(),
        ..SealOptions::default()
    };
    for options in [claimed, unclaimed] {
        let bytes = stage.sealed_and_signed(&options);
        insta::allow_duplicates! {
            insta::assert_snapshot!(stage.verdicts(&bytes), @"
            author: failed to decrypt message
            origin: opened
            destination: opened
            recipient: failed to decrypt message
            ");
        }
    }
}

#[test]
fn a_message_key_that_the_author_did_not_sign_certifies_nothing() {
    let stage = Stage::new(Profile::Libdime);
    let bytes = stage.sealed_and_signed(&SealOptions {
        signers: [(ChunkType::Origin, keys(77).signing)].into(),
        ..options()
    });
    insta::assert_snapshot!(stage.verdicts(&bytes), @"
    author: failed to decrypt message
    origin: failed to decrypt message
    destination: opened
    recipient: failed to decrypt message
    ");
}

#[test]
fn a_message_key_that_is_the_authors_own_is_refused_before_it_travels() {
    let stage = Stage::new(Profile::Libdime);
    let author = &stage.keys[&Actor::Author].signing;
    let mut entropy = Keyed(Counting(0), *author.seed());
    let authored = seal(
        &letter(),
        &stage.signets(),
        author,
        &mut entropy,
        &options(),
    );
    let bytes = authored.expect("a good letter");
    for actor in [Actor::Author, Actor::Origin] {
        assert_eq!(stage.open(actor, &bytes), Err(OpenError::MessageKey));
    }
}

#[test]
fn a_message_key_of_small_order_verifies_nothing() {
    let stage = Stage::new(Profile::Libdime);
    let author = &stage.keys[&Actor::Author].signing;
    // R is the neutral point and S is zero: under a small-order key a lax verifier takes it.
    let mut lax = [0u8; 64];
    lax[0] = 1;
    let mut neutral = [0u8; 32];
    neutral[0] = 1;
    assert!(!VerifyingKey(neutral).verify(b"anything", &Signature(lax)));
    let bytes = stage.sealed_and_signed(&options());
    let mut payload = plaintext(&stage, Actor::Origin, &bytes, ChunkType::Origin);
    let label = b"Message-Key: [";
    let mut places = payload.windows(label.len());
    let place = places.position(|bytes| bytes == label).expect("its line") + label.len();
    let weak = encode_unpadded(&neutral);
    payload[place..place + weak.len()].copy_from_slice(weak.as_bytes());
    let signature = author.sign(&payload[64..]);
    payload[..64].copy_from_slice(&signature.0);
    let bytes = with_payload(&stage, &bytes, payload);
    assert_eq!(certified_key(&stage, &bytes), Some(VerifyingKey(neutral)));
    let opened = stage.open(Actor::Recipient, &bytes);
    assert_eq!(opened, Err(OpenError::Undecryptable));
}

#[test]
fn chunk_4_of_another_message_does_not_fit() {
    let stage = Stage::new(Profile::Libdime);
    let author = &stage.keys[&Actor::Author].signing;
    let sealed = |entropy| {
        let mut entropy = Counting(entropy);
        let authored = seal(
            &letter(),
            &stage.signets(),
            author,
            &mut entropy,
            &options(),
        );
        let keys = &stage.keys[&Actor::Origin];
        sign_as_origin(&authored.expect("good"), keys, Bounces::default(), None).expect("good")
    };
    let (one, other) = (sealed(0), sealed(100));
    // Whoever can open chunk 4, as the origin can, could put it elsewhere with the author's signature.
    let foreign = plaintext(&stage, Actor::Origin, &other, ChunkType::Origin);
    let transplanted = with_payload(&stage, &one, foreign);
    assert_eq!(
        certified_key(&stage, &transplanted),
        certified_key(&stage, &other)
    );
    insta::assert_snapshot!(stage.verdicts(&transplanted), @"
    author: failed to decrypt message
    origin: author's tree signature is not valid
    destination: origin's signature in chunk 255 (origin signature) is not valid
    recipient: failed to decrypt message
    ");
}

#[test]
fn the_published_vector_holds() {
    let document = include_str!("../../../HARDENED.md");
    let (author, own) = (
        SigningKey::from_seed([6; 32]),
        SigningKey::from_seed([5; 32]),
    );
    let origin = OriginEnvelope {
        author: "ann@one.example".to_owned(),
        author_fingerprint: Fingerprint::from_digest(&[1; 64]),
        destination: "two.example".to_owned(),
        destination_fingerprint: Fingerprint::from_digest(&[2; 64]),
        message_key: Some(own.public()),
    };
    let destination = DestinationEnvelope {
        recipient: "rob@two.example".to_owned(),
        recipient_fingerprint: Fingerprint::from_digest(&[3; 64]),
        origin: "one.example".to_owned(),
        origin_fingerprint: Fingerprint::from_digest(&[4; 64]),
    };
    let origin_text = origin.encode();
    for line in origin_text.lines().chain(destination.encode().lines()) {
        assert!(document.contains(&format!("{line}\n")), "{line}");
    }
    let payload = |text: &str, key: &SigningKey| {
        let mut out = Vec::new();
        lay_out(&mut out, Flags::NONE, text.as_bytes(), 0, 0);
        complete(&mut out, None, key);
        out
    };
    let (four, five) = (
        payload(&origin_text, &author),
        payload(&destination.encode(), &own),
    );
    assert_eq!((origin_text.len(), four.len(), five.len()), (330, 400, 336));
    for (name, bytes) in [
        ("author's key ", author.public().0.to_vec()),
        ("message key  ", own.public().0.to_vec()),
        ("signature 4  ", four[..64].to_vec()),
        ("signature 5  ", five[..64].to_vec()),
    ] {
        let line = format!("{name}= {}\n", hex::encode(bytes));
        assert!(document.contains(&line), "{line}");
    }
}

/// The message with another plaintext payload in chunk 4, under the key and keyslots it has.
fn with_payload(stage: &Stage, bytes: &[u8], mut payload: Vec<u8>) -> Vec<u8> {
    let message = Message::parse(bytes).expect("a good message");
    let chunk = message.chunk(ChunkType::Origin).expect("it has one");
    let kek = Kek::derive(&stage.keys[&Actor::Origin].encryption, message.ephemeral());
    let slot = chunk.slot(Actor::Origin).expect("it has one");
    ChunkKey::from_keyslot(&kek, slot).encrypt(&mut payload);
    let mut out = bytes.to_vec();
    let start = chunk.offset + 4;
    out[start..start + chunk.payload.len()].copy_from_slice(&payload);
    out
}

/// Entropy that counts, but for the message key.
struct Keyed(Counting, [u8; 32]);

impl MessageEntropy for Keyed {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.0.ephemeral_key()
    }
    fn message_key(&mut self) -> [u8; 32] {
        self.1
    }
    fn alternate_key(&mut self) -> [u8; 32] {
        self.0.alternate_key()
    }
    fn chunk_key(&mut self, index: usize) -> [u8; 32] {
        self.0.chunk_key(index)
    }
    fn chunk_iv(&mut self, index: usize) -> [u8; 16] {
        self.0.chunk_iv(index)
    }
    fn padding(&mut self, index: usize) -> u8 {
        self.0.padding(index)
    }
    fn slot(&mut self, index: usize, actor: Actor) -> [u8; 16] {
        self.0.slot(index, actor)
    }
}
