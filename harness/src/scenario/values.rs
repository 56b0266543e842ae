//! The small values of the language: places in a file, named entries, sizes, times, fact names.
//!
//! Each is read from a plain YAML scalar or mapping and says in its own words what it expects, so
//! that an error in a file reads like a sentence.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::scenario::limits;

/// Where a value stands in the text that was read, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Offset of its first byte.
    pub offset: usize,
    /// Its length.
    pub length: usize,
}

/// A value that knows where it stands in its file.
#[derive(Clone, Debug, Default)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// A mapping whose keys are names the writer chose, in the order of the file.
///
/// The order matters: keys and tokens of a world are drawn by position.
#[derive(Clone, Debug)]
pub struct Names<T>(pub Vec<(Located<String>, T)>);

/// A number of bytes, written `20 KiB`, `1 MiB` or `300 B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A span of virtual time, written `30 s`, `5 min`, `1 h` or `2 d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A calendar day, written `2026-11-21`; its first second in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub u64);

/// One fact of one letter, written `letter.subject`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactName {
    /// Name of the letter.
    pub letter: String,
    /// Which relation.
    pub kind: FactKind,
}

/// The relations of a letter that scenarios and the policy speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// The author's address.
    Author,
    /// The recipient's address.
    Recipient,
    /// Domain of the author's organization.
    Origin,
    /// Domain of the recipient's organization.
    Destination,
    /// The subject.
    Subject,
    /// Another header.
    Headers,
    /// A block of the body.
    Body,
    /// The name of an attachment.
    AttachmentName,
    /// A block of an attachment.
    Attachment,
    /// Network address of the author's host.
    AuthorHost,
    /// Network address of the recipient's host.
    RecipientHost,
}

impl FactKind {
    /// All relations.
    pub const ALL: [FactKind; 11] = [
        FactKind::Author,
        FactKind::Recipient,
        FactKind::Origin,
        FactKind::Destination,
        FactKind::Subject,
        FactKind::Headers,
        FactKind::Body,
        FactKind::AttachmentName,
        FactKind::Attachment,
        FactKind::AuthorHost,
        FactKind::RecipientHost,
    ];

    /// The relation of this name.
    pub fn from_name(name: &str) -> Option<FactKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name of the relation in scenarios and explanations: `author`, `attachment-name`.
    pub fn name(self) -> &'static str {
        match self {
            FactKind::Author => "author",
            FactKind::Recipient => "recipient",
            FactKind::Origin => "origin",
            FactKind::Destination => "destination",
            FactKind::Subject => "subject",
            FactKind::Headers => "headers",
            FactKind::Body => "body",
            FactKind::AttachmentName => "attachment-name",
            FactKind::Attachment => "attachment",
            FactKind::AuthorHost => "author-host",
            FactKind::RecipientHost => "recipient-host",
        }
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.letter, self.kind.name())
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> From<T> for Located<T> {
    fn from(value: T) -> Self {
        Located {
            value,
            place: Place::default(),
        }
    }
}

impl<T: PartialEq> PartialEq for Located<T> {
    /// Two values are equal wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.referenced.span();
        let offset = span.byte_offset().unwrap_or_default();
        let length = span.byte_len().unwrap_or_default();
        Ok(Located {
            value: spanned.value,
            place: Place {
                offset: usize::try_from(offset).unwrap_or_default(),
                length: usize::try_from(length).unwrap_or_default(),
            },
        })
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Names(Vec::new())
    }
}

impl<T> Names<T> {
    /// The entry with this name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, entry)| entry)
    }

    /// All entries in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&Located<String>, &T)> {
        self.0.iter().map(|(key, entry)| (key, entry))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Names<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamesVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for NamesVisitor<T> {
            type Value = Names<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping from names to their descriptions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Located<String>>()? {
                    if entries.len() >= limits::MAX_NAMES {
                        return Err(de::Error::custom(format_args!(
                            "more than {} names in one mapping",
                            limits::MAX_NAMES
                        )));
                    }
                    entries.push((key, map.next_value()?));
                }
                Ok(Names(entries))
            }
        }

        deserializer.deserialize_map(NamesVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Names<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("NamesOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let entry = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": entry })
    }
}

