//! A few inputs for every target, on a stable compiler.

use std::path::Path;

use dime_fuzz::TARGETS;
use dime_fuzz::run::run;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Inputs per target, fewer of a costly one; the seeds come first.
const EXECUTIONS: u64 = 2000;

// One test only: another at the same time would be counted too.
#[test]
fn no_target_breaks_a_promise() {
    for target in TARGETS {
        let outcome = run(target, EXECUTIONS / target.cost, 1, &ALLOCATOR);
        println!(
            "{}: {:?}, {} bytes",
            target.name, outcome.time, outcome.peak
        );
        if let Some((input, how)) = outcome.failure {
            panic!("{}: {how}: {input:02x?}", target.name);
        }
        assert!(outcome.seeds > 0, "{} has no seeds", target.name);
        let program = format!("fuzz_targets/{}.rs", target.name);
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(program);
        assert!(program.is_file(), "{} has no program", target.name);
        let bin = format!("[[bin]]\nname = \"{}\"\n", target.name);
        let is_built = include_str!("../Cargo.toml").contains(&bin);
        assert!(is_built, "{} has no [[bin]] in Cargo.toml", target.name);
    }
}
