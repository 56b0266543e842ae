//! Reference implementation of DIME.
//!
//! Sessions ([`platform`]-free, sans-IO), agents that drive them, and the resolver that decides
//! whom to trust. Everything reaches the outside through [`platform::Platform`].

pub mod agent;
pub mod daemon;
pub mod dmap;
pub mod dmtp;
pub mod dns;
pub mod files;
pub mod large;
pub mod live;
pub mod platform;
pub mod resolver;
pub mod session;
pub mod tls;
pub mod vectors;
