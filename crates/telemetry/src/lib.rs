//! How an agent is watched: whether it is well, what it counts, what it says. The same for every agent.
//!
//! ```no_run
//! # async fn example() -> Result<(), lode_telemetry::Error> {
//! let telemetry = lode_telemetry::Telemetry::new("node");
//! let settled = telemetry.metrics.counter("lode_node_jobs_settled_total", "Jobs that were settled");
//! settled.inc();
//! telemetry.health.well("chain", std::time::Duration::from_secs(60));
//! let listener = lode_telemetry::listen("127.0.0.1:9100".parse().unwrap()).await?;
//! let stop = tokio_util::sync::CancellationToken::new();
//! lode_telemetry::serve(listener, telemetry, stop).await?;
//! # Ok(())
//! # }
//! ```
#![warn(missing_docs)]

mod health;
pub mod logs;
mod metrics;
mod server;

pub use health::Health;
pub use metrics::{Counter, Gauge, Metrics};
pub use server::{listen, loopback, serve};

/// What is told of an agent. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// What it counts.
    pub metrics: Metrics,
    /// Whether it is well.
    pub health: Health,
}

impl Telemetry {
    /// Telemetry of an agent of some kind (`node`, `oracle`, `crank`): says which it is, of which version, and since
    /// when it runs.
    pub fn new(kind: &str) -> Self {
        let telemetry = Self::default();
        let build = [("agent", kind), ("version", env!("CARGO_PKG_VERSION"))];
        telemetry
            .metrics
            .gauge_with("lode_build_info", "What runs here", &build)
            .set(1.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        telemetry
            .metrics
            .gauge(
                "process_start_time_seconds",
                "When it started, unix seconds",
            )
            .set(now.unwrap_or_default().as_secs_f64().floor());
        telemetry
    }
}

/// Why nobody can watch.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is told here is not for the world.
    #[error("{0} is not an address of this machine alone: use 127.0.0.1 and a port, and a reverse proxy with a password where others are to watch")]
    NotLoopback(std::net::SocketAddr),
    /// The port is taken, or may not be used.
    #[error("{at} cannot be listened at ({source}): choose another port with --metrics")]
    Listen {
        /// Where.
        at: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The server broke.
    #[error("the metrics' server broke: {0}")]
    Server(#[from] std::io::Error),
}
