//! Passwords that a terminal is asked for, and signals.

use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::*;

/// A terminal: our side, and the side of programs.
fn terminal() -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let ours = openpt(flags).expect("there is one");
    grantpt(&ours).expect("is ours");
    unlockpt(&ours).expect("is ours");
    let theirs = ioctl_tiocgptpeer(&ours, flags).expect("is there");
    (ours.into(), theirs.into())
}

/// The command under `wrapper`, which begins with what the signals do.
fn wrapped(folder: &Path, wrapper: &str, line: &str) -> Command {
    let inner = command(folder, line);
    let mut outer = Command::new("env");
    outer.current_dir(folder).args(wrapper.split_whitespace());
    outer.arg(inner.get_program()).args(inner.get_args());
    outer
}

/// Starts a command that has `theirs` as its terminal.
fn start(folder: &Path, line: &str, theirs: File) -> Child {
    wrapped(folder, "--default-signal setsid --ctty", line)
        .stdin(theirs)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("is there")
}

/// A society with an account of ann's.
fn with_account() -> TempDir {
    let folder = society();
    done(folder.path(), "stacie account --user ann -o account");
    folder
}

fn kill(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let kill = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(kill.expect("is there").success());
}

/// Whether what is typed at the terminal is shown.
fn echoes(terminal: &File) -> bool {
    let modes = tcgetattr(terminal).expect("is a terminal").local_modes;
    modes.contains(LocalModes::ECHO)
}

/// How a command ends when `interrupt` is called while it asks for a password.
fn interrupted(at: &Path, interrupt: impl FnOnce(&mut File, &Child)) -> (ExitStatus, bool) {
    let (mut ours, theirs) = terminal();
    let kept = theirs.try_clone().expect("is open");
    let line = "stacie derive --account account -o derived";
    let mut child = start(at, line, theirs);
    while echoes(&kept) {
        assert_eq!(child.try_wait().expect("is a child"), None);
        std::thread::yield_now();
    }
    interrupt(&mut ours, &child);
    let status = child.wait().expect("ends");
    (status, echoes(&kept))
}

#[test]
fn a_terminal_has_its_echo_back_after_a_signal_at_the_prompt() {
    let folder = with_account();
    let at = folder.path();
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
        let (status, echoes) = interrupted(at, |_, child| kill(child, name));
        assert_eq!((status.signal(), echoes), (Some(number), true), "{name}");
    }
}

#[test]
fn an_interrupt_that_is_typed_at_the_prompt_ends_the_program_as_one() {
    let folder = with_account();
    let typed = |ours: &mut File, _: &Child| ours.write_all(&[3]).expect("is read");
    let (status, echoes) = interrupted(folder.path(), typed);
    assert_eq!((status.signal(), echoes), (Some(2), true));
}

/// The files of a folder.
fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(folder).expect("is there").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

/// Starts to seal a body of so many bytes and returns when there is something in the making.
fn sealing(at: &Path, wrapper: &str, size: u64) -> (Child, Vec<std::ffi::OsString>) {
    let body = File::create(at.join("body")).expect("there is room");
    body.set_len(size).expect("takes no room");
    let before = names(at);
    let line = format!("message seal --keys ann.key {SIGNETS} --body body -o sealed");
    let mut child = wrapped(at, wrapper, &line).spawn().expect("is built");
    while names(at) == before {
        assert_eq!(child.try_wait().expect("is a child"), None);
        std::thread::yield_now();
    }
    (child, before)
}

#[test]
fn a_signal_that_ends_the_program_leaves_no_file_behind() {
    /// Bytes of the body: so many that sealing them takes longer than to interrupt it.
    const SIZE: u64 = 400 << 20;
    let folder = society();
    let at = folder.path();
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1), ("QUIT", 3)] {
        let (mut child, before) = sealing(at, "--default-signal prlimit --core=0", SIZE);
        kill(&child, name);
        let status = child.wait().expect("ends");
        assert_eq!(
            (status.signal(), names(at)),
            (Some(number), before),
            "{name}"
        );
    }
}

#[test]
fn a_signal_that_is_ignored_stays_so() {
    /// Bytes of the body: enough for the message to be streamed.
    const SIZE: u64 = 33 << 20;
    let folder = society();
    let at = folder.path();
    let ignoring = "--default-signal --ignore-signal=INT,HUP";
    let (mut child, _) = sealing(at, ignoring, SIZE);
    for name in ["INT", "HUP"] {
        kill(&child, name);
    }
    assert!(child.wait().expect("ends").success());
    assert!(at.join("sealed").exists());
}
