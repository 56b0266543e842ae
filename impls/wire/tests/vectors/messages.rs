//! Recorded messages: each is made again byte for byte from the recorded random values, and read as each actor.

use std::collections::BTreeMap;

use dime_wire::keys::{EncryptionKey, EncryptionPublicKey, Kek, PrivateKeys};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::{
    Actor, Bounces, ChunkType, CommonHeaders, DestinationSignets, Envelope, Flags, Letter, Message,
    MessageEntropy, OpenError, Opened, OriginSignets, Part, SealOptions, Signets, TreeSignature,
    open_as_author, open_as_destination, open_as_origin, open_as_recipient, seal, sign_as_origin,
    tree_signature_input,
};
use dime_wire::signet::{Fingerprint, Signet};
use serde_json::Value;

use crate::corpus::{
    World, array, cases, folder, number, part_data, sha512_hex, text, unbase64, unhex,
};
use crate::rulings::Rulings;

type Differences = BTreeMap<String, String>;

#[test]
fn every_recorded_message_is_made_again_and_read_as_each_actor() {
    let worlds = World::all();
    let mut rulings = Rulings::of_topic("messages");
    let all = cases("messages_valid.json");
    assert_eq!(all.len(), 51);
    for json in &all {
        let case = Case::new(json, &worlds[text(json, "world")]);
        let mut found = Differences::new();
        case.make_again(&mut found);
        case.read(&mut found);
        rulings.judge(json, text(json, "id"), &found);
    }
    rulings.finish();
}

struct Case<'a> {
    json: &'a Value,
    id: &'a str,
    world: &'a World,
    signets: BTreeMap<Actor, Signet>,
    recorded: Vec<u8>,
}

impl<'a> Case<'a> {
    fn new(json: &'a Value, world: &'a World) -> Self {
        let names = &json["inputs"]["signets"];
        let signets = Actor::ALL.map(|actor| (actor, world.signet(text(names, actor.name()))));
        let recorded = match json["message_file"].as_str() {
            Some(file) => std::fs::read(folder().join(file)).expect("the message file is there"),
            None => unbase64(text(json, "message_b64")),
        };
        assert_eq!(recorded.len(), number(json, "message_size"));
        assert_eq!(sha512_hex(&recorded), text(json, "message_sha512_hex"));
        Self {
            json,
            id: text(json, "id"),
            world,
            signets: signets.into(),
            recorded,
        }
    }

