//! The networks, seen from outside: what two hosts can do with one another.
#![cfg(feature = "sim")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dime::platform::{BoxFuture, NetError, Platform, Ports, Tick, UnixTime};
use dime::tls::{self, ServerIdentity};
use dimespec::net::sim::{Limits, Settings, SimError, Simulation};
use dimespec::world::pki::{self, CertificateKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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
    let mut simulation = Simulation::new(settings(seed));
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
    simulation.run(director, Limits::default())
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
fn nothing_listens_nowhere_and_partitions_look_as_on_a_real_network() {
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
