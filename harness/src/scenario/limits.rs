//! How much a scenario may ask for. Every number a file can set has its limit here.

use std::time::Duration;

/// Bytes of one scenario file.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// Files in one folder of scenarios.
pub const MAX_FILES: usize = 10_000;
/// Depth of folders below a folder of scenarios.
pub const MAX_FOLDER_DEPTH: usize = 8;
/// Nodes of one YAML document, aliases expanded.
pub const MAX_NODES: usize = 10_000;
/// Nesting of one YAML document.
pub const MAX_DEPTH: usize = 32;
/// Names in one mapping.
pub const MAX_NAMES: usize = 64;
/// Axes of one `vary` block.
pub const MAX_AXES: usize = 4;
/// Cases one file may yield.
pub const MAX_CASES: usize = 64;
/// Bytes of an axis' name or value.
pub const MAX_AXIS_TEXT: usize = 64;
/// Organizations of one world; a simulation slows down with the cube of its hosts.
pub const MAX_ORGANIZATIONS: usize = 6;
/// Users of one world, decoys not counted.
pub const MAX_USERS: usize = 12;
/// Taps of one world.
pub const MAX_TAPS: usize = 8;
/// Steps of one scenario.
pub const MAX_STEPS: usize = 100;
/// Expectations of one scenario.
pub const MAX_EXPECTATIONS: usize = 200;
/// Letters of one scenario.
pub const MAX_LETTERS: usize = 32;
/// Bytes of a subject before its token.
pub const MAX_SUBJECT_BYTES: usize = 256;
/// Bytes of a name in a file; with its token it must fit into the local part of an address.
pub const MAX_NAME_BYTES: usize = 40;
/// Bytes of a domain.
pub const MAX_DOMAIN_BYTES: usize = 100;
/// Bytes of a body or of one attachment; a chunk holds less than 16 MiB.
pub const MAX_PART_BYTES: u64 = 8 * 1024 * 1024;
/// Attachments of one letter.
pub const MAX_ATTACHMENTS: usize = 16;
/// Lines of one raw dialog.
pub const MAX_DIALOG_LINES: usize = 200;
/// Bytes of one line of a raw dialog, after names are filled in.
pub const MAX_DIALOG_LINE_BYTES: usize = 8 * 1024;
/// Virtual time one step may take.
pub const MAX_SPAN: Duration = Duration::from_secs(400 * 24 * 3600);
/// Problems reported of one file; the rest is only counted.
pub const MAX_PROBLEMS: usize = 20;
