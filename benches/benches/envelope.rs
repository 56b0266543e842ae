//! Envelope throughput: seal, sign and open per actor and size, and signet validation.
//!
//! `cargo bench -p dimespec-bench --bench envelope`, with `--features fast` for the other back ends.
//! In turn with each operation runs what it cannot do without, and at the end stand two tables: the
//! share of that in the operation, and what two threads do for one message and for two.
//!
//! One message of one part is not sealed twice as fast by two threads: Ed25519 hashes all it signs
//! for its nonce and again with the nonce's point, so that the two passes of the plaintext
//! signature, encryption and the last pass of the full signature each wait for the one before. Of
//! about 5.5 passes only the tree's and the nonce's can run at once, which leaves 4.5. The parts of a
//! letter that has several are signed and encrypted side by side. Signing as origin has no passes that
//! could be: its two long signatures share one, the other two are a chain.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use dime_wire::message::{
    ChunkType, DestinationSignets, Letter, Message, Opened, OriginSignets, ReadPolicy, Workers,
    open_as_author_with, open_as_destination_with, open_as_origin_with, open_as_recipient_with,
};
use dime_wire::signet::{Issuer, State, validate_organization, validate_user};
use dimespec_bench::{LARGE, Material, Pace, Parties, Primitives, SHARED_FROM, SIZES, Size};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(1200))
        .configure_from_args();
    let pace = Pace::default();
    signets(&mut criterion, &pace);
    for size in SIZES {
        let mut group = criterion.benchmark_group(size.label);
        group.throughput(Throughput::Bytes(size.bytes as u64));
        let bench = Envelope::new(size);
        bench.write(&mut group, &pace);
        bench.open(&mut group, &pace);
        group.finish();
    }
    let mut group = criterion.benchmark_group("cores");
    Envelope::new(LARGE).on_two_cores(&mut group, &pace);
    group.finish();
    criterion.final_summary();
    println!("\n{pace}");
}

/// A message on its way, of one size.
struct Envelope {
    size: Size,
    /// Bytes of envelope and metadata, of the display chunk's payload, of all chunks that the author
    /// signed.
    lengths: [usize; 3],
    letter: Letter,
    parties: Parties,
    sealed: Vec<u8>,
    signed: Vec<u8>,
}

impl Envelope {
    fn new(size: Size) -> Self {
        let parties = Parties::new();
        let letter = parties.letter(size.bytes);
        let sealed = parties.seal(&letter, Workers::One);
        let signed = parties.sign(&sealed);
        let message = parsed(&sealed);
        let display = message.chunk(ChunkType::Display).expect("a letter has one");
        let below = |kind: ChunkType| -> usize {
            let chunks = message.chunks().iter();
            let below = chunks.take_while(|chunk| chunk.kind < kind);
            below.map(|chunk| chunk.bytes.len()).sum()
        };
        Self {
            size,
            lengths: [
                below(ChunkType::Display),
                display.payload.len(),
                below(ChunkType::TreeSignature),
            ],
            letter,
            parties,
            sealed,
            signed,
        }
    }

