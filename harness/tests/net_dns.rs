//! DNS on the simulated network: what a client's own validation says of each kind of zone, on
//! virtual time, through a recursive resolver and three authoritative servers.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dime::dns::{Answer, DnsClient, DnsError, Security};
use dime::platform::{BoxFuture, Platform, Ports, UnixTime};
use dime_wire::keys::SigningKey;
use dimespec::ledger::Trace;
use dimespec::net::dns::{AuthoritativeServer, Recursor, SIGNATURE_LIFETIME, serve};
use dimespec::net::sim::{Limits, Settings, Simulation};
use dimespec::net::tap::Recorder;
use dimespec::world::{Dnssec, Zone, ZoneRecord};
use rand_core::Rng;

use common::digest_in_another_process;

const NOW: UnixTime = UnixTime(1_800_000_000);
const RECORD: &str = "v=1 pok=abc";

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

fn zone(origin: &str, server: &str, signing: Dnssec, records: Vec<ZoneRecord>) -> Zone {
    let seed = [origin.len() as u8; 32];
    Zone {
        origin: origin.to_owned(),
        server: server.to_owned(),
        records,
        signing,
        key: SigningKey::from_seed(seed),
    }
}

fn at(name: &str, last: u8) -> ZoneRecord {
    ZoneRecord::Address {
        name: name.to_owned(),
        address: address(last),
    }
}

fn delegation(child: &str, server: &str) -> ZoneRecord {
    ZoneRecord::Delegation {
        child: child.to_owned(),
        server: server.to_owned(),
    }
}

fn text(name: &str, strings: &[&str]) -> ZoneRecord {
    ZoneRecord::Text {
        name: name.to_owned(),
        strings: strings.iter().map(|&string| string.to_owned()).collect(),
    }
}

/// Root, `example.` and `alpha.example.`, of which the last is signed as `leaf` says.
fn zones(leaf: Dnssec) -> Vec<Zone> {
    let signed = Dnssec::Signed;
    let long = "x".repeat(250);
    let long: Vec<&str> = vec![&long; 8];
    vec![
        zone(
            ".",
            "root",
            signed,
            vec![delegation("example.", "ns.example."), at("ns.example.", 2)],
        ),
        zone(
            "example.",
            "ns.example",
            signed,
            vec![
                at("ns.example.", 2),
                delegation("alpha.example.", "ns.alpha.example."),
                at("ns.alpha.example.", 3),
            ],
        ),
        zone(
            "alpha.example.",
            "ns.alpha.example",
            leaf,
            vec![
                at("ns.alpha.example.", 3),
                at("mx.alpha.example.", 9),
                text("_dx.alpha.example.", &[RECORD]),
                text("split.alpha.example.", &["one ", "two"]),
                text("long.alpha.example.", &long),
            ],
        ),
    ]
}

/// Runs `work` on a client of this internet and returns what it gave.
fn ask<T: Send + 'static>(
    leaf: Dnssec,
    work: impl Fn(Arc<dyn Platform>, DnsClient) -> BoxFuture<'static, T> + Send + Sync + 'static,
) -> T {
    recorded(5, leaf, work).0
}

/// As [`ask`], with all that was recorded.
fn recorded<T: Send + 'static>(
    seed: u64,
    leaf: Dnssec,
    work: impl Fn(Arc<dyn Platform>, DnsClient) -> BoxFuture<'static, T> + Send + Sync + 'static,
) -> (T, Trace) {
    let settings = Settings {
        seed,
        start: NOW,
        ports: Ports::default(),
    };
    let mut simulation = Simulation::new(settings);
    let recorder = Recorder::new(simulation.clock());
    let tap = recorder.clone();
    simulation.decorate(move |host, platform| tap.tap(host, platform));
    let zones = zones(leaf);
    let anchor = zones[0].key.public().0;
    for (name, last) in [("root", 1), ("ns.example", 2), ("ns.alpha.example", 3)] {
        let server = AuthoritativeServer::build(&zones, name, NOW).expect("zones are sound");
        let server = Arc::new(server);
        let boot = move |platform| -> BoxFuture<'static, ()> {
            let server = server.clone();
            Box::pin(async move {
                let Err(error) = serve(platform, server).await;
                panic!("{error}");
            })
        };
        simulation.host(name, address(last), boot).expect("fresh");
    }
    let resolver = |platform: Arc<dyn Platform>| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let root = SocketAddr::new(address(1), platform.ports().dns);
            let recursor = Recursor::new(&*platform, root);
            let Err(error) = serve(platform, recursor).await;
            panic!("{error}");
        })
    };
    simulation
        .host("resolver", address(4), resolver)
        .expect("fresh");
    let (answer, answered) = tokio::sync::oneshot::channel();
    let answer = Arc::new(Mutex::new(Some(answer)));
    let client = move |platform: Arc<dyn Platform>| -> BoxFuture<'static, ()> {
        let resolver = SocketAddr::new(address(4), platform.ports().dns);
        let client = DnsClient::new(platform.clone(), resolver, vec![anchor]);
        let (answer, work) = (answer.clone(), work(platform, client));
        Box::pin(async move {
            let result = work.await;
            let sender = answer.lock().expect("no panic").take();
            let _ = sender.map(|sender| sender.send(result));
        })
    };
    simulation
        .host("client", address(5), client)
        .expect("fresh");
    let director = async { answered.await.expect("client ends") };
    let result = simulation
        .run(director, Limits::default())
        .expect("the run succeeds");
    (result, recorder.take())
}

