//! Arguments that stand for a key in the methods of a store.

use super::Key;
#[cfg(doc)]
use super::hidden::KeyCodec;
use super::hidden::{DerivedKey, KeyBuf};

/// An argument that stands for a key of type `K`.
///
/// Implemented by `K` and `&K`; by `&str` for `String` and other text, by `&[u8]`, `[u8; N]` and `&[u8; N]` for
/// `Vec<u8>` and other bytes, both also for newtypes over these; by tuples of arguments for tuples of keys, and by
/// `Reverse` of an argument. No argument allocates: its bytes go straight into the database key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be used as a key of type `{K}`",
    label = "expected keys of type `{K}`",
    note = "a key argument is the key type or a reference to it; also `&str` for `String`, `&[u8]` and `[u8; N]` for `Vec<u8>`, both for newtypes of these, and tuples of arguments for tuples; a struct with `#[derive(Key)]` is given as that struct"
)]
pub trait KeyArg<K: Key>: KeyArgCodec<K> {}

#[diagnostic::do_not_recommend]
impl<K: Key, A: KeyArgCodec<K>> KeyArg<K> for A {}

/// The last form of a key argument.
pub trait KeyArgCodec<K>: KeyArgPart<K> {
    /// As [`KeyCodec::encode_last`] of the key this stands for.
    fn encode_arg_last(&self, out: &mut KeyBuf);
}

/// The part form of a key argument, or of the beginning of one: what may end a tuple of leading parts.
pub trait KeyArgPart<K> {
    /// As [`KeyCodec::encode_part`] of the key this stands for.
    fn encode_arg_part(&self, out: &mut KeyBuf);
}

impl<K: Key> KeyArgCodec<K> for &K {
    #[inline]
    fn encode_arg_last(&self, out: &mut KeyBuf) {
        (*self).encode_last(out);
    }
}

impl<K: Key> KeyArgPart<K> for &K {
    #[inline]
    fn encode_arg_part(&self, out: &mut KeyBuf) {
        (*self).encode_part(out);
    }
}

impl<K: DerivedKey> KeyArgCodec<K> for K {
    #[inline]
    fn encode_arg_last(&self, out: &mut KeyBuf) {
        self.encode_last(out);
    }
}

impl<K: DerivedKey> KeyArgPart<K> for K {
    #[inline]
    fn encode_arg_part(&self, out: &mut KeyBuf) {
        self.encode_part(out);
    }
}

/// Makes the type itself an argument for keys of its type.
macro_rules! own_argument {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> $crate::key::hidden::KeyArgCodec<$type> for $type {
            #[inline]
            fn encode_arg_last(&self, out: &mut $crate::key::hidden::KeyBuf) {
                $crate::key::hidden::KeyCodec::encode_last(self, out);
            }
        }
        impl<$($generics)*> $crate::key::hidden::KeyArgPart<$type> for $type {
            #[inline]
            fn encode_arg_part(&self, out: &mut $crate::key::hidden::KeyBuf) {
                $crate::key::hidden::KeyCodec::encode_part(self, out);
            }
        }
    };
}

pub(super) use own_argument;
