//! Derived code does not meet the program's names: those of the prelude, of the runtime, of methods, keywords.

#![allow(missing_docs, dead_code, unreachable_pub)]

mod shadowed_prelude {
    #![allow(non_camel_case_types, non_snake_case, clippy::upper_case_acronyms)]

    use ::kvstore::{Key, Store};

    // The types of the prelude, as something else.
    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct String;
    pub struct Default;
    pub struct Send;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub mod core {}
    pub mod std {}
    pub mod kvstore {}
    #[allow(unused_macros)]
    macro_rules! panic {
        () => {
            compile_error!("the program's own macro")
        };
    }
    #[allow(unused_macros)]
    macro_rules! unreachable {
        () => {
            compile_error!("the program's own macro")
        };
    }

    #[derive(Store)]
    #[store(key = ::std::string::String)]
    pub struct Job {
        pub owner: ::std::string::String,
        pub list: ::std::vec::Vec<u8>,
        pub error: ::std::option::Option<u8>,
        #[store(default = 3)]
        pub retries: u8,
        #[store(skip)]
        pub cache: u8,
        pub steps: ::kvstore::ElementSet<u8>,
    }

    #[derive(Store)]
    pub struct Work {
        #[store(key)]
        pub id: Id,
        pub path: ::std::string::String,
    }

    #[derive(Key)]
    pub struct Id(u64, Level, u8);

    #[derive(Key)]
    pub enum Level {
        Some(u8),
        None,
        Ok,
        Err { Ok: u8 },
    }
}

mod shadowed_primitives {
    #![allow(non_camel_case_types)]

    use ::kvstore::{Key, Store};

    // The primitive types, as something else.
    pub type bool = i32;
    pub struct u8;
    pub struct u16;
    pub struct usize;
    pub struct str;

    #[derive(Store)]
    #[store(key = Id)]
    pub struct Job {
        pub on: bool,
        #[store(default)]
        pub list: Vec<u32>,
        #[store(skip)]
        pub cache: u32,
        #[store(with = "serde_bytes")]
        pub data: Vec<::core::primitive::u8>,
        pub steps: kvstore::ElementSet<u64>,
    }

    #[derive(Store)]
    pub struct Work {
        #[store(key)]
        pub id: Id,
    }

    #[derive(Key)]
    pub struct Id(u64, Level, Number);

    #[derive(Key)]
    pub struct Number(u64);

    #[derive(Key)]
    pub enum Level {
        Low,
        High(u64, u32),
    }

    #[test]
    fn generated_code_says_those_of_the_language() -> kvstore::Result<()> {
        let db = kvstore::Database::in_memory()?;
        let jobs = db.store::<Job>()?;
        jobs.insert(Id(1, Level::High(1, 2), Number(3)), JobInit { on: 7 })?;
        assert_eq!(jobs.first()?.map(|(id, job)| (id.2.0, job.on)), Some((3, 7)));
        let work = db.store::<Work>()?;
        work.insert(Id(1, Level::Low, Number(3)), WorkInit {})?;
        assert_eq!(work.first()?.map(|(id, work)| (id.0, work.id.0)), Some((1, 1)));
        Ok(())
    }
}

mod variants_named_as_items_of_the_traits {
    use std::marker::PhantomData;

    use kvstore::Key;

    #[derive(Key, Debug, PartialEq)]
    enum Node<T> {
        Root(u8, PhantomData<fn() -> T>),
        Inner { value: u8, part: u8 },
        Key,
    }

    #[test]
    fn they_are_no_associated_types() -> kvstore::Result<()> {
        let nodes = kvstore::Database::in_memory()?.map::<Node<u8>, u8>("nodes")?;
        nodes.put(Node::Root(1, PhantomData), 1)?;
        nodes.put(Node::Inner { value: 1, part: 2 }, 2)?;
        nodes.put(Node::Key, 3)?;
        assert_eq!(nodes.prefix((Node::INNER, 1))?.count(), 1);
        assert_eq!(nodes.last()?, Some((Node::Key, 3)));
        Ok(())
    }
}

