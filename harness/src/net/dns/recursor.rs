//! The recursive resolver of a world: finds the authority for each question by asking down from the
//! root, and passes its answer on. It validates nothing; whoever asks does.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dime::dns::{DnsError, LOOKUP_WAIT, exchange};
use dime::platform::{BoxFuture, Platform, Tick};
use hickory_net::xfer::Protocol;
use hickory_proto::op::{DnsResponse, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use rand_core::{CryptoRng, Rng};

use super::{NameServer, RECORD_TTL};

/// How many places of the name tree a resolver remembers.
pub const MAX_CUTS: usize = 4096;
/// How many look-ups of name servers' addresses may depend on one another.
pub const MAX_GLUE_DEPTH: usize = 4;
/// The longest datagram for whoever names no limit, in bytes (RFC 1035).
const PLAIN_PAYLOAD: u16 = 512;

/// Forwards questions to the authority they belong to.
pub struct Recursor {
    root: SocketAddr,
    ids: Mutex<Box<dyn CryptoRng + Send>>,
    cuts: Mutex<BTreeMap<Name, Cut>>,
}

/// What is known of one place of the name tree.
#[derive(Clone, Copy)]
struct Cut {
    until: Tick,
    /// The server of the zone that begins there; none if no zone does.
    server: Option<SocketAddr>,
}

impl Recursor {
    /// A resolver on `platform` that begins at the root server `root`.
    pub fn new(platform: &dyn Platform, root: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            root,
            ids: Mutex::new(platform.entropy("dns.ids".into())),
            cuts: Mutex::default(),
        })
    }

    async fn respond(
        &self,
        platform: &dyn Platform,
        question: &[u8],
        transport: Protocol,
    ) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        if asked.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut answer = match self.forward(platform, &asked).await {
            Ok(answer) => answer,
            Err(_) => failure(&asked),
        };
        answer.metadata.id = asked.metadata.id;
        answer.metadata.recursion_desired = asked.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.metadata.authoritative = false;
        let bytes = answer.to_vec().ok()?;
        if transport == Protocol::Udp && bytes.len() > payload_limit(&asked) {
            answer.metadata.truncation = true;
            answer.answers.clear();
            answer.authorities.clear();
            answer.additionals.clear();
            return answer.to_vec().ok();
        }
        Some(bytes)
    }

    async fn forward(&self, platform: &dyn Platform, asked: &Message) -> Result<Message, DnsError> {
        let [query] = asked.queries.as_slice() else {
            return Err(DnsError::Question("there is not one question".to_owned()));
        };
        let deadline = platform.clock().now() + LOOKUP_WAIT;
        // A delegation's DS stands in the zone above it.
        let above = query.query_type() == RecordType::DS && !query.name().is_root();
        let place = if above {
            query.name().base_name()
        } else {
            query.name().clone()
        };
        let server = self
            .authority(platform, &place, deadline, MAX_GLUE_DEPTH)
            .await?;
        let mut forwarded = asked.clone();
        forwarded.metadata.id = self.next_id();
        forwarded.metadata.recursion_desired = false;
        let answer = exchange(platform, server, &forwarded, deadline).await?;
        Ok(answer.into_message())
    }

    /// The server of the zone that `name` is in, found by asking for every zone above it.
    fn authority<'a>(
        &'a self,
        platform: &'a dyn Platform,
        name: &'a Name,
        deadline: Tick,
        depth: usize,
    ) -> BoxFuture<'a, Result<SocketAddr, DnsError>> {
        Box::pin(async move {
            let mut server = self.root;
            // A name has at most 127 labels, which limits this loop.
            for labels in 1..=usize::from(name.num_labels()) {
                let place = name.trim_to(labels).to_lowercase();
                let cut = match self.remembered(platform, &place) {
                    Some(cut) => cut,
                    None => {
                        let cut = self
                            .find_cut(platform, &place, server, deadline, depth)
                            .await?;
                        self.remember(platform, place, cut)
                    }
                };
                server = cut.unwrap_or(server);
            }
            Ok(server)
        })
    }

    /// The server of the zone that begins at `place`, as `parent` names it.
    async fn find_cut(
        &self,
        platform: &dyn Platform,
        place: &Name,
        parent: SocketAddr,
        deadline: Tick,
        depth: usize,
    ) -> Result<Option<SocketAddr>, DnsError> {
        let answer = self
            .ask(platform, parent, place, RecordType::NS, deadline)
            .await?;
        let mut named = answer.answers.iter().chain(&answer.authorities);
        let Some(target) = named.find_map(|record| server_name(record, place)) else {
            return Ok(None);
        };
        if let Some(address) = address_in(&answer.additionals, &target) {
            return Ok(Some(SocketAddr::new(address, self.root.port())));
        }
        let limit = "name servers that depend on one another";
        let depth = depth.checked_sub(1).ok_or_else(|| DnsError::Limit {
            name: place.to_string(),
            limit,
        })?;
        let authority = self.authority(platform, &target, deadline, depth).await?;
        let answer = self
            .ask(platform, authority, &target, RecordType::A, deadline)
            .await?;
        let address = address_in(&answer.answers, &target);
        Ok(address.map(|address| SocketAddr::new(address, self.root.port())))
    }

    async fn ask(
        &self,
        platform: &dyn Platform,
        server: SocketAddr,
        name: &Name,
        record_type: RecordType,
        deadline: Tick,
    ) -> Result<DnsResponse, DnsError> {
        let mut message = Message::query();
        message.metadata.id = self.next_id();
        message.metadata.recursion_desired = false;
        message.add_query(Query::query(name.clone(), record_type));
        exchange(platform, server, &message, deadline).await
    }

    fn next_id(&self) -> u16 {
        let mut id = [0; 2];
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.fill_bytes(&mut id);
        u16::from_be_bytes(id)
    }

    fn remembered(&self, platform: &dyn Platform, place: &Name) -> Option<Option<SocketAddr>> {
        let now = platform.clock().now();
        let cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = cuts.get(place).filter(|cut| now < cut.until)?;
        Some(cut.server)
    }

    fn remember(
        &self,
        platform: &dyn Platform,
        place: Name,
        server: Option<SocketAddr>,
    ) -> Option<SocketAddr> {
        let now = platform.clock().now();
        let until = now + Duration::from_secs(u64::from(RECORD_TTL));
        let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
        if cuts.len() >= MAX_CUTS {
            cuts.retain(|_, cut| now < cut.until);
        }
        if cuts.len() < MAX_CUTS {
            cuts.insert(place, Cut { until, server });
        }
        server
    }
}

