//! Text and bytes of any length: raw as a last part, escaped before another.

use super::arg::own_argument;
use super::hidden::{KeyArgCodec, KeyArgPart, KeyBuf, KeyCodec, KeyError};
use super::{Key, Shape};
use crate::sync::Arc;

/// Escapes `00` as `00 FF`. What begins with the bytes begins with these, and nothing else does.
pub(super) fn encode_escaped(mut bytes: &[u8], out: &mut KeyBuf) {
    while let Some(zero) = bytes.iter().position(|byte| *byte == 0) {
        let (head, rest) = bytes.split_at(zero);
        out.extend(head);
        out.extend(&[0, 0xFF]);
        bytes = rest.get(1..).unwrap_or_default();
    }
    out.extend(bytes);
}

/// Escapes the bytes and ends them with `00 00`, so that a shorter string stays before a longer one.
fn encode_delimited(bytes: &[u8], out: &mut KeyBuf) {
    encode_escaped(bytes, out);
    out.extend(&[0, 0]);
}

/// Reads what [`encode_delimited`] writes.
fn decode_delimited(bytes: &mut &[u8]) -> Result<Vec<u8>, KeyError> {
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

/// A key of bytes, as `Vec<u8>` has them.
macro_rules! byte_keys {
    ($($type:ty)*) => {$(
        impl KeyCodec for $type {
            type Root = Vec<u8>;
            #[inline]
            fn encode_last(&self, out: &mut KeyBuf) {
                out.extend(self.as_ref());
            }
            fn encode_part(&self, out: &mut KeyBuf) {
                encode_delimited(self.as_ref(), out);
            }
            fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
                Ok(Self::from(bytes))
            }
            #[allow(clippy::useless_conversion, reason = "`Vec<u8>` is one of the types")]
            fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
                decode_delimited(bytes).map(Self::from)
            }
        }
        own_argument!([] $type);
        #[diagnostic::do_not_recommend]
        impl Key for $type {
            const SHAPE: Shape = Shape::Bytes;
        }
    )*};
}

byte_keys!(Vec<u8> Box<[u8]> Arc<[u8]>);

/// A key of text, as `String` has it.
macro_rules! text_keys {
    ($($type:ty)*) => {$(
        impl KeyCodec for $type {
            type Root = String;
            #[inline]
            fn encode_last(&self, out: &mut KeyBuf) {
                out.extend(self.as_bytes());
            }
            fn encode_part(&self, out: &mut KeyBuf) {
                encode_delimited(self.as_bytes(), out);
            }
            fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
                std::str::from_utf8(bytes).map(Self::from).map_err(|_| KeyError::Utf8)
            }
            fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
                String::from_utf8(decode_delimited(bytes)?).map(Self::from).map_err(|_| KeyError::Utf8)
            }
        }
        own_argument!([] $type);
        #[diagnostic::do_not_recommend]
        impl Key for $type {
            const SHAPE: Shape = Shape::Text;
        }
    )*};
}

text_keys!(String Box<str> Arc<str>);

impl<const N: usize> KeyCodec for [u8; N] {
    type Root = Self;
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        out.extend(self);
    }
    #[inline]
    fn encode_part(&self, out: &mut KeyBuf) {
        out.extend(self);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        super::codec::decode_whole(bytes)
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        super::codec::take(bytes)
    }
}

own_argument!([const N: usize] [u8; N]);

#[diagnostic::do_not_recommend]
impl<const N: usize> Key for [u8; N] {
    const SHAPE: Shape = Shape::ByteArray(N);
}

// Borrowed forms that are not a reference to the key type itself. By way of `Root` they stand for newtypes, too.
macro_rules! borrowed_argument {
    ([$($generics:tt)*] $type:ty => $root:ty, |$value:ident| $bytes:expr) => {
        impl<K: KeyCodec<Root = $root>, $($generics)*> KeyArgCodec<K> for $type {
            #[inline]
            fn encode_arg_last(&self, out: &mut KeyBuf) {
                let $value = self;
                out.extend($bytes);
            }
        }
        impl<K: KeyCodec<Root = $root>, $($generics)*> KeyArgPart<K> for $type {
            fn encode_arg_part(&self, out: &mut KeyBuf) {
                let $value = self;
                encode_delimited($bytes, out);
            }
        }
    };
}

borrowed_argument!([] &str => String, |value| value.as_bytes());
borrowed_argument!([] &[u8] => Vec<u8>, |value| value);
borrowed_argument!([const N: usize] [u8; N] => Vec<u8>, |value| value.as_slice());
borrowed_argument!([const N: usize] &[u8; N] => Vec<u8>, |value| value.as_slice());
