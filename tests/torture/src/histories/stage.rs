//! The databases in which histories take place.

use kvstore::{Database, Durability, Faults, Map, MapStore};
use kvstore_tests::{FAR, TestResult};
use tempfile::TempDir;

/// What kind of database a history has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Memory,
    /// In memory, with writes that fail.
    Faulty,
    Disk(Durability),
}

/// A database, and the stores that histories use.
pub(super) struct Stage {
    pub(super) db: Database,
    /// A history's keys begin with its number: the even ones are in the first store, the odd ones in the second.
    pub(super) stores: [MapStore<Map<(u32, u8), u32>>; 2],
    /// For generated keys.
    pub(super) numbers: MapStore<Map<u64, u32>>,
    /// Where writes can be told to fail.
    pub(super) faults: Option<Faults>,
    /// Last, since the database in it has to be closed before.
    _directory: Option<TempDir>,
}

impl Stage {
    pub(super) fn new(place: Place) -> TestResult<Self> {
        // Who waits so long for a lock waits for ever.
        let builder = Database::builder().lock_timeout(FAR);
        let (db, faults, directory) = match place {
            Place::Memory => (builder.in_memory()?, None, None),
            Place::Faulty => {
                let (db, faults) = Database::in_memory_with_faults()?;
                (db, Some(faults), None)
            }
            Place::Disk(durability) => {
                let directory = tempfile::tempdir()?;
                (builder.durability(durability).open(directory.path())?, None, Some(directory))
            }
        };
        let stores = [db.map("even")?, db.map("odd")?];
        Ok(Self { stores, numbers: db.map("numbers")?, db, faults, _directory: directory })
    }
}
