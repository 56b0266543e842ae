//! Signets: the signed public-key documents of organizations and users, and the signing requests
//! (SSR) they come from (spec/10, spec/95 items 1 to 11).
//!
//! A [`Signet`] is parsed strictly and keeps its exact bytes, because every signature and
//! fingerprint covers raw bytes. [`organization`], [`request`] and [`issue`] make signets, the
//! `validate_*` functions judge them.

mod build;
mod custody;
mod edit;
mod error;
mod fields;
mod fingerprint;
mod photo;
mod secondary;
mod table;
mod validate;

use std::fmt;
use std::ops::Range;

use sha2::Digest as _;

use crate::backend::Sha512;
use crate::encoding;
use crate::keys::{AlternatePublicKey, EncryptionPublicKey, Signature, VerifyingKey};
use crate::reader::{Reader, big_endian};
use crate::{Profile, armor};

pub use build::{OrganizationDraft, issue, issue_fields, organization, request};
pub use custody::{Chain, ChainError, CustodyBreak, MAXIMUM_CHAIN, validate_chain};
pub use edit::SignetEditor;
pub use error::SignetError;
pub use fields::{
    ALTERNATE_KEY, CUSTODY, FIRST_INFORMATION, FULL_SIGNATURE, IDENTIFIED_SIGNATURE, IDENTIFIER,
    LAST_INFORMATION, NAMED, SECONDARY_KEY, SELF_SIGNATURE, SIGNING_KEY,
};
use fields::{Form, SIGNATURE_SIZE};
pub use fingerprint::{Fingerprint, FingerprintKind};
pub use photo::{MAXIMUM_PHOTO_CHUNKS, MAXIMUM_PHOTO_SIDE, Photo};
pub use secondary::{MAXIMUM_SECONDARY_KEYS, Permissions, SecondaryKey};
pub use table::FieldRow;
pub use validate::{Issuer, validate_organization, validate_request, validate_user};

/// Bytes of the header: magic number (2) and length of the fields (3). No signature covers it.
pub const HEADER_SIZE: usize = 5;
/// Most fields in one signet; the tables have fewer than 60 ids, the rest are repetitions.
pub const MAXIMUM_FIELDS: usize = 4096;

/// The three objects in signet framing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SignetKind {
    /// Magic 1776.
    Organization,
    /// Magic 1789.
    User,
    /// A signet signing request, magic 1215.
    Request,
}

impl SignetKind {
    /// The magic number in the first two bytes.
    pub fn magic(self) -> u16 {
        match self {
            Self::Organization => 1776,
            Self::User => 1789,
            Self::Request => 1215,
        }
    }

    fn from_magic(magic: usize) -> Option<Self> {
        [Self::Organization, Self::User, Self::Request]
            .into_iter()
            .find(|kind| usize::from(kind.magic()) == magic)
    }

    /// The armour tag; an SSR goes under the organizations' tag, as libdime writes it (spec/10 §9).
    pub fn armor_tag(self) -> &'static str {
        match self {
            Self::User => "USER SIGNET",
            Self::Organization | Self::Request => "ORGANIZATIONAL SIGNET",
        }
    }
}

/// What a signet amounts to (spec/10 §7.1). Ordered; everything from [`State::Request`] on is valid.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// Cannot be judged: an input is missing or unsuitable.
    Unknown,
    /// A required field is missing.
    Incomplete,
    /// The chain of custody is missing, unexpected or wrong.
    BrokenCustody,
    /// A signature or the identifier is wrong.
    Invalid,
    /// A signing request with a good self signature.
    Request,
    /// Carries a good cryptographic signature.
    Cryptographic,
    /// Carries a good full signature too.
    Full,
    /// Carries an identifier and its signature too.
    Identified,
}

impl State {
    /// Whether the signet may be used.
    pub fn is_valid(self) -> bool {
        self >= Self::Request
    }
}

/// One field of a signet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// Its id.
    pub id: u8,
    /// The table's name for the id.
    pub label: &'static str,
    /// The field's own name; only named extension fields (251) have one.
    pub name: Option<&'a [u8]>,
    /// Its data, without id and length.
    pub data: &'a [u8],
}

/// A parsed signet or SSR. It keeps its exact bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Signet {
    kind: SignetKind,
    profile: Profile,
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

/// Where one field lies in the signet's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Span {
    id: u8,
    label: &'static str,
    whole: Range<usize>,
    name: Option<Range<usize>>,
    data: Range<usize>,
}

impl Signet {
    /// Parses the binary form: magic (2), length (3), fields. Strict: the length must be exact, ids
    /// known and ascending, unique ids once, nothing behind the last field. Profile Libdime and
    /// Magma are told apart by the byte after the first encryption key's id (spec/10 §3.5).
    pub fn parse(bytes: &[u8]) -> Result<Signet, SignetError> {
        let mut reader = Reader::new(bytes);
        let kind = reader
            .number(2)
            .and_then(SignetKind::from_magic)
            .ok_or(SignetError::Magic)?;
        let length = reader.number(3).ok_or(SignetError::Length)?;
        if length != reader.rest().len() {
            return Err(SignetError::Length);
        }
        let mut profile = None;
        let mut spans: Vec<Span> = Vec::new();
        while !reader.is_empty() {
            if spans.len() == MAXIMUM_FIELDS {
                return Err(SignetError::TooManyFields);
            }
            let span = read_field(&mut reader, kind, &mut profile)?;
            if let Some(previous) = spans.last() {
                check_order(kind, previous.id, span.id)?;
            }
            spans.push(span);
        }
        Ok(Signet {
            kind,
            profile: profile.unwrap_or_default(),
            bytes: bytes.to_vec(),
            spans,
        })
    }

