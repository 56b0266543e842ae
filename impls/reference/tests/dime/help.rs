//! The help texts, which are the manual.

use super::*;

#[test]
fn the_manual_says_what_there_is() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    insta::assert_snapshot!("dime", done(at, "--help"));
    for subject in ["key", "signet", "record", "message", "stacie"] {
        insta::assert_snapshot!(subject, done(at, &format!("{subject} --help")));
    }
    for (name, line) in [
        ("key_new", "key new"),
        ("signet_verify", "signet verify"),
        ("message_seal", "message seal"),
        ("message_open", "message open"),
        ("inspect", "inspect"),
    ] {
        insta::assert_snapshot!(name, done(at, &format!("{line} --help")));
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let folder = tempfile::tempdir().expect("there is room");
    for line in [
        "",
        "nonsense",
        "signet",
        "signet new",
        "message open --as nobody",
        "key new --owner user",
    ] {
        fails(folder.path(), line, 2);
    }
}

#[test]
fn no_option_takes_a_secret() {
    let folder = tempfile::tempdir().expect("there is room");
    for line in [
        "key new",
        "key copy",
        "stacie derive",
        "message open",
        "signet rotate",
    ] {
        let help = done(folder.path(), &format!("{line} --help"));
        for option in ["--password ", "--passphrase", "--secret", "--seed", "[env"] {
            assert!(!help.contains(option), "{line}: {option}");
        }
        assert!(help.contains("--password-file <FILE>"), "{line}");
    }
}
