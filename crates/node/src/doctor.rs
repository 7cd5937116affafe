//! Whether a machine and its node are fit to work, and how to mend what is not.

use crate::cache::Cache;
use crate::disk::free_bytes;
use crate::{local, Machine};
use lode_client::{addresses, filter, server_name, Client, NodesWanted};
use lode_jobs::state::{JobsConfig, Ledger, Market};
use lode_math::bills;
use lode_sealed::{Identities, Recipient};
use lode_staking::state::{Node, StakingConfig};
use lode_store::{BlobHash, Gateways, Retry, AUTHORIZATION_SECONDS};
use solana_address::Address;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Local and chain's clock may differ so much without a word, and so much at all, seconds. A store refuses uploads of a
/// clock that is five minutes behind its own; the chain's is no exact one, so a minute of them is kept.
const CLOCK: (u64, u64) = (60, AUTHORIZATION_SECONDS.unsigned_abs() - 60);
/// A worker with less soon stops, one with less stops now, lamports.
const LAMPORTS: (u64, u64) = (50_000_000, 2_000_000);
/// Less than this on the disk is no place to work, bytes.
const LEAST_DISK: u64 = 1 << 30;
/// How long the chain is watched to see that it moves.
const WATCH: Duration = Duration::from_millis(1_500);
/// An agent that has not looked at the chain for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// It works, but not as it should, or not for long.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// How to mend it; nothing where there is nothing to mend.
    pub mend: Option<String>,
}

/// What is looked at.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The RPC servers, the preferred one first.
    pub servers: Vec<String>,
    /// The node, or why it is not known.
    pub node: Result<Address, String>,
    /// The worker's key, if it is at hand.
    pub worker: Option<Address>,
    /// Who pays the worker's fees, if it is not itself.
    pub fee_payer: Option<Address>,
    /// Where the machine shows how it is.
    pub machine: Machine,
    /// Connections to the markets' stores, and mirrors of them.
    pub gateways: Gateways,
    /// The agent's folder.
    pub folder: PathBuf,
    /// Where the agent is to tell its metrics, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Bytes of blobs that the agent may keep.
    pub cache_bytes: u64,
    /// Whether the runtime is put to its test, which takes a minute.
    pub runtime: bool,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.add(check, Level::Ok, found.into(), None);
    }

    fn warn(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Warn, found.into(), Some(mend.into()));
    }

    fn fail(&mut self, check: &'static str, found: impl Into<String>, mend: impl Into<String>) {
        self.add(check, Level::Fail, found.into(), Some(mend.into()));
    }

    fn add(&mut self, check: &'static str, level: Level, found: String, mend: Option<String>) {
        self.0.push(Finding {
            check,
            level,
            found,
            mend,
        });
    }
}

/// Looks at everything, and says before each look what it looks at. What cannot be looked at because something before
/// it is broken is left out.
pub async fn examine(patient: &Patient, client: &Client, say: impl Fn(&str)) -> Vec<Finding> {
    let mut all = Findings(Vec::new());
    say("the machine");
    machine(patient, &mut all);
    conditions(patient, &mut all);
    ports(patient, &mut all).await;
    agent(patient, &mut all);
    if patient.runtime {
        runtime(&mut all, &say).await;
    }
    say("the RPC servers");
    if rpc(patient, &mut all).await {
        say("the chain");
        chain(client, &mut all).await;
        say("the node");
        if let Err(error) = node(patient, client, &mut all, &say).await {
            all.fail("node", error.to_string(), "try again");
        }
    }
    all.0
}

