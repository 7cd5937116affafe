//! [`Node`]: an operator's machine, and the pool of all stake on it.

use crate::constants::{EXIT_GRACE, LAST_JOBS, SLASH_MOST, UNBONDING_SECONDS, VERSION};
use crate::error::StakingError;
use crate::state::{add, StakingConfig};
use anchor_lang::prelude::*;
use lode_math::wide::mul;
use lode_math::{bps_ceil, bps_floor, rewards, shares, slashes};

/// What a node may do.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStatus {
    /// Takes stake, and jobs while not jailed.
    Active = 0,
    /// On its way out: no new stake, no new job.
    Exiting = 1,
}

/// A node and its pool. The first 256 bytes of the account are frozen: `jobs` and `emissions` read them.
///
/// PDA `"node", owner, index`.
#[account]
pub struct Node {
    /// Layout version, 1; `migrate_node` brings version 0 to it.
    pub version: u8,
    /// A [`NodeStatus`]; written by the owner's `exit_node`.
    pub status: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Reserved, 0.
    pub flags: u8,
    /// Which of the owner's nodes this is.
    pub index: u32,
    /// Cold wallet; registers, stakes, sets limits.
    pub owner: Address,
    /// Hot key on the machine; accepts and submits, moves no money.
    pub worker: Address,
    /// Token account of the stake mint, owned by `owner`, that everything earned here is paid to.
    pub payout: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// Base units behind all shares, active and unbonding.
    pub stake: u64,
    /// Shares that earn.
    pub active_shares: u64,
    /// Shares on tickets.
    pub unbonding_shares: u64,
    /// Of `active_shares`, the owner's.
    pub self_active_shares: u64,
    /// When the node was last jailed, unix seconds, or, if never, the second before it was registered. Jobs accepted at or
    /// before are one incident.
    pub jailed_at: i64,
    /// No new stake and no new job until the owner unjails, at this unix second or later; 0 while not jailed.
    pub jailed_until: i64,
    /// Memory offered to jobs, MiB: customers' filter, never a reward.
    pub memory_mib: u32,
    /// Processor cores offered: customers' filter.
    pub cores: u16,
    /// Class declared by the owner (phone, desktop, server, ...): customers' filter.
    pub class: u8,
    /// Bump of the vault's address.
    pub vault_bump: u8,
    /// Reward per active share, Q64.64, low half. Wraps; differences are exact.
    pub reward_per_share_low: u64,
    /// High half.
    pub reward_per_share_high: u64,
    /// Commission on stake rewards, basis points.
    pub commission: u16,
    /// A rise that was announced, or the current commission.
    pub pending_commission: u16,
    /// Delegations and tickets that are open.
    pub open_children: u32,
    /// When `pending_commission` takes effect, unix seconds; 0 for none.
    pub commission_effective_at: i64,
    /// When the running part of the slash window began, unix seconds. A part is 14 days.
    pub slash_window_start: i64,
    /// Basis points slashed in the running part, in the one before and in the one before that: 16 bits each, the running
    /// part lowest.
    pub slash_window_used: u64,
    /// Base units slashed in all.
    pub slashed_total: u64,
    // --- 256 bytes with the discriminator: what follows is not frozen ---
    /// Rewards that are still to be streamed, base units.
    pub stream_left: u64,
    /// Up to when the stream was applied, unix seconds.
    pub stream_at: i64,
    /// When the stream ends, unix seconds.
    pub stream_end: i64,
    /// Streamed rewards not yet claimed, base units.
    pub rewards_owed: u64,
    /// Commission not yet claimed, base units.
    pub commission_owed: u64,
    /// SHA-256 of the node's public description, 0 for none.
    pub metadata: [u8; 32],
    /// X25519 key to which data keys of private jobs are wrapped, 0 for none.
    pub encryption_key: [u8; 32],
    /// Token account, owned by this account, that holds all stake and all stake rewards. Stored, so that no
    /// instruction needs to derive it.
    pub vault: Address,
    /// When the owner took the node out, unix seconds; 0 while it is not leaving.
    pub exited_at: i64,
    /// What the slash of the last incident took at most, basis points, the most there is for a node that was never
    /// slashed: a job of the same incident takes what it is liable to beyond that.
    pub incident_bps: u16,
    /// Country declared by the owner, an ISO 3166 alpha-2 code in capitals, 0 for none: customers' filter. `jobs` reads it:
    /// its offset is pinned.
    pub region: [u8; 2],
    /// Reserved, 0.
    pub reserved: [u8; 20],
}

