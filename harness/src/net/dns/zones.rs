//! Authoritative name servers: a world's zones, signed, and answered from by hickory's catalogs.
//!
//! hickory signs and answers; what it leaves wrong or undone is put right here: each zone has a
//! catalog of its own (a parent must answer for its child's DS), addresses of a delegation's server
//! are added to its answers, and signatures are made at the date the zone says, not at the clock's.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dime::dns::{ScopedRuntime, ScopedTime};
use dime::platform::scope::{self, HostScope};
use dime::platform::{BoxFuture, Clock, Platform, Tick, UnixTime};
use dime_wire::keys::SigningKey;
use futures_util::StreamExt;
use hickory_net::BufDnsStreamHandle;
use hickory_net::xfer::Protocol;
use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::dnssec::{
    Algorithm, DigestType, DnsSecResult, DnssecSigner, Nsec3HashAlgorithm, PublicKeyBuf,
    SigningKey as ZoneKey, TBS,
};
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, NS, SOA, TXT};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_server::dnssec::NxProofKind;
use hickory_server::server::{Request, RequestHandler, ResponseHandle};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneHandler, ZoneType};
use sha2::{Digest, Sha256};

use super::NameServer;
use crate::net::entropy;
use crate::world::{Dnssec, Zone, ZoneRecord};

/// How long any record may be kept, in seconds.
pub const RECORD_TTL: u32 = 300;
/// How long before the world's now zones were signed.
pub const SIGNATURE_AGE: Duration = Duration::from_secs(3600);
/// How long signatures are valid.
pub const SIGNATURE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long before now the signatures of an expired zone ended.
const EXPIRED_SINCE: Duration = Duration::from_secs(24 * 3600);
/// The character string that a bogus zone adds to every text after signing: an item of a name that
/// readers of management records ignore, so that only the signature tells.
pub const CHANGED_TEXT: &str = " changed=afterwards";

/// Why a zone cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ZoneError {
    /// A name in it is not a domain name.
    #[error("{0:?} is not a domain name")]
    Name(String),
    /// A record does not fit into the zone, or is not of a kind it can have.
    #[error("zone {origin} cannot hold {record}")]
    Record {
        /// Which zone.
        origin: String,
        /// Which record.
        record: String,
    },
    /// A delegation names a zone the world does not have.
    #[error("zone {origin} delegates to {child}, which the world does not have")]
    NoSuchChild {
        /// The parent.
        origin: String,
        /// The missing child.
        child: String,
    },
    /// The zone was not signed.
    #[error("failed to sign zone {origin}: {reason}")]
    Signing {
        /// Which zone.
        origin: String,
        /// Why.
        reason: String,
    },
}

/// The zones one host serves.
pub struct AuthoritativeServer {
    zones: Vec<ServedZone>,
}

struct ServedZone {
    origin: LowerName,
    catalog: Catalog,
    addresses: BTreeMap<LowerName, Vec<IpAddr>>,
    bogus: bool,
}

impl AuthoritativeServer {
    /// Signs those of the world's `zones` that `server` serves, at the world's `now`. All zones are
    /// needed, because a delegation holds a digest of its child's key.
    ///
    /// # Errors
    /// [`ZoneError`] names the zone at fault.
    pub fn build(zones: &[Zone], server: &str, now: UnixTime) -> Result<Self, ZoneError> {
        let served = zones.iter().filter(|zone| zone.server == server);
        let zones = served
            .map(|zone| ServedZone::build(zone, zones, now))
            .collect::<Result<_, _>>()?;
        Ok(Self { zones })
    }

    async fn respond(
        &self,
        question: Vec<u8>,
        from: SocketAddr,
        transport: Protocol,
    ) -> Option<Vec<u8>> {
        let request = Request::from_bytes(question, from, transport).ok()?;
        let info = request.request_info().ok()?;
        let (name, record_type) = (info.query.name().clone(), info.query.query_type());
        let zone = self.zone_of(&name, record_type)?;
        let (handle, mut answers) = BufDnsStreamHandle::new(from);
        let handle = ResponseHandle::new(from, handle, transport);
        zone.catalog
            .handle_request::<_, ScopedTime>(&request, handle)
            .await;
        let (answer, _) = answers.next().await?.into_parts();
        zone.finish(answer)
    }

    /// The zone nearest to `name`; for a DS the one above it, which delegates.
    fn zone_of(&self, name: &LowerName, record_type: RecordType) -> Option<&ServedZone> {
        let above = record_type == RecordType::DS && !name.is_root();
        let name = if above {
            name.base_name()
        } else {
            name.clone()
        };
        self.zones
            .iter()
            .filter(|zone| zone.origin.zone_of(&name))
            .max_by_key(|zone| zone.origin.num_labels())
    }
}

impl NameServer for AuthoritativeServer {
    fn answer(
        self: Arc<Self>,
        _platform: Arc<dyn Platform>,
        question: Vec<u8>,
        from: SocketAddr,
        transport: Protocol,
    ) -> BoxFuture<'static, Option<Vec<u8>>> {
        Box::pin(async move { self.respond(question, from, transport).await })
    }
}

