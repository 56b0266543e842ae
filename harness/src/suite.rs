//! A suite: which cases run, with which seed, cast and stage; from the command line, from a test,
//! from a library.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use dimespec_report::model::{Event, Report, Run, Tool, Verdict};
use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest, Sha256};

use crate::actors::{Cast, CastError};
use crate::case;
use crate::run::{self, Setting, StageKind};
use crate::scenario::{self, Entry, LoadError, ProfileWord};

/// Scenarios to run, and how.
///
/// ```no_run
/// // tests/dime.rs of an implementer, with `harness = false`
/// fn main() {
///     dimespec::Suite::builtin()
///         .filter(["privacy/"])
///         .live()
///         .implementation("destination", "adapter")
///         .main()
/// }
/// ```
#[allow(clippy::needless_doctest_main, reason = "the example is a whole file")]
#[derive(Clone)]
pub struct Suite {
    entries: Vec<Entry>,
    filters: Vec<String>,
    exact: bool,
    setting: Setting,
    jobs: Option<usize>,
    digest: String,
}

impl Suite {
    /// The scenarios built into dimespec.
    pub fn builtin() -> Self {
        Self::of(scenario::builtin())
    }

    /// The scenarios in a folder: `topic/name.yaml`.
    ///
    /// # Errors
    /// [`LoadError`] if the folder cannot be read. A broken file is a failing case.
    pub fn load(folder: &Path) -> Result<Self, LoadError> {
        let mut suite = Self::of(&scenario::load_dir(folder)?);
        suite.setting.scenarios = Some(folder.to_path_buf());
        Ok(suite)
    }

    fn of(library: &scenario::Library) -> Self {
        let mut digest = Sha256::new();
        for source in &library.sources {
            digest.update(source.name.as_bytes());
            digest.update([0]);
            digest.update(source.text().unwrap_or_default().as_bytes());
            digest.update([0]);
        }
        Self {
            entries: library.entries(),
            filters: Vec::new(),
            exact: false,
            setting: Setting::default(),
            jobs: None,
            digest: hex::encode(digest.finalize()),
        }
    }

