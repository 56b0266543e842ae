//! Signets, SSRs and key files, taken apart leniently.

use std::ops::Range;

use super::{
    MAXIMUM_OBJECTS, MAXIMUM_PIECES, MAXIMUM_STEPS, Node, Value, cut, distance_to, length, number,
};

/// Bytes of the header.
const HEADER: usize = 5;
/// Bytes of the smallest signet worth reporting: one signing key.
const SMALLEST: usize = 35;
/// Longest text value shown as text.
const MAXIMUM_TEXT: usize = 4096;

/// Where the pieces of a signet lie. All ranges count from the start of the searched bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignetMap {
    /// The magic number: 1776, 1789 or 1215.
    pub magic: u16,
    /// All of it.
    pub range: Range<usize>,
    /// Its fields.
    pub fields: Vec<FieldMap>,
}

/// Where the pieces of a field lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldMap {
    /// Its id.
    pub id: u8,
    /// All of it.
    pub range: Range<usize>,
    /// Its data.
    pub data: Range<usize>,
}

/// Every binary signet or SSR anywhere in `bytes`, in order. A place counts as a signet if its first
/// field is a signing key and its whole length is made up of fields in ascending order.
pub fn find_signets(bytes: &[u8]) -> Vec<SignetMap> {
    let mut found = Vec::new();
    let mut steps = MAXIMUM_STEPS;
    let mut at = 0;
    while at + HEADER <= bytes.len() && found.len() < MAXIMUM_OBJECTS && steps > 0 {
        at += distance_to(bytes, at, |byte| matches!(byte, 4 | 6));
        let map = match number(bytes, at, 2) {
            Some(magic @ (1776 | 1789 | 1215)) => map_signet(bytes, at, magic, &mut steps),
            _ => None,
        };
        at = map.as_ref().map_or(at + 1, |map| map.range.end);
        found.extend(map);
    }
    found
}

/// A signet, SSR or key file as a tree.
pub(super) fn node(bytes: &[u8], magic: u64) -> Node {
    let label = match magic {
        1776 => "organization signet",
        1789 => "user signet",
        1215 => "signet signing request",
        1952 => "organization keys",
        _ => "user keys",
    };
    let mut root = Node::new(label, 0..bytes.len(), Value::None);
    root.children
        .push(Node::new("magic", 0..2, Value::Number(magic)));
    let Some(size) = length(bytes, 2, 3) else {
        return root.with_problem("header is cut off");
    };
    let mut declared = Node::new("length", 2..HEADER, Value::Number(size as u64));
    let following = bytes.len().saturating_sub(HEADER);
    if size != following {
        declared = declared.with_problem(format!("{following} bytes follow"));
    }
    root.children.push(declared);
    let mut steps = MAXIMUM_PIECES;
    let (fields, end) = walk(bytes, HEADER, bytes.len(), magic, &mut steps);
    let mut previous = 0;
    for field in &fields {
        root.children
            .push(field_node(bytes, field, previous, magic));
        previous = field.id;
    }
    if end < bytes.len() {
        let rest = Node::new("rest", end..bytes.len(), Value::Bytes);
        root.children
            .push(rest.with_problem("not a complete field"));
    }
    root
}