fn text_of(leaf: Dnssec, name: &'static str) -> Result<Answer<Vec<String>>, DnsError> {
    ask(leaf, move |_, client| {
        Box::pin(async move { client.text(name).await })
    })
}

fn found(security: Security, data: &[&str]) -> Result<Answer<Vec<String>>, DnsError> {
    Ok(Answer {
        security,
        data: data.iter().map(|&text| text.to_owned()).collect(),
        ttl: if data.is_empty() { 0 } else { 300 },
    })
}

#[test]
fn a_signed_text_validates_from_the_root() {
    let answer = text_of(Dnssec::Signed, "_dx.alpha.example");
    assert_eq!(answer, found(Security::Secure, &[RECORD]));
    let answer = text_of(Dnssec::Signed, "split.alpha.example");
    assert_eq!(answer, found(Security::Secure, &["one two"]));
}

#[test]
fn a_text_too_long_for_a_datagram_comes_by_stream() {
    let answer = text_of(Dnssec::Signed, "long.alpha.example");
    assert_eq!(answer, found(Security::Secure, &[&"x".repeat(2000)]));
}

#[test]
fn a_signed_address_validates() {
    let answer = ask(Dnssec::Signed, |_, client| {
        Box::pin(async move { client.addresses("mx.alpha.example").await })
    });
    let answer = answer.expect("resolves");
    assert_eq!(answer.security, Security::Secure);
    assert_eq!(answer.data, [address(9)]);
}

#[test]
fn an_unsigned_zone_is_proven_to_be_unsigned() {
    let answer = text_of(Dnssec::Unsigned, "_dx.alpha.example");
    assert_eq!(answer, found(Security::Insecure, &[RECORD]));
    let missing = text_of(Dnssec::Unsigned, "nobody.alpha.example");
    assert_eq!(missing, found(Security::Insecure, &[]));
}

#[test]
fn a_text_changed_after_signing_is_bogus_and_still_readable() {
    let changed = format!("{RECORD} changed=afterwards");
    let answer = text_of(Dnssec::Bogus, "_dx.alpha.example");
    assert_eq!(answer, found(Security::Bogus, &[&changed]));
}

#[test]
fn expired_signatures_and_a_key_the_parent_does_not_name_are_bogus() {
    for signing in [Dnssec::Expired, Dnssec::WrongDs] {
        let answer = text_of(signing, "_dx.alpha.example");
        assert_eq!(answer, found(Security::Bogus, &[RECORD]), "{signing:?}");
    }
}

#[test]
fn absence_is_proven_in_a_signed_zone_and_not_believed_without_proof() {
    for name in [
        "_dx.beta.example",     // no such domain
        "nobody.alpha.example", // no such name
        "mx.alpha.example",     // no such type
        "_dx.example",
    ] {
        let answer = text_of(Dnssec::Signed, name);
        assert_eq!(answer, found(Security::Secure, &[]), "{name}");
    }
    let unproven = Err(DnsError::Unproven {
        name: "nobody.alpha.example".to_owned(),
    });
    for signing in [Dnssec::Expired, Dnssec::WrongDs] {
        let answer = text_of(signing, "nobody.alpha.example");
        assert_eq!(answer, unproven, "{signing:?}");
    }
}

