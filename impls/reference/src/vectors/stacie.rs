//! STACIE: rounds, derivations, encryption for realms, and what must be refused.

use dime_wire::stacie::{
    Identity, Key, MAXIMUM_ROUNDS, RealmForm, RealmKey, Rounds, SALT_SIZE, StacieError,
};
use serde_json::{Value, json};

use super::judge::{broke_memory, each};
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Most bytes of a salt that a case may ask for.
const MAXIMUM_SALT: usize = 1 << 16;

/// Longest username and password that a ruling allows, in bytes.
const LONGEST: usize = 1024;

/// Values by their names in the file.
type Named = Vec<(&'static str, Vec<u8>)>;

/// Judges `stacie.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    if let Some(list) = file.optional("rounds") {
        each(list.items()?, judge, rounds)?;
    }
    if let Some(list) = file.optional("derivations") {
        for case in list.items()? {
            derivation(&case, judge)?;
        }
    }
    if let Some(list) = file.optional("errors") {
        let cases = list.items()?.into_iter();
        let (known, unknown): (Vec<_>, Vec<_>) = cases.partition(|case| input(case).is_some());
        let places = unknown.iter().map(|case| case.path().to_owned());
        judge.not_understood.extend(places);
        each(known, judge, refusal)?;
    }
    Ok(())
}

/// A refused password has 0 rounds in the file.
fn rounds(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let password = case.at("password_hex").hex()?;
    let ours = Rounds::for_password(&password, case.at("bonus").number()? as u64);
    let recorded = case.at("rounds").number()?;
    found.equal("rounds", ours.map_or(0, Rounds::get), recorded);
    if let Err(error) = ours {
        found.because(error);
    }
    Ok(json!({ "within_limits": password.len() <= LONGEST }))
}

/// The values of one derivation are one case, every encryption under its realm key is another.
fn derivation(case: &Entry<'_>, judge: &mut Judge<'_>) -> Result<(), FolderError> {
    each(vec![case.clone()], judge, |case, found| {
        let derived = derive(case)?;
        let verdict = if derived.is_ok() { "accept" } else { "reject" };
        found.equal("derivation", verdict, "accept");
        match derived {
            Err(error) => {
                found.because(error);
            }
            Ok(values) => {
                for (name, bytes) in &values {
                    found.bytes(*name, bytes, &case.at(name).hex()?);
                }
            }
        }
        let username = case.at("username_utf8").text()?;
        let password = case.at("password_hex").hex()?;
        let longest = username.len().max(password.len());
        Ok(json!({ "within_limits": longest <= LONGEST }))
    })?;
    // Without the realm key the case has failed, and nothing that is under it can be judged.
    let Ok(key) = case.at("realm_key_hex").array() else {
        return Ok(());
    };
    let key = RealmKey::from_bytes(key);
    if let Some(list) = case.optional("realm_encrypt") {
        each(list.items()?, judge, |case, found| {
            encryption(case, &key, found)
        })?;
    }
    if let Some(list) = case.optional("realm_decrypt_corrupt") {
        each(list.items()?, judge, |case, found| {
            decryption(case, &key, found)
        })?;
    }
    Ok(())
}

/// Everything that follows from name, password, salt, nonce and shard, by its name in the file.
fn derive(case: &Entry<'_>) -> Result<Result<Named, StacieError>, FolderError> {
    let (username, password) = (
        case.at("username_utf8").text()?,
        case.at("password_hex").hex()?,
    );
    let (salt, nonce) = (case.at("salt_hex").hex()?, case.at("nonce_hex").hex()?);
    let rounds = u32::try_from(case.at("rounds").number()?).unwrap_or(u32::MAX);
    let (label, shard) = (case.at("realm").text()?, case.at("shard_hex").array()?);
    let derived = || {
        let user = Identity::new(username, &salt)?;
        let keys = user.derive(&password, Rounds::new(rounds)?)?;
        let verification = user.verification_token(&keys.password_key);
        let login = user.login_token(&verification, &nonce)?;
        let shard = Key::from_bytes(shard);
        let realm = RealmKey::derive(&user, &keys.master_key, label, &shard, RealmForm::Legacy);
        Ok(vec![
            ("entropy_seed_hex", keys.seed.as_bytes().to_vec()),
            ("master_key_hex", keys.master_key.as_bytes().to_vec()),
            ("password_key_hex", keys.password_key.as_bytes().to_vec()),
            ("verification_token_hex", verification.as_bytes().to_vec()),
            ("ephemeral_login_token_hex", login.as_bytes().to_vec()),
            ("realm_key_hex", realm.as_bytes().to_vec()),
            ("realm_vector_key_hex", realm.vector_key().to_vec()),
            ("realm_tag_key_hex", realm.tag_key().to_vec()),
            ("realm_cipher_key_hex", realm.cipher_key().to_vec()),
        ])
    };
    Ok(derived())
}

