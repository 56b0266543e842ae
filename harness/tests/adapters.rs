//! External programs that misbehave: each costs its own run a clear verdict with the guilty party's
//! name, in bounded time, and leaves nothing behind.
//!
//! The programs under test are this program itself, started with `--play`.

// Hostile servers are real ones, and are watched in real time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use dimespec_report::json;
use dimespec_report::model::{Report, Run, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long something may take that should take no time at all.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let [_, "--play", part, rest @ ..] = &words[..] {
        play(part, rest);
        return ExitCode::SUCCESS;
    }
    let trials: [(&str, fn()); 14] = [
        (
            "one_that_ends_at_once_is_blamed_with_its_last_lines",
            ends_at_once,
        ),
        ("one_that_never_gets_ready_is_blamed", never_ready),
        ("one_that_floods_its_log_is_stopped", floods),
        ("one_that_dies_later_is_blamed_at_once", dies_later),
        (
            "one_that_ignores_sigterm_is_killed_with_all_it_started",
            ignores_sigterm,
        ),
        (
            "one_that_says_nothing_is_blamed_in_bounded_time",
            says_nothing,
        ),
        ("one_that_speaks_garbage_is_blamed", speaks_garbage),
        ("one_that_does_not_exist_is_named", does_not_exist),
        (
            "broken_manifests_are_refused_before_anything_runs",
            broken_manifests,
        ),
        (
            "an_unknown_name_in_a_template_is_the_adapters_fault",
            unknown_name,
        ),
        (
            "an_interrupted_run_ends_its_programs_and_keeps_its_events",
            interrupted,
        ),
        (
            "the_folders_of_a_passing_run_are_removed",
            folders_are_removed,
        ),
        ("what_two_programs_say_unseen_is_inconclusive", two_programs),
        ("two_runs_side_by_side_do_not_meet", side_by_side),
    ];
    let trials = trials.map(trial).into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn trial((name, test): (&str, fn())) -> Trial {
    Trial::test(name, move || {
        test();
        Ok::<(), Failed>(())
    })
}

/// Plays a hostile program. Ends by itself after a while, should nobody end it.
// Leaving children behind is what it is for.
#[allow(clippy::zombie_processes)]
fn play(part: &str, rest: &[&str]) {
    let listen = || TcpListener::bind(rest[0]).expect("the address this program was told");
    match part {
        "silent" => {
            let listener = listen();
            let mut held = Vec::new();
            // Held open, or the other side would notice.
            thread::spawn(move || held.extend(listener.incoming()));
        }
        "garbage" => {
            let listener = listen();
            thread::spawn(move || {
                for mut stream in listener.incoming().flatten() {
                    thread::spawn(move || while stream.write_all(&[0x5a; 4096]).is_ok() {});
                }
            });
        }
        "brief" => {
            // One connection to become ready, one more to die of.
            let listener = listen();
            for _ in 0..2 {
                drop(listener.accept());
            }
            println!("somebody came");
            std::process::exit(9);
        }
        "child" => {}
        other => panic!("there is no part {other}"),
    }
    if let Some(pids) = rest.get(1) {
        use std::os::unix::process::CommandExt;
        // One child in the group, one that leaves it.
        let child = || {
            let mut command = Command::new(std::env::current_exe().expect("this program"));
            command.args(["--play", "child"]).stdin(Stdio::null());
            command
        };
        let inside = child().spawn().expect("a child");
        let outside = child().process_group(0).spawn().expect("a child");
        let ids = [std::process::id(), inside.id(), outside.id()];
        fs::write(pids, ids.map(|id| format!("{id}\n")).concat()).expect("a file of ids");
    }
    thread::sleep(Duration::from_secs(60));
}

/// A folder with an adapter in it, and one for temporary files.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        Self { folder }
    }

    /// With an adapter that starts `start`, a YAML list.
    fn with(start: &str) -> Self {
        Self::with_manifest(&format!(
            "adapter: subject\nroles: [origin, destination]\n\
             capabilities: [dmtp, dmap, signet-lookup]\nstart: {start}\n\
             ready: {{ tcp: \"{{{{ address }}}}:{{{{ port.dmtp }}}}\", within-seconds: 1 }}\n"
        ))
    }

    /// With an adapter that has this program play `part`, given its address and a file for the ids
    /// of its processes.
    fn playing(part: &str) -> Self {
        let own = std::env::current_exe().expect("this program");
        Self::with(&format!(
            "[\"{}\", --play, {part}, \"{{{{ address }}}}:{{{{ port.dmtp }}}}\", \
             \"{{{{ here }}}}/ids\"]",
            own.display()
        ))
    }

    fn with_manifest(text: &str) -> Self {
        let place = Self::new();
        fs::write(place.manifest(), text).expect("a manifest");
        place
    }

    fn manifest(&self) -> PathBuf {
        self.folder.path().join("adapter.yaml")
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dimespec"));
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("TMPDIR", self.temporary())
            .stdin(Stdio::null());
        command
    }

    /// Runs a case live with the adapter in the destination's place.
    fn run(&self, case: &str) -> (i32, Run, Duration) {
        let destination = format!("destination={}", self.manifest().display());
        let words = [
            "run",
            "--live",
            "--exact",
            case,
            "--impl",
            &destination,
            "--report",
            "out",
        ];
        let began = Instant::now();
        let output = self.command(&words).output().expect("the program runs");
        let took = began.elapsed();
        let code = output.status.code().expect("an exit code");
        let report = self.report();
        let run = report.runs.into_iter().next().expect("one run");
        (code, run, took)
    }

    fn report(&self) -> Report {
        let text = fs::read_to_string(self.folder.path().join("out/results.json"));
        json::read(&text.expect("results")).expect("results that read")
    }

    fn ids(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.folder.path().join("ids")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn kept_folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.temporary()).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    }
}

