//! What an external program is given for the organization it plays: a folder of files, and the
//! values that fill its manifest's templates in.
//!
//! The folder `given/` holds `organization.key` and `organization.signet` (armour),
//! `certificate.pem`, `certificate-key.pem`, `authorities.pem`, `anchors.txt` (Ed25519 root keys in
//! hexadecimal) and `user-N.signet`.

use std::fs;
use std::io;
use std::path::Path;

use dime_wire::Profile;
use dime_wire::armor;
use dime_wire::keys::KeyOwner;
use minijinja::{Value, context};
use serde::Serialize;

use super::host::resolver_config;
use crate::world::{Host, Organization, World};

/// A user as templates see them.
#[derive(Serialize)]
struct GivenUser {
    address: String,
    password: String,
    signet: String,
}

/// Writes `folder/given` for `organization` on `host` and returns what templates may name.
pub fn furnish(
    world: &World,
    organization: &Organization,
    host: &Host,
    folder: &Path,
) -> io::Result<Value> {
    let given = folder.join("given");
    fs::create_dir_all(&given)?;
    let keys = organization
        .keys
        .to_armor(KeyOwner::Organization, Profile::default());
    fs::write(given.join("organization.key"), keys.as_bytes())?;
    let signet = organization.signet.to_armor();
    fs::write(given.join("organization.signet"), signet)?;
    if let Some(identity) = world.pki.certificates.get(&organization.mail_host) {
        let certificate = pem("CERTIFICATE", &identity.certificate);
        fs::write(given.join("certificate.pem"), certificate)?;
        let key = pem("PRIVATE KEY", &identity.key);
        fs::write(given.join("certificate-key.pem"), key)?;
    }
    let authority = pem("CERTIFICATE", &world.pki.authority);
    fs::write(given.join("authorities.pem"), authority)?;
    let resolver = resolver_config(world);
    let anchors: String = resolver
        .anchors
        .iter()
        .map(|anchor| hex::encode(anchor) + "\n")
        .collect();
    fs::write(given.join("anchors.txt"), anchors)?;
    let mut users = Vec::new();
    let people = organization
        .users
        .iter()
        .filter_map(|id| world.people.get(id));
    for (index, person) in people.enumerate() {
        let path = given.join(format!("user-{}.signet", index + 1));
        fs::write(&path, person.signet.to_armor())?;
        users.push(GivenUser {
            address: person.address.clone(),
            password: person.password.clone(),
            signet: path.display().to_string(),
        });
    }
    let ports = world.ports;
    Ok(context! {
        dir => folder.display().to_string(),
        given => given.display().to_string(),
        host => host.name.clone(),
        address => host.address.to_string(),
        domain => organization.domain.clone(),
        port => context! { dns => ports.dns, dmtp => ports.dmtp, dmap => ports.dmap },
        resolver => resolver.dns.to_string(),
        users => minijinja::value::Serde(&users),
    })
}

/// PEM: base64 in lines of 64 characters, without the checksum that DIME's own armour has.
fn pem(tag: &str, der: &[u8]) -> String {
    let armored = armor::encode(tag, der);
    let lines: Vec<&str> = armored.lines().collect();
    // The checksum is the line before the last.
    let without = lines.len().saturating_sub(2);
    let kept = lines
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != without);
    kept.map(|(_, line)| format!("{line}\n")).collect()
}
