//! Our own vectors, taken apart with nothing of this crate: the format by hand, the primitives from
//! their crates. What is read so must be what the cases say.

use std::collections::BTreeMap;
use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use ed25519_dalek::{Signature, VerifyingKey};
use hkdf::Hkdf;
use k256::elliptic_curve::sec1::ToSec1Point as _;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

const FILES: [&str; 4] = [
    "messages_alternate.json",
    "messages_hardened.json",
    "messages_parts.json",
    "messages_signatures.json",
];

/// Who has keyslots on a chunk of a type, in stored order (spec/30 §2).
fn holders(kind: u8) -> &'static [&'static str] {
    match kind {
        2 => &[],
        4 | 225 | 226 => &["author", "origin", "recipient"],
        5 => &["author", "destination", "recipient"],
        3 | 33 | 34 | 67 | 131 => &["author", "recipient"],
        248 | 249 | 255 => &["author", "origin", "destination", "recipient"],
        other => panic!("chunk type {other}"),
    }
}

struct Chunk<'a> {
    kind: u8,
    bytes: &'a [u8],
    payload: &'a [u8],
    slots: &'a [u8],
}

fn chunks(message: &[u8]) -> Vec<Chunk<'_>> {
    assert_eq!(message[..2], [0x07, 0x37]);
    let length = u32::from_be_bytes(message[2..6].try_into().expect("4 bytes")) as usize;
    assert_eq!(message.len(), 6 + length);
    let mut out = Vec::new();
    let mut rest = &message[6..];
    while !rest.is_empty() {
        let size = usize::from(rest[1]) << 16 | usize::from(rest[2]) << 8 | usize::from(rest[3]);
        let end = 4 + size + 64 * holders(rest[0]).len();
        let (bytes, behind) = rest.split_at(end);
        out.push(Chunk {
            kind: bytes[0],
            bytes,
            payload: &bytes[4..4 + size],
            slots: &bytes[4 + size..],
        });
        rest = behind;
    }
    out
}

fn decrypt(key: &[u8], iv: &[u8], data: &[u8]) -> Vec<u8> {
    cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
        .expect("32 and 16 bytes")
        .decrypt_padded_vec::<NoPadding>(data)
        .expect("whole blocks")
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter()
        .zip(right)
        .map(|(one, other)| one ^ other)
        .collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("hex")).expect("hex")
}

fn unbase64(value: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let text = value.as_str().expect("base64");
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .expect("base64")
}

fn load(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors/dimespec")
        .join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// One actor's view of one message.
struct Reader<'a> {
    chunks: Vec<Chunk<'a>>,
    actor: &'static str,
    kek: Vec<u8>,
    author: VerifyingKey,
    origin: Vec<VerifyingKey>,
}

impl<'a> Reader<'a> {
    fn new(message: &'a [u8], actor: &'static str, keys: &Value) -> Self {
        let chunks = chunks(message);
        let secret = unhex(&keys[actor]["secp256k1_private_hex"]);
        let secret = k256::SecretKey::from_slice(&secret).expect("a scalar");
        let public = k256::PublicKey::from_sec1_bytes(chunks[0].payload).expect("a point");
        let shared = public.to_projective() * *secret.to_nonzero_scalar();
        let point = shared.to_affine().to_sec1_point(false);
        let digest = Sha512::digest(point.x().expect("not infinity"));
        let key = |name: &str| {
            let public = unhex(&keys[name]["ed25519_public_hex"]);
            VerifyingKey::from_bytes(&public.try_into().expect("32 bytes")).expect("a key")
        };
        let origin = ["origin", "origin_sok_msg", "origin_sok_all"].map(key);
        Self {
            chunks,
            actor,
            kek: [xor(&digest[..16], &digest[16..32]), digest[32..].to_vec()].concat(),
            author: key("author"),
            origin: origin.to_vec(),
        }
    }

    fn open(&self, chunk: &Chunk<'_>) -> Vec<u8> {
        let slots = holders(chunk.kind).iter().zip(chunk.slots.chunks(64));
        let (_, slot) = slots
            .into_iter()
            .find(|(who, _)| **who == self.actor)
            .expect("a slot");
        let slot = decrypt(&self.kek[16..], &self.kek[..16], slot);
        decrypt(&slot[32..], &xor(&slot[..16], &slot[16..32]), chunk.payload)
    }

    /// Flags and data of a standard payload, its plaintext signature verified.
    fn standard(&self, chunk: &Chunk<'_>, signer: &VerifyingKey) -> (u8, Vec<u8>) {
        let payload = self.open(chunk);
        let (signature, rest) = payload.split_at(64);
        let signature = Signature::from_slice(signature).expect("64 bytes");
        signer
            .verify_strict(rest, &signature)
            .expect("the signer's signature");
        let size = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        let (flags, pad) = (rest[3], rest[4]);
        assert!(rest[5 + size..].iter().all(|byte| *byte == pad));
        (flags, rest[5..5 + size].to_vec())
    }

