//! What the benches measured, kept for tables at their end: criterion prints times, we want ratios,
//! which travel between machines.
//!
//! What is held against each other runs in turn, one after the other within each sample, so that
//! whatever else the machine does slows all of it alike; a ratio is the median of the samples'.

use std::cell::RefCell;
use std::fmt;
use std::hint::black_box;
#[expect(clippy::disallowed_types, reason = "a bench measures this machine")]
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkGroup, measurement::WallTime};
use dime_wire::backend::BACK_ENDS;

/// Operations beside the primitives they cannot do without, and on one core beside two.
#[derive(Default)]
pub struct Pace {
    shares: RefCell<Vec<Share>>,
    cores: RefCell<Vec<Cores>>,
}

struct Share {
    name: String,
    /// Operations per second of libdime, where it was measured.
    libdime: Option<f64>,
    samples: Samples<2>,
}

struct Cores {
    name: String,
    samples: Samples<3>,
}

/// Seconds per iteration of works that ran in turn, one entry for each sample that criterion took.
struct Samples<const N: usize>(Vec<[f64; N]>);

impl Pace {
    /// Benches `operation` in turn with `primitives`; the table of shares gets a row. `libdime` is
    /// how often per second libdime does the same.
    pub fn compare<T>(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        (name, libdime): (&str, Option<f64>),
        mut operation: impl FnMut() -> T,
        mut primitives: impl FnMut(),
    ) {
        let mut operation = || {
            black_box(operation());
        };
        let samples = measured(group, name, [&mut operation, &mut primitives]);
        self.shares.borrow_mut().push(Share {
            name: name.to_owned(),
            libdime,
            samples,
        });
    }

    /// Benches an operation in turn on `one` thread, on `two`, and as two messages at once on a
    /// thread each; the table of cores gets a row.
    pub fn cores<T: Send>(
        &self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        one: impl Fn() -> T + Sync,
        two: impl Fn() -> T,
    ) {
        let mut alone = || {
            black_box(one());
        };
        let mut together = || {
            black_box(two());
        };
        let mut at_once = || {
            std::thread::scope(|scope| {
                scope.spawn(|| black_box(one()));
                black_box(one());
            });
        };
        let samples = measured(group, name, [&mut alone, &mut together, &mut at_once]);
        self.cores.borrow_mut().push(Cores {
            name: name.to_owned(),
            samples,
        });
    }
}

/// Benches works in turn; criterion sees the first.
fn measured<const N: usize>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut works: [&mut dyn FnMut(); N],
) -> Samples<N> {
    let mut samples = Samples(Vec::new());
    group.bench_function(name, |bencher: &mut Bencher<'_>| {
        bencher.iter_custom(|iterations| {
            let mut took = [Duration::ZERO; N];
            for _ in 0..iterations {
                for (took, work) in took.iter_mut().zip(&mut works) {
                    *took += timed(work);
                }
            }
            let per_iteration = |took: Duration| took.as_secs_f64() / iterations.max(1) as f64;
            samples.0.push(took.map(per_iteration));
            took.first().copied().unwrap_or_default()
        });
    });
    samples
}

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench measures this machine"
)]
fn timed(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

impl<const N: usize> Samples<N> {
    /// The median of what `figure` makes of a sample; nothing if a filter left the bench out.
    fn median(&self, figure: impl Fn(&[f64; N]) -> f64) -> Option<f64> {
        let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
        figures.sort_unstable_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "back ends:")?;
        for (primitive, library) in BACK_ENDS {
            writeln!(f, "  {primitive:<20} {library}")?;
        }
        writeln!(
            f,
            "\nlibdime: -O2, recorded on another machine; the ratio holds on one like it"
        )?;
        writeln!(
            f,
            "{:<31}{:>11}{:>13}{:>8}{:>12}{:>12}",
            "operation", "median", "unavoidable", "share", "per second", "to libdime"
        )?;
        self.shares.borrow().iter().try_for_each(|row| row.fmt(f))?;
        writeln!(
            f,
            "\n{:<31}{:>14}{:>16}{:>24}",
            "two threads to one", "one thread", "one message", "two messages at once"
        )?;
        self.cores.borrow().iter().try_for_each(|row| row.fmt(f))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            self.samples.median(|[operation, _]| *operation),
            self.samples.median(|[_, primitives]| *primitives),
            self.samples
                .median(|[operation, primitives]| primitives / operation),
        ];
        let [Some(operation), Some(primitives), Some(share)] = figures else {
            return Ok(());
        };
        let pace = 1.0 / operation;
        let libdime = self.libdime.map_or(String::from("-"), |libdime| {
            format!("{:.2}", pace / libdime)
        });
        writeln!(
            f,
            "{:<31}{:>8.1} µs{:>10.1} µs{:>6.0} %{pace:>12.0}{libdime:>12}",
            self.name,
            operation * 1e6,
            primitives * 1e6,
            100.0 * share,
        )
    }
}

impl fmt::Display for Cores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            self.samples.median(|[one, ..]| *one),
            self.samples.median(|[one, two, _]| one / two),
            self.samples.median(|[one, _, both]| 2.0 * one / both),
        ];
        let [Some(one), Some(together), Some(at_once)] = figures else {
            return Ok(());
        };
        writeln!(
            f,
            "{:<31}{:>11.1} µs{together:>15.2}x{at_once:>23.2}x",
            self.name,
            one * 1e6
        )
    }
}
