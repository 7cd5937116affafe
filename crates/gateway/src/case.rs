//! What the chain says of one job, as far as a gateway must know.

use crate::refusal::Refusal;
use crate::Chain;
use axum::http::StatusCode;
use lode_attestation::{commitment, Statement, Verdict};
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_oracle::state::{Committee, Seat};
use lode_store::{Attestation, BlobHash};
use solana_address::Address;

/// A job and its market.
pub(crate) struct Case {
    pub address: Address,
    pub job: Job,
    pub state: JobState,
    pub market: Market,
}

/// What a key is to a job now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Posted it: puts the spec and what it names, while the job is not final.
    Customer,
    /// Runs it: puts outputs, from accepting on.
    Worker,
    /// Sits in its panel: puts outputs that are missing.
    Seat,
}

impl Case {
    /// Loads a job, for a gateway that markets know as `url`, and for this attempt.
    pub(crate) async fn load(
        chain: &impl Chain,
        url: &str,
        address: Address,
        attempt: u8,
    ) -> Result<Self, Refusal> {
        let Some(job) = chain.job(&address).await? else {
            // Early is not wrong: a client whose transaction was just confirmed elsewhere tries again.
            return Err(Refusal::new(
                StatusCode::TOO_EARLY,
                "there is no such job on the chain that this gateway reads",
            ));
        };
        let state = job.state().map_err(|_| {
            Refusal::conflict("the job is in a state that this gateway does not know")
        })?;
        let market = chain
            .market(&job.market)
            .await?
            .ok_or_else(|| Refusal::conflict("the job's market is missing"))?;
        let named = lode_store::gateway_urls(&market.store_url);
        if !named.iter().any(|named| named == url) {
            return Err(Refusal::forbidden(
                "the job's market names other gateways than this one",
            ));
        }
        if job.attempt != attempt {
            return Err(Refusal::conflict(format!(
                "the job is at attempt {}, not {attempt}",
                job.attempt
            )));
        }
        Ok(Self {
            address,
            job,
            state,
            market,
        })
    }

    /// Wallet of the customer, if his ledger is there.
    pub(crate) async fn customer(&self, chain: &impl Chain) -> Result<Option<Address>, Refusal> {
        let ledger = chain.ledger(&self.job.customer).await?;
        Ok(ledger.map(|ledger| ledger.authority))
    }

    /// The roles in which a key may put blobs now; none is a refusal.
    pub(crate) async fn roles(
        &self,
        chain: &impl Chain,
        key: &Address,
        customer: Option<Address>,
    ) -> Result<Vec<Role>, Refusal> {
        use JobState::{Accepted, Attested, Challenged, Open, Sealed, Submitted};
        let mut roles = Vec::new();
        let live = [Open, Accepted, Submitted, Sealed, Attested, Challenged];
        if !live.contains(&self.state) {
            return Err(Refusal::forbidden(
                "the job is over: nothing more is stored for it",
            ));
        }
        if customer == Some(*key) {
            roles.push(Role::Customer);
        }
        if self.state != Open {
            let node = chain.node(&self.job.node).await?;
            if node.is_some_and(|node| node.worker == *key) {
                roles.push(Role::Worker);
            }
        }
        if self.job.panel != 0 && [Sealed, Attested, Challenged].contains(&self.state) {
            let committee = self.committee(chain).await?;
            let sits = |seat: usize| self.job.panel >> seat & 1 == 1;
            let mut seats = committee.seats.iter().enumerate();
            if seats.any(|(i, seat)| sits(i) && seat.attester == *key) {
                roles.push(Role::Seat);
            }
        }
        if roles.is_empty() {
            // Accepting and sealing make writers: whoever just became one by a transaction that this gateway's server has
            // not seen yet should try again.
            let status = if [Open, Submitted].contains(&self.state) {
                StatusCode::TOO_EARLY
            } else {
                StatusCode::FORBIDDEN
            };
            return Err(Refusal::new(
                status,
                "this key may not put blobs for this job now: the customer may until it is final, its worker from accepting on, a seat of its panel from the seal on",
            ));
        }
        Ok(roles)
    }

    /// The market's committee.
    pub(crate) async fn committee(&self, chain: &impl Chain) -> Result<Committee, Refusal> {
        chain
            .committee(&self.market.committee)
            .await?
            .ok_or_else(|| Refusal::conflict("the market's committee is missing"))
    }

    /// The job is in a state in which seats attest.
    pub(crate) fn require_attested_now(&self) -> Result<(), Refusal> {
        if matches!(self.state, JobState::Sealed | JobState::Challenged) {
            return Ok(());
        }
        Err(Refusal::conflict(
            "the job takes no attestations now: it must be sealed or challenged",
        ))
    }

    /// The attestation is of a seat that serves this job, and its signature is over what that seat has to sign.
    /// `outputs` are the blobs stored for the job: of a match, which says nothing of the hash, the receipt among them
    /// is the one that fits the commitment.
    pub(crate) fn check_attestation(
        &self,
        committee: &Committee,
        seat: u8,
        attestation: &Attestation,
        outputs: &[BlobHash],
    ) -> Result<(), Refusal> {
        let sitting = committee
            .seats
            .get(usize::from(seat))
            .filter(|s| s.is_eligible(self.job.submitted_at))
            .ok_or_else(|| Refusal::forbidden("this seat does not serve this job"))?;
        let verdict = Verdict::try_from(attestation.verdict)
            .map_err(|_| Refusal::bad("a verdict is 1, 2 or 3"))?;
        let result = match verdict {
            Verdict::Match => self.result(outputs).ok_or_else(|| {
                Refusal::conflict(
                    "no receipt that fits the commitment is stored: put the receipt before a match",
                )
            })?,
            Verdict::Mismatch | Verdict::Unrunnable => [0; 32],
        };
        if self.is_signed(seat, sitting, verdict, &result, attestation) {
            Ok(())
        } else {
            Err(Refusal::forbidden(
                "the signature is not this seat's over this verdict, job, attempt and seal",
            ))
        }
    }

    /// The hash of the receipt: as revealed, or the output that fits the commitment.
    fn result(&self, outputs: &[BlobHash]) -> Option<[u8; 32]> {
        if self.job.has(flag::REVEALED) {
            return Some(self.job.result);
        }
        let fits = |hash: &&BlobHash| {
            let job = &self.job;
            commitment(&hash.0, job.units, &self.address, job.attempt, &job.node) == job.result
        };
        outputs.iter().find(fits).map(|hash| hash.0)
    }

    fn is_signed(
        &self,
        seat: u8,
        sitting: &Seat,
        verdict: Verdict,
        result: &[u8; 32],
        attestation: &Attestation,
    ) -> bool {
        let units = if verdict == Verdict::Match {
            self.job.units
        } else {
            0
        };
        let message = Statement {
            program: &lode_jobs::ID,
            job: &self.address,
            attempt: self.job.attempt,
            seal: &self.job.seal,
            verdict,
            result,
            units,
            committee: &self.market.committee,
        }
        .message(seat);
        attestation
            .signature
            .verify(sitting.attester.as_ref(), &message)
    }
}
