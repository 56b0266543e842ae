//! The interpreter: performs the steps of a scenario on a stage and notes what came of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dime::platform::{BoxFuture, Clock, Tick};

use super::dialog::{self, DialogRecord};
use super::transcript::Dialog;
use crate::actors::{Client, Failure, Incoming, Outgoing};
use crate::scenario::Scenario;
use crate::scenario::steps::{
    AwaitStep, BounceWish, DmtpStep, InjectStep, LetterEnd, ResolveStep, Step,
};
use crate::world::{LetterPlan, ProfileWord, World};

/// What the interpreter needs of a stage.
pub trait Stage: Send + Sync {
    /// The clock that `advance` and `within` count on.
    fn clock(&self) -> Arc<dyn Clock>;
    /// The client of a person; none for decoys.
    fn client(&self, person: &str) -> Option<Arc<dyn Client>>;
    /// What was said over DMTP so far.
    fn dialogs(&self) -> Vec<Dialog>;
    /// Says `lines` to a mail server as a stranger, over TLS, and notes what it answers.
    fn dialog(&self, server: &str, script: Vec<dialog::Line>) -> BoxFuture<'static, DialogRecord>;
    /// How long a client waits before it looks for mail again, and how long an awaited end may take
    /// unless the scenario says otherwise.
    fn patience(&self) -> Patience;
}

/// Waiting times of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Pause between two looks for mail.
    pub pause: Duration,
    /// How long an awaited end may take unless the scenario says otherwise.
    pub limit: Duration,
}

/// What came of a scenario's steps.
#[derive(Debug, Default)]
pub struct Performance {
    /// By name of the letter.
    pub letters: BTreeMap<String, LetterRecord>,
    /// In the order they were made.
    pub look_ups: Vec<LookUpRecord>,
    /// In the order they were held.
    pub dialogs: Vec<DialogRecord>,
    /// Letters awaited to an end they did not come to, with the sentence that says so.
    pub missed: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// What became of one letter.
#[derive(Debug, Default)]
pub struct LetterRecord {
    /// When it was written and what the author's client said of it.
    pub sent: Option<(Tick, Result<(), Failure>)>,
    /// When it was read, and what was read.
    pub read: Option<(Tick, Incoming)>,
    /// Who read it.
    pub reader: Option<String>,
}

/// What came of one look-up.
#[derive(Debug)]
pub struct LookUpRecord {
    /// Name of the step, if it has one.
    pub name: Option<String>,
    /// Who asked.
    pub by: String,
    /// Whom for, as the scenario says it.
    pub who: String,
    /// What came of it.
    pub outcome: Result<(), Failure>,
}

/// Performs the steps in order. Never fails: what goes wrong is part of the record.
pub async fn perform(scenario: &Scenario, world: &World, stage: &dyn Stage) -> Performance {
    let clock = stage.clock();
    let started = clock.now();
    let mut player = Interpreter {
        world,
        stage,
        clock: clock.clone(),
        trouble: BTreeMap::new(),
        done: Performance::default(),
    };
    for step in &scenario.steps {
        player.step(step).await;
    }
    player.done.took = clock.now().since(started);
    player.done
}

struct Interpreter<'a> {
    world: &'a World,
    stage: &'a dyn Stage,
    clock: Arc<dyn Clock>,
    /// Why the last look for mail of a person failed, if it did.
    trouble: BTreeMap<String, Failure>,
    done: Performance,
}

