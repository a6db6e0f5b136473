//! The catalog: namespace 0, where the database describes itself. Rows are CBOR; the only file that names `ciborium`.
//!
//! | Key behind `00000000` | Row |
//! |---|---|
//! | `00` | header: format, and the features that a program must know |
//! | `01` name | namespace: its number and schema |
//! | `02` .. | kept for secondary structures |
//! | `03` number | sequence: the first number that is not leased; of namespace numbers under `00000000` |
//! | `04` number | progress: a dropped namespace whose entries are not deleted yet |
//!
//! Every change is conditional on the row as it was read, and synced in every durability.

use serde::{Deserialize, Serialize};

use crate::engine::{Commit, CommitFailure, Engine, Expect, Op, Page};
use crate::error::{Error, Result};
use crate::key::Span;
use crate::key::hidden::KeyBuf;

const CATALOG: u32 = 0;
const HEADER: u8 = 0;
const NAMESPACE: u8 = 1;
const SEQUENCE: u8 = 3;
const PROGRESS: u8 = 4;

/// The format of everything inside the database.
const FORMAT: u32 = 1;

/// The sequence of namespace numbers.
const NAMESPACE_NUMBERS: u32 = 0;

/// The header row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: u32,
    /// Without knowing one of these, a program must not open.
    required: Vec<String>,
    /// Without knowing one of these, a program may only read.
    required_to_write: Vec<String>,
    /// Without knowing these, a program need not care.
    optional: Vec<String>,
}

/// The row of a namespace: what its entries look like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamespaceRow {
    pub(crate) id: u32,
    pub(crate) version: u32,
    /// The text of the key's [`Shape`](crate::Shape).
    pub(crate) key: String,
    /// Names and types of the fields in order; none for bare values.
    pub(crate) fields: Option<Vec<(String, String)>>,
}

/// A row of the catalog, as read, and a key to write it back.
fn row_key(kind: u8, rest: &[u8]) -> KeyBuf {
    let mut key = KeyBuf::in_namespace(CATALOG);
    key.push(kind);
    key.extend(rest);
    key
}

/// The key of a namespace's row.
pub(crate) fn namespace_key(name: &str) -> KeyBuf {
    row_key(NAMESPACE, name.as_bytes())
}

/// The bytes of a row.
pub(crate) fn encode_row<T: Serialize>(row: &T) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ciborium::into_writer(row, &mut bytes)
        .map_err(|error| Error::Engine { action: "encode a catalog row", source: error.to_string().into() })?;
    Ok(bytes)
}

fn decode_row<T: for<'de> Deserialize<'de>>(engine: &dyn Engine, what: &str, mut bytes: &[u8]) -> Result<T> {
    let row = ciborium::from_reader(&mut bytes).map_err(|error| damaged(engine, what, &error.to_string()))?;
    if bytes.is_empty() { Ok(row) } else { Err(damaged(engine, what, "bytes follow the row")) }
}

fn damaged(engine: &dyn Engine, what: &str, reason: &str) -> Error {
    Error::Corrupt {
        path: engine.path().to_owned(),
        reason: format!("the catalog's row of {what} is unreadable: {reason}"),
        source: None,
    }
}

fn read(engine: &dyn Engine, key: &KeyBuf) -> Result<Option<Vec<u8>>> {
    let mut row = None;
    engine.read(key.as_slice(), &mut |bytes| row = Some(bytes.to_vec()))?;
    Ok(row)
}

/// Applies catalog changes if `expect` still holds; tells whether it did.
fn change(engine: &dyn Engine, expect: &[Expect<'_>], ops: &[Op<'_>]) -> Result<bool> {
    match engine.commit(&Commit { ops, expect, sync: true, ..Commit::default() }) {
        Ok(()) => Ok(true),
        Err(CommitFailure::Unexpected) => Ok(false),
        Err(CommitFailure::Failed(error, _)) => Err(error),
        Err(CommitFailure::Stale(_)) => Err(Error::OutcomeUnknown { reason: "a lock of the catalog was lost".into() }),
    }
}

