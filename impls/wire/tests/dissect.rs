//! The dissector against the strict parsers, over everything that stands in the vectors and over
//! damaged copies of it. They share no code, so that agreement says something.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dime_wire::Profile;
use dime_wire::armor;
use dime_wire::dissect::{Node, Value, dissect};
use dime_wire::encoding::decode_strict;
use dime_wire::keys::{
    EncryptionKey, EncryptionPublicKey, KeyError, KeyOwner, PrivateKeys, SigningKey,
};
use dime_wire::message::Message;
use dime_wire::record::ManagementRecord;
use dime_wire::signet::Signet;
use dime_wire::stacie::RealmKey;
use proptest::prelude::*;
use serde_json::Value as Json;

/// The largest object that is damaged again and again, in bytes.
const LARGEST: usize = 20_000;
/// How many damaged copies of each object are compared.
const COPIES: u64 = 60;

/// Where the data of each piece lies that both sides name: fields of signets, payloads of chunks.
type Offsets = Vec<(u8, usize, usize)>;

/// What the strict parser for the object's magic number says of it.
fn strict(bytes: &[u8]) -> Option<Result<Offsets, String>> {
    let magic = u16::from_be_bytes(*bytes.first_chunk()?);
    Some(match magic {
        1215 | 1776 | 1789 => Signet::parse(bytes)
            .map(|signet| {
                let start = signet.as_bytes().as_ptr() as usize;
                let place = |data: &[u8]| (data.as_ptr() as usize - start, data.len());
                let fields = signet.fields().map(|field| {
                    let (at, size) = place(field.data);
                    (field.id, at, size)
                });
                fields.collect()
            })
            .map_err(|error| error.to_string()),
        1837 | 1847 => Message::parse(bytes)
            .map(|message| {
                let chunks = message.chunks().iter();
                chunks
                    .map(|chunk| (chunk.kind as u8, chunk.offset, chunk.bytes.len()))
                    .collect()
            })
            .map_err(|error| error.to_string()),
        1952 | 2013 => PrivateKeys::from_file(bytes)
            .map(|_| Vec::new())
            .map_err(|error| error.to_string()),
        // An encrypted file is taken only with its key; how it is built shows without.
        1947 | 1976 => match PrivateKeys::open(bytes, &realm_key()) {
            Ok(_) => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        },
        _ => return None,
    })
}

/// Under which the encrypted key files of the corpus are.
fn realm_key() -> RealmKey {
    RealmKey::from_bytes([9; 64])
}

/// The same of the dissector's tree.
fn offsets(bytes: &[u8], root: &Node) -> Offsets {
    let id = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let pieces = root.children.iter();
    if root.label == "message" {
        let chunks = pieces.filter(|node| matches!(node.value, Value::Number(kind) if kind < 256 && kind == u64::from(id(node.range.start))));
        return chunks
            .filter(|node| !node.children.is_empty())
            .map(|node| (id(node.range.start), node.range.start, node.range.len()))
            .collect();
    }
    let fields = pieces.filter(|node| node.label.starts_with("field"));
    fields
        .filter_map(|node| {
            let data = node.children.iter().find(|child| child.label == "data")?;
            Some((id(node.range.start), data.range.start, data.range.len()))
        })
        .collect()
}

/// Whether what the strict parser refuses is beyond structure: points off their curve, scalars out
/// of range, what stands in an encrypted file of the one possible size.
fn is_beyond_structure(bytes: &[u8], root: &Node) -> bool {
    match &*root.label {
        "organization keys" | "user keys" => {
            return PrivateKeys::from_file(bytes) == Err(KeyError::Scalar);
        }
        "encrypted organization keys" | "encrypted user keys" => {
            return bytes.len() == 6 + 112 && bytes[2..6] == [0, 0, 0, 112];
        }
        "message" => {}
        _ => return false,
    }
    let chunk = root
        .children
        .iter()
        .find(|node| node.label == "ephemeral key");
    let point = chunk.and_then(|chunk| bytes.get(chunk.children.first()?.range.clone()));
    point.is_some_and(|point| EncryptionPublicKey::from_bytes(point).is_err())
}

