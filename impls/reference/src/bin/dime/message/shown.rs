//! What `dime message open` shows, as JSON and as text.

use dime::agent::client::Attachment;
use dime_wire::encoding::encode_padded;
use dime_wire::message::{Actor, CommonHeaders, Opened, Part, TreeSignature};
use serde::Serialize;

use super::ActorWord;
use crate::output::{one_line, visible};

/// What an actor reads, in JSON. What is not for the actor is null or empty.
#[derive(Serialize)]
pub(super) struct Shown {
    /// `author`, `origin`, `destination` or `recipient`.
    reader: &'static str,
    author: Option<String>,
    origin: Option<String>,
    destination: Option<String>,
    recipient: Option<String>,
    headers: Option<ShownHeaders>,
    /// All other headers, if they are text.
    other_headers: Option<String>,
    /// Padded base64 of the other headers, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    other_headers_base64: Option<String>,
    pub(super) body: Vec<ShownPart>,
    pub(super) attachments: Vec<ShownAttachment>,
    /// Whether the destination cannot find the author out by trying signets; null where the reader
    /// cannot tell.
    hardened: Option<bool>,
    signatures: ShownSignatures,
}

#[derive(Serialize)]
struct ShownHeaders {
    date: String,
    to: String,
    cc: Option<String>,
    from: String,
    organization: Option<String>,
    subject: String,
}

#[derive(Serialize)]
pub(super) struct ShownPart {
    /// The flags of its chunk, as on the wire.
    pub(super) flags: u8,
    pub(super) size: u64,
    /// Whether it still is under the alternate layer, which an author cannot take off.
    pub(super) still_sealed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// Padded base64 of what is not text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// Whether it is neither here nor written, because the message is not read into memory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) omitted: bool,
}

#[derive(Serialize)]
pub(super) struct ShownAttachment {
    /// Its name, if it has one.
    pub(super) name: Option<String>,
    pub(super) size: u64,
    /// Whether it still is under the alternate layer, which an author cannot take off.
    pub(super) still_sealed: bool,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// Padded base64, if it was not written to a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// Whether it is neither here nor written, because the message is not read into memory.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) omitted: bool,
}

/// Which optional signatures are there; all that are there hold.
#[derive(Serialize)]
struct ShownSignatures {
    /// Over what the author's tree signature was made: `intended` or `libdime`.
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<&'static str>,
    metadata_bounce: bool,
    display_bounce: bool,
}

pub(super) fn shown(actor: ActorWord, opened: &Opened) -> Shown {
    let envelope = &opened.envelope;
    let other = opened.other_headers.as_deref();
    let other_text = other.and_then(|bytes| std::str::from_utf8(bytes).ok());
    let parts = opened.display.iter().enumerate();
    let parts = parts.map(|(at, part)| shown_part(part, opened.still_sealed.contains(&at)));
    let sealed = &opened.attachments_still_sealed;
    let attachments = opened.attachments.iter().enumerate();
    let attachments = attachments.map(|(at, part)| shown_attachment(part, sealed.contains(&at)));
    Shown {
        reader: Actor::from(actor).name(),
        author: envelope.author.clone(),
        origin: envelope.origin.clone(),
        destination: envelope.destination.clone(),
        recipient: envelope.recipient.clone(),
        headers: opened.common.as_ref().map(shown_headers),
        other_headers: other_text.map(str::to_owned),
        other_headers_base64: match other_text {
            Some(_) => None,
            None => other.map(encode_padded),
        },
        body: parts.collect(),
        attachments: attachments.collect(),
        hardened: opened.tree.map(|_| opened.hardened),
        signatures: ShownSignatures {
            tree: opened.tree.map(|tree| match tree {
                TreeSignature::Libdime => "libdime",
                TreeSignature::Intended => "intended",
            }),
            metadata_bounce: opened.metadata_bounce,
            display_bounce: opened.display_bounce,
        },
    }
}

fn shown_headers(common: &CommonHeaders) -> ShownHeaders {
    ShownHeaders {
        date: common.date.clone(),
        to: common.to.clone(),
        cc: common.cc.clone(),
        from: common.from.clone(),
        organization: common.organization.clone(),
        subject: common.subject.clone(),
    }
}

fn shown_part(part: &Part, still_sealed: bool) -> ShownPart {
    let text = std::str::from_utf8(&part.data).ok();
    let text = text.filter(|_| !still_sealed);
    ShownPart {
        flags: part.flags.0,
        size: part.data.len() as u64,
        still_sealed,
        text: text.map(str::to_owned),
        base64: match text {
            Some(_) => None,
            None => Some(encode_padded(&part.data)),
        },
        omitted: false,
    }
}

fn shown_attachment(part: &Part, still_sealed: bool) -> ShownAttachment {
    let (name, contents) = named_contents(part);
    ShownAttachment {
        name,
        size: contents.len() as u64,
        still_sealed,
        file: None,
        base64: Some(encode_padded(&contents)),
        omitted: false,
    }
}

fn named_contents(part: &Part) -> (Option<String>, Vec<u8>) {
    match Attachment::parse(&part.data) {
        Ok(attachment) => (Some(attachment.name), attachment.contents),
        Err(_) => (None, part.data.clone()),
    }
}

pub(super) fn outline(shown: &Shown) -> String {
    let mut text = String::new();
    for (label, value) in [
        ("author", &shown.author),
        ("origin", &shown.origin),
        ("destination", &shown.destination),
        ("recipient", &shown.recipient),
    ] {
        let value = value.as_deref().unwrap_or("not for this actor");
        text += &format!("{label:<12} {value}\n");
    }
    if let Some(headers) = &shown.headers {
        for (label, value) in [
            ("date", Some(&headers.date)),
            ("to", Some(&headers.to)),
            ("cc", headers.cc.as_ref()),
            ("from", Some(&headers.from)),
            ("organization", headers.organization.as_ref()),
            ("subject", Some(&headers.subject)),
        ] {
            if let Some(value) = value {
                text += &format!("{label:<12} {}\n", one_line(value));
            }
        }
    }
    let other = shown.other_headers.as_deref().unwrap_or_default();
    for line in other.lines().filter(|line| !line.is_empty()) {
        text += &format!("header       {}\n", one_line(line));
    }
    if shown.other_headers_base64.is_some() {
        text += "header       (not text: see --json)\n";
    }
    for part in &shown.body {
        text += &format!("body         {} bytes\n", part.size);
        match (&part.text, &part.base64) {
            _ if part.still_sealed => text += "(under the alternate layer)\n",
            _ if part.omitted => text += "(not shown: see --body)\n",
            (Some(words), _) => text += &format!("{}\n", visible(words).trim_end_matches('\n')),
            (None, Some(_)) => text += "(not text: see --body)\n",
            (None, None) => {}
        }
    }
    for attachment in &shown.attachments {
        let name = match &attachment.name {
            Some(name) => name,
            None if attachment.still_sealed => "under the alternate layer",
            None => "without a name",
        };
        let size = attachment.size;
        text += &format!("attachment   {size} bytes {}", one_line(name));
        if let Some(file) = &attachment.file {
            text += &format!(" in {}", one_line(file));
        }
        text += "\n";
    }
    text
}
