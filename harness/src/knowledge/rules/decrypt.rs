//! Decrypt: every private key of the world on every keyslot of every chunk, whatever the table of
//! chunk types says, since a slot may have been filled for somebody else.
//!
//! Any key opens any slot to something. A trial counts only if what it gives has structure: a
//! payload whose length and padding agree (spec/30 §3), two slots that give the same chunk key, or
//! 64 bytes that verify as a signature. Failed trials leave no term.

use std::collections::BTreeMap;

use dime_wire::alternate::Agreement;
use dime_wire::keys::{AlternatePublicKey, EncryptionPublicKey, Kek};
use dime_wire::message::ChunkType;
use dime_wire::message::cipher::ChunkKey;

use super::super::graph::{Rule, Slice, Term};
use super::{Derived, Expansion};

/// Trials of a key on a keyslot in one analysis.
pub const MAXIMUM_TRIALS: usize = 1 << 20;
/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Bytes of a payload before its data: signature, length, flags, pad byte.
const PAYLOAD_HEAD: usize = 69;
/// Offset of the length in a payload.
const LENGTH_AT: usize = 64;
/// Longest padding: that of the alternate algorithm.
const MAXIMUM_PADDING: usize = 4096;
/// Flag of the alternate padding algorithm.
const ALTERNATE_PADDING: u8 = 0x01;
/// Flag of data under the alternate layer.
const ALTERNATE_LAYER: u8 = 0x02;
/// Bytes of the payload of a signature chunk.
pub(super) const SIGNATURE: usize = 64;
/// Type of the chunk that carries the key of the alternate layer.
const ALTERNATE_CHUNK: u8 = 3;

/// What one key on one slot gave.
struct Trial {
    key: usize,
    slot: usize,
    chunk_key: ChunkKey,
}

