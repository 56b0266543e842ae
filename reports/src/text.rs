//! Reports for a terminal: lines of at most [`WIDTH`] characters, with colour if asked for.
//!
//! [`explain`] tells one run whole: each letter's way hop by hop, who learned what, and how it
//! follows. [`failure`] tells only what is wrong and how to see it again. [`progress`] and
//! [`summary`] are for while a suite runs and for its end.

mod ink;
mod table;

use std::collections::BTreeSet;

use crate::matrix::{Matrix, cell_label, grade_word, players, policy_phrase, role_word, stations};
use crate::model::{
    Cell, Derivation, Expectation, Grade, Judged, Letter, Run, Step, Summary, Verdict,
};
use crate::printable::{duration, fact_label, first_line, further_lines, place, printable, size};
use ink::{Colour, Ink};

/// Most characters in a line.
pub const WIDTH: usize = 110;

/// Most derivations that are printed of one run; the report file has them all.
pub const DERIVATIONS_SHOWN: usize = 40;

/// Most hops that are printed of one run; the report file has them all.
pub const HOPS_SHOWN: usize = 200;

/// Width of the column of verdicts while a suite runs.
const VERDICT_WIDTH: usize = "INCONCLUSIVE".len();

/// The whole story of a run: its letters' ways, who learned what, and every proof.
pub fn explain(run: &Run, colour: bool) -> String {
    let mut ink = Ink::new(colour);
    headline(&mut ink, run);
    circumstances(&mut ink, run);
    reasons(&mut ink, run);
    findings(&mut ink, run);
    expectations(&mut ink, run.expectations.iter());
    let matrices = Matrix::of(run);
    for letter in &run.letters {
        let matrix = matrices.iter().find(|matrix| matrix.letter == letter.name);
        way(&mut ink, run, letter, matrix);
        if let Some(matrix) = matrix {
            ink.heading(&format!("who learned what of {}", printable(&letter.name)));
            table::print(&mut ink, matrix);
        }
    }
    beside(&mut ink, run);
    let told: BTreeSet<_> = run.findings.iter().filter_map(|it| it.derivation).collect();
    remaining_derivations(&mut ink, run, &told);
    inherent(&mut ink, run);
    replay(&mut ink, run);
    ink.finish()
}

/// What is wrong with a run that did not pass: verdict, findings with their proofs, expectations
/// that were not met, and the command that repeats it.
pub fn failure(run: &Run, colour: bool) -> String {
    let mut ink = Ink::new(colour);
    headline(&mut ink, run);
    reasons(&mut ink, run);
    findings(&mut ink, run);
    let unmet = run.expectations.iter();
    expectations(&mut ink, unmet.filter(|it| it.verdict != Verdict::Pass));
    replay(&mut ink, run);
    ink.finish()
}

/// One line for a finished run, with its line feed.
pub fn progress(run: &Run, colour: bool) -> String {
    let mut ink = Ink::new(colour);
    let (word, shade) = verdict_word(run.verdict);
    let mut note = match run.verdict {
        Verdict::Pass => inherent_note(run),
        Verdict::Fail => failure_note(run),
        Verdict::Inconclusive | Verdict::Skipped => run.reasons.join("; "),
    };
    note = first_line(&note);
    let name = printable(&run.name);
    if !note.is_empty() {
        let taken = VERDICT_WIDTH + name.chars().count() + 3;
        note = format!("  {}", ink::fit(&note, WIDTH.saturating_sub(taken)));
    }
    let word = ink.paint(shade, &format!("{word:<VERDICT_WIDTH$}"));
    let note = ink.paint(Colour::Dim, &note);
    ink.raw(&format!("{word} {name}{note}"));
    ink.finish()
}

/// One line for a finished suite, with its line feed.
pub fn summary(summary: &Summary, colour: bool) -> String {
    let ink = Ink::new(colour);
    let counts = [
        (summary.fail, "failed", Colour::Red),
        (summary.inconclusive, "inconclusive", Colour::Yellow),
        (summary.pass, "passed", Colour::Green),
        (summary.skipped, "skipped", Colour::Dim),
    ];
    let counts = counts
        .into_iter()
        .filter(|count| count.0 > 0)
        .map(|(count, word, shade)| ink.paint(shade, &format!("{count} {word}")))
        .collect::<Vec<_>>();
    let runs = match summary.total() {
        0 => return "nothing ran\n".to_owned(),
        1 => "1 run".to_owned(),
        total => format!("{total} runs"),
    };
    format!("{runs}: {}\n", counts.join(", "))
}

