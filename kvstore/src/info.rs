//! What a database says of its namespaces and held locks.

use std::panic::Location;
use std::time::Duration;

use crate::catalog::NamespaceRow;
use crate::engine::Holding;

/// What the catalog says of a namespace. From [`Database::namespaces`](crate::Database::namespaces).
#[derive(Debug, Clone)]
pub struct NamespaceInfo {
    pub(crate) name: String,
    pub(crate) row: NamespaceRow,
    pub(crate) estimated_entries: u64,
}

impl NamespaceInfo {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its schema.
    pub fn version(&self) -> u32 {
        self.row.version
    }

    /// The text of its key's [`Shape`](crate::Shape), such as `(string,u64)`.
    pub fn key(&self) -> &str {
        &self.row.key
    }

    /// The names and types of its fields, in order; none for the bare values of a `Map`.
    pub fn fields(&self) -> &[(String, String)] {
        self.row.fields.as_deref().unwrap_or_default()
    }

    /// About how many entries it has.
    pub fn estimated_entries(&self) -> u64 {
        self.estimated_entries
    }
}

/// A lock that is held. From [`Database::locks`](crate::Database::locks).
#[derive(Debug)]
pub struct HeldLock {
    pub(crate) namespace: String,
    pub(crate) key: String,
    pub(crate) holding: Holding,
}

impl HeldLock {
    /// The namespace of the entry.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The key of the entry, as text.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How long it has been held.
    pub fn held_for(&self) -> Duration {
        self.holding.held_for
    }

    /// The place in the source that took it.
    pub fn taken_at(&self) -> &'static Location<'static> {
        self.holding.taken_at
    }

    /// The thread that took it: its name, or its number where it has none.
    pub fn thread(&self) -> &str {
        &self.holding.thread
    }

    /// How many wait for it.
    pub fn waiters(&self) -> usize {
        self.holding.waiters
    }
}
