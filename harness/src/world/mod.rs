//! What a scenario's world is made of: organizations, people, keys, zones, hosts, letters, facts.
//!
//! A world is built from the scenario's description, a seed and a date, and from nothing else, so
//! that the same three give the same bytes everywhere. Everybody to the right of this module reads
//! it: the stage to set it up, the engine to know what there is to be known.

mod build;
mod draw;
mod letters;
pub mod pki;
mod places;
mod society;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use dime::platform::{Ports, UnixTime};
use dime_wire::keys::{AlternateKey, PrivateKeys, SigningKey, VerifyingKey};
use dime_wire::record::ManagementRecord;
use dime_wire::signet::Signet;

use draw::Draw;

pub use crate::scenario::ProfileWord;
pub use crate::scenario::values::FactKind;
pub use crate::scenario::world::Dnssec;
pub use build::{Addressing, WorldError};
pub use draw::{CANARY_BITS, CANARY_LENGTH};
pub use letters::BLOCK_LENGTH;
pub use places::{RESOLVER, ROOT, STRANGER};
pub use society::DECOYS;

/// A whole world, ready to be set up on a stage.
pub struct World {
    /// The seed that everything in it is drawn from.
    pub seed: u64,
    /// The wall clock at the start of the run.
    pub now: UnixTime,
    /// On which ports servers listen.
    pub ports: Ports,
    /// Organizations in name order.
    pub organizations: BTreeMap<String, Organization>,
    /// Everybody who has an account, decoys too, by the name the scenario gives them.
    pub people: BTreeMap<PersonId, Person>,
    /// All hosts in name order.
    pub hosts: BTreeMap<String, Host>,
    /// DNS zones, root first.
    pub zones: Vec<Zone>,
    /// The certification authority everybody trusts and the certificates it gave.
    pub pki: Pki,
    /// The letters the scenario will send, in order.
    pub letters: Vec<LetterPlan>,
    /// What there is to know of each letter.
    pub facts: Vec<Fact>,
    /// Where somebody listens on the line.
    pub taps: Vec<Tap>,
}

/// The name of a person in the scenario (`alice`); never on the wire.
pub type PersonId = String;

/// Somebody who can know things.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A user with their client.
    Person(PersonId),
    /// An organization: its name servers, mail servers and stores are one principal.
    Organization(String),
    /// A DNS server that belongs to no organization: `root`, `tld`, `resolver`.
    Dns(String),
    /// Somebody who listens on the line.
    Tap(String),
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Principal::Person(name)
            | Principal::Organization(name)
            | Principal::Dns(name)
            | Principal::Tap(name) => formatter.write_str(name),
        }
    }
}

/// A domain with a signet, a record and servers.
pub struct Organization {
    /// Its mail domain, lower case.
    pub domain: String,
    /// Primary organizational key and encryption key.
    pub keys: PrivateKeys,
    /// The organization's signet, identified.
    pub signet: Signet,
    /// What stands at `_dx.<domain>`.
    pub record: ManagementRecord,
    /// Name of the host its mail server runs on, which is also its delivery host's DNS name.
    pub mail_host: String,
    /// Its users.
    pub users: Vec<PersonId>,
}

/// A user: an address, keys, a signet, a device.
pub struct Person {
    /// Name in the scenario.
    pub id: PersonId,
    /// Mail address; the local part carries a canary.
    pub address: String,
    /// What they log in with; a canary too.
    pub password: String,
    /// Domain of their organization.
    pub organization: String,
    /// Their current keys.
    pub keys: PrivateKeys,
    /// X25519 key of the alternate layer, if they have one.
    pub alternate: Option<AlternateKey>,
    /// Their current signet, identified.
    pub signet: Signet,
    /// Name of the host their client runs on; decoys have none.
    pub host: Option<String>,
}

/// A machine with one address.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name, a DNS name for servers (`mx.alpha.example`).
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Who knows what this machine knows.
    pub principal: Principal,
    /// What runs on it.
    pub role: HostRole,
}

/// What runs on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRole {
    /// Authoritative name server of the zones with these origins.
    NameServer(Vec<String>),
    /// The recursive resolver everybody asks.
    Resolver,
    /// An organization's mail server.
    MailServer(String),
    /// A user's client.
    Client(PersonId),
    /// Nothing; raw dialogs and recorded messages come from here.
    Stranger,
}

/// One DNS zone before signing.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its origin, fully qualified (`.`, `example.`, `alpha.example.`).
    pub origin: String,
    /// Host that serves it.
    pub server: String,
    /// Records, in the order they are added.
    pub records: Vec<ZoneRecord>,
    /// How it is signed.
    pub signing: Dnssec,
    /// Ed25519 key it is signed with.
    pub key: SigningKey,
}

/// A record of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneRecord {
    /// Address of a host.
    Address {
        /// Owner, fully qualified.
        name: String,
        /// Its address.
        address: IpAddr,
    },
    /// Text, as character strings.
    Text {
        /// Owner, fully qualified.
        name: String,
        /// Character strings of at most 255 bytes.
        strings: Vec<String>,
    },
    /// A delegation to a child zone. The DS record follows from the child's key and signing.
    Delegation {
        /// Origin of the child, fully qualified.
        child: String,
        /// Name of its server, fully qualified.
        server: String,
    },
}

