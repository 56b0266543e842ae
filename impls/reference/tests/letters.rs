//! Letters from author to recipient through two servers, over real TLS on pipes in memory.

mod common;

use std::time::Duration;

use common::{PASSWORD, Person, World, add_user, client_of, keys, user_signet};
use dime::agent::client::{
    AccessError, Attachment, Received, ReceivedLetter, SendError, SendRequest, SentReceipt,
};
use dime::agent::server::{DeliveryFailure, FIRST_RETRY, Outcome, Refusal};
use dime::dmtp::{Code, Command, ReturnWish};
use dime::platform::NetError;
use dime::resolver::{ResolveError, Resolver};
use dime_wire::keys::AlternateKey;
use dime_wire::message::{Message, TreeSignature};
use dime_wire::signet::FingerprintKind;

fn request(to: &Person) -> SendRequest {
    SendRequest {
        to: to.config.address.clone(),
        subject: "quarterly figures".into(),
        other_headers: b"X-Colour: blue\r\n".to_vec(),
        body: vec![b"first".to_vec(), b"second".to_vec()],
        attachments: vec![Attachment {
            name: "a \"quoted\" name.txt".into(),
            contents: vec![7; 20_000],
        }],
        ..SendRequest::default()
    }
}

async fn send(from: &Person, request: SendRequest) -> Result<SentReceipt, SendError> {
    let agent = from.agent.clone();
    let sent = async move { agent.send(request).await };
    from.platform.run(sent).await
}

async fn receive(person: &Person) -> Vec<Received> {
    let agent = person.agent.clone();
    let received = async move { agent.receive().await };
    person.platform.run(received).await.expect("server answers")
}

async fn only_letter(person: &Person) -> ReceivedLetter {
    match receive(person).await.as_slice() {
        [Received::Letter(letter)] => (**letter).clone(),
        other => panic!("not one letter but {other:?}"),
    }
}

fn outcomes(organization: &common::Organization) -> Vec<Outcome> {
    let notices = organization.journal.notices();
    notices.into_iter().map(|notice| notice.outcome).collect()
}

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|part| part == needle.as_bytes())
}

#[tokio::test]
async fn a_letter_arrives_whole_and_verified() {
    let world = World::started().await;
    let sent = send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    world
        .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
        .await;
    let letter = only_letter(&world.bob).await;
    let asked = request(&world.bob);
    assert_eq!(letter.identity, sent.identity);
    assert_eq!(letter.common.subject, asked.subject);
    assert_eq!(letter.common.from, world.ann.config.address);
    assert_eq!(letter.common.to, world.bob.config.address);
    assert_eq!(letter.common.date, "Fri, 15 Jan 2027 08:00:00 +0000");
    assert_eq!(letter.other_headers, asked.other_headers);
    assert_eq!(letter.body, asked.body);
    assert_eq!(letter.attachments, asked.attachments);
    assert_eq!(letter.verdicts.author, TreeSignature::Libdime);
    assert!(letter.verdicts.origin && !letter.verdicts.metadata_bounce);
    world
        .until(|| outcomes(&world.alpha).contains(&Outcome::Sent))
        .await;
    assert_eq!(outcomes(&world.alpha), [Outcome::Queued, Outcome::Sent]);
    assert_eq!(receive(&world.bob).await, [], "a letter is received once");
}

#[tokio::test]
async fn a_server_keeps_nothing_of_the_far_end() {
    let world = World::started().await;
    send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    world
        .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
        .await;
    let kept = world.beta.platform.stored("mail").await;
    assert!(contains(&kept, "bob@beta.example"));
    assert!(!contains(&kept, "ann"));
    let queued = world.alpha.platform.stored("mail").await;
    assert!(!contains(&queued, "ann") && !contains(&queued, "bob"));
}

#[tokio::test]
async fn the_alternate_layer_reaches_the_recipient() {
    let world = World::started().await;
    let asked = SendRequest {
        alternate: true,
        ..request(&world.bob)
    };
    send(&world.ann, asked).await.expect("is sent");
    world
        .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
        .await;
    assert_eq!(only_letter(&world.bob).await.body, request(&world.bob).body);
}

#[tokio::test]
async fn a_hardened_letter_passes_both_servers_and_holds() {
    for hardened in [false, true] {
        let world = World::started().await;
        let asked = SendRequest {
            hardened,
            ..request(&world.bob)
        };
        send(&world.ann, asked).await.expect("is sent");
        world
            .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
            .await;
        let letter = only_letter(&world.bob).await;
        assert_eq!(letter.body, request(&world.bob).body);
        assert_eq!(letter.verdicts.hardened, hardened);
    }
}