mod markers_that_borrow {
    use std::marker::PhantomData;

    use kvstore::{Key, Store};

    #[derive(Key)]
    struct Id<T>(u64, PhantomData<fn() -> T>);

    #[derive(Key)]
    struct Token(u64, PhantomData<&'static str>);

    #[derive(Store)]
    #[store(key = (Id<&'static str>, Token))]
    struct Job {
        size: u8,
        marker: PhantomData<&'static str>,
    }

    #[test]
    fn a_marker_holds_nothing_that_could_be_borrowed() -> kvstore::Result<()> {
        let jobs = kvstore::Database::in_memory()?.store::<Job>()?;
        let key = || (Id(1, PhantomData), Token(2, PhantomData));
        jobs.insert(key(), JobInit { size: 3, marker: PhantomData })?;
        assert_eq!(jobs.get(key())?.map(|job| (job.size, job.marker)), Some((3, PhantomData)));
        Ok(())
    }
}

mod names_of_the_runtime {
    use kvstore as kv;

    #[derive(kv::Store)]
    #[store(key = Key)]
    pub struct Store {
        pub record: Record,
    }

    #[derive(kv::Store)]
    #[store(key = u8)]
    pub struct Record2 {}

    #[derive(kv::Store, serde::Serialize, serde::Deserialize)]
    #[store(key = u64)]
    pub struct Record {
        pub guard: u8,
    }

    #[derive(kv::Store)]
    #[store(key = u8)]
    pub struct Guard {}

    #[derive(kv::Store)]
    #[store(key = u8)]
    pub struct MapStore {
        pub elements: kv::ElementSet<u8>,
        pub path: kv::ElementMap<u8, Record>,
    }

    #[derive(kv::Store)]
    #[store(key = u8)]
    pub struct ElementPath {
        pub held: kv::ElementDeque<u8>,
    }

    #[derive(kv::Store)]
    #[store(key = u8)]
    pub struct Initialize {
        pub key: u8,
        pub record: u8,
        pub value: u8,
        pub fields: u8,
        pub name: u8,
        pub fill_key: u8,
        pub out: u8,
    }

    #[derive(kv::Key)]
    pub struct Key {
        bytes: KeyArg,
        out: Newtype,
    }

    #[derive(kv::Key)]
    pub enum KeyArg {
        Key,
        KeyCodec(KeyPrefix),
    }

    #[derive(kv::Key)]
    pub struct KeyPrefix(u8);

    #[derive(kv::Key)]
    pub struct Newtype {
        inner: u8,
    }

    #[test]
    fn all_of_them_work() -> kv::Result<()> {
        let db = kv::Database::in_memory()?;
        let store: StoreStore = db.store::<Store>()?;
        let key = Key { bytes: KeyArg::KeyCodec(KeyPrefix(1)), out: Newtype { inner: 2 } };
        store.create(&key, StoreInit { record: Record { guard: 1 } })?.commit()?;
        let guard: StoreGuard = store.lock(&key)?.unwrap();
        assert_eq!(guard.record.guard, 1);
        Ok(())
    }
}

mod methods_of_the_same_name {
    use kvstore::{Key, Store};

    /// Methods that every type has, and that take the value first.
    pub trait Everywhere: Sized {
        fn fields(self) {}
        fn field(self) {}
        fn next_name(self) {}
        fn unknown(self) {}
        fn write(self) {}
        fn read(self) {}
        fn encode_last(self) {}
        fn encode_part(self) {}
        fn decode_last(self) {}
        fn extend(self) {}
        fn into_value(self) {}
        fn shape(self) {}
    }
    impl<T> Everywhere for T {}

