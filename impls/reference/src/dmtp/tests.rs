//! Both ends against each other, byte by byte, and a server against garbage.

use bytes::BytesMut;
use dime_wire::signet::Fingerprint;
use proptest::prelude::*;

use super::*;
use crate::platform::Tick;
use crate::session::{IDLE_TIMEOUT, MAX_COMMAND_LINE, Session, Transmit};

const DOMAIN: &str = "beta.example";
const LIMIT: usize = 1000;

/// A client and a server with `step` bytes of wire between them.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    step: usize,
    closed: bool,
}

impl Pair {
    fn new(step: usize) -> Pair {
        let mut pair = Pair {
            client: ClientSession::new(),
            server: ServerSession::new(DOMAIN, LIMIT),
            step,
            closed: false,
        };
        pair.exchange();
        assert_eq!(pair.client.event(), Some(ClientEvent::Greeting));
        pair
    }

    /// Moves bytes until both are silent.
    fn exchange(&mut self) {
        loop {
            let forth = drain(&mut self.client).0;
            feed(&mut self.server, &forth, self.step);
            let (back, close) = drain(&mut self.server);
            self.closed |= close;
            feed(&mut self.client, &back, self.step);
            if forth.is_empty() && back.is_empty() {
                return;
            }
        }
    }

    fn ask(&mut self, command: Command) -> Option<ServerEvent> {
        let command = ClientCommand::Plain(command);
        self.client.command(command).expect("client is ready");
        self.exchange();
        self.server.event()
    }

    fn answer(&mut self, answer: Answer) -> Reply {
        self.server.command(answer).expect("server asked");
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        self.exchange();
        match self.client.event() {
            Some(ClientEvent::Reply(reply)) => reply,
            other => panic!("no reply but {other:?}"),
        }
    }

    fn transaction(&mut self, size: usize) {
        assert_eq!(self.ask(ehlo()), None);
        assert_eq!(self.reply().code(), Code::OK);
        assert!(self.ask(mail(size)).is_some());
        assert_eq!(self.answer(Answer::ok()).code(), Code::OK);
        assert!(self.ask(rcpt()).is_some());
        assert_eq!(self.answer(Answer::ok()).code(), Code::OK);
    }
}

fn drain<S: Session>(session: &mut S) -> (Vec<u8>, bool) {
    let mut out = BytesMut::new();
    loop {
        match session.transmit(&mut out) {
            Transmit::More => {}
            Transmit::Idle => return (out.to_vec(), false),
            Transmit::Close => return (out.to_vec(), true),
        }
    }
}

