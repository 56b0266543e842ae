//! Messages larger than memory: sealed, signed and opened chunk by chunk, over whatever the caller
//! can read, write and seek in.
//!
//! The bytes and the verdicts are those of [`super::seal()`], [`super::sign_as_origin`] and the
//! `open_as_*` functions, also where several things are wrong, save for what is larger than these take.
//! Memory is bounded by a few times the largest chunk, besides the headers,
//! which are kept whole. Ed25519 reads what it signs twice, hence [`std::io::Seek`]; who has a pipe
//! keeps it in a file first.

mod index;
mod open;
mod origin;
mod scan;
mod seal;

use std::io;

pub use index::StreamedMessage;
pub use open::{OpenedStream, PartDescription, PartPiece, PartSink};
pub use seal::{PartSource, StreamedLetter, seal_stream};

use super::{ChunkType, OpenError, ParseError, SealError};
use crate::keys::Changed;

/// Most bytes of a message's chunks that are read or written in a stream: what the 4-byte length in
/// its header can count.
pub const MAXIMUM_STREAMED_MESSAGE: u64 = u32::MAX as u64;

/// How many bytes are read at a time where a chunk is not needed whole.
const BLOCK: usize = 256 * 1024;

/// Why a message in a stream was not sealed, signed or opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream that holds the message failed.
    #[error("failed to read or write message: {0}")]
    Message(#[source] io::Error),
    /// The stream that a part comes from failed.
    #[error("failed to read part of chunk {0}: {1}")]
    Source(ChunkType, #[source] io::Error),
    /// The stream that a part comes from has more or fewer bytes than announced.
    #[error("part of chunk {0} is not of the announced size")]
    SourceSize(ChunkType),
    /// The sink that takes the parts failed.
    #[error("failed to write part of chunk {0}: {1}")]
    Sink(ChunkType, #[source] io::Error),
    /// The message changed while it was read.
    #[error("message is not the same when read again")]
    Changed,
    /// The letter cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The message is not one, or not what its reader may accept.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<ParseError> for StreamError {
    fn from(error: ParseError) -> Self {
        Self::Open(error.into())
    }
}

impl From<Changed> for StreamError {
    fn from(_: Changed) -> Self {
        Self::Changed
    }
}