fn machine(patient: &Patient, all: &mut Findings) {
    let version = env!("CARGO_PKG_VERSION");
    all.ok(
        "version",
        format!(
            "lode {version}, runtime {}, {} {}",
            lode_runtime::RUNTIME,
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
    );
    let folder = patient.folder.display();
    let writable = std::fs::create_dir_all(&patient.folder).and_then(|()| {
        let probe = patient.folder.join(".doctor");
        std::fs::write(&probe, b"lode")?;
        std::fs::remove_file(&probe)
    });
    if let Err(error) = writable {
        let mend = "give the agent's user the folder, or name another with --folder";
        return all.fail("disk", format!("{folder} cannot be written: {error}"), mend);
    }
    match free_bytes(&patient.folder) {
        Ok(free) => disk(&folder.to_string(), free, patient.cache_bytes, all),
        Err(error) => all.warn(
            "disk",
            format!("{folder}: its free space is not known: {error}"),
            "look yourself with `df`",
        ),
    }
}

fn conditions(patient: &Patient, all: &mut Findings) {
    all.ok("conditions", patient.machine.describe());
}

fn disk(folder: &str, free: u64, cache: u64, all: &mut Findings) {
    let found = format!("{} MiB are free in {folder}", free >> 20);
    if free < LEAST_DISK {
        all.fail("disk", found, "free at least 1 GiB, or name another folder");
    } else if free < cache {
        let mend = format!(
            "free {} MiB for the cache of blobs, or give it less with --cache-mib",
            cache >> 20
        );
        all.warn("disk", found, mend);
    } else {
        all.ok("disk", found);
    }
}

async fn ports(patient: &Patient, all: &mut Findings) {
    let Some(at) = patient.metrics else {
        return all.ok("ports", "none is needed: the agent opens no port");
    };
    let running = local::is_running(&patient.folder).unwrap_or(false);
    match lode_telemetry::listen(at).await {
        Ok(_) if running => all.warn(
            "ports",
            format!("the agent runs, but nobody listens at {at}"),
            format!("start the agent with --metrics {at}"),
        ),
        Ok(_) => all.ok("ports", format!("{at} is free for the metrics")),
        Err(_) if running => all.ok("ports", format!("{at} is in use while the agent runs")),
        Err(error) => all.fail("ports", error.to_string(), "take another with --metrics"),
    }
}

fn agent(patient: &Patient, all: &mut Findings) {
    let folder = &patient.folder;
    let (running, status, order) = match (
        local::is_running(folder),
        local::status(folder),
        local::order(folder),
    ) {
        (Ok(running), Ok(status), Ok(order)) => (running, status, order),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return all.fail(
                "agent",
                error.to_string(),
                "give the agent's user the folder",
            );
        }
    };
    if order.is_some() {
        let mend = "end that with `lode node drain --resume`";
        return all.warn("agent", "it is told to take no jobs", mend);
    }
    match (running, status) {
        (false, _) => all.ok("agent", "it does not run"),
        (true, Some(status)) if status.age() > SILENCE => all.fail(
            "agent",
            format!("it runs, but said nothing for {} s", status.age().as_secs()),
            "read its log; if it hangs, end it and start it again: it loses nothing",
        ),
        (true, Some(status)) if status.version != env!("CARGO_PKG_VERSION") => all.warn(
            "agent",
            format!("it runs with version {}", status.version),
            "drain it and start it again with this version",
        ),
        (true, Some(status)) if !status.held.is_empty() => all.warn(
            "agent",
            format!("it runs, and takes no jobs now: {}", status.held.join("; ")),
            "nothing, if that is what --when, --hours and --most-temperature are for",
        ),
        (true, Some(status)) => all.ok(
            "agent",
            format!(
                "it runs: {} jobs now, {} to bring to their end, {} wait",
                status.running, status.unfinished, status.waiting
            ),
        ),
        (true, None) => all.ok("agent", "it is starting"),
    }
}

/// Runs what every machine must come to the same receipts with.
async fn runtime(all: &mut Findings, say: &impl Fn(&str)) {
    say("the runtime");
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let verified = tokio::task::spawn_blocking(move || {
        lode_runtime::verify::verify(|done, count, name| {
            // nobody listens any more where the doctor was sent away
            let _ = tell.send(format!("the runtime, {done} of {count}: {name}"));
        })
    });
    while let Some(text) = told.recv().await {
        say(&text);
    }
    let verified = match verified.await {
        Ok(verified) => verified,
        Err(error) => return all.fail("runtime", error.to_string(), "report this"),
    };
    let found = format!(
        "{} vectors in {} ways, {} differences; a unit takes {:.1} ms",
        verified.vectors,
        verified.places.len(),
        verified.differences.len(),
        verified.milliseconds_per_unit
    );
    if !verified.is_fit() {
        let mend = "do not work with this machine: its results would be judged wrong; report it with the output of `lode runtime verify`";
        all.fail("runtime", found, mend);
    } else if verified.is_slow() {
        let mend =
            "markets' windows are made for faster machines: free this one, or expect to be late";
        all.warn("runtime", found, mend);
    } else {
        all.ok("runtime", found);
    }
}

