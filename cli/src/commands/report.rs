//! `lode rewards report`: a wallet's year for its bookkeeping.
use crate::context::Context;
use crate::output::{time, Format, Token};
use crate::progress::Progress;
use anyhow::Result;
use lode_client::history::{History, Row};
use lode_client::token::show;
use serde_json::json;
use solana_address::Address;
use solana_signer::Signer;
use std::collections::BTreeMap;
use std::io::Write as _;

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
}

/// Forms of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sheet {
    /// A line a row, its first line names the columns
    Csv,
    /// A list of objects
    Json,
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
fn begins(year: u16) -> i64 {
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
    let history = {
        let progress = Progress::start("reading the chain");
        let tell = |done: usize, of: usize| progress.say(format!("reading {done} of {of}"));
        context.client.history(&owner, since, until, &tell).await?
    };
    let sheet = args.format.unwrap_or(match context.out.format {
        Format::Json => Sheet::Json,
        Format::Table => Sheet::Csv,
    });
    let tokens: BTreeMap<Address, Token> = history
        .mints
        .iter()
        .map(|(at, mint)| (*at, Token::new(*mint)))
        .collect();
    match sheet {
        Sheet::Csv => csv(&history, &tokens),
        Sheet::Json => {
            let list: Vec<serde_json::Value> = history
                .rows
                .iter()
                .map(|row| {
                    let cells = cells(row, &tokens);
                    let named = COLUMNS.iter().zip(cells).map(|(column, text)| {
                        let value = match *column {
                            "slot" => json!(row.slot),
                            "row" => json!(row.number),
                            "base_units" => json!(row.amount),
                            _ if text.is_empty() => serde_json::Value::Null,
                            _ => json!(text),
                        };
                        (column.to_string(), value)
                    });
                    serde_json::Value::Object(named.collect())
                })
                .collect();
            context.out.json(&serde_json::Value::Array(list));
        }
    }
    if !history.truncated.is_empty() {
        tracing::warn!(
            transactions = history.truncated.len(),
            "the server cut logs off: rows of these transactions may be missing"
        );
    }
    Ok(())
}

fn cells(row: &Row, tokens: &BTreeMap<Address, Token>) -> [String; 13] {
    let address = |at: Option<Address>| at.map_or_else(String::new, |at| at.to_string());
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
        time(row.time).text().to_string(),
        row.slot.to_string(),
        row.signature.to_string(),
        row.number.to_string(),
        row.kind.name().into(),
        row.what.into(),
        of.into(),
        address(row.node),
        address(row.market),
        amount,
        symbol,
        row.amount.to_string(),
        address(row.mint),
    ]
}

fn csv(history: &History, tokens: &BTreeMap<Address, Token>) {
    // No cell has a comma, a quote or a line break: numbers, addresses, and words of this program.
    let mut text = COLUMNS.join(",");
    text.push('\n');
    for row in &history.rows {
        text.push_str(&cells(row, tokens).join(","));
        text.push('\n');
    }
    // Whoever closed our stdout has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
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