/// What an owner says of his node. Declared, not proven: customers filter by it, nothing is rewarded for it.
#[derive(Clone, Copy, Debug, Default, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct NodeDescription {
    /// See [`Node::class`].
    pub class: u8,
    /// See [`Node::cores`].
    pub cores: u16,
    /// See [`Node::memory_mib`].
    pub memory_mib: u32,
    /// See [`Node::region`].
    pub region: [u8; 2],
    /// See [`Node::metadata`].
    pub metadata: [u8; 32],
    /// See [`Node::encryption_key`].
    pub encryption_key: [u8; 32],
}

/// Two capital letters, as ISO 3166 codes of countries are. Which of them are assigned, no program knows.
#[inline]
pub fn is_region(code: [u8; 2]) -> bool {
    code.iter().all(u8::is_ascii_uppercase)
}

/// `delegated <= ratio x own`, in shares: they have one price, and no rounding between them.
#[inline(always)]
fn supports(own: u64, delegated: u64, config: &StakingConfig) -> bool {
    // what does not fit is more than any stake
    mul(own, config.delegation_ratio.into()).is_none_or(|most| delegated <= most)
}

impl Node {
    /// Writes down what the owner says of the node.
    pub fn describe(&mut self, description: &NodeDescription) -> Result<()> {
        require!(
            description.region == [0; 2] || is_region(description.region),
            StakingError::BadRegion
        );
        self.class = description.class;
        self.cores = description.cores;
        self.memory_mib = description.memory_mib;
        self.region = description.region;
        self.metadata = description.metadata;
        self.encryption_key = description.encryption_key;
        Ok(())
    }

    /// The layout is the present one: no other is read.
    #[inline(always)]
    pub fn require_current(&self) -> Result<()> {
        require!(self.version == VERSION, StakingError::UnknownVersion);
        Ok(())
    }

    /// Brings an older layout to the present one. What is new follows from what was there, so that it is the same whoever
    /// asks for it, and but for an exit's time whenever.
    ///
    /// Version 0 is as long. It had one window of slashes, which began with its first slash, and 32 reserved bytes, all
    /// zero, where now exit, incident and region stand.
    pub fn migrate(&mut self, now: i64) -> Result<()> {
        require!(self.version != VERSION, StakingError::NothingToMigrate);
        require!(self.version == 0, StakingError::UnknownVersion);
        // The last slash of all was that which jailed. Taken as if all of its window had been then, none is forgotten
        // before its period is over.
        self.slash_window_start = self.jailed_at;
        // Of what the window took, the last incident's part is not known: at most all of it.
        self.incident_bps = u16::try_from(self.slash_window_used).unwrap_or(u16::MAX);
        // Nobody wrote down when: others wait the whole grace, an owner may unstake at once as ever.
        self.exited_at = if self.is_exiting() { now } else { 0 };
        self.version = VERSION;
        Ok(())
    }

    /// All shares.
    pub fn total_shares(&self) -> Result<u64> {
        add(self.active_shares, self.unbonding_shares)
    }

    /// What `shares` are worth now, base units.
    pub fn worth(&self, shares: u64) -> Result<u64> {
        Ok(shares::worth(shares, self.stake, self.total_shares()?))
    }

