//! The texts inside messages: envelopes and common headers.

use dime_wire::encoding::encode_padded;
use dime_wire::message::{CommonHeaders, DestinationEnvelope, OriginEnvelope};
use serde_json::{Map, Value, json};

use super::judge::{Checker, broke_memory, check_lists};
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Members of an envelope in the file.
const ENVELOPE: [&str; 4] = ["user", "user_fp", "org", "org_fp"];
/// Headers by their names in the file and in the text, the required ones marked.
const HEADERS: [(&str, &str, bool); 6] = [
    ("date", "Date: ", true),
    ("to", "To: ", true),
    ("cc", "CC: ", false),
    ("from", "From: ", true),
    ("organization", "Organization: ", false),
    ("subject", "Subject: ", true),
];

const LISTS: [(&str, Checker); 3] = [
    ("envelope_parse", read_envelope),
    ("common_headers_parse", read_headers),
    ("common_headers_format", write_headers),
];

/// Judges `parsers.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    check_lists(&LISTS, file, judge)
}

fn read_envelope(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let text = case.at("data_b64").base64()?;
    let kind = case.at("chunk_type").number()?;
    let ours: Result<[String; 4], String> = match kind {
        4 => OriginEnvelope::parse(&text)
            .map(|read| {
                let prints = (read.author_fingerprint, read.destination_fingerprint);
                let (user, organization) = (prints.0.to_string(), prints.1.to_string());
                [read.author, user, read.destination, organization]
            })
            .map_err(|error| error.to_string()),
        5 => DestinationEnvelope::parse(&text)
            .map(|read| {
                let prints = (read.recipient_fingerprint, read.origin_fingerprint);
                let (user, organization) = (prints.0.to_string(), prints.1.to_string());
                [read.recipient, user, read.origin, organization]
            })
            .map_err(|error| error.to_string()),
        kind => Err(format!("chunk {kind} has no envelope")),
    };
    let libdime = case.at("libdime");
    verdict("envelope", ours.as_ref().err(), &libdime, found)?;
    if let (Ok(values), true) = (ours, found.agreed()) {
        for (member, own) in ENVELOPE.into_iter().zip(values) {
            found.equal(member, own, libdime.at(member).text()?);
        }
    }
    Ok(envelope_facts(&text, kind == 4))
}

/// What is between the marks of the first four lines, looked at by itself. Behind those of chunk 4 the key of
/// a hardened message may stand.
fn envelope_facts(text: &[u8], may_be_hardened: bool) -> Value {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.splitn(5, "\r\n").collect();
    let value = |position: usize, open: char, close: char| {
        let line = lines.get(position).copied().unwrap_or_default();
        let (_, value) = line.split_once(open).unwrap_or_default();
        value.strip_suffix(close).unwrap_or(value).to_owned()
    };
    let (user, domain) = (value(0, '<', '>'), value(2, '<', '>'));
    let prints = [value(1, '[', ']'), value(3, '[', ']')];
    json!({
        "address": is_plain_address(&user),
        "domain": is_plain_domain(&domain),
        "fingerprints": prints.iter().all(|print| is_plain_fingerprint(print)),
        "trailing": lines.get(4).is_some_and(|rest| {
            !(rest.is_empty() || may_be_hardened && is_message_key(rest))
        }),
    })
}

