//! Writing files whole or not at all: into a new file beside the target, which then takes its name.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use super::unfinished::Unfinished;
use super::{FileError, STANDARD};

/// What to do about a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// Leave it alone and fail.
    Keep,
    /// Put the new one in its place, with the same access rights; a link goes on pointing to it.
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
    let done = if is_device(path) && !secret {
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
    } else if existing == Existing::Keep && path.symlink_metadata().is_ok() {
        Err(io::ErrorKind::AlreadyExists.into())
    } else {
        place(&target(path, existing), bytes, existing, secret)
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

/// Whether `path` is standard output: `-`, or the file that stands for it.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new(STANDARD) || path == Path::new("/dev/stdout")
}

/// Whether `path` is no file that could be put in place, but standard output, a device or a pipe.
pub fn is_special(path: &Path) -> bool {
    is_standard_output(path) || is_device(path)
}

/// Whether something that is to be kept is at `path`, for a command that does something else before
/// it writes there.
///
/// # Errors
/// [`FileError::Exists`].
pub fn check_free(path: &Path, existing: Existing) -> Result<(), FileError> {
    if existing == Existing::Keep && !is_special(path) && path.symlink_metadata().is_ok() {
        return Err(FileError::Exists {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn is_device(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// The file that a new one takes the place of: not a link to it.
pub(super) fn target(path: &Path, existing: Existing) -> PathBuf {
    let linked = || path.canonicalize().ok();
    let linked = (existing == Existing::Replace).then(linked).flatten();
    linked.unwrap_or_else(|| path.to_owned())
}

/// Gives the file in the making the access rights of the one at `path`, if that is replaced.
pub(super) fn keep_access(file: &File, path: &Path, existing: Existing) -> io::Result<()> {
    match path.metadata() {
        Ok(before) if existing == Existing::Replace => file.set_permissions(before.permissions()),
        _ => Ok(()),
    }
}

fn place(path: &Path, bytes: &[u8], existing: Existing, secret: bool) -> io::Result<()> {
    let (mut file, _unfinished) = beside(folder_of(path), secret)?;
    keep_access(file.as_file(), path, existing)?;
    // The errors of the file that knows its path name it too.
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    persist(file.into_temp_path(), path, existing)
}

/// The folder of the file at `path`.
pub fn folder_of(path: &Path) -> &Path {
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

/// Gives the file its name, or the place of the file that `path` leads to.
pub(super) fn persist(file: TempPath, path: &Path, existing: Existing) -> io::Result<()> {
    match existing {
        Existing::Keep => file.persist_noclobber(path),
        Existing::Replace => file.persist(target(path, existing)),
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