fn headline(ink: &mut Ink, run: &Run) {
    let (word, shade) = verdict_word(run.verdict);
    let word = ink.paint(shade, word);
    let name = ink.paint(Colour::Bold, &printable(&run.name));
    ink.raw(&format!("{word}  {name}"));
    if !run.title.is_empty() {
        ink.wrapped("  ", "  ", &printable(&run.title), "");
    }
}

fn circumstances(ink: &mut Ink, run: &Run) {
    let stage = stage_word(run);
    let mut text = format!("seed {}, stage {stage}", run.seed);
    if run.packets > 0 {
        let time = duration(run.virtual_time_ms);
        let bytes = size(run.bytes);
        text.push_str(&format!(
            ", {time} in its world, {} packets, {bytes}",
            run.packets
        ));
    }
    ink.wrapped("  ", "  ", &text, "");
    let cast = run.cast_in_order().into_iter();
    let cast = cast.map(|(actor, player)| format!("{actor} {player}"));
    let cast = cast.collect::<Vec<_>>().join(", ");
    if !cast.is_empty() {
        ink.wrapped("  cast ", "       ", &printable(&cast), "");
    }
    if !run.requirements.is_empty() {
        let requirements = printable(&run.requirements.join(", "));
        ink.wrapped("  checks ", "         ", &requirements, "");
    }
    if !run.digest.is_empty() {
        ink.wrapped("  trace ", "        ", &printable(&run.digest), "");
    }
}

fn reasons(ink: &mut Ink, run: &Run) {
    for reason in &run.reasons {
        ink.wrapped("  because ", "          ", &first_line(reason), "");
        ink.preformatted("          ", &further_lines(reason));
    }
}

fn findings(ink: &mut Ink, run: &Run) {
    for finding in &run.findings {
        ink.blank();
        let proof = finding
            .derivation
            .and_then(|index| run.derivations.get(index));
        let told = proof.is_some_and(|proof| {
            proof.requirement.as_deref() == Some(finding.requirement.as_str())
                && proof.culprit.as_deref() == Some(finding.culprit.as_str())
        });
        if !told {
            let blame = blame(Some(&finding.requirement), Some(&finding.culprit));
            ink.shaded(Colour::Red, "  ", &first_line(&finding.message), &blame);
            ink.preformatted("  ", &further_lines(&finding.message));
        }
        if let (Some(proof), Some(index)) = (proof, finding.derivation) {
            derivation(ink, run, index, proof);
        }
    }
}

fn expectations<'a>(ink: &mut Ink, expectations: impl Iterator<Item = &'a Expectation>) {
    let mut begun = false;
    for expectation in expectations {
        if !begun {
            ink.blank();
            begun = true;
        }
        let (sign, shade) = match expectation.verdict {
            Verdict::Pass => ("●", Colour::Green),
            Verdict::Fail => ("✗", Colour::Red),
            Verdict::Inconclusive => ("?", Colour::Yellow),
            Verdict::Skipped => ("·", Colour::Dim),
        };
        let text = format!("{sign} {}", first_line(&expectation.text));
        ink.shaded(shade, "  ", &text, "");
        ink.preformatted("    ", &further_lines(&expectation.text));
        if !expectation.detail.is_empty() {
            ink.wrapped("    ", "    ", &first_line(&expectation.detail), "");
            ink.preformatted("    ", &further_lines(&expectation.detail));
        }
    }
}

/// A letter's way: each station with what it learned, and between two of them what crossed.
fn way(ink: &mut Ink, run: &Run, letter: &Letter, matrix: Option<&Matrix>) {
    let name = printable(&letter.name);
    let outcome = printable(&letter.outcome);
    ink.heading(&format!("the way of {name}: {outcome}"));
    let stations = stations(letter);
    for (index, (role, principal)) in stations.iter().enumerate() {
        let player = players(run, *role);
        let who = ink.paint(Colour::Bold, &printable(principal));
        let played = if player.is_empty() {
            player
        } else {
            format!(" ({})", printable(&player))
        };
        ink.raw(&format!("  {who}, {}{played}", role_word(*role)));
        if let Some(matrix) = matrix {
            learned(ink, matrix, principal);
        }
        if let Some((_, next)) = stations.get(index.saturating_add(1)) {
            crossed(ink, run, letter, principal, next);
        }
    }
    if let Some(matrix) = matrix {
        let others = matrix.columns.iter();
        let others = others.filter(|column| !stations.iter().any(|it| it.1 == column.1));
        for (role, principal) in others {
            let who = ink.paint(Colour::Bold, &printable(principal));
            ink.raw(&format!("  {who}, {}", role_word(*role)));
            learned(ink, matrix, principal);
        }
    }
}

