//! Keys: made, shown, written anew, encrypted; and what a password yields.

use super::*;

#[test]
fn new_keys_are_for_their_owner_alone_and_never_take_another_s_place() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    let made = done(at, "key new --owner user -o ann.key");
    assert_eq!(done(at, "key show ann.key"), made);
    let before = read(at, "ann.key");
    for line in [
        "key new --owner user -o ann.key",
        "key alternate -o ann.key",
    ] {
        assert_eq!(
            fails(at, line, 2),
            "failed to write ann.key: it exists already"
        );
    }
    assert_eq!(read(at, "ann.key"), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = at
            .join("ann.key")
            .metadata()
            .expect("is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    assert_eq!(
        fails(at, "key new --owner user -o -", 2),
        "a secret is not written to standard output"
    );
}

#[test]
fn a_key_file_is_shown_by_its_public_half() {
    let folder = society();
    let at = folder.path();
    insta::assert_snapshot!(done(at, "key show alpha.key"), @"
    owner      organization
    signing    iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w
    encryption 031b84c5567b126440995d3ed5aaba0565d71e1834604819ff9c17f5e9d5dd078f
    ");
    let shown = json(at, "key show --json ann.key");
    assert_eq!(shown["owner"], "user");
    let made = done(at, "key alternate -o new.alternate");
    assert!(made.starts_with("alternate  "), "{made}");
    assert_eq!(done(at, "key show new.alternate"), made);
    let secret = hex::encode([2; 32]);
    for line in [
        "key show ann.key",
        "inspect ann.key",
        "inspect --json ann.key",
    ] {
        assert!(!done(at, line).contains(&secret), "{line}");
    }
}

#[test]
fn a_key_file_is_copied_into_every_form_and_back() {
    let folder = society();
    let at = folder.path();
    let shown = done(at, "key show ann.key");
    for (number, options) in [
        "--format binary",
        "--format base64",
        "--format armor --profile magma",
        "--format binary --profile magma",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            done(at, &format!("key copy ann.key {options} -o {number}.key")),
            ""
        );
        assert_eq!(done(at, &format!("key show {number}.key")), shown);
        done(at, &format!("key copy {number}.key -o {number}.back"));
        assert_eq!(read(at, &format!("{number}.back")), read(at, "ann.key"));
    }
    assert_eq!(read(at, "0.key").len(), 74);
    assert_eq!(read(at, "3.key").len(), 73);
}

#[test]
fn an_encrypted_key_file_opens_with_the_account_s_password_alone() {
    let folder = society();
    let at = folder.path();
    done(at, "stacie account --user ann -o account");
    write(
        at,
        "password",
        "a very long passphrase that takes few rounds\n",
    );
    write(
        at,
        "wrong",
        "another long passphrase that takes few rounds\n",
    );
    let unlocking = "--account account --password-file password";
    let copy = format!("key copy ann.key --encrypted {unlocking} -o locked.key");
    assert_eq!(done(at, &copy), "");
    let armor = String::from_utf8(read(at, "locked.key")).expect("is text");
    assert!(
        armor.starts_with("-----BEGIN ENCRYPTED USER KEY-----\n"),
        "{armor}"
    );
    let shown = done(at, "key show ann.key");
    assert_eq!(done(at, &format!("key show locked.key {unlocking}")), shown);
    // It does wherever a key file does.
    done(
        at,
        &format!("signet request --keys locked.key {unlocking} -o locked.ssr"),
    );
    let rotated =
        format!("signet rotate --keys locked.key {unlocking} --new-keys next.key -o next.ssr");
    done(at, &rotated);
    assert!(read(at, "next.key").starts_with(b"-----BEGIN ENCRYPTED"));
    assert_eq!(
        fails(at, "key show locked.key", 2),
        "locked.key is not a key file: it is encrypted and needs an account"
    );
    let wrong = "key show locked.key --account account --password-file wrong";
    let said = fails(at, wrong, 2);
    assert!(
        said.starts_with("failed to open locked.key: wrong password or account"),
        "{said}"
    );
    let new =
        format!("key new --owner organization --encrypted {unlocking} --format binary -o new.key");
    done(at, &new);
    assert_eq!(read(at, "new.key").len(), 118);
    for given in ["--account account", "--password-file password"] {
        let plain = format!("key new --owner user {given} -o plain.key");
        assert!(fails(at, &plain, 2).contains("see --encrypted"));
        assert!(!at.join("plain.key").exists());
    }
    // Another key of the same account is opened with it.
    done(
        at,
        &format!("key copy alpha.key --encrypted {unlocking} -o alpha.locked"),
    );
    done(
        at,
        &format!(
            "signet new --keys alpha.locked {unlocking} --domain alpha.example --secondary signets=new.key -o second.signet"
        ),
    );
}

