//! The bytes of single keys: booleans, characters, integers, strings and bytes.

use super::hidden::{KeyArgCodec, KeyBuf};
use super::{Key, KeyArg, Shape};

/// Why bytes are not a key of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The bytes end inside the key.
    Short,
    /// Bytes follow the key.
    Long,
    /// A value that the type does not have: a third boolean, a surrogate, an unknown variant.
    Value(&'static str),
    /// Text that is not UTF-8.
    Utf8,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short => f.write_str("the key ends early"),
            Self::Long => f.write_str("bytes follow the key"),
            Self::Value(what) => write!(f, "no such {what}"),
            Self::Utf8 => f.write_str("the text is not UTF-8"),
        }
    }
}

/// The two forms of a key's bytes. Hidden, so that its methods never meet a user's own of the same name.
pub trait KeyCodec: Sized {
    /// Appends the form in which nothing follows.
    fn encode_last(&self, out: &mut KeyBuf);
    /// Appends the form that says where it ends.
    fn encode_part(&self, out: &mut KeyBuf);
    /// Reads the last form: all of `bytes`.
    ///
    /// # Errors
    /// [`KeyError`] where the bytes are not what [`encode_last`](Self::encode_last) writes.
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError>;
    /// Reads the part form from the front of `bytes`, and moves `bytes` behind it.
    ///
    /// # Errors
    /// [`KeyError`] where the bytes are not what [`encode_part`](Self::encode_part) writes.
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError>;
}

/// Reads a last form by means of the part form: for types whose two forms are the same.
pub(super) fn decode_whole<K: KeyCodec>(mut bytes: &[u8]) -> Result<K, KeyError> {
    let key = K::decode_part(&mut bytes)?;
    if bytes.is_empty() { Ok(key) } else { Err(KeyError::Long) }
}

/// Takes `N` bytes off the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(KeyError::Short)?;
    *bytes = rest;
    Ok(*head)
}

/// Escapes `00` as `00 FF` and ends with `00 00`, so that a shorter string stays before a longer one.
fn encode_escaped(mut bytes: &[u8], out: &mut KeyBuf) {
    while let Some(zero) = bytes.iter().position(|byte| *byte == 0) {
        let (head, rest) = bytes.split_at(zero);
        out.extend(head);
        out.extend(&[0, 0xFF]);
        bytes = rest.get(1..).unwrap_or_default();
    }
    out.extend(bytes);
    out.extend(&[0, 0]);
}

/// The inverse of [`encode_escaped`].
fn decode_escaped(bytes: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut text = Vec::new();
    loop {
        let zero = bytes.iter().position(|byte| *byte == 0).ok_or(KeyError::Short)?;
        let (head, rest) = bytes.split_at(zero);
        text.extend_from_slice(head);
        match rest.get(1) {
            Some(0xFF) => text.push(0),
            Some(0) => {}
            Some(_) => return Err(KeyError::Value("escape of a zero byte")),
            None => return Err(KeyError::Short),
        }
        *bytes = rest.get(2..).unwrap_or_default();
        if rest.get(1) == Some(&0) {
            return Ok(text);
        }
    }
}

// `do_not_recommend`, here and on other keys: which types are keys and arguments is said by the message of the trait, so
// that the compiler need not list eight of them.

/// Makes the type itself an argument for keys of its type.
macro_rules! own_argument {
    ($($generics:ident)? ; $type:ty) => {
        impl$(<const $generics: usize>)? KeyArgCodec<$type> for $type {
            #[inline]
            fn encode_arg_last(&self, out: &mut KeyBuf) {
                self.encode_last(out);
            }
            #[inline]
            fn encode_arg_part(&self, out: &mut KeyBuf) {
                self.encode_part(out);
            }
        }
        #[diagnostic::do_not_recommend]
        impl$(<const $generics: usize>)? KeyArg<$type> for $type {}
    };
}

/// A key whose two forms are the same bytes, of fixed width.
macro_rules! fixed_key {
    ($type:ty, $shape:expr, |$value:ident| $encode:expr, |$bytes:ident| $decode:expr) => {
        impl KeyCodec for $type {
            #[inline]
            fn encode_last(&self, out: &mut KeyBuf) {
                let $value = self;
                out.extend(&$encode);
            }
            #[inline]
            fn encode_part(&self, out: &mut KeyBuf) {
                self.encode_last(out);
            }
            fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
                decode_whole(bytes)
            }
            fn decode_part($bytes: &mut &[u8]) -> Result<Self, KeyError> {
                $decode
            }
        }
        own_argument!(; $type);
        #[diagnostic::do_not_recommend]
        impl Key for $type {
            const SHAPE: Shape = $shape;
        }
    };
}

