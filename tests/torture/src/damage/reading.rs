//! Reads a database in all ways, and keeps what each call said.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fmt::{Debug, Write};

use kvstore::{Database, Error, MapStore, Scan, Snapshot, Store};
use kvstore_tests::TestResult;

use super::history::{NAMESPACES, State};
use super::stores::{self, Kind, Visit, text};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// What `get` and `namespaces` said of keys: all that could be read.
    pub(super) found: BTreeMap<(String, String), Option<String>>,
    pub(super) scans: Vec<Scanned>,
    pub(super) errors: Vec<Error>,
}

/// What a scan said, or a call that finds its first entry.
#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) what: String,
    pub(super) namespace: String,
    /// Which keys it is to answer.
    pub(super) selects: fn(&str) -> bool,
    pub(super) reversed: bool,
    /// Whether it ends behind the first.
    pub(super) only_first: bool,
    /// Keys and, unless it answers keys only, values; none in the place of an error.
    pub(super) items: Vec<Option<(String, Option<String>)>>,
}

/// Reads everything: all keys in `keys`, and all scans of all namespaces.
///
/// # Errors
/// Where a namespace is found that nobody made.
pub(super) fn read<'k>(db: &Database, keys: impl Iterator<Item = &'k (String, String)>) -> TestResult<Reading> {
    let mut reading = Reading::default();
    let keys: BTreeSet<_> = keys.collect();
    let namespaces = reading.note(db.namespaces());
    if let Some(namespaces) = &namespaces {
        let names: Vec<_> = namespaces.iter().map(kvstore::NamespaceInfo::name).collect();
        for (_, name) in keys.iter().filter(|(namespace, _)| namespace == NAMESPACES) {
            let is_there = names.contains(&name.as_str());
            reading.found.insert((NAMESPACES.to_owned(), name.clone()), is_there.then(String::new));
        }
        for name in names {
            reading.found.insert((NAMESPACES.to_owned(), name.to_owned()), Some(String::new()));
        }
    }
    let snapshot = reading.note(db.snapshot());
    // Where the list can't be read, those that always are there may still be.
    let names: Vec<_> = match &namespaces {
        Some(namespaces) => namespaces.iter().map(|namespace| namespace.name().to_owned()).collect(),
        None => [stores::ACCOUNTS, stores::DOCUMENTS, stores::LISTS].map(str::to_owned).into(),
    };
    for name in names {
        let keys = keys.iter().filter(|(namespace, _)| *namespace == name).map(|(_, key)| key.as_str()).collect();
        stores::visit(&name, &mut Reader { db, snapshot: snapshot.as_ref(), keys, reading: &mut reading })?;
    }
    Ok(reading)
}

struct Reader<'a> {
    db: &'a Database,
    snapshot: Option<&'a Snapshot>,
    keys: Vec<&'a str>,
    reading: &'a mut Reading,
}

impl Visit for Reader<'_> {
    type Answer = ();

    fn visit<T: Store>(&mut self, namespace: &str, kind: &Kind<T>) -> TestResult
    where
        T::Value: Debug,
    {
        let reading = &mut *self.reading;
        let Some(store) = reading.note((kind.open)(self.db, namespace)) else { return Ok(()) };
        for &key in &self.keys {
            let typed = (kind.key)(key)?;
            if let Some(value) = reading.note(store.get(&typed)) {
                reading.found.insert((namespace.to_owned(), key.to_owned()), value.map(|value| text(&value)));
            }
        }
        let mut scanner = Scanner { namespace, kind, reading };
        let all = |_: &str| true;
        scanner.scan("forwards", all, false, store.iter());
        scanner.scan("backwards", all, true, store.iter().map(Scan::reversed));
        scanner.scan("of a part", kind.is_in_part, false, (kind.part)(&store));
        scanner.scan("of a part backwards", kind.is_in_part, true, (kind.part)(&store).map(Scan::reversed));
        if let Some(snapshot) = self.snapshot {
            scanner.scan("of a snapshot", all, false, store.at(snapshot).iter());
        }
        scanner.keys(&store);
        scanner.first("first", false, store.first());
        scanner.first("last", true, store.last());
        Ok(())
    }
}

struct Scanner<'a, T: Store> {
    namespace: &'a str,
    kind: &'a Kind<T>,
    reading: &'a mut Reading,
}

