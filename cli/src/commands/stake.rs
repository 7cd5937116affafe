//! `lode stake`: a wallet's stake on anybody's nodes.
use crate::context::{landed, require_all, Context};
use crate::exit::not_yet;
use crate::output::{time, Cell, Token};
use anyhow::{bail, Result};
use lode_client::instructions::staking;
use lode_client::rewards::NodeDues;
use lode_client::token::TokenAccount;
use lode_client::{addresses, filter};
use lode_math::mul_div_ceil;
use lode_staking::state::{Delegation, Node, Unbonding};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Commands of stake.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Put stake on a node, yours or another's
    Delegate {
        /// Tokens, such as 1000
        amount: String,
        /// The node
        #[arg(long, value_name = "ADDRESS")]
        node: Address,
    },
    /// Take stake off a node: it can be withdrawn when the unbonding time is over
    Unstake {
        /// Tokens, such as 1000, or `all`
        amount: String,
        /// The node, if the wallet has stake on several
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Make unbonding stake earn again, on the node it was on
    Restake {
        /// Number of the ticket that `lode stake show` lists, if there are several
        #[arg(long, value_name = "NUMBER")]
        ticket: Option<u32>,
        /// The node, if the wallet has tickets on several
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
    },
    /// Pay every ticket whose unbonding time is over to its wallet
    Withdraw {
        /// Only tickets of this node
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
        /// Whose tickets, if not the wallet's own: they are paid to their wallet, whoever sends it
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
        /// Another token account than the wallet's associated one; the wallet signs
        #[arg(long, value_name = "ADDRESS", conflicts_with = "of")]
        to: Option<Address>,
    },
    /// Show stake, tickets and what can be claimed
    Show {
        /// Only what is on this node
        #[arg(long, value_name = "ADDRESS")]
        node: Option<Address>,
        /// Whose stake, if not the wallet's own
        #[arg(long, value_name = "ADDRESS")]
        of: Option<Address>,
    },
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Delegate { amount, node } => delegate(&amount, &node, context).await,
        Command::Unstake { amount, node } => unstake(&amount, node, context).await,
        Command::Restake { ticket, node } => restake(ticket, node, context).await,
        Command::Withdraw { node, of, to } => withdraw(node, of, to, context).await,
        Command::Show { node, of } => show(node, of, context).await,
    }
}

/// Puts the wallet's tokens on a node; also `lode node stake`.
pub async fn delegate(amount: &str, at: &Address, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let before: Node = context.client.get_account(at).await?;
    let (config, token) = context.staking().await?;
    let amount = token.parse_positive("AMOUNT", amount)?;
    context.require_tokens(&me, &token, amount).await?;
    let instruction = staking::stake(&me, at, &token.mint, amount);
    let sent = context
        .send("staking", &[instruction], &wallet, &[])
        .await?;
    let look = format!("`lode stake show --node {at}`");
    let node: Node = context.read_back(at, &sent, &look).await?;
    let delegation = addresses::staking::delegation(at, &me);
    let delegation: Delegation = context.read_back(&delegation, &sent, &look).await?;
    context.out.sheet(vec![
        ("node", (*at).into()),
        ("staked", token.cell(amount)),
        (
            "stake_of_the_wallet",
            token.cell(node.worth(delegation.active_shares)?),
        ),
        ("stake_in_all", token.cell(node.stake)),
        ("signature", sent.signature.to_string().into()),
    ]);
    if before.owner != me && !node.skin_is_in(&config).unwrap_or(false) {
        context.out.note(&format!(
            "The node's owner has {} of his own at stake: too little for it to accept jobs now.",
            token.show(node.self_stake()?)
        ));
    }
    Ok(())
}

/// The wallet's delegation on the named node, or the only one that has stake.
async fn position(
    named: Option<Address>,
    owner: &Address,
    context: &Context,
) -> Result<(Address, Delegation)> {
    if let Some(node) = named {
        let at = addresses::staking::delegation(&node, owner);
        let Some(delegation) = context.client.try_account::<Delegation>(&at).await? else {
            bail!(
                "The wallet {owner} has no stake on {node}: `lode stake show` lists where it has"
            );
        };
        return Ok((at, delegation));
    }
    let mut found = context
        .client
        .get_program_accounts::<Delegation>(&[filter!(Delegation, owner, *owner)])
        .await?;
    found.retain(|(_, delegation)| delegation.active_shares > 0);
    let count = found.len();
    match found.pop() {
        Some(only) if count == 1 => Ok(only),
        Some(_) => bail!("The wallet {owner} has stake on {count} nodes: name one with --node; `lode stake show` lists them"),
        None => bail!("The wallet {owner} has no stake: put some on a node with `lode stake delegate AMOUNT --node ADDRESS`"),
    }
}

