//! The world of our own vectors: two organizations, their users, and all signets that cases use.

use std::collections::BTreeMap;

use dime_wire::Profile;
use dime_wire::encoding::encode_padded;
use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::signet::{self, FingerprintKind, Permissions, Signet};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::GenerateError;

/// The id of the world.
pub(super) const ID: &str = "D";
/// The author's organization.
pub(super) const ORIGIN: &str = "one.example";
/// The recipient's organization.
pub(super) const DESTINATION: &str = "two.example";
/// Who writes.
pub(super) const AUTHOR: &str = "ann@one.example";
/// Who is written to.
pub(super) const RECIPIENT: &str = "rob@two.example";
/// Another user of the destination.
pub(super) const THIRD: &str = "tom@two.example";

/// All names of keys.
const KEYS: [&str; 15] = [
    "author",
    "author_rotated",
    "author_rotated2",
    "author_rotated3",
    "destination",
    "origin",
    "origin_sok_all",
    "origin_sok_msg",
    "origin_sok_none",
    "origin_sok_signet",
    "origin_sok_tls_software",
    "recipient",
    "recipient_device",
    "stranger",
    "third",
];

/// Keys and signets by name.
pub(super) struct World {
    keys: BTreeMap<&'static str, PrivateKeys>,
    signets: BTreeMap<String, Signet>,
}

impl World {
    pub(super) fn new() -> Result<Self, GenerateError> {
        let keys = KEYS.into_iter().map(|name| {
            let keys = PrivateKeys {
                signing: SigningKey::from_seed(secret(&format!("signing key {name}"))),
                encryption: EncryptionKey::derive(secret(&format!("encryption key {name}"))),
            };
            (name, keys)
        });
        let mut world = Self {
            keys: keys.collect(),
            signets: BTreeMap::new(),
        };
        world.organizations()?;
        world.users()?;
        Ok(world)
    }

