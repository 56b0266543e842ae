//! The table of targets. What each does stands in the module of its subject.

mod dissect;
#[cfg(feature = "harness")]
mod documents;
mod files;
mod keys;
mod lines;
mod messages;
mod opening;
mod server;
mod sessions;
mod signets;
mod text;

use crate::Target;
use crate::seeds::Kind;

/// Inputs of text formats and small objects, in bytes.
const SMALL: usize = 4 * 1024;
/// Inputs of objects that hold others, in bytes.
const LARGE: usize = 32 * 1024;
/// What a target may allocate that needs next to nothing beside its input: tables, error texts.
const LITTLE: usize = 256 * 1024;
/// What a target may allocate that builds trees, keeps documents or expands compressed parts.
const MUCH: usize = 4 * 1024 * 1024;

/// Every target.
pub const TARGETS: &[Target] = &[
    target("armor", text::armor, Kind::Text, SMALL, LITTLE),
    target("base64", text::base64, Kind::Text, SMALL, LITTLE),
    target("record", text::record, Kind::Record, SMALL, LITTLE),
    target("name", text::name, Kind::Envelope, SMALL, LITTLE),
    target("envelope", text::envelope, Kind::Envelope, SMALL, LITTLE),
    target("headers", text::headers, Kind::Headers, SMALL, LITTLE),
    target("signet", signets::signet, Kind::Signet, LARGE, LITTLE),
    target(
        "signet_judgement",
        signets::judgement,
        Kind::Signet,
        SMALL,
        LITTLE,
    ),
    target("signet_edit", signets::edit, Kind::Signet, SMALL, LITTLE),
    target("chain", signets::chain, Kind::Chain, SMALL, LITTLE),
    target(
        "fingerprint",
        signets::fingerprint,
        Kind::Envelope,
        SMALL,
        LITTLE,
    ),
    target("photo", signets::photo, Kind::Photo, SMALL, LITTLE),
    target("key_file", keys::key_file, Kind::KeyFile, SMALL, LITTLE),
    target(
        "sealed_keys",
        keys::sealed_keys,
        Kind::KeyFile,
        SMALL,
        LITTLE,
    ),
    target("stacie", keys::stacie, Kind::KeyFile, SMALL, LITTLE),
    target("account", keys::account, Kind::Account, SMALL, LITTLE),
    target("message", messages::message, Kind::Message, LARGE, LITTLE),
    target("stream", messages::stream, Kind::Message, LARGE, MUCH),
    target("bounce", messages::bounce, Kind::Message, LARGE, LITTLE),
    target("origin", messages::origin, Kind::Message, LARGE, LITTLE),
    costly(
        target("open", opening::open, Kind::Payload, SMALL, LITTLE),
        8,
    ),
    costly(
        target(
            "sealed_envelope",
            opening::envelopes,
            Kind::Payload,
            SMALL,
            LITTLE,
        ),
        4,
    ),
    target("part", messages::part, Kind::Part, SMALL, MUCH),
    target("alternate", messages::alternate, Kind::Part, SMALL, LITTLE),
    target("dissect", dissect::dissect, Kind::Anything, LARGE, MUCH),
    target("find", dissect::find, Kind::Anything, LARGE, MUCH),
    target("dmtp_line", lines::dmtp, Kind::Dmtp, SMALL, LITTLE),
    target("keyword_line", lines::keyword, Kind::Keyword, SMALL, LITTLE),
    target("dmap_line", lines::dmap, Kind::Dmap, SMALL, LITTLE),
    target(
        "dmtp_server",
        sessions::dmtp_server,
        Kind::Dmtp,
        SMALL,
        MUCH,
    ),
    target(
        "dmtp_client",
        sessions::dmtp_client,
        Kind::DmtpReplies,
        SMALL,
        MUCH,
    ),
    target(
        "dmap_server",
        sessions::dmap_server,
        Kind::Dmap,
        SMALL,
        MUCH,
    ),
    target(
        "dmap_client",
        sessions::dmap_client,
        Kind::DmapReplies,
        SMALL,
        MUCH,
    ),
    target("file", files::file, Kind::Anything, LARGE, LITTLE),
    target(
        "attachment",
        files::attachment,
        Kind::Attachment,
        SMALL,
        LITTLE,
    ),
    target(
        "configuration",
        server::configuration,
        Kind::Configuration,
        SMALL,
        MUCH,
    ),
    #[cfg(feature = "harness")]
    costly(
        target(
            "certificate",
            server::certificate,
            Kind::Certificate,
            SMALL,
            LITTLE,
        ),
        2,
    ),
    target(
        "certificate_file",
        server::certificate_file,
        Kind::CertificateFile,
        SMALL,
        LITTLE,
    ),
    target("anchors", server::anchors, Kind::Anchors, SMALL, LITTLE),
    target("store", server::store, Kind::Store, SMALL, LITTLE),
    target("date", files::date, Kind::Date, SMALL, LITTLE),
    costly(
        target("vectors", files::vectors, Kind::Vectors, LARGE, MUCH),
        2,
    ),
    target("rulings", files::rulings, Kind::Rulings, LARGE, MUCH),
    #[cfg(feature = "harness")]
    target("scenario", documents::scenario, Kind::Scenario, SMALL, MUCH),
    #[cfg(feature = "harness")]
    target("inherent", documents::inherent, Kind::Inherent, SMALL, MUCH),
    #[cfg(feature = "harness")]
    target("adapter", documents::adapter, Kind::Adapter, SMALL, MUCH),
    #[cfg(feature = "harness")]
    target("results", documents::results, Kind::Results, LARGE, MUCH),
];

/// Plaintexts for chunks of messages, as the target `open` takes them.
pub fn payloads() -> Vec<Vec<u8>> {
    opening::seeds()
}

const fn target(
    name: &'static str,
    run: fn(&[u8]),
    seeds: Kind,
    longest: usize,
    allocation: usize,
) -> Target {
    Target {
        name,
        run,
        seeds,
        longest,
        allocation,
        cost: 1,
    }
}

/// A target whose inputs take long.
const fn costly(target: Target, cost: u64) -> Target {
    Target { cost, ..target }
}
