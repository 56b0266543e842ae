//! Files larger than memory: read where they are, a pipe by way of an unnamed temporary file, and
//! written under a name only when they are whole.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use dime_wire::message::stream::MAXIMUM_STREAMED_MESSAGE;
use tempfile::{NamedTempFile, TempPath};
use zeroize::Zeroizing;

use super::unfinished::Unfinished;
use super::write::{Existing, beside, folder_of, keep_access, persist, target};
use super::{FileError, STANDARD};

/// Most bytes that are taken from a pipe or a file to be streamed: the largest message, with room for
/// the header and tracing in front of it.
pub const MAX_STREAMED: u64 = MAXIMUM_STREAMED_MESSAGE + 0x2_0000;

/// Most bytes of what is read once, from a pipe or into one, that are held in memory and not in a
/// temporary file.
pub const HELD_IN_MEMORY: usize = 32 * 1024 * 1024;

/// A file to be read more than once.
#[derive(Debug)]
pub enum LargeFile {
    /// Where it is, or in a temporary file.
    Disk(File),
    /// Copied, and no larger than [`HELD_IN_MEMORY`].
    Memory(Cursor<Zeroizing<Vec<u8>>>),
}

impl LargeFile {
    /// Its size in bytes. It is at its beginning afterwards.
    ///
    /// # Errors
    /// What seeking fails with.
    pub fn size(&mut self) -> io::Result<u64> {
        let size = self.seek(SeekFrom::End(0))?;
        self.rewind()?;
        Ok(size)
    }
}

impl Read for LargeFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            Self::Memory(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for LargeFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Disk(file) => file.seek(to),
            Self::Memory(bytes) => bytes.seek(to),
        }
    }
}

/// Opens the file at `path` to be read more than once; `-` is standard input. What is no regular file
/// is copied with [`spill`] first.
///
/// # Errors
/// [`FileError::Read`], or [`FileError::TooLarge`] beyond [`MAX_STREAMED`].
pub fn open_large(path: &Path) -> Result<LargeFile, FileError> {
    let opened = if path == Path::new(STANDARD) {
        spill(io::stdin().lock(), MAX_STREAMED)
    } else {
        File::open(path).and_then(|file| match file.metadata()? {
            data if !data.is_file() => spill(file, MAX_STREAMED),
            data if data.len() > MAX_STREAMED => Err(io::ErrorKind::FileTooLarge.into()),
            _ => Ok(LargeFile::Disk(file)),
        })
    };
    let path = path.to_owned();
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => FileError::TooLarge {
            path,
            limit: MAX_STREAMED,
        },
        _ => FileError::Read { path, error },
    })
}

/// Copies all of `reader`, at most `limit` bytes: into memory as far as [`HELD_IN_MEMORY`], else into
/// a file without a name, which is gone when it is closed. It lies in the system's folder for
/// temporary files, of which `TMPDIR` says another.
///
/// # Errors
/// [`io::ErrorKind::FileTooLarge`] beyond the limit, and what reading and writing fail with.
pub fn spill(reader: impl Read, limit: u64) -> io::Result<LargeFile> {
    let mut reader = reader.take(limit.saturating_add(1));
    let mut first = Zeroizing::new(Vec::new());
    let held = (&mut reader)
        .take(HELD_IN_MEMORY as u64 + 1)
        .read_to_end(&mut first)?;
    if held as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    if held <= HELD_IN_MEMORY {
        return Ok(LargeFile::Memory(Cursor::new(first)));
    }
    let folder = std::env::temp_dir();
    let no_room = |error: io::Error| {
        let folder = folder.display();
        let why = format!("failed to write a temporary file in {folder}: {error}");
        io::Error::new(error.kind(), why)
    };
    let mut file = tempfile::tempfile_in(&folder).map_err(no_room)?;
    file.write_all(&first).map_err(no_room)?;
    let copied = io::copy(&mut reader, &mut file);
    let copied = copied.map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => no_room(error),
        _ => error,
    })?;
    if held as u64 + copied > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.rewind()?;
    Ok(LargeFile::Disk(file))
}

