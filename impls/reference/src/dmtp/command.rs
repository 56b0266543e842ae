//! Commands of DMTP in the positional dialect and their strict grammar (spec/40 §4, spec/95 item
//! 48): single spaces exactly where shown, nothing behind the last argument.
//!
//! ```text
//! EHLO <domain>
//! MAIL FROM: <domain> [fingerprint] SIZE=n [RETURN=FULL|DISPLAY|HEADER] [DATA=7BIT|8BIT]
//! RCPT TO: <domain> [fingerprint]
//! DATA ["[" text "]"]
//! SGNT <name> ["[" fingerprint "]"]
//! NOOP  RSET  QUIT  MODE  VERB  HELP
//! ```

use std::fmt;

use dime_wire::name::{is_address, is_domain, normalized};
use dime_wire::signet::Fingerprint;

use super::MAX_DATA_ARGUMENT;

/// A command a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The client names its domain.
    Ehlo {
        /// Mail domain of the client, lower case.
        domain: String,
    },
    /// Begins a transaction.
    Mail {
        /// Origin domain, lower case.
        domain: String,
        /// A fingerprint of the origin's signet.
        fingerprint: Fingerprint,
        /// Bytes that will follow DATA.
        size: usize,
        /// What a bounce may contain.
        wish: Option<ReturnWish>,
    },
    /// Names the destination.
    Rcpt {
        /// Destination domain, lower case.
        domain: String,
        /// A fingerprint of the destination's signet.
        fingerprint: Fingerprint,
    },
    /// Asks to send the message.
    Data {
        /// Free text; our client sends the SHA-512 of the message.
        argument: Option<Argument>,
    },
    /// Asks for a signet.
    Signet {
        /// Domain or address.
        name: String,
        /// The signet with this fingerprint; else the current one.
        fingerprint: Option<Fingerprint>,
    },
    /// Does nothing.
    Noop,
    /// Forgets the transaction.
    Reset,
    /// Ends the session.
    Quit,
    /// Asks for the mode.
    Mode,
    /// Asks for verbosity; there is only one.
    Verb,
    /// Asks for the list of commands.
    Help,
    /// A word of DMTP that this implementation does not offer.
    NotOffered,
    /// STARTTLS, which cannot be: TLS runs from the first byte.
    StartTls,
}

impl Command {
    /// Parses a line without its CR LF.
    ///
    /// # Errors
    /// [`CommandFault`] with the reply it deserves.
    pub fn parse(line: &[u8]) -> Result<Command, CommandFault> {
        let text = std::str::from_utf8(line).map_err(|_| CommandFault::Unknown)?;
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(CommandFault::Unknown);
        }
        let (word, rest) = match text.split_once(' ') {
            Some((word, rest)) => (word, Some(rest)),
            None => (text, None),
        };
        match word.to_ascii_uppercase().as_str() {
            "EHLO" => parse_ehlo(rest),
            "MAIL" => parse_mail(rest),
            "RCPT" => parse_rcpt(rest),
            "DATA" => parse_data(rest),
            "SGNT" => parse_signet(rest),
            "NOOP" => alone(Command::Noop, "NOOP", rest),
            "RSET" => alone(Command::Reset, "RSET", rest),
            "QUIT" => alone(Command::Quit, "QUIT", rest),
            "MODE" => alone(Command::Mode, "MODE", rest),
            "VERB" => alone(Command::Verb, "VERB", rest),
            "HELP" => alone(Command::Help, "HELP", rest),
            "VRFY" | "HIST" | "STATS" => Ok(Command::NotOffered),
            "STARTTLS" => Ok(Command::StartTls),
            _ => Err(CommandFault::Unknown),
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Ehlo { domain } => write!(f, "EHLO <{domain}>"),
            Command::Mail {
                domain,
                fingerprint,
                size,
                wish,
            } => {
                write!(f, "MAIL FROM: <{domain}> [{fingerprint}] SIZE={size}")?;
                match wish {
                    Some(wish) => write!(f, " RETURN={wish}"),
                    None => Ok(()),
                }
            }
            Command::Rcpt {
                domain,
                fingerprint,
            } => write!(f, "RCPT TO: <{domain}> [{fingerprint}]"),
            Command::Data { argument: None } => f.write_str("DATA"),
            Command::Data {
                argument: Some(argument),
            } => write!(f, "DATA [{argument}]"),
            Command::Signet {
                name,
                fingerprint: None,
            } => write!(f, "SGNT <{name}>"),
            Command::Signet {
                name,
                fingerprint: Some(fingerprint),
            } => write!(f, "SGNT <{name}> [{fingerprint}]"),
            Command::Noop => f.write_str("NOOP"),
            Command::Reset => f.write_str("RSET"),
            Command::Quit => f.write_str("QUIT"),
            Command::Mode => f.write_str("MODE"),
            Command::Verb => f.write_str("VERB"),
            Command::Help => f.write_str("HELP"),
            Command::NotOffered => f.write_str("STATS"),
            Command::StartTls => f.write_str("STARTTLS"),
        }
    }
}