impl ServedZone {
    fn build(zone: &Zone, world: &[Zone], now: UnixTime) -> Result<Self, ZoneError> {
        let origin = domain(&zone.origin)?;
        let signed = zone.signing != Dnssec::Unsigned;
        let mut handler = InMemoryZoneHandler::<ScopedRuntime>::empty(
            origin.clone(),
            ZoneType::Primary,
            AxfrPolicy::Deny,
            // NSEC3, because hickory's NSEC proofs lack the wildcard of the closest encloser.
            signed.then(|| NxProofKind::Nsec3 {
                algorithm: Nsec3HashAlgorithm::SHA1,
                salt: Arc::from([]),
                iterations: 0,
                opt_out: false,
            }),
        );
        let mut addresses: BTreeMap<LowerName, Vec<IpAddr>> = BTreeMap::new();
        let mut records = apex(zone, &origin)?;
        for record in &zone.records {
            if let ZoneRecord::Address { name, address } = record {
                let owner = LowerName::from(domain(name)?);
                addresses.entry(owner).or_default().push(*address);
            }
            records.extend(encode(zone, record, world)?);
        }
        for record in records {
            let shown = format!("{} {}", record.name, record.record_type());
            if !handler.upsert_mut(record, 0) {
                let origin = zone.origin.clone();
                let record = shown;
                return Err(ZoneError::Record { origin, record });
            }
        }
        if signed {
            sign(&mut handler, zone, &origin, now)?;
        }
        let mut catalog = Catalog::new();
        let origin = LowerName::from(origin);
        let handler: Arc<dyn ZoneHandler> = Arc::new(handler);
        catalog.upsert(origin.clone(), vec![handler]);
        let bogus = zone.signing == Dnssec::Bogus;
        Ok(Self {
            origin,
            catalog,
            addresses,
            bogus,
        })
    }

    /// Mends the answer, adds the addresses of delegations, and what makes a bogus zone bogus.
    fn finish(&self, answer: Vec<u8>) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(&answer).ok()?;
        let glue = self.glue(&message);
        let mut changed = !glue.is_empty() | strip_needless_proofs(&mut message);
        message.additionals.extend(glue);
        if self.bogus {
            for record in &mut message.answers {
                if let RData::TXT(text) = &mut record.data {
                    let mut strings = text.txt_data.to_vec();
                    strings.push(CHANGED_TEXT.as_bytes().into());
                    text.txt_data = strings.into();
                    changed = true;
                }
            }
        }
        if changed {
            message.to_vec().ok()
        } else {
            Some(answer)
        }
    }

    fn glue(&self, message: &Message) -> Vec<Record> {
        let named = message.answers.iter().chain(&message.authorities);
        let mut glue = Vec::new();
        for record in named {
            let RData::NS(server) = &record.data else {
                continue;
            };
            let present = message
                .additionals
                .iter()
                .any(|other| other.name == server.0 && other.record_type() == RecordType::A);
            let known = self.addresses.get(&LowerName::from(server.0.clone()));
            for address in known.into_iter().flatten().filter(|_| !present) {
                if let IpAddr::V4(address) = address {
                    let data = RData::A(A(*address));
                    glue.push(Record::from_rdata(server.0.clone(), RECORD_TTL, data));
                }
            }
        }
        glue
    }
}

/// Removes NSEC3 records from positive answers, which need none unless a wildcard gave them: hickory
/// adds the one that matches the name, and validators then find the answer contradicts it.
fn strip_needless_proofs(message: &mut Message) -> bool {
    let from_wildcard = message.answers.iter().any(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
            signature.input().num_labels < record.name.num_labels()
        }
        _ => false,
    });
    if message.answers.is_empty() || from_wildcard {
        return false;
    }
    let before = message.authorities.len();
    message.authorities.retain(|record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC3(_)) => false,
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => {
            signature.input().type_covered != RecordType::NSEC3
        }
        _ => true,
    });
    message.authorities.len() != before
}

fn apex(zone: &Zone, origin: &Name) -> Result<Vec<Record>, ZoneError> {
    const SERIAL: u32 = 1;
    const REFRESH: i32 = 3600;
    const RETRY: i32 = 600;
    const EXPIRE: i32 = 86_400;
    let server = domain(&zone.server)?;
    let contact = domain(&format!("hostmaster.{}", zone.origin.trim_end_matches('.')))?;
    let soa = SOA::new(
        server.clone(),
        contact,
        SERIAL,
        REFRESH,
        RETRY,
        EXPIRE,
        RECORD_TTL,
    );
    Ok(vec![
        Record::from_rdata(origin.clone(), RECORD_TTL, RData::SOA(soa)),
        Record::from_rdata(origin.clone(), RECORD_TTL, RData::NS(NS(server))),
    ])
}