    #[derive(Store)]
    #[store(key = Id)]
    pub struct Job {
        pub owner: String,
        #[store(default = 1)]
        pub size: u8,
        #[store(with = "serde_bytes")]
        pub data: Vec<u8>,
    }

    #[allow(clippy::unused_self)]
    impl Job {
        pub const SCHEMA: u8 = 1;
        pub const NAMESPACE: u8 = 1;
        pub fn encode(&self) -> u8 {
            1
        }
        pub fn decode(_: u8) -> u8 {
            2
        }
        pub fn key_field(&self) -> u8 {
            3
        }
        pub fn default() -> u8 {
            4
        }
    }

    #[derive(Key)]
    pub struct Id(u8, Level);

    #[derive(Key)]
    pub enum Level {
        Low(u8),
    }

    #[test]
    fn the_program_calls_its_own() -> kvstore::Result<()> {
        let jobs = kvstore::Database::in_memory()?.store::<Job>()?;
        let job = jobs.create(Id(1, Level::Low(1)), JobInit { owner: "me".into() })?;
        assert_eq!((job.encode(), Job::decode(1), job.key_field(), Job::default()), (1, 2, 3, 4));
        assert_eq!((Job::SCHEMA, Job::NAMESPACE), (1, 1));
        Ok(())
    }
}

mod keywords_as_names {
    use kvstore::{Key, Store};

    #[allow(non_camel_case_types)]
    #[derive(Store)]
    pub struct r#match {
        #[store(key)]
        pub r#type: r#struct,
        pub r#fn: String,
        #[store(default = 2)]
        pub r#loop: u8,
        #[store(with = "serde_bytes")]
        pub r#in: Vec<u8>,
        pub r#yield: kvstore::ElementDeque<u8>,
    }

