//! What was said over DMTP, read back from the plaintext that was recorded.
//!
//! Verdicts about refusals come from here and not from what an actor reports of itself, so they
//! hold for external programs as well. Lenient: what does not look like DMTP is passed over.

use std::net::SocketAddr;

use dime::platform::Tick;

use crate::ledger::{Buffer, ChannelKind, Direction, Layer, Trace};

/// One DMTP connection as its two ends saw it inside TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// Who dialled.
    pub client: SocketAddr,
    /// Who answered.
    pub server: SocketAddr,
    /// Commands and replies in order.
    pub exchanges: Vec<Exchange>,
}

/// One command and the reply to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The command line without its line end; for message data, `(n bytes of message data)`.
    pub command: String,
    /// Code of the reply; none if the connection ended first.
    pub code: Option<u16>,
    /// The reply's lines, joined by `\n`.
    pub reply: String,
    /// When the command was sent.
    pub at: Tick,
    /// The message itself, if the command carried one.
    pub message: Option<std::ops::Range<usize>>,
}

impl Exchange {
    /// Whether the server refused the command (4xx or 5xx).
    pub fn refused(&self) -> bool {
        self.code.is_some_and(|code| code >= 400)
    }
}

/// The longest line of a transcript that is looked at, in bytes.
const MAX_LINE: usize = 64 * 1024;

/// All DMTP dialogs of a trace whose server listens on `port`, in the order they were opened.
pub fn dialogs(trace: &Trace, port: u16) -> Vec<Dialog> {
    let mut found = Vec::new();
    for (index, channel) in trace.channels.iter().enumerate() {
        let ChannelKind::Stream { client, server } = &channel.kind else {
            continue;
        };
        if server.port() != port {
            continue;
        }
        let side = |direction| {
            trace.buffers.iter().find(|buffer| {
                buffer.channel.0 as usize == index
                    && buffer.layer == Layer::Plain
                    && buffer.direction == direction
            })
        };
        let (Some(forth), Some(back)) = (side(Direction::Forth), side(Direction::Back)) else {
            continue;
        };
        found.push(Dialog {
            client: *client,
            server: *server,
            exchanges: pair(forth, &back.bytes),
        });
    }
    found
}

fn pair(forth: &Buffer, back: &[u8]) -> Vec<Exchange> {
    let mut replies = Replies { rest: back };
    // The banner answers no command.
    let _ = replies.next();
    let mut exchanges = Vec::new();
    let mut at = 0;
    let mut announced = 0;
    while let Some((line, after)) = line_at(&forth.bytes, at) {
        let sent = moment(forth, at);
        if let Some(size) = announced_size(&line) {
            announced = size;
        }
        let reply = replies.next();
        let goes_on = reply.as_ref().is_some_and(|(code, _)| *code == 354);
        at = after;
        exchanges.push(exchange(line, reply, sent, None));
        if goes_on {
            let end = at.saturating_add(announced).min(forth.bytes.len());
            let command = format!("({} bytes of message data)", end - at);
            exchanges.push(exchange(
                command,
                replies.next(),
                moment(forth, at),
                Some(at..end),
            ));
            at = end;
            if forth.bytes.get(at..at + 2) == Some(b"\r\n") {
                at += 2;
            }
        }
    }
    exchanges
}

fn exchange(
    command: String,
    reply: Option<(u16, String)>,
    at: Tick,
    message: Option<std::ops::Range<usize>>,
) -> Exchange {
    let (code, reply) = match reply {
        Some((code, text)) => (Some(code), text),
        None => (None, String::new()),
    };
    Exchange {
        command,
        code,
        reply,
        at,
        message,
    }
}

/// The `SIZE=` of a MAIL command.
fn announced_size(line: &str) -> Option<usize> {
    let upper = line.to_ascii_uppercase();
    if !upper.starts_with("MAIL ") {
        return None;
    }
    let digits = upper.split("SIZE=").nth(1)?;
    digits
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

struct Replies<'a> {
    rest: &'a [u8],
}

impl Iterator for Replies<'_> {
    type Item = (u16, String);

    fn next(&mut self) -> Option<Self::Item> {
        let mut text = String::new();
        loop {
            let (line, after) = line_at(self.rest, 0)?;
            self.rest = self.rest.get(after..).unwrap_or_default();
            let code = line.get(..3)?.parse().ok()?;
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return Some((code, text));
            }
        }
    }
}

/// The line that begins at `start`, without its line end, and the offset behind it.
fn line_at(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let rest = bytes.get(start..)?;
    let window = rest.get(..rest.len().min(MAX_LINE))?;
    let end = window.iter().position(|byte| *byte == b'\n')?;
    let line = rest.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some((String::from_utf8_lossy(line).into_owned(), start + end + 1))
}

fn moment(buffer: &Buffer, offset: usize) -> Tick {
    buffer
        .marks
        .iter()
        .take_while(|mark| mark.offset <= offset)
        .last()
        .map_or(Tick::default(), |mark| mark.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Channel, ChannelId};

    fn trace(forth: &[u8], back: &[u8]) -> Trace {
        let client = "10.0.0.1:40000".parse().expect("address");
        let server = "10.0.0.2:26".parse().expect("address");
        let buffer = |direction, bytes: &[u8]| Buffer {
            channel: ChannelId(0),
            direction,
            layer: Layer::Plain,
            bytes: bytes.to_vec(),
            marks: vec![],
        };
        Trace {
            channels: vec![Channel {
                kind: ChannelKind::Stream { client, server },
                opened: Tick(0),
            }],
            buffers: vec![
                buffer(Direction::Forth, forth),
                buffer(Direction::Back, back),
            ],
            ..Trace::default()
        }
    }

    #[test]
    fn commands_are_paired_with_their_replies_and_message_data_is_skipped() {
        let forth = b"EHLO <a.example>\r\nMAIL FROM: <a.example> [x] SIZE=4\r\nDATA\r\n\n\n\n\n\r\nQUIT\r\n";
        let back = b"220 <b.example> DMTPv1\r\n250-SIZE 9\r\n250 OK\r\n250 OK\r\n354 CONTINUE\r\n578 NO\r\n221 BYE\r\n";
        let found = dialogs(&trace(forth, back), 26);
        let told: Vec<_> = found[0]
            .exchanges
            .iter()
            .map(|e| (e.command.as_str(), e.code))
            .collect();
        assert_eq!(
            told,
            [
                ("EHLO <a.example>", Some(250)),
                ("MAIL FROM: <a.example> [x] SIZE=4", Some(250)),
                ("DATA", Some(354)),
                ("(4 bytes of message data)", Some(578)),
                ("QUIT", Some(221)),
            ]
        );
        assert!(found[0].exchanges[3].refused());
    }

    #[test]
    fn a_connection_that_ends_early_leaves_its_last_command_without_a_code() {
        let found = dialogs(&trace(b"EHLO <a.example>\r\n", b"220 x\r\n"), 26);
        assert_eq!(found[0].exchanges[0].code, None);
    }

    #[test]
    fn connections_to_other_ports_are_not_dmtp() {
        assert!(dialogs(&trace(b"", b""), 2626).is_empty());
    }
}
