//! `lode market`.
use crate::context::{require_all, Context};
use crate::dry_run;
use crate::nodes;
use crate::output::{bps, sol, Cell};
use anyhow::{Context as _, Result};
use lode_client::accounts::DISCRIMINATOR_BYTES;
use lode_client::instructions::jobs;
use lode_client::{addresses, filter};
use lode_jobs::state::{JobsConfig, Ledger, Market};
use lode_localnet::{from_toml, MarketPlan};
use solana_address::Address;
use solana_instruction::Instruction;
use solana_signer::Signer;
use std::path::PathBuf;

/// Bytes of a market's vault: a token account without extensions.
const VAULT_BYTES: usize = 165;

/// Commands of markets.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Create a market; its terms hold for ever
    Create(Create),
    /// Show a market's terms
    Show {
        /// The market, if there are several
        market: Option<Address>,
    },
    /// List the markets
    List {
        /// Only those paid in this mint
        #[arg(long, value_name = "ADDRESS")]
        mint: Option<Address>,
    },
    /// Let a market take new jobs
    #[command(visible_alias = "open")]
    OpenEntry {
        /// The market, if there are several
        market: Option<Address>,
    },
    /// Let a market take no new jobs; what runs is not touched
    #[command(visible_alias = "close")]
    CloseEntry {
        /// The market, if there are several
        market: Option<Address>,
    },
    /// Show what accounts of a market owe onward: to the burn, the treasury, the market, the checks
    Fees {
        /// The market, if there are several
        market: Option<Address>,
        /// Move it on: burn, pay out, fill the check pool. Anyone may
        #[arg(long)]
        sweep: bool,
    },
}

/// Arguments of `market create`.
#[derive(clap::Args)]
pub struct Create {
    /// The terms in TOML, as the section [market] of migrations/localnet.toml without its head; `mint` is an address
    terms: PathBuf,
    /// The committee that checks, if there are several
    #[arg(long, value_name = "ADDRESS")]
    committee: Option<Address>,
    /// Key of the committee's governor, if it is not the wallet
    #[arg(long, value_name = "FILE")]
    governor: Option<PathBuf>,
}

pub async fn run(command: Command, context: &Context) -> Result<()> {
    match command {
        Command::Create(args) => create(args, context).await,
        Command::Show { market } => show(market, context).await,
        Command::List { mint } => list(mint, context).await,
        Command::OpenEntry { market } => set_open(market, true, context).await,
        Command::CloseEntry { market } => set_open(market, false, context).await,
        Command::Fees { market, sweep } => fees(market, sweep, context).await,
    }
}

/// How a market's jobs find their nodes.
fn kind(market: &Market) -> &'static str {
    if market.is_auction() {
        "auction"
    } else {
        "first come"
    }
}

/// The store's address of a market.
pub fn store_url(market: &Market) -> String {
    let text = String::from_utf8_lossy(&market.store_url);
    text.trim_end_matches('\0').to_string()
}

