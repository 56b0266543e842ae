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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

    use super::*;
    use crate::dmtp::{ClientEvent, ClientSession, Command};
    use crate::platform::{BoxFuture, Tick, UnixTime};

    /// A clock that jumps to whatever is waited for.
    #[derive(Default)]
    struct Jumping(Arc<Mutex<Tick>>);

    impl Clock for Jumping {
        fn now(&self) -> Tick {
            *self.0.lock().expect("no panic")
        }

        fn wall(&self) -> UnixTime {
            UnixTime(0)
        }

        fn sleep_until(&self, deadline: Tick) -> BoxFuture<'static, ()> {
            let now = self.0.clone();
            Box::pin(async move {
                // Everybody else goes first.
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
                *now.lock().expect("no panic") = deadline;
            })
        }
    }

    struct Pipe(DuplexStream);

    impl AsyncRead for Pipe {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(context, bytes)
        }

        fn poll_flush(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }

        fn poll_shutdown(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }

    impl Stream for Pipe {
        fn local(&self) -> SocketAddr {
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1)
        }

        fn peer(&self) -> SocketAddr {
            self.local()
        }
    }

    /// A client and the raw end of its server.
    fn client(room: usize) -> (Connection<ClientSession>, DuplexStream) {
        let (near, far) = tokio::io::duplex(room);
        let clock = Arc::new(Jumping::default());
        let connection = Connection::new(ClientSession::new(), Box::new(Pipe(near)), clock);
        (connection, far)
    }

    async fn greeted(room: usize) -> (Connection<ClientSession>, DuplexStream) {
        let (mut connection, mut server) = client(room);
        let banner = b"220 <b> DMTPv1\r\n";
        server.write_all(banner).await.expect("client is there");
        assert_eq!(connection.next().await, Ok(Some(ClientEvent::Greeting)));
        (connection, server)
    }

    fn ask(connection: &mut Connection<ClientSession>, command: Command) {
        let command = crate::dmtp::ClientCommand::Plain(command);
        connection.command(command).expect("client is ready");
    }

    #[tokio::test]
    async fn a_silent_peer_is_given_up_at_the_deadline() {
        let (mut connection, _server) = client(64);
        let silent = connection.next().await;
        assert!(matches!(
            silent,
            Err(DriveError::Protocol(ProtocolError::Silent { .. }))
        ));
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (mut connection, _server) = greeted(16).await;
        let domain = "a-long-domain.alpha.example".to_owned();
        ask(&mut connection, Command::Ehlo { domain });
        let silent = connection.next().await;
        assert!(matches!(
            silent,
            Err(DriveError::Protocol(ProtocolError::Silent { .. }))
        ));
    }

    #[tokio::test]
    async fn a_peer_that_leaves_ends_the_connection() {
        let (mut connection, server) = greeted(64).await;
        drop(server);
        assert_eq!(connection.next().await, Ok(None));
    }

    #[tokio::test]
    async fn a_peer_that_breaks_the_protocol_is_named_and_left() {
        let (mut connection, mut server) = greeted(64).await;
        ask(&mut connection, Command::Noop);
        server
            .write_all(b"nonsense\r\n")
            .await
            .expect("client is there");
        let broken = connection.next().await;
        assert!(matches!(
            broken,
            Err(DriveError::Protocol(ProtocolError::Peer { .. }))
        ));
        let mut said = String::new();
        server.read_to_string(&mut said).await.expect("is text");
        assert_eq!(said, "NOOP\r\n");
    }
}
