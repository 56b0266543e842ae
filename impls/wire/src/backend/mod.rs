//! Which libraries do the arithmetic: pure Rust by default, C and assembler with the feature `fast`.
//!
//! The rest of the crate sees the names below and nothing of the libraries. Both sets make the same
//! bytes and refuse the same keys, signatures and points; under `fast` both are compiled in, and
//! tests hold one against the other.

#[cfg(feature = "fast")]
mod fast;
#[cfg_attr(
    feature = "fast",
    allow(dead_code, reason = "what `fast` replaces stays as the measure")
)]
mod pure;
#[cfg(test)]
mod tests;

#[cfg(feature = "fast")]
use fast as active;
#[cfg(not(feature = "fast"))]
use pure as active;

pub use active::Sha512;
pub(crate) use active::{
    Point, SigningKey, VerifyingKey, decrypt_cbc, decrypt_cbc_to_vec, encrypt_cbc, open_gcm,
    seal_gcm,
};
/// SHA-512 for what becomes a key: nothing of the result stays but what is returned, to be wiped.
pub(crate) use pure::Sha512 as SecretSha512;

/// A primitive and the library that computes it in this build.
pub type BackEnd = (&'static str, &'static str);

/// What this build computes its primitives with.
pub const BACK_ENDS: [BackEnd; 6] = active::BACK_ENDS;
