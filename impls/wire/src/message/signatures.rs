//! What the outer signatures cover (spec/30 §5): always ciphertext, chunk bytes as they stand on the
//! wire, never the message header or tracing.

use sha2::{Digest as _, Sha512};

use super::{ChunkType, Message};

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
    let mut input = Vec::new();
    let mut lost = false;
    for (kind, bytes) in chunks {
        if kind == ChunkType::Destination && form == TreeSignature::Libdime {
            lost = true;
        } else {
            input.extend_from_slice(&Sha512::digest(bytes));
        }
    }
    if lost {
        input.resize(input.len() + 64, 0);
    }
    input
}
