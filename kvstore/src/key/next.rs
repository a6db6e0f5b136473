//! Keys made by the store.

use super::Key;

/// A key type with `#[derive(Key)]` over one field: its bytes are that field's.
pub trait Newtype: Sized {
    /// The type of the field.
    type Inner;
    /// Wraps the field.
    fn from_inner(inner: Self::Inner) -> Self;
}

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
impl<K: Newtype + Key> NextKey for K where K::Inner: NextKey {}

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
