//! Sealing a letter as its author (spec/30 §10): every chunk signed and encrypted, both author
//! signatures, and the three chunks that the origin fills.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::chunk::{CHUNK_HEAD, EPHEMERAL_SIZE, MESSAGE_HEAD, SIGNATURE_SIZE};
use super::cipher::ChunkKey;
use super::letter::{check_flags, check_key, check_names, check_sizes, envelopes, parts};
use super::payload::{self, Padding, UnderLayer};
use super::signatures::tree_input;
use super::{
    Actor, ChunkType, Flags, HeaderError, KEYSLOT_SIZE, Letter, MAXIMUM_MESSAGE, MAXIMUM_PAYLOAD,
    MESSAGE_MAGIC, MessageEntropy, Part, Signets, TRACING_MAGIC, TreeSignature, Workers, pieces,
};
use crate::alternate::{Agreement, TAG_SIZE};
use crate::keys::{
    AlternateKey, EncryptionKey, EncryptionPublicKey, FirstPass, Kek, Signature, SigningKey,
    VerifyingKey,
};
use crate::reader::big_endian;
use crate::signet::SignetError;

/// Most bytes of data in one chunk, as a header text or a piece of a part: what fits a payload with
/// head, tag and longest padding. Longer parts go on over several chunks.
pub const MAXIMUM_PART: usize = MAXIMUM_PAYLOAD - 8192;
/// Most that a chunk adds to its data: head, payload head, tag, longest padding, keyslots.
const CHUNK_OVERHEAD: usize = 8192;
/// As [`CHUNK_OVERHEAD`], without flag 0x01: for who makes room, with some to spare.
const USUAL_OVERHEAD: usize = 768;
/// Bytes of a tracing object in front of its data.
const TRACING_HEAD: usize = 4;
/// Chunks of a message besides display and attachments, at most.
pub(super) const FIXED_CHUNKS: usize = 11;

/// Why a letter was not sealed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// A signet is of the wrong kind or lacks a usable key or fingerprint.
    #[error("failed to use the {0}'s signet: {1}")]
    Signet(Actor, SignetError),
    /// The signing key is not the one in the author's signet.
    #[error("signing key is not the author's")]
    AuthorKey,
    /// An address or domain is malformed, differs from the signet's, or is not in the domain.
    #[error("name of the {0} is not that of the signet or domain")]
    Name(Actor),
    /// A common header cannot be written.
    #[error("failed to write common headers: {0}")]
    Headers(#[from] HeaderError),
    /// There is no display part.
    #[error("letter has no display part")]
    NoDisplay,
    /// A part is empty; the format has no empty data.
    #[error("part of chunk {0} is empty")]
    EmptyPart(ChunkType),
    /// A header text, the number of chunks or the message exceeds the limits.
    #[error("letter is not within the size limits")]
    TooLarge,
    /// A part's flags contradict its data, or claim the alternate layer or a continuation, which are
    /// the sealer's to apply.
    #[error("flags of chunk {0} are not those of its data")]
    Flags(ChunkType),
    /// The recipient's signet has no usable alternate key.
    #[error("recipient's signet has no alternate key")]
    NoAlternateKey,
    /// Tracing data is empty or longer than its 2-byte length can count.
    #[error("tracing data is not between 1 and 65535 bytes")]
    Tracing,
}

/// How to seal. The default is what an honest author does in profile Libdime.
#[derive(Clone, Debug, Default)]
pub struct SealOptions {
    /// What the tree signature covers.
    pub tree: TreeSignature,
    /// How long paddings are.
    pub padding: Padding,
    /// Whether display data and attachments go under the alternate layer first (`ALTERNATE.md`).
    pub alternate: bool,
    /// Whether chunk 5 is signed by a key of the message's own, which chunk 4 certifies, so that
    /// the destination cannot try signets on it (`HARDENED.md`).
    pub hardened: bool,
    /// Most bytes of a part's data that go into one chunk; [`MAXIMUM_PART`] if not given or more.
    pub largest_piece: Option<usize>,
    /// How many threads the message may take; [`Workers`] says what for.
    pub workers: Workers,
    /// Tracing data to put in front; honest authors add none.
    pub tracing: Option<Vec<u8>>,
    /// Keyslots to be filled for another key than their owner's, as a rogue does.
    pub keyslots: BTreeMap<(ChunkType, Actor), EncryptionPublicKey>,
    /// Keys that make a chunk's plaintext signature in place of the right one, as a rogue does.
    pub signers: BTreeMap<ChunkType, SigningKey>,
    /// Seals what an honest author refuses: wrong names and keys, incomplete signets, line breaks in
    /// headers, flags that contradict their data, no display part.
    pub unchecked: bool,
}

