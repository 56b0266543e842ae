//! Chains of custody: good ones, broken ones, and ones with a signet that is not valid in itself.

use serde_json::{Value, json};

use super::GenerateError;
use super::world::{self, World};

/// A chain and the verdict on it.
struct Case {
    id: &'static str,
    what: &'static str,
    chain: &'static [&'static str],
    trusted: Option<&'static str>,
    organizations: &'static [&'static str],
    address: Option<&'static str>,
    expected: Expected,
}

enum Expected {
    /// Every signet follows from the one before it.
    Valid,
    /// The signet at `link`, counted from 0, is good in itself but does not follow.
    Broken { link: usize, cause: &'static str },
    /// The signet at `link` is not good in itself.
    Invalid { link: usize },
    /// No signet can be judged.
    NoOrganization,
}

use Expected::{Broken, Invalid, NoOrganization, Valid};

const ROTATED: [&str; 4] = [
    "author_id",
    "author_rotated_coc_id",
    "author_rotated2_coc_id",
    "author_rotated3_coc_id",
];

/// `custody.json`.
pub(super) fn all(world: &World) -> Result<Vec<Value>, GenerateError> {
    let cases = good()
        .into_iter()
        .chain(broken())
        .chain(misplaced())
        .chain(invalid());
    cases.map(|case| case.to_json(world)).collect()
}

fn good() -> Vec<Case> {
    vec![
        Case::new(
            "custody/single",
            "A signet without history.",
            &["author_id"],
            Valid,
        ),
        Case::new(
            "custody/three-rotations",
            "Four signets of one address.",
            &ROTATED,
            Valid,
        ),
        Case::new(
            "custody/stages",
            "The same, old signets kept as full and cryptographic ones, which have no identifier.",
            &[
                "author_crypto",
                "author_rotated_coc_full",
                "author_rotated2_coc_id",
            ],
            Valid,
        ),
        Case {
            trusted: Some("author_rotated_coc_id"),
            ..Case::new(
                "custody/from-a-trusted-signet",
                "The chain goes on where an earlier check ended.",
                &["author_rotated2_coc_id", "author_rotated3_coc_id"],
                Valid,
            )
        },
        Case {
            organizations: &["destination_id", "origin_soks_id", "origin_id"],
            ..Case::new(
                "custody/several-organization-signets",
                "Every signet is valid under one of the organization's signets, the one of another domain apart.",
                &ROTATED,
                Valid,
            )
        },
        Case {
            address: Some("ann@ONE.example"),
            ..Case::new(
                "custody/domain-in-capitals",
                "Domains compare without regard to case.",
                &ROTATED,
                Valid,
            )
        },
    ]
}

fn broken() -> Vec<Case> {
    vec![
        Case::new(
            "custody/reset",
            "The second signet has no custody signature, as after a loss of keys.",
            &["author_id", "author_rotated_nococ_id"],
            Broken {
                link: 1,
                cause: "reset",
            },
        ),
        Case::new(
            "custody/foreign-signature",
            "The custody signature of the second signet is by a stranger.",
            &[
                "author_id",
                "author_rotated_foreigncoc_id",
                "author_rotated2_coc_id",
            ],
            Broken {
                link: 1,
                cause: "signature",
            },
        ),
        Case::new(
            "custody/foreign-signature-later",
            "The custody signature of the third signet is by a stranger.",
            &[
                "author_id",
                "author_rotated_coc_id",
                "author_rotated2_foreigncoc_id",
            ],
            Broken {
                link: 2,
                cause: "signature",
            },
        ),
    ]
}

/// Signets left out, in another order, or once more.
fn misplaced() -> Vec<Case> {
    vec![
        Case::new(
            "custody/missing-link",
            "The second of three signets is left out.",
            &["author_id", "author_rotated2_coc_id"],
            Broken {
                link: 1,
                cause: "signature",
            },
        ),
        Case::new(
            "custody/missing-first",
            "The chain does not begin with the user's first signet.",
            &["author_rotated_coc_id", "author_rotated2_coc_id"],
            Broken {
                link: 0,
                cause: "no-predecessor",
            },
        ),
        Case::new(
            "custody/order",
            "Two signets in the wrong order.",
            &[
                "author_id",
                "author_rotated2_coc_id",
                "author_rotated_coc_id",
            ],
            Broken {
                link: 1,
                cause: "signature",
            },
        ),
        Case::new(
            "custody/back-to-the-first",
            "The first signet again, behind a rotation.",
            &["author_id", "author_rotated_coc_id", "author_id"],
            Broken {
                link: 2,
                cause: "reset",
            },
        ),
    ]
}

fn invalid() -> Vec<Case> {
    vec![
        Case::new(
            "custody/issued-by-a-stranger",
            "The only signet is signed by no key of the organization.",
            &["author_by_stranger_id"],
            Invalid { link: 0 },
        ),
        Case::new(
            "custody/link-issued-by-a-stranger",
            "The third signet has a good custody signature, but none of the organization.",
            &[
                "author_id",
                "author_rotated_coc_id",
                "author_rotated2_strangercoc_id",
            ],
            Invalid { link: 2 },
        ),
        Case::new(
            "custody/request-in-place-of-a-signet",
            "The second is a signing request.",
            &["author_id", "author_rotated_coc_ssr"],
            Invalid { link: 1 },
        ),
        Case {
            address: Some("eve@one.example"),
            ..Case::new(
                "custody/address",
                "Another address was asked for.",
                &ROTATED,
                Invalid { link: 0 },
            )
        },
        Case {
            organizations: &["origin_id", "destination_id"],
            address: None,
            ..Case::new(
                "custody/another-address-later",
                "Same key and both signets good, but the second is for another address.",
                &["author_id", "author_elsewhere_id"],
                Invalid { link: 1 },
            )
        },
        Case {
            organizations: &[],
            ..Case::new(
                "custody/no-organization",
                "Nothing to judge by.",
                &["author_id"],
                NoOrganization,
            )
        },
    ]
}

impl Case {
    fn new(
        id: &'static str,
        what: &'static str,
        chain: &'static [&'static str],
        expected: Expected,
    ) -> Self {
        Self {
            id,
            what,
            chain,
            trusted: None,
            organizations: &["origin_id"],
            address: Some(world::AUTHOR),
            expected,
        }
    }

    fn to_json(&self, world: &World) -> Result<Value, GenerateError> {
        let expected = match self.expected {
            Valid => json!({ "verdict": "valid" }),
            Broken { link, cause } => json!({ "verdict": "broken", "link": link, "cause": cause }),
            Invalid { link } => json!({ "verdict": "invalid", "link": link }),
            NoOrganization => json!({ "verdict": "no-organization" }),
        };
        // By its cryptographic fingerprint, as an envelope has it, every signet of a good chain is found.
        let mut find = Vec::new();
        if matches!(self.expected, Valid) {
            for (position, name) in self.chain.iter().enumerate() {
                let print = world.fingerprint(name)?;
                find.push(json!({ "fingerprint": print, "position": position }));
            }
            let foreign = world.fingerprint("third_id")?;
            find.push(json!({ "fingerprint": foreign, "position": null }));
        }
        Ok(json!({
            "id": self.id,
            "description": self.what,
            "world": world::ID,
            "chain": self.chain,
            "context": {
                "trusted": self.trusted,
                "organizations": self.organizations,
                "address": self.address,
            },
            "expected": expected,
            "find": find,
        }))
    }
}
