//! Good messages: each is made again byte for byte from the recorded random values, taken apart with
//! the recorded keys, and read as each actor.

use dime_wire::keys::{EncryptionKey, EncryptionPublicKey, Kek, PrivateKeys};
use dime_wire::message::{
    Actor, Bounces, ChunkType, CommonHeaders, Envelope, Flags, Letter, Message, Opened, Part,
    SealOptions, TreeSignature, seal, sign_as_origin, tree_signature_input,
};
use dime_wire::signet::{Fingerprint, FingerprintKind};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::judge::each;
use super::message_facts;
use super::messages::{Cast, Refusal, compare_completeness, compare_verdict};
use super::recorded_entropy::RecordedEntropy;
use super::{Comparisons, Context, Entry, FolderError, Judge, World};

/// Whether a file holds messages and what they were made of.
pub(super) fn recognizes(file: &Entry<'_>) -> bool {
    let cases = file.at("cases").items().unwrap_or_default();
    let is_case = |case: &Entry<'_>| {
        case.optional("ephemeral_private_hex").is_some() && case.optional("chunks").is_some()
    };
    !cases.is_empty() && cases.iter().all(is_case)
}

/// Judges `messages_valid.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(file.at("cases").items()?, judge, |entry, found| {
        let world = context.worlds.of_case(entry)?;
        let case = Case::new(entry, world, context)?;
        case.itself(found)?;
        case.make_again(found)?;
        match Message::parse(&case.recorded) {
            Ok(message) => case.read(&message, found)?,
            Err(error) => {
                let error = Refusal::Open(error.into());
                found.equal("parsing", "reject", "accept").because(&error);
                found.with("reason", error.reason());
            }
        }
        Ok(message_facts::gather(&case.recorded, &case.cast))
    })
}

struct Case<'a, 'f> {
    entry: &'a Entry<'f>,
    inputs: Entry<'f>,
    world: &'a World<'f>,
    cast: Cast,
    recorded: Vec<u8>,
}

impl<'a, 'f> Case<'a, 'f> {
    fn new(
        entry: &'a Entry<'f>,
        world: &'a World<'f>,
        context: &Context<'f>,
    ) -> Result<Self, FolderError> {
        let inputs = entry.at("inputs");
        let recorded = match entry.optional("message_file") {
            Some(name) => {
                let file = context.folder.binary.get(name.text()?);
                let file = file.ok_or_else(|| FolderError::Missing {
                    file: name.text().unwrap_or_default().to_owned(),
                    needed_by: entry.file().to_owned(),
                })?;
                file.clone()
            }
            None => entry.at("message_b64").base64()?,
        };
        Ok(Self {
            cast: Cast::of(world, &inputs.at("signets"), &inputs.at("private_keys"))?,
            entry,
            inputs,
            world,
            recorded,
        })
    }

    /// The message is the one that was recorded, and its ephemeral key the recorded one.
    fn itself(&self, found: &mut Comparisons) -> Result<(), FolderError> {
        let size = self.entry.at("message_size").number()?;
        found.equal("message size", self.recorded.len(), size);
        let digest = self.entry.at("message_sha512_hex").text()?;
        let own = hex::encode(Sha512::digest(&self.recorded));
        found.equal("message digest", own, digest);
        let secret = self.entry.at("ephemeral_private_hex");
        let key = EncryptionKey::from_bytes(secret.array()?);
        let key = key.map_err(|_| secret.is_not("a secp256k1 scalar"))?;
        let chunks = self.entry.at("chunks").items()?;
        if let Some(public) = chunks
            .first()
            .and_then(|chunk| chunk.optional("payload_hex"))
        {
            let public = EncryptionPublicKey::from_bytes(&public.hex()?);
            found.equal("ephemeral key", public.ok() == Some(key.public()), true);
        }
        Ok(())
    }

    fn bounces(&self) -> Result<Bounces, FolderError> {
        let flags = self.entry.at("origin_bounce_flags").number()?;
        Ok(Bounces {
            metadata: flags & 1 != 0,
            display: flags & 2 != 0,
        })
    }

    fn tracing(&self) -> Result<Option<Vec<u8>>, FolderError> {
        let tracing = self.inputs.optional("tracing_b64");
        tracing.map(|tracing| tracing.base64()).transpose()
    }

