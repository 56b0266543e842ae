//! What a check found, for machines (serde) and for people (a table and what stands behind it).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

/// Most characters shown of one value.
const MAXIMUM_TEXT: usize = 240;
/// Most cases named as examples of one ruling.
pub(super) const MAXIMUM_SHOWN: usize = 3;

/// What a check found in a folder.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Report {
    /// Whether every difference has a ruling, and whatever broke libdime's memory was refused.
    pub passed: bool,
    /// All files added up.
    pub total: Total,
    /// The files that were judged, by name.
    pub files: Vec<FileReport>,
    /// JSON files that are of no known kind, and lists and cases of known files that are; what they hold
    /// was not judged.
    pub not_understood: Vec<String>,
    /// Files of a known kind in which there is no case, so that nothing was judged.
    pub without_cases: Vec<String>,
    /// Clauses of rulings on the files judged that met no case, like `ruling-id, difference 2`.
    pub unused: Vec<String>,
    /// The same, of clauses that rest on notes about libdime instead of recorded cases.
    pub unseen: Vec<String>,
}

/// Numbers of cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Total {
    /// Run.
    pub cases: usize,
    /// In which nothing differed.
    pub agreed: usize,
    /// In which all that differed has a ruling.
    pub ruled: usize,
    /// In which something differed without a ruling.
    pub failed: usize,
    /// In which libdime broke memory, and which we refused or have a ruling for.
    pub broken: usize,
    /// Those of `broken` that were refused.
    pub refused: usize,
}

/// What a check found in one file.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Cases run. Every case is in exactly one of `agreed`, `ruled`, `failed` and `broken`.
    pub cases: usize,
    /// Cases in which nothing differed.
    pub agreed: usize,
    /// Cases in which all that differed has a ruling.
    pub ruled: usize,
    /// Cases in which something differed without a ruling.
    pub failed: usize,
    /// Cases in which libdime broke memory and which we refused or have a ruling for.
    pub broken: Vec<Broken>,
    /// The rulings that applied.
    pub rulings: Vec<Ruled>,
    /// The failed cases.
    pub failures: Vec<Failure>,
    /// Differences that a ruling announces and that are not there; no failure in an unseen folder.
    pub unmet: Vec<String>,
}

/// A ruling that applied in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Ruled {
    /// Its id.
    pub ruling: String,
    /// In how many cases.
    pub cases: usize,
    /// What we do there.
    pub ours: String,
    /// A few of the cases.
    pub examples: Vec<String>,
}

/// A case in which libdime broke memory.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Broken {
    /// Its id.
    pub case: String,
    /// Whether we refused wherever libdime broke; if not, a ruling says why that is right.
    pub refused: bool,
    /// What we answered where libdime broke.
    pub answers: Vec<String>,
}

/// A case with a difference that no ruling covers.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Failure {
    /// Its id.
    pub case: String,
    /// Where it stands in the file.
    pub path: String,
    /// What the case is about.
    pub description: Option<String>,
    /// What is known to be peculiar about libdime's verdict.
    pub quirk: Option<String>,
    /// What differs.
    pub differences: Vec<Difference>,
    /// What was found out about the bytes by other means.
    pub facts: Value,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// In what.
    pub aspect: String,
    /// Our result.
    pub ours: String,
    /// The recorded one.
    pub recorded: String,
    /// Why ours is what it is.
    pub why: Option<String>,
    /// More about the comparison, like the recorded stage and message.
    pub facts: BTreeMap<String, String>,
}

impl Report {
    /// Adds up the files and decides.
    pub(super) fn conclude(mut self) -> Self {
        for file in &self.files {
            self.total.cases += file.cases;
            self.total.agreed += file.agreed;
            self.total.ruled += file.ruled;
            self.total.failed += file.failed;
            self.total.broken += file.broken.len();
            self.total.refused += file.refused();
        }
        self.passed = self.total.failed == 0;
        self
    }

    /// The report for people.
    pub fn to_text(&self) -> String {
        let mut out = self.table();
        self.tell_rulings(&mut out);
        self.tell_broken(&mut out);
        self.tell_failures(&mut out);
        if !self.not_understood.is_empty() {
            let names = self.not_understood.join(", ");
            line(
                &mut out,
                format_args!("\nnot understood, so not judged: {names}"),
            );
        }
        if !self.without_cases.is_empty() {
            let names = self.without_cases.join(", ");
            line(&mut out, format_args!("\nwithout a case: {names}"));
        }
        let verdict = match (self.passed, self.total.failed) {
            (true, _) => "passed: no difference without a ruling".to_owned(),
            (false, 1) => "failed: 1 case differs without a ruling".to_owned(),
            (false, failed) => format!("failed: {failed} cases differ without a ruling"),
        };
        line(&mut out, format_args!("\n{verdict}"));
        out
    }