/// Checks the header, or writes it into a new database, and finishes what an earlier session began.
///
/// # Errors
/// [`Error::Unsupported`] for a format or a feature that this version must know and does not.
pub(crate) fn open(engine: &dyn Engine) -> Result<()> {
    let key = row_key(HEADER, &[]);
    match read(engine, &key)? {
        Some(bytes) => check_header(&decode_row(engine, "the header", &bytes)?)?,
        None => create(engine, &key)?,
    }
    finish_drops(engine)
}

fn check_header(header: &Header) -> Result<()> {
    let unsupported = |what: String| Err(Error::Unsupported { what });
    if header.format != FORMAT {
        return unsupported(format!("database format {}, where {FORMAT} is known", header.format));
    }
    // This version knows no feature. It opens for writing, so features needed to write are needed to open.
    match header.required.iter().chain(&header.required_to_write).next() {
        Some(feature) => unsupported(format!("a database with the feature `{}`", feature.escape_debug())),
        None => Ok(()),
    }
}

fn create(engine: &dyn Engine, key: &KeyBuf) -> Result<()> {
    // A header without rows is a new database; rows without a header are not ours to guess about.
    let mut page = Page::new();
    page.clear(1);
    engine.page(&Span::namespace(CATALOG), &mut page)?;
    if page.len() > 0 {
        return Err(damaged(engine, "the header", "it is missing"));
    }
    let header = Header { format: FORMAT, required: vec![], required_to_write: vec![], optional: vec![] };
    let row = encode_row(&header)?;
    let expect = [Expect { key: key.as_slice(), value: None }];
    change(engine, &expect, &[Op::Put { key: key.as_slice(), value: &row }]).map(|_| ())
}

/// The row of a namespace.
pub(crate) fn namespace(engine: &dyn Engine, name: &str) -> Result<Option<NamespaceRow>> {
    let row = read(engine, &namespace_key(name))?;
    row.map(|bytes| decode_namespace(engine, name, &bytes)).transpose()
}

fn decode_namespace(engine: &dyn Engine, name: &str, bytes: &[u8]) -> Result<NamespaceRow> {
    let what = format!("namespace `{name}`");
    let row: NamespaceRow = decode_row(engine, &what, bytes)?;
    if row.id == CATALOG { Err(damaged(engine, &what, "its number is that of the catalog")) } else { Ok(row) }
}

/// All namespaces, by name.
pub(crate) fn namespaces(engine: &dyn Engine) -> Result<Vec<(String, NamespaceRow)>> {
    let mut found = Vec::new();
    each_row(engine, NAMESPACE, |rest, value| {
        let name =
            String::from_utf8(rest.to_vec()).map_err(|_| damaged(engine, "a namespace", "its name is not UTF-8"))?;
        let row = decode_namespace(engine, &name, value)?;
        found.push((name, row));
        Ok(())
    })?;
    Ok(found)
}

/// Writes the row of a new namespace under a number never used before; the number in `row` does not count.
pub(crate) fn create_namespace(engine: &dyn Engine, name: &str, row: NamespaceRow) -> Result<NamespaceRow> {
    let key = namespace_key(name);
    let numbers = sequence_key(NAMESPACE_NUMBERS);
    loop {
        let old = read(engine, &numbers)?;
        let id = match &old {
            Some(bytes) => decode_row::<u32>(engine, "namespace numbers", bytes)?,
            None => CATALOG + 1,
        };
        // The last number is never used, so that every namespace has an end.
        let next =
            id.checked_add(1).ok_or_else(|| Error::Unsupported { what: "another namespace: 2^32 were used".into() })?;
        let row = NamespaceRow { id, ..row.clone() };
        let (row_bytes, next) = (encode_row(&row)?, encode_row(&next)?);
        let expect =
            [Expect { key: numbers.as_slice(), value: old.as_deref() }, Expect { key: key.as_slice(), value: None }];
        let ops =
            [Op::Put { key: numbers.as_slice(), value: &next }, Op::Put { key: key.as_slice(), value: &row_bytes }];
        if change(engine, &expect, &ops)? {
            return Ok(row);
        }
    }
}