    /// The owner's active stake, base units.
    pub fn self_stake(&self) -> Result<u64> {
        self.worth(self.self_active_shares)
    }

    /// Active stake, base units.
    pub fn active_stake(&self) -> Result<u64> {
        self.worth(self.active_shares)
    }

    /// Takes neither stake nor jobs: jailed until the owner unjails, time or no time.
    pub fn is_jailed(&self) -> bool {
        self.jailed_until != 0
    }

    /// Is on its way out.
    pub fn is_exiting(&self) -> bool {
        self.status != NodeStatus::Active as u8
    }

    /// May take new stake.
    pub fn require_open(&self) -> Result<()> {
        require!(!self.is_exiting(), StakingError::NodeExiting);
        require!(!self.is_jailed(), StakingError::NodeJailed);
        Ok(())
    }

    /// Self-stake supports the delegated stake: `delegated <= ratio x self`.
    pub fn ratio_holds(&self, config: &StakingConfig) -> Result<bool> {
        let own = self.self_active_shares;
        let delegated = self.active_shares.checked_sub(own);
        let delegated = delegated.ok_or(StakingError::Overflow)?;
        Ok(supports(own, delegated, config))
    }

    /// Skin is in: the node may accept a job as far as its stake goes. Checked at every accept, so that the owner's
    /// leaving is always free and always felt.
    pub fn skin_is_in(&self, config: &StakingConfig) -> Result<bool> {
        let own = shares::worth(self.self_active_shares, self.stake, self.total_shares()?);
        Ok(own >= config.minimum_self_stake && self.ratio_holds(config)?)
    }

    /// Adds stake and returns the shares it buys.
    pub fn add_stake(&mut self, amount: u64, is_own: bool) -> Result<u64> {
        let bought =
            shares::buy(amount, self.stake, self.total_shares()?).map_err(
                |refusal| match refusal {
                    shares::Refusal::TooSmall => StakingError::AmountTooSmall,
                    shares::Refusal::PoolRuined => StakingError::PoolRuined,
                    shares::Refusal::Overflow => StakingError::Overflow,
                },
            )?;
        self.stake = add(self.stake, amount)?;
        self.active_shares = add(self.active_shares, bought)?;
        if is_own {
            self.self_active_shares = add(self.self_active_shares, bought)?;
        }
        self.invariant()?;
        Ok(bought)
    }

    /// Moves shares from active to a ticket: the same shares, so it cannot fail on arithmetic.
    pub fn begin_unbonding(&mut self, shares: u64, is_own: bool) -> Result<()> {
        let sub = |a: u64, b: u64| a.checked_sub(b).ok_or(StakingError::NotEnoughShares);
        self.active_shares = sub(self.active_shares, shares)?;
        self.unbonding_shares = self
            .unbonding_shares
            .checked_add(shares)
            .ok_or(StakingError::Overflow)?;
        if is_own {
            self.self_active_shares = sub(self.self_active_shares, shares)?;
        }
        self.invariant()
    }

    /// Takes unbonded shares out of the pool and returns what they are worth, rounded down.
    pub fn redeem(&mut self, shares: u64) -> Result<u64> {
        let amount = self.worth(shares)?;
        self.unbonding_shares = self
            .unbonding_shares
            .checked_sub(shares)
            .ok_or(StakingError::NotEnoughShares)?;
        self.stake = self
            .stake
            .checked_sub(amount)
            .ok_or(StakingError::Overflow)?;
        self.invariant()?;
        Ok(amount)
    }

    /// Moves a ticket's shares back to the active ones: the reverse of [`Node::begin_unbonding`].
    pub fn end_unbonding(&mut self, shares: u64, is_own: bool) -> Result<()> {
        require!(
            shares::takes_deposits(self.stake, self.total_shares()?),
            StakingError::PoolRuined
        );
        self.unbonding_shares = self
            .unbonding_shares
            .checked_sub(shares)
            .ok_or(StakingError::NotEnoughShares)?;
        self.active_shares = add(self.active_shares, shares)?;
        if is_own {
            self.self_active_shares = add(self.self_active_shares, shares)?;
        }
        self.invariant()
    }