    fn signets(&self) -> Signets<'_> {
        Signets {
            author: &self.signets[&Actor::Author],
            origin: &self.signets[&Actor::Origin],
            destination: &self.signets[&Actor::Destination],
            recipient: &self.signets[&Actor::Recipient],
        }
    }

    fn private(&self, actor: Actor) -> EncryptionKey {
        self.world
            .keys(text(&self.json["inputs"]["private_keys"], actor.name()))
            .encryption
    }

    fn bounces(&self) -> Bounces {
        let flags = number(self.json, "origin_bounce_flags");
        Bounces {
            metadata: flags & 1 != 0,
            display: flags & 2 != 0,
        }
    }

    fn letter(&self) -> Letter {
        let inputs = &self.json["inputs"];
        let parts = |key: &str| -> Vec<Part> {
            let parts = inputs[key].as_array().expect("parts are listed").iter();
            parts
                .map(|part| Part {
                    flags: Flags(number(part, "flags") as u8),
                    data: part_data(part),
                })
                .collect()
        };
        Letter {
            author: text(inputs, "author").to_owned(),
            recipient: text(inputs, "recipient").to_owned(),
            origin: text(inputs, "origin").to_owned(),
            destination: text(inputs, "destination").to_owned(),
            common: common_headers(&inputs["common_headers"]),
            other_headers: unbase64(text(inputs, "other_headers_b64")),
            display: parts("display"),
            attachments: parts("attach"),
        }
    }

    /// Seals and signs from the recorded values.
    fn make_again(&self, found: &mut Differences) {
        let inputs = &self.json["inputs"];
        let author = self.world.keys(text(inputs, "author_signing_key")).signing;
        let tracing = inputs["tracing_b64"].as_str().map(unbase64);
        let mut options = SealOptions {
            tracing: tracing.clone(),
            ..SealOptions::default()
        };
        let sealing = |options: &SealOptions| {
            seal(
                &self.letter(),
                &self.signets(),
                &author,
                &mut self.entropy(),
                options,
            )
        };
        let authored = match sealing(&options) {
            Ok(authored) => authored,
            Err(error) => {
                found.insert("sealing".to_owned(), error.to_string());
                options.unchecked = true;
                sealing(&options).unwrap_or_else(|error| panic!("{}: {error}", self.id))
            }
        };
        if let Some(recorded) = self.json["author_stage_message_b64"].as_str() {
            assert_eq!(
                hex::encode(&authored),
                hex::encode(unbase64(recorded)),
                "{}: author stage",
                self.id
            );
        }
        self.sign_again(&authored, tracing.as_deref(), found);
    }

    /// Signs the author's object as its origin did.
    fn sign_again(&self, authored: &[u8], tracing: Option<&[u8]>, found: &mut Differences) {
        let inputs = &self.json["inputs"];
        let keys = PrivateKeys {
            signing: self.world.keys(text(inputs, "origin_signing_key")).signing,
            encryption: self.private(Actor::Origin),
        };
        let signed = |tracing: Option<&[u8]>| {
            let signed = sign_as_origin(authored, &keys, self.bounces(), tracing);
            signed.unwrap_or_else(|error| panic!("{}: {error}", self.id))
        };
        if signed(None) != self.recorded {
            found.insert(
                "final bytes".to_owned(),
                "message signed by us is another".to_owned(),
            );
        }
        // What a ruling does not touch must be equal to the last byte nevertheless.
        let ours = signed(tracing);
        if self.bounces().display {
            assert_eq!(
                hex::encode(&ours),
                hex::encode(&self.recorded),
                "{}: final bytes",
                self.id
            );
        } else {
            self.equal_but_for_display_bounce(&ours);
        }
    }

    /// Without the zero-filled chunk 249 that libdime leaves in, only header and payload of 255 differ.
    fn equal_but_for_display_bounce(&self, ours: &[u8]) {
        let (ours, theirs) = (self.parse(ours), self.parse(&self.recorded));
        assert!(
            ours.chunk(ChunkType::DisplayBounce).is_none(),
            "{}",
            self.id
        );
        let kept: Vec<_> = theirs
            .chunks()
            .iter()
            .filter(|chunk| chunk.kind != ChunkType::DisplayBounce)
            .collect();
        assert_eq!(
            (kept.len(), kept.len() + 1),
            (ours.chunks().len(), theirs.chunks().len()),
            "{}",
            self.id
        );
        for (own, their) in ours.chunks().iter().zip(kept) {
            assert_eq!(own.slots, their.slots, "{}: {}", self.id, own.kind);
            if own.kind != ChunkType::OriginSignature {
                assert_eq!(own.bytes, their.bytes, "{}: {}", self.id, own.kind);
            }
        }
    }

    fn parse<'m>(&self, bytes: &'m [u8]) -> Message<'m> {
        Message::parse(bytes).unwrap_or_else(|error| panic!("{}: {error}", self.id))
    }

    fn entropy(&self) -> RecordedEntropy<'_> {
        let recorded: Vec<&Value> = self.json["chunks"]
            .as_array()
            .expect("chunks are listed")
            .iter()
            .collect();
        let signed_by_origin = [248, 249, 255];
        let mut chunks: Vec<(u64, Option<&Value>)> = Vec::new();
        chunks.extend(
            recorded
                .iter()
                .map(|c| (c["type"].as_u64().expect("a type"), Some(*c))),
        );
        chunks.retain(|(kind, _)| !signed_by_origin.contains(kind));
        for kind in signed_by_origin {
            chunks.push((
                kind,
                recorded.iter().copied().find(|chunk| chunk["type"] == kind),
            ));
        }
        RecordedEntropy { case: self, chunks }
    }

    /// Opens the recorded message as each actor and compares with what libdime made of it.
    fn read(&self, found: &mut Differences) {
        let message = self.parse(&self.recorded);
        let input = hex::encode(tree_signature_input(&message, TreeSignature::Libdime));
        assert_eq!(
            input,
            text(self.json, "tree_signature_input_hex"),
            "{}",
            self.id
        );
        assert_eq!(
            message.tracing().map(<[u8]>::to_vec),
            self.json["inputs"]["tracing_b64"].as_str().map(unbase64)
        );
        for actor in Actor::ALL {
            let theirs = &self.json["actors"][actor.name()];
            let kek = Kek::derive(&self.private(actor), message.ephemeral());
            let bytes = [kek.iv().as_slice(), kek.key().as_slice()].concat();
            assert_eq!(
                hex::encode(bytes),
                text(theirs, "kek_hex"),
                "{}: {actor}",
                self.id
            );
            let ours = self.open(&message, actor);
            let verdict = if ours.is_ok() { "accept" } else { "reject" };
            if verdict != text(theirs, "verdict") {
                found.insert(
                    format!("{actor} verdict"),
                    format!("{:?}", ours.as_ref().err()),
                );
            }
            if let Ok(opened) = ours {
                self.compare_with_inputs(actor, &opened);
                if text(theirs, "verdict") == "accept" {
                    compare_envelope(actor, &opened.envelope, &theirs["envelope"], found);
                    compare_contents(actor, &opened, theirs, found);
                }
            }
        }
    }

    fn open(&self, message: &Message<'_>, actor: Actor) -> Result<Opened, OpenError> {
        let (key, all) = (self.private(actor), self.signets());
        let Signets {
            author,
            origin,
            destination,
            recipient,
        } = all;
        match actor {
            Actor::Author => open_as_author(message, &key, &all, None),
            Actor::Origin => open_as_origin(
                message,
                &key,
                &OriginSignets {
                    author,
                    origin,
                    destination,
                },
            ),
            Actor::Destination => open_as_destination(
                message,
                &key,
                &DestinationSignets {
                    origin,
                    destination,
                    recipient,
                },
            ),
            Actor::Recipient => open_as_recipient(message, &key, &all, &[]),
        }
    }

    /// Whoever may read the contents reads what the author wrote, byte for byte.
    fn compare_with_inputs(&self, actor: Actor, opened: &Opened) {
        let letter = self.letter();
        if matches!(actor, Actor::Author | Actor::Recipient) {
            assert_eq!(opened.common, Some(letter.common), "{}: {actor}", self.id);
            assert_eq!(
                opened.other_headers,
                Some(letter.other_headers),
                "{}: {actor}",
                self.id
            );
            for (own, theirs) in [
                (&opened.display, &letter.display),
                (&opened.attachments, &letter.attachments),
            ] {
                assert_eq!(own, &joined(theirs), "{}: {actor}", self.id);
            }
        } else {
            assert_eq!(
                (&opened.common, &opened.other_headers),
                (&None, &None),
                "{}: {actor}",
                self.id
            );
            assert!(
                opened.display.is_empty() && opened.attachments.is_empty(),
                "{}: {actor}",
                self.id
            );
        }
        let tree = (actor != Actor::Destination).then_some(TreeSignature::Libdime);
        assert_eq!(opened.tree, tree, "{}: {actor}", self.id);
        if matches!(actor, Actor::Destination | Actor::Recipient) {
            let bounces = Bounces {
                metadata: opened.metadata_bounce,
                display: opened.display_bounce,
            };
            assert_eq!(bounces, self.bounces(), "{}: {actor}", self.id);
        }
    }
}

