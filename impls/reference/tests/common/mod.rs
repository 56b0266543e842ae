//! A network in memory for tests of agents: streams are pipes, time moves when told to, names come
//! from a table. TLS, sessions, agents, stores and messages are the real ones.

#![allow(dead_code, reason = "each test binary uses its own part of it")]
#![allow(clippy::disallowed_methods, reason = "this is a platform")]

pub mod network;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dime::agent::client::{self, HonestSeal, UserAgent};
use dime::agent::dialogue::{DmapDialogue, DmtpDialogue};
use dime::agent::server::{self, Account, MemoryJournal, OrganizationAgent};
use dime::dns::Security;
use dime::platform::{BoxFuture, Platform, Ports, Stream};
use dime::resolver::{ResolveError, ResolvedOrganization, ResolvedUser, Resolver, ResolverConfig};
use dime::tls::{self, ServerIdentity};
use dime_wire::Profile;
use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::message::Bounces;
use dime_wire::name::domain_of;
use dime_wire::record::ManagementRecord;
use dime_wire::signet::{Fingerprint, Signet, issue, organization, request};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use network::{Net, TestPlatform};

/// The password of every user.
pub const PASSWORD: &str = "correct horse";
/// What everybody knows: signets and addresses by name. Connections are made for real, but whose
/// they are is taken from the table.
#[derive(Default)]
pub struct Table {
    organizations: Mutex<BTreeMap<String, Arc<ResolvedOrganization>>>,
    users: Mutex<BTreeMap<String, Arc<ResolvedUser>>>,
    hosts: Mutex<BTreeMap<String, IpAddr>>,
    failures: Mutex<VecDeque<ResolveError>>,
}

impl Table {
    /// Makes the next look-up of an organization fail.
    pub fn fail_next(&self, error: ResolveError) {
        self.failures.lock().expect("no panic").push_back(error);
    }
}

/// The table, as one host uses it.
pub struct TableResolver {
    pub platform: Arc<TestPlatform>,
    pub table: Arc<Table>,
}

impl TableResolver {
    async fn dial(&self, domain: &str, port: u16) -> Result<Box<dyn Stream>, ResolveError> {
        let no_address = || ResolveError::NoAddress {
            host: domain.to_owned(),
        };
        let hosts = self.table.hosts.lock().expect("no panic").clone();
        let address = *hosts.get(domain).ok_or_else(no_address)?;
        let to = SocketAddr::new(address, port);
        let deadline = self.platform.clock().now() + Duration::from_secs(10);
        let stream = self.platform.connect(to, deadline).await;
        let stream = stream.map_err(|error| ResolveError::Unreachable {
            host: domain.to_owned(),
            error,
        })?;
        let secured = tls::connect(&*self.platform, stream, "mx.test", deadline).await;
        let secured = secured.map_err(|error| ResolveError::Tls {
            host: domain.to_owned(),
            error,
        })?;
        Ok(secured.stream)
    }
}

impl Resolver for TableResolver {
    fn organization<'a>(
        &'a self,
        domain: &'a str,
    ) -> BoxFuture<'a, Result<Arc<ResolvedOrganization>, ResolveError>> {
        Box::pin(async move {
            if let Some(error) = self.table.failures.lock().expect("no panic").pop_front() {
                return Err(error);
            }
            let known = self.table.organizations.lock().expect("no panic");
            known
                .get(domain)
                .cloned()
                .ok_or_else(|| ResolveError::NoRecord {
                    domain: domain.to_owned(),
                })
        })
    }

    fn user<'a>(
        &'a self,
        address: &'a str,
        _fingerprint: Option<&'a Fingerprint>,
    ) -> BoxFuture<'a, Result<Arc<ResolvedUser>, ResolveError>> {
        Box::pin(async move {
            let known = self.table.users.lock().expect("no panic");
            known
                .get(address)
                .cloned()
                .ok_or_else(|| ResolveError::Name(address.to_owned()))
        })
    }

    fn connect<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmtpDialogue, ResolveError>> {
        Box::pin(async move {
            let stream = self.dial(domain, Ports::default().dmtp).await?;
            Ok(DmtpDialogue::open(domain, stream, self.platform.clock()).await?)
        })
    }

    fn access<'a>(&'a self, domain: &'a str) -> BoxFuture<'a, Result<DmapDialogue, ResolveError>> {
        Box::pin(async move {
            let stream = self.dial(domain, Ports::default().dmap).await?;
            Ok(DmapDialogue::open(domain, stream, self.platform.clock()).await?)
        })
    }
}

/// A person with everything they need.
pub struct Person {
    pub platform: Arc<TestPlatform>,
    pub config: client::Config,
    pub agent: UserAgent,
}

/// An organization with everything it needs.
pub struct Organization {
    pub platform: Arc<TestPlatform>,
    pub config: server::Config,
    pub parts: server::Parts,
    pub journal: Arc<MemoryJournal>,
}

impl Organization {
    /// Starts, or starts again with what is in the store.
    pub async fn start(&self) {
        let platform: Arc<dyn Platform> = self.platform.clone();
        let (config, parts) = (self.config.clone(), self.parts.clone());
        let started = async move { OrganizationAgent::start(platform, config, parts).await };
        self.platform.run(started).await.expect("ports are free");
    }
}

/// A small world: two organizations, alpha with ann and amy, beta with bob.
pub struct World {
    pub net: Arc<Net>,
    pub table: Arc<Table>,
    pub alpha: Organization,
    pub beta: Organization,
    pub ann: Person,
    pub amy: Person,
    pub bob: Person,
}

