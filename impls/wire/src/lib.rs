//! DIME wire formats and cryptography: keys, signets, management records and D/MIME messages.
//!
//! Everything here is a pure function of its arguments: the crate does no IO, reads no clock and
//! draws no randomness of its own. Randomness comes in by purpose through
//! [`message::MessageEntropy`], so that a recorded message can be made again byte for byte.
//!
//! Formats are parsed strictly and with limits. The one exception is [`dissect`], which takes
//! apart what is malformed as far as it goes; it shares no code with the strict parsers.

pub mod alternate;
pub mod armor;
pub mod dissect;
pub mod encoding;
pub mod keys;
pub mod message;
pub mod name;
mod reader;
pub mod record;
pub mod signet;

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
