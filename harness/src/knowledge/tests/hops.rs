//! The way of a letter over four hops, as honest programs go it or with one thing changed.

use dime_wire::message::SealOptions;

use super::recording::Recording;
use super::stage::{Stage, domain_of};
use crate::knowledge::Coding;
use crate::ledger::Direction;
use crate::world::LetterPlan;

/// What makes a run of four hops differ from an honest one.
#[derive(Default)]
pub(super) struct Rogue {
    pub(super) data_argument: Option<String>,
    pub(super) tracing: Option<Vec<u8>>,
    pub(super) reply: Option<String>,
    pub(super) seal: SealOptions,
}

/// One letter over four hops: typed, submitted, delivered, stored, fetched.
pub(super) fn four_hops(
    stage: &Stage,
    recording: &mut Recording<'_>,
    letter: usize,
    rogue: &Rogue,
) {
    let plan = &stage.letters[letter];
    let author = stage.address_of(&plan.author);
    let object = stage.seal(letter, &rogue.seal);
    let signed = stage.sign(letter, &object, rogue.tracing.as_deref());
    let hops = Hops {
        plan,
        from: domain_of(&author),
        to: domain_of(&plan.to),
        author,
        rogue,
    };
    hops.submit(recording, &object);
    hops.deliver(recording, &signed);
    hops.fetch(recording, &signed);
}

struct Hops<'h> {
    plan: &'h LetterPlan,
    author: String,
    from: String,
    to: String,
    rogue: &'h Rogue,
}

impl Hops<'_> {
    fn submit(&self, recording: &mut Recording<'_>, object: &[u8]) {
        let author = &self.plan.author;
        recording.typed(author, self.typed().as_bytes());
        let ask = recording.datagrams(author, "resolver");
        let name = Coding::DnsLabels.apply(self.to.as_bytes());
        recording.say(
            ask,
            Direction::Forth,
            &[b"\0\0\x01\0", name.as_slice()].concat(),
        );
        let session = recording.connect(author, &format!("mx.{}", self.from));
        let login = format!("> a1 LOGIN {} secret", self.author);
        let size = format!("> a2 SUBMIT {{{}}}", object.len());
        recording.talk(
            session,
            &["< * OK DMAPv1", &login, "< a1 OK", &size, "< + OK"],
        );
        recording.say(session, Direction::Forth, &[object, b"\r\n"].concat());
        recording.talk(session, &["< a2 OK"]);
    }

    fn deliver(&self, recording: &mut Recording<'_>, signed: &[u8]) {
        let (from, to) = (&self.from, &self.to);
        let (origin, destination) = (format!("mx.{from}"), format!("mx.{to}"));
        let queue = recording.store(&origin, "queue");
        recording.say(queue, Direction::Forth, &[b"message=", signed].concat());
        let session = recording.connect(&origin, &destination);
        let argument = self.rogue.data_argument.as_deref().unwrap_or("fingerprint");
        for command in [
            format!("EHLO <{from}>"),
            format!("MAIL FROM: <{from}> [fingerprint] SIZE={}", signed.len()),
            format!("RCPT TO: <{to}> [fingerprint]"),
        ] {
            recording.talk(session, &[&format!("> {command}"), "< 250 OK"]);
        }
        recording.talk(
            session,
            &[&format!("> DATA [{argument}]"), "< 354 CONTINUE"],
        );
        recording.say(session, Direction::Forth, &[signed, b"\r\n"].concat());
        let reply = self.rogue.reply.as_deref().unwrap_or("[7a31]");
        recording.talk(session, &[&format!("< 250 OK {reply}"), "> QUIT"]);
        let mailbox = recording.store(&destination, "mailbox");
        recording.say(mailbox, Direction::Forth, &[b"message=", signed].concat());
    }

    fn fetch(&self, recording: &mut Recording<'_>, signed: &[u8]) {
        let session = recording.connect(&self.plan.recipient, &format!("mx.{}", self.to));
        let login = format!("> b1 LOGIN {} secret", self.plan.to);
        let size = format!("< * 1 FETCH {{{}}}", signed.len());
        recording.talk(
            session,
            &["< * OK DMAPv1", &login, "< b1 OK", "> b2 FETCH 1", &size],
        );
        recording.say(session, Direction::Back, &[signed, b"\r\n"].concat());
        recording.talk(session, &["< b2 OK"]);
    }

    /// The letter as its author typed it.
    fn typed(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let LetterPlan { to, subject, .. } = self.plan;
        let head = format!("from {} to {to}\n{subject}\n", self.author);
        let attachments = self.plan.attachments.iter();
        let attachments = attachments.map(|part| format!("{} {}", part.name, text(&part.contents)));
        let body = text(&self.plan.other_headers) + &text(&self.plan.body);
        head + &body + &attachments.collect::<String>()
    }
}
