//! Reading a store as it is now, or as a snapshot saw it, in every form there is.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use kvstore::{KeyPrefix, KeyRange, MapStore, MapView, Result, Scan, Store};
use kvstore_tests::TestResult;

use super::answer::{Answer, Refusal, answer, same};
use super::kinds::{InPrefix, Kind};
use super::ops::{End, Form, Range, Read, Scanning, Scope, Step};

/// Where to read.
pub(super) enum Reader<'s, T: Store> {
    Now(&'s MapStore<T>),
    Then(MapView<'s, T>),
}

impl<T: Store> Reader<'_, T> {
    fn all(&self) -> Result<Scan<T>> {
        match self {
            Self::Now(store) => store.iter(),
            Self::Then(view) => view.iter(),
        }
    }

    fn range(&self, range: impl KeyRange<T::Key>) -> Result<Scan<T>> {
        match self {
            Self::Now(store) => store.range(range),
            Self::Then(view) => view.range(range),
        }
    }

    pub(super) fn prefix(&self, prefix: impl KeyPrefix<T::Key>) -> Result<Scan<T>> {
        match self {
            Self::Now(store) => store.prefix(prefix),
            Self::Then(view) => view.prefix(prefix),
        }
    }

    fn get(&self, key: &T::Key) -> Result<Option<T::Value>> {
        match self {
            Self::Now(store) => store.get(key),
            Self::Then(view) => view.get(key),
        }
    }

    fn contains(&self, key: &T::Key) -> Result<bool> {
        match self {
            Self::Now(store) => store.contains(key),
            Self::Then(view) => view.contains(key),
        }
    }
}

/// What a store has, or had.
pub(super) type Entries<K> = BTreeMap<<K as Kind>::Key, u32>;

/// An entry as a number. A value that nobody wrote is a failure.
pub(super) fn number_of<K: Kind>(key: &K::Key, value: &K::Value) -> TestResult<u32> {
    K::number(key, value).ok_or_else(|| format!("{key:?} has a value that was never written").into())
}

/// One reading, held against what must be there.
pub(super) fn read<K: Kind>(reader: &Reader<'_, K::Store>, entries: &Entries<K>, how: Read) -> TestResult {
    match how {
        Read::Get(key) => {
            let key = K::key(key);
            let found = reader.get(&key)?.map(|value| number_of::<K>(&key, &value)).transpose()?;
            same(&format!("get {key:?}"), &found, &entries.get(&key).copied())
        }
        Read::Contains(key) => {
            let key = K::key(key);
            same(&format!("contains {key:?}"), &reader.contains(&key)?, &entries.contains_key(&key))
        }
        Read::Scan(scanning) => match Running::<K>::begin(reader, entries, scanning)? {
            Some(running) => running.finish(scanning.keys_only),
            None => Ok(()),
        },
    }
}

/// The two ends of a range.
fn ends<K: Kind>(range: Range) -> (Bound<K::Key>, Bound<K::Key>) {
    let (start, end) = (K::key(range.start), K::key(range.end));
    let bound = |end, key| match end {
        End::Included => Bound::Included(key),
        End::Excluded => Bound::Excluded(key),
        End::Unbounded => Bound::Unbounded,
    };
    match range.form {
        Form::Full => (Bound::Unbounded, Bound::Unbounded),
        Form::From => (Bound::Included(start), Bound::Unbounded),
        Form::To => (Bound::Unbounded, Bound::Excluded(end)),
        Form::ToIncluded => (Bound::Unbounded, Bound::Included(end)),
        Form::HalfOpen | Form::HalfOpenBorrowed => (Bound::Included(start), Bound::Excluded(end)),
        Form::Closed | Form::ClosedBorrowed => (Bound::Included(start), Bound::Included(end)),
        Form::Bounds(from, to) => (bound(from, start), bound(to, end)),
    }
}

fn key_of<K>(bound: &Bound<K>) -> Option<&K> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

/// Whether both ends have keys, of which the first is the greater.
fn starts_after_end<K: Ord>(low: &Bound<K>, high: &Bound<K>) -> bool {
    matches!((key_of(low), key_of(high)), (Some(low), Some(high)) if low > high)
}

fn contains<K: Ord>(low: &Bound<K>, high: &Bound<K>, key: &K) -> bool {
    std::ops::RangeBounds::contains(&(low.as_ref(), high.as_ref()), key)
}

