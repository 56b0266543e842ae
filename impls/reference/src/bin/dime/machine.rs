//! The machine's clock and randomness, through the one door to them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use dime::live::{LiveEntropy, LivePlatform};
use dime::platform::{Platform, Ports, UnixTime};
use rand_core::{CryptoRng, Rng as _};
use zeroize::Zeroizing;

use crate::Failure;

/// The platform without its network.
pub(crate) struct Machine {
    platform: Arc<LivePlatform>,
    _runtime: tokio::runtime::Runtime,
}

impl Machine {
    pub(crate) fn open() -> Result<Machine, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(Failure::unusable)?;
        let inside = runtime.enter();
        let address = Ipv4Addr::LOCALHOST.into();
        let platform = LivePlatform::new(address, Ports::default(), LiveEntropy::Os, None)
            .map_err(Failure::unusable)?;
        drop(inside);
        Ok(Machine {
            platform,
            _runtime: runtime,
        })
    }

    pub(crate) fn entropy(&self, purpose: &str) -> Box<dyn CryptoRng + Send> {
        self.platform.entropy(purpose.into())
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.platform.clock().wall()
    }
}

/// Fresh random bytes.
pub(crate) fn draw<const N: usize>(purpose: &str) -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    Machine::open()?.entropy(purpose).fill_bytes(&mut *bytes);
    Ok(bytes)
}
