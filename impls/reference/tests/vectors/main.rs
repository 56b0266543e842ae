//! Every recorded case agrees with this implementation or differs by a ruling, and every ruling on recorded
//! cases is needed.

mod marks;
mod messages;
mod unseen;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use dime::vectors::{Entry, Folder, Report, Rulings, World, check, generate};
use dime_wire::encoding::{decode_strict, encode_padded};
use dime_wire::signet::{Signet, SignetError, State, issue_fields, validate_request};
use serde_json::{Value, json};

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors/libdime")
}

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors/dimespec")
}

fn judged(folder: &Folder) -> Report {
    let rulings = Rulings::bundled().expect("the rulings are usable");
    check(folder, &rulings).expect("the folder can be judged")
}

/// How many cases of each file were run by a check that passed.
fn passed_cases(report: &Report) -> BTreeMap<&str, usize> {
    assert!(report.passed, "{}", report.to_text());
    let files = report.files.iter();
    files.map(|file| (file.file.as_str(), file.cases)).collect()
}

#[test]
fn every_recorded_case_is_run_and_every_difference_has_a_ruling() {
    let report = judged(&Folder::read(&recorded()).expect("the folder is there"));
    let wanted = [
        ("dmtp.json", 29 + 85),
        ("keyfiles.json", 9 + 19 + 10 + 4),
        ("messages_corrupt.json", 249),
        ("messages_encrypt_errors.json", 16),
        ("messages_valid.json", 51),
        ("mrec.json", 9 + 30),
        ("parsers.json", 20 + 20 + 5),
        ("primitives.json", 71),
        ("signets_context.json", 42),
        ("signets_corrupt.json", 606),
        ("signets_valid.json", 60),
        // Every encryption and damaged envelope of the five derivations is a case.
        ("stacie.json", 72 + 5 * (1 + 6 + 9) + 6),
        // Every row is a case, and whether the rows of chunk types and fields are all there.
        ("tables.json", 13 + 1 + 73 + 3 + 14),
        ("worlds.json", 2),
    ];
    assert_eq!(passed_cases(&report), BTreeMap::from(wanted));
    let unmet: Vec<&String> = report.files.iter().flat_map(|file| &file.unmet).collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
    assert!(report.unused.is_empty(), "{:#?}", report.unused);
    let broken = report.files.iter().map(|file| file.broken.len());
    assert_eq!(broken.sum::<usize>(), 4 + 2);
}

#[test]
fn our_own_vectors_are_what_the_generator_writes() {
    let files = generate().expect("the cases can be made");
    for (name, bytes) in &files {
        let written = std::fs::read(own().join(name)).unwrap_or_default();
        assert!(
            written == *bytes,
            "{name} is not current: run `dime vectors generate impls/wire/vectors/dimespec`"
        );
    }
    let there = std::fs::read_dir(own()).expect("the folder is there");
    assert_eq!(there.count(), files.len(), "a file there is not generated");
    assert_eq!(generate().expect("again"), files);
}

#[test]
fn every_case_of_our_own_has_the_verdict_that_was_stated_and_needs_no_ruling() {
    let report = judged(&Folder::read(&own()).expect("the folder is there"));
    let wanted = [
        ("bounces.json", 14),
        ("custody.json", 19),
        ("messages_alternate.json", 12),
        ("messages_hardened.json", 7),
        ("messages_parts.json", 12),
        ("messages_signatures.json", 13),
        ("worlds.json", 1),
    ];
    assert_eq!(passed_cases(&report), BTreeMap::from(wanted));
    assert_eq!(report.total.agreed, report.total.cases);
}

#[test]
fn a_recorded_request_with_a_narrow_alternate_key_cannot_become_a_user_signet() {
    let folder = Folder::read(&recorded()).expect("the folder is there");
    let file = Entry::root("worlds.json", &folder.json["worlds.json"]);
    for entry in file.at("worlds").items().expect("there are worlds") {
        let world = World::new(entry);
        let bytes = world
            .signet_bytes("author_altkey_ssr")
            .expect("it is there");
        let request = Signet::parse(&bytes).expect("an SSR");
        assert_eq!(request.structure(), State::Request);
        assert_eq!(validate_request(&request, None), State::Request);
        let key = world.keys("origin").expect("the keys are there").signing;
        let address = world.name("author_address").expect("an address");
        let issued = issue_fields(&request, &key, &[], address);
        assert_eq!(issued, Err(SignetError::AlternateForm));
    }
}

