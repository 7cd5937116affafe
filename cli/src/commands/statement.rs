//! `lode account statement`: what an account held, everything that moved it, what it holds.
use super::index;
use super::report::begins;
use crate::context::Context;
use crate::output::{Cell, Token};
use crate::progress::Progress;
use crate::sheet::{self, Sheet};
use anyhow::{bail, Result};
use lode_client::filter;
use lode_index::{Line, Movement, Statement};
use lode_jobs::state::Ledger;
use solana_address::Address;
use solana_signer::Signer;

/// Arguments of `account statement`.
#[derive(clap::Args)]
pub struct Args {
    /// The market, if there are several
    #[arg(long, value_name = "ADDRESS", conflicts_with = "all")]
    market: Option<Address>,
    /// The account of this wallet or node, if not the wallet's own
    #[arg(
        long,
        visible_alias = "node",
        value_name = "ADDRESS",
        conflicts_with = "all"
    )]
    party: Option<Address>,
    /// All accounts of the wallet and its nodes, in every market; with an index also closed ones
    #[arg(long)]
    all: bool,
    /// Only this calendar year, UTC
    #[arg(long, value_parser = clap::value_parser!(u16).range(2020..=2999))]
    year: Option<u16>,
    /// csv or json; without it, csv, or json under --output json
    #[arg(long, value_enum)]
    format: Option<Sheet>,
    /// Read it from this index, which `lode index run` keeps; without it, from the chain, for accounts with little history
    #[arg(long, value_name = "FILE OR URL")]
    index: Option<String>,
    /// Fail unless every account on the chain holds what its statement ends with
    #[arg(long, conflicts_with = "year")]
    check: bool,
}

const COLUMNS: [&str; 21] = [
    "account",
    "market",
    "party",
    "time",
    "slot",
    "signature",
    "row",
    "what",
    "job",
    "amount",
    "token",
    "base_units",
    "available_change",
    "locked_change",
    "owed_change",
    "credits_change",
    "available",
    "locked",
    "owed",
    "credits",
    "mint",
];

pub async fn run(args: Args, context: &Context) -> Result<()> {
    let (since, until) = match args.year {
        Some(year) => (begins(year), begins(year.saturating_add(1))),
        None => (i64::MIN, i64::MAX),
    };
    let mut rows = Vec::new();
    let statements = statements(&args, since, until, context).await?;
    for statement in &statements {
        let (_, market) = context.market(Some(statement.market)).await?;
        let token = context.token(&market.mint).await?;
        rows.extend(lines(statement, &token));
    }
    sheet::print(&COLUMNS, rows, args.format, context);
    if args.check {
        for statement in &statements {
            check(statement, context).await?;
        }
    }
    Ok(())
}

async fn statements(
    args: &Args,
    since: i64,
    until: i64,
    context: &Context,
) -> Result<Vec<Statement>> {
    let mut accounts = Vec::new();
    if !args.all {
        let (market, _) = context.market(args.market).await?;
        accounts.push(context.ledger(&market, args.party)?.1);
    }
    let mut found = Vec::new();
    if let Some(target) = &args.index {
        let mut index = index::open(target, context).await?;
        if args.all {
            accounts = index.accounts_of(&context.wallet()?.pubkey())?;
        }
        for account in &accounts {
            found.push(index.statement(account, since, until)?);
        }
        return Ok(found);
    }
    if args.all {
        let me = context.wallet()?.pubkey();
        let mine = [filter!(Ledger, authority, me)];
        let ledgers = context.client.get_program_accounts::<Ledger>(&mine).await?;
        accounts = ledgers.into_iter().map(|(at, _)| at).collect();
        accounts.sort_by_key(Address::to_string);
    }
    let progress = Progress::start("reading the chain");
    let tell = |done: usize, of: usize| progress.say(format!("reading {done} of {of}"));
    for account in &accounts {
        found.push(lode_index::statement(&context.client, account, since, until, &tell).await?);
    }
    Ok(found)
}

/// A balance after less a balance before, with its sign.
fn change(before: u64, after: u64) -> Cell {
    let change = i128::from(after) - i128::from(before);
    match i64::try_from(change) {
        Ok(small) => small.into(),
        Err(_) => change.to_string().into(),
    }
}

fn lines(statement: &Statement, token: &Token) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let mut row = |line: Option<&Line>, what: &str, before: Movement, after: Movement| {
        let amount = line.map_or(0, |line| line.amount);
        let nothing = || Cell::new("", serde_json::Value::Null);
        let when = match line {
            Some(line) => [
                sheet::time(line.time),
                line.slot.into(),
                line.signature.to_string().into(),
                line.number.into(),
            ],
            None => [nothing(), nothing(), nothing(), nothing()],
        };
        let mut cells = vec![
            Cell::from(statement.ledger),
            statement.market.into(),
            statement.party.into(),
        ];
        cells.extend(when);
        cells.extend([
            what.into(),
            sheet::address(line.and_then(|line| line.job)),
            token.mint.show(amount).into(),
            token.symbol.as_str().into(),
            amount.into(),
            change(before.available, after.available),
            change(before.locked, after.locked),
            change(before.owed, after.owed),
            change(before.credits, after.credits),
            after.available.into(),
            after.locked.into(),
            after.owed.into(),
            after.credits.into(),
            token.mint.address.into(),
        ]);
        rows.push(cells);
    };
    row(
        None,
        "opening balance",
        statement.opening,
        statement.opening,
    );
    let mut before = statement.opening;
    for line in &statement.lines {
        row(Some(line), &line.what, before, line.after);
        before = line.after;
    }
    row(
        None,
        "closing balance",
        statement.closing,
        statement.closing,
    );
    rows
}

async fn check(statement: &Statement, context: &Context) -> Result<()> {
    let found = context
        .client
        .try_account::<Ledger>(&statement.ledger)
        .await?;
    let held = found.map_or_else(Movement::default, |ledger| Movement::of(&ledger));
    if held != statement.closing {
        bail!(
            "The account {} holds {held:?} on the chain, its statement ends with {:?}: if it moved meanwhile or the index is behind, ask again; `lode index status` says what is doubtful",
            statement.ledger, statement.closing
        );
    }
    Ok(())
}
