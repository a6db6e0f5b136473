//! Keys around another key: `Option` and `Reverse`.

use std::cmp::Reverse;

use super::arg::own_argument;
use super::codec::take;
use super::hidden::{KeyArgCodec, KeyArgPart, KeyBuf, KeyCodec, KeyError};
use super::{Key, Shape};

impl<K: Key> KeyCodec for Option<K> {
    type Root = Self;
    const CONVERTS: bool = K::CONVERTS;
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        out.push(u8::from(self.is_some()));
        if let Some(key) = self {
            key.encode_last(out);
        }
    }
    #[inline]
    fn encode_part(&self, out: &mut KeyBuf) {
        out.push(u8::from(self.is_some()));
        if let Some(key) = self {
            key.encode_part(out);
        }
    }
    fn decode_last(mut bytes: &[u8]) -> Result<Self, KeyError> {
        match take(&mut bytes)? {
            [0] if bytes.is_empty() => Ok(None),
            [0] => Err(KeyError::Long),
            [1] => K::decode_last(bytes).map(Some),
            _ => Err(KeyError::Value("option")),
        }
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        match take(bytes)? {
            [0] => Ok(None),
            [1] => K::decode_part(bytes).map(Some),
            _ => Err(KeyError::Value("option")),
        }
    }
}

// Of the key type itself alone: with `Option` of any argument, the type of a bare `None` could not be inferred.
own_argument!([K: Key] Option<K>);

#[diagnostic::do_not_recommend]
impl<K: Key> Key for Option<K> {
    const SHAPE: Shape = Shape::Optional { of: &K::SHAPE };
}

/// Reads the part form of a key whose bits are flipped.
fn decode_reversed<K: KeyCodec>(bytes: &mut &[u8]) -> Result<Reverse<K>, KeyError> {
    let mut flipped = KeyBuf::from_bytes(bytes);
    flipped.flip_from(0);
    let mut rest = flipped.as_slice();
    let key = K::decode_part(&mut rest)?;
    *bytes = bytes.get(bytes.len() - rest.len()..).unwrap_or_default();
    Ok(Reverse(key))
}

// In both forms the part form is flipped. No part is the beginning of another, so of any two the first byte that differs
// decides, and flipped it decides the other way; of raw strings, "a" would stay before "ab".
impl<K: Key> KeyCodec for Reverse<K> {
    type Root = Self;
    const CONVERTS: bool = K::CONVERTS;
    #[inline]
    fn encode_last(&self, out: &mut KeyBuf) {
        self.encode_part(out);
    }
    #[inline]
    fn encode_part(&self, out: &mut KeyBuf) {
        let start = out.len();
        self.0.encode_part(out);
        out.flip_from(start);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        super::codec::decode_whole(bytes)
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        decode_reversed(bytes)
    }
}

impl<K: Key, A: KeyArgCodec<K>> KeyArgCodec<Reverse<K>> for Reverse<A> {
    #[inline]
    fn encode_arg_last(&self, out: &mut KeyBuf) {
        self.encode_arg_part(out);
    }
}

impl<K: Key, A: KeyArgCodec<K>> KeyArgPart<Reverse<K>> for Reverse<A> {
    #[inline]
    fn encode_arg_part(&self, out: &mut KeyBuf) {
        let start = out.len();
        self.0.encode_arg_part(out);
        out.flip_from(start);
    }
}

#[diagnostic::do_not_recommend]
impl<K: Key> Key for Reverse<K> {
    const SHAPE: Shape = Shape::Reversed { of: &K::SHAPE };
}
