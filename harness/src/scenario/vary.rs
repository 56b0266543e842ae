//! The `vary` block: lists of values that make one file several cases.
//!
//! A case is the file with `${axis}` replaced by one value of each axis. Replacing moves text, so
//! [`Text`] keeps the way back: a problem is always shown where it stands in the file.

use std::fmt;

use serde::Deserialize;

use crate::scenario::diagnostic::{Diagnostic, Diagnostics};
use crate::scenario::limits;
use crate::scenario::read;
use crate::scenario::values::{Located, Names, Place};

/// One value for each axis of a file, in the order of its `vary` block; empty without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Axes(pub Vec<(String, String)>);

impl Axes {
    /// The value of an axis.
    pub fn get(&self, axis: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(name, _)| name == axis)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Axes {
    /// Nothing, or `[dnssec=bogus]`, or `[dnssec=bogus,listed=true]`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (axis, value)) in self.0.iter().enumerate() {
            let before = if index == 0 { "[" } else { "," };
            write!(formatter, "{before}{axis}={value}")?;
        }
        if self.0.is_empty() {
            return Ok(());
        }
        formatter.write_str("]")
    }
}

/// All combinations a file's `vary` block asks for, the last axis changing fastest. Reads nothing
/// but the block.
pub(crate) fn combinations(path: &str, text: &str) -> Result<Vec<Axes>, Diagnostics> {
    if text.len() > limits::MAX_FILE_BYTES {
        let message = format!("the file is longer than {} bytes", limits::MAX_FILE_BYTES);
        return Err(Diagnostic::of_file(path, message).into());
    }
    let Some((offset, block)) = block(text) else {
        return Ok(vec![Axes::default()]);
    };
    // Blanks in front keep every place as it is in the file.
    let mut padded = String::with_capacity(text.len());
    for character in text.get(..offset).unwrap_or_default().chars() {
        match character {
            '\n' => padded.push('\n'),
            _ => padded.extend(std::iter::repeat_n(' ', character.len_utf8())),
        }
    }
    padded.push_str(block);
    let text = Text::plain(path, &padded);
    let vary = read::document::<VaryOnly>(&text)?.vary;
    check(&text, &vary)?;
    Ok(product(&vary))
}

/// Values by axis.
pub type VaryBlock = Names<Vec<Located<String>>>;

/// The part of a file that listing reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VaryOnly {
    vary: VaryBlock,
}

/// Finds the `vary` block at the left margin: its offset and its lines.
fn block(text: &str) -> Option<(usize, &str)> {
    let mut start = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let margin = line
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_whitespace());
        match start {
            None if line.starts_with("vary:") => start = Some(offset),
            Some(start) if margin && !line.starts_with('#') => {
                return Some((start, text.get(start..offset)?));
            }
            _ => {}
        }
        offset += line.len();
    }
    let start = start?;
    Some((start, text.get(start..)?))
}

/// Checks names, values and the number of cases.
fn check(text: &Text, vary: &VaryBlock) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut cases = 1_usize;
    for (index, (axis, values)) in vary.iter().enumerate() {
        if index >= limits::MAX_AXES {
            let message = format!("more than {} axes", limits::MAX_AXES);
            problems.push(Diagnostic::at(text, axis.place, message));
            break;
        }
        if values.is_empty() {
            let message = format!("axis `{}` has no value", axis.value);
            problems.push(Diagnostic::at(text, axis.place, message));
        }
        for word in std::iter::once(axis).chain(values) {
            if !is_plain(&word.value) {
                let message = format!("`{}` is not a plain word", word.value);
                let problem = Diagnostic::at(text, word.place, message);
                problems.push(problem.expected("expected letters, digits, `.`, `-` or `_`"));
            }
        }
        cases = cases.saturating_mul(values.len());
        if cases > limits::MAX_CASES {
            let message = format!("more than {} cases in one file", limits::MAX_CASES);
            problems.push(Diagnostic::at(text, axis.place, message));
            break;
        }
    }
    problems.into_result()
}

