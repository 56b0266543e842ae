//! The back ends in pure Rust. All of them are compiled in every build: `fast` replaces what it is
//! measurably quicker at and takes the rest from here.

use aes::Aes256;
use aes::cipher::array::Array;
use aes::cipher::{Block, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _};
use ed25519_dalek::hazmat;
use k256::elliptic_curve::sec1::ToSec1Point as _;
use sha2::digest::Digest;
use sha2::digest::consts::U64;
use zeroize::Zeroizing;

use super::BackEnd;

pub use sha2::Sha512;

pub(super) const BACK_ENDS: [BackEnd; 6] = [
    ("SHA-512", "sha2"),
    ("Ed25519 signing", "ed25519-dalek"),
    ("Ed25519 verifying", "ed25519-dalek"),
    ("secp256k1 agreement", "k256"),
    ("AES-256-CBC", "aes"),
    ("AES-256-GCM", "aes-gcm"),
];

/// An Ed25519 secret key, expanded as far as signing needs it.
pub(crate) use ed25519_dalek::SigningKey;

/// The points of small order in their canonical encodings. A signature whose `R` is one of them does
/// not bind its message and is refused (spec/90 item 25).
pub(super) const SMALL_ORDER: [[u8; 32]; 8] = [
    with_ends(0x01, 0x00, 0x00),
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0x00, 0x00, 0x00),
    with_ends(0x00, 0x00, 0x80),
    EIGHTH[0],
    EIGHTH[1],
    EIGHTH[2],
    EIGHTH[3],
];

const fn with_ends(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut out = [between; 32];
    out[0] = first;
    out[31] = last;
    out
}

/// Those of order eight.
const EIGHTH: [[u8; 32]; 4] = [
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\xfa",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x85",
];

/// An Ed25519 public key that is a point and not one of small order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.verify_with::<Sha512>(message, signature)
    }

    /// Strict verification. The library recomputes `R` and compares bytes, so that `R` need not be
    /// decompressed to be known canonical; left to check is that it has not a small order.
    pub(super) fn verify_with<H: Digest<OutputSize = U64>>(
        &self,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        !SMALL_ORDER.contains(signature.r_bytes())
            && hazmat::raw_verify::<H>(&self.0, message, &signature).is_ok()
    }
}

/// A point of secp256k1 other than infinity.
#[derive(Clone, Copy)]
pub(crate) struct Point(k256::PublicKey);

impl Point {
    /// Reads a compressed point. The library takes other forms too, also of 33 bytes.
    pub(crate) fn from_compressed(bytes: &[u8; 33]) -> Option<Self> {
        match bytes {
            [2 | 3, ..] => k256::PublicKey::from_sec1_bytes(bytes).ok().map(Self),
            _ => None,
        }
    }

    /// The public key of `secret`, with its compressed form.
    pub(crate) fn of(secret: &k256::SecretKey) -> (Self, [u8; 33]) {
        let public = secret.public_key();
        let compressed = public.to_sec1_point(true).as_bytes().try_into();
        (
            Self(public),
            compressed.expect("a compressed point has 33 bytes"),
        )
    }

    /// The X coordinate of this point times `secret`, in constant time.
    pub(crate) fn shared_with(&self, secret: &k256::SecretKey) -> Zeroizing<[u8; 32]> {
        let shared = k256::ecdh::diffie_hellman(secret.to_nonzero_scalar(), self.0.as_affine());
        Zeroizing::new((*shared.raw_secret_bytes()).into())
    }
}

/// Encrypts the whole blocks of `data` in place.
pub(crate) fn encrypt_cbc(key: &[u8; 32], iv: &[u8; 16], data: &mut [u8]) {
    let (blocks, _) = Array::slice_as_chunks_mut(data);
    let blocks: &mut [Block<Aes256>] = blocks;
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_blocks(blocks);
}

/// Decrypts the whole blocks of `data` in place.
pub(crate) fn decrypt_cbc(key: &[u8; 32], iv: &[u8; 16], data: &mut [u8]) {
    let (blocks, _) = Array::slice_as_chunks_mut(data);
    let blocks: &mut [Block<Aes256>] = blocks;
    cbc::Decryptor::<Aes256>::new(key.into(), iv.into()).decrypt_blocks(blocks);
}

/// Decrypts the whole blocks of `data` to as many bytes of their own.
pub(crate) fn decrypt_cbc_to_vec(key: &[u8; 32], iv: &[u8; 16], data: &[u8]) -> Vec<u8> {
    let (from, _) = Array::slice_as_chunks(data);
    let from: &[Block<Aes256>] = from;
    let mut out = vec![0; data.len()];
    let (to, _) = Array::slice_as_chunks_mut(&mut out);
    let to: &mut [Block<Aes256>] = to;
    cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_blocks_b2b(from, to)
        .expect("both have as many blocks");
    out
}

/// Encrypts `data` in place and returns the tag; nothing if `data` is beyond what GCM may take.
pub(crate) fn seal_gcm(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    data: &mut [u8],
) -> Option<[u8; 16]> {
    let cipher = Aes256Gcm::new(key.into());
    let tag = cipher.encrypt_inout_detached(&(*nonce).into(), associated, InOutBuf::from(data));
    tag.ok().map(Into::into)
}

/// Decrypts `data` in place if the tag is right.
pub(crate) fn open_gcm(
    key: &[u8; 32],
    nonce: &[u8; 12],
    associated: &[u8],
    data: &mut [u8],
    tag: &[u8; 16],
) -> Option<()> {
    let cipher = Aes256Gcm::new(key.into());
    let (data, tag) = (InOutBuf::from(data), (*tag).into());
    let opened = cipher.decrypt_inout_detached(&(*nonce).into(), associated, data, &tag);
    opened.ok()
}
