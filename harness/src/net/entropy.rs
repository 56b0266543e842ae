//! Where the randomness of a run comes from.
//!
//! Every stream is ChaCha20 keyed by a digest of the run's seed, the slot of the host, the purpose
//! and how often that purpose was asked for before. Slots and purposes are positions, never names,
//! so that a run with other people in the same places draws the same bytes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dime::platform::Purpose;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// The streams of one host.
#[derive(Debug)]
pub struct HostEntropy {
    seed: u64,
    slot: String,
    drawn: Mutex<BTreeMap<Purpose, u64>>,
}

impl HostEntropy {
    /// The streams of the host in `slot` in the run with this seed.
    pub fn new(seed: u64, slot: impl Into<String>) -> Self {
        Self {
            seed,
            slot: slot.into(),
            drawn: Mutex::default(),
        }
    }

    /// A stream for `purpose`, independent of all it gave before.
    pub fn stream(&self, purpose: Purpose) -> ChaCha20Rng {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let occurrence = drawn.entry(purpose.clone()).or_insert(0);
        let rng = stream(self.seed, &self.slot, &purpose, *occurrence);
        *occurrence += 1;
        rng
    }
}

/// The stream of `seed`, `slot`, `purpose` and `occurrence`.
///
/// Its key is SHA-256 over the bytes `dimespec\0`, the seed (8 bytes, big endian), then slot and
/// purpose, each behind its length (8 bytes, big endian), then the occurrence (8 bytes, big endian).
pub fn stream(seed: u64, slot: &str, purpose: &Purpose, occurrence: u64) -> ChaCha20Rng {
    let mut digest = Sha256::new();
    digest.update(b"dimespec\0");
    digest.update(seed.to_be_bytes());
    for part in [slot, &purpose.0] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.update(occurrence.to_be_bytes());
    ChaCha20Rng::from_seed(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    fn draw(seed: u64, slot: &str, purpose: &str, occurrence: u64) -> u64 {
        stream(seed, slot, &purpose.into(), occurrence).next_u64()
    }

    #[test]
    fn each_of_seed_slot_purpose_and_occurrence_gives_another_stream() {
        let first = draw(1, "a", "b", 0);
        assert_eq!(first, draw(1, "a", "b", 0));
        for other in [
            draw(2, "a", "b", 0),
            draw(1, "c", "b", 0),
            draw(1, "a", "c", 0),
            draw(1, "a", "b", 1),
            draw(1, "ab", "", 0),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_host_counts_how_often_a_purpose_was_asked_for() {
        let host = HostEntropy::new(7, "0");
        let mut first = host.stream("seal".into());
        let mut second = host.stream("seal".into());
        assert_eq!(first.next_u64(), draw(7, "0", "seal", 0));
        assert_eq!(second.next_u64(), draw(7, "0", "seal", 1));
    }
}
