//! `dime signet`: from keys to signets, and what signets are worth.

mod edit;
mod fields;
mod forms;
mod make;
mod show;
mod verify;

use clap::Subcommand;
use dime_wire::signet::{Signet, State};

use crate::Failure;
use crate::output::{Format, ObjectOutput};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make an organization's signet.
    #[command(visible_alias = "organization")]
    New(make::NewArguments),
    /// Make a user's signing request.
    Request(make::RequestArguments),
    /// Turn a signing request into a user's signet.
    Sign(make::SignArguments),
    /// Make new keys for a user and a signing request that the old keys vouch for.
    ///
    /// The request carries the custody signature of the old keys over the new ones, so that whoever
    /// trusts the old signet can trust the new one.
    Rotate(make::RotateArguments),
    /// Change the fields of a signet and sign it anew.
    ///
    /// Every change removes the signatures over what was changed; they are made again by the
    /// organization's key, up to the form that the signet had.
    Edit(edit::Arguments),
    /// Cut a signet down to its cryptographic or full form.
    Split(forms::SplitArguments),
    /// Join two forms of one signet to the longer of them.
    Rejoin(forms::RejoinArguments),
    /// Show what is in a signet or signing request.
    Show(show::Arguments),
    /// Show which fields there are.
    Fields(fields::Arguments),
    /// Judge a signet or signing request; the exit status is 0 only if it holds.
    ///
    /// An organization's signet needs the management record that anchors it; a user's signet the
    /// organization's, and each earlier one of the user if it was rotated.
    Verify(verify::Arguments),
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::New(arguments) => make::new(&arguments),
        Action::Request(arguments) => make::request_signet(&arguments),
        Action::Sign(arguments) => make::sign(&arguments),
        Action::Rotate(arguments) => make::rotate(&arguments),
        Action::Edit(arguments) => edit::run(&arguments),
        Action::Split(arguments) => forms::split(&arguments),
        Action::Rejoin(arguments) => forms::rejoin(&arguments),
        Action::Show(arguments) => show::run(&arguments),
        Action::Fields(arguments) => fields::run(&arguments),
        Action::Verify(arguments) => verify::run(&arguments),
    }
}

fn write(output: &ObjectOutput, signet: &Signet) -> Result<(), Failure> {
    output.write(signet.kind().armor_tag(), signet.as_bytes(), Format::Armor)
}

/// The word for a state, in text and JSON.
fn state_word(state: State) -> &'static str {
    match state {
        State::Unknown => "unknown",
        State::Incomplete => "incomplete",
        State::BrokenCustody => "broken-custody",
        State::Invalid => "invalid",
        State::Request => "request",
        State::Cryptographic => "cryptographic",
        State::Full => "full",
        State::Identified => "identified",
    }
}