    fn letter(&self) -> Result<Letter, FolderError> {
        let parts = |key: &str| -> Result<Vec<Part>, FolderError> {
            let parts = self.inputs.at(key).items()?;
            let part = |part: &Entry<'_>| {
                Ok(Part {
                    flags: Flags(part.at("flags").byte()?),
                    data: part.part_data()?,
                })
            };
            parts.iter().map(part).collect()
        };
        let text = |key: &str| Ok(self.inputs.at(key).text()?.to_owned());
        Ok(Letter {
            author: text("author")?,
            recipient: text("recipient")?,
            origin: text("origin")?,
            destination: text("destination")?,
            common: common_headers(&self.inputs.at("common_headers"))?,
            other_headers: self.inputs.at("other_headers_b64").base64()?,
            display: parts("display")?,
            attachments: parts("attach")?,
        })
    }

    /// Seals and signs from the recorded values. What an honest author of ours would not seal is
    /// sealed unchecked, so that the bytes are compared nevertheless.
    fn make_again(&self, found: &mut Comparisons) -> Result<(), FolderError> {
        let signing_key = self.inputs.at("author_signing_key");
        let author = self.world.keys_at(&signing_key)?.signing;
        let letter = self.letter()?;
        let mut options = SealOptions {
            tracing: self.tracing()?,
            ..SealOptions::default()
        };
        let signets = match self.cast.all_signets() {
            Ok(signets) => signets,
            Err(refusal) => {
                found.equal("sealing", "reject", "accept").because(refusal);
                return Ok(());
            }
        };
        let entropy = RecordedEntropy::of(self.entry, &self.cast)?;
        let mut sealed = seal(&letter, &signets, &author, &mut entropy.clone(), &options);
        let own = if sealed.is_ok() { "accept" } else { "reject" };
        found.equal("sealing", own, "accept");
        if let Err(error) = &sealed {
            found.because(error);
            options.unchecked = true;
            sealed = seal(&letter, &signets, &author, &mut entropy.clone(), &options);
        }
        let authored = match sealed {
            Ok(authored) => authored,
            Err(error) => {
                let differs = found.equal("author stage", "reject", "accept");
                differs.because(error);
                return Ok(());
            }
        };
        if let Some(recorded) = self.entry.optional("author_stage_message_b64") {
            found.bytes("author stage", &authored, &recorded.base64()?);
        }
        self.sign_again(&authored, found)
    }

    /// Signs the author's object as its origin did.
    fn sign_again(&self, authored: &[u8], found: &mut Comparisons) -> Result<(), FolderError> {
        let signing = self.world.keys_at(&self.inputs.at("origin_signing_key"))?;
        let encryption = self
            .world
            .keys_at(&self.inputs.at("private_keys").at("origin"))?;
        let keys = PrivateKeys {
            signing: signing.signing,
            encryption: encryption.encryption,
        };
        let (bounces, tracing) = (self.bounces()?, self.tracing()?);
        let mut compare = |aspect: &str, tracing: Option<&[u8]>, recorded: &[u8]| {
            match sign_as_origin(authored, &keys, bounces, tracing) {
                Ok(signed) => found.bytes(aspect, &signed, recorded),
                Err(error) => found.equal(aspect, "reject", "accept").because(error),
            };
        };
        compare("signed", None, &self.recorded);
        // What no ruling touches must be equal to the last byte nevertheless.
        if bounces.display {
            compare("signed with tracing", tracing.as_deref(), &self.recorded);
        } else {
            match sign_as_origin(authored, &keys, bounces, tracing.as_deref()) {
                Ok(signed) => self.compare_but_for_display_bounce(&signed, found),
                Err(error) => {
                    found.equal("chunks", "not signed", "signed").because(error);
                }
            }
        }
        Ok(())
    }

    /// Without the zero-filled chunk 249 that libdime leaves in, only the header and the payload of 255
    /// differ.
    fn compare_but_for_display_bounce(&self, signed: &[u8], found: &mut Comparisons) {
        let (Ok(ours), Ok(theirs)) = (Message::parse(signed), Message::parse(&self.recorded))
        else {
            found.equal("chunks", "not read", "read");
            return;
        };
        let chunks = |message: &Message<'_>| -> Vec<Value> {
            let chunks = message.chunks().iter();
            let kept = chunks.filter(|chunk| chunk.kind != ChunkType::DisplayBounce);
            kept.map(|chunk| {
                let bytes = match chunk.kind {
                    ChunkType::OriginSignature => chunk.slots,
                    _ => chunk.bytes,
                };
                json!([chunk.kind as u8, hex::encode(Sha512::digest(bytes))])
            })
            .collect()
        };
        found.equal("chunks", chunks(&ours), chunks(&theirs));
        let dropped = ours.chunk(ChunkType::DisplayBounce).is_none();
        found.equal("display bounce dropped", dropped, true);
    }

    /// Takes the recorded message apart, opens it as each actor and compares with what libdime made
    /// of it.
    fn read(&self, message: &Message<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
        let input = tree_signature_input(message, TreeSignature::Libdime);
        let recorded = self.entry.at("tree_signature_input_hex").hex()?;
        found.bytes("tree signature input", &input, &recorded);
        let tracing = self.tracing()?.unwrap_or_default();
        found.bytes("tracing", message.tracing().unwrap_or_default(), &tracing);
        super::message_chunks::compare(self.entry, message, &self.cast, found)?;
        for actor in Actor::ALL {
            let recorded = self.entry.at("actors").at(actor.name());
            if let Some(key) = self.cast.key(actor) {
                let kek = Kek::derive(key, message.ephemeral());
                let own = [kek.iv().as_slice(), kek.key().as_slice()].concat();
                found.bytes("kek", &own, &recorded.at("kek_hex").hex()?);
                found.with("actor", actor.name());
            }
            let state = recorded.at("message_state");
            compare_completeness(message, state.value(), actor, found);
            let ours = self.cast.open(message, actor);
            compare_verdict(actor, &ours, &recorded, found)?;
            let Ok(opened) = ours else { continue };
            self.compare_with_inputs(actor, &opened, found)?;
            if recorded.at("verdict").text()? == "accept" {
                compare_envelope(actor, &opened.envelope, &recorded.at("envelope"), found);
                compare_contents(actor, &opened, &recorded, found)?;
            }
        }
        Ok(())
    }

    /// The fingerprints of the signets used, as far as the actor can read the chunk that names them:
    /// 4, of author and destination, or 5, of origin and recipient.
    fn fingerprints(&self, actor: Actor) -> Value {
        let reads = |whose: Actor| match actor {
            Actor::Author | Actor::Recipient => true,
            Actor::Origin => matches!(whose, Actor::Author | Actor::Destination),
            Actor::Destination => matches!(whose, Actor::Origin | Actor::Recipient),
        };
        let print = |whose: Actor| {
            let signet = self.cast.signet(whose).ok().filter(|_| reads(whose))?;
            let print = signet.fingerprint(FingerprintKind::Cryptographic)?;
            Some(print.as_str().to_owned())
        };
        let order = [
            Actor::Author,
            Actor::Origin,
            Actor::Destination,
            Actor::Recipient,
        ];
        json!(order.map(print))
    }

    /// Whoever may read the contents reads what the author wrote, and nobody else reads anything.
    fn compare_with_inputs(
        &self,
        actor: Actor,
        opened: &Opened,
        found: &mut Comparisons,
    ) -> Result<(), FolderError> {
        let letter = self.letter()?;
        let reads = matches!(actor, Actor::Author | Actor::Recipient);
        let contents = if reads {
            opened.common.as_ref() == Some(&letter.common)
                && opened.other_headers.as_ref() == Some(&letter.other_headers)
                && opened.display == joined(&letter.display)
                && opened.attachments == joined(&letter.attachments)
        } else {
            opened.common.is_none()
                && opened.other_headers.is_none()
                && opened.display.is_empty()
                && opened.attachments.is_empty()
        };
        found.equal("contents", contents, true);
        found.with("actor", actor.name());
        found.equal(
            "own fingerprints",
            fingerprints(&opened.envelope),
            self.fingerprints(actor),
        );
        found.with("actor", actor.name());
        let tree = (actor != Actor::Destination).then_some(TreeSignature::Libdime);
        found.equal("tree signature form", opened.tree == tree, true);
        found.with("actor", actor.name());
        if matches!(actor, Actor::Destination | Actor::Recipient) {
            let bounces = Bounces {
                metadata: opened.metadata_bounce,
                display: opened.display_bounce,
            };
            found.equal("bounce signatures", bounces == self.bounces()?, true);
            found.with("actor", actor.name());
        }
        Ok(())
    }
}

