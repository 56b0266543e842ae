//! Checks the expectations that speak of behaviour; those that speak of knowledge are the judge's.

use dimespec_report::model::Verdict;

use crate::actors::{Failure, Incoming};
use crate::run::perform::{LetterRecord, Performance, refusal, servers};
use crate::run::transcript::{Dialog, Exchange};
use crate::scenario::expectations::{
    Cause, DeliveredSpec, Expectation, FailedSpec, OutcomeWord, RefusedSpec, ResolvedSpec,
    ServerWord, SignatureWord, WithinSpec,
};
use crate::world::{LetterPlan, World};

/// Whether an expectation was met, and what was seen instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Pass, fail or inconclusive.
    pub verdict: Verdict,
    /// What was seen; empty if it was as expected.
    pub detail: String,
    /// Who is to blame if it was not met.
    pub culprit: Blame,
}

/// Who is to blame for an expectation that was not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The author's client.
    Author,
    /// The author's server.
    Origin,
    /// The recipient's server.
    Destination,
    /// The recipient's client.
    Recipient,
    /// It does not show.
    Unknown,
}

/// What the checks look at.
pub struct Seen<'a> {
    /// The world.
    pub world: &'a World,
    /// What came of the steps.
    pub performance: &'a Performance,
    /// DMTP as it was spoken.
    pub dialogs: &'a [Dialog],
}

