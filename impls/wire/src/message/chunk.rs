//! The structure of a message: optional tracing, header, chunks with payload and keyslots
//! (spec/30 §1 and §2). Strict: known types, ascending order, single chunks once, exact sizes.

use sha2::Digest as _;

use crate::backend::Sha512;
use crate::keys::EncryptionPublicKey;
use crate::reader::Reader;

/// Magic number of a message, 2 bytes; a 4-byte length follows.
pub const MESSAGE_MAGIC: u16 = 1847;
/// Magic number of the tracing object in front of a message, 2 bytes; a 2-byte length follows.
pub const TRACING_MAGIC: u16 = 1837;
/// Bytes of one keyslot.
pub const KEYSLOT_SIZE: usize = 64;
/// Most bytes of a payload, what its 3-byte length can count.
pub const MAXIMUM_PAYLOAD: usize = 0xff_ffff;
/// Most bytes of a message's chunks that we read or write. The format would allow 2^32 - 1.
pub const MAXIMUM_MESSAGE: usize = 256 * 1024 * 1024;
/// Most chunks of a message that we read or write.
pub const MAXIMUM_CHUNKS: usize = 4096;

/// Types of multipart and alternative display chunks, then of such attachments: the public code names
/// them in comments and says nothing of their payloads.
const RESERVED_TYPES: [u8; 4] = [65, 66, 129, 130];
/// Bytes of a chunk in front of its payload: type (1) and payload length (3).
pub(super) const CHUNK_HEAD: usize = 4;
/// Bytes of a message in front of its chunks.
pub(super) const MESSAGE_HEAD: usize = 6;
/// Most bytes in front of the chunks: header and tracing object.
pub(super) const MAXIMUM_FRONT: usize = MESSAGE_HEAD + 4 + 0xffff;
/// Bytes of the ephemeral chunk's payload, a compressed point.
pub(super) const EPHEMERAL_SIZE: usize = 33;
/// Bytes of a signature chunk's payload.
pub(super) const SIGNATURE_SIZE: usize = 64;
/// Fewest bytes of a standard payload: 69 of head, 1 of data, padded to 16.
const SMALLEST_STANDARD: usize = 80;
/// AES block size; standard payloads are multiples of it.
const BLOCK: usize = 16;

/// Who takes part in a message's way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Actor {
    /// The sending user.
    Author,
    /// The sender's organization.
    Origin,
    /// The recipient's organization.
    Destination,
    /// The receiving user.
    Recipient,
}

impl Actor {
    /// All four, in the order of the message's way and of keyslots.
    pub const ALL: [Self; 4] = [
        Self::Author,
        Self::Origin,
        Self::Destination,
        Self::Recipient,
    ];

    /// The name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Origin => "origin",
            Self::Destination => "destination",
            Self::Recipient => "recipient",
        }
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A group of chunk types.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    /// Ephemeral key, alternate key, origin and destination.
    Envelope,
    /// Common and other headers.
    Metadata,
    /// Display contents.
    Display,
    /// Attachments.
    Attachments,
    /// All signatures.
    Signatures,
}

impl Section {
    /// The name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Envelope => "envelope",
            Self::Metadata => "metadata",
            Self::Display => "display",
            Self::Attachments => "attachments",
            Self::Signatures => "signatures",
        }
    }
}

/// The chunk types; the discriminant is the type byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum ChunkType {
    /// The message's ephemeral secp256k1 public key, plain.
    Ephemeral = 2,
    /// The message's ephemeral X25519 public key of the alternate layer.
    Alternate = 3,
    /// Who wrote, and to which organization; for the origin.
    Origin = 4,
    /// To whom, and from which organization; for the destination.
    Destination = 5,
    /// The six headers every message may have.
    CommonHeaders = 33,
    /// All further headers.
    OtherHeaders = 34,
    /// A part of the body; may repeat.
    Display = 67,
    /// An attachment; may repeat.
    Attachment = 131,
    /// The author's signature over the chunks' hashes.
    TreeSignature = 225,
    /// The author's signature over everything before it.
    AuthorSignature = 226,
    /// The origin's signature over envelope and metadata.
    MetadataBounce = 248,
    /// The origin's signature over envelope, metadata and display.
    DisplayBounce = 249,
    /// The origin's signature over everything before it.
    OriginSignature = 255,
}