/// What to say of a scalar that does not read. serde attaches the place of the key to such an error,
/// so the message carries the place of the value to whoever explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    /// Where the value stands.
    pub place: Place,
    /// What stands there.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl Misread {
    const SEPARATOR: char = '\u{1f}';

    /// Reads what [`fmt::Display`] wrote.
    pub(crate) fn from_message(message: &str) -> Option<Misread> {
        let mut parts = message.split(Self::SEPARATOR).skip(1);
        let mut number = || parts.next()?.parse().ok();
        let place = Place {
            offset: number()?,
            length: number()?,
        };
        Some(Misread {
            place,
            expected: parts.next()?.to_owned(),
            found: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Misread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { offset, length } = self.place;
        let separator = Self::SEPARATOR;
        write!(formatter, "{separator}{offset}{separator}{length}")?;
        write!(
            formatter,
            "{separator}{}{separator}{}",
            self.expected, self.found
        )
    }
}

/// Reads a scalar through a function from its text; `expected` completes "expected ...".
fn read_scalar<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    read: fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = Located::<String>::deserialize(deserializer)?;
    read(&text.value).ok_or_else(|| {
        de::Error::custom(Misread {
            place: text.place,
            found: text.value.clone(),
            expected: expected.to_owned(),
        })
    })
}

/// Implements reading and schema of a value that a file writes as one scalar.
macro_rules! scalar {
    ($type:ident, $expected:literal, $pattern:literal, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read_scalar(deserializer, $expected, $read)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "description": concat!("Written as ", $expected, ".")
                })
            }
        }
    };
}

scalar!(
    ByteSize,
    "a size such as `300 B`, `20 KiB` or `1 MiB`",
    "^[0-9]+ ?(B|KiB|MiB)$",
    read_size
);
scalar!(
    Span,
    "a time such as `30 s`, `5 min`, `1 h` or `2 d`",
    "^[0-9]+ ?(ms|s|min|h|d)$",
    read_span
);
scalar!(
    Day,
    "a day such as `2026-11-21`",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    read_day
);
scalar!(
    FactName,
    "a fact such as `letter.author`",
    "^[^.]+\\.[a-z-]+$",
    read_fact
);

fn read_size(text: &str) -> Option<ByteSize> {
    let (count, unit) = split_unit(text)?;
    let factor = match unit {
        "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => return None,
    };
    count.checked_mul(factor).map(ByteSize)
}

fn read_span(text: &str) -> Option<Span> {
    let (count, unit) = split_unit(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1000,
        "min" => 60 * 1000,
        "h" => 3600 * 1000,
        "d" => 24 * 3600 * 1000,
        _ => return None,
    };
    let total = count.checked_mul(milliseconds)?;
    Some(Span(Duration::from_millis(total)))
}

/// Splits `20 KiB` into count and unit; one blank between them is optional.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at_checked(digits)?;
    Some((count.parse().ok()?, rest.strip_prefix(' ').unwrap_or(rest)))
}

fn read_fact(text: &str) -> Option<FactName> {
    let (letter, word) = text.rsplit_once('.')?;
    if letter.is_empty() {
        return None;
    }
    Some(FactName {
        letter: letter.to_owned(),
        kind: FactKind::from_name(word)?,
    })
}

fn read_day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    if !text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return None;
    }
    days_since_epoch(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        .map(|days| Day(days * 24 * 3600))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; none before the epoch or if there is
/// no such day.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let before = lengths
        .iter()
        .take(usize::try_from(month - 1).ok()?)
        .sum::<u64>();
    let past = year - 1;
    let leap_days = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    Some((year - 1970) * 365 + leap_days + before + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_need_a_unit() {
        assert_eq!(read_size("20 KiB"), Some(ByteSize(20 * 1024)));
        assert_eq!(read_size("300B"), Some(ByteSize(300)));
        assert_eq!(read_size("20"), None);
        assert_eq!(read_size("20 kB"), None);
        assert_eq!(read_size("99999999999999999999 B"), None);
        assert_eq!(read_size("18446744073709551615 MiB"), None);
        assert_eq!(read_span("2 d"), Some(Span(Duration::from_secs(172_800))));
        assert_eq!(read_span("1  h"), None);
    }

    #[test]
    fn days_follow_the_calendar() {
        assert_eq!(read_day("1970-01-01"), Some(Day(0)));
        assert_eq!(read_day("2000-03-01"), Some(Day(951_868_800)));
        assert_eq!(read_day("2026-11-21"), Some(Day(1_795_219_200)));
        assert_eq!(read_day("2026-02-29"), None);
        assert_eq!(read_day("2026-13-01"), None);
        assert_eq!(read_day("1969-12-31"), None);
        assert_eq!(read_day("2026-00-10"), None);
    }

    #[test]
    fn a_fact_is_a_letter_and_a_relation() {
        assert_eq!(
            read_fact("letter.attachment-name").map(|fact| fact.to_string()),
            Some("letter.attachment-name".to_owned())
        );
        assert_eq!(read_fact("letter.sender"), None);
        assert_eq!(read_fact(".author"), None);
    }
}