#[test]
fn a_password_in_the_place_of_an_account_is_not_printed() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    for password in [
        "correct horse",
        "\"correct horse\"",
        "{\"correct horse\": 1}",
    ] {
        write(at, "password", password);
        let line = "stacie derive --account password --password-file account -o derived";
        let said = fails(at, line, 2);
        assert!(
            said.starts_with("password is not an account: wrong JSON at line 1 column "),
            "{said}"
        );
        assert!(!said.contains("horse"), "{said}");
    }
}

#[test]
fn a_rotation_that_cannot_be_written_leaves_no_new_keys() {
    let folder = society();
    let at = folder.path();
    let line = "signet rotate --keys ann.key --new-keys next.key -o ann.ssr";
    let said = fails(at, line, 2);
    assert_eq!(
        said,
        "failed to write ann.ssr: it exists already; see --force"
    );
    assert!(!at.join("next.key").exists());
    done(at, &format!("{line} --force"));
}

#[test]
fn an_account_yields_what_the_published_table_says() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    let account = r#"{
        "user": "user@example.tld",
        "salt": "lyrtpzN8cBRZvsiHX6y4j-pJOjIyJeuw5aVXzrItw1G4EOa-6CA4R9BhVpinkeH0UeXyOeTisHR3Ik3yuOhxbWPyesMJvfp0IBtx0f0uorb8wPnhw5BxDJVCb1TOSE50PFKGBFMkc63Koa7vMDj-WEoDj2X0kkTtlW6cUvF8i-M",
        "bonus": 128,
        "shard": "gD65Kdeda1hB2Q6gdZl0fetGg2viLXWG0vmKN4HxE3Jp3Z0Gkt5prqSmcuY2o8t24iGSCOnFDpP71c3xl9SX9Q",
        "form": "legacy"
    }"#;
    write(at, "account", account);
    write(at, "password", "SiliconSally");
    write(
        at,
        "nonce",
        "oDdYAHOsiX7Nl2qTwT18onW0hZdeTO3ebxzZp6nXMTo__0_vr_AsmAm3vYRwWtSCPJz0sA2o66uhNm6YenOGz0NkHcSAVgQhKdEBf_BTYkyULDuw2fSkbO7mlnxEhxqrJEc27ZVam6ogYABfHZjgVUTAi_SICyKAN7KOMuImL2g\n",
    );
    let from = "--account account --password-file password";
    let said = done(
        at,
        &format!("stacie derive {from} --nonce nonce -o derived"),
    );
    assert_eq!(said, "");
    let derived: serde_json::Value = serde_json::from_slice(&read(at, "derived")).expect("is JSON");
    assert_eq!(derived["rounds"], 4224);
    assert_eq!(
        derived["master_key"],
        "u-pbHPk-YbEY76DFA-X55HOS8BLxPGMY6oViDUed4fXrmlV1pRIpDem26P_1RBeCaWc09btoSP3E_fEF0ffxZA"
    );
    assert_eq!(
        derived["verification_token"],
        "4smP8S5oGOR_OUp_T4M1RgOnOeChgme5Xv-ZX8_kt8lYKdPTUlc4oPFgg-5rAyhiqQOfxNa5HyYaefcb_haQ9Q"
    );
    assert_eq!(
        derived["login_token"],
        "_-MOUkFbJLAEFX8I4k9Bf-8VVk9DQlETAliooUH5unLUmgPkxc2peQaQUXvyoRrM87DF3kSfFhCh_uyv3BMb7Q"
    );
    let realm = derived["realm_key"].as_str().unwrap_or_default();
    assert!(realm.starts_with("u18KkHQ1jtcvsx-p__1J"), "{realm}");
}

#[test]
fn a_secret_is_encrypted_under_an_account_and_opens_only_whole() {
    let folder = tempfile::tempdir().expect("there is room");
    let at = folder.path();
    done(at, "stacie account --user ann --form legacy -o account");
    write(at, "password", "SiliconSallySellsSeaShells");
    let from = "--account account --password-file password";
    let rounds = run_with(
        at,
        "stacie rounds --password-file - --bonus 8",
        "x".repeat(64).as_bytes(),
    );
    assert_eq!(String::from_utf8_lossy(&rounds.stdout), "10\n");
    write(at, "secret", "the secret");
    done(
        at,
        &format!("stacie encrypt secret {from} --serial 7 -o realm"),
    );
    assert_eq!(read(at, "realm").get(..2), Some([0, 7].as_slice()));
    done(at, &format!("stacie decrypt realm {from} -o opened"));
    assert_eq!(read(at, "opened"), b"the secret");
    let mut broken = read(at, "realm");
    broken[40] ^= 1;
    write(at, "realm", broken);
    let error = fails(at, &format!("stacie decrypt realm {from} -o again"), 1);
    assert_eq!(error, "realm: failed to decrypt the realm envelope");
    assert!(!at.join("again").exists());
}
