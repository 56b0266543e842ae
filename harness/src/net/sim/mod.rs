//! The simulated network: every host of a world in one thread, on virtual time.
//!
//! Wraps turmoil, which carries segments and datagrams between hosts one millisecond at a time.
//! What turmoil leaves open is decided here: time and timers, task failures, connect timeouts,
//! segmentation, stores that survive a restart. The same seed gives the same bytes at the same
//! virtual times, on every machine and without compiler flags.

mod host;
mod sockets;
mod tasks;
mod timeline;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use dime::platform::{BoxFuture, Clock, Platform, Ports, Tick, UnixTime};

pub use host::MAX_STORES;
pub use sockets::{MAX_SEGMENT, MAX_SOCKETS};
pub use tasks::{MAX_TASKS, TaskFailure};

use host::{HostCore, Shared, SimPlatform};
use tasks::TaskBoard;
use timeline::{SimClock, Timeline};

/// How long one step of the network is.
pub const TICK: Duration = Duration::from_millis(1);
/// How long every segment and datagram is on its way.
pub const LATENCY: Duration = Duration::from_millis(1);
/// Steps without any task polled after which nothing can be in flight: the latency in ticks, one
/// for the hand-over and one for a connection of a host to itself, and one to spare.
pub const QUIET_STEPS: u32 = 4;
/// How many segments one connection, and connections one listener, may have waiting.
pub const TCP_CAPACITY: usize = 4096;
/// How many datagrams a socket may have waiting.
pub const UDP_CAPACITY: usize = 4096;
/// How many hosts one simulation may have: a step costs more than their number's square.
pub const MAX_HOSTS: usize = 100;

/// What a simulation is determined by, besides its hosts.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Every random byte follows from it.
    pub seed: u64,
    /// The wall clock at the start.
    pub start: UnixTime,
    /// The port of each service.
    pub ports: Ports,
}

/// When a run is given up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Virtual time.
    pub time: Duration,
    /// Steps of the network.
    pub steps: u64,
}

impl Default for Limits {
    /// A year of virtual time, ten million steps.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(366 * 24 * 3600),
            steps: 10_000_000,
        }
    }
}

