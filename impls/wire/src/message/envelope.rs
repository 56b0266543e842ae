//! The text of the two envelope chunks (spec/30 §7, spec/95 item 36).
//!
//! Four CRLF lines in fixed order, names in angle brackets, cryptographic fingerprints in square
//! ones. Strict: addresses, domains and fingerprints must be well formed, nothing may follow but, in
//! chunk 4, the line of the hardened profile.

use super::ChunkType;
use crate::encoding::{decode_unpadded_array, encode_unpadded};
use crate::keys::VerifyingKey;
use crate::name;
use crate::signet::Fingerprint;

/// Label of the line in chunk 4 that certifies the message's own key (`HARDENED.md` §2).
const MESSAGE_KEY_LABEL: &str = "Message-Key";

/// The text of an envelope chunk is not four well-formed lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("envelope of chunk {0} is not well formed")]
pub struct EnvelopeError(pub ChunkType);

/// What chunk 4 says: the author, and the next hop after the origin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OriginEnvelope {
    /// Address of the author.
    pub author: String,
    /// Cryptographic fingerprint of the author's signet.
    pub author_fingerprint: Fingerprint,
    /// Domain of the destination.
    pub destination: String,
    /// Cryptographic fingerprint of the destination's signet.
    pub destination_fingerprint: Fingerprint,
    /// The key that made the plaintext signature of chunk 5 in place of the author's, if the
    /// message is of the hardened profile (`HARDENED.md`).
    pub message_key: Option<VerifyingKey>,
}

impl OriginEnvelope {
    /// The chunk's text.
    pub fn encode(&self) -> String {
        let mut text = format!(
            "Author: <{}>\r\nAuthor-Signet: [{}]\r\nDestination: <{}>\r\nDestination-Signet: [{}]\r\n",
            self.author, self.author_fingerprint, self.destination, self.destination_fingerprint
        );
        if let Some(key) = &self.message_key {
            let key = encode_unpadded(&key.0);
            text.push_str(&format!("{MESSAGE_KEY_LABEL}: [{key}]\r\n"));
        }
        text
    }

    /// Reads the chunk's text.
    pub fn parse(text: &[u8]) -> Result<Self, EnvelopeError> {
        let error = EnvelopeError(ChunkType::Origin);
        let labels = [
            "Author",
            "Author-Signet",
            "Destination",
            "Destination-Signet",
        ];
        let ([author, author_print, destination, destination_print], rest) =
            four_lines(text, labels).ok_or(error)?;
        if !name::is_address(author) || !name::is_domain(destination) {
            return Err(error);
        }
        Ok(Self {
            author: author.to_owned(),
            author_fingerprint: Fingerprint::parse(author_print).map_err(|_| error)?,
            destination: destination.to_owned(),
            destination_fingerprint: Fingerprint::parse(destination_print).map_err(|_| error)?,
            message_key: message_key(rest).ok_or(error)?,
        })
    }
}

/// What chunk 5 says: the recipient, and the hop before the destination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DestinationEnvelope {
    /// Address of the recipient.
    pub recipient: String,
    /// Cryptographic fingerprint of the recipient's signet.
    pub recipient_fingerprint: Fingerprint,
    /// Domain of the origin.
    pub origin: String,
    /// Cryptographic fingerprint of the origin's signet.
    pub origin_fingerprint: Fingerprint,
}

impl DestinationEnvelope {
    /// The chunk's text.
    pub fn encode(&self) -> String {
        format!(
            "Recipient: <{}>\r\nRecipient-Signet: [{}]\r\nOrigin: <{}>\r\nOrigin-Signet: [{}]\r\n",
            self.recipient, self.recipient_fingerprint, self.origin, self.origin_fingerprint
        )
    }

    /// Reads the chunk's text.
    pub fn parse(text: &[u8]) -> Result<Self, EnvelopeError> {
        let error = EnvelopeError(ChunkType::Destination);
        let labels = ["Recipient", "Recipient-Signet", "Origin", "Origin-Signet"];
        let ([recipient, recipient_print, origin, origin_print], rest) =
            four_lines(text, labels).ok_or(error)?;
        if !rest.is_empty() || !name::is_address(recipient) || !name::is_domain(origin) {
            return Err(error);
        }
        Ok(Self {
            recipient: recipient.to_owned(),
            recipient_fingerprint: Fingerprint::parse(recipient_print).map_err(|_| error)?,
            origin: origin.to_owned(),
            origin_fingerprint: Fingerprint::parse(origin_print).map_err(|_| error)?,
        })
    }
}

/// What one actor sees of who is involved: the origin sees the fields of chunk 4, the destination
/// those of chunk 5, author and recipient all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Envelope {
    /// Address of the author.
    pub author: Option<String>,
    /// Domain of the origin.
    pub origin: Option<String>,
    /// Domain of the destination.
    pub destination: Option<String>,
    /// Address of the recipient.
    pub recipient: Option<String>,
    /// Cryptographic fingerprint of the author's signet.
    pub author_fingerprint: Option<Fingerprint>,
    /// Cryptographic fingerprint of the origin's signet.
    pub origin_fingerprint: Option<Fingerprint>,
    /// Cryptographic fingerprint of the destination's signet.
    pub destination_fingerprint: Option<Fingerprint>,
    /// Cryptographic fingerprint of the recipient's signet.
    pub recipient_fingerprint: Option<Fingerprint>,
}