/// The recorded folder, `files` of it, and the worlds they are in.
fn some_of(files: &[&str]) -> Folder {
    let mut folder = Folder::read(&recorded()).expect("the folder is there");
    let wanted = |name: &str| files.contains(&name) || name == "worlds.json";
    folder.json.retain(|name, _| wanted(name));
    folder
}

/// The failed cases and what failed in them.
fn failures(report: &Report) -> Vec<(&str, BTreeSet<&str>)> {
    let failures = report.files.iter().flat_map(|file| &file.failures);
    failures
        .map(|failure| {
            let aspects = failure.differences.iter().map(|it| it.aspect.as_str());
            (failure.case.as_str(), aspects.collect())
        })
        .collect()
}

#[test]
fn a_changed_verdict_fails_in_that_case_alone() {
    let mut folder = some_of(&["messages_corrupt.json", "signets_corrupt.json"]);
    let case = &mut folder.json.get_mut("messages_corrupt.json").expect("there")["cases"][0];
    case["actors"]["origin"]["verdict"] = json!("reject");
    let case = &mut folder.json.get_mut("signets_corrupt.json").expect("there")["cases"][0];
    case["libdime"]["state"] = json!("SS_ID");
    let report = judged(&folder);
    let wanted = [
        ("A/small/control", BTreeSet::from(["verdict"])),
        ("A/author_id/flip_field_1_0", BTreeSet::from(["state"])),
    ];
    assert_eq!(failures(&report), wanted);
    assert!(!report.passed);
}

#[test]
fn a_changed_byte_in_a_good_message_fails_in_that_case_alone() {
    let mut folder = some_of(&["messages_valid.json"]);
    let case = &mut folder.json.get_mut("messages_valid.json").expect("there")["cases"][3];
    let text = case["message_b64"].as_str().expect("text");
    let mut bytes = decode_strict(text).expect("base64");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    case["message_b64"] = json!(encode_padded(&bytes));
    let report = judged(&folder);
    let found = failures(&report);
    let [(case, aspects)] = found.as_slice() else {
        panic!("{}", report.to_text());
    };
    assert_eq!(*case, "A/small/b3");
    assert!(
        aspects.contains("message digest") && aspects.contains("verdict"),
        "{aspects:?}"
    );
}

#[test]
fn what_crashed_the_recorded_library_must_be_refused() {
    let mut folder = some_of(&["messages_corrupt.json"]);
    let case = &mut folder.json.get_mut("messages_corrupt.json").expect("there")["cases"][0];
    case["actors"]["author"] = json!({ "verdict": "crash" });
    case["actors"]["recipient"]["memory_unsafe"] = json!(true);
    let report = judged(&folder);
    let wanted = [
        "libdime broke memory as author",
        "libdime broke memory as recipient",
    ];
    let wanted = vec![("A/small/control", BTreeSet::from(wanted))];
    assert_eq!(failures(&report), wanted);
}

#[test]
fn a_file_of_another_name_is_judged_by_its_shape() {
    let folder = Folder::read(&recorded()).expect("the folder is there");
    let mut renamed = Folder::default();
    for (name, value) in &folder.json {
        let name = match name.as_str() {
            "worlds.json" => name.clone(),
            other => format!("unseen-{other}"),
        };
        renamed.json.insert(name, value.clone());
    }
    renamed.binary = folder.binary.clone();
    let report = judged(&renamed);
    assert!(
        report.not_understood.is_empty(),
        "{:?}",
        report.not_understood
    );
    assert_eq!(report.total, judged(&folder).total);
}

#[test]
fn a_folder_that_cannot_be_judged_is_told_with_file_and_place() {
    let told = |folder: &Folder| {
        let rulings = Rulings::bundled().expect("the rulings are usable");
        check(folder, &rulings)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let mut folder = some_of(&["messages_valid.json"]);
    folder.binary.clear();
    let missing = "messages_valid.json needs message_A_100k.bin, which the folder does not hold";
    assert_eq!(told(&folder), Err(missing.to_owned()));
    let mut folder = some_of(&["signets_valid.json"]);
    folder.json.remove("worlds.json");
    let missing = "signets_valid.json needs worlds.json, which the folder does not hold";
    assert_eq!(told(&folder), Err(missing.to_owned()));
    let nothing = Folder::default();
    assert!(told(&nothing).is_err_and(|told| told.starts_with("folder holds no recorded file")));
}

#[test]
fn a_file_without_a_case_is_told_and_alone_it_cannot_be_judged() {
    let mut folder = some_of(&["mrec.json"]);
    folder.json.insert("dmtp.json".to_owned(), json!({}));
    assert_eq!(judged(&folder).without_cases, ["dmtp.json"]);
    folder.json.remove("mrec.json");
    folder.json.remove("worlds.json");
    let rulings = Rulings::bundled().expect("the rulings are usable");
    assert!(check(&folder, &rulings).is_err());
}

#[cfg(unix)]
#[test]
fn what_is_called_like_a_recorded_file_and_cannot_be_read_is_not_passed_over() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("mrec.json");
    let told = || {
        Folder::read(folder.path())
            .expect_err("is no file")
            .to_string()
    };
    let wanted = format!("{} is not a plain file", path.display());
    for target in ["nothing", "mrec.json", "."] {
        std::os::unix::fs::symlink(target, &path).expect("there is room");
        assert_eq!(told(), wanted, "link to {target}");
        std::fs::remove_file(&path).expect("is there");
    }
}

