//! kvstore under model checkers: kvstore itself, compiled on threads whose every step the checker chooses.
//!
//! The packages `kvstore-loom` and `kvstore-shuttle` in `tests/schedules` are kvstore's sources on the threads, mutexes
//! and condition variables of loom and of shuttle: `kvstore/src/sync` chooses them. What runs here is a database in
//! memory, through its public interface. A thread can be stopped wherever the crate takes a mutex or gives it back, waits, or uses an
//! atomic. `scripts/check-sync` refuses what would escape.

pub mod loom;
mod seen;
mod shuttle;

pub use self::loom::TRIAL as LOOM;
pub use self::shuttle::TRIAL as SHUTTLE;
