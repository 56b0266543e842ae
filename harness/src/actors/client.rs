//! The reference client as an actor: does on its host what the director asks, and tells the
//! recorder what its user typed and read.

use std::sync::Arc;

use dime::agent::client::{
    AccessError, Attachment, Received, ReceivedLetter, SendError, SendRequest, UserAgent,
};
use dime::dmtp::ReturnWish;
use dime::platform::BoxFuture;
use dime::resolver::ResolveError;

use super::door::{Door, HostGone};
use super::{Client, Failure, Incoming, Outgoing};
use crate::net::tap::Recorder;
use crate::scenario::expectations::Cause;
use crate::scenario::steps::BounceWish;

/// A user's client in-process.
pub struct ReferenceClient {
    /// The way to the agent on its host.
    pub door: Arc<Door<UserAgent>>,
    /// Is told what passes over the screen.
    pub recorder: Arc<Recorder>,
    /// Name of the host.
    pub host: String,
    /// Address of the user.
    pub address: String,
}

impl Client for ReferenceClient {
    fn send(&self, letter: Outgoing) -> BoxFuture<'static, Result<(), Failure>> {
        self.recorder
            .typed(&self.host, &screen(&self.address, &letter.to, &letter));
        let door = self.door.clone();
        Box::pin(async move {
            let request = SendRequest {
                to: letter.to,
                subject: letter.subject,
                other_headers: letter.other_headers,
                body: vec![letter.body],
                attachments: letter
                    .attachments
                    .into_iter()
                    .map(|(name, contents)| Attachment { name, contents })
                    .collect(),
                alternate: letter.alternate,
                hardened: letter.hardened,
                wish: Some(match letter.bounce {
                    BounceWish::Full => ReturnWish::Full,
                    BounceWish::Display => ReturnWish::Display,
                    BounceWish::Header => ReturnWish::Header,
                }),
            };
            let sent = door.run(|agent| async move { agent.send(request).await });
            match sent.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(send_failure(&error)),
                Err(gone) => Err(gone.into()),
            }
        })
    }

    fn receive(&self) -> BoxFuture<'static, Result<Vec<Incoming>, Failure>> {
        let (door, recorder, host) = (self.door.clone(), self.recorder.clone(), self.host.clone());
        Box::pin(async move {
            let received = door
                .run(|agent| async move { agent.receive().await })
                .await?;
            let received = received.map_err(|error| access_failure(&error.0))?;
            let incoming: Vec<Incoming> = received.into_iter().map(incoming).collect();
            for letter in incoming.iter().filter(|letter| letter.refused.is_none()) {
                recorder.shown(&host, &shown(letter));
            }
            Ok(incoming)
        })
    }

    fn resolve(&self, who: String) -> BoxFuture<'static, Result<(), Failure>> {
        let door = self.door.clone();
        Box::pin(async move {
            let looked_up = door.run(|agent| async move {
                let resolver = agent.resolver();
                if who.contains('@') {
                    resolver.user(&who, None).await.map(|_| ())
                } else {
                    resolver.organization(&who).await.map(|_| ())
                }
            });
            looked_up.await?.map_err(|error| resolve_failure(&error))
        })
    }
}

impl From<HostGone> for Failure {
    fn from(gone: HostGone) -> Self {
        Failure {
            cause: None,
            host: None,
            message: gone.to_string(),
        }
    }
}

/// What a user sees while writing: who they are, whom to, and all they typed.
fn screen(from: &str, to: &str, letter: &Outgoing) -> Vec<u8> {
    let mut bytes = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {}\r\n",
        letter.subject
    )
    .into_bytes();
    bytes.extend_from_slice(&letter.other_headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&letter.body);
    append_attachments(&mut bytes, &letter.attachments);
    bytes
}

/// What a user sees of a letter they read.
fn shown(letter: &Incoming) -> Vec<u8> {
    let from = letter.author.as_deref().unwrap_or("unknown");
    let mut bytes = format!("From: {from}\r\nSubject: {}\r\n", letter.subject).into_bytes();
    bytes.extend_from_slice(&letter.other_headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&letter.body);
    append_attachments(&mut bytes, &letter.attachments);
    bytes
}

fn append_attachments(bytes: &mut Vec<u8>, attachments: &[(String, Vec<u8>)]) {
    for (name, contents) in attachments {
        bytes.extend_from_slice(format!("\r\n[{name}]\r\n").as_bytes());
        bytes.extend_from_slice(contents);
    }
}

fn incoming(received: Received) -> Incoming {
    match received {
        Received::Letter(letter) => read(*letter),
        Received::Rejected(rejected) => Incoming {
            author: None,
            subject: String::new(),
            other_headers: Vec::new(),
            body: Vec::new(),
            attachments: Vec::new(),
            refused: Some(rejected.reason.to_string()),
        },
    }
}

fn read(letter: ReceivedLetter) -> Incoming {
    Incoming {
        author: letter.envelope.author,
        subject: letter.common.subject,
        other_headers: letter.other_headers,
        body: letter.body.concat(),
        attachments: letter
            .attachments
            .into_iter()
            .map(|attachment| (attachment.name, attachment.contents))
            .collect(),
        refused: None,
    }
}

fn send_failure(error: &SendError) -> Failure {
    let (cause, host) = match error {
        SendError::Resolve(error) => (cause(error), host_of(error)),
        SendError::Access(error) => {
            let failure = access_failure(error);
            (failure.cause, failure.host)
        }
        _ => (None, None),
    };
    Failure {
        cause,
        host,
        message: error.to_string(),
    }
}

fn access_failure(error: &AccessError) -> Failure {
    match error {
        AccessError::Resolve(error) => resolve_failure(error),
        AccessError::Dialogue(broken) => Failure {
            cause: None,
            host: Some(broken.host.clone()),
            message: error.to_string(),
        },
        _ => Failure {
            cause: None,
            host: None,
            message: error.to_string(),
        },
    }
}

fn resolve_failure(error: &ResolveError) -> Failure {
    Failure {
        cause: cause(error),
        host: host_of(error),
        message: error.to_string(),
    }
}

/// The server that failed to do its part, if that is why.
fn host_of(error: &ResolveError) -> Option<String> {
    use ResolveError as E;
    match error {
        E::Unreachable { host, .. }
        | E::Tls { host, .. }
        | E::NotASignet { host, .. }
        | E::InvalidSignet { host, .. }
        | E::Fingerprint { host, .. } => Some(host.clone()),
        E::Dialogue(broken) => Some(broken.host.clone()),
        _ => None,
    }
}

fn cause(error: &ResolveError) -> Option<Cause> {
    use ResolveError as E;
    Some(match error {
        E::Dnssec { .. } => Cause::Dnssec,
        E::NoRecord { .. } | E::SeveralRecords { .. } | E::Record { .. } => Cause::Record,
        E::CertificateNotListed { .. } | E::Certificate { .. } => Cause::Certificate,
        E::NoSignet { .. } => Cause::Recipient,
        E::NotASignet { .. } | E::InvalidSignet { .. } | E::Fingerprint { .. } => Cause::Signet,
        E::Dns { .. } | E::NoAddress { .. } | E::Unreachable { .. } | E::Tls { .. } => {
            Cause::Connection
        }
        _ => return None,
    })
}
