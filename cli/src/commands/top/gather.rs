//! What a frame shows: one request for all accounts that are known, one for the jobs of each node, one for those of the
//! wallet. Which accounts there are is asked anew now and then.
use crate::commands::job::{state_name, verdict_name};
use crate::commands::node;
use crate::commands::oracle::seat_state;
use crate::context::Context;
use crate::output::{sol, time, Cell, Output, Rows, Token};
use anyhow::Result;
use lode_client::accounts::{decode, required};
use lode_client::{addresses, filter, LodeAccount};
use lode_emissions::state::Schedule;
use lode_jobs::state::{Job, JobState, Ledger, Market};
use lode_oracle::state::{Committee, Oracle};
use lode_staking::state::{Delegation, Node, StakingConfig};
use serde_json::Value;
use solana_address::Address;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long it is believed which accounts there are.
const BELIEVED: Duration = Duration::from_secs(20);

/// A table.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// Names of its columns.
    pub columns: &'static [&'static str],
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
    /// Said where there are none.
    pub empty: &'static str,
}

/// The network as it concerns a wallet, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Names and values.
    pub head: Rows,
    /// Tables.
    pub sections: Vec<Section>,
}

impl Snapshot {
    /// All of it for programs.
    pub fn json(&self, out: &Output) -> Value {
        let mut whole = crate::output::object(self.head.clone());
        if let Value::Object(fields) = &mut whole {
            for section in &self.sections {
                let rows = out.objects(section.columns, &section.rows);
                fields.insert(section.name.into(), rows);
            }
        }
        whole
    }
}

/// Which accounts there are.
struct Places {
    at: Instant,
    nodes: Vec<Address>,
    ledgers: Vec<Address>,
    /// With the node that each is on.
    delegations: Vec<(Address, Address)>,
    /// With the committee that each sits in.
    oracles: Vec<(Address, Address)>,
}

/// Where frames come from.
pub struct Source<'a> {
    context: &'a Context,
    wallet: Address,
    places: Option<Places>,
    /// Terms and tokens hold for ever: read once.
    markets: BTreeMap<Address, (Market, Token)>,
    tokens: BTreeMap<Address, Token>,
}

impl<'a> Source<'a> {
    /// Of a wallet.
    pub fn new(wallet: Address, context: &'a Context) -> Self {
        Self {
            context,
            wallet,
            places: None,
            markets: BTreeMap::new(),
            tokens: BTreeMap::new(),
        }
    }

    async fn places(&self) -> Result<Places> {
        let (client, wallet) = (&self.context.client, self.wallet);
        let (by_owner, by_authority) = (
            [filter!(Node, owner, wallet)],
            [filter!(Ledger, authority, wallet)],
        );
        let (on_nodes, in_committees) = (
            [filter!(Delegation, owner, wallet)],
            [filter!(Oracle, owner, wallet)],
        );
        let (nodes, ledgers, delegations, oracles) = tokio::try_join!(
            client.get_program_accounts::<Node>(&by_owner),
            client.get_program_accounts::<Ledger>(&by_authority),
            client.get_program_accounts::<Delegation>(&on_nodes),
            client.get_program_accounts::<Oracle>(&in_committees),
        )?;
        let mut places = Places {
            at: Instant::now(),
            nodes: nodes.iter().map(|(at, _)| *at).collect(),
            ledgers: ledgers.iter().map(|(at, _)| *at).collect(),
            delegations: delegations.iter().map(|(at, d)| (*at, d.node)).collect(),
            oracles: oracles.iter().map(|(at, o)| (*at, o.committee)).collect(),
        };
        // in the same order in every frame
        places.nodes.sort_unstable();
        places.ledgers.sort_unstable();
        places.delegations.sort_unstable();
        places.oracles.sort_unstable();
        Ok(places)
    }

    async fn token(&mut self, mint: &Address) -> Result<Token> {
        if let Some(token) = self.tokens.get(mint) {
            return Ok(token.clone());
        }
        let token = self.context.token(mint).await?;
        self.tokens.insert(*mint, token.clone());
        Ok(token)
    }

    async fn market_token(&mut self, at: &Address) -> Result<Token> {
        if let Some((_, token)) = self.markets.get(at) {
            return Ok(token.clone());
        }
        let (_, market) = self.context.market(Some(*at)).await?;
        let token = self.token(&market.mint).await?;
        self.markets.insert(*at, (market, token.clone()));
        Ok(token)
    }