/// Makes a range of the standard library's, in the form asked for, and calls something with it.
macro_rules! with_range {
    ($kind:ty, $range:expr, $given:ident => $call:expr) => {{
        let (start, end) = (<$kind>::key($range.start), <$kind>::key($range.end));
        match $range.form {
            $crate::model::ops::Form::Full => {
                let $given = ..;
                $call
            }
            $crate::model::ops::Form::From => {
                let $given = start..;
                $call
            }
            $crate::model::ops::Form::To => {
                let $given = ..end;
                $call
            }
            $crate::model::ops::Form::ToIncluded => {
                let $given = ..=end;
                $call
            }
            $crate::model::ops::Form::HalfOpen => {
                let $given = start..end;
                $call
            }
            $crate::model::ops::Form::Closed => {
                let $given = start..=end;
                $call
            }
            $crate::model::ops::Form::HalfOpenBorrowed => {
                let $given = &start..&end;
                $call
            }
            $crate::model::ops::Form::ClosedBorrowed => {
                let $given = &start..=&end;
                $call
            }
            $crate::model::ops::Form::Bounds(..) => {
                let $given = $crate::model::reader::ends::<$kind>($range);
                $call
            }
        }
    }};
}

/// Locks the first free entry of a range.
pub(super) fn try_lock_first<K: Kind>(
    store: &MapStore<K::Store>,
    range: Range,
) -> Result<Option<kvstore::Guard<K::Store>>> {
    with_range!(K, range, given => store.try_lock_first(given))
}

/// Removes the entries of a range.
pub(super) fn remove_range<K: Kind>(store: &MapStore<K::Store>, range: Range) -> Result<u64> {
    with_range!(K, range, given => store.remove_range(given))
}

/// The keys of the entries in a range; refused if the range starts after its end.
pub(super) fn keys_within<K: Kind>(entries: &Entries<K>, range: Range) -> Answer<Vec<K::Key>> {
    let (low, high) = ends::<K>(range);
    if starts_after_end(&low, &high) {
        return Err(Refusal::InvalidRange);
    }
    Ok(entries.keys().filter(|key| contains(&low, &high, key)).cloned().collect())
}

/// The first entry in a range that `is_free`; refused where the range starts after its end.
pub(super) fn first_free<K: Kind>(
    entries: &Entries<K>,
    range: Range,
    is_free: impl Fn(&K::Key) -> bool,
) -> Result<Option<(K::Key, u32)>, Refusal> {
    let (low, high) = ends::<K>(range);
    if starts_after_end(&low, &high) {
        return Err(Refusal::InvalidRange);
    }
    let mut rows = entries.iter().filter(|(key, _)| contains(&low, &high, key) && is_free(key));
    Ok(rows.next().map(|(key, number)| (key.clone(), *number)))
}

/// A scan under way, and what it has yet to return.
pub(super) struct Running<K: Kind> {
    scan: Scan<K::Store>,
    /// In ascending order, whatever the scan's.
    rows: VecDeque<(K::Key, u32)>,
    low: Bound<K::Key>,
    high: Bound<K::Key>,
    in_prefix: Option<InPrefix<K::Key>>,
    reversed: bool,
    /// Whether rows were taken. What a bound before them answers is not promised.
    taken: bool,
}

impl<K: Kind> Running<K> {
    /// Makes a scan and narrows it; `None` where that was refused, as it had to be.
    pub(super) fn begin(
        reader: &Reader<'_, K::Store>,
        entries: &Entries<K>,
        scanning: Scanning,
    ) -> TestResult<Option<Self>> {
        let mut in_prefix = None;
        let (mut low, mut high) = (Bound::Unbounded, Bound::Unbounded);
        let scan = match scanning.scope {
            Scope::All => reader.all(),
            Scope::Range(range) => {
                (low, high) = ends::<K>(range);
                with_range!(K, range, given => reader.range(given))
            }
            Scope::Prefix { key, cut } => match K::prefix(reader, &K::key(key), cut) {
                Some((scan, is_in)) => {
                    in_prefix = Some(is_in);
                    scan
                }
                None => reader.all(),
            },
        };
        let expected = if starts_after_end(&low, &high) { Err(Refusal::InvalidRange) } else { Ok(()) };
        let scan = answer(scan)?;
        same(&format!("{:?}", scanning.scope), &scan.as_ref().map(|_| ()).map_err(|refusal| *refusal), &expected)?;
        let Ok(scan) = scan else { return Ok(None) };
        let is_in = |key: &K::Key| in_prefix.as_ref().is_none_or(|is_in| is_in(key)) && contains(&low, &high, key);
        let rows = entries.iter().filter(|(key, _)| is_in(key)).map(|(key, number)| (key.clone(), *number)).collect();
        let mut running = Some(Self { scan, rows, low, high, in_prefix, reversed: false, taken: false });
        for step in scanning.steps {
            running = match running {
                Some(running) => running.step(step)?,
                None => return Ok(None),
            };
        }
        Ok(running)
    }

