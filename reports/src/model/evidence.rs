//! Who knows what, and how that follows: cells of the knowledge table, derivations, their bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most bytes of evidence that one step of a derivation carries along.
pub const EXCERPT_LIMIT: usize = 64;

/// One principal and one fact of one letter: what the policy says and what the evidence says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Name of the letter.
    pub letter: String,
    /// Name of the principal.
    pub principal: String,
    /// What the principal is to this letter.
    pub role: Role,
    /// The fact without its letter: `author`, `recipient`, `origin`, `destination`, `subject`,
    /// `headers`, `body`, `attachment-name`, `attachment`, `author-host` or `recipient-host`.
    pub fact: String,
    /// What the policy says.
    pub policy: Policy,
    /// What the principal can work out.
    pub grade: Grade,
    /// The two compared.
    pub judged: Judged,
    /// Proofs, as indices into [`super::Run::derivations`], the shortest first.
    #[serde(default)]
    pub derivations: Vec<usize>,
}

/// What a principal is to a letter. The order is the order of columns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Wrote it.
    Author,
    /// The author's organization.
    Origin,
    /// The organization of author and recipient both.
    OriginAndDestination,
    /// The recipient's organization.
    Destination,
    /// It is for them.
    Recipient,
    /// Listens on the line.
    Tap,
    /// Answers DNS or certifies keys, and belongs to none of the four.
    Dns,
    /// Attacks.
    Adversary,
    /// Has no part in it: a decoy, a third organization.
    #[default]
    Bystander,
}

/// What the policy says of a principal and a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Must hold it, or the mail did not work.
    Must,
    /// May neither hold nor confirm it.
    Never,
    /// May know it; reported only.
    May,
    /// Never, but the protocol itself gives it away on one known path.
    Inherent,
    /// The policy does not speak of it.
    #[default]
    None,
}

/// How well a principal knows a fact. The order is from nothing to most.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Cannot work it out.
    #[default]
    Nothing,
    /// What it sees changes with it, but no derivation is known.
    Suspected,
    /// Can tell the right value from the wrong ones.
    Confirms,
    /// Can derive the value.
    Holds,
}

/// Policy and evidence compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// As the policy has it, or the policy does not speak of it.
    #[default]
    Ok,
    /// Known and must not be.
    Finding,
    /// Known only on the path the protocol itself opens.
    Inherent,
    /// Must be known and is not.
    Missing,
    /// The ledger does not suffice to say.
    Inconclusive,
}

/// How a fact follows from what a principal saw and the keys it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Derivation {
    /// Name of the principal.
    pub principal: String,
    /// The fact without its letter.
    pub fact: String,
    /// Name of the letter.
    pub letter: String,
    /// How well it follows.
    pub grade: Grade,
    /// The requirement it breaks, if it breaks one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// Who is to blame, such as `origin alpha.example` or `protocol I1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub culprit: Option<String>,
    /// From the observation to the fact.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Id of the inherent leak whose shape it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherent: Option<String>,
}

/// One step of a derivation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// When the bytes were seen, in milliseconds since the run began; absent for steps on what an
    /// earlier step gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
    /// Where, and what stands there if that can be read, such as
    /// `line 11 from mx.alpha.example: DATA [...]`; empty for steps on what an earlier step gave.
    #[serde(default)]
    pub place: String,
    /// The rule that was applied, such as `take-apart`, `decrypt` or `find`.
    pub rule: String,
    /// What follows, one line; empty if the place says it all.
    #[serde(default)]
    pub text: String,
    /// Number of the packet in the capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<u32>,
    /// The bytes themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Excerpt>,
}

/// A piece of evidence: where it lies and how it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Excerpt {
    /// Offset of the first byte in its buffer.
    pub offset: u64,
    /// Number of bytes, which may be more than [`Excerpt::hex`] shows.
    pub length: u64,
    /// The first bytes, at most [`EXCERPT_LIMIT`], lower-case hex.
    pub hex: String,
}

impl Excerpt {
    /// The beginning of `bytes`, which lie at `offset` of their buffer.
    pub fn of(offset: u64, bytes: &[u8]) -> Self {
        let hex = bytes
            .iter()
            .take(EXCERPT_LIMIT)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self {
            offset,
            length,
            hex,
        }
    }

    /// The bytes that [`Excerpt::hex`] shows, as far as it is hex, at most [`EXCERPT_LIMIT`].
    pub fn shown(&self) -> Vec<u8> {
        let digits = self.hex.as_bytes().chunks_exact(2).take(EXCERPT_LIMIT);
        digits
            .map_while(|pair| {
                let text = std::str::from_utf8(pair).ok()?;
                u8::from_str_radix(text, 16).ok()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_no_more_than_its_limit() {
        let excerpt = Excerpt::of(7, &[0xab; EXCERPT_LIMIT + 1]);
        assert_eq!(excerpt.length, 65);
        assert_eq!(excerpt.shown(), vec![0xab; EXCERPT_LIMIT]);
    }

    #[test]
    fn an_excerpt_from_a_foreign_file_may_hold_anything() {
        let hex = format!("00ff{}", "é~zz");
        let excerpt = Excerpt {
            hex,
            ..Excerpt::default()
        };
        assert_eq!(excerpt.shown(), [0x00, 0xff]);
    }
}