    /// Looks at the chain once.
    pub async fn look(&mut self) -> Result<Snapshot> {
        let believed = |places: &Places| places.at.elapsed() < BELIEVED;
        let places = match self.places.take().filter(believed) {
            Some(places) => places,
            None => self.places().await?,
        };
        let snapshot = self.frame(&places).await;
        self.places = Some(places);
        snapshot
    }

    async fn frame(&mut self, places: &Places) -> Result<Snapshot> {
        let client = self.context.client.clone();
        let (staking, schedule) = (
            addresses::staking::config(),
            addresses::emissions::schedule(),
        );
        let mut at = vec![addresses::CLOCK, staking, schedule, self.wallet];
        at.extend(&places.nodes);
        at.extend(&places.ledgers);
        at.extend(places.delegations.iter().flat_map(|(at, node)| [at, node]));
        at.extend(places.oracles.iter().flat_map(|(at, of)| [at, of]));
        at.sort_unstable();
        at.dedup();
        let found = client.raw_accounts(&at).await?;
        let known: BTreeMap<Address, solana_account::Account> = at
            .iter()
            .zip(found)
            .filter_map(|(at, account)| Some((*at, account?)))
            .collect();
        // What was closed since its address was learnt is left out.
        fn one<T: LodeAccount>(
            known: &BTreeMap<Address, solana_account::Account>,
            at: &Address,
        ) -> Result<Option<T>> {
            Ok(known
                .get(at)
                .map(|account| decode::<T>(at, account))
                .transpose()?)
        }
        let clock = client.clock_of(known.get(&addresses::CLOCK))?;
        let config: StakingConfig = required(&staking, known.get(&staking))?;
        let stake = self.token(&config.stake_mint).await?;

        let mut head: Rows = vec![
            ("wallet", self.wallet.into()),
            (
                "fees",
                sol(known
                    .get(&self.wallet)
                    .map_or(0, |account| account.lamports)),
            ),
            ("server", client.url().into()),
            ("slot", clock.slot.into()),
            ("time", time(clock.unix_timestamp)),
        ];
        if let Some(schedule) = one::<Schedule>(&known, &schedule)? {
            let now = clock.unix_timestamp;
            if let Some(epoch) = schedule.epoch(now) {
                let into = (now - schedule.genesis).rem_euclid(schedule.epoch_seconds.max(1));
                head.push(("epoch", epoch.into()));
                let left = schedule.epoch_seconds.saturating_sub(into);
                head.push(("epoch_ends", time(now.saturating_add(left))));
            }
        }

        let mut nodes = Vec::new();
        for at in &places.nodes {
            let Some(node) = one::<Node>(&known, at)? else {
                continue;
            };
            nodes.push(vec![
                Cell::from(*at),
                node::state(&node).into(),
                stake.cell(node.stake),
                stake.cell(node.self_stake().unwrap_or_default()),
                node.skin_is_in(&config).unwrap_or(false).into(),
                crate::output::bps(node.commission),
                time(node.jailed_until),
                stake.cell(node.slashed_total),
            ]);
        }
        let mut stakes = Vec::new();
        for (at, node_at) in &places.delegations {
            let found = (
                one::<Delegation>(&known, at)?,
                one::<Node>(&known, node_at)?,
            );
            let (Some(delegation), Some(node)) = found else {
                continue;
            };
            let worth = node.worth(delegation.active_shares).unwrap_or_default();
            stakes.push(vec![
                Cell::from(*node_at),
                node::state(&node).into(),
                stake.cell(worth),
                delegation.open_tickets.into(),
            ]);
        }
        let mut accounts = Vec::new();
        for at in &places.ledgers {
            let Some(ledger) = one::<Ledger>(&known, at)? else {
                continue;
            };
            let token = self.market_token(&ledger.market).await?;
            let own = ledger.party == self.wallet;
            accounts.push(vec![
                Cell::from(ledger.market),
                if own { "wallet" } else { "node" }.into(),
                ledger.party.into(),
                token.cell(ledger.available),
                token.cell(ledger.locked),
                ledger.open_jobs.into(),
                if own {
                    Cell::none()
                } else {
                    token.cell(ledger.turnover)
                },
                if own {
                    token.cell(ledger.turnover)
                } else {
                    Cell::none()
                },
                token.cell(ledger.credits),
                ledger.settled.into(),
                ledger.failed.into(),
            ]);
        }
        let mut seats = Vec::new();
        for (at, committee_at) in &places.oracles {
            let found = (
                one::<Oracle>(&known, at)?,
                one::<Committee>(&known, committee_at)?,
            );
            let (Some(oracle), Some(committee)) = found else {
                continue;
            };
            let token = self.token(&committee.bond_mint).await?;
            let seat = committee.seat(oracle.seat).ok();
            let seat = seat.filter(|seat| oracle.is_seated() && seat.owner == self.wallet);
            seats.push(vec![
                Cell::from(*committee_at),
                seat.map_or_else(Cell::none, |_| oracle.seat.into()),
                seat.map_or("none", |seat| seat_state(seat, clock.unix_timestamp))
                    .into(),
                token.cell(oracle.bond),
                oracle.misses.into(),
                oracle.faults.into(),
                seat.map_or_else(Cell::none, |seat| time(seat.left_at)),
            ]);
        }
        let jobs = self.jobs(places, clock.slot).await?;
        let section = |name, columns, rows, empty| Section {
            name,
            columns,
            rows,
            empty,
        };
        Ok(Snapshot {
            head,
            sections: vec![
                section(
                    "nodes",
                    &[
                        "node",
                        "state",
                        "stake",
                        "own_stake",
                        "may_work",
                        "commission",
                        "jailed_until",
                        "slashed",
                    ],
                    nodes,
                    "No node: `lode node register` makes one.",
                ),
                section(
                    "jobs",
                    &[
                        "job",
                        "as",
                        "state",
                        "attempt",
                        "verdict",
                        "price",
                        "units_limit",
                        "units",
                        "slots_left",
                    ],
                    jobs,
                    "No job under way.",
                ),
                section(
                    "accounts",
                    &[
                        "market",
                        "of",
                        "party",
                        "available",
                        "locked",
                        "open_jobs",
                        "earned",
                        "spent",
                        "credits",
                        "settled",
                        "failed",
                    ],
                    accounts,
                    "No account in any market: `lode account open` makes one.",
                ),
                section(
                    "stakes",
                    &["node", "state", "stake", "tickets"],
                    stakes,
                    "No stake: `lode stake delegate AMOUNT --node ADDRESS` puts some on a node.",
                ),
                section(
                    "seats",
                    &[
                        "committee",
                        "seat",
                        "state",
                        "bond",
                        "misses",
                        "faults",
                        "until",
                    ],
                    seats,
                    "No seat in a committee.",
                ),
            ],
        })
    }

