//! The live stage: the world's hosts on loopback addresses, in real time, external programs among
//! them.

use std::sync::Arc;
use std::time::Duration;

use dime::platform::{UnixTime, before};
use tokio::runtime::Runtime;

use super::interruption::{heed_signals, interruption};
use super::perform::{Patience, Performance, perform};
use super::programs::{Folders, Programs};
use super::staged::Staged;
use super::{Broken, Evidence, Setting};
use crate::actors::{Company, Parts, Staging, company};
use crate::net::live::LiveNetwork;
use crate::net::tap::Recorder;
use crate::scenario::Case;
use crate::world::{Addressing, HostRole, World};

/// Clients look for mail twenty times a second and wait half a minute.
const PATIENCE: Patience = Patience {
    pause: Duration::from_millis(50),
    limit: Duration::from_secs(30),
};
/// The longest a case may take, whatever its programs do.
const LONGEST_CASE: Duration = Duration::from_secs(180);
/// How long our own servers may take to listen.
const LONGEST_OPENING: Duration = Duration::from_secs(10);
/// Pause between two looks whether they do.
const OPENING_PAUSE: Duration = Duration::from_millis(2);

/// A block of loopback addresses with nobody on it yet.
pub struct LiveStage {
    runtime: Runtime,
    network: LiveNetwork,
}

impl LiveStage {
    /// Claims a block of addresses.
    pub fn claim(seed: u64) -> Result<Self, Broken> {
        let failed = |error: String| Broken::Harness(error);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let network =
            LiveNetwork::claim(seed, 0, None).map_err(|error| failed(error.to_string()))?;
        Ok(Self { runtime, network })
    }

    /// Where the world's hosts will be.
    pub fn addressing(&self) -> Addressing {
        self.network.addressing()
    }

    /// The wall clock, around which the world is dated.
    pub fn now(&self) -> UnixTime {
        self.network.clock().wall()
    }

    /// Performs a case. The folders its programs worked in go to `folders`.
    pub fn perform(
        mut self,
        case: &Case,
        world: &Arc<World>,
        setting: &Setting,
        folders: &mut Folders,
    ) -> Result<Evidence, Broken> {
        let recorder = Recorder::new(self.network.clock());
        let staging = Staging::of(&case.scenario, world);
        let parts = Parts::of(&case.scenario, world);
        let company = company(world, &setting.cast, &parts, &staging, &recorder);
        heed_signals();
        let outcome = self.runtime.block_on(async {
            open(&mut self.network, world, &company, &recorder)?;
            until_open(&self.network, &company).await?;
            let mut programs = tokio::select! { biased;
                () = interruption() => Err(Broken::Interrupted),
                started = Programs::start(world, &setting.cast, &parts, folders) => started,
            }?;
            let clock = self.network.clock();
            let staged = Staged::new(world, &company, &recorder, clock.clone(), PATIENCE);
            let performed = tokio::select! { biased;
                () = interruption() => Err(Broken::Interrupted),
                broken = programs.failure() => Err(broken),
                done = before(
                    &*clock,
                    clock.now() + LONGEST_CASE,
                    perform(&case.scenario, world, &staged),
                ) => Ok(done),
            };
            let performance: Performance = match performed? {
                Some(performance) => performance,
                None => return Err(programs.too_slow(LONGEST_CASE.as_secs())),
            };
            // One that died just now is why the case went as it did.
            programs.check()?;
            programs.end(world, &recorder, folders).await;
            Ok(performance)
        });
        if let Some(failure) = self.network.failure() {
            return Err(Broken::Harness(failure));
        }
        let performance = outcome?;
        self.network.stop();
        Ok(Evidence {
            performance,
            trace: recorder.finish(world),
        })
    }
}

/// Starts everything that runs in-process.
fn open(
    network: &mut LiveNetwork,
    world: &World,
    company: &Company,
    recorder: &Arc<Recorder>,
) -> Result<(), Broken> {
    let mut started = Vec::new();
    for (name, (address, boot)) in &company.boots {
        let platform = network
            .host(name, *address, name)
            .map_err(|error| Broken::Harness(error.to_string()))?;
        started.push((recorder.tap(name, platform), boot));
    }
    // Name servers first: others ask them as soon as they start.
    let serves = |name: &str| {
        let role = world.hosts.get(name).map(|host| &host.role);
        matches!(role, Some(HostRole::NameServer(_) | HostRole::Resolver))
    };
    let order = company.boots.keys().zip(started);
    let (first, then): (Vec<_>, Vec<_>) = order.partition(|(name, _)| serves(name));
    for (_, (platform, boot)) in first.into_iter().chain(then) {
        platform.spawn("boot", boot(platform.clone()));
    }
    Ok(())
}

/// Waits until every mail server in-process listens.
async fn until_open(network: &LiveNetwork, company: &Company) -> Result<(), Broken> {
    let clock = network.clock();
    let deadline = clock.now() + LONGEST_OPENING;
    while !company.is_open() {
        if let Some(failure) = network.failure() {
            return Err(Broken::Harness(failure));
        }
        if clock.now() >= deadline {
            return Err(Broken::Harness(
                "a mail server of ours does not listen".into(),
            ));
        }
        clock.sleep_until(clock.now() + OPENING_PAUSE).await;
    }
    Ok(())
}