impl Expansion<'_> {
    /// Opens a chunk with every key that does.
    pub(super) fn decrypt(&mut self, chunk: usize, depth: usize) {
        let Some(entry) = self.chunks.get(chunk) else {
            return;
        };
        let (kind, message, term) = (entry.kind, entry.message, entry.term);
        let (at, slots) = (entry.payload.clone(), entry.slots.clone());
        let payload = self.slice(&at).to_vec();
        if payload.is_empty() || !payload.len().is_multiple_of(BLOCK) || slots.is_empty() {
            return;
        }
        self.agree(message);
        let trials = self.trials_on(message, &slots);
        for (plain, trials) in self.accepted(chunk, &payload, trials) {
            let derived = Derived {
                bytes: plain,
                from: at.clone(),
                message: Some(message),
                chunk: Some(kind),
                depth: depth + 1,
            };
            let Some((index, text)) = self.derive(derived) else {
                return;
            };
            if let Some(entry) = self.chunks.get_mut(chunk) {
                entry.opened.push(index);
            }
            for trial in trials {
                let slot = slots.get(trial.slot).unwrap_or(&at).clone();
                if let Some(key) = self.graph.find(&Term::Key(trial.key)) {
                    let rule = Rule::Decrypt {
                        chunk: kind,
                        slot: trial.slot + 1,
                    };
                    self.step(rule, vec![term, key], text, slot);
                }
            }
        }
    }

    /// Opens what the alternate layer encrypted inside chunks that are already open.
    pub(super) fn open_alternate_layer(&mut self) {
        let mut found = Vec::new();
        for (key, held) in self.given.keys.iter().enumerate() {
            let Some(own) = &held.alternate else { continue };
            for carrier in self
                .chunks
                .iter()
                .filter(|chunk| chunk.kind == ALTERNATE_CHUNK)
            {
                for carried in &carrier.opened {
                    let ephemeral = self
                        .data_of(*carried)
                        .and_then(|(_, data)| data.try_into().ok());
                    let agreement = ephemeral
                        .and_then(|bytes| Agreement::as_recipient(own, &AlternatePublicKey(bytes)));
                    if let Some(agreement) = agreement {
                        self.open_inner(carrier.message, key, *carried, &agreement, &mut found);
                    }
                }
            }
        }
        for inner in found {
            self.add_inner(inner);
        }
    }

    /// Every chunk of `message` that the agreement opens.
    fn open_inner(
        &self,
        message: usize,
        key: usize,
        carrier: u32,
        agreement: &Agreement,
        found: &mut Vec<Inner>,
    ) {
        for chunk in self.chunks.iter().filter(|chunk| chunk.message == message) {
            let Some(kind) = typed(chunk.kind) else {
                continue;
            };
            for outer in &chunk.opened {
                let Some((flags, data)) = self.data_of(*outer) else {
                    continue;
                };
                let mut plain = data.to_vec();
                let opened = flags & ALTERNATE_LAYER != 0
                    && agreement
                        .open(kind, chunk.position, flags, &mut plain)
                        .is_some();
                if opened {
                    let outer = *outer;
                    found.push(Inner {
                        kind: chunk.kind,
                        message,
                        key,
                        carrier,
                        outer,
                        plain,
                    });
                }
            }
        }
    }

    fn add_inner(&mut self, inner: Inner) {
        let text = |index| Term::Text(super::TextId::Derived(index));
        let premises = [text(inner.carrier), text(inner.outer), Term::Key(inner.key)];
        let premises = premises
            .iter()
            .filter_map(|term| self.graph.find(term))
            .collect();
        let range = 0..self.bytes(super::TextId::Derived(inner.outer)).len();
        let from = Slice {
            text: super::TextId::Derived(inner.outer),
            range,
        };
        let derived = Derived {
            bytes: inner.plain,
            from: from.clone(),
            message: Some(inner.message),
            // Its first bytes are no signature, so it is not the payload of the chunk.
            chunk: None,
            depth: super::MAXIMUM_DEPTH,
        };
        if let Some((_, term)) = self.derive(derived) {
            self.step(
                Rule::DecryptAlternate { chunk: inner.kind },
                premises,
                term,
                from,
            );
        }
    }

    /// Flags and data of an opened payload.
    fn data_of(&self, index: u32) -> Option<(u8, &[u8])> {
        let payload = &self.derived.get(index as usize)?.bytes;
        let head = Head::read(payload.get(LENGTH_AT..PAYLOAD_HEAD)?)?;
        let data = payload.get(PAYLOAD_HEAD..PAYLOAD_HEAD.checked_add(head.data)?)?;
        Some((head.flags, data))
    }

    /// Derives the KEK of every key with a message's ephemeral key, once.
    fn agree(&mut self, message: usize) {
        if self.keys_of_message.contains_key(&message) {
            return;
        }
        let ephemeral = self
            .ephemerals
            .iter()
            .find(|(_, id)| **id == message)
            .and_then(|(bytes, _)| EncryptionPublicKey::from_bytes(bytes).ok());
        let derive = |ephemeral: &EncryptionPublicKey| {
            let keys = self.given.keys.iter();
            keys.map(|held| Kek::derive(&held.keys.encryption, ephemeral))
                .collect()
        };
        let keks: Vec<Kek> = ephemeral.as_ref().map(derive).unwrap_or_default();
        self.keys_of_message.insert(message, keks);
    }

    fn trials_on(&mut self, message: usize, slots: &[Slice]) -> Vec<Trial> {
        let mut trials = Vec::new();
        let keks = self
            .keys_of_message
            .get(&message)
            .map_or(&[][..], Vec::as_slice);
        for (slot, at) in slots.iter().enumerate() {
            let Ok(bytes) = <&[u8; 64]>::try_from(self.slice(at)) else {
                continue;
            };
            for (key, kek) in keks.iter().enumerate() {
                let chunk_key = ChunkKey::from_keyslot(kek, bytes);
                trials.push(Trial {
                    key,
                    slot,
                    chunk_key,
                });
            }
        }
        self.trials = self.trials.saturating_add(trials.len());
        if self.trials > MAXIMUM_TRIALS {
            self.graph.truncate("MAXIMUM_TRIALS");
            return Vec::new();
        }
        trials
    }

    /// The trials that gave structure, by what they gave.
    fn accepted(
        &self,
        chunk: usize,
        payload: &[u8],
        trials: Vec<Trial>,
    ) -> Vec<(Vec<u8>, Vec<Trial>)> {
        let mut by_key: BTreeMap<([u8; 32], [u8; 16]), Vec<Trial>> = BTreeMap::new();
        for trial in trials {
            let key = (*trial.chunk_key.key(), *trial.chunk_key.iv());
            by_key.entry(key).or_default().push(trial);
        }
        let (mut accepted, mut lone) = (Vec::new(), Vec::new());
        for trials in by_key.into_values() {
            let Some(first) = trials.first() else {
                continue;
            };
            let slots_agree = trials.iter().any(|trial| trial.slot != first.slot);
            let plain = || opened(&first.chunk_key, payload);
            if slots_agree || payload_fits(&first.chunk_key, payload) {
                accepted.push((plain(), trials));
            } else if payload.len() == SIGNATURE {
                lone.push((plain(), trials));
            }
        }
        // One ciphertext cannot be made to be a signature under two keys, so this costly test is
        // for chunks that nothing else opened.
        if accepted.is_empty() {
            lone.retain(|(plain, _)| self.verifies_somewhere(chunk, plain));
            accepted = lone;
        }
        // Map order is that of secret keys; the order of first use says more.
        accepted.sort_by_key(|(_, trials)| trials.first().map(|trial| (trial.slot, trial.key)));
        accepted
    }
}

