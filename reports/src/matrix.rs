//! Arranges the knowledge of a run: one table per letter, with facts as rows and principals as
//! columns in the order they stand on the letter's way.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Cell, Grade, Judged, Letter, Policy, Role, Run};

/// The knowledge table of one letter.
#[derive(Clone, Debug)]
pub(crate) struct Matrix<'a> {
    /// Name of the letter.
    pub(crate) letter: &'a str,
    /// Principals by role, then by name.
    pub(crate) columns: Vec<(Role, &'a str)>,
    /// Facts in the order they first appear.
    pub(crate) facts: Vec<&'a str>,
    cells: BTreeMap<(&'a str, Role, &'a str), &'a Cell>,
}

impl<'a> Matrix<'a> {
    /// The tables of a run, in the order in which letters first appear in it.
    pub(crate) fn of(run: &'a Run) -> Vec<Self> {
        let mut letters: Vec<&str> = Vec::new();
        let mut by_letter: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
        for cell in &run.knowledge {
            let cells = by_letter.entry(&cell.letter).or_default();
            if cells.is_empty() {
                letters.push(&cell.letter);
            }
            cells.push(cell);
        }
        let matrices = letters
            .into_iter()
            .filter_map(|letter| Some(Self::arrange(letter, &by_letter.remove(letter)?)));
        matrices.collect()
    }

    /// What the principal knows of the fact, if the report says.
    pub(crate) fn cell(&self, fact: &str, column: (Role, &str)) -> Option<&'a Cell> {
        self.cells.get(&(fact, column.0, column.1)).copied()
    }

    /// All that a principal knows, in whatever role, in the order of the facts.
    pub(crate) fn column(&self, principal: &str) -> Vec<&'a Cell> {
        let columns = self.columns.iter().filter(|it| it.1 == principal);
        let cells = columns.flat_map(|column| self.facts.iter().map(|it| self.cell(it, *column)));
        cells.flatten().collect()
    }

    fn arrange(letter: &'a str, cells: &[&'a Cell]) -> Self {
        let mut facts: Vec<&str> = Vec::new();
        let mut seen = BTreeSet::new();
        for cell in cells {
            if seen.insert(&cell.fact) {
                facts.push(&cell.fact);
            }
        }
        let columns: BTreeSet<_> = cells
            .iter()
            .map(|cell| (cell.role, cell.principal.as_str()))
            .collect();
        let cells = cells.iter().map(|&cell| {
            let key = (cell.fact.as_str(), cell.role, cell.principal.as_str());
            (key, cell)
        });
        Self {
            letter,
            columns: columns.into_iter().collect(),
            facts,
            cells: cells.collect(),
        }
    }
}

/// The stations of a letter's way; an organization that is both origin and destination is one.
pub(crate) fn stations(letter: &Letter) -> Vec<(Role, &str)> {
    let mut stations = vec![(Role::Author, letter.author.as_str())];
    if letter.origin == letter.destination {
        stations.push((Role::OriginAndDestination, &letter.origin));
    } else {
        stations.push((Role::Origin, &letter.origin));
        stations.push((Role::Destination, &letter.destination));
    }
    stations.push((Role::Recipient, &letter.recipient));
    stations.retain(|station| !station.1.is_empty());
    stations
}

/// Who plays a role in a run; empty if the cast does not say.
pub(crate) fn players(run: &Run, role: Role) -> String {
    let actors: &[&str] = match role {
        Role::OriginAndDestination => &["origin", "destination"],
        _ => &[role_word(role)],
    };
    let players = actors.iter().filter_map(|actor| run.cast.get(*actor));
    let mut players: Vec<&str> = players.map(String::as_str).collect();
    players.dedup();
    players.join(", ")
}

/// A sign and a word for what stands in a cell, so that no meaning hangs on colour alone.
pub(crate) fn cell_label(cell: &Cell) -> (&'static str, &'static str) {
    let word = grade_word(cell.grade);
    match (cell.judged, cell.grade, cell.policy) {
        (Judged::Finding, ..) => ("✗", word),
        (Judged::Missing, ..) => ("∅", "missing"),
        (Judged::Inconclusive, ..) => ("?", "unclear"),
        (Judged::Inherent, ..) => ("◆", word),
        (Judged::Ok, Grade::Nothing, Policy::Never | Policy::Inherent) => ("–", ""),
        (Judged::Ok, Grade::Nothing, _) => ("·", ""),
        (Judged::Ok, _, Policy::Must) => ("●", word),
        (Judged::Ok, ..) => ("○", word),
    }
}

/// What the policy says of a principal's knowing a fact.
pub(crate) fn policy_phrase(policy: Policy) -> &'static str {
    match policy {
        Policy::Must => "required",
        Policy::Never | Policy::Inherent => "never allowed",
        Policy::May => "allowed",
        Policy::None => "not judged",
    }
}

/// The verb of a grade.
pub(crate) fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Nothing => "nothing",
        Grade::Suspected => "suspected",
        Grade::Confirms => "confirms",
        Grade::Holds => "holds",
    }
}

/// The name of a role.
pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Author => "author",
        Role::Origin => "origin",
        Role::OriginAndDestination => "origin and destination",
        Role::Destination => "destination",
        Role::Recipient => "recipient",
        Role::Tap => "tap",
        Role::Dns => "DNS",
        Role::Adversary => "adversary",
        Role::Bystander => "bystander",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn columns_stand_in_the_order_of_the_letters_way() {
        let report = sample::report();
        let matrices = Matrix::of(&report.runs[0]);
        let columns = matrices[0].columns.iter().map(|column| column.1);
        let columns = columns.collect::<Vec<_>>().join(" ");
        insta::assert_snapshot!(columns, @"alice alpha.example beta.example bob backbone resolver");
        assert_eq!(matrices[0].facts[0], "author");
    }

    #[test]
    fn every_cell_that_differs_in_meaning_differs_in_sign() {
        let cell = |policy, grade, judged| {
            cell_label(&Cell {
                policy,
                grade,
                judged,
                ..Cell::default()
            })
            .0
        };
        let signs = [
            cell(Policy::Must, Grade::Holds, Judged::Ok),
            cell(Policy::May, Grade::Holds, Judged::Ok),
            cell(Policy::Never, Grade::Nothing, Judged::Ok),
            cell(Policy::May, Grade::Nothing, Judged::Ok),
            cell(Policy::Never, Grade::Holds, Judged::Finding),
            cell(Policy::Inherent, Grade::Confirms, Judged::Inherent),
            cell(Policy::Must, Grade::Nothing, Judged::Missing),
            cell(Policy::Never, Grade::Nothing, Judged::Inconclusive),
        ];
        let different: BTreeSet<_> = signs.into_iter().collect();
        assert_eq!(different.len(), signs.len());
    }
}
