//! Pictures of a load, as SVG text.
//!
//! Drawn by plotters with its SVG backend alone, which needs no fonts and no image libraries.

use load::Report;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

use crate::failure::{Failure, Status};

use super::numbers::{rate, time};

/// Width and height of a picture.
const SIZE: (u32, u32) = (1_000, 700);

const FONT: &str = "sans-serif";

/// One curve: its name and its points.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// One panel of a picture: curves over a common axis.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) x_title: &'static str,
    pub(super) x_is_log: bool,
    pub(super) y_is_log: bool,
    pub(super) y_label: fn(&f64) -> String,
    pub(super) curves: Vec<Curve>,
}

/// Latency and rate over time.
pub(super) fn over_time(report: &Report, title: &str) -> Result<String, Failure> {
    let intervals = &report.intervals;
    let at = |interval: &load::Interval| (interval.begin + interval.width / 2).as_secs_f64();
    let latency = |name: &str, value: fn(&load::Interval) -> u64| {
        let answered = intervals.iter().filter(|interval| interval.answered > 0);
        let points = answered.map(|interval| (at(interval), value(interval) as f64)).collect();
        Curve { name: name.to_owned(), points }
    };
    // The load ends somewhere in the last interval: what came in it is no rate.
    let whole = if intervals.len() > 2 { &intervals[..intervals.len() - 1] } else { &intervals[..] };
    let rates =
        whole.iter().map(|interval| (at(interval), interval.answered as f64 / interval.width.as_secs_f64()));
    let panels = [
        Panel {
            title: "latency",
            x_title: "seconds",
            x_is_log: false,
            y_is_log: true,
            y_label: |nanos| time(*nanos),
            curves: vec![
                latency("p50", |interval| interval.latency_ns_p50),
                latency("p99", |interval| interval.latency_ns_p99),
                latency("max", |interval| interval.latency_ns_max),
            ],
        },
        Panel {
            title: "messages a second",
            x_title: "seconds",
            x_is_log: false,
            y_is_log: false,
            y_label: |messages| rate(*messages),
            curves: vec![Curve { name: "answered".to_owned(), points: rates.collect() }],
        },
    ];
    picture(title, &panels, (2, 1))
}

/// Panels in rows and columns under a title.
pub(super) fn picture(title: &str, panels: &[Panel], grid: (usize, usize)) -> Result<String, Failure> {
    let mut svg = String::new();
    let drawn = (|| {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let root = root.titled(title, (FONT, 20))?;
        for (area, panel) in root.split_evenly(grid).iter().zip(panels) {
            match (panel.x_is_log, panel.y_is_log) {
                (true, true) => draw(area, panel, panel.x().log_scale(), panel.y().log_scale())?,
                (true, false) => draw(area, panel, panel.x().log_scale(), panel.y())?,
                (false, true) => draw(area, panel, panel.x(), panel.y().log_scale())?,
                (false, false) => draw(area, panel, panel.x(), panel.y())?,
            }
        }
        root.present()
    })();
    drawn.map_err(|error| Failure::new(Status::Other, format!("cannot draw the picture: {error}")))?;
    Ok(svg)
}

type Area<'s> = DrawingArea<SVGBackend<'s>, plotters::coord::Shift>;
type Drawn<'s> = Result<(), DrawingAreaErrorKind<<SVGBackend<'s> as DrawingBackend>::ErrorType>>;

fn draw<'s, X, Y>(area: &Area<'s>, panel: &Panel, x: X, y: Y) -> Drawn<'s>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, (FONT, 16))
        .margin(10)
        .x_label_area_size(35)
        .y_label_area_size(70)
        .build_cartesian_2d(x, y)?;
    let x_label = |x: &f64| if x.fract() == 0.0 { format!("{x:.0}") } else { format!("{x:.2}") };
    chart
        .configure_mesh()
        .x_desc(panel.x_title)
        .x_label_formatter(&x_label)
        .y_label_formatter(&panel.y_label)
        .draw()?;
    for (index, curve) in panel.curves.iter().enumerate() {
        let color = Palette99::pick(index).to_rgba();
        let line = LineSeries::new(curve.points.iter().copied(), color.stroke_width(2)).point_size(2);
        let legend = move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2));
        chart.draw_series(line)?.label(&curve.name).legend(legend);
    }
    let place = SeriesLabelPosition::UpperLeft;
    chart
        .configure_series_labels()
        .position(place)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()
}

impl Panel {
    fn x(&self) -> std::ops::Range<f64> {
        span(self.curves.iter().flat_map(|curve| &curve.points).map(|(x, _)| *x), self.x_is_log)
    }

    fn y(&self) -> std::ops::Range<f64> {
        span(self.curves.iter().flat_map(|curve| &curve.points).map(|(_, y)| *y), self.y_is_log)
    }
}

/// From the least to the greatest value, or from zero where that can be drawn; never empty.
fn span(values: impl Iterator<Item = f64>, is_log: bool) -> std::ops::Range<f64> {
    let (least, most) = values
        .filter(|value| value.is_finite() && (!is_log || *value > 0.0))
        .fold((f64::INFINITY, 0.0_f64), |(least, most), value| (least.min(value), most.max(value)));
    match (most > 0.0, is_log) {
        (false, _) => 1.0..10.0,
        (true, true) => least * 0.8..most * 1.25,
        (true, false) => 0.0..most * 1.1,
    }
}