    fn organizations(&mut self) -> Result<(), GenerateError> {
        let draft = |keys: &PrivateKeys| {
            signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime)
        };
        for (name, domain) in [("origin", ORIGIN), ("destination", DESTINATION)] {
            let keys = self.keys(name)?;
            let signet = draft(keys).sign(&keys.signing, domain)?;
            self.stages(name, &signet)?;
        }
        let origin = self.keys("origin")?;
        let mut with_soks = draft(origin);
        for (permissions, name) in [
            (0x01, "origin_sok_signet"),
            (0x02, "origin_sok_msg"),
            (0x0c, "origin_sok_tls_software"),
            (0x0f, "origin_sok_all"),
            (0x00, "origin_sok_none"),
        ] {
            let sok = self.keys(name)?.signing.public();
            with_soks = with_soks.sok(Permissions(permissions), sok);
        }
        let signet = with_soks.sign(&origin.signing, ORIGIN)?;
        self.stages("origin_soks", &signet)
    }

    fn users(&mut self) -> Result<(), GenerateError> {
        // Name, keys, custody by, issued by, address, alternate keys.
        for (name, keys, previous, issuer, address, alternate) in [
            ("author", "author", None, "origin", AUTHOR, &[][..]),
            (
                "author_rotated_coc",
                "author_rotated",
                Some("author"),
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated2_coc",
                "author_rotated2",
                Some("author_rotated"),
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated3_coc",
                "author_rotated3",
                Some("author_rotated2"),
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated_nococ",
                "author_rotated",
                None,
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated_foreigncoc",
                "author_rotated",
                Some("stranger"),
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated2_foreigncoc",
                "author_rotated2",
                Some("stranger"),
                "origin",
                AUTHOR,
                &[],
            ),
            (
                "author_rotated2_strangercoc",
                "author_rotated2",
                Some("author_rotated"),
                "stranger",
                AUTHOR,
                &[],
            ),
            (
                "author_by_stranger",
                "author",
                None,
                "stranger",
                AUTHOR,
                &[],
            ),
            (
                "author_elsewhere",
                "author",
                None,
                "destination",
                "ann@two.example",
                &[],
            ),
            (
                "recipient",
                "recipient",
                None,
                "destination",
                RECIPIENT,
                &["recipient"],
            ),
            (
                "recipient_devices",
                "recipient",
                None,
                "destination",
                RECIPIENT,
                &["recipient_device", "recipient"],
            ),
            (
                "recipient_noalternate",
                "recipient",
                None,
                "destination",
                RECIPIENT,
                &[],
            ),
            ("third", "third", None, "destination", THIRD, &[]),
        ] {
            let previous = previous.map(|name| self.keys(name)).transpose()?;
            let alternate: Vec<_> = alternate
                .iter()
                .map(|name| alternate_key(name).public())
                .collect();
            let request = signet::request(
                self.keys(keys)?,
                &alternate,
                previous.map(|keys| &keys.signing),
                Profile::Libdime,
            )?;
            let issued = signet::issue(&request, &self.keys(issuer)?.signing, &[], address)?;
            self.signets.insert(format!("{name}_ssr"), request);
            self.stages(name, &issued)?;
        }
        Ok(())
    }

    /// Keeps the three stages of a signet.
    fn stages(&mut self, name: &str, identified: &Signet) -> Result<(), GenerateError> {
        for (stage, kind) in [
            ("crypto", FingerprintKind::Cryptographic),
            ("full", FingerprintKind::Full),
        ] {
            self.signets
                .insert(format!("{name}_{stage}"), identified.split(kind)?);
        }
        self.signets
            .insert(format!("{name}_id"), identified.clone());
        Ok(())
    }

    pub(super) fn keys(&self, name: &str) -> Result<&PrivateKeys, GenerateError> {
        let keys = self.keys.get(name);
        keys.ok_or_else(|| GenerateError::Unknown(format!("key {name}")))
    }

    pub(super) fn signet(&self, name: &str) -> Result<&Signet, GenerateError> {
        let signet = self.signets.get(name);
        signet.ok_or_else(|| GenerateError::Unknown(format!("signet {name}")))
    }

    /// The cryptographic fingerprint of a signet, as envelopes have it.
    pub(super) fn fingerprint(&self, name: &str) -> Result<String, GenerateError> {
        let print = self
            .signet(name)?
            .fingerprint(FingerprintKind::Cryptographic);
        let print =
            print.ok_or_else(|| GenerateError::Unknown(format!("fingerprint of {name}")))?;
        Ok(print.to_string())
    }

    /// The world as `worlds.json` has it. `x25519_*` are members of our own.
    pub(super) fn to_json(&self) -> Value {
        let keys = self.keys.iter().map(|(name, keys)| {
            let alternate = alternate_key(name);
            let keys = json!({
                "ed25519_private_hex": hex::encode(keys.signing.seed()),
                "ed25519_public_hex": hex::encode(keys.signing.public().0),
                "secp256k1_private_hex": hex::encode(*keys.encryption.to_bytes()),
                "secp256k1_public_hex": hex::encode(keys.encryption.public().as_bytes()),
                "x25519_private_hex": hex::encode(*alternate.to_bytes()),
                "x25519_public_hex": hex::encode(alternate.public().0),
            });
            ((*name).to_owned(), keys)
        });
        let signets = self
            .signets
            .iter()
            .map(|(name, signet)| (name.clone(), json!(encode_padded(signet.as_bytes()))));
        json!({
            "id": ID,
            "origin_domain": ORIGIN,
            "destination_domain": DESTINATION,
            "author_address": AUTHOR,
            "recipient_address": RECIPIENT,
            "third_address": THIRD,
            "keys": keys.collect::<serde_json::Map<_, _>>(),
            "signets_b64": signets.collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// The X25519 key that goes by the name of a pair of keys.
pub(super) fn alternate_key(name: &str) -> AlternateKey {
    AlternateKey::from_bytes(secret(&format!("alternate key {name}")))
}

/// The random stream of a message.
pub(super) fn stream(message: &str) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(secret(&format!("message {message}")))
}

/// 32 bytes for a purpose: SHA-512 of a label and its name, cut.
pub(super) fn secret(purpose: &str) -> [u8; 32] {
    let digest = Sha512::new()
        .chain_update(b"dimespec vectors 1 ")
        .chain_update(purpose)
        .finalize();
    digest.first_chunk().copied().unwrap_or_default()
}
