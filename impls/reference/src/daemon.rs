//! The daemon `dimed`: what its configuration file tells it, what it tells the log, and its
//! [`main`].
//!
//! ```toml
//! domain = "beta.example"
//! address = "127.0.0.5"              # one of the machine's own
//! data = "data"                      # folder of the store
//! log = true                         # one line per event on standard error, names of nobody
//!
//! [ports]                            # those of the world; 26, 2626 and 53 if left out
//! dmtp = 20026
//! dmap = 22626
//!
//! [keys]
//! organization = "organization.key"  # armour or binary
//! signet = "organization.signet"     # armour, base64 or binary
//! certificate = "certificate.pem"    # chain, own certificate first; PEM or DER
//! certificate-key = "tls.pem"        # PKCS#8, PEM or DER
//!
//! [resolver]
//! address = "127.0.0.3:20053"
//! anchors = "anchors.txt"            # Ed25519 root keys, one per line
//! authorities = "authorities.pem"    # certification authorities
//!
//! [[user]]
//! address = "bob@beta.example"
//! password = "..."
//! signet = "bob.signet"
//! ```
//! Users may stand in a file of their own, named by `users = "users.toml"`. Paths are relative to
//! the configuration file. Unknown keys are errors.

mod program;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use dime_wire::keys::KeyOwner;
use dime_wire::message::Bounces;
use dime_wire::name::{domain_of, is_address, is_domain, normalized, same_domain, same_identifier};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::agent::server::{Account, Config, DeliveryFailure, Journal, Notice, Outcome};
use crate::files::{self, FileError};
use crate::platform::Ports;
use crate::resolver::ResolverConfig;
use crate::tls::ServerIdentity;

pub use program::main;

/// Most users of one server.
pub const MAX_USERS: usize = 100_000;

/// Gives the bytes of the file at a path.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<Zeroizing<Vec<u8>>, FileError>;

/// All that `dimed` needs to run.
#[derive(Debug)]
pub struct Setup {
    /// The address to listen on.
    pub address: IpAddr,
    /// The ports of the world.
    pub ports: Ports,
    /// Folder of the store.
    pub data: PathBuf,
    /// Whether events are logged.
    pub log: bool,
    /// The server.
    pub config: Config,
}

