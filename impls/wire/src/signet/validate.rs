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
/// record) and have made every signature; SOKs are never accepted here. An identifier that is
/// present must be a domain, and with `domain` that one.
///
/// `Unknown` if the signet is not an organization's or its POK is not listed, `Incomplete` from
/// the structure, `Invalid` for a wrong signature or identifier, else the state reached.
pub fn validate_organization(
    signet: &Signet,
    poks: &[VerifyingKey],
    domain: Option<&str>,
) -> State {
    let structure = match structure_of(signet, SignetKind::Organization) {
        Ok(structure) => structure,
        Err(state) => return state,
    };
    let Some(pok) = signet.signing_key().ok().filter(|pok| poks.contains(pok)) else {
        return State::Unknown;
    };
    if !identifier_fits(signet, domain)
        || !organization_signatures_verify(signet, &[pok.verifier()])
    {
        return State::Invalid;
    }
    structure
}

/// Judges a user's signet. Each organization signature may be made by any of the organization's
/// signet-signing keys, the self signature by the key in field 1. With `previous`, the custody
/// signature must be there and verify with its key; without, it must not be there. An identifier
/// that is present must be an address, with `address` that one, and belong to the organization's
/// domain, if the organization's signet has one.
///
/// `organization` must be validated by the caller against the management record; that its own
/// signatures hold under its own POK is checked here again, so that a made-up one gives
/// `Unknown`. [`Issuer`] does this once for many users. What is no organization's signet at all
/// gives `Unknown` even if the user's is not complete.
pub fn validate_user(
    signet: &Signet,
    organization: &Signet,
    previous: Option<&Signet>,
    address: Option<&str>,
) -> State {
    match structure_of(signet, SignetKind::User) {
        _ if organization.kind() != SignetKind::Organization => State::Unknown,
        Err(state) => state,
        Ok(_) => Issuer::new(organization).map_or(State::Unknown, |issuer| {
            issuer.validate_user(signet, previous, address)
        }),
    }
}

/// An organization whose signet is sound under its own POK, with its keys made ready to judge the
/// signets of its users.
#[derive(Clone, Debug)]
pub struct Issuer<'a> {
    organization: &'a Signet,
    /// Nothing if the list cannot be read: then no user's signet is valid (spec/95 item 4).
    keys: Option<Vec<Verifier>>,
}

impl<'a> Issuer<'a> {
    /// Checks the organization's own signatures under its own POK; nothing if one is wrong or
    /// missing, or the signet is not an organization's. That the POK is the right one is for who
    /// knows the management record.
    pub fn new(organization: &'a Signet) -> Option<Self> {
        let pok = organization.signing_key().ok()?;
        let state = validate_organization(organization, &[pok], None);
        state.is_valid().then(|| Self {
            organization,
            keys: ready(organization),
        })
    }

    /// The organization's signet.
    pub fn organization(&self) -> &'a Signet {
        self.organization
    }

    /// Judges a user's signet as [`validate_user`] does.
    pub fn validate_user(
        &self,
        signet: &Signet,
        previous: Option<&Signet>,
        address: Option<&str>,
    ) -> State {
        let structure = match structure_of(signet, SignetKind::User) {
            Ok(structure) => structure,
            Err(state) => return state,
        };
        let Some(keys) = &self.keys else {
            return State::Invalid;
        };
        if !domain_fits(signet, self.organization)
            || !identifier_fits(signet, address)
            || !self_signature_verifies(signet)
            || !organization_signatures_verify(signet, keys)
        {
            return State::Invalid;
        }
        if custody_holds(signet, previous) {
            structure
        } else {
            State::BrokenCustody
        }
    }
}

/// Judges a signing request: its self signature, and custody as for a user signet.
pub fn validate_request(signet: &Signet, previous: Option<&Signet>) -> State {
    let structure = match structure_of(signet, SignetKind::Request) {
        Ok(structure) => structure,
        Err(state) => return state,
    };
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

/// The structure of a signet of this kind, or the state that it has without any look at
/// signatures.
fn structure_of(signet: &Signet, kind: SignetKind) -> Result<State, State> {
    if signet.kind() != kind {
        return Err(State::Unknown);
    }
    let structure = signet.structure();
    if structure.is_valid() {
        Ok(structure)
    } else {
        Err(structure)
    }
}

/// The keys that may sign user signets, each point computed once.
fn ready(organization: &Signet) -> Option<Vec<Verifier>> {
    let keys = organization.signet_keys().ok()?;
    Some(keys.iter().map(VerifyingKey::verifier).collect())
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

/// Whether the identifier, if there is one, names what this kind of signet is about and equals
/// `wanted`.
fn identifier_fits(signet: &Signet, wanted: Option<&str>) -> bool {
    identifier_is_sound(signet)
        && match (signet.identifier(), wanted) {
            (Some(own), Some(wanted)) => name::same_identifier(own, wanted),
            _ => true,
        }
}

/// Whether the identifier, if there is one, names what this kind of signet is about.
pub(super) fn identifier_is_sound(signet: &Signet) -> bool {
    signet.field(IDENTIFIER).is_none()
        || signet
            .identifier()
            .is_some_and(|own| is_identifier(signet.kind(), own))
}

/// Whether the text can name what this kind of signet is about: an organization goes by its domain,
/// a user by an address, a request by nothing.
pub(super) fn is_identifier(kind: SignetKind, text: &str) -> bool {
    match kind {
        SignetKind::Organization => name::is_domain(text),
        SignetKind::User => name::is_address(text),
        SignetKind::Request => false,
    }
}
