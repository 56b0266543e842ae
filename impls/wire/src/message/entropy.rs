//! Randomness by purpose: a sealer asks for each random value by what it is for, so that recorded
//! messages can be made again and two runs that differ in one value stay equal in the others.

use std::fmt;

use rand_core::CryptoRng;

use super::Actor;

/// Where a sealer's random values come from. `index` is the chunk's position in the message as
/// authored, in wire order, the ephemeral chunk being 0.
pub trait MessageEntropy {
    /// 32 bytes for the ephemeral secp256k1 key.
    fn ephemeral_key(&mut self) -> [u8; 32];
    /// The seed of the message's own Ed25519 key; asked for only under the hardened profile.
    fn message_key(&mut self) -> [u8; 32];
    /// The ephemeral X25519 secret of the alternate layer; asked for only if that layer is used.
    fn alternate_key(&mut self) -> [u8; 32];
    /// The AES-256 key of a chunk.
    fn chunk_key(&mut self, index: usize) -> [u8; 32];
    /// The initialization vector of a chunk.
    fn chunk_iv(&mut self, index: usize) -> [u8; 16];
    /// The byte that decides how long the padding of a standard payload is.
    fn padding(&mut self, index: usize) -> u8;
    /// The mask of an actor's keyslot.
    fn slot(&mut self, index: usize, actor: Actor) -> [u8; 16];
}

/// Entropy from one random stream, drawn in the order in which [`super::seal`] asks: ephemeral key,
/// message key and alternate key if used, then per chunk padding (standard payloads only), key, initialization
/// vector and keyslots in stored order. How much is drawn depends on the chunks' types alone.
#[derive(Clone)]
pub struct StreamEntropy<R: CryptoRng>(pub R);

impl<R: CryptoRng> StreamEntropy<R> {
    fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0u8; N];
        self.0.fill_bytes(&mut out);
        out
    }
}

impl<R: CryptoRng> fmt::Debug for StreamEntropy<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<R: CryptoRng> MessageEntropy for StreamEntropy<R> {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.draw()
    }

    fn message_key(&mut self) -> [u8; 32] {
        self.draw()
    }

    fn alternate_key(&mut self) -> [u8; 32] {
        self.draw()
    }

    fn chunk_key(&mut self, _index: usize) -> [u8; 32] {
        self.draw()
    }

    fn chunk_iv(&mut self, _index: usize) -> [u8; 16] {
        self.draw()
    }

    fn padding(&mut self, _index: usize) -> u8 {
        let [byte] = self.draw();
        byte
    }

    fn slot(&mut self, _index: usize, _actor: Actor) -> [u8; 16] {
        self.draw()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn what_secrets_come_from_does_not_print() {
        let mut entropy = StreamEntropy(ChaCha20Rng::from_seed([7; 32]));
        assert_ne!(entropy.ephemeral_key(), entropy.chunk_key(0));
        assert_eq!(format!("{entropy:?}"), "[secret]");
    }
}
