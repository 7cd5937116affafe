//! `cargo xtask demo`: a whole network on this machine, two real jobs, and the money before and after.
//!
//! Every actor is a process of its own, of the real `lode` command: the network, the gateway, five oracles (three are
//! drawn for each job), three nodes, and a customer who posts two jobs. Operators and customer take their money
//! home. Then time moves on: what the jobs burned is recorded, part of it is emitted, and operators, a delegator and the
//! treasury get theirs; the oracles are paid for their checks. It ends by itself, and well only if every check held.

use crate::build;
use crate::shell::{root, step, target};
use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NODES: usize = 3;
const ORACLES: usize = 5;
const RPC: &str = "http://127.0.0.1:18899";
/// Whole tokens that the customer pays in, and that each node pays in.
const DEPOSIT: u64 = 1_000;
/// Tokens per million units that the customer offers.
const PRICE: &str = "2000";
/// Whole tokens that each operator stakes, and that the delegator stakes on each node.
const OWN_STAKE: u64 = 2_000;
const DELEGATED: u64 = 500;
/// Base units of a token.
const LODE: u64 = 1_000_000_000;
/// How long it takes at most, on two cores that do nothing else.
const WITHIN: Duration = Duration::from_secs(90);

/// Builds everything, then runs the demonstration.
pub fn everything() -> Result<()> {
    build::programs()?;
    build::command()?;
    alone()
}

/// Runs the demonstration with what is built, in the time that it may take.
pub fn alone() -> Result<()> {
    let took = show()?;
    ensure!(
        took <= WITHIN,
        "it took {:.0} s, and {} s are the most where the machine does nothing else",
        took.as_secs_f64(),
        WITHIN.as_secs()
    );
    Ok(())
}

/// The same beside the tests, which take time from it.
pub fn beside_tests() -> Result<()> {
    end_with_input();
    show().map(drop)
}

/// Ends this process and all that it started, which are one group, once nobody holds its standard input any more: whoever
/// started it is gone, in whatever way.
fn end_with_input() {
    std::thread::spawn(|| {
        // nothing is ever written to it
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        let group = format!("-{}", std::process::id());
        drop(Command::new("kill").args(["-TERM", "--", &group]).status());
    });
}

/// Runs the demonstration; how long it took.
fn show() -> Result<Duration> {
    let begun = Instant::now();
    let mut stage = Stage::new()?;
    let result = stage.play();
    stage.stop();
    result?;
    let took = begun.elapsed();
    println!(
        "\nEvery check held, in {:.0} s. Logs and results: {}",
        took.as_secs_f64(),
        stage.folder.display()
    );
    Ok(took)
}

/// A wallet or a hot key of the demonstration.
struct Key {
    file: PathBuf,
    address: String,
}

/// Processes, keys and files of one demonstration.
struct Stage {
    folder: PathBuf,
    lode: PathBuf,
    running: Vec<(String, Child)>,
}

/// What an account holds, base units.
#[derive(Clone, Copy, Default)]
struct Account {
    available: u64,
    locked: u64,
    owed: u64,
    checks: u64,
}

impl Account {
    fn all(&self) -> u64 {
        self.available + self.locked + self.owed
    }
}

impl Stage {
    fn new() -> Result<Self> {
        let folder = root().join("target/demo");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        std::fs::create_dir_all(folder.join("keys"))?;
        Ok(Self {
            folder,
            lode: target().join("debug/lode"),
            running: Vec::new(),
        })
    }

    fn key(&self, name: &str) -> Result<Key> {
        let keypair = Keypair::new();
        let file = self.folder.join("keys").join(format!("{name}.json"));
        std::fs::write(&file, serde_json::to_string(&keypair.to_bytes().to_vec())?)?;
        Ok(Key {
            file,
            address: keypair.pubkey().to_string(),
        })
    }

    fn keys(&self, name: &str, count: usize) -> Result<Vec<Key>> {
        (0..count)
            .map(|i| self.key(&format!("{name}-{i}")))
            .collect()
    }

