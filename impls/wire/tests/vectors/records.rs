//! Recorded management records: libdime's generator and parser against ours.

use std::collections::BTreeMap;

use dime_wire::keys::SigningKey;
use dime_wire::record::{DeliveryHost, ManagementRecord, sign_certificate};
use serde_json::{Value, json};

use crate::corpus::{array, load, text, unbase64};
use crate::rulings::{Rulings, differences};

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
    match (&ours, libdime["ok"].as_bool()) {
        (Some(ours), Some(true)) => {
            found = differences(&describe(ours), libdime);
            if written && ours.to_text() != record {
                found.insert("written".to_owned(), ours.to_text());
            }
        }
        (None, Some(false)) => {}
        _ => {
            found.insert(
                "verdict".to_owned(),
                format!("{:?}", ManagementRecord::parse(record)),
            );
        }
    }
    let glued = record
        .split([' ', ';'])
        .any(|item| item.trim_end_matches('=').matches('=').count() > 1);
    let case = json!({ "text": record, "glued": glued.to_string(), "libdime": libdime });
    rulings.judge(&case, id, &found);
    ours
}

/// A record under libdime's names.
fn describe(record: &ManagementRecord) -> Value {
    let host = |dx: &DeliveryHost| match dx.port {
        Some(port) => format!("{}:{port}", dx.host),
        None => dx.host.clone(),
    };
    let syndicates = &record.syndicates;
    json!({
        "version": record.version,
        "policy": record.policy.name(),
        "subdomain": record.subdomain.name(),
        "expiry": record.expiry_days,
        "dx": record.deliver.iter().map(host).collect::<Vec<_>>(),
        "syndicates": (!syndicates.is_empty()).then_some(syndicates),
        "pok_hex": record.poks.iter().map(|key| hex::encode(key.0)).collect::<Vec<_>>(),
        "tls_hex": record.tls.iter().map(|signature| hex::encode(signature.0)).collect::<Vec<_>>(),
    })
}
