//! Where the chunks of a message stand in a stream: the strict structure, as [`Message::parse`] judges
//! it, without the contents.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::{BLOCK, StreamError};
use crate::keys::EncryptionKey;
use crate::message::chunk::{
    CHUNK_HEAD, MAXIMUM_FRONT, MESSAGE_HEAD, check_order, read_front, read_head,
};
use crate::message::seal::write_length;
use crate::message::{
    ChunkType, DestinationEnvelope, KEYSLOT_SIZE, MAXIMUM_CHUNKS, MESSAGE_MAGIC, Message,
    OpenError, OriginEnvelope, ParseError, read_destination_envelope, read_origin_envelope,
    read_recipient_envelopes,
};
use crate::reader::Reader;

/// A structurally sound message in a stream: all its bytes, from the first to the last.
///
/// All chunks but display and attachments are held in memory, of the others only where they stand.
#[derive(Debug)]
pub struct StreamedMessage<R> {
    pub(super) reader: R,
    pub(super) entries: Vec<Entry>,
    /// A message of the chunks that are held.
    pub(super) held: Vec<u8>,
    /// SHA-512 of every chunk, from when all were first read. What is judged, released and signed has
    /// these; empty until then.
    pub(super) digests: Vec<[u8; 64]>,
    tracing: Option<Vec<u8>>,
}

/// One chunk.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) kind: ChunkType,
    /// Where its type byte stands in the stream.
    pub(super) offset: u64,
    /// Bytes of type, length, payload and keyslots.
    pub(super) size: usize,
    /// Where it is among the chunks that are held, if it is.
    pub(super) held: Option<Range<usize>>,
}

impl<R: Read + Seek> StreamedMessage<R> {
    /// Reads the structure of the message that fills `reader` from its first to its last byte.
    ///
    /// # Errors
    /// [`StreamError::Message`], or [`OpenError::Parse`] as [`Message::parse`], save that a message
    /// may be larger: up to [`super::MAXIMUM_STREAMED_MESSAGE`].
    pub fn read(mut reader: R) -> Result<Self, StreamError> {
        let end = reader
            .seek(SeekFrom::End(0))
            .map_err(StreamError::Message)?;
        let mut front = Vec::new();
        let size = end.min(MAXIMUM_FRONT as u64) as usize;
        append(&mut reader, 0, size, &mut front)?;
        let mut start = Reader::new(&front);
        let (tracing, length) = read_front(&mut start)?;
        let body = start.offset() as u64;
        if length as u64 != end - body {
            return Err(ParseError::Length.into());
        }
        let tracing = tracing.map(<[u8]>::to_vec);
        let (entries, held) = read_entries(&mut reader, body, end)?;
        let message = Self {
            reader,
            entries,
            held,
            digests: Vec::new(),
            tracing,
        };
        message.outline()?;
        Ok(message)
    }

    /// The data of the tracing object in front, which nothing covers.
    pub fn tracing(&self) -> Option<&[u8]> {
        self.tracing.as_deref()
    }

    /// Decrypts chunk 4 as the origin, as [`read_origin_envelope`].
    pub fn origin_envelope(&self, key: &EncryptionKey) -> Result<OriginEnvelope, OpenError> {
        read_origin_envelope(&self.outline()?, key)
    }

    /// Decrypts chunk 5 as the destination, as [`read_destination_envelope`].
    pub fn destination_envelope(
        &self,
        key: &EncryptionKey,
    ) -> Result<DestinationEnvelope, OpenError> {
        read_destination_envelope(&self.outline()?, key)
    }

    /// Decrypts chunks 4 and 5 as the recipient, as [`read_recipient_envelopes`].
    pub fn recipient_envelopes(
        &self,
        key: &EncryptionKey,
    ) -> Result<(OriginEnvelope, DestinationEnvelope), OpenError> {
        read_recipient_envelopes(&self.outline()?, key)
    }

    /// The stream.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The message without its display parts and attachments.
    pub(super) fn outline(&self) -> Result<Message<'_>, ParseError> {
        Message::parse(&self.held)
    }
}

/// Reads the heads of all chunks between `position` and `end`, and those to be held whole.
fn read_entries<R: Read + Seek>(
    reader: &mut R,
    mut position: u64,
    end: u64,
) -> Result<(Vec<Entry>, Vec<u8>), StreamError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut held = MESSAGE_MAGIC.to_be_bytes().to_vec();
    held.resize(MESSAGE_HEAD, 0);
    let mut head = Vec::with_capacity(CHUNK_HEAD);
    while position < end {
        if entries.len() == MAXIMUM_CHUNKS {
            return Err(ParseError::TooLarge.into());
        }
        head.clear();
        let left = end - position;
        append(
            reader,
            position,
            left.min(CHUNK_HEAD as u64) as usize,
            &mut head,
        )?;
        let (kind, payload) = read_head(&mut Reader::new(&head))?;
        let size = CHUNK_HEAD + payload + kind.slots().len() * KEYSLOT_SIZE;
        if size as u64 > left {
            return Err(ParseError::Truncated(kind).into());
        }
        check_order(entries.last().map(|previous| previous.kind), kind)?;
        let mut entry = Entry {
            kind,
            offset: position,
            size,
            held: None,
        };
        if !kind.may_repeat() {
            let start = held.len();
            append(reader, position, size, &mut held)?;
            entry.held = Some(start..held.len());
        }
        entries.push(entry);
        position += size as u64;
    }
    write_length(&mut held, MESSAGE_HEAD);
    Ok((entries, held))
}

/// Appends exactly `size` bytes that stand at `offset`.
pub(super) fn append<R: Read + Seek>(
    reader: &mut R,
    offset: u64,
    size: usize,
    out: &mut Vec<u8>,
) -> Result<(), StreamError> {
    let mut read = |out: &mut Vec<u8>| -> io::Result<usize> {
        reader.seek(SeekFrom::Start(offset))?;
        out.reserve_exact(size);
        reader.take(size as u64).read_to_end(out)
    };
    match read(out) {
        Ok(count) if count == size => Ok(()),
        Ok(_) => Err(StreamError::Changed),
        Err(error) => Err(StreamError::Message(error)),
    }
}

/// Gives `take` all bytes of a chunk: from `held` if it is there, else from the stream, by way of
/// `block`.
pub(super) fn feed<R: Read + Seek>(
    reader: &mut R,
    entry: &Entry,
    held: &[u8],
    block: &mut Vec<u8>,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), StreamError> {
    if let Some(range) = &entry.held {
        take(held.get(range.clone()).unwrap_or_default());
        return Ok(());
    }
    let mut done = 0;
    while done < entry.size {
        let size = BLOCK.min(entry.size - done);
        block.clear();
        append(reader, entry.offset + done as u64, size, block)?;
        take(block);
        done += size;
    }
    Ok(())
}
