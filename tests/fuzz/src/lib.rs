//! What kvstore reads, fed with any bytes.
//!
//! A [`Target`] is one reader with its oracle: a function of bytes that answers whether the reader took them, or what is
//! wrong. The same targets are run by the trials of `kvstore-torture`, with inputs made [here](Target::input) from a seed,
//! and by libFuzzer, which is guided by what the inputs reach (the folder `fuzz` at the root). The folder `corpus` has
//! inputs that reach much, found by libFuzzer.

mod catalog;
mod corpus;
mod derive;
mod files;
mod keys;
mod mutate;
mod records;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

/// All targets.
pub const TARGETS: [&Target; 5] = [&keys::TARGET, &records::TARGET, &catalog::TARGET, &derive::TARGET, &files::TARGET];

/// The stack of a thread, where a program does not choose another.
const THREAD: usize = 2 << 20;

/// A reader under test.
#[derive(Debug)]
pub struct Target {
    /// One word; its corpus is the folder of this name.
    pub name: &'static str,
    /// The stack that an input may take: for what is read at run time that of a thread, for the derives that of a compiler.
    pub stack: usize,
    /// Lets the reader read, and judges it.
    check: fn(&[u8]) -> Result<Verdict, String>,
    /// An input that the reader should take.
    sample: fn(&mut Rng) -> Vec<u8>,
    /// Changes an input a little. The last argument is another input, to take parts of.
    mutate: fn(&mut Rng, &mut Vec<u8>, &[u8]),
}

/// What a reader did with an input, rightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Accepted,
    /// It was refused, with an error.
    Refused,
}

impl Target {
    /// The target of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// Checks one input.
    ///
    /// # Errors
    /// What the reader did wrong; to panic is wrong.
    pub fn check(&self, input: &[u8]) -> Result<Verdict, String> {
        catch_unwind(AssertUnwindSafe(|| (self.check)(input))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("it panicked: {}", text.unwrap_or_default()))
        })
    }

    /// An input: one that should be taken, one of the corpus or bytes of any kind, most often changed in some places.
    pub fn input(&self, rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.unchanged(rng, corpus);
        let other = self.unchanged(rng, corpus);
        for _ in 0..rng.u32(..6) {
            (self.mutate)(rng, &mut input, &other);
        }
        input
    }

    /// An input changed in one place, as [`input`](Self::input) does it; now and then another one that should be taken.
    pub fn changed(&self, input: &[u8], seed: u64) -> Vec<u8> {
        let rng = &mut Rng::with_seed(seed);
        let other = (self.sample)(rng);
        if rng.u8(..16) == 0 {
            return other;
        }
        let mut changed = input.to_vec();
        (self.mutate)(rng, &mut changed, &other);
        changed
    }

    fn unchanged(&self, rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
        match (rng.u8(..16), rng.choice(corpus)) {
            (0, _) => mutate::any_bytes(rng),
            (1..8, Some(input)) => input.clone(),
            _ => (self.sample)(rng),
        }
    }
}

/// What `call` answers, where at no time it held more than `most` bytes on the heap.
fn within<T>(most: usize, call: impl FnOnce() -> T) -> Result<T, String> {
    let mut answer = None;
    let used = allocation_counter::measure(|| answer = Some(call())).bytes_max;
    match answer {
        Some(answer) if used <= most as u64 => Ok(answer),
        _ => Err(format!("it took {used} bytes of memory, where {most} are enough")),
    }
}

/// A value of any kind.
fn any<T: for<'a> arbitrary::Arbitrary<'a>>(rng: &mut Rng) -> Option<T> {
    let mut bytes = [0; 512];
    let length = rng.usize(..=bytes.len());
    rng.fill(&mut bytes);
    T::arbitrary(&mut arbitrary::Unstructured::new(&bytes[..length])).ok()
}
