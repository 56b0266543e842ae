//! `dime message`: seal as author, sign as origin, open as each actor, take apart.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dime::agent::client::{Attachment, format_date};
use dime::files;
use dime_wire::dissect::{Node, Value, dissect};
use dime_wire::keys::{AlternateKey, KeyOwner};
use dime_wire::message::{
    Bounces, CommonHeaders, DestinationSignets, Letter, Message, Opened, OriginSignets, Part,
    SealOptions, Signets, StreamEntropy, open_as_author, open_as_destination, open_as_origin,
    open_as_recipient, seal, sign_as_origin,
};
use dime_wire::signet::Signet;

use crate::key::read_alternate;
use crate::{Failure, Machine, Output, print};

/// Deepest piece that `inspect` prints.
const MAX_DEPTH: usize = 16;

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Seal a letter as its author.
    Seal(Box<SealArguments>),
    /// Complete the author's object as its origin.
    Sign {
        /// The sealed message.
        message: PathBuf,
        /// Key file of the origin.
        #[arg(long)]
        keys: PathBuf,
        /// Which bounces the destination may send back.
        #[arg(long = "return", value_enum)]
        wish: Option<Wish>,
        #[command(flatten)]
        output: Output,
    },
    /// Open and judge a message as one of the four actors.
    Open {
        /// The message.
        message: PathBuf,
        /// Which actor opens it.
        #[arg(long = "as", value_enum)]
        actor: ActorWord,
        /// Key file of that actor.
        #[arg(long)]
        keys: PathBuf,
        /// Key of the alternate layer.
        #[arg(long)]
        alternate: Option<PathBuf>,
        #[command(flatten)]
        signets: SignetPaths,
    },
    /// Take a message, signet or key file apart without any key, however broken it is.
    Inspect {
        /// The bytes.
        file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct SealArguments {
    /// Key file of the author.
    #[arg(long)]
    keys: PathBuf,
    #[command(flatten)]
    signets: SignetPaths,
    /// Subject.
    #[arg(long, default_value = "")]
    subject: String,
    /// File of all other headers, lines as they are.
    #[arg(long)]
    headers: Option<PathBuf>,
    /// The body; `-` for standard input.
    #[arg(long)]
    body: PathBuf,
    /// File to attach; may be repeated.
    #[arg(long)]
    attach: Vec<PathBuf>,
    /// Put the body under the alternate layer too.
    #[arg(long)]
    alternate: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct SignetPaths {
    /// Signet of the author.
    #[arg(long)]
    author: Option<PathBuf>,
    /// Signet of the origin.
    #[arg(long)]
    origin: Option<PathBuf>,
    /// Signet of the destination.
    #[arg(long)]
    destination: Option<PathBuf>,
    /// Signet of the recipient.
    #[arg(long)]
    recipient: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ActorWord {
    /// Who wrote it.
    Author,
    /// The author's server.
    Origin,
    /// The recipient's server.
    Destination,
    /// Who reads it.
    Recipient,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Wish {
    /// Everything.
    Full,
    /// Up to the display chunks.
    Display,
    /// Envelope and headers.
    Header,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Seal(arguments) => seal_letter(&arguments),
        Action::Sign {
            message,
            keys,
            wish,
            output,
        } => {
            let bytes = files::read(&message)?;
            let keys = files::read_keys(&keys, KeyOwner::Organization)?;
            let bounces = Bounces {
                metadata: wish.is_some(),
                display: matches!(wish, Some(Wish::Full | Wish::Display)),
            };
            let signed = sign_as_origin(&bytes, &keys, bounces, None);
            Ok(files::write(
                &output.out,
                &signed.map_err(Failure::invalid)?,
            )?)
        }
        Action::Open {
            message,
            actor,
            keys,
            alternate,
            signets,
        } => {
            let bytes = files::read(&message)?;
            let (_, keys) = files::read_any_keys(&keys)?;
            let alternate = alternate.as_deref().map(read_alternate).transpose()?;
            let message = Message::parse(&bytes).map_err(Failure::invalid)?;
            let opened = open(&message, actor, &keys.encryption, alternate, &signets)?;
            show(&opened);
            Ok(())
        }
        Action::Inspect { file } => {
            let bytes = files::read(&file)?;
            let mut text = String::new();
            outline(&dissect(&bytes), 0, &mut text);
            print(&text);
            Ok(())
        }
    }
}

fn seal_letter(arguments: &SealArguments) -> Result<(), Failure> {
    let machine = Machine::open()?;
    let keys = files::read_keys(&arguments.keys, KeyOwner::User)?;
    let paths = &arguments.signets;
    let (author, recipient) = (paths.author()?, paths.recipient()?);
    let (origin, destination) = (paths.origin()?, paths.destination()?);
    let named = |signet: &Signet, what: &str| {
        let name = signet.identifier().map(str::to_owned);
        name.ok_or_else(|| Failure::Unusable(format!("the {what}'s signet names nobody")))
    };
    let (from, to) = (named(&author, "author")?, named(&recipient, "recipient")?);
    let headers = arguments.headers.as_deref().map(files::read).transpose()?;
    let letter = Letter {
        origin: named(&origin, "origin")?,
        destination: named(&destination, "destination")?,
        common: CommonHeaders {
            date: format_date(machine.now()),
            to: to.clone(),
            from: from.clone(),
            subject: arguments.subject.clone(),
            ..CommonHeaders::default()
        },
        author: from,
        recipient: to,
        other_headers: headers.map_or_else(|| b"\r\n".to_vec(), |bytes| bytes.to_vec()),
        display: vec![Part::plain(files::read(&arguments.body)?.to_vec())],
        attachments: attachments(&arguments.attach)?,
    };
    let signets = Signets {
        author: &author,
        origin: &origin,
        destination: &destination,
        recipient: &recipient,
    };
    let options = SealOptions {
        alternate: arguments.alternate,
        ..SealOptions::default()
    };
    let mut entropy = StreamEntropy(machine.entropy("letter[1].seal"));
    let sealed = seal(&letter, &signets, &keys.signing, &mut entropy, &options);
    let sealed = sealed.map_err(Failure::unusable)?;
    Ok(files::write(&arguments.output.out, &sealed)?)
}

fn attachments(paths: &[PathBuf]) -> Result<Vec<Part>, Failure> {
    let part = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let attachment = Attachment {
            name: name.into_owned(),
            contents: files::read(path)?.to_vec(),
        };
        let data = attachment.encode().map_err(Failure::unusable)?;
        Ok(Part::plain(data))
    };
    paths.iter().map(part).collect()
}

impl SignetPaths {
    fn author(&self) -> Result<Signet, Failure> {
        needed(self.author.as_ref(), "author")
    }

    fn origin(&self) -> Result<Signet, Failure> {
        needed(self.origin.as_ref(), "origin")
    }

    fn destination(&self) -> Result<Signet, Failure> {
        needed(self.destination.as_ref(), "destination")
    }

    fn recipient(&self) -> Result<Signet, Failure> {
        needed(self.recipient.as_ref(), "recipient")
    }
}

fn needed(path: Option<&PathBuf>, what: &str) -> Result<Signet, Failure> {
    let path = path.ok_or_else(|| Failure::Unusable(format!("this actor needs --{what}")))?;
    Ok(files::read_signet(path)?)
}

fn open(
    message: &Message<'_>,
    actor: ActorWord,
    key: &dime_wire::keys::EncryptionKey,
    alternate: Option<AlternateKey>,
    paths: &SignetPaths,
) -> Result<Opened, Failure> {
    let opened = match actor {
        ActorWord::Origin => {
            let signets = (paths.author()?, paths.origin()?, paths.destination()?);
            let signets = OriginSignets {
                author: &signets.0,
                origin: &signets.1,
                destination: &signets.2,
            };
            open_as_origin(message, key, &signets)
        }
        ActorWord::Destination => {
            let signets = (paths.origin()?, paths.destination()?, paths.recipient()?);
            let signets = DestinationSignets {
                origin: &signets.0,
                destination: &signets.1,
                recipient: &signets.2,
            };
            open_as_destination(message, key, &signets)
        }
        ActorWord::Author | ActorWord::Recipient => {
            let (author, origin) = (paths.author()?, paths.origin()?);
            let (destination, recipient) = (paths.destination()?, paths.recipient()?);
            let signets = Signets {
                author: &author,
                origin: &origin,
                destination: &destination,
                recipient: &recipient,
            };
            match actor {
                ActorWord::Author => open_as_author(message, key, &signets, alternate.as_ref()),
                _ => {
                    let alternate: Vec<AlternateKey> = alternate.into_iter().collect();
                    open_as_recipient(message, key, &signets, &alternate)
                }
            }
        }
    };
    opened.map_err(Failure::invalid)
}

fn show(opened: &Opened) {
    let envelope = &opened.envelope;
    let mut text = String::new();
    for (label, value) in [
        ("author", &envelope.author),
        ("origin", &envelope.origin),
        ("destination", &envelope.destination),
        ("recipient", &envelope.recipient),
    ] {
        let value = value.as_deref().unwrap_or("not for this actor");
        text += &format!("{label:<12} {value}\n");
    }
    if let Some(common) = &opened.common {
        text += &format!("date         {}\n", visible(&common.date));
        text += &format!("subject      {}\n", visible(&common.subject));
    }
    for part in &opened.display {
        let body = String::from_utf8_lossy(&part.data);
        text += &format!(
            "body         {} bytes\n{}\n",
            part.data.len(),
            visible(&body)
        );
    }
    for part in &opened.attachments {
        let (name, size) = match Attachment::parse(&part.data) {
            Ok(attachment) => (attachment.name, attachment.contents.len()),
            Err(_) => (String::new(), part.data.len()),
        };
        text += &format!("attachment   {size} bytes {}\n", visible(&name));
    }
    print(&text);
}

/// Text from others for a terminal: control characters could do things there.
fn visible(text: &str) -> String {
    let show = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.replace("\r\n", "\n").chars().map(show).collect()
}

fn outline(node: &Node, depth: usize, text: &mut String) {
    let value = match &node.value {
        Value::None => String::new(),
        Value::Bytes => format!(" ({} bytes)", node.range.len()),
        Value::Number(number) => format!(" = {number}"),
        Value::Text(words) => format!(" = {}", visible(words)),
    };
    let problem = node.problem.as_deref();
    let problem = problem.map_or_else(String::new, |problem| format!("  <- {problem}"));
    let (start, end) = (node.range.start, node.range.end);
    let indent = 2 * depth;
    *text += &format!(
        "{start:>9}..{end:<9} {:indent$}{}{value}{problem}\n",
        "", node.label
    );
    if depth < MAX_DEPTH {
        for child in &node.children {
            outline(child, depth + 1, text);
        }
    }
}
