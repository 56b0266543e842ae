//! What can be told without a network: records among texts, certificates, remedies.

use dime_wire::keys::SigningKey;
use dime_wire::record::{ManagementRecord, sign_certificate};

use super::honest::only_record;
use super::*;
use crate::platform::UnixTime;

fn record(key: u8) -> ManagementRecord {
    ManagementRecord {
        poks: vec![SigningKey::from_seed([key; 32]).public()],
        ..ManagementRecord::default()
    }
}

fn text(key: u8) -> String {
    record(key).to_text().expect("a good record")
}

#[test]
fn one_record_among_foreign_texts_is_found() {
    let texts = ["v=spf1 -all".to_owned(), text(1)];
    assert_eq!(only_record("a.example", &texts), Ok(record(1)));
}

#[test]
fn two_records_or_none_are_refused() {
    let texts = [text(1), text(2)];
    let several = only_record("a.example", &texts);
    assert!(matches!(several, Err(ResolveError::SeveralRecords { .. })));
    let none = only_record("a.example", &[]);
    assert!(matches!(none, Err(ResolveError::NoRecord { .. })));
    let foreign = only_record("a.example", &["v=spf1 -all".to_owned()]);
    assert!(matches!(foreign, Err(ResolveError::Record { .. })));
}

#[test]
fn a_listed_certificate_needs_nothing_else_if_dns_is_secure() {
    let pok = SigningKey::from_seed([1; 32]);
    let chain = vec![b"any bytes".to_vec()];
    let mut record = record(1);
    record.tls = vec![sign_certificate(&pok, &chain[0])];
    let check = |record: &ManagementRecord, security| {
        check_certificate(
            "a.example",
            record,
            security,
            "mx",
            &chain,
            &[],
            UnixTime(0),
        )
    };
    assert_eq!(check(&record, Security::Secure), Ok(()));
    assert!(matches!(
        check(&record, Security::Insecure),
        Err(ResolveError::Certificate { .. })
    ));
    record.tls = vec![sign_certificate(&pok, b"other bytes")];
    assert!(matches!(
        check(&record, Security::Secure),
        Err(ResolveError::CertificateNotListed { .. })
    ));
}

#[test]
fn the_honest_rule_refuses_bogus_answers_only() {
    assert!(RefuseBogus.accept(Security::Secure));
    assert!(RefuseBogus.accept(Security::Insecure));
    assert!(!RefuseBogus.accept(Security::Bogus));
}

#[test]
fn an_error_names_the_guilty_party() {
    let error = ResolveError::Dnssec {
        name: "beta.example".into(),
    };
    assert_eq!(
        error.to_string(),
        "dns of beta.example is bogus: its signatures do not hold"
    );
    assert_eq!(error.remedy(), Remedy::Wrong);
}
