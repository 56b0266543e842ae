//! What each principal observed: channels, buffers, packets, ledgers and the trace of a run.
//!
//! Bytes are kept once, in append-only buffers: one per connection, direction and layer, so that
//! segment and record boundaries vanish and an index leads back to time and packet. A ledger lists
//! the buffers its principal could read.

use std::net::SocketAddr;

use dime::platform::Tick;
use sha2::{Digest, Sha256};

use crate::world::Principal;

/// Everything that was observed in a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Connections, datagram exchanges and stores, by [`ChannelId`].
    pub channels: Vec<Channel>,
    /// Bytes, by [`BufferId`].
    pub buffers: Vec<Buffer>,
    /// Raw segments and datagrams in the order they were sent.
    pub packets: Vec<Packet>,
    /// One per principal, in principal order.
    pub ledgers: Vec<Ledger>,
    /// Set if a named limit cut the recording short.
    pub truncated: Option<&'static str>,
}

impl Trace {
    /// SHA-256 over all packets in their order: time in nanoseconds (8 bytes, big endian), client
    /// and server as text, each ended by a zero byte, direction (`>` or `<`), length (8 bytes, big
    /// endian) and the bytes. The same seed gives the same digest in every process.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for packet in &self.packets {
            digest.update(packet.at.0.to_be_bytes());
            let channel = self.channels.get(packet.channel.0 as usize);
            if let Some(
                ChannelKind::Stream { client, server } | ChannelKind::Datagrams { client, server },
            ) = channel.map(|channel| &channel.kind)
            {
                digest.update(format!("{client}\0{server}\0"));
            }
            digest.update(match packet.direction {
                Direction::Forth => b">",
                Direction::Back => b"<",
            });
            digest.update((packet.length as u64).to_be_bytes());
            let buffer = self.buffers.get(packet.buffer.0 as usize);
            let end = packet.offset.saturating_add(packet.length);
            let bytes = buffer.and_then(|buffer| buffer.bytes.get(packet.offset..end));
            digest.update(bytes.unwrap_or_default());
        }
        digest.finalize().into()
    }
}

/// Index into [`Trace::channels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u32);

/// Index into [`Trace::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// Where bytes passed or came to rest.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Which kind.
    pub kind: ChannelKind,
    /// When it appeared.
    pub opened: Tick,
}

/// The kinds of channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// A TCP connection.
    Stream {
        /// Who dialled, and from which port.
        client: SocketAddr,
        /// Who answered.
        server: SocketAddr,
    },
    /// Datagrams between two sockets.
    Datagrams {
        /// Who sent first.
        client: SocketAddr,
        /// Whom to.
        server: SocketAddr,
    },
    /// A store of a host.
    Store {
        /// Host name.
        host: String,
        /// Store name.
        store: String,
    },
    /// What a user typed into their client, or read from it.
    Screen {
        /// Host name of the client.
        host: String,
    },
    /// A file an external program kept or wrote.
    File {
        /// Host name of the program.
        host: String,
        /// Path below its working folder.
        path: String,
    },
}

/// A run of bytes that one side of a channel said.
#[derive(Clone, Debug)]
pub struct Buffer {
    /// The channel it belongs to.
    pub channel: ChannelId,
    /// Which way the bytes went.
    pub direction: Direction,
    /// Above or below TLS.
    pub layer: Layer,
    /// The bytes, without gaps.
    pub bytes: Vec<u8>,
    /// Where each write begins, ascending by offset.
    pub marks: Vec<Mark>,
}

/// Which way bytes of a channel go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the side that dialled or asked; also a write to a store, and what a user typed.
    Forth,
    /// From the side that answered; also what a user read.
    Back,
}

/// On which side of the encryption bytes were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// As on the line.
    Raw,
    /// Plaintext inside TLS, seen by the two ends only.
    Plain,
}

/// The begin of one write in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Offset of its first byte.
    pub offset: usize,
    /// When it was written.
    pub at: Tick,
    /// Index into [`Trace::packets`] for raw bytes.
    pub packet: Option<u32>,
}

/// A raw segment or datagram.
#[derive(Clone, Debug)]
pub struct Packet {
    /// When it was sent.
    pub at: Tick,
    /// Its channel.
    pub channel: ChannelId,
    /// Its direction.
    pub direction: Direction,
    /// The buffer its bytes are in.
    pub buffer: BufferId,
    /// Offset of its first byte there.
    pub offset: usize,
    /// Its length in bytes.
    pub length: usize,
}

/// All that one principal observed.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Whose.
    pub principal: Principal,
    /// The buffers it could read, ascending.
    pub observations: Vec<BufferId>,
    /// Whether anything may be missing.
    pub completeness: Completeness,
}

/// Whether a ledger holds everything its principal saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing is missing.
    Complete,
    /// Something may be missing, for this reason.
    Partial(String),
}
