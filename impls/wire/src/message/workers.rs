//! Two threads for one message: the hash passes over a large message that do not need each other run
//! side by side. What comes out, and which error, is the same as on one thread.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Bytes of a message from which on a second thread is worth being started.
const WORTH_A_THREAD: usize = 64 * 1024;

/// How many threads an operation on one message may take. There are never more than two passes over
/// all of a message that could run at once for long, hence no higher number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Workers {
    /// The caller's thread alone. A server that has more messages than cores is best served so.
    #[default]
    One,
    /// The caller's and a second one, if the message has 64 KiB or more.
    Two,
}

impl Workers {
    /// What is worth while for a message of `size` bytes.
    pub(super) fn on_size(self, size: usize) -> Self {
        if size < WORTH_A_THREAD {
            Self::One
        } else {
            self
        }
    }

    /// Makes two judgements; the first of them that fails gives the error. On one thread the second
    /// is not made after such a failure.
    pub(super) fn judge<A, B: Send, E: Send>(
        self,
        first: impl FnOnce() -> Result<A, E>,
        second: impl FnOnce() -> Result<B, E> + Send,
    ) -> Result<(A, B), E> {
        match self {
            Self::One => Ok((first()?, second()?)),
            Self::Two => {
                let (second, first) = self.both(second, first);
                Ok((first?, second?))
            }
        }
    }

    /// Does both, `beside` on a second thread if there is one.
    pub(super) fn both<A: Send, B>(
        self,
        beside: impl FnOnce() -> A + Send,
        here: impl FnOnce() -> B,
    ) -> (A, B) {
        match self {
            Self::One => (beside(), here()),
            Self::Two => side_by_side(thread::Builder::new(), beside, here),
        }
    }
}

/// Does `here` on this thread and `beside` on one that `builder` starts, or here too if the system has
/// no thread to give.
fn side_by_side<A: Send, B>(
    builder: thread::Builder,
    beside: impl FnOnce() -> A + Send,
    here: impl FnOnce() -> B,
) -> (A, B) {
    // A thread that does not start takes what it was given with it.
    let job = Mutex::new(Some(beside));
    let run = || {
        let job = job.lock().unwrap_or_else(PoisonError::into_inner).take();
        job.map(|job| job())
    };
    let (beside, here) = thread::scope(|scope| {
        let started = builder.spawn_scoped(scope, run);
        let here = here();
        let beside = started.map_or_else(|_| Ok(run()), |thread| thread.join());
        (beside, here)
    });
    match beside {
        Ok(beside) => (beside.expect("it was run once"), here),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_in_order_is_reported_on_either_number_of_threads() {
        let outcomes = [Ok(1), Err("wrong")];
        for workers in [Workers::One, Workers::Two] {
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let pick = |which: usize, name: &'static str| outcomes[which].map_err(|_| name);
                let judged = workers.judge(|| pick(a, "a"), || pick(b, "b"));
                let expected = pick(a, "a").and_then(|a| pick(b, "b").map(|b| (a, b)));
                assert_eq!(judged, expected);
            }
        }
    }

    #[test]
    fn without_a_second_thread_the_first_does_it_all() {
        let here = thread::current().id();
        let run = |builder| side_by_side(builder, || thread::current().id(), || "done");
        assert_ne!(run(thread::Builder::new()).0, here);
        // No system has room for such a stack.
        let refused = thread::Builder::new().stack_size(1 << (usize::BITS - 4));
        assert_eq!(run(refused), (here, "done"));
    }

    #[test]
    fn small_messages_stay_on_one_thread() {
        assert_eq!(Workers::Two.on_size(WORTH_A_THREAD - 1), Workers::One);
        assert_eq!(Workers::Two.on_size(WORTH_A_THREAD), Workers::Two);
        assert_eq!(Workers::One.on_size(usize::MAX), Workers::One);
    }
}
