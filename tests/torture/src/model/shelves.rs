//! The five stores of a world.

use kvstore::Database;
use kvstore_tests::TestResult;

use super::answer::{Refusal, answer, same};
use super::kinds::{Blobs, GrownNotes, Kind, NOTES, OldNotes, Places, Texts, Tickets};
use super::ops::Act;
use super::shelf::{AnyShelf, Shelf};

/// How many stores there are.
pub(super) const STORES: u8 = 5;

/// The five stores. The notes are the last.
pub(super) struct Shelves {
    texts: Shelf<Texts>,
    tickets: Shelf<Tickets>,
    places: Shelf<Places>,
    blobs: Shelf<Blobs>,
    pub(super) notes: Notes,
}

/// The notes, in the hands of one of the two programs.
pub(super) enum Notes {
    Old(Shelf<OldNotes>),
    Grown(Shelf<GrownNotes>),
}

impl Shelves {
    pub(super) fn new() -> Self {
        Self {
            texts: Shelf::new("texts"),
            tickets: Shelf::new("tickets"),
            places: Shelf::new("places"),
            blobs: Shelf::new("blobs"),
            notes: Notes::Old(Shelf::new(NOTES)),
        }
    }

    pub(super) fn all(&mut self) -> [&mut dyn AnyShelf; STORES as usize] {
        let Self { texts, tickets, places, blobs, notes } = self;
        let notes: &mut dyn AnyShelf = match notes {
            Notes::Old(notes) => notes,
            Notes::Grown(notes) => notes,
        };
        [texts, tickets, places, blobs, notes]
    }

    pub(super) fn one(&mut self, store: u8) -> &mut dyn AnyShelf {
        let [texts, tickets, places, blobs, notes] = self.all();
        match store % STORES {
            0 => texts,
            1 => tickets,
            2 => places,
            3 => blobs,
            _ => notes,
        }
    }

    /// Hands the notes to one of the two programs. They must not be open.
    pub(super) fn change_program(&mut self, grown: bool) {
        let notes = std::mem::replace(&mut self.notes, Notes::Old(Shelf::new(NOTES)));
        self.notes = match (notes, grown) {
            (Notes::Old(notes), true) => Notes::Grown(notes.for_other_program()),
            (Notes::Grown(notes), false) => Notes::Old(notes.for_other_program()),
            (notes, _) => notes,
        };
    }

    /// Locks entries of a pair of stores.
    pub(super) fn together(
        &mut self,
        db: &Database,
        pair: u8,
        keys: [u8; 3],
        number: u32,
        then: [Act; 2],
    ) -> TestResult {
        let Self { texts, tickets, places, blobs, notes } = self;
        match (pair % 5, notes) {
            (0, _) => together(db, texts, tickets, keys, number, then),
            (1, _) => together(db, blobs, places, keys, number, then),
            (2, _) => together(db, tickets, blobs, keys, number, then),
            (_, Notes::Old(notes)) => together(db, notes, texts, keys, number, then),
            (_, Notes::Grown(notes)) => together(db, places, notes, keys, number, then),
        }
    }
}

/// Locks an entry of one store, and two of another, of which the last is created where there is none.
fn together<A: Kind, B: Kind>(
    db: &Database,
    left: &mut Shelf<A>,
    right: &mut Shelf<B>,
    keys: [u8; 3],
    number: u32,
    then: [Act; 2],
) -> TestResult {
    let (first, second, third) = (A::key(keys[0]), B::key(keys[1]), B::key(keys[2]));
    let number = B::fresh(number);
    let (left_store, right_store) = (left.store(db)?, right.store(db)?);
    let requests = (
        left_store.wanted(&first),
        right_store.wanted(&second),
        right_store.wanted_or_create(&third, B::value(&third, number)),
    );
    let expected = if second == third {
        Err(Refusal::DuplicateKey)
    } else if left.is_held(&first) || right.is_held(&second) || right.is_held(&third) {
        Err(Refusal::LockTimeout)
    } else {
        Ok(())
    };
    let locked = answer(db.lock_together(requests))?;
    same("lock_together", &locked.as_ref().map(|_| ()).map_err(|refusal| *refusal), &expected)?;
    let Ok((a, b, c)) = locked else { return Ok(()) };
    let expected = left.expected(&first, Refusal::Locked, Ok(None));
    left.admit("lock_together", &first, Ok(a), expected, then)?;
    let expected = right.expected(&second, Refusal::Locked, Ok(None));
    right.admit("lock_together", &second, Ok(b), expected, then)?;
    let expected = right.expected(&third, Refusal::Locked, Ok(Some((number, true))));
    right.admit("lock_together", &third, Ok(Some(c)), expected, then)
}
