//! `lode account`: money in a market.
use crate::context::Context;
use crate::output::{Cell, Token};
use anyhow::{bail, Result};
use lode_client::instructions::jobs;
use lode_client::{addresses, filter, token};
use lode_jobs::state::{Ledger, LedgerKind, Work};
use lode_staking::state::Node;
use solana_address::Address;
use solana_signer::Signer;

/// Commands of accounts.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Open an account; for a node that is how it enters the market
    Open {
        #[command(flatten)]
        of: Of,
        /// Most of a node's money that its jobs may lock, in tokens: what the worker's key can lose
        #[arg(long, value_name = "AMOUNT", requires = "node")]
        locked_cap: Option<String>,
    },
    /// Pay in from the wallet; opens the wallet's account if it has none
    Deposit {
        /// Tokens, such as 12.5
        amount: String,
        #[command(flatten)]
        of: Of,
    },
    /// Pay out to the wallet
    Withdraw {
        /// Tokens, such as 12.5, or `all`
        amount: String,
        #[command(flatten)]
        of: Of,
    },
    /// Set how much of a node's money its jobs may lock: what the worker's key can lose
    Cap {
        /// Tokens, such as 250
        amount: String,
        /// The market, if there are several
        #[arg(long, value_name = "ADDRESS")]
        market: Option<Address>,
        /// The node
        #[arg(long, value_name = "ADDRESS")]
        node: Address,
    },
    /// Close an account that holds and owes nothing; its rent goes back to whoever paid it
    Close {
        #[command(flatten)]
        of: Of,
    },
    /// Print everything that moved an account, between its opening and its closing balance
    Statement(super::statement::Args),
    /// Show an account
    Show {
        #[command(flatten)]
        of: Of,
        /// All accounts of the wallet and its nodes, in every market
        #[arg(long, conflicts_with_all = ["market", "node", "party"])]
        all: bool,
        /// Somebody else's: the wallet or the node
        #[arg(long, value_name = "ADDRESS", conflicts_with = "node")]
        party: Option<Address>,
    },
}

/// Whose account, and where.
#[derive(clap::Args)]
pub struct Of {
    /// The market, if there are several
    #[arg(long, value_name = "ADDRESS")]
    market: Option<Address>,
    /// A node's account in place of the wallet's
    #[arg(long, value_name = "ADDRESS")]
    node: Option<Address>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Open { of, locked_cap } => open(of, locked_cap, context).await,
        Command::Deposit { amount, of } => deposit(&amount, of, context).await,
        Command::Withdraw { amount, of } => withdraw(&amount, of, context).await,
        Command::Cap {
            amount,
            market,
            node,
        } => cap(&amount, market, &node, context).await,
        Command::Close { of } => close(of, context).await,
        Command::Statement(args) => super::statement::run(args, context).await,
        Command::Show { all: true, .. } => show_all(context).await,
        Command::Show { of, party, .. } => show(of, party, context).await,
    }
}

