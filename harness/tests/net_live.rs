//! The live network: the same platforms over loopback sockets, the machine's clock and files.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use dime::dns::{DnsClient, Security};
use dime::live::FileStore;
use dime::platform::{Batch, NetError, Platform, Store};
use dime::tls::{self, ServerIdentity};
use dime_wire::keys::SigningKey;
use dimespec::net::dns::{AuthoritativeServer, serve};
use dimespec::net::live::LiveNetwork;
use dimespec::net::tap::Recorder;
use dimespec::world::pki::{self, CertificateKind};
use dimespec::world::{Addressing, Dnssec, Zone, ZoneRecord};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SERVER: &str = "mx.alpha.example";
const WAIT: Duration = Duration::from_secs(10);

fn address(addressing: &Addressing, last: u8) -> IpAddr {
    let [first, block, ..] = addressing.base.octets();
    IpAddr::from([first, block, 0, last])
}

async fn echo_once(platform: Arc<dyn Platform>) {
    let now = platform.clock().wall();
    let server = pki::issue(CertificateKind::Authority, SERVER, 0, now).expect("plain");
    let identity = ServerIdentity {
        chain: vec![server.certificate],
        key: server.key.into(),
    };
    let mut listener = platform.listen(platform.ports().dmtp).await.expect("free");
    let stream = listener.accept().await.expect("client connects");
    let deadline = platform.clock().now() + WAIT;
    let secured = tls::accept(&*platform, stream, &identity, deadline).await;
    let mut stream = secured.expect("handshake succeeds").stream;
    let mut buffer = [0; 5];
    stream.read_exact(&mut buffer).await.expect("reads");
    stream.write_all(&buffer).await.expect("writes");
    stream.flush().await.expect("writes");
    stream.shutdown().await.expect("writes");
}

#[tokio::test]
async fn two_hosts_talk_tls_over_loopback_and_are_recorded() {
    let mut network = LiveNetwork::claim(1, 0, None).expect("there are blocks");
    let recorder = Recorder::new(network.clock());
    let addressing = network.addressing();
    let (server, client) = (address(&addressing, 1), address(&addressing, 2));
    let host = network.host(SERVER, server, "0").expect("starts");
    let host = recorder.tap(SERVER, host);
    host.spawn("echo", Box::pin(echo_once(host.clone())));
    let client = network.host("client", client, "1").expect("starts");
    let (answer, answered) = tokio::sync::oneshot::channel();
    let dialling = client.clone();
    let dial = async move {
        let clock = dialling.clock();
        let deadline = clock.now() + WAIT;
        let to = SocketAddr::new(server, dialling.ports().dmtp);
        let stream = loop {
            match dialling.connect(to, deadline).await {
                Ok(stream) => break stream,
                // The server may not listen yet.
                Err(NetError::Refused) => clock.sleep_until(clock.now() + WAIT / 1000).await,
                Err(error) => panic!("{error}"),
            }
        };
        let secured = tls::connect(&*dialling, stream, SERVER, deadline).await;
        let secured = secured.expect("handshake succeeds");
        let now = clock.wall();
        tls::verify_certificate(&secured.chain, &[pki::authority(now)], SERVER, now)
            .expect("the authority issued it");
        let mut stream = secured.stream;
        stream.write_all(b"hello").await.expect("writes");
        stream.flush().await.expect("writes");
        let mut buffer = Vec::new();
        stream.read_to_end(&mut buffer).await.expect("reads");
        let _ = answer.send(buffer);
    };
    client.spawn("dial", Box::pin(dial));
    assert_eq!(answered.await.expect("ends"), b"hello");
    assert_eq!(network.failure(), None);
    // Only one end is tapped, and both directions are there.
    let trace = recorder.take();
    let plain: Vec<&[u8]> = trace
        .buffers
        .iter()
        .map(|buffer| buffer.bytes.as_slice())
        .filter(|bytes| *bytes == b"hello")
        .collect();
    assert_eq!(plain.len(), 2);
}

