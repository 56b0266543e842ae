//! The server's end of DMAP: grammar, states and limits; mail itself is its owner's business.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};
use zeroize::Zeroizing;

use super::command::{Command, CommandFault, Request};
use super::{MAX_LISTED, MAX_TEXT, PROTOCOL_WORD, is_printable};
use crate::dmtp::ReturnWish;
use crate::platform::Tick;
use crate::session::{
    DATA_TIMEOUT, IDLE_TIMEOUT, Line, Lines, MAX_COMMAND_LINE, MAX_COMMANDS, MAX_VIOLATIONS,
    Patience, ProtocolError, Rejected, Session, TRANSFER_TIMEOUT, Transmit,
};

/// One connection of a DMAP server.
pub struct ServerSession {
    input: Input,
    lines: Lines,
    patience: Patience,
    output: BytesMut,
    events: VecDeque<ServerEvent>,
    pending: Option<(String, Pending)>,
    authenticated: bool,
    commands: u32,
    violations: u32,
    closing: bool,
}

/// What the owner has to decide or to give. Each is to be answered by one [`Answer`].
#[derive(Clone, PartialEq, Eq)]
pub enum ServerEvent {
    /// Somebody says who they are.
    Login {
        /// Address of the account.
        user: String,
        /// The password they know.
        password: Zeroizing<String>,
    },
    /// A message has been handed in whole.
    Submit {
        /// Its bytes.
        bytes: Vec<u8>,
        /// What a bounce may contain.
        wish: Option<ReturnWish>,
    },
    /// The user wants the list of letters.
    List,
    /// The user wants a letter.
    Fetch {
        /// Its place in the list, from 1.
        index: usize,
    },
}

/// The owner's answer to a [`ServerEvent`].
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with a text; for login and submission.
    Accept(String),
    /// No, with a text.
    Refuse(String),
    /// Sizes of the letters in bytes, in order.
    Listing(Vec<usize>),
    /// The letter asked for.
    Letter(Vec<u8>),
}

enum Input {
    Command,
    Message {
        tag: String,
        bytes: Vec<u8>,
        size: usize,
        wish: Option<ReturnWish>,
        until: Option<Tick>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Login,
    Submit,
    List,
    Fetch { index: usize },
}

impl ServerSession {
    /// A session of the server for `domain`.
    pub fn new(domain: &str) -> ServerSession {
        let mut session = ServerSession {
            input: Input::Command,
            lines: Lines::new(MAX_COMMAND_LINE),
            patience: Patience::From(IDLE_TIMEOUT),
            output: BytesMut::new(),
            events: VecDeque::new(),
            pending: None,
            authenticated: false,
            commands: 0,
            violations: 0,
            closing: false,
        };
        session.say(&format!("* OK {domain} {PROTOCOL_WORD}"));
        session
    }

    fn say(&mut self, line: &str) {
        self.output.put_slice(line.as_bytes());
        self.output.put_slice(b"\r\n");
    }

    fn complete(&mut self, tag: &str, status: &str, text: &str) {
        self.say(&format!("{tag} {status} {text}"));
    }

    fn farewell(&mut self, text: &str) {
        self.say(&format!("* BYE {text}"));
        self.closing = true;
        self.patience = Patience::Off;
    }

    /// Replies to a mistake; the last of [`MAX_VIOLATIONS`] ends the session.
    fn violation(&mut self, tag: &str, status: &str, text: &str) {
        self.complete(tag, status, text);
        self.violations += 1;
        if self.violations >= MAX_VIOLATIONS {
            self.farewell("Too many violations.");
        }
    }

    fn line(&mut self, line: Line) {
        self.commands += 1;
        self.patience = Patience::From(IDLE_TIMEOUT);
        if self.commands > MAX_COMMANDS {
            return self.farewell("Too many commands.");
        }
        let line = match line {
            Line::Partial => return,
            Line::TooLong => return self.farewell("Line too long."),
            Line::BareFeed => {
                return self.violation("*", "BAD", "Unable to parse the command tag.");
            }
            Line::Whole(line) => Zeroizing::new(line),
        };
        match Request::parse(&line) {
            Ok(request) => self.perform(request),
            Err(CommandFault::Tag) => {
                self.violation("*", "BAD", "Unable to parse the command tag.");
            }
            Err(CommandFault::Unknown { tag }) => {
                self.violation(&tag, "BAD", "Command not recognized.");
            }
            Err(CommandFault::Arguments { tag }) => {
                let text = "The command arguments were submitted using an invalid syntax.";
                self.violation(&tag, "BAD", text);
            }
            Err(CommandFault::TooLarge { tag }) => {
                self.complete(&tag, "NO", "The message is larger than this server takes.");
            }
        }
    }

