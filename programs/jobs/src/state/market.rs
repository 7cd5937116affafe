//! [`Market`]: terms that hold for ever.

use crate::constants::*;
use crate::error::JobsError;
use crate::state::NodeFilter;
use anchor_lang::prelude::*;
use lode_math::windows::{run_window, LONGEST_LIFE, SLOTS_PER_DAY};
use lode_oracle::state::Committee;

/// How a job finds its node.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketKind {
    /// The first node that accepts, as the lottery lets it.
    FirstCome = 0,
    /// The node that bids least.
    Auction = 1,
}

/// All terms of a market, fixed but for whether it takes new jobs. Never closes: its rent is the price of a name whose
/// terms hold for ever.
///
/// PDA `"market", authority, id`; its money lies in the token account `"vault", market`.
#[account]
pub struct Market {
    /// Layout version, 1.
    pub version: u8,
    /// A [`MarketKind`].
    pub kind: u8,
    /// Bump of the address.
    pub bump: u8,
    /// Bit 0: takes new jobs. Written by the authority.
    pub flags: u8,
    /// Panel size of the committee.
    pub k: u8,
    /// Bump of the vault's address.
    pub vault_bump: u8,
    /// What a job is: 1, the deterministic WebAssembly runtime.
    pub runtime: u16,
    /// Who created it; earns the market fee, opens and closes it to new jobs.
    pub authority: Address,
    /// Payment mint.
    pub mint: Address,
    /// Who checks.
    pub committee: Address,
    /// Who paid this account's rent.
    pub payer: Address,
    /// URL of the gateway that stores blobs and signatures, or several with a space between, UTF-8, zero-padded.
    pub store_url: [u8; 96],
    /// Most units of a job.
    pub units_limit: u64,
    /// Most bytes of a blob.
    pub blob_limit: u64,
    /// Least escrow of a job, base units, at least 1.
    pub least_reserved: u64,
    /// Most escrow of a job, base units.
    pub most_reserved: u64,
    /// Slots that a node has for any job, beside those by units.
    pub base_slots: u64,
    /// Slots that a node has for each million units.
    pub slots_per_million: u64,
    /// Slots that a job waits for a node.
    pub accept_window: u64,
    /// Slots that the committee has.
    pub attest_window: u64,
    /// Slots in which a verdict may be challenged.
    pub challenge_window: u64,
    /// Escrows below this have no challenge window after a match, base units.
    pub final_below: u64,
    /// Slots until the lottery has let every node in; 0 for no lottery.
    pub ramp: u64,
    /// Base units that check fees have paid in and nobody has redeemed.
    pub check_pool: u64,
    /// Which of the authority's markets this is.
    pub id: u32,
    /// Most memory of a job, MiB.
    pub memory_mib: u32,
    /// Of the work, added for checks, basis points.
    pub surcharge_bps: u32,
    /// Share of results that are checked, basis points.
    pub check_bps: u16,
    /// Of the work, burned, basis points.
    pub burn_bps: u16,
    /// Of the work, the market's, basis points.
    pub fee_bps: u16,
    /// Of the escrow, forfeited by a late node, basis points.
    pub late_bps: u16,
    /// Of the node's stake, slashed for a lie, basis points.
    pub fault_bps: u16,
    /// Days that a final job stays.
    pub retention_days: u16,
    /// Which nodes may run its jobs.
    pub nodes: NodeFilter,
    /// Reserved, 0.
    pub reserved: [u8; 12],
    /// Reserved, 0.
    pub reserved_2: [u8; 32],
}

/// What `create_market` fixes; units as in [`Market`].
#[derive(Clone, Copy, AnchorSerialize, AnchorDeserialize, IdlType)]
pub struct MarketArgs {
    /// See [`Market::id`].
    pub id: u32,
    /// See [`Market::kind`].
    pub kind: u8,
    /// See [`Market::runtime`].
    pub runtime: u16,
    /// See [`Market::store_url`].
    pub store_url: [u8; 96],
    /// See [`Market::units_limit`].
    pub units_limit: u64,
    /// See [`Market::memory_mib`].
    pub memory_mib: u32,
    /// See [`Market::blob_limit`].
    pub blob_limit: u64,
    /// See [`Market::least_reserved`].
    pub least_reserved: u64,
    /// See [`Market::most_reserved`].
    pub most_reserved: u64,
    /// See [`Market::base_slots`].
    pub base_slots: u64,
    /// See [`Market::slots_per_million`].
    pub slots_per_million: u64,
    /// See [`Market::accept_window`].
    pub accept_window: u64,
    /// See [`Market::attest_window`].
    pub attest_window: u64,
    /// See [`Market::challenge_window`].
    pub challenge_window: u64,
    /// See [`Market::retention_days`].
    pub retention_days: u16,
    /// See [`Market::check_bps`].
    pub check_bps: u16,
    /// See [`Market::surcharge_bps`].
    pub surcharge_bps: u32,
    /// See [`Market::burn_bps`].
    pub burn_bps: u16,
    /// See [`Market::fee_bps`].
    pub fee_bps: u16,
    /// See [`Market::late_bps`].
    pub late_bps: u16,
    /// See [`Market::fault_bps`].
    pub fault_bps: u16,
    /// See [`Market::final_below`].
    pub final_below: u64,
    /// See [`Market::ramp`].
    pub ramp: u64,
    /// See [`Market::nodes`].
    pub nodes: NodeFilter,
}

