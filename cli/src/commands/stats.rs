//! `lode stats`: what can be said about the network as a whole.
use crate::context::Context;
use crate::output::{bps, Cell};
use anyhow::Result;
use lode_client::filter;
use lode_emissions::state::{Epoch, Share};
use lode_jobs::state::{Ledger, LedgerKind};
use lode_math::concentration;
use lode_staking::state::{Delegation, Node};
use solana_address::Address;
use std::collections::BTreeMap;

/// More than a third can stop what needs two thirds, more than a half decides a vote: basis points.
const THRESHOLDS: [u64; 2] = [3_333, 5_000];

/// Commands of figures.
#[derive(clap::Subcommand)]
pub enum Command {
    /// How concentrated stake is among wallets, and rewards and work among owners of nodes
    Concentration,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Concentration => show_concentration(context).await,
    }
}

/// What each wallet holds.
#[derive(Default)]
struct Holdings(BTreeMap<Address, u64>);

impl Holdings {
    fn add(&mut self, owner: Address, amount: u64) {
        let sum = self.0.entry(owner).or_default();
        *sum = sum.saturating_add(amount);
    }

    fn row(self, of: &str, unit: &str, show: impl Fn(u64) -> Cell) -> Vec<Cell> {
        let mut held: Vec<u64> = self.0.into_values().filter(|held| *held > 0).collect();
        let sum = held.iter().fold(0u64, |sum, one| sum.saturating_add(*one));
        let figure = |figure: Option<u64>| figure.map_or_else(Cell::none, bps);
        let mut row = vec![
            Cell::from(of),
            held.len().into(),
            show(sum),
            unit.into(),
            figure(concentration::gini(&mut held)),
            figure(concentration::herfindahl(&held)),
        ];
        for threshold in THRESHOLDS {
            let count = concentration::nakamoto(&mut held, threshold);
            row.push(count.map_or_else(Cell::none, Cell::from));
        }
        row
    }
}

async fn show_concentration(context: &Context) -> Result<()> {
    let client = &context.client;
    let (_, token) = context.staking().await?;
    let nodes: BTreeMap<Address, Node> = client
        .get_program_accounts::<Node>(&[])
        .await?
        .into_iter()
        .collect();
    // What belongs to a node that is gone is counted under the node's own address.
    let owner = |node: &Address| nodes.get(node).map_or(*node, |node| node.owner);

    let (mut stake, mut rewards, mut work) = (
        Holdings::default(),
        Holdings::default(),
        Holdings::default(),
    );
    // Whoever delegates holds stake as much as whoever runs a node; the operator's own stake is a delegation too.
    for (_, delegation) in client.get_program_accounts::<Delegation>(&[]).await? {
        if let Some(node) = nodes.get(&delegation.node) {
            stake.add(delegation.owner, node.worth(delegation.active_shares)?);
        }
    }
    let ledgers = client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, kind, LedgerKind::Node as u8)])
        .await?;
    for (_, ledger) in &ledgers {
        work.add(owner(&ledger.party), ledger.units);
    }
    if let Some(schedule) = client.schedule().await? {
        let epochs: BTreeMap<u64, Epoch> = client
            .epochs()
            .await?
            .into_iter()
            .map(|epoch| (epoch.index, epoch))
            .collect();
        for share in client.shares(None, None).await? {
            if let Some(epoch) = epochs.get(&share.epoch).filter(|epoch| epoch.is_final()) {
                rewards.add(owner(&share.node), emitted(&schedule, epoch, &share)?);
            }
        }
    }
    context.out.table(
        &[
            "of",
            "owners",
            "total",
            "unit",
            "gini",
            "herfindahl",
            "nakamoto_third",
            "nakamoto_half",
        ],
        vec![
            stake.row("stake", "active stake of the wallet", |sum| token.cell(sum)),
            rewards.row("rewards", "emitted in the epochs on the chain", |sum| {
                token.cell(sum)
            }),
            work.row("work", "units of settled jobs", Cell::from),
        ],
        "",
    );
    context.out.note(
        "Stake is that of each wallet, delegated or its own; rewards and work are those of the owner's nodes. Gini: 0 % all hold the same, 100 % one holds all. Herfindahl: 100 % one holds all. Nakamoto: the fewest owners who together hold more than a third, and than a half. An owner may hide behind many wallets; these figures count wallets.",
    );
    Ok(())
}

fn emitted(
    schedule: &lode_emissions::state::Schedule,
    epoch: &Epoch,
    share: &Share,
) -> Result<u64> {
    let work = epoch.work_of(share.points)?;
    let stake = epoch.stake_of(schedule, share.stake, share.points)?;
    Ok(work.saturating_add(stake))
}