async fn create(args: Create, context: &Context) -> Result<()> {
    let name = args.terms.display();
    let text = std::fs::read_to_string(&args.terms)
        .with_context(|| format!("The terms {name} cannot be read: name another file"))?;
    let plan: MarketPlan = from_toml(&text)
        .with_context(|| format!("The terms {name} are not right: compare them with the section [market] of migrations/localnet.toml"))?;
    let mint: Address = plan.mint.parse().with_context(|| {
        format!(
            "`{}` is no mint: in a file of terms `mint` is an address",
            plan.mint
        )
    })?;
    let wallet = context.wallet()?;
    let governor = match &args.governor {
        Some(path) => context.key(&path.to_string_lossy(), "governor")?,
        None => wallet.clone(),
    };
    let (committee, _) = context.committee(args.committee).await?;
    let token = context.token(&mint).await?;
    let instruction = jobs::create_market(
        &wallet.pubkey(),
        &governor.pubkey(),
        &committee,
        &token.mint,
        plan.args()?,
    );
    let at = addresses::jobs::market(&wallet.pubkey(), plan.id);
    let market_bytes = DISCRIMINATOR_BYTES + size_of::<Market>();
    let made = format!("the market {at} and its vault");
    let sizes = [market_bytes, VAULT_BYTES];
    let rent = context.confirm_for_ever(&made, &sizes).await?;
    let sent = context
        .send("creating the market", &[instruction], &wallet, &[&governor])
        .await?;
    context.out.sheet(vec![
        ("market", at.into()),
        ("committee", committee.into()),
        ("rent_locked", sol(rent)),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn show(named: Option<Address>, context: &Context) -> Result<()> {
    let (at, market) = context.market(named).await?;
    let token = context.token(&market.mint).await?;
    let vault = addresses::jobs::vault(&at);
    let held = context.client.token_balance(&vault).await?;
    context.out.sheet(vec![
        ("market", at.into()),
        ("open", market.is_open().into()),
        ("authority", market.authority.into()),
        ("id", market.id.into()),
        ("kind", kind(&market).into()),
        ("committee", market.committee.into()),
        ("panel", market.k.into()),
        ("mint", market.mint.into()),
        ("store", store_url(&market).into()),
        ("runtime", market.runtime.into()),
        ("nodes", nodes::cell(&market.nodes)),
        ("most_units", market.units_limit.into()),
        ("most_memory_mib", market.memory_mib.into()),
        ("most_blob_bytes", market.blob_limit.into()),
        ("least_escrow", token.cell(market.least_reserved)),
        ("most_escrow", token.cell(market.most_reserved)),
        ("checked", bps(market.check_bps)),
        ("surcharge", bps(market.surcharge_bps)),
        ("burn_fee", bps(market.burn_bps)),
        ("market_fee", bps(market.fee_bps)),
        ("late_forfeit", bps(market.late_bps)),
        ("fault_slash", bps(market.fault_bps)),
        ("no_challenge_below", token.cell(market.final_below)),
        ("base_slots", market.base_slots.into()),
        ("slots_per_million_units", market.slots_per_million.into()),
        ("accept_slots", market.accept_window.into()),
        ("attest_slots", market.attest_window.into()),
        ("challenge_slots", market.challenge_window.into()),
        ("retention_days", market.retention_days.into()),
        ("lottery_ramp_slots", market.ramp.into()),
        ("check_pool", token.cell(market.check_pool)),
        ("vault", vault.into()),
        ("held", token.cell(held)),
    ]);
    Ok(())
}

async fn list(mint: Option<Address>, context: &Context) -> Result<()> {
    let filters: Vec<_> = mint
        .map(|mint| filter!(Market, mint, mint))
        .into_iter()
        .collect();
    let mut markets = context
        .client
        .get_program_accounts::<Market>(&filters)
        .await?;
    markets.sort_by_key(|(at, _)| *at);
    let rows = markets.iter().map(|(at, market)| {
        vec![
            Cell::from(*at),
            market.is_open().into(),
            kind(market).into(),
            market.units_limit.into(),
            nodes::cell(&market.nodes),
            bps(market.check_bps),
            bps(market.surcharge_bps),
            bps(market.burn_bps + market.fee_bps),
            market.mint.into(),
            store_url(market).into(),
        ]
    });
    context.out.table(
        &[
            "market",
            "open",
            "kind",
            "most_units",
            "nodes",
            "checked",
            "surcharge",
            "fees",
            "mint",
            "store",
        ],
        rows.collect(),
        "No market: create one with `lode market create`, or start a network with `lode localnet`.",
    );
    Ok(())
}

async fn set_open(named: Option<Address>, open: bool, context: &Context) -> Result<()> {
    let wallet = context.wallet()?;
    let (at, _) = context.market(named).await?;
    if !open {
        context.confirm(&format!("The market {at} would take no new jobs"))?;
    }
    let instruction = jobs::set_market_open(&wallet.pubkey(), &at, open);
    let sent = context
        .send("changing the market", &[instruction], &wallet, &[])
        .await?;
    context.out.sheet(vec![
        ("market", at.into()),
        ("open", open.into()),
        ("signature", sent.signature.to_string().into()),
    ]);
    Ok(())
}

async fn fees(named: Option<Address>, sweep: bool, context: &Context) -> Result<()> {
    let (at, market) = context.market(named).await?;
    let token = context.token(&market.mint).await?;
    let client = &context.client;
    let mut ledgers = client
        .get_program_accounts::<Ledger>(&[filter!(Ledger, market, at)])
        .await?;
    let owes = |l: &Ledger| [l.burn_owed, l.fees_owed, l.market_owed, l.checks_owed];
    ledgers.retain(|(_, ledger)| owes(ledger).iter().any(|owed| *owed > 0));
    ledgers.sort_by_key(|(at, _)| *at);
    let mut rows = Vec::new();
    if sweep {
        // Who has no account to receive gets nothing yet; what is owed to him waits.
        let config: JobsConfig = client.get_account(&addresses::jobs::config()).await?;
        let treasury = client
            .is_payable(&config.treasury_owner, &token.mint)
            .await?;
        let authority = addresses::jobs::ledger(&at, &market.authority);
        let to_market = client.try_account::<Ledger>(&authority).await?.is_some();
        let wallet = context.wallet()?;
        let groups: Vec<Vec<Instruction>> = ledgers
            .iter()
            .map(|(_, ledger)| {
                let to = (treasury && ledger.fees_owed > 0).then_some(&config.treasury_owner);
                let mint = &token.mint;
                vec![jobs::sweep_fees(
                    &at,
                    &market,
                    &ledger.party,
                    mint,
                    to,
                    to_market,
                )]
            })
            .collect();
        let packed = context
            .send_packed("moving on what is owed", &groups, &wallet)
            .await?;
        dry_run::end_where_nothing_is_due(context)?;
        require_all(&packed, groups.len(), "sweeps")?;
        let after: Vec<Address> = ledgers.iter().map(|(at, _)| *at).collect();
        for ((_, before), after) in ledgers
            .iter_mut()
            .zip(client.get_accounts::<Ledger>(&after).await?)
        {
            if let Some(after) = after {
                *before = after;
            }
        }
    }
    for (at, ledger) in &ledgers {
        let owed = owes(ledger).map(|amount| token.cell(amount));
        let mut row = vec![Cell::from(*at), ledger.party.into()];
        row.extend(owed);
        rows.push(row);
    }
    context.out.table(
        &[
            "account",
            "party",
            "to_burn",
            "to_the_treasury",
            "to_the_market",
            "to_the_checks",
        ],
        rows,
        "Nothing is owed.",
    );
    Ok(())
}
