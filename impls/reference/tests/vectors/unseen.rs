//! Cases that nobody recorded, of the recorded shapes, with the verdict that the notes tell of libdime: where
//! we differ there is a ruling.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use dime::vectors::{Entry, Folder, Report, World};
use dime_wire::Profile;
use dime_wire::encoding::{decode_strict, encode_padded};
use dime_wire::keys::{EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::signet::{Signet, issue_fields};
use serde_json::{Value, json};

use super::{judged, recorded};

static RECORDED: LazyLock<Folder> =
    LazyLock::new(|| Folder::read(&recorded()).expect("the folder is there"));

/// A recorded case.
pub(super) fn recorded_case(file: &str, list: &str, position: usize) -> Value {
    RECORDED.json[file][list][position].clone()
}

pub(super) fn recorded_case_named(file: &str, list: &str, id: &str) -> Value {
    let cases = RECORDED.json[file][list].as_array().expect("a list");
    let case = cases.iter().find(|case| case["id"] == id);
    case.expect("the case is there").clone()
}

/// The report on these cases in one list of a file.
pub(super) fn judged_cases(file: &str, list: &str, cases: Vec<Value>) -> Report {
    let mut json = BTreeMap::from([(file.to_owned(), json!({ list: cases }))]);
    if file.starts_with("messages") || file.starts_with("signets") {
        // All signets of a world would be made again, which takes long.
        let named = json[file].to_string();
        let mut worlds = RECORDED.json["worlds.json"].clone();
        for world in worlds["worlds"].as_array_mut().expect("a list") {
            let signets = world["signets_b64"].as_object_mut().expect("an object");
            signets.retain(|name, _| named.contains(&format!("\"{name}\"")));
        }
        json.insert("worlds.json".to_owned(), worlds);
    }
    judged(&Folder {
        json,
        ..Folder::default()
    })
}

/// Every case meets a ruling, and these are the rulings.
pub(super) fn meet(report: &Report, file: &str, cases: usize, wanted: &[&str]) {
    let report_of = |name: &str| report.files.iter().find(|it| it.file == name);
    let judged = report_of(file).expect("it was judged");
    assert!(report.passed, "{}", report.to_text());
    assert_eq!(judged.ruled, cases, "{}", report.to_text());
    let rulings = judged.rulings.iter().map(|ruled| ruled.ruling.as_str());
    assert_eq!(rulings.collect::<Vec<_>>(), wanted);
}

/// Cases that nobody recorded, with the verdict that the notes tell of libdime.
#[test]
fn unseen_cases_of_the_recorded_shapes_meet_the_rulings_for_them() {
    let keys = PrivateKeys {
        signing: SigningKey::from_seed([1; 32]),
        encryption: EncryptionKey::derive([2; 32]),
    };
    let narrow = keys.to_armor(KeyOwner::User, Profile::Magma);
    let file = keys.to_file(KeyOwner::User, Profile::Libdime);
    let swapped = [&file[..5], &file[39..], &file[5..39]].concat();
    let swapped = dime_wire::armor::encode("USER KEY", &swapped);
    let load = |id: &str, text: &str, encryption: bool| {
        json!({ "id": id, "pem_b64": encode_padded(text.as_bytes()), "libdime": {
            "signing_key_ok": true,
            "ed25519_private_hex": hex::encode(keys.signing.seed()),
            "encryption_key_ok": encryption,
            "secp256k1_private_hex": encryption.then(|| hex::encode(*keys.encryption.to_bytes())),
        }})
    };
    let header = encode_padded(b"Date: d\r\nTo: t\r\nFrom: f\r\nSubject: caf\xe9\r\n");
    let read = json!({ "date": "ZA==", "to": "dA==", "from": "Zg==", "subject": "Y2Fm6Q==" });
    let json = BTreeMap::from([
        (
            "keyfiles.json".to_owned(),
            json!({ "load_cases": [load("narrow", &narrow, false), load("swapped", &swapped, true)] }),
        ),
        (
            "dmtp.json".to_owned(),
            json!({ "format": [{
                "id": "mark", "command": "EHLO", "arguments": { "a1": "a> b" },
                "libdime": { "ok": true, "line": "EHLO HOST=<a> b>\n", "detail": null },
            }], "parse": [] }),
        ),
        (
            "parsers.json".to_owned(),
            json!({ "common_headers_parse": [{
                "id": "latin1", "data_b64": header, "libdime": { "ok": true, "headers": read },
            }] }),
        ),
    ]);
    let report = judged(&Folder {
        json,
        ..Folder::default()
    });
    assert!(report.passed, "{}", report.to_text());
    let rulings = report.files.iter().flat_map(|file| &file.rulings);
    let met: Vec<&str> = rulings.map(|ruled| ruled.ruling.as_str()).collect();
    let wanted = [
        "values-do-not-leave-their-marks",
        "key-files-are-whole",
        "key-files-of-both-profiles",
        "common-headers-are-whole-lines",
    ];
    assert_eq!(met, wanted);
}

#[test]
fn points_in_other_forms_are_ruled() {
    let point = |hex: &str| json!({ "public_hex": hex, "accepted": true, "crash": null });
    let report = judged_cases(
        "primitives.json",
        "secp256k1_public_keys",
        vec![point("00")],
    );
    meet(
        &report,
        "primitives.json",
        1,
        &["encryption-keys-are-compressed"],
    );
}

#[test]
fn armour_in_another_spelling_is_ruled() {
    let good = recorded_case_named("keyfiles.json", "load_cases", "A/ok");
    let text = decode_strict(good["pem_b64"].as_str().expect("text")).expect("base64");
    let text = String::from_utf8(text).expect("text");
    let with = |bytes: &[u8]| {
        let mut case = good.clone();
        case["pem_b64"] = json!(encode_padded(bytes));
        case
    };
    let cases = vec![
        with(text.replace("I64=\n", "I64\n").as_bytes()),
        with(text.replace("I64=\n", "I64==\n").as_bytes()),
        with(text.replace("I64=\n", "I65=\n").as_bytes()),
        with(text.replace("I64=\n", "I64=AAAA\n").as_bytes()),
        with(&[b"\xff\xfe\n", text.as_bytes()].concat()),
    ];
    assert!(text.contains("I64=\n"));
    let report = judged_cases("keyfiles.json", "load_cases", cases);
    meet(&report, "keyfiles.json", 5, &["armour-is-strict"]);
}

const POK: &str = "pok=rN5dlUNpsfdf+Ya4ViiB8fhXJeWGF70ABDNdnp2voJ0";

/// A record that libdime reads as only a key and what is given of `read`.
fn record(items: &str, read: &Value) -> Value {
    let mut case = recorded_case_named("mrec.json", "parse", "minimal");
    case["txt"] = json!(format!("{POK} {items}"));
    for (key, value) in read.as_object().into_iter().flatten() {
        case["libdime"][key] = value.clone();
    }
    case
}

#[test]
fn records_that_only_libdime_reads_are_ruled() {
    let none = json!({});
    let mut other_spelling = record("", &none);
    other_spelling["txt"] = json!(format!("{}1", POK.strip_suffix('0').expect("a 0")));
    let hosts: Vec<String> = (0..20).map(|number| format!("d{number}.example")).collect();
    let items: Vec<String> = hosts.iter().map(|host| format!("dx={host}")).collect();
    let long = ["a".repeat(60), "b".repeat(60), "c".repeat(60)].join(".");
    let long = format!("dx={long}.{long}");
    for (case, ruling) in [
        (other_spelling, "record-keys-have-one-spelling"),
        (record("syn=YQ==", &none), "one-value-per-record-item"),
        (
            record("exp=99999999999", &none),
            "record-values-are-well-formed",
        ),
        (
            record("dx=a:+26", &json!({ "dx": ["a:+26"] })),
            "record-values-are-well-formed",
        ),
        (record(&long, &none), "record-values-are-well-formed"),
        (
            record(&items.join(" "), &json!({ "dx": hosts })),
            "records-are-bounded",
        ),
        (record(&"x=1 ".repeat(300), &none), "records-are-bounded"),
    ] {
        let report = judged_cases("mrec.json", "parse", vec![case]);
        meet(&report, "mrec.json", 1, &[ruling]);
    }
    // These are read, so that nothing but the expiry is told otherwise.
    for expiry in ["4000000000", "0000000030"] {
        let report = judged_cases(
            "mrec.json",
            "parse",
            vec![record(&format!("exp={expiry}"), &none)],
        );
        meet(&report, "mrec.json", 1, &["expiry-and-syndicates-are-kept"]);
    }
}

#[test]
fn only_the_mark_of_its_own_argument_ends_a_value() {
    let line = |command: &str, values: &[&str], line: &str| {
        let names = ["a1", "a2", "a3"].into_iter();
        let arguments: BTreeMap<&str, &str> = names.zip(values.iter().copied()).collect();
        json!({ "command": command, "arguments": arguments, "libdime": { "ok": true, "line": line } })
    };
    let same = vec![
        line("EHLO", &["[::1]"], "EHLO HOST=<[::1]>\n"),
        line("EHLO", &["a\rb"], "EHLO HOST=<a\rb>\n"),
        line(
            "MAIL",
            &["a@b", "x>y"],
            "MAIL FROM=<a@b> FINGERPRINT=[x>y]\n",
        ),
        line("NOOP", &["a>b"], "NOOP =a>b\n"),
    ];
    let report = judged_cases("dmtp.json", "format", same);
    assert_eq!(report.total.agreed, 4, "{}", report.to_text());
    let left = vec![
        line("NOOP", &["a b"], "NOOP =a b\n"),
        line(
            "MAIL",
            &["a@b", "x]y"],
            "MAIL FROM=<a@b> FINGERPRINT=[x]y]\n",
        ),
    ];
    let report = judged_cases("dmtp.json", "format", left);
    meet(
        &report,
        "dmtp.json",
        2,
        &["values-do-not-leave-their-marks"],
    );
}

#[test]
fn a_password_that_only_libdime_takes_is_ruled() {
    let long = json!({ "password_hex": "61".repeat(2000), "bonus": 0, "rounds": 8 });
    let report = judged_cases("stacie.json", "rounds", vec![long]);
    meet(&report, "stacie.json", 1, &["stacie-texts-are-bounded"]);
}

#[test]
fn hosts_that_the_generator_writes_as_given_are_ruled() {
    let given = recorded_case_named("mrec.json", "genrec", "A/dx_two");
    let text = given
        .to_string()
        .replace("dx2.darkmail.example:26", "dx2.darkmail.example");
    let text = text.replace("dx1.darkmail", "DX1.darkmail");
    let case: Value = serde_json::from_str(&text).expect("JSON");
    let report = judged_cases("mrec.json", "genrec", vec![case]);
    meet(
        &report,
        "mrec.json",
        1,
        &["hosts-are-written-in-lower-case"],
    );
}

#[test]
fn an_identifier_that_is_no_name_is_ruled() {
    // Cut off at the organization's first signature, the identifier and the last signature are made anew.
    let world = world();
    let whole = world.signet_bytes("author_id").expect("it is there");
    let last = whole.len() - 65;
    let old = world.name("author_address").expect("an address");
    let mut bytes = whole[..last - old.len() - 2].to_vec();
    bytes.extend([254, 9]);
    bytes.extend_from_slice(b"not a@one");
    let origin = world.keys("origin").expect("the keys are there").signing;
    let signature = origin.sign(&bytes[5..]);
    bytes.push(255);
    bytes.extend_from_slice(&signature.0);
    let length = u32::try_from(bytes.len() - 5).expect("short").to_be_bytes();
    bytes[2..5].copy_from_slice(&length[1..]);
    let report = judged_cases(
        "signets_valid.json",
        "cases",
        vec![signet_case(&bytes, None, "SS_ID")],
    );
    let wanted = [
        "users-belong-to-their-organization",
        "identifiers-are-names",
    ];
    meet(&report, "signets_valid.json", 1, &wanted);
}

/// An organization's signet with these fields 2 behind its POK, in a case with these keys to sign messages.
fn organization_case(secondary: &[u8], listed: &Value) -> Value {
    let keys = world().keys("origin").expect("the keys are there");
    let signing = keys.signing.public().0;
    let mut bytes = vec![0x06, 0xf0, 0, 0, 0, 1, 33, 0x40];
    bytes.extend(signing);
    bytes.extend(secondary);
    bytes.extend([3, 0, 33]);
    bytes.extend(keys.encryption.public().as_bytes());
    let signature = keys.signing.sign(&bytes[5..]);
    bytes.push(4);
    bytes.extend(signature.0);
    let length = u32::try_from(bytes.len() - 5).expect("short").to_be_bytes();
    bytes[2..5].copy_from_slice(&length[1..]);
    let mut case = signet_case(&bytes, None, "SS_CRYPTO");
    case["context"] = json!({ "poks_hex": [hex::encode(signing)] });
    case["libdime"]["signkeys_msg"] = listed.clone();
    case
}

#[test]
fn lists_of_more_keys_than_we_try_and_with_an_empty_one_are_ruled() {
    let pok = world().keys("origin").expect("there").signing.public().0;
    let mut listed = vec![hex::encode(pok)];
    let mut many = Vec::new();
    for seed in 1..=9 {
        let public = SigningKey::from_seed([seed; 32]).public().0;
        listed.push(hex::encode(public));
        many.extend([2, 34, 2, 0x40]);
        many.extend(public);
    }
    for (case, ruling) in [
        (
            organization_case(&many, &json!(listed)),
            "secondary-keys-are-few",
        ),
        (
            organization_case(&[2, 0], &Value::Null),
            "an-empty-secondary-key-is-none",
        ),
    ] {
        let report = judged_cases("signets_valid.json", "cases", vec![case]);
        meet(&report, "signets_valid.json", 1, &[ruling]);
    }
}

/// A case of a user's signet, with what libdime makes of it.
fn signet_case(bytes: &[u8], previous: Option<&str>, state: &str) -> Value {
    let mut case = recorded_case("signets_valid.json", "cases", 0);
    case["signet"] = json!(null);
    case["signet_b64"] = json!(encode_padded(bytes));
    case["context"] = json!({ "org_signet": "origin_id", "previous_signet": previous });
    case["libdime"] = json!({ "deserialize_ok": true, "state": state });
    for key in ["base64", "armored_text"] {
        case[key] = json!(null);
    }
    case
}

#[test]
fn a_message_key_behind_an_envelope_is_read_by_both() {
    let mut case = recorded_case("parsers.json", "envelope_parse", 0);
    let read = |key: &str, case: &mut Value, kind: u8| {
        let print = "A".repeat(86);
        let text = format!(
            "Author: <u@d>\r\nAuthor-Signet: [{print}]\r\nDestination: <d>\r\n\
             Destination-Signet: [{print}]\r\nMessage-Key: [{key}]\r\n"
        );
        let text = match kind {
            4 => text,
            _ => text
                .replace("Author", "Recipient")
                .replace("Destination", "Origin"),
        };
        case["chunk_type"] = json!(kind);
        case["data_b64"] = json!(encode_padded(text.as_bytes()));
        case["libdime"] = json!({
            "ok": true, "user": "u@d", "user_fp": print, "org": "d", "org_fp": print,
        });
        judged_cases("parsers.json", "envelope_parse", vec![case.clone()])
    };
    let good = read(&"A".repeat(43), &mut case, 4);
    assert_eq!(good.total.agreed, 1, "{}", good.to_text());
    let other = read(&format!("{}B", "A".repeat(42)), &mut case, 4);
    meet(
        &other,
        "parsers.json",
        1,
        &["envelope-texts-are-well-formed"],
    );
    let other = read(&"A".repeat(43), &mut case, 5);
    meet(
        &other,
        "parsers.json",
        1,
        &["envelope-texts-are-well-formed"],
    );
}

/// Adds the order of the base point to the S of a signature.
pub(super) fn unreduced(signature: &mut [u8]) {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de14").expect("hex");
    let order = order.into_iter().chain([0; 15]).chain([0x10]);
    let mut carry = 0;
    for (digit, order) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(order) + carry;
        *digit = sum as u8;
        carry = sum >> 8;
    }
}