impl ChunkType {
    /// All types in wire order.
    pub const ALL: [Self; 13] = [
        Self::Ephemeral,
        Self::Alternate,
        Self::Origin,
        Self::Destination,
        Self::CommonHeaders,
        Self::OtherHeaders,
        Self::Display,
        Self::Attachment,
        Self::TreeSignature,
        Self::AuthorSignature,
        Self::MetadataBounce,
        Self::DisplayBounce,
        Self::OriginSignature,
    ];

    /// The types without which a message is not complete.
    pub(super) const REQUIRED: [Self; 7] = [
        Self::Ephemeral,
        Self::Origin,
        Self::Destination,
        Self::CommonHeaders,
        Self::TreeSignature,
        Self::AuthorSignature,
        Self::OriginSignature,
    ];

    /// The name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Alternate => "alternate",
            Self::Origin => "origin",
            Self::Destination => "destination",
            Self::CommonHeaders => "common headers",
            Self::OtherHeaders => "other headers",
            Self::Display => "display",
            Self::Attachment => "attachment",
            Self::TreeSignature => "tree signature",
            Self::AuthorSignature => "author signature",
            Self::MetadataBounce => "metadata bounce",
            Self::DisplayBounce => "display bounce",
            Self::OriginSignature => "origin signature",
        }
    }

    /// The type of a type byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Who has a keyslot, in the order in which keyslots are stored.
    pub fn slots(self) -> &'static [Actor] {
        match self {
            Self::Ephemeral => &[],
            Self::Origin | Self::TreeSignature | Self::AuthorSignature => {
                &[Actor::Author, Actor::Origin, Actor::Recipient]
            }
            Self::Destination => &[Actor::Author, Actor::Destination, Actor::Recipient],
            Self::Alternate
            | Self::CommonHeaders
            | Self::OtherHeaders
            | Self::Display
            | Self::Attachment => &[Actor::Author, Actor::Recipient],
            Self::MetadataBounce | Self::DisplayBounce | Self::OriginSignature => &Actor::ALL,
        }
    }

    /// The section the type belongs to.
    pub fn section(self) -> Section {
        match self {
            Self::Ephemeral | Self::Alternate | Self::Origin | Self::Destination => {
                Section::Envelope
            }
            Self::CommonHeaders | Self::OtherHeaders => Section::Metadata,
            Self::Display => Section::Display,
            Self::Attachment => Section::Attachments,
            _ => Section::Signatures,
        }
    }

    /// Whether a message is incomplete without a chunk of the type.
    pub fn is_required(self) -> bool {
        Self::REQUIRED.contains(&self)
    }

    /// Whether chunks of the type may follow one another.
    pub fn may_repeat(self) -> bool {
        matches!(self, Self::Display | Self::Attachment)
    }

    /// Whether the payload is of the standard form: signed, with flags, data and padding.
    pub fn is_standard(self) -> bool {
        self != Self::Ephemeral && self.section() != Section::Signatures
    }

    fn accepts_payload(self, size: usize) -> bool {
        match self {
            Self::Ephemeral => size == EPHEMERAL_SIZE,
            kind if kind.is_standard() => size >= SMALLEST_STANDARD && size.is_multiple_of(BLOCK),
            _ => size == SIGNATURE_SIZE,
        }
    }
}

impl std::fmt::Display for ChunkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", *self as u8, self.name())
    }
}

