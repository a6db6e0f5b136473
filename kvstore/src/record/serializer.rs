//! How serde's data model becomes CBOR.
//!
//! Structs become maps from their fields' names, enums their variant's name or a map of one, `None` null, and units
//! `undefined`. `Some` is what is inside it, after a tag where that would be read as `None`.

use std::fmt;

use cbor4ii::core::types;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::CodecError;
use super::sink::Sink;

macro_rules! scalars {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), CodecError> {
            self.write(value)
        }
    )*};
}

impl<'s, 'a> Serializer for &'s mut Sink<'a> {
    type Ok = ();
    type Error = CodecError;
    type SerializeSeq = Items<'s, 'a>;
    type SerializeTuple = Items<'s, 'a>;
    type SerializeTupleStruct = Items<'s, 'a>;
    type SerializeTupleVariant = Items<'s, 'a>;
    type SerializeMap = Pairs<'s, 'a>;
    type SerializeStruct = Pairs<'s, 'a>;
    type SerializeStructVariant = Pairs<'s, 'a>;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f32: f32,
        serialize_f64: f64,
        serialize_str: &str,
    }

    #[inline]
    fn serialize_char(self, value: char) -> Result<(), CodecError> {
        self.write(&*value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), CodecError> {
        self.write(types::Bytes(value))
    }

    #[inline]
    fn serialize_none(self) -> Result<(), CodecError> {
        self.write(types::Null)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.some(value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), CodecError> {
        self.write(types::Undefined)
    }

    #[inline]
    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), CodecError> {
        self.write(types::Undefined)
    }

    #[inline]
    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), CodecError> {
        self.write(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _name: &'static str, value: &T) -> Result<(), CodecError> {
        self.hop(value)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CodecError> {
        self.begin_variant(variant)?;
        self.part(value)?;
        self.leave(1);
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'s, 'a>, CodecError> {
        Items::begin(self, len, 1)
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<Items<'s, 'a>, CodecError> {
        self.mark_tuple()?;
        Items::begin(self, Some(len), 1)
    }

    #[inline]
    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<Items<'s, 'a>, CodecError> {
        self.mark_tuple()?;
        Items::begin(self, Some(len), 1)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'s, 'a>, CodecError> {
        self.begin_variant(variant)?;
        self.mark_tuple()?;
        Items::begin(self, Some(len), 2)
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Pairs<'s, 'a>, CodecError> {
        Pairs::begin(self, len, 1)
    }

    #[inline]
    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Pairs<'s, 'a>, CodecError> {
        Pairs::begin(self, Some(len), 1)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Pairs<'s, 'a>, CodecError> {
        self.begin_variant(variant)?;
        Pairs::begin(self, Some(len), 2)
    }

    #[inline]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), CodecError> {
        self.display(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

impl Sink<'_> {
    /// Begins the map of one in which a variant has its value.
    #[inline]
    fn begin_variant(&mut self, variant: &'static str) -> Result<(), CodecError> {
        self.enter()?;
        types::Map::bounded(1, self)?;
        self.write(variant)
    }
}

/// How many items a `Serialize` has declared, and how many it has written.
#[derive(Debug)]
struct Count {
    declared: Option<usize>,
    written: usize,
}

impl Count {
    /// Whether an end has to be written.
    #[inline]
    fn is_open_at_end(&self) -> Result<bool, CodecError> {
        match self.declared {
            Some(declared) if declared != self.written => Err(CodecError::wrong(format_args!(
                "its `Serialize` declares {declared} elements and writes {}",
                self.written
            ))),
            Some(_) => Ok(false),
            None => Ok(true),
        }
    }
}

/// The elements of an array.
#[derive(Debug)]
pub struct Items<'s, 'a> {
    sink: &'s mut Sink<'a>,
    count: Count,
    levels: u16,
}

impl<'s, 'a> Items<'s, 'a> {
    #[inline]
    fn begin(sink: &'s mut Sink<'a>, declared: Option<usize>, levels: u16) -> Result<Self, CodecError> {
        sink.enter()?;
        match declared {
            Some(len) => types::Array::bounded(len, sink)?,
            None => types::Array::unbounded(sink)?,
        }
        Ok(Self { sink, count: Count { declared, written: 0 }, levels })
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.count.written += 1;
        self.sink.part(value)
    }

    #[inline]
    fn finish(self) -> Result<(), CodecError> {
        if self.count.is_open_at_end()? {
            types::Array::end(self.sink)?;
        }
        self.sink.leave(self.levels);
        Ok(())
    }
}

/// The pairs of a map.
#[derive(Debug)]
pub struct Pairs<'s, 'a> {
    sink: &'s mut Sink<'a>,
    count: Count,
    /// Whether a key waits for its value.
    has_key: bool,
    levels: u16,
}

impl<'s, 'a> Pairs<'s, 'a> {
    #[inline]
    fn begin(sink: &'s mut Sink<'a>, declared: Option<usize>, levels: u16) -> Result<Self, CodecError> {
        sink.enter()?;
        match declared {
            Some(len) => types::Map::bounded(len, sink)?,
            None => types::Map::unbounded(sink)?,
        }
        Ok(Self { sink, count: Count { declared, written: 0 }, has_key: false, levels })
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), CodecError> {
        self.count.written += 1;
        self.sink.write(name)?;
        self.sink.part(value)
    }

    /// Keys and values take turns.
    #[inline]
    fn turn(&mut self, is_key: bool) -> Result<(), CodecError> {
        if self.has_key == is_key {
            let reason = "its `Serialize` writes a key without a value, or a value without a key";
            return Err(self.sink.fail(CodecError::wrong(reason)));
        }
        self.has_key = is_key;
        Ok(())
    }

    #[inline]
    fn finish(mut self) -> Result<(), CodecError> {
        self.turn(true)?;
        if self.count.is_open_at_end()? {
            types::Map::end(self.sink)?;
        }
        self.sink.leave(self.levels);
        Ok(())
    }
}

macro_rules! sequences {
    ($($name:ident::$method:ident),*) => {$(
        impl $name for Items<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                self.finish()
            }
        }
    )*};
}

sequences!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! structs {
    ($($name:ident),*) => {$(
        impl $name for Pairs<'_, '_> {
            type Ok = ();
            type Error = CodecError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), CodecError> {
                self.field(name, value)
            }

            #[inline]
            fn end(self) -> Result<(), CodecError> {
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Pairs<'_, '_> {
    type Ok = ();
    type Error = CodecError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CodecError> {
        self.turn(true)?;
        self.count.written += 1;
        self.sink.part(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.turn(false)?;
        self.sink.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), CodecError> {
        self.finish()
    }
}
