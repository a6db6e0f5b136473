//! The lock table and the read cache under model checkers: kvstore itself, compiled on threads whose every step the checker chooses.
//!
//! The packages `kvstore-loom` and `kvstore-shuttle` in `tests/schedules` are kvstore's sources on the threads, mutexes
//! and condition variables of loom and of shuttle: `kvstore/src/sync` chooses them. What runs here is a database in
//! memory, through its public interface. A thread can be stopped wherever one of the two, or the storage in
//! memory, takes a mutex or gives it back, or waits. The mutexes of the rest of the crate are real ones, which no thread of a program here holds at such a moment: a
//! thread that then wanted one would wait for ever. So these programs keep off what does: the first write of a schema that
//! has grown, a close while scans are alive, and the sweeper, which is a thread of the system.

pub mod loom;
mod seen;
mod shuttle;

pub use self::loom::TRIAL as LOOM;
pub use self::shuttle::TRIAL as SHUTTLE;
