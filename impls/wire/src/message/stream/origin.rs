//! Signing a message in a stream as its origin: copied in one pass, read again for each signature.

use std::cell::RefCell;
use std::io::{Read, Seek, Write};

use sha2::Digest as _;

use super::StreamError;
use super::index::{Entry, StreamedMessage, feed};
use crate::backend::Sha512;
use crate::keys::{Kek, PrivateKeys, Signature, StreamSigner};
use crate::message::chunk::SIGNATURE_SIZE;
use crate::message::open::{OpenError, complete};
use crate::message::origin::append_signed;
use crate::message::seal::append_tracing;
use crate::message::{Bounces, ChunkType, MESSAGE_MAGIC, Message, ParseError};

/// The origin's signatures, each with the last type of the author's chunks that it covers.
const EXTENTS: [(ChunkType, ChunkType); 3] = [
    (ChunkType::MetadataBounce, ChunkType::OtherHeaders),
    (ChunkType::DisplayBounce, ChunkType::Display),
    (ChunkType::OriginSignature, ChunkType::AuthorSignature),
];

impl<R: Read + Seek> StreamedMessage<R> {
    /// Completes the author's object as [`crate::message::sign_as_origin`] does, to the same bytes,
    /// into `out`, and returns how many bytes that were.
    ///
    /// # Errors
    /// As [`crate::message::sign_as_origin`], before anything is written; [`StreamError::Message`] if
    /// a stream fails and [`StreamError::Changed`] if the message does not stay the same, also since it
    /// was opened, after which what was written is of no use.
    pub fn sign_as_origin<W: Write>(
        &mut self,
        origin_keys: &PrivateKeys,
        bounces: Bounces,
        tracing: Option<&[u8]>,
        out: &mut W,
    ) -> Result<u64, StreamError> {
        let message = Message::parse(&self.held)?;
        complete(&message)?;
        let kek = Kek::derive(&origin_keys.encryption, message.ephemeral());
        let sealed = |kind: ChunkType, signature: Signature| -> Result<Vec<u8>, OpenError> {
            let chunk = message.chunk(kind).ok_or(OpenError::Incomplete(kind))?;
            let mut bytes = Vec::new();
            append_signed(&mut bytes, chunk, &kek, &signature.0)?;
            Ok(bytes)
        };
        let wanted = |kind| match kind {
            ChunkType::MetadataBounce => bounces.metadata,
            ChunkType::DisplayBounce => bounces.display,
            _ => true,
        };
        let source = Source {
            reader: RefCell::new(&mut self.reader),
            entries: &self.entries,
            held: &self.held,
            digests: &self.digests,
        };
        let mut front = Vec::new();
        if let Some(tracing) = tracing {
            append_tracing(&mut front, tracing).ok_or(OpenError::Tracing)?;
        }
        let mut length = source.size();
        for (kind, _) in EXTENTS.into_iter().filter(|(kind, _)| wanted(*kind)) {
            length += sealed(kind, Signature([0; SIGNATURE_SIZE]))?.len() as u64;
        }
        let header = u32::try_from(length).map_err(|_| ParseError::TooLarge)?;
        front.extend_from_slice(&MESSAGE_MAGIC.to_be_bytes());
        front.extend_from_slice(&header.to_be_bytes());
        out.write_all(&front).map_err(StreamError::Message)?;
        let signers = source.copy(origin_keys.signing.sign_stream(), out)?;
        let mut added = Vec::new();
        for ((kind, last), mut signer) in EXTENTS.into_iter().zip(signers) {
            if !wanted(kind) {
                continue;
            }
            let own = (kind == ChunkType::OriginSignature).then_some(added.as_slice());
            let own = own.unwrap_or_default();
            signer.update(own);
            let signature = signer.sign(|take| {
                source.feed(|kind| kind <= last, take)?;
                take(own);
                Ok::<(), StreamError>(())
            })?;
            added.extend_from_slice(&sealed(kind, signature)?);
        }
        out.write_all(&added)
            .and_then(|()| out.flush())
            .map_err(StreamError::Message)?;
        Ok(front.len() as u64 + length)
    }
}

/// The author's chunks.
struct Source<'s, R> {
    reader: RefCell<&'s mut R>,
    entries: &'s [Entry],
    held: &'s [u8],
    /// Of the chunks that were judged, if any were.
    digests: &'s [[u8; 64]],
}

impl<R: Read + Seek> Source<'_, R> {
    /// Bytes of all chunks up to the author's signature.
    fn size(&self) -> u64 {
        let kept = self.entries.iter();
        let kept = kept.filter(|entry| entry.kind <= ChunkType::AuthorSignature);
        kept.map(|entry| entry.size as u64).sum()
    }

    /// Copies them to `out` if they are what was judged, and has the signer as it is after each of the
    /// [`EXTENTS`].
    fn copy<'k, W: Write>(
        &self,
        mut signer: StreamSigner<'k>,
        out: &mut W,
    ) -> Result<Vec<StreamSigner<'k>>, StreamError> {
        let mut signers = Vec::with_capacity(EXTENTS.len());
        let mut reader = self.reader.borrow_mut();
        let (mut chunks, mut block) = (self.entries.iter().enumerate().peekable(), Vec::new());
        for (_, last) in EXTENTS {
            while let Some((index, entry)) = chunks.next_if(|(_, entry)| entry.kind <= last) {
                let judged = self.digests.get(index).copied();
                let (mut digest, mut written) = (judged.map(|_| Sha512::new()), Ok(()));
                feed(&mut **reader, entry, self.held, &mut block, &mut |bytes| {
                    if let Some(digest) = &mut digest {
                        digest.update(bytes);
                    }
                    signer.update(bytes);
                    if written.is_ok() {
                        written = out.write_all(bytes);
                    }
                })?;
                written.map_err(StreamError::Message)?;
                if judged != digest.map(|digest| digest.finalize().into()) {
                    return Err(StreamError::Changed);
                }
            }
            signers.push(signer.clone());
        }
        Ok(signers)
    }

    /// Gives `take` the chunks whose type is `covered`.
    fn feed(
        &self,
        covered: impl Fn(ChunkType) -> bool,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), StreamError> {
        let mut reader = self.reader.borrow_mut();
        let mut block = Vec::new();
        for entry in self.entries.iter().filter(|entry| covered(entry.kind)) {
            feed(&mut **reader, entry, self.held, &mut block, take)?;
        }
        Ok(())
    }
}
