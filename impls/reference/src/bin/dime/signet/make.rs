//! Making signets: from keys to requests and signets, and their shorter forms.

use std::path::PathBuf;

use clap::ValueEnum;
use dime_wire::keys::{KeyOwner, PrivateKeys};
use dime_wire::signet::{
    Field, FingerprintKind, NAMED, Permissions, Signet, SignetKind, issue_fields, organization,
    request, validate_request,
};

use super::{state_word, write};
use crate::key::{self, KeyForm, ProfileWord};
use crate::output::{ObjectOutput, SecretOutput};
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct NewArguments {
    /// Key file of the organization.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Its domain.
    #[arg(long)]
    domain: String,
    /// Secondary key: permissions (signets, messages, tls, software; joined by `+`), `=`, and a
    /// key file or signet to take the public key from; may be repeated.
    #[arg(long, value_name = "PERMISSIONS=FILE")]
    secondary: Vec<String>,
    #[command(flatten)]
    fields: FieldArguments,
    /// Whose form of encryption keys.
    #[arg(long, value_enum, default_value = "libdime")]
    profile: ProfileWord,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(clap::Args)]
pub(crate) struct RequestArguments {
    /// Key file of the user.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Key of the alternate layer; may be repeated.
    #[arg(long, value_name = "FILE")]
    alternate: Vec<PathBuf>,
    /// Key file that the new keys replace; signs the custody.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Whose form of encryption keys.
    #[arg(long, value_enum, default_value = "libdime")]
    profile: ProfileWord,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(clap::Args)]
pub(crate) struct RotateArguments {
    /// Key file of the user that is to be replaced.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// New file for the new keys, which only you may read; must not exist.
    #[arg(long, value_name = "FILE")]
    new_keys: PathBuf,
    /// Key of the alternate layer; may be repeated.
    #[arg(long, value_name = "FILE")]
    alternate: Vec<PathBuf>,
    /// Whose form of encryption keys.
    #[arg(long, value_enum, default_value = "libdime")]
    profile: ProfileWord,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(clap::Args)]
pub(crate) struct SignArguments {
    /// The signing request; standard input if left out.
    #[arg(default_value = input::STANDARD, hide_default_value = true, value_name = "FILE")]
    request: PathBuf,
    /// Key file of the organization.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Address of the user.
    #[arg(long)]
    address: String,
    /// The user's signet that this one replaces: its key must vouch for the request.
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    #[command(flatten)]
    fields: FieldArguments,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(clap::Args)]
pub(crate) struct SplitArguments {
    #[command(flatten)]
    subject: input::Subject,
    /// Behind which signature to cut.
    #[arg(long, value_enum)]
    at: Cut,
    #[command(flatten)]
    output: ObjectOutput,
}

