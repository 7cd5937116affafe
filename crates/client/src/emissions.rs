//! Emissions: what can be recorded, made final, claimed and closed now. All of it may be done by anyone.
use crate::instructions::emissions;
use crate::token::MintInfo;
use crate::{addresses, filter, Client, Error, Result};
use lode_emissions::constants::{FINAL_AGE, RECORD_AGE};
use lode_emissions::state::{claimed, Epoch, Schedule, Share};
use lode_jobs::state::Work;
use lode_staking::state::Node;
use solana_address::Address;
use solana_instruction::Instruction;
use std::collections::{BTreeMap, BTreeSet};

/// A node that can be recorded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recordable {
    /// The node.
    pub node: Address,
    /// The epoch: the one that ended last.
    pub epoch: u64,
    /// Its points of that epoch.
    pub points: u64,
}

/// What can be claimed of a share now.
#[derive(Clone, Copy)]
pub struct ShareDues {
    /// The share.
    pub share: Share,
    /// Its node.
    pub node: Node,
    /// Whether the reward for work can be claimed.
    pub work_open: bool,
    /// What it is, base units.
    pub work: u64,
    /// Whether the reward for stake can be claimed.
    pub stake_open: bool,
    /// What it is, base units.
    pub stake: u64,
}

impl ShareDues {
    /// The instructions that pay what is due: for work to `to`, the node's payout account or its owner's associated one
    /// (see [`Client::payouts`]), for stake to the node's vault. Sweep the vault afterwards.
    pub fn claim(&self, to: &Address, mint: &MintInfo) -> Vec<Instruction> {
        let (node, epoch) = (&self.share.node, self.share.epoch);
        let mut instructions = Vec::new();
        if self.work_open {
            instructions.push(emissions::claim_work_to(node, epoch, to, mint));
        }
        if self.stake_open {
            instructions.push(emissions::claim_stake(node, epoch, mint));
        }
        instructions
    }
}

/// Points of an epoch that the chain would read from a node's `Work` while the next epoch runs.
pub fn points_of(work: &Work, epoch: u64) -> u64 {
    if work.epoch == epoch {
        work.points
    } else if epoch.checked_add(1) == Some(work.epoch) {
        work.previous
    } else {
        0
    }
}

/// The epoch that can be recorded at `now`: the one before the one that runs.
pub fn recording(schedule: &Schedule, now: i64) -> Option<u64> {
    schedule.epoch(now)?.checked_sub(RECORD_AGE)
}

/// The epoch of which a node's points can be recorded at `now`, if it has any.
pub fn records(work: &Work, schedule: &Schedule, now: i64) -> Option<u64> {
    recording(schedule, now).filter(|epoch| points_of(work, *epoch) > 0)
}

/// Whether an epoch can be made final at `now`.
pub fn can_be_final(schedule: &Schedule, epoch: &Epoch, now: i64) -> bool {
    let age = schedule.age(epoch.index, now);
    !epoch.is_final()
        && age.is_some_and(|age| age >= FINAL_AGE)
        && !schedule.is_over(epoch.index, now)
}

/// What of a share can be claimed at `now`: the amounts for work and for stake, each where its claim is open.
pub fn due_of(
    schedule: &Schedule,
    epoch: &Epoch,
    share: &Share,
    now: i64,
) -> Result<(Option<u64>, Option<u64>)> {
    if !epoch.is_final() || schedule.is_over(epoch.index, now) {
        return Ok((None, None));
    }
    let unsound = |_| {
        Error::Invalid(format!(
            "the books of epoch {} do not add up: try again, with a server that is up to date",
            epoch.index
        ))
    };
    let is_open = |part: u8| share.flags & part == 0;
    let work = match is_open(claimed::WORK) {
        true => Some(epoch.work_of(share.points).map_err(unsound)?),
        false => None,
    };
    let stake = match is_open(claimed::STAKE) {
        true => Some(
            epoch
                .stake_of(schedule, share.stake, share.points)
                .map_err(unsound)?,
        ),
        false => None,
    };
    Ok((work, stake))
}

/// What the treasury is due of an epoch at `now`, base units; nothing where that is 0 or cannot be claimed.
pub fn treasury_due(schedule: &Schedule, epoch: &Epoch, now: i64) -> Option<u64> {
    let open = epoch.is_final() && !schedule.is_over(epoch.index, now);
    let due = epoch.treasury_due().ok().filter(|due| *due > 0);
    due.filter(|_| open)
}

/// Whether an epoch can be closed at `now`.
pub fn epoch_can_be_closed(schedule: &Schedule, epoch: &Epoch, now: i64) -> bool {
    schedule.is_over(epoch.index, now) && epoch.open_shares == 0
}