#[tokio::test]
async fn a_signed_text_validates_over_real_datagrams_and_streams() {
    let mut network = LiveNetwork::claim(1, 0, None).expect("there are blocks");
    let addressing = network.addressing();
    let now = network.clock().wall();
    let long = "x".repeat(250);
    let zone = Zone {
        origin: ".".to_owned(),
        server: "root".to_owned(),
        records: vec![
            ZoneRecord::Text {
                name: "short.".to_owned(),
                strings: vec!["hello".to_owned()],
            },
            ZoneRecord::Text {
                name: "long.".to_owned(),
                strings: vec![long; 8],
            },
        ],
        signing: Dnssec::Signed,
        key: SigningKey::from_seed([7; 32]),
    };
    let anchor = zone.key.public().0;
    let server = AuthoritativeServer::build(&[zone], "root", now).expect("sound");
    let root = address(&addressing, 1);
    let host = network.host("root", root, "0").expect("starts");
    let serving = host.clone();
    let serving = async move {
        let Err(error) = serve(serving, Arc::new(server)).await;
        panic!("{error}");
    };
    host.spawn("serve", Box::pin(serving));
    let asker = network.host("asker", address(&addressing, 2), "1");
    let asker = asker.expect("starts");
    let (answer, answered) = tokio::sync::oneshot::channel();
    let root = SocketAddr::new(root, asker.ports().dns);
    let client = DnsClient::new(asker.clone(), root, vec![anchor]);
    let ask = async move {
        let short = client.text("short").await.expect("answers");
        let long = client.text("long").await.expect("answers");
        let _ = answer.send((short, long));
    };
    asker.spawn("ask", Box::pin(ask));
    let (short, long) = answered.await.expect("ends");
    assert_eq!(network.failure(), None);
    assert_eq!(short.data, ["hello"]);
    assert_eq!(short.security, Security::Secure);
    assert_eq!(long.data, ["x".repeat(2000)]);
    assert_eq!(long.security, Security::Secure);
}

#[tokio::test]
async fn networks_side_by_side_have_blocks_of_their_own() {
    let one = LiveNetwork::claim(1, 0, None).expect("there are blocks");
    let two = LiveNetwork::claim(1, 0, None).expect("there are blocks");
    assert_ne!(one.addressing().base, two.addressing().base);
}

#[tokio::test]
async fn a_panic_on_a_live_host_is_told_with_host_and_task() {
    let mut network = LiveNetwork::claim(1, 0, None).expect("there are blocks");
    let address = address(&network.addressing(), 1);
    let host = network
        .host("clumsy.example", address, "0")
        .expect("starts");
    host.spawn("carry", Box::pin(async { panic!("dropped the letters") }));
    for _ in 0..1000 {
        if network.failure().is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(
        network.failure().as_deref(),
        Some("host clumsy.example: task carry panicked: dropped the letters")
    );
}

#[tokio::test]
async fn a_file_store_keeps_its_commits_and_stays_short() {
    let folder = tempfile::tempdir().expect("there is room");
    let open = || FileStore::open(folder.path(), "mail");
    let store = open().await.expect("opens");
    let in_use = open().await.err().expect("is in use").to_string();
    assert_eq!(in_use, "store failed: file is in use by another process");
    let value = vec![7; 100_000];
    for _ in 0..100 {
        let batch = Batch::default().put("letter", value.clone());
        store.commit(batch).await.expect("has room");
    }
    drop(store);
    let length = std::fs::metadata(folder.path().join("mail.store"));
    assert!(length.expect("is there").len() < 2_000_000);
    let store = open().await.expect("opens again");
    assert_eq!(store.get("letter").await, Ok(Some(value)));
    store
        .commit(Batch::default().delete("letter"))
        .await
        .expect("has room");
    drop(store);
    let store = open().await.expect("opens a third time");
    assert_eq!(store.scan("").await, Ok(Vec::new()));
    assert!(FileStore::open(folder.path(), "../mail").await.is_err());
}
