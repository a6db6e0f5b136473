//! Generated numbers of one namespace: unique and increasing, leased from the catalog in blocks.

use crate::catalog;
use crate::engine::Engine;
use crate::error::Result;
use crate::sync::{Mutex, locked};

/// How many numbers are leased at a time; so many at most are lost when the program ends.
const BLOCK: u64 = 1000;

/// The numbers that are leased and not given out yet.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    lease: Mutex<(u64, u64)>,
}

impl Sequence {
    /// The next number; `None` when all are used up. Under one mutex, so that a call that begins after another returned
    /// gets a greater number.
    pub(crate) fn next(&self, engine: &dyn Engine, namespace: u32) -> Result<Option<u64>> {
        // Not only for a lease: a forked child has its parent's, and a subscriber of `tracing` that is told of a failed
        // lease may ask for a number.
        engine.check_open()?;
        let mut lease = locked(&self.lease);
        if lease.0 >= lease.1 {
            match catalog::lease(engine, namespace, BLOCK)? {
                Some(numbers) => *lease = numbers,
                None => return Ok(None),
            }
        }
        let number = lease.0;
        lease.0 += 1;
        Ok(Some(number))
    }

    /// Leaves out the numbers below `first` from now on, in this session and every later one.
    pub(crate) fn skip_to(&self, engine: &dyn Engine, namespace: u32, first: u64) -> Result<()> {
        engine.check_open()?;
        let mut lease = locked(&self.lease);
        // The catalog has the end of the lease already.
        if first > lease.1 {
            catalog::skip_numbers(engine, namespace, first)?;
            lease.1 = first;
        }
        lease.0 = lease.0.max(first);
        Ok(())
    }
}
