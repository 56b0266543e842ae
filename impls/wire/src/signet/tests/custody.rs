//! Chains of custody over several rotations.

use proptest::prelude::*;

use super::*;

/// A chain of `count` signets: keys 50, 51 and so on.
fn rotations(count: u8) -> Vec<Signet> {
    (0..count)
        .map(|step| user_signet(50 + step, step.checked_sub(1).map(|before| 50 + before)))
        .collect()
}

fn broken(link: usize, cause: CustodyBreak) -> Option<ChainError> {
    Some(ChainError::BrokenCustody { link, cause })
}

fn not_valid(link: usize, state: State) -> Option<ChainError> {
    Some(ChainError::NotValid { link, state })
}

#[test]
fn a_chain_of_many_rotations_is_valid_and_every_signet_in_it_is_found() {
    let organization = organization_signet(Profile::Libdime);
    let signets = rotations(9);
    let chain = validate_chain(&signets, None, &[&organization], Some("Ann@one.example"))
        .expect("a good chain");
    assert_eq!(chain.current(), &signets[8]);
    assert!(
        chain
            .links()
            .eq(signets.iter().map(|signet| (signet, State::Identified)))
    );
    for signet in &signets {
        let print = |kind| signet.fingerprint(kind).expect("a user's");
        assert_eq!(
            chain.find(&print(FingerprintKind::Cryptographic)),
            Some(signet)
        );
        assert_eq!(chain.find(&print(FingerprintKind::Full)), None);
        assert!(
            FingerprintKind::ALL
                .into_iter()
                .all(|kind| chain.look_up(&print(kind)) == Some(signet))
        );
    }
    let stranger = user_signet(5, None);
    let print = stranger.fingerprint(FingerprintKind::Cryptographic);
    assert_eq!(chain.find(&print.expect("a user's")), None);
}

#[test]
fn the_link_that_fails_is_named_and_broken_is_not_invalid() {
    let organization = organization_signet(Profile::Libdime);
    let good = rotations(5);
    let judge = |signets: &[Signet]| {
        validate_chain(signets, None, &[&organization], None)
            .map(drop)
            .err()
    };
    assert_eq!(judge(&good), None);
    let with = |place: usize, signet: Signet| {
        let mut signets = good.clone();
        signets[place] = signet;
        signets
    };
    let reset = with(2, user_signet(52, None));
    assert_eq!(judge(&reset), broken(2, CustodyBreak::Reset));
    let by_stranger = with(3, user_signet(53, Some(9)));
    assert_eq!(judge(&by_stranger), broken(3, CustodyBreak::Signature));
    let skipped = [good[0].clone(), good[2].clone()];
    assert_eq!(judge(&skipped), broken(1, CustodyBreak::Signature));
    assert_eq!(judge(&good[1..]), broken(0, CustodyBreak::NoPredecessor));
    let twice = [good[0].clone(), good[0].clone()];
    assert_eq!(judge(&twice), broken(1, CustodyBreak::Reset));
    let mut backwards = good.clone();
    backwards.reverse();
    assert_eq!(judge(&backwards), broken(0, CustodyBreak::NoPredecessor));

    let mut renamed = good[4].edit();
    renamed
        .set_identifier("bob@one.example")
        .and_then(|editor| {
            editor.sign_identified(
                &keys(1).signing,
                Some(&organization_signet(Profile::Libdime)),
            )
        })
        .expect("a good edit");
    assert_eq!(
        judge(&with(4, renamed.finish())),
        not_valid(4, State::Invalid)
    );
    let mut forged = good[1].to_bytes();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = Signet::parse(&forged).expect("it parses");
    assert_eq!(judge(&with(1, forged)), not_valid(1, State::Invalid));
    assert_eq!(
        judge(&with(1, user_request(51, Some(50)))),
        not_valid(1, State::Unknown)
    );
}

#[test]
fn a_chain_goes_on_from_a_signet_that_is_trusted_already() {
    let organization = organization_signet(Profile::Libdime);
    let good = rotations(4);
    let judge = |signets: &[Signet], trusted: &Signet| {
        validate_chain(signets, Some(trusted), &[&organization], None)
            .map(drop)
            .err()
    };
    assert_eq!(judge(&good[2..], &good[1]), None);
    assert_eq!(
        judge(&good[2..], &good[0]),
        broken(0, CustodyBreak::Signature)
    );
    assert_eq!(judge(&good, &good[3]), broken(0, CustodyBreak::Reset));
}

#[test]
fn a_chain_reaches_over_a_change_of_the_organization() {
    let (old, new) = (organization_signet(Profile::Libdime), keys(20));
    let replaced = organization(&new.signing, &new.encryption.public(), Profile::Libdime)
        .sign(&new.signing, "one.example")
        .expect("a good draft");
    let first = user_signet(50, None);
    let next = |previous: u8| {
        issue(
            &user_request(51, Some(previous)),
            &new.signing,
            &[],
            "Ann@one.example",
        )
        .expect("a good request")
    };
    let signets = [first.clone(), next(50)];
    for organizations in [[&old, &replaced], [&replaced, &old]] {
        assert!(validate_chain(&signets, None, &organizations, None).is_ok());
        let stolen = [first.clone(), next(9)];
        assert_eq!(
            validate_chain(&stolen, None, &organizations, None).err(),
            broken(1, CustodyBreak::Signature)
        );
    }
    assert_eq!(
        validate_chain(&signets, None, &[&old], None).err(),
        not_valid(1, State::Invalid)
    );
    let mut unsound = old.to_bytes();
    *unsound.last_mut().expect("a signature") ^= 1;
    let unsound = Signet::parse(&unsound).expect("it parses");
    for organizations in [&[][..], &[&unsound], &[&first]] {
        assert_eq!(
            validate_chain(&signets, None, organizations, None).err(),
            Some(ChainError::NoOrganization)
        );
    }
}

#[test]
fn empty_and_endless_chains_are_refused() {
    let organization = organization_signet(Profile::Libdime);
    let judge = |signets: &[Signet]| {
        validate_chain(signets, None, &[&organization], None)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(judge(&[]), Err("chain of custody has no signet".to_owned()));
    let endless = vec![user_signet(50, None); MAXIMUM_CHAIN + 1];
    assert_eq!(
        judge(&endless),
        Err("chain of custody is not within the limit of 1024 signets".to_owned())
    );
    assert_eq!(
        judge(&endless[1..]),
        Err("chain of custody is broken at signet 1: no custody signature, though a signet came before".to_owned())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_tampering_with_one_signet_leaves_a_chain_valid(
        link in 0usize..4,
        place in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let organization = organization_signet(Profile::Libdime);
        let mut signets = rotations(4);
        let mut bytes = signets[link].to_bytes();
        let place = HEADER_SIZE + place.index(bytes.len() - HEADER_SIZE);
        bytes[place] ^= 1 << bit;
        if let Ok(changed) = Signet::parse(&bytes) {
            signets[link] = changed;
            let refused = validate_chain(&signets, None, &[&organization], None).map(drop);
            prop_assert!(matches!(
                refused,
                Err(ChainError::NotValid { link: found, .. } | ChainError::BrokenCustody { link: found, .. })
                    if found == link
            ), "{:?}", refused);
        }
    }
}
