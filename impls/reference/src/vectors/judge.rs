//! Judging the cases of one file: comparisons come in, are held against the rulings, and the
//! file's report comes out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::report::{Broken, Difference, Failure, FileReport, MAXIMUM_SHOWN, Ruled, shorten};
use super::rulings::{Clause, Rulings, Scene};
use super::{Entry, FolderError};

/// Words of a result that accepts.
const ACCEPTING: [&str; 5] = ["accept", "SS_SSR", "SS_CRYPTO", "SS_FULL", "SS_ID"];

/// What was compared in one case.
#[derive(Clone, Debug, Default)]
pub struct Comparisons(Vec<Comparison>);

#[derive(Clone, Debug)]
struct Comparison {
    aspect: String,
    why: Option<String>,
    this: Map<String, Value>,
    memory: bool,
}

impl Comparisons {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Compares our result with the recorded one. Further facts of this comparison, for rulings
    /// and readers, can be given with [`Comparisons::with`] afterwards.
    pub fn equal(
        &mut self,
        aspect: impl Into<String>,
        ours: impl Into<Value>,
        recorded: impl Into<Value>,
    ) -> &mut Self {
        let aspect = aspect.into();
        let mut this = Map::new();
        this.insert("aspect".to_owned(), json!(aspect));
        this.insert("ours".to_owned(), ours.into());
        this.insert("libdime".to_owned(), recorded.into());
        self.0.push(Comparison {
            aspect,
            why: None,
            this,
            memory: false,
        });
        self
    }

    /// Compares bytes; a difference is told as sizes and the first place, not as all the bytes.
    pub fn bytes(&mut self, aspect: impl Into<String>, ours: &[u8], recorded: &[u8]) -> &mut Self {
        if ours == recorded {
            return self.equal(aspect, "the same bytes", "the same bytes");
        }
        let first = ours
            .iter()
            .zip(recorded)
            .take_while(|(own, their)| own == their)
            .count();
        let excerpt = |bytes: &[u8]| {
            let shown = bytes.iter().skip(first).take(16).copied();
            let shown = hex::encode(shown.collect::<Vec<_>>());
            format!("{} bytes, from offset {first} on {shown}", bytes.len())
        };
        self.equal(aspect, excerpt(ours), excerpt(recorded))
    }

    /// A case in which libdime broke memory: input that must be refused, or at least be handled
    /// without harm, which then takes a ruling on this aspect.
    pub fn broke_memory(&mut self, aspect: impl Into<String>, refused: bool) -> &mut Self {
        let ours = if refused { "reject" } else { "accept" };
        self.equal(aspect, ours, "reject");
        if let Some(last) = self.0.last_mut() {
            last.memory = true;
        }
        self
    }

    /// Adds a fact about the comparison that was made last.
    pub fn with(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.this.insert(key.to_owned(), value.into());
        }
        self
    }

    /// Says why our result is what it is, for the reader.
    pub fn because(&mut self, why: impl ToString) -> &mut Self {
        if let Some(last) = self.0.last_mut() {
            last.why = Some(why.to_string());
        }
        self
    }

    /// Whether the comparison made last found no difference.
    pub fn agreed(&self) -> bool {
        self.0.last().is_none_or(Comparison::agrees)
    }
}

impl Comparison {
    fn agrees(&self) -> bool {
        self.this.get("ours") == self.this.get("libdime")
    }

    /// Whether our result is that something is good.
    fn accepts(&self) -> bool {
        match self.this.get("ours") {
            Some(Value::Bool(good)) => *good,
            Some(Value::String(word)) => ACCEPTING.contains(&word.as_str()),
            _ => false,
        }
    }

    fn describe(&self) -> Difference {
        let shown = |key: &str| {
            let value = self.this.get(key);
            shorten(&value.map_or_else(String::new, |value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }))
        };
        let told = |key: &&String| !matches!(key.as_str(), "aspect" | "ours" | "libdime");
        let facts = self.this.keys().filter(told);
        Difference {
            aspect: self.aspect.clone(),
            ours: shown("ours"),
            recorded: shown("libdime"),
            why: self.why.clone(),
            facts: facts.map(|key| (key.clone(), shown(key))).collect(),
        }
    }
}

/// Collects the judgement of one file.
#[derive(Debug)]
pub struct Judge<'r> {
    rulings: &'r Rulings,
    topic: &'static str,
    report: FileReport,
    ruled: BTreeMap<usize, BTreeSet<String>>,
    met: BTreeSet<Clause>,
    /// Cases of no known kind, by their places; they are not judged.
    pub(super) not_understood: Vec<String>,
}

