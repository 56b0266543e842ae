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
    /// The next number; the lock also keeps look-up and write of one letter together.
    next: Mutex<u64>,
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
        let mut next = 0;
        for area in [QUEUE, FAILED, MAILBOX] {
            for (key, _) in store.scan(area).await? {
                next = next.max(number_of(&key).map_or(0, |number| number + 1));
            }
        }
        let mail = MailStore {
            store,
            clock,
            next: Mutex::new(next),
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
        let mut next = self.next.lock().await;
        let submitted = format!("{SUBMITTED}{}", hex::encode(identity));
        if self.store.get(&submitted).await?.is_some() {
            return Ok(None);
        }
        if self.store.scan(QUEUE).await?.len() >= MAX_QUEUE {
            return Err(Refusal::Full("letters in the queue"));
        }
        let key = format!("{QUEUE}{:016x}", *next);
        let batch = Batch::default()
            .put(&key, letter.to_bytes())
            .put(submitted, self.now());
        self.store.commit(batch).await?;
        *next += 1;
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
        self.store.commit(Batch::default().delete(key)).await
    }

    /// Moves a letter from the queue to those given up.
    pub(super) async fn failed(&self, key: &str, letter: &Queued) -> Result<(), StoreError> {
        let number = key.strip_prefix(QUEUE).unwrap_or(key);
        let batch = Batch::default()
            .delete(key)
            .put(format!("{FAILED}{number}"), letter.to_bytes());
        self.store.commit(batch).await
    }

    /// Puts a letter in a mailbox, once.
    pub(super) async fn keep(
        &self,
        address: &str,
        identity: &[u8; 64],
        transaction: String,
        message: &[u8],
    ) -> Result<Kept, Refusal> {
        let mut next = self.next.lock().await;
        let seen = format!("{SEEN}{}", hex::encode(identity));
        if let Some(before) = self.store.get(&seen).await? {
            let id = before.get(8..).unwrap_or_default();
            return Ok(Kept::Duplicate {
                transaction: String::from_utf8_lossy(id).into_owned(),
            });
        }
        let mailbox = format!("{MAILBOX}{address}/");
        if self.store.scan(&mailbox).await?.len() >= MAX_MAILBOX {
            return Err(Refusal::Full("letters in the mailbox"));
        }
        let mut mark = self.now();
        mark.extend_from_slice(transaction.as_bytes());
        let batch = Batch::default()
            .put(format!("{mailbox}{:016x}", *next), message)
            .put(seen, mark);
        self.store.commit(batch).await?;
        *next += 1;
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

fn number_of(key: &str) -> Option<u64> {
    u64::from_str_radix(key.rsplit('/').next()?, 16).ok()
}
