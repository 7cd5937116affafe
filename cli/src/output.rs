//! What the user sees: tables for people, JSON for programs, colour only on a terminal.
use crate::address_book;
use anyhow::{anyhow, bail, Result};
use lode_client::token::MintInfo;
use serde_json::{json, Map, Value};
use solana_address::Address;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs: one JSON value.
    Json,
}

/// One value: as people read it, and as programs do.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    json: Value,
    /// The address that it is, beside which people read its name.
    address: Option<Address>,
}

impl Cell {
    /// A value whose two forms differ.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            address: None,
        }
    }

    /// Its text, the same for everybody.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How programs read it.
    pub fn json(&self) -> &Value {
        &self.json
    }

    /// How people read it: an address with its name in the user's address book.
    fn shown(&self) -> String {
        match self.address.as_ref().and_then(address_book::name_of) {
            Some(name) => format!("{} ({name})", self.text),
            None => harmless(&self.text).replace('\n', "\\n"),
        }
    }

    /// Several texts.
    pub fn list(texts: impl IntoIterator<Item = String>) -> Self {
        let texts: Vec<String> = texts.into_iter().collect();
        Self::new(texts.join(" "), json!(texts))
    }

    /// Nothing there.
    pub fn none() -> Self {
        Self::new("-", Value::Null)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, json!(text))
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text.clone(), json!(text))
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::new(if yes { "yes" } else { "no" }, json!(yes))
    }
}

macro_rules! cell_of {
    ($($number:ty),+) => {$(
        impl From<$number> for Cell {
            fn from(number: $number) -> Self {
                Self::new(number.to_string(), json!(number))
            }
        }
    )+};
}
cell_of!(u8, u16, u32, u64, i64, usize);

impl From<Address> for Cell {
    fn from(address: Address) -> Self {
        if address == Address::default() {
            Self::none()
        } else {
            Self {
                address: Some(address),
                ..address.to_string().into()
            }
        }
    }
}

/// A mint and what its tokens are called.
#[derive(Clone, Debug)]
pub struct Token {
    /// The mint.
    pub mint: MintInfo,
    /// What its tokens are called.
    pub symbol: String,
}

impl Token {
    /// A token whose symbol is known where the network's plan made the mint or its emissions do. Any other mint may call itself
    /// what it likes: what it says stands before the beginning of its address, without which it means nothing.
    pub fn new(mint: MintInfo) -> Self {
        let made = |name: &str| {
            let by = mint.authority.as_ref()?;
            lode_client::token::mint_address(by, name, &mint.program)
        };
        // Who alone may mint what the emission program mints is that program.
        let emitted = mint.authority == Some(lode_client::addresses::emissions::mint_authority());
        let symbol = if emitted || made("LODE") == Some(mint.address) {
            "LODE".to_string()
        } else {
            let short: String = mint.address.to_string().chars().take(6).collect();
            match mint.calls_itself() {
                Some(symbol) => format!("{symbol}:{short}"),
                None => short,
            }
        };
        Self { mint, symbol }
    }

    /// Base units of the amount that was given as `field`, with or without the token's symbol: `12.5`, `12.5 LODE`.
    pub fn parse(&self, field: &str, text: &str) -> Result<u64> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = match digits.strip_suffix(' ') {
            // `12.5 LODE`; what only has a few letters at its end is no amount, which is said below.
            Some(number) => (number, text.strip_prefix(digits).unwrap_or_default()),
            None => (text, ""),
        };
        if !unit.is_empty() && unit != self.symbol {
            bail!(
                "{field} is `{text}`, and it is in {}: write a number such as 1.5, with or without {0}",
                self.symbol
            );
        }
        let parsed = self.mint.parse(number);
        parsed.map_err(|error| anyhow!("{field}: {error}"))
    }

    /// The same, refused where it is nothing.
    pub fn parse_positive(&self, field: &str, text: &str) -> Result<u64> {
        match self.parse(field, text)? {
            0 => bail!("{field}: `{text}` is nothing, give an amount above 0"),
            amount => Ok(amount),
        }
    }

    /// An amount as people write it.
    pub fn show(&self, amount: u64) -> String {
        format!("{} {}", self.mint.show(amount), self.symbol)
    }

    /// An amount as a cell.
    pub fn cell(&self, amount: u64) -> Cell {
        let amount_json = json!({
            "base_units": amount,
            "amount": self.mint.show(amount),
            "symbol": self.symbol,
        });
        Cell::new(self.show(amount), amount_json)
    }
}

