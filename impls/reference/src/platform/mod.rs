//! The one door between an agent and the outside world.
//!
//! An agent (server, client, resolver) holds an `Arc<dyn Platform>` and nothing else: connections,
//! datagrams, time, randomness, storage and tasks all come from it. The same agent therefore runs
//! in the simulation, over real sockets and under a recorder, and cannot tell which.

pub mod memory;
pub mod scope;

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::ops::Add;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rand_core::CryptoRng;
use tokio::io::{AsyncRead, AsyncWrite};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What an agent may ask of the machine it runs on.
///
/// Object safe, so that agents carry no type parameter for it. Implementations: the simulation and
/// the recorder in `dimespec`, and [`crate::live::LivePlatform`] over the operating system.
pub trait Platform: Send + Sync {
    /// The address of this host. One host has one address.
    fn address(&self) -> IpAddr;

    /// The port number of each service, the same on every host of a world.
    fn ports(&self) -> Ports;

    /// Opens a byte stream to `to`, giving up at `deadline`.
    ///
    /// # Errors
    /// [`NetError::Refused`], [`NetError::TimedOut`], [`NetError::Unreachable`], [`NetError::Limit`].
    fn connect(
        &self,
        to: SocketAddr,
        deadline: Tick,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>>;

    /// Listens for byte streams on `port` of this host's address; port 0 asks for any free port.
    ///
    /// # Errors
    /// [`NetError::AddressInUse`] if the port is taken, [`NetError::Limit`] if too many are open.
    fn listen(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Listener>, NetError>>;

    /// Opens a datagram socket on `port` of this host's address; port 0 asks for any free port.
    ///
    /// # Errors
    /// As [`Platform::listen`].
    fn datagram(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Datagram>, NetError>>;

    /// The clock of this host.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Starts `task`; it ends with the host. A panic in it fails the run.
    ///
    /// Dropping the returned [`Task`] does not stop it.
    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task;

    /// A stream of randomness for one purpose. Asking again for the same purpose gives a new,
    /// independent stream.
    fn entropy(&self, purpose: Purpose) -> Box<dyn CryptoRng + Send>;

    /// Opens the named store of this host, creating it if it is not there.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be opened or read.
    fn store(&self, name: &str) -> BoxFuture<'_, Result<Arc<dyn Store>, StoreError>>;

    /// Told of every stream on which TLS has just been agreed; returns the stream to use from now
    /// on. A recorder wraps it to see the plaintext, others return it as it is.
    fn secured(&self, plain: Box<dyn Stream>) -> Box<dyn Stream>;
}

/// The port numbers of DIME's services in one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// DNS over UDP and TCP.
    pub dns: u16,
    /// DMTP with TLS from the first byte.
    pub dmtp: u16,
    /// DMAP with TLS from the first byte. No published source names a number; ours is a ruling.
    pub dmap: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            dns: 53,
            dmtp: 26,
            dmap: 2626,
        }
    }
}

/// A connected byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// Our end.
    fn local(&self) -> SocketAddr;
    /// The other end.
    fn peer(&self) -> SocketAddr;
}

/// A socket that waits for streams.
pub trait Listener: Send {
    /// The address it listens on.
    fn local(&self) -> SocketAddr;
    /// The next stream. Cancel safe.
    ///
    /// # Errors
    /// [`NetError::Limit`] and [`NetError::Reset`] concern one stream only; the listener goes on.
    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>>;
}

/// A datagram socket.
pub trait Datagram: Send + Sync {
    /// The address it is bound to.
    fn local(&self) -> SocketAddr;
    /// Sends one datagram.
    ///
    /// # Errors
    /// [`NetError::Limit`] if `bytes` is longer than a datagram may be; else as the network says.
    fn send<'a>(&'a self, bytes: &'a [u8], to: SocketAddr) -> BoxFuture<'a, Result<(), NetError>>;
    /// The next datagram (at most [`MAX_DATAGRAM`] bytes) and its sender. Cancel safe.
    ///
    /// # Errors
    /// As the network says.
    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>>;
}

/// The longest datagram a platform carries, in bytes (EDNS buffers stay below it).
pub const MAX_DATAGRAM: usize = 4096;