    /// Organization, user or request.
    pub fn kind(&self) -> SignetKind {
        self.kind
    }

    /// How the encryption key's length is written.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The binary form, header included.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The binary form, borrowed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The form that goes over DMTP and DMAP: padded base64 of the binary form, one line.
    pub fn to_base64(&self) -> String {
        encoding::encode_padded(&self.bytes)
    }

    /// Reads the wire form.
    pub fn from_base64(text: &str) -> Result<Signet, SignetError> {
        let bytes = encoding::decode_strict(text).map_err(|_| SignetError::Encoding)?;
        Self::parse(&bytes)
    }

    /// The armoured form for files.
    pub fn to_armor(&self) -> String {
        armor::encode(self.kind.armor_tag(), &self.bytes)
    }

    /// Reads the armoured form. The magic number decides the kind, not the tag.
    pub fn from_armor(text: &str) -> Result<Signet, SignetError> {
        const TAGS: [&str; 3] = [
            "USER SIGNET",
            "ORGANIZATIONAL SIGNET",
            "SIGNET SIGNING REQUEST",
        ];
        let (tag, bytes) = armor::decode(text).map_err(|_| SignetError::Armor)?;
        if !TAGS.contains(&tag.as_str()) {
            return Err(SignetError::Armor);
        }
        Self::parse(&bytes)
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.spans.iter().map(|span| Field {
            id: span.id,
            label: span.label,
            name: span.name.clone().map(|name| self.slice(name)),
            data: self.slice(span.data.clone()),
        })
    }

    /// The data of the first field with this id.
    pub fn field(&self, id: u8) -> Option<&[u8]> {
        self.spans
            .iter()
            .find(|span| span.id == id)
            .map(|span| self.slice(span.data.clone()))
    }

    /// The data of every field with this id, in order; phone numbers (21) and endorsements (202) may
    /// be there more than once.
    pub fn values(&self, id: u8) -> impl Iterator<Item = &[u8]> {
        self.fields()
            .filter(move |field| field.id == id)
            .map(|field| field.data)
    }

    /// The data of the first named extension field (251) with this name; names compare exactly.
    pub fn named_field(&self, name: &[u8]) -> Option<&[u8]> {
        self.named_fields(name).next()
    }

    /// The data of every named extension field (251) with this name, in order.
    pub fn named_fields(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.fields()
            .filter(move |field| field.name == Some(name))
            .map(|field| field.data)
    }

    /// The key in field 1: POK of an organization, signing key of a user.
    pub fn signing_key(&self) -> Result<VerifyingKey, SignetError> {
        let data = self
            .field(SIGNING_KEY)
            .ok_or(SignetError::Missing(SIGNING_KEY))?;
        VerifyingKey::from_signet_format(data).ok_or(SignetError::Key(SIGNING_KEY))
    }

    /// The secp256k1 encryption key.
    pub fn encryption_key(&self) -> Result<EncryptionPublicKey, SignetError> {
        let id = self.kind.encryption_field();
        let data = self.field(id).ok_or(SignetError::Missing(id))?;
        EncryptionPublicKey::from_bytes(data).map_err(|_| SignetError::Key(id))
    }

    /// The X25519 keys in field 3 of a user signet or SSR, in order. Alternate keys of other
    /// sizes belong to ciphers we do not know and are left out.
    pub fn alternate_keys(&self) -> Vec<AlternatePublicKey> {
        if self.kind == SignetKind::Organization {
            return Vec::new();
        }
        let keys = self.fields().filter(|field| field.id == ALTERNATE_KEY);
        keys.filter_map(|field| field.data.try_into().ok().map(AlternatePublicKey))
            .collect()
    }

    /// The identifier (field 254): a domain or an address.
    pub fn identifier(&self) -> Option<&str> {
        std::str::from_utf8(self.field(IDENTIFIER)?).ok()
    }

    /// What the fields alone amount to, without any cryptography (spec/10 §7.2). A signet with a
    /// signature but without a required field below it is incomplete.
    pub fn structure(&self) -> State {
        let reached = match self.kind {
            SignetKind::Request => self
                .field(SELF_SIGNATURE)
                .map(|_| (SELF_SIGNATURE, State::Request)),
            kind => [
                (Some(IDENTIFIED_SIGNATURE), State::Identified),
                (Some(FULL_SIGNATURE), State::Full),
                (kind.cryptographic_signature(), State::Cryptographic),
            ]
            .into_iter()
            .find_map(|(id, state)| {
                id.filter(|id| self.field(*id).is_some())
                    .map(|id| (id, state))
            }),
        };
        match reached {
            Some((id, state)) if self.first_missing_below(self.kind, id).is_none() => state,
            _ => State::Incomplete,
        }
    }

