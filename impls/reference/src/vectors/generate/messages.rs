//! Messages: alternate layer, hardened profile, parts and paddings, signatures.

use dime_wire::encoding::encode_padded;
use dime_wire::keys::AlternateKey;
use dime_wire::message::{
    Actor, Bounces, ChunkType, CommonHeaders, Flags, Letter, MessageEntropy, Padding, Part,
    SealOptions, Signets, StreamEntropy, TreeSignature, seal, sign_as_origin,
};
use rand_chacha::ChaCha20Rng;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::GenerateError;
use super::damage::{with_chunk_of, with_flipped, with_swapped, with_text_of, without};
use super::world::{self, World, stream};

/// The verdict expected of an actor.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// The message is good to this actor, who reads what the letter says.
    Accept,
    /// It is not, at this stage (spec/95 item 43).
    Reject(&'static str),
}

use Expected::{Accept, Reject};

/// Everybody accepts.
const ALL_ACCEPT: [Expected; 4] = [Accept; 4];
/// Author and recipient, who read the contents, refuse; the organizations cannot see why.
const READERS_REJECT: [Expected; 4] = [Reject("decrypt"), Accept, Accept, Reject("decrypt")];
/// What the origin did to an author's object: only the destination, which has no author's signature
/// to verify, accepts.
const DONE_BY_ORIGIN: [Expected; 4] = [
    Reject("decrypt"),
    Reject("decrypt"),
    Accept,
    Reject("decrypt"),
];

/// A letter, how it is sealed and what an actor reads with.
#[derive(Clone)]
pub(super) struct Draft {
    /// What the author writes.
    pub(super) letter: Letter,
    /// How it is sealed.
    pub(super) options: SealOptions,
    /// Which bounces the origin signs.
    pub(super) bounces: Bounces,
    /// Whose key the origin signs with.
    origin_key: &'static str,
    /// The recipient's signet.
    recipient: &'static str,
    /// The origin's signet.
    origin: &'static str,
    /// Names of the alternate keys that the recipient has.
    alternate_keys: Vec<&'static str>,
    /// Whether the author kept the ephemeral alternate secret.
    ephemeral_kept: bool,
    /// Whether the message key is the author's own, which hardens nothing.
    own_message_key: bool,
}

impl Draft {
    /// A plain letter with one display part, both bounces wanted.
    pub(super) fn new() -> Self {
        Self {
            letter: Letter {
                author: world::AUTHOR.to_owned(),
                recipient: world::RECIPIENT.to_owned(),
                origin: world::ORIGIN.to_owned(),
                destination: world::DESTINATION.to_owned(),
                common: CommonHeaders {
                    date: "Sun, 22 Nov 2026 01:00:00 +0000".to_owned(),
                    to: "Rob <rob@two.example>".to_owned(),
                    from: "Ann <ann@one.example>".to_owned(),
                    subject: "figures".to_owned(),
                    ..CommonHeaders::default()
                },
                other_headers: b"X-Case: own\r\n".to_vec(),
                display: vec![Part::plain("The figures are in.\r\n")],
                attachments: Vec::new(),
            },
            options: SealOptions::default(),
            bounces: Bounces {
                metadata: true,
                display: true,
            },
            origin_key: "origin",
            recipient: "recipient_id",
            origin: "origin_id",
            alternate_keys: vec!["recipient"],
            ephemeral_kept: false,
            own_message_key: false,
        }
    }

    /// The same, changed.
    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The author's object.
    pub(super) fn authored(&self, world: &World, id: &str) -> Result<Vec<u8>, GenerateError> {
        let signets = Signets {
            author: world.signet("author_id")?,
            origin: world.signet(self.origin)?,
            destination: world.signet("destination_id")?,
            recipient: world.signet(self.recipient)?,
        };
        let author = &world.keys("author")?.signing;
        let mut entropy = Entropy {
            stream: StreamEntropy(stream(id)),
            message_key: self.own_message_key.then(|| *author.seed()),
            id: id.to_owned(),
        };
        Ok(seal(
            &self.letter,
            &signets,
            author,
            &mut entropy,
            &self.options,
        )?)
    }