    fn perform(&mut self, request: Request) {
        let Request { tag, command } = request;
        match command {
            Command::Noop => self.complete(&tag, "OK", "NOOP Completed."),
            Command::Capability => {
                self.say(&format!("* CAPABILITY {PROTOCOL_WORD}"));
                self.complete(&tag, "OK", "Completed.");
            }
            Command::Logout => {
                self.say("* BYE Goodbye.");
                self.complete(&tag, "OK", "Completed.");
                self.closing = true;
                self.patience = Patience::Off;
            }
            Command::Login { .. } if self.authenticated => {
                let text = "This session has already been authenticated.";
                self.violation(&tag, "BAD", text);
            }
            Command::Login { user, password } => {
                self.ask(tag, Pending::Login, ServerEvent::Login { user, password });
            }
            _ if !self.authenticated => {
                let text = "The command is not available until you are authenticated.";
                self.violation(&tag, "BAD", text);
            }
            Command::Submit { size, wish } => self.submit(tag, size, wish),
            Command::List => self.ask(tag, Pending::List, ServerEvent::List),
            Command::Fetch { index } => {
                self.ask(tag, Pending::Fetch { index }, ServerEvent::Fetch { index });
            }
        }
    }

    fn submit(&mut self, tag: String, size: usize, wish: Option<ReturnWish>) {
        self.say("+ OK");
        self.patience = Patience::From(DATA_TIMEOUT);
        self.input = Input::Message {
            tag,
            bytes: Vec::new(),
            size,
            wish,
            until: None,
        };
    }

    fn ask(&mut self, tag: String, pending: Pending, event: ServerEvent) {
        self.pending = Some((tag, pending));
        self.patience = Patience::Off;
        self.events.push_back(event);
    }

    /// Takes bytes of a message and says how many.
    fn transfer(&mut self, now: Tick, input: &[u8]) -> usize {
        let Input::Message {
            bytes, size, until, ..
        } = &mut self.input
        else {
            return 0;
        };
        let end = *until.get_or_insert(now + TRANSFER_TIMEOUT);
        let used = input.len().min(size.saturating_sub(bytes.len()));
        bytes.extend_from_slice(input.get(..used).unwrap_or_default());
        self.patience = Patience::Until(end.min(now + DATA_TIMEOUT));
        if bytes.len() == *size {
            let whole = std::mem::replace(&mut self.input, Input::Command);
            if let Input::Message {
                tag, bytes, wish, ..
            } = whole
            {
                self.ask(tag, Pending::Submit, ServerEvent::Submit { bytes, wish });
            }
        }
        used
    }

    fn listing(&mut self, tag: &str, sizes: &[usize]) {
        for (index, size) in sizes.iter().enumerate() {
            self.say(&format!("* LIST {} {size}", index + 1));
        }
        self.complete(tag, "OK", "LIST Complete.");
    }

    fn letter(&mut self, tag: &str, index: usize, bytes: &[u8]) {
        self.say(&format!("* {index} FETCH {{{}}}", bytes.len()));
        self.output.put_slice(bytes);
        self.output.put_slice(b"\r\n");
        self.complete(tag, "OK", "FETCH Complete.");
    }

    fn refuse(&mut self, tag: &str, pending: Pending, text: &str) {
        if pending == Pending::Login {
            // A wrong password counts as a violation, so that guessing is slow.
            self.violation(tag, "NO", text);
        } else {
            self.complete(tag, "NO", text);
        }
    }
}

impl Session for ServerSession {
    type Command = Answer;
    type Event = ServerEvent;

    fn receive(&mut self, now: Tick, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        while !self.closing && self.pending.is_none() {
            let rest = input.get(used..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            if matches!(self.input, Input::Message { .. }) {
                used += self.transfer(now, rest);
                continue;
            }
            let (taken, line) = self.lines.push(rest);
            used += taken;
            if line != Line::Partial {
                self.line(line);
            }
        }
        if self.closing {
            // What follows a farewell is nobody's business.
            return Ok(input.len());
        }
        Ok(used)
    }

    fn transmit(&mut self, out: &mut BytesMut) -> Transmit {
        Transmit::part(&mut self.output, out, self.closing)
    }

    fn command(&mut self, answer: Answer) -> Result<(), Rejected> {
        let (tag, pending) = self
            .pending
            .clone()
            .ok_or(Rejected("nothing is to be answered"))?;
        match (answer, pending) {
            (Answer::Refuse(text), _) if fits(&text) => self.refuse(&tag, pending, &text),
            (Answer::Accept(text), Pending::Login | Pending::Submit) if fits(&text) => {
                self.authenticated = true;
                self.complete(&tag, "OK", &text);
            }
            (Answer::Listing(sizes), Pending::List) if sizes.len() <= MAX_LISTED => {
                self.listing(&tag, &sizes);
            }
            (Answer::Letter(bytes), Pending::Fetch { index }) if !bytes.is_empty() => {
                self.letter(&tag, index, &bytes);
            }
            _ => return Err(Rejected("the answer does not fit the question")),
        }
        self.pending = None;
        if !self.closing {
            self.patience = Patience::From(IDLE_TIMEOUT);
        }
        Ok(())
    }

    fn event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    fn deadline(&self) -> Option<Tick> {
        self.patience.deadline()
    }

    fn tick(&mut self, now: Tick) {
        if self.patience.tick(now) && !self.closing {
            self.farewell("Timed out.");
        }
    }
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_TEXT && text.bytes().all(is_printable)
}
