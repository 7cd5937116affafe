//! What is counted of the gateway's work.

use crate::index::Totals;
use crate::scrub::Scrubbed;
use axum::http::{Method, StatusCode};
use lode_telemetry::{Counter, Gauge, Telemetry};

/// The gateway's counters and gauges.
pub(crate) struct Meters {
    pub telemetry: Telemetry,
    pub received: Counter,
    pub served: Counter,
    pub stored: Counter,
    pub too_often: Counter,
    pub over_quota: Counter,
    pub attestations: Counter,
    pub copied: Counter,
    pub forgotten: Counter,
    checked: Counter,
    corrupt: Counter,
    unreadable: Counter,
    missing: Counter,
    mended: Counter,
    jobs: Gauge,
    blobs: Gauge,
    bytes: Gauge,
}

impl Meters {
    pub(crate) fn new(telemetry: Telemetry) -> Self {
        let m = telemetry.metrics.clone();
        let counter = |name: &str, help: &str| m.counter(name, help);
        let gauge = |name: &str, help: &str| m.gauge(name, help);
        Self {
            received: counter("lode_gateway_received_bytes_total", "Bytes of uploads"),
            served: counter("lode_gateway_served_bytes_total", "Bytes of blobs sent"),
            stored: counter("lode_gateway_stored_total", "Blobs put"),
            too_often: counter(
                "lode_gateway_too_often_total",
                "Requests refused because their address or key sends too many",
            ),
            over_quota: counter(
                "lode_gateway_over_quota_total",
                "Writes refused because their job or key has too much",
            ),
            attestations: counter("lode_gateway_attestations_total", "Attestations put"),
            copied: counter("lode_gateway_copied_total", "Blobs copied from others"),
            forgotten: counter(
                "lode_gateway_forgotten_total",
                "Jobs of which nothing is kept any more",
            ),
            checked: counter(
                "lode_gateway_scrubbed_total",
                "Blobs read again and checked",
            ),
            corrupt: counter(
                "lode_gateway_corrupt_total",
                "Blobs found damaged, and dropped",
            ),
            unreadable: counter(
                "lode_gateway_unreadable_total",
                "Blobs that could not be read",
            ),
            missing: counter("lode_gateway_missing_total", "Blobs found missing"),
            mended: counter(
                "lode_gateway_mended_total",
                "Damaged or missing blobs fetched again from others",
            ),
            jobs: gauge("lode_gateway_jobs", "Jobs of which something is kept"),
            blobs: gauge(
                "lode_gateway_blobs",
                "Blobs kept; one that two jobs have counts twice",
            ),
            bytes: gauge("lode_gateway_bytes", "Bytes of these"),
            telemetry,
        }
    }

    /// Counts a request by how it ended.
    pub(crate) fn request(&self, method: &Method, status: StatusCode) {
        let method = match method.as_str() {
            name @ ("GET" | "HEAD" | "PUT" | "DELETE") => name,
            _ => "other",
        };
        let labels = [("method", method), ("status", status.as_str())];
        let help = "Requests by their end";
        self.telemetry
            .metrics
            .counter_with("lode_gateway_requests_total", help, &labels)
            .inc();
    }

    pub(crate) fn scrubbed(&self, scrubbed: &Scrubbed) {
        self.checked.add(scrubbed.checked as f64);
        self.corrupt.add(scrubbed.corrupt as f64);
        self.unreadable.add(scrubbed.unreadable as f64);
        self.missing.add(scrubbed.missing as f64);
        self.mended.add(scrubbed.mended as f64);
    }

    pub(crate) fn keeps(&self, totals: Totals) {
        self.jobs.set(totals.jobs as f64);
        self.blobs.set(totals.blobs as f64);
        self.bytes.set(totals.bytes as f64);
    }
}
