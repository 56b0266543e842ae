//! Organizations and people of a world: keys, signets, records, certificates, decoys.

use std::collections::BTreeMap;

use dime::platform::UnixTime;
use dime_wire::Profile;
use dime_wire::keys::{EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::record::{self, DeliveryHost, ManagementRecord, Policy, Subdomain};
use dime_wire::signet::{self, Signet};

use super::build::WorldError;
use super::draw::Draw;
use super::pki::{self, CertificateKind};
use super::{Organization, Person, PersonId, ServerCertificate};
use crate::scenario::imported::{ImportedOrganization, ImportedPerson, libdime};
use crate::scenario::values::Located;
use crate::scenario::world::{
    CertificateWord, Dnssec, OrganizationSpec, PolicyWord, SubdomainWord, UserSpec, WorldSpec,
};

/// Users of an organization who take no part; with one user, the domain would tell the author.
pub const DECOYS: usize = 3;

/// What decoys are called.
const DECOY_NAMES: [&str; DECOYS] = ["dana", "erin", "finn"];

const SECONDS_PER_DAY: u64 = 24 * 3600;

/// Who lives in a world.
pub(super) struct Society {
    pub(super) organizations: BTreeMap<String, Organization>,
    pub(super) people: BTreeMap<PersonId, Person>,
    /// Organizations in the order of the file: the order that positions follow.
    pub(super) homes: Vec<Home>,
    /// Certificate of each mail host, by host name.
    pub(super) certificates: BTreeMap<String, ServerCertificate>,
}

/// The place of one organization.
pub(super) struct Home {
    pub(super) domain: String,
    pub(super) signing: Dnssec,
    /// Its users who have a client, in the order of the file.
    pub(super) residents: Vec<PersonId>,
}

/// Founds all organizations: those of the file, then imported ones.
pub(super) fn found(
    spec: &WorldSpec,
    draw: Draw,
    profile: Profile,
    now: UnixTime,
) -> Result<Society, WorldError> {
    let mut founder = Founder {
        draw,
        profile,
        now,
        society: Society {
            organizations: BTreeMap::new(),
            people: BTreeMap::new(),
            homes: Vec::new(),
            certificates: BTreeMap::new(),
        },
    };
    for (domain, organization) in spec.organizations.iter() {
        founder.organization(domain, organization)?;
    }
    if let Some(import) = &spec.import {
        let missing = || WorldError::Missing(format!("libdime world {}", import.libdime.value));
        let world = libdime(&import.libdime).ok_or_else(missing)?;
        for organization in &world.organizations {
            let people = world.people.iter();
            let people = people.filter(|person| person.domain == organization.domain);
            founder.imported(organization, people)?;
        }
    }
    Ok(founder.society)
}

struct Founder {
    draw: Draw,
    profile: Profile,
    now: UnixTime,
    society: Society,
}

impl Founder {
    fn slot(&self) -> String {
        format!("organization[{}]", self.society.homes.len())
    }

    fn organization(&mut self, domain: &str, spec: &OrganizationSpec) -> Result<(), WorldError> {
        let slot = self.slot();
        let keys = self.draw.keys(&slot);
        let public = keys.encryption.public();
        let signet = signet::organization(&keys.signing, &public, self.profile)
            .sign(&keys.signing, domain)
            .map_err(failed(domain))?;
        let mut residents = Vec::new();
        for (index, (name, user)) in spec.users.iter().enumerate() {
            let slot = format!("{slot}.user[{index}]");
            let person = self.person(&slot, name, user, domain, &keys.signing)?;
            residents.push(person.id.clone());
            self.society.people.insert(person.id.clone(), person);
        }
        self.settle(domain, spec, keys, signet, residents)
    }

    fn imported<'a>(
        &mut self,
        organization: &'a ImportedOrganization,
        people: impl Iterator<Item = &'a ImportedPerson>,
    ) -> Result<(), WorldError> {
        let domain = &organization.domain;
        let keys = recorded_keys(domain, &organization.signing, &organization.encryption)?;
        let signet = Signet::parse(&organization.signet).map_err(failed(domain))?;
        let mut residents = Vec::new();
        for (index, one) in people.enumerate() {
            let slot = format!("{}.user[{index}].password", self.slot());
            let person = Person {
                id: one.name.clone(),
                address: one.address.clone(),
                password: self.draw.canary(&slot),
                organization: domain.clone(),
                keys: recorded_keys(&one.name, &one.signing, &one.encryption)?,
                alternate: None,
                signet: Signet::parse(&one.signet).map_err(failed(&one.name))?,
                host: Some(client_host(&one.name)),
            };
            residents.push(person.id.clone());
            self.society.people.insert(person.id.clone(), person);
        }
        self.settle(
            domain,
            &OrganizationSpec::default(),
            keys,
            signet,
            residents,
        )
    }

    /// Everything about an organization that does not depend on where its keys come from.
    fn settle(
        &mut self,
        domain: &str,
        spec: &OrganizationSpec,
        keys: PrivateKeys,
        signet: Signet,
        residents: Vec<PersonId>,
    ) -> Result<(), WorldError> {
        let mut users = residents.clone();
        for (index, name) in DECOY_NAMES.iter().enumerate() {
            let slot = format!("{}.decoy[{index}]", self.slot());
            let user = UserSpec::default();
            let mut decoy = self.person(&slot, name, &user, domain, &keys.signing)?;
            decoy.id = format!("{name}.{domain}");
            decoy.host = None;
            users.push(decoy.id.clone());
            self.society.people.insert(decoy.id.clone(), decoy);
        }
        let mail_host = mail_host(domain);
        let position = self.society.homes.len();
        let kind = certificate_kind(spec.tls.certificate);
        let certificate = pki::issue(kind, &mail_host, position, self.now)?;
        let listed = spec
            .tls
            .listed
            .then_some(certificate.certificate.as_slice());
        let record = management_record(spec, &keys.signing, &mail_host, listed);
        self.society.homes.push(Home {
            domain: domain.to_owned(),
            signing: spec.dnssec,
            residents,
        });
        self.society
            .certificates
            .insert(mail_host.clone(), certificate);
        self.society.organizations.insert(
            domain.to_owned(),
            Organization {
                domain: domain.to_owned(),
                keys,
                signet,
                record,
                mail_host,
                users,
            },
        );
        Ok(())
    }

    fn person(
        &self,
        slot: &str,
        name: &str,
        user: &UserSpec,
        domain: &str,
        organization: &SigningKey,
    ) -> Result<Person, WorldError> {
        let keys = self.draw.keys(slot);
        let alternate = user.alternate.then(|| self.draw.alternate_key(slot));
        let canary = self.draw.canary(&format!("{slot}.address"));
        let address = format!("{name}-{canary}@{domain}");
        let offered = alternate.iter().map(|key| key.public()).collect::<Vec<_>>();
        let signet = signet::request(&keys, &offered, None, self.profile)
            .and_then(|request| signet::issue(&request, organization, &[], &address))
            .map_err(failed(name))?;
        Ok(Person {
            id: name.to_owned(),
            address,
            password: self.draw.canary(&format!("{slot}.password")),
            organization: domain.to_owned(),
            keys,
            alternate,
            signet,
            host: Some(client_host(name)),
        })
    }
}

