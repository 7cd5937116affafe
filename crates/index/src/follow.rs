//! Following the chain: what is new is fetched and written, what vanished is taken back.
use crate::books::{self, Effect, Facts, Sealed, Shelf as _};
use crate::store::{int, state_name, Index, Written, PROGRAMS};
use crate::{Error, Result};
use futures_util::StreamExt as _;
use lode_client::events::{told, Told};
use lode_client::record::{Carried, Place, Record};
use lode_client::{accounts, addresses, Client};
use lode_jobs::event::{CheckCollected, CreditsRedeemed, FeesSwept, JobChanged, JobSettled, Moved};
use lode_jobs::instruction as ix;
use lode_jobs::state::{flag, Job, JobsConfig, Market};
use lode_oracle::state::Committee;
use solana_address::Address;
use solana_commitment_config::CommitmentConfig;
use solana_signature::Signature;
use std::collections::HashMap;

/// How many transactions are asked for at the same time.
const AT_ONCE: usize = 8;
/// Slots whose hashes the cluster keeps: a seal that comes later can prove no draw.
const SLOT_HASHES: u64 = 512;

/// How far a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The program whose transactions are read.
    pub program: &'static str,
    /// How many of them are done.
    pub done: usize,
    /// Of how many.
    pub of: usize,
}

/// What a pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Transactions written, each once for every program whose list it stands in.
    pub written: usize,
    /// Transactions taken back because the chain has them no more.
    pub dropped: usize,
    /// The last slot that nothing can take back.
    pub final_slot: u64,
}

/// Reads transactions of the jobs program as its own rules have it.
pub(crate) struct Replay {
    client: Client,
    markets: HashMap<Address, Market>,
    emission_mint: Option<Address>,
}

/// The events of one transaction, each used once, in order.
struct Said<'a> {
    told: &'a [Told],
    used: Vec<bool>,
}

impl<'a> Said<'a> {
    fn new(told: &'a [Told]) -> Self {
        Self {
            told,
            used: vec![false; told.len()],
        }
    }

    fn next<T>(&mut self, fits: impl Fn(&Told) -> Option<T>) -> Option<T> {
        let free = self
            .used
            .iter_mut()
            .zip(self.told)
            .filter(|(used, _)| !**used);
        for (used, told) in free {
            if let Some(found) = fits(told) {
                *used = true;
                return Some(found);
            }
        }
        None
    }

    /// How the log says that a job stood after an instruction, with the amount it tells.
    fn of_job(&mut self, job: &Address) -> Option<JobSettled> {
        self.next(|told| {
            if let Some(event) = told.read::<JobSettled>() {
                return Some(event).filter(|event| event.job == *job);
            }
            let event = told
                .read::<JobChanged>()
                .filter(|event| event.job == *job)?;
            Some(JobSettled {
                job: event.job,
                units: 0,
                ledger: Address::default(),
                amount: event.amount,
                state: event.state,
                attempt: event.attempt,
                verdict: event.verdict,
                flags: event.flags,
                padding: [0; 4],
            })
        })
    }
}

