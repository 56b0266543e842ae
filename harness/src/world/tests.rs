//! Tests of whole worlds.

use std::collections::BTreeSet;

use dime_wire::signet::{State, validate_organization, validate_user};

use super::*;
use crate::scenario::{Scenario, parse};

const NOW: UnixTime = UnixTime(1_795_219_200);

const SCENARIO: &str = "\
scenario: A title
requirements: [DIME-HOP-1]
world:
  organizations:
    alpha.example: { users: { alice: { alternate: true } } }
    beta.example: { users: { bob: { alternate: true }, carol: {} } }
    mail.beta.example: { users: { dave: {} }, tls: { certificate: self-signed, listed: false } }
  taps: { line: { between: [alpha.example, beta.example] } }
steps:
  - send:
      as: first
      from: alice
      to: bob
      subject: quarterly figures
      body: { text: 1000 B, alternate: true }
      attachments: [{ name: report.pdf, size: 100 B }]
  - await: { first: delivered }
  - reply: { as: second, to: first }
  - send: { as: third, from: dave, to: nobody@beta.example, subject: hello }
expect:
  - delivered: { letter: first, to: bob }
";

fn scenario(text: &str) -> Scenario {
    let cases = parse("a/b", "a/b.yaml", text).unwrap_or_else(|problems| panic!("{problems}"));
    (*cases[0].scenario).clone()
}

fn build(text: &str, seed: u64) -> World {
    let world = World::build(&scenario(text), seed, NOW, &Addressing::simulated());
    world.unwrap_or_else(|error| panic!("{error}"))
}

/// Everything of a world that a run shows, as text.
fn digest(world: &World) -> String {
    let hosts = world.hosts.values().map(|host| format!("{host:?}"));
    let zones = world
        .zones
        .iter()
        .map(|zone| format!("{zone:?} {:?}", zone.key.public()));
    let signets = world.people.values().map(|one| one.signet.to_base64());
    let letters = world.letters.iter().map(|letter| format!("{letter:?}"));
    hosts
        .chain(zones)
        .chain(signets)
        .chain(letters)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    assert_eq!(digest(&build(SCENARIO, 7)), digest(&build(SCENARIO, 7)));
    assert_ne!(digest(&build(SCENARIO, 7)), digest(&build(SCENARIO, 8)));
}

#[test]
fn another_name_changes_no_key_and_no_token() {
    let renamed = build(&SCENARIO.replace("alice", "agnes"), 7);
    let world = build(SCENARIO, 7);
    let key = |world: &World, name: &str| world.people[name].keys.signing.public();
    assert_eq!(key(&renamed, "agnes"), key(&world, "alice"));
    let address = world.people["alice"].address.replace("alice", "agnes");
    assert_eq!(renamed.people["agnes"].address, address);
    assert_eq!(renamed.letters[0].subject, world.letters[0].subject);
}

#[test]
fn every_signet_and_record_of_a_world_holds() {
    for world in [
        build(SCENARIO, 1),
        build(&imported("A"), 1),
        build(&imported("B"), 1),
    ] {
        for organization in world.organizations.values() {
            let poks = &organization.record.poks;
            let domain = Some(organization.domain.as_str());
            let state = validate_organization(&organization.signet, poks, domain);
            assert_eq!(state, State::Identified, "{}", organization.domain);
            assert_eq!(
                organization.users.len() - DECOYS,
                residents(&world, &organization.domain)
            );
        }
        for person in world.people.values() {
            let organization = &world.organizations[&person.organization].signet;
            let address = Some(person.address.as_str());
            let state = validate_user(&person.signet, organization, None, address);
            assert_eq!(state, State::Identified, "{}", person.id);
            assert_eq!(
                person.signet.signing_key(),
                Ok(person.keys.signing.public())
            );
        }
    }
}

fn residents(world: &World, domain: &str) -> usize {
    let people = world.people.values();
    people
        .filter(|one| one.organization == domain && one.host.is_some())
        .count()
}

#[test]
fn the_world_of_every_builtin_scenario_is_built() {
    let sources = crate::scenario::builtin().sources.iter();
    for case in sources.flat_map(|source| source.cases().unwrap_or_default()) {
        let world = World::build(&case.scenario, 1, NOW, &Addressing::simulated());
        let world = world.unwrap_or_else(|error| panic!("{}: {error}", case.name()));
        let facts = world
            .facts
            .iter()
            .map(|fact| fact.letter)
            .collect::<BTreeSet<_>>();
        assert_eq!(facts.len(), world.letters.len(), "{}", case.name());
    }
}

#[test]
fn a_listed_certificate_is_signed_by_the_record() {
    let world = build(SCENARIO, 1);
    for (domain, listed) in [("alpha.example", true), ("mail.beta.example", false)] {
        let organization = &world.organizations[domain];
        let certificate = &world.pki.certificates[&organization.mail_host].certificate;
        assert_eq!(organization.record.certificate_matches(certificate), listed);
    }
}

#[test]
fn hosts_have_addresses_of_their_own_and_principals() {
    let world = build(SCENARIO, 1);
    let addresses = world
        .hosts
        .values()
        .map(|host| host.address)
        .collect::<BTreeSet<_>>();
    assert_eq!(addresses.len(), world.hosts.len());
    let names = world
        .hosts
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(" ");
    insta::assert_snapshot!(names, @"alice.device bob.device carol.device dave.device mx.alpha.example mx.beta.example mx.mail.beta.example ns.alpha.example ns.beta.example ns.mail.beta.example resolver root stranger tld.example");
    let host = world.host_of("alice").expect("she has a client");
    assert_eq!(
        world.principal_of(host.address),
        Some(&Principal::Person("alice".to_owned()))
    );
    assert!(world.host_of("dana.alpha.example").is_none());
    assert_eq!(world.principals_named("dns").len(), 3);
    assert_eq!(
        world.principals_named("line"),
        [Principal::Tap("line".to_owned())]
    );
    assert!(world.principals_named("line2").is_empty());
}