impl NameServer for Recursor {
    fn answer(
        self: Arc<Self>,
        platform: Arc<dyn Platform>,
        question: Vec<u8>,
        _from: SocketAddr,
        transport: Protocol,
    ) -> BoxFuture<'static, Option<Vec<u8>>> {
        Box::pin(async move { self.respond(&*platform, &question, transport).await })
    }
}

fn server_name(record: &Record, place: &Name) -> Option<Name> {
    match &record.data {
        RData::NS(server) if record.name == *place => Some(server.0.clone()),
        _ => None,
    }
}

fn address_in(records: &[Record], owner: &Name) -> Option<IpAddr> {
    records.iter().find_map(|record| match &record.data {
        RData::A(address) if record.name == *owner => Some(IpAddr::V4(address.0)),
        _ => None,
    })
}

fn failure(asked: &Message) -> Message {
    let mut message = Message::query();
    message.metadata.message_type = MessageType::Response;
    message.metadata.op_code = OpCode::Query;
    message.metadata.response_code = ResponseCode::ServFail;
    message.queries = asked.queries.clone();
    message
}

fn payload_limit(asked: &Message) -> usize {
    let offered = asked.edns.as_ref().map_or(0, |edns| edns.max_payload());
    usize::from(offered.max(PLAIN_PAYLOAD))
}
