//! What is counted of the agent's work.

use lode_telemetry::{Counter, Gauge, Metrics, Telemetry};

/// The agent's counters and gauges.
pub(crate) struct Meters {
    pub telemetry: Telemetry,
    pub looks: Counter,
    pub accepted: Counter,
    pub submitted: Counter,
    pub settled: Counter,
    pub given_up: Counter,
    pub expired: Counter,
    pub bids: Counter,
    pub units: Counter,
    pub run_seconds: Counter,
    pub failures: Counter,
    pub running: Gauge,
    pub unfinished: Gauge,
    pub waiting: Gauge,
    pub draining: Gauge,
    pub held: Gauge,
    pub cores: Gauge,
    pub memory: Gauge,
    pub slot: Gauge,
    pub slot_seconds: Gauge,
    pub worker_lamports: Gauge,
    pub speed: Gauge,
}

impl Meters {
    pub fn new(telemetry: Telemetry) -> Self {
        let m = telemetry.metrics.clone();
        let (counter, gauge) = (
            |name: &str, help: &str| m.counter(name, help),
            |name: &str, help: &str| m.gauge(name, help),
        );
        Self {
            looks: counter("lode_node_looks_total", "Looks at the chain"),
            accepted: counter("lode_node_accepted_total", "Jobs accepted"),
            submitted: counter("lode_node_submitted_total", "Results submitted"),
            settled: counter("lode_node_settled_total", "Jobs that this agent settled"),
            given_up: counter("lode_node_given_up_total", "Jobs given up"),
            expired: counter("lode_node_expired_total", "Attempts that were late"),
            bids: counter("lode_node_bids_total", "Bids placed"),
            units: counter("lode_node_units_total", "Units that were run"),
            run_seconds: counter("lode_node_run_seconds_total", "Time that running took"),
            failures: counter(
                "lode_node_failures_total",
                "Steps that failed and are tried again",
            ),
            running: gauge("lode_node_running", "Jobs that run now"),
            unfinished: gauge("lode_node_unfinished", "Jobs that need this agent"),
            waiting: gauge("lode_node_waiting", "Jobs that wait for their window's end"),
            draining: gauge("lode_node_draining", "1 while no jobs are taken"),
            held: gauge(
                "lode_node_held",
                "Conditions of the machine that keep it from taking jobs",
            ),
            cores: gauge("lode_node_cores_used", "Cores that jobs have"),
            memory: gauge("lode_node_memory_used_mib", "MiB that jobs have"),
            slot: gauge("lode_node_slot", "Slot of the chain"),
            slot_seconds: gauge("lode_node_slot_seconds", "How long a slot lasts"),
            worker_lamports: gauge(
                "lode_node_worker_lamports",
                "What the worker, or the fee payer, has for fees",
            ),
            speed: gauge(
                "lode_node_seconds_per_million_units",
                "Time for a million units, as measured; 0 if nothing is known",
            ),
            telemetry,
        }
    }

    /// A gauge of one of the node's ledgers.
    pub fn ledger(&self, market: &str, available: u64, locked: u64) {
        let metrics: &Metrics = &self.telemetry.metrics;
        let labels = [("market", market)];
        let help = "Base units of the node's ledger";
        metrics
            .gauge_with("lode_node_ledger_available", help, &labels)
            .set(available as f64);
        metrics
            .gauge_with("lode_node_ledger_locked", help, &labels)
            .set(locked as f64);
    }
}
