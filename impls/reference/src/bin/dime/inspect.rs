//! `dime inspect`: anything taken apart without a key, as a tree with byte ranges.

use dime_wire::dissect::{Node, Value, dissect};
use serde::Serialize;

use crate::output::{Printing, one_line};
use crate::{Failure, input};

/// Deepest piece that is printed.
const MAX_DEPTH: usize = 16;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: input::Subject,
    #[command(flatten)]
    printing: Printing,
}

/// One piece in JSON. Ranges are half open and count bytes of the file, below a piece with `decoded`
/// those of what stands there in base64.
#[derive(Serialize)]
struct Piece<'a> {
    label: &'a str,
    start: usize,
    end: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// How many bytes stand here in base64; the ranges of the pieces count in these.
    #[serde(skip_serializing_if = "Option::is_none")]
    decoded: Option<usize>,
    /// What is structurally wrong: no strict parser takes the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    /// What catches the eye although the structure is sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    remark: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<Piece<'a>>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let bytes = input::bytes(&arguments.subject.file)?;
    let root = dissect(&bytes);
    arguments.printing.show(&piece(&root, 0), |_| {
        let mut text = String::new();
        outline(&root, 0, &mut text);
        text
    })
}

fn piece(node: &Node, depth: usize) -> Piece<'_> {
    let children = if depth < MAX_DEPTH {
        node.children.as_slice()
    } else {
        &[]
    };
    Piece {
        label: &node.label,
        start: node.range.start,
        end: node.range.end,
        number: match node.value {
            Value::Number(number) => Some(number),
            _ => None,
        },
        text: match &node.value {
            Value::Text(text) => Some(text),
            _ => None,
        },
        decoded: match node.value {
            Value::Decoded(size) => Some(size),
            _ => None,
        },
        problem: node.problem.as_deref(),
        remark: node.remark.as_deref(),
        pieces: children.iter().map(|node| piece(node, depth + 1)).collect(),
    }
}

fn outline(node: &Node, depth: usize, text: &mut String) {
    let value = match &node.value {
        Value::None => String::new(),
        Value::Bytes => format!(" ({} bytes)", node.range.len()),
        Value::Number(number) => format!(" = {number}"),
        Value::Text(words) => format!(" = {}", one_line(words)),
        Value::Decoded(size) => format!(" ({size} bytes when decoded)"),
    };
    let problem = match (&node.problem, &node.remark) {
        (Some(problem), _) => format!("  <- {problem}"),
        (None, Some(remark)) => format!("  ({remark})"),
        (None, None) => String::new(),
    };
    let (start, end) = (node.range.start, node.range.end);
    let indent = 2 * depth;
    *text += &format!(
        "{start:>9}..{end:<9} {:indent$}{}{value}{problem}\n",
        "",
        one_line(&node.label)
    );
    if depth < MAX_DEPTH {
        for child in &node.children {
            outline(child, depth + 1, text);
        }
    }
}
