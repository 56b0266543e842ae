//! The forms in which a value may appear on the line: codings, digests and public identifiers.
//!
//! The engine does not decode the haystack, it encodes the needle: from each value every form is
//! made once, and the form a hit was found in is the last step of its derivation.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use sha2::{Digest as _, Sha256, Sha512};

/// Bytes of a digest that are searched: the first 16, so that one cut to 128 bits is found too.
pub const DIGEST_NEEDLE_BYTES: usize = 16;
/// Longest label of a DNS name in bytes (RFC 1035 section 2.3.4).
const MAXIMUM_DNS_LABEL: usize = 63;

/// One transformation of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// Hexadecimal digits.
    Hex,
    /// Base64 at one of three alignments inside a longer encoded text.
    Base64 {
        /// How many bytes before the value, modulo three.
        phase: usize,
        /// Whether the two last digits are `-_` instead of `+/`.
        url: bool,
    },
    /// Quoted-printable with every byte escaped, as RFC 2047 `q` words may have it too.
    QuotedPrintable,
    /// Percent encoding with every byte escaped.
    Percent,
    /// UTF-16 in either byte order: every other byte is zero.
    Utf16,
    /// Labels of a DNS message, each behind its length.
    DnsLabels,
    /// The first bytes of SHA-256.
    Sha256,
    /// The first bytes of SHA-512.
    Sha512,
}

impl Coding {
    /// Base64 in the standard alphabet at all three phases.
    pub const BASE64: [Coding; 3] = [
        Coding::Base64 {
            phase: 0,
            url: false,
        },
        Coding::Base64 {
            phase: 1,
            url: false,
        },
        Coding::Base64 {
            phase: 2,
            url: false,
        },
    ];
    /// Base64 in the alphabet for URLs at all three phases.
    pub const BASE64_URL: [Coding; 3] = [
        Coding::Base64 {
            phase: 0,
            url: true,
        },
        Coding::Base64 {
            phase: 1,
            url: true,
        },
        Coding::Base64 {
            phase: 2,
            url: true,
        },
    ];

    /// The bytes to search for, those that depend on neighbours of the value left out.
    pub fn apply(self, input: &[u8]) -> Vec<u8> {
        match self {
            Coding::Hex => hex::encode(input).into_bytes(),
            Coding::Base64 { phase, url } => base64_core(input, phase, url),
            Coding::QuotedPrintable => escaped(input, b'='),
            Coding::Percent => escaped(input, b'%'),
            // Without the outermost zero bytes both byte orders look the same.
            Coding::Utf16 => interleaved(input),
            Coding::DnsLabels => dns_labels(input),
            Coding::Sha256 => digest_core(&Sha256::digest(input)),
            Coding::Sha512 => digest_core(&Sha512::digest(input)),
        }
    }

    /// Whether upper and lower case mean the same in this coding of a text that itself `folds`.
    pub fn folds(self, folds: bool) -> bool {
        match self {
            Coding::Hex | Coding::QuotedPrintable | Coding::Percent => true,
            Coding::Utf16 | Coding::DnsLabels => folds,
            Coding::Base64 { .. } | Coding::Sha256 | Coding::Sha512 => false,
        }
    }

    /// Whether the value cannot be read back from the coded bytes, only compared.
    pub fn is_digest(self) -> bool {
        matches!(self, Coding::Sha256 | Coding::Sha512)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coding::Hex => f.write_str("hex"),
            Coding::Base64 { phase, url: false } => write!(f, "base64 (phase {phase})"),
            Coding::Base64 { phase, url: true } => write!(f, "URL-safe base64 (phase {phase})"),
            Coding::QuotedPrintable => f.write_str("quoted-printable"),
            Coding::Percent => f.write_str("percent encoding"),
            Coding::Utf16 => f.write_str("UTF-16"),
            Coding::DnsLabels => f.write_str("DNS labels"),
            Coding::Sha256 => f.write_str("SHA-256"),
            Coding::Sha512 => f.write_str("SHA-512"),
        }
    }
}

/// What of a value was coded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The whole value.
    Whole,
    /// A part that tells the whole: its token, the local part of an address, a block of a body.
    Part,
    /// The value with its letters in another case.
    Recased,
    /// Something public that stands for the value: a fingerprint or a public key.
    Identifier(&'static str),
}

/// The form a value was found in: what was coded, and the codings, innermost first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form {
    /// What was coded.
    pub aspect: Aspect,
    /// How, innermost first.
    pub codings: Vec<Coding>,
    /// The text that was coded, for people.
    pub text: String,
}

