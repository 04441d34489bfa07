//! The table: a row a figure, with its aim and its floor; below it what else was measured.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Millis,
    Mib,
    PerSecond,
    Micros,
    Ratio,
    /// Of one core.
    Percent,
    Count,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Aim {
    AtMost(f64),
    AtLeast(f64),
    /// Of what is counted.
    Exactly(f64),
}

#[derive(Debug, Clone)]
struct Floor {
    value: f64,
    what: &'static str,
}

/// One row.
#[derive(Debug, Clone)]
pub struct Figure {
    name: String,
    unit: Unit,
    value: f64,
    aim: Option<Aim>,
    p95: Option<f64>,
    cpu: Option<Duration>,
    floor: Option<Floor>,
}

impl Figure {
    pub fn new(name: &str, unit: Unit, value: f64) -> Self {
        Self { name: name.to_owned(), unit, value, aim: None, p95: None, cpu: None, floor: None }
    }

    pub fn at_most(mut self, aim: f64) -> Self {
        self.aim = Some(Aim::AtMost(aim));
        self
    }

    pub fn at_least(mut self, aim: f64) -> Self {
        self.aim = Some(Aim::AtLeast(aim));
        self
    }

    pub fn exactly(mut self, aim: f64) -> Self {
        self.aim = Some(Aim::Exactly(aim));
        self
    }

    pub fn p95(mut self, value: f64) -> Self {
        self.p95 = Some(value);
        self
    }

    /// The server's, per operation.
    pub fn cpu(mut self, each: Duration) -> Self {
        self.cpu = Some(each);
        self
    }

    /// In the figure's own unit.
    pub fn floor(mut self, value: f64, what: &'static str) -> Self {
        self.floor = Some(Floor { value, what });
        self
    }

    fn is_met(&self) -> bool {
        match self.aim {
            None => true,
            Some(Aim::AtMost(aim)) => self.value <= aim,
            Some(Aim::AtLeast(aim)) => self.value >= aim,
            Some(Aim::Exactly(aim)) => (self.value - aim).abs() < f64::EPSILON,
        }
    }

    fn ratio(&self) -> Option<f64> {
        self.floor.as_ref().map(|floor| self.value / floor.value)
    }

    fn cells(&self) -> [String; 5] {
        let aim = match self.aim {
            None => String::new(),
            Some(Aim::AtMost(aim)) => format!("≤ {}", self.unit.show(aim)),
            Some(Aim::AtLeast(aim)) => format!("≥ {}", self.unit.show(aim)),
            Some(Aim::Exactly(aim)) => self.unit.show(aim),
        };
        let missed = if self.is_met() { "" } else { " **missed**" };
        let p95 = self.p95.map(|p95| format!(" (p95 {})", self.unit.show(p95))).unwrap_or_default();
        let measured = format!("{}{p95}{missed}", self.unit.show(self.value));
        let cpu = self.cpu.map(show_cpu).unwrap_or_default();
        let floor = self.floor.as_ref().zip(self.ratio());
        let floor =
            floor.map(|(floor, ratio)| format!("{ratio:.2} × {} ({})", self.unit.show(floor.value), floor.what));
        [self.name.clone(), aim, measured, cpu, floor.unwrap_or_default()]
    }

    fn json(&self) -> Value {
        let aim = match self.aim {
            None => Value::Null,
            Some(Aim::AtMost(aim)) => json!({"atMost": aim}),
            Some(Aim::AtLeast(aim)) => json!({"atLeast": aim}),
            Some(Aim::Exactly(aim)) => json!({"exactly": aim}),
        };
        json!({
            "name": self.name,
            "unit": self.unit.word(),
            "value": self.value,
            "p95": self.p95,
            "aim": aim,
            "met": self.is_met(),
            "cpuMicrosPerOperation": self.cpu.map(|cpu| cpu.as_secs_f64() * 1e6),
            "floor": self.floor.as_ref().map(|floor| json!({"value": floor.value, "what": floor.what})),
            "ratioToFloor": self.ratio(),
        })
    }
}

impl Unit {
    fn word(self) -> &'static str {
        match self {
            Unit::Millis => "ms",
            Unit::Mib => "MiB",
            Unit::PerSecond => "1/s",
            Unit::Micros => "µs",
            Unit::Ratio => "×",
            Unit::Percent => "%",
            Unit::Count => "",
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Unit::Millis => format!("{} ms", show_number(value)),
            Unit::Mib => format!("{value:.1} MiB"),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Micros => format!("{value:.0} µs"),
            Unit::Ratio => format!("{value:.2} ×"),
            Unit::Percent => format!("{value:.2} %"),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

fn show_cpu(each: Duration) -> String {
    let micros = each.as_secs_f64() * 1e6;
    if micros < 1_000.0 { format!("{micros:.0} µs") } else { format!("{:.1} ms", micros / 1_000.0) }
}

fn show_number(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
    notes: Vec<(String, f64)>,
}

impl Report {
    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub fn all_met(&self) -> bool {
        self.figures.iter().all(Figure::is_met)
    }

    pub fn note(&mut self, name: &str, value: f64) {
        self.notes.push((name.to_owned(), value));
    }

    pub fn json(&self) -> Value {
        let notes: serde_json::Map<String, Value> =
            self.notes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({"figures": self.figures.iter().map(Figure::json).collect::<Vec<_>>(), "notes": notes})
    }
}

const HEAD: [&str; 5] = ["what", "aim", "measured", "CPU per operation", "ratio to floor"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.figures.iter().map(Figure::cells));
        let widths: [usize; 5] =
            std::array::from_fn(|place| rows.iter().map(|row| row[place].chars().count()).max().unwrap_or(0));
        for (number, row) in rows.iter().enumerate() {
            write_row(f, row, &widths)?;
            if number == 0 {
                write_row(f, &widths.map(|width| "-".repeat(width)), &widths)?;
            }
        }
        writeln!(f)?;
        self.notes.iter().try_for_each(|(name, value)| writeln!(f, "{name}: {}", show_number(*value)))
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, row: &[String; 5], widths: &[usize; 5]) -> fmt::Result {
    for (cell, width) in row.iter().zip(widths) {
        write!(f, "| {cell:<width$} ")?;
    }
    writeln!(f, "|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_aim_is_said() {
        let mut report = Report::default();
        let slow = Figure::new("start", Unit::Millis, 300.0)
            .at_most(150.0)
            .floor(100.0, "nothing")
            .cpu(Duration::from_millis(2));
        report.add(slow);
        report.add(Figure::new("lives", Unit::PerSecond, 4_000.0).at_least(3_000.0));
        report.note("a page", 1.5);
        let text = report.to_string();
        assert!(text.contains("| 300 ms **missed** | 2.0 ms            | 3.00 × 100 ms (nothing) |"), "{text}");
        assert!(text.contains("≥ 3000/s"), "{text}");
        assert!(text.ends_with("a page: 1.50\n"), "{text}");
        assert_eq!(
            (report.json()["figures"][0]["met"].clone(), report.json()["figures"][1]["met"].clone()),
            (json!(false), json!(true))
        );
    }
}
