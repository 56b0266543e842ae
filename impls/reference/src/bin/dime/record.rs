//! `dime record`: the TXT record that anchors an organization.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use dime::files;
use dime_wire::encoding::encode_unpadded;
use dime_wire::keys::KeyOwner;
use dime_wire::name::is_domain;
use dime_wire::record::{
    DeliveryHost, ManagementRecord, Policy, Subdomain, VERSION, sign_certificate,
};
use dime_wire::signet::SignetKind;
use serde::Serialize;

use crate::output::{Output, Printing, one_line};
use crate::{Failure, input};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make a management record.
    New(Box<NewArguments>),
    /// Show what is in the text of a management record, bare, in quotation marks as in a zone file, or
    /// as a line of one.
    Show {
        #[command(flatten)]
        subject: input::Subject,
        #[command(flatten)]
        printing: Printing,
    },
}

#[derive(clap::Args)]
pub(crate) struct NewArguments {
    #[command(flatten)]
    keys: input::KeySource,
    /// Certificate of a delivery host to list, PEM or DER; may be repeated.
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// Delivery host, in order of preference; may be repeated.
    #[arg(long, value_name = "HOST")]
    deliver: Vec<String>,
    /// What the organization accepts besides DIME.
    #[arg(long, value_enum, default_value = "experimental")]
    policy: PolicyWord,
    /// Who speaks for subdomains.
    #[arg(long, value_enum, default_value = "strict")]
    subdomain: SubdomainWord,
    /// Another source of the organization's signets, uninterpreted; may be repeated.
    #[arg(long, value_name = "SOURCE")]
    syndicate: Vec<String>,
    /// Signet whose key is listed too, before or after a roll-over; may be repeated.
    #[arg(long, value_name = "FILE")]
    also: Vec<PathBuf>,
    /// Days for which the record stays pinned after it was first seen.
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    expiry_days: u32,
    /// Write a line of a zone file for this domain instead of the bare text.
    #[arg(long, value_name = "DOMAIN")]
    zone: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PolicyWord {
    /// DIME is being tried out.
    Experimental,
    /// Both DIME and legacy mail.
    Mixed,
    /// DIME only.
    Strict,
}

impl From<PolicyWord> for Policy {
    fn from(word: PolicyWord) -> Policy {
        match word {
            PolicyWord::Experimental => Policy::Experimental,
            PolicyWord::Mixed => Policy::Mixed,
            PolicyWord::Strict => Policy::Strict,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SubdomainWord {
    /// This record speaks for all subdomains.
    Strict,
    /// Subdomains may have records of their own.
    Relaxed,
    /// Subdomains must have records of their own.
    Explicit,
}

impl From<SubdomainWord> for Subdomain {
    fn from(word: SubdomainWord) -> Subdomain {
        match word {
            SubdomainWord::Strict => Subdomain::Strict,
            SubdomainWord::Relaxed => Subdomain::Relaxed,
            SubdomainWord::Explicit => Subdomain::Explicit,
        }
    }
}

/// A management record in JSON; keys and signatures in base64 without padding, as in the record.
#[derive(Serialize)]
struct Shown {
    version: u8,
    pok: Vec<String>,
    tls: Vec<String>,
    policy: &'static str,
    subdomain: &'static str,
    syndicates: Vec<String>,
    deliver: Vec<String>,
    expiry_days: u32,
}

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::New(arguments) => new(&arguments),
        Action::Show { subject, printing } => {
            let record = input::record(&subject.file)?;
            printing.show(&shown(&record), outline)
        }
    }
}

fn new(arguments: &NewArguments) -> Result<(), Failure> {
    let keys = arguments.keys.of(KeyOwner::Organization)?;
    let mut poks = vec![keys.signing.public()];
    for path in &arguments.also {
        let key = input::signet_of(path, SignetKind::Organization)?.signing_key();
        poks.push(
            key.map_err(|error| Failure::Unusable(format!("{}: {error}", input::named(path))))?,
        );
    }
    let hosts = arguments.deliver.iter().map(|name| host(name));
    let mut record = ManagementRecord {
        poks,
        policy: arguments.policy.into(),
        subdomain: arguments.subdomain.into(),
        syndicates: arguments.syndicate.clone(),
        deliver: hosts.collect::<Result<_, _>>()?,
        expiry_days: arguments.expiry_days,
        ..ManagementRecord::default()
    };
    for path in &arguments.certificate {
        let chain = files::read_certificates(path)?;
        let own = chain.first().map(Vec::as_slice).unwrap_or_default();
        record.tls.push(sign_certificate(&keys.signing, own));
    }
    let text = match &arguments.zone {
        None => record.to_text().map_err(Failure::unusable)? + "\n",
        Some(domain) => zone_line(domain, &record)?,
    };
    arguments.output.write(text.as_bytes())
}

fn host(name: &str) -> Result<DeliveryHost, Failure> {
    if !is_domain(name) {
        let with_port = name
            .split_once(':')
            .is_some_and(|(host, _)| is_domain(host));
        let why = if with_port {
            "names a port, which is read in records and never written"
        } else {
            "is not a host name"
        };
        return Err(Failure::Unusable(format!("{name:?} {why}")));
    }
    Ok(DeliveryHost {
        host: name.to_owned(),
        port: None,
    })
}

fn zone_line(domain: &str, record: &ManagementRecord) -> Result<String, Failure> {
    if !is_domain(domain) {
        return Err(Failure::Unusable(format!("{domain:?} is not a domain")));
    }
    let strings = record.to_strings().map_err(Failure::unusable)?;
    let quoted: Vec<String> = strings.iter().map(|text| format!("\"{text}\"")).collect();
    Ok(format!("_dx.{domain}. IN TXT {}\n", quoted.join(" ")))
}

fn shown(record: &ManagementRecord) -> Shown {
    let hosts = record.deliver.iter().map(|delivery| match delivery.port {
        Some(port) => format!("{}:{port}", delivery.host),
        None => delivery.host.clone(),
    });
    let poks = record.poks.iter().map(|pok| encode_unpadded(&pok.0));
    let tls = record.tls.iter().map(|tls| encode_unpadded(&tls.0));
    Shown {
        version: VERSION,
        pok: poks.collect(),
        tls: tls.collect(),
        policy: record.policy.name(),
        subdomain: record.subdomain.name(),
        syndicates: record.syndicates.clone(),
        deliver: hosts.collect(),
        expiry_days: record.expiry_days,
    }
}

fn outline(shown: &Shown) -> String {
    let mut text = format!("version   {}\n", shown.version);
    let mut list = |label: &str, values: &[String]| {
        for value in values {
            text += &format!("{label:<9} {}\n", one_line(value));
        }
    };
    list("pok", &shown.pok);
    list("tls", &shown.tls);
    list("policy", &[shown.policy.to_owned()]);
    list("subdomain", &[shown.subdomain.to_owned()]);
    list("syndicate", &shown.syndicates);
    list("deliver", &shown.deliver);
    list("expiry", &[format!("{} days", shown.expiry_days)]);
    text
}
