//! Photos (field 252): whether the data has the shape of a PNG image that a program may safely
//! hand to a decoder (spec/10 §3). Pixels are not decoded.

use super::{LAST_INFORMATION, Signet, SignetError};
use crate::reader::Reader;

/// Widest and tallest photo in pixels; a few kilobytes of PNG can unfold to gigabytes of pixels.
pub const MAXIMUM_PHOTO_SIDE: u32 = 4096;
/// Most chunks of a photo.
pub const MAXIMUM_PHOTO_CHUNKS: usize = 4096;

/// First bytes of every PNG image.
const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
/// The checksum of a chunk, over its type and data.
const CRC32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// The photo of a signet: a PNG image as far as can be told without decoding it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Photo<'a> {
    /// Width in pixels, 1 to [`MAXIMUM_PHOTO_SIDE`].
    pub width: u32,
    /// Height in pixels, 1 to [`MAXIMUM_PHOTO_SIDE`].
    pub height: u32,
    /// The whole image.
    pub png: &'a [u8],
}

impl<'a> Photo<'a> {
    /// Checks signature, header chunk, order, sizes and checksums of the chunks (PNG
    /// specification §5 and §11.2.2): the header first, the data chunks together, the end chunk
    /// last and nothing behind it. Animated and other extended images pass as plain ones.
    pub fn parse(png: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(png);
        if reader.array()? != SIGNATURE {
            return None;
        }
        let (kind, header) = read_chunk(&mut reader)?;
        let (width, height) = (kind == *b"IHDR").then(|| dimensions(header))??;
        let (mut has_data, mut data_ended) = (false, false);
        for _ in 1..MAXIMUM_PHOTO_CHUNKS {
            let (kind, data) = read_chunk(&mut reader)?;
            match &kind {
                b"IDAT" if data_ended => return None,
                b"IDAT" => has_data = true,
                b"IHDR" => return None,
                b"IEND" => {
                    let complete = has_data && data.is_empty() && reader.is_empty();
                    return complete.then_some(Self { width, height, png });
                }
                _ => data_ended = has_data,
            }
        }
        None
    }
}

impl Signet {
    /// The photo, if there is one. Data that is not a PNG image within the limits is an error: the
    /// signet is good, but nobody should show that field.
    pub fn photo(&self) -> Result<Option<Photo<'_>>, SignetError> {
        self.field(LAST_INFORMATION)
            .map(|data| Photo::parse(data).ok_or(SignetError::Photo))
            .transpose()
    }
}

/// One chunk: length of the data (4), type (4), data, CRC-32 of type and data (4).
fn read_chunk<'a>(reader: &mut Reader<'a>) -> Option<([u8; 4], &'a [u8])> {
    let size = reader.number(4)?;
    let covered = reader.rest().get(..size.checked_add(4)?)?;
    let kind = reader.array::<4>()?;
    let data = reader.take(size)?;
    let checksum = u32::from_be_bytes(reader.array()?);
    let is_named = kind.iter().all(u8::is_ascii_alphabetic);
    (is_named && checksum == CRC32.checksum(covered)).then_some((kind, data))
}

/// Width and height from the 13 bytes of a header chunk: width (4), height (4), bit depth, colour
/// type, compression, filter, interlace (1 each).
fn dimensions(header: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(header);
    let (width, height) = (
        u32::from_be_bytes(reader.array()?),
        u32::from_be_bytes(reader.array()?),
    );
    let [depth, colour, compression, filter, interlace] = reader.array()?;
    let depths: &[u8] = match colour {
        0 => &[1, 2, 4, 8, 16],
        3 => &[1, 2, 4, 8],
        2 | 4 | 6 => &[8, 16],
        _ => &[],
    };
    let sides = 1..=MAXIMUM_PHOTO_SIDE;
    let sound = reader.is_empty()
        && depths.contains(&depth)
        && (compression, filter) == (0, 0)
        && interlace <= 1
        && sides.contains(&width)
        && sides.contains(&height);
    sound.then_some((width, height))
}
