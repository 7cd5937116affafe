//! A wallet's year in rows: what accrued, was claimed, slashed, burned, and paid in fees.
//!
//! The rows come from the transactions themselves, over plain RPC, in the order of the chain. The past does not change, so
//! the same year asked for twice gives the same rows; a year that still runs only gets more of them at its end.
use crate::events::Past;
use crate::token::MintInfo;
use crate::{addresses, filter, Client, Result};
use lode_jobs::event as jobs;
use lode_jobs::state::{JobState, Ledger, Market};
use lode_oracle::event as oracle;
use lode_oracle::state::Oracle;
use lode_staking::event as staking;
use lode_staking::state::{Delegation, Node, StakingConfig};
use solana_address::Address;
use solana_signature::Signature;
use std::collections::{BTreeMap, BTreeSet};
use tokio::task::JoinSet;

/// How many transactions are asked for at the same time.
const AT_ONCE: usize = 8;

/// What a row tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Money came into being for the wallet, in an account of the network.
    Accrual,
    /// Money came home.
    Claim,
    /// Stake or a bond was lost.
    Slash,
    /// What jobs owed to the burn was burned.
    Burn,
    /// A fee was paid.
    Fee,
}

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accrual => "accrual",
            Self::Claim => "claim",
            Self::Slash => "slash",
            Self::Burn => "burn",
            Self::Fee => "fee",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// When, unix seconds.
    pub time: i64,
    /// In which slot.
    pub slot: u64,
    /// In which transaction.
    pub signature: Signature,
    /// Which row of that transaction, from 0.
    pub number: usize,
    /// What kind.
    pub kind: Kind,
    /// What exactly.
    pub what: &'static str,
    /// The amount is that of all who have stake on the node, of which the wallet is one.
    pub of_whole_node: bool,
    /// The node, if it is about one.
    pub node: Option<Address>,
    /// The market, if it is about one.
    pub market: Option<Address>,
    /// Base units.
    pub amount: u64,
    /// The mint; `None` for lamports.
    pub mint: Option<Address>,
}

/// What of the network concerns a wallet.
#[derive(Clone, Debug, Default)]
struct Interests {
    wallet: Address,
    own: BTreeSet<Address>,
    delegated: BTreeSet<Address>,
    workers: BTreeSet<Address>,
    /// Ledgers, with the node whose they are.
    ledgers: BTreeMap<Address, Option<Address>>,
    markets: BTreeSet<Address>,
    oracles: BTreeSet<Address>,
    stake_mint: Address,
    /// The wallet's associated account of the stake mint.
    home: Address,
    /// Mints of markets, and of bonds of committees.
    mints: BTreeMap<Address, Address>,
}

impl Interests {
    /// What a transaction of the wallet says that it has to do with, also what is closed by now.
    fn learn(&mut self, past: &Past) {
        for told in &past.told {
            if let Some(event) = told.read::<staking::NodeRegistered>() {
                if event.owner == self.wallet {
                    self.own.insert(event.node);
                    self.workers.insert(event.worker);
                }
            }
            if let Some(event) = told.read::<staking::NodeUpdated>() {
                if self.own.contains(&event.node) {
                    self.workers.insert(event.worker);
                }
            }
            if let Some(event) = told.read::<staking::Staked>() {
                if event.owner == self.wallet {
                    self.delegated.insert(event.node);
                }
            }
            if let Some(event) = told.read::<jobs::LedgerChanged>() {
                if event.party == self.wallet {
                    self.ledgers.insert(event.ledger, None);
                } else if self.own.contains(&event.party) {
                    self.ledgers.insert(event.ledger, Some(event.party));
                }
            }
        }
    }

    fn concerns(&self, node: &Address) -> bool {
        self.own.contains(node) || self.delegated.contains(node)
    }

