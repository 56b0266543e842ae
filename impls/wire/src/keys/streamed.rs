//! Ed25519 over what does not fit memory: verifying in one pass, signing in two.
//!
//! The same signatures and the same strictness as [`SigningKey::sign`] and [`VerifyingKey::verify`].

use std::cell::{Cell, RefCell};

use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign_byupdate};
use sha2::Digest as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{Signature, SigningKey, VerifyingKey, is_canonical_point};
use crate::backend::Sha512;

/// Verifies one signature over bytes that come in pieces.
pub struct StreamVerifier(Option<ed25519_dalek::StreamVerifier>);

impl StreamVerifier {
    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(verifier) = &mut self.0 {
            verifier.update(bytes);
        }
    }

    /// Whether the signature is the key's over all bytes taken.
    pub fn verify(self) -> bool {
        self.0
            .is_some_and(|verifier| verifier.finalize_and_verify().is_ok())
    }
}

impl std::fmt::Debug for StreamVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamVerifier").finish_non_exhaustive()
    }
}

impl VerifyingKey {
    /// Begins to verify `signature` by the rules of [`VerifyingKey::verify`].
    pub fn verify_stream(&self, signature: &Signature) -> StreamVerifier {
        let point = |bytes: &[u8; 32]| {
            let bytes = Some(bytes).filter(|bytes| is_canonical_point(bytes))?;
            let point = ed25519_dalek::VerifyingKey::from_bytes(bytes).ok()?;
            (!point.is_weak()).then_some(point)
        };
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        let verifier = point(&self.0)
            .zip(point(signature.r_bytes()))
            .and_then(|(key, _)| key.verify_stream(&signature).ok());
        StreamVerifier(verifier)
    }
}

/// The bytes to be signed were not the same when they were read again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("bytes to be signed are not the same when read again")]
pub struct Changed;

/// Signs bytes that come in pieces, and once more when the signature is made.
#[derive(Clone)]
pub struct StreamSigner<'k> {
    key: &'k SigningKey,
    /// SHA-512 over the key's secret prefix and all bytes taken: the signature's nonce.
    nonce: Sha512,
}

impl StreamSigner<'_> {
    /// Takes the next bytes of the message.
    pub fn update(&mut self, bytes: &[u8]) {
        self.nonce.update(bytes);
    }

    /// The signature over all bytes taken, which `replay` gives a second time. The signer may be
    /// used further, for a longer message with this beginning.
    ///
    /// # Errors
    /// What `replay` fails with; [`Changed`] if it gives other bytes. Two different messages signed
    /// with one nonce would give the key away, so nothing is returned then.
    pub fn sign<E: From<Changed>>(
        &self,
        replay: impl Fn(&mut dyn FnMut(&[u8])) -> Result<(), E>,
    ) -> Result<Signature, E> {
        let (secret, public) = (ExpandedSecretKey::from(self.key.0.as_bytes()), &self.key.0);
        let again = RefCell::new(Sha512::new_with_prefix(secret.hash_prefix));
        let failure = RefCell::new(None);
        let first = Cell::new(true);
        let signature = raw_sign_byupdate::<Sha512, _>(
            &secret,
            |hash| {
                if first.replace(false) {
                    *hash = self.nonce.clone();
                    return Ok(());
                }
                let mut again = again.borrow_mut();
                let replayed = replay(&mut |bytes| {
                    hash.update(bytes);
                    again.update(bytes);
                });
                replayed.map_err(|error| {
                    failure.replace(Some(error));
                    ed25519_dalek::SignatureError::new()
                })
            },
            &public.verifying_key(),
        );
        let taken = Zeroizing::new(<[u8; 64]>::from(self.nonce.clone().finalize()));
        let given = Zeroizing::new(<[u8; 64]>::from(again.into_inner().finalize()));
        match (signature, failure.into_inner()) {
            (_, Some(error)) => Err(error),
            (Ok(signature), None) if bool::from(taken.ct_eq(given.as_slice())) => {
                Ok(Signature(signature.to_bytes()))
            }
            _ => Err(Changed.into()),
        }
    }
}

impl std::fmt::Debug for StreamSigner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

