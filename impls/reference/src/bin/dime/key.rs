//! `dime key`: private keys, which live in files only.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use dime::files;
use dime_wire::Profile;
use dime_wire::encoding::encode_unpadded;
use dime_wire::keys::{AlternateKey, EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use rand_core::Rng;
use zeroize::Zeroizing;

use crate::{Failure, Machine, print};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make new keys and write them to a new file that only you may read.
    New {
        /// Whose keys.
        #[arg(long, value_enum)]
        owner: Owner,
        /// The file; must not exist.
        #[arg(long, short)]
        out: PathBuf,
    },
    /// Make a new key of the alternate layer (X25519) and write it to a new file.
    Alternate {
        /// The file; must not exist.
        #[arg(long, short)]
        out: PathBuf,
    },
    /// Show the public half of a key file.
    Show {
        /// The key file, armour or binary.
        file: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Owner {
    /// An organization.
    Organization,
    /// A user.
    User,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::New { owner, out } => {
            let owner = match owner {
                Owner::Organization => KeyOwner::Organization,
                Owner::User => KeyOwner::User,
            };
            let keys = PrivateKeys {
                signing: SigningKey::from_seed(*draw("key.signing")?),
                encryption: EncryptionKey::derive(*draw("key.encryption")?),
            };
            let text = keys.to_armor(owner, Profile::Libdime);
            files::write_secret(&out, text.as_bytes())?;
            show(owner, &keys);
            Ok(())
        }
        Action::Alternate { out } => {
            let key = AlternateKey::from_bytes(*draw("key.alternate")?);
            let text = Zeroizing::new(hex::encode(key.to_bytes().as_slice()) + "\n");
            files::write_secret(&out, text.as_bytes())?;
            print(&format!("alternate  {}\n", hex::encode(key.public().0)));
            Ok(())
        }
        Action::Show { file } => {
            let (owner, keys) = files::read_any_keys(&file)?;
            show(owner, &keys);
            Ok(())
        }
    }
}

/// Reads what `dime key alternate` wrote: 64 hexadecimal digits.
pub(crate) fn read_alternate(path: &Path) -> Result<AlternateKey, Failure> {
    let text = files::read_text(path)?;
    let bytes = hex::decode(text.trim()).map(Zeroizing::new).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    bytes
        .map(AlternateKey::from_bytes)
        .ok_or_else(|| Failure::Unusable(format!("{} is not an alternate key", path.display())))
}

fn draw(purpose: &str) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    Machine::open()?.entropy(purpose).fill_bytes(&mut *bytes);
    Ok(bytes)
}

fn show(owner: KeyOwner, keys: &PrivateKeys) {
    let owner = match owner {
        KeyOwner::Organization => "organization",
        KeyOwner::User => "user",
    };
    print(&format!(
        "owner      {owner}\nsigning    {}\nencryption {}\n",
        encode_unpadded(&keys.signing.public().0),
        hex::encode(keys.encryption.public().as_bytes()),
    ));
}
