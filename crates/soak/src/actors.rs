//! Agents as people run them, that can be killed and started again.
use anyhow::{Context as _, Result};
use lode_client::Client;
use lode_gateway::{Config as GatewayConfig, Gateway, RpcChain};
use lode_node::AgentConfig;
use lode_oracle_agent::{Config as OracleConfig, OracleAgent};
use lode_store::Gateways;
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Memory of a node for jobs, MiB.
const NODE_MEMORY_MIB: u64 = 256;

/// An honest node.
pub struct Node {
    /// The chain, through the proxy.
    client: Client,
    /// Its account.
    node: Address,
    /// Its worker.
    worker: Arc<Keypair>,
    /// What it keeps on disk: all that a kill leaves it.
    folder: PathBuf,
    /// How often it looks at the chain.
    poll: Duration,
    running: Option<(watch::Sender<bool>, JoinHandle<lode_node::Result<()>>)>,
}

impl Node {
    /// Starts it.
    pub fn new(
        client: Client,
        node: Address,
        worker: Arc<Keypair>,
        folder: PathBuf,
        poll: Duration,
    ) -> Self {
        let mut node = Self {
            client,
            node,
            worker,
            folder,
            poll,
            running: None,
        };
        node.start();
        node
    }

    fn start(&mut self) {
        let mut config = AgentConfig::new(self.node, self.worker.clone(), &self.folder);
        let poll = self.poll;
        config.poll = poll;
        config.cores = 1;
        config.memory_mib = NODE_MEMORY_MIB;
        let (stop, stopped) = watch::channel(false);
        let client = self.client.clone();
        let agent = async move {
            loop {
                match lode_node::run(config.clone(), client.clone(), stopped.clone()).await {
                    // A process takes its threads along when it is killed. Here a run that was under way still holds the
                    // folder for a moment.
                    Err(lode_node::Error::FolderInUse(_)) => tokio::time::sleep(poll).await,
                    ended => return ended,
                }
            }
        };
        self.running = Some((stop, tokio::spawn(agent)));
    }

    /// It ended by itself.
    pub fn is_gone(&self) -> bool {
        let agent = self.running.as_ref().map(|(_, agent)| agent);
        agent.is_none_or(JoinHandle::is_finished)
    }

    /// Ends it wherever it stands, with all that it holds in memory, and starts it again. Its task is aborted, no process is
    /// killed: what `kill -9` does to the processes of agents is tested with the command itself.
    pub async fn kill(&mut self) {
        if let Some((_stop, agent)) = self.running.take() {
            agent.abort();
            // Its folder is free once its task is gone.
            let _ = agent.await;
        }
        self.start();
    }

    /// Stops it; that it had ended by itself is an error.
    pub async fn stop(self) -> Result<()> {
        let Some((stop, agent)) = self.running else {
            return Ok(());
        };
        // Gone already is stopped too.
        let _ = stop.send(true);
        let ended = agent.await.context("a node broke off")?;
        ended.with_context(|| format!("the node {} ended by itself", self.node))
    }
}

/// An oracle's agent.
pub fn oracle(
    client: Client,
    attester: Keypair,
    committee: Address,
    folder: PathBuf,
    poll: Duration,
    telemetry: Telemetry,
    stop: CancellationToken,
) -> JoinHandle<lode_oracle_agent::Result<()>> {
    let mut config = OracleConfig::new(client, Gateways::default(), attester, committee, folder);
    config.poll = poll;
    config.parallel = 2;
    config.telemetry = telemetry;
    tokio::spawn(OracleAgent::run(config, stop))
}

/// The gateway.
pub struct Store {
    /// The chain, through the proxy.
    client: Client,
    /// As markets name it: the proxy before it.
    url: String,
    /// Where it listens.
    at: SocketAddr,
    /// What it stored.
    folder: PathBuf,
    running: Option<(CancellationToken, JoinHandle<lode_gateway::Result<()>>)>,
}

impl Store {
    /// Starts it.
    pub async fn new(client: Client, url: String, at: SocketAddr, folder: PathBuf) -> Result<Self> {
        let mut store = Self {
            client,
            url,
            at,
            folder,
            running: None,
        };
        store.start().await?;
        Ok(store)
    }

    async fn start(&mut self) -> Result<()> {
        let config = GatewayConfig::in_folder(self.url.clone(), &self.folder)?;
        let gateway = Gateway::open(config, RpcChain(self.client.clone())).await?;
        let listener = tokio::net::TcpListener::bind(self.at).await?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(gateway.serve(listener, stop.clone()));
        self.running = Some((stop, serving));
        Ok(())
    }

    /// Stops it and starts it anew on what it stored.
    pub async fn restart(&mut self) -> Result<()> {
        self.end().await?;
        self.start().await
    }

    /// Stops it.
    pub async fn end(&mut self) -> Result<()> {
        if let Some((stop, serving)) = self.running.take() {
            stop.cancel();
            serving.await.context("the gateway broke off")??;
        }
        Ok(())
    }
}
