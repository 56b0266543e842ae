//! One case from scenario to verdict: perform it on a stage, judge the evidence, report.

use dimespec_report::model::{self, Run, Verdict};

use crate::actors::quoted;
use crate::outcome;
use crate::run::{self, Folders, INTERRUPTED, Setting, StageKind, Unstaged, interrupted};
use crate::scenario::{Entry, ProfileWord};

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
        Ok(case) => case.with_profile(setting.profile),
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
    if let Some(reason) = run::skip_reason(&case, setting) {
        return skipped(base, reason);
    }
    if interrupted() {
        return skipped(base, INTERRUPTED.to_owned());
    }
    let mut folders = Folders::default();
    let mut run = match run::stage(&case, setting, &mut folders) {
        Ok((world, evidence)) => outcome::judge(base, &case, &world, &evidence),
        Err(Unstaged::World(error)) => outcome::broken_scenario(base, &error),
        Err(Unstaged::Stage(broken)) => outcome::broken_stage(base, broken),
    };
    folders.settle(&mut run);
    run
}

fn skipped(base: Run, reason: String) -> Run {
    Run {
        verdict: Verdict::Skipped,
        reasons: vec![reason],
        ..base
    }
}

fn replay(name: &str, setting: &Setting) -> String {
    let live = match setting.stage {
        StageKind::Sim => "",
        StageKind::Live => " --live",
    };
    let cast = setting.cast.options();
    let profile = match setting.profile {
        profile if profile == ProfileWord::default() => String::new(),
        profile => format!(" --profile {}", profile.name()),
    };
    let folder = setting.scenarios.as_ref().map_or(String::new(), |folder| {
        format!(" --scenarios {}", quoted(&folder.display().to_string()))
    });
    format!(
        "dimespec run --exact '{name}' --seed {}{live}{profile}{cast}{folder}",
        setting.seed
    )
}
