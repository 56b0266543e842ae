//! The name servers of a world: authoritative servers of its zones and the recursive resolver
//! everybody asks. Both answer datagrams and streams on the world's DNS port over any platform.

mod recursor;
mod zones;

pub use recursor::{MAX_CUTS, MAX_GLUE_DEPTH, Recursor};
pub use zones::{
    AuthoritativeServer, CHANGED_TEXT, RECORD_TTL, SIGNATURE_AGE, SIGNATURE_LIFETIME, ZoneError,
};

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dime::platform::{BoxFuture, Datagram, NetError, Platform, Stream, before};
use hickory_net::xfer::Protocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How many questions a server works on at a time; more are dropped, as a busy server does.
pub const MAX_QUESTIONS_AT_ONCE: usize = 256;
/// How long a stream may stay idle or take to be read.
pub const STREAM_WAIT: Duration = Duration::from_secs(10);
/// How many questions one stream may ask.
pub const MAX_QUESTIONS_PER_STREAM: usize = 64;
/// How many failures in a row end a server.
pub const MAX_FAILURES: usize = 100;

/// Something that answers encoded DNS messages.
pub trait NameServer: Send + Sync + 'static {
    /// The encoded answer to `question`; `None` leaves the asker without one.
    fn answer(
        self: Arc<Self>,
        platform: Arc<dyn Platform>,
        question: Vec<u8>,
        from: SocketAddr,
        transport: Protocol,
    ) -> BoxFuture<'static, Option<Vec<u8>>>;
}

/// Answers questions on the DNS port of `platform` for as long as the host runs.
///
/// # Errors
/// As [`Platform::listen`] and [`Platform::datagram`], or the error of a socket that failed
/// [`MAX_FAILURES`] times in a row.
pub async fn serve(
    platform: Arc<dyn Platform>,
    server: Arc<impl NameServer>,
) -> Result<Infallible, NetError> {
    let port = platform.ports().dns;
    let socket: Arc<dyn Datagram> = platform.datagram(port).await?.into();
    let mut listener = platform.listen(port).await?;
    let busy = Arc::new(AtomicUsize::new(0));
    let mut failures = 0;
    loop {
        let failed = tokio::select! { biased;
            received = socket.receive() => match received {
                Ok((question, from)) => {
                    if let Some(turn) = Turn::take(&busy) {
                        let answering = answer_datagram(
                            platform.clone(), server.clone(), socket.clone(), question, from, turn,
                        );
                        platform.spawn("dns question", Box::pin(answering));
                    }
                    None
                }
                Err(error) => Some(error),
            },
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    if let Some(turn) = Turn::take(&busy) {
                        let answering =
                            answer_stream(platform.clone(), server.clone(), stream, turn);
                        platform.spawn("dns stream", Box::pin(answering));
                    }
                    None
                }
                Err(error) => Some(error),
            },
        };
        match failed {
            None => failures = 0,
            Some(error) if failures >= MAX_FAILURES => return Err(error),
            Some(_) => failures += 1,
        }
    }
}

async fn answer_datagram(
    platform: Arc<dyn Platform>,
    server: Arc<impl NameServer>,
    socket: Arc<dyn Datagram>,
    question: Vec<u8>,
    from: SocketAddr,
    _turn: Turn,
) {
    if let Some(answer) = server.answer(platform, question, from, Protocol::Udp).await {
        // Whoever asked by datagram asks again if the answer is lost.
        let _ = socket.send(&answer, from).await;
    }
}

async fn answer_stream(
    platform: Arc<dyn Platform>,
    server: Arc<impl NameServer>,
    mut stream: Box<dyn Stream>,
    _turn: Turn,
) {
    let clock = platform.clock();
    let from = stream.peer();
    for _ in 0..MAX_QUESTIONS_PER_STREAM {
        let read = before(
            &*clock,
            clock.now() + STREAM_WAIT,
            read_framed(&mut *stream),
        );
        let Some(Ok(question)) = read.await else {
            return;
        };
        let answering = server
            .clone()
            .answer(platform.clone(), question, from, Protocol::Tcp);
        let Some(answer) = answering.await else {
            return;
        };
        let Ok(length) = u16::try_from(answer.len()) else {
            return;
        };
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(answer);
        let write = async {
            stream.write_all(&framed).await?;
            stream.flush().await
        };
        let Some(Ok(())) = before(&*clock, clock.now() + STREAM_WAIT, write).await else {
            return;
        };
    }
}

/// A message behind its length in two bytes, which is also its limit.
async fn read_framed(stream: &mut dyn Stream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// One of a server's [`MAX_QUESTIONS_AT_ONCE`], given back when dropped.
struct Turn(Arc<AtomicUsize>);

impl Turn {
    fn take(busy: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = busy.fetch_add(1, Ordering::Relaxed);
        let turn = Self(busy.clone());
        (taken < MAX_QUESTIONS_AT_ONCE).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