    /// Only cases whose name contains one of `words`; all if there are none.
    pub fn filter<S: Into<String>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.filters.extend(words.into_iter().map(Into::into));
        self
    }

    /// Whether a filter must be the whole name.
    pub fn exact(mut self, exact: bool) -> Self {
        self.exact = exact;
        self
    }

    /// The number everything random is drawn from; 1 unless said otherwise.
    pub fn seed(mut self, seed: u64) -> Self {
        self.setting.seed = seed;
        self
    }

    /// Who plays which actor.
    pub fn cast(mut self, cast: Cast) -> Self {
        self.setting.cast = cast;
        self
    }

    /// Has `actor` played by a rogue, an adapter's name, or the adapter in a folder.
    ///
    /// # Panics
    /// If there is no such actor or implementation, as a test should.
    pub fn implementation(self, actor: &str, name: &str) -> Self {
        let cast = Cast::parse(&[format!("{actor}={name}")]);
        self.cast(cast.unwrap_or_else(|error: CastError| panic!("{error}")))
    }

    /// Over real loopback sockets instead of the simulation.
    pub fn live(mut self) -> Self {
        self.setting.stage = StageKind::Live;
        self
    }

    /// Which bytes our own side emits in scenarios that name no profile; results carry its name.
    pub fn profile(mut self, profile: ProfileWord) -> Self {
        self.setting.profile = profile;
        self
    }

    /// How many cases run at the same time.
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = Some(jobs.max(1));
        self
    }

    /// Names of the cases that would run.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.selected().map(Entry::name)
    }

    /// Filters that no case has in its name, or as its name.
    pub fn unmatched(&self) -> impl Iterator<Item = &str> {
        let names: Vec<String> = self.entries.iter().map(Entry::name).collect();
        let filters = self.filters.iter().map(String::as_str);
        filters.filter(move |filter| !names.iter().any(|name| self.fits(name, filter)))
    }

    /// The name of a case that looks most like `name`.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let names: Vec<String> = self.entries.iter().map(Entry::name).collect();
        let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
        let wanted = last(name);
        let alike = |known: &&String| known.contains(name) || last(known) == wanted;
        if let Some(known) = names.iter().find(alike) {
            return Some(known.clone());
        }
        if let Some(known) = scenario::nearest(name, names.iter().map(String::as_str)) {
            return Some(known.to_owned());
        }
        let ends: Vec<String> = names.iter().map(|name| last(name)).collect();
        let near = scenario::nearest(&wanted, ends.iter().map(String::as_str))?;
        let position = ends.iter().position(|end| end == near)?;
        names.get(position).cloned()
    }

    fn fits(&self, name: &str, filter: &str) -> bool {
        if self.exact {
            name == filter
        } else {
            name.contains(filter)
        }
    }

    fn selected(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| {
            let name = entry.name();
            self.filters.is_empty() || self.filters.iter().any(|filter| self.fits(&name, filter))
        })
    }

    /// Runs all selected cases and reports each as it ends, in order.
    pub fn run(&self, observer: &mut dyn FnMut(Event)) -> Report {
        let tool = Tool {
            name: "dimespec".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let entries: Vec<&Entry> = self.selected().collect();
        let profile = self.setting.profile.name();
        observer(Event::SuiteStarted {
            format: dimespec_report::model::FORMAT,
            tool: tool.clone(),
            profile: profile.into(),
            started: None,
            suite: self.digest.clone(),
            seed: self.setting.seed,
            runs: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        });
        let mut report = Report::new(tool, profile, &self.digest, self.setting.seed);
        self.run_all(&entries, &mut |event| {
            if let Event::RunFinished(run) = &event {
                report.push((**run).clone());
            }
            observer(event);
        });
        observer(Event::SuiteFinished {
            summary: report.summary,
        });
        report
    }

    /// Runs `entries` on several threads; events come in the order of `entries`.
    fn run_all(&self, entries: &[&Entry], observer: &mut dyn FnMut(Event)) {
        let next = AtomicUsize::new(0);
        let (sender, finished) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..self.threads().min(entries.len()) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || {
                    while let Some(entry) =
                        entries.get(next.fetch_add(1, Ordering::Relaxed)).copied()
                    {
                        let run = case::run(entry, &self.setting);
                        // The receiver lives until all threads have ended.
                        let _ = sender.send((entry.name(), run));
                    }
                });
            }
            drop(sender);
            let mut early: Vec<(String, Run)> = Vec::new();
            for entry in entries {
                let name = entry.name();
                observer(Event::RunStarted {
                    name: name.clone(),
                    seed: self.setting.seed,
                });
                let run = loop {
                    if let Some(at) = early.iter().position(|(ready, _)| *ready == name) {
                        break early.swap_remove(at).1;
                    }
                    match finished.recv() {
                        Ok(ready) => early.push(ready),
                        Err(_) => return,
                    }
                };
                observer(Event::RunFinished(Box::new(run)));
            }
        });
    }

    fn threads(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        // External programs want the machine for themselves, or their time limits mean little.
        self.jobs.unwrap_or_else(|| match self.setting.stage {
            StageKind::Sim => cores(),
            StageKind::Live => 1,
        })
    }

    /// One libtest trial per case, named `topic::name`, for a test target with `harness = false`.
    ///
    /// A case that cannot run in this setting is an ignored trial, so that no skip counts as a pass.
    pub fn trials(&self) -> Vec<Trial> {
        self.selected()
            .map(|entry| {
                let (entry, setting) = (entry.clone(), self.setting.clone());
                let skipped = run::is_skipped(&entry, &setting);
                let trial = Trial::test(entry.name().replace('/', "::"), move || {
                    let run = case::run(&entry, &setting);
                    match run.verdict {
                        Verdict::Pass => Ok(()),
                        Verdict::Skipped => {
                            Err(Failed::from(format!("skipped: {}", run.reasons.join("; "))))
                        }
                        Verdict::Fail | Verdict::Inconclusive => {
                            Err(Failed::from(dimespec_report::text::failure(&run, false)))
                        }
                    }
                });
                trial.with_ignored_flag(skipped)
            })
            .collect()
    }

    /// Runs the suite as a test program: understands libtest's arguments, ends the process.
    pub fn main(&self) -> ! {
        let mut arguments = Arguments::from_args();
        arguments.test_threads.get_or_insert(self.threads());
        libtest_mimic::run(&arguments, self.trials()).exit()
    }
}
