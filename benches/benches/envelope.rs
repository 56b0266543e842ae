//! Envelope throughput: seal, sign and open per actor and size, and signet validation.
//!
//! `cargo bench -p dimespec-bench --bench envelope`. Beside each operation stands the cost of the
//! primitives it cannot do without, measured in the same run; a table at the end gives the shares.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use dime_wire::message::{
    DestinationSignets, Message, OriginSignets, open_as_author, open_as_destination,
    open_as_origin, open_as_recipient,
};
use dime_wire::signet::{State, validate_organization, validate_user};
use dimespec_bench::{Material, Pace, Parties, Primitives, SIZES};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800))
        .configure_from_args();
    let pace = Pace::default();
    signets(&mut criterion, &pace);
    for (label, size) in SIZES {
        let mut group = criterion.benchmark_group(label);
        group.throughput(Throughput::Bytes(size as u64));
        let bench = Envelope::new(label, size);
        bench.write(&mut group, &pace);
        bench.open_on_the_way(&mut group, &pace);
        bench.open_as_users(&mut group, &pace);
        group.finish();
    }
    criterion.final_summary();
    println!("\n{pace}");
}

/// A message on its way, of one size.
struct Envelope {
    label: &'static str,
    size: usize,
    parties: Parties,
    sealed: Vec<u8>,
    signed: Vec<u8>,
}

impl Envelope {
    fn new(label: &'static str, size: usize) -> Self {
        let parties = Parties::new();
        let sealed = parties.seal(&parties.letter(size));
        let signed = parties.sign(&sealed);
        Self {
            label,
            size,
            parties,
            sealed,
            signed,
        }
    }

    fn compare<T>(
        &self,
        (group, pace): (&mut BenchmarkGroup<'_, WallTime>, &Pace),
        name: &str,
        operation: impl FnMut() -> T,
        primitives: Primitives,
    ) {
        let mut material = Material::new(self.size);
        let name = format!("{name}, {}", self.label);
        pace.compare(group, &name, operation, || material.spend(primitives));
    }

    fn write(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        let letter = self.parties.letter(self.size);
        self.compare(
            (group, pace),
            "seal as author",
            || self.parties.seal(black_box(&letter)),
            Primitives::SEAL_AS_AUTHOR,
        );
        self.compare(
            (group, pace),
            "sign as origin",
            || self.parties.sign(black_box(&self.sealed)),
            Primitives::SIGN_AS_ORIGIN,
        );
    }

    fn open_on_the_way(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        let parties = &self.parties;
        let at_origin = OriginSignets {
            author: &parties.author.signet,
            origin: &parties.origin.signet,
            destination: &parties.destination.signet,
        };
        self.compare(
            (group, pace),
            "open as origin",
            || {
                let message = parsed(&self.sealed);
                open_as_origin(&message, &parties.origin.keys.encryption, &at_origin)
                    .expect("an honest message opens")
            },
            Primitives::OPEN_AS_ORIGIN,
        );
        let at_destination = DestinationSignets {
            origin: &parties.origin.signet,
            destination: &parties.destination.signet,
            recipient: &parties.recipient.signet,
        };
        self.compare(
            (group, pace),
            "open as destination",
            || {
                let message = parsed(&self.signed);
                let key = &parties.destination.keys.encryption;
                open_as_destination(&message, key, &at_destination)
                    .expect("an honest message opens")
            },
            Primitives::OPEN_AS_DESTINATION,
        );
    }

    fn open_as_users(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        let parties = &self.parties;
        let signets = parties.signets();
        self.compare(
            (group, pace),
            "open as author",
            || {
                let message = parsed(&self.sealed);
                open_as_author(&message, &parties.author.keys.encryption, &signets, None)
                    .expect("an honest message opens")
            },
            Primitives::OPEN_AS_AUTHOR,
        );
        self.compare(
            (group, pace),
            "open as recipient",
            || {
                let message = parsed(&self.signed);
                open_as_recipient(&message, &parties.recipient.keys.encryption, &signets, &[])
                    .expect("an honest message opens")
            },
            Primitives::OPEN_AS_RECIPIENT,
        );
    }
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    Message::parse(black_box(bytes)).expect("an honest message parses")
}

/// Signatures of an organization's identified signet: cryptographic, full, identified.
const ORGANIZATION_SIGNATURES: usize = 3;
/// Signatures of a user's identified signet: its own and those three. Validation also judges the
/// organization's signet anew.
const USER_SIGNATURES: usize = 4 + ORGANIZATION_SIGNATURES;

fn signets(criterion: &mut Criterion, pace: &Pace) {
    let parties = Parties::new();
    let mut group = criterion.benchmark_group("signet");
    let mut material = Material::new(0);
    let poks = [parties.origin.keys.signing.public()];
    pace.compare(
        &mut group,
        "validate organization's signet",
        || {
            let state = validate_organization(black_box(&parties.origin.signet), &poks, None);
            assert_eq!(state, State::Identified);
        },
        || material.spend(Primitives::verifications(ORGANIZATION_SIGNATURES)),
    );
    pace.compare(
        &mut group,
        "validate user's signet",
        || {
            let user = black_box(&parties.author.signet);
            let state = validate_user(user, &parties.origin.signet, None, None);
            assert_eq!(state, State::Identified);
        },
        || material.spend(Primitives::verifications(USER_SIGNATURES)),
    );
    group.finish();
}
