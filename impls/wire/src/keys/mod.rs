//! Keys: Ed25519 for signatures, secp256k1 for the mandated key agreement, X25519 for the
//! alternate layer, and the key files that hold them (spec/10 §4 and §10, spec/30 §4.1).
//!
//! Secrets are wiped on drop and print as `[secret]`.

mod file;
mod first_pass;
mod sealed;
mod single;
mod streamed;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use ed25519_dalek::Signer as _;
use sha2::Digest as _;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

use crate::backend::{self, SecretSha512};

pub(crate) use first_pass::FirstPass;

pub use file::{KeyOwner, PrivateKeys};
pub use streamed::{Changed, StreamSigner, StreamVerifier};

/// First byte of a signing key inside a signet; the only legal value (spec/10 §4.1).
pub const SIGNING_KEY_FORMAT: u8 = 0x40;
/// How often [`EncryptionKey::derive`] hashes again before it forces a valid scalar.
const MAXIMUM_REHASHES: usize = 8;

/// Why key material was refused. There is one error for all failures to decrypt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The scalar is zero or not below the group order.
    #[error("secret is not a valid secp256k1 scalar")]
    Scalar,
    /// The bytes are not a compressed point of the curve.
    #[error("bytes are not a compressed secp256k1 point")]
    Point,
    /// The bytes do not form a key file.
    #[error("bytes are not a key file")]
    File,
    /// The armour around a key file is broken, or its tag does not fit its contents.
    #[error("text is not an armoured key file")]
    Armor,
    /// An encrypted key file does not open; nothing tells why.
    #[error("failed to open encrypted key file")]
    Sealed,
}

/// An Ed25519 secret key, given by its 32-byte seed.
#[derive(Clone, ZeroizeOnDrop)]
pub struct SigningKey(backend::SigningKey);

