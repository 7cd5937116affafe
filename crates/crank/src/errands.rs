//! What anybody may do beside jobs: ledgers, nodes that leave, emissions. Each question is asked of accounts alone; what
//! is due in emissions `lode_client::emissions` says, here it becomes steps.

use crate::step::Step;
use lode_client::emissions;
use lode_emissions::state::{Epoch, Schedule, Share};
use lode_jobs::state::{JobsConfig, Ledger, Work};
use lode_staking::state::{Delegation, Node, StakingConfig, Unbonding};

/// Who can take his part of what a ledger owes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takers {
    /// The treasury's owner has an account of the mint.
    pub treasury: bool,
    /// The market's authority has a ledger.
    pub market: bool,
}

/// Base units that a sweep of this ledger moves.
pub fn sweepable(ledger: &Ledger, takers: Takers) -> u64 {
    let treasury = if takers.treasury { ledger.fees_owed } else { 0 };
    let market = if takers.market { ledger.market_owed } else { 0 };
    [ledger.burn_owed, ledger.checks_owed, treasury, market]
        .iter()
        .fold(0, |sum, part| part.saturating_add(sum))
}

/// Base units that a redemption brings this ledger, the pool at `pool`.
pub fn redeemable(ledger: &Ledger, pool: u64) -> u64 {
    ledger.credits.min(pool)
}

/// The points of a node that is gone may go. `node` is whether it is still there.
pub fn closes_work(work: &Work, node: bool, config: &JobsConfig, unix: i64) -> bool {
    !node && work.is_stale(config.epoch(unix))
}

/// The vault holds more than the books say.
pub fn sweeps_rewards(node: &Node, vault: u64) -> bool {
    node.booked().is_ok_and(|booked| vault > booked)
}

/// The stake of whoever stays on a leaving node begins its way out.
pub fn forces_unstake(
    delegation: &Delegation,
    node: &Node,
    config: &StakingConfig,
    unix: i64,
) -> bool {
    node.require_pushed_out(config, unix).is_ok() && delegation.active_shares > 0
}

/// A ticket on a leaving node is due. On a node that stays its owner may prefer to stake it again.
pub fn withdraws(ticket: &Unbonding, node: &Node, unix: i64) -> bool {
    node.is_exiting() && unix >= ticket.release_at
}

/// What may be done with an epoch. `treasury` is whether the treasury's owner has an account of the mint.
pub fn of_epoch(epoch: &Epoch, schedule: &Schedule, treasury: bool, unix: i64) -> Option<Step> {
    if emissions::epoch_can_be_closed(schedule, epoch, unix) {
        Some(Step::CloseEpoch)
    } else if emissions::can_be_final(schedule, epoch, unix) {
        Some(Step::FinalizeEpoch)
    } else {
        let due = emissions::treasury_due(schedule, epoch, unix);
        due.filter(|_| treasury).map(|_| Step::ClaimTreasury)
    }
}