impl<'r> Judge<'r> {
    pub(super) fn new(rulings: &'r Rulings, topic: &'static str, file: &str) -> Self {
        Self {
            rulings,
            topic,
            report: FileReport {
                file: file.to_owned(),
                ..FileReport::default()
            },
            ruled: BTreeMap::new(),
            met: BTreeSet::new(),
            not_understood: Vec::new(),
        }
    }

    /// Judges one case: `entry` is its JSON, `facts` what was found out about its bytes by other
    /// means than the code under judgement, so that rulings can name properties of them.
    /// A case in which nothing was compared fails: it was not checked.
    pub fn case(&mut self, entry: &Entry<'_>, facts: &Value, comparisons: &Comparisons) {
        if comparisons.0.is_empty() {
            let mut nothing = Comparisons::new();
            nothing.equal("comparisons", "none", "at least one");
            return self.case(entry, facts, &nothing);
        }
        let id = case_id(entry);
        self.report.cases += 1;
        let (mut ruled, mut differences) = (false, Vec::new());
        let broken = comparisons.0.iter().any(|comparison| comparison.memory);
        for comparison in &comparisons.0 {
            let clauses = self.announcing(entry.value(), facts, comparison);
            match (comparison.agrees(), clauses.is_empty()) {
                (true, true) => {}
                (true, false) => {
                    let lax = self.unmet(&id, comparison, &clauses);
                    differences.extend(lax);
                }
                (false, true) => differences.push(comparison.describe()),
                (false, false) => {
                    ruled = true;
                    for clause in clauses {
                        self.met.insert(clause);
                        self.ruled.entry(clause.0).or_default().insert(id.clone());
                    }
                }
            }
        }
        if !differences.is_empty() {
            self.report.failed += 1;
            self.fail(entry, id, facts, differences);
        } else if broken {
            self.report.broken.push(broken_case(id, comparisons));
        } else if ruled {
            self.report.ruled += 1;
        } else {
            self.report.agreed += 1;
        }
    }

    fn announcing(&self, case: &Value, facts: &Value, comparison: &Comparison) -> Vec<Clause> {
        let this = Value::Object(comparison.this.clone());
        let scene = Scene {
            case,
            facts,
            this: &this,
        };
        self.rulings
            .announcing(self.topic, &comparison.aspect, scene)
    }

    /// A ruling says that we differ, and we do not. That is harmless where both refuse; where libdime
    /// accepts, the ruling says that we must refuse, so to accept as well is a failure.
    fn unmet(
        &mut self,
        id: &str,
        comparison: &Comparison,
        clauses: &[Clause],
    ) -> Option<Difference> {
        let mut lax = None;
        for clause in clauses {
            let ruling = self.rulings.ruling(*clause).map_or("", |ruling| &ruling.id);
            let aspect = &comparison.aspect;
            self.report.unmet.push(format!(
                "{id}: {aspect} does not differ although {ruling} says so"
            ));
            if comparison.accepts() {
                let mut difference = comparison.describe();
                difference.why = Some(format!("ruling {ruling} says that this is refused"));
                lax = Some(difference);
            }
        }
        lax
    }

    fn fail(&mut self, entry: &Entry<'_>, id: String, facts: &Value, differences: Vec<Difference>) {
        let told = |key: &str| {
            let text = entry.value().get(key).and_then(Value::as_str);
            text.map(shorten)
        };
        self.report.failures.push(Failure {
            case: id,
            path: entry.path().to_owned(),
            description: told("description"),
            quirk: told("quirk"),
            differences,
            facts: facts.clone(),
        });
    }

    /// The report and the clauses that met a difference.
    pub(super) fn finish(mut self) -> (FileReport, BTreeSet<Clause>) {
        for (position, cases) in self.ruled {
            let Some(ruling) = self.rulings.ruling((position, 0)) else {
                continue;
            };
            self.report.rulings.push(Ruled {
                ruling: ruling.id.clone(),
                cases: cases.len(),
                ours: ruling.ours.clone(),
                examples: cases.into_iter().take(MAXIMUM_SHOWN).collect(),
            });
        }
        (self.report, self.met)
    }
}

/// What the case is called: its id, or its place where it has none.
fn case_id(entry: &Entry<'_>) -> String {
    let id = entry.value().get("id").and_then(Value::as_str);
    id.map_or_else(|| entry.path().to_owned(), str::to_owned)
}

