//! What a server keeps: the queue, the mailboxes, and which letters it has seen.
//!
//! ```text
//! queue/<number>              wish (1 byte), message         until it is delivered or given up
//! failed/<number>             wish (1 byte), message         letters given up
//! mailbox/<address>/<number>  message
//! seen/<identity>             Unix time (8 bytes), transaction id
//! submitted/<identity>        Unix time (8 bytes)
//! ```
//! Numbers are 16 hexadecimal digits that only grow. Neither the author of a delivered letter nor
//! anybody's network address is ever written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::dmtp::ReturnWish;
use crate::platform::{Batch, Clock, Store, StoreError};

use super::Refusal;

/// Most letters waiting for delivery.
pub const MAX_QUEUE: usize = 1024;
/// Most letters in one mailbox.
pub const MAX_MAILBOX: usize = 10_000;
/// How long a letter is recognized when it comes again.
pub const SEEN_FOR: Duration = Duration::from_secs(30 * 86_400);

const QUEUE: &str = "queue/";
const FAILED: &str = "failed/";
const MAILBOX: &str = "mailbox/";
const SEEN: &str = "seen/";
const SUBMITTED: &str = "submitted/";

/// The store of a server, with the order of its writes.
pub(super) struct MailStore {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The lock also keeps look-up and write of one letter together.
    counts: Mutex<Counts>,
}

/// What would take a scan to count.
#[derive(Default)]
struct Counts {
    /// The next number.
    next: u64,
    /// Letters in the queue.
    queued: usize,
    /// Letters by mailbox.
    kept: BTreeMap<String, usize>,
}

/// A letter in the queue.
pub(super) struct Queued {
    pub(super) wish: Option<ReturnWish>,
    pub(super) message: Vec<u8>,
}

/// Whether a letter was new.
pub(super) enum Kept {
    New { transaction: String },
    Duplicate { transaction: String },
}

impl MailStore {
    pub(super) async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<MailStore, StoreError> {
        let mut counts = Counts::default();
        for area in [QUEUE, FAILED, MAILBOX] {
            for (key, _) in store.scan(area).await? {
                counts.add(&key);
            }
        }
        let mail = MailStore {
            store,
            clock,
            counts: Mutex::new(counts),
        };
        mail.forget_old().await?;
        Ok(mail)
    }

    /// Puts a submitted letter in the queue; `None` if it was submitted before.
    pub(super) async fn queue(
        &self,
        identity: &[u8; 64],
        letter: &Queued,
    ) -> Result<Option<String>, Refusal> {
        let mut counts = self.counts.lock().await;
        let submitted = format!("{SUBMITTED}{}", hex::encode(identity));
        if self.store.get(&submitted).await?.is_some() {
            return Ok(None);
        }
        if counts.queued >= MAX_QUEUE {
            return Err(Refusal::Full("letters in the queue"));
        }
        let key = format!("{QUEUE}{:016x}", counts.next);
        let batch = Batch::default()
            .put(&key, letter.to_bytes())
            .put(submitted, self.now());
        self.store.commit(batch).await?;
        counts.add(&key);
        Ok(Some(key))
    }

    /// Keys of the letters in the queue, oldest first.
    pub(super) async fn queued(&self) -> Result<Vec<String>, StoreError> {
        let entries = self.store.scan(QUEUE).await?;
        Ok(entries.into_iter().map(|(key, _)| key).collect())
    }

    /// A letter of the queue.
    pub(super) async fn letter(&self, key: &str) -> Result<Option<Queued>, StoreError> {
        let bytes = self.store.get(key).await?;
        Ok(bytes.as_deref().and_then(Queued::from_bytes))
    }

    /// Takes a delivered letter off the queue.
    pub(super) async fn delivered(&self, key: &str) -> Result<(), StoreError> {
        let mut counts = self.counts.lock().await;
        self.store.commit(Batch::default().delete(key)).await?;
        counts.queued = counts.queued.saturating_sub(1);
        Ok(())
    }

    /// Moves a letter from the queue to those given up.
    pub(super) async fn failed(&self, key: &str, letter: &Queued) -> Result<(), StoreError> {
        let number = key.strip_prefix(QUEUE).unwrap_or(key);
        let batch = Batch::default()
            .delete(key)
            .put(format!("{FAILED}{number}"), letter.to_bytes());
        let mut counts = self.counts.lock().await;
        self.store.commit(batch).await?;
        counts.queued = counts.queued.saturating_sub(1);
        Ok(())
    }

    /// Puts a letter in a mailbox, once.
    pub(super) async fn keep(
        &self,
        address: &str,
        identity: &[u8; 64],
        transaction: String,
        message: &[u8],
    ) -> Result<Kept, Refusal> {
        let mut counts = self.counts.lock().await;
        let seen = format!("{SEEN}{}", hex::encode(identity));
        if let Some(before) = self.store.get(&seen).await? {
            let id = before.get(8..).unwrap_or_default();
            return Ok(Kept::Duplicate {
                transaction: String::from_utf8_lossy(id).into_owned(),
            });
        }
        let mailbox = format!("{MAILBOX}{address}/");
        if counts.kept.get(&mailbox).is_some_and(|n| *n >= MAX_MAILBOX) {
            return Err(Refusal::Full("letters in the mailbox"));
        }
        let mut mark = self.now();
        mark.extend_from_slice(transaction.as_bytes());
        let key = format!("{mailbox}{:016x}", counts.next);
        let batch = Batch::default().put(&key, message).put(seen, mark);
        self.store.commit(batch).await?;
        counts.add(&key);
        Ok(Kept::New { transaction })
    }

