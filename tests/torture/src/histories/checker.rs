//! Whether a history can be explained: whether its calls can be put into one order, each between its beginning and its
//! return, in which every one saw what it says it saw.
//!
//! The search is that of Wing and Gong: again and again one of the calls that may come next is taken, until all are, or
//! none fits and the last choice is taken back. What was reached before, the same calls behind it and the same values, is
//! not gone through again.
//!
//! For calls on one key that would do for each key by itself, since linearizability is local. Batches write several keys
//! at once and snapshots read them: so all keys are looked at together, and the answer is as strict as can be.

use std::collections::HashSet;
use std::fmt;

/// Keys of a history, at most.
pub(super) const KEYS: usize = 4;

/// Calls of a history, at most: one bit each.
pub(super) const CALLS: usize = 128;

/// The value of each key; `None` where there is no entry. A history begins without any.
pub(super) type Values = [Option<u32>; KEYS];

/// What a call found out about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Its value, or that there was none.
    Value(Option<u32>),
    /// Whether there was one.
    Present(bool),
}

/// A call as it was answered.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) thread: usize,
    /// Its name, for people.
    pub(super) name: &'static str,
    pub(super) invoked: u64,
    pub(super) returned: u64,
    pub(super) effect: Effect,
    /// Whether it may as well never take effect, or do so at any time since it was invoked: its outcome is unknown.
    pub(super) unknown: bool,
}

/// What a call saw and did, all at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Effect {
    pub(super) saw: Vec<(usize, Seen)>,
    pub(super) wrote: Vec<(usize, Option<u32>)>,
}

impl Effect {
    /// The values behind it; `None` where it would have seen something else.
    fn on(&self, values: &Values) -> Option<Values> {
        let fits = self.saw.iter().all(|(key, seen)| match seen {
            Seen::Value(value) => values[*key] == *value,
            Seen::Present(present) => values[*key].is_some() == *present,
        });
        let mut values = *values;
        for (key, value) in &self.wrote {
            values[*key] = *value;
        }
        fits.then_some(values)
    }
}

impl Call {
    /// When it can have had no effect any more.
    fn ended(&self) -> u64 {
        if self.unknown { u64::MAX } else { self.returned }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, name, invoked, returned, effect: Effect { saw, wrote }, unknown } = self;
        write!(f, "{invoked}-{returned} thread {thread}: {name} saw {saw:?}, wrote {wrote:?}")?;
        if *unknown { f.write_str(", outcome unknown") } else { Ok(()) }
    }
}

/// Says why a history can't be explained.
pub(super) fn check(calls: &[Call]) -> Result<(), String> {
    if calls.len() > CALLS {
        return Err(format!("{} calls are more than can be checked", calls.len()));
    }
    let mut search = Search { calls, dead_ends: HashSet::new(), furthest: 0 };
    if search.explain(0, [None; KEYS]) {
        return Ok(());
    }
    let mut lines: Vec<_> = (0..calls.len()).map(|call| (calls[call].invoked, search.line(call))).collect();
    lines.sort();
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    Err(format!("no order explains this history (+ are explained at best):\n{}", lines.join("\n")))
}

struct Search<'c> {
    calls: &'c [Call],
    /// Calls that were ordered, and the values they left, from which nothing leads on.
    dead_ends: HashSet<(u128, Values)>,
    /// The most calls that could be ordered.
    furthest: u128,
}

impl Search<'_> {
    /// Whether the calls that are not in `done` can follow on these values.
    fn explain(&mut self, done: u128, values: Values) -> bool {
        let calls = self.calls;
        let left = || calls.iter().enumerate().filter(|(index, _)| done >> index & 1 == 0);
        if left().all(|(_, call)| call.unknown) {
            return true;
        }
        if done.count_ones() > self.furthest.count_ones() {
            self.furthest = done;
        }
        // Whatever comes next was invoked before any of the rest had returned.
        let first_return = left().map(|(_, call)| call.ended()).min().unwrap_or(u64::MAX);
        for (index, call) in left().filter(|(_, call)| call.invoked < first_return) {
            let Some(values) = call.effect.on(&values) else { continue };
            let done = done | 1 << index;
            if !self.dead_ends.contains(&(done, values)) {
                if self.explain(done, values) {
                    return true;
                }
                self.dead_ends.insert((done, values));
            }
        }
        false
    }

    fn line(&self, call: usize) -> String {
        let sign = if self.furthest >> call & 1 == 1 { '+' } else { '-' };
        format!("{sign} {}", self.calls[call])
    }
}

#[cfg(test)]
#[path = "checker_tests.rs"]
mod tests;