/// Whether any server answers.
async fn rpc(patient: &Patient, all: &mut Findings) -> bool {
    let mut any = false;
    for url in &patient.servers {
        let client = Client::new(url.clone());
        match client.version().await {
            Ok(version) => {
                any = true;
                let name = server_name(url);
                all.ok("rpc", format!("{name} answers, version {version}"));
            }
            Err(error) => all.fail(
                "rpc",
                error.to_string(),
                "check --url, --fallback-url and the network",
            ),
        }
    }
    if any && patient.servers.len() == 1 {
        let mend = "name a second one with --fallback-url";
        all.warn(
            "rpc",
            "there is only one server: a job is late without it",
            mend,
        );
    }
    any
}

async fn chain(client: &Client, all: &mut Findings) {
    let begun = std::time::Instant::now();
    let (first, second) = (client.clock().await, async {
        tokio::time::sleep(WATCH).await;
        client.clock().await
    });
    let (first, second) = match (first, second.await) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(error), _) | (_, Err(error)) => {
            return all.fail("clock", error.to_string(), "check --url");
        }
    };
    let slots = second.slot.saturating_sub(first.slot);
    let Some(each) = (begun.elapsed().as_millis() as u64).checked_div(slots) else {
        let found = format!("the chain stands still at slot {}", second.slot);
        return all.fail("clock", found, "ask another server with --url");
    };
    clock(local::now(), second.unix_timestamp, each, all);
}

fn clock(here: u64, there: i64, each: u64, all: &mut Findings) {
    let apart = there.abs_diff(i64::try_from(here).unwrap_or(i64::MAX));
    let found =
        format!("this machine's clock is {apart} s from the chain's; a slot takes {each} ms");
    let mend = "set this machine's clock by NTP: uploads to a store are signed with a time";
    if apart <= CLOCK.0 {
        all.ok("clock", found);
    } else if apart <= CLOCK.1 {
        all.warn("clock", found, mend);
    } else {
        all.fail("clock", found, mend);
    }
}

async fn node(
    patient: &Patient,
    client: &Client,
    all: &mut Findings,
    say: &impl Fn(&str),
) -> lode_client::Result<()> {
    let configured = async {
        let staking: StakingConfig = client.get_account(&addresses::staking::config()).await?;
        let jobs: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
        Ok::<_, lode_client::Error>((staking, jobs))
    };
    let (staking, jobs) = match configured.await {
        Ok(configured) => configured,
        Err(error) => {
            let mend = "check that --url names the right cluster; install the version of lode that fits its programs";
            all.fail("programs", error.to_string(), mend);
            return Ok(());
        }
    };
    all.ok(
        "programs",
        "they are deployed, in layouts that this version reads",
    );
    let at = match &patient.node {
        Ok(at) => at,
        Err(reason) => {
            let mend = "name it with --node or --worker; `lode node list` shows all";
            all.fail("node", reason.clone(), mend);
            return Ok(());
        }
    };
    let Some(node) = client.try_account::<Node>(at).await? else {
        let mend = "register one with `lode node register`, or name another with --node";
        all.fail("node", format!("there is none at {at}"), mend);
        return Ok(());
    };
    if node.is_exiting() {
        let mend = "an exit has no way back: register another node";
        all.fail("node", format!("{at} is leaving for good"), mend);
    } else if node.is_jailed() {
        let mend = "when the time is up, have the owner unjail it";
        all.fail("node", format!("{at} is in jail for a lie"), mend);
    } else if local::now() < u64::try_from(jobs.paused_until).unwrap_or(0) {
        let mend = "wait: a pause ends by itself within a week";
        all.warn(
            "node",
            format!("{at} is active, but new jobs are paused"),
            mend,
        );
    } else {
        all.ok("node", format!("{at} is active"));
    }
    hardware(&node, all);
    key(patient, &node, all);
    worker(patient, &node, client, all).await?;
    stake(&node, &staking, client, all).await?;
    markets(patient, at, &node, client, all, say).await
}

