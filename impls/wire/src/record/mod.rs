//! Management records: the TXT record at `_dx.<domain>` that anchors an organization's keys in DNS
//! (spec/20 §2, spec/95 items 21 to 26).
//!
//! Items `name=value` separated by spaces or semicolons. Names and enumerated values are read
//! without regard to case, unknown names are ignored. Stricter than libdime: a known name needs
//! exactly one `=` and a value, single items occur once, numbers are plain decimal.

mod pin;
mod policy;
mod zone;

use sha2::Digest as _;

pub use pin::{Freshness, Pin, PinError};
pub use policy::{Authority, Policy, Subdomain};
pub use zone::{GENERATED_STRING, MAXIMUM_STRING};

use crate::backend::Sha512;
use crate::encoding;
use crate::keys::{Signature, SigningKey, VerifyingKey};
use crate::name;

/// Label in front of the mail domain.
pub const RECORD_LABEL: &str = "_dx";
/// The version of the format, the only one there is.
pub const VERSION: u8 = 1;
/// Port of a delivery host that names none.
pub const DEFAULT_PORT: u16 = 26;
/// Longest record text, in bytes: what one DNS message can carry.
pub const MAXIMUM_RECORD: usize = 65_535;
/// Most items of a record.
pub const MAXIMUM_ITEMS: usize = 256;
/// Most values of an item that may occur again. Any POK may have made any `tls` signature, so a
/// record costs up to the square of this in verifications.
pub const MAXIMUM_VALUES: usize = 16;

/// Why text is not a management record, or a record has no text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    /// Longer than [`MAXIMUM_RECORD`], a string of it longer than [`MAXIMUM_STRING`], or with more
    /// items than [`MAXIMUM_ITEMS`] or more values of one than [`MAXIMUM_VALUES`].
    #[error("record is not within the size limits")]
    TooLarge,
    /// The text holds something else than printable ASCII.
    #[error("record is not printable ASCII")]
    Text,
    /// A known item has no value, or more than one `=`.
    #[error("record item {0:?} is not one name and one value")]
    Item(String),
    /// An item that may occur once occurs again.
    #[error("record item {0:?} is not unique")]
    Repeated(&'static str),
    /// The version is not 1.
    #[error("record version is not 1: {0:?}")]
    Version(String),
    /// A value is not what its item demands.
    #[error("value of record item {0:?} is not valid: {1:?}")]
    Value(&'static str, String),
    /// There is no POK.
    #[error("record has no primary organizational key")]
    NoKey,
    /// The text begins with a quotation mark, but is not a sequence of quoted strings.
    #[error("record is not a sequence of quoted strings")]
    Quotes,
    /// The record's text would be read as another record: a source of signets has a space or semicolon
    /// in it, or is empty.
    #[error("record has a value that would be read as something else")]
    Unwritable,
}

/// Where an organization takes delivery.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeliveryHost {
    /// Host name; certificate and SNI are about it.
    pub host: String,
    /// Port, [`DEFAULT_PORT`] if none. Read, never written (spec/95 item 26).
    pub port: Option<u16>,
}

/// A management record.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ManagementRecord {
    /// Keys that may be the POK of the organization's signet, at least one.
    pub poks: Vec<VerifyingKey>,
    /// Signatures of TLS certificates, see [`sign_certificate`].
    pub tls: Vec<Signature>,
    /// Message policy.
    pub policy: Policy,
    /// Subdomain policy.
    pub subdomain: Subdomain,
    /// Alternative sources of signets, uninterpreted.
    pub syndicates: Vec<String>,
    /// Delivery hosts in order of preference.
    pub deliver: Vec<DeliveryHost>,
    /// Days for which a [`Pin`] on the record lasts; 0, the default, pins nothing.
    pub expiry_days: u32,
}

