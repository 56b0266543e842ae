//! dimespec: a conformance test harness and deterministic network simulator for DIME.

//TMP pub mod ledger;
pub mod net;
//TMP pub mod world;
