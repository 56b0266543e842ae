//! Files in the making: which they are, so that a program that is interrupted can delete them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Every file that has no name of its own yet.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Deletes every file in the making, for a program that ends at once: from here on, whoever begins,
/// names or drops such a file waits for ever.
pub fn discard_unfinished() {
    let unfinished = noted();
    for path in unfinished.iter() {
        // It may have got its name in the meantime, and nobody is left to be told of anything else.
        let _ = std::fs::remove_file(path);
    }
    std::mem::forget(unfinished);
}

/// Says that a file is in the making, until it is dropped.
#[derive(Debug)]
pub(super) struct Unfinished(PathBuf);

impl Unfinished {
    /// Makes a file with `make`, of which `path` says where it is.
    pub(super) fn begin<T, E>(
        make: impl FnOnce() -> Result<T, E>,
        path: impl FnOnce(&T) -> &Path,
    ) -> Result<(T, Self), E> {
        // Held all the time, so that no file is made unnoticed.
        let mut unfinished = noted();
        let made = make()?;
        let path = path(&made).to_owned();
        unfinished.insert(path.clone());
        Ok((made, Self(path)))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        noted().remove(&self.0);
    }
}

fn noted() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}
