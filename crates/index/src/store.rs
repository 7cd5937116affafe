//! The tables: what is written, how a transaction that vanished is taken back.
use crate::books::{Effect, Shelf};
use crate::sql::{self, Row, Sql, Value};
use crate::{describe, Error, Result};
use lode_client::events::Told;
use lode_client::record::{Place, Record};
use lode_jobs::state::{Job, JobState, Ledger};
use solana_address::Address;
use solana_signature::Signature;
use std::collections::{HashMap, HashSet};

/// Version of the tables.
const SCHEMA: &str = "2";

/// The programs that are followed, in this order: what a seal drew is looked up among what the oracle program did.
pub const PROGRAMS: [(Address, &str); 4] = [
    (lode_staking::ID, "staking"),
    (lode_oracle::ID, "oracle"),
    (lode_emissions::ID, "emissions"),
    (lode_jobs::ID, "jobs"),
];

/// Most jobs and accounts that are kept in memory.
const KEPT: usize = 20_000;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS track (program TEXT NOT NULL, seq BIGINT NOT NULL, signature TEXT NOT NULL, slot BIGINT NOT NULL, final BIGINT NOT NULL, PRIMARY KEY (program, seq));
CREATE INDEX IF NOT EXISTS track_signature ON track (signature);
CREATE TABLE IF NOT EXISTS transactions (signature TEXT PRIMARY KEY, slot BIGINT NOT NULL, time BIGINT NOT NULL, payer TEXT NOT NULL, fee BIGINT NOT NULL, compute_units BIGINT NOT NULL, bytes BIGINT NOT NULL, failed BIGINT NOT NULL, whole_log BIGINT NOT NULL);
CREATE INDEX IF NOT EXISTS transactions_time ON transactions (time);
CREATE TABLE IF NOT EXISTS instructions (signature TEXT NOT NULL, number BIGINT NOT NULL, program TEXT NOT NULL, name TEXT NOT NULL, accounts TEXT NOT NULL, args TEXT NOT NULL, data {bytes} NOT NULL, PRIMARY KEY (signature, number));
CREATE TABLE IF NOT EXISTS events (signature TEXT NOT NULL, number BIGINT NOT NULL, program TEXT NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL, data {bytes} NOT NULL, PRIMARY KEY (signature, number));
CREATE INDEX IF NOT EXISTS events_name ON events (name);
CREATE TABLE IF NOT EXISTS entries (seq BIGINT NOT NULL, number BIGINT NOT NULL, signature TEXT NOT NULL, ledger TEXT NOT NULL, market TEXT NOT NULL, party TEXT NOT NULL, authority TEXT NOT NULL, what TEXT NOT NULL, job TEXT NOT NULL, amount TEXT NOT NULL, available TEXT NOT NULL, locked TEXT NOT NULL, owed TEXT NOT NULL, credits TEXT NOT NULL, body {bytes} NOT NULL, PRIMARY KEY (seq, number));
CREATE INDEX IF NOT EXISTS entries_ledger ON entries (ledger, seq, number);
CREATE INDEX IF NOT EXISTS entries_party ON entries (party);
CREATE INDEX IF NOT EXISTS entries_authority ON entries (authority);
CREATE INDEX IF NOT EXISTS entries_signature ON entries (signature);
CREATE TABLE IF NOT EXISTS job_states (seq BIGINT NOT NULL, number BIGINT NOT NULL, signature TEXT NOT NULL, job TEXT NOT NULL, market TEXT NOT NULL, customer TEXT NOT NULL, node TEXT NOT NULL, instruction TEXT NOT NULL, state TEXT NOT NULL, verdict BIGINT NOT NULL, attempt BIGINT NOT NULL, price TEXT NOT NULL, units_limit TEXT NOT NULL, units TEXT NOT NULL, body {bytes} NOT NULL, PRIMARY KEY (seq, number));
CREATE INDEX IF NOT EXISTS job_states_job ON job_states (job, seq, number);
CREATE INDEX IF NOT EXISTS job_states_customer ON job_states (customer);
CREATE INDEX IF NOT EXISTS job_states_node ON job_states (node);
CREATE TABLE IF NOT EXISTS pools (seq BIGINT NOT NULL, number BIGINT NOT NULL, signature TEXT NOT NULL, market TEXT NOT NULL, pool TEXT NOT NULL, PRIMARY KEY (seq, number));
CREATE TABLE IF NOT EXISTS accruals (signature TEXT NOT NULL, number BIGINT NOT NULL, source TEXT NOT NULL, account TEXT NOT NULL, what TEXT NOT NULL, amount TEXT NOT NULL, PRIMARY KEY (signature, source, number));
CREATE TABLE IF NOT EXISTS doubts (signature TEXT NOT NULL, number BIGINT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (signature, number));
";

