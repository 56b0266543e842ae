//! Building a world: a scenario, a seed and a date in, keys, zones, hosts, letters and facts out.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use dime::platform::{Ports, UnixTime};
use dime_wire::Profile;
use dime_wire::keys::KeyError;
use dime_wire::record::RecordError;
use dime_wire::signet::SignetError;

use super::draw::Draw;
use super::{Tap, World, letters, pki, places, society};
use crate::scenario::{ProfileWord, Scenario};

/// Where a stage puts the hosts of a world: addresses by position above a base, and ports.
#[derive(Clone, Copy, Debug)]
pub struct Addressing {
    /// Hosts have the addresses above this one; its lower 16 bits are zero.
    pub base: Ipv4Addr,
    /// On which ports servers listen.
    pub ports: Ports,
}

/// Why a world was not built.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// Somebody's signet cannot be made or read.
    #[error("failed to make the signet of {name}")]
    Signet {
        /// Whose.
        name: String,
        /// Why.
        source: SignetError,
    },
    /// A recorded key is none.
    #[error("failed to read the recorded key of {name}")]
    Key {
        /// Whose.
        name: String,
        /// Why.
        source: KeyError,
    },
    /// An organization's management record cannot be written.
    #[error("failed to write the management record of {name}")]
    Record {
        /// Whose.
        name: String,
        /// Why.
        source: RecordError,
    },
    /// A server's certificate cannot be issued.
    #[error("failed to furnish a mail server")]
    Certificate(#[from] pki::PkiError),
    /// A step names something that is not there; the language's checks rule it out.
    #[error("the scenario names {0}, which is not there")]
    Missing(String),
}

impl Addressing {
    /// Addresses and ports as on the internet, for the simulation: 10.0.0.0/16.
    pub fn simulated() -> Self {
        Addressing {
            base: Ipv4Addr::new(10, 0, 0, 0),
            ports: Ports::default(),
        }
    }

    /// Loopback addresses 127.`block`.0.0/16 and these ports, for a live stage.
    pub fn loopback(block: u8, ports: Ports) -> Self {
        Addressing {
            base: Ipv4Addr::new(127, block, 0, 0),
            ports,
        }
    }

    /// The address at a position.
    pub(super) fn at(&self, group: u8, index: u8) -> std::net::IpAddr {
        let [first, second, _, _] = self.base.octets();
        Ipv4Addr::new(first, second, group, index).into()
    }
}

impl World {
    /// Builds the world of a scenario. The same scenario, seed and date give the same world on
    /// every machine; addressing changes nothing but addresses and ports.
    ///
    /// # Errors
    /// [`WorldError`] if a recorded key or signet does not read, or a domain cannot stand in a
    /// signet, record or certificate.
    pub fn build(
        scenario: &Scenario,
        seed: u64,
        now: UnixTime,
        addressing: &Addressing,
    ) -> Result<World, WorldError> {
        let draw = Draw::new(seed);
        let profile = match scenario.profile.unwrap_or_default() {
            ProfileWord::Libdime | ProfileWord::Hardened => Profile::Libdime,
            ProfileWord::Magma => Profile::Magma,
        };
        let society::Society {
            organizations,
            people,
            homes,
            certificates,
        } = society::found(&scenario.world, draw, profile, now)?;
        let mut world = World {
            seed,
            now,
            ports: addressing.ports,
            organizations,
            people,
            hosts: BTreeMap::new(),
            zones: Vec::new(),
            pki: super::Pki {
                authority: pki::authority(now),
                certificates,
            },
            letters: Vec::new(),
            facts: Vec::new(),
            taps: taps(scenario),
        };
        world.letters = letters::plan(scenario, &world.people, draw)?;
        places::settle(&mut world, &homes, draw, addressing)?;
        world.facts = letters::facts(&world);
        Ok(world)
    }
}

fn taps(scenario: &Scenario) -> Vec<Tap> {
    let taps = scenario.world.taps.iter();
    taps.map(|(name, tap)| {
        let [left, right] = &tap.between;
        Tap {
            name: name.value.clone(),
            between: [left.value.clone(), right.value.clone()],
        }
    })
    .collect()
}
