//! The server's end of DMTP: keeps the order of commands, the grammar and the limits, and leaves
//! every decision about mail to its owner.

use std::collections::VecDeque;

use bytes::BytesMut;
use dime_wire::signet::Fingerprint;

use super::PROTOCOL_WORD;
use super::command::{Argument, Command, CommandFault, ReturnWish};
use super::reply::{Code, Reply};
use crate::platform::Tick;
use crate::session::{
    DATA_TIMEOUT, IDLE_TIMEOUT, Line, Lines, MAX_COMMAND_LINE, MAX_COMMANDS, MAX_VIOLATIONS,
    Patience, ProtocolError, Rejected, Session, TRANSFER_TIMEOUT, Transmit,
};

/// One connection of a DMTP server.
pub struct ServerSession {
    size_limit: usize,
    input: Input,
    lines: Lines,
    patience: Patience,
    output: BytesMut,
    events: VecDeque<ServerEvent>,
    pending: Option<Pending>,
    greeted: Option<String>,
    transaction: Option<Transaction>,
    commands: u32,
    violations: u32,
    closing: bool,
}

/// What the owner has to know or to decide. Each is to be answered by one [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A transaction begins; the domain is the one of EHLO.
    MailFrom {
        /// Origin domain.
        domain: String,
        /// A fingerprint of the origin's signet, as claimed.
        fingerprint: Fingerprint,
        /// What a bounce may contain.
        wish: Option<ReturnWish>,
    },
    /// The destination is named.
    RcptTo {
        /// Destination domain.
        domain: String,
        /// A fingerprint of the destination's signet, as claimed.
        fingerprint: Fingerprint,
    },
    /// A message has arrived whole.
    Data {
        /// Its bytes; as many as MAIL announced.
        bytes: Vec<u8>,
    },
    /// Somebody wants a signet. Who, is not told.
    Signet {
        /// Domain or address.
        name: String,
        /// The one with this fingerprint, else the current one.
        fingerprint: Option<Fingerprint>,
    },
}

/// The owner's answer to a [`ServerEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with a reply of success.
    Accept(Reply),
    /// No, with a reply of failure. The transaction goes on as if nothing had been said.
    Refuse(Reply),
}

impl Answer {
    /// Yes, with `250 OK`.
    pub fn ok() -> Answer {
        Answer::Accept(Reply::fixed(Code::OK, "OK"))
    }
}

#[derive(Debug)]
enum Input {
    Command,
    Data {
        bytes: Vec<u8>,
        size: usize,
        argument: Option<Argument>,
        until: Option<Tick>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Mail { size: usize },
    Rcpt,
    Data,
    Signet,
}

#[derive(Clone, Copy, Debug)]
struct Transaction {
    size: usize,
    recipient: bool,
}

impl ServerSession {
    /// A session of the server for `domain`, which takes messages of up to `size_limit` bytes.
    pub fn new(domain: &str, size_limit: usize) -> ServerSession {
        let mut session = ServerSession {
            size_limit,
            input: Input::Command,
            lines: Lines::new(MAX_COMMAND_LINE),
            patience: Patience::From(IDLE_TIMEOUT),
            output: BytesMut::new(),
            events: VecDeque::new(),
            pending: None,
            greeted: None,
            transaction: None,
            commands: 0,
            violations: 0,
            closing: false,
        };
        let banner = format!("<{domain}> {PROTOCOL_WORD} dimed");
        match Reply::new(Code::BANNER, banner) {
            Ok(banner) => session.say(&banner),
            Err(_) => session.close_with(Code::CLOSING, "SERVICE NOT AVAILABLE"),
        }
        session
    }

