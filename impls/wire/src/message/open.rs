//! Opening a message as each actor: decrypting what the actor has keyslots for, verifying all it can,
//! comparing the envelope with the signets used (spec/30 §6, spec/90 items 36 to 54, spec/95
//! items 31 to 44).
//!
//! The order of judgement: complete, envelope, signets, outer signatures, contents.

use super::cipher::ChunkKey;
use super::envelope::EnvelopeError;
use super::headers::HeaderError;
use super::payload::{self, Flags, Part, flags_fit};
use super::seal::Signets;
use super::signatures::tree_signature_input;
use super::{
    Actor, Chunk, ChunkType, CommonHeaders, DestinationEnvelope, Envelope, Message, OriginEnvelope,
    ParseError, TreeSignature,
};
use crate::alternate::{Agreement, EPHEMERAL_SIZE};
use crate::keys::{AlternateKey, AlternatePublicKey, EncryptionKey, Kek, Signature, VerifyingKey};
use crate::name;
use crate::signet::{Fingerprint, FingerprintKind, Signet, SignetError, SignetKind, State};

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
    /// The author wrote an envelope that is not well formed.
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
    #[error("author's chunk {0} is not empty")]
    NotUnsigned(ChunkType),
    /// The author wrote common headers that are not well formed.
    #[error("author's common headers are not well formed: {0}")]
    Headers(#[from] HeaderError),
    /// The author's flags contradict the data.
    #[error("author's flags of chunk {0} are not those of its data")]
    Flags(ChunkType),
    /// The alternate layer was used and the reader has no key for it.
    #[error("message needs an alternate key")]
    NoAlternateKey,
    /// Tracing data to be added is empty or too long.
    #[error("tracing data is not between 1 and 65535 bytes")]
    Tracing,
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
    /// Display parts in order; author and recipient. Flags are as on the wire.
    pub display: Vec<Part>,
    /// Attachments in order; author and recipient.
    pub attachments: Vec<Part>,
    /// Which form the author's tree signature has; all but the destination.
    pub tree: Option<TreeSignature>,
    /// Whether a metadata bounce signature is there and verified; destination and recipient.
    pub metadata_bounce: bool,
    /// Whether a display bounce signature is there and verified; destination and recipient.
    pub display_bounce: bool,
    /// Positions in `display` of parts whose data still is under the alternate layer, because an
    /// author reads a sent copy without the message's ephemeral alternate secret.
    pub still_sealed: Vec<usize>,
}

/// Decrypts chunk 4 as the origin, without judging any signature: how it learns whose signets to
/// look up.
pub fn read_origin_envelope(
    message: &Message<'_>,
    key: &EncryptionKey,
) -> Result<OriginEnvelope, OpenError> {
    Ok(OriginEnvelope::parse(
        &View::new(message, key, Actor::Origin)
            .standard(ChunkType::Origin, None)?
            .data,
    )?)
}

/// Decrypts chunk 5 as the destination, without judging any signature.
pub fn read_destination_envelope(
    message: &Message<'_>,
    key: &EncryptionKey,
) -> Result<DestinationEnvelope, OpenError> {
    let view = View::new(message, key, Actor::Destination);
    Ok(DestinationEnvelope::parse(
        &view.standard(ChunkType::Destination, None)?.data,
    )?)
}

