//! A store in one file: a log of commits, each written and synced before it counts.
//!
//! The file begins with [`MAGIC`]. A commit is the length of its payload (4 bytes, big endian), the
//! first 8 bytes of the payload's SHA-256, and the payload: for each change a byte 1 (write) or 0
//! (deletion), the key behind its length and, for a write, the value behind its length (4 bytes
//! each, big endian). A torn last commit never returned `Ok` and is cut off when the store opens.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::platform::memory::{Entries, MAX_STORE_BYTES, MemoryStore};
use crate::platform::{Batch, BoxFuture, Store, StoreError};

/// First bytes of a store's file.
const MAGIC: &[u8] = b"dime store 1\n";
/// Bytes before the payload of a commit.
const HEADER: usize = 12;
/// The longest log that is read, in bytes.
pub const MAX_LOG_BYTES: u64 = 4 << 30;
/// A log this many times as long as what it holds is written anew.
pub const COMPACT_FACTOR: u64 = 4;
/// A log shorter than this is left as it is, in bytes.
pub const COMPACT_FROM: u64 = 1 << 20;
/// The longest name of a store.
const MAX_NAME: usize = 100;

/// A store whose commits are in a file.
pub struct FileStore {
    shared: Arc<Shared>,
}

struct Shared {
    entries: MemoryStore,
    log: Mutex<Log>,
}

struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// A write failed and could not be undone: nothing more is written.
    broken: bool,
}

impl FileStore {
    /// Opens the store `name` in `folder`, creating both if they are not there.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if the name has characters other than `a-z 0-9 - _ .`, the file
    /// cannot be read, is damaged, or is in use by another process.
    pub async fn open(folder: &Path, name: &str) -> Result<Self, StoreError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
            return Err(StoreError::Failed(format!("{name:?} is not a store name")));
        }
        let path = folder.join(format!("{name}.store"));
        let folder = folder.to_owned();
        let shared = blocking(move || {
            std::fs::create_dir_all(&folder).map_err(failed)?;
            open_log(path)
        })
        .await?;
        let shared = Arc::new(shared);
        Ok(Self { shared })
    }
}

impl Store for FileStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        self.shared.entries.get(key)
    }

    fn scan<'a>(
        &'a self,
        prefix: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        self.shared.entries.scan(prefix)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let shared = self.shared.clone();
        Box::pin(blocking(move || {
            let mut log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
            shared.entries.lock().check(&batch)?;
            log.append(&encode(&batch)?)?;
            let mut entries = shared.entries.lock();
            entries.apply(batch);
            let held = entries.bytes() as u64;
            if log.length > COMPACT_FROM && log.length / COMPACT_FACTOR > held {
                let snapshot = entries.snapshot();
                drop(entries);
                // The batch is durable already; a log that stays long is no failure of it.
                let _ = encode(&snapshot).and_then(|record| log.rewrite(&record));
            }
            Ok(())
        }))
    }
}

/// Runs `work`, which waits for the disk, off the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Failed(error.to_string()),
    }
}

fn open_log(path: PathBuf) -> Result<Shared, StoreError> {
    let mut file = open_file(&path, false)?;
    let mut bytes = Vec::new();
    let mut limited = (&mut file).take(MAX_LOG_BYTES + 1);
    limited.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_LOG_BYTES {
        return Err(StoreError::Full);
    }
    let (entries, length) = if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
        // New, or torn before its first commit.
        file.set_len(0).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        file.write_all(MAGIC).map_err(failed)?;
        (Entries::default(), MAGIC.len())
    } else {
        replay(&bytes)?
    };
    file.set_len(length as u64).map_err(failed)?;
    file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    sync_folder(&path)?;
    Ok(Shared {
        entries: MemoryStore::with(entries),
        log: Mutex::new(Log {
            path,
            file,
            length: length as u64,
            broken: false,
        }),
    })
}

fn open_file(path: &Path, anew: bool) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(anew);
    let file = options.open(path).map_err(failed)?;
    file.try_lock()
        .map_err(|_| StoreError::Failed("file is in use by another process".to_owned()))?;
    Ok(file)
}

/// The name of a new or renamed file is durable once its folder is.
fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let folder = File::open(folder).map_err(failed)?;
    folder.sync_all().map_err(failed)
}

/// What the file `bytes` of a store holds, as one batch that writes it, and the length of its whole
/// commits.
///
/// # Errors
/// [`StoreError::Failed`] if it is no store or is damaged.
pub fn read_log(bytes: &[u8]) -> Result<(Batch, usize), StoreError> {
    let (entries, length) = replay(bytes)?;
    Ok((entries.snapshot(), length))
}

/// The file of a store to which `batches` were committed.
///
/// # Errors
/// [`StoreError::Full`] if a commit is larger than a store.
pub fn write_log(batches: &[Batch]) -> Result<Vec<u8>, StoreError> {
    let mut bytes = MAGIC.to_vec();
    for batch in batches {
        bytes.extend(encode(batch)?);
    }
    Ok(bytes)
}

