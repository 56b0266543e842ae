//! The door into a host: how the director has something done on it.
//!
//! A host's tasks run when its stage polls them, inside its scope. The director runs outside of any
//! host, so it hands a host its work through a channel and awaits the answer through another.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use dime::platform::{BoxFuture, Platform};
use tokio::sync::{mpsc, oneshot};

type Job<S> = Box<dyn FnOnce(Arc<S>) -> BoxFuture<'static, ()> + Send>;

/// The director's side: runs work on a host that keeps state `S` (its agent).
pub struct Door<S> {
    jobs: mpsc::UnboundedSender<Job<S>>,
}

/// The host's side of a [`Door`].
pub struct Jobs<S>(Mutex<Option<mpsc::UnboundedReceiver<Job<S>>>>);

/// The host ended before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host ended before it answered")]
pub struct HostGone;

impl<S: Send + Sync + 'static> Door<S> {
    /// A door and the host's side of it.
    pub fn new() -> (Self, Jobs<S>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { jobs: sender }, Jobs(Mutex::new(Some(receiver))))
    }

    /// Runs `work` on the host and returns what it gave.
    ///
    /// # Errors
    /// [`HostGone`] if the host ended first.
    pub async fn run<T, W, F>(&self, work: W) -> Result<T, HostGone>
    where
        T: Send + 'static,
        W: FnOnce(Arc<S>) -> F + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job<S> = Box::new(move |state| {
            Box::pin(async move {
                // The director may have stopped waiting; then nobody wants the answer.
                let _ = answer.send(work(state).await);
            })
        });
        self.jobs.send(job).map_err(|_| HostGone)?;
        answered.await.map_err(|_| HostGone)
    }
}

impl<S: Send + Sync + 'static> Jobs<S> {
    /// Serves the door on its host until the director drops its side. A host that starts a second
    /// time finds nothing to serve and ends.
    pub async fn serve(&self, platform: Arc<dyn Platform>, state: Arc<S>) {
        let receiver = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut receiver) = receiver else {
            return;
        };
        while let Some(job) = receiver.recv().await {
            platform.spawn("job", job(state.clone()));
        }
    }
}
