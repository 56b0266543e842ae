//! Tests of signets by themselves; those against recorded ones are in `tests/`.

mod custody;
mod edit;

use proptest::prelude::*;

use super::*;
use crate::keys::{EncryptionKey, PrivateKeys, SigningKey};

fn keys(seed: u8) -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([seed; 32]),
        encryption: EncryptionKey::derive([seed; 32]),
    }
}

fn organization_signet(profile: Profile) -> Signet {
    let own = keys(1);
    let draft = organization(&own.signing, &own.encryption.public(), profile)
        .sok(Permissions::SIGNETS, keys(2).signing.public())
        .sok(
            Permissions::MESSAGES.and(Permissions::TLS),
            keys(3).signing.public(),
        )
        .named_field(b"Colour", b"blue")
        .field(16, b"One");
    draft
        .sign(&own.signing, "One.Example")
        .expect("a good draft")
}

fn user_request(seed: u8, previous: Option<u8>) -> Signet {
    let previous = previous.map(|seed| keys(seed).signing);
    let alternate = [crate::keys::AlternateKey::from_bytes([seed; 32]).public()];
    request(&keys(seed), &alternate, previous.as_ref(), Profile::Libdime).expect("a good request")
}

fn user_signet(seed: u8, previous: Option<u8>) -> Signet {
    let fields: [(u8, &[u8]); 2] = [(94, b"Dr"), (16, b"Ann")];
    issue(
        &user_request(seed, previous),
        &keys(1).signing,
        &fields,
        "Ann@ONE.example",
    )
    .expect("a good request")
}

#[test]
fn an_organization_signet_is_good_under_its_own_key_only() {
    for profile in [Profile::Libdime, Profile::Magma] {
        let signet = organization_signet(profile);
        assert_eq!(
            (signet.profile(), signet.identifier()),
            (profile, Some("one.example"))
        );
        let pok = keys(1).signing.public();
        assert_eq!(
            validate_organization(&signet, &[pok], Some("ONE.example")),
            State::Identified
        );
        assert_eq!(
            validate_organization(&signet, &[pok], Some("two.example")),
            State::Invalid
        );
        assert_eq!(
            validate_organization(&signet, &[keys(2).signing.public()], None),
            State::Unknown
        );
        assert_eq!(validate_organization(&signet, &[], None), State::Unknown);
        for (at, state) in [
            (FingerprintKind::Cryptographic, State::Cryptographic),
            (FingerprintKind::Full, State::Full),
        ] {
            let part = signet.split(at).expect("an organization's");
            assert_eq!(
                validate_organization(&part, &[pok], Some("two.example")),
                state
            );
            assert_eq!(part.fingerprint(at), signet.fingerprint(at));
        }
    }
}

#[test]
fn the_two_profiles_have_different_fingerprints() {
    let prints = [Profile::Libdime, Profile::Magma]
        .map(|profile| organization_signet(profile).fingerprint(FingerprintKind::Cryptographic));
    assert_ne!(prints[0], prints[1]);
}

#[test]
fn key_lists_follow_permissions() {
    let signet = organization_signet(Profile::Libdime);
    let [pok, signets, messages] = [1, 2, 3].map(|seed| keys(seed).signing.public());
    assert_eq!(signet.signet_keys(), Ok(vec![pok, signets]));
    assert_eq!(signet.message_keys(), Ok(vec![pok, messages]));
    assert_eq!(signet.tls_keys(), Ok(vec![pok, messages]));
    assert_eq!(signet.keys_for(Permissions::SOFTWARE), Ok(vec![pok]));
    assert_eq!(
        user_signet(5, None).signet_keys(),
        Err(SignetError::Kind(SignetKind::User))
    );
}

