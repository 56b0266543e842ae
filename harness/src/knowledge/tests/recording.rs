//! Traces made by hand, line by line.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use dime::platform::Tick;
use sha2::{Digest as _, Sha256};

use super::stage::Stage;
use crate::ledger::{
    Buffer, BufferId, Channel, ChannelId, ChannelKind, Completeness, Direction, Layer, Ledger,
    Mark, Packet, Trace,
};
use crate::world::{Host, HostRole, Principal};

/// A trace that grows line by line, one millisecond each.
pub(super) struct Recording<'s> {
    stage: &'s Stage,
    pub(super) trace: Trace,
    now: u64,
    next_port: u16,
}

impl<'s> Recording<'s> {
    pub(super) fn new(stage: &'s Stage) -> Self {
        Self {
            stage,
            trace: Trace::default(),
            now: 0,
            next_port: 4000,
        }
    }

    /// Opens a connection under TLS.
    pub(super) fn connect(&mut self, client: &str, server: &str) -> ChannelId {
        self.next_port += 1;
        let end = |name: &str, port| SocketAddr::new(self.stage.hosts[name].address, port);
        let kind = ChannelKind::Stream {
            client: end(client, self.next_port),
            server: end(server, 26),
        };
        self.channel(kind, &[Layer::Plain, Layer::Raw])
    }

    /// Opens a store.
    pub(super) fn store(&mut self, host: &str, store: &str) -> ChannelId {
        let kind = ChannelKind::Store {
            host: host.into(),
            store: store.into(),
        };
        self.channel(kind, &[Layer::Plain])
    }

    /// Opens an exchange of datagrams.
    pub(super) fn datagrams(&mut self, client: &str, server: &str) -> ChannelId {
        self.next_port += 1;
        let end = |name: &str, port| SocketAddr::new(self.stage.hosts[name].address, port);
        let kind = ChannelKind::Datagrams {
            client: end(client, self.next_port),
            server: end(server, 53),
        };
        self.channel(kind, &[Layer::Raw])
    }

    /// What a user types.
    pub(super) fn typed(&mut self, host: &str, bytes: &[u8]) {
        let channel = self.channel(ChannelKind::Screen { host: host.into() }, &[Layer::Plain]);
        self.say(channel, Direction::Forth, bytes);
    }

    /// One write. Under TLS the line carries noise instead.
    pub(super) fn say(&mut self, channel: ChannelId, direction: Direction, bytes: &[u8]) {
        self.now += 1_000_000;
        let at = Tick(self.now);
        for index in 0..self.trace.buffers.len() {
            let buffer = &mut self.trace.buffers[index];
            if buffer.channel != channel || buffer.direction != direction {
                continue;
            }
            let offset = buffer.bytes.len();
            let is_stream = matches!(
                self.trace.channels[channel.0 as usize].kind,
                ChannelKind::Stream { .. }
            );
            let packet = (buffer.layer == Layer::Raw).then_some(self.trace.packets.len() as u32);
            if buffer.layer == Layer::Raw && is_stream {
                buffer.bytes.extend(noise(self.now, bytes.len()));
            } else {
                buffer.bytes.extend_from_slice(bytes);
            }
            buffer.marks.push(Mark { offset, at, packet });
            if packet.is_some() {
                let buffer = BufferId(index as u32);
                let length = bytes.len();
                self.trace.packets.push(Packet {
                    at,
                    channel,
                    direction,
                    buffer,
                    offset,
                    length,
                });
            }
        }
    }

    /// Lines both ways: `> ` from the client, `< ` from the server.
    pub(super) fn talk(&mut self, channel: ChannelId, lines: &[&str]) {
        for line in lines {
            let (direction, text) = match line.strip_prefix("> ") {
                Some(text) => (Direction::Forth, text),
                None => (Direction::Back, line.strip_prefix("< ").unwrap_or(line)),
            };
            self.say(channel, direction, format!("{text}\r\n").as_bytes());
        }
    }

    /// Gives every principal its ledger, and the tap `backbone` the line between the organizations.
    pub(super) fn finish(mut self) -> Trace {
        let mut seen: BTreeMap<Principal, Vec<BufferId>> = BTreeMap::new();
        for (index, buffer) in (0..).map(BufferId).zip(&self.trace.buffers) {
            let kind = &self.trace.channels[buffer.channel.0 as usize].kind;
            let ends: Vec<&Host> = match kind {
                ChannelKind::Stream { client, server }
                | ChannelKind::Datagrams { client, server } => self
                    .stage
                    .hosts
                    .values()
                    .filter(|host| host.address == client.ip() || host.address == server.ip())
                    .collect(),
                ChannelKind::Store { host, .. }
                | ChannelKind::Screen { host }
                | ChannelKind::File { host, .. } => vec![&self.stage.hosts[host]],
            };
            for end in &ends {
                seen.entry(end.principal.clone()).or_default().push(index);
            }
            let servers = ends
                .iter()
                .filter(|host| matches!(host.role, HostRole::MailServer(_)));
            if servers.count() == 2 && buffer.layer == Layer::Raw {
                seen.entry(Principal::Tap("backbone".into()))
                    .or_default()
                    .push(index);
            }
        }
        let ledger = |(principal, observations)| Ledger {
            principal,
            observations,
            completeness: Completeness::Complete,
        };
        self.trace.ledgers = seen.into_iter().map(ledger).collect();
        self.trace
    }

    fn channel(&mut self, kind: ChannelKind, layers: &[Layer]) -> ChannelId {
        let channel = ChannelId(self.trace.channels.len() as u32);
        self.trace.channels.push(Channel {
            kind,
            opened: Tick(self.now),
        });
        for layer in layers {
            for direction in [Direction::Forth, Direction::Back] {
                self.trace.buffers.push(Buffer {
                    channel,
                    direction,
                    layer: *layer,
                    bytes: Vec::new(),
                    marks: Vec::new(),
                });
            }
        }
        channel
    }
}

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let block = |number: usize| Sha256::digest(format!("{seed} {number}"));
    (0..length.div_ceil(32))
        .flat_map(block)
        .take(length)
        .collect()
}