/// Whether a word can stand in a case's name and be put into a file without changing its syntax.
fn is_plain(word: &str) -> bool {
    (1..=limits::MAX_AXIS_TEXT).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

pub(crate) fn product(vary: &VaryBlock) -> Vec<Axes> {
    let mut combinations = vec![Axes::default()];
    for (axis, values) in vary.iter() {
        combinations = combinations
            .iter()
            .flat_map(|before| {
                values.iter().map(|value| {
                    let mut axes = before.clone();
                    axes.0.push((axis.value.clone(), value.value.clone()));
                    axes
                })
            })
            .collect();
    }
    combinations
}

/// A file's text with the axes of one case put in, and the way back.
#[derive(Clone, Debug)]
pub struct Text {
    path: String,
    original: String,
    filled: String,
    replaced: Vec<Replaced>,
}

/// One `${axis}` that was replaced.
#[derive(Clone, Copy, Debug)]
struct Replaced {
    original: Place,
    filled: Place,
}

/// A place as a reader of the file finds it.
pub(crate) struct Spot {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters on that line, at least 1.
    pub length: usize,
    /// The line.
    pub excerpt: String,
}

impl Text {
    /// A file as it is.
    pub(crate) fn plain(path: &str, text: &str) -> Self {
        Text {
            path: path.to_owned(),
            original: text.to_owned(),
            filled: text.to_owned(),
            replaced: Vec::new(),
        }
    }

    /// A file with the values of one case put in. Lines that are only a comment stay as they are.
    pub(crate) fn fill(path: &str, text: &str, axes: &Axes) -> Result<Self, Diagnostics> {
        let plain = Text::plain(path, text);
        let mut filled = plain.clone();
        filled.filled.clear();
        let mut problems = Diagnostics::default();
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            if problems.omitted > 0 {
                break;
            }
            if line.trim_start().starts_with('#') {
                filled.filled.push_str(line);
            } else {
                filled.fill_line(&plain, line, offset, axes, &mut problems);
            }
            offset += line.len();
        }
        problems.into_result()?;
        Ok(filled)
    }

    fn fill_line(
        &mut self,
        plain: &Text,
        line: &str,
        start: usize,
        axes: &Axes,
        problems: &mut Diagnostics,
    ) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            let offset = start + line.len() - rest.len() + before.len();
            self.filled.push_str(before);
            if problems.omitted > 0 {
                return;
            }
            let Some((axis, behind)) = after.split_once('}') else {
                let place = Place { offset, length: 2 };
                problems.push(Diagnostic::at(plain, place, "`${` without `}`"));
                return;
            };
            let original = Place {
                offset,
                length: axis.len() + 3,
            };
            if let Some(value) = axes.get(axis) {
                let filled = Place {
                    offset: self.filled.len(),
                    length: value.len(),
                };
                self.replaced.push(Replaced { original, filled });
                self.filled.push_str(value);
            } else {
                let message = format!("unknown axis `{axis}`");
                let problem = Diagnostic::at(plain, original, message);
                let known = axes.0.iter().map(|(name, _)| name.as_str());
                problems.push(problem.suggest(axis, known));
            }
            rest = behind;
        }
        self.filled.push_str(rest);
    }

    /// The file, as its reader knows it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text with values put in.
    pub fn filled(&self) -> &str {
        &self.filled
    }

    /// The line of the file on which a place of the filled text stands, from 1.
    pub fn line(&self, place: Place) -> usize {
        self.spot(place).line
    }

    /// Where a place of the filled text stands in the file.
    pub(crate) fn spot(&self, place: Place) -> Spot {
        let start = self.original_offset(place.offset, Edge::Begin);
        let end = self.original_offset(place.offset.saturating_add(place.length), Edge::End);
        let start = floor_boundary(&self.original, start);
        let before = self.original.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let from_line = self.original.get(line_start..).unwrap_or_default();
        let excerpt = from_line.lines().next().unwrap_or_default();
        let line_end = line_start + excerpt.len();
        let end = floor_boundary(&self.original, end.clamp(start, line_end.max(start)));
        let marked = self.original.get(start..end).unwrap_or_default();
        let column = self.original.get(line_start..start).unwrap_or_default();
        Spot {
            line: before.matches('\n').count() + 1,
            column: column.chars().count() + 1,
            length: marked.trim_end().chars().count().max(1),
            excerpt: excerpt.to_owned(),
        }
    }

    fn original_offset(&self, filled: usize, edge: Edge) -> usize {
        let mut shift = (0, 0);
        for replaced in &self.replaced {
            let begin = replaced.filled.offset;
            let end = begin + replaced.filled.length;
            let inside = match edge {
                Edge::Begin => (begin..end).contains(&filled),
                Edge::End => filled > begin && filled <= end,
            };
            if inside {
                let place = replaced.original;
                return match edge {
                    Edge::Begin => place.offset,
                    Edge::End => place.offset + place.length,
                };
            }
            if end > filled {
                break;
            }
            shift = (end, replaced.original.offset + replaced.original.length);
        }
        (filled.saturating_sub(shift.0) + shift.1).min(self.original.len())
    }
}

