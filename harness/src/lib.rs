//! dimespec: a conformance test harness and deterministic network simulator for DIME.

pub mod scenario;
