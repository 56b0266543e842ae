//! Files that people hand to the programs: keys, signets, certificates, trust anchors.
//!
//! Objects of DIME may come in armour, base64 or binary, certificates and TLS keys in PEM or DER.
//! Every error names the file.

mod large;
mod object;
mod unfinished;
mod write;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use dime_wire::encoding::{decode_strict, decode_unpadded};
use dime_wire::keys::{KeyError, KeyOwner, PrivateKeys};
use dime_wire::signet::Signet;
use dime_wire::stacie::RealmKey;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

pub use large::{HELD_IN_MEMORY, LargeFile, MAX_STREAMED, NewFile, WholeFile, open_large, spill};
pub use object::{Form, Object};
pub use unfinished::discard_unfinished;
pub use write::{
    Existing, check_free, folder_of, is_special, is_standard_output, write, write_secret,
};

/// Largest file that is read, in bytes: a little more than the largest message.
pub const MAX_FILE: u64 = 128 * 1024 * 1024;
/// The path that stands for standard input, and for standard output.
const STANDARD: &str = "-";
/// Most certificates or anchors in one file.
pub const MAX_ENTRIES: usize = 256;

/// Why a file was of no use.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("failed to read {}: {error}", shown(path))]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("failed to write {}: {error}", shown(path))]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is there already and may not be replaced.
    #[error("failed to write {}: it exists already", shown(path))]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// It is larger than [`MAX_FILE`] or [`MAX_STREAMED`].
    #[error("{} is larger than {} MiB", shown(path), limit >> 20)]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// It is encrypted, and not under this key.
    #[error(
        "failed to open {}: wrong password or account, or the file is damaged",
        shown(path)
    )]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{} is not {what}: {reason}", shown(path))]
    Format {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// What people call the file at `path`.
fn shown(path: &Path) -> String {
    if path == Path::new(STANDARD) {
        return "standard input".to_owned();
    }
    path.display().to_string()
}

/// The bytes of the file at `path`; `-` is standard input.
///
/// # Errors
/// [`FileError::Read`] or [`FileError::TooLarge`].
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    if path == Path::new(STANDARD) {
        return read_from(path, io::stdin().lock());
    }
    let file = File::open(path).map_err(|error| FileError::Read {
        path: path.to_owned(),
        error,
    })?;
    read_from(path, file)
}

/// All bytes of `reader`, which is the opened file at `path`.
///
/// # Errors
/// As [`read`].
pub fn read_from(path: &Path, reader: impl Read) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let path = path.to_owned();
    match reader.take(MAX_FILE + 1).read_to_end(&mut bytes) {
        Ok(count) if count as u64 > MAX_FILE => Err(FileError::TooLarge {
            path,
            limit: MAX_FILE,
        }),
        Ok(_) => Ok(bytes),
        Err(error) => Err(FileError::Read { path, error }),
    }
}

/// The text of the file at `path`.
///
/// # Errors
/// As [`read`], or [`FileError::Format`] if it is no UTF-8.
pub fn read_text(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read(path)?;
    Ok(Zeroizing::new(parse_text(path, &bytes)?.to_owned()))
}

/// The text in `bytes`, which came out of the file at `path`.
///
/// # Errors
/// [`FileError::Format`] if it is no UTF-8.
pub fn parse_text<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, FileError> {
    std::str::from_utf8(bytes).map_err(|error| format_error(path, "text", &error))
}

/// The keys in `bytes`, which came out of the file at `path`: not encrypted, and of an `owner` of
/// this kind.
///
/// # Errors
/// [`FileError::Format`].
pub fn parse_keys_of(
    path: &Path,
    bytes: Zeroizing<Vec<u8>>,
    owner: KeyOwner,
) -> Result<PrivateKeys, FileError> {
    let (found, keys) = parse_keys(path, bytes, None)?;
    if found == owner {
        return Ok(keys);
    }
    let what = match owner {
        KeyOwner::Organization => "the key file of an organization",
        KeyOwner::User => "the key file of a user",
    };
    Err(format_error(path, what, &"it is the other kind"))
}

/// Whether what is in `bytes` says that it is an encrypted key file, so that a wrong password would
/// not open it.
pub fn holds_encrypted_keys(path: &Path, bytes: &Zeroizing<Vec<u8>>) -> bool {
    Object::decode(path, "a key file", bytes.clone()).is_ok_and(|object| is_encrypted(&object))
}

/// Whether the object has the magic number of an encrypted key file, 1947 or 1976.
fn is_encrypted(object: &Object) -> bool {
    matches!(object.binary.as_slice(), [0x07, 0x9b | 0xb8, ..])
}

/// The private keys in `bytes`, which came out of the file at `path`, and whose they are; `key`
/// opens them if they are encrypted.
///
/// # Errors
/// [`FileError::Format`], [`FileError::Locked`].
pub fn parse_keys(
    path: &Path,
    bytes: Zeroizing<Vec<u8>>,
    key: Option<&RealmKey>,
) -> Result<(KeyOwner, PrivateKeys), FileError> {
    let what = "a key file";
    let object = Object::decode(path, what, bytes)?;
    let sealed = is_encrypted(&object);
    let result = match (sealed, key) {
        (false, _) => PrivateKeys::from_file(&object.binary),
        (true, Some(key)) => PrivateKeys::open(&object.binary, key),
        (true, None) => {
            let locked = "it is encrypted and needs an account";
            return Err(format_error(path, what, &locked));
        }
    };
    let (owner, keys) = result.map_err(|error| match error {
        KeyError::Sealed => FileError::Locked {
            path: path.to_owned(),
        },
        error => format_error(path, what, &error),
    })?;
    let tag = match (owner, sealed) {
        (KeyOwner::Organization, false) => "ORGANIZATIONAL KEY",
        (KeyOwner::Organization, true) => "ENCRYPTED ORGANIZATIONAL KEY",
        (KeyOwner::User, false) => "USER KEY",
        (KeyOwner::User, true) => "ENCRYPTED USER KEY",
    };
    match object.tag {
        Some(found) if found != tag => Err(format_error(path, what, &"its tag is another's")),
        _ => Ok((owner, keys)),
    }
}

