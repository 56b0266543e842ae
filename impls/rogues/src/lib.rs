//! DIME implementations made wrong on purpose, one fault each.
//!
//! A rogue is the reference with one part replaced. The suite must fail each of them, in the scenario
//! and for the finding that the kill table names; a check that kills no rogue proves nothing.

mod author;
mod destination;
mod origin;

use std::fmt;
use std::sync::Arc;

use dime::agent::client;
use dime::agent::server;
use dime::platform::Platform;
use dime_wire::message::Actor;

/// An implementation with one fault.
pub struct Rogue {
    /// Its name, as `--impl` takes it.
    pub name: &'static str,
    /// The actor it plays.
    pub plays: Actor,
    /// What is wrong with it, one clause.
    pub fault: &'static str,
    change: Change,
}

/// Which part a rogue replaces, given the honest ones.
enum Change {
    Server(fn(server::Parts) -> server::Parts),
    Client(fn(&Arc<dyn Platform>, &client::Config, client::Parts) -> client::Parts),
}

/// All rogues, in name order.
pub fn all() -> &'static [Rogue] {
    const ALL: [Rogue; 6] = [
        Rogue {
            name: "client-keyslot-for-origin",
            plays: Actor::Author,
            fault: "fills the author's keyslot of the display chunk with one the origin can open",
            change: Change::Client(author::keyslot_for_origin),
        },
        Rogue {
            name: "client-signs-destination-chunk",
            plays: Actor::Author,
            fault: "says a letter is hardened and signs chunk 5 with the author's long-term key",
            change: Change::Client(author::sign_destination_chunk),
        },
        Rogue {
            name: "destination-names-recipient",
            plays: Actor::Destination,
            fault: "names the recipient in its reply to DATA",
            change: Change::Server(destination::name_recipient),
        },
        Rogue {
            name: "origin-data-argument",
            plays: Actor::Origin,
            fault: "puts the author's address, in base64, into the argument of DATA",
            change: Change::Server(origin::author_in_data_argument),
        },
        Rogue {
            name: "origin-tracing-digest",
            plays: Actor::Origin,
            fault: "adds tracing data that carries the SHA-256 of the author's address",
            change: Change::Server(origin::author_digest_in_tracing),
        },
        Rogue {
            name: "resolver-accepts-bogus",
            plays: Actor::Author,
            fault: "believes DNS answers whose DNSSEC signatures are false",
            change: Change::Client(author::accept_bogus),
        },
    ];
    &ALL
}

impl Rogue {
    /// The parts of a server it plays.
    pub fn server_parts(&self, honest: server::Parts) -> server::Parts {
        match self.change {
            Change::Server(change) => change(honest),
            Change::Client(_) => honest,
        }
    }

    /// The parts of a client it plays.
    pub fn client_parts(
        &self,
        platform: &Arc<dyn Platform>,
        config: &client::Config,
        honest: client::Parts,
    ) -> client::Parts {
        match self.change {
            Change::Client(change) => change(platform, config, honest),
            Change::Server(_) => honest,
        }
    }
}

impl fmt::Debug for Rogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rogues_are_listed_in_name_order_and_once() {
        let names: Vec<_> = all().iter().map(|rogue| rogue.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }
}
