//! `dime signet fields`: the field table of a kind of signet.

use clap::ValueEnum;
use dime_wire::signet::SignetKind;
use serde::Serialize;

use crate::Failure;
use crate::output::Printing;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Of which kind of signet.
    #[arg(value_enum)]
    kind: KindWord,
    #[command(flatten)]
    printing: Printing,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum KindWord {
    /// An organization's.
    Organization,
    /// A user's.
    User,
    /// A signing request.
    Request,
}

/// One field in JSON.
#[derive(Serialize)]
struct Shown {
    id: u8,
    label: &'static str,
    /// Whether a complete signet has it.
    required: bool,
    /// Whether it may occur only once.
    unique: bool,
    /// Most bytes of its data; the only size if it is a signature.
    largest: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let kind = match arguments.kind {
        KindWord::Organization => SignetKind::Organization,
        KindWord::User => SignetKind::User,
        KindWord::Request => SignetKind::Request,
    };
    let rows = (0..=u8::MAX).filter_map(|id| Some((id, kind.field_row(id)?)));
    let shown = rows.map(|(id, row)| Shown {
        id,
        label: row.label,
        required: row.required,
        unique: row.unique,
        largest: match row.length_width {
            0 => row.fixed_size,
            width => (1 << (8 * width)) - 1,
        },
    });
    let shown: Vec<Shown> = shown.collect();
    arguments.printing.show(&shown, |shown| outline(shown))
}

fn outline(shown: &[Shown]) -> String {
    let line = |field: &Shown| {
        let required = if field.required { "required" } else { "" };
        let repeats = if field.unique { "" } else { "repeats" };
        let line = format!(
            "{:>3}  {:<28} {required:<8}  {repeats:<7}  {:>8} bytes",
            field.id, field.label, field.largest
        );
        line + "\n"
    };
    shown.iter().map(line).collect()
}
