//! From evidence to a reported run: expectations and judgement joined into one verdict.

mod expect;
mod hops;

use std::collections::BTreeMap;

use dimespec_report::model::{
    self, Cell, Derivation, Excerpt, Expectation as ReportedExpectation, Finding, InherentLeak,
    Letter, Run, Step, Verdict,
};

use expect::{Blame, Met, Seen};

use crate::knowledge::{
    self, Claim, ClaimKind, FindingKind, Given, Grade, Judged, Judgement, Policy, Role,
};
use crate::run::perform::Performance;
use crate::run::{Broken, Evidence, INTERRUPTED, transcript};
use crate::scenario::expectations::{Expectation, Knowledge};
use crate::scenario::{self, Case, Scenario};
use crate::world::{FactKind, Principal, World};

/// Requirement that a broken expectation of behaviour is reported under if its file names none.
const UNNAMED: &str = "scenario";
/// What an external program breaks that does not run as it must.
const RUNS: &str = "adapter";

/// A run whose scenario cannot be read or built: a failure, and the scenario's own.
pub fn broken_scenario(base: Run, message: &str) -> Run {
    failed(base, UNNAMED, "scenario", message)
}

/// A run whose stage broke. An external program's failure is a failure; ours leaves the verdict open.
pub fn broken_stage(base: Run, broken: Broken) -> Run {
    match broken {
        Broken::Program { culprit, message } => failed(base, RUNS, &culprit, &message),
        Broken::Interrupted => inconclusive(base, INTERRUPTED.to_owned()),
        Broken::Harness(message) => inconclusive(base, format!("harness: {message}")),
    }
}

fn inconclusive(base: Run, reason: String) -> Run {
    Run {
        verdict: Verdict::Inconclusive,
        reasons: vec![reason],
        ..base
    }
}

fn failed(base: Run, requirement: &str, culprit: &str, message: &str) -> Run {
    Run {
        verdict: Verdict::Fail,
        findings: vec![Finding {
            requirement: requirement.into(),
            culprit: culprit.into(),
            message: message.to_owned(),
            derivation: None,
        }],
        ..base
    }
}

/// Judges the evidence of a case and completes its report.
pub fn judge(base: Run, case: &Case, world: &World, evidence: &Evidence) -> Run {
    let inherent = match knowledge::read_inherent(scenario::inherent_text()) {
        Ok(inherent) => inherent,
        Err(error) => return broken_stage(base, Broken::Harness(error.to_string())),
    };
    let given = Given::from_world(world, &inherent);
    let analysis = knowledge::analyse(&given, &evidence.trace);
    let asked = Asked::of(&case.scenario, world, &evidence.performance, &inherent);
    let judgement = knowledge::judge(&analysis, &asked.claims);
    let dialogs = transcript::dialogs(&evidence.trace, world.ports.dmtp);
    let seen = Seen {
        world,
        performance: &evidence.performance,
        dialogs: &dialogs,
    };
    let mut run = Run {
        digest: hex::encode(evidence.trace.digest()),
        virtual_time_ms: u64::try_from(evidence.performance.took.as_millis()).unwrap_or(u64::MAX),
        packets: evidence.trace.packets.len() as u64,
        bytes: evidence
            .trace
            .packets
            .iter()
            .map(|packet| packet.length as u64)
            .sum(),
        hops: hops::hops(world, &analysis),
        letters: letters(world, evidence),
        knowledge: judgement
            .cells
            .iter()
            .map(|cell| self::cell(world, cell))
            .collect(),
        derivations: derivations(world, &judgement),
        inherent: leaks(&judgement, &inherent),
        ..base
    };
    add_findings(&mut run, &judgement);
    add_expectations(&mut run, &case.scenario, &seen, &asked, &judgement);
    run.reasons.extend(
        judgement
            .doubts
            .iter()
            .map(|doubt| format!("{}: {}: {}", doubt.principal, doubt.name, doubt.reason)),
    );
    run.verdict = verdict(&run);
    run
}

