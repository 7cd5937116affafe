//! One step of one job.

use crate::cache::{Cache, Computed};
use crate::decision::{gathers, settles_at_once, wanted, Step};
use crate::execution::{execute, gateway, prepare, time_left};
use crate::{Error, Result};
use lode_attestation::{commitment, Statement, Verdict};
use lode_client::instructions::jobs::{self, SeatSignature};
use lode_client::Client;
use lode_jobs::state::{Job, JobState, Market};
use lode_oracle::state::Committee;
use lode_runtime::{Finished, Outcome};
use lode_store::{BlobCache, BlobHash, GatewayClient, Writer};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Signatures in one transaction at most: more do not fit its bytes.
const MOST_SIGNATURES: usize = 5;
/// With so many signatures a settlement fits too.
const WITH_SETTLEMENT: usize = 3;

/// What all tasks use.
pub(crate) struct Shared {
    pub client: Client,
    pub node: Address,
    pub worker: Arc<Keypair>,
    pub memory_mib: u64,
    pub cache: Arc<Cache>,
    pub blobs: BlobCache,
    /// One permit for each job that may run at a time.
    pub runs: Arc<Semaphore>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Fetch an open job and accept it.
    Accept,
    /// The next step of an accepted one.
    Next(Step),
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
}

impl Task {
    /// Does it.
    pub async fn act(&self) -> Result<Done> {
        match self.work {
            Work::Accept => self.accept().await,
            Work::Next(Step::Run) => self.run().await,
            Work::Next(Step::Submit) => self.submit(&self.known().await?).await,
            Work::Next(Step::Seal) => self.seal().await,
            Work::Next(Step::Reveal) => self.reveal().await,
            Work::Next(Step::Attest) => self.attest().await,
            Work::Next(Step::Settle) => self.settle().await,
            Work::Next(Step::Expire) => self.expire().await,
            Work::Next(Step::Wait) => Ok(Done::NotYet),
        }
    }

    async fn send(&self, what: &str, instructions: &[Instruction]) -> Result<Done> {
        let worker = &*self.shared.worker;
        let sent = self.shared.client.send(instructions, worker, &[]).await?;
        tracing::info!(job = %self.at, attempt = self.job.attempt, signature = %sent.signature, "{what}");
        Ok(Done::Did)
    }

    /// Fetch before accept: what cannot be had, or does not fit, is not taken.
    async fn accept(&self) -> Result<Done> {
        let shared = &self.shared;
        prepare(&self.job, &self.market, shared.memory_mib, &shared.blobs).await?;
        let worker = shared.worker.pubkey();
        let accept = jobs::accept_job(&worker, &shared.node, &self.at, &self.job);
        self.send("accepted", &[accept]).await
    }

    async fn known(&self) -> Result<Computed> {
        let known = self.shared.cache.computed(&self.at, self.job.attempt)?;
        known.ok_or_else(|| Error::Runtime("the result left the folder".into()))
    }

    /// Runs the job. An attempt that was accepted is submitted, one that was submitted before is only remembered.
    async fn run(&self) -> Result<Done> {
        let accepted = self.job.state == JobState::Accepted as u8;
        let finished = match self.compute().await {
            Ok(finished) => finished,
            Err(Error::Unfit(reason)) if accepted => return self.give_up(reason).await,
            Err(error) => return Err(error),
        };
        let computed = Computed {
            result: finished.result_hash,
            units: finished.receipt.units,
        };
        if !accepted && !self.was_committed(&computed) {
            return Err(Error::Unfit(
                "a second run came to another result than the one that was submitted: this machine is not reliable"
                    .into(),
            ));
        }
        self.put(*finished).await?;
        let (cache, at, attempt) = (self.shared.cache.clone(), self.at, self.job.attempt);
        tokio::task::spawn_blocking(move || cache.keep(&at, attempt, &computed))
            .await
            .map_err(|error| Error::Runtime(error.to_string()))??;
        if accepted {
            self.submit(&computed).await
        } else {
            Ok(Done::Did)
        }
    }

    async fn compute(&self) -> Result<Box<Finished>> {
        let shared = &self.shared;
        let prepared = prepare(&self.job, &self.market, shared.memory_mib, &shared.blobs).await?;
        let permit = shared.runs.clone().acquire_owned().await;
        let permit = permit.map_err(|error| Error::Runtime(error.to_string()))?;
        let wall = time_left(&self.job, shared.client.slot().await?);
        tracing::info!(job = %self.at, attempt = self.job.attempt, "running");
        match execute(prepared, self.job.units_limit, wall, permit).await? {
            Outcome::Receipt(finished) => Ok(finished),
            Outcome::Host(end) => Err(Error::Unfit(end.to_string())),
        }
    }

    fn was_committed(&self, computed: &Computed) -> bool {
        let job = &self.job;
        let made = commitment(
            &computed.result,
            computed.units,
            &self.at,
            job.attempt,
            &job.node,
        );
        made == job.result && computed.units == job.units
    }

