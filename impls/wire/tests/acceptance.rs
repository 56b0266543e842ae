//! What is accepted as a signature or a key: every row of `ACCEPTANCE.md`, made and judged.

use std::collections::BTreeMap;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use dime_wire::keys::{EncryptionPublicKey, Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha512};

const TABLES: &str = include_str!("../ACCEPTANCE.md");
const RECORDED: &str = include_str!("../vectors/libdime/primitives.json");
/// How many messages are tried for one whose hash has the wanted property.
const TRIES: u32 = 200;

/// A key, a message and a signature.
struct Case {
    key: [u8; 32],
    message: Vec<u8>,
    signature: [u8; 64],
}

impl Case {
    fn accepted(&self) -> bool {
        let (key, signature) = (VerifyingKey(self.key), Signature(self.signature));
        let mut stream = key.verify_stream(&signature);
        stream.update(&self.message);
        let verdict = key.verify(&self.message, &signature);
        assert_eq!(stream.verify(), verdict, "in pieces and in one");
        verdict
    }

    /// What the donna code does: the three highest bits of S are zero, A is a point however it is
    /// written, and S B - h A written canonically is R.
    fn accepted_by_donna(&self) -> bool {
        let (r, s) = (half(&self.signature, 0), half(&self.signature, 32));
        let Some(a) = CompressedEdwardsY(self.key).decompress() else {
            return false;
        };
        let h = hash(&r, &self.key, &self.message);
        let s_number = Scalar::from_bytes_mod_order(s);
        let point = EdwardsPoint::vartime_double_scalar_mul_basepoint(&h, &-a, &s_number);
        s[31] & 0xe0 == 0 && point.compress().0 == r
    }
}

fn half(signature: &[u8; 64], from: usize) -> [u8; 32] {
    signature[from..from + 32].try_into().expect("32 bytes")
}

fn hash(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    let digest = Sha512::new()
        .chain_update(r)
        .chain_update(a)
        .chain_update(message)
        .finalize();
    Scalar::from_bytes_mod_order_wide(&digest.into())
}

