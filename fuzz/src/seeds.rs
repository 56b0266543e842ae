//! What the targets begin from: everything in the recorded vectors, what the fixed world makes, the
//! documents of this repository, and a few lines of each protocol.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::LazyLock;

use dime::files;
use dime::live::write_log;
use dime::platform::Batch;
use dime_wire::encoding;
use dime_wire::message::Part;
use serde_json::{Value, json};

use crate::targets;
use crate::world::WORLD;

/// Most seeds of one kind; of more, every so manieth is taken.
const MAXIMUM_SEEDS: usize = 256;
/// Most bytes of a seed.
const MAXIMUM_SIZE: usize = 32 * 1024;
/// How deep the JSON of vectors is searched.
const MAXIMUM_DEPTH: usize = 16;

/// What a target wants to begin from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Everything there is.
    Anything,
    /// Armour and base64.
    Text,
    /// Management records.
    Record,
    /// Texts of envelopes.
    Envelope,
    /// Common headers.
    Headers,
    /// Dates.
    Date,
    /// Signets and signing requests.
    Signet,
    /// Signets one behind another, each behind two bytes of length.
    Chain,
    /// PNG images.
    Photo,
    /// Key files, plain and sealed, binary and armoured.
    KeyFile,
    /// Messages of every form.
    Message,
    /// Plaintexts for chunks of messages.
    Payload,
    /// Data of parts, plain and compressed.
    Part,
    /// Commands of DMTP.
    Dmtp,
    /// Replies of a DMTP server.
    DmtpReplies,
    /// Lines of DMTP's keyword dialect.
    Keyword,
    /// Commands of DMAP.
    Dmap,
    /// Answers of a DMAP server.
    DmapReplies,
    /// Attachments with their names.
    Attachment,
    /// Accounts of STACIE: bonus rounds, name, password.
    Account,
    /// Files of certificates and TLS keys.
    CertificateFile,
    /// Certificates in DER, one behind another, each behind two bytes of length.
    #[cfg(feature = "harness")]
    Certificate,
    /// Trust anchors.
    Anchors,
    /// Configurations of a server.
    Configuration,
    /// Files of stores, and their commits, each behind two bytes of length.
    Store,
    /// Files of recorded cases.
    Vectors,
    /// Rulings.
    Rulings,
    /// Scenarios.
    Scenario,
    /// Lists of inherent leaks.
    Inherent,
    /// Manifests of adapters.
    Adapter,
    /// Result files.
    Results,
}

/// The seeds of a kind: always the same, none twice.
pub fn of(kind: Kind) -> Vec<Vec<u8>> {
    let mut found = match kind {
        Kind::Anything => [
            Kind::Signet,
            Kind::Message,
            Kind::KeyFile,
            Kind::Text,
            Kind::Record,
        ]
        .into_iter()
        .flat_map(of)
        .collect(),
        Kind::Text => recorded(|bytes| bytes.starts_with(b"-----BEGIN ") || is_base64(bytes)),
        Kind::Record => recorded(|bytes| contains(bytes, b"pok=")),
        Kind::Envelope => recorded(|bytes| contains(bytes, b"-Signet: [")),
        Kind::Headers => recorded(|bytes| contains(bytes, b"Date: ")),
        Kind::Date => DATES.iter().map(|time| date(*time)).collect(),
        Kind::Signet => recorded(is_signet),
        Kind::Chain => chains(),
        Kind::Photo => photos(),
        Kind::KeyFile => [WORLD.key_files(), recorded(is_key_file)].concat(),
        Kind::Message => [WORLD.messages(), recorded(is_message)].concat(),
        Kind::Payload => targets::payloads(),
        Kind::Part => parts(),
        Kind::Dmtp => lines(DMTP),
        Kind::DmtpReplies => lines(DMTP_REPLIES),
        Kind::Keyword => recorded(|bytes| bytes.ends_with(b"\n") && !bytes.starts_with(b"-----")),
        Kind::Dmap => lines(DMAP),
        Kind::DmapReplies => lines(DMAP_REPLIES),
        Kind::Attachment => attachments(),
        Kind::Account => ACCOUNTS.map(|account| account.to_vec()).to_vec(),
        Kind::CertificateFile => certificate_files(),
        #[cfg(feature = "harness")]
        Kind::Certificate => certificates(),
        Kind::Anchors => vec![ANCHORS.as_bytes().to_vec()],
        Kind::Configuration => configurations(),
        Kind::Store => stores(),
        Kind::Vectors => excerpts(),
        Kind::Rulings => entries("scenarios/rulings.yaml", "rulings:\n", "\n  - id:"),
        Kind::Scenario => documents("scenarios", "yaml"),
        Kind::Inherent => entries("scenarios/inherent.yaml", "", "\n- id:"),
        Kind::Adapter => documents("impls/adapters", "yaml"),
        Kind::Results => documents("reports", "json"),
    };
    found.retain(|seed| seed.len() <= MAXIMUM_SIZE);
    let found: Vec<Vec<u8>> = found
        .into_iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let step = found.len().div_ceil(MAXIMUM_SEEDS).max(1);
    found.into_iter().step_by(step).collect()
}

