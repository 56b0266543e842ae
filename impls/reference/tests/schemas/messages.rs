//! Worlds, signets, messages, bounces and chains of custody.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Base64, ByActor, CommonHeaders, Envelope, Fingerprint, Hex, Part};

/// Worlds: names, keys and signets that cases refer to by name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worlds {
    /// What made the file.
    pub generator: String,
    pub worlds: Vec<World>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct World {
    pub id: String,
    pub origin_domain: String,
    pub destination_domain: String,
    pub author_address: String,
    pub recipient_address: String,
    pub third_address: String,
    pub keys: BTreeMap<String, Keys>,
    /// Binary signets.
    pub signets_b64: BTreeMap<String, Base64>,
}

/// Ed25519 seed and key, secp256k1 scalar and compressed point; in our own worlds an X25519 pair.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub ed25519_private_hex: Hex,
    pub ed25519_public_hex: Hex,
    pub secp256k1_private_hex: Hex,
    pub secp256k1_public_hex: Hex,
    pub x25519_private_hex: Option<Hex>,
    pub x25519_public_hex: Option<Hex>,
}

/// Signets, the context they are judged in, and the verdict.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signets {
    pub generator: String,
    pub cases: Vec<SignetCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignetCase {
    pub id: String,
    pub world: String,
    pub description: String,
    pub quirk: Option<String>,
    /// The name of a signet in the world.
    pub signet: Option<String>,
    /// A signet in place of a name.
    pub signet_b64: Option<Base64>,
    pub context: SignetContext,
    pub libdime: SignetVerdict,
    /// The signet in base64, as written by libdime.
    pub base64: Option<Base64>,
    /// The signet in armour, as written by libdime.
    pub armored_text: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignetContext {
    pub org_signet: Option<String>,
    pub previous_signet: Option<String>,
    pub poks_hex: Option<Vec<Hex>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignetVerdict {
    pub deserialize_ok: bool,
    pub crash: Option<bool>,
    pub memory_unsafe: Option<bool>,
    pub detail: Option<String>,
    /// `org`, `user` or `ssr`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub structure_state: Option<String>,
    pub state: Option<String>,
    pub state_text: Option<String>,
    pub signing_key_usable: Option<bool>,
    pub encryption_key_usable: Option<bool>,
    pub fingerprint_ssr: Option<Fingerprint>,
    pub fingerprint_crypto: Option<Fingerprint>,
    pub fingerprint_full: Option<Fingerprint>,
    pub fingerprint_id: Option<Fingerprint>,
    pub signkeys_msg: Option<Vec<Hex>>,
    pub signkeys_signet: Option<Vec<Hex>>,
    pub signkeys_tls: Option<Vec<Hex>>,
    pub signkeys_software: Option<Vec<Hex>>,
    pub fields: Option<Vec<SignetField>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignetField {
    pub id: u8,
    pub label: String,
    pub name_hex: Option<Hex>,
    pub data_hex: Hex,
}

/// Messages and what each actor makes of them: libdime's damaged ones, and all of our own.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    pub generator: String,
    pub cases: Vec<MessageCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageCase {
    pub id: String,
    pub world: String,
    pub description: String,
    pub quirk: Option<String>,
    pub message_b64: Base64,
    pub context: MessageContext,
    pub actors: ByActor<Verdict>,
    /// Types and sizes of all chunks in order. Ours only.
    pub chunks: Option<Vec<ChunkSize>>,
}

/// Names in the world of what each actor holds; `null` for a signet that is not supplied.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageContext {
    pub signets: ByActor<Option<String>>,
    pub private_keys: ByActor<String>,
    /// Names of the keys whose X25519 halves the recipient holds. Ours only.
    pub alternate_keys: Option<Vec<String>>,
    /// The message's X25519 secret, if its author kept it. Ours only.
    pub ephemeral_alternate_private_hex: Option<Hex>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkSize {
    #[serde(rename = "type")]
    pub kind: u8,
    pub payload_size: u32,
}

/// What an actor makes of a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    pub verdict: Judgement,
    /// Where it fell: `deserialize`, `kek`, `envelope` or `decrypt`.
    pub stage: Option<String>,
    pub message_state: Option<String>,
    pub detail: Option<String>,
    pub memory_unsafe: Option<bool>,
    /// Whether the message is of the hardened profile. Ours only, as everything below.
    pub hardened: Option<bool>,
    pub envelope: Option<Envelope>,
    pub common_headers: Option<CommonHeaders>,
    pub other_headers_b64: Option<Base64>,
    /// `null` where the parts stay under the alternate layer.
    pub display: Option<Vec<Part>>,
    /// As `display`.
    pub attach: Option<Vec<Part>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    Accept,
    Reject,
    /// libdime crashed; an implementation rejects.
    Crash,
}

/// Good messages with every value that they were made of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    pub generator: String,
    pub cases: Vec<RecordedCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedCase {
    pub id: String,
    pub world: String,
    pub description: String,
    pub quirk: Option<String>,
    /// 1 = metadata bounce, 2 = display bounce.
    pub origin_bounce_flags: u8,
    pub inputs: Inputs,
    pub ephemeral_private_hex: Hex,
    pub message_b64: Option<Base64>,
    /// A binary file beside the JSON, in place of `message_b64`.
    pub message_file: Option<String>,
    pub message_size: u64,
    pub message_sha512_hex: Hex,
    pub author_stage_message_b64: Option<Base64>,
    pub chunks: Vec<RecordedChunk>,
    pub tree_signature_input_hex: Hex,
    pub actors: ByActor<RecordedVerdict>,
    pub unpatched_libdime: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    pub author: String,
    pub recipient: String,
    pub origin: String,
    pub destination: String,
    pub private_keys: ByActor<String>,
    pub signets: ByActor<String>,
    pub author_signing_key: String,
    pub origin_signing_key: String,
    pub common_headers: CommonHeaders,
    pub other_headers_b64: Base64,
    pub tracing_b64: Option<Base64>,
    pub display: Vec<GivenPart>,
    pub attach: Vec<GivenPart>,
}

/// A part with its data, or with the seed and length it is made from.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenPart {
    pub flags: u8,
    pub size: u64,
    pub sha512_hex: Hex,
    pub data_b64: Option<Base64>,
    pub data_prng: Option<DataGenerator>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataGenerator {
    pub seed: String,
    pub length: u64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedChunk {
    #[serde(rename = "type")]
    pub kind: u8,
    pub name: String,
    pub offset: u64,
    pub payload_size: u32,
    pub serial_size: u32,
    pub payload_hex: Option<Hex>,
    pub aes_key_hex: Option<Hex>,
    pub iv_hex: Option<Hex>,
    pub keyslots: Option<Vec<RecordedKeyslot>>,
    pub data_size: Option<u32>,
    pub flags: Option<u8>,
    pub pad_byte: Option<u8>,
    pub chunk_sig_valid: Option<bool>,
    pub data_ok: Option<bool>,
    pub payload_plaintext_b64: Option<Base64>,
    pub payload_plaintext_sha512_hex: Option<Hex>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedKeyslot {
    pub actor: super::values::Actor,
    /// Position in the chunk, from 1.
    pub slot: u8,
    pub random_hex: Hex,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedVerdict {
    pub deserialize_ok: bool,
    /// 16 bytes of vector, 32 of key.
    pub kek_hex: Hex,
    pub verdict: Judgement,
    pub stage: String,
    pub message_state: String,
    pub detail: Option<String>,
    pub envelope: Option<Envelope>,
    pub common_headers: Option<CommonHeaders>,
    pub other_headers_b64: Option<Base64>,
    pub display: Option<Vec<Part>>,
    pub attach: Option<Vec<Part>>,
}

/// Letters that libdime refuses to seal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    pub generator: String,
    pub cases: Vec<RefusedCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedCase {
    pub id: String,
    pub world: String,
    pub description: String,
    pub inputs: RefusedInputs,
    pub libdime: RefusedVerdict,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedInputs {
    pub signets: ByActor<Option<String>>,
    pub common_headers: CommonHeaders,
    pub other_headers_b64: Option<Base64>,
    pub display_count: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedVerdict {
    pub encrypt_ok: bool,
    pub crash: bool,
    pub detail: Option<String>,
}

/// Bounces, and what origin and author make of them. Ours only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounces {
    pub generator: String,
    pub cases: Vec<BounceCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BounceCase {
    pub id: String,
    pub world: String,
    pub description: String,
    pub bounce_b64: Base64,
    /// A message as its origin sent it.
    pub sent_b64: Base64,
    pub context: MessageContext,
    /// What the bounce returns: `metadata`, `display` or `full`; `null` if it is refused.
    pub extent: Option<String>,
    /// Whether it returns the message `sent_b64`.
    pub is_of_sent: bool,
    pub actors: ByActor<Verdict>,
}

/// Chains of custody and the verdict on each. Ours only.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    pub generator: String,
    pub cases: Vec<CustodyCase>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyCase {
    pub id: String,
    pub world: String,
    pub description: String,
    /// Names of signets in the world, oldest first.
    pub chain: Vec<String>,
    pub context: CustodyContext,
    pub expected: CustodyVerdict,
    pub find: Vec<Found>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustodyContext {
    /// A signet that was validated before, from which the chain follows.
    pub trusted: Option<String>,
    /// The organization's signets, in any order.
    pub organizations: Vec<String>,
    /// The address that was asked for.
    pub address: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CustodyVerdict {
    Valid,
    /// The signet at `link`, from 0, is good in itself but does not follow.
    Broken {
        link: u32,
        cause: CustodyCause,
    },
    /// The signet at `link` is not good in itself.
    Invalid {
        link: u32,
    },
    /// None of the organization's signets is sound, so no signet can be judged.
    NoOrganization,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CustodyCause {
    Reset,
    NoPredecessor,
    Signature,
}

/// Which signet of the chain a cryptographic fingerprint leads to.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    pub fingerprint: Fingerprint,
    pub position: Option<u32>,
}
