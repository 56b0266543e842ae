//! The back ends of the feature `fast`: AWS-LC for SHA-512, Ed25519 signing and AES-256-GCM,
//! libsecp256k1 for the agreement. Curve25519 in dalek verifies faster than either, with this hash.
//!
//! AES-256-CBC stays: encryption is bound by the processor's own latency, decryption by memory.
//! AWS-LC wipes what it frees; libsecp256k1 wipes its stack, its scalar is erased here. What AWS-LC
//! returns of a hash is a value that nobody can wipe: keys come from [`super::SecretSha512`] instead,
//! and only the nonces of streamed and shared signatures pass through it.

use std::sync::Arc;

use aws_lc_rs::{aead, digest as lc_digest, signature as lc_signature};
use ed25519_dalek::{SignatureError, Signer};
use k256::elliptic_curve::sec1::ToSec1Point as _;
use sha2::digest::consts::U64;
use sha2::digest::{FixedOutput, HashMarker, Output, OutputSizeUser, Update};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{BackEnd, pure};

pub(crate) use super::pure::{decrypt_cbc, decrypt_cbc_to_vec, encrypt_cbc};

pub(super) const BACK_ENDS: [BackEnd; 6] = [
    ("SHA-512", "aws-lc"),
    ("Ed25519 signing", "aws-lc"),
    ("Ed25519 verifying", "ed25519-dalek, aws-lc's hash"),
    ("secp256k1 agreement", "libsecp256k1"),
    ("AES-256-CBC", "aes"),
    ("AES-256-GCM", "aws-lc"),
];

/// SHA-512 by AWS-LC.
#[derive(Clone)]
pub struct Sha512(lc_digest::Context);

impl Default for Sha512 {
    fn default() -> Self {
        Self(lc_digest::Context::new(&lc_digest::SHA512))
    }
}

impl HashMarker for Sha512 {}

impl OutputSizeUser for Sha512 {
    type OutputSize = U64;
}

impl Update for Sha512 {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

impl FixedOutput for Sha512 {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(self.0.finish().as_ref());
    }
}

impl std::fmt::Debug for Sha512 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sha512").finish_non_exhaustive()
    }
}

/// An Ed25519 secret key in both libraries: AWS-LC signs what lies in memory, dalek lends its parts
/// where hash states are shared or streamed.
#[derive(Clone)]
pub(crate) struct SigningKey {
    parts: pure::SigningKey,
    pair: Arc<lc_signature::Ed25519KeyPair>,
}

impl SigningKey {
    pub(crate) fn from_bytes(seed: &[u8; 32]) -> Self {
        let pair = lc_signature::Ed25519KeyPair::from_seed_unchecked(seed);
        Self {
            parts: pure::SigningKey::from_bytes(seed),
            pair: Arc::new(pair.expect("every seed of 32 bytes is a key")),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        self.parts.as_bytes()
    }

    pub(crate) fn verifying_key(&self) -> ed25519_dalek::VerifyingKey {
        self.parts.verifying_key()
    }
}

/// Both libraries wipe their own: dalek on drop, AWS-LC whatever it frees.
impl ZeroizeOnDrop for SigningKey {}

impl Signer<ed25519_dalek::Signature> for SigningKey {
    /// AWS-LC fails where it finds no memory; the other library then signs alike.
    fn try_sign(&self, message: &[u8]) -> Result<ed25519_dalek::Signature, SignatureError> {
        match self.pair.try_sign(message) {
            Ok(signature) => ed25519_dalek::Signature::from_slice(signature.as_ref()),
            Err(_) => self.parts.try_sign(message),
        }
    }
}

/// An Ed25519 public key that is a point and not one of small order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VerifyingKey(pure::VerifyingKey);

impl VerifyingKey {
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        pure::VerifyingKey::from_bytes(bytes).map(Self)
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_with::<Sha512>(message, signature)
    }
}

/// A point of secp256k1 other than infinity.
#[derive(Clone, Copy)]
pub(crate) struct Point(secp256k1::PublicKey);

impl Point {
    /// Reads a compressed point.
    pub(crate) fn from_compressed(bytes: &[u8; 33]) -> Option<Self> {
        secp256k1::PublicKey::from_slice(bytes).ok().map(Self)
    }

    /// The public key of `secret`, with its compressed form. Here k256 is the quicker one.
    pub(crate) fn of(secret: &k256::SecretKey) -> (Self, [u8; 33]) {
        let public = secret.public_key();
        let point = secp256k1::PublicKey::from_slice(public.to_sec1_point(false).as_bytes());
        let point = point.expect("both libraries know the points of the curve");
        (Self(point), point.serialize())
    }

    /// The X coordinate of this point times `secret`, in constant time.
    pub(crate) fn shared_with(&self, secret: &k256::SecretKey) -> Zeroizing<[u8; 32]> {
        let bytes = Zeroizing::new(<[u8; 32]>::from(secret.to_bytes()));
        let mut scalar = secp256k1::SecretKey::from_secret_bytes(*bytes)
            .expect("both libraries take scalars below the group order other than zero");
        let point = Zeroizing::new(secp256k1::ecdh::shared_secret_point(&self.0, &scalar));
        scalar.non_secure_erase();
        let mut shared = Zeroizing::new([0u8; 32]);
        let (x, _) = point.split_at(32);
        shared.copy_from_slice(x);
        shared
    }
}

/// Encrypts `data` in place and returns the tag; nothing if `data` is beyond what GCM may take.
pub(crate) fn seal_gcm(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    data: &mut [u8],
) -> Option<[u8; 16]> {
    let nonce = aead::Nonce::assume_unique_for_key(*nonce);
    let tag = gcm(key)?.seal_in_place_separate_tag(nonce, aead::Aad::from(associated), data);
    tag.ok()?.as_ref().try_into().ok()
}

/// Decrypts `data` in place if the tag is right.
pub(crate) fn open_gcm(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    data: &mut [u8],
    tag: &[u8; 16],
) -> Option<()> {
    let nonce = aead::Nonce::assume_unique_for_key(*nonce);
    let opened =
        gcm(key)?.open_in_place_separate_tag(nonce, aead::Aad::from(associated), tag, data);
    opened.ok().map(|_| ())
}

fn gcm(key: &[u8; 32]) -> Option<aead::LessSafeKey> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).ok()?;
    Some(aead::LessSafeKey::new(key))
}
