//! Every shape of serde's data model, as generated types: what is written is read back, here and by ciborium; inside what
//! serde buffers it is read back or an error.
//!
//! A [`Shape`] is a type, and a [`Datum`] a value of one. They are written and read by the calls that serde's derive makes
//! for a type of that shape.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::{self, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{decode_bare, encode_bare};

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Unit,
    UnitStruct,
    Bool,
    /// So many bits.
    Signed(u32),
    Unsigned(u32),
    F32,
    F64,
    Char,
    Text,
    Bytes,
    Option(Box<Shape>),
    Newtype(Box<Shape>),
    Seq {
        of: Box<Shape>,
        is_open: bool,
    },
    Tuple(Vec<Shape>),
    TupleStruct(Vec<Shape>),
    Map {
        key: Box<Shape>,
        value: Box<Shape>,
        is_open: bool,
    },
    Struct(Vec<Shape>),
    Enum(Vec<VariantShape>),
}

#[derive(Debug, Clone, PartialEq)]
enum VariantShape {
    Unit,
    Newtype(Shape),
    Tuple(Vec<Shape>),
    Struct(Vec<Shape>),
}

#[derive(Debug, Clone, PartialEq)]
enum Datum {
    Unit,
    Bool(bool),
    Signed(i128),
    Unsigned(u128),
    /// By their bits.
    F32(u32),
    F64(u64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Datum>),
    Newtype(Box<Datum>),
    Items(Vec<Datum>),
    Pairs(Vec<(Datum, Datum)>),
    Variant(usize, Box<Datum>),
}

/// Of fields and of variants.
const NAMES: [&str; 4] = ["a", "second", "a name of more than twenty-three bytes", ""];

/// A value with its type.
struct Typed<'a>(&'a Shape, &'a Datum);

