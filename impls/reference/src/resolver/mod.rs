//! Whom to trust: from a name to validated keys and a verified connection (spec/20).
//!
//! [`Resolver`] is the interface agents use; [`DimeResolver`] is the honest one: management record
//! by DNSSEC, delivery host, certificate, organization signet under the record's POKs, user signet
//! under the organization's. It asks the servers concerned directly and keeps answers, so that as
//! few parties as possible see who wants to know about whom.

mod cache;
mod certificate;
mod honest;

use std::sync::Arc;

use dime_wire::record::{ManagementRecord, RecordError};
use dime_wire::signet::{Fingerprint, Signet, SignetError, State};

use crate::agent::dialogue::{DialogueError, DmapDialogue, DmtpDialogue};
use crate::dmtp::Reply;
use crate::dns::{DnsError, Security};
use crate::platform::{BoxFuture, NetError};
use crate::tls::{CertificateError, TlsError};

pub use certificate::check_certificate;
pub use honest::{
    CONNECT_TIMEOUT, DimeResolver, HANDSHAKE_TIMEOUT, MAX_ADDRESSES, MAX_DELIVERY_HOSTS,
    MAX_RECORD_TTL, ResolverConfig, SIGNET_TTL,
};

/// Finds and validates what is known about names. Object safe, so that a rogue can stand in.
pub trait Resolver: Send + Sync {
    /// The record and the signet of the organization at `domain`.
    ///
    /// # Errors
    /// [`ResolveError`] names the guilty party.
    fn organization<'a>(
        &'a self,
        domain: &'a str,
    ) -> BoxFuture<'a, Result<Arc<ResolvedOrganization>, ResolveError>>;

    /// The signet of the user at `address`: the one with `fingerprint`, else the current one.
    ///
    /// # Errors
    /// As [`Resolver::organization`].
    fn user<'a>(
        &'a self,
        address: &'a str,
        fingerprint: Option<&'a Fingerprint>,
    ) -> BoxFuture<'a, Result<Arc<ResolvedUser>, ResolveError>>;

    /// A verified DMTP connection to the organization at `domain`, the banner received.
    ///
    /// # Errors
    /// As [`Resolver::organization`].
    fn connect<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmtpDialogue, ResolveError>>;

    /// A verified DMAP connection to the organization at `domain`, the greeting received.
    ///
    /// # Errors
    /// As [`Resolver::organization`].
    fn access<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmapDialogue, ResolveError>>;
}

/// An organization whose signet stands under a POK of its management record.
#[derive(Clone, Debug)]
pub struct ResolvedOrganization {
    /// Its domain, lower case.
    pub domain: String,
    /// What stands at `_dx.<domain>`.
    pub record: ManagementRecord,
    /// How far DNS vouches for the record.
    pub security: Security,
    /// Its signet, validated.
    pub signet: Signet,
}

/// A user whose signet stands under their organization's.
#[derive(Clone, Debug)]
pub struct ResolvedUser {
    /// Their address, the domain in lower case.
    pub address: String,
    /// Their signet, validated.
    pub signet: Signet,
    /// Their organization.
    pub organization: Arc<ResolvedOrganization>,
}

/// Which DNS answers to build on. The honest rule is [`RefuseBogus`].
pub trait Trust: Send + Sync {
    /// Whether an answer of this security may be used at all. A bogus one that is used counts as
    /// insecure.
    fn accept(&self, security: Security) -> bool;
}

/// Uses secure and insecure answers, never bogus ones (spec/20 §3).
#[derive(Clone, Copy, Debug, Default)]
pub struct RefuseBogus;

impl Trust for RefuseBogus {
    fn accept(&self, security: Security) -> bool {
        security != Security::Bogus
    }
}

