//! One step of one job.

use crate::cache::{Cache, Computed, Ran};
use crate::capacity::{Capacity, Room};
use crate::decision::{deadline, settles_at_once, Step};
use crate::execution::{execute, prepare, time_left, Prepared};
use crate::meters::Meters;
use crate::news::News;
use crate::pace::Pace;
use crate::rating::Rating;
use crate::{disk, Error, Result};
use lode_attestation::{commitment, majority, Verdict};
use lode_client::instructions::jobs;
use lode_client::Client;
use lode_crank::signatures::{self, find};
use lode_crank::{batches, fits, Now};
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_oracle::state::Committee;
use lode_runtime::{Finished, Outcome};
use lode_sealed::{Identities, Private, Results};
use lode_store::{gateway_urls, BlobCache, BlobHash, GatewayClient, Gateways, Hold, Writer};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who had a result that a store does not take is served again after so long.
const SHUNNED: Duration = Duration::from_secs(3_600);
/// The status of a store that does not believe in a signature's time.
const UNAUTHORIZED: u16 = 401;

/// A server may be behind for so long after an accept, ...
const BEHIND: Duration = Duration::from_secs(30);
/// ... and is asked as often.
const AGAIN: Duration = Duration::from_millis(500);

/// What all tasks use.
pub(crate) struct Shared {
    pub client: Client,
    pub node: Address,
    pub worker: Arc<Keypair>,
    /// Pays all fees: the worker, or who pays for it.
    pub payer: Arc<Keypair>,
    /// What private jobs are opened by.
    pub keys: Identities,
    /// Also private jobs that some seat cannot open.
    pub blind_checks: bool,
    pub memory_mib: u64,
    pub cache: Arc<Cache>,
    pub blobs: BlobCache,
    pub gateways: Gateways,
    /// A fetch is broken off after so long: a store that sends too slowly holds no place for good.
    pub longest_fetch: Duration,
    pub capacity: Capacity,
    pub pace: Pace,
    pub rating: Mutex<Rating>,
    pub meters: Meters,
    /// No job may be taken now.
    pub takes_none: AtomicBool,
    /// The chain's time, as the last look saw it.
    pub seen: Mutex<Now>,
    /// Markets, and customers' ledgers, whose jobs are left alone since then.
    pub shunned: Mutex<HashMap<Address, Instant>>,
    /// What attempts came to that no store has yet: the only copy, which no trim of the cache takes.
    pub unsent: Mutex<HashMap<(Address, u8), Hold>>,
    /// What the owner's hook is told.
    pub news: News,
}

impl Shared {
    pub fn rating(&self) -> Rating {
        let rating = self.rating.lock();
        rating.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn unsent(&self) -> MutexGuard<'_, HashMap<(Address, u8), Hold>> {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the chain's time.
    pub fn saw(&self, now: Now) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// The chain's time: where the server does not answer now, the time of the last look.
    async fn now(&self) -> Now {
        let seen = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Now {
            slot: self.client.slot().await.unwrap_or(seen.slot),
            ..seen
        }
    }

    /// Takes no job of a market, or of a customer's ledger, for a while.
    fn shun(&self, whose: Address) {
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        shunned.retain(|_, since| since.elapsed() < SHUNNED);
        shunned.insert(whose, Instant::now());
    }

    /// Takes jobs of it again.
    fn shun_no_more(&self, whose: &Address) {
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        shunned.remove(whose);
    }

    /// No job of this market, or of this customer's ledger, is taken now.
    pub fn shuns(&self, whose: &Address) -> bool {
        let shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let since = shunned.get(whose);
        since.is_some_and(|since| since.elapsed() < SHUNNED)
    }

    /// This job is not taken, for what came of it, of its spec or of another one of its customer's before.
    pub fn avoids(&self, at: &Address, job: &Job) -> bool {
        let refused = [job.spec, at.to_bytes()];
        self.shuns(&job.customer) || refused.iter().any(|what| self.cache.refuses(what))
    }

    /// Learns from a run how fast this machine is. What cannot be written down is known as long as this agent lives.
    async fn learn(&self, finished: &Finished) {
        let timing = finished.timing;
        let took = timing.compile + timing.run + timing.hash;
        self.meters.units.add(finished.receipt.units as f64);
        self.meters.run_seconds.add(took.as_secs_f64());
        let changed = {
            let mut rating = self.rating.lock().unwrap_or_else(PoisonError::into_inner);
            rating.note(finished.receipt.units, took)
        };
        if changed {
            let (cache, rating) = (self.cache.clone(), self.rating());
            if let Err(error) = blocking(move || cache.keep_rating(&rating)).await {
                tracing::warn!(%error, "what was learned of this machine's speed is not written down");
            }
        }
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Runtime(error.to_string()))?
}

fn is_unauthorized(error: &lode_store::Error) -> bool {
    matches!(error, lode_store::Error::Refused { status, .. } if *status == UNAUTHORIZED)
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Fetch what an open job names: its turn is near.
    Prefetch,
    /// Fetch an open job, accept it and run it.
    Accept,
    /// Fetch an open job and bid for it, base units per million units.
    Bid(u64),
    /// The next step of an accepted one.
    Next(Step),
    /// End an accepted attempt that the machine shall not run now.
    GiveUp,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The step is done.
    Did,
    /// Others have to act first.
    NotYet,
}

/// A step of a job as it was read.
pub(crate) struct Task {
    pub shared: Arc<Shared>,
    pub at: Address,
    pub job: Job,
    pub market: Market,
    pub work: Work,
    /// Set once the job may be this node's: from then on the task must not be broken off.
    pub taken: Arc<AtomicBool>,
    /// Set once it has the room that its run takes, or needs none.
    pub placed: Arc<AtomicBool>,
}

impl Task {
    /// Does it.
    pub async fn act(&self) -> Result<Done> {
        match self.work {
            Work::Prefetch => self.prepared(true).await.map(|_| Done::Did),
            Work::Accept => self.accept().await,
            Work::Bid(price) => self.bid(price).await,
            Work::Next(Step::Run) => self.run().await,
            Work::Next(Step::Submit) => self.submit(&self.known().await?).await,
            Work::Next(Step::Seal) => self.seal().await,
            Work::Next(Step::Reveal) => self.reveal().await,
            Work::Next(Step::Attest) => self.attest().await,
            Work::Next(Step::Settle) => self.settle().await,
            Work::Next(Step::Expire) => self.expire().await,
            Work::Next(Step::Award) => self.award().await,
            Work::Next(Step::Escalate) => self.escalate().await,
            Work::Next(Step::Void) => self.void().await,
            Work::Next(Step::Wait) => Ok(Done::NotYet),
            Work::GiveUp => self.end_attempt().await,
        }
    }