/// A failure outweighs a doubt, a doubt outweighs everything else.
fn verdict(run: &Run) -> Verdict {
    let failed = |expectation: &ReportedExpectation| expectation.verdict == Verdict::Fail;
    if !run.findings.is_empty() || run.expectations.iter().any(failed) {
        Verdict::Fail
    } else if !run.reasons.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

/// What a scenario expects of knowledge, as claims for the judge.
struct Asked {
    claims: Vec<Claim>,
    /// For each expectation of the file, its claims.
    of_expectation: BTreeMap<usize, Vec<usize>>,
}

impl Asked {
    fn of(
        scenario: &Scenario,
        world: &World,
        performance: &Performance,
        inherent: &[knowledge::InherentLeak],
    ) -> Self {
        let mut asked = Asked {
            claims: Vec::new(),
            of_expectation: BTreeMap::new(),
        };
        for (index, expectation) in scenario.expect.iter().enumerate() {
            let from = asked.claims.len();
            match &expectation.value {
                Expectation::Knows(names) => {
                    for (name, knowledge) in names.iter() {
                        let facts =
                            by_letter(world, knowledge.facts().iter().map(|fact| &fact.value));
                        for (letter, facts) in facts {
                            let kind = match knowledge {
                                Knowledge::Exactly(_) => ClaimKind::Exactly(facts),
                                Knowledge::Includes(_) => ClaimKind::Includes(facts),
                            };
                            asked.claim(world, name, letter, &kind);
                        }
                    }
                }
                Expectation::NeverKnows(names) => {
                    for (name, facts) in names.iter() {
                        let facts = by_letter(world, facts.iter().map(|fact| &fact.value));
                        for (letter, facts) in facts {
                            asked.claim(world, name, letter, &ClaimKind::Never(facts));
                        }
                    }
                }
                Expectation::Inherent(names) => {
                    for (name, ids) in names.iter() {
                        for letter in 0..world.letters.len() {
                            if takes_part(world, name, letter) {
                                let lost = is_lost(scenario, world, performance, letter);
                                let ids = ids.iter().map(|id| id.as_str());
                                asked.leaks(world, name, (letter, lost), ids, inherent);
                            }
                        }
                    }
                }
                _ => {}
            }
            asked
                .of_expectation
                .insert(index, (from..asked.claims.len()).collect());
        }
        asked
    }

    /// Claims that a letter leaks what the protocol gives away, unless it is lost; of what its
    /// profile ends, that it does not.
    fn leaks<'i>(
        &mut self,
        world: &World,
        name: &str,
        (letter, lost): (usize, bool),
        ids: impl Iterator<Item = &'i str>,
        inherent: &[knowledge::InherentLeak],
    ) {
        let (mut leaked, mut kept) = (Vec::new(), Vec::new());
        for id in ids {
            let entry = inherent.iter().find(|entry| entry.id == id);
            let plan = world.letters.get(letter);
            match entry.zip(plan) {
                Some((entry, plan)) if !entry.concerns(plan) => kept.extend(entry.facts()),
                _ => leaked.push(id.to_owned()),
            }
        }
        if !lost && !leaked.is_empty() {
            self.claim(world, name, letter, &ClaimKind::Inherent(leaked));
        }
        if !kept.is_empty() {
            self.claim(world, name, letter, &ClaimKind::Never(kept));
        }
    }

    fn claim(&mut self, world: &World, name: &str, letter: usize, kind: &ClaimKind) {
        for principal in world.principals_named(name) {
            self.claims.push(Claim {
                principal,
                letter,
                kind: kind.clone(),
            });
        }
    }
}

/// Whether a letter that should have been delivered was not: of such a letter nothing can be
/// expected to leak.
fn is_lost(scenario: &Scenario, world: &World, performance: &Performance, letter: usize) -> bool {
    let Some(plan) = world.letters.get(letter) else {
        return false;
    };
    let record = performance.letters.get(&plan.id);
    let read = record.is_some_and(|record| record.read.is_some());
    let mut expected = scenario.expect.iter();
    !read
        && expected.any(|expectation| match &expectation.value {
            Expectation::Delivered(spec) => spec.letter.as_str() == plan.id,
            _ => false,
        })
}

/// Whether an inherent leak of a letter can come to the principal of this name: its destination's.
fn takes_part(world: &World, name: &str, letter: usize) -> bool {
    let destination = |fact: &crate::world::Fact| {
        fact.letter == letter && fact.kind == FactKind::Destination && fact.value == name.as_bytes()
    };
    !world.organizations.contains_key(name) || world.facts.iter().any(destination)
}

fn by_letter<'a>(
    world: &World,
    facts: impl Iterator<Item = &'a scenario::values::FactName>,
) -> BTreeMap<usize, Vec<FactKind>> {
    let mut sorted: BTreeMap<usize, Vec<FactKind>> = BTreeMap::new();
    for fact in facts {
        let letter = world.letters.iter().position(|plan| plan.id == fact.letter);
        if let Some(letter) = letter {
            sorted.entry(letter).or_default().push(fact.kind);
        }
    }
    sorted
}

