//! `dime message open` and `verify`: what an actor may read, once everything it can check holds.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dime::agent::client::Attachment;
use dime::files::{self, Existing, FileError};
use dime::large::Unpacker;
use dime_wire::encoding::encode_padded;
use dime_wire::keys::{AlternateKey, EncryptionKey};
use dime_wire::message::{
    Actor, Bounce, CommonHeaders, DestinationSignets, Envelope, ExpandError, MAXIMUM_EXPANSION,
    Message, OpenError, Opened, OriginKeys, OriginSignets, Part, ReadPolicy, TreeSignature,
    open_as_author_with, open_as_destination_with, open_as_origin_with, open_as_recipient_with,
    verify_bounce_as_author, verify_bounce_as_origin,
};
use serde::Serialize;

use super::large::{self, Outcome};
use super::{ActorWord, SignetPaths, Source, TreeWord, invalid, read, source};
use crate::output::{Printing, judged, one_line, visible};
use crate::{Failure, input};

/// Most characters of a file name that an attachment is written under.
const LONGEST_FILE_NAME: usize = 200;

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
    #[arg(long)]
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
}

#[derive(clap::Args)]
pub(crate) struct OpenArguments {
    #[command(flatten)]
    pub(super) reading: Reading,
    /// Write the body to this file, its parts one behind the other, instead of showing it.
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

/// What an actor reads, in JSON. What is not for the actor is null or empty.
#[derive(Serialize)]
pub(super) struct Shown {
    /// `author`, `origin`, `destination` or `recipient`.
    reader: &'static str,
    author: Option<String>,
    origin: Option<String>,
    destination: Option<String>,
    recipient: Option<String>,
    headers: Option<ShownHeaders>,
    /// All other headers, as they are.
    other_headers: Option<String>,
    pub(super) body: Vec<ShownPart>,
    pub(super) attachments: Vec<ShownAttachment>,
    /// Whether the destination cannot find the author out by trying signets; null where the reader
    /// cannot tell.
    hardened: Option<bool>,
    signatures: ShownSignatures,
}

#[derive(Serialize)]
struct ShownHeaders {
    date: String,
    to: String,
    cc: Option<String>,
    from: String,
    organization: Option<String>,
    subject: String,
}

#[derive(Serialize)]
pub(super) struct ShownPart {
    /// The flags of its chunk, as on the wire.
    pub(super) flags: u8,
    pub(super) size: u64,
    /// Whether it still is under the alternate layer, which an author cannot take off.
    pub(super) still_sealed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Padded base64 of what is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

#[derive(Serialize)]
pub(super) struct ShownAttachment {
    /// Its name, if it has one.
    pub(super) name: Option<String>,
    pub(super) size: u64,
    /// Whether it still is under the alternate layer, which an author cannot take off.
    pub(super) still_sealed: bool,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Padded base64, if it was not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

/// Which optional signatures are there; all that are there hold.
#[derive(Serialize)]
struct ShownSignatures {
    /// Over what the author's tree signature was made: `intended` or `libdime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<&'static str>,
    metadata_bounce: bool,
    display_bounce: bool,
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
    let bytes = match reading.source()? {
        Source::Whole(bytes) => bytes,
        Source::Streamed(file) => match large::show(arguments, file)? {
            Outcome::Done => return Ok(()),
            Outcome::Compressed(file) => files::read_from(&reading.subject.file, file)?,
        },
    };
    let mut opened = open(reading, &bytes)?;
    arguments.check_unsealed(&opened)?;
    expand(&mut opened).map_err(|error| invalid(&arguments.reading.subject.file, &error))?;
    let mut shown = shown(arguments.reading.actor, &opened);
    let named: Vec<_> = opened.attachments.iter().map(named_contents).collect();
    let names = named.iter().map(|(name, _)| name.as_deref());
    // Before anything is written, so that it is all or nothing.
    let places = arguments.places(names)?;
    if let Some(path) = &arguments.body {
        let body: Vec<&[u8]> = opened.display.iter().map(|part| &*part.data).collect();
        files::write(path, &body.concat(), Existing::Keep)?;
        for part in &mut shown.body {
            (part.text, part.base64) = (None, None);
        }
    }
    let written = named.iter().zip(&mut shown.attachments).zip(&places);
    for (((_, contents), shown), place) in written {
        files::write(place, contents, Existing::Keep)?;
        (shown.file, shown.base64) = (Some(place.display().to_string()), None);
    }
    arguments.printing.show(&shown, outline)
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
        let sent = Message::parse(&sent).map_err(|error| invalid(path, &error))?;
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
        let path = &self.subject.file;
        if self.bounce {
            return Ok(Source::Whole(read(path)?));
        }
        source(path)
    }

    pub(super) fn policy(&self) -> ReadPolicy {
        ReadPolicy {
            origin_keys: if self.primary_key_only {
                OriginKeys::PokOnly
            } else {
                OriginKeys::MessageKeys
            },
            tree: self.tree.map(TreeSignature::from),
            ..ReadPolicy::default()
        }
    }

