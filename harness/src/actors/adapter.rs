//! External programs in an actor's place: manifests, their processes, what they leave behind.
//!
//! An adapter is a folder with `adapter.yaml`. The harness makes the keys and files the manifest
//! asks for, starts the program in a process group of its own, waits until it is ready, and at the
//! end kills the group and reads what it kept. Whatever the program does costs its own run a clear
//! verdict and nothing else.

#![allow(
    clippy::disallowed_methods,
    reason = "external programs live in real time"
)]

mod process;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use serde::Deserialize;

use crate::files::read_text;
use process::{Group, MAX_LOG_BYTES, PAUSE};
pub use process::{Kept, Remains};

/// The manifest of an adapter (`adapter.yaml`).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Name that reports print and `--impl` takes.
    pub adapter: String,
    /// Actors it can play.
    pub roles: Vec<Role>,
    /// What it can do; a scenario that needs more is skipped.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// How it is kept apart from other runs.
    #[serde(default)]
    pub isolation: Isolation,
    /// Command that builds it, run once before the first start, in the adapter's folder.
    #[serde(default)]
    pub build: Vec<String>,
    /// Command that starts it; `{{...}}` is filled in.
    pub start: Vec<String>,
    /// Who makes its keys.
    #[serde(default)]
    pub keys: Keys,
    /// Files written before the start: path (filled in) to template (path in the adapter's folder).
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// How we know that it is ready.
    pub ready: Ready,
    /// Folders whose files are scanned for what it kept, logs included.
    #[serde(default)]
    pub inspect: Vec<String>,
}

/// What a server can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Speaks DMTP with other servers.
    Dmtp,
    /// Speaks DMAP with its users' clients.
    Dmap,
    /// Answers look-ups of its own and its users' signets.
    SignetLookup,
}

impl Capability {
    /// The word for it in a manifest.
    pub fn word(self) -> &'static str {
        match self {
            Capability::Dmtp => "dmtp",
            Capability::Dmap => "dmap",
            Capability::SignetLookup => "signet-lookup",
        }
    }
}

/// The actors a server can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Takes a letter from its author.
    Origin,
    /// Keeps a letter for its recipient.
    Destination,
}

/// How a program is kept apart from other runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// An address of its own in 127.0.0.0/8 and a block of ports.
    #[default]
    Loopback,
}

/// Who makes the keys of an organization that a program plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keys {
    /// The harness makes them and the program imports them, so its keyring is complete.
    #[default]
    Imported,
}

/// How a program shows that it is ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Address that accepts a connection once it is.
    pub tcp: String,
    /// How long it may take, in seconds.
    #[serde(rename = "within-seconds", default = "ten")]
    pub within_seconds: u64,
}

fn ten() -> u64 {
    10
}

/// The name of a manifest in its folder.
const MANIFEST: &str = "adapter.yaml";
/// The longest a manifest may ask us to wait for a program, in seconds.
const MAX_READY_SECONDS: u64 = 120;
/// The longest build, in pauses between two looks at it: ten minutes.
const MAX_BUILD_PAUSES: usize = 30_000;
/// The most bytes of a manifest or of a template.
const MAX_MANIFEST_BYTES: usize = 256 << 10;

/// Why an adapter did not work. The adapter or its program is to blame, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The manifest or a template cannot be read.
    #[error("adapter is broken: failed to read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is not what a manifest looks like.
    #[error("adapter is broken: {path}: {message}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// A template cannot be filled in.
    #[error("adapter {adapter} is broken: failed to fill in {what}: {message}")]
    Template {
        /// Which adapter.
        adapter: String,
        /// Which template or command.
        what: String,
        /// Why.
        message: String,
    },
    /// A command cannot be run.
    #[error("adapter {adapter} is broken: failed to run `{command}`: {message}")]
    Command {
        /// Which adapter.
        adapter: String,
        /// The command.
        command: String,
        /// Why.
        message: String,
    },
    /// The program ended before it was ready, or while it was needed.
    #[error("{adapter} ended with {status} {when}; its last lines:\n{log}")]
    Died {
        /// Which adapter.
        adapter: String,
        /// Exit status.
        status: String,
        /// When.
        when: &'static str,
        /// The last lines it logged.
        log: String,
    },
    /// The program logged more than a run can hold.
    #[error(
        "{adapter} logged more than {} MiB; its last lines:\n{log}",
        MAX_LOG_BYTES >> 20
    )]
    Flooded {
        /// Which adapter.
        adapter: String,
        /// The last lines it logged.
        log: String,
    },
    /// The program did not get ready in time.
    #[error("{adapter} was not ready at {address} within {seconds} s; its last lines:\n{log}")]
    NotReady {
        /// Which adapter.
        adapter: String,
        /// Where it should have listened.
        address: String,
        /// How long it had.
        seconds: u64,
        /// The last lines it logged.
        log: String,
    },
    /// Our own working folder failed.
    #[error("failed to prepare the working folder: {0}")]
    Folder(#[from] io::Error),
}

