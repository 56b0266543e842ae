//! Key files, primitives, texts, management records, keyword lines, STACIE and tables.

use schemars::JsonSchema;
use serde::Deserialize;

use super::values::{Actor, Base64, CommonHeaders, Hex};

/// Key files, and the armour of keys and signets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    pub generator: String,
    pub valid: Option<Vec<KeyFile>>,
    pub load_cases: Option<Vec<Armored<LoadedKeys>>>,
    pub signet_armor_cases: Option<Vec<Armored<LoadedSignet>>>,
    pub ed25519_private_pem_cases: Option<Vec<Armored<LoadedSeed>>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    pub id: String,
    /// `org` or `user`.
    #[serde(rename = "type")]
    pub kind: String,
    pub ed25519_private_hex: Hex,
    pub secp256k1_private_hex: Hex,
    pub ed25519_public_hex: Option<Hex>,
    pub secp256k1_public_hex: Option<Hex>,
    pub binary_hex: Hex,
    pub armored_text: String,
}

/// An armoured text and what libdime read in it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Armored<T> {
    pub id: String,
    pub pem_b64: Base64,
    pub libdime: T,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadedKeys {
    pub signing_key_ok: bool,
    pub ed25519_private_hex: Option<Hex>,
    pub signing_detail: Option<String>,
    pub encryption_key_ok: bool,
    pub secp256k1_private_hex: Option<Hex>,
    pub encryption_detail: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadedSignet {
    pub ok: bool,
    pub detail: Option<String>,
    pub binary_b64: Option<Base64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadedSeed {
    pub ok: bool,
    pub ed25519_private_hex: Option<Hex>,
}

/// Checksums, encodings, key derivation, key encodings and signatures.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Primitives {
    pub generator: String,
    pub crc24: Option<Vec<Checksum>>,
    pub base64_encode: Option<Vec<Encoding>>,
    pub base64_decode: Option<Vec<Decoding>>,
    pub kek: Option<Vec<Kek>>,
    pub secp256k1_public_keys: Option<Vec<PublicKey>>,
    pub ed25519: Option<Vec<Signature>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Checksum {
    pub data_hex: Hex,
    pub crc24: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    pub data_hex: Hex,
    pub padded: Base64,
    pub unpadded: String,
    pub with_line_breaks: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decoding {
    pub text: String,
    pub ok: bool,
    pub data_hex: Option<Hex>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kek {
    pub private_hex: Hex,
    pub public_hex: Hex,
    pub shared_x_hex: Option<Hex>,
    pub kek_iv_hex: Hex,
    pub kek_key_hex: Hex,
    pub note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicKey {
    pub id: String,
    pub public_hex: Hex,
    pub accepted: bool,
    pub crash: Option<bool>,
    pub kek_with_recipient_private_hex: Option<Hex>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    pub id: String,
    pub ed25519_private_hex: Option<Hex>,
    pub ed25519_public_hex: Hex,
    pub message_hex: Hex,
    pub signature_hex: Hex,
    pub valid: bool,
}

/// The texts inside messages.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parsers {
    pub generator: String,
    pub envelope_parse: Option<Vec<EnvelopeText>>,
    pub common_headers_parse: Option<Vec<HeadersText>>,
    pub common_headers_format: Option<Vec<Headers>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeText {
    pub id: String,
    /// 4 = origin, 5 = destination.
    pub chunk_type: u8,
    pub data_b64: Base64,
    pub libdime: EnvelopeRead,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeRead {
    pub ok: bool,
    pub user: Option<String>,
    pub user_fp: Option<String>,
    pub org: Option<String>,
    pub org_fp: Option<String>,
    pub detail: Option<String>,
    pub memory_unsafe: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadersText {
    pub id: String,
    pub data_b64: Base64,
    pub libdime: HeadersRead,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadersRead {
    pub ok: bool,
    /// Values in base64.
    pub headers: Option<CommonHeaders>,
    pub detail: Option<String>,
    pub memory_unsafe: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Headers {
    pub id: String,
    pub headers: CommonHeaders,
    pub ok: bool,
    pub data_b64: Option<Base64>,
}

/// Management records, written and read.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Records {
    pub generator: String,
    pub genrec: Option<Vec<WrittenRecord>>,
    pub parse: Option<Vec<RecordText>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRecord {
    pub id: String,
    pub options: Vec<String>,
    pub pok_private_hex: Vec<Hex>,
    pub certificate_der_b64: Option<Base64>,
    pub exit_code: i32,
    pub output: String,
    /// The quoted chunks put together.
    pub joined_record: String,
    pub parse: RecordRead,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordText {
    pub id: String,
    pub txt: String,
    pub libdime: RecordRead,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRead {
    pub ok: bool,
    pub version: Option<u32>,
    pub policy: Option<String>,
    pub subdomain: Option<String>,
    pub expiry: Option<u64>,
    pub dx: Option<Vec<String>>,
    pub syndicates: Option<Vec<String>>,
    pub pok_hex: Option<Vec<Hex>>,
    pub tls_hex: Option<Vec<Hex>>,
    pub detail: Option<String>,
}

/// Lines of DMTP's keyword dialect.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dmtp {
    pub generator: String,
    pub format: Option<Vec<LineToWrite>>,
    pub parse: Option<Vec<LineToRead>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineToWrite {
    pub id: String,
    /// The word; `SGNT` and `VRFY` with `_USER` or `_DOMAIN` behind.
    pub command: String,
    pub arguments: LineArguments,
    pub libdime: LineWritten,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineArguments {
    pub a1: Option<String>,
    pub a2: Option<String>,
    pub a3: Option<String>,
    /// 0 = DMTP, 1 = SMTP, 2 = none.
    pub mode: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineWritten {
    pub ok: Option<bool>,
    pub line: Option<String>,
    pub detail: Option<String>,
    pub crash: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineToRead {
    pub id: String,
    pub line: String,
    pub libdime: LineRead,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRead {
    pub result: LineResult,
    pub command: Option<String>,
    /// By place in the command's table.
    pub arguments: Option<[Option<LineArgument>; 3]>,
    pub reformatted: Option<String>,
    pub detail: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LineResult {
    Success,
    InvalidCall,
    InternalError,
    CommandError,
    ArgumentError,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineArgument {
    pub name: Option<String>,
    pub value: String,
}

/// Keys from passwords.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stacie {
    pub generator: String,
    pub rounds: Option<Vec<Rounds>>,
    pub derivations: Option<Vec<Derivation>>,
    pub errors: Option<Vec<StacieRefusal>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounds {
    pub password_hex: Hex,
    pub bonus: u64,
    /// 0 if the password is refused.
    pub rounds: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    pub username_utf8: String,
    pub password_hex: Hex,
    pub rounds: u32,
    pub salt_hex: Hex,
    pub nonce_hex: Hex,
    pub entropy_seed_hex: Hex,
    pub master_key_hex: Hex,
    pub password_key_hex: Hex,
    pub verification_token_hex: Hex,
    pub ephemeral_login_token_hex: Hex,
    pub realm: String,
    pub shard_hex: Hex,
    pub realm_key_hex: Hex,
    pub realm_vector_key_hex: Hex,
    pub realm_tag_key_hex: Hex,
    pub realm_cipher_key_hex: Hex,
    pub realm_encrypt: Option<Vec<RealmEnvelope>>,
    pub realm_decrypt_corrupt: Option<Vec<DamagedEnvelope>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RealmEnvelope {
    pub serial: u16,
    pub plaintext_hex: Hex,
    pub envelope_hex: Hex,
    pub libdime_decrypts_it: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DamagedEnvelope {
    pub flipped_byte: Option<u32>,
    pub truncated: Option<u32>,
    pub envelope_hex: Hex,
    pub ok: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StacieRefusal {
    /// Which input of the seed is wrong.
    pub id: String,
    pub ok: bool,
    pub crash: bool,
}

/// The tables in force.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tables {
    pub generator: String,
    pub message_chunks: Option<Vec<ChunkRow>>,
    pub signet_fields: Option<SignetTables>,
    pub dmtp_commands: Option<Vec<CommandRow>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChunkRow {
    #[serde(rename = "type")]
    pub kind: u8,
    pub name: String,
    pub required: u8,
    /// 1 where the type may occur more than once, whatever its name says.
    pub unique: u8,
    pub encrypted: u8,
    pub sequential: u8,
    pub section: String,
    pub payload: String,
    pub keyslots: Vec<Actor>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignetTables {
    pub org: Option<Vec<FieldRow>>,
    pub user: Option<Vec<FieldRow>>,
    pub ssr: Option<Vec<FieldRow>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRow {
    pub id: u8,
    pub label: String,
    pub required: u8,
    pub unique: u8,
    pub name_len_bytes: u8,
    pub data_len_bytes: u8,
    pub fixed_size: u32,
    pub dump: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandRow {
    pub command: String,
    pub args: Vec<ParameterRow>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterRow {
    pub name: Option<String>,
    /// `angle`, `square`, `plain` or `none`.
    pub style: String,
    pub size: u32,
}
