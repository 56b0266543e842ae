//! What the outer signatures cover (spec/30 §5): always ciphertext, chunk bytes as they stand on the
//! wire, never the message header or tracing.

use sha2::Digest as _;

use super::{ChunkType, Message};
use crate::backend::Sha512;
use crate::keys::{Signature, Verifier};

/// Which bytes the author's tree signature covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum TreeSignature {
    /// What libdime signs and verifies: the hash of chunk 5 is left out and 64 zero bytes follow the
    /// list in its place (spec/90 item 36, spec/95 item 42).
    #[default]
    Libdime,
    /// The hash of every chunk.
    Intended,
}

/// Which chunks an outer signature covers, from the message's first on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Extent {
    /// Up to and including those of the type.
    Through(ChunkType),
    /// All below the type.
    Before(ChunkType),
}

/// The bytes that outer signatures cover, wherever they are: in memory, or in a stream that is read
/// again for each.
pub(super) trait Covered: Sync {
    /// What the tree signature covers, as [`tree_signature_input`].
    fn tree(&self, form: TreeSignature) -> Vec<u8>;
    /// Whether `signature` is `key`'s over the chunks of `extent`, as strictly as
    /// [`crate::keys::VerifyingKey::verify`].
    fn verifies(&self, extent: Extent, key: &Verifier, signature: &Signature) -> bool;
}

impl Covered for Message<'_> {
    fn tree(&self, form: TreeSignature) -> Vec<u8> {
        tree_signature_input(self, form)
    }

    fn verifies(&self, extent: Extent, key: &Verifier, signature: &Signature) -> bool {
        let bytes = match extent {
            Extent::Through(last) => self.through(last),
            Extent::Before(kind) => self.before(kind),
        };
        key.verify(bytes, signature)
    }
}

/// The bytes that the tree signature covers: the SHA-512 of each chunk below the signatures, in order.
pub fn tree_signature_input(message: &Message<'_>, form: TreeSignature) -> Vec<u8> {
    let chunks = message
        .chunks()
        .iter()
        .filter(|chunk| chunk.kind < ChunkType::TreeSignature);
    tree_input(chunks.map(|chunk| (chunk.kind, chunk.bytes)), form)
}

/// As [`tree_signature_input`], over chunks that do not yet form a message.
pub(super) fn tree_input<'a>(
    chunks: impl Iterator<Item = (ChunkType, &'a [u8])>,
    form: TreeSignature,
) -> Vec<u8> {
    tree_of_digests(
        chunks.map(|(kind, bytes)| (kind, Sha512::digest(bytes).into())),
        form,
    )
}

/// As [`tree_signature_input`], over the SHA-512 of each chunk.
pub(super) fn tree_of_digests(
    digests: impl Iterator<Item = (ChunkType, [u8; 64])>,
    form: TreeSignature,
) -> Vec<u8> {
    let mut input = Vec::new();
    let mut lost = false;
    for (kind, digest) in digests {
        if kind == ChunkType::Destination && form == TreeSignature::Libdime {
            lost = true;
        } else {
            input.extend_from_slice(&digest);
        }
    }
    if lost {
        input.resize(input.len() + 64, 0);
    }
    input
}
