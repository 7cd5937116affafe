//! A migration plan: what a network is to be, in TOML.
use crate::error::{Error, Result};
use lode_client::{addresses, NodesWanted};
use lode_emissions::state::ScheduleArgs;
use lode_jobs::state::{MarketArgs, MarketKind, NodeFilter};
use lode_oracle::state::CommitteeArgs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use solana_address::Address;
use std::path::Path;

/// What [`crate::apply()`] makes true. Steps stand in the order in which they are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What the network is called.
    pub name: String,
    /// Who holds which office.
    #[serde(default)]
    pub keys: KeysPlan,
    /// Mints to make, or to use.
    #[serde(default)]
    pub mints: Vec<MintPlan>,
    /// Configuration of the staking program.
    pub staking: StakingPlan,
    /// Configuration of the jobs program.
    pub jobs: JobsPlan,
    /// The emission schedule; without it the mint stays with its authority and nothing is emitted.
    pub emissions: Option<EmissionsPlan>,
    /// A committee.
    pub committee: CommitteePlan,
    /// A market that the committee serves.
    pub market: MarketPlan,
}

/// Who holds which office; what is not named is whoever applies the plan. An office changes hands by
/// `lode network handover` and `set`, never by a plan: what the chain has otherwise is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysPlan {
    /// Governor of the staking and the jobs program: a multisig.
    #[serde(default, with = "optional_address")]
    pub governor: Option<Address>,
    /// Who may pause both.
    #[serde(default, with = "optional_address")]
    pub guardian: Option<Address>,
    /// Whose associated accounts burn fees of other mints and the treasury's share of emissions go to.
    #[serde(default, with = "optional_address")]
    pub treasury_owner: Option<Address>,
}

/// A mint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MintPlan {
    /// The name by which the rest of the plan calls it.
    pub name: String,
    /// Digits after the point.
    pub decimals: u8,
    /// A mint that exists; without it one is made at an address derived from the authority and the name.
    #[serde(default, with = "optional_address")]
    pub address: Option<Address>,
    /// Base units that the authority gets when the mint is made.
    #[serde(default)]
    pub supply: u64,
}

/// Configuration of the staking program. Durations are seconds, amounts base units, shares basis points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakingPlan {
    /// Name of the mint of all stake.
    pub mint: String,
    /// How long rewards stream: one epoch.
    pub stream_seconds: i64,
    /// How long unbonding takes.
    pub unbonding_seconds: i64,
    /// Self-stake that a node needs to accept jobs.
    pub minimum_self_stake: u64,
    /// How long a slash jails.
    pub jail_seconds: i64,
    /// Most delegated stake as a multiple of self-stake.
    pub delegation_ratio: u16,
    /// Highest commission.
    pub commission_cap: u16,
    /// Largest rise of a commission.
    pub commission_step: u16,
}

/// Configuration of the jobs program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsPlan {
    /// Name of the mint whose burn fees earn points.
    pub mint: String,
    /// When epoch 0 begins, unix seconds; without it, when the configuration is made.
    pub epoch_genesis: Option<i64>,
    /// Length of an epoch, seconds: the staking plan's `stream_seconds`.
    pub epoch_seconds: i64,
}

/// The emission schedule. All of it is fixed for ever; mint and clock are those of staking and jobs. Amounts are base
/// units, shares basis points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmissionsPlan {
    /// Most that is ever minted.
    pub cap: u64,
    /// Most that an epoch of the first era mints.
    pub first_ceiling: u64,
    /// Epochs in an era.
    pub era_epochs: u64,
    /// What the ceiling loses each era.
    pub decay_bps: u16,
    /// Share of work.
    pub work_bps: u16,
    /// Share of stake.
    pub stake_bps: u16,
    /// Share of the treasury.
    pub treasury_bps: u16,
    /// Most that an epoch mints of what it burned.
    pub theta_bps: u16,
    /// Multiple of its share of work up to which a node's stake counts.
    pub c_bps: u16,
    /// The breaker's window, epochs.
    pub breaker_epochs: u16,
    /// Most that is finalised within it.
    pub breaker_limit: u64,
}

