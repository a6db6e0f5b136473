//! What is measured: names, units, and how each may grow.

use std::time::Instant;

use crate::Result;

/// Something that is measured at each size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) grows: Grows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    Bytes,
    /// Bytes by bytes.
    Times,
}

/// How a measure grows at most where nothing is worse than linear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grows {
    /// Not at all: it is that of one operation, entry or byte.
    Not,
    /// As the size does.
    Linearly,
}

impl Measure {
    /// The time of one operation, whatever the size.
    pub(crate) const fn each(name: &'static str) -> Self {
        Self { name, unit: Unit::Nanoseconds, grows: Grows::Not }
    }

    /// The time of something that is done to the whole.
    pub(crate) const fn whole(name: &'static str) -> Self {
        Self { name, unit: Unit::Nanoseconds, grows: Grows::Linearly }
    }

    /// The bytes of the whole.
    pub(crate) const fn bytes(name: &'static str) -> Self {
        Self { name, unit: Unit::Bytes, grows: Grows::Linearly }
    }

    /// The bytes of one, whatever the size.
    pub(crate) const fn bytes_each(name: &'static str) -> Self {
        Self { name, unit: Unit::Bytes, grows: Grows::Not }
    }

    /// Bytes by the bytes of keys and values.
    pub(crate) const fn times(name: &'static str) -> Self {
        Self { name, unit: Unit::Times, grows: Grows::Not }
    }

    /// Whether it grew worse than linearly where the size grew so many times: clearly, which is more than twice for ten
    /// times the size.
    pub(crate) fn is_worse(&self, grown: f64, size_grown: f64) -> bool {
        let allowed = size_grown.powf(2_f64.log10());
        match self.grows {
            Grows::Not => grown > allowed,
            Grows::Linearly => grown > size_grown * allowed,
        }
    }
}