#[test]
fn zones_delegate_from_the_root_down() {
    let world = build(SCENARIO, 1);
    let mut told = String::new();
    for zone in &world.zones {
        told += &format!("{} at {}\n", zone.origin, zone.server);
        for record in &zone.records {
            told += &match record {
                ZoneRecord::Address { name, address } => format!("  {name} is {address}\n"),
                ZoneRecord::Delegation { child, server } => {
                    format!("  {child} is served by {server}\n")
                }
                ZoneRecord::Text { name, .. } => format!("  {name} has text\n"),
            };
        }
    }
    insta::assert_snapshot!(told, @r"
    . at root
      example. is served by example.nic.
      example.nic. is 10.0.1.1
    example. at tld.example
      alpha.example. is served by alpha.nic.example.
      alpha.nic.example. is 10.0.2.1
      beta.example. is served by beta.nic.example.
      beta.nic.example. is 10.0.3.1
    alpha.example. at ns.alpha.example
      mx.alpha.example. is 10.0.2.2
      _dx.alpha.example. has text
    beta.example. at ns.beta.example
      mx.beta.example. is 10.0.3.2
      _dx.beta.example. has text
      mail.beta.example. is served by mail.nic.beta.example.
      mail.nic.beta.example. is 10.0.4.1
    mail.beta.example. at ns.mail.beta.example
      mx.mail.beta.example. is 10.0.4.2
      _dx.mail.beta.example. has text
    ");
}

#[test]
fn letters_carry_a_token_for_every_fact() {
    let world = build(SCENARIO, 1);
    let [first, second, third] = world.letters.as_slice() else {
        panic!("three letters are planned");
    };
    assert_eq!(
        (first.body.len(), first.attachments[0].contents.len()),
        (1000, 100)
    );
    assert_eq!(
        (second.author.as_str(), second.recipient.as_str()),
        ("bob", "alice")
    );
    assert!(third.to.starts_with("nobody-") && third.to.ends_with("@beta.example"));
    assert!(!world.people.contains_key(&third.recipient));
    let told = world
        .facts
        .iter()
        .filter(|fact| fact.letter == 0)
        .map(|fact| {
            let value = String::from_utf8_lossy(&fact.value).into_owned();
            format!("{:?} {value} ({} bits)", fact.kind, fact.strength)
        });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    Author alice-o4tyfxbmogzrtir3zqmj@alpha.example (100 bits)
    Recipient bob-lry5uzd632i5ympt5jmf@beta.example (100 bits)
    Origin alpha.example (100 bits)
    Destination beta.example (96 bits)
    Subject quarterly figures 7wmx7niobmne33flfwhu (100 bits)
    Headers ewhflg4lfyzd6h5zmzs6 (100 bits)
    Body 3g4vninzp3midgljjk53 (100 bits)
    AuthorHost 10.0.2.10 (32 bits)
    RecipientHost 10.0.3.10 (32 bits)
    AttachmentName suhy75ec57ms7srbal6f-report.pdf (100 bits)
    Attachment f75qcb456ibqtod6x6zv (100 bits)
    ");
    let mut values = world
        .facts
        .iter()
        .filter(|fact| fact.strength == CANARY_BITS);
    assert!(values.all(|fact| fact.value.len() >= 12));
}

fn imported(id: &str) -> String {
    format!(
        "\
scenario: A title
requirements: [DIME-HOP-1]
world: {{ import: {{ libdime: {id} }} }}
steps:
  - inject: {{ as: letter, message: small }}
  - await: {{ letter: delivered }}
expect:
  - delivered: {{ letter: letter, to: recipient }}
"
    )
}

#[test]
fn a_recorded_message_is_for_the_keys_of_its_world() {
    use dime_wire::message::{Message, read_destination_envelope};

    let world = build(&imported("A"), 1);
    let letter = &world.letters[0];
    let hands_it_over = &world.hosts[STRANGER].principal;
    assert_eq!(
        hands_it_over,
        &Principal::Organization("darkmail.example".to_owned())
    );
    let message = Message::parse(letter.recorded.as_deref().expect("it is recorded"));
    let message = message.expect("it was made by another implementation");
    let destination = &world.people[&letter.recipient].organization;
    let key = &world.organizations[destination].keys.encryption;
    let envelope = read_destination_envelope(&message, key).expect("it is for this key");
    assert_eq!(envelope.recipient, letter.to);
}

#[test]
fn a_live_world_differs_in_addresses_only() {
    let scenario = scenario(SCENARIO);
    let ports = Ports {
        dns: 20053,
        dmtp: 20026,
        dmap: 20143,
    };
    let live = World::build(&scenario, 7, NOW, &Addressing::loopback(9, ports));
    let live = live.unwrap_or_else(|error| panic!("{error}"));
    let sim = build(SCENARIO, 7);
    assert_eq!(live.ports.dmtp, 20026);
    assert!(
        live.hosts
            .values()
            .all(|host| host.address.to_string().starts_with("127.9."))
    );
    let moved = digest(&live).replace("127.9.", "10.0.");
    assert_eq!(moved, digest(&sim));
}