/// Why a configuration is of no use.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file is missing or is something else.
    #[error(transparent)]
    File(#[from] FileError),
    /// The configuration is not what it should be.
    #[error("{} is not a configuration: {reason}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// A value contradicts another.
    #[error("{} is not consistent: {reason}", path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl Setup {
    /// Reads the configuration file at `path` and every file it names.
    ///
    /// # Errors
    /// [`SetupError`] names the file at fault.
    pub fn read(path: &Path) -> Result<Setup, SetupError> {
        Setup::read_with(path, &files::read)
    }

    /// As [`Setup::read`], with `file` in the place of [`files::read`].
    ///
    /// # Errors
    /// As [`Setup::read`].
    pub fn read_with(path: &Path, file: ReadFile<'_>) -> Result<Setup, SetupError> {
        let raw: RawSetup = parse(path, &file(path)?)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let named = Named { folder, file };
        let mut users = raw.user;
        if let Some(name) = &raw.users {
            let path = folder.join(name);
            let more: RawUsers = parse(&path, &file(&path)?)?;
            users.extend(more.user);
        }
        let (keys, resolver) = (raw.keys, raw.resolver);
        let config = Config {
            keys: named.parse(&keys.organization, |path, bytes| {
                files::parse_keys_of(path, bytes, KeyOwner::Organization)
            })?,
            signet: named.parse(&keys.signet, files::parse_signet)?,
            identity: ServerIdentity {
                chain: named.certificates(&keys.certificate)?,
                key: named.parse(&keys.certificate_key, files::parse_tls_key)?,
            },
            users: read_accounts(&named, users)?,
            resolver: ResolverConfig {
                dns: resolver.address,
                anchors: named.parse(&resolver.anchors, |path, bytes| {
                    files::parse_anchors(path, &bytes)
                })?,
                authorities: named.certificates(&resolver.authorities)?,
            },
            bounces: Bounces::default(),
            domain: normalized(&raw.domain),
        };
        let setup = Setup {
            address: raw.address,
            ports: raw.ports.into(),
            data: folder.join(raw.data),
            log: raw.log,
            config,
        };
        match setup.contradiction() {
            None => Ok(setup),
            Some(reason) => Err(SetupError::Value {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    /// What does not fit together, if anything.
    fn contradiction(&self) -> Option<String> {
        let config = &self.config;
        if !is_domain(&config.domain) {
            return Some(format!("{:?} is not a domain", config.domain));
        }
        if !fits(config.signet.identifier(), &config.domain) {
            return Some(format!("the signet is not that of {}", config.domain));
        }
        let own = config.keys.encryption.public();
        if config.signet.encryption_key().ok() != Some(own) {
            return Some("the organization's keys are not those of its signet".to_owned());
        }
        let signing = config.keys.signing.public();
        let may_sign = config.signet.message_keys().unwrap_or_default();
        if !may_sign.contains(&signing) {
            return Some("the organization's signing key may not sign messages".to_owned());
        }
        if let Err(error) = check_identity(&config.identity) {
            return Some(format!(
                "certificate and key are of no use together: {error}"
            ));
        }
        if config.users.len() > MAX_USERS {
            return Some(format!("there are more than {MAX_USERS} users"));
        }
        let stranger = config.users.iter().position(|user| {
            !is_address(&user.address)
                || !same_domain(domain_of(&user.address), &config.domain)
                || !fits(user.signet.identifier(), &user.address)
        })?;
        Some(format!(
            "address or signet of user {} is not of this domain",
            stranger + 1
        ))
    }
}

/// Writes one line per event to standard error. Names, addresses, domains and identities of
/// messages are left out: a log is what is taken first.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogJournal;

impl Journal for LogJournal {
    fn note(&self, notice: Notice) {
        eprintln!("{}", describe(&notice.outcome));
    }
}

/// An event in words that name nobody.
fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Queued => "letter queued".to_owned(),
        Outcome::NotQueued(refusal) => format!("letter not queued: {}", refusal.text()),
        Outcome::Delayed(failure) => format!("delivery delayed: {}", cause(failure)),
        Outcome::Sent => "letter delivered".to_owned(),
        Outcome::Failed(failure) => format!("delivery failed: {}", cause(failure)),
        Outcome::Kept => "letter received".to_owned(),
        Outcome::Duplicate => "letter received again".to_owned(),
        Outcome::Refused(refusal) => format!("letter refused: {}", refusal.text()),
    }
}

fn cause(failure: &DeliveryFailure) -> String {
    match failure {
        DeliveryFailure::Resolve(_) => "destination not found or not trusted".to_owned(),
        DeliveryFailure::Dialogue(_) => "conversation broke off".to_owned(),
        DeliveryFailure::Refused { step, reply } => format!("{step} refused by {}", reply.code()),
        DeliveryFailure::Own(refusal) => refusal.text().to_owned(),
        DeliveryFailure::Queue(_) => "letter in the queue is damaged".to_owned(),
        DeliveryFailure::NoFingerprint => "signet has no full fingerprint".to_owned(),
        DeliveryFailure::Store(_) => "store failed".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSetup {
    domain: String,
    address: IpAddr,
    data: PathBuf,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    ports: RawPorts,
    keys: RawKeys,
    resolver: RawResolver,
    users: Option<PathBuf>,
    #[serde(default)]
    user: Vec<RawUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawPorts {
    dmtp: u16,
    dmap: u16,
    dns: u16,
}

impl Default for RawPorts {
    fn default() -> Self {
        let Ports { dmtp, dmap, dns } = Ports::default();
        RawPorts { dmtp, dmap, dns }
    }
}

impl From<RawPorts> for Ports {
    fn from(raw: RawPorts) -> Ports {
        Ports {
            dns: raw.dns,
            dmtp: raw.dmtp,
            dmap: raw.dmap,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawKeys {
    organization: PathBuf,
    signet: PathBuf,
    certificate: PathBuf,
    certificate_key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResolver {
    address: SocketAddr,
    anchors: PathBuf,
    authorities: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUsers {
    #[serde(default)]
    user: Vec<RawUser>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawUser {
    address: String,
    #[serde(deserialize_with = "secret")]
    password: Zeroizing<String>,
    signet: PathBuf,
}

/// The files that a configuration names.
struct Named<'a> {
    folder: &'a Path,
    file: ReadFile<'a>,
}

impl Named<'_> {
    fn parse<T>(
        &self,
        name: &Path,
        parse: impl FnOnce(&Path, Zeroizing<Vec<u8>>) -> Result<T, FileError>,
    ) -> Result<T, FileError> {
        let path = self.folder.join(name);
        parse(&path, (self.file)(&path)?)
    }

    fn certificates(&self, name: &Path) -> Result<Vec<Vec<u8>>, FileError> {
        self.parse(name, |path, bytes| files::parse_certificates(path, &bytes))
    }
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, SetupError> {
    let text = files::parse_text(path, bytes)?;
    toml::from_str(text).map_err(|error| {
        // Without the excerpt that the error could show: there are passwords in these files.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
        SetupError::Syntax {
            path: path.to_owned(),
            reason: format!("line {line}: {}", error.message()),
        }
    })
}

/// A text whose errors do not show what stands in its place.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    let text = String::deserialize(deserializer).map(Zeroizing::new);
    text.map_err(|_| D::Error::custom("password is not text"))
}

fn read_accounts(named: &Named<'_>, users: Vec<RawUser>) -> Result<Vec<Account>, SetupError> {
    let account = |user: RawUser| {
        Ok(Account {
            signet: named.parse(&user.signet, files::parse_signet)?,
            address: user.address,
            password: user.password,
        })
    };
    users.into_iter().map(account).collect()
}

/// Whether the key can sign and belongs to the certificate.
fn check_identity(identity: &ServerIdentity) -> Result<(), rustls::Error> {
    let key = PrivateKeyDer::try_from(identity.key.as_slice());
    let key = key.map_err(|reason| rustls::Error::General(reason.to_owned()))?;
    let chain = identity.chain.iter().cloned().map(CertificateDer::from);
    let signing = any_supported_type(&key)?;
    CertifiedKey::new(chain.collect(), signing).keys_match()
}

fn fits(identifier: Option<&str>, name: &str) -> bool {
    identifier.is_some_and(|identifier| same_identifier(identifier, name))
}
