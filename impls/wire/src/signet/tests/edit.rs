//! Editing, splitting and rejoining, photos and secondary keys.

use proptest::prelude::*;

use super::*;

fn sok(permissions: Permissions, seed: u8) -> SecondaryKey {
    SecondaryKey {
        permissions,
        key: keys(seed).signing.public(),
    }
}

fn message<T>(result: Result<T, SignetError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "done".to_owned())
}

/// Ids of the fields, in order.
fn ids(signet: &Signet) -> Vec<u8> {
    signet.fields().map(|field| field.id).collect()
}

#[test]
fn an_edit_removes_the_signatures_that_it_invalidates_and_no_others() {
    let signet = organization_signet(Profile::Libdime);
    assert_eq!(
        ids(&signet),
        [1, 2, 2, 3, 4, 16, 251, 253, 254, 255],
        "what the edits below start from"
    );
    let after = |edit: &dyn Fn(&mut SignetEditor) -> Result<(), SignetError>| {
        let mut editor = signet.edit();
        edit(&mut editor).expect("a good edit");
        ids(&editor.finish())
    };
    assert_eq!(
        after(&|e| e.add_secondary_key(sok(Permissions::TLS, 7)).map(drop)),
        [1, 2, 2, 2, 3, 16, 251, 254]
    );
    assert_eq!(
        after(&|e| e.remove_secondary_key(&keys(2).signing.public()).map(drop)),
        [1, 2, 3, 16, 251, 254]
    );
    assert_eq!(
        after(&|e| e.set(16, b"Two").map(drop)),
        [1, 2, 2, 3, 4, 16, 251, 254]
    );
    assert_eq!(
        after(&|e| e.remove(16).map(drop)),
        [1, 2, 2, 3, 4, 251, 254]
    );
    assert_eq!(
        after(&|e| e.set_identifier("two.example").map(drop)),
        [1, 2, 2, 3, 4, 16, 251, 253, 254]
    );
    assert_eq!(
        after(&|e| e.remove_identifier().map(drop)),
        [1, 2, 2, 3, 4, 16, 251, 253]
    );
}

#[test]
fn an_edit_that_changes_nothing_keeps_all_signatures() {
    let signet = organization_signet(Profile::Libdime);
    let mut editor = signet.edit();
    let edits = editor
        .set(16, b"One")
        .and_then(|e| e.remove(17))
        .and_then(|e| e.set_named(b"Colour", b"blue"))
        .and_then(|e| e.remove_named(b"Shade"))
        .and_then(|e| e.set_identifier("ONE.example"))
        .and_then(|e| e.remove_secondary_key(&keys(9).signing.public()))
        .and_then(|e| e.set_encryption_key(&keys(1).encryption.public()))
        .and_then(|e| e.sign_cryptographic(&keys(1).signing, None))
        .map(drop);
    assert_eq!(edits, Ok(()));
    assert_eq!(editor.finish(), signet);
}

#[test]
fn an_edited_signet_is_good_again_once_it_is_signed_from_there() {
    let (pok, alternate) = (keys(1).signing, keys(2).signing);
    let organization = organization_signet(Profile::Libdime);
    let mut editor = organization.edit();
    let done = editor
        .add_secondary_key(sok(Permissions::SOFTWARE, 7))
        .and_then(|e| e.sign_cryptographic(&pok, None))
        .and_then(|e| e.sign_full(&pok, None))
        .and_then(|e| e.sign_identified(&pok, None))
        .map(drop);
    assert_eq!(done, Ok(()));
    let edited = editor.finish();
    assert_eq!(
        validate_organization(&edited, &[pok.public()], Some("one.example")),
        State::Identified
    );
    let user = user_signet(5, None);
    let mut editor = user.edit();
    let done = editor
        .set(95, b"Employer;work")
        .and_then(|e| e.sign_full(&alternate, Some(&organization)))
        .and_then(|e| e.sign_identified(&pok, Some(&organization)))
        .map(drop);
    assert_eq!(done, Ok(()));
    assert_eq!(
        validate_user(editor.signet(), &edited, None, Some("Ann@one.example")),
        State::Identified
    );
}

