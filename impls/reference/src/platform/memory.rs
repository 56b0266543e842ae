//! A store in memory: what the simulation, in-memory runs and tests keep their data in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Batch, BoxFuture, Store, StoreError};

/// The most bytes of keys and values that one store holds.
pub const MAX_STORE_BYTES: usize = 1 << 30;

/// An ordered map behind the [`Store`] interface. Cheap to create; share it to survive a restart.
#[derive(Default)]
pub struct MemoryStore {
    entries: Mutex<Entries>,
}

/// The contents of a store and their size.
#[derive(Default)]
pub(crate) struct Entries {
    map: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl MemoryStore {
    /// A store with these contents.
    pub(crate) fn with(entries: Entries) -> Self {
        Self {
            entries: Mutex::new(entries),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Entries> {
        // A panic while the lock was held cannot leave half a batch: `apply` checks before it writes.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move { Ok(self.lock().get(key)) })
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        Box::pin(async move { Ok(self.lock().scan(prefix)) })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut entries = self.lock();
            entries.check(&batch)?;
            entries.apply(batch);
            Ok(())
        })
    }
}

impl Entries {
    /// The value at `key`.
    pub(crate) fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.map.get(key).cloned()
    }

    /// All entries whose key starts with `prefix`, in key order.
    pub(crate) fn scan(&self, prefix: &str) -> Vec<(String, Vec<u8>)> {
        self.map
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// All entries as one batch that writes them.
    pub(crate) fn snapshot(&self) -> Batch {
        self.map
            .iter()
            .fold(Batch::default(), |batch, (key, value)| {
                batch.put(key.clone(), value.clone())
            })
    }

    /// The bytes of all keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether `batch` fits, counting deletions as if they freed nothing.
    pub(crate) fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        let added: usize = batch
            .changes
            .iter()
            .map(|(key, value)| value.as_ref().map_or(0, |value| key.len() + value.len()))
            .fold(0, usize::saturating_add);
        if self.bytes.saturating_add(added) > MAX_STORE_BYTES {
            return Err(StoreError::Full);
        }
        Ok(())
    }

    /// Writes and deletes as `batch` says.
    pub(crate) fn apply(&mut self, batch: Batch) {
        for (key, value) in batch.changes {
            let length = key.len();
            let previous = match value {
                Some(value) => {
                    self.bytes += length + value.len();
                    self.map.insert(key, value)
                }
                None => self.map.remove(&key),
            };
            self.bytes -= previous.map_or(0, |value| length + value.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(changes: &[(&str, Option<&str>)]) -> Batch {
        Batch {
            changes: changes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.map(|v| v.as_bytes().to_vec())))
                .collect(),
        }
    }

    #[test]
    fn a_batch_is_applied_in_order_and_the_size_stays_true() {
        let mut entries = Entries::default();
        entries.apply(batch(&[("a", Some("1")), ("b", Some("22"))]));
        assert_eq!(entries.bytes(), 5);
        entries.apply(batch(&[("a", Some("333")), ("b", None), ("b", Some("4"))]));
        assert_eq!(entries.bytes(), 6);
        assert_eq!(entries.get("a"), Some(b"333".to_vec()));
        entries.apply(batch(&[("a", None), ("b", None), ("c", None)]));
        assert_eq!(entries.bytes(), 0);
    }

    #[test]
    fn a_scan_gives_the_keys_below_a_prefix_in_order() {
        let mut entries = Entries::default();
        entries.apply(batch(&[
            ("q/2", Some("b")),
            ("q/1", Some("a")),
            ("r", Some("c")),
            ("p", None),
        ]));
        let keys: Vec<String> = entries.scan("q/").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["q/1", "q/2"]);
    }
}
