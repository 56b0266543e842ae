//! What an interrupt leaves behind: no file that is not whole.

use std::io;
use std::thread;

use dime::files::discard_unfinished;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

/// What is added to a signal's number to make the exit code, as shells do.
const SIGNALLED: i32 = 128;

/// From now on an interrupt (Ctrl-C) and a request to terminate delete the files in the making
/// before they end the program. A hang-up is left alone: `nohup` has it ignored.
pub(crate) fn watch() -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
    let [mut interrupt, mut terminate] = [signal(kinds[0])?, signal(kinds[1])?];
    drop(entered);
    let wait = async move {
        tokio::select! {
            biased;
            _ = interrupt.recv() => kinds[0],
            _ = terminate.recv() => kinds[1],
        }
    };
    thread::Builder::new().spawn(move || {
        let kind = runtime.block_on(wait);
        discard_unfinished();
        std::process::exit(SIGNALLED + kind.as_raw_value());
    })?;
    Ok(())
}
