//! The way of a letter from the origin's queue to its destination: attempts, pauses, an end.

use std::sync::Arc;
use std::time::Duration;

use dime_wire::message::{Message, OpenError, OriginEnvelope, read_origin_envelope};
use dime_wire::name::same_domain;
use dime_wire::signet::Signet;

use super::mailbox::Queued;
use super::parts::{DeliveryCommands, Notice, Outcome, Outgoing};
use super::{Inner, Refusal, destination, origin};
use crate::agent::dialogue::DialogueError;
use crate::dmtp::Reply;
use crate::platform::StoreError;
use crate::resolver::{Remedy, ResolveError};

/// Attempts at delivery before a letter is given up: about two days.
pub const MAX_ATTEMPTS: u32 = 20;
/// Pause after the first failed attempt; it doubles with each further one.
pub const FIRST_RETRY: Duration = Duration::from_secs(60);
/// Longest pause between two attempts.
pub const LONGEST_RETRY: Duration = Duration::from_secs(4 * 3600);
/// Most letters that are being delivered at a time.
pub const MAX_DELIVERIES: usize = 8;

/// Why an attempt at delivery failed, and who is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryFailure {
    /// The destination was not found.
    #[error("failed to find the destination: {0}")]
    Resolve(#[from] ResolveError),
    /// The conversation with the destination broke off.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// The destination refused.
    #[error("destination refused at {step}: {reply}")]
    Refused {
        /// The command it refused.
        step: &'static str,
        /// Its reply.
        reply: Reply,
    },
    /// We are the destination ourselves, and refuse.
    #[error("own users cannot be reached: {0}")]
    Own(Refusal),
    /// The letter in our queue cannot be read; our fault.
    #[error("failed to read a letter of our own queue: {0}")]
    Queue(OpenError),
    /// A signet lacks the fingerprint to be named by.
    #[error("signet has no full fingerprint")]
    NoFingerprint,
    /// Our store failed.
    #[error("failed to use our own store: {0}")]
    Store(#[from] StoreError),
}

impl DeliveryFailure {
    /// Whether another attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        match self {
            DeliveryFailure::Resolve(error) => error.remedy() == Remedy::Later,
            DeliveryFailure::Refused { reply, .. } => reply.code().is_temporary(),
            DeliveryFailure::Own(refusal) => refusal.code().is_temporary(),
            DeliveryFailure::Dialogue(_) | DeliveryFailure::Store(_) => true,
            DeliveryFailure::Queue(_) | DeliveryFailure::NoFingerprint => false,
        }
    }
}

/// Starts the task that delivers the letter at `key` of the queue.
pub(super) fn spawn(inner: &Arc<Inner>, key: String) {
    let task = deliver(inner.clone(), key);
    inner.platform.spawn("delivery", Box::pin(task));
}

async fn deliver(inner: Arc<Inner>, key: String) {
    let Ok(Some(letter)) = inner.mail.letter(&key).await else {
        return;
    };
    let identity = Message::parse(&letter.message).map_or([0; 64], |message| message.identity());
    let note = |outcome| {
        inner.parts.journal.note(Notice {
            message: identity,
            outcome,
        });
    };
    let clock = inner.platform.clock();
    let mut pause = FIRST_RETRY;
    for attempt in 1..=MAX_ATTEMPTS {
        let failure = match attempt_once(&inner, &letter).await {
            Ok(()) => {
                note(Outcome::Sent);
                // If this write fails, the letter goes out again, and the destination knows it.
                let _ = inner.mail.delivered(&key).await;
                return;
            }
            Err(failure) => failure,
        };
        if attempt == MAX_ATTEMPTS || !failure.is_temporary() {
            note(Outcome::Failed(failure));
            let _ = inner.mail.failed(&key, &letter).await;
            return;
        }
        note(Outcome::Delayed(failure));
        clock.sleep_until(clock.now() + pause).await;
        pause = (pause * 2).min(LONGEST_RETRY);
    }
}

async fn attempt_once(inner: &Inner, letter: &Queued) -> Result<(), DeliveryFailure> {
    let _turn = inner.deliveries.acquire().await;
    let message = Message::parse(&letter.message)
        .map_err(|error| DeliveryFailure::Queue(OpenError::Parse(error)))?;
    let envelope = read_origin_envelope(&message, &inner.config.keys.encryption)
        .map_err(DeliveryFailure::Queue)?;
    if same_domain(&envelope.destination, &inner.config.domain) {
        return keep_here(inner, letter).await;
    }
    let signet = match origin::destination_signet(inner, &envelope.destination).await {
        Ok(signet) => signet,
        Err(Refusal::Destination(error)) => return Err(error.into()),
        Err(other) => return Err(DeliveryFailure::Own(other)),
    };
    send(inner, letter, &envelope, &signet).await
}

/// Origin and destination are one organization: the same checks, no network.
async fn keep_here(inner: &Inner, letter: &Queued) -> Result<(), DeliveryFailure> {
    let config = &inner.config;
    destination::take(inner, &config.domain, &config.signet, &letter.message)
        .await
        .map(|_| ())
        .map_err(|not_taken| DeliveryFailure::Own(not_taken.refusal))
}

async fn send(
    inner: &Inner,
    letter: &Queued,
    envelope: &OriginEnvelope,
    destination: &Signet,
) -> Result<(), DeliveryFailure> {
    let DeliveryCommands {
        ehlo,
        mail,
        rcpt,
        argument,
    } = inner
        .parts
        .outbox
        .commands(&Outgoing {
            message: &letter.message,
            envelope,
            origin: &inner.config.signet,
            origin_domain: &inner.config.domain,
            destination,
            wish: letter.wish,
        })
        .ok_or(DeliveryFailure::NoFingerprint)?;
    let mut line = inner.parts.resolver.connect(&envelope.destination).await?;
    for (step, command) in [("EHLO", ehlo), ("MAIL", mail), ("RCPT", rcpt)] {
        let reply = line.ask(command).await?;
        if !reply.code().is_success() {
            line.quit().await;
            return Err(DeliveryFailure::Refused { step, reply });
        }
    }
    let reply = line.send(argument, letter.message.clone()).await?;
    line.quit().await;
    if reply.code().is_success() {
        Ok(())
    } else {
        let step = "DATA";
        Err(DeliveryFailure::Refused { step, reply })
    }
}
