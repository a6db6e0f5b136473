//! `growth`: how the cost of kvstore grows with entries, with namespaces, and with the size of a value.

mod entries;
mod measure;
mod namespaces;
mod output;
mod process;
mod values;

use std::path::PathBuf;

use clap::{Args as Arguments, ValueEnum};

use self::measure::{Figures, Measure};
use self::output::Results;
use self::process::{Done, Step};
pub(crate) use self::process::{StepArgs, run_step};
use crate::{Result, report};

/// Time, memory and disk of kvstore against the number of entries, of namespaces, and the size of a value.
#[derive(Debug, Arguments)]
pub(crate) struct Args {
    /// These parts and no others.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "entries,namespaces,values")]
    only: Vec<Part>,
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000",
          value_parser = clap::value_parser!(u64).range(1..))]
    entries: Vec<u64>,
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000,10000",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    namespaces: Vec<u64>,
    /// Bytes of the largest value; the smallest has 16, and each eight times as many as the one before.
    #[arg(long, default_value_t = 16 << 20, value_parser = clap::value_parser!(u64).range(16..=1 << 29))]
    largest_value: u64,
    /// All values of one size together, in MiB.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..))]
    total_mib: u64,
    /// Rounds at each size; fewer where there are more than a million entries.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Where the databases are made and deleted; by default the directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where the charts go: `entries.svg`, `namespaces.svg` and `values.svg`.
    #[arg(long)]
    svg_dir: Option<PathBuf>,
}

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Entries,
    Namespaces,
    Values,
}

impl Part {
    fn measures(self) -> &'static [Measure] {
        match self {
            Self::Entries => entries::MEASURES,
            Self::Namespaces => namespaces::MEASURES,
            Self::Values => values::MEASURES,
        }
    }

    /// Does one step in this process.
    fn step(self, args: &StepArgs) -> Result<Done> {
        let StepArgs { step, size, count, ref dir, .. } = *args;
        match (self, step) {
            (Self::Entries, Step::Fill) => entries::fill(dir, size),
            (Self::Entries, Step::Use) => entries::make_use(dir, size),
            (Self::Entries, Step::Reopen) => entries::reopen(dir),
            (Self::Entries, Step::Empty) => entries::empty(dir, size),
            (Self::Namespaces, Step::Fill) => namespaces::fill(dir, size),
            (Self::Namespaces, Step::Use) => namespaces::make_use(dir, size),
            (Self::Namespaces, Step::Reopen) => namespaces::reopen(dir, size),
            (Self::Values, Step::Fill) => values::fill(dir, size, count),
            (Self::Values, Step::Use) => values::make_use(dir, size, count),
            (Self::Values, Step::Reopen) => values::reopen(dir, size, count),
            (Self::Namespaces | Self::Values, Step::Empty) => Err("only entries are removed".into()),
        }
    }

    fn sizes(self, args: &Args) -> Vec<u64> {
        let mut sizes = match self {
            Self::Entries => args.entries.clone(),
            Self::Namespaces => args.namespaces.clone(),
            Self::Values => {
                let below = |size: &u64| *size < args.largest_value;
                let steps = std::iter::successors(Some(16), |size| Some(size * 8)).take_while(below);
                steps.chain([args.largest_value]).collect()
            }
        };
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// How often a size is measured: large ones are steady enough by themselves.
    fn rounds(self, args: &Args, size: u64) -> u64 {
        match self {
            Self::Entries if size > 1_000_000 => args.rounds.min(1),
            _ => args.rounds,
        }
    }

    fn round(self, args: &Args, size: u64) -> Result<Figures> {
        let dir = match &args.dir {
            Some(dir) => tempfile::tempdir_in(dir)?,
            None => tempfile::tempdir()?,
        };
        let count = values::count(size, args.total_mib << 20);
        let step = |step| StepArgs { part: self, step, size, count, dir: dir.path().join("db") };
        let figures = match self {
            Self::Entries => entries::round(step),
            Self::Namespaces => namespaces::round(step),
            Self::Values => values::round(step),
        }?;
        dir.close()?;
        Ok(figures)
    }

    /// All rounds at all sizes, each in a database of its own.
    fn measure(self, args: &Args) -> Result<Results> {
        let sizes = self.sizes(args);
        let mut rounds: Vec<_> = sizes.iter().map(|_| Vec::new()).collect();
        for number in 0..args.rounds {
            for (size, rounds) in sizes.iter().zip(&mut rounds) {
                if number < self.rounds(args, *size) {
                    eprintln!("{self:?}: {size}, round {}", number + 1);
                    rounds.push(self.round(args, *size)?);
                }
            }
        }
        let (title, unit, label): (_, _, fn(f64) -> String) = match self {
            Self::Entries => ("Growth with entries", "entries", measure::count),
            Self::Namespaces => ("Growth with namespaces", "namespaces", measure::count),
            Self::Values => ("Growth with the size of a value", "size of a value", measure::bytes),
        };
        Ok(Results { title, unit, label, measures: self.measures(), sizes, rounds })
    }

    fn describe(self, args: &Args) -> String {
        match self {
            Self::Entries => "Jobs of 160 bytes under keys of 24 characters. All are created in an order without \
                locality, the process is killed, another opens the database, scans all, reads and changes 200,000 \
                entries by chance, and closes it; a third opens and closes it, and a fourth removes all. A close leaves \
                the log of what was changed last; it is read, written as tables and deleted when the database is opened: \
                that is the time to open it, here that of those 200,000 commits. The records compress."
                .into(),
            Self::Namespaces => format!(
                "Each namespace is a map of numbers to short texts with {} entries. All are made and filled, the process \
                 is killed, another opens the database and all namespaces, reads and changes 100,000 entries by chance, \
                 and closes it with all open; a third opens it. A new namespace is a synced commit, which is the time \
                 to open one.",
                namespaces::ENTRIES,
            ),
            Self::Values => format!(
                "Values of bytes that do not compress, {} MiB of each size and at most 100,000 values. All are created \
                 in an order without locality, and the database is closed; another process opens it, reads all, scans \
                 all, changes one byte of each, and is killed; a third opens and closes it. The time to open depends \
                 on what is in the log.",
                args.total_mib,
            ),
        }
    }
}

/// Measures, prints the tables, and draws the charts.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("## Growth\n\n{}\n", report::head()?);
    println!(
        "kvstore with the settings of `Database::open`, in its own database at each size, and each step in a process of \
         its own. The times of operations are averages over all of them, so that what the engine does in between counts. \
         Medians of the rounds, with half the distance of the quartiles in percent, and the growth from the size before. \
         ⚠: worse than linear, by more than twice for ten times the size.\n"
    );
    for part in &args.only {
        let results = part.measure(args)?;
        results.print();
        println!("{}\n", part.describe(args));
        if let (Some(dir), Some(name)) = (&args.svg_dir, part.to_possible_value()) {
            results.draw(&dir.join(name.get_name()).with_extension("svg"))?;
        }
    }
    Ok(())
}
