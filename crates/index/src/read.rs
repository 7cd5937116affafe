//! Questions to the index.
use crate::sql::{Row, Value};
use crate::store::{body, owed, Index, PROGRAMS};
use crate::{Error, Result};
use lode_client::events::{Past, Told};
use lode_jobs::state::Ledger;
use solana_address::Address;
use solana_signature::Signature;
use std::collections::BTreeMap;

/// Whose jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// One job.
    Job(Address),
    /// All that a wallet posted, in every market.
    Customer(Address),
    /// All that a node took, or was asked to.
    Node(Address),
}

/// A state that a job entered, or another change of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStep {
    /// When, unix seconds.
    pub time: i64,
    /// In which slot.
    pub slot: u64,
    /// In which transaction.
    pub signature: Signature,
    /// The job.
    pub job: Address,
    /// What was done.
    pub instruction: String,
    /// How it stood after it.
    pub state: String,
    /// A verdict's number, 0 for none.
    pub verdict: u8,
    /// The attempt.
    pub attempt: u8,
    /// Its market.
    pub market: Address,
    /// Its node, zero for none.
    pub node: Address,
    /// Base units per million units.
    pub price: u64,
    /// Most units that are paid.
    pub units_limit: u64,
    /// Units of the result.
    pub units: u64,
    /// Compute units that the whole transaction took; 0 where the server kept no figure.
    pub compute_units: u64,
    /// Size of the whole transaction, bytes.
    pub bytes: u64,
}

/// What an account holds, base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Movement {
    /// Available.
    pub available: u64,
    /// Locked in jobs and bonds.
    pub locked: u64,
    /// Owed onward: to the burn, the treasury, the market, the checks.
    pub owed: u64,
    /// Earned by checking and not redeemed.
    pub credits: u64,
}

impl Movement {
    /// What a ledger holds.
    pub fn of(ledger: &Ledger) -> Self {
        Self {
            available: ledger.available,
            locked: ledger.locked,
            owed: owed(ledger),
            credits: ledger.credits,
        }
    }
}

/// One line of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, unix seconds.
    pub time: i64,
    /// In which slot.
    pub slot: u64,
    /// In which transaction.
    pub signature: Signature,
    /// Which movement of that transaction, from 0.
    pub number: u64,
    /// What happened.
    pub what: String,
    /// The job it was about.
    pub job: Option<Address>,
    /// Base units that it was about.
    pub amount: u64,
    /// What the account held after it.
    pub after: Movement,
}

/// An account over a time: opening balance, every movement, closing balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The account.
    pub ledger: Address,
    /// Its market.
    pub market: Address,
    /// The wallet or node.
    pub party: Address,
    /// Who takes money out.
    pub authority: Address,
    /// What it held before the first line.
    pub opening: Movement,
    /// The movements, in the order of the chain.
    pub lines: Vec<Line>,
    /// What it held after the last line.
    pub closing: Movement,
}

/// How far an index is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Of each program: name, transactions, of them final, last slot.
    pub programs: Vec<(&'static str, u64, u64, u64)>,
    /// Transactions in all.
    pub transactions: u64,
    /// Of them, those whose log the server did not keep whole.
    pub without_whole_log: u64,
    /// Instructions.
    pub instructions: u64,
    /// Events.
    pub events: u64,
    /// Movements of accounts.
    pub entries: u64,
    /// Jobs.
    pub jobs: u64,
    /// Where instructions and logs contradict each other.
    pub doubts: Vec<(String, String)>,
}

/// What somebody's account gained by an event of a program other than that of jobs.
pub(crate) fn accrual(told: &Told) -> Option<(Address, &'static str, u64)> {
    use lode_emissions::event as emissions;
    use lode_staking::event as staking;
    let found = if let Some(event) = told.read::<staking::RewardsSwept>() {
        (event.node, "stake rewards", event.reward)
    } else if let Some(event) = told.read::<emissions::WorkClaimed>() {
        (event.node, "emission for work", event.amount)
    } else if let Some(event) = told.read::<emissions::StakeClaimed>() {
        (event.node, "emission for stake", event.amount)
    } else if let Some(event) = told.read::<emissions::TreasuryClaimed>() {
        (event.to, "treasury", event.amount)
    } else {
        return None;
    };
    Some(found).filter(|(_, _, amount)| *amount > 0)
}

fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or_default()
}

/// An address, or the zero one where nothing stands.
fn address(row: &Row, column: usize) -> Result<Address> {
    match row.text(column)? {
        "" => Ok(Address::default()),
        _ => row.parse(column),
    }
}

impl Index {
    fn count(&mut self, what: &str) -> Result<u64> {
        let rows = self
            .sql
            .rows(&format!("SELECT COUNT(*) FROM {what}"), &[])?;
        rows.first().map_or(Ok(0), |row| row.int(0).map(unsigned))
    }

    /// How far the index is, and whether anything is doubtful.
    pub fn status(&mut self) -> Result<Status> {
        let mut programs = Vec::new();
        for (program, name) in PROGRAMS {
            let text = "SELECT COUNT(*), COUNT(CASE WHEN final = 1 THEN 1 END), COALESCE(MAX(slot), 0) FROM track WHERE program = $1";
            let rows = self.sql.rows(text, &[program.to_string().into()])?;
            let row = rows
                .first()
                .ok_or_else(|| Error::Unreadable("no counts".into()))?;
            programs.push((
                name,
                unsigned(row.int(0)?),
                unsigned(row.int(1)?),
                unsigned(row.int(2)?),
            ));
        }
        let doubts = self.sql.rows(
            "SELECT signature, what FROM doubts ORDER BY signature, number",
            &[],
        )?;
        let doubt = |row: &Row| Ok((row.text(0)?.to_string(), row.text(1)?.to_string()));
        Ok(Status {
            programs,
            transactions: self.count("transactions")?,
            without_whole_log: self.count("transactions WHERE whole_log = 0")?,
            instructions: self.count("instructions")?,
            events: self.count("events")?,
            entries: self.count("entries")?,
            jobs: self.count("(SELECT DISTINCT job FROM job_states) AS jobs")?,
            doubts: doubts.iter().map(doubt).collect::<Result<_>>()?,
        })
    }

    /// Every change of jobs, in the order of the chain.
    pub fn job_history(&mut self, who: Who) -> Result<Vec<JobStep>> {
        let (condition, of) = match who {
            Who::Job(job) => ("s.job = $1", job),
            Who::Customer(wallet) => (
                "s.customer IN (SELECT ledger FROM entries WHERE party = $1)",
                wallet,
            ),
            Who::Node(node) => (
                "s.job IN (SELECT job FROM job_states WHERE node = $1)",
                node,
            ),
        };
        let text = format!(
            "SELECT t.time, t.slot, s.signature, s.job, s.instruction, s.state, s.verdict, s.attempt, s.market, s.node, s.price, s.units_limit, s.units, t.compute_units, t.bytes FROM job_states s JOIN transactions t ON t.signature = s.signature WHERE {condition} ORDER BY s.seq, s.number"
        );
        let rows = self.sql.rows(&text, &[of.to_string().into()])?;
        let step = |row: &Row| {
            Ok(JobStep {
                time: row.int(0)?,
                slot: unsigned(row.int(1)?),
                signature: row.parse(2)?,
                job: row.parse(3)?,
                instruction: row.text(4)?.into(),
                state: row.text(5)?.into(),
                verdict: small(row.int(6)?),
                attempt: small(row.int(7)?),
                market: row.parse(8)?,
                node: address(row, 9)?,
                price: row.parse(10)?,
                units_limit: row.parse(11)?,
                units: row.parse(12)?,
                compute_units: unsigned(row.int(13)?),
                bytes: unsigned(row.int(14)?),
            })
        };
        rows.iter().map(step).collect()
    }

