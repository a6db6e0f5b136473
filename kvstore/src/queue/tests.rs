use crate::engine::{Commit, Op};
use crate::key::hidden::KeyBuf;
use crate::{Database, Error, Map, MapStore, Result};

/// Puts a record under bytes that are no key of the store.
fn put_raw(store: &MapStore<Map<bool, u64>>, key: u8) -> Result<()> {
    let namespace = store.namespace();
    let mut buf = KeyBuf::in_namespace(namespace.id);
    buf.push(key);
    let ops = [Op::Put { key: buf.as_slice(), value: &[0x80] }];
    namespace.instance.engine.commit(&Commit { ops: &ops, ..Commit::default() }).map_err(|_| Error::Closed)
}

#[test]
fn an_entry_whose_key_can_not_be_decoded_is_named_and_skipped() -> Result<()> {
    let db = Database::in_memory()?;
    let queue = db.map::<bool, u64>("flags")?;
    put_raw(&queue, 7)?;
    let error = queue.try_lock_first(..).unwrap_err().to_string();
    assert!(error.contains("flags") && error.contains("07"), "{error}");
    let error = queue.first().unwrap_err().to_string();
    assert!(error.contains("flags") && error.contains("07"), "{error}");
    let mut skipped = Vec::new();
    let taken = queue.try_lock_first_with(.., |error| {
        skipped.push(error);
        Ok(())
    })?;
    assert!(taken.is_none() && skipped.len() == 1, "{skipped:?}");
    assert!(db.locks().is_empty());
    Ok(())
}
