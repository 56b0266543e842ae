//! Names of places on the page, made from names of runs, so that links stay good from one report
//! to the next.

use std::collections::BTreeSet;

/// Longest anchor, in characters.
const ANCHOR_LIMIT: usize = 120;

/// Hands out anchors, no two alike.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    taken: BTreeSet<String>,
}

impl Anchors {
    /// `run-` and the name; a second run of that name gets a number.
    pub(super) fn run(&mut self, name: &str) -> String {
        let slug = slug(name);
        let mut anchor = format!("run-{slug}");
        let mut number = 2u64;
        while !self.taken.insert(anchor.clone()) {
            anchor = format!("run-{slug}--{number}");
            number = number.saturating_add(1);
        }
        anchor
    }
}

/// The place of a derivation of a run.
pub(super) fn derivation(run: &str, index: usize) -> String {
    format!("{run}--proof-{}", index.saturating_add(1))
}

/// Only characters that need no escape in a link: letters, digits, `-`, `_`, `.`, `/`, `=`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().take(ANCHOR_LIMIT) {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '/' | '=' => slug.push(character),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_the_name_as_far_as_a_link_allows() {
        let mut anchors = Anchors::default();
        let names = [
            "privacy/four-hops",
            "dns/bogus[dnssec=wrong-ds]",
            "privacy/four-hops",
            "privacy/four-hops",
            "\"><script>",
            "",
        ];
        let anchors = names.map(|name| anchors.run(name)).join("\n");
        insta::assert_snapshot!(anchors, @"
        run-privacy/four-hops
        run-dns/bogus-dnssec=wrong-ds
        run-privacy/four-hops--2
        run-privacy/four-hops--3
        run--script
        run-
        ");
    }
}
