//! One namespace of an opened database: the state that all handles of a store share, and the one way to write to it.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use crate::cache::Announced;
use crate::elements::sweep::Orphans;
use crate::elements::{ElementField, ElementSpaces, HeldElements};
use crate::engine::{Commit, CommitFailure, Expect, LockFailure, LockRefused, Op, Reader, Token, Wait};
use crate::error::{Error, Outcome, Result};
use crate::guard::Entry;
use crate::instance::Instance;
use crate::key::hidden::{KeyArgCodec, KeyBuf, KeyCodec};
use crate::key::{MAX_KEY_BYTES, Shape, Span};
use crate::low_water::{FrontSearch, LowWaterMarks};
use crate::record::{ReadBackWindow, RecordError};
use crate::sequence::Sequence;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, locked};
use crate::thread_number::thread_number;

pub(crate) struct Namespace {
    pub(crate) instance: Arc<Instance>,
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) sequence: Sequence,
    pub(crate) marks: LowWaterMarks,
    /// Where the elements of its element-wise collections lie.
    pub(crate) elements: Arc<ElementSpaces>,
    growth: Growth,
    /// Which records are read back before they are committed.
    pub(crate) read_back: ReadBackWindow,
}

/// A compatible change of the schema that is recorded with the first write, so that until then the old program opens.
#[derive(Debug, Default)]
pub(crate) struct Growth {
    /// Whether there still is one, for writes to look at without a mutex.
    pending: AtomicBool,
    rows: Mutex<Vec<GrownRow>>,
}

/// A catalog row of a namespace or its elements, as it is and as it is to be.
#[derive(Debug)]
pub(crate) struct GrownRow {
    pub(crate) key: KeyBuf,
    pub(crate) old: Vec<u8>,
    pub(crate) new: Vec<u8>,
}

impl Growth {
    pub(crate) fn new(rows: Vec<GrownRow>) -> Self {
        Self { pending: AtomicBool::new(!rows.is_empty()), rows: Mutex::new(rows) }
    }
}

/// A namespace as the handles of its store have it. Each guard keeps the namespace alive, and counts itself in one of
/// several counters, by thread: one counter for all would be a cache line that all threads write.
#[derive(Debug)]
pub(crate) struct Handles {
    namespace: Arc<Namespace>,
    slots: [Handle; HANDLES],
}

/// Counters: as many as threads are likely to lock entries of one store at a time.
const HANDLES: usize = 16;

/// A namespace as a guard has it.
#[derive(Debug)]
pub(crate) struct Handle(Arc<Padded>);

/// Padded to two cache lines, with the counter before it, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Arc<Namespace>);

impl Handles {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        let slots = std::array::from_fn(|_| Handle(Arc::new(Padded(Arc::clone(&namespace)))));
        Self { namespace, slots }
    }

    pub(crate) fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// Whether a guard, scan or view has the namespace, apart from these handles themselves.
    pub(crate) fn are_used(&self) -> bool {
        Arc::strong_count(&self.namespace) > 1 + HANDLES
            || self.slots.iter().any(|Handle(counter)| Arc::strong_count(counter) > 1)
    }

    /// Locks a key.
    pub(crate) fn lock(
        &self,
        key: KeyBuf,
        wait: Wait,
        taken_at: &'static Location<'static>,
    ) -> Result<Entry, LockFailure> {
        let token = self.instance.engine.lock(key, wait, taken_at)?;
        Ok(self.entry(token, taken_at))
    }

    /// Locks a key if nobody holds it.
    pub(crate) fn lock_if_free(
        &self,
        key: KeyBuf,
        taken_at: &'static Location<'static>,
    ) -> Result<Option<Entry>, LockFailure> {
        let token = self.instance.engine.lock_if_free(key, taken_at)?;
        Ok(token.map(|token| self.entry(token, taken_at)))
    }

    fn entry(&self, token: Token, taken_at: &'static Location<'static>) -> Entry {
        let Handle(counter) = &self.slots[thread_number() % HANDLES];
        Entry::new(Handle(Arc::clone(counter)), token, taken_at)
    }
}

impl Deref for Handles {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.namespace
    }
}

impl Handle {
    /// The namespace, to be shared further.
    pub(crate) fn namespace(&self) -> &Arc<Namespace> {
        &self.0.0
    }
}

impl Deref for Handle {
    type Target = Namespace;

    fn deref(&self) -> &Namespace {
        &self.0.0
    }
}

/// What a commit does to one entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) change: Change<'a>,
}

