//! The fixed parties whose keys the targets hold, and a message between them.

use std::sync::LazyLock;

use dime_wire::Profile;
use dime_wire::keys::{AlternateKey, EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::message::{
    BounceExtent, Bounces, CommonHeaders, Letter, Message, Part, SealOptions, Signets,
    StreamEntropy, bounce_as_destination, seal, sign_as_origin,
};
use dime_wire::signet::{self, Permissions, Signet};
use dime_wire::stacie::RealmKey;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

/// Private keys and identified signet of one party.
pub struct Party {
    /// Private keys.
    pub keys: PrivateKeys,
    /// Signet.
    pub signet: Signet,
}

/// Two organizations, two users, and what passed between them.
pub struct World {
    /// Writes.
    pub author: Party,
    /// The author's organization.
    pub origin: Party,
    /// The recipient's organization.
    pub destination: Party,
    /// Reads.
    pub recipient: Party,
    /// The recipient's key of the alternate layer.
    pub alternate: AlternateKey,
    /// A realm key.
    pub realm: RealmKey,
}

/// The one world.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The certificates of the destination's server and of who issued it, in DER.
#[cfg(feature = "harness")]
pub struct Pki {
    /// Whom the certificate is for.
    pub host: &'static str,
    /// When it is judged.
    pub now: dime::platform::UnixTime,
    /// The server's own.
    pub server: Vec<u8>,
    /// The authority's own.
    pub authority: Vec<u8>,
    /// Certificates of the same host that are not to be trusted.
    pub bad: Vec<Vec<u8>>,
}

/// The one authority, and what it issued.
#[cfg(feature = "harness")]
pub static PKI: LazyLock<Pki> = LazyLock::new(|| {
    use dimespec::world::pki::{CertificateKind, authority, issue};
    let (host, now) = ("mx.beta.example", dime::platform::UnixTime(1_795_219_200));
    let issue = |kind| {
        let issued = issue(kind, host, 0, now);
        issued.expect("the host has a name").certificate
    };
    let bad = [
        CertificateKind::SelfSigned,
        CertificateKind::Expired,
        CertificateKind::WrongName,
    ];
    Pki {
        host,
        now,
        server: issue(CertificateKind::Authority),
        authority: authority(now),
        bad: bad.map(issue).to_vec(),
    }
});

fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed.wrapping_add(100); 32]),
    }
}

fn organization(seed: u8, domain: &str) -> Party {
    let keys = keys(seed);
    let signet = signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime)
        .sok(
            Permissions::MESSAGES,
            SigningKey::from_seed([77; 32]).public(),
        )
        .field(16, b"An organization")
        .sign(&keys.signing, domain)
        .expect("a domain and fresh keys make a signet");
    Party { keys, signet }
}

impl World {
    fn new() -> Self {
        let (origin, destination) = (
            organization(1, "alpha.example"),
            organization(2, "beta.example"),
        );
        let alternate = AlternateKey::from_bytes([9; 32]);
        let user = |seed, organization: &Party, address| {
            let keys = keys(seed);
            let signet = signet::request(&keys, &[alternate.public()], None, Profile::Libdime)
                .and_then(|asked| {
                    let text: &[u8] = b"A user";
                    signet::issue(&asked, &organization.keys.signing, &[(16, text)], address)
                })
                .expect("an address and fresh keys make a signet");
            Party { keys, signet }
        };
        Self {
            author: user(3, &origin, "alice@alpha.example"),
            recipient: user(4, &destination, "bob@beta.example"),
            origin,
            destination,
            alternate,
            realm: RealmKey::from_bytes([5; 64]),
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

    /// A letter with these parts.
    pub fn letter(&self, display: Vec<Part>, attachments: Vec<Part>) -> Letter {
        Letter {
            author: "alice@alpha.example".into(),
            recipient: "bob@beta.example".into(),
            origin: "alpha.example".into(),
            destination: "beta.example".into(),
            common: CommonHeaders {
                date: "Sat, 21 Nov 2026 12:00:00 +0000".into(),
                to: "bob@beta.example".into(),
                from: "alice@alpha.example".into(),
                subject: "hostile bytes".into(),
                ..CommonHeaders::default()
            },
            other_headers: b"X-Fuzz: yes\r\n".to_vec(),
            display,
            attachments,
        }
    }

    /// Seals a letter as its author; nothing if the sealer refuses it.
    pub fn seal(&self, letter: &Letter, options: &SealOptions) -> Option<Vec<u8>> {
        let mut entropy = Self::entropy();
        seal(
            letter,
            &self.signets(),
            &self.author.keys.signing,
            &mut entropy,
            options,
        )
        .ok()
    }

    /// The randomness of every message of the world.
    pub fn entropy() -> StreamEntropy<ChaCha20Rng> {
        StreamEntropy(ChaCha20Rng::from_seed([8; 32]))
    }

    /// A message as sealed: plain, under the alternate layer, hardened.
    fn sealed_messages(&self) -> Vec<Vec<u8>> {
        let letter = self.letter(
            vec![Part::plain("the body"), Part::compressed(b"more of it")],
            vec![Part::plain("an attachment")],
        );
        let forms = [(false, false), (true, false), (false, true)];
        let options = forms.map(|(alternate, hardened)| SealOptions {
            alternate,
            hardened,
            ..SealOptions::default()
        });
        let sealed = options
            .iter()
            .filter_map(|options| self.seal(&letter, options));
        sealed.collect()
    }

    /// The same, completed by the origin with every signature.
    pub fn signed_messages(&self) -> Vec<Vec<u8>> {
        let all = Bounces {
            metadata: true,
            display: true,
        };
        let sealed = self.sealed_messages().into_iter();
        sealed
            .filter_map(|sealed| sign_as_origin(&sealed, &self.origin.keys, all, None).ok())
            .collect()
    }

    /// Messages of every form: as sealed, as signed, bounced.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = self.sealed_messages();
        for signed in self.signed_messages() {
            if let Ok(message) = Message::parse(&signed) {
                for extent in BounceExtent::ALL {
                    messages.extend(bounce_as_destination(&message, extent));
                }
            }
            messages.push(signed);
        }
        messages
    }

    /// The author's signet and two that follow from it, oldest first.
    pub fn succession(&self) -> Vec<Vec<u8>> {
        let organization = &self.origin.keys.signing;
        let mut signets = vec![self.author.signet.to_bytes()];
        let mut previous = self.author.keys.clone();
        for seed in [21, 22] {
            let next = keys(seed);
            let signet = signet::request(&next, &[], Some(&previous.signing), Profile::Libdime)
                .and_then(|asked| signet::issue(&asked, organization, &[], "alice@alpha.example"))
                .expect("fresh keys make a signet");
            signets.push(signet.to_bytes());
            previous = next;
        }
        signets
    }

    /// Key files of every form: plain, sealed, armoured.
    pub fn key_files(&self) -> Vec<Vec<u8>> {
        let mut files = Vec::new();
        for (owner, keys) in [
            (KeyOwner::User, &self.author.keys),
            (KeyOwner::Organization, &self.origin.keys),
        ] {
            for profile in [Profile::Libdime, Profile::Magma] {
                files.push(keys.to_file(owner, profile).to_vec());
                files.push(keys.to_armor(owner, profile).as_bytes().to_vec());
                files.push(keys.seal(owner, profile, &self.realm, [6; 16]));
                let armored = keys.seal_armored(owner, profile, &self.realm, [6; 16]);
                files.push(armored.into_bytes());
            }
        }
        files
    }
}
