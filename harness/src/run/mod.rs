//! One case from scenario to verdict: build the world, set it up on a stage, perform the steps,
//! judge the evidence, report.

pub mod dialog;
mod expect;
mod hops;
mod interruption;
mod live;
mod outcome;
pub mod perform;
mod programs;
#[cfg(feature = "sim")]
mod sim;
mod staged;
pub mod transcript;

use std::path::PathBuf;
use std::sync::Arc;

#[cfg(feature = "sim")]
use dime::platform::UnixTime;
use dimespec_report::model::{self, Run, Verdict};

use crate::actors::{Cast, quoted};
use crate::ledger::Trace;
use crate::scenario::steps::Step;
use crate::scenario::{Case, Entry};
use crate::world::{Addressing, World};
pub use interruption::interrupted;
use live::LiveStage;
use perform::Performance;
use programs::Folders;

/// With what a case runs.
#[derive(Clone)]
pub struct Setting {
    /// The number everything random is drawn from.
    pub seed: u64,
    /// Who plays which actor.
    pub cast: Cast,
    /// What it runs on.
    pub stage: StageKind,
    /// The folder the scenarios come from, if they are not built in.
    pub scenarios: Option<PathBuf>,
}

impl Default for Setting {
    /// Seed 1, the reference in all places, the simulation.
    fn default() -> Self {
        Self {
            seed: 1,
            cast: Cast::default(),
            stage: StageKind::default(),
            scenarios: None,
        }
    }
}

/// What a case runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StageKind {
    /// The simulated internet, in virtual time.
    #[default]
    Sim,
    /// Loopback sockets, in real time.
    Live,
}

/// What a stage leaves behind.
pub struct Evidence {
    /// What came of the steps.
    pub performance: Performance,
    /// What everybody saw.
    pub trace: Trace,
}

/// Why a stage has no evidence.
#[derive(Debug)]
pub enum Broken {
    /// An external program or its adapter failed.
    Program {
        /// Who: an actor (`destination beta.example`) or an adapter.
        culprit: String,
        /// What it did.
        message: String,
    },
    /// The user wished to stop.
    Interrupted,
    /// We failed.
    Harness(String),
}

/// Runs one case and reports it. Never fails: whatever goes wrong is a verdict with its culprit.
pub fn run(entry: &Entry, setting: &Setting) -> Run {
    let base = Run {
        name: entry.name(),
        seed: setting.seed,
        stage: match setting.stage {
            StageKind::Sim => model::Stage::Sim,
            StageKind::Live => model::Stage::Live,
        },
        cast: setting.cast.names(),
        replay: replay(&entry.name(), setting),
        ..Run::default()
    };
    let case = match entry.case() {
        Ok(case) => case,
        Err(problems) => return outcome::broken_scenario(base, &problems.to_string()),
    };
    let base = Run {
        title: case.scenario.title.clone(),
        requirements: case
            .scenario
            .requirements
            .iter()
            .map(|id| id.value.clone())
            .collect(),
        ..base
    };
    if let Some(reason) = skip_reason(&case, setting) {
        return skipped(base, reason);
    }
    if interrupted() {
        return skipped(base, INTERRUPTED.to_owned());
    }
    let mut folders = Folders::default();
    let mut run = match staged(&case, setting, &mut folders) {
        Ok((world, evidence)) => outcome::judge(base, &case, &world, &evidence),
        Err(Unstaged::World(error)) => outcome::broken_scenario(base, &error),
        Err(Unstaged::Stage(broken)) => outcome::broken_stage(base, broken),
    };
    folders.settle(&mut run);
    run
}

/// Why a case ended early, or did not begin.
const INTERRUPTED: &str = "interrupted";

fn skipped(base: Run, reason: String) -> Run {
    Run {
        verdict: Verdict::Skipped,
        reasons: vec![reason],
        ..base
    }
}

/// Why a case has no evidence.
enum Unstaged {
    World(String),
    Stage(Broken),
}

fn staged(
    case: &Case,
    setting: &Setting,
    folders: &mut Folders,
) -> Result<(Arc<World>, Evidence), Unstaged> {
    let scenario = &case.scenario;
    let build = |now, addressing: &Addressing| {
        World::build(scenario, setting.seed, now, addressing)
            .map(Arc::new)
            .map_err(|error| Unstaged::World(described(&error)))
    };
    match setting.stage {
        #[cfg(feature = "sim")]
        StageKind::Sim => {
            let day = scenario.world.clock.as_ref();
            let now = day.map_or(FIRST_DAY, |day| UnixTime(day.value.0));
            let world = build(now, &Addressing::simulated())?;
            let evidence = sim::stage(case, &world, setting).map_err(Unstaged::Stage)?;
            Ok((world, evidence))
        }
        #[cfg(not(feature = "sim"))]
        StageKind::Sim => Err(Unstaged::Stage(Broken::Harness(
            "this build has no simulation".into(),
        ))),
        StageKind::Live => {
            let stage = LiveStage::claim(setting.seed).map_err(Unstaged::Stage)?;
            let world = build(stage.now(), &stage.addressing())?;
            let evidence = stage.perform(case, &world, setting, folders);
            Ok((world, evidence.map_err(Unstaged::Stage)?))
        }
    }
}

/// The day on which the simulation's clock starts unless the scenario says otherwise.
#[cfg(feature = "sim")]
const FIRST_DAY: UnixTime = UnixTime(1_795_219_200);

/// An error and what caused it, in one line.
fn described(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn replay(name: &str, setting: &Setting) -> String {
    let live = match setting.stage {
        StageKind::Sim => "",
        StageKind::Live => " --live",
    };
    let cast = setting.cast.options();
    let folder = setting.scenarios.as_ref().map_or(String::new(), |folder| {
        format!(" --scenarios {}", quoted(&folder.display().to_string()))
    });
    format!(
        "dimespec run --exact '{name}' --seed {}{live}{cast}{folder}",
        setting.seed
    )
}

/// Whether a case cannot run in this setting. Reads the whole file only where that may be so.
pub fn is_skipped(entry: &Entry, setting: &Setting) -> bool {
    let may_be = setting.stage == StageKind::Live || setting.cast.adapters().next().is_some();
    let case = || entry.case().ok();
    may_be && case().is_some_and(|case| skip_reason(&case, setting).is_some())
}

/// Why a case cannot run in this setting; decided before anything starts.
pub fn skip_reason(case: &Case, setting: &Setting) -> Option<String> {
    if setting.stage == StageKind::Sim {
        let adapter = setting.cast.adapters().next();
        return adapter.map(|(_, adapter)| {
            let name = &adapter.manifest.adapter;
            format!("{name} is an external program; it needs --live")
        });
    }
    let external = setting.cast.adapters().next().is_some();
    case.scenario
        .steps
        .iter()
        .find_map(|step| match &step.value {
            Step::Advance(_) => Some("advance needs virtual time".to_owned()),
            Step::Serve(_) | Step::Corrupt(_) if external => {
                Some("an external program cannot be made to serve or damage something".to_owned())
            }
            _ => None,
        })
}
