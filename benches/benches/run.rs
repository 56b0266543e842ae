//! One four-hop run in the simulation, whole and in parts, and the listing of all cases.
//!
//! `cargo bench -p dimespec-bench --bench run`. Everything runs on one core.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dime::platform::UnixTime;
use dimespec::Suite;
use dimespec::knowledge::{self, Given};
use dimespec::run::{self, Folders, Setting};
use dimespec::scenario::{self, Case};
use dimespec::world::{Addressing, World};

/// The case that is run.
const CASE: &str = "privacy/four-hops";
/// The world's date, for worlds that are built without being run.
const DATE: UnixTime = UnixTime(1_795_219_200);

fn four_hops(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("four hops");
    let suite = Suite::builtin().filter([CASE]).exact(true).seed(1).jobs(1);
    let passed = suite.run(&mut |_| {}).summary.pass;
    assert_eq!(passed, 1, "{CASE} is one case and passes");
    group.bench_function("whole case", |bencher| {
        bencher.iter(|| suite.run(&mut |_| {}));
    });
    let case = case();
    group.bench_function("world", |bencher| {
        let addressing = Addressing::simulated();
        bencher.iter(|| World::build(black_box(&case.scenario), 1, DATE, &addressing));
    });
    let setting = Setting::default();
    let stage = || run::stage(black_box(&case), &setting, &mut Folders::default());
    group.bench_function("world and simulation", |bencher| {
        bencher.iter(stage);
    });
    let Ok((world, evidence)) = stage() else {
        panic!("{CASE} has evidence: it passed before");
    };
    let inherent =
        knowledge::read_inherent(scenario::inherent_text()).expect("the built-in file reads");
    group.bench_function("knowledge", |bencher| {
        bencher.iter(|| {
            let given = Given::from_world(&world, &inherent);
            let analysis = knowledge::analyse(&given, black_box(&evidence.trace));
            knowledge::judge(&analysis, &[])
        });
    });
    group.finish();
}

fn case() -> Case {
    let entries = scenario::builtin().entries();
    let entry = entries.iter().find(|entry| entry.name() == CASE);
    let case = entry.expect("the case is built in").case();
    case.expect("the built-in file reads")
}

fn listing(criterion: &mut Criterion) {
    criterion.bench_function("listing of all cases", |bencher| {
        bencher.iter(|| Suite::builtin().names().collect::<Vec<_>>());
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = four_hops, listing
}
criterion_main!(benches);
