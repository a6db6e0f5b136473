//! How CBOR becomes serde's data model: what `serializer.rs` writes, and what earlier versions wrote.

use std::borrow::Cow;

use cbor4ii::core::dec::Decode;
use serde::de::{Deserializer, Visitor};

use super::containers::{Items, OPEN, Variant};
use super::error::CodecError;
use super::ignore_unknown::IgnoreUnknown;
use super::source::Source;
use super::{EMPTY_ARRAY, NULL, SOME, SOME_INITIAL, UNDEFINED};

macro_rules! scalars {
    ($($method:ident: $type:ty => $visit:ident),* $(,)?) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            visitor.$visit(<$type>::decode(self)?)
        }
    )*};
}

macro_rules! numbers {
    ($($method:ident: $type:ty => $read:ident $visit:ident),* $(,)?) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
            const NAME: &str = stringify!($type);
            match <$type>::try_from(self.$read(NAME)?) {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(CodecError::out_of_range(NAME)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Source<'de> {
    type Error = CodecError;

    scalars! {
        deserialize_bool: bool => visit_bool,
        deserialize_i128: i128 => visit_i128,
        deserialize_u128: u128 => visit_u128,
        deserialize_f32: f32 => visit_f32,
        deserialize_f64: f64 => visit_f64,
    }

    numbers! {
        deserialize_i8: i8 => signed visit_i8,
        deserialize_i16: i16 => signed visit_i16,
        deserialize_i32: i32 => signed visit_i32,
        deserialize_u8: u8 => unsigned visit_u8,
        deserialize_u16: u16 => unsigned visit_u16,
        deserialize_u32: u32 => unsigned visit_u32,
    }

    #[inline]
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_i64(self.signed("i64")?)
    }

    #[inline]
    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visitor.visit_u64(self.unsigned("u64")?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        const NAME: &str = "any value";
        self.memory.place::<V::Value>();
        let initial = self.peek(NAME)?;
        match initial >> 5 {
            0 => self.deserialize_u64(visitor),
            1 => {
                let number = i128::decode(self)?;
                match i64::try_from(number) {
                    Ok(number) => visitor.visit_i64(number),
                    Err(_) => visitor.visit_i128(number),
                }
            }
            2 => self.deserialize_bytes(visitor),
            3 => self.deserialize_string(visitor),
            4 => self.deserialize_seq(visitor),
            5 => self.deserialize_map(visitor),
            _ => match initial {
                0xC2 => self.deserialize_u128(visitor),
                0xC3 => self.deserialize_i128(visitor),
                SOME_INITIAL => self.deserialize_option(visitor),
                0xF4 | 0xF5 => self.deserialize_bool(visitor),
                NULL => self.deserialize_option(visitor),
                UNDEFINED => self.deserialize_unit(visitor),
                0xFA => self.deserialize_f32(visitor),
                0xFB => self.deserialize_f64(visitor),
                _ => Err(CodecError::mismatch(NAME, initial)),
            },
        }
    }

    #[inline]
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visit_text(self.text()?, visitor)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.deserialize_string(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let text = self.text()?;
        self.memory.add(text.len());
        visit_text(text, visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        let bytes = self.byte_string()?;
        self.memory.add(bytes.len());
        match bytes {
            Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
            Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
        }
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.deserialize_bytes(visitor)
    }

    /// A unit is as good as null here: a type that became an `Option` reads what it was before.
    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.memory.place::<V::Value>();
        match self.peek("an option")? {
            NULL | UNDEFINED => {
                self.skip(1);
                return visitor.visit_none();
            }
            SOME_INITIAL => {
                if !self.bytes.starts_with(&SOME) {
                    return Err(CodecError::mismatch("an option", SOME_INITIAL));
                }
                self.skip(SOME.len());
            }
            _ => {}
        }
        self.hop()?;
        let value = visitor.visit_some(&mut *self);
        self.hop_back();
        value
    }

    /// Earlier versions wrote a unit as an empty array.
    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        match self.peek("a unit")? {
            UNDEFINED | EMPTY_ARRAY => {
                self.skip(1);
                visitor.visit_unit()
            }
            other => Err(CodecError::mismatch("a unit", other)),
        }
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, CodecError> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.hop()?;
        self.memory.place::<V::Value>();
        let ignored = self.ignores_unknown;
        self.ignores_unknown |= name == IgnoreUnknown::<()>::NAME;
        let value = visitor.visit_newtype_struct(&mut *self);
        self.ignores_unknown = ignored;
        self.hop_back();
        value
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.memory.place::<V::Value>();
        let mut items = Items::array(self)?;
        let value = visitor.visit_seq(&mut items)?;
        items.finish_collection::<V::Value>(false)?;
        Ok(value)
    }

    /// What a tuple has lies inside it.
    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, CodecError> {
        self.memory.place::<V::Value>();
        let mut items = Items::array(self)?;
        if items.left != len && items.left != OPEN {
            return Err(CodecError::wrong(format_args!("expected a tuple of {len}, found an array of {}", items.left)));
        }
        let value = visitor.visit_seq(&mut items)?;
        items.finish()?;
        Ok(value)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.memory.place::<V::Value>();
        let mut items = Items::map(self)?;
        let value = visitor.visit_map(&mut items)?;
        items.finish_collection::<V::Value>(true)?;
        Ok(value)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        let outer = std::mem::replace(&mut self.type_name, name);
        let value = self.fields(visitor)?;
        self.type_name = outer;
        Ok(value)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CodecError> {
        const MAP_OF_ONE: u8 = 0xA1;
        let has_value = match self.peek("an enum")? {
            MAP_OF_ONE => true,
            text if text >> 5 == 3 => false,
            other => return Err(CodecError::mismatch("an enum", other)),
        };
        if has_value {
            self.skip(1);
            self.enter()?;
        }
        self.memory.place::<V::Value>();
        let outer = std::mem::replace(&mut self.type_name, name);
        let value = visitor.visit_enum(Variant::new(&mut *self, has_value))?;
        self.type_name = outer;
        if has_value {
            self.leave();
        }
        Ok(value)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        visit_text(self.text()?, visitor)
    }

    /// A type calls this for a field that it does not know.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CodecError> {
        self.skip_unknown()?;
        visitor.visit_unit()
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

#[inline]
fn visit_text<'de, V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, CodecError> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

impl<'de> Source<'de> {
    /// Reads a map into the fields of a struct, which lie inside it.
    #[inline]
    pub(super) fn fields<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, CodecError> {
        self.memory.place::<V::Value>();
        let mut items = Items::map(self)?;
        let value = visitor.visit_map(&mut items)?;
        items.finish()?;
        Ok(value)
    }
}