/// Why bytes are not a message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// No message header where one must be.
    #[error("bytes are not a message: no magic number 1847")]
    Magic,
    /// The tracing object is empty or cut off.
    #[error("tracing object is not complete")]
    Tracing,
    /// The length in the header is not that of what follows.
    #[error("message length is not that of its chunks")]
    Length,
    /// Beyond [`MAXIMUM_MESSAGE`] or [`MAXIMUM_CHUNKS`].
    #[error("message is not within the size limits")]
    TooLarge,
    /// The type byte has no meaning.
    #[error("chunk type {0} is not known")]
    UnknownChunk(u8),
    /// The type byte is one of the multipart types, which are named but not defined.
    #[error("chunk type {0} is reserved")]
    Reserved(u8),
    /// A chunk runs past the end.
    #[error("chunk {0} is not complete")]
    Truncated(ChunkType),
    /// A payload of a size its type cannot have.
    #[error("payload size of chunk {0} is not possible: {1}")]
    PayloadSize(ChunkType, usize),
    /// A chunk follows one of a higher type.
    #[error("chunk {0} is not in ascending order")]
    Order(ChunkType),
    /// A single chunk occurs again.
    #[error("chunk {0} is not unique")]
    Repeated(ChunkType),
    /// The message does not begin with the ephemeral chunk.
    #[error("message does not begin with an ephemeral chunk")]
    NoEphemeral,
    /// The ephemeral key is not a point of the curve.
    #[error("ephemeral key is not a compressed secp256k1 point")]
    EphemeralKey,
}

/// One chunk of a parsed message.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Its type.
    pub kind: ChunkType,
    /// Where its type byte stands, counted from the first byte of the parsed input.
    pub offset: usize,
    /// All its bytes: type, length, payload, keyslots.
    pub bytes: &'a [u8],
    /// Its payload, encrypted unless it is the ephemeral chunk.
    pub payload: &'a [u8],
    /// Its keyslots, 64 bytes per entry of [`ChunkType::slots`].
    pub slots: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The keyslot of `actor`, if the type has one for it.
    pub fn slot(&self, actor: Actor) -> Option<&'a [u8; KEYSLOT_SIZE]> {
        let position = self.kind.slots().iter().position(|owner| *owner == actor)?;
        self.slots.get(position * KEYSLOT_SIZE..)?.first_chunk()
    }
}

/// A structurally sound message, borrowed from its bytes. It may be incomplete, as a bounce is.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    tracing: Option<&'a [u8]>,
    body: &'a [u8],
    body_offset: usize,
    chunks: Vec<Chunk<'a>>,
    ephemeral: EncryptionPublicKey,
}

impl<'a> Message<'a> {
    /// Parses `[1837, 2-byte length, tracing] 1847, 4-byte length, chunks`, each chunk being
    /// type (1), payload length (3), payload, 64 bytes per keyslot. All bytes must be used.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let (tracing, length) = read_front(&mut reader)?;
        let body = reader.rest();
        if length != body.len() {
            return Err(ParseError::Length);
        }
        if length > MAXIMUM_MESSAGE {
            return Err(ParseError::TooLarge);
        }
        let body_offset = reader.offset();
        let chunks = read_chunks(&mut reader)?;
        let first = chunks
            .first()
            .filter(|chunk| chunk.kind == ChunkType::Ephemeral)
            .ok_or(ParseError::NoEphemeral)?;
        let ephemeral =
            EncryptionPublicKey::from_bytes(first.payload).map_err(|_| ParseError::EphemeralKey)?;
        Ok(Self {
            tracing,
            body,
            body_offset,
            chunks,
            ephemeral,
        })
    }

    /// The chunks in wire order.
    pub fn chunks(&self) -> &[Chunk<'a>] {
        &self.chunks
    }

    /// The first chunk of a type.
    pub fn chunk(&self, kind: ChunkType) -> Option<&Chunk<'a>> {
        self.chunks.iter().find(|chunk| chunk.kind == kind)
    }

    /// The data of the tracing object in front, which nothing covers.
    pub fn tracing(&self) -> Option<&'a [u8]> {
        self.tracing
    }

    /// The message's ephemeral public key.
    pub fn ephemeral(&self) -> &EncryptionPublicKey {
        &self.ephemeral
    }

    /// The first required chunk type that is missing; a complete message has none.
    pub fn missing(&self) -> Option<ChunkType> {
        ChunkType::REQUIRED
            .into_iter()
            .find(|kind| self.chunk(*kind).is_none())
    }

    /// What identifies the letter on its way: SHA-512 over chunks 2 to 226, which no origin may
    /// change (spec/95 item 44).
    pub fn identity(&self) -> [u8; 64] {
        Sha512::digest(self.through(ChunkType::AuthorSignature)).into()
    }

    /// What a letter and its bounce have in common: SHA-512 over chunks 2 to 34, envelope and
    /// metadata. The ephemeral key makes it another for every message.
    pub fn head_identity(&self) -> [u8; 64] {
        Sha512::digest(self.through(ChunkType::OtherHeaders)).into()
    }

    /// The bytes of all chunks up to and including those of type `last`.
    pub(super) fn through(&self, last: ChunkType) -> &'a [u8] {
        let end = self
            .chunks
            .iter()
            .rfind(|chunk| chunk.kind <= last)
            .map(|chunk| chunk.offset + chunk.bytes.len());
        self.body
            .get(
                ..end
                    .unwrap_or(self.body_offset)
                    .saturating_sub(self.body_offset),
            )
            .unwrap_or_default()
    }

    /// The bytes of all chunks below type `kind`.
    pub(super) fn before(&self, kind: ChunkType) -> &'a [u8] {
        let end = self
            .chunks
            .iter()
            .find(|chunk| chunk.kind >= kind)
            .map(|chunk| chunk.offset - self.body_offset);
        self.body
            .get(..end.unwrap_or(self.body.len()))
            .unwrap_or_default()
    }
}

