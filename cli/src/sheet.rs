//! Rows for bookkeeping: CSV or JSON, the same bytes every time.
use crate::context::Context;
use crate::output::{self, Cell, Format};
use solana_address::Address;

/// Forms of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sheet {
    /// A line a row, its first line names the columns
    Csv,
    /// A list of objects
    Json,
}

/// Prints rows in the form asked for; without one as CSV, or as JSON under `--output json`.
pub fn print(
    columns: &[&'static str],
    rows: Vec<Vec<Cell>>,
    form: Option<Sheet>,
    context: &Context,
) {
    let form = form.unwrap_or(match context.out.format {
        Format::Json => Sheet::Json,
        Format::Table => Sheet::Csv,
    });
    match form {
        Sheet::Json => context.out.json(&context.out.objects(columns, &rows)),
        Sheet::Csv => csv(columns, &rows),
    }
}

fn csv(columns: &[&'static str], rows: &[Vec<Cell>]) {
    let mut text = columns.join(",");
    text.push('\n');
    for row in rows {
        // No cell has a quote or a line break; a comma stands in words of this program alone.
        let line: Vec<String> = row
            .iter()
            .map(|cell| cell.text().replace(',', ""))
            .collect();
        text.push_str(&line.join(","));
        text.push('\n');
    }
    output::write(text.as_bytes());
}

/// A time as text in both forms.
pub fn time(seconds: i64) -> Cell {
    output::time(seconds).text().into()
}

/// An address, or nothing.
pub fn address(at: Option<Address>) -> Cell {
    match at.filter(|at| *at != Address::default()) {
        Some(at) => at.into(),
        None => Cell::new("", serde_json::Value::Null),
    }
}
