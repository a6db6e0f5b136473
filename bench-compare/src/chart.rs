//! Charts in SVG.

mod lines;

use std::path::Path;

use plotters::coord::ranged1d::{KeyPointHint, Ranged};
use plotters::prelude::*;

pub(crate) use self::lines::{Lines, Panel};
use crate::Result;

/// Bars side by side in groups, on a logarithmic axis.
pub(crate) struct Bars<'a> {
    pub(crate) title: &'a str,
    /// What the axis counts.
    pub(crate) unit: &'a str,
    pub(crate) groups: Vec<&'a str>,
    /// Name and, for each group, how long the bar is; none leaves a gap.
    pub(crate) series: Vec<(&'a str, Vec<Option<f64>>)>,
    /// From where the bars grow, to both sides.
    pub(crate) base: f64,
}

/// Room for one bar, and for the names of the groups.
const BAR: u32 = 9;
const NAMES: u32 = 190;

impl Bars<'_> {
    /// Draws the bars lying, for the names of the groups are long.
    pub(crate) fn draw(&self, path: &Path) -> Result<()> {
        let each = self.series.len() + 1;
        let height = BAR * u32::try_from(each * self.groups.len())? + 120;
        let root = SVGBackend::new(path, (1000, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let lengths = || self.series.iter().flat_map(|series| series.1.iter().flatten().copied());
        let least = lengths().fold(self.base, f64::min) * 0.8;
        let most = lengths().fold(self.base, f64::max) * 1.25;
        let rows = 0.0..self.groups.len() as f64;
        let mut chart = ChartBuilder::on(&root)
            .caption(self.title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(NAMES)
            .build_cartesian_2d((least..most).log_scale(), Middles(rows))?;
        // The first group on top.
        let row = |group: usize| (self.groups.len() - 1 - group) as f64;
        chart
            .configure_mesh()
            .x_desc(self.unit)
            .y_labels(self.groups.len())
            .y_label_formatter(&|at| {
                let group = self.groups.len() - 1 - (*at as usize).min(self.groups.len() - 1);
                self.groups[group].to_owned()
            })
            .x_label_formatter(&|x| format!("{x}"))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (number, (name, lengths)) in self.series.iter().enumerate() {
            let color = Palette99::pick(number).to_rgba();
            let bars = lengths.iter().enumerate().filter_map(|(group, length)| {
                let top = row(group) + 1.0 - (number as f64 + 0.5) / each as f64;
                let corners = [(self.base, top - 0.9 / each as f64), ((*length)?, top)];
                Some(Rectangle::new(corners, color.filled()))
            });
            chart
                .draw_series(bars)?
                .label(*name)
                .legend(move |(x, y)| Rectangle::new([(x, y - 4), (x + 12, y + 4)], color.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        root.present()?;
        Ok(())
    }
}

/// An axis of groups, labelled in the middle of each.
struct Middles(std::ops::Range<f64>);

impl Ranged for Middles {
    type FormatOption = plotters::coord::ranged1d::NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.0.start) / (self.0.end - self.0.start);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        (0..self.0.end as usize).map(|row| row as f64 + 0.5).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.0.clone()
    }
}

impl plotters::coord::ranged1d::ValueFormatter<f64> for Middles {
    fn format(value: &f64) -> String {
        value.to_string()
    }
}