impl AdapterError {
    /// Whether the program itself did wrong, not its adapter's manifest.
    pub fn is_of_program(&self) -> bool {
        matches!(
            self,
            Self::Died { .. } | Self::Flooded { .. } | Self::NotReady { .. }
        )
    }
}

/// An adapter that was read and can be started.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its templates, by the name the manifest gives them.
    templates: BTreeMap<String, String>,
    /// Where its build command runs.
    folder: PathBuf,
    /// What `--impl` takes: its name if it comes with dimespec, otherwise its path.
    option: String,
}

impl Manifest {
    /// Reads the text of `adapter.yaml`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if manifest.start.is_empty() {
            return Err("`start` is empty".into());
        }
        if manifest.roles.is_empty() {
            return Err("`roles` is empty".into());
        }
        if !(1..=MAX_READY_SECONDS).contains(&manifest.ready.within_seconds) {
            return Err(format!(
                "`within-seconds` is not from 1 to {MAX_READY_SECONDS}"
            ));
        }
        Ok(manifest)
    }
}

/// The adapters that come with dimespec.
static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../impls/adapters");
/// The workspace this program was built from, for the build commands of built-in adapters.
const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

impl Adapter {
    /// The adapter of this name that comes with dimespec; `None` if there is none.
    ///
    /// # Errors
    /// [`AdapterError::Manifest`] if it is broken.
    pub fn builtin(name: &str) -> Option<Result<Self, AdapterError>> {
        let folder = BUILTIN.get_dir(name)?;
        let read = |file: &str| {
            let file = folder.get_file(format!("{name}/{file}"));
            let text = file.and_then(|file| file.contents_utf8());
            text.map(str::to_owned)
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        let path = Path::new(name).join(MANIFEST);
        let adapter = read(MANIFEST)
            .map_err(|source| unreadable(&path, source))
            .and_then(|text| Self::read(&path, PathBuf::from(WORKSPACE), &text, &read));
        Some(adapter.map(|adapter| Self {
            option: name.to_owned(),
            ..adapter
        }))
    }

    /// Names of the adapters that come with dimespec.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        BUILTIN.dirs().filter_map(|folder| folder.path().to_str())
    }

    /// Reads `adapter.yaml` at `path`, or in the folder `path`.
    ///
    /// # Errors
    /// [`AdapterError::Unreadable`], [`AdapterError::Manifest`].
    pub fn load(path: &Path) -> Result<Self, AdapterError> {
        let manifest = if path.is_dir() {
            path.join(MANIFEST)
        } else {
            path.to_path_buf()
        };
        let text = read_text(&manifest, MAX_MANIFEST_BYTES)
            .map_err(|source| unreadable(&manifest, source))?;
        // Programs run elsewhere: what is relative here would mean another place there.
        let absolute = fs::canonicalize(&manifest).map_err(|error| unreadable(&manifest, error))?;
        let folder = absolute.parent().unwrap_or(Path::new("/")).to_path_buf();
        let read = |file: &str| read_text(&folder.join(file), MAX_MANIFEST_BYTES);
        let adapter = Self::read(&manifest, folder.clone(), &text, &read)?;
        Ok(Self {
            option: path.display().to_string(),
            ..adapter
        })
    }

    fn read(
        path: &Path,
        folder: PathBuf,
        text: &str,
        read: &dyn Fn(&str) -> io::Result<String>,
    ) -> Result<Self, AdapterError> {
        let refuse = |message: String| AdapterError::Manifest {
            path: path.to_path_buf(),
            message,
        };
        let manifest = Manifest::parse(text).map_err(&refuse)?;
        let mut templates = BTreeMap::new();
        for file in manifest.files.values() {
            let template = read(file)
                .map_err(|error| refuse(format!("failed to read template `{file}`: {error}")))?;
            templates.insert(file.clone(), template);
        }
        Ok(Self {
            manifest,
            templates,
            folder,
            option: String::new(),
        })
    }

    /// What `--impl` takes to name it.
    pub fn option(&self) -> &str {
        &self.option
    }

