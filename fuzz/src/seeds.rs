//! What the targets begin from: everything in the recorded vectors, what the fixed world makes, the
//! documents of this repository, and a few lines of each protocol.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use dime_wire::encoding;
use dime_wire::message::Part;
use serde_json::Value;

use crate::targets;
use crate::world::WORLD;

/// Most seeds of one kind; of more, every so manieth is taken.
const MAXIMUM_SEEDS: usize = 256;
/// Most bytes of a seed.
const MAXIMUM_SIZE: usize = 16 * 1024;
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

/// The worlds of the vectors.
pub fn worlds() -> Value {
    serde_json::from_slice(&file("impls/wire/vectors/libdime/worlds.json")).unwrap_or_default()
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
            search(&value, MAXIMUM_DEPTH, &mut |bytes| {
                if bytes.len() <= MAXIMUM_SIZE {
                    found.insert(bytes);
                }
            });
        }
    }
    found
});

fn search(value: &Value, depth: usize, take: &mut dyn FnMut(Vec<u8>)) {
    match value {
        _ if depth == 0 => {}
        Value::Array(items) => items.iter().for_each(|item| search(item, depth - 1, take)),
        Value::Object(members) => members
            .values()
            .for_each(|item| search(item, depth - 1, take)),
        Value::String(text) => {
            take(text.clone().into_bytes());
            if let Ok(bytes) = encoding::decode_strict(text) {
                take(bytes);
            }
            take(from_hex(text).unwrap_or_default());
        }
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
    let framed = |signets: &[Vec<u8>]| {
        let pieces = signets.iter().flat_map(|signet| {
            let length = u16::try_from(signet.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes();
            [length.to_vec(), signet.clone()]
        });
        pieces.collect::<Vec<_>>().concat()
    };
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

/// The first cases of every file of vectors, so that small changes meet what is read.
fn excerpts() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for json in documents("impls/wire/vectors", "json") {
        let Ok(mut value) = serde_json::from_slice::<Value>(&json) else {
            continue;
        };
        if let Some(members) = value.as_object_mut() {
            for member in members.values_mut() {
                if let Some(list) = member.as_array_mut() {
                    list.truncate(1);
                }
            }
        }
        found.push(value.to_string().into_bytes());
    }
    found
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