    /// One more delegation or ticket is open.
    pub fn add_child(&mut self) -> Result<()> {
        self.open_children = self
            .open_children
            .checked_add(1)
            .ok_or(StakingError::Overflow)?;
        Ok(())
    }

    /// One fewer delegation or ticket is open.
    pub fn drop_child(&mut self) -> Result<()> {
        self.open_children = self
            .open_children
            .checked_sub(1)
            .ok_or(StakingError::Overflow)?;
        Ok(())
    }

    /// Reward per active share since the node began, Q64.64.
    pub fn reward_per_share(&self) -> u128 {
        u128::from(self.reward_per_share_high) << 64 | u128::from(self.reward_per_share_low)
    }

    /// Lets the stream flow up to `now`: to the active shares, to the operator where there are none. Called before
    /// shares change and before anything is claimed.
    pub fn flow(&mut self, now: i64) -> Result<()> {
        if self.stream_left == 0 || now <= self.stream_at {
            return Ok(());
        }
        let flowed = rewards::streamed(self.stream_left, self.stream_at, self.stream_end, now)
            .ok_or(StakingError::Overflow)?;
        self.stream_at = now;
        if flowed == 0 {
            return Ok(());
        }
        self.stream_left = self
            .stream_left
            .checked_sub(flowed)
            .ok_or(StakingError::Overflow)?;
        match rewards::per_share(flowed, self.active_shares) {
            Some(per_share) => {
                let sum = self.reward_per_share().wrapping_add(per_share);
                self.reward_per_share_low = sum as u64;
                self.reward_per_share_high = (sum >> 64) as u64;
                self.rewards_owed = add(self.rewards_owed, flowed)?;
            }
            None => self.commission_owed = add(self.commission_owed, flowed)?,
        }
        Ok(())
    }

    /// Others may unstake for whoever does not: once what the node worked for last has been recorded, claimed and
    /// streamed. Before, an operator could leave, push his delegators out and keep what their stake has yet to earn.
    pub fn require_pushed_out(&self, config: &StakingConfig, now: i64) -> Result<()> {
        require!(self.is_exiting(), StakingError::NodeNotExiting);
        let grace = config
            .stream_seconds
            .checked_mul(EXIT_GRACE)
            .and_then(|epochs| epochs.checked_add(LAST_JOBS))
            .ok_or(StakingError::Overflow)?;
        let from = self
            .exited_at
            .checked_add(grace)
            .ok_or(StakingError::Overflow)?;
        require!(now >= from, StakingError::ExitTooFresh);
        Ok(())
    }

    /// Everything that the vault holds for somebody, base units: what it holds above this is a reward.
    pub fn booked(&self) -> Result<u64> {
        add(
            add(self.stake, self.stream_left)?,
            add(self.rewards_owed, self.commission_owed)?,
        )
    }

    /// Books a reward: the commission to the operator, the rest into the stream; all of it to the operator where
    /// there are no active shares. Returns the operator's part.
    pub fn receive(&mut self, reward: u64, stream_seconds: i64, now: i64) -> Result<u64> {
        self.flow(now)?;
        self.settle_commission(now);
        let commission = match self.active_shares {
            0 => reward,
            _ => bps_floor(reward, u64::from(self.commission)).ok_or(StakingError::Overflow)?,
        };
        let streams = reward
            .checked_sub(commission)
            .ok_or(StakingError::Overflow)?;
        self.commission_owed = add(self.commission_owed, commission)?;
        if streams > 0 {
            let seconds = u64::try_from(stream_seconds).map_err(|_| StakingError::Overflow)?;
            self.stream_end =
                rewards::stream_end(self.stream_left, self.stream_end, streams, now, seconds)
                    .ok_or(StakingError::Overflow)?;
            self.stream_left = add(self.stream_left, streams)?;
            self.stream_at = now;
        }
        Ok(commission)
    }

