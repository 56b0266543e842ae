//! The check of recorded vectors (`dime vectors check`): runs every case of a folder through this
//! implementation and says where it agrees, where it differs with a ruling, and where without.
//!
//! Everything here is a pure function of a loaded [`Folder`]; only loading touches files.
//!
//! # How to add a file
//!
//! Write a module with `fn check(context: &Context, file: &Entry, judge: &mut Judge) -> Result<(),
//! FolderError>` and add a row to `FILES`: the file's name, its lists, the topic of its rulings, by what another
//! file of that shape is told, and the function. Have `each` run a function over the cases that makes
//! [`Comparisons`] of our result with the recorded one, one per aspect, and tells facts about the case's
//! bytes that the code under judgement did not find out. Never assert, never panic: what is not of
//! the format is an error of [`Entry`], by which the case fails. A deliberate difference gets a ruling in
//! `scenarios/rulings.yaml` whose conditions name properties: `this.ours`, `this.libdime` and what
//! [`Comparisons::with`] added, `facts.…`, or members of the case. Where `broke_memory` says that libdime
//! did so, look at nothing else that it answered and use [`Comparisons::broke_memory`].

mod bounces;
mod custody;
mod dmtp;
mod entry;
mod folder;
mod generate;
mod judge;
mod keyfiles;
mod message_chunks;
mod message_facts;
mod message_text;
mod messages;
mod messages_corrupt;
mod messages_refused;
mod messages_valid;
mod parsers;
mod primitives;
mod recorded_entropy;
mod records;
mod report;
mod rulings;
mod signet_facts;
mod signets;
mod stacie;
mod tables;
mod world;
mod worlds;

use std::collections::BTreeSet;

use serde_json::Value;

pub use entry::Entry;
pub use folder::{Folder, FolderError};
pub use generate::{GenerateError, generate};
pub use judge::{Comparisons, Judge};
pub use report::{Broken, Difference, Failure, FileReport, Report, Ruled, Total};
pub use rulings::{Ruling, Rulings};
pub use world::{World, Worlds};

/// What the check of a file may use besides the file.
#[derive(Debug)]
pub struct Context<'a> {
    /// All files.
    pub folder: &'a Folder,
    /// The worlds that cases are in.
    pub worlds: Worlds<'a>,
}

