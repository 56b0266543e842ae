//! Replies of DMTP: three digits, `-` or a space, text; several lines carry one code (spec/40 §2,
//! §8).

use std::fmt;

use bytes::{BufMut, BytesMut};

/// Longest line of a reply in bytes, its end included. A signet travels in one line.
pub const MAX_REPLY_LINE: usize = 512 * 1024;
/// Most lines of one reply.
pub const MAX_REPLY_LINES: usize = 64;
/// Most bytes of one reply altogether.
pub const MAX_REPLY: usize = 1024 * 1024;

/// A reply code, 100 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u16);

impl Code {
    /// MODE, VERB.
    pub const STATUS: Code = Code(200);
    /// HELP.
    pub const HELP: Code = Code(214);
    /// Banner.
    pub const BANNER: Code = Code(220);
    /// Farewell.
    pub const BYE: Code = Code(221);
    /// Done.
    pub const OK: Code = Code(250);
    /// Message accepted; a transaction id follows.
    pub const ACCEPTED: Code = Code(254);
    /// Message was accepted before; the transaction id of then follows.
    pub const DUPLICATE: Code = Code(255);
    /// Send the message now.
    pub const CONTINUE: Code = Code(354);
    /// The server closes the connection.
    pub const CLOSING: Code = Code(421);
    /// No such signet, or none for you.
    pub const NOT_FOUND: Code = Code(450);
    /// The data that arrived is not the data that was announced, or the server failed.
    pub const CORRUPTED: Code = Code(451);
    /// A limit of the destination is reached.
    pub const LIMIT: Code = Code(431);
    /// TLS is running already.
    pub const ALREADY_ENCRYPTED: Code = Code(454);
    /// The origin's signet cannot be had now.
    pub const ORIGIN_UNAVAILABLE: Code = Code(470);
    /// Unknown command, or not a line.
    pub const BAD_COMMAND: Code = Code(500);
    /// Known command, bad arguments.
    pub const BAD_ARGUMENT: Code = Code(501);
    /// Command that this server does not offer.
    pub const DISABLED: Code = Code(502);
    /// Command out of order.
    pub const BAD_SEQUENCE: Code = Code(503);
    /// The recipient has no account here.
    pub const INVALID_RECIPIENT: Code = Code(510);
    /// The account takes no messages.
    pub const REFUSED: Code = Code(550);
    /// The destination is another domain.
    pub const NOT_LOCAL: Code = Code(551);
    /// Message too large.
    pub const TOO_LARGE: Code = Code(552);
    /// Not a D/MIME message.
    pub const INVALID_MESSAGE: Code = Code(554);
    /// The origin has no signet we could ever get.
    pub const ORIGIN_MISSING: Code = Code(570);
    /// The origin's signet is not valid, or not the one named.
    pub const INVALID_ORIGIN_SIGNET: Code = Code(575);
    /// The destination's signet is not the one named.
    pub const INVALID_DESTINATION_SIGNET: Code = Code(576);
    /// The origin did not sign, or its signature does not verify.
    pub const INVALID_ORIGIN_SIGNATURE: Code = Code(578);
    /// The recipient's signet is not the one named.
    pub const INVALID_RECIPIENT_SIGNET: Code = Code(586);

    /// The code `number`, if it is one.
    pub fn new(number: u16) -> Option<Code> {
        (100..600).contains(&number).then_some(Code(number))
    }

    /// The three digits as a number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// 2xx.
    pub fn is_success(self) -> bool {
        self.0 / 100 == 2
    }

