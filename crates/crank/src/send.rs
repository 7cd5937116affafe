//! Sending what is due: several steps in a transaction, several transactions at a time, none below the floor.

use crate::pack::pack;
use crate::step::Step;
use futures_util::{stream, StreamExt};
use lode_attestation::ED25519_PROGRAM;
use lode_client::preview::SIGNATURE_FEE;
use lode_client::Client;
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_client::rpc_config::RpcTransactionConfig;
use solana_commitment_config::CommitmentConfig;
use solana_instruction::Instruction;
use solana_keypair::Keypair;
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction_status_client_types::UiTransactionEncoding;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// A step that is due, as instructions.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub step: Step,
    /// The account that the step is about.
    pub subject: Address,
    /// Its bytes behind the discriminator when it was read: if they are others now, somebody else was first.
    pub seen: Vec<u8>,
    /// Transactions, in this order.
    pub transactions: Vec<Vec<Instruction>>,
    /// Lamports of rent that it lends.
    pub lends: u64,
    /// A ledger that it opens on the way.
    pub opens: Option<Address>,
}

impl Task {
    /// A task of one transaction, which others may share.
    pub fn new(step: Step, subject: Address, seen: &[u8], instructions: Vec<Instruction>) -> Self {
        Self {
            step,
            subject,
            seen: seen.to_vec(),
            transactions: vec![instructions],
            lends: step.lends(),
            opens: None,
        }
    }
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on the chain.
    Did,
    /// Somebody else had done it.
    Raced,
    /// The wallet holds too little.
    Unaffordable,
    /// It was refused, or its fate is not known.
    Failed(String),
}

/// What transactions cost and brought.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Money {
    pub transactions: u64,
    pub fees: u64,
    pub earned: u64,
}

/// Sends for one wallet.
pub(crate) struct Sender {
    pub client: Client,
    pub wallet: Arc<Keypair>,
    pub parallel: usize,
    /// Lamports that may still be spent before the floor.
    pub purse: AtomicU64,
    pub telemetry: Telemetry,
}

impl Sender {
    /// Sends tasks; says what became of each, in their order.
    pub async fn send_all(&self, tasks: &[Task]) -> (Vec<Outcome>, Money) {
        let payer = self.wallet.pubkey();
        let (mut shared, mut alone) = (Vec::new(), Vec::new());
        for (i, task) in tasks.iter().enumerate() {
            match task.transactions.as_slice() {
                [one] if !has_proof(one) => shared.push((i, one.as_slice())),
                _ => alone.push(vec![i]),
            }
        }
        let bundles: Vec<_> = shared.iter().map(|(_, bundle)| *bundle).collect();
        let packs = pack(&bundles, &payer).into_iter().map(|pack| {
            let places = pack.into_iter().filter_map(|i| shared.get(i));
            places.map(|(task, _)| *task).collect()
        });
        let all: Vec<Vec<usize>> = packs.chain(alone).collect();
        let ended: Vec<_> = stream::iter(all)
            .map(|pack| self.send_pack(tasks, pack))
            .buffer_unordered(self.parallel.max(1))
            .collect()
            .await;
        let mut outcomes = vec![Outcome::Unaffordable; tasks.len()];
        let mut money = Money::default();
        for (done, spent) in ended {
            for (i, outcome) in done {
                if let Some(place) = outcomes.get_mut(i) {
                    *place = outcome;
                }
            }
            money.transactions += spent.transactions;
            money.fees = money.fees.saturating_add(spent.fees);
            money.earned = money.earned.saturating_add(spent.earned);
        }
        (outcomes, money)
    }

