//! The networks, seen from outside: what two hosts can do with one another.

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dime::platform::{Batch, BoxFuture, NetError, Platform, Ports, Stream, Tick, UnixTime};
use dime::tls::{self, ServerIdentity, TlsError};
use dimespec::ledger::{ChannelKind, Completeness, Direction, Layer, Ledger, Trace};
use dimespec::net::sim::{Limits, Settings, SimError, Simulation};
use dimespec::net::tap::Recorder;
use dimespec::world::pki::{self, CertificateKind};
use dimespec::world::{Host, HostRole, Pki, Principal, Tap, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use common::digest_in_another_process;

const NOW: UnixTime = UnixTime(1_800_000_000);
const SERVER: &str = "mx.alpha.example";
const WAIT: Duration = Duration::from_secs(30);

fn settings(seed: u64) -> Settings {
    Settings {
        seed,
        start: NOW,
        ports: Ports::default(),
    }
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))
}

fn identity() -> ServerIdentity {
    let server = pki::issue(CertificateKind::Authority, SERVER, 0, NOW).expect("plain host name");
    ServerIdentity {
        chain: vec![server.certificate],
        key: server.key.into(),
    }
}

/// Echoes what it reads inside TLS, until the peer ends.
async fn echo_server(platform: Arc<dyn Platform>) {
    let port = platform.ports().dmtp;
    let mut listener = platform.listen(port).await.expect("port is free");
    let identity = identity();
    loop {
        let stream = listener.accept().await.expect("client connects");
        let deadline = platform.clock().now() + WAIT;
        let secured = tls::accept(&*platform, stream, &identity, deadline).await;
        let mut stream = secured.expect("handshake succeeds").stream;
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            stream.write_all(&buffer[..read]).await.expect("peer reads");
            stream.flush().await.expect("peer reads");
        }
    }
}

/// Sends `message` to the echo server and returns what comes back.
async fn echo(platform: &dyn Platform, server: IpAddr, message: &[u8]) -> Vec<u8> {
    let deadline = platform.clock().now() + WAIT;
    let server = SocketAddr::new(server, platform.ports().dmtp);
    let stream = platform
        .connect(server, deadline)
        .await
        .expect("server listens");
    let secured = tls::connect(platform, stream, SERVER, deadline).await;
    let secured = secured.expect("handshake succeeds");
    let wall = platform.clock().wall();
    tls::verify_certificate(&secured.chain, &[pki::authority(NOW)], SERVER, wall)
        .expect("the authority issued it");
    let (mut reader, mut writer) = tokio::io::split(secured.stream);
    let mut answer = vec![0; message.len()];
    let write = async {
        writer.write_all(message).await.expect("server reads");
        writer.flush().await.expect("server reads");
    };
    let (_, read) = tokio::join!(write, reader.read_exact(&mut answer));
    read.expect("server echoes");
    writer.shutdown().await.expect("server reads");
    answer
}

/// Runs `work` on a client beside an echo server, and returns what it gave.
fn with_echo_server<T: Send + 'static>(
    seed: u64,
    work: impl Fn(Arc<dyn Platform>) -> BoxFuture<'static, T> + Send + Sync + 'static,
) -> Result<T, SimError> {
    recorded(seed, work).map(|(answer, _)| answer)
}

/// As [`with_echo_server`], with all that was recorded.
fn recorded<T: Send + 'static>(
    seed: u64,
    work: impl Fn(Arc<dyn Platform>) -> BoxFuture<'static, T> + Send + Sync + 'static,
) -> Result<(T, Trace), SimError> {
    let mut simulation = Simulation::new(settings(seed));
    let recorder = Recorder::new(simulation.clock());
    let tap = recorder.clone();
    simulation.decorate(move |host, platform| tap.tap(host, platform));
    simulation.host(SERVER, address(1), |platform| {
        Box::pin(echo_server(platform))
    })?;
    let (answer, answered) = tokio::sync::oneshot::channel();
    let answer = Arc::new(Mutex::new(Some(answer)));
    simulation.host("client", address(2), move |platform| {
        let (answer, work) = (answer.clone(), work(platform));
        Box::pin(async move {
            let result = work.await;
            let sender = answer.lock().expect("no panic").take();
            let _ = sender.map(|sender| sender.send(result));
        })
    })?;
    let director = async { answered.await.expect("client ends") };
    let answer = simulation.run(director, Limits::default())?;
    Ok((answer, recorder.finish(&world())))
}

