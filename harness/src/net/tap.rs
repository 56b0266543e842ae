//! The recorder: every byte that passes a host, wherever it runs, once.
//!
//! [`Recorder::tap`] wraps a platform so that connections, datagrams, plaintext inside TLS and store
//! commits are kept as channel buffers. Both ends of a connection are usually tapped; each direction
//! is then recorded by its writer, else by its reader. At the end the buffers become ledgers: who
//! could read what.
//!
//! A store channel holds, for each change of a commit, `key=KEY length=N\n`, N bytes of value and
//! `\n`, or `key=KEY deleted\n`.

mod witnesses;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use dime::platform::{
    Batch, BoxFuture, Clock, Datagram, Listener, NetError, Platform, Ports, Purpose, Store,
    StoreError, Stream, Task, Tick,
};
use rand_core::CryptoRng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ledger::{
    Buffer, BufferId, Channel, ChannelId, ChannelKind, Completeness, Direction, Layer, Mark,
    Packet, Trace,
};
use crate::world::{Principal, World};
use witnesses::Witnesses;

/// The most bytes a run records.
pub const MAX_RECORDED_BYTES: usize = 1 << 30;
/// The most packets a run records.
pub const MAX_RECORDED_PACKETS: usize = 1 << 23;
/// The most channels a run records.
pub const MAX_RECORDED_CHANNELS: usize = 1 << 20;

/// Records what passes the platforms it taps.
pub struct Recorder {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trace: Trace,
    bytes: usize,
    tapped: BTreeSet<IpAddr>,
    streams: BTreeMap<(SocketAddr, SocketAddr), Vec<Connection>>,
    datagrams: BTreeMap<(SocketAddr, SocketAddr), (ChannelId, SocketAddr)>,
    places: BTreeMap<Place, ChannelId>,
    buffers: BTreeMap<(ChannelId, Direction, Layer), BufferId>,
    missed: BTreeMap<Principal, String>,
}

/// One connection between two sockets and the ends of it that were seen.
struct Connection {
    channel: ChannelId,
    client: bool,
    server: bool,
}

/// A channel that is no connection.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Store(String, String),
    Screen(String),
    File(String, String),
}

/// An end of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl Side {
    fn writes(self) -> Direction {
        match self {
            Side::Client => Direction::Forth,
            Side::Server => Direction::Back,
        }
    }

    fn reads(self) -> Direction {
        match self {
            Side::Client => Direction::Back,
            Side::Server => Direction::Forth,
        }
    }
}