    /// 4xx: the same may succeed later.
    pub fn is_temporary(self) -> bool {
        self.0 / 100 == 4
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// A whole reply: one code, one or more lines of printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: Code,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of one line.
    ///
    /// # Errors
    /// [`ReplyFault`] if `text` holds anything but printable ASCII or is too long.
    pub fn new(code: Code, text: impl Into<String>) -> Result<Reply, ReplyFault> {
        Reply::of_lines(code, vec![text.into()])
    }

    /// A reply of several lines.
    ///
    /// # Errors
    /// [`ReplyFault`] as for [`Reply::new`], or if there is no line or too many.
    pub fn of_lines(code: Code, lines: Vec<String>) -> Result<Reply, ReplyFault> {
        if lines.is_empty() || lines.len() > MAX_REPLY_LINES {
            return Err(ReplyFault::Lines);
        }
        if lines.iter().any(|line| line.len() + 6 > MAX_REPLY_LINE) {
            return Err(ReplyFault::TooLong);
        }
        if !lines.iter().all(|line| line.bytes().all(is_printable)) {
            return Err(ReplyFault::Text);
        }
        Ok(Reply { code, lines })
    }

    /// A reply of one line that this crate spells out itself.
    pub(crate) fn fixed(code: Code, text: &'static str) -> Reply {
        Reply {
            code,
            lines: vec![text.to_owned()],
        }
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its lines without code and line end.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Its last line.
    pub fn text(&self) -> &str {
        self.lines.last().map_or("", String::as_str)
    }

    /// What stands between `[` and `]` of `OK [...]`.
    pub fn bracketed(&self) -> Option<&str> {
        self.text().strip_prefix("OK [")?.strip_suffix(']')
    }

    /// Appends the reply as it goes over the wire.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let last = self.lines.len().saturating_sub(1);
        for (index, line) in self.lines.iter().enumerate() {
            let mark = if index == last { ' ' } else { '-' };
            out.put_slice(format!("{}{mark}{line}\r\n", self.code).as_bytes());
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// Why something is not a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyFault {
    /// Not three digits from 100 to 599, then `-` or a space.
    #[error("reply does not begin with a code")]
    Code,
    /// Lines of one reply with different codes.
    #[error("lines of one reply differ in their code")]
    Mixed,
    /// Something else than printable ASCII.
    #[error("reply holds more than printable text")]
    Text,
    /// A line or the whole is too long.
    #[error("reply is too long")]
    TooLong,
    /// No line, or too many.
    #[error("reply has too many lines or none")]
    Lines,
}

/// Puts replies together from their lines.
#[derive(Debug, Default)]
pub(crate) struct ReplyReader {
    code: Option<Code>,
    lines: Vec<String>,
    size: usize,
}

impl ReplyReader {
    /// Takes one line without its end; gives the reply when it was the last.
    pub(crate) fn push(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyFault> {
        let text = std::str::from_utf8(line).map_err(|_| ReplyFault::Text)?;
        if !text.bytes().all(is_printable) {
            return Err(ReplyFault::Text);
        }
        let (digits, rest) = text.split_at_checked(3).ok_or(ReplyFault::Code)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ReplyFault::Code);
        }
        let number = digits.parse().map_err(|_| ReplyFault::Code)?;
        let code = Code::new(number).ok_or(ReplyFault::Code)?;
        if self.code.is_some_and(|first| first != code) {
            return Err(ReplyFault::Mixed);
        }
        self.size += line.len();
        if self.size > MAX_REPLY {
            return Err(ReplyFault::TooLong);
        }
        if self.lines.len() == MAX_REPLY_LINES {
            return Err(ReplyFault::Lines);
        }
        self.code = Some(code);
        let (more, text) = match rest.split_at_checked(1) {
            Some(("-", text)) => (true, text),
            Some((" ", text)) => (false, text),
            _ => return Err(ReplyFault::Code),
        };
        self.lines.push(text.to_owned());
        if more {
            return Ok(None);
        }
        let whole = std::mem::take(self);
        Ok(Some(Reply {
            code,
            lines: whole.lines,
        }))
    }
}

fn is_printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Reply>, ReplyFault> {
        let mut reader = ReplyReader::default();
        let mut last = Ok(None);
        for line in lines {
            last = reader.push(line.as_bytes());
        }
        last
    }

    #[test]
    fn a_reply_is_read_as_it_was_written() {
        let reply = Reply::of_lines(
            Code::OK,
            vec!["RETURN".into(), "SIZE 5".into(), "OK".into()],
        )
        .expect("printable");
        let mut out = BytesMut::new();
        reply.write(&mut out);
        assert_eq!(&out[..], b"250-RETURN\r\n250-SIZE 5\r\n250 OK\r\n");
        assert_eq!(
            read(&["250-RETURN", "250-SIZE 5", "250 OK"]),
            Ok(Some(reply))
        );
    }

    #[test]
    fn lines_of_one_reply_carry_one_code() {
        assert_eq!(read(&["250-A", "251 B"]), Err(ReplyFault::Mixed));
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for line in [
            "", "25", "250", "250_OK", "099 X", "999 X", "+50 X", "hello",
        ] {
            assert_eq!(read(&[line]), Err(ReplyFault::Code), "{line:?}");
        }
        assert_eq!(read(&["250 a\tb"]), Err(ReplyFault::Text));
    }

    #[test]
    fn a_text_with_a_line_end_cannot_be_replied() {
        assert_eq!(Reply::new(Code::OK, "OK\r\n250 x"), Err(ReplyFault::Text));
    }

    #[test]
    fn the_bracketed_value_is_found() {
        let reply = Reply::new(Code::OK, "OK [abc]").expect("printable");
        assert_eq!(reply.bracketed(), Some("abc"));
        assert_eq!(Reply::fixed(Code::OK, "OK").bracketed(), None);
    }
}