fn hardware(node: &Node, all: &mut Findings) {
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let memory = memory_mib();
    let mut short = Vec::new();
    if usize::from(node.cores) > cores {
        short.push(format!("{} cores of {cores}", node.cores));
    }
    if memory.is_some_and(|memory| u64::from(node.memory_mib) > memory) {
        short.push(format!(
            "{} MiB of {}",
            node.memory_mib,
            memory.unwrap_or_default()
        ));
    }
    if short.is_empty() {
        let found = format!(
            "the node offers {} cores and {} MiB, this machine has them",
            node.cores, node.memory_mib
        );
        return all.ok("hardware", found);
    }
    let found = format!("the node offers {}", short.join(" and "));
    let mend = "run it on the machine that it was registered for, or give the agent less with --cores and --memory-mib";
    all.warn("hardware", found, mend);
}

/// Memory of this machine; not known everywhere.
fn memory_mib() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib >> 10)
}

/// Whether the agent opens what customers seal for the node.
fn key(patient: &Patient, node: &Node, all: &mut Findings) {
    let check = "key";
    if node.encryption_key == [0; 32] {
        return all.ok(
            check,
            "the node has published no encryption key, and gets no private jobs",
        );
    }
    let published = Recipient(node.encryption_key);
    match Identities::find(&patient.folder) {
        Ok(Some(keys)) if keys.all().iter().any(|key| key.recipient() == published) => {
            all.ok(check, "private jobs are sealed for a key of this folder");
        }
        Ok(_) => {
            let found =
                format!("private jobs are sealed for {published}, which this folder does not have");
            let mend = "name the agent's folder, or publish the key that `lode node key` prints";
            all.fail(check, found, mend);
        }
        Err(error) => {
            let mend = "put the file's backup back, or move it away and publish a new key";
            all.fail(check, error.to_string(), mend);
        }
    }
}

async fn worker(
    patient: &Patient,
    node: &Node,
    client: &Client,
    all: &mut Findings,
) -> lode_client::Result<()> {
    match patient.worker {
        Some(key) if key != node.worker => {
            let found = format!("this key is {key}, the node's worker is {}", node.worker);
            let mend = format!("start the agent with the worker's key, or have the owner make this key the worker with `lode node worker {key}`");
            all.fail("worker", found, mend);
        }
        Some(key) => all.ok("worker", format!("{key} is the node's worker")),
        None => all.ok("worker", format!("the node's worker is {}", node.worker)),
    }
    let payer = patient.fee_payer.unwrap_or(node.worker);
    let lamports = client.balance(&payer).await?;
    let who = if patient.fee_payer.is_some() {
        "the fee payer"
    } else {
        "the worker"
    };
    balance(who, &payer, lamports, all);
    Ok(())
}

fn balance(who: &str, payer: &Address, lamports: u64, all: &mut Findings) {
    let found = format!(
        "{who} has {} SOL for fees",
        lode_client::token::show(lamports, 9)
    );
    let mend = format!("send some SOL to {payer}");
    if lamports < LAMPORTS.1 {
        all.fail("balance", found, mend);
    } else if lamports < LAMPORTS.0 {
        all.warn("balance", found, mend);
    } else {
        all.ok("balance", found);
    }
}

