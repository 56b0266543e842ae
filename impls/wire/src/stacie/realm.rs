//! The encryption of what a site stores for a user, under a key made from the password and a shard
//! that the site keeps (spec/60 §4).

use aes_gcm::aead::consts::U16;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aes::Aes256;
use aes_gcm::{AeadInOut as _, AesGcm, KeyInit as _};
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{Identity, KEY_SIZE, Key, StacieError};
use crate::reader::{Reader, big_endian};

/// Longest secret that a realm envelope holds, in bytes.
pub const MAXIMUM_SECRET: usize = 0xff_ffff;
/// Bytes of a realm envelope in front of the ciphertext: serial, vector shard and masked tag.
pub const ENVELOPE_HEADER: usize = 2 + 16 + 16;
/// The only realm in use: a user's mail.
pub const MAIL_REALM: &str = "mail";

/// Realm plaintexts are a multiple of this.
const REALM_BLOCK: usize = 16;
/// Bytes of a realm plaintext in front of the secret: its length (3) and that of the padding (1).
const REALM_PREFIX: usize = 4;

/// AES-256-GCM with the 16-byte vector that STACIE gives it.
type RealmCipher = AesGcm<Aes256, U16>;

/// How a realm key is made (spec/60 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RealmForm {
    /// The shard is hashed with the master key; libdime's only form, Magma's older one.
    #[default]
    Legacy,
    /// The salt is hashed in place of the shard; Magma's form for new accounts and rotated shards.
    Salted,
}

/// The key of one realm of one user: vector key (16), tag key (16), cipher key (32).
#[derive(Clone, PartialEq, Eq, Debug, ZeroizeOnDrop)]
pub struct RealmKey(Key);

impl RealmKey {
    /// SHA-512(master key || label || X) xor shard, X being the shard or the identity's salt.
    pub fn derive(
        identity: &Identity<'_>,
        master_key: &Key,
        label: &str,
        shard: &Key,
        form: RealmForm,
    ) -> Self {
        let mut hash = Sha512::new();
        hash.update(master_key.0);
        hash.update(label.as_bytes());
        match form {
            RealmForm::Legacy => hash.update(shard.0),
            RealmForm::Salted => hash.update(identity.salt),
        }
        let mut key = Key(hash.finalize().into());
        for (byte, mask) in key.0.iter_mut().zip(shard.0) {
            *byte ^= mask;
        }
        Self(key)
    }