impl Market {
    /// Sets the terms from the arguments and checks them against the committee's promise.
    pub fn set(&mut self, args: &MarketArgs, committee: &Committee) -> Result<()> {
        self.id = args.id;
        self.kind = args.kind;
        self.runtime = args.runtime;
        self.store_url = args.store_url;
        self.units_limit = args.units_limit;
        self.memory_mib = args.memory_mib;
        self.blob_limit = args.blob_limit;
        self.least_reserved = args.least_reserved;
        self.most_reserved = args.most_reserved;
        self.base_slots = args.base_slots;
        self.slots_per_million = args.slots_per_million;
        self.accept_window = args.accept_window;
        self.attest_window = args.attest_window;
        self.challenge_window = args.challenge_window;
        self.retention_days = args.retention_days;
        self.check_bps = args.check_bps;
        self.surcharge_bps = args.surcharge_bps;
        self.burn_bps = args.burn_bps;
        self.fee_bps = args.fee_bps;
        self.late_bps = args.late_bps;
        self.fault_bps = args.fault_bps;
        self.final_below = args.final_below;
        self.ramp = args.ramp;
        self.nodes = args.nodes;
        self.k = committee.k;
        self.invariant(committee)
    }

    /// The terms lie inside their bounds and inside the committee's promise, and every life of a job is short enough.
    pub fn invariant(&self, committee: &Committee) -> Result<()> {
        require!(
            self.kind <= MarketKind::Auction as u8
                && self.runtime == RUNTIME
                && self.units_limit >= 1
                && self.memory_mib >= 1
                && self.blob_limit >= 1
                && self.least_reserved >= 1
                && self.least_reserved <= self.most_reserved
                && self.most_reserved <= HIGHEST_RESERVED
                && (1..=10_000).contains(&self.check_bps)
                && self.burn_bps <= HIGHEST_FEE
                && self.fee_bps <= HIGHEST_FEE
                && LATE_BPS.contains(&self.late_bps)
                && self.fault_bps <= HIGHEST_FAULT
                && RETENTION_DAYS.contains(&self.retention_days)
                && self.accept_window >= 1
                && self.challenge_window >= 1,
            JobsError::OutOfBounds
        );
        require!(
            self.units_limit <= committee.most_units
                && self.memory_mib <= committee.most_memory_mib
                && self.blob_limit <= committee.most_blob
                && self.base_slots >= committee.least_base_slots
                && self.slots_per_million >= committee.least_slots_per_million,
            JobsError::BeyondPromise
        );
        require!(
            u64::from(self.surcharge_bps) >= u64::from(self.check_bps) * u64::from(self.k),
            JobsError::ChecksUnpaid
        );
        require!(self.windows_fit() == Some(true), JobsError::Windows);
        self.nodes.require_valid()
    }

    /// Whoever is slashed for a job had its stake when it took the job, and stake takes 14 days at least to leave. So all
    /// that may pass in between stays under seven days, the sealing and slow slots apart: in an auction, where stake is
    /// asked for at the bid, also the window that the bid is made in and the one that it is awarded in.
    fn windows_fit(&self) -> Option<bool> {
        let run = self.run_window(self.units_limit)?;
        let bound = if self.is_auction() {
            self.accept_window.checked_mul(2)?
        } else {
            0
        };
        let life = bound
            .checked_add(run)?
            .checked_add(self.attest_window.checked_mul(3)?)?
            .checked_add(self.challenge_window.checked_mul(2)?)?;
        Some(
            self.attest_window >= run.checked_mul(2)?
                && self.accept_window >= self.ramp.checked_mul(2)?
                && self.accept_window < LONGEST_LIFE
                && life < LONGEST_LIFE,
        )
    }

    /// Slots that a node has for a job of `units`.
    pub fn run_window(&self, units: u64) -> Option<u64> {
        run_window(self.base_slots, units, self.slots_per_million)
    }

    /// Slots that a final job stays.
    pub fn retention(&self) -> u64 {
        // at most 30 days: cannot overflow
        u64::from(self.retention_days).saturating_mul(SLOTS_PER_DAY)
    }

    /// An escrow lies between the market's least and most.
    pub fn require_escrow(&self, escrow: u64) -> Result<()> {
        require!(
            escrow >= self.least_reserved && escrow <= self.most_reserved,
            JobsError::EscrowOutOfRange
        );
        Ok(())
    }

    /// Jobs go to whoever bids least.
    pub fn is_auction(&self) -> bool {
        self.kind == MarketKind::Auction as u8
    }

    /// Takes new jobs.
    pub fn is_open(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Opens or closes the market to new jobs.
    pub fn set_open(&mut self, open: bool) {
        self.flags = u8::from(open);
    }
}