/// Jobs as they stand: the last row of each.
const VIEW: &str = "CREATE VIEW jobs AS SELECT s.* FROM job_states s WHERE NOT EXISTS (SELECT 1 FROM job_states l WHERE l.job = s.job AND (l.seq > s.seq OR (l.seq = s.seq AND l.number > s.number)))";

/// Tables whose rows come from one program's reading of a transaction.
const OF_PROGRAM: [&str; 2] = ["instructions", "events"];
/// Tables whose rows come from the replay of the jobs program.
const OF_BOOKS: [&str; 4] = ["entries", "job_states", "pools", "doubts"];
/// Every table, to be emptied before building anew.
const ALL: [&str; 10] = [
    "meta",
    "track",
    "transactions",
    "instructions",
    "events",
    "entries",
    "job_states",
    "pools",
    "accruals",
    "doubts",
];

/// The database of one network's history.
pub struct Index {
    pub(crate) sql: Box<dyn Sql>,
    ledgers: HashMap<Address, Option<Ledger>>,
    jobs: HashMap<Address, Option<Job>>,
    pools: HashMap<Address, u64>,
    /// The only accounts that are followed, if not all are.
    pub(crate) only: Option<HashSet<Address>>,
}

/// A transaction as the index writes it: what it carried out and told, and what that changed.
pub(crate) struct Written<'a> {
    /// The program whose list it stands in.
    pub program: Address,
    /// Its place in that list.
    pub seq: i64,
    /// Nothing can take it back any more.
    pub is_final: bool,
    /// The transaction.
    pub record: &'a Record,
    /// What programs told in it.
    pub told: &'a [Told],
    /// Numbers of instructions of the jobs program, with what they changed.
    pub effects: &'a [(usize, Effect)],
    /// What the replay and the log do not agree on.
    pub doubts: &'a [String],
}

pub(crate) fn int(value: impl TryInto<i64>) -> Result<i64> {
    value
        .try_into()
        .map_err(|_| Error::Unreadable("a number is more than 63 bits hold".into()))
}

