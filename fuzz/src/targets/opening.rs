//! What stands behind decryption: plaintexts from the input, signed and encrypted again with the keys
//! of the fixed world, so that every parser inside a message is reached.

use std::io::Cursor;
use std::slice;
use std::sync::LazyLock;

use dime_wire::keys::{Kek, SigningKey};
use dime_wire::message::cipher::ChunkKey;
use dime_wire::message::stream::{PartPiece, PartSink, StreamError, StreamedMessage};
use dime_wire::message::{
    Actor, ChunkType, DestinationSignets, Message, MessageEntropy as _, OpenError, Opened,
    OriginSignets, PAYLOAD_HEAD, Part, ReadPolicy, TreeSignature, open_as_author,
    open_as_destination, open_as_origin, open_as_recipient, read_destination_envelope,
    read_origin_envelope, read_recipient_envelopes, tree_signature_input,
};

use crate::secrets::absent;
use crate::world::{Party, WORLD, World};

/// Bytes of a signature.
const SIGNATURE: usize = 64;
/// Bytes of the head of a message without tracing.
const HEAD: usize = 6;
/// Smallest payload of a standard chunk, in bytes.
const SMALLEST: usize = 256;
/// Bytes of a block of the cipher.
const BLOCK: usize = 16;
/// The flag of alternate padding.
const ALTERNATE_PADDING: u8 = 1;

/// A message of the world whose chunks can be written anew.
struct Base {
    bytes: Vec<u8>,
    /// Of every chunk but the ephemeral one, by position.
    keys: Vec<Option<ChunkKey>>,
    /// Positions of the chunks with standard payloads.
    standard: Vec<usize>,
    /// Who signs chunk 5.
    destination_signer: SigningKey,
}

static BASES: LazyLock<Vec<Base>> = LazyLock::new(|| {
    let signed = WORLD.signed_messages();
    let hardened = [false, false, true].into_iter();
    let bases = signed.into_iter().zip(hardened);
    bases
        .filter_map(|(bytes, hardened)| Base::new(bytes, hardened))
        .collect()
});

impl Base {
    fn new(bytes: Vec<u8>, hardened: bool) -> Option<Self> {
        let message = Message::parse(&bytes).ok()?;
        let kek = Kek::derive(&WORLD.recipient.keys.encryption, message.ephemeral());
        let chunks = message.chunks();
        let key = |actor| {
            chunks
                .iter()
                .map(move |chunk| chunk.slot(actor).copied())
                .collect::<Vec<_>>()
        };
        let keys = key(Actor::Recipient)
            .into_iter()
            .map(|slot| slot.map(|slot| ChunkKey::from_keyslot(&kek, &slot)))
            .collect();
        let standard = (0..chunks.len())
            .filter(|at| {
                chunks
                    .get(*at)
                    .is_some_and(|chunk| chunk.kind.is_standard())
            })
            .collect();
        let mut entropy = World::entropy();
        let _ = entropy.ephemeral_key();
        let own = SigningKey::from_seed(entropy.message_key());
        let author = WORLD.author.keys.signing.clone();
        let destination_signer = if hardened { own } else { author };
        Some(Self {
            keys,
            standard,
            destination_signer,
            bytes,
        })
    }

    /// The message with another plaintext in the chunk at `position`; everything is signed again if
    /// `sign`.
    fn with(&self, position: usize, plain: &[u8], sign: bool) -> Option<Vec<u8>> {
        let message = Message::parse(&self.bytes).ok()?;
        let mut out = self.bytes.get(..HEAD)?.to_vec();
        let (mut metadata, mut display) = (HEAD, HEAD);
        for (at, chunk) in message.chunks().iter().enumerate() {
            let mut payload = if at == position {
                plain.to_vec()
            } else if sign && chunk.kind >= ChunkType::TreeSignature {
                self.signature(&mut out, chunk.kind, metadata, display)?
            } else {
                out.extend_from_slice(chunk.bytes);
                (metadata, display) = reach(chunk.kind, out.len(), metadata, display);
                continue;
            };
            if let Some(key) = self.keys.get(at)? {
                key.encrypt(&mut payload);
            }
            out.push(chunk.kind as u8);
            out.extend_from_slice(payload.len().to_be_bytes().last_chunk::<3>()?);
            out.extend_from_slice(&payload);
            out.extend_from_slice(chunk.slots);
            (metadata, display) = reach(chunk.kind, out.len(), metadata, display);
        }
        write_length(&mut out)?;
        Some(out)
    }

