//! Surfpool in process.
use crate::error::{Error, Result};
use crate::programs::read_programs;
use crossbeam_channel::{Receiver, Sender};
use lode_client::{addresses, Client};
use solana_account::Account;
use solana_address::Address;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use surfpool_core::surfnet::locker::SurfnetSvmLocker;
use surfpool_core::surfnet::svm::{SurfnetSvm, SurfnetSvmConfig};
use surfpool_types::{
    BlockProductionMode, RpcConfig, SimnetCommand, SimnetConfig, SimnetEvent, SurfpoolConfig,
};

/// The RPC port that every Solana tool expects.
pub const RPC_PORT: u16 = 8899;
/// The websocket port that every Solana tool expects.
pub const WS_PORT: u16 = 8900;

/// How long the network may take to start, persistent databases of a debug build included.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop.
const STOP: Duration = Duration::from_secs(10);

/// How to start a network.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address to listen on; anyone who reaches it can change everything on this network.
    pub host: String,
    /// RPC port.
    pub rpc_port: u16,
    /// Websocket port.
    pub ws_port: u16,
    /// Milliseconds a slot takes: 400 as on a real cluster, less to make windows shorter.
    pub slot_millis: u64,
    /// SQLite file that keeps the chain; `None` for memory only.
    pub database: Option<PathBuf>,
    /// Folder with the built programs.
    pub programs: PathBuf,
    /// Who may upgrade and initialise the programs.
    pub upgrade_authority: Address,
    /// Wallets that get lamports at the start of an empty chain.
    pub airdrop: Vec<(Address, u64)>,
    /// Accounts that are written as they are at each start: for a state that would take long to reach.
    pub accounts: Vec<(Address, Account)>,
}

impl Options {
    /// The usual network: 127.0.0.1:8899 and 8900, 400 ms a slot, in memory, the authority funded with 1 000 SOL.
    pub fn new(programs: impl Into<PathBuf>, upgrade_authority: Address) -> Self {
        Self {
            host: "127.0.0.1".into(),
            rpc_port: RPC_PORT,
            ws_port: WS_PORT,
            slot_millis: 400,
            database: None,
            programs: programs.into(),
            upgrade_authority,
            airdrop: vec![(upgrade_authority, 1_000_000_000_000)],
            accounts: Vec::new(),
        }
    }
}

/// A running network. It stops when dropped; [`Localnet::stop`] also waits for it.
pub struct Localnet {
    rpc_url: String,
    ws_url: String,
    commands: Sender<SimnetCommand>,
    lifecycle: Receiver<Lifecycle>,
    runner: Option<JoinHandle<()>>,
    stopped: bool,
}

/// What the network says about itself, as far as anyone waits for it.
enum Lifecycle {
    Started,
    Failed(String),
    ServerDown,
}

impl Localnet {
    /// Starts a network and waits until it answers.
    ///
    /// Programs are written at each start, so a rebuilt program replaces the one in a kept database.
    pub async fn start(options: Options) -> Result<Self> {
        // Building the machine and waiting for it block.
        tokio::task::spawn_blocking(move || Self::start_blocking(&options))
            .await
            .map_err(|error| Error::Start(error.to_string()))?
    }

