//! Recorded management records: libdime's generator and parser against ours.

use std::collections::BTreeMap;

use dime_wire::keys::SigningKey;
use dime_wire::record::{ManagementRecord, sign_certificate};
use serde_json::{Value, json};

use crate::corpus::{array, load, text, unbase64};
use crate::rulings::Rulings;

#[test]
fn recorded_management_records_are_read_alike() {
    let file = load("mrec.json");
    let mut rulings = Rulings::of_topic("records");
    let entries = |key: &str| {
        file[key]
            .as_array()
            .expect("the file has such entries")
            .clone()
    };
    for case in entries("genrec") {
        let record = judge(
            &mut rulings,
            text(&case, "id"),
            text(&case, "joined_record"),
            &case["parse"],
            true,
        );
        if let (Some(record), Some(der)) = (record, case["certificate_der_b64"].as_str()) {
            let (der, pok) = (
                unbase64(der),
                case["pok_private_hex"][0].as_str().expect("hex"),
            );
            assert!(record.certificate_matches(&der) && !record.certificate_matches(&der[1..]));
            assert_eq!(
                record.tls,
                [sign_certificate(&SigningKey::from_seed(array(pok)), &der)]
            );
        }
    }
    for case in entries("parse") {
        judge(
            &mut rulings,
            text(&case, "id"),
            text(&case, "txt"),
            &case["libdime"],
            false,
        );
    }
    rulings.finish();
}

/// Compares our reading of `record` with libdime's and, for what libdime wrote, our writing.
fn judge(
    rulings: &mut Rulings,
    id: &str,
    record: &str,
    libdime: &Value,
    written: bool,
) -> Option<ManagementRecord> {
    let ours = ManagementRecord::parse(record).ok();
    let mut found = BTreeMap::new();
    let mut differ = |aspect: &str, own: String, their: String| {
        if own != their {
            found.insert(aspect.to_owned(), format!("{own} is not {their}"));
        }
    };
    differ(
        "verdict",
        ours.is_some().to_string(),
        libdime["ok"].to_string(),
    );
    if let (Some(ours), Some(true)) = (&ours, libdime["ok"].as_bool()) {
        let hosts = ours.deliver.iter().map(|dx| match dx.port {
            Some(port) => format!("{}:{port}", dx.host),
            None => dx.host.clone(),
        });
        let poks: Vec<_> = ours.poks.iter().map(|key| hex::encode(key.0)).collect();
        let tls: Vec<_> = ours
            .tls
            .iter()
            .map(|signature| hex::encode(signature.0))
            .collect();
        let syndicates = if ours.syndicates.is_empty() {
            Value::Null
        } else {
            json!(ours.syndicates)
        };
        differ(
            "version",
            ours.version.to_string(),
            libdime["version"].to_string(),
        );
        differ(
            "policy",
            ours.policy.name().to_owned(),
            text(libdime, "policy").to_owned(),
        );
        differ(
            "subdomain",
            ours.subdomain.name().to_owned(),
            text(libdime, "subdomain").to_owned(),
        );
        differ(
            "expiry",
            ours.expiry_days.to_string(),
            libdime["expiry"].to_string(),
        );
        differ(
            "hosts",
            json!(hosts.collect::<Vec<_>>()).to_string(),
            libdime["dx"].to_string(),
        );
        differ(
            "syndicates",
            syndicates.to_string(),
            libdime["syndicates"].to_string(),
        );
        differ(
            "keys",
            json!(poks).to_string(),
            libdime["pok_hex"].to_string(),
        );
        differ(
            "signatures",
            json!(tls).to_string(),
            libdime["tls_hex"].to_string(),
        );
        if written {
            differ("written", ours.to_text(), record.to_owned());
        }
    }
    let glued = record
        .split([' ', ';'])
        .any(|item| item.trim_end_matches('=').matches('=').count() > 1);
    let case = json!({ "text": record, "glued": glued.to_string(), "libdime": libdime });
    rulings.judge(&case, id, &found);
    ours
}
