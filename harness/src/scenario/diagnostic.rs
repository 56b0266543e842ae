//! Problems in a file, told like a compiler tells them: where, what, what was expected, and the
//! nearest thing that would have been right.

use std::fmt;

use crate::scenario::limits;
use crate::scenario::values::Place;
use crate::scenario::vary::Text;

/// One problem in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as its reader knows it.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length of the offending text in characters, at least 1.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected there, to stand beside the caret.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// The line of the file, without its end.
    pub excerpt: String,
}

/// Everything that is wrong with a file; never empty as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// The first problems, in the order of the file.
    pub problems: Vec<Diagnostic>,
    /// How many more there are.
    pub omitted: usize,
}

impl Diagnostic {
    /// A problem at a place of a text.
    pub(crate) fn at(text: &Text, place: Place, message: impl Into<String>) -> Self {
        let spot = text.spot(place);
        Diagnostic {
            path: text.path().to_owned(),
            line: spot.line,
            column: spot.column,
            length: spot.length,
            message: message.into(),
            label: None,
            help: None,
            excerpt: spot.excerpt,
        }
    }

    /// A problem with a whole file, such as one that cannot be read.
    pub(crate) fn of_file(path: &str, message: impl Into<String>) -> Self {
        Diagnostic {
            path: path.to_owned(),
            line: 1,
            column: 1,
            length: 1,
            message: message.into(),
            label: None,
            help: None,
            excerpt: String::new(),
        }
    }

    /// The same with what was expected there.
    pub(crate) fn expected(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with the nearest of the words that would have been right, if one is near.
    pub(crate) fn suggest<'a>(self, found: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(found, words) {
            Some(word) => self.help(format!("did you mean `{word}`?")),
            None => self,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(formatter, "error: {}", self.message)?;
        write!(
            formatter,
            "{margin}--> {}:{}:{}",
            self.path, self.line, self.column
        )?;
        if !self.excerpt.is_empty() {
            let (excerpt, indent) = window(&self.excerpt, self.column);
            let carets = "^".repeat(self.length.min(MAX_EXCERPT));
            write!(formatter, "\n{margin} |\n{number} | {excerpt}\n{margin} | ")?;
            write!(formatter, "{}{carets}", " ".repeat(indent))?;
            if let Some(label) = &self.label {
                write!(formatter, " {label}")?;
            }
        } else if let Some(label) = &self.label {
            write!(formatter, "\n{margin} = {label}")?;
        }
        if let Some(help) = &self.help {
            write!(formatter, "\n{margin} = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

impl From<Diagnostic> for Diagnostics {
    fn from(problem: Diagnostic) -> Self {
        Diagnostics {
            problems: vec![problem],
            omitted: 0,
        }
    }
}

impl Diagnostics {
    /// Adds a problem unless the same one is there; counts it only, if there are too many.
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        if self.problems.contains(&problem) {
            return;
        }
        if self.problems.len() < limits::MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.omitted += 1;
        }
    }

    /// Ok if there is no problem; else the problems in the order of the file.
    pub(crate) fn into_result(mut self) -> Result<(), Diagnostics> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems
            .sort_by_key(|problem| (problem.line, problem.column));
        Err(self)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            problem.fmt(formatter)?;
        }
        if self.omitted > 0 {
            write!(formatter, "\n\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// Characters of a line that an excerpt shows.
const MAX_EXCERPT: usize = 100;

/// The part of a line around a column, and the column within it, from 0. Control characters and
/// tabs become blanks, so that the caret stands right and nothing reaches the terminal.
fn window(line: &str, column: usize) -> (String, usize) {
    let column = column.saturating_sub(1);
    let start = if column < MAX_EXCERPT {
        0
    } else {
        column - MAX_EXCERPT / 2
    };
    let shown = line
        .chars()
        .skip(start)
        .take(MAX_EXCERPT)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect::<String>();
    (shown.trim_end().to_owned(), column - start)
}

/// Words longer than this are never near misses.
const MAX_NEAR_MISS: usize = 64;

/// The word nearest to what was found, if it is near enough to be a slip.
pub(crate) fn nearest<'a>(
    found: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = found.chars().count();
    if length > MAX_NEAR_MISS {
        return None;
    }
    let near = (length / 3).max(1);
    words
        .into_iter()
        .filter(|word| word.len() <= MAX_NEAR_MISS)
        .map(|word| (distance(&found.to_lowercase(), &word.to_lowercase()), word))
        .filter(|(steps, _)| *steps <= near)
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, word)| word)
}

/// How many letters must be put in, left out, changed or swapped with a neighbour to get from one
/// word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to = to.chars().collect::<Vec<_>>();
    let mut before = Vec::new();
    let mut above = (0..=to.len()).collect::<Vec<_>>();
    let mut last = None;
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let cell =
                |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let changed = cell(&above, column) + usize::from(letter != *other);
            let shifted = cell(&above, column + 1).min(cell(&current, column)) + 1;
            let mut best = changed.min(shifted);
            let swapped = column > 0 && last == Some(*other) && to.get(column - 1) == Some(&letter);
            if swapped && !before.is_empty() {
                best = best.min(cell(&before, column - 1) + 1);
            }
            current.push(best);
        }
        before = above;
        above = current;
        last = Some(letter);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let words = ["organizations", "taps", "import"];
        assert_eq!(nearest("organisations", words), Some("organizations"));
        assert_eq!(nearest("tpas", words), Some("taps"));
        assert_eq!(nearest("Import", words), Some("import"));
        assert_eq!(nearest("people", words), None);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}here{}", "x".repeat(500), "y".repeat(500));
        let (shown, indent) = window(&line, 501);
        assert_eq!(shown.chars().count(), MAX_EXCERPT);
        assert!(
            shown
                .get(indent..)
                .is_some_and(|rest| rest.starts_with("here"))
        );
    }
}
