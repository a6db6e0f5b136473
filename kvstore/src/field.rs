//! Which types can be fields, and how generated code finds out.
//!
//! Generated code does not repeat the types of the fields, since each name that can't be resolved would be one error more.
//! It infers them from the struct: `field_type(|job: &Job| &job.owner)` is a [`FieldType<String>`]. A method of it is there
//! if the type meets a bound. If it doesn't, the call reaches the method of the same name of [`Other`], to which it derefs.
//! So a type that can't be stored is an error in the function that checks it, and nowhere else. There the type is taken
//! apart, to blame the innermost part: `Part` in a `Vec<Part>`.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::elements::{ElementDeque, ElementMap, ElementSet};
use crate::record::{FieldReader, FieldWriter, RecordError};

/// A type that can be a field of a stored struct, or part of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be stored in a field",
    label = "not `Serialize + DeserializeOwned`",
    note = "for a type of your own: derive both `serde::Serialize` and `serde::Deserialize`",
    note = "for a type of another crate: turn on the feature `serde` of that crate; for `Arc` and `Rc` the feature `rc` of serde",
    note = "otherwise name a serde module with `#[store(with = \"module\")]`, or leave the field out of the record with `#[store(skip)]`"
)]
pub trait Field: Serialize + DeserializeOwned {}

// `Send + 'static` is asked of the whole struct, as `Store::Value`, so that a field without it is one error and not two.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Field for T {}

/// An array that serde can write and read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be stored in a field: serde has no arrays of more than 32 elements",
    label = "too long for serde",
    note = "use a `Vec`, or name a serde module with `#[store(with = \"module\")]`: `serde_bytes` for bytes, one of the crate `serde_with` or `serde-big-array` for the rest"
)]
pub trait FieldArray: Field {}

#[diagnostic::do_not_recommend]
impl<T: Field> FieldArray for T {}

/// A type that can be in a `BTreeMap` as key, a `BTreeSet` or a `BinaryHeap`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no order, which a `BTreeMap`, `BTreeSet` or `BinaryHeap` needs",
    label = "not `Ord`",
    note = "derive `PartialEq, Eq, PartialOrd, Ord` for a type of your own; floats are not `Ord`: use an integer, or a type that orders them"
)]
pub trait OrderedElement: Ord {}

#[diagnostic::do_not_recommend]
impl<T: Ord> OrderedElement for T {}

/// A type that can be in a `HashMap` as key, or in a `HashSet`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no hash, which a `HashMap` or `HashSet` needs",
    label = "not `Eq + Hash`",
    note = "derive `PartialEq, Eq, Hash` for a type of your own; floats are not `Eq`: use an integer, or a type that compares them"
)]
pub trait HashedElement: Eq + Hash {}

#[diagnostic::do_not_recommend]
impl<T: Eq + Hash> HashedElement for T {}

/// A type of which a field can start without a value given.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no default value for the field to start with",
    label = "not `Default`",
    note = "derive `Default` for a type of your own, or give the value: `#[store(default = expr)]`, for a skipped field `#[store(skip, default = expr)]`"
)]
pub trait HasDefault: Default {}

#[diagnostic::do_not_recommend]
impl<T: Default> HasDefault for T {}

/// The default value of a type.
#[inline]
pub fn default_value<T: HasDefault>() -> T {
    T::default()
}

/// A type that the derive knows by its name to start empty.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has the name of a collection or `Option` of the standard library, but is another type",
    label = "seems to start empty",
    note = "such a field is not asked for in the initializer: add `#[store(default)]` if it starts as `Default::default()`, or write its type with a path, as `self::Name`, if it is required"
)]
pub trait StartsEmpty {
    /// The empty value.
    fn empty() -> Self;
}

/// A type that is none of the element-wise collections.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not recognized as an element-wise collection: the derive sees how its type is written only",
    label = "an alias, a renamed import, or inside another type",
    note = "write the type of the field as `ElementMap<K, V>`, `ElementSet<K>` or `ElementDeque<V>`, without an alias"
)]
pub trait NotElementwise {}

#[diagnostic::do_not_recommend]
impl NotElementwise for Sound {}

/// A type that holds others, which can be blamed in place of it.
pub trait Parts {
    /// Its first argument.
    type Part0;
    /// Its second argument, if any.
    type Part1;
    /// Its third argument, if any.
    type Part2;
    /// Its fourth argument, if any.
    type Part3;
}

