//! `dime` as a process: from keys to a letter that its recipient reads, and everything that can go
//! wrong on the way.

mod files;
mod help;
mod keys;
mod messages;
mod signets;
#[cfg(target_os = "linux")]
mod terminal;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dime_wire::Profile;
use dime_wire::keys::{EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use tempfile::TempDir;

/// The options that name all four signets of [`society`].
const SIGNETS: &str =
    "--author ann.signet --origin alpha.signet --destination beta.signet --recipient bob.signet";

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dime"));
    command.current_dir(folder).args(line.split_whitespace());
    command
}

fn run(folder: &Path, line: &str) -> Output {
    let mut command = command(folder, line);
    command.stdin(Stdio::null()).output().expect("is built")
}

/// As [`run`], with `input` on standard input.
fn run_with(folder: &Path, line: &str, input: &[u8]) -> Output {
    let mut child = command(folder, line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("is built");
    let mut stdin = child.stdin.take().expect("was asked for");
    // A command that fails early does not read it.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("ends")
}

/// What a command that must succeed writes to standard output.
fn bytes(folder: &Path, line: &str) -> Vec<u8> {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    output.stdout
}

/// What a command that must succeed prints.
fn done(folder: &Path, line: &str) -> String {
    String::from_utf8(bytes(folder, line)).expect("is text")
}

/// What a command that must fail with `code` complains of: one line, which names the program.
fn fails(folder: &Path, line: &str, code: i32) -> String {
    let output = run(folder, line);
    complaint(&output, line, code)
}

fn complaint(output: &Output, line: &str, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.strip_prefix("dime: ").unwrap_or(&text).trim_end();
    assert!(!text.is_empty(), "{line}");
    text.to_owned()
}

fn json(folder: &Path, line: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(folder, line)).expect("is JSON")
}

fn read(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).expect("is there")
}

fn write(folder: &Path, name: &str, contents: impl AsRef<[u8]>) {
    fs::write(folder.join(name), contents).expect("there is room");
}

/// The same keys on every machine.
fn write_keys(folder: &Path, name: &str, owner: KeyOwner, seed: u8) {
    let keys = PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    };
    write(
        folder,
        name,
        keys.to_armor(owner, Profile::Libdime).as_bytes(),
    );
}

/// Two organizations with one user each: alpha and ann, beta and bob. Their keys are the same on every
/// machine, and so are their signets.
fn society() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    for (seed, domain, user) in [(1, "alpha", "ann"), (3, "beta", "bob")] {
        write_keys(at, &format!("{domain}.key"), KeyOwner::Organization, seed);
        write_keys(at, &format!("{user}.key"), KeyOwner::User, seed + 1);
        write(at, &format!("{user}.alternate"), hex::encode([seed; 32]));
        for line in [
            format!(
                "signet new --keys {domain}.key --domain {domain}.example --set 16={domain} -o {domain}.signet"
            ),
            format!("signet request --keys {user}.key --alternate {user}.alternate -o {user}.ssr"),
            format!(
                "signet sign {user}.ssr --keys {domain}.key --address {user}@{domain}.example -o {user}.signet"
            ),
        ] {
            assert_eq!(done(at, &line), "");
        }
    }
    folder
}

/// A society with a letter from ann to bob: `sealed` by her, `signed` by the origin.
fn letter() -> TempDir {
    let folder = society();
    let at = folder.path();
    write(at, "body", "Dear Bob,\r\nhello.");
    write(at, "figures.csv", vec![b'1'; 5000]);
    for line in [
        format!(
            "message seal --keys ann.key {SIGNETS} --subject figures --date today --body body --attach figures.csv -o sealed"
        ),
        "message sign sealed --keys alpha.key --return display -o signed".to_owned(),
    ] {
        assert_eq!(done(at, &line), "");
    }
    folder
}