    /// The signature of a chunk over what has been written, which ends with it.
    fn signature(
        &self,
        out: &mut [u8],
        kind: ChunkType,
        metadata: usize,
        display: usize,
    ) -> Option<Vec<u8>> {
        let (author, origin) = (&WORLD.author.keys.signing, &WORLD.origin.keys.signing);
        write_length(out)?;
        let signature = match kind {
            ChunkType::TreeSignature => {
                let message = Message::parse(out).ok()?;
                author.sign(&tree_signature_input(&message, TreeSignature::Libdime))
            }
            ChunkType::AuthorSignature => author.sign(out.get(HEAD..)?),
            ChunkType::MetadataBounce => origin.sign(out.get(HEAD..metadata)?),
            ChunkType::DisplayBounce => origin.sign(out.get(HEAD..display)?),
            _ => origin.sign(out.get(HEAD..)?),
        };
        Some(signature.0.to_vec())
    }

    /// Input that gives back the plaintext that stands in the chunk at `position`.
    fn seed(&self, form: u8, turn: u8) -> Option<Vec<u8>> {
        let position = *self.standard.get(usize::from(turn))?;
        let message = Message::parse(&self.bytes).ok()?;
        let mut plain = message.chunks().get(position)?.payload.to_vec();
        self.keys.get(position)?.as_ref()?.decrypt(&mut plain);
        let size = plain.get(SIGNATURE..)?.first_chunk::<3>()?;
        let size = size
            .iter()
            .fold(0, |size, byte| size << 8 | usize::from(*byte));
        let flags = *plain.get(SIGNATURE + 3)?;
        let data = plain.get(PAYLOAD_HEAD..)?.get(..size)?;
        Some([&[form, turn, flags, 0], data].concat())
    }
}

/// Where metadata and display end, once a chunk of `kind` ends at `end`.
fn reach(kind: ChunkType, end: usize, metadata: usize, display: usize) -> (usize, usize) {
    (
        if kind <= ChunkType::OtherHeaders {
            end
        } else {
            metadata
        },
        if kind <= ChunkType::Display {
            end
        } else {
            display
        },
    )
}

fn write_length(out: &mut [u8]) -> Option<()> {
    let size = u32::try_from(out.len().checked_sub(HEAD)?).ok()?;
    out.get_mut(2..HEAD)?.copy_from_slice(&size.to_be_bytes());
    Some(())
}

/// Seeds: every plaintext of every base.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (form, base) in (0..).zip(BASES.iter()) {
        seeds.extend((0..=u8::MAX).map_while(|turn| base.seed(form, turn)));
    }
    seeds
}

/// What the input asks for: a base, a chunk of it, a plaintext.
struct Wish {
    base: &'static Base,
    position: usize,
    kind: ChunkType,
    plain: Vec<u8>,
}

impl Wish {
    /// The first byte chooses the base, the second the chunk, the third is the flags, the fourth the
    /// padding. With the high bit of the first, the rest stands for everything behind the signature.
    fn read(input: &[u8], only: Option<&[ChunkType]>) -> Option<Self> {
        let [form, turn, flags, padding, data @ ..] = input else {
            return None;
        };
        let base = BASES.get(usize::from(form & 0x7f).checked_rem(BASES.len())?)?;
        let message = Message::parse(&base.bytes).ok()?;
        let kind = |at: usize| message.chunks().get(at).map(|chunk| chunk.kind);
        let fitting: Vec<usize> = base
            .standard
            .iter()
            .copied()
            .filter(|at| only.is_none_or(|only| kind(*at).is_some_and(|k| only.contains(&k))))
            .collect();
        let position = *fitting.get(usize::from(*turn).checked_rem(fitting.len())?)?;
        let mut signed = Vec::new();
        if form & 0x80 == 0 {
            signed.extend_from_slice(data.len().to_be_bytes().last_chunk::<3>()?);
            let (size, byte) = padding_of(data.len(), *flags, *padding);
            signed.extend_from_slice(&[*flags, byte]);
            signed.extend_from_slice(data);
            signed.resize(signed.len() + size, byte);
        } else {
            signed.extend_from_slice(data);
            let size = (SIGNATURE + signed.len())
                .next_multiple_of(BLOCK)
                .max(SMALLEST);
            signed.resize(size - SIGNATURE, *padding);
        }
        let kind = kind(position)?;
        let signer = match kind {
            ChunkType::Destination => &base.destination_signer,
            _ => &WORLD.author.keys.signing,
        };
        let plain = [&signer.sign(&signed).0[..], &signed].concat();
        Some(Self {
            base,
            position,
            kind,
            plain,
        })
    }

