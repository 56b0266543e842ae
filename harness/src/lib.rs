//! dimespec: a conformance test harness and deterministic network simulator for DIME.
//!
//! [`Suite`] is the way in: it picks scenarios, a cast and a stage, and runs them. Everything else is
//! the way of a verdict, from left to right: [`scenario`], [`world`], [`ledger`], [`net`], [`actors`],
//! [`run`], [`knowledge`], [`outcome`].

pub mod actors;
mod case;
mod files;
mod kills;
pub mod knowledge;
pub mod ledger;
pub mod net;
pub mod outcome;
pub mod run;
pub mod scenario;
mod suite;
pub mod world;

pub use actors::{Cast, CastError};
pub use kills::{Kill, KillsError, KnownTooMuch, kills};
pub use run::interrupted;
pub use suite::Suite;
