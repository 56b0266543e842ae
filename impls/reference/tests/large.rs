//! `dime message` with messages that it does not read into memory.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Bytes of the attachment: enough for several chunks, and for the message to be streamed.
const SIZE: usize = 35 << 20;
const SIGNETS: &str =
    "--author ann.signet --origin alpha.signet --destination beta.signet --recipient bob.signet";

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dime"));
    command.current_dir(folder).args(line.split_whitespace());
    command
}

fn run(folder: &Path, line: &str) -> Output {
    command(folder, line).output().expect("is built")
}

fn done(folder: &Path, line: &str) -> String {
    let output = run(folder, line);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    String::from_utf8(output.stdout).expect("is text")
}

/// Two organizations with one user each.
fn society() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    for (domain, user) in [("alpha", "ann"), ("beta", "bob")] {
        for line in [
            format!("key new --owner organization -o {domain}.key"),
            format!(
                "signet organization --keys {domain}.key --domain {domain}.example -o {domain}.signet"
            ),
            format!("key new --owner user -o {user}.key"),
            format!("signet request --keys {user}.key -o {user}.ssr"),
            format!(
                "signet sign {user}.ssr --keys {domain}.key --address {user}@{domain}.example -o {user}.signet"
            ),
        ] {
            done(folder.path(), &line);
        }
    }
    folder
}

/// Bytes in which a chunk out of place would show.
fn pattern(size: usize) -> Vec<u8> {
    let blocks = (0u64..).flat_map(|block| block.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    blocks.take(size).collect()
}

#[test]
fn a_large_letter_goes_through_files_and_pipes_and_comes_out_whole() {
    let folder = society();
    let at = folder.path();
    let contents = pattern(SIZE);
    fs::write(at.join("film"), &contents).expect("there is room");
    fs::create_dir(at.join("received")).expect("there is room");
    let seal = format!("message seal --keys ann.key {SIGNETS} --attach film -o sealed");
    let mut sealing = command(at, &seal)
        .stdin(Stdio::piped())
        .spawn()
        .expect("is built");
    let mut pipe = sealing.stdin.take().expect("is piped");
    pipe.write_all(b"Dear Bob,\r\nhere it is.")
        .expect("is read");
    drop(pipe);
    assert!(sealing.wait().expect("runs").success());

    let signed = command(at, "message sign --keys alpha.key --return full")
        .stdin(File::open(at.join("sealed")).expect("is there"))
        .stdout(File::create(at.join("signed")).expect("there is room"))
        .status();
    assert!(signed.expect("is built").success());
    let sizes = ["sealed", "signed"].map(|name| at.join(name).metadata().expect("is there").len());
    assert_eq!(sizes[0], sizes[1], "both bounce signatures were asked for");

    let open = format!(
        "message open signed --as recipient --keys bob.key {SIGNETS} --body body --attachments received"
    );
    let shown = done(at, &open);
    assert!(shown.contains(&format!("{SIZE} bytes film")), "{shown}");
    let body = fs::read(at.join("body")).expect("is there");
    assert_eq!(body, b"Dear Bob,\r\nhere it is.");
    let received = fs::read(at.join("received/film")).expect("is there");
    assert!(received == contents, "the contents came out otherwise");
    let plain = open.split(" --body").next().unwrap_or_default();
    if cfg!(unix) {
        done(at, &format!("{plain} --body /dev/null"));
    }
    let shown = done(at, plain);
    assert!(shown.contains("(not shown: see --body)\n"), "{shown}");
    for (actor, keys) in [
        ("author", "ann"),
        ("origin", "alpha"),
        ("destination", "beta"),
    ] {
        let verify = format!("message verify signed --as {actor} --keys {keys}.key {SIGNETS}");
        assert_eq!(done(at, &verify), "holds\n", "{actor}");
    }

    let mut bytes = Vec::new();
    let mut file = File::open(at.join("signed")).expect("is there");
    file.read_to_end(&mut bytes).expect("is there");
    bytes[SIZE / 2] ^= 1;
    fs::write(at.join("signed"), &bytes).expect("there is room");
    fs::remove_file(at.join("body")).expect("is there");
    let refused = run(at, &open.replace("received", "."));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(
        !at.join("body").exists(),
        "nothing of a bad message is kept"
    );
    let left = fs::read_dir(at).expect("is there");
    let names = left.map(|entry| entry.expect("is there").file_name());
    assert!(
        names
            .into_iter()
            .all(|name| !name.to_string_lossy().starts_with('.')),
        "nothing is left behind"
    );
}
