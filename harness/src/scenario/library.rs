//! Where scenarios come from: the ones built into the program, and folders of files.
//!
//! A [`Library`] lists its cases without reading more of a file than its `vary` block; a file whose
//! block cannot be read is listed as one case that fails.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use crate::files::read_text;
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::vary::{self, Axes, Text};
use crate::scenario::{Case, limits, parse, parse_case, read};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../scenarios");

/// Scenario files, in name order.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// The files.
    pub sources: Vec<Arc<Source>>,
}

/// One scenario file, not yet read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Topic and name, `privacy/four-hops`.
    pub name: String,
    /// What diagnostics call the file.
    pub path: String,
    /// Its text, or why there is none.
    text: Result<Cow<'static, str>, Diagnostics>,
}

/// One case of a listing.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file it is in.
    pub source: Arc<Source>,
    /// The values of its axes.
    pub axes: Axes,
}

/// Why a folder of scenarios cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system refused.
    #[error("failed to read {path}")]
    Read {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There are more files, or deeper folders, than a library holds.
    #[error(
        "{path} is not a folder of at most {} files in {} levels",
        limits::MAX_FILES,
        limits::MAX_FOLDER_DEPTH
    )]
    TooMany {
        /// Which folder.
        path: PathBuf,
    },
}

impl Library {
    /// All cases, in the order of names and of `vary` blocks.
    pub fn entries(&self) -> Vec<Entry> {
        self.sources.iter().flat_map(Source::entries).collect()
    }

    /// The file of this name.
    pub fn source(&self, name: &str) -> Option<&Arc<Source>> {
        self.sources.iter().find(|source| source.name == name)
    }

    fn sorted(mut sources: Vec<Source>) -> Self {
        sources.sort_by(|left, right| left.name.cmp(&right.name));
        Library {
            sources: sources.into_iter().map(Arc::new).collect(),
        }
    }
}

impl Source {
    /// A file with this text.
    pub fn new(name: &str, path: &str, text: impl Into<Cow<'static, str>>) -> Self {
        Source {
            name: name.to_owned(),
            path: path.to_owned(),
            text: Ok(text.into()),
        }
    }

    /// Its cases; one without axes if its `vary` block cannot be read.
    pub fn entries(self: &Arc<Self>) -> Vec<Entry> {
        let text = self.text.as_deref().unwrap_or_default();
        let combinations = vary::combinations(&self.path, text);
        combinations
            .unwrap_or_else(|_| vec![Axes::default()])
            .into_iter()
            .map(|axes| Entry {
                source: Arc::clone(self),
                axes,
            })
            .collect()
    }

    /// Reads and checks the whole file.
    pub fn cases(&self) -> Result<Vec<Case>, Diagnostics> {
        parse(&self.name, &self.path, self.text()?)
    }

    /// Its text.
    pub fn text(&self) -> Result<&str, Diagnostics> {
        self.text.as_deref().map_err(Clone::clone)
    }
}

impl Entry {
    /// `topic/name`, or `topic/name[axis=value]`.
    pub fn name(&self) -> String {
        format!("{}{}", self.source.name, self.axes)
    }

    /// Reads and checks this case.
    pub fn case(&self) -> Result<Case, Diagnostics> {
        let text = self.source.text()?;
        // Of a block that cannot be read the listing knows nothing; here the reason comes out.
        vary::combinations(&self.source.path, text)?;
        parse_case(&self.source.name, &self.source.path, text, &self.axes)
    }
}

/// The scenarios built into the program.
pub fn builtin() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut sources = Vec::new();
        collect_builtin(&FILES, &mut sources);
        Library::sorted(sources)
    })
}

fn collect_builtin(folder: &'static Dir<'static>, sources: &mut Vec<Source>) {
    for inner in folder.dirs() {
        collect_builtin(inner, sources);
        for file in inner.files() {
            let Some(name) = scenario_name(file.path()) else {
                continue;
            };
            let path = format!("scenarios/{name}.yaml");
            sources.push(match file.contents_utf8() {
                Some(text) => Source::new(&name, &path, text),
                None => unreadable(&name, &path, "the file is not UTF-8"),
            });
        }
    }
}

/// Reads a folder of scenarios: `topic/name.yaml`, topics may be nested.
pub fn load_dir(folder: &Path) -> Result<Library, LoadError> {
    let mut sources = Vec::new();
    let mut pending = vec![(folder.to_owned(), 0)];
    while let Some((current, depth)) = pending.pop() {
        let failed = |source| LoadError::Read {
            path: current.clone(),
            source,
        };
        for item in std::fs::read_dir(&current).map_err(failed)? {
            let path = item.map_err(failed)?.path();
            if path.is_dir() {
                pending.push((path, depth + 1));
            } else if depth > 0
                && let Ok(relative) = path.strip_prefix(folder)
                && let Some(name) = scenario_name(relative)
            {
                sources.push(load_file(&name, &path));
            }
        }
        if depth > limits::MAX_FOLDER_DEPTH || sources.len() > limits::MAX_FILES {
            return Err(LoadError::TooMany { path: current });
        }
    }
    Ok(Library::sorted(sources))
}

/// Reads one file; what is wrong with it comes out when its case is read.
pub fn load_file(name: &str, path: &Path) -> Source {
    let shown = path.display().to_string();
    match read_text(path, limits::MAX_FILE_BYTES) {
        Ok(text) => Source::new(name, &shown, text),
        Err(error) => unreadable(name, &shown, &format!("failed to read the file: {error}")),
    }
}

