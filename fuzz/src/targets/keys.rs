//! Key files, plain and sealed, keys alone in armour, and what STACIE stores.

use dime_wire::Profile;
use dime_wire::dissect;
use dime_wire::keys::{EncryptionKey, EncryptionPublicKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::stacie::{
    Identity, Key, MAIL_REALM, MAXIMUM_ROUNDS, MINIMUM_ROUNDS, RealmForm, RealmKey, Rounds,
    SALT_SIZE,
};

use crate::secrets::absent;
use crate::world::WORLD;

/// Bytes of a STACIE envelope in front of its ciphertext: serial, vector shard, tag.
const ENVELOPE: usize = 34;
/// Vector shard, masked tag and ciphertext of a sealed key file.
const SEALED: usize = 112;

/// Whatever is read is written as it was, in one of the profiles, and never printed.
pub fn key_file(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        if let Ok((owner, keys)) = PrivateKeys::from_armor(text) {
            unprinted(&keys);
            let again = PrivateKeys::from_armor(&keys.to_armor(owner, Profile::Libdime));
            assert!(again == Ok((owner, keys)));
        }
        if let Ok(key) = SigningKey::from_armor(text) {
            absent(&key, key.seed());
        }
        if let Ok(key) = EncryptionKey::from_armor(text) {
            absent(&key, key.to_bytes().as_slice());
        }
        if let Ok(key) = EncryptionPublicKey::from_armor(text) {
            assert_eq!(EncryptionPublicKey::from_armor(&key.to_armor()), Ok(key));
        }
    }
    if let Ok((owner, keys)) = PrivateKeys::from_file(input) {
        unprinted(&keys);
        let forms = [Profile::Libdime, Profile::Magma];
        let mut written = forms
            .map(|profile| keys.to_file(owner, profile))
            .into_iter();
        assert!(
            written.any(|file| file.as_slice() == input),
            "written as read"
        );
        assert_eq!(dissect::dissect(input).problems(), [], "taken strictly");
    }
}

fn unprinted(keys: &PrivateKeys) {
    absent(keys, keys.signing.seed());
    absent(keys, keys.encryption.to_bytes().as_slice());
}

/// Sealed key files: as they come, and with any bytes sealed in them under the right key.
pub fn sealed_keys(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = PrivateKeys::open_armored(text, &WORLD.realm);
    }
    judge(input);
    // The fields of a plain key file stand behind its header of five bytes.
    for fields in [input, input.get(5..).unwrap_or_default()] {
        let Ok(envelope) = WORLD.realm.encrypt(0, fields, [6; 16]) else {
            continue;
        };
        let sealed = envelope.get(2..).unwrap_or_default();
        for magic in [1947u16, 1976] {
            let size = u32::try_from(sealed.len()).unwrap_or_default();
            let head = [&magic.to_be_bytes()[..], &size.to_be_bytes()[..]].concat();
            judge(&[&head, sealed].concat());
        }
    }
}

fn judge(file: &[u8]) {
    if let Ok((owner, keys)) = PrivateKeys::open(file, &WORLD.realm) {
        unprinted(&keys);
        assert_eq!(file.len(), 6 + SEALED);
        let again = keys.seal(owner, Profile::Libdime, &WORLD.realm, [1; 16]);
        let read = PrivateKeys::open(&again, &WORLD.realm);
        assert!(read == Ok((owner, keys)), "sealed again");
        let is_organization = file.get(1) == Some(&0x9b);
        assert_eq!(owner == KeyOwner::Organization, is_organization);
    }
}

/// Envelopes of a realm: what is encrypted comes back, and any change to it is noticed.
pub fn stacie(input: &[u8]) {
    absent(&WORLD.realm, WORLD.realm.as_bytes());
    let _ = WORLD.realm.decrypt(input);
    let Ok(envelope) = WORLD.realm.encrypt(7, input, [3; 16]) else {
        return;
    };
    let opened = WORLD
        .realm
        .decrypt(&envelope)
        .expect("what we encrypt is decrypted");
    assert_eq!((opened.0, opened.1.as_slice()), (7, input));
    let at = 2 + input.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    let mut damaged = envelope;
    let at = at.checked_rem(damaged.len()).unwrap_or_default();
    if at >= 2
        && let Some(byte) = damaged.get_mut(at)
    {
        *byte ^= 1;
        assert!(WORLD.realm.decrypt(&damaged).is_err(), "authenticated");
    }
    damaged.truncate(ENVELOPE);
    assert!(WORLD.realm.decrypt(&damaged).is_err());
}

/// An account of any name, salt and password: how many rounds it needs, and what is derived, in as few
/// rounds as there may be, is never printed. The input is the bonus rounds (8 bytes), the name and a
/// zero byte, and the password; its beginning is the salt.
pub fn account(input: &[u8]) {
    let Some((bonus, rest)) = input.split_first_chunk::<8>() else {
        return;
    };
    let end = rest.iter().position(|byte| *byte == 0);
    let (name, password) = rest.split_at(end.unwrap_or(rest.len()));
    let password = password.get(1..).unwrap_or_default();
    if let Ok(rounds) = Rounds::for_password(password, u64::from_be_bytes(*bonus)) {
        assert!((MINIMUM_ROUNDS..=MAXIMUM_ROUNDS).contains(&rounds.get()));
    }
    let mut salt = input.to_vec();
    // Now and then one that is too long.
    salt.resize(SALT_SIZE + usize::from(input.len().is_multiple_of(16)), 0);
    let name = std::str::from_utf8(name).unwrap_or_default();
    let Ok(identity) = Identity::new(name, &salt) else {
        assert_ne!(salt.len(), SALT_SIZE);
        return;
    };
    let few = Rounds::new(MINIMUM_ROUNDS).expect("few, but enough");
    let Ok(keys) = identity.derive(password, few) else {
        assert!(password.is_empty(), "any other password yields keys");
        return;
    };
    let token = identity.verification_token(&keys.password_key);
    let login = identity.login_token(&token, &salt);
    let login = login.expect("a salt is as long as a nonce");
    for secret in [&keys.seed, &keys.master_key, &keys.password_key] {
        absent(&(&keys, &token, &login), secret.as_bytes());
    }
    let shard = Key::from_bytes([1; 64]);
    for form in [RealmForm::Legacy, RealmForm::Salted] {
        let realm = RealmKey::derive(&identity, &keys.master_key, MAIL_REALM, &shard, form);
        absent(&realm, realm.as_bytes());
    }
}
