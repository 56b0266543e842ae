//! From YAML text to types: one entry, bounded, with errors in the language's own words.

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location, Options};

use crate::scenario::diagnostic::{Diagnostic, Diagnostics};
use crate::scenario::limits;
use crate::scenario::values::{Misread, Place};
use crate::scenario::vary::Text;

/// Reads one YAML document; its length is the caller's to limit.
pub(crate) fn document<T: DeserializeOwned>(text: &Text) -> Result<T, Diagnostics> {
    serde_saphyr::from_str_with_options(text.filled(), options())
        .map_err(|error| explain(text, &error).into())
}

fn options() -> Options {
    let budget = serde_saphyr::budget! {
        max_nodes: limits::MAX_NODES,
        max_depth: limits::MAX_DEPTH,
    };
    serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// Says what is wrong in the language's own words.
fn explain(text: &Text, error: &Error) -> Diagnostic {
    let error = error.without_snippet();
    let place = place(text, error);
    let at = |message: String| Diagnostic::at(text, place, message);
    match error {
        Error::Message { msg, .. } => match Misread::from_message(msg) {
            Some(misread) => misread_at(text, &misread),
            None => at(sentence(error)),
        },
        Error::SerdeUnknownField {
            field, expected, ..
        } => at(format!("unknown key `{field}`"))
            .expected(one_of(expected))
            .suggest(field, expected.iter().copied()),
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => at(format!("unknown word `{variant}`"))
            .expected(one_of(expected))
            .suggest(variant, expected.iter().copied()),
        Error::SerdeMissingField { field, .. } => at(format!("key `{field}` is missing"))
            .expected(format!("expected `{field}` beside this")),
        Error::DuplicateMappingKey { key, .. } => match key {
            Some(key) => at(format!("key `{key}` stands here twice")),
            None => at("a key stands here twice".to_owned()),
        },
        Error::SerdeInvalidType {
            unexpected,
            expected,
            ..
        }
        | Error::SerdeInvalidValue {
            unexpected,
            expected,
            ..
        } => at(format!("found {}", plain(unexpected))).expected(format!("expected {expected}")),
        Error::SerdeInvalidLength { len, expected, .. } => {
            at(format!("found {len} values")).expected(format!("expected {expected}"))
        }
        Error::Unexpected { expected, .. } => {
            at("found something else".to_owned()).expected(format!("expected {}", kind(expected)))
        }
        Error::MultipleDocuments { .. } => at("a second document begins here".to_owned())
            .expected("expected one document in a file"),
        Error::Budget { .. } => at("the file is too deep or too large".to_owned()),
        Error::Eof { .. } => at("the file ends too early".to_owned()),
        other => explain_scalar(other).map_or_else(
            || at(sentence(other)),
            |(message, expected)| at(message.to_owned()).expected(expected),
        ),
    }
}

fn misread_at(text: &Text, misread: &Misread) -> Diagnostic {
    let message = format!("`{}` does not read", misread.found);
    Diagnostic::at(text, misread.place, message).expected(format!("expected {}", misread.expected))
}

/// What is wrong with a scalar, and what was expected.
fn explain_scalar(error: &Error) -> Option<(&'static str, String)> {
    match error {
        Error::InvalidScalar { ty, .. } => {
            Some(("not a number that fits", format!("expected {ty}")))
        }
        Error::InvalidBooleanStrict { .. } => {
            Some(("not a truth value", "expected `true` or `false`".to_owned()))
        }
        Error::NullIntoString { .. } => Some(("nothing stands here", "expected a text".to_owned())),
        _ => None,
    }
}

/// The first line of an error of the YAML reader, without its position, which stands elsewhere.
fn sentence(error: &Error) -> String {
    let whole = error.to_string();
    let line = whole.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    match line.split_once(": ") {
        Some((position, rest)) if position.starts_with("line ") => rest.to_owned(),
        _ => match line.split_once(" at line ") {
            Some((rest, _)) => rest.to_owned(),
            None => line.to_owned(),
        },
    }
}

/// A kind of YAML node as this language's writers know it.
fn kind(expected: &str) -> &str {
    match expected {
        "mapping start" => "a mapping such as `{ key: value }`",
        "sequence start" => "a list such as `[one, two]`",
        "scalar" | "string scalar" => "a text or a number",
        other => other,
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted = words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>();
    match quoted.as_slice() {
        [] => "expected nothing here".to_owned(),
        [word] => format!("expected {word}"),
        words => format!("expected one of {}", words.join(", ")),
    }
}

/// serde's name for what it found, with the quotes this language uses.
fn plain(unexpected: &str) -> String {
    match unexpected.strip_prefix("string \"") {
        Some(rest) => format!("`{}`", rest.trim_end_matches('"')),
        None => unexpected.to_owned(),
    }
}

/// Where the error stands. Where the reader gives a point, the word that begins there is marked.
fn place(text: &Text, error: &Error) -> Place {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let filled = text.filled();
    let span = location.span();
    let offset = span
        .byte_offset()
        .and_then(|offset| usize::try_from(offset).ok())
        .filter(|_| location != Location::UNKNOWN)
        .unwrap_or_else(|| offset_of(filled, location));
    let length = span
        .byte_len()
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or_default();
    let word = filled
        .get(offset..)
        .unwrap_or_default()
        .chars()
        .take_while(|character| !character.is_whitespace() && !":,{}[]".contains(*character))
        .map(char::len_utf8)
        .sum::<usize>();
    Place {
        offset,
        length: if length > 1 { length } else { word.max(1) },
    }
}

fn offset_of(text: &str, location: Location) -> usize {
    let line = usize::try_from(location.line().saturating_sub(1)).unwrap_or_default();
    let column = usize::try_from(location.column().saturating_sub(1)).unwrap_or_default();
    let mut offset = 0;
    for (index, content) in text.split_inclusive('\n').enumerate() {
        if index == line {
            return offset
                + content
                    .chars()
                    .take(column)
                    .map(char::len_utf8)
                    .sum::<usize>();
        }
        offset += content.len();
    }
    text.len()
}