#[tokio::test]
async fn the_wish_decides_which_bounces_are_signed() {
    for (wish, expected) in [
        (ReturnWish::Full, (true, true)),
        (ReturnWish::Display, (true, true)),
        (ReturnWish::Header, (true, false)),
    ] {
        let world = World::started().await;
        let asked = SendRequest {
            wish: Some(wish),
            ..request(&world.bob)
        };
        send(&world.ann, asked).await.expect("is sent");
        world
            .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
            .await;
        let verdicts = only_letter(&world.bob).await.verdicts;
        assert_eq!(
            (verdicts.metadata_bounce, verdicts.display_bounce),
            expected
        );
    }
}

#[tokio::test]
async fn one_organization_at_both_ends_needs_no_network() {
    let world = World::new();
    world.alpha.start().await;
    send(&world.ann, request(&world.amy))
        .await
        .expect("is sent");
    world
        .until(|| outcomes(&world.alpha).contains(&Outcome::Sent))
        .await;
    assert_eq!(only_letter(&world.amy).await.body, request(&world.amy).body);
}

#[tokio::test]
async fn an_unknown_recipient_is_refused_by_the_destination() {
    let world = World::started().await;
    let address = "nobody@beta.example";
    let alternate = AlternateKey::from_bytes([99; 32]);
    let signet = user_signet(&world.beta, address, 99, &alternate);
    add_user(&world.table, address, &signet);
    let asked = SendRequest {
        to: address.into(),
        ..request(&world.bob)
    };
    send(&world.ann, asked).await.expect("is sent");
    let failed = |outcome: &Outcome| {
        matches!(outcome, Outcome::Failed(DeliveryFailure::Refused { step: "DATA", reply })
            if reply.code() == Code::INVALID_RECIPIENT && reply.text() == "INVALID RECIPIENT.")
    };
    world
        .until(|| outcomes(&world.alpha).iter().any(failed))
        .await;
    assert_eq!(
        outcomes(&world.beta),
        [Outcome::Refused(Refusal::Recipient)]
    );
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let world = World::started().await;
    let mut config = world.ann.config.clone();
    config.password = format!("{PASSWORD}r").into();
    let agent = client_of(&world.ann.platform, &world.table, &config);
    let asked = request(&world.bob);
    let sent = world
        .ann
        .platform
        .run(async move { agent.send(asked).await })
        .await;
    assert!(matches!(
        sent,
        Err(SendError::Access(AccessError::Refused {
            command: "LOGIN",
            ..
        }))
    ));
    assert_eq!(outcomes(&world.alpha), []);
}

#[tokio::test]
async fn nobody_hands_in_letters_of_others() {
    let world = World::started().await;
    let (ann, amy) = (world.ann.agent.clone(), world.amy.agent.clone());
    let asked = request(&world.bob);
    let sealed = world
        .ann
        .platform
        .run(async move { ann.seal(&asked).await })
        .await;
    let sealed = sealed.expect("is sealed");
    let sent = world
        .amy
        .platform
        .run(async move { amy.submit(sealed, None).await })
        .await;
    assert!(matches!(
        sent,
        Err(SendError::Access(AccessError::Refused {
            command: "SUBMIT",
            ..
        }))
    ));
    assert_eq!(
        outcomes(&world.alpha),
        [Outcome::NotQueued(Refusal::NotTheAuthor)]
    );
}

#[tokio::test]
async fn a_letter_handed_in_twice_is_delivered_once() {
    let world = World::started().await;
    let sent = send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    let agent = world.ann.agent.clone();
    let again = async move { agent.submit(sent.message, None).await };
    world.ann.platform.run(again).await.expect("is taken again");
    world
        .until(|| outcomes(&world.alpha).contains(&Outcome::Sent))
        .await;
    only_letter(&world.bob).await;
    assert_eq!(outcomes(&world.beta), [Outcome::Kept]);
}

#[tokio::test]
async fn a_destination_that_is_away_gets_the_letter_later() {
    let world = World::new();
    world.alpha.start().await;
    send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    let delayed = |outcome: &Outcome| {
        matches!(
            outcome,
            Outcome::Delayed(DeliveryFailure::Resolve(ResolveError::Unreachable {
                error: NetError::Refused,
                ..
            }))
        )
    };
    world
        .until(|| outcomes(&world.alpha).iter().any(delayed))
        .await;
    world.beta.start().await;
    world.advance(FIRST_RETRY + Duration::from_secs(1));
    world
        .until(|| outcomes(&world.alpha).contains(&Outcome::Sent))
        .await;
    only_letter(&world.bob).await;
}

#[tokio::test]
async fn a_restarted_origin_takes_up_its_queue() {
    let world = World::new();
    world.alpha.start().await;
    send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    world.until(|| outcomes(&world.alpha).len() == 2).await;
    world.beta.start().await;
    world.alpha.start().await;
    world
        .until(|| outcomes(&world.alpha).contains(&Outcome::Sent))
        .await;
    only_letter(&world.bob).await;
}