impl Recorder {
    /// A recorder that dates what it sees by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
        })
    }

    /// `platform` of the host called `host`, recorded. Tap all hosts before any of them speaks.
    pub fn tap(self: &Arc<Self>, host: &str, platform: Arc<dyn Platform>) -> Arc<dyn Platform> {
        self.lock().tapped.insert(platform.address());
        Arc::new(TappedPlatform {
            inner: platform,
            recorder: self.clone(),
            host: host.to_owned(),
        })
    }

    /// Records what a user typed into the client on `host`.
    pub fn typed(&self, host: &str, bytes: &[u8]) {
        let place = Place::Screen(host.to_owned());
        self.record_at(place, Direction::Forth, bytes);
    }

    /// Records what the client on `host` showed its user.
    pub fn shown(&self, host: &str, bytes: &[u8]) {
        let place = Place::Screen(host.to_owned());
        self.record_at(place, Direction::Back, bytes);
    }

    /// Records a file that an external program on `host` kept at `path` below its folder.
    pub fn kept_file(&self, host: &str, path: &str, bytes: &[u8]) {
        let place = Place::File(host.to_owned(), path.to_owned());
        self.record_at(place, Direction::Forth, bytes);
    }

    /// Says that `principal` saw more than was recorded, and why.
    pub fn missed(&self, principal: Principal, reason: &str) {
        self.lock().missed.insert(principal, reason.to_owned());
    }

    /// What `read` reads in everything recorded so far, which has no ledgers yet. Nothing is copied,
    /// and nothing recorded meanwhile.
    pub fn so_far<T>(&self, read: impl FnOnce(&Trace) -> T) -> T {
        read(&self.lock().trace)
    }

    /// Ends the recording: the trace with a ledger for each of the world's principals.
    pub fn finish(&self, world: &World) -> Trace {
        let missed = std::mem::take(&mut self.lock().missed);
        let mut trace = self.take();
        trace.ledgers = Witnesses::of(world).ledgers(&trace);
        for ledger in &mut trace.ledgers {
            if let Some(reason) = missed.get(&ledger.principal) {
                ledger.completeness = Completeness::Partial(reason.clone());
            }
        }
        trace
    }

    /// Ends the recording: the trace without ledgers.
    pub fn take(&self) -> Trace {
        std::mem::take(&mut *self.lock()).trace
    }

    fn record_at(&self, place: Place, direction: Direction, bytes: &[u8]) {
        let at = self.clock.now();
        let mut state = self.lock();
        let channel = match state.places.get(&place) {
            Some(channel) => Some(*channel),
            None => {
                let kind = match place.clone() {
                    Place::Store(host, store) => ChannelKind::Store { host, store },
                    Place::Screen(host) => ChannelKind::Screen { host },
                    Place::File(host, path) => ChannelKind::File { host, path },
                };
                let channel = state.open(kind, at);
                if let Some(channel) = channel {
                    state.places.insert(place, channel);
                }
                channel
            }
        };
        if let Some(channel) = channel {
            state.append(channel, direction, Layer::Plain, bytes, at);
        }
    }

    fn record_datagram(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let at = self.clock.now();
        let mut state = self.lock();
        let pair = (from.min(to), from.max(to));
        let known = state.datagrams.get(&pair).copied();
        let (channel, client) = match known {
            Some(known) => known,
            None => {
                let kind = ChannelKind::Datagrams {
                    client: from,
                    server: to,
                };
                let Some(channel) = state.open(kind, at) else {
                    return;
                };
                state.datagrams.insert(pair, (channel, from));
                (channel, from)
            }
        };
        let direction = if from == client {
            Direction::Forth
        } else {
            Direction::Back
        };
        state.append(channel, direction, Layer::Raw, bytes, at);
    }

    /// Wraps one end of a new connection.
    fn attach(self: &Arc<Self>, stream: Box<dyn Stream>, side: Side) -> Box<dyn Stream> {
        let (client, server) = match side {
            Side::Client => (stream.local(), stream.peer()),
            Side::Server => (stream.peer(), stream.local()),
        };
        let at = self.clock.now();
        let mut state = self.lock();
        let connections = state.streams.entry((client, server)).or_default();
        // The two ends of a connection are seen in either order; a pair of addresses is used again
        // only after both ends of the former connection are gone.
        let waiting = connections.iter_mut().find(|connection| match side {
            Side::Client => !connection.client,
            Side::Server => !connection.server,
        });
        let channel = match waiting {
            Some(connection) => {
                connection.client = true;
                connection.server = true;
                Some(connection.channel)
            }
            None => {
                let channel = state.open(ChannelKind::Stream { client, server }, at);
                if let Some(channel) = channel {
                    let connections = state.streams.entry((client, server)).or_default();
                    connections.push(Connection {
                        channel,
                        client: side == Side::Client,
                        server: side == Side::Server,
                    });
                }
                channel
            }
        };
        self.wrap(&state, stream, channel, side, Layer::Raw)
    }

    /// Wraps the plaintext of the connection that `plain` belongs to.
    fn attach_plain(self: &Arc<Self>, plain: Box<dyn Stream>) -> Box<dyn Stream> {
        let (local, peer) = (plain.local(), plain.peer());
        let state = self.lock();
        let as_client = state.streams.get(&(local, peer)).and_then(|all| all.last());
        let as_server = state.streams.get(&(peer, local)).and_then(|all| all.last());
        let (channel, side) = match (as_client, as_server) {
            (Some(connection), _) => (Some(connection.channel), Side::Client),
            (None, Some(connection)) => (Some(connection.channel), Side::Server),
            (None, None) => (None, Side::Client),
        };
        self.wrap(&state, plain, channel, side, Layer::Plain)
    }

    fn wrap(
        self: &Arc<Self>,
        state: &State,
        stream: Box<dyn Stream>,
        channel: Option<ChannelId>,
        side: Side,
        layer: Layer,
    ) -> Box<dyn Stream> {
        let Some(channel) = channel else {
            return stream;
        };
        Box::new(TappedStream {
            records_reads: !state.tapped.contains(&stream.peer().ip()),
            inner: stream,
            recorder: self.clone(),
            channel,
            side,
            layer,
        })
    }

    fn record(&self, channel: ChannelId, direction: Direction, layer: Layer, bytes: &[u8]) {
        let at = self.clock.now();
        self.lock().append(channel, direction, layer, bytes, at);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, kind: ChannelKind, opened: Tick) -> Option<ChannelId> {
        if self.trace.channels.len() >= MAX_RECORDED_CHANNELS {
            self.trace.truncated = Some("recorded channels");
            return None;
        }
        let channel = ChannelId(index(self.trace.channels.len()));
        self.trace.channels.push(Channel { kind, opened });
        Some(channel)
    }

    fn append(
        &mut self,
        channel: ChannelId,
        direction: Direction,
        layer: Layer,
        bytes: &[u8],
        at: Tick,
    ) {
        if bytes.is_empty() {
            return;
        }
        if self.bytes.saturating_add(bytes.len()) > MAX_RECORDED_BYTES {
            self.trace.truncated = Some("recorded bytes");
            return;
        }
        if self.trace.packets.len() >= MAX_RECORDED_PACKETS {
            self.trace.truncated = Some("recorded packets");
            return;
        }
        self.bytes += bytes.len();
        let State { trace, buffers, .. } = self;
        let id = *buffers
            .entry((channel, direction, layer))
            .or_insert_with(|| {
                let id = BufferId(index(trace.buffers.len()));
                trace.buffers.push(Buffer {
                    channel,
                    direction,
                    layer,
                    bytes: Vec::new(),
                    marks: Vec::new(),
                });
                id
            });
        let Some(buffer) = trace.buffers.get_mut(id.0 as usize) else {
            return;
        };
        let offset = buffer.bytes.len();
        let packet = (layer == Layer::Raw).then(|| index(trace.packets.len()));
        buffer.marks.push(Mark { offset, at, packet });
        buffer.bytes.extend_from_slice(bytes);
        if packet.is_some() {
            trace.packets.push(Packet {
                at,
                channel,
                direction,
                buffer: id,
                offset,
                length: bytes.len(),
            });
        }
    }
}