    fn message(&self, sign: bool) -> Option<Vec<u8>> {
        self.base.with(self.position, &self.plain, sign)
    }

    /// The actors who read the chunk; to the others it is bytes under signatures.
    fn readers(&self) -> &'static [Actor] {
        match self.kind {
            ChunkType::Origin => &[Actor::Author, Actor::Recipient, Actor::Origin],
            ChunkType::Destination => &[Actor::Author, Actor::Recipient, Actor::Destination],
            _ => &[Actor::Author, Actor::Recipient],
        }
    }
}

/// A number that any change of the input changes.
fn turn(input: &[u8]) -> usize {
    let sum = input
        .iter()
        .fold(0u16, |sum, byte| sum.wrapping_add((*byte).into()));
    usize::from(sum)
}

/// Length and byte of a padding as the format wants it; `wish` makes alternate padding longer.
fn padding_of(data: usize, flags: u8, wish: u8) -> (usize, u8) {
    let used = PAYLOAD_HEAD + data;
    if flags & ALTERNATE_PADDING != 0 {
        let size = BLOCK * usize::from(wish) + BLOCK - used % BLOCK;
        return (size, wish);
    }
    let size = if used < SMALLEST {
        SMALLEST - used
    } else {
        BLOCK - used % BLOCK
    };
    (size, u8::try_from(size % SMALLEST).unwrap_or_default())
}

/// Envelopes behind decryption, which need no signature; by one of their readers also from a stream.
pub fn envelopes(input: &[u8]) {
    let only = [ChunkType::Origin, ChunkType::Destination];
    let Some(bytes) = Wish::read(input, Some(&only)).and_then(|wish| wish.message(false)) else {
        return;
    };
    let message = Message::parse(&bytes).expect("sizes are kept possible");
    let key = |actor| &party(actor).keys.encryption;
    let origin = read_origin_envelope(&message, key(Actor::Origin));
    let destination = read_destination_envelope(&message, key(Actor::Destination));
    let both = read_recipient_envelopes(&message, key(Actor::Recipient));
    let streamed = StreamedMessage::read(Cursor::new(&bytes)).expect("as in memory");
    match turn(input) % 3 {
        0 => assert_eq!(streamed.origin_envelope(key(Actor::Origin)), origin),
        1 => assert_eq!(
            streamed.destination_envelope(key(Actor::Destination)),
            destination
        ),
        _ => assert_eq!(streamed.recipient_envelopes(key(Actor::Recipient)), both),
    }
    match (origin, destination) {
        (Ok(origin), Ok(destination)) => assert_eq!(both, Ok((origin, destination))),
        _ => assert_eq!(both, Err(OpenError::Undecryptable)),
    }
}

/// One input of so many is opened by everybody, whose verdicts are held against each other.
const TOGETHER: usize = 16;
/// One input of so many is opened from a stream too.
const STREAMED: usize = 4;

/// Everything behind decryption, opened by one of those who read it, now and then also from a stream or
/// by everybody: opening is dear, and a million inputs meet every way.
pub fn open(input: &[u8]) {
    let Some(wish) = Wish::read(input, None) else {
        return;
    };
    let Some(bytes) = wish.message(true) else {
        return;
    };
    let message = Message::parse(&bytes).expect("sizes are kept possible");
    let (turn, readers) = (turn(input), wish.readers());
    if turn.is_multiple_of(TOGETHER) {
        together(&message);
    }
    let turn = turn / TOGETHER;
    let reader = readers.get(turn / STREAMED % readers.len());
    let reader = *reader.expect("one of them");
    let opened = open_as(reader, &message);
    if turn.is_multiple_of(STREAMED) {
        unprinted(reader, &opened);
        same_in_a_stream(reader, &bytes, opened);
    }
}

