//! Derived code needs nothing of the prelude.

#![no_implicit_prelude]
#![deny(warnings, missing_docs)]
#![deny(clippy::all, clippy::pedantic)]

use ::kvstore::{Key, Store};

/// An entry with a field of every kind.
#[derive(Store)]
#[store(key = ::std::string::String, namespace = "everything")]
pub struct Job {
    /// A required field.
    pub owner: ::std::string::String,
    /// A collection.
    pub list: ::std::vec::Vec<u8>,
    /// An option.
    pub error: ::std::option::Option<u8>,
    /// An expression.
    #[store(default = 3)]
    pub retries: u8,
    /// A default.
    #[store(default)]
    pub size: u64,
    /// Not stored.
    #[store(skip)]
    pub cache: u8,
    /// Serialized by a module.
    #[store(with = "::serde_bytes")]
    pub data: ::std::vec::Vec<u8>,
    /// Stored one by one.
    pub steps: ::kvstore::ElementMap<u8, ::std::string::String>,
}

/// An entry that has its key.
#[derive(Store)]
pub struct Work {
    /// The key.
    #[store(key)]
    pub id: Id,
}

/// An entry without fields.
#[derive(Store)]
#[store(key = Level)]
pub struct Empty {}

/// A newtype.
#[derive(Key, Clone, Copy)]
pub struct Number(u64);

/// A struct.
#[derive(Key)]
pub struct Id {
    /// One part.
    pub number: Number,
    /// Another.
    pub level: Level,
    /// The last.
    pub rest: (bool, char),
}

/// An enum.
#[derive(Key)]
pub enum Level {
    /// Without fields.
    Low,
    /// With fields.
    High(u8, ::std::string::String),
    /// With named fields.
    Named {
        /// One.
        one: u8,
    },
}

/// An id of one kind.
#[derive(Key)]
pub struct Typed<T>(u64, ::std::marker::PhantomData<fn() -> T>);

/// Kept as a number.
#[derive(Key)]
#[key(as = "u8")]
pub enum Color {
    /// 1.
    Red = 1,
}

impl ::std::clone::Clone for Color {
    fn clone(&self) -> Self {
        match self {
            Self::Red => Self::Red,
        }
    }
}

impl ::std::convert::From<Color> for u8 {
    fn from(color: Color) -> Self {
        color as Self
    }
}

impl ::std::convert::From<u8> for Color {
    fn from(_: u8) -> Self {
        Self::Red
    }
}

#[test]
fn entries_come_and_go() -> ::kvstore::Result<()> {
    use ::std::{assert_eq, convert::Into, iter::Iterator};
    let db = ::kvstore::Database::in_memory()?;
    let jobs: JobStore = db.store::<Job>()?;
    let job: JobGuard = jobs.create("/a", JobInit { owner: "me".into() })?;
    assert_eq!(job.retries, 3);
    job.commit()?;
    assert_eq!(jobs.elements(Job::STEPS, "/a").count()?, 0);
    let work = db.store::<Work>()?;
    let id = Id { number: Number(1), level: Level::High(1, "a".into()), rest: (true, 'x') };
    work.insert(&id, WorkInit {})?;
    assert_eq!(work.prefix((Number(1),))?.count(), 1);
    let empty = db.store::<Empty>()?;
    empty.insert(Level::Low, EmptyInit {})?;
    empty.insert(Level::Named { one: 1 }, EmptyInit {})?;
    let level = ::kvstore::Prefix((Level::HIGH, 1));
    assert_eq!(work.prefix((Number(1), level))?.count(), 1);
    let typed = db.map::<(Typed<Job>, Color), ()>("typed")?;
    typed.put((Typed(1, ::std::marker::PhantomData), Color::Red), ())?;
    ::std::result::Result::Ok(())
}
