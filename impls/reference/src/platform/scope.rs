//! The host scope: the only ambient value of the program.
//!
//! Two libraries below us take their clock and randomness through traits without a `self` that
//! could carry them: rustls (key exchange, `SecureRandom`, both `&'static`) and hickory
//! (`Time::current_time`). A platform therefore wraps every task of a host in [`Scoped`], which
//! sets a thread-local for the length of each poll. Platforms set it; only the TLS provider and the
//! hickory runtime read it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rand_core::CryptoRng;

use super::{BoxFuture, Clock};

/// What the static traits below us may read of the host that is being polled.
pub struct HostScope {
    clock: Arc<dyn Clock>,
    entropy: Mutex<Box<dyn CryptoRng + Send>>,
}

impl HostScope {
    /// The scope of a host with this clock; `entropy` is the stream its TLS sessions draw from.
    pub fn new(clock: Arc<dyn Clock>, entropy: Box<dyn CryptoRng + Send>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            entropy: Mutex::new(entropy),
        })
    }

    /// The clock of the host.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The clock of the host, to keep across a pause.
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Fills `buffer` from the host's TLS randomness.
    pub fn fill(&self, buffer: &mut [u8]) {
        self.entropy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(buffer);
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<HostScope>>> = const { RefCell::new(None) };
}

/// Runs `read` with the scope of the host being polled; `None` outside of any host.
pub fn with<R>(read: impl FnOnce(&HostScope) -> R) -> Option<R> {
    let current = CURRENT.with(|current| current.borrow().clone());
    current.as_deref().map(read)
}

/// Runs `work` inside `scope`, and restores the scope that was there before, even on panic.
pub fn enter<R>(scope: &Arc<HostScope>, work: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<HostScope>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let previous = self.0.take();
            CURRENT.with(|current| *current.borrow_mut() = previous);
        }
    }
    let previous = CURRENT.with(|current| current.borrow_mut().replace(scope.clone()));
    let _restore = Restore(previous);
    work()
}

/// A task that runs inside a host scope: the scope is set at every poll.
pub struct Scoped {
    scope: Arc<HostScope>,
    task: BoxFuture<'static, ()>,
}

impl Scoped {
    /// Wraps `task` so that it runs inside `scope`.
    pub fn new(scope: Arc<HostScope>, task: BoxFuture<'static, ()>) -> Self {
        Self { scope, task }
    }
}

impl Future for Scoped {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let task = this.task.as_mut();
        enter(&this.scope, || task.poll(context))
    }
}
