//! The tables, and the charts.

use std::path::Path;

use super::measure::{Figures, Grows, Measure, Unit};
use crate::Result;
use crate::chart::{Lines, Panel};
use crate::report::{Spread, print_table};

/// What came of one part.
pub(super) struct Results {
    pub(super) title: &'static str,
    /// What the sizes count.
    pub(super) unit: &'static str,
    pub(super) label: fn(f64) -> String,
    pub(super) measures: &'static [Measure],
    /// Increasing.
    pub(super) sizes: Vec<u64>,
    /// The rounds at each size.
    pub(super) rounds: Vec<Vec<Figures>>,
}

impl Results {
    /// Of one measure, at one size.
    fn spread(&self, measure: &Measure, size: usize) -> Option<Spread> {
        Spread::of(self.rounds.get(size)?.iter().filter_map(|figures| figures.get(measure))).some()
    }

    /// By how much the size, and the median of a measure, are more than at the size before.
    fn grown(&self, measure: &Measure, size: usize) -> Option<(f64, f64)> {
        let before = size.checked_sub(1)?;
        let sizes = self.sizes[size] as f64 / self.sizes[before] as f64;
        let medians = self.spread(measure, size)?.median / self.spread(measure, before)?.median;
        medians.is_finite().then_some((sizes, medians))
    }

    fn cell(&self, measure: &Measure, size: usize) -> String {
        let Some(spread) = self.spread(measure, size) else { return "–".into() };
        let Spread { median, low, high, .. } = spread;
        let mut cell = vec![measure.unit.show(median)];
        if self.rounds[size].len() > 1 && median > 0.0 {
            cell.push(format!("<sub>±{:.0} %</sub>", (high - low) / 2.0 / median * 100.0));
        }
        if let Some((sizes, grown)) = self.grown(measure, size) {
            let mark = if measure.is_worse(grown, sizes) { "**" } else { "" };
            cell.push(format!("{mark}×{grown:.2}{}{mark}", if mark.is_empty() { "" } else { " ⚠" }));
        }
        cell.join(" ")
    }

    /// Prints the measures with the sizes across, and what is worse than linear again below.
    pub(super) fn print(&self) {
        println!("### {}\n", self.title);
        let sizes = || self.sizes.iter().map(|size| (self.label)(*size as f64));
        let titles: Vec<_> = [self.unit.to_owned()].into_iter().chain(sizes()).collect();
        let rounds = self.rounds.iter().map(|rounds| rounds.len().to_string());
        let rounds: Vec<_> = ["rounds".to_owned()].into_iter().chain(rounds).collect();
        let row = |measure: &Measure| {
            let cells = (0..self.sizes.len()).map(|size| self.cell(measure, size));
            [measure.name.to_owned()].into_iter().chain(cells).collect()
        };
        print_table(&titles, &[rounds].into_iter().chain(self.measures.iter().map(row)).collect::<Vec<_>>());
        let worse: Vec<_> =
            self.measures.iter().filter(|measure| self.is_worse(measure)).map(|measure| measure.name).collect();
        if worse.is_empty() {
            println!("Nothing grew worse than linearly.\n");
        } else {
            println!("Grew worse than linearly: {}.\n", worse.join("; "));
        }
    }

    fn is_worse(&self, measure: &Measure) -> bool {
        (0..self.sizes.len())
            .filter_map(|size| self.grown(measure, size))
            .any(|(sizes, grown)| measure.is_worse(grown, sizes))
    }

    /// Draws the times of operations, those of the whole, and bytes.
    pub(super) fn draw(&self, path: &Path) -> Result<()> {
        let panel = |unit, of: Unit, grows: Grows| {
            let lines = self.measures.iter().filter(|measure| measure.unit == of && measure.grows == grows);
            let line = |measure: &Measure| {
                let heights = (0..self.sizes.len()).map(|size| Some(self.spread(measure, size)?.median)).collect();
                (measure.name, heights)
            };
            let label: fn(f64) -> String = match of {
                Unit::Nanoseconds => |number| Unit::Nanoseconds.show(number),
                Unit::Bytes => |number| Unit::Bytes.show(number),
                Unit::Times => |number| Unit::Times.show(number),
            };
            Panel { unit, label, binary: of == Unit::Bytes, lines: lines.map(line).collect() }
        };
        Lines {
            title: self.title,
            unit: self.unit,
            sizes: &self.sizes,
            size_label: self.label,
            panels: vec![
                panel("time of each", Unit::Nanoseconds, Grows::Not),
                panel("time", Unit::Nanoseconds, Grows::Linearly),
                panel("bytes", Unit::Bytes, Grows::Linearly),
                panel("bytes of each", Unit::Bytes, Grows::Not),
                panel("bytes / bytes", Unit::Times, Grows::Not),
            ],
        }
        .draw(path)
    }
}
