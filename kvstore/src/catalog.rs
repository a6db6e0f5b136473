//! The catalog: namespace 0, where the database describes itself. Rows are CBOR; the only file that names `ciborium`.
//!
//! | Key behind `00000000` | Row |
//! |---|---|
//! | `00` | header: format, and the features that a program must know |
//! | `01` name | namespace: its number and schema |
//! | `02` number name | secondary structure of a namespace: its number, and what is in it |
//! | `03` number | sequence: the first number that is not leased; of namespace numbers under `00000000` |
//! | `04` number | progress: a dropped namespace whose entries are not deleted yet |
//!
//! Every change is conditional on the row as it was read, and synced in every durability.

use serde::{Deserialize, Serialize};

use crate::engine::{Commit, CommitFailure, Engine, Expect, Op, Page};
use crate::error::{Error, Outcome, Result};
use crate::key::hidden::KeyBuf;
use crate::key::{Span, bytes_as_text};

const CATALOG: u32 = 0;
const HEADER: u8 = 0;
const NAMESPACE: u8 = 1;
const SECONDARY: u8 = 2;
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

/// The row of a secondary structure, which has a namespace of its own: the elements of a field, or the orphans of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondaryRow {
    pub(crate) id: u32,
    /// What is in it: `map`, `set` or `deque`, elements of the field that the row is named for; or `orphans`.
    pub(crate) kind: String,
    /// The text of the [`Shape`](crate::Shape) of its keys, behind what all keys of one entry begin with.
    pub(crate) key: String,
}