fn encode(zone: &Zone, record: &ZoneRecord, world: &[Zone]) -> Result<Vec<Record>, ZoneError> {
    let unfit = |record: String| ZoneError::Record {
        origin: zone.origin.clone(),
        record,
    };
    match record {
        ZoneRecord::Address { name, address } => {
            let IpAddr::V4(address) = address else {
                return Err(unfit(format!("{name} at {address}: addresses are IPv4")));
            };
            let data = RData::A(A(*address));
            Ok(vec![Record::from_rdata(domain(name)?, RECORD_TTL, data)])
        }
        ZoneRecord::Text { name, strings } => {
            if strings.iter().any(|string| string.len() > 255) {
                return Err(unfit(format!("a text longer than 255 bytes at {name}")));
            }
            let data = RData::TXT(TXT::new(strings.clone()));
            Ok(vec![Record::from_rdata(domain(name)?, RECORD_TTL, data)])
        }
        ZoneRecord::Delegation { child, server } => {
            let name = domain(child)?;
            let data = RData::NS(NS(domain(server)?));
            let mut records = vec![Record::from_rdata(name.clone(), RECORD_TTL, data)];
            records.extend(delegation_signer(zone, child, &name, world)?);
            Ok(records)
        }
    }
}

/// The DS record of a child zone, if it is signed.
fn delegation_signer(
    zone: &Zone,
    child: &str,
    name: &Name,
    world: &[Zone],
) -> Result<Option<Record>, ZoneError> {
    let found = world
        .iter()
        .find(|zone| zone.origin.eq_ignore_ascii_case(child));
    let Some(child) = found else {
        return Err(ZoneError::NoSuchChild {
            origin: zone.origin.clone(),
            child: child.to_owned(),
        });
    };
    if child.signing == Dnssec::Unsigned {
        return Ok(None);
    }
    let key = match child.signing {
        Dnssec::WrongDs => DalekKey(another_key(&child.key)),
        _ => DalekKey(child.key.clone()),
    };
    let digest = key
        .to_public_key()
        .map_err(|error| error.to_string())
        .and_then(|key| {
            DS::from_key(&key, name, DigestType::SHA256).map_err(|error| error.to_string())
        });
    let digest = digest.map_err(|reason| ZoneError::Signing {
        origin: zone.origin.clone(),
        reason,
    })?;
    let data = RData::DNSSEC(DNSSECRData::DS(digest));
    Ok(Some(Record::from_rdata(name.clone(), RECORD_TTL, data)))
}

/// A key that follows from `key` and is not it.
fn another_key(key: &SigningKey) -> SigningKey {
    SigningKey::from_seed(Sha256::digest(key.seed()).into())
}

fn sign(
    handler: &mut InMemoryZoneHandler<ScopedRuntime>,
    zone: &Zone,
    origin: &Name,
    now: UnixTime,
) -> Result<(), ZoneError> {
    let age = match zone.signing {
        Dnssec::Expired => SIGNATURE_LIFETIME + EXPIRED_SINCE,
        _ => SIGNATURE_AGE,
    };
    let signed_at = UnixTime(now.0.saturating_sub(age.as_secs()));
    let key = DalekKey(zone.key.clone());
    let result = scope::enter(&scope_at(signed_at), || {
        let public = key.to_public_key()?;
        let signer = DnssecSigner::new(
            DNSKEY::from_key(&public),
            Box::new(key),
            origin.clone(),
            SIGNATURE_LIFETIME,
        );
        handler.add_zone_signing_key_mut(signer)?;
        handler.secure_zone_mut()
    });
    result.map_err(|error| ZoneError::Signing {
        origin: zone.origin.clone(),
        reason: error.to_string(),
    })
}

/// A host scope whose clock stands still; signing a zone draws nothing.
fn scope_at(wall: UnixTime) -> Arc<HostScope> {
    let unused = entropy::stream(0, "zone", &"signing".into(), 0);
    HostScope::new(Arc::new(StandingClock(wall)), Box::new(unused))
}

struct StandingClock(UnixTime);

impl Clock for StandingClock {
    fn now(&self) -> Tick {
        Tick(0)
    }

    fn wall(&self) -> UnixTime {
        self.0
    }

    fn sleep_until(&self, _deadline: Tick) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

/// A zone's Ed25519 key in hickory's terms.
#[derive(Clone)]
struct DalekKey(SigningKey);

impl ZoneKey for DalekKey {
    fn sign(&self, bytes: &TBS) -> DnsSecResult<Vec<u8>> {
        Ok(self.0.sign(bytes.as_ref()).0.to_vec())
    }

    fn to_public_key(&self) -> DnsSecResult<PublicKeyBuf> {
        let public = self.0.public().0.to_vec();
        Ok(PublicKeyBuf::new(public, Algorithm::ED25519))
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::ED25519
    }
}

fn domain(name: &str) -> Result<Name, ZoneError> {
    let mut parsed = Name::from_ascii(name).map_err(|_| ZoneError::Name(name.to_owned()))?;
    parsed.set_fqdn(true);
    Ok(parsed)
}
