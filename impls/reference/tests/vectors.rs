//! Every recorded case agrees with this implementation or differs by a ruling, and every ruling on recorded
//! cases is needed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dime::vectors::{Folder, Report, Rulings, check};

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors/libdime")
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
        ("mrec.json", 39),
        ("parsers.json", 20 + 20 + 5),
        ("primitives.json", 71),
        // Every encryption and damaged envelope of the five derivations is a case.
        ("stacie.json", 72 + 5 * (1 + 6 + 9) + 6),
        // Every row is a case, and whether the rows of chunk types and fields are all there.
        ("tables.json", 13 + 1 + 73 + 3 + 14),
    ];
    assert_eq!(cases, BTreeMap::from(wanted));
    let unmet: Vec<&String> = report.files.iter().flat_map(|file| &file.unmet).collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
}
