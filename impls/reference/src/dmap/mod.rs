//! DMAP, the protocol between a user's client and their own organization's server, reduced to what
//! a letter needs, over TLS from the first byte (spec/50; no interoperable DMAP exists).
//!
//! ```text
//! S: * OK <domain without marks> DMAPv1
//! C: tag LOGIN user password            S: tag OK | NO
//! C: tag SUBMIT {n} [RETURN=wish]       S: + OK    C: n bytes    S: tag OK | NO
//! C: tag LIST                           S: * LIST index size ...    tag OK
//! C: tag FETCH index                    S: * index FETCH {n}  n bytes  CR LF  tag OK
//! C: tag NOOP | CAPABILITY | LOGOUT
//! ```
//! Every command gets one tagged completion. Indexes count from 1 and hold for one connection.
//! `RETURN=wish` may be left out. Strings are atoms or quoted, as in IMAP, without literals.

mod client;
mod command;
mod server;

pub use client::{ClientCommand, ClientEvent, ClientSession, Status};
pub use command::{Command, CommandFault, Request};
pub use server::{Answer, ServerEvent, ServerSession};

/// The word by which a server says that it speaks DMAP.
pub const PROTOCOL_WORD: &str = "DMAPv1";
/// Longest tag in bytes.
pub const MAX_TAG: usize = 16;
/// Most letters a mailbox lists.
pub const MAX_LISTED: usize = 10_000;
/// Longest text of a completion in bytes.
pub const MAX_TEXT: usize = 400;

fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

#[cfg(test)]
mod tests;
