//! A world and a trace made by hand: four actors, two organizations, a resolver, a tap.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::message::{
    self, Actor, Bounces, CommonHeaders, Letter, MessageEntropy, Part, SealOptions, Signets,
};
use dime_wire::signet::{self, Signet};
use dime_wire::{Profile, keys};
use sha2::{Digest as _, Sha256};

use crate::knowledge::{Given, InherentLeak, read_inherent};
use crate::world::{
    AttachmentPlan, Fact, FactKind, HeldKey, Host, HostRole, LetterPlan, Principal, ProfileWord,
};

pub(super) const I1: &str = "- { id: I1, title: The destination confirms the author, fact: author, \
    principal: destination, grade: confirms, rules: [take-apart, decrypt, guess-signature], \
    chunk: 5, key: destination, source: spec/30 section 3, cure: a per-message key, unless: hardened, ruled: 2026-11-21 }";

/// One user or organization.
pub(super) struct Identity {
    pub(super) keys: PrivateKeys,
    pub(super) signet: Signet,
}

/// Who there is and what there is to know.
pub(super) struct Stage {
    pub(super) identities: BTreeMap<String, Identity>,
    pub(super) facts: Vec<Fact>,
    pub(super) letters: Vec<LetterPlan>,
    pub(super) hosts: BTreeMap<String, Host>,
    pub(super) inherent: Vec<InherentLeak>,
    pub(super) alternate: BTreeMap<String, AlternateKey>,
}

/// How a letter's canary reads: 20 characters of base32.
pub(super) fn token(seed: &str) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digest = Sha256::digest(seed);
    digest
        .iter()
        .take(20)
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}

/// An address whose local part carries the canary of its owner.
pub(super) fn address(person: &str, domain: &str) -> String {
    format!("{person}-{}@{domain}", token(person))
}

impl Stage {
    /// One letter from alice to bob.
    pub(super) fn new() -> Self {
        let mut stage = Self {
            identities: BTreeMap::new(),
            facts: Vec::new(),
            letters: Vec::new(),
            hosts: BTreeMap::new(),
            inherent: read_inherent(I1).expect("a good list"),
            alternate: BTreeMap::new(),
        };
        stage.organization("alpha.example", &["alice", "carol", "erin"], 0);
        stage.organization("beta.example", &["bob", "dave"], 10);
        stage.host(
            "resolver",
            99,
            Principal::Dns("resolver".into()),
            HostRole::Resolver,
        );
        stage.letter("letter", "alice", "bob");
        stage
    }