impl SecondaryRow {
    /// A row whose number is not known yet.
    pub(crate) fn new(kind: &str, key: String) -> Self {
        Self { id: 0, kind: kind.to_owned(), key }
    }
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

/// The key of the row of a secondary structure of a namespace.
pub(crate) fn secondary_key(owner: u32, name: &str) -> KeyBuf {
    let mut key = secondaries_key(owner);
    key.extend(name.as_bytes());
    key
}

/// What the keys of all secondary structures of a namespace begin with.
fn secondaries_key(owner: u32) -> KeyBuf {
    row_key(SECONDARY, &owner.to_be_bytes())
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

/// Applies catalog changes if `expect` still holds; returns whether it did.
fn change(engine: &dyn Engine, expect: &[Expect<'_>], ops: &[Op<'_>]) -> Result<bool> {
    try_change(engine, expect, ops).map_err(|(error, _)| error)
}

/// The same for changes that the user asked for, who wants to know whether they were made.
fn change_for_user(engine: &dyn Engine, expect: &[Expect<'_>], ops: &[Op<'_>]) -> Result<bool> {
    try_change(engine, expect, ops).map_err(Error::of_commit)
}

fn try_change(engine: &dyn Engine, expect: &[Expect<'_>], ops: &[Op<'_>]) -> Result<bool, (Error, Outcome)> {
    match engine.commit(&Commit { ops, expect, sync: true, ..Commit::default() }) {
        Ok(()) => Ok(true),
        Err(CommitFailure::Unexpected) => Ok(false),
        Err(CommitFailure::Failed(error, outcome)) => Err((error, outcome)),
        Err(CommitFailure::Stale(key)) => {
            let lost = Error::LockLost { namespace: "catalog".into(), key: bytes_as_text(key.as_slice()) };
            Err((lost, Outcome::NotApplied))
        }
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
    each_row(engine, row_key(NAMESPACE, &[]), |rest, value| {
        let name = name_of(engine, "a namespace", rest)?;
        let row = decode_namespace(engine, &name, value)?;
        found.push((name, row));
        Ok(())
    })?;
    Ok(found)
}

fn name_of(engine: &dyn Engine, what: &str, bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| damaged(engine, what, "its name is not UTF-8"))
}

/// The secondary structures of a namespace, by name.
pub(crate) fn secondaries(engine: &dyn Engine, owner: u32) -> Result<Vec<(String, SecondaryRow)>> {
    let mut found = Vec::new();
    each_row(engine, secondaries_key(owner), |rest, value| {
        let name = name_of(engine, "a secondary structure", rest)?;
        let row = decode_secondary(engine, &name, value)?;
        found.push((name, row));
        Ok(())
    })?;
    Ok(found)
}

fn decode_secondary(engine: &dyn Engine, name: &str, bytes: &[u8]) -> Result<SecondaryRow> {
    let what = format!("secondary structure `{name}`");
    let row: SecondaryRow = decode_row(engine, &what, bytes)?;
    if row.id == CATALOG { Err(damaged(engine, &what, "its number is that of the catalog")) } else { Ok(row) }
}

/// Writes the rows of secondary structures that are not there as wanted, and answers all of them. Each keeps the number
/// it has, or gets one never used before; the number in a wanted row does not count.
pub(crate) fn ensure_secondaries(
    engine: &dyn Engine,
    owner: u32,
    wanted: &[(String, SecondaryRow)],
) -> Result<Vec<SecondaryRow>> {
    let numbers = sequence_key(NAMESPACE_NUMBERS);
    loop {
        let old_numbers = read(engine, &numbers)?;
        let first = next_number(engine, old_numbers.as_deref())?;
        let (mut next, mut rows, mut written) = (first, Vec::new(), Vec::new());
        for (name, wanted) in wanted {
            let key = secondary_key(owner, name);
            let old = read(engine, &key)?;
            let stored = old.as_ref().map(|bytes| decode_secondary(engine, name, bytes));
            let id = if let Some(stored) = stored.transpose()? {
                stored.id
            } else {
                let after = number_after(next)?;
                std::mem::replace(&mut next, after)
            };
            let row = SecondaryRow { id, ..wanted.clone() };
            let new = encode_row(&row)?;
            rows.push(row);
            if old.as_ref() != Some(&new) {
                written.push((key, old, new));
            }
        }
        if written.is_empty() {
            return Ok(rows);
        }
        let next_bytes = encode_row(&next)?;
        let mut expect = vec![Expect { key: numbers.as_slice(), value: old_numbers.as_deref() }];
        let mut ops = Vec::new();
        if next != first {
            ops.push(Op::Put { key: numbers.as_slice(), value: &next_bytes });
        }
        for (key, old, new) in &written {
            expect.push(Expect { key: key.as_slice(), value: old.as_deref() });
            ops.push(Op::Put { key: key.as_slice(), value: new });
        }
        if change_for_user(engine, &expect, &ops)? {
            return Ok(rows);
        }
    }
}

/// The next number of a namespace, from the row that has it.
fn next_number(engine: &dyn Engine, row: Option<&[u8]>) -> Result<u32> {
    row.map_or(Ok(CATALOG + 1), |bytes| decode_row(engine, "namespace numbers", bytes))
}

/// The last number is never used, so that every namespace has an end.
fn number_after(id: u32) -> Result<u32> {
    id.checked_add(1).ok_or_else(|| Error::Unsupported { what: "another namespace: 2^32 were used".into() })
}

/// Writes the row of a new namespace under a number never used before; the number in `row` does not count.
pub(crate) fn create_namespace(engine: &dyn Engine, name: &str, row: NamespaceRow) -> Result<NamespaceRow> {
    let key = namespace_key(name);
    let numbers = sequence_key(NAMESPACE_NUMBERS);
    loop {
        let old = read(engine, &numbers)?;
        let id = next_number(engine, old.as_deref())?;
        let next = number_after(id)?;
        let row = NamespaceRow { id, ..row.clone() };
        let (row_bytes, next) = (encode_row(&row)?, encode_row(&next)?);
        let expect =
            [Expect { key: numbers.as_slice(), value: old.as_deref() }, Expect { key: key.as_slice(), value: None }];
        let ops =
            [Op::Put { key: numbers.as_slice(), value: &next }, Op::Put { key: key.as_slice(), value: &row_bytes }];
        if change_for_user(engine, &expect, &ops)? {
            return Ok(row);
        }
    }
}

/// Forgets a namespace and its secondary structures, if there is one. Returns their numbers, whose entries are then to be
/// deleted by [`delete_forgotten`]; the next open does it otherwise.
pub(crate) fn forget_namespace(engine: &dyn Engine, name: &str) -> Result<Option<Vec<u32>>> {
    let key = namespace_key(name);
    let Some(bytes) = read(engine, &key)? else { return Ok(None) };
    let row = decode_namespace(engine, name, &bytes)?;
    let secondaries = secondaries(engine, row.id)?;
    let mut gone = vec![key.clone()];
    gone.extend(secondaries.iter().map(|(name, _)| secondary_key(row.id, name)));
    let ids: Vec<_> = std::iter::once(row.id).chain(secondaries.iter().map(|(_, row)| row.id)).collect();
    gone.extend(ids.iter().map(|id| sequence_key(*id)));
    let progress: Vec<_> = ids.iter().map(|id| row_key(PROGRESS, &id.to_be_bytes())).collect();
    let mut ops: Vec<_> = gone.iter().map(|key| Op::Delete { key: key.as_slice() }).collect();
    ops.extend(progress.iter().map(|key| Op::Put { key: key.as_slice(), value: &[] }));
    let expect = [Expect { key: key.as_slice(), value: Some(&bytes) }];
    Ok(change_for_user(engine, &expect, &ops)?.then_some(ids))
}

/// Deletes the entries of a namespace that was forgotten. It may take long: nobody can open a namespace of its number, so
/// there is no need to keep anybody waiting.
pub(crate) fn delete_forgotten(engine: &dyn Engine, ids: Vec<u32>) -> Result<()> {
    ids.into_iter().try_for_each(|id| delete_entries(engine, id))
}

/// Moves the row of a namespace to another name; returns whether there was one.
pub(crate) fn rename_namespace(engine: &dyn Engine, old: &str, new: &str) -> Result<bool> {
    let (from, to) = (namespace_key(old), namespace_key(new));
    loop {
        let Some(row) = read(engine, &from)? else { return Ok(false) };
        decode_namespace(engine, old, &row)?;
        if read(engine, &to)?.is_some() {
            return Err(Error::NamespaceExists { namespace: new.to_owned() });
        }
        let expect = [Expect { key: from.as_slice(), value: Some(&row) }, Expect { key: to.as_slice(), value: None }];
        let ops = [Op::Delete { key: from.as_slice() }, Op::Put { key: to.as_slice(), value: &row }];
        if change_for_user(engine, &expect, &ops)? {
            return Ok(true);
        }
    }
}

/// Deletes the entries of namespaces that were forgotten before a session ended.
fn finish_drops(engine: &dyn Engine) -> Result<()> {
    let mut left = Vec::new();
    each_row(engine, row_key(PROGRESS, &[]), |rest, _| {
        let id = rest.try_into().map(u32::from_be_bytes);
        left.push(id.map_err(|_| damaged(engine, "a dropped namespace", "its number is not four bytes"))?);
        Ok(())
    })?;
    if left.is_empty() {
        return Ok(());
    }
    // The commit that wrote this row has deleted that of the namespace or secondary structure, and its number is never used again.
    let mut alive: Vec<_> = namespaces(engine)?.into_iter().map(|(_, row)| row.id).collect();
    each_row(engine, row_key(SECONDARY, &[]), |rest, value| {
        let name = String::from_utf8_lossy(rest.get(4..).unwrap_or_default());
        alive.push(decode_secondary(engine, &name, value)?.id);
        Ok(())
    })?;
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
        if change_for_user(engine, &expect, &[Op::Put { key: key.as_slice(), value: &row }])? {
            return Ok(Some((first, end)));
        }
    }
}

/// Sees to it that numbers below `first` are not leased any more. Synced before it returns.
pub(crate) fn skip_numbers(engine: &dyn Engine, id: u32, first: u64) -> Result<()> {
    let key = sequence_key(id);
    loop {
        let old = read(engine, &key)?;
        if let Some(bytes) = &old
            && decode_row::<u64>(engine, "a sequence", bytes)? >= first
        {
            return Ok(());
        }
        let row = encode_row(&first)?;
        let expect = [Expect { key: key.as_slice(), value: old.as_deref() }];
        if change_for_user(engine, &expect, &[Op::Put { key: key.as_slice(), value: &row }])? {
            return Ok(());
        }
    }
}

/// Visits the rows whose keys begin with a prefix: what follows it in the key, and the value.
fn each_row(engine: &dyn Engine, prefix: KeyBuf, mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
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
