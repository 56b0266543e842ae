//! The organization's server: origin for its users' letters, destination for everybody else's.
//!
//! [`OrganizationAgent`] listens for DMTP and DMAP, both inside TLS. What it decides and says comes
//! from its [`Parts`], of which a rogue replaces one. It keeps no record of who asked for what.

mod delivery;
mod destination;
mod mailbox;
mod origin;
mod parts;
mod refusal;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dime_wire::keys::PrivateKeys;
use dime_wire::message::Bounces;
use dime_wire::name::normalized;
use dime_wire::signet::{Fingerprint, Signet};
use rand_core::CryptoRng;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::platform::{Listener, NetError, Platform, Store, StoreError, Stream};
use crate::resolver::ResolverConfig;
use crate::tls::{self, ServerIdentity};

pub use delivery::{DeliveryFailure, FIRST_RETRY, LONGEST_RETRY, MAX_ATTEMPTS, MAX_DELIVERIES};
pub use mailbox::{MAX_MAILBOX, MAX_QUEUE, SEEN_FOR};
pub use parts::{
    Admission, Delivered, DeliveryCheck, DeliveryCommands, HonestAdmission, HonestOutbox,
    HonestReplies, HonestSealer, Journal, MemoryJournal, Notice, OriginSealer, Outbox, Outcome,
    Outgoing, Parts, Replies, SilentJournal, SubmissionCheck,
};
pub use refusal::Refusal;

use mailbox::MailStore;

/// Most connections of one kind that are served at a time; more are closed at once.
pub const MAX_CONNECTIONS: usize = 64;
/// Largest message this server takes, in bytes.
pub const MAX_LETTER: usize = 32 * 1024 * 1024;
/// Longest time a peer may take for the TLS handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Failures of a listener in a row after which it is given up.
pub const MAX_ACCEPT_FAILURES: u32 = 100;
/// Pause after a failure of a listener.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// What an organization's server is made from.
#[derive(Clone)]
pub struct Config {
    /// The mail domain it answers for, lower case.
    pub domain: String,
    /// Its signing key (POK or a SOK that may sign messages) and encryption key.
    pub keys: PrivateKeys,
    /// Its signet, identified.
    pub signet: Signet,
    /// What it shows in TLS.
    pub identity: ServerIdentity,
    /// Its users.
    pub users: Vec<Account>,
    /// How it looks up others.
    pub resolver: ResolverConfig,
    /// Which bounce signatures a letter gets whose author expressed no wish.
    pub bounces: Bounces,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("domain", &self.domain)
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

/// A user of the organization.
#[derive(Clone)]
pub struct Account {
    /// Their address.
    pub address: String,
    /// What they log in with.
    pub password: Zeroizing<String>,
    /// Their signet, identified.
    pub signet: Signet,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account([secret])")
    }
}

/// Why a server did not start; always its own side's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A port cannot be listened on.
    #[error("failed to listen for {service} on port {port}: {error}")]
    Listen {
        /// Which service.
        service: &'static str,
        /// Which port.
        port: u16,
        /// What the network says.
        error: NetError,
    },
    /// The store cannot be used.
    #[error("failed to open the store: {0}")]
    Store(#[from] StoreError),
}

/// A running organization's server. Clones are handles to the same server.
#[derive(Clone)]
pub struct OrganizationAgent {
    inner: Arc<Inner>,
}

/// What all tasks of one server share.
struct Inner {
    platform: Arc<dyn Platform>,
    config: Config,
    accounts: BTreeMap<String, Account>,
    parts: Parts,
    mail: MailStore,
    ids: Mutex<Box<dyn CryptoRng + Send>>,
    deliveries: Semaphore,
    dmtp_lines: Semaphore,
    dmap_lines: Semaphore,
}

impl OrganizationAgent {
    /// Name of the store a server keeps its mail in.
    pub const STORE: &'static str = "mail";

