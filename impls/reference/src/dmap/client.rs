//! The client's end of DMAP: one command at a time, each ended by one completion.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};
use zeroize::Zeroizing;

use super::command::{Command, Request, braced, number};
use super::{MAX_LISTED, PROTOCOL_WORD, is_printable};
use crate::dmtp::ReturnWish;
use crate::platform::Tick;
use crate::session::{
    IDLE_TIMEOUT, Line, Lines, MAX_COMMAND_LINE, MAX_MESSAGE, Patience, ProtocolError, Rejected,
    Session, TRANSFER_TIMEOUT, Transmit,
};

/// One connection of a DMAP client.
pub struct ClientSession {
    state: State,
    lines: Lines,
    patience: Patience,
    output: BytesMut,
    events: VecDeque<ClientEvent>,
    sent: u32,
    listing: Vec<usize>,
    letter: Option<Vec<u8>>,
    untagged: usize,
}

/// What a client may ask for.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientCommand {
    /// Says who we are.
    Login {
        /// Address of the account.
        user: String,
        /// Its password.
        password: Zeroizing<String>,
    },
    /// Hands in a sealed message.
    Submit {
        /// The message.
        message: Vec<u8>,
        /// What a bounce may contain.
        wish: Option<ReturnWish>,
    },
    /// Lists the mailbox.
    List,
    /// Fetches a letter.
    Fetch {
        /// Its place in the list, from 1.
        index: usize,
    },
    /// Ends the session.
    Logout,
}

/// What a client learns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientEvent {
    /// The server's greeting is one of a DMAP server.
    Greeting,
    /// The last command is complete.
    Completed {
        /// Whether it did what was asked.
        status: Status,
        /// What the server says about it.
        text: String,
        /// Sizes of the listed letters in bytes, in order; for LIST.
        listing: Vec<usize>,
        /// The letter; for FETCH.
        letter: Option<Vec<u8>>,
    },
}

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// The server did not understand us.
    Bad,
}

enum State {
    Greeting,
    Ready,
    Waiting(Expect),
    /// SUBMIT was sent; the message waits for the server's word.
    Announced(Vec<u8>),
    /// A letter is coming: index, bytes still to come with the CR LF behind them.
    Letter {
        bytes: Vec<u8>,
        size: usize,
    },
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Completion,
    Listing,
    Letter { index: usize },
    Farewell,
}

impl Default for ClientSession {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientSession {
    /// A session on a fresh connection.
    pub fn new() -> ClientSession {
        ClientSession {
            state: State::Greeting,
            lines: Lines::new(MAX_COMMAND_LINE),
            patience: Patience::From(IDLE_TIMEOUT),
            output: BytesMut::new(),
            events: VecDeque::new(),
            sent: 0,
            listing: Vec::new(),
            letter: None,
            untagged: 0,
        }
    }

    fn take(&mut self, line: &[u8]) -> Result<(), ProtocolError> {
        let line = std::str::from_utf8(line)
            .ok()
            .filter(|line| line.bytes().all(is_printable))
            .ok_or(peer("a line holds more than printable text"))?;
        self.untagged += 1;
        if self.untagged > MAX_LISTED {
            return Err(ProtocolError::Limit {
                what: "lines of one answer",
                limit: MAX_LISTED,
            });
        }
        if line == "+ OK" {
            return self.proceed();
        }
        if let Some(untagged) = line.strip_prefix("* ") {
            return self.untagged(untagged);
        }
        self.completion(line)
    }

    /// The server's word to send the message.
    fn proceed(&mut self) -> Result<(), ProtocolError> {
        match std::mem::replace(&mut self.state, State::Waiting(Expect::Completion)) {
            State::Announced(message) => {
                self.output.put_slice(&message);
                self.patience = Patience::From(TRANSFER_TIMEOUT);
                Ok(())
            }
            _ => Err(peer("a continuation nobody waits for")),
        }
    }

    fn untagged(&mut self, text: &str) -> Result<(), ProtocolError> {
        match self.state {
            State::Greeting => {
                let speaks = text.split(' ').skip(1).any(|word| word == PROTOCOL_WORD);
                if !text.starts_with("OK ") || !speaks {
                    return Err(peer("the greeting is not one of DMAP"));
                }
                self.state = State::Ready;
                self.patience = Patience::Off;
                self.events.push_back(ClientEvent::Greeting);
                Ok(())
            }
            State::Waiting(Expect::Farewell) => Ok(()),
            _ if text.starts_with("BYE") => Err(peer("the server closed the session")),
            State::Waiting(Expect::Listing) => self.listed(text),
            State::Waiting(Expect::Letter { index }) => self.announced(index, text),
            _ => Err(peer("an untagged answer that was not asked for")),
        }
    }

    fn listed(&mut self, text: &str) -> Result<(), ProtocolError> {
        let fault = peer("a line of the list is not `LIST index size`");
        let (index, size) = text
            .strip_prefix("LIST ")
            .and_then(|rest| rest.split_once(' '))
            .and_then(|(index, size)| Some((number(index)?, number(size)?)))
            .ok_or(fault.clone())?;
        if index != self.listing.len() + 1 {
            return Err(fault);
        }
        self.listing.push(size);
        Ok(())
    }