impl Seen<'_> {
    /// Checks one expectation; `None` for those that speak of knowledge.
    pub fn check(&self, expectation: &Expectation) -> Option<Met> {
        let outcome = match expectation {
            Expectation::Delivered(spec) => self.delivered(spec),
            Expectation::NotDelivered(spec) => self.not_delivered(&spec.letter),
            Expectation::Refused(spec) => self.refused(spec),
            Expectation::Failed(spec) => self.failed(spec),
            Expectation::Resolved(spec) => self.resolved(spec),
            Expectation::Within(spec) => self.within(spec),
            Expectation::Knows(_) | Expectation::NeverKnows(_) | Expectation::Inherent(_) => {
                return None;
            }
        };
        Some(match outcome {
            Ok(()) => Met {
                verdict: Verdict::Pass,
                detail: String::new(),
                culprit: Blame::Unknown,
            },
            Err((culprit, detail)) => Met {
                verdict: Verdict::Fail,
                detail,
                culprit,
            },
        })
    }

    fn delivered(&self, spec: &DeliveredSpec) -> Checked {
        let record = self.record(&spec.letter)?;
        let Some((_, read)) = &record.read else {
            return Err(self.why_not_delivered(&spec.letter, record));
        };
        let reader = record.reader.as_deref().unwrap_or("nobody");
        if reader != spec.to.as_str() {
            return unmet(
                Blame::Destination,
                format!("{reader} read it, not {}", spec.to.as_str()),
            );
        }
        match (&read.refused, spec.signatures) {
            (Some(reason), SignatureWord::Valid) => {
                return unmet(
                    Blame::Unknown,
                    format!("{reader}'s client refused it: {reason}"),
                );
            }
            (None, SignatureWord::Invalid) => {
                return unmet(
                    Blame::Recipient,
                    format!("{reader}'s client accepted all its signatures"),
                );
            }
            _ => {}
        }
        let plan = self.plan(&spec.letter)?;
        if spec.intact && read.refused.is_none() {
            difference(plan, read).map_or(Ok(()), |what| {
                unmet(Blame::Unknown, format!("{what} is not as it was written"))
            })
        } else {
            Ok(())
        }
    }

    fn why_not_delivered(&self, letter: &str, record: &LetterRecord) -> (Blame, String) {
        if let Some((_, Err(failure))) = &record.sent {
            return (
                self.server_at_fault(letter, failure)
                    .unwrap_or(Blame::Author),
                format!("the author's client failed to send it: {failure}"),
            );
        }
        match self.refusal(letter) {
            Some(code) => (
                Blame::Unknown,
                format!("the destination refused it with {code}"),
            ),
            None => self.where_it_went(letter),
        }
    }

    /// How far a letter came that nobody refused and nobody read, as the line between its servers
    /// shows. Of two servers that talk to each other unseen it shows nothing.
    fn where_it_went(&self, letter: &str) -> (Blame, String) {
        let plan = self.plan(letter).ok();
        let ends = plan.and_then(|plan| servers(self.world, plan));
        let spoken = self.dialogs.iter().rev().find(|dialog| {
            ends.is_some_and(|(origin, destination)| {
                dialog.client.ip() == origin && dialog.server.ip() == destination
            })
        });
        let Some(dialog) = spoken else {
            return (Blame::Unknown, "it never reached its recipient".into());
        };
        let taken = |it: &Exchange| it.message.is_some() && it.code.is_some();
        if dialog.exchanges.iter().any(taken) {
            let told = "the destination took it, and its recipient never saw it";
            return (Blame::Destination, told.into());
        }
        match dialog.exchanges.iter().find(|it| it.code.is_none()) {
            Some(exchange) => {
                let command = exchange.command.split(' ').next().unwrap_or_default();
                let what = exchange.message.as_ref().map_or(command, |_| "its message");
                let told = format!("the destination did not answer {what}");
                (Blame::Destination, told)
            }
            None => (Blame::Unknown, "it never reached its recipient".into()),
        }
    }

    /// The server of a letter that a client's failure was with.
    fn server_at_fault(&self, letter: &str, failure: &Failure) -> Option<Blame> {
        let plan = self.plan(letter).ok()?;
        let host = failure.host.as_deref()?;
        let mut organizations = self.world.organizations.iter();
        let (domain, _) = organizations.find(|(_, it)| it.mail_host == host)?;
        let author = self.world.people.get(&plan.author)?;
        Some(if author.organization == *domain {
            Blame::Origin
        } else {
            Blame::Destination
        })
    }

    fn not_delivered(&self, letter: &str) -> Checked {
        match self.record(letter)?.read {
            None => Ok(()),
            Some(_) => unmet(Blame::Destination, "it was delivered".into()),
        }
    }

    fn refused(&self, spec: &RefusedSpec) -> Checked {
        let record = self.record(&spec.letter)?;
        match spec.by {
            ServerWord::Origin => match &record.sent {
                Some((_, Err(_))) => Ok(()),
                _ => unmet(Blame::Origin, "the origin took it".into()),
            },
            ServerWord::Destination => {
                let code = self.refusal(&spec.letter);
                match (code, spec.code.as_ref().map(|code| code.value)) {
                    (None, _) => {
                        unmet(Blame::Destination, "the destination refused nothing".into())
                    }
                    (Some(got), Some(wanted)) if got != wanted => unmet(
                        Blame::Destination,
                        format!("the code was {got}, not {wanted}"),
                    ),
                    _ => Ok(()),
                }
            }
        }
    }

    fn failed(&self, spec: &FailedSpec) -> Checked {
        match &self.record(&spec.letter)?.sent {
            Some((_, Err(failure))) => because(failure, spec.because, Blame::Author),
            Some((_, Ok(()))) => unmet(
                Blame::Author,
                "the author's client sent it without complaint".into(),
            ),
            None => unmet(Blame::Unknown, "it was never written".into()),
        }
    }

    fn resolved(&self, spec: &ResolvedSpec) -> Checked {
        let wanted = spec.look_up.as_ref().map(|name| name.as_str());
        let look_up = self.performance.look_ups.iter().find(|look_up| {
            look_up.by == spec.by.as_str()
                && look_up.who == spec.who.as_str()
                && (wanted.is_none() || look_up.name.as_deref() == wanted)
        });
        let Some(look_up) = look_up else {
            return unmet(Blame::Unknown, "nobody looked it up".into());
        };
        match (&look_up.outcome, spec.outcome) {
            (Ok(()), OutcomeWord::Valid) => Ok(()),
            (Err(failure), OutcomeWord::Valid) => {
                unmet(Blame::Author, format!("the look-up failed: {failure}"))
            }
            (Ok(()), _) => unmet(Blame::Author, "the client believed the answer".into()),
            (Err(failure), OutcomeWord::Unknown) => {
                because(failure, Some(Cause::Recipient), Blame::Author)
            }
            (Err(failure), OutcomeWord::Refused) => because(failure, spec.because, Blame::Author),
        }
    }

    fn within(&self, spec: &WithinSpec) -> Checked {
        let record = self.record(&spec.letter)?;
        let (Some((sent, _)), Some((read, _))) = (&record.sent, &record.read) else {
            return unmet(Blame::Unknown, "it was not delivered".into());
        };
        let took = read.since(*sent);
        if took > spec.time.0 {
            return unmet(Blame::Unknown, format!("it took {} s", took.as_secs_f32()));
        }
        Ok(())
    }

    fn refusal(&self, letter: &str) -> Option<u16> {
        let plan = self.world.letters.iter().find(|plan| plan.id == letter)?;
        refusal(self.world, self.dialogs, plan)
    }

    fn record(&self, letter: &str) -> Result<&LetterRecord, (Blame, String)> {
        self.performance
            .letters
            .get(letter)
            .ok_or((Blame::Unknown, "it was never written".into()))
    }

    fn plan(&self, letter: &str) -> Result<&LetterPlan, (Blame, String)> {
        let mut plans = self.world.letters.iter();
        plans
            .find(|plan| plan.id == letter)
            .ok_or((Blame::Unknown, "it was never planned".into()))
    }
}

type Checked = Result<(), (Blame, String)>;