    fn table(&self) -> String {
        let longest = self.files.iter().map(|file| file.file.len()).max();
        let width = longest.unwrap_or_default().max("file".len());
        let mut out = String::new();
        let mut row = |name: &str, cells: [&str; 5]| {
            let [cases, agreed, ruled, failed, broken] = cells;
            line(
                &mut out,
                format_args!(
                    "{name:<width$} {cases:>7} {agreed:>7} {ruled:>7} {failed:>7}  {broken}"
                ),
            );
        };
        row(
            "file",
            ["cases", "agreed", "ruled", "failed", "libdime broke memory"],
        );
        let mut numbers = |name: &str, total: Total| {
            let cells = [total.cases, total.agreed, total.ruled, total.failed];
            let [cases, agreed, ruled, failed] = cells.map(|cell| cell.to_string());
            let broken = match (total.broken, total.refused) {
                (0, _) => "-".to_owned(),
                (broken, refused) if broken == refused => format!("{broken}, refused"),
                (broken, 0) => format!("{broken}, ruled"),
                (broken, refused) => format!("{broken}, {refused} refused"),
            };
            row(name, [&cases, &agreed, &ruled, &failed, &broken]);
        };
        for file in &self.files {
            let total = Total {
                cases: file.cases,
                agreed: file.agreed,
                ruled: file.ruled,
                failed: file.failed,
                broken: file.broken.len(),
                refused: file.refused(),
            };
            numbers(&file.file, total);
        }
        numbers("total", self.total);
        out
    }

    fn tell_rulings(&self, out: &mut String) {
        let mut told = false;
        for file in self.files.iter().filter(|file| !file.rulings.is_empty()) {
            if !told {
                line(out, format_args!("\ndifferences with a ruling"));
                told = true;
            }
            line(out, format_args!("  {}", file.file));
            for ruled in &file.rulings {
                line(out, format_args!("{:>7}  {}", ruled.cases, ruled.ruling));
            }
        }
    }

    fn tell_broken(&self, out: &mut String) {
        if self.total.broken == 0 {
            return;
        }
        line(out, format_args!("\ncases in which libdime broke memory"));
        for file in &self.files {
            for broken in &file.broken {
                let answers = broken.answers.join("; ");
                let how = if broken.refused { "refused" } else { "ruled" };
                line(out, format_args!("  {how:<7}  {}, {answers}", broken.case));
            }
        }
    }

    fn tell_failures(&self, out: &mut String) {
        if self.total.failed == 0 {
            return;
        }
        line(out, format_args!("\ndifferences without a ruling"));
        for file in &self.files {
            for failure in &file.failures {
                line(out, format_args!("  {}: {}", file.file, failure.case));
                failure.tell(out);
            }
        }
    }
}

impl FileReport {
    fn refused(&self) -> usize {
        self.broken.iter().filter(|broken| broken.refused).count()
    }
}

impl Failure {
    fn tell(&self, out: &mut String) {
        for (label, text) in [("case", &self.description), ("known", &self.quirk)] {
            if let Some(text) = text {
                line(out, format_args!("    {label}: {text}"));
            }
        }
        for difference in &self.differences {
            line(out, format_args!("    {}", difference.aspect));
            let why = difference.why.as_deref();
            let why = why.map_or_else(String::new, |why| format!(" ({why})"));
            line(
                out,
                format_args!("      ours:     {}{why}", difference.ours),
            );
            line(out, format_args!("      recorded: {}", difference.recorded));
            for (key, value) in &difference.facts {
                line(out, format_args!("      {key}: {value}"));
            }
        }
        if !self.facts.is_null() {
            line(
                out,
                format_args!("    facts: {}", shorten(&self.facts.to_string())),
            );
        }
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

/// Text of others for people: at most [`MAXIMUM_TEXT`] characters, nothing that steers a terminal.
pub(super) fn shorten(text: &str) -> String {
    let visible = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    let mut out: String = text.chars().take(MAXIMUM_TEXT).map(visible).collect();
    if text.chars().nth(MAXIMUM_TEXT).is_some() {
        out.push('…');
    }
    out
}
