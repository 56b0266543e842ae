//! Origins that tell the destination who the author is.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use dime::agent::server::{DeliveryCommands, OriginSealer, Outbox, Outgoing, Parts};
use dime::dmtp::Argument;
use dime_wire::keys::PrivateKeys;
use dime_wire::message::{Bounces, OpenError, OriginEnvelope, sign_as_origin};
use sha2::{Digest, Sha256};

/// Puts the author's address where DMTP allows free text.
pub fn author_in_data_argument(honest: Parts) -> Parts {
    let outbox = Arc::new(TalkativeOutbox(honest.outbox.clone()));
    Parts { outbox, ..honest }
}

struct TalkativeOutbox(Arc<dyn Outbox>);

impl Outbox for TalkativeOutbox {
    fn commands(&self, letter: &Outgoing<'_>) -> Option<DeliveryCommands> {
        let mut commands = self.0.commands(letter)?;
        let author = STANDARD_NO_PAD.encode(&letter.envelope.author);
        commands.argument = Argument::new(author);
        Some(commands)
    }
}

/// Marks letters with a digest of the author's address, in the one place no signature covers.
pub fn author_digest_in_tracing(honest: Parts) -> Parts {
    let sealer = Arc::new(TracingSealer);
    Parts { sealer, ..honest }
}

struct TracingSealer;

impl OriginSealer for TracingSealer {
    fn sign(
        &self,
        message: &[u8],
        envelope: &OriginEnvelope,
        keys: &PrivateKeys,
        bounces: Bounces,
    ) -> Result<Vec<u8>, OpenError> {
        let digest = Sha256::digest(envelope.author.as_bytes());
        sign_as_origin(message, keys, bounces, Some(digest.as_slice()))
    }
}
