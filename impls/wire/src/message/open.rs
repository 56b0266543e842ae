//! Opening a message as each actor: decrypting what the actor has keyslots for, verifying all it can,
//! comparing the envelope with the signets used (spec/30 §6, spec/90 items 36 to 54, spec/95
//! items 31 to 44).
//!
//! The order of judgement: complete, envelope, signets, outer signatures, contents.

use super::envelope::EnvelopeError;
use super::headers::HeaderError;
use super::letter::Signets;
use super::view::{
    Layer, View, check_destination_envelope, check_domain, check_organization,
    check_origin_envelope, user_key,
};
use super::{
    Actor, ChunkType, CommonHeaders, DestinationEnvelope, Envelope, Message, OriginEnvelope,
    ParseError, Part, ReadPolicy, TreeSignature, Workers,
};
use crate::keys::{AlternateKey, EncryptionKey, Verifier};
use crate::signet::{Signet, SignetError};

/// Why a message was not opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// The bytes are not a message.
    #[error("failed to read message: {0}")]
    Parse(#[from] ParseError),
    /// A chunk is missing that must be there.
    #[error("message has no chunk {0}")]
    Incomplete(ChunkType),
    /// A chunk does not decrypt to what it must be. Wrong keys, padding, lengths and plaintext
    /// signatures are deliberately one error (spec/90 item 48).
    #[error("failed to decrypt message")]
    Undecryptable,
    /// The author wrote, and signed, an envelope that is not well formed.
    #[error("author's {0}")]
    Envelope(#[from] EnvelopeError),
    /// A signet is of the wrong kind, not complete or without usable keys.
    #[error("failed to use the {0}'s signet: {1}")]
    Signet(Actor, SignetError),
    /// The signet is not the one whose fingerprint the author put in the envelope.
    #[error("{0}'s signet is not the one in the author's envelope")]
    Fingerprint(Actor),
    /// The name in the envelope is not that of the signet, or not in the other hop's domain.
    #[error("{0}'s name in the author's envelope is not that of the signet or domain")]
    Name(Actor),
    /// The message key of the hardened profile is the author's signing key (`HARDENED.md` §3).
    #[error("author's message key is not a key of the message's own")]
    MessageKey,
    /// The message is not of the hardened profile, which the reader's policy asks for.
    #[error("author's message is not hardened")]
    NotHardened,
    /// The author's tree signature verifies in neither form.
    #[error("author's tree signature is not valid")]
    TreeSignature,
    /// The author's full signature does not verify.
    #[error("author's full signature is not valid")]
    AuthorSignature,
    /// A chunk of the origin holds 64 zero bytes: the origin never signed it.
    #[error("origin never signed chunk {0}")]
    NeverSigned(ChunkType),
    /// A signature of the origin verifies with none of its message keys.
    #[error("origin's signature in chunk {0} is not valid")]
    OriginSignature(ChunkType),
    /// A chunk to be signed by the origin already holds something.
    #[error(
        "author's chunk {0} does not open to 64 zero bytes: signed already, or the key is not the origin's"
    )]
    NotUnsigned(ChunkType),
    /// The author wrote common headers that are not well formed.
    #[error("author's common headers are not well formed: {0}")]
    Headers(#[from] HeaderError),
    /// The author's flags contradict the data.
    #[error("author's flags of chunk {0} are not those of its data")]
    Flags(ChunkType),
    /// The author's chunk 3 does not hold a usable X25519 key (`ALTERNATE.md` §1).
    #[error("author's alternate chunk is not a usable key")]
    AlternateKey,
    /// The alternate layer was used and the reader has no key for it.
    #[error("message needs an alternate key")]
    NoAlternateKey,
    /// Tracing data to be added is empty or too long.
    #[error("tracing data is not between 1 and 65535 bytes")]
    Tracing,
    /// The message does not end with a signature under which it could have come back.
    #[error("message is not a bounce")]
    NotABounce,
    /// A bounce holds a chunk that bounces of its extent do not return.
    #[error("bounce has a chunk {0} that is not to be returned")]
    Unreturned(ChunkType),
    /// A bounce has tracing in front, which nothing covers.
    #[error("bounce is not free of tracing")]
    TracedBounce,
}

/// The signets an origin needs to judge a message.
#[derive(Clone, Copy, Debug)]
pub struct OriginSignets<'a> {
    /// The author's, looked up after [`read_origin_envelope`].
    pub author: &'a Signet,
    /// The origin's own.
    pub origin: &'a Signet,
    /// The destination's.
    pub destination: &'a Signet,
}

/// The signets a destination needs to judge a message.
#[derive(Clone, Copy, Debug)]
pub struct DestinationSignets<'a> {
    /// The origin's.
    pub origin: &'a Signet,
    /// The destination's own.
    pub destination: &'a Signet,
    /// The recipient's, looked up after [`read_destination_envelope`].
    pub recipient: &'a Signet,
}

