//! Encrypted key files: a key file under the 64-byte key of a STACIE realm (spec/70 §2, spec/90
//! item 10).
//!
//! Behind its header the file is what STACIE stores for a user, without the serial: the
//! fields of the key file are the secret.

use super::{KeyError, KeyOwner, PrivateKeys};
use crate::Profile;
use crate::armor;
use crate::reader::{Reader, big_endian};
use crate::stacie::RealmKey;

/// Bytes of the serial in a realm envelope, which an encrypted key file does not have.
const SERIAL: usize = 2;
/// Bytes behind the header: vector shard (16), masked tag (16) and 80 of ciphertext, to which both
/// profiles' fields, 69 and 68 bytes, are padded.
const SEALED: usize = 112;

impl KeyOwner {
    fn sealed_magic(self) -> u16 {
        match self {
            Self::Organization => 1947,
            Self::User => 1976,
        }
    }

    fn sealed_tag(self) -> &'static str {
        match self {
            Self::Organization => "ENCRYPTED ORGANIZATIONAL KEY",
            Self::User => "ENCRYPTED USER KEY",
        }
    }
}

/// Encrypted key files.
impl PrivateKeys {
    /// The key file, sealed: magic 1947 or 1976 (2), size of the rest (4), vector shard (16),
    /// masked tag (16), ciphertext of the length of the fields (3), the padding length (1), the
    /// fields of the key file and the padding, each byte of which is its length.
    ///
    /// `vector_shard` must be random and never be used again under the same key. Profile Magma
    /// is the form that other programs read.
    pub fn seal(
        &self,
        owner: KeyOwner,
        profile: Profile,
        key: &RealmKey,
        vector_shard: [u8; 16],
    ) -> Vec<u8> {
        let envelope = key
            .encrypt(0, &self.fields(owner, profile), vector_shard)
            .expect("a key file is as long as a realm's secret may be");
        let sealed = envelope.get(SERIAL..).unwrap_or_default();
        let mut file = Vec::with_capacity(6 + SEALED);
        file.extend_from_slice(&owner.sealed_magic().to_be_bytes());
        file.extend_from_slice(&big_endian::<4>(sealed.len()));
        file.extend_from_slice(sealed);
        file
    }

    /// Opens a sealed key file of either profile. All failures are [`KeyError::Sealed`].
    pub fn open(file: &[u8], key: &RealmKey) -> Result<(KeyOwner, Self), KeyError> {
        open(file, key).ok_or(KeyError::Sealed)
    }

    /// The sealed key file in armour.
    pub fn seal_armored(
        &self,
        owner: KeyOwner,
        profile: Profile,
        key: &RealmKey,
        vector_shard: [u8; 16],
    ) -> String {
        let file = self.seal(owner, profile, key, vector_shard);
        armor::encode(owner.sealed_tag(), &file)
    }

    /// Opens an armoured sealed key file; the tag must fit the magic number.
    ///
    /// # Errors
    /// [`KeyError::Armor`] for the text around it, [`KeyError::Sealed`] for all that is inside.
    pub fn open_armored(text: &str, key: &RealmKey) -> Result<(KeyOwner, Self), KeyError> {
        let (tag, file) = armor::decode(text).map_err(|_| KeyError::Armor)?;
        let (owner, keys) = Self::open(&file, key)?;
        if tag == owner.sealed_tag() {
            Ok((owner, keys))
        } else {
            Err(KeyError::Armor)
        }
    }
}

