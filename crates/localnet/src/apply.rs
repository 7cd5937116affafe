//! Making a plan true.
//!
//! Each step looks first: what is true already is left alone, what is fixed and otherwise is an error, and only what
//! is missing is made. So a plan can be applied as often as one likes, and goes on where it was interrupted.
use crate::error::{Error, Result};
use crate::plan::{EmissionsPlan, Plan};
use lode_client::instructions;
use lode_client::send::Wallet;
use lode_client::token::{self, MintInfo};
use lode_client::{addresses, Client, Sent};
use lode_emissions::state::Schedule;
use lode_jobs::state::{JobsConfig, Market};
use lode_oracle::state::Committee;
use lode_staking::state::{ConfigArgs, StakingConfig};
use solana_address::Address;
use solana_instruction::Instruction;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was made, by this transaction.
    Made(Sent),
    /// It was true already.
    Skipped,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it makes: "mint LODE".
    pub what: String,
    /// Where.
    pub address: Address,
    /// What became of it.
    pub outcome: Outcome,
}

/// What [`apply`] did, and where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// All steps, in order.
    pub steps: Vec<Step>,
    /// Mint of all stake.
    pub stake_mint: MintInfo,
    /// Mint that the market is paid in.
    pub payment_mint: MintInfo,
    /// The committee.
    pub committee: Address,
    /// The market.
    pub market: Address,
}

impl Report {
    /// Whether everything was true already.
    pub fn all_skipped(&self) -> bool {
        self.steps
            .iter()
            .all(|step| step.outcome == Outcome::Skipped)
    }
}

struct Applier<'a> {
    plan: &'a Plan,
    client: &'a Client,
    authority: Wallet<'a>,
    steps: Vec<Step>,
}

/// Makes a plan true.
///
/// `authority` is the programs' upgrade authority; it becomes governor and guardian, makes the mints, creates the
/// committee and the market, and pays for all of it.
pub async fn apply(plan: &Plan, client: &Client, authority: Wallet<'_>) -> Result<Report> {
    let mut applier = Applier {
        plan,
        client,
        authority,
        steps: Vec::new(),
    };
    for mint in &plan.mints {
        applier.mint(mint).await?;
    }
    let stake_mint = applier.known_mint(&plan.staking.mint).await?;
    applier.staking(&stake_mint).await?;
    let committee = applier.committee().await?;
    applier.jobs().await?;
    if let Some(emissions) = &plan.emissions {
        applier.emissions(emissions, &stake_mint).await?;
    }
    // read again: starting the schedule changed who makes more of them
    let stake_mint = applier.known_mint(&plan.staking.mint).await?;
    let payment_mint = applier.known_mint(&plan.market.mint).await?;
    let market = applier.market(&payment_mint).await?;
    Ok(Report {
        steps: applier.steps,
        stake_mint,
        payment_mint,
        committee,
        market,
    })
}