    /// The market's store.
    fn store(&self) -> Result<GatewayClient> {
        Ok(self.shared.gateways.of(&self.market.store_url)?)
    }

    async fn send(&self, what: &str, instructions: &[Instruction]) -> Result<Done> {
        let Shared {
            client,
            payer,
            worker,
            ..
        } = &*self.shared;
        let sent = client.send(instructions, payer, &[worker]).await?;
        tracing::info!(job = %self.at, attempt = self.job.attempt, signature = %sent.signature, "{what}");
        Ok(Done::Did)
    }

    /// All that the job names, on this machine. `careful` refuses a module that made this machine give up before; what
    /// is accepted already is tried all the same.
    async fn prepared(&self, careful: bool) -> Result<Prepared> {
        let shared = &self.shared;
        let known = careful.then_some(&*shared.cache);
        let store = self.store()?;
        let fetched = prepare(
            &self.job,
            &self.market,
            shared.memory_mib,
            &store,
            &shared.blobs,
            known,
            shared.keys.all(),
        );
        // what came stays: the next try goes on there, and meanwhile others have this one's place
        let fetched = tokio::time::timeout(shared.longest_fetch, fetched).await;
        let prepared = fetched.map_err(|_| lode_store::Error::Unreachable {
            url: gateway_urls(&self.market.store_url).join(" "),
            reason: "it sends too slowly".into(),
        })??;
        if let (Some(private), true, false) = (&prepared.private, careful, shared.blind_checks) {
            let committee: Committee = shared.client.get_account(&self.market.committee).await?;
            let now = shared.client.clock().await?.unix_timestamp;
            if let Some(seat) = private.leaves_out(&committee, now) {
                return Err(Error::Unfit(format!(
                    "it is private, and seat {seat} of the committee, which may be asked to check it, cannot open it"
                )));
            }
        }
        Ok(prepared)
    }

    /// Fetch before accept: what cannot be had, or does not fit, is not taken; and nothing is taken that would have to
    /// wait for room while its window runs.
    async fn accept(&self) -> Result<Done> {
        let shared = &self.shared;
        let prepared = self.prepared(true).await?;
        let room = shared.capacity.take(prepared.memory_mib).await?;
        self.placed.store(true, Ordering::Release);
        self.taken.store(true, Ordering::Release);
        if shared.takes_none.load(Ordering::Acquire) {
            return Ok(Done::NotYet);
        }
        let worker = shared.worker.pubkey();
        let accept = jobs::accept_job(&worker, &shared.node, &self.at, &self.job);
        self.send("accepted", &[accept]).await?;
        shared.meters.accepted.inc();
        let Some(job) = self.as_accepted().await else {
            // the next look goes on
            tracing::warn!(job = %self.at, "no server tells what was accepted: its run begins later");
            return Ok(Done::Did);
        };
        let news = &shared.news;
        news.goes_on(shared, &self.market, &self.at, &job).await;
        let task = Self {
            shared: shared.clone(),
            at: self.at,
            job,
            market: self.market,
            work: Work::Next(Step::Run),
            taken: self.taken.clone(),
            placed: self.placed.clone(),
        };
        task.run_in(prepared, room).await
    }

