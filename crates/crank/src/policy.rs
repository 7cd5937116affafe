//! What a crank is told to do.

use crate::due::Action;
use lode_client::token::Threshold;
use lode_jobs::state::JobState;
use lode_oracle::state::Committee;
use solana_address::Address;
use std::time::Duration;

/// States of jobs that run, of those that are over, and of those that owe anybody for checks.
const RUNNING: [JobState; 6] = [
    JobState::Open,
    JobState::Accepted,
    JobState::Submitted,
    JobState::Sealed,
    JobState::Attested,
    JobState::Challenged,
];
const OVER: [JobState; 4] = [
    JobState::Settled,
    JobState::Failed,
    JobState::Voided,
    JobState::Cancelled,
];
const OWING: [JobState; 2] = [JobState::Settled, JobState::Failed];

/// Which steps it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duty {
    /// All that anybody may do.
    #[default]
    All,
    /// Only what a job pays a slice for.
    Paid,
    /// Only collecting and redeeming what this wallet earned by checking.
    Collect(Address),
    /// Only what brings this node its emission.
    Emission(Address),
}

impl Duty {
    /// Whether a job's step is taken.
    pub(crate) fn wants(&self, action: Action, committee: Option<&Committee>) -> bool {
        match self {
            Self::All => true,
            Self::Paid => action.is_paid(),
            Self::Collect(owner) => match action {
                Action::Collect(seat) => committee
                    .and_then(|c| c.seats.get(usize::from(seat)))
                    .is_some_and(|sitting| sitting.owner == *owner),
                _ => false,
            },
            Self::Emission(_) => false,
        }
    }

    /// States of the jobs that it looks at; those that are over only when they are swept.
    pub(crate) fn looks_at(&self, sweeps: bool) -> Vec<JobState> {
        let (running, over): (&[JobState], &[JobState]) = match self {
            Self::All | Self::Paid => (&RUNNING, &OVER),
            Self::Collect(_) => (&[], &OWING),
            Self::Emission(_) => (&[], &[]),
        };
        let over = if sweeps { over } else { &[] };
        [running, over].concat()
    }
}

/// What a crank is told.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Markets that it serves; none for all.
    pub markets: Vec<Address>,
    /// Which steps it takes.
    pub duty: Duty,
    /// Slots that a party's own agent has for a step that it does itself.
    pub patience: u64,
    /// Fees and forfeits are swept, and credits redeemed, from so many tokens of their market on.
    pub least_sweep: Threshold,
    /// Lamports that the wallet must keep: nothing is sent that could leave it with less.
    pub floor: u64,
    /// Transactions under way at the same time.
    pub parallel: usize,
    /// Time between two looks at the jobs that run.
    pub poll: Duration,
    /// Time between two looks at what is over, at ledgers and at nodes.
    pub sweep_every: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            markets: Vec::new(),
            duty: Duty::All,
            patience: 10,
            least_sweep: Threshold::default(),
            floor: 10_000_000,
            parallel: 8,
            poll: Duration::from_secs(2),
            sweep_every: Duration::from_secs(20),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    #[test]
    fn each_duty_takes_its_own_steps_and_no_other() {
        let owner = Address::new_from_array([7; 32]);
        let mut committee = Committee::zeroed();
        committee.seats[2].owner = owner;
        let wants = |duty: Duty, action| duty.wants(action, Some(&committee));
        for action in [Action::Seal, Action::Attest, Action::Collect(1)] {
            assert!(wants(Duty::All, action));
            assert!(!wants(Duty::Collect(owner), action));
            assert!(!wants(Duty::Emission(owner), action));
            assert_eq!(wants(Duty::Paid, action), action == Action::Seal);
        }
        assert!(wants(Duty::Collect(owner), Action::Collect(2)));
        assert!(!Duty::Collect(owner).wants(Action::Collect(2), None));
        assert!(!wants(Duty::Collect(owner), Action::Collect(99)));
    }

    #[test]
    fn who_brings_a_node_its_emission_reads_no_job_and_who_collects_only_what_owes_for_checks() {
        let owner = Address::new_from_array([7; 32]);
        let reads = |duty: Duty| [false, true].map(|sweeps| duty.looks_at(sweeps).len());
        assert_eq!(reads(Duty::All), [6, 10]);
        assert_eq!(reads(Duty::Paid), [6, 10]);
        assert_eq!(reads(Duty::Collect(owner)), [0, 2]);
        assert_eq!(reads(Duty::Emission(owner)), [0, 0]);
    }
}