/// What a ledger owes onward, all together.
pub(crate) fn owed(ledger: &Ledger) -> u64 {
    [
        ledger.burn_owed,
        ledger.fees_owed,
        ledger.market_owed,
        ledger.checks_owed,
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

/// What a state is called.
pub(crate) fn state_name(state: u8) -> String {
    JobState::try_from(state).map_or_else(
        |n| format!("state {n}"),
        |s| format!("{s:?}").to_lowercase(),
    )
}

fn words(address: &Address) -> Value {
    match *address == Address::default() {
        true => Value::Text(String::new()),
        false => Value::Text(address.to_string()),
    }
}

pub(crate) fn body<T: bytemuck::Pod>(bytes: &[u8]) -> Result<T> {
    bytemuck::try_pod_read_unaligned(bytes)
        .map_err(|error| Error::Unreadable(format!("an account's bytes: {error}")))
}

impl Index {
    /// Opens a file of SQLite, or a Postgres database for `postgres://...`; makes the tables where they are missing.
    pub fn open(target: &str) -> Result<Self> {
        let mut sql = sql::open(target)?;
        let tables = TABLES.replace("{bytes}", sql.bytes_type());
        sql.script(&tables)?;
        let mut index = Self {
            sql,
            ledgers: HashMap::new(),
            jobs: HashMap::new(),
            pools: HashMap::new(),
            only: None,
        };
        match index.meta("schema")? {
            None => index.atomically(|index| {
                index.sql.script(VIEW)?;
                index.set_meta("schema", SCHEMA)
            })?,
            Some(found) if found == SCHEMA => {}
            Some(found) => {
                return Err(Error::Foreign(format!(
                    "The index has tables of version {found}, this lode writes version {SCHEMA}: build a new one beside it with `lode index run --index FILE`"
                )))
            }
        }
        Ok(index)
    }

    /// The same, but an error if there is no index yet: for reading.
    pub fn open_existing(target: &str) -> Result<Self> {
        if !target.contains("://") && !std::path::Path::new(target).exists() {
            return Err(Error::Unknown(format!(
                "There is no index at {target}: make one with `lode index run --once --index {target}`"
            )));
        }
        Self::open(target)
    }

    /// Forgets everything.
    pub fn clear(&mut self) -> Result<()> {
        self.forget();
        self.atomically(|index| {
            for table in ALL {
                index.sql.run(&format!("DELETE FROM {table}"), &[])?;
            }
            // The tables stay, and with them their version.
            index.set_meta("schema", SCHEMA)
        })
    }

    /// A remark that the index keeps about itself.
    pub fn meta(&mut self, key: &str) -> Result<Option<String>> {
        let rows = self
            .sql
            .rows("SELECT value FROM meta WHERE key = $1", &[key.into()])?;
        rows.first()
            .map(|row| row.text(0).map(str::to_string))
            .transpose()
    }

    /// Writes such a remark.
    pub fn set_meta(&mut self, key: &str, value: &str) -> Result<()> {
        let text = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.sql.run(text, &[key.into(), value.into()])
    }

    /// Refuses an index of another chain; a new one is this chain's from now on.
    pub fn require_chain(&mut self, genesis: &str) -> Result<()> {
        match self.meta("chain")? {
            None => self.set_meta("chain", genesis),
            Some(known) if known == genesis => Ok(()),
            Some(known) => Err(Error::Foreign(format!(
                "The index is of the chain with genesis {known}, this server's is {genesis}: check --url, or name another file with --index"
            ))),
        }
    }

    fn atomically<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.sql.begin()?;
        match work(self) {
            Ok(done) => {
                self.sql.script("COMMIT")?;
                Ok(done)
            }
            Err(error) => {
                // What was kept in memory may be of what is taken back.
                self.forget();
                // The first error is the one to tell.
                let _ = self.sql.script("ROLLBACK");
                Err(error)
            }
        }
    }

    pub(crate) fn forget(&mut self) {
        self.ledgers.clear();
        self.jobs.clear();
        self.pools.clear();
    }

    /// The last transaction of a program's list that is final.
    pub(crate) fn last_final(&mut self, program: &Address) -> Result<Option<(i64, Signature)>> {
        let text = "SELECT seq, signature FROM track WHERE program = $1 AND final = 1 ORDER BY seq DESC LIMIT 1";
        let rows = self.sql.rows(text, &[words(program)])?;
        rows.first()
            .map(|row| Ok((row.int(0)?, row.parse(1)?)))
            .transpose()
    }

    /// The transactions of a program's list after a place.
    pub(crate) fn track_after(&mut self, program: &Address, seq: i64) -> Result<Vec<Place>> {
        let text = "SELECT signature, slot FROM track WHERE program = $1 AND seq > $2 ORDER BY seq";
        let rows = self.sql.rows(text, &[words(program), seq.into()])?;
        let place = |row: &Row| {
            Ok(Place {
                signature: row.parse(0)?,
                slot: u64::try_from(row.int(1)?).unwrap_or_default(),
            })
        };
        rows.iter().map(place).collect()
    }

    /// Marks the transactions of a program's list up to a place as final.
    pub(crate) fn mark_final(&mut self, program: &Address, seq: i64) -> Result<()> {
        let text = "UPDATE track SET final = 1 WHERE program = $1 AND seq <= $2 AND final = 0";
        self.sql.run(text, &[words(program), seq.into()])
    }

    /// Takes back the transactions of a program's list from a place on: the chain has them no more, or elsewhere.
    pub(crate) fn drop_from(&mut self, program: &Address, seq: i64) -> Result<usize> {
        self.forget();
        self.atomically(|index| {
            let text = "SELECT signature FROM track WHERE program = $1 AND seq >= $2 ORDER BY seq";
            let rows = index.sql.rows(text, &[words(program), seq.into()])?;
            for row in &rows {
                let signature = Value::Text(row.text(0)?.into());
                for table in OF_PROGRAM {
                    let text = format!("DELETE FROM {table} WHERE signature = $1 AND program = $2");
                    index.sql.run(&text, &[signature.clone(), words(program)])?;
                }
                let text = "DELETE FROM accruals WHERE signature = $1 AND source = $2";
                index.sql.run(text, &[signature.clone(), words(program)])?;
                if *program == lode_jobs::ID {
                    for table in OF_BOOKS {
                        let text = format!("DELETE FROM {table} WHERE signature = $1");
                        index.sql.run(&text, std::slice::from_ref(&signature))?;
                    }
                }
                let text = "DELETE FROM track WHERE program = $1 AND signature = $2";
                index.sql.run(text, &[words(program), signature.clone()])?;
                let text = "DELETE FROM transactions WHERE signature = $1 AND NOT EXISTS (SELECT 1 FROM track WHERE track.signature = transactions.signature)";
                index.sql.run(text, &[signature])?;
            }
            Ok(rows.len())
        })
    }

    /// Writes a transaction whole, or not at all.
    pub(crate) fn write(&mut self, written: &Written<'_>) -> Result<()> {
        if self.ledgers.len() + self.jobs.len() > KEPT {
            self.forget();
        }
        self.atomically(|index| index.write_all(written))
    }

    fn write_all(&mut self, written: &Written<'_>) -> Result<()> {
        let (record, program) = (written.record, words(&written.program));
        let signature = Value::Text(record.signature.to_string());
        let slot = int(record.slot)?;
        self.sql.run(
            "INSERT INTO track (program, seq, signature, slot, final) VALUES ($1, $2, $3, $4, $5)",
            &[
                program.clone(),
                written.seq.into(),
                signature.clone(),
                slot.into(),
                i64::from(written.is_final).into(),
            ],
        )?;
        // Another program's list may have it already, from where it stood before the chain changed its mind.
        self.sql.run(
            "INSERT INTO transactions (signature, slot, time, payer, fee, compute_units, bytes, failed, whole_log) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (signature) DO UPDATE SET slot = excluded.slot, time = excluded.time, fee = excluded.fee, compute_units = excluded.compute_units, bytes = excluded.bytes, failed = excluded.failed, whole_log = excluded.whole_log",
            &[signature.clone(), slot.into(), record.time.into(), words(&record.payer), int(record.fee)?.into(),
              int(record.compute_units)?.into(), int(record.bytes)?.into(), i64::from(record.failed).into(), i64::from(record.has_whole_log()).into()],
        )?;
        for (number, one) in record.instructions.iter().enumerate() {
            if one.program != written.program {
                continue;
            }
            let described = describe::instruction(&one.program, &one.data);
            let (name, args, accounts) = match described {
                Some(known) => (known.name, known.fields.to_string(), known.accounts),
                None => ("unknown".into(), "{}".into(), Vec::new()),
            };
            let named: Vec<serde_json::Value> = one
                .accounts
                .iter()
                .enumerate()
                .map(|(i, at)| serde_json::json!([accounts.get(i), at.to_string()]))
                .collect();
            self.sql.run(
                "INSERT INTO instructions (signature, number, program, name, accounts, args, data) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                &[signature.clone(), int(number)?.into(), program.clone(), name.into(), serde_json::Value::Array(named).to_string().into(), args.into(), one.data.clone().into()],
            )?;
        }
        for (number, told) in written.told.iter().enumerate() {
            if told.program != written.program {
                continue;
            }
            let described = describe::event(&told.program, &told.data);
            let (name, fields) = match described {
                Some(known) => (known.name, known.fields.to_string()),
                None => ("unknown".into(), "{}".into()),
            };
            self.sql.run(
                "INSERT INTO events (signature, number, program, name, fields, data) VALUES ($1, $2, $3, $4, $5, $6)",
                &[signature.clone(), int(number)?.into(), program.clone(), name.into(), fields.into(), told.data.clone().into()],
            )?;
            if let Some((account, what, amount)) = crate::read::accrual(told) {
                self.accrue(&signature, &program, int(number)?, &account, what, amount)?;
            }
        }
        self.write_books(written, &signature)
    }

    /// A job as the tables last knew it, closed or not.
    pub(crate) fn last_job(&mut self, at: &Address) -> Result<Option<Job>> {
        let text =
            "SELECT body FROM job_states WHERE job = $1 ORDER BY seq DESC, number DESC LIMIT 1";
        let rows = self.sql.rows(text, &[words(at)])?;
        rows.first().map(|row| body(row.bytes(0)?)).transpose()
    }

    fn accrue(
        &mut self,
        signature: &Value,
        source: &Value,
        number: i64,
        account: &Address,
        what: &str,
        amount: u64,
    ) -> Result<()> {
        self.sql.run(
            "INSERT INTO accruals (signature, number, source, account, what, amount) VALUES ($1, $2, $3, $4, $5, $6)",
            &[signature.clone(), number.into(), source.clone(), words(account), what.into(), amount.to_string().into()],
        )
    }

    fn write_books(&mut self, written: &Written<'_>, signature: &Value) -> Result<()> {
        let seq = Value::Int(written.seq);
        let source = words(&written.program);
        let mut number = 0i64;
        for (place, effect) in written.effects {
            for entry in &effect.entries {
                // What is closed still says whose it was.
                let whose = if entry.after.version == 0 {
                    &entry.before
                } else {
                    &entry.after
                };
                let about = entry.job.unwrap_or_default();
                let after = &entry.after;
                self.sql.run(
                    "INSERT INTO entries (seq, number, signature, ledger, market, party, authority, what, job, amount, available, locked, owed, credits, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                    &[seq.clone(), number.into(), signature.clone(), words(&entry.ledger), words(&whose.market), words(&whose.party), words(&whose.authority), entry.what.into(), words(&about), entry.amount.to_string().into(),
                      after.available.to_string().into(), after.locked.to_string().into(), owed(after).to_string().into(), after.credits.to_string().into(), bytemuck::bytes_of(after).to_vec().into()],
                )?;
                if matches!(
                    entry.what,
                    "job earned" | "check" | "reward" | "market fees"
                ) && entry.amount > 0
                {
                    self.accrue(
                        signature,
                        &source,
                        number,
                        &entry.ledger,
                        entry.what,
                        entry.amount,
                    )?;
                }
                self.ledgers
                    .insert(entry.ledger, (after.version != 0).then_some(*after));
                number = number.saturating_add(1);
            }
            let at = int(*place)?;
            if let Some((job_at, job)) = &effect.job {
                let name = written.record.instructions.get(*place);
                let name = name.and_then(|one| describe::instruction(&one.program, &one.data));
                let name = name.map_or_else(|| "unknown".into(), |known| known.name);
                // A closed job keeps what it last was.
                let last = match job {
                    Some(job) => Some(*job),
                    None => self.last_job(job_at)?,
                };
                if let Some(last) = last {
                    let state = match job {
                        Some(job) => state_name(job.state),
                        None => "closed".into(),
                    };
                    self.sql.run(
                        "INSERT INTO job_states (seq, number, signature, job, market, customer, node, instruction, state, verdict, attempt, price, units_limit, units, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
                        &[seq.clone(), at.into(), signature.clone(), words(job_at), words(&last.market), words(&last.customer), words(&last.node), name.into(), state.into(),
                          i64::from(last.verdict).into(), i64::from(last.attempt).into(), last.price.to_string().into(), last.units_limit.to_string().into(), last.units.to_string().into(), bytemuck::bytes_of(&last).to_vec().into()],
                    )?;
                }
                self.jobs.insert(*job_at, *job);
            }
            if let Some((market, pool)) = &effect.pool {
                self.sql.run(
                    "INSERT INTO pools (seq, number, signature, market, pool) VALUES ($1, $2, $3, $4, $5)",
                    &[seq.clone(), at.into(), signature.clone(), words(market), pool.to_string().into()],
                )?;
                self.pools.insert(*market, *pool);
            }
        }
        for (number, doubt) in written.doubts.iter().enumerate() {
            self.sql.run(
                "INSERT INTO doubts (signature, number, what) VALUES ($1, $2, $3)",
                &[
                    signature.clone(),
                    int(number)?.into(),
                    doubt.as_str().into(),
                ],
            )?;
        }
        Ok(())
    }
}

