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

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use include_dir::{Dir, include_dir};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;

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
    pub capabilities: Vec<String>,
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

/// The longest a manifest may ask us to wait for a program, in seconds.
const MAX_READY_SECONDS: u64 = 120;
/// Pause between two looks whether a program is ready.
const READY_PAUSE: Duration = Duration::from_millis(20);
/// How long a program may take to end after SIGTERM before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// How many of a program's last log lines an error shows.
const LOG_LINES: usize = 50;
/// The most files an inspection reads.
const MAX_INSPECTED_FILES: usize = 10_000;
/// The most bytes an inspection reads.
const MAX_INSPECTED_BYTES: u64 = 256 << 20;

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

/// An adapter that was read and can be started.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its templates, by the name the manifest gives them.
    templates: BTreeMap<String, String>,
    /// Where its build command runs.
    folder: PathBuf,
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
            let file = folder.get_file(format!("{name}/{file}"))?;
            file.contents_utf8().map(str::to_owned)
        };
        Some(Self::read(
            Path::new("adapter.yaml"),
            PathBuf::from(WORKSPACE),
            &read,
        ))
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
        let path = if path.is_dir() {
            path.join("adapter.yaml")
        } else {
            path.to_path_buf()
        };
        let folder = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        // A manifest that cannot be read at all deserves the reason the system gives.
        fs::metadata(&path).map_err(|source| AdapterError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let name = path.file_name().unwrap_or_default().to_os_string();
        let read = |file: &str| {
            let file = if file == "adapter.yaml" {
                Path::new(&name)
            } else {
                Path::new(file)
            };
            fs::read_to_string(folder.join(file)).ok()
        };
        Self::read(&path, folder.clone(), &read)
    }

    fn read(
        path: &Path,
        folder: PathBuf,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, AdapterError> {
        let refuse = |message: String| AdapterError::Manifest {
            path: path.to_path_buf(),
            message,
        };
        let text = read("adapter.yaml").ok_or_else(|| refuse("is not UTF-8 text".into()))?;
        let manifest: Manifest =
            serde_saphyr::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if manifest.start.is_empty() {
            return Err(refuse("`start` is empty".into()));
        }
        if manifest.ready.within_seconds > MAX_READY_SECONDS {
            return Err(refuse(format!(
                "`ready` waits longer than {MAX_READY_SECONDS} s"
            )));
        }
        let mut templates = BTreeMap::new();
        for file in manifest.files.values() {
            let template = read(file)
                .ok_or_else(|| refuse(format!("failed to read the template `{file}`")))?;
            templates.insert(file.clone(), template);
        }
        Ok(Self {
            manifest,
            templates,
            folder,
        })
    }

    /// Builds the program with the manifest's command, unless it is there already.
    ///
    /// # Errors
    /// [`AdapterError::Command`] if the build fails.
    pub fn build(&self) -> Result<(), AdapterError> {
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
        let (program, arguments) = words
            .split_first()
            .expect("build is not empty: checked above");
        let built = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .output();
        match built {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => {
                let said = last_lines(&String::from_utf8_lossy(&output.stderr));
                Err(self.command_failed(&words, format!("{}\n{said}", output.status)))
            }
            Err(error) => Err(self.command_failed(&words, error.to_string())),
        }
    }

    /// Starts the program for one organization: writes its files into `folder` with the values of
    /// `context`, runs it, and waits until it is ready.
    ///
    /// # Errors
    /// Any [`AdapterError`]; no process is left behind.
    pub async fn start(&self, context: Value, folder: &Path) -> Result<Running, AdapterError> {
        let templates = Templates::new(&self.manifest.adapter, context);
        for (to, from) in &self.manifest.files {
            let text = self.templates.get(from).map_or("", String::as_str);
            fs::write(templates.fill(to, to)?, templates.fill(from, text)?)?;
        }
        let words = templates.fill_all("start", &self.manifest.start)?;
        let address = templates.fill("ready", &self.manifest.ready.tcp)?;
        let inspect = templates.fill_all("inspect", &self.manifest.inspect)?;
        let mut running = Running {
            adapter: self.manifest.adapter.clone(),
            child: self.spawn(&words, folder)?,
            log: folder.join("program.log"),
            inspect: inspect.into_iter().map(PathBuf::from).collect(),
        };
        running
            .wait_until_ready(&address, self.manifest.ready.within_seconds)
            .await?;
        Ok(running)
    }

    fn spawn(&self, words: &[String], folder: &Path) -> Result<Child, AdapterError> {
        use std::os::unix::process::CommandExt;
        let log = fs::File::create(folder.join("program.log"))?;
        let (program, arguments) = words
            .split_first()
            .expect("start is not empty: checked at load");
        Command::new(find_program(program))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|error| self.command_failed(words, error.to_string()))
    }

    fn command_failed(&self, words: &[String], message: String) -> AdapterError {
        AdapterError::Command {
            adapter: self.manifest.adapter.clone(),
            command: words.join(" "),
            message,
        }
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
    adapter: String,
    child: Child,
    log: PathBuf,
    inspect: Vec<PathBuf>,
}