/// Why a name was not resolved, and whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Not a name at all; the asker's fault.
    #[error("{0:?} is not a domain or address")]
    Name(String),
    /// DNS gave no answer.
    #[error("failed to look up {name} in dns: {error}")]
    Dns {
        /// The name asked for.
        name: String,
        /// What happened.
        error: DnsError,
    },
    /// DNS gave an answer whose signatures do not hold.
    #[error("dns of {name} is bogus: its signatures do not hold")]
    Dnssec {
        /// The name asked for.
        name: String,
    },
    /// The domain has no management record.
    #[error("dns of {domain} holds no management record")]
    NoRecord {
        /// The domain.
        domain: String,
    },
    /// The domain has several management records.
    #[error("dns of {domain} holds more than one management record")]
    SeveralRecords {
        /// The domain.
        domain: String,
    },
    /// The domain's management record is not valid.
    #[error("management record of {domain} is not valid: {error}")]
    Record {
        /// The domain.
        domain: String,
        /// What is wrong with it.
        error: RecordError,
    },
    /// The delivery host has no address.
    #[error("dns of {host} holds no address")]
    NoAddress {
        /// The host.
        host: String,
    },
    /// The delivery host cannot be reached.
    #[error("failed to reach {host}: {error}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        error: NetError,
    },
    /// TLS with the delivery host failed.
    #[error("failed to agree on TLS with {host}: {error}")]
    Tls {
        /// The host.
        host: String,
        /// What happened.
        error: TlsError,
    },
    /// The delivery host shows a certificate that the record does not list.
    #[error("certificate of {host} is not the one in the management record of {domain}")]
    CertificateNotListed {
        /// The host.
        host: String,
        /// The domain.
        domain: String,
    },
    /// The delivery host shows a certificate that cannot be trusted.
    #[error("certificate of {host} is not trusted: {error}")]
    Certificate {
        /// The host.
        host: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The delivery host broke the protocol or left.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// The server has no such signet.
    #[error("{host} has no signet of {name}: {reply}")]
    NoSignet {
        /// The host.
        host: String,
        /// The name asked for.
        name: String,
        /// Its reply.
        reply: Reply,
    },
    /// The server sent something that is no signet.
    #[error("{host} sent something else than a signet of {name}: {error}")]
    NotASignet {
        /// The host.
        host: String,
        /// The name asked for.
        name: String,
        /// What is wrong with it.
        error: SignetError,
    },
    /// The signet does not hold against what anchors it.
    #[error("signet of {name} that {host} sent is not valid: {state:?}")]
    InvalidSignet {
        /// The host.
        host: String,
        /// The name asked for.
        name: String,
        /// The state it reached.
        state: State,
    },
    /// The server sent another signet than the one asked for.
    #[error("signet of {name} that {host} sent does not have the fingerprint asked for")]
    Fingerprint {
        /// The host.
        host: String,
        /// The name asked for.
        name: String,
    },
}

/// What an error means for whoever depends on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same may succeed later.
    Later,
    /// There is nothing to be found.
    Absent,
    /// There is something, and it is wrong.
    Wrong,
}

impl ResolveError {
    /// Whether trying again may help.
    pub fn remedy(&self) -> Remedy {
        match self {
            ResolveError::Dns { .. }
            | ResolveError::Unreachable { .. }
            | ResolveError::Dialogue(_)
            | ResolveError::Tls { .. } => Remedy::Later,
            ResolveError::NoSignet { .. }
            | ResolveError::Name(_)
            | ResolveError::NoRecord { .. }
            | ResolveError::NoAddress { .. } => Remedy::Absent,
            ResolveError::Dnssec { .. }
            | ResolveError::SeveralRecords { .. }
            | ResolveError::Record { .. }
            | ResolveError::CertificateNotListed { .. }
            | ResolveError::Certificate { .. }
            | ResolveError::NotASignet { .. }
            | ResolveError::InvalidSignet { .. }
            | ResolveError::Fingerprint { .. } => Remedy::Wrong,
        }
    }
}

#[cfg(test)]
mod tests;
