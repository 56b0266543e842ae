//! `dime signet show`: what is in a signet, without judging it.

use dime_wire::Profile;
use dime_wire::encoding::encode_padded;
use dime_wire::signet::{Field, FingerprintKind, Signet, SignetKind};
use serde::Serialize;

use super::state_word;
use crate::output::{Printing, one_line};
use crate::{Failure, input};

/// Longest value that is printed in text, in bytes; JSON has all.
const LONGEST_VALUE: usize = 256;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: input::Subject,
    #[command(flatten)]
    printing: Printing,
}

/// A signet in JSON.
#[derive(Serialize)]
struct Shown {
    /// `organization`, `user` or `request`.
    kind: &'static str,
    /// `libdime` or `magma`: how the lengths of encryption keys are written.
    profile: &'static str,
    /// What the fields alone amount to: `incomplete`, `request`, `cryptographic`, `full` or
    /// `identified`. Nothing is verified.
    structure: &'static str,
    /// Domain or address.
    identifier: Option<String>,
    /// Size of the binary form in bytes.
    size: usize,
    /// Unpadded base64 of SHA-512, for every kind the signet can have.
    fingerprints: Vec<ShownFingerprint>,
    fields: Vec<ShownField>,
}

#[derive(Serialize)]
struct ShownFingerprint {
    /// `request`, `cryptographic`, `full` or `identified`.
    kind: &'static str,
    value: String,
}

#[derive(Serialize)]
struct ShownField {
    id: u8,
    label: &'static str,
    /// The name of a field that brings its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The value, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// The value in padded base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signet = input::signet(&arguments.subject.file)?;
    arguments.printing.show(&shown(&signet), outline)
}

fn shown(signet: &Signet) -> Shown {
    let fingerprints = FingerprintKind::ALL.into_iter().filter_map(|kind| {
        Some(ShownFingerprint {
            kind: fingerprint_word(kind),
            value: signet.fingerprint(kind)?.to_string(),
        })
    });
    Shown {
        kind: kind_word(signet.kind()),
        profile: match signet.profile() {
            Profile::Libdime => "libdime",
            Profile::Magma => "magma",
        },
        structure: state_word(signet.structure()),
        identifier: signet.identifier().map(str::to_owned),
        size: signet.as_bytes().len(),
        fingerprints: fingerprints.collect(),
        fields: signet.fields().map(shown_field).collect(),
    }
}

pub(super) fn kind_word(kind: SignetKind) -> &'static str {
    match kind {
        SignetKind::Organization => "organization",
        SignetKind::User => "user",
        SignetKind::Request => "request",
    }
}

fn fingerprint_word(kind: FingerprintKind) -> &'static str {
    match kind {
        FingerprintKind::Request => "request",
        FingerprintKind::Cryptographic => "cryptographic",
        FingerprintKind::Full => "full",
        FingerprintKind::Identified => "identified",
    }
}

fn shown_field(field: Field<'_>) -> ShownField {
    let text = std::str::from_utf8(field.data).ok();
    let text = text.filter(|text| !text.chars().any(char::is_control));
    ShownField {
        id: field.id,
        label: field.label,
        name: field
            .name
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        text: text.map(str::to_owned),
        base64: match text {
            Some(_) => None,
            None => Some(encode_padded(field.data)),
        },
    }
}

fn outline(shown: &Shown) -> String {
    let mut text = format!(
        "kind        {}\nprofile     {}\nstructure   {}\n",
        shown.kind, shown.profile, shown.structure
    );
    if let Some(identifier) = &shown.identifier {
        text += &format!("identifier  {}\n", one_line(identifier));
    }
    text += &format!("size        {} bytes\nfingerprints\n", shown.size);
    for fingerprint in &shown.fingerprints {
        text += &format!("  {:<14} {}\n", fingerprint.kind, fingerprint.value);
    }
    text += "fields\n";
    for field in &shown.fields {
        let label = match &field.name {
            Some(name) => format!("{} {:?}", field.label, one_line(name)),
            None => field.label.to_owned(),
        };
        let value = match (&field.text, &field.base64) {
            (Some(words), _) if words.len() <= LONGEST_VALUE => one_line(words),
            (Some(words), _) => format!("({} bytes)", words.len()),
            (None, Some(coded)) if coded.len() <= LONGEST_VALUE => coded.clone(),
            (None, coded) => {
                let size = coded.as_ref().map_or(0, |coded| coded.len() / 4 * 3);
                format!("(about {size} bytes)")
            }
        };
        text += &format!("  {:>3}  {label:<28} {value}\n", field.id);
    }
    text
}
