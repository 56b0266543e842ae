//! The scenario language: one YAML file is one story, and all a reader needs.
//!
//! [`parse`] turns a file into cases, one per combination of its `vary` block, or into
//! [`Diagnostics`] like those of a compiler. [`builtin`] and [`load_dir`] find files; listing them
//! reads nothing but their `vary` blocks. No scenario names an implementation, and none has code
//! behind it.

mod check;
mod diagnostic;
pub mod expectations;
pub mod imported;
mod library;
pub mod limits;
mod read;
pub mod steps;
pub mod values;
mod vary;
pub mod world;

use std::sync::Arc;

use dime::platform::UnixTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use diagnostic::nearest;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use library::{
    Entry, Library, LoadError, Requirement, RequirementLevel, RequirementSource, Source, builtin,
    inherent_text, kills_text, load_dir, load_file,
};
pub use vary::{Axes, Text};

use expectations::Expectation;
use steps::Step;
use values::{Located, Place};
use vary::VaryBlock;
use world::WorldSpec;

/// 2026-11-21, when a simulation begins whose scenario says nothing else; seconds since 1970.
pub const DEFAULT_DAY: u64 = 1_795_219_200;

/// A scenario with the values of one case put in.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Topic and name, `privacy/four-hops`.
    pub name: String,
    /// What it is about, in one sentence.
    pub title: String,
    /// Ids of the requirements it checks.
    pub requirements: Vec<Located<String>>,
    /// Which bytes our own side emits, if the file says so.
    pub profile: Option<ProfileWord>,
    /// What its world is made of.
    pub world: WorldSpec,
    /// What happens, in order.
    pub steps: Vec<Located<Step>>,
    /// What must have come of it.
    pub expect: Vec<Located<Expectation>>,
    /// The file's text, to show places of it.
    pub text: Text,
}

/// One runnable case: a scenario and the values of its axes.
#[derive(Clone, Debug)]
pub struct Case {
    /// The scenario, values put in.
    pub scenario: Arc<Scenario>,
    /// The values.
    pub axes: Axes,
}

/// Which bytes our own side emits where the public code bases disagree, or where we do better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProfileWord {
    /// Signets and key files as libdime writes them.
    #[default]
    #[serde(rename = "libdime-1")]
    Libdime,
    /// Signets and key files as Magma writes them.
    #[serde(rename = "magma-1")]
    Magma,
    /// As libdime writes them, but letters sealed under the hardened profile, so that their
    /// destination cannot confirm the author.
    #[serde(rename = "hardened")]
    Hardened,
}

impl ProfileWord {
    /// All profiles.
    pub const ALL: [ProfileWord; 3] = [Self::Libdime, Self::Magma, Self::Hardened];

    /// Its name, as scenarios write it.
    pub fn name(self) -> &'static str {
        match self {
            ProfileWord::Libdime => "libdime-1",
            ProfileWord::Magma => "magma-1",
            ProfileWord::Hardened => "hardened",
        }
    }

    /// The profile of a name.
    pub fn from_name(name: &str) -> Option<ProfileWord> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// A file as it is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "A dimespec scenario")]
struct Document {
    /// What it is about, in one sentence.
    scenario: Located<String>,
    /// Ids of the requirements it checks.
    requirements: Vec<Located<String>>,
    /// Which bytes our own side emits; the caller's choice if the file says nothing.
    #[serde(default)]
    profile: Option<ProfileWord>,
    /// Lists of values that make the file several cases; `${axis}` stands for the value.
    #[serde(default)]
    vary: VaryBlock,
    /// What its world is made of.
    world: WorldSpec,
    /// What happens, in order.
    steps: Vec<Located<Step>>,
    /// What must have come of it; raw dialogs expect for themselves.
    #[serde(default)]
    expect: Vec<Located<Expectation>>,
}

impl Scenario {
    /// When its world begins in the simulation: the first second of its `clock`'s day, or of
    /// [`DEFAULT_DAY`].
    pub fn start(&self) -> UnixTime {
        let day = self.world.clock.as_ref();
        UnixTime(day.map_or(DEFAULT_DAY, |day| day.0))
    }

    /// The line of the file on which a place stands, from 1.
    pub fn line(&self, place: Place) -> usize {
        self.text.line(place)
    }
}

impl Case {
    /// The case under `profile`, if its file names none.
    pub fn with_profile(mut self, profile: ProfileWord) -> Self {
        if self.scenario.profile.is_none() {
            Arc::make_mut(&mut self.scenario).profile = Some(profile);
        }
        self
    }

    /// `topic/name`, or `topic/name[axis=value]`.
    pub fn name(&self) -> String {
        format!("{}{}", self.scenario.name, self.axes)
    }
}

