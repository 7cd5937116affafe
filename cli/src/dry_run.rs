//! `--dry-run`: what a command would send, in words, and what that would change. Nothing is signed, nothing is sent.
use crate::context::{Context, GlobalArgs};
use crate::exit;
use crate::output::{sol, Cell, Rows, Token};
use crate::progress::Progress;
use anyhow::Result;
use lode_client::error::program_name;
use lode_client::send::pack;
use lode_client::token::TokenAccount;
use lode_client::{addresses, Preview, Touched};
use lode_index::describe;
use lode_jobs::state::Ledger;
use lode_staking::state::Node;
use serde_json::{json, Value};
use solana_address::Address;
use solana_instruction::Instruction;
use std::collections::HashMap;

/// Commands that do more than send transactions and end, and what is there in place of a dry run.
const WITHOUT: [(&str, &str); 18] = [
    (
        "network apply",
        "`lode network plan` shows what it would do",
    ),
    (
        "network forward",
        "it moves a local network's clock, by which nobody loses anything",
    ),
    ("node run", "it is an agent that sends as long as it runs"),
    ("node drain", "it sends nothing, and --resume takes it back"),
    (
        "node key",
        "it sends nothing, and --rotate keeps the keys before; without --rotate it prints the one that is there",
    ),
    ("oracle run", "it is an agent that sends as long as it runs"),
    (
        "job map",
        "`lode job estimate MODULE --price AMOUNT` says what a job of it costs",
    ),
    ("job upload", "it sends no transaction"),
    ("job forget", "it sends no transaction"),
    ("gateway run", "it is a server"),
    ("gateway mirror", "it is a server"),
    (
        "crank run",
        "it is an agent that sends as long as it runs; --once takes what is due now",
    ),
    ("watch run", "it is an agent that sends as long as it runs"),
    ("index run", "it sends nothing, and writes only its index"),
    ("localnet", "it is a whole network"),
    (
        "address add",
        "it sends nothing, and `lode address remove` takes it back",
    ),
    (
        "address remove",
        "it sends nothing, and `lode address add` takes it back",
    ),
    ("man", "it sends nothing"),
];

/// What a signature of the transaction alone would leave undone, with the money locked already.
const FILES: &str = "the wallet signs for each of the job's files too, so name its keypair file with --keypair, and leave out --sign-only, --signer, --blockhash and --nonce";

/// Commands that have a dry run, and whose wallet signs more than a transaction.
const SIGN_MORE: [(&str, &str); 2] = [("job post", FILES), ("job run", FILES)];

/// Why there is no dry run of a command, or no transaction of it to be signed elsewhere, where that was asked for.
pub fn refusal(global: &GlobalArgs, path: &str) -> Option<String> {
    let without = reason(&WITHOUT, path);
    if global.dry_run {
        return without.map(|why| format!("`lode {path}` has no dry run: {why}"));
    }
    let why = without.or_else(|| reason(&SIGN_MORE, path))?;
    let elsewhere = global.offline.are_used();
    elsewhere.then(|| format!("`lode {path}` cannot be signed elsewhere: {why}"))
}