impl Replay {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            markets: HashMap::new(),
            emission_mint: None,
        }
    }

    async fn market(&mut self, at: &Address) -> Result<Market> {
        if let Some(known) = self.markets.get(at) {
            return Ok(*known);
        }
        // A market never closes, and nothing that is read of it here ever changes.
        let market: Market = self.client.get_account(at).await?;
        self.markets.insert(*at, market);
        Ok(market)
    }

    async fn emission_mint(&mut self) -> Result<Address> {
        if let Some(known) = self.emission_mint {
            return Ok(known);
        }
        let config: JobsConfig = self.client.get_account(&addresses::jobs::config()).await?;
        self.emission_mint = Some(config.emission_mint);
        Ok(config.emission_mint)
    }

    /// What a seal drew: from the job's account while it stands, else from the seats of the committee and the log.
    async fn sealed(
        &self,
        at: &Address,
        job: &Job,
        market: &Market,
        slot: u64,
        said: Option<&JobSettled>,
    ) -> Result<Sealed> {
        if let Some(account) = self.client.raw_account(at).await? {
            let found: Job = accounts::decode(at, &account)?;
            if found.attempt == job.attempt && found.seal != [0; 32] {
                return Ok(Sealed {
                    seal: Some(found.seal),
                    eligible: found.eligible,
                    late: found.has(flag::LATE),
                });
            }
        }
        let committee: Committee = self.client.get_account(&market.committee).await?;
        let long_ago = slot.saturating_sub(job.submitted_slot) > SLOT_HASHES;
        Ok(Sealed {
            seal: None,
            eligible: committee.eligible(job.submitted_at),
            late: said.map_or(long_ago, |said| said.flags & flag::LATE != 0),
        })
    }

    /// What the instructions of a transaction changed, and what of it the log contradicts.
    pub(crate) async fn transaction(
        &mut self,
        index: &mut Index,
        record: &Record,
        told: &[Told],
    ) -> Result<(Vec<(usize, Effect)>, Vec<String>)> {
        let (mut effects, mut doubts) = (Vec::new(), Vec::new());
        let mut said = Said::new(told);
        for (number, one) in record.instructions.iter().enumerate() {
            if one.program != lode_jobs::ID {
                continue;
            }
            let effect = self
                .instruction(index, record, one, &mut said, &mut doubts)
                .await?;
            index.remember(&effect);
            effects.push((number, effect));
        }
        Ok((effects, doubts))
    }

    async fn instruction(
        &mut self,
        index: &mut Index,
        record: &Record,
        one: &Carried,
        said: &mut Said<'_>,
        doubts: &mut Vec<String>,
    ) -> Result<Effect> {
        let market = match books::market_of(one) {
            Some(at) => Some(self.market(&at).await?),
            None => None,
        };
        let job_at = books::job_of(one);
        let event = match &job_at {
            Some(at) if !books::is_silent(one) => said.of_job(at),
            _ => None,
        };
        let sealed = match (&job_at, &market) {
            (Some(at), Some(market)) if books::is::<ix::SealJob>(one) => {
                let job = index.job(at)?;
                let job =
                    job.ok_or_else(|| Error::Books(format!("the job {at} was never posted")))?;
                Some(
                    self.sealed(at, &job, market, record.slot, event.as_ref())
                        .await?,
                )
            }
            _ => None,
        };
        let named = |told: &Address| one.accounts.contains(told);
        let redeemed = match books::is::<ix::RedeemCredits>(one) {
            true => said.next(|told| {
                told.read::<CreditsRedeemed>()
                    .filter(|event| named(&event.ledger))
            }),
            false => None,
        };
        let swept = match books::is::<ix::SweepFees>(one) {
            true => said.next(|told| {
                told.read::<FeesSwept>()
                    .filter(|event| named(&event.ledger))
            }),
            false => None,
        };
        let facts = Facts {
            slot: record.slot,
            time: record.time,
            market: market.as_ref(),
            emission_mint: self.emission_mint().await?,
            sealed,
            redeemed: redeemed.map(|event| event.redeemed),
            swept: swept.map(|event| event.fees),
            given_up: event
                .filter(|_| books::is::<ix::GiveUpJob>(one))
                .map(|event| event.amount),
        };
        let mut effect = books::apply(index, one, &facts)?;
        let mut doubt = |what: &str, reckoned: u64, told: u64| {
            if reckoned != told {
                doubts.push(format!(
                    "{what}: {reckoned} by the instructions, {told} by the log"
                ));
            }
        };
        for entry in &effect.entries {
            match entry.what {
                "deposit" | "withdrawal" => {
                    let moved =
                        said.next(|told| told.read::<Moved>().filter(|e| e.ledger == entry.ledger));
                    if let Some(moved) = moved {
                        doubt("available", entry.after.available, moved.available);
                    }
                }
                "check" => {
                    let booked = said.next(|told| {
                        told.read::<CheckCollected>()
                            .filter(|e| e.ledger == entry.ledger)
                    });
                    if let Some(booked) = booked {
                        doubt("share of a check", entry.amount, booked.share);
                    }
                }
                "checks redeemed" => {
                    if let Some(told) = redeemed {
                        doubt("redeemed", entry.amount, told.redeemed);
                    }
                }
                "job earned" | "lie forfeit" => {
                    if let Some(event) = &event {
                        doubt(entry.what, entry.amount, event.amount);
                    }
                }
                _ => {}
            }
        }
        if let (Some((_, Some(job))), Some(event)) = (&mut effect.job, &event) {
            let reckoned = (job.state, job.attempt, job.verdict, job.flags);
            let told = (event.state, event.attempt, event.verdict, event.flags);
            if reckoned != told {
                let (was, is) = (state_name(job.state), state_name(event.state));
                doubts.push(format!(
                    "state: {was} by the instructions, {is} by the log, which was followed"
                ));
                (job.state, job.attempt, job.verdict, job.flags) = told;
            }
        }
        Ok(effect)
    }
}

