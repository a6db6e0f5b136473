//! What survives what: durability, syncing, copies, closing.

use std::error::Error as StdError;
use std::path::Path;
use std::time::Duration;

// ANCHOR: use
use kvstore::{Database, Durability, Error, Recovery};
// ANCHOR_END: use

fn settings(path: &Path) -> kvstore::Result<()> {
    // ANCHOR: builder
    let db = Database::builder()
        .durability(Durability::Sync) // a commit is on disk when it returns
        .lock_timeout(Duration::from_secs(5))
        .cache_bytes(64 << 20)
        .open(path)?;
    // ANCHOR_END: builder
    db.map::<u32, String>("notes")?.put(1, "on disk".into())?;
    db.close()
}

fn sync(path: &Path) -> kvstore::Result<()> {
    // ANCHOR: sync
    let db = Database::open(path)?; // `Durability::Buffered`
    let notes = db.map::<u32, String>("notes")?;
    for number in 2..100 {
        notes.put(number, "with the operating system".into())?; // survives a killed process
    }
    db.sync()?; // from here on, all of them survive a power loss too
    // ANCHOR_END: sync
    drop(notes);
    db.close()
}

fn copy(path: &Path, to: &Path) -> kvstore::Result<()> {
    let db = Database::open(path)?;
    let notes = db.map::<u32, String>("notes")?;
    // ANCHOR: checkpoint
    db.checkpoint(to)?; // a database of its own, as of one commit, while this one is in use
    notes.put(100, "later".into())?;

    let copy = Database::open(to)?;
    let copied = copy.map::<u32, String>("notes")?;
    assert_eq!(copied.iter()?.count(), 99);
    assert!(!copied.contains(100)?);
    // ANCHOR_END: checkpoint
    assert!(matches!(db.checkpoint(to), Err(Error::Io { .. })), "never over something that is there");
    copy.close()?;
    db.close()
}

fn restore(path: &Path, backup: &Path) -> kvstore::Result<()> {
    let db = Database::open(path)?;
    let notes = db.map::<u32, String>("notes")?;
    // ANCHOR: copy_to
    db.copy_to(backup)?; // files of its own: safe to move, and to keep
    // ANCHOR_END: copy_to
    notes.put(101, "a mistake".into())?;
    drop(notes);
    db.close()?;
    // ANCHOR: restore
    let replaced = Database::restore(backup, path)?; // neither may be open
    let db = Database::open(path)?;
    // ANCHOR_END: restore
    assert!(!db.map::<u32, String>("notes")?.contains(101)?);
    assert!(replaced.is_some_and(|old| old.ends_with("data.replaced-1")));
    db.close()
}

fn one_opener(path: &Path) -> kvstore::Result<()> {
    // ANCHOR: in_use
    let db = Database::open(path)?;
    let second = Database::open(path.join(".")); // by another path, and still the same directory
    assert!(matches!(second, Err(Error::InUse { .. })));
    let shared = db.clone(); // this is how several threads have it: one handle, cheap to clone
    // ANCHOR_END: in_use
    drop(shared);
    db.close()
}

fn close(path: &Path) -> kvstore::Result<()> {
    let db = Database::open(path)?;
    let notes = db.map::<u32, String>("notes")?;
    let note = notes.lock(1)?;
    // ANCHOR: close
    db.close()?; // syncs, and says what failed; dropping the last handle could only log it
    assert!(matches!(notes.get(1), Err(Error::Closed)));
    let refused = note.map(kvstore::Guard::commit); // guards, too
    // ANCHOR_END: close
    assert!(refused.is_some_and(|result| result.is_err_and(|error| matches!(error, Error::Closed))));
    let db = Database::open(path)?; // at once
    // ANCHOR: busy
    let scan = db.map::<u32, String>("notes")?.iter()?;
    match db.close() {
        Err(Error::Busy { open }) => println!("{open} scan is still open"), // and closes when that is dropped
        other => other?,
    }
    drop(scan);
    // ANCHOR_END: busy
    Ok(())
}

fn opening(path: &Path, absent: &Path) -> kvstore::Result<()> {
    // ANCHOR: must_exist
    let opened = Database::builder().create_if_missing(false).open(absent);
    assert!(opened.is_err()); // and nothing was created
    // ANCHOR_END: must_exist
    assert!(!absent.exists());

    // ANCHOR: recover
    // After `Error::Corrupt`, with a copy of the directory at hand: the commits before the damage.
    let db = Database::builder().recover(Recovery::Prefix).open(path)?;
    // ANCHOR_END: recover
    assert_eq!(db.map::<u32, String>("notes")?.iter()?.count(), 100);
    db.close()
}

// ANCHOR: memory
/// What needs no disk in tests takes the database as an argument.
fn count_notes(db: &Database) -> kvstore::Result<usize> {
    Ok(db.map::<u32, String>("notes")?.iter()?.count())
}

fn test_in_memory() -> kvstore::Result<()> {
    let db = Database::in_memory()?; // everything but durability
    db.map::<u32, String>("notes")?.put(1, "gone when `db` is".into())?;
    assert_eq!(count_notes(&db)?, 1);
    Ok(())
}
// ANCHOR_END: memory

fn main() -> Result<(), Box<dyn StdError>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("data");
    settings(&path)?;
    sync(&path)?;
    copy(&path, &dir.path().join("copy"))?;
    restore(&path, &dir.path().join("backup"))?;
    one_opener(&path)?;
    close(&path)?;
    opening(&path, &dir.path().join("absent"))?;
    test_in_memory()?;
    println!("durability: done");
    Ok(())
}
