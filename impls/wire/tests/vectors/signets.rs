//! Recorded signets: each is read and judged as libdime did, and made again from the recorded keys.

use std::collections::BTreeMap;

use dime_wire::Profile;
use dime_wire::keys::VerifyingKey;
use dime_wire::signet::{
    FIRST_INFORMATION, Field, FingerprintKind, LAST_INFORMATION, NAMED, OrganizationDraft,
    Permissions, Signet, SignetError, SignetKind, State, issue_fields, organization, request,
    validate_organization, validate_request, validate_user,
};
use serde_json::{Value, json};

use crate::corpus::{World, array, cases, text, unbase64};
use crate::rulings::{Rulings, differences};

#[test]
fn recorded_signets_are_read_judged_and_made_alike() {
    let worlds = World::all();
    let mut rulings = Rulings::of_topic("signets");
    let all = cases("signets_valid.json");
    assert_eq!(all.len(), 60);
    for case in &all {
        let found = read(case, &worlds[text(case, "world")]);
        rulings.judge(case, text(case, "id"), &found);
    }
    for (id, world) in &worlds {
        for name in world.signet_names() {
            let mut found = BTreeMap::new();
            let again = make_again(world, &name).map(|signet| signet.to_bytes());
            if again != Some(world.signet_bytes(&name)) {
                found.insert(
                    "made again".to_owned(),
                    format!("{:?}", world.signet(&name)),
                );
            }
            rulings.judge(
                &json!({ "made_again": name }),
                &format!("{id}/{name}"),
                &found,
            );
        }
    }
    rulings.finish();
}

#[test]
fn an_old_request_with_a_narrow_alternate_key_cannot_become_a_user_signet() {
    for world in World::all().values() {
        let request = world.signet("author_altkey_ssr");
        assert_eq!(request.structure(), State::Request);
        assert_eq!(validate_request(&request, None), State::Request);
        let key = world.keys("origin").signing;
        let issued = issue_fields(&request, &key, &[], world.name("author_address"));
        assert_eq!(issued, Err(SignetError::AlternateForm));
    }
}

fn read(case: &Value, world: &World) -> BTreeMap<String, String> {
    let bytes = match case["signet"].as_str() {
        Some(name) => world.signet_bytes(name),
        None => unbase64(text(case, "signet_b64")),
    };
    let libdime = &case["libdime"];
    assert_eq!(libdime["deserialize_ok"], json!(true));
    let signet = Signet::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", case["id"]));
    assert_eq!(
        (signet.to_bytes(), signet.profile()),
        (bytes, Profile::Libdime)
    );
    let mut found = differences(&describe(&signet), libdime);
    let judged = json!({ "state": state_name(judge(&signet, case, world)) });
    found.extend(differences(&judged, libdime));
    if let (Some(base64), Some(armored)) = (case["base64"].as_str(), case["armored_text"].as_str())
    {
        assert_eq!(Signet::from_base64(base64), Ok(signet.clone()));
        assert_eq!(Signet::from_armor(armored), Ok(signet.clone()));
        let texts = json!({ "base64": signet.to_base64(), "armored_text": signet.to_armor() });
        found.extend(differences(&texts, case));
    }
    found
}

/// What a signet is, by itself, under libdime's names.
fn describe(signet: &Signet) -> Value {
    let kind = match signet.kind() {
        SignetKind::Organization => "org",
        SignetKind::User => "user",
        SignetKind::Request => "ssr",
    };
    let mut out = json!({
        "type": kind,
        "structure_state": state_name(signet.structure()),
        "signing_key_usable": signet.signing_key().is_ok(),
        "encryption_key_usable": signet.encryption_key().is_ok(),
        "fields": signet.fields().map(describe_field).collect::<Vec<_>>(),
    });
    for (kind, name) in FingerprintKind::ALL
        .into_iter()
        .zip(["ssr", "crypto", "full", "id"])
    {
        let print = signet.fingerprint(kind);
        assert!(
            print
                .as_ref()
                .is_none_or(|print| signet.has_fingerprint(print))
        );
        out[format!("fingerprint_{name}")] = json!(print.map(|print| print.to_string()));
    }
    if signet.kind() == SignetKind::Organization {
        for (permissions, name) in [
            (Permissions::MESSAGES, "msg"),
            (Permissions::SIGNETS, "signet"),
            (Permissions::TLS, "tls"),
            (Permissions::SOFTWARE, "software"),
        ] {
            let keys = signet.keys_for(permissions).ok();
            let keys = keys.map(|keys| {
                keys.iter()
                    .map(|key| hex::encode(key.0))
                    .collect::<Vec<_>>()
            });
            out[format!("signkeys_{name}")] = json!(keys);
        }
    }
    out
}