    fn say(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    fn say_fixed(&mut self, code: Code, text: &'static str) {
        self.say(&Reply::fixed(code, text));
    }

    fn close_with(&mut self, code: Code, text: &'static str) {
        self.say_fixed(code, text);
        self.closing = true;
        self.patience = Patience::Off;
    }

    /// Replies to a mistake; the last of [`MAX_VIOLATIONS`] ends the session.
    fn violation(&mut self, code: Code, text: String) {
        match Reply::new(code, text) {
            Ok(reply) => self.say(&reply),
            Err(_) => self.say_fixed(code, "BAD COMMAND"),
        }
        self.violations += 1;
        if self.violations >= MAX_VIOLATIONS {
            self.close_with(Code::CLOSING, "TOO MANY VIOLATIONS");
        }
    }

    fn bad_sequence(&mut self, text: &str) {
        self.violation(Code::BAD_SEQUENCE, text.to_owned());
    }

    fn line(&mut self, line: Line) {
        self.commands += 1;
        self.patience = Patience::From(IDLE_TIMEOUT);
        if self.commands > MAX_COMMANDS {
            return self.close_with(Code::CLOSING, "TOO MANY COMMANDS");
        }
        match line {
            Line::Partial => {}
            Line::TooLong => self.close_with(Code::BAD_COMMAND, "LINE TOO LONG"),
            Line::BareFeed => self.violation(Code::BAD_COMMAND, "INVALID COMMAND".to_owned()),
            Line::Whole(bytes) => match Command::parse(&bytes) {
                Ok(command) => self.perform(command),
                Err(CommandFault::Unknown) => {
                    self.violation(Code::BAD_COMMAND, "INVALID COMMAND".to_owned());
                }
                Err(CommandFault::Syntax(word)) => {
                    self.violation(Code::BAD_ARGUMENT, format!("BAD {word} SYNTAX."));
                }
                Err(CommandFault::Parameter(word)) => {
                    self.violation(Code::BAD_ARGUMENT, format!("INVALID {word} PARAMETER."));
                }
            },
        }
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Ehlo { domain } => self.ehlo(domain),
            Command::Mail {
                domain,
                fingerprint,
                size,
                wish,
            } => self.mail(domain, fingerprint, size, wish),
            Command::Rcpt {
                domain,
                fingerprint,
            } => self.rcpt(domain, fingerprint),
            Command::Data { argument } => self.data(argument),
            Command::Signet { name, fingerprint } => {
                self.ask(Pending::Signet, ServerEvent::Signet { name, fingerprint });
            }
            Command::Noop => self.say_fixed(Code::OK, "OK"),
            Command::Reset => {
                self.transaction = None;
                self.say_fixed(Code::OK, "OK");
            }
            Command::Quit => self.close_with(Code::BYE, "BYE"),
            Command::Mode => self.say_fixed(Code::STATUS, "OK DMTPv1"),
            Command::Verb => self.say_fixed(Code::STATUS, "OK"),
            Command::Help => self.help(),
            Command::NotOffered => self.say_fixed(Code::DISABLED, "COMMAND NOT IMPLEMENTED"),
            Command::StartTls => self.violation(
                Code::ALREADY_ENCRYPTED,
                "SESSION IS ALREADY ENCRYPTED.".to_owned(),
            ),
        }
    }

    fn ehlo(&mut self, domain: String) {
        self.greeted = Some(domain);
        self.transaction = None;
        let mut lines: Vec<String> = ["PIPELINING", "8BITMIME", "8BITDIME", "RETURN"]
            .map(str::to_owned)
            .to_vec();
        lines.push(format!("SIZE {}", self.size_limit));
        lines.push("OK".to_owned());
        match Reply::of_lines(Code::OK, lines) {
            Ok(reply) => self.say(&reply),
            Err(_) => self.say_fixed(Code::OK, "OK"),
        }
    }

    fn mail(
        &mut self,
        domain: String,
        fingerprint: Fingerprint,
        size: usize,
        wish: Option<ReturnWish>,
    ) {
        self.transaction = None;
        let Some(greeted) = &self.greeted else {
            return self.bad_sequence("EHLO REQUIRED FIRST.");
        };
        if *greeted != domain {
            let text = "INVALID MAIL PARAMETER. DOMAIN DIFFERS FROM EHLO.";
            return self.violation(Code::BAD_ARGUMENT, text.to_owned());
        }
        if size > self.size_limit {
            return self.say_fixed(Code::TOO_LARGE, "SIZE LIMIT EXCEEDED");
        }
        self.ask(
            Pending::Mail { size },
            ServerEvent::MailFrom {
                domain,
                fingerprint,
                wish,
            },
        );
    }

