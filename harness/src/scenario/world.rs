//! The `world` block of a scenario: organizations, their users, records and certificates, taps.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::values::{Day, Located, Names, Span};

/// What the world of a scenario is made of.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WorldSpec {
    /// Organizations by mail domain.
    pub organizations: Names<OrganizationSpec>,
    /// Those who listen on the line, by a name of their own.
    pub taps: Names<TapSpec>,
    /// Two organizations and three users with keys that another implementation made.
    pub import: Option<ImportSpec>,
    /// The day at which the simulation's clock starts.
    pub clock: Option<Located<Day>>,
}

/// One organization.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OrganizationSpec {
    /// Its users by name; decoys come by themselves.
    pub users: Names<UserSpec>,
    /// Fields of its management record.
    pub record: RecordSpec,
    /// How its zone is signed.
    pub dnssec: Dnssec,
    /// What its mail server shows in TLS.
    pub tls: TlsSpec,
}

/// One user.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct UserSpec {
    /// Who holds the user's private keys.
    pub mode: Located<Mode>,
    /// Whether the user's signet offers a key for the alternate layer.
    pub alternate: bool,
}

/// Who holds a user's private keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The server holds them and encrypts for the user.
    Trustful,
    /// The server stores them encrypted.
    Cautious,
    /// They never leave the user's device.
    #[default]
    Paranoid,
}

/// Fields of a management record.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RecordSpec {
    /// Whether legacy mail is sent and taken too.
    pub policy: PolicyWord,
    /// Who answers for sub-domains.
    pub subdomain: SubdomainWord,
    /// How long a copy of the record may be kept; whole days.
    pub expiry: Option<Located<Span>>,
}

/// The `pol` field of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyWord {
    /// DIME is optional.
    #[default]
    Experimental,
    /// DIME and legacy mail.
    Mixed,
    /// Only DIME.
    Strict,
}

/// The `sub` field of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SubdomainWord {
    /// The record speaks for its domain alone.
    #[default]
    Strict,
    /// The record speaks for sub-domains that have none.
    Relaxed,
    /// Sub-domains are named one by one.
    Explicit,
}

/// How a zone is signed, and what is wrong with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dnssec {
    /// Signed, and the parent vouches for the key.
    #[default]
    Signed,
    /// Not signed, and the parent proves it.
    Unsigned,
    /// Signed, but the record was changed afterwards.
    Bogus,
    /// Signed, but the signatures have run out.
    Expired,
    /// Signed with a key the parent does not name.
    WrongDs,
}

/// What a mail server shows in TLS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TlsSpec {
    /// Who vouches for the certificate.
    pub certificate: CertificateWord,
    /// Whether the management record carries a signature over the certificate.
    pub listed: bool,
}

impl Default for TlsSpec {
    fn default() -> Self {
        TlsSpec {
            certificate: CertificateWord::default(),
            listed: true,
        }
    }
}

/// Who vouches for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateWord {
    /// The authority that everybody trusts.
    #[default]
    Ca,
    /// Nobody but itself.
    SelfSigned,
    /// The authority, until yesterday.
    Expired,
    /// The authority, for another host.
    WrongName,
}

/// Somebody who listens on the line between two organizations.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TapSpec {
    /// The two domains.
    pub between: [Located<String>; 2],
}

/// People whose keys another implementation made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportSpec {
    /// Which of the worlds recorded with libdime. Its users are `author`, `recipient` and `third`.
    pub libdime: Located<String>,
}
