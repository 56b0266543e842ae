//! Why a server does not take a letter, and the reply code that says so.

use dime_wire::message::{Actor, OpenError, ParseError};

use crate::dmtp::Code;
use crate::platform::StoreError;
use crate::resolver::{Remedy, ResolveError};

/// Why a letter is not taken, by the origin at submission or by the destination at delivery.
///
/// Its text names no user: it may travel to the other hop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a D/MIME message.
    #[error("data is not a message: {0}")]
    NotAMessage(#[from] ParseError),
    /// A message, but not one this server can open.
    #[error("failed to open message: {0}")]
    Unopenable(OpenError),
    /// The author in the envelope is not the user who hands it in.
    #[error("author is not the user who submits")]
    NotTheAuthor,
    /// The author's signature or signet does not hold.
    #[error("author's part of the message does not hold: {0}")]
    Author(OpenError),
    /// The next hop cannot be found.
    #[error("failed to find the destination: {0}")]
    Destination(ResolveError),
    /// The destination's signet is not the one the author named.
    #[error("destination signet is not the one named")]
    DestinationSignet,
    /// The server is not the destination.
    #[error("destination is not local")]
    NotLocal,
    /// The origin cannot be looked up.
    #[error("failed to find the origin: {0}")]
    Origin(ResolveError),
    /// The origin's signet, or the domain in the envelope, is not the one named.
    #[error("origin signet is not the one named")]
    OriginSignet,
    /// The origin did not sign, or its signature does not verify.
    #[error("origin signature is not valid: {0}")]
    OriginSignature(OpenError),
    /// No such user.
    #[error("recipient is not valid")]
    Recipient,
    /// The recipient's signet is not the one the author named.
    #[error("recipient signet is not the one named")]
    RecipientSignet,
    /// The queue or the mailbox is full.
    #[error("limit reached: {0}")]
    Full(&'static str),
    /// The store failed.
    #[error("failed to keep the message: {0}")]
    Store(#[from] StoreError),
}

impl Refusal {
    /// The reply code for it (spec/40 §8, spec/95 item 45).
    pub fn code(&self) -> Code {
        match self {
            Refusal::NotAMessage(_) | Refusal::Unopenable(_) => Code::INVALID_MESSAGE,
            Refusal::NotTheAuthor | Refusal::Author(_) => Code::REFUSED,
            Refusal::Destination(_) | Refusal::DestinationSignet => {
                Code::INVALID_DESTINATION_SIGNET
            }
            Refusal::NotLocal => Code::NOT_LOCAL,
            Refusal::Origin(error) => match error.remedy() {
                Remedy::Later => Code::ORIGIN_UNAVAILABLE,
                Remedy::Absent => Code::ORIGIN_MISSING,
                Remedy::Wrong => Code::INVALID_ORIGIN_SIGNET,
            },
            Refusal::OriginSignet => Code::INVALID_ORIGIN_SIGNET,
            Refusal::OriginSignature(_) => Code::INVALID_ORIGIN_SIGNATURE,
            Refusal::Recipient => Code::INVALID_RECIPIENT,
            Refusal::RecipientSignet => Code::INVALID_RECIPIENT_SIGNET,
            Refusal::Full(_) => Code::LIMIT,
            Refusal::Store(_) => Code::CORRUPTED,
        }
    }

    /// The text of the reply: fixed words, so that it can tell nothing of anybody.
    pub fn text(&self) -> &'static str {
        match self {
            Refusal::NotAMessage(_) | Refusal::Unopenable(_) => "INVALID DMIME DATA RECEIVED.",
            Refusal::NotTheAuthor | Refusal::Author(_) => "INVALID AUTHOR.",
            Refusal::Destination(_) => "DESTINATION SIGNET UNAVAILABLE.",
            Refusal::DestinationSignet => "INVALID DESTINATION SIGNET.",
            Refusal::NotLocal => "DESTINATION IS NOT LOCAL.",
            Refusal::Origin(error) => match error.remedy() {
                Remedy::Later | Remedy::Absent => "ORIGIN SIGNET UNAVAILABLE.",
                Remedy::Wrong => "INVALID ORIGIN SIGNET.",
            },
            Refusal::OriginSignet => "INVALID ORIGIN SIGNET.",
            Refusal::OriginSignature(_) => "INVALID ORIGIN SIGNATURE.",
            Refusal::Recipient => "INVALID RECIPIENT.",
            Refusal::RecipientSignet => "INVALID RECIPIENT SIGNET.",
            Refusal::Full(_) => "LIMITS EXCEEDED.",
            Refusal::Store(_) => "UNEXPECTED INTERNAL ERROR OCCURRED.",
        }
    }

    /// What a failed check of the origin means.
    pub(super) fn at_submission(error: OpenError) -> Refusal {
        match error {
            OpenError::Parse(error) => Refusal::NotAMessage(error),
            OpenError::TreeSignature
            | OpenError::AuthorSignature
            | OpenError::Fingerprint(Actor::Author)
            | OpenError::Name(Actor::Author)
            | OpenError::Signet(Actor::Author, _) => Refusal::Author(error),
            OpenError::Fingerprint(Actor::Destination) | OpenError::Name(Actor::Destination) => {
                Refusal::DestinationSignet
            }
            other => Refusal::Unopenable(other),
        }
    }

    /// What a failed check of the destination means.
    pub(super) fn at_delivery(error: OpenError) -> Refusal {
        match error {
            OpenError::Parse(error) => Refusal::NotAMessage(error),
            OpenError::NeverSigned(_)
            | OpenError::OriginSignature(_)
            | OpenError::Incomplete(dime_wire::message::ChunkType::OriginSignature) => {
                Refusal::OriginSignature(error)
            }
            OpenError::Fingerprint(Actor::Origin)
            | OpenError::Name(Actor::Origin)
            | OpenError::Signet(Actor::Origin, _) => Refusal::OriginSignet,
            OpenError::Fingerprint(Actor::Recipient) => Refusal::RecipientSignet,
            OpenError::Name(Actor::Recipient) => Refusal::Recipient,
            other => Refusal::Unopenable(other),
        }
    }
}
