//! The platform over the operating system: real sockets, the real clock, files.
//!
//! The one place of this crate that may ask the operating system for time, randomness, connections
//! or files (besides the programs' own start-up).

// The platform is what the rest of the crate uses instead of these.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod store;

pub use store::{COMPACT_FACTOR, COMPACT_FROM, FileStore, MAX_LOG_BYTES, read_log, write_log};

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use futures_util::future::{AbortHandle, Abortable};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::runtime::Handle;
use zeroize::{Zeroize, Zeroizing};

use crate::platform::memory::MemoryStore;
use crate::platform::scope::{HostScope, Scoped};
use crate::platform::{
    BoxFuture, Clock, Datagram, Listener, MAX_DATAGRAM, NetError, Platform, Ports, Purpose, Store,
    StoreError, Stream, Task, Tick, UnixTime, before,
};

/// How many connections may wait for a listener.
pub const BACKLOG: u32 = 1024;
/// How many stores one host may have.
pub const MAX_STORES: usize = 64;

/// Where the randomness of a live host comes from.
#[derive(Clone)]
pub enum LiveEntropy {
    /// The operating system.
    Os,
    /// This key: two runs draw the same, for tests.
    Seeded([u8; 32]),
}

impl fmt::Debug for LiveEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LiveEntropy::Os => "Os",
            LiveEntropy::Seeded(_) => "Seeded([secret])",
        })
    }
}

impl Drop for LiveEntropy {
    fn drop(&mut self) {
        if let LiveEntropy::Seeded(key) = self {
            key.zeroize();
        }
    }
}

/// Why a live host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// It was asked for outside of a tokio runtime.
    #[error("failed to find a tokio runtime to run on")]
    NoRuntime,
    /// The operating system gives no randomness.
    #[error("failed to get randomness from the operating system")]
    NoRandomness,
}

/// A host on the machine's own network.
///
/// Its tasks hold it alive; [`LivePlatform::stop`] ends them.
pub struct LivePlatform {
    address: IpAddr,
    ports: Ports,
    clock: Arc<LiveClock>,
    entropy: Entropy,
    scope: Arc<HostScope>,
    storage: Option<PathBuf>,
    stores: Mutex<BTreeMap<String, Arc<dyn Store>>>,
    tasks: Arc<Tasks>,
    runtime: Handle,
}

impl LivePlatform {
    /// A host at `address`, one of the machine's own, running on the current tokio runtime. Its
    /// stores are files in the folder `storage`, or in memory.
    ///
    /// # Errors
    /// [`LiveError`] if there is no runtime or no randomness.
    pub fn new(
        address: IpAddr,
        ports: Ports,
        entropy: LiveEntropy,
        storage: Option<PathBuf>,
    ) -> Result<Arc<Self>, LiveError> {
        Self::with_clock(address, ports, entropy, storage, LiveClock::new(0))
    }

    /// As [`LivePlatform::new`], on a clock that other hosts may share.
    ///
    /// # Errors
    /// As [`LivePlatform::new`].
    pub fn with_clock(
        address: IpAddr,
        ports: Ports,
        entropy: LiveEntropy,
        storage: Option<PathBuf>,
        clock: Arc<LiveClock>,
    ) -> Result<Arc<Self>, LiveError> {
        let runtime = Handle::try_current().map_err(|_| LiveError::NoRuntime)?;
        let entropy = Entropy::new(&entropy)?;
        let scope = HostScope::new(clock.clone(), Box::new(entropy.stream("tls".into())));
        Ok(Arc::new(Self {
            address,
            ports,
            clock,
            entropy,
            scope,
            storage,
            stores: Mutex::default(),
            tasks: Arc::default(),
            runtime,
        }))
    }

    /// Ends all tasks of this host at their next pause.
    pub fn stop(&self) {
        let tasks = std::mem::take(&mut self.tasks.lock().running);
        for task in tasks.into_values() {
            task.abort();
        }
    }

