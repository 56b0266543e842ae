//! Bounces: what a destination returns of a message it cannot deliver, and how origin and author know
//! it for theirs (spec/30 §5, spec/95 item 38; the layout is ruled).
//!
//! A bounce is the message with chunks left out: without tracing, up to the section that is returned,
//! then the one signature of the origin that covers just that. Its header is that of a message.

use super::letter::Signets;
use super::open::{OpenError, Opened, complete};
use super::seal::write_length;
use super::view::{View, check_organization};
use super::{Actor, ChunkType, MESSAGE_MAGIC, Message, OriginEnvelope, Section, Workers};
use crate::keys::{AlternateKey, EncryptionKey};
use crate::signet::Signet;

/// How much of a message a bounce returns, and by which chunk its origin answers for that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BounceExtent {
    /// Envelope and metadata, under chunk 248.
    Metadata,
    /// Envelope, metadata and display, under chunk 249.
    Display,
    /// The whole message, under chunk 255.
    Full,
}

impl BounceExtent {
    /// All extents, from little to much.
    pub const ALL: [Self; 3] = [Self::Metadata, Self::Display, Self::Full];

    /// The type of the origin's signature that ends a bounce of this extent.
    pub fn signature(self) -> ChunkType {
        match self {
            Self::Metadata => ChunkType::MetadataBounce,
            Self::Display => ChunkType::DisplayBounce,
            Self::Full => ChunkType::OriginSignature,
        }
    }

    /// The last type of which a bounce returns the author's chunks.
    fn last(self) -> ChunkType {
        match self {
            Self::Metadata => ChunkType::OtherHeaders,
            Self::Display => ChunkType::Display,
            Self::Full => ChunkType::AuthorSignature,
        }
    }

    fn returns(self, kind: ChunkType) -> bool {
        kind == self.signature()
            || match self {
                Self::Metadata => kind.section() <= Section::Metadata,
                Self::Display => kind.section() <= Section::Display,
                Self::Full => true,
            }
    }
}

/// A bounce whose chunks are those of its extent, no more and no fewer.
#[derive(Clone, Debug)]
pub struct Bounce<'a> {
    message: Message<'a>,
    extent: BounceExtent,
}

impl<'a> Bounce<'a> {
    /// Parses the bytes of a bounce; the origin's signature at its end tells the extent.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        let message = Message::parse(bytes)?;
        let last = message.chunks().last().map(|chunk| chunk.kind);
        let extent = BounceExtent::ALL
            .into_iter()
            .find(|extent| last == Some(extent.signature()))
            .ok_or(OpenError::NotABounce)?;
        let foreign = |kind: &ChunkType| !extent.returns(*kind);
        let mut kinds = message.chunks().iter().map(|chunk| chunk.kind);
        if let Some(kind) = kinds.find(foreign) {
            return Err(OpenError::Unreturned(kind));
        }
        let required = ChunkType::REQUIRED.into_iter();
        for kind in required.filter(|kind| extent.returns(*kind)) {
            message.chunk(kind).ok_or(OpenError::Incomplete(kind))?;
        }
        if message.tracing().is_some() {
            return Err(OpenError::TracedBounce);
        }
        Ok(Self { message, extent })
    }

    /// How much it returns.
    pub fn extent(&self) -> BounceExtent {
        self.extent
    }

    /// Its chunks, as a message.
    pub fn message(&self) -> &Message<'a> {
        &self.message
    }

    /// Whether it returns `sent`, the author's object or the message its origin made of it: whether
    /// all chunks of the author's that it returns are those of `sent`. A kept
    /// [`Message::head_identity`] finds the candidate.
    pub fn is_of(&self, sent: &Message<'_>) -> bool {
        let last = self.extent.last();
        self.message.through(last) == sent.through(last)
    }
}

/// Makes the bounce of a message as its destination, which needs no key for it. The message must be
/// complete and hold the origin's signature for `extent`; [`super::open_as_destination`] has verified
/// it before, and the sender's wish (RETURN of MAIL) is for the caller to respect.
pub fn bounce_as_destination(
    message: &Message<'_>,
    extent: BounceExtent,
) -> Result<Vec<u8>, OpenError> {
    complete(message)?;
    let signature = extent.signature();
    message
        .chunk(signature)
        .ok_or(OpenError::Incomplete(signature))?;
    let mut out = MESSAGE_MAGIC.to_be_bytes().to_vec();
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    for chunk in message.chunks() {
        if extent.returns(chunk.kind) {
            out.extend_from_slice(chunk.bytes);
        }
    }
    write_length(&mut out, body);
    Ok(out)
}

/// Verifies a bounce as the origin of the message: that its own key signed what came back. `origin` is
/// its own signet of the time. What it learns is what it knew: the author to tell, and the destination
/// from which the bounce must have come.
///
/// Chunk 4 is decrypted only under that signature: nobody else answers for it here, and whether changed
/// ciphertext holds an address would tell its sender something about the author.
pub fn verify_bounce_as_origin(
    bounce: &Bounce<'_>,
    key: &EncryptionKey,
    origin: &Signet,
) -> Result<OriginEnvelope, OpenError> {
    check_organization(Actor::Origin, origin)?;
    let view = View::new(&bounce.message, key, Actor::Origin);
    view.origin_signature(bounce.extent.signature(), &view.origin_keys(origin)?)?;
    view.origin_envelope(None)
}

/// Verifies and reads a bounce as the author of the message: both envelopes against the signets, the
/// origin's signature over what came back, and every returned part with the author's own plaintext
/// signature. Of the author's outer signatures only a full bounce has any; its tree is then reported.
///
/// Display parts under the alternate layer are as in [`super::open_as_author`].
pub fn verify_bounce_as_author(
    bounce: &Bounce<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    ephemeral_alternate: Option<&AlternateKey>,
) -> Result<Opened, OpenError> {
    let view = View::new(&bounce.message, key, Actor::Author);
    let (mut opened, author) = view.judge_envelopes(signets)?;
    if bounce.extent == BounceExtent::Full {
        opened.tree = Some(view.author_signatures(&author, Workers::One)?);
        view.origin_signatures(signets.origin, &mut opened, Workers::One)?;
    } else {
        let keys = view.origin_keys(signets.origin)?;
        view.origin_signature(bounce.extent.signature(), &keys)?;
        opened.metadata_bounce = bounce.extent == BounceExtent::Metadata;
        opened.display_bounce = bounce.extent == BounceExtent::Display;
    }
    let layer = view.layer_as_author(&author, signets.recipient, ephemeral_alternate)?;
    view.contents(&author, &layer, &mut opened)?;
    Ok(opened)
}
