//! What the methods of a store take where they ask for a key or for the beginning of keys, and keys made by the store.

use super::Key;
use super::hidden::KeyBuf;
#[cfg(doc)]
use super::hidden::KeyCodec;

/// An argument that stands for a key of type `K`.
///
/// Implemented by `K` and `&K`, by `&str` for `String`, by `&[u8]`, `[u8; N]` and `&[u8; N]` for `Vec<u8>`, and by
/// tuples of arguments for tuples of keys. No argument allocates: its bytes go straight into the database key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be used as a key of type `{K}`",
    label = "this store's keys are of type `{K}`",
    note = "a key argument is the key type or a reference to it; also `&str` for `String`, `&[u8]` and `[u8; N]` for `Vec<u8>`, and tuples of these for tuples; a struct with `#[derive(Key)]` is given as that struct"
)]
pub trait KeyArg<K: Key>: KeyArgCodec<K> {}

/// The bytes of a key argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be used as a key of type `{K}`",
    label = "this store's keys are of type `{K}`",
    note = "a key argument is the key type or a reference to it; also `&str` for `String`, `&[u8]` and `[u8; N]` for `Vec<u8>`, and tuples of these for tuples; a struct with `#[derive(Key)]` is given as that struct"
)]
pub trait KeyArgCodec<K> {
    /// As [`KeyCodec::encode_last`] of the key this stands for.
    fn encode_arg_last(&self, out: &mut KeyBuf);
    /// As [`KeyCodec::encode_part`] of the key this stands for.
    fn encode_arg_part(&self, out: &mut KeyBuf);
}

impl<K: Key> KeyArgCodec<K> for &K {
    #[inline]
    fn encode_arg_last(&self, out: &mut KeyBuf) {
        (*self).encode_last(out);
    }
    #[inline]
    fn encode_arg_part(&self, out: &mut KeyBuf) {
        (*self).encode_part(out);
    }
}

#[diagnostic::do_not_recommend]
impl<K: Key> KeyArg<K> for &K {}

/// The beginning of keys of type `K`, for [`MapStore::prefix`](crate::MapStore::prefix).
///
/// For `String` a `&str`, for `Vec<u8>` a `&[u8]`: the first characters or bytes. For tuples, and for structs with
/// `#[derive(Key)]`, a tuple of the leading parts, each whole: `("acme",)` are all keys whose first part is `"acme"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a prefix of keys of type `{K}`",
    label = "not the beginning of a `{K}`",
    note = "a prefix is `&str` for `String`, `&[u8]` for `Vec<u8>`, and a tuple of the leading parts for composite keys, such as `(\"acme\",)`"
)]
pub trait KeyPrefix<K: Key>: KeyPrefixCodec<K> {}

/// The bytes of a prefix.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a prefix of keys of type `{K}`",
    label = "not the beginning of a `{K}`",
    note = "a prefix is `&str` for `String`, `&[u8]` for `Vec<u8>`, and a tuple of the leading parts for composite keys, such as `(\"acme\",)`"
)]
pub trait KeyPrefixCodec<K> {
    /// Appends the bytes with which all keys of this prefix begin, and no others.
    fn encode_prefix(&self, out: &mut KeyBuf);
}

macro_rules! byte_prefixes {
    ($($($generics:ident)? ; $type:ty => $key:ty),* $(,)?) => {$(
        impl$(<const $generics: usize>)? KeyPrefixCodec<$key> for $type {
            fn encode_prefix(&self, out: &mut KeyBuf) {
                let bytes: &[u8] = self.as_ref();
                out.extend(bytes);
            }
        }
        #[diagnostic::do_not_recommend]
        impl$(<const $generics: usize>)? KeyPrefix<$key> for $type {}
    )*};
}

byte_prefixes!(
    ; &str => String,
    ; &String => String,
    ; String => String,
    ; &[u8] => Vec<u8>,
    ; &Vec<u8> => Vec<u8>,
    ; Vec<u8> => Vec<u8>,
    N ; [u8; N] => Vec<u8>,
    N ; &[u8; N] => Vec<u8>,
);

/// A key type with `#[derive(Key)]` over one field: its bytes are that field's.
pub trait Newtype: Key {
    /// The type of the field.
    type Inner: Key;
    /// Wraps the field.
    fn from_inner(inner: Self::Inner) -> Self;
}

impl<K: Newtype, P: KeyPrefixCodec<K::Inner>> KeyPrefixCodec<K> for P {
    fn encode_prefix(&self, out: &mut KeyBuf) {
        KeyPrefixCodec::<K::Inner>::encode_prefix(self, out);
    }
}

#[diagnostic::do_not_recommend]
impl<K: Newtype, P: KeyPrefix<K::Inner>> KeyPrefix<K> for P {}

/// A key that the store can make: unique and increasing.
///
/// Implemented by `u64`, by `String` as 13 base-36 digits padded with zeros, whose order is that of the numbers, and by
/// types with `#[derive(Key)]` over one of these.
#[diagnostic::on_unimplemented(
    message = "the store can't generate keys of type `{Self}`",
    label = "not a type of generated keys",
    note = "generated keys are `u64`, `String` (13 base-36 digits), and types with `#[derive(Key)]` over one of these"
)]
pub trait NextKey: Key + NextKeyCodec {}

/// How a generated number becomes a key.
#[diagnostic::on_unimplemented(
    message = "the store can't generate keys of type `{Self}`",
    label = "not a type of generated keys",
    note = "generated keys are `u64`, `String` (13 base-36 digits), and types with `#[derive(Key)]` over one of these"
)]
pub trait NextKeyCodec {
    /// The key of a number; greater for a greater number.
    fn from_number(number: u64) -> Self;
}

impl NextKeyCodec for u64 {
    fn from_number(number: u64) -> Self {
        number
    }
}

#[diagnostic::do_not_recommend]
impl NextKey for u64 {}

impl NextKeyCodec for String {
    fn from_number(mut number: u64) -> Self {
        // 36^13 is more than 2^64: 13 digits hold every number.
        let mut digits = [b'0'; 13];
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(number % 36).unwrap_or_default()];
            number /= 36;
        }
        digits.iter().map(|digit| char::from(*digit)).collect()
    }
}

#[diagnostic::do_not_recommend]
impl NextKey for String {}

impl<K: Newtype> NextKeyCodec for K
where
    K::Inner: NextKeyCodec,
{
    fn from_number(number: u64) -> Self {
        Self::from_inner(K::Inner::from_number(number))
    }
}

#[diagnostic::do_not_recommend]
impl<K: Newtype> NextKey for K where K::Inner: NextKey {}

#[cfg(test)]
mod tests {
    use super::NextKeyCodec;

    #[test]
    fn numbers_become_13_digits_in_order() {
        let numbers = [0, 1, 35, 36, 1_000_000, u64::MAX - 1, u64::MAX];
        let keys = numbers.map(<String as NextKeyCodec>::from_number);
        assert_eq!(keys[3], "0000000000010");
        assert_eq!(keys[6], "3w5e11264sgsf");
        assert!(keys.iter().all(|key| key.len() == 13) && keys.is_sorted());
    }
}
