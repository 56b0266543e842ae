//! What every protocol session has in common: bytes and ticks in, bytes and typed events out.
//!
//! A session does no IO and reads no clock. Whoever drives it ([`crate::agent::drive`], a bench, a
//! fuzzer) hands it what came in and the time, and carries away what it wants to say.

use std::time::Duration;

use bytes::BytesMut;

use crate::platform::Tick;

/// Longest silence of a peer that we expect to say something.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest pause within a message that is being transferred.
pub const DATA_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time the transfer of one message may take altogether.
pub const TRANSFER_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest command line in bytes, its end included (spec/95 item 49).
pub const MAX_COMMAND_LINE: usize = 512;
/// Violations of the protocol after which a server closes the connection (spec/95 item 49).
pub const MAX_VIOLATIONS: u32 = 5;
/// Most commands of one connection.
pub const MAX_COMMANDS: u32 = 1000;
/// Longest message a session transfers, in bytes.
pub const MAX_MESSAGE: usize = 32 * 1024 * 1024;
/// Most bytes a session hands over in one call of [`Session::transmit`].
const MAX_TRANSMITTED: usize = 64 * 1024;

/// One end of a protocol, without IO.
pub trait Session {
    /// What the owner may ask of it, or answer.
    type Command;
    /// What it tells its owner.
    type Event;

    /// Takes input from the peer and says how many bytes of it were used. A session that waits for
    /// its owner's answer uses none; the rest is offered again later.
    ///
    /// # Errors
    /// [`ProtocolError`] if the peer broke the protocol beyond repair; the connection is to be
    /// closed after everything the session still wants to say has been sent.
    fn receive(&mut self, now: Tick, input: &[u8]) -> Result<usize, ProtocolError>;

    /// Appends what is to be sent to `out` and says what to do after sending it.
    fn transmit(&mut self, out: &mut BytesMut) -> Transmit;

    /// Takes a request or an answer of the owner.
    ///
    /// # Errors
    /// [`Rejected`] if it does not fit the state; nothing has changed then.
    fn command(&mut self, command: Self::Command) -> Result<(), Rejected>;

    /// The next thing the owner should know.
    fn event(&mut self) -> Option<Self::Event>;

    /// When the session wants [`Session::tick`] at the latest.
    fn deadline(&self) -> Option<Tick>;

    /// Tells the time. To be called before every wait, so that a wait the owner's last command
    /// began has a deadline, and when the deadline has come.
    fn tick(&mut self, now: Tick);
}

/// What to do after sending what [`Session::transmit`] appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// Wait for input, the deadline or a command.
    Idle,
    /// Call again: there is more than fits at once.
    More,
    /// Close the connection.
    Close,
}

impl Transmit {
    /// Moves as much of `waiting` to `out` as is handed over at once; `is_over` if nothing more
    /// will be said after it.
    pub(crate) fn part(waiting: &mut BytesMut, out: &mut BytesMut, is_over: bool) -> Self {
        let length = waiting.len().min(MAX_TRANSMITTED);
        out.extend_from_slice(&waiting.split_to(length));
        if !waiting.is_empty() {
            Transmit::More
        } else if is_over {
            Transmit::Close
        } else {
            Transmit::Idle
        }
    }
}

/// Why a session came to an end before its time. Always the peer's doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The peer said something the protocol does not allow.
    #[error("peer broke the protocol: {what}")]
    Peer {
        /// What was wrong with it.
        what: &'static str,
    },
    /// The peer passed a limit of ours.
    #[error("peer passed a limit: {what} above {limit}")]
    Limit {
        /// What there was too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// The peer was silent for too long.
    #[error("peer was silent for too long while we waited for {what}")]
    Silent {
        /// What we waited for.
        what: &'static str,
    },
}

/// A command that does not fit the session's state. Always the owner's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to give the session a command: {0}")]
pub struct Rejected(pub &'static str);

/// Cuts a byte stream into lines that end with CR LF, with a limit on their length.
#[derive(Debug)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    limit: usize,
}

/// What [`Lines::push`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The input ended before the line did.
    Partial,
    /// A line without its CR LF.
    Whole(Vec<u8>),
    /// A line that ended with LF alone.
    BareFeed,
    /// A line longer than the limit.
    TooLong,
}

impl Lines {
    /// Lines of at most `limit` bytes, CR LF included.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            pending: Vec::new(),
            limit,
        }
    }

    /// Takes bytes up to the end of one line, and says how many.
    pub(crate) fn push(&mut self, input: &[u8]) -> (usize, Line) {
        let room = self.limit.saturating_sub(self.pending.len());
        let window = input.get(..room).unwrap_or(input);
        let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
            if input.len() >= room {
                return (window.len(), Line::TooLong);
            }
            self.pending.extend_from_slice(window);
            return (window.len(), Line::Partial);
        };
        let mut line = std::mem::take(&mut self.pending);
        line.extend_from_slice(&window[..end]);
        if line.pop() == Some(b'\r') {
            (end + 1, Line::Whole(line))
        } else {
            (end + 1, Line::BareFeed)
        }
    }
}

/// The moment until which a peer may be silent; set at the first tick after it was asked for,
/// because commands do not carry the time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// We do not wait for the peer.
    Off,
    /// To be counted from the next tick on.
    From(Duration),
    /// Running.
    Until(Tick),
}

impl Patience {
    /// Starts a pending wait; `true` if a running one is over.
    pub(crate) fn tick(&mut self, now: Tick) -> bool {
        match *self {
            Patience::Off => false,
            Patience::From(length) => {
                *self = Patience::Until(now + length);
                false
            }
            Patience::Until(end) => now >= end,
        }
    }

    /// When a running wait ends.
    pub(crate) fn deadline(self) -> Option<Tick> {
        match self {
            Patience::Until(end) => Some(end),
            Patience::Off | Patience::From(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_lines(limit: usize, chunks: &[&[u8]]) -> Vec<Line> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let (used, line) = lines.push(rest);
                rest = &rest[used..];
                if line != Line::Partial {
                    found.push(line);
                }
                if used == 0 {
                    break;
                }
            }
        }
        found
    }

    #[test]
    fn lines_are_found_across_any_cut() {
        let expected = vec![Line::Whole(b"NOOP".to_vec()), Line::Whole(b"".to_vec())];
        assert_eq!(all_lines(16, &[b"NOOP\r\n\r\n"]), expected);
        assert_eq!(all_lines(16, &[b"NO", b"OP\r", b"\n", b"\r\n"]), expected);
    }

    #[test]
    fn a_line_without_carriage_return_is_told_apart() {
        assert_eq!(all_lines(16, &[b"NOOP\n"]), vec![Line::BareFeed]);
        assert_eq!(all_lines(16, &[b"\n"]), vec![Line::BareFeed]);
    }

    #[test]
    fn the_limit_includes_the_line_end() {
        assert_eq!(
            all_lines(6, &[b"NOOP\r\n"]),
            vec![Line::Whole(b"NOOP".to_vec())]
        );
        assert_eq!(all_lines(5, &[b"NOOP\r\n"])[0], Line::TooLong);
        assert_eq!(all_lines(6, &[b"NO", b"OPS\r\n"])[0], Line::TooLong);
    }

    #[test]
    fn patience_starts_at_the_first_tick() {
        let mut patience = Patience::From(Duration::from_secs(1));
        assert_eq!(patience.deadline(), None);
        assert!(!patience.tick(Tick(5)));
        assert_eq!(patience.deadline(), Some(Tick(1_000_000_005)));
        assert!(patience.tick(Tick(1_000_000_005)));
    }
}
