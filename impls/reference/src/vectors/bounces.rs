//! Bounces, of our own vectors: what origin and author make of what a destination returned.

use dime_wire::message::{
    Actor, Bounce, BounceExtent, Envelope, Message, OpenError, Opened, verify_bounce_as_author,
    verify_bounce_as_origin,
};
use serde_json::{Value, json};

use super::judge::each;
use super::messages::{Cast, Refusal};
use super::messages_corrupt::compare_opened;
use super::{Context, Entry, FolderError, Judge};

/// Judges `bounces.json`.
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
        let bytes = case.at("bounce_b64").base64()?;
        let bounce = Bounce::parse(&bytes);
        let mut all_accept = true;
        for (name, recorded) in case.at("actors").members()? {
            let opened = match (name, &bounce) {
                ("author", Ok(bounce)) => author(bounce, &cast),
                ("origin", Ok(bounce)) => origin(bounce, &cast),
                ("author" | "origin", Err(error)) => Err(Refusal::Open(error.clone())),
                _ => return Err(recorded.is_not("author or origin")),
            };
            let actor = if name == "author" {
                Actor::Author
            } else {
                Actor::Origin
            };
            let own = if opened.is_ok() { "accept" } else { "reject" };
            found.equal("verdict", own, recorded.at("verdict").text()?);
            found.with("actor", name);
            match opened {
                Ok(opened) if found.agreed() => {
                    compare_opened(actor, &opened, &recorded, found)?;
                }
                Ok(_) => {}
                Err(error) => {
                    all_accept = false;
                    found.because(error);
                }
            }
        }
        if let (Ok(bounce), true) = (&bounce, all_accept) {
            found.equal("extent", extent(bounce), case.at("extent").value().clone());
            let sent = case.at("sent_b64");
            let bytes = sent.base64()?;
            let message = Message::parse(&bytes).map_err(|_| sent.is_not("a message"))?;
            let recorded = case.at("is_of_sent").boolean()?;
            found.equal("is of the sent message", bounce.is_of(&message), recorded);
        }
        Ok(Value::Null)
    })
}

fn author(bounce: &Bounce<'_>, cast: &Cast) -> Result<Opened, Refusal> {
    let key = cast.key(Actor::Author).ok_or(Refusal::NoKey)?;
    let kept = cast.ephemeral_alternate();
    verify_bounce_as_author(bounce, key, &cast.all_signets()?, kept).map_err(Refusal::Open)
}

/// The origin learns an envelope and nothing else.
fn origin(bounce: &Bounce<'_>, cast: &Cast) -> Result<Opened, Refusal> {
    let key = cast.key(Actor::Origin).ok_or(Refusal::NoKey)?;
    let signet = cast.signet(Actor::Origin)?;
    let seen = verify_bounce_as_origin(bounce, key, signet);
    let seen = seen.map_err(|error: OpenError| Refusal::Open(error))?;
    Ok(Opened {
        envelope: Envelope {
            author: Some(seen.author),
            author_fingerprint: Some(seen.author_fingerprint),
            destination: Some(seen.destination),
            destination_fingerprint: Some(seen.destination_fingerprint),
            ..Envelope::default()
        },
        hardened: seen.message_key.is_some(),
        ..Opened::default()
    })
}

fn extent(bounce: &Bounce<'_>) -> Value {
    json!(match bounce.extent() {
        BounceExtent::Metadata => "metadata",
        BounceExtent::Display => "display",
        BounceExtent::Full => "full",
    })
}
