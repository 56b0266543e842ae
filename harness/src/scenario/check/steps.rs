//! Checks of the `steps` block.

use crate::scenario::check::{Checker, NOWHERE, STRANGER, is_name};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::limits;
use crate::scenario::steps::{
    AwaitStep, BodySpec, DialogLine, DmtpStep, InjectStep, ReplyStep, ResolveStep, SendStep,
    ServeStep, Step,
};
use crate::scenario::values::{ByteSize, Located, Place, Span};

impl<'a> Checker<'a> {
    pub(super) fn steps(&mut self) {
        let steps = &self.scenario.steps;
        if steps.is_empty() {
            self.problem(Place::default(), "the scenario has no step");
        }
        let excess = steps.get(limits::MAX_STEPS).map(|step| step.place);
        self.limit("steps", excess, limits::MAX_STEPS);
        for (index, step) in steps.iter().enumerate() {
            match &step.value {
                Step::Send(send) => self.send(index, send),
                Step::Reply(reply) => self.reply(index, reply),
                Step::Await(wait) => self.wait(index, step.place, wait),
                Step::Resolve(resolve) => self.resolve(resolve),
                Step::Advance(advance) => self.span(&advance.by),
                Step::Inject(inject) => self.inject(index, inject),
                Step::Dmtp(dmtp) => self.dmtp(step.place, dmtp),
                Step::Corrupt(corrupt) => {
                    self.true_from_start(index, step.place);
                    self.letter(&corrupt.letter);
                }
                Step::Serve(serve) => {
                    self.true_from_start(index, step.place);
                    self.serve(serve);
                }
            }
        }
        let excess = self
            .letters
            .values()
            .map(|letter| letter.step)
            .nth(limits::MAX_LETTERS);
        let excess = excess
            .and_then(|step| steps.get(step))
            .map(|step| step.place);
        self.limit("letters", excess, limits::MAX_LETTERS);
    }

    fn send(&mut self, index: usize, send: &'a SendStep) {
        self.new_letter(index, &send.letter);
        self.person(&send.from);
        let to = if send.to.contains('@') {
            self.address_of_nobody(&send.to);
            None
        } else {
            self.person(&send.to)
        };
        if to.is_some() && send.from == send.to {
            self.problem(send.to.place, "author and recipient are the same");
        }
        self.subject(&send.subject);
        self.body(&send.body, to.map(|person| person.alternate));
        let excess = send.attachments.get(limits::MAX_ATTACHMENTS);
        let excess = excess.map(|attachment| attachment.name.place);
        self.limit("attachments", excess, limits::MAX_ATTACHMENTS);
        for attachment in &send.attachments {
            self.size(&attachment.size);
            let plain = |byte: u8| byte.is_ascii_graphic() && !b"/\\\"".contains(&byte);
            let name = attachment.name.as_str();
            if name.is_empty() || name.len() > limits::MAX_NAME_BYTES || !name.bytes().all(plain) {
                let message = format!("`{name}` is no name for a file");
                self.problem(attachment.name.place, message);
            }
        }
    }

    fn reply(&mut self, index: usize, reply: &'a ReplyStep) {
        self.new_letter(index, &reply.letter);
        self.earlier_letter(index, &reply.to);
        if let Some(subject) = &reply.subject {
            self.subject(subject);
        }
        let answered = self.letters.get(reply.to.as_str()).copied();
        let author = answered.and_then(|letter| self.people.get(letter.from).copied());
        self.body(&reply.body, author.map(|person| person.alternate));
    }

    fn wait(&mut self, index: usize, place: Place, wait: &'a AwaitStep) {
        if wait.letters.is_empty() {
            let problem = Diagnostic::at(&self.scenario.text, place, "no letter is awaited");
            self.report(problem.help("write `await: { letter: delivered }`"));
        }
        for (letter, _) in &wait.letters {
            self.earlier_letter(index, letter);
        }
        if let Some(within) = &wait.within {
            self.span(within);
        }
    }

    fn resolve(&mut self, resolve: &'a ResolveStep) {
        if let Some(name) = &resolve.look_up {
            self.name("look-up", name);
        }
        self.person(&resolve.by);
        self.anybody(&resolve.who);
    }

    /// Checks a name of a user, of an organization, or of nobody.
    pub(super) fn anybody(&mut self, name: &Located<String>) {
        if name.contains('@') {
            self.address_of_nobody(name);
        } else if name.contains('.') {
            if !name.ends_with(NOWHERE) {
                self.domain(name);
            }
        } else {
            self.person(name);
        }
    }

    fn inject(&mut self, index: usize, inject: &'a InjectStep) {
        self.new_letter(index, &inject.letter);
        let Some(world) = self.imported else {
            let problem = Diagnostic::at(
                &self.scenario.text,
                inject.message.place,
                "a message is injected into a world that imports nothing",
            );
            self.report(problem.help("write `import: { libdime: A }` in the world"));
            return;
        };
        if self.imported_message(&inject.message).is_none() {
            let ids = world.messages.iter().map(|message| message.id.as_str());
            self.unknown("message", &inject.message, ids);
        }
    }