/// Why a simulation ended without the director's answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// A task panicked.
    #[error("task {} of host {} panicked: {}", .0.task, .0.host, .0.message)]
    Panicked(TaskFailure),
    /// The director waits, and nothing can happen any more.
    #[error("nothing can happen any more at {at}, and the director waits; tasks left: {}", .tasks.join(", "))]
    Stalled {
        /// When.
        at: Tick,
        /// Tasks that have not ended, `host/task`.
        tasks: Vec<String>,
    },
    /// The virtual time of [`Limits::time`] is over.
    #[error("limit reached at {0}: virtual time")]
    Time(Tick),
    /// The steps of [`Limits::steps`] are used up.
    #[error("limit reached at {0}: steps")]
    Steps(Tick),
    /// The simulated network itself failed.
    #[error("simulated network failed at {at}: {message}")]
    Network {
        /// When.
        at: Tick,
        /// How.
        message: String,
    },
    /// A host cannot be added or is not there.
    #[error("host {name}: {reason}")]
    Host {
        /// Which.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What a host does when it starts.
type Boot = Box<dyn Fn(Arc<dyn Platform>) -> BoxFuture<'static, ()>>;

/// Wraps the platform of a host, for example to record what passes.
type Decorate = Box<dyn Fn(&str, Arc<dyn Platform>) -> Arc<dyn Platform>>;

/// A simulated network and the hosts on it.
pub struct Simulation {
    settings: Settings,
    plans: BTreeMap<String, Plan>,
    decorate: Decorate,
    timeline: Arc<Timeline>,
    board: Arc<TaskBoard>,
    control: Control,
    running: Option<Running>,
    steps: u64,
}

struct Plan {
    address: IpAddr,
    slot: Option<String>,
    boot: Boot,
}

struct Running {
    sim: turmoil::Sim<'static>,
    hosts: BTreeMap<String, RunningHost>,
}

struct RunningHost {
    core: Arc<HostCore>,
    platform: Arc<dyn Platform>,
    up: bool,
}

impl Simulation {
    /// A network without hosts.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            plans: BTreeMap::new(),
            decorate: Box::new(|_, platform| platform),
            timeline: Timeline::new(settings.start),
            board: Arc::default(),
            control: Control::default(),
            running: None,
            steps: 0,
        }
    }

    /// Adds a host. `boot` runs on it when the simulation starts and after every restart; when
    /// `boot` ends the host stays up, for what it spawned.
    ///
    /// The host's randomness comes from the slot of its place in name order.
    ///
    /// # Errors
    /// [`SimError::Host`] if name or address is taken, the simulation has started, or there are
    /// [`MAX_HOSTS`].
    pub fn host(
        &mut self,
        name: &str,
        address: IpAddr,
        boot: impl Fn(Arc<dyn Platform>) -> BoxFuture<'static, ()> + 'static,
    ) -> Result<(), SimError> {
        self.add(name, address, None, Box::new(boot))
    }

    /// As [`Simulation::host`], with a slot of its own (`organization[0].mail`), so that adding a
    /// host changes no other host's bytes.
    ///
    /// # Errors
    /// As [`Simulation::host`].
    pub fn host_in_slot(
        &mut self,
        name: &str,
        address: IpAddr,
        slot: &str,
        boot: impl Fn(Arc<dyn Platform>) -> BoxFuture<'static, ()> + 'static,
    ) -> Result<(), SimError> {
        self.add(name, address, Some(slot.to_owned()), Box::new(boot))
    }

    /// Has `decorate` wrap the platform of each host, given the host's name.
    pub fn decorate(
        &mut self,
        decorate: impl Fn(&str, Arc<dyn Platform>) -> Arc<dyn Platform> + 'static,
    ) {
        self.decorate = Box::new(decorate);
    }

    /// The clock all hosts share.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SimClock(self.timeline.clone()))
    }

    /// The lever for faults. The director may hold it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// How many steps the network has made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The platform of a host, decorated; starts the simulation if it has not begun. From outside
    /// of the host only its clock, entropy, stores and [`Platform::spawn`] work.
    ///
    /// # Errors
    /// [`SimError::Host`] if there is no such host.
    pub fn platform(&mut self, name: &str) -> Result<Arc<dyn Platform>, SimError> {
        let hosts = &self.start().hosts;
        let host = hosts.get(name).ok_or_else(|| no_such_host(name))?;
        Ok(host.platform.clone())
    }

    /// Runs the network until `director`, which is no host, is done.
    ///
    /// # Errors
    /// [`SimError`] if a task panics, nothing can happen any more, or a limit is reached.
    pub fn run<T>(
        &mut self,
        director: impl Future<Output = T>,
        limits: Limits,
    ) -> Result<T, SimError> {
        self.start();
        let mut director = pin!(director);
        let mut context = Context::from_waker(Waker::noop());
        let clock = self.clock();
        let end = clock.now() + limits.time;
        let last_step = self.steps.saturating_add(limits.steps);
        let mut quiet = 0;
        loop {
            if let Poll::Ready(answer) = director.as_mut().poll(&mut context) {
                return Ok(answer);
            }
            let before = self.board.polls();
            let disturbed = self.obey()?;
            self.step()?;
            if let Some(failure) = self.board.failure() {
                return Err(SimError::Panicked(failure));
            }
            let idle = !disturbed && self.board.polls() == before;
            quiet = if idle { quiet + 1 } else { 0 };
            let mut next = clock.now() + TICK;
            if quiet >= QUIET_STEPS {
                next = self.warp(next)?;
                quiet = 0;
            }
            self.timeline.advance(next.min(end));
            if next >= end {
                return Err(SimError::Time(end));
            }
            if self.steps >= last_step {
                return Err(SimError::Steps(next));
            }
        }
    }

    /// The time to go on at when nothing is in flight: the earliest deadline.
    fn warp(&self, next: Tick) -> Result<Tick, SimError> {
        match self.timeline.earliest() {
            Some(deadline) => Ok(deadline.max(next)),
            None => Err(SimError::Stalled {
                at: next,
                tasks: self.board.living(),
            }),
        }
    }

    fn step(&mut self) -> Result<(), SimError> {
        self.steps += 1;
        let at = self.clock().now();
        let failed = |message: String| SimError::Network { at, message };
        let sim = &mut self.start().sim;
        match catch_unwind(AssertUnwindSafe(|| sim.step())) {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(panic) => Err(failed(tasks::panic_text(&*panic))),
        }
    }

    fn add(
        &mut self,
        name: &str,
        address: IpAddr,
        slot: Option<String>,
        boot: Boot,
    ) -> Result<(), SimError> {
        let refuse = |reason| {
            Err(SimError::Host {
                name: name.to_owned(),
                reason,
            })
        };
        if self.running.is_some() {
            return refuse("simulation has started already");
        }
        if self.plans.contains_key(name) {
            return refuse("name is taken");
        }
        if self.plans.values().any(|plan| plan.address == address) {
            return refuse("address is taken");
        }
        if !address.is_ipv4() {
            return refuse("address is not IPv4");
        }
        if self.plans.len() >= MAX_HOSTS {
            return refuse("limit reached: hosts");
        }
        let plan = Plan {
            address,
            slot,
            boot,
        };
        self.plans.insert(name.to_owned(), plan);
        Ok(())
    }

    fn start(&mut self) -> &mut Running {
        if self.running.is_none() {
            let running = self.build();
            self.running = Some(running);
        }
        self.running.as_mut().expect("was set just above")
    }

    fn build(&mut self) -> Running {
        let mut sim = turmoil::Builder::new()
            // turmoil draws nothing that reaches a host: latency is fixed and nothing is lost.
            .rng_seed(0)
            .epoch(UNIX_EPOCH)
            .simulation_duration(Duration::MAX)
            .tick_duration(TICK)
            .min_message_latency(LATENCY)
            .max_message_latency(LATENCY)
            .tcp_capacity(TCP_CAPACITY)
            .udp_capacity(UDP_CAPACITY)
            .build();
        let shared = Arc::new(Shared {
            seed: self.settings.seed,
            ports: self.settings.ports,
            timeline: self.timeline.clone(),
            board: self.board.clone(),
            addresses: self.plans.values().map(|plan| plan.address).collect(),
            cuts: self.control.cuts.clone(),
        });
        let mut hosts = BTreeMap::new();
        for (position, (name, plan)) in std::mem::take(&mut self.plans).into_iter().enumerate() {
            let slot = plan.slot.unwrap_or_else(|| position.to_string());
            let core = HostCore::new(&name, plan.address, slot, shared.clone());
            let platform = (self.decorate)(&name, Arc::new(SimPlatform(core.clone())));
            let (boot, booted, life) = (plan.boot, platform.clone(), core.clone());
            sim.host(plan.address, move || {
                booted.spawn("boot", boot(booted.clone()));
                let life = life.clone();
                async move {
                    life.spawner().run().await;
                    Ok(())
                }
            });
            let up = true;
            let host = RunningHost { core, platform, up };
            hosts.insert(name, host);
        }
        Running { sim, hosts }
    }

    /// Carries out what was ordered through the [`Control`]; true if there was anything.
    fn obey(&mut self) -> Result<bool, SimError> {
        let orders = std::mem::take(&mut *self.control.lock());
        let any = !orders.is_empty();
        for order in orders {
            self.carry_out(order)?;
        }
        Ok(any)
    }

    fn carry_out(&mut self, order: Order) -> Result<(), SimError> {
        let cuts = self.control.cuts.clone();
        let mut cuts = cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let Running { sim, hosts } = self.start();
        let address = |name: &str| {
            let host = hosts.get(name).ok_or_else(|| no_such_host(name))?;
            Ok::<IpAddr, SimError>(host.core.address())
        };
        match &order {
            Order::Crash(name) | Order::Restart(name) => {
                let host = hosts.get_mut(name).ok_or_else(|| no_such_host(name))?;
                let restart = matches!(order, Order::Restart(_));
                if host.up {
                    sim.crash(host.core.address());
                    host.core.spawner().clear();
                    host.up = false;
                }
                if restart {
                    sim.bounce(host.core.address());
                    host.up = true;
                }
            }
            Order::Link(a, b, change) => {
                let (a, b) = (address(a)?, address(b)?);
                let pair = (a.min(b), a.max(b));
                match change {
                    Change::Partition => {
                        cuts.insert(pair);
                        sim.partition(a, b);
                    }
                    Change::Repair => {
                        cuts.remove(&pair);
                        sim.repair(a, b);
                    }
                    Change::Hold => sim.hold(a, b),
                    Change::Release => sim.release(a, b),
                }
            }
        }
        Ok(())
    }
}

