//! What the checks of messages share: the four actors with their keys and signets, opening as each, and
//! comparing the verdict with the recorded one.

use std::collections::BTreeMap;

use dime_wire::keys::{AlternateKey, EncryptionKey};
use dime_wire::message::{
    Actor, ChunkType, DestinationSignets, Message, OpenError, Opened, OriginSignets, ParseError,
    Signets, open_as_author, open_as_destination, open_as_origin, open_as_recipient,
};
use dime_wire::signet::{Signet, SignetError};
use serde_json::Value;

use super::judge::broke_memory;
use super::message_facts::Keys;
use super::{Comparisons, Entry, FolderError, World};

/// The four actors of a case.
pub(super) struct Cast {
    signets: BTreeMap<Actor, Result<Signet, SignetError>>,
    keys: BTreeMap<Actor, EncryptionKey>,
    alternate: Vec<AlternateKey>,
    ephemeral_alternate: Option<AlternateKey>,
}

/// Why an actor did not accept a message.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The bytes are no message, or do not open.
    Open(OpenError),
    /// A signet that the actor needs was not given.
    NoSignet(Actor),
    /// A signet that the actor needs is none to us.
    Signet(Actor, SignetError),
    /// The actor has no private key.
    NoKey,
}

impl Cast {
    /// The actors by the names of their signets and private keys.
    pub(super) fn of(
        world: &World<'_>,
        signets: &Entry<'_>,
        keys: &Entry<'_>,
    ) -> Result<Self, FolderError> {
        let mut cast = Self {
            signets: BTreeMap::new(),
            keys: BTreeMap::new(),
            alternate: Vec::new(),
            ephemeral_alternate: None,
        };
        for actor in Actor::ALL {
            if let Some(name) = signets.optional(actor.name()) {
                cast.signets.insert(actor, world.signet_at(&name)?);
            }
            if let Some(name) = keys.optional(actor.name()) {
                let keys = world.keys_at(&name)?;
                cast.keys.insert(actor, keys.encryption);
            }
        }
        Ok(cast)
    }

    /// The same actors with the keys of the alternate layer that `given` names, as our own vectors do:
    /// the recipient's, and the secret of the message if its author kept it.
    pub(super) fn with_alternate_keys(
        mut self,
        world: &World<'_>,
        given: &Entry<'_>,
    ) -> Result<Self, FolderError> {
        if let Some(names) = given.optional("alternate_keys") {
            for name in names.items()? {
                self.alternate.push(world.alternate_key_at(&name)?);
            }
        }
        if let Some(secret) = given.optional("ephemeral_alternate_private_hex") {
            self.ephemeral_alternate = Some(AlternateKey::from_bytes(secret.array()?));
        }
        Ok(self)
    }

    /// The ephemeral secret of the alternate layer, if the author kept it.
    pub(super) fn ephemeral_alternate(&self) -> Option<&AlternateKey> {
        self.ephemeral_alternate.as_ref()
    }

    /// The signet of an actor, if the actor was given one that is a signet to us.
    pub(super) fn signet(&self, actor: Actor) -> Result<&Signet, Refusal> {
        let given = self.signets.get(&actor).ok_or(Refusal::NoSignet(actor))?;
        given
            .as_ref()
            .map_err(|error| Refusal::Signet(actor, error.clone()))
    }

    /// All four signets.
    pub(super) fn all_signets(&self) -> Result<Signets<'_>, Refusal> {
        Ok(Signets {
            author: self.signet(Actor::Author)?,
            origin: self.signet(Actor::Origin)?,
            destination: self.signet(Actor::Destination)?,
            recipient: self.signet(Actor::Recipient)?,
        })
    }

    /// The private encryption key of an actor.
    pub(super) fn key(&self, actor: Actor) -> Option<&EncryptionKey> {
        self.keys.get(&actor)
    }

    /// The private keys of all actors.
    pub(super) fn keys(&self) -> Keys<'_> {
        Actor::ALL.map(|actor| (actor, self.keys.get(&actor)))
    }

    /// Opens and judges a message as one actor, with the signets that this actor needs (spec/95 item 31).
    pub(super) fn open(&self, message: &Message<'_>, actor: Actor) -> Result<Opened, Refusal> {
        let key = self.key(actor).ok_or(Refusal::NoKey)?;
        let opened = match actor {
            Actor::Author => {
                let kept = self.ephemeral_alternate();
                open_as_author(message, key, &self.all_signets()?, kept)
            }
            Actor::Origin => {
                let signets = OriginSignets {
                    author: self.signet(Actor::Author)?,
                    origin: self.signet(Actor::Origin)?,
                    destination: self.signet(Actor::Destination)?,
                };
                open_as_origin(message, key, &signets)
            }
            Actor::Destination => {
                let signets = DestinationSignets {
                    origin: self.signet(Actor::Origin)?,
                    destination: self.signet(Actor::Destination)?,
                    recipient: self.signet(Actor::Recipient)?,
                };
                open_as_destination(message, key, &signets)
            }
            Actor::Recipient => {
                open_as_recipient(message, key, &self.all_signets()?, &self.alternate)
            }
        };
        opened.map_err(Refusal::Open)
    }
}