/// The certification authority of a world.
pub struct Pki {
    /// DER of the CA certificate that clients trust.
    pub authority: Vec<u8>,
    /// Certificate and key of each mail host, by host name.
    pub certificates: BTreeMap<String, ServerCertificate>,
}

/// What a server shows in TLS.
#[derive(Clone)]
pub struct ServerCertificate {
    /// DER of the certificate.
    pub certificate: Vec<u8>,
    /// PKCS#8 DER of its RSA key, one of the checked-in test keys.
    pub key: Vec<u8>,
}

/// A letter the scenario will send, with its canaries in place.
#[derive(Clone, Debug)]
pub struct LetterPlan {
    /// Name in the scenario (`letter`).
    pub id: String,
    /// Who writes.
    pub author: PersonId,
    /// Whom to; the address as the scenario writes it if nobody has it.
    pub recipient: PersonId,
    /// Address it goes to; differs from the recipient's if the scenario wants an unknown one.
    pub to: String,
    /// Subject, a canary.
    pub subject: String,
    /// Other headers, a canary among them.
    pub other_headers: Vec<u8>,
    /// Body: blocks of 64 bytes, each with token and counter.
    pub body: Vec<u8>,
    /// Attachments.
    pub attachments: Vec<AttachmentPlan>,
    /// Whether the alternate layer encrypts the display part.
    pub alternate: bool,
    /// What its author seals it under; what the profile keeps is judged by it.
    pub profile: ProfileWord,
    /// The whole message, if another implementation sealed it.
    pub recorded: Option<Vec<u8>>,
}

/// An attachment of a planned letter.
#[derive(Clone, Debug)]
pub struct AttachmentPlan {
    /// File name, a canary.
    pub name: String,
    /// Contents, blocks as in a body.
    pub contents: Vec<u8>,
}

/// A relation in one letter, and its value.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Index of the letter in [`World::letters`].
    pub letter: usize,
    /// Which relation.
    pub kind: FactKind,
    /// Its value as it would stand on the wire, most telling form first.
    pub value: Vec<u8>,
    /// How hard it is to hit the value by chance, in bits.
    pub strength: u32,
}

/// Somebody who listens on the line between two organizations.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Name in the scenario.
    pub name: String,
    /// The two domains whose mail servers' traffic it sees.
    pub between: [String; 2],
}

/// A public key of the world under the name an explanation prints for it.
#[derive(Clone, Debug)]
pub struct DirectoryEntry {
    /// Address or domain.
    pub name: String,
    /// Key that verifies signatures.
    pub key: VerifyingKey,
}

/// A private key of the world and who holds it.
pub struct HeldKey {
    /// How an explanation names it: `encryption key of alpha.example`.
    pub label: String,
    /// Who holds it from the start.
    pub holder: Principal,
    /// Signing and encryption key.
    pub keys: PrivateKeys,
    /// X25519 key, if any.
    pub alternate: Option<AlternateKey>,
}

impl World {
    /// The host of a person's client; none for decoys and for nobody.
    pub fn host_of(&self, person: &str) -> Option<&Host> {
        self.hosts.get(self.people.get(person)?.host.as_ref()?)
    }

    /// Who sits at an address.
    pub fn principal_of(&self, address: IpAddr) -> Option<&Principal> {
        let mut hosts = self.hosts.values();
        let host = hosts.find(|host| host.address == address)?;
        Some(&host.principal)
    }

    /// Those a scenario means by a name: a user, an organization, a tap, or all servers of `dns`.
    pub fn principals_named(&self, name: &str) -> Vec<Principal> {
        if name == "dns" {
            let servers = self.hosts.values().map(|host| host.principal.clone());
            return servers
                .filter(|principal| matches!(principal, Principal::Dns(_)))
                .collect();
        }
        let principal = if self.organizations.contains_key(name) {
            Principal::Organization(name.to_owned())
        } else if self.people.contains_key(name) {
            Principal::Person(name.to_owned())
        } else if self.taps.iter().any(|tap| tap.name == name) {
            Principal::Tap(name.to_owned())
        } else {
            return Vec::new();
        };
        vec![principal]
    }

    /// What anybody can look up: the signing keys of all organizations and people.
    pub fn directory(&self) -> Vec<DirectoryEntry> {
        let organizations = self.organizations.values().map(|one| DirectoryEntry {
            name: one.domain.clone(),
            key: one.keys.signing.public(),
        });
        let people = self.people.values().map(|person| DirectoryEntry {
            name: person.address.clone(),
            key: person.keys.signing.public(),
        });
        organizations.chain(people).collect()
    }

    /// All private keys and who holds each.
    pub fn held_keys(&self) -> Vec<HeldKey> {
        let organizations = self.organizations.values().map(|one| HeldKey {
            label: format!("encryption key of {}", one.domain),
            holder: Principal::Organization(one.domain.clone()),
            keys: one.keys.clone(),
            alternate: None,
        });
        let people = self.people.values().map(|person| HeldKey {
            label: format!("encryption key of {}", person.id),
            holder: Principal::Person(person.id.clone()),
            keys: person.keys.clone(),
            alternate: person.alternate.clone(),
        });
        organizations.chain(people).collect()
    }

    /// Bytes without meaning for line `index` of a raw dialog.
    pub fn noise(&self, index: usize, size: u64) -> Vec<u8> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Draw::new(self.seed).bytes(&format!("dialog[{index}].noise"), size)
    }
}

#[cfg(test)]
mod tests;