async fn unstake(amount: &str, node: Option<Address>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (_, token) = context.staking().await?;
    let asked = match amount {
        "all" => None,
        text => Some(token.parse_positive("AMOUNT", text)?),
    };
    let (at, delegation) = position(node, &me, context).await?;
    let node: Node = context.client.get_account(&delegation.node).await?;
    let held = node.worth(delegation.active_shares)?;
    let shares = match asked {
        None => delegation.active_shares,
        Some(amount) if amount <= held => mul_div_ceil(amount, node.total_shares()?, node.stake)
            .map_or(delegation.active_shares, |s| {
                s.min(delegation.active_shares)
            }),
        Some(amount) => bail!(
            "The wallet {me} has {} at stake on {}, less than {}: unstake at most that, or `all`",
            token.show(held),
            delegation.node,
            token.show(amount)
        ),
    };
    if shares == 0 {
        bail!(
            "The wallet {me} has no active stake on {}: `lode stake show` lists its tickets",
            delegation.node
        );
    }
    let ticket_at = addresses::staking::unbonding(&at, delegation.next_ticket);
    let instruction = staking::unstake(&me, &delegation.node, delegation.next_ticket, shares);
    let sent = context
        .send("unstaking", &[instruction], &wallet, &[])
        .await?;
    let look = format!("`lode stake show --node {}`", delegation.node);
    let ticket: Unbonding = context.read_back(&ticket_at, &sent, &look).await?;
    let node: Node = context.read_back(&delegation.node, &sent, &look).await?;
    context.out.sheet(vec![
        ("node", delegation.node.into()),
        ("ticket", ticket.index.into()),
        ("unbonding", token.cell(node.worth(ticket.shares)?)),
        ("release_at", time(ticket.release_at)),
        ("signature", sent.signature.to_string().into()),
    ]);
    context.out.note(
        "Until then it earns nothing and a slash still reaches it; `lode stake withdraw` pays it, `lode stake restake` takes it back.",
    );
    Ok(())
}

/// A wallet's tickets, those that are due first.
async fn tickets(
    owner: &Address,
    node: Option<Address>,
    context: &Context,
) -> Result<Vec<(Address, Unbonding)>> {
    let mut filters = vec![filter!(Unbonding, owner, *owner)];
    filters.extend(node.map(|node| filter!(Unbonding, node, node)));
    let mut found = context
        .client
        .get_program_accounts::<Unbonding>(&filters)
        .await?;
    found.sort_by_key(|(at, ticket)| (ticket.release_at, *at));
    Ok(found)
}