impl SigningKey {
    /// Begins to sign bytes that come in pieces.
    pub fn sign_stream(&self) -> StreamSigner<'_> {
        let secret = ExpandedSecretKey::from(self.0.as_bytes());
        StreamSigner {
            key: self,
            nonce: Sha512::new_with_prefix(secret.hash_prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verify_in_pieces(
        key: &VerifyingKey,
        message: &[u8],
        signature: &Signature,
        size: usize,
    ) -> bool {
        let mut verifier = key.verify_stream(signature);
        for piece in message.chunks(size) {
            verifier.update(piece);
        }
        verifier.verify()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_are_signed_and_verified_as_the_whole(
            message in proptest::collection::vec(any::<u8>(), 0..700),
            size in 1usize..300,
            changed in any::<prop::sample::Index>(),
            bit in 0u8..8,
        ) {
            let key = SigningKey::from_seed([5; 32]);
            let mut signer = key.sign_stream();
            message.chunks(size).for_each(|piece| signer.update(piece));
            let signature = signer.sign(|take| {
                message.chunks(size + 1).for_each(take);
                Ok::<(), Changed>(())
            });
            prop_assert_eq!(signature, Ok(key.sign(&message)));
            let mut signature = key.sign(&message);
            prop_assert!(verify_in_pieces(&key.public(), &message, &signature, size));
            signature.0[changed.index(64)] ^= 1 << bit;
            prop_assert!(!verify_in_pieces(&key.public(), &message, &signature, size));
        }

        #[test]
        fn any_key_and_signature_are_judged_alike(
            key in any::<[u8; 32]>(),
            r in any::<[u8; 32]>(),
            s in any::<[u8; 32]>(),
            small in 0usize..SMALL_ORDER.len(),
            which in 0u8..4,
        ) {
            let weak = hex::decode(SMALL_ORDER[small]).expect("hex");
            let weak: [u8; 32] = weak.try_into().expect("32 bytes");
            let key = VerifyingKey(if which & 1 == 0 { key } else { weak });
            let r = if which & 2 == 0 { r } else { weak };
            let mut signature = Signature([0; 64]);
            signature.0[..32].copy_from_slice(&r);
            signature.0[32..].copy_from_slice(&s);
            for signature in [signature, Signature({ let mut zero = signature.0; zero[32..].fill(0); zero })] {
                prop_assert_eq!(
                    verify_in_pieces(&key, b"message", &signature, 3),
                    key.verify(b"message", &signature)
                );
            }
        }
    }

    /// Points of small order, the last two in encodings that are not canonical.
    const SMALL_ORDER: [&str; 6] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];

    #[test]
    fn a_longer_message_with_the_same_beginning_goes_on_from_it() {
        let key = SigningKey::from_seed([6; 32]);
        let mut signer = key.sign_stream();
        signer.update(b"beginning");
        let part = signer.sign(|take| {
            take(b"beginning");
            Ok::<(), Changed>(())
        });
        signer.update(b" and end");
        let whole = signer.sign(|take| {
            take(b"beginning and end");
            Ok::<(), Changed>(())
        });
        assert_eq!(part, Ok(key.sign(b"beginning")));
        assert_eq!(whole, Ok(key.sign(b"beginning and end")));
    }

    #[test]
    fn bytes_that_change_between_the_passes_are_not_signed() {
        let key = SigningKey::from_seed([7; 32]);
        let mut signer = key.sign_stream();
        signer.update(b"what was read");
        for other in [b"what was reaD".as_slice(), b"what was rea", b""] {
            let signature = signer.sign(|take| {
                take(other);
                Ok::<(), Changed>(())
            });
            assert_eq!(signature, Err(Changed));
        }
    }

    #[test]
    fn a_failing_replay_is_reported_as_it_is() {
        #[derive(PartialEq, Debug)]
        enum Failure {
            Changed,
            Disk,
        }
        impl From<Changed> for Failure {
            fn from(_: Changed) -> Self {
                Self::Changed
            }
        }
        let key = SigningKey::from_seed([7; 32]);
        assert_eq!(
            key.sign_stream().sign(|_| Err(Failure::Disk)),
            Err(Failure::Disk)
        );
        assert_eq!(format!("{:?}", key.sign_stream()), "[secret]");
    }

    #[test]
    fn an_s_beyond_the_group_order_is_refused() {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let key = SigningKey::from_seed([8; 32]);
        let mut signature = key.sign(b"message");
        let mut carry = 0u16;
        for (digit, order) in signature.0[32..].iter_mut().zip(ORDER) {
            carry += u16::from(*digit) + u16::from(order);
            *digit = carry as u8;
            carry >>= 8;
        }
        assert!(!key.public().verify(b"message", &signature));
        assert!(!verify_in_pieces(&key.public(), b"message", &signature, 4));
    }
}
