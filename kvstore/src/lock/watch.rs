//! Watches on a span of keys: which of them were released.

use std::collections::BTreeSet;

use super::LockTable;
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::sync::{Arc, Mutex, locked};

/// The keys of a span that become free while it is watched.
#[derive(Debug)]
pub(super) struct Released {
    span: Span,
    keys: Mutex<BTreeSet<KeyBuf>>,
}

impl Released {
    /// Called under the mutex of the key's shard, so that the key is noted when it is found free.
    pub(super) fn note(&self, key: &KeyBuf) {
        if self.span.start <= *key && *key < self.span.end {
            locked(&self.keys).insert(key.clone());
        }
    }
}

/// A watch, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch<'a> {
    table: &'a LockTable,
    released: Arc<Released>,
}

impl LockTable {
    /// Notes from now on which keys of a span are released while nobody waits for them.
    pub(crate) fn watch(&self, span: Span) -> Watch<'_> {
        let released = Arc::new(Released { span, keys: Mutex::default() });
        for shard in &self.shards {
            locked(&shard.0).watches.push(Arc::clone(&released));
        }
        Watch { table: self, released }
    }
}

impl Watch<'_> {
    /// The first of the keys that were released and not taken from here since.
    pub(crate) fn take_first(&self) -> Option<KeyBuf> {
        locked(&self.released.keys).pop_first()
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        for shard in &self.table.shards {
            locked(&shard.0).watches.retain(|other| !Arc::ptr_eq(other, &self.released));
        }
    }
}