#[test]
fn signatures_need_what_they_cover_and_a_key_that_belongs() {
    let organization = organization_signet(Profile::Libdime);
    let (pok, sok) = (keys(1).signing, keys(2).signing);
    let of = |edit: &dyn Fn(&mut SignetEditor) -> Result<(), SignetError>, signet: &Signet| {
        let mut editor = signet.edit();
        let result = edit(&mut editor);
        assert_eq!(editor.signet() == signet, result.is_err());
        message(result)
    };
    let crypto = organization.split(FingerprintKind::Cryptographic);
    let crypto = crypto.expect("an organization's");
    let (user, request) = (user_signet(5, None), user_request(5, None));
    let mut forged = organization.edit();
    forged.set(16, b"Not one").expect("a good edit");
    let mut unsigned = request.edit();
    let alternate = crate::keys::AlternateKey::from_bytes([1; 32]).public();
    unsigned.add_alternate_key(&alternate).expect("a request");
    let full = user.split(FingerprintKind::Full).expect("a user's");
    let mut moved = full.edit();
    moved.set_identifier("ann@two.example").expect("an address");
    let results = [
        of(
            &|e| e.sign_cryptographic(&sok, None).map(drop),
            &organization,
        ),
        of(&|e| e.sign_identified(&pok, None).map(drop), &crypto),
        of(&|e| e.sign_full(&pok, None).map(drop), &user),
        of(&|e| e.sign_full(&pok, Some(&user)).map(drop), &user),
        of(
            &|e| e.sign_full(&keys(3).signing, Some(&organization)).map(drop),
            &user,
        ),
        of(&|e| e.sign_request(&pok).map(drop), &request),
        of(&|e| e.sign_request(&pok).map(drop), &user),
        of(
            &|e| e.sign_full(&pok, Some(&organization)).map(drop),
            &request,
        ),
        of(
            &|e| e.sign_cryptographic(&pok, Some(&organization)).map(drop),
            unsigned.signet(),
        ),
        of(
            &|e| e.sign_identified(&pok, Some(&organization)).map(drop),
            moved.signet(),
        ),
        of(
            &|e| e.sign_cryptographic(&sok, Some(&organization)).map(drop),
            &request,
        ),
    ];
    insta::assert_snapshot!(results.join("\n"), @"
    signing key is not the key in the signet
    signet has no field 253
    signet of the issuing organization is missing or not sound
    signet of the issuing organization is missing or not sound
    signing key is not the key in the signet
    signing key is not the key in the signet
    signet kind is not suitable: User
    signet kind is not suitable: Request
    request is not signed by its own key
    identifier is not a domain or address: \"ann@two.example\"
    done
    ");
}

#[test]
fn an_issuer_whose_keys_cannot_be_listed_is_to_blame_itself() {
    let broken = with_broken_sok();
    let mut editor = user_signet(5, None).edit();
    let refused = editor.sign_full(&keys(1).signing, Some(&broken)).map(drop);
    assert_eq!(refused, Err(SignetError::Issuer));
}

#[test]
fn fields_that_are_not_information_are_not_set_by_id() {
    let organization = organization_signet(Profile::Libdime);
    let mut editor = organization.edit();
    let long = [b'x'; 256];
    let results = [
        message(editor.set(1, b"a")),
        message(editor.set(4, &[0; 64])),
        message(editor.set(28, b"a")),
        message(editor.set(251, b"a")),
        message(editor.set(254, b"a")),
        message(editor.remove(253)),
        message(editor.set(16, &long)),
        message(editor.set_named(&long, b"a")),
        message(editor.add(16, b"again")),
        message(editor.set_identifier("ann@one.example")),
        message(editor.set_photo(b"not an image")),
        message(editor.add_alternate_key(&AlternatePublicKey([1; 32]))),
        message(
            user_signet(5, None)
                .edit()
                .set_encryption_key(&keys(1).encryption.public()),
        ),
        message(user_request(5, None).edit().set(16, b"a")),
        message(
            user_request(5, None)
                .edit()
                .set_identifier("ann@one.example"),
        ),
    ];
    insta::assert_snapshot!(results.join("\n"), @"
    failed to write signet field 1
    failed to write signet field 4
    signet field 28 is not known
    failed to write signet field 251
    failed to write signet field 254
    failed to write signet field 253
    failed to write signet field 16
    failed to write signet field 251
    signet field 16 is not unique
    identifier is not a domain or address: \"ann@one.example\"
    photo is not a png image within the limits
    signet kind is not suitable: Organization
    signet kind is not suitable: User
    signet field 16 is not known
    signet kind is not suitable: Request
    ");
    assert_eq!(editor.finish(), organization);
}

#[test]
fn named_fields_are_found_and_changed_by_name() {
    let mut editor = organization_signet(Profile::Libdime).edit();
    let done = editor
        .add_named(b"Colour", b"red")
        .and_then(|e| e.add_named(b"Shade", b"dark"))
        .map(drop);
    assert_eq!(done, Ok(()));
    let signet = editor.signet();
    assert_eq!(signet.named_field(b"Colour"), Some(b"blue".as_slice()));
    assert!(
        signet
            .named_fields(b"Colour")
            .eq([b"blue".as_slice(), b"red"])
    );
    assert_eq!(signet.named_field(b"colour"), None);
    assert!(editor.set_named(b"Colour", b"green").is_ok());
    let names: Vec<_> = editor
        .signet()
        .fields()
        .filter_map(|field| field.name)
        .collect();
    assert_eq!(names, [b"Shade".as_slice(), b"Colour"]);
    assert!(editor.remove_named(b"Shade").is_ok());
    assert_eq!(editor.signet().named_field(b"Shade"), None);
    assert_eq!(
        editor.signet().named_field(b"Colour"),
        Some(b"green".as_slice())
    );
}

#[test]
fn one_of_several_values_is_removed() {
    let mut editor = organization_signet(Profile::Libdime).edit();
    let done = editor
        .add(21, b"one")
        .and_then(|e| e.add(21, b"two"))
        .and_then(|e| e.add(21, b"three"))
        .and_then(|e| e.remove_value(21, b"two"))
        .map(drop);
    assert_eq!(done, Ok(()));
    assert!(editor.signet().values(21).eq([b"one".as_slice(), b"three"]));
    assert_eq!(
        message(editor.remove_value(4, b"")),
        "failed to write signet field 4"
    );
}

#[test]
fn a_request_is_edited_and_signed_again_by_its_user() {
    let (previous, own) = (keys(5).signing, keys(6).signing);
    let organization = organization_signet(Profile::Libdime);
    let extra = crate::keys::AlternateKey::from_bytes([44; 32]).public();
    let mut editor = user_request(6, Some(5)).edit();
    assert!(editor.add_alternate_key(&extra).is_ok());
    assert_eq!(ids(editor.signet()), [1, 2, 3, 3]);
    let signed = editor
        .sign_custody(&previous)
        .and_then(|e| e.sign_request(&own))
        .map(drop);
    assert_eq!(signed, Ok(()));
    let request = editor.signet().clone();
    assert_eq!(
        validate_request(&request, Some(&user_signet(5, None))),
        State::Request
    );
    let signed = editor.sign_cryptographic(&keys(1).signing, Some(&organization));
    assert_eq!(signed.map(drop), Ok(()));
    let signet = editor.finish();
    assert_eq!(
        (signet.kind(), signet.to_request()),
        (SignetKind::User, Ok(request))
    );
    assert_eq!(signet.alternate_keys().len(), 2);
    let mut editor = signet.to_request().expect("a user's").edit();
    let removed = editor.remove_alternate_key(&extra).map(drop);
    assert_eq!((removed, ids(editor.signet())), (Ok(()), vec![1, 2, 3]));
    assert_eq!(
        organization.to_request().map(drop),
        Err(SignetError::Kind(SignetKind::Organization))
    );
}

#[test]
fn a_user_signet_is_signed_again_when_its_organization_has_a_new_pok() {
    let (old, new) = (organization_signet(Profile::Libdime), keys(20));
    let replaced = organization(&new.signing, &new.encryption.public(), Profile::Libdime)
        .sign(&new.signing, "one.example")
        .expect("a good draft");
    let user = user_signet(5, None);
    assert_eq!(validate_user(&user, &replaced, None, None), State::Invalid);
    let mut editor = user.edit();
    let signed = editor
        .sign_cryptographic(&new.signing, Some(&replaced))
        .and_then(|e| e.sign_full(&new.signing, Some(&replaced)))
        .and_then(|e| e.sign_identified(&new.signing, Some(&replaced)))
        .map(drop);
    assert_eq!(signed, Ok(()));
    let signet = editor.finish();
    assert_eq!(
        validate_user(&signet, &replaced, None, None),
        State::Identified
    );
    assert_eq!(validate_user(&signet, &old, None, None), State::Invalid);
}

#[test]
fn the_forms_of_a_signet_rejoin_and_others_do_not() {
    let signets = [organization_signet(Profile::Libdime), user_signet(5, None)];
    for signet in &signets {
        for kind in [FingerprintKind::Cryptographic, FingerprintKind::Full] {
            let part = signet.split(kind).expect("not a request");
            for (left, right) in [(signet, &part), (&part, signet)] {
                assert_eq!(left.rejoin(right).as_ref(), Ok(signet));
            }
            assert_eq!(part.rejoin(&part), Ok(part.clone()));
        }
    }
    let empty = Signet::parse(&with_header(SignetKind::User, &[])).expect("an empty signet");
    let user = user_signet(5, None);
    let mut renamed = user.edit();
    renamed.set(16, b"Anne").expect("a good edit");
    let strangers = [
        &empty,
        &signets[0],
        &user_signet(6, None),
        &user_request(5, None),
        renamed.signet(),
    ];
    for stranger in strangers {
        assert_eq!(user.rejoin(stranger), Err(SignetError::Unrelated));
        assert_eq!(stranger.rejoin(&user), Err(SignetError::Unrelated));
    }
}

#[test]
fn a_request_is_no_form_of_a_signet_and_has_none() {
    let (user, request) = (user_signet(5, None), user_request(5, None));
    let refused = user.split(FingerprintKind::Request);
    assert_eq!(refused, Err(SignetError::Kind(SignetKind::User)));
    for at in FingerprintKind::ALL {
        let refused = request.split(at);
        assert_eq!(refused, Err(SignetError::Kind(SignetKind::Request)));
    }
    assert_eq!(user.to_request(), Ok(request));
}

#[test]
fn secondary_keys_are_listed_one_by_one() {
    let signet = organization_signet(Profile::Libdime);
    let both = Permissions::MESSAGES.and(Permissions::TLS);
    assert!(
        signet
            .secondary_keys()
            .eq([Some(sok(Permissions::SIGNETS, 2)), Some(sok(both, 3))])
    );
    assert_eq!(user_signet(5, None).secondary_keys().count(), 0);
    let texts = [Permissions::NONE, both, Permissions(0x91)].map(|one| one.to_string());
    assert_eq!(texts, ["nothing", "messages, tls", "signets, 0x90"]);
    let bytes = sok(both, 3).to_bytes();
    assert_eq!(SecondaryKey::from_bytes(&bytes), Some(sok(both, 3)));
    for wrong in [&bytes[..33], &[bytes.as_slice(), &[0]].concat(), &[]] {
        assert_eq!(SecondaryKey::from_bytes(wrong), None);
    }
}

#[test]
fn a_list_of_keys_is_no_longer_than_its_limit() {
    let pok = keys(1).signing;
    let mut editor = organization_signet(Profile::Libdime).edit();
    for seed in 3..=MAXIMUM_SECONDARY_KEYS + 2 {
        let seed = u8::try_from(seed).expect("a small number");
        let added = editor.add_secondary_key(sok(Permissions::TLS, seed));
        assert_eq!(added.map(drop), Ok(()));
    }
    let signed = |editor: &mut SignetEditor| {
        let signed = editor.sign_cryptographic(&pok, None).map(drop);
        assert_eq!(signed, Ok(()));
        editor.signet().clone()
    };
    // Key 3 is there twice, once for messages and TLS.
    let full = signed(&mut editor);
    assert_eq!(full.tls_keys(), Err(SignetError::TooManyKeys));
    assert_eq!(full.message_keys().map(|keys| keys.len()), Ok(2));
    editor
        .remove_secondary_key(&keys(9).signing.public())
        .expect("an organization's");
    let fitting = signed(&mut editor);
    assert_eq!(
        fitting.tls_keys().map(|keys| keys.len()),
        Ok(MAXIMUM_SECONDARY_KEYS + 1)
    );
}

/// One chunk of a PNG image.
fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let covered = [kind.as_slice(), data].concat();
    let checksum = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&covered);
    let size = big_endian::<4>(data.len());
    [size.as_slice(), &covered, &checksum.to_be_bytes()].concat()
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat()].concat()
}

