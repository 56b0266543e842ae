//! The DNS client of an agent: TXT and address look-ups that say how far they can be trusted.
//!
//! Asks one recursive resolver over the platform and validates every answer itself with DNSSEC from
//! the root's keys (spec/20 §3), so the resolver need not be trusted. hickory does the validation,
//! on the host's clock; each look-up has a validator of its own, because hickory remembers verdicts
//! by the clock of the operating system.

mod exchange;
mod runtime;

pub use exchange::{ANSWER_WAIT, MAX_ATTEMPTS, MAX_STRAY_DATAGRAMS, exchange};
pub use runtime::{NoDatagrams, NoSpawn, ScopedRuntime, ScopedTime};

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::{DnsError as HickoryError, DnsHandle, NetError as HickoryNetError};
use hickory_proto::dnssec::{Algorithm, Proof, PublicKeyBuf, TrustAnchors};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Edns, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rand_core::{CryptoRng, Rng};

use crate::platform::{NetError, Platform, Tick};

/// How long a look-up may take, all questions of its validation included.
pub const LOOKUP_WAIT: Duration = Duration::from_secs(15);
/// How many questions one look-up may ask.
pub const MAX_QUESTIONS: usize = 96;
/// The longest a key or delegation is kept, whatever its TTL says.
pub const MAX_KEPT: Duration = Duration::from_secs(300);
/// How many keys and delegations are kept.
pub const MAX_KEPT_ANSWERS: usize = 256;
/// The most records taken from one answer.
pub const MAX_RECORDS: usize = 64;
/// The EDNS payload we offer, in bytes: what passes every link unfragmented.
pub const EDNS_PAYLOAD: u16 = 1232;

/// How far an answer can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// A chain of signatures leads from the root's keys to it.
    Secure,
    /// It is proven that there can be no such chain: the zone is not signed.
    Insecure,
    /// There should be such a chain, and it does not hold.
    Bogus,
}

/// What a look-up found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// How far it can be trusted.
    pub security: Security,
    /// The data, in the order of the answer; empty if the name or the record does not exist.
    pub data: T,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
}

/// Why a look-up gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name cannot be asked for.
    #[error("{0:?} is not a domain name")]
    Name(String),
    /// Our own question cannot be sent.
    #[error("failed to write the DNS question: {0}")]
    Question(String),
    /// The server was silent.
    #[error("name server {server} did not answer before the deadline")]
    Timeout {
        /// Which server.
        server: SocketAddr,
    },
    /// The platform failed.
    #[error("failed to ask name server {server}: {error}")]
    Network {
        /// Which server.
        server: SocketAddr,
        /// How.
        error: NetError,
    },
    /// The server said that it failed or refuses.
    #[error("name server {server} answers {code} for {name}")]
    ServerFailure {
        /// Which server.
        server: SocketAddr,
        /// Its response code.
        code: String,
        /// The name it was asked for.
        name: String,
    },
    /// The server's answer makes no sense.
    #[error("answer of name server {server} is not well formed: {reason}")]
    Malformed {
        /// Which server.
        server: SocketAddr,
        /// What is wrong with it.
        reason: String,
    },
    /// The server says that there is nothing, and the proof it should give is missing or false.
    #[error("dns of {name} does not prove that there is no such record")]
    Unproven {
        /// The name asked for.
        name: String,
    },
    /// A named limit was reached.
    #[error("look-up of {name} reached a limit: {limit}")]
    Limit {
        /// The name asked for.
        name: String,
        /// Which limit.
        limit: &'static str,
    },
}

/// Looks names up for one host.
pub struct DnsClient {
    shared: Arc<Shared>,
    anchors: Arc<TrustAnchors>,
}

impl DnsClient {
    /// A client that asks `resolver` and trusts the Ed25519 root keys `anchors`.
    pub fn new(platform: Arc<dyn Platform>, resolver: SocketAddr, anchors: Vec<[u8; 32]>) -> Self {
        let mut trusted = TrustAnchors::empty();
        for anchor in anchors {
            trusted.insert(&PublicKeyBuf::new(anchor.to_vec(), Algorithm::ED25519));
        }
        let ids = Mutex::new(platform.entropy("dns.ids".into()));
        Self {
            shared: Arc::new(Shared {
                platform,
                resolver,
                ids,
                kept: Mutex::default(),
            }),
            anchors: Arc::new(trusted),
        }
    }

