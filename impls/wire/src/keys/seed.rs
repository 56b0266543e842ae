//! A signing key alone in a file, as libdime's record generator reads it: the 32-byte seed in armour.

use zeroize::Zeroizing;

use super::{KeyError, SigningKey};
use crate::armor;

/// Armour tag of a signing key alone.
const TAG: &str = "ED25519 PRIVATE KEY";

impl SigningKey {
    /// The seed in armour.
    pub fn to_armor(&self) -> Zeroizing<String> {
        Zeroizing::new(armor::encode(TAG, self.seed()))
    }

    /// Reads an armoured seed of exactly 32 bytes under its tag.
    pub fn from_armor(text: &str) -> Result<Self, KeyError> {
        let (tag, binary) = armor::decode(text).map_err(|_| KeyError::Armor)?;
        let binary = Zeroizing::new(binary);
        if tag != TAG {
            return Err(KeyError::Armor);
        }
        let seed = binary.as_slice().try_into().map_err(|_| KeyError::File)?;
        Ok(Self::from_seed(seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_comes_back_and_nothing_else_is_taken_for_one() {
        let key = SigningKey::from_seed([7; 32]);
        let read = SigningKey::from_armor(&key.to_armor()).expect("our own");
        assert_eq!(read.seed(), key.seed());
        for size in [0, 31, 33, 64] {
            let text = armor::encode(TAG, &vec![7; size]);
            assert_eq!(
                SigningKey::from_armor(&text).err(),
                Some(KeyError::File),
                "{size}"
            );
        }
        let text = armor::encode("USER KEY", &[7; 32]);
        assert_eq!(SigningKey::from_armor(&text).err(), Some(KeyError::Armor));
        assert_eq!(SigningKey::from_armor("").err(), Some(KeyError::Armor));
    }
}
