//! Keys of every form, and scans over them.

use std::error::Error as StdError;
use std::ops::Bound;

use kvstore::{Database, Error};

mod composite {
    use kvstore::Prefix;

    use super::Database;

    // ANCHOR: tuple
    use kvstore::Store;

    /// Work of several tenants: ordered by tenant, then by number.
    #[derive(Store)]
    #[store(key = (String, u64))]
    struct Work {
        path: String,
    }
    // ANCHOR_END: tuple

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        // ANCHOR: tuple_use
        let work = db.store::<Work>()?;
        for (tenant, number) in [("acme", 1), ("acme", 2), ("acme-east", 1)] {
            work.insert((tenant, number), WorkInit { path: "/a".into() })?; // `&str` will do for the `String`
        }
        let of_acme = work.prefix(("acme",))?.keys().collect::<kvstore::Result<Vec<_>>>()?;
        assert_eq!(of_acme, [("acme".to_owned(), 1), ("acme".to_owned(), 2)]); // whole parts: not `acme-east`
        // ANCHOR_END: tuple_use
        assert!(work.get(("acme", 2))?.is_some_and(|work| work.path == "/a"));

        // ANCHOR: prefix_range
        let files = db.map::<(String, String), u64>("files_of_tenants")?;
        files.put(("acme", "/a/x"), 1)?;
        files.put(("acme", "/b"), 2)?;
        assert_eq!(files.prefix(("acme", Prefix("/a")))?.count(), 1); // the tenant whole, then the beginning of the path
        assert_eq!(files.range(Prefix(("acme",)))?.count(), 2);
        assert!(files.try_lock_first(Prefix(("acme", Prefix("/b"))))?.is_some());
        // ANCHOR_END: prefix_range

        // ANCHOR: tuple_range
        assert_eq!(work.range(("acme", 2)..("acme", 10))?.count(), 1); // numbers are in the order of numbers
        assert!(work.try_lock_first(("acme", 0)..=("acme", u64::MAX))?.is_some()); // the head of one tenant's queue
        // ANCHOR_END: tuple_range
        Ok(())
    }
}

mod own_types {
    use super::Database;

    // ANCHOR: own
    use kvstore::{Key, Store};

    /// Never taken for the number of something else.
    #[derive(Key)]
    struct SensorId(u32);

    /// By sensor, then by time.
    #[derive(Key)]
    struct Moment {
        sensor: SensorId,
        second: i64,
    }

    #[derive(Store)]
    #[store(key = Moment)]
    struct Reading {
        degrees: f64,
    }
    // ANCHOR_END: own

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        let readings = db.store::<Reading>()?;
        for second in -2..3 {
            let degrees = f64::from(i32::try_from(second).unwrap_or_default());
            readings.insert(Moment { sensor: SensorId(1), second }, ReadingInit { degrees })?;
            readings.insert(Moment { sensor: SensorId(2), second }, ReadingInit { degrees })?;
        }
        // ANCHOR: own_use
        let mut newest_first = readings.prefix((SensorId(1),))?.reversed();
        let newest = newest_first.next().transpose()?;
        assert!(newest.is_some_and(|(moment, reading)| moment.second == 2 && reading.degrees > 1.5));
        // ANCHOR_END: own_use
        assert_eq!(newest_first.count(), 4);
        Ok(())
    }
}

mod variants {
    use kvstore::{Key, Prefix};

    use super::Database;

    #[derive(Key)]
    enum Event {
        Idle,
        Created(u64, String),
        Moved { from: String, to: String },
    }

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        let events = db.map::<Event, ()>("events")?;
        let (from, to) = ("eu-1".to_owned(), "us".to_owned());
        for event in [Event::Idle, Event::Created(7, "a".into()), Event::Moved { from, to }] {
            events.put(event, ())?;
        }
        // ANCHOR: variants
        assert_eq!(events.prefix(Event::CREATED)?.count(), 1); // all `Event::Created(..)`
        assert_eq!(events.prefix((Event::CREATED, 7))?.count(), 1); // those whose first field is 7
        assert_eq!(events.range(Prefix((Event::MOVED, Prefix("eu"))))?.count(), 1);
        // ANCHOR_END: variants
        Ok(())
    }
}

mod typed {
    use super::Database;

