//! Limits, checked before anything is written; and what the public types are and show.

use std::cell::Cell;
use std::ops::Bound;

use kvstore::{
    Batch, CommitError, Database, DatabaseBuilder, Error, Faults, Guard, HeldLock, Keys, Map, MapStore, MapView,
    NamespaceInfo, Outcome, Result, Scan, Snapshot, Store, Wanted, WantedOrCreate,
};
use kvstore_tests::{TestResult, on_both};
use serde::ser::{Serialize, SerializeSeq, Serializer};

const KEY_BYTES: usize = 64 * 1024;

fn too_large<R>(result: Result<R>, size: usize) -> bool {
    matches!(result, Err(Error::TooLarge { namespace, what: "key", size: found, limit: KEY_BYTES, .. })
        if namespace == "texts" && found == size)
}

#[test]
fn keys_are_64_kib_at_most_for_writes_and_reads_and_bounds() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, u64>("texts")?;
        let (longest, longer) = ("k".repeat(KEY_BYTES), "k".repeat(KEY_BYTES + 1));
        texts.create(&longest, 1)?.commit()?;
        texts.put(&longest, 2)?;
        assert_eq!((texts.get(&longest)?, texts.last()?.map(|last| last.1)), (Some(2), Some(2)));
        assert_eq!(texts.range(longest.as_str()..=longest.as_str())?.count(), 1);
        assert_eq!((texts.prefix(&longest)?.count(), texts.iter()?.starting_at(&longest)?.count()), (1, 1));
        assert!(texts.remove(&longest)?);

        let size = KEY_BYTES + 1;
        assert!(too_large(texts.create(&longer, 1), size) && too_large(texts.lock_or_create(&longer, 1), size));
        assert!(too_large(texts.put(&longer, 1), size) && too_large(texts.remove(&longer), size));
        assert!(too_large(texts.lock(&longer), size) && too_large(texts.try_lock(&longer), size));
        assert!(too_large(texts.update(&longer, |_| ()), size) && too_large(texts.lock_all([&longer]), size));
        assert!(too_large(db.lock_together((texts.wanted("a"), texts.wanted(&longer))), size));
        assert!(too_large(texts.get(&longer), size) && too_large(texts.contains(&longer), size));
        assert!(too_large(texts.range(longer.as_str()..), size) && too_large(texts.range(..=longer.as_str()), size));
        assert!(too_large(texts.range((Bound::Excluded(&longer), Bound::Unbounded)), size));
        assert!(too_large(texts.prefix(&longer), size) && too_large(texts.try_lock_first(longer.as_str()..), size));
        assert!(
            too_large(texts.iter()?.starting_at(&longer), size)
                && too_large(texts.iter()?.ending_before(&longer), size)
        );
        let snapshot = db.snapshot()?;
        assert!(too_large(texts.at(&snapshot).get(&longer), size));
        assert!(texts.iter()?.next().is_none() && db.locks().is_empty());
        // The error names the key without filling a log.
        assert!(texts.get(&longer).unwrap_err().to_string().len() < 1_000);
        Ok(())
    })
}

#[test]
fn the_limit_of_a_key_is_that_of_its_bytes() -> TestResult {
    on_both(|db| {
        // As a part, each zero byte takes two, and the end of the text two more.
        let texts = db.map::<(String, u8), u64>("texts")?;
        let zeros = |count: usize| ("\0".repeat(count), 7);
        texts.put(zeros((KEY_BYTES - 3) / 2), 1)?;
        assert!(too_large(texts.put(zeros(KEY_BYTES / 2), 1), KEY_BYTES + 3));
        assert_eq!(texts.iter()?.count(), 1);
        Ok(())
    })
}

/// Serializes to as many chunks of 16 MiB as it says.
struct Huge(usize);

impl Serialize for Huge {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let chunk = serde_bytes::ByteBuf::from(vec![0; 16 << 20]);
        let mut chunks = serializer.serialize_seq(Some(self.0))?;
        (0..self.0).try_for_each(|_| chunks.serialize_element(&chunk))?;
        chunks.end()
    }
}

impl<'de> serde::Deserialize<'de> for Huge {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        <Vec<serde_bytes::ByteBuf> as serde::Deserialize>::deserialize(deserializer).map(|chunks| Self(chunks.len()))
    }
}

#[test]
fn a_record_over_1_gib_is_refused_before_anything_is_written() -> TestResult {
    // On one engine: the check is made above both.
    let (db, faults) = Database::in_memory_with_faults()?;
    let (huge, small) = (db.map::<u64, Huge>("huge")?, db.map::<u64, u64>("small")?);
    huge.put(1, Huge(1))?;
    let mut grown = huge.lock(1)?.unwrap();
    grown.0 = 64;
    // Any write would spoil the database.
    faults.fail_next_writes(1, Outcome::Unknown);
    let sibling = huge.create(2, Huge(4))?;
    let failed = Batch::new().write(small.create(1, 1)?).write(sibling).write(grown).try_commit().unwrap_err();
    assert!(
        matches!(failed.error(), Error::TooLarge { namespace, key, what: "record", size, limit }
        if namespace == "huge" && key == "1" && *limit == 1 << 30 && (*limit..*limit + (17 << 20)).contains(size)),
        "{failed:?}"
    );
    assert_eq!((failed.outcome(), db.locks().len()), (Outcome::NotApplied, 3));
    drop(failed);
    assert!(!small.contains(1)? && huge.get(1)?.unwrap().0 == 1 && db.locks().is_empty());
    Ok(())
}