    fn compare<T>(
        &self,
        (group, pace): (&mut BenchmarkGroup<'_, WallTime>, &Pace),
        (name, libdime): (&str, Option<f64>),
        operation: impl FnMut() -> T,
        primitives: Primitives,
    ) {
        let mut material = Material::new(self.lengths);
        let name = format!("{name}, {}", self.size.label);
        pace.compare(group, (&name, libdime), operation, || {
            material.spend(primitives)
        });
    }

    fn write(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        self.compare(
            (group, pace),
            ("seal as author", Some(self.size.libdime_seals)),
            || self.parties.seal(black_box(&self.letter), Workers::One),
            Primitives::SEAL_AS_AUTHOR,
        );
        let sign = if self.size.bytes < SHARED_FROM {
            Primitives::SIGN_AS_ORIGIN_SMALL
        } else {
            Primitives::SIGN_AS_ORIGIN
        };
        self.compare(
            (group, pace),
            ("sign as origin", None),
            || self.parties.sign(black_box(&self.sealed)),
            sign,
        );
    }

    fn open(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        let one = ReadPolicy::default();
        self.compare(
            (group, pace),
            ("open as origin", None),
            || self.open_as_origin(&one),
            Primitives::OPEN_AS_ORIGIN,
        );
        self.compare(
            (group, pace),
            ("open as destination", None),
            || self.open_as_destination(&one),
            Primitives::OPEN_AS_DESTINATION,
        );
        self.compare(
            (group, pace),
            ("open as author", None),
            || self.open_as_author(&one),
            Primitives::OPEN_AS_AUTHOR,
        );
        self.compare(
            (group, pace),
            ("open as recipient", Some(self.size.libdime_opens)),
            || self.open_as_recipient(&one),
            Primitives::OPEN_AS_RECIPIENT,
        );
    }

    fn on_two_cores(&self, group: &mut BenchmarkGroup<'_, WallTime>, pace: &Pace) {
        let one = ReadPolicy::default();
        let two = ReadPolicy {
            workers: Workers::Two,
            ..one
        };
        let of_parts = self.parties.letter_with_attachments(self.size.bytes);
        for (name, letter) in [
            ("seal as author, one part", &self.letter),
            ("seal as author, four parts", &of_parts),
        ] {
            let seal = |workers| self.parties.seal(black_box(letter), workers);
            pace.cores(group, name, || seal(Workers::One), || seal(Workers::Two));
        }
        let sign = || self.parties.sign(black_box(&self.sealed));
        pace.cores(group, "sign as origin", sign, sign);
        pace.cores(
            group,
            "open as origin",
            || self.open_as_origin(&one),
            || self.open_as_origin(&two),
        );
        pace.cores(
            group,
            "open as destination",
            || self.open_as_destination(&one),
            || self.open_as_destination(&two),
        );
        pace.cores(
            group,
            "open as author",
            || self.open_as_author(&one),
            || self.open_as_author(&two),
        );
        pace.cores(
            group,
            "open as recipient",
            || self.open_as_recipient(&one),
            || self.open_as_recipient(&two),
        );
    }

    fn open_as_origin(&self, policy: &ReadPolicy) -> Opened {
        let parties = &self.parties;
        let signets = OriginSignets {
            author: &parties.author.signet,
            origin: &parties.origin.signet,
            destination: &parties.destination.signet,
        };
        let key = &parties.origin.keys.encryption;
        open_as_origin_with(&parsed(&self.sealed), key, &signets, policy)
            .expect("an honest message opens")
    }

    fn open_as_destination(&self, policy: &ReadPolicy) -> Opened {
        let parties = &self.parties;
        let signets = DestinationSignets {
            origin: &parties.origin.signet,
            destination: &parties.destination.signet,
            recipient: &parties.recipient.signet,
        };
        let key = &parties.destination.keys.encryption;
        open_as_destination_with(&parsed(&self.signed), key, &signets, policy)
            .expect("an honest message opens")
    }

    fn open_as_author(&self, policy: &ReadPolicy) -> Opened {
        let (key, signets) = (&self.parties.author.keys.encryption, self.parties.signets());
        open_as_author_with(&parsed(&self.sealed), key, &signets, None, policy)
            .expect("an honest message opens")
    }

    fn open_as_recipient(&self, policy: &ReadPolicy) -> Opened {
        let key = &self.parties.recipient.keys.encryption;
        let signets = self.parties.signets();
        open_as_recipient_with(&parsed(&self.signed), key, &signets, &[], policy)
            .expect("an honest message opens")
    }
}

fn parsed(bytes: &[u8]) -> Message<'_> {
    Message::parse(black_box(bytes)).expect("an honest message parses")
}

/// How often per second libdime validates a user's signet.
const LIBDIME_VALIDATES: f64 = 7032.0;

fn signets(criterion: &mut Criterion, pace: &Pace) {
    let parties = Parties::new();
    let mut group = criterion.benchmark_group("signet");
    let mut material = Material::new([0; 3]);
    let poks = [parties.origin.keys.signing.public()];
    pace.compare(
        &mut group,
        ("validate organization's signet", None),
        || {
            let state = validate_organization(black_box(&parties.origin.signet), &poks, None);
            assert_eq!(state, State::Identified);
        },
        || material.spend(Primitives::VALIDATE_ORGANIZATION),
    );
    pace.compare(
        &mut group,
        ("validate user's signet", Some(LIBDIME_VALIDATES)),
        || {
            let user = black_box(&parties.author.signet);
            let state = validate_user(user, &parties.origin.signet, None, None);
            assert_eq!(state, State::Identified);
        },
        || material.spend(Primitives::VALIDATE_USER),
    );
    let issuer = Issuer::new(&parties.origin.signet).expect("its signet is sound");
    pace.compare(
        &mut group,
        ("validate user's, issuer judged", Some(LIBDIME_VALIDATES)),
        || {
            let state = issuer.validate_user(black_box(&parties.author.signet), None, None);
            assert_eq!(state, State::Identified);
        },
        || material.spend(Primitives::VALIDATE_USER_OF_ISSUER),
    );
    group.finish();
}
