//! Guess: signatures tried under the public keys of the directory.
//!
//! Signets are public, so whoever can read a signature and the bytes it covers learns whose it is.

use dime_wire::keys::Signature;
use sha2::{Digest as _, Sha512};

use super::super::graph::{Slice, TermId, TextId};
use super::Expansion;
use super::decrypt::SIGNATURE;

/// Public keys that one signature is tried under.
pub const MAXIMUM_CANDIDATES: usize = 256;
/// Bytes that one signature may cover to be tried.
const MAXIMUM_SIGNED_BYTES: usize = 32 << 20;
/// First type of the signature section.
const FIRST_SIGNATURE: u8 = 225;
/// Type of the destination chunk, whose hash the code drops from the tree.
const DESTINATION: u8 = 5;

/// A signature that verifies under the key of one entry of the directory.
#[derive(Debug)]
pub(in super::super) struct Verified {
    pub(in super::super) premises: Vec<TermId>,
    pub(in super::super) message: usize,
    pub(in super::super) chunk: u8,
    pub(in super::super) signer: String,
    pub(in super::super) at: Slice,
}

/// What a signature may cover.
struct Covered {
    bytes: Vec<u8>,
    /// Terms one needs to know the bytes, besides the signature.
    needs: Option<TermId>,
}

impl Expansion<'_> {
    /// Every signature in opened chunks that verifies under a public key.
    pub(in super::super) fn guess_signatures(&mut self) -> Vec<Verified> {
        if self.given.directory.len() > MAXIMUM_CANDIDATES {
            self.graph.truncate("MAXIMUM_CANDIDATES");
        }
        let all = self.derived.iter().map(|derived| derived.bytes.len());
        let bodies = self.copies.iter().map(|copy| copy.at.range.len());
        if all.chain(bodies).max() > Some(MAXIMUM_SIGNED_BYTES) {
            self.graph.truncate("MAXIMUM_SIGNED_BYTES");
        }
        let mut found: Vec<Verified> = Vec::new();
        for (index, derived) in self.derived.iter().enumerate() {
            let Some((message, chunk)) = derived.message.zip(derived.chunk) else {
                continue;
            };
            let Some(text) = u32::try_from(index).ok().map(TextId::Derived) else {
                continue;
            };
            let Some(entry) = self.chunks.iter().position(|entry| {
                entry
                    .opened
                    .iter()
                    .any(|opened| TextId::Derived(*opened) == text)
            }) else {
                continue;
            };
            let Some(signature) = signature_at(&derived.bytes) else {
                continue;
            };
            // One signer usually signed the whole message: try that one first.
            let likely = found
                .iter()
                .rev()
                .find(|verified| verified.message == message);
            let likely = likely.map(|verified| verified.signer.clone());
            for covered in self.covered(entry, &derived.bytes) {
                if let Some(signer) = self.signer(&covered.bytes, &signature, likely.as_deref()) {
                    let own = self.graph.find(&super::Term::Text(text));
                    let premises = own.into_iter().chain(covered.needs).collect();
                    let at = Slice {
                        text,
                        range: 0..SIGNATURE,
                    };
                    found.push(Verified {
                        premises,
                        message,
                        chunk,
                        signer,
                        at,
                    });
                    break;
                }
            }
        }
        found
    }

    /// Whether 64 bytes are a signature over the part of a message that its chunk's type names.
    pub(super) fn verifies_somewhere(&self, chunk: usize, bytes: &[u8]) -> bool {
        signature_at(bytes).is_some_and(|signature| {
            self.covered(chunk, bytes)
                .iter()
                .any(|covered| self.signer(&covered.bytes, &signature, None).is_some())
        })
    }

    fn signer(
        &self,
        covered: &[u8],
        signature: &Signature,
        likely: Option<&str>,
    ) -> Option<String> {
        if covered.len() > MAXIMUM_SIGNED_BYTES {
            return None;
        }
        let directory = self.given.directory.iter().take(MAXIMUM_CANDIDATES);
        let first = directory
            .clone()
            .filter(|entry| Some(entry.name.as_str()) == likely);
        let others = directory.filter(|entry| Some(entry.name.as_str()) != likely);
        first
            .chain(others)
            .find(|entry| entry.key.verify(covered, signature))
            .map(|entry| entry.name.clone())
    }

    /// The byte strings that the signature of an opened chunk may cover.
    fn covered(&self, chunk: usize, payload: &[u8]) -> Vec<Covered> {
        let Some(entry) = self.chunks.get(chunk) else {
            return Vec::new();
        };
        if entry.kind < FIRST_SIGNATURE {
            let rest = payload.get(SIGNATURE..).filter(|rest| !rest.is_empty());
            let covered = |rest: &[u8]| Covered {
                bytes: rest.to_vec(),
                needs: None,
            };
            return rest.map(covered).into_iter().collect();
        }
        let Some(body) = self.bodies.get(entry.body) else {
            return Vec::new();
        };
        let chunks: Vec<(u8, &[u8])> = body
            .chunks
            .iter()
            .map(|(kind, at, _)| (*kind, self.slice(at)))
            .collect();
        signed_parts(entry.kind, &chunks)
            .into_iter()
            .map(|bytes| Covered {
                bytes,
                needs: Some(body.term),
            })
            .collect()
    }
}

/// The first 64 bytes, if they can be a signature at all: not zero, and the scalar below the group
/// order, which one in sixteen random strings passes.
fn signature_at(bytes: &[u8]) -> Option<Signature> {
    const HIGHEST_SCALAR_BYTE: u8 = 0x10;
    let bytes: &[u8; SIGNATURE] = bytes.first_chunk()?;
    let [first @ .., last] = bytes;
    let zero = *last == 0 && first.iter().all(|byte| *byte == 0);
    (!zero && *last <= HIGHEST_SCALAR_BYTE).then_some(Signature(*bytes))
}

/// What a signature chunk of this type covers (spec/30 §5), in both readings of the tree.
fn signed_parts(kind: u8, chunks: &[(u8, &[u8])]) -> Vec<Vec<u8>> {
    let up_to = |last: u8| -> Vec<u8> {
        let covered = chunks.iter().filter(|(kind, _)| *kind <= last);
        covered
            .flat_map(|(_, bytes)| bytes.iter().copied())
            .collect()
    };
    match kind {
        225 => {
            let leaves = |with_destination: bool| -> Vec<u8> {
                chunks
                    .iter()
                    .filter(|(kind, _)| *kind < FIRST_SIGNATURE)
                    .filter(|(kind, _)| with_destination || *kind != DESTINATION)
                    .flat_map(|(_, bytes)| Sha512::digest(bytes))
                    .collect()
            };
            let mut as_coded = leaves(false);
            as_coded.extend_from_slice(&[0; SIGNATURE]);
            vec![as_coded, leaves(true)]
        }
        226 => vec![up_to(225)],
        248 => vec![up_to(34)],
        249 => vec![up_to(67)],
        255 => vec![up_to(249)],
        _ => Vec::new(),
    }
}
