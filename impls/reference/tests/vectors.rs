//! Every recorded case agrees with this implementation or differs by a ruling, and every ruling on recorded
//! cases is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dime::vectors::{Entry, Folder, Report, Rulings, World, check, generate};
use dime_wire::signet::{Signet, SignetError, State, issue_fields, validate_request};

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

#[test]
fn every_recorded_case_is_run_and_every_difference_has_a_ruling() {
    let report = judged(&Folder::read(&recorded()).expect("the folder is there"));
    assert!(report.passed, "{}", report.to_text());
    let cases: BTreeMap<&str, usize> = report
        .files
        .iter()
        .map(|file| (file.file.as_str(), file.cases))
        .collect();
    let wanted = [
        ("dmtp.json", 29 + 85),
        ("keyfiles.json", 9 + 19 + 10 + 4),
        ("messages_corrupt.json", 249),
        ("messages_encrypt_errors.json", 16),
        ("messages_valid.json", 51),
        ("mrec.json", 39),
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
    assert_eq!(cases, BTreeMap::from(wanted));
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
    assert!(report.passed, "{}", report.to_text());
    let cases: BTreeMap<&str, usize> = report
        .files
        .iter()
        .map(|file| (file.file.as_str(), file.cases))
        .collect();
    let wanted = [
        ("bounces.json", 13),
        ("custody.json", 19),
        ("messages_alternate.json", 10),
        ("messages_hardened.json", 7),
        ("messages_parts.json", 12),
        ("messages_signatures.json", 13),
        ("worlds.json", 1),
    ];
    assert_eq!(cases, BTreeMap::from(wanted));
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
