//! What commands read: objects in any form, private keys, text, and passwords; standard input at
//! most once.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use dime::files::{self, LargeFile};
use dime_wire::keys::{AlternateKey, KeyOwner, PrivateKeys};
use dime_wire::record::ManagementRecord;
use dime_wire::signet::{Signet, SignetKind};
use dime_wire::stacie::RealmKey;
use zeroize::Zeroizing;

use crate::Failure;
use crate::stacie::realm_key;

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

/// A file that may be larger than memory, to be read more than once.
pub(crate) fn large(path: &Path) -> Result<LargeFile, Failure> {
    once(path)?;
    Ok(files::open_large(path)?)
}

/// A file of text.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>, Failure> {
    once(path)?;
    Ok(files::read_text(path)?)
}

/// A signet or signing request.
pub(crate) fn signet(path: &Path) -> Result<Signet, Failure> {
    once(path)?;
    Ok(files::read_signet(path)?)
}

/// The signet of an organization or a user.
pub(crate) fn signet_of(path: &Path, kind: SignetKind) -> Result<Signet, Failure> {
    of_kind(path, signet(path)?, kind).map_err(Failure::Unusable)
}

/// As [`signet_of`], for a signet that is to be judged: what is no such signet is not valid.
pub(crate) fn judged_signet_of(path: &Path, kind: SignetKind) -> Result<Signet, Failure> {
    let signet = files::parse_signet(path, bytes(path)?).map_err(Failure::invalid)?;
    of_kind(path, signet, kind).map_err(Failure::Invalid)
}

fn of_kind(path: &Path, signet: Signet, kind: SignetKind) -> Result<Signet, String> {
    if signet.kind() == kind {
        return Ok(signet);
    }
    let wanted = match kind {
        SignetKind::Organization => "an organization's signet",
        SignetKind::User => "a user's signet",
        SignetKind::Request => "a signing request",
    };
    Err(format!("{} is not {wanted}", named(path)))
}

/// What `dime key alternate` wrote: 64 hexadecimal digits.
pub(crate) fn alternate_key(path: &Path) -> Result<AlternateKey, Failure> {
    parse_alternate_key(&bytes(path)?)
        .ok_or_else(|| Failure::Unusable(format!("{} is not an alternate key", named(path))))
}

fn parse_alternate_key(text: &[u8]) -> Option<AlternateKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim_ascii(), bytes.as_mut_slice()).ok()?;
    Some(AlternateKey::from_bytes(*bytes))
}

/// A management record.
pub(crate) fn record(path: &Path) -> Result<ManagementRecord, Failure> {
    let text = text(path)?;
    ManagementRecord::from_zone_text(&text)
        .map_err(|error| Failure::Unusable(format!("{}: {error}", named(path))))
}

/// Where a password comes from.
#[derive(clap::Args)]
pub(crate) struct PasswordSource {
    /// File with the password on its first line; the terminal asks if left out.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// The password, without the end of its line.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match &self.password_file {
            Some(path) => first_line(path),
            None => ask("Password: "),
        }
    }

    /// A password that is about to be used for the first time: a terminal is asked twice.
    pub(crate) fn read_new(&self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let password = self.read()?;
        if self.password_file.is_none() && ask("The same again: ")? != password {
            return Err(Failure::Unusable("the passwords differ".to_owned()));
        }
        Ok(password)
    }
}

fn first_line(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let text = bytes(path)?;
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Zeroizing::new(line.to_vec()))
}

fn ask(prompt: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    #[cfg(unix)]
    let noted = crate::interrupt::Noted::terminal();
    let answer = rpassword::prompt_password(prompt);
    #[cfg(unix)]
    {
        drop(noted);
        // The prompt takes Ctrl-C for itself and sends the signal on.
        if matches!(&answer, Err(error) if error.kind() == std::io::ErrorKind::Interrupted) {
            crate::interrupt::wait();
        }
    }
    match answer {
        Ok(password) => Ok(Zeroizing::new(password.into_bytes())),
        Err(error) => Err(Failure::Unusable(format!(
            "failed to ask for a password: {error}; see --password-file"
        ))),
    }
}

/// How an encrypted key file is opened.
#[derive(clap::Args)]
pub(crate) struct Unlocking {
    /// File of the STACIE account under whose password the key file is encrypted.
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordSource,
}