impl EmissionsPlan {
    /// What `initialize_schedule` is told.
    pub fn args(&self, treasury_owner: &Address) -> ScheduleArgs {
        ScheduleArgs {
            treasury_owner: *treasury_owner,
            cap: self.cap,
            first_ceiling: self.first_ceiling,
            era_epochs: self.era_epochs,
            breaker_limit: self.breaker_limit,
            work_bps: self.work_bps,
            stake_bps: self.stake_bps,
            treasury_bps: self.treasury_bps,
            theta_bps: self.theta_bps,
            c_bps: self.c_bps,
            decay_bps: self.decay_bps,
            breaker_epochs: self.breaker_epochs,
        }
    }
}

/// A committee. All of it is fixed for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteePlan {
    /// Which of the authority's committees.
    pub id: u16,
    /// Name of the mint of the bonds.
    pub mint: String,
    /// Panel size: 3, 5, 7 or 9.
    pub k: u8,
    /// Smallest bond, base units.
    pub minimum_bond: u64,
    /// Most units of a job.
    pub most_units: u64,
    /// Most bytes of a blob.
    pub most_blob: u64,
    /// Most memory of a job, MiB.
    pub most_memory_mib: u32,
    /// Least slots a job.
    pub least_base_slots: u64,
    /// Least slots more for each million units.
    pub least_slots_per_million: u64,
    /// Who may join in the first day; asked for only when the committee is made.
    #[serde(default, with = "addresses_as_text")]
    pub founders: Vec<Address>,
}

impl CommitteePlan {
    /// What `create_committee` is told.
    pub fn args(&self, governor: &Address) -> CommitteeArgs {
        CommitteeArgs {
            id: self.id,
            k: self.k,
            governor: *governor,
            minimum_bond: self.minimum_bond,
            most_units: self.most_units,
            most_blob: self.most_blob,
            most_memory_mib: self.most_memory_mib,
            least_base_slots: self.least_base_slots,
            least_slots_per_million: self.least_slots_per_million,
        }
    }
}

/// How a market's jobs find their nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindPlan {
    /// The first node that accepts.
    #[default]
    FirstCome,
    /// The node that bids least.
    Auction,
}

/// A market of runtime 1. All of it is fixed for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketPlan {
    /// Which of the authority's markets.
    pub id: u32,
    /// How jobs find their nodes: "first-come" or "auction".
    #[serde(default)]
    pub kind: KindPlan,
    /// Name of the payment mint.
    pub mint: String,
    /// URL of the gateway that stores blobs and signatures, at most 96 bytes.
    pub store_url: String,
    /// Most units of a job.
    pub units_limit: u64,
    /// Most memory of a job, MiB.
    pub memory_mib: u32,
    /// Most bytes of a blob.
    pub blob_limit: u64,
    /// Least escrow, base units.
    pub least_reserved: u64,
    /// Most escrow, base units.
    pub most_reserved: u64,
    /// Slots that a node has for any job.
    pub base_slots: u64,
    /// Slots that a node has more for each million units.
    pub slots_per_million: u64,
    /// Slots that a job waits for a node.
    pub accept_window: u64,
    /// Slots that the committee has.
    pub attest_window: u64,
    /// Slots in which a verdict may be challenged.
    pub challenge_window: u64,
    /// Days that a final job stays.
    pub retention_days: u16,
    /// Share of results that are checked.
    pub check_bps: u16,
    /// Of the work, added for checks.
    pub surcharge_bps: u32,
    /// Of the work, burned.
    pub burn_bps: u16,
    /// Of the work, the market's.
    pub fee_bps: u16,
    /// Of the escrow, forfeited by a late node.
    pub late_bps: u16,
    /// Of the node's stake, slashed for a lie.
    pub fault_bps: u16,
    /// Escrows below this have no challenge window after a match, base units.
    pub final_below: u64,
    /// Slots until the lottery has let every node in; 0 for no lottery.
    pub ramp: u64,
    /// Which nodes may run its jobs, by what they declare; every node by default.
    #[serde(default)]
    pub nodes: NodesWanted,
}