/// What one actor takes is no secret to the others, and what they read is the same.
fn together(message: &Message<'_>) {
    let [author, origin, destination, recipient] = [
        Actor::Author,
        Actor::Origin,
        Actor::Destination,
        Actor::Recipient,
    ]
    .map(|actor| open_as(actor, message));
    if let (Ok(recipient), Ok(author)) = (&recipient, &author) {
        assert_eq!(recipient.envelope, author.envelope);
        assert_eq!(recipient.common, author.common);
        assert_eq!(recipient.other_headers, author.other_headers);
    }
    if recipient.is_ok() {
        assert!(origin.is_ok() && destination.is_ok() && author.is_ok());
    }
}

fn party(actor: Actor) -> &'static Party {
    match actor {
        Actor::Author => &WORLD.author,
        Actor::Origin => &WORLD.origin,
        Actor::Destination => &WORLD.destination,
        Actor::Recipient => &WORLD.recipient,
    }
}

fn origin_signets() -> OriginSignets<'static> {
    OriginSignets {
        author: &WORLD.author.signet,
        origin: &WORLD.origin.signet,
        destination: &WORLD.destination.signet,
    }
}

fn destination_signets() -> DestinationSignets<'static> {
    DestinationSignets {
        origin: &WORLD.origin.signet,
        destination: &WORLD.destination.signet,
        recipient: &WORLD.recipient.signet,
    }
}

fn open_as(actor: Actor, message: &Message<'_>) -> Result<Opened, OpenError> {
    let key = &party(actor).keys.encryption;
    match actor {
        Actor::Author => open_as_author(message, key, &WORLD.signets(), None),
        Actor::Origin => open_as_origin(message, key, &origin_signets()),
        Actor::Destination => open_as_destination(message, key, &destination_signets()),
        Actor::Recipient => {
            let alternate = slice::from_ref(&WORLD.alternate);
            open_as_recipient(message, key, &WORLD.signets(), alternate)
        }
    }
}

/// What was opened shows no key. Its texts and parts are those of the input and are left out.
fn unprinted(reader: Actor, opened: &Result<Opened, OpenError>) {
    let shown = opened.as_ref().map(|opened| Opened {
        display: Vec::new(),
        attachments: Vec::new(),
        other_headers: None,
        ..opened.clone()
    });
    let key = &party(reader).keys.encryption;
    absent(&shown, key.to_bytes().as_slice());
    absent(&shown, &WORLD.alternate.to_bytes()[..]);
}

/// Whether a stream gives the reader the same message or the same refusal.
fn same_in_a_stream(reader: Actor, bytes: &[u8], expected: Result<Opened, OpenError>) {
    let mut parts = (Vec::new(), Vec::new());
    let mut sink = |piece: PartPiece<'_>| {
        let list: &mut Vec<Part> = match piece.kind {
            ChunkType::Display => &mut parts.0,
            _ => &mut parts.1,
        };
        if list.len() == piece.position {
            list.push(Part {
                flags: piece.flags,
                data: Vec::new(),
            });
        }
        if let Some(part) = list.last_mut() {
            part.data.extend_from_slice(piece.data);
        }
        Ok(())
    };
    let streamed = open_streamed(reader, bytes, &mut sink);
    match (streamed, expected) {
        (Ok(mut streamed), Ok(expected)) => {
            (streamed.display, streamed.attachments) = parts;
            assert_eq!(streamed, expected);
        }
        (Err(StreamError::Open(streamed)), Err(expected)) => assert_eq!(streamed, expected),
        (streamed, expected) => panic!("stream {:?}, memory {:?}", streamed.err(), expected.err()),
    }
}

fn open_streamed(reader: Actor, bytes: &[u8], sink: PartSink<'_>) -> Result<Opened, StreamError> {
    let mut message = StreamedMessage::read(Cursor::new(bytes)).expect("as in memory");
    let (key, policy) = (&party(reader).keys.encryption, ReadPolicy::default());
    let signets = WORLD.signets();
    match reader {
        Actor::Author => {
            let opened = message.open_as_author(key, &signets, None, &policy, sink);
            opened.map(|read| read.opened)
        }
        Actor::Origin => message.open_as_origin(key, &origin_signets(), &policy),
        Actor::Destination => message.open_as_destination(key, &destination_signets(), &policy),
        Actor::Recipient => {
            let alternate = slice::from_ref(&WORLD.alternate);
            let opened = message.open_as_recipient(key, &signets, alternate, &policy, sink);
            opened.map(|read| read.opened)
        }
    }
}
