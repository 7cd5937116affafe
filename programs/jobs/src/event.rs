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
    /// Who may become its owner by accepting; zero for nobody.
    pub pending_treasury_owner: Address,
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

/// A seat's share of what a job owes for checks was booked.
#[event(bytemuck)]
pub struct CheckCollected {
    /// The job.
    pub job: Address,
    /// The ledger of the seat's owner.
    pub ledger: Address,
    /// Base units of credit.
    pub share: u64,
    /// The seat.
    pub seat: u64,
}

/// Credits became available money.
#[event(bytemuck)]
pub struct CreditsRedeemed {
    /// The ledger.
    pub ledger: Address,
    /// Base units redeemed.
    pub redeemed: u64,
    /// Base units of credit that wait.
    pub credits: u64,
    /// Base units that the pool still holds.
    pub pool: u64,
}

/// What a ledger owed onward was moved.
#[event(bytemuck)]
pub struct FeesSwept {
    /// The market.
    pub market: Address,
    /// The ledger that owed.
    pub ledger: Address,
    /// Base units burned.
    pub burned: u64,
    /// Base units that went to the treasury's owner.
    pub treasury: u64,
    /// Base units that went to the market's authority.
    pub fees: u64,
    /// Base units that went to the check pool.
    pub checks: u64,
}

/// A seat of a panel paid for what it did.
#[event(bytemuck)]
pub struct OraclePenalised {
    /// The job.
    pub job: Address,
    /// The committee.
    pub committee: Address,
    /// Basis points of the bond; the oracle program tells the amount.
    pub bps: u64,
    /// The seat.
    pub seat: u64,
}

/// A job changed its state, but for its settlement, which is a [`JobSettled`]. Every byte of an event costs a compute
/// unit, so this tells what the change itself brought; market, customer, node, terms, units and deadline stand in the
/// job's account and among the instruction's accounts and arguments, the slot is the transaction's.
#[event(bytemuck)]
pub struct JobChanged {
    /// The job.
    pub job: Address,
    /// Base units that the change is about: the escrow at posting, the bid of a bidder, per million units, the collateral
    /// of whoever runs the job, the bond of whoever challenges, appeals or raises a limit, what a node forfeits.
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

/// A job's verdict became money: it is settled or failed.
#[event(bytemuck)]
pub struct JobSettled {
    /// The job.
    pub job: Address,
    /// Units of the result.
    pub units: u64,
    /// The node's ledger, which says whose it is and of which market.
    pub ledger: Address,
    /// Base units that the node was paid if it is settled, lost if it failed.
    pub amount: u64,
    /// The state after it.
    pub state: u8,
    /// The attempt.
    pub attempt: u8,
    /// The verdict.
    pub verdict: u8,
    /// The flags.
    pub flags: u8,
    /// Padding, 0.
    pub padding: [u8; 4],
}