/// Each piece behind two bytes of length.
fn framed(pieces: &[Vec<u8>]) -> Vec<u8> {
    let pieces = pieces.iter().flat_map(|piece| {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        [length.to_be_bytes().to_vec(), piece.clone()]
    });
    pieces.collect::<Vec<_>>().concat()
}

/// The pieces of `input`, each behind two bytes of length; the last as long as there is something.
pub fn unframed(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(behind.len());
        let (piece, behind) = behind.split_at_checked(length)?;
        rest = behind;
        Some(piece)
    })
}

/// What a document of recorded cases names of the worlds of the vectors. All of them take a hundred
/// times as long to judge as a case.
pub fn worlds_for(document: &Value) -> Value {
    static WORLDS: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_slice(&file("impls/wire/vectors/libdime/worlds.json")).unwrap_or_default()
    });
    let mut named = BTreeSet::from(["author"]);
    texts(document, MAXIMUM_DEPTH, &mut |text| {
        named.insert(text);
    });
    let kept = |members: &Value| {
        let members = members.as_object().into_iter().flatten();
        let kept = members.filter(|(name, _)| named.contains(name.as_str()));
        kept.map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Value>()
    };
    let worlds = WORLDS["worlds"].as_array().into_iter().flatten();
    let worlds = worlds.filter(|world| world["id"].as_str().is_some_and(|id| named.contains(id)));
    let worlds = worlds.map(|world| {
        let members = world.as_object().into_iter().flatten();
        let members = members.map(|(key, value)| {
            let value = match key.as_str() {
                "keys" | "signets_b64" => kept(value),
                _ => value.clone(),
            };
            (key.clone(), value)
        });
        members.collect::<Value>()
    });
    json!({ "worlds": worlds.collect::<Vec<Value>>() })
}

