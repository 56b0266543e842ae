//! Hosts, addresses and DNS zones of a world.
//!
//! Addresses follow positions: group 0 holds root, resolver and stranger, group 1 the TLD servers,
//! each organization a group of its own with name server, mail server and its users' clients.
//! Names of name servers stand in the parent zone, outside every zone cut (`alpha.nic.example.`),
//! so that the parent answers for them itself.

use std::collections::BTreeMap;

use super::build::{Addressing, WorldError};
use super::draw::Draw;
use super::society::Home;
use super::{Dnssec, Host, HostRole, Organization, Principal, World, Zone, ZoneRecord};

/// Name of the host that serves the root zone.
pub const ROOT: &str = "root";
/// Name of the host everybody asks.
pub const RESOLVER: &str = "resolver";
/// Name of the host that holds raw dialogs; it belongs to nobody else.
pub const STRANGER: &str = "stranger";

/// The label under which name servers have their names.
const REGISTRY: &str = "nic";

const INFRASTRUCTURE: u8 = 0;
const REGISTRIES: u8 = 1;
const FIRST_ORGANIZATION: u8 = 2;
const FIRST_CLIENT: u8 = 10;

/// Gives everybody a host and every name a zone.
pub(super) fn settle(
    world: &mut World,
    homes: &[Home],
    draw: Draw,
    addressing: &Addressing,
) -> Result<(), WorldError> {
    // Recorded messages are handed over from the stranger's host: it then belongs to their origin.
    let recorded = world
        .letters
        .iter()
        .find(|letter| letter.recorded.is_some());
    let author = recorded.and_then(|letter| world.people.get(&letter.author));
    let origin = author.map(|author| author.organization.as_str());
    let mut settler = Settler {
        hosts: BTreeMap::new(),
        zones: Vec::new(),
        draw,
        addressing,
    };
    settler.infrastructure(origin);
    let mut registries = Vec::new();
    for home in homes {
        let registry = home.domain.rsplit('.').next().unwrap_or_default();
        if !registries.contains(&registry) {
            registries.push(registry);
        }
    }
    for (registry, index) in registries.iter().zip(1_u8..) {
        settler.registry(registry, index);
    }
    for (home, group) in homes.iter().zip(FIRST_ORGANIZATION..) {
        if let Some(organization) = world.organizations.get(&home.domain) {
            settler.organization(home, organization, group)?;
        }
    }
    // A zone can delegate only once all zones are there: parents need not come first in a file.
    for home in homes {
        settler.delegate(home);
    }
    world.hosts = settler.hosts;
    world.zones = settler.zones;
    Ok(())
}

struct Settler<'a> {
    hosts: BTreeMap<String, Host>,
    zones: Vec<Zone>,
    draw: Draw,
    addressing: &'a Addressing,
}

impl Settler<'_> {
    fn infrastructure(&mut self, origin: Option<&str>) {
        let principal = |name: &str| Principal::Dns(name.to_owned());
        let serves_root = HostRole::NameServer(vec![".".to_owned()]);
        self.host(ROOT, INFRASTRUCTURE, 1, principal(ROOT), serves_root);
        let resolver = principal(RESOLVER);
        self.host(RESOLVER, INFRASTRUCTURE, 2, resolver, HostRole::Resolver);
        let stranger = match origin {
            Some(origin) => Principal::Organization(origin.to_owned()),
            None => Principal::Person(STRANGER.to_owned()),
        };
        self.host(STRANGER, INFRASTRUCTURE, 3, stranger, HostRole::Stranger);
        self.zone(".", ROOT, Dnssec::Signed);
    }

    /// A top level domain with its server.
    fn registry(&mut self, name: &str, index: u8) {
        let origin = format!("{name}.");
        let host = format!("tld.{name}");
        let role = HostRole::NameServer(vec![origin.clone()]);
        self.host(&host, REGISTRIES, index, Principal::Dns(host.clone()), role);
        self.zone(&origin, &host, Dnssec::Signed);
        self.delegation(".", &origin, &format!("{name}.{REGISTRY}."), &host);
    }

    fn organization(
        &mut self,
        home: &Home,
        organization: &Organization,
        group: u8,
    ) -> Result<(), WorldError> {
        let domain = &home.domain;
        let principal = Principal::Organization(domain.clone());
        let origin = format!("{domain}.");
        let name_server = name_server(domain);
        let role = HostRole::NameServer(vec![origin.clone()]);
        self.host(&name_server, group, 1, principal.clone(), role);
        let role = HostRole::MailServer(domain.clone());
        self.host(&organization.mail_host, group, 2, principal, role);
        for (person, index) in home.residents.iter().zip(FIRST_CLIENT..) {
            let principal = Principal::Person(person.clone());
            let role = HostRole::Client(person.clone());
            let name = format!("{person}.device");
            self.host(&name, group, index, principal, role);
        }
        self.zone(&origin, &name_server, home.signing);
        let strings = organization.record.to_strings();
        let strings = strings.map_err(|source| WorldError::Record {
            name: domain.clone(),
            source,
        })?;
        let records = [
            self.address(
                format!("{}.", organization.mail_host),
                &organization.mail_host,
            ),
            Some(ZoneRecord::Text {
                name: format!("_dx.{origin}"),
                strings,
            }),
        ];
        self.add(&origin, records.into_iter().flatten());
        Ok(())
    }

    /// Enters an organization's zone in the nearest zone above it.
    fn delegate(&mut self, home: &Home) {
        let child = format!("{}.", home.domain);
        let parent = self
            .zones
            .iter()
            .map(|zone| zone.origin.clone())
            .filter(|origin| child.ends_with(&format!(".{origin}")))
            .max_by_key(String::len);
        let Some(parent) = parent else {
            return;
        };
        let labels = child.strip_suffix(&format!(".{parent}")).unwrap_or(&child);
        let server = format!("{}.{REGISTRY}.{parent}", labels.replace('.', "-"));
        self.delegation(&parent, &child, &server, &name_server(&home.domain));
    }

    fn delegation(&mut self, parent: &str, child: &str, server: &str, host: &str) {
        let records = [
            Some(ZoneRecord::Delegation {
                child: child.to_owned(),
                server: server.to_owned(),
            }),
            self.address(server.to_owned(), host),
        ];
        self.add(parent, records.into_iter().flatten());
    }

    fn address(&self, name: String, host: &str) -> Option<ZoneRecord> {
        let address = self.hosts.get(host)?.address;
        Some(ZoneRecord::Address { name, address })
    }

    fn add(&mut self, origin: &str, records: impl Iterator<Item = ZoneRecord>) {
        if let Some(zone) = self.zones.iter_mut().find(|zone| zone.origin == origin) {
            zone.records.extend(records);
        }
    }

    fn zone(&mut self, origin: &str, server: &str, signing: Dnssec) {
        let slot = format!("zone[{}]", self.zones.len());
        self.zones.push(Zone {
            origin: origin.to_owned(),
            server: server.to_owned(),
            records: Vec::new(),
            signing,
            key: self.draw.signing_key(&slot),
        });
    }

    fn host(&mut self, name: &str, group: u8, index: u8, principal: Principal, role: HostRole) {
        let host = Host {
            name: name.to_owned(),
            address: self.addressing.at(group, index),
            principal,
            role,
        };
        self.hosts.insert(name.to_owned(), host);
    }
}

fn name_server(domain: &str) -> String {
    format!("ns.{domain}")
}