    /// The job as this node has just accepted it. A server that is behind, or does not answer, is asked again for a while:
    /// whoever lets go of his room now has the next job take it, and waits a whole run of it in his own window.
    async fn as_accepted(&self) -> Option<Job> {
        let client = &self.shared.client;
        let begun = Instant::now();
        loop {
            match client.try_account::<Job>(&self.at).await {
                Ok(Some(job)) if self.is_what_was_accepted(&job) => return Some(job),
                Ok(_) => tracing::debug!(job = %self.at, "the server is behind"),
                Err(error) => tracing::debug!(job = %self.at, %error, "asking again"),
            }
            if begun.elapsed() >= BEHIND {
                return None;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn is_what_was_accepted(&self, job: &Job) -> bool {
        job.state == JobState::Accepted as u8
            && job.node == self.shared.node
            && job.attempt == self.job.attempt
    }

    /// Fetch before bid: the award may come at any time after.
    async fn bid(&self, price: u64) -> Result<Done> {
        let shared = &self.shared;
        self.prepared(true).await?;
        self.taken.store(true, Ordering::Release);
        if shared.takes_none.load(Ordering::Acquire) {
            return Ok(Done::NotYet);
        }
        let worker = shared.worker.pubkey();
        let bid = jobs::place_bid(&worker, &shared.node, &self.at, &self.job, price);
        self.send("bid", &[bid]).await?;
        shared.meters.bids.inc();
        Ok(Done::Did)
    }

    async fn known(&self) -> Result<Computed> {
        let known = self.shared.cache.computed(&self.at, self.job.attempt)?;
        known.ok_or_else(|| Error::Runtime("the result left the folder".into()))
    }

    /// Runs the job, once there is room for it; one that was run before is only handed in.
    async fn run(&self) -> Result<Done> {
        if let Some((ran, _hold)) = self.ran().await? {
            self.placed.store(true, Ordering::Release);
            return self.hand_in(&ran).await;
        }
        let prepared = match self.prepared(false).await {
            Ok(prepared) => prepared,
            Err(Error::Unfit(reason)) if self.is_accepted() => return self.give_up(&reason).await,
            Err(error) => return Err(error),
        };
        let room = self.shared.capacity.take(prepared.memory_mib).await?;
        self.placed.store(true, Ordering::Release);
        self.run_in(prepared, room).await
    }

    fn is_accepted(&self) -> bool {
        self.job.state == JobState::Accepted as u8
    }

    /// An earlier run, if all that it came to is still on this disk.
    async fn ran(&self) -> Result<Option<(Ran, Hold)>> {
        let shared = &self.shared;
        let Some(ran) = shared.cache.ran(&self.at, self.job.attempt) else {
            return Ok(None);
        };
        // before they are looked for: nobody makes room of them meanwhile
        let hold = shared.blobs.hold(ran.blobs.iter().copied());
        for blob in &ran.blobs {
            if shared.blobs.find(*blob).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some((ran, hold)))
    }

    /// Runs what is prepared, and writes down what it came to before anybody is asked to take it: a store that is away
    /// costs no second run.
    async fn run_in(&self, prepared: Prepared, room: Room) -> Result<Done> {
        let shared = &self.shared;
        let (module, named) = (prepared.module_hash, prepared.named.clone());
        let private = prepared.private.clone();
        // neither its module's name nor the engine's words may tell what ran
        let module = private.is_none().then_some(module);
        // a question that is not answered must not cost this job its room
        let now = shared.now().await;
        let deadline = deadline(&self.job, &self.market, &now);
        let wall = time_left(deadline, now.slot, shared.pace.slot());
        tracing::info!(job = %self.at, attempt = self.job.attempt, "running");
        let (limit, cores) = (self.job.units_limit, shared.capacity.cores());
        let finished = match execute(prepared, limit, wall, cores, room).await? {
            Outcome::Receipt(finished) => finished,
            Outcome::Host(_) if private.is_some() => {
                let reason = "the private job has no end on this machine";
                return self.cannot(module, reason).await;
            }
            Outcome::Host(end) => return self.cannot(module, &end.to_string()).await,
        };
        shared.learn(&finished).await;
        let (ran, _hold) = self
            .written_down(*finished, private.as_ref(), &named)
            .await?;
        self.hand_in(&ran).await
    }

    /// Does what writes to the disk. Where that is full the cache of blobs forgets all that nobody uses, and it is done once
    /// more: a run is not thrown away for what other jobs left behind.
    async fn with_space<T, F>(&self, write: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        match write().await {
            Err(error) if disk::is_full(&error) => {
                tracing::warn!(job = %self.at, %error, "the disk is full: the cache of blobs is emptied");
                self.shared.blobs.trim(0).await?;
                write().await
            }
            done => done,
        }
    }

    /// Keeps on this disk what a run came to.
    async fn written_down(
        &self,
        finished: Finished,
        private: Option<&Private>,
        named: &[[u8; 32]],
    ) -> Result<(Ran, Hold)> {
        let units = finished.receipt.units;
        let results = Results::of(finished, private)?;
        let result = results.hash;
        // What the spec names too is the customer's to put. All else is put, also if it is there: by another job
        // it stays only as long as that one. Nothing is sent twice; the store says that it has it.
        let outputs: Vec<(BlobHash, Arc<Vec<u8>>)> = results
            .blobs
            .into_iter()
            .map(|bytes| (BlobHash::of(&bytes), Arc::new(bytes)))
            .filter(|(name, _)| !named.contains(&name.0))
            .collect();
        let ran = Ran {
            computed: Computed { result, units },
            blobs: outputs.iter().map(|(name, _)| *name).collect(),
        };
        let hold = self.shared.blobs.hold(ran.blobs.iter().copied());
        self.with_space(|| self.write_down(&ran, &outputs)).await?;
        Ok((ran, hold))
    }

    async fn write_down(&self, ran: &Ran, outputs: &[(BlobHash, Arc<Vec<u8>>)]) -> Result<()> {
        for (_, bytes) in outputs {
            self.shared.blobs.insert_shared(bytes.clone()).await?;
        }
        let (cache, ran) = (self.shared.cache.clone(), ran.clone());
        let (at, attempt) = (self.at, self.job.attempt);
        blocking(move || cache.keep_run(&at, attempt, &ran)).await
    }

    /// Puts what a run came to. An attempt that was accepted is submitted, one that was submitted before is only
    /// remembered.
    async fn hand_in(&self, ran: &Ran) -> Result<Done> {
        let computed = ran.computed;
        if !self.is_accepted() && !self.was_committed(&computed) {
            return Err(Error::Unfit(
                "a second run came to another result than the one that was submitted: this machine is not reliable"
                    .into(),
            ));
        }
        let (cache, at, attempt) = (&self.shared.cache, self.at, self.job.attempt);
        let hold = self.shared.blobs.hold(ran.blobs.iter().copied());
        self.shared.unsent().insert((at, attempt), hold);
        match self.put(&ran.blobs).await {
            Err(Error::Store(error)) if error.is_too_large() => {
                return self.not_taken(self.job.customer, &error).await;
            }
            Err(Error::Store(error)) if error.is_full() => {
                return self.not_taken(self.job.market, &error).await;
            }
            Err(Error::Store(error)) if is_unauthorized(&error) => {
                // this machine's clock is wrong, or the store's: nothing else can be handed in either, until it is set
                self.shared.shun(self.job.market);
                return Err(error.into());
            }
            put => put?,
        }
        // it takes what this machine signs
        self.shared.shun_no_more(&self.job.market);
        let keep = || {
            let cache = cache.clone();
            blocking(move || cache.keep(&at, attempt, &computed))
        };
        self.with_space(keep).await?;
        self.shared.unsent().remove(&(at, attempt));
        if self.is_accepted() {
            self.submit(&computed).await
        } else {
            Ok(Done::Did)
        }
    }

    /// No try of this machine's will bring this to its end: its module is left alone, and an attempt that was accepted
    /// is given up.
    async fn cannot(&self, module: Option<[u8; 32]>, reason: &str) -> Result<Done> {
        if let Some(module) = module {
            self.noted(self.shared.cache.leave_alone(&module, reason));
        }
        if self.is_accepted() {
            return self.give_up(reason).await;
        }
        Err(Error::Unfit(reason.into()))
    }

    /// The store will never take what this attempt came to: it is given up, and for a while no job of `whose` is taken. Of
    /// spec and module that says nothing, which other jobs may have, in markets whose stores take more.
    async fn not_taken(&self, whose: Address, error: &lode_store::Error) -> Result<Done> {
        let reason = error.to_string();
        if !self.is_accepted() {
            return Err(Error::Unfit(reason));
        }
        tracing::warn!(job = %self.at, attempt = self.job.attempt, %reason, "giving the job up");
        self.shared.shun(whose);
        self.noted(self.shared.cache.refuse(&self.at.to_bytes(), &reason));
        self.end_attempt().await
    }

    fn was_committed(&self, computed: &Computed) -> bool {
        let job = &self.job;
        let expected = if job.flags & flag::REVEALED != 0 {
            computed.result
        } else {
            commitment(
                &computed.result,
                computed.units,
                &self.at,
                job.attempt,
                &job.node,
            )
        };
        expected == job.result && computed.units == job.units
    }

    /// Put before submit: the customer and the panel find outputs and receipt when the commitment appears.
    async fn put(&self, results: &[BlobHash]) -> Result<()> {
        let store = self.store()?;
        let writer = Writer {
            signer: &*self.shared.worker,
            job: self.at,
            attempt: self.job.attempt,
        };
        let blobs = &self.shared.blobs;
        let spec = BlobHash(self.job.spec);
        let _hold = blobs.hold(results.iter().copied().chain([spec]));
        for blob in results {
            blobs.put_output(&writer, spec, *blob, &store).await?;
        }
        Ok(())
    }

    async fn submit(&self, computed: &Computed) -> Result<Done> {
        let job = &self.job;
        let made = commitment(
            &computed.result,
            computed.units,
            &self.at,
            job.attempt,
            &job.node,
        );
        let worker = self.shared.worker.pubkey();
        let submit = jobs::submit_result(&worker, &self.at, job, made, computed.units);
        self.send("submitted", &[submit]).await?;
        self.shared.meters.submitted.inc();
        let submitted = Job {
            state: JobState::Submitted as u8,
            units: computed.units,
            ..*job
        };
        let shared = &self.shared;
        let news = &shared.news;
        news.goes_on(shared, &self.market, &self.at, &submitted)
            .await;
        Ok(Done::Did)
    }

    /// Ends an attempt that this machine cannot finish, and takes no job of that spec again.
    async fn give_up(&self, reason: &str) -> Result<Done> {
        tracing::warn!(job = %self.at, attempt = self.job.attempt, %reason, "giving the job up");
        self.noted(self.shared.cache.refuse(&self.job.spec, reason));
        self.end_attempt().await
    }

    /// That a job is given up must not wait for a note that cannot be written: then its customer's jobs are left alone for a
    /// while instead of what the note names.
    fn noted(&self, written: Result<()>) {
        if let Err(error) = written {
            tracing::warn!(job = %self.at, %error, "why this job is given up is not written down: no job of its customer is taken for a while");
            self.shared.shun(self.job.customer);
        }
    }

    async fn end_attempt(&self) -> Result<Done> {
        let worker = self.shared.worker.pubkey();
        let give_up = jobs::give_up_job(&worker, &self.at, &self.job);
        self.send("given up", &[give_up]).await?;
        self.shared.meters.given_up.inc();
        Ok(Done::Did)
    }

    // Whoever turns a job is paid for it: the payer, because a worker without SOL cannot hold so little.
    async fn seal(&self) -> Result<Done> {
        let crank = self.shared.payer.pubkey();
        let seal = jobs::seal_job(&crank, &self.at, &self.job, &self.market.committee);
        self.send("sealed", &[seal]).await
    }

    fn settlement(&self) -> Instruction {
        jobs::settle_job(&self.shared.payer.pubkey(), &self.at, &self.job)
    }

    async fn reveal(&self) -> Result<Done> {
        let known = self.known().await?;
        let mut instructions = vec![jobs::reveal_result(&self.at, &self.job, known.result)];
        if settles_at_once(&self.job, &self.market, 0) {
            instructions.push(self.settlement());
            self.send("revealed and settled", &instructions).await?;
            self.shared.meters.settled.inc();
            return Ok(Done::Did);
        }
        self.send("revealed", &instructions).await
    }

    async fn settle(&self) -> Result<Done> {
        if self.job.verdict != Verdict::Match as u8 {
            tracing::warn!(job = %self.at, attempt = self.job.attempt, verdict = self.job.verdict, "the committee did not confirm this result; the owner could have challenged that");
        }
        self.send("settled", &[self.settlement()]).await?;
        self.shared.meters.settled.inc();
        Ok(Done::Did)
    }

    async fn award(&self) -> Result<Done> {
        self.send("awarded", &[jobs::award_job(&self.at, &self.job)])
            .await
    }

    async fn escalate(&self) -> Result<Done> {
        let crank = self.shared.payer.pubkey();
        let escalate = jobs::escalate_job(&crank, &self.at, &self.job);
        self.send("escalated", &[escalate]).await
    }

    async fn void(&self) -> Result<Done> {
        let crank = self.shared.payer.pubkey();
        let void = jobs::void_job(&crank, &self.at, &self.job);
        self.send("voided", &[void]).await
    }

    async fn expire(&self) -> Result<Done> {
        let crank = self.shared.payer.pubkey();
        let expire = jobs::expire_job(&crank, &self.at, &self.job);
        self.send("expired", &[expire]).await?;
        self.shared.meters.expired.inc();
        Ok(Done::Did)
    }

    /// Brings the panel's signatures under a match to the chain, once there are enough of them: all that are there and
    /// fit, not only a majority, because who signed is paid only if the chain has his signature. Settles in the same
    /// transaction where that fits too.
    async fn attest(&self) -> Result<Done> {
        let known = self.known().await?;
        let shared = &self.shared;
        let committee: Committee = shared.client.get_account(&self.market.committee).await?;
        let (at, job, market) = (&self.at, &self.job, &self.market);
        let receipt = Some((known.result, known.units));
        let store = self.store()?;
        let mut found = find(&store, at, job, market, &committee, receipt).await?;
        found.retain(|one| {
            let agrees = one.verdict == Verdict::Match;
            if !agrees {
                tracing::warn!(job = %at, attempt = job.attempt, seat = one.signature.seat, verdict = ?one.verdict, "this seat does not agree");
            }
            agrees
        });
        let matches: Vec<_> = found
            .iter()
            .map(|one| (one.signature.seat, one.verdict))
            .collect();
        let slot = shared.client.slot().await?;
        let batches = batches(job, market, slot, &matches);
        if batches.is_empty() {
            tracing::debug!(job = %at, found = found.len(), "waiting for signatures");
            return Ok(Done::NotYet);
        }
        let mut signers = job.signed_match;
        for batch in &batches {
            signers |= batch.mask();
            let mut instructions = signatures::attest(at, job, market, batch, &found, receipt);
            let completes = signers.count_ones() >= majority(job.panel);
            if completes && settles_at_once(job, market, signers) {
                instructions.push(self.settlement());
                if fits(&instructions, &shared.payer.pubkey()) {
                    self.send("attested and settled", &instructions).await?;
                    shared.meters.settled.inc();
                    return Ok(Done::Did);
                }
                instructions.pop();
            }
            self.send("attested", &instructions).await?;
        }
        Ok(Done::Did)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use base64::Engine as _;
    use bytemuck::Zeroable;
    use lode_client::LodeAccount;
    use lode_notify::Notices;
    use lode_telemetry::Telemetry;
    use serde_json::json;
    use std::sync::atomic::AtomicU16;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpListener;

    const SPEC: [u8; 32] = [3; 32];
    const MARKET: Address = Address::new_from_array([5; 32]);
    const CUSTOMER: Address = Address::new_from_array([6; 32]);

    /// A store whose status and body of an answer follow from the request's method; how many requests came.
    async fn served(
        answer: impl Fn(&str) -> (u16, &'static [u8]) + Send + Sync + 'static,
    ) -> (String, Arc<AtomicU16>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicU16::new(0));
        let count = requests.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let mut socket = BufReader::new(socket);
                let (mut line, mut length) = (String::new(), 0);
                socket.read_line(&mut line).await.unwrap();
                let (status, body) = answer(line.split(' ').next().unwrap());
                while line.len() > 2 {
                    line.clear();
                    socket.read_line(&mut line).await.unwrap();
                    if let Some(said) = line.strip_prefix("content-length: ") {
                        length = said.trim().parse().unwrap();
                    }
                }
                let mut sent = vec![0; length];
                socket.read_exact(&mut sent).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                socket.write_all(head.as_bytes()).await.unwrap();
                socket.write_all(body).await.unwrap();
            }
        });
        (url, requests)
    }

    /// A store that answers every request with a status; how many came.
    async fn store(status: Arc<AtomicU16>) -> (String, Arc<AtomicU16>) {
        served(move |_| (status.load(Ordering::Relaxed), &[])).await
    }

    /// An accepted job whose run is over: its outputs lie on the disk, its spec and module nowhere. No transaction is sent.
    async fn ran(folder: &std::path::Path, store_url: &str) -> Task {
        let cache = Arc::new(Cache::open(&folder.join("results")).unwrap());
        let blobs = BlobCache::open(folder.join("blobs")).unwrap();
        let (at, node) = (Address::new_unique(), Address::new_unique());
        let (first, _) = blobs.insert(b"stdout".to_vec()).await.unwrap();
        let (receipt, _) = blobs.insert(b"receipt".to_vec()).await.unwrap();
        let ran = Ran {
            computed: Computed {
                result: receipt.0,
                units: 7,
            },
            blobs: vec![first, receipt],
        };
        cache.keep_run(&at, 0, &ran).unwrap();
        let mut market = Market::zeroed();
        market.store_url[..store_url.len()].copy_from_slice(store_url.as_bytes());
        let mut job = Job::zeroed();
        (job.state, job.spec, job.node) = (JobState::Accepted as u8, SPEC, node);
        (job.market, job.customer) = (MARKET, CUSTOMER);
        let worker = Arc::new(Keypair::new());
        let shared = Shared {
            client: Client::new("http://127.0.0.1:1").only_looking(),
            node,
            payer: worker.clone(),
            worker,
            keys: Identities::open(folder).unwrap(),
            blind_checks: false,
            memory_mib: 64,
            rating: Mutex::new(Rating::default()),
            cache,
            blobs,
            gateways: Gateways::default(),
            longest_fetch: Duration::from_millis(300),
            capacity: Capacity::new(1, 64),
            pace: Pace::new(),
            meters: Meters::new(Telemetry::default()),
            takes_none: AtomicBool::new(false),
            seen: Mutex::default(),
            shunned: Mutex::default(),
            unsent: Mutex::default(),
            news: News::new(Notices::default(), folder, 0, None),
        };
        Task {
            shared: Arc::new(shared),
            at,
            job,
            market,
            work: Work::Next(Step::Run),
            taken: Arc::new(AtomicBool::new(true)),
            placed: Arc::default(),
        }
    }

    /// A server's answer to the question for one account.
    fn account<T: LodeAccount>(value: Option<&T>) -> &'static [u8] {
        let value = value.map(|value| {
            let data = [T::DISCRIMINATOR, bytemuck::bytes_of(value)].concat();
            let data = base64::engine::general_purpose::STANDARD.encode(data);
            json!({"lamports": 1, "owner": T::PROGRAM.to_string(), "data": [data, "base64"], "executable": false, "rentEpoch": 0})
        });
        let result = json!({"context": {"slot": 1}, "value": [value]});
        let answer = json!({"jsonrpc": "2.0", "id": 0, "result": result});
        answer.to_string().leak().as_bytes()
    }