/// Those of author, origin, destination and recipient.
fn fingerprints(envelope: &Envelope) -> Value {
    let prints = [
        &envelope.author_fingerprint,
        &envelope.origin_fingerprint,
        &envelope.destination_fingerprint,
        &envelope.recipient_fingerprint,
    ];
    json!(prints.map(|print| print.as_ref().map(Fingerprint::as_str)))
}

/// Parts as a reader of ours gives them: one that goes on in the next is one with it.
fn joined(parts: &[Part]) -> Vec<Part> {
    let mut whole = Vec::new();
    let mut begun: Option<Vec<u8>> = None;
    for part in parts {
        let mut data = begun.take().unwrap_or_default();
        data.extend_from_slice(&part.data);
        if part.flags.includes(Flags::CONTINUES) {
            begun = Some(data);
        } else {
            let flags = part.flags;
            whole.push(Part { flags, data });
        }
    }
    whole
}

/// The common headers at `entry`; a required one that is missing is empty.
pub(super) fn common_headers(entry: &Entry<'_>) -> Result<CommonHeaders, FolderError> {
    let optional = |key: &str| -> Result<Option<String>, FolderError> {
        let value = entry.optional(key);
        value
            .map(|value| value.text().map(str::to_owned))
            .transpose()
    };
    Ok(CommonHeaders {
        date: optional("date")?.unwrap_or_default(),
        to: optional("to")?.unwrap_or_default(),
        cc: optional("cc")?,
        from: optional("from")?.unwrap_or_default(),
        organization: optional("organization")?,
        subject: optional("subject")?.unwrap_or_default(),
    })
}