/// Lamports of the SOL that were given as `field`.
pub fn parse_sol(field: &str, text: &str) -> Result<u64> {
    lode_client::token::parse(text, 9).map_err(|error| anyhow!("{field}: {error}"))
}

/// Lamports as SOL.
pub fn sol(lamports: u64) -> Cell {
    let shown = lode_client::token::show(lamports, 9);
    let value = json!({ "base_units": lamports, "amount": shown, "symbol": "SOL" });
    Cell::new(format!("{shown} SOL"), value)
}

/// Basis points as a percentage.
pub fn bps(value: impl Into<u64>) -> Cell {
    let value = value.into();
    Cell::new(
        format!("{} %", lode_client::token::show(value, 2)),
        json!({ "bps": value }),
    )
}

/// A time on the chain.
pub fn time(seconds: i64) -> Cell {
    match seconds {
        0 => Cell::none(),
        i64::MAX => Cell::new("never", Value::Null),
        _ => Cell::new(utc(seconds), json!(seconds)),
    }
}

/// Unix seconds as `2026-01-31 23:59:00Z` (the civil calendar, reckoned from 1 March of year 0).
fn utc(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let since = day + 719_468;
    let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{date:02} {:02}:{:02}:{:02}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// Where results go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How.
    pub format: Format,
    colour: bool,
}

/// Rows of a sheet: name and value. The name's underscores are spaces for people.
pub type Rows = Vec<(&'static str, Cell)>;

impl Output {
    /// Prints to stdout.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            colour: wants_colour(std::io::stdout().is_terminal()),
        }
    }

    /// One thing: a name and a value a line, or an object.
    pub fn sheet(&self, rows: Rows) {
        match self.format {
            Format::Json => self.json(&object(rows)),
            Format::Table => {
                let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
                for (name, cell) in rows {
                    let name = format!("{:<width$}", name.replace('_', " "));
                    self.line(&format!("{}  {}", self.dim(&name), cell.shown()));
                }
            }
        }
    }

    /// Many things: a row each, or a list of objects. `empty` is said where there are none.
    pub fn table(&self, columns: &[&'static str], rows: Vec<Vec<Cell>>, empty: &str) {
        if self.format == Format::Json {
            let list = rows
                .into_iter()
                .map(|row| object(columns.iter().copied().zip(row).collect()))
                .collect();
            return self.json(&Value::Array(list));
        }
        if rows.is_empty() {
            return self.line(empty);
        }
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(Cell::shown).collect())
            .collect();
        let width = |i: usize, column: &str| {
            let cells = rows.iter().filter_map(|row| row.get(i));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(column.len())
        };
        let widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(i, column)| width(i, column))
            .collect();
        let padded = |texts: Vec<String>| {
            let parts: Vec<String> = texts
                .iter()
                .zip(&widths)
                .map(|(text, width)| format!("{text:<width$}"))
                .collect();
            parts.join("  ").trim_end().to_string()
        };
        let head = columns.iter().map(|c| c.replace('_', " ")).collect();
        self.line(&self.dim(&padded(head)));
        for row in rows {
            self.line(&padded(row));
        }
    }

    /// Many things as a list of objects, to stand inside another.
    pub fn objects(&self, columns: &[&'static str], rows: &[Vec<Cell>]) -> Value {
        let list = rows
            .iter()
            .map(|row| object(columns.iter().copied().zip(row.iter().cloned()).collect()))
            .collect();
        Value::Array(list)
    }

    /// People read this.
    pub fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// A remark for people; programs do not get it.
    pub fn note(&self, text: &str) {
        if self.format == Format::Table {
            self.line(&harmless(text));
        }
    }

    /// What must be known before the answer comes, and where it never does: a line for people, a JSON object in one line
    /// on stderr for programs.
    pub fn at_once(&self, text: &str, rows: Rows) {
        match self.format {
            Format::Table => self.note(text),
            Format::Json => {
                // Where nobody reads it, the command goes on all the same.
                let _ = writeln!(std::io::stderr(), "{}", object(rows));
            }
        }
    }

    /// A JSON value, as it is.
    pub fn json(&self, value: &Value) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.line(&text),
            // A value of strings, numbers and lists always has a text.
            Err(error) => self.line(&error.to_string()),
        }
    }

    fn dim(&self, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[2m{text}\u{1b}[0m")
        } else {
            text.to_string()
        }
    }

    fn line(&self, text: &str) {
        write(format!("{text}\n").as_bytes());
    }
}

