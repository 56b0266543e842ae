//! Key files, and the armour of keys and signets.

use dime_wire::Profile;
use dime_wire::encoding;
use dime_wire::keys::{EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::signet::Signet;
use serde_json::{Value, json};

use super::judge::{Checker, broke_memory, check_lists};
use super::primitives::lenient_base64;
use super::{Comparisons, Context, Entry, FolderError, Judge};

const LISTS: [(&str, Checker); 4] = [
    ("valid", write),
    ("load_cases", load),
    ("signet_armor_cases", signet),
    ("ed25519_private_pem_cases", seed),
];

/// Judges `keyfiles.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    check_lists(&LISTS, file, judge)
}

/// A key file is written as recorded and read again.
fn write(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let (kind, scalar) = (case.at("type"), case.at("secp256k1_private_hex"));
    let owner = match kind.text()? {
        "org" => KeyOwner::Organization,
        "user" => KeyOwner::User,
        _ => return Err(kind.is_not("org or user")),
    };
    let encryption = EncryptionKey::from_bytes(scalar.array()?);
    let keys = PrivateKeys {
        signing: SigningKey::from_seed(case.at("ed25519_private_hex").array()?),
        encryption: encryption.map_err(|_| scalar.is_not("a secp256k1 scalar"))?,
    };
    let (binary, armored) = (
        case.at("binary_hex").hex()?,
        case.at("armored_text").text()?,
    );
    found.bytes("binary", &keys.to_file(owner, Profile::Libdime), &binary);
    let ours = keys.to_armor(owner, Profile::Libdime);
    found.bytes("armour", ours.as_bytes(), armored.as_bytes());
    let expected = Ok((owner, keys.clone()));
    found.equal(
        "read binary",
        PrivateKeys::from_file(&binary) == expected,
        true,
    );
    found.equal(
        "read armour",
        PrivateKeys::from_armor(armored) == expected,
        true,
    );
    if let Some(public) = case.optional("ed25519_public_hex") {
        found.bytes("signing key", &keys.signing.public().0, &public.hex()?);
    }
    if let Some(public) = case.optional("secp256k1_public_hex") {
        let ours = keys.encryption.public();
        found.bytes("encryption key", ours.as_bytes(), &public.hex()?);
    }
    Ok(Value::Null)
}

/// libdime reads the two keys of a file one by one, we both or none.
fn load(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let file = case.at("pem_b64").base64()?;
    let ours = armored(&file).map(PrivateKeys::from_armor);
    let why = match &ours {
        Some(Err(error)) => Some(error.to_string()),
        Some(Ok(_)) => None,
        None => Some("text is not UTF-8".to_owned()),
    };
    let keys = ours.and_then(Result::ok).map(|(_, keys)| keys);
    let signing = keys.as_ref().map(|keys| hex::encode(keys.signing.seed()));
    let encryption = keys
        .as_ref()
        .map(|keys| hex::encode(*keys.encryption.to_bytes()));
    let libdime = case.at("libdime");
    for (aspect, own, verdict, member) in [
        (
            "signing key",
            signing,
            "signing_key_ok",
            "ed25519_private_hex",
        ),
        (
            "encryption key",
            encryption,
            "encryption_key_ok",
            "secp256k1_private_hex",
        ),
    ] {
        if broke_memory(&libdime) {
            found.broke_memory(aspect, own.is_none());
        } else {
            let read = libdime.at(verdict).boolean()?;
            let recorded = libdime.optional(member).filter(|_| read);
            found.equal(
                aspect,
                own,
                recorded.map_or(Value::Null, |key| key.value().clone()),
            );
        }
        if let Some(why) = &why {
            found.because(why);
        }
    }
    let layout = layout(&file);
    Ok(json!({
        "strict_base64": has_strict_body(&file),
        "utf8": armored(&file).is_some(),
        "whole": layout.map(|layout| layout == Layout::Libdime),
        "narrow": layout == Some(Layout::Magma),
    }))
}

fn signet(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let file = case.at("pem_b64").base64()?;
    let ours = armored(&file).and_then(|text| Signet::from_armor(text).ok());
    let libdime = case.at("libdime");
    if broke_memory(&libdime) {
        found.broke_memory("signet", ours.is_none());
    } else {
        let recorded = libdime.at("ok").boolean()?;
        found.equal("signet", ours.is_some(), recorded);
        if let (Some(signet), true) = (&ours, recorded) {
            found.bytes(
                "binary",
                signet.as_bytes(),
                &libdime.at("binary_b64").base64()?,
            );
        }
    }
    Ok(json!({
        "strict_base64": has_strict_body(&file),
        "utf8": armored(&file).is_some(),
    }))
}

fn seed(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let file = case.at("pem_b64").base64()?;
    let ours = armored(&file).and_then(|text| SigningKey::from_armor(text).ok());
    let libdime = case.at("libdime");
    if broke_memory(&libdime) {
        found.broke_memory("signing key", ours.is_none());
    } else {
        let ours = ours.map(|key| hex::encode(key.seed()));
        let recorded = libdime.at("ed25519_private_hex").value().clone();
        found.equal("accepted", ours.is_some(), libdime.at("ok").boolean()?);
        found.equal("signing key", ours, recorded);
    }
    Ok(json!({
        "strict_base64": has_strict_body(&file),
        "utf8": armored(&file).is_some(),
    }))
}

fn armored(file: &[u8]) -> Option<&str> {
    std::str::from_utf8(file).ok()
}

/// Whether the lines between BEGIN and END hold nothing but base64 in its one spelling, and a checksum.
fn has_strict_body(file: &[u8]) -> bool {
    let text = String::from_utf8_lossy(file);
    let body = text
        .lines()
        .skip_while(|line| !line.contains("-----BEGIN "));
    let body = body.skip(1).take_while(|line| !line.contains("-----END "));
    let lines = body.map(|line| line.replace([' ', '\t', '\r'], ""));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let is_checksum = |line: &&String| line.len() == 5 && line.starts_with('=');
    let (data, checksum) = match lines.split_last() {
        Some((last, before)) if is_checksum(&last) => (before.concat(), last.as_str()),
        _ => (lines.concat(), ""),
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    encoding::encode_padded(&lenient_base64(&data)) == data && checksum.chars().all(allowed)
}

/// How the contents of a key file are laid out, looked at by themselves (spec/10 §10).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Both keys in order, the length of the second in 2 bytes.
    Libdime,
    /// The same with a length of 1 byte.
    Magma,
    /// Anything else.
    Other,
}

/// Nothing if the armour holds no base64.
fn layout(file: &[u8]) -> Option<Layout> {
    let text = String::from_utf8_lossy(file);
    let lines = text
        .lines()
        .skip_while(|line| !line.contains("-----BEGIN "));
    let body = lines
        .skip(1)
        .take_while(|line| !line.starts_with(['-', '=']));
    let body: String = body.flat_map(str::split_whitespace).collect();
    let binary = encoding::decode_strict(&body).ok()?;
    let field = match binary.get(..2)? {
        [0x07, 0xa0] => 3,
        [0x07, 0xdd] => 2,
        _ => return Some(Layout::Other),
    };
    let (first, second) = (binary.get(5..7), binary.get(39..));
    let is_second = |head: &[u8]| second.is_some_and(|second| second.starts_with(head));
    let layout = match (first, binary.len()) {
        (Some([1, 32]), 74) if is_second(&[field, 0, 32]) => Layout::Libdime,
        (Some([1, 32]), 73) if is_second(&[field, 32]) => Layout::Magma,
        _ => Layout::Other,
    };
    Some(layout)
}
