//! The command line: `run`, `list`, `check`, `explain`, `rogues`, `schema`.

mod output;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use dimespec::{Cast, Suite};
use dimespec_report::model::{Exit, Verdict};
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
    jobs: Option<usize>,
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
        Usage(error.to_string())
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
    let suite = match &which.scenarios {
        Some(folder) => Suite::load(folder)?,
        None => Suite::builtin(),
    };
    let suite = suite
        .filter(which.filter.iter().cloned())
        .exact(which.exact)
        .seed(how.seed)
        .cast(Cast::parse(&how.implementations)?);
    Ok(if how.live { suite.live() } else { suite })
}

fn run(arguments: &RunArguments) -> Result<Exit, Usage> {
    let mut suite = suite(&arguments.which, &arguments.how)?;
    if let Some(jobs) = arguments.jobs {
        suite = suite.jobs(jobs);
    }
    let mut output = Output::new(arguments.report.as_deref(), arguments.format, colour())?;
    let mut failed = None;
    let report = suite.run(&mut |event| {
        if let Err(error) = output.event(&event) {
            failed.get_or_insert(error);
        }
    });
    if let Some(error) = failed {
        return Err(Usage(format!("failed to write results: {error}")));
    }
    output.finish(&report)?;
    Ok(report.summary.exit())
}

fn list(which: &Which) -> Result<Exit, Usage> {
    let how = How {
        seed: 1,
        implementations: vec![],
        live: false,
    };
    let mut out = io::stdout().lock();
    for name in suite(which, &how)?.names() {
        // A reader that closed the pipe has seen enough.
        if writeln!(out, "{name}").is_err() {
            break;
        }
    }
    Ok(Exit::Pass)
}

fn check(files: &[PathBuf]) -> Result<Exit, Usage> {
    let mut exit = Exit::Pass;
    for file in files {
        let shown = file.display().to_string();
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("error: failed to read {shown}: {error}\n");
                exit = Exit::Usage;
                continue;
            }
        };
        match dimespec::scenario::parse(&shown, &shown, &text) {
            Ok(cases) => println!("{shown}: ok, {} case(s)", cases.len()),
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
        filter: vec![name.clone()],
        exact: true,
        scenarios,
    };
    let suite = suite(&which, how)?;
    if suite.names().next().is_none() {
        let near = suite.nearest(&name);
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        return Err(Usage(format!("there is no case `{name}`{hint}")));
    }
    let report = suite.run(&mut |_| {});
    for run in &report.runs {
        print!("{}", text::explain(run, colour()));
        if run.verdict == Verdict::Fail {
            print!("{}", text::failure(run, colour()));
        }
    }
    Ok(report.summary.exit())
}

fn rogues() -> Result<Exit, Usage> {
    for kill in dimespec::kills()? {
        let rogue = kill.rogue()?;
        println!("{}\n    fault   {}", rogue.name, rogue.fault);
        println!("    killed  by {}: {}", kill.scenario, kill.finding());
    }
    Ok(Exit::Pass)
}

fn schema(of: SchemaOf) -> Result<Exit, Usage> {
    let schema = match of {
        SchemaOf::Scenario => dimespec::scenario::schema(),
        SchemaOf::Results => json::schema(),
        SchemaOf::Events => json::event_schema(),
    };
    println!("{schema:#}");
    Ok(Exit::Pass)
}

fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