fn png_header(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    let data = [width.to_be_bytes().as_slice(), &height.to_be_bytes(), &rest].concat();
    png_chunk(b"IHDR", &data)
}

#[test]
fn a_photo_has_the_shape_of_a_png_image() {
    let header = png_header(40, 30, [8, 6, 0, 0, 0]);
    let (text, data, end) = (
        png_chunk(b"tEXt", b"a"),
        png_chunk(b"IDAT", b"pixels"),
        png_chunk(b"IEND", b""),
    );
    let join =
        |chunks: &[&Vec<u8>]| png(&chunks.iter().map(|one| (*one).clone()).collect::<Vec<_>>());
    let good = join(&[&header, &text, &data, &data, &text, &end]);
    let mut editor = organization_signet(Profile::Libdime).edit();
    assert!(editor.set_photo(&good).is_ok());
    let photo = editor
        .signet()
        .photo()
        .expect("a good photo")
        .expect("a photo");
    assert_eq!(
        (photo.width, photo.height, photo.png),
        (40, 30, good.as_slice())
    );

    let mut flipped = good.clone();
    flipped[60] ^= 1;
    let bad = [
        flipped,
        join(&[&header, &end]),
        join(&[&header, &data, &text, &data, &end]),
        join(&[&header, &header, &data, &end]),
        join(&[&text, &data, &end]),
        join(&[&header, &data, &end, &text]),
        join(&[&png_header(0, 1, [8, 6, 0, 0, 0]), &data, &end]),
        join(&[
            &png_header(1, MAXIMUM_PHOTO_SIDE + 1, [8, 6, 0, 0, 0]),
            &data,
            &end,
        ]),
        join(&[&png_header(1, 1, [16, 3, 0, 0, 0]), &data, &end]),
        join(&[&png_header(1, 1, [8, 6, 1, 0, 0]), &data, &end]),
        join(&[&png_header(1, 1, [8, 6, 0, 0, 2]), &data, &end]),
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIHDR".to_vec(),
        Vec::new(),
    ];
    for (index, image) in bad.iter().enumerate() {
        assert_eq!(Photo::parse(image), None, "image {index}");
    }
    assert!((0..good.len()).all(|cut| Photo::parse(&good[..cut]).is_none()));
    assert_eq!(organization_signet(Profile::Libdime).photo(), Ok(None));
    let mut editor = organization_signet(Profile::Libdime).edit();
    editor
        .set(252, b"a picture")
        .expect("any data may stand there");
    assert_eq!(editor.signet().photo(), Err(SignetError::Photo));
}