/// Reads and checks a file: all its cases, in the order of its `vary` block.
///
/// `name` is the scenario's name (`privacy/four-hops`), `path_shown` what diagnostics call the
/// file.
pub fn parse(name: &str, path_shown: &str, text: &str) -> Result<Vec<Case>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut cases = Vec::new();
    for axes in vary::combinations(path_shown, text)? {
        match parse_case(name, path_shown, text, &axes) {
            Ok(case) => cases.push(case),
            Err(found) => found
                .problems
                .into_iter()
                .for_each(|one| problems.push(one)),
        }
    }
    problems.into_result()?;
    Ok(cases)
}

/// Reads and checks one case of a file.
pub(crate) fn parse_case(
    name: &str,
    path_shown: &str,
    text: &str,
    axes: &Axes,
) -> Result<Case, Diagnostics> {
    let text = Text::fill(path_shown, text, axes)?;
    let document = read::document::<Document>(&text)?;
    let scenario = Scenario {
        name: name.to_owned(),
        title: document.scenario.value.clone(),
        requirements: document.requirements,
        profile: document.profile,
        world: document.world,
        steps: document.steps,
        expect: document.expect,
        text,
    };
    check::scenario(&scenario, &document.scenario, &document.vary, axes)?;
    Ok(Case {
        scenario: Arc::new(scenario),
        axes: axes.clone(),
    })
}

