//! One attempt of one job, from its spec to the attestation in the store.

use crate::decision::{decide, is_due, Decision, Finding, MySeat};
use crate::execution::{Fetched, Outputs};
use crate::gate::{Fetches, Gate};
use crate::journal::{Entry, Journal};
use crate::news::News;
use crate::{execution, Error, Result};
use lode_attestation::{Statement, Verdict};
use lode_client::Client;
use lode_jobs::state::{Job, Market};
use lode_sealed::Identity;
use lode_store::{Attestation, BlobCache, BlobHash, GatewayClient, Gateways, Writer};
use lode_telemetry::Telemetry;
use solana_address::Address;
use solana_keypair::Keypair;
use solana_signer::Signer;
use std::sync::Arc;

/// What the tasks of an agent share.
pub(crate) struct Shared {
    pub client: Client,
    pub attester: Keypair,
    pub committee: Address,
    pub journal: Arc<Journal>,
    pub cache: BlobCache,
    pub gateways: Gateways,
    /// Who fetches next.
    pub fetches: Fetches,
    /// Who runs next.
    pub gate: Gate,
    pub telemetry: Telemetry,
    /// What the owner's hook is told.
    pub news: News,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// The attestation is in the store.
    Attested(Verdict),
    /// The attestation of *unrunnable* is in the store, and another run would come to the same.
    TooDeep,
    /// Something is missing that may still come.
    Waiting,
    /// This machine cannot say.
    Abstained,
    /// When its turn came, nobody asked any more.
    Unasked,
}

pub(crate) struct Task {
    pub shared: Arc<Shared>,
    pub at: Address,
    pub job: Job,
    pub market: Market,
    pub seat: MySeat,
}

impl Task {
    /// Finds the verdict, or takes the one that was decided before, and sees it into the store.
    pub(crate) async fn serve(&self) -> Result<Done> {
        let store = self.shared.gateways.of(&self.market.store_url)?;
        let decided = self.shared.journal.entry(&self.at, self.job.attempt)?;
        let mut fallback = None;
        match decided {
            Some(entry) if entry.verdict == Verdict::Unrunnable => fallback = Some(entry),
            Some(entry) if self.has_its_receipt(&store, &entry).await? => {
                match self.publish(&store, &entry).await {
                    // The receipt is there by another job, and nobody has put it for this one yet: as below.
                    Err(error) if self.lacks_its_receipt(&store, &entry, &error).await? => {}
                    published => return published,
                }
            }
            // Decided, but stopped before the outputs were in the store.
            Some(_) | None => {}
        }
        if let Some(entry) = decided.filter(|entry| self.is_match(entry)) {
            let kept = Outputs::kept(BlobHash(entry.result), &self.shared.cache);
            if let Some(outputs) = kept.await? {
                self.complete(&store, &outputs).await?;
                return self.publish(&store, &entry).await;
            }
            // They must be made again.
        }

        let Some((job, finding, outputs)) = self.examine(&store).await? else {
            return Ok(Done::Unasked);
        };
        let slot = self.shared.client.slot().await?;
        let decision = decide(&self.at, &job, &self.market, &finding, slot);
        tracing::info!(job = %self.at, attempt = job.attempt, seat = self.seat.seat, ?finding, ?decision, "checked");
        let verdict = match (decision, fallback) {
            (Decision::Sign(verdict), _) => verdict,
            (Decision::Wait | Decision::Abstain, Some(entry)) => {
                return self.publish(&store, &entry).await
            }
            (Decision::Wait, None) => return Ok(Done::Waiting),
            (Decision::Abstain, None) => return Ok(Done::Abstained),
        };

        let (result, units) = match (verdict, &finding) {
            (Verdict::Match, Finding::Receipt { hash, units }) => (*hash, *units),
            _ => ([0; 32], 0),
        };
        let entry = Entry {
            job: self.at,
            attempt: self.job.attempt,
            verdict,
            result,
            units,
        };
        self.write_down(entry).await?;
        if verdict == Verdict::Match {
            match outputs {
                Ok(outputs) => self.complete(&store, &outputs).await?,
                // This disk has no room, but the node has put them: nothing of ours is needed.
                Err(_) if self.has_its_receipt(&store, &entry).await? => {}
                Err(error) => return Err(error),
            }
        }
        let done = self.publish(&store, &entry).await?;
        Ok(match finding {
            Finding::TooDeep => Done::TooDeep,
            _ => done,
        })
    }

    /// What a run comes to, and the job as it stood when its turn came; nothing if it was decided without this seat
    /// by then. Its window may have been opened anew meanwhile: by an escalation, or by a challenge.
    async fn examine(
        &self,
        store: &GatewayClient,
    ) -> Result<Option<(Job, Finding, Result<Outputs>)>> {
        let (shared, market) = (&self.shared, &self.market);
        let by = Identity::of_key(&shared.attester);
        let only = |finding| {
            let none = Outputs::none(&shared.cache);
            Ok(Some((self.job, finding, Ok(none))))
        };
        let (fetches, deadline) = (&shared.fetches, self.job.deadline);
        let turn = fetches.enter(self.job.market, deadline).await;
        let fetched = execution::fetch(&self.job, market, store, &shared.cache, Some(&by));
        let prepared = match fetched.await? {
            Fetched::Ready(prepared) => prepared,
            Fetched::Found(finding) => return only(finding),
            Fetched::Coming => {
                return only(Finding::Missing("the store sends too slowly".into()));
            }
        };
        let permit = shared.gate.enter(deadline, prepared.memory_mib()).await;
        drop(turn);
        let job = shared.client.try_account::<Job>(&self.at).await?;
        let slot = shared.client.slot().await?;
        let asks = |job: &Job| job.attempt == self.job.attempt && is_due(job, self.seat.seat, slot);
        let Some(job) = job.filter(asks) else {
            return Ok(None);
        };
        let limit = job.units_limit;
        let ran = execution::run(*prepared, limit, market, &shared.cache, permit).await?;
        let (finding, outputs) = ran;
        Ok(Some((job, finding, outputs)))
    }