fn failed(name: &str) -> impl FnOnce(signet::SignetError) -> WorldError {
    let name = name.to_owned();
    |source| WorldError::Signet { name, source }
}

fn recorded_keys(
    name: &str,
    signing: &[u8; 32],
    encryption: &[u8; 32],
) -> Result<PrivateKeys, WorldError> {
    Ok(PrivateKeys {
        signing: SigningKey::from_seed(*signing),
        encryption: EncryptionKey::from_bytes(*encryption).map_err(|source| WorldError::Key {
            name: name.to_owned(),
            source,
        })?,
    })
}

fn mail_host(domain: &str) -> String {
    format!("mx.{domain}")
}

fn client_host(name: &str) -> String {
    format!("{name}.device")
}

fn management_record(
    spec: &OrganizationSpec,
    pok: &SigningKey,
    mail_host: &str,
    listed: Option<&[u8]>,
) -> ManagementRecord {
    let signature = listed.map(|certificate| record::sign_certificate(pok, certificate));
    let days =
        |expiry: &Located<crate::scenario::values::Span>| expiry.0.as_secs() / SECONDS_PER_DAY;
    let expiry = spec.record.expiry.as_ref().map_or(0, days);
    ManagementRecord {
        poks: vec![pok.public()],
        tls: signature.into_iter().collect(),
        policy: match spec.record.policy {
            PolicyWord::Experimental => Policy::Experimental,
            PolicyWord::Mixed => Policy::Mixed,
            PolicyWord::Strict => Policy::Strict,
        },
        subdomain: match spec.record.subdomain {
            SubdomainWord::Strict => Subdomain::Strict,
            SubdomainWord::Relaxed => Subdomain::Relaxed,
            SubdomainWord::Explicit => Subdomain::Explicit,
        },
        deliver: vec![DeliveryHost {
            host: mail_host.to_owned(),
            port: None,
        }],
        expiry_days: u32::try_from(expiry).unwrap_or(u32::MAX),
        ..ManagementRecord::default()
    }
}

fn certificate_kind(word: CertificateWord) -> CertificateKind {
    match word {
        CertificateWord::Ca => CertificateKind::Authority,
        CertificateWord::SelfSigned => CertificateKind::SelfSigned,
        CertificateWord::Expired => CertificateKind::Expired,
        CertificateWord::WrongName => CertificateKind::WrongName,
    }
}
