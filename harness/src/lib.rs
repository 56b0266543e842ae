//! dimespec: a conformance test harness and deterministic network simulator for DIME.

pub mod ledger;
pub mod net;
pub mod scenario;
pub mod world;
