//! The random values that went into a recorded message, handed out as a sealer asks for them.

use dime_wire::keys::Kek;
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{Actor, ChunkType, Message, MessageEntropy};

use super::messages::Cast;
use super::{Entry, FolderError};

/// Bytes of a standard payload in front of its data.
const HEAD: usize = 69;
/// The chunks that the origin signs or drops; the author makes all three.
const OF_ORIGIN: [u8; 3] = [248, 249, 255];

/// The recorded random values. Those of a bounce chunk that the origin dropped are recovered from the
/// author's stage where that is recorded; elsewhere they do not matter, as the chunk goes again.
#[derive(Clone, Debug)]
pub(super) struct RecordedEntropy {
    ephemeral: [u8; 32],
    chunks: Vec<Randomness>,
}

/// The random values of one chunk.
#[derive(Clone, Debug, Default)]
struct Randomness {
    key: [u8; 32],
    iv: [u8; 16],
    padding: u8,
    slots: Vec<(Actor, [u8; 16])>,
}

impl RecordedEntropy {
    /// Those of `case`, in the order in which an author makes the chunks.
    pub(super) fn of(case: &Entry<'_>, cast: &Cast) -> Result<Self, FolderError> {
        let recorded = case.at("chunks").items()?;
        let stage = case.optional("author_stage_message_b64");
        let stage = stage.map(|stage| stage.base64()).transpose()?;
        let mut chunks = Vec::new();
        let mut of_origin = OF_ORIGIN.map(|kind| dropped(kind, stage.as_deref(), cast));
        for chunk in &recorded {
            let kind = chunk.at("type").byte()?;
            let values = Randomness::of(chunk)?;
            match OF_ORIGIN.iter().position(|other| *other == kind) {
                Some(position) => {
                    if let Some(place) = of_origin.get_mut(position) {
                        *place = Some(values);
                    }
                }
                None => chunks.push(values),
            }
        }
        chunks.extend(of_origin.map(Option::unwrap_or_default));
        Ok(Self {
            ephemeral: case.at("ephemeral_private_hex").array()?,
            chunks,
        })
    }

    fn chunk<T: Default>(&self, index: usize, value: impl Fn(&Randomness) -> T) -> T {
        self.chunks.get(index).map(value).unwrap_or_default()
    }
}

impl Randomness {
    fn of(chunk: &Entry<'_>) -> Result<Self, FolderError> {
        let Some(key) = chunk.optional("aes_key_hex") else {
            return Ok(Self::default());
        };
        let mut slots = Vec::new();
        for slot in chunk.at("keyslots").items()? {
            let name = slot.at("actor");
            let text = name.text()?;
            let actor = Actor::ALL.into_iter().find(|actor| actor.name() == text);
            let actor = actor.ok_or_else(|| name.is_not("one of the four actors"))?;
            slots.push((actor, slot.at("random_hex").array()?));
        }
        Ok(Self {
            key: key.array()?,
            iv: chunk.at("iv_hex").array()?,
            padding: padding(chunk)?,
            slots,
        })
    }
}

/// A value that gives the recorded padding; the number of random blocks is one.
fn padding(chunk: &Entry<'_>) -> Result<u8, FolderError> {
    if chunk.optional("data_size").is_none() {
        return Ok(0);
    }
    if chunk.at("flags").number()? & 1 != 0 {
        return chunk.at("pad_byte").byte();
    }
    let size = chunk.at("data_size");
    let used = HEAD.checked_add(size.number()?);
    let used = used.ok_or_else(|| size.is_not("a possible size"))?;
    let least = if used < 256 {
        256 - used
    } else {
        16 - used % 16
    };
    let payload = chunk.at("payload_size");
    let random = payload.number()?.checked_sub(used + least);
    let blocks = random.and_then(|random| u8::try_from(random / 16).ok());
    blocks.ok_or_else(|| payload.is_not("a size that padding can give"))
}

/// The values of a chunk that the author made and the origin dropped, out of the author's stage.
fn dropped(kind: u8, stage: Option<&[u8]>, cast: &Cast) -> Option<Randomness> {
    let message = Message::parse(stage?).ok()?;
    let chunk = message.chunk(ChunkType::from_byte(kind)?)?;
    let mut values = Randomness::default();
    for (actor, key) in cast.keys() {
        let kek = Kek::derive(key?, message.ephemeral());
        let (key, random) = ChunkKey::and_mask_from_keyslot(&kek, chunk.slot(actor)?);
        values.key = *key.key();
        values.iv = *key.iv();
        values.slots.push((actor, random));
    }
    Some(values)
}

impl MessageEntropy for RecordedEntropy {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.ephemeral
    }

    /// No recorded message is of the hardened profile.
    fn message_key(&mut self) -> [u8; 32] {
        [0; 32]
    }

    /// No recorded message uses the alternate layer.
    fn alternate_key(&mut self) -> [u8; 32] {
        [0; 32]
    }

    fn chunk_key(&mut self, index: usize) -> [u8; 32] {
        self.chunk(index, |chunk| chunk.key)
    }

    fn chunk_iv(&mut self, index: usize) -> [u8; 16] {
        self.chunk(index, |chunk| chunk.iv)
    }

    fn padding(&mut self, index: usize) -> u8 {
        self.chunk(index, |chunk| chunk.padding)
    }

    fn slot(&mut self, index: usize, actor: Actor) -> [u8; 16] {
        self.chunk(index, |chunk| {
            let slot = chunk.slots.iter().find(|(owner, _)| *owner == actor);
            slot.map(|(_, random)| *random).unwrap_or_default()
        })
    }
}
