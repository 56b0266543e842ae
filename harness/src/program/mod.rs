//! The command line: `run`, `list`, `check`, `explain`, `rogues`, `schema`.

mod output;

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dimespec::scenario::ProfileWord;
use dimespec::{Cast, Suite};
use dimespec_report::model::{Exit, Report, Verdict};
use dimespec_report::{json, text};

use output::Output;

/// Conformance test harness and deterministic network simulator for DIME.
#[derive(Parser)]
#[command(name = "dimespec", version, about, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs scenarios and judges what every principal learned
    ///
    /// Exit codes: 0 at least one pass and nothing else but skips; 1 a failure; 2 a wrong command line or scenario;
    /// 3 inconclusive; 4 nothing ran.
    Run(RunArguments),
    /// Lists the cases that `run` would run
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Checks scenario files without running them
    Check {
        /// Scenario files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Runs one case and tells the letter's way hop by hop: who saw what, who learned what, and how
    Explain {
        /// Name of the case, as `list` prints it
        name: String,
        #[command(flatten)]
        how: How,
        /// Folder of scenarios to use instead of the built-in ones
        #[arg(long, value_name = "DIR")]
        scenarios: Option<PathBuf>,
    },
    /// Shows which scenario kills which rogue
    Rogues,
    /// Prints a JSON Schema
    Schema {
        /// Of what
        of: SchemaOf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum SchemaOf {
    /// A scenario file
    Scenario,
    /// The results file of `run --report`
    Results,
    /// A line of the event stream
    Events,
}

#[derive(Args)]
struct Which {
    /// Only cases whose name contains one of these
    filter: Vec<String>,
    /// Only cases whose name is exactly one of these
    #[arg(long)]
    exact: bool,
    /// Folder of scenarios to use instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    scenarios: Option<PathBuf>,
}

#[derive(Args)]
struct How {
    /// The number everything random is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Who plays an actor: the reference, a rogue (see `rogues`), an adapter's name or path
    #[arg(long = "impl", value_name = "ACTOR=NAME")]
    implementations: Vec<String>,
    /// Over real loopback sockets instead of the simulation
    #[arg(long)]
    live: bool,
    /// Which bytes our own side emits in scenarios that name no profile: libdime-1, magma-1, hardened
    #[arg(long, value_name = "NAME", default_value = ProfileWord::default().name())]
    profile: String,
}

#[derive(Args)]
struct RunArguments {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
    /// Writes results.json, events.jsonl and index.html into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// What to print while running
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Cases run at the same time; as many as there are cores by default, one when live
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What `run` prints on standard output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per case, then failures in full
    Text,
    /// An event per line, as in events.jsonl
    Json,
}

/// A message for the user that ends the program with exit code 2.
struct Usage(String);

impl<E: std::error::Error> From<E> for Usage {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        Usage(message)
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let outcome = match Program::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::List { which } => list(&which),
        Command::Check { files } => check(&files),
        Command::Explain {
            name,
            how,
            scenarios,
        } => explain(name, &how, scenarios),
        Command::Rogues => rogues(),
        Command::Schema { of } => schema(of),
    };
    match outcome {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(Exit::Usage.code())
        }
    }
}

fn suite(which: &Which, how: &How) -> Result<Suite, Usage> {
    let cast = Cast::parse(&how.implementations)?;
    if let (false, Some((_, adapter))) = (how.live, cast.adapters().next()) {
        let name = &adapter.manifest.adapter;
        let message = format!("{name} is an external program, which only runs live: add --live");
        return Err(Usage(message));
    }
    let profile = ProfileWord::from_name(&how.profile).ok_or_else(|| {
        let names = ProfileWord::ALL.map(ProfileWord::name).join(", ");
        let name = &how.profile;
        Usage(format!("there is no profile `{name}`; there are {names}"))
    })?;
    let suite = match &which.scenarios {
        Some(folder) => Suite::load(folder)?,
        None => Suite::builtin(),
    };
    let suite = suite
        .filter(which.filter.iter().cloned())
        .exact(which.exact)
        .seed(how.seed)
        .profile(profile)
        .cast(cast);
    Ok(if how.live { suite.live() } else { suite })
}