/// The JSON Schema of the language, generated from its types.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "scenario: A title\nrequirements: [DIME-HOP-1]\n";
    const WORLD: &str = "world:\n  organizations:\n    alpha.example: { users: { alice: {} } }\n    beta.example: { users: { bob: {} } }\n";
    const STEPS: &str = "steps:\n  - send: { as: letter, from: alice, to: bob, subject: hello }\n  - await: { letter: delivered, within: 1 h }\n";
    const EXPECT: &str = "expect:\n  - delivered: { letter: letter, to: bob }\n";

    fn whole() -> String {
        format!("{HEAD}{WORLD}{STEPS}{EXPECT}")
    }

    /// The problems of the whole file after a change; the change must change something.
    fn broken(from: &str, to: &str) -> String {
        let text = whole().replace(from, to);
        assert_ne!(text, whole());
        match parse("topic/name", "topic/name.yaml", &text) {
            Ok(_) => "no problem".to_owned(),
            Err(problems) => problems.to_string(),
        }
    }

    #[test]
    fn a_whole_file_reads() {
        let cases = parse("topic/name", "topic/name.yaml", &whole());
        let cases = cases.unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(
            cases.iter().map(Case::name).collect::<Vec<_>>(),
            ["topic/name"]
        );
        let scenario = &cases[0].scenario;
        assert_eq!(scenario.title, "A title");
        let lines = scenario.steps.iter().map(|step| scenario.line(step.place));
        assert_eq!(lines.collect::<Vec<_>>(), [8, 9]);
    }

    #[test]
    fn an_unknown_key_has_a_near_miss() {
        insta::assert_snapshot!(broken("organizations:", "organisations:"), @r"
        error: unknown key `organisations`
         --> topic/name.yaml:4:3
          |
        4 |   organisations:
          |   ^^^^^^^^^^^^^ expected one of `organizations`, `taps`, `import`, `clock`
          = help: did you mean `organizations`?
        ");
    }

    #[test]
    fn an_unknown_step_has_a_near_miss() {
        insta::assert_snapshot!(broken("- await:", "- awiat:"), @r"
        error: unknown word `awiat`
         --> topic/name.yaml:9:5
          |
        9 |   - awiat: { letter: delivered, within: 1 h }
          |     ^^^^^ expected one of `send`, `reply`, `await`, `resolve`, `advance`, `inject`, `dmtp`, `corrupt`, `serve`
          = help: did you mean `await`?
        ");
    }

    #[test]
    fn a_missing_key_is_named() {
        insta::assert_snapshot!(broken(" from: alice,", ""), @r"
        error: key `from` is missing
         --> topic/name.yaml:8:34
          |
        8 |   - send: { as: letter, to: bob, subject: hello }
          |                                  ^^^^^^^ expected `from` beside this
        ");
    }

    #[test]
    fn a_key_that_stands_twice_is_shown_the_second_time() {
        insta::assert_snapshot!(broken("subject: hello", "subject: hello, to: bob"), @r"
        error: key `to` stands here twice
         --> topic/name.yaml:8:63
          |
        8 |   - send: { as: letter, from: alice, to: bob, subject: hello, to: bob }
          |                                                               ^^
        ");
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_was_expected() {
        insta::assert_snapshot!(broken("1 h", "one hour"), @r"
        error: `one hour` does not read
         --> topic/name.yaml:9:41
          |
        9 |   - await: { letter: delivered, within: one hour }
          |                                         ^^^^^^^^ expected a time such as `30 s`, `5 min`, `1 h` or `2 d`
        ");
        insta::assert_snapshot!(broken("bob: {}", "bob: { alternate: maybe }"), @r"
        error: not a truth value
         --> topic/name.yaml:6:48
          |
        6 |     beta.example: { users: { bob: { alternate: maybe } } }
          |                                                ^^^^^ expected `true` or `false`
        ");
        insta::assert_snapshot!(broken("bob: {}", "bob: [1]"), @r"
        error: found something else
         --> topic/name.yaml:6:35
          |
        6 |     beta.example: { users: { bob: [1] } }
          |                                   ^ expected a mapping such as `{ key: value }`
        ");
        insta::assert_snapshot!(broken("[DIME-HOP-1]", "DIME-HOP-1"), @r"
        error: found something else
         --> topic/name.yaml:2:15
          |
        2 | requirements: DIME-HOP-1
          |               ^^^^^^^^^^ expected a list such as `[one, two]`
        ");
    }

    #[test]
    fn a_word_that_is_none_has_a_near_miss() {
        insta::assert_snapshot!(broken("{ bob: {} } }", "{ bob: {} }, dnssec: exspired }"), @r"
        error: unknown word `exspired`
         --> topic/name.yaml:6:49
          |
        6 |     beta.example: { users: { bob: {} }, dnssec: exspired }
          |                                                 ^^^^^^^^ expected one of `signed`, `unsigned`, `bogus`, `expired`, `wrong-ds`
          = help: did you mean `expired`?
        ");
        insta::assert_snapshot!(broken("letter: delivered,", "letter: arrived,"), @r"
        error: unknown word `arrived`
         --> topic/name.yaml:9:22
          |
        9 |   - await: { letter: arrived, within: 1 h }
          |                      ^^^^^^^ expected one of `delivered`, `refused`, `failed`
        ");
    }

    #[test]
    fn a_file_that_is_no_yaml_is_shown_where_it_breaks() {
        insta::assert_snapshot!(broken("  - await", " - await"), @r"
        error: while parsing a block mapping, did not find expected key
         --> topic/name.yaml:9:2
          |
        9 |  - await: { letter: delivered, within: 1 h }
          |  ^
        ");
    }

    #[test]
    fn unknown_people_and_letters_are_all_reported() {
        insta::assert_snapshot!(broken("letter: letter, to: bob }", "letter: lettre, to: bop }\n  - knows: { gamma.example: { exactly: [letter.author] } }"), @r"
        error: no step sends a letter `lettre`
          --> topic/name.yaml:11:26
           |
        11 |   - delivered: { letter: lettre, to: bop }
           |                          ^^^^^^ steps send letter
           = help: did you mean `letter`?

        error: unknown user `bop`
          --> topic/name.yaml:11:38
           |
        11 |   - delivered: { letter: lettre, to: bop }
           |                                      ^^^ the file names alice, bob
           = help: did you mean `bob`?

        error: unknown principal `gamma.example`
          --> topic/name.yaml:12:14
           |
        12 |   - knows: { gamma.example: { exactly: [letter.author] } }
           |              ^^^^^^^^^^^^^ the file names alpha.example, beta.example, alice, bob, dns
           = help: did you mean `alpha.example`?
        ");
    }

    #[test]
    fn a_letter_is_awaited_after_it_is_sent() {
        insta::assert_snapshot!(broken("letter: delivered,", "other: delivered,"), @r"
        error: no step sends a letter `other`
         --> topic/name.yaml:9:14
          |
        9 |   - await: { other: delivered, within: 1 h }
          |              ^^^^^ steps send letter
        ");
    }

    #[test]
    fn what_is_so_from_the_start_stands_there() {
        let step = "  - serve: { domain: beta.example, for: bob, signet: alice }\n";
        insta::assert_snapshot!(broken("expect:", &format!("{step}expect:")), @r"
        error: this is so from the start of a run, not only from here on
          --> topic/name.yaml:10:5
           |
        10 |   - serve: { domain: beta.example, for: bob, signet: alice }
           |     ^
           = help: put it before all steps in which somebody acts
        ");
    }

    #[test]
    fn a_person_has_one_organization() {
        insta::assert_snapshot!(broken("bob: {}", "bob: {}, alice: {}"), @r"
        error: `alice` is a user of `alpha.example` too
         --> topic/name.yaml:6:39
          |
        6 |     beta.example: { users: { bob: {}, alice: {} } }
          |                                       ^^^^^
          = help: give each person a name of their own
        ");
    }

    #[test]
    fn a_mode_that_nobody_plays_yet_is_refused() {
        insta::assert_snapshot!(broken("bob: {}", "bob: { mode: trustful }"), @r"
        error: this account mode is not supported yet
         --> topic/name.yaml:6:43
          |
        6 |     beta.example: { users: { bob: { mode: trustful } } }
          |                                           ^^^^^^^^ expected `paranoid`
        ");
    }

    #[test]
    fn a_fact_is_one_of_the_policys() {
        insta::assert_snapshot!(broken("- delivered: { letter: letter, to: bob }", "- never-knows: { beta.example: [letter.sender] }"), @r"
        error: `letter.sender` does not read
          --> topic/name.yaml:11:35
           |
        11 |   - never-knows: { beta.example: [letter.sender] }
           |                                   ^^^^^^^^^^^^^ expected a fact such as `letter.author`
        ");
    }

    #[test]
    fn limits_are_named() {
        insta::assert_snapshot!(broken("subject: hello", "subject: hello, body: { text: 9 MiB }"), @r"
        error: a size is from 1 B to 8 MiB
         --> topic/name.yaml:8:77
          |
        8 |   - send: { as: letter, from: alice, to: bob, subject: hello, body: { text: 9 MiB } }
          |                                                                             ^^^^^
        ");
        insta::assert_snapshot!(broken("1 h", "500 d"), @r"
        error: a time is more than 0 and at most 400 d
         --> topic/name.yaml:9:41
          |
        9 |   - await: { letter: delivered, within: 500 d }
          |                                         ^^^^^
        ");
    }

    #[test]
    fn a_requirement_is_one_of_the_list() {
        insta::assert_snapshot!(broken("DIME-HOP-1", "DIME-HOPE-1"), @r"
        error: unknown requirement `DIME-HOPE-1`
         --> topic/name.yaml:2:16
          |
        2 | requirements: [DIME-HOPE-1]
          |                ^^^^^^^^^^^ expected an id of requirements.yaml
          = help: did you mean `DIME-HOP-1`?
        ");
    }

    #[test]
    fn the_checked_in_schema_is_current() {
        let current = serde_json::to_string_pretty(&schema()).expect("it is JSON") + "\n";
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../scenarios/scenario.schema.json"
        );
        if std::env::var_os("DIMESPEC_WRITE_SCHEMA").is_some() {
            std::fs::write(path, &current).expect("the folder is writable");
        }
        let kept = std::fs::read_to_string(path).expect("it is checked in");
        assert!(
            kept == current,
            "the schema is stale: run this test with DIMESPEC_WRITE_SCHEMA=1"
        );
    }

    #[test]
    fn a_file_of_nothing_but_problems_is_told_shortly() {
        let text = "${a} ".repeat(limits::MAX_FILE_BYTES / 5);
        let problems = parse("a/b", "a.yaml", &text).expect_err("there is no axis `a`");
        assert_eq!(problems.problems.len(), limits::MAX_PROBLEMS);
        let problems = parse("a/b", "a.yaml", &text.repeat(2)).expect_err("it is too long");
        insta::assert_snapshot!(problems, @r"
        error: the file is longer than 65536 bytes
         --> a.yaml:1:1
        ");
        let deep = "[".repeat(limits::MAX_FILE_BYTES);
        assert!(parse("a/b", "a.yaml", &deep).is_err());
        let users = (0..900).fold(String::new(), |all, index| {
            all + &format!("u{index}: {{}}, ")
        });
        insta::assert_snapshot!(broken("bob: {}", &users), @r"
        error: more than 64 names in one mapping
         --> topic/name.yaml:6:28
          |
        6 |     beta.example: { users: { u0: {}, u1: {}, u2: {}, u3: {}, u4: {}, u5: {}, u6: {}, u7: {}, u8: {},
          |                            ^
        ");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,300}") {
            let _ = parse("a/b", "a.yaml", &text).map_err(|problems| problems.to_string());
        }

        #[test]
        fn no_damage_to_a_file_makes_the_reader_panic(
            at in 0_usize..600,
            length in 0_usize..40,
            with in "[ -~\n\u{e9}]{0,20}",
        ) {
            let mut text = format!("{HEAD}vary: {{ axis: [a, b] }}\n{WORLD}{STEPS}{EXPECT}# ${{axis}}");
            let begin = at.min(text.len());
            let end = (begin + length).min(text.len());
            text.replace_range(begin..end, &with);
            let _ = parse("a/b", "a.yaml", &text).map_err(|problems| problems.to_string());
        }
    }
}