/// What a commit does to the record of an entry, and with it to its elements.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change<'a> {
    /// This record is put, and the elements are changed as the entry says.
    Put(&'a [u8]),
    /// The record stays as it is, and the elements are changed as the entry says.
    Keep,
    /// This record is put in the place of another entry's, whose elements are gone.
    Replace(&'a [u8]),
    /// The record is deleted, and the elements are gone.
    Delete,
}

impl<'a> Write<'a> {
    /// What is done to the record.
    fn op(&self) -> Option<Op<'a>> {
        let key = self.entry.token().key().as_slice();
        match self.change {
            Change::Put(value) | Change::Replace(value) => Some(Op::Put { key, value }),
            Change::Delete => Some(Op::Delete { key }),
            Change::Keep => None,
        }
    }

    /// The one operation of the write, where it is one.
    fn only_op(&self) -> Option<Op<'a>> {
        if self.entry.elements().is_none() { self.op() } else { None }
    }

    fn push_ops(&self, ops: &mut Vec<Op<'a>>) {
        ops.extend(self.op());
        if let (Some(elements), Change::Put(_) | Change::Keep) = (self.entry.elements(), self.change) {
            elements.push_ops(ops);
        }
        ops.extend(self.orphan().map(|(_, row)| Op::Put { key: row.as_slice(), value: &[] }));
    }

    /// Whose elements are gone with this write, and the row that says so.
    fn orphan(&self) -> Option<(u64, &'a KeyBuf)> {
        match self.change {
            Change::Put(_) | Change::Keep => None,
            Change::Replace(_) | Change::Delete => self.entry.elements().and_then(HeldElements::orphan),
        }
    }

    /// Tells the cache of what is done to the record.
    fn announce(&self) -> Option<Announced> {
        let entry = self.entry;
        match self.change {
            Change::Keep => None,
            _ => entry.namespace().instance.cache.announce(entry.key()),
        }
    }

    /// Tells the cache that the engine has answered, and whether the write is done.
    fn end(&self, announced: Option<Announced>, done: bool) {
        let written = match self.change {
            Change::Put(record) | Change::Replace(record) if done => Some(record),
            _ => None,
        };
        if let Some(announced) = announced {
            self.entry.namespace().instance.cache.end(announced, self.entry.key(), written);
        }
    }

    fn put_key(&self) -> Option<&'a KeyBuf> {
        match self.change {
            Change::Put(_) | Change::Replace(_) => Some(self.entry.token().key()),
            Change::Keep | Change::Delete => None,
        }
    }
}

impl Namespace {
    pub(crate) fn new(
        instance: Arc<Instance>,
        id: u32,
        name: String,
        shape: Shape,
        growth: Growth,
        elements: Arc<ElementSpaces>,
    ) -> Self {
        let read_back = ReadBackWindow::new(instance.read_back);
        Self {
            instance,
            id,
            name,
            shape,
            sequence: Sequence::default(),
            marks: LowWaterMarks::default(),
            elements,
            growth,
            read_back,
        }
    }

    /// Reads the incarnation of an entry that has elements into its place, and tells whether there is an entry.
    pub(crate) fn read_incarnation(&self, key: &KeyBuf, reader: &dyn Reader, place: &mut Option<u64>) -> Result<bool> {
        let mut incarnation = Ok(None);
        let found = reader.read(key.as_slice(), &mut |record| incarnation = self.elements.incarnation(record))?;
        *place = incarnation.map_err(|error| self.decode_error(key, error))?;
        Ok(found)
    }

    /// The database key of a key argument.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    #[inline]
    pub(crate) fn key<K>(&self, key: &impl KeyArgCodec<K>) -> Result<KeyBuf> {
        let buf = self.unchecked_key(key);
        self.check_key(&buf).map(|()| buf)
    }

    /// The same, before its size is checked.
    #[inline]
    pub(crate) fn unchecked_key<K>(&self, key: &impl KeyArgCodec<K>) -> KeyBuf {
        let mut buf = KeyBuf::in_namespace(self.id);
        key.encode_arg_last(&mut buf);
        buf
    }

    /// Refuses keys over the limit.
    pub(crate) fn check_key(&self, key: &KeyBuf) -> Result<()> {
        let size = key.key().len();
        if size <= MAX_KEY_BYTES {
            return Ok(());
        }
        let shown = crate::key::bytes_as_text(key.key());
        Err(Error::TooLarge { namespace: self.name.clone(), key: shown, what: "key", size, limit: MAX_KEY_BYTES })
    }