async fn restake(number: Option<u32>, node: Option<Address>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let mut found = tickets(&me, node, context).await?;
    found.retain(|(_, ticket)| number.is_none_or(|number| ticket.index == number));
    let (at, ticket) = match found.as_slice() {
        [only] => only,
        [] => bail!("The wallet {me} has no such ticket: `lode stake show` lists its tickets"),
        several => bail!(
            "{} tickets of the wallet {me} fit: name one with --ticket and --node; `lode stake show` lists them",
            several.len()
        ),
    };
    let (_, token) = context.staking().await?;
    let sent = context
        .send("restaking", &[staking::restake(at, ticket)], &wallet, &[])
        .await?;
    let look = format!("`lode stake show --node {}`", ticket.node);
    let node: Node = context.read_back(&ticket.node, &sent, &look).await?;
    context.out.sheet(vec![
        ("node", ticket.node.into()),
        ("restaked", token.cell(node.worth(ticket.shares)?)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// The token account that stake or what it earned is to be paid into: one that is open, and of the stake mint.
pub(super) async fn destination(
    account: &Address,
    token: &Token,
    context: &Context,
) -> Result<TokenAccount> {
    match context.client.token_account(account).await? {
        None => bail!(
            "There is no token account at {account}: open it first, with `spl-token create-account {}`",
            token.mint.address
        ),
        Some(found) if found.mint != token.mint.address => bail!(
            "The token account {account} holds another mint ({}): name one of {}",
            found.mint,
            token.mint.address
        ),
        Some(found) => Ok(found),
    }
}

async fn withdraw(
    node: Option<Address>,
    of: Option<Address>,
    to: Option<Address>,
    context: &Context,
) -> Result<()> {
    let wallet = context.wallet()?;
    let owner = of.unwrap_or_else(|| wallet.pubkey());
    let (_, token) = context.staking().await?;
    let now = context.client.clock().await?.unix_timestamp;
    let found = tickets(&owner, node, context).await?;
    let due: Vec<_> = found
        .iter()
        .filter(|(_, ticket)| now >= ticket.release_at)
        .collect();
    if due.is_empty() {
        match found.first() {
            Some((_, first)) => not_yet!(
                "No ticket of {owner} is due: the first one is at {} (the chain's clock says {})",
                time(first.release_at).text(),
                time(now).text()
            ),
            None => bail!("{owner} has no ticket: `lode stake unstake AMOUNT` makes one"),
        }
    }
    if let Some(to) = &to {
        // The program pays wherever the wallet says.
        let found = destination(to, &token, context).await?;
        if found.owner != owner {
            context.confirm(&format!(
                "All stake that is due would go to {to}, which belongs to {}: only he can move it then",
                found.owner
            ))?;
        }
    }
    let home = to.unwrap_or_else(|| token.mint.account_of(&owner));
    let payer = context.payer(&wallet)?.pubkey();
    let missing = to.is_none().then_some(owner);
    let open = context.client.open_missing(&payer, missing, &token.mint);
    let mut groups: Vec<Vec<Instruction>> = open.await?.into_iter().map(|o| vec![o]).collect();
    let opened = groups.len();
    groups.extend(due.iter().map(|(at, ticket)| {
        vec![match &to {
            Some(to) => staking::withdraw_to(at, ticket, &token.mint, to),
            None => staking::withdraw(at, ticket, &token.mint),
        }]
    }));
    let before = context.client.token_balance(&home).await?;
    let packed = context.send_packed("withdrawing", &groups, &wallet).await?;
    let after = context.client.token_balance(&home).await?;
    context.out.sheet(vec![
        ("wallet", owner.into()),
        (
            "tickets_paid",
            landed(&packed).saturating_sub(opened).into(),
        ),
        (
            "tickets_waiting",
            found.len().saturating_sub(due.len()).into(),
        ),
        ("withdrawn", token.cell(after.saturating_sub(before))),
        ("in_the_wallet", token.cell(after)),
        (
            "signatures",
            Cell::list(
                packed
                    .sent
                    .iter()
                    .map(|(_, sent)| sent.signature.to_string()),
            ),
        ),
    ]);
    require_all(&packed, groups.len(), "withdrawals")
}

async fn show(node: Option<Address>, of: Option<Address>, context: &Context) -> Result<()> {
    let owner = match of {
        Some(owner) => owner,
        None => context.wallet()?.pubkey(),
    };
    let (_, token) = context.staking().await?;
    let dues = context.client.wallet_dues(&owner, &BTreeMap::new()).await?;
    let tickets = tickets(&owner, node, context).await?;
    let mut rows = Vec::new();
    let on = |at: &Address| node.is_none_or(|node| node == *at);
    let state = |dues: &NodeDues| super::node::state(&dues.node);
    for due in dues.iter().filter(|due| on(&due.on.at)) {
        let at = due.on.at;
        if let Some(delegation) = &due.delegation {
            rows.push(vec![
                Cell::from(at),
                state(&due.on).into(),
                "active".into(),
                Cell::none(),
                token.cell(due.on.node.worth(delegation.active_shares)?),
                token.cell(due.rewards),
                Cell::none(),
            ]);
        }
        for (_, ticket) in tickets.iter().filter(|(_, ticket)| ticket.node == at) {
            rows.push(vec![
                Cell::from(at),
                state(&due.on).into(),
                "unbonding".into(),
                ticket.index.into(),
                token.cell(due.on.node.worth(ticket.shares)?),
                Cell::none(),
                time(ticket.release_at),
            ]);
        }
    }
    context.out.table(
        &[
            "node",
            "state",
            "stake",
            "ticket",
            "worth",
            "rewards",
            "release_at",
        ],
        rows,
        "No stake: put some on a node with `lode stake delegate AMOUNT --node ADDRESS`.",
    );
    Ok(())
}
