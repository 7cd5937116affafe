//! Counters and gauges, printed as Prometheus reads them (text format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that is counted. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<String, Family>>>);

#[derive(Debug)]
struct Family {
    help: String,
    kind: &'static str,
    /// Values by their labels, as they are printed.
    values: BTreeMap<String, Value>,
}

/// A number that many threads change. The bits of an `f64`, which is what Prometheus reckons in.
#[derive(Clone, Debug, Default)]
struct Value(Arc<AtomicU64>);

impl Value {
    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn change(&self, with: impl Fn(f64) -> f64) {
        let new = |bits| Some(with(f64::from_bits(bits)).to_bits());
        // The closure never declines.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, new);
    }
}

/// A number that only grows.
#[derive(Clone, Debug)]
pub struct Counter(Value);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1.0);
    }

    /// So many more; less than nothing, and what is no number, is not added.
    pub fn add(&self, more: f64) {
        if more > 0.0 && more.is_finite() {
            self.0.change(|value| value + more);
        }
    }

    /// What was counted.
    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(Value);

impl Gauge {
    /// It is this now.
    pub fn set(&self, value: f64) {
        self.0.change(|_| value);
    }

    /// What it is.
    pub fn get(&self) -> f64 {
        self.0.get()
    }
}

impl Metrics {
    /// A counter. Its name ends in `_total` by custom; asked for twice, it is the same one.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.counter_with(name, help, &[])
    }

    /// A counter of a family whose members differ in labels.
    pub fn counter_with(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        Counter(self.value(name, help, "counter", labels))
    }

    /// A gauge; asked for twice, it is the same one.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.gauge_with(name, help, &[])
    }

    /// A gauge of a family whose members differ in labels.
    pub fn gauge_with(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        Gauge(self.value(name, help, "gauge", labels))
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        // Whoever panicked with it in hand changed one number or none.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn value(&self, name: &str, help: &str, kind: &'static str, labels: &[(&str, &str)]) -> Value {
        let mut families = self.families();
        let family = families.entry(name.into()).or_insert_with(|| Family {
            help: help.into(),
            kind,
            values: BTreeMap::new(),
        });
        family.values.entry(printed(labels)).or_default().clone()
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.families().iter() {
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", family.kind);
            for (labels, value) in &family.values {
                let _ = writeln!(text, "{name}{labels} {}", value.get());
            }
        }
        text
    }
}

fn printed(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        value.replace('\n', "\\n")
    };
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_printed_as_prometheus_reads_it() {
        let metrics = Metrics::default();
        let runs = metrics.counter("runs_total", "Runs");
        runs.inc();
        runs.add(1.5);
        metrics.gauge("free", "Free, MiB").set(-7.0);
        let with = |end| metrics.counter_with("ends_total", "By end", &[("end", end)]);
        with("exit").inc();
        with("a \"b\"\n\\").inc();
        assert_eq!(
            metrics.text(),
            "# HELP ends_total By end\n# TYPE ends_total counter\n\
             ends_total{end=\"a \\\"b\\\"\\n\\\\\"} 1\nends_total{end=\"exit\"} 1\n\
             # HELP free Free, MiB\n# TYPE free gauge\nfree -7\n\
             # HELP runs_total Runs\n# TYPE runs_total counter\nruns_total 2.5\n"
        );
    }

    #[test]
    fn a_metric_asked_for_twice_is_the_same_one() {
        let metrics = Metrics::default();
        metrics.counter("a_total", "A").inc();
        metrics.clone().counter("a_total", "A").inc();
        assert_eq!(metrics.counter("a_total", "A").get(), 2.0);
    }

    #[test]
    fn a_counter_never_falls() {
        let counter = Metrics::default().counter("a_total", "A");
        counter.add(3.0);
        for less in [-1.0, f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
            counter.add(less);
        }
        assert_eq!(counter.get(), 3.0);
    }
}
