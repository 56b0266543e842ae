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
    let wanted = [("mrec.json", 39), ("primitives.json", 71)];
    assert_eq!(cases, BTreeMap::from(wanted));
    let unmet: Vec<&String> = report.files.iter().flat_map(|file| &file.unmet).collect();
    assert!(unmet.is_empty(), "{unmet:#?}");
}
