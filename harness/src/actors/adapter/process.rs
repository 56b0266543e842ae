//! The process of an external program: started in a group of its own, watched, ended together with
//! everything it started, and looked through for what it kept.

// Real processes run in real time, and become ready on real sockets.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::AdapterError;

/// Pause between two looks at a program.
pub const PAUSE: Duration = Duration::from_millis(20);
/// How long one attempt to connect to a program may take.
const CONNECT_PATIENCE: Duration = Duration::from_millis(500);
/// How long a program may take to end after SIGTERM before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// How long the operating system may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How many of a program's last log lines an error shows.
const LOG_LINES: usize = 50;
/// How many bytes of the end of a log are looked at for its last lines.
const LOG_TAIL: u64 = 64 << 10;
/// The most bytes a program may log in one run.
pub const MAX_LOG_BYTES: u64 = 32 << 20;
/// The most files and folders an inspection looks at.
const MAX_INSPECTED_FILES: usize = 10_000;
/// The most bytes an inspection reads.
const MAX_INSPECTED_BYTES: u64 = 256 << 20;
/// The environment variable by which a program and all it starts are found again, also those that
/// left its process group. Its value is the path of the log.
const MARK: &str = "DIMESPEC_PROGRAM_LOG";
/// How often those that left the group are looked for; each time those found before are gone.
const SWEEPS: usize = 3;
/// How much of a process' environment is searched for the mark.
const MAX_ENVIRONMENT: u64 = 1 << 20;

/// A program with all it started. Dropping it kills them.
pub struct Group {
    adapter: String,
    child: Child,
    log: PathBuf,
    ended: bool,
}

impl Group {
    /// Runs `program` in `folder` in a process group of its own; what it prints goes to the file
    /// `log`.
    pub fn spawn(
        adapter: &str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
        log: PathBuf,
    ) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let output = File::create(&log)?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env(MARK, &log)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()?;
        Ok(Self {
            adapter: adapter.to_owned(),
            child,
            log,
            ended: false,
        })
    }

    /// How it ended, if it did.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Whether the program still runs and logs within its limit.
    ///
    /// # Errors
    /// [`AdapterError::Died`], [`AdapterError::Flooded`] with its last lines.
    pub fn check(&mut self, when: &'static str) -> Result<(), AdapterError> {
        if let Some(status) = self.exited()? {
            return Err(AdapterError::Died {
                adapter: self.adapter.clone(),
                status: status.to_string(),
                when,
                log: self.last_log(),
            });
        }
        if fs::metadata(&self.log).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
            return Err(AdapterError::Flooded {
                adapter: self.adapter.clone(),
                log: self.last_log(),
            });
        }
        Ok(())
    }

    /// Waits until the program accepts connections at `target`.
    ///
    /// # Errors
    /// [`AdapterError::NotReady`] after `seconds`, or what [`Group::check`] says.
    pub async fn wait_until_ready(
        &mut self,
        target: SocketAddr,
        seconds: u64,
    ) -> Result<(), AdapterError> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < deadline {
            self.check("before it was ready")?;
            let attempt = tokio::net::TcpStream::connect(target);
            // A full backlog does not answer at all.
            if let Ok(Ok(_)) = tokio::time::timeout(CONNECT_PATIENCE, attempt).await {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(AdapterError::NotReady {
            adapter: self.adapter.clone(),
            address: target.to_string(),
            seconds,
            log: self.last_log(),
        })
    }

    /// Ends the program: SIGTERM to its group, then SIGKILL to whatever is left of it.
    pub async fn end(mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + STOP_PATIENCE;
        while matches!(self.exited(), Ok(None)) && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
        }
        self.kill();
    }

    /// Kills the group and those that left it.
    fn kill(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.signal(Signal::KILL);
        // It may have left its own group.
        let _ = self.child.kill();
        for _ in 0..SWEEPS {
            let strays = strays(&self.log);
            if strays.is_empty() {
                break;
            }
            for stray in strays {
                // It may be gone already; then there is nothing to end.
                let _ = kill_process(stray, Signal::KILL);
            }
            thread::sleep(PAUSE);
        }
        let deadline = Instant::now() + KILL_PATIENCE;
        while matches!(self.exited(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // The group may be gone already; then there is nothing to end.
            let _ = kill_process_group(group, signal);
        }
    }

    /// The last lines the program logged, indented; read from the end of the log only.
    pub fn last_log(&self) -> String {
        last_lines(&String::from_utf8_lossy(
            &tail(&self.log).unwrap_or_default(),
        ))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Processes that bear the mark of the program that logs to `log`. Systems without `/proc` have
/// none to show, and there the process group is all that is ended.
fn strays(log: &Path) -> Vec<Pid> {
    let mark = format!("{MARK}={}", log.display());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| {
            let id: i32 = process.file_name().to_str()?.parse().ok()?;
            let mut environment = Vec::new();
            let file = File::open(process.path().join("environ")).ok()?;
            file.take(MAX_ENVIRONMENT)
                .read_to_end(&mut environment)
                .ok()?;
            let marked = environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes());
            marked.then(|| Pid::from_raw(id)).flatten()
        })
        .collect()
}

fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES);
    if lines.is_empty() {
        return "    (it logged nothing)\n".to_owned();
    }
    lines
        .iter()
        .skip(from)
        .map(|line| format!("    {line}\n"))
        .collect()
}

/// A file that a program kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// What a program kept in its folders.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// Files in the order of their paths.
    pub files: Vec<Kept>,
    /// Whether something was left out because there is too much.
    pub truncated: bool,
}

impl Remains {
    /// Reads the files in and below `folders`, bounded in number and size. Links are not followed.
    pub fn of(folders: &[PathBuf]) -> Self {
        let mut remains = Remains::default();
        let mut bytes_left = MAX_INSPECTED_BYTES;
        let mut looked_at = 0;
        let mut pending = folders.to_vec();
        while let Some(path) = pending.pop() {
            looked_at += 1;
            if looked_at > MAX_INSPECTED_FILES {
                remains.truncated = true;
                break;
            }
            let Ok(meta) = fs::symlink_metadata(&path) else {
                continue;
            };
            if meta.is_dir() {
                let entries = fs::read_dir(&path).into_iter().flatten().flatten();
                let entries = entries.take(MAX_INSPECTED_FILES + 1);
                pending.extend(entries.map(|entry| entry.path()));
            } else if meta.is_file() {
                remains.add(path, &mut bytes_left);
            }
        }
        remains.files.sort_by(|a, b| a.path.cmp(&b.path));
        remains
    }

    fn add(&mut self, path: PathBuf, bytes_left: &mut u64) {
        let mut bytes = Vec::new();
        let read =
            File::open(&path).and_then(|file| file.take(*bytes_left).read_to_end(&mut bytes));
        let whole = fs::metadata(&path).is_ok_and(|meta| meta.len() <= bytes.len() as u64);
        self.truncated |= read.is_err() || !whole;
        *bytes_left = bytes_left.saturating_sub(bytes.len() as u64);
        self.files.push(Kept { path, bytes });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_log_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let long: String = (0..100_000).map(|line| format!("line {line}\n")).collect();
        fs::write(&log, long).expect("a log");
        let shown = tail(&log).expect("the end of the log");
        assert_eq!(shown.len() as u64, LOG_TAIL);
        let lines = last_lines(&String::from_utf8_lossy(&shown));
        assert_eq!(lines.lines().count(), LOG_LINES);
        assert!(lines.starts_with("    line 99950\n"));
        assert!(lines.ends_with("    line 99999\n"));
    }

    #[test]
    fn what_is_left_out_of_an_inspection_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        fs::write(inner.join("b"), "two").expect("a file");
        fs::write(folder.path().join("a"), "one").expect("a file");
        // A link in a circle must not lead anywhere.
        std::os::unix::fs::symlink(folder.path(), inner.join("circle")).expect("a link");
        let remains = Remains::of(&[folder.path().to_path_buf()]);
        let kept: Vec<&[u8]> = remains.files.iter().map(|kept| &kept.bytes[..]).collect();
        assert_eq!(kept, [&b"one"[..], b"two"]);
        assert!(!remains.truncated);

        let mut short = Remains::default();
        short.add(folder.path().join("a"), &mut 2);
        assert!(short.truncated);
    }
}