    fn first(&self, kind: u8) -> Option<&Chunk<'a>> {
        self.chunks.iter().find(|chunk| chunk.kind == kind)
    }

    /// All bytes of the chunks before the one of type `kind`.
    fn before(&self, kind: u8) -> Vec<u8> {
        let chunks = self.chunks.iter().take_while(|chunk| chunk.kind < kind);
        chunks.flat_map(|chunk| chunk.bytes.to_vec()).collect()
    }

    /// Parts of a type under their flags, joined over pieces; data under the alternate layer opened.
    fn parts(&self, kind: u8, alternate: Option<&[u8]>) -> Vec<(u8, Vec<u8>)> {
        let mut parts: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut goes_on = false;
        for (index, chunk) in self.chunks.iter().enumerate() {
            if chunk.kind != kind {
                continue;
            }
            let (flags, mut data) = self.standard(chunk, &self.author);
            if flags & 0x02 != 0 {
                data = open_alternate(alternate.expect("a secret"), kind, index, flags, &data);
            }
            match parts.last_mut().filter(|_| goes_on) {
                Some((_, part)) => part.extend_from_slice(&data),
                None => parts.push((flags & 0x7f, data)),
            }
            goes_on = flags & 0x80 != 0;
        }
        assert!(!goes_on);
        parts
    }

    /// What the alternate layer is keyed from: Z, E and R.
    fn alternate(&self, secret: &[u8]) -> Option<Vec<u8>> {
        let (_, ephemeral) = self.standard(self.first(3)?, &self.author);
        let secret = <[u8; 32]>::try_from(secret).expect("32 bytes");
        let secret = x25519_dalek::StaticSecret::from(secret);
        let ephemeral = <[u8; 32]>::try_from(ephemeral).expect("32 bytes");
        let public = x25519_dalek::PublicKey::from(&secret);
        let shared = secret.diffie_hellman(&ephemeral.into());
        let salt = [ephemeral, public.to_bytes()].concat();
        Some([shared.as_bytes().as_slice(), &salt].concat())
    }
}

/// `ALTERNATE.md` sections 3 and 4.
fn open_alternate(keying: &[u8], kind: u8, index: usize, flags: u8, data: &[u8]) -> Vec<u8> {
    let (shared, salt) = keying.split_at(32);
    let index = (index as u32).to_be_bytes();
    let info = [b"dimespec alternate layer 1".as_slice(), &[kind], &index].concat();
    let mut output = [0; 44];
    let derivation = Hkdf::<Sha512>::new(Some(salt), shared);
    derivation.expand(&info, &mut output).expect("44 bytes");
    let cipher = Aes256Gcm::new_from_slice(&output[..32]).expect("32 bytes");
    let aad = [&[kind], index.as_slice(), &[flags]].concat();
    let nonce = <[u8; 12]>::try_from(&output[32..]).expect("12 bytes");
    let payload = Payload {
        msg: data,
        aad: &aad,
    };
    cipher
        .decrypt(&nonce.into(), payload)
        .expect("the tag fits")
}

fn described(parts: &[(u8, Vec<u8>)]) -> Value {
    let described = parts.iter().map(|(flags, data)| {
        serde_json::json!({
            "flags": flags,
            "size": data.len(),
            "sha512_hex": hex::encode(Sha512::digest(data)),
        })
    });
    described.collect()
}

#[test]
fn what_a_recipient_reads_by_hand_is_what_the_case_says() {
    let worlds = load("worlds.json");
    let keys = &worlds["worlds"][0]["keys"];
    let mut read = 0;
    for file in FILES {
        for case in load(file)["cases"].as_array().expect("cases") {
            let expected = &case["actors"]["recipient"];
            if expected["verdict"] != "accept" {
                continue;
            }
            let message = unbase64(&case["message_b64"]);
            let reader = Reader::new(&message, "recipient", keys);
            // The first alternate key of the signet counts, whatever order the reader holds them in.
            let holder = match case["context"]["signets"]["recipient"].as_str() {
                Some("recipient_devices_id") => "recipient_device",
                _ => "recipient",
            };
            let secret = unhex(&keys[holder]["x25519_private_hex"]);
            let alternate = reader.alternate(&secret);
            let id = &case["id"];
            let display = reader.parts(67, alternate.as_deref());
            assert_eq!(described(&display), expected["display"], "{id}");
            assert_eq!(
                described(&reader.parts(131, alternate.as_deref())),
                expected["attach"],
                "{id}"
            );
            envelopes(&reader, expected, id);
            outer_signatures(&reader, id);
            read += 1;
        }
    }
    assert_eq!(read, 22);
}

