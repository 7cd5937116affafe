//! Gateways by the real binary: a mirror that outlives the gateway it copied from, and a job that its customer has forgotten.
//! Needs the programs that `cargo xtask build` makes.
#![allow(clippy::unwrap_used)]
mod common;

use common::{Network, Process, AUTHORITY, WALLET};
use lode_jobs::state::{Job, JobState};
use lode_localnet::free_port;
use lode_store::{BlobHash, GatewayClient};
use serde_json::Value;
use solana_address::Address;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(120);
/// Larger than any blob of these jobs.
const MOST: u64 = 64 << 20;

/// A chain with a gateway, a mirror and a node, each a process of its own.
struct Bench {
    network: Network,
    tokio: Runtime,
    mirror: String,
}

impl Bench {
    fn new() -> Self {
        let network = Network::start_unchecked(&["--bare"], &["owner", "worker", "stranger"]);
        let mirror = format!("http://127.0.0.1:{}", free_port().unwrap());
        Self {
            network,
            tokio: Runtime::new().unwrap(),
            mirror,
        }
    }

    /// A gateway command that listens where this URL says, once it does.
    fn serve(&self, url: &str, args: &[&str]) -> Process {
        let at = url.strip_prefix("http://").unwrap();
        let listen = ["--listen", at, "--sweep-seconds", "1"];
        let started = self.network.spawn("stranger", &[args, &listen].concat());
        self.until("it listens", || std::net::TcpStream::connect(at).is_ok());
        started
    }

    fn first(&self) -> Process {
        let run = ["gateway", "run", "--store", "first"];
        self.serve(&self.network.gateway(), &run)
    }

    fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is() {
            assert!(begun.elapsed() < PATIENCE, "{what} never happens");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn job(&self, at: &Address) -> Option<Job> {
        let client = self.network.client();
        self.tokio.block_on(client.try_account(at)).unwrap()
    }

    /// Posts a job with a text, and waits until it is paid. Its address, and the hashes of module, spec, input,
    /// receipt and stdout.
    fn done(&self, text: &str) -> (Address, [BlobHash; 5]) {
        let module = self.network.copy_module();
        self.network.file("text.txt", text);
        let post = ["job", "post", &module, "--price", "1"];
        let input = ["--input", "text.txt", "--", "/in/text.txt"];
        let posted = self.network.ask(WALLET, &[&post[..], &input].concat());
        let at: Address = posted["job"].as_str().unwrap().parse().unwrap();
        self.until("the payment", || {
            self.job(&at)
                .is_some_and(|job| job.state == JobState::Settled as u8)
        });
        let job = self.job(&at).unwrap();
        let receipt = self
            .network
            .ask(WALLET, &["job", "receipt", &at.to_string()]);
        let stdout = receipt["receipt"]["stdout"]["sha256"].as_str().unwrap();
        let mut printed = [0; 32];
        hex::decode_to_slice(stdout, &mut printed).unwrap();
        let of = |bytes: &[u8]| BlobHash(lode_runtime::sha256(bytes));
        let blobs = [
            of(&std::fs::read(self.network.folder.path().join(&module)).unwrap()),
            BlobHash(job.spec),
            of(text.as_bytes()),
            BlobHash(job.result),
            BlobHash(printed),
        ];
        (at, blobs)
    }

    /// Whether a gateway has a blob.
    fn has(&self, url: &str, blob: BlobHash) -> bool {
        let gateway = GatewayClient::new(url).unwrap();
        match self.tokio.block_on(gateway.get(blob, MOST)) {
            Ok(_) => true,
            Err(error) => {
                assert!(error.is_not_found(), "{url}: {error}");
                false
            }
        }
    }
}

/// What each gateway said, the market's before the mirror.
fn said(table: &Value) -> [&str; 2] {
    let rows = table.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{table}");
    [0, 1].map(|row| rows[row]["job"].as_str().unwrap())
}

#[test]
fn a_mirror_serves_what_it_copied_when_its_original_is_gone_and_both_forget_what_its_customer_asks_them_to(
) {
    let bench = Bench::new();
    let network = &bench.network;
    let gateway = network.gateway();
    let first = bench.first();
    let copy = [
        "gateway",
        "mirror",
        "--store",
        "second",
        "--copy-seconds",
        "1",
    ];
    let _mirror = bench.serve(&bench.mirror, &copy);
    network.ask(WALLET, &["account", "deposit", "1000"]);
    // Without a seat that could check it no result is sealed.
    let seat = ["oracle", "join", "--attester", &network.address("stranger")];
    network.ask(AUTHORITY, &seat);
    let register = ["node", "register", "--worker", &network.address("worker")];
    let registered = network.ask("owner", &register);
    let node = registered["node"].as_str().unwrap();
    network.ask("owner", &["node", "stake", "2000"]);
    let open = ["account", "open", "--node", node, "--locked-cap", "5000"];
    network.ask("owner", &open);
    network.ask("owner", &["account", "deposit", "5000", "--node", node]);
    let run = [
        "node",
        "run",
        "--worker",
        "worker.json",
        "--folder",
        "agent",
    ];
    let _node = network.spawn("worker", &[&run[..], &["--poll-millis", "200"]].concat());

    // What is stored for a job is needed until its account is closed: nobody has it forgotten before.
    let (closed, its) = bench.done("once upon a time");
    let text = closed.to_string();
    let mirror = bench.mirror.as_str();
    let forget = ["job", "forget", &text, "--mirror", mirror];
    let forget = [&forget[..], &["--yes"]].concat();
    let refused = network.refused(WALLET, &forget);
    assert!(refused.contains("has its account still"), "{refused}");
    for blob in its {
        assert!(bench.has(&gateway, blob));
        bench.until("the copy", || bench.has(mirror, blob));
    }
    network.ask(WALLET, &["network", "forward", "2d"]);
    network.ask("stranger", &["crank", "run", "--once", "--patience", "0"]);
    bench.until("the close", || bench.job(&closed).is_none());
    let question = network.refused(WALLET, &forget[..forget.len() - 1]);
    assert!(question.contains("no way back: add --yes"), "{question}");
    // A server that is behind does not know a job yet either: gateways wait a minute before they believe it.
    let early = network.lode(WALLET, &forget);
    let asked = Instant::now();
    assert_eq!(early.status.code(), Some(1));
    let rows: Value = serde_json::from_slice(&early.stdout).unwrap();
    for why in said(&rows) {
        assert!(why.contains("ask again in a minute"), "{why}");
    }

    // Meanwhile another job, whose gateway goes when the mirror has all of it.
    let (kept, of_kept) = bench.done("the end");
    let kept = kept.to_string();
    bench.until("the copy of all", || {
        of_kept.iter().all(|blob| bench.has(mirror, *blob))
    });
    let result = ["job", "result", &kept, "--save-to"];
    let before = network.ask(WALLET, &[&result[..], &["before"]].concat());
    first.stop();
    let refused = network.refused(WALLET, &[&result[..], &["none"]].concat());
    assert!(refused.contains("does not answer"), "{refused}");
    let by_mirror = ["after", "--mirror", mirror];
    let after = network.ask(WALLET, &[&result[..], &by_mirror].concat());
    assert_eq!(after["stdout"], before["stdout"]);
    let folder = network.folder.path();
    let saved = |name: &str| std::fs::read(folder.join(name).join("stdout")).unwrap();
    assert_eq!(saved("after"), saved("before"));
    assert!(!saved("after").is_empty());

    // The minute over, the customer has the closed job forgotten, and nobody else.
    let _first = bench.first();
    std::thread::sleep(Duration::from_secs(61).saturating_sub(asked.elapsed()));
    let foreign = network.lode("stranger", &forget);
    assert_eq!(foreign.status.code(), Some(1));
    let rows: Value = serde_json::from_slice(&foreign.stdout).unwrap();
    for why in said(&rows) {
        assert!(why.contains("only the customer"), "{why}");
    }
    for url in [&gateway, mirror] {
        assert!(its.iter().all(|blob| bench.has(url, *blob)), "{url}");
    }
    let forgotten = network.ask(WALLET, &forget);
    assert_eq!(said(&forgotten), ["forgotten"; 2]);
    for url in [&gateway, mirror] {
        // the other job has the same module
        let left = its.map(|blob| bench.has(url, blob));
        assert_eq!(left, [true, false, false, false, false], "{url}");
        assert!(of_kept.iter().all(|blob| bench.has(url, *blob)), "{url}");
    }
    let again = network.ask(WALLET, &forget);
    assert_eq!(said(&again), ["it keeps nothing"; 2]);
}