    /// An author's object as the origin lets it out.
    pub(super) fn sent(&self, world: &World, authored: &[u8]) -> Result<Vec<u8>, GenerateError> {
        let mut keys = world.keys("origin")?.clone();
        keys.signing = world.keys(self.origin_key)?.signing.clone();
        Ok(sign_as_origin(authored, &keys, self.bounces, None)?)
    }

    /// Sealed and sent.
    pub(super) fn message(&self, world: &World, id: &str) -> Result<Vec<u8>, GenerateError> {
        self.sent(world, &self.authored(world, id)?)
    }

    /// Whose signet and key each actor uses.
    pub(super) fn context(&self, id: &str) -> Value {
        let signets = json!({
            "author": "author_id",
            "origin": self.origin,
            "destination": "destination_id",
            "recipient": self.recipient,
        });
        let keys: Map<_, _> = Actor::ALL
            .into_iter()
            .map(|actor| (actor.name().to_owned(), json!(actor.name())))
            .collect();
        let mut context = json!({ "signets": signets, "private_keys": keys });
        if self.options.alternate {
            context["alternate_keys"] = json!(self.alternate_keys);
            if self.ephemeral_kept {
                let secret = hex::encode(*ephemeral_alternate(id).to_bytes());
                context["ephemeral_alternate_private_hex"] = json!(secret);
            }
        }
        context
    }

    /// A case: `message` and what every actor makes of it.
    fn case(
        &self,
        world: &World,
        id: &str,
        description: &str,
        message: &[u8],
        expected: [Expected; 4],
    ) -> Result<Value, GenerateError> {
        let mut actors = Map::new();
        for (actor, expected) in Actor::ALL.into_iter().zip(expected) {
            let told = match expected {
                Accept => self.read_by(world, actor)?,
                Reject(stage) => json!({ "verdict": "reject", "stage": stage }),
            };
            actors.insert(actor.name().to_owned(), told);
        }
        Ok(json!({
            "id": id,
            "description": description,
            "world": world::ID,
            "message_b64": encode_padded(message),
            "context": self.context(id),
            "actors": actors,
        }))
    }

    /// What an actor who accepts learns: the envelope as far as it is the actor's, and the letter if
    /// the actor reads it.
    pub(super) fn read_by(&self, world: &World, actor: Actor) -> Result<Value, GenerateError> {
        let mut told = json!({ "verdict": "accept", "envelope": self.envelope(world, actor)? });
        if matches!(actor, Actor::Author | Actor::Recipient) {
            let common = &self.letter.common;
            told["common_headers"] = json!({
                "date": common.date,
                "to": common.to,
                "cc": common.cc,
                "from": common.from,
                "organization": common.organization,
                "subject": common.subject,
            });
            let other = &self.letter.other_headers;
            let other = (!other.is_empty()).then(|| encode_padded(other));
            told["other_headers_b64"] = json!(other);
            told["attach"] = self.described(&self.letter.attachments, Flags::NONE);
            let layer = if self.options.alternate {
                Flags::ALTERNATE_KEY
            } else {
                Flags::NONE
            };
            // Without the ephemeral secret an author has no more than ciphertext of a sent copy.
            let is_open = actor == Actor::Recipient || self.ephemeral_kept;
            told["display"] = if is_open || !self.options.alternate {
                self.described(&self.letter.display, layer)
            } else {
                Value::Null
            };
        }
        if actor != Actor::Destination {
            told["hardened"] = json!(self.options.hardened);
        }
        Ok(told)
    }

    fn described(&self, parts: &[Part], flags: Flags) -> Value {
        let buckets = self.options.padding == Padding::Buckets;
        let padding = if buckets {
            Flags::ALTERNATE_PADDING
        } else {
            Flags::NONE
        };
        let described = parts.iter().map(|part| {
            json!({
                "flags": part.flags.with(flags).with(padding).0,
                "size": part.data.len(),
                "sha512_hex": hex::encode(Sha512::digest(&part.data)),
            })
        });
        described.collect()
    }

