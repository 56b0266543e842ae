//! One question to one name server: datagrams first, a stream if the answer does not fit.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{DnsResponse, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::DnsError;
use crate::platform::{NetError, Platform, Tick, before};

/// How long one datagram waits for its answer.
pub const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How often a question is sent before the server counts as silent.
pub const MAX_ATTEMPTS: usize = 3;
/// Datagrams that do not answer our question and are passed over while one attempt waits.
pub const MAX_STRAY_DATAGRAMS: usize = 32;

/// Asks `server` the one question in `query`, whose id the caller has chosen.
///
/// Takes only a datagram that comes from `server`, carries the id and repeats the question.
///
/// # Errors
/// [`DnsError::Timeout`] if the server is silent, [`DnsError::Malformed`] if it answers garbage,
/// [`DnsError::Network`] if the platform fails. All name the server.
pub async fn exchange(
    platform: &dyn Platform,
    server: SocketAddr,
    query: &Message,
    deadline: Tick,
) -> Result<DnsResponse, DnsError> {
    let bytes = query
        .to_vec()
        .map_err(|error| DnsError::Question(error.to_string()))?;
    let clock = platform.clock();
    for _ in 0..MAX_ATTEMPTS {
        let until = deadline.min(clock.now() + ANSWER_WAIT);
        let attempt = by_datagram(platform, server, query, &bytes);
        match before(&*clock, until, attempt).await {
            Some(Ok(answer)) if answer.metadata.truncation => {
                let attempt = by_stream(platform, server, query, &bytes, deadline);
                return before(&*clock, deadline, attempt)
                    .await
                    .unwrap_or(Err(DnsError::Timeout { server }));
            }
            Some(result) => return result,
            None if clock.now() >= deadline => break,
            None => {}
        }
    }
    Err(DnsError::Timeout { server })
}

async fn by_datagram(
    platform: &dyn Platform,
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
) -> Result<DnsResponse, DnsError> {
    let failed = |error: NetError| DnsError::Network { server, error };
    let socket = platform.datagram(0).await.map_err(failed)?;
    socket.send(bytes, server).await.map_err(failed)?;
    for _ in 0..MAX_STRAY_DATAGRAMS {
        let (datagram, from) = socket.receive().await.map_err(failed)?;
        if from != server {
            continue;
        }
        match DnsResponse::from_buffer(datagram) {
            Ok(answer) if answers(query, &answer) => return Ok(answer),
            // Anybody can send us datagrams; what does not fit is not the server's.
            _ => {}
        }
    }
    Err(DnsError::Malformed {
        server,
        reason: "none of its datagrams answers the question".to_owned(),
    })
}

async fn by_stream(
    platform: &dyn Platform,
    server: SocketAddr,
    query: &Message,
    bytes: &[u8],
    deadline: Tick,
) -> Result<DnsResponse, DnsError> {
    let failed = |error: NetError| DnsError::Network { server, error };
    let broken = |error: std::io::Error| failed(NetError::from(error));
    let mut stream = platform.connect(server, deadline).await.map_err(failed)?;
    let length = u16::try_from(bytes.len())
        .map_err(|_| DnsError::Question("question is longer than 65535 bytes".to_owned()))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    stream.write_all(&framed).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    // The length prefix has 16 bits, which is the limit of this buffer.
    let length = stream.read_u16().await.map_err(broken)?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    let malformed = |reason: String| DnsError::Malformed { server, reason };
    let answer = DnsResponse::from_buffer(answer).map_err(|error| malformed(error.to_string()))?;
    if !answers(query, &answer) {
        return Err(malformed("answer is to another question".to_owned()));
    }
    Ok(answer)
}

fn answers(query: &Message, answer: &DnsResponse) -> bool {
    answer.metadata.id == query.metadata.id && answer.queries == query.queries
}