const CASE: &str = "privacy/four-hops";

/// The one finding of a failed run: who is to blame, and for what.
fn only_finding(run: &Run) -> (&str, &str) {
    assert_eq!(run.verdict, Verdict::Fail);
    let [finding] = &run.findings[..] else {
        panic!("not one finding: {:?}", run.findings);
    };
    (&finding.culprit, &finding.message)
}

fn assert_gone(ids: &[i32]) {
    let alive = |id: i32| {
        let state = Command::new("ps")
            .args(["-o", "stat=", "-p", &id.to_string()])
            .output()
            .expect("ps runs");
        let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
        !state.is_empty() && !state.starts_with('Z')
    };
    wait_until("a process is still alive", || {
        !ids.iter().any(|id| alive(*id))
    });
}

fn wait_until(otherwise: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{otherwise}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn ends_at_once() {
    let place = Place::with("[sh, -c, \"echo about to give up; exit 7\"]");
    let (code, run, took) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "destination beta.example");
    assert_eq!(
        message,
        "subject ended with exit status: 7 before it was ready; its last lines:\n    about to give up\n"
    );
    assert!(took < PATIENCE, "{took:?}");
    // What it left is kept, and the report says where.
    let kept = place.kept_folders();
    assert_eq!(kept.len(), 1);
    let path = kept[0].display().to_string();
    assert!(
        run.reasons.iter().any(|reason| reason.contains(&path)),
        "{:?}",
        run.reasons
    );
    // The command that repeats it names the adapter as it can be found again.
    let option = format!("--impl destination={}", place.manifest().display());
    assert!(run.replay.contains(&option), "{}", run.replay);
}

fn never_ready() {
    let place = Place::with("[sh, -c, \"echo still thinking; sleep 60\"]");
    let (code, run, took) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "destination beta.example");
    assert!(message.contains("was not ready at 127."), "{message}");
    assert!(message.contains("within 1 s"), "{message}");
    assert!(message.ends_with("    still thinking\n"), "{message}");
    assert!(took < PATIENCE, "{took:?}");
}