macro_rules! unsigned_keys {
    ($($type:ident $shape:ident),*) => {$(
        fixed_key!($type, Shape::$shape, |value| value.to_be_bytes(), |bytes| Ok(Self::from_be_bytes(take(bytes)?)));
    )*};
}

// Flipping the sign bit moves the negatives before the others, in order.
macro_rules! signed_keys {
    ($($type:ident $unsigned:ident $shape:ident),*) => {$(
        fixed_key!(
            $type,
            Shape::$shape,
            |value| (value.cast_unsigned() ^ (1 << ($type::BITS - 1))).to_be_bytes(),
            |bytes| Ok(($unsigned::from_be_bytes(take(bytes)?) ^ (1 << ($type::BITS - 1))).cast_signed())
        );
    )*};
}

unsigned_keys!(u8 U8, u16 U16, u32 U32, u64 U64, u128 U128);
signed_keys!(i8 u8 I8, i16 u16 I16, i32 u32 I32, i64 u64 I64, i128 u128 I128);

fixed_key!(bool, Shape::Bool, |value| [u8::from(*value)], |bytes| match take(bytes)? {
    [0] => Ok(false),
    [1] => Ok(true),
    _ => Err(KeyError::Value("boolean")),
});

fixed_key!(char, Shape::Char, |value| u32::from(*value).to_be_bytes(), |bytes| {
    char::from_u32(u32::from_be_bytes(take(bytes)?)).ok_or(KeyError::Value("character"))
});

#[cfg(feature = "uuid")]
fixed_key!(uuid::Uuid, Shape::Uuid, |value| *value.as_bytes(), |bytes| Ok(Self::from_bytes(take(bytes)?)));

impl<const N: usize> KeyCodec for [u8; N] {
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        out.extend(self);
    }
    #[inline]
    fn encode_part(&self, out: &mut KeyBuf) {
        out.extend(self);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        decode_whole(bytes)
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        take(bytes)
    }
}

own_argument!(N; [u8; N]);

#[diagnostic::do_not_recommend]
impl<const N: usize> Key for [u8; N] {
    const SHAPE: Shape = Shape::ByteArray(N);
}

impl KeyCodec for Vec<u8> {
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        out.extend(self);
    }
    fn encode_part(&self, out: &mut KeyBuf) {
        encode_escaped(self, out);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(bytes.to_vec())
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        decode_escaped(bytes)
    }
}

own_argument!(; Vec<u8>);

#[diagnostic::do_not_recommend]
impl Key for Vec<u8> {
    const SHAPE: Shape = Shape::Bytes;
}

impl KeyCodec for String {
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        out.extend(self.as_bytes());
    }
    fn encode_part(&self, out: &mut KeyBuf) {
        encode_escaped(self.as_bytes(), out);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| KeyError::Utf8)
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        Self::from_utf8(decode_escaped(bytes)?).map_err(|_| KeyError::Utf8)
    }
}

own_argument!(; String);

#[diagnostic::do_not_recommend]
impl Key for String {
    const SHAPE: Shape = Shape::String;
}

// Borrowed forms that are not a reference to the key type itself.
macro_rules! borrowed_argument {
    ($($generics:ident)? ; $type:ty => $key:ty, |$value:ident| $bytes:expr) => {
        impl$(<const $generics: usize>)? KeyArgCodec<$key> for $type {
            #[inline]
            fn encode_arg_last(&self, out: &mut KeyBuf) {
                let $value = self;
                out.extend($bytes);
            }
            fn encode_arg_part(&self, out: &mut KeyBuf) {
                let $value = self;
                encode_escaped($bytes, out);
            }
        }
        #[diagnostic::do_not_recommend]
        impl$(<const $generics: usize>)? KeyArg<$key> for $type {}
    };
}

borrowed_argument!(; &str => String, |value| value.as_bytes());
borrowed_argument!(; &[u8] => Vec<u8>, |value| value);
borrowed_argument!(N; [u8; N] => Vec<u8>, |value| value.as_slice());
borrowed_argument!(N; &[u8; N] => Vec<u8>, |value| value.as_slice());
