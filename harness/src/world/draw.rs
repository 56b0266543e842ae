//! Everything random in a world: keys and tokens, drawn by position.
//!
//! A slot is a position (`organization[0].user[1].signing`), never a name, so that renaming
//! somebody, or adding somebody behind them, changes nobody else's bytes.

use dime_wire::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Characters of a canary; 5 bits each.
pub const CANARY_LENGTH: usize = 20;
/// How hard it is to hit a canary by chance, in bits.
pub const CANARY_BITS: u32 = 100;

/// Lower-case base32 (RFC 4648, section 6).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The streams of one world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    seed: u64,
}

impl Draw {
    /// The streams that follow from a seed.
    pub(super) fn new(seed: u64) -> Self {
        Draw { seed }
    }

    /// The stream of a slot: ChaCha20 keyed by SHA-256 over `dimespec world`, a zero byte, the seed
    /// (8 bytes, big endian) and the slot.
    fn stream(self, slot: &str) -> ChaCha20Rng {
        let mut digest = Sha256::new();
        digest.update(b"dimespec world\0");
        digest.update(self.seed.to_be_bytes());
        digest.update(slot.as_bytes());
        ChaCha20Rng::from_seed(digest.finalize().into())
    }

    fn secret(self, slot: &str) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        self.stream(slot).fill_bytes(bytes.as_mut());
        bytes
    }

    /// This many bytes.
    pub(super) fn bytes(self, slot: &str, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream(slot).fill_bytes(&mut bytes);
        bytes
    }

    /// A token that stands for a fact's value in this run.
    pub(super) fn canary(self, slot: &str) -> String {
        let mut bytes = [0; CANARY_LENGTH];
        self.stream(slot).fill_bytes(&mut bytes);
        bytes
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(byte & 31)))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// An Ed25519 key.
    pub(super) fn signing_key(self, slot: &str) -> SigningKey {
        SigningKey::from_seed(*self.secret(slot))
    }

    /// Signing and encryption key of somebody.
    pub(super) fn keys(self, slot: &str) -> PrivateKeys {
        PrivateKeys {
            signing: self.signing_key(&format!("{slot}.signing")),
            encryption: EncryptionKey::derive(*self.secret(&format!("{slot}.encryption"))),
        }
    }

    /// An X25519 key.
    pub(super) fn alternate_key(self, slot: &str) -> AlternateKey {
        AlternateKey::from_bytes(*self.secret(&format!("{slot}.alternate")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_gives_the_same_in_every_run_and_another_in_every_other() {
        let one = Draw::new(1);
        assert_eq!(one.canary("letter[0].subject"), "7wmx7niobmne33flfwhu");
        let other = [
            one.canary("letter[1].subject"),
            Draw::new(2).canary("letter[0].subject"),
        ];
        for token in other {
            assert_eq!(token.len(), CANARY_LENGTH);
            assert_ne!(token, one.canary("letter[0].subject"));
        }
    }

    #[test]
    fn key_pairs_differ_in_every_part() {
        let keys = Draw::new(1).keys("organization[0]");
        assert_ne!(keys.signing.seed(), &*keys.encryption.to_bytes());
    }
}
