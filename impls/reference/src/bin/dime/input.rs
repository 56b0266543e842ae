//! What commands read: objects in any form, text, and passwords; standard input at most once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use dime::files::{self, Object};
use dime_wire::keys::{AlternateKey, KeyOwner, PrivateKeys};
use dime_wire::record::ManagementRecord;
use dime_wire::signet::Signet;
use zeroize::Zeroizing;

use crate::Failure;

/// The path that stands for standard input.
pub(crate) const STANDARD: &str = "-";

/// Whether a file has been read from standard input: the next one would find it empty.
static STANDARD_INPUT_READ: AtomicBool = AtomicBool::new(false);

/// What errors call the file at `path`.
pub(crate) fn named(path: &Path) -> String {
    if path == Path::new(STANDARD) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The file as it is.
pub(crate) fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    once(path)?;
    Ok(files::read(path)?)
}

/// A file of text.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>, Failure> {
    once(path)?;
    Ok(files::read_text(path)?)
}

/// An object without its armour or base64.
pub(crate) fn object(path: &Path, what: &'static str) -> Result<Object, Failure> {
    let bytes = bytes(path)?;
    Ok(Object::decode(path, what, bytes)?)
}

/// A signet or signing request.
pub(crate) fn signet(path: &Path) -> Result<Signet, Failure> {
    once(path)?;
    Ok(files::read_signet(path)?)
}

/// The private keys of an `owner` of this kind.
pub(crate) fn keys(path: &Path, owner: KeyOwner) -> Result<PrivateKeys, Failure> {
    once(path)?;
    Ok(files::read_keys(path, owner)?)
}

/// Private keys and whose they are.
pub(crate) fn any_keys(path: &Path) -> Result<(KeyOwner, PrivateKeys), Failure> {
    once(path)?;
    Ok(files::read_any_keys(path)?)
}

/// What `dime key alternate` wrote: 64 hexadecimal digits.
pub(crate) fn alternate_key(path: &Path) -> Result<AlternateKey, Failure> {
    let text = text(path)?;
    let bytes = hex::decode(text.trim()).map(Zeroizing::new).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes
        .map(AlternateKey::from_bytes)
        .ok_or_else(|| Failure::Unusable(format!("{} is not an alternate key", named(path))))
}

/// A management record.
pub(crate) fn record(path: &Path) -> Result<ManagementRecord, Failure> {
    let text = text(path)?;
    ManagementRecord::parse(text.trim())
        .map_err(|error| Failure::Unusable(format!("{}: {error}", named(path))))
}

/// The file a command is about.
#[derive(clap::Args)]
pub(crate) struct Subject {
    /// File to read; standard input if left out.
    #[arg(default_value = STANDARD, value_name = "FILE", hide_default_value = true)]
    pub(crate) file: PathBuf,
}

/// Notes that `path` is read and refuses a second reading of standard input.
fn once(path: &Path) -> Result<(), Failure> {
    if path == Path::new(STANDARD) && STANDARD_INPUT_READ.swap(true, Ordering::Relaxed) {
        let twice = "standard input is asked for more than once";
        return Err(Failure::Unusable(twice.to_owned()));
    }
    Ok(())
}
