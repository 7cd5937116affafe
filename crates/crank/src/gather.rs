//! Looks for what is due beside jobs, and makes it instructions.

use crate::crank::Crank;
use crate::errands::{
    closes_work, forces_unstake, of_epoch, of_share, redeemable, sweepable, sweeps_rewards,
    withdraws, Takers,
};
use crate::send::Task;
use crate::step::Step;
use crate::Result;
use lode_client::emissions::records;
use lode_client::instructions::{emissions, jobs, staking};
use lode_client::{addresses, filter};
use lode_emissions::state::{Epoch, Schedule, Share};
use lode_jobs::state::{JobsConfig, Ledger, LedgerKind, Market, Work};
use lode_staking::state::{Delegation, Node, NodeStatus, StakingConfig, Unbonding};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};

fn task<T: bytemuck::NoUninit>(
    step: Step,
    at: &Address,
    account: &T,
    instruction: solana_instruction::Instruction,
) -> Task {
    Task::new(step, *at, bytemuck::bytes_of(account), vec![instruction])
}

impl Crank {
    /// Everything.
    pub(crate) async fn errands(&self) -> Result<Vec<Task>> {
        let unix = self.sender.client.clock().await?.unix_timestamp;
        let client = &self.sender.client;
        let config: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
        let mut due = self.of_ledgers(&config).await?;
        // Nodes belong to no market: who serves chosen markets leaves them to others.
        if self.policy.markets.is_empty() {
            let nodes = client.get_program_accounts::<Node>(&[]).await?;
            let nodes: HashMap<Address, Node> = nodes.into_iter().collect();
            let works = client.get_program_accounts::<Work>(&[]).await?;
            for (at, work) in &works {
                if closes_work(work, nodes.contains_key(&work.node), &config, unix) {
                    let close = jobs::close_work(&work.node, &work.payer);
                    due.push(task(Step::CloseWork, at, work, close));
                }
            }
            due.extend(self.of_nodes(&nodes, unix).await?);
            due.extend(self.of_emissions(&nodes, &works, unix).await?);
        }
        Ok(due)
    }

