//! Command lines of DMTP's older keyword dialect (spec/40 §6, spec/95 items 56 and 57).
//!
//! ```text
//! WORD [NAME=<value> | NAME=[value] | NAME=value]... LF
//! ```
//!
//! One table says what every word takes; reading and writing follow it. Names are exact, in the
//! table's order, and optional ones may be left out. What values mean is for who acts on them.

/// Longest line, its end included, in bytes.
pub const MAXIMUM_LINE: usize = 512;
/// Most parameters a word takes.
pub const MAXIMUM_PARAMETERS: usize = 3;

/// A command line: its word and a value for each parameter of the word's table entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeywordLine {
    /// The command.
    pub word: Word,
    /// Values in the order of [`Word::parameters`]; values behind its end are not written.
    /// They are bytes: the dialect allows any but line ends and the closing mark.
    pub values: [Option<Vec<u8>>; MAXIMUM_PARAMETERS],
}

/// Why a line is none of this dialect. The reply is 501 to an argument, else 500.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeywordFault {
    /// The line is longer than [`MAXIMUM_LINE`].
    #[error("line is not within {MAXIMUM_LINE} bytes")]
    TooLong,
    /// The word is unknown, the line does not end where it should, or its parameters are too few,
    /// too many or in another order.
    #[error("line is not a command of the keyword dialect")]
    Command,
    /// A parameter is not one of the word's, or its value is not in the parameter's marks.
    #[error("argument is not one that the command takes")]
    Argument,
}

/// The commands of the dialect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Word {
    /// `STARTTLS`.
    StartTls,
    /// `HELO`.
    Helo,
    /// `EHLO`.
    Ehlo,
    /// `MODE`.
    Mode,
    /// `RSET`.
    Reset,
    /// `NOOP`.
    Noop,
    /// `HELP`.
    Help,
    /// `QUIT`.
    Quit,
    /// `MAIL`.
    Mail,
    /// `RCPT`.
    Recipient,
    /// `DATA`.
    Data,
    /// `SGNT`.
    Signet,
    /// `HIST`.
    History,
    /// `VRFY`.
    Verify,
}

/// A parameter of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// The name in front of `=`; empty for those of NOOP.
    pub name: &'static str,
    /// The marks around its value.
    pub marks: Marks,
    /// Whether a line must have it.
    pub need: Need,
}

/// What stands around a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marks {
    /// `<value>`; the value ends at the first `>`.
    Angle,
    /// `[value]`; the value ends at the first `]`.
    Square,
    /// Nothing; the value ends at a blank or the line's end.
    Bare,
}

/// Whether a line must have a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// It must have exactly one of those of its word that are marked so.
    OneOf,
}

impl KeywordLine {
    /// A line without values.
    pub fn new(word: Word) -> Self {
        Self {
            word,
            values: Default::default(),
        }
    }

    /// Reads a line, its LF or CR LF included.
    ///
    /// # Errors
    /// [`KeywordFault`]; the first fault from the left decides, what is missing comes last.
    pub fn parse(line: &[u8]) -> Result<Self, KeywordFault> {
        if line.len() > MAXIMUM_LINE {
            return Err(KeywordFault::TooLong);
        }
        let (word, mut rest) = Word::ALL
            .into_iter()
            .find_map(|word| Some((word, line.strip_prefix(word.name().as_bytes())?)))
            .ok_or(KeywordFault::Command)?;
        let mut read = Self::new(word);
        let mut parameters = word.parameters().iter().zip(&mut read.values);
        loop {
            let argument = skip_blanks(rest);
            if let Some(behind) = strip_line_end(argument) {
                return match behind {
                    [] if read.is_complete() => Ok(read),
                    _ => Err(KeywordFault::Command),
                };
            }
            // A blank, another parameter in the table, and something to read it from.
            if argument.len() == rest.len() || argument.is_empty() || parameters.len() == 0 {
                return Err(KeywordFault::Command);
            }
            let (parameter, value) = parameters
                .find(|(parameter, _)| argument.starts_with(parameter.name.as_bytes()))
                .ok_or(KeywordFault::Argument)?;
            let (text, behind) = parameter.read(argument).ok_or(KeywordFault::Argument)?;
            *value = Some(text.to_vec());
            rest = behind;
        }
    }