/// Forgets a namespace, then deletes its entries; tells whether there was one.
pub(crate) fn drop_namespace(engine: &dyn Engine, name: &str) -> Result<bool> {
    let key = namespace_key(name);
    let Some(bytes) = read(engine, &key)? else { return Ok(false) };
    let row = decode_namespace(engine, name, &bytes)?;
    let (sequence, progress) = (sequence_key(row.id), row_key(PROGRESS, &row.id.to_be_bytes()));
    let ops = [
        Op::Delete { key: key.as_slice() },
        Op::Delete { key: sequence.as_slice() },
        Op::Put { key: progress.as_slice(), value: &[] },
    ];
    let expect = [Expect { key: key.as_slice(), value: Some(&bytes) }];
    if !change(engine, &expect, &ops)? {
        return Ok(false);
    }
    delete_entries(engine, row.id)?;
    Ok(true)
}

/// Deletes the entries of namespaces that were forgotten before a session ended.
fn finish_drops(engine: &dyn Engine) -> Result<()> {
    let mut left = Vec::new();
    each_row(engine, PROGRESS, |rest, _| {
        let id = rest.try_into().map(u32::from_be_bytes);
        left.push(id.map_err(|_| damaged(engine, "a dropped namespace", "its number is not four bytes"))?);
        Ok(())
    })?;
    if left.is_empty() {
        return Ok(());
    }
    // The commit that wrote this row has deleted that of the namespace, and its number is never used again.
    let alive: Vec<_> = namespaces(engine)?.into_iter().map(|(_, row)| row.id).collect();
    if let Some(id) = left.iter().find(|id| **id == CATALOG || alive.contains(id)) {
        return Err(damaged(engine, "a dropped namespace", &format!("number {id} is not dropped")));
    }
    left.into_iter().try_for_each(|id| delete_entries(engine, id))
}

fn delete_entries(engine: &dyn Engine, id: u32) -> Result<()> {
    let (span, progress) = (Span::namespace(id), row_key(PROGRESS, &id.to_be_bytes()));
    let ops = [Op::DeleteSpan { span: &span }, Op::Delete { key: progress.as_slice() }];
    change(engine, &[], &ops)?;
    engine.reclaim(&span)
}

fn sequence_key(id: u32) -> KeyBuf {
    row_key(SEQUENCE, &id.to_be_bytes())
}

/// Leases the next `count` numbers of a namespace's sequence: those from the first returned up to the second, exclusive.
/// `None` where none are left. Synced before it returns, so that no number is ever leased twice.
pub(crate) fn lease(engine: &dyn Engine, id: u32, count: u64) -> Result<Option<(u64, u64)>> {
    let key = sequence_key(id);
    loop {
        let old = read(engine, &key)?;
        let first = match &old {
            Some(bytes) => decode_row::<u64>(engine, "a sequence", bytes)?,
            None => 1,
        };
        if first == u64::MAX {
            return Ok(None);
        }
        let end = first.saturating_add(count);
        let row = encode_row(&end)?;
        let expect = [Expect { key: key.as_slice(), value: old.as_deref() }];
        if change(engine, &expect, &[Op::Put { key: key.as_slice(), value: &row }])? {
            return Ok(Some((first, end)));
        }
    }
}

fn each_row(engine: &dyn Engine, kind: u8, mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let prefix = row_key(kind, &[]);
    let (mut span, mut page) = (Span::of_prefix(prefix.clone()), Page::new());
    loop {
        page.clear(256);
        engine.page(&span, &mut page)?;
        for (key, value) in (0..page.len()).filter_map(|i| page.row(i)) {
            visit(key.get(prefix.as_slice().len()..).unwrap_or_default(), value)?;
        }
        match page.len().checked_sub(1).and_then(|last| page.row(last)) {
            Some((last, _)) if page.more => {
                span.start = KeyBuf::from_bytes(last);
                span.start.push(0);
            }
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