fn add_expectations(
    run: &mut Run,
    scenario: &Scenario,
    seen: &Seen<'_>,
    asked: &Asked,
    judgement: &Judgement,
) {
    for (index, expectation) in scenario.expect.iter().enumerate() {
        let met = match seen.check(&expectation.value) {
            Some(met) => {
                if met.verdict == Verdict::Inconclusive {
                    run.reasons.push(met.detail.clone());
                }
                met
            }
            // What is in doubt here is among the judgement's doubts.
            None => {
                let claims = asked.of_expectation.get(&index);
                let claims = claims.map_or(&[][..], Vec::as_slice);
                match expectation.value {
                    Expectation::Inherent(_) if claims.is_empty() => Met {
                        verdict: Verdict::Inconclusive,
                        detail: "no letter arrived that could leak it".to_owned(),
                        culprit: Blame::Unknown,
                    },
                    _ => of_claims(claims, judgement),
                }
            }
        };
        run.expectations.push(ReportedExpectation {
            text: as_written(scenario, expectation.place.offset),
            verdict: met.verdict,
            detail: told(&met),
        });
    }
    for missed in &seen.performance.missed {
        run.expectations.push(ReportedExpectation {
            text: "await".into(),
            verdict: Verdict::Fail,
            detail: missed.clone(),
        });
    }
    for dialog in &seen.performance.dialogs {
        run.expectations.push(ReportedExpectation {
            text: format!("dialog with {}", dialog.server),
            verdict: match dialog.failure {
                None => Verdict::Pass,
                Some(_) => Verdict::Fail,
            },
            detail: dialog.failure.as_ref().map_or(String::new(), |failure| {
                format!("{failure}\n{}", dialog.lines.join("\n"))
            }),
        });
    }
}

/// The entry of the file that begins at `offset`, in one line without comments.
fn as_written(scenario: &Scenario, offset: usize) -> String {
    let text = scenario.text.filled();
    let (before, rest) = text.split_at_checked(offset).unwrap_or_default();
    let own = before.rsplit('\n').next().unwrap_or_default();
    // An entry of a list stands behind its hyphen; what belongs to it stands deeper than that.
    let depth = own.find('-').unwrap_or(0);
    let belongs = |line: &str| line.len() - line.trim_start().len() > depth;
    let mut lines = rest.lines();
    let first = lines.next().into_iter();
    let more = lines.take_while(|line| belongs(line));
    let words = first.chain(more).map(|line| {
        let line = line.split(" #").next().unwrap_or_default();
        line.trim()
    });
    words.collect::<Vec<_>>().join(" ")
}

fn told(met: &Met) -> String {
    let who = match met.culprit {
        Blame::Author => "author: ",
        Blame::Origin => "origin: ",
        Blame::Destination => "destination: ",
        Blame::Recipient => "recipient: ",
        Blame::Unknown => "",
    };
    format!("{who}{}", met.detail)
}

fn of_claims(claims: &[usize], judgement: &Judgement) -> Met {
    let outcomes = || {
        claims
            .iter()
            .filter_map(|claim| judgement.claims.get(*claim))
    };
    let finding = outcomes().flat_map(|outcome| &outcome.findings).next();
    let doubt = outcomes().flat_map(|outcome| &outcome.doubts).next();
    let (verdict, detail) = if let Some(finding) = finding {
        let message = judgement
            .findings
            .get(*finding)
            .map(knowledge::Finding::message);
        (Verdict::Fail, message.unwrap_or_default())
    } else if let Some(doubt) = doubt {
        let reason = judgement
            .doubts
            .get(*doubt)
            .map(|doubt| doubt.reason.clone());
        (Verdict::Inconclusive, reason.unwrap_or_default())
    } else {
        (Verdict::Pass, String::new())
    };
    Met {
        verdict,
        detail,
        culprit: Blame::Unknown,
    }
}

fn add_findings(run: &mut Run, judgement: &Judgement) {
    for finding in &judgement.findings {
        let culprit = finding.culprit.to_string();
        let message = finding.message();
        if let Some(derivation) = finding
            .derivation
            .and_then(|at| run.derivations.get_mut(at))
            && finding.kind != FindingKind::Missing
        {
            derivation.requirement = Some(finding.requirement.to_owned());
            derivation.culprit = Some(culprit.clone());
        }
        run.findings.push(Finding {
            requirement: finding.requirement.to_owned(),
            culprit,
            message,
            derivation: finding.derivation,
        });
    }
}

