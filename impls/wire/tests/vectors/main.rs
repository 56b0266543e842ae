//! Everything recorded from libdime, one module per topic. Where we differ on purpose, an entry of
//! `scenarios/rulings.yaml` says so; a difference without a ruling fails, and so does a ruling
//! that nothing uses.

mod corpus;
mod messages;
mod rulings;
mod signets;
