//! What sizes tell: the bucket padding against inherent leak I2.

use proptest::prelude::*;

use super::stage::*;
use crate::Profile;
use crate::message::*;
use crate::signet::*;

/// Payload sizes of all chunks of a letter from `author` to `recipient`, sealed with bucket padding.
fn sizes(author: &str, recipient: &str, seed: u8) -> Vec<(ChunkType, usize)> {
    let domain = |address: &str| {
        let (_, domain) = address.split_once('@').expect("an address");
        domain.to_owned()
    };
    let organization = |seed, address: &str| {
        let own = keys(seed);
        organization(&own.signing, &own.encryption.public(), Profile::Libdime)
            .sign(&own.signing, &domain(address))
            .expect("a good draft")
    };
    let user = |seed, organization, address: &str| {
        let request = request(&keys(seed), &[], None, Profile::Libdime).expect("a good request");
        issue(&request, &keys(organization).signing, &[], address).expect("a good request")
    };
    let signets = Signets {
        author: &user(1, 2, author),
        origin: &organization(2, author),
        destination: &organization(3, recipient),
        recipient: &user(4, 3, recipient),
    };
    let letter = Letter {
        author: author.to_owned(),
        recipient: recipient.to_owned(),
        origin: domain(author),
        destination: domain(recipient),
        ..letter()
    };
    let options = SealOptions {
        padding: Padding::Buckets,
        ..SealOptions::default()
    };
    let author_key = keys(1).signing;
    let authored = seal(&letter, &signets, &author_key, &mut stream(seed), &options);
    let signed = sign_as_origin(
        &authored.expect("a good letter"),
        &keys(2),
        Bounces::default(),
        None,
    );
    let signed = signed.expect("a good message");
    let message = Message::parse(&signed).expect("a good message");
    let recipient_key = keys(4).encryption;
    let opened = open_as_recipient(&message, &recipient_key, &signets, &[]);
    assert_eq!(opened.expect("a good message").common, Some(letter.common));
    let chunks = message.chunks().iter();
    chunks
        .map(|chunk| (chunk.kind, chunk.payload.len()))
        .collect()
}

/// A domain of exactly `length` characters, of labels that are short enough.
fn domain(length: usize) -> String {
    let mut out = "a".repeat(length);
    // A period at every 50th place, but neither at the end nor beside it.
    let places = (49..length.saturating_sub(1)).step_by(50);
    for place in places {
        out.replace_range(place..=place, ".");
    }
    out
}

/// An address of exactly `length` characters, the shortest possible domain being `least`.
fn address(length: usize, local: usize) -> String {
    let local = local.min(64).min(length.saturating_sub(4)).max(1);
    format!("{}@{}", "l".repeat(local), domain(length - local - 1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn buckets_do_not_tell_how_long_addresses_are(
        (author, recipient) in (5usize..=254, 5usize..=254),
        (left, right) in (1usize..=64, 1usize..=64),
        seed in any::<u8>(),
    ) {
        let shortest = sizes("a@b.c", "d@e.f", 0);
        let other = sizes(&address(author, left), &address(recipient, right), seed);
        prop_assert_eq!(shortest, other);
    }
}

#[test]
fn the_longest_names_still_fit_the_envelope_bucket() {
    let longest = address(254, 64);
    assert_eq!(longest.len(), 254);
    let sizes = sizes(&longest, &longest, 7);
    for kind in [ChunkType::Origin, ChunkType::Destination] {
        assert!(sizes.contains(&(kind, 1024)), "{kind}: {sizes:?}");
    }
}

#[test]
fn bodies_of_one_bucket_look_alike_and_are_read() {
    let stage = Stage::new(Profile::Libdime);
    let options = SealOptions {
        padding: Padding::Buckets,
        ..SealOptions::default()
    };
    let size = |body: usize| {
        let letter = Letter {
            display: vec![Part::plain(vec![b'x'; body])],
            ..letter()
        };
        let bytes = stage.seal_letter(&letter, &options).expect("a good letter");
        let message = Message::parse(&bytes).expect("a good message");
        for chunk in message
            .chunks()
            .iter()
            .filter(|chunk| chunk.kind.is_standard())
        {
            let size = chunk.payload.len();
            assert!([1024, 2048].contains(&size) || size.is_multiple_of(4096));
        }
        let opened = stage.open(Actor::Author, &bytes).expect("a good message");
        assert_eq!(opened.display[0].data, letter.display[0].data);
        assert_eq!(opened.display[0].flags, Flags::ALTERNATE_PADDING);
        bytes.len()
    };
    // The head of a payload takes 69 bytes and its padding at least one.
    assert_eq!(size(1), size(1024 - 70));
    assert_ne!(size(1024 - 70), size(1024 - 69));
    assert_eq!(size(1024 - 69), size(2048 - 70));
    assert_eq!(size(4096 - 69), size(8192 - 70));
    assert_eq!(size(8192 - 69), size(12_288 - 70));
}

#[test]
fn how_padding_is_made_changes_no_other_random_value() {
    let stage = Stage::new(Profile::Libdime);
    let sealed = |padding| {
        let author = &stage.keys[&Actor::Author].signing;
        let options = SealOptions {
            padding,
            ..SealOptions::default()
        };
        seal(
            &letter(),
            &stage.signets(),
            author,
            &mut stream(1),
            &options,
        )
        .expect("a good letter")
    };
    let (random, buckets) = (sealed(Padding::Random), sealed(Padding::Buckets));
    let (random, buckets) = (
        Message::parse(&random).expect("good"),
        Message::parse(&buckets).expect("good"),
    );
    for (one, other) in random.chunks().iter().zip(buckets.chunks()) {
        assert_eq!(one.slots, other.slots, "{}", one.kind);
    }
}