/// Holds both to it: what is taken strictly has no problem and the same offsets, what has a problem is
/// refused, and what is refused has a problem unless the fault is no matter of structure.
fn agree(bytes: &[u8]) -> Result<(), String> {
    let Some(strict) = strict(bytes) else {
        return Ok(());
    };
    let root = dissect(bytes);
    let problems = root.problems();
    match strict {
        Ok(_) if !problems.is_empty() => Err(format!("taken strictly, but {problems:?}")),
        Ok(expected) if root.label.ends_with("keys") => {
            assert!(expected.is_empty());
            Ok(())
        }
        Ok(expected) if expected != offsets(bytes, &root) => Err(format!(
            "offsets differ: {expected:?}, {:?}",
            offsets(bytes, &root)
        )),
        Ok(_) => Ok(()),
        Err(error) if problems.is_empty() && !is_beyond_structure(bytes, &root) => {
            Err(format!("refused strictly: {error}, but no problem"))
        }
        Err(_) => Ok(()),
    }
}

/// Whether the decoder of armour and the dissector agree about what stands around an object.
fn agree_about_armor(text: &str) -> Result<(), String> {
    let root = dissect(text.as_bytes());
    let decoded = armor::decode(text);
    if root.label != "armor" {
        return match decoded {
            Ok(_) => Err("taken strictly, but no armour".to_owned()),
            Err(_) => Ok(()),
        };
    }
    let around = root.children.iter();
    let sound = root.problem.is_none() && around.clone().all(|node| node.problem.is_none());
    let size = around.clone().find_map(|node| match node.value {
        Value::Decoded(size) => Some(size),
        _ => None,
    });
    match decoded {
        Ok(_) if !sound => Err(format!("taken strictly, but {:?}", root.problems())),
        Ok((_, binary)) if size != Some(binary.len()) => Err(format!("{size:?} bytes decoded")),
        Err(error) if sound => Err(format!("refused strictly: {error}, but no problem")),
        _ => Ok(()),
    }
}

/// Whether the parser of records and the dissector agree about a record as a zone file has it.
fn agree_about_record(text: &str) -> Result<(), String> {
    let root = dissect(text.as_bytes());
    let problems = root.problems();
    match ManagementRecord::from_zone_text(text) {
        Ok(_) if !problems.is_empty() => Err(format!("taken strictly, but {problems:?}")),
        Err(error) if problems.is_empty() => {
            Err(format!("refused strictly: {error}, but no problem"))
        }
        _ => Ok(()),
    }
}

/// Everything in the vectors: binary objects, armoured texts, records.
#[derive(Default)]
struct Corpus {
    objects: BTreeSet<Vec<u8>>,
    armored: BTreeSet<String>,
    records: BTreeSet<String>,
}

impl Corpus {
    fn load() -> Corpus {
        let mut corpus = Corpus::default();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("vectors are there") {
                let path = entry.expect("can be read").path();
                match path.extension().and_then(|extension| extension.to_str()) {
                    _ if path.is_dir() => folders.push(path),
                    Some("bin") => corpus.take(fs::read(&path).expect("can be read")),
                    Some("json") => {
                        let text = fs::read(&path).expect("can be read");
                        corpus.walk(&serde_json::from_slice(&text).expect("is JSON"));
                    }
                    _ => {}
                }
            }
        }
        for owner in [KeyOwner::Organization, KeyOwner::User] {
            let keys = PrivateKeys {
                signing: SigningKey::from_seed([1; 32]),
                encryption: EncryptionKey::derive([2; 32]),
            };
            corpus.take(keys.seal(owner, Profile::Magma, &realm_key(), [3; 16]));
        }
        corpus
    }

    fn walk(&mut self, json: &Json) {
        match json {
            Json::String(text) => self.read(text),
            Json::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Json::Object(members) => members.values().for_each(|item| self.walk(item)),
            _ => {}
        }
    }

    /// A string of the vectors may be an object in base64 or hexadecimal digits, or text.
    fn read(&mut self, text: &str) {
        if text.contains("pok=") {
            self.records.insert(text.to_owned());
        }
        if text.contains("-----BEGIN") {
            self.armored.insert(text.to_owned());
        }
        for binary in [decode_strict(text).ok(), hex::decode(text).ok()] {
            binary.into_iter().for_each(|binary| self.take(binary));
        }
    }

    fn take(&mut self, binary: Vec<u8>) {
        match std::str::from_utf8(&binary) {
            Ok(text) if text.contains("-----BEGIN") => {
                self.armored.insert(text.to_owned());
            }
            _ if strict(&binary).is_some() => {
                self.objects.insert(binary);
            }
            _ => {}
        }
    }
}

/// Random enough for damage, the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // The constants of Knuth's MMIX generator.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

