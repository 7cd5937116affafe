//! What an oracle says, and when it says nothing.

use lode_attestation::{commitment, Verdict};
use lode_jobs::state::{flag, Job, JobState, Market};
use lode_math::windows::RESTART_EXTENSION;
use lode_oracle::state::Committee;
use solana_address::Address;

/// What running a job came to on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A receipt.
    Receipt {
        /// SHA-256 of its bytes.
        hash: [u8; 32],
        /// What it bills.
        units: u64,
    },
    /// The stored spec is none, or asks for more than the market allows: it has no receipt on any machine.
    NoReceipt(String),
    /// The spec, the module or an input cannot be had from the store.
    Missing(String),
    /// The run filled the whole stack. How deep that is differs a little between machines, but who commits to results has
    /// half of it: nobody honest committed to this one.
    TooDeep,
    /// The run ended for a reason of this machine: memory, time.
    HostEnd(String),
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Sign this verdict.
    Sign(Verdict),
    /// Try again: what is missing may still come.
    Wait,
    /// Say nothing: an end of this machine says nothing about the job.
    Abstain,
}

/// A seat that this agent's key signs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MySeat {
    /// Its number.
    pub seat: u8,
    /// Who sits there.
    pub owner: Address,
}

/// The seats of this key that a job's panel asks; a key may serve several.
pub fn my_seats(committee: &Committee, job: &Job, attester: &Address) -> Vec<MySeat> {
    let seats = (0u8..).zip(&committee.seats);
    let mine = seats.filter(|(number, seat)| {
        seat.attester == *attester
            && seat.is_eligible(job.submitted_at)
            && job.panel >> number & 1 == 1
    });
    mine.map(|(seat, sitting)| MySeat {
        seat,
        owner: sitting.owner,
    })
    .collect()
}

/// The job waits for this seat's verdict at `slot`. A deadline that a restart may have moved counts as not over.
pub fn is_due(job: &Job, seat: u8, slot: u64) -> bool {
    let takes = [JobState::Sealed, JobState::Challenged]
        .iter()
        .any(|state| *state as u8 == job.state);
    let decided = (job.signed_match | job.signed_mismatch) >> seat & 1 == 1;
    takes && !decided && slot < job.deadline.saturating_add(RESTART_EXTENSION)
}

/// Whether it is on this seat to bring the panel's signatures to the chain at `slot`. In the last quarter of the window
/// any are taken, and who is not on the chain when it ends counts as silent; the node, or a crank, had three quarters. The
/// seats take turns, so that one transaction does for all: the first of the panel at the quarter's beginning, the others
/// in equal steps after it.
pub fn brings(job: &Job, market: &Market, seat: u8, slot: u64) -> bool {
    let quarter = market.attest_window / 4;
    let count = u64::from(job.panel.count_ones());
    let before = job.panel
        & 1u32
            .checked_shl(u32::from(seat))
            .unwrap_or(0)
            .wrapping_sub(1);
    let rank = u64::from(before.count_ones());
    // at most 32 x a week of slots: cannot overflow
    let wait = quarter.saturating_mul(rank) / (count + 1);
    slot >= job.deadline.saturating_sub(quarter).saturating_add(wait)
}

/// The last third of the attest window: what is missing now will hardly come, and the others need time to agree.
pub fn is_late(job: &Job, market: &Market, slot: u64) -> bool {
    slot >= job.deadline.saturating_sub(market.attest_window / 3)
}

