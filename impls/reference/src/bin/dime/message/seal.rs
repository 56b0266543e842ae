//! `dime message seal`: a letter becomes a message, as its author makes it.

use std::path::PathBuf;

use clap::ValueEnum;
use dime::agent::client::{Attachment, format_date};
use dime::large::LargeFiles;
use dime_wire::keys::KeyOwner;
use dime_wire::message::{
    CommonHeaders, Letter, Padding, Part, SealOptions, Signets, StreamEntropy, seal,
};
use dime_wire::signet::Signet;

use super::{ARMOR_TAG, SignetPaths, TreeWord, WorkersWord};
use crate::machine::Machine;
use crate::output::{Format, ObjectOutput};
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    keys: input::KeySource,
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
    /// Sign what the destination reads with a key of this message alone, so that it cannot find out
    /// who wrote it by trying signets; libdime cannot read it.
    #[arg(long)]
    hardened: bool,
    /// Compress body and attachments.
    #[arg(long)]
    gzip: bool,
    /// How long the paddings are.
    #[arg(long, value_enum, default_value = "random")]
    padding: PaddingWord,
    /// Over what the author's tree signature is made.
    #[arg(long, value_enum, default_value = "libdime")]
    tree: TreeWord,
    /// How many threads to take.
    #[arg(long, value_enum, default_value = "one")]
    workers: WorkersWord,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PaddingWord {
    /// By chance, as libdime makes them.
    Random,
    /// To one of few sizes, so that lengths of addresses and parts show less; libdime cannot read it.
    Buckets,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let machine = Machine::open()?;
    let keys = arguments.keys.of(KeyOwner::User)?;
    let all = arguments.signets.all()?;
    let signets = all.borrowed();
    let mut letter = letter(arguments, &signets, &machine)?;
    let options = SealOptions {
        alternate: arguments.alternate,
        hardened: arguments.hardened,
        padding: match arguments.padding {
            PaddingWord::Random => Padding::Random,
            PaddingWord::Buckets => Padding::Buckets,
        },
        tree: arguments.tree.into(),
        workers: arguments.workers.into(),
        ..SealOptions::default()
    };
    let mut entropy = StreamEntropy(machine.entropy("letter[1].seal"));
    if !arguments.gzip && arguments.output.is_binary(Format::Binary) {
        let files = files(arguments)?;
        return arguments.output.write_large(|mut out| {
            let sealed = files.seal(
                &letter,
                &signets,
                &keys.signing,
                &mut entropy,
                &options,
                &mut out,
            );
            sealed.map(drop).map_err(Failure::unusable)
        });
    }
    letter.display = vec![part(&input::bytes(&arguments.body)?, arguments.gzip)];
    letter.attachments = attachments(&arguments.attach, arguments.gzip)?;
    let sealed = seal(&letter, &signets, &keys.signing, &mut entropy, &options);
    let sealed = sealed.map_err(Failure::unusable)?;
    arguments.output.write(ARMOR_TAG, &sealed, Format::Binary)
}

/// The letter without body and attachments.
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
        display: Vec::new(),
        attachments: Vec::new(),
    })
}

/// Body and attachments, to be read while the letter is sealed.
fn files(arguments: &Arguments) -> Result<LargeFiles, Failure> {
    let attached = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), input::large(path)?))
    };
    Ok(LargeFiles {
        body: input::large(&arguments.body)?,
        attachments: arguments
            .attach
            .iter()
            .map(attached)
            .collect::<Result<_, Failure>>()?,
    })
}

fn identifier(signet: &Signet, what: &str) -> Result<String, Failure> {
    let name = signet.identifier().map(str::to_owned);
    name.ok_or_else(|| Failure::Unusable(format!("the {what}'s signet names nobody")))
}

fn part(data: &[u8], gzip: bool) -> Part {
    if gzip {
        Part::compressed(data)
    } else {
        Part::plain(data)
    }
}

fn attachments(paths: &[PathBuf], gzip: bool) -> Result<Vec<Part>, Failure> {
    let attached = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let attachment = Attachment {
            name: name.into_owned(),
            contents: input::bytes(path)?.to_vec(),
        };
        let data = attachment
            .encode()
            .map_err(|error| Failure::Unusable(format!("{}: {error}", input::named(path))))?;
        Ok(part(&data, gzip))
    };
    paths.iter().map(attached).collect()
}
