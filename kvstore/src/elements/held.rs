//! The elements of a locked entry: its incarnation, and what the next commit is to change.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;

use super::space::ElementSpaces;
use crate::engine::Op;
use crate::key::Span;
use crate::key::hidden::KeyBuf;

/// The changes to elements: of each the record to put, or none to delete it.
pub(super) type Changes = BTreeMap<KeyBuf, Option<Vec<u8>>>;

/// What a guard knows of the elements of its entry, of all collections together.
#[derive(Debug)]
pub(crate) struct HeldElements {
    incarnation: u64,
    /// Whether the stored record has the incarnation. Where it has not, no element is stored.
    is_stored: bool,
    orphan: KeyBuf,
    changes: Changes,
    /// Collections that are emptied before the changes are made.
    cleared: Vec<Span>,
}

/// What is to become of an element.
pub(super) enum Change<'a> {
    None,
    Put(&'a [u8]),
    Delete,
}

impl HeldElements {
    pub(crate) fn new(spaces: &ElementSpaces, incarnation: u64, is_stored: bool) -> Self {
        let orphan = spaces.orphan_key(incarnation);
        Self { incarnation, is_stored, orphan, changes: Changes::new(), cleared: Vec::new() }
    }

    pub(crate) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.is_stored
    }

    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty() || !self.cleared.is_empty()
    }

    /// The row that tells the sweeper of what is stored, if anything is.
    pub(crate) fn orphan(&self) -> Option<(u64, &KeyBuf)> {
        self.is_stored.then_some((self.incarnation, &self.orphan))
    }

    /// The changes are committed.
    pub(crate) fn mark_written(&mut self) {
        self.is_stored |= self.has_changes();
        self.changes.clear();
        self.cleared.clear();
    }

    /// Appends what a commit is to do.
    pub(crate) fn push_ops<'a>(&'a self, ops: &mut Vec<Op<'a>>) {
        ops.extend(self.cleared.iter().map(|span| Op::DeleteSpan { span }));
        ops.extend(self.changes.iter().map(|(key, record)| match record {
            Some(value) => Op::Put { key: key.as_slice(), value },
            None => Op::Delete { key: key.as_slice() },
        }));
    }

    pub(super) fn put(&mut self, key: KeyBuf, record: Vec<u8>) {
        self.changes.insert(key, Some(record));
    }

    pub(super) fn delete(&mut self, key: KeyBuf) {
        if self.may_be_stored(&key) {
            self.changes.insert(key, None);
        } else {
            self.changes.remove(&key);
        }
    }

    /// Deletes all elements in a span that has whole collections.
    pub(super) fn clear(&mut self, span: Span) {
        self.changes.retain(|key, _| *key < span.start || *key >= span.end);
        if self.is_stored && !self.cleared.contains(&span) {
            self.cleared.push(span);
        }
    }

    pub(super) fn change(&self, key: &KeyBuf) -> Change<'_> {
        match self.changes.get(key) {
            Some(Some(record)) => Change::Put(record),
            Some(None) => Change::Delete,
            None => Change::None,
        }
    }

    /// Whether the engine may have an element that is still there for this guard, changes aside.
    pub(super) fn may_be_stored(&self, key: &KeyBuf) -> bool {
        self.is_stored && !self.cleared.iter().any(|span| *key >= span.start && *key < span.end)
    }

    pub(super) fn changes_in(&self, span: &Span) -> btree_map::Range<'_, KeyBuf, Option<Vec<u8>>> {
        // A range that ends before its start would panic.
        let end = span.end.clone().max(span.start.clone());
        self.changes.range((Bound::Included(span.start.clone()), Bound::Excluded(end)))
    }
}