    /// Refuses keys that are not read back as themselves: see [`read_back`](crate::key::read_back).
    #[inline]
    pub(crate) fn read_key_back<K: KeyCodec>(&self, key: &KeyBuf) -> Result<()> {
        crate::key::read_back::<K>(key.key()).map_err(|error| Error::InvalidKey {
            namespace: self.name.clone(),
            key: self.render(key),
            reason: error.to_string(),
        })
    }

    pub(crate) fn span(&self) -> Span {
        Span::namespace(self.id)
    }

    /// Begins a search for the first entry of a range.
    pub(crate) fn search_front(&self, span: &Span) -> FrontSearch<'_> {
        self.marks.search(span, &*self.instance.engine)
    }

    /// A key as text, for errors.
    pub(crate) fn render(&self, key: &KeyBuf) -> String {
        self.shape.render(key.key())
    }

    /// What a failed lock of a key of this namespace is to the user.
    #[cold]
    pub(crate) fn lock_error(&self, failure: LockFailure) -> Error {
        let namespace = self.name.clone();
        match failure {
            LockFailure::Failed(error) => error,
            LockFailure::Refused(LockRefused::Closed) => Error::Closed,
            LockFailure::Refused(LockRefused::Held(holding)) => Error::Locked {
                namespace,
                key: self.render(&holding.key),
                holder: Box::new(self.instance.holder(&holding)),
            },
            LockFailure::Refused(LockRefused::TimedOut(waited, holding)) => {
                let holder = Box::new(self.instance.holder(&holding));
                Error::LockTimeout { namespace, key: self.render(&holding.key), waited, holder }
            }
        }
    }

    #[cold]
    pub(crate) fn encode_error(&self, key: &KeyBuf, error: RecordError) -> Error {
        let (namespace, key) = (self.name.clone(), self.render(key));
        match error {
            RecordError::TooLarge { size, limit } => Error::TooLarge { namespace, key, what: "record", size, limit },
            RecordError::Wrong(reason) | RecordError::Unsupported(reason) => {
                Error::Encode { namespace, key, reason: reason.into() }
            }
        }
    }

    #[cold]
    pub(crate) fn decode_error(&self, key: &KeyBuf, error: RecordError) -> Error {
        let (namespace, key) = (self.name.clone(), self.render(key));
        match error {
            RecordError::Unsupported(what) => Error::Unsupported { what: format!("{what}, at {namespace}[{key}]") },
            RecordError::Wrong(reason) => Error::Decode { namespace, key, reason: reason.into() },
            RecordError::TooLarge { size, limit } => Error::TooLarge { namespace, key, what: "record", size, limit },
        }
    }

    /// The error for an element of an entry that can't be encoded; `element` is its key in last form.
    #[cold]
    pub(crate) fn element_encode_error(
        &self,
        key: &KeyBuf,
        field: &ElementField,
        element: &[u8],
        error: RecordError,
    ) -> Error {
        match self.encode_error(key, error.in_element(&field.render(element))) {
            Error::TooLarge { namespace, key, size, limit, .. } => {
                Error::TooLarge { namespace, key, what: "element", size, limit }
            }
            other => other,
        }
    }

    /// The error for an element of an entry that can't be decoded; `element` is its key in last form.
    #[cold]
    pub(crate) fn element_decode_error(
        &self,
        key: &KeyBuf,
        field: &ElementField,
        element: &[u8],
        error: RecordError,
    ) -> Error {
        self.decode_error(key, error.in_element(&field.render(element)))
    }

    #[cold]
    pub(crate) fn key_changed(&self, key: &KeyBuf, found: &KeyBuf) -> Error {
        Error::KeyChanged { namespace: self.name.clone(), key: self.render(key), found: self.render(found) }
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}