async fn stake(
    node: &Node,
    config: &StakingConfig,
    client: &Client,
    all: &mut Findings,
) -> lode_client::Result<()> {
    let mint = client.mint(&config.stake_mint).await?;
    let own = node.self_stake().unwrap_or(0);
    let (has, least) = (mint.show(own), mint.show(config.minimum_self_stake));
    if node.skin_is_in(config).unwrap_or(false) {
        all.ok(
            "stake",
            format!("the owner has {has} staked, of at least {least}"),
        );
    } else if own < config.minimum_self_stake {
        let missing = mint.show(config.minimum_self_stake.saturating_sub(own));
        let mend = format!("stake {missing} more with `lode node stake {missing}`");
        all.fail(
            "stake",
            format!("the owner has {has} staked, less than {least}"),
            mend,
        );
    } else {
        let mend = "the owner stakes more, or delegators leave";
        all.fail(
            "stake",
            "more is delegated than the owner's own stake allows",
            mend,
        );
    }
    Ok(())
}

async fn markets(
    patient: &Patient,
    at: &Address,
    node: &Node,
    client: &Client,
    all: &mut Findings,
    say: &impl Fn(&str),
) -> lode_client::Result<()> {
    let ledgers = client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, party, *at)])
        .await?;
    if ledgers.is_empty() {
        let mend = format!("open one with `lode account open --node {} --locked-cap AMOUNT` and pay in with `lode account deposit`", at);
        all.fail("bond", "the node has no account in any market", mend);
    }
    for (_, ledger) in ledgers {
        let market: Market = client.get_account(&ledger.market).await?;
        let mint = client.mint(&market.mint).await?;
        if market.nodes.require(node).is_err() {
            let wanted = NodesWanted::from(&market.nodes);
            let found = format!(
                "market {} takes only nodes of another kind: {wanted}",
                ledger.market
            );
            let mend = "the owner declares what the machine is with `lode node update`, or serves another market";
            all.fail("filter", found, mend);
        }
        bond(&ledger, &market, |amount| mint.show(amount), all);
        say("the store");
        store(patient, &ledger.market, &market, all).await;
        speed(patient, &ledger.market, &market, all);
    }
    Ok(())
}

fn bond(ledger: &Ledger, market: &Market, show: impl Fn(u64) -> String, all: &mut Findings) {
    let under_cap = ledger.locked_cap.saturating_sub(ledger.locked);
    let free = ledger.available.min(under_cap);
    let least = bills::collateral(market.least_reserved, u64::from(market.check_bps));
    let found = format!(
        "market {}: {} free for collateral, {} locked, cap {}",
        ledger.market,
        show(free),
        show(ledger.locked),
        show(ledger.locked_cap)
    );
    if least.is_some_and(|least| free >= least) {
        all.ok("bond", found);
    } else if ledger.open_jobs > 0 {
        all.warn("bond", found, "more jobs fit when these are settled, or when the owner pays in more or raises the cap (`lode account cap AMOUNT --node NODE`)");
    } else if under_cap < ledger.available {
        all.fail("bond", found, "have the owner raise the cap with `lode account cap AMOUNT --node NODE`: it is less than any job locks");
    } else {
        let mend =
            "pay in with `lode account deposit AMOUNT --node NODE`: it is less than any job locks";
        all.fail("bond", found, mend);
    }
}

async fn store(patient: &Patient, at: &Address, market: &Market, all: &mut Findings) {
    let store = match patient.gateways.of(&market.store_url) {
        Ok(store) => store,
        Err(error) => {
            return all.fail("store", error.to_string(), "no node can serve this market");
        }
    };
    let mut answers = 0;
    let mut silent = Vec::new();
    for gateway in store.each() {
        let once = gateway.clone().with_retry(Retry {
            tries: 1,
            ..Retry::default()
        });
        // nobody has this blob: a store that works says so
        match once.size(BlobHash::of(at.as_ref())).await {
            Ok(_) => {
                answers += 1;
                all.ok("store", format!("{} of market {at} answers", once.url()));
            }
            Err(error) => silent.push(error.to_string()),
        }
    }
    for error in silent {
        if answers > 0 {
            let mend = "another one is asked meanwhile; only the operator of this one can mend it";
            all.warn("store", error, mend);
        } else {
            all.fail(
                "store",
                error,
                "check the network; if it is the gateway, only its operator can mend it",
            );
        }
    }
}

