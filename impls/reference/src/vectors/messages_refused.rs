//! Letters that libdime refuses to turn into a message.

use dime_wire::keys::SigningKey;
use dime_wire::message::{Actor, Letter, Part, SealOptions, StreamEntropy, seal};
use dime_wire::signet::SignetKind;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use serde_json::{Value, json};

use super::judge::{broke_memory, each};
use super::message_facts::signets_are_of_their_kind;
use super::messages::Cast;
use super::messages_valid::common_headers;
use super::{Context, Entry, FolderError, Judge, World};

/// Most display parts that a case may ask for.
const MAXIMUM_PARTS: usize = 1024;

/// Whether a file holds letters and whether they can be sealed.
pub(super) fn recognizes(file: &Entry<'_>) -> bool {
    let cases = file.at("cases").items().unwrap_or_default();
    let verdict = |case: &Entry<'_>| case.at("libdime").optional("encrypt_ok").is_some();
    !cases.is_empty() && cases.iter().all(verdict)
}

/// Judges `messages_encrypt_errors.json`.
pub(super) fn check(
    context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(file.at("cases").items()?, judge, |case, found| {
        let world = context.worlds.of_case(case)?;
        let (inputs, libdime) = (case.at("inputs"), case.at("libdime"));
        let cast = Cast::of(world, &inputs.at("signets"), &Entry::root("", &Value::Null))?;
        let letter = letter(world, &inputs)?;
        // Apart from other headers, is all there that libdime needs?
        let kinds = cast.all_signets().is_ok_and(|signets| {
            let users = [signets.author, signets.recipient];
            users.iter().all(|user| user.kind() == SignetKind::User)
        });
        let could_be_sealed = letter.as_ref().is_some_and(|it| !it.display.is_empty()) && kinds;
        let facts = json!({
            "other_headers": letter.as_ref().map_or(0, |letter| letter.other_headers.len()),
            "could_be_sealed": could_be_sealed,
            "signets_are_of_their_kind": signets_are_of_their_kind(Actor::Author, &cast),
        });
        let author = world.keys("author")?.signing;
        let sealed = match &letter {
            Some(letter) => attempt(letter, &cast, &author),
            None => Err("a required common header is missing".to_owned()),
        };
        if broke_memory(&libdime) {
            found.broke_memory("libdime broke memory", sealed.is_err());
        } else {
            let recorded = libdime.at("encrypt_ok").boolean()?;
            found.equal("sealing", sealed.is_ok(), recorded);
        }
        if let Some(detail) = libdime.optional("detail") {
            found.with("recorded detail", detail.value().clone());
        }
        if let Err(why) = sealed {
            found.because(why);
        }
        Ok(facts)
    })
}

/// The letter; the cases tell neither names nor contents, so they come from the world. Nothing if a
/// required header is missing: a letter of ours always has them.
fn letter(world: &World<'_>, inputs: &Entry<'_>) -> Result<Option<Letter>, FolderError> {
    let count = inputs.at("display_count");
    let parts = count.number()?;
    if parts > MAXIMUM_PARTS {
        return Err(count.is_not(format!("at most {MAXIMUM_PARTS}")));
    }
    let headers = inputs.at("common_headers");
    let required = ["date", "to", "from", "subject"];
    if !required
        .iter()
        .all(|label| headers.optional(label).is_some())
    {
        return Ok(None);
    }
    let other = inputs.optional("other_headers_b64");
    Ok(Some(Letter {
        author: world.name("author_address")?.to_owned(),
        recipient: world.name("recipient_address")?.to_owned(),
        origin: world.name("origin_domain")?.to_owned(),
        destination: world.name("destination_domain")?.to_owned(),
        common: common_headers(&headers)?,
        other_headers: other.map_or(Ok(Vec::new()), |other| other.base64())?,
        display: vec![Part::plain("text"); parts],
        attachments: Vec::new(),
    }))
}

/// Seals with random values that nobody keeps: only whether it works is looked at.
fn attempt(letter: &Letter, cast: &Cast, author: &SigningKey) -> Result<(), String> {
    let signets = cast.all_signets().map_err(|refusal| refusal.to_string())?;
    let mut entropy = StreamEntropy(ChaCha20Rng::from_seed([0; 32]));
    let options = SealOptions::default();
    let sealed = seal(letter, &signets, author, &mut entropy, &options);
    sealed.map(drop).map_err(|error| error.to_string())
}