/// Applies writes under the locks of their entries, all of one database, as a whole.
pub(crate) fn apply(writes: &[Write<'_>]) -> Result<(), (Error, Outcome)> {
    let Some(first) = writes.first() else { return Ok(()) };
    let instance = &first.entry.namespace().instance;
    let grows = writes.iter().any(|write| write.entry.namespace().growth.pending.load(Ordering::Acquire));
    let failure = if grows {
        apply_growing(instance, writes)
    } else if let [write] = writes
        && let Some(op) = write.only_op()
    {
        // The common case, without allocation.
        commit(instance, writes, &[op], &[write.entry.token()], &[])
    } else {
        let tokens: Vec<_> = writes.iter().map(|write| write.entry.token()).collect();
        commit(instance, writes, &all_ops(writes), &tokens, &[])
    };
    if failure.is_ok() {
        for (write, (incarnation, _)) in writes.iter().filter_map(|write| Some((write, write.orphan()?))) {
            let spaces = &write.entry.namespace().elements;
            instance.sweeper.sweep(&instance.engine, spaces, Orphans::One(incarnation));
        }
    }
    failure.map_err(|failure| match failure {
        // The storage knows only bytes: it is the first entry that names the batch.
        CommitFailure::Failed(Error::TooLarge { what, size, limit, .. }, outcome) => {
            let (namespace, key) = instance.describe(first.entry.key());
            (Error::TooLarge { namespace, key, what, size, limit }, outcome)
        }
        CommitFailure::Failed(error, outcome) => (error, outcome),
        CommitFailure::Stale(key) => {
            let (namespace, key) = instance.describe(&key);
            (Error::LockLost { namespace, key }, Outcome::NotApplied)
        }
        CommitFailure::Unexpected => {
            let differences = vec!["it was changed by another program meanwhile".to_owned()];
            (
                Error::SchemaMismatch { namespace: first.entry.namespace().name.clone(), differences },
                Outcome::NotApplied,
            )
        }
    })
}

fn all_ops<'a>(writes: &[Write<'a>]) -> Vec<Op<'a>> {
    let mut ops = Vec::with_capacity(writes.len());
    for write in writes {
        write.push_ops(&mut ops);
    }
    ops
}

/// As `apply`, together with the catalog rows of the namespaces whose schema has grown.
fn apply_growing(instance: &Instance, writes: &[Write<'_>]) -> Result<(), CommitFailure> {
    // Each namespace once, and in one order, since its growth stays locked until the commit is through.
    let mut namespaces: Vec<_> = writes.iter().map(|write| write.entry.namespace()).collect();
    namespaces.sort_by_key(|namespace| namespace.id);
    namespaces.dedup_by_key(|namespace| namespace.id);
    let mut rows: Vec<_> = namespaces.iter().map(|namespace| locked(&namespace.growth.rows)).collect();
    let grown = || rows.iter().flat_map(|rows| rows.iter());
    let expect: Vec<_> = grown().map(|row| Expect { key: row.key.as_slice(), value: Some(&row.old) }).collect();
    let mut ops = all_ops(writes);
    ops.extend(grown().map(|row| Op::Put { key: row.key.as_slice(), value: &row.new }));
    let tokens: Vec<_> = writes.iter().map(|write| write.entry.token()).collect();
    commit(instance, writes, &ops, &tokens, &expect)?;
    for (namespace, rows) in namespaces.iter().zip(&mut rows) {
        rows.clear();
        namespace.growth.pending.store(false, Ordering::Release);
    }
    Ok(())
}

/// Commits. Before the engine is called, low-water marks are cut at the keys that are put, and the cache forgets what it has
/// of them. Under the entries' locks, as both need.
fn commit(
    instance: &Instance,
    writes: &[Write<'_>],
    ops: &[Op<'_>],
    tokens: &[&Token],
    expect: &[Expect<'_>],
) -> Result<(), CommitFailure> {
    let commit = Commit { ops, tokens, expect, sync: !expect.is_empty(), background: false };
    if let [write] = writes {
        let marks = &write.entry.namespace().marks;
        let ticket = write.put_key().map(|key| marks.begin_write(key));
        let announced = write.announce();
        let result = instance.engine.commit(&commit);
        if !is_unknown(&result) {
            write.end(announced, result.is_ok());
            if let Some(ticket) = ticket {
                marks.end_write(ticket);
            }
        }
        return result;
    }
    let puts = writes.iter().filter_map(|write| Some((write.put_key()?, &write.entry.namespace().marks)));
    let tickets: Vec<_> = puts.map(|(key, marks)| (marks, marks.begin_write(key))).collect();
    let announced: Vec<_> = writes.iter().map(|write| (write, write.announce())).collect();
    let result = instance.engine.commit(&commit);
    if !is_unknown(&result) {
        for (write, announced) in announced {
            write.end(announced, result.is_ok());
        }
        for (marks, ticket) in tickets {
            marks.end_write(ticket);
        }
    }
    result
}

fn is_unknown(result: &Result<(), CommitFailure>) -> bool {
    matches!(result, Err(CommitFailure::Failed(_, Outcome::Unknown)))
}
