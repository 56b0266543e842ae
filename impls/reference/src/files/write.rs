//! Writing files whole or not at all: into a new file beside the target, which then takes its name.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use super::FileError;
use super::unfinished::Unfinished;

/// What to do about a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// Leave it alone and fail.
    Keep,
    /// Put the new one in its place.
    Replace,
}

/// Access rights of a secret: its owner's alone.
#[cfg(unix)]
const SECRET_MODE: u32 = 0o600;
/// Access rights of everything else, of which the process's mask takes what it takes.
#[cfg(unix)]
const PUBLIC_MODE: u32 = 0o666;

/// Writes what anybody may read to a file; a reader sees all of it or nothing.
///
/// # Errors
/// [`FileError::Exists`] if it is there and to be kept, else [`FileError::Write`].
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), FileError> {
    put(path, bytes, existing, false)
}

/// Writes a secret to a new file that only its owner may read; never over another file.
///
/// # Errors
/// As [`write()`].
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    put(path, bytes, Existing::Keep, true)
}

fn put(path: &Path, bytes: &[u8], existing: Existing, secret: bool) -> Result<(), FileError> {
    // Something special, like /dev/null or a pipe, is written to, not replaced.
    let special = path
        .metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir());
    let done = if special && !secret {
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
    } else if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        Err(io::ErrorKind::AlreadyExists.into())
    } else {
        place(path, bytes, existing, secret)
    };
    done.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists {
            path: path.to_owned(),
        },
        _ => FileError::Write {
            path: path.to_owned(),
            error,
        },
    })
}

fn place(path: &Path, bytes: &[u8], existing: Existing, secret: bool) -> io::Result<()> {
    let (mut file, _unfinished) = beside(folder_of(path), secret)?;
    // The errors of the file that knows its path name it too.
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    persist(file.into_temp_path(), path, existing)
}

pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file in `folder`, to be given its name by [`persist`].
pub(super) fn beside(folder: &Path, secret: bool) -> io::Result<(NamedTempFile, Unfinished)> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if secret { SECRET_MODE } else { PUBLIC_MODE });
    }
    #[cfg(not(unix))]
    let _ = secret;
    // Opened by ourselves: the errors of `tempfile_in` name this file, which means nothing to anybody.
    let make = || {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(".dime-")
            .make_in(folder, |path| options.open(path))
    };
    Unfinished::begin(make, NamedTempFile::path)
}

pub(super) fn persist(file: TempPath, path: &Path, existing: Existing) -> io::Result<()> {
    match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(path),
    }
    .map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_replaced_only_on_demand_and_a_secret_never() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("file");
        write(&path, b"one", Existing::Keep).expect("is new");
        assert!(matches!(
            write(&path, b"two", Existing::Keep),
            Err(FileError::Exists { .. })
        ));
        assert!(matches!(
            write_secret(&path, b"two"),
            Err(FileError::Exists { .. })
        ));
        assert_eq!(std::fs::read(&path).expect("is there"), b"one");
        write(&path, b"two", Existing::Replace).expect("may be replaced");
        assert_eq!(std::fs::read(&path).expect("is there"), b"two");
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .expect("is there")
            .collect();
        assert_eq!(left.len(), 1, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("file");
        write_secret(&path, b"one").expect("is new");
        let mode = path.metadata().expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, SECRET_MODE);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        use std::os::unix::fs::FileTypeExt as _;
        write(Path::new("/dev/null"), b"gone", Existing::Keep).expect("takes everything");
        let kind = Path::new("/dev/null")
            .metadata()
            .expect("is there")
            .file_type();
        assert!(kind.is_char_device());
    }
}
