//! Where the fields of signets and signing requests lie, and what is known of each id.

use std::ops::Range;

use super::{Budget, Found, cut, distance_to, length, number};

/// Bytes of the header.
pub(super) const HEADER: usize = 5;
/// Magic number of an organization's signet.
pub(super) const ORGANIZATION: u64 = 1776;
/// Magic number of a user's signet.
pub(super) const USER: u64 = 1789;
/// Magic number of a signing request.
pub(super) const REQUEST: u64 = 1215;
/// Bytes of the smallest signet worth reporting: one signing key.
const SMALLEST: usize = 35;

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

/// Every binary signet or SSR anywhere in `bytes`, in order, within the limits of
/// [`find_messages`](super::find_messages). A place counts as a signet if its first field is a signing
/// key and its whole length is made up of fields in ascending order.
pub fn find_signets(bytes: &[u8]) -> Found<SignetMap> {
    let mut maps = Vec::new();
    let mut budget = Budget::new();
    let mut at = 0;
    while at + HEADER <= bytes.len() && budget.allows_object(maps.len()) {
        at += distance_to(bytes, at, |byte| matches!(byte, 4 | 6));
        let map = match number(bytes, at, 2) {
            Some(magic @ (1776 | 1789 | 1215)) => map_signet(bytes, at, magic, &mut budget),
            _ => None,
        };
        at = map.as_ref().map_or(at + 1, |map| map.range.end);
        maps.extend(map);
    }
    let all = at + HEADER > bytes.len();
    budget.found(maps, all)
}

fn map_signet(bytes: &[u8], start: usize, magic: u64, budget: &mut Budget) -> Option<SignetMap> {
    let size = length(bytes, start + 2, 3).filter(|size| *size >= SMALLEST)?;
    let (whole, short) = cut(start + HEADER, size, bytes.len());
    if short || number(bytes, whole.start, 3) != Some(0x01_21_40) {
        return None;
    }
    let (fields, end) = walk(bytes, whole.start, whole.end, magic, budget);
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
    budget: &mut Budget,
) -> (Vec<FieldMap>, usize) {
    let mut fields = Vec::new();
    let mut width = None;
    while at < end && budget.allows_piece(fields.len()) {
        let Some(field) = field_at(bytes, at, end, magic, &mut width) else {
            break;
        };
        at = field.range.end;
        fields.push(field);
    }
    (fields, at)
}

/// The complete field at `at`. `width` is how many bytes the lengths of encryption keys have: the
/// first such key decides for the whole signet. Reserved ids get the widths planned for their range.
pub(super) fn field_at(
    bytes: &[u8],
    at: usize,
    end: usize,
    magic: u64,
    width: &mut Option<usize>,
) -> Option<FieldMap> {
    let id = bytes.get(at).copied()?;
    let (skip, size) = match id {
        4..=15 | 253 | 255 => (0, 64),
        251 => {
            let name = length(bytes, at + 1, 1)?;
            (3 + name, length(bytes, at + 2 + name, 2)?)
        }
        _ => {
            let digits = length_width(bytes, at, id, magic, width);
            (digits, length(bytes, at + 1, digits)?)
        }
    };
    let (data, short) = cut(at + 1 + skip, size, end);
    (!short).then_some(FieldMap {
        id,
        range: at..data.end,
        data,
    })
}

fn length_width(bytes: &[u8], at: usize, id: u8, magic: u64, width: &mut Option<usize>) -> usize {
    match id {
        2 if magic == ORGANIZATION => 1,
        2 | 3 => {
            // A key is shorter than 256 bytes, so a leading zero shows the 2-byte form.
            let guess = 1 + usize::from(bytes.get(at + 1) == Some(&0));
            let decided = *width.get_or_insert(guess);
            // libdime's requests have alternate keys in the 1-byte form whatever the first key has.
            if magic == REQUEST && id == 3 {
                guess
            } else {
                decided
            }
        }
        0..=159 | 254 => 1,
        160..=250 => 2,
        _ => 3,
    }
}

/// What the field is called in a signet of this kind, if it may stand there.
pub(super) fn field_name(id: u8, magic: u64) -> Option<&'static str> {
    match magic {
        ORGANIZATION => organization_name(id).or_else(|| common_name(id)),
        REQUEST => user_key_name(id).filter(|_| id <= 5),
        _ => user_key_name(id)
            .or_else(|| user_name(id))
            .or_else(|| common_name(id)),
    }
}

/// Whether the field may stand there more than once.
pub(super) fn repeats(id: u8, magic: u64) -> bool {
    match id {
        2 => magic == ORGANIZATION,
        3 => magic != ORGANIZATION,
        202 => magic == USER,
        _ => matches!(id, 21 | 251),
    }
}

fn user_key_name(id: u8) -> Option<&'static str> {
    Some(match id {
        1 => "signing key",
        2 => "encryption key",
        3 => "alternate key",
        4 => "custody signature",
        5 => "self signature",
        6 => "cryptographic signature",
        _ => return None,
    })
}

fn organization_name(id: u8) -> Option<&'static str> {
    Some(match id {
        1 => "primary key",
        2 => "secondary key",
        3 => "encryption key",
        4 => "cryptographic signature",
        200 => "contact for abuse",
        201 => "contact for administration",
        202 => "contact for support",
        203 => "web access host",
        204 => "web access location",
        205 => "web access certificate",
        206 => "mail access host",
        207 => "mail access certificate",
        208 => "onion access host",
        209 => "onion access certificate",
        210 => "onion delivery host",
        211 => "onion delivery certificate",
        _ => return None,
    })
}

fn user_name(id: u8) -> Option<&'static str> {
    Some(match id {
        93 => "supported codecs",
        94 => "title",
        95 => "employer",
        96 => "gender",
        97 => "alma mater",
        98 => "supervisor",
        99 => "political party",
        200 => "alternate address",
        201 => "resume",
        202 => "endorsements",
        _ => return None,
    })
}

fn common_name(id: u8) -> Option<&'static str> {
    Some(match id {
        16 => "name",
        17 => "address",
        18 => "province",
        19 => "country",
        20 => "postal code",
        21 => "phone number",
        22 => "language",
        23 => "currency",
        24 => "cryptocurrency",
        25 => "motto",
        26 => "extensions",
        27 => "message size limit",
        160 => "website",
        251 => "undefined field",
        252 => "photo",
        253 => "full signature",
        254 => "identifier",
        255 => "identified signature",
        _ => return None,
    })
}
