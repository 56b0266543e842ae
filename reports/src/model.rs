//! The result model: what a suite of runs found, as data.
//!
//! It is the contract between tools, so it is versioned ([`FORMAT`]), has a JSON Schema
//! ([`crate::json::schema`]) and knows nothing of the harness that fills it. Every field added
//! later is optional to the reader, so old files stay readable. Indices that point from one list
//! into another come from a file and may be out of range: readers treat those as absent.

mod evidence;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use evidence::{Cell, Derivation, EXCERPT_LIMIT, Excerpt, Grade, Judged, Policy, Role, Step};

/// Version of the result format that this crate writes, and the newest it reads.
pub const FORMAT: u32 = 1;

/// What a whole suite found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format, [`FORMAT`] when written by this crate.
    pub format: u32,
    /// The program that wrote it.
    pub tool: Tool,
    /// Dialects and rulings that were judged against, such as `libdime-1`.
    pub profile: String,
    /// When the suite started, in RFC 3339. Absent in simulation, where the same seed gives the
    /// same report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// Digest over the scenario files, lower-case hex.
    pub suite: String,
    /// Seed that the seeds of the runs follow from.
    pub seed: u64,
    /// One entry per case and seed, in the order they were finished.
    #[serde(default)]
    pub runs: Vec<Run>,
    /// How many runs ended in which way.
    #[serde(default)]
    pub summary: Summary,
}

impl Report {
    /// A report without runs yet, in the current format.
    pub fn new(tool: Tool, profile: &str, suite: &str, seed: u64) -> Self {
        Self {
            format: FORMAT,
            tool,
            profile: profile.to_owned(),
            started: None,
            suite: suite.to_owned(),
            seed,
            runs: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Adds a finished run and counts it.
    pub fn push(&mut self, run: Run) {
        self.summary.count(run.verdict);
        self.runs.push(run);
    }
}

/// A program and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name, `dimespec`.
    pub name: String,
    /// Its version, such as `0.1.0`.
    pub version: String,
}

/// How many runs ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Runs in which everything was as it must be.
    #[serde(default)]
    pub pass: u32,
    /// Runs with at least one finding or broken expectation.
    #[serde(default)]
    pub fail: u32,
    /// Runs whose evidence does not suffice for a verdict.
    #[serde(default)]
    pub inconclusive: u32,
    /// Runs that were not started, each with its reason.
    #[serde(default)]
    pub skipped: u32,
}

impl Summary {
    /// Counts these runs.
    pub fn of(runs: &[Run]) -> Self {
        let mut summary = Self::default();
        for run in runs {
            summary.count(run.verdict);
        }
        summary
    }

    /// Counts one more run.
    pub fn count(&mut self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Skipped => &mut self.skipped,
        };
        *counter = counter.saturating_add(1);
    }

    /// All runs, skipped ones too.
    pub fn total(&self) -> u32 {
        [self.pass, self.fail, self.inconclusive, self.skipped]
            .into_iter()
            .fold(0, u32::saturating_add)
    }

    /// What the program ends with. A skip never counts as a pass: a suite of nothing but skips
    /// ends with [`Exit::NothingRan`].
    pub fn exit(&self) -> Exit {
        if self.fail > 0 {
            Exit::Fail
        } else if self.inconclusive > 0 {
            Exit::Inconclusive
        } else if self.pass > 0 {
            Exit::Pass
        } else {
            Exit::NothingRan
        }
    }
}

/// The documented exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: at least one pass, and nothing else but skips.
    Pass = 0,
    /// 1: at least one run failed.
    Fail = 1,
    /// 2: the command line or a scenario file is wrong; no summary leads here.
    Usage = 2,
    /// 3: nothing failed, but at least one run is inconclusive.
    Inconclusive = 3,
    /// 4: nothing ran.
    NothingRan = 4,
}

