//! Messages that nobody recorded, with the verdict that the notes tell of libdime: where we differ there is
//! a ruling.

use dime::vectors::Report;
use dime_wire::encoding::{decode_strict, encode_padded};
use dime_wire::keys::Kek;
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{
    Actor, Bounces, ChunkType, CommonHeaders, Flags, Letter, Message, Part, SealOptions, Signets,
    StreamEntropy, seal, sign_as_origin,
};
use dime_wire::signet::Signet;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

use super::unseen::{judged_cases, meet, recorded_case, recorded_case_named, unreduced, world};

/// A message of these display parts as an author of ours would not seal it, signed by its origin.
fn message(display: Vec<Part>) -> Vec<u8> {
    let world = world();
    let signet =
        |name: &str| Signet::parse(&world.signet_bytes(name).expect("there")).expect("one");
    let [author, origin] = ["author_id", "origin_id"].map(signet);
    let [destination, recipient] = ["destination_id", "recipient_id"].map(signet);
    let signets = Signets {
        author: &author,
        origin: &origin,
        destination: &destination,
        recipient: &recipient,
    };
    let name = |key: &str| world.name(key).expect("a name").to_owned();
    let letter = Letter {
        author: name("author_address"),
        recipient: name("recipient_address"),
        origin: name("origin_domain"),
        destination: name("destination_domain"),
        common: CommonHeaders {
            date: "d".to_owned(),
            to: "t".to_owned(),
            cc: None,
            from: "f".to_owned(),
            organization: None,
            subject: "s".to_owned(),
        },
        other_headers: b"X: y\r\n".to_vec(),
        display,
        attachments: Vec::new(),
    };
    let options = SealOptions {
        unchecked: true,
        ..SealOptions::default()
    };
    let key = world.keys("author").expect("the keys are there").signing;
    let mut entropy = StreamEntropy(ChaCha20Rng::from_seed([7; 32]));
    let sealed = seal(&letter, &signets, &key, &mut entropy, &options).expect("sealed");
    let keys = world.keys("origin").expect("the keys are there");
    let bounces = Bounces {
        metadata: true,
        display: true,
    };
    sign_as_origin(&sealed, &keys, bounces, None).expect("signed")
}

/// A case that libdime accepts as every actor, but those that `rejecting` names.
fn message_case(bytes: &[u8], rejecting: &[&str]) -> Value {
    let mut case = recorded_case("messages_corrupt.json", "cases", 0);
    case["message_b64"] = json!(encode_padded(bytes));
    for actor in Actor::ALL.map(Actor::name) {
        let verdict = if rejecting.contains(&actor) {
            "reject"
        } else {
            "accept"
        };
        case["actors"][actor] = json!({ "verdict": verdict });
    }
    case
}

/// What the check says of one such case.
fn judged_message(bytes: &[u8], rejecting: &[&str]) -> Report {
    judged_cases(
        "messages_corrupt.json",
        "cases",
        vec![message_case(bytes, rejecting)],
    )
}

#[test]
fn pieces_of_different_flags_are_ruled() {
    let part = |flags, data: &[u8]| Part {
        flags: Flags(flags),
        data: data.to_vec(),
    };
    let bytes = message(vec![part(0x84, b"\x1f\x8b\x08 and more"), part(0, b"rest")]);
    let report = judged_message(&bytes, &[]);
    meet(
        &report,
        "messages_corrupt.json",
        1,
        &["continued-parts-are-joined"],
    );
}

#[test]
fn a_message_with_a_signature_of_another_spelling_is_ruled() {
    let mut bytes = message(vec![Part::plain("text")]);
    let world = world();
    for kind in [ChunkType::MetadataBounce, ChunkType::OriginSignature] {
        let message = Message::parse(&bytes).expect("a message");
        let chunk = message.chunk(kind).expect("the chunk is there");
        let key = world.keys("author").expect("the keys are there").encryption;
        let kek = Kek::derive(&key, message.ephemeral());
        let key = ChunkKey::from_keyslot(&kek, chunk.slot(Actor::Author).expect("a slot"));
        let mut payload = chunk.payload.to_vec();
        key.decrypt(&mut payload);
        unreduced(&mut payload);
        key.encrypt(&mut payload);
        let place = bytes.windows(64).position(|window| window == chunk.payload);
        let place = place.expect("the payload is in the message");
        let mut changed = bytes.clone();
        changed[place..place + 64].copy_from_slice(&payload);
        if kind == ChunkType::OriginSignature {
            bytes = changed;
        } else {
            // What covers the bounce signature does not verify any more.
            let report = judged_message(&changed, &["destination", "recipient"]);
            assert_eq!(report.total.agreed, report.total.cases);
        }
    }
    let report = judged_message(&bytes, &[]);
    meet(
        &report,
        "messages_corrupt.json",
        1,
        &["message-signatures-are-strict"],
    );
}

#[test]
fn a_damaged_keyslot_does_not_hide_by_which_key_the_origin_signed() {
    let id = "A/origin_signed_by_msg_sok/b3";
    let signed = recorded_case_named("messages_valid.json", "cases", id);
    let text = signed["message_b64"].as_str().expect("text");
    let mut bytes = decode_strict(text).expect("base64");
    // The last chunk's four keyslots end the message, that of the author comes first.
    let place = bytes.len() - 4 * 64;
    bytes[place] ^= 1;
    let mut case = message_case(&bytes, &["destination", "recipient"]);
    case["context"] = json!({
        "signets": signed["inputs"]["signets"],
        "private_keys": signed["inputs"]["private_keys"],
    });
    let report = judged_cases("messages_corrupt.json", "cases", vec![case]);
    meet(
        &report,
        "messages_corrupt.json",
        1,
        &["origin-may-sign-with-a-message-sok"],
    );
}

#[test]
fn a_users_signet_in_the_place_of_an_organization_is_not_sealed_for() {
    let mut case = recorded_case("messages_encrypt_errors.json", "cases", 1);
    case["inputs"]["signets"]["origin"] = json!("author_id");
    case["inputs"]["display_count"] = json!(1);
    case["libdime"] = json!({ "encrypt_ok": true });
    let report = judged_cases("messages_encrypt_errors.json", "cases", vec![case]);
    meet(
        &report,
        "messages_encrypt_errors.json",
        1,
        &["signets-are-of-their-kind"],
    );
}
