//! `dime stacie`: from a password to the keys and tokens of an account (spec/60).
//!
//! An account is a file of JSON with what client and server both know: name, salt, bonus rounds and
//! the shard of the realm `mail`. Binary values are in URL-safe base64 without padding.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use dime_wire::encoding::{decode_url_safe_secret, encode_url_safe};
use dime_wire::stacie::{
    Identity, KEY_SIZE, Key, Keys, MAIL_REALM, NONCE_SIZE, RealmForm, RealmKey, Rounds, SALT_SIZE,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::input::PasswordSource;
use crate::machine::draw;
use crate::output::{Output, Printing, SecretOutput};
use crate::{Failure, input};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make a new account: a random salt and a random shard.
    Account {
        /// Name of the user, as the site normalizes it.
        #[arg(long)]
        user: String,
        /// Rounds on top of those that the password needs.
        #[arg(long, default_value_t = 0)]
        bonus: u64,
        /// How the key of the realm is made.
        #[arg(long, value_enum, default_value = "salted")]
        form: FormWord,
        #[command(flatten)]
        output: SecretOutput,
    },
    /// Say how many rounds a password needs.
    Rounds {
        /// Rounds on top.
        #[arg(long, default_value_t = 0)]
        bonus: u64,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        printing: Printing,
    },
    /// Derive an account's keys and tokens and write them to a new file, in JSON.
    Derive {
        #[command(flatten)]
        account: AccountSource,
        /// File of the server's nonce, in URL-safe base64: the login token is derived too.
        #[arg(long, value_name = "FILE")]
        nonce: Option<PathBuf>,
        #[command(flatten)]
        output: SecretOutput,
    },
    /// Encrypt a secret under the key of the account's realm.
    Encrypt {
        #[command(flatten)]
        subject: input::Subject,
        #[command(flatten)]
        account: AccountSource,
        /// Number of the shard's generation; not authenticated.
        #[arg(long, default_value_t = 0)]
        serial: u16,
        #[command(flatten)]
        output: Output,
    },
    /// Decrypt what was encrypted under the key of the account's realm, into a new file.
    Decrypt {
        #[command(flatten)]
        subject: input::Subject,
        #[command(flatten)]
        account: AccountSource,
        #[command(flatten)]
        output: SecretOutput,
    },
}

#[derive(Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormWord {
    /// From the shard, as libdime makes it.
    Legacy,
    /// From the salt, as Magma makes it for new accounts.
    Salted,
}

/// Which account, and its password.
#[derive(clap::Args)]
pub(crate) struct AccountSource {
    /// File of the account, as `dime stacie account` writes it.
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
    #[command(flatten)]
    password: PasswordSource,
}

/// An account in its file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Account {
    user: String,
    salt: String,
    bonus: u64,
    shard: String,
    #[zeroize(skip)]
    form: FormWord,
}

/// What `derive` writes.
#[derive(Serialize, Zeroize, ZeroizeOnDrop)]
struct Derived {
    rounds: u32,
    master_key: String,
    password_key: String,
    verification_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_token: Option<String>,
    realm_key: String,
}

/// The rounds of a password in JSON.
#[derive(Serialize)]
struct ShownRounds {
    rounds: u32,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Account {
            user,
            bonus,
            form,
            output,
        } => account(user, bonus, form, &output),
        Action::Rounds {
            bonus,
            password,
            printing,
        } => {
            let password = password.read()?;
            let rounds = Rounds::for_password(&password, bonus).map_err(Failure::unusable)?;
            let shown = ShownRounds {
                rounds: rounds.get(),
            };
            printing.show(&shown, |shown| format!("{}\n", shown.rounds))
        }
        Action::Derive {
            account,
            nonce,
            output,
        } => derive(&account, nonce.as_deref(), &output),
        Action::Encrypt {
            subject,
            account,
            serial,
            output,
        } => {
            let secret = input::bytes(&subject.file)?;
            let vector_shard = *draw("stacie.vector")?;
            let sealed = account
                .open_new()?
                .realm_key()?
                .encrypt(serial, &secret, vector_shard);
            output.write_binary(&sealed.map_err(Failure::unusable)?)
        }
        Action::Decrypt {
            subject,
            account,
            output,
        } => {
            let envelope = input::bytes(&subject.file)?;
            let opened = account.open()?.realm_key()?.decrypt(&envelope);
            let (_, secret) = opened.map_err(|error| {
                Failure::Invalid(format!("{}: {error}", input::named(&subject.file)))
            })?;
            output.write(&secret)
        }
    }
}