    /// What the engine is told.
    pub(super) fn given(&self) -> Given<'_> {
        let mut given = Given {
            facts: &self.facts,
            letters: &self.letters,
            hosts: &self.hosts,
            inherent: &self.inherent,
            keys: Vec::new(),
            directory: Vec::new(),
            identifiers: BTreeMap::new(),
        };
        for (name, identity) in &self.identities {
            let holder = match name.split_once('@') {
                Some((local, _)) => person_of(local),
                None => Principal::Organization(name.clone()),
            };
            given.keys.push(HeldKey {
                label: format!("encryption key of {name}"),
                holder,
                keys: identity.keys.clone(),
                alternate: self.alternate.get(name).cloned(),
            });
            given.publish(name, &identity.signet);
        }
        given
    }

    /// Plans a letter and its facts.
    pub(super) fn letter(&mut self, id: &str, author: &str, recipient: &str) {
        let letter = self.letters.len();
        let plan = LetterPlan {
            id: id.to_owned(),
            author: author.to_owned(),
            recipient: recipient.to_owned(),
            to: self.address_of(recipient),
            subject: format!("figures {}", token(&format!("subject {id}"))),
            other_headers: format!("X-Canary: {}\r\n", token(&format!("headers {id}")))
                .into_bytes(),
            body: blocks(&token(&format!("body {id}")), 8),
            attachments: vec![AttachmentPlan {
                name: format!("{}.pdf", token(&format!("name {id}"))),
                contents: blocks(&token(&format!("attachment {id}")), 4),
            }],
            alternate: false,
            profile: ProfileWord::default(),
            recorded: None,
        };
        let (from, to) = (self.address_of(author), self.address_of(recipient));
        let (origin, destination) = (domain_of(&from), domain_of(&to));
        let attachment = &plan.attachments[0];
        let values = [
            (FactKind::Author, from.clone().into_bytes(), 100),
            (FactKind::Recipient, to.clone().into_bytes(), 100),
            (FactKind::Origin, origin.into_bytes(), 0),
            (FactKind::Destination, destination.into_bytes(), 0),
            (FactKind::Subject, plan.subject.clone().into_bytes(), 100),
            (FactKind::Headers, plan.other_headers.clone(), 100),
            (FactKind::Body, plan.body[..64].to_vec(), 100),
            (
                FactKind::AttachmentName,
                attachment.name.clone().into_bytes(),
                100,
            ),
            (
                FactKind::Attachment,
                attachment.contents[..64].to_vec(),
                100,
            ),
            (
                FactKind::AuthorHost,
                self.hosts[author].address.to_string().into_bytes(),
                24,
            ),
            (
                FactKind::RecipientHost,
                self.hosts[recipient].address.to_string().into_bytes(),
                24,
            ),
        ];
        for (kind, value, strength) in values {
            self.facts.push(Fact {
                letter,
                kind,
                value,
                strength,
            });
        }
        self.letters.push(plan);
    }

    /// The address of a person by name.
    pub(super) fn address_of(&self, person: &str) -> String {
        let found = self
            .identities
            .keys()
            .find(|name| name.starts_with(&format!("{person}-")));
        found.expect("everybody in the test has an account").clone()
    }

    /// Gives a person a key of the alternate layer, and a signet that says so.
    pub(super) fn with_alternate(&mut self, person: &str) {
        let name = self.address_of(person);
        let key = AlternateKey::from_bytes([77; 32]);
        let organization = &self.identities[&domain_of(&name)];
        let signet = user_signet(
            &self.identities[&name].keys,
            &organization.keys,
            &name,
            &[key.public()],
        );
        self.identities.get_mut(&name).expect("known").signet = signet;
        self.alternate.insert(name, key);
    }

    /// The author's object of a letter.
    pub(super) fn seal(&self, letter: usize, options: &SealOptions) -> Vec<u8> {
        let plan = &self.letters[letter];
        let (author, recipient) = (self.address_of(&plan.author), plan.to.clone());
        let (origin, destination) = (domain_of(&author), domain_of(&recipient));
        let plain = Letter {
            author: author.clone(),
            recipient: recipient.clone(),
            origin: origin.clone(),
            destination: destination.clone(),
            common: CommonHeaders {
                date: "Sat, 21 Nov 2026 12:00:00 +0000".into(),
                to: recipient.clone(),
                from: author.clone(),
                subject: plan.subject.clone(),
                ..CommonHeaders::default()
            },
            other_headers: plan.other_headers.clone(),
            display: vec![Part::plain(plan.body.clone())],
            attachments: plan
                .attachments
                .iter()
                .map(|part| {
                    let head = format!(
                        "Content-Disposition: attachment; filename=\"{}\"\r\n\r\n",
                        part.name
                    );
                    Part::plain([head.as_bytes(), &part.contents].concat())
                })
                .collect(),
        };
        let signets = Signets {
            author: &self.identities[&author].signet,
            origin: &self.identities[&origin].signet,
            destination: &self.identities[&destination].signet,
            recipient: &self.identities[&recipient].signet,
        };
        let mut entropy = Counter(0, plan.id.clone());
        let signing = &self.identities[&author].keys.signing;
        message::seal(&plain, &signets, signing, &mut entropy, options).expect("a good letter")
    }

    /// What the origin makes of it.
    pub(super) fn sign(&self, letter: usize, object: &[u8], tracing: Option<&[u8]>) -> Vec<u8> {
        let author = self.address_of(&self.letters[letter].author);
        let keys = &self.identities[&domain_of(&author)].keys;
        let bounces = Bounces {
            metadata: true,
            display: false,
        };
        message::sign_as_origin(object, keys, bounces, tracing).expect("a good object")
    }

    fn organization(&mut self, domain: &str, people: &[&str], first: u8) {
        let keys = keys_from(domain);
        let signet =
            signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime)
                .sign(&keys.signing, domain)
                .expect("a good signet");
        let server = format!("mx.{domain}");
        let role = HostRole::MailServer(domain.into());
        self.host(
            &server,
            first + 1,
            Principal::Organization(domain.into()),
            role,
        );
        for (number, person) in (2..).zip(people) {
            let name = address(person, domain);
            let own = keys_from(&name);
            let signet = user_signet(&own, &keys, &name, &[]);
            let principal = Principal::Person((*person).into());
            self.host(
                person,
                first + number,
                principal,
                HostRole::Client((*person).into()),
            );
            self.identities.insert(name, Identity { keys: own, signet });
        }
        self.identities
            .insert(domain.to_owned(), Identity { keys, signet });
    }

    fn host(&mut self, name: &str, number: u8, principal: Principal, role: HostRole) {
        let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, number));
        let host = Host {
            name: name.to_owned(),
            address,
            principal,
            role,
        };
        self.hosts.insert(name.to_owned(), host);
    }
}

