//! kvstore
mod batch;
mod catalog;
mod database;
mod engine;
mod error;
mod guard;
mod instance;
mod key;
mod lock;
mod map_store;
mod namespace;
mod options;
mod queue;
mod record;
mod scan;
mod schema;
mod sequence;
mod snapshot;
mod store;
mod together;

#[doc(hidden)]
#[path = "bench.rs"]
pub mod __bench;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use crate::batch::Batch;
pub use crate::database::{Database, HeldLock, NamespaceInfo};
pub use crate::engine::memory::Faults;
pub use crate::error::{Error, Holder, Outcome, Result};
pub use crate::guard::{CommitError, Guard};
pub use crate::key::{Key, KeyArg, KeyPrefix, KeyRange, NextKey, Shape, Variant};
pub use crate::map_store::MapStore;
pub use crate::options::{DatabaseBuilder, Durability, Recovery};
pub use crate::scan::{Keys, Scan};
pub use crate::snapshot::{MapView, Snapshot};
pub use crate::store::{Initialize, Map, Store};
pub use crate::together::{LockRequest, LockRequests, Wanted, WantedOrCreate};

pub use kvstore_derive::{Key, Store};