/// Positions stay below the limits above, which fit.
fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// A platform whose traffic and stores are recorded.
struct TappedPlatform {
    inner: Arc<dyn Platform>,
    recorder: Arc<Recorder>,
    host: String,
}

impl Platform for TappedPlatform {
    fn address(&self) -> IpAddr {
        self.inner.address()
    }

    fn ports(&self) -> Ports {
        self.inner.ports()
    }

    fn connect(
        &self,
        to: SocketAddr,
        deadline: Tick,
    ) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async move {
            let stream = self.inner.connect(to, deadline).await?;
            Ok(self.recorder.attach(stream, Side::Client))
        })
    }

    fn listen(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Listener>, NetError>> {
        Box::pin(async move {
            let inner = self.inner.listen(port).await?;
            let recorder = self.recorder.clone();
            Ok(Box::new(TappedListener { inner, recorder }) as Box<dyn Listener>)
        })
    }

    fn datagram(&self, port: u16) -> BoxFuture<'_, Result<Box<dyn Datagram>, NetError>> {
        Box::pin(async move {
            let inner = self.inner.datagram(port).await?;
            let recorder = self.recorder.clone();
            Ok(Box::new(TappedDatagram { inner, recorder }) as Box<dyn Datagram>)
        })
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn spawn(&self, name: &'static str, task: BoxFuture<'static, ()>) -> Task {
        self.inner.spawn(name, task)
    }

    fn entropy(&self, purpose: Purpose) -> Box<dyn CryptoRng + Send> {
        self.inner.entropy(purpose)
    }

    fn store(&self, name: &str) -> BoxFuture<'_, Result<Arc<dyn Store>, StoreError>> {
        let place = Place::Store(self.host.clone(), name.to_owned());
        let opening = self.inner.store(name);
        Box::pin(async move {
            let inner = opening.await?;
            let recorder = self.recorder.clone();
            let store = TappedStore {
                inner,
                recorder,
                place,
            };
            Ok(Arc::new(store) as Arc<dyn Store>)
        })
    }

    fn secured(&self, plain: Box<dyn Stream>) -> Box<dyn Stream> {
        self.recorder.attach_plain(self.inner.secured(plain))
    }
}