#[test]
fn a_user_signet_is_judged_by_organization_name_and_custody() {
    let (organization, signet) = (organization_signet(Profile::Libdime), user_signet(5, None));
    let judge = |signet: &Signet, previous: Option<&Signet>, address| {
        validate_user(signet, &organization, previous, address)
    };
    assert_eq!(
        judge(&signet, None, Some("Ann@one.example")),
        State::Identified
    );
    assert_eq!(
        judge(&signet, None, Some("ann@one.example")),
        State::Invalid
    );
    let next = user_signet(6, Some(5));
    assert_eq!(judge(&next, Some(&signet), None), State::Identified);
    assert_eq!(judge(&next, None, None), State::BrokenCustody);
    assert_eq!(judge(&next, Some(&next), None), State::BrokenCustody);
    assert_eq!(
        judge(&next, Some(&organization), None),
        State::BrokenCustody
    );
    assert_eq!(
        judge(&user_signet(6, None), Some(&signet), None),
        State::BrokenCustody
    );
    assert_eq!(judge(&user_request(5, None), None, None), State::Unknown);
    assert_eq!(validate_user(&signet, &signet, None, None), State::Unknown);
}

/// The signet with these bytes for its identifier, signed in good order.
fn identified_as(signet: &Signet, identifier: &[u8]) -> Signet {
    let size = u8::try_from(identifier.len()).expect("a short identifier");
    let fields = [
        signet.through(FULL_SIGNATURE),
        &[IDENTIFIER, size],
        identifier,
    ]
    .concat();
    signed(signet.kind(), fields, IDENTIFIED_SIGNATURE, 1)
}

#[test]
fn an_identifier_that_names_nobody_makes_a_signet_invalid() {
    let (organization, user) = (organization_signet(Profile::Libdime), user_signet(5, None));
    let nameless = organization.split(FingerprintKind::Full);
    let nameless = nameless.expect("an organization's");
    let own = keys(1).signing;
    let not_addresses: [&[u8]; 5] = [
        b"one.example",
        b"@one.example",
        b"a@one.example.",
        b"",
        b"\xff",
    ];
    for wrong in not_addresses.map(|wrong| identified_as(&user, wrong)) {
        for issuer in [&organization, &nameless] {
            let state = validate_user(&wrong, issuer, None, None);
            assert_eq!(state, State::Invalid, "{wrong:?}");
        }
        let mut editor = wrong.edit();
        let signed = editor.sign_identified(&own, Some(&nameless)).map(drop);
        assert!(matches!(signed, Err(SignetError::Identifier(_))));
    }
    let not_domains: [&[u8]; 4] = [b"ann@one.example", b"one..example", b"", b"\xff"];
    for wrong in not_domains.map(|wrong| identified_as(&organization, wrong)) {
        let state = validate_organization(&wrong, &[own.public()], None);
        assert_eq!(state, State::Invalid, "{wrong:?}");
        assert!(Issuer::new(&wrong).is_none());
        let signed = wrong.edit().sign_identified(&own, None).map(drop);
        assert!(matches!(signed, Err(SignetError::Identifier(_))));
    }
    let good = identified_as(&user, b"Ann@ONE.example");
    let state = validate_user(&good, &nameless, None, None);
    assert_eq!(state, State::Identified);
}

#[test]
fn the_wrong_kind_of_issuer_is_told_before_what_the_signet_lacks() {
    let (organization, signet) = (organization_signet(Profile::Libdime), user_signet(5, None));
    let keys_only = with_header(SignetKind::User, signet.below(SELF_SIGNATURE));
    let incomplete = Signet::parse(&keys_only).expect("it parses");
    let judge = |issuer: &Signet| validate_user(&incomplete, issuer, None, None);
    assert_eq!(judge(&organization), State::Incomplete);
    for issuer in [&signet, &user_request(5, None)] {
        assert_eq!(judge(issuer), State::Unknown);
    }
}

#[test]
fn a_rotated_request_is_judged_by_its_custody_signature() {
    let (previous, request) = (user_signet(5, None), user_request(6, Some(5)));
    assert_eq!(validate_request(&request, Some(&previous)), State::Request);
    assert_eq!(validate_request(&request, None), State::BrokenCustody);
    assert_eq!(
        validate_request(&user_request(6, Some(7)), Some(&previous)),
        State::BrokenCustody
    );
    assert_eq!(validate_request(&previous, None), State::Unknown);
}