impl ManagementRecord {
    /// Parses the text of a record, its character-strings joined without separator.
    pub fn parse(txt: &str) -> Result<Self, RecordError> {
        if txt.len() > MAXIMUM_RECORD {
            return Err(RecordError::TooLarge);
        }
        if !txt.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(RecordError::Text);
        }
        let mut record = Self::default();
        let mut seen = Vec::new();
        for (position, item) in txt
            .split([' ', ';'])
            .filter(|item| !item.is_empty())
            .enumerate()
        {
            if position == MAXIMUM_ITEMS {
                return Err(RecordError::TooLarge);
            }
            record.read_item(item, &mut seen)?;
        }
        if record.poks.is_empty() {
            Err(RecordError::NoKey)
        } else {
            Ok(record)
        }
    }

    /// The record's text: items separated by single spaces, in the generator's order
    /// (`ver pok… tls… pol syn… dx… exp sub`), hosts in lower case and ports left out.
    ///
    /// # Errors
    /// What [`parse`](Self::parse) would say of the text, and [`RecordError::Unwritable`] if it would
    /// read something else from it. What was parsed can be written, unless it only just was within
    /// the limit and all the items that were left out do not fit in.
    pub fn to_text(&self) -> Result<String, RecordError> {
        let text = self.items().join(" ");
        let mut written = self.clone();
        for delivery in &mut written.deliver {
            delivery.host.make_ascii_lowercase();
            delivery.port = None;
        }
        if Self::parse(&text)? == written {
            Ok(text)
        } else {
            Err(RecordError::Unwritable)
        }
    }

    fn items(&self) -> Vec<String> {
        let mut items = vec![format!("ver={VERSION}")];
        items.extend(
            self.poks
                .iter()
                .map(|key| format!("pok={}", encoding::encode_unpadded(&key.0))),
        );
        items.extend(
            self.tls
                .iter()
                .map(|signature| format!("tls={}", encoding::encode_unpadded(&signature.0))),
        );
        items.push(format!("pol={}", self.policy.name()));
        items.extend(self.syndicates.iter().map(|source| format!("syn={source}")));
        items.extend(
            self.deliver
                .iter()
                .map(|delivery| format!("dx={}", delivery.host.to_ascii_lowercase())),
        );
        if self.expiry_days > 0 {
            items.push(format!("exp={}", self.expiry_days));
        }
        items.push(format!("sub={}", self.subdomain.name()));
        items
    }

    /// Whether one of the record's signatures is one of its POKs' over this certificate
    /// (DER). All pairs are tried (spec/90 item 60).
    pub fn certificate_matches(&self, der: &[u8]) -> bool {
        let digest = Sha512::digest(der);
        self.tls
            .iter()
            .any(|signature| self.poks.iter().any(|pok| pok.verify(&digest, signature)))
    }

    fn read_item(&mut self, item: &str, seen: &mut Vec<&'static str>) -> Result<(), RecordError> {
        let (label, value) = item.split_once('=').unwrap_or((item, ""));
        let Some(label) = known_name(label) else {
            return Ok(());
        };
        if value.is_empty() || value.contains('=') {
            return Err(RecordError::Item(label.to_owned()));
        }
        let repeatable = matches!(label, "pok" | "tls" | "syn" | "dx");
        if !repeatable && seen.contains(&label) {
            return Err(RecordError::Repeated(label));
        }
        if seen.iter().filter(|other| **other == label).count() == MAXIMUM_VALUES {
            return Err(RecordError::TooLarge);
        }
        seen.push(label);
        let wrong = || RecordError::Value(label, value.to_owned());
        match label {
            "ver" => {
                if value != "1" {
                    return Err(RecordError::Version(value.to_owned()));
                }
            }
            "pok" => self.poks.push(VerifyingKey(
                encoding::decode_unpadded_array(value).map_err(|_| wrong())?,
            )),
            "tls" => self.tls.push(Signature(
                encoding::decode_unpadded_array(value).map_err(|_| wrong())?,
            )),
            "pol" => self.policy = enumerated(&Policy::ALL, value).ok_or_else(wrong)?,
            "sub" => self.subdomain = enumerated(&Subdomain::ALL, value).ok_or_else(wrong)?,
            "syn" => self.syndicates.push(value.to_owned()),
            "dx" => self.deliver.push(delivery_host(value).ok_or_else(wrong)?),
            _ => self.expiry_days = decimal(value).ok_or_else(wrong)?,
        }
        Ok(())
    }
}

/// Signs a TLS certificate for the record: Ed25519 over the SHA-512 digest of the complete DER
/// certificate (spec/20 §2: tls).
pub fn sign_certificate(pok: &SigningKey, der: &[u8]) -> Signature {
    pok.sign(&Sha512::digest(der))
}

