//! A gateway over real sockets, with the store's own client, before a chain of decoded accounts.

use bytemuck::Zeroable;
use lode_attestation::{commitment, Statement, Verdict};
use lode_gateway::{Chain, Config, Gateway};
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_oracle::state::{Committee, Seat};
use lode_staking::state::Node;
use lode_store::{
    unix_now, Attestation, Authorization, BlobHash, BlobStore, Error, GatewayClient, PutRequest,
    Retry, Writer,
};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub const JOB: Address = Address::new_from_array([1; 32]);
pub const OTHER_JOB: Address = Address::new_from_array([2; 32]);
pub const MARKET: Address = Address::new_from_array([3; 32]);
pub const LEDGER: Address = Address::new_from_array([4; 32]);
pub const NODE: Address = Address::new_from_array([5; 32]);
pub const COMMITTEE: Address = Address::new_from_array([6; 32]);
pub const OUTPUT_LIMIT: u64 = 1_000;
pub const BLOB_LIMIT: u64 = 4_000_000;
pub const SUBMITTED_AT: i64 = 500;

/// Accounts as a chain would hand them out.
#[derive(Default)]
pub struct Accounts {
    pub jobs: HashMap<Address, Job>,
    pub markets: HashMap<Address, Market>,
    pub ledgers: HashMap<Address, Ledger>,
    pub nodes: HashMap<Address, Node>,
    pub committees: HashMap<Address, Committee>,
    /// A job that cannot be read.
    pub unreadable: Option<Address>,
}

#[derive(Clone, Default)]
pub struct TestChain(pub Arc<Mutex<Accounts>>);

impl Chain for TestChain {
    async fn job(&self, address: &Address) -> lode_client::Result<Option<Job>> {
        Ok(self.0.lock().unwrap().jobs.get(address).copied())
    }
    async fn jobs_at(
        &self,
        addresses: &[Address],
    ) -> lode_client::Result<Vec<lode_client::Result<Option<Job>>>> {
        let accounts = self.0.lock().unwrap();
        let read = |at: &Address| match accounts.unreadable == Some(*at) {
            true => Err(lode_client::Error::Invalid("another layout".into())),
            false => Ok(accounts.jobs.get(at).copied()),
        };
        Ok(addresses.iter().map(read).collect())
    }
    async fn jobs(&self, market: &Address) -> lode_client::Result<Vec<(Address, Job)>> {
        let jobs = self.0.lock().unwrap().jobs.clone();
        let of_market = jobs.into_iter().filter(|(_, job)| job.market == *market);
        Ok(of_market.collect())
    }
    async fn market(&self, address: &Address) -> lode_client::Result<Option<Market>> {
        Ok(self.0.lock().unwrap().markets.get(address).copied())
    }
    async fn ledger(&self, address: &Address) -> lode_client::Result<Option<Ledger>> {
        Ok(self.0.lock().unwrap().ledgers.get(address).copied())
    }
    async fn node(&self, address: &Address) -> lode_client::Result<Option<Node>> {
        Ok(self.0.lock().unwrap().nodes.get(address).copied())
    }
    async fn committee(&self, address: &Address) -> lode_client::Result<Option<Committee>> {
        Ok(self.0.lock().unwrap().committees.get(address).copied())
    }
}

/// A pipe before the gateway that can break: each connection passes at most the next of these numbers of bytes
/// (towards the gateway, from the gateway), afterwards all.
#[derive(Clone, Default)]
pub struct Breaks(pub Arc<Mutex<Vec<(u64, u64)>>>);