#[test]
fn signets_with_a_signature_of_another_spelling_are_ruled() {
    let world = world();
    let mut bytes = world.signet_bytes("author_id").expect("it is there");
    let start = bytes.len() - 64;
    unreduced(&mut bytes[start..]);
    let case = signet_case(&bytes, None, "SS_ID");
    let report = judged_cases("signets_valid.json", "cases", vec![case]);
    meet(
        &report,
        "signets_valid.json",
        1,
        &["signet-signatures-are-strict"],
    );
}

#[test]
fn a_foreign_identifier_is_invalid_before_custody_is_broken() {
    let world = world();
    let request = Signet::parse(&world.signet_bytes("author_ssr").expect("there")).expect("an SSR");
    let origin = world.keys("origin").expect("the keys are there").signing;
    let signet = issue_fields(&request, &origin, &[], "ivy@evil.example").expect("issued");
    let case = signet_case(signet.as_bytes(), Some("author_id"), "SS_BROKEN_COC");
    let report = judged_cases("signets_valid.json", "cases", vec![case]);
    meet(
        &report,
        "signets_valid.json",
        1,
        &["invalid-before-broken-custody"],
    );
}

pub(super) fn world() -> World<'static> {
    let file = Entry::root("worlds.json", &RECORDED.json["worlds.json"]);
    let worlds = file.at("worlds").items().expect("there are worlds");
    World::new(worlds.into_iter().next().expect("a world"))
}