    /// The realm key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_SIZE]) -> Self {
        Self(Key(bytes))
    }

    /// The bytes: vector key, tag key, cipher key.
    pub fn as_bytes(&self) -> &[u8; KEY_SIZE] {
        &self.0.0
    }

    /// Encrypts a secret of 1 to [`MAXIMUM_SECRET`] bytes:
    /// serial (2), vector shard (16), tag xor tag key (16), ciphertext.
    ///
    /// `vector_shard` is random and never used twice. `serial` numbers the generation of the shard;
    /// it is **not authenticated**, so a reader must not rely on it beyond choosing a key.
    pub fn encrypt(
        &self,
        serial: u16,
        secret: &[u8],
        vector_shard: [u8; 16],
    ) -> Result<Vec<u8>, StacieError> {
        if secret.is_empty() || secret.len() > MAXIMUM_SECRET {
            return Err(StacieError::Secret);
        }
        let mut body = pad(secret);
        let tag: [u8; 16] = self
            .cipher()
            .encrypt_inout_detached(
                &self.vector(vector_shard).into(),
                &[],
                InOutBuf::from(body.as_mut_slice()),
            )
            .expect("a secret is far below the length limit of GCM")
            .into();
        let mut envelope = Vec::with_capacity(ENVELOPE_HEADER + body.len());
        envelope.extend_from_slice(&serial.to_be_bytes());
        envelope.extend_from_slice(&vector_shard);
        envelope.extend_from_slice(&self.masked_tag(tag));
        envelope.extend_from_slice(&body);
        Ok(envelope)
    }

    /// Opens an envelope and returns its serial, which is not authenticated, and the secret.
    ///
    /// Envelopes of secrets of 1 to 11 bytes, 50 bytes long, are accepted; libdime writes them and
    /// cannot read them.
    pub fn decrypt(&self, envelope: &[u8]) -> Result<(u16, Zeroizing<Vec<u8>>), StacieError> {
        self.open(envelope).ok_or(StacieError::Decryption)
    }

    fn open(&self, envelope: &[u8]) -> Option<(u16, Zeroizing<Vec<u8>>)> {
        let mut reader = Reader::new(envelope);
        let serial = u16::from_be_bytes(reader.array()?);
        let vector = self.vector(reader.array()?);
        let tag = self.masked_tag(reader.array()?);
        let longest = (REALM_PREFIX + MAXIMUM_SECRET).next_multiple_of(REALM_BLOCK);
        if !(REALM_BLOCK..=longest).contains(&reader.rest().len()) {
            return None;
        }
        let mut body = Zeroizing::new(reader.rest().to_vec());
        let inout = InOutBuf::from(body.as_mut_slice());
        self.cipher()
            .decrypt_inout_detached(&vector.into(), &[], inout, &tag.into())
            .ok()?;
        unpad(&body).map(|secret| (serial, secret))
    }

    fn cipher(&self) -> RealmCipher {
        RealmCipher::new(self.cipher_key().into())
    }

    /// The first 16 bytes: masks the vector.
    pub fn vector_key(&self) -> &[u8; 16] {
        self.parts().0
    }

    /// The next 16 bytes: masks the tag.
    pub fn tag_key(&self) -> &[u8; 16] {
        self.parts().1
    }

    /// The last 32 bytes: the AES-256 key.
    pub fn cipher_key(&self) -> &[u8; 32] {
        self.parts().2
    }

    fn parts(&self) -> (&[u8; 16], &[u8; 16], &[u8; 32]) {
        let parts = self.0.0.split_first_chunk().and_then(|(vector, rest)| {
            let (tag, cipher) = rest.split_first_chunk()?;
            Some((vector, tag, cipher.try_into().ok()?))
        });
        parts.expect("64 bytes are 16, 16 and 32")
    }

    fn vector(&self, shard: [u8; 16]) -> [u8; 16] {
        xor(shard, self.vector_key())
    }

    fn masked_tag(&self, tag: [u8; 16]) -> [u8; 16] {
        xor(tag, self.tag_key())
    }
}

/// Length of the secret (3), length of the padding (1), the secret, and 1 to 16 bytes of padding,
/// each of which is its length. The caller has checked that the length fits.
fn pad(secret: &[u8]) -> Zeroizing<Vec<u8>> {
    let used = REALM_PREFIX + secret.len();
    let padding = REALM_BLOCK - used % REALM_BLOCK;
    let mut body = Zeroizing::new(Vec::with_capacity(used + padding));
    body.extend_from_slice(&big_endian::<3>(secret.len()));
    body.extend_from_slice(&big_endian::<1>(padding));
    body.extend_from_slice(secret);
    body.resize(used + padding, padding as u8);
    body
}

/// The secret, if every byte around it is as [`pad`] writes it.
fn unpad(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let size = Reader::new(body).number(3)?;
    let secret = body.get(REALM_PREFIX..)?.get(..size)?;
    let written = (size > 0).then(|| pad(secret))?;
    let matches: bool = written.as_slice().ct_eq(body).into();
    matches.then(|| Zeroizing::new(secret.to_vec()))
}

