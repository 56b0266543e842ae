//! `dime message seal`: a letter becomes a message, as its author makes it.

use std::path::PathBuf;

use dime::agent::client::{Attachment, format_date};
use dime_wire::keys::KeyOwner;
use dime_wire::message::{CommonHeaders, Letter, Part, SealOptions, Signets, StreamEntropy, seal};
use dime_wire::signet::Signet;

use super::{ARMOR_TAG, SignetPaths};
use crate::machine::Machine;
use crate::output::{Format, ObjectOutput};
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Key file of the author.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    #[command(flatten)]
    signets: SignetPaths,
    /// Subject.
    #[arg(long, default_value = "", hide_default_value = true)]
    subject: String,
    /// What stands in the header To; the recipient's address if left out.
    #[arg(long)]
    to: Option<String>,
    /// What stands in the header From; the author's address if left out.
    #[arg(long)]
    from: Option<String>,
    /// What stands in the header CC.
    #[arg(long)]
    cc: Option<String>,
    /// What stands in the header Date; now if left out.
    #[arg(long)]
    date: Option<String>,
    /// File of all other headers, lines as they are.
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
    /// The body; standard input if left out.
    #[arg(long, value_name = "FILE", default_value = input::STANDARD, hide_default_value = true)]
    body: PathBuf,
    /// File to attach; may be repeated.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// Put the body under the alternate layer too.
    #[arg(long)]
    alternate: bool,
    #[command(flatten)]
    output: ObjectOutput,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let machine = Machine::open()?;
    let keys = input::keys(&arguments.keys, KeyOwner::User)?;
    let paths = &arguments.signets;
    let (author, recipient) = (paths.author()?, paths.recipient()?);
    let (origin, destination) = (paths.origin()?, paths.destination()?);
    let signets = Signets {
        author: &author,
        origin: &origin,
        destination: &destination,
        recipient: &recipient,
    };
    let letter = letter(arguments, &signets, &machine)?;
    let options = SealOptions {
        alternate: arguments.alternate,
        ..SealOptions::default()
    };
    let mut entropy = StreamEntropy(machine.entropy("letter[1].seal"));
    let sealed = seal(&letter, &signets, &keys.signing, &mut entropy, &options);
    let sealed = sealed.map_err(Failure::unusable)?;
    arguments.output.write(ARMOR_TAG, &sealed, Format::Binary)
}

fn letter(
    arguments: &Arguments,
    signets: &Signets<'_>,
    machine: &Machine,
) -> Result<Letter, Failure> {
    let author = identifier(signets.author, "author")?;
    let recipient = identifier(signets.recipient, "recipient")?;
    let headers = arguments.headers.as_deref().map(input::bytes).transpose()?;
    Ok(Letter {
        origin: identifier(signets.origin, "origin")?,
        destination: identifier(signets.destination, "destination")?,
        common: CommonHeaders {
            date: match &arguments.date {
                Some(date) => date.clone(),
                None => format_date(machine.now()),
            },
            to: arguments.to.clone().unwrap_or_else(|| recipient.clone()),
            cc: arguments.cc.clone(),
            from: arguments.from.clone().unwrap_or_else(|| author.clone()),
            subject: arguments.subject.clone(),
            ..CommonHeaders::default()
        },
        author,
        recipient,
        // libdime cannot read a message without other headers.
        other_headers: headers.map_or_else(|| b"\r\n".to_vec(), |bytes| bytes.to_vec()),
        display: vec![Part::plain(input::bytes(&arguments.body)?.to_vec())],
        attachments: attachments(&arguments.attach)?,
    })
}

fn identifier(signet: &Signet, what: &str) -> Result<String, Failure> {
    let name = signet.identifier().map(str::to_owned);
    name.ok_or_else(|| Failure::Unusable(format!("the {what}'s signet names nobody")))
}

fn attachments(paths: &[PathBuf]) -> Result<Vec<Part>, Failure> {
    let part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let attachment = Attachment {
            name: name.into_owned(),
            contents: input::bytes(path)?.to_vec(),
        };
        let data = attachment
            .encode()
            .map_err(|error| Failure::Unusable(format!("{}: {error}", input::named(path))))?;
        Ok(Part::plain(data))
    };
    paths.iter().map(part).collect()
}
