//! The clock of a local network.
use crate::error::{Error, Result};
use lode_client::Client;

/// Moves the clock on by seconds, and by the slots that would pass in them. Forward only; of an embedded network only.
pub async fn time_travel(client: &Client, seconds: u64) -> Result<()> {
    let now = client.clock().await?.unix_timestamp;
    let target = u64::try_from(now)
        .ok()
        .and_then(|now| now.checked_add(seconds))
        .and_then(|seconds| seconds.checked_mul(1_000))
        .ok_or_else(|| Error::Plan(format!("{seconds} seconds are too far ahead")))?;
    let method = solana_client::rpc_request::RpcRequest::Custom {
        method: "surfnet_timeTravel",
    };
    client
        .rpc
        .send::<serde_json::Value>(method, serde_json::json!([{ "absoluteTimestamp": target }]))
        .await
        .map_err(|error| {
            Error::Plan(format!(
                "The clock cannot be moved: {error}; that works on a network started by `lode localnet` only"
            ))
        })?;
    Ok(())
}
