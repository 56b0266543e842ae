//! `dime` as a process: from keys to a letter that its recipient reads.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn run(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dime"))
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .expect("is built")
}

/// What a command that must succeed prints.
fn done(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    String::from_utf8(output.stdout).expect("is text")
}

/// What a command that must fail with `code` complains of.
fn fails(folder: &Path, line: &str, code: i32) -> String {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    String::from_utf8(output.stderr).expect("is text")
}

const SIGNETS: &str =
    "--author ann.signet --origin alpha.signet --destination beta.signet --recipient bob.signet";

/// Two organizations with one user each, and a letter from ann to bob, signed by the origin.
fn society() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    for (domain, user) in [("alpha", "ann"), ("beta", "bob")] {
        for line in [
            format!("key new --owner organization -o {domain}.key"),
            format!(
                "signet organization --keys {domain}.key --domain {domain}.example -o {domain}.signet"
            ),
            format!("key new --owner user -o {user}.key"),
            format!("key alternate -o {user}.alternate"),
            format!("signet request --keys {user}.key --alternate {user}.alternate -o {user}.ssr"),
            format!(
                "signet sign {user}.ssr --keys {domain}.key --address {user}@{domain}.example -o {user}.signet"
            ),
        ] {
            done(at, &line);
        }
    }
    fs::write(at.join("body"), "Dear Bob,\r\nhello.").expect("there is room");
    fs::write(at.join("figures.csv"), vec![b'1'; 5000]).expect("there is room");
    done(
        at,
        &format!(
            "message seal --keys ann.key {SIGNETS} --subject figures --body body --attach figures.csv --alternate -o sealed"
        ),
    );
    done(
        at,
        "message sign sealed --keys alpha.key --return header -o signed",
    );
    folder
}

#[test]
fn each_actor_reads_its_part_and_no_more() {
    let folder = society();
    let at = folder.path();
    let read = |actor: &str, keys: &str| {
        done(
            at,
            &format!(
                "message open signed --as {actor} --keys {keys} --alternate bob.alternate {SIGNETS}"
            ),
        )
    };
    let recipient = read("recipient", "bob.key");
    for part in [
        "ann@alpha.example",
        "bob@beta.example",
        "figures",
        "Dear Bob,\nhello.",
        "5000 bytes figures.csv",
    ] {
        assert!(recipient.contains(part), "{part} in {recipient}");
    }
    let origin = read("origin", "alpha.key");
    assert!(origin.contains("ann@") && origin.contains("beta.example") && !origin.contains("bob@"));
    let destination = read("destination", "beta.key");
    assert!(destination.contains("bob@") && destination.contains("alpha.example"));
    assert!(!destination.contains("ann@") && !destination.contains("figures"));
}

#[test]
fn what_does_not_hold_ends_with_1() {
    let folder = society();
    let at = folder.path();
    let unsigned = format!("message open sealed --as destination --keys beta.key {SIGNETS}");
    assert!(fails(at, &unsigned, 1).contains("origin never signed"));
    let foreign = format!("message open signed --as recipient --keys ann.key {SIGNETS}");
    assert!(fails(at, &foreign, 1).contains("failed to decrypt"));
    let verify = "signet verify bob.signet --organization beta.signet --name bob@beta.example";
    assert_eq!(done(at, verify), "identified\n");
    let other = "signet verify bob.signet --organization alpha.signet";
    assert!(fails(at, other, 1).contains("bob.signet does not hold: invalid"));
}

#[test]
fn a_record_anchors_its_organization_and_no_other() {
    let folder = society();
    let at = folder.path();
    done(
        at,
        "record new --keys alpha.key --deliver mx.alpha.example --policy strict -o alpha.txt",
    );
    let shown = done(at, "record show alpha.txt");
    assert!(shown.contains("deliver   mx.alpha.example") && shown.contains("policy    strict"));
    assert_eq!(
        done(
            at,
            "signet verify alpha.signet --record alpha.txt --name alpha.example"
        ),
        "identified\n"
    );
    assert!(fails(at, "signet verify beta.signet --record alpha.txt", 1).contains("unknown"));
    let line = done(at, "record new --keys alpha.key --zone alpha.example");
    assert!(
        line.starts_with("_dx.alpha.example. IN TXT \"ver=1 pok="),
        "{line}"
    );
}

#[test]
fn secrets_stay_in_files_that_are_never_overwritten() {
    let folder = society();
    let at = folder.path();
    let before = fs::read(at.join("ann.key")).expect("is there");
    assert!(fails(at, "key new --owner user -o ann.key", 2).contains("failed to write ann.key"));
    assert_eq!(fs::read(at.join("ann.key")).expect("is there"), before);
    let shown = done(at, "key show ann.key");
    assert!(shown.starts_with("owner      user\nsigning    "), "{shown}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(at.join("ann.key"))
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
    }
}

#[test]
fn anything_can_be_inspected() {
    let folder = society();
    let at = folder.path();
    assert!(done(at, "message inspect signed").lines().count() > 20);
    let mut broken = fs::read(at.join("signed")).expect("is there");
    broken.truncate(700);
    fs::write(at.join("broken"), broken).expect("there is room");
    assert!(done(at, "message inspect broken").contains("<- "));
    assert!(fails(at, "message inspect nothing", 2).contains("failed to read nothing"));
}