/// Compares our verdict with what is recorded of one actor at `recorded`. Both refusing, the stage at
/// which that happened is compared as far as our error tells it.
pub(super) fn compare_verdict(
    actor: Actor,
    ours: &Result<Opened, Refusal>,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let verdict = recorded.at("verdict");
    let verdict = if broke_memory(recorded) {
        verdict.value().as_str().unwrap_or("crash")
    } else {
        verdict.text()?
    };
    if verdict == "crash" || broke_memory(recorded) {
        found.broke_memory(format!("libdime broke memory as {actor}"), ours.is_err());
    } else {
        let own = if ours.is_ok() { "accept" } else { "reject" };
        found.equal("verdict", own, verdict);
    }
    told(actor, ours, recorded, found);
    let (Err(refusal), "reject", Some(stage)) = (ours, verdict, recorded.optional("stage")) else {
        return Ok(());
    };
    let stages = refusal.stages();
    let stage = stage.text()?;
    let own = if stages.contains(&stage) {
        stage.to_owned()
    } else {
        stages.join(" or ")
    };
    found.equal("stage", own, stage);
    told(actor, ours, recorded, found);
    Ok(())
}

/// Adds to a comparison which actor it is about, why ours is what it is, and what was recorded.
fn told(
    actor: Actor,
    ours: &Result<Opened, Refusal>,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) {
    found.with("actor", actor.name());
    for key in ["stage", "detail"] {
        if let Some(told) = recorded.optional(key) {
            found.with(&format!("recorded {key}"), told.value().clone());
        }
    }
    if let Err(refusal) = ours {
        found.because(refusal).with("reason", refusal.reason());
    }
}

/// Compares whether the message has all the chunks it must have.
pub(super) fn compare_completeness(
    message: &Message<'_>,
    recorded: &Value,
    actor: Actor,
    found: &mut Comparisons,
) {
    if recorded.is_null() {
        return;
    }
    let missing = message.missing();
    let state = match missing {
        None => "COMPLETE",
        Some(_) => "INCOMPLETE",
    };
    found.equal("message_state", state, recorded.clone());
    found.with("actor", actor.name());
    if let Some(missing) = missing {
        found.because(format!("chunk {missing} is missing"));
    }
}

impl Refusal {
    /// The kind of refusal under a name that rulings use.
    pub(super) fn reason(&self) -> &'static str {
        let error = match self {
            Self::Open(error) => error,
            Self::NoSignet(_) => return "no-signet",
            Self::Signet(..) => return "signet",
            Self::NoKey => return "no-key",
        };
        match error {
            OpenError::Parse(error) => parse_reason(error),
            OpenError::Incomplete(_) => "incomplete",
            OpenError::Undecryptable => "undecryptable",
            OpenError::Envelope(_) => "envelope",
            OpenError::Signet(..) => "signet",
            OpenError::Fingerprint(_) => "fingerprint",
            OpenError::Name(_) => "name",
            OpenError::TreeSignature => "tree-signature",
            OpenError::AuthorSignature => "author-signature",
            OpenError::NeverSigned(_) => "never-signed",
            OpenError::OriginSignature(_) => "origin-signature",
            OpenError::Headers(_) => "headers",
            OpenError::Flags(_) => "flags",
            _ => "other",
        }
    }

    /// Where libdime, which tests in the order of spec/95 item 43, may refuse for the same reason.
    /// All failures to decrypt are one error here, so that error leaves the stage open.
    fn stages(&self) -> &'static [&'static str] {
        match self {
            Self::Open(OpenError::Parse(ParseError::NoEphemeral | ParseError::EphemeralKey)) => {
                &["kek"]
            }
            Self::Open(OpenError::Parse(ParseError::PayloadSize(ChunkType::Ephemeral, _))) => {
                &["deserialize", "kek"]
            }
            Self::Open(OpenError::Parse(_)) => &["deserialize"],
            Self::Open(OpenError::Incomplete(_) | OpenError::Envelope(_)) => &["envelope"],
            Self::Open(OpenError::Undecryptable) => &["envelope", "decrypt"],
            Self::NoKey => &["kek"],
            _ => &["decrypt"],
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::NoSignet(actor) => write!(f, "{actor}'s signet is not given"),
            Self::Signet(actor, error) => write!(f, "failed to read the {actor}'s signet: {error}"),
            Self::NoKey => f.write_str("private key is not given"),
        }
    }
}

fn parse_reason(error: &ParseError) -> &'static str {
    match error {
        ParseError::Magic => "magic",
        ParseError::Tracing => "tracing",
        ParseError::Length => "length",
        ParseError::TooLarge => "too-large",
        ParseError::UnknownChunk(_) => "unknown-chunk",
        ParseError::Truncated(_) => "truncated",
        ParseError::PayloadSize(..) => "payload-size",
        ParseError::Order(_) => "order",
        ParseError::Repeated(_) => "repeated",
        ParseError::NoEphemeral => "no-ephemeral",
        ParseError::EphemeralKey => "ephemeral-key",
        _ => "other",
    }
}