    fn start_blocking(options: &Options) -> Result<Self> {
        for port in [options.rpc_port, options.ws_port] {
            let at = format!("{}:{port}", options.host);
            TcpListener::bind(&at).map_err(|error| Error::Port {
                host: options.host.clone(),
                port,
                reason: error.to_string(),
            })?;
        }
        let programs = read_programs(&options.programs)?;

        let simnet = SimnetConfig {
            offline_mode: true,
            remote_rpc_url: None,
            slot_time: options.slot_millis,
            block_production_mode: BlockProductionMode::Clock,
            instruction_profiling_enabled: false,
            ..SimnetConfig::default()
        };
        let start = |error: &dyn std::fmt::Display| Error::Start(error.to_string());
        let database = options.database.as_ref().map(|path| path.to_string_lossy());
        let (mut svm, events, geyser) = SurfnetSvm::new_with_db(
            database.as_deref(),
            SurfnetSvmConfig {
                surfnet_id: simnet.surfnet_id.clone(),
                slot_time: simnet.slot_time,
                instruction_profiling_enabled: false,
                max_profiles: simnet.max_profiles,
                log_bytes_limit: simnet.log_bytes_limit,
                ..SurfnetSvmConfig::default()
            },
        )
        .map_err(|error| start(&error))?;
        for (id, elf) in &programs {
            deploy(&mut svm, id, elf, &options.upgrade_authority)?;
        }
        for (wallet, lamports) in &options.airdrop {
            let held = svm.get_account(wallet).map_err(|error| start(&error))?;
            if held.is_none_or(|account| account.lamports == 0) {
                // The outer result is the request's, the inner one the transfer's.
                svm.airdrop(wallet, *lamports)
                    .map_err(|error| Error::Start(format!("{error:?}")))?
                    .map_err(|error| Error::Start(format!("{:?}", error.err)))?;
            }
        }

        write_all(&mut svm, &options.accounts)?;

        let config = SurfpoolConfig {
            simnets: vec![simnet],
            rpc: RpcConfig {
                bind_host: options.host.clone(),
                bind_port: options.rpc_port,
                ws_port: options.ws_port,
                ..RpcConfig::default()
            },
            ..SurfpoolConfig::default()
        };
        let (commands, received) = crossbeam_channel::unbounded();
        let (tell, lifecycle) = crossbeam_channel::unbounded();
        let locker = SurfnetSvmLocker::new(svm);
        let (own, failed) = (commands.clone(), tell.clone());
        let runner = std::thread::Builder::new()
            .name("localnet".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .thread_name("localnet")
                    .enable_all()
                    .build();
                let ended = match runtime {
                    Ok(runtime) => {
                        runtime.block_on(surfpool_core::runloops::start_local_surfnet_runloop(
                            locker, config, own, received, geyser,
                        ))
                    }
                    Err(error) => Err(error.into()),
                };
                if let Err(error) = ended {
                    let _ = failed.send(Lifecycle::Failed(error.to_string()));
                }
            })
            .map_err(|error| start(&error))?;
        // The channel is bounded and the network waits when it is full: someone must always read.
        std::thread::Builder::new()
            .name("localnet-events".into())
            .spawn(move || forward(&events, &tell))
            .map_err(|error| start(&error))?;

        let network = Self {
            rpc_url: format!("http://{}:{}", options.host, options.rpc_port),
            ws_url: format!("ws://{}:{}", options.host, options.ws_port),
            commands,
            lifecycle,
            runner: Some(runner),
            stopped: false,
        };
        match network.lifecycle.recv_timeout(START) {
            Ok(Lifecycle::Started) => Ok(network),
            Ok(Lifecycle::Failed(reason)) => Err(Error::Start(reason)),
            Ok(Lifecycle::ServerDown) => Err(Error::Start("it stopped at once".into())),
            Err(_) => Err(Error::Start(format!("no sign of life in {START:?}"))),
        }
    }

    /// Address of the RPC server.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// Address of the websocket server.
    pub fn ws_url(&self) -> &str {
        &self.ws_url
    }

    /// A client of this network.
    pub fn client(&self) -> Client {
        Client::new(self.rpc_url.clone())
    }

    /// Stops the network and waits until its ports are free and its database is written.
    pub async fn stop(mut self) -> Result<()> {
        self.stopped = true;
        tokio::task::spawn_blocking(move || {
            let _ = self.commands.send(SimnetCommand::Terminate(None));
            let deadline = Instant::now() + STOP;
            // One of the RPC server, one of the websocket server.
            let mut down = 0;
            while down < 2 {
                let left = deadline.saturating_duration_since(Instant::now());
                match self.lifecycle.recv_timeout(left) {
                    Ok(Lifecycle::ServerDown) => down += 1,
                    Ok(_) => {}
                    Err(_) => return Err(Error::Stop),
                }
            }
            match self.runner.take() {
                Some(runner) => runner.join().map_err(|_| Error::Stop),
                None => Ok(()),
            }
        })
        .await
        .map_err(|_| Error::Stop)?
    }
}