    fn dmtp(&mut self, place: Place, dmtp: &'a DmtpStep) {
        self.domain(&dmtp.to);
        if dmtp.lines.is_empty() {
            self.problem(place, "the dialog has no line");
        }
        let excess = dmtp.lines.get(limits::MAX_DIALOG_LINES);
        let excess = excess.map(|line| line.place);
        self.limit("lines", excess, limits::MAX_DIALOG_LINES);
        for line in &dmtp.lines {
            match &line.value {
                DialogLine::Send(text) => self.dialog_text(line.place, text),
                DialogLine::Expect(text) => {
                    self.dialog_text(line.place, text);
                    let code = text.split(' ').next().unwrap_or_default();
                    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
                        let problem = Diagnostic::at(
                            &self.scenario.text,
                            line.place,
                            format!("`{text}` does not begin with a reply code"),
                        );
                        self.report(problem.expected("expected three digits: `expect: \"250\"`"));
                    }
                }
                DialogLine::SendBytes(size) => self.size(&Located {
                    value: *size,
                    place: line.place,
                }),
                DialogLine::ExpectClose => {}
            }
        }
    }

    /// Checks the names that are filled into a line.
    fn dialog_text(&mut self, place: Place, text: &str) {
        if text.len() > limits::MAX_DIALOG_LINE_BYTES {
            self.problem(place, "the line is too long");
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('{') {
            let Some((inside, behind)) = after.split_once('}') else {
                self.problem(place, "`{` without `}`");
                return;
            };
            rest = behind;
            let name = |name: &str| Located {
                value: name.to_owned(),
                place,
            };
            match inside.split_once(':') {
                Some(("address", person)) => {
                    self.person(&name(person));
                }
                Some(("fingerprint", who)) if who.contains('.') => self.domain(&name(who)),
                Some(("fingerprint", who)) => {
                    self.person(&name(who));
                }
                _ => {
                    let message = format!("`{{{inside}}}` cannot be filled in");
                    let problem = Diagnostic::at(&self.scenario.text, place, message);
                    let label = "expected `{address:bob}` or `{fingerprint:beta.example}`";
                    self.report(problem.expected(label));
                }
            }
        }
    }

    /// Checks that a step which is true from the start stands there.
    fn true_from_start(&mut self, index: usize, place: Place) {
        let mut before = self.scenario.steps.iter().take(index);
        if !before.all(|step| matches!(step.value, Step::Corrupt(_) | Step::Serve(_))) {
            let problem = Diagnostic::at(
                &self.scenario.text,
                place,
                "this is so from the start of a run, not only from here on",
            );
            self.report(problem.help("put it before all steps in which somebody acts"));
        }
    }

    fn serve(&mut self, serve: &'a ServeStep) {
        self.domain(&serve.domain);
        self.anybody(&serve.asked);
        self.anybody(&serve.signet);
        for name in [&serve.asked, &serve.signet] {
            if name.contains('@') {
                self.problem(name.place, "nobody has this address, and so no signet");
            }
        }
        if serve.asked == serve.signet {
            self.problem(serve.signet.place, "that is the right signet");
        }
        let person = self.people.get(serve.asked.as_str());
        let home = person.map_or(serve.asked.as_str(), |person| person.domain);
        if home != serve.domain.as_str() {
            let message = format!(
                "`{}` does not answer for `{}`",
                serve.domain.value, serve.asked.value
            );
            self.problem(serve.asked.place, message);
        }
    }

    /// Checks the name a step gives to its letter.
    fn new_letter(&mut self, index: usize, letter: &'a Located<String>) {
        self.name("letter", letter);
        if letter.as_str() == "within" {
            self.problem(letter.place, "`within` has a meaning of its own");
        }
        if self
            .letters
            .get(letter.as_str())
            .is_some_and(|first| first.step != index)
        {
            let message = format!("another letter is named `{}`", letter.value);
            self.problem(letter.place, message);
        }
    }

    fn name(&mut self, what: &str, name: &Located<String>) {
        if !is_name(name) || name.as_str() == STRANGER {
            let message = format!("`{}` is no name for a {what}", name.value);
            let problem = Diagnostic::at(&self.scenario.text, name.place, message);
            self.report(problem.expected("expected lower-case letters, digits and `-`"));
        }
    }

    /// Checks that a letter is sent before this step.
    fn earlier_letter(&mut self, index: usize, name: &Located<String>) {
        if let Some(letter) = self.letter(name)
            && letter.step >= index
        {
            let message = format!("letter `{}` is sent only later", name.value);
            self.problem(name.place, message);
        }
    }

    fn subject(&mut self, subject: &Located<String>) {
        if subject.len() > limits::MAX_SUBJECT_BYTES {
            let message = format!("a subject has at most {} bytes", limits::MAX_SUBJECT_BYTES);
            self.problem(subject.place, message);
        }
        if subject.chars().any(char::is_control) {
            self.problem(subject.place, "a subject is one line");
        }
    }

    /// Checks a body; `offered` says whether the recipient can read the alternate layer.
    fn body(&mut self, body: &BodySpec, offered: Option<bool>) {
        self.size(&body.text);
        if body.alternate.value && offered == Some(false) {
            let problem = Diagnostic::at(
                &self.scenario.text,
                body.alternate.place,
                "the recipient's signet has no key for the alternate layer",
            );
            self.report(problem.help("give the recipient `alternate: true` in the world"));
        }
    }

    fn size(&mut self, size: &Located<ByteSize>) {
        if size.0 == 0 || size.0 > limits::MAX_PART_BYTES {
            let most = limits::MAX_PART_BYTES / (1024 * 1024);
            let message = format!("a size is from 1 B to {most} MiB");
            self.problem(size.place, message);
        }
    }

    pub(super) fn span(&mut self, span: &Located<Span>) {
        if span.0.is_zero() || span.0 > limits::MAX_SPAN {
            let most = limits::MAX_SPAN.as_secs() / (24 * 3600);
            let message = format!("a time is more than 0 and at most {most} d");
            self.problem(span.place, message);
        }
    }
}