fn broken_case(case: String, comparisons: &Comparisons) -> Broken {
    let memory = || comparisons.0.iter().filter(|comparison| comparison.memory);
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for comparison in memory() {
        let why = comparison.why.as_deref().unwrap_or("refused");
        let what = comparison
            .aspect
            .trim_start_matches("libdime broke memory ");
        answers.entry(why).or_default().push(what);
    }
    let answers = answers.into_iter();
    Broken {
        case,
        refused: memory().all(Comparison::agrees),
        answers: answers
            .map(|(why, what)| format!("{}: {why}", what.join(", ")))
            .collect(),
    }
}

/// Whether libdime crashed on the case, or broke memory without that. What else is recorded of such a
/// case need not be there.
pub(super) fn broke_memory(recorded: &Entry<'_>) -> bool {
    let is_set = |key| {
        let flag = recorded.optional(key);
        flag.is_some_and(|flag| flag.value() != false)
    };
    is_set("crash") || is_set("memory_unsafe")
}

/// Judges every case by `compare`, which compares and tells the facts. A case with a value that is not of
/// the format fails, and the others are judged nevertheless.
pub(super) fn each<'a>(
    cases: Vec<Entry<'a>>,
    judge: &mut Judge<'_>,
    mut compare: impl FnMut(&Entry<'a>, &mut Comparisons) -> Result<Value, FolderError>,
) -> Result<(), FolderError> {
    for case in cases {
        let mut found = Comparisons::new();
        let facts = match compare(&case, &mut found) {
            Ok(facts) => facts,
            Err(error @ FolderError::Shape { .. }) => {
                found = Comparisons::new();
                found.equal("format", "not read", error.to_string());
                Value::Null
            }
            Err(error) => return Err(error),
        };
        judge.case(&case, &facts, &found);
    }
    Ok(())
}

/// Compares one case of a list and tells the facts about it.
pub(super) type Checker = fn(&Entry<'_>, &mut Comparisons) -> Result<Value, FolderError>;

/// Judges every list of a file that is there, each by its checker.
pub(super) fn check_lists(
    lists: &[(&str, Checker)],
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    for (list, checker) in lists {
        if let Some(list) = file.optional(list) {
            each(list.items()?, judge, checker)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULINGS: &str = "rulings:
  - id: flags-are-refused
    date: '2026-11-22'
    topic: things
    libdime: Accepts them.
    ours: Refuses them.
    reason: They mean nothing.
    differences:
      - where:
          - { field: facts.flags, has-bits: 8 }
          - { field: this.libdime, equals: accept }
        aspects: [verdict]
";

    /// Judges one case with these flags and verdicts.
    fn judge(flags: u8, ours: &str, recorded: &str) -> FileReport {
        let rulings = Rulings::parse(RULINGS).expect("usable rulings");
        let mut judge = Judge::new(&rulings, "things", "things.json");
        let value = json!({ "id": "one" });
        let mut found = Comparisons::new();
        found.equal("verdict", ours, recorded);
        judge.case(
            &Entry::root("things.json", &value),
            &json!({ "flags": flags }),
            &found,
        );
        judge.finish().0
    }

    #[test]
    fn a_difference_needs_a_ruling_that_fits() {
        let counts = |report: &FileReport| (report.agreed, report.ruled, report.failed);
        assert_eq!(counts(&judge(0, "accept", "accept")), (1, 0, 0));
        assert_eq!(counts(&judge(8, "reject", "accept")), (0, 1, 0));
        assert_eq!(counts(&judge(0, "reject", "accept")), (0, 0, 1));
        assert_eq!(counts(&judge(8, "accept", "reject")), (0, 0, 1));
    }

    #[test]
    fn to_accept_what_a_ruling_refuses_fails() {
        let report = judge(8, "accept", "accept");
        assert_eq!((report.failed, report.unmet.len()), (1, 1));
        let why = report.failures[0].differences[0].why.as_deref();
        assert!(why.is_some_and(|why| why.contains("flags-are-refused")));
        assert_eq!(judge(8, "reject", "reject").failed, 0);
    }

    #[test]
    fn a_case_that_broke_memory_stands_apart_and_must_be_refused() {
        let rulings = Rulings::parse(RULINGS).expect("usable rulings");
        let mut judge = Judge::new(&rulings, "things", "things.json");
        let value = json!({ "id": "one" });
        for refused in [true, false] {
            let mut found = Comparisons::new();
            found.broke_memory("libdime crashed", refused);
            judge.case(&Entry::root("things.json", &value), &Value::Null, &found);
        }
        let (report, _) = judge.finish();
        assert_eq!(
            (report.cases, report.failed, report.broken.len()),
            (2, 1, 1)
        );
    }
}
