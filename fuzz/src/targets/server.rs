//! What a server reads that nobody signed for it: its configuration, the certificates and anchors it
//! trusts, its store; and the certificates that other servers show it.

use std::io;
use std::path::Path;
use std::sync::LazyLock;

use dime::daemon::Setup;
use dime::files::{self, FileError, MAX_ENTRIES};
use dime::live::{read_log, write_log};
use dime_wire::Profile;
use dime_wire::keys::KeyOwner;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::secrets::{absent, encoded_absent};
use crate::seeds;
use crate::world::WORLD;

/// Letters of a password that must be found together in an error before they count: more than a word
/// of the error itself has.
const PASSWORD: usize = 12;
/// The first bytes of a commit's checksum.
const CHECKSUM: usize = 8;

/// Files that a configuration may name, beside those of the world's keys.
static CERTIFICATE: LazyLock<Vec<u8>> = LazyLock::new(|| seeds::server_file("mail-server.pem"));
static CERTIFICATE_KEY: LazyLock<Vec<u8>> =
    LazyLock::new(|| seeds::server_file("mail-server-key.pem"));

/// A configuration, or a file of users, among the files that it names. Passwords are never shown.
pub fn configuration(input: &[u8]) {
    let file = |path: &Path| {
        let server = &WORLD.destination;
        let bytes = match path.to_str() {
            Some("dimed.toml" | "input.toml") => input.to_vec(),
            Some("organization.key") => {
                let keys = server
                    .keys
                    .to_file(KeyOwner::Organization, Profile::Libdime);
                keys.to_vec()
            }
            Some("organization.signet") => server.signet.to_bytes(),
            Some("bob.signet") => WORLD.recipient.signet.to_bytes(),
            Some("certificate.pem") => CERTIFICATE.clone(),
            Some("key.pem") => CERTIFICATE_KEY.clone(),
            Some("anchors.txt") => "00".repeat(32).into_bytes(),
            Some("users.toml") => seeds::WITH_USERS.as_bytes().to_vec(),
            _ => {
                return Err(FileError::Read {
                    path: path.to_owned(),
                    error: io::ErrorKind::NotFound.into(),
                });
            }
        };
        Ok(Zeroizing::new(bytes))
    };
    let shown = match Setup::read_with(Path::new("dimed.toml"), &file) {
        Ok(setup) => {
            absent(&setup, WORLD.destination.keys.signing.seed());
            format!("{setup:?}")
        }
        Err(error) => format!("{error} {error:?}"),
    };
    if let Ok(text) = std::str::from_utf8(input) {
        unshown(text, &shown);
    }
}

/// What stands behind `password =` is not in `shown`, unless it stands elsewhere too.
fn unshown(text: &str, shown: &str) {
    let values = text.lines().filter_map(|line| {
        let (_, behind) = line.split_once("password")?;
        behind.split_once('=').map(|(_, value)| value.trim())
    });
    for value in values {
        for window in value.as_bytes().windows(PASSWORD) {
            if let Ok(window) = std::str::from_utf8(window)
                && shown.contains(window)
            {
                assert!(
                    text.matches(window).count() > 1,
                    "shows a password: {shown}"
                );
            }
        }
    }
}

/// Certificates and TLS keys, PEM or DER.
pub fn certificate_file(input: &[u8]) {
    let path = Path::new("the-file");
    match files::parse_certificates(path, input) {
        Ok(chain) => {
            assert!((1..=MAX_ENTRIES).contains(&chain.len()));
            for der in &chain {
                let again = files::parse_certificates(path, der);
                assert!(again.is_ok_and(|again| again == [der.clone()]), "is DER");
            }
        }
        Err(error) => drop(error.to_string()),
    }
    if let Err(error) = files::parse_tls_key(path, Zeroizing::new(input.to_vec())) {
        encoded_absent(&error, input);
    }
}

