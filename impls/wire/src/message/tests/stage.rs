//! The stage of the message tests: four actors with keys and signets, a letter, entropy.

use std::collections::BTreeMap;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use crate::Profile;
use crate::keys::{AlternateKey, EncryptionKey, PrivateKeys, SigningKey};
use crate::message::*;
use crate::signet::{Permissions, Signet, issue, organization, request};

/// Entropy from a counter: every draw is another, every run the same.
pub(super) struct Counting(pub(super) u8);

impl Counting {
    fn next<const N: usize>(&mut self) -> [u8; N] {
        self.0 = self.0.wrapping_add(1);
        [self.0; N]
    }
}

impl MessageEntropy for Counting {
    fn ephemeral_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn message_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn alternate_key(&mut self) -> [u8; 32] {
        self.next()
    }
    fn chunk_key(&mut self, _index: usize) -> [u8; 32] {
        self.next()
    }
    fn chunk_iv(&mut self, _index: usize) -> [u8; 16] {
        self.next()
    }
    fn padding(&mut self, index: usize) -> u8 {
        index as u8
    }
    fn slot(&mut self, _index: usize, _actor: Actor) -> [u8; 16] {
        self.next()
    }
}

pub(super) fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    }
}

/// Four actors with keys and signets.
pub(super) struct Stage {
    pub(super) keys: BTreeMap<Actor, PrivateKeys>,
    pub(super) signets: BTreeMap<Actor, Signet>,
    pub(super) sok: SigningKey,
    pub(super) alternate: AlternateKey,
}

impl Stage {
    pub(super) fn new(profile: Profile) -> Self {
        let keys: BTreeMap<_, _> = Actor::ALL
            .into_iter()
            .zip([11u8, 22, 33, 44].map(keys))
            .collect();
        let sok = SigningKey::from_seed([55; 32]);
        let alternate = AlternateKey::from_bytes([66; 32]);
        let organization_signet = |actor: Actor, domain: &str| {
            let own = &keys[&actor];
            let draft = organization(&own.signing, &own.encryption.public(), profile)
                .sok(Permissions::MESSAGES, sok.public())
                .field(16, b"An organization");
            draft.sign(&own.signing, domain).expect("a good draft")
        };
        let user_signet = |actor: Actor, organization: Actor, address: &str| {
            let alternates = [alternate.public()];
            let alternates = if actor == Actor::Recipient {
                alternates.as_slice()
            } else {
                &[]
            };
            let request =
                request(&keys[&actor], alternates, None, profile).expect("a good request");
            issue(&request, &keys[&organization].signing, &[], address).expect("a good request")
        };
        let signets = [
            (
                Actor::Author,
                user_signet(Actor::Author, Actor::Origin, "ann@one.example"),
            ),
            (
                Actor::Origin,
                organization_signet(Actor::Origin, "one.example"),
            ),
            (
                Actor::Destination,
                organization_signet(Actor::Destination, "two.example"),
            ),
            (
                Actor::Recipient,
                user_signet(Actor::Recipient, Actor::Destination, "rob@two.example"),
            ),
        ];
        Self {
            signets: signets.into(),
            keys,
            sok,
            alternate,
        }
    }

    pub(super) fn signets(&self) -> Signets<'_> {
        Signets {
            author: &self.signets[&Actor::Author],
            origin: &self.signets[&Actor::Origin],
            destination: &self.signets[&Actor::Destination],
            recipient: &self.signets[&Actor::Recipient],
        }
    }

    pub(super) fn seal(&self, options: &SealOptions) -> Result<Vec<u8>, SealError> {
        self.seal_letter(&letter(), options)
    }

    pub(super) fn seal_letter(
        &self,
        letter: &Letter,
        options: &SealOptions,
    ) -> Result<Vec<u8>, SealError> {
        seal(
            letter,
            &self.signets(),
            &self.keys[&Actor::Author].signing,
            &mut Counting(0),
            options,
        )
    }

    pub(super) fn sealed_and_signed(&self, options: &SealOptions) -> Vec<u8> {
        let authored = self.seal(options).expect("a good letter");
        let both = Bounces {
            metadata: true,
            display: true,
        };
        sign_as_origin(&authored, &self.keys[&Actor::Origin], both, None).expect("a good message")
    }

    pub(super) fn open(&self, actor: Actor, bytes: &[u8]) -> Result<Opened, OpenError> {
        self.open_with(actor, bytes, &self.signets())
    }

    pub(super) fn open_with(
        &self,
        actor: Actor,
        bytes: &[u8],
        signets: &Signets<'_>,
    ) -> Result<Opened, OpenError> {
        self.open_all(actor, bytes, signets, &ReadPolicy::default())
    }

    pub(super) fn open_under(
        &self,
        actor: Actor,
        bytes: &[u8],
        policy: &ReadPolicy,
    ) -> Result<Opened, OpenError> {
        self.open_all(actor, bytes, &self.signets(), policy)
    }

    fn open_all(
        &self,
        actor: Actor,
        bytes: &[u8],
        signets: &Signets<'_>,
        policy: &ReadPolicy,
    ) -> Result<Opened, OpenError> {
        let message = Message::parse(bytes)?;
        let key = &self.keys[&actor].encryption;
        let Signets {
            author,
            origin,
            destination,
            recipient,
        } = *signets;
        match actor {
            Actor::Author => open_as_author_with(&message, key, signets, None, policy),
            Actor::Origin => {
                let signets = OriginSignets {
                    author,
                    origin,
                    destination,
                };
                open_as_origin_with(&message, key, &signets, policy)
            }
            Actor::Destination => {
                let signets = DestinationSignets {
                    origin,
                    destination,
                    recipient,
                };
                open_as_destination_with(&message, key, &signets, policy)
            }
            Actor::Recipient => {
                let alternate = std::slice::from_ref(&self.alternate);
                open_as_recipient_with(&message, key, signets, alternate, policy)
            }
        }
    }

    pub(super) fn verdicts(&self, bytes: &[u8]) -> String {
        let verdict = |actor| match self.open(actor, bytes) {
            Ok(_) => format!("{actor}: opened"),
            Err(error) => format!("{actor}: {error}"),
        };
        Actor::ALL.map(verdict).join("\n")
    }
}

pub(super) fn letter() -> Letter {
    Letter {
        author: "ann@one.example".to_owned(),
        recipient: "rob@two.example".to_owned(),
        origin: "one.example".to_owned(),
        destination: "two.example".to_owned(),
        common: CommonHeaders {
            date: "Sat, 21 Nov 2026 12:00:00 +0000".to_owned(),
            to: "rob@two.example".to_owned(),
            from: "ann@one.example".to_owned(),
            subject: "A subject".to_owned(),
            ..CommonHeaders::default()
        },
        other_headers: b"X-Other: yes\r\n".to_vec(),
        display: vec![Part::plain("first"), Part::plain("second")],
        attachments: vec![Part::plain([0u8; 300])],
    }
}

/// The bytes with the message length in the header corrected, after chunks were taken out.
pub(super) fn with_length(body: &[u8]) -> Vec<u8> {
    let mut out = MESSAGE_MAGIC.to_be_bytes().to_vec();
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out
}

/// A random stream; it only has to be reproducible.
pub(super) fn stream(seed: u8) -> StreamEntropy<ChaCha20Rng> {
    StreamEntropy(ChaCha20Rng::from_seed([seed; 32]))
}
