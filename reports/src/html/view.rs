//! What the page's template prints: the report arranged for reading, every text made printable.

mod proof;
mod run;

use std::collections::BTreeMap;

use serde::Serialize;

use super::anchors::Anchors;
use super::{FINDINGS_SHOWN, RUNS_SHOWN};
use crate::model::{Report, Run, Summary, Verdict};
use crate::printable::{first_line, further_lines, printable};
use proof::ProofView;
use run::RunView;

/// Digits of a digest that are enough to compare by eye.
const DIGEST_DIGITS: usize = 12;

/// The whole page.
#[derive(Serialize)]
pub(super) struct Page {
    headline: String,
    verdict: &'static str,
    tool: String,
    profile: String,
    suite: String,
    suite_short: String,
    seed: u64,
    started: Option<String>,
    counts: Vec<Count>,
    total: u32,
    findings: Vec<FindingView>,
    findings_left_off: usize,
    leaks: Vec<LeakView>,
    requirements: Vec<RequirementView>,
    runs: Vec<RunView>,
    runs_left_off: usize,
}

impl Page {
    /// Arranges a report: failures first, otherwise in the order they were finished.
    pub(super) fn of(report: &Report) -> Self {
        let mut order: Vec<&Run> = report.runs.iter().collect();
        order.sort_by_key(|run| gravity(run.verdict));
        let mut anchors = Anchors::default();
        let anchored = order.iter().take(RUNS_SHOWN);
        let anchored: Vec<(String, &Run)> =
            anchored.map(|run| (anchors.run(&run.name), *run)).collect();
        let summary = Summary::of(&report.runs);
        let mut findings: Vec<FindingView> = anchored
            .iter()
            .flat_map(|(anchor, run)| FindingView::of(anchor, run))
            .collect();
        let findings_left_off = findings.len().saturating_sub(FINDINGS_SHOWN);
        findings.truncate(FINDINGS_SHOWN);
        Self {
            headline: headline(&summary),
            verdict: overall(&summary),
            tool: printable(&format!("{} {}", report.tool.name, report.tool.version)),
            profile: printable(&report.profile),
            suite: printable(&report.suite),
            suite_short: short(&report.suite),
            seed: report.seed,
            started: report.started.as_deref().map(printable),
            counts: counts(&summary),
            total: summary.total(),
            findings,
            findings_left_off,
            leaks: leaks(&anchored),
            requirements: requirements(&anchored),
            runs_left_off: report.runs.len().saturating_sub(anchored.len()),
            runs: anchored
                .iter()
                .map(|(anchor, run)| RunView::of(anchor, run))
                .collect(),
        }
    }
}

/// How many runs ended in one way, and where its part of the bar begins.
#[derive(Serialize)]
struct Count {
    verdict: &'static str,
    sign: &'static str,
    word: &'static str,
    count: u32,
    before: u32,
}

/// Something wrong, for the top of the page and for its run.
#[derive(Serialize)]
pub(super) struct FindingView {
    run: String,
    anchor: String,
    requirement: String,
    culprit: String,
    message: String,
    detail: String,
    proof: Option<ProofView>,
}

impl FindingView {
    /// The findings of a run, then its expectations that were not met. A run that failed for
    /// neither (a broken file, a panic) is a finding with its reasons.
    pub(super) fn of(anchor: &str, run: &Run) -> Vec<Self> {
        let findings = run.findings.iter().map(|finding| Self {
            requirement: printable(&finding.requirement),
            culprit: printable(&finding.culprit),
            proof: finding
                .derivation
                .and_then(|index| ProofView::of(anchor, run, index)),
            ..Self::plain(anchor, run, &finding.message)
        });
        let unmet = run.expectations.iter();
        let unmet = unmet.filter(|expectation| expectation.verdict == Verdict::Fail);
        let unmet = unmet.map(|expectation| {
            let text = format!("not met: {}\n{}", expectation.text, expectation.detail);
            Self::plain(anchor, run, &text)
        });
        let mut all: Vec<Self> = findings.chain(unmet).collect();
        if all.is_empty() && run.verdict == Verdict::Fail {
            all.push(Self::plain(anchor, run, &run.reasons.join("; ")));
        }
        all
    }

    fn plain(anchor: &str, run: &Run, message: &str) -> Self {
        Self {
            run: printable(&run.name),
            anchor: anchor.to_owned(),
            requirement: String::new(),
            culprit: String::new(),
            message: first_line(message),
            detail: further_lines(message).join("\n"),
            proof: None,
        }
    }
}