/// The entries a log leads to, and the length of its whole commits.
fn replay(bytes: &[u8]) -> Result<(Entries, usize), StoreError> {
    let damaged = |at: usize| StoreError::Failed(format!("file is damaged at byte {at}"));
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return Err(StoreError::Failed("file is not a store".to_owned()));
    };
    let mut entries = Entries::default();
    loop {
        let at = bytes.len() - rest.len();
        let Some((length, after)) = take_length(rest) else {
            return Ok((entries, at));
        };
        let Some((digest, after)) = after.split_at_checked(HEADER - 4) else {
            return Ok((entries, at));
        };
        let Some((payload, after)) = after.split_at_checked(length) else {
            return Ok((entries, at));
        };
        if checksum(payload) != digest {
            // The last commit may be torn; one with others behind it was whole once.
            return if after.is_empty() {
                Ok((entries, at))
            } else {
                Err(damaged(at))
            };
        }
        let batch = decode(payload).ok_or_else(|| damaged(at))?;
        entries.apply(batch);
        rest = after;
    }
}

impl Log {
    fn append(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if self.broken {
            return Err(StoreError::Failed("an earlier write failed".to_owned()));
        }
        let written = self.file.write_all(record);
        let synced = written.and_then(|()| self.file.sync_data());
        if let Err(error) = synced {
            let undone = self.file.set_len(self.length);
            let undone = undone.and_then(|()| self.file.seek(SeekFrom::End(0)));
            self.broken = undone.and_then(|_| self.file.sync_data()).is_err();
            return Err(failed(error));
        }
        self.length += record.len() as u64;
        Ok(())
    }

    /// Replaces the file by one that holds `record` alone.
    fn rewrite(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let fresh = self.path.with_extension("new");
        let mut file = open_file(&fresh, true)?;
        file.write_all(MAGIC).map_err(failed)?;
        file.write_all(record).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&fresh, &self.path).map_err(failed)?;
        self.file = file;
        self.length = (MAGIC.len() + record.len()) as u64;
        let synced = sync_folder(&self.path);
        // Until the new name is durable, what follows might be lost with it.
        self.broken = synced.is_err();
        synced
    }
}

fn checksum(payload: &[u8]) -> [u8; HEADER - 4] {
    let digest = Sha256::digest(payload);
    let mut first = [0; HEADER - 4];
    first
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    first
}

fn encode(batch: &Batch) -> Result<Vec<u8>, StoreError> {
    let mut payload = Vec::new();
    for (key, value) in &batch.changes {
        payload.push(u8::from(value.is_some()));
        put(&mut payload, key.as_bytes())?;
        if let Some(value) = value {
            put(&mut payload, value)?;
        }
    }
    let length = u32::try_from(payload.len()).map_err(|_| StoreError::Full)?;
    let mut record = length.to_be_bytes().to_vec();
    record.extend_from_slice(&checksum(&payload));
    record.extend_from_slice(&payload);
    Ok(record)
}

fn put(payload: &mut Vec<u8>, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > MAX_STORE_BYTES {
        return Err(StoreError::Full);
    }
    let length = u32::try_from(bytes.len()).map_err(|_| StoreError::Full)?;
    payload.extend_from_slice(&length.to_be_bytes());
    payload.extend_from_slice(bytes);
    Ok(())
}

fn decode(mut payload: &[u8]) -> Option<Batch> {
    let mut batch = Batch::default();
    while let Some((kind, rest)) = payload.split_first() {
        let (key, rest) = take(rest)?;
        let key = String::from_utf8(key.to_vec()).ok()?;
        payload = match kind {
            0 => {
                batch = batch.delete(key);
                rest
            }
            1 => {
                let (value, rest) = take(rest)?;
                batch = batch.put(key, value);
                rest
            }
            _ => return None,
        };
    }
    Some(batch)
}

/// What stands behind its length, and the rest.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = take_length(bytes)?;
    rest.split_at_checked(length)
}

fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    Some((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(batches: &[Batch]) -> Vec<u8> {
        write_log(batches).expect("small")
    }

    fn two() -> [Batch; 2] {
        [
            Batch::default().put("a", "1").put("b", "2"),
            Batch::default().put("a", "3").delete("b"),
        ]
    }

    #[test]
    fn a_log_cut_anywhere_leads_to_the_commits_that_are_whole() {
        let whole = log(&two());
        let first = log(&two()[..1]).len();
        for length in MAGIC.len()..whole.len() {
            let (entries, kept) = replay(&whole[..length]).expect("torn, not damaged");
            let expected = if length < first { MAGIC.len() } else { first };
            assert_eq!(kept, expected);
            let value = (length >= first).then(|| b"1".to_vec());
            assert_eq!(entries.get("a"), value);
        }
        let (entries, kept) = replay(&whole).expect("whole");
        assert_eq!((entries.get("a"), kept), (Some(b"3".to_vec()), whole.len()));
        assert_eq!(entries.get("b"), None);
    }

    #[test]
    fn damage_before_the_last_commit_is_an_error() {
        let mut bytes = log(&two());
        bytes[MAGIC.len() + HEADER] ^= 1;
        let error = replay(&bytes).err().expect("damaged").to_string();
        assert_eq!(error, "store failed: file is damaged at byte 13");
    }

    #[test]
    fn what_is_no_store_is_not_overwritten() {
        assert!(replay(b"somebody's diary, not a store").is_err());
    }
}
