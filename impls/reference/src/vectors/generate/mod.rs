//! Our own vectors, in the format of the recorded ones (`dime vectors generate`): what libdime has no
//! cases of. Deterministic: every key and random value comes from a hash of its name.
//!
//! Expected verdicts are stated here, case by case, by whoever wrote the case, from the notes and
//! rulings; nothing is judged while generating. What an actor shall read is what the letter said.

mod bounces;
mod custody;
mod damage;
mod messages;
mod world;

use std::collections::BTreeMap;

use dime_wire::message::{OpenError, SealError};
use dime_wire::signet::SignetError;
use serde_json::{Value, json};

/// What made a case impossible; a mistake in its description.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A signet was not made.
    #[error("failed to make a signet: {0}")]
    Signet(#[from] SignetError),
    /// A letter was not sealed.
    #[error("failed to seal a letter: {0}")]
    Seal(#[from] SealError),
    /// A message was not signed, bounced or taken apart.
    #[error("failed to make a message: {0}")]
    Message(#[from] OpenError),
    /// A case names what the world does not have.
    #[error("the world has no {0}")]
    Unknown(String),
    /// A file was not written as JSON.
    #[error("failed to write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The files of our own vectors, by name. The same every time.
pub fn generate() -> Result<BTreeMap<String, Vec<u8>>, GenerateError> {
    let world = world::World::new()?;
    let files = [
        ("worlds.json", json!({ "worlds": [world.to_json()] })),
        (
            "messages_alternate.json",
            cases(messages::alternate(&world)?),
        ),
        ("messages_hardened.json", cases(messages::hardened(&world)?)),
        ("messages_parts.json", cases(messages::parts(&world)?)),
        (
            "messages_signatures.json",
            cases(messages::signatures(&world)?),
        ),
        ("bounces.json", cases(bounces::all(&world)?)),
        ("custody.json", cases(custody::all(&world)?)),
    ];
    let mut out = BTreeMap::new();
    for (name, mut file) in files {
        if let Some(members) = file.as_object_mut() {
            members.insert(
                "generator".to_owned(),
                json!("dime vectors generate, version 1"),
            );
        }
        let mut text = serde_json::to_vec_pretty(&file)?;
        text.push(b'\n');
        out.insert(name.to_owned(), text);
    }
    Ok(out)
}

fn cases(cases: Vec<Value>) -> Value {
    json!({ "cases": cases })
}
