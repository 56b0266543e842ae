//! Messages: sealed, signed, read by each actor, bounced, and taken apart.

use super::*;

fn open(at: &Path, file: &str, actor: &str, keys: &str) -> String {
    done(
        at,
        &format!("message open {file} --as {actor} --keys {keys} {SIGNETS}"),
    )
}

#[test]
fn each_actor_reads_its_part_and_no_more() {
    let folder = letter();
    let at = folder.path();
    insta::assert_snapshot!(open(at, "signed", "recipient", "bob.key"), @"
    author       ann@alpha.example
    origin       alpha.example
    destination  beta.example
    recipient    bob@beta.example
    date         today
    to           bob@beta.example
    from         ann@alpha.example
    subject      figures
    body         17 bytes
    Dear Bob,
    hello.
    attachment   5000 bytes figures.csv
    ");
    insta::assert_snapshot!(open(at, "signed", "origin", "alpha.key"), @"
    author       ann@alpha.example
    origin       not for this actor
    destination  beta.example
    recipient    not for this actor
    ");
    insta::assert_snapshot!(open(at, "signed", "destination", "beta.key"), @"
    author       not for this actor
    origin       alpha.example
    destination  not for this actor
    recipient    bob@beta.example
    ");
    assert_eq!(
        open(at, "sealed", "author", "ann.key"),
        open(at, "signed", "recipient", "bob.key")
    );
    let line = format!("message open signed --as recipient --keys bob.key {SIGNETS} --json");
    let opened = json(at, &line);
    assert_eq!(opened["headers"]["subject"], "figures");
    assert_eq!(opened["body"][0]["text"], "Dear Bob,\r\nhello.");
    assert_eq!(opened["attachments"][0]["name"], "figures.csv");
    assert_eq!(opened["signatures"]["display_bounce"], true);
    assert_eq!(opened["hardened"], false);
}

#[test]
fn body_and_attachments_are_written_to_files() {
    let folder = letter();
    let at = folder.path();
    fs::create_dir(at.join("out")).expect("there is room");
    let line = format!(
        "message open signed --as recipient --keys bob.key {SIGNETS} --body out/body --attachments out"
    );
    done(at, &line);
    assert_eq!(read(at, "out/body"), read(at, "body"));
    assert_eq!(read(at, "out/figures.csv"), read(at, "figures.csv"));
    assert!(fails(at, &line, 2).contains("out/body: it exists already"));
}

#[test]
fn body_and_attachments_are_written_all_or_none() {
    let folder = letter();
    let at = folder.path();
    fs::create_dir(at.join("out")).expect("there is room");
    let open = format!("message open signed --as recipient --keys bob.key {SIGNETS}");
    for places in [
        "--body new --attachments nowhere",
        "--body new --attachments .",
        // One place for both.
        "--body ./out/figures.csv --attachments out",
        "--body out/figures.csv --attachments out/../out",
    ] {
        fails(at, &format!("{open} {places}"), 2);
        assert!(!at.join("new").exists(), "{places}");
        let left = fs::read_dir(at.join("out")).expect("is there").count();
        assert_eq!(left, 0, "{places}");
    }
}

#[test]
fn a_body_goes_to_what_is_no_file() {
    let folder = letter();
    let at = folder.path();
    let open = format!("message open signed --as recipient --keys bob.key {SIGNETS} --body");
    assert_eq!(bytes(at, &format!("{open} -")), read(at, "body"));
    assert!(!at.join("-").exists());
    if cfg!(unix) {
        assert_eq!(bytes(at, &format!("{open} /dev/stdout")), read(at, "body"));
        let shown = done(at, &format!("{open} /dev/null"));
        assert!(shown.contains("body         17 bytes\n"), "{shown}");
    }
    assert_eq!(
        fails(at, &format!("{open} - --json"), 2),
        "the body and JSON do not both go to standard output"
    );
    for (actor, keys) in [("origin", "alpha.key"), ("destination", "beta.key")] {
        for place in ["--body new", "--attachments ."] {
            let line = format!("message open signed --as {actor} --keys {keys} {SIGNETS} {place}");
            assert_eq!(
                fails(at, &line, 2),
                "origin and destination read neither body nor attachments"
            );
            assert!(!at.join("new").exists());
        }
    }
}

#[test]
fn other_headers_are_shown_as_they_are() {
    let folder = society();
    let at = folder.path();
    let made = |headers: &[u8]| {
        write(at, "headers", headers);
        let seal = format!(
            "message seal --keys ann.key {SIGNETS} --headers headers --body ann.ssr --force -o sealed"
        );
        done(at, &seal);
        let open = format!("message open sealed --as author --keys ann.key {SIGNETS}");
        (done(at, &open), json(at, &format!("{open} --json")))
    };
    let (text, shown) = made(b"X-Colour: blue\r\nX-Size: \x1b[2J3\r\n");
    assert!(text.contains("header       X-Colour: blue\n"), "{text}");
    assert!(
        text.contains("header       X-Size: \u{fffd}[2J3\n"),
        "{text}"
    );
    assert_eq!(
        shown["other_headers"],
        "X-Colour: blue\r\nX-Size: \u{1b}[2J3\r\n"
    );
    assert!(shown["other_headers_base64"].is_null());
    let (text, shown) = made(b"X-Name: \xe9\r\n");
    assert!(
        text.contains("header       (not text: see --json)\n"),
        "{text}"
    );
    assert!(shown["other_headers"].is_null());
    assert_eq!(shown["other_headers_base64"], "WC1OYW1lOiDpDQo=");
}

#[test]
fn a_reader_asks_for_what_it_wants() {
    let folder = letter();
    let at = folder.path();
    let verify = |options: &str, actor: &str, keys: &str| {
        format!("message verify signed --as {actor} --keys {keys} {SIGNETS} {options}")
    };
    let strict = "--require-hardened";
    for (actor, keys) in [("recipient", "bob.key"), ("origin", "alpha.key")] {
        let said = fails(at, &verify(strict, actor, keys), 1);
        assert_eq!(said, "signed: author's message is not hardened");
    }
    let said = fails(at, &verify(strict, "destination", "beta.key"), 2);
    assert!(said.starts_with("the destination cannot tell"), "{said}");
    let seal = format!(
        "message seal --keys ann.key {SIGNETS} --hardened --workers two --body body -o sealed --force"
    );
    done(at, &seal);
    done(at, "message sign sealed --keys alpha.key -o signed --force");
    let both = format!("{strict} --workers two");
    for (actor, keys) in [("recipient", "bob.key"), ("origin", "alpha.key")] {
        assert_eq!(done(at, &verify(&both, actor, keys)), "holds\n");
    }
    for option in [strict, "--tree libdime", "--primary-key-only"] {
        let line = verify(&format!("--bounce {option}"), "author", "ann.key");
        assert!(fails(at, &line, 2).contains("cannot be used with"));
    }
}

#[test]
fn only_what_is_judged_ends_with_1() {
    let folder = letter();
    let at = folder.path();
    let text = done(at, "message sign sealed --keys alpha.key --format armor");
    write(at, "wrapped", text.replacen("MESSAGE", "SIGNET", 2));
    write(at, "torn", &text[..text.len() / 2]);
    done(at, "message bounce signed --return header -o header");
    let judge = format!("--as recipient --keys bob.key {SIGNETS}");
    for broken in ["wrapped", "torn"] {
        for command in ["open", "verify"] {
            let line = format!("message {command} {broken} {judge}");
            let said = fails(at, &line, 1);
            assert!(said.contains(" is not a message: "), "{said}");
            fails(at, &format!("{line} --bounce"), 1);
        }
        for line in [
            format!("message show {broken}"),
            format!("message sign {broken} --keys alpha.key"),
            format!("message bounce {broken} --return header"),
            format!(
                "message verify header --bounce --sent {broken} --as author --keys ann.key {SIGNETS}"
            ),
        ] {
            fails(at, &line, 2);
        }
    }
}

#[test]
fn a_message_goes_from_command_to_command_through_pipes() {
    let folder = letter();
    let at = folder.path();
    for format in ["armor", "binary", "base64"] {
        let seal = format!("message seal --keys ann.key {SIGNETS} --format {format}");
        let sealed = run_with(at, &seal, b"from a pipe");
        assert_eq!(sealed.status.code(), Some(0), "{sealed:?}");
        let sign = format!("message sign --keys alpha.key --format {format}");
        let signed = run_with(at, &sign, &sealed.stdout);
        let open = format!("message open --as recipient --keys bob.key {SIGNETS}");
        let opened = run_with(at, &open, &signed.stdout);
        let text = String::from_utf8_lossy(&opened.stdout);
        assert!(text.ends_with("from a pipe\n"), "{format}: {opened:?}");
    }
}

#[test]
fn every_way_of_sealing_is_read() {
    let folder = society();
    let at = folder.path();
    write(at, "body", "word ".repeat(2000));
    for options in [
        "--gzip",
        "--hardened",
        "--padding buckets",
        "--tree intended",
        "--alternate",
        "--gzip --hardened --padding buckets --tree intended --alternate",
    ] {
        done(
            at,
            &format!(
                "message seal --keys ann.key {SIGNETS} --body body --attach body {options} -o sealed --force"
            ),
        );
        done(at, "message sign sealed --keys alpha.key -o signed --force");
        let line = format!(
            "message open signed --as recipient --keys bob.key --alternate bob.alternate {SIGNETS} --json"
        );
        let opened = json(at, &line);
        assert_eq!(
            opened["body"][0]["text"].as_str().map(str::len),
            Some(10_000),
            "{options}"
        );
        assert_eq!(opened["attachments"][0]["size"], 10_000, "{options}");
        assert_eq!(opened["hardened"], options.contains("hardened"));
        for (actor, keys) in [
            ("origin", "alpha.key"),
            ("destination", "beta.key"),
            ("author", "ann.key"),
        ] {
            let verify = format!("message verify signed --as {actor} --keys {keys} {SIGNETS}");
            assert_eq!(done(at, &verify), "holds\n", "{options}");
        }
    }
    let strict =
        format!("message verify signed --as origin --keys alpha.key {SIGNETS} --tree libdime");
    assert!(fails(at, &strict, 1).contains("tree signature"));
}

#[test]
fn an_author_s_copy_under_the_alternate_layer_is_not_written_as_if_it_were_readable() {
    let folder = letter();
    let at = folder.path();
    done(
        at,
        &format!(
            "message seal --keys ann.key {SIGNETS} --body body --attach figures.csv --alternate -o layered"
        ),
    );
    let line = format!("message open layered --as author --keys ann.key {SIGNETS}");
    let shown = json(at, &format!("{line} --json"));
    assert_eq!(shown["body"][0]["still_sealed"], true);
    assert_eq!(shown["attachments"][0]["still_sealed"], true);
    assert!(done(at, &line).contains("(under the alternate layer)"));
    for option in ["--body out", "--attachments ."] {
        let said = fails(at, &format!("{line} {option}"), 2);
        assert!(
            said.starts_with("the parts are under the alternate layer"),
            "{said}"
        );
    }
    assert!(!at.join("out").exists());
}

#[test]
fn what_does_not_hold_ends_with_1() {
    let folder = letter();
    let at = folder.path();
    let verify = |file: &str, actor: &str, keys: &str| {
        format!("message verify {file} --as {actor} --keys {keys} {SIGNETS}")
    };
    let unsigned = fails(at, &verify("sealed", "destination", "beta.key"), 1);
    assert_eq!(
        unsigned,
        "sealed: origin never signed chunk 248 (metadata bounce)"
    );
    let foreign = fails(at, &verify("signed", "recipient", "ann.key"), 1);
    assert_eq!(foreign, "signed: failed to decrypt message");
    let mut bytes = read(at, "signed");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write(at, "broken", &bytes);
    fails(at, &verify("broken", "recipient", "bob.key"), 1);
    let verdict = run(at, &(verify("broken", "recipient", "bob.key") + " --json"));
    let verdict: serde_json::Value = serde_json::from_slice(&verdict.stdout).expect("is JSON");
    assert_eq!(verdict["holds"], false);
    bytes.truncate(500);
    write(at, "short", &bytes);
    let short = fails(at, &verify("short", "recipient", "bob.key"), 1);
    assert_eq!(
        short,
        "short: failed to read message: message length is not that of its chunks"
    );
    let alone = fails(at, "message open signed --as recipient --keys bob.key", 2);
    assert_eq!(alone, "this actor needs --author");
    let twice = fails(at, "message sign signed --keys alpha.key", 2);
    assert!(twice.starts_with("signed: author's chunk 255"), "{twice}");
}

#[test]
fn a_bounce_is_known_by_origin_and_author() {
    let folder = letter();
    let at = folder.path();
    for extent in ["header", "display", "full"] {
        done(
            at,
            &format!("message bounce signed --return {extent} -o {extent}"),
        );
        let origin = format!(
            "message open {extent} --bounce --as origin --keys alpha.key --origin alpha.signet --json"
        );
        let told = json(at, &origin);
        assert_eq!(told["author"], "ann@alpha.example", "{extent}");
        assert_eq!(told["recipient"], serde_json::Value::Null);
        let author = format!(
            "message open {extent} --bounce --sent sealed --as author --keys ann.key {SIGNETS}"
        );
        let read = done(at, &author);
        assert_eq!(read.contains("hello."), extent != "header", "{read}");
        assert!(read.contains("subject      figures"), "{read}");
    }
    assert!(done(at, "inspect header").contains("message  (a bounce of the headers)"));
    assert!(done(at, "inspect display").contains("message  (a bounce of the display)"));
    done(
        at,
        &format!("message seal --keys ann.key {SIGNETS} --body body -o other"),
    );
    let other =
        format!("message verify header --bounce --sent other --as author --keys ann.key {SIGNETS}");
    assert_eq!(fails(at, &other, 1), "header is not the bounce of other");
    let recipient = format!("message verify header --as recipient --keys bob.key {SIGNETS}");
    assert!(fails(at, &recipient, 1).starts_with("header: message has no chunk"));
    let nobody = format!("message verify header --bounce --as recipient --keys bob.key {SIGNETS}");
    assert_eq!(
        fails(at, &nobody, 2),
        "a bounce is read by origin and author"
    );
    done(at, "message sign sealed --keys alpha.key -o silent");
    let none = fails(at, "message bounce silent --return header", 2);
    assert!(
        none.starts_with("silent: message has no chunk 248"),
        "{none}"
    );
}

#[test]
fn what_anybody_sees_of_a_message_is_shown() {
    let folder = letter();
    let at = folder.path();
    let shown = done(at, "message show signed");
    assert!(
        shown.contains("  255  origin signature         64 bytes at"),
        "{shown}"
    );
    let sealed = json(at, "message show --json sealed");
    let signed = json(at, "message show --json signed");
    assert_eq!(sealed["identity"], signed["identity"]);
    assert_eq!(signed["chunks"][0]["readers"][0], "everybody");
    assert_eq!(signed["chunks"].as_array().map(Vec::len), Some(12));
    assert!(fails(at, "message show ann.signet", 2).starts_with("ann.signet is not a message: "));
}

#[test]
fn anything_can_be_inspected() {
    let folder = letter();
    let at = folder.path();
    insta::assert_snapshot!(done(at, "inspect ann.ssr"), @"
            0..320       armor = ORGANIZATIONAL SIGNET
            0..37          begin
           38..277         contents (176 bytes when decoded)
            0..176           signet signing request
            0..2               magic = 1215
            2..5               length = 171
            5..40              field 1 (signing key)
            7..40                data (33 bytes)
           40..76              field 2 (encryption key)
           43..76                data (33 bytes)
           76..111             field 3 (alternate key)
           79..111               data (32 bytes)
          111..176             field 5 (self signature)
          112..176               data (64 bytes)
          278..283         checksum
          284..319         end
    ");
    let whole = done(at, "inspect signed");
    assert!(
        whole.lines().count() > 40 && !whole.contains("<- "),
        "{whole}"
    );
    assert_eq!(done(at, "message inspect signed"), whole);
    let mut broken = read(at, "signed");
    broken.drain(700..800);
    write(at, "broken", broken);
    let tree = done(at, "inspect broken");
    assert!(tree.matches("<- ").count() >= 2, "{tree}");
    assert!(tree.contains("origin signature = 255\n"), "{tree}");
    let tree = json(at, "inspect --json alpha.signet");
    assert_eq!(
        (&tree["label"], &tree["start"]),
        (&"armor".into(), &0.into())
    );
    let inside = &tree["pieces"][1];
    assert_eq!(inside["pieces"][0]["label"], "organization signet");
    assert_eq!(inside["decoded"], inside["pieces"][0]["end"]);
    assert!(done(at, "inspect ann.key").contains("secret (32 bytes)"));
    assert!(done(at, "inspect body").contains("<- no known magic number"));
    assert!(fails(at, "inspect nothing", 2).starts_with("failed to read nothing: "));
}
