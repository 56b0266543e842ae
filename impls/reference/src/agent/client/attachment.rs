//! Attachments: a file name and contents in one chunk.
//!
//! No published source defines what stands in an attachment chunk. Ours holds a MIME part header of
//! one line, an empty line, and the contents as they are:
//!
//! ```text
//! Content-Disposition: attachment; filename="name" CR LF CR LF contents
//! ```
//! In the name, `"` and `\` are escaped by `\`.

/// Longest file name in bytes.
pub const MAX_FILE_NAME: usize = 255;

const HEAD: &str = "Content-Disposition: attachment; filename=\"";
const TAIL: &str = "\"\r\n\r\n";

/// A file in a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name; empty if a received one has none.
    pub name: String,
    /// What is in it.
    pub contents: Vec<u8>,
}

/// Why something is not an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentFault {
    /// Its name is empty, too long, or holds control characters.
    #[error("file name of the attachment is not usable")]
    Name,
    /// The chunk does not begin with a part header of ours.
    #[error("attachment does not begin with its file name")]
    Header,
}

impl Attachment {
    /// The chunk's data.
    ///
    /// # Errors
    /// [`AttachmentFault::Name`].
    pub fn encode(&self) -> Result<Vec<u8>, AttachmentFault> {
        if !is_name(&self.name) {
            return Err(AttachmentFault::Name);
        }
        let mut data = HEAD.as_bytes().to_vec();
        for character in self.name.chars() {
            if matches!(character, '"' | '\\') {
                data.push(b'\\');
            }
            data.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        data.extend_from_slice(TAIL.as_bytes());
        data.extend_from_slice(&self.contents);
        Ok(data)
    }

    /// The attachment in a chunk's data.
    ///
    /// # Errors
    /// [`AttachmentFault`].
    pub fn parse(data: &[u8]) -> Result<Attachment, AttachmentFault> {
        let rest = data
            .strip_prefix(HEAD.as_bytes())
            .ok_or(AttachmentFault::Header)?;
        let mut name = Vec::new();
        let mut bytes = rest.iter().enumerate();
        while let Some((at, &byte)) = bytes.next() {
            if name.len() > MAX_FILE_NAME {
                return Err(AttachmentFault::Name);
            }
            match byte {
                b'"' => {
                    let contents = rest
                        .get(at..)
                        .and_then(|tail| tail.strip_prefix(TAIL.as_bytes()))
                        .ok_or(AttachmentFault::Header)?;
                    let name = String::from_utf8(name).map_err(|_| AttachmentFault::Name)?;
                    if !is_name(&name) {
                        return Err(AttachmentFault::Name);
                    }
                    let contents = contents.to_vec();
                    return Ok(Attachment { name, contents });
                }
                b'\\' => match bytes.next() {
                    Some((_, &escaped @ (b'"' | b'\\'))) => name.push(escaped),
                    _ => return Err(AttachmentFault::Header),
                },
                other => name.push(other),
            }
        }
        Err(AttachmentFault::Header)
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_FILE_NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_could_end_the_header_is_refused() {
        for name in ["", "a\r\nb", "a\0b"] {
            let attachment = Attachment {
                name: name.into(),
                contents: Vec::new(),
            };
            assert_eq!(attachment.encode(), Err(AttachmentFault::Name), "{name:?}");
        }
    }

    #[test]
    fn other_data_is_no_attachment() {
        for data in [
            &b""[..],
            b"text",
            b"Content-Disposition: attachment; filename=\"a",
        ] {
            assert_eq!(Attachment::parse(data), Err(AttachmentFault::Header));
        }
    }

    proptest! {
        #[test]
        fn an_attachment_is_read_as_it_was_written(
            name in "[a-z\"\\\\ é.]{1,60}",
            contents in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let attachment = Attachment { name, contents };
            let data = attachment.encode().expect("name is usable");
            prop_assert_eq!(Attachment::parse(&data), Ok(attachment));
        }

        #[test]
        fn no_data_makes_the_reader_panic(
            tail in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let _ = Attachment::parse(&[HEAD.as_bytes(), &tail].concat());
        }
    }
}
