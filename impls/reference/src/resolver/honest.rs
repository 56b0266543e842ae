//! The honest resolver.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dime_wire::name::{domain_of, is_address, is_domain, normalized};
use dime_wire::record::{DeliveryHost, ManagementRecord, RECORD_LABEL};
use dime_wire::signet::{Fingerprint, Signet, State, validate_organization, validate_user};

use super::cache::Cache;
use super::{
    RefuseBogus, ResolveError, ResolvedOrganization, ResolvedUser, Resolver, Trust,
    check_certificate,
};
use crate::agent::dialogue::{DmapDialogue, DmtpDialogue};
use crate::dmtp::Command;
use crate::dns::{DnsClient, Security};
use crate::platform::{BoxFuture, Platform, Tick};
use crate::tls::{self, Secured};

/// Longest time one connection attempt may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Most delivery hosts of a record that are tried.
pub const MAX_DELIVERY_HOSTS: usize = 8;
/// Most addresses of a delivery host that are tried.
pub const MAX_ADDRESSES: usize = 4;
/// How long a signet is taken from memory without asking again.
pub const SIGNET_TTL: Duration = Duration::from_secs(3600);
/// How long a record is taken from memory at most, whatever DNS allows.
pub const MAX_RECORD_TTL: Duration = Duration::from_secs(86_400);

/// What a resolver starts from.
#[derive(Clone, Debug)]
pub struct ResolverConfig {
    /// The recursive name server to ask.
    pub dns: SocketAddr,
    /// Root DNSKEYs (Ed25519) that are trusted.
    pub anchors: Vec<[u8; 32]>,
    /// Certification authorities that are trusted, DER.
    pub authorities: Vec<Vec<u8>>,
}

/// Resolves names by DNSSEC, TLS and signets, and keeps the answers in memory.
pub struct DimeResolver {
    platform: Arc<dyn Platform>,
    dns: DnsClient,
    authorities: Vec<Vec<u8>>,
    trust: Arc<dyn Trust>,
    kept: Mutex<Kept>,
}

struct Kept {
    records: Cache<Arc<KnownRecord>>,
    organizations: Cache<Arc<ResolvedOrganization>>,
    users: Cache<Arc<ResolvedUser>>,
}

#[derive(Debug)]
struct KnownRecord {
    domain: String,
    record: ManagementRecord,
    security: Security,
    fresh_until: Tick,
}

#[derive(Clone, Copy)]
enum Service {
    Dmtp,
    Dmap,
}

impl DimeResolver {
    /// A resolver on `platform`.
    pub fn new(platform: Arc<dyn Platform>, config: ResolverConfig) -> DimeResolver {
        DimeResolver::with_trust(platform, config, Arc::new(RefuseBogus))
    }

