//! How RocksDB is set up.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;

use rocksdb::statistics::Ticker;
use rocksdb::{BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, Options, WriteOptions};
use rustix::process::{Resource, getrlimit};

use super::OpenOptions;
use super::files::io_error;
use super::messages::Messages;
use super::recovery::Mode;
use crate::error::{Error, Result};

/// Smaller memtables than this are not made.
const LEAST_WRITE_BUFFER_BYTES: usize = 64 << 10;
/// Larger ones are refused: their log takes so much of the disk from the beginning on, and a tenth more.
const MAX_WRITE_BUFFER_BYTES: usize = 4 << 30;
/// A block cache up to this size gets the memory for its tables, or the system has none at all.
const SURE_CACHE_BYTES: usize = 1 << 30;

/// Counts what RocksDB does, for benchmarks: its own statistics, which slow it down a little.
#[derive(Clone)]
pub struct Counters(Options);

impl Counters {
    pub(crate) fn new() -> Self {
        let mut settings = Options::default();
        settings.enable_statistics();
        Self(settings)
    }

    /// How often a log was synced.
    pub fn log_syncs(&self) -> u64 {
        self.0.get_ticker_count(Ticker::WalFileSynced)
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counters").field("log_syncs", &self.log_syncs()).finish_non_exhaustive()
    }
}

/// Settings of the one column family and of the database around it.
///
/// Not set, on purpose: a prefix extractor (iterators would miss keys), `unordered_write` (snapshots would not be
/// consistent), `manual_wal_flush` (a killed process would lose commits), a merge operator or comparator (no later
/// version could do without).
pub(super) fn database(options: &OpenOptions, mode: Mode, creating: bool, messages: &Messages) -> Options {
    let mut settings = options.counters.as_ref().map_or_else(Options::default, |counters| counters.0.clone());
    settings.create_if_missing(creating);
    settings.set_wal_recovery_mode(match mode {
        Mode::Prefix => DBRecoveryMode::PointInTime,
        Mode::Tail => DBRecoveryMode::TolerateCorruptedTailRecords,
    });
    settings.set_block_based_table_factory(&tables(options.cache_bytes));
    settings.set_compression_type(DBCompressionType::Lz4);
    settings.set_max_open_files(max_open_files());
    settings.set_max_background_jobs(i32::try_from(background_threads()).unwrap_or(2));
    let write_buffer = options.write_buffer_bytes.max(LEAST_WRITE_BUFFER_BYTES);
    settings.set_write_buffer_size(write_buffer);
    settings.set_max_write_buffer_number(3);
    // A key that a memtable does not have is not searched for in it: most reads of older entries and each creation ask for
    // one. The filter takes 2 % of the write buffer.
    settings.set_memtable_whole_key_filtering(true);
    settings.set_memtable_prefix_bloom_ratio(0.02);
    settings.set_max_total_wal_size((write_buffer as u64).saturating_mul(4));
    settings.set_bytes_per_sync(1 << 20);
    // A file in which deletions lie close together, as behind the head of a queue, is compacted soon: scans pass fewer.
    settings.add_compact_on_deletion_collector_factory(4096, 1024, 0.5);
    // Files that an iterator kept alive are deleted in the background, not by the thread that drops it.
    settings.set_avoid_unnecessary_blocking_io(true);
    settings.set_stats_dump_period_sec(0);
    settings.set_stats_persist_period_sec(0);
    settings.set_keep_log_file_num(4);
    settings.set_info_logger(messages.logger());
    settings
}

/// Refuses what RocksDB would end the process for.
///
/// # Errors
/// `InvalidOption`, and `Io` if the process can have no more threads.
pub(super) fn check(path: &Path, options: &OpenOptions) -> Result<()> {
    if options.write_buffer_bytes > MAX_WRITE_BUFFER_BYTES {
        let reason = format!("{} bytes are more than the possible 4 GiB", options.write_buffer_bytes);
        return Err(Error::InvalidOption { option: "write_buffer_bytes", reason });
    }
    if !has_room_for_cache(options.cache_bytes) {
        let reason = format!("the system has no memory for a cache of {} bytes", options.cache_bytes);
        return Err(Error::InvalidOption { option: "cache_bytes", reason });
    }
    check_threads(path)
}

/// Whether the system gives the memory for the tables of a cache, which are reserved as a whole: in each of up to 64 shards
/// 64 bytes for each block, which are taken to be 270 bytes long and more.
fn has_room_for_cache(bytes: usize) -> bool {
    if bytes <= SURE_CACHE_BYTES {
        return true;
    }
    let mut tables = [const { Vec::<u8>::new() }; 64];
    tables.iter_mut().all(|table| table.try_reserve_exact(bytes / 64 / 4).is_ok())
}

/// Finds whether the process may have as many more threads as RocksDB starts, which ends the process if it can't. Only
/// before the first database: all of them share these threads.
fn check_threads(path: &Path) -> Result<()> {
    static HAS_THREADS: AtomicBool = AtomicBool::new(false);
    if HAS_THREADS.load(Ordering::Relaxed) {
        return Ok(());
    }
    // Each is there until all are.
    let gate = Mutex::new(());
    let started = thread::scope(|scope| {
        let closed = gate.lock();
        let wait = || drop(gate.lock());
        let mut threads = 0..background_threads() + 2;
        let started = threads.try_for_each(|_| thread::Builder::new().spawn_scoped(scope, wait).map(|_| ()));
        drop(closed);
        started
    });
    started.map_err(|error| io_error("start the threads for", path, error))?;
    HAS_THREADS.store(true, Ordering::Relaxed);
    Ok(())
}

/// The threads that flush and compact.
fn background_threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).clamp(2, 8)
}

/// Blocks, filters and indices all lie in one cache, so that its size is the limit of what reads keep in memory.
///
/// The cache is of the kind without locks, whose shards have 32 MiB or more. That of the other kind has 64 shards: at 128 MiB
/// the filter of a full table, of 2 MiB, fits none of them and is read again for each key, at 35 times the cost. Without a
/// cache, filters and indices are in memory for as long as their table is open.
fn tables(cache_bytes: usize) -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    if cache_bytes == 0 {
        tables.disable_cache();
    } else {
        // 0: it finds out by itself how many blocks there are to it.
        tables.set_block_cache(&Cache::new_hyper_clock_cache(cache_bytes, 0));
        tables.set_cache_index_and_filter_blocks(true);
        tables.set_cache_index_and_filter_blocks_with_high_priority(true);
        tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    }
    tables.set_block_size(8 << 10);
    tables.set_bloom_filter(10.0, false);
    tables.set_optimize_filters_for_memory(true);
    // Written into every table: fixed here, so that an upgrade of RocksDB changes no file format by itself.
    tables.set_format_version(6);
    tables
}

/// Half of the files that the process may have open: the rest is the program's.
fn max_open_files() -> i32 {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(1 << 16);
    i32::try_from((limit / 2).clamp(64, 1 << 16)).unwrap_or(1 << 16)
}

static SYNCED: LazyLock<WriteOptions> = LazyLock::new(|| {
    let mut synced = WriteOptions::default();
    synced.set_sync(true);
    synced
});
static BUFFERED: LazyLock<WriteOptions> = LazyLock::new(WriteOptions::default);

/// How to write: made once for all writes.
pub(super) fn write(sync: bool) -> &'static WriteOptions {
    if sync { &SYNCED } else { &BUFFERED }
}
