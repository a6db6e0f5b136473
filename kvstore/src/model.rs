//! What the models in `tests/schedules` see of the lock table of a database. Only in their builds.

use crate::database::Database;
use crate::error::Result;
use crate::key::KeyArg;
use crate::map_store::MapStore;
use crate::store::Store;

/// Calls `see` with the names of the threads in line for an entry, the first to be served first. Nobody joins or leaves the
/// line meanwhile.
///
/// # Errors
/// Those of the key.
pub fn see_line<T: Store, R>(
    store: &MapStore<T>,
    key: impl KeyArg<T::Key>,
    see: impl FnOnce(Vec<&str>) -> R,
) -> Result<R> {
    let namespace = store.namespace();
    Ok(namespace.instance.engine.lock_table().see_line(&namespace.key(&key)?, see))
}

/// Whether no key is held and no thread waits.
pub fn is_idle(db: &Database) -> bool {
    db.engine().lock_table().is_idle()
}
