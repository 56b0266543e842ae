//! Key files: the two secret keys of an organization or a user, in either profile (spec/10 §10).
//!
//! Read strictly: fixed order, exact sizes, nothing behind. Their armour has a tag per owner.

use subtle::ConstantTimeEq as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{EncryptionKey, KeyError, SigningKey};
use crate::Profile;
use crate::armor;
use crate::reader::{Reader, big_endian};

/// Bytes of a key file's fields in the longer profile; its buffer never moves, which would leave a
/// copy behind.
const MAXIMUM_FIELDS: usize = 69;

/// Whose key file it is: decides magic number, field id and armour tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyOwner {
    /// Magic 1952, encryption key in field 3, tag `ORGANIZATIONAL KEY`.
    Organization,
    /// Magic 2013, encryption key in field 2, tag `USER KEY`.
    User,
}

impl KeyOwner {
    fn magic(self) -> u16 {
        match self {
            Self::Organization => 1952,
            Self::User => 2013,
        }
    }

    fn encryption_field(self) -> u8 {
        match self {
            Self::Organization => 3,
            Self::User => 2,
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::Organization => "ORGANIZATIONAL KEY",
            Self::User => "USER KEY",
        }
    }
}

/// The two secret keys of an organization or a user: the content of a key file.
#[derive(Clone, Debug)]
pub struct PrivateKeys {
    /// Signs signets and messages.
    pub signing: SigningKey,
    /// Opens keyslots.
    pub encryption: EncryptionKey,
}

impl PrivateKeys {
    /// The key file (spec/10 §10): magic (2), length (3), `01 20` seed (32), field id, key length
    /// (2 bytes in profile Libdime, 1 in Magma), scalar (32).
    pub fn to_file(&self, owner: KeyOwner, profile: Profile) -> Zeroizing<Vec<u8>> {
        let fields = self.fields(owner, profile);
        let mut file = Zeroizing::new(Vec::with_capacity(fields.len() + 5));
        file.extend_from_slice(&owner.magic().to_be_bytes());
        file.extend_from_slice(&big_endian::<3>(fields.len()));
        file.extend_from_slice(&fields);
        file
    }

    /// Reads a key file of either profile, strictly: fixed order, exact sizes, nothing behind.
    pub fn from_file(bytes: &[u8]) -> Result<(KeyOwner, Self), KeyError> {
        Self::read_file(bytes).ok_or(KeyError::File)?
    }

    /// The key file in armour.
    pub fn to_armor(&self, owner: KeyOwner, profile: Profile) -> Zeroizing<String> {
        Zeroizing::new(armor::encode(owner.tag(), &self.to_file(owner, profile)))
    }

    /// Reads an armoured key file; the tag must fit the magic number.
    pub fn from_armor(text: &str) -> Result<(KeyOwner, Self), KeyError> {
        let (tag, binary) = armor::decode(text).map_err(|_| KeyError::Armor)?;
        let binary = Zeroizing::new(binary);
        let (owner, keys) = Self::from_file(&binary)?;
        if tag == owner.tag() {
            Ok((owner, keys))
        } else {
            Err(KeyError::Armor)
        }
    }

    /// What stands behind the header of the key file.
    pub(super) fn fields(&self, owner: KeyOwner, profile: Profile) -> Zeroizing<Vec<u8>> {
        let mut fields = Zeroizing::new(Vec::with_capacity(MAXIMUM_FIELDS));
        fields.extend_from_slice(&[1, 32]);
        fields.extend_from_slice(self.signing.seed());
        fields.push(owner.encryption_field());
        match profile {
            Profile::Libdime => fields.extend_from_slice(&[0, 32]),
            Profile::Magma => fields.push(32),
        }
        fields.extend_from_slice(self.encryption.to_bytes().as_slice());
        fields
    }

    /// Reads what stands behind the header; nothing if it is not of the one possible form.
    pub(super) fn from_fields(bytes: &[u8], owner: KeyOwner) -> Option<Result<Self, KeyError>> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != [1u8, 32] {
            return None;
        }
        let seed = Zeroizing::new(reader.array::<32>()?);
        if reader.array()? != [owner.encryption_field()] {
            return None;
        }
        let width = match reader.rest().len() {
            34 => 2,
            33 => 1,
            _ => return None,
        };
        if reader.number(width)? != 32 {
            return None;
        }
        let scalar = Zeroizing::new(reader.array::<32>()?);
        let signing = SigningKey::from_seed(*seed);
        Some(EncryptionKey::from_bytes(*scalar).map(|encryption| Self {
            signing,
            encryption,
        }))
    }

    fn read_file(bytes: &[u8]) -> Option<Result<(KeyOwner, Self), KeyError>> {
        let mut reader = Reader::new(bytes);
        let owner = match reader.number(2)? {
            1952 => KeyOwner::Organization,
            2013 => KeyOwner::User,
            _ => return None,
        };
        let size = reader.number(3)?;
        if size != reader.rest().len() {
            return None;
        }
        let keys = Self::from_fields(reader.rest(), owner)?;
        Some(keys.map(|keys| (owner, keys)))
    }
}

/// Both fields do, and may be taken out.
impl ZeroizeOnDrop for PrivateKeys {}

impl PartialEq for PrivateKeys {
    fn eq(&self, other: &Self) -> bool {
        let signing = self.signing.seed().ct_eq(other.signing.seed());
        let encryption = self
            .encryption
            .to_bytes()
            .ct_eq(other.encryption.to_bytes().as_slice());
        (signing & encryption).into()
    }
}

impl Eq for PrivateKeys {}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> PrivateKeys {
        PrivateKeys {
            signing: SigningKey::from_seed([7; 32]),
            encryption: EncryptionKey::derive([9; 32]),
        }
    }

    #[test]
    fn a_key_file_comes_back_in_both_profiles() {
        for owner in [KeyOwner::Organization, KeyOwner::User] {
            for (profile, size) in [(Profile::Libdime, 74), (Profile::Magma, 73)] {
                let file = keys().to_file(owner, profile);
                assert_eq!(file.len(), size);
                assert_eq!(PrivateKeys::from_file(&file), Ok((owner, keys())));
                assert_eq!(
                    PrivateKeys::from_armor(&keys().to_armor(owner, profile)),
                    Ok((owner, keys()))
                );
                for cut in 0..file.len() {
                    assert!(PrivateKeys::from_file(file.get(..cut).unwrap_or_default()).is_err());
                }
            }
        }
    }

    /// A key file that libdime wrote for made-up keys.
    const RECORDED: &str = "-----BEGIN USER KEY-----
B90AAEUBIFgOgZ575jmbEopoFP+bCEbYJWcEO+IDxEUzeXSx4DWDAgAgDkbPLpic
r7aOF1WWUwbOJOVgcOX714+y1PlYfhxXI64=
=f2aR
-----END USER KEY-----
";

    #[test]
    fn a_key_file_written_by_libdime_is_read_and_written_alike() {
        let (owner, keys) = PrivateKeys::from_armor(RECORDED).expect("a recorded key file");
        assert_eq!(owner, KeyOwner::User);
        let public = "8a2dc5fb13bbfd2b4b9450d903734883a99374954b61e78c0f980224c028354d";
        assert_eq!(hex::encode(keys.signing.public().0), public);
        assert_eq!(*keys.to_armor(owner, Profile::Libdime), RECORDED);
    }
}