    /// What the first task that panicked said, behind its name.
    pub fn failure(&self) -> Option<String> {
        self.tasks.lock().failure.clone()
    }

    async fn dial(&self, to: SocketAddr, deadline: Tick) -> Result<Box<dyn Stream>, NetError> {
        let socket = self.socket()?;
        // From our own address, so that the peer and the recorder know who we are.
        socket.bind(SocketAddr::new(self.address, 0))?;
        let connected = before(&*self.clock, deadline, socket.connect(to)).await;
        let stream = connected.ok_or(NetError::TimedOut)??;
        Ok(Box::new(LiveStream::new(stream)?))
    }

    fn socket(&self) -> io::Result<TcpSocket> {
        match self.address {
            IpAddr::V4(_) => TcpSocket::new_v4(),
            IpAddr::V6(_) => TcpSocket::new_v6(),
        }
    }

    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
        let known = self.stores().get(name).cloned();
        if let Some(store) = known {
            return Ok(store);
        }
        if self.stores().len() >= MAX_STORES {
            return Err(StoreError::Full);
        }
        let store: Arc<dyn Store> = match &self.storage {
            Some(folder) => Arc::new(FileStore::open(folder, name).await?),
            None => Arc::new(MemoryStore::default()),
        };
        let mut stores = self.stores();
        Ok(stores.entry(name.to_owned()).or_insert(store).clone())
    }

    fn stores(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn Store>>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Platform for LivePlatform {
    fn address(&self) -> IpAddr {
        self.address
    }

    fn ports(&self) -> Ports {
        self.ports
    }

    fn connect(
        &self,
        to: SocketAddr,
        deadline: Tick,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(self.dial(to, deadline))
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Listener>, NetError>> {
        Box::pin(async move {
            let socket = self.socket()?;
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(self.address, port))?;
            let inner = socket.listen(BACKLOG)?;
            let local = inner.local_addr()?;
            Ok(Box::new(LiveListener { inner, local }) as Box<dyn Listener>)
        })
    }

    fn datagram(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Datagram>, NetError>> {
        Box::pin(async move {
            let inner = UdpSocket::bind(SocketAddr::new(self.address, port)).await?;
            let local = inner.local_addr()?;
            Ok(Box::new(LiveDatagram { inner, local }) as Box<dyn Datagram>)
        })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        let (abort, registration) = AbortHandle::new_pair();
        let task = LiveTask {
            name,
            number: self.tasks.add(abort.clone()),
            tasks: Arc::downgrade(&self.tasks),
            task: Scoped::new(self.scope.clone(), task),
        };
        self.runtime.spawn(Abortable::new(task, registration));
        Task::new(move || abort.abort())
    }

    fn entropy(&self, purpose: Purpose) -> Box<dyn CryptoRng + Send> {
        Box::new(self.entropy.stream(purpose))
    }

    fn store(&self, name: &str) -> BoxFuture<'_, Result<Arc<dyn Store>, StoreError>> {
        let name = name.to_owned();
        Box::pin(async move { self.open(&name).await })
    }

    fn secured(&self, plain: Box<dyn Stream>) -> Box<dyn Stream> {
        plain
    }
}

/// The machine's clock, with an offset on the wall.
#[derive(Debug)]
pub struct LiveClock {
    start: Instant,
    offset: i64,
}

impl LiveClock {
    /// A clock that starts now; its wall clock is the machine's plus `offset` seconds.
    pub fn new(offset: i64) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            offset,
        })
    }
}

impl Clock for LiveClock {
    fn now(&self) -> Tick {
        Tick(0) + self.start.elapsed()
    }

    fn wall(&self) -> UnixTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs());
        UnixTime(seconds.saturating_add_signed(self.offset))
    }

    fn sleep_until(&self, deadline: Tick) -> BoxFuture<'static, ()> {
        let at = self.start.checked_add(deadline.since(Tick(0)));
        Box::pin(async move {
            match at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                // Later than the machine can count.
                None => std::future::pending().await,
            }
        })
    }
}

