//! Throughput by threads, as a chart.

use std::path::Path;

use plotters::prelude::*;

use super::contend::Shifts;
use super::{Figures, Plan};
use crate::Result;
use crate::report::Spread;

const COLOURS: [RGBColor; 7] = [
    RGBColor(31, 119, 180),
    RGBColor(255, 127, 14),
    RGBColor(227, 119, 194),
    RGBColor(127, 127, 127),
    RGBColor(44, 160, 44),
    RGBColor(23, 90, 23),
    RGBColor(214, 39, 40),
];

/// Writes a chart of the medians: one hot key on the left, disjoint keys on the right.
pub(super) fn draw(path: &Path, plan: &Plan, figures: &Figures) -> Result<()> {
    let area = SVGBackend::new(path, (1200, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    let halves = area.split_evenly((1, 2));
    for (half, (title, sides)) in
        halves.iter().zip([("One hot key", &figures.hot), ("Disjoint keys", &figures.disjoint)])
    {
        draw_half(half, title, plan, &figures.names, sides)?;
    }
    Ok(area.present()?)
}

fn draw_half(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    plan: &Plan,
    names: &[&str],
    sides: &[Shifts],
) -> Result<()> {
    let lines: Vec<Vec<(f64, f64)>> = sides
        .iter()
        .map(|shifts| {
            let rates = shifts.iter().map(|shifts| Spread::of(shifts.iter().map(super::crew::Shift::rate)).median);
            plan.threads.iter().map(|threads| *threads as f64).zip(rates).collect()
        })
        .collect();
    let rates = || lines.iter().flatten().map(|point| point.1);
    let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max));
    let threads = plan.threads.iter().copied().max().unwrap_or(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 22))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        // Room for the names of the sides above the lines.
        .build_cartesian_2d((0.9..threads.max(2.0) * 1.1).log_scale(), (least / 2.0..most * 20.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("threads")
        .y_desc("turns a second")
        .x_label_formatter(&|threads| format!("{threads:.0}"))
        .y_label_formatter(&|rate| format!("{rate:.0e}"))
        .draw()?;
    for ((name, line), colour) in names.iter().zip(lines).zip(COLOURS.iter().cycle()) {
        let style = colour.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line, style).point_size(3))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .label_font(("sans-serif", 12))
        .draw()?;
    Ok(())
}
