//! Where `dime message open` writes body and attachments: all of them or none.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use dime::files::{Existing, FileError, folder_of, is_standard_output};
use dime::large::{TakenBody, Unpacker};
use dime_wire::message::stream::PartPiece;
use dime_wire::message::{ChunkType, Opened, Part};

use super::ActorWord;
use super::open::OpenArguments;
use crate::Failure;
use crate::output::{copy_out, one_line};

/// Most characters of a file name that an attachment is written under.
const LONGEST_FILE_NAME: usize = 200;

impl OpenArguments {
    /// Refuses to write what the reader does not get to see, or what would stand in the middle of
    /// what is shown.
    pub(super) fn check_places(&self) -> Result<(), Failure> {
        let writes = self.body.is_some() || self.attachments.is_some();
        let outside = matches!(
            self.reading.actor,
            ActorWord::Origin | ActorWord::Destination
        );
        let why = if writes && outside {
            "origin and destination read neither body nor attachments"
        } else if self.body_alone() && self.printing.json {
            "the body and JSON do not both go to standard output"
        } else {
            return Ok(());
        };
        Err(Failure::Unusable(why.to_owned()))
    }

    /// Whether the body goes to standard output, where nothing else goes then.
    pub(super) fn body_alone(&self) -> bool {
        self.body.as_deref().is_some_and(is_standard_output)
    }

    /// What takes the parts.
    pub(super) fn unpacker(&self) -> Result<Unpacker, Failure> {
        let body = self.body.as_deref();
        Ok(Unpacker::new(body, self.attachments.as_deref())?)
    }

    /// Writes everything that was taken, and returns where the attachments are, if they are in files.
    pub(super) fn keep(&self, unpacker: Unpacker) -> Result<Vec<Option<PathBuf>>, Failure> {
        let mut places = self.places(unpacker.names())?.into_iter();
        // Every byte is on the disk before anything gets its name.
        let taken = unpacker.finish()?;
        let (mut kept, mut to_copy) = (Vec::with_capacity(taken.attachments.len()), None);
        match taken.body.zip(self.body.as_deref()) {
            Some((TakenBody::New(whole), path)) => {
                whole.name(path.to_owned(), Existing::Keep)?;
            }
            Some((TakenBody::Elsewhere(copy), path)) => to_copy = Some((copy, path)),
            None => {}
        }
        for attached in taken.attachments {
            kept.push(match attached.file.zip(places.next()) {
                Some((whole, place)) => Some(whole.name(place, Existing::Keep)?),
                None => None,
            });
        }
        if let Some((copy, path)) = to_copy {
            copy_out(copy, path)?;
        }
        Ok(kept)
    }

    /// Where attachments of these names are written, none if they are not asked for. These places
    /// must be free.
    fn places<'a>(
        &self,
        names: impl Iterator<Item = Option<&'a str>>,
    ) -> Result<Vec<PathBuf>, Failure> {
        let Some(folder) = &self.attachments else {
            return Ok(Vec::new());
        };
        let body = self.body.as_deref().map(canonical);
        let (mut taken, mut places) = (FileNames::default(), Vec::new());
        for (position, name) in names.enumerate() {
            let path = folder.join(taken.of(name, position));
            if body.as_ref() == Some(&canonical(&path)) || path.symlink_metadata().is_ok() {
                return Err(FileError::Exists { path }.into());
            }
            places.push(path);
        }
        Ok(places)
    }
}

/// Takes the parts of a message that is in memory.
pub(super) fn unpack(opened: &Opened, unpacker: &mut Unpacker) -> io::Result<()> {
    let kinds = [
        (ChunkType::Display, &opened.display),
        (ChunkType::Attachment, &opened.attachments),
    ];
    for (kind, parts) in kinds {
        for (position, Part { flags, data }) in parts.iter().enumerate() {
            unpacker.take(PartPiece {
                kind,
                position,
                flags: *flags,
                last: true,
                data,
            })?;
        }
    }
    Ok(())
}

/// The one path of a file that has several, as far as its folder is there.
fn canonical(path: &Path) -> PathBuf {
    let folder = folder_of(path).canonicalize().ok();
    let both = folder.zip(path.file_name());
    both.map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}

/// The names under which the attachments of one message are written.
#[derive(Default)]
struct FileNames(BTreeSet<String>);

impl FileNames {
    /// An attachment's own name, or its number if that names no plain file or one before it has it.
    fn of(&mut self, name: Option<&str>, position: usize) -> String {
        let mut candidate = match name.filter(|name| is_file_name(name)) {
            Some(name) => name.to_owned(),
            None => format!("attachment-{}", position + 1),
        };
        // Ends: there are fewer names than attempts.
        for attempt in 0..=self.0.len() {
            if self.0.insert(candidate.clone()) {
                break;
            }
            candidate = match attempt {
                0 => format!("attachment-{}", position + 1),
                attempt => format!("attachment-{}-{attempt}", position + 1),
            };
        }
        candidate
    }
}

/// Whether the name, which somebody else chose, stays in the folder and hides nothing.
fn is_file_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= LONGEST_FILE_NAME
        && !name.starts_with('.')
        && !name.contains(['/', '\\', ':'])
        && name == one_line(name)
}
