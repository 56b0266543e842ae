//! Worlds: the public halves of all keys, and every signet made again from the private ones.

use dime_wire::Profile;
use dime_wire::keys::AlternateKey;
use dime_wire::signet::{
    FIRST_INFORMATION, Field, FingerprintKind, LAST_INFORMATION, NAMED, OrganizationDraft,
    Permissions, Signet, SignetError, issue_fields, organization, request,
};
use serde_json::Value;

use super::judge::each;
use super::signet_facts::{self, Surroundings};
use super::{Comparisons, Context, Entry, FolderError, Judge, World};

/// Judges `worlds.json`: a world is a case.
pub(super) fn check(
    _context: &Context<'_>,
    file: &Entry<'_>,
    judge: &mut Judge<'_>,
) -> Result<(), FolderError> {
    each(file.at("worlds").items()?, judge, |case, found| {
        let world = World::new(case.clone());
        for (name, recorded) in case.at("keys").members()? {
            public_halves(&world, name, &recorded, found)?;
        }
        for name in world.signet_names()? {
            signet(&world, name, found)?;
        }
        Ok(Value::Null)
    })
}

fn public_halves(
    world: &World<'_>,
    name: &str,
    recorded: &Entry<'_>,
    found: &mut Comparisons,
) -> Result<(), FolderError> {
    let keys = world.keys(name)?;
    let signing = recorded.at("ed25519_public_hex").hex()?;
    let encryption = recorded.at("secp256k1_public_hex").hex()?;
    found.bytes("signing key", &keys.signing.public().0, &signing);
    found.with("key", name);
    let own = keys.encryption.public();
    found.bytes("encryption key", own.as_bytes(), &encryption);
    found.with("key", name);
    if let Some(public) = recorded.optional("x25519_public_hex") {
        let secret = AlternateKey::from_bytes(recorded.at("x25519_private_hex").array()?);
        found.bytes("alternate key", &secret.public().0, &public.hex()?);
        found.with("key", name);
    }
    Ok(())
}

/// A signet is read as it was written; one whose making we know is made again, byte for byte.
fn signet(world: &World<'_>, name: &str, found: &mut Comparisons) -> Result<(), FolderError> {
    let bytes = world.signet_bytes(name)?;
    let facts = signet_facts::gather(&bytes, &Surroundings::default());
    let parsed = Signet::parse(&bytes);
    found.equal("reading", parsed.is_ok(), true);
    found.with("signet", name);
    let recorded = match parsed {
        Ok(recorded) => recorded,
        Err(error) => {
            found.because(error);
            return Ok(());
        }
    };
    let Some(again) = make_again(world, name, &recorded)? else {
        return Ok(());
    };
    match again {
        Ok(again) => found.bytes("made again", again.as_bytes(), &bytes),
        Err(error) => found.equal("made again", false, true).because(error),
    };
    found
        .with("signet", name)
        .with("kind", facts["kind"].clone());
    found.with(
        "narrow_alternate_key",
        facts["narrow_alternate_key"].clone(),
    );
    Ok(())
}

type Made = Option<Result<Signet, SignetError>>;

/// Makes a world's signet from its keys; of the recorded one only the informational fields are used.
/// Nothing if the name is not one of those whose making is known.
fn make_again(world: &World<'_>, name: &str, recorded: &Signet) -> Result<Made, FolderError> {
    let Some((whose, stage)) = name.rsplit_once('_') else {
        return Ok(None);
    };
    let whole = match whose {
        "origin" => organization_signet(world, "origin", "origin_domain", false, recorded)?,
        "origin_soks" | "origin_alloptional" => {
            organization_signet(world, "origin", "origin_domain", true, recorded)?
        }
        "destination" => {
            organization_signet(world, "destination", "destination_domain", false, recorded)?
        }
        _ => return user_signet(world, whose, stage, recorded),
    };
    Ok(cut(whole, stage))
}

fn organization_signet(
    world: &World<'_>,
    keys: &str,
    domain: &str,
    soks: bool,
    recorded: &Signet,
) -> Result<Result<Signet, SignetError>, FolderError> {
    let keys = world.keys(keys)?;
    let mut draft: OrganizationDraft =
        organization(&keys.signing, &keys.encryption.public(), Profile::Libdime);
    if soks {
        for (permissions, name) in [
            (0x01, "signet"),
            (0x02, "msg"),
            (0x0c, "tls_software"),
            (0x0f, "all"),
            (0x00, "none"),
        ] {
            let sok = world.keys(&format!("origin_sok_{name}"))?.signing.public();
            draft = draft.sok(Permissions(permissions), sok);
        }
    }
    for field in information(recorded) {
        draft = match field.name {
            Some(name) => draft.named_field(name, field.data),
            None => draft.field(field.id, field.data),
        };
    }
    Ok(draft.sign(&keys.signing, world.name(domain)?))
}

fn user_signet(
    world: &World<'_>,
    whose: &str,
    stage: &str,
    recorded: &Signet,
) -> Result<Made, FolderError> {
    let (keys, previous, issuer, address) = match whose {
        "author" | "author_alloptional" | "author_altkey" => {
            ("author", None, "origin", "author_address")
        }
        "author_rotated_coc" => ("author_rotated", Some("author"), "origin", "author_address"),
        "author_rotated2_coc" => (
            "author_rotated2",
            Some("author_rotated"),
            "origin",
            "author_address",
        ),
        "author_rotated_nococ" => ("author_rotated", None, "origin", "author_address"),
        "author_by_sok_signet" => ("author", None, "origin_sok_signet", "author_address"),
        "author_by_sok_all" => ("author", None, "origin_sok_all", "author_address"),
        "author_by_sok_msg" => ("author", None, "origin_sok_msg", "author_address"),
        "author_by_stranger" => ("author", None, "stranger", "author_address"),
        "recipient" => ("recipient", None, "destination", "recipient_address"),
        "third" => ("third", None, "destination", "third_address"),
        _ => return Ok(None),
    };
    let previous = previous.map(|name| world.keys(name)).transpose()?;
    let previous = previous.as_ref().map(|keys| &keys.signing);
    let alternate = recorded.alternate_keys();
    let request = request(&world.keys(keys)?, &alternate, previous, Profile::Libdime);
    let request = match request {
        Ok(request) if stage != "ssr" => request,
        done => return Ok(Some(done)),
    };
    let fields: Vec<_> = information(recorded).collect();
    let issuer = world.keys(issuer)?.signing;
    let whole = issue_fields(&request, &issuer, &fields, world.name(address)?);
    Ok(cut(whole, stage))
}

fn information(signet: &Signet) -> impl Iterator<Item = Field<'_>> {
    signet.fields().filter(|field| {
        (FIRST_INFORMATION..=LAST_INFORMATION).contains(&field.id)
            && (field.id != NAMED || field.name.is_some())
    })
}

fn cut(whole: Result<Signet, SignetError>, stage: &str) -> Made {
    match stage {
        "crypto" => Some(whole.and_then(|whole| whole.split(FingerprintKind::Cryptographic))),
        "full" => Some(whole.and_then(|whole| whole.split(FingerprintKind::Full))),
        "id" => Some(whole),
        _ => None,
    }
}