/// Says which filters match nothing; whether there are cases at all.
fn has_cases(suite: &Suite, which: &Which) -> bool {
    for filter in suite.unmatched() {
        let near = suite.nearest(filter);
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        eprintln!("error: there is no case `{filter}`{hint}");
    }
    let any = suite.names().next().is_some();
    if let (false, true, Some(folder)) = (any, which.filter.is_empty(), &which.scenarios) {
        let folder = folder.display();
        eprintln!("error: {folder} holds no scenario; a scenario is a file topic/name.yaml in it");
    }
    any
}

fn run(arguments: &RunArguments) -> Result<Exit, Usage> {
    let mut suite = suite(&arguments.which, &arguments.how)?;
    if let Some(jobs) = arguments.jobs {
        suite = suite.jobs(jobs.get());
    }
    let mut output = Output::new(arguments.report.as_deref(), arguments.format, colour())?;
    has_cases(&suite, &arguments.which);
    let mut failed = None;
    let report = suite.run(&mut |event| {
        if let Err(error) = output.event(&event) {
            failed.get_or_insert(error);
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    output.finish(&report)?;
    Ok(exit(&report))
}

/// Who is to blame in a finding about a scenario that cannot be read or built.
const SCENARIO: &str = "scenario";

/// What the program ends with: as the summary says, unless a scenario is broken or the user stopped
/// the suite before its end.
fn exit(report: &Report) -> Exit {
    let mut findings = report.runs.iter().flat_map(|run| &run.findings);
    if findings.any(|finding| finding.culprit == SCENARIO) {
        return Exit::Usage;
    }
    match report.summary.exit() {
        Exit::Pass | Exit::NothingRan if dimespec::interrupted() => Exit::Inconclusive,
        exit => exit,
    }
}

fn list(which: &Which) -> Result<Exit, Usage> {
    let how = How {
        seed: 1,
        implementations: vec![],
        live: false,
        profile: ProfileWord::default().name().to_owned(),
    };
    let suite = suite(which, &how)?;
    if !has_cases(&suite, which) {
        return Ok(Exit::NothingRan);
    }
    let names: String = suite.names().map(|name| name + "\n").collect();
    print(&names)?;
    Ok(Exit::Pass)
}

fn check(files: &[PathBuf]) -> Result<Exit, Usage> {
    let mut exit = Exit::Pass;
    for file in files {
        let shown = file.display().to_string();
        match dimespec::scenario::load_file(&shown, file).cases() {
            Ok(cases) => print(&format!("{shown}: ok, {} case(s)\n", cases.len()))?,
            Err(problems) => {
                eprintln!("{problems}");
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

fn explain(name: String, how: &How, scenarios: Option<PathBuf>) -> Result<Exit, Usage> {
    let which = Which {
        filter: vec![name],
        exact: true,
        scenarios,
    };
    let suite = suite(&which, how)?;
    if !has_cases(&suite, &which) {
        return Ok(Exit::Usage);
    }
    let report = suite.run(&mut |_| {});
    for run in &report.runs {
        print(&text::explain(run, colour()))?;
        if run.verdict == Verdict::Fail {
            print(&text::failure(run, colour()))?;
        }
    }
    Ok(exit(&report))
}

fn rogues() -> Result<Exit, Usage> {
    for kill in dimespec::kills()? {
        let rogue = kill.rogue()?;
        print(&format!(
            "{}\n    fault   {}\n    killed  by {}: {}\n",
            rogue.name,
            rogue.fault,
            kill.scenario,
            kill.finding()
        ))?;
    }
    Ok(Exit::Pass)
}

fn schema(of: SchemaOf) -> Result<Exit, Usage> {
    let schema = match of {
        SchemaOf::Scenario => dimespec::scenario::schema(),
        SchemaOf::Results => json::schema(),
        SchemaOf::Events => json::event_schema(),
    };
    print(&format!("{schema:#}\n"))?;
    Ok(Exit::Pass)
}

/// Prints `text`. A reader that closed the pipe has seen enough: that is no error.
fn print(text: &str) -> Result<(), Usage> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Usage(format!("failed to print: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether to print in colour: on a terminal, unless `NO_COLOR` says something.
fn colour() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !unwanted
}
