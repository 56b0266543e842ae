//! Who plays which part: the reference and rogues in-process, external programs behind adapters.
//!
//! The interpreter sees people through [`Client`] and servers not at all: what a server did is
//! read from the bytes it sent.

pub mod adapter;
pub mod cast;
mod client;
mod door;
mod furnish;
mod host;
mod staging;

use dime::platform::BoxFuture;

use crate::scenario::expectations::Cause;
use crate::scenario::steps::BounceWish;

pub(crate) use cast::quoted;
pub use cast::{Cast, CastError, Player};
pub use door::{Door, HostGone};
pub use furnish::furnish;
pub use host::{Boot, Company, Parts, Party, company, resolver_config};
pub use staging::Staging;

/// A user's client, whoever implements it.
pub trait Client: Send + Sync {
    /// Writes a letter and hands it to the user's server.
    fn send(&self, letter: Outgoing) -> BoxFuture<'static, Result<(), Failure>>;
    /// Fetches and judges what has come since the last time.
    fn receive(&self) -> BoxFuture<'static, Result<Vec<Incoming>, Failure>>;
    /// Looks up the signet of an address or a domain.
    fn resolve(&self, who: String) -> BoxFuture<'static, Result<(), Failure>>;
}

/// A letter as a user types it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Address of the recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// All other headers, each with its line end.
    pub other_headers: Vec<u8>,
    /// Body.
    pub body: Vec<u8>,
    /// File names and contents.
    pub attachments: Vec<(String, Vec<u8>)>,
    /// Whether the alternate layer encrypts the body.
    pub alternate: bool,
    /// Whether the letter is sealed under the hardened profile.
    pub hardened: bool,
    /// What may come back.
    pub bounce: BounceWish,
}

/// A letter as a user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Address of the author, if the letter told it.
    pub author: Option<String>,
    /// Subject.
    pub subject: String,
    /// All other headers.
    pub other_headers: Vec<u8>,
    /// Body.
    pub body: Vec<u8>,
    /// File names and contents.
    pub attachments: Vec<(String, Vec<u8>)>,
    /// Why the client does not trust it; none if every signature verified.
    pub refused: Option<String>,
}

/// Why a client could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Which kind of reason, if it is one that a scenario can name.
    pub cause: Option<Cause>,
    /// The server that the conversation was with or that cannot be reached, if one is to blame.
    pub host: Option<String>,
    /// The reason in the client's words.
    pub message: String,
}
