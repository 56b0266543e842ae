//! The real network of a live run: one loopback address for each host, one port for each service.
//!
//! A run claims a block of loopback addresses for itself, so that runs in parallel do not meet. The
//! hosts that the harness plays are live platforms on one shared clock; external programs have
//! addresses of the same block and are told its ports.

// The claim on a block is a socket of the operating system.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use dime::live::{LiveClock, LiveEntropy, LiveError, LivePlatform};
use dime::platform::{Clock, Platform, Ports};
use sha2::{Digest, Sha256};

use crate::world::Addressing;

/// The ports of every live run, below those the system gives out by itself.
pub const LIVE_PORTS: Ports = Ports {
    dns: 20053,
    dmtp: 20026,
    dmap: 22626,
};
/// The blocks a run may claim: `127.BLOCK.0.0/16`.
pub const BLOCKS: std::ops::RangeInclusive<u8> = 16..=240;
/// The port by which a run holds its block.
const CLAIM_PORT: u16 = 20001;
/// The most hosts the harness plays in one run.
pub const MAX_HOSTS: usize = 1000;

/// Why there is no live network.
#[derive(Debug, thiserror::Error)]
pub enum LiveNetworkError {
    /// All blocks are taken, or the machine has no loopback addresses besides 127.0.0.1.
    #[error("failed to claim a block of loopback addresses: {0}")]
    NoBlock(io::Error),
    /// A host cannot start.
    #[error("failed to start host {name}: {error}")]
    Host {
        /// Which.
        name: String,
        /// Why.
        error: LiveError,
    },
    /// A name is used twice, or there are [`MAX_HOSTS`].
    #[error("host {0} is one too many")]
    Surplus(String),
}

/// The network of one live run. Dropping it ends all its hosts and gives the block back.
pub struct LiveNetwork {
    block: u8,
    _claim: TcpListener,
    clock: Arc<LiveClock>,
    seed: u64,
    folder: Option<PathBuf>,
    hosts: BTreeMap<String, Arc<LivePlatform>>,
}

impl LiveNetwork {
    /// A network in a block of its own. Hosts draw their randomness from `seed`, their wall clock
    /// is `offset` seconds ahead of the machine's, and their stores are in subfolders of `folder`,
    /// or in memory.
    ///
    /// # Errors
    /// [`LiveNetworkError::NoBlock`].
    pub fn claim(
        seed: u64,
        offset: i64,
        folder: Option<PathBuf>,
    ) -> Result<Self, LiveNetworkError> {
        let (block, claim) = claim_block().map_err(LiveNetworkError::NoBlock)?;
        Ok(Self {
            block,
            _claim: claim,
            clock: LiveClock::new(offset),
            seed,
            folder,
            hosts: BTreeMap::new(),
        })
    }

    /// Where a world on this network has its hosts.
    pub fn addressing(&self) -> Addressing {
        Addressing::loopback(self.block, LIVE_PORTS)
    }

    /// The clock of all hosts.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Starts a host on the current tokio runtime, drawing its randomness from `slot`.
    ///
    /// # Errors
    /// [`LiveNetworkError::Host`], [`LiveNetworkError::Surplus`].
    pub fn host(
        &mut self,
        name: &str,
        address: IpAddr,
        slot: &str,
    ) -> Result<Arc<dyn Platform>, LiveNetworkError> {
        if self.hosts.contains_key(name) || self.hosts.len() >= MAX_HOSTS {
            return Err(LiveNetworkError::Surplus(name.to_owned()));
        }
        let mut key = Sha256::new();
        key.update(b"dimespec live\0");
        key.update(self.seed.to_be_bytes());
        key.update(slot.as_bytes());
        let entropy = LiveEntropy::Seeded(key.finalize().into());
        let folder = self.folder.as_ref().map(|folder| folder.join(name));
        let clock = self.clock.clone();
        let host = LivePlatform::with_clock(address, LIVE_PORTS, entropy, folder, clock);
        let host = host.map_err(|error| LiveNetworkError::Host {
            name: name.to_owned(),
            error,
        })?;
        self.hosts.insert(name.to_owned(), host.clone());
        Ok(host)
    }

    /// The first task of any host that panicked: host, task, message.
    pub fn failure(&self) -> Option<String> {
        self.hosts.iter().find_map(|(name, host)| {
            let failure = host.failure()?;
            Some(format!("host {name}: {failure}"))
        })
    }

    /// Ends everything that runs on the hosts.
    pub fn stop(&self) {
        for host in self.hosts.values() {
            host.stop();
        }
    }
}

impl Drop for LiveNetwork {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A block nobody holds. Processes begin at different blocks, so that they seldom compete.
fn claim_block() -> io::Result<(u8, TcpListener)> {
    let blocks: Vec<u8> = BLOCKS.collect();
    let first = std::process::id() as usize % blocks.len();
    let (before, after) = blocks.split_at(first);
    let mut refused = io::Error::from(io::ErrorKind::AddrInUse);
    for block in after.iter().chain(before) {
        match TcpListener::bind((Ipv4Addr::new(127, *block, 255, 254), CLAIM_PORT)) {
            Ok(claim) => return Ok((*block, claim)),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