    /// Opens the store, listens on the DMTP and DMAP ports, takes up the queue, and serves until
    /// the host ends.
    ///
    /// # Errors
    /// [`StartError`] names the port or the store.
    pub async fn start(
        platform: Arc<dyn Platform>,
        config: Config,
        parts: Parts,
    ) -> Result<OrganizationAgent, StartError> {
        let store: Arc<dyn Store> = platform.store(Self::STORE).await?;
        let mail = MailStore::open(store, platform.clock()).await?;
        let accounts = config
            .users
            .iter()
            .map(|user| (normalized(&user.address), user.clone()))
            .collect();
        let ids = Mutex::new(platform.entropy("transaction".into()));
        let inner = Arc::new(Inner {
            platform,
            config,
            accounts,
            parts,
            mail,
            ids,
            deliveries: Semaphore::new(MAX_DELIVERIES),
            dmtp_lines: Semaphore::new(MAX_CONNECTIONS),
            dmap_lines: Semaphore::new(MAX_CONNECTIONS),
        });
        let ports = inner.platform.ports();
        let dmtp = listen(&inner, "DMTP", ports.dmtp).await?;
        let dmap = listen(&inner, "DMAP", ports.dmap).await?;
        for key in inner.mail.queued().await? {
            delivery::spawn(&inner, key);
        }
        let serve = |inner, stream| destination::serve(inner, stream);
        let task = accept_all(inner.clone(), dmtp, serve, "dmtp", |i| &i.dmtp_lines);
        inner.platform.spawn("dmtp.listener", Box::pin(task));
        let serve = |inner, stream| origin::serve(inner, stream);
        let task = accept_all(inner.clone(), dmap, serve, "dmap", |i| &i.dmap_lines);
        inner.platform.spawn("dmap.listener", Box::pin(task));
        Ok(OrganizationAgent { inner })
    }

    /// The domain this server answers for.
    pub fn domain(&self) -> &str {
        &self.inner.config.domain
    }
}

impl Inner {
    fn account(&self, address: &str) -> Option<&Account> {
        self.accounts.get(&normalized(address))
    }

    /// Our signet for a name of ours: the current one, or the one with `fingerprint`.
    fn own_signet(&self, name: &str, fingerprint: Option<&Fingerprint>) -> Option<&Signet> {
        let signet = if name == self.config.domain {
            &self.config.signet
        } else {
            &self.account(name)?.signet
        };
        fingerprint
            .is_none_or(|wanted| signet.has_fingerprint(wanted))
            .then_some(signet)
    }

    /// A fresh transaction id. It is random: it says nothing of anybody.
    fn transaction_id(&self) -> String {
        let mut id = [0; 16];
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut id);
        hex::encode(id)
    }

    /// TLS on a fresh stream; `None` if the peer does not manage it.
    async fn secure(&self, stream: Box<dyn Stream>) -> Option<Box<dyn Stream>> {
        let deadline = self.platform.clock().now() + HANDSHAKE_TIMEOUT;
        tls::accept(&*self.platform, stream, &self.config.identity, deadline)
            .await
            .ok()
            .map(|secured| secured.stream)
    }
}

async fn listen(
    inner: &Inner,
    service: &'static str,
    port: u16,
) -> Result<Box<dyn Listener>, StartError> {
    let listening = inner.platform.listen(port).await;
    listening.map_err(|error| StartError::Listen {
        service,
        port,
        error,
    })
}

/// Serves every stream of a listener in a task of its own.
async fn accept_all<F, T>(
    inner: Arc<Inner>,
    mut listener: Box<dyn Listener>,
    serve: F,
    name: &'static str,
    lines: fn(&Inner) -> &Semaphore,
) where
    F: Fn(Arc<Inner>, Box<dyn Stream>) -> T,
    T: Future<Output = ()> + Send + 'static,
{
    let clock = inner.platform.clock();
    let mut failures = 0;
    while failures < MAX_ACCEPT_FAILURES {
        match listener.accept().await {
            Ok(stream) => {
                failures = 0;
                let served = serve(inner.clone(), stream);
                let owner = inner.clone();
                let task = async move {
                    if let Ok(_line) = lines(&owner).try_acquire() {
                        served.await;
                    }
                };
                inner.platform.spawn(name, Box::pin(task));
            }
            Err(_) => {
                failures += 1;
                clock.sleep_until(clock.now() + ACCEPT_PAUSE).await;
            }
        }
    }
}