    fn envelope(&self, world: &World, actor: Actor) -> Result<Value, GenerateError> {
        let mut envelope = Map::new();
        let mut tell = |key: &str, name: &str, signet: &str| -> Result<(), GenerateError> {
            envelope.insert(key.to_owned(), json!(name));
            envelope.insert(format!("fp_{key}"), json!(world.fingerprint(signet)?));
            Ok(())
        };
        if actor != Actor::Destination {
            tell("author", &self.letter.author, "author_id")?;
            tell("destination", &self.letter.destination, "destination_id")?;
        }
        if actor != Actor::Origin {
            tell("recipient", &self.letter.recipient, self.recipient)?;
            tell("origin", &self.letter.origin, self.origin)?;
        }
        Ok(Value::Object(envelope))
    }
}

/// The stream of a message, but for the keys that a case names.
struct Entropy {
    stream: StreamEntropy<ChaCha20Rng>,
    message_key: Option<[u8; 32]>,
    id: String,
}

impl MessageEntropy for Entropy {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.stream.ephemeral_key()
    }

    fn message_key(&mut self) -> [u8; 32] {
        self.message_key
            .unwrap_or_else(|| self.stream.message_key())
    }

    fn alternate_key(&mut self) -> [u8; 32] {
        *ephemeral_alternate(&self.id).to_bytes()
    }

    fn chunk_key(&mut self, index: usize) -> [u8; 32] {
        self.stream.chunk_key(index)
    }

    fn chunk_iv(&mut self, index: usize) -> [u8; 16] {
        self.stream.chunk_iv(index)
    }

    fn padding(&mut self, index: usize) -> u8 {
        self.stream.padding(index)
    }

    fn slot(&mut self, index: usize, actor: Actor) -> [u8; 16] {
        self.stream.slot(index, actor)
    }
}

/// The ephemeral secret of the alternate layer in the message `id`.
fn ephemeral_alternate(id: &str) -> AlternateKey {
    AlternateKey::from_bytes(world::secret(&format!("ephemeral alternate key {id}")))
}

/// `messages_alternate.json`: the alternate layer.
pub(super) fn alternate(world: &World) -> Result<Vec<Value>, GenerateError> {
    let plain = Draft::new().with(|draft| draft.options.alternate = true);
    let two = plain.clone().with(|draft| {
        draft.letter.display.push(Part::plain("A second part."));
    });
    let mut out = Vec::new();
    let mut add = |draft: &Draft, id: &str, what: &str, message: &[u8], expected| {
        draft
            .case(world, id, what, message, expected)
            .map(|case| out.push(case))
    };
    let id = "alternate/one-part";
    let what =
        "One display part under the alternate layer; the author did not keep the ephemeral secret.";
    add(&plain, id, what, &plain.message(world, id)?, ALL_ACCEPT)?;

    let id = "alternate/author-kept-the-secret";
    let kept = two.clone().with(|draft| draft.ephemeral_kept = true);
    let what = "Two parts, read by the recipient and by an author who kept the ephemeral secret.";
    add(&kept, id, what, &kept.message(world, id)?, ALL_ACCEPT)?;

    let id = "alternate/second-key-of-the-recipient";
    let devices = plain.clone().with(|draft| {
        draft.recipient = "recipient_devices_id";
        draft.alternate_keys = vec!["recipient", "recipient_device"];
    });
    let what = "The signet has two alternate keys; the first is used, the reader holds both in another order.";
    add(&devices, id, what, &devices.message(world, id)?, ALL_ACCEPT)?;

    let id = "alternate/compressed";
    let compressed = plain.clone().with(|draft| {
        draft.letter.display = vec![Part::compressed(&b"again and ".repeat(40))];
    });
    let what = "Compressed first, then put under the layer; flags 0x06.";
    add(
        &compressed,
        id,
        what,
        &compressed.message(world, id)?,
        ALL_ACCEPT,
    )?;

    let id = "alternate/no-secret";
    let none = plain.clone().with(|draft| draft.alternate_keys.clear());
    let expected = [Accept, Accept, Accept, Reject("decrypt")];
    let what = "The recipient has no alternate secret.";
    add(&none, id, what, &none.message(world, id)?, expected)?;

    let id = "alternate/secret-of-another";
    let wrong = plain
        .clone()
        .with(|draft| draft.alternate_keys = vec!["third"]);
    let what = "The recipient has the alternate secret of somebody else.";
    add(&wrong, id, what, &wrong.message(world, id)?, expected)?;

    let id = "alternate/chunk-3-dropped-by-origin";
    let authored = without(&two.authored(world, id)?, ChunkType::Alternate)?;
    let what = "The origin took out chunk 3 before it signed.";
    add(&two, id, what, &two.sent(world, &authored)?, DONE_BY_ORIGIN)?;

    let id = "alternate/chunk-3-of-another-message";
    let other = two.authored(world, "alternate/another")?;
    let authored = with_chunk_of(&two.authored(world, id)?, ChunkType::Alternate, &other)?;
    let what = "The origin put in chunk 3 of another message of the same author.";
    add(&two, id, what, &two.sent(world, &authored)?, DONE_BY_ORIGIN)?;

    let id = "alternate/parts-exchanged-by-origin";
    let authored = with_swapped(&two.authored(world, id)?, ChunkType::Display)?;
    let what = "The origin exchanged both display chunks before it signed.";
    add(&two, id, what, &two.sent(world, &authored)?, DONE_BY_ORIGIN)?;

    let id = "alternate/flag-without-chunk-3";
    let flagged = Draft::new().with(|draft| {
        draft.options.unchecked = true;
        for part in &mut draft.letter.display {
            part.flags = Flags::ALTERNATE_KEY;
        }
    });
    let what = "Flag 0x02 on plain data in a message without chunk 3.";
    add(
        &flagged,
        id,
        what,
        &flagged.message(world, id)?,
        READERS_REJECT,
    )?;
    Ok(out)
}

