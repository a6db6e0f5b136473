//! The value that benchmarks store: a map of one attempt, 160 bytes as a record.

use std::collections::BTreeMap;

use kvstore::Map;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Attempt {
    pub(crate) worker: String,
    pub(crate) started: u64,
    pub(crate) finished: u64,
    pub(crate) message: String,
}

pub(crate) type Value = BTreeMap<String, Attempt>;
pub(crate) type Entries = Map<String, Value>;

pub(crate) fn value(number: usize) -> Value {
    let attempt = Attempt {
        worker: format!("worker-{:04}.example.org", number % 1000),
        started: 1_700_000_000_000 + number as u64,
        finished: 1_700_000_100_000 + number as u64,
        message: "connection reset by peer after 1048576 bytes, to be tried again in 30 s".into(),
    };
    BTreeMap::from([("attempt-1".into(), attempt)])
}
