//! `compare`: the same typed work on kvstore, on the limit, and on what a user would take instead.

mod output;
mod run;
#[cfg(test)]
mod tests;
mod workload;
mod zipf;

use std::path::PathBuf;

use clap::{Args as Arguments, ValueEnum};

use self::output::Table;
use self::run::{Amount, Field};
use self::workload::{Work, Workload};
use crate::Result;
use crate::peers::{Durability, Encoding, Job, Store, Ycsb};
use crate::report;

/// The same typed work on kvstore, raw RocksDB, redb, fjall, heed (LMDB), `native_db` and sled.
#[derive(Debug, Arguments)]
pub(crate) struct Args {
    /// How many entries are there from the beginning.
    #[arg(long, value_delimiter = ',', default_value = "10000,1000000",
          value_parser = clap::value_parser!(u64).range(1_000..))]
    entries: Vec<u64>,
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,16", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Vec<u64>,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "buffered,sync")]
    durability: Vec<Durability>,
    /// These stores and no others.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Store>,
    /// These workloads and no others. With `sync`, those that read most of the time are left out in any case.
    #[arg(long, value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// Encodings of the stores of bytes.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "own,ours")]
    codec: Vec<Encoding>,
    /// Rounds that are measured; by default 25 with one thread, 9 with more.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// The cache of each store that has one, in MiB.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    cache_mib: u64,
    /// Where the databases are made and deleted; by default the directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Draws the first durability at the last number of entries with the first number of threads.
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl Args {
    /// The stores with their encodings, in the order of the columns.
    fn stores(&self) -> Vec<(Store, Encoding)> {
        let wanted = |store: &&Store| self.only.is_empty() || self.only.contains(store);
        let stores = Store::value_variants().iter().filter(wanted);
        let pairs = stores.flat_map(|store| store.encodings().iter().map(|encoding| (*store, *encoding)));
        // A store of one encoding is there in any case.
        pairs.filter(|(store, encoding)| store.encodings().len() == 1 || self.codec.contains(encoding)).collect()
    }

    /// The workloads in the order in which they run.
    fn workloads(&self, durability: Durability, ycsb: bool) -> Vec<Workload> {
        let wanted = |workload: &&Workload| {
            workload.is_ycsb() == ycsb
                && (self.workloads.is_empty() || self.workloads.contains(workload))
                && (durability == Durability::Buffered || workload.worth_syncing())
        };
        Workload::value_variants().iter().filter(wanted).copied().collect()
    }

    /// How much is done with so many threads. A synced commit takes a thousand times as long as a buffered one.
    fn amount(&self, durability: Durability, threads: u64) -> Amount {
        let (alone, together, least) = match durability {
            Durability::Buffered => (2_000, 16_000, 500),
            Durability::Sync => (50, 100, 25),
        };
        let (rounds, operations) = if threads == 1 { (25, alone) } else { (9, (together / threads).max(least)) };
        Amount { threads, rounds: self.rounds.unwrap_or(rounds) as usize, operations }
    }

    /// Fills the stores with records of one type, and measures with each number of threads.
    fn measure<R: Work>(&self, durability: Durability, entries: u64, ycsb: bool, tables: &mut [Table]) -> Result<()> {
        let workloads = self.workloads(durability, ycsb);
        if workloads.is_empty() {
            return Ok(());
        }
        let dir = match &self.dir {
            Some(dir) => tempfile::tempdir_in(dir)?,
            None => tempfile::tempdir()?,
        };
        eprintln!("{entries} entries, {durability:?}: filling the stores");
        let cache_bytes = usize::try_from(self.cache_mib << 20)?;
        let mut field: Field<R> = Field::open(dir.path(), &self.stores(), entries, durability, cache_bytes)?;
        for table in tables {
            eprintln!("{entries} entries, {durability:?}: {} threads", table.amount.threads);
            table.sides = field.sides.iter().map(|side| (side.heading, side.setting.clone())).collect();
            table.rows.append(&mut field.run(&workloads, table.amount)?);
        }
        drop(field);
        Ok(dir.close()?)
    }
}

/// Measures, and prints the tables.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("## kvstore and other stores\n\n{}\n", report::head()?);
    output::print_method(args.cache_mib);
    let mut drawn = None;
    for durability in &args.durability {
        let mut described = false;
        for entries in &args.entries {
            let mut tables: Vec<_> = args
                .threads
                .iter()
                .map(|threads| Table::new(*durability, *entries, args.amount(*durability, *threads)))
                .collect();
            args.measure::<Job>(*durability, *entries, false, &mut tables)?;
            args.measure::<Ycsb>(*durability, *entries, true, &mut tables)?;
            for table in &tables {
                if !described {
                    table.print_settings();
                    described = true;
                }
                table.print();
            }
            if Some(durability) == args.durability.first() {
                drawn = tables.into_iter().next();
            }
        }
    }
    if let (Some(path), Some(table)) = (&args.svg, drawn) {
        table.draw(path)?;
    }
    Ok(())
}
