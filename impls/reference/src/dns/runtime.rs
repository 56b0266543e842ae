//! What hickory calls a runtime: its clock is the host scope's, so that signatures are judged (and
//! made) at the host's time and at no other.
//!
//! hickory's own sockets are never used: our [`super::exchange`] carries every question over the
//! platform. The socket types below therefore have no values.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::runtime::{DnsUdpSocket, RuntimeProvider, Spawn, Time};

use crate::platform::{before, scope};

/// hickory's runtime on the host scope.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopedRuntime;

impl RuntimeProvider for ScopedRuntime {
    type Handle = NoSpawn;
    type Timer = ScopedTime;
    type Udp = NoDatagrams;
    type Tcp = AsyncIoTokioAsStd<tokio::io::DuplexStream>;

    fn create_handle(&self) -> NoSpawn {
        NoSpawn
    }

    fn connect_tcp(
        &self,
        _server: SocketAddr,
        _local: Option<SocketAddr>,
        _timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = Result<Self::Tcp, io::Error>>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn bind_udp(
        &self,
        _local: SocketAddr,
        _server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = Result<Self::Udp, io::Error>>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

/// Time of the host being polled. Outside of any host it is 1970, before any signature begins, so
/// that validation fails closed.
#[derive(Clone, Copy, Debug)]
pub struct ScopedTime;

#[async_trait]
impl Time for ScopedTime {
    async fn delay_for(duration: Duration) {
        if let Some(alarm) = alarm(duration) {
            alarm.await;
        }
    }

    async fn timeout<F: 'static + Future + Send>(
        duration: Duration,
        future: F,
    ) -> Result<F::Output, io::Error> {
        let Some(clock) = scope::with(|scope| scope.shared_clock()) else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        let deadline = clock.now() + duration;
        before(&*clock, deadline, future)
            .await
            .ok_or_else(|| io::ErrorKind::TimedOut.into())
    }

    fn current_time() -> u64 {
        scope::with(|scope| scope.clock().wall().0).unwrap_or(0)
    }
}

fn alarm(duration: Duration) -> Option<crate::platform::BoxFuture<'static, ()>> {
    scope::with(|scope| {
        let clock = scope.clock();
        clock.sleep_until(clock.now() + duration)
    })
}

/// Starts nothing: nothing of hickory that we use has background work.
#[derive(Clone, Copy, Debug)]
pub struct NoSpawn;

impl Spawn for NoSpawn {
    fn spawn_bg(&mut self, _future: impl Future<Output = ()> + Send + 'static) {}
}

/// A datagram socket that does not exist.
#[derive(Clone, Copy, Debug)]
pub enum NoDatagrams {}

#[async_trait]
impl DnsUdpSocket for NoDatagrams {
    type Time = ScopedTime;

    fn poll_recv_from(
        &self,
        _context: &mut Context<'_>,
        _buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        match *self {}
    }

    fn poll_send_to(
        &self,
        _context: &mut Context<'_>,
        _bytes: &[u8],
        _to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }
}