    /// Narrows, turns round, or takes rows; `None` where that was refused, as it had to be.
    pub(super) fn step(mut self, step: Step) -> TestResult<Option<Self>> {
        let before = (self.low.clone(), self.high.clone());
        let (key, result) = match step {
            Step::Nothing => return Ok(Some(self)),
            Step::Reverse => {
                self.scan = self.scan.reversed();
                self.reversed = !self.reversed;
                return Ok(Some(self));
            }
            Step::Take(count) => {
                for _ in 0..count {
                    self.take_one()?;
                }
                return Ok(Some(self));
            }
            Step::StartingAt(key) => {
                let key = K::key(key);
                if key_of(&self.low).is_none_or(|low| key > *low) {
                    self.low = Bound::Included(key.clone());
                }
                let result = self.scan.starting_at(&key);
                (key, result)
            }
            Step::StartingAfter(key) => {
                let key = K::key(key);
                if key_of(&self.low).is_none_or(|low| key >= *low) {
                    self.low = Bound::Excluded(key.clone());
                }
                let result = self.scan.starting_after(&key);
                (key, result)
            }
            Step::EndingBefore(key) => {
                let key = K::key(key);
                let narrows = match &self.high {
                    Bound::Included(high) => key <= *high,
                    Bound::Excluded(high) => key < *high,
                    Bound::Unbounded => true,
                };
                if narrows {
                    self.high = Bound::Excluded(key.clone());
                }
                let result = self.scan.ending_before(&key);
                (key, result)
            }
        };
        let outside = self.in_prefix.as_ref().is_some_and(|is_in| !is_in(&key));
        let expected =
            if outside || starts_after_end(&self.low, &self.high) { Err(Refusal::InvalidRange) } else { Ok(()) };
        let result = answer(result)?;
        let found = result.as_ref().map(|_| ()).map_err(|refusal| *refusal);
        if outside || !self.taken {
            same(&format!("{step:?}, {key:?}, of a scan of {before:?}"), &found, &expected)?;
        }
        let Ok(scan) = result else { return Ok(None) };
        self.scan = scan;
        let (low, high) = (self.low.clone(), self.high.clone());
        self.rows.retain(|(key, _)| contains(&low, &high, key));
        Ok(Some(self))
    }

    fn take_one(&mut self) -> TestResult {
        let found = self.scan.next().transpose()?;
        let found = found.map(|(key, value)| number_of::<K>(&key, &value).map(|number| (key, number))).transpose()?;
        let expected = if self.reversed { self.rows.pop_back() } else { self.rows.pop_front() };
        same("the next of a scan", &found, &expected)?;
        if let Some((key, _)) = found {
            self.taken = true;
            *(if self.reversed { &mut self.high } else { &mut self.low }) = Bound::Excluded(key);
        }
        Ok(())
    }

    /// Takes all that is left.
    pub(super) fn finish(self, keys_only: bool) -> TestResult {
        let mut rows = Vec::from(self.rows);
        if self.reversed {
            rows.reverse();
        }
        if keys_only {
            let found = self.scan.keys().collect::<Result<Vec<_>>>()?;
            let expected: Vec<_> = rows.into_iter().map(|(key, _)| key).collect();
            return same("the keys of a scan", &found, &expected);
        }
        let found = self.scan.map(|entry| -> TestResult<_> {
            let (key, value) = entry?;
            let number = number_of::<K>(&key, &value)?;
            Ok((key, number))
        });
        same("the rows of a scan", &found.collect::<TestResult<Vec<_>>>()?, &rows)
    }
}
