//! What the outer signatures cover, read from the stream: every claim that a signature is a key's over
//! the message's first chunks, settled by as few passes as possible over bytes that stay the same.

use std::io::{Read, Seek};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::Digest as _;

use super::StreamError;
use super::index::{Entry, append, feed};
use crate::backend::Sha512;
use crate::keys::{Signature, StreamVerifier, Verifier, VerifyingKey};
use crate::message::signatures::{Covered, Extent, tree_of_digests};
use crate::message::{ChunkType, TreeSignature};

/// The chunks of a message in a stream, as signatures see them. The first pass takes the SHA-512 of
/// every chunk; whatever is read later, by this scan or another of the message, must have the same.
pub(super) struct Scan<'r, R> {
    entries: &'r [Entry],
    /// The bytes that [`Entry::held`] counts in. They were judged, so signatures are held against
    /// them and not against what the stream now has in their place.
    held: &'r [u8],
    state: Mutex<State<'r, R>>,
}

struct State<'r, R> {
    reader: &'r mut R,
    digests: &'r mut Vec<[u8; 64]>,
    expected: Vec<Claim>,
    settled: Vec<(Claim, bool)>,
    failure: Option<StreamError>,
}

/// That `signature` is `key`'s over the first `chunks` chunks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Claim {
    chunks: usize,
    key: VerifyingKey,
    signature: Signature,
}

impl<'r, R: Read + Seek + Send> Scan<'r, R> {
    pub(super) fn new(
        reader: &'r mut R,
        entries: &'r [Entry],
        held: &'r [u8],
        digests: &'r mut Vec<[u8; 64]>,
    ) -> Self {
        let state = State {
            reader,
            digests,
            expected: Vec::new(),
            settled: Vec::new(),
            failure: None,
        };
        Self {
            entries,
            held,
            state: Mutex::new(state),
        }
    }

    /// Has the next pass settle a claim, so that it will take none of its own.
    pub(super) fn expect(&self, extent: Extent, key: &VerifyingKey, signature: &Signature) {
        let claim = self.claim(extent, key, signature);
        self.state().expected.push(claim);
    }

    /// Where in the message the chunks of a type stand.
    pub(super) fn positions(&self, kind: ChunkType) -> impl Iterator<Item = usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(move |(_, entry)| entry.kind == kind)
            .map(|(index, _)| index)
    }

    /// Reads the chunk at `index` whole, in place of what `out` held.
    pub(super) fn chunk(&self, index: usize, out: &mut Vec<u8>) -> Result<(), StreamError> {
        let mut state = self.state();
        if state.digests.is_empty() {
            self.pass(&mut state)?;
        }
        out.clear();
        let entry = self.entries.get(index).ok_or(StreamError::Changed)?;
        append(state.reader, entry.offset, entry.size, out)?;
        let digest: [u8; 64] = Sha512::digest(&*out).into();
        if state.digests.get(index) == Some(&digest) {
            Ok(())
        } else {
            Err(StreamError::Changed)
        }
    }

    /// Why a claim was called false though it may be true: the stream failed or changed.
    pub(super) fn failure(&self) -> Option<StreamError> {
        self.state().failure.take()
    }

    fn state(&self) -> MutexGuard<'_, State<'r, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn claim(&self, extent: Extent, key: &VerifyingKey, signature: &Signature) -> Claim {
        let entries = self.entries.iter();
        let chunks = entries.take_while(|entry| match extent {
            Extent::Through(last) => entry.kind <= last,
            Extent::Before(kind) => entry.kind < kind,
        });
        Claim {
            chunks: chunks.count(),
            key: *key,
            signature: *signature,
        }
    }

    /// Reads the message, or as much of it as is not yet known to be the same, and settles all
    /// expected claims.
    fn pass(&self, state: &mut State<'r, R>) -> Result<(), StreamError> {
        let mut verifiers: Vec<(Claim, StreamVerifier)> = std::mem::take(&mut state.expected)
            .into_iter()
            .map(|claim| (claim, claim.key.verify_stream(&claim.signature)))
            .collect();
        let needed = verifiers.iter().map(|(claim, _)| claim.chunks).max();
        let end = if state.digests.is_empty() {
            self.entries.len()
        } else {
            needed.unwrap_or_default()
        };
        let mut digests = Vec::with_capacity(self.entries.len());
        let mut block = Vec::new();
        for (index, entry) in self.entries.iter().take(end).enumerate() {
            let mut digest = Sha512::new();
            feed(state.reader, entry, self.held, &mut block, &mut |bytes| {
                digest.update(bytes);
                for (claim, verifier) in &mut verifiers {
                    if index < claim.chunks {
                        verifier.update(bytes);
                    }
                }
            })?;
            let digest: [u8; 64] = digest.finalize().into();
            let known = state.digests.get(index);
            if known.is_some_and(|known| *known != digest) {
                return Err(StreamError::Changed);
            }
            digests.push(digest);
        }
        if state.digests.is_empty() {
            *state.digests = digests;
        }
        let settled = verifiers.into_iter();
        state
            .settled
            .extend(settled.map(|(claim, verifier)| (claim, verifier.verify())));
        Ok(())
    }
}

/// A failing stream makes every claim false and the tree empty; [`Scan::failure`] then tells.
impl<R: Read + Seek + Send> Covered for Scan<'_, R> {
    fn tree(&self, form: TreeSignature) -> Vec<u8> {
        let mut state = self.state();
        if state.digests.is_empty()
            && state.failure.is_none()
            && let Err(error) = self.pass(&mut state)
        {
            state.failure = Some(error);
        }
        let kinds = self.entries.iter().map(|entry| entry.kind);
        let digests = kinds
            .zip(state.digests.iter().copied())
            .filter(|(kind, _)| *kind < ChunkType::TreeSignature);
        tree_of_digests(digests, form)
    }

    fn verifies(&self, extent: Extent, key: &Verifier, signature: &Signature) -> bool {
        let claim = self.claim(extent, key, signature);
        let mut state = self.state();
        let settled = |state: &State<'_, R>| {
            let mut settled = state.settled.iter();
            settled
                .find(|(known, _)| *known == claim)
                .map(|(_, holds)| *holds)
        };
        if state.failure.is_some() {
            return false;
        }
        if let Some(holds) = settled(&state) {
            return holds;
        }
        state.expected.push(claim);
        match self.pass(&mut state) {
            Ok(()) => settled(&state).unwrap_or(false),
            Err(error) => {
                state.failure = Some(error);
                false
            }
        }
    }
}
