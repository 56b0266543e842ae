//! The live stage: the world's hosts on loopback addresses, in real time, external programs among
//! them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dime::platform::{UnixTime, before};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::perform::{Patience, Performance, perform};
use super::staged::Staged;
use super::{Broken, Evidence, Setting};
use crate::actors::adapter::Running;
use crate::actors::{Company, Parts, Party, Player, Staging, company, furnish};
use crate::net::live::LiveNetwork;
use crate::net::tap::Recorder;
use crate::scenario::Case;
use crate::world::{Addressing, Host, HostRole, Principal, World};

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
/// The longest name of a kept file that is recorded with its contents.
const MAX_FOLDER_NAME: usize = 200;

/// Set once the user asked us to stop; no further case starts then.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether the user asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

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

    /// Performs a case.
    pub fn perform(
        mut self,
        case: &Case,
        world: &Arc<World>,
        setting: &Setting,
    ) -> Result<Evidence, Broken> {
        let recorder = Recorder::new(self.network.clock());
        let staging = Staging::of(&case.scenario, world);
        let company = company(world, &setting.cast, &staging, &recorder);
        let outcome = self.runtime.block_on(async {
            open(&mut self.network, world, &company, &recorder)?;
            until_open(&self.network, &company).await?;
            let mut programs = Programs::start(world, setting).await?;
            let clock = self.network.clock();
            let staged = Staged::new(world, &company, &recorder, clock.clone(), PATIENCE);
            let performed = tokio::select! { biased;
                _ = tokio::signal::ctrl_c() => {
                    INTERRUPTED.store(true, Ordering::Relaxed);
                    Err(Broken::Harness("interrupted".into()))
                }
                done = before(
                    &*clock,
                    clock.now() + LONGEST_CASE,
                    perform(&case.scenario, world, &staged),
                ) => done.ok_or_else(|| Broken::Harness(format!(
                    "the case took longer than {} s", LONGEST_CASE.as_secs()
                ))),
            };
            let performance = programs.blame(performed)?;
            programs.end(&recorder).await;
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

/// The external programs of a case.
struct Programs(Vec<Program>);

struct Program {
    host: String,
    principal: Principal,
    running: Running,
    folder: TempDir,
}

impl Programs {
    async fn start(world: &World, setting: &Setting) -> Result<Self, Broken> {
        let parts = Parts::of(world);
        let mut programs = Programs(Vec::new());
        for host in world.hosts.values() {
            let HostRole::MailServer(domain) = &host.role else {
                continue;
            };
            let Player::Adapter(adapter) =
                parts.player(&setting.cast, &Party::Organization(domain))
            else {
                continue;
            };
            let folder = tempfile::Builder::new()
                .prefix("dimespec-")
                .tempdir()
                .map_err(|error| Broken::Harness(error.to_string()))?;
            let running = begin(world, host, domain, adapter, folder.path()).await?;
            programs.0.push(Program {
                host: host.name.clone(),
                principal: host.principal.clone(),
                running,
                folder,
            });
        }
        Ok(programs)
    }

    /// If a program died, that is why the case went as it did.
    fn blame(&mut self, performed: Result<Performance, Broken>) -> Result<Performance, Broken> {
        for program in &mut self.0 {
            if let Err(error) = program.running.check("while it was needed") {
                return Err(Broken::Adapter(error.to_string()));
            }
        }
        performed
    }

    /// Ends all programs and records what they kept.
    async fn end(self, recorder: &Recorder) {
        let alone = self.0.len() == 1;
        for program in self.0 {
            let folder = program.folder.path().to_path_buf();
            for kept in program.running.stop().await {
                let path = kept.path.strip_prefix(&folder).unwrap_or(&kept.path);
                let shown: String = path.display().to_string();
                let shown = shown.chars().take(MAX_FOLDER_NAME).collect::<String>();
                recorder.kept_file(&program.host, &shown, &kept.bytes);
                // File names are kept, too.
                recorder.kept_file(&program.host, "file names", format!("{shown}\n").as_bytes());
            }
            if !alone {
                recorder.missed(
                    program.principal,
                    "two external programs talk to each other unseen",
                );
            }
        }
    }
}

async fn begin(
    world: &World,
    host: &Host,
    domain: &str,
    adapter: &crate::actors::adapter::Adapter,
    folder: &Path,
) -> Result<Running, Broken> {
    let broken = |error: String| Broken::Adapter(error);
    adapter.build().map_err(|error| broken(error.to_string()))?;
    let organization = world
        .organizations
        .get(domain)
        .ok_or_else(|| Broken::Harness(format!("{domain} is not in the world")))?;
    let context = furnish(world, organization, host, folder)
        .map_err(|error| Broken::Harness(error.to_string()))?;
    let started = adapter.start(context, folder).await;
    started.map_err(|error| broken(error.to_string()))
}