    pub(super) fn alternate_keys(&self) -> Result<Vec<AlternateKey>, Failure> {
        let paths = self.alternate.iter();
        paths.map(|path| input::alternate_key(path)).collect()
    }
}

pub(super) fn shown(actor: ActorWord, opened: &Opened) -> Shown {
    let envelope = &opened.envelope;
    let other = opened.other_headers.as_deref();
    let parts = opened.display.iter().enumerate();
    let parts = parts.map(|(at, part)| shown_part(part, opened.still_sealed.contains(&at)));
    let sealed = &opened.attachments_still_sealed;
    let attachments = opened.attachments.iter().enumerate();
    let attachments = attachments.map(|(at, part)| shown_attachment(part, sealed.contains(&at)));
    Shown {
        reader: Actor::from(actor).name(),
        author: envelope.author.clone(),
        origin: envelope.origin.clone(),
        destination: envelope.destination.clone(),
        recipient: envelope.recipient.clone(),
        headers: opened.common.as_ref().map(shown_headers),
        other_headers: other.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        body: parts.collect(),
        attachments: attachments.collect(),
        hardened: opened.tree.map(|_| opened.hardened),
        signatures: ShownSignatures {
            tree: opened.tree.map(|tree| match tree {
                TreeSignature::Libdime => "libdime",
                TreeSignature::Intended => "intended",
            }),
            metadata_bounce: opened.metadata_bounce,
            display_bounce: opened.display_bounce,
        },
    }
}

fn shown_headers(common: &CommonHeaders) -> ShownHeaders {
    ShownHeaders {
        date: common.date.clone(),
        to: common.to.clone(),
        cc: common.cc.clone(),
        from: common.from.clone(),
        organization: common.organization.clone(),
        subject: common.subject.clone(),
    }
}

fn shown_part(part: &Part, still_sealed: bool) -> ShownPart {
    let text = std::str::from_utf8(&part.data).ok();
    let text = text.filter(|_| !still_sealed);
    ShownPart {
        flags: part.flags.0,
        size: part.data.len() as u64,
        still_sealed,
        text: text.map(str::to_owned),
        base64: match text {
            Some(_) => None,
            None => Some(encode_padded(&part.data)),
        },
    }
}

fn shown_attachment(part: &Part, still_sealed: bool) -> ShownAttachment {
    let (name, contents) = named_contents(part);
    ShownAttachment {
        name,
        size: contents.len() as u64,
        still_sealed,
        file: None,
        base64: Some(encode_padded(&contents)),
    }
}

fn named_contents(part: &Part) -> (Option<String>, Vec<u8>) {
    match Attachment::parse(&part.data) {
        Ok(attachment) => (Some(attachment.name), attachment.contents),
        Err(_) => (None, part.data.clone()),
    }
}

/// The names under which the attachments of one message are written.
#[derive(Default)]
struct FileNames(BTreeSet<String>);

impl FileNames {
    /// An attachment's own name, or its number if that names no plain file or one before it has it.
    fn of(&mut self, name: Option<&str>, position: usize) -> String {
        let mut candidate = match name.filter(|name| is_file_name(name)) {
            Some(name) => name.to_owned(),
            None => format!("attachment-{}", position + 1),
        };
        // Ends: there are fewer names than attempts.
        for attempt in 0..=self.0.len() {
            if self.0.insert(candidate.clone()) {
                break;
            }
            candidate = match attempt {
                0 => format!("attachment-{}", position + 1),
                attempt => format!("attachment-{}-{attempt}", position + 1),
            };
        }
        candidate
    }
}

impl OpenArguments {
    /// Where attachments of these names are written, none if they are not asked for. These places and
    /// that of the body must be free.
    pub(super) fn places<'a>(
        &self,
        names: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<Vec<PathBuf>, Failure> {
        if let Some(path) = self.body.clone().filter(|path| path.is_file()) {
            return Err(FileError::Exists { path }.into());
        }
        let Some(folder) = &self.attachments else {
            return Ok(Vec::new());
        };
        let (mut taken, mut places) = (FileNames::default(), Vec::new());
        for (position, name) in names.enumerate() {
            let path = folder.join(taken.of(name, position));
            if self.body.as_ref() == Some(&path) || path.symlink_metadata().is_ok() {
                return Err(FileError::Exists { path }.into());
            }
            places.push(path);
        }
        Ok(places)
    }
}

/// Whether the name, which somebody else chose, stays in the folder and hides nothing.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= LONGEST_FILE_NAME
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && name == one_line(name)
}

pub(super) fn outline(shown: &Shown) -> String {
    let mut text = String::new();
    for (label, value) in [
        ("author", &shown.author),
        ("origin", &shown.origin),
        ("destination", &shown.destination),
        ("recipient", &shown.recipient),
    ] {
        let value = value.as_deref().unwrap_or("not for this actor");
        text += &format!("{label:<12} {value}\n");
    }
    if let Some(headers) = &shown.headers {
        for (label, value) in [
            ("date", Some(&headers.date)),
            ("to", Some(&headers.to)),
            ("cc", headers.cc.as_ref()),
            ("from", Some(&headers.from)),
            ("organization", headers.organization.as_ref()),
            ("subject", Some(&headers.subject)),
        ] {
            if let Some(value) = value {
                text += &format!("{label:<12} {}\n", one_line(value));
            }
        }
    }
    for part in &shown.body {
        text += &format!("body         {} bytes\n", part.size);
        match (&part.text, &part.base64) {
            (Some(words), _) => text += &format!("{}\n", visible(words).trim_end_matches('\n')),
            (None, Some(_)) if part.still_sealed => text += "(under the alternate layer)\n",
            (None, Some(_)) => text += "(not text: see --body)\n",
            (None, None) => {}
        }
    }
    for attachment in &shown.attachments {
        let name = match &attachment.name {
            Some(name) => name,
            None if attachment.still_sealed => "under the alternate layer",
            None => "without a name",
        };
        let size = attachment.size;
        text += &format!("attachment   {size} bytes {}", one_line(name));
        if let Some(file) = &attachment.file {
            text += &format!(" in {}", one_line(file));
        }
        text += "\n";
    }
    text
}