/// Trust anchors, in any of the three forms.
pub fn anchors(input: &[u8]) {
    let path = Path::new("the-file");
    match files::parse_anchors(path, input) {
        Ok(anchors) => {
            assert!(anchors.len() <= MAX_ENTRIES);
            let line = |anchor: &[u8; 32]| dime_wire::encoding::encode_padded(anchor) + "\n";
            let written: String = anchors.iter().map(line).collect();
            let again = files::parse_anchors(path, written.as_bytes());
            assert!(again.is_ok_and(|again| again == anchors), "written again");
        }
        Err(error) => drop(error.to_string()),
    }
}

/// The log of a store: as it comes, and with any bytes as commits behind checksums that hold.
pub fn store(input: &[u8]) {
    replay(input);
    let mut log = write_log(&[]).expect("nothing fits");
    for payload in seeds::unframed(input) {
        let length = u32::try_from(payload.len()).expect("two bytes count it");
        log.extend_from_slice(&length.to_be_bytes());
        log.extend(Sha256::digest(payload).into_iter().take(CHECKSUM));
        log.extend_from_slice(payload);
    }
    replay(&log);
    // Torn where a commit was being written.
    log.pop();
    replay(&log);
}

fn replay(log: &[u8]) {
    let Ok((held, length)) = read_log(log) else {
        return;
    };
    let whole = log.get(..length).expect("commits lie in the log");
    assert_eq!(read_log(whole).ok(), Some((held.clone(), length)));
    let written = write_log(std::slice::from_ref(&held)).expect("no more than was held");
    let length = written.len();
    assert_eq!(
        read_log(&written).ok(),
        Some((held, length)),
        "written anew"
    );
}

#[cfg(feature = "harness")]
pub use shown::certificate;

/// Certificates that a server shows.
#[cfg(feature = "harness")]
mod shown {
    use std::slice;

    use dime::dns::Security;
    use dime::resolver::{ResolveError, check_certificate};
    use dime::tls::{CertificateError, verify_certificate};
    use dime_wire::record::{ManagementRecord, sign_certificate};

    use super::*;
    use crate::world::PKI;

    /// A record of the destination that lists its server's certificate, and one that lists none.
    static RECORDS: LazyLock<[ManagementRecord; 2]> = LazyLock::new(|| {
        let pok = &WORLD.destination.keys.signing;
        let key = dime_wire::encoding::encode_unpadded(&pok.public().0);
        let record = ManagementRecord::parse(&format!("ver=1 pok={key}"));
        let plain = record.expect("a version and a key make a record");
        let mut listing = plain.clone();
        listing.tls.push(sign_certificate(pok, &PKI.server));
        [listing, plain]
    });

    /// A chain of certificates, each behind two bytes of length, judged as a delivery does. The one
    /// good one of the world is the only one that is ever taken.
    pub fn certificate(input: &[u8]) {
        let chain: Vec<Vec<u8>> = seeds::unframed(input).map(<[u8]>::to_vec).collect();
        let authorities = slice::from_ref(&PKI.authority);
        let is_known = chain.first() == Some(&PKI.server);
        let verdict = verify_certificate(&chain, authorities, PKI.host, PKI.now);
        assert!(is_known || verdict.is_err(), "a stranger is not trusted");
        let [listing, plain] = &*RECORDS;
        let judge = |record, security| {
            let domain = "beta.example";
            check_certificate(
                domain,
                record,
                security,
                PKI.host,
                &chain,
                authorities,
                PKI.now,
            )
        };
        assert_eq!(judge(listing, Security::Secure).is_ok(), is_known);
        match judge(plain, Security::Insecure) {
            Ok(()) => assert_eq!(verdict, Ok(())),
            Err(ResolveError::Certificate { error, .. }) => assert_eq!(verdict, Err(error)),
            Err(other) => panic!("another fault: {other}"),
        }
        if !is_known && !chain.is_empty() {
            let refused = judge(listing, Security::Insecure);
            assert!(matches!(
                refused,
                Err(ResolveError::CertificateNotListed { .. })
            ));
        }
        if chain.is_empty() {
            assert_eq!(verdict, Err(CertificateError::Missing));
        }
    }
}
