//! What crossed from whom to whom, as a reader wants to see it: one entry per mail connection,
//! look-ups in DNS gathered per pair.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use dimespec_report::model::Hop;

use crate::knowledge::Analysis;
use crate::ledger::{ChannelId, ChannelKind};
use crate::run::transcript;
use crate::world::World;

/// All hops of a run, in order of time.
pub fn hops(world: &World, analysis: &Analysis<'_>) -> Vec<Hop> {
    let trace = analysis.trace();
    let mut bytes: BTreeMap<ChannelId, u64> = BTreeMap::new();
    for packet in &trace.packets {
        *bytes.entry(packet.channel).or_default() += packet.length as u64;
    }
    let dialogs = transcript::dialogs(trace, world.ports.dmtp);
    let mut hops: Vec<Hop> = Vec::new();
    for (index, channel) in trace.channels.iter().enumerate() {
        let id = ChannelId(u32::try_from(index).unwrap_or(u32::MAX));
        let (ChannelKind::Stream { client, server } | ChannelKind::Datagrams { client, server }) =
            &channel.kind
        else {
            continue;
        };
        let hop = Hop {
            at_ms: channel.opened.0 / 1_000_000,
            from: name(world, client),
            to: name(world, server),
            what: what(world, &dialogs, client, server),
            bytes: bytes.get(&id).copied().unwrap_or_default(),
            letter: letter(world, &analysis.letters_on(id)),
        };
        // A resolver asks the same servers again and again; one line is enough.
        let known = hops.iter_mut().find(|known| {
            hop.what == DNS && known.what == DNS && known.from == hop.from && known.to == hop.to
        });
        match known {
            Some(known) => known.bytes += hop.bytes,
            None => hops.push(hop),
        }
    }
    hops
}

const DNS: &str = "DNS look-ups";

fn what(
    world: &World,
    dialogs: &[transcript::Dialog],
    client: &SocketAddr,
    server: &SocketAddr,
) -> String {
    let ports = world.ports;
    if server.port() == ports.dns {
        return DNS.into();
    }
    if server.port() == ports.dmap {
        return "DMAP session".into();
    }
    let dialog = dialogs
        .iter()
        .find(|dialog| dialog.client == *client && dialog.server == *server);
    let carried = dialog.is_some_and(|dialog| {
        dialog
            .exchanges
            .iter()
            .any(|exchange| exchange.message.is_some())
    });
    if carried {
        "DMTP delivery".into()
    } else {
        "DMTP signet look-up".into()
    }
}

/// The letter that a connection carried, if it was one.
fn letter(world: &World, carried: &[usize]) -> Option<String> {
    let [only] = carried else {
        return None;
    };
    world.letters.get(*only).map(|plan| plan.id.clone())
}

fn name(world: &World, address: &SocketAddr) -> String {
    let principal = world.principal_of(address.ip());
    principal.map_or_else(|| address.ip().to_string(), ToString::to_string)
}
