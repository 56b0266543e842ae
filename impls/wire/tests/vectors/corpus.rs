//! The recorded files: loading, worlds with their keys and signets, small accessors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dime_wire::encoding;
use dime_wire::keys::{EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::signet::Signet;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

/// Where the recorded files are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/libdime")
}

pub fn load(file: &str) -> Value {
    let text = std::fs::read_to_string(folder().join(file)).expect("the recorded file is there");
    serde_json::from_str(&text).expect("the recorded file is JSON")
}

pub fn cases(file: &str) -> Vec<Value> {
    load(file)["cases"]
        .as_array()
        .expect("the file has cases")
        .clone()
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is not text in {value}"))
}

pub fn number(value: &Value, key: &str) -> usize {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is not a number in {value}")) as usize
}

pub fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("recorded hex is hex")
}

pub fn array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text)
        .try_into()
        .expect("recorded hex has the right size")
}

pub fn unbase64(text: &str) -> Vec<u8> {
    encoding::decode_strict(text).expect("recorded base64 is strict")
}

pub fn sha512_hex(data: &[u8]) -> String {
    hex::encode(Sha512::digest(data))
}

/// The bytes of a recorded part, given as such or by a seed.
pub fn part_data(part: &Value) -> Vec<u8> {
    if let Some(text) = part["data_b64"].as_str() {
        return unbase64(text);
    }
    let generator = &part["data_prng"];
    let (seed, length) = (text(generator, "seed"), number(generator, "length"));
    let blocks = (0u64..).flat_map(|counter| {
        Sha512::new()
            .chain_update(seed)
            .chain_update(counter.to_le_bytes())
            .finalize()
    });
    blocks.take(length).collect()
}

/// One of the recorded worlds.
pub struct World {
    json: Value,
}

impl World {
    pub fn all() -> BTreeMap<String, World> {
        let file = load("worlds.json");
        let worlds = file["worlds"].as_array().expect("there are worlds").iter();
        worlds
            .map(|json| (text(json, "id").to_owned(), World { json: json.clone() }))
            .collect()
    }

    pub fn name(&self, key: &str) -> &str {
        text(&self.json, key)
    }

    pub fn keys(&self, name: &str) -> PrivateKeys {
        let recorded = &self.json["keys"][name];
        let encryption = EncryptionKey::from_bytes(array(text(recorded, "secp256k1_private_hex")));
        let keys = PrivateKeys {
            signing: SigningKey::from_seed(array(text(recorded, "ed25519_private_hex"))),
            encryption: encryption.expect("recorded scalars are valid"),
        };
        assert_eq!(
            hex::encode(keys.signing.public().0),
            text(recorded, "ed25519_public_hex")
        );
        assert_eq!(
            hex::encode(keys.encryption.public().as_bytes()),
            text(recorded, "secp256k1_public_hex")
        );
        keys
    }

    pub fn signet_bytes(&self, name: &str) -> Vec<u8> {
        unbase64(text(&self.json["signets_b64"], name))
    }

    pub fn signet(&self, name: &str) -> Signet {
        Signet::parse(&self.signet_bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn signet_names(&self) -> Vec<String> {
        self.json["signets_b64"]
            .as_object()
            .expect("a world has signets")
            .keys()
            .cloned()
            .collect()
    }
}
