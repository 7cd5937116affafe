//! How an attempt of a job ended: what was really paid or lost, from the transaction that did it.
use crate::events::Told;
use crate::{Client, Result};
use lode_attestation::Verdict;
use lode_jobs::event::{JobChanged, JobSettled};
use lode_jobs::state::JobState;
use solana_address::Address;
use solana_signature::Signature;

/// The end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// The job.
    pub job: Address,
    /// The attempt.
    pub attempt: u8,
    /// Where it brought the job: settled, failed, voided or cancelled, or open again for the next attempt.
    pub state: JobState,
    /// The verdict, if one stood.
    pub verdict: Option<Verdict>,
    /// Units that were paid; 0 if none were.
    pub units: u64,
    /// Base units that the node was paid if the job is settled, that it lost if not.
    pub amount: u64,
    /// The transaction.
    pub signature: Signature,
}

impl Client {
    /// How an attempt of a job ended, or `None` if no transaction that this server keeps says so.
    pub async fn job_end(&self, job: &Address, attempt: u8) -> Result<Option<JobEnd>> {
        // The oldest first: what is told of a job after its end, such as a slash, is not the end.
        for signature in self.signatures_of(job, 0, i64::MAX).await? {
            let past = self.past(&signature).await?;
            let ends = |told: &Told| end_of(told, job, attempt, signature);
            if let Some(end) = past.told.iter().find_map(ends) {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }
}

fn end_of(told: &Told, job: &Address, attempt: u8, signature: Signature) -> Option<JobEnd> {
    let end = |state, verdict, units, amount| {
        Some(JobEnd {
            job: *job,
            attempt,
            state,
            verdict: Verdict::try_from(verdict).ok(),
            units,
            amount,
            signature,
        })
    };
    if let Some(event) = told.read::<JobSettled>() {
        let state = JobState::try_from(event.state).ok()?;
        let ours = event.job == *job && event.attempt == attempt;
        let units = if state == JobState::Settled {
            event.units
        } else {
            0
        };
        return ours
            .then(|| end(state, event.verdict, units, event.amount))
            .flatten();
    }
    let event = told.read::<JobChanged>()?;
    if event.job != *job {
        return None;
    }
    match JobState::try_from(event.state).ok()? {
        // who gave up or was late did so in the attempt before
        state @ JobState::Open if attempt.checked_add(1) == Some(event.attempt) => {
            end(state, 0, 0, event.amount)
        }
        state @ (JobState::Failed | JobState::Voided | JobState::Cancelled)
            if event.attempt == attempt =>
        {
            end(state, event.verdict, 0, event.amount)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use anchor_lang::Event as _;

    fn changed(job: Address, state: JobState, attempt: u8, amount: u64) -> Told {
        let event = JobChanged {
            job,
            amount,
            state: state as u8,
            attempt,
            verdict: 0,
            flags: 0,
            padding: [0; 4],
        };
        Told {
            program: lode_jobs::ID,
            data: event.data(),
        }
    }

    fn settled(job: Address, state: JobState, attempt: u8, verdict: Verdict) -> Told {
        let event = JobSettled {
            job,
            units: 7,
            ledger: Address::default(),
            amount: 9,
            state: state as u8,
            attempt,
            verdict: verdict as u8,
            flags: 0,
            padding: [0; 4],
        };
        Told {
            program: lode_jobs::ID,
            data: event.data(),
        }
    }

    #[test]
    fn an_end_is_that_of_this_job_and_of_this_attempt() {
        let (job, other) = (Address::new_from_array([1; 32]), Address::default());
        let end = |told: &Told| end_of(told, &job, 1, Signature::default());
        let paid = end(&settled(job, JobState::Settled, 1, Verdict::Match)).unwrap();
        assert_eq!(
            (paid.state, paid.units, paid.amount),
            (JobState::Settled, 7, 9)
        );
        let lied = end(&settled(job, JobState::Failed, 1, Verdict::Mismatch)).unwrap();
        assert_eq!(
            (lied.verdict, lied.units, lied.amount),
            (Some(Verdict::Mismatch), 0, 9)
        );
        let late = end(&changed(job, JobState::Open, 2, 5)).unwrap();
        assert_eq!(
            (late.state, late.attempt, late.amount),
            (JobState::Open, 1, 5)
        );
        assert_eq!(
            end(&changed(job, JobState::Failed, 1, 6)).unwrap().amount,
            6
        );
        assert_eq!(
            end(&changed(job, JobState::Voided, 1, 0)).unwrap().state,
            JobState::Voided
        );
        for not in [
            settled(other, JobState::Settled, 1, Verdict::Match),
            settled(job, JobState::Settled, 0, Verdict::Match),
            changed(other, JobState::Failed, 1, 6),
            changed(job, JobState::Failed, 0, 6),
            // a bid, the attempt's own acceptance, and its submission
            changed(job, JobState::Open, 1, 5),
            changed(job, JobState::Accepted, 1, 5),
            changed(job, JobState::Submitted, 1, 5),
        ] {
            assert_eq!(end(&not), None);
        }
    }
}
