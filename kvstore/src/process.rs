//! The process that opened a database. A forked child has a copy of all that its parent had open, and must not use it: the
//! engine's threads are not in the child, and its files are the parent's.

use std::cell::Cell;
use std::time::Duration;

use crate::sync::Instant;

/// A process, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

/// If a thread looked at its process less than this ago, it has not forked since. A fork takes longer: at least 43 µs for a
/// program with next to no memory, as measured on one machine, and RocksDB's memory and threads come on top of that.
const SHORTER_THAN_A_FORK: Duration = Duration::from_micros(15);

thread_local! {
    /// The process of this thread, and when it last looked.
    static KNOWN: Cell<Option<(Process, Instant)>> = const { Cell::new(None) };
}

impl Process {
    /// Returns the calling process. A system call.
    pub(crate) fn current() -> Self {
        Self(std::process::id())
    }

    /// Returns true if this is the calling process. A system call.
    pub(crate) fn is_current(self) -> bool {
        self == Self::current()
    }

    /// Returns true if this is the calling process. `now` is the present moment.
    ///
    /// A child's only thread is a copy of the one that forked. So as long as a thread looks again and again, with pauses shorter
    /// than a fork, its process is the one that it was, and the system need not be asked.
    pub(crate) fn is_current_at(self, now: Instant) -> bool {
        let known = KNOWN.get().filter(|(_, looked)| now.saturating_duration_since(*looked) < SHORTER_THAN_A_FORK);
        let current = known.map_or_else(Self::current, |(current, _)| current);
        KNOWN.set(Some((current, now)));
        self == current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_calling_process_is_current() {
        let (now, current) = (Instant::now(), Process::current());
        let other = Process(current.0 + 1);
        for _ in 0..3 {
            assert!(current.is_current() && current.is_current_at(now));
            assert!(!other.is_current() && !other.is_current_at(now));
        }
    }

    #[test]
    fn a_pause_as_long_as_a_fork_makes_a_thread_ask_again() {
        let now = Instant::now();
        let other = Process(std::process::id() + 1);
        // As in a child, whose thread remembers the number of its parent.
        KNOWN.set(Some((other, now)));
        let short = SHORTER_THAN_A_FORK.saturating_sub(Duration::from_nanos(1));
        let mut later = now;
        for _ in 0..3 {
            later = later.checked_add(short).unwrap();
            assert!(other.is_current_at(later));
        }
        later = later.checked_add(SHORTER_THAN_A_FORK).unwrap();
        assert!(!other.is_current_at(later) && Process::current().is_current_at(later));
    }
}
