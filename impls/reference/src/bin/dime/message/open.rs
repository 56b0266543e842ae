//! `dime message open` and `verify`: what an actor may read, once everything it can check holds.

use std::path::PathBuf;

use dime::files;
use dime::large::Unpacker;
use dime_wire::keys::{AlternateKey, EncryptionKey};
use dime_wire::message::{
    Actor, Bounce, DestinationSignets, Envelope, ExpandError, MAXIMUM_EXPANSION, Message,
    OpenError, Opened, OriginKeys, OriginSignets, ReadPolicy, TreeSignature, open_as_author_with,
    open_as_destination_with, open_as_origin_with, open_as_recipient_with, verify_bounce_as_author,
    verify_bounce_as_origin,
};
use serde::Serialize;

use super::large::{self, Outcome};
use super::place::unpack;
use super::shown::{Shown, outline, shown};
use super::{
    ActorWord, SignetPaths, Source, TreeWord, WorkersWord, decoded, invalid, read, source, unusable,
};
use crate::output::{Printing, judged};
use crate::{Failure, input};

/// Which message, whose eyes.
#[derive(clap::Args)]
pub(crate) struct Reading {
    #[command(flatten)]
    pub(super) subject: input::Subject,
    /// Which actor reads it.
    #[arg(long = "as", value_enum, value_name = "ACTOR")]
    pub(super) actor: ActorWord,
    #[command(flatten)]
    pub(super) keys: input::KeySource,
    /// Key of the alternate layer; may be repeated.
    #[arg(long, value_name = "FILE")]
    alternate: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) signets: SignetPaths,
    /// It is a bounce, which origin and author can read.
    #[arg(long, conflicts_with_all = ["primary_key_only", "tree", "require_hardened"])]
    bounce: bool,
    /// The message that came back, as the author kept it: it must be the same.
    #[arg(long, requires = "bounce", value_name = "FILE")]
    sent: Option<PathBuf>,
    /// Take the origin's signatures only from its primary key, as libdime does.
    #[arg(long)]
    primary_key_only: bool,
    /// Take only this form of the author's tree signature.
    #[arg(long, value_enum)]
    tree: Option<TreeWord>,
    /// Take only a message whose author the destination cannot find out by trying signets; the
    /// destination itself cannot tell.
    #[arg(long)]
    require_hardened: bool,
    /// How many threads to take.
    #[arg(long, value_enum, default_value = "one")]
    workers: WorkersWord,
}

#[derive(clap::Args)]
pub(crate) struct OpenArguments {
    #[command(flatten)]
    pub(super) reading: Reading,
    /// Write the body to this file, its parts one behind the other, instead of showing it. If that is
    /// standard output, nothing else is shown.
    #[arg(long, value_name = "FILE")]
    pub(super) body: Option<PathBuf>,
    /// Write the attachments to this folder, under their names as far as these can be used.
    #[arg(long, value_name = "FOLDER")]
    pub(super) attachments: Option<PathBuf>,
    #[command(flatten)]
    pub(super) printing: Printing,
}

#[derive(clap::Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    printing: Printing,
}

/// A verdict that a message holds, in JSON.
#[derive(Serialize)]
struct Verdict {
    /// `author`, `origin`, `destination` or `recipient`.
    reader: &'static str,
    holds: bool,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(crate) fn run(arguments: &OpenArguments) -> Result<(), Failure> {
    let reading = &arguments.reading;
    arguments.check_places()?;
    let bytes = match reading.source()? {
        Source::Whole(bytes) => bytes,
        Source::Streamed(file) => match large::show(arguments, file)? {
            Outcome::Done => return Ok(()),
            Outcome::Compressed(file) => files::read_from(&reading.subject.file, file)?,
        },
    };
    let mut opened = open(reading, &bytes)?;
    arguments.check_unsealed(&opened)?;
    expand(&mut opened).map_err(|error| invalid(&reading.subject.file, &error))?;
    let mut shown = shown(reading.actor, &opened);
    let mut unpacker = arguments.unpacker()?;
    unpack(&opened, &mut unpacker).map_err(Failure::unusable)?;
    if arguments.body.is_some() {
        for part in &mut shown.body {
            (part.text, part.base64) = (None, None);
        }
    }
    let kept = arguments.keep(unpacker)?;
    for (shown, place) in shown.attachments.iter_mut().zip(kept) {
        if let Some(place) = place {
            (shown.file, shown.base64) = (Some(place.display().to_string()), None);
        }
    }
    arguments.show(&shown)
}

pub(crate) fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let reader = Actor::from(arguments.reading.actor).name();
    let done = match arguments.reading.source()? {
        Source::Whole(bytes) => open(&arguments.reading, &bytes).map(drop),
        Source::Streamed(file) => {
            let open = large::open(&arguments.reading, file, &mut Unpacker::default());
            open.map(drop)
        }
    };
    let reason = match &done {
        Ok(()) => None,
        Err(Failure::Invalid(reason)) => Some(reason.clone()),
        Err(_) => return done,
    };
    let verdict = Verdict {
        reader,
        holds: reason.is_none(),
        reason,
    };
    let printed = arguments.printing.show(&verdict, |verdict| {
        let holds = if verdict.holds {
            "holds"
        } else {
            "does not hold"
        };
        format!("{holds}\n")
    });
    judged(printed, done)
}

