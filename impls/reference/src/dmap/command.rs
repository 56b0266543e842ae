//! Commands of DMAP and their strict grammar: single spaces, nothing behind the last argument.

use std::fmt;

use zeroize::Zeroizing;

use super::{MAX_TAG, is_printable};
use crate::dmtp::ReturnWish;
use crate::session::MAX_MESSAGE;

/// A command with its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the completion will begin with; 1 to [`MAX_TAG`] letters and digits.
    pub tag: String,
    /// What is asked.
    pub command: Command,
}

/// A command a client sends.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// Says who the user is.
    Login {
        /// Address of the account.
        user: String,
        /// Its password.
        password: Zeroizing<String>,
    },
    /// Hands in a sealed message.
    Submit {
        /// Its size in bytes.
        size: usize,
        /// What a bounce may contain.
        wish: Option<ReturnWish>,
    },
    /// Lists the letters in the mailbox.
    List,
    /// Asks for a letter.
    Fetch {
        /// Its place in the list, from 1.
        index: usize,
    },
    /// Does nothing.
    Noop,
    /// Asks what the server can do.
    Capability,
    /// Ends the session.
    Logout,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Login { user, .. } => write!(f, "Login({user}, [secret])"),
            Command::Submit { size, wish } => write!(f, "Submit({size}, {wish:?})"),
            Command::List => f.write_str("List"),
            Command::Fetch { index } => write!(f, "Fetch({index})"),
            Command::Noop => f.write_str("Noop"),
            Command::Capability => f.write_str("Capability"),
            Command::Logout => f.write_str("Logout"),
        }
    }
}

/// Why a line is not a request. A tag is there if it could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// No tag, or not printable ASCII.
    #[error("line has no tag")]
    Tag,
    /// Unknown word.
    #[error("word is not a command")]
    Unknown {
        /// Tag of the line.
        tag: String,
    },
    /// Arguments missing, too many or not valid.
    #[error("arguments do not follow the grammar")]
    Arguments {
        /// Tag of the line.
        tag: String,
    },
    /// The message is larger than a session transfers.
    #[error("message is too large")]
    TooLarge {
        /// Tag of the line.
        tag: String,
    },
}

impl Request {
    /// Parses a line without its CR LF.
    ///
    /// # Errors
    /// [`CommandFault`].
    pub fn parse(line: &[u8]) -> Result<Request, CommandFault> {
        let text = std::str::from_utf8(line).map_err(|_| CommandFault::Tag)?;
        if !text.bytes().all(is_printable) {
            return Err(CommandFault::Tag);
        }
        let (tag, rest) = text.split_once(' ').ok_or(CommandFault::Tag)?;
        if !is_tag(tag) {
            return Err(CommandFault::Tag);
        }
        let tag = tag.to_owned();
        let (word, arguments) = match rest.split_once(' ') {
            Some((word, arguments)) => (word, Some(arguments)),
            None => (rest, None),
        };
        let command = match (word.to_ascii_uppercase().as_str(), arguments) {
            ("LOGIN", Some(arguments)) => login(arguments),
            ("SUBMIT", Some(arguments)) => match submit(arguments) {
                Some(Command::Submit { size, .. }) if size > MAX_MESSAGE => {
                    return Err(CommandFault::TooLarge { tag });
                }
                command => command,
            },
            ("FETCH", Some(index)) => number(index).map(|index| Command::Fetch { index }),
            ("LIST", None) => Some(Command::List),
            ("NOOP", None) => Some(Command::Noop),
            ("CAPABILITY", None) => Some(Command::Capability),
            ("LOGOUT", None) => Some(Command::Logout),
            ("LOGIN" | "SUBMIT" | "FETCH" | "LIST" | "NOOP" | "CAPABILITY" | "LOGOUT", _) => None,
            _ => return Err(CommandFault::Unknown { tag }),
        };
        match command {
            Some(command) => Ok(Request { tag, command }),
            None => Err(CommandFault::Arguments { tag }),
        }
    }

    /// The line on the wire, with its CR LF. `None` if a string cannot be written.
    pub(crate) fn to_line(&self) -> Option<Zeroizing<String>> {
        let tag = &self.tag;
        let line = match &self.command {
            Command::Login { user, password } => {
                let (user, password) = (quoted(user)?, quoted(password)?);
                format!("{tag} LOGIN {} {}\r\n", *user, *password)
            }
            Command::Submit { size, wish: None } => format!("{tag} SUBMIT {{{size}}}\r\n"),
            Command::Submit {
                size,
                wish: Some(wish),
            } => format!("{tag} SUBMIT {{{size}}} RETURN={wish}\r\n"),
            Command::List => format!("{tag} LIST\r\n"),
            Command::Fetch { index } => format!("{tag} FETCH {index}\r\n"),
            Command::Noop => format!("{tag} NOOP\r\n"),
            Command::Capability => format!("{tag} CAPABILITY\r\n"),
            Command::Logout => format!("{tag} LOGOUT\r\n"),
        };
        Some(Zeroizing::new(line))
    }
}

