//! What the owner's hook is told, and what was told already. Everything is read from the chain; a hook that nobody attached
//! costs no request.

use crate::agent::Sight;
use crate::task::Shared;
use crate::Error;
use lode_client::token::MintInfo;
use lode_client::JobEnd;
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_notify::{crossed, Amount, Attempt, Event, Memory, Notices, Purse, Thing};
use serde::{Deserialize, Serialize};
use solana_address::Address;
use solana_signer::Signer;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Looks for the end of an attempt before it is given up: the server keeps no logs, or not for so long.
const MOST_LOOKS: u8 = 20;

/// What was told, in the agent's folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Told {
    /// Attempts under way, by `JOB/ATTEMPT`.
    jobs: BTreeMap<String, Followed>,
    /// When the node was last jailed, and what it had been slashed in all then.
    jailed: Option<(i64, u64)>,
    /// Balances that are low.
    low: BTreeSet<String>,
}

/// An attempt under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Followed {
    job: String,
    attempt: u8,
    market: String,
    /// Its result is submitted.
    done: bool,
    /// How often its end was looked for.
    looks: u8,
}

pub(crate) struct News {
    notices: Notices,
    told: Mutex<Memory<Told>>,
    /// Told once by each agent.
    versions: Mutex<BTreeSet<Address>>,
    mints: Mutex<HashMap<Address, MintInfo>>,
    low_lamports: u64,
    low_ledger: Option<String>,
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl News {
    pub fn new(
        notices: Notices,
        folder: &Path,
        low_lamports: u64,
        low_ledger: Option<String>,
    ) -> Self {
        Self {
            notices,
            told: Mutex::new(Memory::open(&folder.join("notices.json"))),
            versions: Mutex::default(),
            mints: Mutex::default(),
            low_lamports,
            low_ledger,
        }
    }

    /// Somebody listens.
    pub fn is_heard(&self) -> bool {
        self.notices.are_heard()
    }

    /// A job stands at this node: it is told once that it was accepted, and once that it is done.
    pub async fn goes_on(&self, shared: &Shared, of: &Market, at: &Address, job: &Job) {
        let (attempt, market) = (job.attempt, job.market);
        let open = job.state == JobState::Open as u8;
        if !self.is_heard() || open || job.is_final() {
            return;
        }
        let key = format!("{at}/{attempt}");
        let is_known = held(&self.told).value().jobs.contains_key(&key);
        let price = match is_known {
            true => None,
            false => match self.mint(shared, &of.mint).await {
                Ok(mint) => Some(Amount::of(&mint, job.price)),
                Err(error) => {
                    tracing::warn!(job = %at, attempt, %error, "that it was accepted is not told yet");
                    return;
                }
            },
        };
        let submitted = job.state >= JobState::Submitted as u8;
        let (is_new, is_done) = held(&self.told).change(|told| {
            let is_new = !told.jobs.contains_key(&key);
            let followed = told.jobs.entry(key).or_insert_with(|| Followed {
                job: at.to_string(),
                attempt,
                market: market.to_string(),
                done: false,
                looks: 0,
            });
            let is_done = submitted && !followed.done;
            followed.done |= submitted;
            (is_new, is_done)
        });
        let of = Attempt {
            job: *at,
            attempt,
            market,
            node: shared.node,
        };
        if let (true, Some(price)) = (is_new, price) {
            let units_limit = job.units_limit;
            self.notices.tell(Event::JobAccepted {
                of,
                price,
                units_limit,
            });
        }
        if is_done {
            let units = job.units;
            self.notices.tell(Event::JobDone { of, units });
        }
    }

    /// Finds out how the attempts ended that are under way no more, and tells what was really paid or lost.
    pub async fn ends(
        &self,
        shared: &Shared,
        mine: &[(Address, Job)],
        markets: &HashMap<Address, Market>,
    ) {
        let going: BTreeSet<String> = mine
            .iter()
            .filter(|(_, job)| !job.is_final())
            .map(|(at, job)| format!("{at}/{}", job.attempt))
            .collect();
        let over: Vec<(String, Followed)> = held(&self.told)
            .value()
            .jobs
            .iter()
            .filter(|(key, _)| !going.contains(*key))
            .map(|(key, followed)| (key.clone(), followed.clone()))
            .collect();
        for (key, followed) in over {
            let event = self.ended(shared, &followed, markets).await;
            let given_up = followed.looks >= MOST_LOOKS;
            match event {
                Ok(Some(event)) => self.notices.tell(event),
                Ok(None) if given_up => {
                    tracing::warn!(
                        job = followed.job,
                        attempt = followed.attempt,
                        "the server keeps nothing of how this attempt ended: it is not told"
                    );
                }
                Err(error) if given_up => {
                    tracing::warn!(job = followed.job, attempt = followed.attempt, %error, "how this attempt ended is not told");
                }
                Ok(None) | Err(_) => {
                    held(&self.told).change(|told| {
                        if let Some(followed) = told.jobs.get_mut(&key) {
                            followed.looks = followed.looks.saturating_add(1);
                        }
                    });
                    continue;
                }
            }
            held(&self.told).change(|told| told.jobs.remove(&key));
        }
    }

    async fn ended(
        &self,
        shared: &Shared,
        followed: &Followed,
        markets: &HashMap<Address, Market>,
    ) -> crate::Result<Option<Event>> {
        let (Ok(job), Ok(at)) = (followed.job.parse(), followed.market.parse()) else {
            return Ok(None);
        };
        let end: Option<JobEnd> = shared.client.job_end(&job, followed.attempt).await?;
        let (Some(end), Some(market)) = (end, markets.get(&at)) else {
            return Ok(None);
        };
        let mint = self.mint(shared, &market.mint).await?;
        Ok(Some(Event::ended(&end, at, shared.node, &mint)))
    }

    async fn mint(&self, shared: &Shared, address: &Address) -> crate::Result<MintInfo> {
        let known = held(&self.mints).get(address).copied();
        if let Some(mint) = known {
            return Ok(mint);
        }
        let mint = shared.client.mint(address).await?;
        held(&self.mints).insert(*address, mint);
        Ok(mint)
    }

    /// Tells that the node was slashed, and what money becomes scarce.
    pub async fn balances(
        &self,
        shared: &Shared,
        sight: &Sight,
        ledgers: &[(Address, Ledger)],
        markets: &HashMap<Address, Market>,
    ) {
        let seen = async {
            self.slashed(shared, sight).await?;
            let address = shared.payer.pubkey();
            let (left, threshold) = (sight.lamports, self.low_lamports);
            self.low(Purse::Fees, address, left, threshold, Amount::sol);
            let Some(text) = &self.low_ledger else {
                return Ok(());
            };
            for (at, ledger) in ledgers {
                let Some(market) = markets.get(&ledger.market) else {
                    continue;
                };
                let mint = self.mint(shared, &market.mint).await?;
                let threshold = mint.parse(text)?;
                let amount = |units| Amount::of(&mint, units);
                self.low(Purse::Ledger, *at, ledger.available, threshold, amount);
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = seen.await {
            tracing::warn!(%error, "a notice is not told yet");
        }
    }

    fn low(
        &self,
        purse: Purse,
        address: Address,
        left: u64,
        threshold: u64,
        amount: impl Fn(u64) -> Amount,
    ) {
        let of = address.to_string();
        let mut told = held(&self.told);
        if told.change(|told| crossed(&mut told.low, &of, left, threshold)) {
            self.notices.tell(Event::LowBalance {
                purse,
                address,
                left: amount(left),
                threshold: amount(threshold),
            });
        }
    }

    async fn slashed(&self, shared: &Shared, sight: &Sight) -> crate::Result<()> {
        let node = &sight.node;
        let now = (node.jailed_at, node.slashed_total);
        let before = held(&self.told).value().jailed;
        if before == Some(now) {
            return Ok(());
        }
        // A node that was registered anew at the address was never jailed.
        let is_new = node.jailed_until == 0 && before.is_some_and(|(at, _)| at != node.jailed_at);
        if let (Some((_, total)), false) = (before, is_new) {
            let mint = self.mint(shared, &sight.staking.stake_mint).await?;
            self.notices.tell(Event::Slashed {
                node: shared.node,
                burned: Amount::of(&mint, node.slashed_total.saturating_sub(total)),
                left: Amount::of(&mint, node.stake),
                jailed_until: node.jailed_until,
            });
        }
        held(&self.told).change(|told| told.jailed = Some(now));
        Ok(())
    }

    /// Tells of a market whose jobs this agent cannot run.
    pub fn runtime(&self, at: &Address, market: &Market) {
        let known = lode_runtime::RUNTIME;
        if market.runtime != known {
            let version = u64::from(market.runtime);
            self.newer(Thing::Runtime, *at, version, u64::from(known));
        }
    }

    /// Tells of an account that this agent cannot read because it is newer.
    pub fn failed(&self, error: &Error) {
        if let Error::Chain(lode_client::Error::UnknownLayout {
            address,
            version,
            known,
            ..
        }) = error
        {
            self.newer(Thing::Layout, *address, (*version).into(), (*known).into());
        }
    }

    fn newer(&self, what: Thing, address: Address, version: u64, known: u64) {
        if held(&self.versions).insert(address) {
            self.notices.tell(Event::NewVersion {
                what,
                address,
                version,
                known,
            });
        }
    }
}
