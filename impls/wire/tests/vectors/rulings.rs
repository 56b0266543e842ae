//! The machine-readable rulings: which recorded cases we judge or write differently than libdime.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rulings: Vec<Ruling>,
}

/// One dated decision to differ.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    id: String,
    date: String,
    topic: String,
    libdime: String,
    ours: String,
    reason: String,
    differences: Vec<Difference>,
}

/// Where a ruling makes a difference: in which aspects of the cases that meet all conditions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[serde(rename = "where")]
    conditions: Vec<Condition>,
    aspects: Vec<String>,
    evidence: Option<String>,
}

/// A property of a recorded case. `field` is a dotted path into it; `name[]` means any element, except
/// that bits must be lacking in all.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Condition {
    field: String,
    equals: Option<Value>,
    one_of: Option<Vec<Value>>,
    has_bits: Option<u64>,
    lacks_bits: Option<u64>,
    contains: Option<String>,
    starts_with: Option<String>,
    ends_with: Option<String>,
    present: Option<bool>,
    differs_from: Option<String>,
}

/// The rulings of one topic, and which of their differences were met.
pub struct Rulings {
    rulings: Vec<Ruling>,
    used: BTreeSet<(String, usize)>,
    problems: Vec<String>,
}

impl Rulings {
    pub fn of_topic(topic: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/rulings.yaml");
        let text = std::fs::read_to_string(path).expect("the rulings are there");
        let file: File = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        let mut ids = BTreeSet::new();
        for ruling in &file.rulings {
            assert!(
                ids.insert(ruling.id.clone()),
                "ruling {} is there twice",
                ruling.id
            );
            let told = [&ruling.libdime, &ruling.ours, &ruling.reason];
            assert!(
                told.iter().all(|text| !text.trim().is_empty()),
                "ruling {} explains nothing",
                ruling.id
            );
            assert!(
                ruling.date.len() == 10 && !ruling.differences.is_empty(),
                "ruling {}",
                ruling.id
            );
            let known = [
                "messages",
                "signets",
                "records",
                "primitives",
                "keys",
                "stacie",
                "dmtp",
            ]
            .contains(&ruling.topic.as_str());
            assert!(known, "ruling {} is of no known topic", ruling.id);
        }
        let rulings = file
            .rulings
            .into_iter()
            .filter(|ruling| ruling.topic == topic)
            .map(|mut ruling| {
                // Judged elsewhere, by `dime vectors check`.
                let elsewhere = ["envelope", "headers", "written headers", "data length"];
                let here = |aspect: &String| !elsewhere.contains(&aspect.as_str());
                ruling.differences.retain(|difference| {
                    difference.evidence.is_none() && difference.aspects.iter().any(here)
                });
                ruling
            })
            .collect();
        Self {
            rulings,
            used: BTreeSet::new(),
            problems: Vec::new(),
        }
    }

    /// Holds the differences `found` in a case against those that the rulings announce for it.
    pub fn judge(&mut self, case: &Value, id: &str, found: &BTreeMap<String, String>) {
        let mut announced = BTreeSet::new();
        for ruling in &self.rulings {
            for (position, difference) in ruling.differences.iter().enumerate() {
                if difference
                    .conditions
                    .iter()
                    .all(|condition| condition.holds(case))
                {
                    announced.extend(difference.aspects.iter().cloned());
                    self.used.insert((ruling.id.clone(), position));
                }
            }
        }
        for (aspect, detail) in found {
            if !announced.contains(aspect) {
                self.problems
                    .push(format!("{id}: {aspect} differs without a ruling: {detail}"));
            }
        }
        for aspect in announced
            .iter()
            .filter(|aspect| !found.contains_key(*aspect))
        {
            self.problems.push(format!(
                "{id}: {aspect} does not differ although a ruling says so"
            ));
        }
    }

    /// Fails on everything that did not fit, and on rulings that met no case.
    pub fn finish(mut self) {
        for ruling in &self.rulings {
            for position in 0..ruling.differences.len() {
                if !self.used.contains(&(ruling.id.clone(), position)) {
                    self.problems.push(format!(
                        "ruling {}: difference {position} met no case",
                        ruling.id
                    ));
                }
            }
        }
        assert!(self.problems.is_empty(), "{}", self.problems.join("\n"));
    }
}

/// The keys of `ours` under which `theirs` has something else, with both values.
pub fn differences(ours: &Value, theirs: &Value) -> BTreeMap<String, String> {
    let pairs = ours.as_object().expect("a description is an object").iter();
    let differing = pairs.filter(|(key, own)| **own != theirs[key.as_str()]);
    differing
        .map(|(key, own)| {
            (
                key.clone(),
                format!("{own} is not {}", theirs[key.as_str()]),
            )
        })
        .collect()
}

impl Condition {
    fn holds(&self, case: &Value) -> bool {
        let mut values = Vec::new();
        select(case, &self.field, &mut values);
        let any = |test: &dyn Fn(&Value) -> bool| values.iter().any(|value| test(value));
        let mut tests = Vec::new();
        if let Some(wanted) = &self.equals {
            tests.push(any(&|value| value == wanted));
        }
        if let Some(wanted) = &self.one_of {
            tests.push(any(&|value| wanted.contains(value)));
        }
        if let Some(bits) = self.has_bits {
            tests.push(any(&|value| {
                value.as_u64().is_some_and(|value| value & bits == bits)
            }));
        }
        if let Some(bits) = self.lacks_bits {
            let clear = |value: &&Value| value.as_u64().is_some_and(|value| value & bits == 0);
            tests.push(values.iter().all(clear));
        }
        let is_text = |test: &dyn Fn(&str) -> bool| any(&|value| value.as_str().is_some_and(test));
        if let Some(wanted) = &self.contains {
            tests.push(is_text(&|value| value.contains(wanted)));
        }
        if let Some(wanted) = &self.starts_with {
            tests.push(is_text(&|value| value.starts_with(wanted)));
        }
        if let Some(wanted) = &self.ends_with {
            tests.push(is_text(&|value| value.ends_with(wanted)));
        }
        if let Some(wanted) = self.present {
            tests.push(any(&|value| !value.is_null()) == wanted);
        }
        if let Some(other) = &self.differs_from {
            let mut others = Vec::new();
            select(case, other, &mut others);
            tests.push(values != others);
        }
        assert!(
            !tests.is_empty(),
            "a condition on {} tests nothing",
            self.field
        );
        tests.into_iter().all(|test| test)
    }
}

fn select<'a>(value: &'a Value, path: &str, out: &mut Vec<&'a Value>) {
    let (step, rest) = path
        .split_once('.')
        .map_or((path, None), |(step, rest)| (step, Some(rest)));
    let below: Vec<&Value> = match step.strip_suffix("[]") {
        Some(name) => value[name].as_array().into_iter().flatten().collect(),
        None => vec![&value[step]],
    };
    for value in below {
        match rest {
            Some(rest) => select(value, rest, out),
            None => out.push(value),
        }
    }
}
