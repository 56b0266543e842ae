//! The primitives that an operation cannot do without, as work that can be measured beside it.

use std::hint::black_box;

use dime_wire::keys::{EncryptionKey, EncryptionPublicKey, Kek, Signature, SigningKey};
use dime_wire::message::cipher::ChunkKey;
use sha2::{Digest as _, Sha512};

/// How often an operation on a message needs each primitive, by what the format demands
/// (spec/30 sections 3 to 5) and nothing else: no parsing, copying or small symmetric work.
///
/// *Short* is over a header, envelope or list of hashes, *long* over the message's body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Primitives {
    /// secp256k1 agreements with SHA-512, one for each KEK.
    pub agreements: usize,
    /// secp256k1 public keys computed.
    pub public_keys: usize,
    /// Ed25519 signatures made over little.
    pub short_signatures: usize,
    /// Ed25519 signatures made over the body.
    pub long_signatures: usize,
    /// Ed25519 signatures verified over little.
    pub short_verifications: usize,
    /// Ed25519 signatures verified over the body.
    pub long_verifications: usize,
    /// SHA-512 of the body.
    pub long_hashes: usize,
    /// AES-256-CBC encryptions of the body.
    pub encryptions: usize,
    /// AES-256-CBC decryptions of the body.
    pub decryptions: usize,
}

impl Primitives {
    /// Sealing: four KEKs and the ephemeral key; the plaintext signatures of chunks 4, 5, 33, 34
    /// and of the display chunk, the tree signature over the chunks' hashes, the full signature.
    pub const SEAL_AS_AUTHOR: Self = Self {
        agreements: 4,
        public_keys: 1,
        short_signatures: 5,
        long_signatures: 2,
        long_hashes: 1,
        encryptions: 1,
        ..Self::NONE
    };
    /// Signing: metadata bounce, display bounce, origin signature.
    pub const SIGN_AS_ORIGIN: Self = Self {
        agreements: 1,
        short_signatures: 1,
        long_signatures: 2,
        ..Self::NONE
    };
    /// The author's signatures, all of them, and the body.
    pub const OPEN_AS_AUTHOR: Self = Self {
        agreements: 1,
        short_verifications: 5,
        long_verifications: 2,
        long_hashes: 1,
        decryptions: 1,
        ..Self::NONE
    };
    /// The author's signatures of envelope, tree and message.
    pub const OPEN_AS_ORIGIN: Self = Self {
        agreements: 1,
        short_verifications: 2,
        long_verifications: 1,
        long_hashes: 1,
        ..Self::NONE
    };
    /// The origin's three signatures.
    pub const OPEN_AS_DESTINATION: Self = Self {
        agreements: 1,
        short_verifications: 1,
        long_verifications: 2,
        ..Self::NONE
    };
    /// Everything the author and the origin signed, and the body.
    pub const OPEN_AS_RECIPIENT: Self = Self {
        agreements: 1,
        short_verifications: 6,
        long_verifications: 4,
        long_hashes: 1,
        decryptions: 1,
        ..Self::NONE
    };

    const NONE: Self = Self {
        agreements: 0,
        public_keys: 0,
        short_signatures: 0,
        long_signatures: 0,
        short_verifications: 0,
        long_verifications: 0,
        long_hashes: 0,
        encryptions: 0,
        decryptions: 0,
    };

    /// `count` verifications over little, as of a signet.
    pub const fn verifications(count: usize) -> Self {
        Self {
            short_verifications: count,
            ..Self::NONE
        }
    }
}

/// Bytes of what counts as little.
const SHORT: usize = 256;

/// Keys and buffers to spend primitives on.
pub struct Material {
    signing: SigningKey,
    encryption: EncryptionKey,
    peer: EncryptionPublicKey,
    chunk: ChunkKey,
    short: (Vec<u8>, Signature),
    long: (Vec<u8>, Signature),
    payload: Vec<u8>,
}

impl Material {
    /// For messages with a body of `size` bytes, a multiple of 16.
    pub fn new(size: usize) -> Self {
        let signing = SigningKey::from_seed([1; 32]);
        let signed = |size: usize| {
            let bytes = vec![b'x'; size];
            let signature = signing.sign(&bytes);
            (bytes, signature)
        };
        Self {
            short: signed(SHORT),
            long: signed(size),
            payload: vec![b'x'; size],
            encryption: EncryptionKey::derive([2; 32]),
            peer: EncryptionKey::derive([3; 32]).public(),
            chunk: ChunkKey::new([4; 32], [5; 16]),
            signing,
        }
    }

    /// Does the work.
    pub fn spend(&mut self, work: Primitives) {
        for _ in 0..work.agreements {
            black_box(Kek::derive(&self.encryption, black_box(&self.peer)));
        }
        for _ in 0..work.public_keys {
            black_box(black_box(&self.encryption).public());
        }
        let signatures = [
            (work.short_signatures, &self.short),
            (work.long_signatures, &self.long),
        ];
        for (count, (bytes, _)) in signatures {
            for _ in 0..count {
                black_box(self.signing.sign(black_box(bytes)));
            }
        }
        let verifications = [
            (work.short_verifications, &self.short),
            (work.long_verifications, &self.long),
        ];
        for (count, (bytes, signature)) in verifications {
            for _ in 0..count {
                assert!(self.signing.public().verify(black_box(bytes), signature));
            }
        }
        for _ in 0..work.long_hashes {
            black_box(Sha512::digest(black_box(&self.payload)));
        }
        for _ in 0..work.encryptions {
            self.chunk.encrypt(black_box(&mut self.payload));
        }
        for _ in 0..work.decryptions {
            self.chunk.decrypt(black_box(&mut self.payload));
        }
    }
}
