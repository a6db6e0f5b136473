//! Guards that the model holds, and what is done with them.

use kvstore::{Batch, CommitError, Guard, MapStore, Outcome};
use kvstore_tests::TestResult;

use super::answer::{Refusal, answer, same};
use super::kinds::Kind;
use super::ops::Act;
use super::reader::{Entries, number_of};

/// A guard, and what is known of it.
pub(super) struct Held<K: Kind> {
    guard: Guard<K::Store>,
    known: Known<K>,
}

/// What is known of a guard.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Known<K: Kind> {
    key: K::Key,
    /// The value it has now.
    number: u32,
    is_new: bool,
    /// Whether the entry is there for others.
    stored: bool,
    changed: bool,
    /// Whether its key field is another than its key.
    mangled: bool,
}

/// A guard that was given to a batch.
pub(super) struct Given<K: Kind> {
    known: Known<K>,
    delete: bool,
}

impl<K: Kind> Known<K> {
    fn needs_write(&self) -> bool {
        self.changed || !self.stored
    }

    fn write(&mut self, entries: &mut Entries<K>) -> bool {
        let writes = self.needs_write();
        if writes {
            entries.insert(self.key.clone(), self.number);
        }
        (self.stored, self.changed) = (true, false);
        writes
    }

    fn delete(&self, entries: &mut Entries<K>) -> bool {
        self.stored && entries.remove(&self.key).is_some()
    }
}

impl<K: Kind> Held<K> {
    /// A guard just taken, which must be of this entry.
    pub(super) fn new(guard: Guard<K::Store>, key: K::Key, number: u32, is_new: bool) -> TestResult<Self> {
        // An initializer may leave things to be set behind it, which changes the guard.
        let known = Known { key, number, is_new, stored: !is_new, changed: false, mangled: false };
        let held = Self { guard, known };
        held.check()?;
        Ok(held)
    }

    pub(super) fn key(&self) -> &K::Key {
        &self.known.key
    }

    /// What a guard never forgets.
    fn check(&self) -> TestResult {
        let Known { key, number, is_new, mangled, .. } = &self.known;
        same("the key of a guard", self.guard.key(), key)?;
        same("whether a guard is new", &self.guard.is_new(), is_new)?;
        if *mangled { Ok(()) } else { same("the value of a guard", &number_of::<K>(key, &self.guard)?, number) }
    }

    /// Does something; answers the guard where it is still held, and whether anything was written.
    pub(super) fn act(mut self, act: Act, entries: &mut Entries<K>) -> TestResult<(Option<Self>, bool)> {
        self.check()?;
        match act {
            Act::Keep => {}
            Act::Change(number) => {
                let number = K::fresh(number);
                *self.guard = K::value(&self.known.key, number);
                (self.known.number, self.known.changed, self.known.mangled) = (number, true, false);
            }
            Act::MarkChanged => {
                self.guard.mark_changed();
                self.known.changed = true;
            }
            Act::Mangle => {
                // Borrowing changes, whether anything comes of it or not.
                self.known.mangled = K::mangle(&mut self.guard) || self.known.mangled;
                self.known.changed = true;
            }
            Act::Save => {
                let saved = answer(self.guard.save())?;
                same("save", &saved, &self.writable())?;
                let wrote = saved.is_ok() && self.known.write(entries);
                return Ok((Some(self), wrote));
            }
            Act::Commit => {
                let expected = self.writable();
                let Self { guard, mut known } = self;
                return match failure("commit", guard.try_commit(), expected)? {
                    None => Ok((None, known.write(entries))),
                    Some(guard) => Ok((Some(Self { guard, known }), false)),
                };
            }
            Act::Release => {
                self.guard.release();
                return Ok((None, false));
            }
            Act::Drop => return Ok((None, false)),
            Act::Delete => {
                let Self { guard, known } = self;
                return match failure("delete", guard.try_delete(), Ok(()))? {
                    None => Ok((None, known.delete(entries))),
                    Some(guard) => Ok((Some(Self { guard, known }), false)),
                };
            }
        }
        Ok((Some(self), false))
    }

    fn writable(&self) -> Result<(), Refusal> {
        if self.known.mangled { Err(Refusal::KeyChanged) } else { Ok(()) }
    }

    /// The database was closed while it was held: nothing is written any more.
    pub(super) fn expect_closed(mut self, delete: bool) -> TestResult {
        let expected = self.writable().and(Err(Refusal::Closed));
        same("save after close", &answer(self.guard.save())?, &expected)?;
        if delete {
            failure("delete after close", self.guard.try_delete(), Err(Refusal::Closed)).map(drop)
        } else {
            failure("commit after close", self.guard.try_commit(), expected).map(drop)
        }
    }

    /// Puts the guard into a batch.
    pub(super) fn give(self, batch: Batch, delete: bool) -> (Batch, Given<K>) {
        let batch = if delete { batch.delete(self.guard) } else { batch.write(self.guard) };
        (batch, Given { known: self.known, delete })
    }
}

impl<K: Kind> Given<K> {
    /// Whether the batch can't be committed for it.
    pub(super) fn refuses(&self) -> bool {
        !self.delete && self.known.mangled
    }

    /// Takes the guard back out of the batch.
    pub(super) fn take_back(self, batch: &mut Batch, store: &MapStore<K::Store>) -> TestResult<Held<K>> {
        let Self { known, .. } = self;
        let guard = batch.take(store, &known.key).ok_or_else(|| format!("{:?} is gone from its batch", known.key))?;
        same("whether a guard can be taken twice", &batch.take(store, &known.key).is_some(), &false)?;
        let held = Held { guard, known };
        held.check()?;
        Ok(held)
    }

    /// The batch was committed; answers whether anything was written.
    pub(super) fn committed(mut self, entries: &mut Entries<K>) -> bool {
        if self.delete { self.known.delete(entries) } else { self.known.write(entries) }
    }
}

/// Holds a commit against what it must answer; a failed one must have written nothing, and gives back what it held.
pub(super) fn failure<G>(
    what: &str,
    result: Result<(), CommitError<G>>,
    expected: Result<(), Refusal>,
) -> TestResult<Option<G>> {
    let Err(failed) = result else {
        same(what, &Ok(()), &expected)?;
        return Ok(None);
    };
    same("the outcome of a refused commit", &failed.outcome(), &Outcome::NotApplied)?;
    let (error, held) = failed.into_parts();
    same(what, &answer::<()>(Err(error))?, &expected)?;
    Ok(Some(held))
}
