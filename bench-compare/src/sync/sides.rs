//! kvstore and raw RocksDB, opened so that RocksDB counts its syncs of the log.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use kvstore::__bench::{self as bench, Counters};
use kvstore::{Database, Durability};
use rocksdb::Options;
use rocksdb::statistics::Ticker;

use crate::Result;
use crate::peers::{self, Job, Kvstore, Opening, Peer, Raw, Record, Span};

const CACHE_BYTES: usize = 64 << 20;

/// Where the count is.
enum Count {
    Kvstore(Counters),
    Raw(Options),
}

/// A store with its count.
pub(super) struct Counted {
    peer: Box<dyn Peer<Job>>,
    count: Count,
}

impl Counted {
    pub(super) fn kvstore(dir: &Path) -> Result<Self> {
        let builder = Database::builder().cache_bytes(CACHE_BYTES).durability(Durability::Sync);
        let (db, counters) = bench::open_counted(&builder, dir)?;
        Ok(Self { peer: Box::new(Kvstore::<Job>::new(&db, true)?), count: Count::Kvstore(counters) })
    }

    pub(super) fn raw(dir: &Path) -> Result<Self> {
        let mut options = bench::raw_options(CACHE_BYTES);
        options.enable_statistics();
        let opening = Opening { dir, durability: peers::Durability::Sync, cache_bytes: CACHE_BYTES };
        Ok(Self { peer: Box::new(Raw::open_with(&opening, &options)?), count: Count::Raw(options) })
    }

    /// How often the log was synced.
    pub(super) fn log_syncs(&self) -> u64 {
        match &self.count {
            Count::Kvstore(counters) => counters.log_syncs(),
            Count::Raw(options) => options.get_ticker_count(Ticker::WalFileSynced),
        }
    }

    /// Creates so many jobs on each thread, one in a commit; the threads start together.
    pub(super) fn commit(&self, round: u64, threads: u64, each: u64) -> Result<Duration> {
        let barrier = Barrier::new(usize::try_from(threads)?);
        let run = |thread: u64| {
            let jobs: Vec<_> = (0..each)
                .map(|number| (format!("/data/incoming/{number:06}+{round:04}-{thread:02}"), Job::numbered(number)))
                .collect();
            barrier.wait();
            let start = Instant::now();
            for (key, job) in jobs {
                if !self.peer.create(key, job)? {
                    return Err("the job is there already".into());
                }
            }
            Ok((start, Instant::now()))
        };
        let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
            let run = &run;
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect::<Result<_>>()
        })?;
        let (start, end) = (times.iter().map(|time| time.0).min(), times.iter().map(|time| time.1).max());
        Ok(end.zip(start).map(|(end, start)| end - start).ok_or("no threads")?)
    }

    /// Whether all jobs are there.
    pub(super) fn check(&self, jobs: u64) -> Result<()> {
        let mut count = 0;
        self.peer.scan(Span::All, usize::MAX, &mut |_, _| count += 1)?;
        if count == jobs { Ok(()) } else { Err(format!("{count} jobs of {jobs}").into()) }
    }
}