/// Whether a share can be closed at `now`.
pub fn can_be_closed(schedule: &Schedule, share: &Share, now: i64) -> bool {
    share.is_claimed() || schedule.is_over(share.epoch, now)
}

impl Client {
    /// The schedule, or `None` where the network has no emissions yet.
    pub async fn schedule(&self) -> Result<Option<Schedule>> {
        self.try_account(&addresses::emissions::schedule()).await
    }

    /// All epochs, the oldest first.
    pub async fn epochs(&self) -> Result<Vec<Epoch>> {
        let found = self.get_program_accounts::<Epoch>(&[]).await?;
        let by_index: BTreeMap<u64, Epoch> = found
            .into_iter()
            .map(|(_, epoch)| (epoch.index, epoch))
            .collect();
        Ok(by_index.into_values().collect())
    }

    /// Shares of an epoch, a node, or all, in the order of epoch and node.
    pub async fn shares(&self, epoch: Option<u64>, node: Option<Address>) -> Result<Vec<Share>> {
        let mut filters = Vec::new();
        filters.extend(epoch.map(|epoch| filter!(Share, epoch, epoch)));
        filters.extend(node.map(|node| filter!(Share, node, node)));
        let found = self.get_program_accounts::<Share>(&filters).await?;
        let mut shares: Vec<Share> = found.into_iter().map(|(_, share)| share).collect();
        shares.sort_by_key(|share| (share.epoch, share.node));
        Ok(shares)
    }

    /// Nodes that have points of the epoch that ended last and are not recorded, in the order of their addresses.
    pub async fn recordable(&self, schedule: &Schedule, now: i64) -> Result<Vec<Recordable>> {
        let Some(epoch) = recording(schedule, now) else {
            return Ok(Vec::new());
        };
        let recorded: BTreeSet<Address> = self
            .shares(Some(epoch), None)
            .await?
            .iter()
            .map(|share| share.node)
            .collect();
        let works = self.get_program_accounts::<Work>(&[]).await?;
        let mut found: Vec<Recordable> = works
            .iter()
            .map(|(_, work)| Recordable {
                node: work.node,
                epoch,
                points: points_of(work, epoch),
            })
            .filter(|one| one.points > 0 && !recorded.contains(&one.node))
            .collect();
        found.sort_by_key(|one| one.node);
        // a node that was closed since has nothing to record
        let at: Vec<Address> = found.iter().map(|one| one.node).collect();
        let nodes = self.raw_accounts(&at).await?;
        Ok(found
            .into_iter()
            .zip(nodes)
            .filter(|(_, node)| node.as_ref().is_some_and(|n| n.owner == lode_staking::ID))
            .map(|(one, _)| one)
            .collect())
    }

    /// Epochs that can be made final now, the oldest first.
    pub async fn finalisable(&self, schedule: &Schedule, now: i64) -> Result<Vec<Epoch>> {
        let mut epochs = self.epochs().await?;
        epochs.retain(|epoch| can_be_final(schedule, epoch, now));
        Ok(epochs)
    }

    /// What can be claimed of shares now, of one node or all, in the order of epoch and node. Shares of closed nodes lapse
    /// and are left out.
    pub async fn share_dues(
        &self,
        schedule: &Schedule,
        node: Option<Address>,
        now: i64,
    ) -> Result<Vec<ShareDues>> {
        let mut shares = self.shares(None, node).await?;
        shares.retain(|share| !share.is_claimed());
        let epochs: BTreeMap<u64, Epoch> = self
            .epochs()
            .await?
            .into_iter()
            .map(|epoch| (epoch.index, epoch))
            .collect();
        let at: Vec<Address> = shares.iter().map(|share| share.node).collect();
        let nodes = self.get_accounts::<Node>(&at).await?;
        let mut dues = Vec::new();
        for (share, node) in shares.into_iter().zip(nodes) {
            let (Some(node), Some(epoch)) = (node, epochs.get(&share.epoch)) else {
                continue;
            };
            let (work, stake) = due_of(schedule, epoch, &share, now)?;
            if work.is_some() || stake.is_some() {
                dues.push(ShareDues {
                    share,
                    node,
                    work_open: work.is_some(),
                    work: work.unwrap_or_default(),
                    stake_open: stake.is_some(),
                    stake: stake.unwrap_or_default(),
                });
            }
        }
        Ok(dues)
    }

    /// Final epochs of which the treasury is due something now, the oldest first, and what.
    pub async fn treasury_dues(&self, schedule: &Schedule, now: i64) -> Result<Vec<(u64, u64)>> {
        let epochs = self.epochs().await?;
        Ok(epochs
            .iter()
            .filter_map(|epoch| Some((epoch.index, treasury_due(schedule, epoch, now)?)))
            .collect())
    }

