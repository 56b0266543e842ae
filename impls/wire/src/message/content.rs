//! Parts of a letter, whole: what a display part or an attachment is however many chunks carry it
//! (flag 0x80), and whether it is compressed (flag 0x04, RFC 1952).

use std::borrow::Cow;
use std::io::{Read as _, Write as _};

use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};

use super::Flags;

/// Most bytes to which [`Part::expanded`] expands a part whatever limit its caller gives.
pub const MAXIMUM_EXPANSION: usize = super::MAXIMUM_MESSAGE;

/// What every gzip stream begins with: two magic bytes and the method, deflate.
const GZIP_HEADER: [u8; 3] = [0x1f, 0x8b, 0x08];
/// As many bytes of a part as tell whether it begins like its flags say.
pub(super) const BEGINNING: usize = GZIP_HEADER.len();
/// How hard we compress, of 1 to 9; fixed, so that the same data gives the same bytes.
const COMPRESSION_LEVEL: u32 = 6;

/// A display part or an attachment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Part {
    /// What is said about the data.
    pub flags: Flags,
    /// The data.
    pub data: Vec<u8>,
}

/// Why a compressed part was not expanded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ExpandError {
    /// The data is not one sound gzip stream.
    #[error("failed to expand part: data is not a gzip stream")]
    Stream,
    /// Something follows the gzip stream, be it another one.
    #[error("failed to expand part: gzip stream is not all of the data")]
    Trailing,
    /// The data expands to more than the limit.
    #[error("failed to expand part: contents are not within {0} bytes")]
    TooLarge(usize),
}

impl Part {
    /// A part without flags.
    pub fn plain(data: impl Into<Vec<u8>>) -> Self {
        Self {
            flags: Flags::NONE,
            data: data.into(),
        }
    }

    /// A part that holds `data` as a gzip stream of one member, without name and time, so that the
    /// same data gives the same bytes.
    pub fn compressed(data: &[u8]) -> Self {
        let compression = Compression::new(COMPRESSION_LEVEL);
        let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), compression);
        let written = encoder.write_all(data).and_then(|()| encoder.finish());
        Self {
            flags: Flags::GZIP,
            data: written.expect("writing to memory does not fail"),
        }
    }

    /// The contents: the data as it is, or expanded if the part is compressed.
    ///
    /// At most `limit` bytes, and at most [`MAXIMUM_EXPANSION`]; memory grows with what has been
    /// expanded, never with what the stream claims. The stream's checksum and length must fit, and
    /// nothing may follow its one member.
    pub fn expanded(&self, limit: usize) -> Result<Cow<'_, [u8]>, ExpandError> {
        let limit = limit.min(MAXIMUM_EXPANSION);
        if !self.flags.includes(Flags::GZIP) {
            return if self.data.len() <= limit {
                Ok(Cow::Borrowed(&self.data))
            } else {
                Err(ExpandError::TooLarge(limit))
            };
        }
        let mut decoder = GzDecoder::new(self.data.as_slice());
        let mut out = Vec::new();
        let within = limit as u64 + 1;
        let read = decoder.by_ref().take(within).read_to_end(&mut out);
        if out.len() > limit {
            return Err(ExpandError::TooLarge(limit));
        }
        read.map_err(|_| ExpandError::Stream)?;
        if decoder.into_inner().is_empty() {
            Ok(Cow::Owned(out))
        } else {
            Err(ExpandError::Trailing)
        }
    }

    /// As [`Part::expanded`], without a copy if the part is not compressed.
    pub fn into_expanded(self, limit: usize) -> Result<Vec<u8>, ExpandError> {
        if let Cow::Owned(out) = self.expanded(limit)? {
            return Ok(out);
        }
        Ok(self.data)
    }

    /// Whether flags and data agree: every flag known, a compressed part begins like a gzip stream,
    /// and a whole part does not go on.
    pub(super) fn flags_fit(&self) -> bool {
        Flags::KNOWN.includes(self.flags)
            && !self.flags.includes(Flags::CONTINUES)
            && (!self.flags.includes(Flags::GZIP) || self.data.starts_with(&GZIP_HEADER))
    }
}

/// Whether pieces, in the order of their chunks, make whole parts: pieces of one part agree in all
/// flags but [`Flags::CONTINUES`], which all but the last of them have.
#[derive(Default)]
pub(super) struct Continuation {
    begun: Option<Flags>,
}

impl Continuation {
    /// Takes the next piece's flags and tells whether it begins a part. Nothing if it goes on with a
    /// part whose flags are not its own.
    pub(super) fn push(&mut self, flags: Flags) -> Option<bool> {
        let part = flags.without(Flags::CONTINUES);
        let begun = self.begun.take();
        if begun.is_some_and(|begun| begun != part) {
            return None;
        }
        self.begun = flags.includes(Flags::CONTINUES).then_some(part);
        Some(begun.is_none())
    }

    /// Nothing if the last piece goes on.
    pub(super) fn finish(self) -> Option<()> {
        self.begun.is_none().then_some(())
    }
}

/// Joins the pieces of continued parts, in the order of their chunks. Pieces are kept as they are until
/// the last is there, so that a part's data is moved once however many pieces it has.
#[derive(Default)]
pub(super) struct Joiner {
    parts: Vec<Begun>,
    continuation: Continuation,
}

/// A part as far as its first piece, and the data of those that follow.
struct Begun {
    part: Part,
    following: Vec<Vec<u8>>,
}