/// Chunk 5 is signed by the author, or under the hardened profile by the key in chunk 4.
fn envelopes(reader: &Reader<'_>, expected: &Value, id: &Value) {
    let text = |chunk: &Chunk<'_>, signer: &VerifyingKey| {
        String::from_utf8(reader.standard(chunk, signer).1).expect("text")
    };
    let origin = text(reader.first(4).expect("chunk 4"), &reader.author);
    let certified = origin
        .split_once("Message-Key: [")
        .map(|(_, key)| &key[..43]);
    let signer = certified.map_or(reader.author, |key| {
        let key = unbase64(&Value::String(format!("{key}=")));
        VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("a key")
    });
    assert_eq!(expected["hardened"], certified.is_some(), "{id}");
    let destination = text(reader.first(5).expect("chunk 5"), &signer);
    for (text, label, key) in [
        (&origin, "Author", "author"),
        (&origin, "Destination", "destination"),
        (&destination, "Recipient", "recipient"),
        (&destination, "Origin", "origin"),
    ] {
        let name = expected["envelope"][key].as_str().expect("a name");
        let print = expected["envelope"][format!("fp_{key}")]
            .as_str()
            .expect("a fingerprint");
        let lines = format!("{label}: <{name}>\r\n{label}-Signet: [{print}]\r\n");
        assert!(text.contains(&lines), "{id}: {text}");
    }
}

/// The author signed everything up to 225, the origin everything before 255 and the bounces that are there.
fn outer_signatures(reader: &Reader<'_>, id: &Value) {
    let signed = |kind: u8, covered: &[u8], keys: &[VerifyingKey]| {
        let Some(chunk) = reader.first(kind) else {
            return kind == 248 || kind == 249;
        };
        let signature = Signature::from_slice(&reader.open(chunk)).expect("64 bytes");
        keys.iter()
            .any(|key| key.verify_strict(covered, &signature).is_ok())
    };
    let up_to = |last: u8| reader.before(last + 1);
    assert!(signed(226, &reader.before(226), &[reader.author]), "{id}");
    assert!(signed(248, &up_to(34), &reader.origin), "{id}");
    assert!(signed(249, &up_to(67), &reader.origin), "{id}");
    assert!(signed(255, &reader.before(255), &reader.origin), "{id}");
    let hash = |chunk: &Chunk<'_>| Sha512::digest(chunk.bytes).to_vec();
    let covered: Vec<_> = reader
        .chunks
        .iter()
        .filter(|chunk| chunk.kind < 225)
        .collect();
    let intended: Vec<u8> = covered.iter().flat_map(|chunk| hash(chunk)).collect();
    let mut libdime: Vec<u8> = covered
        .iter()
        .filter(|chunk| chunk.kind != 5)
        .flat_map(|chunk| hash(chunk))
        .collect();
    libdime.extend([0; 64]);
    let wanted = if id == "signatures/intended-tree" {
        intended
    } else {
        libdime
    };
    assert!(signed(225, &wanted, &[reader.author]), "{id}");
}

/// Fields of a signet by hand: id, data, and the bytes before the field.
fn fields(signet: &[u8]) -> BTreeMap<u8, (&[u8], &[u8])> {
    let body = &signet[5..];
    let mut out = BTreeMap::new();
    let mut at = 0;
    while at < body.len() {
        let id = body[at];
        let (head, size) = match id {
            1 | 254 => (2, usize::from(body[at + 1])),
            2 | 3 => (
                3,
                usize::from(body[at + 1]) << 8 | usize::from(body[at + 2]),
            ),
            4 | 5 | 6 | 253 | 255 => (1, 64),
            other => panic!("field {other}"),
        };
        let data = &body[at + head..at + head + size];
        out.entry(id).or_insert((data, &body[..at]));
        at += head + size;
    }
    out
}

#[test]
fn custody_signatures_by_hand_are_what_the_chains_say() {
    let worlds = load("worlds.json");
    let world = &worlds["worlds"][0];
    let signet = |name: &Value| unbase64(&world["signets_b64"][name.as_str().expect("a name")]);
    let verifies = |previous: &[u8], signet: &[u8]| {
        let custody = fields(signet)
            .get(&4)
            .map(|(data, before)| (data.to_vec(), before.to_vec()));
        let (signature, before) = custody?;
        let key = fields(previous)[&1].0[1..].to_vec();
        let key = VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("a key");
        let signature = Signature::from_slice(&signature).expect("64 bytes");
        Some(key.verify_strict(&before, &signature).is_ok())
    };
    let mut judged = 0;
    for case in load("custody.json")["cases"].as_array().expect("cases") {
        let (id, expected) = (&case["id"], &case["expected"]);
        let chain: Vec<Vec<u8>> = case["chain"]
            .as_array()
            .expect("names")
            .iter()
            .map(signet)
            .collect();
        let links: Vec<Option<bool>> = chain
            .windows(2)
            .map(|pair| verifies(&pair[0], &pair[1]))
            .collect();
        match expected["verdict"].as_str() {
            Some("valid") => assert!(links.iter().all(|link| *link == Some(true)), "{id}"),
            Some("broken") => {
                let link = expected["link"].as_u64().expect("a link") as usize;
                let Some(before) = link.checked_sub(1) else {
                    continue;
                };
                let wanted = (expected["cause"] == "signature").then_some(false);
                assert_eq!(links[before], wanted, "{id}");
                assert!(
                    links[..before].iter().all(|link| *link == Some(true)),
                    "{id}"
                );
            }
            _ => continue,
        }
        judged += 1;
    }
    assert_eq!(judged, 12);
}