impl Envelope {
    pub(super) fn new(
        origin: Option<OriginEnvelope>,
        destination: Option<DestinationEnvelope>,
    ) -> Self {
        let mut out = Self::default();
        if let Some(seen) = origin {
            out.author = Some(seen.author);
            out.author_fingerprint = Some(seen.author_fingerprint);
            out.destination = Some(seen.destination);
            out.destination_fingerprint = Some(seen.destination_fingerprint);
        }
        if let Some(seen) = destination {
            out.recipient = Some(seen.recipient);
            out.recipient_fingerprint = Some(seen.recipient_fingerprint);
            out.origin = Some(seen.origin);
            out.origin_fingerprint = Some(seen.origin_fingerprint);
        }
        out
    }
}

/// The values of four lines `Label: <value>` and `Label: [value]` in turn, and what follows them.
fn four_lines<'a>(text: &'a [u8], labels: [&str; 4]) -> Option<([&'a str; 4], &'a str)> {
    let mut rest = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())?;
    let mut values = [""; 4];
    for (position, (label, value)) in labels.into_iter().zip(values.iter_mut()).enumerate() {
        let (open, close) = if position % 2 == 0 {
            ("<", ">")
        } else {
            ("[", "]")
        };
        (*value, rest) = line(rest, label, open, close)?;
    }
    Some((values, rest))
}

/// The value of the line that `text` begins with, and what follows it.
fn line<'a>(text: &'a str, label: &str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (line, rest) = text.split_once("\r\n")?;
    let line = line.strip_prefix(label)?.strip_prefix(": ")?;
    let value = line.strip_prefix(open)?.strip_suffix(close)?;
    Some((value, rest))
}

/// The key of the hardened profile's line, which is all of `text` or not there; nothing if `text` is
/// anything else.
fn message_key(text: &str) -> Option<Option<VerifyingKey>> {
    if text.is_empty() {
        return Some(None);
    }
    let (key, rest) = line(text, MESSAGE_KEY_LABEL, "[", "]")?;
    let key = decode_unpadded_array(key).ok()?;
    rest.is_empty().then_some(Some(VerifyingKey(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> OriginEnvelope {
        OriginEnvelope {
            author: "ivy@darkmail.example".to_owned(),
            author_fingerprint: Fingerprint::from_digest(&[1; 64]),
            destination: "lavish.example".to_owned(),
            destination_fingerprint: Fingerprint::from_digest(&[2; 64]),
            message_key: None,
        }
    }

    fn hardened() -> OriginEnvelope {
        OriginEnvelope {
            message_key: Some(VerifyingKey([3; 32])),
            ..sample()
        }
    }

    #[test]
    fn an_envelope_comes_back() {
        for envelope in [sample(), hardened()] {
            let text = envelope.encode();
            assert_eq!(OriginEnvelope::parse(text.as_bytes()), Ok(envelope));
        }
        assert_eq!(hardened().encode().len(), sample().encode().len() + 60);
    }

    #[test]
    fn the_line_of_a_message_key_is_exact_and_the_last() {
        let text = hardened().encode();
        let key = encode_unpadded(&[3; 32]);
        let line = format!("Message-Key: [{key}]\r\n");
        for wrong in [
            text.replace("Message-Key", "message-key"),
            text.replace("Message-Key: [", "Message-Key: <")
                .replace(&format!("{key}]"), &format!("{key}>")),
            text.replace(&key, &format!("{key}=")),
            text.replace(&key, &key[1..]),
            // The last character of 32 bytes has two spare bits, which must be zero.
            text.replace(&key, &format!("{}N", &key[..42])),
            text.replace(&line, &line.repeat(2)),
            text.replace(&line, &line[..line.len() - 2]),
            format!("{line}{}", sample().encode()),
            format!("{text}\r\n"),
        ] {
            assert_ne!(wrong, text);
            let parsed = OriginEnvelope::parse(wrong.as_bytes());
            assert_eq!(parsed, Err(EnvelopeError(ChunkType::Origin)), "{wrong:?}");
        }
    }

    #[test]
    fn the_destinations_envelope_has_no_message_key() {
        let text = DestinationEnvelope {
            recipient: "ann@lavish.example".to_owned(),
            recipient_fingerprint: Fingerprint::from_digest(&[1; 64]),
            origin: "darkmail.example".to_owned(),
            origin_fingerprint: Fingerprint::from_digest(&[2; 64]),
        };
        let text = text.encode();
        assert!(DestinationEnvelope::parse(text.as_bytes()).is_ok());
        let key = encode_unpadded(&[3; 32]);
        let text = format!("{text}Message-Key: [{key}]\r\n");
        let parsed = DestinationEnvelope::parse(text.as_bytes());
        assert_eq!(parsed, Err(EnvelopeError(ChunkType::Destination)));
    }

    #[test]
    fn anything_but_the_exact_lines_is_refused() {
        let text = sample().encode();
        for wrong in [
            text.replace("\r\n", "\n"),
            format!("{text}more"),
            text.replace("Author:", "author:"),
            text.replace(": <", ":  <"),
            text.replace("ivy@", "ivy"),
            text.replace(
                "ivy@darkmail.example",
                "ivy@darkmail.example>\r\nDestination: <x",
            ),
            text.replace("lavish.example", ""),
            text.trim_end().to_owned(),
        ] {
            assert!(
                OriginEnvelope::parse(wrong.as_bytes()).is_err(),
                "{wrong:?}"
            );
        }
    }
}
