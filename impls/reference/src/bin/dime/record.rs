//! `dime record`: the TXT record that anchors an organization.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use dime::files;
use dime_wire::encoding::encode_unpadded;
use dime_wire::keys::KeyOwner;
use dime_wire::name::is_domain;
use dime_wire::record::{DeliveryHost, ManagementRecord, Policy, Subdomain, sign_certificate};

use crate::{Failure, Output, print};

#[derive(Subcommand)]
pub(crate) enum Action {
    /// Make a management record.
    New {
        /// Key file of the organization.
        #[arg(long)]
        keys: PathBuf,
        /// Certificate of a delivery host to list, PEM or DER; may be repeated.
        #[arg(long)]
        certificate: Vec<PathBuf>,
        /// Delivery host, in order of preference; may be repeated.
        #[arg(long)]
        deliver: Vec<String>,
        /// What the organization accepts besides DIME.
        #[arg(long, value_enum, default_value = "experimental")]
        policy: PolicyWord,
        /// Days for which the record stays pinned after it was first seen.
        #[arg(long, default_value_t = 0)]
        expiry_days: u32,
        /// Write a line of a zone file for this domain instead of the bare text.
        #[arg(long)]
        zone: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show what is in the text of a management record.
    Show {
        /// The text; `-` for standard input.
        file: PathBuf,
    },
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

pub(crate) fn run(action: Action) -> Result<(), Failure> {
    match action {
        Action::New {
            keys,
            certificate,
            deliver,
            policy,
            expiry_days,
            zone,
            output,
        } => {
            let keys = files::read_keys(&keys, KeyOwner::Organization)?;
            let mut record = ManagementRecord {
                poks: vec![keys.signing.public()],
                policy: policy.into(),
                subdomain: Subdomain::default(),
                deliver: deliver.into_iter().map(host).collect::<Result<_, _>>()?,
                expiry_days,
                ..ManagementRecord::default()
            };
            for path in &certificate {
                let chain = files::read_certificates(path)?;
                let own = chain.first().map(Vec::as_slice).unwrap_or_default();
                record.tls.push(sign_certificate(&keys.signing, own));
            }
            let text = match zone {
                None => record.to_text() + "\n",
                Some(domain) => zone_line(&domain, &record)?,
            };
            Ok(files::write(&output.out, text.as_bytes())?)
        }
        Action::Show { file } => {
            let text = files::read_text(&file)?;
            let record = ManagementRecord::parse(text.trim()).map_err(Failure::invalid)?;
            show(&record);
            Ok(())
        }
    }
}

fn host(name: String) -> Result<DeliveryHost, Failure> {
    if !is_domain(&name) {
        return Err(Failure::Unusable(format!("{name:?} is not a host name")));
    }
    Ok(DeliveryHost {
        host: name,
        port: None,
    })
}

fn zone_line(domain: &str, record: &ManagementRecord) -> Result<String, Failure> {
    if !is_domain(domain) {
        return Err(Failure::Unusable(format!("{domain:?} is not a domain")));
    }
    let strings = record.to_strings();
    let quoted: Vec<String> = strings.iter().map(|text| format!("\"{text}\"")).collect();
    Ok(format!("_dx.{domain}. IN TXT {}\n", quoted.join(" ")))
}

fn show(record: &ManagementRecord) {
    let mut text = format!("version   {}\n", record.version);
    for pok in &record.poks {
        text += &format!("pok       {}\n", encode_unpadded(&pok.0));
    }
    for signature in &record.tls {
        text += &format!("tls       {}\n", encode_unpadded(&signature.0));
    }
    text += &format!("policy    {}\n", record.policy.name());
    text += &format!("subdomain {}\n", record.subdomain.name());
    for delivery in &record.deliver {
        text += &format!("deliver   {}\n", delivery.host);
    }
    text += &format!("expiry    {} days\n", record.expiry_days);
    print(&text);
}