    /// A command of `lode` as one wallet.
    fn command(&self, wallet: &Key, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.lode);
        command
            .args(["--url", RPC, "--keypair"])
            .arg(&wallet.file)
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end and returns what it printed as JSON.
    fn ask(&self, wallet: &Key, arguments: &[&str]) -> Result<Value> {
        let output = self
            .command(wallet, arguments)
            .args(["--output", "json"])
            .output()
            .with_context(|| format!("{} could not be started", self.lode.display()))?;
        if !output.status.success() {
            bail!(
                "`lode {}` failed: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "`lode {}` printed no JSON: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stdout)
            )
        })
    }

    /// Starts an actor that runs until the end; its output goes to a log.
    fn start(&mut self, name: &str, wallet: &Key, arguments: &[&str]) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let out =
            File::create(&log).with_context(|| format!("{} cannot be written", log.display()))?;
        let child = self
            .command(wallet, arguments)
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{} could not be started", self.lode.display()))?;
        self.running.push((name.to_string(), child));
        Ok(())
    }

    /// Every actor still runs.
    fn require_alive(&mut self) -> Result<()> {
        for (name, child) in &mut self.running {
            if let Some(status) = child.try_wait()? {
                bail!(
                    "{name} ended ({status}); its log is {}",
                    self.folder.join(format!("{name}.log")).display()
                );
            }
        }
        Ok(())
    }

    /// Waits until something is true.
    fn wait(
        &mut self,
        what: &str,
        within: Duration,
        mut is_so: impl FnMut(&Self) -> bool,
    ) -> Result<()> {
        let begun = Instant::now();
        while !is_so(self) {
            self.require_alive()?;
            ensure!(
                begun.elapsed() < within,
                "{what} did not happen within {} s",
                within.as_secs()
            );
            std::thread::sleep(Duration::from_millis(300));
        }
        Ok(())
    }

    /// Asks every actor to stop, the last one started first, and waits for it.
    fn stop(&mut self) {
        while let Some((name, mut child)) = self.running.pop() {
            let id = child.id().to_string();
            // SIGTERM, so that agents close what they hold; a refusal means that it has ended by itself.
            let asked = Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .is_ok_and(|status| status.success());
            let patience = Instant::now() + Duration::from_secs(20);
            while asked && Instant::now() < patience && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(50));
            }
            if matches!(child.try_wait(), Ok(None)) {
                eprintln!("{name} does not stop; it is ended");
                drop(child.kill());
                drop(child.wait());
            }
        }
    }

    fn account(&self, wallet: &Key, node: Option<&str>) -> Result<Account> {
        let mut arguments = vec!["account", "show"];
        arguments.extend(node.iter().flat_map(|node| ["--node", *node]));
        let shown = self.ask(wallet, &arguments)?;
        let read = |name: &str| {
            shown[name]["base_units"]
                .as_u64()
                .with_context(|| format!("`account show` names no {name}"))
        };
        Ok(Account {
            available: read("available")?,
            locked: read("locked")?,
            owed: read("burn_owed")?
                + read("fees_owed")?
                + read("market_fees_owed")?
                + read("checks_owed")?,
            checks: read("checks_owed")?,
        })
    }

    fn play(&mut self) -> Result<()> {
        let customer = self.key("customer")?;
        let (delegator, passer) = (self.key("delegator")?, self.key("passer-by")?);
        let (owners, workers) = (self.keys("owner", NODES)?, self.keys("worker", NODES)?);
        let (oracles, attesters) = (
            self.keys("oracle", ORACLES)?,
            self.keys("attester", ORACLES)?,
        );

        step("starting the network and the gateway");
        let mut network = vec![
            "localnet",
            "--bare",
            "--folder",
            "network",
            "--rpc-port",
            "18899",
            "--ws-port",
            "18900",
        ];
        network.extend(["--gateway-port", "18800", "--slot-millis", "200"]);
        let programs = root().join("target/deploy").display().to_string();
        network.extend(["--programs", &programs]);
        for oracle in &oracles {
            network.extend(["--founder", &oracle.address]);
        }
        let others = oracles.iter().chain([&delegator, &passer]);
        for wallet in owners.iter().chain(&workers).chain(others) {
            network.extend(["--fund", &wallet.address]);
        }
        self.start("network", &customer, &network)?;
        let funded = |stage: &Self| {
            std::fs::read_to_string(stage.folder.join("network.log"))
                .is_ok_and(|log| log.contains("Next,"))
        };
        self.wait("the start of the network", Duration::from_secs(60), funded)?;
        self.start(
            "gateway",
            &customer,
            &[
                "gateway",
                "run",
                "--listen",
                "127.0.0.1:18800",
                "--store",
                "store",
            ],
        )?;

        step(&format!("{ORACLES} oracles bond and take their seats"));
        for (i, (oracle, attester)) in oracles.iter().zip(&attesters).enumerate() {
            let attester = attester.file.display().to_string();
            self.ask(oracle, &["oracle", "join", "--attester", &attester])?;
            let folder = format!("oracle-{i}");
            self.start(
                &folder,
                oracle,
                &[
                    "oracle",
                    "run",
                    "--attester",
                    &attester,
                    "--folder",
                    &folder,
                    "--poll-seconds",
                    "1",
                ],
            )?;
        }

        step(&format!(
            "{NODES} nodes register, stake, enter the market and start"
        ));
        let mut nodes = Vec::new();
        for (i, (owner, worker)) in owners.iter().zip(&workers).enumerate() {
            let worker = worker.file.display().to_string();
            // they share a machine: it is checked once
            let checked: &[&str] = if i == 0 { &[] } else { &["--no-verify"] };
            let register = ["node", "register", "--worker", &worker];
            let registered = self.ask(owner, &[&register[..], checked].concat())?;
            let node = registered["node"]
                .as_str()
                .context("`node register` names no node")?
                .to_string();
            self.ask(owner, &["node", "stake", &OWN_STAKE.to_string()])?;
            self.ask(
                owner,
                &["account", "open", "--node", &node, "--locked-cap", "1000"],
            )?;
            self.ask(
                owner,
                &["account", "deposit", &DEPOSIT.to_string(), "--node", &node],
            )?;
            let folder = format!("node-{i}");
            self.start(
                &folder,
                owner,
                &[
                    "node",
                    "run",
                    "--node",
                    &node,
                    "--worker",
                    &worker,
                    "--folder",
                    &folder,
                    "--poll-millis",
                    "500",
                ],
            )?;
            nodes.push(node);
        }
        self.ask(&customer, &["account", "deposit", &DEPOSIT.to_string()])?;
        step(&format!("a delegator stakes {DELEGATED} LODE on each node"));
        for node in &nodes {
            let amount = DELEGATED.to_string();
            self.ask(&delegator, &["stake", "delegate", &amount, "--node", node])?;
        }

        let before = self.books(&customer, &owners, &nodes)?;
        let workloads = root().join("examples/workloads");
        let book = format!(
            "book.txt={}",
            workloads.join("word-stats/keepers-book.txt").display()
        );
        let jobs = [
            (
                "word-stats",
                vec!["--input", &book],
                vec!["/in/book.txt"],
                "report.txt",
            ),
            (
                "picture",
                vec![],
                vec!["--width", "320", "--height", "200"],
                "picture.png",
            ),
        ];
        for (name, inputs, arguments, file) in jobs {
            self.require_alive()?;
            let module = workloads.join(format!("{name}.wasm")).display().to_string();
            step(&format!("the customer posts `{name}`"));
            let mut command = vec!["job", "run", &module, "--price", PRICE, "--save-to", name];
            command.extend(inputs);
            if !arguments.is_empty() {
                command.push("--");
                command.extend(&arguments);
            }
            let status = self.command(&customer, &command).status()?;
            ensure!(
                status.success(),
                "`{name}` did not come to an end with a result: the logs in {} say why",
                self.folder.display()
            );
            let found = find(&self.folder.join(name), file)
                .with_context(|| format!("`{name}` left no {file}"))?;
            println!(
                "    {}: {} bytes",
                found.display(),
                std::fs::metadata(&found)?.len()
            );
        }
        self.require_alive()?;
        self.show_transactions(&customer)?;
        let owed = self.reckon(&customer, &owners, &nodes, &before)?;
        self.emit(&owners, &nodes, &delegator, &passer)?;
        self.pay_checks(&oracles, owed)
    }

    /// What each transaction of the jobs took of the chain.
    fn show_transactions(&self, customer: &Key) -> Result<()> {
        step("what the chain had to do for each job");
        println!("    {:>13} {:>6}", "compute units", "bytes");
        let jobs = self.ask(customer, &["job", "list"])?;
        for job in jobs.as_array().context("`job list` lists nothing")? {
            let at = job["job"].as_str().context("a job without address")?;
            let steps = self.ask(customer, &["job", "history", at])?;
            let steps = steps.as_array().context("`job history` lists nothing")?;
            let mut transactions: Vec<(&Value, Vec<&str>)> = Vec::new();
            for step in steps {
                let name = step["instruction"].as_str().context("a nameless step")?;
                match transactions.last_mut() {
                    Some((first, names)) if first["signature"] == step["signature"] => {
                        names.push(name);
                    }
                    _ => transactions.push((step, vec![name])),
                }
            }
            println!("    job {at}");
            let mut sum = 0;
            for (step, names) in transactions {
                let number = |field: &str| {
                    let number = step[field].as_u64().filter(|number| *number > 0);
                    number.with_context(|| format!("{names:?} took no {field}"))
                };
                let (units, bytes) = (number("compute_units")?, number("bytes")?);
                ensure!(bytes <= 1_232, "{names:?} takes {bytes} bytes");
                sum += units;
                println!("    {units:>13} {bytes:>6}  {}", names.join(", "));
            }
            println!("    {sum:>13}         all of it, with the compute budget's own instructions");
        }
        Ok(())
    }

    /// Tokens in a wallet. Asked through a claim where nothing is due: that sends nothing.
    fn held(&self, by: &Key, wallet: &str) -> Result<u64> {
        let shown = self.ask(by, &["rewards", "claim", "--all", "--of", wallet])?;
        ensure!(
            shown["claims"] == 0,
            "something was due to {wallet} already"
        );
        units(&shown["in_the_wallet"])
    }

    fn supply(&self, by: &Key) -> Result<u64> {
        units(&self.ask(by, &["network", "show"])?["supply"])
    }

    /// Lets two epochs pass: records, finalises, claims, and checks what everyone got to the unit.
    fn emit(
        &mut self,
        owners: &[Key],
        nodes: &[String],
        delegator: &Key,
        passer: &Key,
    ) -> Result<()> {
        let treasury = Key::read(&self.folder.join("network/keys/authority.json"))?;
        let mut wallets: Vec<(String, &Key)> = Vec::new();
        for (i, owner) in owners.iter().enumerate() {
            wallets.push((format!("operator {i}"), owner));
        }
        wallets.push(("delegator".into(), delegator));
        wallets.push(("treasury".into(), &treasury));
        let books = |stage: &Self| -> Result<Vec<u64>> {
            let wallets = wallets.iter();
            wallets
                .map(|(_, key)| stage.held(passer, &key.address))
                .collect()
        };
        let before = books(self)?;
        let supply = self.supply(passer)?;

        step("the nodes' agents stop: they would record and claim by themselves what a passer-by may as well");
        for (i, owner) in owners.iter().enumerate() {
            let folder = format!("node-{i}");
            self.ask(owner, &["node", "drain", "--stop", "--folder", &folder])?;
        }
        step("a passer-by turns what anyone may turn: what the jobs owe to the burn is burned");
        self.ask(passer, &["crank", "run", "--once"])?;
        let burned = supply - self.supply(passer)?;
        println!("    burned {}", lode(burned));

        step("the epoch ends: the passer-by records who worked in it");
        let epoch = |shown: &Value| shown["epoch"].as_u64().context("no epoch is named");
        let running = epoch(&self.ask(passer, &["epoch", "show"])?)?;
        self.ask(passer, &["network", "forward", "epoch"])?;
        let recorded = self.ask(passer, &["epoch", "record"])?;
        ensure!(
            epoch(&recorded)? == running,
            "the jobs fell into two epochs: run the demonstration again"
        );
        step("the next one ends: what the epoch mints is fixed");
        let running = running.to_string();
        self.ask(passer, &["network", "forward", "epoch"])?;
        self.ask(passer, &["epoch", "finalize", &running])?;
        let epoch = self.ask(passer, &["epoch", "show", &running])?;
        let points = epoch["points"].as_u64().context("no points")?;
        let amount = units(&epoch["amount"])?;
        println!(
            "    {} points, one for each base unit burned; at most {} is minted",
            points,
            lode(amount)
        );
        ensure!(points == burned, "{points} points of {burned} burned");
        ensure!(amount < burned, "more would be minted than was burned");

        let shares = epoch["shares"].as_array().context("no shares")?.clone();
        let mut expected = vec![0u64; wallets.len()];
        let (mut dust, mut for_work) = (0, 0);
        for share in &shares {
            let at = share["node"].as_str().context("a share without node")?;
            let i = nodes
                .iter()
                .position(|node| node == at)
                .with_context(|| format!("{at} is none of the nodes"))?;
            let stake = units(&share["for_stake"])?;
            let own = of_stream(stake, OWN_STAKE);
            let delegated = of_stream(stake, DELEGATED);
            let work = units(&share["for_work"])?;
            expected[i] += work + own;
            for_work += work;
            expected[owners.len()] += delegated;
            dust += stake - own - delegated;
        }
        step("an operator claims his own");
        let worked = shares
            .iter()
            .filter_map(|share| nodes.iter().position(|node| share["node"] == node.as_str()));
        let first = worked.min().context("nobody worked")?;
        let claimed = self.ask(&owners[first], &["rewards", "claim", "--all"])?;
        println!(
            "    operator {first}: {}",
            lode(units(&claimed["claimed"])?)
        );
        step("the passer-by claims for all others and the treasury: the money has one way to go");
        self.ask(passer, &["epoch", "claim"])?;
        // Its share in proportion to what was claimed for work: what rounding leaves there is not minted here either.
        let (whole, share) = (
            units(&epoch["for_work"])?,
            units(&epoch["for_the_treasury"])?,
        );
        let due = u128::from(share) * u128::from(for_work) / u128::from(whole.max(1));
        expected[owners.len() + 1] = u64::try_from(due)?;

        step("an epoch later the stake rewards have streamed: delegator and operators get theirs");
        self.ask(passer, &["network", "forward", "epoch"])?;
        self.ask(passer, &["network", "forward", "epoch"])?;
        let claimed = self.ask(delegator, &["rewards", "claim", "--all"])?;
        println!(
            "    delegator: {} in {} transaction(s)",
            lode(units(&claimed["claimed"])?),
            claimed["transactions"]
        );
        for owner in owners {
            let of = ["rewards", "claim", "--all", "--of", &owner.address];
            self.ask(passer, &of)?;
        }

        let after = books(self)?;
        step("the wallets, in LODE");
        println!(
            "    {:12} {:>22} {:>22} {:>16}",
            "", "before", "after", "emitted"
        );
        for (((name, _), (was, is)), due) in
            wallets.iter().zip(before.iter().zip(&after)).zip(&expected)
        {
            println!(
                "    {name:12} {:>22} {:>22} {:>16}",
                lode(*was),
                lode(*is),
                lode(is - was)
            );
            ensure!(
                is - was == *due,
                "{name} got {} and {} was due",
                lode(is - was),
                lode(*due)
            );
        }
        let minted = expected.iter().sum::<u64>() + dust;
        let now = self.supply(passer)?;
        println!(
            "    burned {}, minted {} ({dust} base units of it are rounding, left in the nodes' vaults): supply {} -> {}",
            lode(burned),
            lode(minted),
            lode(supply),
            lode(now)
        );
        ensure!(
            now == supply - burned + minted,
            "the supply is {} and should be {}",
            lode(now),
            lode(supply - burned + minted)
        );
        ensure!(minted <= amount, "more was minted than the epoch allows");
        Ok(())
    }

    /// The customer's account, then each node's.
    fn books(&self, customer: &Key, owners: &[Key], nodes: &[String]) -> Result<Vec<Account>> {
        let mut books = vec![self.account(customer, None)?];
        for (owner, node) in owners.iter().zip(nodes) {
            books.push(self.account(owner, Some(node))?);
        }
        Ok(books)
    }

    /// Shows the money, checks that none was lost or made, and takes it home; what is owed for checks.
    fn reckon(
        &self,
        customer: &Key,
        owners: &[Key],
        nodes: &[String],
        before: &[Account],
    ) -> Result<u64> {
        let after = self.books(customer, owners, nodes)?;
        step("the money, in LODE");
        println!(
            "    {:10} {:>16} {:>16} {:>16} {:>16}",
            "", "before", "after", "fees and burn", "checks"
        );
        for (i, (was, is)) in before.iter().zip(&after).enumerate() {
            let name = if i == 0 {
                "customer".to_string()
            } else {
                format!("node {}", i - 1)
            };
            println!(
                "    {name:10} {:>16} {:>16} {:>16} {:>16}",
                lode(was.available),
                lode(is.available),
                lode(is.owed - is.checks),
                lode(is.checks)
            );
        }
        let sum = |books: &[Account]| books.iter().map(Account::all).sum::<u64>();
        ensure!(
            sum(before) == sum(&after),
            "{} went in and {} is there",
            lode(sum(before)),
            lode(sum(&after))
        );
        ensure!(
            after.iter().all(|account| account.locked == 0),
            "something is still locked"
        );
        let paid = before[0].available - after[0].available;
        let earned: u64 = after[1..]
            .iter()
            .zip(&before[1..])
            .map(|(is, was)| is.available - was.available)
            .sum();
        let checks: u64 = after.iter().map(|account| account.checks).sum();
        println!(
            "    paid {}: {} to nodes, {} for checks, the rest burned and to the market",
            lode(paid),
            lode(earned),
            lode(checks)
        );
        ensure!(paid > 0 && earned > 0 && checks > 0, "nobody was paid");

        step("the operators take everything home");
        for (owner, node) in owners.iter().zip(nodes) {
            self.take_home(owner, Some(node))?;
        }
        step("the customer takes home what is left");
        let left = self.take_home(customer, None)?;
        ensure!(
            paid + left == DEPOSIT * LODE,
            "of {DEPOSIT} paid in, {} were paid and {} came back",
            lode(paid),
            lode(left)
        );
        Ok(checks)
    }

    /// Withdraws all that an account holds, and checks that it is in the wallet then; how much came.
    fn take_home(&self, wallet: &Key, node: Option<&str>) -> Result<u64> {
        let of: Vec<&str> = node.iter().flat_map(|node| ["--node", *node]).collect();
        let look = || -> Result<[u64; 2]> {
            let shown = self.ask(wallet, &[&["account", "show"], &of[..]].concat())?;
            Ok([units(&shown["available"])?, units(&shown["in_the_wallet"])?])
        };
        let [due, before] = look()?;
        self.ask(wallet, &[&["account", "withdraw", "all"][..], &of].concat())?;
        let [left, now] = look()?;
        ensure!(
            left == 0 && before.checked_add(due) == Some(now),
            "{} was due: {} was in the wallet and {} is",
            lode(due),
            lode(before),
            lode(now)
        );
        println!(
            "    {} in the wallet, {} more than before",
            lode(now),
            lode(due)
        );
        Ok(due)
    }

    /// Who checked collects what he earned, and takes it home: what the passer-by swept pays for it.
    fn pay_checks(&self, oracles: &[Key], owed: u64) -> Result<()> {
        step("the oracles that checked collect what they earned, and take it home");
        let mut paid = 0;
        for oracle in oracles {
            let credits = |more: &[&str]| -> Result<Value> {
                let shown = self.ask(oracle, &[&["oracle", "credits"], more].concat())?;
                let of_market = shown.get(0).cloned();
                of_market.context("`oracle credits` names no market")
            };
            let earned = units(&credits(&[])?["worth"])?;
            if earned == 0 {
                continue;
            }
            let shown = credits(&["--redeem"])?;
            let [left, credited] = [units(&shown["worth"])?, units(&shown["credits"])?];
            ensure!(
                left == 0 && credited == 0,
                "of {} that an oracle earned, {} is not collected and {} not redeemed",
                lode(earned),
                lode(left),
                lode(credited)
            );
            let came = self.take_home(oracle, None)?;
            ensure!(
                came == earned,
                "an oracle earned {} and {} came",
                lode(earned),
                lode(came)
            );
            paid += came;
        }
        // Shares are rounded down: of each of two jobs less is left than there are seats.
        let dust = owed.checked_sub(paid);
        ensure!(
            paid > 0 && dust.is_some_and(|dust| dust < 2 * ORACLES as u64),
            "{} was owed for checks and {} was paid",
            lode(owed),
            lode(paid)
        );
        println!("    paid {} of {} owed", lode(paid), lode(owed));
        Ok(())
    }
}

