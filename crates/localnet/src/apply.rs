//! Making a plan true.
//!
//! Each step looks first: what is true already is left alone, what is fixed and otherwise is an error, and only what
//! is missing is made. So a plan can be applied as often as one likes, and goes on where it was interrupted.
use crate::error::{Error, Result};
use crate::plan::Plan;
use lode_client::instructions;
use lode_client::send::Wallet;
use lode_client::token::{self, MintInfo};
use lode_client::{addresses, Client, Sent};
use lode_oracle::state::{Committee, CommitteeArgs};
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
    Ok(Report {
        steps: applier.steps,
        stake_mint,
        payment_mint: stake_mint,
        committee,
        market: Address::default(),
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
        self.make(what, at, &made).await
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
        let args = CommitteeArgs {
            id: plan.id,
            k: plan.k,
            governor: self.me(),
            minimum_bond: plan.minimum_bond,
            most_units: plan.most_units,
            most_blob: plan.most_blob,
            most_memory_mib: plan.most_memory_mib,
            least_base_slots: plan.least_base_slots,
            least_slots_per_million: plan.least_slots_per_million,
        };
        let founders = plan.founders.clone();
        let with = instructions::oracle::create_committee(&self.me(), &mint, args, founders);
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