struct TappedListener {
    inner: Box<dyn Listener>,
    recorder: Arc<Recorder>,
}

impl Listener for TappedListener {
    fn local(&self) -> SocketAddr {
        self.inner.local()
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Stream>, NetError>> {
        Box::pin(async move {
            let stream = self.inner.accept().await?;
            Ok(self.recorder.attach(stream, Side::Server))
        })
    }
}

struct TappedDatagram {
    inner: Box<dyn Datagram>,
    recorder: Arc<Recorder>,
}

impl Datagram for TappedDatagram {
    fn local(&self) -> SocketAddr {
        self.inner.local()
    }

    fn send<'a>(&'a self, bytes: &'a [u8], to: SocketAddr) -> BoxFuture<'a, Result<(), NetError>> {
        Box::pin(async move {
            self.inner.send(bytes, to).await?;
            self.recorder.record_datagram(self.local(), to, bytes);
            Ok(())
        })
    }

    fn receive(&self) -> BoxFuture<'_, Result<(Vec<u8>, SocketAddr), NetError>> {
        Box::pin(async move {
            let (bytes, from) = self.inner.receive().await?;
            let recorded_by_sender = self.recorder.lock().tapped.contains(&from.ip());
            if !recorded_by_sender {
                self.recorder.record_datagram(from, self.local(), &bytes);
            }
            Ok((bytes, from))
        })
    }
}

struct TappedStore {
    inner: Arc<dyn Store>,
    recorder: Arc<Recorder>,
    place: Place,
}

impl Store for TappedStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.inner.get(key)
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        self.inner.scan(prefix)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let written = shown(&batch);
            self.inner.commit(batch).await?;
            let place = self.place.clone();
            self.recorder.record_at(place, Direction::Forth, &written);
            Ok(())
        })
    }
}

/// A commit as it stands in the channel of its store.
fn shown(batch: &Batch) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in &batch.changes {
        match value {
            Some(value) => {
                bytes.extend_from_slice(format!("key={key} length={}\n", value.len()).as_bytes());
                bytes.extend_from_slice(value);
                bytes.push(b'\n');
            }
            None => bytes.extend_from_slice(format!("key={key} deleted\n").as_bytes()),
        }
    }
    bytes
}

/// One end of a connection, above or below TLS.
struct TappedStream {
    inner: Box<dyn Stream>,
    recorder: Arc<Recorder>,
    channel: ChannelId,
    side: Side,
    layer: Layer,
    /// The writer at the other end is not recorded.
    records_reads: bool,
}

impl Stream for TappedStream {
    fn local(&self) -> SocketAddr {
        self.inner.local()
    }

    fn peer(&self) -> SocketAddr {
        self.inner.peer()
    }
}

impl AsyncRead for TappedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        if this.records_reads {
            let read = buffer.filled().get(before..).unwrap_or_default();
            let direction = this.side.reads();
            this.recorder
                .record(this.channel, direction, this.layer, read);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.inner).poll_write(context, bytes))?;
        let written = bytes.get(..count).unwrap_or(bytes);
        let direction = this.side.writes();
        this.recorder
            .record(this.channel, direction, this.layer, written);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
