//! `lode rewards report`: a wallet's year for its bookkeeping.
use crate::context::Context;
use crate::output::{Cell, Token};
use crate::progress::Progress;
use crate::sheet::{self, Sheet};
use anyhow::Result;
use lode_client::history::Row;
use lode_client::token::show;
use solana_address::Address;
use solana_signer::Signer;
use std::collections::BTreeMap;

/// Arguments of `rewards report`.
#[derive(clap::Args)]
pub struct Report {
    /// The calendar year, UTC
    #[arg(long, value_parser = clap::value_parser!(u16).range(2020..=2999))]
    year: u16,
    /// csv or json; without it, csv, or json under --output json
    #[arg(long, value_enum)]
    format: Option<Sheet>,
    /// Whose year, if not the wallet's own
    #[arg(long, value_name = "ADDRESS")]
    of: Option<Address>,
    /// Read it from this index, which `lode index run` keeps, in place of the chain; fees of transactions that touch no
    /// program of Lode are then left out
    #[arg(long, value_name = "FILE OR URL")]
    index: Option<String>,
}

const COLUMNS: [&str; 13] = [
    "time",
    "slot",
    "signature",
    "row",
    "kind",
    "what",
    "of",
    "node",
    "market",
    "amount",
    "token",
    "base_units",
    "mint",
];

/// The first second of a year, unix.
pub(super) fn begins(year: u16) -> i64 {
    let year = i64::from(year);
    // leap days before it, less those before 1970
    let leaps = |year: i64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    (365 * (year - 1970) + leaps(year) - leaps(1970)) * 86_400
}

pub async fn run(args: Report, context: &Context) -> Result<()> {
    let owner = match args.of {
        Some(owner) => owner,
        None => context.wallet()?.pubkey(),
    };
    let (since, until) = (begins(args.year), begins(args.year.saturating_add(1)));
    let history = match &args.index {
        Some(target) => {
            let pasts = super::index::open(target, context).await?.pasts(until)?;
            let client = &context.client;
            client.history_among(&owner, since, until, &pasts).await?
        }
        None => {
            let progress = Progress::start("reading the chain");
            let tell = |done: usize, of: usize| progress.say(format!("reading {done} of {of}"));
            context.client.history(&owner, since, until, &tell).await?
        }
    };
    let tokens: BTreeMap<Address, Token> = history
        .mints
        .iter()
        .map(|(at, mint)| (*at, Token::new(*mint)))
        .collect();
    let rows = history.rows.iter().map(|row| cells(row, &tokens).to_vec());
    sheet::print(&COLUMNS, rows.collect(), args.format, context);
    if !history.truncated.is_empty() {
        tracing::warn!(
            transactions = history.truncated.len(),
            "the server cut logs off: rows of these transactions may be missing"
        );
    }
    Ok(())
}

fn cells(row: &Row, tokens: &BTreeMap<Address, Token>) -> [Cell; 13] {
    let token = row.mint.and_then(|mint| tokens.get(&mint));
    let (amount, symbol) = match token {
        Some(token) => (token.mint.show(row.amount), token.symbol.clone()),
        None => (show(row.amount, 9), "SOL".to_string()),
    };
    let of = match row.of_whole_node {
        true => "all stakers of the node",
        false => "the wallet",
    };
    [
        sheet::time(row.time),
        row.slot.into(),
        row.signature.to_string().into(),
        row.number.into(),
        row.kind.name().into(),
        row.what.into(),
        of.into(),
        sheet::address(row.node),
        sheet::address(row.market),
        amount.into(),
        symbol.into(),
        row.amount.into(),
        sheet::address(row.mint),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_begins_where_the_calendar_says() {
        assert_eq!(begins(1970), 0);
        assert_eq!(begins(2000), 946_684_800);
        assert_eq!(begins(2001), 978_307_200);
        assert_eq!(begins(2026), 1_767_225_600);
        assert_eq!(begins(2100) - begins(2099), 365 * 86_400);
    }
}
