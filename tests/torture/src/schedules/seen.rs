//! What the threads of one schedule saw, and what is wrong with it.
//!
//! The oracle knows nothing of the lock table: threads tell it when they have a lock and when they give it back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Names an entry: its store and key.
pub(super) type Entry = (&'static str, u64);

/// A call that takes locks, one of all calls of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call(usize);

/// What was seen so far. The mutex is a real one, which no thread of a model holds while another may run.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The threads that made the calls, by number of the call.
    calls: Vec<String>,
    entries: BTreeMap<Entry, History>,
    gave_up: u64,
    wrong: Vec<String>,
}

#[derive(Debug, Default)]
struct History {
    holder: Option<Call>,
    turns: Vec<Turn>,
    /// Increments that were acknowledged.
    acknowledged: u64,
    /// The most increments that a read has seen.
    read: u64,
}

/// The time for which one call held an entry.
#[derive(Debug)]
struct Turn {
    call: Call,
    /// Who stood in line when it was about to give the lock back, first come first.
    line: Vec<Call>,
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread is about to lock something. A thread makes one call at a time.
    pub(super) fn call(&self, thread: &str) -> Call {
        let mut state = self.state();
        state.calls.push(thread.to_owned());
        Call(state.calls.len() - 1)
    }

    /// The call has the lock on an entry now.
    pub(super) fn enter(&self, call: Call, entry: Entry) {
        let mut state = self.state();
        let history = state.entries.entry(entry).or_default();
        history.turns.push(Turn { call, line: Vec::new() });
        if let Some(other) = history.holder.replace(call) {
            let (one, other) = (state.name(other), state.name(call));
            state.wrong.push(format!("{entry:?} has two holders: {one}, {other}"));
        }
    }

    /// The call is about to give the lock back; so many threads stand in line.
    pub(super) fn leave(&self, call: Call, entry: Entry, line: &[&str]) {
        let mut state = self.state();
        // The call that a waiting thread has made last is the one that waits.
        let line =
            line.iter().filter_map(|thread| state.calls.iter().rposition(|name| name == thread).map(Call)).collect();
        let history = state.entries.entry(entry).or_default();
        if history.holder == Some(call) {
            history.holder = None;
        }
        if let Some(turn) = history.turns.last_mut().filter(|turn| turn.call == call) {
            turn.line = line;
        }
    }

    /// An increment of an entry was committed.
    pub(super) fn acknowledge(&self, entry: Entry) {
        self.state().entries.entry(entry).or_default().acknowledged += 1;
    }

    /// How many increments of an entry were committed.
    pub(super) fn acknowledged(&self, entry: Entry) -> u64 {
        self.state().entries.get(&entry).map_or(0, |history| history.acknowledged)
    }

    /// How many increments of an entry a read that begins now must see.
    pub(super) fn visible(&self, entry: Entry) -> u64 {
        self.state().entries.get(&entry).map_or(0, |history| history.acknowledged.max(history.read))
    }

    /// A read has seen so many increments of an entry, of which `visible` were there when it began.
    pub(super) fn read(&self, entry: Entry, visible: u64, read: u64) {
        let mut state = self.state();
        let history = state.entries.entry(entry).or_default();
        history.read = history.read.max(read);
        if read < visible {
            state.wrong.push(format!("{entry:?} was read as {read} after {visible} increments were seen"));
        }
    }

    /// A call ended without a lock.
    pub(super) fn give_up(&self) {
        self.state().gave_up += 1;
    }

    /// How many calls ended without a lock.
    pub(super) fn gave_up(&self) -> u64 {
        self.state().gave_up
    }

    /// Something is wrong that a thread found by itself.
    pub(super) fn complain(&self, what: String) {
        self.state().wrong.push(what);
    }

    /// How many times a lock was taken by a thread that had stood in line.
    pub(super) fn hand_overs(&self) -> u64 {
        let state = self.state();
        let served = |turns: &[Turn]| matches!(turns, [before, next] if before.line.contains(&next.call));
        state
            .entries
            .values()
            .map(|history| history.turns.windows(2).filter(|turns| served(turns)).count() as u64)
            .sum()
    }

    /// The first thing that is wrong.
    pub(super) fn wrong(&self) -> Option<String> {
        let state = self.state();
        let out_of_turn =
            || state.entries.iter().find_map(|(entry, history)| state.out_of_turn(*entry, &history.turns));
        state.wrong.first().cloned().or_else(out_of_turn)
    }
}

