//! A letter, how it goes, and the case that comes of it.

use dime_wire::encoding::encode_padded;
use dime_wire::keys::AlternateKey;
use dime_wire::message::{
    Actor, Bounces, CommonHeaders, Flags, Letter, MessageEntropy, Padding, Part, SealOptions,
    Signets, StreamEntropy, seal, sign_as_origin,
};
use rand_chacha::ChaCha20Rng;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::GenerateError;
use super::world::{self, World, stream};

/// The verdict expected of an actor.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    /// The message is good to this actor, who reads what the letter says.
    Accept,
    /// It is not, at this stage (spec/95 item 43).
    Reject(&'static str),
}

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
    pub(super) origin_key: &'static str,
    /// The recipient's signet.
    pub(super) recipient: &'static str,
    /// The origin's signet.
    pub(super) origin: &'static str,
    /// Names of the alternate keys that the recipient has.
    pub(super) alternate_keys: Vec<&'static str>,
    /// Whether the author kept the ephemeral alternate secret.
    pub(super) ephemeral_kept: bool,
    /// Whether the message key is the author's own, which hardens nothing.
    pub(super) own_message_key: bool,
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
    pub(super) fn case(
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
                Expected::Accept => self.read_by(world, actor)?,
                Expected::Reject(stage) => json!({ "verdict": "reject", "stage": stage }),
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
            let layer = if self.options.alternate {
                Flags::ALTERNATE_KEY
            } else {
                Flags::NONE
            };
            // Without the ephemeral secret an author has no more than ciphertext of a sent copy.
            let is_open = actor == Actor::Recipient || self.ephemeral_kept;
            for (key, parts) in [
                ("display", &self.letter.display),
                ("attach", &self.letter.attachments),
            ] {
                told[key] = if is_open || !self.options.alternate {
                    self.described(parts, layer)
                } else {
                    Value::Null
                };
            }
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
