//! The certification authority of a world and the certificates it gives.
//!
//! A pure function of kind, host, key and date: the RSA keys are checked in (`harness/keys`), RSA
//! PKCS#1 v1.5 signatures are deterministic, serial numbers are digests and dates are relative to
//! the world's now. Keys are never generated, so that building a world is quick.

use std::time::Duration;

use dime::platform::UnixTime;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use sha2::{Digest, Sha256};

use super::ServerCertificate;

/// What is right or wrong with a server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// Issued by the world's authority, for the host, valid now.
    Authority,
    /// Issued by itself.
    SelfSigned,
    /// Issued by the authority, but its time has passed.
    Expired,
    /// Issued by the authority, but for [`WRONG_NAME`].
    WrongName,
}

/// Why a certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The host's name cannot stand in a certificate, or the key cannot sign.
    #[error("failed to issue a certificate for {host}: {reason}")]
    Issue {
        /// For which host.
        host: String,
        /// What went wrong.
        reason: String,
    },
}

/// How many keys there are for servers; more servers share them by position.
pub const SERVER_KEYS: usize = SERVER_PEMS.len();
/// The host that certificates of [`CertificateKind::WrongName`] are for.
pub const WRONG_NAME: &str = "mx.elsewhere.example";
/// Name of the authority in the certificates it issues.
pub const AUTHORITY_NAME: &str = "dimespec test authority";

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long before the world's now a certificate was issued.
const AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a certificate is valid.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// Later dates count as this one, in seconds since 1970: certificates end with the year 9999.
const LAST_DATE: u64 = 250_000_000_000;

const AUTHORITY_PEM: &str = include_str!("../../keys/rsa-0.pem");
const SERVER_PEMS: [&str; 5] = [
    include_str!("../../keys/rsa-1.pem"),
    include_str!("../../keys/rsa-2.pem"),
    include_str!("../../keys/rsa-3.pem"),
    include_str!("../../keys/rsa-4.pem"),
    include_str!("../../keys/rsa-5.pem"),
];

/// The certificate for the server `host`, with the key at position `key_index`.
///
/// # Errors
/// [`PkiError::Issue`] if `host` cannot stand in a certificate.
pub fn issue(
    kind: CertificateKind,
    host: &str,
    key_index: usize,
    now: UnixTime,
) -> Result<ServerCertificate, PkiError> {
    let failed = |error: rcgen::Error| PkiError::Issue {
        host: host.to_owned(),
        reason: error.to_string(),
    };
    let key = key_pair(SERVER_PEMS[key_index % SERVER_KEYS]).map_err(failed)?;
    let subject = match kind {
        CertificateKind::WrongName => WRONG_NAME,
        _ => host,
    };
    let mut params = CertificateParams::new(vec![subject.to_owned()]).map_err(failed)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, subject.to_owned());
    params.serial_number = Some(serial(kind, host));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    set_dates(&mut params, kind, now);
    let certificate = match kind {
        CertificateKind::SelfSigned => params.self_signed(&key),
        _ => {
            let authority = key_pair(AUTHORITY_PEM).map_err(failed)?;
            let issuer = Issuer::new(authority_params(now), authority);
            params.signed_by(&key, &issuer)
        }
    };
    Ok(ServerCertificate {
        certificate: certificate.map_err(failed)?.der().to_vec(),
        key: key.serialize_der(),
    })
}

/// The authority's own certificate in DER, valid at `now`.
pub fn authority(now: UnixTime) -> Vec<u8> {
    let key = key_pair(AUTHORITY_PEM).expect("the checked-in key is an RSA key");
    let certificate = authority_params(now)
        .self_signed(&key)
        .expect("name and dates of the authority are constant");
    certificate.der().to_vec()
}

fn authority_params(now: UnixTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, AUTHORITY_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(1u64.into());
    set_dates(&mut params, CertificateKind::Authority, now);
    params
}

fn set_dates(params: &mut CertificateParams, kind: CertificateKind, now: UnixTime) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_secs(now.0.min(LAST_DATE));
    params.not_before = epoch + now.saturating_sub(AGE);
    params.not_after = match kind {
        CertificateKind::Expired => epoch + now.saturating_sub(DAY),
        _ => epoch + now + LIFETIME - AGE,
    };
}

/// 16 bytes of a digest, positive: different certificates have different numbers everywhere.
fn serial(kind: CertificateKind, host: &str) -> rcgen::SerialNumber {
    let digest = Sha256::digest(format!("{kind:?} {host}"));
    let mut number: Vec<u8> = digest.iter().copied().take(16).collect();
    if let Some(first) = number.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    number.into()
}

fn key_pair(pem: &str) -> Result<KeyPair, rcgen::Error> {
    KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256)
}

#[cfg(test)]
mod tests {
    use dime::tls::{CertificateError, verify_certificate};

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    fn verify(kind: CertificateKind, host: &str, now: UnixTime) -> Result<(), CertificateError> {
        let server = issue(kind, "mx.alpha.example", 0, NOW).expect("host name is plain");
        verify_certificate(&[server.certificate], &[authority(NOW)], host, now)
    }

    #[test]
    fn the_same_arguments_give_the_same_certificate() {
        let issue = || issue(CertificateKind::Authority, "mx.alpha.example", 7, NOW);
        let (one, two) = (issue().expect("plain"), issue().expect("plain"));
        assert_eq!(one.certificate, two.certificate);
        assert_eq!(one.key, two.key);
    }

    #[test]
    fn an_issued_certificate_is_trusted_for_its_host_and_no_other() {
        let host = "mx.alpha.example";
        assert_eq!(verify(CertificateKind::Authority, host, NOW), Ok(()));
        assert_eq!(
            verify(CertificateKind::Authority, "mx.beta.example", NOW),
            Err(CertificateError::WrongName("mx.beta.example".to_owned()))
        );
        assert_eq!(
            verify(CertificateKind::WrongName, host, NOW),
            Err(CertificateError::WrongName(host.to_owned()))
        );
    }

    #[test]
    fn a_certificate_is_judged_by_the_date_it_is_asked_for() {
        let host = "mx.alpha.example";
        let verify = |kind, seconds| verify(kind, host, UnixTime(seconds));
        assert_eq!(
            verify(CertificateKind::Expired, NOW.0),
            Err(CertificateError::Expired)
        );
        assert_eq!(verify(CertificateKind::Expired, NOW.0 - 2 * 86_400), Ok(()));
        let (valid, year) = (CertificateKind::Authority, 366 * 86_400);
        assert_eq!(verify(valid, NOW.0 + year), Err(CertificateError::Expired));
        assert_eq!(
            verify(valid, NOW.0 - year),
            Err(CertificateError::NotYetValid)
        );
    }

    #[test]
    fn a_self_signed_certificate_and_a_foreign_authority_are_refused() {
        let host = "mx.alpha.example";
        assert_eq!(
            verify(CertificateKind::SelfSigned, host, NOW),
            Err(CertificateError::SelfSigned)
        );
        let server = issue(CertificateKind::Authority, host, 0, NOW).expect("plain");
        assert_eq!(
            verify_certificate(&[server.certificate], &[], host, NOW),
            Err(CertificateError::UnknownAuthority)
        );
        assert_eq!(
            verify_certificate(&[], &[authority(NOW)], host, NOW),
            Err(CertificateError::Missing)
        );
        assert_eq!(
            verify_certificate(&[vec![0x30, 0]], &[authority(NOW)], host, NOW),
            Err(CertificateError::Malformed)
        );
    }
}
