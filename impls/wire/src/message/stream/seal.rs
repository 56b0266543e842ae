//! Sealing a letter whose parts come from streams, into a stream that is read once more for the
//! author's full signature.

use std::cell::RefCell;
use std::fmt;
use std::io::{Read, Seek, SeekFrom, Write};

use sha2::Digest as _;

use super::index::append;
use super::{BLOCK, MAXIMUM_STREAMED_MESSAGE, StreamError};
use crate::backend::Sha512;
use crate::keys::{SigningKey, StreamSigner};
use crate::message::content::BEGINNING;
use crate::message::letter::{check_flags, check_sizes};
use crate::message::seal::{Room, Sealer};
use crate::message::signatures::tree_of_digests;
use crate::message::{
    ChunkType, Flags, Letter, MessageEntropy, Part, SealError, SealOptions, Signets, pieces,
};

/// A letter some of whose parts come from streams.
pub struct StreamedLetter<'a> {
    /// Everything else. Its own parts come before the streamed ones of their type.
    pub letter: &'a Letter,
    /// The body, or what goes on after the letter's own display parts.
    pub display: Vec<PartSource<'a>>,
    /// Attachments.
    pub attachments: Vec<PartSource<'a>>,
}

/// A part that comes from a stream.
pub struct PartSource<'a> {
    /// What is said about the data.
    pub flags: Flags,
    /// How many bytes `data` has until its end.
    pub size: u64,
    /// The data.
    pub data: &'a mut dyn Read,
}

impl fmt::Debug for PartSource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("PartSource");
        out.field("flags", &self.flags).field("size", &self.size);
        out.finish_non_exhaustive()
    }
}

impl fmt::Debug for StreamedLetter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("StreamedLetter");
        out.field("display", &self.display);
        out.field("attachments", &self.attachments);
        out.finish_non_exhaustive()
    }
}

/// Seals a letter as [`crate::message::seal()`] does, to the same bytes, into `out` from where it
/// stands, and returns how many bytes that were.
///
/// Memory holds two or, under the alternate layer, three chunks' data at a time. What was written is
/// read again; it must be the same then.
///
/// # Errors
/// [`StreamError`]; what was written until then is of no use. [`SealError::TooLarge`] beyond
/// [`MAXIMUM_STREAMED_MESSAGE`] or [`crate::message::MAXIMUM_CHUNKS`].
pub fn seal_stream<W: Read + Write + Seek>(
    mut letter: StreamedLetter<'_>,
    signets: &Signets<'_>,
    author_key: &SigningKey,
    entropy: &mut dyn MessageEntropy,
    options: &SealOptions,
    out: &mut W,
) -> Result<u64, StreamError> {
    letter.check(options)?;
    let own = letter.letter;
    // The parts leave one by one, and each makes its own room.
    let room = Room::default();
    let mut sealer = Sealer::begin(own, signets, author_key, entropy, options, room)?;
    sealer.limit = MAXIMUM_STREAMED_MESSAGE;
    let mut writer = Writer::begin(&sealer, author_key, options, out)?;
    writer.flush(&mut sealer)?;
    for (kind, parts, sources) in [
        (ChunkType::Display, &own.display, &mut letter.display),
        (
            ChunkType::Attachment,
            &own.attachments,
            &mut letter.attachments,
        ),
    ] {
        for part in parts {
            let mut source = PartSource {
                flags: part.flags,
                size: part.data.len() as u64,
                data: &mut part.data.as_slice(),
            };
            writer.part(&mut sealer, kind, &mut source)?;
        }
        for source in sources {
            writer.part(&mut sealer, kind, source)?;
        }
    }
    writer.finish(sealer, author_key)
}

impl StreamedLetter<'_> {
    fn check(&self, options: &SealOptions) -> Result<(), SealError> {
        let of = |kind, own: &[Part], sources: &[PartSource<'_>]| {
            let own = own.iter().map(|part| part.data.len() as u64);
            let sizes = own.chain(sources.iter().map(|source| source.size));
            sizes.map(|size| (kind, size)).collect::<Vec<_>>()
        };
        let own = self.letter;
        let display = of(ChunkType::Display, &own.display, &self.display);
        let attachments = of(ChunkType::Attachment, &own.attachments, &self.attachments);
        let none = display.is_empty();
        check_sizes(display.into_iter().chain(attachments), options)?;
        if none && !options.unchecked {
            return Err(SealError::NoDisplay);
        }
        Ok(())
    }
}

