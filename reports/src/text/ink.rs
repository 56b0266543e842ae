//! Lines for a terminal: wrapping, and colour where it is wanted.

use super::WIDTH;

/// Least room that wrapped text gets, whatever its indentation.
const LEAST_ROOM: usize = 20;

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

/// Collects lines.
pub(super) struct Ink {
    out: String,
    colour: bool,
}

impl Ink {
    /// An empty page.
    pub(super) fn new(colour: bool) -> Self {
        Self {
            out: String::new(),
            colour,
        }
    }

    /// Everything that was written.
    pub(super) fn finish(self) -> String {
        self.out
    }

    /// The text in its colour. The caller has made it printable.
    pub(super) fn paint(&self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Plain => return text.to_owned(),
            _ if !self.colour || text.is_empty() => return text.to_owned(),
            Colour::Bold => "1",
            Colour::Dim => "2",
            Colour::Red => "1;31",
            Colour::Yellow => "33",
            Colour::Green => "32",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// One line as it is.
    pub(super) fn raw(&mut self, line: &str) {
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// An empty line, unless there is one already.
    pub(super) fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A heading after an empty line.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        let text = self.paint(Colour::Bold, text);
        self.raw(&text);
    }

    /// Text that wraps, with a remark at the right edge of its last line or on a line of its own.
    pub(super) fn wrapped(&mut self, first: &str, rest: &str, text: &str, remark: &str) {
        self.lines(Colour::Plain, first, rest, text, remark);
    }

    /// As [`Ink::wrapped`], in a colour, with further lines two columns deeper than the first.
    pub(super) fn shaded(&mut self, colour: Colour, indent: &str, text: &str, remark: &str) {
        let rest = format!("{indent}    ");
        self.lines(colour, indent, &rest, text, remark);
    }

    /// Lines that keep their spaces, broken only where they are too long.
    pub(super) fn preformatted(&mut self, indent: &str, lines: &[String]) {
        let room = WIDTH.saturating_sub(indent.chars().count()).max(LEAST_ROOM);
        for line in lines {
            let characters: Vec<char> = line.chars().collect();
            let pieces = characters
                .chunks(room)
                .map(|it| it.iter().collect::<String>());
            for piece in pieces {
                self.raw(&format!("{indent}{piece}"));
            }
            if characters.is_empty() {
                self.raw("");
            }
        }
    }

    fn lines(&mut self, colour: Colour, first: &str, rest: &str, text: &str, remark: &str) {
        let indent = first.chars().count().max(rest.chars().count());
        let room = WIDTH.saturating_sub(indent).max(LEAST_ROOM);
        let lines = wrap(text, room);
        let last = lines.len().saturating_sub(1);
        for (index, line) in lines.iter().enumerate() {
            let indent = if index == 0 { first } else { rest };
            let painted = self.paint(colour, line);
            let mut whole = format!("{indent}{painted}");
            if index == last && !remark.is_empty() {
                let taken = indent.chars().count() + line.chars().count();
                whole = self.with_remark(whole, taken, rest, remark);
            }
            self.raw(&whole);
        }
    }

    fn with_remark(&self, line: String, taken: usize, rest: &str, remark: &str) -> String {
        let length = remark.chars().count();
        if taken + 2 + length <= WIDTH {
            let gap = " ".repeat(WIDTH - taken - length);
            return format!("{line}{gap}{}", self.paint(Colour::Dim, remark));
        }
        let room = WIDTH.saturating_sub(rest.chars().count()).max(LEAST_ROOM);
        let mut whole = line;
        for piece in wrap(remark, room) {
            let piece = self.paint(Colour::Dim, &piece);
            whole.push_str(&format!("\n{rest}{piece}"));
        }
        whole
    }
}

/// The text in at most so many characters.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Breaks at spaces, and inside words that are longer than a line. Never empty.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut taken = 0usize;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if taken > 0 && taken + 1 + word.len() > room {
            lines.push(std::mem::take(&mut line));
            taken = 0;
        }
        if taken > 0 {
            line.push(' ');
            taken += 1;
        }
        while word.len() > room {
            let tail = word.split_off(room);
            lines.push(word.into_iter().collect());
            word = tail;
        }
        taken += word.len();
        line.extend(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_break_and_short_ones_stay_whole() {
        let lines = wrap("one two abcdefghijkl three", 8);
        assert_eq!(lines, ["one two", "abcdefgh", "ijkl", "three"]);
        assert_eq!(wrap("", 8), [""]);
    }

    #[test]
    fn colour_is_used_only_if_asked_for() {
        assert_eq!(Ink::new(false).paint(Colour::Red, "x"), "x");
        assert_eq!(
            Ink::new(true).paint(Colour::Red, "x"),
            "\u{1b}[1;31mx\u{1b}[0m"
        );
        assert_eq!(Ink::new(true).paint(Colour::Plain, "x"), "x");
    }
}