pub(super) fn compare_envelope(
    actor: Actor,
    ours: &Envelope,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) {
    let prints = [
        ("fp_author", &ours.author_fingerprint),
        ("fp_origin", &ours.origin_fingerprint),
        ("fp_destination", &ours.destination_fingerprint),
        ("fp_recipient", &ours.recipient_fingerprint),
    ];
    let names = [
        ("author", &ours.author),
        ("origin", &ours.origin),
        ("destination", &ours.destination),
        ("recipient", &ours.recipient),
    ];
    let prints =
        prints.map(|(key, print)| (key, json!(print.as_ref().map(|print| print.as_str()))));
    let names = names.map(|(key, name)| (key, json!(name)));
    for (key, own) in names.into_iter().chain(prints) {
        let recorded = recorded.at(key).value().clone();
        found.equal(format!("envelope {key}"), own, recorded);
        found.with("actor", actor.name());
    }
}

/// Compares headers and parts; parts that are `null` are not stated.
pub(super) fn compare_contents(
    actor: Actor,
    ours: &Opened,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let common = ours.common.as_ref();
    let headers = recorded.at("common_headers");
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
        let recorded = headers.at(key).value().clone();
        found.equal(format!("header {key}"), json!(own), recorded);
        found.with("actor", actor.name());
    }
    let other = recorded.optional("other_headers_b64");
    let other = other.map(|other| other.base64()).transpose()?;
    found.equal("other headers", ours.other_headers == other, true);
    found.with("actor", actor.name());
    for (key, parts) in [("display", &ours.display), ("attach", &ours.attachments)] {
        if recorded.value().get(key).is_some_and(Value::is_null) {
            continue;
        }
        let own: Vec<Value> = parts.iter().map(describe_part).collect();
        let recorded = recorded.optional(key);
        let recorded = recorded.map_or_else(|| json!([]), |parts| parts.value().clone());
        found.equal(key, own, recorded).with("actor", actor.name());
    }
    Ok(())
}

fn describe_part(part: &Part) -> Value {
    json!({
        "flags": part.flags.0,
        "size": part.data.len(),
        "sha512_hex": hex::encode(Sha512::digest(&part.data)),
    })
}
