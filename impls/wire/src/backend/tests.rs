//! Strictness of the back ends, and under `fast` both held against each other.
#![cfg_attr(
    not(feature = "fast"),
    allow(
        unused_qualifications,
        reason = "both names are the same without `fast`"
    )
)]

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::Signer as _;
use proptest::prelude::*;

use super::{Sha512, SigningKey, VerifyingKey, pure};

/// Encodings that a lax verifier may take: points of small order, then the same and others with a
/// `y` that is not below the field's prime.
fn odd_points() -> Vec<[u8; 32]> {
    let mut points: Vec<[u8; 32]> = pure::SMALL_ORDER.to_vec();
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (low, high);
            points.push(point);
        }
    }
    let mut negative_identity = [0; 32];
    (negative_identity[0], negative_identity[31]) = (1, 0x80);
    points.push(negative_identity);
    points
}

/// `scalar` plus the group order, which a lax verifier takes for the same.
fn plus_order(scalar: [u8; 32]) -> [u8; 32] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut sum = scalar;
    let mut carry = 0u16;
    for (digit, order) in sum.iter_mut().zip(ORDER) {
        carry += u16::from(*digit) + u16::from(order);
        *digit = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    sum
}

fn joined(r: [u8; 32], s: [u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    out[..32].copy_from_slice(&r);
    out[32..].copy_from_slice(&s);
    out
}

/// What dalek's own strict verification says.
fn strict(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    ed25519_dalek::VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

/// What each back end says.
fn verdicts(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> [bool; 2] {
    [
        VerifyingKey::from_bytes(key).is_some_and(|key| key.verify(message, signature)),
        pure::VerifyingKey::from_bytes(key).is_some_and(|key| key.verify(message, signature)),
    ]
}

#[test]
fn the_points_of_small_order_are_the_eight_of_the_curve() {
    let mut own = pure::SMALL_ORDER;
    let mut known = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    own.sort_unstable();
    known.sort_unstable();
    assert_eq!(own, known);
}

#[test]
fn odd_keys_and_signatures_are_judged_strictly_and_alike() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let public = key.verifying_key().to_bytes();
    let good = key.sign(b"message").to_bytes();
    let (r, s): ([u8; 32], [u8; 32]) = (
        good[..32].try_into().expect("half"),
        good[32..].try_into().expect("half"),
    );
    assert_eq!(verdicts(&public, b"message", &good), [true, true]);
    let mut cases = vec![(public, joined(r, plus_order(s)))];
    for point in odd_points() {
        for scalar in [s, [0; 32], plus_order([0; 32])] {
            cases.push((public, joined(point, scalar)));
            cases.push((point, joined(r, scalar)));
            cases.extend(odd_points().into_iter().map(|r| (point, joined(r, scalar))));
        }
    }
    for (key, signature) in cases {
        assert!(!strict(&key, b"message", &signature));
        assert_eq!(
            verdicts(&key, b"message", &signature),
            [false, false],
            "{key:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn signatures_are_made_and_judged_alike(
        seed in any::<[u8; 32]>(),
        message in proptest::collection::vec(any::<u8>(), 0..600),
        place in 0usize..96,
        bit in 0u8..8,
    ) {
        let key = SigningKey::from_bytes(&seed);
        let mut public = key.verifying_key().to_bytes();
        let mut signature = key.sign(&message).to_bytes();
        let reference = pure::SigningKey::from_bytes(&seed);
        prop_assert_eq!(public, reference.verifying_key().to_bytes());
        prop_assert_eq!(signature, reference.sign(&message).to_bytes());
        prop_assert_eq!(verdicts(&public, &message, &signature), [true, true]);
        let changed = signature.iter_mut().chain(&mut public).nth(place);
        *changed.expect("96 bytes") ^= 1 << bit;
        prop_assert!(!strict(&public, &message, &signature));
        prop_assert_eq!(verdicts(&public, &message, &signature), [false, false]);
    }

    #[test]
    fn hashes_agree_whatever_the_pieces(
        bytes in proptest::collection::vec(any::<u8>(), 0..1000),
        size in 1usize..300,
    ) {
        use sha2::Digest as _;
        let whole: [u8; 64] = pure::Sha512::digest(&bytes).into();
        let mut hash = Sha512::new();
        let mut clones = Vec::new();
        for piece in bytes.chunks(size) {
            hash.update(piece);
            clones.push(hash.clone());
        }
        prop_assert_eq!(<[u8; 64]>::from(hash.finalize()), whole);
        for (index, clone) in clones.into_iter().enumerate() {
            let end = bytes.len().min((index + 1) * size);
            let beginning: [u8; 64] = pure::Sha512::digest(&bytes[..end]).into();
            prop_assert_eq!(<[u8; 64]>::from(clone.finalize()), beginning);
        }
    }
}

#[cfg(feature = "fast")]
mod fast {
    use super::super::{fast, pure};
    use proptest::prelude::*;

    /// X coordinates at the edges of the field: zero, small ones, the prime and its neighbours.
    fn edges() -> Vec<[u8; 32]> {
        let mut edges = Vec::new();
        for low in 0..=8 {
            let mut small = [0; 32];
            small[31] = low;
            edges.push(small);
        }
        for low in 0x28..=0x34 {
            let mut large = [0xff; 32];
            (large[27], large[30], large[31]) = (0xfe, 0xfc, low);
            edges.push(large);
        }
        edges.push([0xff; 32]);
        edges
    }

    fn shared(secret: [u8; 32], public: &[u8; 33]) -> [Option<[u8; 32]>; 2] {
        let secret = k256::SecretKey::from_slice(&secret).expect("a valid scalar");
        [
            fast::Point::from_compressed(public).map(|point| *point.shared_with(&secret)),
            pure::Point::from_compressed(public).map(|point| *point.shared_with(&secret)),
        ]
    }

    #[test]
    fn points_are_read_alike_at_the_edges_of_the_field() {
        let mut accepted = 0;
        for x in edges() {
            for prefix in 0..=7 {
                let mut point = [prefix; 33];
                point[1..].copy_from_slice(&x);
                let [fast, pure] = shared([5; 32], &point);
                assert_eq!(fast, pure, "{point:?}");
                accepted += usize::from(pure.is_some());
            }
        }
        assert!(accepted > 4, "{accepted}");
    }

    #[test]
    fn scalars_at_the_edges_of_the_group_agree_alike() {
        let (_, public) = pure::Point::of(&k256::SecretKey::from_slice(&[9; 32]).expect("valid"));
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        let mut last: [u8; 32] = hex::decode(order).expect("hex").try_into().expect("32");
        last[31] -= 1;
        let mut first = [0; 32];
        first[31] = 1;
        for scalar in [first, last] {
            let [fast, pure] = shared(scalar, &public);
            assert!(fast.is_some());
            assert_eq!(fast, pure);
            let secret = k256::SecretKey::from_slice(&scalar).expect("valid");
            assert_eq!(fast::Point::of(&secret).1, pure::Point::of(&secret).1);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn agreements_and_public_keys_are_alike(own in any::<[u8; 32]>(), x in any::<[u8; 32]>()) {
            let secret = k256::SecretKey::from_slice(&own);
            prop_assume!(secret.is_ok());
            let secret = secret.expect("assumed");
            prop_assert_eq!(fast::Point::of(&secret).1, pure::Point::of(&secret).1);
            let mut point = [2; 33];
            point[1..].copy_from_slice(&x);
            let [fast, pure] = shared(own, &point);
            prop_assert_eq!(fast, pure);
        }

        #[test]
        fn authenticated_encryption_is_alike(
            key in any::<[u8; 32]>(),
            nonce in any::<[u8; 12]>(),
            associated in proptest::collection::vec(any::<u8>(), 0..20),
            data in proptest::collection::vec(any::<u8>(), 0..200),
            bit in 0usize..128,
        ) {
            let (mut one, mut other) = (data.clone(), data.clone());
            let tag = fast::seal_gcm(&key, &nonce, &associated, &mut one);
            prop_assert_eq!(tag, pure::seal_gcm(&key, &nonce, &associated, &mut other));
            prop_assert_eq!(&one, &other);
            let mut tag = tag.expect("short data is sealed");
            prop_assert!(fast::open_gcm(&key, &nonce, &associated, &mut one, &tag).is_some());
            prop_assert_eq!(&one, &data);
            tag[bit / 8] ^= 1 << (bit % 8);
            for open in [fast::open_gcm, pure::open_gcm] {
                let mut sealed = other.clone();
                prop_assert!(open(&key, &nonce, &associated, &mut sealed, &tag).is_none());
            }
        }
    }
}
