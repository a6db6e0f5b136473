//! Elements in order: the stored ones, with the changes of a guard among them.

use std::cmp::Ordering;
use std::collections::btree_map;
use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::access::Place;
use super::space::PREFIX_BYTES;
use super::{ElementCollection, ElementMap, ElementSet};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::key::hidden::KeyBuf;
use crate::namespace::Namespace;
use crate::record::RecordError;
use crate::rows::Rows;
use crate::scan::IsReversedByRev;
use crate::sync::Arc;

/// An iterator over the elements of one entry, in order. From [`Elements`](crate::Elements).
///
/// An element that can't be read is an `Err` in its place, and the iteration goes on behind it. An error of the engine is
/// the last item: an iteration is never silently short, so do not end it with `flatten` or `ok`.
#[must_use = "a scan does nothing until it is iterated over"]
pub struct ElementScan<'a, C> {
    namespace: Arc<Namespace>,
    owner: KeyBuf,
    index: usize,
    ignores_unknown: bool,
    /// None where the entry has no elements.
    rows: Option<Merged<'a>>,
    collection: PhantomData<fn() -> C>,
}

impl<'a, C> ElementScan<'a, C> {
    pub(super) fn new(place: Place<'_>, index: usize, rows: Option<Merged<'a>>) -> Self {
        let (namespace, owner) = (Arc::clone(place.namespace), place.owner.clone());
        let ignores_unknown = namespace.elements.field(index).is_ok_and(|field| field.ignores_unknown);
        Self { namespace, owner, index, ignores_unknown, rows, collection: PhantomData }
    }

    /// Runs in the opposite order, over the elements that are left.
    pub fn reversed(mut self) -> Self {
        if let Some(rows) = &mut self.rows {
            rows.reverse();
        }
        self
    }

    /// Can't be called: see [`reversed`](Self::reversed).
    #[doc(hidden)]
    pub fn rev(self) -> Self
    where
        Self: IsReversedByRev,
    {
        self
    }

    #[cold]
    fn decode_error(&self, suffix: &[u8], error: RecordError) -> Error {
        match self.namespace.elements.field(self.index) {
            Ok(field) => self.namespace.element_decode_error(&self.owner, field, suffix, error),
            Err(other) => other,
        }
    }
}

impl<'a, K: Key, V> ElementScan<'a, ElementMap<K, V>> {
    /// The keys alone, without decoding values.
    pub fn keys(self) -> ElementScan<'a, ElementSet<K>> {
        let Self { namespace, owner, index, ignores_unknown, mut rows, .. } = self;
        if let Some(rows) = &mut rows {
            rows.keys_only();
        }
        ElementScan { namespace, owner, index, ignores_unknown, rows, collection: PhantomData }
    }
}

impl<C: ElementCollection> Iterator for ElementScan<'_, C> {
    type Item = Result<C::Element>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.as_mut()?.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let (key, record) = self.rows.as_ref()?.row();
        let suffix = key.get(PREFIX_BYTES..).unwrap_or_default();
        Some(C::decode(suffix, record, self.ignores_unknown).map_err(|error| self.decode_error(suffix, error)))
    }
}

impl<C: ElementCollection> FusedIterator for ElementScan<'_, C> {}

impl<C> fmt::Debug for ElementScan<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElementScan").field("namespace", &self.namespace.name).finish_non_exhaustive()
    }
}

/// Stored rows, and changes that take their places.
pub(super) struct Merged<'a> {
    rows: Rows,
    /// Whether the row that `rows` moved to is still to come.
    waiting: bool,
    /// The changes that are still to come.
    changes: btree_map::Range<'a, KeyBuf, Option<Vec<u8>>>,
    /// The change that was moved to, unless it was a stored row.
    changed: Option<(&'a KeyBuf, &'a [u8])>,
    keys_only: bool,
}

impl<'a> Merged<'a> {
    pub(super) fn new(rows: Rows, changes: btree_map::Range<'a, KeyBuf, Option<Vec<u8>>>) -> Self {
        Self { rows, waiting: false, changes, changed: None, keys_only: false }
    }

    pub(super) fn of_rows(rows: Rows) -> Self {
        Self::new(rows, btree_map::Range::default())
    }

    pub(super) fn reverse(&mut self) {
        self.put_back();
        self.rows.reverse();
    }

    pub(super) fn keys_only(&mut self) {
        self.put_back();
        self.rows.keys_only();
        self.keys_only = true;
    }

    fn put_back(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.rows.put_back();
        }
    }

    /// Moves to the next row; `false` at the end. An error is the end, too.
    pub(super) fn advance(&mut self) -> Result<bool> {
        loop {
            if !self.waiting {
                self.waiting = self.rows.advance().inspect_err(|_| self.changes = btree_map::Range::default())?;
            }
            let reversed = self.rows.is_reversed();
            let mut ahead = self.changes.clone();
            let change = if reversed { ahead.next_back() } else { ahead.next() };
            let order = match (change, self.waiting) {
                (None, false) => return Ok(false),
                (None, true) => Ordering::Greater,
                (Some(_), false) => Ordering::Less,
                (Some((key, _)), true) => {
                    let order = key.as_slice().cmp(self.rows.row().0);
                    if reversed { order.reverse() } else { order }
                }
            };
            let Some((key, record)) = change.filter(|_| order.is_le()) else {
                self.waiting = false;
                self.changed = None;
                return Ok(true);
            };
            // A stored row under the same key is replaced.
            self.waiting &= order.is_lt();
            self.changes = ahead;
            if let Some(record) = record {
                self.changed = Some((key, if self.keys_only { &[] } else { record }));
                return Ok(true);
            }
        }
    }

    /// The row that `advance` moved to: its database key, and its record.
    pub(super) fn row(&self) -> (&[u8], &[u8]) {
        match self.changed {
            Some((key, record)) => (key.as_slice(), record),
            None => self.rows.row(),
        }
    }
}