    /// Sends tasks that share a transaction; where it is refused, each by itself.
    async fn send_pack(&self, tasks: &[Task], pack: Vec<usize>) -> (Vec<(usize, Outcome)>, Money) {
        let mut money = Money::default();
        let members: Vec<(usize, &Task)> = pack
            .into_iter()
            .filter_map(|i| tasks.get(i).map(|task| (i, task)))
            .collect();
        if members.len() > 1 {
            let together: Vec<Instruction> = members
                .iter()
                .flat_map(|(_, task)| task.transactions.iter().flatten().cloned())
                .collect();
            let lends = members.iter().map(|(_, task)| task.lends).sum();
            match self.send(&together, lends, &mut money).await {
                Ok(()) => {
                    let did = members.iter().map(|(i, _)| (*i, Outcome::Did));
                    return (did.collect(), money);
                }
                Err(Refused::Unaffordable) => {
                    let none = members.iter().map(|(i, _)| (*i, Outcome::Unaffordable));
                    return (none.collect(), money);
                }
                Err(Refused::Error(error)) => {
                    tracing::debug!(%error, steps = members.len(), "refused together: one by one");
                }
            }
        }
        let mut ended = Vec::with_capacity(members.len());
        for (i, task) in members {
            ended.push((i, self.send_one(task, &mut money).await));
        }
        (ended, money)
    }

    async fn send_one(&self, task: &Task, money: &mut Money) -> Outcome {
        for instructions in &task.transactions {
            match self.send(instructions, task.lends, money).await {
                Ok(()) => {}
                Err(Refused::Unaffordable) => return Outcome::Unaffordable,
                Err(Refused::Error(error)) => {
                    return match self.is_still(task).await {
                        Ok(true) => Outcome::Failed(error),
                        Ok(false) => Outcome::Raced,
                        Err(_) => Outcome::Failed(error),
                    };
                }
            }
        }
        Outcome::Did
    }

    /// The subject is what it was when the step was found due.
    async fn is_still(&self, task: &Task) -> lode_client::Result<bool> {
        let account = self.client.raw_account(&task.subject).await?;
        let body = account.as_ref().and_then(|account| account.data.get(8..));
        Ok(body == Some(&task.seen[..]))
    }

    async fn send(
        &self,
        instructions: &[Instruction],
        lends: u64,
        money: &mut Money,
    ) -> Result<(), Refused> {
        let proofs = instructions.iter().filter_map(proof_size).sum::<u64>();
        // one of the transaction's own, and those that the Ed25519 program checks
        let cost = SIGNATURE_FEE.saturating_mul(1 + proofs);
        let take = |purse: u64| purse.checked_sub(cost.saturating_add(lends));
        self.purse
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .map_err(|_| Refused::Unaffordable)?;
        let sent = self.client.send(instructions, &*self.wallet, &[]).await;
        let sent = sent.map_err(|error| Refused::Error(error.to_string()))?;
        money.transactions += 1;
        let (fee, earned) = self.effect(&sent.signature).await.unwrap_or((cost, 0));
        money.fees = money.fees.saturating_add(fee);
        money.earned = money.earned.saturating_add(earned);
        // What was dearer than the least a transaction costs is taken from the purse as well.
        let more = fee.saturating_sub(cost);
        let _ = self
            .purse
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |purse| {
                Some(purse.saturating_sub(more))
            });
        tracing::debug!(signature = %sent.signature, instructions = instructions.len(), fee, earned, "sent");
        Ok(())
    }

    /// Fee and income of a transaction of the wallet's, lamports, if the server knows them.
    async fn effect(&self, signature: &Signature) -> Option<(u64, u64)> {
        let commitment = if self.client.commitment.is_finalized() {
            self.client.commitment
        } else {
            CommitmentConfig::confirmed()
        };
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(commitment),
            max_supported_transaction_version: Some(0),
        };
        let found = self
            .client
            .rpc
            .get_transaction_with_config(signature, config)
            .await
            .ok()?;
        let meta = found.transaction.meta?;
        // the payer of the fee is the first account
        let (before, after) = (*meta.pre_balances.first()?, *meta.post_balances.first()?);
        let earned = after.saturating_add(meta.fee).saturating_sub(before);
        Some((meta.fee, earned))
    }
}

/// Why a transaction was not sent, or did not go through.
enum Refused {
    Unaffordable,
    Error(String),
}

fn has_proof(instructions: &[Instruction]) -> bool {
    instructions.iter().any(|i| proof_size(i).is_some())
}

/// Signatures that an instruction of the Ed25519 program checks.
fn proof_size(instruction: &Instruction) -> Option<u64> {
    let is_proof = instruction.program_id == ED25519_PROGRAM;
    is_proof.then(|| u64::from(instruction.data.first().copied().unwrap_or_default()))
}
