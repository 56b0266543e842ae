//! Opening messages that are not read into memory: as the others, but that contents are written to
//! files or not at all.

use std::fs::File;
use std::io::Seek as _;
use std::path::PathBuf;

use dime::files::{self, Existing};
use dime::large::{Unpacked, Unpacker};
use dime_wire::message::stream::{OpenedStream, PartDescription, StreamedMessage};
use dime_wire::message::{DestinationSignets, Flags, OriginSignets};

use super::open::{OpenArguments, Reading, ShownAttachment, ShownPart, is_sealed, outline, shown};
use super::{ActorWord, refused};
use crate::Failure;

/// What became of a message.
pub(super) enum Outcome {
    /// It was shown.
    Done,
    /// Parts of it are compressed and it is small enough to be expanded in memory.
    Compressed(File),
}

/// Opens a message and shows what is in it, the contents by their sizes.
pub(super) fn show(arguments: &OpenArguments, file: File) -> Result<Outcome, Failure> {
    let reading = &arguments.reading;
    let folder = arguments.attachments.as_deref();
    let mut unpacker = Unpacker::new(arguments.body.as_deref(), folder)?;
    let (opened, mut file) = open(reading, file, &mut unpacker)?;
    let mut parts = opened.display.iter().chain(&opened.attachments);
    let sealed = is_sealed(&opened.opened);
    arguments.check_unsealed(&opened.opened)?;
    if !sealed && parts.any(|part| part.flags.includes(Flags::GZIP)) {
        let size = file.metadata().map_err(Failure::unusable)?.len();
        if size > files::MAX_FILE {
            let refused = "parts of this message are compressed, and too large to be expanded";
            return Err(Failure::Unusable(refused.to_owned()));
        }
        file.rewind().map_err(Failure::unusable)?;
        return Ok(Outcome::Compressed(file));
    }
    let mut shown = shown(reading.actor, &opened.opened);
    let still_sealed = |at| opened.opened.still_sealed.contains(&at);
    let display = opened.display.iter().enumerate();
    shown.body = display
        .map(|(at, part)| shown_part(part, still_sealed(at)))
        .collect();
    let mut places = arguments.places(unpacker.names())?.into_iter();
    let attached = unpacker.keep()?.into_iter().enumerate();
    shown.attachments = attached
        .map(|(at, attached)| {
            let sealed = opened.opened.attachments_still_sealed.contains(&at);
            shown_attachment(places.next(), attached, sealed)
        })
        .collect::<Result<_, _>>()?;
    arguments.printing.show(&shown, outline)?;
    Ok(Outcome::Done)
}

/// Opens and judges a message, its parts going to `unpacker`.
pub(super) fn open(
    reading: &Reading,
    file: File,
    unpacker: &mut Unpacker,
) -> Result<(OpenedStream, File), Failure> {
    let fail = |error| refused(&reading.subject.file, error);
    let (_, keys) = reading.keys.any()?;
    let key = &keys.encryption;
    let policy = &reading.policy();
    let paths = &reading.signets;
    let mut message = StreamedMessage::read(file).map_err(fail)?;
    let sink = &mut |piece: dime_wire::message::stream::PartPiece<'_>| unpacker.take(piece);
    let without_parts = |opened| OpenedStream {
        opened,
        ..OpenedStream::default()
    };
    let opened = match reading.actor {
        ActorWord::Origin => {
            let signets = (paths.author()?, paths.origin()?, paths.destination()?);
            let signets = OriginSignets {
                author: &signets.0,
                origin: &signets.1,
                destination: &signets.2,
            };
            let opened = message.open_as_origin(key, &signets, policy);
            opened.map(without_parts)
        }
        ActorWord::Destination => {
            let signets = (paths.origin()?, paths.destination()?, paths.recipient()?);
            let signets = DestinationSignets {
                origin: &signets.0,
                destination: &signets.1,
                recipient: &signets.2,
            };
            let opened = message.open_as_destination(key, &signets, policy);
            opened.map(without_parts)
        }
        ActorWord::Author => {
            let (all, alternate) = (paths.all()?, reading.alternate_keys()?);
            message.open_as_author(key, &all.borrowed(), alternate.first(), policy, sink)
        }
        ActorWord::Recipient => {
            let (all, alternate) = (paths.all()?, reading.alternate_keys()?);
            message.open_as_recipient(key, &all.borrowed(), &alternate, policy, sink)
        }
    };
    Ok((opened.map_err(fail)?, message.into_inner()))
}

fn shown_part(part: &PartDescription, still_sealed: bool) -> ShownPart {
    ShownPart {
        flags: part.flags.0,
        size: part.size,
        still_sealed,
        text: None,
        base64: None,
    }
}

fn shown_attachment(
    path: Option<PathBuf>,
    attached: Unpacked,
    still_sealed: bool,
) -> Result<ShownAttachment, Failure> {
    let file = match attached.file.zip(path) {
        Some((whole, path)) => Some(whole.name(path, Existing::Keep)?),
        None => None,
    };
    Ok(ShownAttachment {
        name: attached.name,
        size: attached.size,
        still_sealed,
        file: file.map(|path| path.display().to_string()),
        base64: None,
    })
}
