//! Reads of entries as committed last: from the cache, and by the engine what is not there.

use super::{Known, ReadCache, SharedValue};
use crate::engine::{Reader, Visit};
use crate::error::Result;
use crate::key::hidden::KeyBuf;
use crate::record::Decoded;
use crate::sync::Arc;

impl ReadCache {
    /// Hands the record of an entry to `visit`, once, and tells whether there was one.
    pub(crate) fn read<R: Reader + ?Sized>(&self, engine: &R, key: &KeyBuf, visit: Visit<'_>) -> Result<bool> {
        let (record, vacancy) = self.look(key, |known| Arc::clone(&known.record));
        if let Some(record) = record {
            visit(&record);
            return Ok(true);
        }
        let Some(vacancy) = vacancy else { return engine.read(key.as_slice(), visit) };
        let mut record = None;
        let found = engine.read(key.as_slice(), &mut |bytes| {
            record = self.fits(bytes.len()).then(|| Arc::from(bytes));
            visit(bytes);
        })?;
        if let Some(record) = record {
            self.keep(vacancy, key, Known { record, value: None });
        }
        Ok(found)
    }

    /// Whether there is an entry.
    pub(crate) fn contains<R: Reader + ?Sized>(&self, engine: &R, key: &KeyBuf) -> Result<bool> {
        if self.keeps(key) { Ok(true) } else { engine.read(key.as_slice(), &mut |_| {}) }
    }

    /// The decoded value of an entry, shared with whoever else asked for it since the last commit; `None` where there is no
    /// entry.
    pub(crate) fn share<R: Reader + ?Sized, V: Send + Sync + 'static>(
        &self,
        engine: &R,
        key: &KeyBuf,
        decode: impl FnOnce(&[u8]) -> Result<Decoded<V>>,
    ) -> Result<Option<Arc<V>>> {
        let (known, vacancy) = self.look(key, |known| {
            let value = known.value.as_ref().map(|shared| Arc::downcast(Arc::clone(&shared.value)));
            value.and_then(Result::ok).ok_or_else(|| Arc::clone(&known.record))
        });
        let record = match known {
            Some(Ok(value)) => return Ok(Some(value)),
            Some(Err(record)) => record,
            None => {
                let mut record = None;
                engine.read(key.as_slice(), &mut |bytes| record = Some(Arc::from(bytes)))?;
                match record {
                    Some(record) => record,
                    None => return Ok(None),
                }
            }
        };
        let Decoded { value, memory, .. } = decode(&record)?;
        let value = Arc::new(value);
        if let Some(vacancy) = vacancy {
            // If there is no room for both, the record alone is kept.
            let fits = self.fits(record.len().saturating_add(memory));
            let shared = fits.then(|| SharedValue { value: Arc::clone(&value) as _, memory });
            self.keep(vacancy, key, Known { record, value: shared });
        }
        Ok(Some(value))
    }
}
