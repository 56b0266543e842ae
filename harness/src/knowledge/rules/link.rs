//! Link: the addresses at the ends of a connection, and what is published about them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::ledger::{Channel, ChannelId, ChannelKind};
use crate::world::{FactKind, Host, HostRole};

use super::super::graph::{Grade, Inference, Rule, Term, Tie};
use super::super::scope::Scope;
use super::Expansion;

impl Expansion<'_> {
    /// Adds what the ends of each connection tell about the letters that passed on it, or that were
    /// alone on their way when it was opened.
    pub(in super::super) fn conclude_links(&mut self, scope: &Scope) {
        for (index, channel) in (0..).zip(&self.trace.channels) {
            let id = ChannelId(index);
            let Some(ends) = ends(&channel.kind) else {
                continue;
            };
            let Some(premise) = self.graph.intern(Term::Ends(id)) else {
                return;
            };
            for (letter, tie) in letters(scope, id, channel) {
                for address in ends {
                    let host = self
                        .given
                        .hosts
                        .values()
                        .find(|host| host.address == address);
                    for (fact, host) in self.told_by(host, letter, &tie) {
                        let Some(conclusion) = self.fact_term(fact, Grade::Holds) else {
                            return;
                        };
                        self.graph.infer(Inference {
                            rule: Rule::Link { host },
                            premises: vec![premise],
                            conclusion,
                            at: None,
                            tie: tie.clone(),
                            exempt: None,
                        });
                    }
                }
            }
        }
    }

    /// The facts of a letter that a host's address tells, with the host's name.
    fn told_by(&self, host: Option<&Host>, letter: usize, tie: &Tie) -> Vec<(usize, String)> {
        let Some(host) = host else {
            return Vec::new();
        };
        let plan = self.given.letters.get(letter);
        let told = |kind: FactKind, value: &[u8]| match (&host.role, kind) {
            // Published: the record names the host, the zone its address. Only a connection that
            // carries the letter says that the two organizations exchange one.
            (HostRole::MailServer(domain), FactKind::Origin | FactKind::Destination) => {
                *tie == Tie::Connection && domain.as_bytes() == value
            }
            (HostRole::Client(person), FactKind::AuthorHost) => {
                plan.is_some_and(|plan| plan.author == *person)
            }
            (HostRole::Client(person), FactKind::RecipientHost) => {
                plan.is_some_and(|plan| plan.recipient == *person)
            }
            _ => false,
        };
        let facts = self.given.facts.iter().enumerate();
        facts
            .filter(|(_, fact)| fact.letter == letter && told(fact.kind, &fact.value))
            .map(|(index, _)| (index, host.name.clone()))
            .collect()
    }
}

fn ends(kind: &ChannelKind) -> Option<[IpAddr; 2]> {
    match kind {
        ChannelKind::Stream { client, server } | ChannelKind::Datagrams { client, server } => {
            Some([client.ip(), server.ip()])
        }
        ChannelKind::Store { .. } | ChannelKind::Screen { .. } | ChannelKind::File { .. } => None,
    }
}

fn letters(scope: &Scope, id: ChannelId, channel: &Channel) -> Vec<(usize, Tie)> {
    let carried: BTreeSet<usize> = scope.letters_on(id).collect();
    if !carried.is_empty() {
        return carried
            .into_iter()
            .map(|letter| (letter, Tie::Connection))
            .collect();
    }
    let flying: Vec<usize> = scope.in_flight(channel.opened).into_iter().collect();
    match flying.as_slice() {
        [alone] => vec![(*alone, Tie::Flight)],
        _ => Vec::new(),
    }
}