    /// The texts at `name`: one string for each TXT record, its character strings joined. Bytes
    /// that are not UTF-8 become replacement characters.
    ///
    /// # Errors
    /// [`DnsError`] names the server or the name at fault.
    pub async fn text(&self, name: &str) -> Result<Answer<Vec<String>>, DnsError> {
        self.lookup(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    /// The IPv4 addresses at `name`. Aliases are not followed: DIME names hosts directly.
    ///
    /// # Errors
    /// As [`DnsClient::text`].
    pub async fn addresses(&self, name: &str) -> Result<Answer<Vec<IpAddr>>, DnsError> {
        self.lookup(name, RecordType::A, |data| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        })
        .await
    }

    async fn lookup<T>(
        &self,
        name: &str,
        record_type: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<Vec<T>>, DnsError> {
        let mut asked = Name::from_ascii(name).map_err(|_| DnsError::Name(name.to_owned()))?;
        asked.set_fqdn(true);
        let lookup = Lookup::new(self.shared.clone());
        let validator = DnssecDnsHandle::with_trust_anchor(lookup.clone(), self.anchors.clone());
        let query = Query::query(asked.clone(), record_type);
        let options = DnsRequestOptions::default();
        let response = validator.lookup(query, options).next().await;
        // What kept the validator from a question matters more than the verdict it then gave.
        if let Some(failure) = lookup.failure() {
            return Err(failure);
        }
        match response {
            Some(Ok(response)) => Ok(positive(&asked, record_type, &response, read)),
            Some(Err(error)) => negative(name, error),
            None => Err(DnsError::Unproven {
                name: name.to_owned(),
            }),
        }
    }
}

fn positive<T>(
    asked: &Name,
    record_type: RecordType,
    response: &DnsResponse,
    read: impl Fn(&RData) -> Option<T>,
) -> Answer<Vec<T>> {
    let records: Vec<&Record> = response
        .answers
        .iter()
        .filter(|record| record.record_type() == record_type && record.name == *asked)
        .take(MAX_RECORDS)
        .collect();
    let security = if records.is_empty() {
        absence(response)
    } else {
        weakest(&records)
    };
    Answer {
        security,
        ttl: records.iter().map(|record| record.ttl).min().unwrap_or(0),
        data: records
            .iter()
            .filter_map(|record| read(&record.data))
            .collect(),
    }
}

/// The security of records that belong together is that of the weakest.
fn weakest(records: &[&Record]) -> Security {
    records
        .iter()
        .map(|record| security(record.proof))
        .fold(Security::Secure, |all, one| match (all, one) {
            (Security::Bogus, _) | (_, Security::Bogus) => Security::Bogus,
            (Security::Insecure, _) | (_, Security::Insecure) => Security::Insecure,
            (Security::Secure, Security::Secure) => Security::Secure,
        })
}

/// hickory passes an empty answer only if its absence is proven, or the zone is provably unsigned.
fn absence(response: &DnsResponse) -> Security {
    let proven = response.authorities.iter().any(|record| {
        let proves = matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3);
        proves && record.proof == Proof::Secure
    });
    if proven {
        Security::Secure
    } else {
        Security::Insecure
    }
}

fn negative<T>(name: &str, error: HickoryNetError) -> Result<Answer<Vec<T>>, DnsError> {
    if let HickoryNetError::Dns(HickoryError::Nsec { proof, .. }) = &error
        && security(*proof) == Security::Insecure
    {
        return Ok(Answer {
            security: Security::Insecure,
            data: Vec::new(),
            ttl: 0,
        });
    }
    Err(DnsError::Unproven {
        name: name.to_owned(),
    })
}

fn security(proof: Proof) -> Security {
    match proof {
        Proof::Secure => Security::Secure,
        Proof::Insecure => Security::Insecure,
        Proof::Bogus | Proof::Indeterminate => Security::Bogus,
    }
}

/// What all look-ups of a client share.
struct Shared {
    platform: Arc<dyn Platform>,
    resolver: SocketAddr,
    ids: Mutex<Box<dyn CryptoRng + Send>>,
    /// Keys and delegations, unvalidated: each look-up validates them at its own time.
    kept: Mutex<BTreeMap<QuestionKey, Kept>>,
}

/// Name in lower case, and type.
type QuestionKey = (String, u16);

struct Kept {
    until: Tick,
    answer: Vec<u8>,
}

impl Shared {
    fn next_id(&self) -> u16 {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = [0; 2];
        ids.fill_bytes(&mut id);
        u16::from_be_bytes(id)
    }

