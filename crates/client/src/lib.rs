#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod accounts;
pub mod addresses;
pub mod cli_config;
pub mod clock;
pub mod emissions;
pub mod error;
pub mod events;
mod fail_over;
pub mod history;
pub mod instructions;
mod job_end;
pub mod nodes;
pub mod nonce;
pub mod offline;
pub mod preview;
pub mod programs;
pub mod record;
pub mod rewards;
pub mod send;
pub mod token;

#[doc(hidden)]
pub use bytemuck;

pub use accounts::{Filter, LodeAccount};
pub use clock::ChainClock;
pub use error::{Error, Result};
pub use job_end::JobEnd;
pub use nodes::NodesWanted;
pub use preview::{Preview, Touched};
pub use send::{PriorityFee, Sent, Wallet};

use solana_client::nonblocking::rpc_client::RpcClient;
use solana_client::rpc_client::RpcClientConfig;
use solana_commitment_config::CommitmentConfig;
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take before it counts as not answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The same where another server waits to be asked.
const IMPATIENT: Duration = Duration::from_secs(10);

/// A connection to one cluster. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Client {
    /// The RPC client underneath, for what the typed calls do not cover.
    pub rpc: Arc<RpcClient>,
    /// Commitment at which accounts are read and transactions count as done.
    pub commitment: CommitmentConfig,
    /// What is paid per compute unit on top of the base fee.
    pub priority_fee: PriorityFee,
    /// Nothing is ever sent: what would be is an error.
    only_looks: bool,
}

impl Client {
    /// A client of the cluster at `url`, at commitment *confirmed*, with the priority fee that recent blocks ask for.
    pub fn new(url: impl Into<String>) -> Self {
        Self::with_commitment(url, CommitmentConfig::confirmed())
    }

    /// The same at another commitment.
    pub fn with_commitment(url: impl Into<String>, commitment: CommitmentConfig) -> Self {
        Self::of_servers([url.into()], commitment)
    }

    /// A client of a cluster that several servers speak for: a request that one does not answer, or answers as the chain
    /// was long ago, goes to the next, which stays in use for a while. All must be servers of the same cluster.
    pub fn of_servers(
        urls: impl IntoIterator<Item = String>,
        commitment: CommitmentConfig,
    ) -> Self {
        let urls: Vec<String> = urls.into_iter().collect();
        let timeout = if urls.len() > 1 {
            IMPATIENT
        } else {
            REQUEST_TIMEOUT
        };
        let servers = urls
            .into_iter()
            .map(|url| RpcClient::new_with_timeout_and_commitment(url, timeout, commitment));
        let sender = fail_over::FailOver::new(servers.collect(), IMPATIENT);
        let config = RpcClientConfig::with_commitment(commitment);
        Self {
            rpc: Arc::new(RpcClient::new_sender(sender, config)),
            commitment,
            priority_fee: PriorityFee::Recent,
            only_looks: false,
        }
    }

    /// Sets what is paid per compute unit.
    pub fn with_priority_fee(mut self, fee: PriorityFee) -> Self {
        self.priority_fee = fee;
        self
    }

    /// The same connection, over which nothing is ever sent.
    pub fn only_looking(mut self) -> Self {
        self.only_looks = true;
        self
    }

    /// The RPC server, or all of them, as [`server_name`] has it.
    pub fn url(&self) -> String {
        self.rpc.url()
    }

    /// The version of the server's software.
    ///
    /// # Errors
    /// Those of the server.
    pub async fn version(&self) -> Result<String> {
        let version = self.rpc.get_version().await;
        let version = version.map_err(|error| self.failed(error))?;
        Ok(version.solana_core)
    }

    /// An error of a request to this server, as a sentence.
    pub(crate) fn failed(&self, error: solana_client::client_error::ClientError) -> Error {
        Error::of_request(&self.url(), error)
    }
}

/// Scheme, host and port of a server's address, for sentences and logs: what else stands in it is often a key.
pub fn server_name(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization(),
        _ => "a server whose address is no URL".into(),
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url())
            .field("commitment", &self.commitment)
            .field("priority_fee", &self.priority_fee)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn the_readme_shows_the_example() {
        let example = include_str!("../examples/post_job.rs");
        let (_, code) = example.split_once("\nuse ").unwrap();
        let (shown, _) = code.split_once("\n\n#[tokio::main]").unwrap();
        let shown = format!("```rust,no_run\nuse {shown}\n```\n");
        assert!(include_str!("../README.md").contains(&shown), "{shown}");
    }
}
