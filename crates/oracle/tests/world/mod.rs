//! A gateway, and a chain that answers the requests that gateway and agent make.
#![allow(clippy::unwrap_used, dead_code)]

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use bytemuck::Zeroable;
use lode_attestation::Verdict;
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::addresses::CLOCK;
use lode_client::{Client, LodeAccount};
use lode_gateway::{Gateway, RpcChain};
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_notify::Notices;
use lode_oracle::state::{Committee, Seat};
use lode_oracle_agent::{Config, Error, Journal, OracleAgent};
use lode_staking::state::Node;
use lode_store::{BlobHash, GatewayClient, Gateways, Writer};
use serde_json::{json, Value};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const JOB: Address = Address::new_from_array([1; 32]);
pub const MARKET: Address = Address::new_from_array([2; 32]);
pub const LEDGER: Address = Address::new_from_array([3; 32]);
pub const NODE: Address = Address::new_from_array([4; 32]);
pub const COMMITTEE: Address = Address::new_from_array([5; 32]);
pub const SEAT: u8 = 2;

/// Accounts by address: owner and data.
#[derive(Default)]
pub struct Accounts {
    pub slot: u64,
    /// Lists leave it out, as those of a server that is behind.
    pub hidden: Option<Address>,
    pub all: BTreeMap<Address, (Address, Vec<u8>)>,
}

pub type Chain = Arc<Mutex<Accounts>>;

fn account((owner, data): &(Address, Vec<u8>)) -> Value {
    let data = base64::engine::general_purpose::STANDARD.encode(data);
    json!({"lamports": 1, "owner": owner.to_string(), "data": [data, "base64"], "executable": false, "rentEpoch": 0})
}

