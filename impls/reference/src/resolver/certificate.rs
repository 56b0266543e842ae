//! Whether a delivery host's certificate is the organization's (spec/20 §6).

use dime_wire::record::ManagementRecord;

use super::ResolveError;
use crate::dns::Security;
use crate::platform::UnixTime;
use crate::tls::{CertificateError, verify_certificate};

/// Judges the `chain` that `host` of `domain` showed, in the order of spec/20 §6:
///
/// | record | `tls` items | needed |
/// |---|---|---|
/// | secure | some | a signature over SHA-512(DER) by a POK, and nothing else |
/// | not secure | some | such a signature, the host's name, a chain to an authority |
/// | any | none | the host's name, a chain to an authority |
///
/// There is no OCSP: no responder exists in our worlds, and a missing one must not stop mail.
///
/// # Errors
/// [`ResolveError::CertificateNotListed`] or [`ResolveError::Certificate`].
pub fn check_certificate(
    domain: &str,
    record: &ManagementRecord,
    security: Security,
    host: &str,
    chain: &[Vec<u8>],
    authorities: &[Vec<u8>],
    now: UnixTime,
) -> Result<(), ResolveError> {
    let untrusted = |error| ResolveError::Certificate {
        host: host.to_owned(),
        error,
    };
    let leaf = chain
        .first()
        .ok_or_else(|| untrusted(CertificateError::Missing))?;
    if !record.tls.is_empty() {
        if !record.certificate_matches(leaf) {
            return Err(ResolveError::CertificateNotListed {
                host: host.to_owned(),
                domain: domain.to_owned(),
            });
        }
        if security == Security::Secure {
            return Ok(());
        }
    }
    verify_certificate(chain, authorities, host, now).map_err(untrusted)
}
