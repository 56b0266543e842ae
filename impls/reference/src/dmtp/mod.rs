//! DMTP, the protocol between organizations' servers, in its positional dialect with TLS from the
//! first byte (spec/40 §2-§5, spec/95 items 45-59).
//!
//! [`ServerSession`] and [`ClientSession`] are the two ends; [`Command`] and [`Reply`] are the
//! words they exchange. Nothing in them names a person, except the name a signet is asked for.
//! [`keyword`] is the grammar of the other dialect, which the sessions do not speak.

mod client;
mod command;
pub mod keyword;
mod reply;
mod server;

pub use client::{ClientCommand, ClientEvent, ClientSession};
pub use command::{Argument, Command, CommandFault, ReturnWish};
pub use reply::{Code, Reply, ReplyFault};
pub use server::{Answer, ServerEvent, ServerSession};

/// Longest text between the brackets of DATA, in bytes. A SHA-512 takes 86.
pub const MAX_DATA_ARGUMENT: usize = 256;

/// The word by which a server says that it speaks DMTP, in the banner and in the reply to MODE.
pub const PROTOCOL_WORD: &str = "DMTPv1";

#[cfg(test)]
mod tests;
