//! The program as a hostile or clumsy user meets it: wrong files, wrong words, wrong places. Every
//! one of them gets a message that says what to do, the documented exit code, and no panic.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use dimespec_report::json;
use dimespec_report::model::Verdict;
use tempfile::TempDir;

/// A scenario that passes.
const GOOD: &str = "\
scenario: A letter arrives
requirements: [DIME-HOP-1]
world:
  organizations:
    alpha.example: { users: { alice: {} } }
    beta.example: { users: { bob: {} } }
steps:
  - send: { as: letter, from: alice, to: bob, subject: hello, body: { text: 1 KiB } }
  - await: { letter: delivered }
expect:
  - delivered: { letter: letter, to: bob }
";

const CASE: &str = "privacy/four-hops";

/// A folder to run the program in.
struct Place(TempDir);

/// What the program said, and its exit code.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, contents).expect("a file");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dimespec"));
        command
            .args(words)
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    fn says(&self, words: &[&str]) -> Said {
        let output = self.command(words).output().expect("the program runs");
        let err = String::from_utf8(output.stderr).expect("text");
        assert!(!err.contains("panicked"), "{err}");
        Said {
            code: output.status.code().expect("an exit code"),
            out: String::from_utf8(output.stdout).expect("text"),
            err,
        }
    }

    /// What `check` says of a file with this text.
    fn check(&self, text: impl AsRef<[u8]>) -> String {
        self.write("broken.yaml", text);
        let said = self.says(&["check", "broken.yaml"]);
        assert_eq!(said.code, 2, "{said:?}");
        assert_eq!(said.out, "");
        said.err
    }
}

/// What the program says of wrong words, which end it with exit code 2 before anything runs.
fn refusal(words: &[&str]) -> String {
    let said = Place::new().says(words);
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(said.out, "", "something ran");
    said.err
}

