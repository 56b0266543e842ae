//! `dime key`: private keys, which live in files only.

use clap::{Subcommand, ValueEnum};
use dime::files::Form;
use dime_wire::Profile;
use dime_wire::encoding::encode_unpadded;
use dime_wire::keys::{AlternateKey, EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::stacie::RealmKey;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::machine::draw;
use crate::output::{Format, Printing, SecretOutput};
use crate::{Failure, input};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make new keys and write them to a new file that only you may read.
    ///
    /// Prints the public halves.
    New {
        /// Whose keys.
        #[arg(long, value_enum)]
        owner: Owner,
        #[command(flatten)]
        form: KeyForm,
        #[command(flatten)]
        unlocking: input::Unlocking,
        #[command(flatten)]
        output: SecretOutput,
        #[command(flatten)]
        printing: Printing,
    },
    /// Make a new key of the alternate layer (X25519) and write it to a new file.
    Alternate {
        #[command(flatten)]
        output: SecretOutput,
        #[command(flatten)]
        printing: Printing,
    },
    /// Show the public half of a key file.
    Show {
        #[command(flatten)]
        subject: input::Subject,
        #[command(flatten)]
        unlocking: input::Unlocking,
        #[command(flatten)]
        printing: Printing,
    },
    /// Write a key file anew: in another form, encrypted, or decrypted.
    Copy {
        #[command(flatten)]
        subject: input::Subject,
        #[command(flatten)]
        form: KeyForm,
        #[command(flatten)]
        unlocking: input::Unlocking,
        #[command(flatten)]
        output: SecretOutput,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Owner {
    /// An organization.
    Organization,
    /// A user.
    User,
}

/// How a key file is written.
#[derive(clap::Args)]
pub(crate) struct KeyForm {
    /// Whose key file format.
    #[arg(long, value_enum, default_value = "libdime")]
    pub(crate) profile: ProfileWord,
    /// In which form to write it.
    #[arg(long, value_enum, default_value = "armor")]
    pub(crate) format: Format,
    /// Encrypt the key file under the password of the account.
    #[arg(long, requires = "account")]
    pub(crate) encrypted: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProfileWord {
    /// Encryption keys with a length of two bytes, as libdime has them.
    Libdime,
    /// Encryption keys with a length of one byte, as Magma has them.
    Magma,
}

impl From<ProfileWord> for Profile {
    fn from(word: ProfileWord) -> Profile {
        match word {
            ProfileWord::Libdime => Profile::Libdime,
            ProfileWord::Magma => Profile::Magma,
        }
    }
}

/// The public half of a key file, in JSON.
#[derive(Serialize)]
struct PublicHalf {
    /// `organization` or `user`.
    owner: &'static str,
    /// The Ed25519 key, base64 without padding, as in a management record.
    signing: String,
    /// The compressed secp256k1 point in hexadecimal digits.
    encryption: String,
}

/// The public half of a key of the alternate layer, in JSON.
#[derive(Serialize)]
struct AlternateHalf {
    /// The X25519 key in hexadecimal digits.
    alternate: String,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::New {
            owner,
            form,
            unlocking,
            output,
            printing,
        } => {
            if unlocking.is_given() && !form.encrypted {
                let why = "an account and its password are for encrypted keys: see --encrypted";
                return Err(Failure::Unusable(why.to_owned()));
            }
            let lock = form.encrypted.then(|| unlocking.lock()).transpose()?;
            let owner = match owner {
                Owner::Organization => KeyOwner::Organization,
                Owner::User => KeyOwner::User,
            };
            let keys = fresh()?;
            write(&keys, owner, &form, lock.as_ref(), &output)?;
            show(owner, &keys, printing)
        }
        Action::Alternate { output, printing } => {
            let key = AlternateKey::from_bytes(*draw("key.alternate")?);
            let text = Zeroizing::new(hex::encode(key.to_bytes().as_slice()) + "\n");
            output.write(text.as_bytes())?;
            show_alternate(&key, printing)
        }
        Action::Show {
            subject,
            unlocking,
            printing,
        } => {
            let file = input::KeyFile::read(&subject.file)?;
            if let Some(key) = file.alternate() {
                return show_alternate(&key, printing);
            }
            let (owner, keys) = file.any_keys(&unlocking.unlock()?)?;
            show(owner, &keys, printing)
        }
        Action::Copy {
            subject,
            form,
            unlocking,
            output,
        } => {
            let file = input::KeyFile::read(&subject.file)?;
            let unlocked = if form.encrypted {
                unlocking.unlock_to_lock(&file)?
            } else {
                unlocking.unlock()?
            };
            let (owner, keys) = file.any_keys(&unlocked)?;
            let lock = unlocked.realm_key().filter(|_| form.encrypted);
            write(&keys, owner, &form, lock, &output)
        }
    }
}

/// New keys out of the machine's randomness.
pub(crate) fn fresh() -> Result<PrivateKeys, Failure> {
    Ok(PrivateKeys {
        signing: SigningKey::from_seed(*draw("key.signing")?),
        encryption: EncryptionKey::derive(*draw("key.encryption")?),
    })
}

/// Writes a key file, encrypted if there is a `lock`.
pub(crate) fn write(
    keys: &PrivateKeys,
    owner: KeyOwner,
    form: &KeyForm,
    lock: Option<&RealmKey>,
    output: &SecretOutput,
) -> Result<(), Failure> {
    let profile = form.profile.into();
    let armor = form.format == Format::Armor;
    if let Some(lock) = lock {
        let vector_shard = *draw("key.vector")?;
        if armor {
            let text = keys.seal_armored(owner, profile, lock, vector_shard);
            return output.write(text.as_bytes());
        }
        let file = keys.seal(owner, profile, lock, vector_shard);
        return output.write(&Form::from(form.format).encode("", &file));
    }
    if armor {
        return output.write(keys.to_armor(owner, profile).as_bytes());
    }
    let file = keys.to_file(owner, profile);
    output.write(&Form::from(form.format).encode("", &file))
}

fn show_alternate(key: &AlternateKey, printing: Printing) -> Result<(), Failure> {
    let half = AlternateHalf {
        alternate: hex::encode(key.public().0),
    };
    printing.show(&half, |half| format!("alternate  {}\n", half.alternate))
}

fn show(owner: KeyOwner, keys: &PrivateKeys, printing: Printing) -> Result<(), Failure> {
    let half = PublicHalf {
        owner: match owner {
            KeyOwner::Organization => "organization",
            KeyOwner::User => "user",
        },
        signing: encode_unpadded(&keys.signing.public().0),
        encryption: hex::encode(keys.encryption.public().as_bytes()),
    };
    printing.show(&half, |half| {
        format!(
            "owner      {}\nsigning    {}\nencryption {}\n",
            half.owner, half.signing, half.encryption
        )
    })
}