fn no_such_host(name: &str) -> SimError {
    SimError::Host {
        name: name.to_owned(),
        reason: "there is no such host",
    }
}

/// Orders faults; they take effect before the next step.
#[derive(Clone, Default)]
pub struct Control {
    orders: Arc<Mutex<VecDeque<Order>>>,
    cuts: Arc<Mutex<BTreeSet<(IpAddr, IpAddr)>>>,
}

enum Order {
    Crash(String),
    Restart(String),
    Link(String, String, Change),
}

enum Change {
    Partition,
    Repair,
    Hold,
    Release,
}

impl Control {
    /// Ends everything that runs on `host`; its stores stay.
    pub fn crash(&self, host: &str) {
        self.order(Order::Crash(host.to_owned()));
    }

    /// Starts `host` anew, crashing it first if it runs.
    pub fn restart(&self, host: &str) {
        self.order(Order::Restart(host.to_owned()));
    }

    /// Drops everything between two hosts. Connections do not survive it.
    pub fn partition(&self, a: &str, b: &str) {
        self.link(a, b, Change::Partition);
    }

    /// Ends a partition.
    pub fn repair(&self, a: &str, b: &str) {
        self.link(a, b, Change::Repair);
    }

    /// Keeps everything between two hosts back, losing nothing.
    pub fn hold(&self, a: &str, b: &str) {
        self.link(a, b, Change::Hold);
    }

    /// Delivers what was held and ends the hold.
    pub fn release(&self, a: &str, b: &str) {
        self.link(a, b, Change::Release);
    }

    fn link(&self, a: &str, b: &str, change: Change) {
        self.order(Order::Link(a.to_owned(), b.to_owned(), change));
    }

    fn order(&self, order: Order) {
        self.lock().push_back(order);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
