//! The user's client: author of what it sends, recipient of what it receives.
//!
//! [`UserAgent`] talks to its own organization's server by DMAP and asks the other organization for
//! signets directly. Its keys never leave it (mode paranoid).

mod attachment;
mod date;
mod receive;
mod send;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dime_wire::keys::{AlternateKey, PrivateKeys, SigningKey};
use dime_wire::message::{Letter, MessageEntropy, SealError, SealOptions, Signets, seal};
use dime_wire::signet::Signet;
use zeroize::Zeroizing;

use super::dialogue::{Completion, DialogueError, DmapDialogue};
use crate::dmap::Status;
use crate::platform::Platform;
use crate::resolver::{DimeResolver, ResolveError, Resolver, ResolverConfig};

pub use attachment::{Attachment, AttachmentFault, MAX_FILE_NAME};
pub use date::{format_date, parse_date};
pub use receive::{ReceiveError, Received, ReceivedLetter, RejectReason, RejectedLetter, Verdicts};
pub use send::{SendError, SendRequest, SentReceipt};

/// What a client is made from.
#[derive(Clone)]
pub struct Config {
    /// The user's address.
    pub address: String,
    /// What they log in with.
    pub password: Zeroizing<String>,
    /// Their signing and encryption key.
    pub keys: PrivateKeys,
    /// Their key of the alternate layer.
    pub alternate: Option<AlternateKey>,
    /// Their signet, identified.
    pub signet: Signet,
    /// Domain of their organization.
    pub organization: String,
    /// How to look up others.
    pub resolver: ResolverConfig,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

/// What a client is built from; a rogue replaces one part.
#[derive(Clone)]
pub struct Parts {
    /// Finds organizations and users.
    pub resolver: Arc<dyn Resolver>,
    /// Seals letters.
    pub sealer: Arc<dyn Seal>,
}

impl Parts {
    /// The honest parts.
    pub fn honest(platform: &Arc<dyn Platform>, config: &Config) -> Parts {
        let resolver = DimeResolver::new(platform.clone(), config.resolver.clone());
        Parts {
            resolver: Arc::new(resolver),
            sealer: Arc::new(HonestSeal),
        }
    }
}

/// Seals letters as their author.
pub trait Seal: Send + Sync {
    /// The author's object for `letter`.
    ///
    /// # Errors
    /// [`SealError`] if the letter cannot be sealed.
    fn seal(
        &self,
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &SigningKey,
        entropy: &mut dyn MessageEntropy,
        options: &SealOptions,
    ) -> Result<Vec<u8>, SealError>;
}

/// Seals as the format says.
#[derive(Clone, Copy, Debug, Default)]
pub struct HonestSeal;

impl Seal for HonestSeal {
    fn seal(
        &self,
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &SigningKey,
        entropy: &mut dyn MessageEntropy,
        options: &SealOptions,
    ) -> Result<Vec<u8>, SealError> {
        seal(letter, signets, author_key, entropy, options)
    }
}

/// A user's client. Clones are handles to the same client.
#[derive(Clone)]
pub struct UserAgent {
    inner: Arc<Inner>,
}

struct Inner {
    platform: Arc<dyn Platform>,
    config: Config,
    parts: Parts,
    state: Mutex<State>,
}

/// What a client remembers between two actions.
#[derive(Default)]
struct State {
    /// Letters sent so far; gives each its streams of randomness.
    sent: u64,
    /// Places of the mailbox that were read for good.
    read: BTreeSet<usize>,
}

/// Why the own server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It was not found.
    #[error("failed to find the own server: {0}")]
    Resolve(#[from] ResolveError),
    /// The conversation broke off.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// It refuses.
    #[error("own server refused {command}: {text}")]
    Refused {
        /// The command.
        command: &'static str,
        /// Its words.
        text: String,
    },
}

impl UserAgent {
    /// A client on `platform`.
    pub fn new(platform: Arc<dyn Platform>, config: Config, parts: Parts) -> UserAgent {
        UserAgent {
            inner: Arc::new(Inner {
                platform,
                config,
                parts,
                state: Mutex::new(State::default()),
            }),
        }
    }

    /// The user's address.
    pub fn address(&self) -> &str {
        &self.inner.config.address
    }

    /// How this client finds others.
    pub fn resolver(&self) -> &Arc<dyn Resolver> {
        &self.inner.parts.resolver
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A conversation with the own server, logged in.
    async fn log_in(&self) -> Result<DmapDialogue, AccessError> {
        let config = &self.config;
        let mut line = self.parts.resolver.access(&config.organization).await?;
        done(
            "LOGIN",
            line.login(&config.address, &config.password).await?,
        )?;
        Ok(line)
    }
}

/// The completion, if the command did what was asked.
fn done(command: &'static str, completion: Completion) -> Result<Completion, AccessError> {
    if completion.status == Status::Ok {
        return Ok(completion);
    }
    Err(AccessError::Refused {
        command,
        text: completion.text,
    })
}
