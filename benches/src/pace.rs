//! What the benches measured, kept for a table at their end: criterion prints times, we want ratios,
//! which travel between machines.

use std::cell::RefCell;
use std::fmt;
use std::hint::black_box;
#[expect(clippy::disallowed_types, reason = "a bench measures this machine")]
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkGroup, measurement::WallTime};

/// A table of operations and the primitives they cannot do without.
#[derive(Default)]
pub struct Pace {
    rows: RefCell<Vec<Row>>,
}

struct Row {
    name: String,
    operation: Samples,
    primitives: Samples,
}

/// Seconds per iteration, one for each sample that criterion took.
#[derive(Clone, Debug, Default)]
struct Samples(Vec<f64>);

impl Pace {
    /// Benches `operation` and, beside it, `primitives`; the table gets a row.
    pub fn compare<T>(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        operation: impl FnMut() -> T,
        primitives: impl FnMut(),
    ) {
        let title = format!("{name}: primitives");
        let row = Row {
            name: name.to_owned(),
            operation: measured(group, name, operation),
            primitives: measured(group, &title, primitives),
        };
        self.rows.borrow_mut().push(row);
    }
}

/// Benches one function and returns what it took.
fn measured<T>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut work: impl FnMut() -> T,
) -> Samples {
    let mut samples = Samples::default();
    group.bench_function(name, |bencher: &mut Bencher<'_>| {
        bencher.iter_custom(|iterations| {
            let took = timed(iterations, &mut work);
            samples.add(took, iterations);
            took
        });
    });
    samples
}

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench measures this machine"
)]
fn timed<T>(iterations: u64, work: &mut impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        black_box(work());
    }
    start.elapsed()
}

impl Samples {
    fn add(&mut self, took: Duration, iterations: u64) {
        self.0.push(took.as_secs_f64() / iterations.max(1) as f64);
    }

    /// The fastest sample, which other load on the machine disturbed least; nothing if a filter left
    /// the function out.
    fn best(&self) -> Option<f64> {
        self.0.iter().copied().min_by(f64::total_cmp)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<32}{:>14}{:>14}{:>10}{:>14}",
            "operation", "fastest", "primitives", "share", "per second"
        )?;
        for row in self.rows.borrow().iter() {
            let both = row.operation.best().zip(row.primitives.best());
            let Some((operation, primitives)) = both else {
                continue;
            };
            writeln!(
                f,
                "{:<32}{:>11.1} µs{:>11.1} µs{:>8.0} %{:>14.0}",
                row.name,
                operation * 1e6,
                primitives * 1e6,
                100.0 * primitives / operation,
                1.0 / operation
            )?;
        }
        Ok(())
    }
}
