//! Recorded primitives: checksums, encodings, key derivation, key encodings, signatures.

use std::collections::BTreeMap;

use dime_wire::keys::{
    EncryptionKey, EncryptionPublicKey, Kek, Signature, SigningKey, VerifyingKey,
};
use dime_wire::{armor, encoding};
use serde_json::{Value, json};

use crate::corpus::{array, load, number, text, unhex};
use crate::rulings::Rulings;

#[test]
fn recorded_primitives_give_the_same_results() {
    let file = load("primitives.json");
    let mut rulings = Rulings::of_topic("primitives");
    for case in entries(&file, "crc24") {
        assert_eq!(
            armor::crc24(&unhex(text(case, "data_hex"))) as usize,
            number(case, "crc24")
        );
    }
    for case in entries(&file, "base64_encode") {
        let data = unhex(text(case, "data_hex"));
        assert_eq!(encoding::encode_padded(&data), text(case, "padded"));
        assert_eq!(encoding::encode_unpadded(&data), text(case, "unpadded"));
    }
    for case in entries(&file, "base64_decode") {
        decode(case, &mut rulings);
    }
    for case in entries(&file, "kek") {
        derive(case);
    }
    for case in entries(&file, "secp256k1_public_keys") {
        let accepted = EncryptionPublicKey::from_bytes(&unhex(text(case, "public_hex"))).is_ok();
        judge(
            &mut rulings,
            case,
            "acceptance",
            accepted,
            &case["accepted"],
        );
    }
    for case in entries(&file, "ed25519") {
        verify(case, &mut rulings);
    }
    rulings.finish();
}

fn entries<'a>(file: &'a Value, key: &str) -> &'a [Value] {
    let entries = file[key].as_array().expect("the file has such entries");
    assert!(!entries.is_empty());
    entries
}

fn judge(rulings: &mut Rulings, case: &Value, aspect: &str, ours: bool, theirs: &Value) {
    let mut found = BTreeMap::new();
    if Some(ours) != theirs.as_bool() {
        found.insert(aspect.to_owned(), format!("{ours} is not {theirs}"));
    }
    let id = case["id"]
        .as_str()
        .or(case["text"].as_str())
        .unwrap_or_default();
    rulings.judge(case, id, &found);
}

/// Marks each case with whether its text is the canonical one, which is what a ruling is about.
fn decode(case: &Value, rulings: &mut Rulings) {
    let data = unhex(text(case, "data_hex"));
    let mut case = case.clone();
    case["canonical"] = json!((encoding::encode_padded(&data) == text(&case, "text")).to_string());
    let ours = encoding::decode_strict(text(&case, "text"));
    if let Ok(ours) = &ours {
        assert_eq!(*ours, data);
    }
    judge(rulings, &case, "decoding", ours.is_ok(), &case["ok"]);
}

fn derive(case: &Value) {
    let secret =
        EncryptionKey::from_bytes(array(text(case, "private_hex"))).expect("a valid scalar");
    let public =
        EncryptionPublicKey::from_bytes(&unhex(text(case, "public_hex"))).expect("a valid point");
    let kek = Kek::derive(&secret, &public);
    assert_eq!(hex::encode(kek.iv()), text(case, "kek_iv_hex"));
    assert_eq!(hex::encode(kek.key()), text(case, "kek_key_hex"));
}

fn verify(case: &Value, rulings: &mut Rulings) {
    let (message, signature) = (
        unhex(text(case, "message_hex")),
        Signature(array(text(case, "signature_hex"))),
    );
    let public = VerifyingKey(array(text(case, "ed25519_public_hex")));
    if let Some(seed) = case["ed25519_private_hex"].as_str() {
        let key = SigningKey::from_seed(array(seed));
        assert_eq!((key.public(), key.sign(&message)), (public, signature));
    }
    judge(
        rulings,
        case,
        "verification",
        public.verify(&message, &signature),
        &case["valid"],
    );
}
