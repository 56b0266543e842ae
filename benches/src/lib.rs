//! What the benches measure with: two organizations, an author, a recipient, and messages between
//! them, all from fixed seeds; the [`Primitives`] an operation cannot do without; and the [`Pace`]
//! table that holds one against the other.

mod pace;
mod primitives;

use dime_wire::Profile;
use dime_wire::keys::{EncryptionKey, PrivateKeys, SigningKey};
use dime_wire::message::{
    Bounces, CommonHeaders, Letter, Part, SealOptions, Signets, StreamEntropy, Workers, seal,
    sign_as_origin,
};
use dime_wire::signet::{self, Signet};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub use pace::Pace;
pub use primitives::{Material, Primitives, SHARED_FROM};

/// An organization or user: private keys and signet.
pub struct Party {
    /// Private keys.
    pub keys: PrivateKeys,
    /// Identified signet.
    pub signet: Signet,
}

/// The four parties of a message.
pub struct Parties {
    /// Writes.
    pub author: Party,
    /// The author's organization.
    pub origin: Party,
    /// The recipient's organization.
    pub destination: Party,
    /// Reads.
    pub recipient: Party,
}

/// A size of the body, and what libdime does with it: built with -O2, on a machine like the one it
/// was measured on, which need not be like this one.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How the size is called.
    pub label: &'static str,
    /// The size in bytes.
    pub bytes: usize,
    /// How many messages per second libdime seals.
    pub libdime_seals: f64,
    /// How many messages per second libdime opens as recipient.
    pub libdime_opens: f64,
}

/// The size at which cores are compared.
pub const LARGE: Size = Size {
    label: "1 MiB",
    bytes: 1 << 20,
    libdime_seals: 85.0,
    libdime_opens: 108.0,
};

/// Sizes that benches go through.
pub const SIZES: [Size; 3] = [
    Size {
        label: "1 KiB",
        bytes: 1 << 10,
        libdime_seals: 497.0,
        libdime_opens: 1062.0,
    },
    Size {
        label: "64 KiB",
        bytes: 64 << 10,
        libdime_seals: 377.0,
        libdime_opens: 766.0,
    },
    LARGE,
];

fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed.wrapping_add(100); 32]),
    }
}

fn organization(seed: u8, domain: &str) -> Party {
    let keys = keys(seed);
    let signet = signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime)
        .sign(&keys.signing, domain)
        .expect("a domain and fresh keys make a signet");
    Party { keys, signet }
}

fn user(seed: u8, organization: &Party, address: &str) -> Party {
    let keys = keys(seed);
    let signet = signet::request(&keys, &[], None, Profile::Libdime)
        .and_then(|request| signet::issue(&request, &organization.keys.signing, &[], address))
        .expect("an address and fresh keys make a signet");
    Party { keys, signet }
}

impl Parties {
    /// Alice at alpha.example writes to bob at beta.example.
    pub fn new() -> Self {
        let origin = organization(1, "alpha.example");
        let destination = organization(2, "beta.example");
        Self {
            author: user(3, &origin, "alice@alpha.example"),
            recipient: user(4, &destination, "bob@beta.example"),
            origin,
            destination,
        }
    }

    /// The signets of all four.
    pub fn signets(&self) -> Signets<'_> {
        Signets {
            author: &self.author.signet,
            origin: &self.origin.signet,
            destination: &self.destination.signet,
            recipient: &self.recipient.signet,
        }
    }

    /// A letter with a body of `size` bytes.
    pub fn letter(&self, size: usize) -> Letter {
        Letter {
            author: "alice@alpha.example".into(),
            recipient: "bob@beta.example".into(),
            origin: "alpha.example".into(),
            destination: "beta.example".into(),
            common: CommonHeaders {
                date: "Sat, 21 Nov 2026 12:00:00 +0000".into(),
                to: "bob@beta.example".into(),
                from: "alice@alpha.example".into(),
                subject: "throughput".into(),
                ..CommonHeaders::default()
            },
            other_headers: b"X-Bench: yes\r\n".to_vec(),
            display: vec![Part {
                data: vec![b'x'; size],
                ..Part::default()
            }],
            attachments: vec![],
        }
    }

    /// A letter whose `size` bytes are a body and three attachments of the same length.
    pub fn letter_with_attachments(&self, size: usize) -> Letter {
        let body = self.letter(size / 4);
        let attachments = vec![Part::plain(vec![b'x'; size / 4]); 3];
        Letter {
            attachments,
            ..body
        }
    }

    /// Seals `letter` as its author.
    pub fn seal(&self, letter: &Letter, workers: Workers) -> Vec<u8> {
        let mut entropy = StreamEntropy(ChaCha20Rng::from_seed([9; 32]));
        let options = SealOptions {
            workers,
            ..SealOptions::default()
        };
        seal(
            letter,
            &self.signets(),
            &self.author.keys.signing,
            &mut entropy,
            &options,
        )
        .expect("an honest letter seals")
    }

    /// Completes a sealed message as its origin, with both bounce signatures.
    pub fn sign(&self, sealed: &[u8]) -> Vec<u8> {
        let bounces = Bounces {
            metadata: true,
            display: true,
        };
        sign_as_origin(sealed, &self.origin.keys, bounces, None)
            .expect("an honest message is signed")
    }
}

impl Default for Parties {
    fn default() -> Self {
        Self::new()
    }
}
