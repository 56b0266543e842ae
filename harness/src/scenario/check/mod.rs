//! What a file must fulfil beyond its syntax: names that exist, letters that are sent, limits.
//!
//! The checks go on after a problem, so that a writer sees all of them at once.

mod expectations;
mod steps;

use std::collections::BTreeMap;

use crate::scenario::diagnostic::{Diagnostic, Diagnostics};
use crate::scenario::imported::{self, ImportedWorld};
use crate::scenario::limits;
use crate::scenario::steps::Step;
use crate::scenario::values::{Located, Place};
use crate::scenario::vary::{Axes, VaryBlock};
use crate::scenario::world::{Mode, OrganizationSpec, UserSpec};
use crate::scenario::{Scenario, library};

/// Checks a whole scenario.
pub(super) fn scenario(
    scenario: &Scenario,
    title: &Located<String>,
    vary: &VaryBlock,
    axes: &Axes,
) -> Result<(), Diagnostics> {
    let mut checker = Checker::new(scenario);
    checker.head(title, vary, axes);
    checker.world();
    checker.steps();
    checker.expectations();
    checker.problems.into_result()
}

/// The name of the host that talks in raw dialogs; nobody else may have it.
const STRANGER: &str = "stranger";
/// The name under which a file speaks of all DNS servers that belong to no organization.
const DNS: &str = "dns";
/// Domains that must not exist end so.
const NOWHERE: &str = ".invalid";

/// The label under which the world's name servers have their names.
const REGISTRY: &str = "nic";

/// What the checks know of a scenario while they go through it.
struct Checker<'a> {
    scenario: &'a Scenario,
    problems: Diagnostics,
    imported: Option<&'static ImportedWorld>,
    domains: Vec<&'a str>,
    people: BTreeMap<&'a str, Person<'a>>,
    letters: BTreeMap<&'a str, Letter<'a>>,
}

/// A user as far as the checks need it.
#[derive(Clone, Copy)]
struct Person<'a> {
    domain: &'a str,
    alternate: bool,
}

/// A letter as far as the checks need it.
#[derive(Clone, Copy)]
struct Letter<'a> {
    /// Index of the step that sends it.
    step: usize,
    from: &'a str,
    to: &'a str,
    attachments: usize,
}