    /// The first field below `id` that a signet of kind `kind` must have and this one has not.
    fn first_missing_below(&self, kind: SignetKind, id: u8) -> Option<u8> {
        (0..id)
            .filter(|below| kind.rule(*below).is_some_and(|rule| rule.required))
            .find(|below| self.field(*below).is_none())
    }

    /// The fingerprint of this kind, over what there is of the fields it reaches to (spec/10 §6):
    /// a cryptographic signet's full fingerprint equals its cryptographic one. Nothing for a kind
    /// that the signet cannot have and for a signet without fields.
    pub fn fingerprint(&self, kind: FingerprintKind) -> Option<Fingerprint> {
        let last = kind.last_field(self.kind)?;
        let covered = self.through(last);
        (!self.spans.is_empty()).then(|| Fingerprint::from_digest(&Sha512::digest(covered).into()))
    }

    /// Whether `fingerprint` is one of this signet's, of whatever kind.
    pub fn has_fingerprint(&self, fingerprint: &Fingerprint) -> bool {
        FingerprintKind::ALL
            .into_iter()
            .any(|kind| self.fingerprint(kind).as_ref() == Some(fingerprint))
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The serialized fields, without the header.
    fn all_fields(&self) -> &[u8] {
        self.slice(HEADER_SIZE..self.bytes.len())
    }

    /// The serialized fields in front of the first one with an id of `signature` or higher: what
    /// that signature covers.
    fn below(&self, signature: u8) -> &[u8] {
        let first = self.spans.iter().find(|span| span.id >= signature);
        self.slice(HEADER_SIZE..first.map_or(self.bytes.len(), |span| span.whole.start))
    }

    /// The serialized fields with ids up to `last`.
    fn through(&self, last: u8) -> &[u8] {
        let beyond = self.spans.iter().find(|span| span.id > last);
        self.slice(HEADER_SIZE..beyond.map_or(self.bytes.len(), |span| span.whole.start))
    }

    fn signature(&self, id: u8) -> Option<Signature> {
        self.field(id)?.try_into().ok().map(Signature)
    }
}

impl fmt::Debug for Signet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Signet");
        out.field("kind", &self.kind)
            .field("identifier", &self.identifier())
            .field("structure", &self.structure());
        out.finish_non_exhaustive()
    }
}

fn with_header(kind: SignetKind, fields: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_SIZE + fields.len());
    bytes.extend_from_slice(&kind.magic().to_be_bytes());
    bytes.extend_from_slice(&big_endian::<3>(fields.len()));
    bytes.extend_from_slice(fields);
    bytes
}

fn check_order(kind: SignetKind, previous: u8, id: u8) -> Result<(), SignetError> {
    let unique = kind.rule(id).is_some_and(|rule| rule.unique);
    match id.cmp(&previous) {
        std::cmp::Ordering::Less => Err(SignetError::Order(id)),
        std::cmp::Ordering::Equal if unique => Err(SignetError::Repeated(id)),
        _ => Ok(()),
    }
}

fn read_field(
    reader: &mut Reader<'_>,
    kind: SignetKind,
    profile: &mut Option<Profile>,
) -> Result<Span, SignetError> {
    let start = reader.offset();
    let [id] = reader.array().ok_or(SignetError::Length)?;
    let rule = kind.rule(id).ok_or(SignetError::UnknownField(id))?;
    let mut name = None;
    let size = match rule.form {
        Form::Signature => Some(SIGNATURE_SIZE),
        Form::Length(width) => reader.number(width),
        Form::Key => reader.number(key_length_width(reader, kind, id, profile)),
        Form::Named => {
            let size = reader.number(1).ok_or(SignetError::Truncated(id))?;
            name = Some(reader.offset()..reader.offset() + size);
            reader.take(size).and_then(|_| reader.number(2))
        }
    };
    let data = reader.offset();
    let size = size
        .filter(|size| reader.take(*size).is_some())
        .ok_or(SignetError::Truncated(id))?;
    Ok(Span {
        id,
        label: rule.label,
        whole: start..data + size,
        name,
        data: data..data + size,
    })
}

/// The width of an encryption key's length. Keys are shorter than 256 bytes, so a 2-byte length
/// begins with zero and a 1-byte one does not. In an SSR libdime writes field 3 with one byte
/// whatever the profile, so there the field speaks for itself (spec/90 item 16).
fn key_length_width(
    reader: &Reader<'_>,
    kind: SignetKind,
    id: u8,
    profile: &mut Option<Profile>,
) -> usize {
    let guess = if reader.rest().first() == Some(&0) {
        Profile::Libdime
    } else {
        Profile::Magma
    };
    let decided = *profile.get_or_insert(guess);
    let speaks_for_itself = kind == SignetKind::Request && id == ALTERNATE_KEY;
    if speaks_for_itself { guess } else { decided }.key_length_width()
}

#[cfg(test)]
mod tests;
