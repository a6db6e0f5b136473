//! What was committed, step by step: the model, written by the process that made the database.

use std::collections::BTreeMap;
use std::fmt::Write;

use kvstore_tests::TestResult;

/// Everything that can be read, as text: values by namespace and key. The namespaces are rows of [`NAMESPACES`].
pub(super) type State = BTreeMap<(String, String), String>;

/// Where a [`State`] has the names of the namespaces.
pub(super) const NAMESPACES: &str = "";

/// What one call of the program changes in what can be read, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// New values by namespace and key; none where it is removed.
    pub(super) changes: Vec<((String, String), Option<String>)>,
    /// The number of the log that was the newest afterwards, and its length.
    pub(super) log: u64,
    pub(super) end: u64,
}

/// All steps of a database.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) steps: Vec<Step>,
    /// How many steps are known to be synced: those before the last opening, or all where it was closed.
    pub(super) safe: usize,
}

impl Step {
    pub(super) fn to_line(&self) -> String {
        let mut line = format!("step\t{}\t{}", self.log, self.end);
        for ((namespace, key), value) in &self.changes {
            // Writing to a String does not fail.
            let _ = match value {
                Some(value) => write!(line, "\tput\t{namespace}\t{key}\t{value}"),
                None => write!(line, "\tremove\t{namespace}\t{key}"),
            };
        }
        line
    }

    fn parse(mut words: std::str::Split<'_, char>) -> TestResult<Self> {
        let mut number =
            || words.next().ok_or("a number is missing")?.parse::<u64>().map_err(|error| error.to_string());
        let (log, end) = (number()?, number()?);
        let mut changes = Vec::new();
        while let Some(kind) = words.next() {
            let mut word = || words.next().map(str::to_owned).ok_or("a change is cut off");
            let key = (word()?, word()?);
            changes.push((key, if kind == "put" { Some(word()?) } else { None }));
        }
        Ok(Self { changes, log, end })
    }

    fn apply(&self, state: &mut State) {
        for (key, value) in &self.changes {
            match value {
                Some(value) => drop(state.insert(key.clone(), value.clone())),
                None => drop(state.remove(key)),
            }
        }
    }
}

impl History {
    /// Reads the lines that the writer of a database wrote: each step, and `safe` where all steps so far are synced.
    ///
    /// # Errors
    /// Where a line is none of these.
    pub(super) fn parse(text: &str) -> TestResult<Self> {
        let mut history = Self::default();
        for line in text.lines() {
            let mut words = line.split('\t');
            match words.next() {
                Some("step") => history.steps.push(Step::parse(words)?),
                Some("safe") => history.safe = history.steps.len(),
                _ => return Err(format!("a line `{line}` in a ledger").into()),
            }
        }
        Ok(history)
    }

    /// What could be read after so many steps.
    pub(super) fn after(&self, steps: usize) -> State {
        let mut state = State::new();
        self.steps.iter().take(steps).for_each(|step| step.apply(&mut state));
        state
    }

    /// Every key that ever was.
    pub(super) fn keys(&self) -> impl Iterator<Item = &(String, String)> {
        self.steps.iter().flat_map(|step| step.changes.iter().map(|(key, _)| key))
    }

    /// The numbers of steps that leave what was found, the highest first. What is not in `found` could not be read.
    pub(super) fn explaining(&self, found: &BTreeMap<(String, String), Option<String>>) -> Vec<usize> {
        let mut state = State::new();
        let is_wrong = |state: &State, key: &(String, String)| {
            usize::from(found.get(key).is_some_and(|value| state.get(key) != value.as_ref()))
        };
        let mut wrong: usize = found.keys().map(|key| is_wrong(&state, key)).sum();
        let mut explaining = Vec::new();
        if wrong == 0 {
            explaining.push(0);
        }
        for (index, step) in self.steps.iter().enumerate() {
            // A key that a step changes twice is counted once.
            let keys: std::collections::BTreeSet<_> = step.changes.iter().map(|(key, _)| key).collect();
            wrong -= keys.iter().map(|key| is_wrong(&state, key)).sum::<usize>();
            step.apply(&mut state);
            wrong += keys.iter().map(|key| is_wrong(&state, key)).sum::<usize>();
            if wrong == 0 {
                explaining.push(index + 1);
            }
        }
        explaining.reverse();
        explaining
    }
}