impl State {
    fn name(&self, Call(number): Call) -> String {
        format!("call {number} of {}", self.calls.get(number).map_or("nobody", |name| name))
    }

    /// Whoever stood in line before the one that was served next has given up, and is not served later.
    fn out_of_turn(&self, entry: Entry, turns: &[Turn]) -> Option<String> {
        (1..turns.len()).find_map(|place| {
            let (next, later) = (turns[place].call, &turns[place + 1..]);
            let before = turns[place - 1].line.iter().take_while(|call| **call != next);
            let passed = before.copied().find(|call| later.iter().any(|turn| turn.call == *call))?;
            Some(format!(
                "{entry:?} went to {} before {}, who stood in line for it first",
                self.name(next),
                self.name(passed)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: Entry = ("numbers", 1);

    /// A schedule in which `holder` has the lock while the others, in this order, come to stand in line; then they are
    /// served in the order given.
    fn served(line: [&str; 3], order: &[usize]) -> Option<String> {
        let seen = Seen::default();
        let holder = seen.call("holder");
        let calls = line.map(|name| seen.call(name));
        seen.enter(holder, ENTRY);
        seen.leave(holder, ENTRY, &line);
        for place in order {
            seen.enter(calls[*place], ENTRY);
            seen.leave(calls[*place], ENTRY, &[]);
        }
        seen.wrong()
    }

    #[test]
    fn whoever_is_passed_in_the_line_is_told() {
        let line = ["a", "b", "c"];
        assert_eq!(served(line, &[0, 1, 2]), None);
        // Who has given up is not passed.
        assert_eq!(served(line, &[0, 2]), None);
        assert_eq!(served(line, &[2]), None);
        assert!(served(line, &[1, 0, 2]).is_some_and(|text| text.contains("call 2 of b before call 1 of a")));
        assert!(served(line, &[2, 0, 1]).is_some() && served(line, &[2, 1]).is_some());
    }

    #[test]
    fn whoever_was_not_in_line_passes_all_who_were() {
        let seen = Seen::default();
        let [first, waits, late] = ["a", "b", "c"].map(|name| seen.call(name));
        seen.enter(first, ENTRY);
        seen.leave(first, ENTRY, &["b"]);
        for call in [late, waits] {
            seen.enter(call, ENTRY);
            seen.leave(call, ENTRY, &[]);
        }
        assert!(seen.wrong().is_some_and(|text| text.contains("call 2 of c before call 1 of b")));
    }

    #[test]
    fn two_holders_are_told() {
        let seen = Seen::default();
        let [one, other] = ["a", "b"].map(|name| seen.call(name));
        seen.enter(one, ENTRY);
        seen.enter(other, ("numbers", 2));
        assert_eq!(seen.wrong(), None);
        seen.enter(other, ENTRY);
        assert!(seen.wrong().is_some_and(|text| text.contains("two holders")));
    }

    #[test]
    fn a_read_that_sees_less_than_was_there_is_told() {
        let seen = Seen::default();
        seen.acknowledge(ENTRY);
        let before = seen.visible(ENTRY);
        // Another thread sees an increment before it is acknowledged.
        seen.read(ENTRY, before, 2);
        seen.read(ENTRY, before, 1);
        assert_eq!((seen.visible(ENTRY), seen.wrong()), (2, None));
        seen.read(ENTRY, seen.visible(ENTRY), 1);
        assert!(seen.wrong().is_some_and(|text| text.contains("read as 1 after 2")));
    }

    #[test]
    fn a_thread_that_waits_does_so_in_its_last_call() {
        let seen = Seen::default();
        let [first, gave_up, again, other] = ["a", "b", "b", "c"].map(|name| seen.call(name));
        seen.enter(first, ENTRY);
        seen.leave(first, ENTRY, &["b", "c"]);
        seen.enter(other, ENTRY);
        assert_eq!(seen.wrong(), None);
        seen.leave(other, ENTRY, &[]);
        seen.enter(gave_up, ENTRY);
        seen.leave(gave_up, ENTRY, &[]);
        assert_eq!(seen.wrong(), None);
        seen.enter(again, ENTRY);
        assert!(seen.wrong().is_some());
        assert_eq!(seen.hand_overs(), 1);
    }
}