#[test]
fn signatures_expire_on_virtual_time() {
    let answers = ask(Dnssec::Signed, |platform, client| {
        Box::pin(async move {
            let before = client.text("_dx.alpha.example").await;
            let clock = platform.clock();
            clock
                .sleep_until(clock.now() + (SIGNATURE_LIFETIME - Duration::from_secs(7200)))
                .await;
            let late = client.text("_dx.alpha.example").await;
            clock
                .sleep_until(clock.now() + Duration::from_secs(7200))
                .await;
            let after = client.text("_dx.alpha.example").await;
            [before, late, after].map(|answer| answer.map(|answer| answer.security))
        })
    });
    let expected = [
        Ok(Security::Secure),
        Ok(Security::Secure),
        Ok(Security::Bogus),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn a_silent_resolver_is_named() {
    let error = ask(Dnssec::Signed, |platform, _| {
        Box::pin(async move {
            let nobody = SocketAddr::new(address(5), 53);
            let client = DnsClient::new(platform, nobody, vec![]);
            client.text("_dx.alpha.example").await
        })
    });
    let error = error.expect_err("nobody answers").to_string();
    assert_eq!(
        error,
        "name server 10.0.0.5:53 did not answer before the deadline"
    );
}

/// All kinds of look-up in one run.
fn everything(seed: u64) -> Trace {
    let work = |_: Arc<dyn Platform>, client: DnsClient| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for name in ["_dx.alpha", "long.alpha", "nobody.alpha", "_dx.beta", "mx"] {
                let _ = client.text(&format!("{name}.example")).await;
                let _ = client.addresses(&format!("{name}.example")).await;
            }
        })
    };
    recorded(seed, Dnssec::Signed, work).1
}

#[test]
fn a_run_tells_its_digest() {
    let seed = std::env::var("DIGEST_SEED").ok();
    let seed = seed.map_or(1, |seed| seed.parse().expect("a number"));
    let trace = everything(seed);
    assert!(trace.packets.len() > 50);
    println!("digest={}", hex::encode(trace.digest()));
}

#[test]
fn validation_asks_the_same_questions_in_every_process() {
    let first = digest_in_another_process(41);
    for _ in 0..5 {
        assert_eq!(first, digest_in_another_process(41));
    }
    assert_ne!(first, digest_in_another_process(42));
}

/// A question for the text at `_dx.alpha.example`, with id 0x1234 and a DNSSEC-aware reader.
const QUESTION: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01\
    \x03_dx\x05alpha\x07example\x00\x00\x10\x00\x01\
    \x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00";

/// `bytes` with some of them changed, and sometimes cut.
fn mutated(bytes: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.next_u32() % 6 {
        let at = rng.next_u32() as usize % bytes.len();
        bytes[at] = rng.next_u32() as u8;
    }
    if rng.next_u32().is_multiple_of(4) {
        bytes.truncate(rng.next_u32() as usize % bytes.len());
    }
    bytes
}

#[test]
fn name_servers_live_through_garbage() {
    let answer = ask(Dnssec::Signed, |platform, client| {
        Box::pin(async move {
            let mut rng = platform.entropy("garbage".into());
            let socket = platform.datagram(0).await.expect("ports are free");
            for round in 0..2000u32 {
                let garbage = mutated(QUESTION, &mut rng);
                let to = SocketAddr::new(address(1 + (round % 4) as u8), 53);
                socket.send(&garbage, to).await.expect("sends");
            }
            client.text("_dx.alpha.example").await
        })
    });
    assert_eq!(answer, found(Security::Secure, &[RECORD]));
}

/// Answers every question with what an honest server says, damaged.
async fn lying_resolver(platform: Arc<dyn Platform>) {
    let mut rng = platform.entropy("lies".into());
    let here = platform.datagram(5300).await.expect("port is free");
    let there = platform.datagram(0).await.expect("ports are free");
    let honest = SocketAddr::new(address(4), 53);
    loop {
        let (question, asker) = here.receive().await.expect("receives");
        there.send(&question, honest).await.expect("sends");
        let (answer, _) = there.receive().await.expect("receives");
        // The id stays, or the asker would not look at the rest.
        let mut lie = mutated(answer.get(2..).unwrap_or_default(), &mut rng);
        lie.splice(0..0, question.into_iter().take(2));
        here.send(&lie, asker).await.expect("sends");
    }
}

#[test]
fn a_lying_resolver_never_makes_a_client_believe_or_fall() {
    let answers = ask(Dnssec::Signed, |platform, _| {
        let anchor = zones(Dnssec::Signed)[0].key.public().0;
        platform.spawn("liar", Box::pin(lying_resolver(platform.clone())));
        Box::pin(async move {
            let liar = SocketAddr::new(address(5), 5300);
            let mut answers = Vec::new();
            for _ in 0..100 {
                let client = DnsClient::new(platform.clone(), liar, vec![anchor]);
                answers.push(client.text("_dx.alpha.example").await);
            }
            answers
        })
    });
    let truth = found(Security::Secure, &[RECORD]);
    let secure = |answer: &&Result<Answer<Vec<String>>, DnsError>| matches!(answer, Ok(answer) if answer.security == Security::Secure);
    assert!(answers.iter().filter(secure).all(|answer| *answer == truth));
    assert!(answers.iter().any(|answer| !secure(&answer)));
    let downgraded = |answer: &Result<Answer<Vec<String>>, DnsError>| matches!(answer, Ok(answer) if answer.security == Security::Insecure);
    assert!(!answers.iter().any(downgraded), "{answers:?}");
}
