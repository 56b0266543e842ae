//! DMTP's keyword dialect: lines written and read.

use serde_json::{Value, json};

use super::judge::{Checker, broke_memory, check_lists};
use super::{Comparisons, Context, Entry, FolderError, Judge};
use crate::dmtp::keyword::{KeywordFault, KeywordLine, Marks, Parameter, Word};

const LISTS: [(&str, Checker); 2] = [("format", format), ("parse", parse)];

/// Judges `dmtp.json`.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    check_lists(&LISTS, file, judge)
}

/// Writes the line. The facts say what a line break or closing mark in a value would do.
fn format(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let requested = requested(case)?;
    let written = match &requested {
        Ok(line) => line.format().map_err(|fault| fault.to_string()),
        Err(why) => Err(why.clone()),
    };
    let libdime = case.at("libdime");
    if broke_memory(&libdime) {
        found.broke_memory("written", written.is_err());
        if let Ok(line) = &written {
            let line = String::from_utf8_lossy(line).trim_end().to_owned();
            found.because(format!("written without harm as {line}"));
        }
    } else {
        let recorded = libdime.at("ok").boolean()?;
        found.equal("written", written.is_ok(), recorded);
        if let (Ok(ours), true) = (&written, recorded) {
            let recorded = libdime.at("line").text()?;
            found.bytes("line", ours, recorded.as_bytes());
        }
    }
    if let Err(fault) = &written {
        found.because(fault);
    }
    let Ok(line) = requested else {
        return Ok(Value::Null);
    };
    let parameters = line.word.parameters().iter();
    let mut given = parameters.zip(&line.values);
    let leaves = |(parameter, value): (&Parameter, &Option<Vec<u8>>)| {
        let mut bytes = value.iter().flatten();
        bytes.any(|byte| leaves(parameter.marks, *byte))
    };
    Ok(json!({
        "leaves_marks": given.any(leaves),
        "arguments": line.values.iter().flatten().count(),
    }))
}

/// Whether a value that holds the byte ends there to who reads the line (spec/40 §6).
fn leaves(marks: Marks, byte: u8) -> bool {
    match marks {
        Marks::Angle => b">\n".contains(&byte),
        Marks::Square => b"]\n".contains(&byte),
        Marks::Bare => b" \t\r\n".contains(&byte),
    }
}

/// The line that a case asks for: `a1` to `a3` are values in the table's order without the
/// alternative that the command's name rules out, `mode` chooses the word of STARTTLS. A mode that is
/// none cannot be asked for, which is a refusal.
fn requested(case: &Entry<'_>) -> Result<Result<KeywordLine, String>, FolderError> {
    let command = case.at("command");
    let (name, choice) = match command.text()?.split_once('_') {
        Some((name, choice)) => (name, Some(choice)),
        None => (command.text()?, None),
    };
    let word = Word::ALL.into_iter().find(|word| word.name() == name);
    let word = word.ok_or_else(|| command.is_not("a command of the keyword dialect"))?;
    let arguments = case.at("arguments");
    let mut given = ["a1", "a2", "a3"]
        .into_iter()
        .map(|key| arguments.optional(key));
    let mut line = KeywordLine::new(word);
    let alternatives = ["USER", "DOMAIN"];
    for (parameter, value) in word.parameters().iter().zip(&mut line.values) {
        let Parameter { name, .. } = parameter;
        if choice.is_some_and(|choice| choice != *name) && alternatives.contains(name) {
            continue;
        }
        *value = if *name == "MODE" {
            match arguments.optional("mode").map(|mode| mode.number()) {
                None | Some(Ok(2)) => None,
                Some(Ok(0)) => Some(b"DMTP".to_vec()),
                Some(Ok(1)) => Some(b"SMTP".to_vec()),
                Some(Ok(mode)) => return Ok(Err(format!("mode is not 0, 1 or 2: {mode}"))),
                Some(Err(error)) => return Err(error),
            }
        } else {
            let given = given.next().flatten();
            let text = given.map(|entry| entry.text()).transpose()?;
            text.map(|text| text.as_bytes().to_vec())
        };
    }
    Ok(Ok(line))
}

fn parse(case: &Entry<'_>, found: &mut Comparisons) -> Result<Value, FolderError> {
    let ours = KeywordLine::parse(case.at("line").text()?.as_bytes());
    let libdime = case.at("libdime");
    if broke_memory(&libdime) {
        found.broke_memory("result", ours.is_err());
    } else {
        found.equal("result", result(&ours), libdime.at("result").text()?);
    }
    let line = match ours {
        Ok(line) => line,
        Err(fault) => {
            found.because(fault);
            return Ok(Value::Null);
        }
    };
    if found.agreed() {
        found.equal("command", line.word.name(), libdime.at("command").text()?);
        found.equal(
            "arguments",
            arguments(&line),
            libdime.at("arguments").value().clone(),
        );
        let again = line.format().unwrap_or_default();
        let recorded = libdime.at("reformatted").text()?;
        found.bytes("reformatted", &again, recorded.as_bytes());
    }
    Ok(Value::Null)
}

/// The result under its name in the file.
fn result(ours: &Result<KeywordLine, KeywordFault>) -> &'static str {
    match ours {
        Ok(_) => "SUCCESS",
        Err(KeywordFault::TooLong) => "INVALID_CALL",
        Err(KeywordFault::Command) => "COMMAND_ERROR",
        Err(KeywordFault::Argument) => "ARGUMENT_ERROR",
    }
}

/// The arguments as the file has them: by place in the table, `null` where there is none.
fn arguments(line: &KeywordLine) -> Value {
    let mut parameters = line.word.parameters().iter();
    let described = line.values.iter().map(|value| {
        let name = parameters.next().map_or("", |parameter| parameter.name);
        value.as_ref().map(|value| {
            json!({
                "name": (!name.is_empty()).then_some(name),
                "value": String::from_utf8_lossy(value),
            })
        })
    });
    described.collect()
}
