//! Agents: the parties that hold keys and keep promises.
//!
//! [`server::OrganizationAgent`] plays origin and destination, [`client::UserAgent`] author and
//! recipient. [`drive`] carries bytes between sessions and streams, [`dialogue`] has the clients'
//! side of conversations.

pub mod client;
pub mod dialogue;
pub mod drive;
pub mod server;