/// Seals `letter`: the author's object with chunks 2, \[3\], 4, 5, 33, \[34\], 67…, 131…, 225, 226
/// and, holding 64 zero bytes each, 248, 249 and 255 for the origin to sign or drop.
pub fn seal(
    letter: &Letter,
    signets: &Signets<'_>,
    author_key: &SigningKey,
    entropy: &mut dyn MessageEntropy,
    options: &SealOptions,
) -> Result<Vec<u8>, SealError> {
    let sizes = parts(letter).map(|(kind, part)| (kind, part.data.len() as u64));
    let chunks = check_sizes(sizes, options)?;
    if !options.unchecked && letter.display.is_empty() {
        return Err(SealError::NoDisplay);
    }
    let room = Room {
        bytes: parts(letter).map(|(_, part)| options.room(part)).sum(),
        chunks: chunks - FIXED_CHUNKS,
    };
    let mut sealer = Sealer::begin(letter, signets, author_key, entropy, options, room)?;
    for (kind, part) in parts(letter) {
        check_flags(kind, part, options)?;
        sealer.pieces(kind, part)?;
    }
    sealer.finish(options.tree, options.workers)
}

/// Writes a message chunk by chunk, into memory or, by [`Sealer::flush`], through it. Chunks are laid
/// out in order, which is how entropy is drawn, and signed and encrypted when all are there.
pub(super) struct Sealer<'a> {
    out: Vec<u8>,
    /// Where the chunks begin: behind tracing and header.
    body: usize,
    chunks: Vec<(ChunkType, Range<usize>)>,
    drafts: Vec<Draft>,
    /// Bytes and chunks that were flushed.
    flushed: (u64, usize),
    /// Most bytes of the message.
    pub(super) limit: u64,
    largest_piece: usize,
    padding: Padding,
    author: &'a SigningKey,
    /// Under which display parts and attachments go, if the alternate layer was asked for.
    agreement: Option<Agreement>,
    keks: BTreeMap<Actor, Kek>,
    overridden: BTreeMap<(ChunkType, Actor), Kek>,
    /// Who makes the plaintext signatures that the author's key does not.
    signers: BTreeMap<ChunkType, SigningKey>,
    entropy: &'a mut dyn MessageEntropy,
}

/// How much a sealer holds in the plain at a time. Room is made for all of it at once: growing would
/// leave plain payloads and keys behind.
#[derive(Clone, Copy, Default)]
pub(super) struct Room {
    /// Bytes of chunks that hold parts.
    bytes: usize,
    /// How many these are.
    chunks: usize,
}

/// A payload in the plain, to be signed and encrypted where it stands.
struct Draft {
    kind: ChunkType,
    /// The chunk's position in the message.
    index: usize,
    payload: Range<usize>,
    flags: Flags,
    /// Bytes of data as it came.
    size: usize,
    key: ChunkKey,
}

impl<'a> Sealer<'a> {
    /// Writes everything in front of the display parts. The letter's own parts are not looked at:
    /// `room` is for those that will be laid out before the first flush.
    pub(super) fn begin(
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &'a SigningKey,
        entropy: &'a mut dyn MessageEntropy,
        options: &SealOptions,
        room: Room,
    ) -> Result<Self, SealError> {
        if !options.unchecked {
            check_names(letter, signets)?;
            check_key(signets, author_key)?;
        }
        let common = if options.unchecked {
            letter.common.encode_unchecked()
        } else {
            letter.common.encode()?
        };
        let (mut origin, destination) = envelopes(letter, signets, options.unchecked)?;
        let (origin_size, destination_size) = (origin.encode().len(), destination.encode().len());
        let texts = origin_size + destination_size + common.len() + letter.other_headers.len();
        let room = room.with_front(texts, options);
        let mut sealer = Self::new(signets, author_key, entropy, options, room)?;
        origin.message_key = options.hardened.then(|| sealer.message_key());
        sealer.signers.extend(options.signers.clone());
        if options.alternate {
            sealer.alternate_chunk(signets)?;
        }
        sealer.standard(ChunkType::Origin, Flags::NONE, origin.encode().as_bytes())?;
        sealer.standard(
            ChunkType::Destination,
            Flags::NONE,
            destination.encode().as_bytes(),
        )?;
        sealer.standard(ChunkType::CommonHeaders, Flags::NONE, common.as_bytes())?;
        if !letter.other_headers.is_empty() {
            sealer.standard(ChunkType::OtherHeaders, Flags::NONE, &letter.other_headers)?;
        }
        Ok(sealer)
    }

