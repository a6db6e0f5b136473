//! kvstore.
pub mod error;
mod key;
mod engine;
mod lock;
mod record;
mod store;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub use error::*;
pub use key::*;
pub use store::*;