/// Data that the alternate layer gave up.
struct Inner {
    kind: u8,
    message: usize,
    key: usize,
    carrier: u32,
    outer: u32,
    plain: Vec<u8>,
}

/// The fields of a payload between signature and data.
struct Head {
    data: usize,
    flags: u8,
    pad: u8,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, flags, pad] = bytes.first_chunk::<5>()?;
        let data = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        Some(Self {
            data,
            flags: *flags,
            pad: *pad,
        })
    }

    /// The length of the padding of a payload of `size` bytes, if pad byte and length agree.
    fn padding(&self, size: usize) -> Option<usize> {
        let padding = size.checked_sub(PAYLOAD_HEAD)?.checked_sub(self.data)?;
        let expected = if self.flags & ALTERNATE_PADDING == 0 {
            padding % 256
        } else {
            padding.checked_sub(1)? / BLOCK
        };
        let fits = (1..=MAXIMUM_PADDING).contains(&padding) && expected == usize::from(self.pad);
        fits.then_some(padding)
    }
}

/// Whether a chunk key opens a payload to something whose length and padding agree. Looks at two
/// blocks before it opens the padding.
fn payload_fits(key: &ChunkKey, payload: &[u8]) -> bool {
    let fits = || {
        let head = block(key, payload, LENGTH_AT)?;
        let head = Head::read(&head)?;
        let padding = head.padding(payload.len())?;
        let first = (payload.len() - padding) / BLOCK * BLOCK;
        let mut skip = (payload.len() - padding) % BLOCK;
        for at in (first..payload.len()).step_by(BLOCK) {
            let opened = block(key, payload, at)?;
            if opened.get(skip..)?.iter().any(|byte| *byte != head.pad) {
                return None;
            }
            skip = 0;
        }
        Some(())
    };
    fits().is_some()
}

/// One block of a payload at a multiple of 16 that is not zero.
fn block(key: &ChunkKey, payload: &[u8], at: usize) -> Option<[u8; BLOCK]> {
    let before = payload.get(at.checked_sub(BLOCK)?..at)?.first_chunk()?;
    let mut block = *payload.get(at..)?.first_chunk::<BLOCK>()?;
    ChunkKey::new(*key.key(), *before).decrypt(&mut block);
    Some(block)
}

fn opened(key: &ChunkKey, payload: &[u8]) -> Vec<u8> {
    let mut plain = payload.to_vec();
    key.decrypt(&mut plain);
    plain
}

fn typed(kind: u8) -> Option<ChunkType> {
    match kind {
        67 => Some(ChunkType::Display),
        131 => Some(ChunkType::Attachment),
        _ => None,
    }
}