/// Alpha's mail server, beta's client host, a tap between them and a bystander.
fn world() -> World {
    let organization = |name: &str| Principal::Organization(name.to_owned());
    let host = |name: &str, last, principal| Host {
        name: name.to_owned(),
        address: address(last),
        principal,
        role: HostRole::Resolver,
    };
    let hosts = [
        host(SERVER, 1, organization("alpha.example")),
        host("client", 2, organization("beta.example")),
        host("resolver", 3, Principal::Dns("resolver".to_owned())),
    ];
    let tap = Tap {
        name: "backbone".to_owned(),
        between: ["beta.example".to_owned(), "alpha.example".to_owned()],
    };
    World {
        seed: 0,
        now: NOW,
        ports: Ports::default(),
        organizations: Default::default(),
        people: Default::default(),
        hosts: hosts.map(|host| (host.name.clone(), host)).into(),
        zones: Vec::new(),
        pki: Pki {
            authority: Vec::new(),
            certificates: Default::default(),
        },
        letters: Vec::new(),
        facts: Vec::new(),
        taps: vec![tap],
    }
}

/// A run in which the client says hello three times over TLS, once in a datagram, and keeps it.
fn hello(seed: u64) -> Trace {
    let work = |platform: Arc<dyn Platform>| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for _ in 0..3 {
                echo(&*platform, address(1), b"hello inside").await;
            }
            let socket = platform.datagram(0).await.expect("ports are free");
            let nobody = SocketAddr::new(address(1), 53);
            socket.send(b"hello outside", nobody).await.expect("sends");
            let store = platform.store("mail").await.expect("opens");
            let batch = Batch::default().put("a", "hello kept").delete("b");
            store.commit(batch).await.expect("has room");
        })
    };
    recorded(seed, work).expect("the run succeeds").1
}

fn ledger<'a>(trace: &'a Trace, principal: &Principal) -> &'a Ledger {
    let mut ledgers = trace.ledgers.iter();
    ledgers
        .find(|ledger| ledger.principal == *principal)
        .expect("everybody has a ledger")
}

/// The layer and text of all a principal could read.
fn read(trace: &Trace, principal: &Principal) -> Vec<(Layer, Direction, String)> {
    let ledger = ledger(trace, principal);
    assert_eq!(ledger.completeness, Completeness::Complete);
    let observed = ledger.observations.iter();
    observed
        .map(|id| {
            let buffer = &trace.buffers[id.0 as usize];
            let text = String::from_utf8_lossy(&buffer.bytes).into_owned();
            (buffer.layer, buffer.direction, text)
        })
        .collect()
}

#[test]
fn the_ends_read_plaintext_once_and_the_tap_reads_the_line() {
    let trace = hello(1);
    let plain = |(layer, _, text): &(Layer, Direction, String)| {
        (*layer == Layer::Plain && text == "hello inside").then_some(())
    };
    for end in ["alpha.example", "beta.example"] {
        let texts = read(&trace, &Principal::Organization(end.to_owned()));
        let echoes = texts.iter().filter_map(plain).count();
        assert_eq!(echoes, 6, "three there and three back, each once");
    }
    let tapped = read(&trace, &Principal::Tap("backbone".to_owned()));
    assert_eq!(
        tapped.len(),
        7,
        "two directions of three streams, a datagram"
    );
    assert!(tapped.iter().all(|(layer, ..)| *layer == Layer::Raw));
    assert!(tapped.iter().all(|(_, _, text)| !text.contains("inside")));
    assert!(tapped.iter().any(|(_, _, text)| text == "hello outside"));
    assert!(read(&trace, &Principal::Dns("resolver".to_owned())).is_empty());
}

#[test]
fn a_commit_stands_in_the_ledger_of_its_host_alone() {
    let trace = hello(1);
    let kept = "key=a length=10\nhello kept\nkey=b deleted\n";
    let holds = |name: &str| {
        let texts = read(&trace, &Principal::Organization(name.to_owned()));
        texts.iter().any(|(_, _, text)| text == kept)
    };
    assert!(holds("beta.example"));
    assert!(!holds("alpha.example"));
}