    #[tokio::test]
    async fn a_server_that_is_behind_after_an_accept_is_asked_again_while_the_room_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut task = ran(folder.path(), "http://127.0.0.1:1").await;
        let mut accepted = task.job;
        accepted.version = 1;
        let mut open = accepted;
        (open.state, open.node) = (JobState::Open as u8, Address::default());
        let script = [
            (503, &b""[..]),
            (200, account::<Job>(None)),
            (200, account(Some(&open))),
            (200, account(Some(&accepted))),
        ];
        let left = Mutex::new(script.into_iter());
        let (url, requests) = served(move |_| left.lock().unwrap().next().unwrap()).await;
        Arc::get_mut(&mut task.shared).unwrap().client = Client::new(url);
        let found = task.as_accepted().await.unwrap();
        assert!(task.is_what_was_accepted(&found));
        assert_eq!(requests.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn a_run_that_the_store_did_not_take_is_put_again_and_not_run_again() {
        let folder = tempfile::tempdir().unwrap();
        let status = Arc::new(AtomicU16::new(403));
        let (url, requests) = store(status.clone()).await;
        let task = ran(folder.path(), &url).await;
        let error = task.act().await.unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error}");
        let known = || task.shared.cache.computed(&task.at, 0).unwrap();
        assert_eq!(known(), None);

        status.store(201, Ordering::Relaxed);
        let error = task.act().await.unwrap_err();
        assert!(error.to_string().contains("dry run"), "{error}");
        assert_eq!(known().map(|computed| computed.units), Some(7));
        assert_eq!(requests.load(Ordering::Relaxed), 1 + 2);
        assert!(!task.shared.cache.refuses(&SPEC));
    }