    /// The accounts of a wallet and of its nodes, in every market, also closed ones, in the order of their addresses.
    pub fn accounts_of(&mut self, wallet: &Address) -> Result<Vec<Address>> {
        let text = "SELECT DISTINCT ledger FROM entries WHERE authority = $1";
        let rows = self.sql.rows(text, &[wallet.to_string().into()])?;
        let mut found = rows
            .iter()
            .map(|row| row.parse(0))
            .collect::<Result<Vec<Address>>>()?;
        // The same order in every database, whatever its language.
        found.sort_by_key(Address::to_string);
        Ok(found)
    }

    /// An account's movements from `since` to before `until` (unix seconds), between its balances before and after.
    pub fn statement(&mut self, ledger: &Address, since: i64, until: i64) -> Result<Statement> {
        let text = "SELECT t.time, t.slot, e.signature, e.number, e.what, e.job, e.amount, e.body, e.market, e.party, e.authority, e.seq FROM entries e JOIN transactions t ON t.signature = e.signature WHERE e.ledger = $1 ORDER BY e.seq, e.number";
        let rows = self.sql.rows(text, &[ledger.to_string().into()])?;
        let Some(last) = rows.last() else {
            return Err(Error::Unknown(format!(
                "The index knows no account {ledger}: `lode account show --all` lists those of a wallet, and `lode index status` says how far the index is"
            )));
        };
        let mut statement = Statement {
            ledger: *ledger,
            market: last.parse(8)?,
            party: last.parse(9)?,
            authority: last.parse(10)?,
            opening: Movement::default(),
            lines: Vec::new(),
            closing: Movement::default(),
        };
        let (mut seq, mut number) = (-1, 0);
        for row in &rows {
            let (time, after) = (row.int(0)?, Movement::of(&body::<Ledger>(row.bytes(7)?)?));
            if time >= until {
                break;
            }
            statement.closing = after;
            if time < since {
                statement.opening = after;
                continue;
            }
            // Counted for the account alone, so that a row's name is the same whatever else the index follows.
            number = if row.int(11)? == seq { number + 1 } else { 0 };
            seq = row.int(11)?;
            statement.lines.push(Line {
                time,
                slot: unsigned(row.int(1)?),
                signature: row.parse(2)?,
                number,
                what: row.text(4)?.into(),
                job: Some(address(row, 5)?).filter(|job| *job != Address::default()),
                amount: row.parse(6)?,
                after,
            });
        }
        Ok(statement)
    }

    /// Every transaction with what was told in it, by slot and name: what a report of rewards is made of.
    pub fn pasts(&mut self, until: i64) -> Result<Vec<Past>> {
        let text = "SELECT signature, slot, time, payer, fee, failed, whole_log FROM transactions WHERE time < $1";
        let rows = self.sql.rows(text, &[Value::Int(until)])?;
        let mut pasts = BTreeMap::new();
        for row in &rows {
            let signature: Signature = row.parse(0)?;
            pasts.insert(
                signature,
                Past {
                    signature,
                    slot: unsigned(row.int(1)?),
                    time: row.int(2)?,
                    payer: row.parse(3)?,
                    fee: unsigned(row.int(4)?),
                    failed: row.int(5)? != 0,
                    told: Vec::new(),
                    truncated: row.int(6)? == 0,
                },
            );
        }
        let text = "SELECT signature, program, data FROM events ORDER BY signature, number";
        for row in &self.sql.rows(text, &[])? {
            if let Some(past) = pasts.get_mut(&row.parse::<Signature>(0)?) {
                past.told.push(Told {
                    program: row.parse(1)?,
                    data: row.bytes(2)?.to_vec(),
                });
            }
        }
        let mut pasts: Vec<Past> = pasts.into_values().collect();
        pasts.sort_by_key(|past| (past.slot, past.signature));
        Ok(pasts)
    }

    /// Everything in a table, for comparing two indexes.
    pub fn dump(&mut self, table: &str) -> Result<Vec<Row>> {
        let order = match table {
            "track" => "program, seq",
            "entries" | "job_states" | "pools" => "seq, number",
            "transactions" => "signature",
            _ => "signature, number",
        };
        self.sql
            .rows(&format!("SELECT * FROM {table} ORDER BY {order}"), &[])
    }
}
