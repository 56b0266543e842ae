//! Damaged and crafted messages: every actor's verdict, and where it fell.

use dime_wire::message::{Actor, Message};

use super::judge::each;
use super::message_facts;
use super::messages::{Cast, Refusal, compare_completeness, compare_verdict};
use super::{Comparisons, Context, Entry, FolderError, Judge};

/// Whether a file holds messages with verdicts, but not what they were made of.
pub(super) fn recognizes(file: &Entry<'_>) -> bool {
    let cases = file.at("cases").items().unwrap_or_default();
    let is_case = |case: &Entry<'_>| {
        case.optional("actors").is_some() && case.at("context").optional("private_keys").is_some()
    };
    !cases.is_empty() && cases.iter().all(is_case)
}

/// Judges `messages_corrupt.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(&file.at("cases"), |case| {
        let world = context.worlds.of_case(case)?;
        let given = case.at("context");
        let cast = Cast::of(world, &given.at("signets"), &given.at("private_keys"))?;
        let bytes = case.at("message_b64").base64()?;
        let facts = message_facts::gather(&bytes, &cast);
        let mut found = Comparisons::new();
        let message = Message::parse(&bytes);
        for (name, recorded) in case.at("actors").members()? {
            let actor = Actor::ALL.into_iter().find(|actor| actor.name() == name);
            let actor = actor.ok_or_else(|| recorded.is_not("one of the four actors"))?;
            let opened = match &message {
                Ok(message) => cast.open(message, actor),
                Err(error) => Err(Refusal::Open(error.clone().into())),
            };
            compare_verdict(actor, &opened, &recorded, &mut found)?;
            if let Ok(message) = &message {
                let state = recorded.at("message_state");
                compare_completeness(message, state.value(), actor, &mut found);
            }
        }
        judge.case(case, &facts, &found);
        Ok(())
    })
}
