//! Facts about a signet's bytes, found by a walk of their own that shares nothing with the strict
//! parser: what rulings on signets are about. Works on anything.

use dime_wire::keys::{Signature, VerifyingKey};
use serde_json::{Value, json};

use super::parsers::{is_plain_address, is_plain_domain};
use super::primitives::verifies_unreduced;

/// Bytes of the header.
const HEADER: usize = 5;
/// Most fields that are looked at.
const MAXIMUM_FIELDS: usize = 4096;

/// The signets given beside the one looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings<'a> {
    pub(super) organization: Option<&'a [u8]>,
    pub(super) previous: Option<&'a [u8]>,
}

/// One field: its id, where it begins, and its data.
struct Piece<'a> {
    id: u8,
    at: usize,
    narrow: bool,
    data: &'a [u8],
}

/// Fields that are signatures.
const SIGNATURES: [u8; 5] = [4, 5, 6, 253, 255];

/// The facts.
pub(super) fn gather(bytes: &[u8], around: &Surroundings<'_>) -> Value {
    let kind = kind(bytes);
    let (pieces, end) = walk(bytes, kind);
    let last_id = if kind == Some("ssr") { 5 } else { 255 };
    let behind = pieces.last().is_some_and(|piece| piece.id == last_id) && end < bytes.len();
    let encryption_id = if kind == Some("org") { 3 } else { 2 };
    let data_of = |id: u8| pieces.iter().find(|piece| piece.id == id).map(|p| p.data);
    let encryption = data_of(encryption_id).unwrap_or_default();
    let keys = around.organization.map(signet_keys).unwrap_or_default();
    let organization_signatures_verify = [6, 253, 255].into_iter().all(|id| {
        let mut keys = keys.iter();
        data_of(id).is_none() || keys.any(|key| verifies(bytes, &pieces, id, Some(key)))
    });
    json!({
        "kind": kind,
        "bytes_behind_last_field": behind,
        "last_field_is_empty": pieces.last().is_some_and(|piece| piece.data.is_empty()),
        "encryption_key_is_compressed": matches!(encryption, [2 | 3, rest @ ..] if rest.len() == 32),
        "self_signature_verifies": verifies(bytes, &pieces, 5, data_of(1)),
        "organization_signatures_verify": organization_signatures_verify,
        "identifier_fits_organization": around.organization.is_none_or(|organization| {
            let (own, _) = walk(organization, self::kind(organization));
            let domain = own.iter().find(|piece| piece.id == 254).map(|piece| piece.data);
            belongs(data_of(254), domain)
        }),
        "identifier_is_name": data_of(254).is_none_or(|identifier| is_name(identifier, kind)),
        "many_secondary_keys": kind == Some("org")
            && pieces.iter().filter(|piece| piece.id == 2).count() > 8,
        "empty_secondary_key": kind == Some("org")
            && pieces.iter().any(|piece| piece.id == 2 && piece.data.is_empty()),
        "unreduced_signature": has_unreduced_signature(bytes, &pieces, around),
        "has_custody": data_of(4).is_some() && kind != Some("org"),
        "custody_verifies": around.previous.is_some_and(|previous| {
            verifies(bytes, &pieces, 4, own_key(previous))
        }),
        "narrow_alternate_key": kind != Some("org")
            && pieces.iter().any(|piece| piece.id == 3 && piece.narrow),
        "wide_alternate_key": kind != Some("org")
            && pieces.iter().any(|piece| piece.id == 3 && !piece.narrow),
    })
}

/// Whether an address lies in a domain; so it does if either is not told.
fn belongs(address: Option<&[u8]>, domain: Option<&[u8]>) -> bool {
    let (Some(address), Some(domain)) = (address, domain) else {
        return true;
    };
    let mut parts = address.split(|byte| *byte == b'@').skip(1);
    let own = parts.next().filter(|_| parts.next().is_none());
    own.is_some_and(|own| own.eq_ignore_ascii_case(domain))
}

/// Whether an identifier is of the form that this kind of signet has.
fn is_name(identifier: &[u8], kind: Option<&str>) -> bool {
    std::str::from_utf8(identifier).is_ok_and(|identifier| match kind {
        Some("org") => is_plain_domain(identifier),
        _ => is_plain_address(identifier),
    })
}

