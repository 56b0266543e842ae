//! The primitives that an operation cannot do without, as work that can be measured beside it.

use std::hint::black_box;

use dime_wire::backend::Sha512;
use dime_wire::keys::{
    EncryptionKey, EncryptionPublicKey, Kek, Signature, SigningKey, Verifier, VerifyingKey,
};
use dime_wire::message::cipher::ChunkKey;
use sha2::Digest as _;

/// Bytes of a message from which on two signatures that begin alike are worth to share a pass.
pub const SHARED_FROM: usize = 16 * 1024;

/// How often an operation on a message needs each primitive, by what the format demands
/// (spec/30 sections 3 to 5) and nothing else: no parsing, copying, short hashes or keyslots.
///
/// Signatures are counted over nothing and their passes over the bytes apart, so that a pass which
/// two signatures can share counts once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Primitives {
    /// secp256k1 public keys read from their compressed form.
    pub points: usize,
    /// secp256k1 agreements with SHA-512, one for each KEK.
    pub agreements: usize,
    /// secp256k1 public keys computed.
    pub public_keys: usize,
    /// Ed25519 signatures made.
    pub signatures: usize,
    /// Ed25519 public keys read.
    pub verifying_keys: usize,
    /// Ed25519 signatures verified.
    pub verifications: usize,
    /// SHA-512 passes over envelope and metadata.
    pub head_passes: usize,
    /// SHA-512 passes over the display chunk's payload.
    pub payload_passes: usize,
    /// SHA-512 passes over the chunks of the message.
    pub message_passes: usize,
    /// AES-256-CBC encryptions of the payload.
    pub encryptions: usize,
    /// AES-256-CBC decryptions of the payload.
    pub decryptions: usize,
}

impl Primitives {
    /// Sealing: four KEKs and the ephemeral key; the plaintext signatures of chunks 4, 5, 33, 34
    /// and 67, the tree signature and the full signature. Ed25519 passes twice over what it signs,
    /// the tree's hashes once.
    pub const SEAL_AS_AUTHOR: Self = Self {
        points: 4,
        agreements: 4,
        public_keys: 1,
        signatures: 7,
        payload_passes: 2,
        message_passes: 3,
        encryptions: 1,
        ..Self::NONE
    };
    /// Signing: metadata bounce, display bounce, origin signature, each with two passes.
    pub const SIGN_AS_ORIGIN_SMALL: Self = Self {
        message_passes: 4,
        ..Self::SIGN_AS_ORIGIN
    };
    /// The same of a message from [`SHARED_FROM`] bytes on. The two long ones begin with the
    /// same secret and the same bytes, so that their first passes are one.
    pub const SIGN_AS_ORIGIN: Self = Self {
        points: 1,
        agreements: 1,
        signatures: 3,
        head_passes: 2,
        message_passes: 3,
        ..Self::NONE
    };
    /// The author's signatures, all of them, and the body.
    pub const OPEN_AS_AUTHOR: Self = Self {
        points: 1,
        agreements: 1,
        verifying_keys: 1,
        verifications: 7,
        payload_passes: 1,
        message_passes: 2,
        decryptions: 1,
        ..Self::NONE
    };
    /// The author's signatures of envelope, tree and message.
    pub const OPEN_AS_ORIGIN: Self = Self {
        points: 1,
        agreements: 1,
        verifying_keys: 1,
        verifications: 3,
        message_passes: 2,
        ..Self::NONE
    };
    /// The origin's three signatures.
    pub const OPEN_AS_DESTINATION: Self = Self {
        points: 1,
        agreements: 1,
        verifying_keys: 1,
        verifications: 3,
        head_passes: 1,
        message_passes: 2,
        ..Self::NONE
    };
    /// Everything the author and the origin signed, and the body.
    pub const OPEN_AS_RECIPIENT: Self = Self {
        points: 1,
        agreements: 1,
        verifying_keys: 2,
        verifications: 10,
        head_passes: 1,
        payload_passes: 1,
        message_passes: 4,
        decryptions: 1,
        ..Self::NONE
    };
    /// An organization's identified signet: cryptographic, full and identified signature.
    pub const VALIDATE_ORGANIZATION: Self = Self {
        verifying_keys: 1,
        verifications: 3,
        ..Self::NONE
    };
    /// A user's identified signet: its own signature and those three; validation also judges the
    /// organization's signet anew.
    pub const VALIDATE_USER: Self = Self {
        verifying_keys: 2,
        verifications: 4 + 3,
        ..Self::NONE
    };

    /// The same with the organization's signet judged before.
    pub const VALIDATE_USER_OF_ISSUER: Self = Self {
        verifying_keys: 1,
        verifications: 4,
        ..Self::NONE
    };

    const NONE: Self = Self {
        points: 0,
        agreements: 0,
        public_keys: 0,
        signatures: 0,
        verifying_keys: 0,
        verifications: 0,
        head_passes: 0,
        payload_passes: 0,
        message_passes: 0,
        encryptions: 0,
        decryptions: 0,
    };
}

/// Keys and buffers to spend primitives on.
pub struct Material {
    signing: SigningKey,
    signature: Signature,
    verifying: VerifyingKey,
    verifier: Verifier,
    encryption: EncryptionKey,
    peer: EncryptionPublicKey,
    chunk: ChunkKey,
    head: Vec<u8>,
    payload: Vec<u8>,
    message: Vec<u8>,
}

impl Material {
    /// For messages whose envelope and metadata have `head` bytes, whose display payload has
    /// `payload`, a multiple of 16, and whose chunks have `message`.
    pub fn new([head, payload, message]: [usize; 3]) -> Self {
        let signing = SigningKey::from_seed([1; 32]);
        Self {
            signature: signing.sign(&[]),
            verifying: signing.public(),
            verifier: signing.public().verifier(),
            encryption: EncryptionKey::derive([2; 32]),
            peer: EncryptionKey::derive([3; 32]).public(),
            chunk: ChunkKey::new([4; 32], [5; 16]),
            head: vec![b'x'; head],
            payload: vec![b'x'; payload],
            message: vec![b'x'; message],
            signing,
        }
    }

    /// Does the work.
    pub fn spend(&mut self, work: Primitives) {
        self.agree(work);
        for _ in 0..work.signatures {
            black_box(self.signing.sign(black_box(&[])));
        }
        for _ in 0..work.verifying_keys {
            black_box(black_box(&self.verifying).verifier());
        }
        for _ in 0..work.verifications {
            assert!(self.verifier.verify(black_box(&[]), &self.signature));
        }
        let passes = [
            (work.head_passes, &self.head),
            (work.payload_passes, &self.payload),
            (work.message_passes, &self.message),
        ];
        for (count, bytes) in passes {
            for _ in 0..count {
                black_box(Sha512::digest(black_box(bytes)));
            }
        }
        for _ in 0..work.encryptions {
            self.chunk.encrypt(black_box(&mut self.payload));
        }
        for _ in 0..work.decryptions {
            self.chunk.decrypt(black_box(&mut self.payload));
        }
    }

    fn agree(&self, work: Primitives) {
        for _ in 0..work.points {
            let point = EncryptionPublicKey::from_bytes(black_box(self.peer.as_bytes()));
            assert!(point.is_ok());
        }
        for _ in 0..work.agreements {
            black_box(Kek::derive(&self.encryption, black_box(&self.peer)));
        }
        for _ in 0..work.public_keys {
            black_box(black_box(&self.encryption).public());
        }
    }
}
