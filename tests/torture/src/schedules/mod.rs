//! The lock table under model checkers: kvstore itself, compiled on threads whose every step the checker chooses.
//!
//! The packages `kvstore-loom` and `kvstore-shuttle` in `tests/schedules` are kvstore's sources on the threads, mutexes
//! and condition variables of loom and of shuttle: `kvstore/src/lock/sync` chooses them. What runs here is a database in
//! memory, through its public interface. A thread can be stopped wherever the lock table takes or gives back a mutex, or
//! waits; the mutexes of the rest of the crate are real ones, which no thread holds at such a moment.

pub mod loom;
mod seen;
mod shuttle;

pub use self::loom::TRIAL as LOOM;
pub use self::shuttle::TRIAL as SHUTTLE;
