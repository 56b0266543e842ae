//! D/MIME messages: sealed by the author, signed by the origin, opened by each actor as far as it
//! may (spec/30, spec/95 items 31 to 44).
//!
//! [`seal`] makes the author's object, [`sign_as_origin`] completes it, `open_as_*` verify and read it,
//! [`Message`] is its strict structure, [`Bounce`] what comes back of it. [`cipher`] has the primitives for whoever takes messages
//! apart with keys in hand.

mod bounce;
mod chunk;
pub mod cipher;
mod content;
mod entropy;
mod envelope;
mod headers;
mod letter;
mod open;
mod origin;
mod payload;
mod pieces;
mod policy;
mod seal;
mod signatures;
pub mod stream;
mod view;
mod workers;

pub use bounce::{
    Bounce, BounceExtent, bounce_as_destination, verify_bounce_as_author, verify_bounce_as_origin,
};
pub use chunk::{
    Actor, Chunk, ChunkType, KEYSLOT_SIZE, MAXIMUM_CHUNKS, MAXIMUM_MESSAGE, MAXIMUM_PAYLOAD,
    MESSAGE_MAGIC, Message, ParseError, Section, TRACING_MAGIC,
};
pub use content::{ExpandError, MAXIMUM_EXPANSION, Part};
pub use entropy::{MessageEntropy, StreamEntropy};
pub use envelope::{DestinationEnvelope, Envelope, EnvelopeError, OriginEnvelope};
pub use headers::{CommonHeaders, HeaderError};
pub use letter::{Letter, Signets};
pub use open::{
    DestinationSignets, OpenError, Opened, OriginSignets, open_as_author, open_as_author_with,
    open_as_destination, open_as_destination_with, open_as_origin, open_as_origin_with,
    open_as_recipient, open_as_recipient_with, read_destination_envelope, read_origin_envelope,
    read_recipient_envelopes,
};
pub use origin::{Bounces, sign_as_origin};
pub use payload::{Flags, PAYLOAD_HEAD, Padding};
pub use pieces::pieces;
pub use policy::{OriginKeys, ReadPolicy};
pub use seal::{MAXIMUM_PART, SealError, SealOptions, seal};
pub use signatures::{TreeSignature, tree_signature_input};
pub use workers::Workers;

#[cfg(test)]
mod tests;
