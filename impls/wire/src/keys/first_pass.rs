//! The first of the two passes that Ed25519 makes over what it signs, apart from the second: two
//! messages that begin alike can share it, and it can run beside other work.

use std::cell::Cell;

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign_byupdate};
use sha2::Digest as _;

use super::{Signature, SigningKey};
use crate::backend::Sha512;

/// A signature's nonce as far as the message is known.
#[derive(Clone)]
pub(crate) struct FirstPass<'k> {
    key: &'k SigningKey,
    /// SHA-512 over the key's secret prefix and the bytes taken.
    nonce: Sha512,
    taken: usize,
}

impl<'k> FirstPass<'k> {
    /// Passes over the beginning of a message, or over all of it.
    pub(crate) fn over(key: &'k SigningKey, beginning: &[u8]) -> Self {
        let secret = ExpandedSecretKey::from(key.0.as_bytes());
        Self {
            key,
            nonce: Sha512::new_with_prefix(secret.hash_prefix).chain_update(beginning),
            taken: beginning.len(),
        }
    }

    /// What [`SigningKey::sign`] makes of `message`, which must begin with the bytes taken: any
    /// others would be signed with a nonce that may serve another message too. The pass goes on over
    /// what is new, and may serve a still longer message.
    pub(crate) fn sign(&mut self, message: &[u8]) -> Signature {
        let Some(new) = message.get(self.taken..) else {
            return self.key.sign(message);
        };
        self.nonce.update(new);
        self.taken = message.len();
        let first = Cell::new(true);
        let signature = raw_sign_byupdate::<Sha512, _>(
            &ExpandedSecretKey::from(self.key.0.as_bytes()),
            |hash| {
                if first.replace(false) {
                    *hash = self.nonce.clone();
                } else {
                    hash.update(message);
                }
                Ok(())
            },
            &self.key.0.verifying_key(),
        );
        Signature(signature.expect("the closure does not fail").to_bytes())
    }
}

impl std::fmt::Debug for FirstPass<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_first_pass_makes_the_same_signatures() {
        let key = SigningKey::from_seed([3; 32]);
        let message: Vec<u8> = (0..1000).map(|n| n as u8).collect();
        for (beginning, end) in [(0, 0), (0, 1), (127, 128), (128, 1000), (1000, 1000)] {
            let mut pass = FirstPass::over(&key, &message[..beginning]);
            for size in [beginning, end, 1000] {
                let part = &message[..size];
                assert_eq!(pass.sign(part), key.sign(part), "{beginning} {size}");
            }
            assert_eq!(pass.sign(b"shorter"), key.sign(b"shorter"));
            assert_eq!(format!("{pass:?}"), "[secret]");
        }
    }
}