/// Expands what is compressed, but for what still is under the alternate layer.
fn expand(opened: &mut Opened) -> Result<(), ExpandError> {
    // The layer covers all parts or none.
    if is_sealed(opened) {
        return Ok(());
    }
    for part in opened.display.iter_mut().chain(&mut opened.attachments) {
        part.data = part.expanded(MAXIMUM_EXPANSION)?.into_owned();
    }
    Ok(())
}

/// Whether the parts still are under the alternate layer.
pub(super) fn is_sealed(opened: &Opened) -> bool {
    !opened.still_sealed.is_empty() || !opened.attachments_still_sealed.is_empty()
}

impl OpenArguments {
    /// Prints what was read, unless the body alone is wanted.
    pub(super) fn show(&self, shown: &Shown) -> Result<(), Failure> {
        if self.body_alone() {
            return Ok(());
        }
        self.printing.show(shown, outline)
    }

    /// Refuses to write contents to files that nobody could read.
    pub(super) fn check_unsealed(&self, opened: &Opened) -> Result<(), Failure> {
        let writes = self.body.is_some() || self.attachments.is_some();
        if writes && is_sealed(opened) {
            let sealed =
                "the parts are under the alternate layer, which this reader cannot take off";
            return Err(Failure::Unusable(sealed.to_owned()));
        }
        Ok(())
    }
}

fn open(reading: &Reading, bytes: &[u8]) -> Result<Opened, Failure> {
    let path = &reading.subject.file;
    let (_, keys) = reading.keys.any()?;
    let opened = if reading.bounce {
        open_bounce(reading, bytes, &keys.encryption)
    } else {
        open_message(reading, bytes, &keys.encryption)
    };
    opened?.map_err(|error| invalid(path, &error))
}

fn open_message(
    reading: &Reading,
    bytes: &[u8],
    keys: &EncryptionKey,
) -> Result<Result<Opened, OpenError>, Failure> {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return Ok(Err(error.into())),
    };
    let policy = &reading.policy();
    let alternate = reading.alternate_keys()?;
    let paths = &reading.signets;
    Ok(match reading.actor {
        ActorWord::Origin => {
            let signets = (paths.author()?, paths.origin()?, paths.destination()?);
            let signets = OriginSignets {
                author: &signets.0,
                origin: &signets.1,
                destination: &signets.2,
            };
            open_as_origin_with(&message, keys, &signets, policy)
        }
        ActorWord::Destination => {
            let signets = (paths.origin()?, paths.destination()?, paths.recipient()?);
            let signets = DestinationSignets {
                origin: &signets.0,
                destination: &signets.1,
                recipient: &signets.2,
            };
            open_as_destination_with(&message, keys, &signets, policy)
        }
        ActorWord::Author | ActorWord::Recipient => {
            let all = paths.all()?;
            let signets = all.borrowed();
            match reading.actor {
                ActorWord::Author => {
                    open_as_author_with(&message, keys, &signets, alternate.first(), policy)
                }
                _ => open_as_recipient_with(&message, keys, &signets, &alternate, policy),
            }
        }
    })
}

fn open_bounce(
    reading: &Reading,
    bytes: &[u8],
    keys: &EncryptionKey,
) -> Result<Result<Opened, OpenError>, Failure> {
    let bounce = match Bounce::parse(bytes) {
        Ok(bounce) => bounce,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(path) = &reading.sent {
        let sent = read(path)?;
        let sent = Message::parse(&sent).map_err(|error| unusable(path, &error))?;
        if !bounce.is_of(&sent) {
            let (bounce, sent) = (input::named(&reading.subject.file), input::named(path));
            return Err(Failure::Invalid(format!(
                "{bounce} is not the bounce of {sent}"
            )));
        }
    }
    Ok(match reading.actor {
        ActorWord::Origin => {
            let origin = reading.signets.origin()?;
            let envelope = verify_bounce_as_origin(&bounce, keys, &origin);
            envelope.map(|envelope| Opened {
                envelope: Envelope {
                    author: Some(envelope.author),
                    destination: Some(envelope.destination),
                    ..Envelope::default()
                },
                ..Opened::default()
            })
        }
        ActorWord::Author => {
            let all = reading.signets.all()?;
            let alternate = reading.alternate_keys()?;
            verify_bounce_as_author(&bounce, keys, &all.borrowed(), alternate.first())
        }
        ActorWord::Destination | ActorWord::Recipient => {
            let nobody = "a bounce is read by origin and author";
            return Err(Failure::Unusable(nobody.to_owned()));
        }
    })
}

impl Reading {
    /// The message; a bounce in memory.
    fn source(&self) -> Result<Source, Failure> {
        if self.require_hardened && matches!(self.actor, ActorWord::Destination) {
            let blind = "the destination cannot tell whether a message is hardened";
            return Err(Failure::Unusable(blind.to_owned()));
        }
        let path = &self.subject.file;
        if self.bounce {
            let bytes = decoded(path, input::bytes(path)?);
            return Ok(Source::Whole(bytes.map_err(Failure::invalid)?));
        }
        source(path, Failure::invalid)
    }

    pub(super) fn policy(&self) -> ReadPolicy {
        ReadPolicy {
            origin_keys: if self.primary_key_only {
                OriginKeys::PokOnly
            } else {
                OriginKeys::MessageKeys
            },
            tree: self.tree.map(TreeSignature::from),
            require_hardened: self.require_hardened,
            workers: self.workers.into(),
        }
    }

    pub(super) fn alternate_keys(&self) -> Result<Vec<AlternateKey>, Failure> {
        let paths = self.alternate.iter();
        paths.map(|path| input::alternate_key(path)).collect()
    }
}