fn unreadable(name: &str, path: &str, message: &str) -> Source {
    Source {
        name: name.to_owned(),
        path: path.to_owned(),
        text: Err(crate::scenario::Diagnostic::of_file(path, message).into()),
    }
}

/// The name of the scenario in a file, or none if it is no scenario.
fn scenario_name(relative: &Path) -> Option<String> {
    if relative.extension()? != "yaml" {
        return None;
    }
    let parts = relative.with_extension("");
    let parts = parts
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect::<Option<Vec<_>>>()?;
    Some(parts.join("/"))
}

/// Something an implementation must, should or may do, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requirement {
    /// Its name, `DIME-HOP-1`.
    pub id: String,
    /// How binding it is.
    pub level: RequirementLevel,
    /// What it asks for, in one sentence.
    pub sentence: String,
    /// Where it comes from.
    pub source: String,
    /// What kind of source that is.
    pub basis: RequirementSource,
}

/// How binding a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RequirementLevel {
    /// Without exception.
    Must,
    /// Unless there is a reason.
    Should,
    /// At will.
    May,
}

/// What a requirement rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequirementSource {
    /// What was published of DIME's specification.
    Published,
    /// What the public implementations do.
    Code,
    /// A ruling of this project.
    Ruled,
}

impl Requirement {
    /// All requirements, in the order of `requirements.yaml`.
    pub fn all() -> &'static [Requirement] {
        static ALL: OnceLock<Vec<Requirement>> = OnceLock::new();
        ALL.get_or_init(|| list_of("requirements.yaml"))
    }
}

/// Ids of all requirements.
pub(crate) fn requirement_ids() -> Vec<&'static str> {
    let all = Requirement::all().iter();
    all.map(|requirement| requirement.id.as_str()).collect()
}

/// The text of `inherent.yaml`: what the protocol itself gives away.
pub fn inherent_text() -> &'static str {
    let file = FILES.get_file("inherent.yaml");
    file.and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}

/// The text of `kills.yaml`: which scenario kills which rogue.
pub fn kills_text() -> &'static str {
    let file = FILES.get_file("kills.yaml");
    file.and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}

/// Ids of all inherent leaks.
pub(crate) fn inherent_ids() -> Vec<&'static str> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    static IDS: OnceLock<Vec<Named>> = OnceLock::new();
    let ids = IDS.get_or_init(|| list_of("inherent.yaml"));
    ids.iter().map(|named| named.id.as_str()).collect()
}

/// Reads a built-in file that is one list; empty if it does not read, which a test rules out.
fn list_of<T: serde::de::DeserializeOwned>(name: &str) -> Vec<T> {
    let text = FILES.get_file(name).and_then(|file| file.contents_utf8());
    let text = Text::plain(name, text.unwrap_or_default());
    read::document(&text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_scenario_reads() {
        assert!(builtin().sources.len() >= 17);
        for source in &builtin().sources {
            if let Err(problems) = source.cases() {
                panic!("{problems}");
            }
        }
    }

    #[test]
    fn listing_names_every_case_once() {
        let names = builtin()
            .entries()
            .iter()
            .map(Entry::name)
            .collect::<Vec<_>>();
        let mut unique = names.clone();
        unique.dedup();
        assert_eq!(names, unique);
        assert!(names.contains(&"privacy/four-hops".to_owned()));
        assert!(names.contains(&"dns/untrusted[dnssec=bogus]".to_owned()));
    }

    #[test]
    fn requirements_and_inherent_leaks_read_and_are_named_once() {
        for mut ids in [requirement_ids(), inherent_ids()] {
            assert!(ids.len() >= 4);
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count);
        }
    }

    #[test]
    fn every_requirement_is_checked_by_some_scenario() {
        let cases = builtin()
            .sources
            .iter()
            .filter_map(|source| source.cases().ok());
        let checked = cases
            .flatten()
            .flat_map(|case| case.scenario.requirements.clone())
            .map(|id| id.value)
            .collect::<Vec<_>>();
        for id in requirement_ids() {
            assert!(
                checked.iter().any(|one| one == id),
                "{id} is checked by no scenario"
            );
        }
    }

    const GUIDE: &str = include_str!("../../../scenarios/README.md");

    #[test]
    fn the_example_of_the_guide_reads() {
        let example = GUIDE
            .split("```")
            .find_map(|part| part.strip_prefix("yaml\n"));
        let cases = parse("guide/example", "README.md", example.unwrap_or_default());
        let cases = cases.unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(cases.len(), 2);
    }

    #[test]
    fn the_guide_explains_every_step_and_every_expectation() {
        let schema = crate::scenario::schema();
        for kind in ["Step", "Expectation"] {
            let words = schema["$defs"][kind]["oneOf"].as_array();
            let words = words.expect("it is a choice").iter();
            let words = words.filter_map(|choice| choice["required"][0].as_str());
            let words = words.collect::<Vec<_>>();
            assert_eq!(words.len(), 9, "{kind}");
            for word in words {
                assert!(GUIDE.contains(&format!("| `{word}: ")), "{kind} {word}");
            }
        }
    }

    #[test]
    fn a_file_with_an_unreadable_vary_block_lists_as_one_failing_case() {
        let source = Arc::new(Source::new("a/b", "a/b.yaml", "vary: {x: [}\n"));
        let entries = source.entries();
        assert_eq!(entries.iter().map(Entry::name).collect::<Vec<_>>(), ["a/b"]);
        assert!(entries.iter().all(|entry| entry.case().is_err()));
    }
}