fn reason(listed: &[(&str, &'static str)], path: &str) -> Option<&'static str> {
    let found = listed.iter().find(|(command, _)| *command == path);
    found.map(|(_, why)| *why)
}

/// Simulates groups of instructions and tells what they would do. The command ends with what this returns.
pub async fn show(
    context: &Context,
    groups: &[Vec<Instruction>],
    payer: &Address,
) -> anyhow::Error {
    match simulate(context, groups, payer).await {
        Ok(transactions) => {
            tell(context, &transactions);
            exit::Shown.into()
        }
        Err(error) => error,
    }
}

/// Ends a command that was only to show or to sign what it would send, where it is about to tell what it did: it has come so
/// far because nothing was due. Whoever reads dry runs gets one, and not sometimes another answer.
pub fn end_where_nothing_is_due(context: &Context) -> Result<()> {
    if context.dry_run {
        tell(context, &[]);
        return Err(exit::Shown.into());
    }
    if context.offline.sign_only {
        return Err(exit::Ended::nothing("Nothing is due now, so there is nothing to sign").into());
    }
    Ok(())
}

/// One transaction that would be sent.
struct Transaction {
    instructions: Vec<Words>,
    /// What it does, or why it cannot be said.
    effect: Result<Effect, String>,
}

/// One instruction in words.
struct Words {
    program: String,
    name: String,
    purpose: String,
    arguments: Value,
}

/// What a transaction would change.
struct Effect {
    balances: Vec<Vec<Cell>>,
    /// What new accounts lock, and what closed ones give back, lamports.
    rent: (u64, u64),
    preview: Preview,
}

const BALANCES: [&str; 5] = ["balance", "of", "before", "after", "change"];

async fn simulate(
    context: &Context,
    groups: &[Vec<Instruction>],
    payer: &Address,
) -> Result<Vec<Transaction>> {
    let _progress = Progress::start("simulating");
    let mut tokens = HashMap::new();
    let mut transactions = Vec::new();
    for part in pack(groups, payer)? {
        let parts = part.iter().filter_map(|i| groups.get(*i));
        let instructions: Vec<Instruction> = parts.flatten().cloned().collect();
        let effect = match context.client.preview(&instructions, payer).await {
            Ok(preview) => Ok(effect(preview, &mut tokens, context).await?),
            // It may need what the ones before it do.
            Err(error) if !transactions.is_empty() && !error.is_transient() => {
                Err(error.to_string())
            }
            Err(error) => return Err(error.into()),
        };
        transactions.push(Transaction {
            instructions: instructions.iter().map(words).collect(),
            effect,
        });
    }
    Ok(transactions)
}

fn words(instruction: &Instruction) -> Words {
    let program = &instruction.program_id;
    let name = program_name(program).map_or_else(|| program.to_string(), str::to_string);
    if let Some(known) = describe::instruction(program, &instruction.data) {
        return Words {
            program: name,
            name: known.name,
            purpose: known.purpose,
            arguments: known.fields,
        };
    }
    let purpose = match *program {
        addresses::ASSOCIATED_TOKEN => "Opens a token account, if it is not open",
        addresses::SYSTEM => "Makes an account, or sends SOL",
        addresses::TOKEN | addresses::TOKEN_2022 => "Sets up or moves tokens",
        _ => "Does something that this lode does not know",
    };
    Words {
        program: name,
        name: "-".into(),
        purpose: purpose.into(),
        arguments: Value::Null,
    }
}

async fn effect(
    preview: Preview,
    tokens: &mut HashMap<Address, Token>,
    context: &Context,
) -> Result<Effect> {
    let mut balances = Vec::new();
    let mut rent = (0u64, 0u64);
    for touched in &preview.touched {
        let (before, after) = touched.lamports();
        if is_wallet(touched) {
            balances.extend(row("SOL", &touched.address, (before, after), sol));
            continue;
        }
        match (&touched.before, &touched.after) {
            (None, Some(_)) => rent.0 = rent.0.saturating_add(after),
            (Some(_), None) => rent.1 = rent.1.saturating_add(before),
            _ => {}
        }
        let (before, after) = touched.token_account();
        if let Some(account) = after.or(before) {
            let token = token(&account.mint, tokens, context).await?;
            let held = |account: Option<TokenAccount>| account.map_or(0, |a| a.amount);
            let change = (held(before), held(after));
            balances.extend(row("tokens", &account.owner, change, |n| token.cell(n)));
        }
        let (before, after) = touched.account::<Ledger>();
        if let Some(ledger) = after.or(before) {
            let (_, market) = context.market(Some(ledger.market)).await?;
            let token = token(&market.mint, tokens, context).await?;
            let show = |n| token.cell(n);
            let of = |get: fn(&Ledger) -> u64| {
                (
                    before.as_ref().map_or(0, get),
                    after.as_ref().map_or(0, get),
                )
            };
            let available = of(|ledger| ledger.available);
            balances.extend(row(
                "available in the market",
                &ledger.party,
                available,
                show,
            ));
            let locked = of(|ledger| ledger.locked);
            balances.extend(row("locked in the market", &ledger.party, locked, show));
        }
        let (before, after) = touched.account::<Node>();
        if after.or(before).is_some() {
            let (_, token) = context.staking().await?;
            let of = |node: Option<Node>| node.map_or(0, |node| node.stake);
            let stake = (of(before), of(after));
            balances.extend(row("stake on the node", &touched.address, stake, |n| {
                token.cell(n)
            }));
        }
    }
    Ok(Effect {
        balances,
        rent,
        preview,
    })
}

/// Whether an account is a key's own: it has SOL and nothing else.
fn is_wallet(touched: &Touched) -> bool {
    let found = touched.after.as_ref().or(touched.before.as_ref());
    found.is_some_and(|account| account.owner == addresses::SYSTEM && account.data.is_empty())
}

async fn token(
    mint: &Address,
    known: &mut HashMap<Address, Token>,
    context: &Context,
) -> Result<Token> {
    if let Some(token) = known.get(mint) {
        return Ok(token.clone());
    }
    let token = context.token(mint).await?;
    known.insert(*mint, token.clone());
    Ok(token)
}

/// A row for a balance that changes.
fn row(
    what: &str,
    of: &Address,
    (before, after): (u64, u64),
    show: impl Fn(u64) -> Cell,
) -> Option<Vec<Cell>> {
    if before == after {
        return None;
    }
    let sign = if after > before { "+" } else { "-" };
    let change = i128::from(after) - i128::from(before);
    let change = Cell::new(
        format!("{sign}{}", show(after.abs_diff(before)).text()),
        json!(i64::try_from(change).unwrap_or(i64::MAX)),
    );
    Some(vec![
        what.into(),
        Cell::from(*of),
        show(before),
        show(after),
        change,
    ])
}

fn tell(context: &Context, transactions: &[Transaction]) {
    let out = &context.out;
    if !out.is_for_people() {
        let listed: Vec<Value> = transactions.iter().map(|one| one.json(context)).collect();
        return out.json(&json!({ "dry_run": true, "transactions": listed }));
    }
    if transactions.is_empty() {
        out.note("Nothing is due: no transaction would be sent.");
    }
    for (number, one) in (1..).zip(transactions) {
        let of = transactions.len();
        out.note(&match of {
            1 => "This transaction would be sent:".to_string(),
            _ => format!("Transaction {number} of {of} that would be sent:"),
        });
        for words in &one.instructions {
            out.note(&format!("  - {}", words.line()));
        }
        out.note("");
        match &one.effect {
            Ok(effect) => {
                out.table(&BALANCES, effect.balances.clone(), "No balance changes.");
                out.note("");
                out.sheet(effect.rows());
            }
            Err(why) => out.note(&format!(
                "As things are now it would be refused ({why}); it may need what is sent before it."
            )),
        }
        out.note("");
    }
    out.note("Nothing was signed or sent: this was a dry run.");
}

impl Words {
    fn line(&self) -> String {
        let mut said = vec![format!("{}: {}", self.program, self.name.replace('_', " "))];
        flatten(&self.arguments, &mut said);
        format!("{} ({})", self.purpose, said.join(", "))
    }
}

/// Arguments that people can read in a line.
fn flatten(arguments: &Value, said: &mut Vec<String>) {
    for (name, value) in arguments.as_object().into_iter().flatten() {
        let name = name.replace('_', " ");
        match value {
            Value::Object(_) => flatten(value, said),
            Value::String(text) => said.push(format!("{name} {text}")),
            Value::Number(_) | Value::Bool(_) => said.push(format!("{name} {value}")),
            Value::Array(items) => said.push(format!("{name}: {}", items.len())),
            Value::Null => {}
        }
    }
}

impl Effect {
    fn rows(&self) -> Rows {
        vec![
            ("rent_locked", sol(self.rent.0)),
            ("rent_returned", sol(self.rent.1)),
            ("fee", sol(self.preview.fee)),
            ("compute_units", self.preview.compute_units.into()),
        ]
    }
}

impl Transaction {
    fn json(&self, context: &Context) -> Value {
        let instructions: Vec<Value> = self
            .instructions
            .iter()
            .map(|words| {
                json!({
                    "program": words.program,
                    "name": words.name,
                    "purpose": words.purpose,
                    "arguments": words.arguments,
                })
            })
            .collect();
        let mut told = json!({ "instructions": instructions, "refused": Value::Null });
        match &self.effect {
            Ok(effect) => {
                told["balances"] = context.out.objects(&BALANCES, &effect.balances);
                for (name, cell) in effect.rows() {
                    told[name] = cell.json().clone();
                }
            }
            Err(why) => told["refused"] = json!(why),
        }
        told
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tree;
    use lode_client::instructions::jobs;

    #[test]
    fn what_has_no_dry_run_or_signs_more_is_a_command() {
        let leaves: Vec<String> = tree::leaves().into_iter().map(|(path, _)| path).collect();
        for (path, _) in WITHOUT.into_iter().chain(SIGN_MORE) {
            assert!(leaves.iter().any(|leaf| leaf == path), "{path}");
        }
    }

    #[test]
    fn an_instruction_is_told_in_words_with_its_arguments() {
        let key = Address::new_from_array([7; 32]);
        let line = words(&jobs::set_market_open(&key, &key, false)).line();
        assert!(
            line.ends_with("(jobs: set market open, open false)"),
            "{line}"
        );
        assert!(
            line.starts_with("Opens a market to new jobs or closes it"),
            "{line}"
        );
    }

    #[test]
    fn a_balance_that_stays_is_not_told() {
        let key = Address::new_from_array([7; 32]);
        assert!(row("SOL", &key, (5, 5), sol).is_none());
        let cells = row("SOL", &key, (3_000_000_000, 1_500_000_000), sol).unwrap();
        assert_eq!(cells[4].text(), "-1.5 SOL");
    }
}
