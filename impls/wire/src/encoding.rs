//! Base64 in the three forms DIME uses, decoded strictly.
//!
//! Padded text carries signets on the wire and in armour; unpadded text carries fingerprints and
//! the values of management records (spec/95 items 13 and 24); the URL-safe form carries STACIE's
//! values (spec/60 §5). Only the alphabet asked for is accepted, and a last group with non-zero
//! spare bits is refused, so every value has one spelling.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// The text is not canonical base64 of the standard alphabet in the padding form asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("text is not strict base64")]
pub struct EncodingError;

/// Standard base64 with `=` padding.
pub fn encode_padded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Standard base64 without padding.
pub fn encode_unpadded(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

/// Decodes padded standard base64; white space, other alphabets and missing padding are refused.
pub fn decode_strict(text: &str) -> Result<Vec<u8>, EncodingError> {
    STANDARD.decode(text).map_err(|_| EncodingError)
}

/// As [`decode_strict`], for what may be a secret: nothing of it stays in memory, not even of text
/// that turns out to be broken only near its end.
pub fn decode_strict_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, EncodingError> {
    decode_secret(&STANDARD, text)
}

/// Decodes unpadded standard base64; padding, white space and other alphabets are refused.
pub fn decode_unpadded(text: &str) -> Result<Vec<u8>, EncodingError> {
    STANDARD_NO_PAD.decode(text).map_err(|_| EncodingError)
}

/// Decodes unpadded base64 of exactly `N` bytes, as record values and fingerprints are.
pub fn decode_unpadded_array<const N: usize>(text: &str) -> Result<[u8; N], EncodingError> {
    <[u8; N]>::try_from(decode_unpadded(text)?).map_err(|_| EncodingError)
}

/// URL-safe base64 (`-` and `_`) without padding.
pub fn encode_url_safe(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes unpadded URL-safe base64; padding, white space and the standard alphabet are refused.
pub fn decode_url_safe(text: &str) -> Result<Vec<u8>, EncodingError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| EncodingError)
}

/// As [`decode_url_safe`], for what may be a secret, see [`decode_strict_secret`].
pub fn decode_url_safe_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, EncodingError> {
    decode_secret(&URL_SAFE_NO_PAD, text)
}

/// The engine's own `decode` would drop what it has decoded when it fails, without wiping it.
fn decode_secret(engine: &impl Engine, text: &str) -> Result<Zeroizing<Vec<u8>>, EncodingError> {
    let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let size = engine
        .decode_slice(text, &mut bytes)
        .map_err(|_| EncodingError)?;
    bytes.truncate(size);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_must_be_as_asked_for() {
        assert_eq!(decode_strict("YQ=="), Ok(b"a".to_vec()));
        assert_eq!(decode_strict("YQ"), Err(EncodingError));
        assert_eq!(decode_unpadded("YQ"), Ok(b"a".to_vec()));
        assert_eq!(decode_unpadded("YQ=="), Err(EncodingError));
    }

    #[test]
    fn spare_bits_white_space_and_other_alphabets_are_refused() {
        for text in ["YR==", "YW\nJj", "YW J", "-_==", "YQ==YQ=="] {
            assert_eq!(decode_strict(text), Err(EncodingError), "{text:?}");
        }
    }

    #[test]
    fn the_url_safe_form_has_its_own_alphabet_and_no_padding() {
        assert_eq!(encode_url_safe(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode_url_safe("-_8"), Ok(vec![0xfb, 0xff]));
        for text in ["+/8", "-_8=", "-_9", "-_ 8"] {
            assert_eq!(decode_url_safe(text), Err(EncodingError), "{text:?}");
        }
    }

    #[test]
    fn an_array_must_have_the_right_size() {
        assert_eq!(decode_unpadded_array::<1>("YQ"), Ok(*b"a"));
        assert_eq!(decode_unpadded_array::<2>("YQ"), Err(EncodingError));
    }

    proptest::proptest! {
        #[test]
        fn every_value_has_one_spelling(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
            text in "[A-Za-z0-9+/=_ -]{0,12}",
        ) {
            proptest::prop_assert_eq!(decode_strict(&encode_padded(&bytes)), Ok(bytes.clone()));
            proptest::prop_assert_eq!(decode_unpadded(&encode_unpadded(&bytes)), Ok(bytes));
            let secret = decode_strict_secret(&text).map(|mut bytes| std::mem::take(&mut *bytes));
            proptest::prop_assert_eq!(secret, decode_strict(&text));
            let secret = decode_url_safe_secret(&text).map(|mut bytes| std::mem::take(&mut *bytes));
            proptest::prop_assert_eq!(secret, decode_url_safe(&text));
            if let Ok(bytes) = decode_strict(&text) {
                proptest::prop_assert_eq!(encode_padded(&bytes), text.clone());
            }
            if let Ok(bytes) = decode_unpadded(&text) {
                proptest::prop_assert_eq!(encode_unpadded(&bytes), text);
            }
        }
    }
}