    /// Writes the line, ended by LF.
    ///
    /// # Errors
    /// [`KeywordFault::Command`] if a required value is missing, [`KeywordFault::Argument`] if a
    /// value does not fit its marks, [`KeywordFault::TooLong`].
    pub fn format(&self) -> Result<Vec<u8>, KeywordFault> {
        if !self.is_complete() {
            return Err(KeywordFault::Command);
        }
        let mut line = self.word.name().as_bytes().to_vec();
        for (parameter, value) in self.word.parameters().iter().zip(&self.values) {
            let Some(value) = value else { continue };
            if line.len() + value.len() > MAXIMUM_LINE {
                return Err(KeywordFault::TooLong);
            }
            if value.iter().any(|&byte| parameter.marks.ends_at(byte)) {
                return Err(KeywordFault::Argument);
            }
            let (open, close) = parameter.marks.text();
            line.push(b' ');
            line.extend_from_slice(parameter.name.as_bytes());
            line.push(b'=');
            line.extend_from_slice(open.as_bytes());
            line.extend_from_slice(value);
            line.extend_from_slice(close.as_bytes());
        }
        line.push(b'\n');
        if line.len() > MAXIMUM_LINE {
            return Err(KeywordFault::TooLong);
        }
        Ok(line)
    }

    /// The value of the parameter called `name`, if the line has it.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.word.parameters().iter().zip(&self.values);
        let (_, value) = pairs.find(|(parameter, _)| parameter.name == name)?;
        value.as_deref()
    }

    /// Whether everything required is there, and exactly one of the alternatives.
    fn is_complete(&self) -> bool {
        let (mut alternatives, mut chosen) = (0, 0);
        for (parameter, value) in self.word.parameters().iter().zip(&self.values) {
            match parameter.need {
                Need::Required if value.is_none() => return false,
                Need::OneOf => {
                    alternatives += 1;
                    chosen += usize::from(value.is_some());
                }
                Need::Required | Need::Optional => {}
            }
        }
        alternatives == 0 || chosen == 1
    }
}

impl Word {
    /// Every word, in the order of the table.
    pub const ALL: [Self; 14] = [
        Self::StartTls,
        Self::Helo,
        Self::Ehlo,
        Self::Mode,
        Self::Reset,
        Self::Noop,
        Self::Help,
        Self::Quit,
        Self::Mail,
        Self::Recipient,
        Self::Data,
        Self::Signet,
        Self::History,
        Self::Verify,
    ];

    /// The word as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::StartTls => "STARTTLS",
            Self::Helo => "HELO",
            Self::Ehlo => "EHLO",
            Self::Mode => "MODE",
            Self::Reset => "RSET",
            Self::Noop => "NOOP",
            Self::Help => "HELP",
            Self::Quit => "QUIT",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Signet => "SGNT",
            Self::History => "HIST",
            Self::Verify => "VRFY",
        }
    }

    /// What the word takes, in the order in which it must be given; at most
    /// [`MAXIMUM_PARAMETERS`].
    pub fn parameters(self) -> &'static [Parameter] {
        use Marks::{Angle, Bare, Square};
        use Need::{OneOf, Optional, Required};
        const fn one(name: &'static str, marks: Marks, need: Need) -> Parameter {
            Parameter { name, marks, need }
        }
        match self {
            Self::StartTls => {
                const { &[one("HOST", Angle, Required), one("MODE", Bare, Optional)] }
            }
            Self::Helo | Self::Ehlo => const { &[one("HOST", Angle, Required)] },
            Self::Mode | Self::Reset | Self::Help | Self::Quit | Self::Data => &[],
            Self::Noop => const { &[one("", Bare, Optional); MAXIMUM_PARAMETERS] },
            Self::Mail => {
                const {
                    &[
                        one("FROM", Angle, Required),
                        one("FINGERPRINT", Square, Required),
                    ]
                }
            }
            Self::Recipient => {
                const {
                    &[
                        one("TO", Angle, Required),
                        one("FINGERPRINT", Square, Required),
                    ]
                }
            }
            Self::Signet => {
                const {
                    &[
                        one("USER", Angle, OneOf),
                        one("DOMAIN", Angle, OneOf),
                        one("FINGERPRINT", Square, Optional),
                    ]
                }
            }
            Self::History => {
                const {
                    &[
                        one("USER", Angle, Required),
                        one("START", Square, Optional),
                        one("STOP", Square, Optional),
                    ]
                }
            }
            Self::Verify => {
                const {
                    &[
                        one("USER", Angle, OneOf),
                        one("DOMAIN", Angle, OneOf),
                        one("FINGERPRINT", Square, Required),
                    ]
                }
            }
        }
    }
}