#[test]
fn a_signet_issued_by_another_organization_is_invalid() {
    let foreign = issue(
        &user_request(5, None),
        &keys(9).signing,
        &[],
        "ann@one.example",
    )
    .expect("a request");
    let organization = organization_signet(Profile::Libdime);
    assert_eq!(
        validate_user(&foreign, &organization, None, None),
        State::Invalid
    );
    let elsewhere = issue(
        &user_request(5, None),
        &keys(1).signing,
        &[],
        "ann@two.example",
    )
    .expect("a request");
    assert_eq!(
        validate_user(&elsewhere, &organization, None, None),
        State::Invalid
    );
    let by_sok = issue(
        &user_request(5, None),
        &keys(2).signing,
        &[],
        "ann@one.example",
    )
    .expect("a request");
    assert_eq!(
        validate_user(&by_sok, &organization, None, None),
        State::Identified
    );
    let by_wrong_sok = issue(
        &user_request(5, None),
        &keys(3).signing,
        &[],
        "ann@one.example",
    )
    .expect("a request");
    assert_eq!(
        validate_user(&by_wrong_sok, &organization, None, None),
        State::Invalid
    );
}

#[test]
fn a_tampered_signet_is_invalid() {
    let organization = organization_signet(Profile::Libdime);
    let pok = [keys(1).signing.public()];
    for (signet, is_user) in [(user_signet(5, None), true), (organization.clone(), false)] {
        let bytes = signet.to_bytes();
        for place in HEADER_SIZE..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x04;
            let Ok(changed) = Signet::parse(&changed) else {
                continue;
            };
            let state = if is_user {
                validate_user(&changed, &organization, None, None)
            } else {
                validate_organization(&changed, &pok, None)
            };
            assert!(!state.is_valid(), "byte {place} of {signet:?}: {state:?}");
        }
    }
}

