//! A place in a recorded file: a JSON value that knows where it stands, so that whatever is not of the
//! format is reported with file and path, and nothing panics.

use dime_wire::encoding;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::FolderError;

/// Most bytes that a `data_prng` may ask for.
pub const MAXIMUM_GENERATED: usize = 64 * 1024 * 1024;

/// What stands where nothing is.
static NOTHING: Value = Value::Null;

/// A value of a recorded file and its place there. A member that is absent is a `null`.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    file: &'a str,
    path: String,
    value: &'a Value,
}

impl<'a> Entry<'a> {
    /// The whole of a file.
    pub fn root(file: &'a str, value: &'a Value) -> Self {
        Self {
            file,
            path: String::new(),
            value,
        }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The file's name.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// The place in the file, like `cases[3].inputs.author`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The member `key`, a `null` if there is none.
    pub fn at(&self, key: &str) -> Entry<'a> {
        let path = if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        };
        Entry {
            file: self.file,
            path,
            value: self.value.get(key).unwrap_or(&NOTHING),
        }
    }

    /// The member `key` unless it is absent or `null`.
    pub fn optional(&self, key: &str) -> Option<Entry<'a>> {
        Some(self.at(key)).filter(|entry| !entry.value.is_null())
    }

    /// An error that says that this is not `expected`.
    pub fn is_not(&self, expected: impl Into<String>) -> FolderError {
        FolderError::Shape {
            file: self.file.to_owned(),
            path: if self.path.is_empty() {
                "the file".to_owned()
            } else {
                self.path.clone()
            },
            expected: expected.into(),
        }
    }

    /// The elements of an array.
    pub fn items(&self) -> Result<Vec<Entry<'a>>, FolderError> {
        let values = self.value.as_array().ok_or_else(|| self.is_not("a list"))?;
        Ok(values
            .iter()
            .enumerate()
            .map(|(position, value)| Entry {
                file: self.file,
                path: format!("{}[{position}]", self.path),
                value,
            })
            .collect())
    }

    /// The members of an object, by name.
    pub fn members(&self) -> Result<Vec<(&'a str, Entry<'a>)>, FolderError> {
        let members = self
            .value
            .as_object()
            .ok_or_else(|| self.is_not("an object"))?;
        Ok(members
            .keys()
            .map(|key| (key.as_str(), self.at(key)))
            .collect())
    }

    /// Text.
    pub fn text(&self) -> Result<&'a str, FolderError> {
        self.value.as_str().ok_or_else(|| self.is_not("text"))
    }

    /// A number of bytes or the like.
    pub fn number(&self) -> Result<usize, FolderError> {
        let number = self.value.as_u64().and_then(|n| usize::try_from(n).ok());
        number.ok_or_else(|| self.is_not("a number"))
    }

    /// One byte as a number.
    pub fn byte(&self) -> Result<u8, FolderError> {
        u8::try_from(self.number()?).map_err(|_| self.is_not("a number below 256"))
    }

    /// True or false.
    pub fn boolean(&self) -> Result<bool, FolderError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.is_not("true or false"))
    }

    /// Bytes in hex.
    pub fn hex(&self) -> Result<Vec<u8>, FolderError> {
        hex::decode(self.text()?).map_err(|_| self.is_not("hex"))
    }

    /// So many bytes in hex.
    pub fn array<const N: usize>(&self) -> Result<[u8; N], FolderError> {
        let bytes = self.hex()?;
        bytes
            .try_into()
            .map_err(|_| self.is_not(format!("{N} bytes in hex")))
    }

    /// Bytes in padded base64.
    pub fn base64(&self) -> Result<Vec<u8>, FolderError> {
        encoding::decode_strict(self.text()?).map_err(|_| self.is_not("padded base64"))
    }

    /// The bytes of a part, given as `data_b64` or by the seed and length of `data_prng`.
    pub fn part_data(&self) -> Result<Vec<u8>, FolderError> {
        if let Some(data) = self.optional("data_b64") {
            return data.base64();
        }
        let generator = self.at("data_prng");
        let (seed, length) = (generator.at("seed").text()?, generator.at("length"));
        let size = length.number()?;
        if size > MAXIMUM_GENERATED {
            return Err(length.is_not(format!("at most {MAXIMUM_GENERATED}")));
        }
        let blocks = (0u64..).flat_map(|counter| {
            Sha512::new()
                .chain_update(seed)
                .chain_update(counter.to_le_bytes())
                .finalize()
        });
        Ok(blocks.take(size).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_of_the_format_is_named_with_its_place() {
        let value = json!({ "cases": [{ "id": "a" }, { "id": 7, "key_hex": "zz", "prng": {} }] });
        let root = Entry::root("some.json", &value);
        let cases = root.at("cases").items().expect("there are cases");
        assert_eq!(cases[0].at("id").text().ok(), Some("a"));
        for (error, wanted) in [
            (
                cases[1].at("id").text().err(),
                "some.json: cases[1].id is not text",
            ),
            (
                cases[1].at("key_hex").hex().err(),
                "some.json: cases[1].key_hex is not hex",
            ),
            (
                cases[0].at("inputs").at("signets").text().err(),
                "some.json: cases[0].inputs.signets is not text",
            ),
            (root.items().err(), "some.json: the file is not a list"),
        ] {
            assert_eq!(error.expect("an error").to_string(), wanted);
        }
    }

    #[test]
    fn data_from_a_seed_is_what_the_format_says_and_within_its_limit() {
        let value = json!({ "data_prng": { "seed": "s", "length": 65 } });
        let data = Entry::root("f", &value).part_data().expect("generated");
        let first = Sha512::digest([b"s".as_slice(), &[0; 8]].concat());
        let second = Sha512::digest([b"s".as_slice(), &[1, 0, 0, 0, 0, 0, 0, 0]].concat());
        assert_eq!(data, [first.as_slice(), &second[..1]].concat());
        let value = json!({ "data_prng": { "seed": "s", "length": 1_u64 << 40 } });
        assert!(Entry::root("f", &value).part_data().is_err());
    }
}
