//! What the page says, and that nothing in a report can make it say or do anything else.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::*;
use crate::model::{Derivation, Run, Verdict};
use crate::sample;

/// The page without style and script, which have no place in a snapshot.
fn body(page: &str) -> &str {
    let (_, body) = page.split_once("<body>").expect("the page has a body");
    let (body, _) = body.split_once("<script>").expect("the page has a script");
    body
}

#[test]
fn the_page_shows_what_the_report_says() {
    let page = page(&sample::report()).expect("the sample renders");
    insta::assert_snapshot!("page", body(&page));
}

/// Every text of a report replaced; names of enumerations and hex stay, or it would not read back.
fn replace_texts(value: &mut Json, text: &str) {
    const KEPT: [&str; 7] = [
        "stage", "verdict", "role", "policy", "grade", "judged", "hex",
    ];
    match value {
        Json::String(it) => *it = text.to_owned(),
        Json::Array(items) => items.iter_mut().for_each(|it| replace_texts(it, text)),
        Json::Object(fields) => {
            for (name, field) in fields {
                if !KEPT.contains(&name.as_str()) {
                    replace_texts(field, text);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn page_with_every_text(text: &str) -> String {
    let mut value = serde_json::to_value(sample::report()).expect("a report is JSON");
    replace_texts(&mut value, text);
    let report: Report = serde_json::from_value(value).expect("only texts changed");
    page(&report).expect("any report renders")
}

#[test]
fn no_text_in_a_report_can_add_markup() {
    let benign = page_with_every_text("x");
    for hostile in [
        sample::HOSTILE,
        "\" onmouseover=\"alert(1)",
        "' onfocus='alert(1)' autofocus='",
        "--><script>alert(1)</script><!--",
        "</title></style></script><svg onload=alert(1)>",
        "{{ page.seed }}{% include 'x' %}",
        "&lt;script&gt;",
        "]]><![CDATA[",
    ] {
        let hostile = page_with_every_text(hostile);
        for mark in ["<", ">", "\"", "<!--", "<script", "</"] {
            assert_eq!(
                hostile.matches(mark).count(),
                benign.matches(mark).count(),
                "{mark}"
            );
        }
        assert!(!hostile.contains('\u{1b}') && !hostile.contains('\u{202e}'));
    }
}

#[test]
fn the_page_fetches_nothing() {
    let page = page(&sample::report()).expect("the sample renders");
    for fetch in [
        "http:", "https:", "//", "url(", " src=", "@import", "<link", "<iframe",
    ] {
        let allowed = usize::from(fetch == "//") * SCRIPT.matches("//").count();
        // The sample's hostile reply is text: it says src= after an escaped bracket.
        let said = usize::from(fetch == " src=") * page.matches("&lt;img src=").count();
        assert_eq!(page.matches(fetch).count(), allowed + said, "{fetch}");
    }
}

#[test]
fn the_policy_names_the_style_and_script_as_they_stand_in_the_page() {
    let page = page(&sample::report()).expect("the sample renders");
    for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
        let (_, rest) = page.split_once(&format!("<{tag}>")).expect("it is there");
        let (content, _) = rest.split_once(&format!("</{tag}>")).expect("it ends");
        let source = format!("{directive} '{}'", digest(content));
        assert!(page.contains(&source), "{source}");
    }
    assert!(page.contains("default-src 'none'"));
}

/// The values of an attribute, in order.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let begin = format!(" {attribute}=\"");
    let parts = page.split(&begin).skip(1);
    parts.filter_map(|it| Some(it.split_once('"')?.0)).collect()
}

#[test]
fn every_link_leads_to_one_place_on_the_page() {
    let mut report = sample::report();
    let again = report.runs.clone();
    report.runs.extend(again);
    let page = page(&report).expect("the report renders");
    let body = body(&page);
    let ids = values(body, "id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(unique.len(), ids.len());
    let links = values(body, "href");
    assert!(links.len() > 20);
    for link in links {
        let id = link.strip_prefix('#').expect("links stay on the page");
        assert!(id.is_empty() || unique.contains(id), "{link}");
    }
}

#[test]
fn failures_come_first() {
    let page = page(&sample::report()).expect("the sample renders");
    let verdicts = values(body(&page), "data-verdict").join(" ");
    insta::assert_snapshot!(verdicts, @"fail pass skipped");
}

#[test]
fn a_run_that_failed_without_a_finding_still_stands_at_the_top() {
    let mut report = Report::default();
    report.push(Run {
        name: "broken/file".to_owned(),
        verdict: Verdict::Fail,
        reasons: vec!["unknown key `wrld`".to_owned()],
        ..Run::default()
    });
    let page = page(&report).expect("the report renders");
    let (findings, _) = page.split_once("id=\"runs\"").expect("runs follow");
    assert!(findings.contains("unknown key `wrld`"));
}

#[test]
fn a_report_of_nothing_is_no_success() {
    let page = page(&Report::default()).expect("an empty report renders");
    assert!(page.contains("<h1>Nothing ran</h1>"));
}

#[test]
fn a_page_has_limits_and_says_what_it_leaves_off() {
    let mut report = Report::default();
    let derivation = Derivation::default();
    report.push(Run {
        name: "late/failure".to_owned(),
        derivations: vec![derivation; DERIVATIONS_SHOWN + 3],
        ..Run::default()
    });
    for _ in 0..RUNS_SHOWN + 4 {
        report.push(Run::default());
    }
    report.push(Run {
        verdict: Verdict::Fail,
        ..report.runs[0].clone()
    });
    let page = page(&report).expect("the report renders");
    assert_eq!(page.matches("<details class=\"run ").count(), RUNS_SHOWN);
    assert!(page.contains("6 more runs are in the report file"));
    assert!(page.contains("3 more are in the report file"));
    assert_eq!(values(&page, "data-verdict")[0], "fail");
}
