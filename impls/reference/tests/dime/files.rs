//! Files, pipes and terminals: what is written where, and every class of error.

use super::*;

#[test]
fn a_file_is_replaced_on_demand_only() {
    let folder = society();
    let at = folder.path();
    let before = read(at, "alpha.signet");
    let line = "signet new --keys alpha.key --domain other.example -o alpha.signet";
    let said = fails(at, line, 2);
    assert_eq!(
        said,
        "failed to write alpha.signet: it exists already; see --force"
    );
    assert_eq!(read(at, "alpha.signet"), before);
    done(at, &format!("{line} --force"));
    assert_ne!(read(at, "alpha.signet"), before);
    let said = fails(
        at,
        "signet new --keys alpha.key --domain a.example -o no/where",
        2,
    );
    assert!(said.starts_with("failed to write no/where: "), "{said}");
}

#[test]
fn errors_name_the_file_and_what_is_wrong_with_it() {
    let folder = society();
    let at = folder.path();
    write(at, "figment", "no key");
    for (line, why) in [
        ("signet show nothing", "failed to read nothing: "),
        ("signet show figment", "figment is not a signet: "),
        ("signet show ann.key", "ann.key is not a signet: "),
        ("key show alpha.signet", "alpha.signet is not a key file: "),
        (
            "signet request --keys alpha.key",
            "alpha.key is not the key file of a user: ",
        ),
        (
            "signet request --keys figment",
            "figment is not a key file: ",
        ),
        (
            "signet request --keys ann.key --alternate figment",
            "figment is not an alternate key",
        ),
        (
            "stacie derive --account figment -o x",
            "figment is not an account: ",
        ),
        (
            "signet new --keys alpha.key --domain no_domain",
            "identifier is not a domain",
        ),
        (
            "signet new --keys alpha.key --domain a.example --set 5=x",
            "failed to write signet field 5",
        ),
    ] {
        let said = fails(at, line, 2);
        assert!(said.starts_with(why), "{line}: {said}");
    }
}

#[test]
fn standard_input_is_read_once() {
    let folder = society();
    let at = folder.path();
    let line = format!("message seal --keys ann.key {SIGNETS} --body - --headers -");
    let output = run_with(at, &line, b"body or headers");
    let said = complaint(&output, &line, 2);
    assert_eq!(said, "standard input is asked for more than once");
}

#[cfg(target_os = "linux")]
#[test]
fn a_password_is_asked_for_only_where_somebody_can_answer() {
    let folder = society();
    let at = folder.path();
    done(at, "stacie account --user ann -o account");
    // A session of its own has no terminal to ask.
    let command = command(at, "stacie derive --account account -o derived");
    let mut detached = Command::new("setsid");
    detached.current_dir(at).arg("--wait");
    detached.arg(command.get_program()).args(command.get_args());
    let output = detached.stdin(Stdio::null()).output().expect("is there");
    let said = complaint(&output, "stacie derive", 2);
    assert!(said.starts_with("failed to ask for a password: "), "{said}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = letter();
    let mut child = command(folder.path(), "inspect signed")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("is built");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn names_from_others_do_nothing_to_a_terminal_or_to_other_folders() {
    let folder = society();
    let at = folder.path();
    write(at, "body", "\u{1b}[2Jbody");
    write(at, "evil\u{1b}name", "x");
    let seal = format!("message seal --keys ann.key {SIGNETS} --body body --subject");
    let output = command(at, &seal)
        .args(["sub\u{1b}]0;ject\u{202e}", "-o", "sealed"])
        .output()
        .expect("is built");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    done(at, "message sign sealed --keys alpha.key -o signed");
    let shown = done(
        at,
        &format!("message open signed --as recipient --keys bob.key {SIGNETS}"),
    );
    assert!(
        !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
        "{shown:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let folder = society();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("is there");
    let output = command(folder.path(), "signet show ann.signet")
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("is built");
    let said = complaint(&output, "signet show", 2);
    assert!(
        said.starts_with("failed to write standard output: "),
        "{said}"
    );
}