    fn announced(&mut self, index: usize, text: &str) -> Result<(), ProtocolError> {
        let size = text
            .strip_prefix(&format!("{index} FETCH "))
            .and_then(braced)
            .filter(|_| self.letter.is_none())
            .ok_or(peer("a letter is not announced by `index FETCH {size}`"))?;
        if size > MAX_MESSAGE {
            return Err(ProtocolError::Limit {
                what: "bytes of a letter",
                limit: MAX_MESSAGE,
            });
        }
        self.patience = Patience::From(TRANSFER_TIMEOUT);
        self.state = State::Letter {
            bytes: Vec::new(),
            size,
        };
        Ok(())
    }

    /// Takes bytes of a letter and says how many.
    fn transfer(&mut self, input: &[u8]) -> Result<usize, ProtocolError> {
        let State::Letter { bytes, size } = &mut self.state else {
            return Ok(0);
        };
        let whole = *size + 2;
        let used = input.len().min(whole.saturating_sub(bytes.len()));
        bytes.extend_from_slice(input.get(..used).unwrap_or_default());
        if bytes.len() == whole {
            if bytes.get(*size..) != Some(b"\r\n") {
                return Err(peer("a letter does not end where announced"));
            }
            let mut letter = std::mem::take(bytes);
            letter.truncate(*size);
            self.letter = Some(letter);
            self.state = State::Waiting(Expect::Completion);
            self.patience = Patience::From(IDLE_TIMEOUT);
        }
        Ok(used)
    }

    fn completion(&mut self, line: &str) -> Result<(), ProtocolError> {
        let (status, text) = line
            .strip_prefix(&self.tag())
            .and_then(|rest| rest.strip_prefix(' '))
            .and_then(|rest| rest.split_once(' '))
            .ok_or(peer("a completion does not carry our tag"))?;
        let status = match status {
            "OK" => Status::Ok,
            "NO" => Status::No,
            "BAD" => Status::Bad,
            _ => return Err(peer("a completion is neither OK, NO nor BAD")),
        };
        let next = match (&self.state, status) {
            (State::Waiting(Expect::Farewell), _) => State::Over,
            (State::Waiting(Expect::Letter { .. }), Status::Ok) => {
                return Err(peer("a letter was promised and did not come"));
            }
            (State::Announced(_), Status::Ok) => {
                return Err(peer("a message was accepted before it was sent"));
            }
            (State::Waiting(_) | State::Announced(_), _) => State::Ready,
            _ => return Err(peer("a completion of no command")),
        };
        self.state = next;
        self.patience = Patience::Off;
        self.events.push_back(ClientEvent::Completed {
            status,
            text: text.to_owned(),
            listing: std::mem::take(&mut self.listing),
            letter: self.letter.take(),
        });
        Ok(())
    }

    fn tag(&self) -> String {
        format!("a{}", self.sent)
    }
}

impl Session for ClientSession {
    type Command = ClientCommand;
    type Event = ClientEvent;

    fn receive(&mut self, _now: Tick, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        while used < input.len() && !matches!(self.state, State::Over) {
            let rest = input.get(used..).unwrap_or_default();
            if matches!(self.state, State::Letter { .. }) {
                used += self.transfer(rest)?;
                continue;
            }
            let (taken, line) = self.lines.push(rest);
            used += taken;
            match line {
                Line::Partial => {}
                Line::Whole(line) => self.take(&line)?,
                Line::BareFeed => return Err(peer("a line does not end with CR LF")),
                Line::TooLong => {
                    return Err(ProtocolError::Limit {
                        what: "bytes in one line",
                        limit: MAX_COMMAND_LINE,
                    });
                }
            }
        }
        Ok(input.len())
    }

    fn transmit(&mut self, out: &mut BytesMut) -> Transmit {
        let is_over = matches!(self.state, State::Over);
        Transmit::part(&mut self.output, out, is_over)
    }

    fn command(&mut self, command: ClientCommand) -> Result<(), Rejected> {
        if !matches!(self.state, State::Ready) {
            return Err(Rejected("the session is not ready for a command"));
        }
        let (command, next) = match command {
            ClientCommand::Login { user, password } => (
                Command::Login { user, password },
                State::Waiting(Expect::Completion),
            ),
            ClientCommand::Submit { message, wish } => {
                let size = message.len();
                if size == 0 || size > MAX_MESSAGE {
                    return Err(Rejected("the message is empty or too large"));
                }
                (Command::Submit { size, wish }, State::Announced(message))
            }
            ClientCommand::List => (Command::List, State::Waiting(Expect::Listing)),
            ClientCommand::Fetch { index } => (
                Command::Fetch { index },
                State::Waiting(Expect::Letter { index }),
            ),
            ClientCommand::Logout => (Command::Logout, State::Waiting(Expect::Farewell)),
        };
        let tag = format!("a{}", self.sent + 1);
        let line = Request { tag, command }
            .to_line()
            .filter(|line| line.len() <= MAX_COMMAND_LINE)
            .ok_or(Rejected("a string is too long or not printable"))?;
        self.sent += 1;
        self.untagged = 0;
        self.output.put_slice(line.as_bytes());
        self.state = next;
        self.patience = Patience::From(IDLE_TIMEOUT);
        Ok(())
    }

    fn event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    fn deadline(&self) -> Option<Tick> {
        self.patience.deadline()
    }

    fn tick(&mut self, now: Tick) {
        if self.patience.tick(now) {
            self.state = State::Over;
            self.patience = Patience::Off;
        }
    }
}

fn peer(what: &'static str) -> ProtocolError {
    ProtocolError::Peer { what }
}
