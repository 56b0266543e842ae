//! Management records: libdime's generator and parser against ours.

use std::str::FromStr;

use dime_wire::encoding::encode_padded;
use dime_wire::keys::SigningKey;
use dime_wire::record::{DeliveryHost, ManagementRecord, RecordError, VERSION, sign_certificate};
use serde_json::{Value, json};

use super::judge::{broke_memory, each};
use super::primitives::lenient_base64;
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Judges `mrec.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    if let Some(list) = file.optional("genrec") {
        each(list.items()?, judge, generated)?;
    }
    if let Some(list) = file.optional("parse") {
        each(list.items()?, judge, |case, found| {
            let text = case.at("txt").text()?;
            read(text, &case.at("libdime"), found)?;
            Ok(facts(text))
        })?;
    }
    Ok(())
}

/// What libdime's generator made. Where it made nothing, that is all there is to say.
fn generated(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let text = case.optional("joined_record");
    let text = text
        .map(|text| text.text())
        .transpose()?
        .unwrap_or_default();
    let succeeded = case.at("exit_code").value() == 0;
    found.equal("exit code", !text.is_empty(), succeeded);
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let output = case.at("output").text()?;
    // A record has neither quotation marks nor escapes.
    let strings = output.split('"').enumerate();
    let quoted = strings.filter(|(position, _)| position % 2 == 1);
    let joined = if output.starts_with('"') {
        quoted.map(|(_, string)| string).collect()
    } else {
        output.to_owned()
    };
    found.equal("joined output", joined, text);
    let parse = case.optional("parse");
    let read = parse.map(|parse| read(text, &parse, found)).transpose()?;
    if let Some(record) = read.flatten() {
        let own = |written: Result<String, RecordError>| {
            written.unwrap_or_else(|error| error.to_string())
        };
        found.equal("written", own(record.to_text()), text);
        found.equal("output", own(record.to_zone_text()), output);
        certificate(case, &record, found)?;
    }
    Ok(facts(text))
}

/// Compares our reading of a record with libdime's.
fn read(
    text: &str,
    libdime: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<Option<ManagementRecord>, FolderError> {
    let verdict = |ok: bool| if ok { "accept" } else { "reject" };
    let ours = ManagementRecord::parse(text);
    let accepted = !broke_memory(libdime) && libdime.at("ok").boolean()?;
    if broke_memory(libdime) {
        found.broke_memory("verdict", ours.is_err());
    } else {
        found.equal("verdict", verdict(ours.is_ok()), verdict(accepted));
    }
    if let Err(error) = &ours {
        found.because(error);
    }
    let Ok(record) = ours else { return Ok(None) };
    if accepted {
        for (aspect, own) in describe(&record) {
            found.equal(aspect, own, libdime.at(aspect).value().clone());
        }
    }
    Ok(Some(record).filter(|_| accepted))
}

/// The certificate that the record was made for is signed in it, and no other one.
fn certificate(
    case: &Entry<'_>,
    record: &ManagementRecord,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let Some(der) = case.optional("certificate_der_b64") else {
        return Ok(());
    };
    let (der, poks) = (der.base64()?, case.at("pok_private_hex").items()?);
    let pok = poks.first().ok_or_else(|| case.is_not("made with a key"))?;
    let signature = sign_certificate(&SigningKey::from_seed(pok.array()?), &der);
    found.equal("certificate", record.certificate_matches(&der), true);
    let other = der.get(1..).unwrap_or_default();
    found.equal(
        "another certificate",
        record.certificate_matches(other),
        false,
    );
    let tls: Vec<String> = record.tls.iter().map(|tls| hex::encode(tls.0)).collect();
    found.equal(
        "certificate signature",
        hex::encode(signature.0),
        tls.join(" "),
    );
    Ok(())
}

/// A record under libdime's names.
fn describe(record: &ManagementRecord) -> [(&'static str, Value); 8] {
    let host = |dx: &DeliveryHost| match dx.port {
        Some(port) => format!("{}:{port}", dx.host),
        None => dx.host.clone(),
    };
    let syndicates = &record.syndicates;
    let hosts: Vec<String> = record.deliver.iter().map(host).collect();
    let poks: Vec<String> = record.poks.iter().map(|key| hex::encode(key.0)).collect();
    let tls: Vec<String> = record.tls.iter().map(|tls| hex::encode(tls.0)).collect();
    [
        ("version", json!(VERSION)),
        ("policy", json!(record.policy.name())),
        ("subdomain", json!(record.subdomain.name())),
        ("expiry", json!(record.expiry_days)),
        ("dx", json!(hosts)),
        (
            "syndicates",
            json!((!syndicates.is_empty()).then_some(syndicates)),
        ),
        ("pok_hex", json!(poks)),
        ("tls_hex", json!(tls)),
    ]
}

/// Names of items, short and long.
const NAMES: [&str; 15] = [
    "ver",
    "version",
    "pok",
    "primary",
    "tls",
    "pol",
    "policy",
    "syn",
    "syndicates",
    "dx",
    "deliver",
    "exp",
    "expiry",
    "sub",
    "subdomain",
];

/// What the items with known names hold, as far as rulings are about it.
fn facts(text: &str) -> Value {
    let items: Vec<(String, Option<&str>)> = text
        .split([' ', ';'])
        .map(|item| match item.split_once('=') {
            Some((name, value)) => (name.to_ascii_lowercase(), Some(value)),
            None => (item.to_ascii_lowercase(), None),
        })
        .filter(|(name, _)| NAMES.contains(&name.as_str()))
        .collect();
    let values = |short: &str, long: &str| -> Vec<&str> {
        let named = items
            .iter()
            .filter(|(name, _)| name == short || name == long);
        named.filter_map(|(_, value)| *value).collect()
    };
    let single = [
        ("ver", "version"),
        ("pol", "policy"),
        ("sub", "subdomain"),
        ("exp", "expiry"),
    ];
    let more = |value: &str| value.contains('=');
    let keys = [values("pok", "primary"), values("tls", "tls")].concat();
    let hosts = values("dx", "deliver");
    json!({
        "text": text,
        "names": items.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "glued": items.iter().any(|(_, value)| value.is_some_and(more)),
        "emptied": items.iter().any(|(_, value)| *value == Some("")),
        "bare": items.iter().any(|(_, value)| value.is_none()),
        "single_item_repeats": single.iter().any(|(short, long)| values(short, long).len() > 1),
        "printable": text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "keys_are_canonical": keys.iter().all(|key| is_canonical(key)),
        "within_limits": is_within_limits(text, &[
            values("pok", "primary"),
            values("tls", "tls"),
            values("syn", "syndicates"),
            hosts.clone(),
        ]),
        "port": hosts.iter().any(|host| host.contains(':')),
        "upper_case_host": hosts.iter().any(|host| host.contains(|c: char| c.is_ascii_uppercase())),
        "hosts_are_names": hosts.iter().all(|host| is_host(host)),
        "days_are_a_number": values("exp", "expiry").iter().all(|days| is_number::<u32>(days)),
        "version_is_1": values("ver", "version").last().is_none_or(|last| *last == "1"),
    })
}

/// Whether base64 without padding is spelled as it is written.
fn is_canonical(value: &str) -> bool {
    let padded = encode_padded(&lenient_base64(value));
    padded.trim_end_matches('=') == value
}

/// At most 65,535 bytes, 256 items, and 16 values of one item.
fn is_within_limits(text: &str, values: &[Vec<&str>]) -> bool {
    let items = text.split([' ', ';']).filter(|item| !item.is_empty());
    text.len() <= 65_535 && items.count() <= 256 && values.iter().all(|values| values.len() <= 16)
}

/// Whether the text is digits, and not too many for the type.
fn is_number<T: FromStr>(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<T>().is_ok()
}

/// Whether the text is a host name with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "26"));
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let edges = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(fits) && !edges
    };
    let is_port = is_number::<u16>(port) && port.contains(|digit| digit != '0');
    host.len() <= 253 && host.split('.').all(is_label) && is_port
}
