//! Standard payloads: the author's plaintext signature, data length, flags, padding (spec/30 §3).
//!
//! Layout before encryption: signature (64) over all that follows, data length (3), flags (1), pad
//! byte (1), data, padding.

use super::{ChunkType, Part};
use crate::alternate::{Agreement, TAG_SIZE};
use crate::keys::{Signature, SigningKey, Verifier};
use crate::reader::{Reader, big_endian};

/// Bytes in front of the data: signature, length, flags, pad byte.
pub const PAYLOAD_HEAD: usize = 69;
/// Bytes of the signature in front of the signed ones.
const SIGNATURE_SIZE: usize = 64;
/// Where the size classes of ordinary padding begin.
const PADDING_CLASS: usize = 256;
/// The longest padding, which flag 0x01 allows.
const LONGEST_PADDING: usize = 4096;
/// Distance of the larger bucket sizes: as far as padding reaches.
const LARGEST_BUCKET_STEP: usize = LONGEST_PADDING;
/// Granularity of padding, the cipher's block size.
const BLOCK: usize = 16;

/// A payload's flags byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The padding is 16 times the random byte and the rest to a block, the pad byte the random byte.
    pub const ALTERNATE_PADDING: Self = Self(0x01);
    /// The data is encrypted by the alternate layer.
    pub const ALTERNATE_KEY: Self = Self(0x02);
    /// The data is a gzip stream.
    pub const GZIP: Self = Self(0x04);
    /// The data goes on in the next chunk of the type.
    pub const CONTINUES: Self = Self(0x80);
    /// All flags that have a meaning.
    pub const KNOWN: Self = Self(0x87);

    /// Whether all of `other`'s flags are set.
    pub fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and `other`'s.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These flags without `other`'s.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// How long a writer makes paddings. Readers of spec/30 read all of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Padding {
    /// By a random byte, as libdime does; over several messages the least length shows through.
    #[default]
    Random,
    /// To fixed sizes of the whole payload: 1024, 2048, 4096 and multiples of 4096 bytes. Every chunk
    /// gets flag 0x01, since no other padding reaches that far; libdime cannot read it.
    Buckets,
}

impl Padding {
    /// The flags of a payload whose other flags are `flags`.
    pub(super) fn flags(self, flags: Flags) -> Flags {
        match self {
            Self::Random => flags,
            Self::Buckets => flags.with(Flags::ALTERNATE_PADDING),
        }
    }

    /// The byte that decides over the padding behind `data` bytes of data. `random` is drawn in any
    /// case, so that what else is drawn does not depend on the choice.
    pub(super) fn byte(self, data: usize, random: u8) -> u8 {
        match self {
            Self::Random => random,
            Self::Buckets => {
                let used = PAYLOAD_HEAD + data;
                let blocks = (bucket(used) - used).saturating_sub(1) / BLOCK;
                u8::try_from(blocks).unwrap_or(u8::MAX)
            }
        }
    }
}

/// The size to which a payload of `used` bytes without padding is filled up; always more than `used`,
/// by 4096 at most.
fn bucket(used: usize) -> usize {
    let small = [LARGEST_BUCKET_STEP / 4, LARGEST_BUCKET_STEP / 2];
    let fitting = small.into_iter().find(|size| *size > used);
    fitting.unwrap_or((used / LARGEST_BUCKET_STEP + 1) * LARGEST_BUCKET_STEP)
}

/// Length of the padding behind `data` bytes of data, and the pad byte, for the random byte `random`.
pub(super) fn padding(data: usize, flags: Flags, random: u8) -> (usize, u8) {
    let used = PAYLOAD_HEAD + data;
    let random_blocks = usize::from(random);
    if flags.includes(Flags::ALTERNATE_PADDING) {
        return (BLOCK * random_blocks + BLOCK - used % BLOCK, random);
    }
    let length = if used < PADDING_CLASS {
        PADDING_CLASS - used + BLOCK * (random_blocks % (used / BLOCK + 1))
    } else {
        BLOCK - used % BLOCK + BLOCK * (random_blocks % 16)
    };
    (
        length,
        length.to_le_bytes().first().copied().unwrap_or_default(),
    )
}