impl Interpreter<'_> {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Send(send) => self.send(&send.letter, send.bounce).await,
            Step::Reply(reply) => self.send(&reply.letter, BounceWish::Full).await,
            Step::Await(awaited) => self.wait(awaited).await,
            Step::Resolve(resolve) => self.resolve(resolve).await,
            Step::Advance(advance) => {
                let until = self.clock.now() + advance.by.0;
                self.clock.sleep_until(until).await;
            }
            Step::Inject(inject) => self.inject(inject).await,
            Step::Dmtp(step) => self.talk(step).await,
            // These two act on what a server does from the start; the cast has them built in.
            Step::Corrupt(_) | Step::Serve(_) => {}
        }
    }

    async fn send(&mut self, name: &str, bounce: BounceWish) {
        let Some(plan) = self.plan(name) else {
            return;
        };
        let letter = outgoing(plan, bounce);
        let outcome = match self.stage.client(&plan.author) {
            Some(client) => client.send(letter).await,
            None => Err(no_client(&plan.author)),
        };
        let record = self.done.letters.entry(name.to_owned()).or_default();
        record.sent = Some((self.clock.now(), outcome));
    }

    async fn resolve(&mut self, step: &ResolveStep) {
        let person = self.world.people.get(step.who.as_str());
        let who = person.map_or_else(|| step.who.value.clone(), |person| person.address.clone());
        let outcome = match self.stage.client(&step.by) {
            Some(client) => client.resolve(who).await,
            None => Err(no_client(&step.by)),
        };
        self.done.look_ups.push(LookUpRecord {
            name: step.look_up.as_ref().map(|name| name.value.clone()),
            by: step.by.value.clone(),
            who: step.who.value.clone(),
            outcome,
        });
    }

    async fn wait(&mut self, step: &AwaitStep) {
        let patience = self.stage.patience();
        let limit = step
            .within
            .as_ref()
            .map_or(patience.limit, |within| within.0);
        let deadline = self.clock.now() + limit;
        let mut open: Vec<(&str, LetterEnd)> = step
            .letters
            .iter()
            .map(|(letter, end)| (letter.as_str(), *end))
            .collect();
        loop {
            let mut still = Vec::new();
            for (letter, end) in open {
                if !self.came_to(letter, end).await {
                    still.push((letter, end));
                }
            }
            open = still;
            if open.is_empty() {
                return;
            }
            let hopeless = |(letter, end): &(&str, LetterEnd)| self.is_hopeless(letter, *end);
            if self.clock.now() >= deadline || open.iter().all(hopeless) {
                break;
            }
            self.clock
                .sleep_until(self.clock.now() + patience.pause)
                .await;
        }
        for (letter, end) in open {
            let missed = self.missed(letter, end, limit);
            self.done.missed.push(missed);
        }
    }

    /// Whether a letter can no longer be delivered: its author's client could not hand it in.
    fn is_hopeless(&self, letter: &str, end: LetterEnd) -> bool {
        let sent = self.record(letter).and_then(|record| record.sent.as_ref());
        end == LetterEnd::Delivered && sent.is_some_and(|(_, outcome)| outcome.is_err())
    }

    /// The sentence that says why a letter did not come to its end.
    fn missed(&self, letter: &str, end: LetterEnd, limit: Duration) -> String {
        let (word, seconds) = (word(end), limit.as_secs());
        if self.is_hopeless(letter, end) {
            return format!("{letter} was not {word}: its author's client failed to send it");
        }
        let recipient = self.plan(letter).map(|plan| plan.recipient.as_str());
        let trouble = recipient.and_then(|who| Some((who, self.trouble.get(who)?)));
        match trouble {
            Some((who, failure)) if end == LetterEnd::Delivered => format!(
                "{letter} was not {word} within {seconds} s; {who}'s client failed to look for it: {failure}"
            ),
            _ => format!("{letter} was not {word} within {seconds} s"),
        }
    }

    async fn came_to(&mut self, letter: &str, end: LetterEnd) -> bool {
        match end {
            LetterEnd::Delivered => {
                self.look_for_mail(letter).await;
                self.record(letter)
                    .is_some_and(|record| record.read.is_some())
            }
            LetterEnd::Failed => {
                let sent = self.record(letter).and_then(|record| record.sent.as_ref());
                sent.is_some_and(|(_, outcome)| outcome.is_err())
            }
            LetterEnd::Refused => {
                let sent = self.record(letter).and_then(|record| record.sent.as_ref());
                sent.is_some_and(|(_, outcome)| outcome.is_err()) || self.refusal(letter).is_some()
            }
        }
    }

    /// The recipient fetches mail; letters are told apart by their subjects, which are canaries.
    async fn look_for_mail(&mut self, letter: &str) {
        let Some(recipient) = self.plan(letter).map(|plan| plan.recipient.clone()) else {
            return;
        };
        let Some(client) = self.stage.client(&recipient) else {
            return;
        };
        // A client that fails now may succeed at the next look; the deadline decides.
        let mail = match client.receive().await {
            Ok(mail) => mail,
            Err(failure) => {
                self.trouble.insert(recipient, failure);
                return;
            }
        };
        self.trouble.remove(&recipient);
        let now = self.clock.now();
        for incoming in mail {
            let plan = self
                .world
                .letters
                .iter()
                .find(|plan| plan.recipient == recipient && is_same_letter(plan, &incoming));
            if let Some(plan) = plan {
                let record = self.done.letters.entry(plan.id.clone()).or_default();
                record.read.get_or_insert((now, incoming));
                record.reader = Some(recipient.clone());
            }
        }
    }

    /// The first refusal between the two servers of a letter since it was sent.
    fn refusal(&self, letter: &str) -> Option<u16> {
        refusal(self.world, &self.stage.dialogs(), self.plan(letter)?)
    }

    async fn inject(&mut self, step: &InjectStep) {
        let Some(plan) = self.plan(&step.letter) else {
            return;
        };
        let sent = match dialog::delivery(self.world, plan) {
            Some((server, script)) => {
                let record = self.stage.dialog(&server, script).await;
                let outcome = record.failure.clone().map_or(Ok(()), |message| {
                    Err(Failure {
                        cause: None,
                        host: None,
                        message,
                    })
                });
                self.done.dialogs.push(record);
                outcome
            }
            None => Err(Failure {
                cause: None,
                host: None,
                message: format!("{} has no recorded message", plan.id),
            }),
        };
        let record = self
            .done
            .letters
            .entry(step.letter.value.clone())
            .or_default();
        record.sent = Some((self.clock.now(), sent));
    }

    async fn talk(&mut self, step: &DmtpStep) {
        let script = dialog::script(self.world, step);
        let Some(organization) = self.world.organizations.get(step.to.as_str()) else {
            return;
        };
        let record = self.stage.dialog(&organization.mail_host, script).await;
        self.done.dialogs.push(record);
    }

    fn plan(&self, letter: &str) -> Option<&LetterPlan> {
        self.world.letters.iter().find(|plan| plan.id == letter)
    }

    fn record(&self, letter: &str) -> Option<&LetterRecord> {
        self.done.letters.get(letter)
    }
}