/// Something the protocol itself gives away, over all runs.
#[derive(Serialize)]
struct LeakView {
    id: String,
    title: String,
    cure: String,
    runs: usize,
    run: String,
    anchor: String,
    proof: Option<ProofView>,
}

/// A requirement and the runs that check it.
#[derive(Serialize)]
struct RequirementView {
    id: String,
    runs: Vec<RunLink>,
}

/// A link to a run.
#[derive(Serialize)]
struct RunLink {
    name: String,
    anchor: String,
    verdict: &'static str,
    sign: &'static str,
}

/// Class of a verdict in the style sheet.
pub(super) fn verdict_class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Skipped => "skipped",
    }
}

/// Sign of a verdict, so that no meaning hangs on colour alone.
pub(super) fn verdict_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Inconclusive => "?",
        Verdict::Skipped => "–",
    }
}

/// The first digits of a digest.
pub(super) fn short(digest: &str) -> String {
    let short: String = digest.chars().take(DIGEST_DIGITS).collect();
    printable(&short)
}

fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Inconclusive => 1,
        Verdict::Pass => 2,
        Verdict::Skipped => 3,
    }
}

fn headline(summary: &Summary) -> String {
    let total = summary.total();
    let runs = if total == 1 { "run" } else { "runs" };
    if summary.fail > 0 {
        format!("{} of {total} {runs} failed", summary.fail)
    } else if summary.inconclusive > 0 {
        format!("{} of {total} {runs} inconclusive", summary.inconclusive)
    } else if summary.pass == 0 {
        "Nothing ran".to_owned()
    } else if summary.skipped > 0 {
        format!(
            "{} of {total} {runs} passed, the rest skipped",
            summary.pass
        )
    } else if total == 1 {
        "The run passed".to_owned()
    } else {
        format!("All {total} runs passed")
    }
}

fn overall(summary: &Summary) -> &'static str {
    verdict_class(if summary.fail > 0 {
        Verdict::Fail
    } else if summary.inconclusive > 0 {
        Verdict::Inconclusive
    } else if summary.pass > 0 {
        Verdict::Pass
    } else {
        Verdict::Skipped
    })
}

fn counts(summary: &Summary) -> Vec<Count> {
    let counts = [
        (Verdict::Fail, "failed", summary.fail),
        (Verdict::Inconclusive, "inconclusive", summary.inconclusive),
        (Verdict::Pass, "passed", summary.pass),
        (Verdict::Skipped, "skipped", summary.skipped),
    ];
    let mut before = 0u32;
    let counts = counts.into_iter().map(|(verdict, word, count)| {
        let begin = before;
        before = before.saturating_add(count);
        Count {
            verdict: verdict_class(verdict),
            sign: verdict_sign(verdict),
            word,
            count,
            before: begin,
        }
    });
    counts.collect()
}

fn leaks(runs: &[(String, &Run)]) -> Vec<LeakView> {
    let mut leaks: BTreeMap<&str, LeakView> = BTreeMap::new();
    for (anchor, run) in runs {
        let mut in_this_run: Vec<&str> = Vec::new();
        for leak in &run.inherent {
            let view = leaks.entry(&leak.id).or_insert_with(|| LeakView {
                id: printable(&leak.id),
                title: printable(&leak.title),
                cure: printable(&leak.cure),
                runs: 0,
                run: printable(&run.name),
                anchor: anchor.clone(),
                proof: leak
                    .derivation
                    .and_then(|index| ProofView::of(anchor, run, index)),
            });
            if !in_this_run.contains(&leak.id.as_str()) {
                in_this_run.push(&leak.id);
                view.runs = view.runs.saturating_add(1);
            }
        }
    }
    leaks.into_values().collect()
}

fn requirements(runs: &[(String, &Run)]) -> Vec<RequirementView> {
    let mut requirements: BTreeMap<&str, Vec<RunLink>> = BTreeMap::new();
    for (anchor, run) in runs {
        for id in &run.requirements {
            requirements.entry(id).or_default().push(RunLink {
                name: printable(&run.name),
                anchor: anchor.clone(),
                verdict: verdict_class(run.verdict),
                sign: verdict_sign(run.verdict),
            });
        }
    }
    let requirements = requirements.into_iter();
    requirements
        .map(|(id, runs)| RequirementView {
            id: printable(id),
            runs,
        })
        .collect()
}