    /// Shares that can be closed now, and epochs that can: those whose claims are over and that have no open share.
    pub async fn closable(
        &self,
        schedule: &Schedule,
        now: i64,
    ) -> Result<(Vec<Share>, Vec<Epoch>)> {
        let mut shares = self.shares(None, None).await?;
        shares.retain(|share| can_be_closed(schedule, share, now));
        let mut epochs = self.epochs().await?;
        epochs.retain(|epoch| epoch_can_be_closed(schedule, epoch, now));
        Ok((shares, epochs))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn schedule() -> Schedule {
        let mut schedule: Schedule = bytemuck::Zeroable::zeroed();
        schedule.epoch_seconds = 100;
        schedule.genesis = 1_000;
        schedule.work_bps = 8_000;
        schedule.stake_bps = 1_000;
        schedule.treasury_bps = 1_000;
        schedule.c_bps = 10_000;
        schedule
    }

    fn epoch() -> Epoch {
        let mut epoch: Epoch = bytemuck::Zeroable::zeroed();
        epoch.index = 3;
        epoch.points = 100;
        epoch.stake = 1_000;
        epoch.work = 80;
        epoch.stake_amount = 10;
        epoch
    }

    #[test]
    fn an_epoch_is_recorded_while_the_next_one_runs_and_final_from_the_one_after() {
        let schedule = schedule();
        assert_eq!(recording(&schedule, 999), None);
        assert_eq!(recording(&schedule, 1_050), None);
        assert_eq!(recording(&schedule, 1_100), Some(0));
        assert_eq!(recording(&schedule, 1_450), Some(3));
        let mut epoch = epoch();
        assert!(!can_be_final(&schedule, &epoch, 1_499));
        assert!(can_be_final(&schedule, &epoch, 1_500));
        assert!(can_be_final(&schedule, &epoch, 1_000 + 30 * 100 - 1));
        assert!(!can_be_final(&schedule, &epoch, 1_000 + 30 * 100));
        epoch.status = 1;
        assert!(!can_be_final(&schedule, &epoch, 1_500));
    }

    #[test]
    fn points_are_read_where_the_program_reads_them() {
        let mut work: Work = bytemuck::Zeroable::zeroed();
        work.earn(3, 7).unwrap();
        assert_eq!(points_of(&work, 3), 7);
        work.earn(4, 2).unwrap();
        assert_eq!((points_of(&work, 3), points_of(&work, 4)), (7, 2));
        work.earn(6, 1).unwrap();
        assert_eq!((points_of(&work, 4), points_of(&work, 5)), (0, 0));
    }

    #[test]
    fn points_are_recorded_in_the_epoch_after_theirs_from_whichever_slot_they_stand_in() {
        let mut work: Work = bytemuck::Zeroable::zeroed();
        (work.epoch, work.points) = (4, 9);
        // epoch 4 runs from 1 400 on
        assert_eq!(records(&work, &schedule(), 1_499), None);
        assert_eq!(records(&work, &schedule(), 1_500), Some(4));
        assert_eq!(records(&work, &schedule(), 1_599), Some(4));
        assert_eq!(records(&work, &schedule(), 1_600), None);
        work.epoch = 5;
        assert_eq!(records(&work, &schedule(), 1_500), None);
        work.previous = 9;
        assert_eq!(records(&work, &schedule(), 1_500), Some(4));
        assert_eq!(records(&work, &schedule(), 900), None);
    }

    #[test]
    fn a_share_is_due_once_its_epoch_is_final_until_its_claims_are_over() {
        let (schedule, mut epoch) = (schedule(), epoch());
        let mut share: Share = bytemuck::Zeroable::zeroed();
        (share.epoch, share.points, share.stake) = (3, 25, 500);
        assert_eq!(
            due_of(&schedule, &epoch, &share, 1_600).unwrap(),
            (None, None)
        );
        epoch.status = 1;
        // half the stake, but a quarter of the work: c caps it
        let due = due_of(&schedule, &epoch, &share, 1_600).unwrap();
        assert_eq!(due, (Some(20), Some(2)));
        let over = 1_000 + 30 * 100;
        assert_eq!(
            due_of(&schedule, &epoch, &share, over).unwrap(),
            (None, None)
        );
        assert!(!can_be_closed(&schedule, &share, 1_600));
        assert!(can_be_closed(&schedule, &share, over));
        share.flags = claimed::WORK;
        let due = due_of(&schedule, &epoch, &share, 1_600).unwrap();
        assert_eq!(due, (None, Some(2)));
        share.flags = claimed::ALL;
        assert!(can_be_closed(&schedule, &share, 1_600));
    }
}
