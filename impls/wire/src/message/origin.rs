//! The origin's part: signing what leaves, with the bounce signatures that were asked for
//! (spec/30 §5, spec/95 items 37 to 39).

use super::chunk::SIGNATURE_SIZE;
use super::cipher::ChunkKey;
use super::open::{OpenError, complete};
use super::seal::{append_tracing, write_length};
use super::{Actor, Chunk, ChunkType, MESSAGE_MAGIC, Message};
use crate::keys::{FirstPass, Kek, PrivateKeys, Signature};

/// Bytes from which on a first pass is shared: below, it costs more to keep than to repeat.
const WORTH_SHARING: usize = 16 * 1024;

/// Which bounces the destination may return: FULL and DISPLAY ask for both, HEADER for metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounces {
    /// Sign chunk 248, over envelope and metadata.
    pub metadata: bool,
    /// Sign chunk 249, over envelope, metadata and display.
    pub display: bool,
}

/// Completes the author's object as its origin: fills the bounce signatures asked for and chunk
/// 255, drops the bounce chunks not asked for and whatever tracing came in, and puts `tracing` in front
/// if given (by default origins add none).
///
/// `origin_keys` are the organization's encryption key and its POK or a SOK that may sign messages.
/// The payload is replaced under the chunk's own key and keyslots, as the format wants it.
///
/// Refused: what does not parse or is not complete, lacks a chunk to be signed, or has one that does
/// not hold the 64 zero bytes of an author's object, so that nothing is signed twice. The author's
/// signatures are for [`super::open_as_origin`] to verify first.
pub fn sign_as_origin(
    message: &[u8],
    origin_keys: &PrivateKeys,
    bounces: Bounces,
    tracing: Option<&[u8]>,
) -> Result<Vec<u8>, OpenError> {
    let parsed = Message::parse(message)?;
    complete(&parsed)?;
    let kek = Kek::derive(&origin_keys.encryption, parsed.ephemeral());
    let mut out =
        Vec::with_capacity(message.len() + tracing.map_or(0, |tracing| tracing.len() + 4));
    if let Some(tracing) = tracing {
        append_tracing(&mut out, tracing).ok_or(OpenError::Tracing)?;
    }
    out.extend_from_slice(&MESSAGE_MAGIC.to_be_bytes());
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    out.extend_from_slice(parsed.through(ChunkType::AuthorSignature));
    let sign = |kind: ChunkType, signature: Signature, out: &mut Vec<u8>| {
        let chunk = parsed.chunk(kind).ok_or(OpenError::Incomplete(kind))?;
        append_signed(out, chunk, &kek, &signature.0)
    };
    let key = &origin_keys.signing;
    if bounces.metadata {
        let signature = key.sign(parsed.through(ChunkType::OtherHeaders));
        sign(ChunkType::MetadataBounce, signature, &mut out)?;
    }
    // The origin signature covers what the display bounce covers, and more: one first pass for both.
    let mut pass = None;
    if bounces.display {
        let covered = parsed.through(ChunkType::Display);
        let signature = if covered.len() < WORTH_SHARING {
            key.sign(covered)
        } else {
            pass.insert(FirstPass::over(key, covered)).sign(covered)
        };
        sign(ChunkType::DisplayBounce, signature, &mut out)?;
    }
    let covered = out.get(body..).unwrap_or_default();
    let signature = match &mut pass {
        Some(pass) => pass.sign(covered),
        None => key.sign(covered),
    };
    sign(ChunkType::OriginSignature, signature, &mut out)?;
    write_length(&mut out, body);
    Ok(out)
}

/// Appends `chunk` with its payload replaced by `signature`, under the same key and keyslots.
pub(super) fn append_signed(
    out: &mut Vec<u8>,
    chunk: &Chunk<'_>,
    kek: &Kek,
    signature: &[u8; SIGNATURE_SIZE],
) -> Result<(), OpenError> {
    let slot = chunk.slot(Actor::Origin).ok_or(OpenError::Undecryptable)?;
    let key = ChunkKey::from_keyslot(kek, slot);
    let mut payload: [u8; SIGNATURE_SIZE] = chunk
        .payload
        .try_into()
        .map_err(|_| OpenError::Undecryptable)?;
    key.decrypt(&mut payload);
    if payload != [0; SIGNATURE_SIZE] {
        return Err(OpenError::NotUnsigned(chunk.kind));
    }
    payload = *signature;
    key.encrypt(&mut payload);
    let head = chunk.bytes.len() - chunk.payload.len() - chunk.slots.len();
    out.extend_from_slice(chunk.bytes.get(..head).unwrap_or_default());
    out.extend_from_slice(&payload);
    out.extend_from_slice(chunk.slots);
    Ok(())
}
