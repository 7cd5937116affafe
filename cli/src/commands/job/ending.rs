//! How a job ended that has no result, and what became of the money.
use super::{state_name, too_dear};
use crate::output::Token;
use anyhow::Result;
use lode_attestation::Verdict;
use lode_jobs::constants::ATTEMPTS;
use lode_jobs::state::{flag, Job, JobState, Market};
use solana_address::Address;

/// Why there is no result, and what its customer has of his escrow: all of it, but for a job that nobody could run.
pub(super) fn without_result(
    at: &Address,
    job: &Job,
    market: &Market,
    token: &Token,
) -> Result<String> {
    let escrow = job.escrow(market).map_err(|_| too_dear())?;
    let failed = job.state == JobState::Failed as u8;
    let kept = if failed && job.verdict() == Some(Verdict::Unrunnable) {
        job.late(market).map_err(|_| too_dear())?
    } else {
        0
    };
    let money = if kept > 0 {
        format!(
            "{} of its escrow were kept for whoever tried to check it, and as much was taken from the node; the other {} are back in the account that it was posted from",
            token.show(kept),
            token.show(escrow.saturating_sub(kept))
        )
    } else {
        format!(
            "all of its escrow, {}, is back in the account that it was posted from",
            token.show(escrow)
        )
    };
    Ok(format!(
        "The job {at} ended as {} and has no result, because {}: {money}",
        state_name(job),
        why(job)
    ))
}

fn why(job: &Job) -> String {
    if job.state == JobState::Cancelled as u8 {
        return "it was taken back before a node ran it".into();
    }
    if job.state == JobState::Voided as u8 {
        return "its result was not sealed, or not decided over, in time".into();
    }
    match job.verdict() {
        Some(Verdict::Unrunnable) => {
            "the committee could not run it, and nobody knows whose fault that was".into()
        }
        Some(Verdict::Mismatch) => "the committee found its result wrong".into(),
        _ if job.has(flag::TARGETED) => "the node that it was meant for gave up or was late".into(),
        _ => format!("in each of its {ATTEMPTS} attempts the node gave up or was late"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use lode_client::addresses;
    use lode_client::bytemuck::Zeroable as _;
    use lode_client::token::MintInfo;

    #[test]
    fn each_end_without_a_result_says_why_and_only_of_an_unrunnable_job_that_something_was_kept() {
        let mint = MintInfo {
            address: Address::new_from_array([1; 32]),
            program: addresses::TOKEN,
            authority: None,
            freeze_authority: None,
            supply: 0,
            decimals: 9,
            symbol: None,
        };
        let token = Token {
            mint,
            symbol: "LODE".into(),
        };
        // 4 tokens with what is added for checks; a late node forfeits a quarter of that
        let mut market = Market::zeroed();
        (market.surcharge_bps, market.late_bps) = (30_000, 2_500);
        let mut job = Job::zeroed();
        (job.price, job.units_limit) = (1_000_000_000, 1_000_000);
        let at = Address::new_from_array([2; 32]);
        let mut told = |state: JobState, verdict: Option<Verdict>, flags: u8| {
            job.state = state as u8;
            job.verdict = verdict.map_or(0, |verdict| verdict as u8);
            job.flags = flags;
            let text = without_result(&at, &job, &market, &token).unwrap();
            assert!(
                text.starts_with(&format!("The job {at} ended as ")),
                "{text}"
            );
            text
        };
        let unrunnable = told(JobState::Failed, Some(Verdict::Unrunnable), flag::FINAL);
        assert!(unrunnable.contains("could not run it"), "{unrunnable}");
        assert!(
            unrunnable.contains("1 LODE of its escrow were kept"),
            "{unrunnable}"
        );
        assert!(
            unrunnable.contains("the other 3 LODE are back"),
            "{unrunnable}"
        );
        for (state, verdict, flags, why) in [
            (
                JobState::Failed,
                Some(Verdict::Mismatch),
                flag::REVEALED,
                "found its result wrong",
            ),
            (
                JobState::Failed,
                None,
                flag::TARGETED,
                "it was meant for gave up",
            ),
            (JobState::Failed, None, 0, "in each of its 3 attempts"),
            (JobState::Voided, None, 0, "not decided over, in time"),
            (
                JobState::Cancelled,
                None,
                0,
                "taken back before a node ran it",
            ),
        ] {
            let text = told(state, verdict, flags);
            assert!(text.contains(why), "{text}");
            assert!(
                text.contains("all of its escrow, 4 LODE, is back"),
                "{text}"
            );
            assert!(!text.contains("kept"), "{text}");
        }
    }
}