    /// The store has what an attestation of this entry refers to.
    async fn has_its_receipt(&self, store: &GatewayClient, entry: &Entry) -> Result<bool> {
        Ok(entry.verdict != Verdict::Match || store.size(BlobHash(entry.result)).await?.is_some())
    }

    /// The store refused a match that nothing speaks against but that its receipt is another job's.
    async fn lacks_its_receipt(
        &self,
        store: &GatewayClient,
        entry: &Entry,
        error: &Error,
    ) -> Result<bool> {
        let conflict = matches!(
            error,
            Error::Store(lode_store::Error::Refused { status: 409, .. })
        );
        if !conflict || entry.verdict != Verdict::Match {
            return Ok(false);
        }
        let earlier = store
            .attestation(&self.at, self.job.attempt, self.seat.seat)
            .await?;
        Ok(earlier.is_none())
    }

    /// A match that was decided of the very result that this attempt was submitted with.
    fn is_match(&self, entry: &Entry) -> bool {
        let (hash, units) = (entry.result, entry.units);
        let found = Finding::Receipt { hash, units };
        let says = decide(&self.at, &self.job, &self.market, &found, 0);
        entry.verdict == Verdict::Match && says == Decision::Sign(Verdict::Match)
    }

    /// On disk before anything is signed.
    async fn write_down(&self, entry: Entry) -> Result<()> {
        let journal = self.shared.journal.clone();
        tokio::task::spawn_blocking(move || journal.decide(&entry))
            .await
            .map_err(|error| Error::Runtime(error.to_string()))?
    }

    /// Puts what the node owes to the store: a match means that its customer can have the result. What is there already
    /// may be there by another job, and stays only as long as that one: so it is put as well, which sends no bytes.
    async fn complete(&self, store: &GatewayClient, outputs: &Outputs) -> Result<()> {
        let writer = Writer {
            signer: &self.shared.attester,
            job: self.at,
            attempt: self.job.attempt,
        };
        let (cache, spec) = (&self.shared.cache, BlobHash(self.job.spec));
        let _spec = cache.hold([spec]);
        for blob in &outputs.names {
            match cache.put_output(&writer, spec, *blob, store).await {
                // the spec names it too: the customer has put it
                Err(lode_store::Error::Refused { status: 403, .. })
                    if store.size(*blob).await?.is_some() => {}
                put => put?,
            }
        }
        Ok(())
    }

    /// Signs the digest and leaves the attestation in the store.
    async fn publish(&self, store: &GatewayClient, entry: &Entry) -> Result<Done> {
        let attestation = self.sign(entry)?;
        let (job, attempt, seat) = (&self.at, self.job.attempt, self.seat.seat);
        if store.attestation(job, attempt, seat).await? != Some(attestation) {
            store
                .put_attestation(job, attempt, seat, &attestation)
                .await?;
            tracing::info!(%job, attempt, seat, verdict = ?entry.verdict, "attested");
            let committee = &self.shared.committee;
            self.shared
                .news
                .attested(committee, (*job, attempt, seat), entry.verdict);
            self.measure().await;
        }
        Ok(Done::Attested(entry.verdict))
    }

    /// Counts how far into its window the attestation came: an agent that needs more than a quarter should run fewer
    /// seats, or more jobs at a time.
    async fn measure(&self) {
        let Ok(slot) = self.shared.client.slot().await else {
            return;
        };
        let window = self.market.attest_window;
        let used = slot.saturating_sub(self.job.deadline.saturating_sub(window));
        let quarter = match used.saturating_mul(4).checked_div(window) {
            Some(0) => "first",
            Some(1) => "second",
            Some(2) => "third",
            _ => "last",
        };
        let metrics = &self.shared.telemetry.metrics;
        metrics
            .counter_with(
                "lode_oracle_attested_total",
                "Attestations left in a store, by the quarter of the attest window",
                &[("quarter", quarter)],
            )
            .inc();
        metrics
            .counter(
                "lode_oracle_attested_slots_total",
                "Slots from the opening of the windows to their attestations",
            )
            .add(used as f64);
    }

    fn sign(&self, entry: &Entry) -> Result<Attestation> {
        let message = Statement {
            program: &lode_jobs::ID,
            job: &self.at,
            attempt: self.job.attempt,
            seal: &self.job.seal,
            verdict: entry.verdict,
            result: &entry.result,
            units: entry.units,
            committee: &self.shared.committee,
        }
        .message(self.seat.seat);
        Ok(Attestation {
            verdict: entry.verdict as u8,
            signature: self.shared.attester.sign_message(&message),
        })
    }
}
