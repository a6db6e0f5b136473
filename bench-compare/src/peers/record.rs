//! The values that are stored, the same for every store.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::native_db::{Item, NativeJob, NativeYcsb};

/// A value of a store.
pub(crate) trait Record: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The struct around it that `native_db` asks for, for its key lies inside.
    type Native: Item<Self>;

    /// The value of a number.
    fn numbered(number: u64) -> Self;
    /// Whether this is the value of that number, changed or not.
    fn is_of(&self, number: u64) -> bool;
    /// A small change, after which the value is as large as before.
    fn change(&mut self);
    /// How often it was changed.
    #[cfg(test)]
    fn changes(&self) -> u64;
}

/// One attempt of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    worker: String,
    started: u64,
    finished: u64,
    message: String,
}

impl Attempt {
    /// A small change, after which it is as large as before.
    pub(crate) fn change(&mut self) {
        self.finished += 1;
    }
}

/// A job: 160 bytes in a map of one element.
pub(crate) type Job = BTreeMap<String, Attempt>;

const STARTED: u64 = 1_700_000_000_000;

impl Record for Job {
    type Native = NativeJob;

    fn numbered(number: u64) -> Self {
        let attempt = Attempt {
            worker: format!("worker-{:04}.example.org", number % 1000),
            started: STARTED + number,
            finished: STARTED + 100_000 + number,
            message: "connection reset by peer after 1048576 bytes, to be tried again in 30 s".into(),
        };
        Self::from([("attempt-1".into(), attempt)])
    }

    fn is_of(&self, number: u64) -> bool {
        self.len() == 1 && self.values().all(|attempt| attempt.started == STARTED + number)
    }

    fn change(&mut self) {
        self.values_mut().for_each(Attempt::change);
    }

    #[cfg(test)]
    fn changes(&self) -> u64 {
        self.values().map(|attempt| attempt.finished - attempt.started - 100_000).sum()
    }
}

/// A record of the YCSB benchmark: ten fields of a hundred bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ycsb {
    field0: String,
    field1: String,
    field2: String,
    field3: String,
    field4: String,
    field5: String,
    field6: String,
    field7: String,
    field8: String,
    field9: String,
}

/// A hundred printable characters that do not compress.
fn field(random: &mut fastrand::Rng) -> String {
    (0..100).map(|_| random.alphanumeric()).collect()
}

impl Record for Ycsb {
    type Native = NativeYcsb;

    fn numbered(number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(number);
        let mut field0 = field(&mut random);
        field0.replace_range(..16, &format!("{number:016x}"));
        Self {
            field0,
            field1: field(&mut random),
            field2: field(&mut random),
            field3: field(&mut random),
            field4: field(&mut random),
            field5: field(&mut random),
            field6: field(&mut random),
            field7: field(&mut random),
            field8: field(&mut random),
            field9: format!("{:0100}", 0),
        }
    }

    fn is_of(&self, number: u64) -> bool {
        self.field0.get(..16).is_some_and(|hex| u64::from_str_radix(hex, 16) == Ok(number))
    }

    fn change(&mut self) {
        let changes = self.field9.parse::<u64>().unwrap_or_default() + 1;
        self.field9 = format!("{changes:0100}");
    }

    #[cfg(test)]
    fn changes(&self) -> u64 {
        self.field9.parse().unwrap()
    }
}
