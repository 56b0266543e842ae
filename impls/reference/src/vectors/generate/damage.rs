//! Damage to finished objects: chunks dropped, exchanged or changed, with a header that fits again.

use dime_wire::keys::{EncryptionKey, Kek};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{Actor, ChunkType, MESSAGE_MAGIC, Message, OpenError};

use super::GenerateError;

/// The message with its chunks passed through `change`, without tracing, its length right again.
pub(super) fn rebuilt(
    message: &[u8],
    change: impl FnOnce(&mut Vec<(ChunkType, Vec<u8>)>),
) -> Result<Vec<u8>, GenerateError> {
    let mut chunks = chunks(message)?;
    change(&mut chunks);
    let body: Vec<u8> = chunks.into_iter().flat_map(|(_, bytes)| bytes).collect();
    let mut out = MESSAGE_MAGIC.to_be_bytes().to_vec();
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

/// The chunks of a message, each with its keyslots.
pub(super) fn chunks(message: &[u8]) -> Result<Vec<(ChunkType, Vec<u8>)>, GenerateError> {
    let parsed = Message::parse(message).map_err(OpenError::from)?;
    let chunks = parsed.chunks().iter();
    Ok(chunks
        .map(|chunk| (chunk.kind, chunk.bytes.to_vec()))
        .collect())
}

/// The message without the chunks of a type.
pub(super) fn without(message: &[u8], kind: ChunkType) -> Result<Vec<u8>, GenerateError> {
    rebuilt(message, |chunks| chunks.retain(|(other, _)| *other != kind))
}

/// The message with the first chunk of a type taken from another one.
pub(super) fn with_chunk_of(
    message: &[u8],
    kind: ChunkType,
    other: &[u8],
) -> Result<Vec<u8>, GenerateError> {
    let foreign = chunks(other)?.into_iter().find(|(found, _)| *found == kind);
    rebuilt(message, |chunks| {
        let place = chunks.iter_mut().find(|(found, _)| *found == kind);
        if let (Some(place), Some(foreign)) = (place, foreign) {
            *place = foreign;
        }
    })
}

/// The message with the payload of a chunk decrypted from another message and encrypted under this
/// chunk's own key, as an actor can who has a keyslot in both. The keyslots stay.
pub(super) fn with_text_of(
    message: &[u8],
    kind: ChunkType,
    other: &[u8],
    (actor, key): (Actor, &EncryptionKey),
) -> Result<Vec<u8>, GenerateError> {
    let (ours, theirs) = (
        opened(message, kind, actor, key)?,
        opened(other, kind, actor, key)?,
    );
    let mut payload = theirs.payload;
    ours.key.encrypt(&mut payload);
    let mut chunk = vec![kind as u8];
    chunk.extend((payload.len() as u32).to_be_bytes().iter().skip(1));
    chunk.extend_from_slice(&payload);
    chunk.extend_from_slice(&ours.slots);
    rebuilt(message, |chunks| {
        if let Some(place) = chunks.iter_mut().find(|(found, _)| *found == kind) {
            place.1 = chunk;
        }
    })
}

struct OpenChunk {
    key: ChunkKey,
    payload: Vec<u8>,
    slots: Vec<u8>,
}

/// The first chunk of a type, decrypted through the keyslot of `actor`.
fn opened(
    message: &[u8],
    kind: ChunkType,
    actor: Actor,
    key: &EncryptionKey,
) -> Result<OpenChunk, GenerateError> {
    let parsed = Message::parse(message).map_err(OpenError::from)?;
    let missing = || GenerateError::Unknown(format!("keyslot of {actor} in chunk {kind}"));
    let chunk = parsed.chunk(kind).ok_or_else(missing)?;
    let slot = chunk.slot(actor).ok_or_else(missing)?;
    let key = ChunkKey::from_keyslot(&Kek::derive(key, parsed.ephemeral()), slot);
    let mut payload = chunk.payload.to_vec();
    key.decrypt(&mut payload);
    Ok(OpenChunk {
        key,
        payload,
        slots: chunk.slots.to_vec(),
    })
}

/// The message with one bit changed in the middle of the payload of the first chunk of a type.
pub(super) fn with_flipped(message: &[u8], kind: ChunkType) -> Result<Vec<u8>, GenerateError> {
    rebuilt(message, |chunks| {
        let found = chunks.iter_mut().find(|(found, _)| *found == kind);
        if let Some((_, bytes)) = found {
            // Behind type, length and the first block, in front of the keyslots of the smallest chunk.
            if let Some(byte) = bytes.get_mut(4 + 20) {
                *byte ^= 0x10;
            }
        }
    })
}

/// The message with two chunks of a type in the other order.
pub(super) fn with_swapped(message: &[u8], kind: ChunkType) -> Result<Vec<u8>, GenerateError> {
    rebuilt(message, |chunks| {
        let places: Vec<usize> = (0..chunks.len())
            .filter(|place| chunks.get(*place).is_some_and(|(found, _)| *found == kind))
            .collect();
        if let [first, second, ..] = places.as_slice() {
            chunks.swap(*first, *second);
        }
    })
}
