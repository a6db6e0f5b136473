//! What must be in a database after the operations that were acknowledged, and what is.

use std::collections::BTreeMap;

use kvstore::{Database, Store};
use kvstore_tests::TestResult;

use super::op::{Change, Op};

/// The namespace whose struct grows.
pub(super) const GROWN: &str = "grown";
/// The namespace whose keys are generated.
pub(super) const KEYS: &str = "keys";
/// How far the struct grows.
pub(super) const LEVELS: u8 = 3;

/// An entry as the first program has it.
#[derive(Store)]
#[store(namespace = "grown", key = u64)]
pub(super) struct Grown1 {
    pub(super) stamp: u64,
    /// The level of the program that wrote it.
    pub(super) level: u8,
}

/// The same, with a field more.
#[derive(Store)]
#[store(namespace = "grown", key = u64)]
pub(super) struct Grown2 {
    pub(super) stamp: u64,
    pub(super) level: u8,
    #[store(default)]
    pub(super) second: String,
}

/// The same, with two fields more.
#[derive(Store)]
#[store(namespace = "grown", key = u64)]
pub(super) struct Grown3 {
    pub(super) stamp: u64,
    pub(super) level: u8,
    #[store(default)]
    pub(super) second: String,
    pub(super) third: Vec<u64>,
}

/// The fields of the struct at a level.
fn fields(level: u8) -> Vec<String> {
    ["stamp", "level", "second", "third"].iter().take(usize::from(level) + 1).map(ToString::to_string).collect()
}

/// The value that is made of a stamp.
pub(super) fn text(stamp: u64) -> String {
    format!("{stamp} {}", "x".repeat(usize::try_from(stamp % 300).unwrap_or_default()))
}

/// One namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Namespace {
    /// The names of its fields; none for bare values.
    pub(super) fields: Vec<String>,
    /// Keys, and the stamps of their values.
    pub(super) entries: BTreeMap<u64, u64>,
}

/// All namespaces.
pub(super) type State = BTreeMap<String, Namespace>;

/// The level of the struct that grows; none where its namespace is not there.
pub(super) fn level(state: &State) -> Option<u8> {
    u8::try_from(state.get(GROWN)?.fields.len().saturating_sub(1)).ok()
}

/// What is there after an operation; none where it leaves everything as it was.
pub(super) fn after(state: &State, op: &Op) -> Option<State> {
    let mut state = state.clone();
    match op {
        Op::Create { namespace } => {
            let fields = if namespace == GROWN { fields(1) } else { Vec::new() };
            state.insert(namespace.clone(), Namespace { fields, entries: BTreeMap::new() });
        }
        Op::Drop { namespace } => {
            state.remove(namespace);
        }
        Op::Write(changes) => {
            for Change { namespace, key, stamp } in changes {
                let entries = &mut state.entry(namespace.clone()).or_default().entries;
                match stamp {
                    Some(stamp) => entries.insert(*key, *stamp),
                    None => entries.remove(key),
                };
            }
        }
        Op::Grow { level, key, stamp } => {
            let grown = state.entry(GROWN.into()).or_default();
            grown.fields = fields(*level);
            grown.entries.insert(*key, *stamp);
        }
        Op::Open { .. }
        | Op::Close
        | Op::Lease { .. }
        | Op::Sync
        | Op::Checkpoint { .. }
        | Op::Join
        | Op::Fuse { .. } => return None,
    }
    Some(state)
}

/// Reads everything, and checks that each value is one that was written; answers the numbers of the namespaces, too.
///
/// # Errors
/// Where something can't be read, or nobody wrote it.
pub(super) fn observe(db: &Database) -> TestResult<(State, BTreeMap<String, u32>)> {
    let (mut state, mut numbers) = (State::new(), BTreeMap::new());
    for info in db.namespaces()? {
        let name = info.name().to_owned();
        let entries = if name == GROWN { grown(db)? } else { bare(db, &name)? };
        numbers.insert(name.clone(), number(&format!("{info:?}"))?);
        state.insert(name, Namespace { fields: info.fields().iter().map(|(name, _)| name.clone()).collect(), entries });
    }
    Ok((state, numbers))
}

fn bare(db: &Database, name: &str) -> TestResult<BTreeMap<u64, u64>> {
    let mut entries = BTreeMap::new();
    for entry in db.map::<u64, String>(name)?.iter()? {
        let (key, value) = entry?;
        let stamp = value.split(' ').next().unwrap_or_default().parse()?;
        if value != text(stamp) {
            return Err(format!("{name}[{key}] has a value that nobody wrote: {value}").into());
        }
        entries.insert(key, stamp);
    }
    Ok(entries)
}

/// By the eyes of the last program; it writes nothing, so that the schema stays what it is.
fn grown(db: &Database) -> TestResult<BTreeMap<u64, u64>> {
    let mut entries = BTreeMap::new();
    for entry in db.store::<Grown3>()?.iter()? {
        let (key, Grown3 { stamp, level, second, third }) = entry?;
        let expected =
            (if level > 1 { text(stamp) } else { String::new() }, if level > 2 { vec![stamp] } else { vec![] });
        if (second, third) != expected {
            return Err(format!("{GROWN}[{key}] is not what level {level} writes").into());
        }
        entries.insert(key, stamp);
    }
    Ok(entries)
}

/// The number of a namespace, which no method tells, but its text for programmers does.
fn number(text: &str) -> TestResult<u32> {
    let digits = text.split("id: ").nth(1).and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next());
    Ok(digits.ok_or_else(|| format!("no number in `{text}`"))?.parse()?)
}

/// How two states differ, in a few words.
pub(super) fn difference(expected: &State, found: &State) -> String {
    let mut text = Vec::new();
    let names = expected.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names {
        match (expected.get(name), found.get(name)) {
            (Some(expected), Some(found)) if expected != found => {
                let wrong = |entries: &BTreeMap<u64, u64>, others: &BTreeMap<u64, u64>| {
                    let wrong = entries.iter().filter(|(key, stamp)| others.get(key) != Some(stamp));
                    wrong.map(|(key, stamp)| format!("{key}:{stamp}")).take(10).collect::<Vec<_>>().join(" ")
                };
                text.push(format!(
                    "`{name}` lacks [{}] and has [{}], fields {:?} and {:?}",
                    wrong(&expected.entries, &found.entries),
                    wrong(&found.entries, &expected.entries),
                    expected.fields,
                    found.fields
                ));
            }
            (Some(_), None) => text.push(format!("`{name}` is gone")),
            (None, Some(_)) => text.push(format!("`{name}` is there")),
            _ => {}
        }
    }
    text.join("; ")
}