    /// Jobs under way: those of the nodes, and those that the wallet posted. The windows that end first come first.
    async fn jobs(&mut self, places: &Places, slot: u64) -> Result<Vec<Vec<Cell>>> {
        let client = self.context.client.clone();
        let mut found = Vec::new();
        for node in &places.nodes {
            let of_node = [filter!(Job, node, *node)];
            let jobs = client.get_program_accounts::<Job>(&of_node).await?;
            found.extend(jobs.into_iter().map(|(at, job)| (at, job, "node")));
        }
        let posted = [filter!(Job, payer, self.wallet)];
        let posted = client.get_program_accounts::<Job>(&posted).await?;
        found.extend(posted.into_iter().map(|(at, job)| (at, job, "customer")));
        found.retain(|(_, job, role)| {
            // an open job that names a node is not the node's yet
            let open = job.state == JobState::Open as u8;
            !job.is_final() && (*role == "customer" || !open)
        });
        found.sort_unstable_by_key(|(at, job, role)| (job.deadline, *at, *role));
        let mut rows = Vec::new();
        for (at, job, role) in found {
            let token = self.market_token(&job.market).await?;
            rows.push(vec![
                Cell::from(at),
                role.into(),
                state_name(&job).into(),
                job.attempt.into(),
                verdict_name(job.verdict),
                token.cell(job.price),
                job.units_limit.into(),
                job.units.into(),
                job.deadline.saturating_sub(slot).into(),
            ]);
        }
        Ok(rows)
    }
}

/// A frame of known values, for tests of what is drawn.
#[cfg(test)]
pub fn sample() -> Snapshot {
    let at = Address::new_from_array([7; 32]);
    let section = |name, columns, rows, empty| Section {
        name,
        columns,
        rows,
        empty,
    };
    let row = |i: u64| vec![Cell::from(at), "accepted".into(), Cell::from(i)];
    Snapshot {
        head: vec![
            ("wallet", at.into()),
            ("slot", 5u64.into()),
            ("epoch", 3u64.into()),
        ],
        sections: vec![
            section("nodes", &["node", "state", "stake"], vec![row(1)], "none"),
            section(
                "jobs",
                &["job", "state", "units"],
                (0..30).map(row).collect(),
                "none",
            ),
            section(
                "seats",
                &["committee", "state", "misses"],
                Vec::new(),
                "No seat in a committee.",
            ),
        ],
    }
}