/// The element-wise collections.
pub trait Elementwise {}

impl<K, V> Elementwise for ElementMap<K, V> {}
impl<K> Elementwise for ElementSet<K> {}
impl<V> Elementwise for ElementDeque<V> {}

/// Stands for the type of a field, or of a part of it.
#[derive(Debug)]
pub struct FieldType<T>(PhantomData<fn() -> T>);

/// What a [`FieldType`] derefs to: its methods are called if the type lacks the bound of the method that was meant.
#[derive(Debug)]
pub struct Other<T>(PhantomData<fn() -> T>);

/// A type to which every bound applies, in place of one that is not to be blamed.
type Sound = Option<()>;

impl<T> Clone for FieldType<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FieldType<T> {}

impl<T> Deref for FieldType<T> {
    type Target = Other<T>;

    fn deref(&self) -> &Other<T> {
        const { &Other(PhantomData) }
    }
}

const fn of<T>() -> FieldType<T> {
    FieldType(PhantomData)
}

impl<T> FieldType<T> {
    /// No value of this type.
    #[inline]
    pub fn nothing(self) -> Option<T> {
        None
    }
}

/// The type of a field.
#[inline]
pub const fn field_type<S, T>(_field: fn(&S) -> &T) -> FieldType<T> {
    of()
}

/// States that a type can be stored.
pub fn check_field<T: Field>(_: &FieldType<T>) {}

/// States that an array can be stored.
pub fn check_array<T: FieldArray>(_: &FieldType<T>) {}

/// States that a type has an order.
pub fn check_ordered<T: OrderedElement>(_: &FieldType<T>) {}

/// States that a type has a hash.
pub fn check_hashed<T: HashedElement>(_: &FieldType<T>) {}

/// States that a type starts empty.
pub fn check_empty<T: StartsEmpty>(_: &FieldType<T>) {}

/// States that a type is no element-wise collection.
pub fn check_not_elementwise<T: NotElementwise>(_: &FieldType<T>) {}

impl<T: Field> FieldType<T> {
    /// As [`FieldWriter::field`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn write(self, fields: &mut FieldWriter<'_, '_>, name: &'static str, value: &T) -> Result<(), RecordError> {
        fields.field(name, value)
    }

    /// As [`FieldReader::field`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn read(
        self,
        fields: &mut FieldReader<'_, '_>,
        name: &'static str,
        place: &mut Option<T>,
    ) -> Result<(), RecordError> {
        fields.field(name, place)
    }

    /// `other` if this type can be stored.
    pub fn if_sound<U>(self, other: FieldType<U>) -> FieldType<U> {
        other
    }

    /// `other` if this type can't be stored.
    pub fn unless_sound<U>(self, _: FieldType<U>) -> FieldType<Sound> {
        of()
    }
}

impl<T: Ord> FieldType<T> {
    /// `other` if this type has an order.
    pub fn if_ordered<U>(self, other: FieldType<U>) -> FieldType<U> {
        other
    }
}

impl<T: Eq + Hash> FieldType<T> {
    /// `other` if this type has a hash.
    pub fn if_hashed<U>(self, other: FieldType<U>) -> FieldType<U> {
        other
    }
}

impl<T: StartsEmpty> FieldType<T> {
    /// The empty value.
    #[inline]
    pub fn empty(self) -> T {
        T::empty()
    }
}

impl<T: Elementwise> FieldType<T> {
    /// [`Sound`], since what is wrong is not that this type can't be stored.
    pub fn value(self) -> FieldType<Sound> {
        of()
    }

    /// The type itself, an element-wise collection.
    #[must_use]
    pub fn elements(self) -> Self {
        self
    }
}

impl<T: Parts> FieldType<T> {
    /// The type of the first part.
    pub fn part_0(self) -> FieldType<T::Part0> {
        of()
    }

    /// The type of the second part.
    pub fn part_1(self) -> FieldType<T::Part1> {
        of()
    }

    /// The type of the third part.
    pub fn part_2(self) -> FieldType<T::Part2> {
        of()
    }

    /// The type of the fourth part.
    pub fn part_3(self) -> FieldType<T::Part3> {
        of()
    }
}