impl<'a> Checker<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let imported = scenario.world.import.as_ref();
        let imported = imported.and_then(|import| imported::libdime(&import.libdime));
        let mut checker = Checker {
            scenario,
            problems: Diagnostics::default(),
            imported,
            domains: Vec::new(),
            people: BTreeMap::new(),
            letters: BTreeMap::new(),
        };
        for (domain, organization) in scenario.world.organizations.iter() {
            checker.domains.push(domain.as_str());
            for (name, user) in organization.users.iter() {
                let person = Person {
                    domain: domain.as_str(),
                    alternate: user.alternate,
                };
                checker.people.entry(name.as_str()).or_insert(person);
            }
        }
        for person in imported.iter().flat_map(|world| &world.people) {
            if !checker.domains.contains(&person.domain.as_str()) {
                checker.domains.push(&person.domain);
            }
            let entry = Person {
                domain: &person.domain,
                alternate: false,
            };
            checker.people.entry(&person.name).or_insert(entry);
        }
        checker.letters = checker.planned_letters();
        checker
    }

    /// All letters that steps send, whatever their order.
    fn planned_letters(&self) -> BTreeMap<&'a str, Letter<'a>> {
        let mut letters = BTreeMap::new();
        for (step, content) in self.scenario.steps.iter().enumerate() {
            let (name, from, to, attachments) = match &content.value {
                Step::Send(send) => (
                    &send.letter,
                    send.from.as_str(),
                    send.to.as_str(),
                    send.attachments.len(),
                ),
                Step::Reply(reply) => {
                    let Letter { from, to, .. } = match letters.get(reply.to.as_str()) {
                        Some(letter) => *letter,
                        None => continue,
                    };
                    (&reply.letter, to, from, 0)
                }
                Step::Inject(inject) => match self.imported_message(&inject.message) {
                    Some(message) => (
                        &inject.letter,
                        message.author.as_str(),
                        message.recipient.as_str(),
                        0,
                    ),
                    None => continue,
                },
                _ => continue,
            };
            letters.entry(name.as_str()).or_insert(Letter {
                step,
                from,
                to,
                attachments,
            });
        }
        letters
    }

    fn imported_message(&self, id: &str) -> Option<&'static imported::ImportedMessage> {
        self.imported
            .and_then(|world| world.messages.iter().find(|message| message.id == id))
    }

    fn problem(&mut self, place: Place, message: impl Into<String>) {
        self.report(Diagnostic::at(&self.scenario.text, place, message));
    }

    fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Reports a name that means nothing, with the nearest one that does.
    fn unknown<'w>(
        &mut self,
        what: &str,
        name: &Located<String>,
        known: impl Iterator<Item = &'w str>,
    ) {
        let known = known.collect::<Vec<_>>();
        let message = format!("unknown {what} `{}`", name.value);
        let mut problem = Diagnostic::at(&self.scenario.text, name.place, message);
        if !known.is_empty() {
            problem = problem.expected(format!("the file names {}", known.join(", ")));
        }
        self.report(problem.suggest(name, known));
    }

    /// Reports more of something than a limit allows; at the first that is too many.
    fn limit(&mut self, what: &str, place: Option<Place>, limit: usize) {
        if let Some(place) = place {
            self.problem(place, format!("more than {limit} {what}"));
        }
    }

    fn head(&mut self, title: &Located<String>, vary: &VaryBlock, axes: &Axes) {
        if title.trim().is_empty() {
            self.problem(title.place, "the scenario has no title");
        }
        if vary.len() != axes.0.len() {
            let place = vary
                .iter()
                .next()
                .map_or(title.place, |(axis, _)| axis.place);
            self.problem(place, "`vary:` does not stand at the left margin");
        }
        if self.scenario.requirements.is_empty() {
            let problem =
                Diagnostic::at(&self.scenario.text, title.place, "no requirement is named");
            self.report(problem.help("name what it checks: `requirements: [DIME-HOP-1]`"));
        }
        for id in &self.scenario.requirements {
            let known = library::requirement_ids();
            if !known.contains(&id.as_str()) {
                let message = format!("unknown requirement `{}`", id.value);
                let problem = Diagnostic::at(&self.scenario.text, id.place, message);
                let problem = problem.expected("expected an id of requirements.yaml");
                self.report(problem.suggest(id, known.iter().copied()));
            }
        }
    }

    fn world(&mut self) {
        let world = &self.scenario.world;
        self.import();
        if self.domains.is_empty() {
            let place = self
                .scenario
                .steps
                .first()
                .map_or(Place::default(), |step| step.place);
            self.problem(place, "the world has no organization");
        }
        let excess = world.organizations.iter().nth(limits::MAX_ORGANIZATIONS);
        let excess = excess.map(|(domain, _)| domain.place);
        self.limit("organizations", excess, limits::MAX_ORGANIZATIONS);
        let users = world
            .organizations
            .iter()
            .flat_map(|(_, one)| one.users.iter());
        let excess = users.map(|(name, _)| name.place).nth(limits::MAX_USERS);
        self.limit("users", excess, limits::MAX_USERS);
        for (domain, organization) in world.organizations.iter() {
            self.organization(domain, organization);
        }
        let excess = world.taps.iter().nth(limits::MAX_TAPS);
        let excess = excess.map(|(name, _)| name.place);
        self.limit("taps", excess, limits::MAX_TAPS);
        for (name, tap) in world.taps.iter() {
            self.new_name("tap", name);
            for domain in &tap.between {
                self.domain(domain);
            }
            if let [left, right] = &tap.between
                && left == right
            {
                self.problem(right.place, "a tap lies between two organizations");
            }
        }
        self.clock();
    }

    fn import(&mut self) {
        let Some(import) = &self.scenario.world.import else {
            return;
        };
        match self.imported {
            None => self.unknown("libdime world", &import.libdime, imported::libdime_ids()),
            Some(world) => {
                let names = self.scenario.world.organizations.iter();
                let twice = names
                    .map(|(domain, _)| domain)
                    .filter(|domain| world.people.iter().any(|one| one.domain == domain.value));
                for domain in twice.collect::<Vec<_>>() {
                    let message = format!("organization `{}` is imported already", domain.value);
                    self.problem(domain.place, message);
                }
            }
        }
    }

    fn organization(&mut self, domain: &'a Located<String>, organization: &'a OrganizationSpec) {
        if !is_domain(domain) {
            let message = format!("`{}` is not a domain", domain.value);
            let problem = Diagnostic::at(&self.scenario.text, domain.place, message);
            self.report(problem.expected("expected lower-case labels and dots: `alpha.example`"));
        } else if domain.ends_with(NOWHERE) {
            self.problem(domain.place, "domains under `.invalid` must not exist");
        } else if domain.split('.').any(|label| label == REGISTRY) {
            self.problem(domain.place, "the label `nic` is for name servers");
        }
        for (name, user) in organization.users.iter() {
            self.user(domain, name, user);
        }
        if let Some(expiry) = &organization.record.expiry {
            let seconds = expiry.0.as_secs();
            if seconds == 0 || !seconds.is_multiple_of(24 * 3600) || expiry.0 > limits::MAX_SPAN {
                let problem = Diagnostic::at(
                    &self.scenario.text,
                    expiry.place,
                    "a record expires after whole days",
                );
                self.report(problem.expected("expected a time such as `30 d`"));
            }
        }
    }

    fn user(&mut self, domain: &'a Located<String>, name: &'a Located<String>, user: &'a UserSpec) {
        self.new_name("user", name);
        let known = self.people.get(name.as_str()).copied();
        if let Some(first) = known
            && first.domain != domain.as_str()
        {
            let message = format!("`{}` is a user of `{}` too", name.value, first.domain);
            let problem = Diagnostic::at(&self.scenario.text, name.place, message);
            self.report(problem.help("give each person a name of their own"));
        }
        if user.mode.value != Mode::Paranoid {
            let problem = Diagnostic::at(
                &self.scenario.text,
                user.mode.place,
                "this account mode is not supported yet",
            );
            self.report(problem.expected("expected `paranoid`"));
        }
    }

    /// Checks a name that the file gives to somebody.
    fn new_name(&mut self, what: &str, name: &Located<String>) {
        if !is_name(name) {
            let message = format!("`{}` is no name for a {what}", name.value);
            let problem = Diagnostic::at(&self.scenario.text, name.place, message);
            self.report(problem.expected("expected lower-case letters, digits and `-`"));
        } else if name.as_str() == DNS || name.as_str() == STRANGER {
            let message = format!("`{}` has a meaning of its own", name.value);
            self.problem(name.place, message);
        } else if what == "tap" && self.people.contains_key(name.as_str()) {
            self.problem(name.place, format!("`{}` is a user already", name.value));
        }
    }

    fn clock(&mut self) {
        const FIRST: u64 = 946_684_800;
        const LAST: u64 = 4_102_444_800;
        if let Some(day) = &self.scenario.world.clock
            && !(FIRST..LAST).contains(&day.0)
        {
            let problem = Diagnostic::at(&self.scenario.text, day.place, "no day of this century");
            self.report(problem.expected("expected a day from `2000-01-01` to `2099-12-31`"));
        }
    }

    /// Checks that a domain is one of the world's.
    fn domain(&mut self, domain: &Located<String>) {
        if !self.domains.contains(&domain.as_str()) {
            self.unknown("organization", domain, self.domains.clone().into_iter());
        }
    }

    /// Checks that a person is one of the world's.
    fn person(&mut self, person: &Located<String>) -> Option<Person<'a>> {
        let known = self.people.get(person.as_str()).copied();
        if known.is_none() {
            let names = self.people.keys().copied().collect::<Vec<_>>();
            self.unknown("user", person, names.into_iter());
        }
        known
    }

    /// Checks that a letter is one that some step sends.
    fn letter(&mut self, letter: &Located<String>) -> Option<Letter<'a>> {
        let known = self.letters.get(letter.as_str()).copied();
        if known.is_none() {
            let message = format!("no step sends a letter `{}`", letter.value);
            let mut problem = Diagnostic::at(&self.scenario.text, letter.place, message);
            let names = self.letters.keys().copied().collect::<Vec<_>>();
            if !names.is_empty() {
                problem = problem.expected(format!("steps send {}", names.join(", ")));
            }
            self.report(problem.suggest(letter, names));
        }
        known
    }

    /// Checks an address that nobody has: at an organization of the world, or nowhere.
    fn address_of_nobody(&mut self, address: &Located<String>) {
        let Some((local, domain)) = address.split_once('@') else {
            return;
        };
        let message = if !is_name(local) {
            format!("`{local}` is no local part for an address")
        } else if self
            .people
            .get(local)
            .is_some_and(|one| one.domain == domain)
        {
            format!("`{local}` is a user: write `{local}` without a domain")
        } else if domain.ends_with(NOWHERE) || self.domains.contains(&domain) {
            return;
        } else {
            format!("unknown organization `{domain}`")
        };
        let problem = Diagnostic::at(&self.scenario.text, address.place, message);
        let known = self.domains.clone();
        self.report(problem.suggest(domain, known));
    }
}

/// Whether a text can name a user, a tap, a letter or a look-up.
fn is_name(text: &str) -> bool {
    (1..=limits::MAX_NAME_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a mail domain of at least two labels, lower case.
fn is_domain(text: &str) -> bool {
    text.len() <= limits::MAX_DOMAIN_BYTES && text.contains('.') && text.split('.').all(is_name)
}