/// What an actor reads in a message that passed all its checks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opened {
    /// Who is involved, as far as the actor may know.
    pub envelope: Envelope,
    /// Common headers; author and recipient.
    pub common: Option<CommonHeaders>,
    /// Other headers; author and recipient, if there are any.
    pub other_headers: Option<Vec<u8>>,
    /// Display parts in order; author and recipient. Flags are as on the wire, but a part that goes on
    /// over several chunks is one part. What is compressed stays so until [`Part::expanded`].
    pub display: Vec<Part>,
    /// Attachments in order; author and recipient.
    pub attachments: Vec<Part>,
    /// Which form the author's tree signature has; all but the destination.
    pub tree: Option<TreeSignature>,
    /// Whether the message is of the hardened profile (`HARDENED.md`); all but the destination.
    pub hardened: bool,
    /// Whether a metadata bounce signature is there and verified; destination and recipient.
    pub metadata_bounce: bool,
    /// Whether a display bounce signature is there and verified; destination and recipient.
    pub display_bounce: bool,
    /// Positions in `display` of parts whose data still is under the alternate layer, because an
    /// author reads a sent copy without the message's ephemeral alternate secret.
    pub still_sealed: Vec<usize>,
    /// As [`Opened::still_sealed`], positions in `attachments`. The layer covers all parts or none.
    pub attachments_still_sealed: Vec<usize>,
}

/// Decrypts chunk 4 as the origin, without judging any signature: how it learns whose signets to
/// look up.
pub fn read_origin_envelope(
    message: &Message<'_>,
    key: &EncryptionKey,
) -> Result<OriginEnvelope, OpenError> {
    View::new(message, key, Actor::Origin).origin_envelope(None)
}

/// Decrypts chunk 5 as the destination, without judging any signature.
pub fn read_destination_envelope(
    message: &Message<'_>,
    key: &EncryptionKey,
) -> Result<DestinationEnvelope, OpenError> {
    View::new(message, key, Actor::Destination).destination_envelope(None)
}

/// Decrypts chunks 4 and 5 as the recipient, without judging any signature.
pub fn read_recipient_envelopes(
    message: &Message<'_>,
    key: &EncryptionKey,
) -> Result<(OriginEnvelope, DestinationEnvelope), OpenError> {
    let view = View::new(message, key, Actor::Recipient);
    Ok((
        view.origin_envelope(None)?,
        view.destination_envelope(None)?,
    ))
}

/// Opens and judges a message as its origin: chunk 4 with the author's plaintext signature, the tree
/// and full signatures of the author. The origin's own chunks are not looked at, so that this works
/// before and after [`super::sign_as_origin`].
pub fn open_as_origin(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &OriginSignets<'_>,
) -> Result<Opened, OpenError> {
    open_as_origin_with(message, key, signets, &ReadPolicy::default())
}

/// As [`open_as_origin`], under a policy.
pub fn open_as_origin_with(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &OriginSignets<'_>,
    policy: &ReadPolicy,
) -> Result<Opened, OpenError> {
    let view = View::new(message, key, Actor::Origin).under(*policy);
    judge_as_origin(&view, signets)
}

pub(super) fn judge_as_origin(
    view: &View<'_, '_>,
    signets: &OriginSignets<'_>,
) -> Result<Opened, OpenError> {
    complete(view.message)?;
    let author = user_key(Actor::Author, signets.author)?.verifier();
    let envelope = view.origin_envelope(Some(&author))?;
    check_organization(Actor::Origin, signets.origin)?;
    check_organization(Actor::Destination, signets.destination)?;
    let consistent = || {
        check_origin_envelope(&envelope, signets.author, signets.destination)?;
        view.check_hardening(&envelope, &author)?;
        match signets.origin.identifier() {
            Some(own) => check_domain(Actor::Author, &envelope.author, own),
            None => Ok(()),
        }
    };
    view.signed(&[(ChunkType::Origin, &author)], consistent())?;
    let tree = view.author_signatures(&author, view.workers())?;
    Ok(Opened {
        hardened: envelope.message_key.is_some(),
        envelope: Envelope::new(Some(envelope), None),
        tree: Some(tree),
        ..Opened::default()
    })
}

/// Opens and judges a message as its destination: chunk 5, and the origin's signatures by POK or
/// a SOK that may sign messages. The destination cannot verify anything of the author's.
pub fn open_as_destination(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &DestinationSignets<'_>,
) -> Result<Opened, OpenError> {
    open_as_destination_with(message, key, signets, &ReadPolicy::default())
}

/// As [`open_as_destination`], under a policy.
pub fn open_as_destination_with(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &DestinationSignets<'_>,
    policy: &ReadPolicy,
) -> Result<Opened, OpenError> {
    let view = View::new(message, key, Actor::Destination).under(*policy);
    judge_as_destination(&view, signets)
}

