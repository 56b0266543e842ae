//! Opening a message in a stream: judged as in memory, its outer signatures by passes over the
//! stream, and only then its parts chunk by chunk into the caller's sink.

use std::io::{self, Read, Seek};

use sha2::Digest as _;

use super::StreamError;
use super::index::StreamedMessage;
use super::scan::Scan;
use crate::backend::Sha512;
use crate::keys::{AlternateKey, EncryptionKey, Verifier};
use crate::message::chunk::read_chunk;
use crate::message::content::{BEGINNING, Continuation};
use crate::message::open::{
    judge_as_author, judge_as_destination, judge_as_origin, judge_as_recipient,
};
use crate::message::signatures::Extent;
use crate::message::view::{Layer, View};
use crate::message::{
    Actor, ChunkType, DestinationSignets, Flags, Message, OpenError, Opened, OriginSignets, Part,
    ReadPolicy, Signets,
};
use crate::reader::Reader;
use crate::signet::Signet;

/// What an actor reads in a message in a stream that passed all its checks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenedStream {
    /// Everything but the parts: `display` and `attachments` are empty, `still_sealed` and
    /// `attachments_still_sealed` count in the lists below.
    pub opened: Opened,
    /// The display parts in order; author and recipient.
    pub display: Vec<PartDescription>,
    /// Attachments in order; author and recipient.
    pub attachments: Vec<PartDescription>,
}

/// A part whose data went to the sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartDescription {
    /// What is said about the data, as [`Part::flags`].
    pub flags: Flags,
    /// Bytes of data.
    pub size: u64,
    /// SHA-512 of the data.
    pub sha512: [u8; 64],
}

/// Where parts go, chunk by chunk. Everything it gets has the author's signatures, and for the
/// recipient the origin's. Yet the message is good only when the opening function returns so: if it
/// fails, because the author made a later chunk wrong, the sink's owner discards what came.
pub type PartSink<'s> = &'s mut dyn FnMut(PartPiece<'_>) -> io::Result<()>;

/// A chunk's worth of a part.
#[derive(Clone, Copy, Debug)]
pub struct PartPiece<'a> {
    /// [`ChunkType::Display`] or [`ChunkType::Attachment`].
    pub kind: ChunkType,
    /// Position of the part among those of its type.
    pub position: usize,
    /// What is said about the part's data.
    pub flags: Flags,
    /// Whether no other piece of the part follows.
    pub last: bool,
    /// Its data.
    pub data: &'a [u8],
}

impl<R: Read + Seek + Send> StreamedMessage<R> {
    /// Opens and judges the message as its origin, as [`crate::message::open_as_origin_with`].
    ///
    /// # Errors
    /// Those; [`StreamError::Message`] and [`StreamError::Changed`].
    pub fn open_as_origin(
        &mut self,
        key: &EncryptionKey,
        signets: &OriginSignets<'_>,
        policy: &ReadPolicy,
    ) -> Result<Opened, StreamError> {
        let known = [Some(signets.author), None];
        self.judge(key, Actor::Origin, policy, known, |view, _| {
            Ok(judge_as_origin(view, signets)?)
        })
    }

    /// Opens and judges the message as its destination, as
    /// [`crate::message::open_as_destination_with`].
    ///
    /// # Errors
    /// Those; [`StreamError::Message`] and [`StreamError::Changed`].
    pub fn open_as_destination(
        &mut self,
        key: &EncryptionKey,
        signets: &DestinationSignets<'_>,
        policy: &ReadPolicy,
    ) -> Result<Opened, StreamError> {
        let known = [None, Some(signets.origin)];
        self.judge(key, Actor::Destination, policy, known, |view, _| {
            Ok(judge_as_destination(view, signets)?)
        })
    }

    /// Opens and judges the message as its recipient, as [`crate::message::open_as_recipient_with`],
    /// the parts going to `sink`.
    ///
    /// # Errors
    /// Those; [`StreamError::Message`], [`StreamError::Sink`] and [`StreamError::Changed`].
    pub fn open_as_recipient(
        &mut self,
        key: &EncryptionKey,
        signets: &Signets<'_>,
        alternate: &[AlternateKey],
        policy: &ReadPolicy,
        sink: PartSink<'_>,
    ) -> Result<OpenedStream, StreamError> {
        let known = [Some(signets.author), Some(signets.origin)];
        self.judge(key, Actor::Recipient, policy, known, |view, scan| {
            let (opened, author, layer) = judge_as_recipient(view, signets, alternate)?;
            let sealed = layer.is_sealed();
            let sink: PartSink<'_> = if sealed { &mut |_| Ok(()) } else { sink };
            let read = contents(view, scan, (opened, author, layer), sink)?;
            let opened = &read.opened;
            if opened.still_sealed.is_empty() && opened.attachments_still_sealed.is_empty() {
                Ok(read)
            } else {
                Err(OpenError::NoAlternateKey.into())
            }
        })
    }

    /// Opens and judges the message as its author, as [`crate::message::open_as_author_with`], the
    /// parts going to `sink`.
    ///
    /// # Errors
    /// Those; [`StreamError::Message`], [`StreamError::Sink`] and [`StreamError::Changed`].
    pub fn open_as_author(
        &mut self,
        key: &EncryptionKey,
        signets: &Signets<'_>,
        ephemeral_alternate: Option<&AlternateKey>,
        policy: &ReadPolicy,
        sink: PartSink<'_>,
    ) -> Result<OpenedStream, StreamError> {
        let known = [Some(signets.author), None];
        self.judge(key, Actor::Author, policy, known, |view, scan| {
            let judged = judge_as_author(view, signets, ephemeral_alternate)?;
            contents(view, scan, judged, sink)
        })
    }

