//! STACIE: rounds, derivations, encryption for realms, and what must be refused.

use dime_wire::stacie::{
    Identity, Key, MAXIMUM_ROUNDS, RealmForm, RealmKey, Rounds, SALT_SIZE, StacieError,
};
use serde_json::{Value, json};

use super::judge::each;
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Values by their names in the file.
type Named = Vec<(&'static str, Vec<u8>)>;

/// Judges `stacie.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    if let Some(list) = file.optional("rounds") {
        each(&list, |case| {
            let mut found = Comparisons::new();
            rounds(case, &mut found)?;
            judge.case(case, &Value::Null, &found);
            Ok(())
        })?;
    }
    if let Some(list) = file.optional("derivations") {
        each(&list, |case| derivation(case, judge))?;
    }
    if let Some(list) = file.optional("errors") {
        each(&list, |case| {
            let mut found = Comparisons::new();
            refusal(case, &mut found)?;
            judge.case(case, &Value::Null, &found);
            Ok(())
        })?;
    }
    Ok(())
}

/// A refused password has 0 rounds in the file.
fn rounds(case: &Entry<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
    let password = case.at("password_hex").hex()?;
    let ours = Rounds::for_password(&password, case.at("bonus").number()? as u64);
    let recorded = case.at("rounds").number()?;
    found.equal("rounds", ours.map_or(0, Rounds::get), recorded);
    if let Err(error) = ours {
        found.because(error);
    }
    Ok(())
}

/// The values of one derivation are one case, every encryption under its realm key is another.
fn derivation(case: &Entry<'_>, judge: &mut Judge<'_>) -> Result<(), FolderError> {
    let mut found = Comparisons::new();
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
    judge.case(case, &Value::Null, &found);
    let key = RealmKey::from_bytes(case.at("realm_key_hex").array()?);
    if let Some(list) = case.optional("realm_encrypt") {
        each(&list, |case| encryption(case, &key, judge))?;
    }
    if let Some(list) = case.optional("realm_decrypt_corrupt") {
        each(&list, |case| {
            let envelope = case.at("envelope_hex").hex()?;
            let mut found = Comparisons::new();
            let ours = key.decrypt(&envelope);
            found.equal("decryption", ours.is_ok(), case.at("ok").boolean()?);
            judge.case(case, &json!({ "size": envelope.len() }), &found);
            Ok(())
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
fn encryption(case: &Entry<'_>, key: &RealmKey, judge: &mut Judge<'_>) -> Result<(), FolderError> {
    let (plaintext, recorded) = (case.at("plaintext_hex").hex()?, case.at("envelope_hex"));
    let serial = case.at("serial");
    let serial = u16::try_from(serial.number()?).map_err(|_| serial.is_not("below 65536"))?;
    let envelope = recorded.hex()?;
    let shard = envelope.get(2..).and_then(|rest| rest.first_chunk());
    let shard = shard.ok_or_else(|| recorded.is_not("as long as an envelope's head"))?;
    let mut found = Comparisons::new();
    match key.encrypt(serial, &plaintext, *shard) {
        Ok(ours) => found.bytes("envelope", &ours, &envelope),
        Err(error) => found.equal("envelope", "refused", "written").because(error),
    };
    let ours = key.decrypt(&envelope);
    let read = case.at("libdime_decrypts_it").boolean()?;
    found.equal("reading", ours.is_ok(), read);
    if let Ok((serial_read, secret)) = &ours {
        found.equal("serial", *serial_read, serial);
        found.bytes("secret", secret, &plaintext);
    }
    judge.case(case, &json!({ "size": envelope.len() }), &found);
    Ok(())
}

/// The id is all that says what was tried: which input of the seed, and what was wrong with it.
fn refusal(case: &Entry<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
    let id = case.at("id").text()?;
    let mut input = (b"password".to_vec(), SALT_SIZE, 8);
    let known = match id.strip_prefix("seed_").map(|what| what.split_once('_')) {
        Some(Some(("rounds", "max"))) => set(&mut input.2, Some(MAXIMUM_ROUNDS)),
        Some(Some(("rounds", "max_plus_1"))) => set(&mut input.2, Some(MAXIMUM_ROUNDS + 1)),
        Some(Some(("rounds", number))) => set(&mut input.2, number.parse().ok()),
        Some(Some(("salt", size))) => set(
            &mut input.1,
            size.parse().ok().filter(|size| *size <= 1 << 16),
        ),
        Some(Some(("empty", "password"))) => set(&mut input.0, Some(Vec::new())),
        _ => false,
    };
    if !known {
        found.equal("input", "unknown to this check", id);
        return Ok(());
    }
    let (password, salt, rounds) = input;
    let ours = Rounds::new(rounds)
        .and_then(|rounds| Identity::new("user", &vec![7; salt])?.derive(&password, rounds));
    if case
        .optional("crash")
        .is_some_and(|crash| crash.value() == true)
    {
        found.broke_memory("derivation", ours.is_err());
    } else {
        found.equal("derivation", ours.is_ok(), case.at("ok").boolean()?);
    }
    if let Err(error) = ours {
        found.because(error);
    }
    Ok(())
}

/// Sets `place` if there is a value.
fn set<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}
