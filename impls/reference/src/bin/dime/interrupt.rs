//! What a signal that ends the program leaves behind: no file that is not whole, and a terminal that
//! echoes.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use dime::files::discard_unfinished;
use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// What is added to a signal's number to make the exit code, as shells do.
const SIGNALLED: i32 = 128;

/// Whether Ctrl-C ends the program by way of [`watch`].
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The terminal as it was before somebody was asked for a password.
static TERMINAL: Mutex<Option<(File, Termios)>> = Mutex::new(None);

/// From now on the signals that end the program delete the files in the making first, and give the
/// terminal its echo back. It dies of the signal all the same, so that a shell's loop ends with it.
/// What is ignored, as `nohup` has it, stays so.
pub(crate) fn watch() -> io::Result<()> {
    let ignored = ignored();
    let mut watched = vec![SIGINT, SIGTERM, SIGQUIT, SIGHUP];
    watched.retain(|signal| ignored >> (signal - 1) & 1 == 0);
    if watched.is_empty() {
        return Ok(());
    }
    INTERRUPTED.store(watched.contains(&SIGINT), Ordering::Relaxed);
    let mut signals = Signals::new(watched)?;
    thread::Builder::new().spawn(move || {
        if let Some(signal) = signals.forever().next() {
            end(signal);
        }
    })?;
    Ok(())
}

/// The signals that the program was started to ignore: bit 0 for signal 1, and so on. Where the
/// system does not tell, that may be the hang-up.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(1 << (SIGHUP - 1))
}

fn end(signal: i32) -> ! {
    discard_unfinished();
    restore(&terminal());
    let _ = emulate_default_handler(signal);
    std::process::exit(SIGNALLED + signal);
}

/// Notes what the terminal is like until it is dropped, for a signal to make it like that again.
pub(crate) struct Noted;

impl Noted {
    pub(crate) fn terminal() -> Self {
        let found = File::open("/dev/tty").and_then(|tty| {
            let like = tcgetattr(&tty)?;
            Ok((tty, like))
        });
        *terminal() = found.ok();
        Self
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        *terminal() = None;
    }
}

/// Waits for the end after a Ctrl-C that was typed where it makes no signal; returns if it is
/// ignored.
pub(crate) fn wait() {
    while INTERRUPTED.load(Ordering::Relaxed) {
        thread::park();
    }
}

fn restore(noted: &Option<(File, Termios)>) {
    let Some((tty, like)) = noted else {
        return;
    };
    // In the background it is another's, and to touch it would stop the program.
    if tcgetpgrp(tty).is_ok_and(|foreground| foreground == getpgrp()) {
        let _ = tcsetattr(tty, OptionalActions::Now, like);
    }
}

fn terminal() -> MutexGuard<'static, Option<(File, Termios)>> {
    TERMINAL.lock().unwrap_or_else(PoisonError::into_inner)
}
