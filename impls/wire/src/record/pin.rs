//! Pinning: what a record promises for the days of its `exp` (spec/20 §5).
//!
//! The days count from the first retrieval and are not prolonged by later ones. Until they are
//! over, no answer of DNS brings in a new key: who can forge answers cannot take a domain over.

use super::ManagementRecord;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// A record as it is kept: with the time until which it is fresh, and until which it is pinned.
///
/// Times are seconds since any one moment, the same for all calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pin {
    record: ManagementRecord,
    stale_at: u64,
    expires: Option<u64>,
}

/// What a kept record may be used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Freshness {
    /// It is used as it is.
    Fresh,
    /// It should be fetched again, and is used if that fails.
    RefreshWanted,
    /// It is not used any more.
    Expired,
}

/// Why a newly found record does not take the place of a pinned one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PinError {
    /// None of its POKs is pinned.
    #[error("record has none of the keys that are pinned until {expires} seconds")]
    NoPinnedKey {
        /// When the pin ends.
        expires: u64,
    },
}

impl Pin {
    /// Keeps a record found at `now`, whose DNS answer may be kept for `time_to_live` seconds. It is
    /// pinned for its [`expiry_days`](ManagementRecord::expiry_days), if there are any.
    pub fn new(record: ManagementRecord, now: u64, time_to_live: u32) -> Self {
        let days = u64::from(record.expiry_days);
        Self {
            stale_at: now.saturating_add(u64::from(time_to_live)),
            expires: (days > 0).then(|| now.saturating_add(days.saturating_mul(DAY))),
            record,
        }
    }

    /// The record in force.
    pub fn record(&self) -> &ManagementRecord {
        &self.record
    }

    /// When the pin ends; nothing if the record does not pin.
    pub fn expires(&self) -> Option<u64> {
        self.expires
    }

    /// What the record may be used for at `now`. Without a pin it lives as long as the DNS answer,
    /// with one until the pin ends, whatever DNS says.
    pub fn freshness(&self, now: u64) -> Freshness {
        match self.expires {
            Some(expires) if now >= expires => Freshness::Expired,
            _ if now < self.stale_at => Freshness::Fresh,
            Some(_) => Freshness::RefreshWanted,
            None => Freshness::Expired,
        }
    }

    /// Takes in what DNS says at `now`. Without a pin, or after its end, `found` begins anew. During
    /// it, everything but the POKs is taken from `found`; POKs that it no longer has are given up, new
    /// ones count for nothing yet, and the end of the pin stays.
    ///
    /// # Errors
    /// [`PinError::NoPinnedKey`] if no POK would be left; the record in force stays as it was.
    pub fn refresh(
        &mut self,
        found: ManagementRecord,
        now: u64,
        time_to_live: u32,
    ) -> Result<(), PinError> {
        let Some(expires) = self.expires.filter(|expires| now < *expires) else {
            *self = Self::new(found, now, time_to_live);
            return Ok(());
        };
        let mut poks = found.poks.clone();
        poks.retain(|key| self.record.poks.contains(key));
        if poks.is_empty() {
            return Err(PinError::NoPinnedKey { expires });
        }
        self.record = ManagementRecord { poks, ..found };
        self.stale_at = now.saturating_add(u64::from(time_to_live));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::any_record;
    use super::*;
    use crate::keys::VerifyingKey;

    const HOUR: u32 = 3600;

    fn record(expiry_days: u32, poks: &[u8]) -> ManagementRecord {
        ManagementRecord {
            poks: poks.iter().map(|key| VerifyingKey([*key; 32])).collect(),
            expiry_days,
            ..ManagementRecord::default()
        }
    }

    #[test]
    fn a_record_without_expiry_lives_as_long_as_the_answer() {
        let mut pin = Pin::new(record(0, &[1]), 100, HOUR);
        assert_eq!(pin.expires(), None);
        assert_eq!(pin.freshness(3699), Freshness::Fresh);
        assert_eq!(pin.freshness(3700), Freshness::Expired);
        assert_eq!(pin.refresh(record(0, &[2]), 200, HOUR), Ok(()));
        assert_eq!(pin.record(), &record(0, &[2]));
    }

    #[test]
    fn a_pinned_record_outlives_the_answer_but_not_its_days() {
        let mut pin = Pin::new(record(2, &[1]), 100, HOUR);
        let end = 100 + 2 * DAY;
        assert_eq!(pin.expires(), Some(end));
        assert_eq!(pin.freshness(3700), Freshness::RefreshWanted);
        assert_eq!(pin.refresh(record(30, &[1]), 4000, HOUR), Ok(()));
        assert_eq!(pin.freshness(4001), Freshness::Fresh);
        assert_eq!(
            pin.expires(),
            Some(end),
            "the end is that of the first retrieval"
        );
        assert_eq!(pin.freshness(end - 1), Freshness::RefreshWanted);
        assert_eq!(pin.freshness(end), Freshness::Expired);
        assert_eq!(pin.refresh(record(1, &[9]), end, HOUR), Ok(()));
        assert_eq!(pin.expires(), Some(end + DAY));
    }

    #[test]
    fn a_pin_lets_keys_go_but_none_in() {
        let mut pin = Pin::new(record(2, &[1, 2]), 0, HOUR);
        let forged = ManagementRecord {
            syndicates: vec!["elsewhere".to_owned()],
            ..record(0, &[9, 2])
        };
        assert_eq!(pin.refresh(forged.clone(), 10, HOUR), Ok(()));
        assert_eq!(pin.record().poks, record(0, &[2]).poks);
        assert_eq!(pin.record().syndicates, forged.syndicates);
        let before = pin.clone();
        assert_eq!(
            pin.refresh(record(2, &[1, 9]), 20, HOUR),
            Err(PinError::NoPinnedKey { expires: 2 * DAY })
        );
        assert_eq!(pin, before);
    }

    proptest! {
        #[test]
        fn no_refresh_prolongs_a_pin_or_adds_a_key(
            first in any_record(),
            later in proptest::collection::vec((any_record(), any::<bool>(), any::<[u32; 2]>()), 0..6),
            start in any::<u64>(),
        ) {
            let poks = first.poks.clone();
            let mut pin = Pin::new(first, start, HOUR);
            let expires = pin.expires();
            for (mut found, keeps_a_key, [wait, time_to_live]) in later {
                if keeps_a_key {
                    found.poks.extend(poks.first());
                }
                let now = start.saturating_add(u64::from(wait));
                if expires.is_none_or(|expires| now >= expires) {
                    break;
                }
                let _ = pin.refresh(found, now, time_to_live);
                prop_assert_eq!(pin.expires(), expires);
                prop_assert!(pin.record().poks.iter().all(|key| poks.contains(key)));
                prop_assert!(!pin.record().poks.is_empty());
            }
        }
    }
}
