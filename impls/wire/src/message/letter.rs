//! A letter in plain, and what an honest author checks before sealing it.

use super::seal::FIXED_CHUNKS;
use super::view::is_whole;
use super::{
    Actor, ChunkType, CommonHeaders, DestinationEnvelope, Flags, MAXIMUM_CHUNKS, OriginEnvelope,
    Part, SealError, SealOptions,
};
use crate::keys::SigningKey;
use crate::name;
use crate::signet::{Fingerprint, FingerprintKind, Signet, SignetError, SignetKind};

/// A message in plain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Letter {
    /// Address of the author.
    pub author: String,
    /// Address of the recipient.
    pub recipient: String,
    /// Domain of the author's organization.
    pub origin: String,
    /// Domain of the recipient's organization.
    pub destination: String,
    /// The common headers.
    pub common: CommonHeaders,
    /// All other headers as one text. If empty, chunk 34 is left out, which libdime cannot read.
    pub other_headers: Vec<u8>,
    /// The body, at least one part.
    pub display: Vec<Part>,
    /// Attachments.
    pub attachments: Vec<Part>,
}

/// The signets of all four actors.
#[derive(Clone, Copy, Debug)]
pub struct Signets<'a> {
    /// The author's user signet.
    pub author: &'a Signet,
    /// The signet of the author's organization.
    pub origin: &'a Signet,
    /// The signet of the recipient's organization.
    pub destination: &'a Signet,
    /// The recipient's user signet.
    pub recipient: &'a Signet,
}

impl<'a> Signets<'a> {
    /// The signet of one actor.
    pub fn of(&self, actor: Actor) -> &'a Signet {
        match actor {
            Actor::Author => self.author,
            Actor::Origin => self.origin,
            Actor::Destination => self.destination,
            Actor::Recipient => self.recipient,
        }
    }
}

/// The envelopes' texts. Unless `unchecked`, signets that no reader would use are refused.
pub(super) fn envelopes(
    letter: &Letter,
    signets: &Signets<'_>,
    unchecked: bool,
) -> Result<(OriginEnvelope, DestinationEnvelope), SealError> {
    let print = |actor: Actor| -> Result<Fingerprint, SealError> {
        let signet = signets.of(actor);
        let wanted = match actor {
            Actor::Author | Actor::Recipient => SignetKind::User,
            Actor::Origin | Actor::Destination => SignetKind::Organization,
        };
        let error = |error| SealError::Signet(actor, error);
        if signet.kind() != wanted {
            return Err(error(SignetError::Kind(signet.kind())));
        }
        if !unchecked {
            is_whole(signet).map_err(error)?;
        }
        // A signet without fields has none.
        signet
            .fingerprint(FingerprintKind::Cryptographic)
            .ok_or_else(|| error(SignetError::Structure(signet.structure())))
    };
    let origin = OriginEnvelope {
        author: name::normalized(&letter.author),
        author_fingerprint: print(Actor::Author)?,
        destination: name::normalized(&letter.destination),
        destination_fingerprint: print(Actor::Destination)?,
        message_key: None,
    };
    let destination = DestinationEnvelope {
        recipient: name::normalized(&letter.recipient),
        recipient_fingerprint: print(Actor::Recipient)?,
        origin: name::normalized(&letter.origin),
        origin_fingerprint: print(Actor::Origin)?,
    };
    Ok((origin, destination))
}

/// Counts the message's chunks at most, `sizes` being those of all parts, each with its type.
pub(super) fn check_sizes(
    sizes: impl Iterator<Item = (ChunkType, u64)>,
    options: &SealOptions,
) -> Result<usize, SealError> {
    let mut chunks = FIXED_CHUNKS as u64;
    for (kind, size) in sizes {
        if size == 0 {
            return Err(SealError::EmptyPart(kind));
        }
        chunks = chunks.saturating_add(size.div_ceil(options.largest_piece() as u64));
    }
    usize::try_from(chunks)
        .ok()
        .filter(|chunks| *chunks <= MAXIMUM_CHUNKS)
        .ok_or(SealError::TooLarge)
}

/// Refuses flags that are the sealer's to set or contradict the data that begins with `beginning`.
pub(super) fn check_flags(
    kind: ChunkType,
    beginning: &Part,
    options: &SealOptions,
) -> Result<(), SealError> {
    let layered = beginning.flags.includes(Flags::ALTERNATE_KEY);
    if options.unchecked || (!layered && beginning.flags_fit()) {
        Ok(())
    } else {
        Err(SealError::Flags(kind))
    }
}

/// Display parts and attachments, each with its type.
pub(super) fn parts(letter: &Letter) -> impl Iterator<Item = (ChunkType, &Part)> {
    let display = letter.display.iter().map(|part| (ChunkType::Display, part));
    let attachments = letter.attachments.iter();
    display.chain(attachments.map(|part| (ChunkType::Attachment, part)))
}

pub(super) fn check_key(signets: &Signets<'_>, author_key: &SigningKey) -> Result<(), SealError> {
    let own = signets
        .author
        .signing_key()
        .map_err(|error| SealError::Signet(Actor::Author, error))?;
    if own == author_key.public() {
        Ok(())
    } else {
        Err(SealError::AuthorKey)
    }
}

/// Names are well formed, those the signets carry, and the users belong to the organizations.
pub(super) fn check_names(letter: &Letter, signets: &Signets<'_>) -> Result<(), SealError> {
    let named = [
        (
            Actor::Author,
            &letter.author,
            name::is_address(&letter.author),
        ),
        (
            Actor::Origin,
            &letter.origin,
            name::is_domain(&letter.origin),
        ),
        (
            Actor::Destination,
            &letter.destination,
            name::is_domain(&letter.destination),
        ),
        (
            Actor::Recipient,
            &letter.recipient,
            name::is_address(&letter.recipient),
        ),
    ];
    for (actor, own, well_formed) in named {
        let signet = signets.of(actor).identifier();
        if !well_formed || signet.is_some_and(|signet| !name::same_identifier(signet, own)) {
            return Err(SealError::Name(actor));
        }
    }
    for (actor, user, domain) in [
        (Actor::Author, &letter.author, &letter.origin),
        (Actor::Recipient, &letter.recipient, &letter.destination),
    ] {
        if !name::same_domain(name::domain_of(user), domain) {
            return Err(SealError::Name(actor));
        }
    }
    Ok(())
}