impl Unit {
    /// A number with three digits and its unit.
    pub(crate) fn show(self, number: f64) -> String {
        match self {
            Self::Nanoseconds => scaled(number, &[("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)]),
            Self::Bytes => bytes(number),
            Self::Times => digits(number),
        }
    }
}

/// Bytes, with three digits.
pub(crate) fn bytes(number: f64) -> String {
    scaled(number, &[("B", 1.0), ("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0)])
}

/// A number of things.
pub(crate) fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let group =
        |(at, digit)| if at > 0 && (digits.len() - at) % 3 == 0 { format!(",{digit}") } else { format!("{digit}") };
    digits.chars().enumerate().map(group).collect()
}

/// In the largest unit that it has at least one of.
fn scaled(number: f64, units: &[(&str, f64)]) -> String {
    let fits = |unit: &&(&str, f64)| number.abs() >= unit.1;
    let (name, size) = units.iter().rev().find(fits).or(units.first()).copied().unwrap_or_default();
    format!("{} {name}", digits(number / size))
}

/// Three digits, or all of those before the point.
fn digits(number: f64) -> String {
    let places = match number.abs() {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let text = format!("{number:.places$}");
    // A round number needs no point.
    if number.fract() == 0.0 { format!("{number:.0}") } else { text }
}

/// What was measured in one round.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(&'static str, f64)>);

/// Nanoseconds since then.
pub(crate) fn since(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}

impl Figures {
    pub(crate) fn note(&mut self, measure: &Measure, number: f64) {
        self.0.push((measure.name, number));
    }

    pub(crate) fn get(&self, measure: &Measure) -> Option<f64> {
        self.0.iter().find_map(|(name, number)| (*name == measure.name).then_some(*number))
    }

    pub(crate) fn append(&mut self, mut others: Self) {
        self.0.append(&mut others.0);
    }

    /// Does something once, and notes how long it took.
    pub(crate) fn once<T>(&mut self, measure: &Measure, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.shared(measure, 1, work)
    }

    /// Does something once, and notes how long it took for each of so many.
    pub(crate) fn shared<T>(&mut self, measure: &Measure, by: u64, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let start = Instant::now();
        let done = work()?;
        self.note(measure, since(start) / by as f64);
        Ok(done)
    }

    /// Does something with each item, and notes how long one took. Items are made in pieces before the clock runs.
    pub(crate) fn each<T>(
        &mut self,
        measure: &Measure,
        piece: usize,
        items: impl IntoIterator<Item = T>,
        mut work: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let (mut items, mut made, mut taken, mut count) = (items.into_iter(), Vec::with_capacity(piece), 0.0, 0_usize);
        loop {
            made.extend(items.by_ref().take(piece));
            if made.is_empty() {
                self.note(measure, taken / count.max(1) as f64);
                return Ok(());
            }
            count += made.len();
            let start = Instant::now();
            made.drain(..).try_for_each(&mut work)?;
            taken += since(start);
        }
    }

    /// A line for each figure, for the process that started this one.
    pub(crate) fn lines(&self) -> String {
        self.0.iter().fold(String::new(), |lines, (name, number)| lines + name + "\t" + &number.to_string() + "\n")
    }

    /// Reads one such line.
    pub(crate) fn read_line(&mut self, measures: &'static [Measure], line: &str) -> Result<()> {
        let (name, number) = line.split_once('\t').ok_or_else(|| format!("not a figure: {line}"))?;
        let measure = measures.iter().find(|measure| measure.name == name);
        self.note(measure.ok_or_else(|| format!("{name} is not measured"))?, number.parse()?);
        Ok(())
    }
}

/// An error where something is not as it must be.
pub(crate) fn check(is: bool, otherwise: &'static str) -> Result<()> {
    if is { Ok(()) } else { Err(otherwise.into()) }
}

/// Every number below the count once, in an order without locality that needs no memory. The multiplier is a prime, and
/// far from the round numbers that counts are.
pub(crate) fn scattered(count: u64) -> impl Iterator<Item = u64> {
    const STEP: u128 = 2_654_435_761;
    (0..count).map(move |number| (u128::from(number) * STEP % u128::from(count)) as u64)
}

#[cfg(test)]
mod tests {
    use super::{Figures, Measure, Unit, bytes, count, scattered};

    const EACH: Measure = Measure::each("get");
    const WHOLE: Measure = Measure::whole("open");

    #[test]
    fn worse_than_linear() {
        assert!(!EACH.is_worse(1.9, 10.0) && EACH.is_worse(2.1, 10.0));
        assert!(!WHOLE.is_worse(19.0, 10.0) && WHOLE.is_worse(21.0, 10.0));
        assert!(EACH.is_worse(2.1, 8.0) && !EACH.is_worse(0.5, 10.0));
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [0.42, 8.0, 999.4, 1_234.0, 56_789_000.0].map(|number| Unit::Nanoseconds.show(number));
        assert_eq!(shown, ["0.42 ns", "8 ns", "999 ns", "1.23 µs", "56.8 ms"]);
        assert_eq!([16.0, 8_192.0, 4_194_304.0].map(bytes), ["16 B", "8 KiB", "4 MiB"]);
        assert_eq!([10.0, 1_000.0, 10_000_000.0].map(count), ["10", "1,000", "10,000,000"]);
    }

    #[test]
    fn scattered_numbers_come_once() {
        let mut numbers: Vec<_> = scattered(1_000).collect();
        assert!(!numbers.is_sorted());
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..1_000));
    }

    #[test]
    fn figures_pass_through_lines() {
        let mut figures = Figures::default();
        let mut sum = 0;
        figures
            .each(&EACH, 2, 1..=5, |number| {
                sum += number;
                Ok(())
            })
            .unwrap();
        figures.note(&WHOLE, 2.5);
        assert_eq!(sum, 15);
        let mut read = Figures::default();
        for line in figures.lines().lines() {
            read.read_line(&[EACH, WHOLE], line).unwrap();
        }
        assert_eq!(read.get(&WHOLE), Some(2.5));
        assert_eq!(read.get(&EACH), figures.get(&EACH));
        assert!(read.read_line(&[EACH], "open\t1").is_err());
    }
}
