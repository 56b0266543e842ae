//! Messages: structure in memory and in a stream, bounces, what origins complete, compressed parts,
//! the alternate layer.

use std::io::Cursor;

use dime_wire::alternate::Agreement;
use dime_wire::dissect;
use dime_wire::message::stream::{StreamError, StreamedMessage};
use dime_wire::message::{
    Actor, Bounce, Bounces, ChunkType, ExpandError, Flags, Message, OpenError, Part,
    bounce_as_destination, read_destination_envelope, sign_as_origin, verify_bounce_as_author,
    verify_bounce_as_origin,
};

use crate::secrets::absent;
use crate::world::WORLD;

/// Most bytes that a compressed part may expand to here.
const EXPANSION: usize = 64 * 1024;

/// The strict structure: chunks in order, every byte in one of them, nothing the dissector minds.
pub fn message(input: &[u8]) {
    let Ok(message) = Message::parse(input) else {
        return;
    };
    let mut expected = input.len();
    for chunk in message.chunks().iter().rev() {
        assert_eq!(
            chunk.offset + chunk.bytes.len(),
            expected,
            "no gap behind a chunk"
        );
        expected = chunk.offset;
        assert!(
            input
                .get(chunk.offset..)
                .is_some_and(|rest| rest.starts_with(chunk.bytes))
        );
        for actor in Actor::ALL {
            assert_eq!(
                chunk.slot(actor).is_some(),
                chunk.kind.slots().contains(&actor)
            );
        }
    }
    let kinds = message.chunks().iter().map(|chunk| chunk.kind);
    assert!(kinds.is_sorted(), "ascending");
    assert_eq!(message.missing(), missing(&message));
    assert_eq!(dissect::dissect(input).problems(), [], "taken strictly");
    let _ = (message.identity(), message.head_identity());
}

fn missing(message: &Message<'_>) -> Option<ChunkType> {
    let mut kinds = ChunkType::ALL.into_iter();
    kinds.find(|kind| kind.is_required() && message.chunk(*kind).is_none())
}

/// A message in a stream gets the verdict of a message in memory.
pub fn stream(input: &[u8]) {
    let whole = Message::parse(input);
    let streamed = StreamedMessage::read(Cursor::new(input));
    match (whole, streamed) {
        (Ok(whole), Ok(streamed)) => {
            assert_eq!(whole.tracing(), streamed.tracing());
            let key = &WORLD.destination.keys.encryption;
            assert_eq!(
                read_destination_envelope(&whole, key),
                streamed.destination_envelope(key)
            );
        }
        (Err(error), Err(StreamError::Open(OpenError::Parse(streamed)))) => {
            assert_eq!(error, streamed);
        }
        (whole, streamed) => panic!("memory {:?}, stream {:?}", whole.err(), streamed.err()),
    }
}

/// Bounces, judged by both who may get one.
pub fn bounce(input: &[u8]) {
    let Ok(bounce) = Bounce::parse(input) else {
        return;
    };
    assert!(bounce.is_of(bounce.message()));
    let (origin, author) = (&WORLD.origin, &WORLD.author);
    let read = verify_bounce_as_origin(&bounce, &origin.keys.encryption, &origin.signet);
    absent(&read, origin.keys.encryption.to_bytes().as_slice());
    let key = &author.keys.encryption;
    let read = verify_bounce_as_author(&bounce, key, &WORLD.signets(), None);
    absent(&read, key.to_bytes().as_slice());
}

/// Whatever an origin completes is a message, can be bounced, and is not completed twice.
pub fn origin(input: &[u8]) {
    let all = Bounces {
        metadata: true,
        display: true,
    };
    let tracing = input.get(..4).filter(|_| input.len() % 2 == 1);
    let signed = sign_as_origin(input, &WORLD.origin.keys, all, tracing);
    let mut streamed = Vec::new();
    let size = StreamedMessage::read(Cursor::new(input)).and_then(|mut message| {
        message.sign_as_origin(&WORLD.origin.keys, all, tracing, &mut streamed)
    });
    let signed = match (signed, size) {
        (Ok(signed), Ok(size)) => {
            assert_eq!(size, signed.len() as u64);
            assert!(signed == streamed, "the same bytes in a stream");
            signed
        }
        (Err(error), Err(StreamError::Open(streamed))) => {
            assert_eq!(error, streamed);
            return;
        }
        (signed, size) => panic!("memory {:?}, stream {:?}", signed.err(), size.err()),
    };
    let message = Message::parse(&signed).expect("an origin makes a message");
    assert_eq!(message.tracing(), tracing);
    for extent in dime_wire::message::BounceExtent::ALL {
        let bytes = bounce_as_destination(&message, extent).expect("it has every signature");
        let bounce = Bounce::parse(&bytes).expect("a destination makes a bounce");
        assert!(bounce.extent() == extent && bounce.is_of(&message));
    }
    let again = sign_as_origin(&signed, &WORLD.origin.keys, all, None);
    assert!(again.is_err(), "signed once");
}

/// Compressed parts expand within the limit, and to what was compressed.
pub fn part(input: &[u8]) {
    let part = Part {
        flags: Flags::GZIP,
        data: input.to_vec(),
    };
    if let Ok(data) = part.expanded(EXPANSION) {
        assert!(data.len() <= EXPANSION);
        assert_eq!(
            Part::compressed(&data).expanded(EXPANSION).as_deref(),
            Ok(&*data)
        );
    }
    let compressed = Part::compressed(input);
    assert_eq!(compressed.expanded(input.len()).as_deref(), Ok(input));
    if let Some(limit) = input.len().checked_sub(1) {
        assert_eq!(
            compressed.expanded(limit),
            Err(ExpandError::TooLarge(limit))
        );
    }
    let mut trailing = compressed;
    trailing.data.push(0);
    assert_eq!(trailing.expanded(EXPANSION), Err(ExpandError::Trailing));
}

/// The alternate layer: what is sealed is opened, in its place only, and nothing else is.
pub fn alternate(input: &[u8]) {
    let Some(([flags, index, rest @ ..], agreement)) = Some(input).zip(agreement()) else {
        return;
    };
    let (flags, index) = (*flags, usize::from(*index));
    let mut data = rest.to_vec();
    let _ = agreement.open(ChunkType::Display, index, flags, &mut data);
    let mut sealed = rest.to_vec();
    let tag = agreement.seal(ChunkType::Display, index, flags, &mut sealed);
    sealed.extend_from_slice(&tag);
    for (kind, index, flags, good) in [
        (ChunkType::Display, index, flags, true),
        (ChunkType::Attachment, index, flags, false),
        (ChunkType::Display, index + 1, flags, false),
        (ChunkType::Display, index, !flags, false),
    ] {
        let mut data = sealed.clone();
        let opened = agreement.open(kind, index, flags, &mut data);
        assert_eq!(opened.is_some(), good);
        assert!(!good || data == rest);
    }
}

/// An agreement of the world's recipient with itself, made once.
fn agreement() -> Option<&'static Agreement> {
    static AGREEMENT: std::sync::LazyLock<Option<Agreement>> = std::sync::LazyLock::new(|| {
        Agreement::as_recipient(&WORLD.alternate, &WORLD.alternate.public())
    });
    AGREEMENT.as_ref()
}
