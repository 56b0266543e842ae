//! Chains of custody, of our own vectors: the verdict on the chain, the link that fails, and which
//! signet an old letter's fingerprint leads to.

use dime_wire::signet::{ChainError, CustodyBreak, Fingerprint, Signet, validate_chain};
use serde_json::{Value, json};

use super::judge::each;
use super::{Comparisons, Context, Entry, FolderError, Judge, World};

/// Judges `custody.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(&file.at("cases"), |case| {
        let world = context.worlds.of_case(case)?;
        let mut found = Comparisons::new();
        chain(case, world, &mut found)?;
        judge.case(case, &Value::Null, &found);
        Ok(())
    })
}

fn chain(case: &Entry<'_>, world: &World<'_>, found: &mut Comparisons) -> Result<(), FolderError> {
    let given = case.at("context");
    let signets = signets(&case.at("chain"), world)?;
    let organizations = self::signets(&given.at("organizations"), world)?;
    let organizations: Vec<&Signet> = organizations.iter().collect();
    let trusted = given.optional("trusted");
    let trusted = trusted.map(|name| signet(&name, world)).transpose()?;
    let address = given.optional("address");
    let address = address.map(|address| address.text()).transpose()?;
    let ours = validate_chain(&signets, trusted.as_ref(), &organizations, address);
    let expected = case.at("expected");
    found.equal(
        "chain",
        described(ours.as_ref().err()),
        expected.value().clone(),
    );
    let chain = match ours {
        Ok(chain) => chain,
        Err(error) => {
            found.because(error);
            return Ok(());
        }
    };
    for wanted in case.at("find").items()? {
        let print = wanted.at("fingerprint");
        let print = Fingerprint::parse(print.text()?).map_err(|_| print.is_not("a fingerprint"))?;
        let position = chain.find(&print).and_then(|signet| {
            let mut links = chain.links();
            links.position(|(link, _)| link == signet)
        });
        let recorded = wanted.at("position").value().clone();
        found.equal("found", json!(position), recorded);
        found.with("fingerprint", print.to_string());
    }
    Ok(())
}

/// The verdict as the file has it.
fn described(error: Option<&ChainError>) -> Value {
    match error {
        None => json!({ "verdict": "valid" }),
        Some(ChainError::BrokenCustody { link, cause }) => {
            let cause = match cause {
                CustodyBreak::Reset => "reset",
                CustodyBreak::NoPredecessor => "no-predecessor",
                CustodyBreak::Signature => "signature",
            };
            json!({ "verdict": "broken", "link": link, "cause": cause })
        }
        Some(ChainError::NotValid { link, .. }) => json!({ "verdict": "invalid", "link": link }),
        Some(ChainError::NoOrganization) => json!({ "verdict": "no-organization" }),
        Some(ChainError::Empty | ChainError::TooLong) => json!({ "verdict": "refused" }),
    }
}

fn signets(names: &Entry<'_>, world: &World<'_>) -> Result<Vec<Signet>, FolderError> {
    let names = names.items()?;
    names.iter().map(|name| signet(name, world)).collect()
}

fn signet(name: &Entry<'_>, world: &World<'_>) -> Result<Signet, FolderError> {
    let read = world.signet_at(name)?;
    read.map_err(|error| name.is_not(format!("the name of a signet ({error})")))
}