/// Which end of a place is looked for.
#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len()))
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "scenario: x\nvary:\n  dnssec: [bogus, expired]\n  listed: [true, false]\nworld: {}\n";

    fn names(text: &str) -> Vec<String> {
        combinations("x.yaml", text)
            .map(|all| all.iter().map(ToString::to_string).collect())
            .unwrap_or_else(|problems| vec![problems.to_string()])
    }

    #[test]
    fn a_vary_block_multiplies() {
        assert_eq!(
            names(FILE),
            [
                "[dnssec=bogus,listed=true]",
                "[dnssec=bogus,listed=false]",
                "[dnssec=expired,listed=true]",
                "[dnssec=expired,listed=false]"
            ]
        );
        assert_eq!(names("scenario: x\n"), [""]);
    }

    #[test]
    fn a_broken_vary_block_is_shown_where_it_stands() {
        insta::assert_snapshot!(names("scenario: x\n\nvary: { dnssec: [bogus, 'a b'] }\n")[0], @r"
        error: `a b` is not a plain word
         --> x.yaml:3:25
          |
        3 | vary: { dnssec: [bogus, 'a b'] }
          |                         ^^^^^ expected letters, digits, `.`, `-` or `_`
        ");
        insta::assert_snapshot!(names("scenario: x\nvary:\n  dnssec: bogus\n")[0], @r"
        error: found something else
         --> x.yaml:3:11
          |
        3 |   dnssec: bogus
          |           ^^^^^ expected a list such as `[one, two]`
        ");
    }

    #[test]
    fn places_behind_a_replaced_value_lead_back_to_the_file() {
        let axes = Axes(vec![(
            "key".to_owned(),
            "much-longer-than-before".to_owned(),
        )]);
        let text = Text::fill("x.yaml", "a: ${key} # é\nb: ${key} c: wrong\n", &axes);
        let text = text.expect("the axis is known");
        let offset = text.filled().find("wrong").expect("it is there");
        let spot = text.spot(Place { offset, length: 5 });
        assert_eq!((spot.line, spot.column, spot.length), (2, 14, 5));
        let offset = text.filled().rfind("longer").expect("it is there");
        let spot = text.spot(Place { offset, length: 6 });
        assert_eq!((spot.line, spot.column, spot.length), (2, 4, 6));
    }

    #[test]
    fn an_unknown_axis_is_a_problem() {
        let axes = Axes(vec![("dnssec".to_owned(), "bogus".to_owned())]);
        let problems = Text::fill("x.yaml", "# ${nothing}\na: ${dnsec}\nb: ${\n", &axes);
        insta::assert_snapshot!(problems.expect_err("the axis is unknown"), @r"
        error: unknown axis `dnsec`
         --> x.yaml:2:4
          |
        2 | a: ${dnsec}
          |    ^^^^^^^^
          = help: did you mean `dnssec`?

        error: `${` without `}`
         --> x.yaml:3:4
          |
        3 | b: ${
          |    ^^
        ");
    }
}
