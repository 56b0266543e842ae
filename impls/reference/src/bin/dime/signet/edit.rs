//! `dime signet edit`, and how informational fields stand on the command line.

use std::path::PathBuf;

use dime_wire::keys::KeyOwner;
use dime_wire::signet::{
    FIRST_INFORMATION, FULL_SIGNATURE, Field, IDENTIFIED_SIGNATURE, LAST_INFORMATION, NAMED,
    Signet, SignetEditor, SignetError, SignetKind, State,
};

use super::write;
use crate::output::ObjectOutput;
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: input::Subject,
    #[command(flatten)]
    keys: input::KeySource,
    /// Signet of the organization that signs for a user.
    #[arg(long, visible_alias = "org", value_name = "FILE")]
    organization: Option<PathBuf>,
    #[command(flatten)]
    fields: FieldArguments,
    /// Remove all fields with this name or number; may be repeated.
    #[arg(long, value_name = "FIELD")]
    remove: Vec<String>,
    /// Remove all fields that bring this name; may be repeated.
    #[arg(long, value_name = "NAME")]
    remove_named: Vec<String>,
    /// Make it the signet of this domain or address.
    #[arg(long, value_name = "NAME")]
    identifier: Option<String>,
    #[command(flatten)]
    output: ObjectOutput,
}

/// Informational fields to put into a signet.
#[derive(clap::Args)]
pub(crate) struct FieldArguments {
    /// Informational field by its name or number, as in `Name=Alpha Ltd` or `16=Alpha Ltd`; may be
    /// repeated. `dime signet fields` tells all.
    #[arg(long = "set", value_name = "FIELD=TEXT")]
    set: Vec<String>,
    /// Informational field from a file, as in `Photo=photo.png`; may be repeated.
    #[arg(long, value_name = "FIELD=FILE")]
    set_file: Vec<String>,
    /// Field with a name of its own, as in `Colour=blue`; may be repeated.
    #[arg(long = "named", value_name = "NAME=TEXT")]
    named: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let signet = input::signet(&arguments.subject.file)?;
    let keys = arguments.keys.of(KeyOwner::Organization)?;
    let issuer = arguments.organization.as_deref();
    let issuer = issuer.map(input::signet).transpose()?;
    let given = arguments.fields.read(signet.kind())?;
    let removed = arguments.remove.iter();
    let removed = removed.map(|word| field_id(word, signet.kind()));
    let removed = removed.collect::<Result<Vec<u8>, Failure>>()?;
    let mut editor = signet.edit();
    let changed = change(&mut editor, &removed, arguments, &given).and_then(|()| {
        sign(
            &mut editor,
            signet.structure(),
            &keys.signing,
            issuer.as_ref(),
        )
    });
    changed.map_err(|error| {
        Failure::Unusable(format!(
            "{}: {error}",
            input::named(&arguments.subject.file)
        ))
    })?;
    write(&arguments.output, &editor.finish())
}

fn change(
    editor: &mut SignetEditor,
    removed: &[u8],
    arguments: &Arguments,
    given: &[Given],
) -> Result<(), SignetError> {
    for id in removed {
        editor.remove(*id)?;
    }
    for name in &arguments.remove_named {
        editor.remove_named(name.as_bytes())?;
    }
    for (position, field) in given.iter().enumerate() {
        let same = |other: &Given| (other.id, &other.name) == (field.id, &field.name);
        let again = given.iter().take(position).any(same);
        match (&field.name, again) {
            (Some(name), false) => editor.set_named(name, &field.data)?,
            (Some(name), true) => editor.add_named(name, &field.data)?,
            (None, false) => editor.set(field.id, &field.data)?,
            (None, true) => editor.add(field.id, &field.data)?,
        };
    }
    if let Some(identifier) = &arguments.identifier {
        editor.set_identifier(identifier)?;
    }
    Ok(())
}

/// Makes the signatures again that the changes removed, up to the form the signet had.
fn sign(
    editor: &mut SignetEditor,
    before: State,
    key: &dime_wire::keys::SigningKey,
    issuer: Option<&Signet>,
) -> Result<(), SignetError> {
    if editor.signet().structure() < State::Cryptographic {
        editor.sign_cryptographic(key, issuer)?;
    }
    if before >= State::Full && editor.signet().field(FULL_SIGNATURE).is_none() {
        editor.sign_full(key, issuer)?;
    }
    if before >= State::Identified && editor.signet().field(IDENTIFIED_SIGNATURE).is_none() {
        editor.sign_identified(key, issuer)?;
    }
    Ok(())
}

/// A field as the command line gives it.
pub(super) struct Given {
    pub(super) id: u8,
    pub(super) name: Option<Vec<u8>>,
    pub(super) data: Vec<u8>,
}

impl Given {
    pub(super) fn as_field(&self) -> Field<'_> {
        Field {
            id: self.id,
            label: "",
            name: self.name.as_deref(),
            data: &self.data,
        }
    }
}

impl FieldArguments {
    /// The fields as they go into a signet of this kind.
    pub(super) fn read(&self, kind: SignetKind) -> Result<Vec<Given>, Failure> {
        let mut given = Vec::new();
        for word in &self.set {
            let (field, text) = halves(word)?;
            let id = field_id(field, kind)?;
            given.push(Given {
                id,
                name: None,
                data: text.as_bytes().to_vec(),
            });
        }
        for word in &self.set_file {
            let (field, path) = halves(word)?;
            let id = field_id(field, kind)?;
            given.push(Given {
                id,
                name: None,
                data: input::bytes(path.as_ref())?.to_vec(),
            });
        }
        for word in &self.named {
            let (name, text) = halves(word)?;
            if name.is_empty() {
                return Err(Failure::Unusable(format!("{word:?} names no field")));
            }
            given.push(Given {
                id: NAMED,
                name: Some(name.as_bytes().to_vec()),
                data: text.as_bytes().to_vec(),
            });
        }
        Ok(given)
    }
}

pub(super) fn halves(word: &str) -> Result<(&str, &str), Failure> {
    word.split_once('=')
        .ok_or_else(|| Failure::Unusable(format!("{word:?} has no `=`")))
}

/// The id of an informational field that is given by its number, or by its name in any case.
fn field_id(word: &str, kind: SignetKind) -> Result<u8, Failure> {
    let number = word.parse::<u8>().ok();
    let meant = |id: &u8| {
        let row = kind.field_row(*id);
        row.is_some_and(|row| number == Some(*id) || row.label.eq_ignore_ascii_case(word))
    };
    (FIRST_INFORMATION..=LAST_INFORMATION)
        .filter(|id| *id != NAMED)
        .find(meant)
        .ok_or_else(|| {
            Failure::Unusable(format!(
                "{word:?} is not an informational field: see `dime signet fields`"
            ))
        })
}