/// Keeps an index up with the chain.
pub struct Follower {
    client: Client,
    index: Index,
    replay: Replay,
    with_logs: bool,
}

impl Follower {
    /// Follows a chain into an index. Without logs the instructions and accounts decide alone, and no events are written.
    pub async fn new(client: Client, mut index: Index, with_logs: bool) -> Result<Self> {
        let genesis = client.genesis().await?;
        index.require_chain(&genesis)?;
        Ok(Self {
            replay: Replay::new(client.clone()),
            client,
            index,
            with_logs,
        })
    }

    /// The index.
    pub fn index(&mut self) -> &mut Index {
        &mut self.index
    }

    /// Writes what is new since the last pass, and takes back what vanished. Whatever interrupts it, the next pass goes
    /// on from the last transaction that was written.
    pub async fn pass(&mut self, tell: &(dyn Fn(Progress) + Send + Sync)) -> Result<Report> {
        self.index.forget();
        // Asked first: what it covers is on the chain for good in everything that is listed later.
        let final_slot = self.client.slot_at(CommitmentConfig::finalized()).await?;
        let mut report = Report {
            final_slot,
            ..Report::default()
        };
        for (program, name) in PROGRAMS {
            self.program(&program, name, &mut report, tell).await?;
        }
        Ok(report)
    }

