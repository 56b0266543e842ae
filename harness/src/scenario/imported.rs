//! Worlds and messages that another implementation made, read from `scenarios/imported`.
//!
//! They are data of the repository, so that a scenario can start from bytes that none of our code
//! wrote. The files say where they come from.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, de};

/// A recorded world: two organizations, three users and messages between two of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedWorld {
    /// What a scenario calls it.
    pub id: String,
    /// Its organizations.
    pub organizations: Vec<ImportedOrganization>,
    /// Its users.
    pub people: Vec<ImportedPerson>,
    /// Its messages.
    pub messages: Vec<ImportedMessage>,
}

/// An organization with the keys it was recorded with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedOrganization {
    /// Mail domain.
    pub domain: String,
    /// Ed25519 seed.
    #[serde(rename = "signing_hex", deserialize_with = "hex_key")]
    pub signing: [u8; 32],
    /// secp256k1 scalar.
    #[serde(rename = "encryption_hex", deserialize_with = "hex_key")]
    pub encryption: [u8; 32],
    /// Identified signet, binary.
    #[serde(rename = "signet_b64", deserialize_with = "base64_bytes")]
    pub signet: Vec<u8>,
}

/// A user with the keys they were recorded with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedPerson {
    /// What a scenario calls them.
    pub name: String,
    /// Mail address.
    pub address: String,
    /// Domain of their organization.
    pub domain: String,
    /// Ed25519 seed.
    #[serde(rename = "signing_hex", deserialize_with = "hex_key")]
    pub signing: [u8; 32],
    /// secp256k1 scalar.
    #[serde(rename = "encryption_hex", deserialize_with = "hex_key")]
    pub encryption: [u8; 32],
    /// Identified signet, binary.
    #[serde(rename = "signet_b64", deserialize_with = "base64_bytes")]
    pub signet: Vec<u8>,
}

/// A recorded message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedMessage {
    /// What a scenario calls it.
    pub id: String,
    /// Its name among the vectors of `dime-wire`.
    pub recorded_as: String,
    /// Name of its author in this world.
    pub author: String,
    /// Name of its recipient in this world.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its other headers.
    #[serde(rename = "other_headers_b64", deserialize_with = "base64_bytes")]
    pub other_headers: Vec<u8>,
    /// Its body.
    #[serde(rename = "body_b64", deserialize_with = "base64_bytes")]
    pub body: Vec<u8>,
    /// The message as the origin signed it.
    #[serde(rename = "sealed_b64", deserialize_with = "base64_bytes")]
    pub sealed: Vec<u8>,
}

/// The world recorded with libdime under this id (`A`, `B`).
pub fn libdime(id: &str) -> Option<&'static ImportedWorld> {
    worlds().iter().find(|world| world.id == id)
}

/// Ids of the worlds recorded with libdime.
pub fn libdime_ids() -> impl Iterator<Item = &'static str> {
    worlds().iter().map(|world| world.id.as_str())
}

fn worlds() -> &'static [ImportedWorld] {
    static WORLDS: OnceLock<Vec<ImportedWorld>> = OnceLock::new();
    WORLDS.get_or_init(|| {
        [
            include_str!("../../../scenarios/imported/libdime-a.json"),
            include_str!("../../../scenarios/imported/libdime-b.json"),
        ]
        .into_iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
    })
}

fn hex_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let text = String::deserialize(deserializer)?;
    let mut key = [0; 32];
    hex::decode_to_slice(text, &mut key).map_err(de::Error::custom)?;
    Ok(key)
}

fn base64_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_recorded_worlds_are_there() {
        assert_eq!(libdime_ids().collect::<Vec<_>>(), ["A", "B"]);
        let world = libdime("A").expect("it is listed");
        assert_eq!(world.people.len(), 3);
        assert!(world.messages.iter().any(|message| message.id == "small"));
        assert!(libdime("C").is_none());
    }
}