impl Drop for Localnet {
    fn drop(&mut self) {
        if !self.stopped {
            let _ = self.commands.send(SimnetCommand::Terminate(None));
        }
    }
}

/// Writes a program as the upgradeable loader keeps it: code and authority first, then the account that names them.
fn deploy(svm: &mut SurfnetSvm, id: &Address, elf: &[u8], authority: &Address) -> Result<()> {
    let data_at = addresses::program_data(id);
    // The loader's states in bincode: u32 tag, then slot and optional authority, or the address of the data.
    let mut data = Vec::with_capacity(45 + elf.len());
    data.extend_from_slice(&3u32.to_le_bytes());
    data.extend_from_slice(&0u64.to_le_bytes());
    data.push(1);
    data.extend_from_slice(authority.as_ref());
    data.extend_from_slice(elf);
    let program = [&2u32.to_le_bytes()[..], data_at.as_ref()].concat();
    for (at, data, executable) in [(data_at, data, false), (*id, program, true)] {
        let lamports = svm.inner.minimum_balance_for_rent_exemption(data.len());
        let account = Account {
            lamports,
            data,
            owner: addresses::LOADER,
            executable,
            rent_epoch: u64::MAX,
        };
        svm.set_account(&at, account)
            .map_err(|error| Error::Start(format!("program {id} cannot be deployed: {error}")))?;
    }
    Ok(())
}

/// Writes accounts as they are. The machine keeps for each program the list of its accounts and searches it at every
/// write, so what belongs to programs without indexes of their own is entered in one go.
fn write_all(svm: &mut SurfnetSvm, accounts: &[(Address, Account)]) -> Result<()> {
    let failed = |at: &Address, error: &dyn std::fmt::Display| {
        Error::Start(format!("account {at} cannot be written: {error}"))
    };
    let mut owned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, account) in accounts {
        if [addresses::TOKEN, addresses::TOKEN_2022].contains(&account.owner) {
            svm.set_account(at, account.clone())
                .map_err(|error| failed(at, &error))?;
            continue;
        }
        svm.inner
            .set_account(*at, account.clone())
            .map_err(|error| failed(at, &error))?;
        let of_owner = owned.entry(account.owner.to_string()).or_default();
        of_owner.push(at.to_string());
    }
    for (owner, new) in owned {
        let index = &mut svm.accounts_by_owner;
        let mut all = index
            .get(&owner)
            .map_err(|error| Error::Start(error.to_string()))?
            .unwrap_or_default();
        all.extend(new);
        all.sort_unstable();
        all.dedup();
        index
            .store(owner, all)
            .map_err(|error| Error::Start(error.to_string()))?;
    }
    Ok(())
}

/// Passes on what the network says about itself, and logs the rest. Ends with the network.
fn forward(events: &Receiver<SimnetEvent>, tell: &Sender<Lifecycle>) {
    for event in events {
        let said = match event {
            SimnetEvent::CoreStarted(_) => Lifecycle::Started,
            SimnetEvent::Aborted(reason) => Lifecycle::Failed(reason),
            SimnetEvent::Shutdown => Lifecycle::ServerDown,
            SimnetEvent::ErrorLog(_, text) => {
                tracing::warn!(target: "localnet", "{text}");
                continue;
            }
            SimnetEvent::WarnLog(_, text) => {
                tracing::debug!(target: "localnet", "{text}");
                continue;
            }
            _ => continue,
        };
        if tell.send(said).is_err() {
            // Nobody waits any more; keep reading, so that the network can go on.
            continue;
        }
    }
}
