//! The worlds of a folder: names, keys and signets that the other files refer to.

use std::collections::BTreeMap;

use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::signet::{Signet, SignetError};

use super::folder::WORLDS;
use super::{Entry, Folder, FolderError};

/// The worlds of a folder, by id.
#[derive(Debug)]
pub struct Worlds<'a>(Option<BTreeMap<&'a str, World<'a>>>);

impl<'a> Worlds<'a> {
    /// Those of `folder`; none if it has no file of worlds.
    pub fn of(folder: &'a Folder) -> Result<Self, FolderError> {
        let Some(value) = folder.json.get(WORLDS) else {
            return Ok(Self(None));
        };
        let mut worlds = BTreeMap::new();
        for entry in Entry::root(WORLDS, value).at("worlds").items()? {
            worlds.insert(entry.at("id").text()?, World { entry });
        }
        Ok(Self(Some(worlds)))
    }

    /// Every world.
    pub fn all(&self) -> impl Iterator<Item = &World<'a>> {
        self.0.iter().flat_map(BTreeMap::values)
    }

    /// The world that `case` says it is in.
    pub fn of_case(&self, case: &Entry<'_>) -> Result<&World<'a>, FolderError> {
        let worlds = self.0.as_ref().ok_or_else(|| FolderError::Missing {
            file: WORLDS.to_owned(),
            needed_by: case.file().to_owned(),
        })?;
        let id = case.at("world");
        let world = worlds.get(id.text()?);
        world.ok_or_else(|| id.is_not(format!("a world in {WORLDS}")))
    }
}

/// One world.
#[derive(Clone, Debug)]
pub struct World<'a> {
    entry: Entry<'a>,
}

impl<'a> World<'a> {
    /// The world that an entry of the file describes.
    pub fn new(entry: Entry<'a>) -> Self {
        Self { entry }
    }

    /// A domain or address, like that of `origin_domain`.
    pub fn name(&self, key: &str) -> Result<&'a str, FolderError> {
        self.entry.at(key).text()
    }

    /// Both private keys of this name.
    pub fn keys(&self, name: &str) -> Result<PrivateKeys, FolderError> {
        let recorded = self.entry.at("keys").at(name);
        let scalar = recorded.at("secp256k1_private_hex");
        let encryption = EncryptionKey::from_bytes(scalar.array()?);
        Ok(PrivateKeys {
            signing: SigningKey::from_seed(recorded.at("ed25519_private_hex").array()?),
            encryption: encryption.map_err(|_| scalar.is_not("a secp256k1 scalar"))?,
        })
    }

    /// The private keys whose name stands at `place`.
    pub fn keys_at(&self, place: &Entry<'_>) -> Result<PrivateKeys, FolderError> {
        let name = place.text()?;
        if self.entry.at("keys").optional(name).is_none() {
            return Err(place.is_not(format!("the name of keys in {WORLDS}")));
        }
        self.keys(name)
    }

    /// The alternate key of the name at `place`; only our own worlds have any.
    pub fn alternate_key_at(&self, place: &Entry<'_>) -> Result<AlternateKey, FolderError> {
        let recorded = self.entry.at("keys").at(place.text()?);
        match recorded.optional("x25519_private_hex") {
            Some(secret) => Ok(AlternateKey::from_bytes(secret.array()?)),
            None => Err(place.is_not(format!("the name of an alternate key in {WORLDS}"))),
        }
    }

    /// The binary form of the signet of this name.
    pub fn signet_bytes(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        self.entry.at("signets_b64").at(name).base64()
    }

    /// The binary form of the signet whose name stands at `place`.
    pub fn signet_bytes_at(&self, place: &Entry<'_>) -> Result<Vec<u8>, FolderError> {
        let name = place.text()?;
        if self.entry.at("signets_b64").optional(name).is_none() {
            return Err(place.is_not(format!("the name of a signet in {WORLDS}")));
        }
        self.signet_bytes(name)
    }

    /// The signet whose name stands at `place`, as far as we take it for one.
    pub fn signet_at(&self, place: &Entry<'_>) -> Result<Result<Signet, SignetError>, FolderError> {
        Ok(Signet::parse(&self.signet_bytes_at(place)?))
    }

    /// The names of all signets.
    pub fn signet_names(&self) -> Result<Vec<&'a str>, FolderError> {
        let members = self.entry.at("signets_b64").members()?;
        Ok(members.into_iter().map(|(name, _)| name).collect())
    }
}