pub async fn answer(State(chain): State<Chain>, Json(request): Json<Value>) -> Json<Value> {
    let chain = chain.lock().unwrap();
    let first = request["params"][0].as_str().unwrap_or_default();
    let result = match request["method"].as_str().unwrap() {
        "getSlot" => json!(chain.slot),
        "getAccountInfo" => {
            let found = chain.all.get(&first.parse().unwrap());
            json!({"context": {"slot": chain.slot}, "value": found.map(account)})
        }
        "getMultipleAccounts" => {
            let at = request["params"][0].as_array().unwrap().iter();
            // a clock of which only the slot is asked for
            let clock = [&chain.slot.to_le_bytes()[..], &[0; 32]].concat();
            let clock = (Address::default(), clock);
            let read = |at: &Value| {
                let at: Address = at.as_str()?.parse().ok()?;
                let found = chain.all.get(&at);
                found.or((at == CLOCK).then_some(&clock)).map(account)
            };
            let list: Vec<_> = at.map(read).collect();
            json!({"context": {"slot": chain.slot}, "value": list})
        }
        // the filters are the client's own business: it checks what a server let through
        "getProgramAccounts" => {
            let owner: Address = first.parse().unwrap();
            let size = request["params"][1]["filters"][0]["dataSize"].as_u64();
            let fits = |(at, (of, data)): &(&Address, &(Address, Vec<u8>))| {
                *of == owner && Some(data.len() as u64) == size && chain.hidden != Some(**at)
            };
            let list = chain.all.iter().filter(fits);
            list.map(|(at, found)| json!({"pubkey": at.to_string(), "account": account(found)}))
                .collect()
        }
        // nothing was paid yet
        "getSignaturesForAddress" => json!([]),
        other => unreachable!("{other}"),
    };
    Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub chain: Chain,
    pub client: Client,
    pub store: GatewayClient,
    pub attester: Keypair,
    pub customer: Keypair,
    pub worker: Keypair,
    pub stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl World {
    /// A sealed job whose panel asks our seat, a committee, a gateway. Slot 0, the window ends at 300.
    pub async fn new(spec: &[u8]) -> Self {
        let chain = Chain::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rpc = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/", post(answer))
            .with_state(chain.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = lode_gateway::Config::in_folder(url.clone(), folder.path()).unwrap();
        let client = Client::new(rpc);
        let gateway = Gateway::open(config, RpcChain(client.clone()))
            .await
            .unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(gateway.serve(listener, stop.clone()));

        let world = Self {
            folder,
            chain,
            client,
            store: GatewayClient::new(&url).unwrap(),
            attester: Keypair::new(),
            customer: Keypair::new(),
            worker: Keypair::new(),
            stop,
        };
        let mut committee = Committee::zeroed();
        committee.version = 1;
        committee.seats[usize::from(SEAT)] = Seat {
            owner: Address::new_from_array([9; 32]),
            attester: world.attester.pubkey(),
            active_from: 1,
            left_at: i64::MAX,
        };
        let mut market = Market::zeroed();
        market.version = 1;
        market.committee = COMMITTEE;
        market.attest_window = 300;
        market.memory_mib = 64;
        market.blob_limit = 1 << 20;
        market.store_url[..url.len()].copy_from_slice(url.as_bytes());
        let mut ledger = Ledger::zeroed();
        ledger.version = 1;
        ledger.authority = world.customer.pubkey();
        let mut node = Node::zeroed();
        node.version = 1;
        node.worker = world.worker.pubkey();
        let mut job = Job::zeroed();
        job.version = 1;
        job.state = JobState::Sealed as u8;
        job.market = MARKET;
        job.customer = LEDGER;
        job.node = NODE;
        job.spec = BlobHash::of(spec).0;
        job.submitted_at = 50;
        job.deadline = 300;
        job.panel = 1 << SEAT;
        job.seal = [7; 32];
        world.set(COMMITTEE, &committee);
        world.set(MARKET, &market);
        world.set(LEDGER, &ledger);
        world.set(NODE, &node);
        world.set(JOB, &job);
        world
    }

    pub fn set<T: LodeAccount>(&self, at: Address, value: &T) {
        let data = [T::DISCRIMINATOR, bytemuck::bytes_of(value)].concat();
        let mut chain = self.chain.lock().unwrap();
        chain.all.insert(at, (T::PROGRAM, data));
    }

    /// The version of an account's layout, the first byte after the discriminator.
    pub fn set_version(&self, at: &Address, version: u8) {
        let mut chain = self.chain.lock().unwrap();
        chain.all.get_mut(at).unwrap().1[DISCRIMINATOR_BYTES] = version;
    }

    pub async fn job(&self) -> Job {
        self.client.get_account(&JOB).await.unwrap()
    }

    pub async fn put(&self, signer: &Keypair, bytes: &[u8]) {
        let writer = Writer {
            signer,
            job: JOB,
            attempt: 0,
        };
        self.store.put(&writer, bytes.to_vec()).await.unwrap();
    }

    /// The customer puts a blob for another job.
    pub async fn put_for(&self, job: Address, bytes: &[u8]) {
        let writer = Writer {
            signer: &self.customer,
            job,
            attempt: 0,
        };
        self.store.put(&writer, bytes.to_vec()).await.unwrap();
    }

    pub fn agent_folder(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    pub fn start(&self) -> (JoinHandle<Result<(), Error>>, CancellationToken) {
        self.start_with(&self.attester)
    }

    pub fn start_with(&self, key: &Keypair) -> (JoinHandle<Result<(), Error>>, CancellationToken) {
        self.start_telling(key, Notices::default())
    }

    pub fn start_telling(
        &self,
        key: &Keypair,
        notices: Notices,
    ) -> (JoinHandle<Result<(), Error>>, CancellationToken) {
        let client = self.client.clone();
        let mut config = Config::new(
            client,
            Gateways::default(),
            key.insecure_clone(),
            COMMITTEE,
            self.agent_folder(),
        );
        config.poll = Duration::from_millis(50);
        config.notices = notices;
        let stop = CancellationToken::new();
        let running = tokio::spawn(OracleAgent::run(config, stop.clone()));
        (running, stop)
    }

    /// The verdict in the store, which the gateway took only with a valid signature.
    pub async fn verdict(&self) -> Option<u8> {
        self.verdict_of(&JOB).await
    }

    async fn verdict_of(&self, job: &Address) -> Option<u8> {
        let found = self.store.attestation(job, 0, SEAT).await.unwrap();
        found.map(|attestation| attestation.verdict)
    }

    pub async fn wait_for(&self, verdict: Verdict) {
        self.wait_for_of(&JOB, verdict).await;
    }

    pub async fn wait_for_of(&self, job: &Address, verdict: Verdict) {
        for _ in 0..1_200 {
            if self.verdict_of(job).await == Some(verdict as u8) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        unreachable!("no {verdict:?}, but {:?}", self.verdict_of(job).await);
    }

    pub fn decided(&self) -> Option<Verdict> {
        let journal = Journal::open(&self.agent_folder().join("journal")).unwrap();
        journal.entry(&JOB, 0).unwrap().map(|entry| entry.verdict)
    }
}

pub async fn ends(running: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    let ended = tokio::time::timeout(Duration::from_secs(60), running).await;
    ended.unwrap().unwrap()
}
