//! Health and metrics of whatever this command runs.
use anyhow::Result;
use lode_telemetry::Telemetry;
use std::net::SocketAddr;
use tokio_util::sync::CancellationToken;

/// Tells them at a port of this machine until `stop` is cancelled; nowhere, if no port is named. A port that is taken is
/// an error now, not later.
pub async fn tell(
    at: Option<SocketAddr>,
    telemetry: &Telemetry,
    stop: &CancellationToken,
) -> Result<()> {
    let Some(at) = at else {
        return Ok(());
    };
    let listener = lode_telemetry::listen(at).await?;
    let (telemetry, stop) = (telemetry.clone(), stop.clone());
    tokio::spawn(async move {
        if let Err(error) = lode_telemetry::serve(listener, telemetry, stop).await {
            tracing::warn!("{error}");
        }
    });
    Ok(())
}
