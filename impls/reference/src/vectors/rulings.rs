//! The machine-readable rulings (`scenarios/rulings.yaml`): which rules make us judge or write otherwise
//! than what was recorded. A rule selects by properties, never by the id of a case.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::FolderError;

/// The rulings that this program was built with.
const BUNDLED: &str = include_str!("../../../../scenarios/rulings.yaml");
/// Most steps of a path in a condition.
const MAXIMUM_STEPS: usize = 16;

/// All rulings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rulings {
    rulings: Vec<Ruling>,
}

/// One dated decision to differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ruling {
    /// Its name, unique.
    pub id: String,
    /// The day it was made, `YYYY-MM-DD`.
    pub date: String,
    /// Which files it is about; a file's topic stands in the table of the check.
    pub topic: String,
    /// What libdime does.
    pub libdime: String,
    /// What we do.
    pub ours: String,
    /// Why.
    pub reason: String,
    differences: Vec<Difference>,
}

/// Where a ruling makes a difference: in which aspects of the cases that meet all conditions.
/// `evidence` names the note about libdime that a clause rests on which no recorded case shows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[serde(rename = "where")]
    conditions: Vec<Condition>,
    aspects: Vec<String>,
    evidence: Option<String>,
}

/// A property of a comparison. `field` is a dotted path: `this.…` into the comparison itself, `facts.…` into
/// what we found out about the bytes by other means than the parser that is judged, `mine.…` into the
/// part of those facts that is about the comparison's actor, anything else into the case's JSON. `name[]`
/// means any element, `*` any member, except that bits must be lacking in all.
#[derive(Clone, Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Condition {
    field: String,
    equals: Option<Value>,
    one_of: Option<Vec<Value>>,
    has_bits: Option<u64>,
    has_any_bits: Option<u64>,
    lacks_bits: Option<u64>,
    contains: Option<String>,
    present: Option<bool>,
    differs_from: Option<String>,
}

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The case's JSON.
    pub case: &'a Value,
    /// What we found out about its bytes.
    pub facts: &'a Value,
    /// The comparison: `aspect`, `ours`, `libdime` and what its file adds.
    pub this: &'a Value,
}

/// One difference of one ruling: positions in the file.
pub type Clause = (usize, usize);

impl Rulings {
    /// Those of `scenarios/rulings.yaml` when the program was built.
    pub fn bundled() -> Result<Self, FolderError> {
        Self::parse(BUNDLED)
    }

    /// Reads rulings; every one must explain itself and test something.
    pub fn parse(text: &str) -> Result<Self, FolderError> {
        let wrong = |why: String| FolderError::Rulings(why);
        let read: Self = serde_saphyr::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let mut ids = BTreeSet::new();
        for ruling in &read.rulings {
            let id = &ruling.id;
            if !ids.insert(id.as_str()) {
                return Err(wrong(format!("ruling {id} is not unique")));
            }
            ruling
                .check()
                .map_err(|why| wrong(format!("ruling {id} {why}")))?;
        }
        Ok(read)
    }

    /// A ruling by its position.
    pub(super) fn ruling(&self, clause: Clause) -> Option<&Ruling> {
        self.rulings.get(clause.0)
    }

    /// The clauses that announce a difference in `aspect` of `scene`.
    pub(super) fn announcing(&self, topic: &str, aspect: &str, scene: Scene<'_>) -> Vec<Clause> {
        let mut found = Vec::new();
        for (position, ruling) in self.rulings.iter().enumerate() {
            if ruling.topic != topic {
                continue;
            }
            for (place, difference) in ruling.differences.iter().enumerate() {
                if difference.announces(aspect, scene) {
                    found.push((position, place));
                }
            }
        }
        found
    }

    /// All clauses of these topics, each with whether recorded cases show the difference.
    pub(super) fn clauses(&self, topics: &BTreeSet<&str>) -> Vec<(Clause, bool)> {
        let rulings = self.rulings.iter().enumerate();
        rulings
            .filter(|(_, ruling)| topics.contains(ruling.topic.as_str()))
            .flat_map(|(position, ruling)| {
                let differences = ruling.differences.iter().enumerate();
                differences.map(move |(place, difference)| {
                    ((position, place), difference.evidence.is_none())
                })
            })
            .collect()
    }
}