    /// Tracing and header, the header's length still to be written; until the first flush.
    pub(super) fn front(&self) -> &[u8] {
        self.out.get(..self.body).unwrap_or_default()
    }

    /// Makes room for a chunk with `data` bytes of data.
    pub(super) fn reserve(&mut self, data: usize) {
        self.out.reserve_exact(data + CHUNK_OVERHEAD);
    }

    /// Gives `take` the chunks written since the last flush, and forgets them.
    pub(super) fn flush<E>(
        &mut self,
        mut take: impl FnMut(ChunkType, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.complete(Workers::One);
        let (bytes, chunks) = self.flushed;
        for (kind, range) in self.chunks.get(chunks..).unwrap_or_default() {
            take(*kind, self.out.get(range.clone()).unwrap_or_default())?;
        }
        self.flushed = (bytes + self.out.len() as u64, self.chunks.len());
        self.out.clear();
        Ok(())
    }

    /// Writes tracing, header and the ephemeral chunk.
    fn new(
        signets: &Signets<'_>,
        author: &'a SigningKey,
        entropy: &'a mut dyn MessageEntropy,
        options: &SealOptions,
        room: Room,
    ) -> Result<Self, SealError> {
        let ephemeral = EncryptionKey::derive(entropy.ephemeral_key());
        let mut keks = BTreeMap::new();
        for actor in Actor::ALL {
            let public = signets
                .of(actor)
                .encryption_key()
                .map_err(|error| SealError::Signet(actor, error))?;
            keks.insert(actor, Kek::derive(&ephemeral, &public));
        }
        let overridden = options
            .keyslots
            .iter()
            .map(|(slot, public)| (*slot, Kek::derive(&ephemeral, public)))
            .collect();
        let mut out = Vec::with_capacity(room.bytes);
        if let Some(tracing) = &options.tracing {
            append_tracing(&mut out, tracing).ok_or(SealError::Tracing)?;
        }
        out.extend_from_slice(&MESSAGE_MAGIC.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        let mut sealer = Self {
            body: out.len(),
            out,
            chunks: Vec::new(),
            drafts: Vec::with_capacity(room.chunks),
            flushed: (0, 0),
            limit: MAXIMUM_MESSAGE as u64,
            largest_piece: options.largest_piece(),
            padding: options.padding,
            author,
            agreement: None,
            keks,
            overridden,
            signers: BTreeMap::new(),
            entropy,
        };
        let start = sealer.open_chunk(ChunkType::Ephemeral, EPHEMERAL_SIZE);
        sealer.out.extend_from_slice(ephemeral.public().as_bytes());
        sealer
            .chunks
            .push((ChunkType::Ephemeral, start..sealer.out.len()));
        Ok(sealer)
    }

    /// Makes the message's own key, which signs chunk 5 and nothing else, and returns its public half.
    fn message_key(&mut self) -> VerifyingKey {
        let key = SigningKey::from_seed(self.entropy.message_key());
        let public = key.public();
        self.signers.insert(ChunkType::Destination, key);
        public
    }

    /// Agrees with the recipient on a layer and writes the chunk by which it finds that out.
    fn alternate_chunk(&mut self, signets: &Signets<'_>) -> Result<(), SealError> {
        let keys = signets.recipient.alternate_keys();
        let recipient = keys.first().ok_or(SealError::NoAlternateKey)?;
        let ephemeral = AlternateKey::from_bytes(self.entropy.alternate_key());
        let agreement =
            Agreement::as_author(&ephemeral, recipient).ok_or(SealError::NoAlternateKey)?;
        self.agreement = Some(agreement);
        self.standard(ChunkType::Alternate, Flags::NONE, &ephemeral.public().0)
    }

    /// A part in as many chunks as it takes.
    fn pieces(&mut self, kind: ChunkType, part: &Part) -> Result<(), SealError> {
        let mut rest = part.data.as_slice();
        for size in pieces(rest.len() as u64, self.largest_piece) {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            let flags = if rest.is_empty() {
                part.flags
            } else {
                part.flags.with(Flags::CONTINUES)
            };
            self.piece(kind, flags, piece)?;
        }
        Ok(())
    }

    /// A part's piece in a chunk of its own, under the alternate layer if there is an agreement.
    pub(super) fn piece(
        &mut self,
        kind: ChunkType,
        flags: Flags,
        piece: &[u8],
    ) -> Result<(), SealError> {
        match self.agreement {
            Some(_) => self.lay_out(kind, flags.with(Flags::ALTERNATE_KEY), piece, TAG_SIZE),
            None => self.standard(kind, flags, piece),
        }
    }

    fn standard(&mut self, kind: ChunkType, flags: Flags, data: &[u8]) -> Result<(), SealError> {
        self.lay_out(kind, flags, data, 0)
    }

    /// Writes a chunk whose payload is still to be completed, with room for a tag of `tag` bytes.
    fn lay_out(
        &mut self,
        kind: ChunkType,
        flags: Flags,
        data: &[u8],
        tag: usize,
    ) -> Result<(), SealError> {
        let chunk = data.len() + CHUNK_OVERHEAD;
        if data.len() > MAXIMUM_PART
            || self.flushed.0 + (self.out.len() + chunk) as u64 > self.limit
        {
            return Err(SealError::TooLarge);
        }
        let index = self.chunks.len();
        let room = (self.out.capacity(), self.drafts.capacity());
        let random = self.entropy.padding(index);
        let random = self.padding.byte(data.len() + tag, random);
        let start = self.open_chunk(kind, 0);
        let flags = self.padding.flags(flags);
        payload::lay_out(&mut self.out, flags, data, tag, random);
        let payload = start + CHUNK_HEAD..self.out.len();
        if let Some(length) = self.out.get_mut(start + 1..payload.start) {
            length.copy_from_slice(&big_endian::<3>(payload.len()));
        }
        let key = self.close_chunk(kind, start);
        self.drafts.push(Draft {
            kind,
            index,
            payload,
            flags,
            size: data.len(),
            key,
        });
        let same = (self.out.capacity(), self.drafts.capacity()) == room;
        debug_assert!(same, "room is made before anything plain stands in it");
        Ok(())
    }

    pub(super) fn signature(&mut self, kind: ChunkType, signature: &Signature) {
        let start = self.open_chunk(kind, SIGNATURE_SIZE);
        self.out.extend_from_slice(&signature.0);
        let payload = start + CHUNK_HEAD..self.out.len();
        let key = self.close_chunk(kind, start);
        key.encrypt(self.out.get_mut(payload).unwrap_or_default());
    }

    fn open_chunk(&mut self, kind: ChunkType, size: usize) -> usize {
        let start = self.out.len();
        self.out.push(kind as u8);
        self.out.extend_from_slice(&big_endian::<3>(size));
        start
    }

    /// Draws the key of the chunk that began at `start` and appends its keyslots.
    fn close_chunk(&mut self, kind: ChunkType, start: usize) -> ChunkKey {
        let index = self.chunks.len();
        let key = ChunkKey::new(self.entropy.chunk_key(index), self.entropy.chunk_iv(index));
        for actor in kind.slots() {
            let random = self.entropy.slot(index, *actor);
            let kek = self
                .overridden
                .get(&(kind, *actor))
                .or_else(|| self.keks.get(actor));
            let slot: [u8; KEYSLOT_SIZE] =
                key.to_keyslot(kek.expect("every actor has a KEK"), &random);
            self.out.extend_from_slice(&slot);
        }
        self.chunks.push((kind, start..self.out.len()));
        key
    }

    /// Signs and encrypts what was laid out. No chunk needs another for that, so that two threads
    /// share them, the longest first to whoever has less to do.
    fn complete(&mut self, workers: Workers) {
        // The drafts stay where they are until they are dropped, since moving leaves keys behind.
        let mut drafts: Vec<(&Draft, &mut [u8])> = Vec::with_capacity(self.drafts.len());
        let (mut rest, mut passed) = (self.out.as_mut_slice(), 0);
        for draft in &self.drafts {
            let (_, after) = rest.split_at_mut(draft.payload.start - passed);
            let (payload, after) = after.split_at_mut(draft.payload.len());
            (rest, passed) = (after, draft.payload.end);
            drafts.push((draft, payload));
        }
        drafts.sort_by_key(|(_, payload)| Reverse(payload.len()));
        let (mut shares, mut sizes) = ([Vec::new(), Vec::new()], [0; 2]);
        for (draft, payload) in drafts {
            let which = usize::from(sizes[0] > sizes[1]);
            sizes[which] += payload.len();
            shares[which].push((draft, payload));
        }
        let (agreement, signers, author) = (&self.agreement, &self.signers, self.author);
        let complete = |share: Vec<(&Draft, &mut [u8])>| {
            for (draft, payload) in share {
                let signer = signers.get(&draft.kind).unwrap_or(author);
                payload::complete(payload, draft.layer(agreement.as_ref()), signer);
                draft.key.encrypt(payload);
            }
        };
        let [here, beside] = shares;
        workers.both(|| complete(beside), || complete(here));
        self.drafts.clear();
    }

    /// The three chunks that the origin fills.
    pub(super) fn unsigned(&mut self) {
        let unsigned = Signature([0; SIGNATURE_SIZE]);
        for kind in [
            ChunkType::MetadataBounce,
            ChunkType::DisplayBounce,
            ChunkType::OriginSignature,
        ] {
            self.signature(kind, &unsigned);
        }
    }

    fn finish(mut self, tree: TreeSignature, workers: Workers) -> Result<Vec<u8>, SealError> {
        let workers = workers.on_size(self.out.len());
        self.complete(workers);
        let written = self.out.get(self.body..).unwrap_or_default();
        let chunks = self.chunks.iter();
        let hashed =
            chunks.map(|(kind, range)| (*kind, self.out.get(range.clone()).unwrap_or_default()));
        // The full signature's first pass needs of the tree signature only that it follows.
        let (pass, covered) = match workers {
            Workers::One => (None, tree_input(hashed, tree)),
            Workers::Two => {
                let first = || Some(FirstPass::over(self.author, written));
                workers.both(first, || tree_input(hashed, tree))
            }
        };
        let signature = self.author.sign(&covered);
        self.signature(ChunkType::TreeSignature, &signature);
        let written = self.out.get(self.body..).unwrap_or_default();
        let signature = match pass {
            Some(mut pass) => pass.sign(written),
            None => self.author.sign(written),
        };
        self.signature(ChunkType::AuthorSignature, &signature);
        self.unsigned();
        write_length(&mut self.out, self.body);
        Ok(self.out)
    }
}

impl Room {
    /// With what stands in front of the parts, of which `texts` bytes are envelopes and headers, and
    /// with the chunks behind them.
    fn with_front(self, texts: usize, options: &SealOptions) -> Self {
        let tracing = options.tracing.as_ref().map_or(0, Vec::len) + TRACING_HEAD;
        let fixed = FIXED_CHUNKS * options.overhead(Flags::NONE);
        Self {
            bytes: self.bytes + tracing + MESSAGE_HEAD + fixed + texts,
            chunks: self.chunks + FIXED_CHUNKS,
        }
    }
}

impl Draft {
    /// The alternate layer under which the data goes, which headers and envelopes never do.
    fn layer<'l>(&self, agreement: Option<&'l Agreement>) -> Option<UnderLayer<'l>> {
        let parts = matches!(self.kind, ChunkType::Display | ChunkType::Attachment);
        let agreement = agreement.filter(|_| parts)?;
        Some(UnderLayer {
            agreement,
            kind: self.kind,
            index: self.index,
            flags: self.flags,
            size: self.size,
        })
    }
}

