//! A run as the page shows it: its letters' ways, its knowledge tables, its proofs.

use serde::Serialize;

use super::proof::ProofView;
use super::{FindingView, short, verdict_class, verdict_sign};
use crate::html::{DERIVATIONS_SHOWN, HOPS_SHOWN, TABLE_SHOWN, anchors};
use crate::matrix::{Matrix, cell_label, players, policy_phrase, role_word, stations};
use crate::model::{Cell, Grade, Hop, Judged, Letter, Run, Stage, Verdict};
use crate::printable::{duration, fact_label, first_line, printable, printable_lines, size};

/// A run.
#[derive(Serialize)]
pub(in crate::html) struct RunView {
    anchor: String,
    name: String,
    title: String,
    verdict: &'static str,
    sign: &'static str,
    open: bool,
    why: String,
    note: String,
    requirements: Vec<String>,
    circumstances: Vec<(&'static str, String)>,
    reasons: Vec<String>,
    findings: Vec<FindingView>,
    expectations: Vec<ExpectationView>,
    letters: Vec<LetterView>,
    proofs: Vec<ProofView>,
    proofs_left_off: usize,
    beside: Vec<HopView>,
    hops_left_off: usize,
    replay: String,
}

impl RunView {
    /// Arranges a run that stands at this place of the page.
    pub(in crate::html) fn of(anchor: &str, run: &Run) -> Self {
        let shown = run.derivations.len().min(DERIVATIONS_SHOWN);
        let beside = run.hops_beside();
        Self {
            anchor: anchor.to_owned(),
            name: printable(&run.name),
            title: printable(&run.title),
            verdict: verdict_class(run.verdict),
            sign: verdict_sign(run.verdict),
            open: matches!(run.verdict, Verdict::Fail | Verdict::Inconclusive),
            why: why(run),
            note: note(run),
            requirements: run.requirements.iter().map(|it| printable(it)).collect(),
            circumstances: circumstances(run),
            reasons: run.reasons.iter().map(|it| printable_lines(it)).collect(),
            findings: FindingView::of(anchor, run),
            expectations: run.expectations.iter().map(ExpectationView::of).collect(),
            letters: letters(anchor, run),
            proofs: (0..shown)
                .filter_map(|index| ProofView::of(anchor, run, index))
                .collect(),
            proofs_left_off: run.derivations.len().saturating_sub(shown),
            hops_left_off: beside.len().saturating_sub(HOPS_SHOWN),
            beside: beside
                .into_iter()
                .take(HOPS_SHOWN)
                .map(HopView::of)
                .collect(),
            replay: printable(&run.replay),
        }
    }
}

/// An expectation.
#[derive(Serialize)]
struct ExpectationView {
    verdict: &'static str,
    sign: &'static str,
    text: String,
    detail: String,
}

impl ExpectationView {
    fn of(expectation: &crate::model::Expectation) -> Self {
        Self {
            verdict: verdict_class(expectation.verdict),
            sign: verdict_sign(expectation.verdict),
            text: printable_lines(&expectation.text),
            detail: printable_lines(&expectation.detail),
        }
    }
}

/// A letter: its way and who learned what of it.
#[derive(Serialize)]
struct LetterView {
    name: String,
    outcome: String,
    stations: Vec<StationView>,
    table: Option<TableView>,
}

/// One station of a letter's way and what crossed from it to the next.
#[derive(Serialize)]
struct StationView {
    actor: &'static str,
    principal: String,
    player: String,
    known: Vec<KnownView>,
    unknown: Vec<String>,
    crossing: Option<Vec<HopView>>,
}

/// A fact that a station knows or should know.
#[derive(Serialize)]
struct KnownView {
    class: &'static str,
    sign: &'static str,
    fact: String,
    word: &'static str,
}

/// Something that crossed.
#[derive(Serialize)]
struct HopView {
    time: String,
    from: String,
    to: String,
    what: String,
    size: String,
}

impl HopView {
    fn of(hop: &Hop) -> Self {
        Self {
            time: duration(hop.at_ms),
            from: printable(&hop.from),
            to: printable(&hop.to),
            what: printable(&hop.what),
            size: size(hop.bytes),
        }
    }
}

/// A knowledge table.
#[derive(Serialize)]
struct TableView {
    columns: Vec<(&'static str, String)>,
    rows: Vec<FactRow>,
    left_off: usize,
}

/// A fact and what each principal knows of it.
#[derive(Serialize)]
struct FactRow {
    fact: String,
    cells: Vec<CellView>,
}

/// A cell of a knowledge table.
#[derive(Serialize)]
struct CellView {
    class: &'static str,
    sign: &'static str,
    word: &'static str,
    sentence: String,
    proofs: Vec<(String, usize)>,
}

/// Why a run says nothing, where its line shows it: a skip without its reason looks like a pass.
fn why(run: &Run) -> String {
    match run.verdict {
        Verdict::Skipped | Verdict::Inconclusive => first_line(&run.reasons.join("; ")),
        Verdict::Pass | Verdict::Fail => String::new(),
    }
}

fn note(run: &Run) -> String {
    let count = run.findings.len();
    let mut notes = match count {
        0 => Vec::new(),
        1 => vec!["1 finding".to_owned()],
        _ => vec![format!("{count} findings")],
    };
    let mut leaks: Vec<String> = run.inherent.iter().map(|it| printable(&it.id)).collect();
    leaks.dedup();
    if !leaks.is_empty() {
        notes.push(format!("◆ {}", leaks.join(" ")));
    }
    if run.packets > 0 {
        notes.push(duration(run.virtual_time_ms));
    }
    notes.join(" · ")
}

fn circumstances(run: &Run) -> Vec<(&'static str, String)> {
    let stage = match run.stage {
        Stage::Sim => "simulation",
        Stage::Live => "live",
    };
    let mut list = vec![("stage", stage.to_owned()), ("seed", run.seed.to_string())];
    if run.packets > 0 {
        list.push(("time in its world", duration(run.virtual_time_ms)));
        let traffic = format!("{} packets, {}", run.packets, size(run.bytes));
        list.push(("traffic", traffic));
    }
    if !run.digest.is_empty() {
        list.push(("trace", short(&run.digest)));
    }
    list
}

fn letters(anchor: &str, run: &Run) -> Vec<LetterView> {
    let matrices = Matrix::of(run);
    let letters = run.letters.iter().map(|letter| {
        let matrix = matrices.iter().find(|matrix| matrix.letter == letter.name);
        LetterView {
            name: printable(&letter.name),
            outcome: printable(&letter.outcome),
            stations: way(run, letter, matrix),
            table: matrix.map(|matrix| table(anchor, run, matrix)),
        }
    });
    letters.collect()
}

fn way(run: &Run, letter: &Letter, matrix: Option<&Matrix>) -> Vec<StationView> {
    let stations = stations(letter);
    let next = stations.iter().skip(1).map(Some).chain([None]);
    let views = stations.iter().zip(next).map(|((role, principal), next)| {
        let cells: Vec<&Cell> = matrix
            .map(|matrix| matrix.column(principal))
            .unwrap_or_default();
        let (unknown, known): (Vec<&Cell>, Vec<&Cell>) = cells
            .into_iter()
            .partition(|cell| cell.judged == Judged::Ok && cell.grade == Grade::Nothing);
        StationView {
            actor: role_word(*role),
            principal: printable(principal),
            player: printable(&players(run, *role)),
            known: known.into_iter().map(known_view).collect(),
            unknown: unknown.iter().map(|cell| fact_label(&cell.fact)).collect(),
            crossing: next.map(|next| {
                let hops = letter.hops_between(run, principal, next.1);
                hops.take(HOPS_SHOWN).map(HopView::of).collect()
            }),
        }
    });
    views.collect()
}

fn known_view(cell: &Cell) -> KnownView {
    let (sign, word) = cell_label(cell);
    KnownView {
        class: judged_class(cell),
        sign,
        fact: fact_label(&cell.fact),
        word: if cell.judged == Judged::Ok { "" } else { word },
    }
}

fn table(anchor: &str, run: &Run, matrix: &Matrix) -> TableView {
    let columns = matrix.columns.iter().take(TABLE_SHOWN);
    let rows = matrix.facts.iter().take(TABLE_SHOWN);
    let left_off = matrix.columns.len().saturating_sub(TABLE_SHOWN)
        + matrix.facts.len().saturating_sub(TABLE_SHOWN);
    let rows = rows.map(|fact| FactRow {
        fact: fact_label(fact),
        cells: columns
            .clone()
            .map(|column| cell_view(anchor, run, matrix.cell(fact, *column)))
            .collect(),
    });
    TableView {
        rows: rows.collect(),
        columns: columns
            .clone()
            .map(|(role, principal)| (role_word(*role), printable(principal)))
            .collect(),
        left_off,
    }
}

fn cell_view(anchor: &str, run: &Run, cell: Option<&Cell>) -> CellView {
    let Some(cell) = cell else {
        return CellView {
            class: "absent",
            sign: "",
            word: "",
            sentence: String::new(),
            proofs: Vec::new(),
        };
    };
    let (sign, word) = cell_label(cell);
    let shown = run.derivations.len().min(DERIVATIONS_SHOWN);
    let proofs = cell.derivations.iter().filter(|index| **index < shown);
    CellView {
        class: judged_class(cell),
        sign,
        word,
        sentence: sentence(cell),
        proofs: proofs
            .map(|index| (anchors::derivation(anchor, *index), index.saturating_add(1)))
            .collect(),
    }
}

/// What a cell means, for those who hover or listen.
fn sentence(cell: &Cell) -> String {
    let learned = match cell.judged {
        Judged::Ok | Judged::Finding => match cell.grade {
            Grade::Nothing => "learned nothing",
            Grade::Suspected => "is suspected to",
            Grade::Confirms => "can confirm it",
            Grade::Holds => "holds it",
        },
        Judged::Inherent => "learns it through the protocol itself",
        Judged::Missing => "does not know it",
        Judged::Inconclusive => "cannot be told",
    };
    format!(
        "{} {}, {}: {}; {learned}",
        role_word(cell.role),
        printable(&cell.principal),
        fact_label(&cell.fact),
        policy_phrase(cell.policy),
    )
}

fn judged_class(cell: &Cell) -> &'static str {
    match (cell.judged, cell.grade) {
        (Judged::Finding, _) => "finding",
        (Judged::Missing, _) => "missing",
        (Judged::Inherent, _) => "inherent",
        (Judged::Inconclusive, _) => "unclear",
        (Judged::Ok, Grade::Nothing) => "nothing",
        (Judged::Ok, _) => "known",
    }
}
