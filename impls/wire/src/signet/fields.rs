//! The field tables of the three signet kinds (spec/10 §3): which ids exist, whether they are
//! required or unique, and how their length is written.

use super::{SignetError, SignetKind};
use crate::Profile;
use crate::reader::big_endian;

/// Id of the signing key: POK of an organization, signing key of a user.
pub const SIGNING_KEY: u8 = 1;
/// Id of a secondary organizational key in an organization's signet.
pub const SECONDARY_KEY: u8 = 2;
/// Id of an alternate encryption key in a user signet or SSR.
pub const ALTERNATE_KEY: u8 = 3;
/// Id of the chain-of-custody signature in a user signet or SSR.
pub const CUSTODY: u8 = 4;
/// Id of the user's own signature in a user signet or SSR.
pub const SELF_SIGNATURE: u8 = 5;
/// First id of the informational fields.
pub const FIRST_INFORMATION: u8 = 16;
/// Id of a named extension field.
pub const NAMED: u8 = 251;
/// Last id of the informational fields.
pub const LAST_INFORMATION: u8 = 252;
/// Id of the full signature.
pub const FULL_SIGNATURE: u8 = 253;
/// Id of the identifier: a domain or an address.
pub const IDENTIFIER: u8 = 254;
/// Id of the identifiable signature.
pub const IDENTIFIED_SIGNATURE: u8 = 255;

/// Bytes of a signature field's data.
pub(super) const SIGNATURE_SIZE: usize = 64;

/// How a field's data is delimited on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// A big-endian length of so many bytes, then the data.
    Length(usize),
    /// An encryption key: a length of 2 bytes in profile Libdime, of 1 in Magma.
    Key,
    /// 64 bytes of signature without a length.
    Signature,
    /// A 1-byte name length, the name, a 2-byte data length, the data.
    Named,
}

/// One row of a field table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) label: &'static str,
    pub(super) required: bool,
    pub(super) unique: bool,
    pub(super) form: Form,
}

impl SignetKind {
    /// The row of `id`, or nothing for the reserved ids, which readers refuse.
    pub(super) fn rule(self, id: u8) -> Option<Rule> {
        match self {
            Self::Organization => organization_key(id)
                .or_else(|| common(id))
                .or_else(|| organization_text(id)),
            Self::User => user_key(id)
                .or_else(|| common(id))
                .or_else(|| user_text(id)),
            Self::Request => request_key(id),
        }
    }

    /// Id of the secp256k1 encryption key.
    pub(super) fn encryption_field(self) -> u8 {
        match self {
            Self::Organization => 3,
            Self::User | Self::Request => 2,
        }
    }

    /// Id of the cryptographic signature: 4 by the organization on itself, 6 on a user signet.
    pub(super) fn cryptographic_signature(self) -> Option<u8> {
        match self {
            Self::Organization => Some(4),
            Self::User => Some(6),
            Self::Request => None,
        }
    }
}

/// Appends one field in its wire form: id, length and data; a named extension field (251) also has
/// its name and that name's length. Signatures are not written here.
pub(super) fn write_field(
    out: &mut Vec<u8>,
    (kind, profile): (SignetKind, Profile),
    id: u8,
    name: Option<&[u8]>,
    data: &[u8],
) -> Result<(), SignetError> {
    let rule = kind.rule(id).ok_or(SignetError::UnknownField(id))?;
    let width = match (rule.form, name) {
        (Form::Length(width), None) => width,
        (Form::Key, None) => profile.key_length_width(),
        (Form::Named, Some(_)) => 2,
        _ => return Err(SignetError::Value(id)),
    };
    out.push(id);
    if let Some(name) = name {
        write_sized(out, id, 1, name)?;
    }
    write_sized(out, id, width, data)
}

/// Appends a length of `width` bytes, at most 3, and what it counts.
fn write_sized(out: &mut Vec<u8>, id: u8, width: usize, data: &[u8]) -> Result<(), SignetError> {
    if data.len() >> (8 * width) != 0 {
        return Err(SignetError::Value(id));
    }
    let digits = big_endian::<3>(data.len());
    out.extend_from_slice(digits.get(3 - width..).unwrap_or_default());
    out.extend_from_slice(data);
    Ok(())
}