impl Joiner {
    /// Adds the next chunk's piece. Nothing if [`Continuation`] refuses it.
    pub(super) fn push(&mut self, piece: Part) -> Option<()> {
        let begins = self.continuation.push(piece.flags)?;
        match self.parts.last_mut().filter(|_| !begins) {
            Some(begun) => begun.following.push(piece.data),
            None => self.parts.push(Begun {
                part: Part {
                    flags: piece.flags.without(Flags::CONTINUES),
                    data: piece.data,
                },
                following: Vec::new(),
            }),
        }
        Some(())
    }

    /// The whole parts; nothing if the last piece goes on.
    pub(super) fn finish(self) -> Option<Vec<Part>> {
        self.continuation.finish()?;
        Some(self.parts.into_iter().map(Begun::join).collect())
    }
}

impl Begun {
    fn join(self) -> Part {
        let mut part = self.part;
        let size = self.following.iter().map(Vec::len).sum();
        part.data.reserve_exact(size);
        for piece in self.following {
            part.data.extend_from_slice(&piece);
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Part {
        Part {
            flags: Flags::GZIP,
            data: data.to_vec(),
        }
    }

    #[test]
    fn a_compressed_part_expands_to_what_it_was_made_of() {
        let text = b"to and fro, ".repeat(500);
        let part = Part::compressed(&text);
        assert!(part.data.len() < 100 && part.flags_fit());
        assert_eq!(part, Part::compressed(&text));
        assert_eq!(part.expanded(text.len()).as_deref(), Ok(text.as_slice()));
        assert_eq!(part.into_expanded(text.len()), Ok(text));
        assert_eq!(Part::plain("x").into_expanded(1), Ok(b"x".to_vec()));
        assert_eq!(Part::plain("x").expanded(1).as_deref(), Ok(b"x".as_slice()));
    }

    #[test]
    fn a_compressed_part_names_neither_time_nor_file_nor_system() {
        let header = Part::compressed(b"x").data[..10].to_vec();
        assert_eq!(header, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = Part::compressed(&vec![0; 8 << 20]);
        assert!(bomb.data.len() < 16 << 10);
        assert_eq!(bomb.expanded(100), Err(ExpandError::TooLarge(100)));
        assert_eq!(
            bomb.expanded((8 << 20) - 1),
            Err(ExpandError::TooLarge((8 << 20) - 1))
        );
        assert!(bomb.expanded(usize::MAX).is_ok());
        assert_eq!(
            Part::plain("long").expanded(3),
            Err(ExpandError::TooLarge(3))
        );
    }

    #[test]
    fn only_one_whole_gzip_stream_is_expanded() {
        let good = Part::compressed(b"some text").data;
        let twice = [good.as_slice(), good.as_slice()].concat();
        assert_eq!(gzip(&twice).expanded(100), Err(ExpandError::Trailing));
        let tail = [good.as_slice(), b"\0"].concat();
        assert_eq!(gzip(&tail).expanded(100), Err(ExpandError::Trailing));
        for end in 0..good.len() {
            let cut = gzip(&good[..end]);
            assert_eq!(cut.expanded(100), Err(ExpandError::Stream), "cut at {end}");
        }
        let mut wrong_sum = good.clone();
        wrong_sum[good.len() - 8] ^= 1;
        assert_eq!(gzip(&wrong_sum).expanded(100), Err(ExpandError::Stream));
        assert_eq!(gzip(b"plain").expanded(100), Err(ExpandError::Stream));
    }

    #[test]
    fn contradicting_flags_do_not_fit() {
        let part = |flags, data: &[u8]| Part {
            flags,
            data: data.to_vec(),
        };
        assert!(part(Flags::GZIP, &[0x1f, 0x8b, 8, 0]).flags_fit());
        assert!(!part(Flags::GZIP, b"plain").flags_fit());
        assert!(!part(Flags::CONTINUES, b"plain").flags_fit());
        assert!(!part(Flags(0x08), b"plain").flags_fit());
    }

    #[test]
    fn pieces_are_joined_in_room_made_once() {
        let piece = |flags, size| Part {
            flags,
            data: vec![size as u8; size],
        };
        let mut joiner = Joiner::default();
        for size in [3, 200, 1] {
            joiner.push(piece(Flags::CONTINUES, size)).expect("agrees");
        }
        joiner.push(piece(Flags::NONE, 5)).expect("agrees");
        joiner.push(piece(Flags::GZIP, 7)).expect("another part");
        let parts = joiner.finish().expect("whole parts");
        let expected = [3usize, 200, 1, 5].map(|size| vec![size as u8; size]);
        assert_eq!(parts[0].data, expected.concat());
        assert_eq!(parts[0].data.capacity(), parts[0].data.len());
        assert_eq!(parts[1], piece(Flags::GZIP, 7));
    }

    #[test]
    fn pieces_of_a_part_agree_in_their_flags() {
        let piece = |flags| Part {
            flags,
            data: b"x".to_vec(),
        };
        let mut joiner = Joiner::default();
        assert_eq!(joiner.push(piece(Flags::CONTINUES)), Some(()));
        assert_eq!(joiner.push(piece(Flags::GZIP)), None);
        let mut open = Joiner::default();
        assert_eq!(open.push(piece(Flags::CONTINUES)), Some(()));
        assert_eq!(open.finish(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_expanding_panic_or_exceed_the_limit(
            data in proptest::collection::vec(any::<u8>(), 0..200),
            limit in 0usize..300,
        ) {
            for data in [data.clone(), [GZIP_HEADER.as_slice(), &data].concat(), Part::compressed(&data).data] {
                if let Ok(out) = gzip(&data).expanded(limit) {
                    prop_assert!(out.len() <= limit);
                }
            }
        }
    }
}