/// Reads what stands in front of the chunks, tracing and header: the tracing data and how many bytes
/// of chunks the header announces.
pub(super) fn read_front<'a>(
    reader: &mut Reader<'a>,
) -> Result<(Option<&'a [u8]>, usize), ParseError> {
    let mut magic = reader.number(2).ok_or(ParseError::Magic)?;
    let mut tracing = None;
    if magic == usize::from(TRACING_MAGIC) {
        let size = reader
            .number(2)
            .filter(|size| *size > 0)
            .ok_or(ParseError::Tracing)?;
        tracing = Some(reader.take(size).ok_or(ParseError::Tracing)?);
        magic = reader.number(2).ok_or(ParseError::Magic)?;
    }
    if magic != usize::from(MESSAGE_MAGIC) {
        return Err(ParseError::Magic);
    }
    let length = reader.number(4).ok_or(ParseError::Length)?;
    Ok((tracing, length))
}

fn read_chunks<'a>(reader: &mut Reader<'a>) -> Result<Vec<Chunk<'a>>, ParseError> {
    let mut chunks: Vec<Chunk<'a>> = Vec::new();
    while !reader.is_empty() {
        if chunks.len() == MAXIMUM_CHUNKS {
            return Err(ParseError::TooLarge);
        }
        let chunk = read_chunk(reader)?;
        check_order(chunks.last().map(|previous| previous.kind), chunk.kind)?;
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// Whether a chunk of type `kind` may follow one of type `previous`.
pub(super) fn check_order(previous: Option<ChunkType>, kind: ChunkType) -> Result<(), ParseError> {
    match previous {
        Some(previous) if kind < previous => Err(ParseError::Order(kind)),
        Some(previous) if kind == previous && !kind.may_repeat() => Err(ParseError::Repeated(kind)),
        _ => Ok(()),
    }
}

/// Reads type and payload length of a chunk and judges whether they go together.
pub(super) fn read_head(reader: &mut Reader<'_>) -> Result<(ChunkType, usize), ParseError> {
    let [byte] = reader.array().ok_or(ParseError::Length)?;
    let kind = ChunkType::from_byte(byte).ok_or(if RESERVED_TYPES.contains(&byte) {
        ParseError::Reserved(byte)
    } else {
        ParseError::UnknownChunk(byte)
    })?;
    let size = reader.number(3).ok_or(ParseError::Truncated(kind))?;
    if kind.accepts_payload(size) {
        Ok((kind, size))
    } else {
        Err(ParseError::PayloadSize(kind, size))
    }
}

pub(super) fn read_chunk<'a>(reader: &mut Reader<'a>) -> Result<Chunk<'a>, ParseError> {
    let (offset, start) = (reader.offset(), reader.rest());
    let (kind, size) = read_head(reader)?;
    let truncated = ParseError::Truncated(kind);
    let payload = reader.take(size).ok_or(truncated.clone())?;
    let slots = reader
        .take(kind.slots().len() * KEYSLOT_SIZE)
        .ok_or(truncated.clone())?;
    let bytes = start.get(..reader.offset() - offset).ok_or(truncated)?;
    Ok(Chunk {
        kind,
        offset,
        bytes,
        payload,
        slots,
    })
}
