//! The tables, and the chart.

use std::path::Path;

use super::run::{Amount, Row};
use super::workload::Workload;
use crate::Result;
use crate::chart::Bars;
use crate::peers::{Durability, Promise, Setting};
use crate::report::{Spread, print_table};

/// The headings of what all others are compared with.
const OURS: &str = "kvstore";
const LIMIT: &str = "raw RocksDB";

/// The results at one durability, with so many entries and threads.
pub(crate) struct Table {
    durability: Durability,
    entries: u64,
    pub(crate) amount: Amount,
    pub(crate) sides: Vec<(&'static str, Setting)>,
    pub(crate) rows: Vec<Row>,
}

/// Says what is measured, and how.
pub(crate) fn print_method(cache_mib: u64) {
    println!(
        "Each store does the same operations on the same values in the same order. Jobs are one-element maps of 160 \
         bytes under keys of 24 characters; records of YCSB are ten fields of 100 bytes under keys of 24 characters. \
         Keys and values are handed over owned, and made before the clock starts; what is read is decoded, and \
         dropped. `create` refuses where there is an entry, `lock, change, commit` keeps other writers of the entry \
         out (raw RocksDB and its `create` and `remove` do not: it is the limit), a batch adds ten entries all or \
         nothing. With one thread the stores take turns on pieces of the work, in another order each time; with more, \
         each piece is that of all threads, which start together, and on disjoint entries except in YCSB. Answers are \
         checked. Caches are {cache_mib} MiB each, where the store has one; behind all of them is the operating \
         system's.\n\n\
         YCSB: keys zipfian (0.99), scrambled; an update writes the whole record without reading it; D reads the \
         latest; E scans up to 100 entries; F changes one field under exclusion.\n"
    );
}

impl Table {
    pub(crate) fn new(durability: Durability, entries: u64, amount: Amount) -> Self {
        Self { durability, entries, amount, sides: Vec::new(), rows: Vec::new() }
    }

    fn class(&self) -> &'static str {
        match self.durability {
            Durability::Buffered => "buffered (with the operating system when the commit returns)",
            Durability::Sync => "synced (on the disk when the commit returns)",
        }
    }

    /// The heading, with a mark where the store promises something else than was asked for.
    fn heading(side: &(&'static str, Setting)) -> String {
        let mark = match side.1.promise {
            Promise::Same => "",
            Promise::Weaker => " **(weaker)**",
            Promise::Stronger => " **(stronger)**",
        };
        format!("{}{mark}", side.0)
    }

    /// What each store was told, once for the tables of one durability.
    pub(crate) fn print_settings(&self) {
        println!("### Durability: {}\n", self.class());
        let titles = ["store", "durability of a commit", "cache", "other writers are kept out by"].map(Into::into);
        let row = |side: &(&'static str, Setting)| {
            let setting = &side.1;
            vec![Self::heading(side), setting.durability.into(), setting.cache.into(), setting.exclusion.into()]
        };
        print_table(&titles, &self.sides.iter().map(row).collect::<Vec<_>>());
        if self.sides.iter().any(|side| side.1.promise == Promise::Weaker) {
            println!("Weaker: a killed process loses commits that had returned, which is less than was asked for.\n");
        }
        if self.sides.iter().any(|side| side.1.promise == Promise::Stronger) {
            println!("Stronger: each commit is synced in any case; its writes are in the tables of synced commits.\n");
        }
    }

    /// The times, and how they compare with kvstore's.
    pub(crate) fn print(&self) {
        let Amount { rounds, operations, .. } = self.amount;
        println!("#### {} entries, {}, {}\n", self.entries, self.threads(), self.class());
        println!(
            "Nanoseconds an operation: the time until all threads are done, by the operations of all of them. Median \
             of {rounds} rounds of {operations} operations a thread (a tenth in YCSB E), with quartiles; a scan of all \
             entries at most 7 times.\n"
        );
        let headings: Vec<_> = self.sides.iter().map(Self::heading).collect();
        let titles = |first: &str| [vec![first.to_owned()], headings.clone()].concat();
        let row = |row: &Row, cell: &dyn Fn(usize, &[f64]) -> Option<String>| {
            let cells = row.samples.iter().enumerate();
            let cells = cells.map(|(side, samples)| cell(side, samples).unwrap_or_else(|| "–".into()));
            [row.workload.name().to_owned()].into_iter().chain(cells).collect()
        };
        let time = |_, samples: &[f64]| Spread::of(samples.iter().copied()).some().map(|spread| cell(spread, digits));
        print_table(&titles("ns"), &self.rows.iter().map(|of| row(of, &time)).collect::<Vec<_>>());

        let Some(ours) = self.side(OURS) else { return };
        println!(
            "Times kvstore's time, round by round: above 1, kvstore is faster. kvstore by raw RocksDB, the limit, in \
             its own column.\n"
        );
        let ratios = |of: &Row| {
            let times = |_, samples: &[f64]| ratio(samples, &of.samples[ours]).map(|spread| cell(spread, two));
            let limit = self.side(LIMIT).and_then(|limit| ratio(&of.samples[ours], &of.samples[limit]));
            let mut cells: Vec<String> = row(of, &times);
            cells[ours + 1] = limit.map_or_else(|| "–".into(), |spread| cell(spread, two));
            cells
        };
        let mut titles = titles("times kvstore");
        titles[ours + 1] = format!("{OURS} / {LIMIT}");
        print_table(&titles, &self.rows.iter().map(ratios).collect::<Vec<_>>());
    }

    fn threads(&self) -> String {
        let threads = self.amount.threads;
        format!("{threads} {}", if threads == 1 { "thread" } else { "threads" })
    }

    fn side(&self, heading: &str) -> Option<usize> {
        self.sides.iter().position(|side| side.0 == heading)
    }

    /// Draws the times by those of raw RocksDB, or of the first store where it was not measured.
    pub(crate) fn draw(&self, path: &Path) -> Result<()> {
        let base = self.side(LIMIT).unwrap_or_default();
        let median = |row: &Row, side: usize| ratio(&row.samples[side], &row.samples[base]).map(|spread| spread.median);
        let series = (0..self.sides.len()).filter(|side| *side != base);
        let name = |side: usize| self.sides[side].0;
        let title = format!(
            "{} entries, {}, {}: times {}, smaller is faster",
            self.entries,
            self.threads(),
            format!("{:?}", self.durability).to_lowercase(),
            name(base),
        );
        Bars {
            title: &title,
            unit: &format!("time of an operation / time of {}", name(base)),
            groups: self.rows.iter().map(|row| Workload::name(row.workload)).collect(),
            series: series.map(|side| (name(side), self.rows.iter().map(|row| median(row, side)).collect())).collect(),
            base: 1.0,
        }
        .draw(path)
    }
}

/// By round.
fn ratio(of: &[f64], by: &[f64]) -> Option<Spread> {
    Spread::of(of.iter().zip(by).map(|(of, by)| of / by)).some()
}

fn cell(spread: Spread, show: fn(f64) -> String) -> String {
    format!("{} <sub>{}–{}</sub>", show(spread.median), show(spread.low), show(spread.high))
}

/// Three digits at least.
fn digits(number: f64) -> String {
    if number < 100.0 { format!("{number:.1}") } else { format!("{number:.0}") }
}

fn two(number: f64) -> String {
    format!("{number:.2}")
}
