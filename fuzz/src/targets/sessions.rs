//! Sessions of both protocols, server's and client's end, fed in pieces of any size. What a session
//! says and reports does not depend on how its input was cut; save that a client's owner gets to give
//! its next command between two lines.

use bytes::BytesMut;
use dime::dmtp::{Argument, Code, Command, Reply};
use dime::platform::Tick;
use dime::session::{ProtocolError, Session, Transmit};
use dime::{dmap, dmtp};
use zeroize::Zeroizing;

/// Largest message the servers here take, in bytes.
const SIZE_LIMIT: usize = 4096;
/// Calls of a session for one input; more would be a loop without end.
const MAXIMUM_CALLS: usize = 100_000;

/// What a session said, told its owner, and how it ended.
#[derive(PartialEq)]
struct Conversation<E> {
    said: Vec<u8>,
    told: Vec<E>,
    end: Result<bool, ProtocolError>,
}

/// Feeds `input` in pieces as `cut` takes them; `answer` sees every event and may give commands.
fn converse<S: Session>(
    mut session: S,
    input: &[u8],
    cut: impl Fn(&[u8]) -> usize,
    mut answer: impl FnMut(&mut S, &S::Event),
) -> Conversation<S::Event> {
    let mut conversation = Conversation {
        said: Vec::new(),
        told: Vec::new(),
        end: Ok(false),
    };
    let mut rest = input;
    for _ in 0..MAXIMUM_CALLS {
        while let Some(event) = session.event() {
            answer(&mut session, &event);
            conversation.told.push(event);
        }
        let mut out = BytesMut::new();
        let transmitted = session.transmit(&mut out);
        conversation.said.extend_from_slice(&out);
        match transmitted {
            Transmit::More => continue,
            Transmit::Close => {
                conversation.end = conversation.end.and(Ok(true));
                return conversation;
            }
            Transmit::Idle if rest.is_empty() || conversation.end.is_err() => return conversation,
            Transmit::Idle => {}
        }
        session.tick(Tick(1));
        let offered = rest.get(..cut(rest)).unwrap_or(rest);
        match session.receive(Tick(1), offered) {
            Ok(used) => {
                assert!(used <= offered.len(), "uses what it is offered");
                rest = rest.get(used..).unwrap_or_default();
            }
            Err(error) => {
                conversation.end = Err(error);
                rest = &[];
            }
        }
    }
    panic!("the session does not come to an end");
}

/// Where a line ends: as much as a client gets before its owner can say something.
fn line(rest: &[u8]) -> usize {
    let end = rest.iter().position(|byte| *byte == b'\n');
    end.map_or(rest.len(), |end| end + 1)
}

/// Runs `session` on `input` cut in two ways and holds one against the other. The first byte is the
/// size of small pieces, the second decides what the owner answers.
fn in_pieces<S: Session>(
    input: &[u8],
    large: fn(&[u8]) -> usize,
    session: impl Fn() -> S,
    answer: impl Fn(u8, usize, &mut S, &S::Event),
) where
    S::Event: PartialEq,
{
    let [piece, mood, input @ ..] = input else {
        return;
    };
    let piece = usize::from(*piece).max(1);
    let run = |cut: &dyn Fn(&[u8]) -> usize| {
        let mut count = 0;
        converse(session(), input, cut, |session, event| {
            answer(*mood, count, session, event);
            count += 1;
        })
    };
    let one = run(&large);
    let other = run(&|rest| large(rest).min(piece));
    assert!(one.said == other.said, "said the same");
    assert!(one.told == other.told, "told the same");
    assert!(one.end == other.end, "ended the same");
}

fn reply(code: Code, text: &str) -> Reply {
    Reply::new(code, text).expect("a fixed text is a reply")
}

/// A DMTP server whose owner agrees or refuses by turns.
pub fn dmtp_server(input: &[u8]) {
    let session = || dmtp::ServerSession::new("beta.example", SIZE_LIMIT);
    in_pieces(input, <[u8]>::len, session, |mood, count, session, _| {
        let answer = if (mood >> (count % 8)) & 1 == 0 {
            dmtp::Answer::Accept(reply(Code::OK, "OK"))
        } else {
            dmtp::Answer::Refuse(reply(Code::REFUSED, "REFUSED"))
        };
        session.command(answer).expect("an event wants an answer");
    });
}

/// A DMTP client that goes through a delivery, whatever it is answered.
pub fn dmtp_client(input: &[u8]) {
    let session = || dmtp::ClientSession::new();
    in_pieces(input, line, session, |_, count, session, _| {
        let plain = |command| dmtp::ClientCommand::Plain(command);
        let command = match count % 5 {
            0 => plain(Command::Ehlo {
                domain: "alpha.example".to_owned(),
            }),
            1 => plain(Command::Noop),
            2 => dmtp::ClientCommand::Data {
                argument: Argument::new("digest"),
                message: b"a message".to_vec(),
            },
            3 => plain(Command::Help),
            _ => plain(Command::Quit),
        };
        let _ = session.command(command);
    });
}

/// A DMAP server whose owner agrees or refuses by turns.
pub fn dmap_server(input: &[u8]) {
    let session = || dmap::ServerSession::new("beta.example");
    in_pieces(
        input,
        <[u8]>::len,
        session,
        |mood, count, session, event| {
            let refused = (mood >> (count % 8)) & 1 == 1;
            let answer = match event {
                _ if refused => dmap::Answer::Refuse("no".to_owned()),
                dmap::ServerEvent::List => dmap::Answer::Listing(vec![1, 22, 333]),
                dmap::ServerEvent::Fetch { .. } => dmap::Answer::Letter(b"a letter".to_vec()),
                _ => dmap::Answer::Accept("done".to_owned()),
            };
            session.command(answer).expect("an event wants an answer");
        },
    );
}

/// A DMAP client that logs in, submits, lists, fetches and leaves, whatever it is answered.
pub fn dmap_client(input: &[u8]) {
    let session = || dmap::ClientSession::new();
    in_pieces(input, line, session, |_, count, session, _| {
        let command = match count % 5 {
            0 => dmap::ClientCommand::Login {
                user: "bob@beta.example".to_owned(),
                password: Zeroizing::new("a password".to_owned()),
            },
            1 => dmap::ClientCommand::Submit {
                message: b"a message".to_vec(),
                wish: None,
            },
            2 => dmap::ClientCommand::List,
            3 => dmap::ClientCommand::Fetch { index: 1 },
            _ => dmap::ClientCommand::Logout,
        };
        let _ = session.command(command);
    });
}
