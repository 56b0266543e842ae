//! Simulated sockets: turmoil's, made to behave like real ones.
//!
//! turmoil carries a write of any size as one segment and hands it over whole. These streams cut
//! writes and reads at seeded places, so that agents meet partial reads as they do on a real line.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use dime::platform::{BoxFuture, Datagram, Listener, MAX_DATAGRAM, NetError, Stream};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::host::HostCore;

/// How many sockets one host may have open; turmoil has 16384 ephemeral ports for each.
pub const MAX_SOCKETS: usize = 8192;
/// The longest segment a write becomes, in bytes, and the most a read gives at once.
pub const MAX_SEGMENT: usize = 16 * 1024;
/// One segment in this many is cut short.
const CUT_ONE_IN: u32 = 8;
/// The longest of the segments that are cut short, in bytes.
const MAX_CUT: usize = 1024;

/// The address turmoil wants sockets bound to; it puts the host's own in its place.
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// One of a host's [`MAX_SOCKETS`], given back when dropped.
pub(super) struct SocketSlot(Arc<AtomicUsize>);

impl SocketSlot {
    pub(super) fn take(open: &Arc<AtomicUsize>) -> Result<Self, NetError> {
        let taken = open.fetch_add(1, Ordering::Relaxed);
        let slot = Self(open.clone());
        if taken >= MAX_SOCKETS {
            return Err(NetError::Limit("open sockets of a host"));
        }
        Ok(slot)
    }
}

impl Drop for SocketSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connected stream.
pub(super) struct SimStream {
    inner: turmoil::net::TcpStream,
    local: SocketAddr,
    peer: SocketAddr,
    cuts: ChaCha20Rng,
    next_read: usize,
    next_write: usize,
    _slot: SocketSlot,
}

impl SimStream {
    pub(super) fn new(
        inner: turmoil::net::TcpStream,
        host: &HostCore,
        slot: SocketSlot,
    ) -> Result<Self, NetError> {
        let mut cuts = host.entropy().stream("net.segments".into());
        Ok(Self {
            local: inner.local_addr()?,
            peer: inner.peer_addr()?,
            next_read: draw_segment(&mut cuts),
            next_write: draw_segment(&mut cuts),
            inner,
            cuts,
            _slot: slot,
        })
    }
}

fn draw_segment(cuts: &mut ChaCha20Rng) -> usize {
    if cuts.next_u32().is_multiple_of(CUT_ONE_IN) {
        1 + cuts.next_u32() as usize % MAX_CUT
    } else {
        MAX_SEGMENT
    }
}

impl Stream for SimStream {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let most = this.next_read.min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut this.inner).poll_read(context, &mut part))?;
        let read = part.filled().len();
        buffer.advance(read);
        this.next_read = draw_segment(&mut this.cuts);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let most = this.next_write.min(bytes.len());
        let part = bytes.get(..most).unwrap_or(bytes);
        let written = ready!(Pin::new(&mut this.inner).poll_write(context, part))?;
        this.next_write = draw_segment(&mut this.cuts);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.get_mut().inner).poll_shutdown(context)) {
            // Shutting down twice, or after the peer did, is no error on a real line.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

/// A socket that waits for streams.
pub(super) struct SimListener {
    inner: turmoil::net::TcpListener,
    local: SocketAddr,
    host: Arc<HostCore>,
    _slot: SocketSlot,
}

impl SimListener {
    pub(super) async fn bind(host: Arc<HostCore>, port: u16) -> Result<Self, NetError> {
        let slot = host.take_slot()?;
        let inner = turmoil::net::TcpListener::bind(SocketAddr::new(ANY, port)).await?;
        let local = SocketAddr::new(host.address(), inner.local_addr()?.port());
        Ok(Self {
            inner,
            local,
            host,
            _slot: slot,
        })
    }
}

impl Listener for SimListener {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async move {
            let (stream, _) = self.inner.accept().await?;
            let slot = self.host.take_slot()?;
            let stream = SimStream::new(stream, &self.host, slot)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// A datagram socket.
pub(super) struct SimDatagram {
    inner: turmoil::net::UdpSocket,
    local: SocketAddr,
    host: Arc<HostCore>,
    _slot: SocketSlot,
}

impl SimDatagram {
    pub(super) async fn bind(host: Arc<HostCore>, port: u16) -> Result<Self, NetError> {
        let slot = host.take_slot()?;
        let inner = turmoil::net::UdpSocket::bind(SocketAddr::new(ANY, port)).await?;
        let local = SocketAddr::new(host.address(), inner.local_addr()?.port());
        Ok(Self {
            inner,
            local,
            host,
            _slot: slot,
        })
    }
}

impl Datagram for SimDatagram {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send<'a>(&'a self, bytes: &'a [u8], to: SocketAddr) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            if bytes.len() > MAX_DATAGRAM {
                return Err(NetError::Limit("length of a datagram"));
            }
            // A datagram to nowhere is lost, as on a real network.
            if self.host.knows(to.ip()) {
                self.inner.send_to(bytes, to).await?;
            }
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
