//! `lode rewards`: what stake and work have earned, and how it comes home.
use crate::context::{require_all, Context};
use crate::output::Cell;
use anyhow::{bail, Result};
use lode_client::rewards::WalletDues;
use solana_address::Address;
use solana_signer::Signer;

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
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Show { of } => show(of, context).await,
        Command::Claim { all, node, of } => claim(all, node, of, context).await,
    }
}

async fn show(of: Option<Address>, context: &Context) -> Result<()> {
    let owner = match of {
        Some(owner) => owner,
        None => context.wallet()?.pubkey(),
    };
    let (_, token) = context.staking().await?;
    let dues = context.client.wallet_dues(&owner).await?;
    let mut rows = Vec::new();
    for due in &dues {
        rows.push(vec![
            Cell::from(due.on.at),
            token.cell(due.rewards),
            token.cell(due.commission),
            token.cell(due.on.node.stream_left),
            token.cell(due.on.unswept),
        ]);
    }
    context.out.table(
        &[
            "node",
            "rewards",
            "commission",
            "node_streams",
            "node_unswept",
        ],
        rows,
        "No stake and no node: put stake on one with `lode stake delegate AMOUNT --node ADDRESS`.",
    );
    Ok(())
}

/// What is claimed: everything, or what one node owes.
fn chosen(
    mut dues: Vec<WalletDues>,
    all: bool,
    node: Option<Address>,
    owner: &Address,
) -> Result<Vec<WalletDues>> {
    if let Some(node) = node {
        dues.retain(|due| due.on.at == node);
        if dues.is_empty() {
            bail!("{owner} has neither stake on {node} nor owns it: `lode rewards show` lists where it has");
        }
    }
    dues.retain(WalletDues::is_due);
    if !all && node.is_none() && dues.len() > 1 {
        bail!(
            "{owner} has rewards on {} nodes: claim them with --all, or name one with --node",
            dues.len()
        );
    }
    Ok(dues)
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
    let dues = context.client.wallet_dues(&owner).await?;
    let dues = chosen(dues, all, node, &owner)?;
    let groups = context
        .client
        .claim_groups(&payer, &owner, &token.mint, &dues)
        .await?;
    let home = token.mint.account_of(&owner);
    let before = context.client.token_balance(&home).await?;
    let packed = context.send_packed("claiming", &groups, &wallet).await?;
    let after = context.client.token_balance(&home).await?;
    context.out.sheet(vec![
        ("wallet", owner.into()),
        (
            "claims",
            packed
                .sent
                .iter()
                .map(|(part, _)| part.len())
                .sum::<usize>()
                .into(),
        ),
        ("transactions", packed.sent.len().into()),
        ("claimed", token.cell(after.saturating_sub(before))),
        ("in_the_wallet", token.cell(after)),
        ("paid_by", payer.into()),
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
    if groups.is_empty() {
        context.out.note("Nothing is due now.");
    }
    require_all(&packed, groups.len(), "claims")
}