#[test]
fn marks_lead_from_every_raw_byte_to_its_packet() {
    let trace = hello(1);
    let mut packets = 0;
    for buffer in trace.buffers.iter().filter(|b| b.layer == Layer::Raw) {
        let mut end = 0;
        for mark in &buffer.marks {
            let packet = &trace.packets[mark.packet.expect("raw bytes have one") as usize];
            assert_eq!((packet.offset, packet.at), (mark.offset, mark.at));
            assert_eq!(packet.offset, end, "there are no gaps");
            end += packet.length;
            packets += 1;
        }
        assert_eq!(end, buffer.bytes.len());
    }
    assert_eq!(packets, trace.packets.len());
    let streams = trace.channels.iter();
    let streams = streams.filter(|c| matches!(c.kind, ChannelKind::Stream { .. }));
    assert_eq!(streams.count(), 3);
}

#[test]
fn a_run_tells_its_digest() {
    let seed = std::env::var("DIGEST_SEED").ok();
    let seed = seed.map_or(1, |seed| seed.parse().expect("a number"));
    let digest = hello(seed).digest();
    assert_eq!(digest, hello(seed).digest());
    println!("digest={}", hex::encode(digest));
}

#[test]
fn two_processes_give_the_same_bytes_and_another_seed_gives_others() {
    let first = digest_in_another_process(41);
    assert_eq!(first.len(), 64);
    assert_eq!(first, digest_in_another_process(41));
    assert_ne!(first, digest_in_another_process(42));
}

#[test]
fn a_store_survives_a_crash_and_a_task_does_not() {
    let mut simulation = Simulation::new(settings(1));
    let boot = |platform: Arc<dyn Platform>| -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let store = platform.store("lives").await.expect("opens");
            let lives = store.scan("life").await.expect("reads").len();
            let batch = Batch::default().put(format!("life{lives}"), "");
            store.commit(batch).await.expect("has room");
            let clock = platform.clock();
            clock.sleep_until(clock.now() + WAIT).await;
            let batch = Batch::default().put(format!("end of life{lives}"), "");
            store.commit(batch).await.expect("has room");
        })
    };
    simulation.host("cat", address(1), boot).expect("fresh");
    let (clock, control) = (simulation.clock(), simulation.control());
    let platform = simulation.platform("cat").expect("is there");
    let director = async {
        clock.sleep_until(Tick(0) + WAIT / 2).await;
        control.restart("cat");
        clock.sleep_until(Tick(0) + WAIT * 2).await;
        let store = platform.store("lives").await.expect("opens");
        store.scan("").await.expect("reads")
    };
    let entries = simulation.run(director, Limits::default());
    let keys: Vec<String> = entries
        .expect("the run succeeds")
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, ["end of life1", "life0", "life1"]);
}

#[test]
fn two_hosts_talk_tls() {
    let message: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
    let sent = message.clone();
    let received = with_echo_server(1, move |platform| {
        let message = message.clone();
        Box::pin(async move { echo(&*platform, address(1), &message).await })
    });
    assert_eq!(received, Ok(sent));
}

/// What a server does with a connection.
type Conduct = fn(Arc<dyn Platform>, Box<dyn Stream>) -> BoxFuture<'static, ()>;

/// What a TLS client says of a server that does `misbehave` with the connection, and when.
fn against(misbehave: Conduct) -> (TlsError, Tick) {
    let result = with_echo_server(1, move |platform| {
        let server = platform.clone();
        let serve = async move {
            let mut listener = server.listen(4000).await.expect("port is free");
            let stream = listener.accept().await.expect("client connects");
            misbehave(server, stream).await;
        };
        platform.spawn("bad server", Box::pin(serve));
        Box::pin(async move {
            let clock = platform.clock();
            clock.sleep_until(Tick(0) + Duration::from_secs(1)).await;
            let deadline = Tick(0) + WAIT;
            let to = SocketAddr::new(address(2), 4000);
            let stream = platform.connect(to, deadline).await.expect("listens");
            let secured = tls::connect(&*platform, stream, SERVER, deadline).await;
            (secured.err().expect("it misbehaves"), clock.now())
        })
    });
    result.expect("the run succeeds")
}

#[test]
fn a_client_says_what_the_server_did_wrong() {
    let (error, at) = against(|_, stream| {
        Box::pin(async move {
            let _open = stream;
            std::future::pending().await
        })
    });
    assert_eq!((error, at), (TlsError::TimedOut, Tick(0) + WAIT));

    let (error, _) = against(|_, stream| Box::pin(async move { drop(stream) }));
    assert_eq!(error, TlsError::Closed);

    let (error, _) = against(|_, mut stream| {
        Box::pin(async move {
            let _ = stream.write_all(b"220 mx.alpha.example ESMTP\r\n").await;
            let _ = stream.read(&mut [0; 4096]).await;
        })
    });
    assert!(matches!(error, TlsError::Handshake(_)), "{error}");
}