impl Exit {
    /// The number the operating system gets.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// One case with one seed on one stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Name of the case, `topic/name` or `topic/name[axis=value]`.
    pub name: String,
    /// The scenario's title, a sentence.
    #[serde(default)]
    pub title: String,
    /// Ids of the requirements that the scenario checks.
    #[serde(default)]
    pub requirements: Vec<String>,
    /// Seed of this run.
    pub seed: u64,
    /// What it ran on.
    pub stage: Stage,
    /// Who played which actor: actor to implementation.
    #[serde(default)]
    pub cast: BTreeMap<String, String>,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it was skipped or is inconclusive. Failures speak through findings and expectations.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Digest over all packets (time, direction, bytes), lower-case hex; empty if nothing ran.
    #[serde(default)]
    pub digest: String,
    /// Time that passed in the run's world, in milliseconds.
    #[serde(default)]
    pub virtual_time_ms: u64,
    /// Segments and datagrams on the line.
    #[serde(default)]
    pub packets: u64,
    /// Bytes in them.
    #[serde(default)]
    pub bytes: u64,
    /// What crossed from whom to whom, in order of time.
    #[serde(default)]
    pub hops: Vec<Hop>,
    /// The letters that were written.
    #[serde(default)]
    pub letters: Vec<Letter>,
    /// Who learned what of each letter, and whether they may.
    #[serde(default)]
    pub knowledge: Vec<Cell>,
    /// Proofs that cells, findings and inherent leaks point to.
    #[serde(default)]
    pub derivations: Vec<Derivation>,
    /// What was found that must not be.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The scenario's expectations and what became of them.
    #[serde(default)]
    pub expectations: Vec<Expectation>,
    /// What the protocol itself gave away in this run.
    #[serde(default)]
    pub inherent: Vec<InherentLeak>,
    /// The one command that repeats this run.
    #[serde(default)]
    pub replay: String,
}

impl Run {
    /// Traffic that stands on no letter's way, such as look-ups.
    pub fn hops_beside(&self) -> Vec<&Hop> {
        let carried = |hop: &Hop| self.letters.iter().any(|it| it.is_carried_by(self, hop));
        self.hops.iter().filter(|hop| !carried(hop)).collect()
    }

    fn says_what_hops_carried(&self) -> bool {
        self.hops.iter().any(|hop| hop.letter.is_some())
    }

    /// The cast in the order of a letter's way, anybody else after it by name.
    pub fn cast_in_order(&self) -> Vec<(&str, &str)> {
        const ACTORS: [&str; 4] = ["author", "origin", "destination", "recipient"];
        let mut cast: Vec<(&str, &str)> = self
            .cast
            .iter()
            .map(|(actor, player)| (actor.as_str(), player.as_str()))
            .collect();
        cast.sort_by_key(|(actor, _)| {
            ACTORS
                .iter()
                .position(|it| it == actor)
                .unwrap_or(ACTORS.len())
        });
        cast
    }
}

/// How a run or an expectation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it must be.
    Pass,
    /// Not as it must be.
    Fail,
    /// The evidence does not suffice, for the reasons given.
    Inconclusive,
    /// Not started, for the reasons given.
    #[default]
    Skipped,
}

/// What a run ran on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The simulated internet, in virtual time.
    #[default]
    Sim,
    /// Real sockets.
    Live,
}

/// Something that crossed from one principal to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hop {
    /// When it began, in milliseconds since the run began.
    pub at_ms: u64,
    /// Who dialled or asked: a principal's name.
    pub from: String,
    /// Who answered: a principal's name.
    pub to: String,
    /// What crossed, such as `DMTP delivery`.
    pub what: String,
    /// How much, both ways together, in bytes on the line.
    #[serde(default)]
    pub bytes: u64,
    /// The letter it carried, if it carried one and the run tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<String>,
}

/// A letter and its way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Letter {
    /// Its name in the scenario.
    pub name: String,
    /// Who wrote it: a principal's name.
    pub author: String,
    /// The author's organization: a principal's name.
    #[serde(default)]
    pub origin: String,
    /// The recipient's organization: a principal's name.
    #[serde(default)]
    pub destination: String,
    /// Whom it is for: a principal's name.
    pub recipient: String,
    /// What became of it, such as `delivered`.
    pub outcome: String,
}

impl Letter {
    /// What crossed between two stations of this letter's way, which is what carried it or, if
    /// the run does not say which hop carried which letter, everything between the two. Either may
    /// have dialled: a recipient's client fetches.
    pub fn hops_between<'a>(
        &'a self,
        run: &'a Run,
        left: &'a str,
        right: &'a str,
    ) -> impl Iterator<Item = &'a Hop> {
        let said = run.says_what_hops_carried();
        run.hops.iter().filter(move |hop| {
            (!said || hop.letter.as_deref() == Some(self.name.as_str())) && hop.joins(left, right)
        })
    }

    /// Whether the hop stands between two stations of this letter's way.
    fn is_carried_by(&self, run: &Run, hop: &Hop) -> bool {
        let stations = [
            &self.author,
            &self.origin,
            &self.destination,
            &self.recipient,
        ];
        let joined = stations.windows(2).any(|pair| match pair {
            [left, right] => left != right && hop.joins(left, right),
            _ => false,
        });
        let said = run.says_what_hops_carried();
        joined && (!said || hop.letter.as_deref() == Some(self.name.as_str()))
    }
}