/// The recorded random values. Those of a bounce chunk that the origin dropped are recovered from the
/// author's stage where that is recorded; elsewhere they do not matter, as the chunk goes again.
struct RecordedEntropy<'a> {
    case: &'a Case<'a>,
    chunks: Vec<(u64, Option<&'a Value>)>,
}

impl RecordedEntropy<'_> {
    fn dropped(&self, index: usize, actor: Actor) -> Option<(ChunkKey, [u8; 16])> {
        let stage = unbase64(self.case.json["author_stage_message_b64"].as_str()?);
        let message = self.case.parse(&stage);
        let kind = ChunkType::from_byte(self.chunks[index].0 as u8)?;
        let kek = Kek::derive(&self.case.private(actor), message.ephemeral());
        Some(ChunkKey::and_mask_from_keyslot(
            &kek,
            message.chunk(kind)?.slot(actor)?,
        ))
    }
}

impl MessageEntropy for RecordedEntropy<'_> {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        array(text(self.case.json, "ephemeral_private_hex"))
    }

    fn message_key(&mut self) -> [u8; 32] {
        panic!("no recorded message is of the hardened profile")
    }

    fn alternate_key(&mut self) -> [u8; 32] {
        panic!("no recorded message uses the alternate layer")
    }

    fn chunk_key(&mut self, index: usize) -> [u8; 32] {
        match self.chunks[index].1 {
            Some(chunk) => array(text(chunk, "aes_key_hex")),
            None => self
                .dropped(index, Actor::Author)
                .map_or([1; 32], |(key, _)| *key.key()),
        }
    }

    fn chunk_iv(&mut self, index: usize) -> [u8; 16] {
        match self.chunks[index].1 {
            Some(chunk) => array(text(chunk, "iv_hex")),
            None => self
                .dropped(index, Actor::Author)
                .map_or([2; 16], |(key, _)| *key.iv()),
        }
    }

    /// Any value that gives the recorded padding; the number of random blocks is one.
    fn padding(&mut self, index: usize) -> u8 {
        let chunk = self.chunks[index]
            .1
            .expect("standard chunks are never dropped");
        if number(chunk, "flags") & 1 != 0 {
            return number(chunk, "pad_byte") as u8;
        }
        let used = 69 + number(chunk, "data_size");
        let padding = number(chunk, "payload_size") - used;
        let least = if used < 256 {
            256 - used
        } else {
            16 - used % 16
        };
        ((padding - least) / 16) as u8
    }

    fn slot(&mut self, index: usize, actor: Actor) -> [u8; 16] {
        match self.chunks[index].1 {
            Some(chunk) => {
                let mut slots = chunk["keyslots"]
                    .as_array()
                    .expect("keyslots are listed")
                    .iter();
                let slot = slots
                    .find(|slot| slot["actor"] == actor.name())
                    .expect("the actor has a keyslot");
                array(text(slot, "random_hex"))
            }
            None => self.dropped(index, actor).map_or([3; 16], |(_, mask)| mask),
        }
    }
}

