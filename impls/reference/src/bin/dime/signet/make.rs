//! Making signets: from keys to requests and signets, and their shorter forms.

use std::path::PathBuf;

use dime_wire::keys::{KeyOwner, PrivateKeys, VerifyingKey};
use dime_wire::name::is_address;
use dime_wire::signet::{
    Field, Permissions, Signet, SignetKind, issue_fields, organization, request, validate_request,
};

use super::edit::{FieldArguments, Given, halves};
use super::{state_word, write};
use crate::key::{self, KeyForm, ProfileWord};
use crate::output::{Format, ObjectOutput, SecretOutput};
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct NewArguments {
    #[command(flatten)]
    keys: input::KeySource,
    /// Its domain.
    #[arg(long)]
    domain: String,
    /// Secondary key: permissions (signets, messages, tls, software; joined by `+`), `=`, and a
    /// key file to take the public key from; may be repeated.
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
    #[command(flatten)]
    keys: input::KeySource,
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
    #[command(flatten)]
    keys: input::KeySource,
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
    #[command(flatten)]
    keys: input::KeySource,
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

pub(crate) fn new(arguments: &NewArguments) -> Result<(), Failure> {
    let unlocked = arguments.keys.unlocking.unlock()?;
    let keys = unlocked.keys(&arguments.keys.keys, KeyOwner::Organization)?;
    let encryption = keys.encryption.public();
    let mut draft = organization(&keys.signing, &encryption, arguments.profile.into());
    for word in &arguments.secondary {
        let (permissions, key) = secondary(word, &unlocked)?;
        draft = draft.sok(permissions, key);
    }
    for Given { id, name, data } in arguments.fields.read(SignetKind::Organization)? {
        draft = match name {
            Some(name) => draft.named_field(&name, &data),
            None => draft.field(id, &data),
        };
    }
    let signet = draft.sign(&keys.signing, &arguments.domain);
    write(&arguments.output, &signet.map_err(Failure::unusable)?)
}

pub(crate) fn request_signet(arguments: &RequestArguments) -> Result<(), Failure> {
    let unlocked = arguments.keys.unlocking.unlock()?;
    let keys = unlocked.keys(&arguments.keys.keys, KeyOwner::User)?;
    let previous = arguments.previous.as_deref();
    let previous = previous
        .map(|path| unlocked.keys(path, KeyOwner::User))
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
    let file = input::KeyFile::read(&arguments.keys.keys)?;
    let unlocked = arguments.keys.unlocking.unlock_to_lock(&file)?;
    let previous = file.keys(&unlocked, KeyOwner::User)?;
    let keys = key::fresh()?;
    let made = make_request(
        &keys,
        &arguments.alternate,
        Some(&previous),
        arguments.profile,
    )?;
    arguments.output.place.check_free()?;
    // Keys without request can be used again, a request without keys cannot.
    let form = KeyForm {
        profile: arguments.profile,
        format: Format::Armor,
        encrypted: unlocked.realm_key().is_some(),
    };
    let place = SecretOutput {
        out: arguments.new_keys.clone(),
    };
    key::write(&keys, KeyOwner::User, &form, unlocked.realm_key(), &place)?;
    write(&arguments.output, &made)
}

pub(crate) fn sign(arguments: &SignArguments) -> Result<(), Failure> {
    if !is_address(&arguments.address) {
        let address = &arguments.address;
        return Err(Failure::Unusable(format!("{address:?} is not an address")));
    }
    // With the signet before it the request is judged, without it is taken as it is.
    let request = match &arguments.previous {
        Some(_) => input::judged_signet_of(&arguments.request, SignetKind::Request)?,
        None => input::signet_of(&arguments.request, SignetKind::Request)?,
    };
    let keys = arguments.keys.of(KeyOwner::Organization)?;
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
    let given = arguments.fields.read(SignetKind::User)?;
    let fields: Vec<Field<'_>> = given.iter().map(Given::as_field).collect();
    let signet = issue_fields(&request, &keys.signing, &fields, &arguments.address);
    let signet = signet.map_err(|error| {
        Failure::Unusable(format!("{}: {error}", input::named(&arguments.request)))
    })?;
    write(&arguments.output, &signet)
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

fn secondary(
    word: &str,
    unlocked: &input::Unlocked,
) -> Result<(Permissions, VerifyingKey), Failure> {
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
    // A secondary key's file is read for its public half.
    let (_, keys) = unlocked.any_keys(path.as_ref())?;
    Ok((permissions, keys.signing.public()))
}
