//! What an organization's server is built from. Each part is a trait with its honest
//! implementation; a rogue replaces or decorates one and leaves the rest.

use std::sync::{Arc, Mutex, PoisonError};

use dime_wire::keys::{EncryptionKey, PrivateKeys};
use dime_wire::message::{
    Bounces, DestinationEnvelope, DestinationSignets, Message, OpenError, OriginEnvelope,
    OriginSignets, open_as_destination, open_as_origin, sign_as_origin,
};
use dime_wire::name::same_identifier;
use dime_wire::signet::{FingerprintKind, Signet};

use super::Config;
use super::delivery::DeliveryFailure;
use super::refusal::Refusal;
use crate::dmtp::{Argument, Code, Command, Reply, ReturnWish};
use crate::platform::Platform;
use crate::resolver::{DimeResolver, Resolver};

/// The parts of one server.
#[derive(Clone)]
pub struct Parts {
    /// Finds other organizations and their users.
    pub resolver: Arc<dyn Resolver>,
    /// Signs letters as their origin.
    pub sealer: Arc<dyn OriginSealer>,
    /// Says what delivery tells the destination.
    pub outbox: Arc<dyn Outbox>,
    /// Decides which letters are taken.
    pub admission: Arc<dyn Admission>,
    /// Words the replies.
    pub replies: Arc<dyn Replies>,
    /// Is told what becomes of letters.
    pub journal: Arc<dyn Journal>,
}

impl Parts {
    /// The honest parts.
    pub fn honest(platform: &Arc<dyn Platform>, config: &Config) -> Parts {
        let resolver = DimeResolver::new(platform.clone(), config.resolver.clone());
        Parts {
            resolver: Arc::new(resolver),
            sealer: Arc::new(HonestSealer),
            outbox: Arc::new(HonestOutbox),
            admission: Arc::new(HonestAdmission),
            replies: Arc::new(HonestReplies),
            journal: Arc::new(SilentJournal),
        }
    }
}

/// Signs letters as their origin.
pub trait OriginSealer: Send + Sync {
    /// Completes the author's object. `envelope` is what the origin read in it.
    ///
    /// # Errors
    /// [`OpenError`] if the object is not one that can be signed.
    fn sign(
        &self,
        message: &[u8],
        envelope: &OriginEnvelope,
        keys: &PrivateKeys,
        bounces: Bounces,
    ) -> Result<Vec<u8>, OpenError>;
}

/// Signs and adds nothing: incoming tracing is removed, none is made (spec/95 item 37).
#[derive(Clone, Copy, Debug, Default)]
pub struct HonestSealer;

impl OriginSealer for HonestSealer {
    fn sign(
        &self,
        message: &[u8],
        _envelope: &OriginEnvelope,
        keys: &PrivateKeys,
        bounces: Bounces,
    ) -> Result<Vec<u8>, OpenError> {
        sign_as_origin(message, keys, bounces, None)
    }
}

/// A letter about to leave, as its origin sees it.
pub struct Outgoing<'a> {
    /// The signed message.
    pub message: &'a [u8],
    /// What the origin can read of it.
    pub envelope: &'a OriginEnvelope,
    /// The origin's signet.
    pub origin: &'a Signet,
    /// Domain of the origin.
    pub origin_domain: &'a str,
    /// The destination's signet.
    pub destination: &'a Signet,
    /// What a bounce may contain.
    pub wish: Option<ReturnWish>,
}

/// What delivery tells the destination, command by command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryCommands {
    /// EHLO.
    pub ehlo: Command,
    /// MAIL.
    pub mail: Command,
    /// RCPT.
    pub rcpt: Command,
    /// Text in the brackets of DATA.
    pub argument: Option<Argument>,
}

/// Says what delivery tells the destination.
pub trait Outbox: Send + Sync {
    /// The commands for one letter; `None` if a signet lacks its fingerprint.
    fn commands(&self, letter: &Outgoing<'_>) -> Option<DeliveryCommands>;
}

/// Names the two domains and their signets, and binds the data by its SHA-512.
#[derive(Clone, Copy, Debug, Default)]
pub struct HonestOutbox;

impl Outbox for HonestOutbox {
    fn commands(&self, letter: &Outgoing<'_>) -> Option<DeliveryCommands> {
        let domain = letter.origin_domain.to_owned();
        Some(DeliveryCommands {
            ehlo: Command::Ehlo {
                domain: domain.clone(),
            },
            mail: Command::Mail {
                domain,
                fingerprint: letter.origin.fingerprint(FingerprintKind::Full)?,
                size: letter.message.len(),
                wish: letter.wish,
            },
            rcpt: Command::Rcpt {
                domain: dime_wire::name::normalized(&letter.envelope.destination),
                fingerprint: letter.destination.fingerprint(FingerprintKind::Full)?,
            },
            argument: Some(Argument::digest_of(letter.message)),
        })
    }
}

/// What the origin has to judge a submission by.
pub struct SubmissionCheck<'a> {
    /// The author's object.
    pub message: &'a Message<'a>,
    /// The origin's key.
    pub key: &'a EncryptionKey,
    /// Address of the user who hands it in.
    pub user: &'a str,
    /// What the origin read in it.
    pub envelope: &'a OriginEnvelope,
    /// The signets of the three the origin knows.
    pub signets: OriginSignets<'a>,
}

