//! The knowledge table of one letter for a terminal: facts as rows, principals as columns.

use super::ink::{Colour, Ink, fit};
use super::{WIDTH, cell_label, role_word};
use crate::matrix::Matrix;
use crate::model::{Cell, Judged};
use crate::printable::{fact_label, printable};

/// Widest column; longer names are cut.
const COLUMN_LIMIT: usize = 24;

/// Space between columns.
const GAP: usize = 2;

/// Prints the table, in several blocks if its columns do not fit side by side.
pub(super) fn print(ink: &mut Ink, matrix: &Matrix) {
    let facts: Vec<String> = matrix.facts.iter().map(|fact| fact_label(fact)).collect();
    let mut labels = Column {
        head: vec![String::new(); 2],
        body: facts.into_iter().map(|it| (it, Colour::Plain)).collect(),
        width: 0,
    };
    labels.measure();
    let columns = matrix.columns.iter();
    let columns = columns.map(|column| {
        let body = matrix.facts.iter();
        let body = body.map(|fact| describe(matrix.cell(fact, *column)));
        let mut column = Column {
            head: vec![role_word(column.0).to_owned(), printable(column.1)],
            body: body.collect(),
            width: 0,
        };
        column.measure();
        column
    });
    for (index, block) in blocks(columns, labels.width).iter().enumerate() {
        if index > 0 {
            ink.blank();
        }
        print_block(ink, &labels, block);
    }
    legend(ink, matrix);
}

struct Column {
    head: Vec<String>,
    body: Vec<(String, Colour)>,
    width: usize,
}

impl Column {
    fn measure(&mut self) {
        let texts = self.head.iter().chain(self.body.iter().map(|it| &it.0));
        let widest = texts.map(|text| text.chars().count()).max();
        self.width = widest.unwrap_or_default().min(COLUMN_LIMIT);
    }
}

/// Columns in groups that fit on a line beside the row labels.
fn blocks(columns: impl Iterator<Item = Column>, labels: usize) -> Vec<Vec<Column>> {
    let begin = GAP + labels;
    let mut blocks: Vec<Vec<Column>> = Vec::new();
    let mut taken = begin;
    for column in columns {
        taken += GAP + column.width;
        match blocks.last_mut() {
            Some(block) if taken <= WIDTH => block.push(column),
            _ => {
                taken = begin + GAP + column.width;
                blocks.push(vec![column]);
            }
        }
    }
    blocks
}

fn print_block(ink: &mut Ink, labels: &Column, block: &[Column]) {
    let columns = || std::iter::once(labels).chain(block);
    for row in 0..labels.head.len() {
        let cells = columns().filter_map(|column| Some((column, column.head.get(row)?)));
        let line = cells.map(|(column, text)| pad(ink, text, Colour::Dim, column.width));
        let line = line.collect::<String>();
        ink.raw(&line);
    }
    for row in 0..labels.body.len() {
        let cells = columns().filter_map(|column| Some((column, column.body.get(row)?)));
        let line = cells.map(|(column, (text, shade))| pad(ink, text, *shade, column.width));
        let line = line.collect::<String>();
        ink.raw(&line);
    }
}

fn pad(ink: &Ink, text: &str, shade: Colour, width: usize) -> String {
    let text = fit(text, width);
    let fill = " ".repeat(width.saturating_sub(text.chars().count()));
    format!("{:GAP$}{}{fill}", "", ink.paint(shade, &text))
}

fn describe(cell: Option<&Cell>) -> (String, Colour) {
    let Some(cell) = cell else {
        return (String::new(), Colour::Plain);
    };
    let (sign, word) = cell_label(cell);
    let proof = cell.derivations.first();
    let proof = proof.map(|index| format!(" [{}]", index.saturating_add(1)));
    let text = format!("{sign} {word}{}", proof.unwrap_or_default());
    let shade = match cell.judged {
        Judged::Finding | Judged::Missing => Colour::Red,
        Judged::Inherent | Judged::Inconclusive => Colour::Yellow,
        Judged::Ok if word.is_empty() => Colour::Dim,
        Judged::Ok => Colour::Plain,
    };
    (text, shade)
}

/// Explains the signs that the table uses, and no others.
fn legend(ink: &mut Ink, matrix: &Matrix) {
    let meanings = [
        ("●", "knows, as it must"),
        ("○", "knows, as it may"),
        ("–", "knows nothing, as it must be"),
        ("◆", "knows through the protocol itself"),
        ("✗", "knows and must not"),
        ("∅", "must know and does not"),
        ("?", "cannot be told"),
    ];
    let cells = matrix.columns.iter();
    let cells = cells.flat_map(|column| matrix.facts.iter().map(|fact| (*fact, *column)));
    let used: Vec<&str> = cells
        .filter_map(|(fact, column)| Some(cell_label(matrix.cell(fact, column)?).0))
        .collect();
    let meanings = meanings
        .into_iter()
        .filter(|meaning| used.contains(&meaning.0));
    let text = meanings.map(|(sign, meaning)| format!("{sign} {meaning}"));
    let text = text.collect::<Vec<_>>().join("   ");
    ink.shaded(Colour::Dim, "  ", &text, "");
}