    fn rcpt(&mut self, domain: String, fingerprint: Fingerprint) {
        match self.transaction {
            None => self.bad_sequence("MAIL REQUIRED FIRST."),
            Some(Transaction {
                recipient: true, ..
            }) => self.bad_sequence("ONE DESTINATION PER TRANSACTION."),
            Some(_) => self.ask(
                Pending::Rcpt,
                ServerEvent::RcptTo {
                    domain,
                    fingerprint,
                },
            ),
        }
    }

    fn data(&mut self, argument: Option<Argument>) {
        let Some(Transaction {
            size,
            recipient: true,
        }) = self.transaction
        else {
            return self.bad_sequence("MAIL AND RCPT REQUIRED FIRST.");
        };
        match &argument {
            None => self.say_fixed(Code::CONTINUE, "CONTINUE"),
            Some(echoed) => match Reply::new(Code::CONTINUE, format!("CONTINUE [{echoed}]")) {
                Ok(reply) => self.say(&reply),
                Err(_) => self.say_fixed(Code::CONTINUE, "CONTINUE"),
            },
        }
        self.patience = Patience::From(DATA_TIMEOUT);
        self.input = Input::Data {
            bytes: Vec::new(),
            size,
            argument,
            until: None,
        };
    }

    fn help(&mut self) {
        let lines = [
            "AVAILABLE COMMANDS",
            "EHLO",
            "MAIL",
            "RCPT",
            "DATA",
            "SGNT",
            "NOOP",
            "RSET",
            "MODE",
            "VERB",
            "HELP",
            "QUIT",
            "OK",
        ];
        match Reply::of_lines(Code::HELP, lines.map(str::to_owned).to_vec()) {
            Ok(reply) => self.say(&reply),
            Err(_) => self.say_fixed(Code::HELP, "OK"),
        }
    }

    fn ask(&mut self, pending: Pending, event: ServerEvent) {
        self.pending = Some(pending);
        self.patience = Patience::Off;
        self.events.push_back(event);
    }

    /// Takes message bytes; `None` when more are needed.
    fn transfer(&mut self, now: Tick, input: &[u8]) -> usize {
        let Input::Data {
            bytes, size, until, ..
        } = &mut self.input
        else {
            return 0;
        };
        let end = *until.get_or_insert(now + TRANSFER_TIMEOUT);
        let whole = *size + 2;
        let used = input.len().min(whole.saturating_sub(bytes.len()));
        bytes.extend_from_slice(input.get(..used).unwrap_or_default());
        self.patience = Patience::Until(end.min(now + DATA_TIMEOUT));
        if bytes.len() == whole {
            self.transferred();
        }
        used
    }

    fn transferred(&mut self) {
        let Input::Data {
            mut bytes,
            size,
            argument,
            ..
        } = std::mem::replace(&mut self.input, Input::Command)
        else {
            return;
        };
        self.patience = Patience::From(IDLE_TIMEOUT);
        self.transaction = None;
        if bytes.get(size..) != Some(b"\r\n") {
            return self.close_with(Code::CORRUPTED, "DATA DOES NOT END WHERE ANNOUNCED");
        }
        bytes.truncate(size);
        let mismatch = argument
            .filter(Argument::is_digest)
            .is_some_and(|announced| announced != Argument::digest_of(&bytes));
        if mismatch {
            return self.say_fixed(Code::CORRUPTED, "DATA IS NOT WHAT WAS ANNOUNCED");
        }
        self.ask(Pending::Data, ServerEvent::Data { bytes });
    }

    /// What an accepted command changes.
    fn accepted(&mut self, pending: Pending) {
        match pending {
            Pending::Mail { size } => {
                self.transaction = Some(Transaction {
                    size,
                    recipient: false,
                });
            }
            Pending::Rcpt => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipient = true;
                }
            }
            Pending::Data | Pending::Signet => {}
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
            if matches!(self.input, Input::Data { .. }) {
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
        let pending = self.pending.ok_or(Rejected("nothing is to be answered"))?;
        match answer {
            Answer::Accept(reply) if reply.code().is_success() => {
                self.accepted(pending);
                self.say(&reply);
            }
            Answer::Refuse(reply) if reply.code().number() >= 400 => self.say(&reply),
            _ => return Err(Rejected("the reply's code does not fit the answer")),
        }
        self.pending = None;
        self.patience = Patience::From(IDLE_TIMEOUT);
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
            self.close_with(Code::CLOSING, "TIMED OUT");
        }
    }
}