fn unmet(culprit: Blame, detail: String) -> Checked {
    Err((culprit, detail))
}

fn because(failure: &Failure, wanted: Option<Cause>, culprit: Blame) -> Checked {
    match wanted {
        Some(cause) if failure.cause != Some(cause) => {
            unmet(culprit, format!("it failed for another reason: {failure}"))
        }
        _ => Ok(()),
    }
}

/// The first part of a letter that differs from what was written.
fn difference(plan: &LetterPlan, read: &Incoming) -> Option<&'static str> {
    let attachments_match = plan.attachments.len() == read.attachments.len()
        && plan
            .attachments
            .iter()
            .zip(&read.attachments)
            .all(|(plan, (name, contents))| plan.name == *name && plan.contents == *contents);
    let parts = [
        ("the subject", plan.subject == read.subject),
        (
            "the other headers",
            plan.other_headers == read.other_headers,
        ),
        ("the body", plan.body == read.body),
        ("an attachment", attachments_match),
    ];
    parts
        .into_iter()
        .find(|(_, same)| !same)
        .map(|(what, _)| what)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use dime::platform::{Tick, UnixTime};

    use super::*;
    use crate::actors::Failure;
    use crate::scenario;
    use crate::world::Addressing;

    fn world() -> World {
        let source = scenario::builtin().source("privacy/four-hops");
        let cases = source.expect("a built-in scenario").cases();
        let case = cases.expect("it reads").remove(0);
        let addressing = Addressing::simulated();
        World::build(&case.scenario, 1, UnixTime(1_795_219_200), &addressing).expect("a world")
    }

    fn spoken(world: &World, exchanges: &[(&str, Option<u16>, bool)]) -> Dialog {
        let (origin, destination) = servers(world, &world.letters[0]).expect("two servers");
        let exchange = |(command, code, message): &(&str, Option<u16>, bool)| Exchange {
            command: (*command).to_owned(),
            code: *code,
            reply: String::new(),
            at: Tick::default(),
            message: message.then_some(0..1),
        };
        Dialog {
            client: SocketAddr::new(origin, 40_000),
            server: SocketAddr::new(destination, world.ports.dmtp),
            exchanges: exchanges.iter().map(exchange).collect(),
        }
    }

    /// What is said of a letter that was handed in and never read.
    fn told(world: &World, dialogs: &[Dialog]) -> (Blame, String) {
        let performance = Performance::default();
        let seen = Seen {
            world,
            performance: &performance,
            dialogs,
        };
        let record = LetterRecord {
            sent: Some((Tick::default(), Ok(()))),
            ..LetterRecord::default()
        };
        seen.why_not_delivered("letter", &record)
    }

    #[test]
    fn who_held_a_letter_last_is_blamed() {
        let world = world();
        let told =
            |exchanges: &[(&str, Option<u16>, bool)]| told(&world, &[spoken(&world, exchanges)]);
        let hung = [
            ("EHLO <alpha.example>", Some(250), false),
            ("MAIL FROM: <>", None, false),
        ];
        assert_eq!(
            told(&hung),
            (
                Blame::Destination,
                "the destination did not answer MAIL".into()
            )
        );
        let swallowed = [
            ("DATA", Some(354), false),
            ("(1 bytes of message data)", None, true),
        ];
        assert_eq!(
            told(&swallowed),
            (
                Blame::Destination,
                "the destination did not answer its message".into()
            )
        );
        let taken = [
            ("(1 bytes of message data)", Some(250), true),
            ("QUIT", None, false),
        ];
        let (blame, why) = told(&taken);
        assert_eq!(blame, Blame::Destination);
        assert!(why.contains("took it"), "{why}");
        let (blame, why) = told(&[("RCPT TO: <>", Some(550), false)]);
        assert_eq!(blame, Blame::Unknown);
        assert!(why.contains("550"), "{why}");
    }

    #[test]
    fn of_servers_that_were_not_seen_talking_nobody_is_blamed() {
        assert_eq!(told(&world(), &[]).0, Blame::Unknown);
    }

    #[test]
    fn a_client_that_fails_at_a_server_blames_the_server() {
        let world = world();
        let performance = Performance::default();
        let seen = Seen {
            world: &world,
            performance: &performance,
            dialogs: &[],
        };
        let host = |domain: &str| world.organizations[domain].mail_host.clone();
        for (host, blame) in [
            (Some(host("alpha.example")), Blame::Origin),
            (Some(host("beta.example")), Blame::Destination),
            (None, Blame::Author),
        ] {
            let failure = Failure {
                cause: None,
                host,
                message: "it hangs".into(),
            };
            let record = LetterRecord {
                sent: Some((Tick::default(), Err(failure))),
                ..LetterRecord::default()
            };
            assert_eq!(seen.why_not_delivered("letter", &record).0, blame);
        }
    }
}