fn feed<S: Session>(session: &mut S, bytes: &[u8], step: usize) {
    for part in bytes.chunks(step) {
        let used = session.receive(Tick(0), part).expect("peer is honest");
        assert_eq!(used, part.len());
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint::from_digest(&[1; 64])
}

fn ehlo() -> Command {
    Command::Ehlo {
        domain: "alpha.example".into(),
    }
}

fn mail(size: usize) -> Command {
    Command::Mail {
        domain: "alpha.example".into(),
        fingerprint: fingerprint(),
        size,
        wish: None,
    }
}

fn rcpt() -> Command {
    Command::Rcpt {
        domain: DOMAIN.into(),
        fingerprint: fingerprint(),
    }
}

fn data(message: &[u8], argument: Option<Argument>) -> ClientCommand {
    ClientCommand::Data {
        argument,
        message: message.to_vec(),
    }
}

/// What a server says to raw input, its banner cut off.
fn raw(input: &[u8]) -> (String, bool) {
    let mut server = ServerSession::new(DOMAIN, LIMIT);
    drain(&mut server);
    let mut rest = input;
    while !rest.is_empty() {
        let used = server.receive(Tick(0), rest).expect("server goes on");
        rest = &rest[used..];
        if server.event().is_some() {
            server.command(Answer::ok()).expect("server asked");
        } else if used == 0 {
            break;
        }
    }
    let (out, closed) = drain(&mut server);
    (String::from_utf8(out).expect("replies are text"), closed)
}

#[test]
fn a_message_passes_however_the_wire_cuts_it() {
    for step in [1, 2, 7, 4096] {
        let mut pair = Pair::new(step);
        let message = b"any \r\n bytes \0 at all";
        pair.transaction(message.len());
        let argument = Argument::digest_of(message);
        pair.client
            .command(data(message, Some(argument)))
            .expect("client is ready");
        pair.exchange();
        assert_eq!(
            pair.server.event(),
            Some(ServerEvent::Data {
                bytes: message.to_vec()
            })
        );
        let accepted = Reply::new(Code::ACCEPTED, "OK [1]").expect("printable");
        assert_eq!(pair.answer(Answer::Accept(accepted)).bracketed(), Some("1"));
        assert_eq!(pair.ask(Command::Quit), None);
        assert_eq!(pair.reply().code(), Code::BYE);
        assert!(pair.closed);
    }
}

#[test]
fn a_message_other_than_the_announced_one_is_refused() {
    let mut pair = Pair::new(64);
    pair.transaction(5);
    let argument = Argument::digest_of(b"other");
    pair.client
        .command(data(b"bytes", Some(argument)))
        .expect("client is ready");
    assert_eq!(pair.reply().code(), Code::CORRUPTED);
}

#[test]
fn a_word_in_the_place_of_the_digest_is_tolerated_and_echoed() {
    let head = format!(
        "EHLO <alpha.example>\r\nMAIL FROM: <alpha.example> [{0}] SIZE=2\r\n\
         RCPT TO: <beta.example> [{0}]\r\nDATA [fingerprint]\r\nhi\r\nNOOP\r\n",
        fingerprint()
    );
    let (said, _) = raw(head.as_bytes());
    let tail: Vec<&str> = said.lines().rev().take(3).collect();
    assert_eq!(tail, ["250 OK", "250 OK", "354 CONTINUE [fingerprint]"]);
}

#[test]
fn commands_out_of_order_are_refused() {
    let fingerprint = fingerprint();
    for line in [
        format!("MAIL FROM: <alpha.example> [{fingerprint}] SIZE=2"),
        format!("RCPT TO: <beta.example> [{fingerprint}]"),
        "DATA".to_owned(),
    ] {
        let (said, _) = raw(format!("{line}\r\n").as_bytes());
        assert!(said.starts_with("503 "), "{line}: {said}");
    }
}

#[test]
fn a_second_destination_and_a_foreign_ehlo_are_refused() {
    let mut pair = Pair::new(64);
    pair.transaction(5);
    assert_eq!(pair.ask(rcpt()), None);
    assert_eq!(pair.reply().code(), Code::BAD_SEQUENCE);
    let foreign = Command::Ehlo {
        domain: "gamma.example".into(),
    };
    assert_eq!(pair.ask(foreign), None);
    assert_eq!(pair.reply().code(), Code::OK);
    assert_eq!(pair.ask(mail(5)), None);
    assert_eq!(pair.reply().code(), Code::BAD_ARGUMENT);
}

#[test]
fn a_refused_destination_leaves_nothing_to_send_to() {
    let mut pair = Pair::new(64);
    assert_eq!(pair.ask(ehlo()), None);
    pair.reply();
    pair.ask(mail(5));
    pair.answer(Answer::ok());
    pair.ask(rcpt());
    let refusal = Reply::new(Code::NOT_LOCAL, "NOT HERE").expect("printable");
    assert_eq!(pair.answer(Answer::Refuse(refusal)).code(), Code::NOT_LOCAL);
    pair.client
        .command(data(b"bytes", None))
        .expect("client is ready");
    assert_eq!(pair.reply().code(), Code::BAD_SEQUENCE);
}

#[test]
fn a_message_above_the_limit_is_refused_before_it_is_sent() {
    let mut pair = Pair::new(64);
    assert_eq!(pair.ask(ehlo()), None);
    pair.reply();
    assert_eq!(pair.ask(mail(LIMIT + 1)), None);
    assert_eq!(pair.reply().code(), Code::TOO_LARGE);
}

#[test]
fn the_fifth_violation_ends_the_session() {
    let (said, closed) = raw(b"X\r\nX\r\nX\r\nX\r\n");
    assert_eq!(said.lines().count(), 4);
    assert!(!closed);
    let (said, closed) = raw(b"X\r\nNOOP x\r\nDATA\r\nX\nX\r\nNOOP\r\n");
    assert!(closed);
    assert_eq!(said.lines().last(), Some("421 TOO MANY VIOLATIONS"));
}

#[test]
fn a_line_too_long_ends_the_session() {
    let (said, closed) = raw(&vec![b'a'; MAX_COMMAND_LINE + 1]);
    assert_eq!(said, "500 LINE TOO LONG\r\n");
    assert!(closed);
}

#[test]
fn data_that_does_not_end_where_announced_ends_the_session() {
    let head = format!(
        "EHLO <alpha.example>\r\nMAIL FROM: <alpha.example> [{0}] SIZE=2\r\n\
         RCPT TO: <beta.example> [{0}]\r\nDATA\r\nhello\r\n",
        fingerprint()
    );
    let (said, closed) = raw(head.as_bytes());
    assert!(said.ends_with("451 DATA DOES NOT END WHERE ANNOUNCED\r\n"));
    assert!(closed);
}

#[test]
fn an_idle_peer_is_sent_away_and_a_deciding_owner_is_not() {
    let mut server = ServerSession::new(DOMAIN, LIMIT);
    drain(&mut server);
    server.tick(Tick(0));
    assert_eq!(server.deadline(), Some(Tick(0) + IDLE_TIMEOUT));
    let used = server.receive(Tick(0), b"SGNT <beta.example>\r\nNOOP\r\n");
    assert_eq!(used, Ok(21));
    server.tick(Tick(0) + IDLE_TIMEOUT);
    assert_eq!(server.deadline(), None);
    assert_eq!(drain(&mut server), (Vec::new(), false));
    assert!(server.event().is_some());
    server.command(Answer::ok()).expect("server asked");
    server.tick(Tick(0));
    server.tick(Tick(0) + IDLE_TIMEOUT);
    let (said, closed) = drain(&mut server);
    assert_eq!(&said[..], b"250 OK\r\n421 TIMED OUT\r\n");
    assert!(closed);
}

#[test]
fn a_banner_of_another_protocol_is_refused() {
    for banner in ["220 beta.example DSMTP Magma\r\n", "250 <b> DMTPv1\r\n"] {
        let mut client = ClientSession::new();
        assert!(client.receive(Tick(0), banner.as_bytes()).is_err());
    }
}

#[test]
fn an_answer_to_no_question_is_the_owners_mistake() {
    let mut server = ServerSession::new(DOMAIN, LIMIT);
    assert!(server.command(Answer::ok()).is_err());
}

proptest! {
    #[test]
    fn no_input_makes_a_server_panic_or_stall(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..600),
                "(EHLO|MAIL FROM:|RCPT TO:|DATA|SGNT|NOOP) ?[<\\[a-z.=@>\\] ]{0,40}\r\n"
                    .prop_map(String::into_bytes),
            ],
            0..20,
        )
    ) {
        let _ = raw(&parts.concat());
    }

    #[test]
    fn no_input_makes_a_client_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut client = ClientSession::new();
        let _ = client.receive(Tick(0), b"220 <b> DMTPv1\r\n");
        let _ = client.receive(Tick(0), &bytes);
        let _ = drain(&mut client);
    }
}
