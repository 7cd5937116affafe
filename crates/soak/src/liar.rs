//! A node that is paid for running nothing: it commits to a hash that it made up, for all units there are.
use lode_attestation::commitment;
use lode_client::instructions::jobs;
use lode_client::{filter, Client};
use lode_jobs::state::{Job, JobState, Ledger};
use sha2::{Digest, Sha256};
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Lies at the same time: all that it can tell before the first is found out and jails it.
const AT_ONCE: u64 = 12;
const POLL: Duration = Duration::from_millis(700);

/// A lie that was told: job, attempt, node.
pub type Lie = (Address, u8, Address);

/// One liar.
pub struct Liar {
    /// The chain, through the proxy.
    pub client: Client,
    /// The market.
    pub market: Address,
    /// Its node.
    pub node: Address,
    /// The node's worker.
    pub worker: Arc<Keypair>,
    /// What it told.
    pub told: Arc<Mutex<BTreeSet<Lie>>>,
}

impl Liar {
    /// Lies until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // Whatever fails is tried again: a liar is as patient as anyone.
            let _ = self.look().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    async fn look(&self) -> lode_client::Result<()> {
        let mine = self
            .client
            .get_program_accounts::<Job>(&[filter!(Job, node, self.node)])
            .await?;
        let slot = self.client.slot().await?;
        for (at, job) in &mine {
            let _ = self.step(at, job, slot).await;
        }
        let ledger_at = lode_client::addresses::jobs::ledger(&self.market, &self.node);
        let ledger: Ledger = self.client.get_account(&ledger_at).await?;
        if ledger.open_jobs >= AT_ONCE {
            return Ok(());
        }
        let open = [
            filter!(Job, market, self.market),
            filter!(Job, state, JobState::Open as u8),
        ];
        for (at, job) in self.client.get_program_accounts::<Job>(&open).await? {
            let accept = jobs::accept_job(&self.worker.pubkey(), &self.node, &at, &job);
            if self.send(accept).await.is_ok() {
                break;
            }
        }
        Ok(())
    }

    async fn step(&self, at: &Address, job: &Job, slot: u64) -> lode_client::Result<()> {
        let made_up: [u8; 32] = Sha256::digest(at.as_ref()).into();
        if job.state == JobState::Accepted as u8 && slot < job.deadline {
            let promise = commitment(&made_up, job.units_limit, at, job.attempt, &self.node);
            let submit =
                jobs::submit_result(&self.worker.pubkey(), at, job, promise, job.units_limit);
            self.send(submit).await?;
            self.tell(at, job);
        } else if job.state >= JobState::Submitted as u8 {
            // Also where the answer to the submission was lost.
            self.tell(at, job);
            if job.state == JobState::Sealed as u8 && !job.is_checked() {
                self.send(jobs::reveal_result(at, job, made_up)).await?;
            }
        }
        Ok(())
    }

    fn tell(&self, at: &Address, job: &Job) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert((*at, job.attempt, self.node));
    }

    async fn send(&self, instruction: solana_instruction::Instruction) -> lode_client::Result<()> {
        let sent = self.client.send(&[instruction], &*self.worker, &[]).await;
        sent.map(|_| ())
    }
}
