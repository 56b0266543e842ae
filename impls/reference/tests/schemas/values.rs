//! The encodings of values, and what many files share.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Lower-case hex.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^([0-9a-f]{2})*$"))]
pub struct Hex(String);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if text.len().is_multiple_of(2) && text.chars().all(digit) {
            Ok(Self(text))
        } else {
            Err(format!("{text:?} is not lower-case hex"))
        }
    }
}

/// Standard base64 with padding.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9+/]*={0,2}$"))]
pub struct Base64(String);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match dime_wire::encoding::decode_strict(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("{text:?}: {error}")),
        }
    }
}

/// A fingerprint: base64 of a SHA-512 without padding.
#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9+/]{86}$"))]
pub struct Fingerprint(String);

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match dime_wire::signet::Fingerprint::parse(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("{text:?}: {error}")),
        }
    }
}

/// One of the four actors.
#[derive(Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    Author,
    Origin,
    Destination,
    Recipient,
}

/// Something for each of some actors: the name of a signet or of keys in the world, or a verdict.
pub type ByActor<T> = BTreeMap<Actor, T>;

/// The headers every message may have.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommonHeaders {
    pub date: Option<String>,
    pub to: Option<String>,
    pub cc: Option<String>,
    pub from: Option<String>,
    pub organization: Option<String>,
    pub subject: Option<String>,
}

/// A display part or attachment as read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The payload's flags byte.
    pub flags: u8,
    /// Bytes of the part's data.
    pub size: u64,
    /// SHA-512 of the part's data.
    pub sha512_hex: Hex,
}

/// Who is involved, as far as an actor learns; `fp_*` are cryptographic fingerprints.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    pub author: Option<String>,
    pub origin: Option<String>,
    pub destination: Option<String>,
    pub recipient: Option<String>,
    pub fp_author: Option<Fingerprint>,
    pub fp_origin: Option<Fingerprint>,
    pub fp_destination: Option<Fingerprint>,
    pub fp_recipient: Option<Fingerprint>,
}