impl Form {
    /// Whether the form only lets a guess be tested.
    pub fn confirms_only(&self) -> bool {
        matches!(self.aspect, Aspect::Identifier(_)) || self.codings.iter().any(|c| c.is_digest())
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for coding in self.codings.iter().rev() {
            write!(f, "{coding} of ")?;
        }
        match self.aspect {
            Aspect::Identifier(what) => write!(f, "the {what} of {}", self.text),
            _ => write!(f, "\"{}\"", self.text),
        }
    }
}

/// Prints bytes for people: printable ASCII as it is, everything else escaped, cut to `limit`
/// characters.
pub fn printable(bytes: &[u8], limit: usize) -> String {
    let mut out = String::new();
    for byte in bytes {
        let shown = match byte {
            b'"' | b'\\' => format!("\\{}", char::from(*byte)),
            0x20..=0x7e => char::from(*byte).to_string(),
            b'\r' => "\\r".to_owned(),
            b'\n' => "\\n".to_owned(),
            _ => format!("\\x{byte:02x}"),
        };
        if out.len() + shown.len() > limit {
            out.push_str("...");
            break;
        }
        out.push_str(&shown);
    }
    out
}

fn base64_core(input: &[u8], phase: usize, url: bool) -> Vec<u8> {
    let alphabet = if url {
        &alphabet::URL_SAFE
    } else {
        &alphabet::STANDARD
    };
    let engine = GeneralPurpose::new(alphabet, NO_PAD);
    let mut aligned = vec![0u8; phase];
    aligned.extend_from_slice(input);
    let text = engine.encode(&aligned).into_bytes();
    // The first and last digits also carry bits of the neighbours.
    let first = (phase * 8).div_ceil(6);
    let last = aligned.len() * 8 / 6;
    text.get(first..last).unwrap_or_default().to_vec()
}

fn escaped(input: &[u8], mark: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() * 3);
    for byte in input {
        out.push(mark);
        out.extend_from_slice(hex::encode_upper([*byte]).as_bytes());
    }
    out
}

fn interleaved(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() * 2);
    for byte in input {
        if !out.is_empty() {
            out.push(0);
        }
        out.push(*byte);
    }
    out
}

fn dns_labels(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() + 1);
    for label in input.split(|byte| *byte == b'.') {
        let Some(length) = u8::try_from(label.len())
            .ok()
            .filter(|length| usize::from(*length) <= MAXIMUM_DNS_LABEL)
        else {
            return Vec::new();
        };
        out.push(length);
        out.extend_from_slice(label);
    }
    out
}

fn digest_core(digest: &[u8]) -> Vec<u8> {
    digest.get(..DIGEST_NEEDLE_BYTES).unwrap_or(digest).to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_reads_from_the_outside_in() {
        let form = Form {
            aspect: Aspect::Whole,
            codings: vec![Coding::Sha256, Coding::Hex],
            text: "alice@alpha.example".to_owned(),
        };
        insta::assert_snapshot!(form, @r#"hex of SHA-256 of "alice@alpha.example""#);
        assert!(form.confirms_only());
    }

    #[test]
    fn a_domain_becomes_dns_labels() {
        assert_eq!(
            Coding::DnsLabels.apply(b"alpha.example"),
            b"\x05alpha\x07example"
        );
    }

    #[test]
    fn unprintable_bytes_are_escaped_and_long_texts_cut() {
        insta::assert_snapshot!(printable(b"a\r\n\x00\"b", 60), @r#"a\r\n\x00\"b"#);
        insta::assert_snapshot!(printable(&[b'x'; 100], 8), @"xxxxxxxx...");
    }

    proptest! {
        #[test]
        fn base64_is_found_whatever_stands_around_it(
            before in proptest::collection::vec(any::<u8>(), 0..7),
            value in proptest::collection::vec(any::<u8>(), 6..40),
            after in proptest::collection::vec(any::<u8>(), 0..7),
        ) {
            let engine = GeneralPurpose::new(&alphabet::STANDARD, NO_PAD);
            let text = engine.encode([before.as_slice(), &value, &after].concat());
            let needle = Coding::Base64 { phase: before.len() % 3, url: false }.apply(&value);
            prop_assert!(needle.len() >= 6);
            prop_assert!(text.as_bytes().windows(needle.len()).any(|window| window == needle));
        }
    }
}
