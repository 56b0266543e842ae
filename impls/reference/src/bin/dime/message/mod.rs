//! `dime message`: seal as author, sign as origin, open and judge as each actor.

mod large;
mod open;
mod place;
mod seal;
mod show;
mod shown;

use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use dime::files::{self, FileError, Form, HELD_IN_MEMORY, LargeFile, Object};
use dime_wire::keys::KeyOwner;
use dime_wire::message::stream::StreamedMessage;
use dime_wire::message::{
    Actor, BounceExtent, Bounces, Message, Signets, TreeSignature, Workers, bounce_as_destination,
    sign_as_origin,
};
use dime_wire::signet::{Signet, SignetKind};
use zeroize::Zeroizing;

use crate::output::{Format, ObjectOutput};
use crate::{Failure, input};

/// Messages in binary of more bytes than this are not read into memory.
const STREAMED_ABOVE: u64 = HELD_IN_MEMORY as u64;

/// The tag of armoured messages: the one published for magic number 1847 (spec/70 §1).
const ARMOR_TAG: &str = "ENCRYPTED MESSAGE";

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Seal a letter as its author.
    Seal(Box<seal::Arguments>),
    /// Complete the author's object as its origin.
    Sign(SignArguments),
    /// Open and judge a message as one of the four actors, and show what that actor reads.
    Open(Box<open::OpenArguments>),
    /// Judge a message as one of the four actors; the exit status is 0 only if it holds.
    Verify(Box<open::VerifyArguments>),
    /// Make the bounce of a message, as its destination.
    ///
    /// Returns the author's chunks up to the extent, with the origin's signature over just these.
    Bounce(BounceArguments),
    /// Show what anybody sees of a message, without any key.
    Show(show::Arguments),
    /// Take a message apart, as `dime inspect` does.
    #[command(hide = true)]
    Inspect(crate::inspect::Arguments),
}

#[derive(Args)]
pub(crate) struct SignArguments {
    #[command(flatten)]
    subject: input::Subject,
    #[command(flatten)]
    keys: input::KeySource,
    /// Which bounces the destination may send back.
    #[arg(long = "return", value_enum)]
    wish: Option<Wish>,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(Args)]
pub(crate) struct BounceArguments {
    #[command(flatten)]
    subject: input::Subject,
    /// How much to send back; the origin must have signed for it.
    #[arg(long = "return", value_enum)]
    extent: Wish,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(Args)]
