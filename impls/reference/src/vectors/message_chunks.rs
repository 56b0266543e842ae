//! The recorded chunks of a good message: where they lie, and what is in them for whoever has a key.

use dime_wire::keys::{Kek, Signature, VerifyingKey};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{Actor, Chunk, Message};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::messages::Cast;
use super::{Comparisons, Entry, FolderError};

/// Compares every chunk with the one recorded at its place.
pub(super) fn compare(
    case: &Entry<'_>,
    message: &Message<'_>,
    cast: &Cast,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let recorded = case.at("chunks").items()?;
    found.equal("number of chunks", message.chunks().len(), recorded.len());
    let author = cast.signet(Actor::Author).ok();
    let author = author.and_then(|signet| signet.signing_key().ok());
    let tracing = message.tracing().map_or(0, |tracing| tracing.len() + 4);
    let mut offset = tracing + 6;
    for (chunk, recorded) in message.chunks().iter().zip(&recorded) {
        let kind = chunk.kind as u8;
        let own = json!({
            "type": kind,
            "offset": offset,
            "payload_size": chunk.payload.len(),
            "serial_size": chunk.bytes.len(),
        });
        offset += chunk.bytes.len();
        members("chunk layout", kind, &own, recorded, found);
        slots(chunk, message, cast, recorded, found)?;
        if let Some(plain) = plain(chunk, message, cast) {
            let own = describe(chunk, &plain, author.as_ref());
            members("chunk contents", kind, &own, recorded, found);
        }
    }
    Ok(())
}

/// Compares those members of `own` that are recorded.
fn members(aspect: &str, kind: u8, own: &Value, recorded: &Entry<'_>, found: &mut Comparisons) {
    for (key, value) in own.as_object().into_iter().flatten() {
        if let Some(recorded) = recorded.optional(key) {
            found.equal(aspect, value.clone(), recorded.value().clone());
            found.with("chunk", kind).with("member", key.as_str());
        }
    }
}

/// Every keyslot opens to the chunk's key and initialization vector, under the recorded mask.
fn slots(
    chunk: &Chunk<'_>,
    message: &Message<'_>,
    cast: &Cast,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let Some(slots) = recorded.optional("keyslots") else {
        return Ok(());
    };
    for recorded_slot in slots.items()? {
        let name = recorded_slot.at("actor").text()?;
        let actor = Actor::ALL.into_iter().find(|actor| actor.name() == name);
        let opened = actor.and_then(|actor| {
            let kek = Kek::derive(cast.key(actor)?, message.ephemeral());
            Some(ChunkKey::and_mask_from_keyslot(&kek, chunk.slot(actor)?))
        });
        let own = opened.map(|(key, random)| {
            [key.key().as_slice(), key.iv(), &random]
                .map(hex::encode)
                .to_vec()
        });
        let place = actor.and_then(|actor| chunk.kind.slots().iter().position(|it| *it == actor));
        let members = [
            recorded.at("aes_key_hex").text()?,
            recorded.at("iv_hex").text()?,
            recorded_slot.at("random_hex").text()?,
        ];
        found.equal("keyslot", json!(own), json!(members));
        found.with("chunk", chunk.kind as u8).with("actor", name);
        let own = place.map(|place| place + 1);
        found.equal(
            "keyslot position",
            json!(own),
            recorded_slot.at("slot").value().clone(),
        );
    }
    Ok(())
}

/// The payload in plain, by the author's keyslot.
fn plain(chunk: &Chunk<'_>, message: &Message<'_>, cast: &Cast) -> Option<Vec<u8>> {
    let slot = chunk.slot(Actor::Author)?;
    let kek = Kek::derive(cast.key(Actor::Author)?, message.ephemeral());
    let mut payload = chunk.payload.to_vec();
    ChunkKey::from_keyslot(&kek, slot).decrypt(&mut payload);
    Some(payload)
}

fn describe(chunk: &Chunk<'_>, plain: &[u8], author: Option<&VerifyingKey>) -> Value {
    let mut out = json!({ "payload_plaintext_sha512_hex": hex::encode(Sha512::digest(plain)) });
    let Some((signature, covered)) = plain.split_first_chunk::<64>() else {
        return out;
    };
    let [high, middle, low, flags, pad, ..] = covered else {
        return out;
    };
    if let (true, Some(out)) = (chunk.kind.is_standard(), out.as_object_mut()) {
        let digits = [high, middle, low].into_iter();
        let size = digits.fold(0, |value, digit| value * 256 + usize::from(*digit));
        let verifies = author.is_some_and(|key| key.verify(covered, &Signature(*signature)));
        out.insert("data_size".to_owned(), json!(size));
        out.insert("flags".to_owned(), json!(flags));
        out.insert("pad_byte".to_owned(), json!(pad));
        out.insert("chunk_sig_valid".to_owned(), json!(verifies));
    }
    out
}