pub(super) fn judge_as_destination(
    view: &View<'_, '_>,
    signets: &DestinationSignets<'_>,
) -> Result<Opened, OpenError> {
    complete(view.message)?;
    let envelope = view.destination_envelope(None)?;
    check_organization(Actor::Origin, signets.origin)?;
    check_organization(Actor::Destination, signets.destination)?;
    user_key(Actor::Recipient, signets.recipient)?;
    check_destination_envelope(&envelope, signets.recipient, signets.origin)?;
    if let Some(own) = signets.destination.identifier() {
        check_domain(Actor::Recipient, &envelope.recipient, own)?;
    }
    let mut opened = Opened {
        envelope: Envelope::new(None, Some(envelope)),
        ..Opened::default()
    };
    view.origin_signatures(signets.origin, &mut opened, view.workers())?;
    Ok(opened)
}

/// Opens and judges a message as its recipient: everything. `alternate` holds the recipient's
/// alternate keys, of which those that fit are used if the author used the alternate layer.
pub fn open_as_recipient(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    alternate: &[AlternateKey],
) -> Result<Opened, OpenError> {
    open_as_recipient_with(message, key, signets, alternate, &ReadPolicy::default())
}

/// As [`open_as_recipient`], under a policy.
pub fn open_as_recipient_with(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    alternate: &[AlternateKey],
    policy: &ReadPolicy,
) -> Result<Opened, OpenError> {
    let view = View::new(message, key, Actor::Recipient).under(*policy);
    let (mut opened, author, layer) = judge_as_recipient(&view, signets, alternate)?;
    view.contents(&author, &layer, &mut opened)?;
    if opened.still_sealed.is_empty() && opened.attachments_still_sealed.is_empty() {
        Ok(opened)
    } else {
        Err(OpenError::NoAlternateKey)
    }
}

/// All that a recipient judges but the contents, with what these are then read by.
pub(super) fn judge_as_recipient(
    view: &View<'_, '_>,
    signets: &Signets<'_>,
    alternate: &[AlternateKey],
) -> Result<(Opened, Verifier, Layer), OpenError> {
    complete(view.message)?;
    let (mut opened, author) = view.judge_envelopes(signets)?;
    // Each of the two goes over the whole message twice, so neither is divided further.
    let (tree, ()) = view.workers().judge(
        || view.author_signatures(&author, Workers::One),
        || view.origin_signatures(signets.origin, &mut opened, Workers::One),
    )?;
    opened.tree = Some(tree);
    let layer = view.layer_as_recipient(&author, alternate)?;
    Ok((opened, author, layer))
}

/// Opens and judges a sent copy as its author: as the recipient, but without the origin's signatures,
/// which an author's object does not have yet.
///
/// Parts under the alternate layer open only with the ephemeral alternate secret of the message, if
/// the author kept it; without, they come as they are and are listed in [`Opened::still_sealed`]
/// and [`Opened::attachments_still_sealed`].
pub fn open_as_author(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    ephemeral_alternate: Option<&AlternateKey>,
) -> Result<Opened, OpenError> {
    open_as_author_with(
        message,
        key,
        signets,
        ephemeral_alternate,
        &ReadPolicy::default(),
    )
}

/// As [`open_as_author`], under a policy.
pub fn open_as_author_with(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    ephemeral_alternate: Option<&AlternateKey>,
    policy: &ReadPolicy,
) -> Result<Opened, OpenError> {
    let view = View::new(message, key, Actor::Author).under(*policy);
    complete(view.message)?;
    let (mut opened, author) = view.judge_envelopes(signets)?;
    // The signatures go over the whole message twice, so they are not divided further.
    let (tree, ()) = view.workers().judge(
        || view.author_signatures(&author, Workers::One),
        || {
            let layer = view.layer_as_author(&author, signets.recipient, ephemeral_alternate)?;
            view.contents(&author, &layer, &mut opened)
        },
    )?;
    opened.tree = Some(tree);
    Ok(opened)
}

/// All that an author judges but the contents, with what these are then read by.
pub(super) fn judge_as_author(
    view: &View<'_, '_>,
    signets: &Signets<'_>,
    ephemeral_alternate: Option<&AlternateKey>,
) -> Result<(Opened, Verifier, Layer), OpenError> {
    complete(view.message)?;
    let (mut opened, author) = view.judge_envelopes(signets)?;
    opened.tree = Some(view.author_signatures(&author, view.workers())?);
    let layer = view.layer_as_author(&author, signets.recipient, ephemeral_alternate)?;
    Ok((opened, author, layer))
}

/// Refuses a message that lacks a required chunk.
pub(super) fn complete(message: &Message<'_>) -> Result<(), OpenError> {
    message
        .missing()
        .map_or(Ok(()), |kind| Err(OpenError::Incomplete(kind)))
}