/// What this seat says of a result.
pub fn decide(at: &Address, job: &Job, market: &Market, finding: &Finding, slot: u64) -> Decision {
    match finding {
        Finding::Receipt { hash, units } => {
            let fits = if job.flags & flag::REVEALED != 0 {
                job.result == *hash
            } else {
                commitment(hash, *units, at, job.attempt, &job.node) == job.result
            };
            // the commitment binds the units that it was made with, the bill is the published ones
            Decision::Sign(if fits && *units == job.units {
                Verdict::Match
            } else {
                Verdict::Mismatch
            })
        }
        // Nobody can have run it, so whoever committed to a receipt made it up.
        Finding::NoReceipt(_) => Decision::Sign(Verdict::Mismatch),
        Finding::Missing(_) if is_late(job, market, slot) => Decision::Sign(Verdict::Unrunnable),
        Finding::Missing(_) => Decision::Wait,
        // Nothing will come that makes it shallower. To be silent would cost the seats, and let the node go free.
        Finding::TooDeep => Decision::Sign(Verdict::Unrunnable),
        Finding::HostEnd(_) => Decision::Abstain,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;
    use lode_oracle::state::Seat;

    const JOB: Address = Address::new_from_array([1; 32]);
    const NODE: Address = Address::new_from_array([2; 32]);
    const KEY: Address = Address::new_from_array([3; 32]);
    const RECEIPT: [u8; 32] = [7; 32];

    fn job() -> Job {
        let mut job = Job::zeroed();
        job.state = JobState::Sealed as u8;
        job.attempt = 1;
        job.node = NODE;
        job.units = 5;
        job.result = commitment(&RECEIPT, 5, &JOB, 1, &NODE);
        job.submitted_at = 100;
        job.panel = 0b110;
        job.deadline = 1_000;
        job
    }

    fn market() -> Market {
        let mut market = Market::zeroed();
        market.attest_window = 300;
        market
    }

    fn receipt(hash: [u8; 32], units: u64) -> Finding {
        Finding::Receipt { hash, units }
    }

    fn says(job: &Job, finding: &Finding, slot: u64) -> Decision {
        decide(&JOB, job, &market(), finding, slot)
    }

    #[test]
    fn the_same_receipt_is_a_match_and_any_other_is_none() {
        let job = job();
        let sign = Decision::Sign;
        assert_eq!(says(&job, &receipt(RECEIPT, 5), 0), sign(Verdict::Match));
        assert_eq!(says(&job, &receipt([8; 32], 5), 0), sign(Verdict::Mismatch));
        assert_eq!(says(&job, &receipt(RECEIPT, 4), 0), sign(Verdict::Mismatch));
    }

    #[test]
    fn published_units_that_differ_from_the_committed_ones_are_a_mismatch() {
        let mut job = job();
        job.units = 6;
        let verdict = says(&job, &receipt(RECEIPT, 5), 0);
        assert_eq!(verdict, Decision::Sign(Verdict::Mismatch));
    }

    #[test]
    fn a_revealed_result_is_compared_itself() {
        let mut job = job();
        job.flags = flag::REVEALED;
        let sign = Decision::Sign;
        assert_eq!(says(&job, &receipt(RECEIPT, 5), 0), sign(Verdict::Mismatch));
        job.result = RECEIPT;
        assert_eq!(says(&job, &receipt(RECEIPT, 5), 0), sign(Verdict::Match));
        assert_eq!(says(&job, &receipt(RECEIPT, 4), 0), sign(Verdict::Mismatch));
    }

    #[test]
    fn what_is_missing_is_unrunnable_only_in_the_last_third_of_the_window() {
        let missing = Finding::Missing("module".into());
        assert_eq!(says(&job(), &missing, 899), Decision::Wait);
        assert_eq!(
            says(&job(), &missing, 900),
            Decision::Sign(Verdict::Unrunnable)
        );
    }

    #[test]
    fn the_seats_of_a_panel_take_turns_in_bringing_signatures_in_the_last_quarter() {
        // 300 slots, the last quarter begins at 925; the panel is seats 1 and 2
        let brings = |seat, slot| brings(&job(), &market(), seat, slot);
        assert!(!brings(1, 924));
        assert!(brings(1, 925));
        assert!(!brings(2, 949));
        assert!(brings(2, 950));
    }

    #[test]
    fn an_end_of_this_machine_is_no_verdict_however_late() {
        let end = Finding::HostEnd("memory".into());
        assert_eq!(says(&job(), &end, 0), Decision::Abstain);
        assert_eq!(says(&job(), &end, 999), Decision::Abstain);
    }

    #[test]
    fn a_run_without_a_bottom_is_unrunnable_at_once() {
        let deep = says(&job(), &Finding::TooDeep, 0);
        assert_eq!(deep, Decision::Sign(Verdict::Unrunnable));
    }

    #[test]
    fn a_spec_without_a_receipt_makes_every_commitment_a_lie() {
        let none = Finding::NoReceipt("not JSON".into());
        assert_eq!(says(&job(), &none, 0), Decision::Sign(Verdict::Mismatch));
    }

    #[test]
    fn only_a_drawn_seat_that_served_when_the_result_came_is_mine() {
        let mut committee = Committee::zeroed();
        committee.seats[2] = Seat {
            owner: NODE,
            attester: KEY,
            active_from: 100,
            left_at: 101,
        };
        let mine = MySeat {
            seat: 2,
            owner: NODE,
        };
        assert_eq!(my_seats(&committee, &job(), &KEY), [mine]);
        assert!(my_seats(&committee, &job(), &NODE).is_empty());
        // another owner trusts the same machine
        committee.seats[3] = committee.seats[2];
        let mut other = job();
        other.panel = 0b1111;
        let asked = my_seats(&committee, &other, &KEY);
        assert_eq!(asked.iter().map(|s| s.seat).collect::<Vec<_>>(), [2, 3]);
        other.panel = 0b011;
        assert!(my_seats(&committee, &other, &KEY).is_empty());
        for submitted_at in [99, 101] {
            other = job();
            other.submitted_at = submitted_at;
            assert!(my_seats(&committee, &other, &KEY).is_empty());
        }
    }

    #[test]
    fn a_job_is_due_until_it_is_decided_signed_or_over() {
        let mut due = job();
        assert!(is_due(&due, 2, 0));
        assert!(is_due(&due, 2, 1_000 + RESTART_EXTENSION - 1));
        assert!(!is_due(&due, 2, 1_000 + RESTART_EXTENSION));
        due.state = JobState::Challenged as u8;
        assert!(is_due(&due, 2, 0));
        due.signed_unrunnable = 0b100;
        assert!(is_due(&due, 2, 0));
        due.signed_match = 0b100;
        assert!(!is_due(&due, 2, 0));
        assert!(is_due(&due, 1, 0));
        due.state = JobState::Attested as u8;
        assert!(!is_due(&due, 1, 0));
    }
}