/// The envelope is made again with its own vector shard, and read.
fn encryption(
    case: &Entry<'_>,
    key: &RealmKey,
    found: &mut Comparisons,
) -> Result<Value, FolderError> {
    let (plaintext, recorded) = (case.at("plaintext_hex").hex()?, case.at("envelope_hex"));
    let serial = case.at("serial");
    let serial = u16::try_from(serial.number()?).map_err(|_| serial.is_not("below 65536"))?;
    let envelope = recorded.hex()?;
    let shard = envelope.get(2..).and_then(|rest| rest.first_chunk());
    let shard = shard.ok_or_else(|| recorded.is_not("as long as an envelope's head"))?;
    match key.encrypt(serial, &plaintext, *shard) {
        Ok(ours) => found.bytes("envelope", &ours, &envelope),
        Err(error) => found.equal("envelope", "refused", "written").because(error),
    };
    let ours = key.decrypt(&envelope);
    if broke_memory(case) {
        found.broke_memory("reading", ours.is_err());
    } else {
        let read = case.at("libdime_decrypts_it").boolean()?;
        found.equal("reading", ours.is_ok(), read);
    }
    if let Ok((serial_read, secret)) = &ours {
        found.equal("serial", *serial_read, serial);
        found.bytes("secret", secret, &plaintext);
    }
    Ok(json!({ "size": envelope.len() }))
}

/// A damaged envelope is not read.
fn decryption(
    case: &Entry<'_>,
    key: &RealmKey,
    found: &mut Comparisons,
) -> Result<Value, FolderError> {
    let envelope = case.at("envelope_hex").hex()?;
    let ours = key.decrypt(&envelope);
    if broke_memory(case) {
        found.broke_memory("decryption", ours.is_err());
    } else {
        found.equal("decryption", ours.is_ok(), case.at("ok").boolean()?);
    }
    Ok(json!({ "size": envelope.len() }))
}

/// Password, size of the salt and rounds that were tried. The id is all that says which input of the seed it
/// was, and what was wrong with it; nothing if the id is not one of those that are known.
fn input(case: &Entry<'_>) -> Option<(Vec<u8>, usize, u32)> {
    let (mut password, mut salt, mut rounds) = (b"password".to_vec(), SALT_SIZE, 8);
    let what = case.value().get("id")?.as_str()?.strip_prefix("seed_")?;
    match what.split_once('_')? {
        ("rounds", "max") => rounds = MAXIMUM_ROUNDS,
        ("rounds", "max_plus_1") => rounds = MAXIMUM_ROUNDS + 1,
        ("rounds", number) => rounds = number.parse().ok()?,
        ("salt", size) => salt = size.parse().ok().filter(|size| *size <= MAXIMUM_SALT)?,
        ("empty", "password") => password.clear(),
        _ => return None,
    }
    Some((password, salt, rounds))
}

fn refusal(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let (password, salt, rounds) = input(case).ok_or_else(|| case.is_not("a known attempt"))?;
    let ours = Rounds::new(rounds)
        .and_then(|rounds| Identity::new("user", &vec![7; salt])?.derive(&password, rounds));
    if broke_memory(case) {
        found.broke_memory("derivation", ours.is_err());
    } else {
        found.equal("derivation", ours.is_ok(), case.at("ok").boolean()?);
    }
    if let Err(error) = ours {
        found.because(error);
    }
    Ok(Value::Null)
}