    // ANCHOR: typed
    use std::marker::PhantomData;

    use kvstore::{Key, Store};

    /// The id of a `T`, and of nothing else.
    #[derive(Key)]
    struct Id<T>(u64, PhantomData<fn() -> T>);

    #[derive(Store)]
    #[store(key = Id<User>)]
    struct User {
        name: String,
    }

    /// A type of the program, kept as the number that it is converted to, and in the order of that.
    #[derive(Key, Clone, Copy)]
    #[key(as = "u8")]
    enum Priority {
        Low = 10,
        High = 200,
    }

    impl From<Priority> for u8 {
        fn from(priority: Priority) -> Self {
            priority as Self
        }
    }

    impl TryFrom<u8> for Priority {
        type Error = &'static str;

        fn try_from(number: u8) -> Result<Self, Self::Error> {
            match number {
                10 => Ok(Self::Low),
                200 => Ok(Self::High),
                _ => Err("no such priority"),
            }
        }
    }
    // ANCHOR_END: typed

    pub(crate) fn run(db: &Database) -> kvstore::Result<()> {
        // ANCHOR: typed_use
        let users = db.store::<User>()?;
        let user = users.create_next(UserInit { name: "me".into() })?;
        assert_eq!(user.key().0, 1);
        let urgent = db.map::<(Priority, u64), String>("urgent")?;
        urgent.put((Priority::High, 7), "call back".into())?; // a stored number that is none is `Error::InvalidKey`
        // ANCHOR_END: typed_use
        assert!(user.name == "me" && !urgent.contains((Priority::Low, 7))?);
        user.commit()
    }
}

fn scans(db: &Database) -> Result<(), Box<dyn StdError>> {
    let files = db.map::<String, u64>("files")?;
    for (path, size) in [("/a", 1), ("/a/x", 2), ("/a/y", 3), ("/ab", 4), ("/b", 5)] {
        files.put(path, size)?;
    }
    let paths = |scan: kvstore::Result<kvstore::Scan<_>>| scan?.keys().collect::<kvstore::Result<Vec<String>>>();

    // ANCHOR: ranges
    assert_eq!(paths(files.iter())?, ["/a", "/a/x", "/a/y", "/ab", "/b"]);
    assert_eq!(paths(files.range("/a".."/ab"))?, ["/a", "/a/x", "/a/y"]); // without its end
    assert_eq!(paths(files.range("/a/y"..="/ab"))?, ["/a/y", "/ab"]); // with its end
    assert_eq!(paths(files.range("/ab"..))?, ["/ab", "/b"]);
    assert_eq!(paths(files.range((Bound::Excluded("/ab"), Bound::Unbounded)))?, ["/b"]); // behind a key
    // ANCHOR_END: ranges

    // ANCHOR: prefix
    assert_eq!(paths(files.prefix("/a"))?, ["/a", "/a/x", "/a/y", "/ab"]); // characters: `/ab` too
    assert_eq!(paths(files.prefix("/a/"))?, ["/a/x", "/a/y"]); // what is below the directory
    // ANCHOR_END: prefix

    // ANCHOR: narrow
    let part = files.prefix("/a")?.starting_at("/a/xx")?.ending_before("/ab")?; // the start need not exist
    assert_eq!(paths(Ok(part))?, ["/a/y"]);
    let backwards = files.prefix("/a")?.ending_before("/ab")?.reversed(); // reversed, the bounds mean the same
    assert_eq!(paths(Ok(backwards))?, ["/a/y", "/a/x", "/a"]);
    assert!(matches!(files.prefix("/a")?.starting_at("/b"), Err(Error::InvalidRange { .. })));
    // ANCHOR_END: narrow

    // ANCHOR: sum
    let mut bytes = 0;
    for entry in files.iter()? {
        let (_, size) = entry?; // not `flatten()`, not `filter_map(Result::ok)`: they would make the sum wrong in silence
        bytes += size;
    }
    assert_eq!(bytes, 15);
    // ANCHOR_END: sum

    // ANCHOR: ends
    assert_eq!(files.first()?, Some(("/a".to_owned(), 1)));
    assert_eq!(files.last()?, Some(("/b".to_owned(), 5)));
    // ANCHOR_END: ends

    // ANCHOR: pages
    let first = files.iter()?.keys().take(2).collect::<kvstore::Result<Vec<_>>>()?;
    let mut rest = files.iter()?;
    if let Some(last) = first.last() {
        rest = rest.starting_after(last)?;
    }
    assert_eq!((first.len(), rest.count()), (2, 3));
    // ANCHOR_END: pages

    // ANCHOR: shared
    let before = files.get_shared("/b")?; // Option<Arc<u64>>
    files.update("/b", |size| *size += 1)?;
    assert_eq!(before.as_deref(), Some(&5)); // whoever has it keeps it
    assert_eq!(files.get_shared("/b")?.as_deref(), Some(&6)); // who asks sees the last commit
    // ANCHOR_END: shared

    // ANCHOR: scan_sees
    let scan = files.iter()?; // sees this moment
    files.put("/c", 6)?;
    assert_eq!(scan.count(), 5);
    // ANCHOR_END: scan_sees

    // ANCHOR: snapshot
    let sizes = db.map::<String, u64>("sizes")?;
    let snapshot = db.snapshot()?;
    files.remove("/c")?;
    sizes.put("/c", 6)?;
    let (old_files, old_sizes) = (files.at(&snapshot), sizes.at(&snapshot)); // of the same moment
    assert!(old_files.contains("/c")? && !old_sizes.contains("/c")?);
    assert_eq!(paths(old_files.prefix("/c"))?, ["/c"]);
    drop(snapshot); // as long as it lives, what was deleted since keeps its room on disk
    // ANCHOR_END: snapshot
    Ok(())
}

