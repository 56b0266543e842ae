//! Primitives: checksums, encodings, key derivation, key encodings, signatures.

use dime_wire::keys::{
    EncryptionKey, EncryptionPublicKey, Kek, Signature, SigningKey, VerifyingKey,
};
use dime_wire::{armor, encoding};
use serde_json::{Value, json};

use super::judge::{Checker, check_lists};
use super::{Comparisons, Context, Entry, FolderError, Judge};

const LISTS: [(&str, Checker); 6] = [
    ("crc24", checksum),
    ("base64_encode", encode),
    ("base64_decode", decode),
    ("kek", derive),
    ("secp256k1_public_keys", accept),
    ("ed25519", verify),
];

/// Judges `primitives.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    check_lists(&LISTS, file, judge)
}

fn checksum(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let ours = armor::crc24(&case.at("data_hex").hex()?);
    found.equal("checksum", ours, case.at("crc24").number()?);
    Ok(Value::Null)
}

fn encode(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let data = case.at("data_hex").hex()?;
    let (padded, unpadded) = (case.at("padded").text()?, case.at("unpadded").text()?);
    found.equal("padded", encoding::encode_padded(&data), padded);
    found.equal("unpadded", encoding::encode_unpadded(&data), unpadded);
    Ok(Value::Null)
}

/// Whether the text is the canonical one is what a ruling is about.
fn decode(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let (text, ok) = (case.at("text").text()?, case.at("ok").boolean()?);
    let ours = encoding::decode_strict(text);
    found.equal("decoding", ours.is_ok(), ok);
    let data = case
        .optional("data_hex")
        .map(|data| data.hex())
        .transpose()?;
    if let (Ok(ours), Some(data)) = (&ours, &data) {
        found.bytes("decoded", ours, data);
    }
    let canonical = data.is_some_and(|data| encoding::encode_padded(&data) == text);
    Ok(json!({ "canonical": canonical }))
}

fn derive(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let (private, public) = (case.at("private_hex"), case.at("public_hex"));
    let secret = EncryptionKey::from_bytes(private.array()?);
    let secret = secret.map_err(|_| private.is_not("a secp256k1 scalar"))?;
    let point = EncryptionPublicKey::from_bytes(&public.hex()?);
    let point = point.map_err(|_| public.is_not("a compressed secp256k1 point"))?;
    let kek = Kek::derive(&secret, &point);
    let (iv, key) = (case.at("kek_iv_hex").hex()?, case.at("kek_key_hex").hex()?);
    found.bytes("initialization vector", kek.iv(), &iv);
    found.bytes("key", kek.key(), &key);
    Ok(Value::Null)
}

fn accept(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let bytes = case.at("public_hex").hex()?;
    let ours = EncryptionPublicKey::from_bytes(&bytes);
    found.equal("acceptance", ours.is_ok(), case.at("accepted").boolean()?);
    Ok(json!({ "size": bytes.len() }))
}

fn verify(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let message = case.at("message_hex").hex()?;
    let signature = Signature(case.at("signature_hex").array()?);
    let public = VerifyingKey(case.at("ed25519_public_hex").array()?);
    if let Some(seed) = case.optional("ed25519_private_hex") {
        let key = SigningKey::from_seed(seed.array()?);
        found.bytes("public key", &key.public().0, &public.0);
        found.bytes("signature", &key.sign(&message).0, &signature.0);
    }
    let recorded = case.at("valid").boolean()?;
    found.equal(
        "verification",
        public.verify(&message, &signature),
        recorded,
    );
    let (commitment, scalar) = signature.0.split_at(32);
    Ok(json!({
        "scalar_is_reduced": is_reduced(scalar),
        "small_order": is_small_order(&public.0) || is_small_order(commitment),
    }))
}

/// Whether a little-endian scalar is below the order of the base point.
fn is_reduced(scalar: &[u8]) -> bool {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    scalar.iter().rev().lt(ORDER.iter().rev())
}

/// Whether an encoded point generates only a handful of points.
fn is_small_order(point: &[u8]) -> bool {
    let point = <[u8; 32]>::try_from(point).unwrap_or_default();
    ed25519_dalek::VerifyingKey::from_bytes(&point).is_ok_and(|key| key.is_weak())
}