/// The signet or signing request at `path`.
///
/// # Errors
/// [`FileError`].
pub fn read_signet(path: &Path) -> Result<Signet, FileError> {
    parse_signet(path, read(path)?)
}

/// The signet or signing request in `bytes`, which came out of the file at `path`.
///
/// # Errors
/// [`FileError::Format`].
pub fn parse_signet(path: &Path, bytes: Zeroizing<Vec<u8>>) -> Result<Signet, FileError> {
    let what = "a signet";
    let result = match std::str::from_utf8(&bytes) {
        Ok(text) if Form::of(&bytes) == Form::Armor => Signet::from_armor(text),
        _ => Signet::parse(&Object::decode(path, what, bytes)?.binary),
    };
    result.map_err(|error| format_error(path, what, &error))
}

/// The certificates at `path` as DER: all of a PEM file, or one DER file.
///
/// # Errors
/// [`FileError`].
pub fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, FileError> {
    parse_certificates(path, &read(path)?)
}

/// The certificates in `bytes`, which came out of the file at `path`, as [`read_certificates`].
///
/// # Errors
/// [`FileError::Format`].
pub fn parse_certificates(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<u8>>, FileError> {
    let what = "a file of certificates";
    if !bytes.starts_with(b"-----BEGIN") && !contains(bytes, b"\n-----BEGIN") {
        check_certificate(path, what, bytes)?;
        return Ok(vec![bytes.to_vec()]);
    }
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let certificate = certificate.map_err(|error| format_error(path, what, &error))?;
        if found.len() == MAX_ENTRIES {
            return Err(format_error(path, what, &"there are too many"));
        }
        check_certificate(path, what, &certificate)?;
        found.push(certificate.to_vec());
    }
    if found.is_empty() {
        return Err(format_error(path, what, &"there is none"));
    }
    Ok(found)
}

/// Anything else would be signed or sent as if it were one.
fn check_certificate(path: &Path, what: &'static str, der: &[u8]) -> Result<(), FileError> {
    match x509_parser::parse_x509_certificate(der) {
        Ok(([], _)) => Ok(()),
        Ok(_) => Err(format_error(path, what, &"there is more behind it")),
        Err(error) => Err(format_error(path, what, &error)),
    }
}

/// The private key of a TLS certificate in `bytes`, which came out of the file at `path`, as PKCS#8
/// DER. What is not PEM is taken as it is.
///
/// # Errors
/// [`FileError::Format`].
pub fn parse_tls_key(
    path: &Path,
    bytes: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    if !contains(&bytes, b"-----BEGIN") {
        return Ok(bytes);
    }
    let what = "a PKCS#8 private key";
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(PrivateKeyDer::Pkcs8(key)) => Ok(Zeroizing::new(key.secret_pkcs8_der().to_vec())),
        Ok(_) => Err(format_error(path, what, &"it is another format")),
        Err(error) => Err(format_error(path, what, &error)),
    }
}

/// The trust anchors in `bytes`, which came out of the file at `path`: one Ed25519 root DNSKEY per
/// line, 32 bytes in base64 with or without padding or in 64 hexadecimal digits; empty lines and `#`
/// comments are skipped.
///
/// # Errors
/// [`FileError::Format`].
pub fn parse_anchors(path: &Path, bytes: &[u8]) -> Result<Vec<[u8; 32]>, FileError> {
    let what = "a file of trust anchors";
    let text = parse_text(path, bytes)?;
    let mut anchors = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let anchor = anchor(line).ok_or_else(|| {
            format_error(path, what, &format_args!("line {} is no key", number + 1))
        })?;
        if anchors.len() == MAX_ENTRIES {
            return Err(format_error(path, what, &"there are too many"));
        }
        anchors.push(anchor);
    }
    Ok(anchors)
}

fn anchor(line: &str) -> Option<[u8; 32]> {
    let bytes = match line.len() {
        64 => hex::decode(line).ok()?,
        43 => decode_unpadded(line).ok()?,
        _ => decode_strict(line).ok()?,
    };
    bytes.try_into().ok()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle)
}

fn format_error(path: &Path, what: &'static str, reason: &dyn std::fmt::Display) -> FileError {
    FileError::Format {
        path: path.to_owned(),
        what,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_may_be_written_in_three_ways() {
        let key = [7; 32];
        let hex = hex::encode(key);
        let padded = dime_wire::encoding::encode_padded(&key);
        let unpadded = dime_wire::encoding::encode_unpadded(&key);
        for text in [hex.as_str(), &padded, &unpadded] {
            assert_eq!(anchor(text), Some(key), "{text}");
        }
        assert_eq!(anchor("AAAA"), None);
    }

    #[test]
    fn a_file_that_is_too_large_is_told_with_the_limit() {
        let error = read_from(Path::new("sand"), io::repeat(0)).expect_err("has no end");
        assert_eq!(error.to_string(), "sand is larger than 128 MiB");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("/nowhere/at/all")).expect_err("is not there");
        assert!(
            error
                .to_string()
                .starts_with("failed to read /nowhere/at/all")
        );
    }
}