#[expect(clippy::unused_self, reason = "stands for a type")]
impl<T> Other<T> {
    /// Does not compile: the field was not checked.
    ///
    /// # Errors
    /// None: it can't be called.
    pub fn write(&self, _: &mut FieldWriter<'_, '_>, _: &'static str, _: &T) -> Result<(), RecordError> {
        const { unchecked::<T, _>() }
    }

    /// Does not compile: the field was not checked.
    ///
    /// # Errors
    /// None: it can't be called.
    pub fn read(&self, _: &mut FieldReader<'_, '_>, _: &'static str, _: &mut Option<T>) -> Result<(), RecordError> {
        const { unchecked::<T, _>() }
    }

    /// Does not compile: the field was not checked.
    pub fn empty(&self) -> T {
        const { unchecked::<T, _>() }
    }

    /// [`Sound`], since this type can't be stored.
    pub fn if_sound<U>(&self, _: FieldType<U>) -> FieldType<Sound> {
        of()
    }

    /// `other`, since this type can't be stored.
    pub fn unless_sound<U>(&self, other: FieldType<U>) -> FieldType<U> {
        other
    }

    /// [`Sound`], since this type has no order.
    pub fn if_ordered<U>(&self, _: FieldType<U>) -> FieldType<Sound> {
        of()
    }

    /// [`Sound`], since this type has no hash.
    pub fn if_hashed<U>(&self, _: FieldType<U>) -> FieldType<Sound> {
        of()
    }

    /// The type itself, which is no element-wise collection.
    pub fn value(&self) -> FieldType<T> {
        of()
    }

    /// [`Sound`], since this type is no element-wise collection.
    pub fn elements(&self) -> FieldType<Sound> {
        of()
    }

    /// [`Sound`], since this is another type than its name says.
    pub fn part_0(&self) -> FieldType<Sound> {
        of()
    }

    /// [`Sound`], since this is another type than its name says.
    pub fn part_1(&self) -> FieldType<Sound> {
        of()
    }
}

#[expect(clippy::panic, reason = "evaluated by the compiler only")]
const fn unchecked<T, R>() -> R {
    // Asks for something of `T`: otherwise an optimizing build evaluates this for the generic method, which nobody calls.
    let _ = size_of::<T>();
    panic!("a field that can't be stored was not reported: this is a bug in kvstore")
}

macro_rules! parts {
    ($([$($generics:tt)*] $type:ty: $a:ty, $b:ty, $c:ty, $d:ty;)*) => {$(
        impl<$($generics)*> Parts for $type {
            type Part0 = $a;
            type Part1 = $b;
            type Part2 = $c;
            type Part3 = $d;
        }
    )*};
}

parts! {
    [T] Option<T>: T, Sound, Sound, Sound;
    [T] Box<T>: T, Sound, Sound, Sound;
    [T] Vec<T>: T, Sound, Sound, Sound;
    [T] VecDeque<T>: T, Sound, Sound, Sound;
    [T] LinkedList<T>: T, Sound, Sound, Sound;
    [T] BinaryHeap<T>: T, Sound, Sound, Sound;
    [T] BTreeSet<T>: T, Sound, Sound, Sound;
    [T, S] HashSet<T, S>: T, S, Sound, Sound;
    [K, V] BTreeMap<K, V>: K, V, Sound, Sound;
    [K, V, S] HashMap<K, V, S>: K, V, S, Sound;
    [T, const N: usize] [T; N]: T, Sound, Sound, Sound;
    [A] (A,): A, Sound, Sound, Sound;
    [A, B] (A, B): A, B, Sound, Sound;
    [A, B, C] (A, B, C): A, B, C, Sound;
    [A, B, C, D] (A, B, C, D): A, B, C, D;
}

macro_rules! starts_empty {
    ($([$($generics:tt)*] $type:ty: $empty:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)*> StartsEmpty for $type {
            #[inline]
            fn empty() -> Self {
                $empty
            }
        }
    )*};
}

starts_empty! {
    [T] Option<T>: None;
    [T] Vec<T>: Self::new();
    [T] VecDeque<T>: Self::new();
    [T] LinkedList<T>: Self::new();
    [T: Ord] BinaryHeap<T>: Self::new();
    [T] BTreeSet<T>: Self::new();
    [T, S: Default] HashSet<T, S>: Self::default();
    [K, V] BTreeMap<K, V>: Self::new();
    [K, V, S: Default] HashMap<K, V, S>: Self::default();
}