/// Full validation with what libdime was given; names are not compared, as libdime does not.
fn judge(signet: &Signet, case: &Value, world: &World) -> State {
    let context = &case["context"];
    let named = |key: &str| context[key].as_str().map(|name| world.signet(name));
    let previous = named("previous_signet");
    match signet.kind() {
        SignetKind::Organization => {
            let poks = context["poks_hex"]
                .as_array()
                .expect("POKs are listed")
                .iter();
            let poks: Vec<_> = poks
                .map(|pok| VerifyingKey(array(pok.as_str().expect("hex"))))
                .collect();
            validate_organization(signet, &poks, None)
        }
        SignetKind::User => {
            let organization = named("org_signet").expect("the organization is given");
            validate_user(signet, &organization, previous.as_ref(), None)
        }
        SignetKind::Request => validate_request(signet, previous.as_ref()),
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Unknown => "SS_UNKNOWN",
        State::Malformed => "SS_MALFORMED",
        State::Incomplete => "SS_INCOMPLETE",
        State::BrokenCustody => "SS_BROKEN_COC",
        State::Invalid => "SS_INVALID",
        State::Request => "SS_SSR",
        State::Cryptographic => "SS_CRYPTO",
        State::Full => "SS_FULL",
        State::Identified => "SS_ID",
    }
}

fn describe_field(field: Field<'_>) -> Value {
    let mut out =
        json!({ "id": field.id, "label": field.label, "data_hex": hex::encode(field.data) });
    if let Some(name) = field.name {
        out["name_hex"] = json!(hex::encode(name));
    }
    out
}

/// Makes a world's signet from its keys; of the recorded signet only the informational fields are used.
fn make_again(world: &World, name: &str) -> Option<Signet> {
    let recorded = world.signet(name);
    let (whose, stage) = name.rsplit_once('_')?;
    let whole = match whose {
        "origin" => organization_signet(world, "origin", "origin_domain", false, &recorded),
        "origin_soks" | "origin_alloptional" => {
            organization_signet(world, "origin", "origin_domain", true, &recorded)
        }
        "destination" => {
            organization_signet(world, "destination", "destination_domain", false, &recorded)
        }
        _ => return user_signet(world, whose, stage, &recorded),
    };
    cut(&whole.ok()?, stage)
}

fn organization_signet(
    world: &World,
    keys: &str,
    domain: &str,
    soks: bool,
    recorded: &Signet,
) -> Result<Signet, SignetError> {
    let keys = world.keys(keys);
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
            let sok = world.keys(&format!("origin_sok_{name}")).signing.public();
            draft = draft.sok(Permissions(permissions), sok);
        }
    }
    for field in information(recorded) {
        draft = match field.name {
            Some(name) => draft.named_field(name, field.data),
            None => draft.field(field.id, field.data),
        };
    }
    draft.sign(&keys.signing, world.name(domain))
}

fn user_signet(world: &World, whose: &str, stage: &str, recorded: &Signet) -> Option<Signet> {
    let (keys, previous, issuer, address) = match whose {
        "author" | "author_alloptional" => ("author", None, "origin", "author_address"),
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
        // The alternate key of the recorded request is of a form that we do not write.
        _ => return None,
    };
    let previous = previous.map(|name| world.keys(name).signing);
    let request = request(&world.keys(keys), &[], previous.as_ref(), Profile::Libdime).ok()?;
    if stage == "ssr" {
        return Some(request);
    }
    let fields: Vec<_> = information(recorded).collect();
    let issued = issue_fields(
        &request,
        &world.keys(issuer).signing,
        &fields,
        world.name(address),
    );
    cut(&issued.ok()?, stage)
}

fn information(signet: &Signet) -> impl Iterator<Item = Field<'_>> {
    signet.fields().filter(|field| {
        (FIRST_INFORMATION..=LAST_INFORMATION).contains(&field.id)
            && (field.id != NAMED || field.name.is_some())
    })
}

fn cut(whole: &Signet, stage: &str) -> Option<Signet> {
    match stage {
        "crypto" => whole.split(FingerprintKind::Cryptographic).ok(),
        "full" => whole.split(FingerprintKind::Full).ok(),
        "id" => Some(whole.clone()),
        _ => None,
    }
}