/// Keyslots of the display chunk: the author's, filled for the origin.
pub(super) fn keyslot_for_origin(stage: &Stage) -> SealOptions {
    let origin = stage.identities["alpha.example"].keys.encryption.public();
    let slot = (message::ChunkType::Display, Actor::Author);
    SealOptions {
        keyslots: BTreeMap::from([(slot, origin)]),
        ..SealOptions::default()
    }
}

/// The domain of an address.
pub(super) fn domain_of(address: &str) -> String {
    address
        .split_once('@')
        .map_or(address, |(_, domain)| domain)
        .to_owned()
}

fn person_of(local: &str) -> Principal {
    Principal::Person(local.split('-').next().unwrap_or(local).to_owned())
}

fn user_signet(
    own: &PrivateKeys,
    organization: &PrivateKeys,
    name: &str,
    alternate: &[keys::AlternatePublicKey],
) -> Signet {
    let request = signet::request(own, alternate, None, Profile::Libdime).expect("a good request");
    signet::issue(&request, &organization.signing, &[], name).expect("a good signet")
}

fn blocks(token: &str, count: usize) -> Vec<u8> {
    let block = |number| format!("{token} {number:06} {:<34}\r\n", "and so on");
    (0..count)
        .flat_map(|number| block(number).into_bytes())
        .collect()
}

fn keys_from(name: &str) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed(Sha256::digest(format!("signing {name}")).into()),
        encryption: EncryptionKey::derive(Sha256::digest(format!("encryption {name}")).into()),
    }
}

/// Entropy for tests: a counter under a hash.
struct Counter(u64, String);

impl Counter {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        self.0 += 1;
        let digest = Sha256::digest(format!("{} {}", self.1, self.0));
        *digest
            .first_chunk()
            .expect("at most 32 bytes are asked for")
    }
}

impl MessageEntropy for Counter {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn message_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn alternate_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn chunk_key(&mut self, _index: usize) -> [u8; 32] {
        self.next()
    }
    fn chunk_iv(&mut self, _index: usize) -> [u8; 16] {
        self.next()
    }
    fn padding(&mut self, _index: usize) -> u8 {
        self.next::<1>()[0]
    }
    fn slot(&mut self, _index: usize, _actor: Actor) -> [u8; 16] {
        self.next()
    }
}