    /// The rows of a transaction.
    fn rows(&self, past: &Past) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut add = |kind, what, of_whole_node, node, market: Option<Address>, amount| {
            if amount == 0 {
                return;
            }
            let mint = match market {
                Some(market) => self.mints.get(&market).copied(),
                None => Some(self.stake_mint),
            };
            rows.push(Row {
                time: past.time,
                slot: past.slot,
                signature: past.signature,
                number: 0,
                kind,
                what,
                of_whole_node,
                node,
                market,
                amount,
                mint,
            });
        };
        for told in &past.told {
            if let Some(e) = told.read::<staking::RewardsSwept>() {
                if self.own.contains(&e.node) {
                    let node = Some(e.node);
                    add(Kind::Accrual, "commission", false, node, None, e.commission);
                }
                if self.concerns(&e.node) {
                    let streams = e.reward.saturating_sub(e.commission);
                    let node = Some(e.node);
                    add(Kind::Accrual, "stake rewards", true, node, None, streams);
                }
            } else if let Some(e) = told.read::<staking::RewardsClaimed>() {
                if e.owner == self.wallet {
                    let node = Some(e.node);
                    add(Kind::Claim, "stake rewards", false, node, None, e.amount);
                }
            } else if let Some(e) = told.read::<staking::CommissionClaimed>() {
                if self.own.contains(&e.node) {
                    let node = Some(e.node);
                    add(Kind::Claim, "commission", false, node, None, e.amount);
                }
            } else if let Some(e) = told.read::<staking::NodeClosed>() {
                if e.owner == self.wallet {
                    let node = Some(e.node);
                    add(
                        Kind::Claim,
                        "rest of the vault",
                        false,
                        node,
                        None,
                        e.amount,
                    );
                }
            } else if let Some(e) = told.read::<staking::NodeSlashed>() {
                if self.concerns(&e.node) {
                    add(Kind::Slash, "stake", true, Some(e.node), None, e.burned);
                }
            } else if let Some(e) = told.read::<oracle::BondSlashed>() {
                if e.owner == self.wallet {
                    // the committee stands in the place of the market: its mint is that of the bond
                    let at = Some(e.committee);
                    add(Kind::Slash, "bond", false, None, at, e.slashed);
                }
            } else if let Some(e) = told.read::<jobs::JobSettled>() {
                let paid = e.state == JobState::Settled as u8;
                // a node's ledger, not the wallet's own as a customer
                let node = self.ledgers.get(&e.ledger).copied().flatten();
                if let Some(node) = node.filter(|_| paid) {
                    let market = self.market_of(&e.ledger);
                    add(Kind::Accrual, "job", false, Some(node), market, e.amount);
                }
            } else if let Some(e) = told.read::<jobs::CheckCollected>() {
                if let Some(market) = self.market_of(&e.ledger) {
                    add(Kind::Accrual, "check", false, None, Some(market), e.share);
                }
            } else if let Some(e) = told.read::<jobs::CreditsRedeemed>() {
                if let Some(market) = self.market_of(&e.ledger) {
                    let market = Some(market);
                    add(Kind::Claim, "checks", false, None, market, e.redeemed);
                }
            } else if let Some(e) = told.read::<jobs::FeesSwept>() {
                let market = Some(e.market);
                if let Some(node) = self.ledgers.get(&e.ledger).copied() {
                    add(Kind::Burn, "of jobs", false, node, market, e.burned);
                    add(Kind::Fee, "of the market", false, node, market, e.fees);
                    add(
                        Kind::Fee,
                        "to the treasury",
                        false,
                        node,
                        market,
                        e.treasury,
                    );
                    add(Kind::Fee, "for checks", false, node, market, e.checks);
                }
                if self.markets.contains(&e.market) {
                    add(Kind::Accrual, "market fees", false, None, market, e.fees);
                }
            } else if let Some(e) = told.read::<lode_emissions::event::WorkClaimed>() {
                if self.own.contains(&e.node) {
                    let node = Some(e.node);
                    add(
                        Kind::Claim,
                        "emission for work",
                        false,
                        node,
                        None,
                        e.amount,
                    );
                }
            } else if let Some(e) = told.read::<lode_emissions::event::TreasuryClaimed>() {
                if e.to == self.home {
                    add(Kind::Claim, "treasury", false, None, None, e.amount);
                }
            }
        }
        if past.payer == self.wallet || self.workers.contains(&past.payer) {
            rows.push(Row {
                time: past.time,
                slot: past.slot,
                signature: past.signature,
                number: 0,
                kind: Kind::Fee,
                what: "of the transaction",
                of_whole_node: false,
                node: None,
                market: None,
                amount: past.fee,
                mint: None,
            });
        }
        for (number, row) in rows.iter_mut().enumerate() {
            row.number = number;
        }
        rows
    }

    /// The market of one of the wallet's own ledgers.
    fn market_of(&self, ledger: &Address) -> Option<Address> {
        let party = self.ledgers.get(ledger)?.unwrap_or(self.wallet);
        let mut markets = self.mints.keys();
        markets
            .find(|market| addresses::jobs::ledger(market, &party) == *ledger)
            .copied()
    }
}