impl<T: Store> Scanner<'_, T>
where
    T::Value: Debug,
{
    fn scan(&mut self, what: &str, selects: fn(&str) -> bool, reversed: bool, scan: kvstore::Result<Scan<T>>) {
        let mut items = Vec::new();
        match scan {
            Ok(scan) => {
                for item in scan {
                    items
                        .push(self.reading.note(item).map(|(key, value)| ((self.kind.text)(&key), Some(text(&value)))));
                }
            }
            Err(error) => self.failed(error, &mut items),
        }
        self.push(what, selects, reversed, false, items);
    }

    fn keys(&mut self, store: &MapStore<T>) {
        let mut items = Vec::new();
        match store.iter() {
            Ok(scan) => {
                for item in scan.keys() {
                    items.push(self.reading.note(item).map(|key| ((self.kind.text)(&key), None)));
                }
            }
            Err(error) => self.failed(error, &mut items),
        }
        self.push("of keys", |_| true, false, false, items);
    }

    fn first(&mut self, what: &str, reversed: bool, found: kvstore::Result<Option<(T::Key, T::Value)>>) {
        let mut items = Vec::new();
        match found {
            Ok(found) => items.extend(found.map(|(key, value)| Some(((self.kind.text)(&key), Some(text(&value)))))),
            Err(error) => self.failed(error, &mut items),
        }
        self.push(what, |_| true, reversed, true, items);
    }

    fn failed(&mut self, error: Error, items: &mut Vec<Option<(String, Option<String>)>>) {
        self.reading.errors.push(error);
        items.push(None);
    }

    fn push(
        &mut self,
        what: &str,
        selects: fn(&str) -> bool,
        reversed: bool,
        only_first: bool,
        items: Vec<Option<(String, Option<String>)>>,
    ) {
        let (what, namespace) = (format!("{} {what}", self.namespace), self.namespace.to_owned());
        self.reading.scans.push(Scanned { what, namespace, selects, reversed, only_first, items });
    }
}

impl Reading {
    fn note<R>(&mut self, result: kvstore::Result<R>) -> Option<R> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// The first scan that does not fit a state: entries that are wrong or out of order, or missing without an error in
    /// their place.
    pub(super) fn check_scans(&self, state: &State) -> TestResult {
        self.scans.iter().try_for_each(|scan| scan.check(state))
    }
}

impl Scanned {
    fn check(&self, state: &State) -> TestResult {
        let start = (self.namespace.clone(), String::new());
        let mut expected: Vec<_> = state
            .range(start..)
            .take_while(|((namespace, _), _)| *namespace == self.namespace)
            .filter(|((_, key), _)| (self.selects)(key))
            .map(|((_, key), value)| (key.as_str(), value.as_str()))
            .collect();
        if self.reversed {
            expected.reverse();
        }
        if self.only_first {
            expected.truncate(1);
        }
        let mut expected = expected.into_iter();
        let mut may_lack = false;
        for item in &self.items {
            let Some((key, value)) = item else {
                may_lack = true;
                continue;
            };
            loop {
                let Some(next) = expected.next() else {
                    return Err(format!("the scan {} answers {key}, which should not be there", self.what).into());
                };
                if next.0 == key && value.as_ref().is_none_or(|value| value == next.1) {
                    break;
                }
                if !may_lack || next.0 == key {
                    return Err(format!("the scan {} answers {key} in the place of {}", self.what, next.0).into());
                }
            }
            may_lack = false;
        }
        match expected.next() {
            Some((key, _)) if !may_lack => {
                Err(format!("the scan {} ends without an error before {key}", self.what).into())
            }
            _ => Ok(()),
        }
    }
}

/// An error with its causes.
pub(super) fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Damage is answered with an error of a kind that means it, and that names a directory or file.
pub(super) fn check_error(error: &Error) -> TestResult {
    let text = describe(error);
    let is_known = matches!(
        error,
        Error::Corrupt { .. }
            | Error::Io { .. }
            | Error::NotADatabase { .. }
            | Error::Unsupported { .. }
            | Error::Engine { .. }
            // What closing answers after a write that met it.
            | Error::Failed { .. }
            // A commit that met it, with what it met as the cause.
            | Error::OutcomeUnknown { .. }
    );
    if !is_known || !text.contains('/') {
        return Err(format!("damage is answered with {error:?}").into());
    }
    Ok(())
}
