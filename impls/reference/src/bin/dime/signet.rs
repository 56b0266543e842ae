//! `dime signet`: from keys to signets, and what signets are worth.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dime::files;
use dime_wire::Profile;
use dime_wire::keys::KeyOwner;
use dime_wire::record::ManagementRecord;
use dime_wire::signet::{
    FingerprintKind, Signet, SignetKind, State, issue, organization, request,
    validate_organization, validate_request, validate_user,
};

use crate::key::read_alternate;
use crate::{Failure, Output, print};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make an organization's signet.
    Organization {
        /// Key file of the organization.
        #[arg(long)]
        keys: PathBuf,
        /// Its domain.
        #[arg(long)]
        domain: String,
        #[command(flatten)]
        output: Output,
    },
    /// Make a user's signing request.
    Request {
        /// Key file of the user.
        #[arg(long)]
        keys: PathBuf,
        /// Key of the alternate layer.
        #[arg(long)]
        alternate: Option<PathBuf>,
        /// Key file that the new keys replace; signs the custody.
        #[arg(long)]
        previous: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
    /// Turn a signing request into a user's signet.
    Sign {
        /// The request.
        request: PathBuf,
        /// Key file of the organization.
        #[arg(long)]
        keys: PathBuf,
        /// Address of the user.
        #[arg(long)]
        address: String,
        #[command(flatten)]
        output: Output,
    },
    /// Show what is in a signet.
    Show {
        /// The signet: armour, base64 or binary.
        file: PathBuf,
    },
    /// Judge a signet; the exit code is 0 only if it holds.
    Verify(VerifyArguments),
}

#[derive(Args)]
pub(crate) struct VerifyArguments {
    /// The signet.
    file: PathBuf,
    /// Text of the management record that anchors an organization's signet.
    #[arg(long)]
    record: Option<PathBuf>,
    /// Signet of the organization that signed a user's signet.
    #[arg(long)]
    organization: Option<PathBuf>,
    /// Signet that this one replaces.
    #[arg(long)]
    previous: Option<PathBuf>,
    /// Domain or address it must be for.
    #[arg(long)]
    name: Option<String>,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Organization {
            keys,
            domain,
            output,
        } => {
            let keys = files::read_keys(&keys, KeyOwner::Organization)?;
            let draft = organization(&keys.signing, &keys.encryption.public(), Profile::Libdime);
            let signet = draft.sign(&keys.signing, &domain);
            write(&output, &signet.map_err(Failure::unusable)?)
        }
        Action::Request {
            keys,
            alternate,
            previous,
            output,
        } => {
            let keys = files::read_keys(&keys, KeyOwner::User)?;
            let previous = previous.as_deref().map(read_user_keys).transpose()?;
            let alternate = alternate.as_deref().map(read_alternate).transpose()?;
            let alternate: Vec<_> = alternate.iter().map(|key| key.public()).collect();
            let previous = previous.as_ref().map(|keys| &keys.signing);
            let made = request(&keys, &alternate, previous, Profile::Libdime);
            write(&output, &made.map_err(Failure::unusable)?)
        }
        Action::Sign {
            request,
            keys,
            address,
            output,
        } => {
            let request = files::read_signet(&request)?;
            let keys = files::read_keys(&keys, KeyOwner::Organization)?;
            let signet = issue(&request, &keys.signing, &[], &address);
            write(&output, &signet.map_err(Failure::invalid)?)
        }
        Action::Show { file } => {
            show(&files::read_signet(&file)?);
            Ok(())
        }
        Action::Verify(arguments) => verify(&arguments),
    }
}

fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    let signet = files::read_signet(&arguments.file)?;
    let organization = read_optional(arguments.organization.as_deref())?;
    let previous = read_optional(arguments.previous.as_deref())?;
    let record = arguments.record.as_deref().map(read_record).transpose()?;
    let name = arguments.name.as_deref();
    let state = judge(&signet, record.as_ref(), organization, previous, name)?;
    verdict(&signet, state)
}

fn judge(
    signet: &Signet,
    record: Option<&ManagementRecord>,
    organization: Option<Signet>,
    previous: Option<Signet>,
    name: Option<&str>,
) -> Result<State, Failure> {
    let needs = |what: &str| Failure::Unusable(format!("this kind of signet needs --{what}"));
    Ok(match signet.kind() {
        SignetKind::Organization => {
            let record = record.ok_or_else(|| needs("record"))?;
            validate_organization(signet, &record.poks, name)
        }
        SignetKind::User => {
            let organization = organization.ok_or_else(|| needs("organization"))?;
            validate_user(signet, &organization, previous.as_ref(), name)
        }
        SignetKind::Request => validate_request(signet, previous.as_ref()),
    })
}

/// Holds: a full or identified signet, or a sound request.
fn verdict(signet: &Signet, state: State) -> Result<(), Failure> {
    let holds = match signet.kind() {
        SignetKind::Request => state == State::Request,
        SignetKind::Organization | SignetKind::User => state >= State::Full,
    };
    if holds {
        print(&format!("{state:?}\n"));
        return Ok(());
    }
    Err(Failure::Invalid(format!("signet does not hold: {state:?}")))
}

fn read_user_keys(path: &Path) -> Result<dime_wire::keys::PrivateKeys, Failure> {
    Ok(files::read_keys(path, KeyOwner::User)?)
}

fn read_optional(path: Option<&Path>) -> Result<Option<Signet>, Failure> {
    Ok(path.map(files::read_signet).transpose()?)
}

fn read_record(path: &Path) -> Result<ManagementRecord, Failure> {
    let text = files::read_text(path)?;
    ManagementRecord::parse(text.trim())
        .map_err(|error| Failure::Unusable(format!("{}: {error}", path.display())))
}

fn write(output: &Output, signet: &Signet) -> Result<(), Failure> {
    Ok(files::write(&output.out, signet.to_armor().as_bytes())?)
}

fn show(signet: &Signet) {
    let mut text = format!(
        "kind        {:?}\nstructure   {:?}\n",
        signet.kind(),
        signet.structure()
    );
    if let Some(identifier) = signet.identifier() {
        text += &format!("identifier  {identifier}\n");
    }
    for kind in FingerprintKind::ALL {
        if let Some(fingerprint) = signet.fingerprint(kind) {
            text += &format!("fingerprint {fingerprint} {kind:?}\n");
        }
    }
    for field in signet.fields() {
        let data = match std::str::from_utf8(field.data) {
            Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
            _ => hex::encode(field.data),
        };
        text += &format!("field {:>3}   {} = {data}\n", field.id, field.label);
    }
    print(&text);
}
