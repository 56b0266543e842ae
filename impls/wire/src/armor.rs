//! Armour: the text form of signets and keys in files (spec/10 §9, spec/95 items 10 and 13).
//!
//! `-----BEGIN <TAG>-----`, padded base64 in lines of 64 columns, `=` and the base64 of the
//! OpenPGP CRC-24 of the binary object, `-----END <TAG>-----`. The checksum line is mandatory.
//! Text outside the block is ignored, white space inside it is dropped.

use zeroize::Zeroizing;

use crate::encoding;

/// Columns of base64 per line.
const LINE_WIDTH: usize = 64;
/// Longest armoured text we read: a signet of the maximum size (16 MiB) with room for line ends.
const MAXIMUM_TEXT: usize = 24 * 1024 * 1024;
/// Longest line accepted inside a block.
const MAXIMUM_LINE: usize = 4095;

const CRC24: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_24_OPENPGP);

/// Why armoured text was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArmorError {
    /// No line with `-----BEGIN <TAG>-----`.
    #[error("text is not armoured: no BEGIN line")]
    NoBegin,
    /// The block is not closed by an END line with the same tag. The tag is not repeated: where a line
    /// break was lost, a piece of a key may stand in it.
    #[error("armour is not closed by an END line with its tag")]
    NoEnd,
    /// The last line is not `=` and four characters.
    #[error("armour is not ended by a checksum line")]
    NoChecksum,
    /// The body or the checksum is not strict base64.
    #[error("armour is not strict base64")]
    Encoding,
    /// The checksum is not that of the contents.
    #[error("armour checksum is not that of its contents")]
    Checksum,
    /// The text or one of its lines exceeds the limit.
    #[error("armour is not within the size limit")]
    TooLong,
}

/// The armoured form of `binary` under `tag`, ending in a line feed.
pub fn encode(tag: &str, binary: &[u8]) -> String {
    let body = Zeroizing::new(encoding::encode_padded(binary));
    let mut text = String::with_capacity(body.len() + body.len() / LINE_WIDTH + 2 * tag.len() + 48);
    text.push_str(&format!("-----BEGIN {tag}-----\n"));
    for (position, character) in body.chars().enumerate() {
        if position > 0 && position % LINE_WIDTH == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    let [_, checksum @ ..] = crc24(binary).to_be_bytes();
    text.push_str(&format!(
        "\n={}\n-----END {tag}-----\n",
        encoding::encode_padded(&checksum)
    ));
    text
}

/// The tag and contents of the first armoured block of `text`.
pub fn decode(text: &str) -> Result<(String, Vec<u8>), ArmorError> {
    if text.len() > MAXIMUM_TEXT {
        return Err(ArmorError::TooLong);
    }
    let mut lines = text.lines();
    let tag = lines
        .by_ref()
        .find_map(begin_tag)
        .ok_or(ArmorError::NoBegin)?;
    let end = format!("-----END {tag}-----");
    // One buffer for all lines, wiped when done: the block may hold a key.
    let mut block = Zeroizing::new(String::with_capacity(text.len()));
    let mut last_line = 0;
    let mut closed = false;
    for line in lines {
        if line.len() > MAXIMUM_LINE {
            return Err(ArmorError::TooLong);
        }
        if line.trim() == end {
            closed = true;
            break;
        }
        let start = block.len();
        block.extend(line.chars().filter(|c| !c.is_ascii_whitespace()));
        if block.len() > start {
            last_line = start;
        }
    }
    if !closed {
        return Err(ArmorError::NoEnd);
    }
    // `=` also is base64 padding, so the checksum line is taken by position, not searched for.
    let (body, checksum) = block
        .split_at_checked(last_line)
        .ok_or(ArmorError::NoChecksum)?;
    let checksum = checksum
        .strip_prefix('=')
        .filter(|rest| rest.len() == 4)
        .ok_or(ArmorError::NoChecksum)?;
    let checksum = encoding::decode_strict(checksum).map_err(|_| ArmorError::Encoding)?;
    let mut binary = encoding::decode_strict_secret(body).map_err(|_| ArmorError::Encoding)?;
    let [_, expected @ ..] = crc24(&binary).to_be_bytes();
    if checksum != expected {
        return Err(ArmorError::Checksum);
    }
    Ok((tag.to_owned(), std::mem::take(&mut *binary)))
}

/// The OpenPGP CRC-24 (initial value 0xB704CE, polynomial 0x864CFB) of `bytes`.
pub fn crc24(bytes: &[u8]) -> u32 {
    CRC24.checksum(bytes)
}

/// The tag of a BEGIN line; text before BEGIN on the same line is allowed (spec/95 item 10). What stands
/// from BEGIN on is held to [`MAXIMUM_LINE`], because errors repeat the tag.
fn begin_tag(line: &str) -> Option<&str> {
    let (_, after) = line.split_once("-----BEGIN ")?;
    let tag = after.trim_end().strip_suffix("-----")?;
    let fits = after.len() <= MAXIMUM_LINE && !tag.is_empty() && !tag.contains('-');
    fits.then_some(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_armoured_comes_back() {
        for size in [0usize, 1, 47, 48, 49, 96, 500] {
            let binary: Vec<u8> = (0..size).map(|i| i as u8).collect();
            let text = format!("noise\n{}noise", encode("USER KEY", &binary));
            assert_eq!(decode(&text), Ok(("USER KEY".to_owned(), binary)));
        }
    }

    #[test]
    fn a_wrong_or_missing_checksum_is_refused() {
        let text = encode("USER KEY", b"some contents");
        let checksum = |text: &str| {
            text.lines()
                .find(|line| line.starts_with('='))
                .map(str::to_owned)
        };
        let own = checksum(&text).unwrap_or_default();
        let other = checksum(&encode("USER KEY", b"other contents")).unwrap_or_default();
        assert_eq!(
            decode(&text.replace(&own, &other)),
            Err(ArmorError::Checksum)
        );
        assert_eq!(decode(&text.replace(&own, "")), Err(ArmorError::NoChecksum));
        assert_eq!(
            decode(&text.replace(&own, "=!!!!")),
            Err(ArmorError::Encoding)
        );
    }

    #[test]
    fn an_unclosed_block_is_refused() {
        let text = encode("USER KEY", b"abc").replace("END USER KEY", "END OTHER");
        assert_eq!(decode(&text), Err(ArmorError::NoEnd));
        assert_eq!(decode("nothing here"), Err(ArmorError::NoBegin));
    }

    proptest::proptest! {
        #[test]
        fn decoding_never_panics(text in "(-----BEGIN [A-Z]{1,3}-----\n)?[A-Za-z0-9+/=\n -]{0,80}(-----END A-----)?") {
            let _ = decode(&text);
        }

        #[test]
        fn every_binary_survives(binary in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            proptest::prop_assert_eq!(decode(&encode("X", &binary)), Ok(("X".to_owned(), binary)));
        }
    }
}
