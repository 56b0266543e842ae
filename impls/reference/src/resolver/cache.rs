//! Answers kept for a while, by name, on our clock, in memory only.

use std::collections::BTreeMap;

use crate::platform::Tick;

/// Most answers of one kind that are kept; the one that ends first makes room.
pub(super) const MAX_KEPT: usize = 1024;

/// Answers of one kind.
#[derive(Debug)]
pub(super) struct Cache<T> {
    entries: BTreeMap<String, Entry<T>>,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    fresh_until: Tick,
    pinned_until: Tick,
}

impl<T: Clone> Cache<T> {
    pub(super) fn new() -> Self {
        Cache {
            entries: BTreeMap::new(),
        }
    }

    /// The answer for `name`, if it is still fresh.
    pub(super) fn fresh(&self, name: &str, now: Tick) -> Option<T> {
        let entry = self.entries.get(name)?;
        (now < entry.fresh_until).then(|| entry.value.clone())
    }

    /// The answer for `name`, if it may stand in while no new one can be had.
    pub(super) fn pinned(&self, name: &str, now: Tick) -> Option<T> {
        let entry = self.entries.get(name)?;
        (now < entry.pinned_until).then(|| entry.value.clone())
    }

    /// Keeps an answer. A pin that still holds keeps its end (spec/20 §5).
    pub(super) fn keep(
        &mut self,
        name: &str,
        value: T,
        now: Tick,
        fresh_until: Tick,
        pinned_until: Tick,
    ) {
        let pinned_until = match self.entries.get(name) {
            Some(old) if now < old.pinned_until => old.pinned_until,
            _ => pinned_until,
        };
        if !self.entries.contains_key(name) && self.entries.len() >= MAX_KEPT {
            self.make_room();
        }
        let entry = Entry {
            value,
            fresh_until,
            pinned_until,
        };
        self.entries.insert(name.to_owned(), entry);
    }

    fn make_room(&mut self) {
        let first = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| entry.fresh_until.max(entry.pinned_until))
            .map(|(name, _)| name.clone());
        if let Some(name) = first {
            self.entries.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_fresh_until_its_time_and_pinned_beyond() {
        let mut cache = Cache::new();
        cache.keep("a", 1, Tick(0), Tick(10), Tick(100));
        assert_eq!(cache.fresh("a", Tick(9)), Some(1));
        assert_eq!(cache.fresh("a", Tick(10)), None);
        assert_eq!(cache.pinned("a", Tick(99)), Some(1));
        assert_eq!(cache.pinned("a", Tick(100)), None);
    }

    #[test]
    fn a_refreshed_answer_does_not_prolong_its_pin() {
        let mut cache = Cache::new();
        cache.keep("a", 1, Tick(0), Tick(10), Tick(100));
        cache.keep("a", 2, Tick(50), Tick(60), Tick(150));
        assert_eq!(cache.pinned("a", Tick(99)), Some(2));
        assert_eq!(cache.pinned("a", Tick(100)), None);
    }

    #[test]
    fn the_number_of_answers_is_limited() {
        let mut cache = Cache::new();
        for index in 0..=MAX_KEPT {
            let end = Tick(1 + index as u64);
            cache.keep(&format!("{index}"), index, Tick(0), end, Tick(0));
        }
        assert_eq!(cache.entries.len(), MAX_KEPT);
        assert_eq!(cache.fresh("0", Tick(0)), None);
        assert_eq!(cache.fresh("1", Tick(0)), Some(1));
    }
}
