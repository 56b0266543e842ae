//! The client's side of conversations, one question and one answer at a time, with errors that
//! name the server.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::drive::{Connection, DriveError};
use crate::dmap;
use crate::dmtp::{self, Argument, Command, Reply, ReturnWish};
use crate::platform::{Clock, Stream};

/// A conversation with `host` broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conversation with {host} failed: {error}")]
pub struct DialogueError {
    /// Name of the server.
    pub host: String,
    /// How it failed.
    pub error: DriveError,
}

/// A conversation in DMTP with another server.
pub struct DmtpDialogue {
    host: String,
    connection: Connection<dmtp::ClientSession>,
}

impl DmtpDialogue {
    /// Begins on `stream`, on which TLS runs, by waiting for the banner.
    ///
    /// # Errors
    /// [`DialogueError`] if the server is none of DMTP.
    pub async fn open(
        host: &str,
        stream: Box<dyn Stream>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DialogueError> {
        let mut dialogue = DmtpDialogue {
            host: host.to_owned(),
            connection: Connection::new(dmtp::ClientSession::new(), stream, clock),
        };
        match dialogue.connection.next().await {
            Ok(Some(dmtp::ClientEvent::Greeting)) => Ok(dialogue),
            Ok(_) => Err(dialogue.failed(DriveError::Closed)),
            Err(error) => Err(dialogue.failed(error)),
        }
    }

    /// Name of the server.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Sends a command other than DATA and waits for its reply.
    ///
    /// # Errors
    /// [`DialogueError`] if none comes.
    pub async fn ask(&mut self, command: Command) -> Result<Reply, DialogueError> {
        self.exchange(dmtp::ClientCommand::Plain(command)).await
    }

    /// Sends DATA and the message, and waits for the last reply.
    ///
    /// # Errors
    /// [`DialogueError`] if none comes.
    pub async fn send(
        &mut self,
        argument: Option<Argument>,
        message: Vec<u8>,
    ) -> Result<Reply, DialogueError> {
        self.exchange(dmtp::ClientCommand::Data { argument, message })
            .await
    }

    /// Says goodbye. That it fails changes nothing.
    pub async fn quit(mut self) {
        if self.ask(Command::Quit).await.is_ok() {
            let _ = self.connection.next().await;
        }
    }

    async fn exchange(&mut self, command: dmtp::ClientCommand) -> Result<Reply, DialogueError> {
        let sent = self.connection.command(command);
        sent.map_err(|error| self.failed(error.into()))?;
        match self.connection.next().await {
            Ok(Some(dmtp::ClientEvent::Reply(reply))) => Ok(reply),
            Ok(_) => Err(self.failed(DriveError::Closed)),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: DriveError) -> DialogueError {
        DialogueError {
            host: self.host.clone(),
            error,
        }
    }
}

/// A conversation in DMAP with one's own organization's server.
pub struct DmapDialogue {
    host: String,
    connection: Connection<dmap::ClientSession>,
}

/// How a command of DMAP ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Whether it did what was asked.
    pub status: dmap::Status,
    /// The server's words.
    pub text: String,
    /// Sizes of the listed letters, for LIST.
    pub listing: Vec<usize>,
    /// The letter, for FETCH.
    pub letter: Option<Vec<u8>>,
}

impl DmapDialogue {
    /// Begins on `stream`, on which TLS runs, by waiting for the greeting.
    ///
    /// # Errors
    /// [`DialogueError`] if the server is none of DMAP.
    pub async fn open(
        host: &str,
        stream: Box<dyn Stream>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DialogueError> {
        let mut dialogue = DmapDialogue {
            host: host.to_owned(),
            connection: Connection::new(dmap::ClientSession::new(), stream, clock),
        };
        match dialogue.connection.next().await {
            Ok(Some(dmap::ClientEvent::Greeting)) => Ok(dialogue),
            Ok(_) => Err(dialogue.failed(DriveError::Closed)),
            Err(error) => Err(dialogue.failed(error)),
        }
    }

    /// Says who we are.
    ///
    /// # Errors
    /// [`DialogueError`] if no completion comes; a refusal is a [`Completion`].
    pub async fn login(
        &mut self,
        user: &str,
        password: &Zeroizing<String>,
    ) -> Result<Completion, DialogueError> {
        self.exchange(dmap::ClientCommand::Login {
            user: user.to_owned(),
            password: password.clone(),
        })
        .await
    }

    /// Hands in a sealed message.
    ///
    /// # Errors
    /// As [`DmapDialogue::login`].
    pub async fn submit(
        &mut self,
        message: Vec<u8>,
        wish: Option<ReturnWish>,
    ) -> Result<Completion, DialogueError> {
        self.exchange(dmap::ClientCommand::Submit { message, wish })
            .await
    }

    /// Lists the mailbox.
    ///
    /// # Errors
    /// As [`DmapDialogue::login`].
    pub async fn list(&mut self) -> Result<Completion, DialogueError> {
        self.exchange(dmap::ClientCommand::List).await
    }

    /// Fetches the letter at `index`, from 1.
    ///
    /// # Errors
    /// As [`DmapDialogue::login`].
    pub async fn fetch(&mut self, index: usize) -> Result<Completion, DialogueError> {
        self.exchange(dmap::ClientCommand::Fetch { index }).await
    }

    /// Says goodbye. That it fails changes nothing.
    pub async fn logout(mut self) {
        if self.exchange(dmap::ClientCommand::Logout).await.is_ok() {
            let _ = self.connection.next().await;
        }
    }

    async fn exchange(
        &mut self,
        command: dmap::ClientCommand,
    ) -> Result<Completion, DialogueError> {
        let sent = self.connection.command(command);
        sent.map_err(|error| self.failed(error.into()))?;
        match self.connection.next().await {
            Ok(Some(dmap::ClientEvent::Completed {
                status,
                text,
                listing,
                letter,
            })) => Ok(Completion {
                status,
                text,
                listing,
                letter,
            }),
            Ok(_) => Err(self.failed(DriveError::Closed)),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: DriveError) -> DialogueError {
        DialogueError {
            host: self.host.clone(),
            error,
        }
    }
}
