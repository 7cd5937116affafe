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
use lode_client::token::MintInfo;
use lode_client::{addresses, filter};
use lode_emissions::state::{Epoch, Schedule, Share};
use lode_jobs::state::{JobsConfig, Ledger, LedgerKind, Market, Work};
use lode_staking::state::{Delegation, Node, NodeStatus, StakingConfig, Unbonding};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::{HashMap, HashSet};

/// Accounts of which is asked what is due in emissions: all there are, or all of one node.
struct Books<'a> {
    nodes: &'a HashMap<Address, Node>,
    works: &'a [(Address, Work)],
    shares: &'a [(Address, Share)],
    epochs: &'a [(Address, Epoch)],
    /// The treasury is claimed too: its owner has an account of the mint.
    treasury: bool,
}

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
            due.extend(self.of_vaults(&nodes).await?);
            due.extend(self.of_leaving(&nodes, unix).await?);
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
            if sweepable(ledger, known) >= self.least(&mint) {
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
            due.extend(self.redemption(at, ledger, market, &mint));
        }
        Ok(due)
    }

    /// From so many base units on, a sweep or a redemption is worth its fee.
    fn least(&self, mint: &MintInfo) -> u64 {
        self.policy.least_sweep.of(mint.decimals).max(1)
    }

    fn redemption(
        &self,
        at: &Address,
        ledger: &Ledger,
        market: &Market,
        mint: &MintInfo,
    ) -> Option<Task> {
        let wallet = ledger.kind == LedgerKind::Wallet as u8;
        let amount = redeemable(ledger, market.check_pool);
        (wallet && amount >= self.least(mint)).then(|| {
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
        let mut due = Vec::new();
        for (at, ledger) in &ledgers {
            if let Some(market) = markets.get(&ledger.market) {
                let mint = self.mint(&market.mint).await?;
                due.extend(self.redemption(at, ledger, market, &mint));
            }
        }
        Ok(due)
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

    /// Rewards that nobody booked.
    async fn of_vaults(&self, nodes: &HashMap<Address, Node>) -> Result<Vec<Task>> {
        let all: Vec<(&Address, &Node)> = nodes.iter().collect();
        let vaults: Vec<Address> = all.iter().map(|(_, node)| node.vault).collect();
        let held = self.sender.client.token_balances(&vaults).await?;
        let due = all
            .iter()
            .zip(held)
            .filter(|((_, node), held)| sweeps_rewards(node, *held))
            .map(|((at, node), _)| {
                let sweep = staking::sweep_rewards(at);
                task(Step::SweepRewards, at, *node, sweep)
            });
        Ok(due.collect())
    }

    /// The way out of leaving nodes.
    async fn of_leaving(&self, nodes: &HashMap<Address, Node>, unix: i64) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let me = self.sender.wallet.pubkey();
        let mut due = Vec::new();
        let leaving: Vec<_> = nodes
            .iter()
            .filter(|(_, node)| node.status == NodeStatus::Exiting as u8)
            .collect();
        if leaving.is_empty() {
            return Ok(due);
        }
        let config: StakingConfig = client.get_account(&addresses::staking::config()).await?;
        let mint = self.mint(&config.stake_mint).await?;
        for (node_at, node) in leaving {
            let filters = [filter!(Delegation, node, *node_at)];
            for (at, delegation) in client.get_program_accounts::<Delegation>(&filters).await? {
                if forces_unstake(&delegation, node, &config, unix) {
                    let force = staking::force_unstake(&me, &at, &delegation);
                    due.push(task(Step::ForceUnstake, &at, &delegation, force));
                }
            }
            let filters = [filter!(Unbonding, node, *node_at)];
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

    /// Records, amounts, claims and rents of all emissions.
    async fn of_emissions(
        &self,
        nodes: &HashMap<Address, Node>,
        works: &[(Address, Work)],
        unix: i64,
    ) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        // A network may run without emissions.
        let Some(schedule) = client.schedule().await? else {
            return Ok(Vec::new());
        };
        let mint = self.mint(&schedule.mint).await?;
        let books = Books {
            nodes,
            works,
            shares: &client.get_program_accounts::<Share>(&[]).await?,
            epochs: &client.get_program_accounts::<Epoch>(&[]).await?,
            treasury: client.is_payable(&schedule.treasury_owner, &mint).await?,
        };
        self.emission_steps(&schedule, &mint, &books, unix).await
    }

    /// What brings one node its emission: its record, its claims, the amounts of the epochs that they are of, and what a
    /// claim leaves in its vault; and what brings home the rent that this wallet lent for it.
    pub(crate) async fn emission_of(&self, node_at: &Address) -> Result<Vec<Task>> {
        let client = &self.sender.client;
        let Some(schedule) = client.schedule().await? else {
            return Ok(Vec::new());
        };
        let mint = self.mint(&schedule.mint).await?;
        let unix = client.clock().await?.unix_timestamp;
        let node = client.try_account::<Node>(node_at).await?;
        let nodes: HashMap<Address, Node> = node.map(|node| (*node_at, node)).into_iter().collect();
        let work_at = addresses::jobs::work(node_at);
        let work = client.try_account::<Work>(&work_at).await?;
        let works: Vec<(Address, Work)> = work.map(|work| (work_at, work)).into_iter().collect();
        let of_node = [filter!(Share, node, *node_at)];
        let shares = client.get_program_accounts::<Share>(&of_node).await?;
        // An epoch belongs to nobody: of those that it does not take part in, only what this wallet opened is its own.
        let opened = [filter!(Epoch, payer, self.sender.wallet.pubkey())];
        let mut epochs = client.get_program_accounts::<Epoch>(&opened).await?;
        let mut others: Vec<Address> = shares
            .iter()
            .map(|(_, share)| addresses::emissions::epoch(share.epoch))
            .collect();
        others.retain(|at| epochs.iter().all(|(opened, _)| opened != at));
        let found = client.get_accounts::<Epoch>(&others).await?;
        let found = others.into_iter().zip(found);
        epochs.extend(found.filter_map(|(at, epoch)| Some((at, epoch?))));
        let books = Books {
            nodes: &nodes,
            works: &works,
            shares: &shares,
            epochs: &epochs,
            // its owner's, or whoever cranks for all
            treasury: false,
        };
        let mut due = self.emission_steps(&schedule, &mint, &books, unix).await?;
        due.extend(self.of_vaults(&nodes).await?);
        Ok(due)
    }

    /// Records, amounts, claims and rents of what these books hold.
    async fn emission_steps(
        &self,
        schedule: &Schedule,
        mint: &MintInfo,
        books: &Books<'_>,
        unix: i64,
    ) -> Result<Vec<Task>> {
        let me = self.sender.wallet.pubkey();
        let taken: HashSet<Address> = books.shares.iter().map(|(at, _)| *at).collect();
        let mut due = Vec::new();
        for (at, work) in books.works {
            let Some(epoch) = records(work, schedule, unix) else {
                continue;
            };
            let there = taken.contains(&addresses::emissions::share(&work.node, epoch));
            if !there && books.nodes.contains_key(&work.node) {
                let record = emissions::record(&me, &work.node, epoch);
                due.push(task(Step::Record(epoch), at, work, record));
            }
        }
        for (at, epoch) in books.epochs {
            let Some(step) = of_epoch(epoch, schedule, books.treasury, unix) else {
                continue;
            };
            let instruction = match step {
                Step::FinalizeEpoch => emissions::finalize_epoch(epoch.index),
                Step::ClaimTreasury => {
                    emissions::claim_treasury(&schedule.treasury_owner, epoch.index, mint)
                }
                _ => emissions::close_epoch(epoch),
            };
            due.push(task(step, at, epoch, instruction));
        }
        let by_index: HashMap<u64, &Epoch> =
            books.epochs.iter().map(|(_, e)| (e.index, e)).collect();
        let (mut open, mut earners) = (Vec::new(), HashMap::new());
        for (at, share) in books.shares {
            let Some(epoch) = by_index.get(&share.epoch) else {
                continue;
            };
            let node = books.nodes.get(&share.node);
            for step in of_share(share, epoch, schedule, node.is_some(), unix) {
                open.push((at, share, step));
                if step == Step::ClaimWork {
                    earners.extend(node.map(|node| (share.node, *node)));
                }
            }
        }
        // Whoever gave the account away that he chose is paid into his associated one.
        let (earners, accounts): (Vec<Address>, Vec<Node>) = earners.into_iter().unzip();
        let payouts = self.sender.client.payouts(&accounts, mint).await?;
        let payouts: HashMap<Address, Address> = earners.into_iter().zip(payouts).collect();
        for (at, share, step) in open {
            let instruction = match (step, payouts.get(&share.node)) {
                (Step::ClaimWork, Some(to)) => {
                    emissions::claim_work_to(&share.node, share.epoch, to, mint)
                }
                (Step::ClaimStake, _) => emissions::claim_stake(&share.node, share.epoch, mint),
                _ => emissions::close_share(share),
            };
            due.push(task(step, at, share, instruction));
        }
        Ok(due)
    }
}
