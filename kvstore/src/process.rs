//! The process that opened a database. A forked child has a copy of all that its parent had open, and must not use it: the
//! engine's threads are not in the child, and its files are the parent's.

use std::cell::Cell;
use std::time::Duration;

use crate::sync::Instant;

/// A process, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process(u32);

/// How long a thread believes what it knows of its process. A fork takes longer than this: 43 µs were measured for a program
/// with next to no memory, and RocksDB's memory and threads come on top of that.
const BELIEVED_FOR: Duration = Duration::from_micros(20);

thread_local! {
    /// The process of this thread, and when it asked the system for it.
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
    /// The system is asked once in [`BELIEVED_FOR`]. A child's only thread is a copy of the one that forked, so what that
    /// one knew is too old by the time the child runs.
    pub(crate) fn is_current_at(self, now: Instant) -> bool {
        let known = KNOWN.get().filter(|(_, asked)| now.saturating_duration_since(*asked) < BELIEVED_FOR);
        let current = known.map_or_else(
            || {
                let current = Self::current();
                KNOWN.set(Some((current, now)));
                current
            },
            |(current, _)| current,
        );
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
    fn what_a_thread_knows_is_believed_for_a_while_only() {
        let now = Instant::now();
        let other = Process(std::process::id() + 1);
        // As in a child, whose thread remembers the number of its parent.
        KNOWN.set(Some((other, now)));
        assert!(other.is_current_at(now));
        assert!(!other.is_current_at(now.checked_add(BELIEVED_FOR).unwrap()));
        assert!(Process::current().is_current_at(now.checked_add(BELIEVED_FOR).unwrap()));
    }
}