    /// Sweeps and redemptions.
    async fn of_ledgers(&self, config: &JobsConfig) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let mut ledgers = Vec::new();
        if self.policy.markets.is_empty() {
            ledgers = client.get_program_accounts::<Ledger>(&[]).await?;
        }
        for market in &self.policy.markets {
            let filters = [filter!(Ledger, market, *market)];
            ledgers.extend(client.get_program_accounts::<Ledger>(&filters).await?);
        }
        let open: HashSet<Address> = ledgers.iter().map(|(at, _)| *at).collect();
        let markets = self.fresh_markets(&ledgers).await?;
        let mut takers = HashMap::new();
        let mut due = Vec::new();
        for (at, ledger) in &ledgers {
            let Some(market) = markets.get(&ledger.market) else {
                continue;
            };
            let owed = ledger.burn_owed | ledger.fees_owed | ledger.market_owed;
            if owed | ledger.checks_owed | ledger.credits == 0 {
                continue;
            }
            let mint = self.mint(&market.mint).await?;
            let known = match takers.get(&ledger.market) {
                Some(known) => *known,
                None => {
                    let own = addresses::jobs::ledger(&ledger.market, &market.authority);
                    let known = Takers {
                        treasury: client.is_payable(&config.treasury_owner, &mint).await?,
                        market: open.contains(&own),
                    };
                    takers.insert(ledger.market, known);
                    known
                }
            };
            // A ledger cannot be passed twice: its own part of its fees would stay owed.
            let known = Takers {
                market: known.market && ledger.party != market.authority,
                ..known
            };
            if sweepable(ledger, known) >= self.policy.least_sweep.max(1) {
                let treasury = known.treasury.then_some(&config.treasury_owner);
                let sweep = jobs::sweep_fees(
                    &ledger.market,
                    market,
                    &ledger.party,
                    &mint,
                    treasury,
                    known.market,
                );
                due.push(task(Step::SweepFees, at, ledger, sweep));
            }
            due.extend(self.redemption(at, ledger, market));
        }
        Ok(due)
    }

    fn redemption(&self, at: &Address, ledger: &Ledger, market: &Market) -> Option<Task> {
        let wallet = ledger.kind == LedgerKind::Wallet as u8;
        let amount = redeemable(ledger, market.check_pool);
        (wallet && amount >= self.policy.least_sweep.max(1)).then(|| {
            let redeem = jobs::redeem_credits(&ledger.market, &ledger.party);
            task(Step::Redeem, at, ledger, redeem)
        })
    }

    /// Redemptions of one wallet, in all markets.
    pub(crate) async fn redemptions(&self, owner: &Address) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let filters = [filter!(Ledger, party, *owner)];
        let ledgers = client.get_program_accounts::<Ledger>(&filters).await?;
        let markets = self.fresh_markets(&ledgers).await?;
        let due = ledgers.iter().filter_map(|(at, ledger)| {
            let market = markets.get(&ledger.market)?;
            self.redemption(at, ledger, market)
        });
        Ok(due.collect())
    }

    /// The ledgers' markets as they are now: their pools change.
    async fn fresh_markets(
        &self,
        ledgers: &[(Address, Ledger)],
    ) -> Result<HashMap<Address, Market>> {
        let mut at: Vec<Address> = ledgers.iter().map(|(_, ledger)| ledger.market).collect();
        at.sort_unstable();
        at.dedup();
        let found = self.sender.client.get_accounts::<Market>(&at).await?;
        let known = at.into_iter().zip(found);
        Ok(known
            .filter_map(|(at, market)| Some((at, market?)))
            .collect())
    }

    /// Rewards that nobody booked, and the way out of leaving nodes.
    async fn of_nodes(&self, nodes: &HashMap<Address, Node>, unix: i64) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let me = self.sender.wallet.pubkey();
        let mut due = Vec::new();
        let all: Vec<(&Address, &Node)> = nodes.iter().collect();
        let vaults: Vec<Address> = all.iter().map(|(_, node)| node.vault).collect();
        let held = client.token_balances(&vaults).await?;
        for ((at, node), held) in all.iter().zip(held) {
            if sweeps_rewards(node, held) {
                due.push(task(
                    Step::SweepRewards,
                    at,
                    *node,
                    staking::sweep_rewards(at),
                ));
            }
        }
        let leaving: Vec<_> = all
            .iter()
            .filter(|(_, node)| node.status == NodeStatus::Exiting as u8)
            .collect();
        if leaving.is_empty() {
            return Ok(due);
        }
        let config: StakingConfig = client.get_account(&addresses::staking::config()).await?;
        let mint = self.mint(&config.stake_mint).await?;
        for (node_at, node) in leaving {
            let filters = [filter!(Delegation, node, **node_at)];
            for (at, delegation) in client.get_program_accounts::<Delegation>(&filters).await? {
                if forces_unstake(&delegation, node, &config, unix) {
                    let force = staking::force_unstake(&me, &at, &delegation);
                    due.push(task(Step::ForceUnstake, &at, &delegation, force));
                }
            }
            let filters = [filter!(Unbonding, node, **node_at)];
            for (at, ticket) in client.get_program_accounts::<Unbonding>(&filters).await? {
                if withdraws(&ticket, node, unix) && client.is_payable(&ticket.owner, &mint).await?
                {
                    let pay = staking::withdraw(&at, &ticket, &mint);
                    due.push(task(Step::Withdraw, &at, &ticket, pay));
                }
            }
        }
        Ok(due)
    }

    /// Records, amounts, claims and rents of the emissions.
    async fn of_emissions(
        &self,
        nodes: &HashMap<Address, Node>,
        works: &[(Address, Work)],
        unix: i64,
    ) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let schedule_at = addresses::emissions::schedule();
        // A network may run without emissions.
        let Some(schedule) = client.try_account::<Schedule>(&schedule_at).await? else {
            return Ok(Vec::new());
        };
        let mint = self.mint(&schedule.mint).await?;
        let me = self.sender.wallet.pubkey();
        let shares = client.get_program_accounts::<Share>(&[]).await?;
        let taken: HashSet<Address> = shares.iter().map(|(at, _)| *at).collect();
        let mut due = Vec::new();
        for (at, work) in works {
            let Some(epoch) = records(work, &schedule, unix) else {
                continue;
            };
            let there = taken.contains(&addresses::emissions::share(&work.node, epoch));
            if !there && nodes.contains_key(&work.node) {
                let record = emissions::record(&me, &work.node, epoch);
                due.push(task(Step::Record(epoch), at, work, record));
            }
        }
        let epochs = client.get_program_accounts::<Epoch>(&[]).await?;
        let treasury = client.is_payable(&schedule.treasury_owner, &mint).await?;
        for (at, epoch) in &epochs {
            let Some(step) = of_epoch(epoch, &schedule, treasury, unix) else {
                continue;
            };
            let instruction = match step {
                Step::FinalizeEpoch => emissions::finalize_epoch(epoch.index),
                Step::ClaimTreasury => {
                    emissions::claim_treasury(&schedule.treasury_owner, epoch.index, &mint)
                }
                _ => emissions::close_epoch(epoch),
            };
            due.push(task(step, at, epoch, instruction));
        }
        let by_index: HashMap<u64, &Epoch> = epochs.iter().map(|(_, e)| (e.index, e)).collect();
        for (at, share) in &shares {
            let Some(epoch) = by_index.get(&share.epoch) else {
                continue;
            };
            let node = nodes.get(&share.node);
            for step in of_share(share, epoch, &schedule, node.is_some(), unix) {
                let instruction = match (step, node) {
                    (Step::ClaimWork, Some(node)) => {
                        emissions::claim_work(&share.node, node, share.epoch, &mint)
                    }
                    (Step::ClaimStake, _) => {
                        emissions::claim_stake(&share.node, share.epoch, &mint)
                    }
                    _ => emissions::close_share(share),
                };
                due.push(task(step, at, share, instruction));
            }
        }
        Ok(due)
    }
}
