//! The networks a world runs on: the simulated one and the real one, what is served on them, and
//! the recorder that sees every byte.

pub mod dns;
pub mod entropy;
pub mod live;
#[cfg(feature = "sim")]
pub mod sim;
pub mod tap;