fn floods() {
    let place = Place::with("[sh, -c, \"exec yes flood\"]");
    let (code, run, took) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "destination beta.example");
    assert!(message.contains("logged more than 32 MiB"), "{message}");
    assert!(message.lines().count() <= 51, "{message}");
    assert!(took < PATIENCE, "{took:?}");
}

fn dies_later() {
    let place = Place::playing("brief");
    let (code, run, took) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "destination beta.example");
    assert!(
        message.contains("exit status: 9 while it was needed"),
        "{message}"
    );
    assert!(message.contains("somebody came"), "{message}");
    // Nobody waited for what a dead program will not do.
    assert!(took < PATIENCE, "{took:?}");
}

fn ignores_sigterm() {
    let own = std::env::current_exe().expect("this program");
    let place = Place::with(&format!(
        "[sh, -c, \"trap '' TERM; exec '{}' --play garbage {{{{ address }}}}:{{{{ port.dmtp }}}} \
         '{{{{ here }}}}/ids'\"]",
        own.display()
    ));
    let (code, run, took) = place.run(CASE);
    assert_eq!((code, run.verdict), (1, Verdict::Fail));
    assert!(took < PATIENCE, "{took:?}");
    let ids = place.ids();
    assert_eq!(ids.len(), 3);
    assert_gone(&ids);
}

fn says_nothing() {
    let place = Place::playing("silent");
    let (code, run, took) = place.run(CASE);
    assert_eq!((code, run.verdict), (1, Verdict::Fail));
    assert_blames_destination(&run, "did not finish the TLS handshake before the deadline");
    assert!(took < 3 * PATIENCE, "{took:?}");
}

fn speaks_garbage() {
    let place = Place::playing("garbage");
    let (code, run, took) = place.run(CASE);
    assert_eq!((code, run.verdict), (1, Verdict::Fail));
    assert_blames_destination(&run, "failed to agree on TLS");
    assert!(took < PATIENCE, "{took:?}");
}

/// The destination is to blame for a letter that did not come, and nobody else for anything.
fn assert_blames_destination(run: &Run, why: &str) {
    assert_eq!(run.findings, []);
    let unmet = run.expectations.iter();
    let unmet: Vec<_> = unmet.filter(|it| it.verdict == Verdict::Fail).collect();
    let delivered = unmet.iter().find(|it| it.text.starts_with("delivered"));
    let detail = &delivered.expect("the letter did not come").detail;
    assert!(detail.starts_with("destination: "), "{detail}");
    assert!(detail.contains(why), "{detail}");
}

fn does_not_exist() {
    let place = Place::with("[no-such-program-anywhere, serve]");
    let (code, run, _) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "adapter subject");
    assert!(
        message.contains("failed to run `no-such-program-anywhere serve`: No such file"),
        "{message}"
    );
}

fn broken_manifests() {
    let head = "adapter: subject\nroles: [destination]\n";
    let ready = "ready: { tcp: \"127.0.0.1:1\" }\n";
    let manifests = [
        (
            format!("{head}start: [sh]\n{ready}strat: [sh]\n"),
            "unknown field `strat`",
        ),
        (format!("{head}{ready}"), "missing field `start`"),
        (format!("{head}start: []\n{ready}"), "`start` is empty"),
        (
            format!("adapter: a\nroles: []\nstart: [sh]\n{ready}"),
            "`roles` is empty",
        ),
        (
            format!("{head}start: [sh]\nready: {{ tcp: x, within-seconds: 9999 }}\n"),
            "from 1 to 120",
        ),
        (
            format!("{head}start: [sh]\n{ready}files: {{ a: nowhere.j2 }}\n"),
            "template `nowhere.j2`",
        ),
        (format!("{head}start: [sh\n"), "adapter.yaml"),
        ("- ".repeat(200_000), "longer than"),
    ];
    for (manifest, expected) in manifests {
        let place = Place::with_manifest(&manifest);
        assert_refused(&place, "adapter.yaml", expected);
    }
    let place = Place::with_manifest(&format!("{head}start: [sh]\n{ready}"));
    assert_refused(&place, "/dev/zero", "not a regular file");
    assert_refused(&place, "nowhere/adapter", "no implementation and no path");
    assert_refused(&place, "tmp", "failed to read tmp/adapter.yaml");
}