#[tokio::test]
async fn a_letter_the_origin_did_not_sign_is_refused() {
    let world = World::started().await;
    let agent = world.ann.agent.clone();
    let asked = request(&world.bob);
    let sealed = world
        .ann
        .platform
        .run(async move { agent.seal(&asked).await })
        .await;
    let sealed = sealed.expect("is sealed");
    assert!(Message::parse(&sealed).is_ok());
    let origin = world.alpha.config.signet.fingerprint(FingerprintKind::Full);
    let destination = world.beta.config.signet.fingerprint(FingerprintKind::Full);
    let commands = [
        Command::Ehlo {
            domain: "alpha.example".into(),
        },
        Command::Mail {
            domain: "alpha.example".into(),
            fingerprint: origin.expect("is identified"),
            size: sealed.len(),
            wish: None,
        },
        Command::Rcpt {
            domain: "beta.example".into(),
            fingerprint: destination.expect("is identified"),
        },
    ];
    let resolver = world.alpha.parts.resolver.clone();
    let dialog = async move {
        let mut line = resolver.connect("beta.example").await.expect("listens");
        for command in commands {
            let reply = line.ask(command).await.expect("answers");
            assert!(reply.code().is_success(), "{reply}");
        }
        line.send(None, sealed).await.expect("answers")
    };
    let reply = world.alpha.platform.run(dialog).await;
    assert_eq!(reply.code(), Code::INVALID_ORIGIN_SIGNATURE);
}

#[tokio::test]
async fn signets_are_handed_out_to_anybody_and_unknown_ones_are_not() {
    let world = World::started().await;
    let resolver = world.ann.agent.resolver().clone();
    let asked = async move {
        let mut line = Resolver::connect(&*resolver, "beta.example")
            .await
            .expect("listens");
        let mut replies = Vec::new();
        for name in ["beta.example", "bob@beta.example", "ann@alpha.example"] {
            let name = name.to_owned();
            let fingerprint = None;
            let reply = line.ask(Command::Signet { name, fingerprint }).await;
            replies.push(reply.expect("answers"));
        }
        replies
    };
    let replies = world.ann.platform.run(asked).await;
    let expected = [
        Some(world.beta.config.signet.to_base64()),
        Some(world.bob.config.signet.to_base64()),
        None,
    ];
    let found: Vec<Option<String>> = replies
        .iter()
        .map(|reply| reply.bracketed().map(str::to_owned))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(replies[2].code(), Code::NOT_FOUND);
}

#[tokio::test]
async fn mail_from_an_origin_that_cannot_be_trusted_is_refused() {
    let fingerprint = World::new()
        .alpha
        .config
        .signet
        .fingerprint(FingerprintKind::Full)
        .expect("is identified");
    let bogus = ResolveError::Dnssec {
        name: "alpha.example".into(),
    };
    let away = ResolveError::Unreachable {
        host: "mx.alpha.example".into(),
        error: NetError::TimedOut,
    };
    for (error, code) in [
        (Some(bogus), Code::INVALID_ORIGIN_SIGNET),
        (Some(away), Code::ORIGIN_UNAVAILABLE),
        (None, Code::INVALID_ORIGIN_SIGNET),
    ] {
        let world = World::started().await;
        let fingerprint = match &error {
            Some(_) => fingerprint.clone(),
            None => dime_wire::signet::Fingerprint::from_digest(&[1; 64]),
        };
        error
            .into_iter()
            .for_each(|error| world.table.fail_next(error));
        let resolver = world.bob.agent.resolver().clone();
        let dialog = async move {
            let mut line = resolver.connect("beta.example").await.expect("listens");
            let domain = "alpha.example".to_owned();
            line.ask(Command::Ehlo {
                domain: domain.clone(),
            })
            .await
            .expect("answers");
            let mail = Command::Mail {
                domain,
                fingerprint,
                size: 100,
                wish: None,
            };
            line.ask(mail).await.expect("answers")
        };
        assert_eq!(world.bob.platform.run(dialog).await.code(), code);
    }
}

#[tokio::test]
async fn a_letter_under_another_signet_is_rejected_by_the_recipient() {
    let world = World::started().await;
    send(&world.ann, request(&world.bob))
        .await
        .expect("is sent");
    world
        .until(|| outcomes(&world.beta).contains(&Outcome::Kept))
        .await;
    // Whoever answers for ann now shows a signet with other keys.
    let address = &world.ann.config.address;
    let other = AlternateKey::from_bytes([98; 32]);
    let signet = user_signet(&world.alpha, address, 98, &other);
    assert_ne!(keys(98).signing.public(), keys(11).signing.public());
    add_user(&world.table, address, &signet);
    assert!(matches!(
        receive(&world.bob).await.as_slice(),
        [Received::Rejected(_)]
    ));
}
