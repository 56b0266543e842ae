//! Management records: libdime's generator and parser against ours.

use dime_wire::keys::SigningKey;
use dime_wire::record::{DeliveryHost, ManagementRecord, VERSION, sign_certificate};
use serde_json::{Value, json};

use super::judge::each;
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Judges `mrec.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    if let Some(list) = file.optional("genrec") {
        each(&list, |case| {
            let text = case.at("joined_record").text()?;
            let mut found = Comparisons::new();
            let record = read(text, &case.at("parse"), &mut found)?;
            if let Some(record) = record {
                let written = record.to_text().map_err(|error| error.to_string());
                found.equal("written", written.unwrap_or_else(|error| error), text);
                certificate(case, &record, &mut found)?;
            }
            judge.case(case, &facts(text), &found);
            Ok(())
        })?;
    }
    if let Some(list) = file.optional("parse") {
        each(&list, |case| {
            let text = case.at("txt").text()?;
            let mut found = Comparisons::new();
            read(text, &case.at("libdime"), &mut found)?;
            judge.case(case, &facts(text), &found);
            Ok(())
        })?;
    }
    Ok(())
}

/// Compares our reading of a record with libdime's.
fn read(
    text: &str,
    libdime: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<Option<ManagementRecord>, FolderError> {
    let verdict = |ok: bool| if ok { "accept" } else { "reject" };
    let ours = ManagementRecord::parse(text);
    let accepted = libdime.at("ok").boolean()?;
    found.equal("verdict", verdict(ours.is_ok()), verdict(accepted));
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
    let more = |value: &str| value.trim_end_matches('=').contains('=');
    let hosts = values("dx", "deliver");
    json!({
        "text": text,
        "names": items.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "glued": items.iter().any(|(_, value)| value.is_some_and(more)),
        "emptied": items.iter().any(|(_, value)| *value == Some("")),
        "bare": items.iter().any(|(_, value)| value.is_none()),
        "single_item_repeats": single.iter().any(|(short, long)| values(short, long).len() > 1),
        "printable": text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "port": hosts.iter().any(|host| host.contains(':')),
        "hosts_are_names": hosts.iter().all(|host| is_host(host)),
        "days_are_a_number": values("exp", "expiry").iter().all(|days| is_number(days)),
        "version_is_1": values("ver", "version").last().is_none_or(|last| *last == "1"),
    })
}

fn is_number(text: &str) -> bool {
    (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the text is a host name with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "26"));
    let is_label = |label: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let edges = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.bytes().all(fits) && !edges
    };
    host.split('.').all(is_label) && port.parse::<u16>().is_ok_and(|port| port > 0)
}