    fn kept(&self, key: &QuestionKey) -> Option<Vec<u8>> {
        let now = self.platform.clock().now();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(key).filter(|found| now < found.until)?;
        Some(found.answer.clone())
    }

    fn keep(&self, key: QuestionKey, answer: &DnsResponse) {
        let chain = u16::from(RecordType::DNSKEY) == key.1 || u16::from(RecordType::DS) == key.1;
        let Some(ttl) = answer.answers.iter().map(|record| record.ttl).min() else {
            return;
        };
        if !chain {
            return;
        }
        let now = self.platform.clock().now();
        let until = now + Duration::from_secs(u64::from(ttl)).min(MAX_KEPT);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT_ANSWERS {
            kept.retain(|_, old| now < old.until);
        }
        if kept.len() < MAX_KEPT_ANSWERS {
            let answer = answer.as_buffer().to_vec();
            kept.insert(key, Kept { until, answer });
        }
    }
}

/// The questions of one look-up, each asked once.
#[derive(Clone)]
struct Lookup {
    shared: Arc<Shared>,
    deadline: Tick,
    state: Arc<Mutex<LookupState>>,
}

#[derive(Default)]
struct LookupState {
    answers: BTreeMap<QuestionKey, Vec<u8>>,
    failure: Option<DnsError>,
}

impl Lookup {
    fn new(shared: Arc<Shared>) -> Self {
        let deadline = shared.platform.clock().now() + LOOKUP_WAIT;
        Self {
            shared,
            deadline,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, LookupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> Option<DnsError> {
        self.state().failure.clone()
    }

    async fn ask(&self, request: DnsRequest) -> Result<DnsResponse, HickoryNetError> {
        let result = self.ask_once(request).await;
        result.map_err(|error| {
            let text = error.to_string();
            self.state().failure.get_or_insert(error);
            HickoryNetError::Msg(text)
        })
    }

    async fn ask_once(&self, request: DnsRequest) -> Result<DnsResponse, DnsError> {
        let (mut message, _) = request.into_parts();
        let Some(query) = message.queries.first() else {
            return Err(DnsError::Question("there is no question".to_owned()));
        };
        let name = query.name().to_string();
        let key = (name.to_ascii_lowercase(), u16::from(query.query_type()));
        let server = self.shared.resolver;
        let remembered = self.state().answers.get(&key).cloned();
        if let Some(known) = remembered.or_else(|| self.shared.kept(&key)) {
            let answer = DnsResponse::from_buffer(known);
            return answer.map_err(|error| DnsError::Malformed {
                server,
                reason: error.to_string(),
            });
        }
        if self.state().answers.len() >= MAX_QUESTIONS {
            let limit = "questions of one look-up";
            return Err(DnsError::Limit { name, limit });
        }
        message.metadata.id = self.shared.next_id();
        let edns = message.edns.get_or_insert_with(Edns::new);
        edns.set_max_payload(EDNS_PAYLOAD);
        let platform = &*self.shared.platform;
        let answer = exchange(platform, server, &message, self.deadline).await?;
        let code = answer.metadata.response_code;
        if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
            let code = code.to_string();
            return Err(DnsError::ServerFailure { server, code, name });
        }
        self.shared.keep(key.clone(), &answer);
        let bytes = answer.as_buffer().to_vec();
        self.state().answers.insert(key, bytes);
        Ok(answer)
    }
}

impl DnsHandle for Lookup {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, HickoryNetError>> + Send>>;
    type Runtime = ScopedRuntime;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let lookup = self.clone();
        Box::pin(stream::once(async move { lookup.ask(request).await }))
    }
}