    /// A resolver that builds on other DNS answers than the honest one.
    pub fn with_trust(
        platform: Arc<dyn Platform>,
        config: ResolverConfig,
        trust: Arc<dyn Trust>,
    ) -> DimeResolver {
        DimeResolver {
            dns: DnsClient::new(platform.clone(), config.dns, config.anchors),
            platform,
            authorities: config.authorities,
            trust,
            kept: Mutex::new(Kept {
                records: Cache::new(),
                organizations: Cache::new(),
                users: Cache::new(),
            }),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Tick {
        self.platform.clock().now()
    }

    /// The management record, from memory or from DNS; pinned ones stand in while DNS is silent.
    async fn record(&self, domain: &str) -> Result<Arc<KnownRecord>, ResolveError> {
        if let Some(known) = self.kept().records.fresh(domain, self.now()) {
            return Ok(known);
        }
        let fetched = self.fetch_record(domain).await;
        let now = self.now();
        match fetched {
            Ok(known) => {
                let known = Arc::new(known);
                let days = Duration::from_secs(u64::from(known.record.expiry_days) * 86_400);
                self.kept()
                    .records
                    .keep(domain, known.clone(), now, known.fresh_until, now + days);
                Ok(known)
            }
            Err(error @ ResolveError::Dns { .. }) => {
                self.kept().records.pinned(domain, now).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn fetch_record(&self, domain: &str) -> Result<KnownRecord, ResolveError> {
        let name = format!("{RECORD_LABEL}.{domain}.");
        let answer = self
            .dns
            .text(&name)
            .await
            .map_err(|error| ResolveError::Dns {
                name: domain.to_owned(),
                error,
            })?;
        let security = self.accepted(domain, answer.security)?;
        let ttl = Duration::from_secs(u64::from(answer.ttl)).min(MAX_RECORD_TTL);
        Ok(KnownRecord {
            domain: domain.to_owned(),
            record: only_record(domain, &answer.data)?,
            security,
            fresh_until: self.now() + ttl,
        })
    }

    /// The security to build on, or a refusal in the name of the one who answers for `name`.
    fn accepted(&self, name: &str, security: Security) -> Result<Security, ResolveError> {
        if !self.trust.accept(security) {
            return Err(ResolveError::Dnssec {
                name: name.to_owned(),
            });
        }
        Ok(match security {
            Security::Bogus => Security::Insecure,
            other => other,
        })
    }

    /// A verified TLS stream to one of the delivery hosts, in the record's order.
    async fn dial(
        &self,
        known: &KnownRecord,
        service: Service,
    ) -> Result<(String, Secured), ResolveError> {
        let itself = [DeliveryHost {
            host: known.domain.clone(),
            port: None,
        }];
        let listed = &known.record.deliver;
        let hosts = if listed.is_empty() {
            &itself[..]
        } else {
            listed
        };
        let mut last = ResolveError::NoAddress {
            host: known.domain.clone(),
        };
        for delivery in hosts.iter().take(MAX_DELIVERY_HOSTS) {
            match self.dial_host(known, delivery, service).await {
                Ok(secured) => return Ok((delivery.host.clone(), secured)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn dial_host(
        &self,
        known: &KnownRecord,
        delivery: &DeliveryHost,
        service: Service,
    ) -> Result<Secured, ResolveError> {
        let host = &delivery.host;
        let ports = self.platform.ports();
        let port = match service {
            Service::Dmtp => delivery.port.unwrap_or(ports.dmtp),
            Service::Dmap => ports.dmap,
        };
        let mut last = ResolveError::NoAddress { host: host.clone() };
        for address in self.addresses(host).await? {
            match self
                .dial_address(host, SocketAddr::new(address, port))
                .await
            {
                Ok(secured) => {
                    let now = self.platform.clock().wall();
                    let (record, security) = (&known.record, known.security);
                    check_certificate(
                        &known.domain,
                        record,
                        security,
                        host,
                        &secured.chain,
                        &self.authorities,
                        now,
                    )?;
                    return Ok(secured);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let answer = self
            .dns
            .addresses(&format!("{host}."))
            .await
            .map_err(|error| ResolveError::Dns {
                name: host.to_owned(),
                error,
            })?;
        self.accepted(host, answer.security)?;
        let mut addresses = answer.data;
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }

    async fn dial_address(&self, host: &str, to: SocketAddr) -> Result<Secured, ResolveError> {
        let deadline = self.now() + CONNECT_TIMEOUT;
        let stream = self.platform.connect(to, deadline).await.map_err(|error| {
            ResolveError::Unreachable {
                host: host.to_owned(),
                error,
            }
        })?;
        let deadline = self.now() + HANDSHAKE_TIMEOUT;
        tls::connect(&*self.platform, stream, host, deadline)
            .await
            .map_err(|error| ResolveError::Tls {
                host: host.to_owned(),
                error,
            })
    }

    async fn talk(&self, known: &KnownRecord) -> Result<DmtpDialogue, ResolveError> {
        let (host, secured) = self.dial(known, Service::Dmtp).await?;
        Ok(DmtpDialogue::open(&host, secured.stream, self.platform.clock()).await?)
    }

    /// The organization, over `line` if it has to be asked; opens the line then.
    async fn organization_over(
        &self,
        domain: &str,
        line: &mut Option<DmtpDialogue>,
    ) -> Result<Arc<ResolvedOrganization>, ResolveError> {
        if let Some(found) = self.kept().organizations.fresh(domain, self.now()) {
            return Ok(found);
        }
        let known = self.record(domain).await?;
        let dialogue = line.insert(self.talk(&known).await?);
        let signet = fetch_signet(dialogue, domain, None).await?;
        let state = validate_organization(&signet, &known.record.poks, Some(domain));
        check_state(dialogue.host(), domain, state)?;
        let found = Arc::new(ResolvedOrganization {
            domain: domain.to_owned(),
            record: known.record.clone(),
            security: known.security,
            signet,
        });
        let now = self.now();
        // Not longer than the record it stands under.
        let end = known.fresh_until.min(now + SIGNET_TTL);
        self.kept()
            .organizations
            .keep(domain, found.clone(), now, end, now);
        Ok(found)
    }

    async fn resolve_organization(
        &self,
        domain: &str,
    ) -> Result<Arc<ResolvedOrganization>, ResolveError> {
        let domain = checked(domain, is_domain)?;
        let mut line = None;
        let found = self.organization_over(&domain, &mut line).await?;
        if let Some(line) = line {
            line.quit().await;
        }
        Ok(found)
    }

    async fn resolve_user(
        &self,
        address: &str,
        fingerprint: Option<&Fingerprint>,
    ) -> Result<Arc<ResolvedUser>, ResolveError> {
        let address = checked(address, is_address)?;
        let known = self.kept().users.fresh(&address, self.now());
        let fits = |user: &Arc<ResolvedUser>| {
            fingerprint.is_none_or(|wanted| user.signet.has_fingerprint(wanted))
        };
        if let Some(found) = known.filter(fits) {
            return Ok(found);
        }
        let domain = domain_of(&address).to_owned();
        let mut line = None;
        let organization = self.organization_over(&domain, &mut line).await?;
        let mut line = match line {
            Some(line) => line,
            None => self.talk(&*self.record(&domain).await?).await?,
        };
        let signet = fetch_signet(&mut line, &address, fingerprint).await?;
        let state = validate_user(&signet, &organization.signet, None, Some(&address));
        check_state(line.host(), &address, state)?;
        if fingerprint.is_some_and(|wanted| !signet.has_fingerprint(wanted)) {
            return Err(ResolveError::Fingerprint {
                host: line.host().to_owned(),
                name: address,
            });
        }
        line.quit().await;
        let found = Arc::new(ResolvedUser {
            address: address.clone(),
            signet,
            organization,
        });
        let now = self.now();
        self.kept()
            .users
            .keep(&address, found.clone(), now, now + SIGNET_TTL, now);
        Ok(found)
    }

    async fn open_delivery(&self, domain: &str) -> Result<DmtpDialogue, ResolveError> {
        let domain = checked(domain, is_domain)?;
        let known = self.record(&domain).await?;
        self.talk(&known).await
    }

    async fn open_access(&self, domain: &str) -> Result<DmapDialogue, ResolveError> {
        let domain = checked(domain, is_domain)?;
        let known = self.record(&domain).await?;
        let (host, secured) = self.dial(&known, Service::Dmap).await?;
        Ok(DmapDialogue::open(&host, secured.stream, self.platform.clock()).await?)
    }
}

impl Resolver for DimeResolver {
    fn organization<'a>(
        &'a self,
        domain: &'a str,
    ) -> BoxFuture<'a, Result<Arc<ResolvedOrganization>, ResolveError>> {
        Box::pin(self.resolve_organization(domain))
    }

    fn user<'a>(
        &'a self,
        address: &'a str,
        fingerprint: Option<&'a Fingerprint>,
    ) -> BoxFuture<'a, Result<Arc<ResolvedUser>, ResolveError>> {
        Box::pin(self.resolve_user(address, fingerprint))
    }

    fn connect<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmtpDialogue, ResolveError>> {
        Box::pin(self.open_delivery(domain))
    }

    fn access<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmapDialogue, ResolveError>> {
        Box::pin(self.open_access(domain))
    }
}

fn checked(name: &str, is_valid: fn(&str) -> bool) -> Result<String, ResolveError> {
    if is_valid(name) {
        Ok(normalized(name))
    } else {
        Err(ResolveError::Name(name.to_owned()))
    }
}

/// The one valid record among the texts; other texts are somebody else's (spec/95 item 30).
pub(super) fn only_record(
    domain: &str,
    texts: &[String],
) -> Result<ManagementRecord, ResolveError> {
    let domain = domain.to_owned();
    let mut fault = None;
    let mut found = None;
    for text in texts {
        match ManagementRecord::parse(text) {
            Ok(_) if found.is_some() => return Err(ResolveError::SeveralRecords { domain }),
            Ok(record) => found = Some(record),
            Err(error) => fault = Some(error),
        }
    }
    match (found, fault) {
        (Some(record), _) => Ok(record),
        (None, Some(error)) => Err(ResolveError::Record { domain, error }),
        (None, None) => Err(ResolveError::NoRecord { domain }),
    }
}

async fn fetch_signet(
    line: &mut DmtpDialogue,
    name: &str,
    fingerprint: Option<&Fingerprint>,
) -> Result<Signet, ResolveError> {
    let reply = line
        .ask(Command::Signet {
            name: name.to_owned(),
            fingerprint: fingerprint.cloned(),
        })
        .await?;
    let text = reply.bracketed().filter(|_| reply.code().is_success());
    let Some(text) = text else {
        return Err(ResolveError::NoSignet {
            host: line.host().to_owned(),
            name: name.to_owned(),
            reply,
        });
    };
    Signet::from_base64(text).map_err(|error| ResolveError::NotASignet {
        host: line.host().to_owned(),
        name: name.to_owned(),
        error,
    })
}

/// A served signet must be full at least; its identifier is checked where it has one (spec/95
/// item 53).
fn check_state(host: &str, name: &str, state: State) -> Result<(), ResolveError> {
    if state >= State::Full {
        return Ok(());
    }
    Err(ResolveError::InvalidSignet {
        host: host.to_owned(),
        name: name.to_owned(),
        state,
    })
}