/// A wallet's rows.
#[derive(Clone, Debug)]
pub struct History {
    /// The rows, in the order of the chain.
    pub rows: Vec<Row>,
    /// The mints that they name.
    pub mints: BTreeMap<Address, MintInfo>,
    /// Transactions whose logs the server did not keep whole: rows of theirs may be missing.
    pub truncated: Vec<Signature>,
}

impl Client {
    /// What happened to a wallet from `since` to before `until` (unix seconds). `tell` hears how many transactions of how
    /// many have been read.
    pub async fn history(
        &self,
        wallet: &Address,
        since: i64,
        until: i64,
        tell: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<History> {
        let mut interests = self.interests(wallet).await?;
        // The wallet's own transactions from the beginning: what it had to do with and what is closed by now.
        let own = self.signatures_of(wallet, i64::MIN, until).await?;
        let mut pasts = self.pasts(&own, tell).await?;
        for past in pasts.values() {
            interests.learn(past);
        }
        let places = interests.own.iter().chain(&interests.delegated);
        let places = places.chain(interests.ledgers.keys());
        let places = places.chain(&interests.markets).chain(&interests.oracles);
        let mut more = Vec::new();
        for place in places.chain(&interests.workers) {
            more.extend(self.signatures_of(place, since, until).await?);
        }
        more.sort_unstable();
        more.dedup();
        more.retain(|signature| pasts.keys().all(|(_, known)| known != signature));
        pasts.extend(self.pasts(&more, tell).await?);

        let pasts = pasts.values();
        let pasts = pasts.filter(|past| past.time >= since && past.time < until);
        self.history_of(&interests, pasts).await
    }

    /// The same from transactions that somebody keeps, such as an index: all those that concern Lode, in the order of slot
    /// and name. Fees of other transactions of the wallet are then not among the rows.
    pub async fn history_among(
        &self,
        wallet: &Address,
        since: i64,
        until: i64,
        pasts: &[Past],
    ) -> Result<History> {
        let mut interests = self.interests(wallet).await?;
        let pasts = pasts.iter().filter(|past| past.time < until);
        for past in pasts.clone() {
            interests.learn(past);
        }
        let pasts = pasts.filter(|past| past.time >= since);
        self.history_of(&interests, pasts).await
    }

    async fn history_of(
        &self,
        interests: &Interests,
        pasts: impl Iterator<Item = &Past>,
    ) -> Result<History> {
        let mut rows = Vec::new();
        let mut truncated = Vec::new();
        for past in pasts {
            rows.extend(interests.rows(past));
            if past.truncated {
                truncated.push(past.signature);
            }
        }
        let named: BTreeSet<Address> = rows.iter().filter_map(|row| row.mint).collect();
        let mut mints = BTreeMap::new();
        for mint in named {
            mints.insert(mint, self.mint(&mint).await?);
        }
        Ok(History {
            rows,
            mints,
            truncated,
        })
    }

    /// Whose a ledger is, or was: of one that is closed its own transactions tell, and its address proves it. `None` where
    /// the server does not remember them.
    pub async fn party_of(&self, market: &Address, ledger: &Address) -> Result<Option<Address>> {
        if let Some(open) = self.try_account::<Ledger>(ledger).await? {
            return Ok(Some(open.party));
        }
        // Its closing is the last of them.
        let all = self.signatures_of(ledger, i64::MIN, i64::MAX).await?;
        for signature in all.iter().rev() {
            let past = self.past(signature).await?;
            let told = past
                .told
                .iter()
                .filter_map(|t| t.read::<jobs::LedgerChanged>());
            let mut parties = told.map(|event| event.party);
            if let Some(party) =
                parties.find(|party| addresses::jobs::ledger(market, party) == *ledger)
            {
                return Ok(Some(party));
            }
        }
        Ok(None)
    }

    /// What a wallet has to do with now.
    async fn interests(&self, wallet: &Address) -> Result<Interests> {
        let config: StakingConfig = self.get_account(&addresses::staking::config()).await?;
        let mint = self.mint(&config.stake_mint).await?;
        let mut found = Interests {
            wallet: *wallet,
            stake_mint: config.stake_mint,
            home: mint.account_of(wallet),
            ..Interests::default()
        };
        let nodes = self
            .get_program_accounts::<Node>(&[filter!(Node, owner, *wallet)])
            .await?;
        for (at, node) in &nodes {
            found.own.insert(*at);
            found.workers.insert(node.worker);
        }
        let delegations = self
            .get_program_accounts::<Delegation>(&[filter!(Delegation, owner, *wallet)])
            .await?;
        found.delegated = delegations.iter().map(|(_, d)| d.node).collect();
        let ledgers = self
            .get_program_accounts::<Ledger>(&[filter!(Ledger, authority, *wallet)])
            .await?;
        for (at, ledger) in &ledgers {
            let node = (ledger.party != *wallet).then_some(ledger.party);
            found.ledgers.insert(*at, node);
        }
        for (at, market) in self.get_program_accounts::<Market>(&[]).await? {
            found.mints.insert(at, market.mint);
            if market.authority == *wallet {
                found.markets.insert(at);
            }
        }
        let oracles = self
            .get_program_accounts::<Oracle>(&[filter!(Oracle, owner, *wallet)])
            .await?;
        for (at, oracle) in &oracles {
            found.oracles.insert(*at);
            let committee: lode_oracle::state::Committee =
                self.get_account(&oracle.committee).await?;
            found.mints.insert(oracle.committee, committee.bond_mint);
        }
        Ok(found)
    }

    /// Transactions by their place on the chain.
    async fn pasts(
        &self,
        signatures: &[Signature],
        tell: &(dyn Fn(usize, usize) + Send + Sync),
    ) -> Result<BTreeMap<(u64, Signature), Past>> {
        let mut found = BTreeMap::new();
        let mut waiting = signatures.iter();
        let mut running: JoinSet<Result<Past>> = JoinSet::new();
        loop {
            while running.len() < AT_ONCE {
                let Some(signature) = waiting.next().copied() else {
                    break;
                };
                let client = self.clone();
                running.spawn(async move { client.past(&signature).await });
            }
            let Some(ended) = running.join_next().await else {
                return Ok(found);
            };
            let past = ended.map_err(|error| {
                crate::Error::Invalid(format!("reading the history broke off: {error}"))
            })??;
            found.insert((past.slot, past.signature), past);
            tell(found.len(), signatures.len());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::events::Told;
    use anchor_lang::Event;

    fn key(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    fn nodes_ledger() -> Address {
        addresses::jobs::ledger(&key(6), &key(2))
    }

    fn interests() -> Interests {
        Interests {
            wallet: key(1),
            own: [key(2)].into(),
            delegated: [key(3)].into(),
            workers: [key(4)].into(),
            ledgers: [(nodes_ledger(), Some(key(2)))].into(),
            mints: [(key(6), key(7))].into(),
            stake_mint: key(8),
            home: key(9),
            ..Interests::default()
        }
    }

    fn past(payer: Address, events: Vec<(Address, Vec<u8>)>) -> Past {
        Past {
            signature: Signature::from([1; 64]),
            slot: 5,
            time: 6,
            payer,
            fee: 5_000,
            failed: false,
            told: events
                .into_iter()
                .map(|(program, data)| Told { program, data })
                .collect(),
            truncated: false,
        }
    }

    fn of_staking(event: impl Event) -> (Address, Vec<u8>) {
        (lode_staking::ID, event.data())
    }

    fn brief(rows: &[Row]) -> Vec<(Kind, &'static str, bool, u64)> {
        let brief = rows.iter();
        brief
            .map(|row| (row.kind, row.what, row.of_whole_node, row.amount))
            .collect()
    }

    #[test]
    fn an_operator_sees_commission_and_the_stream_a_delegator_only_the_stream_a_stranger_nothing() {
        let swept = |node| {
            of_staking(staking::RewardsSwept {
                node,
                reward: 100,
                commission: 5,
                stream_end: 0,
            })
        };
        let rows = interests().rows(&past(key(99), vec![swept(key(2))]));
        assert_eq!(
            brief(&rows),
            [
                (Kind::Accrual, "commission", false, 5),
                (Kind::Accrual, "stake rewards", true, 95)
            ]
        );
        assert_eq!(rows[1].number, 1);
        let rows = interests().rows(&past(key(99), vec![swept(key(3))]));
        assert_eq!(brief(&rows), [(Kind::Accrual, "stake rewards", true, 95)]);
        assert!(interests()
            .rows(&past(key(99), vec![swept(key(42))]))
            .is_empty());
    }

    #[test]
    fn fees_of_the_wallet_and_of_its_workers_count_also_where_nothing_else_happened() {
        for payer in [key(1), key(4)] {
            let rows = interests().rows(&past(payer, vec![]));
            assert_eq!(
                brief(&rows),
                [(Kind::Fee, "of the transaction", false, 5_000)]
            );
            assert_eq!(rows[0].mint, None);
        }
    }

    #[test]
    fn jobs_are_counted_in_the_markets_mint_and_sweeps_told_apart() {
        let job = jobs::JobSettled {
            job: key(50),
            ledger: nodes_ledger(),
            units: 3,
            amount: 70,
            state: JobState::Settled as u8,
            attempt: 1,
            verdict: 1,
            flags: 0,
            padding: [0; 4],
        };
        let failed = jobs::JobSettled {
            state: JobState::Failed as u8,
            ..job
        };
        let strangers = jobs::JobSettled {
            ledger: key(42),
            ..job
        };
        let accepted = jobs::JobChanged {
            job: key(50),
            amount: 70,
            state: JobState::Accepted as u8,
            attempt: 1,
            verdict: 0,
            flags: 0,
            padding: [0; 4],
        };
        let swept = jobs::FeesSwept {
            market: key(6),
            ledger: nodes_ledger(),
            burned: 5,
            treasury: 0,
            fees: 2,
            checks: 9,
        };
        let told = [
            accepted.data(),
            job.data(),
            failed.data(),
            strangers.data(),
            swept.data(),
        ];
        let told = told.into_iter().map(|data| (lode_jobs::ID, data)).collect();
        let rows = interests().rows(&past(key(99), told));
        assert_eq!(
            brief(&rows),
            [
                (Kind::Accrual, "job", false, 70),
                (Kind::Burn, "of jobs", false, 5),
                (Kind::Fee, "of the market", false, 2),
                (Kind::Fee, "for checks", false, 9)
            ]
        );
        assert!(rows.iter().all(|row| row.mint == Some(key(7))));
    }

    #[test]
    fn a_slash_of_a_node_is_told_to_its_operator_and_its_delegators_a_bonds_to_its_owner() {
        let slashed = |node| {
            of_staking(staking::NodeSlashed {
                node,
                burned: 40,
                stake: 60,
                jailed_until: 9,
            })
        };
        for node in [key(2), key(3)] {
            let rows = interests().rows(&past(key(99), vec![slashed(node)]));
            assert_eq!(brief(&rows), [(Kind::Slash, "stake", true, 40)]);
        }
        assert!(interests()
            .rows(&past(key(99), vec![slashed(key(42))]))
            .is_empty());
        let bond = |owner| oracle::BondSlashed {
            committee: key(6),
            owner,
            bond: 1,
            slashed: 30,
            rewarded: 15,
            seat: 0,
        };
        let told = |owner| vec![(lode_oracle::ID, bond(owner).data())];
        let rows = interests().rows(&past(key(99), told(key(1))));
        assert_eq!(brief(&rows), [(Kind::Slash, "bond", false, 30)]);
        assert_eq!(rows[0].mint, Some(key(7)));
        assert!(interests().rows(&past(key(99), told(key(42)))).is_empty());
    }

    #[test]
    fn emissions_and_credits_are_claims_of_whom_they_were_paid_to() {
        let work = lode_emissions::event::WorkClaimed {
            node: key(2),
            to: key(9),
            epoch: 3,
            amount: 8,
        };
        let treasury = |to| lode_emissions::event::TreasuryClaimed {
            to,
            epoch: 3,
            amount: 1,
        };
        let told = [
            work.data(),
            treasury(key(9)).data(),
            treasury(key(42)).data(),
        ];
        let told = told.into_iter().map(|data| (lode_emissions::ID, data));
        let rows = interests().rows(&past(key(99), told.collect()));
        assert_eq!(
            brief(&rows),
            [
                (Kind::Claim, "emission for work", false, 8),
                (Kind::Claim, "treasury", false, 1)
            ]
        );
    }

    #[test]
    fn what_is_closed_by_now_is_learned_from_the_wallets_own_past() {
        let mut known = Interests {
            wallet: key(1),
            ..Interests::default()
        };
        known.learn(&past(
            key(1),
            vec![
                of_staking(staking::NodeRegistered {
                    node: key(20),
                    owner: key(1),
                    worker: key(21),
                }),
                of_staking(staking::NodeRegistered {
                    node: key(30),
                    owner: key(31),
                    worker: key(32),
                }),
                of_staking(staking::Staked {
                    node: key(40),
                    owner: key(1),
                    amount: 1,
                    shares: 1,
                }),
            ],
        ));
        assert_eq!(known.own, [key(20)].into());
        assert_eq!(known.workers, [key(21)].into());
        assert_eq!(known.delegated, [key(40)].into());
    }
}