/// While a transaction's instructions are replayed, nothing of it is in the tables yet: so what its earlier instructions
/// changed is put in memory by [`Index::remember`], and forgotten where the transaction is not written ([`Index::forget`]).
impl Index {
    pub(crate) fn remember(&mut self, effect: &Effect) {
        for entry in &effect.entries {
            self.ledgers.insert(
                entry.ledger,
                (entry.after.version != 0).then_some(entry.after),
            );
        }
        if let Some((at, job)) = &effect.job {
            self.jobs.insert(*at, *job);
        }
        if let Some((market, pool)) = &effect.pool {
            self.pools.insert(*market, *pool);
        }
    }
}

impl Shelf for Index {
    fn ledger(&mut self, at: &Address) -> Result<Option<Ledger>> {
        if let Some(known) = self.ledgers.get(at) {
            return Ok(*known);
        }
        let text =
            "SELECT body FROM entries WHERE ledger = $1 ORDER BY seq DESC, number DESC LIMIT 1";
        let rows = self.sql.rows(text, &[words(at)])?;
        let found = rows
            .first()
            .map(|row| body::<Ledger>(row.bytes(0)?))
            .transpose()?;
        let found = found.filter(|ledger| ledger.version != 0);
        self.ledgers.insert(*at, found);
        Ok(found)
    }

