//! Running a case: build its world, set it up on a stage, perform its steps, and bring back the
//! evidence. Judging is left to those on the right.

pub mod dialog;
mod interruption;
mod live;
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
use dime_wire::message::Actor;

use crate::actors::Cast;
use crate::actors::adapter::{Capability, Manifest};
use crate::ledger::Trace;
use crate::scenario::steps::Step;
use crate::scenario::{Case, Entry, ProfileWord, Scenario};
use crate::world::{Addressing, World};
pub use interruption::interrupted;
use live::LiveStage;
use perform::Performance;
pub use programs::Folders;

/// With what a case runs.
#[derive(Clone)]
pub struct Setting {
    /// The number everything random is drawn from.
    pub seed: u64,
    /// Who plays which actor.
    pub cast: Cast,
    /// What it runs on.
    pub stage: StageKind,
    /// Which bytes our own side emits in scenarios that do not say it.
    pub profile: ProfileWord,
    /// The folder the scenarios come from, if they are not built in.
    pub scenarios: Option<PathBuf>,
}

impl Default for Setting {
    /// Seed 1, the reference in all places, the simulation, libdime's bytes.
    fn default() -> Self {
        Self {
            seed: 1,
            cast: Cast::default(),
            stage: StageKind::default(),
            profile: ProfileWord::default(),
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

/// Why a case ended early, or did not begin.
pub const INTERRUPTED: &str = "interrupted";

/// Why a case has no evidence.
pub enum Unstaged {
    /// Its world cannot be built.
    World(String),
    /// Its stage broke.
    Stage(Broken),
}

/// Performs a case on a stage of its own: its world and what was observed of it.
///
/// # Errors
/// [`Unstaged`] names the guilty party.
pub fn stage(
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

/// Whether a case cannot run in this setting. Reads the whole file only where that may be so.
pub fn is_skipped(entry: &Entry, setting: &Setting) -> bool {
    let may_be = setting.stage == StageKind::Live || setting.cast.guests().next().is_some();
    let case = || entry.case().ok();
    may_be && case().is_some_and(|case| skip_reason(&case, setting).is_some())
}

/// Why a case cannot run in this setting; decided before anything starts.
pub fn skip_reason(case: &Case, setting: &Setting) -> Option<String> {
    let mut guests = setting.cast.guests();
    if let Some((actor, player)) = guests.find(|(actor, _)| !has_part(&case.scenario, *actor)) {
        let name = player.name();
        return Some(format!("{name} plays the {actor}, who has no part here"));
    }
    if setting.stage == StageKind::Sim {
        let adapter = setting.cast.adapters().next();
        return adapter.map(|(_, adapter)| {
            let name = &adapter.manifest.adapter;
            format!("{name} is an external program; it needs --live")
        });
    }
    let mut steps = case.scenario.steps.iter();
    steps.find_map(|step| {
        if matches!(step.value, Step::Advance(_)) {
            return Some("advance needs virtual time".to_owned());
        }
        let mut adapters = setting.cast.adapters();
        adapters.find_map(|(_, adapter)| lacks(&adapter.manifest, &step.value))
    })
}

/// Whether an actor has a part in a scenario: in one without letters and look-ups, only the
/// destination has, who is spoken to.
fn has_part(scenario: &Scenario, actor: Actor) -> bool {
    let involves_all = |step: &Step| {
        let letter = matches!(step, Step::Send(_) | Step::Reply(_) | Step::Inject(_));
        letter || matches!(step, Step::Resolve(_))
    };
    actor == Actor::Destination || scenario.steps.iter().any(|step| involves_all(&step.value))
}

/// What an external program lacks for a step, in words.
fn lacks(program: &Manifest, step: &Step) -> Option<String> {
    let name = &program.adapter;
    let needed: &[Capability] = match step {
        Step::Send(_) | Step::Reply(_) | Step::Inject(_) => {
            &[Capability::Dmtp, Capability::Dmap, Capability::SignetLookup]
        }
        Step::Resolve(_) => &[Capability::Dmtp, Capability::SignetLookup],
        Step::Dmtp(_) => &[Capability::Dmtp],
        Step::Serve(_) | Step::Corrupt(_) => {
            return Some(format!(
                "{name} is an external program and cannot be made to serve or damage something"
            ));
        }
        Step::Await(_) | Step::Advance(_) => &[],
    };
    let mut missing = needed
        .iter()
        .filter(|one| !program.capabilities.contains(one));
    missing
        .next()
        .map(|one| format!("{name} does not have the capability {}", one.word()))
}
