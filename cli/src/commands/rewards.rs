//! `lode rewards`: what stake and work have earned, and how it comes home.
use crate::context::{landed, require_all, signatures, Context};
use crate::dry_run;
use crate::output::Cell;
use anyhow::{bail, Result};
use lode_client::emissions::ShareDues;
use lode_client::rewards::WalletDues;
use lode_staking::state::Node;
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Commands of rewards.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show what can be claimed now
    Show {
        /// Whose rewards, if not the wallet's own
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
    },
    /// Pay rewards to the wallet they belong to, whoever sends it
    Claim {
        /// Everything, on every node
        #[arg(long, conflicts_with = "node")]
        all: bool,
        /// Only what is due on this node
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
        /// Whose rewards, if not the wallet's own
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
    },
    /// Print a year: every accrual, claim, slash, burn and fee, a row each, the same bytes every time
    Report(super::report::Report),
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Show { of } => show(of, context).await,
        Command::Claim { all, node, of } => claim(all, node, of, context).await,
        Command::Report(args) => super::report::run(args, context).await,
    }
}

/// What is due to a wallet: emissions of the nodes it has to do with, then what they and the streams make claimable.
struct Dues {
    shares: Vec<ShareDues>,
    nodes: Vec<WalletDues>,
}

impl Dues {
    async fn of(owner: &Address, context: &Context) -> Result<Self> {
        let client = &context.client;
        let mut shares = Vec::new();
        let nodes = client.wallet_dues(owner, &BTreeMap::new()).await?;
        if let Some(schedule) = client.schedule().await? {
            let now = client.clock().await?.unix_timestamp;
            shares = client.share_dues(&schedule, None, now).await?;
            shares.retain(|due| nodes.iter().any(|one| one.on.at == due.share.node));
            for due in &mut shares {
                // What work earned is its operator's to claim; what stake earned is everyone's on the node.
                due.work_open &= due.node.owner == *owner;
                if !due.work_open {
                    due.work = 0;
                }
            }
            shares.retain(|due| due.work_open || due.stake_open);
        }
        let mut more: BTreeMap<Address, u64> = BTreeMap::new();
        for due in &shares {
            let sum = more.entry(due.share.node).or_default();
            *sum = sum.saturating_add(due.stake);
        }
        let nodes = client.wallet_dues(owner, &more).await?;
        Ok(Self { shares, nodes })
    }

    /// What emissions owe the wallet for the work of its node.
    fn work(&self, node: &Address) -> u64 {
        let of_node = self.shares.iter().filter(|due| due.share.node == *node);
        of_node.fold(0, |sum, due| sum.saturating_add(due.work))
    }

    /// Nodes on which something can be claimed, be it a stream that begins.
    fn due(&self) -> Vec<Address> {
        let nodes = self
            .nodes
            .iter()
            .filter(|due| due.is_due() || self.shares.iter().any(|s| s.share.node == due.on.at));
        nodes.map(|due| due.on.at).collect()
    }
}

async fn show(of: Option<Address>, context: &Context) -> Result<()> {
    let owner = match of {
        Some(owner) => owner,
        None => context.wallet()?.pubkey(),
    };
    let (_, token) = context.staking().await?;
    let dues = Dues::of(&owner, context).await?;
    let rows = dues.nodes.iter().map(|due| {
        vec![
            Cell::from(due.on.at),
            token.cell(due.rewards),
            token.cell(due.commission),
            token.cell(dues.work(&due.on.at)),
            token.cell(due.on.node.stream_left),
        ]
    });
    context.out.table(
        &["node", "rewards", "commission", "work", "to_stream"],
        rows.collect(),
        "No stake and no node: put stake on one with `lode stake delegate AMOUNT --node ADDRESS`.",
    );
    context.out.note(
        "`lode rewards claim --all` pays rewards, commission and work. What is to stream reaches all who have stake on the node, over an epoch from when it is claimed into the node's vault.",
    );
    Ok(())
}

async fn claim(
    all: bool,
    node: Option<Address>,
    of: Option<Address>,
    context: &Context,
) -> Result<()> {
    let wallet = context.wallet()?;
    let owner = of.unwrap_or_else(|| wallet.pubkey());
    let payer = context.payer(&wallet)?.pubkey();
    let (_, token) = context.staking().await?;
    let mut dues = Dues::of(&owner, context).await?;
    if let Some(node) = node {
        dues.nodes.retain(|due| due.on.at == node);
        dues.shares.retain(|due| due.share.node == node);
        if dues.nodes.is_empty() {
            bail!("{owner} has neither stake on {node} nor owns it: `lode rewards show` lists where it has");
        }
    }
    let due = dues.due();
    if !all && due.len() > 1 {
        bail!(
            "{owner} has rewards on {} nodes: claim them with --all, or name one with --node",
            due.len()
        );
    }
    let mint = &token.mint;
    let home = mint.account_of(&owner);
    let nodes: Vec<Node> = dues.nodes.iter().map(|due| due.on.node).collect();
    let payouts = context.client.payouts(&nodes, mint).await?;
    // On nodes of others a wallet has no other account than its own.
    let to: BTreeMap<Address, Address> = dues
        .nodes
        .iter()
        .zip(payouts)
        .map(|(due, payout)| match due.on.node.owner == owner {
            true => (due.on.at, payout),
            false => (due.on.at, home),
        })
        .collect();
    let to_of = |node: &Address| to.get(node).copied().unwrap_or(home);
    let mut groups: Vec<Vec<Instruction>> = Vec::new();
    if due.iter().any(|node| to_of(node) == home) {
        let open = context.client.open_missing(&payer, [owner], mint).await?;
        groups.extend(open.into_iter().map(|open| vec![open]));
    }
    let opened = groups.len();
    for due in &dues.shares {
        groups.push(due.claim(&to_of(&due.share.node), mint));
    }
    for due in &dues.nodes {
        groups.push(due.claim(&owner, &to_of(&due.on.at), mint));
    }
    groups.retain(|group| !group.is_empty());
    let mut homes: Vec<Address> = to.into_values().chain([home]).collect();
    homes.sort_unstable();
    homes.dedup();
    let held = || async {
        let held = context.client.token_balances(&homes).await?;
        Ok::<u64, anyhow::Error>(held.iter().fold(0, |sum, one| sum.saturating_add(*one)))
    };
    let before = held().await?;
    let packed = context.send_packed("claiming", &groups, &wallet).await?;
    dry_run::end_where_nothing_is_due(context)?;
    let after = held().await?;
    context.out.sheet(vec![
        ("wallet", owner.into()),
        ("claims", landed(&packed).saturating_sub(opened).into()),
        ("transactions", packed.sent.len().into()),
        ("claimed", token.cell(after.saturating_sub(before))),
        ("in_the_wallet", token.cell(after)),
        ("paid_by", payer.into()),
        ("signatures", signatures(&packed)),
    ]);
    if groups.is_empty() {
        context.out.note("Nothing is due now.");
    }
    require_all(&packed, groups.len(), "claims")
}
