//! The tasks of simulated hosts: scoped, counted, named, and never panicking unseen.

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use dime::platform::scope::{HostScope, Scoped};
use dime::platform::{BoxFuture, Task};
use futures_util::future::{AbortHandle, Abortable};

/// How many tasks may run at a time in one simulation.
pub const MAX_TASKS: usize = 10_000;

/// What the driver must know of all tasks of a simulation.
#[derive(Default)]
pub(super) struct TaskBoard {
    polls: AtomicU64,
    state: Mutex<BoardState>,
}

#[derive(Default)]
struct BoardState {
    living: BTreeMap<(Arc<str>, &'static str), usize>,
    failure: Option<TaskFailure>,
}

/// A task that panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// Host it ran on.
    pub host: String,
    /// Its name.
    pub task: String,
    /// What it said.
    pub message: String,
}

impl TaskBoard {
    /// How often any task was polled.
    pub(super) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The first task that panicked.
    pub(super) fn failure(&self) -> Option<TaskFailure> {
        self.lock().failure.clone()
    }

    fn fail(&self, host: &str, task: &str, message: String) {
        let failure = TaskFailure {
            host: host.to_owned(),
            task: task.to_owned(),
            message,
        };
        self.lock().failure.get_or_insert(failure);
    }

    /// The tasks that have not ended, as `host/task`, each once.
    pub(super) fn living(&self) -> Vec<String> {
        let state = self.lock();
        state
            .living
            .keys()
            .map(|(host, task)| format!("{host}/{task}"))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where tasks wait until their host takes them up. Any thread of control may add one: the director
/// too, which runs outside of every host.
pub(super) struct Spawner {
    host: Arc<str>,
    board: Arc<TaskBoard>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    tasks: Vec<Abortable<HostTask>>,
    host: Option<Waker>,
}

impl Spawner {
    pub(super) fn new(host: Arc<str>, board: Arc<TaskBoard>) -> Self {
        Self {
            host,
            board,
            waiting: Mutex::default(),
        }
    }

    /// Adds a task.
    pub(super) fn spawn(
        &self,
        scope: &Arc<HostScope>,
        name: &'static str,
        task: BoxFuture<'static, ()>,
    ) -> Task {
        let (abort, registration) = AbortHandle::new_pair();
        if self.board.lock().living.values().sum::<usize>() >= MAX_TASKS {
            self.board
                .fail(&self.host, name, "too many tasks".to_owned());
            return Task::new(|| ());
        }
        let task = HostTask::new(self, scope, name, task);
        let mut waiting = self.lock();
        waiting.tasks.push(Abortable::new(task, registration));
        let host = waiting.host.take();
        drop(waiting);
        if let Some(host) = host {
            host.wake();
        }
        Task::new(move || abort.abort())
    }

    /// Forgets the tasks that were not taken up: the host has crashed.
    pub(super) fn clear(&self) {
        let dropped = std::mem::take(&mut self.lock().tasks);
        drop(dropped);
    }

    /// The life of a host: takes tasks up, and never ends.
    pub(super) async fn run(&self) {
        std::future::poll_fn(|context| {
            let tasks = {
                let mut waiting = self.lock();
                waiting.host = Some(context.waker().clone());
                std::mem::take(&mut waiting.tasks)
            };
            for task in tasks {
                // Here is where `Platform::spawn` leads.
                #[allow(clippy::disallowed_methods)]
                tokio::spawn(task);
            }
            Poll::<()>::Pending
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task inside its host's scope; a panic in it goes to the board.
struct HostTask {
    host: Arc<str>,
    name: &'static str,
    board: Arc<TaskBoard>,
    task: Scoped,
}

impl HostTask {
    fn new(
        spawner: &Spawner,
        scope: &Arc<HostScope>,
        name: &'static str,
        task: BoxFuture<'static, ()>,
    ) -> Self {
        let host = spawner.host.clone();
        let board = spawner.board.clone();
        *board.lock().living.entry((host.clone(), name)).or_insert(0) += 1;
        Self {
            host,
            name,
            board,
            task: Scoped::new(scope.clone(), task),
        }
    }
}

impl Future for HostTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.board.polls.fetch_add(1, Ordering::Relaxed);
        let task = Pin::new(&mut self.task);
        match catch_unwind(AssertUnwindSafe(|| task.poll(context))) {
            Ok(poll) => poll,
            Err(panic) => {
                self.board.fail(&self.host, self.name, panic_text(&*panic));
                Poll::Ready(())
            }
        }
    }
}

impl Drop for HostTask {
    fn drop(&mut self) {
        let key = (self.host.clone(), self.name);
        let mut state = self.board.lock();
        if let Some(count) = state.living.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.living.remove(&key);
            }
        }
    }
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".to_owned())
}
