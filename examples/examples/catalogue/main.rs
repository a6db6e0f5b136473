//! A resumable catalogue of a directory tree: size, times and BLAKE3 hash of every file.
//!
//! One walker compares the tree with the catalogue and fills a journal of files that are to be hashed; several workers
//! take the journal's head, hash the file, and commit its entry together with the journal's deletion. The process may
//! be killed at any moment, and run again: it resumes, and hashes no finished file twice.
//!
//! ```text
//! cargo run --example catalogue -- [DIR]
//! cargo run --example catalogue -- [DIR] --list PREFIX
//! cargo run --example catalogue -- [DIR] --show PATH
//! ```

mod bell;
mod cli;
mod plan;
mod progress;
mod report;
mod run;
mod store;
mod text;
mod walk;
mod work;

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Args;
use crate::run::Catalogue;

fn main() -> ExitCode {
    match catalogue(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn catalogue(args: &Args) -> Result<(), Box<dyn Error>> {
    let db = args.db()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let catalogue = if args.list.is_some() || args.show.is_some() {
        let catalogue = Catalogue::open(&db)?;
        if let Some(prefix) = &args.list {
            report::unless_unread(report::list(&mut out, &catalogue, prefix))?;
        } else if let Some(path) = &args.show {
            report::show(&mut out, &catalogue, path)?;
        }
        catalogue
    } else {
        let root = args.root()?;
        let catalogue = Catalogue::create_or_open(&db)?;
        drop(out); // the run has something to say too
        let finished = run::run(&catalogue, &root, &db, args.workers())?;
        out = BufWriter::new(io::stdout().lock());
        report::summary(&mut out, &catalogue, &finished)?;
        catalogue
    };
    report::unless_unread(out.flush().map_err(Into::into))?;
    Ok(catalogue.close()?)
}
