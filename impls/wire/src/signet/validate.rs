//! Judging signets against what anchors them: the management record's POKs for an organization,
//! the organization's signet for a user, the previous signet for a chain of custody
//! (spec/10 §7.3, with spec/90 items 13 to 15 and 23, spec/95 items 5 and 6).
//!
//! Where several things are wrong, *invalid* is reported before *broken custody*.

use super::{
    CUSTODY, FULL_SIGNATURE, IDENTIFIED_SIGNATURE, IDENTIFIER, SELF_SIGNATURE, Signet, SignetKind,
    State,
};
use crate::keys::{Verifier, VerifyingKey};
use crate::name;

/// Judges an organization's signet. Its POK must be one of `poks` (those of the management
/// record) and have made every signature; SOKs are never accepted here. With `domain`, an
/// identifier that is present must equal it.
///
/// `Unknown` if the signet is not an organization's or its POK is not listed, `Incomplete` from
/// the structure, `Invalid` for a wrong signature or identifier, else the state reached.
pub fn validate_organization(
    signet: &Signet,
    poks: &[VerifyingKey],
    domain: Option<&str>,
) -> State {
    if signet.kind() != SignetKind::Organization {
        return State::Unknown;
    }
    let structure = signet.structure();
    if structure < State::Cryptographic {
        return structure;
    }
    let Some(pok) = signet.signing_key().ok().filter(|pok| poks.contains(pok)) else {
        return State::Unknown;
    };
    if !organization_signatures_verify(signet, &[pok.verifier()])
        || !identifier_fits(signet, domain)
    {
        return State::Invalid;
    }
    structure
}

/// Judges a user's signet. Each organization signature may be made by any of the organization's
/// signet-signing keys, the self signature by the key in field 1. With `previous`, the custody
/// signature must be there and verify with its key; without, it must not be there. With
/// `address`, an identifier that is present must equal it; an identifier must in any case belong
/// to the organization's domain, if the organization's signet has one.
///
/// `organization` must be validated by the caller against the management record; that its own
/// signatures hold under its own POK is checked here again, so that a made-up one gives
/// `Unknown`.
pub fn validate_user(
    signet: &Signet,
    organization: &Signet,
    previous: Option<&Signet>,
    address: Option<&str>,
) -> State {
    if signet.kind() != SignetKind::User || !is_sound_organization(organization) {
        return State::Unknown;
    }
    let structure = signet.structure();
    if structure < State::Cryptographic {
        return structure;
    }
    let Ok(keys) = organization.signet_keys() else {
        return State::Invalid;
    };
    let keys: Vec<Verifier> = keys.iter().map(VerifyingKey::verifier).collect();
    if !self_signature_verifies(signet)
        || !organization_signatures_verify(signet, &keys)
        || !domain_fits(signet, organization)
        || !identifier_fits(signet, address)
    {
        return State::Invalid;
    }
    if custody_holds(signet, previous) {
        structure
    } else {
        State::BrokenCustody
    }
}

/// Judges a signing request: its self signature, and custody as for a user signet.
pub fn validate_request(signet: &Signet, previous: Option<&Signet>) -> State {
    if signet.kind() != SignetKind::Request {
        return State::Unknown;
    }
    let structure = signet.structure();
    if structure != State::Request {
        return structure;
    }
    if !self_signature_verifies(signet) {
        return State::Invalid;
    }
    if custody_holds(signet, previous) {
        structure
    } else {
        State::BrokenCustody
    }
}

/// Whether the identifier of a user's signet lies in the domain of its organization, as far as both
/// are there.
pub(super) fn domain_fits(signet: &Signet, organization: &Signet) -> bool {
    let both = [signet, organization].map(|signet| signet.field(IDENTIFIER).is_some());
    both != [true, true]
        || match (signet.identifier(), organization.identifier()) {
            (Some(own), Some(domain)) => name::same_domain(name::domain_of(own), domain),
            _ => false,
        }
}

/// Whether an organization's signatures hold under its own POK.
pub(super) fn is_sound_organization(organization: &Signet) -> bool {
    let own = organization
        .signing_key()
        .map(|pok| vec![pok])
        .unwrap_or_default();
    validate_organization(organization, &own, None).is_valid()
}

fn verifies(signet: &Signet, id: u8, keys: &[Verifier]) -> bool {
    let signature = signet.signature(id);
    signature.is_some_and(|signature| {
        keys.iter()
            .any(|key| key.verify(signet.below(id), &signature))
    })
}

/// Every organization signature that is present, each by any of `keys`.
fn organization_signatures_verify(signet: &Signet, keys: &[Verifier]) -> bool {
    let ids = [
        signet.kind().cryptographic_signature(),
        Some(FULL_SIGNATURE),
        Some(IDENTIFIED_SIGNATURE),
    ];
    ids.into_iter()
        .flatten()
        .filter(|id| signet.field(*id).is_some())
        .all(|id| verifies(signet, id, keys))
}

pub(super) fn self_signature_verifies(signet: &Signet) -> bool {
    signet
        .signing_key()
        .is_ok_and(|key| verifies(signet, SELF_SIGNATURE, &[key.verifier()]))
}

fn custody_holds(signet: &Signet, previous: Option<&Signet>) -> bool {
    match (signet.field(CUSTODY), previous) {
        (None, None) => true,
        (Some(_), Some(previous)) if previous.kind() == SignetKind::User => previous
            .signing_key()
            .is_ok_and(|key| verifies(signet, CUSTODY, &[key.verifier()])),
        _ => false,
    }
}

fn identifier_fits(signet: &Signet, wanted: Option<&str>) -> bool {
    match (signet.field(IDENTIFIER), wanted) {
        (Some(_), Some(wanted)) => signet
            .identifier()
            .is_some_and(|own| name::same_identifier(own, wanted)),
        _ => true,
    }
}
