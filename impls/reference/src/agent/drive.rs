//! Carries bytes and time between a sans-IO session and a stream.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::platform::{Clock, NetError, Stream, before};
use crate::session::{IDLE_TIMEOUT, ProtocolError, Rejected, Session, Transmit};

/// Longest time a peer may take to read what we wrote at once.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time a farewell on the stream may take.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes read at once.
const READ_SIZE: usize = 16 * 1024;

/// A session on a stream.
pub struct Connection<S: Session> {
    session: S,
    stream: Box<dyn Stream>,
    clock: Arc<dyn Clock>,
    input: BytesMut,
    output: BytesMut,
    late: bool,
    ended: bool,
}

/// Why a conversation broke off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The peer broke the protocol or was silent.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The peer left before the conversation was over.
    #[error("peer closed the connection too early")]
    Closed,
    /// We did not answer what the session asked; a defect of ours.
    #[error("session waits for an answer that its owner did not give")]
    Unanswered,
    /// We gave the session a command it cannot take; a defect of ours.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl<S: Session> Connection<S> {
    /// Runs `session` on `stream`.
    pub fn new(session: S, stream: Box<dyn Stream>, clock: Arc<dyn Clock>) -> Self {
        Connection {
            session,
            stream,
            clock,
            input: BytesMut::new(),
            output: BytesMut::new(),
            late: false,
            ended: false,
        }
    }

    /// Gives the session a command; it goes out with the next [`Connection::next`].
    ///
    /// # Errors
    /// [`Rejected`] if it does not fit the session's state.
    pub fn command(&mut self, command: S::Command) -> Result<(), Rejected> {
        self.session.command(command)
    }

    /// Pumps until the session has something to tell; `None` when the connection is over.
    ///
    /// # Errors
    /// [`DriveError`] names the peer, the network, or us.
    pub async fn next(&mut self) -> Result<Option<S::Event>, DriveError> {
        loop {
            let close = self.flush().await?;
            if let Some(event) = self.session.event() {
                return Ok(Some(event));
            }
            if close {
                self.close().await;
                let what = "its next words";
                return if std::mem::take(&mut self.late) {
                    Err(ProtocolError::Silent { what }.into())
                } else {
                    Ok(None)
                };
            }
            if self.ended {
                return Ok(None);
            }
            if self.input.is_empty() {
                self.wait().await?;
            } else {
                self.offer().await?;
            }
        }
    }

    /// Sends all that the session wants to say; `true` if it wants to close then.
    async fn flush(&mut self) -> Result<bool, DriveError> {
        loop {
            let next = self.session.transmit(&mut self.output);
            if !self.output.is_empty() && !self.ended {
                self.write().await?;
            }
            self.output.clear();
            match next {
                Transmit::More => {}
                Transmit::Idle => return Ok(false),
                Transmit::Close => return Ok(true),
            }
        }
    }

    async fn write(&mut self) -> Result<(), DriveError> {
        let deadline = self.clock.now() + WRITE_TIMEOUT;
        let stream = &mut self.stream;
        let bytes = &self.output;
        let work = async {
            stream.write_all(bytes).await?;
            stream.flush().await
        };
        match before(&*self.clock, deadline, work).await {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                self.ended = true;
                Err(NetError::from(error).into())
            }
            None => {
                self.ended = true;
                let what = "it to read what we wrote";
                Err(ProtocolError::Silent { what }.into())
            }
        }
    }

    /// Offers waiting input to the session.
    async fn offer(&mut self) -> Result<(), DriveError> {
        match self.session.receive(self.clock.now(), &self.input) {
            Ok(0) => Err(DriveError::Unanswered),
            Ok(used) => {
                self.input.advance(used.min(self.input.len()));
                Ok(())
            }
            Err(error) => {
                // The peer may still be told what it did wrong.
                let _ = self.flush().await;
                self.close().await;
                Err(error.into())
            }
        }
    }

    /// Waits for input or for the session's deadline.
    async fn wait(&mut self) -> Result<(), DriveError> {
        let now = self.clock.now();
        self.session.tick(now);
        let deadline = self.session.deadline().unwrap_or(now + IDLE_TIMEOUT);
        let mut buffer = [0; READ_SIZE];
        match before(&*self.clock, deadline, self.stream.read(&mut buffer)).await {
            Some(Ok(count)) => {
                self.input
                    .extend_from_slice(buffer.get(..count).unwrap_or_default());
                self.ended = count == 0;
                Ok(())
            }
            Some(Err(error)) => {
                self.ended = true;
                match NetError::from(error) {
                    // TLS ended without a farewell; for us the same as an end with one.
                    NetError::Reset => Ok(()),
                    other => Err(other.into()),
                }
            }
            None => {
                self.late = true;
                self.session.tick(self.clock.now());
                if self.session.deadline().is_none_or(|next| next > deadline) {
                    return Ok(());
                }
                Err(ProtocolError::Silent { what: "its words" }.into())
            }
        }
    }

    async fn close(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            let deadline = self.clock.now() + CLOSE_TIMEOUT;
            let farewell = self.stream.shutdown();
            let _ = before(&*self.clock, deadline, farewell).await;
        }
    }
}
