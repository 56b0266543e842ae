//! Files that the programs read: keys and signets in any form, attachments, dates, recorded vectors
//! and the rulings about them.

use std::path::Path;

use dime::agent::client::{Attachment, format_date, parse_date};
use dime::files::{self, FileError, Object};
use dime::vectors::{Folder, Rulings, check};
use zeroize::Zeroizing;

use crate::secrets::{absent, absent_in_error, encoded_absent};
use crate::world::WORLD;

/// Bytes of the longest key file, a sealed one.
const KEY_FILE: usize = 118;
/// Bytes of a magic number.
const MAGIC: usize = 2;

/// Key files and signets, in whatever form.
pub fn file(input: &[u8]) {
    let path = Path::new("the-file");
    for key in [None, Some(&WORLD.realm)] {
        let bytes = Zeroizing::new(input.to_vec());
        match files::parse_keys(path, bytes, key) {
            Ok((_, keys)) => {
                absent(&keys, keys.signing.seed());
                absent(&keys, keys.encryption.to_bytes().as_slice());
            }
            Err(error) => unprinted(path, input, &error),
        }
    }
    let bytes = Zeroizing::new(input.to_vec());
    let _ = files::parse_signet(path, bytes).map_err(|error| error.to_string());
}

/// An error tells nothing of what a broken key file holds, however that is written.
fn unprinted(path: &Path, input: &[u8], error: &FileError) {
    encoded_absent(error, input);
    let object = Object::decode(path, "a key file", Zeroizing::new(input.to_vec()));
    if let Ok(object) = object {
        let beginning = object.binary.get(..KEY_FILE).unwrap_or(&object.binary);
        absent_in_error(error, beginning.get(MAGIC..).unwrap_or_default());
    }
}

/// The file name in front of an attachment.
pub fn attachment(input: &[u8]) {
    if let Ok(attachment) = Attachment::parse(input) {
        let written = attachment.encode().expect("a name that was read is usable");
        assert_eq!(Attachment::parse(&written), Ok(attachment));
    }
}

/// Dates in one form only.
pub fn date(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for line in text
        .lines()
        .map(|line| line.strip_prefix("Date: ").unwrap_or(line))
    {
        if let Some(time) = parse_date(line) {
            assert_eq!(format_date(time), line);
        }
    }
}

/// A file of recorded cases, beside what its cases name of the worlds.
pub fn vectors(input: &[u8]) {
    let Ok(json) = serde_json::from_slice(input) else {
        return;
    };
    static RULINGS: std::sync::LazyLock<Option<Rulings>> =
        std::sync::LazyLock::new(|| Rulings::bundled().ok());
    let Some(rulings) = RULINGS.as_ref() else {
        return;
    };
    let mut folder = Folder::default();
    let worlds = crate::seeds::worlds_for(&json);
    folder.json.insert("worlds.json".to_owned(), worlds);
    folder.json.insert("hostile.json".to_owned(), json);
    let _ = check(&folder, rulings).map_err(|error| error.to_string());
}

/// Rulings.
pub fn rulings(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Rulings::parse(text).map_err(|error| error.to_string());
    }
}
