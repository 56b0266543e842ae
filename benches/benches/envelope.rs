//! Envelope throughput: seal, sign and open per actor and size, and signet validation.
//!
//! `cargo bench -p dimespec-bench --bench envelope`. Beside each operation stands the cost of the
//! primitives it cannot do without, measured in the same run, so that the ratio travels between machines.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dime_wire::keys::Kek;
use dime_wire::message::{
    DestinationSignets, Message, OriginSignets, open_as_author, open_as_destination, open_as_origin,
    open_as_recipient,
};
use dime_wire::signet::{validate_organization, validate_user};
use dimespec_bench::{Parties, SIZES};

fn envelopes(criterion: &mut Criterion) {
    let parties = Parties::new();
    for (label, size) in SIZES {
        let mut group = criterion.benchmark_group(label);
        group.throughput(Throughput::Bytes(size as u64)).sample_size(20);
        let letter = parties.letter(size);
        let sealed = parties.seal(&letter);
        let signed = parties.sign(&sealed);
        group.bench_function("seal as author", |b| b.iter(|| parties.seal(black_box(&letter))));
        group.bench_function("sign as origin", |b| b.iter(|| parties.sign(black_box(&sealed))));
        group.bench_function("open as author", |b| {
            b.iter(|| {
                let message = Message::parse(black_box(&sealed)).expect("it parses");
                open_as_author(&message, &parties.author.keys.encryption, &parties.signets(), None)
                    .expect("it opens")
            });
        });
        group.bench_function("open as origin", |b| {
            let signets = OriginSignets {
                author: &parties.author.signet,
                origin: &parties.origin.signet,
                destination: &parties.destination.signet,
            };
            b.iter(|| {
                let message = Message::parse(black_box(&sealed)).expect("it parses");
                open_as_origin(&message, &parties.origin.keys.encryption, &signets).expect("it opens")
            });
        });
        group.bench_function("open as destination", |b| {
            let signets = DestinationSignets {
                origin: &parties.origin.signet,
                destination: &parties.destination.signet,
                recipient: &parties.recipient.signet,
            };
            b.iter(|| {
                let message = Message::parse(black_box(&signed)).expect("it parses");
                open_as_destination(&message, &parties.destination.keys.encryption, &signets)
                    .expect("it opens")
            });
        });
        group.bench_function("open as recipient", |b| {
            b.iter(|| {
                let message = Message::parse(black_box(&signed)).expect("it parses");
                open_as_recipient(&message, &parties.recipient.keys.encryption, &parties.signets(), &[])
                    .expect("it opens")
            });
        });
        group.finish();
    }
}

fn signets(criterion: &mut Criterion) {
    let parties = Parties::new();
    let mut group = criterion.benchmark_group("signet");
    group.bench_function("validate organization", |b| {
        let poks = [parties.origin.keys.signing.public()];
        b.iter(|| validate_organization(black_box(&parties.origin.signet), &poks, None));
    });
    group.bench_function("validate user", |b| {
        b.iter(|| validate_user(black_box(&parties.author.signet), &parties.origin.signet, None, None));
    });
    group.finish();
}

fn primitives(criterion: &mut Criterion) {
    let parties = Parties::new();
    let mut group = criterion.benchmark_group("primitive");
    let keys = &parties.author.keys;
    let signature = keys.signing.sign(b"a message of ordinary length");
    group.bench_function("Ed25519 sign", |b| b.iter(|| keys.signing.sign(black_box(b"a message"))));
    group.bench_function("Ed25519 verify", |b| {
        let public = keys.signing.public();
        b.iter(|| public.verify(black_box(b"a message of ordinary length"), &signature));
    });
    group.bench_function("KEK (secp256k1 agreement, SHA-512)", |b| {
        let public = parties.recipient.keys.encryption.public();
        b.iter(|| Kek::derive(&keys.encryption, black_box(&public)));
    });
    group.finish();
}

criterion_group!(benches, primitives, signets, envelopes);
criterion_main!(benches);
