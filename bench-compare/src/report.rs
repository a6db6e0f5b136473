//! What every report has: where its numbers come from, medians with their spread, tables.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use crate::Result;

/// A median with its quartiles, and the greatest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of numbers in any order; not a number where there are none.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let [median, low, high, most] = [0.5, 0.25, 0.75, 1.0].map(|at| part(&numbers, at).unwrap_or(f64::NAN));
        Self { median, low, high, most }
    }

    /// None where there were no numbers.
    pub(crate) fn some(self) -> Option<Self> {
        (!self.median.is_nan()).then_some(self)
    }
}

/// The number below which that part of sorted numbers lies, between two of them where need be.
pub(crate) fn part(sorted: &[f64], part: f64) -> Option<f64> {
    let at = sorted.len().checked_sub(1)? as f64 * part;
    let (below, above) = (sorted.get(at.floor() as usize)?, sorted.get(at.ceil() as usize)?);
    Some(below + (above - below) * at.fract())
}

/// One line in italics: date, commit, machine and command.
pub(crate) fn head() -> Result<String> {
    let days = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs() / 86_400;
    let cores = std::thread::available_parallelism()?;
    let gib = field("/proc/meminfo", "MemTotal")
        .and_then(|total| total.split(' ').next()?.parse::<f64>().ok())
        .map_or("memory unknown".into(), |kib| format!("{:.0} GiB", kib / f64::from(1 << 20)));
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    Ok(format!(
        "*{}, commit {}, {cpu}, {cores} cores, {gib}, {} {}, `cargo run --release -p bench-compare -- {}`*",
        date(days),
        commit(),
        std::env::consts::OS,
        kernel.trim(),
        arguments.join(" "),
    ))
}

/// The value behind a name in a file of `name: value` lines.
pub(crate) fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The commit that is checked out, with a plus where the tree differs from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    git(&["rev-parse", "--short=10", "HEAD"]).unwrap_or("unknown".into()) + if changed { "+" } else { "" }
}

/// The date of a day since 1970 in the Gregorian calendar.
fn date(days: u64) -> String {
    // Years begin in March here, so that the day that leap years add comes last.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

/// Prints a table in Markdown.
pub(crate) fn print_table(titles: &[String], rows: &[Vec<String>]) {
    println!("| {} |\n|{}", titles.join(" | "), "---|".repeat(titles.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_665), "2026-07-31");
    }

    #[test]
    fn spread() {
        let spread = Spread::of((1..=9).map(f64::from));
        let Spread { median, low, high, most } = spread;
        assert_eq!([low, median, high, most].map(|number| number as u32), [3, 5, 7, 9]);
        assert!((Spread::of([1.0, 2.0]).high - 1.75).abs() < 1e-9);
        assert!(Spread::of([]).median.is_nan());
    }
}
