//! Bounces: what a destination returns, and what origin and author make of it.

use dime_wire::encoding::encode_padded;
use dime_wire::message::{
    Actor, BounceExtent, Bounces, ChunkType, Message, OpenError, Part, bounce_as_destination,
};
use serde_json::{Value, json};

use super::GenerateError;
use super::damage::{chunks, rebuilt, with_chunk_of, with_flipped, without};
use super::draft::Draft;
use super::world::{self, World};

/// A bounce and what is expected of it.
struct Bounced<'a> {
    id: &'a str,
    what: &'a str,
    bounce: Vec<u8>,
    /// The message it is said to return.
    sent: &'a [u8],
    /// Its extent if it is accepted.
    accepted: Option<BounceExtent>,
    /// Whether it returns `sent`.
    is_of: bool,
}

/// `bounces.json`.
pub(super) fn all(world: &World) -> Result<Vec<Value>, GenerateError> {
    let draft = Draft::new().with(|draft| {
        draft.letter.display.push(Part::plain("A second part."));
        draft.letter.attachments.push(Part::plain("An attachment."));
    });
    let sent = draft.message(world, "bounces/sent")?;
    let other = draft.message(world, "bounces/another")?;
    let mut out = Vec::new();
    for (id, what, extent) in [
        (
            "bounces/metadata",
            "Envelope, metadata and chunk 248.",
            BounceExtent::Metadata,
        ),
        (
            "bounces/display",
            "Envelope, metadata, display and chunk 249.",
            BounceExtent::Display,
        ),
        ("bounces/full", "The whole message.", BounceExtent::Full),
    ] {
        out.push(Bounced {
            id,
            what,
            bounce: bounce(&sent, extent)?,
            sent: &sent,
            accepted: Some(extent),
            is_of: true,
        });
    }
    out.push(Bounced {
        id: "bounces/of-another-message",
        what: "A good bounce, but of another message of the same author.",
        bounce: bounce(&other, BounceExtent::Display)?,
        sent: &sent,
        accepted: Some(BounceExtent::Display),
        is_of: false,
    });
    out.extend(refused(&draft, world, &sent, &other)?);
    let cases = out.iter().map(|bounced| case(&draft, world, bounced));
    let mut cases = cases.collect::<Result<Vec<_>, _>>()?;
    cases.push(hardened(&draft, world)?);
    Ok(cases)
}

/// Chunk 4 is in every bounce, and so the key that verifies chunk 5 of a hardened message.
fn hardened(draft: &Draft, world: &World) -> Result<Value, GenerateError> {
    let hardened = draft.clone().with(|draft| draft.options.hardened = true);
    let sent = hardened.message(world, "bounces/sent-hardened")?;
    let bounced = Bounced {
        id: "bounces/hardened",
        what: "A metadata bounce of a hardened message.",
        bounce: bounce(&sent, BounceExtent::Metadata)?,
        sent: &sent,
        accepted: Some(BounceExtent::Metadata),
        is_of: true,
    };
    case(&hardened, world, &bounced)
}

/// Bounces that origin and author refuse.
fn refused<'a>(
    draft: &Draft,
    world: &World,
    sent: &'a [u8],
    other: &[u8],
) -> Result<Vec<Bounced<'a>>, GenerateError> {
    let rows = damaged(draft, world, sent, other)?;
    let refused = rows.into_iter().map(|(id, what, bounce)| Bounced {
        id,
        what,
        bounce,
        sent,
        accepted: None,
        is_of: false,
    });
    Ok(refused.collect())
}

type Damaged = (&'static str, &'static str, Vec<u8>);

/// Bounces that origin and author refuse: id, what is wrong, and the bytes.
fn damaged(
    draft: &Draft,
    world: &World,
    sent: &[u8],
    other: &[u8],
) -> Result<Vec<Damaged>, GenerateError> {
    let metadata = bounce(sent, BounceExtent::Metadata)?;
    let display = bounce(sent, BounceExtent::Display)?;
    let unsigned = draft.authored(world, "bounces/sent")?;
    let display_chunk = chunks(sent)?
        .into_iter()
        .find(|(kind, _)| *kind == ChunkType::Display);
    let traced = [&[0x07, 0x2d, 0, 1, b't'], metadata.as_slice()].concat();
    Ok(vec![
        (
            "bounces/signature-of-another-message",
            "Chunk 248 is that of another message.",
            with_chunk_of(&metadata, ChunkType::MetadataBounce, other)?,
        ),
        (
            "bounces/never-signed",
            "Chunk 249 holds the author's 64 zero bytes.",
            with_chunk_of(&display, ChunkType::DisplayBounce, &unsigned)?,
        ),
        (
            "bounces/flipped",
            "A bit of the common headers changed.",
            with_flipped(&metadata, ChunkType::CommonHeaders)?,
        ),
        (
            "bounces/more-than-its-signature-covers",
            "A metadata bounce with a display chunk.",
            rebuilt(&metadata, |chunks| {
                let end = chunks.len().saturating_sub(1);
                chunks.splice(end..end, display_chunk);
            })?,
        ),
        (
            "bounces/less-than-its-signature-covers",
            "A display bounce without its display chunks.",
            without(&display, ChunkType::Display)?,
        ),
        (
            "bounces/no-signature",
            "A metadata bounce without chunk 248.",
            without(&metadata, ChunkType::MetadataBounce)?,
        ),
        (
            "bounces/no-origin-envelope",
            "A metadata bounce without chunk 4, so that nobody knows whom to tell.",
            without(&metadata, ChunkType::Origin)?,
        ),
        (
            "bounces/traced",
            "A metadata bounce with tracing in front.",
            traced,
        ),
        ("bounces/empty", "No bytes at all.", Vec::new()),
    ])
}

fn bounce(sent: &[u8], extent: BounceExtent) -> Result<Vec<u8>, GenerateError> {
    let message = Message::parse(sent).map_err(OpenError::from)?;
    Ok(bounce_as_destination(&message, extent)?)
}

fn case(draft: &Draft, world: &World, bounced: &Bounced<'_>) -> Result<Value, GenerateError> {
    let mut actors = serde_json::Map::new();
    for actor in [Actor::Author, Actor::Origin] {
        let told = match bounced.accepted {
            None => json!({ "verdict": "reject" }),
            Some(extent) => returned(draft, extent).read_by(world, actor)?,
        };
        actors.insert(actor.name().to_owned(), told);
    }
    let extent = bounced.accepted.map(|extent| match extent {
        BounceExtent::Metadata => "metadata",
        BounceExtent::Display => "display",
        BounceExtent::Full => "full",
    });
    Ok(json!({
        "id": bounced.id,
        "description": bounced.what,
        "world": world::ID,
        "bounce_b64": encode_padded(&bounced.bounce),
        "sent_b64": encode_padded(bounced.sent),
        "context": draft.context(bounced.id),
        "extent": extent,
        "is_of_sent": bounced.is_of,
        "actors": actors,
    }))
}

/// The letter as far as it comes back.
fn returned(draft: &Draft, extent: BounceExtent) -> Draft {
    draft.clone().with(|draft| {
        draft.bounces = Bounces::default();
        if extent != BounceExtent::Full {
            draft.letter.attachments.clear();
        }
        if extent == BounceExtent::Metadata {
            draft.letter.display.clear();
        }
    })
}