/// Appends a tracing object; nothing if the data is empty or too long.
pub(super) fn append_tracing(out: &mut Vec<u8>, tracing: &[u8]) -> Option<()> {
    let size = u16::try_from(tracing.len()).ok().filter(|size| *size > 0)?;
    out.extend_from_slice(&TRACING_MAGIC.to_be_bytes());
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(tracing);
    Some(())
}

/// Writes the length of the chunks, which begin at `body`, into the header in front of them.
pub(super) fn write_length(out: &mut [u8], body: usize) {
    let size = out.len() - body;
    if let Some(length) = out.get_mut(body + 2 - MESSAGE_HEAD..body) {
        length.copy_from_slice(&big_endian::<4>(size));
    }
}

impl SealOptions {
    pub(super) fn largest_piece(&self) -> usize {
        let wanted = self.largest_piece.unwrap_or(MAXIMUM_PART);
        wanted.clamp(1, MAXIMUM_PART)
    }

    /// Most bytes that a chunk adds to its data, whose flags are `flags`.
    fn overhead(&self, flags: Flags) -> usize {
        if self.padding.flags(flags).includes(Flags::ALTERNATE_PADDING) {
            CHUNK_OVERHEAD
        } else {
            USUAL_OVERHEAD
        }
    }

    /// Most bytes of the chunks that hold a part.
    fn room(&self, part: &Part) -> usize {
        let size = part.data.len();
        size + size.div_ceil(self.largest_piece()) * self.overhead(part.flags)
    }
}
