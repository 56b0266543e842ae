//! A simulated host: its platform, and what outlives a restart of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use dime::platform::memory::MemoryStore;
use dime::platform::scope::{self, HostScope};
use dime::platform::{
    BoxFuture, Clock, Datagram, Listener, NetError, Platform, Ports, Purpose, Store, StoreError,
    Stream, Task, Tick, before,
};
use rand_core::CryptoRng;

use super::sockets::{SimDatagram, SimListener, SimStream, SocketSlot};
use super::tasks::{Spawner, TaskBoard};
use super::timeline::{SimClock, Timeline};
use crate::net::entropy::HostEntropy;

/// How many stores one host may have.
pub const MAX_STORES: usize = 64;

/// What all hosts of a simulation share.
pub(super) struct Shared {
    pub(super) seed: u64,
    pub(super) ports: Ports,
    pub(super) timeline: Arc<Timeline>,
    pub(super) board: Arc<TaskBoard>,
    /// The addresses there are.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// Pairs of addresses, lower first, with nothing between them.
    pub(super) cuts: Arc<Mutex<BTreeSet<(IpAddr, IpAddr)>>>,
}

/// One host, over all its lives.
pub(super) struct HostCore {
    address: IpAddr,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    entropy: HostEntropy,
    scope: Arc<HostScope>,
    spawner: Spawner,
    stores: Mutex<BTreeMap<String, Arc<MemoryStore>>>,
    sockets: Arc<AtomicUsize>,
}

impl HostCore {
    pub(super) fn new(name: &str, address: IpAddr, slot: String, shared: Arc<Shared>) -> Arc<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SimClock(shared.timeline.clone()));
        let entropy = HostEntropy::new(shared.seed, slot);
        let scope = HostScope::new(clock.clone(), Box::new(entropy.stream("tls".into())));
        Arc::new(Self {
            address,
            clock,
            entropy,
            scope,
            spawner: Spawner::new(name.into(), shared.board.clone()),
            stores: Mutex::default(),
            sockets: Arc::default(),
            shared,
        })
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    pub(super) fn entropy(&self) -> &HostEntropy {
        &self.entropy
    }

    pub(super) fn spawner(&self) -> &Spawner {
        &self.spawner
    }

    /// Whether anybody has this address.
    pub(super) fn knows(&self, address: IpAddr) -> bool {
        self.shared.addresses.contains(&address)
    }

    pub(super) fn take_slot(&self) -> Result<SocketSlot, NetError> {
        SocketSlot::take(&self.sockets)
    }

    fn cut_off_from(&self, peer: IpAddr) -> bool {
        let cuts = &self.shared.cuts;
        let cuts = cuts.lock().unwrap_or_else(PoisonError::into_inner);
        cuts.contains(&(self.address.min(peer), self.address.max(peer)))
    }

    async fn connect(&self, to: SocketAddr, deadline: Tick) -> Result<Box<dyn Stream>, NetError> {
        on_a_host()?;
        if !self.knows(to.ip()) {
            return Err(NetError::Unreachable);
        }
        let slot = self.take_slot()?;
        let attempt = turmoil::net::TcpStream::connect(to);
        match before(&*self.clock, deadline, attempt).await {
            None => Err(NetError::TimedOut),
            Some(Ok(stream)) => Ok(Box::new(SimStream::new(stream, self, slot)?)),
            // turmoil refuses at once where a real network would stay silent.
            Some(Err(_)) if self.cut_off_from(to.ip()) => {
                self.clock.sleep_until(deadline).await;
                Err(NetError::TimedOut)
            }
            Some(Err(error)) => Err(error.into()),
        }
    }
}

/// Sockets work inside of a host's tasks only; turmoil panics elsewhere, we say so.
fn on_a_host() -> Result<(), NetError> {
    scope::with(|_| ()).ok_or_else(|| {
        NetError::Other("sockets of a simulated host are for its own tasks".to_owned())
    })
}

/// The platform of a simulated host.
pub(super) struct SimPlatform(pub(super) Arc<HostCore>);

impl Platform for SimPlatform {
    fn address(&self) -> IpAddr {
        self.0.address
    }

    fn ports(&self) -> Ports {
        self.0.shared.ports
    }

    fn connect(
        &self,
        to: SocketAddr,
        deadline: Tick,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(self.0.connect(to, deadline))
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Listener>, NetError>> {
        Box::pin(async move {
            on_a_host()?;
            let listener = SimListener::bind(self.0.clone(), port).await?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }

    fn datagram(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Datagram>, NetError>> {
        Box::pin(async move {
            on_a_host()?;
            let socket = SimDatagram::bind(self.0.clone(), port).await?;
            Ok(Box::new(socket) as Box<dyn Datagram>)
        })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        self.0.spawner.spawn(&self.0.scope, name, task)
    }

    fn entropy(&self, purpose: Purpose) -> Box<dyn CryptoRng + Send> {
        Box::new(self.0.entropy.stream(purpose))
    }

    fn store(&self, name: &str) -> BoxFuture<'_, Result<Arc<dyn Store>, StoreError>> {
        let mut stores = self.0.stores.lock().unwrap_or_else(PoisonError::into_inner);
        let result = if stores.len() >= MAX_STORES && !stores.contains_key(name) {
            Err(StoreError::Full)
        } else {
            let store = stores.entry(name.to_owned()).or_default().clone();
            Ok(store as Arc<dyn Store>)
        };
        Box::pin(async move { result })
    }

    fn secured(&self, plain: Box<dyn Stream>) -> Box<dyn Stream> {
        plain
    }
}