#[test]
fn a_server_cannot_show_a_certificate_whose_key_it_lacks() {
    let (error, _) = against(|platform, stream| {
        Box::pin(async move {
            let other = pki::issue(CertificateKind::Authority, SERVER, 1, NOW).expect("plain");
            let identity = ServerIdentity {
                key: other.key.into(),
                ..identity()
            };
            let deadline = Tick(0) + WAIT;
            let error = tls::accept(&*platform, stream, &identity, deadline).await;
            let error = error.err().expect("key and certificate differ");
            assert!(matches!(error, TlsError::Identity(_)), "{error}");
        })
    });
    assert_eq!(error, TlsError::Closed);
}

#[test]
fn a_panic_in_a_task_fails_the_run_and_is_named() {
    let result = with_echo_server(1, |platform| {
        Box::pin(async move {
            platform.spawn("clumsy", Box::pin(async { panic!("dropped the letters") }));
            std::future::pending::<()>().await;
        })
    });
    let error = result.expect_err("a task panicked").to_string();
    assert_eq!(
        error,
        "task clumsy of host client panicked: dropped the letters"
    );
}

#[test]
fn a_virtual_month_of_idle_timers_takes_few_steps() {
    const HOUR: Duration = Duration::from_secs(3600);
    const HOURS: u64 = 30 * 24;
    let mut simulation = Simulation::new(settings(1));
    for host in 1..=5u8 {
        let name = format!("host{host}");
        let boot = |platform: Arc<dyn Platform>| -> BoxFuture<'static, ()> {
            Box::pin(async move {
                let clock = platform.clock();
                loop {
                    clock.sleep_until(clock.now() + HOUR).await;
                }
            })
        };
        simulation.host(&name, address(host), boot).expect("fresh");
    }
    let clock = simulation.clock();
    let month = clock.sleep_until(Tick(0) + HOUR * HOURS as u32);
    assert_eq!(simulation.run(month, Limits::default()), Ok(()));
    assert_eq!(clock.wall(), UnixTime(NOW.0 + HOURS * 3600));
    // A month has 2.6 thousand million ticks.
    assert!(simulation.steps() < 10 * HOURS, "{}", simulation.steps());
}

#[test]
fn a_director_who_waits_for_nothing_is_told_so() {
    let mut simulation = Simulation::new(settings(1));
    let boot = |_| -> BoxFuture<'static, ()> { Box::pin(std::future::pending()) };
    simulation.host("idler", address(1), boot).expect("fresh");
    let error = simulation
        .run(std::future::pending::<()>(), Limits::default())
        .expect_err("nothing happens");
    let SimError::Stalled { tasks, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(tasks, ["idler/boot"]);
}

#[test]
fn a_connection_across_a_partition_waits_until_its_deadline() {
    let mut simulation = Simulation::new(settings(1));
    let idle = |_| -> BoxFuture<'static, ()> { Box::pin(std::future::pending()) };
    simulation.host("a", address(1), idle).expect("fresh");
    simulation.host("b", address(2), idle).expect("fresh");
    let control = simulation.control();
    control.partition("b", "a");
    let (clock, platform) = (
        simulation.clock(),
        simulation.platform("a").expect("is there"),
    );
    let (answer, answered) = tokio::sync::oneshot::channel();
    let dialling = platform.clone();
    let dial = async move {
        let to = SocketAddr::new(address(2), 26);
        let deadline = dialling.clock().now() + WAIT;
        let _ = answer.send(dialling.connect(to, deadline).await.err());
    };
    platform.spawn("dial", Box::pin(dial));
    let director = async { answered.await.expect("ends") };
    let error = simulation.run(director, Limits::default());
    assert_eq!(error, Ok(Some(NetError::TimedOut)));
    assert!(clock.now() >= Tick(0) + WAIT);
}

#[test]
fn a_closed_port_refuses_and_an_unknown_address_is_unreachable() {
    let results = with_echo_server(1, |platform| {
        Box::pin(async move {
            let deadline = platform.clock().now() + WAIT;
            let mut results = Vec::new();
            for to in [(1, 99), (77, 26)] {
                let to = SocketAddr::new(address(to.0), to.1);
                results.push(platform.connect(to, deadline).await.err());
            }
            results
        })
    });
    let expected = vec![Some(NetError::Refused), Some(NetError::Unreachable)];
    assert_eq!(results, Ok(expected));
}