impl Ruling {
    fn check(&self) -> Result<(), &'static str> {
        let told = [&self.libdime, &self.ours, &self.reason];
        if told.iter().any(|text| text.trim().is_empty()) {
            return Err("does not explain itself");
        }
        if self.date.len() != 10 {
            return Err("is not dated");
        }
        if self.differences.is_empty() {
            return Err("makes no difference");
        }
        for difference in &self.differences {
            if difference.conditions.is_empty() || difference.aspects.is_empty() {
                return Err("does not select anything");
            }
            let evidence = difference.evidence.as_deref();
            if evidence.is_some_and(|note| note.trim().is_empty()) {
                return Err("names no evidence");
            }
            if !difference.conditions.iter().all(Condition::is_usable) {
                return Err("has a condition that tests nothing");
            }
        }
        Ok(())
    }
}

impl Difference {
    fn announces(&self, aspect: &str, scene: Scene<'_>) -> bool {
        self.aspects.iter().any(|announced| announced == aspect)
            && self.conditions.iter().all(|test| test.holds(scene))
    }
}

impl Condition {
    fn is_usable(&self) -> bool {
        let tests = [
            self.equals.is_some(),
            self.one_of.is_some(),
            self.has_bits.is_some(),
            self.has_any_bits.is_some(),
            self.lacks_bits.is_some(),
            self.contains.is_some(),
            self.present.is_some(),
            self.differs_from.is_some(),
        ];
        !self.field.is_empty()
            && self.field.split('.').count() <= MAXIMUM_STEPS
            && tests.contains(&true)
    }

    fn holds(&self, scene: Scene<'_>) -> bool {
        let values = scene.select(&self.field);
        let any = |test: &dyn Fn(&Value) -> bool| values.iter().any(|value| test(value));
        let text = |test: &dyn Fn(&str) -> bool| any(&|value| value.as_str().is_some_and(test));
        let bits = |value: &Value, test: &dyn Fn(u64) -> bool| value.as_u64().is_some_and(test);
        let equals = self.equals.as_ref();
        let tests = [
            equals.map(|wanted| any(&|value| value == wanted)),
            self.one_of
                .as_ref()
                .map(|wanted| any(&|value| wanted.contains(value))),
            self.has_bits
                .map(|wanted| any(&|value| bits(value, &|value| value & wanted == wanted))),
            self.has_any_bits
                .map(|wanted| any(&|value| bits(value, &|value| value & wanted != 0))),
            self.lacks_bits.map(|unwanted| {
                let mut values = values.iter();
                values.all(|value| bits(value, &|value| value & unwanted == 0))
            }),
            self.contains
                .as_ref()
                .map(|wanted| text(&|value| value.contains(wanted.as_str()))),
            self.present
                .map(|wanted| any(&|value| !value.is_null()) == wanted),
            self.differs_from
                .as_ref()
                .map(|other| values != scene.select(other)),
        ];
        tests.into_iter().flatten().all(|test| test)
    }
}