impl World {
    pub fn new() -> World {
        let net = Arc::new(Net::default());
        let table = Arc::new(Table::default());
        let mut alpha = make_organization(&net, &table, "alpha.example", 1);
        let mut beta = make_organization(&net, &table, "beta.example", 2);
        let ann = make_person(&net, &table, &mut alpha, "ann", 11);
        let amy = make_person(&net, &table, &mut alpha, "amy", 12);
        let bob = make_person(&net, &table, &mut beta, "bob", 21);
        World {
            net,
            table,
            alpha,
            beta,
            ann,
            amy,
            bob,
        }
    }

    pub async fn started() -> World {
        let world = World::new();
        world.alpha.start().await;
        world.beta.start().await;
        world
    }

    pub fn advance(&self, by: Duration) {
        self.net.clock.advance(by);
    }

    /// Lets all tasks run until `done` says so; panics if it never does.
    pub async fn until(&self, done: impl Fn() -> bool) {
        for _ in 0..100_000 {
            if done() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("what was waited for did not happen");
    }
}

pub fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    }
}

fn identity() -> ServerIdentity {
    let certificate = include_bytes!("../data/mail-server.pem");
    let key = include_bytes!("../data/mail-server-key.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).expect("test data");
    let key = PrivateKeyDer::from_pem_slice(key).expect("test data");
    ServerIdentity {
        chain: vec![certificate.to_vec()],
        key: key.secret_der().to_vec().into(),
    }
}

fn nobody() -> ResolverConfig {
    ResolverConfig {
        dns: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53),
        anchors: Vec::new(),
        authorities: Vec::new(),
    }
}

fn make_organization(net: &Arc<Net>, table: &Arc<Table>, domain: &str, number: u8) -> Organization {
    let keys = keys(number);
    let draft = organization(&keys.signing, &keys.encryption.public(), Profile::Libdime);
    let signet = draft.sign(&keys.signing, domain).expect("own key");
    let record = ManagementRecord {
        poks: vec![keys.signing.public()],
        ..ManagementRecord::default()
    };
    let resolved = ResolvedOrganization {
        domain: domain.to_owned(),
        record,
        security: Security::Secure,
        signet: signet.clone(),
    };
    let platform = TestPlatform::new(net, number);
    let mut organizations = table.organizations.lock().expect("no panic");
    organizations.insert(domain.to_owned(), Arc::new(resolved));
    let mut hosts = table.hosts.lock().expect("no panic");
    hosts.insert(domain.to_owned(), platform.address);
    let config = server::Config {
        domain: domain.to_owned(),
        keys,
        signet,
        identity: identity(),
        users: Vec::new(),
        resolver: nobody(),
        bounces: Bounces::default(),
    };
    let journal = Arc::new(MemoryJournal::default());
    let shared: Arc<dyn Platform> = platform.clone();
    let mut parts = server::Parts::honest(&shared, &config);
    parts.journal = journal.clone();
    parts.resolver = Arc::new(TableResolver {
        platform: platform.clone(),
        table: table.clone(),
    });
    Organization {
        platform,
        config,
        parts,
        journal,
    }
}

fn make_person(
    net: &Arc<Net>,
    table: &Arc<Table>,
    organization: &mut Organization,
    name: &str,
    number: u8,
) -> Person {
    let platform = TestPlatform::new(net, number);
    let domain = organization.config.domain.clone();
    let address = format!("{name}@{domain}");
    let alternate = AlternateKey::from_bytes([number; 32]);
    let signet = user_signet(organization, &address, number, &alternate);
    add_user(table, &address, &signet);
    organization.config.users.push(Account {
        address: address.clone(),
        password: PASSWORD.to_owned().into(),
        signet: signet.clone(),
    });
    let config = client::Config {
        address,
        password: PASSWORD.to_owned().into(),
        keys: keys(number),
        alternate: Some(alternate),
        signet,
        organization: domain,
        resolver: nobody(),
    };
    let agent = client_of(&platform, table, &config);
    Person {
        platform,
        config,
        agent,
    }
}

/// A client with the table for a resolver.
pub fn client_of(
    platform: &Arc<TestPlatform>,
    table: &Arc<Table>,
    config: &client::Config,
) -> UserAgent {
    let parts = client::Parts {
        resolver: Arc::new(TableResolver {
            platform: platform.clone(),
            table: table.clone(),
        }),
        sealer: Arc::new(HonestSeal),
    };
    UserAgent::new(platform.clone(), config.clone(), parts)
}

/// A signet of a user of `organization` with the keys `number`.
pub fn user_signet(
    organization: &Organization,
    address: &str,
    number: u8,
    alternate: &AlternateKey,
) -> Signet {
    let asked = request(&keys(number), &[alternate.public()], None, Profile::Libdime);
    let asked = asked.expect("few keys");
    let key = &organization.config.keys.signing;
    issue(&asked, key, &[], address).expect("own key")
}

/// Makes a user known to everybody.
pub fn add_user(table: &Table, address: &str, signet: &Signet) {
    let organizations = table.organizations.lock().expect("no panic");
    let organization = organizations.get(domain_of(address)).expect("is known");
    let user = ResolvedUser {
        address: address.to_owned(),
        signet: signet.clone(),
        organization: organization.clone(),
    };
    let mut users = table.users.lock().expect("no panic");
    users.insert(address.to_owned(), Arc::new(user));
}