/// `messages_hardened.json`: the hardened profile.
pub(super) fn hardened(world: &World) -> Result<Vec<Value>, GenerateError> {
    let hardened = Draft::new().with(|draft| draft.options.hardened = true);
    let mut out = Vec::new();
    let mut add = |draft: &Draft, id: &str, what: &str, message: &[u8], expected| {
        draft
            .case(world, id, what, message, expected)
            .map(|case| out.push(case))
    };
    let id = "hardened/plain";
    let what = "Chunk 5 is signed by the message key that chunk 4 certifies.";
    add(
        &hardened,
        id,
        what,
        &hardened.message(world, id)?,
        ALL_ACCEPT,
    )?;

    let id = "hardened/under-the-alternate-layer";
    let both = hardened
        .clone()
        .with(|draft| draft.options.alternate = true);
    let what = "Hardened, and the display part under the alternate layer.";
    add(&both, id, what, &both.message(world, id)?, ALL_ACCEPT)?;

    let id = "hardened/signed-with-the-long-term-key";
    let author = world.keys("author")?.signing.clone();
    let liar = hardened.clone().with(|draft| {
        draft.options.signers.insert(ChunkType::Destination, author);
    });
    let what = "Chunk 4 certifies a message key, but chunk 5 is signed with the author's own. The origin cannot see it.";
    add(&liar, id, what, &liar.message(world, id)?, READERS_REJECT)?;

    let id = "hardened/certifies-the-long-term-key";
    let vain = hardened.clone().with(|draft| draft.own_message_key = true);
    let what = "The certified key is the author's own, which hardens nothing.";
    add(&vain, id, what, &vain.message(world, id)?, DONE_BY_ORIGIN)?;

    let other = hardened.authored(world, "hardened/another")?;
    let id = "hardened/chunk-4-of-another-message";
    let authored = with_chunk_of(&hardened.authored(world, id)?, ChunkType::Origin, &other)?;
    let what =
        "The origin put in chunk 4 of another message as it was, which nobody can decrypt here.";
    add(
        &hardened,
        id,
        what,
        &hardened.sent(world, &authored)?,
        DONE_BY_ORIGIN,
    )?;

    let id = "hardened/chunk-4-text-of-another-message";
    let authored = with_text_of(
        &hardened.authored(world, id)?,
        ChunkType::Origin,
        &other,
        (Actor::Origin, &world.keys("origin")?.encryption),
    )?;
    let what = "The origin encrypted the signed text of another chunk 4, and so another message key, into this message.";
    add(
        &hardened,
        id,
        what,
        &hardened.sent(world, &authored)?,
        DONE_BY_ORIGIN,
    )?;

    let id = "hardened/chunk-5-of-another-message";
    let authored = with_chunk_of(
        &hardened.authored(world, id)?,
        ChunkType::Destination,
        &other,
    )?;
    let what =
        "The origin put in chunk 5 of another message as it was, which nobody can decrypt here.";
    add(
        &hardened,
        id,
        what,
        &hardened.sent(world, &authored)?,
        [Reject("decrypt"); 4],
    )?;
    Ok(out)
}