impl<'a> Scene<'a> {
    /// The facts about what the comparison's actor can read.
    fn mine(self) -> &'a Value {
        let actor = self.this.get("actor").and_then(Value::as_str);
        let facts = actor.and_then(|actor| self.facts.get("by_actor")?.get(actor));
        facts.unwrap_or(&Value::Null)
    }

    fn select(self, path: &str) -> Vec<&'a Value> {
        let (root, path) = match path.split_once('.') {
            Some(("this", rest)) => (self.this, rest),
            Some(("facts", rest)) => (self.facts, rest),
            Some(("mine", rest)) => (self.mine(), rest),
            _ => (self.case, path),
        };
        let mut values = vec![root];
        for step in path.split('.') {
            values = match step.strip_suffix("[]") {
                None if step == "*" => {
                    let members = values.iter().filter_map(|value| value.as_object());
                    members.flat_map(|members| members.values()).collect()
                }
                Some(name) => values
                    .iter()
                    .filter_map(|value| value.get(name)?.as_array())
                    .flatten()
                    .collect(),
                None => values.iter().filter_map(|value| value.get(step)).collect(),
            };
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &str) -> bool {
        let condition: Condition = serde_saphyr::from_str(condition).expect("a condition");
        assert!(condition.is_usable());
        let case =
            json!({ "parts": [{ "flags": 1 }, { "flags": 6 }], "name": "abc", "other": "abd" });
        let facts = json!({ "width": 300, "by_actor": { "origin": { "size": 7 } } });
        let this = json!({ "libdime": "accept", "actor": "origin" });
        condition.holds(Scene {
            case: &case,
            facts: &facts,
            this: &this,
        })
    }

    #[test]
    fn a_condition_tests_case_facts_and_comparison() {
        for (condition, wanted) in [
            ("{ field: 'parts[].flags', has-bits: 4 }", true),
            ("{ field: 'parts[].flags', has-bits: 8 }", false),
            ("{ field: 'parts[].flags', lacks-bits: 8 }", true),
            ("{ field: 'parts[].flags', lacks-bits: 4 }", false),
            ("{ field: name, equals: abc }", true),
            ("{ field: name, one-of: [x, abc] }", true),
            ("{ field: name, contains: b }", true),
            ("{ field: name, differs-from: other }", true),
            ("{ field: this.libdime, equals: accept }", true),
            ("{ field: '*', equals: abc }", true),
            ("{ field: mine.size, equals: 7 }", true),
            ("{ field: 'parts[].flags', has-any-bits: 12 }", true),
            ("{ field: nothing.there, present: false }", true),
            ("{ field: nothing.there, equals: abc }", false),
        ] {
            assert_eq!(holds(condition), wanted, "{condition}");
        }
    }

    #[test]
    fn rulings_that_explain_or_test_nothing_are_refused() {
        let ruling = |id: &str, reason: &str, condition: &str| {
            format!(
                "  - {{ id: {id}, date: '2026-11-22', topic: t, libdime: l, ours: o, reason: '{reason}',\n      \
                 differences: [{{ where: [{{ field: f{condition} }}], aspects: [a] }}] }}\n"
            )
        };
        let good = ruling("one", "r", ", equals: 1");
        assert!(Rulings::parse(&format!("rulings:\n{good}")).is_ok());
        for (wrong, wanted) in [
            (format!("{good}{good}"), "not unique"),
            (ruling("one", " ", ", equals: 1"), "explain"),
            (ruling("one", "r", ""), "tests nothing"),
        ] {
            let error = Rulings::parse(&format!("rulings:\n{wrong}")).expect_err("refused");
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }

    /// The bundled rulings that announce a difference.
    fn announcing(aspect: &str, case: &Value, facts: &Value, this: &Value) -> Vec<String> {
        let rulings = Rulings::bundled().expect("the rulings are usable");
        let scene = Scene { case, facts, this };
        let clauses = rulings.announcing("messages", aspect, scene).into_iter();
        let ids = clauses.filter_map(|clause| Some(rulings.ruling(clause)?.id.clone()));
        ids.collect()
    }

    #[test]
    fn sealing_is_refused_by_what_the_parts_are() {
        let sealing = |flags: u8, gzip_fits: bool| {
            let author = json!({ "parts": [{ "flags": flags }], "gzip_fits": gzip_fits });
            let facts = json!({ "by_actor": { "author": author } });
            announcing("sealing", &json!({}), &facts, &json!({})).join(" ")
        };
        assert_eq!(sealing(0x04, true), "");
        assert_eq!(sealing(0x04, false), "gzip-flag-needs-gzip-data");
        assert_eq!(
            sealing(0x02, true),
            "alternate-flag-needs-the-alternate-layer"
        );
        assert_eq!(sealing(0x80, true), "continued-parts-are-joined");
        assert_eq!(sealing(0x08, true), "undefined-flags-are-refused");
    }

    #[test]
    fn joined_attachments_and_headers_with_a_line_break_are_read_otherwise() {
        let facts = json!({ "by_actor": { "author": { "parts": [{ "flags": 0x80 }] } } });
        let this = json!({ "actor": "author", "ours": false });
        let case = json!({ "inputs": { "attach": [{ "flags": 0x80 }] } });
        let wanted = ["continued-parts-are-joined"];
        assert_eq!(announcing("attach", &case, &facts, &this), wanted);
        assert!(announcing("display", &case, &facts, &this).is_empty());
        let case = |to: &str| json!({ "inputs": { "common_headers": { "to": to } } });
        let wanted = ["no-line-breaks-in-common-headers"];
        let contents = |to: &str| announcing("contents", &case(to), &facts, &this);
        assert_eq!(contents("t\r\nCC: evil"), wanted);
        assert!(contents("t").is_empty());
    }

    #[test]
    fn the_bundled_rulings_are_usable() {
        Rulings::bundled().expect("the rulings are usable");
    }
}
