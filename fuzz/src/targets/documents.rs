//! Documents of the test harness: scenarios, lists of inherent leaks, adapters, results.

use dimespec::actors::adapter::Manifest;
use dimespec::{knowledge, scenario};

/// Scenario files with all their cases. What is wrong is told with its place.
pub fn scenario(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match scenario::parse("fuzz/case", "case.yaml", text) {
        Ok(cases) => {
            for case in cases {
                assert!(case.name().starts_with("fuzz/case"));
            }
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
}

/// Lists of inherent leaks.
pub fn inherent(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = knowledge::inherent::read(text).map_err(|error| error.to_string());
    }
}

/// Manifests of adapters.
pub fn adapter(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(manifest) = Manifest::parse(text)
    {
        assert!(!manifest.start.is_empty() && !manifest.roles.is_empty());
    }
}

/// Result files and streams of events.
pub fn results(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    if let Ok(report) = dimespec_report::read(text) {
        let written =
            dimespec_report::json::write(&report).expect("a report that was read is written");
        let again = dimespec_report::read(&written).expect("what we write is read");
        assert_eq!(dimespec_report::json::write(&again).ok(), Some(written));
    }
    let _ = dimespec_report::json::read_lines(text).map_err(|error| error.to_string());
}