/// `messages_parts.json`: parts, flags and paddings.
pub(super) fn parts(world: &World) -> Result<Vec<Value>, GenerateError> {
    let mut out = Vec::new();
    for (id, what, draft, expected) in good_parts().into_iter().chain(bad_parts()) {
        let message = draft.message(world, id)?;
        let mut case = draft.case(world, id, what, &message, expected)?;
        if let Some(sizes) = padded_sizes(id) {
            case["chunks"] = sizes;
        }
        out.push(case);
    }
    Ok(out)
}

type Row = (&'static str, &'static str, Draft, [Expected; 4]);

fn good_parts() -> Vec<Row> {
    let display = |parts: Vec<Part>| Draft::new().with(|draft| draft.letter.display = parts);
    vec![
        (
            "parts/attachments",
            "Two display parts and two attachments, one of them empty of text.",
            display(vec![Part::plain("one"), Part::plain("two")]).with(|draft| {
                draft.letter.attachments =
                    vec![Part::plain(vec![0u8; 3000]), Part::plain(vec![7u8])];
            }),
            ALL_ACCEPT,
        ),
        (
            "parts/no-other-headers",
            "Without other headers chunk 34 is left out, which libdime cannot read.",
            Draft::new().with(|draft| draft.letter.other_headers.clear()),
            ALL_ACCEPT,
        ),
        (
            "parts/compressed",
            "Flag 0x04 on a gzip stream.",
            display(vec![Part::compressed(&b"text ".repeat(200))]),
            ALL_ACCEPT,
        ),
        (
            "parts/continued",
            "A part of 250 bytes in three chunks of at most 100; all but the last have flag 0x80.",
            display(vec![Part::plain(vec![b'c'; 250]), Part::plain("whole")])
                .with(|draft| draft.options.largest_piece = Some(100)),
            ALL_ACCEPT,
        ),
        (
            "parts/continued-attachment",
            "As parts/continued, an attachment; one piece is exactly full.",
            Draft::new().with(|draft| {
                draft.letter.attachments = vec![Part::plain(vec![b'a'; 200])];
                draft.options.largest_piece = Some(100);
            }),
            ALL_ACCEPT,
        ),
        (
            "parts/alternate-padding",
            "Flag 0x01 on one of two parts.",
            display(vec![
                Part {
                    flags: Flags::ALTERNATE_PADDING,
                    data: b"padded the other way".to_vec(),
                },
                Part::plain("padded as usual"),
            ]),
            ALL_ACCEPT,
        ),
        (
            "parts/buckets",
            "Payloads padded to buckets.",
            buckets(20),
            ALL_ACCEPT,
        ),
        (
            "parts/buckets-larger",
            "Payloads padded to buckets.",
            buckets(1500),
            ALL_ACCEPT,
        ),
    ]
}

fn buckets(size: usize) -> Draft {
    Draft::new().with(|draft| {
        draft.options.padding = Padding::Buckets;
        draft.letter.display = vec![Part::plain(vec![b'b'; size])];
    })
}

/// The sizes that padding to buckets must give: 1024, 2048, 4096 and multiples of 4096.
fn padded_sizes(id: &str) -> Option<Value> {
    let display = match id {
        "parts/buckets" => 1024,
        "parts/buckets-larger" => 2048,
        _ => return None,
    };
    let standard = [(4, 1024), (5, 1024), (33, 1024), (34, 1024), (67, display)];
    let signatures = [225, 226, 248, 249, 255].map(|kind| (kind, 64));
    let rows = [(2, 33)].into_iter().chain(standard).chain(signatures);
    Some(
        rows.map(|(kind, size)| json!({ "type": kind, "payload_size": size }))
            .collect(),
    )
}

