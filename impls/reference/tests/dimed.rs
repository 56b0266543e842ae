//! `dimed` as a process: it starts, answers, stops, and says what is wrong with its configuration.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "a test of a real program")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use common::World;
use dime_wire::Profile;
use dime_wire::keys::KeyOwner;
use tempfile::TempDir;

/// The configuration of beta's server, with the files it names, in a folder of its own.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let world = World::new();
    let beta = &world.beta.config;
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("there is room");
    };
    let keys = beta.keys.to_armor(KeyOwner::Organization, Profile::Libdime);
    write("organization.key", keys.as_bytes());
    write("organization.signet", beta.signet.to_armor().as_bytes());
    write("bob.signet", beta.users[0].signet.to_base64().as_bytes());
    write("mail.pem", include_bytes!("data/mail-server.pem"));
    write("mail-key.pem", include_bytes!("data/mail-server-key.pem"));
    write(
        "anchors.txt",
        format!("# root\n{}\n", "00".repeat(32)).as_bytes(),
    );
    write("dimed.toml", CONFIGURATION.as_bytes());
    folder
}

const CONFIGURATION: &str = r#"
domain = "beta.example"
address = "127.0.0.1"
data = "data"
log = true

[ports]
dmtp = 0
dmap = 0

[keys]
organization = "organization.key"
signet = "organization.signet"
certificate = "mail.pem"
certificate-key = "mail-key.pem"

[resolver]
address = "127.0.0.1:1"
anchors = "anchors.txt"
authorities = "mail.pem"

[[user]]
address = "bob@beta.example"
password = "correct horse"
signet = "bob.signet"
"#;

fn dimed(action: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dimed"));
    let configuration = folder.join("dimed.toml");
    command.arg(action).arg("--config").arg(configuration);
    command
}

fn check(folder: &TempDir) -> Output {
    dimed("check", folder.path()).output().expect("is built")
}

/// Replaces text in the configuration.
fn change(folder: &TempDir, from: &str, to: &str) {
    let path = folder.path().join("dimed.toml");
    let text = fs::read_to_string(&path).expect("is there");
    assert!(text.contains(from), "{from:?} is not in the configuration");
    fs::write(path, text.replace(from, to)).expect("there is room");
}

fn kill(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let killed = Command::new("kill").args([signal, &id]).status();
    assert!(killed.expect("kill is there").success());
}

#[test]
fn it_gets_ready_and_ends_cleanly_on_a_signal() {
    for signal in ["-TERM", "-INT"] {
        let folder = folder();
        let mut child = dimed("serve", folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("is built");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("is piped"));
        output.read_line(&mut line).expect("says something");
        assert!(line.starts_with("ready 127.0.0.1 "), "{line:?}");
        kill(&child, signal);
        assert_eq!(child.wait().expect("ends").code(), Some(0));
        let mut errors = String::new();
        let mut stream = child.stderr.take().expect("is piped");
        stream.read_to_string(&mut errors).expect("is text");
        assert_eq!(errors, "");
    }
}

#[test]
fn a_sound_configuration_passes_the_check() {
    let checked = check(&folder());
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}

#[test]
fn a_bad_configuration_is_explained_and_keeps_its_secrets() {
    for (from, to, complaint) in [
        ("data =", "date =", "line 4: unknown field `date`"),
        (
            "domain = \"beta",
            "domain = \"alpha",
            "the signet is not that of alpha.example",
        ),
        (
            "\"bob.signet\"",
            "\"bub.signet\"",
            "bub.signet: No such file",
        ),
        (
            "\"organization.key\"",
            "\"bob.signet\"",
            "bob.signet is not a key file",
        ),
        (
            "\"anchors.txt\"",
            "\"mail.pem\"",
            "mail.pem is not a file of trust anchors: line 1",
        ),
        (
            "\"bob@beta",
            "\"bob@gamma",
            "address or signet of user 1 is not of this domain",
        ),
        ("\"correct horse\"", "5 \"correct horse\"", "line 24:"),
        ("\"correct horse\"", "31415926", "password is not text"),
    ] {
        let folder = folder();
        change(&folder, from, to);
        let checked = check(&folder);
        let said = String::from_utf8(checked.stderr).expect("is text");
        assert_eq!(checked.status.code(), Some(2), "{said}");
        assert!(said.contains(complaint), "{said}");
        for password in ["correct horse", "31415926"] {
            assert!(!said.contains(password), "{said}");
        }
    }
}

#[test]
fn a_taken_port_is_named() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("ports are free");
    let port = taken.local_addr().expect("is bound").port();
    change(&folder, "dmap = 0", &format!("dmap = {port}"));
    let ended = dimed("serve", folder.path()).output().expect("is built");
    let said = String::from_utf8(ended.stderr).expect("is text");
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(
        said.contains(&format!("failed to listen for DMAP on port {port}")),
        "{said}"
    );
}