fn learned(ink: &mut Ink, matrix: &Matrix, principal: &str) {
    let cells = matrix.column(principal);
    let groups = [
        (Judged::Finding, "must not know but does:", Colour::Red),
        (Judged::Missing, "must know but does not:", Colour::Red),
        (Judged::Inconclusive, "cannot be told:", Colour::Yellow),
        (Judged::Inherent, "the protocol gives away:", Colour::Yellow),
        (Judged::Ok, "knows:", Colour::Plain),
    ];
    for (judged, phrase, shade) in groups {
        let known = cells.iter().filter(|cell| {
            cell.judged == judged && (judged != Judged::Ok || cell.grade != Grade::Nothing)
        });
        facts(ink, phrase, shade, known.copied());
    }
    let unknown = cells
        .iter()
        .filter(|cell| cell.judged == Judged::Ok && cell.grade == Grade::Nothing);
    facts(ink, "learned nothing of:", Colour::Dim, unknown.copied());
}

fn facts<'a>(ink: &mut Ink, phrase: &str, shade: Colour, cells: impl Iterator<Item = &'a Cell>) {
    let names = cells.map(|cell| fact_label(&cell.fact)).collect::<Vec<_>>();
    if !names.is_empty() {
        let text = format!("{phrase} {}", names.join(", "));
        ink.shaded(shade, "    ", &text, "");
    }
}

/// What carried the letter from one station to the next.
fn crossed(ink: &mut Ink, run: &Run, letter: &Letter, left: &str, right: &str) {
    let hops = letter.hops_between(run, left, right);
    let mut any = false;
    for hop in hops.take(HOPS_SHOWN) {
        any = true;
        let time = duration(hop.at_ms);
        let text = format!("{}, {}", printable(&hop.what), size(hop.bytes));
        ink.wrapped(&format!("  ↓ {time:>8}  "), "              ", &text, "");
    }
    if !any {
        ink.raw("  ↓ nothing");
    }
}

/// Traffic that carried no letter: look-ups, idle connections.
fn beside(ink: &mut Ink, run: &Run) {
    let hops = run.hops_beside();
    if hops.is_empty() {
        return;
    }
    ink.heading("traffic beside the letters");
    for hop in hops.iter().take(HOPS_SHOWN) {
        let time = duration(hop.at_ms);
        let ends = format!("{} → {}", printable(&hop.from), printable(&hop.to));
        let text = format!("{ends}: {}, {}", printable(&hop.what), size(hop.bytes));
        ink.wrapped(&format!("  {time:>10}  "), "              ", &text, "");
    }
    more(ink, hops.len(), HOPS_SHOWN, "hops");
}

fn remaining_derivations(ink: &mut Ink, run: &Run, told: &BTreeSet<usize>) {
    let remaining = run.derivations.iter().enumerate();
    let remaining: Vec<_> = remaining
        .filter(|(index, _)| !told.contains(index))
        .collect();
    if remaining.is_empty() {
        return;
    }
    ink.heading("how it follows");
    for (position, (index, proof)) in remaining.iter().take(DERIVATIONS_SHOWN).enumerate() {
        if position > 0 {
            ink.blank();
        }
        derivation(ink, run, *index, proof);
    }
    more(ink, remaining.len(), DERIVATIONS_SHOWN, "derivations");
}