fn bad_parts() -> Vec<Row> {
    let flagged = |flags: u8, data: &[u8]| {
        let part = Part {
            flags: Flags(flags),
            data: data.to_vec(),
        };
        Draft::new().with(|draft| {
            draft.letter.display = vec![part];
            draft.options.unchecked = true;
        })
    };
    vec![
        (
            "parts/compressed-is-not",
            "Flag 0x04 on data that is no gzip stream.",
            flagged(0x04, b"plain text"),
            READERS_REJECT,
        ),
        (
            "parts/undefined-flag",
            "Flag 0x08, which means nothing.",
            flagged(0x08, b"text"),
            READERS_REJECT,
        ),
        (
            "parts/continued-by-nothing",
            "Flag 0x80 on the last display chunk.",
            flagged(0x80, b"to be continued"),
            READERS_REJECT,
        ),
        (
            "parts/line-break-in-a-header",
            "The subject holds a bare LF.",
            Draft::new().with(|draft| {
                draft.letter.common.subject = "two\nlines".to_owned();
                draft.options.unchecked = true;
            }),
            READERS_REJECT,
        ),
    ]
}

/// `messages_signatures.json`: the signatures of author and origin.
pub(super) fn signatures(world: &World) -> Result<Vec<Value>, GenerateError> {
    let plain = Draft::new();
    let mut out = Vec::new();
    let mut add = |draft: &Draft, id: &str, what: &str, message: &[u8], expected| {
        draft
            .case(world, id, what, message, expected)
            .map(|case| out.push(case))
    };
    let tree = plain
        .clone()
        .with(|draft| draft.options.tree = TreeSignature::Intended);
    let soks = plain.clone().with(|draft| draft.origin = "origin_soks_id");
    let by_sok = |key| soks.clone().with(|draft| draft.origin_key = key);
    let by_stranger = plain.clone().with(|draft| draft.origin_key = "stranger");
    let unsigned = [Accept, Accept, Reject("decrypt"), Reject("decrypt")];
    for (id, what, draft, expected) in [
        (
            "signatures/intended-tree",
            "The tree signature covers chunk 5, too.",
            tree,
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-messages",
            "The origin signed with a SOK of permission 0x02.",
            by_sok("origin_sok_msg"),
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-all",
            "The origin signed with a SOK of permission 0x0f.",
            by_sok("origin_sok_all"),
            ALL_ACCEPT,
        ),
        (
            "signatures/origin-sok-for-signets",
            "The origin signed with a SOK of permission 0x01, which may not sign messages.",
            by_sok("origin_sok_signet"),
            unsigned,
        ),
        (
            "signatures/origin-stranger",
            "The origin signed with a key of nobody.",
            by_stranger,
            unsigned,
        ),
    ] {
        add(&draft, id, what, &draft.message(world, id)?, expected)?;
    }
    for (id, bounces) in [
        ("signatures/no-bounce", Bounces::default()),
        (
            "signatures/metadata-bounce",
            Bounces {
                metadata: true,
                display: false,
            },
        ),
        (
            "signatures/display-bounce",
            Bounces {
                metadata: false,
                display: true,
            },
        ),
    ] {
        let draft = plain.clone().with(|draft| draft.bounces = bounces);
        let what = "Bounce chunks that were not asked for are dropped, 249 like 248.";
        add(&draft, id, what, &draft.message(world, id)?, ALL_ACCEPT)?;
    }
    let id = "signatures/not-signed-by-origin";
    let authored = plain.authored(world, id)?;
    let what = "The author's object: 248, 249 and 255 hold 64 zero bytes.";
    add(&plain, id, what, &authored, unsigned)?;
    for (id, kind) in [
        (
            "signatures/flipped-before-origin/33",
            ChunkType::CommonHeaders,
        ),
        ("signatures/flipped-before-origin/67", ChunkType::Display),
    ] {
        let authored = with_flipped(&plain.authored(world, id)?, kind)?;
        let what = "The origin changed a bit of a payload it cannot read before it signed.";
        add(
            &plain,
            id,
            what,
            &plain.sent(world, &authored)?,
            DONE_BY_ORIGIN,
        )?;
    }
    for (id, kind) in [
        ("signatures/flipped-on-the-way/33", ChunkType::CommonHeaders),
        ("signatures/flipped-on-the-way/67", ChunkType::Display),
    ] {
        let message = with_flipped(&plain.message(world, id)?, kind)?;
        let what = "A bit of a payload changed behind the origin.";
        add(&plain, id, what, &message, [Reject("decrypt"); 4])?;
    }
    Ok(out)
}
