//! The figure: four panels in one SVG, drawn from the decade alone.

use crate::decade::{Decade, COALITIONS, GROUPS, SIZES, YEAR};
use crate::LODE;
use std::fmt::Write;

const WIDTH: f64 = 1_240.0;
const HEIGHT: f64 = 940.0;
/// Colours that colour-blind readers tell apart (Okabe and Ito).
const BLUE: &str = "#0072b2";
const ORANGE: &str = "#d55e00";
const GREEN: &str = "#009e73";
const GREY: &str = "#666666";

/// A panel: where it stands, and what its axes mean.
struct Panel {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Panel {
    fn x(&self, value: f64) -> f64 {
        self.left + (value - self.x.0) / (self.x.1 - self.x.0) * self.width
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height - (value - self.y.0) / (self.y.1 - self.y.0) * self.height
    }
}

struct Svg(String);

impl Svg {
    fn add(&mut self, line: std::fmt::Arguments) {
        // writing into a string cannot fail
        let _ = writeln!(self.0, "{line}");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    fn stroke(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, dash: &str) {
        self.add(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{colour}" stroke-dasharray="{dash}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    /// Frame, title, axes with their ticks.
    fn axes(
        &mut self,
        panel: &Panel,
        title: &str,
        (x_name, x_ticks): (&str, &[(f64, String)]),
        (y_name, y_ticks): (&str, &[(f64, String)]),
    ) {
        let (right, bottom) = (panel.left + panel.width, panel.top + panel.height);
        self.text(panel.left, panel.top - 14.0, "start", "title", title);
        for (value, label) in y_ticks {
            let y = panel.y(*value);
            self.stroke((panel.left, y), (right, y), "#dddddd", "");
            self.text(panel.left - 6.0, y + 4.0, "end", "tick", label);
        }
        for (value, label) in x_ticks {
            let x = panel.x(*value);
            self.stroke((x, bottom), (x, bottom + 5.0), "#333333", "");
            self.text(x, bottom + 18.0, "middle", "tick", label);
        }
        self.stroke((panel.left, bottom), (right, bottom), "#333333", "");
        self.stroke((panel.left, panel.top), (panel.left, bottom), "#333333", "");
        let middle = panel.left + panel.width / 2.0;
        self.text(middle, bottom + 44.0, "middle", "axis", x_name);
        let (x, y) = (panel.left - 58.0, panel.top + panel.height / 2.0);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="middle" class="axis" transform="rotate(-90 {x:.1} {y:.1})">{y_name}</text>"#
        ));
    }

    fn curve(&mut self, panel: &Panel, colour: &str, dash: &str, points: &[(f64, f64)]) {
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", panel.x(*x), panel.y(*y)))
            .collect();
        self.add(format_args!(
            r#"<polyline fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{dash}" points="{}"/>"#,
            path.join(" ")
        ));
    }

    /// One line of a legend at (x, y).
    fn legend(&mut self, x: f64, y: f64, colour: &str, dash: &str, text: &str) {
        self.add(format_args!(
            r#"<line x1="{x:.1}" y1="{y:.1}" x2="{:.1}" y2="{y:.1}" stroke="{colour}" stroke-width="2.4" stroke-dasharray="{dash}"/>"#,
            x + 26.0
        ));
        self.text(x + 32.0, y + 4.0, "start", "tick", text);
    }
}

fn lode(units: u64) -> f64 {
    units as f64 / LODE as f64
}

fn ticks(values: impl IntoIterator<Item = u32>, unit: &str) -> Vec<(f64, String)> {
    let label = |value: u32| (f64::from(value), format!("{value}{unit}"));
    values.into_iter().map(label).collect()
}

/// Draws the figure.
pub fn svg(decade: &Decade, plan: &crate::decade::Plan) -> String {
    let mut svg = Svg(String::new());
    svg.add(format_args!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0} {HEIGHT:.0}" font-family="sans-serif" role="img" aria-label="Ten simulated years of emissions">
<style>.title{{font-size:16px;font-weight:bold}}.axis{{font-size:13px}}.tick{{font-size:12px;fill:#333}}</style>
<rect width="100%" height="100%" fill="#ffffff"/>"##
    ));
    let panel = |column: f64, row: f64, x, y| Panel {
        left: 90.0 + column * 620.0,
        top: 50.0 + row * 470.0,
        width: 500.0,
        height: 340.0,
        x,
        y,
    };
    weekly(
        &mut svg,
        &panel(0.0, 0.0, (0.0, 10.0), (0.0, 1_200.0)),
        decade,
    );
    supply(
        &mut svg,
        &panel(1.0, 0.0, (0.0, 10.0), (0.0, 1_100.0)),
        decade,
        plan,
    );
    shares(&mut svg, &panel(0.0, 1.0, (0.0, 7.0), (0.0, 70.0)), decade);
    washing(
        &mut svg,
        &panel(1.0, 1.0, (-6.0, 3.0), (0.0, 1.1)),
        decade,
        plan,
    );
    svg.0.push_str("</svg>\n");
    svg.0
}

fn weekly(svg: &mut Svg, panel: &Panel, decade: &Decade) {
    svg.axes(
        panel,
        "Every week burns more than it mints",
        ("years", &ticks(0..=10, "")),
        ("thousand LODE a week", &ticks((0..=1_200).step_by(200), "")),
    );
    let each = |of: fn(&crate::decade::Week) -> u64| -> Vec<(f64, f64)> {
        let points = decade.weeks.iter().enumerate();
        points
            .map(|(week, state)| (week as f64 / YEAR as f64, lode(of(state)) / 1e3))
            .collect()
    };
    svg.curve(panel, GREY, "6 4", &each(|week| week.ceiling));
    svg.curve(panel, ORANGE, "", &each(|week| week.burned));
    svg.curve(panel, BLUE, "", &each(|week| week.minted));
    let (x, y) = (panel.left + 20.0, panel.top + 130.0);
    svg.legend(x, y, ORANGE, "", "fees burned");
    svg.legend(x, y + 20.0, BLUE, "", "minted");
    svg.legend(x, y + 40.0, GREY, "6 4", "ceiling of the era");
}

fn supply(svg: &mut Svg, panel: &Panel, decade: &Decade, plan: &crate::decade::Plan) {
    svg.axes(
        panel,
        "Supply falls; the cap is a ceiling and no target",
        ("years", &ticks(0..=10, "")),
        ("million LODE", &ticks((0..=1_100).step_by(100), "")),
    );
    let flat = |units: u64| [(0.0, lode(units) / 1e6), (10.0, lode(units) / 1e6)];
    svg.curve(panel, GREY, "6 4", &flat(plan.supply + plan.cap));
    svg.curve(panel, GREY, "2 3", &flat(plan.supply));
    let (mut burned, mut minted) = (0, 0);
    let mut curves = [vec![(0.0, lode(plan.supply) / 1e6)], vec![], vec![]];
    for (week, state) in decade.weeks.iter().enumerate() {
        burned += state.burned;
        minted += state.minted;
        let at = (week + 1) as f64 / YEAR as f64;
        for (curve, value) in curves.iter_mut().zip([state.supply, burned, minted]) {
            curve.push((at, lode(value) / 1e6));
        }
    }
    for (curve, colour) in curves.iter().zip([GREEN, ORANGE, BLUE]) {
        svg.curve(panel, colour, "", curve);
    }
    let (x, y) = (panel.left + 20.0, panel.top + 60.0);
    svg.legend(x, y, GREY, "6 4", "genesis supply and the whole cap");
    svg.legend(x, y + 20.0, GREY, "2 3", "genesis supply");
    svg.legend(x, y + 40.0, GREEN, "", "supply");
    svg.legend(x + 250.0, y + 20.0, ORANGE, "", "burned in all");
    svg.legend(x + 250.0, y + 40.0, BLUE, "", "minted in all");
}

fn shares(svg: &mut Svg, panel: &Panel, decade: &Decade) {
    svg.axes(
        panel,
        "Emission goes where work is done, not where stake lies",
        ("owners", &[]),
        ("share of ten years", &ticks((0..=70).step_by(10), " %")),
    );
    let all_work: u64 = decade.groups.iter().map(|group| group.work).sum();
    let all_stake: u64 = decade.groups.iter().map(|group| group.stake).sum();
    let names = [
        ["whale,", "at home"],
        ["whale who", "delegates"],
        ["one", "node"],
        ["split", "into 12"],
        ["washer", ""],
        ["200 small", "devices"],
        ["20 machine", "halls"],
    ];
    for (row, (group, name)) in decade.groups.iter().zip(names).enumerate() {
        let bars = [
            (group.stake, all_stake, GREY),
            (group.work, all_work, ORANGE),
            (group.by_work + group.by_stake, decade.buckets, BLUE),
        ];
        for (bar, (part, whole, colour)) in bars.into_iter().enumerate() {
            let share = 100.0 * part as f64 / whole as f64;
            let x = panel.x(row as f64) + 8.0 + bar as f64 * 19.0;
            let y = panel.y(share);
            svg.add(format_args!(
                r#"<rect x="{x:.1}" y="{y:.1}" width="17" height="{:.1}" fill="{colour}"/>"#,
                panel.top + panel.height - y
            ));
        }
        for (line, text) in name.iter().enumerate() {
            let y = panel.top + panel.height + 14.0 + line as f64 * 13.0;
            svg.text(panel.x(row as f64 + 0.5), y, "middle", "tick", text);
        }
    }
    debug_assert_eq!(names.len(), GROUPS.len());
    let (x, y) = (panel.left + 150.0, panel.top + 20.0);
    svg.legend(x, y, GREY, "", "of all stake");
    svg.legend(x, y + 20.0, ORANGE, "", "of all work (fees burned)");
    svg.legend(x, y + 40.0, BLUE, "", "of work and stake emission");
}

fn washing(svg: &mut Svg, panel: &Panel, decade: &Decade, plan: &crate::decade::Plan) {
    let sizes: Vec<(f64, String)> = SIZES
        .map(|size| {
            let label = match size {
                ..0 => format!("1/10{}", superscript(size.unsigned_abs())),
                0 => "1".to_string(),
                _ => format!("10{}", superscript(size.unsigned_abs())),
            };
            (f64::from(size), label)
        })
        .collect();
    let returns: Vec<(f64, String)> = (0..=5)
        .map(|fifth| {
            (
                f64::from(fifth) / 5.0,
                format!("{:.1}", f64::from(fifth) / 5.0),
            )
        })
        .collect();
    svg.axes(
        panel,
        "Washing returns less than it burns, at any size",
        ("burned by the washer, times the week's honest fees", &sizes),
        ("LODE returned for one burned", &returns),
    );
    let theta = plan.terms.theta as f64 / 1e4;
    svg.curve(panel, GREY, "2 3", &[(-6.0, 1.0), (3.0, 1.0)]);
    svg.curve(panel, GREY, "6 4", &[(-6.0, theta), (3.0, theta)]);
    let (x, y) = (panel.left + 20.0, panel.top + panel.height - 120.0);
    for (who, (name, colour)) in COALITIONS.iter().zip([BLUE, GREEN, ORANGE]).enumerate() {
        let points: Vec<(f64, f64)> = SIZES
            .zip(&decade.returns)
            .map(|(size, best)| (f64::from(size), best[who] as f64 / 1e6))
            .collect();
        svg.curve(panel, colour, "", &points);
        svg.legend(x, y + 20.0 * who as f64, colour, "", name);
    }
    svg.legend(x, y + 60.0, GREY, "6 4", "theta");
    svg.legend(x, y + 80.0, GREY, "2 3", "what would pay");
}

fn superscript(digit: u32) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    DIGITS.get(digit as usize).copied().unwrap_or('?')
}