/// What may be done with a share of an epoch. `node` is whether its node is still there to be paid.
pub fn of_share(
    share: &Share,
    epoch: &Epoch,
    schedule: &Schedule,
    node: bool,
    unix: i64,
) -> Vec<Step> {
    if emissions::can_be_closed(schedule, share, unix) {
        return vec![Step::CloseShare];
    }
    // Books that do not add up pay nothing.
    let (work, stake) = emissions::due_of(schedule, epoch, share, unix).unwrap_or_default();
    let open = [
        work.map(|_| Step::ClaimWork),
        stake.map(|_| Step::ClaimStake),
    ];
    open.into_iter().flatten().filter(|_| node).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bytemuck::Zeroable;
    use lode_emissions::state::{claimed, EpochStatus};
    use lode_staking::constants::LAST_JOBS;
    use lode_staking::state::NodeStatus;

    #[test]
    fn a_sweep_counts_only_what_somebody_can_take() {
        let mut ledger = Ledger::zeroed();
        ledger.burn_owed = 1;
        ledger.checks_owed = 20;
        ledger.fees_owed = 300;
        ledger.market_owed = 4_000;
        let (none, both) = (false, true);
        for (treasury, market, sum) in [
            (none, none, 21),
            (both, none, 321),
            (none, both, 4_021),
            (both, both, 4_321),
        ] {
            assert_eq!(sweepable(&ledger, Takers { treasury, market }), sum);
        }
        assert_eq!(sweepable(&Ledger::zeroed(), Takers::default()), 0);
        ledger.credits = 7;
        assert_eq!(redeemable(&ledger, 5), 5);
        assert_eq!(redeemable(&ledger, 9), 7);
    }

    #[test]
    fn points_close_only_when_the_node_is_gone_and_they_can_be_recorded_no_more() {
        let mut config = JobsConfig::zeroed();
        config.epoch_seconds = 100;
        let mut work = Work::zeroed();
        work.epoch = 3;
        work.points = 1;
        assert!(!closes_work(&work, false, &config, 499));
        assert!(closes_work(&work, false, &config, 500));
        assert!(!closes_work(&work, true, &config, 500));
        work.points = 0;
        assert!(closes_work(&work, false, &config, 300));
    }

    #[test]
    fn only_a_leaving_nodes_stake_is_moved_for_its_owners() {
        let mut node = Node::zeroed();
        let mut delegation = Delegation::zeroed();
        delegation.active_shares = 1;
        let mut ticket = Unbonding::zeroed();
        ticket.release_at = 10;
        let mut config = StakingConfig::zeroed();
        config.stream_seconds = 10;
        assert!(!forces_unstake(&delegation, &node, &config, 1_000));
        assert!(!withdraws(&ticket, &node, 10));
        (node.status, node.exited_at) = (NodeStatus::Exiting as u8, 100);
        // four epochs after its last jobs can have ended
        let from = 140 + LAST_JOBS;
        assert!(!forces_unstake(&delegation, &node, &config, from - 1));
        assert!(forces_unstake(&delegation, &node, &config, from));
        assert!(!withdraws(&ticket, &node, 9));
        assert!(withdraws(&ticket, &node, 10));
        delegation.active_shares = 0;
        assert!(!forces_unstake(&delegation, &node, &config, from));
        node.stake = 5;
        node.rewards_owed = 2;
        assert!(!sweeps_rewards(&node, 7));
        assert!(sweeps_rewards(&node, 8));
    }

    fn schedule() -> Schedule {
        let mut schedule = Schedule::zeroed();
        schedule.epoch_seconds = 100;
        schedule.genesis = 1_000;
        schedule
    }

    #[test]
    fn an_epoch_is_made_final_then_pays_then_closes() {
        let mut epoch = Epoch::zeroed();
        epoch.index = 4;
        epoch.open_shares = 1;
        let step = |epoch: &Epoch, unix| of_epoch(epoch, &schedule(), true, unix);
        assert_eq!(step(&epoch, 1_599), None);
        assert_eq!(step(&epoch, 1_600), Some(Step::FinalizeEpoch));
        epoch.status = EpochStatus::Final as u8;
        assert_eq!(step(&epoch, 1_600), None);
        epoch.work = 100;
        epoch.work_claimed = 50;
        epoch.treasury = 10;
        assert_eq!(step(&epoch, 1_600), Some(Step::ClaimTreasury));
        assert_eq!(of_epoch(&epoch, &schedule(), false, 1_600), None);
        // its claims end with epoch 30
        assert_eq!(step(&epoch, 4_099), Some(Step::ClaimTreasury));
        assert_eq!(step(&epoch, 4_100), None);
        epoch.open_shares = 0;
        assert_eq!(step(&epoch, 4_100), Some(Step::CloseEpoch));
        epoch.status = EpochStatus::Recording as u8;
        assert_eq!(step(&epoch, 4_100), Some(Step::CloseEpoch));
    }

    #[test]
    fn a_share_is_claimed_once_for_each_reward_and_closes_when_nothing_is_left() {
        let mut epoch = Epoch::zeroed();
        let mut share = Share::zeroed();
        (epoch.index, share.epoch) = (4, 4);
        (epoch.points, epoch.stake) = (100, 1_000);
        (share.points, share.stake) = (25, 500);
        let steps = |share: &Share, epoch: &Epoch, node, unix| {
            of_share(share, epoch, &schedule(), node, unix)
        };
        assert!(steps(&share, &epoch, true, 1_600).is_empty());
        epoch.status = EpochStatus::Final as u8;
        let both = [Step::ClaimWork, Step::ClaimStake];
        assert_eq!(steps(&share, &epoch, true, 1_600), both);
        assert!(steps(&share, &epoch, false, 1_600).is_empty());
        share.flags = claimed::WORK;
        assert_eq!(steps(&share, &epoch, true, 1_600), [Step::ClaimStake]);
        assert_eq!(steps(&share, &epoch, false, 4_100), [Step::CloseShare]);
        share.flags = claimed::ALL;
        assert_eq!(steps(&share, &epoch, true, 1_600), [Step::CloseShare]);
    }
}