/// Appends a standard payload as it is before [`complete`]: zeros stand where the signature and, if
/// the data is to go under the alternate layer, the tag will be. Room is made first, so that the plain
/// data is copied once and nothing of it stays behind where `out` was before.
pub(super) fn lay_out(out: &mut Vec<u8>, flags: Flags, data: &[u8], tag: usize, random: u8) {
    let start = out.len();
    let size = data.len() + tag;
    let (length, pad) = padding(size, flags, random);
    out.reserve(PAYLOAD_HEAD + size + length);
    out.resize(start + SIGNATURE_SIZE, 0);
    out.extend_from_slice(&big_endian::<3>(size));
    out.extend_from_slice(&[flags.0, pad]);
    out.extend_from_slice(data);
    out.resize(out.len() + tag, 0);
    out.resize(out.len() + length, pad);
}

/// Puts the data of a payload that was laid out under the layer, if there is one, and signs. Anything
/// shorter than a payload of that data panics, rather than stay open.
pub(super) fn complete(payload: &mut [u8], layer: Option<UnderLayer<'_>>, author: &SigningKey) {
    let (signature, signed) = payload.split_at_mut(SIGNATURE_SIZE);
    if let Some(layer) = layer {
        layer.seal(signed);
    }
    signature.copy_from_slice(&author.sign(signed).0);
}

/// The alternate layer, for the chunk that stands at one place.
#[derive(Clone, Copy)]
pub(super) struct UnderLayer<'a> {
    pub(super) agreement: &'a Agreement,
    pub(super) kind: ChunkType,
    pub(super) index: usize,
    pub(super) flags: Flags,
    /// Bytes of plain data, behind which there is room for the tag.
    pub(super) size: usize,
}

impl UnderLayer<'_> {
    /// Encrypts the data in what stands behind the signature, where it stands.
    fn seal(&self, signed: &mut [u8]) {
        let (_, data) = signed.split_at_mut(PAYLOAD_HEAD - SIGNATURE_SIZE);
        let (data, rest) = data.split_at_mut(self.size);
        let (tag, _) = rest.split_at_mut(TAG_SIZE);
        let (agreement, flags) = (self.agreement, self.flags.0);
        tag.copy_from_slice(&agreement.seal(self.kind, self.index, flags, data));
    }
}

/// Takes a decrypted payload apart and keeps its data. `author` verifies the plaintext signature;
/// only the destination has no author to verify with. Nothing tells which check failed.
pub(super) fn read(mut payload: Vec<u8>, author: Option<&Verifier>) -> Option<Part> {
    let (flags, size) = check(&payload, author)?;
    payload.truncate(PAYLOAD_HEAD + size);
    payload.drain(..PAYLOAD_HEAD.min(payload.len()));
    Some(Part {
        flags,
        data: payload,
    })
}

