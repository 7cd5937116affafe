//! How a network stands to a plan: what is true already, what is missing and by which instructions it is made, what is
//! otherwise. Reads only; [`crate::apply()`] sends what this finds.
use crate::error::{Error, Result};
use crate::plan::{EmissionsPlan, MintPlan, Plan};
use lode_client::token::{self, MintInfo};
use lode_client::{addresses, instructions, Client, NodesWanted};
use lode_emissions::state::Schedule;
use lode_jobs::state::{JobsConfig, Market};
use lode_oracle::state::Committee;
use lode_staking::state::{ConfigArgs, ParameterArgs, StakingConfig};
use serde::Serialize;
use solana_address::Address;
use solana_instruction::Instruction;
use std::fmt::Display;

/// A field that the chain has otherwise than the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field's name in the plan.
    pub field: &'static str,
    /// On the chain.
    pub found: String,
    /// In the plan.
    pub wanted: String,
}

/// How the chain stands to one thing of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there as the plan says.
    There,
    /// It is not there; these instructions, in one transaction, make it.
    Missing(Vec<Instruction>),
    /// It is not there, and cannot be made before what is said here is mended.
    Incomplete(String),
    /// Its governor may change what differs, by this instruction.
    Changes(Vec<Difference>, Box<Instruction>),
    /// It differs in what nobody can change.
    Contradicts(Vec<Difference>),
}

/// One thing of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is: "mint LODE".
    pub what: String,
    /// Where it is or will be.
    pub address: Address,
    /// Who signs what makes or changes it.
    pub signer: Address,
    /// How the chain stands to it.
    pub standing: Standing,
}

/// Looks at everything that a plan names, in the order in which it is made.
///
/// `authority` is the programs' upgrade authority, a wallet or a multisig's vault: what is missing is made in its name.
pub async fn survey(plan: &Plan, client: &Client, authority: &Address) -> Result<Vec<Finding>> {
    let surveyor = Surveyor {
        plan,
        client,
        authority: *authority,
    };
    let mut findings = Vec::new();
    for mint in &plan.mints {
        findings.push(surveyor.mint(mint).await?);
    }
    let stake_mint = surveyor.mint_to_be(&plan.staking.mint).await?;
    findings.push(surveyor.staking(&stake_mint).await?);
    findings.push(surveyor.committee().await?);
    findings.push(surveyor.jobs().await?);
    if let Some(emissions) = &plan.emissions {
        findings.push(surveyor.emissions(emissions, &stake_mint).await?);
    }
    findings.push(surveyor.market().await?);
    Ok(findings)
}

struct Surveyor<'a> {
    plan: &'a Plan,
    client: &'a Client,
    authority: Address,
}

