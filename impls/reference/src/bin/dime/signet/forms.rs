//! `dime signet split` and `rejoin`: the shorter and longer forms of one signet.

use std::path::PathBuf;

use clap::ValueEnum;
use dime_wire::signet::FingerprintKind;

use super::{state_word, write};
use crate::output::ObjectOutput;
use crate::{Failure, input};

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

#[derive(clap::Args)]
pub(crate) struct RejoinArguments {
    /// One form of the signet.
    #[arg(value_name = "FILE")]
    one: PathBuf,
    /// Another form of it.
    #[arg(value_name = "OTHER")]
    other: PathBuf,
    #[command(flatten)]
    output: ObjectOutput,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Cut {
    /// Keys and the first signature of the organization.
    Cryptographic,
    /// Also the informational fields and the second signature.
    Full,
}

pub(crate) fn split(arguments: &SplitArguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    let signet = input::signet(path)?;
    let (at, last) = match arguments.at {
        Cut::Cryptographic => (FingerprintKind::Cryptographic, "cryptographic"),
        Cut::Full => (FingerprintKind::Full, "full"),
    };
    let named = input::named(path);
    let cut = signet
        .split(at)
        .map_err(|error| Failure::Unusable(format!("{named}: {error}")))?;
    let reached = state_word(cut.structure());
    if reached != last {
        return Err(Failure::Unusable(format!(
            "{named} has no {last} form: it is {reached}"
        )));
    }
    write(&arguments.output, &cut)
}

pub(crate) fn rejoin(arguments: &RejoinArguments) -> Result<(), Failure> {
    let one = input::signet(&arguments.one)?;
    let other = input::signet(&arguments.other)?;
    let joined = one.rejoin(&other).map_err(|error| {
        let (one, other) = (input::named(&arguments.one), input::named(&arguments.other));
        Failure::Unusable(format!("{one} and {other}: {error}"))
    })?;
    write(&arguments.output, &joined)
}
