//! What lies inside other values of a record while they are read: the elements of arrays, the pairs of maps, and variants.

use cbor4ii::core::dec;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::error::CodecError;
use super::source::Source;

/// In [`Items::left`]: as many as there are before a break. More than any record can have.
pub(super) const OPEN: usize = usize::MAX;

/// The elements of an array, or the pairs of a map.
pub(super) struct Items<'s, 'de> {
    source: &'s mut Source<'de>,
    pub(super) left: usize,
    count: usize,
    /// The sizes of a key and of a value, or of an element.
    key_size: usize,
    value_size: usize,
}

impl<'s, 'de> Items<'s, 'de> {
    #[inline]
    fn new(source: &'s mut Source<'de>, left: Option<usize>) -> Self {
        Self { source, left: left.unwrap_or(OPEN), count: left.unwrap_or(0), key_size: 0, value_size: 0 }
    }

    #[inline]
    pub(super) fn array(source: &'s mut Source<'de>) -> Result<Self, CodecError> {
        source.enter()?;
        let left = source.length(4, "array")?;
        source.declare(left.unwrap_or(0), "an array")?;
        Ok(Self::new(source, left))
    }

    #[inline]
    pub(super) fn map(source: &'s mut Source<'de>) -> Result<Self, CodecError> {
        source.enter()?;
        let left = source.length(5, "map")?;
        source.declare(left.unwrap_or(0).saturating_mul(2), "a map")?;
        Ok(Self::new(source, left))
    }

    /// Whether another follows, which is counted as read.
    #[inline]
    fn next(&mut self) -> Result<bool, CodecError> {
        match self.left {
            0 => return Ok(false),
            OPEN => {
                if dec::is_break(self.source)? {
                    self.left = 0;
                    return Ok(false);
                }
                self.count += 1;
            }
            _ => self.left -= 1,
        }
        Ok(true)
    }

    #[inline]
    fn hint(&self) -> Option<usize> {
        if self.left == OPEN { None } else { Some(self.left) }
    }

    /// A type reads all there is, or the next item would be taken for another.
    #[inline]
    pub(super) fn finish(mut self) -> Result<(), CodecError> {
        if self.left != 0 && (self.left != OPEN || self.next()?) {
            return Err(CodecError::wrong("an array or a map has more elements than its type reads"));
        }
        self.source.leave();
        Ok(())
    }

    /// The same, for a collection that keeps its elements elsewhere.
    #[inline]
    pub(super) fn finish_collection<C>(self, is_map: bool) -> Result<(), CodecError> {
        self.source.memory.add_collection::<C>(self.count, self.key_size + self.value_size, is_map);
        self.finish()
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, CodecError> {
        if !self.next()? {
            return Ok(None);
        }
        self.value_size = size_of::<T::Value>();
        self.source.memory.make_room::<T::Value>();
        seed.deserialize(&mut *self.source).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, CodecError> {
        if !self.next()? {
            return Ok(None);
        }
        self.source.key = self.source.bytes;
        self.key_size = size_of::<K::Value>();
        self.source.memory.make_room::<K::Value>();
        seed.deserialize(&mut *self.source).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, CodecError> {
        self.value_size = size_of::<V::Value>();
        self.source.memory.make_room::<V::Value>();
        seed.deserialize(&mut *self.source)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

/// A variant: its name alone, or its name and its value.
pub(super) struct Variant<'s, 'de> {
    source: &'s mut Source<'de>,
    has_value: bool,
}

impl<'s, 'de> Variant<'s, 'de> {
    #[inline]
    pub(super) fn new(source: &'s mut Source<'de>, has_value: bool) -> Self {
        Self { source, has_value }
    }

    /// Before the value is read.
    #[inline]
    fn value(&self) -> Result<(), CodecError> {
        if self.has_value { Ok(()) } else { Err(CodecError::wrong("a variant has no value, and its type has one")) }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), CodecError> {
        Ok((seed.deserialize(&mut *self.source)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = CodecError;

    #[inline]
    fn unit_variant(self) -> Result<(), CodecError> {
        match self.has_value {
            true if self.source.ignores_unknown => self.source.skip_unknown(),
            true => Err(CodecError::wrong("a variant has a value, and its type has none")),
            false => Ok(()),
        }
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, CodecError> {
        self.value()?;
        self.source.memory.make_room::<T::Value>();
        seed.deserialize(self.source)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.value()?;
        self.source.memory.make_room::<V::Value>();
        self.source.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.value()?;
        self.source.memory.make_room::<V::Value>();
        self.source.fields(visitor)
    }
}