fn common_headers(json: &Value) -> CommonHeaders {
    let optional = |key: &str| json[key].as_str().map(str::to_owned);
    let required = |key: &str| optional(key).unwrap_or_default();
    CommonHeaders {
        date: required("date"),
        to: required("to"),
        cc: optional("cc"),
        from: required("from"),
        organization: optional("organization"),
        subject: required("subject"),
    }
}

fn compare_envelope(actor: Actor, ours: &Envelope, theirs: &Value, found: &mut Differences) {
    let print = |print: &Option<Fingerprint>| print.as_ref().map(|print| print.as_str().to_owned());
    let pairs = [
        ("author", ours.author.clone()),
        ("origin", ours.origin.clone()),
        ("destination", ours.destination.clone()),
        ("recipient", ours.recipient.clone()),
        ("fp_author", print(&ours.author_fingerprint)),
        ("fp_origin", print(&ours.origin_fingerprint)),
        ("fp_destination", print(&ours.destination_fingerprint)),
        ("fp_recipient", print(&ours.recipient_fingerprint)),
    ];
    for (key, own) in pairs {
        if own.as_deref() != theirs[key].as_str() {
            found.insert(
                format!("{actor} envelope {key}"),
                format!("{own:?} is not {}", theirs[key]),
            );
        }
    }
}

fn compare_contents(actor: Actor, ours: &Opened, theirs: &Value, found: &mut Differences) {
    let common = ours.common.as_ref();
    let headers = &theirs["common_headers"];
    let pairs = [
        ("date", common.map(|common| common.date.as_str())),
        ("to", common.map(|common| common.to.as_str())),
        ("cc", common.and_then(|common| common.cc.as_deref())),
        ("from", common.map(|common| common.from.as_str())),
        (
            "organization",
            common.and_then(|common| common.organization.as_deref()),
        ),
        ("subject", common.map(|common| common.subject.as_str())),
    ];
    for (key, own) in pairs {
        if own != headers[key].as_str() {
            found.insert(
                format!("{actor} header {key}"),
                format!("{own:?} is not {}", headers[key]),
            );
        }
    }
    let other = theirs["other_headers_b64"].as_str().map(unbase64);
    assert_eq!(ours.other_headers, other, "{actor}: other headers");
    for (key, parts) in [("display", &ours.display), ("attach", &ours.attachments)] {
        let own: Vec<_> = parts
            .iter()
            .map(|part| {
                let size = part.data.len();
                (usize::from(part.flags.0), size, sha512_hex(&part.data))
            })
            .collect();
        let their: Vec<_> = theirs[key]
            .as_array()
            .into_iter()
            .flatten()
            .map(|part| {
                let digest = text(part, "sha512_hex").to_owned();
                (number(part, "flags"), number(part, "size"), digest)
            })
            .collect();
        if own != their {
            found.insert(
                format!("{actor} {key}"),
                format!("{own:?} is not {their:?}"),
            );
        }
    }
}

/// Parts as a reader of ours gives them: one that goes on in the next is one with it.
fn joined(parts: &[Part]) -> Vec<Part> {
    let mut whole = Vec::new();
    let mut begun: Option<Part> = None;
    for part in parts {
        let mut part = part.clone();
        if let Some(mut begun) = begun.take() {
            begun.data.append(&mut part.data);
            part.data = begun.data;
        }
        if part.flags.includes(Flags::CONTINUES) {
            part.flags = part.flags.without(Flags::CONTINUES);
            begun = Some(part);
        } else {
            whole.push(part);
        }
    }
    assert_eq!(begun, None, "the last recorded part does not go on");
    whole
}

#[test]
fn recorded_ephemeral_keys_are_those_of_the_messages() {
    for case in cases("messages_valid.json") {
        let secret = EncryptionKey::from_bytes(array(text(&case, "ephemeral_private_hex")))
            .expect("a valid scalar");
        let public =
            EncryptionPublicKey::from_bytes(&unhex(text(&case["chunks"][0], "payload_hex")));
        assert_eq!(public, Ok(secret.public()));
    }
}