/// `number + times * L`, as 32 bytes.
fn plus_order(number: [u8; 32], times: u32) -> [u8; 32] {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let order = order.expect("hexadecimal");
    let mut sum = number;
    for _ in 0..times {
        let mut carry = 0u16;
        for (byte, add) in sum.iter_mut().zip(&order) {
            carry += u16::from(*byte) + u16::from(*add);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(carry, 0, "the sum has 256 bits");
    }
    sum
}

/// An encoding with y = p + `excess`.
fn beyond_p(excess: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xed + excess;
    bytes[31] = 0x7f;
    bytes
}

/// The secret scalars of all cases.
fn secrets() -> (Scalar, Scalar) {
    (
        Scalar::from(0x1234_5678_9abcu64),
        Scalar::from(0xfeed_f00du64),
    )
}

/// A signature with S = r + h a over the first message whose h fits; A and R as written.
fn signed(key: [u8; 32], a: Scalar, nonce: [u8; 32], r: Scalar, fits: impl Fn(u8) -> bool) -> Case {
    let found = (0..TRIES).find_map(|attempt| {
        let message = attempt.to_be_bytes().to_vec();
        let h = hash(&nonce, &key, &message);
        fits(h.to_bytes()[0]).then(|| Case {
            key,
            signature: [nonce, (r + h * a).to_bytes()]
                .concat()
                .try_into()
                .expect("64 bytes"),
            message,
        })
    });
    found.expect("one of many messages fits")
}

/// The rows about S alone.
fn numbers() -> Vec<(&'static str, Case)> {
    let (a, r) = secrets();
    let base = ED25519_BASEPOINT_POINT;
    let good = || {
        signed(
            (base * a).compress().0,
            a,
            (base * r).compress().0,
            r,
            |_| true,
        )
    };
    let with = |change: &dyn Fn([u8; 32]) -> [u8; 32]| {
        let mut case = good();
        let s = change(half(&case.signature, 32));
        case.signature[32..].copy_from_slice(&s);
        case
    };
    vec![
        ("signature as RFC 8032 makes it", good()),
        ("S + L in place of S", with(&|s| plus_order(s, 1))),
        ("S + 2 L in place of S", with(&|s| plus_order(s, 2))),
        (
            "S with its highest bit set",
            with(&|mut s| {
                s[31] |= 0x80;
                s
            }),
        ),
    ]
}

/// The rows about points of small order.
fn small_orders() -> Vec<(&'static str, Case)> {
    let (a, r) = secrets();
    let base = ED25519_BASEPOINT_POINT;
    let (zero, nonce) = (Scalar::ZERO, (base * r).compress().0);
    let small = |index: usize| EIGHT_TORSION[index].compress().0;
    let weak = |key: [u8; 32], fits: fn(u8) -> bool| signed(key, zero, nonce, r, fits);
    let own = (base * a).compress().0;
    vec![
        ("A of order 1", weak(small(0), |_| true)),
        (
            "A of order 2, h a multiple of 2",
            weak(small(4), |h| h % 2 == 0),
        ),
        (
            "A of order 4, h a multiple of 4",
            weak(small(2), |h| h % 4 == 0),
        ),
        (
            "A of order 8, h a multiple of 8",
            weak(small(1), |h| h % 8 == 0),
        ),
        (
            "A of order 8, h not a multiple of 8",
            weak(small(1), |h| h % 8 != 0),
        ),
        (
            "A of order 1, y written as p + 1",
            weak(beyond_p(1), |_| true),
        ),
        (
            "A of order 4, y written as p, h a multiple of 4",
            weak(beyond_p(0), |h| h % 4 == 0),
        ),
        ("R of order 1", signed(own, a, small(0), zero, |_| true)),
        (
            "R of order 1, y written as p + 1",
            signed(own, a, beyond_p(1), zero, |_| true),
        ),
        ("R of order 8", signed(own, a, small(1), zero, |_| true)),
    ]
}

/// The rows about points with a part of small order, and one about none at all.
fn mixed_orders() -> Vec<(&'static str, Case)> {
    let (a, r) = secrets();
    let (base, small) = (ED25519_BASEPOINT_POINT, EIGHT_TORSION[1]);
    let (mixed, nonce) = ((base * a + small).compress().0, (base * r).compress().0);
    let nonce_with_part = (base * r + small).compress().0;
    let own = (base * a).compress().0;
    let mut off_curve = signed(own, a, nonce, r, |_| true);
    off_curve.key = [2; 32];
    assert!(CompressedEdwardsY(off_curve.key).decompress().is_none());
    vec![
        (
            "A with a part of order 8, equation holds",
            signed(mixed, a, nonce, r, |h| h % 8 == 0),
        ),
        (
            "A with a part of order 8, equation holds only times 8",
            signed(mixed, a, nonce, r, |h| h % 8 != 0),
        ),
        (
            "A and R with parts of order 8 that cancel",
            // R has the small point once, h A has it h times.
            signed(mixed, a, nonce_with_part, r, |h| h % 8 == 7),
        ),
        (
            "R with a part of order 8",
            signed(own, a, nonce_with_part, r, |_| true),
        ),
        ("A not on the curve", off_curve),
    ]
}

/// The cells of the table rows under a heading, by the first cell; the last two as verdicts.
fn table(heading: &str) -> BTreeMap<&'static str, (bool, bool)> {
    let (_, section) = TABLES.split_once(heading).expect("the heading is there");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let verdict = |cell: Option<&&str>| match cell {
            Some(&"yes") => true,
            Some(&"no") => false,
            other => panic!("{line}: {other:?}"),
        };
        let mut last = cells.iter().rev();
        let ours = verdict(last.next());
        (cells[0], (verdict(last.next()), ours))
    })
    .collect()
}

#[test]
fn signatures_are_accepted_as_the_table_says() {
    let judged = [numbers(), small_orders(), mixed_orders()]
        .into_iter()
        .flatten();
    let judged: BTreeMap<_, _> = judged
        .map(|(name, case)| (name, (case.accepted_by_donna(), case.accepted())))
        .collect();
    assert_eq!(judged, table("## Ed25519 signatures"));
}

#[test]
fn the_model_of_donna_judges_recorded_signatures_as_libdime_did() {
    let file: Value = serde_json::from_str(RECORDED).expect("a recorded file");
    let cases = file["ed25519"].as_array().expect("a list");
    assert!(cases.len() >= 20);
    for case in cases {
        let bytes = |name: &str| {
            hex::decode(case[name].as_str().expect("hexadecimal")).expect("hexadecimal")
        };
        let made = Case {
            key: bytes("ed25519_public_hex").try_into().expect("32 bytes"),
            message: bytes("message_hex"),
            signature: bytes("signature_hex").try_into().expect("64 bytes"),
        };
        assert_eq!(
            Some(made.accepted_by_donna()),
            case["valid"].as_bool(),
            "{}",
            case["id"]
        );
        assert!(
            made.accepted_by_donna() || !made.accepted(),
            "{}",
            case["id"]
        );
    }
}

#[test]
fn encryption_keys_are_accepted_as_the_table_says() {
    let file: Value = serde_json::from_str(RECORDED).expect("a recorded file");
    let cases = file["secp256k1_public_keys"].as_array().expect("a list");
    let judged: BTreeMap<&str, _> = cases
        .iter()
        .map(|case| {
            let text = case["public_hex"].as_str().expect("hexadecimal");
            let ours = EncryptionPublicKey::from_bytes(&hex::decode(text).expect("hexadecimal"));
            let theirs = case["accepted"].as_bool().expect("a verdict");
            (case["id"].as_str().expect("a name"), (theirs, ours.is_ok()))
        })
        .collect();
    assert_eq!(judged, table("## secp256k1 public keys"));
}
