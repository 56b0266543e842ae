//! `dime signet verify`: whether a signet holds, and which link of its chain does not.

use std::path::{Path, PathBuf};

use dime::files;
use dime_wire::keys::VerifyingKey;
use dime_wire::signet::{
    ChainError, Signet, SignetKind, State, validate_chain, validate_organization, validate_request,
};
use serde::Serialize;

use super::show::kind_word;
use super::state_word;
use crate::output::{Printing, judged};
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: input::Subject,
    /// Text of the management record that anchors the organization.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Signet of the organization that signed a user's signet; may be repeated if it changed its
    /// keys in the course of a chain.
    #[arg(long, visible_alias = "org", value_name = "FILE")]
    organization: Vec<PathBuf>,
    /// Earlier signet of the user that this one replaces; the oldest first if repeated.
    #[arg(long, value_name = "FILE")]
    previous: Vec<PathBuf>,
    /// Domain or address it must be for.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    printing: Printing,
}

/// The verdict in JSON.
#[derive(Serialize)]
struct Verdict {
    /// `organization`, `user` or `request`; null if it is no signet.
    kind: Option<&'static str>,
    /// Whether the signet may be relied upon: an organization's or user's signet that is at least
    /// full, or a sound request.
    holds: bool,
    /// What validation came to: `unknown`, `malformed` if it is no signet, `incomplete`,
    /// `broken-custody`, `invalid`, `request`, `cryptographic`, `full` or `identified`.
    state: &'static str,
    /// Where a chain of custody breaks: the position of the signet, 0 for the oldest.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_link: Option<usize>,
    /// Whether the signet of the user's organization was itself checked against its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_anchored: Option<bool>,
    /// Why it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    let mut verdict = match files::parse_signet(path, input::bytes(path)?) {
        Ok(signet) => judge(&signet, arguments)?,
        // What can be read and is no signet is not valid, rather than of no use.
        Err(error) => Verdict {
            state: "malformed",
            reason: Some(error.to_string()),
            ..Verdict::of(None, State::Unknown)
        },
    };
    if !verdict.holds && verdict.reason.is_none() {
        verdict.reason = Some(reason(&verdict, path));
    }
    let printed = arguments
        .printing
        .show(&verdict, |verdict| format!("{}\n", verdict.state));
    let concluded = verdict.reason.map(Failure::Invalid);
    judged(printed, concluded.map_or(Ok(()), Err))
}

fn reason(verdict: &Verdict, path: &Path) -> String {
    let link = verdict.broken_link.map_or_else(String::new, |link| {
        format!(" in signet {link} of its chain")
    });
    let (named, state) = (input::named(path), verdict.state);
    format!("{named} does not hold: {state}{link}")
}

impl Verdict {
    /// Nothing of this kind holds in this state yet.
    fn of(kind: Option<SignetKind>, state: State) -> Verdict {
        Verdict {
            kind: kind.map(kind_word),
            holds: false,
            state: state_word(state),
            broken_link: None,
            organization_anchored: None,
            reason: None,
        }
    }
}

fn judge(signet: &Signet, arguments: &Arguments) -> Result<Verdict, Failure> {
    let record = arguments.record.as_deref().map(input::record).transpose()?;
    let poks = record.map(|record| record.poks);
    let name = arguments.name.as_deref();
    let mut verdict = Verdict::of(Some(signet.kind()), State::Unknown);
    let state = match signet.kind() {
        SignetKind::Organization => {
            let poks = poks.ok_or_else(|| needs("an organization's signet", "record"))?;
            validate_organization(signet, &poks, name)
        }
        SignetKind::User => {
            let (state, link) = match judge_user(signet, arguments, poks.as_deref(), name) {
                Ok(judged) => judged,
                // It is the organization that does not hold, so that nothing is known of its user.
                Err(Failure::Invalid(reason)) => {
                    verdict.reason = Some(reason);
                    (State::Unknown, None)
                }
                Err(failure) => return Err(failure),
            };
            verdict.broken_link = link;
            verdict.organization_anchored = Some(poks.is_some());
            state
        }
        SignetKind::Request => {
            let previous = arguments.previous.last();
            let previous = previous.map(|path| input::signet(path)).transpose()?;
            validate_request(signet, previous.as_ref())
        }
    };
    verdict.state = state_word(state);
    verdict.holds = match signet.kind() {
        SignetKind::Request => state == State::Request,
        SignetKind::Organization | SignetKind::User => state >= State::Full,
    };
    Ok(verdict)
}

/// The state of the user's signet, and which link of its chain does not hold.
fn judge_user(
    signet: &Signet,
    arguments: &Arguments,
    poks: Option<&[VerifyingKey]>,
    name: Option<&str>,
) -> Result<(State, Option<usize>), Failure> {
    if arguments.organization.is_empty() {
        return Err(needs("a user's signet", "organization"));
    }
    let mut organizations = Vec::new();
    for path in &arguments.organization {
        organizations.push(organization(path, poks)?);
    }
    let organizations: Vec<&Signet> = organizations.iter().collect();
    let earlier = arguments.previous.iter().map(|path| input::signet(path));
    let mut chain = earlier.collect::<Result<Vec<_>, Failure>>()?;
    chain.push(signet.clone());
    let alone = chain.len() == 1;
    Ok(match validate_chain(&chain, None, &organizations, name) {
        Ok(chain) => {
            let state = chain.links().last().map(|(_, state)| state);
            (state.unwrap_or(State::Unknown), None)
        }
        Err(ChainError::NoOrganization) => (State::Unknown, None),
        Err(ChainError::BrokenCustody { link, .. }) => {
            (State::BrokenCustody, (!alone).then_some(link))
        }
        Err(ChainError::NotValid { link, state }) => (state, (!alone).then_some(link)),
        Err(error @ (ChainError::Empty | ChainError::TooLong)) => {
            return Err(Failure::unusable(error));
        }
    })
}

/// The signet of an organization, checked against the record if there is one.
fn organization(path: &Path, poks: Option<&[VerifyingKey]>) -> Result<Signet, Failure> {
    let signet = input::signet_of(path, SignetKind::Organization)?;
    if let Some(poks) = poks {
        let state = validate_organization(&signet, poks, None);
        if !state.is_valid() {
            let (named, state) = (input::named(path), state_word(state));
            return Err(Failure::Invalid(format!("{named} does not hold: {state}")));
        }
    }
    Ok(signet)
}

fn needs(kind: &str, option: &str) -> Failure {
    Failure::Unusable(format!("{kind} is judged with --{option}"))
}