/// A proof: who knows what, whom that blames, and each step with time, place and bytes.
fn derivation(ink: &mut Ink, run: &Run, index: usize, proof: &Derivation) {
    let cell = run.knowledge.iter().find(|cell| {
        cell.letter == proof.letter && cell.principal == proof.principal && cell.fact == proof.fact
    });
    let role = cell.map(|cell| format!("{} ", role_word(cell.role)));
    let policy = cell.map(|cell| format!(" ({})", policy_phrase(cell.policy)));
    let who = format!(
        "[{}] {}{} {} {}.{}{}",
        index.saturating_add(1),
        role.unwrap_or_default(),
        printable(&proof.principal),
        grade_word(proof.grade),
        printable(&proof.letter),
        printable(&proof.fact),
        policy.unwrap_or_default(),
    );
    let shade = match (&proof.inherent, &proof.requirement) {
        (Some(_), _) => Colour::Yellow,
        (None, Some(_)) => Colour::Red,
        (None, None) => Colour::Plain,
    };
    let blame = blame(proof.requirement.as_deref(), proof.culprit.as_deref());
    ink.shaded(shade, "  ", &who, &blame);
    for step in &proof.steps {
        self::step(ink, step);
    }
}

/// The place with its source at the right edge, then what follows from it.
fn step(ink: &mut Ink, step: &Step) {
    const INDENT: &str = "                  ";
    let time = step.at_ms.map(duration).unwrap_or_default();
    let first = format!("      {time:>10}  ");
    let source = place(step);
    let text = printable(&step.text);
    if step.place.is_empty() {
        ink.wrapped(&first, INDENT, &text, &source);
        return;
    }
    ink.wrapped(&first, INDENT, &printable(&step.place), &source);
    if !text.is_empty() {
        ink.wrapped(INDENT, INDENT, &text, "");
    }
}

fn inherent(ink: &mut Ink, run: &Run) {
    if run.inherent.is_empty() {
        return;
    }
    ink.heading("what DIME itself gave away");
    for leak in &run.inherent {
        let proof = leak
            .derivation
            .map(|index| format!(" [{}]", index.saturating_add(1)));
        let title = format!(
            "◆ {}: {}{}",
            printable(&leak.id),
            printable(&leak.title),
            proof.unwrap_or_default()
        );
        ink.shaded(Colour::Yellow, "  ", &title, "");
        if !leak.cure.is_empty() {
            ink.wrapped("    cure: ", "          ", &printable(&leak.cure), "");
        }
    }
}

fn replay(ink: &mut Ink, run: &Run) {
    if !run.replay.is_empty() {
        ink.blank();
        // Not wrapped: a command must survive being copied.
        let command = ink.paint(Colour::Bold, &printable(&run.replay));
        ink.raw(&format!("  replay: {command}"));
    }
}

fn more(ink: &mut Ink, total: usize, shown: usize, what: &str) {
    if total > shown {
        let rest = total.saturating_sub(shown);
        ink.raw(&format!("  … and {rest} more {what}, in the report file"));
    }
}

fn blame(requirement: Option<&str>, culprit: Option<&str>) -> String {
    let requirement = requirement.map(|it| format!("requirement {}", printable(it)));
    let culprit = culprit.map(|it| format!("culprit {}", printable(it)));
    let parts = [requirement, culprit].into_iter().flatten();
    parts.collect::<Vec<_>>().join(", ")
}

fn inherent_note(run: &Run) -> String {
    let ids: BTreeSet<_> = run.inherent.iter().map(|leak| leak.id.as_str()).collect();
    if ids.is_empty() {
        return String::new();
    }
    let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
    format!("the protocol gives away {ids}")
}

fn failure_note(run: &Run) -> String {
    if let Some(finding) = run.findings.first() {
        return format!("{}: {}", finding.requirement, finding.message);
    }
    let unmet = run.expectations.iter();
    let mut unmet = unmet.filter(|it| it.verdict == Verdict::Fail);
    match unmet.next() {
        Some(expectation) => format!("not met: {}", expectation.text),
        None => run.reasons.join("; "),
    }
}

fn stage_word(run: &Run) -> &'static str {
    match run.stage {
        crate::model::Stage::Sim => "sim",
        crate::model::Stage::Live => "live",
    }
}

fn verdict_word(verdict: Verdict) -> (&'static str, Colour) {
    match verdict {
        Verdict::Pass => ("PASS", Colour::Green),
        Verdict::Fail => ("FAIL", Colour::Red),
        Verdict::Inconclusive => ("INCONCLUSIVE", Colour::Yellow),
        Verdict::Skipped => ("SKIP", Colour::Dim),
    }
}

#[cfg(test)]
mod tests;