    /// Builds the program with the manifest's command, unless it is there already. `folder` takes
    /// the log of the build.
    ///
    /// # Errors
    /// [`AdapterError::Command`] if the build fails.
    pub async fn build(&self, folder: &Path) -> Result<(), AdapterError> {
        let there = self
            .manifest
            .start
            .first()
            .is_some_and(|name| find_beside(name).is_some());
        if self.manifest.build.is_empty() || there {
            return Ok(());
        }
        let profile = if cfg!(debug_assertions) {
            "dev"
        } else {
            "release"
        };
        let templates = Templates::new(&self.manifest.adapter, context! { profile });
        let words = templates.fill_all("build", &self.manifest.build)?;
        let mut building = self.spawn(&words, &self.folder, folder.join("build.log"))?;
        for _ in 0..MAX_BUILD_PAUSES {
            match building.exited()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    let message = format!("{status}\n{}", building.last_log());
                    return Err(self.command_failed(&words, message));
                }
                None => pause().await,
            }
        }
        let message = format!("it did not end\n{}", building.last_log());
        Err(self.command_failed(&words, message))
    }

    /// Starts the program for one organization: writes its files into `folder` with the values of
    /// `context`, runs it, and waits until it is ready. Templates may also name `here`, the
    /// manifest's folder.
    ///
    /// # Errors
    /// Any [`AdapterError`]; no process is left behind.
    pub async fn start(&self, context: Value, folder: &Path) -> Result<Running, AdapterError> {
        let here = self.folder.display().to_string();
        let templates = Templates::new(&self.manifest.adapter, context! { here, ..context });
        for (to, from) in &self.manifest.files {
            let text = self.templates.get(from).map_or("", String::as_str);
            let path = templates.fill(to, to)?;
            fs::write(&path, templates.fill(from, text)?)
                .map_err(|error| self.template_failed(&path, &error.to_string()))?;
        }
        let words = templates.fill_all("start", &self.manifest.start)?;
        let address = templates.fill("ready", &self.manifest.ready.tcp)?;
        let target: SocketAddr = address.parse().map_err(|_| {
            let message = "it is not an address with a port";
            self.template_failed(&format!("`ready` ({address})"), message)
        })?;
        let inspect = templates.fill_all("inspect", &self.manifest.inspect)?;
        let mut group = self.spawn(&words, folder, folder.join("program.log"))?;
        let seconds = self.manifest.ready.within_seconds;
        group.wait_until_ready(target, seconds).await?;
        Ok(Running {
            group,
            inspect: inspect.into_iter().map(PathBuf::from).collect(),
        })
    }

    fn spawn(&self, words: &[String], folder: &Path, log: PathBuf) -> Result<Group, AdapterError> {
        let failed = |message: String| self.command_failed(words, message);
        let (program, arguments) = words
            .split_first()
            .ok_or_else(|| failed("it is empty".into()))?;
        let name = &self.manifest.adapter;
        Group::spawn(name, &find_program(program), arguments, folder, log)
            .map_err(|error| failed(error.to_string()))
    }

    fn template_failed(&self, what: &str, message: &str) -> AdapterError {
        AdapterError::Template {
            adapter: self.manifest.adapter.clone(),
            what: what.to_owned(),
            message: message.to_owned(),
        }
    }

    fn command_failed(&self, words: &[String], message: String) -> AdapterError {
        AdapterError::Command {
            adapter: self.manifest.adapter.clone(),
            command: words.join(" "),
            message,
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> AdapterError {
    AdapterError::Unreadable {
        path: path.to_path_buf(),
        source,
    }
}

/// A program without a path is first looked for beside our own, where cargo puts both.
fn find_program(name: &str) -> PathBuf {
    find_beside(name).unwrap_or_else(|| PathBuf::from(name))
}

fn find_beside(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    // Test programs live one folder deeper.
    let folders = own.ancestors().skip(1).take(2);
    folders
        .map(|folder| folder.join(name))
        .find(|path| !name.contains('/') && path.is_file())
}

/// Fills `{{...}}` in; a name that is not there is an error, not an empty text.
struct Templates<'a> {
    adapter: &'a str,
    environment: Environment<'a>,
    context: Value,
}

impl<'a> Templates<'a> {
    fn new(adapter: &'a str, context: Value) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        Self {
            adapter,
            environment,
            context,
        }
    }

    fn fill_all(&self, what: &str, words: &[String]) -> Result<Vec<String>, AdapterError> {
        words.iter().map(|word| self.fill(what, word)).collect()
    }

    fn fill(&self, what: &str, text: &str) -> Result<String, AdapterError> {
        self.environment
            .render_str(text, &self.context)
            .map_err(|error| AdapterError::Template {
                adapter: self.adapter.to_owned(),
                what: what.to_owned(),
                message: error.to_string(),
            })
    }
}

/// A program that plays an organization's server. Dropping it kills its whole process group.
pub struct Running {
    group: Group,
    inspect: Vec<PathBuf>,
}

impl Running {
    /// Whether the program still runs and logs within its limit.
    ///
    /// # Errors
    /// [`AdapterError::Died`], [`AdapterError::Flooded`] with its last lines.
    pub fn check(&mut self, when: &'static str) -> Result<(), AdapterError> {
        self.group.check(when)
    }

    /// Ends the program with everything it started, and reads what it kept.
    pub async fn stop(self) -> Remains {
        self.group.end().await;
        Remains::of(&self.inspect)
    }
}

/// Waits a moment before the next look at a program.
// Real processes run in real time.
#[allow(clippy::disallowed_methods)]
pub async fn pause() {
    tokio::time::sleep(PAUSE).await;
}
