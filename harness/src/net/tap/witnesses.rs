//! Who could read what: the buffers of a trace sorted into one ledger for each principal.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::index;
use crate::ledger::{Buffer, BufferId, ChannelKind, Completeness, Layer, Ledger, Trace};
use crate::world::{HostRole, Principal, World};

/// Who stands where in a world, for turning buffers into ledgers.
pub(super) struct Witnesses<'a> {
    by_address: BTreeMap<IpAddr, &'a Principal>,
    by_host: BTreeMap<&'a str, &'a Principal>,
    taps: Vec<(Principal, [Principal; 2])>,
}

impl<'a> Witnesses<'a> {
    pub(super) fn of(world: &'a World) -> Self {
        // The host that raw dialogs come from is ours and plays whoever the dialog needs.
        let hosts = world.hosts.values();
        let hosts = hosts.filter(|host| host.role != HostRole::Stranger);
        let taps = world.taps.iter().map(|tap| {
            let ends = tap.between.clone().map(Principal::Organization);
            (Principal::Tap(tap.name.clone()), ends)
        });
        Self {
            by_address: hosts.clone().map(|h| (h.address, &h.principal)).collect(),
            by_host: hosts.map(|h| (h.name.as_str(), &h.principal)).collect(),
            taps: taps.collect(),
        }
    }

    /// One ledger for each principal, in their order.
    pub(super) fn ledgers(&self, trace: &Trace) -> Vec<Ledger> {
        let mut seen: BTreeMap<&Principal, Vec<BufferId>> = BTreeMap::new();
        let everybody = self.by_host.values().copied();
        for principal in everybody.chain(self.taps.iter().map(|(tap, _)| tap)) {
            seen.entry(principal).or_default();
        }
        for (position, buffer) in trace.buffers.iter().enumerate() {
            let id = BufferId(index(position));
            for witness in self.witnesses(trace, buffer) {
                seen.entry(witness).or_default().push(id);
            }
        }
        let completeness = match trace.truncated {
            None => Completeness::Complete,
            Some(limit) => Completeness::Partial(format!("limit reached: {limit}")),
        };
        seen.into_iter()
            .map(|(principal, observations)| Ledger {
                principal: principal.clone(),
                observations,
                completeness: completeness.clone(),
            })
            .collect()
    }

    fn witnesses(&self, trace: &Trace, buffer: &Buffer) -> BTreeSet<&Principal> {
        let channel = trace.channels.get(buffer.channel.0 as usize);
        let mut witnesses = BTreeSet::new();
        match channel.map(|channel| &channel.kind) {
            Some(
                ChannelKind::Stream { client, server } | ChannelKind::Datagrams { client, server },
            ) => {
                let client = self.by_address.get(&client.ip()).copied();
                let server = self.by_address.get(&server.ip()).copied();
                witnesses.extend(client.into_iter().chain(server));
                for (tap, [a, b]) in &self.taps {
                    let crosses = (client, server) == (Some(a), Some(b))
                        || (client, server) == (Some(b), Some(a));
                    if crosses && buffer.layer == Layer::Raw {
                        witnesses.insert(tap);
                    }
                }
            }
            Some(
                ChannelKind::Store { host, .. }
                | ChannelKind::Screen { host }
                | ChannelKind::File { host, .. },
            ) => witnesses.extend(self.by_host.get(host.as_str()).copied()),
            None => {}
        }
        witnesses
    }
}
