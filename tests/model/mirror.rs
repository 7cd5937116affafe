//! What the index reckons from instructions alone, beside what the programs did: accounts and jobs must be the same.
use lode_client::record::Carried;
use lode_index::books::{self, Facts, Sealed, Shelf};
use lode_jobs::instruction::SealJob;
use lode_jobs::state::{flag, Job, Ledger, Market};
use lode_tests::World;
use solana_address::Address;
use solana_instruction::Instruction;
use std::collections::BTreeMap;

/// Books that are kept from instructions.
pub struct Mirror {
    ledgers: BTreeMap<Address, Ledger>,
    jobs: BTreeMap<Address, Job>,
    pools: BTreeMap<Address, u64>,
    /// It is told which seal a job has, as an index learns it from the job's account; else only who was eligible and
    /// whether the seal came too late, as the committee and the log tell.
    knows_seals: bool,
    pub carried: u64,
}

impl Shelf for Mirror {
    fn ledger(&mut self, at: &Address) -> lode_index::Result<Option<Ledger>> {
        Ok(self.ledgers.get(at).copied())
    }

    fn job(&mut self, at: &Address) -> lode_index::Result<Option<Job>> {
        Ok(self.jobs.get(at).copied())
    }

    fn pool(&mut self, market: &Address) -> lode_index::Result<Option<u64>> {
        Ok(Some(self.pools.get(market).copied().unwrap_or_default()))
    }

    fn follows(&self, _at: &Address) -> bool {
        true
    }
}

impl Mirror {
    pub fn new(knows_seals: bool) -> Self {
        Self {
            ledgers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            pools: BTreeMap::new(),
            knows_seals,
            carried: 0,
        }
    }

    /// Reckons what instructions did that went through.
    pub fn carry(
        &mut self,
        world: &World,
        emission_mint: Address,
        instructions: &[Instruction],
    ) -> Result<(), String> {
        for instruction in instructions {
            if instruction.program_id != lode_jobs::ID {
                continue;
            }
            let one = Carried {
                program: instruction.program_id,
                accounts: instruction.accounts.iter().map(|a| a.pubkey).collect(),
                data: instruction.data.clone(),
            };
            let market: Option<Market> = books::market_of(&one).map(|at| world.read(&at));
            let job = books::job_of(&one).filter(|_| books::is::<SealJob>(&one));
            let sealed = job.map(|at| {
                let job: Job = world.read(&at);
                Sealed {
                    seal: self.knows_seals.then_some(job.seal),
                    eligible: job.eligible,
                    late: job.has(flag::LATE),
                }
            });
            let facts = Facts {
                slot: world.slot(),
                time: world.now(),
                market: market.as_ref(),
                emission_mint,
                sealed,
                redeemed: None,
                swept: None,
                given_up: None,
            };
            let effect = books::apply(self, &one, &facts).map_err(|error| error.to_string())?;
            for entry in effect.entries {
                match entry.after.version {
                    0 => self.ledgers.remove(&entry.ledger),
                    _ => self.ledgers.insert(entry.ledger, entry.after),
                };
            }
            match effect.job {
                Some((at, Some(job))) => self.jobs.insert(at, job),
                Some((at, None)) => self.jobs.remove(&at),
                None => None,
            };
            if let Some((market, pool)) = effect.pool {
                self.pools.insert(market, pool);
            }
            self.carried += 1;
        }
        Ok(())
    }

    /// Every account and job is on the chain as it is in these books, and no other.
    pub fn compare<'a>(
        &self,
        world: &World,
        ledgers: impl Iterator<Item = &'a Address>,
        jobs: impl Iterator<Item = &'a Address>,
    ) -> Result<(), String> {
        let mut count = 0;
        for at in ledgers {
            count += 1;
            let mut state: Ledger = world.read(at);
            let Some(mine) = self.ledgers.get(at) else {
                return Err(format!("the index knows no account {at}"));
            };
            // addresses' bumps and nonces move no money
            state.bump = mine.bump;
            (state.nonce_top, state.nonce_taken) = (mine.nonce_top, mine.nonce_taken);
            if bytemuck::bytes_of(&state) != bytemuck::bytes_of(mine) {
                let show = |l: &Ledger| {
                    format!(
                        "{} available, {} locked, {} to burn, {} to the treasury, {} to the market, {} to checks, {} credits, {} open",
                        l.available, l.locked, l.burn_owed, l.fees_owed, l.market_owed, l.checks_owed, l.credits, l.open_jobs
                    )
                };
                return Err(format!(
                    "account {at} is\n{}\nby the index\n{}",
                    show(&state),
                    show(mine)
                ));
            }
        }
        if count != self.ledgers.len() {
            return Err(format!(
                "{count} accounts, by the index {}",
                self.ledgers.len()
            ));
        }
        let mut count = 0;
        for at in jobs {
            count += 1;
            let mut state: Job = world.read(at);
            let Some(mine) = self.jobs.get(at) else {
                return Err(format!("the index knows no job {at}"));
            };
            state.bump = mine.bump;
            if !self.knows_seals {
                // who was drawn, and so who was silent, only the seal tells
                state.seal = mine.seal;
                (state.drawn, state.panel) = (mine.drawn, mine.panel);
                state.silent = mine.silent;
            }
            if bytemuck::bytes_of(&state) != bytemuck::bytes_of(mine) {
                return Err(format!(
                    "job {at} is {} {:b} {} units {} panel {:b} silent {:b} deadline {}, by the index {} {:b} {} units {} panel {:b} silent {:b} deadline {}",
                    state.state, state.flags, state.verdict, state.units, state.panel, state.silent, state.deadline,
                    mine.state, mine.flags, mine.verdict, mine.units, mine.panel, mine.silent, mine.deadline
                ));
            }
        }
        if count != self.jobs.len() {
            return Err(format!("{count} jobs, by the index {}", self.jobs.len()));
        }
        Ok(())
    }
}
