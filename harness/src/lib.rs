//! dimespec: a conformance test harness and deterministic network simulator for DIME.

pub mod ledger;
pub mod net;
pub mod world;
