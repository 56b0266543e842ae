//! The three forms in which an object stands in a file: binary, armour, or bare base64.
//!
//! The contents decide, never the file's name: every magic number begins with a control character,
//! so that binary objects cannot be mistaken for text.

use std::path::Path;

use dime_wire::armor;
use dime_wire::encoding::{decode_strict_secret, encode_padded};
use zeroize::Zeroizing;

use super::{FileError, format_error};

/// First bytes of the magic numbers 1215, 1776 to 1789 and 1837 to 2013.
const FIRST_BYTES: [u8; 3] = [0x04, 0x06, 0x07];

/// How an object is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// As it is.
    Binary,
    /// In armour (spec/10 §9).
    Armor,
    /// Padded base64 on one line: the form that goes over DMTP and DMAP.
    Base64,
}

impl Form {
    /// The form that `bytes` are in.
    pub fn of(bytes: &[u8]) -> Form {
        if bytes
            .first()
            .is_some_and(|first| FIRST_BYTES.contains(first))
        {
            return Form::Binary;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN ") => Form::Armor,
            Ok(text) if is_base64(text) => Form::Base64,
            _ => Form::Binary,
        }
    }

    /// `binary` in this form; text ends in a line feed.
    pub fn encode(self, tag: &str, binary: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match self {
            Form::Binary => binary.to_vec(),
            Form::Armor => armor::encode(tag, binary).into_bytes(),
            Form::Base64 => (encode_padded(binary) + "\n").into_bytes(),
        })
    }
}

/// An object out of a file.
#[derive(Clone)]
pub struct Object {
    /// How it was written.
    pub form: Form,
    /// The tag of its armour.
    pub tag: Option<String>,
    /// The object.
    pub binary: Zeroizing<Vec<u8>>,
}

impl Object {
    /// The object in `bytes`, which came out of the file at `path` and should be `what`.
    ///
    /// # Errors
    /// [`FileError::Format`] if the armour or base64 around it is broken.
    pub fn decode(
        path: &Path,
        what: &'static str,
        bytes: Zeroizing<Vec<u8>>,
    ) -> Result<Object, FileError> {
        let form = Form::of(&bytes);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let (tag, binary) = match form {
            Form::Binary => (None, bytes),
            Form::Armor => {
                let (tag, binary) =
                    armor::decode(text).map_err(|error| format_error(path, what, &error))?;
                (Some(tag), Zeroizing::new(binary))
            }
            Form::Base64 => {
                // With room for all of it, or a part would be left behind where it grows.
                let mut squeezed = Zeroizing::new(String::with_capacity(text.len()));
                squeezed.extend(text.split_ascii_whitespace());
                let binary = decode_strict_secret(&squeezed)
                    .map_err(|error| format_error(path, what, &error))?;
                (None, binary)
            }
        };
        Ok(Object { form, tag, binary })
    }
}

fn is_base64(text: &str) -> bool {
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    !text.trim().is_empty()
        && text
            .bytes()
            .all(|byte| in_alphabet(byte) || byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_told_by_its_contents_and_read_back() {
        let binary = [6, 240, 0, 0, 3, 1, 2, 3];
        for form in [Form::Binary, Form::Armor, Form::Base64] {
            let written = form.encode("USER SIGNET", &binary);
            assert_eq!(Form::of(&written), form);
            let object = Object::decode(Path::new("x"), "a signet", written).expect("is sound");
            assert_eq!((object.form, object.binary.as_slice()), (form, &binary[..]));
            assert_eq!(object.tag.is_some(), form == Form::Armor);
        }
    }

    #[test]
    fn broken_wrapping_is_told_with_the_file_it_stands_in() {
        for broken in ["-----BEGIN X-----\nAAAA\n", "AAAAA", "=AAA"] {
            let bytes = Zeroizing::new(broken.as_bytes().to_vec());
            let error = Object::decode(Path::new("here"), "a signet", bytes).err();
            let text = error.expect("is broken").to_string();
            assert!(text.starts_with("here is not a signet: "), "{text}");
        }
    }

    #[test]
    fn what_has_no_form_is_taken_as_binary() {
        for bytes in [b"".as_slice(), b" \n", b"two words.", b"\xff\xfe"] {
            assert_eq!(Form::of(bytes), Form::Binary);
        }
    }
}
