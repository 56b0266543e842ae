//! The user's wish to stop, by Ctrl-C or a signal: external programs must end with us, and what
//! has run already is still reported.

// Signals come in real time.
#![allow(clippy::disallowed_methods)]

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::actors::adapter::pause;

/// Set once somebody asked us to stop; no further case starts then.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether somebody asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Ends when somebody asks us to stop.
pub async fn interruption() {
    while !interrupted() {
        pause().await;
    }
}

/// From now on, signals to stop are heeded instead of ending the process at once. Called before the
/// first program that would outlive us is started.
pub fn heed_signals() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let (ready, started) = mpsc::channel();
        // A thread of its own: what it waits for is no part of any run.
        thread::spawn(move || watch(&ready));
        // If the watch could not start, signals keep their usual meaning.
        let _ = started.recv();
    });
}

fn watch(ready: &mpsc::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        return;
    };
    runtime.block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
            signal(SignalKind::hangup()),
        ) else {
            return;
        };
        // The other side waits for this; if it is gone, nobody needs it.
        let _ = ready.send(());
        loop {
            tokio::select! { biased;
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
    });
}
