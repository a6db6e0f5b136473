//! The beginning of keys: as an argument of its own, as a range, and as the end of a tuple of leading parts.

use std::fmt;
use std::marker::PhantomData;

use super::Key;
use super::hidden::{KeyArgPart, KeyBuf, KeyCodec};
use super::text::encode_escaped;

/// The beginning of keys of type `K`, for [`MapStore::prefix`](crate::MapStore::prefix) and [`Prefix`].
///
/// - For `String` a `&str`, for `Vec<u8>` a `&[u8]`: the first characters or bytes.
/// - For tuples, and for structs with `#[derive(Key)]`, a tuple of the leading parts, each whole: `("acme",)` are all
///   keys whose first part is `"acme"`. The last may be a [`Prefix`]: `("acme", Prefix("/a"))`.
/// - For enums with `#[derive(Key)]`, one of its variants: `Event::CREATED` are all keys `Event::Created(..)`, and
///   `(Event::CREATED, 7)` those whose first field is 7. See [`KeyVariant`].
/// - For a newtype what is a prefix of its field's type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a prefix of keys of type `{K}`",
    label = "not the beginning of a `{K}`",
    note = "a prefix is `&str` for `String`, `&[u8]` for `Vec<u8>`, a tuple of the leading parts for composite keys, such as `(\"acme\",)` or `(\"acme\", Prefix(\"/a\"))`, and for enums a variant, such as `Event::CREATED` or `(Event::CREATED, 7)`; a variant whose name is all capitals needs `#[key(prefix = NAME)]`"
)]
pub trait KeyPrefix<K: Key>: KeyPrefixCodec<K::Root> {}

// By way of `Root`, so that a newtype takes the prefixes of its field, and a type that is no prefix is none at once. An
// impl for newtypes that asks for the prefixes of their fields is tried for the field, and its field, without end.
#[diagnostic::do_not_recommend]
impl<K: Key, P: KeyPrefixCodec<K::Root>> KeyPrefix<K> for P {}

/// The bytes of a prefix of keys whose [`Root`](KeyCodec::Root) is `R`.
pub trait KeyPrefixCodec<R> {
    /// Appends the bytes with which the last forms of all keys of this prefix begin, and no others.
    fn encode_prefix(&self, out: &mut KeyBuf);
    /// Appends the bytes with which the part forms of all keys of this prefix begin, and no others.
    fn encode_prefix_part(&self, out: &mut KeyBuf) {
        self.encode_prefix(out);
    }
}

macro_rules! byte_prefixes {
    ($([$($generics:tt)*] $type:ty => $root:ty),* $(,)?) => {$(
        impl<$($generics)*> KeyPrefixCodec<$root> for $type {
            #[inline]
            fn encode_prefix(&self, out: &mut KeyBuf) {
                let bytes: &[u8] = self.as_ref();
                out.extend(bytes);
            }
            fn encode_prefix_part(&self, out: &mut KeyBuf) {
                encode_escaped(self.as_ref(), out);
            }
        }
    )*};
}

byte_prefixes!(
    [] &str => String,
    [] &String => String,
    [] String => String,
    [] &[u8] => Vec<u8>,
    [] &Vec<u8> => Vec<u8>,
    [] Vec<u8> => Vec<u8>,
    [const N: usize] [u8; N] => Vec<u8>,
    [const N: usize] &[u8; N] => Vec<u8>,
);

/// All keys that begin with `P`, a [`KeyPrefix`]: a range, and the last part of a longer prefix.
///
/// ```
/// # fn main() -> kvstore::Result<()> {
/// use kvstore::{Database, Prefix};
///
/// let files = Database::in_memory()?.map::<(String, String), u64>("files")?;
/// for (tenant, path) in [("acme", "/a/x"), ("acme", "/b"), ("other", "/a")] {
///     files.put((tenant, path), 0)?;
/// }
/// assert_eq!(files.prefix(("acme", Prefix("/a")))?.count(), 1);
/// assert_eq!(files.range(Prefix(("acme",)))?.count(), 2);
/// assert!(files.try_lock_first(Prefix(("other",)))?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix<P>(pub P);

impl<K: Key, P: KeyPrefixCodec<K::Root>> KeyArgPart<K> for Prefix<P> {
    fn encode_arg_part(&self, out: &mut KeyBuf) {
        self.0.encode_prefix_part(out);
    }
}

/// One variant of an enum with `#[derive(Key)]`, as a prefix of its keys.
///
/// The derive makes a constant for each variant with fields, named as the variant in capitals. A variant whose name is all
/// capitals already, such as `V1(u64, u8)`, has one only if it is named: `#[key(prefix = FIRST)]`.
///
/// ```
/// # fn main() -> kvstore::Result<()> {
/// use kvstore::{Database, Key, Prefix};
///
/// #[derive(Key)]
/// enum Event {
///     Created(String, u64),
///     Moved { from: String, to: String },
/// }
///
/// let events = Database::in_memory()?.map::<Event, ()>("events")?;
/// events.put(Event::Created("acme".into(), 7), ())?;
/// events.put(Event::Moved { from: "acme".into(), to: "eu".into() }, ())?;
/// assert_eq!(events.prefix(Event::MOVED)?.count(), 1);
/// assert_eq!(events.prefix((Event::CREATED, "acme"))?.count(), 1);
/// assert_eq!(events.range(Prefix((Event::MOVED, "acme", Prefix("e"))))?.count(), 1);
/// # Ok(())
/// # }
/// ```
pub struct KeyVariant<K, const NUMBER: u16> {
    key: PhantomData<fn() -> K>,
}

/// The variant with this number.
pub const fn key_variant<K, const NUMBER: u16>() -> KeyVariant<K, NUMBER> {
    KeyVariant { key: PhantomData }
}

impl<K, const NUMBER: u16> Clone for KeyVariant<K, NUMBER> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, const NUMBER: u16> Copy for KeyVariant<K, NUMBER> {}

impl<K, const NUMBER: u16> fmt::Debug for KeyVariant<K, NUMBER> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVariant({NUMBER})")
    }
}

impl<K: KeyCodec<Root = K>, const NUMBER: u16> KeyPrefixCodec<K> for KeyVariant<K, NUMBER> {
    fn encode_prefix(&self, out: &mut KeyBuf) {
        out.extend(&NUMBER.to_be_bytes());
    }
}