impl Parameter {
    /// The value of the argument that `text` begins with, and what follows it.
    fn read<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (open, close) = self.marks.text();
        let text = text
            .strip_prefix(self.name.as_bytes())?
            .strip_prefix(b"=")?;
        let text = text.strip_prefix(open.as_bytes())?;
        let end = text.iter().position(|&byte| self.marks.ends_at(byte))?;
        let (value, rest) = text.split_at_checked(end)?;
        Some((value, rest.strip_prefix(close.as_bytes())?))
    }
}

impl Marks {
    fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Angle => ("<", ">"),
            Self::Square => ("[", "]"),
            Self::Bare => ("", ""),
        }
    }

    /// Whether a value in these marks cannot hold `byte`.
    fn ends_at(self, byte: u8) -> bool {
        match self {
            Self::Angle => matches!(byte, b'>' | b'\n'),
            Self::Square => matches!(byte, b']' | b'\n'),
            Self::Bare => matches!(byte, b' ' | b'\t' | b'\r' | b'\n'),
        }
    }
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    text.get(blanks.count()..).unwrap_or_default()
}

/// What follows the line end that `text` begins with.
fn strip_line_end(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\r\n").or(text.strip_prefix(b"\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::KeywordFault::{Argument, Command, TooLong};
    use super::*;

    fn parse(line: &str) -> Result<String, KeywordFault> {
        let read = KeywordLine::parse(line.as_bytes())?;
        let written = read.format().expect("what was read can be written");
        Ok(String::from_utf8(written).expect("made of text"))
    }

    #[test]
    fn lines_come_back_in_their_one_spelling() {
        for (line, again) in [
            (
                "STARTTLS HOST=<a> MODE=DMTP\r\n",
                "STARTTLS HOST=<a> MODE=DMTP\n",
            ),
            ("EHLO\t HOST=<>  \n", "EHLO HOST=<>\n"),
            ("NOOP =a =\n", "NOOP =a =\n"),
            (
                "MAIL FROM=<a b[> FINGERPRINT=[x>]\n",
                "MAIL FROM=<a b[> FINGERPRINT=[x>]\n",
            ),
            ("HIST USER=<u@d> STOP=[s]\n", "HIST USER=<u@d> STOP=[s]\n"),
            ("SGNT DOMAIN=<d>\n", "SGNT DOMAIN=<d>\n"),
            ("DATA \r\n", "DATA\n"),
        ] {
            assert_eq!(parse(line).as_deref(), Ok(again), "{line:?}");
        }
    }

    #[test]
    fn a_line_with_another_shape_is_a_command_error() {
        for line in [
            "",
            "\n",
            "QUIT",
            "quit\n",
            "XYZZ\n",
            "QUITE\n",
            " QUIT\n",
            "QUIT\r",
            "QUIT\n\n",
            "QUIT\rX",
            "EHLO\n",
            "EHLO HOST=<a>",
            "EHLO HOST=<a> ",
            "RSET X=<y>\n",
            "MAIL FROM=<a>FINGERPRINT=[x]\n",
            "STARTTLS MODE=DMTP HOST=<a>\n",
            "STARTTLS HOST=<a> MODE=DMTP X=<y>\n",
            "MAIL FROM=<a>\n",
            "SGNT\n",
            "SGNT USER=<a> DOMAIN=<b>\n",
            "SGNT FINGERPRINT=[x] USER=<a>\n",
            "VRFY USER=<a>\n",
        ] {
            assert_eq!(parse(line), Err(Command), "{line:?}");
        }
    }

    #[test]
    fn an_argument_that_does_not_fit_is_an_argument_error() {
        for line in [
            "EHLO a\n",
            "EHLO <a>\n",
            "EHLO HOST\n",
            "EHLO HOST=a\n",
            "EHLO HOST=<a\n",
            "EHLO HOST=<a",
            "EHLO host=<a>\n",
            "MAIL FROM =<a>\n",
            "MAIL FROM:<a>\n",
            "MAIL FROM=[a]\n",
            "NOOP x\n",
            "SGNT a@b\n",
            "STARTTLS HOST=<a> MODE=DMTP",
            "STARTTLS HOST=<a> X=<b>\n",
            "EHLO HOST=<a\nb>\n",
        ] {
            assert_eq!(parse(line), Err(Argument), "{line:?}");
        }
    }

    #[test]
    fn the_limit_includes_the_line_end() {
        let line = |size: usize| format!("HELO HOST=<{}>\n", "a".repeat(size - 13));
        assert_eq!(parse(&line(MAXIMUM_LINE)), Ok(line(MAXIMUM_LINE)));
        assert_eq!(parse(&line(MAXIMUM_LINE + 1)), Err(TooLong));
        let mut long = KeywordLine::new(Word::Helo);
        for (size, expected) in [(499, Ok(512)), (500, Err(TooLong)), (1 << 20, Err(TooLong))] {
            long.values = [Some(vec![b'a'; size]), None, None];
            assert_eq!(long.format().map(|line| line.len()), expected);
        }
    }

    #[test]
    fn what_would_not_be_read_back_is_not_written() {
        let line = |word, value: &str| {
            let mut line = KeywordLine::new(word);
            line.values = [Some(value.as_bytes().to_vec()), Some(b"f".to_vec()), None];
            line.format()
        };
        assert_eq!(line(Word::Mail, "a> FINGERPRINT=[evil]"), Err(Argument));
        assert_eq!(line(Word::Mail, "a\nQUIT"), Err(Argument));
        assert_eq!(line(Word::Noop, "a b"), Err(Argument));
        assert_eq!(KeywordLine::new(Word::Mail).format(), Err(Command));
        assert_eq!(
            KeywordLine::new(Word::Noop).format(),
            Ok(b"NOOP\n".to_vec())
        );
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_as_it_was(
            word in prop::sample::select(Word::ALL.to_vec()),
            values: [Option<Vec<u8>>; MAXIMUM_PARAMETERS],
        ) {
            let mut line = KeywordLine { word, values };
            for value in line.values.iter_mut().skip(word.parameters().len()) {
                *value = None;
            }
            if word == Word::Noop {
                line.values.sort_by_key(Option::is_none);
            }
            if let Ok(written) = line.format() {
                prop_assert_eq!(KeywordLine::parse(&written), Ok(line));
            }
        }

        #[test]
        fn what_is_read_can_be_written_and_is_the_same(
            word in prop::sample::select(Word::ALL.to_vec()),
            rest in "[ =<>\\[\\]A-Za-z\r\n]{0,40}",
        ) {
            let text = format!("{} {rest}", word.name());
            if let Ok(read) = KeywordLine::parse(text.as_bytes()) {
                let written = read.format().expect("what was read can be written");
                prop_assert_eq!(KeywordLine::parse(&written), Ok(read));
            }
        }
    }
}
