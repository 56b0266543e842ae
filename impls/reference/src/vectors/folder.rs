//! A folder of recorded files: its JSON and binary files in memory, loaded within limits. The only
//! place of the check that touches the file system.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

/// Most files that a folder may hold.
pub const MAXIMUM_FILES: usize = 1024;
/// Most bytes of all JSON and binary files of a folder.
pub const MAXIMUM_BYTES: u64 = 512 * 1024 * 1024;
/// The file with the keys and signets that other files name.
pub const WORLDS: &str = "worlds.json";

/// Why a folder cannot be judged: it, or what is in it, is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder or a file in it cannot be read.
    #[error("failed to read {path}: {source}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// More files or bytes than a folder may hold.
    #[error(
        "folder {0} is not within the limits of {MAXIMUM_FILES} files and {MAXIMUM_BYTES} bytes"
    )]
    TooLarge(String),
    /// A file is not JSON.
    #[error("{file} is not JSON: {source}")]
    Json {
        /// The file's name.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// The folder holds none of the files of the format.
    #[error("folder holds no recorded file: none of its files is of the vectors' format")]
    Empty,
    /// A value is not what the format has at its place.
    #[error("{file}: {path} is not {expected}")]
    Shape {
        /// The file's name.
        file: String,
        /// The value's place, like `cases[3].inputs.author`.
        path: String,
        /// What should be there.
        expected: String,
    },
    /// A file names another one that the folder does not hold.
    #[error("{needed_by} needs {file}, which the folder does not hold")]
    Missing {
        /// The file that is not there.
        file: String,
        /// The file that names it.
        needed_by: String,
    },
    /// The rulings are not usable.
    #[error("rulings are not usable: {0}")]
    Rulings(String),
}

/// The files of a folder, by name. What is neither JSON nor binary is left out.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Every `*.json`.
    pub json: BTreeMap<String, Value>,
    /// Every `*.bin`.
    pub binary: BTreeMap<String, Vec<u8>>,
}

impl Folder {
    /// Reads a folder; not the folders in it.
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Read {
            path: path.display().to_string(),
            source,
        };
        let mut folder = Self::default();
        let mut left = MAXIMUM_BYTES;
        for (position, entry) in fs::read_dir(path).map_err(failed)?.enumerate() {
            if position == MAXIMUM_FILES {
                return Err(FolderError::TooLarge(path.display().to_string()));
            }
            let path = entry.map_err(failed)?.path();
            let is = |wanted: &str| path.extension().is_some_and(|found| found == wanted);
            let name = path.file_name().and_then(|name| name.to_str());
            // Only plain files: opening a pipe would wait for ever.
            let (Some(name), true) = (name, path.is_file()) else {
                continue;
            };
            if is("json") {
                let bytes = read_file(&path, &mut left)?;
                let value = serde_json::from_slice(&bytes).map_err(|source| FolderError::Json {
                    file: name.to_owned(),
                    source,
                })?;
                folder.json.insert(name.to_owned(), value);
            } else if is("bin") {
                let bytes = read_file(&path, &mut left)?;
                folder.binary.insert(name.to_owned(), bytes);
            }
        }
        Ok(folder)
    }
}

/// Reads a whole file if it is within what is `left` of the limit.
fn read_file(path: &Path, left: &mut u64) -> Result<Vec<u8>, FolderError> {
    let failed = |source| FolderError::Read {
        path: path.display().to_string(),
        source,
    };
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    let read = file.take(*left + 1).read_to_end(&mut bytes);
    let size = read.map_err(failed)? as u64;
    *left = left
        .checked_sub(size)
        .ok_or_else(|| FolderError::TooLarge(path.display().to_string()))?;
    Ok(bytes)
}