/// A list that holds a list, and so on.
#[derive(serde::Serialize, serde::Deserialize)]
struct Nested(Vec<Nested>);

fn nested(depth: usize) -> Nested {
    (1..depth).fold(Nested(vec![]), |inner, _| Nested(vec![inner]))
}

#[test]
fn a_value_nested_too_deeply_to_be_read_back_is_refused() -> TestResult {
    on_both(|db| {
        let deep = db.map::<u64, Nested>("deep")?;
        let mut accepted = 0;
        for depth in [1, 10, 100, 126, 127, 128, 129, 130, 200, 1_000] {
            match deep.put(depth as u64, nested(depth)) {
                Ok(()) => {
                    // What is written can be read.
                    assert!(deep.get(depth as u64)?.is_some());
                    accepted = depth;
                }
                Err(Error::Encode { reason, .. }) => assert!(reason.contains("nested"), "{reason}"),
                Err(other) => return Err(other.into()),
            }
            assert_eq!(deep.contains(depth as u64)?, accepted == depth);
        }
        assert!((100..=130).contains(&accepted), "{accepted}");
        Ok(())
    })
}

#[test]
fn a_value_that_does_not_serialize_is_refused_with_its_reason() -> TestResult {
    /// Can't be written while it is borrowed.
    #[derive(Store)]
    #[store(key = u64)]
    struct Shared {
        value: std::cell::RefCell<u64>,
        #[store(default)]
        other: u64,
    }
    on_both(|db| {
        let shared = db.store::<Shared>()?;
        let guard = shared.create(1, SharedInit { value: 10.into() })?;
        std::mem::forget(guard.value.borrow_mut());
        let failed = guard.try_commit().unwrap_err();
        assert!(
            matches!(failed.error(), Error::Encode { key, reason, .. } if key == "1" && reason.contains("`value`"))
        );
        assert!(!shared.contains(1)?);
        let mut guard = failed.into_held();
        guard.value = 11.into();
        guard.other = 1;
        guard.commit()?;
        assert_eq!(shared.get(1)?.map(|shared| shared.value.into_inner()), Some(11));
        Ok(())
    })
}

const SECRET: &str = "the secret value";

#[test]
fn no_public_type_prints_values() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, String>("texts")?;
        texts.put("key", SECRET.into())?;
        let mut shown = Vec::new();
        let guard = texts.lock("key")?.unwrap();
        shown.extend([format!("{guard:?}"), format!("{texts:?}"), format!("{db:?}"), format!("{:?}", db.locks())]);
        let (snapshot, mut scan, mut keys) = (db.snapshot()?, texts.iter()?, texts.iter()?.keys());
        assert!(scan.next().is_some() && keys.next().is_some());
        shown.extend([
            format!("{snapshot:?}"),
            format!("{scan:?}"),
            format!("{keys:?}"),
            format!("{:?}", texts.at(&snapshot)),
        ]);
        shown.extend([
            format!("{:?}", texts.wanted("a")),
            format!("{:?}", texts.wanted_or_create("a", SECRET.to_owned())),
        ]);
        shown.extend([format!("{:?}", db.namespaces()?), format!("{:?}", Database::builder())]);
        shown.push(format!("{:?}", texts.try_lock("key").unwrap_err()));
        let batch = Batch::new().write(guard).delete(texts.create("new", SECRET.to_owned())?);
        shown.push(format!("{batch:?}"));
        assert!(shown.last().is_some_and(|batch| batch.contains(r#"texts["key"]"#)));
        let foreign = Database::in_memory()?.map::<String, String>("texts")?.create("foreign", SECRET.to_owned())?;
        let failed: CommitError<Batch> = batch.write(foreign).try_commit().unwrap_err();
        shown.extend([format!("{failed:?}"), failed.to_string()]);
        for text in shown {
            assert!(!text.contains(SECRET) && !text.is_empty(), "{text}");
        }
        Ok(())
    })
}

/// A value that is `Send` and not `Sync`.
#[derive(Store)]
#[store(key = u64)]
struct Unshared {
    value: Cell<u64>,
}

const fn send<T: Send>() {}
const fn send_and_sync<T: Send + Sync>() {}
const fn cloned<T: Clone + Send + Sync + 'static>() {}

#[test]
fn handles_are_clone_send_and_sync_whatever_the_values_are() {
    cloned::<Database>();
    cloned::<DatabaseBuilder>();
    cloned::<MapStore<Unshared>>();
    cloned::<MapStore<Map<String, Cell<u64>>>>();
    cloned::<Faults>();
    send::<Guard<Unshared>>();
    send::<Batch>();
    send_and_sync::<CommitError<Guard<Unshared>>>();
    send_and_sync::<CommitError<Batch>>();
    send_and_sync::<Guard<Map<u64, u64>>>();
    send_and_sync::<Snapshot>();
    send_and_sync::<MapView<'static, Unshared>>();
    send::<Scan<Unshared>>();
    send::<Keys<Unshared>>();
    send_and_sync::<Wanted<Unshared>>();
    send::<WantedOrCreate<Unshared, UnsharedInit>>();
    send_and_sync::<Error>();
    send_and_sync::<HeldLock>();
    send_and_sync::<NamespaceInfo>();
    let unshared = Unshared { value: Cell::new(1) };
    assert_eq!(unshared.value.get(), 1);
}
