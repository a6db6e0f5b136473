//! One opened database: the engine, and what all its handles, guards, scans and snapshots share.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::cache::ReadCache;
use crate::elements::sweep::Sweeper;
use crate::engine::{Engine, Holding, Visit};
use crate::error::{Holder, Result};
use crate::key::hidden::KeyBuf;
use crate::key::{Shape, bytes_as_text};
use crate::options::DatabaseBuilder;
use crate::record::ReadBack;
use crate::sync::{Arc, PoisonError, RwLock};

/// Closes when the last who shares it is gone.
pub(crate) struct Instance {
    /// Before the engine, so that it is dropped first: its thread uses the engine.
    pub(crate) sweeper: Sweeper,
    pub(crate) engine: Arc<dyn Engine>,
    /// Entries that are read often.
    pub(crate) cache: ReadCache,
    /// How long a lock is waited for.
    pub(crate) lock_timeout: Duration,
    /// Which records are read back before they are committed.
    pub(crate) read_back: ReadBack,
    /// The namespaces that were opened, by number: to name keys in errors.
    names: RwLock<HashMap<u32, (String, Shape)>>,
}

impl Instance {
    pub(crate) fn new(engine: Arc<dyn Engine>, builder: &DatabaseBuilder) -> Self {
        Self {
            sweeper: Sweeper::default(),
            engine,
            cache: ReadCache::new(builder.read_cache_bytes),
            lock_timeout: builder.lock_timeout,
            read_back: builder.read_back,
            names: RwLock::default(),
        }
    }

    /// Hands the record of an entry, as committed last, to `visit`, once, and tells whether there was one.
    pub(crate) fn read(&self, key: &KeyBuf, visit: Visit<'_>) -> Result<bool> {
        self.cache.read(&*self.engine, key, visit)
    }

    /// Whether an entry is committed.
    pub(crate) fn contains(&self, key: &KeyBuf) -> Result<bool> {
        self.cache.contains(&*self.engine, key)
    }

    /// Refuses all further calls.
    pub(crate) fn close(&self) -> Result<()> {
        self.engine.check_process()?;
        self.cache.close();
        self.engine.close()
    }

    pub(crate) fn add_name(&self, id: u32, name: &str, shape: Shape) {
        self.names.write().unwrap_or_else(PoisonError::into_inner).insert(id, (name.to_owned(), shape));
    }

    /// The namespace and the key of a database key, as text.
    pub(crate) fn describe(&self, key: &KeyBuf) -> (String, String) {
        let id = key.as_slice().first_chunk().map(|id| u32::from_be_bytes(*id));
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        match id.and_then(|id| names.get(&id)) {
            Some((name, shape)) => (name.clone(), shape.render(key.key())),
            None => (format!("namespace {id:?}"), bytes_as_text(key.key())),
        }
    }

    /// A held lock, as errors show it.
    pub(crate) fn holder(&self, holding: &Holding) -> Holder {
        let waits_for = holding.waits_for.as_ref().map(|key| {
            let (namespace, key) = self.describe(key);
            format!("{namespace}[{key}]")
        });
        Holder {
            taken_at: holding.taken_at,
            thread: holding.thread.clone(),
            held_for: holding.held_for,
            is_caller: holding.is_caller,
            waits_for,
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
