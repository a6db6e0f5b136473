//! Steps in processes of their own: no size is measured in memory that another has used, and a process can be killed.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::{Args as Arguments, ValueEnum};
use kvstore::Database;

use super::Part;
use super::measure::Figures;
use crate::{Result, report};

/// One step of a round, at one size.
#[derive(Debug, Arguments)]
pub(crate) struct StepArgs {
    pub(crate) part: Part,
    pub(crate) step: Step,
    /// Entries, namespaces, or bytes of a value.
    pub(crate) size: u64,
    /// How many values of that size.
    pub(crate) count: u64,
    /// Of the database.
    pub(crate) dir: PathBuf,
}

/// What is done to the database, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    Fill,
    Use,
    Reopen,
    Empty,
}

/// How a step ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Exits,
    /// With the database open, without a chance to do anything about it.
    Killed,
}

/// What a step leaves: its figures, and the database where it is not closed.
pub(crate) type Done = (Figures, Option<Database>);

/// The last line of a step's figures.
const END: &str = "end";

/// Does one step, prints its figures, and waits for the other process.
pub(crate) fn run_step(args: &StepArgs) -> Result<()> {
    let (figures, open) = args.part.step(args)?;
    println!("{}{END}", figures.lines());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop(open);
    Ok(())
}

impl StepArgs {
    /// Does the step in a new process.
    pub(crate) fn start(&self, ending: Ending) -> Result<Figures> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("growth-step");
        for value in [self.part.to_possible_value(), self.step.to_possible_value()].into_iter().flatten() {
            command.arg(value.get_name());
        }
        command.args([self.size.to_string(), self.count.to_string()]).arg(&self.dir);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let figures = self.read(&mut child);
        if figures.is_err() || ending == Ending::Killed {
            child.kill()?;
        }
        // Tells the process that it may exit.
        drop(child.stdin.take());
        let status = child.wait()?;
        let figures = figures?;
        if ending == Ending::Exits && !status.success() {
            return Err(format!("a step ended with {status}").into());
        }
        Ok(figures)
    }

    fn read(&self, child: &mut Child) -> Result<Figures> {
        let lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let mut figures = Figures::default();
        for line in lines {
            let line = line?;
            if line == END {
                return Ok(figures);
            }
            figures.read_line(self.part.measures(), &line)?;
        }
        Err("a step ended too soon".into())
    }
}

/// The bytes of this process that are in memory: now, and at most so far.
pub(crate) fn resident() -> Result<(f64, f64)> {
    let bytes = |name| {
        let field = report::field("/proc/self/status", name).ok_or("this system does not tell")?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(field.trim_end_matches(" kB").parse::<f64>()? * 1024.0)
    };
    Ok((bytes("VmRSS")?, bytes("VmHWM")?))
}

/// The bytes that the files of a directory take on disk.
pub(crate) fn on_disk(dir: &Path) -> Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            on_disk(&entry.path())?
        } else {
            (entry.metadata()?.blocks() * 512) as f64
        };
    }
    Ok(bytes)
}