/// Whether there is a signature that only the check of its S refuses.
fn has_unreduced_signature(bytes: &[u8], pieces: &[Piece<'_>], around: &Surroundings<'_>) -> bool {
    let own = pieces
        .iter()
        .find(|piece| piece.id == 1)
        .map(|piece| piece.data);
    let mut keys = around.organization.map(signet_keys).unwrap_or_default();
    keys.extend(own);
    keys.extend(around.previous.and_then(own_key));
    SIGNATURES.into_iter().any(|id| {
        let mut keys = keys.iter();
        keys.any(|key| {
            signed(bytes, pieces, id, Some(key)).is_some_and(|(key, covered, signature)| {
                verifies_unreduced(&key, covered, &signature)
            })
        })
    })
}

/// The signing key of a signet.
fn own_key(signet: &[u8]) -> Option<&[u8]> {
    let (pieces, _) = walk(signet, kind(signet));
    pieces
        .iter()
        .find(|piece| piece.id == 1)
        .map(|piece| piece.data)
}

/// The keys by which an organization signs user signets: its POK, and SOKs with bit 1.
fn signet_keys(organization: &[u8]) -> Vec<&[u8]> {
    let (pieces, _) = walk(organization, kind(organization));
    let keys = pieces
        .iter()
        .filter_map(|piece| match (piece.id, piece.data) {
            (1, key) => Some(key),
            (2, [permissions, key @ ..]) if permissions & 1 != 0 => Some(key),
            _ => None,
        });
    keys.collect()
}

fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x06, 0xf0, ..] => Some("org"),
        [0x06, 0xfd, ..] => Some("user"),
        [0x04, 0xbf, ..] => Some("ssr"),
        _ => None,
    }
}

/// The fields up to the last id of the kind, and where that ends.
fn walk<'a>(bytes: &'a [u8], kind: Option<&str>) -> (Vec<Piece<'a>>, usize) {
    let mut pieces: Vec<Piece<'a>> = Vec::new();
    let mut at = HEADER;
    let last = if kind == Some("ssr") { 5 } else { 255 };
    while let (Some(id), true) = (bytes.get(at), pieces.len() < MAXIMUM_FIELDS) {
        let Some((start, size, narrow)) = extent(bytes, at, *id, kind) else {
            break;
        };
        let Some(data) = bytes.get(start..start.saturating_add(size)) else {
            break;
        };
        pieces.push(Piece {
            id: *id,
            at,
            narrow,
            data,
        });
        at = start + size;
        if *id == last {
            break;
        }
    }
    (pieces, at)
}

/// Where the data of the field at `at` begins, its size, and whether a key has the 1-byte length.
fn extent(bytes: &[u8], at: usize, id: u8, kind: Option<&str>) -> Option<(usize, usize, bool)> {
    let number = |place: usize, width: usize| {
        let digits = bytes.get(place..place.checked_add(width)?)?;
        Some(
            digits
                .iter()
                .fold(0, |value, digit| value * 256 + usize::from(*digit)),
        )
    };
    let is_key = id == 3 || (id == 2 && kind != Some("org"));
    let (start, width) = match id {
        4..=15 | 253 | 255 => return Some((at + 1, 64, false)),
        251 => {
            let name = number(at + 1, 1)?;
            (at + 2 + name, 2)
        }
        _ if is_key => (at + 1, 1 + usize::from(bytes.get(at + 1) == Some(&0))),
        0..=159 | 254 => (at + 1, 1),
        160..=250 => (at + 1, 2),
        _ => (at + 1, 3),
    };
    Some((start + width, number(start, width)?, is_key && width == 1))
}

fn has_form(key: &[u8]) -> bool {
    key.len() == 33 && key.first() == Some(&0x40)
}

/// Whether the signature in field `id` verifies with `key`, over all fields before it.
fn verifies(bytes: &[u8], pieces: &[Piece<'_>], id: u8, key: Option<&[u8]>) -> bool {
    signed(bytes, pieces, id, key)
        .is_some_and(|(key, covered, signature)| key.verify(covered, &Signature(signature)))
}

/// Key, covered bytes and signature of field `id`, as far as they have the form of such.
fn signed<'a>(
    bytes: &'a [u8],
    pieces: &[Piece<'_>],
    id: u8,
    key: Option<&[u8]>,
) -> Option<(VerifyingKey, &'a [u8], [u8; 64])> {
    let key = key.filter(|key| has_form(key))?.get(1..)?;
    let piece = pieces.iter().find(|piece| piece.id == id)?;
    let covered = bytes.get(HEADER..piece.at)?;
    let key = VerifyingKey(key.try_into().ok()?);
    Some((key, covered, piece.data.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_a_domain_by_its_only_at_sign() {
        for (address, wanted) in [
            ("a@Dark.example", true),
            ("a@b@dark.example", false),
            ("a@evil.example", false),
            ("dark.example", false),
        ] {
            let domain = Some(b"dark.example".as_slice());
            assert_eq!(
                belongs(Some(address.as_bytes()), domain),
                wanted,
                "{address}"
            );
        }
    }
}