/// Every check is made whatever the others gave, so that failures take the same time. Padding is read
/// as far as it may reach; what is longer fails by its length, which thus does not set the time.
fn check(payload: &[u8], author: Option<&Verifier>) -> Option<(Flags, usize)> {
    let mut reader = Reader::new(payload);
    let signature = Signature(reader.array()?);
    let signed = reader.rest();
    let size = reader.number(3)?;
    let [flags, pad] = reader.array()?;
    let flags = Flags(flags);
    let signed_well = author.is_none_or(|key| key.verify(signed, &signature));
    let padding = reader.rest().get(size..).unwrap_or_default();
    let uniform = padding
        .iter()
        .take(LONGEST_PADDING)
        .fold(0u8, |difference, byte| difference | (byte ^ pad))
        == 0;
    let length_fits = if flags.includes(Flags::ALTERNATE_PADDING) {
        (1..=LONGEST_PADDING).contains(&padding.len())
            && (padding.len() - 1) / BLOCK == usize::from(pad)
    } else {
        (1..=256).contains(&padding.len())
            && padding.len() % 256 == usize::from(pad)
            && payload.len() >= PADDING_CLASS
    };
    let whole_blocks = payload.len().is_multiple_of(BLOCK);
    (signed_well & uniform & length_fits & whole_blocks & (size > 0)).then_some((flags, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_fills_blocks_within_its_bounds() {
        for size in [1usize, 15, 16, 185, 186, 187, 188, 203, 4027, 65536] {
            for random in 0..=255u8 {
                let (length, pad) = padding(size, Flags::NONE, random);
                let total = PAYLOAD_HEAD + size + length;
                assert!(
                    total.is_multiple_of(16) && total >= 256 && (1..=256).contains(&length),
                    "{size} {random}"
                );
                assert_eq!(length % 256, usize::from(pad));
                let (length, pad) = padding(size, Flags::ALTERNATE_PADDING, random);
                assert!(
                    (PAYLOAD_HEAD + size + length).is_multiple_of(16)
                        && (1..=4096).contains(&length)
                );
                assert_eq!((length - 1) / 16, usize::from(pad));
            }
        }
    }

    #[test]
    fn buckets_are_exactly_filled() {
        for size in 1..=20_000 {
            let byte = Padding::Buckets.byte(size, 77);
            let (length, pad) = padding(size, Padding::Buckets.flags(Flags::NONE), byte);
            let total = PAYLOAD_HEAD + size + length;
            assert!((1..=4096).contains(&length) && (length - 1) / 16 == usize::from(pad));
            assert!(
                [1024, 2048].contains(&total) || total.is_multiple_of(4096),
                "{size}: {total}"
            );
            assert_eq!(total, bucket(PAYLOAD_HEAD + size), "{size}");
        }
    }

    #[test]
    fn what_was_written_is_read_and_any_flipped_bit_is_not() {
        let key = SigningKey::from_seed([1; 32]);
        for flags in [Flags::NONE, Flags::ALTERNATE_PADDING] {
            let mut payload = Vec::new();
            lay_out(&mut payload, flags, b"some data", 0, 3);
            complete(&mut payload, None, &key);
            let part = read(payload.clone(), Some(&key.public().verifier()));
            assert_eq!(
                part,
                Some(Part {
                    flags,
                    data: b"some data".to_vec()
                })
            );
            for position in 0..payload.len() {
                let mut changed = payload.clone();
                changed[position] ^= 1;
                assert_eq!(
                    read(changed, Some(&key.public().verifier())),
                    None,
                    "{position}"
                );
            }
        }
    }

    #[test]
    fn padding_beyond_its_bounds_is_refused() {
        let key = SigningKey::from_seed([1; 32]);
        let read_with = |flags: Flags, size: usize, padding: &[u8], pad: u8| {
            let data = vec![b'x'; size];
            let mut signed = big_endian::<3>(size).to_vec();
            signed.extend_from_slice(&[flags.0, pad]);
            signed.extend_from_slice(&data);
            signed.extend_from_slice(padding);
            let payload = [key.sign(&signed).0.as_slice(), &signed].concat();
            read(payload, Some(&key.public().verifier())).is_some()
        };
        let (none, alternate) = (Flags::NONE, Flags::ALTERNATE_PADDING);
        // 69 + 187 is 256, so whole blocks of padding fit behind it.
        let cases = [
            ("256, stored as 0", none, 187, vec![0; 256], 0, true),
            ("16", none, 187, vec![16; 16], 16, true),
            ("none", none, 187, vec![], 0, false),
            (
                "512, which is 0 modulo 256",
                none,
                187,
                vec![0; 512],
                0,
                false,
            ),
            (
                "272, which is 16 modulo 256",
                none,
                187,
                vec![16; 272],
                16,
                false,
            ),
            ("256 of something else", none, 187, vec![7; 256], 0, false),
            ("to 240 only", none, 155, vec![16; 16], 16, false),
            ("4096", alternate, 187, vec![255; 4096], 255, true),
            ("4112", alternate, 187, vec![255; 4112], 255, false),
            (
                "blocks not those of the pad byte",
                alternate,
                187,
                vec![3; 48],
                3,
                false,
            ),
            ("below 256", alternate, 11, vec![0; 16], 0, true),
            ("not whole blocks", alternate, 187, vec![0; 15], 0, false),
        ];
        for (name, flags, size, padding, pad, good) in cases {
            assert_eq!(read_with(flags, size, &padding, pad), good, "{name}");
        }
    }

    #[test]
    fn a_data_length_beyond_the_payload_is_refused() {
        let key = SigningKey::from_seed([1; 32]);
        let mut payload = Vec::new();
        lay_out(&mut payload, Flags::NONE, b"x", 0, 0);
        complete(&mut payload, None, &key);
        payload[64] = 0xff;
        assert_eq!(read(payload, None), None);
    }
}