/// What a bounce may contain: the author's wish (spec/95 item 38).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReturnWish {
    /// The whole message.
    Full,
    /// Up to the display chunks.
    Display,
    /// Envelope and headers.
    Header,
}

impl ReturnWish {
    /// The wish `text` spells, without regard to case.
    pub fn parse(text: &str) -> Option<ReturnWish> {
        [ReturnWish::Full, ReturnWish::Display, ReturnWish::Header]
            .into_iter()
            .find(|wish| wish.as_str().eq_ignore_ascii_case(text))
    }

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            ReturnWish::Full => "FULL",
            ReturnWish::Display => "DISPLAY",
            ReturnWish::Header => "HEADER",
        }
    }
}

impl fmt::Display for ReturnWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What may stand between the brackets of DATA: printable ASCII without brackets, 1 to
/// [`MAX_DATA_ARGUMENT`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument(String);

impl Argument {
    /// The argument `text`, if it may be one.
    pub fn new(text: impl Into<String>) -> Option<Argument> {
        let text = text.into();
        let fits = (1..=MAX_DATA_ARGUMENT).contains(&text.len());
        let allowed = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'[' && byte != b']';
        (fits && text.bytes().all(allowed)).then_some(Argument(text))
    }

    /// The argument that binds `message`: its SHA-512 in unpadded base64.
    pub fn digest_of(message: &[u8]) -> Argument {
        use sha2::{Digest, Sha512};
        Argument(dime_wire::encoding::encode_unpadded(&Sha512::digest(
            message,
        )))
    }

    /// Whether it has the shape of a SHA-512; only then it is compared with the message.
    pub fn is_digest(&self) -> bool {
        dime_wire::encoding::decode_unpadded_array::<64>(&self.0).is_ok()
    }

