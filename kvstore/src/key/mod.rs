//! Keys: types whose bytes, compared as bytes, order as the types do.
//!
//! A key has two forms, and each composite uses both. The *last* form is raw: nothing follows it, so nothing needs to
//! say where it ends. The *part* form delimits itself, since another part follows. For types of fixed width the two are
//! the same; strings and byte vectors are escaped as a part.
//!
//! | Type | Last form | Part form |
//! |---|---|---|
//! | `bool` | `00` or `01` | same |
//! | `u8` .. `u128`, `NonZero` of these | big-endian | same |
//! | `i8` .. `i128`, `NonZero` of these | big-endian with the sign bit flipped | same |
//! | `char` | its number as `u32` | same |
//! | `[u8; N]`, `Uuid` | the bytes | same |
//! | `Ipv4Addr`, `Ipv6Addr` | the octets | same |
//! | `IpAddr` | `04` or `06`, then the octets | same |
//! | `SocketAddrV4`, `SocketAddrV6` | address, port; of version 6 also flow and scope, as `u32` | same |
//! | `SocketAddr` | `04` or `06`, then the socket address | same |
//! | `Duration` | seconds as `u64`, nanoseconds as `u32` | same |
//! | `SystemTime` | seconds since 1970 as `i64`, rounded down, nanoseconds as `u32` | same |
//! | `String`, `Box<str>`, `Arc<str>`, `Vec<u8>`, `Box<[u8]>`, `Arc<[u8]>` | the bytes | `00` as `00 FF`, then `00 00` |
//! | `Option<K>` | `00`, or `01` and the key in its last form | same, with the key as a part |
//! | `Reverse<K>` | the part form of the key, all bits flipped | same |
//! | tuples, structs | parts, then the last field in its last form | all fields as parts |
//! | enums | variant number in two bytes, then as a struct | same, all fields as parts |
//! | `#[key(as = "K")]` | that of `K` | that of `K` |

mod arg;
mod buf;
mod codec;
mod convert;
mod next;
mod prefix;
mod range;
mod render;
mod shape;
mod text;
mod tuple;
mod types;
mod wrap;

pub use self::arg::KeyArg;
pub use self::next::NextKey;
pub use self::prefix::{KeyPrefix, KeyVariant, Prefix};
pub use self::range::KeyRange;
pub use self::shape::{KeyField, Shape, Variant};

pub(crate) use self::convert::read_back;
pub(crate) use self::range::{RangeEnds, Span};
pub(crate) use self::render::bytes_as_text;

/// What the derive and this crate's own modules call; not part of the public interface.
pub(crate) mod hidden {
    pub use super::arg::{KeyArgCodec, KeyArgPart};
    pub use super::buf::KeyBuf;
    pub use super::codec::{DerivedKey, KeyCodec, KeyError};
    pub use super::convert::ConvertedKey;
    pub use super::next::{Newtype, NextKeyCodec};
    pub use super::prefix::{KeyPrefixCodec, key_variant};
    pub use super::range::{Edge, KeyRangeCodec};
}

/// The largest key, in bytes of its last form.
pub(crate) const MAX_KEY_BYTES: usize = 64 * 1024;

/// A type that can be the key of a store.
///
/// The bytes of two keys compare as the keys do, so a scan runs in the order of `Ord`. Implemented by
///
/// - `bool`, `char`, the integers of fixed width and [`NonZero`](std::num::NonZero) of them;
/// - `String`, `Box<str>`, `Arc<str>`; `Vec<u8>`, `Box<[u8]>`, `Arc<[u8]>`, `[u8; N]`;
/// - [`IpAddr`](std::net::IpAddr), [`SocketAddr`](std::net::SocketAddr) and their kinds;
/// - [`SystemTime`](std::time::SystemTime), [`Duration`](std::time::Duration); `uuid::Uuid` with the feature `uuid`;
/// - `Option<K>`, `None` first, [`Reverse<K>`](std::cmp::Reverse), and tuples of one to six keys;
/// - types with [`#[derive(Key)]`](derive@crate::Key).
///
/// Floats are not keys, since they have no total order, nor are `usize` and `isize`, whose width differs between
/// machines.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the key of a store",
    label = "not a key type",
    note = "keys are `bool`, `char`, integers of fixed width and `NonZero` of them, `String`, `Vec<u8>`, `[u8; N]`, `SystemTime`, `Duration`, IP and socket addresses, `Option` and `Reverse` of a key, tuples of 1 to 6 keys, and types with `#[derive(Key)]` that are `Send + Sync`",
    note = "floats have no total order, and `usize` and `isize` differ between machines: use an integer of fixed width"
)]
pub trait Key: hidden::KeyCodec + KeyArg<Self> + Send + Sync + 'static {
    /// What the bytes of this key look like; kept in the catalog, and compared when a store is opened.
    const SHAPE: Shape;
}

// In place of an impl of `Key` by the derive: the compiler would list it wherever some other type is no key, and in
// generated code `do_not_recommend` does not resolve under `#![no_implicit_prelude]`.
#[diagnostic::do_not_recommend]
impl<K: hidden::DerivedKey> Key for K {
    const SHAPE: Shape = K::DERIVED_SHAPE;
}