/// A damaged copy: bytes changed, cut off, taken out, put in, or doubled.
fn damaged(object: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = object.to_vec();
    let place = match dice.below(3) {
        // The head has most of the structure in small objects.
        0 => dice.below(bytes.len().min(160)),
        _ => dice.below(bytes.len()),
    };
    match dice.below(6) {
        0 => bytes[place] = dice.below(256) as u8,
        1 => bytes[place] = bytes[place].wrapping_add(1),
        2 => bytes.truncate(place.max(2)),
        3 => drop(bytes.drain(place..(place + 1 + dice.below(70)).min(object.len()))),
        4 => bytes.insert(place, dice.below(256) as u8),
        _ => {
            let end = (place + dice.below(200)).min(bytes.len());
            let piece = bytes[place..end].to_vec();
            bytes.splice(place..place, piece);
        }
    }
    repair_length(&mut bytes, dice);
    bytes
}

/// Sets the outer length right, mostly: else nothing else would ever be looked at.
fn repair_length(bytes: &mut [u8], dice: &mut Dice) {
    let (at, width) = match bytes {
        [7, 0x37, ..] => (2, 4),
        [4 | 6, ..] | [7, 0xa0 | 0xdd, ..] => (2, 3),
        _ => return,
    };
    if dice.below(8) == 0 || bytes.len() < at + width {
        return;
    }
    let size = (bytes.len() - at - width) as u64;
    bytes[at..at + width].copy_from_slice(&size.to_be_bytes()[8 - width..]);
}

#[test]
fn dissector_and_strict_parsers_agree_about_all_vectors() {
    let corpus = Corpus::load();
    let mut faults = Vec::new();
    for object in &corpus.objects {
        if let Err(fault) = agree(object) {
            faults.push(format!(
                "{fault}: {}",
                hex::encode(&object[..object.len().min(300)])
            ));
        }
    }
    for text in &corpus.armored {
        faults.extend(agree_about_armor(text).err());
    }
    for text in &corpus.records {
        faults.extend(agree_about_record(text).err().map(|fault| fault + text));
    }
    assert!(
        faults.is_empty(),
        "{} faults: {:#?}",
        faults.len(),
        &faults[..faults.len().min(5)]
    );
    let counts = (
        corpus.objects.len(),
        corpus.armored.len(),
        corpus.records.len(),
    );
    println!("{counts:?} objects, armoured texts and records agree");
    assert!(corpus.objects.len() > 100 && !corpus.armored.is_empty() && !corpus.records.is_empty());
}

#[test]
fn dissector_and_strict_parsers_agree_about_damaged_vectors() {
    let corpus = Corpus::load();
    let mut dice = Dice(1);
    let (mut taken, mut refused) = (0u32, 0u32);
    for object in corpus
        .objects
        .iter()
        .filter(|object| object.len() <= LARGEST)
    {
        for _ in 0..COPIES {
            let copy = damaged(object, &mut dice);
            if let Err(fault) = agree(&copy) {
                panic!("{fault}: {}", hex::encode(&copy));
            }
            match strict(&copy) {
                Some(Ok(_)) => taken += 1,
                Some(Err(_)) => refused += 1,
                None => {}
            }
        }
    }
    println!("{taken} damaged copies taken by both, {refused} refused");
    assert!(taken > 200 && refused > 200);
}

#[test]
fn dissector_and_strict_parsers_agree_about_damaged_armour() {
    let corpus = Corpus::load();
    let mut dice = Dice(2);
    for text in &corpus.armored {
        for _ in 0..COPIES {
            let mut bytes = text.clone().into_bytes();
            let place = dice.below(bytes.len());
            match dice.below(4) {
                0 => bytes[place] = b"A=/- \n"[dice.below(6)],
                1 => drop(bytes.remove(place)),
                2 => bytes.insert(place, b"A=/-\n"[dice.below(5)]),
                _ => bytes.truncate(place),
            }
            if let Ok(text) = String::from_utf8(bytes)
                && let Err(fault) = agree_about_armor(&text)
            {
                panic!("{fault}: {text}");
            }
        }
    }
}

#[test]
fn dissector_and_armour_agree_about_long_lines() {
    let text = armor::encode("X", b"some contents");
    let [begin, body, checksum, end] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("four lines");
    };
    for extra in 0..3 {
        let width = 4094 + extra;
        for line_end in ["\n", "\r\n"] {
            let texts = [
                [begin, &format!("{body:width$}"), checksum, end],
                [begin, body, checksum, &format!("{end:width$}")],
                [&format!("{begin:0$}", width + 11), body, checksum, end],
                [&format!("{begin:>0$}", width + 11), body, checksum, end],
            ];
            let taken = texts.map(|lines| {
                let text = lines.join(line_end) + line_end;
                assert_eq!(agree_about_armor(&text), Ok(()), "{extra} {line_end:?}");
                armor::decode(&text).is_ok()
            });
            assert_eq!(taken, [extra < 2, extra < 2, extra < 2, true]);
        }
    }
}