impl Unlocking {
    /// What opens key files; asks for the password if there is an account.
    pub(crate) fn unlock(&self) -> Result<Unlocked, Failure> {
        if self.account.is_none() && self.password.password_file.is_some() {
            let alone = "a password opens keys under an account: see --account";
            return Err(Failure::Unusable(alone.to_owned()));
        }
        let account = self.account.as_deref();
        let key = account.map(|account| realm_key(account, || self.password.read()));
        Ok(Unlocked(key.transpose()?))
    }

    /// What new key files are encrypted under; asks a terminal twice.
    pub(crate) fn lock(&self) -> Result<RealmKey, Failure> {
        let account = self.account.as_deref();
        let account = account.ok_or_else(|| {
            Failure::Unusable("keys are encrypted under an account: see --account".to_owned())
        })?;
        realm_key(account, || self.password.read_new())
    }

    /// What opens `file` and encrypts what follows from it. A terminal is asked twice if the file is
    /// not encrypted and would open under a wrong password as well.
    pub(crate) fn unlock_to_lock(&self, file: &KeyFile<'_>) -> Result<Unlocked, Failure> {
        if self.account.is_some() && !file.is_encrypted() {
            return Ok(Unlocked(Some(self.lock()?)));
        }
        self.unlock()
    }

    /// Whether there is an account or a password.
    pub(crate) fn is_given(&self) -> bool {
        self.account.is_some() || self.password.password_file.is_some()
    }
}

/// What opens key files.
pub(crate) struct Unlocked(Option<RealmKey>);

impl Unlocked {
    /// The private keys of an `owner` of this kind.
    pub(crate) fn keys(&self, path: &Path, owner: KeyOwner) -> Result<PrivateKeys, Failure> {
        KeyFile::read(path)?.keys(self, owner)
    }

    /// Private keys and whose they are.
    pub(crate) fn any_keys(&self, path: &Path) -> Result<(KeyOwner, PrivateKeys), Failure> {
        KeyFile::read(path)?.any_keys(self)
    }

    /// The key under which files are encrypted that follow from encrypted ones.
    pub(crate) fn realm_key(&self) -> Option<&RealmKey> {
        self.0.as_ref()
    }
}

/// A key file that was read and not opened yet.
pub(crate) struct KeyFile<'a> {
    path: &'a Path,
    bytes: Zeroizing<Vec<u8>>,
}

impl<'a> KeyFile<'a> {
    pub(crate) fn read(path: &'a Path) -> Result<Self, Failure> {
        let bytes = bytes(path)?;
        Ok(Self { path, bytes })
    }

    /// The private keys of an `owner` of this kind.
    pub(crate) fn keys(self, unlocked: &Unlocked, owner: KeyOwner) -> Result<PrivateKeys, Failure> {
        let path = self.path;
        let (found, keys) = self.any_keys(unlocked)?;
        if found == owner {
            return Ok(keys);
        }
        let owner = match owner {
            KeyOwner::Organization => "an organization",
            KeyOwner::User => "a user",
        };
        let named = named(path);
        Err(Failure::Unusable(format!(
            "{named} is not the key file of {owner}: it is the other kind"
        )))
    }

    /// The private keys and whose they are.
    pub(crate) fn any_keys(self, unlocked: &Unlocked) -> Result<(KeyOwner, PrivateKeys), Failure> {
        let key = unlocked.0.as_ref();
        Ok(files::parse_keys(self.path, self.bytes, key)?)
    }

    /// The key of the alternate layer, if that is what the file holds.
    pub(crate) fn alternate(&self) -> Option<AlternateKey> {
        parse_alternate_key(&self.bytes)
    }

    fn is_encrypted(&self) -> bool {
        files::holds_encrypted_keys(self.path, &self.bytes)
    }
}

/// A key file argument: private keys, which may be encrypted.
#[derive(clap::Args)]
pub(crate) struct KeySource {
    /// Key file.
    #[arg(long, value_name = "FILE")]
    pub(crate) keys: PathBuf,
    #[command(flatten)]
    pub(crate) unlocking: Unlocking,
}

impl KeySource {
    /// The private keys of an `owner` of this kind.
    pub(crate) fn of(&self, owner: KeyOwner) -> Result<PrivateKeys, Failure> {
        self.unlocking.unlock()?.keys(&self.keys, owner)
    }

    /// The private keys and whose they are.
    pub(crate) fn any(&self) -> Result<(KeyOwner, PrivateKeys), Failure> {
        self.unlocking.unlock()?.any_keys(&self.keys)
    }
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