    fn job(&mut self, at: &Address) -> Result<Option<Job>> {
        if let Some(known) = self.jobs.get(at) {
            return Ok(*known);
        }
        let text = "SELECT body, state FROM job_states WHERE job = $1 ORDER BY seq DESC, number DESC LIMIT 1";
        let rows = self.sql.rows(text, &[words(at)])?;
        let open = rows
            .first()
            .filter(|row| row.text(1).is_ok_and(|state| state != "closed"));
        let found = open.map(|row| body::<Job>(row.bytes(0)?)).transpose()?;
        self.jobs.insert(*at, found);
        Ok(found)
    }

    fn pool(&mut self, market: &Address) -> Result<Option<u64>> {
        if self.only.is_some() {
            return Ok(None);
        }
        if let Some(known) = self.pools.get(market) {
            return Ok(Some(*known));
        }
        let text =
            "SELECT pool FROM pools WHERE market = $1 ORDER BY seq DESC, number DESC LIMIT 1";
        let rows = self.sql.rows(text, &[words(market)])?;
        // From the beginning: what nobody paid in yet is nothing.
        let found = rows
            .first()
            .map(|row| row.parse(0))
            .transpose()?
            .unwrap_or(0);
        self.pools.insert(*market, found);
        Ok(Some(found))
    }

