//! Whatever a report file says, reading and rendering it neither panics nor obeys it.

use dimespec_report::{Report, html, json, read, text};
use proptest::prelude::*;
use serde_json::Value;

/// Names of enumerations stay, or the file would not read back.
const KEPT: [&str; 6] = ["stage", "verdict", "role", "policy", "grade", "judged"];

/// Puts other texts and numbers, in turn, in the place of a report's own.
struct Scrambler<'a> {
    texts: &'a [String],
    numbers: &'a [u32],
    next: usize,
}

impl Scrambler<'_> {
    fn scramble(&mut self, value: &mut Value) {
        self.next += 1;
        match value {
            Value::String(it) => *it = self.texts[self.next % self.texts.len()].clone(),
            Value::Number(it) => *it = self.numbers[self.next % self.numbers.len()].into(),
            Value::Array(items) => items.iter_mut().for_each(|it| self.scramble(it)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    if name != "format" && !KEPT.contains(&name.as_str()) {
                        self.scramble(field);
                    }
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn scrambled(texts: &[String], numbers: &[u32]) -> Report {
    let kept = include_str!("../testdata/format-1.json");
    let mut value: Value = serde_json::from_str(kept).expect("the file is JSON");
    let mut scrambler = Scrambler {
        texts,
        numbers,
        next: 0,
    };
    scrambler.scramble(&mut value);
    read(&value.to_string()).expect("texts and numbers may be anything")
}

fn is_inert(text: &str) -> bool {
    !text.chars().any(|it| it.is_control() && it != '\n')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_report_renders_and_reads_back(
        texts in prop::collection::vec(any::<String>(), 1..7),
        numbers in prop::collection::vec(any::<u32>(), 1..5),
    ) {
        let report = scrambled(&texts, &numbers);
        for run in &report.runs {
            prop_assert!(is_inert(&text::explain(run, false)));
            prop_assert!(is_inert(&text::failure(run, false)));
            prop_assert!(is_inert(&text::progress(run, false)));
        }
        let page = html::page(&report).expect("any report renders");
        prop_assert_eq!(page.matches("<script").count(), 1);
        prop_assert!(is_inert(&page));
        let again = read(&json::write(&report).expect("a report is JSON"));
        prop_assert_eq!(again.expect("it reads back"), report);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), cut in 0usize..20_000) {
        let _ = read(&text);
        let _ = json::read_lines(&text);
        let kept = include_str!("../testdata/format-1.json");
        let cut = (0..=cut.min(kept.len())).rev().find(|at| kept.is_char_boundary(*at));
        let part = &kept[..cut.unwrap_or_default()];
        prop_assert!(read(part).is_err() || part.trim_end() == kept.trim_end());
    }
}
