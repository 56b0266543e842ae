//! What the page says, and that nothing in a report can make it say or do anything else.

use super::*;
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

#[test]
fn zz_dump() {
    std::fs::write("/tmp/report-page.html", page(&sample::report()).unwrap()).unwrap();
}