    /// The text without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// No command of DMTP, or not printable ASCII.
    #[error("line is not a command")]
    Unknown,
    /// Marks or spaces are not where the grammar wants them, or something follows.
    #[error("{0} does not follow the grammar")]
    Syntax(&'static str),
    /// A value is not what it should be.
    #[error("{0} has a parameter that is not valid")]
    Parameter(&'static str),
}

/// An argument-less command; anything behind it is refused, because an ignored tail is a channel.
fn alone(
    command: Command,
    word: &'static str,
    rest: Option<&str>,
) -> Result<Command, CommandFault> {
    match rest {
        None => Ok(command),
        Some(_) => Err(CommandFault::Syntax(word)),
    }
}

fn parse_ehlo(rest: Option<&str>) -> Result<Command, CommandFault> {
    const WORD: &str = "EHLO";
    let (domain, rest) = marked(rest.ok_or(CommandFault::Syntax(WORD))?, '<', '>', WORD)?;
    end(rest, WORD)?;
    Ok(Command::Ehlo {
        domain: domain_of(domain, WORD)?,
    })
}

fn parse_mail(rest: Option<&str>) -> Result<Command, CommandFault> {
    const WORD: &str = "MAIL";
    let rest = keyword(rest.ok_or(CommandFault::Syntax(WORD))?, "FROM: ", WORD)?;
    let (domain, rest) = marked(rest, '<', '>', WORD)?;
    let (fingerprint, rest) = marked(keyword(rest, " ", WORD)?, '[', ']', WORD)?;
    let domain = domain_of(domain, WORD)?;
    let fingerprint = fingerprint_of(fingerprint, WORD)?;
    let (size, wish) = mail_parameters(keyword(rest, " ", WORD)?)?;
    Ok(Command::Mail {
        domain,
        fingerprint,
        size,
        wish,
    })
}

/// The `NAME=value` parameters of MAIL: any order, each at most once, SIZE always.
fn mail_parameters(text: &str) -> Result<(usize, Option<ReturnWish>), CommandFault> {
    const WORD: &str = "MAIL";
    let (mut size, mut wish, mut data) = (None, None, None);
    for parameter in text.split(' ') {
        let (name, value) = parameter
            .split_once('=')
            .ok_or(CommandFault::Syntax(WORD))?;
        let repeated = match name.to_ascii_uppercase().as_str() {
            "SIZE" => size.replace(size_of(value)?).is_some(),
            "RETURN" => {
                let value = ReturnWish::parse(value).ok_or(CommandFault::Parameter(WORD))?;
                wish.replace(value).is_some()
            }
            "DATA"
                if ["7BIT", "8BIT"]
                    .iter()
                    .any(|v| v.eq_ignore_ascii_case(value)) =>
            {
                data.replace(()).is_some()
            }
            _ => return Err(CommandFault::Parameter(WORD)),
        };
        if repeated {
            return Err(CommandFault::Parameter(WORD));
        }
    }
    Ok((size.ok_or(CommandFault::Syntax(WORD))?, wish))
}

/// A size in bytes: decimal digits without sign or leading zero, not zero.
fn size_of(value: &str) -> Result<usize, CommandFault> {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    match value.parse() {
        Ok(size) if plain => Ok(size),
        _ => Err(CommandFault::Parameter("MAIL")),
    }
}

fn parse_rcpt(rest: Option<&str>) -> Result<Command, CommandFault> {
    const WORD: &str = "RCPT";
    let rest = keyword(rest.ok_or(CommandFault::Syntax(WORD))?, "TO: ", WORD)?;
    let (domain, rest) = marked(rest, '<', '>', WORD)?;
    let (fingerprint, rest) = marked(keyword(rest, " ", WORD)?, '[', ']', WORD)?;
    end(rest, WORD)?;
    Ok(Command::Rcpt {
        domain: domain_of(domain, WORD)?,
        fingerprint: fingerprint_of(fingerprint, WORD)?,
    })
}

fn parse_data(rest: Option<&str>) -> Result<Command, CommandFault> {
    const WORD: &str = "DATA";
    let Some(rest) = rest else {
        return Ok(Command::Data { argument: None });
    };
    let (argument, rest) = marked(rest, '[', ']', WORD)?;
    end(rest, WORD)?;
    let argument = Argument::new(argument).ok_or(CommandFault::Parameter(WORD))?;
    Ok(Command::Data {
        argument: Some(argument),
    })
}

fn parse_signet(rest: Option<&str>) -> Result<Command, CommandFault> {
    const WORD: &str = "SGNT";
    let (name, rest) = marked(rest.ok_or(CommandFault::Syntax(WORD))?, '<', '>', WORD)?;
    if !is_domain(name) && !is_address(name) {
        return Err(CommandFault::Parameter(WORD));
    }
    let name = normalized(name);
    if rest.is_empty() {
        return Ok(Command::Signet {
            name,
            fingerprint: None,
        });
    }
    let (fingerprint, rest) = marked(keyword(rest, " ", WORD)?, '[', ']', WORD)?;
    end(rest, WORD)?;
    Ok(Command::Signet {
        name,
        fingerprint: Some(fingerprint_of(fingerprint, WORD)?),
    })
}

/// The text between `open` and the first `close`, and what follows.
fn marked<'a>(
    text: &'a str,
    open: char,
    close: char,
    word: &'static str,
) -> Result<(&'a str, &'a str), CommandFault> {
    text.strip_prefix(open)
        .and_then(|inside| inside.split_once(close))
        .ok_or(CommandFault::Syntax(word))
}

/// What follows `prefix`, which compares without regard to case.
fn keyword<'a>(text: &'a str, prefix: &str, word: &'static str) -> Result<&'a str, CommandFault> {
    text.split_at_checked(prefix.len())
        .filter(|(head, _)| head.eq_ignore_ascii_case(prefix))
        .map(|(_, rest)| rest)
        .ok_or(CommandFault::Syntax(word))
}

fn end(rest: &str, word: &'static str) -> Result<(), CommandFault> {
    if rest.is_empty() {
        Ok(())
    } else {
        Err(CommandFault::Syntax(word))
    }
}

fn domain_of(text: &str, word: &'static str) -> Result<String, CommandFault> {
    if is_domain(text) {
        Ok(normalized(text))
    } else {
        Err(CommandFault::Parameter(word))
    }
}

fn fingerprint_of(text: &str, word: &'static str) -> Result<Fingerprint, CommandFault> {
    Fingerprint::parse(text).map_err(|_| CommandFault::Parameter(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint() -> Fingerprint {
        Fingerprint::from_digest(&[7; 64])
    }

    fn samples() -> Vec<Command> {
        let domain = "alpha.example".to_owned();
        vec![
            Command::Ehlo {
                domain: domain.clone(),
            },
            Command::Mail {
                domain: domain.clone(),
                fingerprint: fingerprint(),
                size: 1,
                wish: None,
            },
            Command::Mail {
                domain: domain.clone(),
                fingerprint: fingerprint(),
                size: 4096,
                wish: Some(ReturnWish::Display),
            },
            Command::Rcpt {
                domain: domain.clone(),
                fingerprint: fingerprint(),
            },
            Command::Data { argument: None },
            Command::Data {
                argument: Some(Argument::digest_of(b"x")),
            },
            Command::Signet {
                name: "Ivy@alpha.example".into(),
                fingerprint: None,
            },
            Command::Signet {
                name: domain,
                fingerprint: Some(fingerprint()),
            },
            Command::Noop,
            Command::Reset,
            Command::Quit,
            Command::Mode,
            Command::Verb,
            Command::Help,
        ]
    }

    #[test]
    fn every_command_is_parsed_as_it_was_written() {
        for command in samples() {
            let line = command.to_string();
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn a_tail_behind_any_command_is_refused() {
        for command in samples() {
            let line = format!("{command} tail");
            assert!(Command::parse(line.as_bytes()).is_err(), "{line}");
            let line = format!("{command} ");
            assert!(Command::parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn words_and_domains_ignore_case_and_local_parts_do_not() {
        assert_eq!(
            Command::parse(b"sgnt <Ivy@Alpha.EXAMPLE>"),
            Ok(Command::Signet {
                name: "Ivy@alpha.example".into(),
                fingerprint: None
            })
        );
    }

    #[test]
    fn spaces_and_marks_stand_exactly_where_the_grammar_says() {
        let fingerprint = fingerprint();
        for line in [
            "EHLO alpha.example".to_owned(),
            "EHLO  <alpha.example>".into(),
            "EHLO < alpha.example>".into(),
            "EHLO <>".into(),
            "EHLO <a@alpha.example>".into(),
            format!("MAIL FROM:<alpha.example> [{fingerprint}] SIZE=1"),
            format!("MAIL FROM: <> [{fingerprint}] SIZE=1"),
            format!("MAIL FROM: <alpha.example> [{fingerprint}]"),
            format!("MAIL FROM: <alpha.example> [{fingerprint}]  SIZE=1"),
            "MAIL FROM: <alpha.example> [fingerprint] SIZE=1".into(),
            "RCPT TO: <alpha.example>".into(),
            "DATA []".into(),
            "DATA [a[b]".into(),
            "DATA word".into(),
            "SGNT <alpha.example>[x]".into(),
        ] {
            assert!(Command::parse(line.as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn parameters_of_mail_come_once_and_in_any_order() {
        let with = |parameters: &str| {
            let line = format!("MAIL FROM: <a.example> [{}] {parameters}", fingerprint());
            Command::parse(line.as_bytes())
        };
        assert!(with("RETURN=full size=5 DATA=8BIT").is_ok());
        for bad in [
            "SIZE=0",
            "SIZE=",
            "SIZE=+5",
            "SIZE=05",
            "SIZE=5 SIZE=5",
            "RETURN=FULL",
        ] {
            assert!(with(bad).is_err(), "{bad}");
        }
        assert!(with("SIZE=99999999999999999999999").is_err());
        assert!(with("SIZE=5 RETURN=ALL").is_err());
        assert!(with("SIZE=5 NAME=x").is_err());
    }

    #[test]
    fn unknown_words_and_binary_lines_are_no_commands() {
        for line in [
            &b"HELO <a.example>"[..],
            b"",
            b" NOOP",
            b"NOOP\0",
            b"\xff\xfe",
        ] {
            assert_eq!(Command::parse(line), Err(CommandFault::Unknown), "{line:?}");
        }
    }
}