    async fn program(
        &mut self,
        program: &Address,
        name: &'static str,
        report: &mut Report,
        tell: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<()> {
        let (base, after) = match self.index.last_final(program)? {
            Some((seq, signature)) => (seq, Some(signature)),
            None => (0, None),
        };
        let found = |of: usize| {
            tell(Progress {
                program: name,
                done: 0,
                of,
            })
        };
        let listed = self.client.places_of(program, after, &found).await?;
        let kept = self.index.track_after(program, base)?;
        let (same, stale) = compare(&kept, &listed);
        if stale {
            let from = base.saturating_add(int(same)?).saturating_add(1);
            report.dropped = report
                .dropped
                .saturating_add(self.index.drop_from(program, from)?);
        }
        let (known, new) = listed.split_at(same);
        let settled = known
            .iter()
            .filter(|place| place.slot <= report.final_slot)
            .count();
        if settled > 0 {
            self.index
                .mark_final(program, base.saturating_add(int(settled)?))?;
        }
        let client = self.client.clone();
        let fetch = |place: Place| {
            let client = client.clone();
            async move { client.record(&place.signature).await }
        };
        let mut records = futures_util::stream::iter(new.to_vec())
            .map(fetch)
            .buffered(AT_ONCE);
        let mut done = 0usize;
        while let Some(record) = records.next().await {
            let seq = base
                .saturating_add(int(same)?)
                .saturating_add(int(done)?)
                .saturating_add(1);
            let record = record?;
            if let Err(error) = self.write(program, seq, report.final_slot, &record).await {
                self.index.forget();
                return Err(error);
            }
            done = done.saturating_add(1);
            report.written = report.written.saturating_add(1);
            tell(Progress {
                program: name,
                done,
                of: new.len(),
            });
        }
        Ok(())
    }

    async fn write(
        &mut self,
        program: &Address,
        seq: i64,
        final_slot: u64,
        record: &Record,
    ) -> Result<()> {
        let told = match &record.log {
            Some(log) if self.with_logs && !record.failed => told(log),
            _ => Vec::new(),
        };
        let (effects, doubts) = match *program == lode_jobs::ID {
            true => {
                self.replay
                    .transaction(&mut self.index, record, &told)
                    .await?
            }
            false => Default::default(),
        };
        self.index.write(&Written {
            program: *program,
            seq,
            is_final: record.slot <= final_slot,
            record,
            told: &told,
            effects: &effects,
            doubts: &doubts,
        })
    }
}

/// How many of the kept transactions the chain still lists in the same places, and whether any other is kept.
fn compare(kept: &[Place], listed: &[Place]) -> (usize, bool) {
    let same = |(a, b): &(&Place, &Place)| a == b;
    let same = kept.iter().zip(listed).take_while(same).count();
    (same, kept.len() > same)
}

/// Signatures of a list, for tests and for merging.
pub(crate) fn names(places: &[Place]) -> Vec<Signature> {
    places.iter().map(|place| place.signature).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::extract::State;
    use axum::routing::post;
    use axum::{Json, Router};
    use base64::Engine as _;
    use bytemuck::Zeroable as _;
    use lode_client::instructions::jobs;
    use lode_client::token::MintInfo;
    use lode_client::LodeAccount;
    use serde_json::{json, Value};
    use solana_instruction::Instruction;
    use solana_message::Message;
    use std::sync::{Arc, Mutex};
    use tokio::net::TcpListener;

    fn place(byte: u8, slot: u64) -> Place {
        Place {
            signature: Signature::from([byte; 64]),
            slot,
        }
    }

    #[test]
    fn what_the_chain_lists_no_more_or_elsewhere_is_stale_from_there_on() {
        let kept = [place(1, 5), place(2, 6), place(3, 6)];
        assert_eq!(compare(&kept, &kept), (3, false));
        let longer = [kept[0], kept[1], kept[2], place(4, 7)];
        assert_eq!(compare(&kept, &longer), (3, false));
        // one vanished, one moved to another slot, the list ends early
        assert_eq!(compare(&kept, &[kept[0], kept[2]]), (1, true));
        assert_eq!(compare(&kept, &[kept[0], place(2, 9), kept[2]]), (1, true));
        assert_eq!(compare(&kept, &[]), (0, true));
        assert_eq!(compare(&[], &kept), (0, false));
    }

    const MARKET: Address = Address::new_from_array([2; 32]);
    const WALLET: Address = Address::new_from_array([3; 32]);

    /// Transactions of the jobs program on a chain that may change its mind, oldest first, and its last final slot.
    #[derive(Default)]
    struct Chain {
        all: Vec<(Place, Vec<Instruction>)>,
        final_slot: u64,
    }

    type Shared = Arc<Mutex<Chain>>;

    impl Chain {
        fn add(&mut self, byte: u8, slot: u64, instructions: &[Instruction]) {
            self.all.push((place(byte, slot), instructions.to_vec()));
        }

        fn list(&self, request: &Value) -> Value {
            let until = request["params"][1]["until"].as_str();
            let listed = match request["params"][0] == lode_jobs::ID.to_string() {
                true => self.all.as_slice(),
                false => &[],
            };
            let one = |(place, _): &(Place, Vec<Instruction>)| {
                let name = place.signature.to_string();
                (until != Some(name.as_str())).then(
                    || json!({"signature": name, "slot": place.slot, "err": null, "memo": null, "blockTime": 1_000, "confirmationStatus": "confirmed"}),
                )
            };
            listed.iter().rev().map_while(one).collect()
        }

        fn transaction(&self, request: &Value) -> Value {
            let named = |place: &Place| request["params"][0] == place.signature.to_string();
            let found = self.all.iter().find(|(place, _)| named(place));
            let Some((place, instructions)) = found else {
                return Value::Null;
            };
            let message = Message::new(instructions, Some(&WALLET)).serialize();
            let bytes = [&[1], place.signature.as_ref(), &message].concat();
            let bytes = base64::engine::general_purpose::STANDARD.encode(bytes);
            json!({
                "slot": place.slot,
                "blockTime": 1_000 + place.slot,
                "transaction": [bytes, "base64"],
                "version": "legacy",
                "meta": {
                    "err": null,
                    "status": {"Ok": null},
                    "fee": 5_000,
                    "preBalances": [],
                    "postBalances": [],
                    "innerInstructions": [],
                    "logMessages": [],
                    "computeUnitsConsumed": 2_600,
                },
            })
        }
    }

    fn account<T: LodeAccount>(value: &T) -> Value {
        let data = [T::DISCRIMINATOR, bytemuck::bytes_of(value)].concat();
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        json!({"lamports": 1, "owner": T::PROGRAM.to_string(), "data": [data, "base64"], "executable": false, "rentEpoch": 0})
    }

    /// The market, or the configuration.
    fn accounts(request: &Value) -> Value {
        let mut market = Market::zeroed();
        market.version = 1;
        let mut config = JobsConfig::zeroed();
        config.version = 1;
        let one = |at: &Value| match *at == MARKET.to_string() {
            true => account(&market),
            false => account(&config),
        };
        let asked = request["params"][0].as_array().unwrap();
        asked.iter().map(one).collect()
    }

    async fn answer(State(chain): State<Shared>, Json(request): Json<Value>) -> Json<Value> {
        let chain = chain.lock().unwrap();
        let result = match request["method"].as_str().unwrap() {
            "getGenesisHash" => json!(Address::default().to_string()),
            "getSlot" => json!(chain.final_slot),
            "getSignaturesForAddress" => chain.list(&request),
            "getTransaction" => chain.transaction(&request),
            "getMultipleAccounts" => {
                json!({"context": {"slot": 1}, "value": accounts(&request)})
            }
            other => unreachable!("{other}"),
        };
        Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": result}))
    }

    async fn server(chain: Shared) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer)).with_state(chain);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Client::new(url)
    }

    async fn follower(client: &Client) -> Follower {
        let index = Index::open(":memory:").unwrap();
        Follower::new(client.clone(), index, true).await.unwrap()
    }

    /// A pass: how many transactions it wrote and took back. Afterwards the database is what one would be that never saw
    /// anything else.
    async fn pass(follower: &mut Follower, client: &Client) -> (usize, usize) {
        let report = follower.pass(&|_| ()).await.unwrap();
        let mut fresh = self::follower(client).await;
        fresh.pass(&|_| ()).await.unwrap();
        for table in ["track", "transactions", "instructions", "entries"] {
            let is = follower.index().dump(table).unwrap();
            assert_eq!(is, fresh.index().dump(table).unwrap(), "{table}");
        }
        (report.written, report.dropped)
    }

    #[tokio::test]
    async fn a_pass_forgets_what_the_chain_has_no_more_and_writes_what_it_has_instead() {
        let chain = Shared::default();
        let client = server(chain.clone()).await;
        let mint = MintInfo {
            address: Address::new_from_array([7; 32]),
            program: addresses::TOKEN,
            authority: None,
            freeze_authority: None,
            supply: 0,
            decimals: 9,
            symbol: None,
        };
        let open = jobs::open_ledger(&WALLET, &MARKET, &WALLET);
        let deposit = |amount| jobs::deposit(&WALLET, &MARKET, &WALLET, &mint, amount);
        let withdraw = jobs::withdraw(&WALLET, &MARKET, &WALLET, &mint, 40);
        let ledger = addresses::jobs::ledger(&MARKET, &WALLET);
        let available = |follower: &mut Follower| {
            let all = follower.index().statement(&ledger, i64::MIN, i64::MAX);
            all.unwrap().closing.available
        };
        let mut follower = follower(&client).await;
        {
            let mut chain = chain.lock().unwrap();
            chain.add(1, 10, &[open, deposit(100)]);
            chain.add(2, 12, std::slice::from_ref(&withdraw));
            chain.final_slot = 10;
        }
        assert_eq!(pass(&mut follower, &client).await, (2, 0));
        assert_eq!(available(&mut follower), 60);

        // the slot of the withdrawal is skipped; somebody else's transaction stands in the next
        {
            let mut chain = chain.lock().unwrap();
            chain.all.pop();
            chain.add(3, 13, &[deposit(5)]);
        }
        assert_eq!(pass(&mut follower, &client).await, (1, 1));
        assert_eq!(available(&mut follower), 105);

        // the withdrawal comes after all, behind it
        chain.lock().unwrap().add(2, 14, &[withdraw]);
        assert_eq!(pass(&mut follower, &client).await, (1, 0));
        assert_eq!(available(&mut follower), 65);

        // both are gone, and nothing has come yet
        chain.lock().unwrap().all.truncate(1);
        assert_eq!(pass(&mut follower, &client).await, (0, 2));
        assert_eq!(available(&mut follower), 100);

        // what is final is not asked for again
        chain.lock().unwrap().final_slot = 20;
        assert_eq!(pass(&mut follower, &client).await, (0, 0));
        let kept = follower.index().last_final(&lode_jobs::ID).unwrap();
        assert_eq!(kept, Some((1, place(1, 10).signature)));
    }
}
