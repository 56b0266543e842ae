//! What is written is read again, for the types whose modules do not say so of themselves: keys in
//! files, envelopes, headers, fingerprints, secondary keys, the alternate layer.

use dime_wire::Profile;
use dime_wire::alternate::Agreement;
use dime_wire::keys::{
    AlternateKey, EncryptionKey, KeyOwner, PrivateKeys, SigningKey, VerifyingKey,
};
use dime_wire::message::{ChunkType, CommonHeaders, DestinationEnvelope, OriginEnvelope};
use dime_wire::signet::{Fingerprint, Permissions, SecondaryKey};
use proptest::prelude::*;

fn owner() -> impl Strategy<Value = KeyOwner> {
    prop_oneof![Just(KeyOwner::User), Just(KeyOwner::Organization)]
}

fn profile() -> impl Strategy<Value = Profile> {
    prop_oneof![Just(Profile::Libdime), Just(Profile::Magma)]
}

fn keys() -> impl Strategy<Value = PrivateKeys> {
    any::<([u8; 32], [u8; 32])>().prop_map(|(seed, random)| PrivateKeys {
        signing: SigningKey::from_seed(seed),
        encryption: EncryptionKey::derive(random),
    })
}

fn fingerprint() -> impl Strategy<Value = Fingerprint> {
    proptest::array::uniform32(any::<u16>()).prop_map(|numbers| {
        let mut digest = [0; 64];
        for (pair, number) in digest.chunks_exact_mut(2).zip(numbers) {
            pair.copy_from_slice(&number.to_be_bytes());
        }
        Fingerprint::from_digest(&digest)
    })
}

fn line() -> impl Strategy<Value = String> {
    "[^\r\n]{0,40}"
}

proptest! {
    #[test]
    fn keys_come_back_from_their_file(keys in keys(), owner in owner(), profile in profile()) {
        let file = keys.to_file(owner, profile);
        prop_assert!(PrivateKeys::from_file(&file) == Ok((owner, keys.clone())));
        let text = keys.to_armor(owner, profile);
        prop_assert!(PrivateKeys::from_armor(&text) == Ok((owner, keys)));
    }

    #[test]
    fn a_changed_key_file_is_refused_or_says_something_else(
        keys in keys(), owner in owner(), profile in profile(),
        at in any::<prop::sample::Index>(), by in 1..=255u8,
    ) {
        let mut file = keys.to_file(owner, profile).to_vec();
        let at = at.index(file.len());
        file[at] ^= by;
        prop_assert!(PrivateKeys::from_file(&file) != Ok((owner, keys)));
    }

    #[test]
    fn a_key_alone_comes_back_from_its_armour(keys in keys()) {
        let signing = SigningKey::from_armor(&keys.signing.to_armor());
        prop_assert_eq!(signing.map(|key| *key.seed()), Ok(*keys.signing.seed()));
        let encryption = EncryptionKey::from_armor(&keys.encryption.to_armor());
        prop_assert_eq!(encryption.map(|key| key.public()), Ok(keys.encryption.public()));
    }

    #[test]
    fn no_text_makes_reading_keys_panic(text in "(-----BEGIN [A-Z ]{0,20}-----\n)?[A-Za-z0-9+/=\n-]{0,200}") {
        let _ = PrivateKeys::from_armor(&text);
        let _ = SigningKey::from_armor(&text);
        let _ = EncryptionKey::from_armor(&text);
        let _ = PrivateKeys::from_file(text.as_bytes());
    }

    #[test]
    fn an_envelope_comes_back(
        (user, domain) in ("[a-z0-9.]{0,9}[a-z]", "[a-z0-9]{1,20}\\.example"),
        prints in (fingerprint(), fingerprint()),
        key in proptest::option::of(any::<[u8; 32]>()),
    ) {
        let address = format!("{user}@{domain}");
        prop_assume!(dime_wire::name::is_address(&address));
        let origin = OriginEnvelope {
            author: address.clone(),
            author_fingerprint: prints.0.clone(),
            destination: domain.clone(),
            destination_fingerprint: prints.1.clone(),
            message_key: key.map(VerifyingKey),
        };
        prop_assert_eq!(OriginEnvelope::parse(origin.encode().as_bytes()), Ok(origin));
        let destination = DestinationEnvelope {
            recipient: address,
            recipient_fingerprint: prints.0,
            origin: domain,
            origin_fingerprint: prints.1,
        };
        let text = destination.encode();
        prop_assert_eq!(DestinationEnvelope::parse(text.as_bytes()), Ok(destination));
    }

    #[test]
    fn headers_come_back(
        fixed in (line(), line(), line(), line()),
        cc in proptest::option::of(line()),
        organization in proptest::option::of(line()),
    ) {
        let (date, to, from, subject) = fixed;
        let headers = CommonHeaders { date, to, cc, from, organization, subject };
        let text = headers.encode();
        prop_assert!(text.is_ok());
        prop_assert_eq!(CommonHeaders::parse(text.unwrap_or_default().as_bytes()), Ok(headers));
    }

    #[test]
    fn no_bytes_make_reading_texts_of_messages_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CommonHeaders::parse(&bytes);
        let _ = OriginEnvelope::parse(&bytes);
        let _ = DestinationEnvelope::parse(&bytes);
        let _ = SecondaryKey::from_bytes(&bytes);
    }

    #[test]
    fn a_fingerprint_comes_back(print in fingerprint()) {
        prop_assert_eq!(Fingerprint::parse(print.as_str()), Ok(print));
    }

    #[test]
    fn a_secondary_key_comes_back(permissions in any::<u8>(), key in any::<[u8; 32]>()) {
        let key = SecondaryKey {
            permissions: Permissions(permissions),
            key: VerifyingKey(key),
        };
        prop_assert_eq!(SecondaryKey::from_bytes(&key.to_bytes()), Some(key));
    }

    #[test]
    fn what_the_alternate_layer_seals_is_opened_by_the_other_side(
        secrets in any::<([u8; 32], [u8; 32])>(),
        (index, flags) in (0..100usize, any::<u8>()),
        data in prop::collection::vec(any::<u8>(), 0..100),
        damage in any::<prop::sample::Index>(),
    ) {
        let (ephemeral, own) = (AlternateKey::from_bytes(secrets.0), AlternateKey::from_bytes(secrets.1));
        let author = Agreement::as_author(&ephemeral, &own.public());
        let recipient = Agreement::as_recipient(&own, &ephemeral.public());
        let (Some(author), Some(recipient)) = (author, recipient) else {
            return Err(TestCaseError::fail("no key here is of small order"));
        };
        let mut sealed = data.clone();
        let tag = author.seal(ChunkType::Display, index, flags, &mut sealed);
        sealed.extend_from_slice(&tag);
        let mut damaged = sealed.clone();
        prop_assert_eq!(recipient.open(ChunkType::Display, index, flags, &mut sealed), Some(()));
        prop_assert_eq!(sealed, data);
        let at = damage.index(damaged.len());
        damaged[at] ^= 1;
        prop_assert_eq!(recipient.open(ChunkType::Display, index, flags, &mut damaged), None);
    }
}