impl Profile {
    /// Bytes of the length in front of an encryption key.
    pub(super) fn key_length_width(self) -> usize {
        match self {
            Self::Libdime => 2,
            Self::Magma => 1,
        }
    }
}

fn row(label: &'static str, required: bool, unique: bool, form: Form) -> Option<Rule> {
    Some(Rule {
        label,
        required,
        unique,
        form,
    })
}

fn signature(label: &'static str, required: bool) -> Option<Rule> {
    row(label, required, true, Form::Signature)
}

fn text(label: &'static str, width: usize) -> Option<Rule> {
    row(label, false, true, Form::Length(width))
}

fn organization_key(id: u8) -> Option<Rule> {
    match id {
        1 => row("Primary-Organizational-Key", true, true, Form::Length(1)),
        2 => row(
            "Secondary-Organizational-Key",
            false,
            false,
            Form::Length(1),
        ),
        3 => row("Encryption-Key", true, true, Form::Key),
        4 => signature("Organizational-Signature", true),
        _ => None,
    }
}

fn user_key(id: u8) -> Option<Rule> {
    match id {
        1 => row("Signing-Key", true, true, Form::Length(1)),
        2 => row("Encryption-Key", true, true, Form::Key),
        3 => row("Alternate-Encryption-Key", false, false, Form::Key),
        4 => signature("Custody", false),
        5 => signature("User-Signature", true),
        6 => signature("Organizational-Signature", true),
        _ => None,
    }
}

fn request_key(id: u8) -> Option<Rule> {
    match id {
        1 => row("User-Signing-Key", true, true, Form::Length(1)),
        2 => row("User-Encryption-Key", true, true, Form::Key),
        3 => row("Alternate-Encryption-Key", false, false, Form::Key),
        4 => signature("Chain-Of-Custody-Signature", false),
        5 => signature("User-Ssr-Signature", true),
        _ => None,
    }
}

fn common(id: u8) -> Option<Rule> {
    match id {
        16 => text("Name", 1),
        17 => text("Address", 1),
        18 => text("Province", 1),
        19 => text("Country", 1),
        20 => text("Postal-Code", 1),
        21 => row("Phone-Number", false, false, Form::Length(1)),
        22 => text("Language", 1),
        23 => text("Currency", 1),
        24 => text("Cryptocurrency", 1),
        25 => text("Motto", 1),
        26 => text("Extensions", 1),
        27 => text("Message-Size-Limit", 1),
        160 => text("Website", 2),
        NAMED => row("Undefined-Field", false, false, Form::Named),
        LAST_INFORMATION => text("Photo", 3),
        FULL_SIGNATURE | IDENTIFIED_SIGNATURE => signature("Organizational-Signature", true),
        IDENTIFIER => row("Signet-Identifier", true, true, Form::Length(1)),
        _ => None,
    }
}

fn organization_text(id: u8) -> Option<Rule> {
    match id {
        200 => text("Contact-Abuse", 2),
        201 => text("Contact-Admin", 2),
        202 => text("Contact-Support", 2),
        203 => text("Web-Access-Host", 2),
        204 => text("Web-Access-Location", 2),
        205 => text("Web-Access-Certificate", 2),
        206 => text("Mail-Access-Host", 2),
        207 => text("Mail-Access-Certificate", 2),
        208 => text("Onion-Access-Host", 2),
        209 => text("Onion-Access-Certificate", 2),
        210 => text("Onion-Delivery-Host", 2),
        211 => text("Onion-Delivery-Certificate", 2),
        _ => None,
    }
}

fn user_text(id: u8) -> Option<Rule> {
    match id {
        93 => text("Supported-Codecs", 1),
        94 => text("Title", 1),
        95 => text("Employer", 1),
        96 => text("Gender", 1),
        97 => text("Alma-Mater", 1),
        98 => text("Supervisor", 1),
        99 => text("Political-Party", 1),
        200 => text("Alternate-Address", 2),
        201 => text("Resume", 2),
        202 => row("Endorsements", false, false, Form::Length(2)),
        _ => None,
    }
}