impl Applier<'_> {
    fn me(&self) -> Address {
        self.authority.pubkey()
    }

    async fn make(&mut self, what: String, at: Address, with: &[Instruction]) -> Result<()> {
        let sent = self.client.send(with, self.authority, &[]).await?;
        tracing::info!(%at, signature = %sent.signature, "made {what}");
        self.steps.push(Step {
            what,
            address: at,
            outcome: Outcome::Made(sent),
        });
        Ok(())
    }

    fn skip(&mut self, what: String, at: Address) {
        self.steps.push(Step {
            what,
            address: at,
            outcome: Outcome::Skipped,
        });
    }

    async fn known_mint(&self, name: &str) -> Result<MintInfo> {
        let at = self.plan.mint(name, &self.me())?;
        Ok(self.client.mint(&at).await?)
    }

    async fn mint(&mut self, plan: &crate::plan::MintPlan) -> Result<()> {
        let what = format!("mint {}", plan.name);
        let at = self.plan.mint(&plan.name, &self.me())?;
        if let Some(mint) = self.client.try_mint(&at).await? {
            same("mint", at, "decimals", &mint.decimals, &plan.decimals)?;
            self.skip(what, at);
            return Ok(());
        }
        if plan.address.is_some() {
            return Err(Error::Plan(format!(
                "The plan's mint `{}` should exist at {at}, but nothing is there: check the address, and that --url names the right cluster",
                plan.name
            )));
        }
        let rent = self.client.rent(token::MINT_BYTES).await?;
        let made = token::create_mint(
            &self.me(),
            &plan.name,
            &addresses::TOKEN,
            plan.decimals,
            rent,
        )
        .ok_or_else(|| {
            Error::Plan(format!(
                "The mint's name `{}` is longer than 32 bytes",
                plan.name
            ))
        })?;
        let mut with = made.to_vec();
        if plan.supply > 0 {
            let me = self.me();
            let mint = MintInfo {
                address: at,
                program: addresses::TOKEN,
                authority: Some(me),
                freeze_authority: None,
                supply: 0,
                decimals: plan.decimals,
            };
            let home = mint.account_of(&me);
            with.push(token::open_associated(&me, &me, &mint));
            with.push(token::mint_to(&me, &mint, &home, plan.supply));
        }
        self.make(what, at, &with).await
    }

    async fn staking(&mut self, mint: &MintInfo) -> Result<()> {
        let what = "staking configuration";
        let at = addresses::staking::config();
        let plan = &self.plan.staking;
        if let Some(found) = self.client.try_account::<StakingConfig>(&at).await? {
            same(what, at, "mint", &found.stake_mint, &mint.address)?;
            same(
                what,
                at,
                "stream_seconds",
                &found.stream_seconds,
                &plan.stream_seconds,
            )?;
            same(
                what,
                at,
                "unbonding_seconds",
                &found.unbonding_seconds,
                &plan.unbonding_seconds,
            )?;
            same(
                what,
                at,
                "minimum_self_stake",
                &found.minimum_self_stake,
                &plan.minimum_self_stake,
            )?;
            same(
                what,
                at,
                "jail_seconds",
                &found.jail_seconds,
                &plan.jail_seconds,
            )?;
            same(
                what,
                at,
                "delegation_ratio",
                &found.delegation_ratio,
                &plan.delegation_ratio,
            )?;
            same(
                what,
                at,
                "commission_cap",
                &found.commission_cap,
                &plan.commission_cap,
            )?;
            same(
                what,
                at,
                "commission_step",
                &found.commission_step,
                &plan.commission_step,
            )?;
            self.skip(what.into(), at);
            return Ok(());
        }
        let args = ConfigArgs {
            governor: self.me(),
            guardian: self.me(),
            stream_seconds: plan.stream_seconds,
            unbonding_seconds: plan.unbonding_seconds,
            minimum_self_stake: plan.minimum_self_stake,
            jail_seconds: plan.jail_seconds,
            delegation_ratio: plan.delegation_ratio,
            commission_cap: plan.commission_cap,
            commission_step: plan.commission_step,
        };
        let with = instructions::staking::initialize_config(&self.me(), &mint.address, args);
        self.make(what.into(), at, &[with]).await
    }

    async fn committee(&mut self) -> Result<Address> {
        let what = "committee";
        let plan = &self.plan.committee;
        let at = self.plan.committee_address(&self.me());
        let mint = self.plan.mint(&plan.mint, &self.me())?;
        if let Some(found) = self.client.try_account::<Committee>(&at).await? {
            same(what, at, "mint", &found.bond_mint, &mint)?;
            same(what, at, "k", &found.k, &plan.k)?;
            same(
                what,
                at,
                "minimum_bond",
                &found.minimum_bond,
                &plan.minimum_bond,
            )?;
            same(what, at, "most_units", &found.most_units, &plan.most_units)?;
            same(what, at, "most_blob", &found.most_blob, &plan.most_blob)?;
            same(
                what,
                at,
                "most_memory_mib",
                &found.most_memory_mib,
                &plan.most_memory_mib,
            )?;
            same(
                what,
                at,
                "least_base_slots",
                &found.least_base_slots,
                &plan.least_base_slots,
            )?;
            same(
                what,
                at,
                "least_slots_per_million",
                &found.least_slots_per_million,
                &plan.least_slots_per_million,
            )?;
            self.skip(what.into(), at);
            return Ok(at);
        }
        if plan.founders.is_empty() {
            return Err(Error::Plan(
                "The plan's committee has no founders: name the wallets that may join it in its first day".into(),
            ));
        }
        let args = plan.args(&self.me());
        let founders = plan.founders.clone();
        let with = instructions::oracle::create_committee(&self.me(), &mint, args, founders);
        self.make(what.into(), at, &[with]).await?;
        Ok(at)
    }

    async fn jobs(&mut self) -> Result<()> {
        let what = "jobs configuration";
        let at = addresses::jobs::config();
        let plan = &self.plan.jobs;
        let mint = self.plan.mint(&plan.mint, &self.me())?;
        if let Some(found) = self.client.try_account::<JobsConfig>(&at).await? {
            same(what, at, "mint", &found.emission_mint, &mint)?;
            same(
                what,
                at,
                "epoch_seconds",
                &found.epoch_seconds,
                &plan.epoch_seconds,
            )?;
            if let Some(genesis) = plan.epoch_genesis {
                same(what, at, "epoch_genesis", &found.epoch_genesis, &genesis)?;
            }
            self.skip(what.into(), at);
            return Ok(());
        }
        let epoch_genesis = match plan.epoch_genesis {
            Some(genesis) => genesis,
            None => self.client.clock().await?.unix_timestamp,
        };
        let args = lode_jobs::state::ConfigArgs {
            governor: self.me(),
            guardian: self.me(),
            treasury_owner: self.me(),
            epoch_genesis,
            epoch_seconds: plan.epoch_seconds,
        };
        let with = instructions::jobs::initialize_config(&self.me(), &mint, args);
        self.make(what.into(), at, &[with]).await
    }

    /// Hands the mint over to the program and starts the schedule, both or neither.
    async fn emissions(&mut self, plan: &EmissionsPlan, mint: &MintInfo) -> Result<()> {
        let what = "emission schedule";
        let at = addresses::emissions::schedule();
        let args = plan.args(&self.me());
        if let Some(found) = self.client.try_account::<Schedule>(&at).await? {
            same(what, at, "mint", &found.mint, &mint.address)?;
            if plan.treasury_owner.is_some() {
                let owner = &args.treasury_owner;
                same(what, at, "treasury_owner", &found.treasury_owner, owner)?;
            }
            same(what, at, "cap", &found.cap, &args.cap)?;
            for (field, found, planned) in [
                ("first_ceiling", found.first_ceiling, args.first_ceiling),
                ("era_epochs", found.era_epochs, args.era_epochs),
                ("breaker_limit", found.breaker_limit, args.breaker_limit),
            ] {
                same(what, at, field, &found, &planned)?;
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
                same(what, at, field, &found, &planned)?;
            }
            self.skip(what.into(), at);
            return Ok(());
        }
        let program = addresses::emissions::mint_authority();
        let mut with = Vec::new();
        if mint.authority != Some(program) {
            with.push(token::set_mint_authority(&self.me(), mint, &program));
        }
        with.push(instructions::emissions::initialize_schedule(
            &self.me(),
            &mint.address,
            args,
        ));
        self.make(what.into(), at, &with).await
    }

    async fn market(&mut self, mint: &MintInfo) -> Result<Address> {
        let what = "market";
        let plan = &self.plan.market;
        let at = self.plan.market_address(&self.me());
        let committee = self.plan.committee_address(&self.me());
        let args = plan.args()?;
        if let Some(found) = self.client.try_account::<Market>(&at).await? {
            same(what, at, "mint", &found.mint, &mint.address)?;
            same(what, at, "committee", &found.committee, &committee)?;
            same(what, at, "kind", &found.kind, &args.kind)?;
            let url = String::from_utf8_lossy(&found.store_url);
            let url = url.trim_end_matches('\0').to_string();
            same(what, at, "store_url", &url, &plan.store_url)?;
            same(
                what,
                at,
                "units_limit",
                &found.units_limit,
                &plan.units_limit,
            )?;
            same(what, at, "memory_mib", &found.memory_mib, &plan.memory_mib)?;
            same(what, at, "blob_limit", &found.blob_limit, &plan.blob_limit)?;
            same(
                what,
                at,
                "least_reserved",
                &found.least_reserved,
                &plan.least_reserved,
            )?;
            same(
                what,
                at,
                "most_reserved",
                &found.most_reserved,
                &plan.most_reserved,
            )?;
            same(what, at, "base_slots", &found.base_slots, &plan.base_slots)?;
            same(
                what,
                at,
                "slots_per_million",
                &found.slots_per_million,
                &plan.slots_per_million,
            )?;
            same(
                what,
                at,
                "accept_window",
                &found.accept_window,
                &plan.accept_window,
            )?;
            same(
                what,
                at,
                "attest_window",
                &found.attest_window,
                &plan.attest_window,
            )?;
            same(
                what,
                at,
                "challenge_window",
                &found.challenge_window,
                &plan.challenge_window,
            )?;
            same(
                what,
                at,
                "retention_days",
                &found.retention_days,
                &plan.retention_days,
            )?;
            same(what, at, "check_bps", &found.check_bps, &plan.check_bps)?;
            same(
                what,
                at,
                "surcharge_bps",
                &found.surcharge_bps,
                &plan.surcharge_bps,
            )?;
            same(what, at, "burn_bps", &found.burn_bps, &plan.burn_bps)?;
            same(what, at, "fee_bps", &found.fee_bps, &plan.fee_bps)?;
            same(what, at, "late_bps", &found.late_bps, &plan.late_bps)?;
            same(what, at, "fault_bps", &found.fault_bps, &plan.fault_bps)?;
            same(
                what,
                at,
                "final_below",
                &found.final_below,
                &plan.final_below,
            )?;
            same(what, at, "ramp", &found.ramp, &plan.ramp)?;
            self.skip(what.into(), at);
            return Ok(at);
        }
        let with =
            instructions::jobs::create_market(&self.me(), &self.me(), &committee, mint, args);
        self.make(what.into(), at, &[with]).await?;
        Ok(at)
    }
}

/// An error where the chain and the plan disagree about what nobody can change.
fn same<T: PartialEq + std::fmt::Display>(
    what: &'static str,
    address: Address,
    field: &'static str,
    found: &T,
    wanted: &T,
) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::Contradiction {
        what,
        address,
        field,
        found: found.to_string(),
        wanted: wanted.to_string(),
    })
}