impl Running {
    async fn wait_until_ready(&mut self, address: &str, seconds: u64) -> Result<(), AdapterError> {
        let target: SocketAddr = address.parse().map_err(|_| AdapterError::Manifest {
            path: PathBuf::from("adapter.yaml"),
            message: format!("`ready` names {address}, which is not an address with a port"),
        })?;
        let tries = seconds.max(1) * 1000 / READY_PAUSE.as_millis() as u64;
        for _ in 0..tries {
            self.check("before it was ready")?;
            if tokio::net::TcpStream::connect(target).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        Err(AdapterError::NotReady {
            adapter: self.adapter.clone(),
            address: address.to_owned(),
            seconds,
            log: self.last_log(),
        })
    }

    /// Whether the program still runs.
    ///
    /// # Errors
    /// [`AdapterError::Died`] with its last lines if it does not.
    pub fn check(&mut self, when: &'static str) -> Result<(), AdapterError> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(AdapterError::Died {
                adapter: self.adapter.clone(),
                status: status.to_string(),
                when,
                log: self.last_log(),
            }),
        }
    }

    /// Ends the program: SIGTERM to its group, then SIGKILL to whatever is left of it.
    pub async fn stop(mut self) -> Vec<Kept> {
        self.signal(Signal::TERM);
        let pauses = STOP_PATIENCE.as_millis() / READY_PAUSE.as_millis();
        for _ in 0..pauses {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                break;
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        self.signal(Signal::KILL);
        let _ = self.child.wait();
        self.kept()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // The group may be gone already; then there is nothing to end.
            let _ = kill_process_group(group, signal);
        }
    }

    /// What the program keeps in its folders: names and contents, bounded.
    fn kept(&self) -> Vec<Kept> {
        let mut kept = Vec::new();
        let mut left = MAX_INSPECTED_BYTES;
        let mut folders = self.inspect.clone();
        while let Some(path) = folders.pop() {
            if kept.len() >= MAX_INSPECTED_FILES {
                break;
            }
            let Ok(meta) = fs::symlink_metadata(&path) else {
                continue;
            };
            if meta.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                folders.extend(entries.map(|entry| entry.path()));
            } else if meta.is_file() && meta.len() <= left {
                left -= meta.len();
                if let Ok(bytes) = fs::read(&path) {
                    kept.push(Kept { path, bytes });
                }
            }
        }
        kept.sort_by(|a, b| a.path.cmp(&b.path));
        kept
    }

    fn last_log(&self) -> String {
        last_lines(&String::from_utf8_lossy(
            &fs::read(&self.log).unwrap_or_default(),
        ))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }
}

/// A file that a program kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    lines
        .iter()
        .skip(from)
        .map(|line| format!("    {line}\n"))
        .collect()
}