/// One kind of file.
struct Kind {
    /// The name it goes by.
    name: &'static str,
    /// The members that hold its cases.
    lists: &'static [&'static str],
    /// The topic of the rulings about it.
    topic: &'static str,
    /// Whether a file of another name is of this shape.
    recognizes: fn(&Entry<'_>) -> bool,
    /// Judges its cases.
    check: fn(&Context<'_>, &Entry<'_>, &mut Judge<'_>) -> Result<(), FolderError>,
}

/// Every kind of file, in the order in which they are tried.
const FILES: &[Kind] = &[
    Kind {
        name: "bounces.json",
        lists: &["cases"],
        topic: "messages",
        recognizes: |file| first_case_has(file, "bounce_b64"),
        check: bounces::check,
    },
    Kind {
        name: "custody.json",
        lists: &["cases"],
        topic: "signets",
        recognizes: |file| first_case_has(file, "chain"),
        check: custody::check,
    },
    Kind {
        name: "dmtp.json",
        lists: &["format", "parse"],
        topic: "dmtp",
        recognizes: |file| has_member(file, "format") && has_member(file, "parse"),
        check: dmtp::check,
    },
    Kind {
        name: "keyfiles.json",
        lists: &[
            "valid",
            "load_cases",
            "signet_armor_cases",
            "ed25519_private_pem_cases",
        ],
        topic: "keys",
        recognizes: |file| has_member(file, "load_cases"),
        check: keyfiles::check,
    },
    Kind {
        name: "messages_corrupt.json",
        lists: &["cases"],
        topic: "messages",
        recognizes: messages_corrupt::recognizes,
        check: messages_corrupt::check,
    },
    Kind {
        name: "messages_encrypt_errors.json",
        lists: &["cases"],
        topic: "messages",
        recognizes: messages_refused::recognizes,
        check: messages_refused::check,
    },
    Kind {
        name: "messages_valid.json",
        lists: &["cases"],
        topic: "messages",
        recognizes: messages_valid::recognizes,
        check: messages_valid::check,
    },
    Kind {
        name: "mrec.json",
        lists: &["genrec", "parse"],
        topic: "records",
        recognizes: |file| has_member(file, "genrec"),
        check: records::check,
    },
    Kind {
        name: "parsers.json",
        lists: &[
            "envelope_parse",
            "common_headers_parse",
            "common_headers_format",
        ],
        topic: "messages",
        recognizes: |file| has_member(file, "common_headers_parse"),
        check: parsers::check,
    },
    Kind {
        name: "primitives.json",
        lists: &[
            "crc24",
            "base64_encode",
            "base64_decode",
            "kek",
            "secp256k1_public_keys",
            "ed25519",
        ],
        topic: "primitives",
        recognizes: |file| has_member(file, "crc24"),
        check: primitives::check,
    },
    Kind {
        name: "signets_context.json",
        lists: &["cases"],
        topic: "signets",
        recognizes: signets::recognizes,
        check: signets::check,
    },
    Kind {
        name: "signets_corrupt.json",
        lists: &["cases"],
        topic: "signets",
        recognizes: signets::recognizes,
        check: signets::check,
    },
    Kind {
        name: "signets_valid.json",
        lists: &["cases"],
        topic: "signets",
        recognizes: signets::recognizes,
        check: signets::check,
    },
    Kind {
        name: "stacie.json",
        lists: &["rounds", "derivations", "errors"],
        topic: "stacie",
        recognizes: |file| has_member(file, "derivations"),
        check: stacie::check,
    },
    Kind {
        name: "tables.json",
        lists: &["message_chunks", "signet_fields", "dmtp_commands"],
        topic: "signets",
        recognizes: |file| has_member(file, "signet_fields"),
        check: tables::check,
    },
    Kind {
        name: "worlds.json",
        lists: &["worlds"],
        topic: "signets",
        recognizes: |file| has_member(file, "worlds"),
        check: worlds::check,
    },
];

/// Judges every file of `folder`. Fails if the folder cannot be judged: what holds the cases is not of
/// the format, a file that is needed is not there, or there is nothing to judge.
pub fn check(folder: &Folder, rulings: &Rulings) -> Result<Report, FolderError> {
    let context = Context {
        folder,
        worlds: Worlds::of(folder)?,
    };
    let mut report = Report::default();
    let (mut topics, mut met) = (BTreeSet::new(), BTreeSet::new());
    for (name, value) in &folder.json {
        let file = Entry::root(name, value);
        let Some(kind) = kind_of(&file) else {
            report.not_understood.push(name.clone());
            continue;
        };
        let mut judge = Judge::new(rulings, kind.topic, name);
        (kind.check)(&context, &file, &mut judge)?;
        let mut unknown = other_lists(&file, kind);
        unknown.append(&mut judge.not_understood);
        let places = unknown.iter().map(|place| format!("{place} of {name}"));
        report.not_understood.extend(places);
        let (judged, clauses) = judge.finish();
        if judged.cases == 0 {
            report.without_cases.push(name.clone());
        }
        report.files.push(judged);
        topics.insert(kind.topic);
        met.extend(clauses);
    }
    if report.files.iter().all(|file| file.cases == 0) {
        return Err(FolderError::Empty);
    }
    for (clause, is_recorded) in rulings.clauses(&topics) {
        if let Some(ruling) = rulings.ruling(clause).filter(|_| !met.contains(&clause)) {
            let name = format!("{}, difference {}", ruling.id, clause.1 + 1);
            let list = if is_recorded {
                &mut report.unused
            } else {
                &mut report.unseen
            };
            list.push(name);
        }
    }
    Ok(report.conclude())
}

/// The kind of a file: by its name, else by its shape.
fn kind_of(file: &Entry<'_>) -> Option<&'static Kind> {
    let named = FILES.iter().find(|kind| kind.name == file.file());
    named.or_else(|| FILES.iter().find(|kind| (kind.recognizes)(file)))
}

/// Members of a file that may hold cases, but are none of those that its kind has.
fn other_lists(file: &Entry<'_>, kind: &Kind) -> Vec<String> {
    let members = file.members().unwrap_or_default().into_iter();
    let holds_cases = |value: &Value| value.is_array() || value.is_object();
    let other =
        members.filter(|(name, member)| !kind.lists.contains(name) && holds_cases(member.value()));
    other.map(|(name, _)| name.to_owned()).collect()
}

fn has_member(file: &Entry<'_>, member: &str) -> bool {
    file.optional(member).is_some()
}

fn first_case_has(file: &Entry<'_>, member: &str) -> bool {
    let cases = file.at("cases").items().unwrap_or_default();
    cases
        .first()
        .is_some_and(|case| case.optional(member).is_some())
}