    fn follows(&self, at: &Address) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(at))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::books::{self, Facts};
    use crate::Status;
    use lode_client::instructions::jobs;
    use lode_client::record::Carried;
    use lode_client::token::MintInfo;
    use solana_instruction::Instruction;

    fn key(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    fn mint() -> MintInfo {
        MintInfo {
            address: key(7),
            program: key(8),
            authority: None,
            freeze_authority: None,
            supply: 0,
            decimals: 9,
            symbol: None,
        }
    }

    /// A transaction of the jobs program, written as the follower does it.
    fn write(index: &mut Index, seq: u8, is_final: bool, instructions: &[Instruction]) {
        let record = Record {
            signature: Signature::from([seq; 64]),
            slot: 100 + u64::from(seq),
            time: 1_000 + i64::from(seq),
            payer: key(1),
            fee: 5_000,
            compute_units: 2_600,
            bytes: 400,
            failed: false,
            instructions: instructions
                .iter()
                .map(|one| Carried {
                    program: one.program_id,
                    accounts: one.accounts.iter().map(|account| account.pubkey).collect(),
                    data: one.data.clone(),
                })
                .collect(),
            log: Some(Vec::new()),
        };
        let mut effects = Vec::new();
        for (number, one) in record.instructions.iter().enumerate() {
            let facts = Facts {
                slot: record.slot,
                time: record.time,
                market: None,
                emission_mint: key(7),
                sealed: None,
                redeemed: None,
                swept: None,
                given_up: None,
            };
            let effect = books::apply(index, one, &facts).unwrap();
            index.remember(&effect);
            effects.push((number, effect));
        }
        let written = Written {
            program: lode_jobs::ID,
            seq: i64::from(seq),
            is_final,
            record: &record,
            told: &[],
            effects: &effects,
            doubts: &[],
        };
        index.write(&written).unwrap();
    }

    fn movements(target: &str) -> (Index, Address) {
        let mut index = Index::open(target).unwrap();
        index.clear().unwrap();
        let (market, me) = (key(2), key(3));
        let open = jobs::open_ledger(&me, &market, &me);
        let deposit = |amount| jobs::deposit(&me, &market, &me, &mint(), amount);
        write(&mut index, 1, true, &[open, deposit(u64::MAX - 9)]);
        write(
            &mut index,
            2,
            false,
            &[jobs::withdraw(&me, &market, &me, &mint(), 40)],
        );
        write(&mut index, 3, false, &[deposit(5), deposit(6)]);
        (index, lode_client::addresses::jobs::ledger(&market, &me))
    }

    /// What must hold of a database of either kind.
    fn holds(target: &str) {
        let (mut index, ledger) = movements(target);
        let statement = index.statement(&ledger, i64::MIN, i64::MAX).unwrap();
        let all: Vec<(&str, u64)> = statement
            .lines
            .iter()
            .map(|line| (line.what.as_str(), line.amount))
            .collect();
        let expected = [
            ("opened", 0),
            ("deposit", u64::MAX - 9),
            ("withdrawal", 40),
            ("deposit", 5),
            ("deposit", 6),
        ];
        assert_eq!(all, expected);
        assert_eq!(statement.closing.available, u64::MAX - 9 - 40 + 11);
        assert_eq!(
            (statement.party, statement.authority, statement.market),
            (key(3), key(3), key(2))
        );
        // a time of its own: from the second transaction on, before the third
        let part = index.statement(&ledger, 1_002, 1_003).unwrap();
        assert_eq!(part.opening.available, u64::MAX - 9);
        assert_eq!(
            (part.lines.len(), part.closing.available),
            (1, u64::MAX - 49)
        );
        assert!(index.statement(&key(9), 0, 1).is_err());

        // What vanished is taken back whole, and what stood before it stands again.
        let kept = index.dump("entries").unwrap();
        assert_eq!(index.last_final(&lode_jobs::ID).unwrap().unwrap().0, 1);
        assert_eq!(index.track_after(&lode_jobs::ID, 1).unwrap().len(), 2);
        assert_eq!(index.drop_from(&lode_jobs::ID, 2).unwrap(), 2);
        let statement = index.statement(&ledger, i64::MIN, i64::MAX).unwrap();
        assert_eq!(
            (statement.lines.len(), statement.closing.available),
            (2, u64::MAX - 9)
        );
        assert_eq!(
            index.ledger(&ledger).unwrap().unwrap().available,
            u64::MAX - 9
        );
        let count = |status: &Status| (status.transactions, status.instructions, status.entries);
        assert_eq!(count(&index.status().unwrap()), (1, 2, 2));
        // The same transactions again, in their places: the same rows.
        let (market, me) = (key(2), key(3));
        let deposit = |amount| jobs::deposit(&me, &market, &me, &mint(), amount);
        write(
            &mut index,
            2,
            false,
            &[jobs::withdraw(&me, &market, &me, &mint(), 40)],
        );
        write(&mut index, 3, false, &[deposit(5), deposit(6)]);
        assert_eq!(index.dump("entries").unwrap(), kept);
        index.mark_final(&lode_jobs::ID, 3).unwrap();
        assert_eq!(index.last_final(&lode_jobs::ID).unwrap().unwrap().0, 3);

        index.require_chain("one").unwrap();
        index.require_chain("one").unwrap();
        let other = index.require_chain("another").err().unwrap().to_string();
        assert!(other.contains("--url"), "{other}");
        // A closed account says so, and whose it was.
        write(
            &mut index,
            4,
            false,
            &[
                jobs::withdraw(&me, &market, &me, &mint(), u64::MAX - 38),
                jobs::close_ledger(&me, &me, &ledger),
            ],
        );
        let statement = index.statement(&ledger, i64::MIN, i64::MAX).unwrap();
        assert_eq!(statement.lines.last().unwrap().what, "closed");
        assert_eq!((statement.party, statement.closing.available), (me, 0));
        assert!(index.ledger(&ledger).unwrap().is_none());
        assert_eq!(index.accounts_of(&me).unwrap(), [ledger]);
    }

    #[test]
    fn what_vanished_is_taken_back_and_written_again_to_the_same_rows() {
        holds(":memory:");
    }

    #[test]
    #[ignore = "needs a Postgres database, which LODE_TEST_POSTGRES names (postgres://USER@HOST/DATABASE)"]
    fn postgres_holds_the_same() {
        let target = std::env::var("LODE_TEST_POSTGRES").unwrap();
        holds(&target);
    }

    #[test]
    fn the_same_transaction_is_never_written_twice() {
        let (mut index, _) = movements(":memory:");
        let before = index.dump("entries").unwrap();
        let record = Record {
            signature: Signature::from([3; 64]),
            slot: 1,
            time: 1,
            payer: key(1),
            fee: 1,
            compute_units: 0,
            bytes: 100,
            failed: false,
            instructions: Vec::new(),
            log: None,
        };
        let twice = index.write(&Written {
            program: lode_jobs::ID,
            seq: 3,
            is_final: false,
            record: &record,
            told: &[],
            effects: &[],
            doubts: &[],
        });
        assert!(twice.is_err());
        assert_eq!(index.dump("entries").unwrap(), before);
    }

    #[test]
    fn a_transaction_that_moved_has_its_new_place_also_where_two_programs_list_it() {
        let mut index = Index::open(":memory:").unwrap();
        let mut record = Record {
            signature: Signature::from([3; 64]),
            slot: 10,
            time: 100,
            payer: key(1),
            fee: 1,
            compute_units: 0,
            bytes: 100,
            failed: false,
            instructions: Vec::new(),
            log: None,
        };
        let programs = [lode_staking::ID, lode_jobs::ID];
        for slot in [10, 12] {
            (record.slot, record.time) = (slot, 10 * i64::try_from(slot).unwrap());
            for program in programs {
                index.drop_from(&program, 1).unwrap();
                let written = Written {
                    program,
                    seq: 1,
                    is_final: false,
                    record: &record,
                    told: &[],
                    effects: &[],
                    doubts: &[],
                };
                index.write(&written).unwrap();
            }
        }
        let rows = index.dump("transactions").unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].int(1).unwrap(), rows[0].int(2).unwrap()),
            (12, 120)
        );
    }

    #[test]
    fn an_index_that_is_not_there_is_not_made_by_reading() {
        let error = Index::open_existing("/no/such/index.db").err().unwrap();
        assert!(error.to_string().contains("lode index run"));
    }
}