    /// Put before submit: the customer and the panel find outputs and receipt when the commitment appears.
    async fn put(&self, finished: Finished) -> Result<()> {
        let store = gateway(&self.market)?;
        let writer = Writer {
            signer: &*self.shared.worker,
            job: self.at,
            attempt: self.job.attempt,
        };
        for bytes in finished.outputs.into_iter().chain([finished.line]) {
            // what the spec names too is the customer's to put, and is there
            if store.size(BlobHash::of(&bytes)).await?.is_none() {
                store.put(&writer, bytes).await?;
            }
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
        self.send("submitted", &[submit]).await
    }

    /// Ends an attempt that this machine cannot finish, and takes no job of that spec again.
    async fn give_up(&self, reason: String) -> Result<Done> {
        tracing::warn!(job = %self.at, attempt = self.job.attempt, %reason, "giving the job up");
        self.shared.cache.refuse(&self.job.spec, &reason)?;
        let worker = self.shared.worker.pubkey();
        let give_up = jobs::give_up_job(&worker, &self.at, &self.job);
        self.send("given up", &[give_up]).await
    }

    async fn seal(&self) -> Result<Done> {
        let worker = self.shared.worker.pubkey();
        let seal = jobs::seal_job(&worker, &self.at, &self.job, &self.market.committee);
        self.send("sealed", &[seal]).await
    }

    fn settlement(&self) -> Instruction {
        jobs::settle_job(&self.shared.worker.pubkey(), &self.at, &self.job)
    }

    async fn reveal(&self) -> Result<Done> {
        let known = self.known().await?;
        let mut instructions = vec![jobs::reveal_result(&self.at, &self.job, known.result)];
        if settles_at_once(&self.job, &self.market, 0) {
            instructions.push(self.settlement());
            return self.send("revealed and settled", &instructions).await;
        }
        self.send("revealed", &instructions).await
    }

    async fn settle(&self) -> Result<Done> {
        self.send("settled", &[self.settlement()]).await
    }

    async fn expire(&self) -> Result<Done> {
        let worker = self.shared.worker.pubkey();
        let expire = jobs::expire_job(&worker, &self.at, &self.job);
        self.send("expired", &[expire]).await
    }

    /// Brings the panel's signatures under a match to the chain, once there are enough of them.
    async fn attest(&self) -> Result<Done> {
        let known = self.known().await?;
        let committee_at = &self.market.committee;
        let committee: Committee = self.shared.client.get_account(committee_at).await?;
        let store = gateway(&self.market)?;
        let mut signed = self.signatures(&store, &committee, &known).await?;
        let wanted = wanted(&self.job) as usize;
        if signed.len() < wanted || wanted == 0 {
            tracing::debug!(job = %self.at, found = signed.len(), wanted, "waiting for signatures");
            return Ok(Done::NotYet);
        }
        if wanted > MOST_SIGNATURES && !gathers(&self.job) {
            return Err(Error::Unfit(
                "the panel is larger than what one transaction holds".into(),
            ));
        }
        signed.truncate(wanted.min(MOST_SIGNATURES));
        let mask = signed.iter().fold(0u32, |mask, s| {
            mask | 1u32.checked_shl(u32::from(s.seat)).unwrap_or(0)
        });
        let completes = signed.len() == wanted;
        let mut instructions = jobs::attest_job(
            &self.at,
            &self.job,
            committee_at,
            Verdict::Match,
            known.result,
            known.units,
            &signed,
        )
        .to_vec();
        let at_once = settles_at_once(&self.job, &self.market, mask);
        if completes && signed.len() <= WITH_SETTLEMENT && at_once {
            instructions.push(self.settlement());
            return self.send("attested and settled", &instructions).await;
        }
        self.send("attested", &instructions).await
    }

    /// The panel's signatures under a match that are in the store and hold, but for those that the chain has.
    async fn signatures(
        &self,
        store: &GatewayClient,
        committee: &Committee,
        known: &Computed,
    ) -> Result<Vec<SeatSignature>> {
        let job = &self.job;
        let open = job.panel & !(job.signed_match | job.signed_mismatch);
        let mut found = Vec::new();
        for (seat, sitting) in (0u8..).zip(&committee.seats) {
            if open >> seat & 1 == 0 {
                continue;
            }
            let attestation = match store.attestation(&self.at, job.attempt, seat).await {
                Ok(Some(attestation)) => attestation,
                Ok(None) | Err(lode_store::Error::NotAnAttestation) => continue,
                Err(error) => return Err(error.into()),
            };
            if attestation.verdict != Verdict::Match as u8 {
                tracing::warn!(job = %self.at, attempt = job.attempt, seat, verdict = attestation.verdict, "this seat does not agree");
                continue;
            }
            let digest = statement(&self.at, job, &self.market.committee, known)
                .digest(seat, &sitting.owner);
            let holds = sitting.is_eligible(job.submitted_at)
                && attestation
                    .signature
                    .verify(sitting.attester.as_ref(), &digest);
            if !holds {
                tracing::warn!(job = %self.at, attempt = job.attempt, seat, "the store has a signature that does not hold");
                continue;
            }
            found.push(SeatSignature {
                seat,
                owner: sitting.owner,
                attester: sitting.attester,
                signature: attestation.signature.into(),
            });
        }
        Ok(found)
    }
}

fn statement<'a>(
    at: &'a Address,
    job: &'a Job,
    committee: &'a Address,
    known: &'a Computed,
) -> Statement<'a> {
    Statement {
        program: &lode_jobs::ID,
        job: at,
        attempt: job.attempt,
        seal: &job.seal,
        verdict: Verdict::Match,
        result: &known.result,
        units: known.units,
        committee,
    }
}