pub(crate) struct SignetPaths {
    /// Signet of the author.
    #[arg(long, value_name = "FILE")]
    author: Option<PathBuf>,
    /// Signet of the origin.
    #[arg(long, value_name = "FILE")]
    origin: Option<PathBuf>,
    /// Signet of the destination.
    #[arg(long, value_name = "FILE")]
    destination: Option<PathBuf>,
    /// Signet of the recipient.
    #[arg(long, value_name = "FILE")]
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

impl From<ActorWord> for Actor {
    fn from(word: ActorWord) -> Actor {
        match word {
            ActorWord::Author => Actor::Author,
            ActorWord::Origin => Actor::Origin,
            ActorWord::Destination => Actor::Destination,
            ActorWord::Recipient => Actor::Recipient,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum TreeWord {
    /// What libdime signs, which leaves the destination's chunk out.
    Libdime,
    /// All chunks, as it was meant.
    Intended,
}

impl From<TreeWord> for TreeSignature {
    fn from(word: TreeWord) -> TreeSignature {
        match word {
            TreeWord::Libdime => TreeSignature::Libdime,
            TreeWord::Intended => TreeSignature::Intended,
        }
    }
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

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum WorkersWord {
    /// The program's own.
    One,
    /// A second one too, for a message of 64 KiB or more.
    Two,
}

impl From<WorkersWord> for Workers {
    fn from(word: WorkersWord) -> Workers {
        match word {
            WorkersWord::One => Workers::One,
            WorkersWord::Two => Workers::Two,
        }
    }
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::Seal(arguments) => seal::run(&arguments),
        Action::Sign(arguments) => sign(&arguments),
        Action::Open(arguments) => open::run(&arguments),
        Action::Verify(arguments) => open::verify(&arguments),
        Action::Bounce(arguments) => bounce(&arguments),
        Action::Show(arguments) => show::run(&arguments),
        Action::Inspect(arguments) => crate::inspect::run(&arguments),
    }
}

fn sign(arguments: &SignArguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    let source = source(path, Failure::unusable)?;
    let keys = arguments.keys.of(KeyOwner::Organization)?;
    let bounces = Bounces {
        metadata: arguments.wish.is_some(),
        display: matches!(arguments.wish, Some(Wish::Full | Wish::Display)),
    };
    let bytes = match source {
        Source::Whole(bytes) => bytes,
        Source::Streamed(file) => {
            if !arguments.output.is_binary(Format::Binary) {
                let refused = "a message of this size is written in binary only";
                return Err(Failure::Unusable(refused.to_owned()));
            }
            return arguments.output.write_large(|mut out| {
                let signed = StreamedMessage::read(file)
                    .and_then(|mut message| message.sign_as_origin(&keys, bounces, None, &mut out));
                signed.map(drop).map_err(|error| unusable(path, &error))
            });
        }
    };
    let signed = sign_as_origin(&bytes, &keys, bounces, None);
    let signed = signed.map_err(|error| unusable(path, &error))?;
    arguments.output.write(ARMOR_TAG, &signed, Format::Binary)
}

fn bounce(arguments: &BounceArguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    let bytes = read(path)?;
    let extent = match arguments.extent {
        Wish::Full => BounceExtent::Full,
        Wish::Display => BounceExtent::Display,
        Wish::Header => BounceExtent::Metadata,
    };
    let message = Message::parse(&bytes).map_err(|error| unusable(path, &error))?;
    let bounce = bounce_as_destination(&message, extent);
    let bounce = bounce.map_err(|error| unusable(path, &error))?;
    arguments.output.write(ARMOR_TAG, &bounce, Format::Binary)
}

/// A message without its armour or base64.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(decoded(path, input::bytes(path)?)?)
}

/// The message in `bytes`, which came out of the file at `path`, without its armour or base64.
fn decoded(path: &Path, bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let what = "a message";
    let object = Object::decode(path, what, bytes)?;
    match object.tag {
        Some(tag) if tag != ARMOR_TAG => Err(FileError::Format {
            path: path.to_owned(),
            what,
            reason: "its tag is another's".to_owned(),
        }),
        _ => Ok(object.binary),
    }
}

/// A message, in memory or where it is.
enum Source {
    /// Without its armour or base64.
    Whole(Zeroizing<Vec<u8>>),
    /// In binary.
    Streamed(LargeFile),
}

/// Reads a message, or opens it if it is in binary and larger than [`STREAMED_ABOVE`]. What stands
/// there and is no message is `wrong`.
fn source(path: &Path, wrong: fn(FileError) -> Failure) -> Result<Source, Failure> {
    let mut file = input::large(path)?;
    let mut begins = || -> io::Result<(u64, Vec<u8>)> {
        let (size, mut first) = (file.size()?, Vec::new());
        (&mut file).take(1).read_to_end(&mut first)?;
        file.rewind()?;
        Ok((size, first))
    };
    let (size, first) = begins().map_err(|error| FileError::Read {
        path: path.to_owned(),
        error,
    })?;
    if size > STREAMED_ABOVE && Form::of(&first) == Form::Binary {
        return Ok(Source::Streamed(file));
    }
    let bytes = files::read_from(path, file)?;
    Ok(Source::Whole(decoded(path, bytes).map_err(wrong)?))
}

/// The message at `path` is of no use.
fn unusable(path: &Path, error: &impl std::fmt::Display) -> Failure {
    Failure::Unusable(format!("{}: {error}", input::named(path)))
}

/// The message at `path`, which was to be judged, does not hold.
fn invalid(path: &Path, error: &impl std::fmt::Display) -> Failure {
    Failure::Invalid(format!("{}: {error}", input::named(path)))
}

impl SignetPaths {
    fn author(&self) -> Result<Signet, Failure> {
        needed(self.author.as_ref(), "author", SignetKind::User)
    }

    fn origin(&self) -> Result<Signet, Failure> {
        needed(self.origin.as_ref(), "origin", SignetKind::Organization)
    }

    fn destination(&self) -> Result<Signet, Failure> {
        needed(
            self.destination.as_ref(),
            "destination",
            SignetKind::Organization,
        )
    }

    fn recipient(&self) -> Result<Signet, Failure> {
        needed(self.recipient.as_ref(), "recipient", SignetKind::User)
    }

    fn all(&self) -> Result<AllSignets, Failure> {
        Ok(AllSignets {
            author: self.author()?,
            origin: self.origin()?,
            destination: self.destination()?,
            recipient: self.recipient()?,
        })
    }
}

/// The signets of all four actors.
struct AllSignets {
    author: Signet,
    origin: Signet,
    destination: Signet,
    recipient: Signet,
}

impl AllSignets {
    fn borrowed(&self) -> Signets<'_> {
        Signets {
            author: &self.author,
            origin: &self.origin,
            destination: &self.destination,
            recipient: &self.recipient,
        }
    }
}

fn needed(path: Option<&PathBuf>, what: &str, kind: SignetKind) -> Result<Signet, Failure> {
    let path = path.ok_or_else(|| Failure::Unusable(format!("this actor needs --{what}")))?;
    input::signet_of(path, kind)
}