fn speed(patient: &Patient, at: &Address, market: &Market, all: &mut Findings) {
    let planned = crate::pace::PLANNED;
    let rating = Cache::read_rating(&patient.folder.join("results"));
    let Some(takes) = rating.slots_per_million(planned) else {
        return all.ok(
            "speed",
            "not measured yet: the agent does at its first start",
        );
    };
    let allowed = market.slots_per_million;
    let found = format!(
        "a million units take {takes} slots here, market {at} allows {allowed} and {} more",
        market.base_slots
    );
    let limit = market.units_limit;
    let fits = |units| {
        let window = market.run_window(units);
        window.is_some_and(|window| rating.finishes(units, window, planned))
    };
    if fits(limit) {
        all.ok("speed", found);
    } else if fits(limit / 100) {
        all.warn(
            "speed",
            found,
            "the agent leaves the largest jobs alone; a faster machine takes them all",
        );
    } else {
        all.fail("speed", found, "this machine is too slow for this market, or was too busy when it was measured: free it, remove rating.json from the agent's folder and start it again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn level(look: impl FnOnce(&mut Findings)) -> Level {
        let mut all = Findings(Vec::new());
        look(&mut all);
        let worst = all.0.iter().map(|finding| finding.level).max();
        for finding in &all.0 {
            assert_eq!(finding.level == Level::Ok, finding.mend.is_none());
        }
        worst.unwrap_or(Level::Ok)
    }

    #[test]
    fn a_full_disk_fails_and_one_that_is_smaller_than_the_cache_is_a_warning() {
        let disk = |free, cache| level(|all| disk("here", free, cache, all));
        assert_eq!(disk(LEAST_DISK - 1, 0), Level::Fail);
        assert_eq!(disk(LEAST_DISK, LEAST_DISK + 1), Level::Warn);
        assert_eq!(disk(LEAST_DISK, LEAST_DISK), Level::Ok);
    }

    #[test]
    fn clocks_may_differ_by_a_minute_and_by_less_than_a_store_minds() {
        let clock = |here, there| level(|all| clock(here, there, 400, all));
        assert_eq!(clock(1_000, 1_060), Level::Ok);
        assert_eq!(clock(1_000, 939), Level::Warn);
        assert_eq!(clock(1_000, 1_240), Level::Warn);
        assert_eq!(clock(1_000, 1_241), Level::Fail);
        assert_eq!(clock(1_000, 759), Level::Fail);
    }

    #[test]
    fn a_worker_without_fees_fails_before_it_has_nothing() {
        let balance =
            |lamports| level(|all| balance("the worker", &Address::default(), lamports, all));
        assert_eq!(balance(LAMPORTS.0), Level::Ok);
        assert_eq!(balance(LAMPORTS.0 - 1), Level::Warn);
        assert_eq!(balance(LAMPORTS.1 - 1), Level::Fail);
    }

    #[test]
    fn what_is_free_under_the_cap_must_cover_the_least_job() {
        let mut market = Market::zeroed();
        (market.least_reserved, market.check_bps) = (100, 1_000);
        let with = |available, cap, locked, open_jobs| {
            let mut ledger = Ledger::zeroed();
            ledger.available = available;
            ledger.locked_cap = cap;
            ledger.locked = locked;
            ledger.open_jobs = open_jobs;
            level(|all| bond(&ledger, &market, |amount| amount.to_string(), all))
        };
        assert_eq!(with(1_000, 1_000, 0, 0), Level::Ok);
        assert_eq!(with(999, 5_000, 0, 0), Level::Fail);
        assert_eq!(with(5_000, 999, 0, 0), Level::Fail);
        assert_eq!(with(0, 5_000, 5_000, 3), Level::Warn);
    }

    #[test]
    fn a_node_that_offers_more_than_the_machine_has_is_a_warning() {
        let mut node = Node::zeroed();
        (node.cores, node.memory_mib) = (1, 1);
        assert_eq!(level(|all| hardware(&node, all)), Level::Ok);
        node.cores = u16::MAX;
        assert_eq!(level(|all| hardware(&node, all)), Level::Warn);
    }
}
