//! Lines on logarithmic axes, in panels one above the other that share the sizes along the bottom.

use std::ops::Range;
use std::path::Path;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::Result;

/// Panels of lines; a line that rises as steeply as the grid's diagonal grows with the size.
pub(crate) struct Lines<'a> {
    pub(crate) title: &'a str,
    /// What the sizes count.
    pub(crate) unit: &'a str,
    /// Increasing, and where the axis is labelled.
    pub(crate) sizes: &'a [u64],
    pub(crate) size_label: fn(f64) -> String,
    pub(crate) panels: Vec<Panel<'a>>,
}

/// Lines of one unit.
pub(crate) struct Panel<'a> {
    pub(crate) unit: &'a str,
    pub(crate) label: fn(f64) -> String,
    /// Whether the labels are at powers of two, as they are for bytes, or at round decimal numbers.
    pub(crate) binary: bool,
    /// Name and, for each size, how high the line is; none, and what is not above zero, leaves it out.
    pub(crate) lines: Vec<(&'a str, Vec<Option<f64>>)>,
}

const WIDTH: u32 = 900;
const PANEL: u32 = 330;
const TITLE: u32 = 40;
/// Right of the lines, for their names.
const NAMES: u32 = 230;
const AXIS: u32 = 80;
/// Dark enough on white, and told apart by most eyes.
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 140, 100),
    RGBColor(184, 84, 144),
    RGBColor(40, 40, 40),
    RGBColor(190, 140, 0),
    RGBColor(86, 160, 213),
];
/// At powers of two, about.
const LABELS: i32 = 7;
const FONT: (&str, u32) = ("sans-serif", 13);

impl Lines<'_> {
    /// Draws the panels.
    pub(crate) fn draw(&self, path: &Path) -> Result<()> {
        let panels: Vec<_> = self.panels.iter().filter(|panel| panel.points().next().is_some()).collect();
        let height = PANEL * u32::try_from(panels.len())? + TITLE;
        let root = SVGBackend::new(path, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let body = root.titled(self.title, ("sans-serif", 18))?;
        for (panel, area) in panels.iter().zip(body.split_evenly((panels.len(), 1))) {
            self.draw_panel(panel, &area)?;
        }
        root.present()?;
        Ok(())
    }

    fn draw_panel(&self, panel: &Panel<'_>, area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<()> {
        let sizes: Vec<_> = self.sizes.iter().map(|size| *size as f64).collect();
        let across = Log::over(sizes.iter().copied(), sizes.clone());
        let up = Log::over(panel.points(), Vec::new()).with_ticks(panel.binary);
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .margin_right(NAMES)
            .x_label_area_size(45)
            .y_label_area_size(AXIS)
            .build_cartesian_2d(across, up)?;
        chart
            .configure_mesh()
            .label_style(FONT)
            .axis_desc_style(FONT)
            .x_desc(self.unit)
            .y_desc(panel.unit)
            .x_label_formatter(&|size| (self.size_label)(*size))
            .y_label_formatter(&|height| (panel.label)(*height))
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (number, (name, heights)) in panel.lines.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let points: Vec<_> = sizes
                .iter()
                .zip(heights)
                .filter_map(|(size, height)| Some((*size, height.filter(|height| *height > 0.0)?)))
                .collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
            // Names stand beside the panel, where no line runs below them.
            let top = i32::try_from(20 + 20 * number)?;
            let left = i32::try_from(WIDTH - NAMES)?;
            area.draw(&Rectangle::new([(left, top), (left + 14, top + 4)], color.filled()))?;
            area.draw(&Text::new((*name).to_owned(), (left + 20, top - 6), FONT.into_font()))?;
        }
        Ok(())
    }
}

impl Panel<'_> {
    /// What can be drawn.
    fn points(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(|(_, heights)| heights.iter().flatten().copied()).filter(|height| *height > 0.0)
    }
}

/// A logarithmic axis that is labelled where it is told to.
struct Log {
    /// Of logarithms.
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Log {
    /// With a little room at both ends.
    fn over(values: impl Iterator<Item = f64>, ticks: Vec<f64>) -> Self {
        let (least, most) =
            values.map(f64::ln).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
        let room = ((most - least) * 0.05).max(0.1);
        Self { range: least - room..most + room, ticks }
    }

    /// With labels at powers of two, or of ten, with two and five times them where those are few. The axis spans a factor
    /// of ten at least, so that what hardly grows looks like it.
    fn with_ticks(mut self, binary: bool) -> Self {
        let short = 10_f64.ln() - (self.range.end - self.range.start);
        if short > 0.0 {
            self.range = self.range.start - short / 2.0..self.range.end + short / 2.0;
        }
        let (start, end) = (self.range.start, self.range.end);
        let base = if binary { 2_f64 } else { 10.0 };
        let (first, last) = ((start / base.ln()).floor() as i32, (end / base.ln()).ceil() as i32);
        let few = end - start < 2.5 * 10_f64.ln();
        let times: &[f64] = if few && !binary { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let stride = if binary { (last - first) / LABELS + 1 } else { 1 };
        let powers = (first..=last).filter(|power| power.rem_euclid(stride) == 0);
        let ticks = powers.flat_map(|power| times.iter().map(move |times| times * base.powi(power)));
        self.ticks = ticks.filter(|tick| (start..=end).contains(&tick.ln())).collect();
        self
    }
}

impl Ranged for Log {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value.ln() - self.range.start) / (self.range.end - self.range.start);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.start.exp()..self.range.end.exp()
    }
}

impl ValueFormatter<f64> for Log {
    fn format(value: &f64) -> String {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Log, Panel};

    #[test]
    fn ticks_are_round() {
        let ticks = |most, binary| {
            let ticks = Log::over([1.0, most].into_iter(), Vec::new()).with_ticks(binary).ticks;
            ticks.iter().map(|tick| tick.round() as u64).collect::<Vec<_>>()
        };
        assert_eq!(ticks(10.0, false), [1, 2, 5, 10]);
        assert_eq!(ticks(1e4, false), [1, 10, 100, 1_000, 10_000]);
        assert_eq!(ticks(1024.0, true), [1, 4, 16, 64, 256, 1024]);
        assert_eq!(ticks(3.0, false), [1, 2, 5]);
    }

    #[test]
    fn panels_have_lines_and_names() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines.svg");
        let panel = |name| Panel {
            unit: "height",
            label: |height| format!("{height} m"),
            binary: false,
            lines: vec![(name, vec![Some(1.0), None, Some(100.0)])],
        };
        let lines = Lines {
            title: "Trees",
            unit: "age",
            sizes: &[1, 10, 100],
            size_label: |size| format!("{size} years"),
            panels: vec![panel("oak"), panel("beech"), Panel { lines: vec![("none", vec![None])], ..panel("none") }],
        };
        lines.draw(&path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for text in ["Trees", "oak", "beech", "10 years", "100 m"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
        // A point of each panel is missing.
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(!svg.contains("none</text>") && !svg.contains("NaN"));
    }
}
