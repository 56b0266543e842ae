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
    /// `organization`, `user` or `request`.
    kind: &'static str,
    /// Whether the signet may be relied upon: an organization's or user's signet that is at least
    /// full, or a sound request.
    holds: bool,
    /// What validation came to: `unknown`, `incomplete`, `broken-custody`, `invalid`,
    /// `request`, `cryptographic`, `full` or `identified`.
    state: &'static str,
    /// Where a chain of custody breaks: the position of the signet, 0 for the oldest.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_link: Option<usize>,
    /// Whether the signet of the user's organization was itself checked against its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_anchored: Option<bool>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    // What can be read and is no signet is not valid, rather than of no use.
    let signet = files::parse_signet(path, input::bytes(path)?).map_err(Failure::invalid)?;
    let verdict = judge(&signet, arguments)?;
    let printed = arguments
        .printing
        .show(&verdict, |verdict| format!("{}\n", verdict.state));
    judged(printed, concluded(&verdict, path))
}

fn concluded(verdict: &Verdict, path: &Path) -> Result<(), Failure> {
    if verdict.holds {
        return Ok(());
    }
    let link = verdict.broken_link.map_or_else(String::new, |link| {
        format!(" in signet {link} of its chain")
    });
    Err(Failure::Invalid(format!(
        "{} does not hold: {}{link}",
        input::named(path),
        verdict.state
    )))
}

fn judge(signet: &Signet, arguments: &Arguments) -> Result<Verdict, Failure> {
    let record = arguments.record.as_deref().map(input::record).transpose()?;
    let poks = record.map(|record| record.poks);
    let name = arguments.name.as_deref();
    let mut verdict = Verdict {
        kind: kind_word(signet.kind()),
        holds: false,
        state: "unknown",
        broken_link: None,
        organization_anchored: None,
    };
    let state = match signet.kind() {
        SignetKind::Organization => {
            let poks = poks.ok_or_else(|| needs("an organization's signet", "record"))?;
            validate_organization(signet, &poks, name)
        }
        SignetKind::User => {
            let (state, link) = judge_user(signet, arguments, poks.as_deref(), name)?;
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
