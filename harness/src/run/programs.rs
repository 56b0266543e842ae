//! The external programs of a live case: begun with what they are given, watched while it runs,
//! ended with everything they started, their files recorded, kept or removed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use dime_wire::message::Actor;
use dimespec_report::model::{Run, Verdict};
use tempfile::TempDir;

use super::Broken;
use crate::actors::adapter::{Adapter, AdapterError, Running, pause};
use crate::actors::{Cast, Parts, Party, Player, furnish};
use crate::net::tap::Recorder;
use crate::world::{Host, HostRole, Principal, World};

/// The longest name of a kept file that is recorded with its contents.
const MAX_FOLDER_NAME: usize = 200;

/// The external programs of a case.
#[derive(Default)]
pub struct Programs(Vec<Program>);

struct Program {
    host: String,
    principal: Principal,
    part: Part,
    running: Running,
}

/// Which program plays what.
#[derive(Clone)]
struct Part {
    adapter: String,
    /// As findings name an actor: `destination beta.example`.
    actor: String,
}

impl Part {
    /// Who is to blame for an error, and how it is told.
    fn broken(&self, error: &AdapterError) -> Broken {
        let culprit = if error.is_of_program() {
            self.actor.clone()
        } else {
            format!("adapter {}", self.adapter)
        };
        Broken::Program {
            culprit,
            message: error.to_string(),
        }
    }
}

impl Programs {
    /// Starts a program for each mail server that an adapter plays. The folders they work in go to
    /// `folders` and outlive them.
    pub async fn start(
        world: &World,
        cast: &Cast,
        parts: &Parts,
        folders: &mut Folders,
    ) -> Result<Self, Broken> {
        let mut programs = Programs::default();
        for host in world.hosts.values() {
            let HostRole::MailServer(domain) = &host.role else {
                continue;
            };
            let Player::Adapter(adapter) = parts.player(cast, &Party::Organization(domain)) else {
                continue;
            };
            let part = Part {
                adapter: adapter.manifest.adapter.clone(),
                actor: format!("{} {domain}", role(parts, domain)),
            };
            let folder = folders.add(&part)?;
            let running = begin(world, host, domain, adapter, &part, folder).await?;
            programs.0.push(Program {
                host: host.name.clone(),
                principal: host.principal.clone(),
                part,
                running,
            });
        }
        Ok(programs)
    }

    /// Ends as soon as a program dies or floods its log, with the reason.
    pub async fn failure(&mut self) -> Broken {
        loop {
            if let Err(broken) = self.check() {
                return broken;
            }
            pause().await;
        }
    }

    /// Whether all programs still run.
    pub fn check(&mut self) -> Result<(), Broken> {
        for program in &mut self.0 {
            if let Err(error) = program.running.check("while it was needed") {
                return Err(program.part.broken(&error));
            }
        }
        Ok(())
    }

    /// Why a case took too long: a program that hangs, if there is one.
    pub fn too_slow(&self, seconds: u64) -> Broken {
        let actors: Vec<&str> = self.0.iter().map(|it| it.part.actor.as_str()).collect();
        if actors.is_empty() {
            return Broken::Harness(format!("the case took longer than {seconds} s"));
        }
        let names: Vec<&str> = self.0.iter().map(|it| it.part.adapter.as_str()).collect();
        Broken::Program {
            culprit: actors.join(" or "),
            message: format!(
                "{} kept the case from ending within {seconds} s",
                names.join(" or ")
            ),
        }
    }

    /// Ends all programs and records what they kept.
    pub async fn end(self, world: &World, recorder: &Recorder, folders: &Folders) {
        if self.0.len() > 1 {
            let unseen = "two external programs talk to each other unseen";
            for program in &self.0 {
                recorder.missed(program.principal.clone(), unseen);
            }
            for tap in &world.taps {
                recorder.missed(Principal::Tap(tap.name.clone()), unseen);
            }
        }
        for program in self.0 {
            let remains = program.running.stop().await;
            for kept in remains.files {
                let shown = folders.shown(&kept.path);
                recorder.kept_file(&program.host, &shown, &kept.bytes);
                // File names are kept, too.
                recorder.kept_file(&program.host, "file names", format!("{shown}\n").as_bytes());
            }
            if remains.truncated {
                recorder.missed(program.principal, "it keeps more than an inspection reads");
            }
        }
    }
}

/// What an organization is in the letter that the cast speaks of.
fn role(parts: &Parts, domain: &str) -> &'static str {
    match parts.server(domain) {
        Some(Actor::Origin) => "origin",
        _ => "destination",
    }
}

async fn begin(
    world: &World,
    host: &Host,
    domain: &str,
    adapter: &Adapter,
    part: &Part,
    folder: &Path,
) -> Result<Running, Broken> {
    adapter
        .build(folder)
        .await
        .map_err(|error| part.broken(&error))?;
    let organization = world
        .organizations
        .get(domain)
        .ok_or_else(|| Broken::Harness(format!("{domain} is not in the world")))?;
    let context = furnish(world, organization, host, folder)
        .map_err(|error| Broken::Harness(format!("failed to furnish {domain}: {error}")))?;
    let started = adapter.start(context, folder).await;
    started.map_err(|error| part.broken(&error))
}

/// The folders that the programs of a case worked in. They are removed, unless the case failed.
#[derive(Default)]
pub struct Folders(Vec<(Part, TempDir)>);

impl Folders {
    fn add(&mut self, part: &Part) -> Result<&Path, Broken> {
        let folder = tempfile::Builder::new()
            .prefix("dimespec-")
            // It holds keys.
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| Broken::Harness(format!("failed to make a folder: {error}")))?;
        self.0.push((part.clone(), folder));
        match self.0.last() {
            Some((_, folder)) => Ok(folder.path()),
            None => Err(Broken::Harness("a folder is gone".into())),
        }
    }

    /// A kept file's path below its folder.
    fn shown(&self, path: &Path) -> String {
        let below = |(_, folder): &(Part, TempDir)| path.strip_prefix(folder.path()).ok();
        let shown = self.0.iter().find_map(below).unwrap_or(path);
        let shown = shown.display().to_string();
        shown.chars().take(MAX_FOLDER_NAME).collect()
    }

    /// Keeps the folders of a failed run and says where they are; removes all others.
    pub fn settle(self, run: &mut Run) {
        for (part, folder) in self.0 {
            if run.verdict != Verdict::Fail {
                // What the system cannot remove now it clears away with its other temporary files.
                let _ = folder.close();
                continue;
            }
            let path = folder.keep();
            let log = path.join("program.log");
            let Part { adapter, actor } = part;
            let log = match fs::metadata(&log) {
                Ok(_) => format!(", its log is {}", log.display()),
                Err(_) => String::new(),
            };
            let path = path.display();
            let kept = format!("the files of {adapter} ({actor}) are kept in {path}{log}");
            run.reasons.push(kept);
        }
    }
}