/// The places of all values in `value`; of lists only the first elements.
fn places(value: &Value, place: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                places(member, &format!("{place}/{key}"), out);
            }
        }
        Value::Array(items) => {
            for (position, item) in items.iter().take(1).enumerate() {
                places(item, &format!("{place}/{position}"), out);
            }
        }
        _ => {}
    }
    out.push(place.to_owned());
}

#[test]
fn whatever_a_folder_holds_nothing_panics() {
    let hostile = [
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!(""),
        json!("zz"),
        json!("00"),
        json!([[]]),
        json!({}),
        json!(true),
    ];
    let rulings = Rulings::bundled().expect("the rulings are usable");
    let whole = Folder::read(&recorded()).expect("the folder is there");
    let (mut refused, mut judged) = (0, 0);
    // A world without signets but those that the first cases name, which would all be made again.
    let mut worlds = whole.json["worlds.json"].clone();
    let few = |name: &str| name.ends_with("_id") && name.matches('_').count() == 1;
    for world in worlds["worlds"].as_array_mut().expect("a list") {
        let signets = world["signets_b64"].as_object_mut().expect("an object");
        signets.retain(|name, _| few(name) || name == "origin_crypto");
    }
    for (name, value) in &whole.json {
        let mut small = value.clone();
        for list in small.as_object_mut().expect("an object").values_mut() {
            if let Some(items) = list.as_array_mut() {
                items.truncate(1);
            }
        }
        let mut all = Vec::new();
        places(&small, "", &mut all);
        for (turn, place) in all.iter().enumerate() {
            let mut folder = Folder::default();
            if name.starts_with("messages") || name.starts_with("signets") {
                folder.json.insert("worlds.json".to_owned(), worlds.clone());
            }
            let mut changed = small.clone();
            let value = changed.pointer_mut(place).expect("the place is there");
            *value = hostile[turn % hostile.len()].clone();
            folder.json.insert(name.clone(), changed);
            match check(&folder, &rulings) {
                Ok(_) => judged += 1,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(
        refused > 20 && judged > 500,
        "{refused} refused, {judged} judged"
    );
}

#[test]
fn the_program_tells_the_outcome_by_its_exit_code() {
    let run = |folder: &Path, arguments: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_dime"))
            .args(["vectors", "check"])
            .arg(folder)
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            program.status.code(),
            text(&program.stdout),
            text(&program.stderr),
        )
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let (code, _, told) = run(path, &[]);
    assert!(
        code == Some(2) && told.contains("no recorded file"),
        "{told}"
    );
    for name in ["worlds.json", "signets_context.json"] {
        std::fs::copy(recorded().join(name), path.join(name)).expect("copied");
    }
    let (code, out, _) = run(path, &[]);
    assert!(
        code == Some(0) && out.ends_with("passed: no difference without a ruling\n"),
        "{out}"
    );
    let (code, out, _) = run(path, &["--json"]);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &report["total"]["cases"]), (Some(0), &json!(44)));
    std::fs::write(path.join("notes.json"), "[]").expect("written");
    let (code, out, told) = run(path, &[]);
    assert!(code == Some(2) && told.contains("notes.json"), "{told}");
    assert!(
        out.contains("not understood, so not judged: notes.json"),
        "{out}"
    );
    std::fs::write(path.join("notes.json"), "{").expect("written");
    let (code, _, told) = run(path, &[]);
    assert!(
        code == Some(2) && told.contains("notes.json is not JSON"),
        "{told}"
    );
    std::fs::remove_file(path.join("notes.json")).expect("removed");
    let text = std::fs::read_to_string(path.join("signets_context.json")).expect("read");
    let text = text.replacen("SS_UNKNOWN", "SS_ID", 1);
    std::fs::write(path.join("signets_context.json"), text).expect("written");
    let (code, out, _) = run(path, &[]);
    assert!(code == Some(1) && out.contains("recorded: SS_ID"), "{out}");
}