impl Hop {
    fn joins(&self, left: &str, right: &str) -> bool {
        (self.from == left && self.to == right) || (self.from == right && self.to == left)
    }
}

/// Something that must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Id of the requirement that broke.
    pub requirement: String,
    /// Who is to blame, such as `origin alpha.example`.
    pub culprit: String,
    /// What is wrong: one line, after which further lines may follow, such as an excerpt of a file.
    pub message: String,
    /// Its proof, as an index into [`Run::derivations`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<usize>,
}

/// An expectation of the scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// The expectation as the scenario words it, one line or more.
    pub text: String,
    /// Whether it was met.
    pub verdict: Verdict,
    /// What was seen instead, or why it is not known: none, one or more lines.
    #[serde(default)]
    pub detail: String,
}

/// Something the protocol itself gives away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InherentLeak {
    /// Its id, such as `I1`.
    pub id: String,
    /// What leaks, one sentence.
    pub title: String,
    /// What a later protocol could do about it.
    #[serde(default)]
    pub cure: String,
    /// Its proof in this run, as an index into [`Run::derivations`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<usize>,
}

/// One line of the stream that is written while a suite runs, so that an interrupted suite loses
/// nothing but the run it was in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line: a report that has no runs yet.
    SuiteStarted {
        /// Version of this format.
        format: u32,
        /// The program that writes.
        tool: Tool,
        /// As [`Report::profile`].
        profile: String,
        /// As [`Report::started`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started: Option<String>,
        /// As [`Report::suite`].
        suite: String,
        /// As [`Report::seed`].
        seed: u64,
        /// How many runs will follow.
        #[serde(default)]
        runs: u32,
    },
    /// A run begins.
    RunStarted {
        /// As [`Run::name`].
        name: String,
        /// As [`Run::seed`].
        seed: u64,
    },
    /// A run ended.
    RunFinished(Box<Run>),
    /// The last line of a suite that was not interrupted.
    SuiteFinished {
        /// How many runs ended in which way.
        summary: Summary,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_of_nothing_but_skips_is_no_success() {
        let mut summary = Summary::default();
        assert_eq!(summary.exit().code(), 4);
        summary.count(Verdict::Skipped);
        assert_eq!(summary.exit().code(), 4);
        summary.count(Verdict::Pass);
        assert_eq!(summary.exit().code(), 0);
        summary.count(Verdict::Inconclusive);
        assert_eq!(summary.exit().code(), 3);
        summary.count(Verdict::Fail);
        assert_eq!(summary.exit().code(), 1);
        assert_eq!(summary.total(), 4);
    }

    #[test]
    fn every_hop_is_either_on_a_way_or_beside_it() {
        let hop = |from: &str, to: &str, letter: Option<&str>| Hop {
            from: from.to_owned(),
            to: to.to_owned(),
            letter: letter.map(str::to_owned),
            ..Hop::default()
        };
        let letter = Letter {
            name: "letter".to_owned(),
            author: "alice".to_owned(),
            origin: "alpha.example".to_owned(),
            destination: "alpha.example".to_owned(),
            recipient: "bob".to_owned(),
            outcome: "delivered".to_owned(),
        };
        for tag in [None, Some("letter")] {
            let run = Run {
                hops: vec![
                    hop("alice", "alpha.example", tag),
                    hop("alpha.example", "alpha.example", tag),
                    hop("bob", "alpha.example", tag),
                    hop("alice", "bob", tag),
                ],
                letters: vec![letter.clone()],
                ..Run::default()
            };
            let on_the_way = letter.hops_between(&run, "alice", "alpha.example").count()
                + letter.hops_between(&run, "alpha.example", "bob").count();
            assert_eq!(on_the_way, 2);
            assert_eq!(run.hops_beside().len(), 2);
        }
    }
}
