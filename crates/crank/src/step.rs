//! Every step that a crank knows, of jobs and of everything else.

use crate::due::Action;

/// A step, of whatever account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A job's.
    Job(Action),
    /// A ledger's: what it owes goes to burn, treasury, market and checks.
    SweepFees,
    /// A ledger's: what was earned by checking becomes money.
    Redeem,
    /// A gone node's: the rent of its points returns.
    CloseWork,
    /// A node's: what its vault holds above the books is booked as a reward.
    SweepRewards,
    /// A delegation's on a leaving node: its shares begin their way out.
    ForceUnstake,
    /// A ticket's on a leaving node: its wallet is paid.
    Withdraw,
    /// A node's: its points of this epoch are recorded.
    Record(u64),
    /// An epoch's: its amount is fixed.
    FinalizeEpoch,
    /// A share's: the node is paid for its work.
    ClaimWork,
    /// A share's: the node's stake is rewarded.
    ClaimStake,
    /// An epoch's: the treasury gets its part.
    ClaimTreasury,
    /// A share's: the rent returns.
    CloseShare,
    /// An epoch's: the rent returns.
    CloseEpoch,
}

impl Step {
    /// What it is called in logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Job(action) => action.name(),
            Self::SweepFees => "sweep_fees",
            Self::Redeem => "redeem",
            Self::CloseWork => "close_work",
            Self::SweepRewards => "sweep_rewards",
            Self::ForceUnstake => "force_unstake",
            Self::Withdraw => "withdraw",
            Self::Record(_) => "record",
            Self::FinalizeEpoch => "finalize_epoch",
            Self::ClaimWork => "claim_work",
            Self::ClaimStake => "claim_stake",
            Self::ClaimTreasury => "claim_treasury",
            Self::CloseShare => "close_share",
            Self::CloseEpoch => "close_epoch",
        }
    }

    /// Lamports of rent, generously, that it lends until the account is closed again.
    pub(crate) fn lends(&self) -> u64 {
        match self {
            // a share, and with the first of an epoch the epoch
            Self::Record(_) => 6_000_000,
            Self::ForceUnstake => 3_000_000,
            _ => 0,
        }
    }
}