    #[tokio::test]
    async fn what_a_store_will_never_take_is_given_up_and_other_jobs_of_its_spec_are_not() {
        for (status, whose, other) in [(413, CUSTOMER, MARKET), (507, MARKET, CUSTOMER)] {
            let folder = tempfile::tempdir().unwrap();
            let (url, requests) = store(Arc::new(AtomicU16::new(status))).await;
            let task = ran(folder.path(), &url).await;
            let error = task.act().await.unwrap_err();
            assert!(error.to_string().contains("dry run"), "{status}: {error}");
            assert_eq!(requests.load(Ordering::Relaxed), 1, "{status}");
            let shared = &task.shared;
            assert!(shared.shuns(&whose) && !shared.shuns(&other));
            let mut job = task.job;
            job.customer = Address::new_unique();
            assert!(shared.avoids(&task.at, &job));
            assert!(!shared.avoids(&Address::new_unique(), &job));
        }
    }

    #[tokio::test]
    async fn where_a_store_does_not_believe_its_clock_a_node_takes_no_more_and_tries_again() {
        let folder = tempfile::tempdir().unwrap();
        let status = Arc::new(AtomicU16::new(401));
        let (url, _) = store(status.clone()).await;
        let task = ran(folder.path(), &url).await;
        let error = task.act().await.unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error}");
        assert!(task.shared.shuns(&MARKET) && !task.shared.shuns(&CUSTOMER));
        assert!(!task.shared.avoids(&task.at, &task.job));
        status.store(201, Ordering::Relaxed);
        let error = task.act().await.unwrap_err();
        assert!(error.to_string().contains("dry run"), "{error}");
        // a clock that was set is believed
        assert!(!task.shared.shuns(&MARKET));
    }