/// A file in the making. Without [`WholeFile::name`] it is deleted.
#[derive(Debug)]
pub struct NewFile(NamedTempFile, Unfinished);

/// A file that is made but has no name yet. Without [`WholeFile::name`] it is deleted.
#[derive(Debug)]
pub struct WholeFile {
    path: TempPath,
    _unfinished: Unfinished,
}

impl NewFile {
    /// A file that will have the name `path`.
    ///
    /// # Errors
    /// [`FileError::Write`]; [`FileError::Exists`] if it is there already and to be kept.
    pub fn to_be(path: &Path, existing: Existing) -> Result<Self, FileError> {
        if existing == Existing::Keep && path.symlink_metadata().is_ok() {
            return Err(FileError::Exists {
                path: path.to_owned(),
            });
        }
        let path = target(path, existing);
        let made = Self::within(folder_of(&path))?;
        match keep_access(made.0.as_file(), &path, existing) {
            Ok(()) => Ok(made),
            Err(error) => Err(FileError::Write { path, error }),
        }
    }

    /// A file that will have a name in `folder`.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn within(folder: &Path) -> Result<Self, FileError> {
        let made = beside(folder, false);
        made.map(|(file, unfinished)| Self(file, unfinished))
            .map_err(|error| FileError::Write {
                path: folder.to_owned(),
                error,
            })
    }

    /// To write to it, and read what was written.
    pub fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Nothing more will be written.
    ///
    /// # Errors
    /// What writing the last bytes to the disk fails with.
    pub fn finish(self) -> io::Result<WholeFile> {
        self.0.as_file().sync_all()?;
        Ok(WholeFile {
            path: self.0.into_temp_path(),
            _unfinished: self.1,
        })
    }
}

impl WholeFile {
    /// Gives the file its name, which must be in the folder it was made in.
    ///
    /// # Errors
    /// [`FileError::Exists`] if it is there and to be kept, else [`FileError::Write`].
    pub fn name(self, path: PathBuf, existing: Existing) -> Result<PathBuf, FileError> {
        match persist(self.path, &path, existing) {
            Ok(()) => Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FileError::Exists { path })
            }
            Err(error) => Err(FileError::Write { path, error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_spilled_up_to_the_limit_and_read_from_its_beginning() {
        let mut text = String::new();
        let mut file = spill(b"contents".as_slice(), 8).expect("there is room");
        file.read_to_string(&mut text).expect("text");
        assert_eq!(text, "contents");
        assert!(
            matches!(file, LargeFile::Memory(_)),
            "nothing is on the disk"
        );
        let error = spill(b"contents".as_slice(), 7).expect_err("is too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let endless = || io::repeat(b'x').take(HELD_IN_MEMORY as u64 + 5);
        let mut file = spill(endless(), u64::MAX).expect("there is room");
        assert!(matches!(file, LargeFile::Disk(_)));
        assert_eq!(file.size().expect("is there"), HELD_IN_MEMORY as u64 + 5);
        let mut last = [0; 6];
        file.seek(SeekFrom::End(-6)).expect("is there");
        file.read_exact(&mut last).expect("is there");
        assert_eq!(&last, b"xxxxxx");
        let error = spill(endless(), HELD_IN_MEMORY as u64 + 4).expect_err("is too large");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("file");
        let mut file = NewFile::to_be(&path, Existing::Keep).expect("is new");
        file.file().write_all(b"contents").expect("there is room");
        assert!(!path.exists());
        let whole = file.finish().expect("there is room");
        whole.name(path.clone(), Existing::Keep).expect("is new");
        assert_eq!(std::fs::read(&path).expect("is there"), b"contents");
        assert!(matches!(
            NewFile::to_be(&path, Existing::Keep),
            Err(FileError::Exists { .. })
        ));
        drop(NewFile::to_be(&path, Existing::Replace).expect("may be replaced"));
        let left = std::fs::read_dir(folder.path()).expect("is there").count();
        assert_eq!(left, 1, "nothing is left behind");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = open_large(Path::new("/nowhere/at/all")).expect_err("is not there");
        assert!(
            error
                .to_string()
                .starts_with("failed to read /nowhere/at/all")
        );
    }
}
