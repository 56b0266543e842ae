//! Opening messages that are not read into memory: as the others, but that contents are written to
//! files or not at all.

use dime::files::{self, LargeFile};
use dime::large::Unpacker;
use dime_wire::message::stream::{OpenedStream, StreamError, StreamedMessage};
use dime_wire::message::{DestinationSignets, Flags, OriginSignets};

use super::open::{OpenArguments, Reading, is_sealed};
use super::shown::{ShownAttachment, ShownPart, shown};
use super::{ActorWord, invalid, unusable};
use crate::Failure;

/// What became of a message.
pub(super) enum Outcome {
    /// It was shown.
    Done,
    /// Parts of it are compressed and it is small enough to be expanded in memory.
    Compressed(LargeFile),
}

/// Opens a message and shows what is in it, the contents by their sizes.
pub(super) fn show(arguments: &OpenArguments, file: LargeFile) -> Result<Outcome, Failure> {
    let reading = &arguments.reading;
    let mut unpacker = arguments.unpacker()?;
    let (opened, mut file) = open(reading, file, &mut unpacker)?;
    let mut parts = opened.display.iter().chain(&opened.attachments);
    let sealed = is_sealed(&opened.opened);
    arguments.check_unsealed(&opened.opened)?;
    if !sealed && parts.any(|part| part.flags.includes(Flags::GZIP)) {
        let size = file.size().map_err(Failure::unusable)?;
        if size > files::MAX_FILE {
            let refused = "parts of this message are compressed, and too large to be expanded";
            return Err(Failure::Unusable(refused.to_owned()));
        }
        return Ok(Outcome::Compressed(file));
    }
    let mut shown = shown(reading.actor, &opened.opened);
    let still_sealed = |at| opened.opened.still_sealed.contains(&at);
    let display = opened.display.iter().enumerate();
    shown.body = display
        .map(|(at, part)| ShownPart {
            flags: part.flags.0,
            size: part.size,
            still_sealed: still_sealed(at),
            text: None,
            base64: None,
            omitted: arguments.body.is_none(),
        })
        .collect();
    let attached = unpacker.attachments().iter().enumerate();
    shown.attachments = attached
        .map(|(at, attached)| ShownAttachment {
            name: attached.name.clone(),
            size: attached.size,
            still_sealed: opened.opened.attachments_still_sealed.contains(&at),
            file: None,
            base64: None,
            omitted: arguments.attachments.is_none(),
        })
        .collect();
    let kept = arguments.keep(unpacker)?;
    for (shown, place) in shown.attachments.iter_mut().zip(kept) {
        shown.file = place.map(|place| place.display().to_string());
    }
    arguments.show(&shown)?;
    Ok(Outcome::Done)
}

/// Opens and judges a message, its parts going to `unpacker`.
pub(super) fn open(
    reading: &Reading,
    file: LargeFile,
    unpacker: &mut Unpacker,
) -> Result<(OpenedStream, LargeFile), Failure> {
    let path = &reading.subject.file;
    let fail = |error| match error {
        StreamError::Open(error) => invalid(path, &error),
        other => unusable(path, &other),
    };
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
