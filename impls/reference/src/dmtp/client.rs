//! The client's end of DMTP: one command at a time, each completed by one reply.

use std::collections::VecDeque;

use bytes::{BufMut, BytesMut};

use super::PROTOCOL_WORD;
use super::command::{Argument, Command};
use super::reply::{Code, MAX_REPLY_LINE, Reply, ReplyFault, ReplyReader};
use crate::platform::Tick;
use crate::session::{
    IDLE_TIMEOUT, Line, Lines, MAX_MESSAGE, Patience, ProtocolError, Rejected, Session,
    TRANSFER_TIMEOUT, Transmit,
};

/// One connection of a DMTP client.
pub struct ClientSession {
    state: State,
    lines: Lines,
    reader: ReplyReader,
    patience: Patience,
    output: BytesMut,
    events: VecDeque<ClientEvent>,
}

/// What a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCommand {
    /// Any command but DATA.
    Plain(Command),
    /// DATA, and the message when the server asks for it.
    Data {
        /// What stands in the brackets.
        argument: Option<Argument>,
        /// The message; as many bytes as MAIL announced.
        message: Vec<u8>,
    },
}

/// What a client learns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The server's banner is one of a DMTP server.
    Greeting,
    /// The reply to the last command, success or not.
    Reply(Reply),
}

#[derive(Debug)]
enum State {
    /// The banner has not come.
    Greeting,
    /// Ready for a command.
    Ready,
    /// A command was sent.
    Waiting,
    /// QUIT was sent.
    Leaving,
    /// DATA was sent, the message waits for the server's word.
    Announced(Vec<u8>),
    /// The connection is over.
    Over,
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
            lines: Lines::new(MAX_REPLY_LINE),
            reader: ReplyReader::default(),
            patience: Patience::From(IDLE_TIMEOUT),
            output: BytesMut::new(),
            events: VecDeque::new(),
        }
    }

    fn take(&mut self, reply: Reply) -> Result<(), ProtocolError> {
        self.patience = Patience::Off;
        match std::mem::replace(&mut self.state, State::Ready) {
            State::Greeting => self.greeted(&reply),
            State::Waiting => {
                if reply.code().number() / 100 == 3 {
                    return self.broken("an intermediate reply to a command that is complete");
                }
                self.events.push_back(ClientEvent::Reply(reply));
                Ok(())
            }
            State::Leaving => {
                self.state = State::Over;
                self.events.push_back(ClientEvent::Reply(reply));
                Ok(())
            }
            State::Announced(message) => self.answered(reply, &message),
            State::Ready | State::Over if reply.code() == Code::CLOSING => {
                self.broken("the server closed the session")
            }
            State::Ready | State::Over => self.broken("a reply to no command"),
        }
    }

    /// Banner: code 220, and the protocol's word among the tokens after the first (spec/40 §3).
    fn greeted(&mut self, reply: &Reply) -> Result<(), ProtocolError> {
        let speaks = reply.text().split(' ').skip(1).any(|w| w == PROTOCOL_WORD);
        if reply.code() != Code::BANNER || !speaks {
            return self.broken("the banner is not one of DMTP");
        }
        self.events.push_back(ClientEvent::Greeting);
        Ok(())
    }

    fn answered(&mut self, reply: Reply, message: &[u8]) -> Result<(), ProtocolError> {
        if reply.code() == Code::CONTINUE {
            self.output.put_slice(message);
            self.output.put_slice(b"\r\n");
            self.state = State::Waiting;
            self.patience = Patience::From(TRANSFER_TIMEOUT);
            return Ok(());
        }
        if reply.code().number() < 400 {
            return self.broken("DATA was answered by neither 354 nor a failure");
        }
        self.events.push_back(ClientEvent::Reply(reply));
        Ok(())
    }

    fn broken(&mut self, what: &'static str) -> Result<(), ProtocolError> {
        self.state = State::Over;
        self.patience = Patience::Off;
        Err(ProtocolError::Peer { what })
    }
}

impl Session for ClientSession {
    type Command = ClientCommand;
    type Event = ClientEvent;

    fn receive(&mut self, _now: Tick, input: &[u8]) -> Result<usize, ProtocolError> {
        let mut used = 0;
        while used < input.len() && !matches!(self.state, State::Over) {
            let (taken, line) = self.lines.push(input.get(used..).unwrap_or_default());
            used += taken;
            let reply = match line {
                Line::Partial => None,
                Line::TooLong => {
                    return Err(ProtocolError::Limit {
                        what: "bytes in one line of a reply",
                        limit: MAX_REPLY_LINE,
                    });
                }
                Line::BareFeed => {
                    return Err(ProtocolError::Peer {
                        what: "a reply line does not end with CR LF",
                    });
                }
                Line::Whole(line) => self.reader.push(&line).map_err(|fault| reading(&fault))?,
            };
            if let Some(reply) = reply {
                self.take(reply)?;
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
        let (line, next) = match command {
            ClientCommand::Plain(Command::Data { .. }) => {
                return Err(Rejected("DATA needs its message"));
            }
            ClientCommand::Plain(Command::Quit) => (Command::Quit, State::Leaving),
            ClientCommand::Plain(command) => (command, State::Waiting),
            ClientCommand::Data { argument, message } => {
                if message.is_empty() || message.len() > MAX_MESSAGE {
                    return Err(Rejected("the message is empty or too large"));
                }
                (Command::Data { argument }, State::Announced(message))
            }
        };
        self.output.put_slice(format!("{line}\r\n").as_bytes());
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

fn reading(fault: &ReplyFault) -> ProtocolError {
    ProtocolError::Peer {
        what: match fault {
            ReplyFault::Code => "a reply does not begin with a code",
            ReplyFault::Mixed => "the lines of one reply differ in their code",
            ReplyFault::Text => "a reply holds more than printable text",
            ReplyFault::TooLong => "a reply is too long",
            ReplyFault::Lines => "a reply has too many lines",
        },
    }
}