fn leaks(judgement: &Judgement, inherent: &[knowledge::InherentLeak]) -> Vec<InherentLeak> {
    let mut leaks: Vec<InherentLeak> = Vec::new();
    for found in &judgement.inherent {
        if leaks.iter().any(|leak| leak.id == found.id) {
            continue;
        }
        if let Some(entry) = inherent.iter().find(|entry| entry.id == found.id) {
            leaks.push(InherentLeak {
                id: entry.id.clone(),
                title: entry.title.clone(),
                cure: entry.cure.clone(),
                derivation: Some(found.derivation),
            });
        }
    }
    leaks
}

fn letters(world: &World, evidence: &Evidence) -> Vec<Letter> {
    world
        .letters
        .iter()
        .map(|plan| {
            let domain = |person: &str| {
                let person = world.people.get(person);
                person.map_or(String::new(), |person| person.organization.clone())
            };
            let record = evidence.performance.letters.get(&plan.id);
            let outcome = match record {
                Some(record) if record.read.is_some() => "delivered",
                Some(record) if matches!(record.sent, Some((_, Err(_)))) => "not sent",
                Some(_) => "not delivered",
                None => "not written",
            };
            Letter {
                name: plan.id.clone(),
                author: plan.author.clone(),
                origin: domain(&plan.author),
                destination: domain(&plan.recipient),
                recipient: plan.recipient.clone(),
                outcome: outcome.into(),
            }
        })
        .collect()
}

fn cell(world: &World, cell: &knowledge::Cell) -> Cell {
    Cell {
        letter: letter_name(world, cell.letter),
        principal: cell.principal.to_string(),
        role: role(&cell.roles),
        fact: cell.fact.name().to_owned(),
        policy: match cell.policy {
            Policy::Must => model::Policy::Must,
            Policy::Never if cell.judged == Judged::Inherent => model::Policy::Inherent,
            Policy::Never => model::Policy::Never,
            Policy::May => model::Policy::May,
        },
        grade: cell.grade.map_or(model::Grade::Nothing, grade),
        judged: match cell.judged {
            Judged::Ok => model::Judged::Ok,
            Judged::Inherent => model::Judged::Inherent,
            Judged::Doubtful => model::Judged::Inconclusive,
            Judged::Missing => model::Judged::Missing,
            Judged::Finding => model::Judged::Finding,
        },
        derivations: cell.derivations.clone(),
    }
}

fn role(roles: &[Role]) -> model::Role {
    if roles.contains(&Role::Origin) && roles.contains(&Role::Destination) {
        return model::Role::OriginAndDestination;
    }
    match roles.first() {
        Some(Role::Author) => model::Role::Author,
        Some(Role::Origin) => model::Role::Origin,
        Some(Role::Destination) => model::Role::Destination,
        Some(Role::Recipient) => model::Role::Recipient,
        Some(Role::Tap) => model::Role::Tap,
        Some(Role::Dns) => model::Role::Dns,
        Some(Role::Bystander) | None => model::Role::Bystander,
    }
}

fn grade(grade: Grade) -> model::Grade {
    match grade {
        Grade::Holds => model::Grade::Holds,
        Grade::Confirms => model::Grade::Confirms,
        Grade::Suspected => model::Grade::Suspected,
    }
}

fn derivations(world: &World, judgement: &Judgement) -> Vec<Derivation> {
    judgement
        .derivations
        .iter()
        .map(|known| Derivation {
            principal: known
                .principals
                .iter()
                .map(Principal::to_string)
                .collect::<Vec<_>>()
                .join(" + "),
            fact: known.kind.name().to_owned(),
            letter: letter_name(world, known.letter),
            grade: grade(known.grade),
            requirement: None,
            culprit: known.inherent.as_ref().map(|id| format!("protocol {id}")),
            steps: known.steps.iter().map(step).collect(),
            inherent: known.inherent.clone(),
        })
        .collect()
}

fn step(step: &knowledge::Step) -> Step {
    Step {
        at_ms: step.at.map(|at| at.0 / 1_000_000),
        place: step.place.clone().unwrap_or_default(),
        rule: step.rule.to_owned(),
        text: step.result.clone().unwrap_or_default(),
        packet: step.source.as_ref().and_then(|source| source.packet),
        bytes: bytes_of(step),
    }
}

fn bytes_of(step: &knowledge::Step) -> Option<Excerpt> {
    if step.excerpt.is_empty() {
        return None;
    }
    let mut excerpt = Excerpt::of(0, &step.excerpt);
    if let Some(source) = &step.source {
        excerpt.offset = source.range.start as u64;
        excerpt.length = source.range.len() as u64;
    }
    Some(excerpt)
}

fn letter_name(world: &World, letter: usize) -> String {
    let plan = world.letters.get(letter);
    plan.map_or(String::new(), |plan| plan.id.clone())
}
