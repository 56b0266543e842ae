//! What the parts of the programs that hold secrets print of them: nothing.

use std::fmt::Debug;

use dime::agent::client;
use dime::agent::server::{self, Account};
use dime::dmap::Request;
use dime::files;
use dime::live::LiveEntropy;
use dime::resolver::ResolverConfig;
use dime::tls::ServerIdentity;
use dime_wire::Profile;
use dime_wire::keys::{AlternateKey, EncryptionKey, KeyOwner, PrivateKeys, SigningKey};
use dime_wire::message::Bounces;
use dime_wire::signet::{self, Signet};
use zeroize::Zeroizing;

/// Every secret here consists of this byte, which no other number shown here has.
const BYTE: u8 = 0xe7;
const PASSWORD: &str = "correct horse battery staple";

fn shows_no_secret(value: &dyn Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        let flat: String = shown.split_whitespace().collect();
        for secret in ["231,231", "e7e7", "E7E7", "5+fn", "correcthorse"] {
            assert!(!flat.contains(secret), "{secret} in {shown}");
        }
    }
}

fn keys() -> PrivateKeys {
    PrivateKeys {
        signing: SigningKey::from_seed([BYTE; 32]),
        encryption: EncryptionKey::from_bytes([BYTE; 32]).expect("is below the order"),
    }
}

fn signet() -> Signet {
    let keys = keys();
    signet::organization(&keys.signing, &keys.encryption.public(), Profile::Libdime)
        .sign(&keys.signing, "one.example")
        .expect("fresh keys make a signet")
}

fn resolver() -> ResolverConfig {
    ResolverConfig {
        dns: ([127, 0, 0, 1], 53).into(),
        anchors: Vec::new(),
        authorities: Vec::new(),
    }
}

fn account() -> Account {
    Account {
        address: "ann@one.example".to_owned(),
        password: Zeroizing::new(PASSWORD.to_owned()),
        signet: signet(),
    }
}

#[test]
fn the_search_finds_what_is_shown() {
    for shown in [format!("{:?}", [BYTE; 4]), PASSWORD.to_owned()] {
        let found = std::panic::catch_unwind(|| shows_no_secret(&shown));
        assert!(found.is_err(), "{shown}");
    }
}

#[test]
fn a_server_prints_no_secret() {
    let identity = ServerIdentity {
        chain: Vec::new(),
        key: Zeroizing::new(vec![BYTE; 64]),
    };
    shows_no_secret(&identity);
    shows_no_secret(&account());
    shows_no_secret(&server::Config {
        domain: "one.example".to_owned(),
        keys: keys(),
        signet: signet(),
        identity,
        users: vec![account()],
        resolver: resolver(),
        bounces: Bounces::default(),
    });
}

#[test]
fn a_client_prints_no_secret() {
    shows_no_secret(&client::Config {
        address: "ann@one.example".to_owned(),
        password: Zeroizing::new(PASSWORD.to_owned()),
        keys: keys(),
        alternate: Some(AlternateKey::from_bytes([BYTE; 32])),
        signet: signet(),
        organization: "one.example".to_owned(),
        resolver: resolver(),
    });
}

#[test]
fn a_login_prints_no_password() {
    let line = format!("a1 LOGIN ann@one.example \"{PASSWORD}\"");
    let request = Request::parse(line.as_bytes()).expect("is a login");
    shows_no_secret(&request);
    let wrong = format!("{line} more");
    let fault = Request::parse(wrong.as_bytes()).expect_err("has one argument too many");
    shows_no_secret(&fault);
    shows_no_secret(&fault.to_string());
}

#[test]
fn a_seed_of_randomness_is_not_printed() {
    shows_no_secret(&LiveEntropy::Seeded([BYTE; 32]));
}

#[test]
fn an_error_about_a_key_file_shows_nothing_of_it() {
    let path = std::path::Path::new("keys");
    let armored = keys().to_armor(KeyOwner::User, Profile::Libdime);
    for cut in 0..armored.len() - 1 {
        let bytes = Zeroizing::new(armored.as_bytes()[..cut].to_vec());
        if let Err(error) = files::parse_keys(path, bytes, None) {
            shows_no_secret(&error);
            shows_no_secret(&error.to_string());
        }
    }
}