/// Opens and judges a message as its origin: chunk 4 with the author's plaintext signature, the tree
/// and full signatures of the author. The origin's own chunks are not looked at, so that this works
/// before and after [`super::sign_as_origin`].
pub fn open_as_origin(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &OriginSignets<'_>,
) -> Result<Opened, OpenError> {
    complete(message)?;
    let view = View::new(message, key, Actor::Origin);
    let envelope = OriginEnvelope::parse(&view.standard(ChunkType::Origin, None)?.data)?;
    let author = user_key(Actor::Author, signets.author)?;
    check_organization(Actor::Origin, signets.origin)?;
    check_organization(Actor::Destination, signets.destination)?;
    check_origin_envelope(&envelope, signets.author, signets.destination)?;
    let own_domain = signets.origin.identifier();
    if own_domain.is_some_and(|own| !name::same_domain(own, name::domain_of(&envelope.author))) {
        return Err(OpenError::Name(Actor::Author));
    }
    view.standard(ChunkType::Origin, Some(&author))?;
    let tree = view.author_signatures(&author)?;
    Ok(Opened {
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
    complete(message)?;
    let view = View::new(message, key, Actor::Destination);
    let envelope = DestinationEnvelope::parse(&view.standard(ChunkType::Destination, None)?.data)?;
    check_organization(Actor::Origin, signets.origin)?;
    check_organization(Actor::Destination, signets.destination)?;
    user_key(Actor::Recipient, signets.recipient)?;
    check_destination_envelope(&envelope, signets.recipient, signets.origin)?;
    let own_domain = signets.destination.identifier();
    if own_domain.is_some_and(|own| !name::same_domain(own, name::domain_of(&envelope.recipient))) {
        return Err(OpenError::Name(Actor::Recipient));
    }
    let mut opened = Opened {
        envelope: Envelope::new(None, Some(envelope)),
        ..Opened::default()
    };
    view.origin_signatures(signets.origin, &mut opened)?;
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
    let view = View::new(message, key, Actor::Recipient);
    let (mut opened, author) = view.judge_as_user(signets)?;
    view.origin_signatures(signets.origin, &mut opened)?;
    let ephemeral = view.alternate_ephemeral(&author)?;
    let agreements: Vec<Agreement> = match ephemeral {
        Some(public) => alternate
            .iter()
            .filter_map(|own| Agreement::as_recipient(own, &public))
            .collect(),
        None => Vec::new(),
    };
    view.contents(&author, &agreements, ephemeral.is_some(), &mut opened)?;
    if opened.still_sealed.is_empty() {
        Ok(opened)
    } else {
        Err(OpenError::NoAlternateKey)
    }
}

/// Opens and judges a sent copy as its author: as the recipient, but without the origin's signatures,
/// which an author's object does not have yet.
///
/// Parts under the alternate layer open only with the ephemeral alternate secret of the message, if
/// the author kept it; without, they come as they are and are listed in [`Opened::still_sealed`].
pub fn open_as_author(
    message: &Message<'_>,
    key: &EncryptionKey,
    signets: &Signets<'_>,
    ephemeral_alternate: Option<&AlternateKey>,
) -> Result<Opened, OpenError> {
    let view = View::new(message, key, Actor::Author);
    let (mut opened, author) = view.judge_as_user(signets)?;
    let ephemeral = view.alternate_ephemeral(&author)?;
    let kept = ephemeral_alternate.filter(|kept| ephemeral == Some(kept.public()));
    let recipient = signets.recipient.alternate_keys();
    let agreements: Vec<Agreement> = kept
        .zip(recipient.first())
        .and_then(|(kept, public)| Agreement::as_author(kept, public))
        .into_iter()
        .collect();
    view.contents(&author, &agreements, ephemeral.is_some(), &mut opened)?;
    Ok(opened)
}

/// Refuses a message that lacks a required chunk.
pub(super) fn complete(message: &Message<'_>) -> Result<(), OpenError> {
    message
        .missing()
        .map_or(Ok(()), |kind| Err(OpenError::Incomplete(kind)))
}

/// A message through one actor's keyslots.
struct View<'m, 'a> {
    message: &'m Message<'a>,
    actor: Actor,
    kek: Kek,
}

impl<'m, 'a> View<'m, 'a> {
    fn new(message: &'m Message<'a>, key: &EncryptionKey, actor: Actor) -> Self {
        Self {
            message,
            actor,
            kek: Kek::derive(key, message.ephemeral()),
        }
    }

    fn decrypt(&self, chunk: &Chunk<'_>) -> Result<Vec<u8>, OpenError> {
        let slot = chunk.slot(self.actor).ok_or(OpenError::Undecryptable)?;
        let mut payload = chunk.payload.to_vec();
        ChunkKey::from_keyslot(&self.kek, slot).decrypt(&mut payload);
        Ok(payload)
    }

    fn read(&self, chunk: &Chunk<'_>, author: Option<&VerifyingKey>) -> Result<Part, OpenError> {
        payload::read(self.decrypt(chunk)?, author).ok_or(OpenError::Undecryptable)
    }

    /// A single chunk whose data is text or a key: no flag but alternate padding makes sense.
    fn standard(&self, kind: ChunkType, author: Option<&VerifyingKey>) -> Result<Part, OpenError> {
        let part = self.read(
            self.message
                .chunk(kind)
                .ok_or(OpenError::Incomplete(kind))?,
            author,
        )?;
        if Flags::ALTERNATE_PADDING.includes(part.flags) {
            Ok(part)
        } else {
            Err(OpenError::Flags(kind))
        }
    }

    fn signature(&self, kind: ChunkType) -> Result<Option<Signature>, OpenError> {
        let Some(chunk) = self.message.chunk(kind) else {
            return Ok(None);
        };
        let plain = self.decrypt(chunk)?;
        plain
            .try_into()
            .map(|bytes| Some(Signature(bytes)))
            .map_err(|_| OpenError::Undecryptable)
    }

    fn author_signatures(&self, author: &VerifyingKey) -> Result<TreeSignature, OpenError> {
        let tree = self
            .signature(ChunkType::TreeSignature)?
            .ok_or(OpenError::TreeSignature)?;
        let forms = [TreeSignature::Libdime, TreeSignature::Intended];
        let mut fitting = forms
            .into_iter()
            .filter(|form| author.verify(&tree_signature_input(self.message, *form), &tree));
        let form = fitting.next().ok_or(OpenError::TreeSignature)?;
        let full = self
            .signature(ChunkType::AuthorSignature)?
            .ok_or(OpenError::AuthorSignature)?;
        if !author.verify(self.message.through(ChunkType::TreeSignature), &full) {
            return Err(OpenError::AuthorSignature);
        }
        Ok(form)
    }

    fn origin_signatures(&self, origin: &Signet, opened: &mut Opened) -> Result<(), OpenError> {
        let keys = origin
            .message_keys()
            .map_err(|error| OpenError::Signet(Actor::Origin, error))?;
        let verify = |kind: ChunkType, covered: &[u8]| -> Result<bool, OpenError> {
            let Some(signature) = self.signature(kind)? else {
                return Ok(false);
            };
            if signature.0 == [0; 64] {
                return Err(OpenError::NeverSigned(kind));
            }
            let valid = keys.iter().any(|key| key.verify(covered, &signature));
            if valid {
                Ok(true)
            } else {
                Err(OpenError::OriginSignature(kind))
            }
        };
        opened.metadata_bounce = verify(
            ChunkType::MetadataBounce,
            self.message.through(ChunkType::OtherHeaders),
        )?;
        opened.display_bounce = verify(
            ChunkType::DisplayBounce,
            self.message.through(ChunkType::Display),
        )?;
        verify(
            ChunkType::OriginSignature,
            self.message.before(ChunkType::OriginSignature),
        )?;
        Ok(())
    }

    /// What author and recipient check alike: both envelopes, all four signets, the author's
    /// signatures.
    fn judge_as_user(&self, signets: &Signets<'_>) -> Result<(Opened, VerifyingKey), OpenError> {
        complete(self.message)?;
        let author = user_key(Actor::Author, signets.author)?;
        let origin = OriginEnvelope::parse(&self.standard(ChunkType::Origin, None)?.data)?;
        let destination =
            DestinationEnvelope::parse(&self.standard(ChunkType::Destination, None)?.data)?;
        user_key(Actor::Recipient, signets.recipient)?;
        check_organization(Actor::Origin, signets.origin)?;
        check_organization(Actor::Destination, signets.destination)?;
        check_origin_envelope(&origin, signets.author, signets.destination)?;
        check_destination_envelope(&destination, signets.recipient, signets.origin)?;
        if !name::same_domain(name::domain_of(&origin.author), &destination.origin) {
            return Err(OpenError::Name(Actor::Author));
        }
        if !name::same_domain(name::domain_of(&destination.recipient), &origin.destination) {
            return Err(OpenError::Name(Actor::Recipient));
        }
        for kind in [ChunkType::Origin, ChunkType::Destination] {
            self.standard(kind, Some(&author))?;
        }
        let tree = self.author_signatures(&author)?;
        let envelope = Envelope::new(Some(origin), Some(destination));
        Ok((
            Opened {
                envelope,
                tree: Some(tree),
                ..Opened::default()
            },
            author,
        ))
    }

    fn alternate_ephemeral(
        &self,
        author: &VerifyingKey,
    ) -> Result<Option<AlternatePublicKey>, OpenError> {
        if self.message.chunk(ChunkType::Alternate).is_none() {
            return Ok(None);
        }
        let part = self.standard(ChunkType::Alternate, Some(author))?;
        let key: [u8; EPHEMERAL_SIZE] =
            part.data.try_into().map_err(|_| OpenError::Undecryptable)?;
        Ok(Some(AlternatePublicKey(key)))
    }

    fn contents(
        &self,
        author: &VerifyingKey,
        agreements: &[Agreement],
        has_alternate: bool,
        opened: &mut Opened,
    ) -> Result<(), OpenError> {
        let common = self.standard(ChunkType::CommonHeaders, Some(author))?;
        opened.common = Some(CommonHeaders::parse(&common.data)?);
        if self.message.chunk(ChunkType::OtherHeaders).is_some() {
            opened.other_headers = Some(self.standard(ChunkType::OtherHeaders, Some(author))?.data);
        }
        let chunks = self.message.chunks();
        for (index, chunk) in chunks
            .iter()
            .enumerate()
            .filter(|(_, chunk)| chunk.kind.may_repeat())
        {
            let mut part = self.read(chunk, Some(author))?;
            let last = chunks
                .get(index + 1)
                .is_none_or(|next| next.kind != chunk.kind);
            let under_layer = part.flags.includes(Flags::ALTERNATE_KEY);
            // Display data is under the layer in all of a message or in none of it.
            if under_layer != (has_alternate && chunk.kind == ChunkType::Display) {
                return Err(OpenError::Flags(chunk.kind));
            }
            let sealed = under_layer && agreements.is_empty();
            if under_layer && !sealed {
                open_alternate(agreements, index, &mut part)?;
            }
            // What is still sealed cannot be told from a gzip stream or anything else.
            if !sealed && !flags_fit(part.flags, &part.data, last) {
                return Err(OpenError::Flags(chunk.kind));
            }
            if chunk.kind == ChunkType::Display {
                if sealed {
                    opened.still_sealed.push(opened.display.len());
                }
                opened.display.push(part);
            } else {
                opened.attachments.push(part);
            }
        }
        Ok(())
    }
}

/// Opens a display part with whichever agreement fits; all but the last get a copy to try on.
fn open_alternate(
    agreements: &[Agreement],
    index: usize,
    part: &mut Part,
) -> Result<(), OpenError> {
    let mut sealed = std::mem::take(&mut part.data);
    let (last, others) = agreements.split_last().ok_or(OpenError::NoAlternateKey)?;
    for agreement in others {
        let mut data = sealed.clone();
        if agreement
            .open(ChunkType::Display, index, part.flags.0, &mut data)
            .is_some()
        {
            part.data = data;
            return Ok(());
        }
    }
    last.open(ChunkType::Display, index, part.flags.0, &mut sealed)
        .ok_or(OpenError::Undecryptable)?;
    part.data = sealed;
    Ok(())
}

fn user_key(actor: Actor, signet: &Signet) -> Result<VerifyingKey, OpenError> {
    if signet.kind() != SignetKind::User {
        return Err(OpenError::Signet(actor, SignetError::Kind(signet.kind())));
    }
    check_structure(actor, signet)?;
    signet
        .signing_key()
        .map_err(|error| OpenError::Signet(actor, error))
}

fn check_organization(actor: Actor, signet: &Signet) -> Result<(), OpenError> {
    if signet.kind() != SignetKind::Organization {
        return Err(OpenError::Signet(actor, SignetError::Kind(signet.kind())));
    }
    check_structure(actor, signet)
}

fn check_structure(actor: Actor, signet: &Signet) -> Result<(), OpenError> {
    let structure = signet.structure();
    if structure < State::Cryptographic {
        return Err(OpenError::Signet(actor, SignetError::Structure(structure)));
    }
    Ok(())
}

fn check_origin_envelope(
    envelope: &OriginEnvelope,
    author: &Signet,
    destination: &Signet,
) -> Result<(), OpenError> {
    check_named(
        Actor::Author,
        &envelope.author,
        &envelope.author_fingerprint,
        author,
    )?;
    check_named(
        Actor::Destination,
        &envelope.destination,
        &envelope.destination_fingerprint,
        destination,
    )
}

fn check_destination_envelope(
    envelope: &DestinationEnvelope,
    recipient: &Signet,
    origin: &Signet,
) -> Result<(), OpenError> {
    check_named(
        Actor::Recipient,
        &envelope.recipient,
        &envelope.recipient_fingerprint,
        recipient,
    )?;
    check_named(
        Actor::Origin,
        &envelope.origin,
        &envelope.origin_fingerprint,
        origin,
    )
}

fn check_named(
    actor: Actor,
    named: &str,
    print: &Fingerprint,
    signet: &Signet,
) -> Result<(), OpenError> {
    if signet.fingerprint(FingerprintKind::Cryptographic).as_ref() != Some(print) {
        return Err(OpenError::Fingerprint(actor));
    }
    if signet
        .identifier()
        .is_some_and(|own| !name::same_identifier(own, named))
    {
        return Err(OpenError::Name(actor));
    }
    Ok(())
}
