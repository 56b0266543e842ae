//! Secondary organizational keys (SOK): what each may sign, and the key lists of an organization
//! by purpose (spec/10 §4.2, spec/95 item 4).

use std::fmt;

use super::{SECONDARY_KEY, Signet, SignetError, SignetKind, State};
use crate::keys::VerifyingKey;

/// Most secondary keys of an organization for one purpose. Whoever checks a signature tries them one
/// after the other, so their number is what a hostile organization can make others pay.
pub const MAXIMUM_SECONDARY_KEYS: usize = 8;

/// What a secondary organizational key may sign: bits of its permission byte (spec/10 §4.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Permissions(pub u8);

impl Permissions {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// User signets.
    pub const SIGNETS: Self = Self(0x01);
    /// Messages, as origin.
    pub const MESSAGES: Self = Self(0x02);
    /// TLS certificates.
    pub const TLS: Self = Self(0x04);
    /// Software.
    pub const SOFTWARE: Self = Self(0x08);

    /// These permissions and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all `wanted` permissions are among these.
    pub fn includes(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl fmt::Display for Permissions {
    /// The purposes, as in `signets, messages`; bits without a meaning as a number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(&str, Permissions); 4] = [
            ("signets", Permissions::SIGNETS),
            ("messages", Permissions::MESSAGES),
            ("tls", Permissions::TLS),
            ("software", Permissions::SOFTWARE),
        ];
        let mut words: Vec<String> = NAMES
            .into_iter()
            .filter(|(_, permission)| self.includes(*permission))
            .map(|(name, _)| name.to_owned())
            .collect();
        let unknown = NAMES
            .into_iter()
            .fold(self.0, |bits, (_, permission)| bits & !permission.0);
        if unknown != 0 {
            words.push(format!("0x{unknown:02x}"));
        }
        f.write_str(if words.is_empty() { "nothing" } else { "" })?;
        f.write_str(&words.join(", "))
    }
}

/// A secondary organizational key: the content of one field 2 of an organization's signet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SecondaryKey {
    /// What it may sign.
    pub permissions: Permissions,
    /// The key.
    pub key: VerifyingKey,
}

impl SecondaryKey {
    /// The 34 bytes of the field: permissions (1), then the key in signet format (33).
    pub fn to_bytes(&self) -> [u8; 34] {
        let mut out = [0u8; 34];
        let [permissions, key @ ..] = &mut out;
        *permissions = self.permissions.0;
        key.copy_from_slice(&self.key.to_signet_format());
        out
    }

    /// Reads the data of a field 2; `None` if its size or the key's format byte is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (permissions, key) = bytes.split_first()?;
        Some(Self {
            permissions: Permissions(*permissions),
            key: VerifyingKey::from_signet_format(key)?,
        })
    }
}

impl Signet {
    /// Keys that may sign messages for this organization: the POK, then SOKs with that permission.
    pub fn message_keys(&self) -> Result<Vec<VerifyingKey>, SignetError> {
        self.keys_for(Permissions::MESSAGES)
    }

    /// Keys that may sign this organization's user signets.
    pub fn signet_keys(&self) -> Result<Vec<VerifyingKey>, SignetError> {
        self.keys_for(Permissions::SIGNETS)
    }

    /// Keys that may sign this organization's TLS certificates.
    pub fn tls_keys(&self) -> Result<Vec<VerifyingKey>, SignetError> {
        self.keys_for(Permissions::TLS)
    }

    /// Keys that may sign this organization's software.
    pub fn software_keys(&self) -> Result<Vec<VerifyingKey>, SignetError> {
        self.keys_for(Permissions::SOFTWARE)
    }

    /// The secondary keys in order, each by itself: nothing for one that cannot be read. A user
    /// signet or SSR has none.
    pub fn secondary_keys(&self) -> impl Iterator<Item = Option<SecondaryKey>> {
        let organization = self.kind == SignetKind::Organization;
        self.fields()
            .filter(move |field| organization && field.id == SECONDARY_KEY)
            .map(|field| SecondaryKey::from_bytes(field.data))
    }

    /// The POK, then every SOK with all `wanted` permissions. A SOK that does not qualify is not
    /// looked at further; one that qualifies but cannot be read fails the list (spec/95 item 4), and
    /// so do more than [`MAXIMUM_SECONDARY_KEYS`].
    pub fn keys_for(&self, wanted: Permissions) -> Result<Vec<VerifyingKey>, SignetError> {
        if self.kind != SignetKind::Organization {
            return Err(SignetError::Kind(self.kind));
        }
        if self.structure() < State::Cryptographic {
            return Err(SignetError::Structure(self.structure()));
        }
        let mut keys = vec![self.signing_key()?];
        for field in self.fields().filter(|field| field.id == SECONDARY_KEY) {
            if let Some((permissions, key)) = field.data.split_first()
                && Permissions(*permissions).includes(wanted)
            {
                if keys.len() > MAXIMUM_SECONDARY_KEYS {
                    return Err(SignetError::TooManyKeys);
                }
                let key = VerifyingKey::from_signet_format(key);
                keys.push(key.ok_or(SignetError::Key(SECONDARY_KEY))?);
            }
        }
        Ok(keys)
    }
}
