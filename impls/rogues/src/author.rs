//! Authors' clients that give too much to a server, or believe too much.

use std::sync::Arc;

use dime::agent::client::{Config, Parts, Seal};
use dime::dns::Security;
use dime::platform::Platform;
use dime::resolver::{DimeResolver, Trust};
use dime_wire::keys::SigningKey;
use dime_wire::message::{
    Actor, ChunkType, Letter, MessageEntropy, SealError, SealOptions, Signets,
};

/// Lets the origin open the display chunk: its key is in the author's keyslot.
pub fn keyslot_for_origin(_platform: &Arc<dyn Platform>, _config: &Config, honest: Parts) -> Parts {
    let sealer = Arc::new(SharingSeal(honest.sealer.clone()));
    Parts { sealer, ..honest }
}

struct SharingSeal(Arc<dyn Seal>);

impl Seal for SharingSeal {
    fn seal(
        &self,
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &SigningKey,
        entropy: &mut dyn MessageEntropy,
        options: &SealOptions,
    ) -> Result<Vec<u8>, SealError> {
        let mut options = options.clone();
        if let Ok(origin) = signets.origin.encryption_key() {
            let slot = (ChunkType::Display, Actor::Author);
            options.keyslots.insert(slot, origin);
        }
        self.0.seal(letter, signets, author_key, entropy, &options)
    }
}

/// Signs what the destination reads with the author's long-term key, although chunk 4 says that a key
/// of the message's own did.
pub fn sign_destination_chunk(
    _platform: &Arc<dyn Platform>,
    _config: &Config,
    honest: Parts,
) -> Parts {
    let sealer = Arc::new(TraceableSeal(honest.sealer.clone()));
    Parts { sealer, ..honest }
}

struct TraceableSeal(Arc<dyn Seal>);

impl Seal for TraceableSeal {
    fn seal(
        &self,
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &SigningKey,
        entropy: &mut dyn MessageEntropy,
        options: &SealOptions,
    ) -> Result<Vec<u8>, SealError> {
        let mut options = options.clone();
        let signer = author_key.clone();
        options.signers.insert(ChunkType::Destination, signer);
        self.0.seal(letter, signets, author_key, entropy, &options)
    }
}

/// Builds on DNS answers whatever DNSSEC says of them.
pub fn accept_bogus(platform: &Arc<dyn Platform>, config: &Config, honest: Parts) -> Parts {
    let trusting = DimeResolver::with_trust(
        platform.clone(),
        config.resolver.clone(),
        Arc::new(Gullible),
    );
    Parts {
        resolver: Arc::new(trusting),
        ..honest
    }
}

struct Gullible;

impl Trust for Gullible {
    fn accept(&self, _security: Security) -> bool {
        true
    }
}