/// Time on one host.
pub trait Clock: Send + Sync {
    /// Time since the platform started. Never goes back.
    fn now(&self) -> Tick;
    /// The wall clock of this host.
    fn wall(&self) -> UnixTime;
    /// Completes when [`Clock::now`] has reached `deadline`.
    fn sleep_until(&self, deadline: Tick) -> BoxFuture<'static, ()>;
}

/// A moment on a host's monotonic clock: nanoseconds since its platform started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;
    fn add(self, later: Duration) -> Tick {
        let nanoseconds = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Tick(self.0.saturating_add(nanoseconds))
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0 / 1_000_000;
        write!(f, "{}.{:03}s", milliseconds / 1000, milliseconds % 1000)
    }
}

/// Wall-clock time: seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub u64);

/// What a stream of randomness is for, for example `letter[1].seal`. Positions, never names, so
/// that renaming a person changes no other byte of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(pub String);

impl<T: Into<String>> From<T> for Purpose {
    fn from(label: T) -> Self {
        Purpose(label.into())
    }
}

/// A running task.
pub struct Task {
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Task {
    /// A handle whose [`Task::stop`] calls `stop`.
    pub fn new(stop: impl FnOnce() + Send + 'static) -> Self {
        Task {
            stop: Some(Box::new(stop)),
        }
    }

    /// Ends the task at its next pause. Does nothing if it has ended.
    pub fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

/// A small ordered key-value store that survives a restart of its host.
///
/// [`Store::commit`] is the only write: atomic, and durable once it returns `Ok`, so that crash
/// points can be counted.
pub trait Store: Send + Sync {
    /// The value at `key`.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the medium fails.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>>;
    /// All entries whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the medium fails.
    fn scan<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<StoreEntry>, StoreError>>;
    /// Applies `batch` whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Failed`] or [`StoreError::Full`]; nothing is written then.
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A key and its value.
pub type StoreEntry = (String, Vec<u8>);

/// The changes of one [`Store::commit`], applied in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Key and its new value; `None` deletes it.
    pub changes: Vec<(String, Option<Vec<u8>>)>,
}

impl Batch {
    /// Adds a write of `value` at `key`.
    pub fn put(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.changes.push((key.into(), Some(value.into())));
        self
    }

    /// Adds a deletion of `key`.
    pub fn delete(mut self, key: impl Into<String>) -> Self {
        self.changes.push((key.into(), None));
        self
    }
}

/// Why the network did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Nothing listens there.
    #[error("connection was refused")]
    Refused,
    /// No answer before the deadline.
    #[error("no answer before the deadline")]
    TimedOut,
    /// No way to that address.
    #[error("address is unreachable")]
    Unreachable,
    /// The other end broke the connection.
    #[error("connection was reset by the peer")]
    Reset,
    /// The port is taken on this host.
    #[error("port is in use")]
    AddressInUse,
    /// A named limit was reached.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// Anything else the operating system reports.
    #[error("network failed: {0}")]
    Other(String),
}

impl From<std::io::Error> for NetError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        match error.kind() {
            K::ConnectionRefused => NetError::Refused,
            K::TimedOut => NetError::TimedOut,
            K::ConnectionReset
            | K::ConnectionAborted
            | K::BrokenPipe
            | K::UnexpectedEof
            | K::NotConnected => NetError::Reset,
            K::HostUnreachable | K::NetworkUnreachable => NetError::Unreachable,
            K::AddrInUse => NetError::AddressInUse,
            _ => NetError::Other(error.to_string()),
        }
    }
}

/// Why a store did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The medium is full.
    #[error("store is full")]
    Full,
    /// The medium failed.
    #[error("store failed: {0}")]
    Failed(String),
}

/// Runs `work` until `deadline` on `clock`; `None` if the deadline came first.
pub async fn before<T>(
    clock: &dyn Clock,
    deadline: Tick,
    work: impl Future<Output = T>,
) -> Option<T> {
    let alarm = clock.sleep_until(deadline);
    tokio::select! { biased;
        done = work => Some(done),
        () = alarm => None,
    }
}
