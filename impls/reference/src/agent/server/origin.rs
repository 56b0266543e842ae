//! The origin: takes letters from its users, and gives them those that arrived.

use std::sync::Arc;

use dime_wire::message::{Bounces, Message, OriginSignets, read_origin_envelope};
use dime_wire::name::{normalized, same_domain};
use dime_wire::signet::Signet;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use super::mailbox::Queued;
use super::parts::{Notice, Outcome, SubmissionCheck};
use super::{Account, Inner, Refusal, delivery};
use crate::agent::drive::Connection;
use crate::dmap::{Answer, MAX_LISTED, ServerEvent, ServerSession};
use crate::dmtp::ReturnWish;
use crate::platform::Stream;

/// Serves one DMAP connection.
pub(super) async fn serve(inner: Arc<Inner>, stream: Box<dyn Stream>) {
    let Some(stream) = inner.secure(stream).await else {
        return;
    };
    let session = ServerSession::new(&inner.config.domain);
    let mut connection = Connection::new(session, stream, inner.platform.clock());
    let mut user: Option<&Account> = None;
    let mut mailbox = Vec::new();
    while let Ok(Some(event)) = connection.next().await {
        let answer = match (event, user) {
            (
                ServerEvent::Login {
                    user: name,
                    password,
                },
                _,
            ) => {
                user = login(&inner, &name, &password);
                match user {
                    Some(_) => Answer::Accept("Password accepted.".to_owned()),
                    None => Answer::Refuse(
                        "[AUTHENTICATIONFAILED] Unknown user or password.".to_owned(),
                    ),
                }
            }
            (ServerEvent::Submit { bytes, wish }, Some(user)) => {
                submission(&inner, user, &bytes, wish).await
            }
            (ServerEvent::List, Some(user)) => list(&inner, user, &mut mailbox).await,
            (ServerEvent::Fetch { index }, Some(user)) => {
                fetch(&inner, user, &mut mailbox, index).await
            }
            // The session lets nothing but LOGIN through before LOGIN was accepted.
            (_, None) => Answer::Refuse("Not authenticated.".to_owned()),
        };
        if connection.command(answer).is_err() {
            return;
        }
    }
}

/// The account, if the password is its. An unknown user takes as long as a wrong password.
fn login<'a>(inner: &'a Inner, name: &str, password: &str) -> Option<&'a Account> {
    let account = inner.account(name);
    let expected = account.map_or("", |account| account.password.as_str());
    let fits = Sha512::digest(expected).ct_eq(&Sha512::digest(password));
    account.filter(|_| bool::from(fits))
}

async fn list(inner: &Inner, user: &Account, mailbox: &mut Vec<(String, usize)>) -> Answer {
    match inner.mail.list(&normalized(&user.address)).await {
        Ok(mut letters) => {
            letters.truncate(MAX_LISTED);
            let sizes = letters.iter().map(|(_, size)| *size).collect();
            *mailbox = letters;
            Answer::Listing(sizes)
        }
        Err(_) => Answer::Refuse("[UNAVAILABLE] The mailbox cannot be read.".to_owned()),
    }
}

async fn fetch(
    inner: &Inner,
    user: &Account,
    mailbox: &mut Vec<(String, usize)>,
    index: usize,
) -> Answer {
    if mailbox.is_empty() {
        list(inner, user, mailbox).await;
    }
    let entry = index.checked_sub(1).and_then(|place| mailbox.get(place));
    let Some((key, _)) = entry else {
        return Answer::Refuse("No such letter.".to_owned());
    };
    match inner.mail.fetch(key).await {
        Ok(Some(message)) => Answer::Letter(message),
        Ok(None) => Answer::Refuse("No such letter.".to_owned()),
        Err(_) => Answer::Refuse("[UNAVAILABLE] The mailbox cannot be read.".to_owned()),
    }
}

/// Takes a letter of a user, or says why not.
async fn submission(
    inner: &Arc<Inner>,
    user: &Account,
    bytes: &[u8],
    wish: Option<ReturnWish>,
) -> Answer {
    let identity = Message::parse(bytes).map_or([0; 64], |message| message.identity());
    let (outcome, answer) = match submit(inner, user, bytes, wish).await {
        Ok(queued) => {
            if let Some(key) = queued {
                delivery::spawn(inner, key);
            }
            let text = "Message accepted for delivery.".to_owned();
            (Outcome::Queued, Answer::Accept(text))
        }
        Err(refusal) => {
            let text = format!("{} {}", refusal.code(), refusal.text());
            (Outcome::NotQueued(refusal), Answer::Refuse(text))
        }
    };
    inner.parts.journal.note(Notice {
        message: identity,
        outcome,
    });
    answer
}

/// Judges, signs and queues a letter; the key of the queue, or `None` if it is there already.
async fn submit(
    inner: &Inner,
    user: &Account,
    bytes: &[u8],
    wish: Option<ReturnWish>,
) -> Result<Option<String>, Refusal> {
    let message = Message::parse(bytes)?;
    let keys = &inner.config.keys;
    let envelope =
        read_origin_envelope(&message, &keys.encryption).map_err(Refusal::at_submission)?;
    let destination = destination_signet(inner, &envelope.destination).await?;
    inner.parts.admission.submission(&SubmissionCheck {
        message: &message,
        key: &keys.encryption,
        user: &user.address,
        envelope: &envelope,
        signets: OriginSignets {
            author: &user.signet,
            origin: &inner.config.signet,
            destination: &destination,
        },
    })?;
    let signed = inner
        .parts
        .sealer
        .sign(bytes, &envelope, keys, bounces(inner, wish))
        .map_err(Refusal::at_submission)?;
    let letter = Queued {
        wish,
        message: signed,
    };
    inner.mail.queue(&message.identity(), &letter).await
}

/// The destination's signet: our own, or what the resolver finds.
pub(super) async fn destination_signet(inner: &Inner, domain: &str) -> Result<Signet, Refusal> {
    if same_domain(domain, &inner.config.domain) {
        return Ok(inner.config.signet.clone());
    }
    let found = inner.parts.resolver.organization(domain).await;
    Ok(found.map_err(Refusal::Destination)?.signet.clone())
}

/// FULL and DISPLAY ask for both bounce signatures, HEADER for one (spec/95 item 38).
fn bounces(inner: &Inner, wish: Option<ReturnWish>) -> Bounces {
    match wish {
        None => inner.config.bounces,
        Some(ReturnWish::Full | ReturnWish::Display) => Bounces {
            metadata: true,
            display: true,
        },
        Some(ReturnWish::Header) => Bounces {
            metadata: true,
            display: false,
        },
    }
}