impl Key {
    /// A key that somebody else made.
    fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let bytes: Vec<u8> = serde_json::from_str(&text)?;
        let keypair = Keypair::try_from(bytes.as_slice())
            .map_err(|error| anyhow::anyhow!("{} is no key: {error}", file.display()))?;
        Ok(Self {
            file: file.to_path_buf(),
            address: keypair.pubkey().to_string(),
        })
    }
}

/// What a stake of so many whole tokens gets of a reward that streams to all of its node, as the program reckons it.
fn of_stream(reward: u64, stake: u64) -> u64 {
    let all = u128::from((OWN_STAKE + DELEGATED) * LODE);
    let per_share = (u128::from(reward) << 64) / all;
    ((u128::from(stake * LODE) * per_share) >> 64) as u64
}

/// Base units of an amount.
fn units(value: &Value) -> Result<u64> {
    value["base_units"]
        .as_u64()
        .with_context(|| format!("{value} is no amount"))
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tokens of nine decimals.
fn lode(base_units: u64) -> String {
    format!(
        "{}.{:09}",
        base_units / 1_000_000_000,
        base_units % 1_000_000_000
    )
}

/// A file of this name anywhere below a folder.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::shell::runs;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    /// Says that this process is the one that is to end.
    const ENDS: &str = "LODE_XTASK_TEST_ENDS";

    #[test]
    fn what_runs_beside_tests_ends_with_all_that_it_started_once_nobody_holds_its_input() {
        if std::env::var_os(ENDS).is_some() {
            end_with_input();
            let mut started = Command::new("sleep").arg("600").spawn().unwrap();
            eprintln!("{}", started.id());
            started.wait().unwrap();
            return;
        }
        let name = "demo::tests::what_runs_beside_tests_ends_with_all_that_it_started_once_nobody_holds_its_input";
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(ENDS, "yes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut started = String::new();
        said.read_line(&mut started).unwrap();
        let started = started.trim();
        assert!(runs(started), "{started}");
        assert_eq!(process.try_wait().unwrap(), None);
        drop(process.stdin.take());
        // SIGTERM, which reaches both
        assert_eq!(process.wait().unwrap().signal(), Some(15));
        let patience = Instant::now() + Duration::from_secs(60);
        while runs(started) {
            assert!(Instant::now() < patience, "{started} runs on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