impl Surveyor<'_> {
    fn finding(&self, what: impl Into<String>, address: Address, standing: Standing) -> Finding {
        Finding {
            what: what.into(),
            address,
            signer: self.authority,
            standing,
        }
    }

    /// A mint of the plan as it is, or as it will be.
    async fn mint_to_be(&self, name: &str) -> Result<MintInfo> {
        let address = self.plan.mint(name, &self.authority)?;
        if let Some(mint) = self.client.try_mint(&address).await? {
            return Ok(mint);
        }
        let plan = self.plan.mints.iter().find(|mint| mint.name == name);
        Ok(MintInfo {
            address,
            program: addresses::TOKEN,
            authority: Some(self.authority),
            freeze_authority: None,
            supply: 0,
            decimals: plan.map(|plan| plan.decimals).unwrap_or_default(),
            symbol: None,
        })
    }

    async fn mint(&self, plan: &MintPlan) -> Result<Finding> {
        let what = format!("mint {}", plan.name);
        let me = self.authority;
        let at = self.plan.mint(&plan.name, &me)?;
        if let Some(mint) = self.client.try_mint(&at).await? {
            let mut fixed = Differences::default();
            fixed.field("decimals", &mint.decimals, &plan.decimals);
            return Ok(self.finding(what, at, fixed.fixed()));
        }
        if plan.address.is_some() {
            return Err(Error::Plan(format!(
                "The plan's mint `{}` should exist at {at}, but nothing is there: check the address, and that --url names the right cluster",
                plan.name
            )));
        }
        let rent = self.client.rent(token::MINT_BYTES).await?;
        let made = token::create_mint(&me, &plan.name, &addresses::TOKEN, plan.decimals, rent)
            .ok_or_else(|| Plan::name_too_long(&plan.name))?;
        let mut with = made.to_vec();
        if plan.supply > 0 {
            let mint = self.mint_to_be(&plan.name).await?;
            let home = mint.account_of(&me);
            with.push(token::open_associated(&me, &me, &mint));
            with.push(token::mint_to(&me, &mint, &home, plan.supply));
        }
        Ok(self.finding(what, at, Standing::Missing(with)))
    }

    async fn staking(&self, mint: &MintInfo) -> Result<Finding> {
        let what = "staking configuration";
        let at = addresses::staking::config();
        let plan = &self.plan.staking;
        let keys = &self.plan.keys;
        let Some(found) = self.client.try_account::<StakingConfig>(&at).await? else {
            let args = ConfigArgs {
                governor: keys.governor.unwrap_or(self.authority),
                guardian: keys.guardian.unwrap_or(self.authority),
                stream_seconds: plan.stream_seconds,
                unbonding_seconds: plan.unbonding_seconds,
                minimum_self_stake: plan.minimum_self_stake,
                jail_seconds: plan.jail_seconds,
                delegation_ratio: plan.delegation_ratio,
                commission_cap: plan.commission_cap,
                commission_step: plan.commission_step,
            };
            let with =
                instructions::staking::initialize_config(&self.authority, &mint.address, args);
            return Ok(self.finding(what, at, Standing::Missing(vec![with])));
        };
        let mut fixed = Differences::default();
        fixed.field("mint", &found.stake_mint, &mint.address);
        fixed.field(
            "stream_seconds",
            &found.stream_seconds,
            &plan.stream_seconds,
        );
        fixed.office("governor", &found.governor, keys.governor);
        fixed.office("guardian", &found.guardian, keys.guardian);
        let mut free = Differences::default();
        free.field(
            "unbonding_seconds",
            &found.unbonding_seconds,
            &plan.unbonding_seconds,
        );
        free.field(
            "minimum_self_stake",
            &found.minimum_self_stake,
            &plan.minimum_self_stake,
        );
        free.field("jail_seconds", &found.jail_seconds, &plan.jail_seconds);
        free.field(
            "delegation_ratio",
            &found.delegation_ratio,
            &plan.delegation_ratio,
        );
        free.field(
            "commission_cap",
            &found.commission_cap,
            &plan.commission_cap,
        );
        free.field(
            "commission_step",
            &found.commission_step,
            &plan.commission_step,
        );
        let standing = match fixed.fixed() {
            Standing::There if !free.0.is_empty() => {
                let args = ParameterArgs {
                    unbonding_seconds: plan.unbonding_seconds,
                    minimum_self_stake: plan.minimum_self_stake,
                    jail_seconds: plan.jail_seconds,
                    delegation_ratio: plan.delegation_ratio,
                    commission_cap: plan.commission_cap,
                    commission_step: plan.commission_step,
                };
                let with = instructions::staking::update_config(&found.governor, args);
                Standing::Changes(free.0, Box::new(with))
            }
            standing => standing,
        };
        Ok(Finding {
            signer: found.governor,
            ..self.finding(what, at, standing)
        })
    }

    async fn committee(&self) -> Result<Finding> {
        let what = "committee";
        let plan = &self.plan.committee;
        let at = self.plan.committee_address(&self.authority);
        let mint = self.plan.mint(&plan.mint, &self.authority)?;
        let Some(found) = self.client.try_account::<Committee>(&at).await? else {
            if plan.founders.is_empty() {
                let why = "The plan's committee has no founders: name the wallets that may join it in its first day";
                return Ok(self.finding(what, at, Standing::Incomplete(why.into())));
            }
            let with = instructions::oracle::create_committee(
                &self.authority,
                &mint,
                plan.args(&self.authority),
                plan.founders.clone(),
            );
            return Ok(self.finding(what, at, Standing::Missing(vec![with])));
        };
        let mut fixed = Differences::default();
        fixed.field("mint", &found.bond_mint, &mint);
        fixed.field("k", &found.k, &plan.k);
        fixed.field("minimum_bond", &found.minimum_bond, &plan.minimum_bond);
        fixed.field("most_units", &found.most_units, &plan.most_units);
        fixed.field("most_blob", &found.most_blob, &plan.most_blob);
        fixed.field(
            "most_memory_mib",
            &found.most_memory_mib,
            &plan.most_memory_mib,
        );
        fixed.field(
            "least_base_slots",
            &found.least_base_slots,
            &plan.least_base_slots,
        );
        fixed.field(
            "least_slots_per_million",
            &found.least_slots_per_million,
            &plan.least_slots_per_million,
        );
        Ok(self.finding(what, at, fixed.fixed()))
    }

    async fn jobs(&self) -> Result<Finding> {
        let what = "jobs configuration";
        let at = addresses::jobs::config();
        let plan = &self.plan.jobs;
        let keys = &self.plan.keys;
        let mint = self.plan.mint(&plan.mint, &self.authority)?;
        let Some(found) = self.client.try_account::<JobsConfig>(&at).await? else {
            let epoch_genesis = match plan.epoch_genesis {
                Some(genesis) => genesis,
                None => self.client.clock().await?.unix_timestamp,
            };
            let args = lode_jobs::state::ConfigArgs {
                governor: keys.governor.unwrap_or(self.authority),
                guardian: keys.guardian.unwrap_or(self.authority),
                treasury_owner: keys.treasury_owner.unwrap_or(self.authority),
                epoch_genesis,
                epoch_seconds: plan.epoch_seconds,
            };
            let with = instructions::jobs::initialize_config(&self.authority, &mint, args);
            return Ok(self.finding(what, at, Standing::Missing(vec![with])));
        };
        let mut fixed = Differences::default();
        fixed.field("mint", &found.emission_mint, &mint);
        fixed.field("epoch_seconds", &found.epoch_seconds, &plan.epoch_seconds);
        if let Some(genesis) = plan.epoch_genesis {
            fixed.field("epoch_genesis", &found.epoch_genesis, &genesis);
        }
        fixed.office("governor", &found.governor, keys.governor);
        fixed.office("guardian", &found.guardian, keys.guardian);
        fixed.office("treasury_owner", &found.treasury_owner, keys.treasury_owner);
        Ok(self.finding(what, at, fixed.fixed()))
    }

    /// Hands the mint over to the program and starts the schedule, both or neither.
    async fn emissions(&self, plan: &EmissionsPlan, mint: &MintInfo) -> Result<Finding> {
        let what = "emission schedule";
        let at = addresses::emissions::schedule();
        let owner = self.plan.keys.treasury_owner;
        let args = plan.args(&owner.unwrap_or(self.authority));
        let Some(found) = self.client.try_account::<Schedule>(&at).await? else {
            let program = addresses::emissions::mint_authority();
            let mut with = Vec::new();
            if mint.authority != Some(program) {
                with.push(token::set_mint_authority(&self.authority, mint, &program));
            }
            with.push(instructions::emissions::initialize_schedule(
                &self.authority,
                &mint.address,
                args,
            ));
            return Ok(self.finding(what, at, Standing::Missing(with)));
        };
        let mut fixed = Differences::default();
        fixed.field("mint", &found.mint, &mint.address);
        fixed.office("treasury_owner", &found.treasury_owner, owner);
        for (field, found, planned) in [
            ("cap", found.cap, args.cap),
            ("first_ceiling", found.first_ceiling, args.first_ceiling),
            ("era_epochs", found.era_epochs, args.era_epochs),
            ("breaker_limit", found.breaker_limit, args.breaker_limit),
        ] {
            fixed.field(field, &found, &planned);
        }
        for (field, found, planned) in [
            ("work_bps", found.work_bps, args.work_bps),
            ("stake_bps", found.stake_bps, args.stake_bps),
            ("treasury_bps", found.treasury_bps, args.treasury_bps),
            ("theta_bps", found.theta_bps, args.theta_bps),
            ("c_bps", found.c_bps, args.c_bps),
            ("decay_bps", found.decay_bps, args.decay_bps),
            ("breaker_epochs", found.breaker_epochs, args.breaker_epochs),
        ] {
            fixed.field(field, &found, &planned);
        }
        Ok(self.finding(what, at, fixed.fixed()))
    }

    async fn market(&self) -> Result<Finding> {
        let what = "market";
        let plan = &self.plan.market;
        let me = self.authority;
        let at = self.plan.market_address(&me);
        let mint = self.mint_to_be(&plan.mint).await?;
        let committee = self.plan.committee_address(&me);
        let args = plan.args()?;
        let Some(found) = self.client.try_account::<Market>(&at).await? else {
            let with = instructions::jobs::create_market(&me, &me, &committee, &mint, args);
            return Ok(self.finding(what, at, Standing::Missing(vec![with])));
        };
        let mut fixed = Differences::default();
        fixed.field("mint", &found.mint, &mint.address);
        fixed.field("committee", &found.committee, &committee);
        fixed.field("kind", &found.kind, &args.kind);
        let url = String::from_utf8_lossy(&found.store_url);
        let url = url.trim_end_matches('\0').to_string();
        fixed.field("store_url", &url, &plan.store_url);
        for (field, found, planned) in [
            ("units_limit", found.units_limit, plan.units_limit),
            ("blob_limit", found.blob_limit, plan.blob_limit),
            ("least_reserved", found.least_reserved, plan.least_reserved),
            ("most_reserved", found.most_reserved, plan.most_reserved),
            ("base_slots", found.base_slots, plan.base_slots),
            (
                "slots_per_million",
                found.slots_per_million,
                plan.slots_per_million,
            ),
            ("accept_window", found.accept_window, plan.accept_window),
            ("attest_window", found.attest_window, plan.attest_window),
            (
                "challenge_window",
                found.challenge_window,
                plan.challenge_window,
            ),
            ("final_below", found.final_below, plan.final_below),
            ("ramp", found.ramp, plan.ramp),
        ] {
            fixed.field(field, &found, &planned);
        }
        fixed.field("memory_mib", &found.memory_mib, &plan.memory_mib);
        let nodes = [&found.nodes, &args.nodes].map(NodesWanted::from);
        fixed.field("nodes", &nodes[0], &nodes[1]);
        fixed.field("surcharge_bps", &found.surcharge_bps, &plan.surcharge_bps);
        for (field, found, planned) in [
            ("retention_days", found.retention_days, plan.retention_days),
            ("check_bps", found.check_bps, plan.check_bps),
            ("burn_bps", found.burn_bps, plan.burn_bps),
            ("fee_bps", found.fee_bps, plan.fee_bps),
            ("late_bps", found.late_bps, plan.late_bps),
            ("fault_bps", found.fault_bps, plan.fault_bps),
        ] {
            fixed.field(field, &found, &planned);
        }
        Ok(self.finding(what, at, fixed.fixed()))
    }
}

/// Fields that differ.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn field<T: PartialEq + Display>(&mut self, field: &'static str, found: &T, wanted: &T) {
        if found != wanted {
            self.0.push(Difference {
                field,
                found: found.to_string(),
                wanted: wanted.to_string(),
            });
        }
    }

    /// An office that the plan names; where it names none, whoever holds it holds it.
    fn office(&mut self, field: &'static str, found: &Address, wanted: Option<Address>) {
        if let Some(wanted) = wanted {
            self.field(field, found, &wanted);
        }
    }

    /// How the chain stands, if nobody can change these fields.
    fn fixed(self) -> Standing {
        if self.0.is_empty() {
            Standing::There
        } else {
            Standing::Contradicts(self.0)
        }
    }
}