/// The streams of one host: ChaCha20 keyed by SHA-256 over the host's key, the length of the
/// purpose, the purpose, and how often it was asked for before (8 bytes each, big endian).
struct Entropy {
    key: Zeroizing<[u8; 32]>,
    drawn: Mutex<BTreeMap<Purpose, u64>>,
}

impl Entropy {
    fn new(source: &LiveEntropy) -> Result<Self, LiveError> {
        let mut key = Zeroizing::new([0; 32]);
        match source {
            LiveEntropy::Seeded(seed) => *key = *seed,
            LiveEntropy::Os => rustls::crypto::ring::default_provider()
                .secure_random
                .fill(&mut *key)
                .map_err(|_| LiveError::NoRandomness)?,
        }
        Ok(Self {
            key,
            drawn: Mutex::default(),
        })
    }

    fn stream(&self, purpose: Purpose) -> ChaCha20Rng {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let occurrence = drawn.entry(purpose.clone()).or_insert(0);
        let mut digest = Sha256::new();
        digest.update(*self.key);
        digest.update((purpose.0.len() as u64).to_be_bytes());
        digest.update(purpose.0.as_bytes());
        digest.update(occurrence.to_be_bytes());
        *occurrence += 1;
        ChaCha20Rng::from_seed(digest.finalize().into())
    }
}

/// The running tasks of a host.
#[derive(Default)]
struct Tasks(Mutex<TaskState>);

#[derive(Default)]
struct TaskState {
    started: u64,
    running: BTreeMap<u64, AbortHandle>,
    failure: Option<String>,
}

impl Tasks {
    fn add(&self, abort: AbortHandle) -> u64 {
        let mut state = self.lock();
        state.started += 1;
        let number = state.started;
        state.running.insert(number, abort);
        number
    }

    fn lock(&self) -> MutexGuard<'_, TaskState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task inside its host's scope that leaves word if it panics.
struct LiveTask {
    name: &'static str,
    number: u64,
    tasks: Weak<Tasks>,
    task: Scoped,
}

impl Future for LiveTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let task = Pin::new(&mut self.task);
        match catch_unwind(AssertUnwindSafe(|| task.poll(context))) {
            Ok(poll) => poll,
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                let text = text.unwrap_or_else(|| "panic without a message".to_owned());
                if let Some(tasks) = self.tasks.upgrade() {
                    let failure = format!("task {} panicked: {text}", self.name);
                    tasks.lock().failure.get_or_insert(failure);
                }
                Poll::Ready(())
            }
        }
    }
}

impl Drop for LiveTask {
    fn drop(&mut self) {
        if let Some(tasks) = self.tasks.upgrade() {
            let ended = tasks.lock().running.remove(&self.number);
            drop(ended);
        }
    }
}

struct LiveStream {
    inner: TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
}

impl LiveStream {
    fn new(inner: TcpStream) -> io::Result<Self> {
        inner.set_nodelay(true)?;
        Ok(Self {
            local: inner.local_addr()?,
            peer: inner.peer_addr()?,
            inner,
        })
    }
}

impl Stream for LiveStream {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for LiveStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for LiveStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

struct LiveListener {
    inner: TcpListener,
    local: SocketAddr,
}

impl Listener for LiveListener {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async move {
            let (stream, _) = self.inner.accept().await?;
            Ok(Box::new(LiveStream::new(stream)?) as Box<dyn Stream>)
        })
    }
}

struct LiveDatagram {
    inner: UdpSocket,
    local: SocketAddr,
}

impl Datagram for LiveDatagram {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send<'a>(&'a self, bytes: &'a [u8], to: SocketAddr) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            if bytes.len() > MAX_DATAGRAM {
                return Err(NetError::Limit("length of a datagram"));
            }
            self.inner.send_to(bytes, to).await?;
            Ok(())
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            let mut buffer = vec![0; MAX_DATAGRAM];
            let (length, from) = self.inner.recv_from(&mut buffer).await?;
            buffer.truncate(length);
            Ok((buffer, from))
        })
    }
}