fn field_node(bytes: &[u8], field: &FieldMap, previous: u8, magic: u64) -> Node {
    let data = bytes.get(field.data.clone()).unwrap_or_default();
    let shows_text = (16..=250).contains(&field.id) || field.id == 254;
    let value = match std::str::from_utf8(data) {
        Ok(text) if shows_text && text.len() <= MAXIMUM_TEXT => Value::Text(text.to_owned()),
        _ => Value::Bytes,
    };
    let organization = matches!(magic, 1776 | 1952);
    let label = match field_name(field.id, organization) {
        Some(name) => format!("field {} ({name})", field.id),
        None => format!("field {}", field.id),
    };
    let mut node = Node::new(label, field.range.clone(), Value::None);
    if field.id == 251 {
        let name = field.range.start + 2..field.data.start.saturating_sub(2);
        let text = bytes
            .get(name.clone())
            .and_then(|name| std::str::from_utf8(name).ok());
        let value = text.map_or(Value::Bytes, |text| Value::Text(text.to_owned()));
        node.children.push(Node::new("name", name, value));
    }
    node.children
        .push(Node::new("data", field.data.clone(), value));
    if field.id < previous {
        return node.with_problem("out of order");
    }
    let key_file = matches!(magic, 1952 | 2013);
    match (key_file, field.id, data) {
        (false, 1, [0x40, key @ ..]) if key.len() == 32 => node,
        (false, 1, _) => node.with_problem("not a signing key"),
        _ => node,
    }
}

fn map_signet(bytes: &[u8], start: usize, magic: u64, steps: &mut usize) -> Option<SignetMap> {
    let size = length(bytes, start + 2, 3).filter(|size| *size >= SMALLEST)?;
    let (whole, short) = cut(start + HEADER, size, bytes.len());
    if short || number(bytes, whole.start, 3) != Some(0x01_21_40) {
        return None;
    }
    let (fields, end) = walk(bytes, whole.start, whole.end, magic, steps);
    let ascending = fields
        .iter()
        .zip(fields.iter().skip(1))
        .all(|(one, next)| one.id <= next.id);
    (end == whole.end && ascending).then_some(SignetMap {
        magic: u16::try_from(magic).unwrap_or_default(),
        range: start..whole.end,
        fields,
    })
}

/// The complete fields from `at` to `end`, and where the walk stopped.
fn walk(
    bytes: &[u8],
    mut at: usize,
    end: usize,
    magic: u64,
    steps: &mut usize,
) -> (Vec<FieldMap>, usize) {
    let mut fields = Vec::new();
    while at < end && *steps > 0 && fields.len() < MAXIMUM_PIECES {
        *steps -= 1;
        let Some(id) = bytes.get(at).copied() else {
            break;
        };
        let Some((skip, size)) = data_extent(bytes, at, id, magic) else {
            break;
        };
        let (data, short) = cut(at + 1 + skip, size, end);
        if short {
            break;
        }
        let next = data.end;
        fields.push(FieldMap {
            id,
            range: at..next,
            data,
        });
        at = next;
    }
    (fields, at)
}

/// For the field at `at`: bytes between id and data, and bytes of data. Reserved ids get the widths
/// planned for their range.
fn data_extent(bytes: &[u8], at: usize, id: u8, magic: u64) -> Option<(usize, usize)> {
    let organization = matches!(magic, 1776 | 1952);
    let key_field = id == 3 || (id == 2 && !organization);
    let signature = matches!(id, 4..=15 | 253 | 255);
    if signature {
        return Some((0, 64));
    }
    if id == 251 {
        let name = length(bytes, at + 1, 1)?;
        return Some((3 + name, length(bytes, at + 2 + name, 2)?));
    }
    let width = match id {
        // A key is shorter than 256 bytes, so a leading zero shows the 2-byte form.
        _ if key_field => 1 + usize::from(bytes.get(at + 1) == Some(&0)),
        0..=159 | 254 => 1,
        160..=250 => 2,
        _ => 3,
    };
    Some((width, length(bytes, at + 1, width)?))
}

/// What the fields that matter for trust are; the informational ones speak for themselves.
fn field_name(id: u8, organization: bool) -> Option<&'static str> {
    Some(match (id, organization) {
        (1, _) => "signing key",
        (2, true) => "secondary key",
        (3, true) | (2, false) => "encryption key",
        (3, false) => "alternate key",
        (4, false) => "custody signature",
        (5, false) => "self signature",
        (4, true) | (6, false) => "cryptographic signature",
        (253, _) => "full signature",
        (254, _) => "identifier",
        (255, _) => "identified signature",
        _ => return None,
    })
}