/// What the destination has to judge a delivery by.
pub struct DeliveryCheck<'a> {
    /// The message.
    pub message: &'a Message<'a>,
    /// The destination's key.
    pub key: &'a EncryptionKey,
    /// What the destination read in it.
    pub envelope: &'a DestinationEnvelope,
    /// The domain MAIL named.
    pub origin_domain: &'a str,
    /// The signets of the three the destination knows.
    pub signets: DestinationSignets<'a>,
}

/// Decides which letters are taken.
pub trait Admission: Send + Sync {
    /// Whether the origin takes a submission.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    fn submission(&self, check: &SubmissionCheck<'_>) -> Result<(), Refusal>;

    /// Whether the destination takes a delivery.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    fn delivery(&self, check: &DeliveryCheck<'_>) -> Result<(), Refusal>;
}

/// Takes what holds in every check the actor can make (spec/30 §6, spec/40 §9).
#[derive(Clone, Copy, Debug, Default)]
pub struct HonestAdmission;

impl Admission for HonestAdmission {
    fn submission(&self, check: &SubmissionCheck<'_>) -> Result<(), Refusal> {
        if !same_identifier(&check.envelope.author, check.user) {
            return Err(Refusal::NotTheAuthor);
        }
        open_as_origin(check.message, check.key, &check.signets)
            .map(|_| ())
            .map_err(Refusal::at_submission)
    }

    fn delivery(&self, check: &DeliveryCheck<'_>) -> Result<(), Refusal> {
        if !same_identifier(&check.envelope.origin, check.origin_domain) {
            return Err(Refusal::OriginSignet);
        }
        open_as_destination(check.message, check.key, &check.signets)
            .map(|_| ())
            .map_err(Refusal::at_delivery)
    }
}

/// A letter the destination has taken.
pub struct Delivered<'a> {
    /// The transaction id it got.
    pub transaction: &'a str,
    /// Whether it was there already.
    pub duplicate: bool,
    /// Address of its recipient.
    pub recipient: &'a str,
}

/// Words the replies to DATA and to refused commands.
pub trait Replies: Send + Sync {
    /// The reply to DATA for a letter that was taken.
    fn delivered(&self, letter: &Delivered<'_>) -> Reply;

    /// The reply for a refusal. `recipient` is there if the destination knows it by then.
    fn refused(&self, refusal: &Refusal, recipient: Option<&str>) -> Reply;
}

/// Says what happened and nothing of anybody.
#[derive(Clone, Copy, Debug, Default)]
pub struct HonestReplies;

impl Replies for HonestReplies {
    fn delivered(&self, letter: &Delivered<'_>) -> Reply {
        let code = if letter.duplicate {
            Code::DUPLICATE
        } else {
            Code::ACCEPTED
        };
        Reply::new(code, format!("OK [{}]", letter.transaction))
            .unwrap_or_else(|_| Reply::fixed(code, "OK"))
    }

    fn refused(&self, refusal: &Refusal, _recipient: Option<&str>) -> Reply {
        Reply::fixed(refusal.code(), refusal.text())
    }
}

/// What became of a letter at one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Identity of the message: SHA-512 over chunks 2 to 226. Zero if it could not be parsed.
    pub message: [u8; 64],
    /// What happened.
    pub outcome: Outcome,
}

/// The things that happen to a letter at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The origin took it and queued it.
    Queued,
    /// The origin did not take it.
    NotQueued(Refusal),
    /// An attempt at delivery failed; there will be another.
    Delayed(DeliveryFailure),
    /// The destination took it from us.
    Sent,
    /// The origin gave it up.
    Failed(DeliveryFailure),
    /// The destination keeps it for the recipient.
    Kept,
    /// The destination had it already.
    Duplicate,
    /// The destination did not take it.
    Refused(Refusal),
}

/// Is told what becomes of letters. Never told who is involved.
pub trait Journal: Send + Sync {
    /// Something happened.
    fn note(&self, notice: Notice);
}

/// Forgets everything: what is not written down cannot be taken away.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilentJournal;

impl Journal for SilentJournal {
    fn note(&self, _notice: Notice) {}
}

/// Keeps the first [`MemoryJournal::LIMIT`] notices in memory, for tests and harnesses.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    notices: Mutex<Vec<Notice>>,
}

impl MemoryJournal {
    /// Most notices that are kept.
    pub const LIMIT: usize = 10_000;

    /// All notices so far, oldest first.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Journal for MemoryJournal {
    fn note(&self, notice: Notice) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() < Self::LIMIT {
            notices.push(notice);
        }
    }
}