pub async fn pipe(listener: TcpListener, to: std::net::SocketAddr, breaks: Breaks) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let limits = breaks.0.lock().unwrap().pop();
        tokio::spawn(async move {
            let server = TcpStream::connect(to).await.unwrap();
            let (client_in, mut client_out) = client.into_split();
            let (server_in, mut server_out) = server.into_split();
            let (up, down) = limits.unwrap_or((u64::MAX, u64::MAX));
            let (mut up, mut down) = (client_in.take(up), server_in.take(down));
            // whichever ends first takes the other with it
            tokio::select! {
                _ = tokio::io::copy(&mut up, &mut server_out) => {}
                _ = tokio::io::copy(&mut down, &mut client_out) => {}
            }
        });
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub chain: TestChain,
    pub gateway: Arc<Gateway<TestChain>>,
    pub store: BlobStore,
    pub client: GatewayClient,
    pub breaks: Breaks,
    pub shutdown: CancellationToken,
    pub customer: Keypair,
    pub worker: Keypair,
    pub attesters: Vec<Keypair>,
    pub stranger: Keypair,
    pub module: Vec<u8>,
    pub input: Vec<u8>,
    pub spec: Vec<u8>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl World {
    /// The customer's signature for putting a blob of the job within a minute.
    pub fn signed(&self, blob: BlobHash) -> Authorization {
        PutRequest {
            url: self.client.url(),
            job: JOB,
            attempt: 0,
            blob,
            expires: unix_now() + 60,
        }
        .sign(&self.customer)
        .unwrap()
    }

    /// A gateway, a market that names it, and an Open job whose spec names a module and an input.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", front.local_addr().unwrap());
        let breaks = Breaks::default();
        tokio::spawn(pipe(front, listener.local_addr().unwrap(), breaks.clone()));

        let module = b"module".to_vec();
        let input: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let spec = format!(
            r#"{{"v":1,"runtime":1,"module":{{"sha256":"{}","size":{}}},"inputs":[{{"path":"a","sha256":"{}","size":{}}}],"memory_mib":1,"output_limit":{OUTPUT_LIMIT}}}"#,
            BlobHash::of(&module),
            module.len(),
            BlobHash::of(&input),
            input.len(),
        )
        .into_bytes();

        let (customer, worker) = (Keypair::new(), Keypair::new());
        let attesters: Vec<Keypair> = (0..4).map(|_| Keypair::new()).collect();
        let mut market = Market::zeroed();
        market.store_url[..url.len()].copy_from_slice(url.as_bytes());
        market.committee = COMMITTEE;
        market.blob_limit = BLOB_LIMIT;
        let mut ledger = Ledger::zeroed();
        ledger.authority = customer.pubkey();
        ledger.party = customer.pubkey();
        let mut node = Node::zeroed();
        node.worker = worker.pubkey();
        let mut committee = Committee::zeroed();
        for (i, attester) in attesters.iter().enumerate() {
            committee.seats[i] = Seat {
                owner: Address::new_from_array([100 + i as u8; 32]),
                attester: attester.pubkey(),
                active_from: 1,
                left_at: i64::MAX,
            };
        }
        let mut job = Job::zeroed();
        job.state = JobState::Open as u8;
        job.market = MARKET;
        job.customer = LEDGER;
        job.spec = BlobHash::of(&spec).0;

        let chain = TestChain::default();
        {
            let mut accounts = chain.0.lock().unwrap();
            accounts.jobs.insert(JOB, job);
            accounts.markets.insert(MARKET, market);
            accounts.ledgers.insert(LEDGER, ledger);
            accounts.nodes.insert(NODE, node);
            accounts.committees.insert(COMMITTEE, committee);
        }

        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::in_folder(&folder.path().join("store")).unwrap();
        let uploads = folder.path().join("uploads");
        let mut config = Config::new(format!("{url}/"), store.clone(), uploads);
        config.sweep_every = Duration::from_secs(3_600);
        change(&mut config);
        let gateway = Gateway::open(config, chain.clone()).await.unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(gateway.clone().serve(listener, shutdown.clone()));
        let client = client(&[&url]);
        Self {
            folder,
            chain,
            gateway,
            store,
            client,
            breaks,
            shutdown,
            customer,
            worker,
            attesters,
            stranger: Keypair::new(),
            module,
            input,
            spec,
        }
    }

    /// Another gateway of the same chain, with a store of its own.
    pub async fn other(&self, change: impl FnOnce(&mut Config)) -> Other {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let store = BlobStore::in_folder(&folder.path().join("store")).unwrap();
        let uploads = folder.path().join("uploads");
        let mut config = Config::new(&url, store, uploads);
        change(&mut config);
        let gateway = Gateway::open(config, self.chain.clone()).await.unwrap();
        tokio::spawn(gateway.clone().serve(listener, self.shutdown.clone()));
        Other {
            client: client(&[&url]),
            url,
            gateway,
            folder,
        }
    }

    /// The market names these gateways.
    pub fn name(&self, urls: &[&str]) {
        let text = urls.join(" ");
        let mut accounts = self.chain.0.lock().unwrap();
        let market = accounts.markets.get_mut(&MARKET).unwrap();
        market.store_url = [0; 96];
        market.store_url[..text.len()].copy_from_slice(text.as_bytes());
    }

    /// Who writes for the job, now.
    pub fn writer<'a>(&self, signer: &'a Keypair) -> Writer<'a> {
        Writer {
            signer,
            job: JOB,
            attempt: self.job().attempt,
        }
    }

    pub fn change(&self, change: impl FnOnce(&mut Job)) {
        change(self.chain.0.lock().unwrap().jobs.get_mut(&JOB).unwrap());
    }

    pub fn job(&self) -> Job {
        self.chain.0.lock().unwrap().jobs[&JOB]
    }

    pub async fn put(&self, signer: &Keypair, bytes: &[u8]) -> Result<BlobHash, Error> {
        self.client.put(&self.writer(signer), bytes.to_vec()).await
    }

    pub async fn is_stored(&self, bytes: &[u8]) -> bool {
        self.client.size(BlobHash::of(bytes)).await.unwrap() == Some(bytes.len() as u64)
    }

    /// Spec and everything it names are stored, and the job is Accepted.
    pub async fn accepted(&self) {
        for bytes in [&self.spec, &self.module, &self.input] {
            self.put(&self.customer, bytes).await.unwrap();
        }
        self.change(|job| {
            job.state = JobState::Accepted as u8;
            job.node = NODE;
        });
    }

    /// The worker has stored `receipt` and committed to it, and seats 0 to 2 are drawn.
    pub async fn sealed(&self, receipt: &[u8]) {
        self.accepted().await;
        self.put(&self.worker, receipt).await.unwrap();
        self.change(|job| {
            job.state = JobState::Sealed as u8;
            job.units = 7;
            job.result = commitment(&BlobHash::of(receipt).0, 7, &JOB, 0, &NODE);
            job.seal = [9; 32];
            job.submitted_at = SUBMITTED_AT;
            job.panel = 0b111;
        });
    }

    pub fn sign(&self, seat: u8, verdict: Verdict, receipt: &[u8]) -> Attestation {
        let job = self.job();
        let matches = verdict == Verdict::Match;
        let digest = Statement {
            program: &lode_jobs::ID,
            job: &JOB,
            attempt: job.attempt,
            seal: &job.seal,
            verdict,
            result: &if matches {
                BlobHash::of(receipt).0
            } else {
                [0; 32]
            },
            units: if matches { job.units } else { 0 },
            committee: &COMMITTEE,
        }
        .message(seat);
        Attestation {
            verdict: verdict as u8,
            signature: self.attesters[usize::from(seat)].sign_message(&digest),
        }
    }

    pub async fn attest(&self, seat: u8, attestation: &Attestation) -> Result<(), Error> {
        let attempt = self.job().attempt;
        self.client
            .put_attestation(&JOB, attempt, seat, attestation)
            .await
    }
}

/// Another gateway than the world's.
pub struct Other {
    pub url: String,
    pub client: GatewayClient,
    pub gateway: Arc<Gateway<TestChain>>,
    pub folder: tempfile::TempDir,
}

impl Other {
    pub async fn has(&self, bytes: &[u8]) -> bool {
        let size = self.client.size(BlobHash::of(bytes)).await;
        size.unwrap() == Some(bytes.len() as u64)
    }
}

/// A client without much patience.
pub fn client(urls: &[&str]) -> GatewayClient {
    let retry = Retry {
        tries: 4,
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(50),
        stall: Duration::from_secs(1),
    };
    GatewayClient::new(&urls.join(" "))
        .unwrap()
        .with_retry(retry)
}

pub fn status<T: std::fmt::Debug>(result: Result<T, Error>) -> u16 {
    match result {
        Err(Error::Refused { status, .. }) => status,
        other => unreachable!("{other:?}"),
    }
}