impl SigningKey {
    /// The key that belongs to a seed; every seed is valid.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self(backend::SigningKey::from_bytes(&seed))
    }

    /// The seed.
    pub fn seed(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The public key.
    pub fn public(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` as it is: plain Ed25519, deterministic, no context.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// An Ed25519 public key: the 32 raw bytes, not yet known to be a point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct VerifyingKey(pub [u8; 32]);

impl VerifyingKey {
    /// Whether `signature` is this key's over `message`, by strict RFC 8032 rules: every number and
    /// point in its canonical form, no point of small order (spec/90 item 25, `ACCEPTANCE.md`).
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.verifier().verify(message, signature)
    }

    /// The key made ready for several verifications.
    pub fn verifier(&self) -> Verifier {
        Verifier {
            key: *self,
            point: is_canonical_point(&self.0)
                .then(|| backend::VerifyingKey::from_bytes(&self.0))
                .flatten(),
        }
    }

    /// The 33 bytes that stand in a signet: 0x40, then the key.
    pub fn to_signet_format(&self) -> [u8; 33] {
        let mut out = [0u8; 33];
        let [format, key @ ..] = &mut out;
        *format = SIGNING_KEY_FORMAT;
        key.copy_from_slice(&self.0);
        out
    }

    /// Reads the 33 bytes of a signet field; `None` if size or format byte are wrong.
    pub fn from_signet_format(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [SIGNING_KEY_FORMAT, key @ ..] => key.try_into().ok().map(Self),
            _ => None,
        }
    }
}

/// A [`VerifyingKey`] with its point, which a mere key computes anew for each signature.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    key: VerifyingKey,
    /// Nothing if the key is no point in canonical form or one of small order: it verifies nothing.
    point: Option<backend::VerifyingKey>,
}

impl Verifier {
    /// As [`VerifyingKey::verify`].
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        self.point
            .is_some_and(|point| point.verify(message, &signature.0))
    }
}

impl Deref for Verifier {
    type Target = VerifyingKey;

    fn deref(&self) -> &VerifyingKey {
        &self.key
    }
}

/// Whether y, the lower 255 bits of an Ed25519 point, is below p = 2^255 - 19.
fn is_canonical_point(bytes: &[u8; 32]) -> bool {
    let [first, middle @ .., last] = bytes;
    *first < 0xed || *last | 0x80 != 0xff || middle.iter().any(|byte| *byte != 0xff)
}

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(pub [u8; 64]);

/// A secp256k1 secret scalar, the mandated encryption key.
#[derive(Clone, ZeroizeOnDrop)]
pub struct EncryptionKey(k256::SecretKey);

impl EncryptionKey {
    /// The key of a 32-byte big-endian scalar; zero and values not below the group order are refused.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let bytes = Zeroizing::new(bytes);
        k256::SecretKey::from_slice(bytes.as_slice())
            .map(Self)
            .map_err(|_| KeyError::Scalar)
    }

    /// A key from any 32 random bytes. Valid scalars are taken as they are, the others (one in
    /// 2^128) are hashed with SHA-512 and cut to 32 bytes until they are.
    pub fn derive(random: [u8; 32]) -> Self {
        let mut candidate = Zeroizing::new(random);
        for _ in 0..MAXIMUM_REHASHES {
            if let Ok(key) = Self::from_bytes(*candidate) {
                return key;
            }
            let digest =
                Zeroizing::new(<[u8; 64]>::from(SecretSha512::digest(candidate.as_slice())));
            candidate.copy_from_slice(digest.first_chunk::<32>().unwrap_or(&[1; 32]));
        }
        // Odd and below 2^255, hence neither zero nor beyond the group order.
        if let [first, .., last] = candidate.as_mut_slice() {
            *first &= 0x7f;
            *last |= 1;
        }
        Self::from_bytes(*candidate).expect("an odd number below 2^255 is a valid scalar")
    }

    /// The scalar, 32 bytes big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// The public key.
    pub fn public(&self) -> EncryptionPublicKey {
        let (point, compressed) = backend::Point::of(&self.0);
        EncryptionPublicKey { compressed, point }
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A secp256k1 public key: a compressed point, known to lie on the curve.
#[derive(Clone, Copy)]
pub struct EncryptionPublicKey {
    compressed: [u8; 33],
    /// The same point, ready for agreements.
    point: backend::Point,
}

impl EncryptionPublicKey {
    /// Reads a compressed point (`02|03` and 32 bytes); other encodings, points off the curve and
    /// infinity are refused (spec/90 item 35).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let compressed: [u8; 33] = bytes.try_into().map_err(|_| KeyError::Point)?;
        let point = backend::Point::from_compressed(&compressed).ok_or(KeyError::Point)?;
        Ok(Self { compressed, point })
    }

    /// The compressed point.
    pub fn as_bytes(&self) -> &[u8; 33] {
        &self.compressed
    }
}

impl PartialEq for EncryptionPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.compressed == other.compressed
    }
}

impl Eq for EncryptionPublicKey {}

impl PartialOrd for EncryptionPublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EncryptionPublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compressed.cmp(&other.compressed)
    }
}

impl Hash for EncryptionPublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.compressed.hash(state);
    }
}

impl fmt::Debug for EncryptionPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncryptionPublicKey")
            .field(&self.compressed)
            .finish()
    }
}

/// An X25519 secret key of the alternate layer.
#[derive(Clone, ZeroizeOnDrop)]
pub struct AlternateKey(x25519_dalek::StaticSecret);

impl AlternateKey {
    /// The key of 32 bytes; every value is valid (it is clamped on use).
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self(x25519_dalek::StaticSecret::from(*bytes))
    }

    /// The bytes the key was made from.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> AlternatePublicKey {
        AlternatePublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The X25519 shared secret, or nothing if the other side's point is of small order.
    pub fn agree(&self, public: &AlternatePublicKey) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self
            .0
            .diffie_hellman(&x25519_dalek::PublicKey::from(public.0));
        shared
            .was_contributory()
            .then(|| Zeroizing::new(shared.to_bytes()))
    }
}

impl fmt::Debug for AlternateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// An X25519 public key, 32 raw bytes: the form of user signet field 3 in our framing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AlternatePublicKey(pub [u8; 32]);

impl AlternatePublicKey {
    /// Whether the point is of small order, so that nobody can agree on anything with it. Secrets are
    /// clamped, so any of them tells.
    pub fn is_small_order(&self) -> bool {
        AlternateKey::from_bytes([1; 32]).agree(self).is_none()
    }
}

/// Key encryption key: what one actor shares with the author of one message (spec/30 §4.1).
///
/// With Z the X coordinate of the ECDH point and H = SHA-512(Z): iv = H\[0..16\] xor H\[16..32\],
/// key = H\[32..64\].
#[derive(Clone, ZeroizeOnDrop)]
pub struct Kek {
    iv: [u8; 16],
    key: [u8; 32],
}

impl Kek {
    /// Derives from either side: ephemeral secret and actor's public key, or the reverse.
    pub fn derive(secret: &EncryptionKey, public: &EncryptionPublicKey) -> Kek {
        let shared = public.point.shared_with(&secret.0);
        let mut digest = SecretSha512::digest(shared.as_slice());
        let mut kek = Kek {
            iv: [0; 16],
            key: [0; 32],
        };
        let (ivs, key) = digest.split_at(32);
        let (left, right) = ivs.split_at(16);
        for ((out, a), b) in kek.iv.iter_mut().zip(left).zip(right) {
            *out = a ^ b;
        }
        kek.key.copy_from_slice(key);
        digest.as_mut_slice().zeroize();
        kek
    }

    /// The initialization vector, 16 bytes.
    pub fn iv(&self) -> &[u8; 16] {
        &self.iv
    }

    /// The AES-256 key, 32 bytes.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> PrivateKeys {
        PrivateKeys {
            signing: SigningKey::from_seed([7; 32]),
            encryption: EncryptionKey::derive([9; 32]),
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let kek = Kek::derive(&keys().encryption, &EncryptionKey::derive([3; 32]).public());
        assert_eq!(format!("{:?} {kek:?}", keys().signing), "[secret] [secret]");
        assert!(!format!("{:?}", keys()).contains('7'));
    }

    #[test]
    fn points_beyond_p_are_not_canonical() {
        let with = |first: u8, last: u8| {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (first, last);
            bytes
        };
        for last in [0x7f, 0xff] {
            assert!(is_canonical_point(&with(0xec, last)));
            assert!((0xed..=0xff).all(|first| !is_canonical_point(&with(first, last))));
        }
        assert!(is_canonical_point(&with(0xff, 0x7e)));
        let mut smaller = with(0xff, 0x7f);
        smaller[15] = 0xfe;
        assert!(is_canonical_point(&smaller) && is_canonical_point(&[0; 32]));
    }

    #[test]
    fn of_a_points_encodings_only_the_compressed_one_is_read() {
        let mut bytes = *EncryptionKey::derive([2; 32]).public().as_bytes();
        for prefix in 0..=255 {
            bytes[0] = prefix;
            let read = EncryptionPublicKey::from_bytes(&bytes).is_ok();
            assert_eq!(read, [2, 3].contains(&prefix), "{prefix}");
        }
    }

    #[test]
    fn both_sides_derive_the_same_kek() {
        let (one, other) = (
            EncryptionKey::derive([1; 32]),
            EncryptionKey::derive([2; 32]),
        );
        let left = Kek::derive(&one, &other.public());
        let right = Kek::derive(&other, &one.public());
        assert_eq!((left.iv(), left.key()), (right.iv(), right.key()));
    }

    #[test]
    fn invalid_scalars_are_refused_and_derived_ones_are_not() {
        for bytes in [[0u8; 32], [0xff; 32]] {
            assert_eq!(
                EncryptionKey::from_bytes(bytes).err(),
                Some(KeyError::Scalar)
            );
            let key = EncryptionKey::derive(bytes);
            assert!(EncryptionKey::from_bytes(*key.to_bytes()).is_ok());
        }
        assert_eq!(*EncryptionKey::derive([5; 32]).to_bytes(), [5; 32]);
    }

    #[test]
    fn a_small_order_alternate_point_yields_no_secret() {
        let key = AlternateKey::from_bytes([8; 32]);
        assert!(key.agree(&AlternatePublicKey([0; 32])).is_none());
        assert!(
            key.agree(&AlternateKey::from_bytes([4; 32]).public())
                .is_some()
        );
    }
}