/// The line of 43 characters of base64, the spare bits of the last one zero.
fn is_message_key(line: &str) -> bool {
    let key = line.strip_prefix("Message-Key: [");
    let key = key.and_then(|key| key.strip_suffix("]\r\n"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    key.is_some_and(|key| {
        let spare = key.ends_with(|c| "AEIMQUYcgkosw048".contains(c));
        key.len() == 43 && key.chars().all(allowed) && spare
    })
}

/// Labels of letters, digits and inner hyphens (spec/40 §4).
pub(super) fn is_plain_domain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && label.len() <= 63 && !ends && label.chars().all(inner)
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Atoms, an `@` and a domain, at most 254 characters.
pub(super) fn is_plain_address(text: &str) -> bool {
    let (local, domain) = text.split_once('@').unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let atom = |atom: &str| !atom.is_empty() && atom.chars().all(allowed);
    text.len() <= 254 && local.len() <= 64 && local.split('.').all(atom) && is_plain_domain(domain)
}

/// 86 characters of base64, the spare bits of the last one zero.
fn is_plain_fingerprint(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    text.len() == 86 && text.chars().all(allowed) && text.ends_with(['A', 'Q', 'g', 'w'])
}

fn read_headers(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let text = case.at("data_b64").base64()?;
    let ours = CommonHeaders::parse(&text);
    let libdime = case.at("libdime");
    let error = ours.as_ref().err().map(ToString::to_string);
    verdict("headers", error.as_ref(), &libdime, found)?;
    if let (Ok(read), true) = (ours, found.agreed()) {
        let recorded = libdime.at("headers");
        for (name, value) in values(&read) {
            let own = value.map(|value| encode_padded(value.as_bytes()));
            found.equal(name, own, recorded.at(name).value().clone());
        }
    }
    let lines = String::from_utf8_lossy(&text);
    let ended = lines.is_empty() || lines.ends_with("\r\n");
    let bare = lines.replace("\r\n", "").contains(['\r', '\n']);
    let starts = |label: &str| lines.split("\r\n").any(|line| line.starts_with(label));
    Ok(json!({
        "crlf": ended && !bare,
        "complete": HEADERS.iter().all(|(_, label, required)| !required || starts(label)),
        "utf8": std::str::from_utf8(&text).is_ok(),
    }))
}

fn write_headers(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let headers = case.at("headers");
    let text = |name: &str| headers.optional(name).map(|value| value.text()).transpose();
    let mut given = Map::new();
    for (name, _, _) in HEADERS {
        given.insert(name.to_owned(), json!(text(name)?));
    }
    let owned = |name: &str| Ok::<_, FolderError>(text(name)?.map(str::to_owned));
    let (date, to, from) = (owned("date")?, owned("to")?, owned("from")?);
    let (cc, organization, subject) = (owned("cc")?, owned("organization")?, owned("subject")?);
    let complete = date.is_some() && to.is_some() && from.is_some() && subject.is_some();
    let written = match (date, to, from, subject) {
        (Some(date), Some(to), Some(from), Some(subject)) => CommonHeaders {
            date,
            to,
            cc,
            from,
            organization,
            subject,
        }
        .encode()
        .map_err(|error| error.to_string()),
        // Our type cannot be made without them.
        _ => Err("a required header is missing".to_owned()),
    };
    let recorded = if broke_memory(case) {
        found.broke_memory("written headers", written.is_err());
        false
    } else {
        let recorded = case.at("ok").boolean()?;
        found.equal("written headers", written.is_ok(), recorded);
        recorded
    };
    if let Err(why) = &written {
        found.because(why);
    }
    if let (Ok(ours), true) = (&written, recorded) {
        found.bytes(
            "header text",
            ours.as_bytes(),
            &case.at("data_b64").base64()?,
        );
    }
    let breaks = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| text.contains(['\r', '\n']))
    };
    Ok(json!({ "line_break": given.values().any(breaks), "complete": complete }))
}

/// Compares whether a text was taken; where libdime broke memory, it must not be.
fn verdict(
    aspect: &str,
    error: Option<&String>,
    libdime: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    if broke_memory(libdime) {
        found.broke_memory(aspect, error.is_some());
    } else {
        let verdict = |ok: bool| if ok { "accept" } else { "reject" };
        let recorded = libdime.at("ok").boolean()?;
        found.equal(aspect, verdict(error.is_none()), verdict(recorded));
    }
    if let Some(error) = error {
        found.because(error);
    }
    Ok(())
}

/// The values by their names in the file.
fn values(headers: &CommonHeaders) -> [(&'static str, Option<&str>); 6] {
    [
        ("date", Some(headers.date.as_str())),
        ("to", Some(headers.to.as_str())),
        ("cc", headers.cc.as_deref()),
        ("from", Some(headers.from.as_str())),
        ("organization", headers.organization.as_deref()),
        ("subject", Some(headers.subject.as_str())),
    ]
}
