//! Virtual time: one clock for all hosts of a simulation, and the heap of everybody's timers.
//!
//! The driver alone moves it: by one tick with each step of the network, and straight to the next
//! deadline when nothing is in flight and nobody acts.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use dime::platform::{BoxFuture, Clock, Tick, UnixTime};

/// The time of a simulation and the timers on it.
pub(super) struct Timeline {
    start: UnixTime,
    state: Mutex<State>,
}

struct State {
    now: Tick,
    registered: u64,
    /// By deadline, then by the order of registration.
    timers: BTreeMap<(Tick, u64), Waker>,
}

impl Timeline {
    /// A timeline whose zero is `start` on the wall clock.
    pub(super) fn new(start: UnixTime) -> Arc<Self> {
        Arc::new(Self {
            start,
            state: Mutex::new(State {
                now: Tick(0),
                registered: 0,
                timers: BTreeMap::new(),
            }),
        })
    }

    /// The deadline that comes first.
    pub(super) fn earliest(&self) -> Option<Tick> {
        let state = self.lock();
        state.timers.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Moves the time to `now` and wakes every timer that is then due, in order of deadline.
    pub(super) fn advance(&self, now: Tick) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        let later = state.timers.split_off(&(Tick(now.0.saturating_add(1)), 0));
        let due = std::mem::replace(&mut state.timers, later);
        drop(state);
        for waker in due.into_values() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock of a host, or of the director.
pub(super) struct SimClock(pub(super) Arc<Timeline>);

impl Clock for SimClock {
    fn now(&self) -> Tick {
        self.0.lock().now
    }

    fn wall(&self) -> UnixTime {
        const NANOSECONDS: u64 = 1_000_000_000;
        UnixTime(self.0.start.0.saturating_add(self.now().0 / NANOSECONDS))
    }

    fn sleep_until(&self, deadline: Tick) -> BoxFuture<'static, ()> {
        Box::pin(Sleep {
            timeline: self.0.clone(),
            deadline,
            place: None,
        })
    }
}

/// A timer; registered by its first poll, gone with its drop.
struct Sleep {
    timeline: Arc<Timeline>,
    deadline: Tick,
    place: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut state = timeline.lock();
        if state.now >= self.deadline {
            return Poll::Ready(());
        }
        let place = match self.place {
            Some(place) => place,
            None => {
                state.registered += 1;
                state.registered
            }
        };
        self.place = Some(place);
        let key = (self.deadline, place);
        state.timers.insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // The removed waker may drop a task, which may drop a timer: not under the lock.
            let removed = self.timeline.lock().timers.remove(&(self.deadline, place));
            drop(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_registered_while_it_waits_and_no_longer() {
        let timeline = Timeline::new(UnixTime(100));
        let clock = SimClock(timeline.clone());
        let mut context = Context::from_waker(Waker::noop());
        let mut sleep = clock.sleep_until(Tick(5));
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        assert_eq!(timeline.earliest(), Some(Tick(5)));
        timeline.advance(Tick(5));
        assert_eq!(timeline.earliest(), None);
        assert!(sleep.as_mut().poll(&mut context).is_ready());

        let mut abandoned = clock.sleep_until(Tick(9));
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        drop(abandoned);
        assert_eq!(timeline.earliest(), None);
    }

    #[test]
    fn the_wall_clock_runs_with_the_timeline() {
        let timeline = Timeline::new(UnixTime(100));
        timeline.advance(Tick(2_500_000_000));
        assert_eq!(SimClock(timeline).wall(), UnixTime(102));
    }
}