    #[allow(non_camel_case_types)]
    #[derive(Key, Debug, PartialEq)]
    pub struct r#struct {
        r#for: u8,
        r#use: r#enum,
    }

    #[allow(non_camel_case_types)]
    #[derive(Key, Debug, PartialEq)]
    pub enum r#enum {
        r#if { r#else: u8 },
    }

    #[test]
    fn raw_identifiers_are_stored_without_prefix() -> kvstore::Result<()> {
        let db = kvstore::Database::in_memory()?;
        let store: matchStore = db.store::<r#match>()?;
        let key = || r#struct { r#for: 1, r#use: r#enum::r#if { r#else: 2 } };
        let guard: matchGuard = store.create(key(), matchInit { r#fn: "a".into() })?;
        assert_eq!((&guard.r#type, guard.r#loop), (&key(), 2));
        let namespaces = db.namespaces()?;
        assert_eq!(namespaces[0].name(), "match");
        assert_eq!(r#enum::SHAPE.to_string(), "enum{if(else:u8)}");
        let record = kvstore_derive_tests::record(&*guard).unwrap();
        assert!(record.windows(3).any(|bytes| bytes == b"\x62fn"), "{record:?}");
        assert!(store.elements(r#match::YIELD, key()).is_empty()?);
        Ok(())
    }
}

mod made_by_macros {
    use kvstore::{Key, Store};

    macro_rules! job {
        ($vis:vis $name:ident, $key:ty, $namespace:literal, $field:ident: $ty:ty = $value:expr, $list:ty) => {
            #[derive(Store)]
            #[store(key = $key, namespace = $namespace)]
            $vis struct $name {
                $vis owner: String,
                $vis $field: $ty,
                #[store(default = $value)]
                $vis other: $ty,
                $vis list: $list,
                #[store(skip, default = Self::LIMIT)]
                $vis skipped: $ty,
            }
            impl $name {
                const LIMIT: $ty = $value;
            }
        };
    }
    job!(pub Made, (u8, Id), "made", size: u64 = 1 + 2, Vec<u8>);

    macro_rules! with_key {
        ($name:ident { $(#[$attribute:meta])* $key:ident: $ty:ty }) => {
            #[derive(Store)]
            pub struct $name {
                $(#[$attribute])*
                $key: $ty,
                owner: String,
            }
        };
    }
    with_key!(Keyed {
        #[store(key)]
        id: Id
    });

    macro_rules! id {
        ($name:ident($($ty:ty),*), $level:ident { $($variant:ident($field:ty)),* }) => {
            #[derive(Key)]
            pub struct $name($(pub $ty),*);
            #[derive(Key)]
            pub enum $level { $($variant($field)),* }
        };
    }
    id!(Id(u64, String), Level { Low(u8), High(String) });

    #[test]
    fn they_work_as_those_written_out() -> kvstore::Result<()> {
        let db = kvstore::Database::in_memory()?;
        let made: MadeStore = db.store::<Made>()?;
        let entry = made.create((1, Id(2, "a".into())), MadeInit { owner: "me".into(), size: 5 })?;
        assert_eq!((entry.size, entry.other, entry.list.len(), entry.skipped), (5, 3, 0, 3));
        let keyed = db.store::<Keyed>()?;
        let entry = keyed.create(Id(2, "a".into()), KeyedInit { owner: "me".into() })?;
        assert_eq!(entry.id.0, 2);
        assert_eq!(Level::SHAPE.to_string(), "enum{Low(u8),High(string)}");
        Ok(())
    }
}

mod inside_functions {
    #[test]
    fn a_struct_in_a_function_is_stored_too() -> kvstore::Result<()> {
        use kvstore::{Key, Store};

        const START: u8 = 4;
        mod bytes {
            pub use serde_bytes::{deserialize, serialize};
        }

        #[derive(Key, Debug)]
        struct Id(u8, u8);

        #[derive(Store)]
        struct Job {
            #[store(key)]
            id: Id,
            #[store(default = START)]
            size: u8,
            #[store(with = "bytes")]
            data: Vec<u8>,
        }

        let jobs: JobStore = kvstore::Database::in_memory()?.store::<Job>()?;
        let job: JobGuard = jobs.create(Id(1, 2), JobInit {})?;
        assert_eq!((job.id.1, job.size, job.data.len()), (2, 4, 0));
        Ok(())
    }
}

mod visibilities {
    use kvstore::{Key, Store};

    pub mod inner {
        use kvstore::{Key, Store};

        /// Visible one level up, with private parts.
        #[derive(Store)]
        #[store(key = Id)]
        pub(super) struct Job {
            pub(super) owner: String,
            pub(in crate::visibilities) size: Size,
            secret: Hidden,
        }

        #[derive(serde::Serialize, serde::Deserialize, Default)]
        struct Hidden(u8);

        #[derive(serde::Serialize, serde::Deserialize)]
        pub(super) struct Size(pub(super) u8);

        #[derive(Key)]
        pub(super) struct Id(pub(super) u8);

        /// Public, of parts that are not.
        #[derive(Key)]
        pub struct Parts(Private, u8);

        /// Public, of parts that are not.
        #[derive(Key)]
        pub enum Choice {
            /// One.
            One(Wrapped),
        }

        /// Private behind a public name.
        #[derive(Key)]
        pub struct Wrapped(u8);

        #[derive(Key)]
        struct Private(u8);

        pub(super) fn init() -> JobInit {
            JobInit { owner: String::new(), size: Size(1), secret: Hidden(1) }
        }
    }

    #[derive(Store)]
    #[store(key = Id)]
    struct Own {
        id: u8,
    }

    #[derive(Key)]
    struct Id(u8);

    #[test]
    fn generated_items_are_as_visible_as_the_struct() -> kvstore::Result<()> {
        let jobs: inner::JobStore = kvstore::Database::in_memory()?.store::<inner::Job>()?;
        let job: inner::JobGuard = jobs.create(inner::Id(1), inner::init())?;
        assert_eq!((job.owner.len(), job.size.0), (0, 1));
        Ok(())
    }
}