fn open(file: &[u8], key: &RealmKey) -> Option<(KeyOwner, PrivateKeys)> {
    let mut reader = Reader::new(file);
    let owner = match reader.number(2)? {
        1947 => KeyOwner::Organization,
        1976 => KeyOwner::User,
        _ => return None,
    };
    let size = reader.number(4)?;
    if size != reader.rest().len() || size != SEALED {
        return None;
    }
    let envelope = [&[0; SERIAL], reader.rest()].concat();
    let (_, fields) = key.decrypt(&envelope).ok()?;
    let keys = PrivateKeys::from_fields(&fields, owner)?.ok()?;
    Some((owner, keys))
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::consts::U16;
    use aes_gcm::aead::inout::InOutBuf;
    use aes_gcm::aes::Aes256;
    use aes_gcm::{AeadInOut as _, AesGcm, KeyInit as _};
    use proptest::prelude::*;

    use super::*;
    use crate::keys::{EncryptionKey, SigningKey};

    fn keys(seed: u8) -> PrivateKeys {
        PrivateKeys {
            signing: SigningKey::from_seed([seed; 32]),
            encryption: EncryptionKey::derive([seed; 32]),
        }
    }

    fn realm(seed: u8) -> RealmKey {
        RealmKey::from_bytes([seed; 64])
    }

    #[test]
    fn a_sealed_key_file_comes_back_in_both_profiles() {
        for owner in [KeyOwner::Organization, KeyOwner::User] {
            for profile in [Profile::Libdime, Profile::Magma] {
                let file = keys(1).seal(owner, profile, &realm(2), [3; 16]);
                assert_eq!(file.len(), 6 + SEALED);
                assert_eq!(PrivateKeys::open(&file, &realm(2)), Ok((owner, keys(1))));
                let text = keys(1).seal_armored(owner, profile, &realm(2), [3; 16]);
                assert_eq!(
                    PrivateKeys::open_armored(&text, &realm(2)),
                    Ok((owner, keys(1)))
                );
            }
        }
    }

    #[test]
    fn the_layout_is_the_published_one() {
        let mut key = [0u8; 64];
        for (index, byte) in key.iter_mut().enumerate() {
            *byte = index as u8;
        }
        let key = RealmKey::from_bytes(key);
        let file = keys(7).seal(KeyOwner::User, Profile::Magma, &key, [0xa0; 16]);
        assert_eq!(hex::encode(&file[..6]), "07b800000070");
        assert_eq!(file[6..22], [0xa0; 16]);
        // The same by hand: vector and tag unmasked, plaintext taken apart.
        let cipher = AesGcm::<Aes256, U16>::new(key.as_bytes()[32..].try_into().expect("32 bytes"));
        let unmask = |at: usize, from: usize| {
            let mut out = [0u8; 16];
            for index in 0..16 {
                out[index] = file[at + index] ^ key.as_bytes()[from + index];
            }
            out
        };
        let mut text = file[38..].to_vec();
        let opened = cipher.decrypt_inout_detached(
            &unmask(6, 0).into(),
            &[],
            InOutBuf::from(text.as_mut_slice()),
            &unmask(22, 16).into(),
        );
        assert!(opened.is_ok());
        let plain = keys(7).to_file(KeyOwner::User, Profile::Magma);
        let wanted = [&[0, 0, 68, 8], &plain[5..], &[8; 8]].concat();
        assert_eq!(text, wanted);
    }

    #[test]
    fn every_failure_to_open_is_the_same_error() {
        let file = keys(1).seal(KeyOwner::User, Profile::Magma, &realm(2), [3; 16]);
        let refused = |file: &[u8], key: &RealmKey| {
            assert_eq!(PrivateKeys::open(file, key), Err(KeyError::Sealed));
        };
        refused(&file, &realm(3));
        for index in 0..file.len() {
            let mut changed = file.clone();
            changed[index] ^= 1;
            refused(&changed, &realm(2));
            refused(&file[..index], &realm(2));
        }
        let mut other_owner = file.clone();
        other_owner[..2].copy_from_slice(&1947u16.to_be_bytes());
        refused(&other_owner, &realm(2));
        refused(&[file.as_slice(), &[0]].concat(), &realm(2));
    }

    #[test]
    fn the_tag_must_fit_the_owner() {
        let file = keys(1).seal(KeyOwner::User, Profile::Magma, &realm(2), [3; 16]);
        let text = armor::encode("ENCRYPTED ORGANIZATIONAL KEY", &file);
        assert_eq!(
            PrivateKeys::open_armored(&text, &realm(2)),
            Err(KeyError::Armor)
        );
    }

    proptest! {
        #[test]
        fn any_keys_come_back_and_no_bytes_make_opening_panic(
            seeds in any::<[[u8; 32]; 2]>(),
            key in any::<[u8; 32]>(),
            shard in any::<[u8; 16]>(),
            junk in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let keys = PrivateKeys {
                signing: SigningKey::from_seed(seeds[0]),
                encryption: EncryptionKey::derive(seeds[1]),
            };
            let key = RealmKey::from_bytes([key, seeds[0]].concat().try_into().expect("64 bytes"));
            let file = keys.seal(KeyOwner::Organization, Profile::Libdime, &key, shard);
            prop_assert_eq!(PrivateKeys::open(&file, &key), Ok((KeyOwner::Organization, keys)));
            prop_assert_eq!(PrivateKeys::open(&junk, &key), Err(KeyError::Sealed));
        }
    }
}