fn account(user: String, bonus: u64, form: FormWord, output: &SecretOutput) -> Result<(), Failure> {
    let account = Account {
        user,
        salt: encode_url_safe(&*draw::<SALT_SIZE>("stacie.salt")?),
        bonus,
        shard: encode_url_safe(&*draw::<KEY_SIZE>("stacie.shard")?),
        form,
    };
    write_json(&account, output)
}

fn derive(
    source: &AccountSource,
    nonce: Option<&Path>,
    output: &SecretOutput,
) -> Result<(), Failure> {
    let opened = source.open()?;
    let identity = opened.identity()?;
    let keys = &opened.keys;
    let token = identity.verification_token(&keys.password_key);
    let login = match nonce {
        None => None,
        Some(path) => {
            let text = input::text(path)?;
            let nonce = bytes::<NONCE_SIZE>(path, "nonce", text.trim())?;
            let login = identity.login_token(&token, &*nonce);
            Some(encode_url_safe(
                login.map_err(Failure::unusable)?.as_bytes(),
            ))
        }
    };
    let derived = Derived {
        rounds: opened.rounds.get(),
        master_key: encode_url_safe(keys.master_key.as_bytes()),
        password_key: encode_url_safe(keys.password_key.as_bytes()),
        verification_token: encode_url_safe(token.as_bytes()),
        login_token: login,
        realm_key: encode_url_safe(opened.realm_key()?.as_bytes()),
    };
    write_json(&derived, output)
}

fn write_json<T: Serialize>(value: &T, output: &SecretOutput) -> Result<(), Failure> {
    let json = serde_json::to_vec_pretty(value).map_err(Failure::unusable)?;
    let mut json = Zeroizing::new(json);
    json.push(b'\n');
    output.write(&json)
}

/// An account with what its password yields.
struct OpenedAccount {
    user: String,
    salt: Zeroizing<[u8; SALT_SIZE]>,
    shard: Key,
    form: RealmForm,
    rounds: Rounds,
    keys: Keys,
}

/// The key of the account's realm `mail`, under which key files are encrypted.
pub(crate) fn realm_key(
    account: &Path,
    password: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Failure>,
) -> Result<RealmKey, Failure> {
    OpenedAccount::read(account, password)?.realm_key()
}

impl AccountSource {
    fn open(&self) -> Result<OpenedAccount, Failure> {
        OpenedAccount::read(&self.account, || self.password.read())
    }

    /// As [`Self::open`], for what no password has opened yet; asks a terminal twice.
    fn open_new(&self) -> Result<OpenedAccount, Failure> {
        OpenedAccount::read(&self.account, || self.password.read_new())
    }
}

impl OpenedAccount {
    fn read(
        path: &Path,
        password: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, Failure>,
    ) -> Result<OpenedAccount, Failure> {
        let text = input::text(path)?;
        // What serde_json says quotes the file, which may be a password that was given for it.
        let account: Account = serde_json::from_str(&text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let named = input::named(path);
            let why = format!("wrong JSON at line {line} column {column}");
            Failure::Unusable(format!("{named} is not an account: {why}"))
        })?;
        let salt = bytes::<SALT_SIZE>(path, "salt", &account.salt)?;
        let shard = bytes::<KEY_SIZE>(path, "shard", &account.shard)?;
        let password = password()?;
        let rounds = Rounds::for_password(&password, account.bonus).map_err(Failure::unusable)?;
        let identity = Identity::new(&account.user, salt.as_slice()).map_err(Failure::unusable)?;
        let keys = identity
            .derive(&password, rounds)
            .map_err(Failure::unusable)?;
        Ok(OpenedAccount {
            user: account.user.clone(),
            salt,
            shard: Key::from_bytes(*shard),
            form: match account.form {
                FormWord::Legacy => RealmForm::Legacy,
                FormWord::Salted => RealmForm::Salted,
            },
            rounds,
            keys,
        })
    }

    fn identity(&self) -> Result<Identity<'_>, Failure> {
        Identity::new(&self.user, self.salt.as_slice()).map_err(Failure::unusable)
    }

    fn realm_key(&self) -> Result<RealmKey, Failure> {
        let identity = self.identity()?;
        let master = &self.keys.master_key;
        Ok(RealmKey::derive(
            &identity,
            master,
            MAIL_REALM,
            &self.shard,
            self.form,
        ))
    }
}

fn bytes<const N: usize>(
    path: &Path,
    what: &str,
    text: &str,
) -> Result<Zeroizing<[u8; N]>, Failure> {
    let decoded = decode_url_safe_secret(text).ok();
    let sized = decoded.and_then(|bytes| <[u8; N]>::try_from(bytes.as_slice()).ok());
    sized.map(Zeroizing::new).ok_or_else(|| {
        let named = input::named(path);
        Failure::Unusable(format!(
            "{named}: {what} is not {N} bytes in URL-safe base64"
        ))
    })
}
