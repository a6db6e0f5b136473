//! What the macro costs when a program is compiled.
//!
//! Crates of so many structs of ten fields are written to a temporary directory and compiled there: with serde's derive
//! alone, and with `#[derive(Store)]`. Generic code is compiled where it is used, so each has a twin in which every struct
//! is used once; and since using kvstore costs something also without the macro, there is one that uses its `Map`.

mod generate;
mod measure;
mod tables;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use self::generate::Package;
use self::measure::{Build, Sample, Shop, Size};

use crate::Result;

/// What the macro costs: compile time and size of structs with `#[derive(Store)]` against the same with serde's derive.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Numbers of structs in a crate; at least two, for the cost of one more.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 50, 100])]
    structs: Vec<usize>,
    /// How often each crate is compiled in each way.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the crates are written; the system's temporary directory by default.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// A crate with what was measured.
#[derive(Debug)]
struct Measured {
    package: Package,
    /// By way to compile, and round.
    samples: Vec<Vec<Sample>>,
    /// Of `cargo build`, and with `--release`.
    sizes: Option<(Size, Size)>,
}

/// Compiles all crates in turns, and prints tables.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut structs = args.structs.clone();
    structs.sort_unstable();
    structs.dedup();
    if structs.len() < 2 || structs.contains(&0) || args.rounds == 0 {
        return Err("there must be two numbers of structs, and a round".into());
    }
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let packages = generate::workspace(dir.path(), &measure::root().canonicalize()?, &structs)?;
    let shop = Shop { dir: dir.path() };
    shop.prepare(&packages)?;
    let mut measured: Vec<_> = packages
        .into_iter()
        .map(|package| Measured { package, samples: Build::ALL.map(|_| Vec::new()).into(), sizes: None })
        .collect();
    for round in 0..args.rounds {
        for (place, build) in Build::ALL.into_iter().enumerate() {
            eprintln!("{}, round {} of {}", build.title(), round + 1, args.rounds);
            // Forwards and backwards by turns.
            let count = measured.len();
            for index in (0..count).map(|index| if round.is_multiple_of(2) { index } else { count - 1 - index }) {
                let Some(Measured { package, samples, .. }) = measured.get_mut(index) else { continue };
                samples.get_mut(place).ok_or("no such place")?.push(shop.compile(package, build)?);
            }
        }
    }
    for Measured { package, sizes, .. } in &mut measured {
        *sizes = Some((shop.size(package, Build::Dev)?, shop.size(package, Build::Release)?));
    }
    tables::print(&structs, args.rounds, &measured)
}
