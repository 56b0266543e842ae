//! Fingerprints: digests over the front part of a signet (spec/10 §6).

use std::fmt;

use super::{
    FULL_SIGNATURE, IDENTIFIED_SIGNATURE, SELF_SIGNATURE, Signet, SignetError, SignetKind, State,
    with_header,
};
use crate::encoding;

/// Up to which field a fingerprint or split reaches (spec/10 §6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FingerprintKind {
    /// Through field 5; users and requests.
    Request,
    /// Through the cryptographic signature; the kind that stands in envelopes.
    Cryptographic,
    /// Through field 253.
    Full,
    /// Through field 255.
    Identified,
}

impl FingerprintKind {
    /// All kinds, shortest reach first.
    pub const ALL: [Self; 4] = [
        Self::Request,
        Self::Cryptographic,
        Self::Full,
        Self::Identified,
    ];

    /// The last field that it covers in this kind of signet, if there is such a fingerprint.
    pub(super) fn last_field(self, signet: SignetKind) -> Option<u8> {
        match (self, signet) {
            (Self::Request, SignetKind::User | SignetKind::Request) => Some(SELF_SIGNATURE),
            (Self::Cryptographic, kind) => kind.cryptographic_signature(),
            (Self::Full, SignetKind::Organization | SignetKind::User) => Some(FULL_SIGNATURE),
            (Self::Identified, SignetKind::Organization | SignetKind::User) => {
                Some(IDENTIFIED_SIGNATURE)
            }
            _ => None,
        }
    }
}

impl Signet {
    /// The longer of two forms of one signet, as [`Signet::split`] makes them: equal in all fields
    /// of the shorter one, which must reach to a signature of the organization.
    ///
    /// Signatures are not looked at; two forms that agree in every byte are equally good.
    pub fn rejoin(&self, other: &Signet) -> Result<Signet, SignetError> {
        let (shorter, longer) = if self.bytes.len() <= other.bytes.len() {
            (self, other)
        } else {
            (other, self)
        };
        let (head, whole) = (shorter.all_fields(), longer.all_fields());
        let is_form = shorter.kind == longer.kind
            && shorter.structure() >= State::Cryptographic
            && whole.starts_with(head);
        is_form
            .then(|| longer.clone())
            .ok_or(SignetError::Unrelated)
    }

    /// The signet cut behind the cryptographic, full or identifiable signature, under a header of its
    /// own; uncut if it does not reach so far.
    ///
    /// # Errors
    /// [`SignetError::Kind`] for a request, and for [`FingerprintKind::Request`]: what a user signet
    /// has up to there is a request, see [`Signet::to_request`].
    pub fn split(&self, at: FingerprintKind) -> Result<Signet, SignetError> {
        let last = at
            .last_field(self.kind)
            .filter(|_| at != FingerprintKind::Request)
            .ok_or(SignetError::Kind(self.kind))?;
        Self::parse(&with_header(self.kind, self.through(last)))
    }
}

/// SHA-512 over a signet's fields up to some id, as 86 characters of unpadded base64.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Characters of a fingerprint.
    pub const LENGTH: usize = 86;

    /// Reads the text form; anything but 64 bytes of strict unpadded base64 is refused.
    pub fn parse(text: &str) -> Result<Self, SignetError> {
        let digest =
            encoding::decode_unpadded_array::<64>(text).map_err(|_| SignetError::Fingerprint)?;
        Ok(Self::from_digest(&digest))
    }

    /// The fingerprint whose SHA-512 digest is `digest`.
    pub fn from_digest(digest: &[u8; 64]) -> Self {
        Self(encoding::encode_unpadded(digest))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_86_characters_in_one_spelling() {
        let print = Fingerprint::from_digest(&[0xa5; 64]);
        assert_eq!(print.as_str().len(), Fingerprint::LENGTH);
        assert_eq!(Fingerprint::parse(print.as_str()), Ok(print.clone()));
        let text = print.as_str();
        let shorter = text.get(1..).unwrap_or_default();
        for wrong in [
            format!("{text}=="),
            shorter.to_owned(),
            text.replace('p', "-"),
            String::new(),
        ] {
            assert_eq!(
                Fingerprint::parse(&wrong),
                Err(SignetError::Fingerprint),
                "{wrong}"
            );
        }
    }
}
