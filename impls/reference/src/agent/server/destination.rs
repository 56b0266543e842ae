//! The destination: takes letters from other organizations, and hands out signets.

use std::sync::Arc;

use dime_wire::message::{DestinationSignets, Message, read_destination_envelope};
use dime_wire::name::normalized;
use dime_wire::signet::{Fingerprint, Signet};

use super::mailbox::Kept;
use super::parts::{Delivered, DeliveryCheck, Notice, Outcome};
use super::{Inner, MAX_LETTER, Refusal};
use crate::agent::drive::Connection;
use crate::dmtp::{Answer, Code, Reply, ServerEvent, ServerSession};
use crate::platform::Stream;
use crate::resolver::ResolvedOrganization;

/// The organization on the other end of a transaction.
struct Sender {
    domain: String,
    organization: Arc<ResolvedOrganization>,
}

/// A letter the destination decided about.
pub(super) struct Taken {
    pub(super) transaction: String,
    pub(super) duplicate: bool,
    pub(super) recipient: String,
}

/// A refusal, and the recipient if the destination knew it by then.
pub(super) struct NotTaken {
    pub(super) refusal: Refusal,
    pub(super) recipient: Option<String>,
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        NotTaken {
            refusal,
            recipient: None,
        }
    }
}

/// Serves one DMTP connection.
pub(super) async fn serve(inner: Arc<Inner>, stream: Box<dyn Stream>) {
    let Some(stream) = inner.secure(stream).await else {
        return;
    };
    let session = ServerSession::new(&inner.config.domain, MAX_LETTER);
    let mut connection = Connection::new(session, stream, inner.platform.clock());
    let mut sender = None;
    while let Ok(Some(event)) = connection.next().await {
        let answer = match event {
            ServerEvent::MailFrom {
                domain,
                fingerprint,
                ..
            } => match find_origin(&inner, domain, &fingerprint).await {
                Ok(found) => {
                    sender = Some(found);
                    Answer::ok()
                }
                Err(refusal) => refuse(&inner, &refusal.into()),
            },
            ServerEvent::RcptTo {
                domain,
                fingerprint,
            } => match check_destination(&inner, &domain, &fingerprint) {
                Ok(()) => Answer::ok(),
                Err(refusal) => refuse(&inner, &refusal.into()),
            },
            ServerEvent::Data { bytes } => data(&inner, sender.take(), &bytes).await,
            ServerEvent::Signet { name, fingerprint } => {
                signet(&inner, &name, fingerprint.as_ref())
            }
        };
        if connection.command(answer).is_err() {
            return;
        }
    }
}

fn refuse(inner: &Inner, not_taken: &NotTaken) -> Answer {
    let recipient = not_taken.recipient.as_deref();
    Answer::Refuse(inner.parts.replies.refused(&not_taken.refusal, recipient))
}

/// Looks up the origin when MAIL names it, so that DATA has nothing to wait for (spec/95 item 58).
async fn find_origin(
    inner: &Inner,
    domain: String,
    fingerprint: &Fingerprint,
) -> Result<Sender, Refusal> {
    let found = inner.parts.resolver.organization(&domain).await;
    let organization = found.map_err(Refusal::Origin)?;
    if !organization.signet.has_fingerprint(fingerprint) {
        return Err(Refusal::OriginSignet);
    }
    Ok(Sender {
        domain,
        organization,
    })
}

fn check_destination(
    inner: &Inner,
    domain: &str,
    fingerprint: &Fingerprint,
) -> Result<(), Refusal> {
    if domain != inner.config.domain {
        return Err(Refusal::NotLocal);
    }
    if !inner.config.signet.has_fingerprint(fingerprint) {
        return Err(Refusal::DestinationSignet);
    }
    Ok(())
}

async fn data(inner: &Inner, sender: Option<Sender>, bytes: &[u8]) -> Answer {
    let Some(sender) = sender else {
        // The session lets DATA through only after MAIL was accepted.
        return refuse(inner, &Refusal::OriginSignet.into());
    };
    match take(inner, &sender.domain, &sender.organization.signet, bytes).await {
        Ok(taken) => Answer::Accept(inner.parts.replies.delivered(&Delivered {
            transaction: &taken.transaction,
            duplicate: taken.duplicate,
            recipient: &taken.recipient,
        })),
        Err(not_taken) => refuse(inner, &not_taken),
    }
}

/// Judges a letter that `origin_domain` brings and puts it in its mailbox.
pub(super) async fn take(
    inner: &Inner,
    origin_domain: &str,
    origin: &Signet,
    bytes: &[u8],
) -> Result<Taken, NotTaken> {
    let message = Message::parse(bytes).map_err(Refusal::NotAMessage);
    let identity = message.as_ref().map_or([0; 64], Message::identity);
    let result = match message {
        Ok(message) => judge_and_keep(inner, origin_domain, origin, &message, bytes).await,
        Err(refusal) => Err(refusal.into()),
    };
    let outcome = match &result {
        Ok(Taken {
            duplicate: true, ..
        }) => Outcome::Duplicate,
        Ok(_) => Outcome::Kept,
        Err(not_taken) => Outcome::Refused(not_taken.refusal.clone()),
    };
    inner.parts.journal.note(Notice {
        message: identity,
        outcome,
    });
    result
}

async fn judge_and_keep(
    inner: &Inner,
    origin_domain: &str,
    origin: &Signet,
    message: &Message<'_>,
    bytes: &[u8],
) -> Result<Taken, NotTaken> {
    let key = &inner.config.keys.encryption;
    let envelope = read_destination_envelope(message, key).map_err(Refusal::at_delivery)?;
    let recipient = normalized(&envelope.recipient);
    let fail = |refusal| NotTaken {
        refusal,
        recipient: Some(recipient.clone()),
    };
    let account = inner
        .account(&recipient)
        .ok_or_else(|| fail(Refusal::Recipient))?;
    if !account
        .signet
        .has_fingerprint(&envelope.recipient_fingerprint)
    {
        return Err(fail(Refusal::RecipientSignet));
    }
    let check = DeliveryCheck {
        message,
        key,
        envelope: &envelope,
        origin_domain,
        signets: DestinationSignets {
            origin,
            destination: &inner.config.signet,
            recipient: &account.signet,
        },
    };
    inner.parts.admission.delivery(&check).map_err(fail)?;
    let kept = inner
        .mail
        .keep(
            &recipient,
            &message.identity(),
            inner.transaction_id(),
            bytes,
        )
        .await
        .map_err(fail)?;
    let (transaction, duplicate) = match kept {
        Kept::New { transaction } => (transaction, false),
        Kept::Duplicate { transaction } => (transaction, true),
    };
    Ok(Taken {
        transaction,
        duplicate,
        recipient,
    })
}

/// Serves the identified form of a signet of ours (spec/95 item 53).
fn signet(inner: &Inner, name: &str, fingerprint: Option<&Fingerprint>) -> Answer {
    let found = inner.own_signet(name, fingerprint);
    let reply =
        found.and_then(|signet| Reply::new(Code::OK, format!("OK [{}]", signet.to_base64())).ok());
    match reply {
        Some(reply) => Answer::Accept(reply),
        None => Answer::Refuse(Reply::fixed(Code::NOT_FOUND, "SIGNET NOT FOUND.")),
    }
}
