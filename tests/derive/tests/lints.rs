//! Derived code is free of warnings, under the strictest lints that a program may have.

#![deny(warnings)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(
    future_incompatible,
    keyword_idents,
    let_underscore,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    nonstandard_style,
    rust_2018_idioms,
    rust_2021_compatibility,
    rust_2024_compatibility,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(
    clippy::absolute_paths,
    clippy::as_conversions,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::let_underscore_untyped,
    clippy::min_ident_chars,
    clippy::missing_inline_in_public_items,
    clippy::missing_trait_methods,
    clippy::panic,
    clippy::pattern_type_mismatch,
    clippy::question_mark_used,
    clippy::renamed_function_params,
    clippy::same_name_method,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated,
    clippy::single_char_lifetime_names,
    clippy::unwrap_used
)]
#![forbid(unsafe_code)]

use std::char::CharTryFromError;
use std::collections::BTreeMap;
use std::marker::PhantomData;

use kvstore::{ElementDeque, ElementMap, ElementSet, Key, Store};

/// Everything public and documented.
#[derive(Store, Debug)]
#[store(key = String)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)]
pub struct Job {
    /// Required.
    pub owner: String,
    /// Required, with parts that lints count.
    pub flags: (bool, bool),
    /// One of many.
    pub one: bool,
    /// One of many.
    pub two: bool,
    /// One of many.
    pub three: bool,
    /// One of many.
    pub four: bool,
    /// Of a type that a lint calls complex.
    #[allow(clippy::type_complexity)]
    pub complex: BTreeMap<String, BTreeMap<(u8, u16, u32), Option<Vec<(String, BTreeMap<u8, Option<Vec<u8>>>)>>>>,
    /// Deprecated.
    #[deprecated(note = "use `owner`")]
    pub old: String,
    /// Deprecated, and starts empty.
    #[deprecated(note = "use `owner`")]
    pub older: Option<u8>,
    /// Deprecated, and not stored.
    #[deprecated(note = "use `owner`")]
    #[store(skip)]
    pub oldest: u8,
    /// With an expression.
    #[store(default = 3)]
    pub retries: u8,
    /// With a module.
    #[store(with = "serde_bytes")]
    pub data: Vec<u8>,
    private: Option<u8>,
    /// Stored one by one.
    pub steps: ElementMap<u32, String>,
    /// Stored one by one, of a type that a lint calls complex.
    #[allow(clippy::type_complexity)]
    pub complex_steps:
        ElementMap<String, BTreeMap<(u8, u16, u32), Option<Vec<(String, BTreeMap<u8, Option<Vec<u8>>>)>>>>,
    /// Deprecated, and stored one by one.
    #[deprecated(note = "use `steps`")]
    pub old_steps: ElementSet<u8>,
    private_steps: ElementDeque<u8>,
}

#[derive(Store)]
struct Unused {
    #[store(key)]
    id: u64,
    undocumented: u8,
    steps: ElementSet<u8>,
}

#[derive(Store)]
#[store(key = Unit)]
struct Nothing {}

/// Deprecated altogether.
#[derive(Store, Debug)]
#[store(key = String)]
#[deprecated(note = "use `Job`")]
#[non_exhaustive]
pub struct Old {
    /// Required.
    pub owner: String,
}

/// A newtype.
#[derive(Key, Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Unit(u8);

/// A struct.
#[derive(Key, Debug, Clone)]
#[non_exhaustive]
pub struct Parts {
    /// One part.
    pub unit: Unit,
    /// Deprecated.
    #[deprecated(note = "use `unit`")]
    pub old: u8,
    rest: String,
}

/// An enum.
#[derive(Key, Debug, Clone)]
#[non_exhaustive]
pub enum Level {
    /// Without fields.
    Low,
    /// With fields.
    High(u8, Parts),
    /// Deprecated.
    #[deprecated(note = "use `Low`")]
    Old {
        /// One.
        one: u8,
    },
}

/// An id of one kind.
#[derive(Key, Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Id<Kind>(u64, PhantomData<Kind>);

/// Kept as a number.
#[derive(Key, Debug, Clone, Copy)]
#[key(as = "u32")]
#[non_exhaustive]
pub struct Letter(char);

impl From<Letter> for u32 {
    #[inline]
    fn from(letter: Letter) -> Self {
        Self::from(letter.0)
    }
}

impl TryFrom<u32> for Letter {
    type Error = CharTryFromError;

    #[inline]
    fn try_from(number: u32) -> Result<Self, Self::Error> {
        char::try_from(number).map(Self)
    }
}

#[test]
fn unused_items_are_no_warning() {
    let unused = Unused { id: 1, undocumented: 1, steps: ElementSet::new() };
    assert_eq!(unused.id + u64::from(unused.undocumented), 2);
    let Nothing {} = Nothing {};
}

/// With an initializer that derives.
#[derive(Store, Debug)]
#[store(key = u64, init_derive(Clone, Debug, PartialEq, Eq))]
#[non_exhaustive]
pub struct Derived {
    /// Required.
    pub owner: String,
    /// Not required.
    pub log: Vec<u8>,
}
