//! Passwords that a terminal is asked for, and signals.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::*;

const PASSWORD: &str = "a very long passphrase that takes few rounds";

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

/// Runs a command and gives each of its prompts one answer.
fn answered(folder: &Path, line: &str, answers: &[&str]) -> Output {
    let (mut ours, theirs) = terminal();
    let mut child = start(folder, line, theirs);
    let (mut said, mut given) = (Vec::new(), 0);
    let mut piece = [0; 256];
    // Fails when the command has ended.
    while let Ok(size @ 1..) = ours.read(&mut piece) {
        said.extend_from_slice(&piece[..size]);
        let asked = String::from_utf8_lossy(&said).matches(": ").count();
        while given < asked {
            let Some(answer) = answers.get(given) else {
                child.kill().expect("is a child");
                panic!("{line} asks more than {given} times");
            };
            ours.write_all(format!("{answer}\n").as_bytes())
                .expect("is read");
            given += 1;
        }
    }
    assert_eq!(given, answers.len(), "{line} asks less often");
    child.wait_with_output().expect("ends")
}

fn accepts(folder: &Path, line: &str, answers: &[&str]) {
    let output = answered(folder, line, answers);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
}

/// A society with an account of ann's.
fn with_account() -> TempDir {
    let folder = society();
    done(folder.path(), "stacie account --user ann -o account");
    write(folder.path(), "password", PASSWORD);
    folder
}

#[test]
fn a_password_under_which_something_is_encrypted_anew_is_asked_for_twice() {
    let folder = with_account();
    let at = folder.path();
    let account = "--account account";
    for (number, line) in [
        format!("key new --owner user --encrypted {account} -o"),
        format!("key copy ann.key --encrypted {account} -o"),
        format!("signet rotate --keys ann.key {account} -o rotated --force --new-keys"),
        format!("stacie encrypt ann.key {account} -o"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = format!("{line} {number}");
        let typo = answered(at, &line, &[PASSWORD, "a very long passphrase with a typo"]);
        assert_eq!(complaint(&typo, &line, 2), "the passwords differ");
        assert!(!at.join(number.to_string()).exists(), "{line}");
        accepts(at, &line, &[PASSWORD, PASSWORD]);
    }
    let opens = format!("{account} --password-file password");
    for number in [0, 1, 2] {
        done(at, &format!("key show {number} {opens}"));
    }
    done(at, &format!("stacie decrypt 3 {opens} -o back"));
    assert_eq!(read(at, "back"), read(at, "ann.key"));
}

#[test]
fn a_password_that_opens_something_is_asked_for_once() {
    let folder = with_account();
    let at = folder.path();
    let account = "--account account";
    let opens = format!("{account} --password-file password");
    done(
        at,
        &format!("key copy ann.key --encrypted {opens} -o locked"),
    );
    for line in [
        format!("key show locked {account}"),
        format!("key copy locked --encrypted {account} -o again"),
        format!("signet rotate --keys locked {account} --new-keys next -o rotated"),
    ] {
        accepts(at, &line, &[PASSWORD]);
    }
}

#[test]
fn binary_is_not_written_to_a_terminal() {
    let folder = with_account();
    let at = folder.path();
    let (_ours, theirs) = terminal();
    let line = "stacie encrypt ann.key --account account --password-file password";
    let output = command(at, line).stdout(theirs).output().expect("is built");
    let said = complaint(&output, line, 2);
    assert_eq!(said, "binary is not written to a terminal: see --out");
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