impl Serialize for Typed<'_> {
    #[expect(clippy::cast_possible_truncation, reason = "numbers were made for their width")]
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Shape::Unit, _) => to.serialize_unit(),
            (Shape::UnitStruct, _) => to.serialize_unit_struct("U"),
            (Shape::Bool, Datum::Bool(value)) => to.serialize_bool(*value),
            (Shape::Signed(8), Datum::Signed(value)) => to.serialize_i8(*value as i8),
            (Shape::Signed(16), Datum::Signed(value)) => to.serialize_i16(*value as i16),
            (Shape::Signed(32), Datum::Signed(value)) => to.serialize_i32(*value as i32),
            (Shape::Signed(64), Datum::Signed(value)) => to.serialize_i64(*value as i64),
            (Shape::Signed(_), Datum::Signed(value)) => to.serialize_i128(*value),
            (Shape::Unsigned(8), Datum::Unsigned(value)) => to.serialize_u8(*value as u8),
            (Shape::Unsigned(16), Datum::Unsigned(value)) => to.serialize_u16(*value as u16),
            (Shape::Unsigned(32), Datum::Unsigned(value)) => to.serialize_u32(*value as u32),
            (Shape::Unsigned(64), Datum::Unsigned(value)) => to.serialize_u64(*value as u64),
            (Shape::Unsigned(_), Datum::Unsigned(value)) => to.serialize_u128(*value),
            (Shape::F32, Datum::F32(bits)) => to.serialize_f32(f32::from_bits(*bits)),
            (Shape::F64, Datum::F64(bits)) => to.serialize_f64(f64::from_bits(*bits)),
            (Shape::Char, Datum::Char(value)) => to.serialize_char(*value),
            (Shape::Text, Datum::Text(value)) => to.serialize_str(value),
            (Shape::Bytes, Datum::Bytes(value)) => to.serialize_bytes(value),
            (Shape::Option(_), Datum::None) => to.serialize_none(),
            (Shape::Option(of), Datum::Some(value)) => to.serialize_some(&Typed(of, value)),
            (Shape::Newtype(of), Datum::Newtype(value)) => to.serialize_newtype_struct("N", &Typed(of, value)),
            (Shape::Seq { of, is_open }, Datum::Items(items)) => {
                let mut seq = to.serialize_seq((!is_open).then_some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(&Typed(of, item)))?;
                seq.end()
            }
            (Shape::Tuple(of), Datum::Items(items)) => {
                let mut tuple = to.serialize_tuple(of.len())?;
                of.iter().zip(items).try_for_each(|(of, item)| tuple.serialize_element(&Typed(of, item)))?;
                tuple.end()
            }
            (Shape::TupleStruct(of), Datum::Items(items)) => {
                let mut tuple = to.serialize_tuple_struct("T", of.len())?;
                of.iter().zip(items).try_for_each(|(of, item)| tuple.serialize_field(&Typed(of, item)))?;
                tuple.end()
            }
            (Shape::Map { key, value, is_open }, Datum::Pairs(pairs)) => {
                let mut map = to.serialize_map((!is_open).then_some(pairs.len()))?;
                pairs.iter().try_for_each(|(k, v)| map.serialize_entry(&Typed(key, k), &Typed(value, v)))?;
                map.end()
            }
            (Shape::Struct(of), Datum::Items(items)) => {
                let mut fields = to.serialize_struct("S", of.len())?;
                for ((of, item), name) in of.iter().zip(items).zip(NAMES) {
                    fields.serialize_field(name, &Typed(of, item))?;
                }
                fields.end()
            }
            (Shape::Enum(of), Datum::Variant(index, value)) => {
                let (number, name) = (u32::try_from(*index).unwrap(), NAMES[*index]);
                match (&of[*index], &**value) {
                    (VariantShape::Unit, _) => to.serialize_unit_variant("E", number, name),
                    (VariantShape::Newtype(of), value) => {
                        to.serialize_newtype_variant("E", number, name, &Typed(of, value))
                    }
                    (VariantShape::Tuple(of), Datum::Items(items)) => {
                        let mut tuple = to.serialize_tuple_variant("E", number, name, of.len())?;
                        of.iter().zip(items).try_for_each(|(of, item)| tuple.serialize_field(&Typed(of, item)))?;
                        tuple.end()
                    }
                    (VariantShape::Struct(of), Datum::Items(items)) => {
                        let mut fields = to.serialize_struct_variant("E", number, name, of.len())?;
                        for ((of, item), name) in of.iter().zip(items).zip(NAMES) {
                            fields.serialize_field(name, &Typed(of, item))?;
                        }
                        fields.end()
                    }
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Reads a value of a type.
#[derive(Clone, Copy)]
struct Seed<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Datum;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Datum, D::Error> {
        match self.0 {
            Shape::Unit => from.deserialize_unit(self),
            Shape::UnitStruct => from.deserialize_unit_struct("U", self),
            Shape::Bool => from.deserialize_bool(self),
            Shape::Signed(8) => from.deserialize_i8(self),
            Shape::Signed(16) => from.deserialize_i16(self),
            Shape::Signed(32) => from.deserialize_i32(self),
            Shape::Signed(64) => from.deserialize_i64(self),
            Shape::Signed(_) => from.deserialize_i128(self),
            Shape::Unsigned(8) => from.deserialize_u8(self),
            Shape::Unsigned(16) => from.deserialize_u16(self),
            Shape::Unsigned(32) => from.deserialize_u32(self),
            Shape::Unsigned(64) => from.deserialize_u64(self),
            Shape::Unsigned(_) => from.deserialize_u128(self),
            Shape::F32 => from.deserialize_f32(self),
            Shape::F64 => from.deserialize_f64(self),
            Shape::Char => from.deserialize_char(self),
            Shape::Text => from.deserialize_string(self),
            Shape::Bytes => from.deserialize_byte_buf(self),
            Shape::Option(_) => from.deserialize_option(self),
            Shape::Newtype(_) => from.deserialize_newtype_struct("N", self),
            Shape::Seq { .. } => from.deserialize_seq(self),
            Shape::Tuple(of) => from.deserialize_tuple(of.len(), self),
            Shape::TupleStruct(of) => from.deserialize_tuple_struct("T", of.len(), self),
            Shape::Map { .. } => from.deserialize_map(self),
            Shape::Struct(of) => from.deserialize_struct("S", &NAMES[..of.len()], self),
            Shape::Enum(of) => from.deserialize_enum("E", &NAMES[..of.len()], self),
        }
    }
}

macro_rules! visit {
    ($($method:ident: $type:ty => |$value:ident| $datum:expr),* $(,)?) => {$(
        fn $method<E: de::Error>(self, $value: $type) -> Result<Datum, E> {
            Ok($datum)
        }
    )*};
}

impl Seed<'_> {
    fn is_signed(self) -> bool {
        matches!(self.0, Shape::Signed(_))
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }

    visit! {
        visit_bool: bool => |value| Datum::Bool(value),
        visit_i64: i64 => |value| Datum::Signed(value.into()),
        visit_i128: i128 => |value| Datum::Signed(value),
        visit_u128: u128 => |value| Datum::Unsigned(value),
        visit_f32: f32 => |value| Datum::F32(value.to_bits()),
        visit_char: char => |value| Datum::Char(value),
        visit_bytes: &[u8] => |value| Datum::Bytes(value.to_vec()),
    }

    /// As those of the integers, which take either sign.
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Datum, E> {
        Ok(if self.is_signed() { Datum::Signed(value.into()) } else { Datum::Unsigned(value.into()) })
    }

    /// As those of the floats: ciborium widens.
    #[expect(clippy::cast_possible_truncation, reason = "it was narrow")]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Datum, E> {
        let is_narrow = matches!(self.0, Shape::F32);
        Ok(if is_narrow { Datum::F32((value as f32).to_bits()) } else { Datum::F64(value.to_bits()) })
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Datum, E> {
        let mut chars = value.chars();
        match (self.0, chars.next(), chars.next()) {
            (Shape::Char, Some(one), None) => Ok(Datum::Char(one)),
            (Shape::Text, ..) => Ok(Datum::Text(value.to_owned())),
            _ => Err(E::invalid_type(de::Unexpected::Str(value), &self)),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Datum, E> {
        // As that of `Option`.
        Ok(if matches!(self.0, Shape::Option(_)) { Datum::None } else { Datum::Unit })
    }

    fn visit_none<E: de::Error>(self) -> Result<Datum, E> {
        Ok(Datum::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Datum, D::Error> {
        let Shape::Option(of) = self.0 else { return Err(de::Error::custom("no option")) };
        Seed(of).deserialize(from).map(|value| Datum::Some(value.into()))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Datum, D::Error> {
        let Shape::Newtype(of) = self.0 else { return Err(de::Error::custom("no newtype")) };
        Seed(of).deserialize(from).map(|value| Datum::Newtype(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        let mut items = Vec::new();
        match self.0 {
            Shape::Seq { of, .. } => {
                while let Some(item) = seq.next_element_seed(Seed(of))? {
                    items.push(item);
                }
            }
            Shape::Tuple(of) | Shape::TupleStruct(of) => {
                for of in of {
                    items.push(seq.next_element_seed(Seed(of))?.ok_or_else(|| de::Error::custom("too short"))?);
                }
            }
            _ => return Err(de::Error::custom("no sequence")),
        }
        Ok(Datum::Items(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Datum, A::Error> {
        match self.0 {
            Shape::Map { key, value, .. } => {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry_seed(Seed(key), Seed(value))? {
                    pairs.push(pair);
                }
                Ok(Datum::Pairs(pairs))
            }
            Shape::Struct(of) => {
                let mut items = vec![None; of.len()];
                while let Some(name) = map.next_key::<String>()? {
                    match NAMES.iter().position(|known| *known == name).filter(|index| *index < of.len()) {
                        Some(index) => items[index] = Some(map.next_value_seed(Seed(&of[index]))?),
                        None => map.next_value::<de::IgnoredAny>().map(|_| ())?,
                    }
                }
                let items: Option<Vec<_>> = items.into_iter().collect();
                items.map(Datum::Items).ok_or_else(|| de::Error::custom("a field is missing"))
            }
            _ => Err(de::Error::custom("no map")),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Datum, A::Error> {
        let Shape::Enum(of) = self.0 else { return Err(de::Error::custom("no enum")) };
        let (name, variant) = data.variant::<String>()?;
        let index = NAMES.iter().position(|known| *known == name).filter(|index| *index < of.len());
        let index = index.ok_or_else(|| de::Error::custom("no such variant"))?;
        let value = match &of[index] {
            VariantShape::Unit => variant.unit_variant().map(|()| Datum::Unit)?,
            VariantShape::Newtype(of) => variant.newtype_variant_seed(Seed(of))?,
            VariantShape::Tuple(items) => variant.tuple_variant(items.len(), Seed(&Shape::Tuple(items.clone())))?,
            VariantShape::Struct(fields) => {
                variant.struct_variant(&NAMES[..fields.len()], Seed(&Shape::Struct(fields.clone())))?
            }
        };
        Ok(Datum::Variant(index, value.into()))
    }
}

thread_local!(static SHAPE: RefCell<Rc<Shape>> = RefCell::new(Rc::new(Shape::Unit)));

/// A value of the type that `SHAPE` holds, as a type that derives may contain.
#[derive(Debug, Clone, PartialEq)]
struct Current(Datum);

impl Serialize for Current {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let shape = SHAPE.with_borrow(Rc::clone);
        Typed(&shape, &self.0).serialize(to)
    }
}

impl<'de> Deserialize<'de> for Current {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let shape = SHAPE.with_borrow(Rc::clone);
        Seed(&shape).deserialize(from).map(Self)
    }
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
enum Untagged {
    Never { no_such_field: u8 },
    Value(Current),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "kind")]
enum Internal {
    Empty,
    Fields { before: Option<()>, value: Current, after: () },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Unit,
    Value(Current),
    Pair(Current, Option<Current>),
    Fields { value: Current },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Flat {
    number: u8,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Inner {
    value: Current,
    unit: (),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Plain {
    options: Vec<Option<Current>>,
    boxed: Option<Box<Option<Current>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left_out: Option<Current>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    let bits = || proptest::sample::select(vec![8, 16, 32, 64, 128]);
    let leaf = prop_oneof![
        3 => Just(Shape::Unit),
        6 => proptest::sample::select(vec![
            Shape::UnitStruct,
            Shape::Bool,
            Shape::F32,
            Shape::F64,
            Shape::Char,
            Shape::Text,
            Shape::Bytes,
        ]),
        2 => bits().prop_map(Shape::Signed),
        2 => bits().prop_map(Shape::Unsigned),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        let some = || vec(inner.clone(), 1..4);
        let variant = prop_oneof![
            Just(VariantShape::Unit),
            inner.clone().prop_map(VariantShape::Newtype),
            some().prop_map(VariantShape::Tuple),
            some().prop_map(VariantShape::Struct),
        ];
        prop_oneof![
            4 => boxed.clone().prop_map(Shape::Option),
            2 => boxed.clone().prop_map(Shape::Newtype),
            1 => (boxed.clone(), any::<bool>()).prop_map(|(of, is_open)| Shape::Seq { of, is_open }),
            1 => some().prop_map(Shape::Tuple),
            1 => some().prop_map(Shape::TupleStruct),
            1 => (boxed.clone(), boxed, any::<bool>())
                .prop_map(|(key, value, is_open)| Shape::Map { key, value, is_open }),
            1 => some().prop_map(Shape::Struct),
            1 => vec(variant, 1..4).prop_map(Shape::Enum),
        ]
    })
}

/// Numbers of which some are near the ends of their range, and of each number of bits.
fn number() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0_u32..128).prop_map(|(number, shift)| number >> shift)
}

fn each(of: &[Shape]) -> BoxedStrategy<Datum> {
    of.iter().map(data).collect::<Vec<_>>().prop_map(Datum::Items).boxed()
}

/// The values of a type.
#[expect(clippy::cast_possible_wrap, reason = "every number will do")]
fn data(shape: &Shape) -> BoxedStrategy<Datum> {
    match shape {
        Shape::Unit | Shape::UnitStruct => Just(Datum::Unit).boxed(),
        Shape::Bool => any::<bool>().prop_map(Datum::Bool).boxed(),
        Shape::Signed(bits) => {
            let spare = 128 - bits;
            (number(), any::<bool>())
                .prop_map(move |(number, is_negative)| {
                    let number = (number << spare) as i128 >> spare;
                    Datum::Signed(if is_negative { !number } else { number })
                })
                .boxed()
        }
        Shape::Unsigned(bits) => {
            let spare = 128 - bits;
            number().prop_map(move |number| Datum::Unsigned(number << spare >> spare)).boxed()
        }
        Shape::F32 => {
            let special = [0.0, -0.0, f32::INFINITY, f32::NAN, 1.5].map(f32::to_bits);
            prop_oneof![any::<u32>(), proptest::sample::select(special.to_vec()), Just(0x7F80_0001), Just(0xFFC0_1234)]
                .prop_map(Datum::F32)
                .boxed()
        }
        Shape::F64 => {
            let special = [0.0, -0.0, f64::INFINITY, f64::NAN, 1.5].map(f64::to_bits);
            let nans = [0x7FF0_0000_0000_0001, 0xFFF8_0000_0000_1234];
            prop_oneof![any::<u64>(), proptest::sample::select([&special[..], &nans].concat())]
                .prop_map(Datum::F64)
                .boxed()
        }
        Shape::Char => any::<char>().prop_map(Datum::Char).boxed(),
        Shape::Text => "\\PC{0,30}".prop_map(Datum::Text).boxed(),
        Shape::Bytes => vec(any::<u8>(), 0..300).prop_map(Datum::Bytes).boxed(),
        Shape::Option(of) => {
            prop_oneof![Just(Datum::None), data(of).prop_map(|value| Datum::Some(value.into()))].boxed()
        }
        Shape::Newtype(of) => data(of).prop_map(|value| Datum::Newtype(value.into())).boxed(),
        Shape::Seq { of, .. } => vec(data(of), 0..30).prop_map(Datum::Items).boxed(),
        Shape::Tuple(of) | Shape::TupleStruct(of) | Shape::Struct(of) => each(of),
        Shape::Map { key, value, .. } => vec((data(key), data(value)), 0..5).prop_map(Datum::Pairs).boxed(),
        Shape::Enum(of) => {
            let variants = of.iter().enumerate().map(|(index, of)| {
                let value = match of {
                    VariantShape::Unit => Just(Datum::Unit).boxed(),
                    VariantShape::Newtype(of) => data(of),
                    VariantShape::Tuple(of) | VariantShape::Struct(of) => each(of),
                };
                value.prop_map(move |value| Datum::Variant(index, value.into())).boxed()
            });
            proptest::strategy::Union::new(variants.collect::<Vec<_>>()).boxed()
        }
    }
}

impl Datum {
    /// Whether it is read as `None` in the place of an `Option`.
    fn is_nothing(&self) -> bool {
        match self {
            Self::Unit | Self::None => true,
            Self::Some(inside) | Self::Newtype(inside) => inside.is_nothing(),
            _ => false,
        }
    }

    fn parts(&self) -> Vec<&Self> {
        match self {
            Self::Some(part) | Self::Newtype(part) | Self::Variant(_, part) => vec![part],
            Self::Items(parts) => parts.iter().collect(),
            Self::Pairs(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether `Some` of nothing is anywhere in it: ciborium takes it for `None`.
    fn has_some_of_nothing(&self) -> bool {
        matches!(self, Self::Some(inside) if inside.is_nothing())
            || self.parts().into_iter().any(Self::has_some_of_nothing)
    }

    /// Whether a NaN is anywhere in it: ciborium widens floats and makes them quiet.
    fn has_nan(&self) -> bool {
        match self {
            Self::F32(bits) => f32::from_bits(*bits).is_nan(),
            Self::F64(bits) => f64::from_bits(*bits).is_nan(),
            other => other.parts().into_iter().any(Self::has_nan),
        }
    }
}

/// Writes and reads a value: it is read back as it was, and written alike again.
fn read_back<V>(value: &V) -> Result<V, String>
where
    V: Serialize + de::DeserializeOwned + PartialEq + fmt::Debug + Send + 'static,
{
    let record = encode_bare(value).map_err(|error| format!("refused: {error}"))?;
    let read: V = decode_bare(&record).map_err(|error| format!("{error}"))?;
    assert_eq!(encode_bare(&read).unwrap(), record);
    Ok(read)
}

/// Inside what serde buffers, a value is read back or is an error; never as another.
fn never_another<V>(value: V)
where
    V: Serialize + de::DeserializeOwned + PartialEq + fmt::Debug + Send + 'static,
{
    if let Ok(record) = encode_bare(&value)
        && let Ok(read) = decode_bare::<V>(&record)
    {
        assert!(read == value || encode_bare(&read).unwrap() != record, "{value:?} is read back as {read:?}");
    }
}

fn typed() -> impl Strategy<Value = (Shape, Datum)> {
    shapes().prop_flat_map(|shape| {
        let data = data(&shape);
        (Just(shape), data)
    })
}

proptest! {
    #[test]
    fn every_shape_is_read_back((shape, datum) in typed()) {
        SHAPE.set(Rc::new(shape));
        let value = Current(datum);
        prop_assert_eq!(read_back(&value), Ok(value.clone()));
        let plain = Plain {
            options: vec![None, Some(value.clone()), Some(value.clone())],
            boxed: Some(Box::new(Some(value.clone()))),
            left_out: Some(value.clone()),
        };
        prop_assert_eq!(read_back(&plain), Ok(plain.clone()));
        let nothing = Plain { options: vec![], boxed: Some(Box::new(None)), left_out: None };
        prop_assert_eq!(read_back(&nothing), Ok(nothing.clone()));
    }

    #[test]
    fn ciborium_reads_every_shape((shape, datum) in typed()) {
        SHAPE.set(Rc::new(shape));
        let value = Current(datum);
        let record = encode_bare(&value).unwrap();
        let mut cbor = &record[2..];
        ciborium::from_reader::<ciborium::Value, _>(&mut cbor).unwrap();
        prop_assert!(cbor.is_empty());
        if !value.0.has_some_of_nothing() {
            let read: Current = ciborium::from_reader(&record[2..]).unwrap();
            prop_assert!(read == value || value.0.has_nan(), "{:?}", read);
        }
    }

    #[test]
    fn what_serde_buffers_is_read_back_or_refused((shape, datum) in typed()) {
        SHAPE.set(Rc::new(shape));
        let value = || Current(datum.clone());
        never_another(Untagged::Value(value()));
        never_another(vec![Some(Untagged::Value(value())), None]);
        never_another(Internal::Fields { before: Some(()), value: value(), after: () });
        never_another(Internal::Fields { before: None, value: value(), after: () });
        never_another(Flat { number: 1, inner: Inner { value: value(), unit: () } });
        for adjacent in [
            Adjacent::Unit,
            Adjacent::Value(value()),
            Adjacent::Pair(value(), None),
            Adjacent::Pair(value(), Some(value())),
            Adjacent::Fields { value: value() },
        ] {
            prop_assert_eq!(read_back(&adjacent), Ok(adjacent.clone()));
        }
        prop_assert_eq!(read_back(&Internal::Empty), Ok(Internal::Empty));
    }
}
