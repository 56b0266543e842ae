//! Damaged and crafted messages: every actor's verdict, and where it fell. In our own vectors good
//! messages, too, with what their readers shall find in them.

use dime_wire::message::{Actor, Message, Opened};
use serde_json::{Value, json};

use super::judge::each;
use super::message_facts;
use super::messages::{Cast, Refusal, compare_completeness, compare_verdict};
use super::messages_valid::{compare_contents, compare_envelope};
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
    each(file.at("cases").items()?, judge, |case, found| {
        let world = context.worlds.of_case(case)?;
        let given = case.at("context");
        let cast = Cast::of(world, &given.at("signets"), &given.at("private_keys"))?
            .with_alternate_keys(world, &given)?;
        let bytes = case.at("message_b64").base64()?;
        let facts = message_facts::gather(&bytes, &cast);
        let message = Message::parse(&bytes);
        for (name, recorded) in case.at("actors").members()? {
            let actor = Actor::ALL.into_iter().find(|actor| actor.name() == name);
            let actor = actor.ok_or_else(|| recorded.is_not("one of the four actors"))?;
            let opened = match &message {
                Ok(message) => cast.open(message, actor),
                Err(error) => Err(Refusal::Open(error.clone().into())),
            };
            compare_verdict(actor, &opened, &recorded, found)?;
            if let (Ok(opened), true) = (&opened, found.agreed()) {
                compare_opened(actor, opened, &recorded, found)?;
            }
            if let Ok(message) = &message {
                let state = recorded.at("message_state");
                compare_completeness(message, state.value(), actor, found);
            }
        }
        if let (Ok(message), Some(chunks)) = (&message, case.optional("chunks")) {
            found.equal(
                "payload sizes",
                payload_sizes(message),
                chunks.value().clone(),
            );
        }
        Ok(facts)
    })
}

/// Compares what an actor finds in a message with what is recorded of it, if anything is.
pub(super) fn compare_opened(
    actor: Actor,
    opened: &Opened,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    if let Some(envelope) = recorded.optional("envelope") {
        compare_envelope(actor, &opened.envelope, &envelope, found);
    }
    if recorded.optional("common_headers").is_some() {
        compare_contents(actor, opened, recorded, found)?;
    }
    if let Some(hardened) = recorded.optional("hardened") {
        found.equal("hardened", opened.hardened, hardened.boolean()?);
        found.with("actor", actor.name());
    }
    Ok(())
}

fn payload_sizes(message: &Message<'_>) -> Value {
    let chunks = message.chunks().iter();
    let sizes = chunks
        .map(|chunk| json!({ "type": chunk.kind as u8, "payload_size": chunk.payload.len() }));
    sizes.collect()
}