    /// Has `judge` judge a view of the message whose outer signatures are read from the stream.
    /// `known` are the signets of author and origin if the actor verifies their signatures.
    fn judge<T>(
        &mut self,
        key: &EncryptionKey,
        actor: Actor,
        policy: &ReadPolicy,
        known: [Option<&Signet>; 2],
        judge: impl FnOnce(&View<'_, '_>, &Scan<'_, R>) -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        let message = Message::parse(&self.held)?;
        let (reader, digests) = (&mut self.reader, &mut self.digests);
        let scan = Scan::new(reader, &self.entries, &self.held, digests);
        let view = View::over(&message, &scan, key, actor).under(*policy);
        expect(&view, &scan, known);
        let judged = judge(&view, &scan);
        scan.failure().map_or(judged, Err)
    }
}

/// Has the first pass verify what will be asked for if all is well. Whatever is wrong here, the
/// judge will find.
fn expect<R: Read + Seek + Send>(
    view: &View<'_, '_>,
    scan: &Scan<'_, R>,
    [author, origin]: [Option<&Signet>; 2],
) {
    let author = author.and_then(|signet| signet.signing_key().ok());
    let origin = origin.and_then(|signet| signet.signing_key().ok());
    for (kind, key, extent) in [
        (
            ChunkType::AuthorSignature,
            author,
            Extent::Through(ChunkType::TreeSignature),
        ),
        (
            ChunkType::MetadataBounce,
            origin,
            Extent::Through(ChunkType::OtherHeaders),
        ),
        (
            ChunkType::DisplayBounce,
            origin,
            Extent::Through(ChunkType::Display),
        ),
        (
            ChunkType::OriginSignature,
            origin,
            Extent::Before(ChunkType::OriginSignature),
        ),
    ] {
        if let (Some(key), Ok(Some(signature))) = (key, view.signature(kind)) {
            scan.expect(extent, &key, &signature);
        }
    }
}

/// Reads the parts of a message whose envelope and outer signatures hold.
fn contents<R: Read + Seek + Send>(
    view: &View<'_, '_>,
    scan: &Scan<'_, R>,
    (mut opened, author, layer): (Opened, Verifier, Layer),
    sink: PartSink<'_>,
) -> Result<OpenedStream, StreamError> {
    view.headers(&author, &mut opened)?;
    let reading = Reading {
        view,
        scan,
        author,
        layer,
    };
    let display = reading.parts(ChunkType::Display, sink)?;
    let attachments = reading.parts(ChunkType::Attachment, sink)?;
    if reading.layer.is_sealed() {
        opened.still_sealed = (0..display.len()).collect();
        opened.attachments_still_sealed = (0..attachments.len()).collect();
    }
    Ok(OpenedStream {
        opened,
        display,
        attachments,
    })
}

struct Reading<'s, 'm, 'a, 'r, R> {
    view: &'s View<'m, 'a>,
    scan: &'s Scan<'r, R>,
    author: Verifier,
    layer: Layer,
}

/// A part of which some pieces were read.
struct Begun {
    size: u64,
    digest: Sha512,
    /// The flags, and as much data as these can be held against.
    shown: Part,
}

impl<R: Read + Seek + Send> Reading<'_, '_, '_, '_, R> {
    fn parts(
        &self,
        kind: ChunkType,
        sink: &mut dyn FnMut(PartPiece<'_>) -> io::Result<()>,
    ) -> Result<Vec<PartDescription>, StreamError> {
        let mut parts: Vec<Begun> = Vec::new();
        let mut continuation = Continuation::default();
        let mut bytes = Vec::new();
        for index in self.scan.positions(kind) {
            self.scan.chunk(index, &mut bytes)?;
            let chunk = read_chunk(&mut Reader::new(&bytes))?;
            let piece = self.view.piece(&chunk, index, &self.author, &self.layer)?;
            let begins = continuation.push(piece.flags);
            if begins.ok_or(OpenError::Flags(kind))? {
                parts.push(Begun::new(piece.flags));
            }
            let position = parts.len() - 1;
            if let Some(part) = parts.last_mut() {
                part.update(&piece.data);
                let taken = sink(PartPiece {
                    kind,
                    position,
                    flags: part.shown.flags,
                    last: !piece.flags.includes(Flags::CONTINUES),
                    data: &piece.data,
                });
                taken.map_err(|error| StreamError::Sink(kind, error))?;
            }
        }
        continuation.finish().ok_or(OpenError::Flags(kind))?;
        if !self.layer.is_sealed() && !parts.iter().all(|part| part.shown.flags_fit()) {
            return Err(OpenError::Flags(kind).into());
        }
        Ok(parts.into_iter().map(Begun::finish).collect())
    }
}

impl Begun {
    fn new(flags: Flags) -> Self {
        Self {
            size: 0,
            digest: Sha512::new(),
            shown: Part {
                flags: flags.without(Flags::CONTINUES),
                data: Vec::new(),
            },
        }
    }

    fn update(&mut self, data: &[u8]) {
        self.size += data.len() as u64;
        self.digest.update(data);
        let missing = BEGINNING.saturating_sub(self.shown.data.len());
        let beginning = data.iter().take(missing);
        self.shown.data.extend(beginning);
    }

    fn finish(self) -> PartDescription {
        PartDescription {
            flags: self.shown.flags,
            size: self.size,
            sha512: self.digest.finalize().into(),
        }
    }
}