#[test]
fn a_begin_line_that_is_too_long_is_none() {
    let text = format!("-----BEGIN {}-----\n", "X".repeat(1 << 20));
    assert_eq!(armor::decode(&text), Err(armor::ArmorError::NoBegin));
    assert_eq!(dissect(text.as_bytes()).label, "unknown");
}

#[test]
fn dissector_and_strict_parsers_agree_about_sizes_of_encrypted_keys() {
    for size in (0..=128).step_by(8) {
        for magic in [1947u16, 1976] {
            let head = [&magic.to_be_bytes()[..], &(size as u32).to_be_bytes()].concat();
            let file = [head, vec![1; size]].concat();
            assert_eq!(agree(&file), Ok(()), "{size}");
        }
    }
}

#[test]
fn dissector_and_record_parser_agree_about_what_is_refused() {
    let pok = format!("pok={}", "A".repeat(43));
    let refused = [
        vec![pok.as_str(); 17].join(" "),
        format!("{pok} {}", ["dx=a.example"; 17].join(" ")),
        format!("pok={}B", "A".repeat(42)),
        format!("{pok} tls={}B", "A".repeat(85)),
        format!("{pok} exp=9999999999"),
        format!("{pok} exp=+1"),
        format!("{pok} dx=a..example"),
        format!("{pok} dx=-a.example"),
        format!("{pok} dx={}.example", "a".repeat(64)),
        format!("{pok} dx={}", ["a"; 128].join(".")),
        format!("{pok} dx=a.example:0"),
        format!("{pok} dx=a.example:65536"),
        format!("{pok} dx=a.example:+1"),
        format!("{pok} {}", "x=y ".repeat(256)),
        format!("{pok} {}", "x".repeat(65_536)),
        format!("{pok}\u{e4}"),
        format!("{pok}\nver=1"),
    ];
    for text in refused {
        assert!(ManagementRecord::from_zone_text(&text).is_err(), "{text}");
        assert_eq!(agree_about_record(&text), Ok(()), "{text}");
    }
    let taken = [
        vec![pok.as_str(); 16].join(" "),
        format!("\u{a0}{pok} exp=4294967295\r\n"),
        format!("{pok} dx=a.example:00026 {}", "x=y ".repeat(254)),
    ];
    for text in taken {
        assert!(ManagementRecord::from_zone_text(&text).is_ok(), "{text}");
        assert_eq!(agree_about_record(&text), Ok(()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn dissector_and_strict_parsers_agree_about_small_signets(
        magic in prop::sample::select(vec![1215u16, 1776, 1789]),
        fields in prop::collection::vec(
            (prop::sample::select(vec![0u8, 1, 2, 3, 4, 5, 6, 16, 21, 93, 160, 202, 251, 252, 253, 254, 255]),
             prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 33, 64]), 0..70)),
            0..6,
        ),
    ) {
        let body: Vec<u8> = fields.into_iter().flat_map(|(id, rest)| [vec![id], rest].concat()).collect();
        let size = (body.len() as u32).to_be_bytes();
        let bytes = [&magic.to_be_bytes(), &size[1..], &body].concat();
        prop_assert_eq!(agree(&bytes), Ok(()));
    }

    #[test]
    fn dissector_and_record_parser_agree(
        items in prop::collection::vec(
            "(ver|pok|TLS|pol|Policy|dx|deliver|exp|sub|syn|other)=?(1|2|strict|mixed|relaxed|mx\\.one\\.example|mx\\.one\\.example:26|0007|4294967295|99999999999|[A-Za-z0-9+/]{43}|=|)",
            0..6,
        ),
        size in 1usize..300,
    ) {
        let pok = format!("pok={}", "A".repeat(43));
        let text = [items.join(" "), pok].join(";");
        prop_assert_eq!(agree_about_record(&text), Ok(()));
        let pieces: Vec<_> = text.as_bytes().chunks(size).map(String::from_utf8_lossy).collect();
        prop_assert_eq!(agree_about_record(&format!("\"{}\"", pieces.join("\" \""))), Ok(()));
    }
}
