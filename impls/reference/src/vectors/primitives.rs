//! Primitives: checksums, encodings, key derivation, key encodings, signatures.

use dime_wire::keys::{
    EncryptionKey, EncryptionPublicKey, Kek, Signature, SigningKey, VerifyingKey,
};
use dime_wire::{armor, encoding};
use serde_json::{Value, json};

use super::judge::{Checker, broke_memory, check_lists, each};
use super::{Comparisons, Context, Entry, FolderError, Judge};

const LISTS: [(&str, Checker); 5] = [
    ("crc24", checksum),
    ("base64_encode", encode),
    ("base64_decode", decode),
    ("kek", derive),
    ("ed25519", verify),
];

/// Judges `primitives.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    check_lists(&LISTS, file, judge)?;
    let Some(points) = file.optional("secp256k1_public_keys") else {
        return Ok(());
    };
    let points = points.items()?;
    let recipient = recipient(context, &points);
    each(points, judge, |case, found| {
        accept(case, recipient.as_ref(), found)
    })
}

fn checksum(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let ours = armor::crc24(&case.at("data_hex").hex()?);
    found.equal("checksum", ours, case.at("crc24").number()?);
    Ok(Value::Null)
}

fn encode(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let data = case.at("data_hex").hex()?;
    let (padded, unpadded) = (case.at("padded"), case.at("unpadded"));
    let own = encoding::encode_padded(&data);
    found.equal("padded", own, padded.value().clone());
    let own = encoding::encode_unpadded(&data);
    found.equal("unpadded", own, unpadded.value().clone());
    // Recorded of what takes at least one whole line. Our armour breaks lines and ends the last.
    if let Some(lines) = case.optional("with_line_breaks") {
        let armour = armor::encode("DATA", &data);
        let body = armour.split_once('\n').unwrap_or_default().1;
        let body = body.split_once("\n=").unwrap_or_default().0;
        found.equal(
            "with line breaks",
            body,
            lines.text()?.trim_end_matches('\n'),
        );
    }
    Ok(json!({ "size": data.len() }))
}

/// Whether the text is the canonical one is what a ruling is about.
fn decode(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let text = case.at("text").text()?;
    let ours = encoding::decode_strict(text);
    if broke_memory(case) {
        found.broke_memory("decoding", ours.is_err());
    } else {
        found.equal("decoding", ours.is_ok(), case.at("ok").boolean()?);
    }
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

/// A point, and where both accept it the KEK that the recipient derives from it.
fn accept(
    case: &Entry<'_>,
    recipient: Option<&EncryptionKey>,
    found: &mut Comparisons,
) -> Result<Value, FolderError> {
    let bytes = case.at("public_hex").hex()?;
    let ours = EncryptionPublicKey::from_bytes(&bytes);
    if broke_memory(case) {
        found.broke_memory("acceptance", ours.is_err());
    } else {
        found.equal("acceptance", ours.is_ok(), case.at("accepted").boolean()?);
    }
    if let (true, Some(recipient), Some(own)) = (found.agreed(), recipient, ours.ok()) {
        let recorded = case.at("kek_with_recipient_private_hex");
        found.equal("kek", kek(recipient, &own), recorded.value().clone());
    }
    let compressed = matches!(bytes.as_slice(), [2 | 3, rest @ ..] if rest.len() == 32);
    Ok(json!({ "compressed": compressed }))
}

/// The private key that the KEKs of these points were derived with: that of a world's recipient, the file does
/// not say of which. Nothing if none of them fits any point, or the folder has no worlds.
fn recipient(context: &Context<'_>, points: &[Entry<'_>]) -> Option<EncryptionKey> {
    let fits = |key: &EncryptionKey, point: &Entry<'_>| {
        let bytes = point.at("public_hex").hex().unwrap_or_default();
        let recorded = point.at("kek_with_recipient_private_hex");
        EncryptionPublicKey::from_bytes(&bytes)
            .is_ok_and(|public| recorded.value() == &json!(kek(key, &public)))
    };
    let keys = context.worlds.all();
    let mut keys = keys.filter_map(|world| Some(world.keys("recipient").ok()?.encryption));
    keys.find(|key| points.iter().any(|point| fits(key, point)))
}

/// Initialization vector and key, in hex.
fn kek(private: &EncryptionKey, public: &EncryptionPublicKey) -> String {
    let kek = Kek::derive(private, public);
    hex::encode([kek.iv().as_slice(), kek.key()].concat())
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

/// The order of Ed25519's base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Whether a little-endian scalar is below the order of the base point.
fn is_reduced(scalar: &[u8]) -> bool {
    scalar.iter().rev().lt(ORDER.iter().rev())
}

/// Whether a signature that is not to be accepted would be good with the order taken off its S: what libdime
/// accepts in spite of RFC 8032 (spec/90 item 25).
pub(super) fn verifies_unreduced(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let (commitment, scalar) = signature.split_at(32);
    if is_reduced(scalar) {
        return false;
    }
    let mut reduced = [0; 64];
    let (start, end) = reduced.split_at_mut(32);
    start.copy_from_slice(commitment);
    let mut borrow = false;
    for ((out, digit), order) in end.iter_mut().zip(scalar).zip(ORDER) {
        let (rest, below) = digit.overflowing_sub(order);
        let (rest, still_below) = rest.overflowing_sub(u8::from(borrow));
        *out = rest;
        borrow = below || still_below;
    }
    key.verify(message, &Signature(reduced))
}

/// What a decoder makes of base64 that passes over every other character, wants no padding and stops at
/// it, as libdime's does (spec/90 item 32).
pub(super) fn lenient_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().take_while(|byte| *byte != b'=');
    let values = digits.filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let (mut out, mut bits, mut held) = (Vec::new(), 0, 0);
    for value in values {
        bits = (bits << 6 | value) & 0xfff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}

/// Whether an encoded point generates only a handful of points.
fn is_small_order(point: &[u8]) -> bool {
    let point = <[u8; 32]>::try_from(point).unwrap_or_default();
    ed25519_dalek::VerifyingKey::from_bytes(&point).is_ok_and(|key| key.is_weak())
}
