//! Keys alone in a file: their bytes in armour, each kind under a tag of its own (spec/10 §9).

use zeroize::Zeroizing;

use super::{EncryptionKey, EncryptionPublicKey, KeyError, SigningKey};
use crate::armor;

/// In a file of its own, as libdime's record generator reads it.
impl SigningKey {
    /// Armour tag of a bare Ed25519 seed.
    const ARMOR_TAG: &str = "ED25519 PRIVATE KEY";

    /// The 32-byte seed in armour.
    pub fn to_armor(&self) -> Zeroizing<String> {
        Zeroizing::new(armor::encode(Self::ARMOR_TAG, self.seed()))
    }

    /// Reads an armoured seed; tag and size must be right.
    pub fn from_armor(text: &str) -> Result<Self, KeyError> {
        read_armored(text, Self::ARMOR_TAG).map(|seed| Self::from_seed(*seed))
    }
}

/// In a file of its own.
impl EncryptionKey {
    /// Armour tag of a bare secp256k1 scalar.
    const ARMOR_TAG: &str = "EC PRIVATE KEY";

    /// The 32-byte scalar in armour.
    pub fn to_armor(&self) -> Zeroizing<String> {
        let scalar = self.to_bytes();
        Zeroizing::new(armor::encode(Self::ARMOR_TAG, scalar.as_slice()))
    }

    /// Reads an armoured scalar; tag, size and value must be right.
    pub fn from_armor(text: &str) -> Result<Self, KeyError> {
        read_armored(text, Self::ARMOR_TAG).and_then(|scalar| Self::from_bytes(*scalar))
    }
}

/// In a file of its own.
impl EncryptionPublicKey {
    /// Armour tag of a secp256k1 point.
    const ARMOR_TAG: &str = "PUBLIC KEY";

    /// The compressed point in armour.
    pub fn to_armor(&self) -> String {
        armor::encode(Self::ARMOR_TAG, self.as_bytes())
    }

    /// Reads an armoured point; tag and point must be right.
    pub fn from_armor(text: &str) -> Result<Self, KeyError> {
        let point = read_armored::<33>(text, Self::ARMOR_TAG)?;
        Self::from_bytes(point.as_slice())
    }
}

fn read_armored<const SIZE: usize>(
    text: &str,
    wanted: &str,
) -> Result<Zeroizing<[u8; SIZE]>, KeyError> {
    let (tag, binary) = armor::decode(text).map_err(|_| KeyError::Armor)?;
    let binary = Zeroizing::new(binary);
    if tag != wanted {
        return Err(KeyError::Armor);
    }
    <[u8; SIZE]>::try_from(binary.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::File)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::PrivateKeys;

    #[test]
    fn single_keys_come_back_under_their_tags() {
        let keys = PrivateKeys {
            signing: SigningKey::from_seed([7; 32]),
            encryption: EncryptionKey::derive([9; 32]),
        };
        let (signing, encryption) = (keys.signing.to_armor(), keys.encryption.to_armor());
        let public = keys.encryption.public();
        let read = SigningKey::from_armor(&signing).map(|key| *key.seed());
        assert_eq!(read, Ok(*keys.signing.seed()));
        let read = EncryptionKey::from_armor(&encryption).map(|key| key.public());
        assert_eq!(read, Ok(public));
        assert_eq!(
            EncryptionPublicKey::from_armor(&public.to_armor()),
            Ok(public)
        );
        for text in [encryption.as_str(), &public.to_armor(), ""] {
            assert_eq!(SigningKey::from_armor(text).err(), Some(KeyError::Armor));
        }
        for size in [0, 31, 33, 64] {
            let text = armor::encode("ED25519 PRIVATE KEY", &vec![7; size]);
            assert_eq!(SigningKey::from_armor(&text).err(), Some(KeyError::File));
        }
        let zero = armor::encode("EC PRIVATE KEY", &[0; 32]);
        assert_eq!(
            EncryptionKey::from_armor(&zero).err(),
            Some(KeyError::Scalar)
        );
        let point = armor::encode("PUBLIC KEY", &[4; 33]);
        assert_eq!(
            EncryptionPublicKey::from_armor(&point).err(),
            Some(KeyError::Point)
        );
    }
}
