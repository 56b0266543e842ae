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

#[cfg(unix)]
#[test]
fn what_is_replaced_keeps_its_place_and_its_access_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = letter();
    let at = folder.path();
    fs::create_dir(at.join("store")).expect("there is room");
    for line in [
        "signet new --keys alpha.key --domain other.example -o",
        "message sign sealed --keys alpha.key -o",
    ] {
        write(at, "store/file", "before");
        let mode = fs::Permissions::from_mode(0o640);
        fs::set_permissions(at.join("store/file"), mode).expect("is ours");
        std::os::unix::fs::symlink("store/file", at.join("link")).expect("there is room");
        done(at, &format!("{line} link --force"));
        assert!(at.join("link").is_symlink(), "{line}");
        assert_ne!(read(at, "store/file"), b"before", "{line}");
        let after = at.join("store/file").metadata().expect("is there");
        assert_eq!(after.permissions().mode() & 0o777, 0o640, "{line}");
        fs::remove_file(at.join("link")).expect("is there");
        // By its name too it is standard output.
        let plain = bytes(at, &format!("{line} -"));
        assert_eq!(bytes(at, &format!("{line} /dev/stdout")), plain, "{line}");
    }
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
            "record new --keys alpha.key --certificate figment",
            "figment is not a file of certificates: ",
        ),
        (
            "record new --keys alpha.key --also ann.signet",
            "ann.signet is not an organization's signet",
        ),
        (
            "signet sign ann.signet --keys alpha.key --address ann@alpha.example",
            "ann.signet is not a signing request",
        ),
        (
            "signet sign ann.ssr --keys alpha.key --address ann",
            "\"ann\" is not an address",
        ),
        (
            "message seal --keys ann.key --author ann.signet --origin bob.signet --destination beta.signet --recipient bob.signet",
            "bob.signet is not an organization's signet",
        ),
        (
            "message seal --keys ann.key --author ann.ssr --origin alpha.signet --destination beta.signet --recipient bob.signet",
            "ann.ssr is not a user's signet",
        ),
        (
            "signet new --keys alpha.key --domain no_domain",
            "identifier is not a domain",
        ),
        (
            "signet new --keys alpha.key --domain a.example --set 5=x",
            "\"5\" is not an informational field: ",
        ),
        (
            "signet new --keys alpha.key --domain a.example --set 251=x",
            "\"251\" is not an informational field: ",
        ),
        (
            "signet new --keys alpha.key --domain a.example --named =x",
            "\"=x\" names no field",
        ),
        (
            "signet edit alpha.signet --keys alpha.key --remove 1",
            "\"1\" is not an informational field: ",
        ),
        ("signet split ann.ssr --at full", "ann.ssr: "),
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

#[test]
fn a_verdict_that_nobody_reads_is_still_the_exit_code() {
    let folder = letter();
    let at = folder.path();
    write(at, "damaged", &read(at, "signed")[..1000]);
    fs::create_dir(at.join("vectors")).expect("there is room");
    write(at, "vectors/dmtp.json", "{}");
    for (line, code) in [
        (
            format!("message verify damaged --as recipient --keys bob.key {SIGNETS}"),
            1,
        ),
        (
            format!("message verify signed --as recipient --keys bob.key {SIGNETS}"),
            0,
        ),
        ("signet verify ann.signet --org beta.signet".to_owned(), 1),
        ("signet verify ann.signet --org alpha.signet".to_owned(), 0),
        ("vectors check vectors".to_owned(), 2),
    ] {
        let (reader, writer) = std::io::pipe().expect("there is room");
        drop(reader);
        let output = command(at, &line)
            .stdout(writer)
            .output()
            .expect("is built");
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
}

#[test]
fn standard_input_is_called_by_its_name() {
    let folder = society();
    for (line, said) in [
        ("key show", "standard input is not a key file: "),
        ("signet show -", "standard input is not a signet: "),
    ] {
        let output = run_with(folder.path(), line, b"\xff");
        let complaint = complaint(&output, line, 2);
        assert!(complaint.starts_with(said), "{complaint}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told_without_the_file_in_the_making() {
    let folder = letter();
    let line =
        format!("message open signed --as recipient --keys bob.key {SIGNETS} --attachments no");
    let said = fails(folder.path(), &line, 2);
    assert!(
        said.starts_with("failed to write no: ") && !said.contains(".dime-"),
        "{said}"
    );
}

#[test]
fn attachments_of_one_name_are_all_written() {
    let folder = society();
    let at = folder.path();
    for name in ["one", "two", "out"] {
        fs::create_dir(at.join(name)).expect("there is room");
    }
    write(at, "one/same", "first");
    write(at, "two/same", "second");
    write(at, "attachment-2", "third");
    for line in [
        format!(
            "message seal --keys ann.key {SIGNETS} --body ann.ssr --attach one/same --attach two/same --attach attachment-2 -o sealed"
        ),
        "message sign sealed --keys alpha.key -o signed".to_owned(),
    ] {
        done(at, &line);
    }
    let line =
        format!("message open signed --as recipient --keys bob.key {SIGNETS} --attachments out");
    let shown = done(at, &line);
    assert!(
        shown.contains("attachment   6 bytes same in out/attachment-2\n"),
        "{shown}"
    );
    for (name, contents) in [
        ("out/same", "first"),
        ("out/attachment-2", "second"),
        ("out/attachment-3", "third"),
    ] {
        assert_eq!(read(at, name), contents.as_bytes(), "{name}");
    }
    // Not again, and then the body is not written either.
    let said = fails(at, &format!("{line} --body letter"), 2);
    assert_eq!(said, "failed to write out/same: it exists already");
    assert!(!at.join("letter").exists());
}

#[test]
fn a_password_without_an_account_is_not_passed_over() {
    let folder = society();
    let said = fails(folder.path(), "key show ann.key --password-file nothing", 2);
    assert_eq!(
        said,
        "a password opens keys under an account: see --account"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_the_file_that_was_to_be_made() {
    /// Bytes of the body: enough for the message to be streamed.
    const SIZE: u64 = 33 << 20;
    let folder = society();
    let at = folder.path();
    let body = fs::File::create(at.join("body")).expect("there is room");
    body.set_len(SIZE).expect("takes no room");
    // No disk that is full can be made here, but a limit on the size of files.
    let line = format!("message seal --keys ann.key {SIGNETS} --body body -o sealed");
    let limited = command(at, &line);
    let mut shell = Command::new("sh");
    shell.current_dir(at);
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\""]);
    shell.arg(limited.get_program()).args(limited.get_args());
    let output = shell.output().expect("is there");
    let said = complaint(&output, &line, 2);
    assert!(said.starts_with("failed to make sealed: "), "{said}");
    let entries = fs::read_dir(at).expect("is there").flatten();
    let mut names = entries.map(|entry| entry.file_name());
    assert!(
        names.all(|name| !name.to_string_lossy().starts_with(".dime-") && name != "sealed"),
        "nothing is left behind"
    );
}
