//! Both ends against each other, byte by byte, and each against garbage.

use bytes::BytesMut;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::dmtp::ReturnWish;
use crate::platform::Tick;
use crate::session::{IDLE_TIMEOUT, Session, Transmit};

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
            server: ServerSession::new("alpha.example"),
            step,
            closed: false,
        };
        pair.exchange();
        assert_eq!(pair.client.event(), Some(ClientEvent::Greeting));
        pair
    }

    fn logged_in(step: usize) -> Pair {
        let mut pair = Pair::new(step);
        assert!(pair.ask(login()).is_some());
        assert_eq!(pair.answer(Answer::Accept("In.".into())).0, Status::Ok);
        pair
    }

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

    fn ask(&mut self, command: ClientCommand) -> Option<ServerEvent> {
        self.client.command(command).expect("client is ready");
        self.exchange();
        self.server.event()
    }

    fn answer(&mut self, answer: Answer) -> (Status, Vec<usize>, Option<Vec<u8>>) {
        self.server.command(answer).expect("server asked");
        self.completed()
    }

    fn completed(&mut self) -> (Status, Vec<usize>, Option<Vec<u8>>) {
        self.exchange();
        match self.client.event() {
            Some(ClientEvent::Completed {
                status,
                listing,
                letter,
                ..
            }) => (status, listing, letter),
            other => panic!("no completion but {other:?}"),
        }
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

fn login() -> ClientCommand {
    ClientCommand::Login {
        user: "ivy@alpha.example".into(),
        password: Zeroizing::new("pass \"word\"".into()),
    }
}

/// What a server says to raw input, and whether it closes.
fn raw(input: &[u8]) -> (String, bool) {
    let mut server = ServerSession::new("alpha.example");
    drain(&mut server);
    let mut rest = input;
    while !rest.is_empty() {
        let used = server.receive(Tick(0), rest).expect("server goes on");
        rest = &rest[used..];
        let answer = match server.event() {
            Some(ServerEvent::List) => Answer::Listing(vec![1]),
            Some(ServerEvent::Fetch { .. }) => Answer::Letter(vec![1]),
            Some(_) => Answer::Accept("Done.".into()),
            None if used == 0 => break,
            None => continue,
        };
        server.command(answer).expect("server asked");
    }
    let (out, closed) = drain(&mut server);
    (String::from_utf8_lossy(&out).into_owned(), closed)
}

#[test]
fn a_letter_is_handed_in_listed_and_fetched_however_the_wire_cuts_it() {
    for step in [1, 3, 4096] {
        let mut pair = Pair::logged_in(step);
        let letter = b"a1 OK \r\n\0 not a line".to_vec();
        let submitted = pair.ask(ClientCommand::Submit {
            message: letter.clone(),
            wish: Some(ReturnWish::Full),
        });
        assert!(matches!(
            submitted,
            Some(ServerEvent::Submit { bytes, wish: Some(ReturnWish::Full) }) if bytes == letter
        ));
        assert_eq!(pair.answer(Answer::Accept("Queued.".into())).0, Status::Ok);
        assert!(pair.ask(ClientCommand::List).is_some());
        assert_eq!(pair.answer(Answer::Listing(vec![20, 7])).1, vec![20, 7]);
        assert!(pair.ask(ClientCommand::Fetch { index: 2 }).is_some());
        let fetched = pair.answer(Answer::Letter(letter.clone()));
        assert_eq!(fetched, (Status::Ok, Vec::new(), Some(letter)));
        assert!(pair.ask(ClientCommand::Logout).is_none());
        assert_eq!(pair.completed().0, Status::Ok);
        assert!(pair.closed);
    }
}

#[test]
fn nothing_but_login_works_before_login() {
    for line in ["a LIST", "a FETCH 1", "a SUBMIT {5}"] {
        let (said, _) = raw(format!("{line}\r\n").as_bytes());
        assert!(
            said.starts_with("a BAD The command is not available"),
            "{said}"
        );
    }
}

#[test]
fn every_command_gets_one_tagged_completion() {
    let (said, closed) =
        raw(b"a LOGIN x y\r\nb NOOP\r\nc CAPABILITY\r\nd LIST\r\ne FETCH 1\r\nf LOGOUT\r\n");
    let tagged: Vec<&str> = said
        .lines()
        .filter(|line| line.get(1..5) == Some(" OK "))
        .map(|line| &line[..1])
        .collect();
    assert_eq!(tagged, ["a", "b", "c", "d", "e", "f"]);
    assert!(closed);
}

#[test]
fn five_wrong_passwords_end_the_session() {
    let mut pair = Pair::new(64);
    for _ in 0..4 {
        assert!(pair.ask(login()).is_some());
        assert_eq!(pair.answer(Answer::Refuse("No.".into())).0, Status::No);
    }
    assert!(pair.ask(login()).is_some());
    pair.server
        .command(Answer::Refuse("No.".into()))
        .expect("server asked");
    assert!(drain(&mut pair.server).1);
}

#[test]
fn an_answer_that_does_not_fit_is_the_owners_mistake() {
    let mut pair = Pair::logged_in(64);
    assert!(pair.ask(ClientCommand::List).is_some());
    for wrong in [
        Answer::Letter(vec![1]),
        Answer::Accept("x".into()),
        Answer::Refuse("a\r\nb".into()),
    ] {
        assert!(pair.server.command(wrong).is_err());
    }
    assert_eq!(pair.answer(Answer::Listing(Vec::new())).0, Status::Ok);
}

#[test]
fn an_idle_client_is_sent_away() {
    let mut server = ServerSession::new("alpha.example");
    drain(&mut server);
    server.tick(Tick(0));
    server.tick(Tick(0) + IDLE_TIMEOUT);
    assert_eq!(&drain(&mut server).0[..], b"* BYE Timed out.\r\n");
}

#[test]
fn a_server_that_answers_something_else_is_found_out() {
    for said in [
        "a1 OK Done.\r\n",
        "* 2 FETCH {5}\r\n",
        "* 1 FETCH {999999999}\r\n",
        "* 1 FETCH {2}\r\nabcd",
        "+ OK\r\n",
        "b7 OK Done.\r\n",
        "* BYE x\r\n",
        "* 1 FETCH {2}\n",
    ] {
        let mut pair = Pair::logged_in(64);
        pair.client
            .command(ClientCommand::Fetch { index: 1 })
            .expect("client is ready");
        let said = said.replace("a1 ", "a2 ");
        let result = pair.client.receive(Tick(0), said.as_bytes());
        assert!(result.is_err(), "{said:?}");
    }
}

proptest! {
    #[test]
    fn no_input_makes_a_server_panic_or_stall(
        parts in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..600),
                "a[0-9] (LOGIN|SUBMIT|LIST|FETCH|NOOP) ?[{0-9}\"a= ]{0,12}\r\n"
                    .prop_map(String::into_bytes),
                Just(b"a LOGIN x y\r\n".to_vec()),
            ],
            0..20,
        )
    ) {
        let _ = raw(&parts.concat());
    }

    #[test]
    fn no_input_makes_a_client_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut pair = Pair::logged_in(64);
        pair.client.command(ClientCommand::List).expect("client is ready");
        let _ = pair.client.receive(Tick(0), &bytes);
        let _ = drain(&mut pair.client);
    }
}
