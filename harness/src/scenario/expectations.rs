//! The `expect` block of a scenario: what must have come of it.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::values::{FactName, Located, Names, Span};

/// One expectation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// A letter reached its recipient.
    Delivered(DeliveredSpec),
    /// A letter reached nobody.
    NotDelivered(LetterSpec),
    /// A server did not take a letter.
    Refused(RefusedSpec),
    /// A letter could not be sent or delivered.
    Failed(FailedSpec),
    /// A look-up ended so.
    Resolved(ResolvedSpec),
    /// What each of these knows of a letter.
    Knows(Names<Knowledge>),
    /// What each of these neither holds nor can confirm.
    NeverKnows(Names<Vec<Located<FactName>>>),
    /// Entries of `inherent.yaml` that must be found with each of these.
    Inherent(Names<Vec<Located<String>>>),
    /// A letter was delivered in so much virtual time.
    Within(WithinSpec),
}

/// A letter reached its recipient.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeliveredSpec {
    /// The letter.
    pub letter: Located<String>,
    /// Who must have read it.
    pub to: Located<String>,
    /// Whether subject, headers, body and attachments must be as they were written.
    #[serde(default = "yes")]
    pub intact: bool,
    /// What the recipient must have made of its signatures.
    #[serde(default)]
    pub signatures: SignatureWord,
}

fn yes() -> bool {
    true
}

/// What a recipient makes of a letter's signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureWord {
    /// All of them verify.
    #[default]
    Valid,
    /// At least one does not.
    Invalid,
}

/// A letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LetterSpec {
    /// The letter.
    pub letter: Located<String>,
}

/// A server did not take a letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RefusedSpec {
    /// The letter.
    pub letter: Located<String>,
    /// Which server.
    pub by: ServerWord,
    /// The reply code.
    pub code: Option<Located<u16>>,
}

/// One of the two servers on a letter's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServerWord {
    /// The author's.
    Origin,
    /// The recipient's.
    Destination,
}

/// A letter could not be sent or delivered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FailedSpec {
    /// The letter.
    pub letter: Located<String>,
    /// Why.
    pub because: Option<Cause>,
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// DNSSEC says that the record is false.
    Dnssec,
    /// The management record is missing or makes no sense.
    Record,
    /// The server's certificate is not the one the record or the authority vouches for.
    Certificate,
    /// A signet is missing or does not hold.
    Signet,
    /// Nobody has the address.
    Recipient,
    /// A signature in the letter does not hold.
    Signature,
    /// The other side could not be reached in time.
    Connection,
}

/// A look-up ended so.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResolvedSpec {
    /// Name of the look-up, if it has one.
    #[serde(rename = "as")]
    pub look_up: Option<Located<String>>,
    /// Who asked.
    pub by: Located<String>,
    /// Whose signet.
    pub who: Located<String>,
    /// What came of it.
    pub outcome: OutcomeWord,
    /// Why it was not the signet.
    pub because: Option<Cause>,
}

/// What comes of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeWord {
    /// A signet that holds.
    Valid,
    /// There is none of that name.
    Unknown,
    /// There was an answer, and it was not believed.
    Refused,
}

/// What somebody knows of a letter.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Knowledge {
    /// These facts and no other that the policy judges.
    Exactly(Vec<Located<FactName>>),
    /// These facts and perhaps others.
    Includes(Vec<Located<FactName>>),
}

impl Knowledge {
    /// The facts named.
    pub fn facts(&self) -> &[Located<FactName>] {
        match self {
            Knowledge::Exactly(facts) | Knowledge::Includes(facts) => facts,
        }
    }
}

/// A letter was delivered in so much virtual time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WithinSpec {
    /// The letter.
    pub letter: Located<String>,
    /// How long from when it was written until it was read.
    pub time: Located<Span>,
}