async fn open(of: Of, locked_cap: Option<String>, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let (market_at, market) = context.market(of.market).await?;
    let token = context.token(&market.mint).await?;
    let (party, at) = context.ledger(&market_at, of.node)?;
    if let Some(ledger) = context.client.try_account::<Ledger>(&at).await? {
        // Anyone may have opened it as if the node were a wallet, and the node's points can have been closed: its owner
        // sets both right.
        let is_whole = match of.node {
            Some(node) => {
                let points = addresses::jobs::work(&node);
                ledger.kind == LedgerKind::Node as u8
                    && context.client.try_account::<Work>(&points).await?.is_some()
            }
            None => true,
        };
        if is_whole {
            bail!("The account {at} of {party} is open already: nothing has to be done");
        }
    }
    let instruction = match of.node {
        Some(node) => {
            let Some(cap) = locked_cap else {
                bail!(
                    "A node's account needs --locked-cap: how much of its money its jobs may lock"
                );
            };
            jobs::open_node_ledger(
                &wallet.pubkey(),
                &market_at,
                &node,
                token.parse("--locked-cap", &cap)?,
            )
        }
        None => jobs::open_ledger(&wallet.pubkey(), &market_at, &wallet.pubkey()),
    };
    let sent = context
        .send("opening the account", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("account", at.into()),
        ("party", party.into()),
        ("market", market_at.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn deposit(amount: &str, of: Of, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (market_at, market) = context.market(of.market).await?;
    let token = context.token(&market.mint).await?;
    let amount = token.parse_positive("AMOUNT", amount)?;
    context.require_tokens(&me, &token, amount).await?;
    let (party, at) = context.ledger(&market_at, of.node)?;
    let mut instructions = Vec::new();
    if context.client.try_account::<Ledger>(&at).await?.is_none() {
        if of.node.is_some() {
            bail!("The node {party} has no account in this market: open it with `lode account open --node {party} --locked-cap AMOUNT`");
        }
        instructions.push(jobs::open_ledger(&me, &market_at, &party));
    }
    if let Some(at) = of.node {
        let node: Node = context.client.get_account(&at).await?;
        if node.owner != me {
            context.confirm(&format!(
                "{} would go to the node {at}, which belongs to {}: only he can take it out again",
                token.show(amount),
                node.owner
            ))?;
        }
    }
    instructions.push(jobs::deposit(&me, &market_at, &party, &token.mint, amount));
    let sent = context
        .send("depositing", &instructions, &wallet, &[])
        .await?;
    let look = shown_by(&market_at, of.node);
    let ledger: Ledger = context.read_back(&at, &sent, &look).await?;
    context.out.sheet(vec![
        ("account", at.into()),
        ("deposited", token.cell(amount)),
        ("available", token.cell(ledger.available)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// The command that shows an account of the wallet, or of a node.
fn shown_by(market: &Address, node: Option<Address>) -> String {
    match node {
        Some(node) => format!("`lode account show --market {market} --node {node}`"),
        None => format!("`lode account show --market {market}`"),
    }
}

async fn withdraw(amount: &str, of: Of, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let me = wallet.pubkey();
    let (market_at, market) = context.market(of.market).await?;
    let token = context.token(&market.mint).await?;
    let (party, at) = context.ledger(&market_at, of.node)?;
    let before: Ledger = context.client.get_account(&at).await?;
    let amount = match amount {
        "all" => before.available,
        text => token.parse_positive("AMOUNT", text)?,
    };
    if amount == 0 || amount > before.available {
        bail!(
            "The account {at} has {} available and {} locked in jobs: withdraw at most what is available",
            token.show(before.available),
            token.show(before.locked)
        );
    }
    let instructions = [
        token::open_associated(&me, &me, &token.mint),
        jobs::withdraw(&me, &market_at, &party, &token.mint, amount),
    ];
    let sent = context
        .send("withdrawing", &instructions, &wallet, &[])
        .await?;
    let look = shown_by(&market_at, of.node);
    let ledger: Ledger = context.read_back(&at, &sent, &look).await?;
    context.out.sheet(vec![
        ("account", at.into()),
        ("withdrawn", token.cell(amount)),
        ("available", token.cell(ledger.available)),
        ("to", token.mint.account_of(&me).into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn cap(
    amount: &str,
    market: Option<Address>,
    node: &Address,
    context: &Context,
) -> Result<()> {
    let wallet = context.wallet()?;
    let (market_at, market) = context.market(market).await?;
    let token = context.token(&market.mint).await?;
    let at = addresses::jobs::ledger(&market_at, node);
    let before = held(&at, node, context).await?;
    let cap = token.parse("AMOUNT", amount)?;
    let instruction = jobs::set_locked_cap(&wallet.pubkey(), &market_at, node, cap);
    let sent = context
        .send("setting the cap", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("account", at.into()),
        ("locked_cap", token.cell(cap)),
        ("before", token.cell(before.locked_cap)),
        ("locked", token.cell(before.locked)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn close(of: Of, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let (market_at, market) = context.market(of.market).await?;
    let token = context.token(&market.mint).await?;
    let (party, at) = context.ledger(&market_at, of.node)?;
    let ledger = held(&at, &party, context).await?;
    if ledger.available > 0 || ledger.locked > 0 || ledger.open_jobs > 0 {
        bail!(
            "The account {at} has {} available, {} locked and {} jobs under way: withdraw all of it and wait for its jobs, then close it",
            token.show(ledger.available),
            token.show(ledger.locked),
            ledger.open_jobs
        );
    }
    let owed = [
        ledger.burn_owed,
        ledger.fees_owed,
        ledger.market_owed,
        ledger.checks_owed,
    ];
    if owed.iter().any(|owed| *owed > 0) {
        bail!("What jobs of the account {at} owe to others is still in it: `lode market fees --sweep` passes it on, then close it");
    }
    // Whoever only paid the rent cannot give them up: of him the program takes no such close.
    if ledger.credits > 0 && ledger.authority == wallet.pubkey() {
        context.confirm(&format!(
            "{} that checks earned and the pool has not paid yet would be given up for good (`lode oracle credits --redeem` pays what it can)",
            token.show(ledger.credits)
        ))?;
    }
    let instruction = jobs::close_ledger(&wallet.pubkey(), &ledger.payer, &at);
    let sent = context
        .send("closing the account", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("closed", at.into()),
        ("party", party.into()),
        ("rent_to", ledger.payer.into()),
        ("credits_given_up", token.cell(ledger.credits)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

/// An account that must be open.
async fn held(at: &Address, party: &Address, context: &Context) -> Result<Ledger> {
    match context.client.try_account(at).await? {
        Some(ledger) => Ok(ledger),
        None => bail!("{party} has no account {at} in this market: `lode account show --all` lists those that are open"),
    }
}

fn kind(ledger: &Ledger) -> &'static str {
    match ledger.kind {
        0 => "wallet",
        _ => "node",
    }
}

/// Only a node's jobs are bound by it.
fn locked_cap(ledger: &Ledger, token: &Token) -> Cell {
    match ledger.kind {
        0 => Cell::none(),
        _ => token.cell(ledger.locked_cap),
    }
}

async fn show(of: Of, somebody: Option<Address>, context: &Context) -> Result<()> {
    let (market_at, market) = context.market(of.market).await?;
    let (party, at) = context.ledger(&market_at, of.node.or(somebody))?;
    let Some(ledger) = context.client.try_account::<Ledger>(&at).await? else {
        // A deposit opens the wallet's own account and no other.
        match (of.node, somebody) {
            (Some(node), _) => bail!("The node {node} has no account in market {market_at}: its owner opens one with `lode account open --node {node} --market {market_at} --locked-cap AMOUNT`"),
            (None, Some(_)) => bail!("{party} has no account in market {market_at}: it is not open"),
            (None, None) => bail!("{party} has no account in market {market_at}: `lode account deposit AMOUNT --market {market_at}` opens one"),
        }
    };
    let token = context.token(&market.mint).await?;
    let wallet = token.mint.account_of(&ledger.authority);
    let held = context.client.token_balance(&wallet).await?;
    context.out.sheet(vec![
        ("account", at.into()),
        ("market", market_at.into()),
        ("kind", kind(&ledger).into()),
        ("party", party.into()),
        ("authority", ledger.authority.into()),
        ("available", token.cell(ledger.available)),
        ("locked", token.cell(ledger.locked)),
        ("locked_cap", locked_cap(&ledger, &token)),
        ("open_jobs", ledger.open_jobs.into()),
        ("settled_jobs", ledger.settled.into()),
        ("failed_jobs", ledger.failed.into()),
        ("units", ledger.units.into()),
        ("turnover", token.cell(ledger.turnover)),
        ("burn_owed", token.cell(ledger.burn_owed)),
        ("fees_owed", token.cell(ledger.fees_owed)),
        ("market_fees_owed", token.cell(ledger.market_owed)),
        ("checks_owed", token.cell(ledger.checks_owed)),
        ("check_credits", token.cell(ledger.credits)),
        ("in_the_wallet", token.cell(held)),
    ]);
    Ok(())
}

async fn show_all(context: &Context) -> Result<()> {
    let me = context.wallet()?.pubkey();
    let mut ledgers = context
        .client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, authority, me)])
        .await?;
    ledgers.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    for (at, ledger) in &ledgers {
        let (_, market) = context.market(Some(ledger.market)).await?;
        let token = context.token(&market.mint).await?;
        rows.push(vec![
            Cell::from(*at),
            kind(ledger).into(),
            ledger.party.into(),
            ledger.market.into(),
            token.cell(ledger.available),
            token.cell(ledger.locked),
            ledger.open_jobs.into(),
        ]);
    }
    context.out.table(
        &[
            "account",
            "kind",
            "party",
            "market",
            "available",
            "locked",
            "open_jobs",
        ],
        rows,
        "No account: `lode account deposit AMOUNT` opens one.",
    );
    Ok(())
}
