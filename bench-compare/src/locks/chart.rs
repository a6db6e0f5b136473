//! Throughput by threads, as a chart.

use std::path::Path;

use super::contend::Shifts;
use super::crew::Shift;
use super::{Figures, Plan};
use crate::Result;
use crate::chart::{Lines, Panel};
use crate::report::Spread;

/// Draws the medians: one hot key above, disjoint keys below.
pub(super) fn draw(path: &Path, plan: &Plan, figures: &Figures) -> Result<()> {
    let panel = |unit, sides: &[Shifts]| {
        let line = |(name, shifts): (&&'static str, &Shifts)| {
            let rate = |shifts: &Vec<Shift>| Spread::of(shifts.iter().map(Shift::rate)).some().map(|rate| rate.median);
            (*name, shifts.iter().map(rate).collect())
        };
        Panel {
            unit,
            label: |rate| format!("{rate:.0}"),
            binary: false,
            lines: figures.names.iter().zip(sides).map(line).collect(),
        }
    };
    Lines {
        title: "Locks: turns a second",
        unit: "threads",
        sizes: &plan.threads.iter().map(|threads| *threads as u64).collect::<Vec<_>>(),
        size_label: |threads| format!("{threads:.0}"),
        panels: vec![panel("one hot key", &figures.hot), panel("disjoint keys", &figures.disjoint)],
    }
    .draw(path)
}
