//! Hosts, pipes and a clock in memory.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use dime::platform::memory::MemoryStore;
use dime::platform::scope::{HostScope, Scoped};
use dime::platform::{
    BoxFuture, Clock, Datagram, Listener, NetError, Platform, Ports, Purpose, Store, StoreError,
    Stream, Task, Tick, UnixTime,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{Notify, mpsc, oneshot};

/// Bytes that fit into a pipe.
const PIPE: usize = 4096;

/// All hosts and their pipes.
#[derive(Default)]
pub struct Net {
    listeners: Mutex<BTreeMap<SocketAddr, mpsc::Sender<Pipe>>>,
    pub clock: Arc<TestClock>,
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
    pub address: IpAddr,
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