pub(super) fn is_tag(text: &str) -> bool {
    (1..=MAX_TAG).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A positive decimal number without sign or leading zero.
pub(super) fn number(text: &str) -> Option<usize> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// The number in `{n}`.
pub(super) fn braced(text: &str) -> Option<usize> {
    number(text.strip_prefix('{')?.strip_suffix('}')?)
}

fn login(arguments: &str) -> Option<Command> {
    let (user, rest) = string(arguments)?;
    let (password, rest) = string(rest.strip_prefix(' ')?)?;
    rest.is_empty().then(|| Command::Login {
        user: user.to_string(),
        password,
    })
}

fn submit(arguments: &str) -> Option<Command> {
    let (size, wish) = match arguments.split_once(' ') {
        None => (arguments, None),
        Some((size, parameter)) => {
            let (name, value) = parameter.split_once('=')?;
            if !name.eq_ignore_ascii_case("RETURN") {
                return None;
            }
            (size, Some(ReturnWish::parse(value)?))
        }
    };
    braced(size).map(|size| Command::Submit { size, wish })
}

/// An atom or a quoted string at the begin of `text`, and what follows.
fn string(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let end = text.find(' ').unwrap_or(text.len());
        let (atom, rest) = text.split_at_checked(end)?;
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | '{');
        return (!atom.is_empty() && !atom.contains(special))
            .then(|| (Zeroizing::new(atom.to_owned()), rest));
    };
    let mut value = Zeroizing::new(String::with_capacity(inside.len()));
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return inside.get(at + 1..).map(|rest| (value, rest)),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                _ => return None,
            },
            other => value.push(other),
        }
    }
    None
}

fn quoted(text: &str) -> Option<Zeroizing<String>> {
    if !text.bytes().all(is_printable) {
        return None;
    }
    let mut out = Zeroizing::new(String::with_capacity(2 * text.len() + 2));
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: Command) -> Request {
        Request {
            tag: "a1".into(),
            command,
        }
    }

    fn samples() -> Vec<Request> {
        [
            Command::Login {
                user: "ivy@alpha.example".into(),
                password: Zeroizing::new("a \"b\" \\c".into()),
            },
            Command::Submit {
                size: 7,
                wish: None,
            },
            Command::Submit {
                size: 7,
                wish: Some(ReturnWish::Header),
            },
            Command::List,
            Command::Fetch { index: 3 },
            Command::Noop,
            Command::Capability,
            Command::Logout,
        ]
        .map(request)
        .to_vec()
    }

    #[test]
    fn every_request_is_parsed_as_it_was_written() {
        for request in samples() {
            let line = request.to_line().expect("printable");
            let line = line.strip_suffix("\r\n").expect("ends with CR LF");
            assert_eq!(Request::parse(line.as_bytes()), Ok(request), "{line}");
            let tail = format!("{line} tail");
            assert!(Request::parse(tail.as_bytes()).is_err(), "{tail}");
        }
    }

    #[test]
    fn an_atom_may_stand_for_a_quoted_string() {
        assert_eq!(
            Request::parse(b"a1 login ivy@alpha.example secret"),
            Ok(request(Command::Login {
                user: "ivy@alpha.example".into(),
                password: Zeroizing::new("secret".into())
            }))
        );
    }

    #[test]
    fn faults_keep_the_tag_if_there_is_one() {
        let tag = || "a1".to_owned();
        for (line, fault) in [
            ("", CommandFault::Tag),
            ("a1", CommandFault::Tag),
            ("a-1 NOOP", CommandFault::Tag),
            ("a1 SELECT", CommandFault::Unknown { tag: tag() }),
            ("a1 FETCH 0", CommandFault::Arguments { tag: tag() }),
            ("a1 FETCH", CommandFault::Arguments { tag: tag() }),
            ("a1 SUBMIT 5", CommandFault::Arguments { tag: tag() }),
            ("a1 LOGIN \"a", CommandFault::Arguments { tag: tag() }),
            ("a1 LOGIN a b c", CommandFault::Arguments { tag: tag() }),
            (
                "a1 SUBMIT {999999999}",
                CommandFault::TooLarge { tag: tag() },
            ),
        ] {
            assert_eq!(Request::parse(line.as_bytes()), Err(fault), "{line}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        assert!(!format!("{:?}", samples()).contains("\"b\""));
    }
}
