//! Messages larger than memory, out of files and into files: what `dime message` does with what
//! [`dime_wire::message::stream`] offers.

use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use dime_wire::keys::SigningKey;
use dime_wire::message::stream::{PartPiece, PartSource, StreamError, StreamedLetter, seal_stream};
use dime_wire::message::{ChunkType, Flags, Letter, MessageEntropy, SealOptions, Signets};
use tempfile::SpooledTempFile;

use crate::agent::client::{Attachment, AttachmentFault};
use crate::files::{
    Existing, FileError, HELD_IN_MEMORY, LargeFile, NewFile, WholeFile, is_special,
};

/// Why files were not sealed.
#[derive(Debug, thiserror::Error)]
pub enum LargeError {
    /// The letter cannot be sealed, or a file failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// An attachment cannot be called so.
    #[error("attachment {0:?}: {1}")]
    Attachment(String, AttachmentFault),
    /// The size of a file is not known.
    #[error("failed to read file: {0}")]
    File(#[from] io::Error),
}

/// What goes into a letter besides what it holds itself.
#[derive(Debug)]
pub struct LargeFiles {
    /// The body.
    pub body: LargeFile,
    /// Attachments, each with its name.
    pub attachments: Vec<(String, LargeFile)>,
}

impl LargeFiles {
    /// Seals `letter` with these into `out`, and returns how many bytes that were: those that
    /// [`dime_wire::message::seal()`] makes of the same contents.
    ///
    /// # Errors
    /// [`LargeError`]; what was written until then is of no use.
    pub fn seal(
        mut self,
        letter: &Letter,
        signets: &Signets<'_>,
        author_key: &SigningKey,
        entropy: &mut dyn MessageEntropy,
        options: &SealOptions,
        out: &mut (impl Read + Write + Seek),
    ) -> Result<u64, LargeError> {
        let mut attached = Vec::with_capacity(self.attachments.len());
        for (name, file) in &mut self.attachments {
            let named = Attachment {
                name: name.clone(),
                contents: Vec::new(),
            };
            let head = named
                .encode()
                .map_err(|fault| LargeError::Attachment(name.clone(), fault))?;
            let size = head.len() as u64 + file.size()?;
            attached.push((size, io::Cursor::new(head).chain(file)));
        }
        let attachments = attached.iter_mut().map(|(size, data)| PartSource {
            flags: Flags::NONE,
            size: *size,
            data,
        });
        let streamed = StreamedLetter {
            letter,
            display: vec![PartSource {
                flags: Flags::NONE,
                size: self.body.size()?,
                data: &mut self.body,
            }],
            attachments: attachments.collect(),
        };
        Ok(seal_stream(
            streamed, signets, author_key, entropy, options, out,
        )?)
    }
}

/// Takes the parts of a message into files, which get their names only when the message was found
/// good.
#[derive(Debug, Default)]
pub struct Unpacker {
    body: Option<(PathBuf, BodyFile)>,
    folder: Option<PathBuf>,
    open: Option<NewFile>,
    attachments: Vec<Unpacked>,
}

/// A body in the making.
#[derive(Debug)]
enum BodyFile {
    New(NewFile),
    Elsewhere(SpooledTempFile),
}

/// A body that was taken.
#[derive(Debug)]
pub enum TakenBody {
    /// In the folder where it will have its name.
    New(WholeFile),
    /// To be copied, from its beginning, to something that is no file: standard output, a device.
    Elsewhere(SpooledTempFile),
}

/// All that was taken of a message.
#[derive(Debug)]
pub struct Taken {
    /// The body, if it was asked for.
    pub body: Option<TakenBody>,
    /// The attachments in order.
    pub attachments: Vec<Unpacked>,
}

/// An attachment that was taken.
#[derive(Debug)]
pub struct Unpacked {
    /// The name its author gave it, if it has one. It may be anything.
    pub name: Option<String>,
    /// Bytes of its contents.
    pub size: u64,
    /// Its file, if files were asked for and it was taken whole.
    pub file: Option<WholeFile>,
}

impl Unpacker {
    /// Will write the body to `body`, which must not be there unless it is special, and the
    /// attachments to `folder`, as far as these are given.
    ///
    /// # Errors
    /// [`FileError::Exists`] and [`FileError::Write`].
    pub fn new(body: Option<&Path>, folder: Option<&Path>) -> Result<Self, FileError> {
        let made = |path: &Path| {
            let file = if is_special(path) {
                BodyFile::Elsewhere(SpooledTempFile::new(HELD_IN_MEMORY))
            } else {
                BodyFile::New(NewFile::to_be(path, Existing::Keep)?)
            };
            Ok::<_, FileError>((path.to_owned(), file))
        };
        Ok(Self {
            body: body.map(made).transpose()?,
            folder: folder.map(Path::to_owned),
            ..Self::default()
        })
    }

    /// Takes a piece, as a [`dime_wire::message::stream::PartSink`] does.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn take(&mut self, piece: PartPiece<'_>) -> io::Result<()> {
        if piece.kind == ChunkType::Display {
            return match &mut self.body {
                Some((_, BodyFile::New(file))) => file.file().write_all(piece.data),
                Some((_, BodyFile::Elsewhere(copy))) => copy.write_all(piece.data),
                None => Ok(()),
            };
        }
        let begins = self.attachments.len() == piece.position;
        let named = begins.then(|| Attachment::parse(piece.data).ok()).flatten();
        let (name, contents) = match &named {
            Some(named) => (Some(named.name.clone()), named.contents.as_slice()),
            None => (None, piece.data),
        };
        if begins {
            self.attachments.push(Unpacked {
                name,
                size: 0,
                file: None,
            });
            self.open = match &self.folder {
                Some(folder) => Some(NewFile::within(folder).map_err(io::Error::other)?),
                None => None,
            };
        }
        if let Some(file) = &mut self.open {
            file.file().write_all(contents)?;
        }
        if let Some(attachment) = self.attachments.last_mut() {
            attachment.size += contents.len() as u64;
            if piece.last {
                attachment.file = self.open.take().map(NewFile::finish).transpose()?;
            }
        }
        Ok(())
    }

    /// The attachments as far as they have been taken.
    pub fn attachments(&self) -> &[Unpacked] {
        &self.attachments
    }

    /// The names that the authors of the attachments gave them, as far as they have been taken.
    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.attachments
            .iter()
            .map(|attachment| attachment.name.as_deref())
    }

    /// Hands out all that was taken, now that the message is known to be good. Nothing has its name
    /// yet, and everything is on the disk.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn finish(self) -> Result<Taken, FileError> {
        let whole = |(path, file): (PathBuf, BodyFile)| {
            let done = match file {
                BodyFile::New(file) => file.finish().map(TakenBody::New),
                BodyFile::Elsewhere(mut copy) => copy.rewind().map(|()| TakenBody::Elsewhere(copy)),
            };
            done.map_err(|error| FileError::Write { path, error })
        };
        Ok(Taken {
            body: self.body.map(whole).transpose()?,
            attachments: self.attachments,
        })
    }
}