    /// Lets an announced rise of the commission take effect, if its time has come.
    pub fn settle_commission(&mut self, now: i64) {
        if self.commission_effective_at != 0 && now >= self.commission_effective_at {
            self.commission = self.pending_commission;
            self.commission_effective_at = 0;
        }
    }

    /// Changes the commission: a fall at once, cancelling a rise that was announced; a rise by one step at most, an
    /// unbonding period later, so that whoever does not like it can be gone by then.
    pub fn change_commission(&mut self, to: u16, config: &StakingConfig, now: i64) -> Result<()> {
        self.settle_commission(now);
        let Some(rise) = to.checked_sub(self.commission).filter(|rise| *rise > 0) else {
            self.commission = to;
            self.pending_commission = to;
            self.commission_effective_at = 0;
            return Ok(());
        };
        require!(
            self.commission_effective_at == 0,
            StakingError::CommissionPending
        );
        require!(
            to <= config.commission_cap && rise <= config.commission_step,
            StakingError::CommissionTooHigh
        );
        self.pending_commission = to;
        self.commission_effective_at = now
            .checked_add(config.unbonding_seconds)
            .ok_or(StakingError::Overflow)?;
        Ok(())
    }

    /// Slashes for a job accepted at `accepted_at` and jails; returns what must be burned, base units.
    ///
    /// A job accepted at or before the node was jailed belongs to the incident that was punished then. One incident is
    /// one slash, the largest that any of its jobs is liable to: it takes what is missing to that, and the jail stays as
    /// it is. So nobody buys himself off from a dear market's slash by a cheap one's. `None`, and nothing changes: nothing
    /// is missing.
    ///
    /// Slashes of any time as long as the longest unbonding period take at most [`SLASH_MOST`]: see [`slashes::Window`]. The
    /// longest, whatever it is now: tickets keep the time that they were opened with.
    pub fn slash(
        &mut self,
        bps: u16,
        accepted_at: i64,
        config: &StakingConfig,
        now: i64,
    ) -> Result<Option<u64>> {
        let is_new = accepted_at > self.jailed_at;
        let punished = if is_new { 0 } else { self.incident_bps };
        let due = bps.saturating_sub(punished);
        if due == 0 && !is_new {
            return Ok(None);
        }
        let mut window = slashes::Window {
            start: self.slash_window_start,
            used: self.slash_window_used,
        };
        let taken = window.take(due.into(), SLASH_MOST, *UNBONDING_SECONDS.end(), now);
        (self.slash_window_start, self.slash_window_used) = (window.start, window.used);
        let amount = bps_ceil(self.stake, taken).ok_or(StakingError::Overflow)?;
        self.stake = self
            .stake
            .checked_sub(amount)
            .ok_or(StakingError::Overflow)?;
        // a lifetime sum is no reason to fail
        self.slashed_total = self.slashed_total.saturating_add(amount);
        self.incident_bps = punished.max(bps);
        if is_new {
            self.jailed_at = now;
            self.jailed_until = now
                .checked_add(config.jail_seconds)
                .ok_or(StakingError::Overflow)?;
        }
        self.invariant()?;
        Ok(Some(amount))
    }

    /// Ends the jail, once its time is up.
    pub fn unjail(&mut self, now: i64) -> Result<()> {
        require!(self.is_jailed(), StakingError::NotJailed);
        require!(now >= self.jailed_until, StakingError::JailNotOver);
        self.jailed_until = 0;
        Ok(())
    }

    /// `stake <= total shares`, and the owner's shares are among the active ones.
    pub fn invariant(&self) -> Result<()> {
        require!(
            self.stake <= self.total_shares()? && self.self_active_shares <= self.active_shares,
            StakingError::Overflow
        );
        Ok(())
    }
}
