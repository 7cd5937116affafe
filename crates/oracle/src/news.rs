//! What the owner's hook is told, and what was told already. Everything is read from the chain; a hook that nobody attached
//! costs no request.

use crate::agent::Key;
use crate::{Error, Result};
use lode_attestation::Verdict;
use lode_client::accounts::decode;
use lode_client::token::MintInfo;
use lode_client::{addresses, Client};
use lode_jobs::event::CreditsRedeemed;
use lode_jobs::state::{Job, Market};
use lode_notify::{crossed, Amount, Event, Fine, Memory, Notices, Purse, Thing};
use lode_oracle::state::Oracle;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Servers may learn of a transaction so much later, seconds.
const LATE: i64 = 120;

/// What was told, in the agent's folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Told {
    /// Misses and faults of each oracle.
    fines: BTreeMap<String, (u32, u32)>,
    /// Payments into each ledger.
    paid: BTreeMap<String, Paid>,
    /// Balances that are low.
    low: BTreeSet<String>,
}

/// Up to where a ledger's payments were told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Paid {
    /// Unix seconds of the chain.
    since: i64,
    /// Transactions after it that were looked at.
    seen: BTreeSet<String>,
}

/// What is asked after.
pub(crate) struct Seen {
    pub committee: Address,
    pub bond_mint: Address,
    /// Owners of our seats.
    pub owners: Vec<Address>,
    pub markets: Vec<(Address, Market)>,
    pub payer: Option<Address>,
}

pub(crate) struct News {
    notices: Notices,
    told: Mutex<Memory<Told>>,
    drawn: Mutex<HashSet<Key>>,
    /// Told once by each agent.
    versions: Mutex<BTreeSet<Address>>,
    low_lamports: u64,
}

fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

impl News {
    pub fn new(notices: Notices, folder: &Path, low_lamports: u64) -> Self {
        Self {
            notices,
            told: Mutex::new(Memory::open(&folder.join("notices.json"))),
            drawn: Mutex::default(),
            versions: Mutex::default(),
            low_lamports,
        }
    }

    /// Somebody listens.
    pub fn is_heard(&self) -> bool {
        self.notices.are_heard()
    }

    /// A seat is asked about an attempt: told once by each agent.
    pub fn drawn(&self, committee: &Address, key: Key, asked: &Job) {
        if self.is_heard() && held(&self.drawn).insert(key) {
            let (job, attempt, seat) = key;
            self.notices.tell(Event::SeatDrawn {
                job,
                attempt,
                market: asked.market,
                committee: *committee,
                seat,
                deadline: asked.deadline,
            });
        }
    }

    /// What is not asked any more is news when it is asked again.
    pub fn asked_no_more(&self, due: &HashSet<Key>) {
        held(&self.drawn).retain(|key| due.contains(key));
    }

    /// A signature lies in the store.
    pub fn attested(&self, committee: &Address, (job, attempt, seat): Key, verdict: Verdict) {
        self.notices.tell(Event::Attested {
            job,
            attempt,
            committee: *committee,
            seat,
            verdict: verdict.into(),
        });
    }

    /// Tells of an account that this agent cannot read because it is newer.
    pub fn failed(&self, error: &Error) {
        let Error::Chain(lode_client::Error::UnknownLayout {
            address,
            version,
            known,
            ..
        }) = error
        else {
            return;
        };
        if held(&self.versions).insert(*address) {
            self.notices.tell(Event::NewVersion {
                what: Thing::Layout,
                address: *address,
                version: (*version).into(),
                known: (*known).into(),
            });
        }
    }

    /// Finds out what our oracles were fined and paid, and what the payer has left.
    pub async fn spread(&self, client: &Client, seen: &Seen) -> Result<()> {
        let oracles = seen
            .owners
            .iter()
            .map(|owner| addresses::oracle::oracle(&seen.committee, owner));
        let at: Vec<Address> = seen.payer.into_iter().chain(oracles).collect();
        let mut found = at.iter().zip(client.raw_accounts(&at).await?);
        if let Some(address) = seen.payer {
            let left = found.next().and_then(|(_, account)| account);
            let left = left.map_or(0, |account| account.lamports);
            let (of, threshold) = (address.to_string(), self.low_lamports);
            let is_low = |told: &mut Told| crossed(&mut told.low, &of, left, threshold);
            if held(&self.told).change(is_low) {
                self.notices.tell(Event::LowBalance {
                    purse: Purse::Fees,
                    address,
                    left: Amount::sol(left),
                    threshold: Amount::sol(threshold),
                });
            }
        }
        let oracles: Vec<(Address, Oracle)> = found
            .filter_map(|(at, account)| Some((*at, decode(at, &account?))))
            .map(|(at, oracle)| Ok((at, oracle?)))
            .collect::<Result<_>>()?;
        if !oracles.is_empty() {
            let bond_mint = client.mint(&seen.bond_mint).await?;
            for (at, oracle) in &oracles {
                self.fined(&seen.committee, *at, oracle, &bond_mint);
            }
        }
        let now = client.clock().await?.unix_timestamp;
        for owner in &seen.owners {
            for (market_at, market) in &seen.markets {
                self.paid(client, *owner, *market_at, market, now).await?;
            }
        }
        Ok(())
    }

    fn fined(&self, committee: &Address, at: Address, oracle: &Oracle, bond_mint: &MintInfo) {
        let now = (oracle.misses, oracle.faults);
        let before = held(&self.told)
            .change(|told| told.fines.insert(at.to_string(), now))
            .unwrap_or(now);
        let fine = |count| Fine {
            committee: *committee,
            oracle: at,
            count,
            bond: Amount::of(bond_mint, oracle.bond),
        };
        if now.0 > before.0 {
            self.notices.tell(Event::Miss(fine(now.0)));
        }
        if now.1 > before.1 {
            self.notices.tell(Event::Fault(fine(now.1)));
        }
    }

    /// Tells what was redeemed into an owner's ledger since the last look; at the first, lately.
    async fn paid(
        &self,
        client: &Client,
        owner: Address,
        market_at: Address,
        market: &Market,
        now: i64,
    ) -> Result<()> {
        let ledger = addresses::jobs::ledger(&market_at, &owner);
        let key = ledger.to_string();
        let before = held(&self.told).value().paid.get(&key).cloned();
        let before = before.unwrap_or(Paid {
            since: now.saturating_sub(LATE),
            seen: BTreeSet::new(),
        });
        let found = client
            .signatures_of(&ledger, before.since, i64::MAX)
            .await?;
        let mut seen = BTreeSet::new();
        for signature in found {
            let name = signature.to_string();
            if !before.seen.contains(&name) {
                let past = client.past(&signature).await?;
                let redeemed = past.told.iter().find_map(|told| {
                    let event = told.read::<CreditsRedeemed>()?;
                    (event.ledger == ledger && event.redeemed > 0).then_some(event.redeemed)
                });
                if let Some(redeemed) = redeemed {
                    let mint = client.mint(&market.mint).await?;
                    self.notices.tell(Event::CreditsPaid {
                        market: market_at,
                        owner,
                        amount: Amount::of(&mint, redeemed),
                        signature,
                    });
                }
            }
            seen.insert(name);
        }
        let since = before.since.max(now.saturating_sub(LATE));
        held(&self.told).change(|told| told.paid.insert(key, Paid { since, seen }));
        Ok(())
    }
}
