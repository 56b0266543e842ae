//! A network in memory for tests of agents: streams are pipes, time moves when told to, names come
//! from a table. TLS, sessions, agents, stores and messages are the real ones.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use dime::agent::client::{self, HonestSeal, UserAgent};
use dime::agent::dialogue::{DmapDialogue, DmtpDialogue};
use dime::agent::server::{self, Account, MemoryJournal, OrganizationAgent};
use dime::dns::Security;
use dime::platform::memory::MemoryStore;
use dime::platform::scope::{HostScope, Scoped};
use dime::platform::{
    BoxFuture, Clock, Datagram, Listener, NetError, Platform, Ports, Purpose, Store, StoreError,
    Stream, Task, Tick, UnixTime,
};
use dime::resolver::{ResolveError, ResolvedOrganization, ResolvedUser, Resolver, ResolverConfig};
use dime::tls::{self, ServerIdentity};
use dime_wire::Profile;
use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::message::Bounces;
use dime_wire::name::domain_of;
use dime_wire::record::ManagementRecord;
use dime_wire::signet::{Fingerprint, Signet, issue, organization, request};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Notify, mpsc, oneshot};

/// The password of every user.
pub const PASSWORD: &str = "correct horse";
/// Bytes that fit into a pipe.
const PIPE: usize = 4096;

/// All hosts and their pipes.
#[derive(Default)]
pub struct Net {
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::Sender<Pipe>>>,
    clock: Arc<TestClock>,
}

/// Time that stands still until told otherwise.
#[derive(Default)]
pub struct TestClock {
    now: AtomicU64,
    moved: Notify,
}

impl TestClock {
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).expect("short time");
        self.now.fetch_add(by, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

struct SharedClock(Arc<TestClock>);

impl Clock for SharedClock {
    fn now(&self) -> Tick {
        Tick(self.0.now.load(Ordering::SeqCst))
    }

    fn wall(&self) -> UnixTime {
        UnixTime(1_800_000_000 + self.now().0 / 1_000_000_000)
    }

    fn sleep_until(&self, deadline: Tick) -> BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move {
            loop {
                let moved = clock.moved.notified();
                if clock.now.load(Ordering::SeqCst) >= deadline.0 {
                    return;
                }
                moved.await;
            }
        })
    }
}

/// One end of a pipe.
struct Pipe {
    inner: DuplexStream,
    local: SocketAddr,
    peer: SocketAddr,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Stream for Pipe {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

struct PipeListener {
    local: SocketAddr,
    pipes: mpsc::Receiver<Pipe>,
}

impl Listener for PipeListener {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async {
            match self.pipes.recv().await {
                Some(pipe) => Ok(Box::new(pipe) as Box<dyn Stream>),
                None => std::future::pending().await,
            }
        })
    }
}

/// One host.
pub struct TestPlatform {
    address: IpAddr,
    net: Arc<Net>,
    scope: Arc<HostScope>,
    stores: Mutex<BTreeMap<String, Arc<MemoryStore>>>,
}

impl TestPlatform {
    pub fn new(net: &Arc<Net>, last: u8) -> Arc<TestPlatform> {
        let clock = Arc::new(SharedClock(net.clock.clone()));
        let entropy = Box::new(ChaCha20Rng::from_seed([last; 32]));
        Arc::new(TestPlatform {
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            net: net.clone(),
            scope: HostScope::new(clock, entropy),
            stores: Mutex::default(),
        })
    }

    /// Runs `work` as a task of this host and gives its result.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (done, result) = oneshot::channel();
        let task = async move {
            let _ = done.send(work.await);
        };
        tokio::spawn(Scoped::new(self.scope.clone(), Box::pin(task)));
        result.await.expect("the task ends")
    }

    /// All bytes of a store, keys included.
    pub async fn stored(&self, name: &str) -> Vec<u8> {
        let store = self.store(name).await.expect("memory does not fail");
        let entries = store.scan("").await.expect("memory does not fail");
        let flat = entries
            .into_iter()
            .map(|(key, value)| [key.into_bytes(), value].concat());
        flat.collect::<Vec<_>>().concat()
    }
}

impl Platform for TestPlatform {
    fn address(&self) -> IpAddr {
        self.address
    }

    fn ports(&self) -> Ports {
        Ports::default()
    }

    fn connect(
        &self,
        to: SocketAddr,
        _deadline: Tick,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async move {
            let listeners = self.net.listeners.lock().expect("no panic");
            let listener = listeners.get(&to).cloned().ok_or(NetError::Refused)?;
            let local = SocketAddr::new(self.address, 40_000);
            let (near, far) = tokio::io::duplex(PIPE);
            let far = Pipe {
                inner: far,
                local: to,
                peer: local,
            };
            listener.try_send(far).map_err(|_| NetError::Refused)?;
            let near = Pipe {
                inner: near,
                local,
                peer: to,
            };
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Listener>, NetError>> {
        Box::pin(async move {
            let local = SocketAddr::new(self.address, port);
            let (sender, pipes) = mpsc::channel(16);
            let mut listeners = self.net.listeners.lock().expect("no panic");
            listeners.insert(local, sender);
            Ok(Box::new(PipeListener { local, pipes }) as Box<dyn Listener>)
        })
    }

    fn datagram(&self, _port: u16) -> BoxFuture<'_, Result<Box<dyn Datagram>, NetError>> {
        Box::pin(async { Err(NetError::Unreachable) })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SharedClock(self.net.clock.clone()))
    }

    fn spawn(&self, _name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        let running = tokio::spawn(Scoped::new(self.scope.clone(), task));
        Task::new(move || running.abort())
    }

    fn entropy(&self, purpose: Purpose) -> Box<dyn CryptoRng + Send> {
        use sha2::{Digest, Sha256};
        let seed = Sha256::digest(format!("{} {}", self.address, purpose.0));
        Box::new(ChaCha20Rng::from_seed(seed.into()))
    }

    fn store(&self, name: &str) -> BoxFuture<'_, Result<Arc<dyn Store>, StoreError>> {
        let mut stores = self.stores.lock().expect("no panic");
        let store = stores.entry(name.to_owned()).or_default().clone();
        Box::pin(async move { Ok(store as Arc<dyn Store>) })
    }

    fn secured(&self, plain: Box<dyn Stream>) -> Box<dyn Stream> {
        plain
    }
}

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
