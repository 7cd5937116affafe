//! Commands of `lode node` that only its owner's wallet may give: keys, commission, the way out.
use crate::context::{address_of, landed, require_all, signatures, Context};
use crate::dry_run;
use crate::exit::not_yet;
use crate::output::{bps, time, Cell};
use crate::signers::Key;
use anyhow::{bail, Result};
use lode_client::instructions::staking;
use lode_client::{filter, token};
use lode_staking::state::{Delegation, Node, Unbonding};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Commands of a node's owner.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Show the commission on stake rewards, or set it: it falls at once, and rises by one announced step
    Commission {
        /// Per cent, such as 5 or 2.5; without it, the commission is shown
        percent: Option<String>,
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Set the token account that commission, emission and rewards of the owner are paid to
    Payout {
        /// A token account of the stake mint that the wallet owns
        account: Address,
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Set the hot key of the machine
    Worker {
        /// Its keypair file or address
        #[arg(value_name = "FILE OR ADDRESS")]
        key: String,
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Take a jailed node back into service, when its time is up
    Unjail {
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Bring nodes of an older layout to the present one, after the programs were upgraded; anyone may, for any node
    ///
    /// What has the present layout is left alone, so an interrupted run is simply run again.
    Migrate {
        /// The nodes
        #[arg(
            value_name = "NODE",
            required_unless_present = "all",
            conflicts_with = "all"
        )]
        nodes: Vec<Address>,
        /// Every node of the network that has an older layout
        #[arg(long)]
        all: bool,
    },
    /// Take a node out for good
    Exit {
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Pay everyone out of a node that is leaving, as far as it is time, and close it when all have left
    Close {
        /// The node, if it is not the wallet's only one
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Commission { percent, node } => commission(percent, node, context).await,
        Command::Payout { account, node } => payout(account, node, context).await,
        Command::Worker { key, node } => worker(&key, node, context).await,
        Command::Unjail { node } => unjail(node, context).await,
        Command::Migrate { nodes, all } => migrate(nodes, all, context).await,
        Command::Exit { node } => exit(node, context).await,
        Command::Close { node } => close(node, context).await,
    }
}

/// The node and its owner's wallet: others may not.
pub(super) async fn own(named: Option<Address>, context: &Context) -> Result<(Key, Address, Node)> {
    let wallet = context.wallet()?;
    let (at, node) = context.node(named).await?;
    if node.owner != wallet.pubkey() {
        bail!(
            "The node {at} belongs to {}: only that wallet may do this, name its key with --keypair",
            node.owner
        );
    }
    Ok((wallet, at, node))
}

/// Per cent as people write them, in basis points.
pub fn parse_percent(text: &str) -> Result<u16> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let parsed = token::parse(number, 2).ok();
    match parsed.and_then(|bps| u16::try_from(bps).ok()) {
        Some(bps) if bps <= 10_000 => Ok(bps),
        _ => bail!("`{text}` is no share: write per cent from 0 to 100, such as 5 or 2.5"),
    }
}

async fn commission(
    percent: Option<String>,
    named: Option<Address>,
    context: &Context,
) -> Result<()> {
    let (at, mut node, now, signature) = match percent {
        None => {
            let (at, node) = context.node(named).await?;
            let now = context.client.clock().await?.unix_timestamp;
            (at, node, now, Cell::none())
        }
        Some(text) => {
            let to = parse_percent(&text)?;
            let (wallet, at, _) = own(named, context).await?;
            let now = context.client.clock().await?.unix_timestamp;
            let instruction = staking::set_commission(&wallet.pubkey(), &at, to);
            let sent = context
                .send("setting the commission", &[instruction], &wallet, &[])
                .await?;
            let look = format!("`lode node show {at}`");
            let node: Node = context.read_back(&at, &sent, &look).await?;
            (at, node, now, sent.signature.to_string().into())
        }
    };
    // A rise whose time has come counts from then on, whoever writes it down later.
    node.settle_commission(now);
    let rises = node.commission_effective_at != 0;
    context.out.sheet(vec![
        ("node", at.into()),
        ("commission", bps(node.commission)),
        (
            "announced",
            match rises {
                true => bps(node.pending_commission),
                false => Cell::none(),
            },
        ),
        ("effective_at", time(node.commission_effective_at)),
        ("signature", signature),
    ]);
    Ok(())
}

async fn payout(account: Address, named: Option<Address>, context: &Context) -> Result<()> {
    let (wallet, at, node) = own(named, context).await?;
    let (_, token) = context.staking().await?;
    let found = super::stake::destination(&account, &token, context).await?;
    if found.owner != node.owner {
        bail!(
            "The token account {account} belongs to {}: name one that the node's owner {} owns",
            found.owner,
            node.owner
        );
    }
    let instruction = staking::set_payout(&wallet.pubkey(), &at, &account);
    let sent = context
        .send("setting the payout account", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("payout", account.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn worker(key: &str, named: Option<Address>, context: &Context) -> Result<()> {
    let worker = address_of(key)?;
    let (wallet, at, node) = own(named, context).await?;
    if worker == node.owner {
        bail!("The worker is a key of its own: the owner's wallet {worker} has no business on the machine, make a key with `solana-keygen new`");
    }
    let instruction = staking::set_worker(&wallet.pubkey(), &at, &worker);
    let sent = context
        .send("setting the worker", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("worker", worker.into()),
        ("worker_before", node.worker.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note(
        "An agent that runs with the old key can do nothing any more: stop it, and start it with the new one.",
    );
    Ok(())
}

async fn unjail(named: Option<Address>, context: &Context) -> Result<()> {
    let (wallet, at, node) = own(named, context).await?;
    if !node.is_jailed() {
        bail!("The node {at} is not jailed: nothing has to be done");
    }
    let now = context.client.clock().await?.unix_timestamp;
    if now < node.jailed_until {
        not_yet!(
            "The node {at} is jailed until {} (the chain's clock says {}): try again then",
            time(node.jailed_until).text(),
            time(now).text()
        );
    }
    let instruction = staking::unjail(&wallet.pubkey(), &at);
    let sent = context
        .send("unjailing", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("state", "active".into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn migrate(mut nodes: Vec<Address>, all: bool, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let older = if all {
        context.client.older_accounts::<Node>(&[]).await?
    } else {
        nodes.sort_unstable();
        nodes.dedup();
        context.client.older_of::<Node>(&nodes).await?
    };
    let groups: Vec<Vec<Instruction>> = older
        .iter()
        .map(|node| vec![staking::migrate_node(node)])
        .collect();
    let packed = context.send_packed("migrating", &groups, &wallet).await?;
    dry_run::end_where_nothing_is_due(context)?;
    context.out.sheet(vec![
        ("older", older.len().into()),
        ("migrated", landed(&packed).into()),
        ("transactions", packed.sent.len().into()),
        ("signatures", signatures(&packed)),
    ]);
    if older.is_empty() {
        context
            .out
            .note("All of them have the present layout: nothing had to be done.");
    }
    require_all(&packed, groups.len(), "migrations")
}

async fn exit(named: Option<Address>, context: &Context) -> Result<()> {
    let (wallet, at, node) = own(named, context).await?;
    if node.is_exiting() {
        bail!("The node {at} is leaving already: `lode node close --node {at}` pays everyone out");
    }
    context.confirm(&format!(
        "The node {at} would never take stake or a job again, and there is no way back"
    ))?;
    let instruction = staking::exit_node(&wallet.pubkey(), &at);
    let sent = context
        .send("taking the node out", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("node", at.into()),
        ("state", "exiting".into()),
        ("open_delegations_and_tickets", node.open_children.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note(&format!(
        "Next: let its jobs end and take its money out of the markets (`lode account withdraw all --node {at}`), then `lode node close --node {at}`."
    ));
    Ok(())
}

/// What everyone who is still on a node waits for.
struct Children {
    delegations: Vec<(Address, Delegation)>,
    tickets: Vec<(Address, Unbonding)>,
}

impl Children {
    async fn of(at: &Address, context: &Context) -> Result<Self> {
        let client = &context.client;
        let (delegations, tickets) = (
            client
                .get_program_accounts::<Delegation>(&[filter!(Delegation, node, *at)])
                .await?,
            client
                .get_program_accounts::<Unbonding>(&[filter!(Unbonding, node, *at)])
                .await?,
        );
        Ok(Self {
            delegations,
            tickets,
        })
    }
}

async fn close(named: Option<Address>, context: &Context) -> Result<()> {
    let (wallet, at, node) = own(named, context).await?;
    if !node.is_exiting() {
        bail!("The node {at} is in service: take it out first with `lode node exit --node {at}`");
    }
    context.confirm(&format!(
        "Everyone would be paid out of the node {at} as far as it is time, and the node closed for good when all have left"
    ))?;
    let (config, token) = context.staking().await?;
    let payer = context.payer(&wallet)?.pubkey();
    let now = context.client.clock().await?.unix_timestamp;
    let mut signatures = Vec::new();
    let mut steps = 0usize;

    // Rewards, then stake, then the accounts: each part needs what the one before it changed.
    let children = Children::of(&at, context).await?;
    let dues = context
        .client
        .node_dues(&[(at, node)], &BTreeMap::new())
        .await?;
    let mut groups: Vec<Vec<Instruction>> = Vec::new();
    let mut homes: Vec<Address> = Vec::new();
    for (delegation_at, delegation) in &children.delegations {
        let mut group = Vec::new();
        let due = match dues.first() {
            Some(dues) => dues.claimable(delegation)?,
            None => 0,
        };
        if due > 0 {
            homes.push(delegation.owner);
            group.push(staking::claim_rewards(&at, &delegation.owner, &token.mint));
        }
        if delegation.active_shares > 0 {
            let me = wallet.pubkey();
            if delegation.owner == me {
                let (ticket, shares) = (delegation.next_ticket, delegation.active_shares);
                group.push(staking::unstake(&me, &at, ticket, shares));
            } else if node.require_pushed_out(&config, now).is_ok() {
                group.push(staking::force_unstake(&payer, delegation_at, delegation));
            }
        }
        groups.push(group);
    }
    for (ticket_at, ticket) in &children.tickets {
        if now >= ticket.release_at {
            homes.push(ticket.owner);
            groups.push(vec![staking::withdraw(ticket_at, ticket, &token.mint)]);
        }
    }
    groups.retain(|group| !group.is_empty());
    let client = &context.client;
    let mut all: Vec<Vec<Instruction>> = client
        .open_missing(&payer, homes, &token.mint)
        .await?
        .into_iter()
        .map(|open| vec![open])
        .collect();
    all.extend(groups);
    let packed = context.send_packed("paying out", &all, &wallet).await?;
    signatures.extend(packed.sent.iter().map(|(_, s)| s.signature.to_string()));
    steps = steps.saturating_add(all.len());
    require_all(&packed, all.len(), "payments")?;

    let children = Children::of(&at, context).await?;
    let empty: Vec<Vec<Instruction>> = children
        .delegations
        .iter()
        .filter(|(_, delegation)| delegation.require_empty().is_ok())
        .map(|(at, delegation)| vec![staking::close_delegation(at, delegation)])
        .collect();
    let packed = context
        .send_packed("closing delegations", &empty, &wallet)
        .await?;
    signatures.extend(packed.sent.iter().map(|(_, s)| s.signature.to_string()));
    steps = steps.saturating_add(empty.len());
    require_all(&packed, empty.len(), "closings")?;

    let node: Node = context.client.get_account(&at).await?;
    let is_closed = node.open_children == 0;
    if is_closed {
        let close = [
            token::open_associated(&payer, &node.owner, &token.mint),
            staking::close_node(&at, &node, &token.mint),
        ];
        let sent = context
            .send("closing the node", &close, &wallet, &[])
            .await?;
        signatures.push(sent.signature.to_string());
        steps = steps.saturating_add(1);
    }
    dry_run::end_where_nothing_is_due(context)?;
    let children = Children::of(&at, context).await?;
    let next = children.tickets.iter().map(|(_, t)| t.release_at).min();
    context.out.sheet(vec![
        ("node", at.into()),
        ("closed", is_closed.into()),
        ("steps", steps.into()),
        ("delegations_open", children.delegations.len().into()),
        ("tickets_open", children.tickets.len().into()),
        ("next_release_at", next.map_or_else(Cell::none, time)),
        ("signatures", Cell::list(signatures)),
    ]);
    if !is_closed {
        context
            .out
            .note("Run the same command again when the next ticket is due. Who has not unstaked by himself can be paid out four epochs and eight days after the exit.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_share_is_per_cent_with_at_most_two_digits_after_the_point() {
        assert_eq!(parse_percent("5").unwrap(), 500);
        assert_eq!(parse_percent("2.5%").unwrap(), 250);
        assert_eq!(parse_percent("0.01 %").unwrap(), 1);
        assert_eq!(parse_percent("100").unwrap(), 10_000);
        for text in ["", "-1", "100.01", "1.234", "five", "99999999999999999999"] {
            let said = parse_percent(text).unwrap_err().to_string();
            assert!(said.contains("is no share"), "{said}");
        }
    }
}