/// Informational fields to put into a signet.
#[derive(clap::Args)]
pub(crate) struct FieldArguments {
    /// Informational field by its number and text, as in `16=Alpha Ltd`; may be repeated.
    #[arg(long = "set", value_name = "ID=TEXT")]
    set: Vec<String>,
    /// Informational field by its number, from a file, as in `252=photo.png`; may be repeated.
    #[arg(long, value_name = "ID=FILE")]
    set_file: Vec<String>,
    /// Field with a name of its own, as in `Colour=blue`; may be repeated.
    #[arg(long = "named", value_name = "NAME=TEXT")]
    named: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Cut {
    /// Keys and the first signature of the organization.
    Cryptographic,
    /// Also the informational fields and the second signature.
    Full,
}

pub(crate) fn new(arguments: &NewArguments) -> Result<(), Failure> {
    let keys = input::keys(&arguments.keys, KeyOwner::Organization)?;
    let encryption = keys.encryption.public();
    let mut draft = organization(&keys.signing, &encryption, arguments.profile.into());
    for word in &arguments.secondary {
        let (permissions, key) = secondary(word)?;
        draft = draft.sok(permissions, key);
    }
    for Given { id, name, data } in arguments.fields.read()? {
        draft = match name {
            Some(name) => draft.named_field(&name, &data),
            None => draft.field(id, &data),
        };
    }
    let signet = draft.sign(&keys.signing, &arguments.domain);
    write(&arguments.output, &signet.map_err(Failure::unusable)?)
}

pub(crate) fn request_signet(arguments: &RequestArguments) -> Result<(), Failure> {
    let keys = input::keys(&arguments.keys, KeyOwner::User)?;
    let previous = arguments.previous.as_deref();
    let previous = previous
        .map(|path| input::keys(path, KeyOwner::User))
        .transpose()?;
    let made = make_request(
        &keys,
        &arguments.alternate,
        previous.as_ref(),
        arguments.profile,
    )?;
    write(&arguments.output, &made)
}

pub(crate) fn rotate(arguments: &RotateArguments) -> Result<(), Failure> {
    let previous = input::keys(&arguments.keys, KeyOwner::User)?;
    let keys = key::fresh()?;
    let made = make_request(
        &keys,
        &arguments.alternate,
        Some(&previous),
        arguments.profile,
    )?;
    // Keys without request can be used again, a request without keys cannot.
    let form = KeyForm {
        profile: arguments.profile,
        format: crate::output::Format::Armor,
    };
    let place = SecretOutput {
        out: arguments.new_keys.clone(),
    };
    key::write(&keys, KeyOwner::User, &form, &place)?;
    write(&arguments.output, &made)
}

pub(crate) fn sign(arguments: &SignArguments) -> Result<(), Failure> {
    let request = input::signet(&arguments.request)?;
    let keys = input::keys(&arguments.keys, KeyOwner::Organization)?;
    if let Some(path) = &arguments.previous {
        let previous = input::signet(path)?;
        let state = validate_request(&request, Some(&previous));
        if !state.is_valid() {
            let named = input::named(&arguments.request);
            let state = state_word(state);
            return Err(Failure::Invalid(format!(
                "{named}: request does not hold: {state}"
            )));
        }
    }
    let given = arguments.fields.read()?;
    let fields: Vec<Field<'_>> = given.iter().map(Given::as_field).collect();
    let signet = issue_fields(&request, &keys.signing, &fields, &arguments.address);
    let signet = signet.map_err(|error| {
        Failure::Invalid(format!("{}: {error}", input::named(&arguments.request)))
    })?;
    write(&arguments.output, &signet)
}

pub(crate) fn split(arguments: &SplitArguments) -> Result<(), Failure> {
    let signet = input::signet(&arguments.subject.file)?;
    let (at, last) = match arguments.at {
        Cut::Cryptographic => (FingerprintKind::Cryptographic, "cryptographic"),
        Cut::Full => (FingerprintKind::Full, "full"),
    };
    let cut = signet.split(at).map_err(|error| {
        Failure::Unusable(format!(
            "{}: {error}",
            input::named(&arguments.subject.file)
        ))
    })?;
    let reached = state_word(cut.structure());
    if reached != last {
        let named = input::named(&arguments.subject.file);
        return Err(Failure::Invalid(format!(
            "{named} has no {last} form: it is {reached}"
        )));
    }
    write(&arguments.output, &cut)
}

fn make_request(
    keys: &PrivateKeys,
    alternate: &[PathBuf],
    previous: Option<&PrivateKeys>,
    profile: ProfileWord,
) -> Result<Signet, Failure> {
    let alternate = alternate
        .iter()
        .map(|path| Ok(input::alternate_key(path)?.public()))
        .collect::<Result<Vec<_>, Failure>>()?;
    let previous = previous.map(|keys| &keys.signing);
    request(keys, &alternate, previous, profile.into()).map_err(Failure::unusable)
}

/// A field as the command line gives it.
struct Given {
    id: u8,
    name: Option<Vec<u8>>,
    data: Vec<u8>,
}

impl Given {
    fn as_field(&self) -> Field<'_> {
        Field {
            id: self.id,
            label: "",
            name: self.name.as_deref(),
            data: &self.data,
        }
    }
}

impl FieldArguments {
    fn read(&self) -> Result<Vec<Given>, Failure> {
        let mut given = Vec::new();
        for word in &self.set {
            let (id, text) = numbered(word)?;
            given.push(Given {
                id,
                name: None,
                data: text.as_bytes().to_vec(),
            });
        }
        for word in &self.set_file {
            let (id, path) = numbered(word)?;
            given.push(Given {
                id,
                name: None,
                data: input::bytes(path.as_ref())?.to_vec(),
            });
        }
        for word in &self.named {
            let (name, text) = halves(word)?;
            given.push(Given {
                id: NAMED,
                name: Some(name.as_bytes().to_vec()),
                data: text.as_bytes().to_vec(),
            });
        }
        Ok(given)
    }
}

fn halves(word: &str) -> Result<(&str, &str), Failure> {
    word.split_once('=')
        .ok_or_else(|| Failure::Unusable(format!("{word:?} has no `=`")))
}

fn numbered(word: &str) -> Result<(u8, &str), Failure> {
    let (id, value) = halves(word)?;
    let id = id
        .parse()
        .map_err(|_| Failure::Unusable(format!("{id:?} is not the number of a field")))?;
    Ok((id, value))
}

fn secondary(word: &str) -> Result<(Permissions, dime_wire::keys::VerifyingKey), Failure> {
    let (names, path) = halves(word)?;
    let mut permissions = Permissions::NONE;
    for name in names.split('+') {
        permissions = permissions.and(match name {
            "signets" => Permissions::SIGNETS,
            "messages" => Permissions::MESSAGES,
            "tls" => Permissions::TLS,
            "software" => Permissions::SOFTWARE,
            "none" => Permissions::NONE,
            _ => return Err(Failure::Unusable(format!("{name:?} is not a permission"))),
        });
    }
    let (_, keys) = input::any_keys(path.as_ref())?;
    Ok((permissions, keys.signing.public()))
}

/// Whether the signet could be what a user's signet is judged by.
pub(super) fn is_organization(signet: &Signet) -> bool {
    signet.kind() == SignetKind::Organization
}