    #[tokio::test]
    async fn a_submitted_result_that_no_store_takes_is_not_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let (url, _) = store(Arc::new(AtomicU16::new(413))).await;
        let mut task = ran(folder.path(), &url).await;
        let computed = task.shared.cache.ran(&task.at, 0).unwrap().computed;
        (task.job.state, task.job.units) = (JobState::Sealed as u8, computed.units);
        (task.job.result, task.job.flags) = (computed.result, flag::REVEALED);
        let error = task.act().await.unwrap_err();
        assert!(matches!(error, Error::Unfit(_)), "{error}");
        assert!(!task.shared.cache.refuses(&task.at.to_bytes()));
        assert!(!task.shared.shuns(&CUSTOMER));
    }

    #[tokio::test]
    async fn a_store_that_sends_too_slowly_does_not_keep_its_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n";
            socket.write_all(head).await.unwrap();
            // faster than a connection that counts as broken
            while socket.write_all(&[b' '; 512]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let mut task = ran(folder.path(), &url).await;
        task.work = Work::Prefetch;
        let ended = tokio::time::timeout(Duration::from_secs(5), task.act()).await;
        let error = ended.unwrap().unwrap_err();
        assert!(error.to_string().contains("too slowly"), "{error}");
    }

    #[tokio::test]
    async fn a_store_that_wants_the_spec_is_given_it_also_where_it_left_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let script = [
            ("PUT", 424),
            ("GET", 200),
            ("PUT", 424),
            ("PUT", 201),
            ("PUT", 201),
            ("PUT", 201),
        ];
        let left = Mutex::new(script.into_iter());
        let (url, requests) = served(move |method| {
            let (expected, status) = left.lock().unwrap().next().unwrap();
            assert_eq!(method, expected);
            let body = if method == "GET" { "spec" } else { "" };
            (status, body.as_bytes())
        })
        .await;
        let mut task = ran(folder.path(), &url).await;
        task.job.spec = BlobHash::of(b"spec").0;
        let error = task.act().await.unwrap_err();
        assert!(error.to_string().contains("dry run"), "{error}");
        assert_eq!(usize::from(requests.load(Ordering::Relaxed)), script.len());
        let known = task.shared.cache.computed(&task.at, 0).unwrap();
        assert_eq!(known.map(|computed| computed.units), Some(7));
    }

    #[tokio::test]
    async fn on_a_full_disk_the_cache_gives_way_and_what_no_store_has_yet_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let status = Arc::new(AtomicU16::new(403));
        let (url, _) = store(status.clone()).await;
        let task = ran(folder.path(), &url).await;
        let error = task.act().await.unwrap_err();
        assert!(matches!(error, Error::Store(_)), "{error}");

        let (other, _) = task.shared.blobs.insert(b"other".to_vec()).await.unwrap();
        let tries = AtomicU16::new(0);
        let write = || async {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::File {
                    path: "here".into(),
                    source: std::io::ErrorKind::StorageFull.into(),
                }),
                _ => Ok(()),
            }
        };
        task.with_space(write).await.unwrap();
        assert_eq!(tries.load(Ordering::Relaxed), 2);
        assert!(!task.shared.blobs.path(other).exists());
        assert!(task.ran().await.unwrap().is_some());

        // in the store they are nobody's any more
        status.store(201, Ordering::Relaxed);
        let error = task.act().await.unwrap_err();
        assert!(error.to_string().contains("dry run"), "{error}");
        task.shared.blobs.trim(0).await.unwrap();
        assert!(task.ran().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_job_is_given_up_also_where_nothing_can_be_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let task = ran(folder.path(), "http://127.0.0.1:1").await;
        std::fs::remove_dir_all(folder.path().join("results")).unwrap();
        let error = task.cannot(Some([7; 32]), "it has no end").await;
        let error = error.unwrap_err();
        assert!(error.to_string().contains("dry run"), "{error}");
        assert!(task.shared.shuns(&CUSTOMER));
    }

    #[tokio::test]
    async fn a_run_of_which_something_is_gone_is_run_again() {
        let folder = tempfile::tempdir().unwrap();
        let (url, _) = store(Arc::new(AtomicU16::new(201))).await;
        let task = ran(folder.path(), &url).await;
        assert!(task.ran().await.unwrap().is_some());
        task.shared.blobs.trim(7).await.unwrap();
        assert!(task.ran().await.unwrap().is_none());
    }
}