    /// Keys and sizes of the letters in a mailbox, oldest first.
    pub(super) async fn list(&self, address: &str) -> Result<Vec<(String, usize)>, StoreError> {
        let entries = self.store.scan(&format!("{MAILBOX}{address}/")).await?;
        Ok(entries
            .into_iter()
            .map(|(key, message)| (key, message.len()))
            .collect())
    }

    /// A letter of a mailbox.
    pub(super) async fn fetch(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(key).await
    }

    fn now(&self) -> Vec<u8> {
        self.clock.wall().0.to_be_bytes().to_vec()
    }

    /// Forgets letters seen so long ago that they will not come again.
    async fn forget_old(&self) -> Result<(), StoreError> {
        let oldest = self.clock.wall().0.saturating_sub(SEEN_FOR.as_secs());
        let mut batch = Batch::default();
        for area in [SEEN, SUBMITTED] {
            for (key, value) in self.store.scan(area).await? {
                let time = value.first_chunk().map_or(0, |b| u64::from_be_bytes(*b));
                if time < oldest {
                    batch = batch.delete(key);
                }
            }
        }
        if batch.changes.is_empty() {
            return Ok(());
        }
        self.store.commit(batch).await
    }
}

impl Queued {
    fn to_bytes(&self) -> Vec<u8> {
        let wish = match self.wish {
            None => 0,
            Some(ReturnWish::Full) => 1,
            Some(ReturnWish::Display) => 2,
            Some(ReturnWish::Header) => 3,
        };
        let mut bytes = Vec::with_capacity(1 + self.message.len());
        bytes.push(wish);
        bytes.extend_from_slice(&self.message);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Queued> {
        let (wish, message) = bytes.split_first()?;
        let wish = match wish {
            0 => None,
            1 => Some(ReturnWish::Full),
            2 => Some(ReturnWish::Display),
            3 => Some(ReturnWish::Header),
            _ => return None,
        };
        Some(Queued {
            wish,
            message: message.to_vec(),
        })
    }
}

impl Counts {
    /// Counts the entry at `key`, which ends with its number.
    fn add(&mut self, key: &str) {
        let Some((area, number)) = key.rsplit_once('/') else {
            return;
        };
        if let Ok(number) = u64::from_str_radix(number, 16) {
            self.next = self.next.max(number.saturating_add(1));
        }
        if key.starts_with(QUEUE) {
            self.queued += 1;
        } else if key.starts_with(MAILBOX) {
            *self.kept.entry(format!("{area}/")).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::memory::MemoryStore;
    use crate::platform::{BoxFuture, Tick, UnixTime};

    struct Still(u64);

    impl Clock for Still {
        fn now(&self) -> Tick {
            Tick(0)
        }

        fn wall(&self) -> UnixTime {
            UnixTime(self.0)
        }

        fn sleep_until(&self, _deadline: Tick) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    async fn open(store: &Arc<MemoryStore>, now: u64) -> MailStore {
        let opened = MailStore::open(store.clone(), Arc::new(Still(now))).await;
        opened.expect("memory does not fail")
    }

    fn letter(text: &str) -> Queued {
        Queued {
            wish: Some(ReturnWish::Header),
            message: text.into(),
        }
    }

    #[tokio::test]
    async fn numbers_only_grow_also_over_a_restart() {
        let store = Arc::new(MemoryStore::default());
        let mail = open(&store, 0).await;
        let first = mail.queue(&[1; 64], &letter("a")).await;
        assert_eq!(first, Ok(Some("queue/0000000000000000".to_owned())));
        mail.keep("bob@b", &[2; 64], "t".into(), b"m")
            .await
            .map(|_| ())
            .expect("new");
        let mail = open(&store, 0).await;
        let next = mail.queue(&[3; 64], &letter("b")).await;
        assert_eq!(next, Ok(Some("queue/0000000000000002".to_owned())));
        assert_eq!(mail.queued().await.map(|keys| keys.len()), Ok(2));
    }

    #[tokio::test]
    async fn a_letter_is_recognized_until_it_is_old() {
        let store = Arc::new(MemoryStore::default());
        let mail = open(&store, 1000).await;
        let keep = |mail: MailStore| async move {
            match mail.keep("bob@b", &[2; 64], "second".into(), b"m").await {
                Ok(Kept::New { transaction }) => format!("new {transaction}"),
                Ok(Kept::Duplicate { transaction }) => format!("again {transaction}"),
                Err(refusal) => refusal.to_string(),
            }
        };
        mail.keep("bob@b", &[2; 64], "first".into(), b"m")
            .await
            .map(|_| ())
            .expect("new");
        assert_eq!(keep(open(&store, 1000).await).await, "again first");
        let later = 1001 + SEEN_FOR.as_secs();
        assert_eq!(keep(open(&store, later).await).await, "new second");
    }

    #[tokio::test]
    async fn a_failed_letter_leaves_the_queue_and_is_kept() {
        let store = Arc::new(MemoryStore::default());
        let mail = open(&store, 0).await;
        let key = mail
            .queue(&[1; 64], &letter("a"))
            .await
            .expect("room")
            .expect("new");
        let queued = mail.letter(&key).await.expect("memory").expect("there");
        assert_eq!(
            (queued.wish, queued.message.as_slice()),
            (Some(ReturnWish::Header), &b"a"[..])
        );
        mail.failed(&key, &queued).await.expect("memory");
        assert_eq!(mail.queued().await, Ok(Vec::new()));
        let failed = store.scan(FAILED).await.expect("memory");
        assert_eq!(
            failed,
            [("failed/0000000000000000".to_owned(), b"\x03a".to_vec())]
        );
    }
}