#[test]
fn a_wrong_indentation_is_shown_where_it_stands() {
    let broken = Place::new().check(GOOD.replace("  - await", " - await"));
    insta::assert_snapshot!(broken, @r"
    error: while parsing a block mapping, did not find expected key
     --> broken.yaml:9:2
      |
    9 |  - await: { letter: delivered }
      |  ^
    ");
}

#[test]
fn a_key_that_stands_twice_is_shown_where_it_stands() {
    let broken = Place::new().check(GOOD.replace("steps:", "steps: []\nsteps:"));
    insta::assert_snapshot!(broken, @r"
    error: key `steps` stands here twice
     --> broken.yaml:8:1
      |
    8 | steps:
      | ^^^^^
    ");
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    let broken = Place::new().check(GOOD.replace("subject:", "subjct:"));
    insta::assert_snapshot!(broken, @r"
    error: unknown key `subjct`
     --> broken.yaml:8:47
      |
    8 |   - send: { as: letter, from: alice, to: bob, subjct: hello, body: { text: 1 KiB } }
      |                                               ^^^^^^ expected one of `as`, `from`, `to`, `subject`, `body`, `attachments`, `return`
      = help: did you mean `subject`?
    ");
}

#[test]
fn an_unknown_person_is_shown_with_the_one_that_was_meant() {
    let broken = Place::new().check(GOOD.replace("to: bob,", "to: bobb,"));
    insta::assert_snapshot!(broken, @r"
    error: unknown user `bobb`
     --> broken.yaml:8:42
      |
    8 |   - send: { as: letter, from: alice, to: bobb, subject: hello, body: { text: 1 KiB } }
      |                                          ^^^^ the file names alice, bob
      = help: did you mean `bob`?
    ");
}

#[test]
fn a_wrong_unit_is_shown_with_those_there_are() {
    let broken = Place::new().check(GOOD.replace("1 KiB", "1 KiloByte"));
    insta::assert_snapshot!(broken, @r"
    error: `1 KiloByte` does not read
     --> broken.yaml:8:77
      |
    8 |   - send: { as: letter, from: alice, to: bob, subject: hello, body: { text: 1 KiloByte } }
      |                                                                             ^^^^^^^^^^ expected a size such as `300 B`, `20 KiB` or `1 MiB`
    ");
}

#[test]
fn a_letter_that_is_awaited_but_never_sent_is_shown() {
    let broken = Place::new().check(GOOD.replace("{ letter: delivered }", "{ later: delivered }"));
    insta::assert_snapshot!(broken, @r"
    error: no step sends a letter `later`
     --> broken.yaml:9:14
      |
    9 |   - await: { later: delivered }
      |              ^^^^^ steps send letter
    ");
}

#[test]
fn what_is_no_scenario_file_is_refused_in_a_line() {
    let place = Place::new();
    fs::create_dir(place.path().join("folder")).expect("a folder");
    for (path, expected) in [
        ("missing.yaml", "No such file"),
        ("folder", "it is a folder"),
        ("/dev/zero", "it is not a regular file"),
    ] {
        let said = place.says(&["check", path]);
        assert_eq!((said.code, said.out.as_str()), (2, ""));
        let line = said.err.lines().next().expect("a line");
        let start = format!("error: failed to read the file: {expected}");
        assert!(line.starts_with(&start), "{}", said.err);
        assert!(said.err.contains(path), "{}", said.err);
    }
    let binary: Vec<u8> = (0..=255).cycle().take(5000).collect();
    assert!(place.check(binary).contains("it is not UTF-8 text"));
    let long = "# a comment that goes on\n".repeat(300 * 1024 / 25);
    assert!(place.check(long).contains("it is longer than 65536 bytes"));
}

#[test]
fn a_file_that_grows_when_read_is_refused_at_once() {
    let mut laughs = "world: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        laughs.push_str(&format!("steps{level}: &a{level} [{before}]\n"));
    }
    let place = Place::new();
    assert!(place.check(&laughs).starts_with("error: "));
    // The same below a key that is read whole.
    let steps = GOOD.replace("steps:\n", &format!("steps: &s\n{}", "  - *s\n".repeat(50)));
    assert!(place.check(steps).starts_with("error: "));
    assert!(place.check("[".repeat(60_000)).starts_with("error: "));
    assert!(place.check("scenario: &a [*a]\n").starts_with("error: "));
    assert!(place.check("").contains("the file ends too early"));
}

#[test]
fn files_are_checked_one_after_the_other() {
    let place = Place::new();
    place.write("good.yaml", GOOD);
    place.write("windows.yaml", GOOD.replace('\n', "\r\n"));
    let said = place.says(&["check", "good.yaml", "missing.yaml", "windows.yaml"]);
    assert_eq!(said.code, 2);
    assert_eq!(
        said.out,
        "good.yaml: ok, 1 case(s)\nwindows.yaml: ok, 1 case(s)\n"
    );
    assert_eq!(place.says(&["check", "good.yaml"]).code, 0);
}

#[test]
fn a_filter_that_matches_nothing_is_named_with_what_was_meant() {
    for (word, near) in [
        ("privacy/fuor-hops", "; did you mean `privacy/four-hops`?"),
        ("fourhops", "; did you mean `privacy/four-hops`?"),
        ("nothing-like-it", ""),
    ] {
        let expected = format!("error: there is no case `{word}`{near}\n");
        for command in ["run", "list"] {
            let said = Place::new().says(&[command, word]);
            assert_eq!((said.code, &said.err), (4, &expected));
        }
        assert_eq!(refusal(&["explain", word]), expected);
    }
    // What does match runs all the same.
    let said = Place::new().says(&["run", CASE, "nothing-like-it"]);
    assert_eq!(said.code, 0);
    assert!(said.err.contains("`nothing-like-it`"), "{}", said.err);
}

#[test]
fn a_wrong_cast_is_refused_before_anything_runs() {
    let wrong = |cast: &str| refusal(&["run", CASE, "--impl", cast]);
    assert!(wrong("destination=dimd").contains("did you mean `dimed`?"));
    assert!(wrong("destination=").contains("is no implementation"));
    assert!(wrong("author=origin-data-argument").contains("cannot play author; it plays origin"));
    assert!(wrong("author=dimed").contains("plays origin or destination"));
    assert!(wrong("destination").contains("is not of the form ACTOR=NAME"));
    assert!(wrong("server=dimed").contains("is no actor"));
    let needs_live = "error: dimed is an external program, which only runs live: add --live\n";
    assert_eq!(wrong("destination=dimed"), needs_live);
    assert_eq!(
        refusal(&["explain", CASE, "--impl", "origin=dimed"]),
        needs_live
    );
}

#[test]
fn wrong_numbers_are_refused() {
    for seed in ["x", "", "-1", "1.5", "99999999999999999999"] {
        let told = refusal(&["run", CASE, &format!("--seed={seed}")]);
        assert!(told.contains("--seed"), "{told}");
    }
    assert!(refusal(&["run", CASE, "--jobs=0"]).contains("--jobs"));
}

#[test]
fn under_the_hardened_profile_four_hops_loses_i1() {
    let place = Place::new();
    let ordinary = place.says(&["run", "--exact", CASE]);
    assert!(ordinary.out.contains("I1"), "{}", ordinary.out);
    let hardened = place.says(&["run", "--exact", CASE, "--profile", "hardened"]);
    assert_eq!(hardened.code, 0, "{}", hardened.out);
    assert!(hardened.out.contains("PASS"), "{}", hardened.out);
    assert!(!hardened.out.contains("I1"), "{}", hardened.out);
}

#[test]
fn a_profile_that_is_none_is_refused_with_those_there_are() {
    let err = refusal(&["run", "--profile", "hard"]);
    insta::assert_snapshot!(err, @"error: there is no profile `hard`; there are libdime-1, magma-1, hardened");
}

#[test]
fn a_failure_under_a_profile_says_so_in_the_command_that_replays_it() {
    let place = Place::new();
    let hasty = GOOD.replace("delivered }\nexpect", "delivered, within: 5 min }\nexpect");
    place.write("own/topic/good.yaml", hasty);
    let rogue = "author=client-signs-destination-chunk";
    let words = [
        "run",
        "--profile",
        "hardened",
        "--impl",
        rogue,
        "--scenarios",
        "own",
    ];
    let said = place.says(&words);
    assert_eq!(said.code, 1, "{}", said.out);
    let replay = format!("'topic/good' --seed 1 --profile hardened --impl {rogue}");
    assert!(said.out.contains(&replay), "{}", said.out);
}

#[test]
fn a_folder_without_scenarios_is_named() {
    let place = Place::new();
    let said = place.says(&["run", "--scenarios", "nowhere"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(
        said.err
            .starts_with("error: failed to read nowhere: No such file"),
        "{}",
        said.err
    );
    fs::create_dir(place.path().join("empty")).expect("a folder");
    let said = place.says(&["run", "--scenarios", "empty"]);
    assert_eq!(said.code, 4);
    insta::assert_snapshot!(said.err, @"error: empty holds no scenario; a scenario is a file topic/name.yaml in it");
}

#[test]
fn a_broken_scenario_among_others_fails_alone_and_ends_with_exit_code_2() {
    let place = Place::new();
    place.write("own/mail/good.yaml", GOOD);
    place.write(
        "own/mail/broken.yaml",
        GOOD.replace("to: bob,", "to: bobb,"),
    );
    place.write("own/mail/binary.yaml", [0xff, 0xfe, 0x00]);
    let said = place.says(&["run", "--scenarios", "own", "--report", "out"]);
    assert_eq!(said.code, 2, "{said:?}");
    let results = fs::read_to_string(place.path().join("out/results.json")).expect("results");
    let report = json::read(&results).expect("results that read");
    let verdict = |name: &str| {
        let mut runs = report.runs.iter();
        let run = runs.find(|run| run.name == name).expect("a run");
        (
            run.verdict,
            run.findings.first().map(|it| it.culprit.as_str()),
        )
    };
    assert_eq!(verdict("mail/good"), (Verdict::Pass, None));
    assert_eq!(verdict("mail/broken"), (Verdict::Fail, Some("scenario")));
    assert_eq!(verdict("mail/binary"), (Verdict::Fail, Some("scenario")));
    assert!(
        said.out.contains("--> own/mail/broken.yaml:8:42"),
        "{}",
        said.out
    );
    // The command that repeats it finds the scenario again.
    let replay = "--exact 'mail/broken' --seed 1 --scenarios own";
    assert!(said.out.contains(replay), "{}", said.out);
    assert_eq!(place.says(&["run", "--scenarios", "own", "good"]).code, 0);
}

#[test]
fn results_are_written_whole_and_read_back() {
    let place = Place::new();
    place.write("out/index.html", "results of an earlier run");
    let said = place.says(&["run", "privacy/", "--report", "out", "--seed", "7"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out.ends_with("report: out/index.html\n"),
        "{}",
        said.out
    );
    let read = |name: &str| fs::read_to_string(place.path().join("out").join(name)).expect(name);
    let report = json::read(&read("results.json")).expect("results that read");
    let events = json::read_lines(&read("events.jsonl")).expect("events that read");
    assert_eq!(events, report);
    assert!(report.runs.len() >= 5);
    assert_eq!(report.summary.total() as usize, report.runs.len());
    assert!(report.runs.iter().all(|run| run.seed == 7));
    assert!(read("index.html").contains("four-hops"));
    let mut names: Vec<_> = fs::read_dir(place.path().join("out"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["events.jsonl", "index.html", "results.json"]);
}

#[test]
fn results_that_cannot_be_written_are_said_before_anything_runs() {
    let place = Place::new();
    place.write("file", "");
    fs::create_dir_all(place.path().join("out/results.json")).expect("a folder");
    for folder in ["file/below", "file", "out"] {
        let said = place.says(&["run", CASE, "--report", folder]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{folder}");
        let start = format!("error: failed to write into {folder}: ");
        assert!(said.err.starts_with(&start), "{}", said.err);
    }
}

#[test]
fn events_on_standard_output_are_those_of_the_file() {
    let place = Place::new();
    let said = place.says(&["run", "privacy/", "--format", "json", "--report", "out"]);
    assert_eq!(said.code, 0);
    let events = fs::read_to_string(place.path().join("out/events.jsonl")).expect("events");
    assert_eq!(said.out, events);
}

#[test]
fn a_reader_that_has_seen_enough_does_no_harm() {
    let place = Place::new();
    let commands: [&[&str]; 5] = [
        &["run", "dmtp/", "--report", "out"],
        &["explain", CASE],
        &["list"],
        &["rogues"],
        &["schema", "scenario"],
    ];
    for words in commands {
        let mut child = place
            .command(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        drop(reader);
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*told), (Some(0), ""), "{words:?}");
    }
    // The results are whole although nobody read on.
    let results = fs::read_to_string(place.path().join("out/results.json")).expect("results");
    let listed = place.says(&["list", "dmtp/"]).out.lines().count();
    assert_eq!(
        json::read(&results).expect("results that read").runs.len(),
        listed
    );
}

#[test]
fn nothing_but_text_is_printed_into_a_file() {
    for words in [&["run", CASE][..], &["explain", CASE]] {
        let said = Place::new().says(words);
        assert_eq!(said.code, 0);
        assert!(!said.out.contains('\u{1b}'), "{}", said.out);
    }
}
