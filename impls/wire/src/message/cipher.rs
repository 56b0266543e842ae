//! The mandated cipher of chunks and keyslots: AES-256-CBC without cipher padding
//! (spec/30 §4.2 and §4.3). Nothing here is authenticated; integrity comes from the signatures.

use zeroize::{Zeroize as _, ZeroizeOnDrop};

use super::KEYSLOT_SIZE;
use crate::backend::{decrypt_cbc, decrypt_cbc_to_vec, encrypt_cbc};
use crate::keys::Kek;

/// Key and initialization vector of one chunk.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ChunkKey {
    key: [u8; 32],
    iv: [u8; 16],
}

impl ChunkKey {
    /// From AES-256 key and initialization vector.
    pub fn new(key: [u8; 32], iv: [u8; 16]) -> Self {
        Self { key, iv }
    }

    /// Opens a keyslot: AES-256-CBC under the KEK, then iv = first 16 bytes xor next 16, key = the
    /// last 32. Every slot opens to something; only what the key then decrypts tells if it is right.
    pub fn from_keyslot(kek: &Kek, slot: &[u8; KEYSLOT_SIZE]) -> Self {
        Self::and_mask_from_keyslot(kek, slot).0
    }

    /// As [`ChunkKey::from_keyslot`], with the slot's 16 random bytes, by which a recorded keyslot can
    /// be made again.
    pub fn and_mask_from_keyslot(kek: &Kek, slot: &[u8; KEYSLOT_SIZE]) -> (Self, [u8; 16]) {
        let mut plain = *slot;
        decrypt_cbc(kek.key(), kek.iv(), &mut plain);
        let mut out = Self {
            key: [0; 32],
            iv: [0; 16],
        };
        let mut mask = [0u8; 16];
        let (masks, key) = plain.split_at(32);
        let (left, right) = masks.split_at(16);
        for ((iv, a), b) in out.iv.iter_mut().zip(left).zip(right) {
            *iv = a ^ b;
        }
        mask.copy_from_slice(left);
        out.key.copy_from_slice(key);
        plain.zeroize();
        (out, mask)
    }

    /// The keyslot that gives this key to the holder of `kek`, with 16 fresh random bytes.
    pub fn to_keyslot(&self, kek: &Kek, random: &[u8; 16]) -> [u8; KEYSLOT_SIZE] {
        let mut slot = [0u8; KEYSLOT_SIZE];
        let (masks, key) = slot.split_at_mut(32);
        let (left, right) = masks.split_at_mut(16);
        left.copy_from_slice(random);
        for ((out, r), iv) in right.iter_mut().zip(random).zip(&self.iv) {
            *out = r ^ iv;
        }
        key.copy_from_slice(&self.key);
        encrypt_cbc(kek.key(), kek.iv(), &mut slot);
        slot
    }

    /// The AES-256 key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The initialization vector.
    pub fn iv(&self) -> &[u8; 16] {
        &self.iv
    }

    /// Encrypts a payload in place. Its length must be a multiple of 16; a shorter last block would
    /// be left as it is.
    pub fn encrypt(&self, payload: &mut [u8]) {
        encrypt_cbc(&self.key, &self.iv, payload);
    }

    /// Decrypts a payload in place; as for [`ChunkKey::encrypt`], whole blocks only.
    pub fn decrypt(&self, payload: &mut [u8]) {
        decrypt_cbc(&self.key, &self.iv, payload);
    }

    /// Decrypts a payload that stays as it is; a shorter last block comes out as zeros.
    pub fn decrypt_to_vec(&self, payload: &[u8]) -> Vec<u8> {
        decrypt_cbc_to_vec(&self.key, &self.iv, payload)
    }
}

impl std::fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::EncryptionKey;

    #[test]
    fn a_keyslot_gives_its_key_to_the_right_kek_only() {
        let own = EncryptionKey::derive([1; 32]);
        let kek = Kek::derive(&own, &EncryptionKey::derive([2; 32]).public());
        let other = Kek::derive(&own, &EncryptionKey::derive([3; 32]).public());
        let key = ChunkKey::new([4; 32], [5; 16]);
        let slot = key.to_keyslot(&kek, &[6; 16]);
        let opened = ChunkKey::from_keyslot(&kek, &slot);
        assert_eq!((opened.key(), opened.iv()), (key.key(), key.iv()));
        assert_ne!(ChunkKey::from_keyslot(&other, &slot).key(), key.key());
    }

    #[test]
    fn decrypting_undoes_encrypting() {
        let key = ChunkKey::new([4; 32], [5; 16]);
        let mut data = [7u8; 64];
        key.encrypt(&mut data);
        assert_ne!(data, [7; 64]);
        assert_eq!(key.decrypt_to_vec(&data), [7; 64]);
        key.decrypt(&mut data);
        assert_eq!(data, [7; 64]);
    }
}