impl MarketPlan {
    /// What `create_market` is told.
    pub fn args(&self) -> Result<MarketArgs> {
        Ok(MarketArgs {
            id: self.id,
            kind: match self.kind {
                KindPlan::FirstCome => MarketKind::FirstCome,
                KindPlan::Auction => MarketKind::Auction,
            } as u8,
            runtime: lode_jobs::constants::RUNTIME,
            store_url: self.store_url_bytes()?,
            units_limit: self.units_limit,
            memory_mib: self.memory_mib,
            blob_limit: self.blob_limit,
            least_reserved: self.least_reserved,
            most_reserved: self.most_reserved,
            base_slots: self.base_slots,
            slots_per_million: self.slots_per_million,
            accept_window: self.accept_window,
            attest_window: self.attest_window,
            challenge_window: self.challenge_window,
            retention_days: self.retention_days,
            check_bps: self.check_bps,
            surcharge_bps: self.surcharge_bps,
            burn_bps: self.burn_bps,
            fee_bps: self.fee_bps,
            late_bps: self.late_bps,
            fault_bps: self.fault_bps,
            final_below: self.final_below,
            ramp: self.ramp,
            nodes: self.nodes_filter()?,
        })
    }

    fn nodes_filter(&self) -> Result<NodeFilter> {
        let filter = self.nodes.filter();
        filter.map_err(|error| Error::Plan(format!("The market's nodes: {error}")))
    }

    /// The store's URL as the market keeps it: zero-padded.
    pub fn store_url_bytes(&self) -> Result<[u8; 96]> {
        let url = self.store_url.as_bytes();
        let mut padded = [0; 96];
        padded
            .get_mut(..url.len())
            .ok_or_else(|| {
                Error::Plan(format!(
                    "The market's store_url `{}` is longer than 96 bytes",
                    self.store_url
                ))
            })?
            .copy_from_slice(url);
        Ok(padded)
    }
}

/// Reads a plan or a part of one; an error is one sentence that names the line.
pub fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let reason = error.message().replace('\n', ", ");
        let before = error.span().and_then(|span| text.get(..span.start));
        match before {
            Some(before) => {
                let line = before.matches('\n').count() + 1;
                Error::Plan(format!("line {line}: {reason}"))
            }
            None => Error::Plan(reason),
        }
    })
}

impl Plan {
    /// Reads a plan.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::Plan(format!(
                "The plan {} cannot be read ({error}): name another",
                path.display()
            ))
        })?;
        Self::parse(&text).map_err(|error| {
            Error::Plan(format!("The plan {} is not right: {error}", path.display()))
        })
    }

    /// Reads a plan from its text.
    pub fn parse(text: &str) -> Result<Self> {
        from_toml(text)
    }

    /// The address of one of the plan's mints, under an authority.
    pub fn mint(&self, name: &str, authority: &Address) -> Result<Address> {
        let plan = self.mints.iter().find(|mint| mint.name == name);
        let plan = plan.ok_or_else(|| {
            let known: Vec<&str> = self.mints.iter().map(|m| m.name.as_str()).collect();
            Error::Plan(format!(
                "There is no mint `{name}` in the plan, only: {}",
                known.join(", ")
            ))
        })?;
        match plan.address {
            Some(address) => Ok(address),
            None => lode_client::token::mint_address(authority, name, &addresses::TOKEN)
                .ok_or_else(|| Self::name_too_long(name)),
        }
    }

    pub(crate) fn name_too_long(name: &str) -> Error {
        Error::Plan(format!("The mint's name `{name}` is longer than 32 bytes"))
    }

    /// The committee's address, under an authority.
    pub fn committee_address(&self, authority: &Address) -> Address {
        addresses::oracle::committee(authority, self.committee.id)
    }

    /// The market's address, under an authority.
    pub fn market_address(&self, authority: &Address) -> Address {
        addresses::jobs::market(authority, self.market.id)
    }
}

/// Addresses as base58 text.
pub(crate) mod optional_address {
    use serde::{Deserialize, Deserializer, Serializer};
    use solana_address::Address;

    pub fn serialize<S: Serializer>(address: &Option<Address>, to: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => to.serialize_some(&address.to_string()),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Address>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom))
            .transpose()
    }
}

/// Lists of addresses as base58 text.
pub(crate) mod addresses_as_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use solana_address::Address;

    pub fn serialize<S: Serializer>(addresses: &[Address], to: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        texts.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Address>, D::Error> {
        Vec::<String>::deserialize(from)?
            .iter()
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .collect()
    }
}