/// The short form of an item's name, whichever form and case it has.
fn known_name(label: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 8] = [
        ("ver", "version"),
        ("pok", "primary"),
        ("tls", "tls"),
        ("pol", "policy"),
        ("syn", "syndicates"),
        ("dx", "deliver"),
        ("exp", "expiry"),
        ("sub", "subdomain"),
    ];
    let fits = |(short, long): &(&str, &str)| {
        short.eq_ignore_ascii_case(label) || long.eq_ignore_ascii_case(label)
    };
    NAMES.into_iter().find(fits).map(|(short, _)| short)
}

fn enumerated<T: Copy>(all: &[(&str, T)], value: &str) -> Option<T> {
    all.iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(value))
        .map(|(_, meaning)| *meaning)
}

fn decimal<T: std::str::FromStr>(value: &str) -> Option<T> {
    value
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| value.parse().ok())
        .flatten()
}

fn delivery_host(value: &str) -> Option<DeliveryHost> {
    let (host, port) = match value.split_once(':') {
        Some((host, port)) => (host, Some(decimal(port).filter(|port: &u16| *port > 0)?)),
        None => (value, None),
    };
    name::is_domain(host).then(|| DeliveryHost {
        host: host.to_owned(),
        port,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::collection;
    use proptest::prelude::*;

    use super::*;

    pub(super) fn record() -> ManagementRecord {
        let pok = SigningKey::from_seed([1; 32]);
        ManagementRecord {
            poks: vec![pok.public(), SigningKey::from_seed([2; 32]).public()],
            tls: vec![sign_certificate(&pok, b"certificate")],
            policy: Policy::Mixed,
            subdomain: Subdomain::Explicit,
            syndicates: vec!["a.example".to_owned()],
            deliver: ["dx1.mail.example", "dx2.mail.example", "dx3.mail.example"]
                .map(|host| DeliveryHost {
                    host: host.to_owned(),
                    port: None,
                })
                .to_vec(),
            expiry_days: 7,
        }
    }

    #[test]
    fn a_record_comes_back() {
        let text = record().to_text().expect("a good record");
        assert_eq!(ManagementRecord::parse(&text), Ok(record()));
    }

    #[test]
    fn hosts_are_written_in_lower_case_and_without_ports() {
        let mut record = record();
        let text = record.to_text();
        for delivery in &mut record.deliver {
            delivery.host.make_ascii_uppercase();
            delivery.port = Some(2600);
        }
        assert_eq!(record.to_text(), text);
    }

    #[test]
    fn what_would_be_read_as_something_else_is_not_written() {
        let key = encoding::encode_unpadded(&[9; 32]);
        let refusal = |change: &dyn Fn(&mut ManagementRecord)| {
            let mut record = record();
            change(&mut record);
            record.to_text().map_err(|error| error.to_string()).err()
        };
        let source = |source: String| {
            refusal(&|record: &mut ManagementRecord| record.syndicates = vec![source.clone()])
        };
        let hosts = |count, host: &str| {
            let delivery = DeliveryHost {
                host: host.to_owned(),
                port: None,
            };
            refusal(&|record: &mut ManagementRecord| record.deliver = vec![delivery.clone(); count])
        };
        let refusals = [
            source(format!("x pok={key}")),
            source("x;y".to_owned()),
            source("x y=z".to_owned()),
            source(String::new()),
            source("x=y".to_owned()),
            source("\u{e4}".to_owned()),
            source("x".repeat(MAXIMUM_RECORD)),
            hosts(MAXIMUM_VALUES + 1, "a.example"),
            hosts(1, "a b"),
            hosts(1, "a_b"),
            refusal(&|record| record.poks.clear()),
        ];
        insta::assert_snapshot!(refusals.map(Option::unwrap_or_default).join("\n"), @r#"
        record has a value that would be read as something else
        record has a value that would be read as something else
        record has a value that would be read as something else
        record item "syn" is not one name and one value
        record item "syn" is not one name and one value
        record is not printable ASCII
        record is not within the size limits
        record is not within the size limits
        record has a value that would be read as something else
        value of record item "dx" is not valid: "a_b"
        record has no primary organizational key
        "#);
    }

    #[test]
    fn a_record_has_no_more_values_than_can_be_tried() {
        let items = |count: u8, item: &str| {
            (0..count)
                .map(|_| item.to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let pok = format!("pok={}", encoding::encode_unpadded(&[9; 32]));
        for item in [&pok, "dx=a.example", "syn=b"] {
            let parse = |count| ManagementRecord::parse(&format!("{} {}", items(count, item), pok));
            assert!(parse(15).is_ok());
            assert_eq!(parse(17), Err(RecordError::TooLarge), "{item}");
        }
        let many = items(255, "a=b");
        assert!(ManagementRecord::parse(&format!("{many} {pok}")).is_ok());
        let more = format!("{many} a=b {pok}");
        assert_eq!(ManagementRecord::parse(&more), Err(RecordError::TooLarge));
    }

    #[test]
    fn any_pok_may_have_signed_a_certificate() {
        let mut record = record();
        assert!(record.certificate_matches(b"certificate"));
        assert!(!record.certificate_matches(b"certificatf"));
        record.tls.insert(
            0,
            sign_certificate(&SigningKey::from_seed([2; 32]), b"other"),
        );
        assert!(record.certificate_matches(b"certificate") && record.certificate_matches(b"other"));
        record.poks.reverse();
        assert!(record.certificate_matches(b"certificate"));
    }

    #[test]
    fn sloppy_values_are_refused() {
        let pok = format!("pok={}", encoding::encode_unpadded(&[9; 32]));
        for (tail, problem) in [
            ("ver=1x", "record version is not 1: \"1x\""),
            ("ver=2", "record version is not 1: \"2\""),
            ("pol=", "record item \"pol\" is not one name and one value"),
            ("dx", "record item \"dx\" is not one name and one value"),
            ("dx=a=b", "record item \"dx\" is not one name and one value"),
            (
                "dx=a:0",
                "value of record item \"dx\" is not valid: \"a:0\"",
            ),
            (
                "exp=+3",
                "value of record item \"exp\" is not valid: \"+3\"",
            ),
            (
                "sub=none",
                "value of record item \"sub\" is not valid: \"none\"",
            ),
            ("pol=strict pol=mixed", "record item \"pol\" is not unique"),
            ("x\u{e4}", "record is not printable ASCII"),
        ] {
            let result = ManagementRecord::parse(&format!("{pok} {tail}"));
            assert_eq!(
                result.map_err(|error| error.to_string()),
                Err(problem.to_owned())
            );
        }
        assert_eq!(ManagementRecord::parse("ver=1"), Err(RecordError::NoKey));
    }

    pub(super) fn any_record() -> impl Strategy<Value = ManagementRecord> {
        let host = "[a-z]{1,8}(\\.[a-z0-9]{1,8}){0,3}";
        (
            collection::vec(any::<[u8; 32]>(), 1..4),
            collection::vec(any::<[u8; 32]>(), 0..3),
            (0usize..3, 0usize..3, any::<u32>()),
            collection::vec(host, 0..4),
            collection::vec(host, 0..4),
        )
            .prop_map(
                |(poks, tls, (policy, subdomain, expiry_days), syndicates, hosts)| {
                    ManagementRecord {
                        poks: poks.into_iter().map(VerifyingKey).collect(),
                        tls: tls
                            .into_iter()
                            .map(|half| {
                                Signature([half, half].concat().try_into().unwrap_or([0; 64]))
                            })
                            .collect(),
                        policy: Policy::ALL[policy].1,
                        subdomain: Subdomain::ALL[subdomain].1,
                        syndicates,
                        deliver: hosts
                            .into_iter()
                            .map(|host| DeliveryHost { host, port: None })
                            .collect(),
                        expiry_days,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn any_record_comes_back(record in any_record(), place in any::<prop::sample::Index>()) {
            let text = record.to_text().expect("a good record");
            let cut = text.get(..place.index(text.len())).unwrap_or_default();
            let _ = ManagementRecord::parse(cut);
            prop_assert_eq!(ManagementRecord::parse(&text), Ok(record));
        }

        #[test]
        fn parsing_never_panics(text in "(ver|pok|dx|exp|sub|x)?[=;: a-z0-9]{0,60}", other in any::<String>()) {
            let _ = (ManagementRecord::parse(&text), ManagementRecord::parse(&other));
        }
    }
}