/// What was written so far, as the author's signatures need it.
struct Writer<'w, W> {
    out: RefCell<&'w mut W>,
    /// Where the message begins, where its chunks do and where they end.
    start: u64,
    body: u64,
    end: u64,
    options: &'w SealOptions,
    digests: Vec<(ChunkType, [u8; 64])>,
    signer: StreamSigner<'w>,
    /// The piece being sealed; kept for its room.
    piece: Vec<u8>,
}

impl<'w, W: Read + Write + Seek> Writer<'w, W> {
    /// Writes tracing and header.
    fn begin(
        sealer: &Sealer<'_>,
        author_key: &'w SigningKey,
        options: &'w SealOptions,
        out: &'w mut W,
    ) -> Result<Self, StreamError> {
        let start = out.stream_position().map_err(StreamError::Message)?;
        let front = sealer.front();
        out.write_all(front).map_err(StreamError::Message)?;
        let body = start + front.len() as u64;
        Ok(Self {
            out: RefCell::new(out),
            start,
            body,
            end: body,
            options,
            digests: Vec::new(),
            signer: author_key.sign_stream(),
            piece: Vec::new(),
        })
    }

    /// Writes the chunks that the sealer made.
    fn flush(&mut self, sealer: &mut Sealer<'_>) -> Result<(), StreamError> {
        let out = self.out.get_mut();
        sealer.flush(|kind, bytes| {
            self.digests.push((kind, Sha512::digest(bytes).into()));
            self.signer.update(bytes);
            self.end += bytes.len() as u64;
            out.write_all(bytes).map_err(StreamError::Message)
        })
    }

    fn part(
        &mut self,
        sealer: &mut Sealer<'_>,
        kind: ChunkType,
        source: &mut PartSource<'_>,
    ) -> Result<(), StreamError> {
        let failed = |error| StreamError::Source(kind, error);
        let mut beginning = Vec::new();
        let mut first = (&mut *source.data).take(source.size.min(BEGINNING as u64));
        first.read_to_end(&mut beginning).map_err(failed)?;
        let shown = Part {
            flags: source.flags,
            data: beginning,
        };
        check_flags(kind, &shown, self.options)?;
        let mut data = shown.data.as_slice().chain(&mut *source.data);
        let mut left = source.size;
        for size in pieces(source.size, self.options.largest_piece()) {
            left -= size as u64;
            self.piece.clear();
            self.piece.reserve_exact(size);
            let taken = data.by_ref().take(size as u64).read_to_end(&mut self.piece);
            if taken.map_err(failed)? != size {
                return Err(StreamError::SourceSize(kind));
            }
            let flags = if left == 0 {
                source.flags
            } else {
                source.flags.with(Flags::CONTINUES)
            };
            sealer.reserve(size);
            sealer.piece(kind, flags, &self.piece)?;
            self.flush(sealer)?;
        }
        let more = data.take(1).read_to_end(&mut Vec::new());
        if more.map_err(failed)? == 0 {
            Ok(())
        } else {
            Err(StreamError::SourceSize(kind))
        }
    }

    fn finish(
        mut self,
        mut sealer: Sealer<'_>,
        author_key: &SigningKey,
    ) -> Result<u64, StreamError> {
        self.piece = Vec::new();
        let digests = self.digests.iter().copied();
        let signature = author_key.sign(&tree_of_digests(digests, self.options.tree));
        sealer.signature(ChunkType::TreeSignature, &signature);
        self.flush(&mut sealer)?;
        let signature = self.signer.sign(|take| self.replay(take))?;
        self.seek(self.end)?;
        sealer.signature(ChunkType::AuthorSignature, &signature);
        sealer.unsigned();
        self.flush(&mut sealer)?;
        let length = u32::try_from(self.end - self.body).map_err(|_| SealError::TooLarge)?;
        self.seek(self.body - length.to_be_bytes().len() as u64)?;
        let out = self.out.get_mut();
        out.write_all(&length.to_be_bytes())
            .and_then(|()| out.flush())
            .map_err(StreamError::Message)?;
        self.seek(self.end)?;
        Ok(self.end - self.start)
    }

    /// Gives `take` all chunks written so far.
    fn replay(&self, take: &mut dyn FnMut(&[u8])) -> Result<(), StreamError> {
        let mut out = self.out.borrow_mut();
        let (mut position, mut block) = (self.body, Vec::new());
        while position < self.end {
            let size = (self.end - position).min(BLOCK as u64) as usize;
            block.clear();
            append(&mut **out, position, size, &mut block)?;
            take(&block);
            position += size as u64;
        }
        Ok(())
    }

    fn seek(&mut self, position: u64) -> Result<(), StreamError> {
        let out = self.out.get_mut();
        let found = out.seek(SeekFrom::Start(position));
        found.map(|_| ()).map_err(StreamError::Message)
    }
}
