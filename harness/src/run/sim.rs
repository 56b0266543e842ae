//! The simulated stage: the world's hosts on a simulated internet, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use super::perform::{Patience, perform};
use super::staged::Staged;
use super::{Broken, Evidence, Setting};
use crate::actors::{Parts, Staging, company};
use crate::net::sim::{Limits, Settings, Simulation};
use crate::net::tap::Recorder;
use crate::scenario::Case;
use crate::world::World;

/// Clients look for mail once a virtual second and wait two virtual hours.
const PATIENCE: Patience = Patience {
    pause: Duration::from_secs(1),
    limit: Duration::from_secs(2 * 3600),
};

/// Performs a case in the simulation.
pub fn stage(case: &Case, world: &Arc<World>, setting: &Setting) -> Result<Evidence, Broken> {
    let mut simulation = Simulation::new(Settings {
        seed: setting.seed,
        start: world.now,
        ports: world.ports,
    });
    let recorder = Recorder::new(simulation.clock());
    let tap = recorder.clone();
    simulation.decorate(move |host, platform| tap.tap(host, platform));
    let staging = Staging::of(&case.scenario, world);
    let parts = Parts::of(&case.scenario, world);
    let company = company(world, &setting.cast, &parts, &staging, &recorder);
    for (host, (address, boot)) in &company.boots {
        let boot = boot.clone();
        simulation
            .host(host, *address, move |platform| boot(platform))
            .map_err(|error| Broken::Harness(error.to_string()))?;
    }
    let staged = Staged::new(world, &company, &recorder, simulation.clock(), PATIENCE);
    let director = perform(&case.scenario, world, &staged);
    let performance = simulation
        .run(director, Limits::default())
        .map_err(|error| Broken::Harness(error.to_string()))?;
    Ok(Evidence {
        performance,
        trace: recorder.finish(world),
    })
}