fn xor(mut left: [u8; 16], right: &[u8; 16]) -> [u8; 16] {
    for (byte, mask) in left.iter_mut().zip(right) {
        *byte ^= mask;
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{SALT, SHARD, bytes, key};
    use super::*;
    use crate::encoding::encode_url_safe;

    fn realm_key() -> RealmKey {
        RealmKey::from_bytes(std::array::from_fn(|position| position as u8))
    }

    #[test]
    fn both_realm_keys_of_the_notes_are_met() {
        let salt = bytes(SALT);
        let user = Identity::new("user@example.tld", &salt).expect("a good salt");
        let master = key(
            "u-pbHPk-YbEY76DFA-X55HOS8BLxPGMY6oViDUed4fXrmlV1pRIpDem26P_1RBeCaWc09btoSP3E_fEF0ffxZA",
        );
        let parts = |form| {
            let key = RealmKey::derive(&user, &master, MAIL_REALM, &key(SHARD), form);
            [
                encode_url_safe(key.vector_key()),
                encode_url_safe(key.tag_key()),
                encode_url_safe(key.cipher_key()),
            ]
        };
        assert_eq!(
            parts(RealmForm::Legacy),
            [
                "u18KkHQ1jtcvsx-p__1JeA",
                "xMkMCh6awjwqnDoE3oWGHw",
                "QLkIIqMf2eLUxcobqwrjCfCXRcCHL5ZCeHq5Guh-9q4"
            ]
        );
        assert_eq!(
            parts(RealmForm::Salted),
            [
                "DX9LlRlCNfa5AnEuF9O_Pg",
                "1vjVrd-vMoyP7hOvN-CbSw",
                "5o-vd1fYBMWIxpZc1TRBQLZGBr0GLcFa1BU6yeuoW5Q"
            ]
        );
    }

    #[test]
    fn secrets_at_the_limits_come_back_and_beyond_are_refused() {
        let key = realm_key();
        assert_eq!(key.encrypt(0, b"", [0; 16]), Err(StacieError::Secret));
        for (size, envelope_size) in [
            (1, 50),
            (11, 50),
            (12, 66),
            (MAXIMUM_SECRET, 34 + (1 << 24) + 16),
        ] {
            let secret = vec![b's'; size];
            let envelope = key.encrypt(7, &secret, [3; 16]).expect("within the limit");
            assert_eq!(envelope.len(), envelope_size);
            let (serial, opened) = key.decrypt(&envelope).expect("the same key");
            assert_eq!((serial, opened.as_slice() == secret), (7, true), "{size}");
        }
        let secret = vec![0; MAXIMUM_SECRET + 1];
        assert_eq!(key.encrypt(0, &secret, [0; 16]), Err(StacieError::Secret));
    }

    #[test]
    fn a_wrong_length_or_padding_is_refused_although_the_tag_is_right() {
        let key = realm_key();
        let good = b"\0\0\x0b\x01elevenbytes\x01".to_vec();
        for (position, value) in [(0, 1), (2, 10), (2, 12), (3, 2), (15, 2)] {
            let mut body = good.clone();
            body[position] = value;
            assert_eq!(
                key.decrypt(&sealed(&key, &body)),
                Err(StacieError::Decryption)
            );
        }
        assert!(key.decrypt(&sealed(&key, &good)).is_ok());
        let mut empty = vec![0, 0, 0, 12];
        empty.extend([12; 12]);
        assert!(key.decrypt(&sealed(&key, &empty)).is_err());
        assert!(
            key.decrypt(&sealed(&key, &[good, vec![1; 16]].concat()))
                .is_err()
        );
    }

    /// An envelope whose plaintext is `body` as it is.
    fn sealed(key: &RealmKey, body: &[u8]) -> Vec<u8> {
        let mut body = body.to_vec();
        let inout = InOutBuf::from(body.as_mut_slice());
        let vector = key.vector([0; 16]).into();
        let tag = key.cipher().encrypt_inout_detached(&vector, &[], inout);
        let tag = key.masked_tag(tag.expect("short").into());
        [&[0; 18], tag.as_slice(), &body].concat()
    }

    proptest! {
        #[test]
        fn an_envelope_opens_unless_anything_but_its_serial_changed(
            secret in prop::collection::vec(any::<u8>(), 1..200),
            serial: u16,
            shard: [u8; 16],
            place: prop::sample::Index,
            bit in 0..8u8,
        ) {
            let key = realm_key();
            let mut envelope = key.encrypt(serial, &secret, shard).expect("within the limit");
            let (read, opened) = key.decrypt(&envelope).expect("the same key");
            prop_assert_eq!((read, opened.as_slice()), (serial, secret.as_slice()));
            let place = place.index(envelope.len());
            envelope[place] ^= 1 << bit;
            prop_assert_eq!(key.decrypt(&envelope).is_ok(), place < 2);
        }

        #[test]
        fn foreign_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            prop_assert_eq!(realm_key().decrypt(&bytes), Err(StacieError::Decryption));
        }
    }
}
