//! Keys: types whose bytes, compared as bytes, order as the types do.
//!
//! A key has two forms, and each composite uses both. The *last* form is raw: nothing follows it, so nothing needs to
//! say where it ends. The *part* form delimits itself, since another part follows. For types of fixed width the two are
//! the same; strings and byte vectors are escaped as a part.
//!
//! | Type | Last form | Part form |
//! |---|---|---|
//! | `bool` | `00` or `01` | same |
//! | `u8` .. `u128` | big-endian | same |
//! | `i8` .. `i128` | big-endian with the sign bit flipped | same |
//! | `char` | its number as `u32` | same |
//! | `[u8; N]`, `Uuid` | the bytes | same |
//! | `String`, `Vec<u8>` | the bytes | `00` as `00 FF`, then `00 00` |
//! | tuples, structs | parts, then the last field in its last form | all fields as parts |
//! | enums | variant number in two bytes, then as a struct | same, all fields as parts |

mod arg;
mod buf;
mod codec;
mod range;
mod shape;
mod tuple;

pub use self::arg::{KeyArg, KeyPrefix, NextKey};
pub use self::range::KeyRange;
pub use self::shape::{Shape, Variant};

pub(crate) use self::range::{RangeEnds, Span};
pub(crate) use self::shape::bytes_as_text;

/// What the derive and this crate's own modules call; not part of the public interface.
pub(crate) mod hidden {
    pub use super::arg::{KeyArgCodec, KeyPrefixCodec, Newtype, NextKeyCodec};
    pub use super::buf::KeyBuf;
    pub use super::codec::{KeyCodec, KeyError};
    pub use super::range::{Edge, KeyRangeCodec};
}

/// The largest key, in bytes of its last form.
pub(crate) const MAX_KEY_BYTES: usize = 64 * 1024;

/// A type that can be the key of a store.
///
/// Implemented by `bool`, `char`, the integers of fixed width, `String`, `Vec<u8>`, `[u8; N]`, tuples of two to six
/// keys, `uuid::Uuid` with the feature `uuid`, and the types that derive [`Key`](derive@crate::Key). The bytes of two
/// keys compare as the keys do, so a scan runs in the order of `Ord`.
///
/// Floats are not keys, since they have no total order, nor are `usize` and `isize`, whose width differs between
/// machines.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a store",
    label = "not a key type",
    note = "keys are `bool`, `char`, integers of fixed width, `String`, `Vec<u8>`, `[u8; N]`, tuples of 2 to 6 keys, and types with `#[derive(Key)]`",
    note = "floats have no total order, and `usize` and `isize` differ between machines: use an integer of fixed width"
)]
pub trait Key: hidden::KeyCodec + KeyArg<Self> + Send + Sync + 'static {
    /// What the bytes of this key look like; kept in the catalog, and compared when a store is opened.
    const SHAPE: Shape;
}