/// A file of the server that the tests of the programs run.
pub fn server_file(name: &str) -> Vec<u8> {
    file(&format!("impls/reference/tests/data/{name}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn file(path: &str) -> Vec<u8> {
    fs::read(root().join(path)).unwrap_or_default()
}

/// The entries of a list, each alone behind `head`.
fn entries(path: &str, head: &str, beginning: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(&file(path)).into_owned();
    let list = text.split(beginning).skip(1);
    list.map(|entry| format!("{head}{beginning}{entry}\n").into_bytes())
        .collect()
}

/// Every file below `folder` that ends so.
fn documents(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![root().join(folder)];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .collect()
}

/// Everything in the vectors that `wanted` picks.
fn recorded(wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let all = RECORDED.iter();
    all.filter(|bytes| wanted(bytes)).cloned().collect()
}

/// All texts in the vectors, and what is in base64 or hex.
static RECORDED: LazyLock<BTreeSet<Vec<u8>>> = LazyLock::new(|| {
    let mut found = BTreeSet::new();
    for json in documents("impls/wire/vectors", "json") {
        if let Ok(value) = serde_json::from_slice(&json) {
            search(&value, &mut |bytes| {
                if bytes.len() <= MAXIMUM_SIZE {
                    found.insert(bytes);
                }
            });
        }
    }
    found
});

fn search(value: &Value, take: &mut dyn FnMut(Vec<u8>)) {
    texts(value, MAXIMUM_DEPTH, &mut |text| {
        take(text.to_owned().into_bytes());
        if let Ok(bytes) = encoding::decode_strict(text) {
            take(bytes);
        }
        take(from_hex(text).unwrap_or_default());
    });
}

/// Every text in `value`, but for names of members.
fn texts<'a>(value: &'a Value, depth: usize, take: &mut dyn FnMut(&'a str)) {
    match value {
        _ if depth == 0 => {}
        Value::Array(items) => items.iter().for_each(|item| texts(item, depth - 1, take)),
        Value::Object(members) => members
            .values()
            .for_each(|item| texts(item, depth - 1, take)),
        Value::String(text) => take(text),
        _ => {}
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

fn is_base64(bytes: &[u8]) -> bool {
    bytes.len() > 16
        && std::str::from_utf8(bytes).is_ok_and(|text| encoding::decode_strict(text).is_ok())
}

fn is_signet(bytes: &[u8]) -> bool {
    matches!(bytes, [0x06, 0xf0 | 0xfd, ..] | [0x04, 0xbf, ..])
}

fn is_message(bytes: &[u8]) -> bool {
    matches!(bytes, [0x07, 0x37 | 0x2d, ..])
}

fn is_key_file(bytes: &[u8]) -> bool {
    matches!(bytes, [0x07, 0xa0 | 0xdd | 0x9b | 0xb8, ..]) || contains(bytes, b" KEY-----")
}

fn chains() -> Vec<Vec<u8>> {
    let mut chains: Vec<Vec<u8>> = of(Kind::Signet)
        .chunks(3)
        .map(framed)
        .filter(|chain| chain.len() <= MAXIMUM_SIZE)
        .collect();
    chains.push(framed(&WORLD.succession()));
    chains
}

fn parts() -> Vec<Vec<u8>> {
    let texts = of(Kind::Headers);
    let compressed = texts.iter().map(|text| Part::compressed(text).data);
    let large = Part::compressed(&[0; 1 << 20]).data;
    compressed.chain(texts.clone()).chain([large]).collect()
}

fn attachments() -> Vec<Vec<u8>> {
    let names = ["notes.txt", "a \"quoted\" name", "Grüße.txt", "back\\slash"];
    let attachment = |name: &str| dime::agent::client::Attachment {
        name: name.to_owned(),
        contents: b"contents".to_vec(),
    };
    names
        .into_iter()
        .filter_map(|name| attachment(name).encode().ok())
        .collect()
}

fn date(time: u64) -> Vec<u8> {
    dime::agent::client::format_date(dime::platform::UnixTime(time)).into_bytes()
}

/// The smallest image there is, whole and cut short.
fn photos() -> Vec<Vec<u8>> {
    let whole = from_hex(PNG).unwrap_or_default();
    let cut = whole.get(..40).unwrap_or_default().to_vec();
    vec![whole, cut]
}

/// The first case of every list of every file of vectors, alone, so that small changes meet what is
/// read and an execution takes no longer than it must.
fn excerpts() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for json in documents("impls/wire/vectors", "json") {
        let value = serde_json::from_slice(&json).unwrap_or_default();
        let Value::Object(whole) = value else {
            continue;
        };
        let lists = whole.iter().filter(|(_, value)| value.is_array());
        for (name, cases) in lists {
            let mut alone = whole.clone();
            for (other, value) in &mut alone {
                if let Some(list) = value.as_array_mut() {
                    list.truncate(usize::from(other == name));
                }
            }
            if name == "worlds" {
                alone.insert(name.clone(), json!([small_world(&cases[0])]));
            }
            found.push(Value::Object(alone).to_string().into_bytes());
        }
    }
    found
}

/// A world of one user and one organization.
fn small_world(world: &Value) -> Value {
    let mut world = world.clone();
    for list in ["keys", "signets_b64"] {
        if let Some(members) = world.get_mut(list).and_then(Value::as_object_mut) {
            let wanted = ["author", "origin", "author_id", "origin_id"];
            members.retain(|name, _| wanted.contains(&name.as_str()));
        }
    }
    world
}

/// Certificates and keys as PEM, and certificates as DER.
fn certificate_files() -> Vec<Vec<u8>> {
    let chain = server_file("mail-server.pem");
    let key = server_file("mail-server-key.pem");
    let der = files::parse_certificates(Path::new("the-file"), &chain).unwrap_or_default();
    let both = [chain.clone(), key.clone()].concat();
    der.into_iter().chain([chain, key, both]).collect()
}

#[cfg(feature = "harness")]
fn certificates() -> Vec<Vec<u8>> {
    use crate::world::PKI;
    let good = [PKI.server.clone(), PKI.authority.clone()];
    let alone = PKI.bad.iter().chain(&good).cloned();
    let mut chains: Vec<Vec<u8>> = alone.map(|one| framed(&[one])).collect();
    chains.push(framed(&good));
    chains
}

/// Configurations with users in them or in another file, and a file of users.
fn configurations() -> Vec<Vec<u8>> {
    let with = |users: &str| CONFIGURATION.replace("USERS", users);
    let whole = with("") + WITH_USERS;
    let other = with("users = \"users.toml\"");
    let own = with("users = \"input.toml\"") + WITH_USERS;
    let number = whole.replace("\"correct horse battery\"", "31415926535897932");
    let all = [whole, other, own, number, WITH_USERS.to_owned()];
    all.map(String::into_bytes).to_vec()
}

/// Logs of a few commits, and what stands in commits.
fn stores() -> Vec<Vec<u8>> {
    let batches = [
        Batch::default().put("queue/0000000000000000", "\0a message"),
        Batch::default()
            .delete("queue/0000000000000000")
            .put("mailbox/bob@beta.example/0000000000000001", "a message"),
    ];
    let log = write_log(&batches).unwrap_or_default();
    // Behind the first bytes and, for each, the head of a commit.
    let empty = write_log(&[]).map_or(0, |log| log.len());
    let payload = |batch: &Batch| {
        let log = write_log(slice::from_ref(batch)).unwrap_or_default();
        log.get(empty + COMMIT_HEAD..).unwrap_or_default().to_vec()
    };
    let payloads = batches.each_ref().map(payload);
    vec![log, framed(&payloads), framed(&payloads[..1])]
}

/// One seed of each line and one of all, with two bytes in front: the size of pieces and the owner's
/// mood.
fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    let print = WORLD
        .origin
        .signet
        .fingerprint(dime_wire::signet::FingerprintKind::Cryptographic)
        .map(|print| print.to_string())
        .unwrap_or_default();
    let filled: Vec<String> = lines
        .iter()
        .map(|line| line.replace("PRINT", &print) + "\r\n")
        .collect();
    let mut seeds: Vec<Vec<u8>> = filled
        .iter()
        .map(|line| [&[3, 0], line.as_bytes()].concat())
        .collect();
    for start in [[7, 0], [1, 0], [200, 0x55]] {
        seeds.push([&start, filled.concat().as_bytes()].concat());
    }
    seeds
}

/// Bytes in front of the payload of a store's commit.
const COMMIT_HEAD: usize = 12;
const ACCOUNTS: [&[u8]; 3] = [
    b"\0\0\0\0\0\0\0\0bob@beta.example\0correct horse battery",
    b"\0\0\0\0\0\0\x01\0ann\0p",
    "\0\0\0\0\0\0\0\x07jörg\0pässwörter".as_bytes(),
];
const ANCHORS: &str = "\
# Root keys in all forms.
0101010101010101010101010101010101010101010101010101010101010101
AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI= # padded

AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM
";
const CONFIGURATION: &str = r#"
domain = "beta.example"
address = "127.0.0.1"
data = "data"
log = true
USERS
[ports]
dmtp = 20026
dmap = 22626
[keys]
organization = "organization.key"
signet = "organization.signet"
certificate = "certificate.pem"
certificate-key = "key.pem"
[resolver]
address = "127.0.0.3:20053"
anchors = "anchors.txt"
authorities = "certificate.pem"
"#;
/// A file of users, or the end of a configuration.
pub const WITH_USERS: &str = r#"
[[user]]
address = "bob@beta.example"
password = "correct horse battery"
signet = "bob.signet"
"#;
/// Seconds since 1970: the first, two leap days, now, and the last of the year 9999.
const DATES: [u64; 5] = [0, 68_169_600, 951_782_400, 1_795_219_200, 253_402_300_799];
const DMTP: &[&str] = &[
    "EHLO <alpha.example>",
    "MAIL FROM: <alpha.example> [PRINT] SIZE=9 RETURN=META",
    "RCPT TO: <beta.example> [PRINT]",
    "DATA [digest]",
    "a message",
    "SGNT <bob@beta.example> [PRINT]",
    "SGNT <beta.example>",
    "NOOP",
    "HELP",
    "MODE",
    "VERB",
    "RSET",
    "VRFY x",
    "QUIT",
];
const DMTP_REPLIES: &[&str] = &[
    "220 <beta.example> DMTPv1 dimed",
    "250-PIPELINING",
    "250-SIZE 4096",
    "250 OK",
    "250 OK [BvAAAIgB]",
    "354 CONTINUE",
    "254 ACCEPTED",
    "450 NOT FOUND",
    "221 BYE",
];
const DMAP: &[&str] = &[
    "a1 LOGIN bob@beta.example a-long-password",
    "a2 SUBMIT 9 META",
    "a message",
    "a3 SUBMIT 9",
    "a message",
    "a4 LIST",
    "a5 FETCH 1",
    "a6 NOOP",
    "a7 CAPABILITY",
    "a8 LOGOUT",
];
const DMAP_REPLIES: &[&str] = &[
    "* OK beta.example DMAPv1",
    "1 OK done",
    "+ OK",
    "2 OK done",
    "* 1 10",
    "3 OK listed",
    "* 1 {8}",
    "a letter",
    "4 OK fetched",
    "* BYE",
    "5 OK bye",
];
const PNG: &str = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de000000\
0c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082";
