//! Signets and signing requests: structure, judgement against a fixed world, editing, chains.

use dime_wire::dissect;
use dime_wire::signet::{
    Fingerprint, FingerprintKind, Photo, SELF_SIGNATURE, Signet, SignetKind, State, validate_chain,
    validate_organization, validate_request, validate_user,
};

use crate::world::WORLD;

/// A signet is what it was written as, in every form, and its views hold together.
pub fn signet(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Signet::from_base64(text);
        if let Ok(signet) = Signet::from_armor(text) {
            assert_eq!(Signet::from_armor(&signet.to_armor()), Ok(signet));
        }
    }
    let Ok(signet) = Signet::parse(input) else {
        return;
    };
    assert_eq!(signet.as_bytes(), input);
    assert_eq!(signet.to_bytes(), input);
    assert_eq!(
        Signet::from_base64(&signet.to_base64()).as_ref(),
        Ok(&signet)
    );
    assert_eq!(Signet::from_armor(&signet.to_armor()).as_ref(), Ok(&signet));
    assert_eq!(dissect::dissect(input).problems(), [], "taken strictly");
    for field in signet.fields() {
        assert!(signet.values(field.id).any(|value| value == field.data));
    }
    let _ = (signet.signing_key(), signet.encryption_key());
    let _ = (signet.alternate_keys(), signet.secondary_keys().count());
    let _ = (signet.identifier(), signet.profile(), signet.photo());
    let _ = (signet.message_keys(), signet.signet_keys());
    for kind in FINGERPRINTS {
        if let Some(print) = signet.fingerprint(kind) {
            assert!(signet.has_fingerprint(&print));
        }
        if let Ok(shorter) = signet.split(kind) {
            assert_eq!(shorter.fingerprint(kind), signet.fingerprint(kind));
            let _ = shorter.rejoin(&signet);
        }
    }
}

const FINGERPRINTS: [FingerprintKind; 3] = [
    FingerprintKind::Cryptographic,
    FingerprintKind::Full,
    FingerprintKind::Identified,
];

/// The full judgement against the fixed world. Nothing but its own signets is valid in it.
pub fn judgement(input: &[u8]) {
    let Ok(signet) = Signet::parse(input) else {
        return;
    };
    let world = &*WORLD;
    let pok = world.origin.keys.signing.public();
    let state = validate_organization(&signet, &[pok], Some("alpha.example"));
    if state.is_valid() {
        assert_eq!(signet.kind(), SignetKind::Organization);
        assert!(state <= signet.structure());
        assert_eq!(
            signet.encryption_key(),
            world.origin.signet.encryption_key()
        );
    }
    let organization = &world.origin.signet;
    for previous in [None, Some(&world.author.signet)] {
        let state = validate_user(&signet, organization, previous, Some("alice@alpha.example"));
        if state.is_valid() {
            assert_eq!(signet.kind(), SignetKind::User);
            assert!(previous.is_none(), "the world has no successor");
        }
        assert!(validate_request(&signet, previous) != State::Identified);
    }
    // The same bytes as issuer: whatever they are, they vouch for nobody.
    if signet.signing_key() != organization.signing_key() {
        let state = validate_user(&world.author.signet, &signet, None, None);
        assert!(!state.is_valid());
    }
}

/// Changes and re-signs whatever is a signet, with names and values from its own bytes.
pub fn edit(input: &[u8]) {
    let Ok(signet) = Signet::parse(input) else {
        return;
    };
    let choice = input.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let value = input.get(..usize::from(choice)).unwrap_or(input);
    let pok = &WORLD.origin.keys.signing;
    let mut editor = signet.edit();
    let _ = editor.set(choice, value).map(|_| ());
    let _ = editor.add(16, value).map(|_| ());
    let _ = editor.add_named(value, b"a value").map(|_| ());
    let _ = editor.remove_named(value).map(|_| ());
    let _ = editor.set_photo(value).map(|_| ());
    let _ = editor.remove(choice).map(|_| ());
    if choice & 1 == 1 {
        let _ = editor.sign_request(&WORLD.author.keys.signing).map(|_| ());
    }
    let _ = editor.sign_cryptographic(pok, None).map(|_| ());
    let _ = editor.sign_full(pok, None).map(|_| ());
    let edited = editor.finish();
    let again = Signet::parse(edited.as_bytes());
    assert_eq!(
        again.as_ref(),
        Ok(&edited),
        "what the editor made is a signet"
    );
    if let Ok(request) = edited.to_request() {
        assert_eq!(request.kind(), SignetKind::Request);
        assert_eq!(request.field(SELF_SIGNATURE), edited.field(SELF_SIGNATURE));
    }
}

/// Signets one behind another, each behind a length of two bytes, judged as a chain of custody.
pub fn chain(input: &[u8]) {
    let signets: Vec<Signet> = crate::seeds::unframed(input)
        .filter_map(|bytes| Signet::parse(bytes).ok())
        .collect();
    let organizations = [&WORLD.origin.signet];
    let verdict = validate_chain(&signets, None, &organizations, Some("alice@alpha.example"));
    if let Ok(chain) = verdict {
        assert_eq!(Some(chain.current()), signets.last());
        for (link, state) in chain.links() {
            assert!(state.is_valid());
            let print = link.fingerprint(FingerprintKind::Cryptographic);
            assert!(print.is_some_and(|print| chain.look_up(&print).is_some()));
        }
    }
    let trusted = Some(&WORLD.author.signet);
    let _ = validate_chain(&signets, trusted, &organizations, None);
    if let [first, second, ..] = signets.as_slice()
        && let Ok(whole) = first.rejoin(second)
    {
        assert!(whole == *first || whole == *second);
    }
}

/// A fingerprint has one text.
pub fn fingerprint(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for text in [text].into_iter().chain(text.split(['[', ']'])) {
        if let Ok(print) = Fingerprint::parse(text) {
            assert_eq!(print.as_str(), text);
            assert_eq!(text.len(), Fingerprint::LENGTH);
        }
    }
}

/// Photos.
pub fn photo(input: &[u8]) {
    if let Some(photo) = Photo::parse(input) {
        let side = 1..=dime_wire::signet::MAXIMUM_PHOTO_SIDE;
        assert!(side.contains(&photo.width) && side.contains(&photo.height));
        assert_eq!(photo.png, input);
    }
}
