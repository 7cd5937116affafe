//! Letting an agent be watched on this machine.
use anyhow::Result;
use lode_telemetry::Telemetry;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// The option of every agent.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Metrics {
    /// Address or port on this machine that answers /health and /metrics
    #[arg(long = "metrics", value_name = "ADDRESS OR PORT", value_parser = lode_telemetry::loopback)]
    at: Option<SocketAddr>,
}

impl Metrics {
    /// Telemetry of an agent of this kind, answered for until `stop` where an address was named. A taken port is an
    /// error now.
    pub async fn start(&self, kind: &str, stop: &CancellationToken) -> Result<Telemetry> {
        let telemetry = Telemetry::new(kind);
        if let Some(at) = self.at {
            let listener = lode_telemetry::listen(at).await?;
            let (told, stop) = (telemetry.clone(), stop.clone());
            tokio::spawn(async move {
                if let Err(error) = lode_telemetry::serve(listener, told, stop).await {
                    tracing::error!(%error, "nobody can watch this agent any more");
                }
            });
        }
        Ok(telemetry)
    }
}