fn assert_refused(place: &Place, path: &str, expected: &str) {
    let words = [
        "run",
        "--live",
        CASE,
        "--impl",
        &format!("destination={path}"),
    ];
    let output = place.command(&words).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(expected), "{expected:?} is not in {told}");
    assert!(output.stdout.is_empty(), "something ran");
}

fn unknown_name() {
    let place = Place::with("[sh, -c, \"{{ adress }}\"]");
    let (code, run, _) = place.run(CASE);
    assert_eq!(code, 1);
    let (culprit, message) = only_finding(&run);
    assert_eq!(culprit, "adapter subject");
    assert!(message.contains("failed to fill in start"), "{message}");
    assert!(message.contains("undefined"), "{message}");
}

fn interrupted() {
    let own = std::env::current_exe().expect("this program");
    // It listens elsewhere, so it never gets ready.
    let manifest = format!(
        "adapter: subject\nroles: [destination]\n\
         capabilities: [dmtp, dmap, signet-lookup]\n\
         start: [\"{}\", --play, silent, \"{{{{ address }}}}:{{{{ port.dns }}}}\", \
         \"{{{{ here }}}}/ids\"]\n\
         ready: {{ tcp: \"{{{{ address }}}}:{{{{ port.dmtp }}}}\", within-seconds: 60 }}\n",
        own.display()
    );
    let place = Place::with_manifest(&manifest);
    let words = [
        "run",
        "--live",
        "privacy/",
        "--impl",
        "destination=adapter.yaml",
    ];
    let mut child = place
        .command(&words)
        .args(["--report", "out"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs");
    wait_until("the program did not start", || place.ids().len() == 3);
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process"), Signal::INT).expect("it still runs");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(3));
    assert_gone(&place.ids());
    let events = fs::read_to_string(place.folder.path().join("out/events.jsonl"));
    let report = json::read_lines(&events.expect("events")).expect("events that read");
    assert_eq!(report.runs, place.report().runs);
    assert_eq!(report.runs[0].verdict, Verdict::Inconclusive);
    assert_eq!(report.runs[0].reasons, ["interrupted"]);
    assert!(
        report.runs[1..]
            .iter()
            .all(|run| run.verdict == Verdict::Skipped)
    );
    assert_eq!(place.kept_folders(), Vec::<PathBuf>::new());
}

fn folders_are_removed() {
    let place = Place::new();
    let words = [
        "run",
        "--live",
        "--exact",
        CASE,
        "--impl",
        "destination=dimed",
    ];
    let output = place.command(&words).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(place.kept_folders(), Vec::<PathBuf>::new());
}

fn two_programs() {
    let place = Place::new();
    let words = [
        "run",
        "--live",
        "--exact",
        "privacy/tap-sees-organizations",
        "--report",
        "out",
    ];
    let output = place
        .command(&words)
        .args(["--impl", "origin=dimed", "--impl", "destination=dimed"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(3));
    let report = place.report();
    let [run] = &report.runs[..] else {
        panic!("not one run");
    };
    assert_eq!(run.verdict, Verdict::Inconclusive);
    assert_eq!(run.findings, []);
    let unseen = "two external programs talk to each other unseen";
    let told = |reason: &String| reason.contains("backbone: I4") && reason.contains(unseen);
    assert!(run.reasons.iter().any(told), "{:?}", run.reasons);
}

fn side_by_side() {
    let place = Place::new();
    let start = |report: &str| {
        let words = ["run", "--live", "privacy/", "--report", report];
        let mut command = place.command(&words);
        command.args(["--impl", "destination=dimed"]);
        command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs")
    };
    let both = [start("one"), start("two")];
    for child in both {
        let output = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{told}");
    }
    assert!(Path::new(&place.folder.path().join("one/results.json")).exists());
}