#[test]
fn building_refuses_what_could_not_be_read() {
    let own = keys(1);
    let draft = || organization(&own.signing, &own.encryption.public(), Profile::Libdime);
    let domain = "one.example";
    let long = [b'x'; 256];
    let refusals = [
        draft().sign(&keys(2).signing, domain),
        draft().sign(&own.signing, "no domain"),
        draft()
            .field(16, b"a")
            .field(16, b"b")
            .sign(&own.signing, domain),
        draft().field(16, &long).sign(&own.signing, domain),
        draft().field(28, b"a").sign(&own.signing, domain),
        draft().field(254, b"a").sign(&own.signing, domain),
        draft().field(4, b"a").sign(&own.signing, domain),
        issue(&user_signet(5, None), &own.signing, &[], "ann@one.example"),
        issue(&user_request(5, None), &own.signing, &[], domain),
        issue(
            &user_request(5, None),
            &own.signing,
            &[(203, b"a")],
            "ann@one.example",
        ),
    ];
    let refusals = refusals.map(|refused| {
        refused
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    });
    insta::assert_snapshot!(refusals.join("\n"), @"
    signing key is not the key in the signet
    identifier is not a domain or address: \"no domain\"
    signet field 16 is not unique
    failed to write signet field 16
    signet field 28 is not known
    failed to write signet field 254
    failed to write signet field 4
    signet kind is not suitable: User
    identifier is not a domain or address: \"one.example\"
    signet field 203 is not known
    ");
    assert!(
        draft()
            .field(21, b"1")
            .field(21, b"2")
            .sign(&own.signing, domain)
            .is_ok()
    );
}

#[test]
fn parsing_is_strict() {
    let good = organization_signet(Profile::Libdime).to_bytes();
    let framed = |magic: u16, fields: &[u8]| {
        let header = [
            magic.to_be_bytes().as_slice(),
            &big_endian::<3>(fields.len()),
        ]
        .concat();
        Signet::parse(&[header.as_slice(), fields].concat()).map(|signet| signet.structure())
    };
    let key = |id: u8| [&[id, 33, 0x40], [7u8; 32].as_slice()].concat();
    let results = [
        Signet::parse(&good[..good.len() - 1]).map(|signet| signet.structure()),
        Signet::parse(&[good.as_slice(), &[0]].concat()).map(|signet| signet.structure()),
        framed(1947, &key(1)),
        framed(1776, &[]),
        framed(1776, &key(1)),
        framed(1776, &[key(1), key(1)].concat()),
        framed(1776, &[16, 0, 1, 0]),
        framed(1776, &[5, 0]),
        framed(1776, &[16, 4, 1]),
        framed(1776, &[251, 9, 1]),
        framed(1789, &[[4u8].as_slice(), &[0; 63]].concat()),
        framed(1215, &[&[5u8], [0; 64].as_slice(), &key(6)].concat()),
    ];
    let results = results.map(|result| match result {
        Ok(state) => format!("{state:?}"),
        Err(error) => error.to_string(),
    });
    insta::assert_snapshot!(results.join("\n"), @"
    signet length is not that of its fields
    signet length is not that of its fields
    bytes are not a signet: unknown magic number
    Incomplete
    Incomplete
    signet field 1 is not unique
    signet field 1 is not in ascending order
    signet field 5 is not known
    signet field 16 is not complete
    signet field 251 is not complete
    signet field 4 is not complete
    signet field 6 is not known
    ");
}

#[test]
fn a_signet_without_fields_has_no_fingerprint() {
    let empty = Signet::parse(&with_header(SignetKind::User, &[])).expect("an empty signet parses");
    assert!(
        FingerprintKind::ALL
            .into_iter()
            .all(|kind| empty.fingerprint(kind).is_none())
    );
}

#[test]
fn a_broken_secondary_key_fails_the_lists_that_it_qualifies_for() {
    let own = keys(1);
    let broken = with_broken_sok();
    let pok = own.signing.public();
    assert_eq!(
        validate_organization(&broken, &[pok], None),
        State::Cryptographic
    );
    assert_eq!(broken.signet_keys(), Err(SignetError::Key(SECONDARY_KEY)));
    assert_eq!(broken.message_keys().map(|keys| keys.len()), Ok(2));
    assert_eq!(
        validate_user(&user_signet(5, None), &broken, None, None),
        State::Invalid
    );
}

/// The organization's signet with a SOK for signets that cannot be read, signed in good order.
fn with_broken_sok() -> Signet {
    let signet = organization_signet(Profile::Libdime);
    let mut fields = Vec::new();
    for field in signet.fields().filter(|field| field.id <= 3) {
        let mut data = field.data.to_vec();
        if data.first() == Some(&Permissions::SIGNETS.0) && field.id == SECONDARY_KEY {
            data[1] = 0x41;
        }
        let width: &[u8] = if field.id == 3 { &[0] } else { &[] };
        fields.extend([&[field.id], width, &[data.len() as u8], data.as_slice()].concat());
    }
    signed(SignetKind::Organization, fields, 4, 1)
}

/// A signet of these fields and a signature over them by this key, as field `id`.
fn signed(kind: SignetKind, mut fields: Vec<u8>, id: u8, key: u8) -> Signet {
    let signature = keys(key).signing.sign(&fields);
    fields.push(id);
    fields.extend_from_slice(&signature.0);
    Signet::parse(&with_header(kind, &fields)).expect("it parses")
}

#[test]
fn a_request_without_a_key_is_told_by_what_it_lacks() {
    let request = user_request(5, None);
    let keyless = request.below(2).to_vec();
    let keyless = signed(SignetKind::Request, keyless, SELF_SIGNATURE, 5);
    let issued = issue(&keyless, &keys(1).signing, &[], "ann@one.example");
    assert_eq!(issued, Err(SignetError::Missing(2)));
    let unsigned = with_header(SignetKind::Request, request.below(SELF_SIGNATURE));
    let unsigned = Signet::parse(&unsigned).expect("it parses");
    let issued = issue(&unsigned, &keys(1).signing, &[], "ann@one.example");
    assert_eq!(issued, Err(SignetError::SelfSignature));
}

#[test]
fn a_request_has_as_many_alternate_keys_as_fit() {
    let key = crate::keys::AlternateKey::from_bytes([5; 32]).public();
    let previous = keys(4).signing;
    for (previous, others) in [(None, 3), (Some(&previous), 4)] {
        let request = |count| request(&keys(5), &vec![key; count], previous, Profile::Libdime);
        let most = MAXIMUM_FIELDS - others;
        assert_eq!(request(most).map(|it| it.alternate_keys().len()), Ok(most));
        assert_eq!(request(most + 1), Err(SignetError::TooManyFields));
    }
}

#[test]
fn the_alternate_key_survives_from_request_to_signet() {
    let key = crate::keys::AlternateKey::from_bytes([5; 32]).public();
    for profile in [Profile::Libdime, Profile::Magma] {
        let request = request(&keys(5), &[key], None, profile).expect("a good request");
        let signet =
            issue(&request, &keys(1).signing, &[], "ann@one.example").expect("a good request");
        assert_eq!(
            (request.alternate_keys(), signet.alternate_keys()),
            (vec![key], vec![key])
        );
        assert_eq!(request.profile(), profile);
        let kind = FingerprintKind::Request;
        assert_eq!(request.fingerprint(kind), signet.fingerprint(kind));
    }
}

proptest! {
    #[test]
    fn any_information_comes_back(
        name in proptest::collection::vec(any::<u8>(), 0..40),
        data in proptest::collection::vec(any::<u8>(), 0..400),
        website in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let own = keys(1);
        let draft = organization(&own.signing, &own.encryption.public(), Profile::Libdime)
            .named_field(&name, &data)
            .field(160, &website);
        let signet = draft.sign(&own.signing, "one.example").expect("a good draft");
        prop_assert_eq!(signet.field(160), Some(website.as_slice()));
        let named = signet.fields().find(|field| field.id == NAMED).map(|field| (field.name, field.data));
        prop_assert_eq!(named, Some((Some(name.as_slice()), data.as_slice())));
        prop_assert_eq!(Signet::from_base64(&signet.to_base64()), Ok(signet.clone()));
        prop_assert_eq!(Signet::from_armor(&signet.to_armor()), Ok(signet));
    }

    #[test]
    fn no_mutation_makes_reading_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        user in any::<bool>(),
    ) {
        let organization = organization_signet(Profile::Libdime);
        let mut bytes = if user { user_signet(5, None).to_bytes() } else { organization.to_bytes() };
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(signet) = Signet::parse(bytes) {
                let _ = validate_user(&signet, &organization, Some(&signet), None);
                let _ = validate_organization(&signet, &[], None);
                let _ = (signet.structure(), signet.signet_keys(), signet.alternate_keys(), signet.identifier());
                let _ = FingerprintKind::ALL.map(|kind| (signet.fingerprint(kind), signet.split(kind)));
                let _ = (signet.photo(), signet.secondary_keys().count(), signet.named_field(b"Colour"));
                let _ = (signet.rejoin(&organization), signet.to_request(), signet.to_armor());
                let mut editor = signet.edit();
                let _ = editor.set(16, b"a").map(drop);
                let _ = editor.set_named(b"Colour", b"a").map(drop);
                let _ = editor.set_encryption_key(&keys(1).encryption.public()).map(drop);
                let _ = editor.sign_cryptographic(&keys(1).signing, Some(&signet)).map(drop);
                let _ = editor.sign_identified(&keys(1).signing, Some(&organization)).map(drop);
                prop_assert_eq!(&Signet::parse(editor.signet().as_bytes()), &Ok(editor.finish()));
            }
        }
    }

    #[test]
    fn any_fingerprint_comes_back(digest in any::<[u8; 32]>(), text in ".{0,90}") {
        let print = Fingerprint::from_digest(&[digest, digest].concat().try_into().expect("64 bytes"));
        prop_assert_eq!(Fingerprint::parse(print.as_str()), Ok(print));
        if let Ok(print) = Fingerprint::parse(&text) {
            prop_assert_eq!(print.as_str(), text);
        }
    }

    #[test]
    fn no_bytes_make_parsing_panic(fields in proptest::collection::vec(any::<u8>(), 0..120), magic in 0usize..3) {
        let kind = [SignetKind::Organization, SignetKind::User, SignetKind::Request][magic];
        let bytes = with_header(kind, &fields);
        if let Ok(signet) = Signet::parse(&bytes) {
            prop_assert_eq!(signet.to_bytes(), bytes);
        }
        let _ = Signet::parse(&fields);
        let _ = PrivateKeys::from_file(&fields);
    }
}
