//! Every event.

use anchor_lang::prelude::*;

/// The program was initialised.
#[event(bytemuck)]
pub struct ConfigInitialized {
    /// The configuration account.
    pub config: Address,
    /// Its governor.
    pub governor: Address,
    /// Mint whose burn fees earn points.
    pub emission_mint: Address,
}

/// A key of the configuration changed.
#[event(bytemuck)]
pub struct AuthorityChanged {
    /// The governor after the change.
    pub governor: Address,
    /// Who may become governor by accepting; zero for nobody.
    pub pending_governor: Address,
    /// The guardian after the change.
    pub guardian: Address,
    /// The treasury's owner after the change.
    pub treasury_owner: Address,
}

/// New exposure is paused.
#[event(bytemuck)]
pub struct Paused {
    /// Until this unix second.
    pub until: i64,
}

/// A market was created, or opened or closed to new jobs.
#[event(bytemuck)]
pub struct MarketChanged {
    /// The market.
    pub market: Address,
    /// Its authority.
    pub authority: Address,
    /// Its committee.
    pub committee: Address,
    /// 1 if it takes new jobs.
    pub open: u64,
}

/// A ledger was opened or closed.
#[event(bytemuck)]
pub struct LedgerChanged {
    /// The ledger.
    pub ledger: Address,
    /// Its market.
    pub market: Address,
    /// Whose it is.
    pub party: Address,
    /// 1 if open.
    pub open: u64,
}

/// Money moved between a wallet and a ledger.
#[event(bytemuck)]
pub struct Moved {
    /// The ledger.
    pub ledger: Address,
    /// Base units put in.
    pub deposited: u64,
    /// Base units taken out.
    pub withdrawn: u64,
    /// What the ledger holds available after it.
    pub available: u64,
}

/// A job changed its state.
#[event(bytemuck)]
pub struct JobChanged {
    /// The job.
    pub job: Address,
    /// Its market.
    pub market: Address,
    /// Its node: target, assignee, or zero.
    pub node: Address,
    /// Slot of the change.
    pub slot: u64,
    /// The state's deadline, slot.
    pub deadline: u64,
    /// Units: the limit until a result stands, then the result's.
    pub units: u64,
    /// Base units that the change moved for the node: locked, forfeited or paid.
    pub amount: u64,
    /// The state after it.
    pub state: u8,
    /// The attempt.
    pub attempt: u8,
    /// The verdict, 0 for none.
    pub verdict: u8,
    /// The flags.
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
}
