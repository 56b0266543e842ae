//! The tables of chunk types, signet fields and keyword commands.
//!
//! Names of chunk types and how a field is shown are not compared: they never are on the wire.

use dime_wire::message::ChunkType;
use dime_wire::signet::{FieldRow, SignetKind};
use serde_json::{Value, json};

use super::judge::each;
use super::{Comparisons, Context, Entry, FolderError, Judge};
use crate::dmtp::keyword::{MAXIMUM_PARAMETERS, Marks, Word};

/// Judges `tables.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    if let Some(list) = file.optional("message_chunks") {
        each(list.items()?, judge, |row, found| {
            chunk(row, found)?;
            Ok(Value::Null)
        })?;
        let ours: Vec<usize> = ChunkType::ALL.map(|kind| kind as usize).to_vec();
        same_rows(&list, "type", ours, judge)?;
    }
    let tables = file.at("signet_fields");
    for (name, kind) in [
        ("org", SignetKind::Organization),
        ("user", SignetKind::User),
        ("ssr", SignetKind::Request),
    ] {
        let Some(list) = tables.optional(name) else {
            continue;
        };
        each(list.items()?, judge, |row, found| {
            field(row, kind, found)?;
            Ok(json!({ "table": name }))
        })?;
        let ours = (0..=u8::MAX).filter(|id| kind.field_row(*id).is_some());
        same_rows(&list, "id", ours.map(usize::from).collect(), judge)?;
    }
    if let Some(list) = file.optional("dmtp_commands") {
        each(list.items()?, judge, |row, found| {
            command(row, found)?;
            Ok(Value::Null)
        })?;
    }
    Ok(())
}

/// Our table has exactly the rows of the recorded one.
fn same_rows(
    list: &Entry<'_>,
    key: &str,
    ours: Vec<usize>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(vec![list.clone()], judge, |list, found| {
        let rows = list.items()?;
        let recorded: Result<Vec<usize>, _> = rows.iter().map(|row| row.at(key).number()).collect();
        found.equal("rows", ours.as_slice(), recorded?);
        Ok(Value::Null)
    })
}

fn chunk(row: &Entry<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
    let kind = ChunkType::from_byte(row.at("type").byte()?);
    found.equal("known", kind.is_some(), true);
    let Some(kind) = kind else { return Ok(()) };
    let slots: Vec<&str> = kind.slots().iter().map(|actor| actor.name()).collect();
    let payload = match kind {
        ChunkType::Ephemeral => "ephemeral",
        kind if kind.is_standard() => "standard",
        _ => "signature",
    };
    found.equal("section", kind.section().name(), row.at("section").text()?);
    found.equal("payload", payload, row.at("payload").text()?);
    found.equal("keyslots", slots, row.at("keyslots").value().clone());
    let number = |flag: bool| u8::from(flag);
    found.equal(
        "encrypted",
        number(!kind.slots().is_empty()),
        row.at("encrypted").byte()?,
    );
    found.equal(
        "required",
        number(kind.is_required()),
        row.at("required").byte()?,
    );
    // The recorded flag is 1 where a type may occur more than once, whatever its name says.
    found.equal(
        "repeatable",
        number(kind.may_repeat()),
        row.at("unique").byte()?,
    );
    found.equal(
        "sequential",
        number(!kind.may_repeat()),
        row.at("sequential").byte()?,
    );
    Ok(())
}

fn field(row: &Entry<'_>, kind: SignetKind, found: &mut Comparisons) -> Result<(), FolderError> {
    let ours = kind.field_row(row.at("id").byte()?);
    found.equal("known", ours.is_some(), true);
    let Some(ours) = ours else { return Ok(()) };
    let FieldRow {
        label,
        required,
        unique,
        name_length_width,
        length_width,
        fixed_size,
    } = ours;
    found.equal("label", label, row.at("label").text()?);
    found.equal("required", u8::from(required), row.at("required").byte()?);
    found.equal("unique", u8::from(unique), row.at("unique").byte()?);
    found.equal(
        "name length",
        name_length_width,
        row.at("name_len_bytes").number()?,
    );
    found.equal(
        "data length",
        length_width,
        row.at("data_len_bytes").number()?,
    );
    found.equal("size", fixed_size, row.at("fixed_size").number()?);
    Ok(())
}

fn command(row: &Entry<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
    let name = row.at("command").text()?;
    let word = Word::ALL.into_iter().find(|word| word.name() == name);
    found.equal("known", word.is_some(), true);
    let Some(word) = word else { return Ok(()) };
    let parameters = word.parameters().iter().map(|parameter| {
        let style = match parameter.marks {
            Marks::Angle => "angle",
            Marks::Square => "square",
            Marks::Bare => "plain",
        };
        let name = (!parameter.name.is_empty()).then_some(parameter.name);
        json!({ "name": name, "style": style })
    });
    let none = std::iter::repeat(json!({ "name": null, "style": "none" }));
    let ours: Vec<Value> = parameters.chain(none).take(MAXIMUM_PARAMETERS).collect();
    let rows = row.at("args").items()?;
    let recorded = rows
        .iter()
        .map(|row| json!({ "name": row.at("name").value(), "style": row.at("style").value() }));
    found.equal("arguments", ours, recorded.collect::<Vec<_>>());
    Ok(())
}