/// Why the first part of the answer that is missing could not be written.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// Writes a part of the answer to stdout. Whoever closed our stdout has read enough; any other error is kept, and ends the
/// command in the end.
pub fn write(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    // What is held back until the process ends could be lost without a word.
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    if let Err(error) = written {
        if error.kind() != ErrorKind::BrokenPipe {
            // another one is there already: it came first
            let _ = UNWRITTEN.set(error);
        }
    }
}

/// Why a part of the answer could not be written, if any could not.
pub fn unwritten() -> Option<&'static std::io::Error> {
    UNWRITTEN.get()
}

/// A text with nothing in it that a terminal would obey. Names of files, what programs write and where a market's store is
/// are chosen by others: none of it moves a cursor, forges a line of a table or fills a clipboard.
pub fn harmless(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => plain.push(letter),
            _ if letter.is_control() => plain.extend(letter.escape_default()),
            _ => plain.push(letter),
        }
    }
    plain
}

/// Rows as an object.
pub fn object(rows: Rows) -> Value {
    let fields: Map<String, Value> = rows
        .into_iter()
        .map(|(name, cell)| (name.to_string(), cell.json))
        .collect();
    Value::Object(fields)
}

fn wants_colour(is_terminal: bool) -> bool {
    is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Whether stderr shows colour.
pub fn stderr_has_colour() -> bool {
    wants_colour(std::io::stderr().is_terminal())
}

/// What stands before an error.
pub fn error_prefix() -> &'static str {
    if stderr_has_colour() {
        "\u{1b}[31merror:\u{1b}[0m"
    } else {
        "error:"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00Z");
        assert_eq!(utc(951_782_399), "2000-02-28 23:59:59Z");
        assert_eq!(utc(951_782_400), "2000-02-29 00:00:00Z");
        assert_eq!(utc(1_767_225_600), "2026-01-01 00:00:00Z");
    }

    #[test]
    fn what_others_chose_moves_no_cursor_and_makes_no_line_of_a_table() {
        let cell = Cell::from("a\nsaved to  /etc\u{1b}]52;c;x\u{7}\u{9b}2J é");
        let shown = cell.shown();
        assert_eq!(shown, "a\\nsaved to  /etc\\u{1b}]52;c;x\\u{7}\\u{9b}2J é");
        assert_eq!(harmless("a\tb\nc\r"), "a\tb\nc\\r");
        // programs get what it is
        assert_eq!(cell.json, json!(cell.text));
    }

    #[test]
    fn programs_get_whole_base_units_and_people_a_symbol() {
        let cell = sol(1_500_000_000);
        assert_eq!(cell.text, "1.5 SOL");
        assert_eq!(cell.json["base_units"], 1_500_000_000u64);
        assert_eq!(bps(250u16).text, "2.5 %");
    }

    fn mint(symbol: Option<[u8; 12]>) -> MintInfo {
        MintInfo {
            address: Address::new_from_array([7; 32]),
            program: lode_client::addresses::TOKEN_2022,
            authority: None,
            freeze_authority: None,
            supply: 0,
            decimals: 6,
            symbol,
        }
    }

    #[test]
    fn an_amount_may_name_its_token_and_what_is_wrong_is_told_with_its_field() {
        let mint = mint(None);
        let mut token = Token::new(mint);
        assert_eq!(token.symbol, mint.address.to_string()[..6]);
        token.symbol = "LODE".into();
        for text in ["1.5", "1.5 LODE"] {
            assert_eq!(token.parse("--price", text).ok(), Some(1_500_000));
        }
        for (text, wrong) in [
            ("1.5 SOL", "it is in LODE"),
            ("1.5LODE", "is no amount"),
            ("1e3", "is no amount"),
            ("lots", "is no amount"),
            ("", "is no amount"),
            (" LODE", "is no amount"),
            ("1.1234567", "at most 6 digits"),
            ("-1", "is no amount"),
        ] {
            let said = token.parse("--price", text).unwrap_err().to_string();
            assert!(
                said.starts_with("--price") && said.contains(wrong),
                "{said}"
            );
        }
        let said = token.parse_positive("AMOUNT", "0").unwrap_err().to_string();
        assert!(said.contains("above 0"), "{said}");
    }

    #[test]
    fn a_strange_token_that_calls_itself_something_is_shown_with_its_address() {
        let mut symbol = [0; 12];
        symbol[..4].copy_from_slice(b"LODE");
        let mint = mint(Some(symbol));
        let short = &mint.address.to_string()[..6];
        assert_eq!(Token::new(mint).symbol, format!("LODE:{short}"));
    }
}