/// The code of the first refusal that the origin of a letter got from its destination.
pub fn refusal(world: &World, dialogs: &[Dialog], plan: &LetterPlan) -> Option<u16> {
    let (origin, destination) = servers(world, plan)?;
    dialogs
        .iter()
        .filter(|dialog| dialog.client.ip() == origin && dialog.server.ip() == destination)
        .flat_map(|dialog| &dialog.exchanges)
        .find(|exchange| exchange.refused())
        .and_then(|exchange| exchange.code)
}

/// The addresses of a letter's origin and destination.
pub fn servers(world: &World, plan: &LetterPlan) -> Option<(IpAddr, IpAddr)> {
    let host_of = |address: &str| {
        let domain = address.rsplit('@').next()?;
        let organization = world.organizations.get(domain)?;
        let host = world.hosts.get(&organization.mail_host)?;
        Some(host.address)
    };
    let author = world.people.get(&plan.author)?;
    Some((host_of(&author.address)?, host_of(&plan.to)?))
}

fn outgoing(plan: &LetterPlan, bounce: BounceWish) -> Outgoing {
    Outgoing {
        to: plan.to.clone(),
        subject: plan.subject.clone(),
        other_headers: plan.other_headers.clone(),
        body: plan.body.clone(),
        attachments: plan
            .attachments
            .iter()
            .map(|attachment| (attachment.name.clone(), attachment.contents.clone()))
            .collect(),
        alternate: plan.alternate,
        hardened: plan.profile == ProfileWord::Hardened,
        bounce,
    }
}

fn is_same_letter(plan: &LetterPlan, incoming: &Incoming) -> bool {
    incoming.subject == plan.subject
}

fn no_client(person: &str) -> Failure {
    Failure {
        cause: None,
        host: None,
        message: format!("{person} has no client on this stage"),
    }
}

fn word(end: LetterEnd) -> &'static str {
    match end {
        LetterEnd::Delivered => "delivered",
        LetterEnd::Refused => "refused",
        LetterEnd::Failed => "failed",
    }
}