fn many(db: &Database) -> kvstore::Result<()> {
    // ANCHOR: many
    let logs = db.map::<u64, String>("logs")?;
    for hour in 0..1000 {
        logs.put(hour, format!("hour {hour}"))?;
    }
    assert_eq!(logs.get_many([3, 5000])?, [Some("hour 3".to_owned()), None]);
    assert_eq!(logs.remove_range(..990)?, 990);
    assert_eq!(logs.count()?, 10);
    // ANCHOR_END: many

    // ANCHOR: skip_keys
    let imported = db.map::<u64, String>("imported")?;
    imported.put(5000, "moved here with its key".into())?;
    imported.skip_keys_to(5000)?;
    assert_eq!(imported.next_key()?, 5001);
    // ANCHOR_END: skip_keys
    Ok(())
}

mod undecodable {
    use std::path::Path;

    use serde::{Deserialize, Serialize};

    use super::{Database, Error};

    mod before {
        use super::{Deserialize, Serialize};
        #[derive(Serialize, Deserialize)]
        pub(super) enum Color {
            Red,
            Green,
        }
    }

    mod after {
        use super::{Deserialize, Serialize};
        #[derive(Serialize, Deserialize, Debug)]
        pub(super) enum Color {
            Red,
        }
    }

    pub(crate) fn run(dir: &Path) -> kvstore::Result<()> {
        let db = Database::open(dir)?;
        let colors = db.map::<u32, before::Color>("colors")?;
        colors.put(1, before::Color::Red)?;
        colors.put(2, before::Color::Green)?;
        colors.put(3, before::Color::Red)?;
        drop(colors);
        db.close()?;

        let db = Database::open(dir)?;
        // ANCHOR: undecodable
        let colors = db.map::<u32, after::Color>("colors")?; // the variant `Green` is no longer there
        for entry in colors.iter()? {
            match entry {
                Ok((number, color)) => println!("{number}: {color:?}"),
                Err(error @ Error::Decode { .. }) => println!("left out: {error}"), // this one; the scan goes on
                Err(error) => return Err(error),
            }
        }
        // ANCHOR_END: undecodable
        let results = colors.iter()?.map(|entry| entry.is_ok()).collect::<Vec<_>>();
        assert_eq!(results, [true, false, true]);
        assert!(colors.remove(2)?); // what can't be read can be removed
        db.close()
    }
}

fn main() -> Result<(), Box<dyn StdError>> {
    let db = Database::in_memory()?;
    composite::run(&db)?;
    own_types::run(&db)?;
    variants::run(&db)?;
    typed::run(&db)?;
    scans(&db)?;
    many(&db)?;
    undecodable::run(&tempfile::tempdir()?.path().join("colors"))?;
    db.close()?;
    println!("keys and scans: done");
    Ok(())
}
