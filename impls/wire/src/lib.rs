//! DIME wire formats and cryptography: keys, signets, management records and D/MIME messages.
//!
//! Everything here is a pure function of its arguments: the crate does no IO but on streams that its
//! caller opened ([`message::stream`]), reads no clock and draws no randomness of its own.
//! Randomness comes in by purpose through [`message::MessageEntropy`], so that a recorded message can
//! be made again byte for byte.
//!
//! Formats are parsed strictly and with limits. The one exception is [`dissect`], which takes
//! apart what is malformed as far as it goes; it shares no code with the strict parsers.
//!
//! A letter on its way, all four actors in one place:
//!
//! ```
//! use dime_wire::keys::{EncryptionKey, PrivateKeys, SigningKey};
//! use dime_wire::message::{
//!     Bounces, CommonHeaders, Letter, Message, Part, SealOptions, Signets, StreamEntropy,
//!     open_as_recipient, read_destination_envelope, seal, sign_as_origin,
//! };
//! use dime_wire::{Profile, signet};
//!
//! # fn rng() -> impl rand_core::CryptoRng { rand_chacha::ChaCha20Rng::from_seed([7; 32]) }
//! # use rand_core::SeedableRng;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let keys = |seed: u8| PrivateKeys {
//! #     signing: SigningKey::from_seed([seed; 32]),
//! #     encryption: EncryptionKey::derive([seed; 32]),
//! # };
//! let (author, origin, destination, recipient) = (keys(1), keys(2), keys(3), keys(4));
//! let organization = |keys: &PrivateKeys, domain| {
//!     signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime).sign(&keys.signing, domain)
//! };
//! let user = |keys, organization: &PrivateKeys, address| {
//!     let request = signet::request(keys, &[], None, Profile::Libdime)?;
//!     signet::issue(&request, &organization.signing, &[], address)
//! };
//! let signets = Signets {
//!     author: &user(&author, &origin, "ann@one.example")?,
//!     origin: &organization(&origin, "one.example")?,
//!     destination: &organization(&destination, "two.example")?,
//!     recipient: &user(&recipient, &destination, "rob@two.example")?,
//! };
//! let letter = Letter {
//!     author: "ann@one.example".into(),
//!     origin: "one.example".into(),
//!     destination: "two.example".into(),
//!     recipient: "rob@two.example".into(),
//!     common: CommonHeaders { subject: "figures".into(), ..CommonHeaders::default() },
//!     display: vec![Part::plain("the body")],
//!     ..Letter::default()
//! };
//!
//! let mut entropy = StreamEntropy(rng());
//! let authored = seal(&letter, &signets, &author.signing, &mut entropy, &SealOptions::default())?;
//! let sent = sign_as_origin(&authored, &origin, Bounces::default(), None)?;
//!
//! let message = Message::parse(&sent)?;
//! let seen = read_destination_envelope(&message, &destination.encryption)?;
//! assert_eq!((seen.recipient.as_str(), seen.origin.as_str()), ("rob@two.example", "one.example"));
//! let opened = open_as_recipient(&message, &recipient.encryption, &signets, &[])?;
//! assert_eq!(opened.display, letter.display);
//! # Ok(())
//! # }
//! ```

pub mod alternate;
pub mod armor;
pub mod backend;
pub mod dissect;
pub mod encoding;
pub mod keys;
pub mod message;
pub mod name;
mod reader;
pub mod record;
pub mod signet;
pub mod stacie;

/// Which of the two public code bases' bytes we emit where they disagree (spec/10 §3.5, §10).
///
/// Readers accept both wherever the bytes tell them apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// Encryption keys carry a 2-byte length; the form of the published vectors.
    #[default]
    Libdime,
    /// Encryption keys carry a 1-byte length.
    Magma,
}
