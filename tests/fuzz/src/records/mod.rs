//! Records: what decodes encodes again, to what reads as the same value, here and by `ciborium`, an implementation of
//! CBOR that shares nothing with the one that writes them.
//!
//! An input is the number of a type, and a record.

mod types;

use arbitrary::Arbitrary;
use fastrand::Rng;
use kvstore::__private::{record_of, value_of};
use kvstore::Store;
use serde::de::DeserializeOwned;

use self::types::SUBJECTS;
use crate::{Target, Verdict, any, mutate, within};

pub(crate) const TARGET: Target =
    Target { name: "records", stack: crate::THREAD, check, sample, mutate: mutate::bytes };

/// The key of every record, for those that have it in a field: that of the number zero.
const KEY: [u8; 8] = [0; 8];

/// Bytes before the CBOR in the records that are written here.
const HEAD: usize = 2;

/// One type of entries.
pub(crate) struct Subject {
    pub(crate) check: fn(&[u8], &Self) -> Result<Verdict, String>,
    sample: fn(&mut Rng) -> Option<Vec<u8>>,
    /// How many bytes of memory a byte of a record may cost: some times the size of the largest element of a collection,
    /// since an element may be one byte of a record; 23 times that size where collections lie in collections, since the
    /// head of one with so many elements is one byte, and room is made for them before they are read.
    per_byte: usize,
    /// Whether `ciborium` reads what is written as the same value. Not a `Some` of nothing, which it takes for `None`.
    is_refereed: bool,
}

pub(crate) const fn subject<T: Store<Key = u64>>(per_byte: usize) -> Subject
where
    T::Value: PartialEq + DeserializeOwned + for<'a> Arbitrary<'a>,
{
    Subject { check: check_type::<T>, sample: sample_type::<T>, per_byte, is_refereed: true }
}

fn check(input: &[u8]) -> Result<Verdict, String> {
    let Some((number, record)) = input.split_first() else { return Ok(Verdict::Refused) };
    let subject = &SUBJECTS[usize::from(*number) % SUBJECTS.len()];
    (subject.check)(record, subject).map_err(|wrong| format!("record type {number}: {wrong}"))
}

fn sample(rng: &mut Rng) -> Vec<u8> {
    loop {
        let number = rng.usize(..SUBJECTS.len());
        if let Some(record) = (SUBJECTS[number].sample)(rng) {
            return [&[u8::try_from(number).unwrap_or(u8::MAX)], record.as_slice()].concat();
        }
    }
}

fn sample_type<T: Store>(rng: &mut Rng) -> Option<Vec<u8>>
where
    T::Value: for<'a> Arbitrary<'a>,
{
    record_of::<T>(&any(rng)?).ok()
}

fn check_type<T: Store>(record: &[u8], subject: &Subject) -> Result<Verdict, String>
where
    T::Value: PartialEq + DeserializeOwned,
{
    // A string whose declared length is wrong gets room for up to 16 KiB of it.
    let most = (32 << 10) + subject.per_byte * record.len();
    let Ok(value) = within(most, || value_of::<T>(&KEY, record))? else { return Ok(Verdict::Refused) };
    let written = match record_of::<T>(&value) {
        Ok(written) => written,
        Err(error) => return Err(format!("a value was read that can't be written: {error:?}")),
    };
    match value_of::<T>(&KEY, &written) {
        Ok(again) if again == value => {}
        Ok(_) => return Err("a value is another one when it was written and read".into()),
        Err(error) => return Err(format!("a record that was written can't be read: {error:?}")),
    }
    if subject.is_refereed {
        let mut cbor = &written[HEAD..];
        let read: T::Value = ciborium::de::from_reader_with_recursion_limit(&mut cbor, 4096)
            .map_err(|error| format!("the referee can't read a record: {error}"))?;
        if read != value || !cbor.is_empty() {
            return Err("the referee reads another value".into());
        }
    }
    Ok(Verdict::Accepted)
}
