//! Management records: libdime's generator and parser against ours.

use dime_wire::keys::SigningKey;
use dime_wire::record::{DeliveryHost, ManagementRecord, sign_certificate};
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
                found.equal("written", record.to_text(), text);
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
        ("version", json!(record.version)),
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

/// What the text holds, item by item, as far as rulings are about it.
fn facts(text: &str) -> Value {
    let items: Vec<&str> = text
        .split([' ', ';'])
        .filter(|item| !item.is_empty())
        .collect();
    let name_of = |item: &str| item.split('=').next().unwrap_or_default().to_owned();
    let has_more = |item: &str| item.trim_end_matches('=').matches('=').count() > 1;
    let version = items.iter().rev().find_map(|item| {
        let value = item
            .strip_prefix("ver=")
            .or(item.strip_prefix("version="))?;
        Some(value.to_owned())
    });
    json!({
        "text": text,
        "names": items.iter().map(|item| name_of(item)).collect::<Vec<_>>(),
        "glued": items.iter().any(|item| has_more(item)),
        "emptied": items.iter().any(|item| item.matches('=').count() == 1 && item.ends_with('=')),
        "printable": text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "port": items.iter().any(|item| item.starts_with("dx=") && item.contains(':')),
        "version": version,
        "version_1": "1",
    })
}