/// Any edit, by numbers.
fn apply(
    editor: &mut SignetEditor,
    organization: &Signet,
    (choice, id, data): (u8, u8, &[u8]),
) -> Result<(), SignetError> {
    let (pok, issuer) = (keys(1).signing, Some(organization));
    match choice % 12 {
        0 | 1 => editor.set(id, data),
        2 => editor.add(id, data),
        3 => editor.remove(id),
        4 => editor.set_named(&[id % 4], data),
        5 => editor.add_named(&[id % 4], data),
        6 => editor.remove_named(&[id % 4]),
        7 => editor.add_secondary_key(sok(Permissions(id), id)),
        8 => editor.remove_secondary_key(&keys(id).signing.public()),
        9 => editor.sign_cryptographic(&pok, issuer),
        10 => editor.sign_full(&pok, issuer),
        _ => editor.sign_identified(&pok, issuer),
    }
    .map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_edited_parses_and_every_signature_left_is_good(
        edits in proptest::collection::vec(
            (any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..20)), 1..12),
        user in any::<bool>(),
        magma in any::<bool>(),
    ) {
        let organization = organization_signet(if magma { Profile::Magma } else { Profile::Libdime });
        let start = if user { user_signet(5, None) } else { organization.clone() };
        let mut editor = start.edit();
        for (choice, id, data) in &edits {
            let before = editor.signet().clone();
            if apply(&mut editor, &organization, (*choice, *id, data)).is_err() {
                prop_assert_eq!(editor.signet(), &before);
            }
            let signet = editor.signet();
            prop_assert_eq!(&Signet::parse(signet.as_bytes()), &Ok(signet.clone()));
            let state = if user {
                validate_user(signet, &organization, None, None)
            } else {
                validate_organization(signet, &[keys(1).signing.public()], None)
            };
            // A signature above a gap cannot be, so the state is what the structure promises.
            prop_assert_eq!(state, signet.structure());
        }
    }

    #[test]
    fn no_bytes_make_reading_a_photo_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        data in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let chunks = [png_header(4, 3, [8, 2, 0, 0, 0]), png_chunk(b"IDAT", &data), png_chunk(b"IEND", b"")];
        let mut image = png(&chunks);
        prop_assert!(Photo::parse(&image).is_some());
        for (place, value) in changes {
            let place = place.index(image.len());
            image[place] = value;
        }
        let _ = (Photo::parse(&image), Photo::parse(&data));
    }
}
