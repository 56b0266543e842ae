//! `dime message show`: what anybody sees of a message, without any key.

use dime_wire::encoding::encode_unpadded;
use dime_wire::message::{Actor, ChunkType, Message};
use serde::Serialize;

use super::{read, unusable};
use crate::output::Printing;
use crate::{Failure, input};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: input::Subject,
    #[command(flatten)]
    printing: Printing,
}

/// The outside of a message in JSON.
#[derive(Serialize)]
struct Shown {
    /// Size in bytes, tracing included.
    size: usize,
    /// Size of the tracing data in front, if there is any.
    tracing: Option<usize>,
    /// What identifies the message on all its way: unpadded base64 of SHA-512 over the chunks from
    /// the ephemeral key through the author's signature.
    identity: String,
    chunks: Vec<ShownChunk>,
}

#[derive(Serialize)]
struct ShownChunk {
    /// The type byte.
    kind: u8,
    name: &'static str,
    /// Where its type byte stands.
    offset: usize,
    /// Size of the payload in bytes.
    payload: usize,
    /// Who can open it.
    readers: Vec<&'static str>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.subject.file;
    let bytes = read(path)?;
    let message = Message::parse(&bytes).map_err(|error| unusable(path, &error))?;
    arguments
        .printing
        .show(&shown(&message, bytes.len()), outline)
}

fn shown(message: &Message<'_>, size: usize) -> Shown {
    let chunks = message.chunks().iter().map(|chunk| ShownChunk {
        kind: chunk.kind as u8,
        name: chunk.kind.name(),
        offset: chunk.offset,
        payload: chunk.payload.len(),
        readers: match chunk.kind {
            ChunkType::Ephemeral => vec!["everybody"],
            kind => kind
                .slots()
                .iter()
                .map(|actor| Actor::name(*actor))
                .collect(),
        },
    });
    Shown {
        size,
        tracing: message.tracing().map(<[u8]>::len),
        identity: encode_unpadded(&message.identity()),
        chunks: chunks.collect(),
    }
}

fn outline(shown: &Shown) -> String {
    let mut text = format!("size      {} bytes\n", shown.size);
    if let Some(tracing) = shown.tracing {
        text += &format!("tracing   {tracing} bytes\n");
    }
    text += &format!("identity  {}\nchunks\n", shown.identity);
    for chunk in &shown.chunks {
        text += &format!(
            "  {:>3}  {:<17} {:>9} bytes at {:>9}  {}\n",
            chunk.kind,
            chunk.name,
            chunk.payload,
            chunk.offset,
            chunk.readers.join(", ")
        );
    }
    text
}
