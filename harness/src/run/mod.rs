//! One case from scenario to verdict: build the world, set it up on a stage, perform the steps,
//! judge the evidence, report.

pub mod dialog;
mod expect;
mod live;
mod outcome;
pub mod perform;
#[cfg(feature = "sim")]
mod sim;
mod staged;
pub mod transcript;

use std::sync::Arc;

use dime::platform::UnixTime;
use dimespec_report::model::{self, Run, Verdict};

use crate::actors::Cast;
use crate::ledger::Trace;
use crate::scenario::{Case, Entry};
use crate::world::World;
use perform::Performance;

/// With what a case runs.
#[derive(Clone, Default)]
pub struct Setting {
    /// The number everything random is drawn from.
    pub seed: u64,
    /// Who plays which actor.
    pub cast: Cast,
    /// What it runs on.
    pub stage: StageKind,
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
    Adapter(String),
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
        requirements: case.scenario.requirements.iter().map(|id| id.value.clone()).collect(),
        ..base
    };
    if let Some(reason) = skip_reason(&case, setting) {
        return Run {
            verdict: Verdict::Skipped,
            reasons: vec![reason],
            ..base
        };
    }
    let world = match build(&case, setting) {
        Ok(world) => Arc::new(world),
        Err(error) => return outcome::broken_scenario(base, &error),
    };
    let evidence = match setting.stage {
        #[cfg(feature = "sim")]
        StageKind::Sim => sim::stage(&case, &world, setting),
        #[cfg(not(feature = "sim"))]
        StageKind::Sim => Err(Broken::Harness("this build has no simulation".into())),
        StageKind::Live => live::stage(&case, &world, setting),
    };
    match evidence {
        Ok(evidence) => outcome::judge(base, &case, &world, &evidence, setting),
        Err(broken) => outcome::broken_stage(base, broken),
    }
}
